//! DER, written from the inside out: every function returns one complete element.

use const_oid::ObjectIdentifier;
use time::OffsetDateTime;

use crate::{Error, Result};

/// An element with any tag.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        len @ 0..=0x7f => out.push(len as u8),
        len => {
            let bytes = (len as u64).to_be_bytes();
            let significant: Vec<u8> = bytes.iter().copied().skip_while(|&byte| byte == 0).collect();
            out.push(0x80 | significant.len() as u8);
            out.extend(significant);
        }
    }
    out.extend_from_slice(content);
    out
}

/// `SEQUENCE` of complete elements.
pub fn sequence<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> Vec<u8> {
    element(0x30, &joined(parts))
}

/// `SET OF` complete elements, in the order DER demands.
pub fn set_of(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    element(0x31, &joined(parts))
}

/// `[n]` around complete elements (explicit tagging), or instead of a `SET` or `SEQUENCE` (implicit).
pub fn context<T: AsRef<[u8]>>(n: u8, parts: impl IntoIterator<Item = T>) -> Vec<u8> {
    element(0xa0 | n, &joined(parts))
}

/// `[n]` with bytes instead of a primitive element.
pub fn context_primitive(n: u8, content: &[u8]) -> Vec<u8> {
    element(0x80 | n, content)
}

/// `INTEGER`, never negative, from big-endian bytes.
pub fn integer(big_endian: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = big_endian.iter().copied().skip_while(|&byte| byte == 0).collect();
    if content.first().is_none_or(|&first| first & 0x80 != 0) {
        content.insert(0, 0);
    }
    element(0x02, &content)
}

/// `INTEGER` of a small number.
pub fn number(value: u64) -> Vec<u8> {
    integer(&value.to_be_bytes())
}

/// `BOOLEAN`.
pub fn boolean(value: bool) -> Vec<u8> {
    element(0x01, &[if value { 0xff } else { 0 }])
}

/// `NULL`.
pub fn null() -> Vec<u8> {
    element(0x05, &[])
}

/// `OCTET STRING`.
pub fn octets(content: &[u8]) -> Vec<u8> {
    element(0x04, content)
}

/// `BIT STRING` of whole bytes.
pub fn bits(content: &[u8]) -> Vec<u8> {
    named_bits(0, content)
}

/// `BIT STRING` whose last byte has `unused` bits that do not count.
pub fn named_bits(unused: u8, content: &[u8]) -> Vec<u8> {
    element(0x03, &[&[unused], content].concat())
}

/// `UTF8String`.
pub fn utf8(text: &str) -> Vec<u8> {
    element(0x0c, text.as_bytes())
}

/// `PrintableString`, for the country in a name.
pub fn printable(text: &str) -> Vec<u8> {
    element(0x13, text.as_bytes())
}

/// `OBJECT IDENTIFIER`; the texts are this crate's own constants.
pub fn oid(dotted: &str) -> Vec<u8> {
    let oid = ObjectIdentifier::new(dotted).expect("object identifiers are constants of this crate");
    element(0x06, oid.as_bytes())
}

/// `AlgorithmIdentifier` with `NULL` parameters.
pub fn algorithm(dotted: &str) -> Vec<u8> {
    sequence([oid(dotted), null()])
}

/// `AlgorithmIdentifier` without parameters, as ECDSA has it.
pub fn bare_algorithm(dotted: &str) -> Vec<u8> {
    sequence([oid(dotted)])
}

/// `UTCTime` until 2049, `GeneralizedTime` from 2050 on (RFC 5280, 4.1.2.5).
pub fn time(unix: u64) -> Result<Vec<u8>> {
    let when = calendar(unix)?;
    match when.year() {
        year @ 1950..=2049 => Ok(element(0x17, digits(when, &format!("{:02}", year % 100)).as_bytes())),
        _ => generalized_time(unix),
    }
}

/// `GeneralizedTime`, as timestamps have it.
pub fn generalized_time(unix: u64) -> Result<Vec<u8>> {
    let when = calendar(unix)?;
    Ok(element(0x18, digits(when, &format!("{:04}", when.year())).as_bytes()))
}

fn calendar(unix: u64) -> Result<OffsetDateTime> {
    let seconds = i64::try_from(unix).ok();
    let when = seconds.and_then(|it| OffsetDateTime::from_unix_timestamp(it).ok());
    when.ok_or_else(|| Error::new(format!("{unix} seconds is a time after the year 9999")))
}

fn digits(when: OffsetDateTime, year: &str) -> String {
    let (month, day) = (u8::from(when.month()), when.day());
    let (hour, minute, second) = when.to_hms();
    format!("{year}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
}

fn joined<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.extend_from_slice(part.as_ref());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_fewest_bytes() {
        assert_eq!(octets(&[7; 3]), [4, 3, 7, 7, 7]);
        assert_eq!(octets(&[0; 0x80])[..3], [4, 0x81, 0x80]);
        assert_eq!(octets(&[0; 0x1234])[..4], [4, 0x82, 0x12, 0x34]);
    }

    #[test]
    fn integers_are_never_negative_and_never_padded() {
        assert_eq!(number(0), [2, 1, 0]);
        assert_eq!(number(0x7f), [2, 1, 0x7f]);
        assert_eq!(number(0x80), [2, 2, 0, 0x80]);
    }

    #[test]
    fn a_set_is_sorted() {
        assert_eq!(set_of(vec![number(9), number(3)]), set_of(vec![number(3), number(9)]));
    }

    #[test]
    fn times_change_their_form_in_2050() {
        assert_eq!(time(0).unwrap(), b"\x17\x0d700101000000Z");
        assert_eq!(time(2_524_607_999).unwrap(), b"\x17\x0d491231235959Z");
        assert_eq!(time(2_524_608_000).unwrap(), b"\x18\x0f20500101000000Z");
        assert!(time(u64::MAX).is_err());
    }
}
