//! Flat installer packages: one component, installed to one place, signed twice.
//!
//! ```text
//!   xar ─┬─ Bom           what will be installed: names, modes, sizes, checksums
//!        ├─ PackageInfo   identifier, version, where to
//!        ├─ Payload       gzip of a cpio, every path with `./`
//!        └─ signatures over the digest of xar's table: RSA and CMS
//! ```
//! The choices are those of the 85 packages that were looked at and of the notary's known dislikes: SHA-1 table, component
//! style without Distribution, paths with a leading `./`.

mod bom;

use std::io::Write;

use formats::container::{
    cpio,
    xar::Style,
    xar_write::{Content, Package, Space, SpaceKind},
};

use crate::{
    Error, Result,
    asn1::oid,
    certificate::Certificate,
    cms::{Content as Signable, SignedData, attribute},
    code::Stamp,
    identity::{Identity, Purpose, Signer},
};

/// Something to be installed, by its path below the place of installation, without a leading `./`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path with `/`; the root itself is not listed.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What it is.
    pub kind: EntryKind,
}

/// What is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A file and its bytes.
    File(Vec<u8>),
    /// A symbolic link and its target.
    Symlink(String),
}

/// What a package says about itself.
#[derive(Debug, Clone)]
pub struct Component<'a> {
    /// Package identifier.
    pub identifier: &'a str,
    /// Package version.
    pub version: &'a str,
    /// Where its paths start, such as `/Applications`.
    pub install_location: &'a str,
    /// The app inside: path, bundle identifier, `CFBundleShortVersionString`, `CFBundleVersion`.
    pub bundle: Bundle<'a>,
    /// Time of everything in it, Unix seconds.
    pub epoch: u64,
}

/// The app that a package installs.
#[derive(Debug, Clone)]
pub struct Bundle<'a> {
    /// Path below the place of installation.
    pub path: &'a str,
    /// `CFBundleIdentifier`.
    pub identifier: &'a str,
    /// `CFBundleShortVersionString`.
    pub short_version: &'a str,
    /// `CFBundleVersion`.
    pub version: &'a str,
}

/// Who signs a package.
#[derive(Clone, Copy)]
pub enum PackageSigner<'a> {
    /// Nobody.
    Nobody,
    /// The holder of an installer certificate.
    Installer {
        /// The identity; its certificate must be for installers and its key RSA.
        identity: &'a Identity,
        /// The time that the signature claims, Unix seconds.
        signing_time: u64,
        /// Where a timestamp comes from.
        stamp: Option<Stamp<'a>>,
    },
}

/// Type bits of a mode (`S_IFDIR`, `S_IFREG`, `S_IFLNK`).
pub(crate) const FOLDER: u32 = 0o040_000;
pub(crate) const FILE: u32 = 0o100_000;
pub(crate) const LINK: u32 = 0o120_000;

impl Entry {
    /// Type and permission bits.
    pub(crate) fn whole_mode(&self) -> u32 {
        let kind = match self.kind {
            EntryKind::Folder => FOLDER,
            EntryKind::File(_) => FILE,
            EntryKind::Symlink(_) => LINK,
        };
        kind | (self.mode & 0o7777)
    }

    /// What the archive holds of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.kind {
            EntryKind::Folder => &[],
            EntryKind::File(bytes) => bytes,
            EntryKind::Symlink(target) => target.as_bytes(),
        }
    }
}

/// The package with everything in `entries` (which this sorts), signed by `signer`.
pub fn write(
    component: &Component<'_>,
    mut entries: Vec<Entry>,
    signer: PackageSigner<'_>,
) -> Result<Vec<u8>> {
    entries.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
    let bom = bom::write(&entries, component.epoch)?;
    let payload = payload(&entries, component.epoch)?;
    let info = package_info(component, &entries).into_bytes();
    let style = Style::Sha1;
    let mut package = Package::new(style, component.epoch);
    package.add("Bom", Content::zlib(&bom, style)?)?;
    package.add("PackageInfo", Content::zlib(&info, style)?)?;
    package.add("Payload", Content::stored(&payload, style)?)?;
    let mut out = Vec::new();
    match signer {
        PackageSigner::Nobody => package.write(&mut |_| Ok(Vec::new()), &mut out)?,
        PackageSigner::Installer { identity, signing_time, stamp } => {
            identity.demand(Purpose::Installer)?;
            let signer = identity.signer().ok_or_else(|| Error::new("a package is not signed by nobody"))?;
            sign(&mut package, signer, signing_time, stamp, &mut out)?;
        }
    }
    Ok(out)
}

