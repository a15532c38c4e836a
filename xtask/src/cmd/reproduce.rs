//! `cargo xtask reproduce`.

use crate::{
    cmd::Context,
    error::{Error, Exit, Result},
};

/// Builds again and compares with a release, signatures set aside
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<String>,
}

/// Not written yet, and says so.
pub fn run(_args: Args, _context: &Context) -> Result<Exit> {
    Err(Error::tool("`reproduce` is not written yet"))
}
