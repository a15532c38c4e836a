//! What Apple granted, to whom, until when; and whether it covers what is claimed.

use formats::{
    document::plist::{Dict, Value},
    signature::digest::hex,
};

use super::{
    grant::{self, Grant, Restriction},
    identity::anchor_fault,
    signature::{at, main_signatures},
};
use crate::{
    At, Check, Finding, Judgement, Mode, Needs, Policy, Severity, Subject,
    subject::{Bundle, BundleKind, Found, Profile},
};

const NO_PROFILE: &str = "no bundle has a readable profile";

fn profiles(subject: &Subject) -> impl Iterator<Item = (&Bundle, &Profile)> {
    subject.bundles.iter().filter_map(|bundle| Some((bundle, bundle.profile.present()?)))
}

fn place(bundle: &Bundle) -> At {
    At::path(bundle.inside(bundle.profile_file()))
}

/// It is there.
pub const PROFILE_PRESENT: Check = Check {
    id: "profile-present",
    title: "every bundle that claims a restricted entitlement carries a profile",
    why: "Without one macOS kills the process at launch: \"No matching profile found\" (-413), for a driver POSIX error 8. \
          codesign, spctl and the notary do not look.",
    source: "Apple TN3125; Apple forum thread 806986",
    fix: "name the profile in the signing file (`profile`), so that it is embedded before signing",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: profile_present,
};

fn profile_present(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    let claiming = main_signatures(subject).filter_map(|(bundle, code, image, signature)| {
        let claimed =
            signature.claims()?.iter().find(|(key, value)| grant::is_claim_restricted(key, value))?;
        Some((bundle, code, image, claimed.0))
    });
    Judgement::each(
        claiming,
        "nothing claims a restricted entitlement",
        |(bundle, code, image, key), findings| {
            let broken = bundle.profile.fault();
            if bundle.profile.present().is_none() {
                let found = broken.map_or_else(|| "none".to_owned(), |it| it.what.to_string());
                // Ad-hoc code can never be granted anything; `not-ad-hoc` and the mode say so.
                let severity = if mode.has_identity() { Severity::Error } else { Severity::Info };
                let expected = format!("a profile that grants `{key}` to {}", code.path);
                findings.push(Finding::new(severity, place(bundle).arch(image.arch()), expected, found));
            }
        },
    )
}

/// It is Apple's.
pub const PROFILE_SIGNATURE: Check = Check {
    id: "profile-signature",
    title: "the profile's signature verifies, by Apple's profile signer",
    why: "macOS ignores a profile that was changed. Its signer is judged at the profile's creation: signers expire early.",
    source: "Apple TN3125; marker OID 1.2.840.113635.100.4.11",
    fix: "download the profile again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: profile_signature,
};

fn profile_signature(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    Judgement::each(profiles(subject), NO_PROFILE, |(bundle, profile), findings| {
        if let Err(why) = &profile.signature {
            findings.push(Finding::error(place(bundle), "a signature that holds", why.clone()));
        }
        if let Some(fault) = anchor_fault(&profile.anchor, mode) {
            findings.push(fault(place(bundle)));
        }
        if let Some(signer) = profile.signer.as_ref().filter(|it| !it.has_marker("4.11")) {
            let found = format!("`{}`", signer.name);
            findings.push(Finding::error(place(bundle), "Apple's profile signer (marker 4.11)", found));
        }
    })
}

/// It has what it needs.
pub const PROFILE_KEYS: Check = Check {
    id: "profile-keys",
    title: "the profile names entitlements, team, prefix, certificates and expiry",
    why: "Without them it authorises nothing.",
    source: "Apple TN3125; present in every shipped profile",
    fix: "download the profile again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: profile_keys,
};

