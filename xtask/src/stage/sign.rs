//! Signs the app and everything in it, inside out, on a copy.
//!
//! ```text
//!   unsigned bundle ─▶ SigningPlan ─▶ preflight ─▶ copy: profile, seal, signature… ─▶ read back ─▶ rename ─▶ Signed
//!                      which part gets what    refuses before anything is written       refuses before anything is seen
//! ```

pub mod apple;
pub mod apply;
pub mod entitlement_files;
pub mod examine;
pub mod hand;
pub mod identity;
pub mod parts;
pub mod preflight;
pub mod profile;
pub mod read_back;
mod stamper;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use formats::{document::Dict, signature::superblob::Slot};
use signer::{
    authority::{Devices, Grant, Role},
    constraint::Constraint,
    entitlements::Entitlements,
    identity::Identity,
};

pub use self::stamper::Stamper;
use self::{
    hand::Hand,
    parts::Code,
    preflight::{Problem, Weight},
    profile::Profile,
};
use super::{Bundle, files, stamp::Stamps};
use crate::{
    config::{ConstraintKind, IdentitySource, Located, Mode, Part, Signing},
    error::{Doing, Error, Result},
    interrupt,
    plan::Plan,
    rehearsal::{self, Rehearsal},
    terminal,
    workspace::Workspace,
};

/// The app with all its signatures, as it lies on disk.
#[derive(Debug)]
pub struct Signed {
    path: PathBuf,
    root: Option<String>,
    rehearsal: Option<Rehearsal>,
}

impl Signed {
    /// What another machine signed (`stage::relay`). Its signatures are judged by the notary's preflight and before publishing.
    pub(super) fn at(path: PathBuf, plan: &Plan, seed: Option<&Path>) -> Result<Self> {
        let rehearsal = open_rehearsal(&plan.signing, &plan.workspace, seed)?;
        let root = rehearsal.as_ref().map(Rehearsal::roots).transpose()?;
        Ok(Self { path, root, rehearsal })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The roots of the rehearsal that signed it, as PEM: what a verifier must be told to trust.
    pub fn rehearsal_root(&self) -> Option<&str> {
        self.root.as_deref()
    }

    /// The rehearsal that signed it, whose keys later stages need.
    pub fn rehearsal(&self) -> Option<&Rehearsal> {
        self.rehearsal.as_ref()
    }
}

/// Signs what was bundled, unless what lies there is still right.
pub fn sign(
    plan: &Plan,
    bundle: Bundle,
    seed: Option<&Path>,
    hand: &Hand,
    stamps: &Stamps,
) -> Result<Signed> {
    interrupt::check()?;
    let goal = plan.signed_app();
    let signing = &plan.signing;
    let rehearsal = open_rehearsal(signing, &plan.workspace, seed)?;
    let root = rehearsal.as_ref().map(Rehearsal::roots).transpose()?;
    let name = format!("sign {}", signing.name);
    let mut key = stamps.key(&name);
    stamps.add_program(&mut key);
    stamps.add_tree(&mut key, bundle.path())?;
    stamps.add_file(&mut key, &signing.file)?;
    for part in &signing.parts {
        let constraints = part.constraints.iter().map(|(_, file)| file);
        let files = [&part.entitlements, &part.profile].into_iter().flatten().chain(constraints);
        for file in files.filter(|it| it.is_file()) {
            stamps.add_file(&mut key, file)?;
        }
    }
    key.text(root.as_deref().unwrap_or_default());
    key.text(hand.name());
    if stamps.is_fresh(&name, &key) {
        return Ok(Signed { path: goal, root, rehearsal });
    }
    stamps.forget(&name)?;
    terminal::step("Signing", format_args!("{} ({})", plan.product.app.bundle_name(), signing.name));
    sign_to(bundle.path(), &goal, signing, rehearsal.as_ref(), hand)?;
    stamps.record(&name, key, Vec::new(), std::slice::from_ref(&goal))?;
    Ok(Signed { path: goal, root, rehearsal })
}

/// Signs the bundle at `input` and puts the result at `goal`; `input` is never changed, unless it is `goal`.
pub fn sign_to(
    input: &Path,
    goal: &Path,
    signing: &Signing,
    rehearsal: Option<&Rehearsal>,
    hand: &Hand,
) -> Result {
    let plan = SigningPlan::new(input, signing, rehearsal)?;
    plan.refuse_problems(rehearsal::now())?;
    let bench = files::Workbench::beside(goal)?;
    let work = bench.path();
    files::copy_tree(input, &work)?;
    match hand {
        Hand::Ours => drop(apply::apply(&plan, &work)?),
        Hand::Codesign(codesign) => codesign.apply(&plan, &work)?,
    }
    read_back::compare(&plan, &work)?;
    interrupt::check()?;
    bench.finish()?;
    match rehearsal {
        Some(rehearsal) => rehearsal.keep_keys(),
        None => Ok(()),
    }
}

/// The rehearsal hierarchy, when this signing file wants one.
pub fn open_rehearsal(
    signing: &Signing,
    workspace: &Workspace,
    seed: Option<&Path>,
) -> Result<Option<Rehearsal>> {
    if signing.identity != IdentitySource::Rehearsal {
        return match seed {
            None => Ok(None),
            Some(_) => Err(Error::usage("`--rehearsal-seed` belongs to a rehearsal")
                .hint(format!("`{}` signs with another identity", signing.shown))),
        };
    }
    let team = signing.team.as_ref().map(|it| it.as_str()).unwrap_or_default();
    Rehearsal::open(workspace, seed, team).map(Some)
}

/// What every part of a bundle gets, decided before anything is done.
#[derive(Debug)]
pub struct SigningPlan<'a> {
    /// The signing file as a person writes its path.
    pub file: String,
    /// What the signatures are for.
    pub mode: Mode,
    /// The team that the signing file names.
    pub team: Option<String>,
    /// Who signs.
    pub identity: Identity,
    /// The time that signatures claim, Unix seconds.
    pub signing_time: u64,
    /// Where timestamps come from.
    pub stamper: Stamper<'a>,
    /// Every piece of code, inside out.
    pub parts: Vec<Planned>,
}

