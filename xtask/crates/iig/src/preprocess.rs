//! The part of the C preprocessor that interface files need: conditions, includes, plain constants.
//!
//! The result has the same length as the input: comments, directives and inactive lines become spaces, so every offset and line still points into the
//! file a person wrote. Macros are not expanded; the attributes are known by name (see `parse`).

use crate::{
    condition::{evaluate, is_word},
    error::Error,
};
use std::collections::BTreeMap;

/// An `#include` that is active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The including file, as it was named to us.
    pub from: String,
    /// What stands between the quotes or angle brackets.
    pub path: String,
    /// `"…"`: looked for beside the including file first.
    pub quoted: bool,
    /// Its line.
    pub line: usize,
}

/// Macros with their text; one without a value is 1.
pub(crate) type Defines = BTreeMap<String, String>;

/// An interface file, blanked down to its active declarations.
#[derive(Debug)]
pub(crate) struct Blanked {
    /// As long as the input.
    pub(crate) text: String,
    /// Lines between `@iig implementation` and `@iig end`, which go to the top of the `.iig.cpp`.
    pub(crate) implementation: Vec<String>,
}

/// Interface files are a few thousand bytes; the largest of Apple's has 30 KB.
const MAX_BYTES: usize = 4 << 20;
/// Headers nest conditions three or four deep.
const MAX_NESTING: usize = 64;

/// Blanks `text`. `include` is called for each active inclusion, at its place, with the macros defined so far.
pub(crate) fn blank(
    file: &str,
    text: &str,
    defines: &mut Defines,
    include: &mut dyn FnMut(Inclusion, &mut Defines) -> Result<(), Error>,
) -> Result<Blanked, Error> {
    if text.len() > MAX_BYTES {
        return Err(Error::new(file, 0, format!("the file has {} bytes, more than {MAX_BYTES}", text.len())));
    }
    let (uncommented, comments) = without_comments(file, text)?;
    let mut out = String::with_capacity(text.len());
    let mut conditions: Vec<Condition> = Vec::new();
    let mut lines = uncommented.split_inclusive('\n').enumerate();
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        let active = conditions.iter().all(|it| it.active);
        let Some(directive) = line.trim_start().strip_prefix('#') else {
            if active {
                out.push_str(line)
            } else {
                push_blank(&mut out, line)
            }
            continue;
        };
        push_blank(&mut out, line);
        let mut whole = directive.trim_end().to_string();
        while whole.ends_with('\\') {
            whole.pop();
            let Some((_, more)) = lines.next() else { break };
            push_blank(&mut out, more);
            whole.push_str(more.trim_end());
        }
        Directive { file, number, active, conditions: &mut conditions, defines, include }
            .follow(whole.trim())?;
    }
    if let Some(open) = conditions.last() {
        return Err(Error::new(file, open.line, "this `#if` has no `#endif`"));
    }
    Ok(Blanked { text: out, implementation: implementation_lines(file, &comments)? })
}

/// One `#if` and what is known of it.
struct Condition {
    line: usize,
    active: bool,
    /// One of its branches has been taken.
    taken: bool,
    has_else: bool,
}

struct Directive<'a> {
    file: &'a str,
    number: usize,
    active: bool,
    conditions: &'a mut Vec<Condition>,
    defines: &'a mut Defines,
    include: &'a mut dyn FnMut(Inclusion, &mut Defines) -> Result<(), Error>,
}

