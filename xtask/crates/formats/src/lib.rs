//! Bytes ↔ values for everything that Apple's loader, signer and notary look at.
//!
//! ```text
//!   Source ──▶ image      Mach-O, universal files
//!         ├──▶ signature  super blob, code directory, requirements, CMS, seal
//!         ├──▶ document   plist, entitlements, profile, ticket
//!         └──▶ container  xar, cpio, zip, koly
//! ```
//! Readers are total: they return what is there or an [`Error`] with its offset. They know no policy, no paths, no colours.
//! Writers live in `write` modules beside the readers and share nothing with them but the constants.

pub mod bytes;
pub mod container;
pub mod document;
pub mod fuzz;
pub mod image;
pub mod signature;
pub mod source;

pub use bytes::{Bytes, Error, Result};
pub use source::Source;
