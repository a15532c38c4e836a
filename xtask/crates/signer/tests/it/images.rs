//! Mach-O files of clang and lld, signed by us and judged by rcodesign and OpenSSL.

use formats::{
    Bytes,
    image::{Arch, MachO, Slices},
    signature::{
        code_directory::{CodeDirectory, flags},
        superblob::{Slot, SuperBlob},
    },
};
use signer::{
    authority::Role,
    code::{Digests, Settings},
    entitlements::Entitlements,
    identity::Identity,
    macho,
    timestamp::Request,
};

use crate::oracle::{Folder, Opinion, ask, authority, must_pass, rcodesign};

const SOURCE: &str = "int other(int); int table[5000] = {1,2,3}; int main(void) { return table[other(3)]; }
    int other(int x) { return x * 7; }";
const ENTITLEMENTS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>
    <key>com.apple.developer.driverkit</key><true/></dict></plist>\n";

/// A thin image of `arch`; `None` without clang or lld.
pub fn image(folder: &Folder, arch: &str, more: &[&str]) -> Option<Vec<u8>> {
    folder.write("a.c", SOURCE);
    let target = format!("{arch}-apple-macos12.0");
    must_pass(folder, "clang-19", &["-target", &target, "-ffreestanding", "-c", "a.c", "-o", "a.o"])?;
    let mut args = vec!["-dynamic", "-arch", arch, "-platform_version", "macos", "12.0", "15.0"];
    args.extend(["-no_adhoc_codesign", "-fixup_chains", "-o", "a.out", "a.o"]);
    args.extend(more);
    must_pass(folder, "ld64.lld-19", &args)?;
    Some(folder.read("a.out"))
}

fn universal(folder: &Folder) -> Option<Vec<u8>> {
    let (intel, apple) = (image(folder, "x86_64", &[])?, image(folder, "arm64", &[])?);
    Some(formats::image::merge(&[&intel, &apple]).unwrap())
}

fn developer_id() -> Identity {
    Identity::rehearsal(authority(), Role::DeveloperIdApplication).unwrap()
}

/// A timestamp of the rehearsal authority.
fn stamp(signature: &[u8]) -> signer::Result<Vec<u8>> {
    let request = Request::over(signature);
    request.token(&authority().timestamp(&request.der)?)
}

/// What rcodesign says about a signed file, and OpenSSL about each CMS in it.
#[track_caller]
fn judged(folder: &Folder, file: &[u8]) {
    folder.write("signed", file);
    if let Some(opinion) = ask(folder, &rcodesign(), &["verify", "signed"]) {
        let Opinion { passed, text, .. } = opinion;
        assert!(passed && text.contains("no problems detected"), "{text}");
    }
    folder.write("root.pem", authority().certificate(Role::Root).unwrap().pem().unwrap());
    for (_, blob) in signatures(file) {
        let whole = SuperBlob::parse(Bytes::new(&blob)).unwrap();
        let cms = whole.get(Slot::Signature).unwrap().payload().as_slice();
        folder.write("cms", cms);
        folder.write("cd", whole.get(Slot::CodeDirectory).unwrap().bytes.as_slice());
        let args = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "cms", "-content", "cd", "-CAfile"];
        let more = ["root.pem", "-purpose", "any", "-ignore_critical", "-out", "content"];
        must_pass(folder, "openssl", &[&args[..], &more].concat());
    }
}

/// The bytes at `LC_CODE_SIGNATURE` of each slice.
fn signatures(file: &[u8]) -> Vec<(Arch, Vec<u8>)> {
    let mut found = Vec::new();
    for slice in Slices::read(&file).unwrap().unwrap().slices {
        let bytes = &file[slice.offset as usize..slice.end() as usize];
        let range = MachO::read(&bytes).unwrap().code_signature().unwrap();
        assert_eq!(range.offset % 16, 0);
        assert_eq!(range.end() as usize, bytes.len());
        found.push((slice.arch, bytes[range.offset as usize..].to_vec()));
    }
    found
}

