//! `cargo xtask dist`.

use crate::{
    cmd::Context,
    error::{Error, Exit, Result},
};

/// The whole pipeline: a signed, verified, packaged driver in dist/
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<String>,
}

/// Not written yet, and says so.
pub fn run(_args: Args, _context: &Context) -> Result<Exit> {
    Err(Error::tool("`dist` is not written yet"))
}
