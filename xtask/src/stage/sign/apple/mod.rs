//! Signs with Apple's codesign: one call for each piece of code, inside out, never `--deep`.
//!
//! ```text
//!   SigningPlan ─▶ for each part: profile in, old seal out ─▶ codesign ─▶ the read-back that the portable signer gets, too
//! ```
//! What a part gets is decided by the same plan as for the portable signer; here it only becomes an argument list.

mod clock;
mod complaint;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use formats::document::{
    Value,
    plist::{Keys, to_xml},
};
use signer::identity::Signer;

use self::clock::Clock;
use super::{Planned, SigningPlan, Stamper, apply};
use crate::{
    error::{Doing, Result},
    interrupt,
    stage::{files, stamp::hex},
    tools::{Call, Toolbox},
};

/// A probe has nothing to wait for: no timestamp, a few bytes. Whoever takes longer asks in a window that nobody sees.
const PROBE_DEADLINE: Duration = Duration::from_secs(30);

/// How often a timestamp server is asked anew; their faults pass within a minute.
const TRIES: u32 = 4;

/// Apple's codesign, and where it finds the key.
#[derive(Debug, Clone, Copy)]
pub struct Codesign<'a> {
    tools: &'a Toolbox,
    keychain: Option<&'a Path>,
}

/// What `--timestamp` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timestamp {
    /// Ad-hoc: the option is left out, there is nothing to be stamped.
    Absent,
    /// `--timestamp=none`: a certificate alone would make codesign ask Apple's server.
    None,
    /// `--timestamp=URL`.
    Server(String),
}

/// Files that codesign reads for one part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Papers {
    /// What the part claims.
    pub entitlements: Option<PathBuf>,
    /// Constraints, by the option that names them.
    pub constraints: Vec<(&'static str, PathBuf)>,
}

impl Papers {
    /// Writes what the plan has for a part into `desk`, with variables filled in.
    fn write(planned: &Planned, desk: &Path, index: usize) -> Result<Self> {
        let mut papers = Self::default();
        if let Some(claims) = &planned.claims {
            let file = desk.join(format!("{index}.entitlements"));
            files::write(&file, claims.entitlements.xml(), 0o600)?;
            papers.entitlements = Some(file);
        }
        for it in &planned.constraints {
            let option = it.kind.key();
            let file = desk.join(format!("{index}.{option}"));
            let text = to_xml(&Value::Dict(it.constraint.facts().clone()), Keys::AsGiven);
            files::write(&file, text.as_bytes(), 0o600)?;
            papers.constraints.push((option, file));
        }
        Ok(papers)
    }
}

impl<'a> Codesign<'a> {
    /// codesign with the key in `keychain`; none for ad-hoc signatures.
    pub fn new(tools: &'a Toolbox, keychain: Option<&'a Path>) -> Self {
        Self { tools, keychain }
    }

