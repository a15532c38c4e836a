//! Entitlements in DER, the form that newer kernels evaluate.
//!
//! ```text
//!   70 [APPLICATION 16]            SEQUENCE with a version in front
//!     02 01 01                     version 1
//!     b0 [CONTEXT 16]              dictionary
//!       30 { 0c key, value } …     value: 01 boolean · 02 integer · 0c text · 04 data · 30 array · b0 dictionary
//! ```
//! Source: `CoreEntitlements` of xnu and AppleMobileFileIntegrity; the same in every shipped dext from 2021 on.

use super::plist::{Dict, Value};
use crate::{
    bytes::{Bytes, Result},
    signature::tlv::{BOOLEAN, Element, INTEGER, OCTET_STRING, SEQUENCE, UTF8_STRING, context},
};

/// `[APPLICATION 16]`, constructed.
const OUTER: u8 = 0x70;
/// `[CONTEXT 16]`, constructed: a dictionary.
const DICT: u8 = context(16);
/// Deepest nesting. Real entitlements have two levels; the kernel's reader has a fixed small stack, too.
const MAX_DEPTH: usize = 16;
/// Most values; real entitlements have a few dozen.
const MAX_NODES: usize = 100_000;

/// Reads the payload of a DER entitlements blob (without the 8 bytes of blob header).
///
/// Keys come back in file order; a writer sorts them, and [`is_sorted`] tells whether this one did.
pub fn from_der(der: Bytes<'_>) -> Result<Dict> {
    let mut parts = Element::only(der)?.expect(OUTER, "entitlements")?.inside();
    let version = parts.need(INTEGER, "version")?;
    if version.small()? != 1 {
        return Err(version.whole.fault(0, "a version of entitlements other than 1"));
    }
    let dict = parts.need(DICT, "dictionary of entitlements")?;
    if let Some(more) = parts.any()? {
        return Err(more.whole.fault(0, "something after the dictionary of entitlements"));
    }
    let mut left = MAX_NODES;
    read_dict(dict, 1, &mut left)
}

/// Whether the keys of each level stand in the order of their bytes, once each, as the kernel's binary search expects.
pub fn is_sorted(dict: &Dict) -> bool {
    let keys: Vec<&str> = dict.keys().collect();
    keys.windows(2).all(|pair| pair.first() < pair.last())
        && dict.iter().all(|(_, value)| value.as_dict().is_none_or(is_sorted))
}

fn read_dict(element: Element<'_>, depth: usize, left: &mut usize) -> Result<Dict> {
    let mut entries = element.inside();
    let mut dict = Dict::new();
    while let Some(entry) = entries.any()? {
        let mut pair = entry.expect(SEQUENCE, "entry")?.inside();
        let key = text(pair.need(UTF8_STRING, "key")?)?;
        let value = pair.any()?.ok_or_else(|| entry.whole.fault(0, "a key without value"))?;
        dict.push(key, read_value(value, depth + 1, left)?);
        if let Some(more) = pair.any()? {
            return Err(more.whole.fault(0, "something after the value of an entry"));
        }
    }
    Ok(dict)
}

fn read_value(element: Element<'_>, depth: usize, left: &mut usize) -> Result<Value> {
    let fault = |what: &'static str| element.whole.fault(0, what);
    if depth > MAX_DEPTH {
        return Err(fault("entitlements nested deeper than 16"));
    }
    *left = left.checked_sub(1).ok_or_else(|| fault("more than 100000 values"))?;
    Ok(match element.tag {
        BOOLEAN => Value::Bool(element.boolean()?),
        INTEGER => Value::Integer(integer(element)?),
        UTF8_STRING => Value::String(text(element)?),
        OCTET_STRING => Value::Data(element.content.as_slice().to_vec()),
        SEQUENCE => {
            let (mut items, mut inside) = (Vec::new(), element.inside());
            while let Some(item) = inside.any()? {
                items.push(read_value(item, depth + 1, left)?);
            }
            Value::Array(items)
        }
        DICT => Value::Dict(read_dict(element, depth, left)?),
        _ => return Err(fault("a value of an unknown kind")),
    })
}

fn text(element: Element<'_>) -> Result<String> {
    let found = std::str::from_utf8(element.content.as_slice());
    found.map(str::to_owned).map_err(|_| element.whole.fault(0, "text is not UTF-8"))
}

/// Two's complement, up to 16 bytes.
fn integer(element: Element<'_>) -> Result<i128> {
    let raw = element.content.as_slice();
    match raw.first() {
        Some(&first) if raw.len() <= 16 => {
            let sign = if first & 0x80 != 0 { -1 } else { 0 };
            Ok(raw.iter().fold(sign, |sum, &byte| sum << 8 | i128::from(byte)))
        }
        _ => Err(element.whole.fault(0, "an integer of no or more than 16 bytes")),
    }
}

/// What the fuzzer calls.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    if let Ok(dict) = from_der(Bytes::new(bytes)) {
        is_sorted(&dict);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag, u8::try_from(content.len()).unwrap()];
        out.extend_from_slice(content);
        out
    }

    fn entry(key: &str, value: &[u8]) -> Vec<u8> {
        element(SEQUENCE, &[element(UTF8_STRING, key.as_bytes()), value.to_vec()].concat())
    }

    fn document(entries: &[Vec<u8>]) -> Vec<u8> {
        element(OUTER, &[vec![2, 1, 1], element(DICT, &entries.concat())].concat())
    }

    #[track_caller]
    fn refused(der: &[u8], what: &str) {
        let fault = from_der(Bytes::new(der)).unwrap_err().to_string();
        assert!(fault.contains(what), "{fault}");
    }

    #[test]
    fn every_kind_of_value_reads() {
        let inner = element(DICT, &entry("idVendor", &[2, 2, 5, 0xac]));
        let der = document(&[
            entry("array", &element(SEQUENCE, &inner)),
            entry("bool", &[1, 1, 0xff]),
            entry("data", &[4, 1, 9]),
            entry("minus", &[2, 1, 0xff]),
            entry("text", b"\x0c\x01a"),
        ]);
        let found = from_der(Bytes::new(&der)).unwrap();
        assert_eq!(
            Value::Dict(found.clone()).to_string(),
            "{array: [{idVendor: 1452}], bool: true, data: <1 bytes>, minus: -1, text: \"a\"}"
        );
        assert!(is_sorted(&found));
        let unsorted = document(&[entry("b", &[1, 1, 0xff]), entry("a", &[1, 1, 0xff])]);
        assert!(!is_sorted(&from_der(Bytes::new(&unsorted)).unwrap()));
    }

    #[test]
    fn what_is_no_entitlements_is_refused() {
        refused(&[0x30, 0], "tag 0x30 instead of 0x70");
        refused(&element(OUTER, &[2, 1, 2, DICT, 0]), "version of entitlements other than 1");
        refused(&document(&[entry("a", &[])]), "a key without value");
        refused(&document(&[entry("a", &[9, 0])]), "unknown kind");
        refused(&document(&[entry("a", &[1, 1, 0xff, 1, 1, 0xff])]), "after the value");
        let nested = (0..20).fold(vec![SEQUENCE, 0], |inner, _| element(SEQUENCE, &inner));
        refused(&document(&[entry("a", &nested)]), "nested deeper");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data: Vec<u8>) {
            fuzz(&data);
            fuzz(&document(&[data.into_iter().take(100).collect()]));
        }
    }
}
