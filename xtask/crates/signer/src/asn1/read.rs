//! BER and DER, read into a tree. Key files come in both: keychains export PKCS #12 with indefinite lengths.

use const_oid::ObjectIdentifier;
use zeroize::Zeroize;

use crate::{Error, Result};

/// Real key files nest about 12 deep; the tree is walked recursively, so this also bounds the stack.
const MAX_DEPTH: usize = 32;
/// Elements in one file. A PKCS #12 with ten certificates has some 200.
const MAX_ELEMENTS: usize = 10_000;

/// One element. Its bytes are wiped when it goes: it may be part of a private key.
#[derive(Clone)]
pub struct Element {
    /// The identifier byte; tags above 30 are refused, as no format here has them.
    pub tag: u8,
    /// The bytes of a primitive element; of a constructed one, all of its content as it stands.
    pub content: Vec<u8>,
    /// Elements inside a constructed one.
    pub children: Vec<Element>,
}

impl Drop for Element {
    fn drop(&mut self) {
        self.content.zeroize();
    }
}

impl Element {
    /// Reads exactly one element; `what` names it in errors.
    pub fn read(bytes: &[u8], what: &str) -> Result<Self> {
        let mut left = MAX_ELEMENTS;
        let (element, rest) = parse(bytes, 0, &mut left)
            .map_err(|fault| Error::new(format!("{what} is not ASN.1: {fault}")))?;
        if rest.is_empty() {
            Ok(element)
        } else {
            Err(Error::new(format!("{what}: {} bytes follow its end", rest.len())))
        }
    }

    /// Child `n`.
    pub fn child(&self, n: usize, what: &str) -> Result<&Element> {
        self.children.get(n).ok_or_else(|| Error::new(format!("{what} is missing")))
    }

    /// The object identifier, if it is one.
    pub fn oid(&self, what: &str) -> Result<ObjectIdentifier> {
        let oid = (self.tag == 0x06).then(|| ObjectIdentifier::from_bytes(&self.content).ok());
        oid.flatten().ok_or_else(|| Error::new(format!("{what} is not an object identifier")))
    }

    /// The bytes of an octet string, also of one in pieces (BER), whatever its tag.
    pub fn octets(&self) -> Vec<u8> {
        match self.children.is_empty() {
            true => self.content.clone(),
            false => self.children.iter().flat_map(Element::octets).collect(),
        }
    }

    /// A small unsigned number.
    pub fn number(&self, what: &str) -> Result<u32> {
        let small =
            self.tag == 0x02 && self.content.len() <= 5 && self.content.first().is_some_and(|&it| it < 0x80);
        let value = self.content.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        match u32::try_from(value) {
            Ok(value) if small => Ok(value),
            _ => Err(Error::new(format!("{what} is not a small number"))),
        }
    }

    /// The element as DER.
    pub fn der(&self) -> Vec<u8> {
        match self.tag & 0x20 {
            0 => super::write::element(self.tag, &self.content),
            _ => super::write::element(
                self.tag,
                &self.children.iter().flat_map(Element::der).collect::<Vec<u8>>(),
            ),
        }
    }
}

type Fault = &'static str;

fn parse<'a>(bytes: &'a [u8], depth: usize, left: &mut usize) -> Result<(Element, &'a [u8]), Fault> {
    if depth > MAX_DEPTH {
        return Err("it nests too deep");
    }
    *left = left.checked_sub(1).ok_or("it has too many elements")?;
    let (&tag, rest) = bytes.split_first().ok_or("it ends early")?;
    if tag & 0x1f == 0x1f {
        return Err("it has a long tag");
    }
    let constructed = tag & 0x20 != 0;
    let (&first, rest) = rest.split_first().ok_or("it ends early")?;
    if first == 0x80 {
        return if constructed {
            indefinite(tag, rest, depth, left)
        } else {
            Err("a primitive element has no length")
        };
    }
    let (len, rest) = length(first, rest)?;
    let (content, rest) = rest.split_at_checked(len).ok_or("an element is longer than the file")?;
    let mut children = Vec::new();
    let mut inside = content;
    while constructed && !inside.is_empty() {
        let (child, next) = parse(inside, depth + 1, left)?;
        children.push(child);
        inside = next;
    }
    Ok((Element { tag, content: content.to_vec(), children }, rest))
}

/// Children up to the end-of-contents marker `00 00`.
fn indefinite<'a>(
    tag: u8,
    start: &'a [u8],
    depth: usize,
    left: &mut usize,
) -> Result<(Element, &'a [u8]), Fault> {
    let mut children = Vec::new();
    let mut inside = start;
    loop {
        if let Some(rest) = inside.strip_prefix(&[0, 0]) {
            let used = start.len().saturating_sub(inside.len());
            let content = start.get(..used).ok_or("it ends early")?.to_vec();
            return Ok((Element { tag, content, children }, rest));
        }
        let (child, next) = parse(inside, depth + 1, left)?;
        children.push(child);
        inside = next;
    }
}

fn length(first: u8, rest: &[u8]) -> Result<(usize, &[u8]), Fault> {
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or("it ends early")?;
    if bytes.len() > 4 {
        return Err("a length has more than 4 bytes");
    }
    let value = bytes.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
    Ok((usize::try_from(value).map_err(|_| "an element is longer than the file")?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<&[u8], &str>) {
        match (Element::read(bytes, "it"), expected) {
            (Ok(element), Ok(der)) => assert_eq!(element.der(), der),
            (Err(error), Err(part)) => assert!(error.what.contains(part), "{error}"),
            (found, _) => panic!("{:?}", found.map(|it| it.der())),
        }
    }

    #[test]
    fn indefinite_lengths_become_definite() {
        check(&[0x30, 0x80, 2, 1, 5, 0, 0], Ok(&[0x30, 3, 2, 1, 5]));
        check(&[0x30, 3, 2, 1, 5], Ok(&[0x30, 3, 2, 1, 5]));
    }

    #[test]
    fn what_ends_early_is_refused() {
        check(&[0x30, 0x80, 2, 1, 5, 0], Err("ends early"));
        check(&[0x30, 4, 2, 1, 5], Err("longer than the file"));
        check(&[4, 0x80, 0, 0], Err("no length"));
        check(&[], Err("ends early"));
        check(&[5, 0, 0], Err("1 bytes follow"));
    }

    #[test]
    fn depth_is_bounded() {
        check(&[0x30, 0x80].repeat(10_000), Err("too deep"));
    }

    #[test]
    fn pieces_of_an_octet_string_are_joined() {
        let element = Element::read(&[0x24, 0x80, 4, 1, 7, 4, 1, 8, 0, 0], "it").unwrap();
        assert_eq!(element.octets(), [7, 8]);
    }
}
