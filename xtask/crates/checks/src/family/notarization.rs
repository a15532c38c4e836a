//! The notary's rules in its own words, and the tickets it issued.

use std::collections::BTreeSet;

use formats::{
    image::{FileType, Platform, Version},
    signature::{digest::hex, superblob::Slot},
};

use super::identity::anchor_fault;
use crate::{
    At, Check, Finding, Judgement, Mode, Needs, Policy, Severity, Subject,
    subject::{Code, ContainerKind, Found, Ticket, TicketContent},
};

const NO_TICKET: &str = "nothing is stapled";

/// Tickets are genuine.
pub const TICKET_GENUINE: Check = Check {
    id: "ticket-genuine",
    title: "a stapled ticket is the notary's, unchanged",
    why: "macOS ignores a ticket that does not verify and asks Apple online; offline the product is refused.",
    source: "113 real tickets: ECDSA P-256 over header, certificates and body, chain to Apple Root CA - G3 at the ticket's time",
    fix: "staple again (`cargo xtask staple`, or `xcrun stapler staple`)",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: ticket_genuine,
};

fn ticket_genuine(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    Judgement::each(&subject.tickets, NO_TICKET, |ticket, findings| {
        let place = At::path(&ticket.path);
        let content = match &ticket.content {
            Found::Present(it) => it,
            Found::Absent => return,
            Found::Broken(fault) => {
                findings.push(Finding::error(place, "a ticket that can be read", fault.to_string()));
                return;
            }
        };
        if let Err(why) = &content.signature {
            findings.push(Finding::error(place.clone(), "a signature that holds", why.clone()));
        }
        if let Some(fault) = anchor_fault(&content.anchor, mode) {
            findings.push(fault(place.clone()));
        }
        if content.time > subject.now {
            findings.push(Finding::error(
                place,
                format!("issued before {}", subject.now),
                content.time.to_string(),
            ));
        }
    })
}

/// Tickets are about this product.
pub const TICKET_COVERS: Check = Check {
    id: "ticket-covers",
    title: "a stapled ticket covers what it is stapled to, and the code inside",
    why: "A ticket of another release is ignored: the product counts as stapled and is refused offline all the same. So that is an \
          error where no ticket at all is a warning. A ticket for the app must cover the dext too.",
    source: "Security notarization.cpp; entries of real tickets: the container and every slice of all code",
    fix: "notarize this very file, then staple again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: ticket_covers,
};

fn ticket_covers(subject: &Subject, _policy: &Policy) -> Judgement {
    let readable = subject.tickets.iter().filter_map(|it| Some((it, it.content.present()?)));
    Judgement::each(readable, NO_TICKET, |(ticket, content), findings| {
        let own = own_hashes(subject, ticket);
        if !own.is_empty() && !own.iter().any(|it| content.covers.contains(it)) {
            let expected = own.iter().map(show).collect::<Vec<_>>().join(", ");
            let found = format!("{} other hashes", content.covers.len());
            findings.push(Finding::error(At::path(&ticket.path), format!("a ticket for {expected}"), found));
            return;
        }
        for code in covered_codes(subject, ticket) {
            uncovered(code, content, &ticket.path, findings);
        }
    })
}

/// Hashes of the thing that the ticket is stapled to.
fn own_hashes(subject: &Subject, ticket: &Ticket) -> Vec<(u8, [u8; 20])> {
    if let Some(container) = subject.containers.iter().find(|it| it.path == ticket.path) {
        return container.ticket_hashes.clone();
    }
    let bundle = subject.bundles.iter().find(|it| it.path == ticket.path);
    let code = bundle.and_then(|it| subject.main_code(it));
    code.into_iter().flat_map(|it| it.images()).filter_map(preferred).collect()
}

/// The code below what the ticket is stapled to.
fn covered_codes<'a>(subject: &'a Subject, ticket: &'a Ticket) -> impl Iterator<Item = &'a Code> {
    let is_container = subject.containers.iter().any(|it| it.path == ticket.path);
    subject.codes.iter().filter(move |it| is_container || crate::subject::is_below(&it.path, &ticket.path))
}

