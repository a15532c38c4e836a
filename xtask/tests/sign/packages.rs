//! Installer packages of a signed app, read by our own verifier.

use std::{fs, path::Path};

use checks::{Outcome, Policy};
use formats::{
    Bytes,
    container::{
        xar::{Style, Xar},
        xar_write::{Content, Package},
    },
    document::plist::Date,
    signature::{certificate::Certificate, chain::Trust},
};
use signer::authority::Role;
use xtask::{
    config::Signing,
    inspect::{self, Asked},
    stage::{pkg::pkg, stamp::Stamps},
};

use super::{Desk, open_rehearsal};

const VERSIONS: &str = "<key>CFBundleShortVersionString</key><string>1.2</string><key>CFBundleVersion</key><string>3</string>\
                        <key>LSMinimumSystemVersion</key><string>12.0</string></dict>";

/// What was found against each of `checks`; nothing when all of them passed.
fn against(path: &Path, root: &Certificate, checks: &[&str]) -> Vec<String> {
    let trust = Trust { roots: vec![root.clone()], ..Trust::default() };
    let subject = inspect::open(path, &Asked { trust, ..Asked::at(Date(1_795_392_000)) }).unwrap();
    let mut found = Vec::new();
    for outcome in checks::run(&subject, &Policy::default()) {
        if checks.contains(&outcome.check.id) && outcome.outcome != Outcome::Passed {
            found.push(format!(
                "{} {:?}",
                outcome.check.id,
                outcome.findings.iter().map(|it| &it.found).collect::<Vec<_>>()
            ));
        }
    }
    found
}

#[test]
fn a_product_archive_is_read_by_our_verifier() {
    let Some(desk) = Desk::new("") else { return };
    let info = fs::read_to_string(desk.path("Host.app/Contents/Info.plist")).unwrap();
    desk.write("Host.app/Contents/Info.plist", &info.replace("</dict>", VERSIONS));
    desk.sign().unwrap();
    let text = fs::read_to_string(desk.path("signing/test.toml")).unwrap();
    desk.write("signing/test.toml", &(text + "pkg-style = \"product\"\n"));
    let signing = Signing::load("test", &desk.workspace).unwrap();
    let rehearsal = open_rehearsal(&signing, &desk.workspace, Some(&desk.path("seed"))).unwrap();
    let root = rehearsal.as_ref().unwrap().authority().certificate(Role::Root).unwrap();
    let root = Certificate::parse(Bytes::new(root.der())).unwrap();
    let goal = desk.path("out/Host.pkg");
    let stamps = Stamps::new(&desk.workspace);
    pkg(&desk.path("out/Host.app"), &goal, &signing, rehearsal.as_ref(), 1_760_000_000, &stamps).unwrap();

    let bytes = fs::read(&goal).unwrap();
    let xar = Xar::read(&bytes).unwrap();
    let document = |path: &str| xar.member(path).unwrap().data.as_ref().unwrap().document(&bytes).unwrap();
    let distribution = String::from_utf8(document("Distribution")).unwrap();
    assert!(distribution.contains("hostArchitectures=\"arm64\""), "the app has one slice\n{distribution}");
    assert!(distribution.contains("<os-version min=\"12.0\"/>"), "{distribution}");
    assert_eq!(against(&goal, &root, CHECKS), Vec::<String>::new());
    let left: Vec<_> = fs::read_dir(desk.path("out")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "app and package, and nothing that was needed on the way: {left:?}");

    // The same members, and a reference as notarization cannot follow it.
    for (bad, told) in
        [("com.example.host.pkg</pkg-ref>", "without `#`"), ("#other.pkg</pkg-ref>", "which is not there")]
    {
        let changed = distribution.replace("#com.example.host.pkg</pkg-ref>", bad).into_bytes();
        let mut package = Package::new(Style::Sha1, 1_760_000_000);
        package.add("Distribution", Content::zlib(&changed, Style::Sha1).unwrap()).unwrap();
        for member in xar.members.iter().filter(|it| it.path != "Distribution") {
            if let Some(data) = &member.data {
                package.add(&member.path, Content::of_member(&bytes, data).unwrap()).unwrap();
            }
        }
        let mut out = Vec::new();
        package.write(&mut |_| Ok(Vec::new()), &mut out).unwrap();
        fs::write(desk.path("out/Bad.pkg"), out).unwrap();
        let found = against(&desk.path("out/Bad.pkg"), &root, &["archive-members"]);
        assert!(found.iter().any(|it| it.contains(told)), "{found:?}");
    }
}

/// What is said about a package itself.
const CHECKS: &[&str] = &["archive-members", "container-signature", "readable-files"];