fn directory(signature: &[u8], slot: Slot) -> CodeDirectory {
    let whole = SuperBlob::parse(Bytes::new(signature)).unwrap();
    CodeDirectory::parse(whole.get(slot).unwrap().bytes).unwrap()
}

/// Every page hash, recomputed by the reader.
#[track_caller]
fn pages_match(file: &[u8], slot: Slot) {
    for slice in Slices::read(&file).unwrap().unwrap().slices {
        let bytes = &file[slice.offset as usize..slice.end() as usize];
        let range = MachO::read(&bytes).unwrap().code_signature().unwrap();
        let found = directory(&bytes[range.offset as usize..], slot);
        assert_eq!(found.code_limit, range.offset);
        let pages = bytes[..range.offset as usize].chunks(found.page_size().unwrap() as usize);
        assert_eq!(pages.len() as u32, found.n_code_slots);
        for (n, page) in pages.enumerate() {
            assert_eq!(found.code_hash(n as u32).unwrap(), found.hash_type.digest(page), "page {n}");
        }
    }
}

#[test]
fn a_universal_program_is_signed_as_for_distribution() {
    let folder = Folder::new();
    let Some(file) = universal(&folder) else { return };
    let identity = developer_id();
    let claims = Entitlements::read(ENTITLEMENTS.as_bytes()).unwrap();
    let settings = Settings {
        flags: flags::RUNTIME,
        entitlements: Some(&claims),
        info_plist: Some(b"<plist/>"),
        resources: Some(b"<plist></plist>"),
        signing_time: Some(1_760_000_000),
        stamp: Some(&stamp),
        ..Settings::new("com.example.driver", &identity)
    };
    let signed = macho::sign(&file, &settings).unwrap();
    let signed_bytes = signed.file.bytes().unwrap();
    assert_eq!(
        signed_bytes,
        macho::sign(&file, &settings).unwrap().file.bytes().unwrap(),
        "the same input gives the same bytes"
    );
    judged(&folder, &signed_bytes);
    pages_match(&signed_bytes, Slot::CodeDirectory);
    for ((arch, blob), slice) in signatures(&signed_bytes).iter().zip(&signed.slices) {
        let found = directory(blob, Slot::CodeDirectory);
        assert_eq!(found.version, 0x20500);
        assert_eq!(found.identifier, "com.example.driver");
        assert_eq!(found.team.as_deref(), Some("REHEARSE01"));
        assert_eq!(found.page_size(), Some(if arch.is_x86_64() { 4096 } else { 16384 }));
        assert_eq!(found.runtime, Some(0x000f_0000));
        assert_eq!(found.n_special_slots, 7);
        assert_eq!(vec![found.cdhash()], slice.cdhashes);
    }
}

#[test]
fn a_timestamp_larger_than_any_is_given_room() {
    let folder = Folder::new();
    let Some(file) = image(&folder, "arm64", &[]) else { return };
    let identity = developer_id();
    let large = |_: &[u8]| Ok(signer::asn1::write::octets(&[0; 40_000]));
    let settings = Settings { stamp: Some(&large), ..Settings::new("x", &identity) };
    let signed = macho::sign(&file, &settings).unwrap();
    let signed_bytes = signed.file.bytes().unwrap();
    pages_match(&signed_bytes, Slot::CodeDirectory);
    assert!(signatures(&signed_bytes)[0].1.len() > 40_000);
}

#[test]
fn a_library_and_a_plug_in_are_signed_too() {
    let folder = Folder::new();
    for kind in ["-dylib", "-bundle"] {
        let Some(file) = image(&folder, "arm64", &[kind]) else { return };
        let identity = developer_id();
        let signed_bytes =
            macho::sign(&file, &Settings::new("library", &identity)).unwrap().file.bytes().unwrap();
        judged(&folder, &signed_bytes);
        let claims = Entitlements::read(ENTITLEMENTS.as_bytes()).unwrap();
        let settings = Settings { entitlements: Some(&claims), ..Settings::new("library", &identity) };
        assert!(macho::sign(&file, &settings).unwrap_err().what.contains("loaded, not launched"));
    }
}

