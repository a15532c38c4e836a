//! What the Info.plists say about the bundles themselves.

use std::collections::BTreeSet;

use crate::{
    At, Check, Finding, Judgement, Needs, Policy, Severity, Subject,
    subject::{Bundle, BundleKind, FileKind},
};

const NO_BUNDLE: &str = "there is no bundle";

/// Info.plist reads.
pub const INFO_PLIST: Check = Check {
    id: "info-plist",
    title: "every bundle has an Info.plist that is a regular file and can be read",
    why: "Identifier, executable and personalities come from it; sysextd and kernelmanagerd refuse a bundle without one, and \
          Security one that is a link (-67015).",
    source: "Security bundlediskrep.cpp, CSCommon.h; XML and binary both ship",
    fix: "write a well-formed Info.plist (`plutil -lint`) and sign again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: info_plist,
};

fn info_plist(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(&subject.bundles, NO_BUNDLE, |bundle, findings| {
        let at = At::path(&bundle.info_path);
        let inside = bundle.info_path.strip_prefix(&bundle.path).and_then(|it| it.strip_prefix('/'));
        if let Some(FileKind::Symlink(goal)) = inside.and_then(|it| bundle.file(it)).map(|it| &it.kind) {
            findings.push(Finding::error(at.clone(), "a regular file", format!("a link to `{goal}`")));
        }
        match (&bundle.info, bundle.info.present()) {
            (_, Some(plist)) if plist.value.as_dict().is_none() => {
                findings.push(Finding::error(at, "a dictionary", plist.value.kind()));
            }
            (_, Some(plist)) => {
                for odd in plist.oddities.iter().filter(|it| is_duplicate(it)) {
                    let at = at.clone().offset(odd.offset);
                    findings.push(Finding::warning(at, "each key once", odd.kind.to_string()));
                }
            }
            (found, None) => {
                let fault = found.fault();
                let at = fault.map_or(at.clone(), |it| at.clone().offset(it.offset));
                let what = fault.map_or_else(|| "none".to_owned(), |it| it.what.to_string());
                // A folder that only looks like a bundle (resources of a framework, say) may do without.
                let is_needed = matches!(bundle.kind, BundleKind::App | BundleKind::Dext | BundleKind::Kext);
                let severity = if is_needed || fault.is_some() { Severity::Error } else { Severity::Warning };
                findings.push(Finding::new(severity, at, "a readable Info.plist", what));
            }
        }
    })
}

fn is_duplicate(it: &formats::document::plist::Oddity) -> bool {
    matches!(it.kind, formats::document::plist::OddityKind::DuplicateKey(_))
}

/// `DEXT`.
pub const DEXT_PACKAGE_TYPE: Check = Check {
    id: "dext-package-type",
    title: "a dext's CFBundlePackageType is DEXT",
    why: "sysextd finds no category for another type: \"does not appear to belong to any extension categories\", code 7 or 9.",
    source: "log texts of sysextd; 170 of 170 shipped dexts",
    fix: "set CFBundlePackageType to DEXT",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: dext_package_type,
};

fn dext_package_type(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_info(subject, |dext, findings| expect_text(dext, "CFBundlePackageType", "DEXT", findings))
}

/// A well-formed identifier.
pub const DEXT_IDENTIFIER: Check = Check {
    id: "dext-identifier",
    title: "a dext has a CFBundleIdentifier of letters, digits, dots and hyphens",
    why: "Without one activation fails with code 5 (extensionMissingIdentifier).",
    source: "OSSystemExtensionErrorDomain; Apple documentation of CFBundleIdentifier",
    fix: "set CFBundleIdentifier",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: dext_identifier,
};

fn dext_identifier(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_info(subject, |dext, findings| {
        let id = dext.id().unwrap_or_default();
        let is_good =
            !id.is_empty() && id.bytes().all(|it| it.is_ascii_alphanumeric() || b".-".contains(&it));
        if !is_good {
            findings.push(Finding::error(
                At::path(&dext.info_path),
                "letters, digits, dots, hyphens",
                show(dext, "CFBundleIdentifier"),
            ));
        }
    })
}