impl Directive<'_> {
    fn follow(&mut self, text: &str) -> Result<(), Error> {
        let (word, rest) =
            text.split_at(text.find(|it: char| !it.is_ascii_alphabetic()).unwrap_or(text.len()));
        let rest = rest.trim();
        match word {
            "if" => {
                // An inactive condition is not evaluated: it may say what only a compiler understands.
                let value = self.active && self.value(rest)?;
                self.open(value)
            }
            "ifdef" => self.open(self.defines.contains_key(rest)),
            "ifndef" => self.open(!self.defines.contains_key(rest)),
            "elif" => {
                let outer = self.conditions.iter().rev().skip(1).all(|it| it.active);
                let taken = self.conditions.last().is_none_or(|it| it.taken);
                let value = outer && !taken && self.value(rest)?;
                let condition = self.last("#elif")?;
                condition.active = value;
                condition.taken |= value;
                Ok(())
            }
            "else" => {
                let (file, number) = (self.file.to_string(), self.number);
                let condition = self.last("#else")?;
                if std::mem::replace(&mut condition.has_else, true) {
                    return Err(Error::new(&file, number, "a second `#else`"));
                }
                condition.active = !condition.taken;
                condition.taken = true;
                Ok(())
            }
            "endif" => self.conditions.pop().map(|_| ()).ok_or_else(|| self.error("`#endif` without `#if`")),
            _ if !self.active => Ok(()),
            "include" | "import" => self.include(rest),
            "define" => {
                let end = rest.find(|it: char| !is_word(it)).unwrap_or(rest.len());
                let (name, value) = rest.split_at(end);
                // A macro with parameters cannot be a constant; that it exists is all we keep.
                let value = if value.starts_with('(') { "" } else { value.trim() };
                self.defines.insert(name.to_string(), value.to_string());
                Ok(())
            }
            "undef" => {
                self.defines.remove(rest);
                Ok(())
            }
            "error" => Err(self.error(&format!("#error {rest}"))),
            // `#pragma`, `#warning`, `#line` and the empty directive say nothing to us.
            _ => Ok(()),
        }
    }

    fn open(&mut self, active: bool) -> Result<(), Error> {
        if self.conditions.len() >= MAX_NESTING {
            return Err(self.error("conditions nest too deeply"));
        }
        self.conditions.push(Condition { line: self.number, active, taken: active, has_else: false });
        Ok(())
    }

    fn last(&mut self, what: &str) -> Result<&mut Condition, Error> {
        let error = self.error(&format!("`{what}` without `#if`"));
        self.conditions.last_mut().ok_or(error)
    }

    fn include(&mut self, rest: &str) -> Result<(), Error> {
        let named = |open: char, close: char| {
            rest.strip_prefix(open).and_then(|it| it.split_once(close)).map(|(path, _)| path.to_string())
        };
        let inclusion =
            |path, quoted| Inclusion { from: self.file.to_string(), path, quoted, line: self.number };
        let inclusion = match (named('<', '>'), named('"', '"')) {
            (Some(path), _) => inclusion(path, false),
            (None, Some(path)) => inclusion(path, true),
            (None, None) => return Err(self.error("`#include` names no file")),
        };
        (self.include)(inclusion, self.defines)
    }

    fn value(&self, expression: &str) -> Result<bool, Error> {
        evaluate(expression, self.defines)
            .map(|it| it != 0)
            .map_err(|message| self.error(&format!("condition `{expression}`: {message}")))
    }

    fn error(&self, message: &str) -> Error {
        Error::new(self.file, self.number, message)
    }
}

/// Blanks comments, keeps strings; returns the comments with their lines.
fn without_comments(file: &str, text: &str) -> Result<(String, Vec<(usize, String)>), Error> {
    let mut out = String::with_capacity(text.len());
    let mut comments = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            // `/*/` does not close itself, so the end is looked for behind the two bytes of the start.
            let close = rest.get(2..).and_then(|it| it.find("*/")).map(|it| it + 4);
            close.ok_or_else(|| Error::new(file, line, "this comment is not closed"))?
        } else {
            let length = match first {
                '"' | '\'' => literal(rest, first)
                    .ok_or_else(|| Error::new(file, line, "this literal is not closed"))?,
                _ => first.len_utf8(),
            };
            let (kept, after) = rest.split_at(length);
            out.push_str(kept);
            line += kept.matches('\n').count();
            rest = after;
            continue;
        };
        let (comment, after) = rest.split_at(length);
        push_blank(&mut out, comment);
        comments.push((line, comment.to_string()));
        line += comment.matches('\n').count();
        rest = after;
    }
    Ok((out, comments))
}

/// Length of a string or character literal on one line, quotes included.
fn literal(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, it) in text.char_indices().skip(1) {
        match it {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return None,
            _ if it == quote => return Some(at + it.len_utf8()),
            _ => {}
        }
    }
    None
}

