//! What this machine needs, what of it is missing, and how it is installed.

pub mod apple;
mod install;
mod needs;

pub use install::{cache, cached_programs, install, shown_commands};
pub use needs::{Need, Purpose, Source, needs};
