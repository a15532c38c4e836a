//! What would make a signature worthless, said before anything is written.
//!
//! The two commonest disasters pass every check of Apple's before launch: a restricted entitlement that the embedded profile does
//! not grant to this certificate, and a certificate that nobody renewed.

use formats::document::Value;
use signer::{
    certificate::{Certificate, marker},
    identity::{Identity, Purpose},
};

use super::{
    Claims, Planned, SigningPlan,
    profile::{Answer, Profile, answer, is_restricted},
};
use crate::config::Mode;

/// Seconds.
pub(super) const DAY: u64 = 86_400;

/// Something that is wrong, or soon will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad.
    pub weight: Weight,
    /// What is wrong, and where it is asked for.
    pub what: String,
    /// One action.
    pub remedy: String,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The result would not load, or not be notarized.
    Refused,
    /// It works today.
    Warning,
}

fn refused(what: impl Into<String>, remedy: impl Into<String>) -> Problem {
    Problem { weight: Weight::Refused, what: what.into(), remedy: remedy.into() }
}

fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Problem {
    Problem { weight: Weight::Warning, what: what.into(), remedy: remedy.into() }
}

/// All problems of a plan at `now` (Unix seconds).
pub fn problems(plan: &SigningPlan, now: u64) -> Vec<Problem> {
    let mut found = identity(plan, now);
    for planned in &plan.parts {
        found.extend(part(plan, planned, now));
    }
    found
}

fn identity(plan: &SigningPlan, now: u64) -> Vec<Problem> {
    let mut found = Vec::new();
    let Some(signer) = plan.identity.signer() else { return found };
    let wanted = match plan.mode {
        Mode::Development => Some(Purpose::Development),
        Mode::Distribution | Mode::Rehearsal => Some(Purpose::Distribution),
        Mode::Adhoc => None,
    };
    if let Some(wanted) = wanted
        && let Err(refusal) = plan.identity.demand(wanted)
    {
        let error = signer::Error::from(refusal);
        found.push(refused(error.what, error.hint.unwrap_or_default()));
    }
    if plan.identity.team() != plan.team {
        let (leaf, file) = (plan.identity.team().unwrap_or_default(), plan.team.clone().unwrap_or_default());
        found.push(refused(
            format!(
                "the certificate `{}` is of team `{leaf}`, the signing file says `{file}`",
                signer.leaf().common_name()
            ),
            format!("correct `team` in {}", plan.file),
        ));
    }
    for certificate in signer.chain() {
        found.extend(validity(certificate, now));
    }
    if plan.mode == Mode::Distribution && !plan.stamper.is_some() {
        found.push(refused(
            "no timestamp server: the notary refuses a signature without a secure timestamp",
            format!("set `timestamp = [\"http://timestamp.apple.com/ts01\"]` in {}", plan.file),
        ));
    }
    found
}

pub(super) fn validity(certificate: &Certificate, now: u64) -> Option<Problem> {
    let name = certificate.common_name();
    if now < certificate.not_before() {
        return Some(refused(format!("`{name}` is not valid yet"), "check this machine's clock"));
    }
    let left = certificate.not_after().saturating_sub(now) / DAY;
    let renew = match certificate.has(marker::DEVELOPER_ID_CA) {
        // Every certificate of the first intermediate ends with it, on 2027-02-01.
        true => {
            "request a new Developer ID certificate (it comes from the next intermediate), then new profiles that \
                 contain it: the certificate first, since profiles name it"
        }
        false => "renew the certificate first, then the profiles that contain it",
    };
    match left {
        _ if now > certificate.not_after() => Some(refused(format!("`{name}` has expired"), renew)),
        0..30 => Some(warning(format!("`{name}` expires in {left} days"), renew)),
        30..90 => Some(warning(format!("`{name}` expires in {left} days, within the next quarter"), renew)),
        _ => None,
    }
}

fn part(plan: &SigningPlan, planned: &Planned, now: u64) -> Vec<Problem> {
    let mut found = Vec::new();
    let at = planned.code.shown();
    if plan.mode == Mode::Distribution && !planned.hardened_runtime {
        found.push(refused(
            format!("`{at}` has no hardened runtime, and the notary demands it"),
            format!("remove `hardened-runtime = false` from {}", plan.file),
        ));
    }
    let claims = planned.claims.as_ref();
    if let Some(claims) = claims
        && plan.mode == Mode::Distribution
    {
        for key in ["com.apple.security.get-task-allow", "get-task-allow"] {
            if claims.entitlements.is_true(key) {
                found.push(refused(
                    format!("`{at}` may be debugged: {} claims `{key}`", claims.place(key)),
                    "keep it for development; the notary refuses it",
                ));
            }
        }
    }
    if let Some(profile) = &planned.profile {
        found.extend(profile_itself(plan, &at, profile, now));
    }
    if let Some(claims) = claims {
        found.extend(granted(plan, planned, claims));
    }
    found
}

