//! What shipped software carries, made again by us: the same bytes.

use std::{collections::BTreeMap, path::Path};

use formats::{
    Bytes,
    image::{MachO, Slices},
    signature::{
        digest::{sha1, sha256},
        superblob::{Slot, SuperBlob},
    },
};
use signer::{
    entitlements::Entitlements,
    seal::{Item, Place, Shape},
};

use crate::oracle::{Folder, must_pass};

/// The payload of a package of the corpus, unpacked; `None` without corpus or bsdtar.
pub fn payload(folder: &Folder, version: &str) -> Option<()> {
    let Some(corpus) = std::env::var_os("XTASK_CORPUS") else {
        std::io::Write::write_all(&mut std::io::stderr(), b"not run: XTASK_CORPUS is not set\n").unwrap();
        return None;
    };
    let package = Path::new(&corpus).join(format!("Karabiner-DriverKit-VirtualHIDDevice-{version}.pkg"));
    // Cargo runs tests in the crate's folder, people name paths from the root of the checkout.
    let package = if package.is_absolute() { package } else { Path::new("../../..").join(package) };
    let package = package.canonicalize().unwrap();
    must_pass(folder, "bsdtar", &["-xf", package.to_str().unwrap()])?;
    let name = member(folder, "Payload");
    must_pass(folder, "bsdtar", &["-xf", &name])?;
    Some(())
}

/// The name under which bsdtar unpacked a member of a xar; it may print the name twice.
pub fn member(folder: &Folder, name: &str) -> String {
    let twice = format!("{name}{name}");
    if folder.join(&twice).exists() { twice } else { name.to_owned() }
}

const APP: &str = "Applications/.Karabiner-VirtualHIDDevice-Manager.app/Contents";
const DEXT: &str = "Applications/.Karabiner-VirtualHIDDevice-Manager.app/Contents/Library/SystemExtensions/\
                    org.pqrs.Karabiner-DriverKit-VirtualHIDDevice.dext";

/// Everything in a bundle that its seal must say, AppleDouble files aside (they are extended attributes in transit).
fn items(top: &Path, inside: &Path, shape: Shape, executable: &str, items: &mut BTreeMap<String, Item>) {
    for entry in std::fs::read_dir(top.join(inside)).unwrap() {
        let entry = entry.unwrap();
        let path = inside.join(entry.file_name());
        let name = path.to_str().unwrap().to_owned();
        if entry.file_name().to_str().unwrap().starts_with("._") {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            self::items(top, &path, shape, executable, items);
            continue;
        }
        assert_ne!(shape.place(&name, executable), Place::Nested, "{name}");
        let bytes = std::fs::read(top.join(&path)).unwrap();
        items.insert(name, Item::File { sha1: sha1(&bytes), sha256: sha256(&bytes) });
    }
}

#[track_caller]
fn same_seal(folder: &Folder, bundle: &str, shape: Shape, executable: &str) {
    let top = folder.join(bundle);
    let mut found = BTreeMap::new();
    items(&top, Path::new(""), shape, executable, &mut found);
    let ours = String::from_utf8(shape.seal(executable, &found)).unwrap();
    let theirs = std::fs::read_to_string(top.join("_CodeSignature/CodeResources")).unwrap();
    assert_eq!(ours, theirs);
}

#[test]
fn seals_are_codesigns_byte_for_byte() {
    for version in ["7.3.0", "2.0.0", "1.0.0"] {
        let folder = Folder::new();
        let Some(()) = payload(&folder, version) else { return };
        same_seal(&folder, DEXT, Shape::Flat, "org.pqrs.Karabiner-DriverKit-VirtualHIDDevice");
        same_seal(&folder, APP, Shape::Deep, "MacOS/Karabiner-VirtualHIDDevice-Manager");
    }
}

#[test]
fn entitlements_in_der_are_codesigns_byte_for_byte() {
    let folder = Folder::new();
    let Some(()) = payload(&folder, "7.3.0") else { return };
    let executables = [
        format!("{DEXT}/org.pqrs.Karabiner-DriverKit-VirtualHIDDevice"),
        format!("{APP}/MacOS/Karabiner-VirtualHIDDevice-Manager"),
    ];
    for executable in executables {
        let file = folder.read(&executable);
        for slice in Slices::read(&file).unwrap().unwrap().slices {
            let bytes = &file[slice.offset as usize..slice.end() as usize];
            let range = MachO::read(&bytes).unwrap().code_signature().unwrap();
            let whole = SuperBlob::parse(Bytes::new(&bytes[range.offset as usize..])).unwrap();
            let xml = whole.get(Slot::Entitlements).unwrap().payload().as_slice();
            let der = whole.get(Slot::EntitlementsDer).unwrap().payload().as_slice();
            assert_eq!(Entitlements::read(xml).unwrap().der().unwrap(), der);
        }
    }
}
