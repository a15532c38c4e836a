//! Everything that is embedded in a signed file, read at once.
//!
//! ```text
//! let signature = Signature::read(file, offset, len)?;      // LC_CODE_SIGNATURE, or koly's code-signature range
//! signature.best_directory()                                // what macOS evaluates
//! ```
//! Parts fail one by one: a broken requirement does not hide the certificates.

use super::{
    cms::SignedData,
    code_directory::{self, CodeDirectory},
    requirement::{self, RequirementSet},
    superblob::{Slot, SuperBlob},
};
use crate::{
    bytes::{Bytes, Error, Result},
    source::Source,
};

/// SHA-1 and SHA-256 of 2 GiB in 4 KiB pages fill 26 MiB; nothing we sign or read comes near. It is held in memory whole.
const MAX_LEN: u64 = 32 << 20;
/// Blobs may share bytes, which is a finding and not the end. Together they may have this many times the bytes of the super blob,
/// so that sixty blobs of the same thirty megabytes are not copied sixty times.
const MAX_SHARED: usize = 2;

/// A blob of the signature and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its slot.
    pub slot: Slot,
    /// Its magic.
    pub magic: u32,
    /// Offset in the file.
    pub offset: u64,
    /// Length, header included.
    pub len: u32,
}

/// An embedded signature.
#[derive(Debug, Clone)]
pub struct Signature {
    /// The super blob as it is in the file.
    pub raw: Vec<u8>,
    /// Where it starts in the file.
    pub offset: u64,
    /// Bytes after the super blob within the range that was set aside for it.
    pub slack: u64,
    /// Whether all those are zero.
    pub is_slack_zero: bool,
    /// All blobs, in the order of the index.
    pub entries: Vec<Entry>,
    /// Blobs that share bytes.
    pub overlaps: Vec<(Slot, Slot)>,
    /// Slots that occur more than once.
    pub repeated: Vec<Slot>,
    /// Code directories, slot 0 first when it is there; empty in a disk image that carries a ticket alone.
    pub directories: Vec<(Slot, CodeDirectory)>,
    /// Requirements, when the slot is there.
    pub requirements: Option<RequirementSet>,
    /// Entitlements as XML: the blob's content.
    pub entitlements: Option<Vec<u8>>,
    /// Entitlements as DER: the blob's content.
    pub entitlements_der: Option<Vec<u8>>,
    /// The CMS signature; `None` when the slot is missing or empty, as in ad-hoc signatures.
    pub cms: Option<SignedData>,
    /// The ticket: the blob's content, `s8ch…`.
    pub ticket: Option<Vec<u8>>,
    /// Launch and library constraints: the blobs' contents, DER.
    pub constraints: Vec<(Slot, Vec<u8>)>,
    /// Parts that are there and cannot be read, offsets in the file.
    pub faults: Vec<(Slot, Error)>,
}

impl Signature {
    /// Reads the signature in the `len` bytes at `offset` of `source`; offsets of faults are those of `source`.
    ///
    /// Refused: more than 32 MiB, and what [`SuperBlob::parse`] refuses. Whatever else is wrong is in
    /// [`Signature::faults`].
    pub fn read(source: &dyn Source, offset: u64, len: u64) -> Result<Self> {
        if len > MAX_LEN {
            return Err(Error::new(offset, format!("signature of {len} bytes is larger than 32 MiB")));
        }
        let bytes = source.read(offset, len as usize)?;
        Self::parse(Bytes::at(&bytes, offset))
    }

    /// The same for bytes in memory.
    pub fn parse(bytes: Bytes<'_>) -> Result<Self> {
        let blob = SuperBlob::parse(bytes)?;
        let slack = bytes.from(blob.bytes.len())?.as_slice();
        let mut found = Self {
            raw: blob.bytes.as_slice().to_vec(),
            offset: bytes.base(),
            slack: blob.slack,
            is_slack_zero: slack.iter().all(|&byte| byte == 0),
            entries: Vec::new(),
            overlaps: blob.overlaps(),
            repeated: blob.repeated(),
            directories: Vec::new(),
            requirements: None,
            entitlements: None,
            entitlements_der: None,
            cms: None,
            ticket: None,
            constraints: Vec::new(),
            faults: Vec::new(),
        };
        let mut left = blob.bytes.len().saturating_mul(MAX_SHARED);
        for it in &blob.blobs {
            found.entries.push(Entry {
                slot: it.slot,
                magic: it.magic,
                offset: it.bytes.base(),
                len: it.bytes.len() as u32,
            });
            // The first blob of a slot counts; that there are more is in `repeated`.
            let is_first = blob.get(it.slot).is_some_and(|first| std::ptr::eq(first, it));
            if !is_first {
                continue;
            }
            let taken = match left.checked_sub(it.bytes.len()) {
                Some(rest) => {
                    left = rest;
                    found.take(it.slot, it.bytes, it.payload())
                }
                None => Err(it.bytes.fault(0, "the blobs share so many bytes that this one is not read")),
            };
            if let Err(error) = taken {
                found.faults.push((it.slot, error));
            }
        }
        found.directories.sort_by_key(|it| it.0);
        Ok(found)
    }

    fn take(&mut self, slot: Slot, whole: Bytes<'_>, payload: Bytes<'_>) -> Result<()> {
        let content = || payload.as_slice().to_vec();
        match slot {
            Slot::CodeDirectory | Slot::AlternateCodeDirectory(_) => {
                self.directories.push((slot, CodeDirectory::parse(whole)?));
            }
            Slot::Requirements => self.requirements = Some(requirement::decode_set(whole)?),
            Slot::Entitlements => self.entitlements = Some(content()),
            Slot::EntitlementsDer => self.entitlements_der = Some(content()),
            Slot::Signature if payload.is_empty() => {}
            Slot::Signature => self.cms = Some(SignedData::parse(payload)?),
            Slot::Ticket => self.ticket = Some(content()),
            Slot::LaunchConstraintSelf
            | Slot::LaunchConstraintParent
            | Slot::LaunchConstraintResponsible
            | Slot::LibraryConstraint => self.constraints.push((slot, content())),
            Slot::InfoPlist
            | Slot::Resources
            | Slot::Application
            | Slot::RepSpecific
            | Slot::Identification
            | Slot::Other(_) => {}
        }
        Ok(())
    }

    /// The directory in slot 0: the one whose bytes the CMS signature signs.
    pub fn directory(&self) -> Option<&CodeDirectory> {
        self.directories.first().filter(|it| it.0 == Slot::CodeDirectory).map(|it| &it.1)
    }

    /// The directory with the strongest hash: the one that macOS evaluates, and whose cdhash counts.
    pub fn best_directory(&self) -> Option<&CodeDirectory> {
        code_directory::best(self.directories.iter().map(|it| &it.1))
    }

    /// The whole blob in `slot`, header included: what the special hash of that slot covers.
    pub fn blob(&self, slot: Slot) -> Option<&[u8]> {
        let entry = self.entries.iter().find(|it| it.slot == slot)?;
        let start = usize::try_from(entry.offset.checked_sub(self.offset)?).ok()?;
        self.raw.get(start..start.checked_add(entry.len as usize)?)
    }
}

/// For the fuzzer: any bytes.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(found) = Signature::parse(Bytes::new(bytes)) {
        assert!(found.entries.iter().all(|it| found.blob(it.slot).is_some()));
        assert!(found.best_directory().is_some() || found.directories.is_empty());
    }
}
