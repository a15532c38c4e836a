//! Code signatures: what a signature says and whether its parts fit together.
//!
//! ```text
//! superblob ─┬─ code_directory ── hashing      pages and special slots
//!            ├─ requirement                    who the code must be
//!            └─ cms ─┬─ certificate ── chain   who signed it
//!                    └─ timestamp              and when
//! seal                                          the files beside the code
//! ```

pub mod anchors;
pub mod ber;
pub mod certificate;
pub mod chain;
pub mod cms;
pub mod code_directory;
pub mod digest;
pub mod embedded;
pub mod hashing;
pub mod key;
#[cfg(test)]
mod made;
pub mod name;
pub mod oid;
pub mod requirement;
pub mod seal;
pub mod slot;
pub mod superblob;
pub mod time;
pub mod timestamp;
pub mod tlv;

pub use embedded::Signature;

/// A parser that takes any bytes and must neither panic nor hang: what a fuzz target calls.
pub type Target = (&'static str, fn(&[u8]));

/// All parsers of this room, by name.
pub const FUZZ_TARGETS: &[Target] = &[
    ("superblob", superblob::fuzz),
    ("code-directory", code_directory::fuzz),
    ("requirement", requirement::fuzz),
    ("der", tlv::fuzz),
    ("ber", ber::fuzz),
    ("key", key::fuzz),
    ("certificate", certificate::fuzz),
    ("cms", cms::fuzz),
    ("timestamp", timestamp::fuzz),
    ("seal", seal::fuzz),
    ("signature", embedded::fuzz),
];
