//! The pipeline from sources to the unsigned app: what comes out, twice, in two places, after a change.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use common::{Checkout, can_build};
use formats::image::{Body, MachO, Platform, Slices};

const DEXT: &str = "Contents/Library/SystemExtensions/com.example.usb-interface-driver.dext";
const DRIVER: &str = "com.example.usb-interface-driver";
const APP: &str = "USB Driver Host";

fn bundle(checkout: &Checkout) -> PathBuf {
    checkout.file(&format!("target/dist/stage/bundle/{APP}.app"))
}

fn images(file: &Path) -> Vec<MachO> {
    let bytes = fs::read(file).unwrap();
    let slices = Slices::read(&bytes).unwrap().expect("a universal file");
    slices.slices.iter().map(|slice| MachO::read(&slice.window(&bytes).unwrap()).unwrap()).collect()
}

#[test]
fn the_driver_is_what_the_kernel_wants() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::new();
    checkout.run_well(&["bundle"]);
    let images = images(&bundle(&checkout).join(DEXT).join(DRIVER));
    let arches: Vec<String> = images.iter().map(|image| image.arch.to_string()).collect();
    assert_eq!(arches, ["x86_64", "arm64"]);
    for image in &images {
        let arch = image.arch;
        assert_eq!(image.entry(), None, "{arch} has an entry point");
        assert_eq!(image.flags, 0x0020_0085, "{arch}");
        assert!(matches!(image.targets().as_slice(), [(Platform::DRIVERKIT, _, _)]), "{arch}");
        assert_eq!(image.dylinker(), Some("/usr/lib/dyld"), "{arch}");
        assert!(image.uuid().is_some(), "{arch}");
        assert_eq!(image.encryption_id(), Some(0), "{arch}");
        let libraries: Vec<&str> = image.dylibs().map(|library| library.name.as_str()).collect();
        assert!(
            libraries.iter().all(|library| library.starts_with("/System/DriverKit/")),
            "{arch}: {libraries:?}"
        );
        assert!(
            libraries.iter().any(|library| library.ends_with("/DriverKit.framework/DriverKit")),
            "{arch}"
        );
        let classes = image.section("__DATA_CONST", "__osclassinfo").expect("a list of classes");
        assert!(classes.size >= 8 && classes.size % 8 == 0, "{arch}: {} bytes of classes", classes.size);
        assert_eq!(classes.flags & 0x1000_0000, 0, "{arch}: a flag for the linker is left");
        assert!(
            image.commands.iter().any(|command| matches!(command.body, Body::SourceVersion(0))),
            "{arch}"
        );
    }
}

#[test]
fn two_folders_give_the_same_bytes() {
    if !can_build() {
        return;
    }
    let (one, two) = (Checkout::new(), Checkout::new());
    one.run_well(&["bundle"]);
    two.run_well(&["bundle"]);
    for file in [
        format!("{DEXT}/{DRIVER}"),
        format!("{DEXT}/Info.plist"),
        format!("Contents/MacOS/{APP}"),
        "Contents/Info.plist".to_owned(),
    ] {
        let read = |checkout: &Checkout| fs::read(bundle(checkout).join(&file)).unwrap();
        assert!(read(&one) == read(&two), "{file} differs");
    }
    let dsym = |checkout: &Checkout| {
        fs::read(checkout.file(&format!(
            "target/dist/stage/{DRIVER}/universal/{DRIVER}.dSYM/Contents/Resources/DWARF/{DRIVER}"
        )))
        .unwrap()
    };
    assert!(dsym(&one) == dsym(&two), "the symbols differ");
}

#[test]
fn symbols_belong_to_the_shipped_slices() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::new();
    checkout.run_well(&["bundle"]);
    let uuids = |file: &Path| images(file).iter().map(|image| image.uuid().unwrap()).collect::<Vec<_>>();
    let shipped = uuids(&bundle(&checkout).join(DEXT).join(DRIVER));
    let dsym = checkout.file(&format!(
        "target/dist/stage/{DRIVER}/universal/{DRIVER}.dSYM/Contents/Resources/DWARF/{DRIVER}"
    ));
    assert_eq!(uuids(&dsym), shipped);
}

#[test]
fn only_what_changed_is_built_again() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::new();
    checkout.run_well(&["bundle"]);

    let start = Instant::now();
    let again = checkout.run_well(&["bundle"]);
    // A promise to the user, with room for a busy machine: twenty times what it takes.
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    for verb in ["Generating", "Compiling", "Linking", "Merging", "Bundling"] {
        assert!(!again.stderr.contains(verb), "{}", again.stderr);
    }

    checkout.edit("driver/UsbInterfaceUserClient.cpp", |text| format!("{text}\n// one more line\n"));
    let changed = checkout.run_well(&["bundle"]);
    let compiled: Vec<&str> = changed.stderr.lines().filter(|line| line.contains("Compiling")).collect();
    assert_eq!(compiled.len(), 2, "{compiled:?}");
    assert!(compiled.iter().all(|line| line.ends_with("UsbInterfaceUserClient.cpp")), "{compiled:?}");
}

#[test]
fn a_changed_header_is_noticed() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::new();
    checkout.run_well(&["build"]);
    checkout.edit("driver/core/ring.h", |text| format!("{text}\n// one more line\n"));
    let changed = checkout.run_well(&["build"]);
    assert!(changed.stderr.contains("Compiling"), "{}", changed.stderr);
}
