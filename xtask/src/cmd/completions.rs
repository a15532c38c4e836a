//! `cargo xtask completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{
    cli::Cli,
    cmd::{Context, print},
    error::{Doing, Exit, Result},
};

/// Prints shell completions
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: cargo xtask completions zsh > _xtask

They complete the program `xtask`; with `alias xtask='cargo xtask'` they serve the alias too.")]
pub struct Args {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints them to stdout.
pub fn run(args: Args, _context: &Context) -> Result<Exit> {
    let mut bytes = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "xtask", &mut bytes);
    print(&String::from_utf8(bytes).doing(|| "cannot print completions")?)?;
    Ok(Exit::Passed)
}
