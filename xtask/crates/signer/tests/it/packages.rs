//! Installer packages: both signatures judged by OpenSSL, the content by bsdtar, the bill against a shipped one.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use formats::container::{xar::Xar, xml::Element};
use signer::{
    authority::Role,
    identity::Identity,
    package::{Bundle, Component, Entries, Entry, EntryKind, Layout, PackageSigner, Product, payload},
    timestamp::Request,
};

use crate::{
    corpus,
    oracle::{Folder, authority, must_pass},
};

const COMPONENT: Component<'static> = Component {
    identifier: "com.example.host.pkg",
    version: "1.2.0",
    install_location: "/Applications",
    bundle: Bundle {
        path: "Host & Co.app",
        identifier: "com.example.host",
        short_version: "1.2.0",
        version: "340",
    },
    epoch: 1_760_000_000,
};

const PRODUCT: Layout<'static> = Layout::Product(Product {
    title: "Host & Co",
    architectures: &["arm64", "x86_64"],
    minimum_macos: Some("12.0"),
});

fn entry(path: &str, mode: u32, kind: EntryKind) -> Entry {
    Entry { path: path.to_owned(), mode, kind }
}

fn entries(n_files: usize) -> Vec<Entry> {
    let mut all = vec![
        entry("Host & Co.app", 0o755, EntryKind::Folder),
        entry("Host & Co.app/link", 0o755, EntryKind::Symlink("file-1".to_owned())),
    ];
    for n in 0..n_files {
        all.push(entry(&format!("Host & Co.app/file-{n}"), 0o644, EntryKind::File(Arc::new(vec![b'x'; n]))));
    }
    all
}

/// A package as bytes; the payload goes through memory.
fn write(entries: Vec<Entry>, layout: &Layout, signer: PackageSigner) -> signer::Result<Vec<u8>> {
    let entries = Entries::new(entries);
    let (mut spool, mut out) = (Vec::new(), Vec::new());
    payload(&entries, COMPONENT.epoch, &mut spool)?;
    signer::package::write(&COMPONENT, &entries, &spool, layout, signer, &mut out)?;
    Ok(out)
}

fn stamp(signature: &[u8]) -> signer::Result<Vec<u8>> {
    let request = Request::over(signature);
    request.token(&authority().timestamp(&request.der)?)
}

fn signed(entries: Vec<Entry>) -> Vec<u8> {
    signed_as(entries, &Layout::Component)
}

fn signed_as(entries: Vec<Entry>, layout: &Layout) -> Vec<u8> {
    let identity = Identity::rehearsal(authority(), Role::DeveloperIdInstaller).unwrap();
    let signer =
        PackageSigner::Installer { identity: &identity, signing_time: 1_760_000_000, stamp: Some(&stamp) };
    write(entries, layout, signer).unwrap()
}

#[test]
fn openssl_verifies_both_signatures() {
    verified_by_openssl(&Layout::Component);
    verified_by_openssl(&PRODUCT);
}

#[track_caller]
fn verified_by_openssl(layout: &Layout) {
    let folder = Folder::new();
    let package = signed_as(entries(3), layout);
    assert_eq!(package, signed_as(entries(3), layout), "the same entries give the same bytes");
    let xar = Xar::read(&package).unwrap();
    folder.write("digest", xar.stored_digest(&package).unwrap().unwrap());
    folder.write("root.pem", authority().certificate(Role::Root).unwrap().pem().unwrap());
    let leaf = authority().certificate(Role::DeveloperIdInstaller).unwrap();
    folder.write("leaf.pem", leaf.pem().unwrap());
    let signature = |style: &str| {
        let found = xar.signatures.iter().find(|it| it.style == style).unwrap();
        assert_eq!(found.certificates.len(), 3);
        package[found.range.offset as usize..found.range.end() as usize].to_vec()
    };
    folder.write("rsa", signature("RSA"));
    let Some(_) =
        must_pass(&folder, "openssl", &["x509", "-in", "leaf.pem", "-pubkey", "-noout", "-out", "key.pem"])
    else {
        return;
    };
    let args = ["pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-sigfile", "rsa", "-in", "digest"];
    must_pass(&folder, "openssl", &[&args[..], &["-pkeyopt", "digest:sha1"]].concat());
    folder.write("cms", signature("CMS"));
    let args = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "cms", "-content", "digest", "-CAfile"];
    let more = ["root.pem", "-purpose", "any", "-ignore_critical", "-out", "content"];
    must_pass(&folder, "openssl", &[&args[..], &more].concat());
}

