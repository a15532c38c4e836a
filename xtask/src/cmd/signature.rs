//! `cargo xtask signature`.

use crate::{
    cmd::{Context, detach},
    error::{Error, Exit, Result},
};

/// Shows, compares, detaches and attaches signatures
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Detach(detach::Detach),
    Attach(detach::Attach),
    Strip(detach::Strip),
    /// Shows what a signature says
    Show {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        rest: Vec<String>,
    },
    /// Compares two signatures
    Diff {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        rest: Vec<String>,
    },
}

/// Runs the verb.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    match args.verb {
        Verb::Detach(args) => detach::detach(args, context),
        Verb::Attach(args) => detach::attach(args, context),
        Verb::Strip(args) => detach::strip(args, context),
        Verb::Show { .. } | Verb::Diff { .. } => {
            Err(Error::tool("`signature show` and `signature diff` are not written yet"))
        }
    }
}
