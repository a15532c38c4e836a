//! Flat installer packages: one component, installed to one place, signed twice.
//!
//! ```text
//!   xar ─┬─ Distribution    of a product archive: what is asked of the Mac, and `#x.pkg`, the component
//!        ├─ [x.pkg/] ─┬─ Bom           what will be installed: names, modes, sizes, checksums
//!        │            ├─ PackageInfo   identifier, version, where to
//!        │            └─ Payload       gzip of a cpio, every path with `./`
//!        └─ signatures over the digest of xar's table: RSA and CMS
//! ```
//! The choices are those of the 85 packages that were looked at and of the notary's known dislikes: SHA-1 table, paths with a
//! leading `./`, references with a leading `#`. Nothing is held whole: files are read in windows, and the payload, whose length
//! must be known before the table is written, goes to a place of the caller's first.
//!
//! ```text
//!   let entries = Entries::new(files);
//!   payload(&entries, epoch, &mut spool)?;
//!   write(&component, &entries, &spooled, &Layout::Component, signer, &mut out)?;
//! ```

mod bom;
mod documents;
mod sign;

use std::{
    fmt,
    io::{self, Write},
    sync::Arc,
};

use formats::{
    Source,
    container::{
        bounded::SourceReader,
        cpio,
        xar::Style,
        xar_write::{Content, Package},
    },
};

use crate::{
    Error, Result,
    code::Stamp,
    identity::{Identity, Purpose},
};

/// Something to be installed, by its path below the place of installation, without a leading `./`.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Path with `/`; the root itself is not listed.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What it is.
    pub kind: EntryKind,
}

/// What is installed.
#[derive(Clone)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A file and its bytes.
    File(Arc<dyn Source>),
    /// A symbolic link and its target.
    Symlink(String),
}

/// Entries in the order in which packages list them.
#[derive(Debug, Clone)]
pub struct Entries(Vec<Entry>);

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

/// How a package is laid out.
#[derive(Debug, Clone)]
pub enum Layout<'a> {
    /// A component package, as all 85 that were looked at.
    Component,
    /// A product archive around the component, as `productbuild` makes it.
    Product(Product<'a>),
}

/// What a product archive asks of the Mac.
#[derive(Debug, Clone)]
pub struct Product<'a> {
    /// What Installer calls it.
    pub title: &'a str,
    /// Architectures that it runs on, such as `arm64`; without `arm64` here Installer asks for Rosetta.
    pub architectures: &'a [&'a str],
    /// The oldest macOS that it runs on.
    pub minimum_macos: Option<&'a str>,
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
const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

impl fmt::Debug for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => f.write_str("Folder"),
            Self::File(bytes) => write!(f, "File({} bytes)", bytes.len()),
            Self::Symlink(target) => write!(f, "Symlink({target:?})"),
        }
    }
}

impl Entry {
    /// Type and permission bits.
    fn whole_mode(&self) -> u32 {
        let kind = match self.kind {
            EntryKind::Folder => FOLDER,
            EntryKind::File(_) => FILE,
            EntryKind::Symlink(_) => LINK,
        };
        kind | (self.mode & 0o7777)
    }

    /// How many bytes the archive holds of it.
    fn size(&self) -> u64 {
        match &self.kind {
            EntryKind::Folder => 0,
            EntryKind::File(bytes) => bytes.len(),
            EntryKind::Symlink(target) => target.len() as u64,
        }
    }
}

impl Entries {
    /// Sorts them by the parts of their paths.
    pub fn new(mut all: Vec<Entry>) -> Self {
        all.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
        Self(all)
    }
}

/// Writes the payload, a gzip of a cpio, to `out`; no name and no time in the gzip header.
pub fn payload(entries: &Entries, epoch: u64, out: impl Write) -> Result<()> {
    let cannot = |it: io::Error| Error::new(format!("cannot write the payload: {it}"));
    let packed = flate2::write::GzEncoder::new(out, flate2::Compression::default());
    let mut archive = cpio::Writer::new(packed);
    let owner = (0, 80);
    let root = cpio::Header { path: "", mode: FOLDER | 0o755, owner, mtime: epoch, size: 0 };
    archive.member(root, io::empty()).map_err(cannot)?;
    for entry in &entries.0 {
        let mode = entry.whole_mode();
        let header = cpio::Header { path: &entry.path, mode, owner, mtime: epoch, size: entry.size() };
        let written = match &entry.kind {
            EntryKind::Folder => archive.member(header, io::empty()),
            EntryKind::File(bytes) => archive.member(header, SourceReader::all(&**bytes)),
            EntryKind::Symlink(target) => archive.member(header, target.as_bytes()),
        };
        written.map_err(cannot)?;
    }
    let packed = archive.finish().map_err(cannot)?;
    packed.finish().and_then(|mut out| out.flush()).map_err(cannot)
}

/// Writes the package with everything in `entries`, and with what [`payload`] made of them, signed by `signer`.
pub fn write(
    component: &Component<'_>,
    entries: &Entries,
    payload: &dyn Source,
    layout: &Layout<'_>,
    signer: PackageSigner<'_>,
    out: &mut dyn Write,
) -> Result<()> {
    let bom = bom::write(&entries.0, component.epoch)?;
    let info = documents::package_info(component, &entries.0).into_bytes();
    let (folder, distribution) = match layout {
        Layout::Component => (String::new(), None),
        Layout::Product(product) => {
            let folder = documents::component_folder(component.identifier)?;
            let text =
                documents::distribution(component, product, &folder, documents::kilobytes(&entries.0))?;
            (folder + "/", Some(text.into_bytes()))
        }
    };
    let style = Style::Sha1;
    let mut package = Package::new(style, component.epoch);
    package.add(&format!("{folder}Bom"), Content::zlib(&bom, style)?)?;
    package.add(&format!("{folder}PackageInfo"), Content::zlib(&info, style)?)?;
    package.add(&format!("{folder}Payload"), Content::stored(payload, style)?)?;
    if let Some(text) = &distribution {
        package.add("Distribution", Content::zlib(text, style)?)?;
    }
    match signer {
        PackageSigner::Nobody => Ok(package.write(&mut |_| Ok(Vec::new()), out)?),
        PackageSigner::Installer { identity, signing_time, stamp } => {
            identity.demand(Purpose::Installer)?;
            let signer = identity.signer().ok_or_else(|| Error::new("a package is not signed by nobody"))?;
            sign::sign(&mut package, signer, signing_time, stamp, out)
        }
    }
}
