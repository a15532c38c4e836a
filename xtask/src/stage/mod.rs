//! The chain of artifacts. Each stage takes what the one before made **by value**, so the order cannot be wrong.
//!
//! ```text
//!   build ▶ Universal… ▶ bundle ▶ Bundle ▶ sign ▶ Signed ▶ notarize ▶ Notarized ▶ package ▶ Container… ▶ publish
//! ```
//! An artifact is declared in the file of the stage that makes it, with private fields.

pub mod apple_package;
pub mod build;
pub mod bundle;
pub mod detach;
pub mod files;
pub mod finish;
pub mod generate;
pub mod hand_over;
pub mod judge;
pub mod keychain;
pub mod merge;
pub mod notarize;
pub mod package;
pub mod pkg;
pub mod publish;
pub mod relay;
pub mod release;
pub mod reproduce;
pub mod sbom;
pub mod sign;
pub mod stamp;
pub mod tarball;
pub mod unzip;

pub use build::{Built, Universal};
pub use bundle::Bundle;
pub use sign::Signed;
