//! What signing would say, without signing: for `doctor --signing NAME`, long before a release is due.
//!
//! Everything is looked at as far as it goes: a key that is not on this machine does not hide a profile that grants too little.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use formats::document::Value;
use signer::{
    authority::Role,
    certificate::{Certificate, marker},
    identity::{Identity, Purpose},
    seal::Shape,
};

use super::{
    Planned, SigningPlan, Stamper, identity, open_rehearsal,
    parts::{self, Code, CodeKind, Layout},
    planned,
    preflight::{self, Problem, Weight},
    profile::{Answer, answer, is_restricted},
};
use crate::{
    config::{Mode, PackageKind, Part, Product, Signing},
    error::{Error, Result},
    rehearsal::Rehearsal,
    stage::{bundle::EXTENSIONS, pkg},
    workspace::Workspace,
};

/// Days ahead that are looked at: today, and the two at which signing begins to warn.
pub const AHEAD: [u64; 3] = [0, 30, 90];

/// What was found.
#[derive(Debug)]
pub struct Examination {
    /// The unsigned app that was looked at; `None` when there is none yet and the configuration was.
    pub bundle: Option<PathBuf>,
    /// Certificates and profiles with their ends, in the order in which they depend on each other.
    pub validities: Vec<Validity>,
    /// Every restricted entitlement, by the part that claims it.
    pub grants: Vec<Grant>,
    /// What stands against signing, and what soon will.
    pub problems: Vec<Problem>,
}

/// How long something is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validity {
    /// "leaf", "intermediate", "root", "profile of PART".
    pub what: String,
    /// Its name.
    pub name: String,
    /// Last second, Unix time; `None` when it does not say.
    pub until: Option<i64>,
    /// Whether it is good at each of [`AHEAD`].
    pub good: [bool; AHEAD.len()],
    /// Whether it is Apple's first Developer ID intermediate, or ends with it.
    pub ends_with_first_intermediate: bool,
}

/// One restricted entitlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Path inside the app, `.` for the app.
    pub part: String,
    /// The entitlement.
    pub key: String,
    /// What is asked.
    pub claimed: String,
    /// What the profile grants; `None` for nothing, or without a profile.
    pub granted: Option<String>,
    /// Whether that is enough.
    pub answer: Granting,
    /// Which line of which file asks.
    pub place: String,
}

/// How a claim is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granting {
    /// By its value, or by a prefix with `*`.
    Granted,
    /// As the `*` of a development profile: good on registered Macs, while approval is pending.
    DevelopmentWildcard,
    /// Not, or another value.
    NotGranted,
    /// There is no profile to ask.
    NoProfile,
}

impl Granting {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::DevelopmentWildcard => "development wildcard",
            Self::NotGranted => "not granted",
            Self::NoProfile => "not granted: no profile",
        }
    }
}

impl Examination {
    /// Whether signing would be refused today.
    pub fn is_refused(&self) -> bool {
        self.problems.iter().any(|it| it.weight == Weight::Refused)
    }
}

/// Looks at everything that `signing` names, at `now` (Unix seconds). Errors are for a configuration that cannot be read.
pub fn examine(signing: &Signing, workspace: &Workspace, now: u64) -> Result<Examination> {
    let product = Product::load(workspace)?;
    let app = workspace.work().join("stage/bundle").join(product.app.bundle_name());
    let bundle = app.is_dir().then_some(app);
    let codes = match &bundle {
        Some(app) => parts::find(app, signing)?,
        None => expected(&product, signing)?,
    };
    let rehearsal = open_rehearsal(signing, workspace, None)?;
    let mut problems = Vec::new();
    let loaded = identity::load(&signing.identity, rehearsal.as_ref(), Role::DeveloperIdApplication);
    let (identity, is_loaded) = match loaded {
        Ok(identity) => (identity, true),
        Err(error) => {
            problems.push(refused(&error, format!("make it available as {} says", signing.shown)));
            (Identity::AdHoc, false)
        }
    };
    let (mut all, mut told) = (Vec::new(), BTreeSet::new());
    for code in codes {
        let part = code.part.and_then(|it| signing.parts.get(it));
        match planned(code.clone(), part, signing, rehearsal.as_ref(), &identity) {
            Ok(planned) => all.push(planned),
            Err(error) => {
                problems.push(refused(&error, format!("the file is named in {}", signing.shown)));
                told.insert(code.shown());
                // The claims are told even when the profile is not there.
                let bare = part.map(|it| Part { profile: None, ..it.clone() });
                all.extend(planned(code, bare.as_ref(), signing, None, &identity).ok());
            }
        }
    }
    let grants: Vec<Grant> = all.iter().flat_map(grants).collect();
    let plan = SigningPlan {
        file: signing.shown.clone(),
        mode: *signing.mode,
        team: signing.team.as_ref().map(|it| it.as_str().to_owned()),
        identity,
        signing_time: now,
        stamper: Stamper::of(signing, rehearsal.as_ref()),
        parts: all,
    };
    let mut validities = validities(&plan, now);
    let installer = installer(signing, rehearsal.as_ref(), now);
    validities.extend(installer.0);
    if is_loaded {
        problems.extend(preflight::problems(&plan, now));
    } else {
        validities.extend(named_by_profiles(&plan, now));
        problems.extend(without_identity(&plan, grants.iter().filter(|it| !told.contains(&it.part)), now));
    }
    problems.extend(installer.1);
    if let Some(rehearsal) = &rehearsal {
        rehearsal.keep_keys()?;
    }
    Ok(Examination { bundle, validities, grants, problems })
}

