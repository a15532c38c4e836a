//! Who signed, whether that is proved, and when it was.

use super::signature::at;
use crate::{
    At, Check, Finding, Judgement, Mode, Needs, Policy, Severity, Subject,
    subject::{Agility, Anchor, Cms, Code, Found, Image},
};

const NO_CMS: &str = "nothing is signed by a certificate";

fn signed(subject: &Subject) -> impl Iterator<Item = (&Code, &Image, &Cms)> {
    subject.signatures().filter_map(|(code, image, signature)| Some((code, image, signature.cms.present()?)))
}

/// The CMS can be read.
pub const CMS_READABLE: Check = Check {
    id: "cms-readable",
    title: "the CMS signature can be read",
    why: "What Security cannot decode it refuses (-67045). BER with indefinite lengths is normal here.",
    source: "every shipped Mach-O has BER; Security StaticCode.cpp",
    fix: "sign again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: cms_readable,
};

fn cms_readable(subject: &Subject, _policy: &Policy) -> Judgement {
    let with_cms = subject.signatures().filter(|(.., signature)| !signature.cms.is_absent());
    Judgement::each(with_cms, NO_CMS, |(code, image, signature), findings| {
        if let Found::Broken(fault) = &signature.cms {
            findings.push(Finding::error(
                at(code, image),
                "a CMS signature that can be read",
                fault.what.clone(),
            ));
        }
        if signature.cms.present().is_some_and(|it| it.chain.is_empty()) {
            findings.push(Finding::error(
                at(code, image),
                "the signer's certificate",
                "no certificate fits the signer",
            ));
        }
    })
}

/// The signature holds.
pub const CMS_SIGNATURE: Check = Check {
    id: "cms-signature",
    title: "the signer's key signed this code directory",
    why: "Otherwise the code or the signature was changed, and macOS refuses it (-67061).",
    source: "Apple TN3161; verified on every shipped slice",
    fix: "sign again; if it persists, the file is not what its author signed",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: cms_signature,
};

fn cms_signature(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(signed(subject), NO_CMS, |(code, image, cms), findings| {
        if let Err(why) = &cms.message_digest {
            findings.push(Finding::error(at(code, image), "the digest of the code directory", why.clone()));
        }
        if let Err(why) = &cms.signature {
            findings.push(Finding::error(at(code, image), "a signature by the leaf's key", why.clone()));
        }
    })
}

/// All code directories are named.
pub const HASH_AGILITY: Check = Check {
    id: "hash-agility",
    title: "the signed lists of code directory hashes name what is there",
    why: "With more than one code directory only these lists protect the others; a wrong list is refused (-67061).",
    source: "Security StaticCode.cpp; OIDs 1.2.840.113635.100.9.1 and .9.2",
    fix: "sign again with a current tool",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: hash_agility,
};

fn hash_agility(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(signed(subject), NO_CMS, |(code, image, cms), findings| {
        for (agility, name) in
            [(&cms.agility_v1, "the plist of hashes (9.1)"), (&cms.agility_v2, "the list of hashes (9.2)")]
        {
            match agility {
                Agility::Agrees => {}
                Agility::Differs(why) => {
                    findings.push(Finding::error(at(code, image), format!("{name} that fits"), why.clone()));
                }
                Agility::Absent => findings.push(Finding::warning(at(code, image), name, "none")),
            }
        }
    })
}

/// The chain ends at a trusted root.
pub const CERTIFICATE_CHAIN: Check = Check {
    id: "certificate-chain",
    title: "the certificates lead to a trusted root",
    why: "macOS trusts nothing else (-66996), and a signature without its intermediates passes on the machine that made it \
          and nowhere else. Roots are recognised by their pinned hash.",
    source: "Apple TN3161; pins in the source; Apple Root CA in 344 of 344 shipped slices",
    fix: "include the intermediate certificates when signing; for a rehearsal give `--trust-root dist/rehearsal-root.pem`",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: certificate_chain,
};

fn certificate_chain(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    Judgement::each(signed(subject), NO_CMS, |(code, image, cms), findings| {
        let place = at(code, image);
        if let Some(found) = anchor_fault(&cms.anchor, mode) {
            findings.push(found(place));
        }
    })
}

