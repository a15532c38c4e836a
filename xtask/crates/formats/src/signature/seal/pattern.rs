//! POSIX extended patterns of seal rules, made into what our matcher understands.
//!
//! Security compiles them with `regcomp(REG_EXTENDED)`. The two languages differ where a backslash stands: POSIX takes
//! the next character as it is outside of brackets, and the backslash itself inside of them.

use std::{iter::Peekable, str::Chars};

use regex::bytes::{Regex, RegexBuilder};

use crate::bytes::{Error, Result};

/// The longest default pattern has 117 characters.
const MAX_PATTERN: usize = 4096;
/// Memory for one compiled pattern; the default ones take some 10 KB.
const MAX_COMPILED: usize = 1 << 20;

/// Compiles `pattern`; too long, too large or malformed ones are refused.
pub(super) fn compile(pattern: &str) -> Result<Regex> {
    let refuse = |why: &str| Error::new(0, format!("rule `{}`: {why}", pattern.escape_debug()));
    if pattern.len() > MAX_PATTERN {
        return Err(Error::new(0, "rule of more than 4096 bytes"));
    }
    let translated = translate(pattern).ok_or_else(|| refuse("pattern is malformed"))?;
    let compiled = RegexBuilder::new(&translated)
        .unicode(false)
        .dot_matches_new_line(true)
        .size_limit(MAX_COMPILED)
        .build();
    compiled.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => refuse("pattern is too large"),
        _ => refuse("pattern is malformed"),
    })
}

fn translate(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = pattern.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\\' => literal(&mut out, rest.next()?),
            '[' => bracket(&mut out, &mut rest)?,
            // `(?` begins a group with flags in our matcher and is an error in POSIX.
            '(' if rest.peek() == Some(&'?') => return None,
            '(' | ')' | '|' | '*' | '+' | '?' | '.' | '^' | '$' | '{' | '}' => out.push(next),
            _ => literal(&mut out, next),
        }
    }
    Some(out)
}

fn literal(out: &mut String, character: char) {
    out.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
}

/// A bracket expression, after its `[`.
fn bracket(out: &mut String, rest: &mut Peekable<Chars<'_>>) -> Option<()> {
    out.push('[');
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut is_first = true;
    loop {
        match rest.next()? {
            ']' if !is_first => break,
            '[' if matches!(rest.peek(), Some(':')) => class(out, rest)?,
            // Collating symbols and equivalence classes: never seen.
            '[' if matches!(rest.peek(), Some('.' | '=')) => return None,
            '-' if !is_first && rest.peek() != Some(&']') => out.push('-'),
            // Among several bytes of one character our matcher would choose a single one.
            character if !character.is_ascii() => return None,
            character => literal(out, character),
        }
        is_first = false;
    }
    out.push(']');
    Some(())
}

/// `[:alpha:]`, after its first `[`.
fn class(out: &mut String, rest: &mut Peekable<Chars<'_>>) -> Option<()> {
    out.push('[');
    loop {
        match rest.next()? {
            ']' => break,
            character @ (':' | 'a'..='z') => out.push(character),
            _ => return None,
        }
    }
    out.push(']');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, hits: &[&str], misses: &[&str]) {
        let compiled = compile(pattern).unwrap();
        for hit in hits {
            assert!(compiled.is_match(hit.as_bytes()), "{pattern} should match {hit}");
        }
        for miss in misses {
            assert!(!compiled.is_match(miss.as_bytes()), "{pattern} should not match {miss}");
        }
    }

    #[test]
    fn default_patterns_mean_what_they_mean_to_posix() {
        check(r"^(.*/)?\.DS_Store$", &[".DS_Store", "a/.DS_Store"], &["a.DS_Store", ".DS_Storex"]);
        check(r"^[^/]+$", &["PkgInfo", "a\nb"], &["a/b", ""]);
        check(r".*\.dSYM($|/)", &["a.dSYM", "x/a.dSYM/b"], &["a.dSYMs"]);
        check(r"^version.plist$", &["version.plist", "versionXplist"], &["aversion.plist"]);
    }

    #[test]
    fn a_backslash_is_an_escape_outside_of_brackets_and_itself_inside() {
        check(r"^\d$", &["d"], &["1", r"\d"]);
        check(r"^[\d]$", &["d", r"\"], &["1"]);
        check(r"^\$\{x\}\\$", &[r"${x}\"], &["x"]);
    }

    #[test]
    fn brackets_keep_posix_rules() {
        check("^[]a]$", &["]", "a"], &["b"]);
        check("^[^]a]$", &["b"], &["]", "a"]);
        check("^[a-c-]$", &["b", "-"], &["d"]);
        check("^[[:digit:]x]+$", &["1x2"], &["y", ":"]);
        check("^[a&&b]$", &["a", "&", "b"], &["c"]);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["(", "[a", r"a\", "(?i)a", "[[.a.]]", "a{100000}", "((a{1000}){1000}){9}"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
        assert!(compile(&"a".repeat(MAX_PATTERN + 1)).is_err());
    }
}
