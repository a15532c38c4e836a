//! `cargo xtask bundle`.

use crate::{
    cmd::{
        Context,
        pipeline::{self, Next, Options, Relay},
    },
    error::{Exit, Result},
    plan::Until,
};

/// Puts driver and app together, unsigned
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: cargo xtask bundle")]
pub struct Args {
    #[command(flatten)]
    options: Options,
}

/// Runs the chain until the unsigned app exists.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    match pipeline::prepare(&args.options, Until::Bundled, context)? {
        Next::Done(exit) => Ok(exit),
        Next::Run(plan) => pipeline::run(&plan, &args.options, &Relay::default(), context),
    }
}
