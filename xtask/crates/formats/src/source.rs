//! Something that can be read at any position: a file, a member of an archive, bytes in memory.
//!
//! Parsers take a `&dyn Source`, so a file of any size is read in windows and never as a whole.
//! The one for files lives in `xtask` (this crate touches no disk); `[u8]` and `Vec<u8>` are sources as they are.

use std::borrow::Cow;

use crate::bytes::{Error, Result};

/// Positioned reads.
pub trait Source: Send + Sync {
    /// Length in bytes, as it was when the source was opened.
    fn len(&self) -> u64;

    /// Exactly `len` bytes at `offset`; anything less is an error (a file that shrank says so).
    fn read(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>>;

    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// `len` bytes of `whole` from `offset`, a source of its own: a slice of a universal file, a member of an archive.
pub struct Window<'a> {
    whole: &'a dyn Source,
    offset: u64,
    len: u64,
}

impl<'a> Window<'a> {
    /// Refused when it does not lie inside `whole`.
    pub fn new(whole: &'a dyn Source, offset: u64, len: u64) -> Result<Self> {
        match offset.checked_add(len) {
            Some(end) if end <= whole.len() => Ok(Self { whole, offset, len }),
            _ => Err(Error::new(offset, format!("{len} bytes wanted, the file has {}", whole.len()))),
        }
    }
}

impl Source for Window<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        let end = offset.checked_add(len as u64);
        let start = self.offset.checked_add(offset);
        match (start, end) {
            (Some(start), Some(end)) if end <= self.len => self.whole.read(start, len),
            _ => Err(Error::new(
                offset,
                format!("{len} bytes wanted, {} there", self.len.saturating_sub(offset)),
            )),
        }
    }
}

impl Source for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        let start = usize::try_from(offset).ok();
        let found = start.and_then(|start| self.get(start..start.checked_add(len)?));
        found.map(Cow::Borrowed).ok_or_else(|| {
            let there = Source::len(self).saturating_sub(offset);
            Error::new(offset, format!("{len} bytes wanted, {there} there"))
        })
    }
}

impl Source for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        Source::read(self.as_slice(), offset, len)
    }
}

impl Source for &[u8] {
    fn len(&self) -> u64 {
        Source::len(*self)
    }

    fn read(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        Source::read(*self, offset, len)
    }
}
