//! The trailer of a disk image (UDIF) and the signature in front of it.
//!
//! ```text
//!   data fork, property list … │ super blob (signature, or a ticket alone) │ koly (512 bytes) │ end of file
//!                              ▲ CodeSignatureOffset                       ▲ both numbers below are in koly, big end first
//! ```
//! Offsets: `UDIFFileHeader` of Security `diskimagerep.cpp`; measured on 30 images.
//! The file system inside is not read here.

use sha2::{Digest, Sha256};

use super::{
    bounded::{self, SourceReader},
    xar::Range,
};
use crate::{
    bytes::{Bytes, Error, Result},
    source::Source,
};

/// Length of the trailer.
pub const LEN: u64 = 512;
/// `koly`
pub const MAGIC: u32 = 0x6b6f_6c79;
/// Where the trailer keeps the signature's offset and length (big-endian u64 each).
const SIGNATURE_OFFSET: usize = 0x128;
const SIGNATURE_LEN: usize = 0x130;
/// Largest embedded signature: real ones have 2 to 12 KB; a ticket of 700 000 code objects would still fit.
const MAX_SIGNATURE: u64 = 16 << 20;

/// A disk image's trailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Koly {
    /// Where the trailer starts.
    pub offset: u64,
    /// End of the data a signature covers: where the signature starts, or the trailer when there is none.
    pub data_end: u64,
    /// The embedded super blob: a signature with or without ticket, or only a ticket.
    pub signature: Option<Range>,
    raw: [u8; LEN as usize],
}

impl Koly {
    /// The trailer of `source`; `None` when its last 512 bytes are something else.
    pub fn read(source: &dyn Source) -> Result<Option<Self>> {
        let Some(offset) = source.len().checked_sub(LEN) else { return Ok(None) };
        let raw = source.read(offset, LEN as usize)?;
        let head = Bytes::at(&raw, offset);
        if head.u32_be(0)? != MAGIC {
            return Ok(None);
        }
        let (version, len) = (head.u32_be(4)?, head.u32_be(8)?);
        if version != 4 || u64::from(len) != LEN {
            return Err(head
                .fault(4, format!("a disk image trailer of version {version} and {len} bytes is unknown")));
        }
        let (start, len) = (head.u64_be(SIGNATURE_OFFSET)?, head.u64_be(SIGNATURE_LEN)?);
        let signature = match (start, len) {
            (_, 0) => None,
            (start, len) => {
                let end = start.checked_add(len).filter(|it| *it <= offset);
                if end.is_none() {
                    return Err(head.fault(
                        SIGNATURE_OFFSET,
                        format!("a signature of {len} bytes at {start:#x} reaches into the trailer"),
                    ));
                }
                if len > MAX_SIGNATURE {
                    return Err(head.fault(
                        SIGNATURE_LEN,
                        format!("a signature of {len} bytes, the limit is {MAX_SIGNATURE}"),
                    ));
                }
                Some(Range { offset: start, len })
            }
        };
        let data_end = signature.map_or(offset, |it| it.offset);
        Ok(Some(Self { offset, data_end, signature, raw: head.array(0)? }))
    }

    /// The trailer as it is signed: signature offset = end of the data, length = 0.
    pub fn signed_form(&self) -> [u8; LEN as usize] {
        let mut raw = self.raw;
        put(&mut raw, SIGNATURE_OFFSET, self.data_end);
        put(&mut raw, SIGNATURE_LEN, 0);
        raw
    }

    /// The trailer that follows a super blob of `len` bytes put at the end of the data.
    pub fn with_signature(&self, len: u64) -> [u8; LEN as usize] {
        let mut raw = self.raw;
        put(&mut raw, SIGNATURE_OFFSET, self.data_end);
        put(&mut raw, SIGNATURE_LEN, len);
        raw
    }

