//! What code claims, in both forms.

use formats::document::{
    entitlements::is_sorted,
    plist::{Form, OddityKind, Value},
};

use super::{
    grant::{self, Restriction},
    signature::{NO_SIGNATURE, at, main_signatures},
};
use crate::{
    Check, Finding, Judgement, Mode, Needs, Policy, Severity, Subject,
    subject::{Bundle, BundleKind, Found},
};

const DRIVERKIT: &str = "com.apple.developer.driverkit";

/// The kernel's parser takes them.
pub const ENTITLEMENTS_READABLE: Check = Check {
    id: "entitlements-readable",
    title: "entitlements are plain XML that the kernel's parser takes",
    why: "The kernel's parser is stricter than plutil: comments, CDATA and odd entities make AMFI fail at run time. The notary \
          says \"Embedded entitlements are invalid: syntax error near line 1\" of a byte order mark or a binary list.",
    source: "Apple forum (Quinn, \"XML comments in entitlements\"); smsc95xx-macos; notary log",
    fix: "`plutil -convert xml1` the entitlements file, and sign again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: entitlements_readable,
};

fn entitlements_readable(subject: &Subject, _policy: &Policy) -> Judgement {
    let claiming = subject.signatures().filter(|(.., it)| !it.entitlements.is_absent());
    Judgement::each(claiming, "nothing claims entitlements", |(code, image, signature), findings| {
        let place = at(code, image);
        let plist = match &signature.entitlements {
            Found::Broken(fault) => {
                findings.push(Finding::error(place, "entitlements that can be read", fault.to_string()));
                return;
            }
            Found::Present(it) => it,
            Found::Absent => return,
        };
        if plist.form == Form::Binary {
            findings.push(Finding::error(place.clone(), "XML", "a binary property list"));
        }
        if plist.value.as_dict().is_none() {
            findings.push(Finding::error(place.clone(), "a dictionary", plist.value.kind()));
        }
        for (index, odd) in plist.oddities.iter().enumerate() {
            let is_told = plist.oddities.iter().take(index).any(|it| it.kind == odd.kind);
            if is_told {
                continue;
            }
            let severity = match odd.kind {
                OddityKind::ByteOrderMark => Severity::Error,
                // A shipped daemon has plain ones, in both slices, and runs.
                OddityKind::Comment => Severity::Info,
                OddityKind::DuplicateKey(_)
                | OddityKind::CommentWithDashes
                | OddityKind::CharacterReference
                | OddityKind::Cdata
                | OddityKind::TrailingText => Severity::Warning,
            };
            let found = format!("{} at offset {:#x} of the entitlements", odd.kind, odd.offset);
            findings.push(Finding::new(severity, place.clone(), "plain XML, each key once", found));
        }
    })
}

/// Both forms agree.
pub const ENTITLEMENTS_AGREE: Check = Check {
    id: "entitlements-agree",
    title: "entitlements in XML and in DER say the same",
    why: "Newer kernels evaluate the DER, older ones the XML; where they differ, systems disagree about what the code may do. \
          Releases up to 2021 carry no DER and still load.",
    source: "Apple \"Using the latest code signature format\"; absent in 50 of 170 shipped apps, equal in all others",
    fix: "sign again with a tool that writes both (`--generate-entitlement-der` in old codesign)",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: entitlements_agree,
};

fn entitlements_agree(subject: &Subject, _policy: &Policy) -> Judgement {
    let claiming = subject
        .signatures()
        .filter(|(.., it)| !it.entitlements.is_absent() || !it.entitlements_der.is_absent());
    Judgement::each(claiming, "nothing claims entitlements", |(code, image, signature), findings| {
        let place = at(code, image);
        let xml = signature.entitlements.present().and_then(|it| it.value.as_dict());
        match (&signature.entitlements_der, xml) {
            (Found::Broken(fault), _) => {
                findings.push(Finding::error(place, "DER entitlements that can be read", fault.what.clone()));
            }
            // An empty dictionary claims nothing, so it needs no second form.
            (Found::Absent, Some(xml)) if !xml.is_empty() => {
                findings.push(Finding::warning(place, "entitlements in DER, too", "XML only"));
            }
            (Found::Present(der), Some(xml)) => {
                let (der_value, xml_value) = (Value::Dict(der.clone()), Value::Dict(xml.clone()));
                if !xml_value.is_same_as(&der_value) {
                    let differing =
                        xml.keys().chain(der.keys()).find(|key| match (xml.get(key), der.get(key)) {
                            (Some(a), Some(b)) => !a.is_same_as(b),
                            _ => true,
                        });
                    let key = differing.unwrap_or("a key that is there twice");
                    let show =
                        |it: Option<&Value>| it.map_or_else(|| "nothing".to_owned(), ToString::to_string);
                    let expected = format!("`{key}` = {} in DER, as in XML", show(xml.get(key)));
                    findings.push(Finding::error(place, expected, show(der.get(key))));
                } else if !is_sorted(der) {
                    findings.push(Finding::warning(place, "DER with sorted keys", "keys in another order"));
                }
            }
            (Found::Present(der), None) if signature.entitlements.is_absent() && !der.is_empty() => {
                findings.push(Finding::warning(place, "entitlements in XML, too", "DER only"));
            }
            (Found::Present(_) | Found::Absent, _) => {}
        }
    })
}

