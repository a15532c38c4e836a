//! Slots: the numbers that say what a blob of a signature, or a special hash, is about.
//!
//! Source: Security `codedirectory.h` (`cd…Slot`), xnu `cs_blobs.h` (`CSSLOT_…`).

use std::fmt;

use super::superblob::{
    MAGIC_CODE_DIRECTORY, MAGIC_ENTITLEMENTS, MAGIC_ENTITLEMENTS_DER, MAGIC_LAUNCH_CONSTRAINT,
    MAGIC_REQUIREMENTS, MAGIC_WRAPPER,
};

/// `cdAlternateCodeDirectorySlots` and the first number after them (Security `codedirectory.h`).
const ALTERNATES: std::ops::Range<u32> = 0x1000..0x1005;

/// What a blob of a signature, or a special hash of a code directory, is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// 0: the code directory.
    CodeDirectory,
    /// 1: Info.plist (only ever a special hash).
    InfoPlist,
    /// 2: the set of requirements.
    Requirements,
    /// 3: `_CodeSignature/CodeResources` (only ever a special hash).
    Resources,
    /// 4: application specific; never seen used.
    Application,
    /// 5: entitlements, XML.
    Entitlements,
    /// 6: specific to the kind of file (disk images hash their trailer here).
    RepSpecific,
    /// 7: entitlements, DER.
    EntitlementsDer,
    /// 8: launch constraint on the process itself.
    LaunchConstraintSelf,
    /// 9: launch constraint on the parent.
    LaunchConstraintParent,
    /// 10: launch constraint on the responsible process.
    LaunchConstraintResponsible,
    /// 11: constraint on libraries.
    LibraryConstraint,
    /// 0x1000 + n: a further code directory with another hash algorithm.
    AlternateCodeDirectory(u8),
    /// 0x10000: the CMS signature.
    Signature,
    /// 0x10001: identification (detached signatures only).
    Identification,
    /// 0x10002: notarization ticket (disk images).
    Ticket,
    /// A number that nobody has explained yet.
    Other(u32),
}

impl Slot {
    /// The slot with this number.
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::CodeDirectory,
            1 => Self::InfoPlist,
            2 => Self::Requirements,
            3 => Self::Resources,
            4 => Self::Application,
            5 => Self::Entitlements,
            6 => Self::RepSpecific,
            7 => Self::EntitlementsDer,
            8 => Self::LaunchConstraintSelf,
            9 => Self::LaunchConstraintParent,
            10 => Self::LaunchConstraintResponsible,
            11 => Self::LibraryConstraint,
            0x10000 => Self::Signature,
            0x10001 => Self::Identification,
            0x10002 => Self::Ticket,
            _ if ALTERNATES.contains(&number) => Self::AlternateCodeDirectory((number & 0xff) as u8),
            _ => Self::Other(number),
        }
    }

    /// The number in an index; special hashes have the same number, negated.
    pub const fn number(self) -> u32 {
        match self {
            Self::CodeDirectory => 0,
            Self::InfoPlist => 1,
            Self::Requirements => 2,
            Self::Resources => 3,
            Self::Application => 4,
            Self::Entitlements => 5,
            Self::RepSpecific => 6,
            Self::EntitlementsDer => 7,
            Self::LaunchConstraintSelf => 8,
            Self::LaunchConstraintParent => 9,
            Self::LaunchConstraintResponsible => 10,
            Self::LibraryConstraint => 11,
            Self::AlternateCodeDirectory(n) => ALTERNATES.start + n as u32,
            Self::Signature => 0x10000,
            Self::Identification => 0x10001,
            Self::Ticket => 0x10002,
            Self::Other(number) => number,
        }
    }

    /// Whether a code directory sits here, main or alternate.
    pub const fn is_code_directory(self) -> bool {
        matches!(self, Self::CodeDirectory | Self::AlternateCodeDirectory(_))
    }

    /// The magic that a blob in this slot must carry; `None` where no blob belongs or none is known.
    pub const fn magic(self) -> Option<u32> {
        match self {
            Self::CodeDirectory | Self::AlternateCodeDirectory(_) => Some(MAGIC_CODE_DIRECTORY),
            Self::Requirements => Some(MAGIC_REQUIREMENTS),
            Self::Entitlements => Some(MAGIC_ENTITLEMENTS),
            Self::EntitlementsDer => Some(MAGIC_ENTITLEMENTS_DER),
            Self::LaunchConstraintSelf
            | Self::LaunchConstraintParent
            | Self::LaunchConstraintResponsible
            | Self::LibraryConstraint => Some(MAGIC_LAUNCH_CONSTRAINT),
            Self::Signature | Self::Identification | Self::Ticket => Some(MAGIC_WRAPPER),
            Self::InfoPlist | Self::Resources | Self::Application | Self::RepSpecific | Self::Other(_) => {
                None
            }
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CodeDirectory => f.write_str("code directory"),
            Self::InfoPlist => f.write_str("Info.plist"),
            Self::Requirements => f.write_str("requirements"),
            Self::Resources => f.write_str("CodeResources"),
            Self::Application => f.write_str("application specific"),
            Self::Entitlements => f.write_str("entitlements"),
            Self::RepSpecific => f.write_str("file-kind specific"),
            Self::EntitlementsDer => f.write_str("DER entitlements"),
            Self::LaunchConstraintSelf => f.write_str("launch constraint (self)"),
            Self::LaunchConstraintParent => f.write_str("launch constraint (parent)"),
            Self::LaunchConstraintResponsible => f.write_str("launch constraint (responsible)"),
            Self::LibraryConstraint => f.write_str("library constraint"),
            Self::AlternateCodeDirectory(n) => write!(f, "alternate code directory {n}"),
            Self::Signature => f.write_str("CMS signature"),
            Self::Identification => f.write_str("identification"),
            Self::Ticket => f.write_str("ticket"),
            Self::Other(number) => write!(f, "slot {number:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_number_goes_there_and_back() {
        for number in (0..0x1100).chain(0xfff0..0x10010) {
            assert_eq!(Slot::from_number(number).number(), number);
        }
    }
}
