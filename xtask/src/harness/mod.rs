//! The harness of the Mac runner: tries a release on a machine with SIP on, and never passes on the wrong evidence.

pub mod extensions;
pub mod machine;
