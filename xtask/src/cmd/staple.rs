//! `cargo xtask staple`.

use std::path::{Path, PathBuf};

use formats::signature::chain::Trust;
use notary::lookup::Tickets;

use crate::{
    cmd::{Context, ticket},
    config::Signing,
    error::{Error, Exit, Result},
    stage::{
        notarize::{
            product::{self, Product},
            service::{self, Addresses, CLOCK},
            staple,
        },
        sign,
    },
    terminal,
};

/// Fetches the ticket of a notarized product and attaches it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask staple Host.app Host.pkg
  cargo xtask staple Host.pkg --ticket Host.ticket     no network
  cargo xtask staple Host.pkg --remove
  cargo xtask staple Host.app --signing rehearsal --notary-url http://127.0.0.1:7000

Nested dexts have no place for a ticket: the one of the app or package covers them.
Exit codes: 0 stapled · 2 usage · 3 the network, or a ticket that does not cover the product · 4 no ticket yet")]
pub struct Args {
    /// Apps, pkgs, dmgs
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Attaches this ticket instead of fetching one
    #[arg(long, value_name = "FILE", conflicts_with = "remove")]
    ticket: Option<PathBuf>,
    /// Takes the ticket off
    #[arg(long)]
    remove: bool,
    /// Trusts the roots of this file in signing/, when it is a rehearsal's
    #[arg(long, value_name = "NAME")]
    signing: Option<String>,
    /// Trusts the certificates in this file beside Apple's roots
    #[arg(long, value_name = "PEM")]
    trust_root: Vec<PathBuf>,
    #[command(flatten)]
    addresses: Addresses,
}

/// Staples each path; a missing ticket makes it incomplete.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    let mut exit = Exit::Passed;
    for path in &args.paths {
        exit = exit.max(one(&args, path, context)?);
    }
    Ok(exit)
}

/// Apple's roots, those in the files given, and a rehearsal's when that is what is stapled.
fn trust(args: &Args, context: &Context) -> Result<Trust> {
    let mut trust = ticket::trust(&args.trust_root)?;
    if let Some(name) = &args.signing {
        let workspace = context.workspace()?;
        let signing = Signing::load(name, &workspace)?;
        if let Some(rehearsal) = sign::open_rehearsal(&signing, &workspace, None)? {
            trust.roots.extend(service::trust(&rehearsal)?.roots);
        }
    }
    Ok(trust)
}

fn one(args: &Args, path: &Path, context: &Context) -> Result<Exit> {
    let trust = trust(args, context)?;
    let product = Product::open(path, &trust)?;
    let place = product.place().ok_or_else(|| {
        Error::usage(format!("`{}` has no place for a ticket", path.display()))
            .hint("staple the app, then zip it again; a dext is covered by the ticket of its app")
    })?;
    if args.remove {
        match staple::unstaple(place)? {
            true => terminal::step("Removed", format_args!("the ticket of {}", product.name)),
            false => terminal::note(format_args!("{} carries no ticket", product.name)),
        }
        return Ok(Exit::Passed);
    }
    let found = match &args.ticket {
        Some(file) => Some(crate::stage::files::read(file)?),
        None => {
            let http = service::http()?;
            let endpoints = args.addresses.endpoints()?;
            let notice = |line: &str| terminal::note(line);
            let tickets =
                Tickets { http: &http, endpoint: &endpoints.tickets, clock: &CLOCK, notice: &notice };
            tickets.look_up(&[product.lookup]).map_err(service::explain)?.into_values().next()
        }
    };
    let Some(found) = found else {
        terminal::warn(format_args!("there is no ticket for {} (record {})", product.name, product.lookup));
        return Ok(Exit::Incomplete);
    };
    let refuse = |why: String| Error::tool(format!("cannot staple `{}`", path.display())).because(why);
    let covered = product::judge(&found, &trust).map_err(|why| {
        let refused = refuse(why);
        match args.trust_root.is_empty() {
            true => refused.hint("the ticket of a rehearsal needs `--trust-root dist/rehearsal-root.pem`, or `--signing rehearsal`"),
            false => refused,
        }
    })?;
    let missing: Vec<String> = product.required.difference(&covered).map(ToString::to_string).collect();
    if !missing.is_empty() {
        return Err(refuse(format!("the ticket does not cover\n{}", missing.join("\n"))));
    }
    staple::staple(place, &found)?;
    if !Product::open(path, &trust)?.is_covered_by_own_ticket(&trust)? {
        return Err(refuse("it does not read back as it should".to_owned()));
    }
    terminal::step("Stapled", &product.name);
    Ok(Exit::Passed)
}
