//! Documents that travel with code: property lists, entitlements, provisioning profiles, notarization tickets.

pub mod plist;

pub use plist::{Dict, Plist, Value};
