//! `cargo xtask build`.

use std::path::PathBuf;

use crate::{
    cmd::{
        Context,
        pipeline::{self, Next, Options, Relay},
    },
    error::{Exit, Result},
    plan::Until,
    stage::{build::slices, stamp::Stamps},
};

/// Compiles and merges driver and app, unsigned
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask build --backend portable
  cargo xtask build --triple arm64-apple-driverkit --hand-over slices/arm64-apple-driverkit.zip")]
pub struct Args {
    #[command(flatten)]
    options: Options,
    /// Only the slices of this triple, for `dist --from-slices` on another machine
    #[arg(long, value_name = "TRIPLE", requires = "hand_over", conflicts_with = "from_slices")]
    triple: Option<String>,
    /// Where the slices go: DIR/TRIPLE.zip
    #[arg(long, value_name = "FILE", requires = "triple")]
    hand_over: Option<PathBuf>,
}

/// Runs the chain until universal binaries exist.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    match pipeline::prepare(&args.options, Until::Built, context)? {
        Next::Done(exit) => Ok(exit),
        Next::Run(plan) => match (&args.triple, &args.hand_over) {
            (Some(triple), Some(goal)) => {
                slices::hand_over(context.tools(), &plan, &Stamps::new(&plan.workspace), triple, goal)?;
                Ok(Exit::Passed)
            }
            _ => pipeline::run(&plan, &args.options, &Relay::default(), context),
        },
    }
}