/// What is wrong with where a chain ends, in that mode. A rehearsal proves inner consistency when its root was not given.
pub(super) fn anchor_fault(anchor: &Anchor, mode: Mode) -> Option<impl Fn(At) -> Finding> {
    let (severity, expected, found) = match (anchor, mode) {
        (Anchor::Pinned(_), Mode::Rehearsal) => {
            (Severity::Error, "the rehearsal's own root", "a root of Apple's".to_owned())
        }
        (Anchor::Pinned(_), _) | (Anchor::Given(_), Mode::Rehearsal) => return None,
        (Anchor::Given(name), _) => {
            (Severity::Error, "a root of Apple's", format!("`{name}`, which was only given as trusted"))
        }
        (Anchor::Unknown(name), Mode::Rehearsal) => (
            Severity::Info,
            "a root that was given as trusted",
            format!("`{name}`: consistent in itself, trusted by nobody"),
        ),
        (Anchor::Unknown(name), _) => {
            (Severity::Error, "a root of Apple's", format!("`{name}`, which is not pinned"))
        }
        (Anchor::Broken(why), _) => (Severity::Error, "certificates that lead to a root", why.clone()),
    };
    Some(move |at| Finding::new(severity, at, expected, found.clone()))
}

/// The right kind of certificate.
pub const CERTIFICATE_KIND: Check = Check {
    id: "certificate-kind",
    title: "the leaf is a certificate for this purpose",
    why: "For distribution outside the store macOS and the notary accept Developer ID Application only: \"The binary is not \
          signed with a valid Developer ID certificate.\" For development it must be Apple Development.",
    source: "Apple TN3127, TN3161; marker OIDs 1.2.840.113635.100.6.1.13, 6.1.2, 6.1.12, 6.2.6, 6.2.1",
    fix: "sign with a Developer ID Application identity (distribution) or Apple Development (development)",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: certificate_kind,
};

fn certificate_kind(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    let asked = policy.mode.as_ref().and_then(|it| it.by.as_deref());
    let (leaf_markers, issuer_marker, expected): (&[&str], _, _) = match mode {
        Mode::Distribution | Mode::Rehearsal => {
            (&["6.1.13"], "6.2.6", "a Developer ID Application certificate")
        }
        Mode::Development => (&["6.1.2", "6.1.12"], "6.2.1", "an Apple Development certificate"),
        Mode::AppStore => (&["6.1.4", "6.1.7", "6.1.9"], "6.2.1", "an Apple Distribution certificate"),
        Mode::AdHoc | Mode::Unsigned => {
            return Judgement::NotApplicable(format!("a product that is {mode} has no certificate"));
        }
    };
    let known = signed(subject).filter_map(|(code, image, cms)| Some((code, image, cms, cms.leaf()?)));
    Judgement::each(known, NO_CMS, |(code, image, cms, leaf), findings| {
        if !leaf_markers.iter().any(|it| leaf.has_marker(it)) {
            findings
                .push(Finding::error(at(code, image), expected, format!("`{}`", leaf.name)).asked_by(asked));
        } else if mode != Mode::AppStore
            && let Some(issuer) = cms.chain.get(1)
            && !issuer.has_marker(issuer_marker)
        {
            let expected = format!("an issuer with marker {issuer_marker}");
            findings.push(Finding::error(at(code, image), expected, format!("`{}`", issuer.name)));
        }
    })
}

/// Valid when it was signed.
pub const CERTIFICATE_VALIDITY: Check = Check {
    id: "certificate-validity",
    title: "every certificate was valid at the secure timestamp",
    why: "A Developer ID signature stays good after its certificate ends if a timestamp proves that it was made before. Without \
          timestamp the signer's own claim is all there is.",
    source: "Apple on expired Developer ID certificates; the leaf of 116 of 170 shipped packages has expired since",
    fix: "sign again with a certificate that is valid, and with a timestamp",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: certificate_validity,
};

fn certificate_validity(subject: &Subject, policy: &Policy) -> Judgement {
    let margin = policy.margin().saturating_mul(86_400);
    Judgement::each(signed(subject), NO_CMS, |(code, image, cms), findings| {
        let proved = cms.timestamp.present();
        let Some(moment) = cms.judged_at() else {
            findings.push(Finding::warning(
                at(code, image),
                "a time to judge certificates at",
                "neither timestamp nor signing time",
            ));
            return;
        };
        for certificate in &cms.chain {
            let span = format!(
                "`{}` is valid from {} to {}",
                certificate.name, certificate.not_before, certificate.not_after
            );
            let place = at(code, image);
            if !certificate.is_valid_at(moment) {
                let what = if proved.is_some() { "the timestamp" } else { "the signer's own clock" };
                findings.push(Finding::error(
                    place,
                    format!("certificates valid at {moment} ({what})"),
                    span,
                ));
            } else if !certificate.is_valid_at(subject.now) {
                // With a proved time that is normal; without one, nothing shows that it was made in time.
                let severity = if proved.is_some() { Severity::Info } else { Severity::Warning };
                findings.push(Finding::new(
                    severity,
                    place,
                    format!("certificates valid now ({})", subject.now),
                    span,
                ));
            } else if certificate.not_after.0.saturating_sub(subject.now.0) < margin {
                findings.push(Finding::info(
                    place,
                    format!("certificates valid for {} more days", policy.margin()),
                    span,
                ));
            }
        }
    })
}