/// What one piece of code gets.
#[derive(Debug)]
pub struct Planned {
    /// Which.
    pub code: Code,
    /// What it claims.
    pub claims: Option<Claims>,
    /// The profile to be embedded.
    pub profile: Option<Profile>,
    /// Whether it is hardened.
    pub hardened_runtime: bool,
    /// Who may start it, and what it may load.
    pub constraints: Vec<Constrained>,
}

/// A constraint, ready to be put into a signature.
#[derive(Debug)]
pub struct Constrained {
    /// What it is about.
    pub kind: ConstraintKind,
    /// What it demands.
    pub constraint: Constraint,
    /// Its place in the signature, and its bytes there.
    pub blob: (Slot, Vec<u8>),
}

/// Entitlements and where they are written.
#[derive(Debug)]
pub struct Claims {
    /// What is claimed.
    pub entitlements: Entitlements,
    shown: String,
    asked: String,
}

impl Claims {
    /// The line that claims `key`, and the line that names the file.
    pub fn place(&self, key: &str) -> String {
        let xml = String::from_utf8_lossy(self.entitlements.xml());
        let line =
            xml.lines().position(|it| it.contains(&format!("<key>{key}</key>"))).map_or(1, |it| it + 1);
        format!("{}:{line}, from {}", self.shown, self.asked)
    }
}

