//! `cargo xtask build`.

use crate::{
    cmd::{
        Context,
        pipeline::{self, Next, Options},
    },
    error::{Exit, Result},
    plan::Until,
};

/// Compiles and merges driver and app, unsigned
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: cargo xtask build --backend portable")]
pub struct Args {
    #[command(flatten)]
    options: Options,
}

/// Runs the chain until universal binaries exist.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    match pipeline::prepare(&args.options, Until::Built, context)? {
        Next::Done(exit) => Ok(exit),
        Next::Run(plan) => pipeline::run(&plan, &args.options, context),
    }
}
