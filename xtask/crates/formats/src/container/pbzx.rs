//! pbzx, the chunked xz that newer package payloads are packed with.
//!
//! ```text
//!   "pbzx" │ u64 chunk size │ { u64 unpacked length │ u64 packed length │ packed bytes }…          big end first
//! ```
//! A chunk whose packed length equals its unpacked one is stored, any other is an xz stream. No document of Apple's describes
//! this; known from the many unpackers in public (a Payload of our own corpus has not shown it yet).

use std::io::{self, Read};

use super::{bounded, xz};
use crate::bytes::{Bytes, Error, Result};

/// First bytes.
pub const MAGIC: &[u8; 4] = b"pbzx";
/// Largest chunk: Apple's have 16 MB. Packed and unpacked form of one chunk are in memory at a time.
const MAX_CHUNK: u64 = 32 << 20;

/// The unpacked bytes.
pub struct Reader<R> {
    inner: R,
    at: u64,
    is_open: bool,
    chunk: Vec<u8>,
    used: usize,
}

impl<R: Read> Reader<R> {
    /// `inner` gives the whole payload, magic included.
    pub const fn new(inner: R) -> Self {
        Self { inner, at: 0, is_open: false, chunk: Vec::new(), used: 0 }
    }

    /// Unpacks the next chunk; false at the end.
    fn next(&mut self) -> Result<bool> {
        if !self.is_open {
            let mut head = [0; 12];
            self.fill(&mut head)?;
            if !head.starts_with(MAGIC) {
                return Err(Error::new(0, "not a pbzx payload"));
            }
            self.is_open = true;
        }
        let start = self.at;
        let mut head = [0; 16];
        match self.inner.read(&mut head[..1]).map_err(|it| bounded::fault(start, it))? {
            0 => return Ok(false),
            _ => self.at += 1,
        }
        self.fill(&mut head[1..])?;
        let head = Bytes::at(&head, start);
        let (unpacked, packed) = (head.u64_be(0)?, head.u64_be(8)?);
        if unpacked.max(packed) > MAX_CHUNK {
            let found = unpacked.max(packed);
            return Err(head.fault(0, format!("a chunk of {found} bytes, the limit is {MAX_CHUNK}")));
        }
        let mut bytes = vec![0; usize::try_from(packed).expect("at most MAX_CHUNK")];
        let base = self.at;
        self.fill(&mut bytes)?;
        self.chunk = if packed == unpacked && !bytes.starts_with(xz::MAGIC) {
            bytes
        } else {
            xz::unpack(Bytes::at(&bytes, base), usize::try_from(unpacked).expect("at most MAX_CHUNK"))?
        };
        self.used = 0;
        if self.chunk.len() as u64 != unpacked {
            let found = self.chunk.len();
            return Err(Error::new(
                start,
                format!("a chunk unpacks to {found} bytes, its header says {unpacked}"),
            ));
        }
        Ok(true)
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        let start = self.at;
        self.at = self.at.saturating_add(out.len() as u64);
        self.inner.read_exact(out).map_err(|it| match it.kind() {
            io::ErrorKind::UnexpectedEof if it.get_ref().is_none() => {
                Error::new(start, "the payload ends early")
            }
            _ => bounded::fault(start, it),
        })
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.used == self.chunk.len() {
            if out.is_empty() || !self.next().map_err(io::Error::other)? {
                return Ok(0);
            }
        }
        let n = self.chunk.get(self.used..).unwrap_or_default().read(out)?;
        self.used += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload(chunks: &[(u64, Vec<u8>)]) -> Vec<u8> {
        let mut out = b"pbzx\0\0\0\0\x01\0\0\0".to_vec();
        for (unpacked, packed) in chunks {
            out.extend_from_slice(&unpacked.to_be_bytes());
            out.extend_from_slice(&(packed.len() as u64).to_be_bytes());
            out.extend_from_slice(packed);
        }
        out
    }

    fn unpacked(payload: &[u8]) -> Result<Vec<u8>> {
        bounded::read_all(Reader::new(payload), 0)
    }

    fn sample() -> Vec<u8> {
        payload(&[(300, xz::tests::stored(&[7; 300])), (5, b"hello".to_vec())])
    }

    #[track_caller]
    fn refused(payload: &[u8], why: &str) {
        let error = unpacked(payload).unwrap_err();
        assert!(error.what.contains(why), "{error}");
    }

    #[test]
    fn packed_and_stored_chunks_follow_each_other() {
        assert_eq!(unpacked(&sample()).unwrap(), [&[7; 300][..], b"hello"].concat());
        assert_eq!(unpacked(&payload(&[])).unwrap(), b"");
    }

    #[test]
    fn broken_payloads_are_refused() {
        refused(b"zbpx00000000", "not a pbzx");
        refused(&payload(&[(1 << 40, vec![1])]), "the limit is 33554432");
        refused(&payload(&[(299, xz::tests::stored(&[7; 300]))]), "the limit of 299");
        refused(&payload(&[(301, xz::tests::stored(&[7; 300]))]), "says 301");
        refused(&payload(&[(9, b"hello".to_vec())]), "wanted");
    }

    #[test]
    fn a_payload_cut_inside_a_chunk_is_refused() {
        let whole = sample();
        for len in (0..whole.len()).filter(|it| *it != 12 && *it != whole.len() - 21) {
            assert!(unpacked(&whole[..len]).is_err(), "{len}");
        }
    }

    proptest! {
        #[test]
        fn damage_never_makes_it_panic(at in 0usize..1000, byte: u8) {
            let mut payload = sample();
            let at = at % payload.len();
            payload[at] = byte;
            let _may_be_refused = unpacked(&payload);
        }
    }
}
