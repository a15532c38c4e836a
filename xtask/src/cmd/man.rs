//! `cargo xtask man`.

use clap::CommandFactory;

use crate::{
    cli::Cli,
    cmd::{Context, print},
    error::{Doing, Exit, Result},
};

/// Prints the manual page, or writes one for each command
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask man | man -l -
  cargo xtask man --out target/man")]
pub struct Args {
    /// A folder for the pages of all commands
    #[arg(long, value_name = "DIR")]
    out: Option<std::path::PathBuf>,
}

/// Prints or writes.
pub fn run(args: Args, _context: &Context) -> Result<Exit> {
    if let Some(folder) = args.out {
        crate::stage::files::create_folder(&folder)?;
        clap_mangen::generate_to(Cli::command().name("xtask").bin_name("xtask"), &folder)
            .doing(|| format!("cannot write into `{}`", folder.display()))?;
        return Ok(Exit::Passed);
    }
    let mut bytes = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut bytes).doing(|| "cannot render the manual page")?;
    print(&String::from_utf8(bytes).doing(|| "cannot print the manual page")?)?;
    Ok(Exit::Passed)
}
