//! External programs: the only room that starts processes.
//!
//! ```text
//!   Call (data: program, arguments, purpose, deadline, hint) ──▶ Toolbox::run ──▶ Output
//! ```
//! Facts about the host come only from here, so a test can be "a Mac".

mod call;
mod host;
mod record;
mod run;
mod simulated;

pub use call::{Call, Secret};
pub use host::{Host, Os};
pub use record::{Ended, Recorded, Script, Text};
pub use run::{Output, Toolbox};
pub use simulated::STAND_INS;
