//! `cargo xtask notarize`.

use std::path::PathBuf;

use notary::run::Limits;

use crate::{
    cmd::Context,
    config::Signing,
    error::{Error, Exit, Result},
    stage::{
        notarize::{
            self,
            service::{self, Addresses, Service},
        },
        sign,
    },
};

/// Submits, waits, fetches the log, staples; run again, it goes on where it was
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask notarize target/dist/stage/signed/developer-id/Host.app --signing developer-id
  cargo xtask notarize Host.pkg --signing developer-id --no-wait     hand in and leave: exit code 4
  cargo xtask notarize Host.pkg --signing developer-id               go on

Exit codes: 0 notarized · 1 refused · 2 usage · 3 the service or the network · 4 no verdict yet · 130 interrupted")]
pub struct Args {
    /// An app, zip, pkg or dmg that is signed
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Which file in signing/ says who signs and notarizes
    #[arg(long, default_value = "rehearsal", value_name = "NAME")]
    signing: String,
    /// A file from which a rehearsal derives its keys
    #[arg(long, value_name = "FILE")]
    rehearsal_seed: Option<PathBuf>,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    addresses: Addresses,
}

/// How long to wait.
#[derive(Debug, Clone, clap::Args)]
pub struct Patience {
    /// Hands in and does not wait for the verdict
    #[arg(long)]
    no_wait: bool,
    /// How long to wait for a verdict, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 120)]
    timeout: u64,
    /// After how many minutes without a verdict the same bytes are handed in once more
    #[arg(long, value_name = "MINUTES", default_value_t = 45)]
    stuck_after: u64,
}

impl Patience {
    /// In seconds.
    pub fn limits(&self) -> Limits {
        Limits {
            wait: (!self.no_wait).then(|| self.timeout.saturating_mul(60)),
            stuck: self.stuck_after.saturating_mul(60),
            ..Limits::default()
        }
    }
}

/// Takes one product to its ticket.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let signing = Signing::load(&args.signing, &workspace)?;
    let rehearsal = sign::open_rehearsal(&signing, &workspace, args.rehearsal_seed.as_deref())?;
    let trust = rehearsal.as_ref().map(service::trust).transpose()?.unwrap_or_default();
    if !args.path.exists() {
        return Err(Error::usage(format!("there is no `{}`", args.path.display()))
            .hint("sign first: cargo xtask sign"));
    }
    let service = Service::of(&signing, rehearsal.as_ref(), &args.addresses)?;
    notarize::notarize(&args.path, &service, &trust, args.patience.limits()).map(|it| it.exit())
}
