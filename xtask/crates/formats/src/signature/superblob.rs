//! The super blob: an index of blobs, each in a numbered slot.
//!
//! ```text
//! magic length count | slot offset | slot offset | … | blob: magic length bytes… | blob | …   (all big-endian)
//! ```
//! What a blob means follows from its slot, never from its magic alone: a ticket (slot 0x10002) and a CMS signature
//! (slot 0x10000) carry the same one.
//! Sources: xnu `cs_blobs.h`; Security `superblob.h`, `codedirectory.h`.

use crate::bytes::{Bytes, Result};

pub use super::slot::Slot;

/// Embedded signature of a Mach-O file or a disk image.
pub const MAGIC_EMBEDDED: u32 = 0xfade_0cc0;
/// Detached signature: one embedded signature per architecture.
pub const MAGIC_DETACHED: u32 = 0xfade_0cc1;
/// Code directory.
pub const MAGIC_CODE_DIRECTORY: u32 = 0xfade_0c02;
/// Set of requirements.
pub const MAGIC_REQUIREMENTS: u32 = 0xfade_0c01;
/// One requirement.
pub const MAGIC_REQUIREMENT: u32 = 0xfade_0c00;
/// Entitlements, an XML property list.
pub const MAGIC_ENTITLEMENTS: u32 = 0xfade_7171;
/// Entitlements in DER.
pub const MAGIC_ENTITLEMENTS_DER: u32 = 0xfade_7172;
/// Launch or library constraint in DER (`CSMAGIC_EMBEDDED_LAUNCH_CONSTRAINT`).
pub const MAGIC_LAUNCH_CONSTRAINT: u32 = 0xfade_8181;
/// Wrapper around foreign bytes: a CMS signature, a ticket.
pub const MAGIC_WRAPPER: u32 = 0xfade_0b01;

/// Bytes of a blob's magic and length.
pub const BLOB_HEADER: usize = 8;
/// Bytes of a super blob's magic, length and count.
const SUPER_HEADER: usize = 12;
/// Bytes of one index entry.
const INDEX_ENTRY: usize = 8;
/// Real signatures have 2 to 9 blobs and every slot known today makes 22; 64 is generous and keeps checks of pairs cheap.
const MAX_BLOBS: u32 = 64;
/// One blob, in the order of the index.
#[derive(Debug, Clone, Copy)]
pub struct Blob<'a> {
    /// Where the index puts it.
    pub slot: Slot,
    /// Its own first four bytes.
    pub magic: u32,
    /// Where it starts, from the start of the super blob.
    pub offset: u32,
    /// The whole blob, header included: what a special hash covers.
    pub bytes: Bytes<'a>,
}

impl<'a> Blob<'a> {
    /// What follows the header: the XML, the DER, the CMS.
    pub fn payload(&self) -> Bytes<'a> {
        self.bytes.from(BLOB_HEADER).expect("`read_blob` admits no blob shorter than its header")
    }

    /// Whether the magic is the one that the slot asks for; true where the slot asks for none.
    pub fn is_as_its_slot_says(&self) -> bool {
        self.slot.magic().is_none_or(|magic| magic == self.magic)
    }
}

/// An index of blobs.
#[derive(Debug, Clone)]
pub struct SuperBlob<'a> {
    /// The super blob itself, as long as its header says.
    pub bytes: Bytes<'a>,
    /// Its blobs, in the order of the index; slots may repeat (see [`SuperBlob::repeated`]).
    pub blobs: Vec<Blob<'a>>,
    /// Bytes that follow the super blob in the range that was given (about 9 KB of zeros are usual).
    pub slack: u64,
}

impl<'a> SuperBlob<'a> {
    /// Reads an embedded signature; `bytes` may be longer than the super blob.
    ///
    /// Refused: a wrong magic, more than 64 blobs, a blob that leaves the super blob or begins inside its index.
    /// Blobs that overlap or repeat a slot are read, and told by [`SuperBlob::overlaps`] and [`SuperBlob::repeated`].
    pub fn parse(bytes: Bytes<'a>) -> Result<Self> {
        Self::parse_with_magic(bytes, MAGIC_EMBEDDED)
    }

