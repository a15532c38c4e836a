//! The xz stream inside a chunk of a pbzx payload.
//!
//! Layout: "The .xz File Format" 1.2.1. One filter, LZMA2, which is what Apple's tools write; LZMA2 itself is decoded by the
//! lzma-rust2 crate. Sizes and checks that the stream states are all compared.

use std::io::Read;

use sha2::{Digest, Sha256};

use super::bounded;
use crate::bytes::{Bytes, Result};

/// First bytes of a stream.
pub const MAGIC: &[u8; 6] = b"\xfd7zXZ\0";
const FOOTER_MAGIC: &[u8; 2] = b"YZ";
/// Largest dictionary accepted: `xz -9` uses 64 MB; Apple's chunks have 16 MB, more would be of no use.
const MAX_DICTIONARY: u32 = 64 << 20;
const LZMA2: u64 = 0x21;

/// The bytes packed in `stream`, which must be one whole stream, when there are at most `limit`.
pub fn unpack(stream: Bytes<'_>, limit: usize) -> Result<Vec<u8>> {
    let head = stream.range(0, 12)?;
    if head.array::<6>(0)? != *MAGIC {
        return Err(head.fault(0, "not an xz stream"));
    }
    crc(head.range(6, 2)?, head.u32_le(8)?, "header")?;
    let check = Check::of(head, head.u16_be(6)?)?;
    let (mut at, mut out, mut blocks) = (12, Vec::new(), Vec::new());
    while stream.u8(at)? != 0 {
        let (unpadded, unpacked, next) = block(stream, at, check, limit, &mut out)?;
        blocks.push((unpadded, unpacked));
        at = next;
    }
    let footer = index(stream, at, &blocks)?;
    if footer.len() != 12 || footer.array::<2>(10)? != *FOOTER_MAGIC {
        return Err(footer.fault(0, "the stream's footer expected, and nothing behind it"));
    }
    crc(footer.range(4, 6)?, footer.u32_le(0)?, "footer")?;
    let index_len = u64::from(footer.u32_le(4)?) * 4 + 4;
    if footer.u16_be(8)? != head.u16_be(6)? || index_len != footer.base() - stream.base() - at as u64 {
        return Err(footer.fault(4, "header, index and footer of the stream disagree"));
    }
    Ok(out)
}

/// The integrity check of each block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    None,
    Crc32,
    Crc64,
    Sha256,
}

impl Check {
    fn of(head: Bytes<'_>, flags: u16) -> Result<Self> {
        match flags {
            0 => Ok(Self::None),
            1 => Ok(Self::Crc32),
            4 => Ok(Self::Crc64),
            10 => Ok(Self::Sha256),
            other => Err(head.fault(6, format!("stream flags {other:#06x} are unknown"))),
        }
    }

    fn compute(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
            Self::Crc32 => crc32(data).to_le_bytes().to_vec(),
            Self::Crc64 => crc64(data).to_le_bytes().to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
        }
    }
}

