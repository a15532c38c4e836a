//! From the signed app to the things that are delivered, each with its ticket where it has a place for one.
//!
//! ```text
//!   Signed ─┬▶ notarize + staple the app ─▶ zip                   a zip has no place for a ticket: the app inside carries it
//!           └▶ pkg ─▶ notarize + staple the pkg                   its ticket covers all code inside
//! ```
//! With a pkg alone one submission is enough. `staple-app = true`, a zip, or no package at all give the app a submission of its own; only
//! `staple-app = true` makes the pkg wait for it.

use std::path::{Path, PathBuf};

use notary::run::Limits;

use super::{
    apple_package::{self, Order, Packer},
    files,
    notarize::{
        self, Ended,
        service::{self, Addresses, Service},
        stapler::Stapler,
    },
    package, pkg,
    sign::Signed,
    stamp::Stamps,
};
use crate::{
    config::{Notarization, PackageKind, PkgStyle},
    error::{Error, Result},
    plan::{self, Backend, Plan, Task, Until},
    policy, rehearsal, terminal,
    tools::Toolbox,
};

/// What is delivered.
#[derive(Debug)]
pub struct Release {
    /// The app, stapled where it was notarized on its own.
    pub app: PathBuf,
    /// Zip and pkg, in the order of the signing file.
    pub packages: Vec<PathBuf>,
    /// Submission ids, by the name of what was submitted.
    pub submissions: Vec<(String, Option<String>)>,
}

/// The pkg, signed but not yet notarized: made as soon as the app is signed, because whoever notarizes may have no key.
///
/// `None` when there is no pkg, or when it waits for the stapled app (`staple-app = true`).
pub fn installer(plan: &Plan, signed: &Signed, packer: &Packer, stamps: &Stamps) -> Result<Option<PathBuf>> {
    if plan.signing.staple_app || !plan.signing.packages.contains(&PackageKind::Pkg) {
        return Ok(None);
    }
    pack(plan, signed.path(), signed, packer, stamps).map(Some)
}

fn pack(plan: &Plan, app: &Path, signed: &Signed, packer: &Packer, stamps: &Stamps) -> Result<PathBuf> {
    let goal = unfinished(plan, PackageKind::Pkg);
    container(PackageKind::Pkg, &Order { plan, app, signed, goal: &goal }, packer, stamps)?;
    Ok(goal)
}

/// Where a container lies as long as it may still get a ticket.
fn unfinished(plan: &Plan, kind: PackageKind) -> PathBuf {
    let gets_a_ticket = *plan.signing.notarization != Notarization::None && kind != PackageKind::Zip;
    if gets_a_ticket { plan.unstapled_package(kind) } else { plan.staged_package(kind) }
}

fn container(kind: PackageKind, order: &Order, packer: &Packer, stamps: &Stamps) -> Result {
    let Order { plan, app, signed, goal } = *order;
    let made = match (packer, kind) {
        // A product archive is ours on both: its Distribution asks for architecture and macOS, which productbuild would have to be taught.
        (Packer::Apple { .. }, PackageKind::Pkg) if plan.signing.pkg_style == PkgStyle::Product => {
            pkg::pkg(app, goal, &plan.signing, signed.rehearsal(), epoch()?, stamps)
        }
        (Packer::Apple { tools, keychain }, _) => apple_package::make(kind, order, tools, *keychain, stamps),
        (Packer::Ours, PackageKind::Zip) => package::zip(app, goal, epoch()?, stamps),
        (Packer::Ours, PackageKind::Pkg) => {
            pkg::pkg(app, goal, &plan.signing, signed.rehearsal(), epoch()?, stamps)
        }
        (Packer::Ours, PackageKind::Dmg) => {
            Err(Error::tool(format!("cannot make `{}`", plan::file_name(goal)))
                .because("disk images are made by `hdiutil`, on a Mac only")
                .hint(format!(
                    "take `dmg` out of `packages` in {}, or on a Mac say `--backend-of package=apple`",
                    plan.signing.shown
                )))
        }
    };
    made.map(drop)
}

