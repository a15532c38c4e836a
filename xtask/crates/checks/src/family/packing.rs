//! What encloses a product: names in archives, and what a package says about its payload.

use std::collections::BTreeMap;

use crate::{
    At, Check, Finding, Judgement, Needs, Policy, Severity, Subject,
    subject::{Bundle, Component, Container, ContainerKind},
};

/// A package installs the app where it may activate.
pub const INSTALL_LOCATION: Check = Check {
    id: "install-location",
    title: "a package installs the host app below /Applications",
    why: "From elsewhere activation fails with code 3, \"App containing System Extension to be activated must be in \
          /Applications folder\".",
    source: "Apple forum threads 762003, 817101, 820254; a hidden app in /Applications works",
    fix: "set the install location to /Applications",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: install_location,
};

fn install_location(subject: &Subject, _policy: &Policy) -> Judgement {
    let apps = subject.host_apps().flat_map(|app| {
        components(subject).filter_map(move |(package, it)| Some((package, it, it.inside(&app.path)?)))
    });
    Judgement::each(apps, "no package holds an app that carries a dext", |(package, it, app), findings| {
        // A component that states no place is installed to the root of the volume.
        let location = it.location.as_deref().unwrap_or("/");
        let goal = format!("{}/{app}", location.trim_end_matches('/'));
        if !goal.starts_with("/Applications/") || goal.split('/').any(|it| it == "..") {
            findings.push(Finding::error(At::path(&package.path), "/Applications/…", goal));
        }
    })
}

fn components(subject: &Subject) -> impl Iterator<Item = (&Container, &Component)> {
    subject.containers.iter().flat_map(|it| it.components.iter().map(move |component| (it, component)))
}

/// Archives are safe to unpack.
pub const ARCHIVE_MEMBERS: Check = Check {
    id: "archive-members",
    title: "every member of an archive has a safe and distinct name",
    why: "A name that leaves the folder overwrites files of whoever unpacks it; of two equal names one is lost.",
    source: "zip and cpio practice (path traversal); the notary refuses what it cannot extract",
    fix: "pack again with `cargo xtask package`",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: archive_members,
};

fn archive_members(subject: &Subject, _policy: &Policy) -> Judgement {
    let archives = subject.containers.iter().filter(|it| it.kind != ContainerKind::Dmg);
    Judgement::each(archives, "there is no archive", |archive, findings| {
        for what in &archive.bad_members {
            findings.push(Finding::error(
                At::path(&archive.path),
                "members with safe, distinct names",
                what.clone(),
            ));
        }
    })
}

/// Documents and payload agree.
pub const PACKAGE_LISTS: Check = Check {
    id: "package-lists",
    title: "a package's Bom and PackageInfo name what its payload holds",
    why: "Installer keeps the Bom as the receipt and compares PackageInfo's versions with what is installed: with wrong ones an \
          update is skipped, or files are left behind. Somebody who reads the lists is told another product.",
    source: "inference; Bom, PackageInfo and payload agree in every shipped package looked at",
    fix: "pack again with `cargo xtask package`",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: package_lists,
};

fn package_lists(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(components(subject), "there is no package", |(package, it), findings| {
        for (path, what) in &it.differences {
            let at = At::path(format!("{}/{path}", package.path));
            findings.push(Finding::warning(at, "the same in Bom and payload", what.clone()));
        }
        let bundles = subject.bundles.iter().filter_map(|bundle| Some((it.inside(&bundle.path)?, bundle)));
        let bundles: BTreeMap<&str, &Bundle> = bundles.collect();
        for named in &it.bundles {
            let Some(bundle) = bundles.get(named.path.as_str()) else {
                let expected = format!("`{}`, as PackageInfo names it", named.path);
                findings.push(Finding::warning(At::path(&package.path), expected, "the payload has none"));
                continue;
            };
            for (key, said) in &named.keys {
                let actual = bundle.info_str(key).unwrap_or("none");
                if actual != said {
                    let expected = format!("{key} {said}, as PackageInfo says");
                    findings.push(Finding::warning(At::path(&bundle.info_path), expected, actual));
                }
            }
        }
    })
}