    /// The same for another super blob: [`MAGIC_REQUIREMENTS`], [`MAGIC_DETACHED`].
    pub fn parse_with_magic(bytes: Bytes<'a>, magic: u32) -> Result<Self> {
        let found = bytes.u32_be(0)?;
        if found != magic {
            return Err(bytes.fault(0, format!("magic is {found:#010x}, not {magic:#010x}")));
        }
        let len = bytes.u32_be(4)? as usize;
        let whole = bytes.range(0, len).map_err(|it| it.within("super blob"))?;
        let count = whole.u32_be(8)?;
        if count > MAX_BLOBS {
            return Err(whole.fault(8, format!("{count} blobs, more than {MAX_BLOBS}")));
        }
        let index_end = SUPER_HEADER + count as usize * INDEX_ENTRY;
        let blobs = (0..count as usize).map(|n| {
            let entry = SUPER_HEADER + n * INDEX_ENTRY;
            let slot = Slot::from_number(whole.u32_be(entry)?);
            let offset = whole.u32_be(entry + 4)?;
            if (offset as usize) < index_end {
                return Err(whole.fault(entry + 4, format!("{slot} starts inside the index")));
            }
            read_blob(whole.from(offset as usize)?)
                .map(|(magic, bytes)| Blob { slot, magic, offset, bytes })
                .map_err(|it| it.within(slot))
        });
        let blobs = blobs.collect::<Result<_>>()?;
        Ok(Self { bytes: whole, blobs, slack: (bytes.len() - len) as u64 })
    }

    /// The first blob in `slot`.
    pub fn get(&self, slot: Slot) -> Option<&Blob<'a>> {
        self.blobs.iter().find(|it| it.slot == slot)
    }

    /// Pairs of blobs that share bytes; none in a sound signature.
    pub fn overlaps(&self) -> Vec<(Slot, Slot)> {
        let range = |it: &Blob<'_>| u64::from(it.offset)..u64::from(it.offset) + it.bytes.len() as u64;
        let pairs = self.blobs.iter().enumerate().flat_map(|(n, a)| {
            let later = self.blobs.iter().skip(n + 1);
            later.map(move |b| (a, b))
        });
        pairs
            .filter(|(a, b)| range(a).start < range(b).end && range(b).start < range(a).end)
            .map(|(a, b)| (a.slot, b.slot))
            .collect()
    }

    /// Slots that occur more than once, each once; the kernel refuses them.
    pub fn repeated(&self) -> Vec<Slot> {
        let mut slots: Vec<Slot> = self.blobs.iter().map(|it| it.slot).collect();
        slots.sort();
        let mut repeated: Vec<Slot> =
            slots.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        repeated.dedup();
        repeated
    }
}

/// The magic and the whole of the blob at the start of `bytes`.
pub(crate) fn read_blob(bytes: Bytes<'_>) -> Result<(u32, Bytes<'_>)> {
    let magic = bytes.u32_be(0)?;
    let len = bytes.u32_be(4)? as usize;
    if len < BLOB_HEADER {
        return Err(bytes.fault(4, format!("length is {len}, less than a blob's header")));
    }
    Ok((magic, bytes.range(0, len)?))
}