/// Decodes the block at `start` to the end of `out`; gives its unpadded and unpacked sizes and where the next one starts.
fn block(
    stream: Bytes<'_>,
    start: usize,
    check: Check,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(u64, u64, usize)> {
    let head_len = (usize::from(stream.u8(start)?) + 1) * 4;
    let head = stream.range(start, head_len)?;
    crc(head.range(0, head_len - 4)?, head.u32_le(head_len - 4)?, "block header")?;
    let head = head.range(0, head_len - 4)?;
    let flags = head.u8(1)?;
    if flags & 0x3f != 0 {
        return Err(head.fault(1, "more than one filter, or unknown flags; only LZMA2 is read here"));
    }
    let mut at = 2;
    let mut stated = |bit: u8| if flags & bit == 0 { Ok(None) } else { number(head, &mut at).map(Some) };
    let (packed, unpacked) = (stated(0x40)?, stated(0x80)?);
    if number(head, &mut at)? != LZMA2 || number(head, &mut at)? != 1 {
        return Err(head.fault(at, "a filter other than LZMA2"));
    }
    let bits = head.u8(at)?;
    let dictionary = match bits {
        40 => u32::MAX,
        0..40 => (2 | u32::from(bits) & 1) << (bits / 2 + 11),
        _ => return Err(head.fault(at, "the dictionary size is out of range")),
    };
    if dictionary > MAX_DICTIONARY {
        return Err(
            head.fault(at, format!("a dictionary of {dictionary} bytes, the limit is {MAX_DICTIONARY}"))
        );
    }
    let data = stream.from(start + head_len)?;
    let room = limit.saturating_sub(out.len());
    let before = out.len();
    let mut reader = lzma_rust2::Lzma2Reader::new(data.as_slice(), dictionary, None);
    // One byte more than there is room for tells a block that fits from one that does not.
    let read =
        (&mut reader).take(room as u64 + 1).read_to_end(out).map_err(|it| bounded::fault(data.base(), it))?;
    if read > room {
        return Err(data.fault(0, format!("it unpacks to more than the limit of {limit} bytes")));
    }
    let used = data.len() - reader.inner().len();
    let sums = (packed.is_none_or(|it| it == used as u64), unpacked.is_none_or(|it| it == read as u64));
    if sums != (true, true) {
        return Err(head.fault(2, "the block has other sizes than its header states"));
    }
    let padding = used.next_multiple_of(4) - used;
    if data.range(used, padding)?.as_slice().iter().any(|it| *it != 0) {
        return Err(data.fault(used, "the padding of a block is not zero"));
    }
    let sum = check.compute(out.get(before..).unwrap_or_default());
    let found = data.range(used + padding, sum.len())?;
    if found.as_slice() != sum {
        return Err(found.fault(0, "a block does not have the checksum it states"));
    }
    let next = start + head_len + used + padding + sum.len();
    Ok(((head_len + used + sum.len()) as u64, read as u64, next))
}

/// Compares the index at `start` with the blocks; gives what is behind it.
fn index<'a>(stream: Bytes<'a>, start: usize, blocks: &[(u64, u64)]) -> Result<Bytes<'a>> {
    let from = stream.from(start)?;
    let mut at = 1;
    let mut same = number(from, &mut at)? == blocks.len() as u64;
    for (unpadded, unpacked) in blocks {
        same = same && number(from, &mut at)? == *unpadded && number(from, &mut at)? == *unpacked;
    }
    if !same {
        return Err(from.fault(0, "the index and the blocks disagree"));
    }
    let len = at.next_multiple_of(4);
    if from.range(at, len - at)?.as_slice().iter().any(|it| *it != 0) {
        return Err(from.fault(at, "the padding of the index is not zero"));
    }
    crc(from.range(0, len)?, from.u32_le(len)?, "index")?;
    from.from(len + 4)
}

/// A number of one to nine bytes, seven bits each, the low ones first.
fn number(bytes: Bytes<'_>, at: &mut usize) -> Result<u64> {
    let mut value = 0;
    for shift in 0..9 {
        let byte = bytes.u8(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            return match byte {
                0 if shift > 0 => Err(bytes.fault(*at, "a number is longer than it needs to be")),
                _ => Ok(value),
            };
        }
    }
    Err(bytes.fault(*at, "a number has more than nine bytes"))
}

fn crc(bytes: Bytes<'_>, stated: u32, what: &str) -> Result<()> {
    match crc32(bytes.as_slice()) {
        found if found == stated => Ok(()),
        _ => Err(bytes.fault(0, format!("the CRC-32 of the {what} is wrong"))),
    }
}

