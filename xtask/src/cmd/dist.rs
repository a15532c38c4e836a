//! `cargo xtask dist`.

use crate::{
    cmd::{
        Context,
        pipeline::{self, Next, Options, Relay},
    },
    error::{Exit, Result},
    plan::Until,
};

/// The whole pipeline: a signed, verified, packaged driver in dist/
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask dist --setup              install what is missing, then build a rehearsal
  cargo xtask dist --plan               show what would be done
  cargo xtask dist --signing developer-id --build 13
  cargo xtask dist --signing developer-id --until signed --hand-over signed.zip      on the machine that has the key
  cargo xtask dist --signing developer-id --take-up signed.zip                       on the one that has the notary's")]
pub struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    relay: Relay,
    /// How far to go
    #[arg(long, value_enum, default_value_t = Until::Packaged)]
    until: Until,
}

/// Runs the chain as far as asked.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    match pipeline::prepare(&args.options, args.until, context)? {
        Next::Done(exit) => Ok(exit),
        Next::Run(plan) => pipeline::run(&plan, &args.options, &args.relay, context),
    }
}
