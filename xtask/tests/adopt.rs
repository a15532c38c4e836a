//! Adopting a product of our own gives back the configuration that it was built from, but for where it comes from.

mod common;

use common::{Checkout, can_build};
use xtask::{config::Product, workspace::Workspace};

#[test]
fn a_product_of_ours_gives_back_its_own_configuration() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::new();
    checkout.run_well(&["dist", "--until", "signed"]);
    let app = "target/dist/stage/signed/rehearsal/USB Driver Host.app";
    checkout.run_well(&["adopt", app, "--out", "adopted"]);
    let ours = Product::load(&Workspace::at(checkout.path())).unwrap();
    let theirs = Product::load(&Workspace::at(checkout.file("adopted"))).unwrap();

    assert_eq!(*theirs.app.bundle_id, *ours.app.bundle_id);
    assert_eq!(*theirs.app.name, *ours.app.name);
    assert_eq!((&*theirs.app.version, &*theirs.app.build), (&*ours.app.version, &*ours.app.build));
    assert_eq!(*theirs.app.minimum_macos, *ours.app.minimum_macos);
    assert_eq!(*theirs.app.triples, *ours.app.triples);

    let (theirs, ours) = (&theirs.drivers[0], &ours.drivers[0]);
    assert_eq!(*theirs.bundle_id, *ours.bundle_id);
    assert_eq!((&theirs.name, &*theirs.usage), (&ours.name, &*ours.usage));
    assert_eq!((&*theirs.version, &*theirs.build), (&*ours.version, &*ours.build));
    assert_eq!(*theirs.minimum_driverkit, *ours.minimum_driverkit);
    assert_eq!(*theirs.sdk_driverkit, *ours.sdk_driverkit);
    assert_eq!(*theirs.triples, *ours.triples);
    // What was written stands there unchanged; what the bundle stage filled in stands there too.
    let (personality, written) =
        (&theirs.personalities["ExampleInterface"], &ours.personalities["ExampleInterface"]);
    for (key, value) in written.as_table().unwrap() {
        assert_eq!(personality.get(key), Some(value), "{key}");
    }
    assert!(theirs.personalities.contains_key("SelfTest"));

    for name in [
        "app.entitlements",
        "driver.entitlements",
        "profiles/app.provisionprofile",
        "profiles/driver.provisionprofile",
    ] {
        assert!(checkout.file("adopted/signing").join(name).is_file(), "{name}");
    }
    // Nothing is overwritten.
    let again = checkout.run(&["adopt", app, "--out", "adopted"]);
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(again.stderr.contains("are there already"), "{}", again.stderr);
}
