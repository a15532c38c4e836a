//! Packages and archives put together by hand, of the app as it lies in the lab.

use std::{collections::BTreeMap, fs, sync::Arc};

use formats::container::{
    bounded::{Limit, read_all},
    xar::{Style, Xar},
    xar_write::{Content, Package, Space, SpaceKind},
};
use signer::{
    cms::{self, SignedData},
    identity::{Identity, Signer},
    package::{self, Bundle, Component, Entries, Entry, EntryKind, Layout, PackageSigner},
};
use xtask::stage::files::{self, Kind};

use crate::{
    identity::Leaf,
    lab::{APP, EPOCH, Lab},
};

/// A zip in the making, which may be written wrongly. Nothing is packed; the directory comes last.
#[derive(Default)]
pub struct Zip {
    pub bytes: Vec<u8>,
    directory: Vec<u8>,
    n_members: u16,
}

impl Zip {
    /// Adds a member with a mode of Unix.
    pub fn member(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.member_with(name, mode, content, &[]);
    }

    /// The same, with extra fields in its directory entry.
    pub fn member_with(&mut self, name: &str, mode: u32, content: &[u8], extra: &[u8]) {
        let offset = u32::try_from(self.bytes.len()).unwrap();
        let rest = self.hidden(name, content);
        let [low, high] = u16::try_from(extra.len()).unwrap().to_le_bytes();
        self.directory.extend(b"PK\x01\x02\x14\x03");
        self.directory.extend(&rest[..24]);
        self.directory.extend([low, high, 0, 0, 0, 0, 0, 0]);
        self.directory.extend((mode << 16).to_le_bytes());
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend([name.as_bytes(), extra].concat());
        self.n_members += 1;
    }

    /// A local header with its bytes, of which the directory knows nothing; gives what both headers have in common.
    pub fn hidden(&mut self, name: &str, content: &[u8]) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let size = u32::try_from(content.len()).unwrap();
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x58];
        for number in [crc.sum(), size, size] {
            common.extend(number.to_le_bytes());
        }
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&common);
        self.bytes.extend([0, 0]);
        self.bytes.extend([name.as_bytes(), content].concat());
        common
    }

    fn finish(mut self) -> Vec<u8> {
        let (offset, len) = (self.bytes.len(), self.directory.len());
        self.bytes.append(&mut self.directory);
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend([self.n_members.to_le_bytes(), self.n_members.to_le_bytes()].concat());
        for number in [len, offset] {
            self.bytes.extend(u32::try_from(number).unwrap().to_le_bytes());
        }
        self.bytes.extend([0, 0]);
        self.bytes
    }
}

/// Packs the app into a zip, and then whatever `more` writes.
pub fn zip(lab: &mut Lab, more: impl FnOnce(&mut Zip)) {
    let mut zip = Zip::default();
    for entry in entries(lab) {
        let (path, mode) = (&entry.path, entry.mode);
        match &entry.kind {
            EntryKind::Folder => zip.member(&format!("{path}/"), 0o040_000 | mode, b""),
            EntryKind::File(bytes) => {
                let bytes = bytes.read(0, usize::try_from(bytes.len()).unwrap()).unwrap();
                zip.member(path, 0o100_000 | mode, &bytes);
            }
            EntryKind::Symlink(target) => zip.member(path, 0o120_000 | mode, target.as_bytes()),
        }
    }
    more(&mut zip);
    lab.package("zip");
    fs::write(&lab.subject, zip.finish()).unwrap();
}

/// What a package is made of.
pub struct Pack {
    /// What it installs.
    pub entries: Vec<Entry>,
    /// Where to.
    pub location: &'static str,
    /// Who signs it; nobody, if absent.
    pub leaf: Option<Leaf>,
}

/// Packs the app into a signed package.
pub fn pkg(lab: &mut Lab, change: impl FnOnce(&mut Pack)) {
    pkg_of(lab, change, |_| ());
}