#[test]
fn two_digests_are_two_code_directories() {
    let folder = Folder::new();
    let Some(file) = universal(&folder) else { return };
    let identity = developer_id();
    let settings = Settings { digests: Digests::Sha1AndSha256, ..Settings::new("both", &identity) };
    let signed = macho::sign(&file, &settings).unwrap();
    let signed_bytes = signed.file.bytes().unwrap();
    judged(&folder, &signed_bytes);
    pages_match(&signed_bytes, Slot::CodeDirectory);
    pages_match(&signed_bytes, Slot::AlternateCodeDirectory(0));
    assert_eq!(signed.slices[0].cdhashes.len(), 2);
}

#[test]
fn ad_hoc_code_has_hashes_and_nobody() {
    let folder = Folder::new();
    let Some(file) = image(&folder, "x86_64", &[]) else { return };
    let signed = macho::sign(&file, &Settings::new("adhoc", &Identity::AdHoc)).unwrap();
    let signed_bytes = signed.file.bytes().unwrap();
    pages_match(&signed_bytes, Slot::CodeDirectory);
    let found = directory(&signatures(&signed_bytes)[0].1, Slot::CodeDirectory);
    assert!(found.has_flags(flags::ADHOC));
    assert_eq!(found.team, None);
    folder.write("signed", &signed_bytes);
    if let Some(opinion) = ask(&folder, &rcodesign(), &["print-signature-info", "signed"]) {
        assert!(opinion.passed && opinion.text.contains("ADHOC"), "{}", opinion.text);
    }
}

#[test]
fn signing_again_replaces_and_stripping_gives_back_what_was() {
    let folder = Folder::new();
    let Some(file) = universal(&folder) else { return };
    let identity = developer_id();
    let first = macho::sign(&file, &Settings::new("once", &identity)).unwrap().file.bytes().unwrap();
    let second = macho::sign(&first, &Settings::new("twice", &identity)).unwrap().file.bytes().unwrap();
    assert_eq!(second, macho::sign(&file, &Settings::new("twice", &identity)).unwrap().file.bytes().unwrap());
    let (stripped, signatures) = macho::strip(&second).unwrap();
    let (canonical, none) = macho::strip(&file).unwrap();
    let (stripped, canonical) = (stripped.bytes().unwrap(), canonical.bytes().unwrap());
    assert_eq!(stripped, canonical);
    assert!(none.iter().all(|(_, it)| it.is_none()));
    assert_eq!(macho::attach(&file, &signatures).unwrap().bytes().unwrap(), second);
    assert_eq!(macho::attach(&stripped, &signatures).unwrap().bytes().unwrap(), second);
}

#[test]
fn what_cannot_be_signed_is_refused_with_a_way_out() {
    let folder = Folder::new();
    let Some(file) = image(&folder, "arm64", &[]) else { return };
    let identity = developer_id();
    let refusal = |file: &[u8]| macho::sign(&file, &Settings::new("x", &identity)).unwrap_err();
    let what = |file: &[u8]| refusal(file).what;
    assert_eq!(what(b"#!/bin/sh\n"), "not a Mach-O file");
    assert!(what(&[&file[..], b"appended"].concat()).contains("8 bytes follow"));
    assert!(what(&file[..file.len() - 1]).contains("past the file"));
    let mut fat64 = formats::image::merge(&[&file]).unwrap();
    fat64[3] = 0xbf;
    assert!(!what(&fat64).is_empty());
    must_pass(&folder, "clang-19", &["-target", "arm64-apple-macos12.0", "-c", "a.c", "-o", "b.o"]);
    assert!(what(&folder.read("b.o")).contains("neither launched nor loaded"));
    let Some(full) = image(&folder, "arm64", &["-headerpad", "0"]) else { return };
    let found = macho::sign(&full, &Settings::new("x", &identity));
    assert!(found.unwrap_err().hint.unwrap().contains("-headerpad"));
}
