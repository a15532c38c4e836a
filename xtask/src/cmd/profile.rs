//! `cargo xtask profile`: what a provisioning profile grants, and whether that covers what is claimed.

use std::{fmt::Write, path::PathBuf};

use formats::document::plist::Date;
use signer::{certificate::Certificate, entitlements::Entitlements};

use crate::{
    cmd::{Context, print},
    error::{Doing, Exit, Result},
    rehearsal,
    stage::{
        files,
        sign::profile::{Answer, Profile, answer, is_restricted},
    },
};

/// Shows a provisioning profile, or checks it against entitlements and a certificate
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask profile show driver.provisionprofile
  cargo xtask profile check driver.provisionprofile --entitlements driver.entitlements --certificate leaf.pem")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// What it grants, to whom, until when
    Show {
        /// The profile
        profile: PathBuf,
    },
    /// Whether it covers given entitlements and a certificate
    Check {
        /// The profile
        profile: PathBuf,
        /// What is claimed, without variables
        #[arg(long)]
        entitlements: PathBuf,
        /// The certificate that signs, PEM or DER
        #[arg(long)]
        certificate: Option<PathBuf>,
    },
}

/// Shows or checks. Who signed the profile is for `verify`.
pub fn run(args: Args, _context: &Context) -> Result<Exit> {
    match args.verb {
        Verb::Show { profile } => print(&show(&open(&profile)?)).map(|()| Exit::Passed),
        Verb::Check { profile, entitlements, certificate } => {
            let cannot = || format!("cannot read `{}`", entitlements.display());
            let claims = Entitlements::read(&files::read(&entitlements)?).doing_as_asked(cannot)?;
            let signer = match certificate {
                None => None,
                Some(path) => {
                    let cannot = || format!("cannot read `{}`", path.display());
                    Some(Certificate::from_pem_or_der(&files::read(&path)?).doing_as_asked(cannot)?)
                }
            };
            check(&open(&profile)?, &claims, signer.as_ref())
        }
    }
}

fn open(path: &std::path::Path) -> Result<Profile> {
    Profile::open(files::read(path)?, &path.display().to_string())
}

fn show(profile: &Profile) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| writeln!(out, "{name:<12} {value}").expect("text grows");
    line("name", &profile.name);
    line("team", profile.team.as_deref().unwrap_or("none"));
    line("expires", &profile.expires.map_or("never said".to_owned(), |it| Date(it).to_string()));
    match profile.for_all_devices {
        true => line("devices", "all (Developer ID)"),
        false => line("devices", &format!("{} listed", profile.devices)),
    }
    for certificate in &profile.certificates {
        let name = Certificate::from_der(certificate).map_or_else(|it| it.what, |it| it.common_name());
        line("certificate", &name);
    }
    for (key, value) in profile.entitlements.iter() {
        line("grants", &format!("{key} = {value}"));
    }
    out
}

fn check(profile: &Profile, claims: &Entitlements, signer: Option<&Certificate>) -> Result<Exit> {
    let mut exit = Exit::Passed;
    let mut out = String::new();
    let mut line = |passed: bool, what: &str| {
        writeln!(out, "{} {what}", if passed { "ok  " } else { "FAIL" }).expect("text grows");
        if !passed {
            exit = Exit::Findings;
        }
    };
    let now = i64::try_from(rehearsal::now()).unwrap_or(i64::MAX);
    line(profile.expires.is_some_and(|it| it > now), "the profile has not expired");
    if let Some(signer) = signer {
        let named = profile.certificates.iter().any(|it| it == signer.der());
        line(named, &format!("it is for the certificate `{}`", signer.common_name()));
    }
    for (key, claimed) in claims.values().iter() {
        let claim = format!("{key} = {claimed}");
        match (is_restricted(key), answer(profile.entitlements.get(key), claimed)) {
            (false, _) => line(true, &format!("{claim}: needs no profile")),
            (true, Answer::Granted) => line(true, &format!("{claim}: granted")),
            (true, Answer::Wildcard) => line(true, &format!("{claim}: granted by a wildcard")),
            (true, Answer::Missing) => line(false, &format!("{claim}: not granted")),
            (true, Answer::OtherValue) => {
                let granted = profile.entitlements.get(key).map_or("nothing".to_owned(), ToString::to_string);
                line(false, &format!("{claim}: the profile grants {granted}"));
            }
        }
    }
    print(&out)?;
    Ok(exit)
}
