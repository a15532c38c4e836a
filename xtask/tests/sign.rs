//! Bundles of every shape, signed in a rehearsal; and what must be refused before anything is written.

mod common;
#[path = "sign/constraints.rs"]
mod constraints;
#[path = "sign/differences.rs"]
mod differences;
#[path = "sign/memory.rs"]
mod memory;
#[path = "sign/packages.rs"]
mod packages;
#[path = "sign/refusals.rs"]
mod refusals;
#[path = "sign/timestamps.rs"]
mod timestamps;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use refusals::{EXECUTABLE, SIGN, command_of};
use signer::authority::Role;
use xtask::{
    config::{IdentitySource, Signing},
    rehearsal::Rehearsal,
    stage::{
        self, detach,
        sign::{SigningPlan, hand::Hand, open_rehearsal, preflight, sign_to},
    },
    workspace::Workspace,
};

/// 32 bytes, so that all tests derive the same keys.
const SEED: &[u8; 32] = b"a seed for tests, of 32 bytes...";

/// A checkout with a signing file, and a bundle `Host.app` to be signed.
struct Desk {
    folder: tempfile::TempDir,
    workspace: Workspace,
}

impl Desk {
    /// `None` without clang and lld.
    fn new(parts: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let desk = Self { folder, workspace };
        desk.write("signing/test.toml", &format!(
            "[signing]\nmode = \"rehearsal\"\nteam = \"REHEARSE01\"\nidentity = {{ rehearsal = {{}} }}\nnotarization = \"none\"\n{parts}"
        ));
        desk.write("seed", std::str::from_utf8(SEED).unwrap());
        let kept = kept_keys(&desk.path("seed"));
        stage::files::copy_tree(&kept.join("target/rehearsal"), &desk.path("target/rehearsal")).unwrap();
        desk.write("Host.app/Contents/Info.plist", &info("com.example.host", "Host"));
        desk.image("Host.app/Contents/MacOS/Host", &[])?;
        desk.write("Host.app/Contents/Resources/de.lproj/a.strings", "a = b;");
        Some(desk)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// An arm64 image at `name`; further arguments go to the linker.
    fn image(&self, name: &str, more: &[&str]) -> Option<()> {
        self.write("a.c", "int main(void) { return 3; }");
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let run = |program: &str, args: &[&str]| {
            let ran = Command::new(program).args(args).current_dir(self.folder.path()).status();
            match ran {
                Ok(status) => assert!(status.success(), "{program} {args:?}"),
                Err(_) if std::env::var_os("XTASK_ORACLES").is_some_and(|it| it == "1") => {
                    panic!("`{program}` is demanded by XTASK_ORACLES and is not installed")
                }
                Err(_) => {
                    println!("not run: `{program}` is not installed");
                    return None;
                }
            }
            Some(())
        };
        run("clang-19", &["-target", "arm64-apple-macos12.0", "-ffreestanding", "-c", "a.c", "-o", "a.o"])?;
        let args = [
            "-dynamic",
            "-arch",
            "arm64",
            "-platform_version",
            "macos",
            "12.0",
            "15.0",
            "-no_adhoc_codesign",
        ];
        run(
            "ld64.lld-19",
            &[&args[..], &["-fixup_chains", "-o", path.to_str().unwrap(), "a.o"], more].concat(),
        )
    }

    fn sign(&self) -> xtask::Result {
        let signing = Signing::load("test", &self.workspace)?;
        let seed = self.path("seed");
        let seed = (signing.identity == IdentitySource::Rehearsal).then_some(seed.as_path());
        let rehearsal = open_rehearsal(&signing, &self.workspace, seed)?;
        sign_to(&self.path("Host.app"), &self.path("out/Host.app"), &signing, rehearsal.as_ref(), &Hand::Ours)
    }

    /// What the signed bundle's seal says.
    fn seal(&self, bundle: &str) -> String {
        fs::read_to_string(self.path("out").join(bundle).join("_CodeSignature/CodeResources")).unwrap()
    }

    /// Signing is refused with `part` and a way out, and what was signed before stays as it is.
    #[track_caller]
    fn refused(&self, part: &str) {
        self.write("out/Host.app/old", "what was signed before");
        let error = self.sign().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert!(error.contains("hint"), "{error}");
        self.old_product_is_left();
        fs::remove_dir_all(self.path("out")).unwrap();
    }

    #[track_caller]
    fn old_product_is_left(&self) {
        let left: Vec<_> =
            stage::files::walk(&self.path("out")).unwrap().into_iter().map(|it| it.path).collect();
        assert_eq!(left, [Path::new("Host.app"), Path::new("Host.app/old")]);
        assert_eq!(fs::read_to_string(self.path("out/Host.app/old")).unwrap(), "what was signed before");
    }

    /// Signs from now on with the key of `role` in files of its own, as one does with Apple's; timestamps come from `servers`.
    fn certified(&self, key: Role, certificates: Role, servers: &[String]) {
        let kept = Workspace::at(kept_keys(&self.path("seed")));
        let rehearsal = Rehearsal::open(&kept, Some(&self.path("seed")), "REHEARSE01").unwrap();
        fs::write(self.path("key.der"), &*rehearsal.authority().key(key).unwrap().to_pkcs8().unwrap())
            .unwrap();
        let chain = rehearsal.authority().chain(certificates).unwrap();
        self.write("chain.pem", &chain.iter().map(|it| it.pem().unwrap()).collect::<String>());
        let servers: Vec<_> = servers.iter().map(|it| format!("{it:?}")).collect();
        self.write("signing/test.toml", &format!(
            "[signing]\nmode = \"distribution\"\nteam = \"REHEARSE01\"\nnotarization = \"none\"\ntimestamp = [{}]\n\
             identity = {{ pem = {{ key = {{ file = \"../key.der\" }}, certificates = \"../chain.pem\" }} }}\n",
            servers.join(", ")
        ));
    }
}

/// A folder whose rehearsal has its keys, which take seconds to derive; kept from run to run.
fn kept_keys(seed: &Path) -> &'static Path {
    static ONCE: OnceLock<PathBuf> = OnceLock::new();
    ONCE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sign-keys");
        let rehearsal = Rehearsal::open(&Workspace::at(&folder), Some(seed), "REHEARSE01").unwrap();
        for role in Role::ALL {
            rehearsal.authority().key(role).unwrap();
        }
        rehearsal.keep_keys().unwrap();
        folder
    })
}

