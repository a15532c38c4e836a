//! The verifier takes no more than 256 MB, whatever it is shown, and says what was too much.

#[expect(dead_code, reason = "benchmarks fill the code with something")]
#[path = "common/large.rs"]
mod large;
#[path = "common/memory.rs"]
mod memory;

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use formats::container::{cpio, zip_write};
use signer::{code::Settings, identity::Identity};

/// What an inspection may take beyond the pages of its input, which are read and never mapped.
const MOST: u64 = 256 << 20;

/// Verifies `path`: its report holds all of `words`, the exit code is one of a verdict, and the memory stayed below [`MOST`].
#[track_caller]
fn check(path: &Path, words: &[&str]) {
    let report = path.with_extension("report");
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["verify", "--format", "json", "-o"]).arg(&report).arg(path);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let peak = memory::peak(&mut child);
    let status = child.wait().unwrap();
    assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    let text = fs::read_to_string(report).unwrap();
    for word in words {
        let start: String = text.chars().take(2000).collect();
        assert!(text.contains(word), "`{word}` is not in the report: {start}");
    }
    match peak {
        Some(peak) => assert!(peak < MOST, "{} MB", peak >> 20),
        None => say("not run: the peak of memory, there is no /proc"),
    }
}

/// Past what the test harness captures.
#[expect(clippy::explicit_write, reason = "`eprintln!` is what the harness captures")]
fn say(what: &str) {
    writeln!(io::stderr(), "{what}").unwrap();
}

/// Writes `bytes` without what is zero, so that hundreds of megabytes of nothing take no room on the disk.
fn sparse(path: &Path, bytes: &[u8]) {
    const BLOCK: usize = 1 << 20;
    let mut file = File::create(path).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    for (n, block) in bytes.chunks(BLOCK).enumerate().filter(|it| it.1.iter().any(|it| *it != 0)) {
        file.seek(SeekFrom::Start((n * BLOCK) as u64)).unwrap();
        file.write_all(block).unwrap();
    }
}

/// A package with a payload of these bytes, as they are, and a table of contents that ends with `more`.
fn package(payload: &[u8], more: &str) -> Vec<u8> {
    let data = format!(
        "<data><length>{0}</length><size>{0}</size><offset>0</offset><encoding style=\"application/octet-stream\"/></data>",
        payload.len()
    );
    let toc = format!(
        "<?xml version=\"1.0\"?><xar><toc><file id=\"1\"><name>Payload</name><type>file</type>{data}</file>{more}</toc></xar>"
    );
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(toc.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    // Magic, length of the header, version, both lengths of the table, no digest.
    let lengths = [packed.len() as u64, toc.len() as u64].map(u64::to_be_bytes).concat();
    [b"xar!\0\x1c\0\x01", &lengths[..], &[0; 4], &packed, payload].concat()
}

fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_large_image_is_read_in_windows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let image = large::image(300 << 20);
    let signed = signer::macho::sign(&image, &Settings::new("com.example.large", &Identity::AdHoc)).unwrap();
    sparse(&path, &signed.file.bytes().unwrap());
    check(&path, &["\"kind\":\"macho\"", "com.example.large"]);
}

#[test]
fn an_archive_that_unpacks_without_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.zip");
    let mut zip = zip_write::Writer::new(File::create(&path).unwrap(), 0).unwrap();
    zip.file("zeros", 0o644, 300 << 20, io::repeat(0)).unwrap();
    zip.finish().unwrap();
    check(&path, &["200 times their size, the limit"]);
}

#[test]
fn a_payload_that_unpacks_without_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = cpio::Writer::new(&mut packed);
    let header =
        cpio::Header { path: "zeros", mode: cpio::FILE | 0o644, owner: (0, 0), mtime: 0, size: 300 << 20 };
    archive.member(header, io::repeat(0).take(header.size)).unwrap();
    archive.finish().unwrap();
    let path = file(&folder, "bomb.pkg", &package(&packed.finish().unwrap(), ""));
    check(&path, &["200 times their size, the limit"]);
}

#[test]
fn a_table_of_contents_that_grows_without_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "elements.pkg", &package(b"070707", &"<a/>".repeat(3 << 20)));
    check(&path, &["200000 elements"]);
    let path = file(&folder, "text.pkg", &package(b"070707", &"<a b=\"0123456789abcdef\"/>".repeat(700_000)));
    check(&path, &["the limit is 16777216"]);
}

#[test]
fn a_payload_of_very_many_files_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = cpio::Writer::new(Vec::new());
    let nested = "A.app/B.app/C.app/D.app/E.app/F.app";
    for n in 0..190_000 {
        let path = format!("{nested}/{n}");
        let header = cpio::Header { path: &path, mode: cpio::FILE | 0o644, owner: (0, 0), mtime: 0, size: 0 };
        archive.member(header, io::empty()).unwrap();
    }
    let path = file(&folder, "many.pkg", &package(&archive.finish().unwrap(), ""));
    check(&path, &["nested bundles list more than"]);
}

#[test]
fn property_lists_of_very_many_values_are_refused() {
    /// References of one byte to the same value, below the reader's own limit of a million.
    const VALUES: u32 = 900_000;
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("A.app");
    let mut list = [b"bplist00\xaf\x12", &VALUES.to_be_bytes()[..]].concat();
    list.resize(list.len() + VALUES as usize, 1);
    let table = list.len() as u64 + 1;
    // The value `true`, where both objects start, and the trailer: widths of an offset and of a reference, objects, root, table.
    list.push(0x09);
    list.extend([8_u32, table as u32 - 1].map(u32::to_be_bytes).concat());
    list.extend([0, 0, 0, 0, 0, 0, 4, 1]);
    list.extend([2, 0, table].map(u64::to_be_bytes).concat());
    assert!(formats::document::plist::read(&list).is_ok(), "each alone can be read");
    for n in 0..20 {
        let bundle = app.join(format!("Contents/Frameworks/{n}.bundle/Contents"));
        fs::create_dir_all(&bundle).unwrap();
        fs::write(bundle.join("Info.plist"), &list).unwrap();
    }
    check(&app, &["all property lists together take more than"]);
}
