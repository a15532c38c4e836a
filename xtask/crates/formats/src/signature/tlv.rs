//! Elements of DER: tag, length, content.
//!
//! Our own reader, because the whole bytes of an element must survive as they are (they get hashed), and because
//! certificates in a `SET OF` of shipped signatures are not in the order that strict DER crates ask for.
//! What may be BER goes through [`super::ber`] first.

use crate::bytes::{Bytes, Error, Result};

/// BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// UTF8String.
pub const UTF8_STRING: u8 = 0x0c;
/// UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;
/// SEQUENCE and SEQUENCE OF.
pub const SEQUENCE: u8 = 0x30;
/// SET and SET OF.
pub const SET: u8 = 0x31;

/// The tag `[n]` around other elements.
pub const fn context(n: u8) -> u8 {
    0xa0 | n
}

/// One element.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    /// Its tag byte; numbers above 30 do not occur in what we read and are refused.
    pub tag: u8,
    /// All of it.
    pub whole: Bytes<'a>,
    /// What is inside.
    pub content: Bytes<'a>,
}

impl<'a> Element<'a> {
    /// The element at the start of `bytes`; more may follow.
    pub fn first(bytes: Bytes<'a>) -> Result<Self> {
        let tag = bytes.u8(0)?;
        if tag & 0x1f == 0x1f {
            return Err(bytes.fault(0, "tag number above 30"));
        }
        let short = bytes.u8(1)?;
        let (header, len) = match short {
            0..0x80 => (2, usize::from(short)),
            0x80 => return Err(bytes.fault(1, "indefinite length in DER")),
            // Four bytes of length are 4 GiB; nothing we read is larger.
            0x81..=0x84 => {
                let n_bytes = usize::from(short & 0x7f);
                let digits = bytes.range(2, n_bytes)?.as_slice();
                (2 + n_bytes, digits.iter().fold(0usize, |len, &byte| len << 8 | usize::from(byte)))
            }
            _ => return Err(bytes.fault(1, "length of more than four bytes")),
        };
        let content = bytes.range(header, len)?;
        Ok(Self { tag, whole: bytes.range(0, header + len)?, content })
    }

    /// The only element in `bytes`; bytes after it are a fault.
    pub fn only(bytes: Bytes<'a>) -> Result<Self> {
        let found = Self::first(bytes)?;
        if found.whole.len() < bytes.len() {
            return Err(bytes.fault(found.whole.len(), "bytes after the end of the element"));
        }
        Ok(found)
    }

    /// This element, if it has `tag`.
    pub fn expect(self, tag: u8, what: &str) -> Result<Self> {
        if self.tag == tag {
            Ok(self)
        } else {
            Err(self.whole.fault(0, format!("{what}: tag {:#04x} instead of {tag:#04x}", self.tag)))
        }
    }

    /// The elements inside.
    pub fn inside(self) -> Elements<'a> {
        Elements { rest: self.content }
    }

    /// The content of an OBJECT IDENTIFIER, with dots.
    pub fn oid(self) -> Result<String> {
        let content = self.expect(OID, "object identifier")?.content;
        super::oid::to_text(content.as_slice())
            .ok_or_else(|| content.fault(0, "object identifier is malformed"))
    }

    /// A BIT STRING that is made of whole bytes.
    pub fn bits(self) -> Result<&'a [u8]> {
        let content = self.expect(BIT_STRING, "bit string")?.content;
        match content.as_slice().split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(content.fault(0, "bit string with unused bits")),
        }
    }

    /// A BOOLEAN; any nonzero byte is true.
    pub fn boolean(self) -> Result<bool> {
        match self.expect(BOOLEAN, "boolean")?.content.as_slice() {
            [byte] => Ok(*byte != 0),
            _ => Err(self.whole.fault(0, "boolean is not one byte")),
        }
    }

    /// A small INTEGER that is not negative.
    pub fn small(self) -> Result<u32> {
        let content = self.expect(INTEGER, "integer")?.content.as_slice();
        match content {
            [first, ..] if *first < 0x80 && content.len() <= 4 => {
                Ok(content.iter().fold(0, |value, &byte| value << 8 | u32::from(byte)))
            }
            _ => Err(self.whole.fault(0, "integer is empty, negative or large")),
        }
    }
}