fn uncovered(code: &Code, content: &TicketContent, ticket: &str, findings: &mut Vec<Finding>) {
    for image in code.images().filter(|it| it.macho.filetype != FileType::OBJECT) {
        if let Some(hash) = preferred(image)
            && !content.covers.contains(&hash)
        {
            let at = At::path(&code.path).arch(image.arch());
            findings.push(Finding::warning(
                at,
                format!("cdhash {} in the ticket of `{ticket}`", show(&hash)),
                "it is not",
            ));
        }
    }
}

/// The code directory that a ticket names: of the strongest hash.
fn preferred(image: &crate::subject::Image) -> Option<(u8, [u8; 20])> {
    let best = image.signature.present()?.best()?;
    Some((best.hash_type.number(), best.cdhash))
}

fn show(hash: &(u8, [u8; 20])) -> String {
    hex(&hash.1)
}

/// There is a ticket.
pub const TICKET_PRESENT: Check = Check {
    id: "ticket-present",
    title: "a ticket is stapled to the outermost thing that can carry one",
    why: "Without one the first launch needs Apple's servers, and a driver may be activated offline. A ticket on the package \
          alone is normal: the app inside then has none.",
    source: "Apple forum thread 761454; 86 of 93 shipped packages are stapled, no app in them is",
    fix: "staple after notarization (`cargo xtask staple`)",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: ticket_present,
};

fn ticket_present(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    if !mode.is_notarized() {
        return Judgement::NotApplicable(format!("a product signed for {mode} is not notarized"));
    }
    let stapled = |path: &str| subject.tickets.iter().any(|it| it.path == path);
    let boxes =
        subject.containers.iter().filter(|it| it.kind != ContainerKind::Zip).map(|it| (&it.path, true));
    let apps = subject.apps().map(|it| (&it.path, false));
    let any = !subject.tickets.is_empty();
    let carriers = boxes.chain(apps).enumerate();
    Judgement::each(carriers, "nothing here can carry a ticket", |(place, (path, is_container)), findings| {
        if !stapled(path) {
            // Containers come outermost first; what lies in a stapled one needs no ticket of its own.
            let is_outermost = place == 0 && is_container;
            let severity = if any && !is_outermost { Severity::Info } else { Severity::Warning };
            let found = if any { "none, though another part has one" } else { "none" };
            findings.push(Finding::new(severity, At::path(path), "a stapled ticket", found));
        }
    })
}

/// Built with an SDK the notary accepts.
pub const NOTARY_SDK: Check = Check {
    id: "notary-sdk",
    title: "macOS code is built with SDK 10.9 or later",
    why: "The notary refuses it otherwise: \"The binary uses an SDK older than the 10.9 SDK.\" DriverKit counts differently and \
          is not asked.",
    source: "Apple notarization documentation; notary log",
    fix: "build with a current SDK",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: notary_sdk,
};

fn notary_sdk(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    if !mode.is_notarized() {
        return Judgement::NotApplicable(format!("a product signed for {mode} is not notarized"));
    }
    let built = super::macho::linked(subject)
        .flat_map(|(code, image)| image.macho.targets().into_iter().map(move |it| (code, image, it)))
        .filter(|(.., (platform, ..))| *platform == Platform::MACOS);
    Judgement::each(built, "nothing is built for macOS", |(code, image, (.., sdk)), findings| {
        if sdk < Version::new(10, 9, 0) {
            let at = At::path(&code.path).arch(image.arch());
            findings.push(Finding::error(at, "SDK 10.9 or later", sdk.to_string()));
        }
    })
}

/// There is something to notarize.
pub const NOTARY_CONTENTS: Check = Check {
    id: "notary-contents",
    title: "there is signed code to notarize",
    why: "The notary issues no ticket for nothing: \"… has no signed executables or bundles. No tickets can be generated.\"",
    source: "notary log",
    fix: "submit the signed product",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: notary_contents,
};

