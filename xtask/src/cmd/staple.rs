//! `cargo xtask staple`.

use crate::{
    cmd::Context,
    error::{Error, Exit, Result},
};

/// Fetches and attaches a notarization ticket
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<String>,
}

/// Not written yet, and says so.
pub fn run(_args: Args, _context: &Context) -> Result<Exit> {
    Err(Error::tool("`staple` is not written yet"))
}
