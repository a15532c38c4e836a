//! The designated requirement, evaluated against the certificates in the file.

use super::signature::{NO_SIGNATURE, at};
use crate::{
    Check, Finding, Judgement, Mode, Needs, Policy, Severity, Subject,
    subject::{Found, Satisfied},
};

/// It can be read.
pub const REQUIREMENT_READABLE: Check = Check {
    id: "requirement-readable",
    title: "the designated requirement can be decoded",
    why: "Security refuses a corrupted one (-67052).",
    source: "Security requirement.h, reqreader.cpp",
    fix: "sign again without a requirement of your own",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: requirement_readable,
};

fn requirement_readable(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    Judgement::each(subject.signatures(), NO_SIGNATURE, |(code, image, signature), findings| match &signature
        .requirement
    {
        Found::Broken(fault) => {
            findings.push(Finding::error(
                at(code, image),
                "a requirement that can be decoded",
                fault.what.clone(),
            ));
        }
        // Linker-signed code has no set at all, and codesign then derives one.
        Found::Absent if mode.has_identity() && !signature.is_ad_hoc() => {
            findings.push(Finding::info(
                at(code, image),
                "a designated requirement",
                "none; the system derives one",
            ));
        }
        Found::Absent | Found::Present(_) => {}
    })
}

/// It holds.
pub const REQUIREMENT_SATISFIED: Check = Check {
    id: "requirement-satisfied",
    title: "the code satisfies its own designated requirement",
    why: "macOS evaluates it at every launch (-67050). A requirement that counts certificates wrongly passes the notary and is \
          killed afterwards: \"Broken signature with Team ID fatal\".",
    source: "Apple TN3127; one normal form in all shipped dexts; quill's `certificate root[…6.2.6]` as the classic fault",
    fix: "sign again with a tool that derives the requirement from the chain; leave `requirements` unset",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: requirement_satisfied,
};

fn requirement_satisfied(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    let stated = subject
        .signatures()
        .filter_map(|(code, image, signature)| Some((code, image, signature.requirement.present()?)));
    Judgement::each(
        stated,
        "nothing states a designated requirement",
        |(code, image, requirement), findings| {
            match &requirement.satisfied {
                Satisfied::Yes => {}
                Satisfied::No(part) => {
                    // `anchor apple` under a rehearsal's own root fails by design when that root was not given.
                    let is_by_design = mode == Mode::Rehearsal && part.contains("anchor apple");
                    let severity = if is_by_design { Severity::Info } else { Severity::Error };
                    let found = format!("`{part}` does not hold");
                    findings.push(Finding::new(severity, at(code, image), requirement.text.clone(), found));
                }
                Satisfied::Unknown(why) => {
                    findings.push(Finding::warning(
                        at(code, image),
                        "a requirement that can be evaluated",
                        why.clone(),
                    ));
                }
            }
        },
    )
}

/// It binds the code to somebody.
pub const REQUIREMENT_ANCHORED: Check = Check {
    id: "requirement-anchored",
    title: "the designated requirement names who must have signed",
    why: "It is how the system knows an update of the same program (keychain, privacy grants, firewall). With an identifier alone \
          anybody's code of that name passes for it.",
    source: "Apple TN3127; one normal form, with anchor and team, in 344 of 344 shipped slices",
    fix: "leave `requirements` unset, so that the usual one is derived",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: requirement_anchored,
};

fn requirement_anchored(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    let stated = subject
        .signatures()
        .filter(|(.., it)| mode.has_identity() && !it.is_ad_hoc())
        .filter_map(|(code, image, signature)| Some((code, image, signature.requirement.present()?)));
    Judgement::each(
        stated,
        "nothing with a certificate states a requirement",
        |(code, image, requirement), findings| {
            // csreq prints every condition upon certificates with one of these words.
            let is_anchored =
                ["anchor", "certificate", "cdhash"].iter().any(|it| requirement.text.contains(it));
            if !is_anchored {
                let found = requirement.text.clone();
                findings.push(Finding::warning(at(code, image), "a condition upon certificates", found));
            }
        },
    )
}