/// Nothing for debugging.
pub const DEBUG_ENTITLEMENTS: Check = Check {
    id: "debug-entitlements",
    title: "nothing for distribution may be debugged",
    why: "The notary refuses it: \"The executable requests the com.apple.security.get-task-allow entitlement.\" Activation fails \
          with code 8. Xcode injects it into every build that was not archived.",
    source: "Apple \"Resolving common notarization issues\"",
    fix: "CODE_SIGN_INJECT_BASE_ENTITLEMENTS = NO, or archive and export; use the entitlements for distribution",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: debug_entitlements,
};

fn debug_entitlements(subject: &Subject, policy: &Policy) -> Judgement {
    const KEY: &str = "com.apple.security.get-task-allow";
    let mode = Mode::of(subject, policy);
    Judgement::each(subject.signatures(), NO_SIGNATURE, |(code, image, signature), findings| {
        if signature.claims_true(KEY) {
            // The notary lets plug-in hosts through that also disable library validation.
            let is_tolerated = signature.claims_true("com.apple.security.cs.disable-library-validation");
            let severity = match mode {
                Mode::Distribution | Mode::Rehearsal | Mode::AppStore if !is_tolerated => Severity::Error,
                Mode::Distribution | Mode::Rehearsal | Mode::AppStore => Severity::Warning,
                Mode::Development | Mode::AdHoc | Mode::Unsigned => Severity::Info,
            };
            findings.push(Finding::new(
                severity,
                at(code, image),
                format!("no `{KEY}`"),
                format!("`{KEY}` = true"),
            ));
        }
    })
}

/// Nothing that is Apple's alone.
pub const PRIVATE_ENTITLEMENTS: Check = Check {
    id: "private-entitlements",
    title: "no entitlement is claimed that only Apple may have",
    why: "No profile can grant `com.apple.private.…`; with SIP on the process is killed.",
    source: "Apple TN3125; xnu IOUserServer.cpp",
    fix: "remove the claim",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: private_entitlements,
};

fn private_entitlements(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    let claims =
        subject.signatures().filter_map(|(code, image, signature)| Some((code, image, signature.claims()?)));
    Judgement::each(claims, "nothing claims entitlements", |(code, image, claims), findings| {
        for (key, value) in claims.iter().filter(|(key, value)| {
            grant::restriction(key) == Restriction::Private && grant::is_claim_restricted(key, value)
        }) {
            // Ad-hoc builds for machines with SIP off are made with them on purpose.
            let severity = if mode.has_identity() { Severity::Error } else { Severity::Warning };
            let found = format!("`{key}` = {value}");
            findings.push(Finding::new(severity, at(code, image), "no entitlement of Apple's own", found));
        }
    })
}

/// The app may activate.
pub const ACTIVATION_ENTITLEMENT: Check = Check {
    id: "activation-entitlement",
    title: "a host app claims com.apple.developer.system-extension.install",
    why: "Activation fails with code 2 (missingEntitlement) otherwise. It is restricted, so the app needs a profile, too.",
    source: "OSSystemExtensionErrorDomain; claimed by 170 of 170 shipped host apps",
    fix: "add it to the app's entitlements, and have the app's profile grant it",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: activation_entitlement,
};

