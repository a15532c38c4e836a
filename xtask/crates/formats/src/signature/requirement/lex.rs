//! Words of the requirement language.

use crate::bytes::{Error, Result};

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A bare word: keyword, or text such as `com.example`.
    Word(String),
    /// `"text"`, without its quotes.
    Text(Vec<u8>),
    /// `H"0123…"`.
    Hash(Vec<u8>),
    /// `0x0123…`.
    Hex(Vec<u8>),
    /// `<2019-06-01 00:00:00 +0000>`, as it is printed.
    Moment(String),
    /// Decimal digits.
    Integer(String),
    /// `( ) [ ] = == ~ < > <= >= * ! - ; => /…`.
    Sign(&'static str),
}

/// A token and where it starts.
pub(super) type Placed = (usize, Token);

/// Longest first.
const SIGNS: &[&str] = &["=>", "==", "<=", ">=", "(", ")", "[", "]", "=", "~", "<", ">", "*", "!", "-", ";"];

/// All words of `text`, comments left out.
pub(super) fn words(text: &str) -> Result<Vec<Placed>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|it| !it.is_empty()) {
        let (len, token) = word(rest).map_err(|it| it.shifted(at as u64))?;
        found.extend(token.map(|it| (at, it)));
        at += len;
    }
    Ok(found)
}

/// The first word of `rest`, or space or comment, and its length.
fn word(rest: &str) -> Result<(usize, Option<Token>)> {
    let first = rest.chars().next().unwrap_or(' ');
    if first.is_ascii_whitespace() {
        return Ok((1, None));
    }
    let to_end = |it: &str| it.find('\n').unwrap_or(it.len());
    if first == '#' || rest.starts_with("//") {
        return Ok((to_end(rest), None));
    }
    if rest.starts_with("/*") {
        let end = rest.get(2..).and_then(|it| it.find("*/"));
        return Ok((end.ok_or_else(|| Error::new(0, "comment has no end"))? + 4, None));
    }
    if let Some(inside) = rest.strip_prefix('"') {
        let (len, text) = quoted(inside)?;
        return Ok((1 + len, Some(Token::Text(text))));
    }
    if let Some(inside) = rest.strip_prefix("H\"") {
        let digits = run(inside, |it| it.is_ascii_hexdigit());
        if inside.get(digits.len()..).is_none_or(|it| !it.starts_with('"')) {
            return Err(Error::new(0, "hash has no end"));
        }
        return Ok((digits.len() + 3, Some(Token::Hash(bytes(digits)?))));
    }
    if let Some(inside) = rest.strip_prefix("0x") {
        let digits = run(inside, |it| it.is_ascii_hexdigit());
        return Ok((digits.len() + 2, Some(Token::Hex(bytes(digits)?))));
    }
    if first.is_ascii_digit() {
        let digits = run(rest, |it| it.is_ascii_digit());
        return Ok((digits.len(), Some(Token::Integer(digits.to_owned()))));
    }
    if first.is_ascii_alphabetic() {
        let word = run(rest, |it| it.is_ascii_alphanumeric() || it == '.');
        let is_sound = word.split('.').all(|it| !it.is_empty());
        return match is_sound {
            true => Ok((word.len(), Some(Token::Word(word.to_owned())))),
            false => Err(Error::new(0, format!("`{word}` needs quotes"))),
        };
    }
    if let Some(inside) = rest.strip_prefix('<').filter(|it| it.starts_with(|it: char| it.is_ascii_digit())) {
        let moment = run(inside, |it| it.is_ascii_digit() || " -:+".contains(it));
        if moment.contains(' ') && inside.get(moment.len()..).is_some_and(|it| it.starts_with('>')) {
            return Ok((moment.len() + 2, Some(Token::Moment(moment.to_owned()))));
        }
    }
    match SIGNS.iter().find(|it| rest.starts_with(**it)) {
        Some(sign) => Ok((sign.len(), Some(Token::Sign(sign)))),
        None => Err(Error::new(0, format!("`{}` means nothing here", first.escape_debug()))),
    }
}

/// A quoted text after its first quote; a backslash takes the next character as it is.
fn quoted(inside: &str) -> Result<(usize, Vec<u8>)> {
    let mut text = Vec::new();
    let mut bytes = inside.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Ok((at + 1, text)),
            b'\\' => text.extend(bytes.next().map(|it| it.1)),
            _ => text.push(byte),
        }
    }
    Err(Error::new(0, "text has no end"))
}

fn run(rest: &str, is_part: impl Fn(char) -> bool) -> &str {
    let len = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
    rest.get(..len).unwrap_or_default()
}

fn bytes(digits: &str) -> Result<Vec<u8>> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return Err(Error::new(0, "hexadecimal digits come in pairs"));
    }
    let nibble = |it: u8| char::from(it).to_digit(16).unwrap_or(0) as u8;
    Ok(digits.as_bytes().chunks_exact(2).map(|it| nibble(it[0]) << 4 | nibble(it[1])).collect())
}
