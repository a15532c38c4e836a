//! Version numbers of driver and app, by themselves and against the last release.

use std::collections::BTreeSet;

use formats::image::Version;

use super::info_plist::{each_dext_info, show};
use crate::{At, Check, Finding, Judgement, Needs, Policy, Severity, Subject, subject::Bundle};

/// Kext grammar.
pub const KEXT_VERSION: Check = Check {
    id: "kext-version",
    title: "a dext's CFBundleVersion is a kext version",
    why: "One to three numbers of up to four digits, optionally a stage (d, a, b, f, fc) and a level up to 255. Anything else \
          is refused: \"Property 'CFBundleVersion' must be a valid kext version\", \"extension failed to validate\", code 9.",
    source: "xnu libkern/OSKextVersion.c; a real case: `500001`",
    fix: "use a version like 1.2.3, never a build timestamp or a count above 9999",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: kext_version,
};

fn kext_version(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_info(subject, |dext, findings| {
        let stated = dext.info_str("CFBundleVersion");
        if stated.and_then(KextVersion::parse).is_none() {
            let found = show(dext, "CFBundleVersion");
            findings.push(Finding::error(At::path(&dext.info_path), "a kext version such as 1.2.3", found));
        }
        if dext.info_str("CFBundleShortVersionString").is_none() {
            let at = At::path(&dext.info_path);
            findings.push(Finding::warning(
                at,
                "`CFBundleShortVersionString`",
                show(dext, "CFBundleShortVersionString"),
            ));
        }
    })
}

/// A version as the kernel orders them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KextVersion {
    numbers: [u16; 3],
    /// d 1, a 3, b 5, f and fc 7, released 9 (`kOSKextVersionStage…`).
    stage: u8,
    level: u8,
}

impl KextVersion {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let at = text.find(|it: char| it.is_ascii_alphabetic()).unwrap_or(text.len());
        let (numbers, stage) = text.split_at(at);
        let mut parsed = [0; 3];
        let mut parts = numbers.split('.');
        for (index, part) in parts.by_ref().enumerate() {
            let is_number = (1..=4).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_digit());
            *parsed.get_mut(index)? = if is_number { part.parse().ok()? } else { return None };
        }
        if stage.is_empty() {
            return Some(Self { numbers: parsed, stage: 9, level: 0 });
        }
        let (rank, level) = [("fc", 7), ("d", 1), ("a", 3), ("b", 5), ("f", 7)]
            .into_iter()
            .find_map(|(name, rank)| Some((rank, stage.strip_prefix(name)?)))?;
        let is_level = (1..=3).contains(&level.len()) && level.bytes().all(|it| it.is_ascii_digit());
        let level: u8 = if is_level { level.parse().ok()? } else { return None };
        if stage.starts_with("fc") && level == 0 {
            return None;
        }
        Some(Self { numbers: parsed, stage: rank, level })
    }
}

/// The lowest DriverKit.
pub const MINIMUM_DRIVERKIT: Check = Check {
    id: "minimum-driverkit",
    title: "a dext states OSMinimumDriverKitVersion, no newer than the macOS it is meant for",
    why: "Without it the extension is refused; with one that is too new, older systems do not load it.",
    source: "Apple documentation of OSMinimumDriverKitVersion; Apple forum thread 796009; in every shipped dext",
    fix: "set `minimum-driverkit` (Xcode: DRIVERKIT_DEPLOYMENT_TARGET)",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: minimum_driverkit,
};

fn minimum_driverkit(subject: &Subject, policy: &Policy) -> Judgement {
    each_dext_info(subject, |dext, findings| {
        let at = At::path(&dext.info_path);
        let Some(stated) =
            dext.info_str("OSMinimumDriverKitVersion").and_then(|it| it.parse::<Version>().ok())
        else {
            let found = show(dext, "OSMinimumDriverKitVersion");
            findings.push(Finding::error(at, "a version such as 20.4", found));
            return;
        };
        if let Some(wanted) = &policy.min_macos
            && driverkit_to_macos(stated) > (wanted.value.major(), u16::from(wanted.value.minor()))
        {
            let expected = format!("a DriverKit that macOS {} has", wanted.value);
            findings.push(Finding::warning(at, expected, stated.to_string()).asked_by(wanted.by.as_deref()));
        }
    })
}

/// The macOS that brought a DriverKit: 20 → 11 … 24 → 15, 25 → 26, 27 → 27 (the numbering jumps). Minor versions of 19 came
/// with 10.15; later ones follow macOS's own minor version.
fn driverkit_to_macos(version: Version) -> (u16, u16) {
    let minor = u16::from(version.minor());
    match version.major() {
        0..=19 => (10, 15),
        major @ 20..=24 => (major - 9, minor),
        25 => (26, minor),
        major => (major, minor),
    }
}

/// App and dext start on the same systems.
pub const APP_MINIMUM: Check = Check {
    id: "app-minimum",
    title: "the host app starts only where its dexts load",
    why: "On an older macOS the app starts and activation then fails.",
    source: "inference from LSMinimumSystemVersion and OSMinimumDriverKitVersion",
    fix: "raise LSMinimumSystemVersion, or lower `minimum-driverkit`",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: app_minimum,
};

