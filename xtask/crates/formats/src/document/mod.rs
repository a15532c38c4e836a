//! Documents that travel with code: property lists, entitlements, provisioning profiles, notarization tickets.

pub mod entitlements;
pub mod plist;
pub mod profile;
pub mod ticket;

pub use plist::{Dict, Plist, Value};
pub use profile::Profile;
pub use ticket::Ticket;