fn profile_keys(subject: &Subject, _policy: &Policy) -> Judgement {
    const NEEDED: [&str; 5] = [
        "Entitlements",
        "TeamIdentifier",
        "ApplicationIdentifierPrefix",
        "DeveloperCertificates",
        "ExpirationDate",
    ];
    const USUAL: [&str; 7] =
        ["CreationDate", "Platform", "UUID", "Name", "TeamName", "TimeToLive", "Version"];
    Judgement::each(profiles(subject), NO_PROFILE, |(bundle, profile), findings| {
        for key in NEEDED.into_iter().filter(|it| !profile.plist.contains(it)) {
            findings.push(Finding::error(place(bundle), format!("`{key}`"), "it is missing"));
        }
        for key in USUAL.into_iter().filter(|it| !profile.plist.contains(it)) {
            findings.push(Finding::warning(place(bundle), format!("`{key}`"), "it is missing"));
        }
    })
}

/// For macOS.
pub const PROFILE_PLATFORM: Check = Check {
    id: "profile-platform",
    title: "the profile is for macOS (OSX)",
    why: "A profile of another platform authorises nothing on a Mac. Profiles for DriverKit say OSX, too.",
    source: "[OSX] in every shipped profile; Apple TN3125",
    fix: "make the profile for macOS",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: profile_platform,
};

fn profile_platform(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(profiles(subject), NO_PROFILE, |(bundle, profile), findings| {
        let list = profile.plist.get("Platform");
        let names = list.and_then(Value::as_array).unwrap_or_default();
        if !names.iter().any(|it| it.as_str() == Some("OSX")) {
            let found = list.map_or_else(|| "none".to_owned(), ToString::to_string);
            findings.push(Finding::warning(place(bundle), "OSX among the platforms", found));
        }
    })
}

/// Not expired.
pub const PROFILE_EXPIRY: Check = Check {
    id: "profile-expiry",
    title: "the profile has not expired",
    why: "An expired profile grants nothing from that day on; macOS looks at every launch. Development profiles last a year.",
    source: "Apple TN3125; developer.apple.com/support/developer-id",
    fix: "make a new profile, embed it and sign again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: profile_expiry,
};

fn profile_expiry(subject: &Subject, policy: &Policy) -> Judgement {
    let margin = policy.margin().saturating_mul(86_400);
    let dated = profiles(subject).filter_map(|(bundle, profile)| Some((bundle, profile, profile.expires()?)));
    Judgement::each(dated, "no profile states when it expires", |(bundle, profile, end), findings| {
        if end <= subject.now {
            let expected = format!("an expiry after {}", subject.now);
            findings.push(Finding::error(place(bundle), expected, end.to_string()));
        } else if end.0.saturating_sub(subject.now.0) < margin {
            let expected = format!("{} more days", policy.margin());
            findings.push(Finding::warning(place(bundle), expected, format!("it expires at {end}")));
        }
        if let Some(start) = profile.created().filter(|it| *it > subject.now) {
            findings.push(Finding::warning(
                place(bundle),
                format!("made before {}", subject.now),
                start.to_string(),
            ));
        }
    })
}

/// This certificate.
pub const PROFILE_CERTIFICATE: Check = Check {
    id: "profile-certificate",
    title: "the signing certificate is in the profile",
    why: "macOS grants nothing to code signed by another certificate, even of the same team (-413). Renewing a certificate \
          without renewing the profiles is how working products die.",
    source: "Apple TN3125; held by 170 of 170 shipped apps; tart#1286 after the rotation to G2",
    fix: "make the profile again with this certificate ticked, or sign with the certificate that it names",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: profile_certificate,
};

fn profile_certificate(subject: &Subject, _policy: &Policy) -> Judgement {
    let signed = main_signatures(subject).filter_map(|(bundle, code, image, signature)| {
        Some((code, image, bundle.profile.present()?, signature.cms.present()?.leaf()?))
    });
    Judgement::each(
        signed,
        "no bundle with a profile is signed by a certificate",
        |(code, image, profile, leaf), findings| {
            if !profile.certificates.contains(&leaf.sha256) {
                let named: Vec<String> = profile.certificates.iter().map(|it| short(it)).collect();
                let named = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
                let expected = format!("a certificate of profile `{}` ({named})", profile.name());
                findings.push(Finding::error(
                    at(code, image),
                    expected,
                    format!("`{}` ({})", leaf.name, short(&leaf.sha256)),
                ));
            }
        },
    )
}