fn refused(what: &crate::error::Error, remedy: String) -> Problem {
    Problem { weight: Weight::Refused, what: what.to_string(), remedy }
}

/// The app and its drivers as the bundle stage would lay them out.
fn expected(product: &Product, signing: &Signing) -> Result<Vec<Code>> {
    let bundle = |path: PathBuf,
                  base: PathBuf,
                  executable: PathBuf,
                  identifier: &str,
                  shape|
     -> Result<Code> {
        let layout = Layout { info: base.join("Info.plist"), base, shape };
        let part = parts::part_of(&path, &signing.parts)?;
        Ok(Code { path, executable, identifier: identifier.to_owned(), kind: CodeKind::Bundle(layout), part })
    };
    let mut all = Vec::new();
    for driver in &product.drivers {
        let path = Path::new(EXTENSIONS).join(driver.bundle_name());
        let executable = path.join(driver.executable());
        all.push(bundle(path.clone(), path, executable, &driver.bundle_id, Shape::Flat)?);
    }
    let executable = Path::new("Contents/MacOS").join(product.app.executable());
    all.push(bundle(PathBuf::new(), "Contents".into(), executable, &product.app.bundle_id, Shape::Deep)?);
    Ok(all)
}

fn grants(planned: &Planned) -> Vec<Grant> {
    let Some(claims) = &planned.claims else { return Vec::new() };
    // A claim of false is no claim.
    let restricted = claims
        .entitlements
        .values()
        .iter()
        .filter(|(key, value)| is_restricted(key) && **value != Value::Bool(false));
    let grant = |(key, claimed): (&str, &Value)| {
        let granted = planned.profile.as_ref().and_then(|it| it.entitlements.get(key));
        let answer = match (&planned.profile, answer(granted, claimed)) {
            (None, _) => Granting::NoProfile,
            (Some(_), Answer::Granted) if has_star(claimed) => Granting::DevelopmentWildcard,
            (Some(_), Answer::Granted | Answer::Wildcard) => Granting::Granted,
            (Some(_), Answer::OtherValue | Answer::Missing) => Granting::NotGranted,
        };
        Grant {
            part: planned.code.shown(),
            key: key.to_owned(),
            claimed: claimed.to_string(),
            granted: granted.map(ToString::to_string),
            answer,
            place: claims.place(key),
        }
    };
    restricted.map(|(key, value)| grant((key, value))).collect()
}

/// Whether a value is `*`, or a collection that has one: what development profiles grant in the place of vendor numbers.
fn has_star(value: &Value) -> bool {
    match value {
        Value::String(text) => text == "*",
        Value::Array(items) => items.iter().any(has_star),
        Value::Dict(dict) => dict.iter().any(|(_, it)| has_star(it)),
        _ => false,
    }
}

fn validities(plan: &SigningPlan, now: u64) -> Vec<Validity> {
    let mut all = Vec::new();
    let chain = plan.identity.signer().map(|it| it.chain()).unwrap_or_default();
    all.extend(validities_of(chain, "", plan.mode, now));
    for planned in &plan.parts {
        let Some(profile) = &planned.profile else { continue };
        let good = AHEAD.map(|days| {
            let then = i64::try_from(now.saturating_add(days * preflight::DAY)).unwrap_or(i64::MAX);
            profile.expires.is_some_and(|until| then <= until)
        });
        all.push(Validity {
            what: format!("profile of {}", planned.code.shown()),
            name: profile.name.clone(),
            until: profile.expires,
            good,
            ends_with_first_intermediate: false,
        });
    }
    all
}

