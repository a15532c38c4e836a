//! A bundle: Info.plist, profile, seal, files.

use std::collections::BTreeSet;

use formats::document::plist::{Date, Dict, Plist};

use super::{Agrees, Anchor, Certificate, Found};

/// One bundle.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// Where it lies: `Host.app/Contents/Library/SystemExtensions/com.example.driver.dext`.
    pub path: String,
    /// By its extension.
    pub kind: BundleKind,
    /// Path of the bundle that directly holds it; `None` when nothing does.
    pub parent: Option<String>,
    /// How its files lie.
    pub layout: Layout,
    /// Its Info.plist.
    pub info: Found<Plist>,
    /// Path of the Info.plist; where it should be, when it is absent.
    pub info_path: String,
    /// Path of its main executable when that is a Mach-O file listed in [`super::Subject::codes`].
    pub executable: Option<String>,
    /// Its `embedded.provisionprofile`.
    pub profile: Found<Profile>,
    /// Its `_CodeSignature/CodeResources`.
    pub seal: Found<Seal>,
    /// Everything in it, nested bundles included, paths relative to the bundle. Complete, sorted by path.
    pub files: Vec<File>,
}

/// What kind of bundle, by extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BundleKind {
    App,
    Dext,
    Framework,
    Kext,
    SystemExtension,
    Other,
}

/// How the files of a bundle lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Info.plist at the top.
    Flat,
    /// Everything in `Contents`.
    Contents,
    /// A framework with `Versions`.
    Versions,
    /// Neither, or both: Security calls it ambiguous.
    Unclear,
}

/// A file, folder or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative to its bundle: `Contents/MacOS/Host`.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Unix permission bits; `None` where the container did not keep them.
    pub mode: Option<u32>,
    /// SHA-1 of a regular file's bytes; `None` when nobody asked.
    pub sha1: Option<[u8; 20]>,
    /// SHA-256 of a regular file's bytes; `None` for other kinds, or when it could not be read (then a fault says so).
    pub sha256: Option<[u8; 32]>,
    /// Whether it starts like an AppleDouble file (magic 0x00051607).
    pub is_apple_double: bool,
    /// What an AppleDouble file holds that a signed program must not have: Finder information, a resource fork.
    pub detritus: Option<&'static str>,
    /// Whether it starts like a Mach-O or universal file.
    pub is_macho: bool,
}

/// What a directory entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file of that many bytes.
    Regular(u64),
    /// A folder.
    Folder,
    /// A symbolic link and what it points at, as written.
    Symlink(String),
    /// A socket, a device, …
    Other,
}

/// A provisioning profile, read and verified.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The plist inside, whole.
    pub plist: Dict,
    /// Whether the CMS around it verifies: message digest, signature, certificates that link.
    pub signature: Agrees,
    /// Where its signer's chain ends.
    pub anchor: Anchor,
    /// Who signed it; `None` when no certificate fits.
    pub signer: Option<Certificate>,
    /// SHA-256 of each certificate in `DeveloperCertificates`.
    pub certificates: Vec<[u8; 32]>,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
}

impl Profile {
    /// What it grants.
    pub fn entitlements(&self) -> Option<&Dict> {
        self.plist.get("Entitlements")?.as_dict()
    }

    /// The team.
    pub fn team(&self) -> Option<&str> {
        self.plist.get("TeamIdentifier")?.as_array()?.first()?.as_str()
    }

    /// The prefixes of application identifiers.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        let all = self.plist.get("ApplicationIdentifierPrefix").and_then(|it| it.as_array());
        all.unwrap_or_default().iter().filter_map(|it| it.as_str())
    }

    /// When it ends.
    pub fn expires(&self) -> Option<Date> {
        self.plist.get("ExpirationDate")?.as_date()
    }

    /// When it was made.
    pub fn created(&self) -> Option<Date> {
        self.plist.get("CreationDate")?.as_date()
    }

    /// Whether it is for every Mac (Developer ID).
    pub fn is_for_all_devices(&self) -> bool {
        self.plist.get("ProvisionsAllDevices").and_then(|it| it.as_bool()) == Some(true)
    }

    /// The Macs it is for, by provisioning UDID; `None` when it has no list.
    pub fn devices(&self) -> Option<Vec<&str>> {
        let list = self.plist.get("ProvisionedDevices")?.as_array()?;
        Some(list.iter().filter_map(|it| it.as_str()).collect())
    }

    /// What it calls itself.
    pub fn name(&self) -> &str {
        self.plist.get("Name").and_then(|it| it.as_str()).unwrap_or("without a name")
    }
}

/// A `CodeResources` file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seal {
    /// Whether `files2` and `rules2` are there (version 2).
    pub has_version_2: bool,
    /// Omit rules of `rules2` that Apple's default rules do not have.
    pub custom_omits: Vec<String>,
    /// Its entries, from `files2` (from `files` when only version 1 is there), by path. Relative to where it seals from:
    /// `Contents` in a deep bundle, the bundle itself in a flat one (the same base as [`Seal::base`]).
    pub entries: Vec<Sealed>,
    /// What entries are relative to, itself relative to the bundle: `Contents` or empty.
    pub base: String,
    /// Files that are there and that its own rules would have sealed, but that have no entry. Relative to [`Seal::base`].
    /// Not in it: what rules omit, AppleDouble companions, the stapled ticket, the signature folder, the main executable.
    pub unsealed: BTreeSet<String>,
}

/// One entry of a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Path relative to [`Seal::base`].
    pub path: String,
    /// Whether the file may be missing.
    pub is_optional: bool,
    /// What it promises.
    pub content: SealedContent,
}

/// What an entry promises about its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedContent {
    /// A regular file with this SHA-256 (`hash2`), or, in version 1 only, this SHA-1 (`hash`).
    File {
        /// `hash`.
        sha1: Option<Vec<u8>>,
        /// `hash2`.
        sha256: Option<Vec<u8>>,
    },
    /// A link to this.
    Symlink(String),
    /// Code signed on its own.
    Nested {
        /// `cdhash`, of any one of its slices.
        cdhash: Option<Vec<u8>>,
        /// Its `requirement`, and whether the code there satisfies it; `None` when the entry has none.
        requirement: Option<(String, Agrees)>,
    },
}

impl Bundle {
    /// The text of a key of Info.plist.
    pub fn info_str(&self, key: &str) -> Option<&str> {
        self.info.present()?.value.get(key)?.as_str()
    }

    /// `CFBundleIdentifier`.
    pub fn id(&self) -> Option<&str> {
        self.info_str("CFBundleIdentifier")
    }

    /// The last part of its path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The entry of that path, relative to the bundle.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|it| it.path == path)
    }

    /// A path inside it, from the subject's name on.
    pub fn inside(&self, path: &str) -> String {
        if path.is_empty() { self.path.clone() } else { format!("{}/{path}", self.path) }
    }

    /// Where its profile lies, relative to it.
    pub const fn profile_file(&self) -> &'static str {
        match self.layout {
            Layout::Contents => "Contents/embedded.provisionprofile",
            Layout::Flat | Layout::Versions | Layout::Unclear => "embedded.provisionprofile",
        }
    }
}