fn app_minimum(subject: &Subject, _policy: &Policy) -> Judgement {
    let pairs = subject.dexts().filter_map(|dext| {
        let app = subject.host_of(dext)?;
        let own = app.info_str("LSMinimumSystemVersion")?.parse::<Version>().ok()?;
        let dext = dext.info_str("OSMinimumDriverKitVersion")?.parse::<Version>().ok()?;
        Some((app, own, dext))
    });
    Judgement::each(pairs, "no app with a dext states both versions", |(app, own, dext), findings| {
        let (major, minor) = driverkit_to_macos(dext);
        // Only major versions: what a minor one of DriverKit needs is not documented.
        if own.major() < major {
            let expected = format!("macOS {major}.{minor}, which DriverKit {dext} came with");
            findings.push(Finding::warning(
                At::path(&app.info_path),
                expected,
                format!("LSMinimumSystemVersion {own}"),
            ));
        }
    })
}

/// One version for both.
pub const SAME_VERSION: Check = Check {
    id: "same-version",
    title: "app and dext have the same version",
    why: "Not required: most shipped products keep the dext's version when only the app changes, which spares users an upgrade \
          of the driver.",
    source: "162 of 170 shipped apps differ",
    fix: "nothing to do",
    needs: Needs::Bytes,
    usual: Severity::Info,
    run: same_version,
};

fn same_version(subject: &Subject, _policy: &Policy) -> Judgement {
    let pairs = subject.dexts().filter_map(|dext| {
        let app = subject.host_of(dext)?;
        Some((dext, dext.info_str("CFBundleVersion")?, app.info_str("CFBundleVersion")?))
    });
    Judgement::each(pairs, "no dext lies in an app", |(dext, own, app), findings| {
        if own != app {
            findings.push(Finding::info(At::path(&dext.info_path), format!("{app}, as the app"), own));
        }
    })
}

/// Newer than the last release.
pub const NEWER_THAN_BASELINE: Check = Check {
    id: "newer-than-baseline",
    title: "a dext that changed since the last release has a higher version",
    why: "The system takes a dext with the same identifier and version for the same one and keeps the old: \"Refusing new \
          dext\", \"Upgrade delayed\".",
    source: "xnu libkern/c++/OSKext.cpp",
    fix: "raise `build` in driver.toml whenever the driver changes",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: newer_than_baseline,
};

fn newer_than_baseline(subject: &Subject, _policy: &Policy) -> Judgement {
    let Some(before) = subject.baseline.as_deref() else {
        return Judgement::NotApplicable("no earlier release was given (`--baseline`)".to_owned());
    };
    let pairs =
        subject.dexts().filter_map(|dext| Some((dext, before.dexts().find(|it| it.id() == dext.id())?)));
    Judgement::each(
        pairs,
        "the earlier release has no dext of the same identifier",
        |(dext, old), findings| {
            let version = |it: &Bundle| it.info_str("CFBundleVersion").and_then(KextVersion::parse);
            let (Some(now), Some(then)) = (version(dext), version(old)) else { return };
            let at = At::path(&dext.info_path);
            let text = |it: &Bundle| it.info_str("CFBundleVersion").unwrap_or_default().to_owned();
            if now < then {
                findings.push(Finding::warning(at, format!("at least {}", text(old)), text(dext)));
            } else if now == then && content(subject, dext) != content(before, old) {
                let expected = format!("a version above {}, as the driver changed", text(old));
                findings.push(Finding::warning(at, expected, text(dext)));
            }
        },
    )
}

/// What tells two builds of a dext apart: its code directory hashes, or the files of an unsigned one.
fn content(subject: &Subject, dext: &Bundle) -> BTreeSet<Vec<u8>> {
    let code = subject.main_code(dext).into_iter().flat_map(|it| it.images());
    let directories = code.filter_map(|it| it.signature.present()).flat_map(|it| &it.directories);
    let hashes: BTreeSet<Vec<u8>> = directories.map(|it| it.cdhash.to_vec()).collect();
    if hashes.is_empty() {
        dext.files.iter().filter_map(|it| it.sha256.map(|it| it.to_vec())).collect()
    } else {
        hashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kext_versions_parse_strictly_and_order() {
        for good in ["1", "1.2", "1.2.3", "9999.0.1", "1.0d1", "1.0.0fc255", "1.8.0b12", "0"] {
            assert!(KextVersion::parse(good).is_some(), "{good}");
        }
        for bad in ["", "500001", "1.2.3.4", "1..2", "1.", "1.0x", "1.0d", "1.0d256", "1.0fc0", "v1", "1.2 "]
        {
            assert!(KextVersion::parse(bad).is_none(), "{bad}");
        }
        let order = ["1.0d1", "1.0a1", "1.0b1", "1.0b2", "1.0f1", "1.0", "1.0.1", "1.10", "2"];
        let parsed: Vec<_> = order.iter().map(|it| KextVersion::parse(it).unwrap()).collect();
        assert!(parsed.is_sorted());
    }

    #[test]
    fn driverkit_numbers_map_to_macos() {
        let macos = |text: &str| driverkit_to_macos(text.parse().unwrap());
        assert_eq!(macos("19.4"), (10, 15));
        assert_eq!(macos("20.4"), (11, 4));
        assert_eq!(macos("25.4"), (26, 4));
        assert_eq!(macos("27.0"), (27, 0));
    }
}
