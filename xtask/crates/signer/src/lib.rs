//! Signatures, made: bytes and settings in, signed bytes out. Time and randomness come in as values; no disk, no network.
//!
//! ```text
//!   authority   a throwaway hierarchy shaped like Apple's, for rehearsals
//!   identity    a private key with its complete chain, or ad-hoc
//!   asn1 · key · certificate · cms · timestamp      what signatures are made of
//! ```
//! Nothing here judges a signature: that is the work of `checks`, which does not know this crate.

pub mod asn1;
pub mod authority;
pub mod certificate;
pub mod cms;
pub mod error;
pub mod identity;
pub mod key;
pub mod timestamp;

pub use error::{Error, Result};