/// Elements one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Elements<'a> {
    rest: Bytes<'a>,
}

impl<'a> Elements<'a> {
    /// The elements that `bytes` are made of.
    pub const fn of(bytes: Bytes<'a>) -> Self {
        Self { rest: bytes }
    }

    /// The next element, whatever it is; `None` at the end.
    pub fn any(&mut self) -> Result<Option<Element<'a>>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let found = Element::first(self.rest)?;
        self.rest = self.rest.from(found.whole.len())?;
        Ok(Some(found))
    }

    /// The next element, which must be there and have `tag`.
    pub fn need(&mut self, tag: u8, what: &str) -> Result<Element<'a>> {
        match self.any()? {
            Some(found) => found.expect(tag, what),
            None => Err(self.missing(what)),
        }
    }

    /// The next element if it has `tag`; otherwise it stays.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>> {
        match self.rest.as_slice().first() {
            Some(&found) if found == tag => self.any(),
            _ => Ok(None),
        }
    }

    /// The fault that `what` is not there.
    pub fn missing(&self, what: &str) -> Error {
        self.rest.fault(0, format!("{what} is missing"))
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>>;

    /// Ends after the first fault.
    fn next(&mut self) -> Option<Self::Item> {
        let found = self.any().transpose();
        if matches!(found, Some(Err(_))) {
            self.rest = Bytes::new(&[]);
        }
        found
    }
}

/// For the fuzzer: any bytes, three levels deep.
pub fn fuzz(bytes: &[u8]) {
    for outer in Elements::of(Bytes::new(bytes)).flatten() {
        for inner in outer.inside().flatten() {
            assert!(inner.whole.len() <= outer.content.len());
            assert_eq!(inner.inside().flatten().map(|it| it.whole.len()).sum::<usize>() > 0, {
                inner.inside().flatten().next().is_some()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<(u8, usize), &str>) {
        let found = Element::only(Bytes::new(bytes)).map(|it| (it.tag, it.content.len()));
        match expected {
            Ok(expected) => assert_eq!(found.unwrap(), expected),
            Err(part) => assert!(found.clone().unwrap_err().what.contains(part), "{found:?}"),
        }
    }

    #[test]
    fn lengths_are_read_in_both_forms() {
        check(&[4, 2, 1, 2], Ok((4, 2)));
        check(&[4, 0x81, 1, 9], Ok((4, 1)));
        check(&[&[4, 0x82, 1, 0][..], &[0; 256]].concat(), Ok((4, 256)));
    }

    #[test]
    fn what_is_no_der_is_refused() {
        check(&[0x30, 0x80, 0, 0], Err("indefinite length"));
        check(&[0x1f, 1, 0], Err("tag number above 30"));
        check(&[4, 3, 1, 2], Err("3 bytes wanted, 2 there"));
        check(&[4, 0x85, 0, 0, 0, 0, 0], Err("more than four bytes"));
        check(&[4, 1, 1, 2], Err("bytes after the end"));
        check(&[], Err("1 bytes wanted, 0 there"));
    }

    #[test]
    fn an_optional_element_of_another_tag_stays() {
        let mut elements = Elements::of(Bytes::new(&[2, 1, 5, 1, 1, 0xff]));
        assert!(elements.optional(BOOLEAN).unwrap().is_none());
        assert_eq!(elements.need(INTEGER, "number").unwrap().small(), Ok(5));
        assert_eq!(elements.optional(BOOLEAN).unwrap().unwrap().boolean(), Ok(true));
        assert!(elements.need(INTEGER, "number").unwrap_err().what.contains("number is missing"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            fuzz(&bytes);
        }
    }
}
