//! The command itself, on a product of ours: against the plan, and against the release before.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{self, Checkout};

const APP: &str = "dist/USB Driver Host.app";

/// Runs `verify` on the app; gives its exit code and the report.
fn verify(checkout: &Checkout, more: &[&str]) -> (Option<i32>, Value) {
    let first = ["verify", APP, "--format", "json", "--trust-root", "dist/rehearsal-root.pem"];
    let ended = checkout.run(&[&first, more].concat());
    let report = serde_json::from_str(&ended.stdout).unwrap_or_else(|it| panic!("{it}\n{}", ended.stderr));
    (ended.code, report)
}

fn outcome<'a>(report: &'a Value, id: &str) -> &'a Value {
    let all = report["checks"].as_array().unwrap();
    all.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("no check {id}"))
}

/// The app, kept under another name.
fn kept(checkout: &Checkout, name: &str) -> PathBuf {
    let goal = checkout.file(name).join("USB Driver Host.app");
    common::copy(&checkout.file(APP), &goal);
    goal
}

#[track_caller]
fn check_baseline(checkout: &Checkout, before: &Path, expected: &str) {
    let (code, report) = verify(checkout, &["--baseline", before.to_str().unwrap()]);
    let found = outcome(&report, "newer-than-baseline");
    assert_eq!((code, found["outcome"].as_str().unwrap()), (Some(0), expected), "{found}");
}

#[test]
fn a_driver_that_changed_needs_a_higher_version() {
    if !common::can_build() {
        return;
    }
    let checkout = Checkout::new();
    checkout.run_well(&["dist"]);
    let (code, report) = verify(&checkout, &["--signing", "rehearsal"]);
    assert_eq!((code, report["verdict"].as_str()), (Some(0), Some("passed")), "{report}");
    assert_eq!(outcome(&report, "newer-than-baseline")["outcome"], "not_applicable");
    assert_eq!(outcome(&report, "expected-bundles")["outcome"], "passed");
    // A rehearsal is no release, whatever it looks like.
    let (code, report) = verify(&checkout, &["--signing", "developer-id"]);
    assert_eq!(code, Some(1));
    assert_eq!(outcome(&report, "certificate-chain")["outcome"], "failed");
    let (code, report) = verify(&checkout, &["--mode", "distribution"]);
    assert_eq!((code, report["verdict"].as_str()), (Some(1), Some("failed")));

    let first = kept(&checkout, "first");
    check_baseline(&checkout, &first, "passed");
    // The same version, another driver.
    checkout.edit("driver/driver.toml", |it| it.replace("usage = \"", "usage = \"Now: "));
    checkout.run_well(&["dist"]);
    check_baseline(&checkout, &first, "failed");
    // A higher version, and back to the lower one.
    let build = |it: String, from: &str, to: &str| {
        it.replace(&format!("build = \"{from}\""), &format!("build = \"{to}\""))
    };
    let now = common::root().join("driver/driver.toml");
    let now = std::fs::read_to_string(now).unwrap();
    let old = now.lines().find_map(|it| it.strip_prefix("build = \"")?.split('"').next()).unwrap().to_owned();
    checkout.edit("driver/driver.toml", |it| build(it, &old, "9000"));
    checkout.run_well(&["dist"]);
    check_baseline(&checkout, &first, "passed");
    let second = kept(&checkout, "second");
    checkout.edit("driver/driver.toml", |it| build(it, "9000", &old));
    checkout.run_well(&["dist"]);
    check_baseline(&checkout, &second, "failed");
}

#[test]
fn a_disk_image_is_judged_where_it_is_mounted() {
    let image = crate::corpus().into_iter().find(|it| it.extension().is_some_and(|it| it == "dmg"));
    let Some(image) = image else { return };
    let packages = crate::packages();
    let folder = tempfile::tempdir().unwrap();
    let (volume, empty) = (folder.path().join("volume"), folder.path().join("empty"));
    std::fs::create_dir_all(&empty).unwrap();
    std::fs::create_dir_all(volume.join(".Trashes")).unwrap();
    std::fs::copy(packages.first().expect("a package"), volume.join("Another release.pkg")).unwrap();
    let asked = |mounted: &Path| {
        let checkout = common::root();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.current_dir(checkout).arg("verify").arg(&image).args([
            "--at",
            "2026-11-23",
            "--format",
            "json",
        ]);
        common::Ended::of(command.arg("--mounted").arg(mounted))
    };
    let ended = asked(&volume);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(outcome(&report, "opened-contents")["outcome"], "passed");
    assert_eq!(report["subject"]["code"].as_array().unwrap().len(), 6);
    // The image is the one that its ticket names; what lies in this folder is not what it held.
    let covers = outcome(&report, "ticket-covers");
    assert_eq!(
        (covers["outcome"].as_str(), covers["findings"].as_array().unwrap().len()),
        (Some("failed"), 6)
    );
    assert!(report["notes"][0].as_str().unwrap().contains("on your word"), "{report}");
    assert_eq!(asked(&empty).code, Some(2));
    assert_eq!(asked(&folder.path().join("nothing")).code, Some(2));
}
