//! Where things lie in the bundle.

use std::collections::BTreeMap;

use formats::container::names;

use super::info_plist::show;
use crate::{
    At, Check, Finding, Judgement, Needs, Policy, Severity, Subject,
    subject::{Bundle, BundleKind, FileKind, Layout},
};

const NO_DEXT: &str = "there is no dext";
const NO_BUNDLE: &str = "there is no bundle";
/// Where sysextd looks.
const EXTENSIONS: &str = "Contents/Library/SystemExtensions";

/// Dexts lie where sysextd looks.
pub const DEXT_LOCATION: Check = Check {
    id: "dext-location",
    title: "a dext lies in its app's Contents/Library/SystemExtensions",
    why: "sysextd searches only there; elsewhere activation fails with code 4 (extensionNotFound).",
    source: "Apple forum thread 824746; Apple documentation \"Installing System Extensions and Drivers\"",
    fix: "embed the dext there (Xcode: phase \"Embed System Extensions\")",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: dext_location,
};

fn dext_location(subject: &Subject, _policy: &Policy) -> Judgement {
    let pairs = subject.dexts().filter_map(|dext| Some((dext, subject.host_of(dext)?)));
    Judgement::each(pairs, "no dext lies in an app", |(dext, app), findings| {
        let expected = app.inside(&format!("{EXTENSIONS}/{}", dext.name()));
        if dext.path != expected {
            findings.push(Finding::error(At::path(&dext.path), expected, dext.path.clone()));
        }
    })
}

/// The directory is named by the bundle id.
pub const DEXT_DIRECTORY_NAME: Check = Check {
    id: "dext-directory-name",
    title: "a dext's directory is named `<bundle id>.dext`",
    why: "sysextd looks the extension up by that name; otherwise activation fails with code 4, even with SIP off.",
    source: "Apple forum thread 824746; held by 170 of 170 shipped apps",
    fix: "rename the directory; in Xcode: PRODUCT_NAME = $(PRODUCT_BUNDLE_IDENTIFIER)",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: dext_directory_name,
};

fn dext_directory_name(subject: &Subject, _policy: &Policy) -> Judgement {
    let named = subject.dexts().filter_map(|dext| Some((dext, dext.id()?)));
    Judgement::each(named, "no dext states its identifier", |(dext, id), findings| {
        let expected = format!("{id}.dext");
        if dext.name() != expected {
            findings.push(Finding::error(At::path(&dext.path), expected, dext.name()));
        }
    })
}

/// Identifiers are distinct.
pub const DEXT_IDS_DISTINCT: Check = Check {
    id: "dext-ids-distinct",
    title: "no two dexts of an app have one identifier",
    why: "Activation fails with code 6 (duplicateExtensionIdentifer). Several dexts with different identifiers are allowed.",
    source: "OSSystemExtensionErrorDomain; one field report of code 4 with two dexts",
    fix: "give each dext an identifier of its own",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: dext_ids_distinct,
};

fn dext_ids_distinct(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(subject.host_apps(), "no app carries a dext", |app, findings| {
        let mut first = BTreeMap::new();
        for (id, dext) in subject.dexts_of(app).filter_map(|dext| Some((dext.id()?, dext))) {
            if let Some(other) = first.insert(id, dext) {
                let found = format!("`{id}`, as `{}` has", other.path);
                findings.push(Finding::error(At::path(&dext.path), "an identifier of its own", found));
            }
        }
    })
}

/// The expected dexts are there.
pub const EXPECTED_BUNDLES: Check = Check {
    id: "expected-bundles",
    title: "the app and the dexts of the configuration are there, by their identifiers",
    why: "A product without its driver passes every check of what it has.",
    source: "the configuration",
    fix: "build and embed what the configuration names",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: expected_bundles,
};

fn expected_bundles(subject: &Subject, policy: &Policy) -> Judgement {
    if let Some(fault) = subject.unseen()
        && (policy.app_id.is_some() || policy.dext_ids.is_some())
    {
        return Judgement::NotRun(format!("`{}` was not looked into: {}", fault.path, fault.what));
    }
    let app = policy.app_id.iter().map(|it| (BundleKind::App, &it.value, it.by.as_deref()));
    let dexts = policy
        .dext_ids
        .iter()
        .flat_map(|it| it.value.iter().map(|id| (BundleKind::Dext, id, it.by.as_deref())));
    Judgement::each(app.chain(dexts), "no bundles were asked for", |(kind, id, by), findings| {
        let there: Vec<&str> =
            subject.bundles.iter().filter(|it| it.kind == kind).filter_map(Bundle::id).collect();
        let is_needed = kind == BundleKind::Dext || subject.dexts().all(|it| subject.host_of(it).is_some());
        if is_needed && !there.contains(&id.as_str()) {
            let found = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            findings.push(
                Finding::error(At::path(&subject.path), format!("a bundle `{id}`"), found).asked_by(by),
            );
        }
    })
}

