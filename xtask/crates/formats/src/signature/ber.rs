//! BER to DER: what Apple's signer writes, made readable.
//!
//! Every CMS signature in a Mach-O file has indefinite lengths (`30 80 … 00 00`), and BER allows an octet string in
//! pieces (`24 80 04 .. 04 .. 00 00`). Both become definite and whole; every other byte stays as it is, so what was
//! signed as DER inside is still what was signed.

use crate::bytes::{Bytes, Error, Result};

/// Real signatures nest 12 deep; 64 keeps the stack small.
const MAX_DEPTH: u32 = 64;
/// Signatures have 9 KB, profiles 20 KB; a megabyte leaves room and keeps memory small (each level copies once).
const MAX_LEN: usize = 1 << 20;
/// Constructed OCTET STRING.
const OCTET_STRING_IN_PIECES: u8 = 0x24;
/// OCTET STRING.
const OCTET_STRING: u8 = 0x04;

/// What came of a value in BER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcoded {
    /// The same value in DER (as far as lengths and pieces go).
    pub der: Vec<u8>,
    /// How many bytes of the input it took; padding may follow.
    pub consumed: usize,
}

/// Reads one value at the start of `bytes`.
///
/// Refused: more than 64 levels, a value of more than a megabyte, a missing end of contents, lengths of lengths
/// above four bytes.
pub fn to_der(bytes: Bytes<'_>) -> Result<Transcoded> {
    let mut reader = Reader { bytes, at: 0 };
    let mut der = Vec::new();
    reader.value(&mut der, MAX_DEPTH)?;
    Ok(Transcoded { der, consumed: reader.at })
}

struct Reader<'a> {
    bytes: Bytes<'a>,
    at: usize,
}

/// Where the content of a value ends.
#[derive(Clone, Copy)]
enum End {
    At(usize),
    Marker,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8> {
        let byte = self.bytes.u8(self.at)?;
        self.at += 1;
        Ok(byte)
    }

    fn fault(&self, what: &'static str) -> Error {
        self.bytes.fault(self.at, what)
    }

    fn value(&mut self, out: &mut Vec<u8>, depth: u32) -> Result<()> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.fault("nested deeper than 64"));
        };
        let tag = self.byte()?;
        if tag & 0x1f == 0x1f {
            return Err(self.fault("tag number above 30"));
        }
        let is_constructed = tag & 0x20 != 0;
        let end = self.end()?;
        let mut content = Vec::new();
        match end {
            End::At(end) if !is_constructed => {
                let len = end.saturating_sub(self.at);
                content.extend(self.bytes.range(self.at, len)?.as_slice());
                self.at = end;
            }
            End::Marker if !is_constructed => {
                return Err(self.fault("indefinite length of a value that has no parts"));
            }
            End::At(_) | End::Marker => {
                while !self.is_at(end)? {
                    match tag {
                        OCTET_STRING_IN_PIECES => self.piece(&mut content, depth)?,
                        _ => self.value(&mut content, depth)?,
                    }
                }
            }
        }
        out.push(if tag == OCTET_STRING_IN_PIECES { OCTET_STRING } else { tag });
        put_length(out, content.len());
        out.extend(content);
        if out.len() > MAX_LEN {
            return Err(self.fault("more than a megabyte"));
        }
        Ok(())
    }

    /// A piece of an octet string: only its content counts.
    fn piece(&mut self, content: &mut Vec<u8>, depth: u32) -> Result<()> {
        let start = self.at;
        let mut piece = Vec::new();
        self.value(&mut piece, depth)?;
        let piece = super::tlv::Element::only(Bytes::new(&piece)).map_err(|it| it.shifted(start as u64))?;
        if piece.tag != OCTET_STRING {
            return Err(self.bytes.fault(start, "piece of an octet string is none"));
        }
        content.extend(piece.content.as_slice());
        Ok(())
    }

    fn end(&mut self) -> Result<End> {
        let short = self.byte()?;
        let len = match short {
            0x80 => return Ok(End::Marker),
            0..0x80 => usize::from(short),
            0x81..=0x84 => {
                let mut len = 0usize;
                for _ in 0..short & 0x7f {
                    len = len << 8 | usize::from(self.byte()?);
                }
                len
            }
            _ => return Err(self.fault("length of more than four bytes")),
        };
        self.bytes.range(self.at, len)?;
        Ok(End::At(self.at + len))
    }

    /// Whether the content ends here; steps over the end marker.
    fn is_at(&mut self, end: End) -> Result<bool> {
        match end {
            End::At(end) if self.at > end => Err(self.fault("a part is longer than the whole")),
            End::At(end) => Ok(self.at == end),
            End::Marker if self.bytes.u16_be(self.at)? == 0 => {
                self.at += 2;
                Ok(true)
            }
            End::Marker => Ok(false),
        }
    }
}