fn short(hash: &[u8]) -> String {
    format!("{}…", hex(hash).get(..12).unwrap_or_default())
}

/// For these Macs.
pub const PROFILE_DEVICES: Check = Check {
    id: "profile-devices",
    title: "the profile is for all Macs, or names the one that is meant",
    why: "A development profile works only on the Macs that it lists, by provisioning UDID (not hardware UUID).",
    source: "Apple TN3125",
    fix: "register the Mac (`system_profiler SPHardwareDataType`, Provisioning UDID) and make the profile again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: profile_devices,
};

fn profile_devices(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    Judgement::each(profiles(subject), NO_PROFILE, |(bundle, profile), findings| {
        let devices = profile.devices();
        if profile.is_for_all_devices() {
            return;
        }
        match (devices, &policy.device) {
            // The store's own profiles list nobody: the receipt decides there.
            (None, _) if mode == Mode::AppStore => {}
            (None, _) => {
                findings.push(Finding::error(place(bundle), "all Macs, or a list of Macs", "neither"))
            }
            (Some(list), Some(wanted)) if !list.iter().any(|it| it.eq_ignore_ascii_case(&wanted.value)) => {
                let found = format!("{} others", list.len());
                findings.push(
                    Finding::error(place(bundle), wanted.value.clone(), found).asked_by(wanted.by.as_deref()),
                );
            }
            (Some(_), _) => {}
        }
    })
}

/// Of the same world as the certificate.
pub const PROFILE_KIND: Check = Check {
    id: "profile-kind",
    title: "profile and certificate are both for development or both for distribution",
    why: "A Developer ID certificate never goes with a list of Macs, nor a development certificate with all Macs; macOS \
          validates neither mixture.",
    source: "Apple TN3125, TN3161",
    fix: "use the profile that belongs to the signing mode",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: profile_kind,
};

fn profile_kind(subject: &Subject, _policy: &Policy) -> Judgement {
    let signed = main_signatures(subject).filter_map(|(bundle, _, _, signature)| {
        let mode = Mode::of_signature(signature);
        mode.has_identity().then_some((bundle, bundle.profile.present()?, mode))
    });
    Judgement::each(
        signed,
        "no bundle with a profile is signed by a certificate",
        |(bundle, profile, mode), findings| {
            let (expected, found) = match mode {
                Mode::Distribution | Mode::Rehearsal if !profile.is_for_all_devices() => {
                    ("a profile for all Macs, as the certificate is Developer ID", "one for a list of Macs")
                }
                Mode::Development if profile.is_for_all_devices() => {
                    ("a development profile, as the certificate is", "one for all Macs")
                }
                _ => return,
            };
            if !findings.iter().any(|it| it.at == place(bundle)) {
                findings.push(Finding::error(place(bundle), expected, found));
            }
        },
    )
}

/// This team, this identifier.
pub const PROFILE_IDENTIFIER: Check = Check {
    id: "profile-identifier",
    title: "the profile is for this team and this bundle identifier",
    why: "Otherwise macOS finds no matching profile (-413). The usual cause: the app's profile in the dext, or the reverse.",
    source: "Apple TN3125; Apple forum thread 680284",
    fix: "embed the profile that was made for this bundle identifier",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: profile_identifier,
};

const APPLICATION_IDENTIFIER: &str = "com.apple.application-identifier";
const TEAM_IDENTIFIER: &str = "com.apple.developer.team-identifier";

