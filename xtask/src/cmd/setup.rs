//! `cargo xtask setup`.

use crate::{
    cmd::Context,
    error::{Error, Exit, Result},
    setup::{self, Purpose, apple},
};

/// Installs what is missing on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask setup                what a build needs
  cargo xtask setup --oracles      also what the tests of this repository ask for a second opinion
  cargo xtask setup --apple-certificates
                                   Apple's roots and intermediates, which complete the chain of a key file; each is
                                   checked against its pin, and kept in ~/.cache/driver-xtask/apple-certificates")]
pub struct Args {
    /// Also the tools that tests ask for a second opinion
    #[arg(long)]
    oracles: bool,
    /// Without asking
    #[arg(long)]
    yes: bool,
    /// Fetches Apple's roots and intermediates instead, and nothing else
    #[arg(long, conflicts_with = "oracles")]
    apple_certificates: bool,
    /// Where they are fetched from; the pins decide what is taken
    #[arg(long, value_name = "URL", default_value = apple::PUBLISHED, requires = "apple_certificates")]
    from: String,
}

/// Installs.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    if args.apple_certificates {
        let folder = apple::folder().ok_or_else(|| Error::usage("neither HOME nor XDG_CACHE_HOME is set"))?;
        apple::fetch(&args.from, &apple::wanted(), &folder)?;
        return Ok(Exit::Passed);
    }
    let purpose = if args.oracles { Purpose::Oracles } else { Purpose::Build };
    setup::install(purpose, args.yes, context.tools(), &context.workspace()?)?;
    Ok(Exit::Passed)
}