fn activation_entitlement(subject: &Subject, _policy: &Policy) -> Judgement {
    const KEY: &str = "com.apple.developer.system-extension.install";
    Judgement::each(
        host_signatures(subject),
        "no signed app carries a dext",
        |(_, code, image, signature), findings| {
            if !signature.claims_true(KEY) {
                let claimed = signature.claims().and_then(|it| it.get(KEY));
                let found = claimed.map_or_else(|| "no claim".to_owned(), ToString::to_string);
                findings.push(Finding::error(at(code, image), format!("`{KEY}` = true"), found));
            }
        },
    )
}

/// The app may talk to its own dext.
pub const USER_CLIENT_ACCESS: Check = Check {
    id: "user-client-access",
    title: "a claimed user client access names the app's own dexts",
    why: "The kernel lets an app open a driver's user client when the driver allows any, or the app's list has the driver's \
          identifier: \"UC failed userclient-access check, needed bundle ID …\".",
    source: "xnu iokit IOUserServer.cpp; Apple forum threads 802884, 774297",
    fix: "add the dext's identifier to the list in the app's entitlements and profile",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: user_client_access,
};

fn user_client_access(subject: &Subject, _policy: &Policy) -> Judgement {
    let key = format!("{DRIVERKIT}.userclient-access");
    let claims = host_signatures(subject)
        .filter_map(|(app, code, image, signature)| Some((app, code, image, signature.claims()?.get(&key)?)));
    Judgement::each(
        claims,
        "no host app claims user client access",
        |(app, code, image, claimed), findings| {
            let names = |id: &str| {
                let one = claimed.as_str().into_iter();
                let many = claimed.as_array().unwrap_or_default().iter().filter_map(Value::as_str);
                one.chain(many).any(|it| grant::matches_text(it, id))
            };
            for dext in subject.dexts_of(app) {
                if let Some(id) = dext.id().filter(|id| !names(id)) {
                    findings.push(Finding::warning(
                        at(code, image),
                        format!("`{id}` in `{key}`"),
                        claimed.to_string(),
                    ));
                }
            }
        },
    )
}

/// Keys without effect on a Mac.
pub const IDLE_ENTITLEMENTS: Check = Check {
    id: "idle-entitlements",
    title: "no entitlement is claimed that has no effect on macOS",
    why: "Some keys exist for iPadOS, or are added by the kernel itself; claiming them does nothing.",
    source: "xnu iokit IOKitKeys.h:140, IOUserServer.cpp",
    fix: "remove the claim",
    needs: Needs::Bytes,
    usual: Severity::Info,
    run: idle_entitlements,
};

fn idle_entitlements(subject: &Subject, _policy: &Policy) -> Judgement {
    let claims = main_signatures(subject)
        .filter_map(|(_, code, image, signature)| Some((code, image, signature.claims()?)));
    Judgement::each(claims, "nothing claims entitlements", |(code, image, claims), findings| {
        for idle in ["administrator", "allow-third-party-userclients", "communicates-with-drivers"] {
            let key = format!("{DRIVERKIT}.{idle}");
            if let Some(value) = claims.get(&key) {
                findings.push(Finding::info(
                    at(code, image),
                    format!("no `{key}`"),
                    format!("`{key}` = {value}"),
                ));
            }
        }
    })
}

/// The sandbox.
pub const DRIVER_SANDBOX: Check = Check {
    id: "driver-sandbox",
    title: "a dext claims the app sandbox",
    why: "Apple's template does; drivers without it are shipped and load.",
    source: "absent in the 10 oldest of 170 shipped dexts and in TinyGPU",
    fix: "nothing to do, or claim `com.apple.security.app-sandbox`",
    needs: Needs::Bytes,
    usual: Severity::Info,
    run: driver_sandbox,
};

fn driver_sandbox(subject: &Subject, _policy: &Policy) -> Judgement {
    let signed = main_signatures(subject).filter(|(bundle, ..)| bundle.kind == BundleKind::Dext);
    Judgement::each(signed, "no dext is signed", |(_, code, image, signature), findings| {
        if !signature.claims_true("com.apple.security.app-sandbox") {
            findings.push(Finding::info(
                at(code, image),
                "`com.apple.security.app-sandbox` = true",
                "no claim",
            ));
        }
    })
}

fn host_signatures(
    subject: &Subject,
) -> impl Iterator<Item = (&Bundle, &crate::subject::Code, &crate::subject::Image, &crate::subject::Signature)>
{
    main_signatures(subject).filter(|(bundle, ..)| subject.host_apps().any(|it| it.path == bundle.path))
}