#[test]
fn bsdtar_unpacks_what_was_put_in() {
    let folder = Folder::new();
    folder.write("a.pkg", signed(entries(3)));
    let Some(_) = must_pass(&folder, "bsdtar", &["-xf", "a.pkg"]) else { return };
    let payload = corpus::member(&folder, "Payload");
    let listed = must_pass(&folder, "bsdtar", &["-tf", &payload]).unwrap().text;
    let expected = ".\n./Host & Co.app\n./Host & Co.app/file-0\n./Host & Co.app/file-1\n./Host & Co.app/file-2\n./Host & Co.app/link\n";
    assert_eq!(listed, expected);
    must_pass(&folder, "bsdtar", &["-xf", &payload]);
    assert_eq!(folder.read("Host & Co.app/file-2"), b"xx");
    let info = folder.read(&corpus::member(&folder, "PackageInfo"));
    assert!(String::from_utf8(info).unwrap().contains("path=\"./Host &amp; Co.app\""));
}

/// What the notary and Installer want of a product archive (`facts` in the crate's documentation): valid XML without comments,
/// one reference with `#` to a folder that is there, both architectures.
#[test]
fn a_product_archive_names_its_component() {
    let package = signed_as(entries(3), &PRODUCT);
    let xar = Xar::read(&package).unwrap();
    let paths: Vec<_> = xar.members.iter().map(|it| it.path.as_str()).collect();
    let component = "com.example.host.pkg";
    let inside = |name: &str| format!("{component}/{name}");
    let (bom, info, payload) = (inside("Bom"), inside("PackageInfo"), inside("Payload"));
    assert_eq!(paths, ["Distribution", component, &bom, &info, &payload]);
    let document = |path: &str| {
        let data = xar.member(path).unwrap().data.as_ref().unwrap();
        String::from_utf8(data.document(&package).unwrap()).unwrap()
    };
    let text = document("Distribution");
    assert!(!text.contains("--"), "the notary refuses it even in a comment");
    let root = Element::parse(&text).unwrap();
    assert_eq!(root.name, "installer-gui-script");
    let references: Vec<_> =
        root.children.iter().filter(|it| it.name == "pkg-ref").map(|it| it.text.trim()).collect();
    assert_eq!(references, ["#com.example.host.pkg", ""]);
    let one = |name: &str| root.children.iter().find(|it| it.name == name).unwrap();
    assert_eq!(one("options").attribute("hostArchitectures"), Some("arm64,x86_64"));
    assert_eq!(one("title").text, "Host & Co");
    assert!(text.contains("<os-version min=\"12.0\"/>"));
    assert!(document(&info).contains("install-location=\"/Applications\""));
    let nothing = Layout::Product(Product { title: "x", architectures: &[], minimum_macos: None });
    let error = write(entries(1), &nothing, PackageSigner::Nobody).unwrap_err();
    assert!(error.what.contains("runs on no architecture"), "{error}");
}

#[test]
fn bsdtar_unpacks_a_product_archive() {
    let folder = Folder::new();
    folder.write("a.pkg", signed_as(entries(3), &PRODUCT));
    let Some(_) = must_pass(&folder, "bsdtar", &["-xf", "a.pkg"]) else { return };
    let payload = ["Payload", "Payload/Payload"].map(|it| format!("com.example.host.pkg/{it}"));
    let payload = payload.iter().find(|it| folder.join(Path::new(it)).is_file()).unwrap();
    must_pass(&folder, "bsdtar", &["-xf", payload]);
    assert_eq!(folder.read("Host & Co.app/file-2"), b"xx");
}

#[test]
fn a_package_wants_an_installer_certificate() {
    let identity = Identity::rehearsal(authority(), Role::DeveloperIdApplication).unwrap();
    let signer = PackageSigner::Installer { identity: &identity, signing_time: 0, stamp: None };
    let error = write(entries(1), &Layout::Component, signer).unwrap_err();
    assert!(error.what.contains("and a Developer ID Installer certificate is needed"), "{error}");
}

/// What a bill says about one path: type, architecture word, mode, size, and all behind the owner.
type Row = (u8, u16, u16, u32, Vec<u8>);

