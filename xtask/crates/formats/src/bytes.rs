//! Reading numbers and ranges from bytes nobody vouches for.
//!
//! ```
//! use formats::Bytes;
//! let bytes = Bytes::new(&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2]);
//! assert_eq!(bytes.u32_be(0).unwrap(), 0xcafe_babe);
//! assert!(bytes.u32_be(5).is_err());
//! ```

use std::{borrow::Cow, fmt};

/// What is wrong with the bytes, and where.
///
/// Malformed input is a value, not a panic: whoever reads foreign files turns it into a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Offset of the fault, from the start of what was being read.
    pub offset: u64,
    /// The fault, lower case, without a full stop: "slice 2 ends past the end of the file".
    pub what: Cow<'static, str>,
}

/// The result of reading foreign bytes.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A fault at `offset`.
    pub fn new(offset: u64, what: impl Into<Cow<'static, str>>) -> Self {
        Self { offset, what: what.into() }
    }

    /// The same fault seen from an enclosing structure that starts `base` bytes earlier.
    #[must_use]
    pub fn shifted(mut self, base: u64) -> Self {
        self.offset = self.offset.saturating_add(base);
        self
    }

    /// The same fault, said to be inside `whole`: "`whole`: …".
    #[must_use]
    pub fn within(mut self, whole: impl fmt::Display) -> Self {
        self.what = format!("{whole}: {}", self.what).into();
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (offset {:#x})", self.what, self.offset)
    }
}

impl std::error::Error for Error {}

/// A range of bytes that remembers where it started, so that faults carry the offset in the outer file.
#[derive(Clone, Copy)]
pub struct Bytes<'a> {
    data: &'a [u8],
    base: u64,
}

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({} at {:#x})", self.data.len(), self.base)
    }
}

impl<'a> Bytes<'a> {
    /// All of `data`, offsets counted from its start.
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, base: 0 }
    }

    /// All of `data`, which lies at `base` in the file that faults should point into.
    pub const fn at(data: &'a [u8], base: u64) -> Self {
        Self { data, base }
    }

    /// Number of bytes.
    pub const fn len(self) -> usize {
        self.data.len()
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.data.is_empty()
    }

    /// The bytes themselves.
    pub const fn as_slice(self) -> &'a [u8] {
        self.data
    }

    /// Where these bytes start in the outer file.
    pub const fn base(self) -> u64 {
        self.base
    }

    /// A fault at `offset` of these bytes, as seen from the outer file.
    pub fn fault(self, offset: usize, what: impl Into<Cow<'static, str>>) -> Error {
        Error::new(self.base.saturating_add(offset as u64), what)
    }

    /// `len` bytes at `offset`.
    pub fn range(self, offset: usize, len: usize) -> Result<Bytes<'a>> {
        let found = offset.checked_add(len).and_then(|end| self.data.get(offset..end));
        let data = found.ok_or_else(|| {
            self.fault(
                offset,
                format!("{len} bytes wanted, {} there", self.data.len().saturating_sub(offset)),
            )
        })?;
        Ok(Bytes { data, base: self.base.saturating_add(offset as u64) })
    }

    /// Everything from `offset` on; empty when `offset` is the end.
    pub fn from(self, offset: usize) -> Result<Bytes<'a>> {
        let len = self.data.len().checked_sub(offset);
        self.range(offset, len.ok_or_else(|| self.fault(offset, "starts past the end"))?)
    }

    /// `N` bytes at `offset`, as an array.
    pub fn array<const N: usize>(self, offset: usize) -> Result<[u8; N]> {
        let data = self.range(offset, N)?.data;
        Ok(data.try_into().expect("range returned N bytes"))
    }

    /// One byte.
    pub fn u8(self, offset: usize) -> Result<u8> {
        Ok(u8::from_be_bytes(self.array(offset)?))
    }

    /// Two bytes, big end first.
    pub fn u16_be(self, offset: usize) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array(offset)?))
    }

    /// Four bytes, big end first.
    pub fn u32_be(self, offset: usize) -> Result<u32> {
        Ok(u32::from_be_bytes(self.array(offset)?))
    }

    /// Eight bytes, big end first.
    pub fn u64_be(self, offset: usize) -> Result<u64> {
        Ok(u64::from_be_bytes(self.array(offset)?))
    }

    /// Two bytes, little end first.
    pub fn u16_le(self, offset: usize) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array(offset)?))
    }

    /// Four bytes, little end first.
    pub fn u32_le(self, offset: usize) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(offset)?))
    }

    /// Eight bytes, little end first.
    pub fn u64_le(self, offset: usize) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(offset)?))
    }

    /// Text up to the first zero byte, or to the end when there is none; not UTF-8 is a fault.
    pub fn c_str(self, offset: usize) -> Result<&'a str> {
        let rest = self.from(offset)?.data;
        let text = rest.split(|&byte| byte == 0).next().unwrap_or(rest);
        std::str::from_utf8(text).map_err(|_| self.fault(offset, "text is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_past_the_end_is_refused_with_its_outer_offset() {
        let bytes = Bytes::at(&[1, 2, 3], 100);
        assert_eq!(bytes.range(2, 2).unwrap_err().offset, 102);
        assert_eq!(bytes.range(1, 2).unwrap().as_slice(), &[2, 3]);
    }

    #[test]
    fn an_offset_that_overflows_is_refused() {
        assert!(Bytes::new(&[0; 4]).range(usize::MAX, 2).is_err());
        assert!(Bytes::new(&[0; 4]).from(5).is_err());
        assert!(Bytes::new(&[0; 4]).from(4).unwrap().is_empty());
    }

    #[test]
    fn text_ends_at_the_first_zero() {
        assert_eq!(Bytes::new(b"abc\0def").c_str(0).unwrap(), "abc");
        assert_eq!(Bytes::new(b"abc").c_str(1).unwrap(), "bc");
        assert!(Bytes::new(&[0xff]).c_str(0).is_err());
    }
}
