//! Everything that was read of one product: what is there, without any opinion.
//!
//! ```text
//!   Subject ─┬─ containers   pkg, dmg, zip: how they are signed
//!            ├─ bundles      app, dext, framework: Info.plist, profile, seal, files
//!            ├─ codes        Mach-O files ─ images (one per slice) ─ signature ─ directories, CMS
//!            ├─ tickets      stapled anywhere
//!            ├─ faults       what could not be read
//!            └─ host         what Apple's tools said, on a Mac
//! ```
//! Paths start with the subject's own name (`Host.app/Contents/Info.plist`) and use `/`. Inside an opened container they
//! start with the name of what was found in it, without the container's. Filled by whoever reads the disk; nothing in
//! this crate does.

mod bundle;
mod code;
mod container;
mod host;
mod identity;

pub use bundle::{Bundle, BundleKind, File, FileKind, Layout, Profile, Seal, Sealed, SealedContent};
pub use code::{Code, CodeLimits, Directory, Image, Requirement, Satisfied, Signature, SpecialSlot, Table};
pub use container::{Component, Container, ContainerKind, NamedBundle, Ticket, TicketContent};
pub use host::{Claim, HostReadings, Reading, TwoReadings};
pub use identity::{Agility, Anchor, Certificate, Cms, Timestamp};

use formats::document::plist::Date;

/// What was looked at. `Subject::default()` is an empty one, at time 0.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Name of the file or folder given, without its folder.
    pub path: String,
    /// What it is.
    pub kind: SubjectKind,
    /// The moment to judge at: the clock, or `--at`.
    pub now: Date,
    /// Opened containers, outermost first; empty for a bundle or a Mach-O.
    pub containers: Vec<Container>,
    /// All bundles, an outer one before what it holds.
    pub bundles: Vec<Bundle>,
    /// All Mach-O files, main executables of bundles and others alike, by path.
    pub codes: Vec<Code>,
    /// Tickets, wherever they are stapled.
    pub tickets: Vec<Ticket>,
    /// What could not be read, and why; each is a finding.
    pub faults: Vec<Fault>,
    /// What could not be looked into here, and why ("the file system of a disk image needs a Mac"); each is "not run".
    pub unopened: Vec<Fault>,
    /// The release before this one (`--baseline`); `None`: none was given.
    pub baseline: Option<Box<Subject>>,
    /// What Apple's tools said; `None`: not on a Mac, so checks that need it have not run.
    pub host: Option<HostReadings>,
}

impl Default for Subject {
    fn default() -> Self {
        Self {
            path: String::new(),
            kind: SubjectKind::Bundle,
            now: Date(0),
            containers: Vec::new(),
            bundles: Vec::new(),
            codes: Vec::new(),
            tickets: Vec::new(),
            faults: Vec::new(),
            unopened: Vec::new(),
            baseline: None,
            host: None,
        }
    }
}

/// What a path turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SubjectKind {
    App,
    Dext,
    /// Any other bundle.
    Bundle,
    MachO,
    Zip,
    Pkg,
    Dmg,
}

impl SubjectKind {
    /// As the report spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Dext => "dext",
            Self::Bundle => "bundle",
            Self::MachO => "macho",
            Self::Zip => "zip",
            Self::Pkg => "pkg",
            Self::Dmg => "dmg",
        }
    }
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub path: String,
    /// Offset in it, where known.
    pub offset: Option<u64>,
    /// What was wrong: "load command 3 ends past the load commands".
    pub what: String,
}

/// Something that may be absent, broken, or there. The three are never mixed up.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Found<T> {
    /// It is not there.
    #[default]
    Absent,
    /// It is there and cannot be read: why.
    Broken(formats::Error),
    /// It is there.
    Present(T),
}

impl<T> Found<T> {
    /// From a reader that tells absence (`None`) from breakage (`Err`).
    pub fn from_read(read: formats::Result<Option<T>>) -> Self {
        match read {
            Ok(Some(it)) => Self::Present(it),
            Ok(None) => Self::Absent,
            Err(fault) => Self::Broken(fault),
        }
    }

