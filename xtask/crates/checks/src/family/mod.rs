//! Checks by family, one file each. A check is a `const` with its function below it.

pub mod architecture;
pub mod identity;
pub mod layout;
pub mod macho;
pub mod signature;