/// How long each certificate of a chain is good; `whose` goes before what it is.
fn validities_of(chain: &[Certificate], whose: &str, mode: Mode, now: u64) -> Vec<Validity> {
    let first_ends =
        chain.iter().any(|it| it.has(marker::DEVELOPER_ID_CA) && it.not_after() < FIRST_INTERMEDIATE_ENDS);
    let kind = |index: usize, certificate: &Certificate| match index {
        0 => "leaf",
        _ if certificate.is_self_issued() => "root",
        _ => "intermediate",
    };
    let one = |(index, certificate): (usize, &Certificate)| {
        let what = kind(index, certificate);
        let is_first = first_ends && what != "root" && mode != Mode::Rehearsal;
        validity_of(certificate, format!("{whose}{what}"), is_first, now)
    };
    chain.iter().enumerate().map(one).collect()
}

fn validity_of(
    certificate: &Certificate,
    what: String,
    ends_with_first_intermediate: bool,
    now: u64,
) -> Validity {
    let until = certificate.not_after();
    let good = AHEAD.map(|days| {
        let then = now.saturating_add(days * preflight::DAY);
        (certificate.not_before()..=until).contains(&then)
    });
    let name = certificate.common_name();
    Validity { what, name, until: i64::try_from(until).ok(), good, ends_with_first_intermediate }
}

/// Who signs packages, where packages are signed: how long, and what stands against it.
fn installer(signing: &Signing, rehearsal: Option<&Rehearsal>, now: u64) -> (Vec<Validity>, Vec<Problem>) {
    if !signing.packages.contains(&PackageKind::Pkg) {
        return Default::default();
    }
    let remedy = || format!("make it available as {} says", signing.shown);
    let loaded = pkg::installer_source(signing)
        .and_then(|source| identity::load(&source, rehearsal, Role::DeveloperIdInstaller));
    let identity = match loaded {
        Ok(identity) => identity,
        Err(error) => return (Vec::new(), vec![refused(&error, remedy())]),
    };
    let Some(signer) = identity.signer() else { return Default::default() };
    let mut problems: Vec<Problem> =
        signer.chain().iter().filter_map(|it| preflight::validity(it, now)).collect();
    if let Err(refusal) = identity.demand(Purpose::Installer) {
        problems.push(refused(&Error::usage(signer::Error::from(refusal).what), remedy()));
    }
    let team = signing.team.as_ref().map(|it| it.as_str().to_owned());
    if identity.team() != team {
        let what = format!(
            "the installer certificate `{}` is of team `{}`, the signing file says `{}`",
            signer.leaf().common_name(),
            identity.team().unwrap_or_default(),
            team.unwrap_or_default()
        );
        problems.push(refused(&Error::usage(what), format!("correct `team` in {}", signing.shown)));
    }
    (validities_of(signer.chain(), "installer ", *signing.mode, now), problems)
}

/// The certificates that the profiles are for: they tell when the key ends that is not at hand.
fn named_by_profiles(plan: &SigningPlan, now: u64) -> Vec<Validity> {
    let mut all: Vec<Validity> = Vec::new();
    for planned in &plan.parts {
        let certificates = planned.profile.as_ref().map(|it| it.certificates.as_slice()).unwrap_or_default();
        for certificate in certificates.iter().filter_map(|it| Certificate::from_der(it).ok()) {
            let until = certificate.not_after();
            let is_first = Purpose::of(&certificate) == Purpose::Distribution
                && (FIRST_INTERMEDIATE_ENDS - preflight::DAY..FIRST_INTERMEDIATE_ENDS).contains(&until)
                && plan.mode != Mode::Rehearsal;
            let what = format!("certificate in the profile of {}", planned.code.shown());
            all.push(validity_of(&certificate, what, is_first, now));
        }
    }
    all
}

/// 2027-02-02: the first Developer ID intermediate ends the day before, and the next one years later.
const FIRST_INTERMEDIATE_ENDS: u64 = 1_801_526_400;

/// What can be said while nobody knows who signs.
fn without_identity<'a>(
    plan: &SigningPlan,
    grants: impl Iterator<Item = &'a Grant>,
    now: u64,
) -> Vec<Problem> {
    let mut found = Vec::new();
    for grant in grants.filter(|it| matches!(it.answer, Granting::NotGranted | Granting::NoProfile)) {
        found.push(Problem {
            weight: Weight::Refused,
            what: format!(
                "`{}` claims `{}` ({}), {}",
                grant.part,
                grant.key,
                grant.place,
                grant.answer.words()
            ),
            remedy: "request the capability at developer.apple.com/system-extensions, then name its profile"
                .to_owned(),
        });
    }
    for planned in &plan.parts {
        let Some(profile) = &planned.profile else { continue };
        found.extend(preflight::profile_itself(plan, &planned.code.shown(), profile, now));
        let certificates = profile.certificates.iter().filter_map(|it| Certificate::from_der(it).ok());
        let all: Vec<Problem> = certificates.filter_map(|it| preflight::validity(&it, now)).collect();
        // A profile may name several; one that goes on is enough.
        if all.len() == profile.certificates.len() {
            found.extend(all);
        }
    }
    found.dedup();
    found
}
