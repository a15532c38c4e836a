//! The build spread over machines: the slices of each triple made in a checkout of its own, joined in another, as release.yml does.

mod common;

use std::fs;

use common::{Checkout, can_build};

const UNIVERSAL: [&str; 2] = [
    "target/dist/stage/com.example.usb-interface-driver/universal/com.example.usb-interface-driver",
    "target/dist/stage/USB Driver Host/universal/USB Driver Host",
];

/// Builds every triple in a checkout of its own; their hand-overs lie in the returned folder.
fn slices(checkout: fn() -> Checkout, triples: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for triple in triples {
        let file = folder.path().join(format!("{triple}.zip")).display().to_string();
        checkout().run_well(&["build", "--triple", triple, "--hand-over", &file]);
    }
    folder
}

const APP: [&str; 2] = ["arm64-apple-macos", "x86_64-apple-macos"];

#[test]
fn joined_slices_are_what_one_machine_builds() {
    if !can_build() {
        return;
    }
    let triples =
        ["arm64-apple-driverkit", "arm64-apple-macos", "x86_64-apple-driverkit", "x86_64-apple-macos"];
    let folder = slices(Checkout::new, &triples);
    let (joined, whole) = (Checkout::new(), Checkout::new());
    let plan = joined.run_well(&["dist", "--plan", "--format", "github"]);
    assert_eq!(plan.stdout, format!("triples={}\n", serde_json::to_string(&triples).unwrap()));
    let from = folder.path().display().to_string();
    let ended = joined.run_well(&["dist", "--from-slices", &from, "--until", "built"]);
    assert!(!ended.stderr.contains("Compiling"), "{}", ended.stderr);
    whole.run_well(&["build"]);
    for file in UNIVERSAL {
        assert_eq!(fs::read(joined.file(file)).unwrap(), fs::read(whole.file(file)).unwrap(), "{file}");
    }
}

#[test]
fn slices_of_other_sources_or_too_many_are_refused() {
    if !can_build() {
        return;
    }
    let folder = slices(Checkout::without_driver, &APP);
    let from = folder.path().display().to_string();
    let checkout = Checkout::without_driver();
    fs::write(folder.path().join("arm64e-apple-macos.zip"), "").unwrap();
    let ended = checkout.run(&["dist", "--from-slices", &from, "--until", "built"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("belongs to no triple"), "{}", ended.stderr);
    fs::remove_file(folder.path().join("arm64e-apple-macos.zip")).unwrap();
    checkout.run_well(&["dist", "--from-slices", &from, "--until", "built"]);
    checkout.edit("app/version.c", |text| text + "// changed\n");
    let ended = checkout.run(&["dist", "--from-slices", &from, "--until", "built"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("cannot take up"), "{}", ended.stderr);
}

#[test]
fn a_triple_that_nothing_is_built_for_is_refused() {
    let checkout = Checkout::without_driver();
    let ended = checkout.run(&["build", "--triple", "arm64-apple-driverkit", "--hand-over", "x.zip"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("arm64-apple-macos, x86_64-apple-macos"), "{}", ended.stderr);
}
