//! Containers that software is shipped in: xar, cpio, zip, disk image trailers.
//!
//! ```text
//!   .pkg ─▶ xar ─▶ Payload ─▶ gzip or pbzx ─▶ cpio ─▶ files        behind the xar: trailer ─▶ ticket
//!   .dmg ─▶ koly ─▶ super blob (signature, ticket)
//!   .zip ─▶ files
//! ```
//! Readers hand out ranges and streams; nothing is ever written to disk by them, and no name they hand out leaves its folder
//! ([`path`]). What unpacks does so under a [`bounded::Limit`].

pub mod bom;
pub mod bounded;
pub mod cpio;
pub mod koly;
pub mod names;
pub mod path;
pub mod payload;
pub mod pbzx;
pub mod trailer;
pub mod xar;
pub mod xar_write;
pub mod xml;
pub mod xz;
pub mod zip;
pub mod zip_write;