/// The identifier begins with the app's.
pub const DEXT_IDENTIFIER_PREFIX: Check = Check {
    id: "dext-identifier-prefix",
    title: "a dext's identifier begins with its app's",
    why: "A convention on macOS (iPadOS demands it): shipped drivers of two vendors break it and load.",
    source: "broken by 170 of 170 shipped apps",
    fix: "nothing to do on macOS",
    needs: Needs::Bytes,
    usual: Severity::Info,
    run: dext_identifier_prefix,
};

fn dext_identifier_prefix(subject: &Subject, _policy: &Policy) -> Judgement {
    let pairs = subject.dexts().filter_map(|dext| Some((dext, dext.id()?, subject.host_of(dext)?.id()?)));
    Judgement::each(pairs, "no dext lies in an app", |(dext, id, app), findings| {
        let expected = format!("{app}.");
        if !id.starts_with(&expected) {
            findings.push(Finding::info(At::path(&dext.info_path), format!("`{expected}…`"), id));
        }
    })
}

/// A usage description.
pub const USAGE_DESCRIPTION: Check = Check {
    id: "usage-description",
    title: "a dext has a non-empty OSBundleUsageDescription",
    why: "kernelmanagerd refuses the extension without it, naming the key: code 9 (validationFailed).",
    source: "Apple documentation of OSBundleUsageDescription; field report with the log line",
    fix: "add OSBundleUsageDescription: one sentence about what the driver is for",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: usage_description,
};

fn usage_description(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_info(subject, |dext, findings| {
        if dext.info_str("OSBundleUsageDescription").is_none_or(|it| it.trim().is_empty()) {
            let found = show(dext, "OSBundleUsageDescription");
            findings.push(Finding::error(At::path(&dext.info_path), "a sentence", found));
        }
    })
}

/// Supported platforms say DriverKit.
pub const SUPPORTED_PLATFORMS: Check = Check {
    id: "supported-platforms",
    title: "a dext's CFBundleSupportedPlatforms is [DriverKit]",
    why: "Newer Xcode writes DriverKit, older wrote MacOSX; both load.",
    source: "[MacOSX] in 116 of 170 shipped dexts",
    fix: "nothing to do",
    needs: Needs::Bytes,
    usual: Severity::Info,
    run: supported_platforms,
};

fn supported_platforms(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_info(subject, |dext, findings| {
        let list = dext.info.present().and_then(|it| it.value.get("CFBundleSupportedPlatforms"));
        let names: BTreeSet<&str> = list
            .and_then(|it| it.as_array())
            .unwrap_or_default()
            .iter()
            .filter_map(|it| it.as_str())
            .collect();
        if names != BTreeSet::from(["DriverKit"]) {
            let found = show(dext, "CFBundleSupportedPlatforms");
            findings.push(Finding::info(At::path(&dext.info_path), "[\"DriverKit\"]", found));
        }
    })
}

/// Looks at each dext whose Info.plist can be read.
pub(super) fn each_dext_info(subject: &Subject, look: impl FnMut(&Bundle, &mut Vec<Finding>)) -> Judgement {
    let readable = subject.dexts().filter(|it| it.info.present().is_some());
    Judgement::each(readable, "there is no dext with a readable Info.plist", look)
}

/// What a key of Info.plist holds, for a finding.
pub(super) fn show(bundle: &Bundle, key: &str) -> String {
    let value = bundle.info.present().and_then(|it| it.value.get(key));
    value.map_or_else(|| format!("no `{key}`"), ToString::to_string)
}

fn expect_text(bundle: &Bundle, key: &str, expected: &str, findings: &mut Vec<Finding>) {
    if bundle.info_str(key) != Some(expected) {
        findings.push(Finding::error(
            At::path(&bundle.info_path),
            format!("`{key}` = {expected}"),
            show(bundle, key),
        ));
    }
}