fn crc32(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

/// CRC-64 as xz uses it (ECMA-182, reflected), a byte at a time by a table made at compile time.
fn crc64(data: &[u8]) -> u64 {
    const TABLE: [u64; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let (mut value, mut bit) = (byte as u64, 0);
            while bit < 8 {
                value = if value & 1 == 1 { (value >> 1) ^ 0xc96c_5795_d787_0f42 } else { value >> 1 };
                bit += 1;
            }
            table[byte] = value;
            byte += 1;
        }
        table
    };
    let step = |sum: u64, byte: &u8| {
        let low = usize::from((sum as u8) ^ byte);
        TABLE.get(low).expect("a byte is below 256") ^ (sum >> 8)
    };
    !data.iter().fold(!0, step)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An xz stream of `data`: one block of stored LZMA2 chunks, with CRC-64. (`xz` itself is the oracle in the test below.)
    pub fn stored(data: &[u8]) -> Vec<u8> {
        fn with_crc(mut bytes: Vec<u8>) -> Vec<u8> {
            let sum = crc32(&bytes);
            bytes.extend_from_slice(&sum.to_le_bytes());
            bytes
        }
        fn vli(mut value: usize) -> Vec<u8> {
            let mut out = Vec::new();
            while value >= 0x80 {
                out.push(value as u8 | 0x80);
                value >>= 7;
            }
            out.push(value as u8);
            out
        }
        let flags = with_crc(vec![0, 4]);
        let head = with_crc(vec![2, 0, 0x21, 1, 22, 0, 0, 0]);
        let mut lzma2 = Vec::new();
        for (number, chunk) in data.chunks(0x1_0000).enumerate() {
            lzma2.push(if number == 0 { 1 } else { 2 });
            lzma2.extend_from_slice(&(chunk.len() as u16).wrapping_sub(1).to_be_bytes());
            lzma2.extend_from_slice(chunk);
        }
        lzma2.push(0);
        let unpadded = head.len() + lzma2.len() + 8;
        lzma2.resize(lzma2.len().next_multiple_of(4), 0);
        let mut index = [vec![0, 1], vli(unpadded), vli(data.len())].concat();
        index.resize(index.len().next_multiple_of(4), 0);
        let index = with_crc(index);
        let backward = (index.len() / 4 - 1) as u32;
        let tail = [&backward.to_le_bytes()[..], &[0, 4]].concat();
        let sum = crc32(&tail).to_le_bytes();
        let check = crc64(data).to_le_bytes();
        [&MAGIC[..], &flags, &head, &lzma2, &check, &index, &sum, &tail, FOOTER_MAGIC].concat()
    }

    fn unpack_all(stream: &[u8]) -> Result<Vec<u8>> {
        unpack(Bytes::new(stream), 1 << 20)
    }

    #[test]
    fn a_stored_stream_is_unpacked() {
        let data: Vec<u8> = (0..200_000u32).map(|it| (it * 7) as u8).collect();
        assert_eq!(unpack_all(&stored(&data)).unwrap(), data);
        assert_eq!(crc64(b"123456789"), 0x995d_c9bb_df19_39fa);
    }

    #[test]
    fn what_xz_writes_is_unpacked() {
        let data = b"drivers in user space ".repeat(4000);
        for check in ["none", "crc32", "crc64", "sha256"] {
            let call = std::process::Command::new("xz")
                .args(["-9", "-c", "-C", check])
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn();
            let mut child = match call {
                Ok(child) => child,
                Err(error) => return eprintln!("not run: xz: {error}"),
            };
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), &data).unwrap();
            let packed = child.wait_with_output().unwrap().stdout;
            assert_eq!(unpack_all(&packed).unwrap(), data, "{check}");
        }
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let stream = stored(&[0; 1000]);
        assert!(unpack(Bytes::new(&stream), 1000).is_ok());
        let error = unpack(Bytes::new(&stream), 999).unwrap_err();
        assert!(error.what.contains("the limit of 999 bytes"), "{error}");
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused() {
        let stream = stored(b"some bytes of a payload");
        for len in 0..stream.len() {
            assert!(unpack_all(&stream[..len]).is_err(), "{len}");
        }
        for at in 0..stream.len() {
            let mut damaged = stream.clone();
            damaged[at] ^= 0x10;
            assert!(unpack_all(&damaged).is_err(), "{at}");
        }
        assert!(unpack_all(&[stream, vec![0]].concat()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _may_be_refused = unpack_all(&bytes);
            let _may_be_refused = unpack_all(&[&MAGIC[..], &bytes].concat());
        }
    }
}
