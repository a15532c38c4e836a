//! Where fuzzing starts: good products cut into the pieces that the targets read, a folder of seeds for each.
//!
//! ```text
//!   Host.app ─▶ verify-bundle ─▶ slice ─▶ verify-file, macho ─▶ signature, superblob ─▶ code-directory, requirement, cms ─▶ certificate …
//! ```
//! A fuzzer that starts from nothing does not get past a magic number, let alone a checksum.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use formats::{
    Bytes, Source,
    container::{bounded::Limit, cpio, koly::Koly, trailer, xar::Xar, zip},
    document::{profile::Profile, ticket::Ticket},
    image::{MachO, Slices},
    signature::{
        Signature,
        certificate::Certificate,
        cms::SignedData,
        digest::{hex, sha256},
        superblob::{Slot, SuperBlob},
        tlv::{Element, SEQUENCE},
    },
};

use crate::{
    error::Result,
    inspect::{
        archive,
        disk::Watch,
        tree::{Kind, Tree},
    },
    stage::files,
};

/// Largest seed in bytes, and largest input that a target makes of it: our own package has 130 KB, its largest binary 230 KB.
pub const LARGEST: usize = 256 << 10;

/// A Mach-O cut to this length still has all its load commands: ours have 2 KB of them.
const HEAD: usize = 8 << 10;

/// Pieces, by the target that reads them.
#[derive(Default)]
pub struct Seeds {
    by_target: BTreeMap<&'static str, BTreeSet<Vec<u8>>>,
}

impl Seeds {
    /// Takes in everything at `path`, file or folder. Text files without a format of their own are for `as_text`.
    pub fn take(&mut self, path: &Path, as_text: &'static str) -> Result {
        let watch = Watch::default();
        let name = path.file_name().and_then(|it| it.to_str()).unwrap_or("seed");
        if path.is_file() {
            self.source(name, watch.file(name, path)?, as_text);
            return Ok(());
        }
        self.tree(&watch.folder(name, path)?, as_text);
        Ok(())
    }

