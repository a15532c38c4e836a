//! Property lists, XML and binary, read from foreign bytes.
//!
//! ```
//! use formats::document::plist;
//! let text = b"<plist><dict><key>CFBundleVersion</key><string>1.2</string></dict></plist>";
//! let found = plist::read(text).unwrap();
//! assert_eq!(found.value.get("CFBundleVersion").and_then(|it| it.as_str()), Some("1.2"));
//! ```
//! Our own reader, because small hostile files make the usual crate overflow its stack or exhaust memory.
//! What is odd but readable (a key twice, a comment, a byte order mark) is kept as an [`Oddity`]: the kernel's
//! parser for entitlements is stricter than anything in user space.

mod binary;
mod date;
mod value;
mod write;
mod xml;

#[cfg(test)]
mod tests;

pub use date::Date;
pub use value::{Dict, Value};
pub use write::{Keys, to_xml};

use std::borrow::Cow;

use crate::bytes::{Bytes, Error, Result};

/// Deepest nesting accepted. Real documents have under 10; CoreFoundation itself stops at 512.
const MAX_DEPTH: usize = 64;
/// Most values accepted, keys included. The seal of a large application has about 100,000.
const MAX_NODES: usize = 1_000_000;
/// Most bytes of text and data after expansion. A binary list may use one object many times (CoreFoundation does so for
/// equal strings and for empty containers), which is how a small file grows large.
const MAX_EXPANDED: usize = 64 << 20;
/// Oddities kept; the first ones say enough.
const MAX_ODDITIES: usize = 64;

/// A property list that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Plist {
    /// Its root.
    pub value: Value,
    /// How it was written.
    pub form: Form,
    /// What is odd about it, in file order, at most 64.
    pub oddities: Vec<Oddity>,
}

/// How a property list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text.
    Xml,
    /// `bplist00`.
    Binary,
}

/// Something readable that a strict reader takes amiss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// Offset in the document.
    pub offset: u64,
    /// What it is.
    pub kind: OddityKind,
}

/// The oddities that are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OddityKind {
    /// A key that its dictionary already has.
    DuplicateKey(String),
    /// `<!-- … -->`.
    Comment,
    /// A comment with `--` inside, which XML forbids and the kernel's parser trips over.
    CommentWithDashes,
    /// U+FEFF in front.
    ByteOrderMark,
    /// A character reference such as `&#65;`; the five named entities are ordinary.
    CharacterReference,
    /// `<![CDATA[ … ]]>`.
    Cdata,
    /// Something after the closing `</plist>` that is not white space.
    TrailingText,
}

impl std::fmt::Display for OddityKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DuplicateKey(key) => write!(f, "key `{key}` twice"),
            Self::Comment => f.write_str("a comment"),
            Self::CommentWithDashes => f.write_str("a comment with `--` inside"),
            Self::ByteOrderMark => f.write_str("a byte order mark"),
            Self::CharacterReference => f.write_str("a character reference"),
            Self::Cdata => f.write_str("a CDATA section"),
            Self::TrailingText => f.write_str("text after `</plist>`"),
        }
    }
}

/// Reads a property list of either form.
pub fn read(data: &[u8]) -> Result<Plist> {
    let mut budget = Budget::new();
    let (value, form) = if data.starts_with(b"bplist") {
        (binary::read(Bytes::new(data), &mut budget)?, Form::Binary)
    } else {
        (xml::read(data, &mut budget)?, Form::Xml)
    };
    Ok(Plist { value, form, oddities: budget.oddities })
}

/// What a document may still use, and what was odd on the way.
struct Budget {
    nodes: usize,
    expanded: usize,
    oddities: Vec<Oddity>,
}

impl Budget {
    fn new() -> Self {
        Self { nodes: MAX_NODES, expanded: MAX_EXPANDED, oddities: Vec::new() }
    }

    /// Takes one value that lies at `depth` and brings `bytes` of text or data.
    fn take(&mut self, offset: u64, depth: usize, bytes: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::new(offset, format!("nested deeper than {MAX_DEPTH}")));
        }
        let refuse = |what: Cow<'static, str>| Error::new(offset, what);
        self.nodes = self
            .nodes
            .checked_sub(1)
            .ok_or_else(|| refuse(format!("more than {MAX_NODES} values").into()))?;
        self.expanded = self
            .expanded
            .checked_sub(bytes)
            .ok_or_else(|| refuse(format!("text and data of more than {MAX_EXPANDED} bytes").into()))?;
        Ok(())
    }

    fn odd(&mut self, offset: u64, kind: OddityKind) {
        if self.oddities.len() < MAX_ODDITIES {
            self.oddities.push(Oddity { offset, kind });
        }
    }

    /// Adds an entry, noting a key that is there already. `seen` belongs to the dictionary.
    fn insert(
        &mut self,
        dict: &mut Dict,
        seen: &mut std::collections::HashSet<String>,
        at: u64,
        entry: (String, Value),
    ) {
        let (key, value) = entry;
        if !seen.insert(key.clone()) {
            self.odd(at, OddityKind::DuplicateKey(key.clone()));
        }
        dict.push(key, value);
    }
}
