//! XML property lists.
//!
//! Not a general XML parser: elements of property lists, comments, CDATA, a skipped declaration and document type.
//! Anything else is a fault with its offset.

use std::collections::HashSet;

use base64::{
    Engine, alphabet, engine::general_purpose::GeneralPurpose, engine::general_purpose::GeneralPurposeConfig,
};

use super::{Budget, Date, Dict, OddityKind, Value};
use crate::bytes::{Error, Result};

/// Longest `<…>` tag looked at. Document types of real files have 110 bytes.
const MAX_TAG: usize = 4096;

struct Reader<'a, 'b> {
    text: &'a str,
    at: usize,
    budget: &'b mut Budget,
}

/// A tag as it stands: `<name …>`, `</name>`, `<name …/>`.
#[derive(PartialEq)]
enum Tag<'a> {
    Open(&'a str),
    Close(&'a str),
    Empty(&'a str),
}

pub(super) fn read(data: &[u8], budget: &mut Budget) -> Result<Value> {
    if data.starts_with(&[0xfe, 0xff]) || data.starts_with(&[0xff, 0xfe]) {
        return Err(Error::new(0, "the property list is UTF-16"));
    }
    let text =
        std::str::from_utf8(data).map_err(|it| Error::new(it.valid_up_to() as u64, "text is not UTF-8"))?;
    let mut reader = Reader { text, at: 0, budget };
    if text.starts_with('\u{feff}') {
        reader.budget.odd(0, OddityKind::ByteOrderMark);
        reader.at = '\u{feff}'.len_utf8();
    }
    let start = reader.at;
    let value = match reader.tag()? {
        Tag::Open("plist") => {
            let tag = reader.tag()?;
            let value = reader.value(tag, 1)?;
            if reader.tag()? != Tag::Close("plist") {
                return Err(reader.fault("a second value, or no `</plist>`"));
            }
            value
        }
        // CoreFoundation and the kernel accept a bare value, too.
        tag @ (Tag::Open("dict" | "array") | Tag::Empty("dict" | "array")) => reader.value(tag, 1)?,
        _ => return Err(Error::new(start as u64, "not a property list")),
    };
    reader.skip_space_and_comments()?;
    if !reader.rest().trim_end_matches('\0').is_empty() {
        reader.budget.odd(reader.at as u64, OddityKind::TrailingText);
    }
    Ok(value)
}

impl<'a> Reader<'a, '_> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        Error::new(self.at as u64, what)
    }

    fn value(&mut self, tag: Tag<'a>, depth: usize) -> Result<Value> {
        let start = self.at as u64;
        if !matches!(tag, Tag::Open("string" | "data")) {
            self.budget.take(start, depth, 0)?;
        }
        Ok(match tag {
            Tag::Empty("dict") => Value::Dict(Dict::new()),
            Tag::Empty("array") => Value::Array(Vec::new()),
            Tag::Empty("string") => Value::String(String::new()),
            Tag::Empty("data") => Value::Data(Vec::new()),
            Tag::Empty("true") => Value::Bool(true),
            Tag::Empty("false") => Value::Bool(false),
            Tag::Open("true") => self.nothing("true", Value::Bool(true))?,
            Tag::Open("false") => self.nothing("false", Value::Bool(false))?,
            Tag::Open("dict") => Value::Dict(self.dict(depth)?),
            Tag::Open("array") => Value::Array(self.array(depth)?),
            Tag::Open("string") => {
                let text = self.text("string")?;
                self.budget.take(start, depth, text.len())?;
                Value::String(text)
            }
            Tag::Open("data") => {
                let data = self.data()?;
                self.budget.take(start, depth, data.len())?;
                Value::Data(data)
            }
            Tag::Open("integer") => {
                let text = self.text("integer")?;
                let found = integer(text.trim());
                Value::Integer(found.ok_or_else(|| Error::new(start, "no integer"))?)
            }
            Tag::Open("real") => {
                let text = self.text("real")?;
                Value::Real(text.trim().parse().map_err(|_| Error::new(start, "no real number"))?)
            }
            Tag::Open("date") => {
                let text = self.text("date")?;
                let found = Date::parse(text.trim());
                Value::Date(found.ok_or_else(|| Error::new(start, "no date like 2026-06-17T12:07:35Z"))?)
            }
            Tag::Open(name) | Tag::Empty(name) => {
                return Err(Error::new(start, format!("`<{}>` is no value", shorten(name))));
            }
            Tag::Close(name) => {
                return Err(Error::new(start, format!("`</{}>` where a value is due", shorten(name))));
            }
        })
    }

    fn nothing(&mut self, name: &str, value: Value) -> Result<Value> {
        if self.tag()? == Tag::Close(name) {
            Ok(value)
        } else {
            Err(self.fault(format!("`</{name}>` is missing")))
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        loop {
            match self.tag()? {
                Tag::Close("array") => return Ok(items),
                tag => items.push(self.value(tag, depth + 1)?),
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Dict> {
        let (mut dict, mut seen) = (Dict::new(), HashSet::new());
        loop {
            let start = self.at as u64;
            let key = match self.tag()? {
                Tag::Close("dict") => return Ok(dict),
                Tag::Open("key") => self.text("key")?,
                Tag::Empty("key") => String::new(),
                _ => return Err(Error::new(start, "a dictionary has something that is no key")),
            };
            self.budget.take(start, depth + 1, key.len())?;
            let tag = self.tag()?;
            let value = self.value(tag, depth + 1)?;
            self.budget.insert(&mut dict, &mut seen, start, (key, value));
        }
    }

    fn data(&mut self) -> Result<Vec<u8>> {
        let start = self.at as u64;
        let mut text = self.text("data")?;
        text.retain(|it| !it.is_ascii_whitespace());
        // Writers differ about the bits that pad the last byte; CoreFoundation does not look at them.
        let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
        let decoded = GeneralPurpose::new(&alphabet::STANDARD, config).decode(text);
        decoded.map_err(|it| Error::new(start, format!("no base64: {it}")))
    }

    /// The text up to `</name>`, entities resolved.
    fn text(&mut self, name: &str) -> Result<String> {
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let Some(next) = rest.find(['<', '&']) else {
                return Err(self.fault(format!("`</{name}>` is missing")));
            };
            let (plain, special) = rest.split_at(next);
            out.push_str(plain);
            self.at += next;
            if special.starts_with('&') {
                out.push(self.entity()?);
            } else if let Some(cdata) = special.strip_prefix("<![CDATA[") {
                let end = cdata.find("]]>").ok_or_else(|| self.fault("a CDATA section has no end"))?;
                self.budget.odd(self.at as u64, OddityKind::Cdata);
                out.push_str(cdata.get(..end).unwrap_or_default());
                self.at += "<![CDATA[".len() + end + "]]>".len();
            } else if special.starts_with("<!--") {
                self.comment()?;
            } else {
                let start = self.at;
                return match self.tag()? {
                    Tag::Close(close) if close == name => Ok(out),
                    _ => Err(Error::new(start as u64, format!("`<{name}>` holds more than text"))),
                };
            }
        }
    }

    fn entity(&mut self) -> Result<char> {
        /// Longest reference: `&#x10FFFF;`, and some leading zeros.
        const MAX_ENTITY: usize = 16;
        let rest = self.rest();
        let end = rest.bytes().take(MAX_ENTITY).position(|it| it == b';');
        let name = end.and_then(|end| rest.get(1..end)).ok_or_else(|| self.fault("`&` begins no entity"))?;
        let start = self.at as u64;
        self.at += name.len() + 2;
        let number = |digits, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        let found = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "apos" => Some('\''),
            "quot" => Some('"'),
            _ => {
                self.budget.odd(start, OddityKind::CharacterReference);
                if let Some(hex) = name.strip_prefix("#x") {
                    number(hex, 16)
                } else {
                    name.strip_prefix('#').and_then(|it| number(it, 10))
                }
            }
        };
        found.ok_or_else(|| Error::new(start, "an unknown entity"))
    }

    /// The next tag; what may stand between tags is skipped.
    fn tag(&mut self) -> Result<Tag<'a>> {
        self.skip_space_and_comments()?;
        let rest = self.rest();
        let Some(inside) = rest.strip_prefix('<') else {
            return Err(self.fault(if rest.is_empty() {
                "the property list is cut off"
            } else {
                "text outside a value"
            }));
        };
        let end = inside.bytes().take(MAX_TAG).position(|it| it == b'>');
        let body = end.and_then(|end| inside.get(..end)).ok_or_else(|| self.fault("a tag has no end"))?;
        self.at += body.len() + 2;
        let name = |it: &'a str| it.split(|it: char| it.is_ascii_whitespace()).next().unwrap_or_default();
        Ok(if let Some(close) = body.strip_prefix('/') {
            Tag::Close(close.trim_end())
        } else if let Some(empty) = body.strip_suffix('/') {
            Tag::Empty(name(empty))
        } else {
            Tag::Open(name(body))
        })
    }

    fn skip_space_and_comments(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            let rest = self.rest();
            if rest.starts_with("<!--") {
                self.comment()?;
            } else if rest.starts_with("<?") {
                let end = rest.find("?>").ok_or_else(|| self.fault("a processing instruction has no end"))?;
                self.at += end + 2;
            } else if rest.starts_with("<!DOCTYPE") {
                let end = rest.bytes().take(MAX_TAG).position(|it| it == b'>' || it == b'[');
                match end.and_then(|it| rest.get(it..=it)) {
                    Some(">") => self.at += end.unwrap_or_default() + 1,
                    // Entities of one's own are how XML bombs are made; no property list has them.
                    Some(_) => return Err(self.fault("a document type with declarations of its own")),
                    None => return Err(self.fault("the document type has no end")),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn comment(&mut self) -> Result<()> {
        let body = self.rest().strip_prefix("<!--").unwrap_or_default();
        let end = body.find("-->").ok_or_else(|| self.fault("a comment has no end"))?;
        let has_dashes = body.get(..end).is_some_and(|it| it.contains("--"));
        let kind = if has_dashes { OddityKind::CommentWithDashes } else { OddityKind::Comment };
        self.budget.odd(self.at as u64, kind);
        self.at += "<!--".len() + end + "-->".len();
        Ok(())
    }
}

/// Decimal or `0x` hexadecimal, with a sign, as CoreFoundation reads it.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None if digits.bytes().all(|it| it.is_ascii_digit()) => digits.parse().ok()?,
        None => return None,
    };
    Some(if negative { -i128::from(value) } else { value.into() })
}

fn shorten(name: &str) -> String {
    name.chars().take(32).collect()
}