    /// The thing, when it is there and readable.
    pub const fn present(&self) -> Option<&T> {
        if let Self::Present(it) = self { Some(it) } else { None }
    }

    /// The thing, to change it.
    pub const fn present_mut(&mut self) -> Option<&mut T> {
        if let Self::Present(it) = self { Some(it) } else { None }
    }

    /// Whether it is not there at all.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Why it cannot be read.
    pub const fn fault(&self) -> Option<&formats::Error> {
        if let Self::Broken(it) = self { Some(it) } else { None }
    }
}

/// Whether something that was computed agrees; `Err` says in a few words what does not.
pub type Agrees = Result<(), String>;

impl Subject {
    /// Why nothing is known of what is inside: a container that was not opened. What is missing then, nobody can tell.
    pub fn unseen(&self) -> Option<&Fault> {
        let is_empty = self.bundles.is_empty() && self.codes.is_empty();
        let broken = self.faults.first().filter(|_| is_empty);
        self.unopened.first().or(broken)
    }

    /// All dexts.
    pub fn dexts(&self) -> impl Iterator<Item = &Bundle> {
        self.bundles.iter().filter(|it| it.kind == BundleKind::Dext)
    }

    /// Apps that are in no other bundle.
    pub fn apps(&self) -> impl Iterator<Item = &Bundle> {
        self.bundles.iter().filter(|it| it.kind == BundleKind::App && it.parent.is_none())
    }

    /// Apps that carry a dext.
    pub fn host_apps(&self) -> impl Iterator<Item = &Bundle> {
        self.apps().filter(|app| self.dexts_of(app).next().is_some())
    }

    /// The dexts that lie inside that app.
    pub fn dexts_of<'a>(&'a self, app: &'a Bundle) -> impl Iterator<Item = &'a Bundle> {
        self.dexts().filter(move |dext| is_below(&dext.path, &app.path))
    }

    /// The app that carries that dext; `None` when the dext was given alone.
    pub fn host_of(&self, dext: &Bundle) -> Option<&Bundle> {
        self.apps().find(|app| is_below(&dext.path, &app.path))
    }

    /// The main executable of that bundle; `None` when it is missing or no Mach-O.
    pub fn main_code(&self, bundle: &Bundle) -> Option<&Code> {
        let path = bundle.executable.as_ref()?;
        self.codes.iter().find(|it| it.path == *path)
    }

    /// The bundle whose main executable that code is.
    pub fn bundle_of(&self, code: &Code) -> Option<&Bundle> {
        self.bundles.iter().find(|it| it.executable.as_deref() == Some(&code.path))
    }

    /// Dexts with their readable images.
    pub fn dext_images(&self) -> impl Iterator<Item = (&Bundle, &Code, &Image)> {
        self.dexts()
            .filter_map(|dext| Some((dext, self.main_code(dext)?)))
            .flat_map(|(dext, code)| code.images().map(move |image| (dext, code, image)))
    }

    /// All readable images of all code.
    pub fn images(&self) -> impl Iterator<Item = (&Code, &Image)> {
        self.codes.iter().flat_map(|code| code.images().map(move |image| (code, image)))
    }

    /// All readable signatures.
    pub fn signatures(&self) -> impl Iterator<Item = (&Code, &Image, &Signature)> {
        self.images().filter_map(|(code, image)| Some((code, image, image.signature.present()?)))
    }

    /// Main executables of bundles, outermost first, then all other code.
    pub fn codes_outermost_first(&self) -> impl Iterator<Item = &Code> {
        let main = self.bundles.iter().filter_map(|it| self.main_code(it));
        let other = self.codes.iter().filter(|it| self.bundle_of(it).is_none());
        main.chain(other)
    }
}

/// Whether `path` lies inside the folder `folder`.
pub fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
}
