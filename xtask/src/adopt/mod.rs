//! Reads a product that was made elsewhere, and writes the TOML files and entitlements that describe it.
//!
//! What a finished product does not say (sources, the notary's key, where the unsigned build lies) is marked in the text.

mod read;
mod settings;
mod write;

pub use read::{Adopted, Code, adopt};
pub use settings::Settings;
pub use write::files;