    /// The tools.
    pub fn tools(&self) -> &'a Toolbox {
        self.tools
    }

    /// The keychain.
    pub fn keychain(&self) -> Option<&'a Path> {
        self.keychain
    }

    /// Signs everything in `work`, which is a copy that belongs to us.
    pub fn apply(&self, plan: &SigningPlan, work: &Path) -> Result {
        let desk = tempfile::tempdir().doing(|| "cannot make a temporary folder")?;
        let clock = Clock::start(&plan.stamper)?;
        for (index, planned) in plan.parts.iter().enumerate() {
            interrupt::check()?;
            apply::prepare(planned, work)?;
            let papers = Papers::write(planned, desk.path(), index)?;
            let who = plan.identity.signer();
            self.stamped(&clock.timestamps(&plan.stamper, who), |timestamp| {
                self.call(planned, work, who, &papers, timestamp)
            })?;
        }
        Ok(())
    }

    /// Signs a disk image.
    pub fn image(&self, path: &Path, identifier: &str, who: Option<&Signer>, stamper: &Stamper) -> Result {
        let clock = Clock::start(stamper)?;
        self.stamped(&clock.timestamps(stamper, who), |timestamp| {
            let call = self.sign(format!("sign `{}`", crate::plan::file_name(path)), who, timestamp);
            call.arg("--identifier").arg(identifier).arg(path)
        })
    }

    /// The call that signs one part.
    pub fn call(
        &self,
        planned: &Planned,
        work: &Path,
        who: Option<&Signer>,
        papers: &Papers,
        timestamp: &Timestamp,
    ) -> Call {
        let mut call = self.sign(format!("sign `{}`", planned.code.shown()), who, timestamp);
        call = call.arg("--identifier").arg(&planned.code.identifier);
        if planned.hardened_runtime {
            call = call.args(["--options", "runtime"]);
        }
        if let Some(entitlements) = &papers.entitlements {
            call = call.arg("--entitlements").arg(entitlements).arg("--generate-entitlement-der");
        }
        for (option, file) in &papers.constraints {
            call = call.arg(format!("--{option}")).arg(file);
        }
        call.arg(target(planned, work))
    }

    fn sign(&self, purpose: String, who: Option<&Signer>, timestamp: &Timestamp) -> Call {
        let mut call =
            Call::new("codesign", purpose).hint(complaint::hint).args(["--sign", &name(who), "--force"]);
        if let Some(keychain) = self.keychain.filter(|_| who.is_some()) {
            call = call.arg("--keychain").arg(keychain);
        }
        match timestamp {
            Timestamp::Absent => call,
            Timestamp::None => call.arg("--timestamp=none"),
            Timestamp::Server(address) => call.arg(format!("--timestamp={address}")),
        }
    }

    /// Makes the call with one server after the other, as long as the timestamp is all that fails.
    fn stamped(&self, timestamps: &[Timestamp], call: impl Fn(&Timestamp) -> Call) -> Result {
        let mut rounds = timestamps.iter().cycle().take(timestamps.len() * TRIES as usize).peekable();
        let mut round = 0;
        while let Some(timestamp) = rounds.next() {
            let call = call(timestamp);
            let output = self.tools.try_run(&call)?;
            if output.status.success() {
                return Ok(());
            }
            let may_pass = complaint::is_about_the_timestamp(&output.complaints()) && rounds.peek().is_some();
            if !may_pass {
                // Made once more for the error that the toolbox words; codesign refuses twice what it refused once.
                return self.tools.run(&call).map(drop);
            }
            round += 1;
            std::thread::sleep(clock::pause(round));
        }
        Ok(())
    }
}

/// The SHA-1 of the certificate: two identities may share a name, never this.
fn name(who: Option<&Signer>) -> String {
    who.map_or("-".to_owned(), |it| hex(&it.leaf().sha1()).to_uppercase())
}

/// What codesign is given: the bundle, or the file that is code by itself.
fn target(planned: &Planned, work: &Path) -> PathBuf {
    match planned.code.path.as_os_str().is_empty() {
        true => work.to_owned(),
        false => work.join(&planned.code.path),
    }
}

/// Signs a few bytes with the key in `keychain`, so that a missing chain, a locked keychain or a hidden question is known before the build.
///
/// The signature goes to a file of its own (`--detached`): codesign has no place for one in a plain file but extended attributes.
pub fn probe(tools: &Toolbox, who: &Signer, keychain: &Path, desk: &Path) -> Result {
    let file = desk.join("probe");
    let signature = desk.join("probe.signature");
    files::write(&file, b"may this identity sign?\n", 0o600)?;
    let codesign = Codesign::new(tools, Some(keychain));
    let call = codesign
        .sign(format!("sign a probe as `{}`", who.leaf().common_name()), Some(who), &Timestamp::None)
        .arg("--detached")
        .arg(&signature)
        .arg(&file)
        .deadline(PROBE_DEADLINE);
    tools.run(&call)?;
    let made = files::read(&signature);
    files::remove(&signature)?;
    files::remove(&file)?;
    made.map(drop)
}