pub(super) fn profile_itself(plan: &SigningPlan, at: &str, profile: &Profile, now: u64) -> Vec<Problem> {
    let mut found = Vec::new();
    let name = &profile.name;
    if profile.team != plan.team {
        found.push(refused(
            format!(
                "the profile `{name}` of `{at}` is of team `{}`",
                profile.team.clone().unwrap_or_default()
            ),
            "download the profile of this team",
        ));
    }
    let left = profile.expires.map(|it| it.saturating_sub_unsigned(now) / DAY as i64);
    match left {
        None => {
            found.push(refused(format!("the profile `{name}` has no `ExpirationDate`"), "download it again"))
        }
        Some(..=-1) => {
            found.push(refused(format!("the profile `{name}` of `{at}` has expired"), "generate it again"))
        }
        Some(days @ 0..90) => {
            found.push(warning(
                format!("the profile `{name}` of `{at}` expires in {days} days"),
                "generate it again",
            ));
        }
        Some(_) => {}
    }
    if let Some(signer) = plan.identity.signer()
        && !profile.certificates.iter().any(|it| it == signer.leaf().der())
    {
        let allowed: Vec<String> = profile
            .certificates
            .iter()
            .map(|it| {
                Certificate::from_der(it).map_or("one that cannot be read".to_owned(), |it| describe(&it))
            })
            .collect();
        found.push(refused(
            format!(
                "the profile `{name}` of `{at}` is not for the certificate {}; it is for {}",
                describe(signer.leaf()),
                allowed.join(", ")
            ),
            "generate the profile again with this certificate",
        ));
    }
    match plan.mode {
        Mode::Distribution if !profile.for_all_devices => found.push(refused(
            format!(
                "the profile `{name}` of `{at}` is for {} listed Macs, not for distribution",
                profile.devices
            ),
            "generate a Developer ID profile",
        )),
        Mode::Development if profile.for_all_devices => found.push(refused(
            format!(
                "the profile `{name}` of `{at}` is for distribution, and the certificate for development"
            ),
            "generate a development profile, or sign with `--signing developer-id`",
        )),
        Mode::Distribution | Mode::Development | Mode::Rehearsal | Mode::Adhoc => {}
    }
    found
}

fn describe(certificate: &Certificate) -> String {
    let serial: String = certificate.sha1().iter().take(4).map(|it| format!("{it:02x}")).collect();
    format!("`{}` ({serial}…)", certificate.common_name())
}

/// Each restricted claim against what the profile grants.
fn granted(plan: &SigningPlan, planned: &Planned, claims: &Claims) -> Vec<Problem> {
    let mut found = Vec::new();
    let at = planned.code.shown();
    for (key, claimed) in claims.entitlements.values().iter().filter(|(key, _)| is_restricted(key)) {
        let place = claims.place(key);
        // A claim of false is no claim.
        if *claimed == Value::Bool(false) {
            continue;
        }
        if key.starts_with("com.apple.private.") {
            found.push(refused(
                format!("`{at}` claims `{key}` ({place}), which is Apple's alone"),
                "remove it",
            ));
            continue;
        }
        if matches!(plan.identity, Identity::AdHoc) {
            found.push(warning(
                format!("`{at}` claims `{key}` ({place}) and is signed by nobody: AMFI refuses it unless it is switched off"),
                "sign with a certificate and a profile",
            ));
            continue;
        }
        if key == "com.apple.application-identifier" {
            found.extend(application_identifier(plan, planned, claimed, &place));
        }
        let Some(profile) = &planned.profile else {
            found.push(refused(
                format!("`{at}` claims `{key}` ({place}) without a profile that grants it"),
                format!("name a `profile` for it in {}", plan.file),
            ));
            continue;
        };
        let granted = profile.entitlements.get(key);
        let grant = granted.map_or("nothing".to_owned(), |it| format!("`{it}`"));
        let asked = format!(
            "`{at}` claims `{key}` = `{claimed}` ({place}); the profile `{}` grants {grant}",
            profile.name
        );
        match answer(granted, claimed) {
            Answer::Granted | Answer::Wildcard => {}
            Answer::OtherValue => {
                let development = granted.is_some_and(|it| it.to_string().contains("\"*\""));
                let remedy = match development {
                    true => "copy the profile's value verbatim (a `*` in a development profile grants `*` alone), \
                             or sign with the profile that Apple approved",
                    false => "copy the profile's value verbatim, or request the value at developer.apple.com/system-extensions",
                };
                found.push(refused(asked, remedy));
            }
            Answer::Missing => found.push(refused(
                asked,
                "request the capability at developer.apple.com/system-extensions; development profiles work while approval is pending",
            )),
        }
    }
    found
}

fn application_identifier(
    plan: &SigningPlan,
    planned: &Planned,
    claimed: &Value,
    place: &str,
) -> Option<Problem> {
    let expected = format!("{}.{}", plan.team.clone().unwrap_or_default(), planned.code.identifier);
    (claimed.as_str() != Some(&expected)).then(|| {
        refused(
            format!(
                "`{}` claims the application identifier {claimed} ({place}), and it is `{expected}`",
                planned.code.shown()
            ),
            "write `$(AppIdentifierPrefix)$(CFBundleIdentifier)`",
        )
    })
}