impl<'a> SigningPlan<'a> {
    /// Looks at the bundle and at everything that the signing file names; writes nothing.
    pub fn new(input: &Path, signing: &Signing, rehearsal: Option<&'a Rehearsal>) -> Result<Self> {
        let identity = identity::load(&signing.identity, rehearsal, Role::DeveloperIdApplication)?;
        let team = signing.team.as_ref().map(|it| it.as_str().to_owned());
        let signing_time = match (rehearsal, rehearsal::source_date_epoch()?) {
            (Some(rehearsal), _) => rehearsal.authority().epoch(),
            (None, Some(epoch)) => epoch,
            (None, None) => rehearsal::now(),
        };
        let stamper = Stamper::of(signing, rehearsal);
        let mut parts = Vec::new();
        for code in parts::find(input, signing)? {
            let part = code.part.and_then(|it| signing.parts.get(it));
            parts.push(planned(code, part, signing, rehearsal, &identity)?);
        }
        Ok(Self {
            file: signing.shown.clone(),
            mode: *signing.mode,
            team,
            identity,
            signing_time,
            stamper,
            parts,
        })
    }

    /// Refuses what would be worthless, all of it at once; warns about what soon will be.
    pub fn refuse_problems(&self, now: u64) -> Result {
        let found = preflight::problems(self, now);
        let (refused, warnings): (Vec<Problem>, Vec<Problem>) =
            found.into_iter().partition(|it| it.weight == Weight::Refused);
        for problem in warnings {
            terminal::warn(format_args!("{} ({})", problem.what, problem.remedy));
        }
        let Some(first) = refused.first() else { return Ok(()) };
        let hint = first.remedy.clone();
        let mut error = Error::usage("signing this would give something that no Mac accepts");
        for problem in &refused {
            let remedy = if refused.len() > 1 { format!("\n→ {}", problem.remedy) } else { String::new() };
            error = error.because(format!("{}{remedy}", problem.what));
        }
        Err(error.hint(hint))
    }
}

fn planned(
    code: Code,
    part: Option<&Part>,
    signing: &Signing,
    rehearsal: Option<&Rehearsal>,
    identity: &Identity,
) -> Result<Planned> {
    let team = signing.team.as_ref().map(|it| it.as_str().to_owned());
    let claims = match part.and_then(|it| it.entitlements.as_ref()) {
        None => None,
        Some(file) => Some(read_claims(file, &code, team.as_deref())?),
    };
    let profile = match (part.and_then(|it| it.profile.as_ref()), rehearsal, &claims) {
        (Some(file), _, _) => {
            let shown = file.display().to_string();
            let bytes = std::fs::read(&**file)
                .doing_as_asked(|| format!("{}: cannot read the profile `{shown}`", file.place()));
            Some(Profile::open(bytes?, &shown)?)
        }
        (None, Some(rehearsal), Some(claims)) if code.layout().is_some() => {
            Some(issue_profile(rehearsal, &code, claims, identity)?)
        }
        (None, _, _) => None,
    };
    let hardened_runtime = part.and_then(|it| it.hardened_runtime).unwrap_or(signing.hardened_runtime);
    let constraints = part.map(|it| it.constraints.as_slice()).unwrap_or_default();
    let constraints =
        constraints.iter().map(|(kind, file)| constrained(*kind, file)).collect::<Result<_>>()?;
    Ok(Planned { code, claims, profile, hardened_runtime, constraints })
}

/// Reads the property list of a constraint.
fn constrained(kind: ConstraintKind, file: &Located<PathBuf>) -> Result<Constrained> {
    let cannot = || format!("{}: cannot use the {} `{}`", file.place(), kind.key(), file.display());
    let refused = |error: signer::Error| {
        let told = Error::usage(cannot()).because(error.what);
        match error.hint {
            Some(hint) => told.hint(hint),
            None => told,
        }
    };
    let bytes = std::fs::read(&**file).doing_as_asked(cannot);
    let bytes = bytes.map_err(|it| it.hint("name a property list that is there"))?;
    let constraint = Constraint::read(&bytes).map_err(refused)?;
    let der = constraint.der().map_err(refused)?;
    let slot = match kind {
        ConstraintKind::LaunchSelf => Slot::LaunchConstraintSelf,
        ConstraintKind::LaunchParent => Slot::LaunchConstraintParent,
        ConstraintKind::LaunchResponsible => Slot::LaunchConstraintResponsible,
        ConstraintKind::Library => Slot::LibraryConstraint,
    };
    Ok(Constrained { kind, constraint, blob: (slot, der) })
}

