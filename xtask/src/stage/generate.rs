//! Interfaces to C++, in this process.

use crate::{
    error::{Error, Result},
    plan::{Plan, Step},
};

/// Generates header and implementation of one `.iig`, and says which files it read.
pub fn generate(step: &Step, _plan: &Plan) -> Result {
    Err(Error::tool(format!("cannot {}", step.name)).because("the generator is not there yet"))
}
