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
    /// Folder that a pkg installs to (`install-location` of PackageInfo); `None`: not a pkg, or not stated.
    pub install_location: Option<String>,
    /// Names in it that leave the folder, clash, or are not unpacked here: what.
    pub bad_members: Vec<String>,
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