/// Dexts are flat.
pub const DEXT_FLAT: Check = Check {
    id: "dext-flat",
    title: "a dext is flat: Info.plist and executable at its top",
    why: "DriverKit bundles are shallow; one with a `Contents` folder is not recognised, and Security calls a mixture \
          ambiguous (-67011).",
    source: "Xcode PackageTypes.xcspec; Security bundlediskrep.cpp",
    fix: "build with Xcode's driver target, or move the files up",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: dext_flat,
};

fn dext_flat(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(subject.dexts(), NO_DEXT, |dext, findings| {
        let has_contents = dext.files.iter().any(|it| it.path == "Contents");
        if dext.layout != Layout::Flat || has_contents {
            let found = if has_contents { "a folder `Contents`" } else { "no Info.plist at the top" };
            findings.push(Finding::error(At::path(&dext.path), "a flat bundle", found));
        }
    })
}

/// Nothing beside `Contents`.
pub const APP_ROOT: Check = Check {
    id: "app-root",
    title: "an app holds nothing beside Contents",
    why: "codesign's strict check refuses unsealed files there (-67014).",
    source: "Security bundlediskrep.cpp, StaticCode.cpp; .DS_Store and Icon\\r are tolerated",
    fix: "delete the strays, or move them into Contents/Resources and sign again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: app_root,
};

fn app_root(subject: &Subject, _policy: &Policy) -> Judgement {
    let deep =
        subject.bundles.iter().filter(|it| it.kind == BundleKind::App && it.layout == Layout::Contents);
    Judgement::each(deep, "there is no app", |app, findings| {
        let tolerated = |it: &str| matches!(it, "Contents" | ".DS_Store" | "Icon\r");
        for file in app.files.iter().filter(|it| !it.path.contains('/') && !tolerated(&it.path)) {
            if !is_extraction_trace(app, &file.path) {
                findings.push(Finding::error(
                    At::path(app.inside(&file.path)),
                    "only `Contents`",
                    file.path.clone(),
                ));
            }
        }
    })
}

/// Nothing but CodeResources.
pub const SIGNATURE_FOLDER: Check = Check {
    id: "signature-folder",
    title: "_CodeSignature holds only regular files that belong there",
    why: "codesign's strict check refuses anything else (-67014).",
    source: "Security bundlediskrep.cpp; only CodeResources in 170 of 170 shipped apps",
    fix: "delete the folder and sign again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: signature_folder,
};

/// Files that stand for signature slots when they are not embedded (Security `csgeneric`/`bundlediskrep`).
const SIGNATURE_FILES: [&str; 7] = [
    "CodeResources",
    "CodeDirectory",
    "CodeSignature",
    "CodeRequirements",
    "CodeEntitlements",
    "CodeRequirements-1",
    "CodeTopDirectory",
];

fn signature_folder(subject: &Subject, _policy: &Policy) -> Judgement {
    let has_folder = |it: &&Bundle| it.files.iter().any(|file| file.path.ends_with("_CodeSignature"));
    Judgement::each(subject.bundles.iter().filter(has_folder), "no bundle is signed", |bundle, findings| {
        let base =
            if bundle.layout == Layout::Contents { "Contents/_CodeSignature/" } else { "_CodeSignature/" };
        for file in &bundle.files {
            let Some(name) = file.path.strip_prefix(base) else { continue };
            let is_known = SIGNATURE_FILES.contains(&name) && matches!(file.kind, FileKind::Regular(_));
            if !is_known && !is_extraction_trace(bundle, &file.path) {
                let found = if file.is_macho { format!("`{name}`, a Mach-O") } else { format!("`{name}`") };
                findings.push(Finding::error(At::path(bundle.inside(&file.path)), "CodeResources", found));
            }
        }
    })
}

/// Extended attributes that became files.
pub const ATTRIBUTES_AS_FILES: Check = Check {
    id: "attributes-as-files",
    title: "no extended attribute lies beside its file as a file",
    why: "AppleDouble files (`._X`) in a package or zip stand for extended attributes, and Installer and ditto fold them \
          back. Files called `name:com.apple.…` come from 7-Zip. Neither is content; a signed Mach-O with a resource fork or \
          Finder info is refused by codesign's strict check (-66999).",
    source: "Security csutilities.cpp pathIsValidXattrFile; in 113 of 170 shipped packages",
    fix: "`xattr -cr` before signing; unpack with a tool that keeps extended attributes",
    needs: Needs::Bytes,
    usual: Severity::Info,
    run: attributes_as_files,
};