fn put_length(out: &mut Vec<u8>, len: usize) {
    match len {
        0..0x80 => out.push(len as u8),
        _ => {
            let digits = len.to_be_bytes();
            let used = digits.iter().skip_while(|&&byte| byte == 0);
            out.push(0x80 | used.clone().count() as u8);
            out.extend(used);
        }
    }
}

/// For the fuzzer: any bytes; what came out is DER, so it stays as it is.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(found) = to_der(Bytes::new(bytes)) {
        assert!(found.consumed <= bytes.len());
        let again = to_der(Bytes::new(&found.der));
        assert_eq!(again, Ok(Transcoded { consumed: found.der.len(), der: found.der.clone() }));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(ber: &[u8], expected: &[u8]) {
        let found = to_der(Bytes::new(ber)).unwrap();
        assert_eq!(found, Transcoded { der: expected.to_vec(), consumed: ber.len() });
    }

    #[track_caller]
    fn refused(ber: &[u8], part: &str) {
        let error = to_der(Bytes::new(ber)).unwrap_err();
        assert!(error.what.contains(part), "{error}");
    }

    #[test]
    fn der_stays_as_it_is() {
        check(&[0x30, 5, 2, 1, 5, 5, 0], &[0x30, 5, 2, 1, 5, 5, 0]);
        let long = [&[4, 0x81, 200][..], &[7; 200]].concat();
        check(&long, &long);
    }

    #[test]
    fn indefinite_lengths_become_definite() {
        check(&[0x30, 0x80, 0x31, 0x80, 2, 1, 5, 0, 0, 0, 0], &[0x30, 5, 0x31, 3, 2, 1, 5]);
        check(&[0x30, 0x84, 0, 0, 0, 0], &[0x30, 0]);
    }

    #[test]
    fn an_octet_string_in_pieces_becomes_whole() {
        check(&[0x24, 0x80, 4, 1, 1, 0x24, 3, 4, 1, 2, 0, 0], &[4, 2, 1, 2]);
        refused(&[0x24, 0x80, 2, 1, 1, 0, 0], "piece of an octet string is none");
    }

    #[test]
    fn what_follows_is_not_consumed() {
        assert_eq!(to_der(Bytes::new(&[5, 0, 0, 0, 0])).unwrap().consumed, 2);
    }

    #[test]
    fn a_missing_end_is_refused() {
        refused(&[0x30, 0x80, 2, 1, 5], "2 bytes wanted, 0 there");
        refused(&[0x04, 0x80, 0, 0], "indefinite length of a value that has no parts");
        refused(&[0x30, 2, 2, 1, 5], "a part is longer than the whole");
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |n: usize| [[0x30, 0x80].repeat(n), [0, 0].repeat(n)].concat();
        assert!(to_der(Bytes::new(&nested(64))).is_ok());
        refused(&nested(65), "nested deeper than 64");
    }

    #[test]
    fn size_is_bounded() {
        let of = |len: usize| [&[4, 0x83][..], &(len as u32).to_be_bytes()[1..], &vec![0; len]].concat();
        assert!(to_der(Bytes::new(&of(MAX_LEN - 5))).is_ok());
        refused(&of(MAX_LEN - 4), "more than a megabyte");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            fuzz(&bytes);
        }

        #[test]
        fn any_nesting_is_read_without_panic(
            bytes in proptest::collection::vec(prop_oneof![Just(0x30u8), Just(0x80), Just(0x24), Just(0), Just(4), 0u8..5], 0..100)
        ) {
            fuzz(&bytes);
        }
    }
}