fn info(identifier: &str, executable: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>CFBundleIdentifier</key><string>{identifier}</string>\
         <key>CFBundleExecutable</key><string>{executable}</string></dict></plist>\n"
    )
}

fn claims(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n{body}\n</dict>\n</plist>\n"
    )
}

#[test]
fn frameworks_helpers_and_plug_ins_are_signed_before_what_seals_them() {
    let Some(desk) = Desk::new("") else { return };
    let framework = "Host.app/Contents/Frameworks/F.framework";
    desk.image(&format!("{framework}/Versions/A/F"), &["-dylib"]);
    desk.write(&format!("{framework}/Versions/A/Resources/Info.plist"), &info("com.example.f", "F"));
    symlink("A", desk.path(&format!("{framework}/Versions/Current"))).unwrap();
    symlink("Versions/Current/F", desk.path(&format!("{framework}/F"))).unwrap();
    desk.image("Host.app/Contents/Helpers/tool", &[]);
    desk.image("Host.app/Contents/Frameworks/libx.dylib", &["-dylib"]);
    desk.image("Host.app/Contents/PlugIns/P.bundle/Contents/MacOS/P", &["-bundle"]);
    desk.write("Host.app/Contents/PlugIns/P.bundle/Contents/Info.plist", &info("com.example.p", "P"));
    desk.sign().unwrap();
    let seal = desk.seal("Host.app/Contents");
    for nested in ["Frameworks/F.framework", "Helpers/tool", "Frameworks/libx.dylib", "PlugIns/P.bundle"] {
        let entry =
            seal.split(&format!("<key>{nested}</key>")).nth(1).unwrap_or_else(|| panic!("{nested}\n{seal}"));
        assert!(entry.trim_start().starts_with("<dict>\n\t\t\t<key>cdhash</key>"), "{nested}\n{entry}");
    }
    assert!(seal.contains("identifier tool and certificate root = H"), "{seal}");
    assert!(!seal.contains("Frameworks/F.framework/"), "what nested code seals is not sealed again");
    assert!(
        desk.seal("Host.app/Contents/Frameworks/F.framework/Versions/A")
            .contains("<key>Resources/Info.plist</key>")
    );
    let first = detach::manifest(&desk.path("out/Host.app")).unwrap();
    desk.sign().unwrap();
    assert_eq!(detach::manifest(&desk.path("out/Host.app")).unwrap(), first, "twice the same bytes");
}

