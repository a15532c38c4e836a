//! From tokens to declarations: classes in full, of everything else only what classes need.

mod method;

use crate::{
    error::Error,
    lex::{Kind, Token},
    model::{ArrayType, Class, Declarations},
};

/// How strictly a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// The file a person generates from: what is not understood is their mistake.
    Own,
    /// An included interface: an attribute we do not know is passed over, for SDKs grow.
    Included,
    /// A plain header: only constants, array types and class names are picked up; whatever else it holds is a compiler's affair.
    Plain,
}

/// Namespaces and `extern "C"` blocks nest two or three deep.
const MAX_NESTING: usize = 64;

/// The largest class of DriverKit has some sixty.
const MAX_METHODS: usize = 4096;

/// Reads the declarations of one file.
pub(crate) fn declarations(
    file: &str,
    tokens: &[Token<'_>],
    strictness: Strictness,
) -> Result<Declarations, Error> {
    let mut parser = Parser { file, tokens, at: 0, strictness, found: Declarations::default(), depth: 0 };
    while parser.peek().is_some() {
        parser.item()?;
    }
    Ok(parser.found)
}

struct Parser<'a> {
    file: &'a str,
    tokens: &'a [Token<'a>],
    at: usize,
    strictness: Strictness,
    found: Declarations,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.peek().is_some_and(|it| it.text == text);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, text: &str) -> Result<Token<'a>, Error> {
        match self.next() {
            Some(token) if token.text == text => Ok(token),
            Some(token) => Err(self.error(token.line, format!("expected `{text}`, found `{}`", token.text))),
            None => {
                Err(self.error(self.last_line(), format!("expected `{text}`, found the end of the file")))
            }
        }
    }

    fn word(&mut self, what: &str) -> Result<Token<'a>, Error> {
        match self.next() {
            Some(token) if token.kind == Kind::Word => Ok(token),
            Some(token) => Err(self.error(token.line, format!("expected {what}, found `{}`", token.text))),
            None => Err(self.error(self.last_line(), format!("expected {what}, found the end of the file"))),
        }
    }

    fn last_line(&self) -> usize {
        self.tokens.last().map_or(0, |it| it.line)
    }

    fn error(&self, line: usize, message: impl Into<String>) -> Error {
        Error::new(self.file, line, message)
    }

    /// One declaration at file level.
    fn item(&mut self) -> Result<(), Error> {
        let Some(token) = self.peek() else { return Ok(()) };
        match token.text {
            "class" => self.class(),
            "typedef" => self.typedef(),
            "enum" => self.enumeration(),
            "extern" if self.tokens.get(self.at + 1).is_some_and(|it| it.kind == Kind::Literal) => {
                self.at += 2;
                // What is inside the braces is at file level for us; its `}` comes by itself.
                if self.eat("{") {
                    self.enter(token.line)?;
                }
                Ok(())
            }
            "}" => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                Ok(())
            }
            _ => self.skip(),
        }
    }

    fn enter(&mut self, line: usize) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > MAX_NESTING { Err(self.error(line, "blocks nest too deeply")) } else { Ok(()) }
    }

    /// Passes over a declaration: up to `;`, or over a body and what follows it.
    fn skip(&mut self) -> Result<(), Error> {
        while let Some(token) = self.next() {
            match token.text {
                ";" => return Ok(()),
                "{" => {
                    self.at -= 1;
                    self.balanced("{", "}")?;
                    // `struct X { … } x;` goes on, `void f() { … }` has ended.
                    let goes_on = self.peek().is_some_and(|it| {
                        matches!(it.text, ";" | "__attribute__" | "*" | ",") || it.text == "IIG_SERIALIZABLE"
                    });
                    if !goes_on && self.tokens.get(self.at + 1).is_none_or(|it| it.text != ";") {
                        return Ok(());
                    }
                }
                "(" => {
                    self.at -= 1;
                    self.balanced("(", ")")?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The tokens between a bracket and its partner.
    fn balanced(&mut self, open: &str, close: &str) -> Result<&'a [Token<'a>], Error> {
        let first = self.expect(open)?;
        let start = self.at;
        let mut depth = 1_usize;
        while let Some(token) = self.next() {
            if token.text == open {
                depth += 1;
            } else if token.text == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(self.tokens.get(start..self.at - 1).unwrap_or(&[]));
                }
            }
        }
        Err(self.error(first.line, format!("this `{open}` has no `{close}`")))
    }

    fn typedef(&mut self) -> Result<(), Error> {
        let start = self.at;
        self.skip()?;
        let all = self.tokens.get(start + 1..self.at.saturating_sub(1)).unwrap_or(&[]);
        // `typedef T Name[N]`
        let Some(open) = all.iter().position(|it| it.text == "[") else { return Ok(()) };
        let is_simple = all.iter().all(|it| !matches!(it.text, "(" | "{" | "^"));
        if let (true, Some((name, words)), Some(("]", length))) = (
            is_simple,
            all.get(..open).and_then(|it| it.split_last()),
            all.get(open + 1..).and_then(|it| it.split_last()).map(|(close, length)| (close.text, length)),
        ) {
            let element = self.type_of(words, name.line)?;
            self.found.arrays.push((name.text.to_string(), ArrayType { element, length: joined(length) }));
        }
        Ok(())
    }

    fn enumeration(&mut self) -> Result<(), Error> {
        let start = self.at;
        while self.peek().is_some_and(|it| !matches!(it.text, "{" | ";" | "(")) {
            self.at += 1;
        }
        if self.peek().is_none_or(|it| it.text != "{") {
            self.at = start;
            return self.skip();
        }
        let body = self.balanced("{", "}")?;
        for enumerator in split(body, ",") {
            let Some((name, value)) = enumerator.split_first() else { continue };
            let value =
                value.split_first().filter(|(equals, _)| equals.text == "=").map(|(_, value)| joined(value));
            self.found.enumerators.push((name.text.to_string(), value));
        }
        self.skip()
    }

    fn class(&mut self) -> Result<(), Error> {
        let keyword = self.expect("class")?;
        let mut class = Class {
            name: String::new(),
            base: None,
            extends: None,
            kernel: false,
            native: false,
            local_only: false,
            methods: Vec::new(),
            file: self.file.to_string(),
            line: keyword.line,
            bytes: keyword.start..keyword.end(),
        };
        let mut serializable = false;
        loop {
            let token = self.word("a class name")?;
            match token.text {
                "KERNEL" | "IIG_KERNEL" => class.kernel = true,
                "NATIVE" | "IIG_NATIVE" => class.native = true,
                "IIG_SERIALIZABLE" => serializable = true,
                "LOCALONLY" | "IIG_LOCALONLY" => class.local_only = true,
                "IIG_CONCRETE" | "LOCAL" | "REMOTE" => {}
                "EXTENDS" | "IIG_EXTENDS" => class.extends = Some(joined(self.balanced("(", ")")?)),
                "__attribute__" => {
                    self.balanced("(", ")")?;
                }
                name => {
                    let goes_on =
                        self.peek().is_some_and(|it| it.kind == Kind::Word && !matches!(it.text, "final"));
                    if !goes_on {
                        class.name = name.to_string();
                        break;
                    }
                    if self.strictness == Strictness::Own {
                        return Err(self
                            .error(token.line, format!("`{name}` is no attribute of a class that we know")));
                    }
                }
            }
        }
        self.eat("final");
        if self.eat(";") {
            self.found.forward.push((class.name, serializable));
            return Ok(());
        }
        if self.strictness == Strictness::Plain {
            self.found.forward.push((class.name, serializable));
            return self.skip();
        }
        if self.eat(":") {
            class.base = Some(self.base()?);
        }
        let body_line = self.peek().map_or(class.line, |it| it.line);
        let body = self.balanced("{", "}")?;
        class.bytes.end = self.expect(";")?.end();
        if self.depth > 0 && self.strictness == Strictness::Own {
            return Err(self.error(body_line, "a class inside `extern` or a namespace has no message ids"));
        }
        let mut members = Parser { tokens: body, at: 0, found: Declarations::default(), ..*self };
        members.members(&mut class)?;
        self.found.classes.push(class);
        Ok(())
    }

    fn base(&mut self) -> Result<String, Error> {
        let first = self.word("a base class")?;
        match first.text {
            "public" => {}
            "private" | "protected" | "virtual" => {
                return Err(self.error(first.line, "a base class must be `public`, and not virtual"));
            }
            name => return Ok(name.to_string()),
        }
        let name = self.word("a base class")?;
        if let Some(comma) = self.peek().filter(|it| it.text == ",") {
            return Err(self.error(comma.line, "a class has one base; the interface beside it is generated"));
        }
        Ok(name.text.to_string())
    }

    fn members(&mut self, class: &mut Class) -> Result<(), Error> {
        while let Some(token) = self.peek() {
            match token.text {
                "public" | "protected" | "private" => {
                    self.at += 1;
                    self.expect(":")?;
                }
                ";" => self.at += 1,
                "using" | "friend" | "typedef" => self.skip()?,
                "enum" => self.enumeration()?,
                _ => {
                    let mut method = self.method(class)?;
                    method.local_only |= class.local_only;
                    if class.methods.len() >= MAX_METHODS {
                        return Err(self.error(method.line, "the class has too many methods"));
                    }
                    class.methods.push(method);
                }
            }
        }
        Ok(())
    }
}

/// Splits at `separator` outside of brackets; an empty list has no parts.
fn split<'t, 'a>(tokens: &'t [Token<'a>], separator: &str) -> Vec<&'t [Token<'a>]> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, token) in tokens.iter().enumerate() {
        let is_shift = || {
            tokens.get(at + 1).is_some_and(|it| it.text == token.text)
                || at > 0 && tokens.get(at - 1).is_some_and(|it| it.text == token.text)
        };
        match token.text {
            "<" | ">" if is_shift() => {}
            "(" | "[" | "{" | "<" => depth += 1,
            ")" | "]" | "}" | ">" => depth = depth.saturating_sub(1),
            it if it == separator && depth == 0 => {
                parts.extend(tokens.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(tokens.get(start..).filter(|it| !it.is_empty()));
    parts
}

/// The tokens' texts, words apart.
fn joined(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    for token in tokens {
        let both_words = text.ends_with(|it: char| it.is_ascii_alphanumeric() || it == '_')
            && token.kind != Kind::Punctuation;
        text.push_str(if both_words { " " } else { "" });
        text.push_str(token.text);
    }
    text
}

#[cfg(test)]
mod tests;