/// A profile of the rehearsal that grants what is claimed: a rehearsal plays Apple's approval, too.
fn issue_profile(
    rehearsal: &Rehearsal,
    code: &Code,
    claims: &Claims,
    identity: &Identity,
) -> Result<Profile> {
    let restricted = claims.entitlements.values().iter().filter(|(key, _)| profile::is_restricted(key));
    let entitlements: Dict = restricted.map(|(key, value)| (key, value.clone())).collect();
    let certificates: Vec<_> = identity.signer().map(|it| it.leaf().clone()).into_iter().collect();
    let grant = Grant {
        bundle_id: &code.identifier,
        entitlements: &entitlements,
        certificates: &certificates,
        devices: Devices::All,
    };
    let bytes = rehearsal
        .authority()
        .profile(&grant)
        .doing(|| format!("cannot issue a profile for `{}`", code.identifier))?;
    Profile::open(bytes, "the rehearsal's profile")
}

/// Reads an entitlements file, with Xcode's variables filled in.
fn read_claims(file: &Located<PathBuf>, code: &Code, team: Option<&str>) -> Result<Claims> {
    let shown = file.display().to_string();
    let cannot = || format!("{}: cannot use the entitlements `{shown}`", file.place());
    let text = std::fs::read(&**file).doing_as_asked(cannot)?;
    let text = String::from_utf8(text).doing_as_asked(cannot)?;
    let prefix = team.map(|it| format!("{it}.")).unwrap_or_default();
    let text = text
        .replace("$(AppIdentifierPrefix)", &prefix)
        .replace("$(TeamIdentifierPrefix)", &prefix)
        .replace("$(CFBundleIdentifier)", &code.identifier);
    if let Some((_, rest)) = text.split_once("$(") {
        let name = rest.split(')').next().unwrap_or_default();
        return Err(Error::usage(cannot()).because(format!("the variable `$({name})` is not known")).hint(
            "known are `$(AppIdentifierPrefix)`, `$(TeamIdentifierPrefix)` and `$(CFBundleIdentifier)`",
        ));
    }
    let entitlements = Entitlements::read(text.as_bytes()).map_err(|error| {
        let told = Error::usage(cannot()).because(error.what);
        match error.hint {
            Some(hint) => told.hint(hint),
            None => told,
        }
    })?;
    Ok(Claims { entitlements, shown, asked: file.place().to_owned() })
}

impl fmt::Display for SigningPlan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signer =
            self.identity.signer().map_or("nobody (ad-hoc)".to_owned(), |it| it.leaf().common_name());
        writeln!(f, "signs       {signer}")?;
        writeln!(f, "team        {}", self.team.as_deref().unwrap_or("none"))?;
        let stamper = match &self.stamper {
            Stamper::None => "none".to_owned(),
            Stamper::Rehearsal(_) => "the rehearsal's own".to_owned(),
            Stamper::Servers(addresses) => addresses.join(", "),
        };
        writeln!(f, "timestamp   {stamper}")?;
        for planned in &self.parts {
            writeln!(f, "\n{}", planned.code.shown())?;
            writeln!(f, "  identifier     {}", planned.code.identifier)?;
            writeln!(f, "  executable     {}", planned.code.executable.display())?;
            writeln!(f, "  hardened       {}", if planned.hardened_runtime { "yes" } else { "no" })?;
            match &planned.profile {
                Some(profile) => writeln!(f, "  profile        {}", profile.name)?,
                None => writeln!(f, "  profile        none")?,
            }
            for it in &planned.constraints {
                for (fact, value) in it.constraint.facts().iter() {
                    writeln!(f, "  {}  {fact} = {value}", it.kind.key())?;
                }
            }
            let Some(claims) = &planned.claims else {
                writeln!(f, "  claims         nothing")?;
                continue;
            };
            for (key, value) in claims.entitlements.values().iter() {
                writeln!(f, "  claims         {key} = {value}")?;
            }
        }
        Ok(())
    }
}
