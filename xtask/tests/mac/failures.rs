//! A failure in the middle of `dist` on Apple's path: nothing half-done is left, and the next run finishes.

use std::fs;

use super::{
    common::{Checkout, Ended},
    json, mac,
    signed::clean,
};

/// Tool, words of its call, and how many such calls go well before; in the order of the chain, since what was made once is not made again.
const FAILURES: &[(&str, &str, u32)] = &[
    ("clang", "\"-c\"", 0),
    ("dsymutil", "", 1),
    ("strip", "", 0),
    ("security", "\"-i\"", 3),
    ("codesign", "\"--detached\"", 0),
    ("codesign", "\"--options\"", 0),
    ("pkgbuild", "\"--analyze\"", 0),
    ("pkgbuild", "\"--component-plist\"", 0),
    ("ditto", "", 0),
];

#[test]
fn a_failure_at_any_stage_leaves_nothing_half_done() {
    let Some(mac) = mac() else { return };
    let checkout = Checkout::without_driver();
    super::app_alone(&checkout);
    let dist = || Ended::of(checkout.command_on(&mac).args(["dist", "--backend", "apple"]));
    for (tool, words, after) in FAILURES {
        mac.script(&format!(
            "[[result]]\ntool = \"{tool}\"\narguments = [{words}]\nafter = {after}\nexit = 1\nstderr = \"scripted failure\"\n"
        ))
        .unwrap();
        let ended = dist();
        assert_eq!(ended.code, Some(3), "{tool} {words}: {}", ended.stderr);
        assert!(ended.stderr.contains("scripted failure"), "{tool} {words}: {}", ended.stderr);
        assert!(!checkout.file("dist").exists(), "{tool} {words}");
        no_workbench(&checkout);
        clean(&mac, &checkout);
    }
    mac.script("").unwrap();
    let ended = dist();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let published = fs::read(checkout.file("dist/manifest.json")).unwrap();

    // With something published already: what is there stays, whole.
    checkout.edit("app/app.toml", |text| text.replace("version = \"1.2.0\"", "version = \"1.2.1\""));
    mac.script("[[result]]\ntool = \"pkgbuild\"\nexit = 1\nstderr = \"scripted failure\"\n").unwrap();
    assert_eq!(dist().code, Some(3));
    assert_eq!(fs::read(checkout.file("dist/manifest.json")).unwrap(), published);
    no_workbench(&checkout);
    clean(&mac, &checkout);
}

/// A folder in which something was being made stays only while it is.
#[track_caller]
fn no_workbench(checkout: &Checkout) {
    for entry in xtask::stage::files::walk(&checkout.path()).unwrap() {
        assert!(!entry.path.to_string_lossy().contains(".xtask-"), "{}", entry.path.display());
    }
    let temporary = checkout.path().with_file_name("tmp");
    let left: Vec<_> = fs::read_dir(temporary).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn without_driverkit_the_way_out_is_said_before_anything_is_built() {
    let Some(mac) = mac() else { return };
    let checkout = Checkout::new();
    mac.script("[[result]]\ntool = \"xcrun\"\narguments = [\"driverkit\", \"--show-sdk-path\"]\nexit = 1\nstderr = \"xcrun: error: SDK \\\"driverkit\\\" cannot be located\"\n").unwrap();
    let ended = Ended::of(checkout.command_on(&mac).args(["build"]));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("sudo xcode-select -s") && ended.stderr.contains("--backend portable"),
        "{}",
        ended.stderr
    );
    assert!(!mac.calls().unwrap().iter().any(|it| it.tool == "clang++"));

    let health = Ended::of(checkout.command_on(&mac).args(["doctor", "--format", "json"]));
    assert_eq!(health.code, Some(3), "{}", health.stdout);
    let health = json(&health.stdout);
    let things = health["mac"]["things"].as_array().unwrap();
    let missing: Vec<&str> =
        things.iter().filter(|it| it["state"] == "missing").map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(missing, ["DriverKit SDK"]);
}

#[test]
fn the_command_line_tools_alone_are_told_apart_from_no_xcode() {
    let Some(mac) = mac() else { return };
    let checkout = Checkout::new();
    mac.script("[[result]]\ntool = \"xcodebuild\"\nexit = 1\nstderr = \"xcode-select: error: tool 'xcodebuild' requires Xcode, but active developer directory '/Library/Developer/CommandLineTools' is a command line tools instance\"\n").unwrap();
    let ended = Ended::of(checkout.command_on(&mac).args(["build"]));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("the Command Line Tools have no DriverKit"), "{}", ended.stderr);
    // A plan can be looked at all the same.
    let plan = checkout.run_well_on(&mac, &["dist", "--plan"]);
    assert!(plan.stdout.contains("no Xcode answers"), "{}", plan.stdout);
}
