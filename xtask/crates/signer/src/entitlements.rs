//! Entitlements: the XML as the user wrote it, and the same in DER for newer kernels.
//!
//! DER as seen in shipped dexts: `[APPLICATION 16] { 1, [CONTEXT 16] { (key, value)… } }`, keys sorted by their bytes.

use formats::document::{
    Dict, Value,
    plist::{self, Keys, to_xml},
};

use crate::{Error, Result, asn1::write};

/// The kernel's own parser gives up far earlier; entitlements nest two or three deep.
const MAX_DEPTH: usize = 16;

/// Entitlements that the kernel's parser takes, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Entitlements {
    xml: Vec<u8>,
    values: Dict,
}

impl Entitlements {
    /// Reads a file. Refused is what the kernel's XML parser refuses at run time although every tool accepts it before.
    pub fn read(xml: &[u8]) -> Result<Self> {
        let plain = "run `plutil -convert xml1` on the file, or write it without comments";
        let refuse = |what: &str| Err(Error::new(format!("entitlements {what}")).hint(plain));
        if xml.starts_with(b"bplist") {
            return refuse("as a binary property list, which the kernel does not read");
        }
        let Ok(text) = std::str::from_utf8(xml) else { return refuse("that are not UTF-8") };
        if !text.starts_with('<') {
            return refuse("that do not start with `<` (a byte order mark, or space)");
        }
        let odd = [("<!--", "a comment"), ("<![CDATA[", "a CDATA section")];
        if let Some((_, name)) = odd.into_iter().find(|(mark, _)| text.contains(mark)) {
            return refuse(&format!("with {name}, which the kernel's parser refuses"));
        }
        let mut entities = text.split('&').skip(1);
        if let Some(odd) =
            entities.find(|it| !["amp;", "lt;", "gt;"].iter().any(|known| it.starts_with(known)))
        {
            let name = odd.split_inclusive(';').next().unwrap_or_default();
            return refuse(&format!("with the entity `&{name}`, which the kernel's parser does not know"));
        }
        let found = plist::read(xml).map_err(|it| Error::new(format!("not a property list: {it}")))?;
        if let Some(odd) = found.oddities.first() {
            return refuse(&format!("with an oddity at offset {}: {:?}", odd.offset, odd.kind));
        }
        let Value::Dict(values) = found.value else { return refuse("that are no dictionary") };
        Ok(Self { xml: xml.to_vec(), values })
    }

    /// Entitlements written from values.
    pub fn from_values(values: Dict) -> Self {
        Self { xml: to_xml(&Value::Dict(values.clone()), Keys::Sorted).into_bytes(), values }
    }

    /// The XML, byte for byte as it was read.
    pub fn xml(&self) -> &[u8] {
        &self.xml
    }

    /// What is claimed.
    pub fn values(&self) -> &Dict {
        &self.values
    }

    /// Whether `key` is claimed as true.
    pub fn is_true(&self, key: &str) -> bool {
        self.values.get(key).and_then(Value::as_bool) == Some(true)
    }

    /// The same in DER.
    pub fn der(&self) -> Result<Vec<u8>> {
        document(&self.values).map_err(|it| it.within("entitlements"))
    }
}

/// A dictionary with its version in front: the form that entitlements and constraints share.
pub(crate) fn document(values: &Dict) -> Result<Vec<u8>> {
    let body = [write::number(1), dictionary(values, 0)?].concat();
    Ok(write::element(0x70, &body))
}

fn dictionary(values: &Dict, depth: usize) -> Result<Vec<u8>> {
    let mut sorted: Vec<_> = values.iter().collect();
    sorted.sort_by_key(|(key, _)| *key);
    let mut body = Vec::new();
    for (key, value) in sorted {
        let encoded = encode(value, depth).map_err(|it| it.within(format!("`{key}`")))?;
        body.extend(write::sequence([write::utf8(key), encoded]));
    }
    Ok(write::element(0xb0, &body))
}

fn encode(value: &Value, depth: usize) -> Result<Vec<u8>> {
    if depth > MAX_DEPTH {
        return Err(Error::new(format!("values nest deeper than {MAX_DEPTH}")));
    }
    match value {
        Value::Bool(value) => Ok(write::boolean(*value)),
        Value::String(text) => Ok(write::utf8(text)),
        Value::Integer(number) => signed(*number),
        Value::Data(bytes) => Ok(write::octets(bytes)),
        Value::Array(items) => {
            let items: Result<Vec<_>> = items.iter().map(|it| encode(it, depth + 1)).collect();
            Ok(write::sequence(items?))
        }
        Value::Dict(values) => dictionary(values, depth + 1),
        _ => Err(Error::new("a value that has no form in DER")
            .hint("use true, false, text, whole numbers, lists and dictionaries")),
    }
}

/// `INTEGER` in the fewest bytes of two's complement.
fn signed(number: i128) -> Result<Vec<u8>> {
    let bytes = number.to_be_bytes();
    let redundant = |pair: &&[u8]| {
        matches!(pair, [0, next] if *next < 0x80) || matches!(pair, [0xff, next] if *next >= 0x80)
    };
    let skip = bytes.windows(2).take_while(redundant).count();
    Ok(write::element(0x02, bytes.get(skip..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(body: &str) -> Vec<u8> {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>{body}</dict></plist>\n"
        )
        .into_bytes()
    }

    #[track_caller]
    fn check(body: &str, expected: Result<&[u8], &str>) {
        match (Entitlements::read(&xml(body)).and_then(|it| it.der()), expected) {
            (Ok(der), Ok(expected)) => assert_eq!(der, expected),
            (Err(error), Err(part)) => assert!(error.what.contains(part), "{error}"),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn der_is_sorted_and_typed() {
        check("", Ok(&[0x70, 5, 2, 1, 1, 0xb0, 0]));
        check(
            "<key>b</key><integer>-1</integer><key>a</key><array><dict><key>v</key><integer>1452</integer></dict></array>",
            Ok(b"\x70\x1f\x02\x01\x01\xb0\x1a\x30\x10\x0c\x01a\x30\x0b\xb0\x09\x30\x07\x0c\x01v\x02\x02\x05\xac\x30\x06\x0c\x01b\x02\x01\xff"),
        );
        check("<key>a</key><true/>", Ok(&[0x70, 13, 2, 1, 1, 0xb0, 8, 0x30, 6, 0x0c, 1, b'a', 1, 1, 0xff]));
    }

    #[test]
    fn what_the_kernel_refuses_is_refused_here() {
        check("<!-- why --><key>a</key><true/>", Err("a comment"));
        check("<key>a</key><string>&quot;</string>", Err("`&quot;`"));
        check("<key>a</key><real>1.5</real>", Err("no form in DER"));
        assert!(Entitlements::read(b"bplist00").unwrap_err().what.contains("binary"));
        assert!(
            Entitlements::read("\u{feff}<plist/>".as_bytes()).unwrap_err().what.contains("byte order mark")
        );
        check(
            "<key>a</key><string>x &amp; y</string>",
            Ok(b"\x70\x11\x02\x01\x01\xb0\x0c\x30\x0a\x0c\x01a\x0c\x05x & y"),
        );
    }
}
