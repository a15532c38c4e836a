//! Every file of a bundle against its `CodeResources`.

use formats::signature::digest::hex;

use crate::{
    At, Check, Finding, Judgement, Needs, Policy, Severity, Subject,
    subject::{Bundle, BundleKind, FileKind, Found, Seal, Sealed, SealedContent},
};

const NO_SEAL: &str = "no bundle has a readable seal";

fn sealed(subject: &Subject) -> impl Iterator<Item = (&Bundle, &Seal)> {
    subject.bundles.iter().filter_map(|bundle| Some((bundle, bundle.seal.present()?)))
}

/// Path of an entry from the bundle on.
fn in_bundle(seal: &Seal, path: &str) -> String {
    if seal.base.is_empty() { path.to_owned() } else { format!("{}/{path}", seal.base) }
}

/// A seal is there.
pub const SEAL_PRESENT: Check = Check {
    id: "seal-present",
    title: "every signed bundle has a seal that can be read",
    why: "Without CodeResources the files beside the executable are not protected: -67056 when the signature promises one, \
          -67055 when it is broken.",
    source: "Security StaticCode.cpp; CSCommon.h",
    fix: "sign the bundle, not the executable alone",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: seal_present,
};

fn seal_present(subject: &Subject, _policy: &Policy) -> Judgement {
    let signed = subject.bundles.iter().filter(|bundle| {
        let code = subject.main_code(bundle);
        let has_signature = code.is_some_and(|it| it.images().any(|it| it.signature.present().is_some()));
        has_signature || !bundle.seal.is_absent()
    });
    Judgement::each(signed, "no bundle is signed", |bundle, findings| match &bundle.seal {
        Found::Present(_) => {}
        Found::Broken(fault) => {
            let at = At::path(bundle.path.clone()).offset(fault.offset);
            findings.push(Finding::error(at, "a CodeResources that can be read", fault.what.clone()));
        }
        Found::Absent => {
            // A linker signs the executable alone; whether that is enough is said by `not-ad-hoc`.
            let is_real = subject.main_code(bundle).is_some_and(|it| {
                it.images().filter_map(|it| it.signature.present()).any(|it| !it.is_ad_hoc())
            });
            let severity = if is_real { Severity::Error } else { Severity::Info };
            findings.push(Finding::new(
                severity,
                At::path(&bundle.path),
                "_CodeSignature/CodeResources",
                "none",
            ));
        }
    })
}

/// Version 2.
pub const SEAL_VERSION: Check = Check {
    id: "seal-version",
    title: "the seal has version 2 rules, and leaves nothing out beyond the default",
    why: "A version 1 seal is weak (-67007), and omit rules of one's own leave files unprotected (-67013); macOS refuses both.",
    source: "Security resources.cpp, StaticCode.cpp",
    fix: "sign again without resource rules",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: seal_version,
};

fn seal_version(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(sealed(subject), NO_SEAL, |(bundle, seal), findings| {
        if !seal.has_version_2 {
            findings.push(Finding::error(At::path(&bundle.path), "`files2` and `rules2`", "version 1 only"));
        }
        for rule in &seal.custom_omits {
            findings.push(Finding::error(
                At::path(&bundle.path),
                "only the default omit rules",
                rule.clone(),
            ));
        }
    })
}

/// Files are as sealed.
pub const SEALED_FILES: Check = Check {
    id: "sealed-files",
    title: "every sealed file is there, unchanged",
    why: "Gatekeeper and codesign refuse the bundle (-67054, \"a sealed resource is missing or invalid\"). A dext is sealed in \
          its app as plain files, so signing the dext again after the app always breaks the app's seal.",
    source: "Security StaticCode.cpp, bundlediskrep.cpp; recomputed on 170 of 170 shipped apps",
    fix: "sign from the inside out: dext first, then the app; change nothing afterwards",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: sealed_files,
};

fn sealed_files(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(sealed(subject), NO_SEAL, |(bundle, seal), findings| {
        for entry in &seal.entries {
            if let Some((expected, found)) = broken_entry(bundle, seal, entry) {
                let path = bundle.inside(&in_bundle(seal, &entry.path));
                findings.push(Finding::error(At::path(path), expected, found));
            }
        }
    })
}

fn broken_entry(bundle: &Bundle, seal: &Seal, entry: &Sealed) -> Option<(String, String)> {
    let file = bundle.file(&in_bundle(seal, &entry.path));
    let Some(file) = file else {
        return (!entry.is_optional).then(|| ("a sealed file".to_owned(), "it is missing".to_owned()));
    };
    match (&entry.content, &file.kind) {
        (SealedContent::File { sha1, sha256 }, FileKind::Regular(_)) => {
            let pairs = [
                (sha256.as_deref(), file.sha256.as_ref().map(|it| &it[..])),
                (sha1.as_deref(), file.sha1.as_ref().map(|it| &it[..])),
            ];
            // The strongest promised hash decides; without any the entry protects nothing.
            let Some((promised, actual)) =
                pairs.into_iter().find_map(|(promised, actual)| Some((promised?, actual)))
            else {
                return Some(("an entry with a hash".to_owned(), "none".to_owned()));
            };
            let Some(actual) = actual else {
                return Some((format!("hash {}", hex(promised)), "the file could not be hashed".to_owned()));
            };
            (promised != actual).then(|| (format!("hash {}", hex(promised)), hex(actual)))
        }
        (SealedContent::Symlink(goal), FileKind::Symlink(actual)) => {
            (goal != actual).then(|| (format!("a link to `{goal}`"), format!("a link to `{actual}`")))
        }
        // Nested code is compared by `nested-code`.
        (SealedContent::Nested { .. }, _) => None,
        (SealedContent::File { .. }, other) => Some(("a regular file".to_owned(), kind(other).to_owned())),
        (SealedContent::Symlink(goal), other) => {
            Some((format!("a link to `{goal}`"), kind(other).to_owned()))
        }
    }
}

