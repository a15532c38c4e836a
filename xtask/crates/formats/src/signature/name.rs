//! Names in certificates.

use std::fmt;

use super::tlv::{Element, Elements, OID, SEQUENCE, SET};
use crate::bytes::Result;

/// `subject.CN` and its siblings: the keys of the requirement language and their object identifiers.
///
/// Collective attributes (`C-O` …) are the attribute's own identifier with a final `.1` (X.520).
pub const SUBJECT_KEYS: &[(&str, &str)] = &[
    ("C", "2.5.4.6"),
    ("CN", "2.5.4.3"),
    ("D", "2.5.4.13"),
    ("L", "2.5.4.7"),
    ("O", "2.5.4.10"),
    ("C-O", "2.5.4.10.1"),
    ("OU", "2.5.4.11"),
    ("C-OU", "2.5.4.11.1"),
    ("ST", "2.5.4.8"),
    ("C-ST", "2.5.4.8.1"),
    ("STREET", "2.5.4.9"),
    ("C-STREET", "2.5.4.9.1"),
    ("UID", "0.9.2342.19200300.100.1.1"),
];

/// A distinguished name: attributes in their order, and the bytes by which names are compared.
#[derive(Clone, PartialEq, Eq)]
pub struct Name {
    /// Object identifier and text of each attribute. What is not UTF-8 is read as Latin-1 or UTF-16.
    pub attributes: Vec<(String, String)>,
    der: Vec<u8>,
}

impl Name {
    pub(crate) fn parse(element: Element<'_>) -> Result<Self> {
        let mut attributes = Vec::new();
        for set in element.expect(SEQUENCE, "name")?.inside() {
            for pair in set?.expect(SET, "part of a name")?.inside() {
                let mut pair = pair?.expect(SEQUENCE, "attribute of a name")?.inside();
                let oid = pair.need(OID, "attribute type")?.oid()?;
                let value = pair.any()?.ok_or_else(|| pair.missing("attribute value"))?;
                attributes.push((oid, text(value)));
            }
        }
        Ok(Self { attributes, der: element.whole.as_slice().to_vec() })
    }

    /// The last attribute with object identifier `oid` (Security takes the last, too, where there are several).
    pub fn get(&self, oid: &str) -> Option<&str> {
        self.attributes.iter().rev().find(|it| it.0 == oid).map(|it| it.1.as_str())
    }

    /// CN.
    pub fn common_name(&self) -> Option<&str> {
        self.get("2.5.4.3")
    }

    /// O.
    pub fn organization(&self) -> Option<&str> {
        self.get("2.5.4.10")
    }

    /// OU: in a developer's certificate the team identifier.
    pub fn organizational_unit(&self) -> Option<&str> {
        self.get("2.5.4.11")
    }

    /// The name in DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }
}

/// `CN=…, OU=…`, identifiers without a short name with dots.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (oid, value)) in self.attributes.iter().enumerate() {
            let known = SUBJECT_KEYS.iter().find(|it| it.1 == oid);
            let key = known.map_or(oid.as_str(), |it| it.0);
            let comma = if n > 0 { ", " } else { "" };
            write!(f, "{comma}{key}={value}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

/// Whatever kind of string it is.
fn text(value: Element<'_>) -> String {
    const BMP_STRING: u8 = 0x1e;
    let bytes = value.content.as_slice();
    if value.tag == BMP_STRING {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|it| u16::from_be_bytes([it[0], it[1]])).collect();
        return String::from_utf16_lossy(&units);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// The names (e-mail addresses) in a GeneralNames value.
pub(crate) fn emails(general_names: Element<'_>) -> Result<Vec<String>> {
    const RFC822: u8 = 0x81;
    let names: Vec<Element<'_>> = Elements::of(general_names.content).collect::<Result<_>>()?;
    Ok(names.into_iter().filter(|it| it.tag == RFC822).map(text).collect())
}
