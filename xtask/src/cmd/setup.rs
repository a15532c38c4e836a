//! `cargo xtask setup`.

use crate::{
    cmd::Context,
    error::{Exit, Result},
    setup::{self, Purpose},
};

/// Installs what is missing on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask setup                what a build needs
  cargo xtask setup --oracles      also what the tests of this repository ask for a second opinion")]
pub struct Args {
    /// Also the tools that tests ask for a second opinion
    #[arg(long)]
    oracles: bool,
    /// Without asking
    #[arg(long)]
    yes: bool,
}

/// Installs.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    let purpose = if args.oracles { Purpose::Oracles } else { Purpose::Build };
    setup::install(purpose, args.yes, context.tools(), &context.workspace()?)?;
    Ok(Exit::Passed)
}
