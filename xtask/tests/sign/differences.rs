//! What rcodesign signs otherwise: the table in docs/signing.md is held against both signatures of one file.

use std::{collections::BTreeSet, fs, process::Command};

use formats::signature::code_directory::flags;
use signer::{
    authority::Role,
    code::Settings,
    entitlements::Entitlements,
    identity::{Identity, to_pkcs12},
    macho,
};
use xtask::{rehearsal::Rehearsal, workspace::Workspace};

use super::{
    Desk, claims,
    common::{Ended, not_run, root},
    kept_keys,
};

/// The facts that `signature diff` names for the two files, without their values.
fn differing(diff: &str) -> BTreeSet<String> {
    let facts = diff.lines().filter_map(|it| it.strip_prefix("- ").or_else(|| it.strip_prefix("+ ")));
    facts.filter_map(|it| it.split_once(": ")).map(|it| it.0.to_owned()).collect()
}

/// The facts in the documentation's sentence about them.
fn documented() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/signing.md")).unwrap();
    let (_, rest) =
        text.split_once("`signature diff` names these facts and no others:").expect("the sentence is there");
    let (sentence, _) = rest.split_once(".\n").expect("it ends");
    sentence.split('`').skip(1).step_by(2).map(|it| it.replace('\n', " ")).collect()
}

#[test]
fn the_table_of_differences_with_rcodesign_is_true() {
    let Some(desk) = Desk::new("") else { return };
    let cached =
        xtask::setup::cached_programs().into_iter().map(|it| it.join("rcodesign")).find(|it| it.is_file());
    let Some(rcodesign) = cached.or_else(|| which::which("rcodesign").ok()) else {
        return not_run("rcodesign not installed");
    };
    let kept = Workspace::at(kept_keys(&desk.path("seed")));
    let rehearsal = Rehearsal::open(&kept, Some(&desk.path("seed")), "REHEARSE01").unwrap();
    let identity = Identity::rehearsal(rehearsal.authority(), Role::DeveloperIdApplication).unwrap();
    let signer = identity.signer().unwrap();
    let xml = claims("<key>com.apple.developer.driverkit</key>\n<true/>");
    let entitlements = Entitlements::read(xml.as_bytes()).unwrap();
    let (info, seal) = ("<plist/>", "<plist version=\"1.0\"/>");
    let plain = fs::read(desk.path("Host.app/Contents/MacOS/Host")).unwrap();
    let settings = Settings {
        flags: flags::RUNTIME,
        entitlements: Some(&entitlements),
        info_plist: Some(info.as_bytes()),
        resources: Some(seal.as_bytes()),
        signing_time: Some(1_790_000_000),
        ..Settings::new("com.example.host", &identity)
    };
    let ours = macho::sign(&plain, &settings).unwrap().file.bytes().unwrap();
    fs::write(desk.path("ours"), ours).unwrap();

    fs::write(desk.path("leaf.p12"), &*to_pkcs12(signer, "geheim", &[[3; 8]; 3]).unwrap()).unwrap();
    for (name, text) in
        [("password", "geheim"), ("e.xml", &xml), ("Info.plist", info), ("CodeResources", seal)]
    {
        desk.write(name, text);
    }
    let mut command = Command::new(rcodesign);
    command.current_dir(desk.folder.path()).args([
        "sign",
        "--p12-file",
        "leaf.p12",
        "--p12-password-file",
        "password",
    ]);
    for (n, certificate) in signer.chain().iter().enumerate().skip(1) {
        let name = format!("{n}.der");
        fs::write(desk.path(&name), certificate.der()).unwrap();
        command.args(["--certificate-der-file", &name]);
    }
    // It takes the team from Apple's chains only.
    command.args([
        "--team-name",
        "REHEARSE01",
        "--binary-identifier",
        "com.example.host",
        "--code-signature-flags",
        "runtime",
    ]);
    command.args(["--entitlements-xml-file", "e.xml", "--info-plist-file", "Info.plist"]);
    command.args(["--code-resources-file", "CodeResources", "--signing-time", "2026-09-21T14:13:20Z"]);
    let signed =
        Ended::of(command.args(["--timestamp-url", "none", "Host.app/Contents/MacOS/Host", "theirs"]));
    assert_eq!(signed.code, Some(0), "{}{}", signed.stdout, signed.stderr);

    let diff = |a: &str, b: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        Ended::of(command.current_dir(desk.folder.path()).args(["signature", "diff", a, b]))
    };
    let found = diff("ours", "theirs");
    assert_eq!(found.code, Some(1), "{}{}", found.stdout, found.stderr);
    assert_eq!(differing(&found.stdout), documented(), "{}", found.stdout);
    let theirs = String::from_utf8_lossy(&fs::read(desk.path("theirs")).unwrap()).into_owned();
    assert!(!theirs.contains(xml.trim_end()) && theirs.contains("<!DOCTYPE plist"), "it writes the XML anew");
    assert_eq!(diff("ours", "ours").code, Some(0), "the near miss: nothing differs from itself");
}
