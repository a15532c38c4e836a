//! `cargo xtask package`.

use crate::{
    cmd::Context,
    error::{Error, Exit, Result},
};

/// Makes zip, pkg and symbols from what was signed
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<String>,
}

/// Not written yet, and says so.
pub fn run(_args: Args, _context: &Context) -> Result<Exit> {
    Err(Error::tool("`package` is not written yet"))
}