/// The same, with its documents (Bom, PackageInfo, Payload …) changed before it is signed.
pub fn pkg_of(
    lab: &mut Lab,
    change: impl FnOnce(&mut Pack),
    documents: impl FnOnce(&mut BTreeMap<String, Vec<u8>>),
) {
    let mut pack = Pack { entries: entries(lab), location: "/Applications", leaf: Some(Leaf::installer()) };
    change(&mut pack);
    let id = "com.example.usb-driver-host";
    let component = Component {
        identifier: "com.example.usb-driver-host.pkg",
        version: "1.2.0",
        install_location: pack.location,
        bundle: Bundle { path: APP, identifier: id, short_version: "1.2.0", version: "340" },
        epoch: EPOCH,
    };
    let entries = Entries::new(pack.entries);
    let (mut payload, mut plain) = (Vec::new(), Vec::new());
    package::payload(&entries, EPOCH, &mut payload).unwrap();
    package::write(&component, &entries, &payload, &Layout::Component, PackageSigner::Nobody, &mut plain)
        .unwrap();
    let xar = Xar::read(&plain).unwrap();
    let members = xar.members.iter().filter_map(|it| Some((it.path.clone(), it.data.as_ref()?)));
    let unpacked =
        |data: &formats::container::xar::Data| read_all(data.open(&plain, Limit::PAYLOAD).unwrap(), 0);
    let mut all = members.map(|(path, data)| (path, unpacked(data).unwrap())).collect();
    documents(&mut all);
    lab.package("pkg");
    let identity = pack.leaf.map(|it| it.identity(lab));
    fs::write(&lab.subject, archive(&all, identity.as_ref())).unwrap();
}

fn archive(members: &BTreeMap<String, Vec<u8>>, identity: Option<&Identity>) -> Vec<u8> {
    let mut package = Package::new(Style::Sha1, EPOCH);
    for (path, bytes) in members {
        package.add(path, Content::zlib(bytes, Style::Sha1).unwrap()).unwrap();
    }
    let signer = identity.and_then(Identity::signer);
    if let Some(signer) = signer {
        let certificates: Vec<Vec<u8>> = signer.chain().iter().map(|it| it.der().to_vec()).collect();
        for (kind, len) in [(SpaceKind::Rsa, 256), (SpaceKind::Cms, 16384)] {
            package.reserve(Space { kind, len, certificates: certificates.clone() });
        }
    }
    let mut out = Vec::new();
    let mut sign = |digest: &[u8]| Ok(signer.map_or_else(Vec::new, |it| signatures(it, digest)));
    package.write(&mut sign, &mut out).unwrap();
    out
}

fn signatures(signer: &Signer, digest: &[u8]) -> Vec<Vec<u8>> {
    let message = SignedData {
        content: cms::Content::Detached(digest),
        chain: signer.chain(),
        key: signer.key(),
        signing_time: Some(EPOCH),
        attributes: Vec::new(),
    };
    vec![
        signer.key().sign_sha1_digest(digest.try_into().unwrap()).unwrap(),
        message.sign(|_| Ok(Vec::new())).unwrap(),
    ]
}

/// The app and everything in it.
fn entries(lab: &Lab) -> Vec<Entry> {
    let top = lab.path("");
    let mut all = vec![Entry { path: APP.to_owned(), mode: 0o755, kind: EntryKind::Folder }];
    for entry in files::walk(&top).unwrap() {
        let kind = match &entry.kind {
            Kind::Folder => EntryKind::Folder,
            Kind::File => EntryKind::File(Arc::new(fs::read(top.join(&entry.path)).unwrap())),
            Kind::Symlink(target) => EntryKind::Symlink(target.to_str().unwrap().to_owned()),
        };
        let inside = entry.path.to_str().unwrap();
        all.push(Entry { path: format!("{APP}/{inside}"), mode: entry.mode, kind });
    }
    all
}