#[test]
fn detached_signatures_make_the_release_again() {
    let Some(desk) = Desk::new("") else { return };
    desk.image("Host.app/Contents/Helpers/tool", &[]);
    desk.sign().unwrap();
    let (release, folder) = (desk.path("out/Host.app"), desk.path("signatures"));
    detach::detach(&release, &folder).unwrap();
    detach::attach(&desk.path("Host.app"), &folder, &desk.path("again/Host.app")).unwrap();
    let same = |a: &Path, b: &Path| Command::new("diff").arg("-r").arg(a).arg(b).status().unwrap().success();
    assert!(same(&release, &desk.path("again/Host.app")));
    detach::strip(&release, &desk.path("bare.app")).unwrap();
    detach::attach(&desk.path("bare.app"), &folder, &desk.path("again/Host.app")).unwrap();
    assert!(same(&release, &desk.path("again/Host.app")));

    desk.write("Host.app/Contents/Resources/de.lproj/a.strings", "a = c;");
    let error =
        detach::attach(&desk.path("Host.app"), &folder, &desk.path("other.app")).unwrap_err().to_string();
    assert!(error.contains("`Contents/Resources/de.lproj/a.strings` differs"), "{error}");
    assert!(!desk.path("other.app").exists());
    let signature = folder.join("Contents/Helpers/tool.arm64.signature");
    let mut bytes = fs::read(&signature).unwrap();
    bytes[20] ^= 1;
    fs::write(&signature, bytes).unwrap();
    let error =
        detach::attach(&desk.path("bare.app"), &folder, &desk.path("other.app")).unwrap_err().to_string();
    assert!(error.contains("is not what the manifest lists"), "{error}");
}

#[test]
fn code_in_an_unexpected_place_is_refused_unless_a_part_names_it() {
    let Some(desk) = Desk::new("") else { return };
    desk.image("Host.app/Contents/Resources/tool", &[]);
    desk.refused("`Contents/Resources/tool` is code where no code is expected");
    let part = "[[part]]\npath = \"Contents/Resources/tool\"\nidentifier = \"com.example.tool\"\n";
    let text = fs::read_to_string(desk.path("signing/test.toml")).unwrap();
    desk.write("signing/test.toml", &(text + part));
    desk.sign().unwrap();
}

#[test]
fn layouts_that_codesign_refuses_are_refused() {
    let Some(desk) = Desk::new("") else { return };
    desk.write("Host.app/Contents/MacOS/script.sh", "#!/bin/sh\n");
    desk.refused("lies where code belongs and is none");
    fs::remove_file(desk.path("Host.app/Contents/MacOS/script.sh")).unwrap();
    desk.write("Host.app/stray", "x");
    desk.refused("`stray` lies outside `Contents`");
    fs::remove_file(desk.path("Host.app/stray")).unwrap();
    symlink("../../../etc", desk.path("Host.app/Contents/Resources/out")).unwrap();
    desk.refused("leaves the bundle");
    fs::remove_file(desk.path("Host.app/Contents/Resources/out")).unwrap();
    desk.write("Host.app/Contents/._Info.plist", "x");
    desk.refused("is an AppleDouble file");
    fs::remove_file(desk.path("Host.app/Contents/._Info.plist")).unwrap();
    desk.image("Host.app/Contents/PlugIns/P.bundle/Contents/MacOS/P", &["-bundle"]);
    desk.write("Host.app/Contents/PlugIns/P.bundle/Contents/Info.plist", &info("com.example.host", "P"));
    desk.refused("two parts have the identifier `com.example.host`");
}