const fn kind(kind: &FileKind) -> &'static str {
    match kind {
        FileKind::Regular(_) => "a regular file",
        FileKind::Folder => "a folder",
        FileKind::Symlink(_) => "a symbolic link",
        FileKind::Other => "something that is no file",
    }
}

/// Nothing was added.
pub const UNSEALED_FILES: Check = Check {
    id: "unsealed-files",
    title: "no file was added after signing",
    why: "A file without entry in the seal is refused like a changed one (-67054).",
    source: "Security bundlediskrep.cpp defaultResourceRules; AppleDouble files and the stapled ticket are left out",
    fix: "remove the file, or sign again with it",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: unsealed_files,
};

fn unsealed_files(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(sealed(subject), NO_SEAL, |(bundle, seal), findings| {
        for path in &seal.unsealed {
            let inside = in_bundle(seal, path);
            if !super::layout::is_extraction_trace(bundle, &inside) {
                findings.push(Finding::error(
                    At::path(bundle.inside(&inside)),
                    "only sealed files",
                    "a file without entry",
                ));
            }
        }
    })
}

/// Nested code.
pub const NESTED_CODE: Check = Check {
    id: "nested-code",
    title: "nested code is the one that was sealed",
    why: "Frameworks, helpers and plug-ins are sealed by their code directory hash and requirement; another one is refused \
          (-67021). The hash may be that of any slice and of any code directory.",
    source: "Security StaticCode.cpp; shipped apps name the slice of whatever machine signed them",
    fix: "sign from the inside out",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: nested_code,
};

fn nested_code(subject: &Subject, _policy: &Policy) -> Judgement {
    let nested = sealed(subject).flat_map(|(bundle, seal)| {
        seal.entries.iter().filter_map(move |entry| match &entry.content {
            SealedContent::Nested { cdhash, requirement } => Some((bundle, seal, entry, cdhash, requirement)),
            SealedContent::File { .. } | SealedContent::Symlink(_) => None,
        })
    });
    Judgement::each(
        nested,
        "no seal names nested code",
        |(bundle, seal, entry, cdhash, requirement), findings| {
            let path = bundle.inside(&in_bundle(seal, &entry.path));
            let code = subject
                .bundles
                .iter()
                .find(|it| it.path == path)
                .and_then(|it| subject.main_code(it))
                .or_else(|| subject.codes.iter().find(|it| it.path == path));
            let Some(code) = code else {
                if !entry.is_optional {
                    findings.push(Finding::error(At::path(path), "signed code", "none that can be read"));
                }
                return;
            };
            let directories =
                code.images().filter_map(|it| it.signature.present()).flat_map(|it| &it.directories);
            let hashes: Vec<&[u8]> = directories.map(|it| &it.cdhash[..]).collect();
            if let Some(want) = cdhash
                && !hashes.contains(&want.as_slice())
            {
                let found = hashes.iter().map(|it| hex(it)).collect::<Vec<_>>().join(", ");
                let found = if found.is_empty() { "code without signature".to_owned() } else { found };
                findings.push(Finding::error(At::path(&path), format!("cdhash {}", hex(want)), found));
            }
            if let Some((text, Err(why))) = requirement {
                findings.push(Finding::error(At::path(&path), text.clone(), why.clone()));
            }
            if cdhash.is_none() && requirement.is_none() {
                findings.push(Finding::error(At::path(path), "a cdhash or a requirement", "neither"));
            }
        },
    )
}

/// The profile is sealed.
pub const PROFILE_SEALED: Check = Check {
    id: "profile-sealed",
    title: "the embedded profile is sealed",
    why: "A profile that was put in after signing breaks the seal, and one that is not covered can be exchanged.",
    source: "sealed in 170 of 170 shipped apps and dexts",
    fix: "copy the profile into the bundle before signing",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: profile_sealed,
};

fn profile_sealed(subject: &Subject, _policy: &Policy) -> Judgement {
    // Entries are those of version 2; that there are none is said by `seal-version`.
    let with_profile = sealed(subject).filter(|(_, seal)| seal.has_version_2).filter(|(bundle, _)| {
        matches!(bundle.kind, BundleKind::App | BundleKind::Dext) && !bundle.profile.is_absent()
    });
    Judgement::each(with_profile, "no sealed bundle has a profile", |(bundle, seal), findings| {
        let path = bundle.profile_file();
        if !seal.entries.iter().any(|it| in_bundle(seal, &it.path) == path) {
            findings.push(Finding::error(At::path(bundle.inside(path)), "an entry in the seal", "none"));
        }
    })
}
