//! A file with other bytes in some places: what signing makes of one, without a copy of it.
//!
//! ```text
//!   source   header commands ····· __TEXT … __LINKEDIT │ old signature │
//!   edited   new ─────────┤ kept ………………………………… kept ┤ new: signature, zeros │
//! ```
//! An edited file is a [`Source`] itself, so it is hashed, read again and written in windows, whatever its size.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Write},
};

use formats::{
    Source,
    container::bounded::{SourceReader, read_all},
};

use crate::{Error, Result};

/// A file made of parts of another one, and of new bytes.
#[derive(Clone)]
pub struct Edited<'a> {
    source: &'a dyn Source,
    /// In their order, each with the offset at which it begins; none is empty.
    pieces: Vec<(u64, Piece)>,
    len: u64,
}

/// A run of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of the source.
    Kept {
        /// Where they begin in the source.
        offset: u64,
        /// How many.
        len: u64,
    },
    /// Other bytes.
    New(Vec<u8>),
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Kept { len, .. } => *len,
            Self::New(bytes) => bytes.len() as u64,
        }
    }
}

impl fmt::Debug for Edited<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edited")
            .field("len", &self.len)
            .field("pieces", &self.pieces.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Edited<'a> {
    /// An empty file, to be made of parts of `source`.
    pub fn new(source: &'a dyn Source) -> Self {
        Self { source, pieces: Vec::new(), len: 0 }
    }

    /// Appends a piece.
    pub fn push(&mut self, piece: Piece) {
        if piece.len() > 0 {
            let at = self.len;
            self.len += piece.len();
            self.pieces.push((at, piece));
        }
    }

    /// Appends zeros up to `len`.
    pub fn pad(&mut self, len: u64) {
        let missing = usize::try_from(len.saturating_sub(self.len)).unwrap_or(0);
        self.push(Piece::New(vec![0; missing]));
    }

    /// Appends what `slice` holds, an edited part of the same file that begins there at `base`.
    pub fn append(&mut self, slice: Edited<'_>, base: u64) {
        for (_, piece) in slice.pieces {
            self.push(match piece {
                Piece::Kept { offset, len } => Piece::Kept { offset: base + offset, len },
                new => new,
            });
        }
    }

    /// The pieces, each with its offset.
    pub fn pieces(&self) -> &[(u64, Piece)] {
        &self.pieces
    }

    /// Whether everything that is kept stays where it is: then it is enough to write what is new.
    pub fn is_in_place(&self) -> bool {
        self.pieces.iter().all(|(at, piece)| match piece {
            Piece::Kept { offset, .. } => offset == at,
            Piece::New(_) => true,
        })
    }

    /// Writes the whole file.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        for (_, piece) in &self.pieces {
            match piece {
                Piece::New(bytes) => out.write_all(bytes)?,
                Piece::Kept { offset, len } => {
                    io::copy(&mut SourceReader::new(self.source, *offset, offset + len), out)?;
                }
            }
        }
        out.flush()
    }

    /// The whole file in memory, for small ones.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        Ok(read_all(SourceReader::all(self), 0)?)
    }
}

impl Source for Edited<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, len: usize) -> formats::Result<Cow<'_, [u8]>> {
        let outside =
            || formats::Error::new(offset, format!("{len} bytes wanted, the file has {}", self.len));
        let end = offset.checked_add(len as u64).filter(|it| *it <= self.len).ok_or_else(outside)?;
        let first = self.pieces.partition_point(|(at, piece)| at + piece.len() <= offset);
        let mut out = Vec::new();
        for (at, piece) in self.pieces.get(first..).unwrap_or_default() {
            if *at >= end {
                break;
            }
            let (from, to) = (offset.max(*at) - at, end.min(at + piece.len()) - at);
            let part = match piece {
                Piece::New(bytes) => {
                    Cow::Borrowed(bytes.get(from as usize..to as usize).ok_or_else(outside)?)
                }
                Piece::Kept { offset, .. } => self.source.read(offset + from, (to - from) as usize)?,
            };
            // Most reads lie in one piece, and then nothing is copied.
            if part.len() == len {
                return Ok(part);
            }
            out.extend_from_slice(&part);
        }
        if out.len() == len { Ok(Cow::Owned(out)) } else { Err(outside()) }
    }
}

/// A number of bytes as the platform counts memory.
pub(super) fn to_usize(value: u64) -> Result<usize> {
    usize::try_from(value)
        .map_err(|_| Error::new(format!("offset {value:#x} is past what this machine can hold")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::ptr_arg, reason = "a source has a size; a slice behind a reference has not")]
    fn sample(source: &Vec<u8>) -> Edited<'_> {
        let mut edited = Edited::new(source);
        edited.push(Piece::New(b"head".to_vec()));
        edited.push(Piece::Kept { offset: 4, len: 4 });
        edited.push(Piece::New(Vec::new()));
        edited.pad(10);
        edited.push(Piece::Kept { offset: 0, len: 2 });
        edited
    }

    #[test]
    fn pieces_make_one_file() {
        let source = b"0123456789".to_vec();
        let edited = sample(&source);
        assert_eq!(edited.bytes().unwrap(), b"head4567\x00\x0001");
        assert!(!edited.is_in_place(), "the end is from the beginning");
        let mut out = Vec::new();
        edited.write_to(&mut out).unwrap();
        assert_eq!(out, b"head4567\x00\x0001");
        assert!(edited.read(11, 2).is_err());
        assert!(edited.read(u64::MAX, 2).is_err());
        let mut whole = Edited::new(&source);
        whole.push(Piece::New(vec![1; 3]));
        whole.append(sample(&source), 2);
        assert_eq!(whole.bytes().unwrap(), b"\x01\x01\x01head6789\x00\x0023");
    }

    proptest! {
        #[test]
        fn every_window_is_that_of_the_whole(from in 0usize..13, len in 0usize..13) {
            let source = b"0123456789".to_vec();
            let edited = sample(&source);
            let whole = edited.bytes().unwrap();
            match whole.get(from..from + len) {
                Some(expected) => prop_assert_eq!(&*edited.read(from as u64, len).unwrap(), expected),
                None => prop_assert!(edited.read(from as u64, len).is_err()),
            }
        }
    }
}
