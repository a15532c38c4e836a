//! Code signatures: what a signature says and whether its parts fit together.
//!
//! ```text
//! superblob ─┬─ code_directory ── hashing      pages and special slots
//!            └─ requirement                    who the code must be
//! ```

pub mod code_directory;
pub mod digest;
pub mod requirement;
pub mod superblob;