/// The paths of a bill.
fn rows(bill: &[u8]) -> BTreeMap<String, Row> {
    let word = |at: usize| u32::from_be_bytes(bill[at..at + 4].try_into().unwrap());
    let index = word(16) as usize;
    let block = |number: u32| {
        let at = index + 4 + 8 * number as usize;
        &bill[word(at) as usize..(word(at) + word(at + 4)) as usize]
    };
    let number = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let half = |bytes: &[u8], at: usize| u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap());
    let mut at = word(24) as usize + 4;
    let mut tree = 0;
    for _ in 0..word(word(24) as usize) {
        let len = bill[at + 4] as usize;
        if &bill[at + 5..at + 5 + len] == b"Paths" {
            tree = word(at);
        }
        at += 5 + len;
    }
    let mut node = number(block(tree), 8);
    while half(block(node), 0) == 0 {
        node = number(block(node), 12);
    }
    let (mut names, mut found): (BTreeMap<u32, (u32, String)>, BTreeMap<u32, Row>) = Default::default();
    while node != 0 {
        let leaf = block(node);
        for n in 0..half(leaf, 2) as usize {
            let (info, file) = (block(number(leaf, 12 + 8 * n)), block(number(leaf, 16 + 8 * n)));
            let what = block(number(info, 4));
            let name = String::from_utf8(file[4..file.len() - 1].to_vec()).unwrap();
            names.insert(number(info, 0), (number(file, 0), name));
            let row = (what[0], half(what, 2), half(what, 4), number(what, 18), what[22..].to_vec());
            found.insert(number(info, 0), row);
        }
        node = number(leaf, 4);
    }
    let path = |mut id: u32| {
        let mut parts = Vec::new();
        while let Some((parent, name)) = names.get(&id) {
            parts.push(name.clone());
            id = *parent;
        }
        parts.reverse();
        parts.join("/")
    };
    found.into_iter().map(|(id, row)| (path(id), row)).collect()
}

fn bill(folder: &Folder, package: &[u8]) -> BTreeMap<String, Row> {
    folder.write("bill.pkg", package);
    must_pass(folder, "bsdtar", &["-xf", "bill.pkg"]).unwrap();
    rows(&folder.read(&corpus::member(folder, "Bom")))
}

#[test]
fn the_bill_of_a_shipped_payload_is_the_shipped_bill() {
    let folder = Folder::new();
    let Some(()) = corpus::payload(&folder, "7.3.0") else { return };
    let theirs = rows(&folder.read(&corpus::member(&folder, "Bom")));
    let mut all = Vec::new();
    for top in ["Applications", "Library"] {
        collect(&folder, Path::new(top), &mut all);
    }
    let again = Folder::new();
    let ours = bill(&again, &write(all, &Layout::Component, PackageSigner::Nobody).unwrap());
    // Extended attributes in transit have no content of their own in a bill; a folder's size is the file system's.
    let plain = |rows: BTreeMap<String, Row>| -> BTreeMap<String, Row> {
        let kept = rows.into_iter().filter(|(path, _)| !path.contains("/._"));
        kept.map(|(path, row)| if row.0 == 2 { (path, (row.0, row.1, row.2, 0, row.4)) } else { (path, row) })
            .collect()
    };
    assert_eq!(plain(ours), plain(theirs));
}

fn collect(folder: &Folder, inside: &Path, all: &mut Vec<Entry>) {
    let meta = std::fs::symlink_metadata(folder.join(inside)).unwrap();
    let path = inside.to_str().unwrap().to_owned();
    let mode = meta.permissions().mode() & 0o7777;
    if meta.is_dir() {
        all.push(Entry { path, mode, kind: EntryKind::Folder });
        for child in std::fs::read_dir(folder.join(inside)).unwrap() {
            collect(folder, &inside.join(child.unwrap().file_name()), all);
        }
    } else {
        all.push(Entry { mode, kind: EntryKind::File(Arc::new(folder.read(&path))), path });
    }
}

#[test]
fn a_bill_of_many_files_has_several_leaves() {
    if std::process::Command::new("bsdtar").arg("--version").output().is_err() {
        println!("not run: `bsdtar` is not installed");
        return;
    }
    let folder = Folder::new();
    let rows = bill(&folder, &write(entries(1000), &Layout::Component, PackageSigner::Nobody).unwrap());
    assert_eq!(rows.len(), 1003);
    assert_eq!(rows["./Host & Co.app/file-999"].3, 999);
    assert_eq!(rows["./Host & Co.app/link"].0, 3);
}