#[test]
fn a_pattern_without_code_is_refused() {
    let Some(desk) = Desk::new("[[part]]\npath = \"Contents/Helpers/*\"\n") else { return };
    desk.refused("signing/test.toml:7: no code matches `Contents/Helpers/*`");
}

#[test]
fn claims_are_judged_with_the_lines_that_ask() {
    let Some(desk) = Desk::new("[[part]]\npath = \".\"\nentitlements = \"app.entitlements\"\n") else {
        return;
    };
    desk.write("signing/app.entitlements", &claims("<key>com.apple.private.x</key>\n<true/>"));
    desk.refused("`com.apple.private.x`");
    desk.write(
        "signing/app.entitlements",
        &claims("<key>com.apple.application-identifier</key>\n<string>REHEARSE01.other</string>"),
    );
    desk.refused("and it is `REHEARSE01.com.example.host`");
    desk.write("signing/app.entitlements", &claims("<key>a</key>\n<string>$(PRODUCT_NAME)</string>"));
    desk.refused("the variable `$(PRODUCT_NAME)` is not known");
    desk.write("signing/app.entitlements", &claims("<!-- why -->"));
    desk.refused("a comment");
    desk.write(
        "signing/app.entitlements",
        &claims("<key>com.apple.application-identifier</key>\n<string>$(AppIdentifierPrefix)$(CFBundleIdentifier)</string>"),
    );
    desk.sign().unwrap();
    let profile = desk.path("out/Host.app/Contents/embedded.provisionprofile");
    assert!(profile.is_file());
}

#[test]
fn a_profile_of_somebody_else_is_refused_with_what_it_grants() {
    let Some(desk) = Desk::new(
        "[[part]]\npath = \".\"\nentitlements = \"app.entitlements\"\nprofile = \"app.provisionprofile\"\n",
    ) else {
        return;
    };
    let identifier = "<key>com.apple.application-identifier</key>\n<string>$(AppIdentifierPrefix)$(CFBundleIdentifier)</string>\n";
    let install = "<key>com.apple.developer.system-extension.install</key>\n<true/>";
    desk.write("signing/app.entitlements", &claims(&format!("{identifier}{install}")));
    let seed = zeroize::Zeroizing::new(*b"another seed, also of 32 bytes..");
    let other = signer::authority::Authority::new(seed, 1_000_000_000, "REHEARSE01").unwrap();
    let certificate = other.certificate(Role::DeveloperIdApplication).unwrap();
    let grant = signer::authority::Grant {
        bundle_id: "com.example.host",
        entitlements: &formats::document::Dict::new(),
        certificates: &[certificate],
        devices: signer::authority::Devices::Listed(&["00008112-AAAA"]),
    };
    fs::write(desk.path("signing/app.provisionprofile"), other.profile(&grant).unwrap()).unwrap();
    let error = desk.sign().unwrap_err().to_string();
    for part in [
        "the profile `Rehearsal com.example.host` of `.` has expired",
        "is not for the certificate `Developer ID Application: Rehearsal (REHEARSE01)`",
        "claims `com.apple.developer.system-extension.install` = `true`",
        "app.entitlements:6, from signing/test.toml:8",
        "grants nothing",
    ] {
        assert!(error.contains(part), "{part}\n{error}");
    }
}

#[test]
fn a_certificate_that_ends_soon_is_a_warning_and_an_ended_one_a_refusal() {
    let Some(desk) = Desk::new("") else { return };
    let signing = Signing::load("test", &desk.workspace).unwrap();
    let rehearsal = open_rehearsal(&signing, &desk.workspace, Some(&desk.path("seed"))).unwrap();
    let plan = SigningPlan::new(&desk.path("Host.app"), &signing, rehearsal.as_ref()).unwrap();
    let end = plan.identity.signer().unwrap().leaf().not_after();
    let weights = |now| preflight::problems(&plan, now).into_iter().map(|it| it.weight).collect::<Vec<_>>();
    assert_eq!(weights(end - 100 * 86_400), []);
    assert_eq!(weights(end - 80 * 86_400), [preflight::Weight::Warning]);
    assert_eq!(weights(end + 1), [preflight::Weight::Refused]);
}
