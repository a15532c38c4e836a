//! Disk → [`checks::Subject`]: opens what lies there and writes down what it is, without any opinion.
//!
//! ```text
//!   path ─▶ disk ─▶ Source ─┬─ zip, pkg ─▶ archive ─▶ spool ─┐
//!           (Watch)         ├─ dmg: trailer only             ├─▶ Tree ─▶ bundles, codes, tickets ─▶ Subject
//!                           └─ folder, bare Mach-O ──────────┘
//! ```

pub mod archive;
pub mod disk;
pub mod names;
pub mod spool;
pub mod tree;
