//! Signatures, made: bytes and settings in, signed bytes out. Time and randomness come in as values; no disk, no network.
//!
//! ```text
//!   authority   a throwaway hierarchy shaped like Apple's, for rehearsals
//!   identity    a private key with its complete chain, or ad-hoc
//!   seal        CodeResources of a bundle
//!   package     flat installer packages
//!   macho       signs Mach-O files ── code       what the signature of one piece of code holds
//!                                      ├─ code_directory · requirement · entitlements · constraint · superblob
//!                                      └─ cms · timestamp · certificate · key · asn1
//! ```
//! Nothing here judges a signature: that is the work of `checks`, which does not know this crate.

pub mod asn1;
pub mod authority;
pub mod certificate;
pub mod cms;
pub mod code;
pub mod code_directory;
pub mod constraint;
pub mod entitlements;
pub mod error;
pub mod identity;
pub mod key;
pub mod macho;
pub mod package;
pub mod requirement;
pub mod seal;
pub mod superblob;
pub mod timestamp;

pub use error::{Error, Result};