    /// The code directory that the notary makes in memory for an image that is not signed (`notary.md` 3.6).
    ///
    /// The first 20 bytes of its SHA-256 are the hash a ticket for such an image lists. Independent of the file's name.
    pub fn adhoc_code_directory(&self, source: &dyn Source) -> Result<Vec<u8>> {
        const IDENTIFIER: &[u8] = b"ADHOC\0";
        /// An empty requirement set: magic `fade0c01`, length 12, no entries.
        const NO_REQUIREMENTS: [u8; 12] = [0xfa, 0xde, 0x0c, 0x01, 0, 0, 0, 12, 0, 0, 0, 0];
        const FIXED: u32 = 48; // header of version 0x20100
        const SPECIAL: u32 = 6;
        let limit = u32::try_from(self.data_end);
        // Version 0x20100 has no 64-bit limit; what the notary does with larger images is not known.
        let limit = limit
            .map_err(|_| Error::new(self.offset, "the ad-hoc recipe is only known for images below 4 GB"))?;
        let mut code = Sha256::new();
        std::io::copy(&mut SourceReader::new(source, 0, self.data_end), &mut code)
            .map_err(|it| bounded::fault(0, it))?;

        let identifier_len = IDENTIFIER.len() as u32;
        let hashes = FIXED + identifier_len + SPECIAL * 32;
        let header = [
            0xfade_0c02, // magic
            hashes + 32, // length
            0x0002_0100, // version
            0x2,         // flags: ad-hoc
            hashes,      // hashOffset, the first code hash
            FIXED,       // identOffset
            SPECIAL,     // nSpecialSlots
            1,           // nCodeSlots
            limit,       // codeLimit
            0x2002_0000, // hashSize 32, hashType 2, platform 0, pageSize 0 (one hash over all)
            0,           // spare2
            0,           // scatterOffset
        ];
        let mut out: Vec<u8> = header.iter().flat_map(|it| it.to_be_bytes()).collect();
        out.extend_from_slice(IDENTIFIER);
        let empty = [0; 32];
        let slots: [[u8; 32]; SPECIAL as usize] = [
            Sha256::digest(self.signed_form()).into(), // -6: the trailer
            empty,
            empty,
            empty,
            Sha256::digest(NO_REQUIREMENTS).into(), // -2: requirements
            empty,
        ];
        out.extend(slots.iter().flatten());
        out.extend_from_slice(&code.finalize());
        Ok(out)
    }
}

fn put(raw: &mut [u8; LEN as usize], offset: usize, value: u64) {
    if let Some(to) = raw.get_mut(offset..offset + 8) {
        to.copy_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image(data: &[u8], signature: &[u8]) -> Vec<u8> {
        let mut koly = [0; LEN as usize];
        koly[..12].copy_from_slice(b"koly\0\0\0\x04\0\0\x02\0");
        let unsigned = [data, &koly].concat();
        let read = Koly::read(&unsigned).unwrap().unwrap();
        match signature {
            [] => unsigned,
            _ => [data, signature, &read.with_signature(signature.len() as u64)].concat(),
        }
    }

    #[test]
    fn the_signature_is_found_where_the_trailer_says() {
        let found = Koly::read(&image(b"data", b"blob!")).unwrap().unwrap();
        assert_eq!((found.data_end, found.signature), (4, Some(Range { offset: 4, len: 5 })));
        let found = Koly::read(&image(b"data", b"")).unwrap().unwrap();
        assert_eq!((found.data_end, found.signature), (4, None));
    }

    #[test]
    fn stapling_does_not_change_the_adhoc_directory() {
        let (bare, stapled) = (image(b"data", b""), image(b"data", b"ticket"));
        let directory =
            |file: &Vec<u8>| Koly::read(file).unwrap().unwrap().adhoc_code_directory(file).unwrap();
        // An image that never carried a signature says offset 0; what is signed says the end of the data in both.
        assert_eq!(directory(&bare), directory(&stapled));
        assert_eq!(directory(&bare).len(), 48 + 6 + 224);
    }

    #[test]
    fn one_changed_byte_of_data_changes_the_directory() {
        let (a, b) = (image(b"data", b""), image(b"dat4", b""));
        let directory =
            |file: &Vec<u8>| Koly::read(file).unwrap().unwrap().adhoc_code_directory(file).unwrap();
        assert_ne!(directory(&a), directory(&b));
    }

    #[test]
    fn other_files_have_no_trailer() {
        assert_eq!(Koly::read(&vec![0; 600]), Ok(None));
        assert_eq!(Koly::read(&vec![0; 10]), Ok(None));
    }

    #[test]
    fn a_signature_that_reaches_into_the_trailer_is_refused() {
        let mut file = image(b"data", b"blob!");
        let at = file.len() - 512 + 0x130;
        file[at..at + 8].copy_from_slice(&6u64.to_be_bytes());
        assert!(Koly::read(&file).unwrap_err().what.contains("reaches into the trailer"));
        file[at..at + 8].copy_from_slice(&u64::MAX.to_be_bytes());
        assert!(Koly::read(&file).is_err());
    }

    proptest! {
        #[test]
        fn damage_never_makes_it_panic(at in 0usize..521, byte: u8) {
            let mut file = image(b"data", b"blob!");
            file[at] = byte;
            if let Ok(Some(koly)) = Koly::read(&file) {
                prop_assert!(koly.data_end <= koly.offset);
                let _may_be_refused = koly.adhoc_code_directory(&file);
            }
        }
    }
}
