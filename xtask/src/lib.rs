//! Builds, signs, notarizes, verifies and explains DriverKit drivers.
//!
//! ```text
//!   cli ─▶ cmd ─▶ config ─▶ plan ─▶ stage ─▶ inspect ─▶ checks ─▶ report
//!                                     │
//!                                   tools      the only place that starts processes
//! ```
//! ARCHITECTURE.md says which room may see which.

pub mod adopt;
pub mod cli;
pub mod cmd;
pub mod config;
pub mod error;
pub mod harness;
pub mod inspect;
pub mod interrupt;
pub mod plan;
pub mod policy;
pub mod prove;
pub mod rehearsal;
pub mod report;
pub mod setup;
pub mod stage;
pub mod terminal;
pub mod tools;
pub mod workspace;

pub use error::{Doing, Error, Exit, Result};