fn profile_identifier(subject: &Subject, _policy: &Policy) -> Judgement {
    let signed = main_signatures(subject).filter_map(|(bundle, code, image, signature)| {
        Some((bundle, code, image, signature, bundle.profile.present()?))
    });
    Judgement::each(
        signed,
        "no signed bundle has a profile",
        |(bundle, code, image, signature, profile), findings| {
            let Some(best) = signature.best() else { return };
            let (team, granted_team) = (best.team.as_deref(), profile.team());
            if let (Some(team), Some(granted)) = (team, granted_team)
                && team != granted
            {
                findings.push(Finding::error(place(bundle), format!("a profile of team {team}"), granted));
            }
            let granted =
                profile.entitlements().and_then(|it| it.get(APPLICATION_IDENTIFIER)).and_then(Value::as_str);
            let Some(granted) = granted else {
                findings.push(Finding::warning(
                    place(bundle),
                    format!("`{APPLICATION_IDENTIFIER}`"),
                    "it is missing",
                ));
                return;
            };
            let claimed =
                signature.claims().and_then(|it| it.get(APPLICATION_IDENTIFIER)).and_then(Value::as_str);
            let prefixes: Vec<&str> = profile.prefixes().collect();
            let own = |prefix: &str| format!("{prefix}.{}", best.identifier);
            let is_own = |it: &str| prefixes.iter().chain(team.as_ref()).any(|prefix| own(prefix) == it);
            if let Some(claimed) = claimed
                && !is_own(claimed)
            {
                let expected = own(prefixes.first().copied().or(team).unwrap_or("TEAM"));
                let found = format!("`{APPLICATION_IDENTIFIER}` = {claimed}");
                findings.push(Finding::error(at(code, image), expected, found));
            }
            let fits = claimed.map_or_else(
                || {
                    prefixes
                        .iter()
                        .chain(team.as_ref())
                        .any(|prefix| grant::matches_text(granted, &own(prefix)))
                },
                |claimed| grant::matches_text(granted, claimed),
            );
            if !fits {
                let expected = format!("a profile for `{}`", best.identifier);
                findings.push(Finding::error(place(bundle), expected, format!("it is for `{granted}`")));
            }
        },
    )
}

/// A claimed team is the team.
pub const CLAIMED_TEAM: Check = Check {
    id: "claimed-team",
    title: "a claimed team identifier is the signing team",
    why: "A claim of another team is granted by no profile. Claiming none is normal.",
    source: "absent in 170 of 170 shipped apps; Apple TN3125",
    fix: "remove the claim, or write the signing team",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: claimed_team,
};

fn claimed_team(subject: &Subject, _policy: &Policy) -> Judgement {
    let claims = main_signatures(subject).filter_map(|(_, code, image, signature)| {
        Some((code, image, signature.best()?, signature.claims()?.get(TEAM_IDENTIFIER)?))
    });
    Judgement::each(claims, "nothing claims a team identifier", |(code, image, best, claimed), findings| {
        if claimed.as_str() != best.team.as_deref() {
            let expected = best.team.clone().unwrap_or_else(|| "no claim, as there is no team".to_owned());
            findings.push(Finding::error(at(code, image), expected, claimed.to_string()));
        }
    })
}

/// Value for value.
pub const ENTITLEMENTS_GRANTED: Check = Check {
    id: "entitlements-granted",
    title: "every restricted entitlement is granted by the bundle's own profile, value for value",
    why: "macOS kills the process at launch (\"Unsatisfied entitlements\"), although codesign, spctl and the notary are \
          content. For a driver it looks like \"Exec format error\".",
    source: "Apple TN3125; Apple forum threads 744377, 798056, 806986, 818837; swifty#469",
    fix: "copy the value from the profile into the entitlements verbatim, or ask Apple for the capability and make a new profile",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: entitlements_granted,
};