/// Notarizes and packs what was signed, as far as the plan goes. `installer` is the pkg that was signed along with it.
pub fn release(
    tools: &Toolbox,
    plan: &Plan,
    signed: &Signed,
    installer: Option<&Path>,
    packer: &Packer,
    stamps: &Stamps,
) -> Result<Release> {
    let stapler = match plan.backends.of(Task::Staple).backend {
        Backend::Portable => Stapler::Ours,
        Backend::Apple => Stapler::Apple(tools),
    };
    let mut notary = Notary { plan, stapler, signed, service: None };
    let mut release =
        Release { app: signed.path().to_owned(), packages: Vec::new(), submissions: Vec::new() };
    if notary.is_wanted() && plan.app_gets_a_ticket() {
        let goal = plan.notarized_app();
        release.app = goal.clone();
        notary.notarize(signed.path(), &goal, &mut release.submissions, stamps)?;
    }
    if plan.until < Until::Packaged {
        return Ok(release);
    }
    for kind in &plan.signing.packages {
        let plain = match (kind, installer) {
            (PackageKind::Pkg, Some(made)) => made.to_owned(),
            _ => {
                let goal = unfinished(plan, *kind);
                container(*kind, &Order { plan, app: &release.app, signed, goal: &goal }, packer, stamps)?;
                goal
            }
        };
        let goal = plan.staged_package(*kind);
        if notary.is_wanted() && *kind != PackageKind::Zip {
            notary.notarize(&plain, &goal, &mut release.submissions, stamps)?;
            release.packages.push(goal);
        } else {
            release.packages.push(plain);
        }
    }
    Ok(release)
}

/// The notary of this run; asked only when something must be submitted.
struct Notary<'a> {
    plan: &'a Plan,
    stapler: Stapler<'a>,
    signed: &'a Signed,
    service: Option<Service>,
}

impl Notary<'_> {
    fn is_wanted(&self) -> bool {
        *self.plan.signing.notarization != Notarization::None
    }

    /// A stapled copy of `from` at `goal`, unless what lies there is still right.
    fn notarize(
        &mut self,
        from: &Path,
        goal: &Path,
        ids: &mut Vec<(String, Option<String>)>,
        stamps: &Stamps,
    ) -> Result {
        let what = plan::file_name(goal);
        let name = format!("notarize {}", goal.display());
        let mut key = stamps.key(&name);
        stamps.add_tree(&mut key, from)?;
        stamps.add_file(&mut key, &self.plan.signing.file)?;
        let remembered = stamps.record_of(&name);
        if stamps.is_fresh(&name, &key) {
            let id = std::fs::read_to_string(&remembered).ok().filter(|it| !it.is_empty());
            warn_of_a_lost_id(&what, id.as_deref());
            ids.push((what, id));
            return Ok(());
        }
        stamps.forget(&name)?;
        files::remove(goal)?;
        files::copy_tree(from, goal)?;
        let rehearsal = self.signed.rehearsal();
        let trust = rehearsal.map(service::trust).transpose()?.unwrap_or_default();
        let service = match &self.service {
            Some(service) => service,
            None => self.service.insert(Service::of(&self.plan.signing, rehearsal, &Addresses::default())?),
        };
        let limits = Limits { wait: Some(PATIENCE), ..Limits::default() };
        let asked = notarize::Request {
            service,
            trust: &trust,
            policy: &policy::planned(&self.plan.product, &self.plan.signing),
            limits,
            stapler: self.stapler,
            go_on: &format!("cargo xtask dist --signing {}", self.plan.signing.name),
        };
        match notarize::notarize(goal, &asked)? {
            Ended::Notarized { id } => {
                files::write(&remembered, id.as_deref().unwrap_or_default().as_bytes(), 0o644)?;
                warn_of_a_lost_id(&what, id.as_deref());
                ids.push((what, id));
                stamps.record(&name, key, Vec::new(), &[goal.to_owned()])
            }
            Ended::Pending => Err(Error::incomplete(format!("`{what}` has no verdict yet"))
                .hint("run `dist` again: it goes on where it was, and submits nothing twice")),
            Ended::Refused => {
                terminal::error(format_args!("the notary refused `{what}`"));
                Err(Error::new(format!("`{what}` was not notarized"), crate::error::Exit::Findings))
            }
        }
    }
}

/// Without its submission id a release cannot be traced back to Apple's log.
fn warn_of_a_lost_id(what: &str, id: Option<&str>) {
    if id.is_none() {
        terminal::warn(format_args!(
            "`{what}` is notarized, but nobody knows by which submission: manifest.json says `\"submission\": null`"
        ));
    }
}

/// Two hours: 98 % of all verdicts come within 15 minutes, stuck ones take longer than anybody waits.
const PATIENCE: u64 = 2 * 60 * 60;

/// The time of everything that needs one: `SOURCE_DATE_EPOCH`, else 1980, where the times of zip archives begin.
pub fn epoch() -> Result<u64> {
    const ZIP_BEGINS: u64 = 315_532_800;
    Ok(rehearsal::source_date_epoch()?.unwrap_or(ZIP_BEGINS))
}
