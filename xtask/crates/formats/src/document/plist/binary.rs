//! Binary property lists.
//!
//! ```text
//!   bplist00 │ objects … │ offsets of the objects │ trailer (32 bytes): widths, count, root, where the offsets start
//! ```
//! The root is followed by number; an object that is used twice is expanded twice, within the document's budget.

use std::collections::HashSet;

use super::{Budget, Date, Dict, Value};
use crate::bytes::{Bytes, Result};

const TRAILER: usize = 32;

struct Reader<'a, 'b> {
    all: Bytes<'a>,
    offsets: Bytes<'a>,
    offset_width: usize,
    reference_width: usize,
    count: u64,
    budget: &'b mut Budget,
}

pub(super) fn read(all: Bytes<'_>, budget: &mut Budget) -> Result<Value> {
    let version = all.range(6, 2).map_err(|_| all.fault(6, "the binary property list is cut off"))?;
    // `bplist00` and `bplist01` have one layout; CoreFoundation reads `bplist0?`.
    if version.u8(0)? != b'0' {
        return Err(all.fault(6, "an unknown version of binary property list"));
    }
    let trailer_at = all.len().checked_sub(TRAILER).filter(|&it| it >= 8);
    let trailer_at = trailer_at.ok_or_else(|| all.fault(8, "the trailer is missing"))?;
    let trailer = all.from(trailer_at)?;
    let (offset_width, reference_width) = (trailer.u8(6)?.into(), trailer.u8(7)?.into());
    let (count, root, table) = (trailer.u64_be(8)?, trailer.u64_be(16)?, trailer.u64_be(24)?);
    if !(1..=8).contains(&offset_width) || !(1..=8).contains(&reference_width) {
        return Err(trailer.fault(6, "numbers of more than 8 bytes"));
    }
    let size = usize::try_from(count).ok().and_then(|it| it.checked_mul(offset_width));
    let start = usize::try_from(table).ok();
    let (Some(size), Some(start)) = (size, start) else {
        return Err(trailer.fault(8, "a table of offsets larger than memory"));
    };
    if start.checked_add(size).is_none_or(|end| end > trailer_at) {
        return Err(trailer.fault(24, "the table of offsets ends past the trailer"));
    }
    let offsets = all.range(start, size)?;
    Reader { all, offsets, offset_width, reference_width, count, budget }.object(root, 0)
}

