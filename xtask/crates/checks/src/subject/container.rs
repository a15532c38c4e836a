//! A package, disk image or archive, and the tickets stapled to things.

use std::collections::BTreeSet;

use formats::document::plist::Date;

use super::{Agrees, Anchor, Cms, Found};

/// An opened container.
#[derive(Debug, Clone)]
pub struct Container {
    /// Where it lies.
    pub path: String,
    /// What it is.
    pub kind: ContainerKind,
    /// Its signature; `Absent`: unsigned. A zip is never signed.
    pub signature: Found<Cms>,
    /// Whether its own digests hold: the table of a pkg, the code directory of a dmg.
    pub digest: Agrees,
    /// Hashes that a ticket for this container must cover: (hash type, first 20 bytes). Empty for a zip.
    pub ticket_hashes: Vec<(u8, [u8; 20])>,
    /// Components of a package, in the order of the archive; empty for other kinds.
    pub components: Vec<Component>,
    /// Names in it that leave the folder, clash, or are not unpacked here: what.
    pub bad_members: Vec<String>,
}

/// A component of a package, and what its documents say of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Component {
    /// Folder that its paths begin with here: `Host.pkg`; empty where the package is the component.
    pub folder: String,
    /// Folder that it installs to (`install-location` of PackageInfo); `None`: not stated.
    pub location: Option<String>,
    /// Bundles that its PackageInfo names.
    pub bundles: Vec<NamedBundle>,
    /// Where its Bom and its payload differ: path and what; the first few.
    pub differences: Vec<(String, String)>,
}

impl Component {
    /// A path of this component from the place of installation on; `None` when it belongs to another one.
    pub fn inside<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.folder.is_empty() {
            return Some(path);
        }
        path.strip_prefix(&self.folder)?.strip_prefix('/')
    }
}

/// A bundle as PackageInfo names it. Installer compares these texts with what is installed already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedBundle {
    /// Path from the place of installation on, without `./`.
    pub path: String,
    /// Keys of Info.plist with the values that they are said to have: `CFBundleVersion`.
    pub keys: Vec<(&'static str, String)>,
}

/// What kind of container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ContainerKind {
    Zip,
    Pkg,
    Dmg,
}

/// A stapled notarization ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticket {
    /// What it is stapled to: the path of a container or bundle.
    pub path: String,
    /// What it says; `Broken`: unreadable.
    pub content: Found<TicketContent>,
}

/// What a ticket says.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketContent {
    /// Its signature and the validity of its certificates at its time.
    pub signature: Agrees,
    /// Where its chain ends.
    pub anchor: Anchor,
    /// When it was issued.
    pub time: Date,
    /// Hash type and first 20 bytes of everything it covers.
    pub covers: BTreeSet<(u8, [u8; 20])>,
}