/// A timestamp that proves the time.
pub const SECURE_TIMESTAMP: Check = Check {
    id: "secure-timestamp",
    title: "a verified timestamp says when it was signed",
    why: "The notary demands one (\"The signature does not include a secure timestamp.\"), and without it the signature ends \
          with its certificate. A token that is there and does not verify proves nothing: the signer's signature does not cover it.",
    source: "Apple notarization documentation; RFC 3161; a byte flipped inside the token is noticed by nothing else",
    fix: "sign with a timestamp server (`timestamp` of the signing file; codesign: `--timestamp`)",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: secure_timestamp,
};

fn secure_timestamp(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    Judgement::each(signed(subject), NO_CMS, |(code, image, cms), findings| {
        let place = at(code, image);
        let token = match (&cms.timestamp, cms.timestamp.present()) {
            (_, Some(it)) => it,
            (found, None) => {
                let fault = found.fault().map(|it| it.what.to_string());
                let severity = match (mode.is_notarized(), &fault) {
                    (true, _) | (false, Some(_)) => Severity::Error,
                    (false, None) => Severity::Info,
                };
                let found = fault.unwrap_or_else(|| "none".to_owned());
                findings.push(Finding::new(severity, place, "a secure timestamp", found));
                return;
            }
        };
        if let Err(why) = &token.imprint {
            findings.push(Finding::error(place.clone(), "a timestamp of this signature", why.clone()));
        }
        if let Err(why) = &token.signature {
            findings.push(Finding::error(place.clone(), "a timestamp that verifies", why.clone()));
        }
        if let Some(fault) = anchor_fault(&token.anchor, mode) {
            findings.push(fault(place.clone()));
        }
        if token.time > subject.now {
            findings.push(Finding::error(
                place,
                format!("a time before {}", subject.now),
                token.time.to_string(),
            ));
        }
    })
}

/// A strong algorithm.
pub const SIGNATURE_ALGORITHM: Check = Check {
    id: "signature-algorithm",
    title: "the signature uses a strong digest, and no leaf is signed with SHA-1",
    why: "The notary refuses weak ones: \"The signature algorithm used is too weak.\" Roots and old intermediates signed with \
          SHA-1 are pinned and fine.",
    source: "notary log; Apple Root CA's own signature is SHA-1",
    fix: "sign with SHA-256",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: signature_algorithm,
};

fn signature_algorithm(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(signed(subject), NO_CMS, |(code, image, cms), findings| {
        if cms.is_weak {
            findings.push(Finding::error(at(code, image), "SHA-256 or stronger", cms.algorithm.clone()));
        }
        if let Some(leaf) = cms.leaf().filter(|it| it.is_sha1_signed) {
            let found = format!("`{}` is signed with SHA-1", leaf.name);
            findings.push(Finding::error(at(code, image), "a leaf signed with SHA-256", found));
        }
    })
}

/// The team of the certificate is the team of the code.
pub const TEAM: Check = Check {
    id: "team",
    title: "the team of the code directory is the team of the certificate",
    why: "Security refuses another (-66997), and the kernel reads the driver's team from there.",
    source: "Security StaticCode.cpp; xnu iokit IOUserServer.cpp:4123",
    fix: "sign again with the team's own identity",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: team,
};

fn team(subject: &Subject, policy: &Policy) -> Judgement {
    Judgement::each(signed(subject), NO_CMS, |(code, image, cms), findings| {
        let Some(signature) = image.signature.present() else { return };
        let unit = cms.leaf().and_then(|it| it.unit.as_deref());
        for directory in &signature.directories {
            let place = at(code, image);
            let Some(team) = directory.team.as_deref() else {
                findings.push(Finding::error(place, "a team identifier", "none"));
                continue;
            };
            if team.len() != 10 || !team.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit()) {
                findings.push(Finding::error(place.clone(), "10 capital letters and digits", team));
            }
            if unit != Some(team) {
                let expected = unit.map_or_else(
                    || "a certificate with a team".to_owned(),
                    |it| format!("{it}, as the certificate says"),
                );
                findings.push(Finding::error(place.clone(), expected, team));
            }
            if let Some(asked) = policy.team.as_ref().filter(|it| it.value != team) {
                findings.push(Finding::error(place, asked.value.clone(), team).asked_by(asked.by.as_deref()));
            }
        }
    })
}