fn attributes_as_files(subject: &Subject, _policy: &Policy) -> Judgement {
    let outer = subject.bundles.iter().filter(|it| it.parent.is_none());
    Judgement::each(outer, NO_BUNDLE, |bundle, findings| {
        for file in bundle.files.iter().filter(|it| is_extraction_trace(bundle, &it.path)) {
            let at = At::path(bundle.inside(&file.path));
            let original = bundle.file(&file.path.replacen("._", "", 1));
            match file.detritus.filter(|_| original.is_some_and(|it| it.is_macho)) {
                Some(what) => findings.push(Finding::warning(at, "a program without it", what)),
                None => {
                    findings.push(Finding::info(at, "an extended attribute", "a file that stands for one"));
                }
            }
        }
    })
}

/// A companion `._X` of an existing `X`, or what 7-Zip makes of an attribute.
pub(super) fn is_extraction_trace(bundle: &Bundle, path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let has = |name: &str| match folder {
        "" => bundle.file(name).is_some(),
        folder => bundle.file(&format!("{folder}/{name}")).is_some(),
    };
    if let Some((file, attribute)) = name.split_once(':') {
        let is_code = bundle.file(path).is_some_and(|it| it.is_macho);
        return attribute.starts_with("com.apple.") && !is_code && has(file);
    }
    let Some(original) = name.strip_prefix("._") else { return false };
    bundle.file(path).is_some_and(|it| it.is_apple_double) && has(original)
}

/// The executable is there.
pub const EXECUTABLE_PRESENT: Check = Check {
    id: "executable-present",
    title: "CFBundleExecutable names a regular Mach-O file of the bundle",
    why: "Otherwise Security finds no code (-67029) or refuses it (-67015), and nothing can be launched.",
    source: "Security bundlediskrep.cpp",
    fix: "set CFBundleExecutable to the name of the executable",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: executable_present,
};

fn executable_present(subject: &Subject, _policy: &Policy) -> Judgement {
    let is_code =
        |it: &&Bundle| matches!(it.kind, BundleKind::App | BundleKind::Dext) && it.info.present().is_some();
    Judgement::each(
        subject.bundles.iter().filter(is_code),
        "there is no app and no dext",
        |bundle, findings| {
            let at = At::path(&bundle.info_path);
            let Some(name) =
                bundle.info_str("CFBundleExecutable").filter(|it| !it.is_empty() && !it.contains('/'))
            else {
                findings.push(Finding::error(at, "the name of a file", show(bundle, "CFBundleExecutable")));
                return;
            };
            let path = if bundle.layout == Layout::Contents {
                format!("Contents/MacOS/{name}")
            } else {
                name.to_owned()
            };
            let found = match bundle.file(&path).map(|it| (&it.kind, it.is_macho)) {
                Some((FileKind::Regular(_), true)) => return,
                Some((FileKind::Regular(_), false)) => "a file that is no Mach-O",
                Some((FileKind::Symlink(_), _)) => "a symbolic link",
                Some(_) => "no regular file",
                None => "no such file",
            };
            findings.push(Finding::error(At::path(bundle.inside(&path)), "a regular Mach-O file", found));
        },
    )
}

/// The executable may be executed.
pub const EXECUTABLE_MODE: Check = Check {
    id: "executable-mode",
    title: "main executables are executable by all and writable by their owner only",
    why: "Without the bit the launch fails (EACCES); a file that anyone may write invites a change after installation.",
    source: "inference; 0755 in every shipped dext",
    fix: "`chmod 755`",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: executable_mode,
};

fn executable_mode(subject: &Subject, _policy: &Policy) -> Judgement {
    let files = subject.bundles.iter().filter_map(|bundle| {
        let path = bundle.executable.as_ref()?;
        let inside = path.strip_prefix(&bundle.path)?.strip_prefix('/')?;
        Some((path, bundle.file(inside)?.mode?))
    });
    Judgement::each(files, "permissions were not kept", |(path, mode), findings| {
        if mode & 0o111 != 0o111 || mode & 0o002 != 0 {
            findings.push(Finding::warning(At::path(path), "mode 0755", format!("{:#05o}", mode & 0o7777)));
        }
    })
}