fn implementation_lines(file: &str, comments: &[(usize, String)]) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for (line, comment) in comments {
        let mut inside = None;
        for (offset, text) in comment.lines().enumerate() {
            match text.trim() {
                "@iig implementation" => inside = Some(line + offset),
                "@iig end" => inside = None,
                text if inside.is_some() => found.push(text.to_string()),
                _ => {}
            }
        }
        if let Some(open) = inside {
            return Err(Error::new(file, open, "`@iig implementation` has no `@iig end`"));
        }
    }
    Ok(found)
}

/// As many spaces as `text` has bytes; line ends stay.
fn push_blank(out: &mut String, text: &str) {
    out.extend(text.bytes().map(|it| if it == b'\n' { '\n' } else { ' ' }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let mut defines =
            Defines::from([("__IIG".to_string(), "1".to_string()), ("TEN".to_string(), "10".to_string())]);
        let blanked = blank("x.iig", text, &mut defines, &mut |_, _| Ok(()));
        match (&blanked, expected) {
            (Ok(blanked), Ok(expected)) => {
                assert_eq!(blanked.text.len(), text.len());
                assert_eq!(blanked.text.split_whitespace().collect::<Vec<_>>().join(" "), expected);
            }
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
            _ => panic!("{blanked:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn active_lines_stay_and_inactive_ones_go() {
        check("#if __IIG\nyes\n#else\nno\n#endif\n", Ok("yes"));
        check("#if !__IIG\nno\n#elif TEN == 10\nyes\n#elif 1\nno\n#else\nno\n#endif", Ok("yes"));
        check("#ifdef NONE\nno\n#if 1\nno\n#endif\n#endif\nyes", Ok("yes"));
        check("#ifndef NONE\nyes\n#endif", Ok("yes"));
        check(
            "#if defined(TEN) && !defined NONE && (TEN << 1) == 20 && 0x10ULL == 020\nyes\n#endif",
            Ok("yes"),
        );
        check("#if __has_attribute(anything) || KERNEL\nno\n#endif\nyes", Ok("yes"));
    }

    #[test]
    fn an_inactive_condition_is_not_evaluated() {
        check("#if 0\n#if @\n#endif\n#endif\nyes", Ok("yes"));
        check("#if @\n#endif", Err("x.iig:1: condition `@`: a value is missing"));
    }

    #[test]
    fn comments_go_and_strings_stay() {
        check("a /* b\n c */ d // e\n\"/* f */\" '\"'", Ok("a d \"/* f */\" '\"'"));
        check("a /*/ b */ c", Ok("a c"));
        check("é // ü\nx", Ok("é x"));
        check("/* ü", Err("x.iig:1: this comment is not closed"));
        check("\n\"abc\n\"", Err("x.iig:2: this literal is not closed"));
    }

    #[test]
    fn unbalanced_conditions_are_refused() {
        check("\n#if 1\n", Err("x.iig:2: this `#if` has no `#endif`"));
        check("#endif", Err("x.iig:1: `#endif` without `#if`"));
        check("#else", Err("x.iig:1: `#else` without `#if`"));
        check("#if 1\n#else\n#else\n#endif", Err("x.iig:3: a second `#else`"));
        check(&"#if 1\n".repeat(65), Err("x.iig:65: conditions nest too deeply"));
    }

    #[test]
    fn a_directive_may_span_lines() {
        check("#define A \\\n 1\n#if A\nyes\n#endif", Ok("yes"));
        check("#define F(x) \\\n x x\nyes", Ok("yes"));
        check("#define A A\n#if A\n#endif", Err("x.iig:2: condition `A`: it nests too deeply"));
    }

    #[test]
    fn arithmetic_that_cannot_be_done_is_refused() {
        check("#if 1 / 0\n#endif", Err("x.iig:1: condition `1 / 0`: it divides by zero"));
        check("#if 1 << 64\n#endif", Err("x.iig:1: condition `1 << 64`: it overflows"));
        check(
            &format!("#if {}1\n#endif", "(".repeat(100)),
            Err(&format!("x.iig:1: condition `{}1`: it nests too deeply", "(".repeat(100))),
        );
    }

    #[test]
    fn implementation_lines_are_collected() {
        let text = "/*!\n@iig implementation\n#include <A/B.h>\n@iig end\n*/\n";
        let blanked = blank("x.iig", text, &mut Defines::new(), &mut |_, _| Ok(())).unwrap();
        assert_eq!(blanked.implementation, ["#include <A/B.h>"]);
    }
}