    /// All pieces for one target, by their bytes.
    pub fn of<'a>(&'a self, target: &str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.by_target.get(target).into_iter().flatten().map(Vec::as_slice)
    }

    /// Writes a folder for each target; the name of a seed is its digest.
    pub fn write(&self, to: &Path) -> Result {
        files::remove(to)?;
        for (target, seeds) in &self.by_target {
            files::create_folder(&to.join(target))?;
            for seed in seeds {
                let name = hex(sha256(seed).first_chunk::<8>().expect("a SHA-256 has 32 bytes"));
                files::write(&to.join(target).join(name), seed, 0o644)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, target: &'static str, seed: &[u8]) {
        if !seed.is_empty() && seed.len() <= LARGEST {
            self.by_target.entry(target).or_default().insert(seed.to_vec());
        }
    }

    fn tree(&mut self, tree: &Tree, as_text: &'static str) {
        for (path, node) in tree.iter() {
            match &node.kind {
                Kind::File(source) => self.source(path, source.clone(), as_text),
                Kind::Folder if path.ends_with(".app") || path.ends_with(".dext") => self.bundle(tree, path),
                Kind::Folder | Kind::Symlink(_) | Kind::Other => {}
            }
        }
    }

    /// What cannot be read is no seed: a good product has no such piece, and hostile ones are the fuzzer's work.
    fn source(&mut self, path: &str, source: Arc<dyn Source>, as_text: &'static str) {
        /// No product of ours comes near; larger ones are cut from nothing.
        const MOST: u64 = 16 << 20;
        let len = source.len().min(MOST);
        if let Ok(bytes) = source.read(0, usize::try_from(len).expect("at most MOST")) {
            self.file(path, &bytes, as_text);
        }
    }

    fn file(&mut self, path: &str, bytes: &[u8], as_text: &'static str) {
        let ending = path.rsplit_once('.').map_or("", |it| it.1);
        if Xar::is(&bytes) {
            self.package(bytes);
        } else if zip::is(&bytes) {
            self.add("zip", bytes);
            self.add("verify-file", bytes);
        } else if let Ok(Some(koly)) = Koly::read(&bytes) {
            self.image(bytes, &koly);
        } else if let Ok(Some(slices)) = Slices::read(&bytes) {
            self.code(bytes, &slices);
        } else if Ticket::is(bytes) {
            self.ticket(bytes);
        } else if ending == "provisionprofile" {
            self.profile(bytes);
        } else if bytes.starts_with(b"bplist00") || is_xml(bytes) {
            self.add("plist", bytes);
            if path.ends_with("CodeResources") {
                self.add("seal", bytes);
            }
        } else if ending == "iig" {
            self.add("interface", bytes);
        } else {
            self.add(as_text, bytes.get(..bytes.len().min(LARGEST)).unwrap_or_default());
        }
    }

    /// A bundle as `verify-bundle` takes it, once with whole binaries of one architecture, once with their heads alone.
    fn bundle(&mut self, tree: &Tree, bundle: &str) {
        let name = bundle.rsplit('/').next().unwrap_or(bundle);
        for most in [LARGEST, HEAD] {
            let mut archive = cpio::Writer::new(Vec::new());
            let mut add = |path: &str, mode, bytes: &[u8]| {
                let header = cpio::Header { path, mode, owner: (0, 0), mtime: 0, size: bytes.len() as u64 };
                archive.member(header, bytes)
            };
            let mut written = add(name, cpio::FOLDER | 0o755, b"");
            for (path, node) in tree.below(bundle) {
                let path = format!("{name}/{path}");
                written = written.and_then(|()| match &node.kind {
                    Kind::File(source) => {
                        let bytes = thin(source.as_ref());
                        let bytes = bytes.get(..bytes.len().min(most)).unwrap_or_default();
                        add(&path, cpio::FILE | node.mode.unwrap_or(0o644), bytes)
                    }
                    Kind::Folder => add(&path, cpio::FOLDER | 0o755, b""),
                    Kind::Symlink(target) => add(&path, cpio::SYMLINK | 0o755, target.as_bytes()),
                    Kind::Other => Ok(()),
                });
            }
            if let Ok(bytes) = written.and_then(|()| archive.finish()) {
                self.add("verify-bundle", &bytes);
                self.add("payload", &bytes);
            }
        }
    }

    fn package(&mut self, bytes: &[u8]) {
        self.add("xar", bytes);
        self.add("verify-file", bytes);
        if let Ok(Some(stapled)) = trailer::read(&bytes) {
            self.add("trailer", range(bytes, stapled.terminator, u64::MAX));
            self.ticket(range(bytes, stapled.ticket.offset, stapled.ticket.len));
        }
        let Ok(xar) = Xar::read(&bytes) else { return };
        for signature in &xar.signatures {
            self.message(range(bytes, signature.range.offset, signature.range.len));
            signature.certificates.iter().for_each(|it| self.certificate(it));
        }
        for member in xar.members.iter().filter(|it| it.path.ends_with("Payload")) {
            let packed = member.data.as_ref().and_then(|it| it.document(&bytes).ok()).unwrap_or_default();
            self.add("payload", &packed);
            if let Ok((tree, _)) = archive::payload(packed.as_slice(), packed.len() as u64, Limit::DOCUMENT) {
                self.tree(&tree, "plist");
            }
        }
    }

    fn image(&mut self, bytes: &[u8], koly: &Koly) {
        let Some(found) = koly.signature else { return };
        let signature = range(bytes, found.offset, found.len);
        self.signature(signature);
        let mut small = [signature, range(bytes, koly.offset, u64::MAX)].concat();
        // The trailer's own offset of the signature (`koly` reads it at 0x128): it now lies at the start.
        if let Some(offset) = small.get_mut(signature.len() + 0x128..signature.len() + 0x130) {
            offset.fill(0);
        }
        self.add("koly", &small);
        self.add("verify-file", &small);
    }

    fn code(&mut self, bytes: &[u8], slices: &Slices) {
        self.add("universal", bytes);
        self.add("verify-file", bytes);
        for slice in &slices.slices {
            let image = range(bytes, slice.offset, slice.size);
            self.add("macho", image);
            self.add("macho", range(image, 0, HEAD as u64));
            self.add("verify-file", image);
            if let Some(found) = MachO::read(&image).ok().and_then(|it| it.code_signature()) {
                self.signature(range(image, found.offset, found.size));
            }
        }
    }

    fn signature(&mut self, bytes: &[u8]) {
        let Ok(blobs) = SuperBlob::parse(Bytes::new(bytes)) else { return };
        self.add("superblob", blobs.bytes.as_slice());
        self.add("signature", blobs.bytes.as_slice());
        for blob in &blobs.blobs {
            let payload = blob.payload().as_slice();
            match blob.slot {
                Slot::CodeDirectory | Slot::AlternateCodeDirectory(_) => {
                    self.add("code-directory", blob.bytes.as_slice());
                }
                Slot::Requirements => self.add("requirement", blob.bytes.as_slice()),
                Slot::Entitlements => self.add("plist", payload),
                Slot::EntitlementsDer => {
                    self.add("entitlements", payload);
                    self.add("der", payload);
                }
                Slot::Signature => self.message(payload),
                Slot::Ticket => self.ticket(payload),
                _ => {}
            }
        }
        let designated = Signature::parse(Bytes::new(bytes)).ok().and_then(|it| it.requirements);
        if let Some(designated) = designated.as_ref().and_then(|it| it.designated()) {
            self.add("requirement", designated.to_string().as_bytes());
        }
    }

    fn message(&mut self, bytes: &[u8]) {
        let Ok(message) = SignedData::parse(Bytes::new(bytes)) else { return };
        let bytes = range(bytes, 0, message.consumed as u64);
        self.add("cms", bytes);
        self.add("ber", bytes);
        message.certificates.iter().for_each(|it| self.certificate(it.as_der()));
        for token in message.signers.iter().filter_map(|it| it.timestamp_token()) {
            self.add("timestamp", token);
            self.message(token);
        }
    }

    fn certificate(&mut self, der: &[u8]) {
        self.add("certificate", der);
        self.add("der", der);
        let body = Element::only(Bytes::new(der)).ok().and_then(|it| it.inside().flatten().next());
        // Of a certificate's body: signature algorithm, issuer, validity, subject, public key.
        let mut parts = body.into_iter().flat_map(|it| it.inside().flatten()).filter(|it| it.tag == SEQUENCE);
        if let (Some(algorithm), Some(key)) = (parts.next(), parts.nth(3)) {
            self.add("key", &[key.whole.as_slice(), algorithm.whole.as_slice()].concat());
        }
    }

    fn profile(&mut self, bytes: &[u8]) {
        self.add("profile", bytes);
        self.message(bytes);
        if let Ok(profile) = Profile::read(bytes) {
            self.add("plist", &profile.message.content.unwrap_or_default());
            profile.certificates.iter().for_each(|it| self.certificate(it));
        }
    }

    fn ticket(&mut self, bytes: &[u8]) {
        self.add("ticket", bytes);
        if let Ok(ticket) = Ticket::read(bytes) {
            ticket.certificates.iter().map(Certificate::as_der).for_each(|it| self.certificate(it));
        }
    }
}

/// The first slice of a universal file; any other file as it is, nothing when it cannot be read.
fn thin(source: &dyn Source) -> Vec<u8> {
    let (offset, len) = match Slices::read(source) {
        Ok(Some(slices)) => slices.slices.first().map_or((0, 0), |it| (it.offset, it.size)),
        Ok(None) | Err(_) => (0, source.len()),
    };
    let len = usize::try_from(len).unwrap_or(0).min(LARGEST);
    source.read(offset, len).map(|it| it.into_owned()).unwrap_or_default()
}

/// `len` bytes from `offset`, as far as they are there.
fn range(bytes: &[u8], offset: u64, len: u64) -> &[u8] {
    let whole = bytes.len() as u64;
    let (start, end) = (offset.min(whole), offset.saturating_add(len).min(whole));
    bytes.get(start as usize..end as usize).unwrap_or_default()
}

fn is_xml(bytes: &[u8]) -> bool {
    bytes.starts_with(b"<?xml") || bytes.starts_with(b"<!DOCTYPE plist") || bytes.starts_with(b"<plist")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, bytes: &[u8], expected: &[&str]) {
        let mut seeds = Seeds::default();
        seeds.file(path, bytes, "log");
        assert_eq!(seeds.by_target.keys().copied().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_file_is_filed_under_the_targets_that_read_it() {
        check("a/Info.plist", b"<?xml version=\"1.0\"?><plist/>", &["plist"]);
        check("a/_CodeSignature/CodeResources", b"<?xml version=\"1.0\"?><plist/>", &["plist", "seal"]);
        check("a/Contents/CodeResources", b"s8ch\x01", &["ticket"]);
        check("Driver.iig", b"class Driver;", &["interface"]);
        check("system.txt", b"kernel: DK: start", &["log"]);
        check("a.zip", b"PK\x03\x04", &["verify-file", "zip"]);
        check("empty", b"", &[]);
    }

    #[test]
    fn a_seed_that_no_target_would_take_is_left_out() {
        let mut seeds = Seeds::default();
        seeds.add("plist", &[1; LARGEST + 1]);
        assert!(seeds.by_target.is_empty());
        seeds.add("plist", &[1; LARGEST]);
        assert_eq!(seeds.by_target.len(), 1);
    }

    #[test]
    fn a_bundle_becomes_an_archive_that_the_verifier_reads_as_that_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let contents = folder.path().join("A.app/Contents");
        std::fs::create_dir_all(&contents).unwrap();
        std::fs::write(contents.join("Info.plist"), "<?xml version=\"1.0\"?><plist><dict/></plist>").unwrap();
        let mut seeds = Seeds::default();
        seeds.take(folder.path(), "log").unwrap();
        let bundles = &seeds.by_target["verify-bundle"];
        let bytes = bundles.first().unwrap();
        let limit = formats::container::bounded::Limit::PAYLOAD;
        let (tree, _) =
            crate::inspect::archive::payload(bytes.as_slice(), bytes.len() as u64, limit).unwrap();
        assert!(tree.file("A.app/Contents/Info.plist").is_some());
    }
}