/// Nobody else writes, nothing runs as somebody else.
pub const FILE_MODES: Check = Check {
    id: "file-modes",
    title: "nothing in a bundle may be written by anyone or runs as its owner",
    why: "What anyone may write can be exchanged after installation, which breaks the seal or the trust in it. A program with the \
          bit for set-user-id runs as root once a package has installed it.",
    source: "inference; no such bit on any file of the shipped packages",
    fix: "`chmod -R o-w,u-s,g-s` before packing",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: file_modes,
};

fn file_modes(subject: &Subject, _policy: &Policy) -> Judgement {
    let outer = subject.bundles.iter().filter(|it| it.parent.is_none());
    let known = outer.flat_map(|bundle| {
        let files = bundle.files.iter().filter(|it| !matches!(it.kind, FileKind::Symlink(_)));
        files.filter_map(move |file| Some((bundle, file, file.mode?)))
    });
    Judgement::each(known, "permissions were not kept", |(bundle, file, mode), findings| {
        // Of a main executable that anyone may write `executable-mode` speaks.
        let path = bundle.inside(&file.path);
        let is_told = subject.bundles.iter().any(|it| it.executable.as_ref() == Some(&path));
        let is_open = mode & 0o002 != 0 && !is_told;
        let is_other = mode & 0o6000 != 0 && !matches!(file.kind, FileKind::Folder);
        if is_open || is_other {
            let found = format!("{:#05o}", mode & 0o7777);
            findings.push(Finding::warning(
                At::path(path),
                "written by its owner, run as whoever starts it",
                found,
            ));
        }
    })
}

/// Links stay inside.
pub const SYMLINKS_INSIDE: Check = Check {
    id: "symlinks-inside",
    title: "symbolic links are relative and stay inside their bundle",
    why: "Security refuses others (-67003).",
    source: "Security StaticCode.cpp",
    fix: "replace the link by a relative one, or by the file",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: symlinks_inside,
};

fn symlinks_inside(subject: &Subject, _policy: &Policy) -> Judgement {
    let outer = subject.bundles.iter().filter(|it| it.parent.is_none());
    let links = outer.flat_map(|bundle| {
        bundle.files.iter().filter_map(move |file| match &file.kind {
            FileKind::Symlink(target) => Some((bundle, file, target)),
            FileKind::Regular(_) | FileKind::Folder | FileKind::Other => None,
        })
    });
    Judgement::each(links, "there is no symbolic link", |(bundle, file, target), findings| {
        if formats::container::path::symlink_goal(&file.path, target).is_none() {
            let at = At::path(bundle.inside(&file.path));
            findings.push(Finding::error(at, "a relative link inside the bundle", target.clone()));
        }
    })
}

/// Only things a seal can hold.
pub const FILE_KINDS: Check = Check {
    id: "file-kinds",
    title: "a bundle holds only files, folders and links",
    why: "Security refuses sockets, pipes and devices (-67016).",
    source: "Security CSCommon.h errSecCSResourceNotSupported",
    fix: "delete them",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: file_kinds,
};

fn file_kinds(subject: &Subject, _policy: &Policy) -> Judgement {
    let outer = subject.bundles.iter().filter(|it| it.parent.is_none());
    Judgement::each(outer, NO_BUNDLE, |bundle, findings| {
        for file in bundle.files.iter().filter(|it| it.kind == FileKind::Other) {
            findings.push(Finding::error(
                At::path(bundle.inside(&file.path)),
                "a file, folder or link",
                "something else",
            ));
        }
    })
}

/// Names that clash on a Mac.
pub const NAMES_DISTINCT: Check = Check {
    id: "names-distinct",
    title: "no two names of a folder differ only in case or in how accents are composed",
    why: "Mac volumes ignore case by default, and composition always: one of the two files overwrites the other, and the seal \
          breaks.",
    source: "APFS default volume format; approximate for scripts other than Latin, Greek, Cyrillic, kana and Hangul",
    fix: "rename one of them",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: names_distinct,
};

fn names_distinct(subject: &Subject, _policy: &Policy) -> Judgement {
    let outer = subject.bundles.iter().filter(|it| it.parent.is_none());
    Judgement::each(outer, NO_BUNDLE, |bundle, findings| {
        let mut seen = BTreeMap::new();
        for file in &bundle.files {
            if let Some(other) = seen.insert(names::folded(&file.path), &file.path) {
                let at = At::path(bundle.inside(&file.path));
                findings.push(Finding::warning(
                    at,
                    "a name of its own",
                    format!("`{other}` in another case or composition"),
                ));
            }
        }
    })
}
