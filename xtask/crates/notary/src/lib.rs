//! Notarization that survives: client, ledger, stapling, and a local notary to rehearse with.

pub mod agency;
pub mod client;
pub mod clock;
pub mod error;
pub mod fault;
pub mod http;
pub mod issue;
pub mod jwt;
pub mod key;
pub mod ledger;
pub mod local;
pub mod log;
pub mod lookup;
pub mod notarytool;
pub mod pace;
pub mod redact;
pub mod run;
pub mod sigv4;
pub mod staple;
pub mod upload;

pub use agency::Agency;
pub use clock::Clock;
pub use error::{Error, Kind, Result};
pub use key::AuthKey;
