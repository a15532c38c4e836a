//! What must be true of a driver, its host app and the package they travel in.
//!
//! ```text
//!   Subject (what is there) ─┐
//!                            ├─ run (every check) ─▶ Vec<CheckOutcome> ─▶ verdict
//!   Policy (what was asked) ─┘
//! ```
//! Pure: no disk, no clock, no process. Whoever opens files fills a [`Subject`]; whoever knows the plan fills a
//! [`Policy`]; the catalogue compares the two. It never sees the code that makes signatures.

pub mod catalogue;
pub mod check;
pub mod explain;
pub mod finding;
pub mod mode;
pub mod policy;
pub mod preflight;
pub mod run;
pub mod subject;

mod family;

pub use catalogue::{FAMILIES, Family};
pub use check::{Check, Judgement, Needs};
pub use family::grant;
pub use finding::{At, Finding, Severity};
pub use mode::Mode;
pub use policy::{Asked, Policy};
pub use run::{CheckOutcome, Outcome, Verdict, run};
pub use subject::Subject;