fn sign(
    package: &mut Package<'_>,
    signer: &Signer,
    signing_time: u64,
    stamp: Option<Stamp<'_>>,
    out: &mut Vec<u8>,
) -> Result<()> {
    let certificates: Vec<Vec<u8>> = signer.chain().iter().map(|it| it.der().to_vec()).collect();
    let modulus = match signer.key().kind() {
        crate::key::Kind::Rsa(bits) => (bits / 8) as u64,
        crate::key::Kind::P256 | crate::key::Kind::P384 => {
            return Err(Error::new("an installer package is signed with an RSA key"));
        }
    };
    let carried: usize = certificates.iter().map(Vec::len).sum();
    let room = carried + 4096 + if stamp.is_some() { 8192 } else { 0 };
    package.reserve(Space { kind: SpaceKind::Rsa, len: modulus, certificates: certificates.clone() });
    package.reserve(Space { kind: SpaceKind::Cms, len: room as u64, certificates });
    let mut failed = None;
    let mut both = |digest: &[u8]| {
        let made = signatures(signer, digest, signing_time, stamp);
        made.map_err(|error| {
            let what = error.what.clone();
            failed = Some(error);
            formats::Error::new(0, what)
        })
    };
    let written = package.write(&mut both, out);
    match failed {
        Some(error) => Err(error),
        None => Ok(written?),
    }
}

fn signatures(
    signer: &Signer,
    digest: &[u8],
    signing_time: u64,
    stamp: Option<Stamp<'_>>,
) -> Result<Vec<Vec<u8>>> {
    let sha1: &[u8; 20] = digest.try_into().map_err(|_| Error::new("the table's digest is not SHA-1"))?;
    let rsa = signer.key().sign_sha1_digest(sha1)?;
    let chain: &[Certificate] = signer.chain();
    let message = SignedData {
        content: Signable::Detached(digest),
        chain,
        key: signer.key(),
        signing_time: Some(signing_time),
        attributes: Vec::new(),
    };
    let cms = message.sign(|signature| match stamp {
        None => Ok(Vec::new()),
        Some(stamp) => Ok(vec![attribute(oid::TIMESTAMP_TOKEN, stamp(signature)?)]),
    })?;
    Ok(vec![rsa, cms])
}

/// gzip of a cpio; no name and no time in the gzip header.
fn payload(entries: &[Entry], epoch: u64) -> Result<Vec<u8>> {
    let cannot = |it: std::io::Error| Error::new(format!("cannot write the payload: {it}"));
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut archive = cpio::Writer::new(packed);
    let owner = (0, 80);
    let root = cpio::Header { path: "", mode: FOLDER | 0o755, owner, mtime: epoch, size: 0 };
    archive.member(root, std::io::empty()).map_err(cannot)?;
    for entry in entries {
        let bytes = entry.bytes();
        let header = cpio::Header {
            path: &entry.path,
            mode: entry.whole_mode(),
            owner,
            mtime: epoch,
            size: bytes.len() as u64,
        };
        archive.member(header, bytes).map_err(cannot)?;
    }
    let mut packed = archive.finish().map_err(cannot)?;
    packed.flush().and_then(|()| packed.finish()).map_err(cannot)
}

fn package_info(component: &Component<'_>, entries: &[Entry]) -> String {
    use formats::container::xml::escape;
    let bytes: u64 = entries.iter().map(|it| it.bytes().len() as u64).sum();
    let Bundle { path, identifier, short_version, version } = &component.bundle;
    let id = escape(identifier);
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<pkg-info overwrite-permissions="true" relocatable="false" identifier="{}" postinstall-action="none" version="{}" format-version="2" generator-version="driver-xtask" install-location="{}" auth="root">
    <payload numberOfFiles="{}" installKBytes="{}"/>
    <bundle path="./{}" id="{id}" CFBundleShortVersionString="{}" CFBundleVersion="{}"/>
    <bundle-version>
        <bundle id="{id}"/>
    </bundle-version>
    <upgrade-bundle>
        <bundle id="{id}"/>
    </upgrade-bundle>
    <update-bundle/>
    <atomic-update-bundle/>
    <strict-identifier>
        <bundle id="{id}"/>
    </strict-identifier>
    <relocate/>
</pkg-info>
"#,
        escape(component.identifier),
        escape(component.version),
        escape(component.install_location),
        entries.len() + 1,
        bytes.div_ceil(1024),
        escape(path),
        escape(short_version),
        escape(version),
    )
}
