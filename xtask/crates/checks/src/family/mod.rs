//! Checks by family, one file each. A check is a `const` with its function below it.

pub mod apple;
pub mod architecture;
pub mod consistency;
pub mod driverkit;
pub mod entitlements;
pub mod grant;
pub mod identity;
pub mod info_plist;
pub mod layout;
pub mod macho;
pub mod matching;
pub mod notarization;
pub mod packing;
pub mod profile;
pub mod requirement;
pub mod seal;
pub mod signature;
pub mod versions;
