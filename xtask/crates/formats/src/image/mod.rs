//! Mach-O images and the universal files that carry several of them.
//!
//! ```text
//!   file ─▶ fat::slices ─▶ Slice x86_64 ─▶ MachO (header, load commands)
//!                      └─▶ Slice arm64  ─▶ MachO
//! ```
//! A thin file is one [`Slice`] that covers the file, so most callers never ask which kind they hold:
//! ```no_run
//! # fn main() -> formats::Result<()> { let file: Vec<u8> = vec![];
//! use formats::image::{MachO, Slices};
//! if let Some(found) = Slices::read(&file)? {
//!     for slice in &found.slices {
//!         let image = MachO::read(&slice.window(&file)?)?;
//!         println!("{} has {} commands", slice.arch, image.commands.len());
//!     }
//! }
//! # Ok(()) }
//! ```

pub mod arch;
pub mod command;
pub mod fat;
pub mod fat_write;
pub mod macho;
pub mod symbols;
pub mod version;

#[cfg(test)]
mod tests;

pub use arch::Arch;
pub use command::{Body, Command, Segment};
pub use fat::{Slice, Slices};
pub use fat_write::merge;
pub use macho::{FileType, MachO};
pub use version::{Platform, Version};
