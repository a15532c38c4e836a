//! Puts signatures into Mach-O files, thin and universal, of any type that is launched or loaded.
//!
//! ```text
//!   before   header commands ····· __TEXT … __LINKEDIT │
//!   after    header commands+1 ··· __TEXT … __LINKEDIT ·│ signature, zeros │
//!                           ▲ LC_CODE_SIGNATURE points ──┘ at a multiple of 16
//! ```
//! An existing signature is replaced. [`strip`] takes one away and gives the bytes that a rebuild without signature has
//! (padded to a multiple of 16, which is all that signing adds for good).

mod edited;
mod thin;
mod universal;

use formats::{image::Arch, signature::digest::CdHash};

pub use edited::{Edited, Piece};
pub use universal::{attach, sign, strip};

/// A signed file.
#[derive(Debug, Clone)]
pub struct Signed<'a> {
    /// The file: what is new of it, and what is kept.
    pub file: Edited<'a>,
    /// Each slice with the names its signature gives it, in the order of the file.
    pub slices: Vec<SignedSlice>,
}

/// What was signed of one architecture.
#[derive(Debug, Clone)]
pub struct SignedSlice {
    /// Which.
    pub arch: Arch,
    /// The cdhash of each code directory, the main one first.
    pub cdhashes: Vec<CdHash>,
}
