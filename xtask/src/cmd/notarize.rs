//! `cargo xtask notarize`.

use std::path::PathBuf;

use notary::run::Limits;

use crate::{
    cmd::Context,
    config::Signing,
    error::{Exit, Result},
    policy,
    stage::{
        notarize::{
            self,
            service::{self, Addresses, Service},
            stapler::Stapler,
        },
        sign,
    },
    tools::Call,
};

/// Submits, waits, fetches the log, staples; run again, it goes on where it was
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask notarize target/dist/stage/signed/developer-id/Host.app --signing developer-id
  cargo xtask notarize Host.pkg --signing developer-id --no-wait     hand in and leave: exit code 4
  cargo xtask notarize Host.pkg --signing developer-id               go on
  cargo xtask notarize Host.app --notary-url http://127.0.0.1:7000   with `cargo xtask notary serve --port 7000` elsewhere

The ledger beside the product (Host.pkg.notary.json) remembers every submission: run again after whatever happened.
With `keychain-profile` in the signing file a Mac submits through notarytool; everything else is the same.
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
    /// Has the notary post here when there is a verdict (https; a local notary: this machine only)
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
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
    let service = Service::of(&signing, rehearsal.as_ref(), &args.addresses)?
        .telling(args.patience.webhook.as_deref())?;
    let mut go_on = vec!["notarize".to_owned(), args.path.display().to_string()];
    if let Some(seed) = &args.rehearsal_seed {
        go_on.extend(["--rehearsal-seed".to_owned(), seed.display().to_string()]);
    }
    let asked = notarize::Request {
        service: &service,
        trust: &trust,
        policy: &policy::signed(&signing),
        limits: args.patience.limits(),
        stapler: Stapler::Ours,
        go_on: &command(go_on, &args.signing, &args.addresses),
    };
    notarize::notarize(&args.path, &asked).map(|it| it.exit())
}

/// A command of ours, ready to be pasted into a shell.
pub fn command(mut words: Vec<String>, signing: &str, addresses: &Addresses) -> String {
    if signing != "rehearsal" {
        words.extend(["--signing".to_owned(), signing.to_owned()]);
    }
    words.extend(addresses.typed());
    Call::new("cargo", "go on").arg("xtask").args(words).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, signing: &str, addresses: &Addresses, expected: &str) {
        assert_eq!(command(vec!["notarize".into(), path.into()], signing, addresses), expected);
    }

    #[test]
    fn the_command_that_goes_on_asks_the_same_notary_for_the_same_signing() {
        let apple = Addresses::default();
        check("Host.pkg", "rehearsal", &apple, "cargo xtask notarize Host.pkg");
        check(
            "My Host.app",
            "developer-id",
            &apple,
            "cargo xtask notarize 'My Host.app' --signing developer-id",
        );
        let local = Addresses { notary_url: Some("http://127.0.0.1:7000".into()), ..Addresses::default() };
        check("a", "rehearsal", &local, "cargo xtask notarize a --notary-url http://127.0.0.1:7000");
    }
}
