//! `cargo xtask package`.

use crate::{
    cmd::{
        Context,
        pipeline::{self, Next, Options, Relay},
    },
    error::{Exit, Result},
    plan::Until,
};

/// Makes zip, pkg and symbols, after everything before them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: cargo xtask package")]
pub struct Args {
    #[command(flatten)]
    options: Options,
}

/// Runs the chain until packages exist.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    match pipeline::prepare(&args.options, Until::Packaged, context)? {
        Next::Done(exit) => Ok(exit),
        Next::Run(plan) => pipeline::run(&plan, &args.options, &Relay::default(), context),
    }
}
