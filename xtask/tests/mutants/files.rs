//! Files of a signed app, added, removed, renamed or changed in kind.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, fs::symlink},
};

use formats::document::{Dict, Value};
use sha1::{Digest, Sha1};

use crate::{
    Row,
    lab::{DEXT, DRIVER, HOST, Lab, SEAL},
    near::{apple_double_of, companion},
    row,
};

pub const ROWS: &[Row] = &[
    row("a file added to the resources", "unsealed-files", |lab| {
        lab.write("Contents/Resources/late.txt", "late")
    }),
    row("a file added to the dext", "unsealed-files", |lab| lab.write(&format!("{DEXT}/late.txt"), "late")),
    row("a file added beside Contents", "app-root", |lab| lab.write("late.txt", "late")),
    row("a file added to the app's _CodeSignature", "signature-folder", |lab| {
        lab.write("Contents/_CodeSignature/late.txt", "late");
    }),
    row("a file added to the dext's _CodeSignature", "signature-folder unsealed-files", |lab| {
        lab.write(&format!("{DEXT}/_CodeSignature/late.txt"), "late");
    }),
    row("a changed Info.plist of the app", "special-slots", |lab| {
        lab.host_info(|it| it.set("CFBundleGetInfoString", "late"));
    }),
    row("a changed Info.plist of the dext", "sealed-files special-slots", |lab| {
        lab.driver_info(|it| it.set("CFBundleGetInfoString", "late"));
    }),
    row(
        "no Info.plist in the dext",
        "dext-flat expected-bundles info-plist sealed-files special-slots unsealed-files",
        |lab| {
            lab.remove(&format!("{DEXT}/Info.plist"));
        },
    ),
    row(
        "an Info.plist that is no property list",
        "info-plist sealed-files special-slots expected-bundles unsealed-files",
        |lab| {
            lab.write(&format!("{DEXT}/Info.plist"), "<plist>");
        },
    ),
    row("the dext's profile removed", "profile-present sealed-files", |lab| {
        lab.remove(&format!("{DEXT}/embedded.provisionprofile"));
    }),
    row("the app's profile removed", "profile-present sealed-files", |lab| {
        lab.remove("Contents/embedded.provisionprofile");
    }),
    row("a profile that is none", "profile-present profile-readable sealed-files", |lab| {
        lab.write("Contents/embedded.provisionprofile", "nothing");
    }),
    row("the app's profile in the dext", "entitlements-granted profile-identifier sealed-files", |lab| {
        let own = fs::read(lab.path("Contents/embedded.provisionprofile")).unwrap();
        lab.write(&format!("{DEXT}/embedded.provisionprofile"), own);
    }),
    row("the dext's executable removed", "executable-present sealed-files", |lab| lab.remove(DRIVER)),
    row("the app's executable removed", "executable-present", |lab| lab.remove(HOST)),
    row("the executable replaced by a link", "executable-present unsealed-files", |lab| {
        lab.rename(HOST, "Contents/MacOS/Other");
        symlink("Other", lab.path(HOST)).unwrap();
    }),
    row("the app's seal removed", "seal-present special-slots", |lab| lab.remove(SEAL)),
    row("the dext's seal removed", "seal-present sealed-files special-slots", |lab| {
        lab.remove(&format!("{DEXT}/_CodeSignature"));
    }),
    row("a seal that is no property list", "seal-present special-slots", |lab| lab.write(SEAL, "nothing")),
    row("an entry taken out of the seal", "special-slots unsealed-files", |lab| {
        sealed(lab, |files| drop(files.remove(&driver_entry("Info.plist")).unwrap()));
    }),
    row("the profile's entry taken out of the seal", "profile-sealed special-slots unsealed-files", |lab| {
        sealed(lab, |files| drop(files.remove("embedded.provisionprofile").unwrap()));
    }),
    row("a hash in the seal", "sealed-files special-slots", |lab| {
        sealed(lab, |files| {
            let hash: Dict = [("hash2", Value::Data(vec![0; 32]))].into_iter().collect();
            files.set(driver_entry("Info.plist"), Value::Dict(hash));
        });
    }),
    row("an entry without a hash", "seal-present special-slots", |lab| {
        sealed(lab, |files| files.set(driver_entry("Info.plist"), Value::Dict(Dict::new())));
    }),
    row("an entry of a file that is not there", "sealed-files special-slots", |lab| {
        sealed(lab, |files| {
            let hash: Dict = [("hash2", Value::Data(vec![0; 32]))].into_iter().collect();
            files.set("Resources/gone.txt", Value::Dict(hash));
        });
    }),
    row("a seal of version 1 alone", "seal-version special-slots", |lab| {
        lab.plist(SEAL, |it| {
            it.remove("files2").unwrap();
            it.remove("rules2").unwrap();
        });
    }),
    row("a seal of version 1 with a file that changed", "sealed-files seal-version special-slots", |lab| {
        of_version_1(lab);
        lab.bytes(&format!("{DEXT}/embedded.provisionprofile"), |it| it.push(0));
    }),
    row("a rule that leaves files out", "seal-version special-slots", |lab| {
        lab.plist(SEAL, |it| {
            let mut rules = it.get("rules2").and_then(Value::as_dict).unwrap().clone();
            let omit: Dict =
                [("omit", Value::Bool(true)), ("weight", Value::Real(5000.0))].into_iter().collect();
            rules.set("^Resources/secret/", Value::Dict(omit));
            it.set("rules2", Value::Dict(rules));
        });
    }),
    row("an executable that nobody may execute", "(executable-mode)", |lab| mode(lab, HOST, 0o644)),
    row("an executable that anyone may write", "(executable-mode)", |lab| mode(lab, DRIVER, 0o757)),
    row("a profile that anyone may write", "(file-modes)", |lab| {
        mode(lab, "Contents/embedded.provisionprofile", 0o666);
    }),
    row("a driver that runs as its owner", "(file-modes)", |lab| mode(lab, DRIVER, 0o4755)),
    row("a pipe in the resources", "file-kinds", |lab| {
        fs::create_dir_all(lab.path("Contents/Resources")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(lab.path("Contents/Resources/pipe")).status();
        assert!(made.unwrap().success());
    }),
    row("a link out of the bundle", "symlinks-inside unsealed-files", |lab| {
        fs::create_dir_all(lab.path("Contents/Resources")).unwrap();
        symlink("/etc/passwd", lab.path("Contents/Resources/link")).unwrap();
    }),
    row("a link that climbs out of the bundle", "symlinks-inside unsealed-files", |lab| {
        fs::create_dir_all(lab.path("Contents/Resources")).unwrap();
        symlink("../../../outside", lab.path("Contents/Resources/link")).unwrap();
    }),
    row("names that differ in case alone", "(names-distinct) (ticket-present)", |lab| {
        lab.signed_again(|it| {
            it.write("Contents/Resources/a.txt", "a");
            it.write("Contents/Resources/A.txt", "A");
        });
    }),
    row("names that differ in how an accent is composed", "(names-distinct) (ticket-present)", |lab| {
        lab.signed_again(|it| {
            it.write("Contents/Resources/Caf\u{e9}.txt", "a");
            it.write("Contents/Resources/Cafe\u{301}.txt", "b");
        });
    }),
    row("the dext renamed", "dext-directory-name sealed-files unsealed-files", |lab| {
        lab.rename(DEXT, "Contents/Library/SystemExtensions/Driver.dext");
    }),
    row("the dext renamed before signing", "dext-directory-name (ticket-present)", |lab| {
        lab.signed_again(|it| it.rename(DEXT, "Contents/Library/SystemExtensions/Driver.dext"));
    }),
    row("the dext in another place", "dext-location (ticket-present)", |lab| {
        let pattern = "Contents/Library/DriverExtensions/*.dext".to_owned();
        lab.signing.parts[0].path = lab.signing.parts[0].path.with(pattern);
        lab.signed_again(|it| {
            let name = DEXT.rsplit('/').next().unwrap();
            it.rename(DEXT, &format!("Contents/Library/DriverExtensions/{name}"));
        });
    }),
    row(
        "a second dext of the same identifier",
        "dext-directory-name dext-ids-distinct unsealed-files",
        |lab| {
            crate::common::copy(&lab.path(DEXT), &lab.path("Contents/Library/SystemExtensions/Second.dext"));
        },
    ),
    row("no dext", "expected-bundles (ticket-present)", |lab| {
        drop(lab.signing.parts.remove(0));
        lab.signed_again(|it| it.remove(DEXT));
    }),
    row("a dext with a folder Contents", "dext-flat (ticket-present)", |lab| {
        lab.signed_again(|it| it.write(&format!("{DEXT}/Contents/Resources/a.txt"), "a"));
    }),
    row("a file that was hidden from the seal by its name", "unsealed-files", |lab| {
        lab.write("Contents/Resources/._late.txt", "late");
    }),
    row("Finder information of the driver", "(attributes-as-files)", |lab| {
        lab.write(&companion(DRIVER), apple_double_of(&[(9, b"APPL????")]));
    }),
    row("a resource fork of the app's executable", "(attributes-as-files)", |lab| {
        lab.write(&companion(HOST), apple_double_of(&[(9, &[0; 32]), (2, b"a fork")]));
    }),
    row("a file in the folder of executables", "unsealed-files", |lab| {
        lab.write("Contents/MacOS/late.sh", "#!/bin/sh");
    }),
];

/// Changes the list of files that the app's seal holds, and the older list with it.
fn sealed(lab: &Lab, change: impl Fn(&mut Dict)) {
    lab.plist(SEAL, |it| {
        let mut files = it.get("files2").and_then(Value::as_dict).unwrap().clone();
        change(&mut files);
        it.set("files2", Value::Dict(files));
    });
}

/// Writes the app's seal as it was before version 2: hashes of SHA-1, right ones.
fn of_version_1(lab: &Lab) {
    lab.plist(SEAL, |seal| {
        let sealed = seal.get("files2").and_then(Value::as_dict).unwrap();
        let hash = |path: &str| Sha1::digest(fs::read(lab.path("Contents").join(path)).unwrap()).to_vec();
        let files: Dict = sealed.keys().map(|path| (path.to_owned(), Value::Data(hash(path)))).collect();
        seal.set("files", Value::Dict(files));
        seal.remove("files2");
        seal.remove("rules2");
    });
}

fn driver_entry(name: &str) -> String {
    format!("{}/{name}", DEXT.strip_prefix("Contents/").unwrap())
}

fn mode(lab: &Lab, inside: &str, mode: u32) {
    fs::set_permissions(lab.path(inside), fs::Permissions::from_mode(mode)).unwrap();
}