fn entitlements_granted(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    let empty = Dict::new();
    let signed = main_signatures(subject).filter_map(|(bundle, code, image, signature)| {
        Some((bundle, code, image, signature.claims()?, bundle.profile.present()?))
    });
    Judgement::each(
        signed,
        "no bundle with a profile claims entitlements",
        |(bundle, code, image, claims, profile), findings| {
            let granted = profile.entitlements().unwrap_or(&empty);
            for (key, claimed) in claims.iter() {
                let restriction = grant::restriction(key);
                if matches!(restriction, Restriction::Free | Restriction::Private) {
                    continue;
                }
                let grant = granted.get(key);
                let place = at(code, image);
                let says = format!("`{key}` = {claimed}");
                let allows = |it: &Value| format!("`{key}` = {it}, as profile `{}` grants", profile.name());
                match (grant::covers(claimed, grant), grant) {
                    (Grant::Covered | Grant::NotClaimed, _) => {}
                    (Grant::Missing, _) => {
                        let severity = if restriction == Restriction::Unknown {
                            Severity::Warning
                        } else {
                            Severity::Error
                        };
                        let what = if bundle.kind == BundleKind::Dext { "driver" } else { "app" };
                        let expected = format!("`{key}` in profile `{}` of the {what}", profile.name());
                        findings.push(Finding::new(
                            severity,
                            place,
                            expected,
                            format!("the profile lacks it; claimed is {says}"),
                        ));
                    }
                    (Grant::Differs, Some(grant)) => {
                        let remedy = wildcard_hint(claimed, grant, mode);
                        let mut finding = Finding::error(place, allows(grant), says);
                        finding.fix = remedy.map(str::to_owned);
                        findings.push(finding);
                    }
                    (Grant::OnlyByWildcard, Some(grant)) => {
                        // One measured project saw a refusal; the sample of shipped software does not decide it.
                        let severity =
                            if mode == Mode::Development { Severity::Error } else { Severity::Warning };
                        let fix = "copy the profile's value verbatim: a `*` inside a dictionary is compared, not expanded";
                        findings.push(Finding::new(severity, place, allows(grant), says).fix(fix));
                    }
                    (Grant::Differs | Grant::OnlyByWildcard, None) => {}
                }
            }
        },
    )
}

/// The classic confusion of the two variants of DriverKit entitlements.
fn wildcard_hint(claimed: &Value, granted: &Value, mode: Mode) -> Option<&'static str> {
    let (claims_star, grants_star) = (grant::has_star(claimed), grant::has_star(granted));
    match (claims_star, grants_star, mode) {
        (true, false, Mode::Distribution | Mode::Rehearsal) => Some(
            "these are the entitlements for development (`*`): use the approved values of the distribution profile",
        ),
        (false, true, Mode::Development) => Some(
            "these are the entitlements for distribution: a development profile grants `*`, which must be claimed as it stands",
        ),
        _ => None,
    }
}

/// Granted and unused.
pub const GRANTS_CLAIMED: Check = Check {
    id: "grants-claimed",
    title: "a granted DriverKit entitlement is claimed",
    why: "A profile only allows; what the signature does not claim the driver does not have. Leaving some out is normal.",
    source: "Apple forum thread 818837; 170 of 170 shipped apps leave some out",
    fix: "add the key to the entitlements file if the driver needs it",
    needs: Needs::Bytes,
    usual: Severity::Info,
    run: grants_claimed,
};

fn grants_claimed(subject: &Subject, _policy: &Policy) -> Judgement {
    let mut told: Vec<(&str, &str)> = Vec::new();
    let signed = main_signatures(subject).filter_map(|(bundle, _, _, signature)| {
        Some((bundle, signature.claims()?, bundle.profile.present()?.entitlements()?))
    });
    Judgement::each(
        signed,
        "no bundle with a profile claims entitlements",
        |(bundle, claims, granted), findings| {
            for key in granted.keys().filter(|it| it.starts_with("com.apple.developer.driverkit")) {
                if !claims.contains(key) && !told.contains(&(bundle.path.as_str(), key)) {
                    told.push((&bundle.path, key));
                    findings.push(Finding::info(
                        place(bundle),
                        format!("a claim of `{key}`"),
                        "it is granted and not claimed",
                    ));
                }
            }
        },
    )
}

/// What cannot be read is said.
pub const PROFILE_READABLE: Check = Check {
    id: "profile-readable",
    title: "every embedded profile can be read",
    why: "What is no signed property list grants nothing.",
    source: "Apple TN3125",
    fix: "download the profile again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: profile_readable,
};

fn profile_readable(subject: &Subject, _policy: &Policy) -> Judgement {
    let there = subject.bundles.iter().filter(|it| !it.profile.is_absent());
    Judgement::each(there, "no bundle has a profile", |bundle, findings| {
        if let Found::Broken(fault) = &bundle.profile {
            let at = place(bundle).offset(fault.offset);
            findings.push(Finding::error(at, "a signed profile", fault.what.clone()));
        }
    })
}
