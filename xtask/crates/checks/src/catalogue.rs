//! Every check, in the order in which a person would read the findings.

use crate::Check;

/// All checks.
pub static CATALOGUE: &[&Check] = &[];