/// For the fuzzer: any bytes.
pub fn fuzz(bytes: &[u8]) {
    for magic in [MAGIC_EMBEDDED, MAGIC_REQUIREMENTS, MAGIC_DETACHED] {
        if let Ok(found) = SuperBlob::parse_with_magic(Bytes::new(bytes), magic) {
            assert!(found.overlaps().len() <= found.blobs.len() * found.blobs.len());
            assert!(found.repeated().len() <= found.blobs.len());
            assert!(found.blobs.iter().all(|it| it.payload().len() + BLOB_HEADER == it.bytes.len()));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A blob of `magic` around `payload`.
    pub(crate) fn blob(magic: u32, payload: &[u8]) -> Vec<u8> {
        let len = (BLOB_HEADER + payload.len()) as u32;
        [&magic.to_be_bytes()[..], &len.to_be_bytes(), payload].concat()
    }

    /// A super blob of `magic` with these blobs one after the other.
    pub(crate) fn superblob(magic: u32, blobs: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut at = SUPER_HEADER + blobs.len() * INDEX_ENTRY;
        let mut index = Vec::new();
        for (slot, bytes) in blobs {
            index.extend(slot.to_be_bytes());
            index.extend((at as u32).to_be_bytes());
            at += bytes.len();
        }
        let head = [magic, at as u32, blobs.len() as u32].map(u32::to_be_bytes).concat();
        [head, index, blobs.iter().flat_map(|it| it.1.clone()).collect()].concat()
    }

    fn two() -> Vec<u8> {
        superblob(
            MAGIC_EMBEDDED,
            &[(0, blob(MAGIC_CODE_DIRECTORY, b"abcd")), (0x10002, blob(MAGIC_WRAPPER, b"s8ch"))],
        )
    }

    #[track_caller]
    fn refused(bytes: &[u8], offset: u64, part: &str) {
        let error = SuperBlob::parse(Bytes::at(bytes, 0x100)).unwrap_err();
        assert!(error.what.contains(part), "{error}");
        assert_eq!(error.offset, 0x100 + offset, "{error}");
    }

    #[test]
    fn a_ticket_is_known_by_its_slot_and_not_by_its_magic() {
        let bytes = two();
        let found = SuperBlob::parse(Bytes::new(&bytes)).unwrap();
        assert!(found.get(Slot::Signature).is_none());
        assert_eq!(found.get(Slot::Ticket).unwrap().payload().as_slice(), b"s8ch");
        assert!(found.blobs.iter().all(Blob::is_as_its_slot_says));
    }

    #[test]
    fn slack_after_the_blob_is_a_number_and_not_a_fault() {
        let padded = [two(), vec![0; 9000]].concat();
        assert_eq!(SuperBlob::parse(Bytes::new(&padded)).unwrap().slack, 9000);
        assert_eq!(SuperBlob::parse(Bytes::new(&two())).unwrap().slack, 0);
    }

    #[test]
    fn an_unknown_slot_is_kept() {
        let bytes = superblob(MAGIC_EMBEDDED, &[(0x77, blob(0x1234_5678, b"?"))]);
        let found = SuperBlob::parse(Bytes::new(&bytes)).unwrap();
        assert_eq!(found.blobs[0].slot, Slot::Other(0x77));
        assert!(found.blobs[0].is_as_its_slot_says());
    }

    #[test]
    fn a_foreign_magic_in_a_known_slot_is_told() {
        let bytes = superblob(MAGIC_EMBEDDED, &[(5, blob(MAGIC_ENTITLEMENTS_DER, b""))]);
        assert!(!SuperBlob::parse(Bytes::new(&bytes)).unwrap().blobs[0].is_as_its_slot_says());
    }

    #[test]
    fn all_zero_bytes_are_no_super_blob() {
        refused(&[0; 64], 0, "magic is 0x00000000");
    }

    #[test]
    fn a_blob_that_leaves_the_super_blob_is_refused() {
        const TICKET_LEN: usize = 47; // low byte of the second blob's length
        let mut bytes = two();
        bytes[TICKET_LEN] = 0xff;
        refused(&bytes, 0x28, "ticket: 255 bytes wanted, 12 there");
        bytes[TICKET_LEN] = 12;
        assert!(SuperBlob::parse(Bytes::new(&bytes)).is_ok());
    }

    #[test]
    fn a_blob_inside_the_index_is_refused() {
        let mut bytes = two();
        bytes[19] = 12;
        refused(&bytes, 16, "starts inside the index");
    }

    #[test]
    fn sixty_four_blobs_are_read_and_one_more_is_not() {
        let many = |n: u32| (0..n).map(|slot| (slot, blob(0, b""))).collect::<Vec<_>>();
        assert_eq!(
            SuperBlob::parse(Bytes::new(&superblob(MAGIC_EMBEDDED, &many(64)))).unwrap().blobs.len(),
            64
        );
        refused(&superblob(MAGIC_EMBEDDED, &many(65)), 8, "65 blobs, more than 64");
    }

    #[test]
    fn shared_bytes_and_repeated_slots_are_told() {
        let mut bytes = two();
        let found = SuperBlob::parse(Bytes::new(&bytes)).unwrap();
        assert!(found.overlaps().is_empty() && found.repeated().is_empty());
        bytes.copy_within(12..20, 20); // the second entry becomes the first
        let found = SuperBlob::parse(Bytes::new(&bytes)).unwrap();
        assert_eq!(found.overlaps(), [(Slot::CodeDirectory, Slot::CodeDirectory)]);
        assert_eq!(found.repeated(), [Slot::CodeDirectory]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            fuzz(&bytes);
        }

        #[test]
        fn a_damaged_super_blob_is_read_without_panic(at in 0usize..60, value: u8) {
            let mut bytes = two();
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            fuzz(&bytes);
        }
    }
}