impl<'a> Reader<'a, '_> {
    fn object(&mut self, number: u64, depth: usize) -> Result<Value> {
        if number >= self.count {
            let what = format!("object {number} wanted, there are {}", self.count);
            return Err(self.offsets.fault(0, what));
        }
        let entry = usize::try_from(number).ok().and_then(|it| it.checked_mul(self.offset_width));
        let entry = entry.ok_or_else(|| self.offsets.fault(0, "object number too large"))?;
        let at = uint(self.offsets.range(entry, self.offset_width)?)?;
        let at = usize::try_from(at).map_err(|_| self.offsets.fault(entry, "offset past the file"))?;
        let marker = self.all.u8(at)?;
        let (high, low) = (marker >> 4, marker & 0x0f);
        let depth = depth + 1;
        if !matches!(high, 0x4..=0x7 | 0xa | 0xd) {
            self.budget.take(at as u64, depth, 0)?;
        }
        Ok(match (high, low) {
            (0x0, 0x8) => Value::Bool(false),
            (0x0, 0x9) => Value::Bool(true),
            (0x1, 0x0..=0x4) => Value::Integer(integer(self.all.range(at + 1, 1 << low)?)?),
            (0x2, 0x2) => Value::Real(f32::from_bits(self.all.u32_be(at + 1)?).into()),
            (0x2, 0x3) => Value::Real(f64::from_bits(self.all.u64_be(at + 1)?)),
            (0x3, 0x3) => Value::Date(
                Date::from_2001(f64::from_bits(self.all.u64_be(at + 1)?))
                    .ok_or_else(|| self.all.fault(at, "a date out of range"))?,
            ),
            (0x8, 0x0..=0x7) => Value::Uid(uint(self.all.range(at + 1, usize::from(low) + 1)?)?),
            (0x4, _) => Value::Data(self.text(at, low, 1, depth)?.as_slice().to_vec()),
            // ASCII, and the UTF-8 that newer writers put under 0x7.
            (0x5 | 0x7, _) => {
                let raw = self.text(at, low, 1, depth)?;
                let text = std::str::from_utf8(raw.as_slice())
                    .map_err(|_| self.all.fault(at, "text is not UTF-8"))?;
                Value::String(text.to_owned())
            }
            (0x6, _) => {
                let raw = self.text(at, low, 2, depth)?.as_slice();
                let units = raw.as_chunks::<2>().0.iter().map(|it| u16::from_be_bytes(*it));
                let text: std::result::Result<String, _> = char::decode_utf16(units).collect();
                Value::String(text.map_err(|_| self.all.fault(at, "text is not UTF-16"))?)
            }
            (0xa, _) => Value::Array(self.array(at, low, depth)?),
            (0xd, _) => Value::Dict(self.dict(at, low, depth)?),
            _ => return Err(self.all.fault(at, format!("an unknown kind of object, {marker:#04x}"))),
        })
    }

    fn text(&mut self, at: usize, low: u8, unit: usize, depth: usize) -> Result<Bytes<'a>> {
        let (first, count) = self.count(at, low)?;
        let size = count.checked_mul(unit).ok_or_else(|| self.all.fault(at, "text larger than memory"))?;
        let found = self.all.range(first, size)?;
        self.budget.take(at as u64, depth, size)?;
        Ok(found)
    }

    fn array(&mut self, at: usize, low: u8, depth: usize) -> Result<Vec<Value>> {
        let (first, count) = self.count(at, low)?;
        let size = count.checked_mul(self.reference_width);
        let references = self.all.range(first, size.ok_or_else(|| self.all.fault(at, "array too large"))?)?;
        self.budget.take(at as u64, depth, 0)?;
        let mut items = Vec::new();
        for index in 0..count {
            let number = uint(references.range(index * self.reference_width, self.reference_width)?)?;
            items.push(self.object(number, depth)?);
        }
        Ok(items)
    }

    fn dict(&mut self, at: usize, low: u8, depth: usize) -> Result<Dict> {
        let (first, count) = self.count(at, low)?;
        let width = self.reference_width;
        let half = count.checked_mul(width).filter(|it| it.checked_mul(2).is_some());
        let half = half.ok_or_else(|| self.all.fault(at, "dictionary too large"))?;
        let references = self.all.range(first, half * 2)?;
        self.budget.take(at as u64, depth, 0)?;
        let (mut dict, mut seen) = (Dict::new(), HashSet::new());
        for index in 0..count {
            let key = uint(references.range(index * width, width)?)?;
            let value = uint(references.range(half + index * width, width)?)?;
            let Value::String(key) = self.object(key, depth)? else {
                return Err(self.all.fault(at, "a key that is no text"));
            };
            let value = self.object(value, depth)?;
            self.budget.insert(&mut dict, &mut seen, at as u64, (key, value));
        }
        Ok(dict)
    }

    /// Where the contents start and how many there are: a small count lies in the marker, a large one follows as an integer.
    fn count(&self, at: usize, low: u8) -> Result<(usize, usize)> {
        if low != 0x0f {
            return Ok((at + 1, low.into()));
        }
        let marker = self.all.u8(at + 1)?;
        let width = 1_usize << (marker & 0x0f).min(4);
        if marker >> 4 != 0x1 || width > 8 {
            return Err(self.all.fault(at + 1, "a count that is no integer"));
        }
        let count = uint(self.all.range(at + 2, width)?)?;
        let count = usize::try_from(count).map_err(|_| self.all.fault(at, "a count larger than memory"))?;
        Ok((at + 2 + width, count))
    }
}

/// An unsigned number of 1 to 8 bytes, big end first.
fn uint(raw: Bytes<'_>) -> Result<u64> {
    if raw.len() > 8 {
        return Err(raw.fault(0, "a number of more than 8 bytes"));
    }
    Ok(raw.as_slice().iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
}

/// 1, 2 and 4 bytes are unsigned, 8 and 16 are signed (CoreFoundation `CFBinaryPList.c`).
fn integer(raw: Bytes<'_>) -> Result<i128> {
    Ok(match raw.len() {
        8 => i128::from(i64::from_be_bytes(raw.array(0)?)),
        16 => i128::from_be_bytes(raw.array(0)?),
        _ => uint(raw)?.into(),
    })
}