fn notary_contents(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    let is_asked = policy.mode.as_ref().is_some_and(|it| it.value.is_notarized());
    if !mode.is_notarized() && !is_asked {
        return Judgement::NotApplicable(format!("a product that is {mode} is not notarized"));
    }
    if let Some(fault) = subject.unseen() {
        return Judgement::NotRun(format!("`{}` was not looked into: {}", fault.path, fault.what));
    }
    let has_code =
        subject.signatures().any(|(.., it)| it.directories.iter().any(|it| it.slot == Slot::CodeDirectory));
    let finding = || Finding::error(At::path(&subject.path), "signed code", "none");
    Judgement::Looked(if has_code { Vec::new() } else { vec![finding()] })
}

/// Packages are signed.
pub const CONTAINER_SIGNATURE: Check = Check {
    id: "container-signature",
    title: "a package or disk image is intact and signed for distribution",
    why: "The notary and Gatekeeper ask for Developer ID Installer on packages; an unsigned disk image fails \
          `spctl -t open` even when stapled.",
    source: "Apple documentation; Security policyengine.cpp; marker OID 1.2.840.113635.100.6.1.14",
    fix: "sign the package with a Developer ID Installer identity, the disk image with Developer ID Application",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: container_signature,
};

fn container_signature(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    let boxes = subject.containers.iter().filter(|it| it.kind != ContainerKind::Zip);
    Judgement::each(boxes, "there is no package and no disk image", |container, findings| {
        let place = At::path(&container.path);
        if let Err(why) = &container.digest {
            findings.push(Finding::error(place.clone(), "digests that hold", why.clone()));
        }
        let cms = match &container.signature {
            Found::Present(it) => it,
            Found::Broken(fault) => {
                findings.push(Finding::error(place, "a signature that can be read", fault.to_string()));
                return;
            }
            Found::Absent => {
                let severity = if mode.is_notarized() { Severity::Warning } else { Severity::Info };
                findings.push(Finding::new(severity, place, "a signature", "none"));
                return;
            }
        };
        for why in [&cms.message_digest, &cms.signature].into_iter().filter_map(|it| it.as_ref().err()) {
            findings.push(Finding::error(place.clone(), "a signature that holds", why.clone()));
        }
        if let Some(fault) = anchor_fault(&cms.anchor, mode) {
            findings.push(fault(place.clone()));
        }
        let (marker, kind) = match container.kind {
            ContainerKind::Pkg => ("6.1.14", "Developer ID Installer"),
            ContainerKind::Dmg | ContainerKind::Zip => ("6.1.13", "Developer ID Application"),
        };
        if mode.is_notarized()
            && let Some(leaf) = cms.leaf().filter(|it| !it.has_marker(marker))
        {
            findings.push(Finding::warning(
                place,
                format!("a {kind} certificate"),
                format!("`{}`", leaf.name),
            ));
        }
    })
}

/// Everything of one team, named once.
pub const CONTAINER_TEAM: Check = Check {
    id: "container-team",
    title: "a package is signed by the team of the code inside",
    why: "Gatekeeper shows another name than the driver's approval dialog, and management profiles allow one team.",
    source: "one team in every shipped product",
    fix: "sign the package with the same team's Developer ID Installer identity",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: container_team,
};

fn container_team(subject: &Subject, _policy: &Policy) -> Judgement {
    let teams: BTreeSet<&str> = subject
        .apps()
        .filter_map(|it| subject.main_code(it))
        .flat_map(Code::images)
        .filter_map(|it| it.signature.present()?.best()?.team.as_deref())
        .collect();
    let signed = subject
        .containers
        .iter()
        .filter_map(|it| Some((it, it.signature.present()?.leaf()?.unit.as_deref()?)));
    if teams.is_empty() {
        return Judgement::NotApplicable("no app with a team was found".to_owned());
    }
    Judgement::each(signed, "no container is signed", |(container, team), findings| {
        if !teams.contains(team) {
            let expected = teams.iter().copied().collect::<Vec<_>>().join(", ");
            findings.push(Finding::warning(At::path(&container.path), format!("team {expected}"), team));
        }
    })
}
