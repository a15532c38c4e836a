//! Decompression that stops before it fills the machine.
//!
//! Every decompressor of this crate reads through [`SourceReader`] (so that the compressed size is known at any time) and writes
//! through [`Bounded`], which knows two limits: an absolute one, and the ratio of output to input.

use std::io::{self, Read};

use crate::{
    bytes::{Error, Result},
    source::Source,
};

/// How much a decompressor may produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Bytes in all.
    pub bytes: u64,
    /// Bytes of output per byte of input. Deflate itself cannot pass 1032; real payloads have 2 to 20.
    pub ratio: u64,
}

impl Limit {
    /// For documents kept in memory (a table of contents, a bill of materials): the largest seen are below 1 MB.
    pub const DOCUMENT: Self = Self { bytes: 16 << 20, ratio: 1100 };
    /// For payloads: an Xcode-sized product, and no ratio that a compressor of real code reaches. Below what deflate can do, or a
    /// few megabytes would fill a disk before the absolute limit speaks.
    pub const PAYLOAD: Self = Self { bytes: 16 << 30, ratio: 200 };
}

/// Output below this is never called a bomb by its ratio: an empty table or a padded image compresses very well.
const RATIO_FREE: u64 = 32 << 20;

/// Sequential reading of a [`Source`], in windows.
pub struct SourceReader<'a> {
    source: &'a dyn Source,
    /// Where the next window starts.
    at: u64,
    end: u64,
    window: Vec<u8>,
    used: usize,
}

/// Bytes fetched at once: large enough that system calls do not matter.
const WINDOW: u64 = 256 << 10;

impl<'a> SourceReader<'a> {
    /// Reads `source` from `start` up to `end` (exclusive).
    pub fn new(source: &'a dyn Source, start: u64, end: u64) -> Self {
        Self { source, at: start, end, window: Vec::new(), used: 0 }
    }

    /// Reads all of `source`.
    pub fn all(source: &'a dyn Source) -> Self {
        Self::new(source, 0, source.len())
    }

    /// Offset in the source of the next byte that will be handed out.
    pub fn position(&self) -> u64 {
        self.at.saturating_sub(self.window.len().saturating_sub(self.used) as u64)
    }
}

impl Read for SourceReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == self.window.len() {
            let len = self.end.saturating_sub(self.at).min(WINDOW);
            if len == 0 {
                return Ok(0);
            }
            let len = usize::try_from(len).expect("at most WINDOW");
            self.window = self.source.read(self.at, len).map_err(io::Error::other)?.into_owned();
            self.used = 0;
            self.at += len as u64;
        }
        let rest = self.window.get(self.used..).unwrap_or_default();
        let n = rest.len().min(out.len());
        let (to, from) = (out.get_mut(..n), rest.get(..n));
        if let (Some(to), Some(from)) = (to, from) {
            to.copy_from_slice(from);
        }
        self.used += n;
        Ok(n)
    }
}

/// A decompressor under a [`Limit`].
pub struct Bounded<R> {
    inner: R,
    limit: Limit,
    /// Length of the compressed input, known beforehand.
    input: u64,
    produced: u64,
}

impl<R: Read> Bounded<R> {
    /// `inner` decompresses `input` bytes.
    pub fn new(inner: R, input: u64, limit: Limit) -> Self {
        Self { inner, limit, input, produced: 0 }
    }

    /// The decompressor.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.produced = self.produced.saturating_add(n as u64);
        if self.produced > self.limit.bytes {
            let limit = self.limit.bytes;
            return Err(bomb(format!("it unpacks to more than the limit of {limit} bytes")));
        }
        let ratio_reached = self.produced > self.input.saturating_mul(self.limit.ratio);
        if self.produced > RATIO_FREE && ratio_reached {
            let (limit, input) = (self.limit.ratio, self.input);
            return Err(bomb(format!(
                "{input} bytes unpack to more than {limit} times their size, the limit"
            )));
        }
        Ok(n)
    }
}

fn bomb(what: String) -> io::Error {
    io::Error::other(Error::new(0, what))
}

/// An error of a reader as a fault at `offset`, with the original fault kept when there is one inside.
pub fn fault(offset: u64, error: io::Error) -> Error {
    let what = error.to_string();
    match error.into_inner().and_then(|it| it.downcast::<Error>().ok()) {
        Some(inner) if inner.offset != 0 => *inner,
        Some(inner) => Error { offset, what: inner.what },
        None => Error::new(offset, what),
    }
}

/// All that `reader` gives, in memory; `offset` is where faults are reported.
pub fn read_all(mut reader: impl Read, offset: u64) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    reader.read_to_end(&mut all).map_err(|it| fault(offset, it))?;
    Ok(all)
}

/// Unpacks a zlib stream that fills `packed`.
pub fn zlib(packed: &[u8], limit: Limit) -> Result<Vec<u8>> {
    read_all(Bounded::new(flate2::read::ZlibDecoder::new(packed), packed.len() as u64, limit), 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(len: usize) -> Vec<u8> {
        let mut to = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        to.write_all(&vec![0; len]).unwrap();
        to.finish().unwrap()
    }

    #[test]
    fn a_bomb_is_refused_with_the_limit_named() {
        let bomb = packed(33 << 20);
        let absolute = zlib(&bomb, Limit { bytes: 1 << 20, ratio: 2000 }).unwrap_err();
        assert!(absolute.what.contains("the limit of 1048576 bytes"), "{absolute}");
        let ratio = zlib(&bomb, Limit { bytes: 1 << 30, ratio: 100 }).unwrap_err();
        assert!(ratio.what.contains("100 times their size"), "{ratio}");
    }

    #[test]
    fn a_few_zero_pages_are_no_bomb() {
        assert_eq!(zlib(&packed(1 << 20), Limit { bytes: 1 << 30, ratio: 100 }).unwrap().len(), 1 << 20);
    }

    #[test]
    fn a_truncated_stream_is_refused() {
        let whole = packed(1 << 20);
        assert!(zlib(&whole[..whole.len() / 2], Limit::DOCUMENT).is_err());
    }

    #[test]
    fn reading_in_windows_gives_every_byte_once() {
        let data: Vec<u8> = (0..700_000u32).map(|it| it as u8).collect();
        let mut reader = SourceReader::new(&data, 5, 650_000);
        let mut found = Vec::new();
        reader.read_to_end(&mut found).unwrap();
        assert_eq!(found, data[5..650_000]);
        assert_eq!(reader.position(), 650_000);
    }
}
