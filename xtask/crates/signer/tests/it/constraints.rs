//! Constraints in a signature, compared with what rcodesign makes of the same property lists.

use formats::{
    Bytes,
    image::{MachO, Slices},
    signature::superblob::{Slot, SuperBlob},
};
use signer::{code::Settings, constraint::Constraint, identity::Identity, macho};

use crate::oracle::{Folder, must_pass, rcodesign};

const SLOTS: [(Slot, &str); 4] = [
    (Slot::LaunchConstraintSelf, "--launch-constraints-self-file"),
    (Slot::LaunchConstraintParent, "--launch-constraints-parent-file"),
    (Slot::LaunchConstraintResponsible, "--launch-constraints-responsible-file"),
    (Slot::LibraryConstraint, "--library-constraints-file"),
];

/// The payloads of the four slots in the only slice of `file`.
fn constraints(file: &[u8]) -> Vec<Vec<u8>> {
    let slice = Slices::read(&file).unwrap().unwrap().slices[0];
    let bytes = &file[slice.offset as usize..slice.end() as usize];
    let range = MachO::read(&bytes).unwrap().code_signature().unwrap();
    let whole = SuperBlob::parse(Bytes::new(&bytes[range.offset as usize..])).unwrap();
    SLOTS.iter().map(|(slot, _)| whole.get(*slot).unwrap().payload().as_slice().to_vec()).collect()
}

#[test]
fn rcodesign_writes_the_same_bytes_for_each_constraint() {
    let folder = Folder::new();
    let Some(file) = crate::images::image(&folder, "arm64", &[]) else { return };
    let mut blobs = Vec::new();
    let mut args = vec!["sign"];
    let names = ["self.plist", "parent.plist", "responsible.plist", "library.plist"];
    for (n, ((slot, option), name)) in SLOTS.into_iter().zip(names).enumerate() {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>validation-category</key><integer>{n}</integer>\
             <key>team-identifier</key><dict><key>$in</key><array><string>A</string><string>ABCDE{n}</string></array></dict></dict></plist>\n"
        );
        folder.write(name, &text);
        blobs.push((slot, Constraint::read(text.as_bytes()).unwrap().der().unwrap()));
        args.extend([option, name]);
    }
    let settings = Settings { constraints: &blobs, ..Settings::new("x", &Identity::AdHoc) };
    let ours = macho::sign(&file, &settings).unwrap().file.bytes().unwrap();
    folder.write("plain", &file);
    args.extend(["plain", "theirs"]);
    if must_pass(&folder, &rcodesign(), &args).is_some() {
        assert_eq!(constraints(&ours), constraints(&folder.read("theirs")));
    }
}
