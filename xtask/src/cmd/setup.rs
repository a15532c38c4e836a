//! `cargo xtask setup`.

use crate::{
    cmd::Context,
    error::{Error, Exit, Result},
};

/// Installs what is missing on this machine
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<String>,
}

/// Not written yet, and says so.
pub fn run(_args: Args, _context: &Context) -> Result<Exit> {
    Err(Error::tool("`setup` is not written yet"))
}
