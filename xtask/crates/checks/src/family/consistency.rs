//! Whether slices, bundles and containers agree with each other.

use formats::document::plist::Value;

use super::signature::{at, main_signatures};
use crate::{
    Check, Finding, Judgement, Needs, Policy, Severity, Subject,
    subject::{Code, Image, Signature},
};

/// Slices agree.
pub const SLICES_AGREE: Check = Check {
    id: "slices-agree",
    title: "all slices of a file have one identifier, team, requirement and set of entitlements",
    why: "Otherwise the product behaves differently on Intel and on Apple silicon: granted here, refused there.",
    source: "equal in 170 of 170 shipped apps; linker-signed slices beside unsigned ones are another matter",
    fix: "merge first, then sign the universal file once",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: slices_agree,
};

fn slices_agree(subject: &Subject, _policy: &Policy) -> Judgement {
    let several = subject.codes.iter().filter_map(|code| {
        let mut signed = code.images().filter_map(|image| Some((image, image.signature.present()?)));
        let first = signed.next()?;
        let others: Vec<_> = signed.collect();
        (!others.is_empty()).then_some((code, first, others))
    });
    Judgement::each(several, "no file has several signed slices", |(code, first, others), findings| {
        for other in others {
            compare(code, first, other, findings);
        }
    })
}

fn compare(
    code: &Code,
    first: (&Image, &Signature),
    other: (&Image, &Signature),
    findings: &mut Vec<Finding>,
) {
    let (a, b) = (first.1, other.1);
    let name = first.0.arch();
    let mut differs = |what: &str, here: String, there: String| {
        let expected = format!("{what} {there}, as in {name}");
        findings.push(Finding::error(at(code, other.0), expected, here));
    };
    if let (Some(x), Some(y)) = (a.best(), b.best()) {
        if x.identifier != y.identifier {
            differs("identifier", y.identifier.clone(), x.identifier.clone());
        }
        if x.team != y.team {
            let show = |it: &Option<String>| it.clone().unwrap_or_else(|| "none".to_owned());
            differs("team", show(&y.team), show(&x.team));
        }
    }
    let claims = |it: &Signature| Value::Dict(it.claims().cloned().unwrap_or_default());
    if !claims(a).is_same_as(&claims(b)) {
        differs("entitlements", claims(b).to_string(), claims(a).to_string());
    }
    let text =
        |it: &Signature| it.requirement.present().map_or_else(|| "none".to_owned(), |it| it.text.clone());
    if text(a) != text(b) && !a.is_ad_hoc() && !b.is_ad_hoc() {
        differs("requirement", text(b), text(a));
    }
    if a.is_ad_hoc() != b.is_ad_hoc() {
        let show =
            |it: &Signature| if it.is_ad_hoc() { "an ad-hoc signature" } else { "a certificate" }.to_owned();
        differs("signed by", show(b), show(a));
    }
}

/// Identifier and bundle agree.
pub const SIGNING_IDENTIFIER: Check = Check {
    id: "signing-identifier",
    title: "the signing identifier of a bundle is its CFBundleIdentifier",
    why: "Requirement, profile and sysextd go by it.",
    source: "equal in 170 of 170 shipped apps; Apple forum thread 680284",
    fix: "sign without an identifier of your own (codesign: no `-i`)",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: signing_identifier,
};

fn signing_identifier(subject: &Subject, _policy: &Policy) -> Judgement {
    let named = main_signatures(subject)
        .filter_map(|(bundle, code, image, signature)| Some((bundle.id()?, code, image, signature)));
    Judgement::each(
        named,
        "no signed bundle states an identifier",
        |(id, code, image, signature), findings| {
            for directory in signature.directories.iter().filter(|it| it.identifier != id) {
                // A linker signs by file name; that such code is ad-hoc is said elsewhere.
                let severity = if signature.is_ad_hoc() { Severity::Info } else { Severity::Error };
                findings.push(Finding::new(severity, at(code, image), id, directory.identifier.clone()));
            }
        },
    )
}

/// One team.
pub const SAME_TEAM: Check = Check {
    id: "same-team",
    title: "a dext is signed by its app's team",
    why: "sysextd activates only extensions of the app's own team, and the kernel compares teams when the app opens the driver.",
    source: "xnu iokit IOUserServer.cpp:4123; one team in every shipped product",
    fix: "sign app and dext with one identity",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: same_team,
};

fn same_team(subject: &Subject, _policy: &Policy) -> Judgement {
    // The outer option: nothing signed that could be read, which others report.
    let team = |bundle: &crate::subject::Bundle| {
        let code = subject.main_code(bundle)?;
        code.images().find_map(|it| Some(it.signature.present()?.best()?.team.clone()))
    };
    let pairs = subject.dexts().filter_map(|dext| {
        let app = subject.host_of(dext)?;
        Some((dext, team(dext)?, team(app)?)).filter(|(_, dext, app)| dext.is_some() || app.is_some())
    });
    Judgement::each(pairs, "no dext lies in an app and either has a team", |(dext, own, app), findings| {
        if own != app {
            let show = |it: Option<String>| it.unwrap_or_else(|| "none".to_owned());
            let expected = format!("team {}, as the app", show(app));
            findings.push(Finding::error(crate::At::path(&dext.path), expected, show(own)));
        }
    })
}
