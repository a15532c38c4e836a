//! Requirements from text, by the grammar of Security's `requirements.grammar`.
//!
//! ```
//! use formats::signature::requirement;
//! let found = requirement::parse(r#"identifier "com.example" and anchor apple generic"#).unwrap();
//! assert_eq!(found.to_string(), r#"identifier "com.example" and anchor apple generic"#);
//! ```
//! Read beyond the grammar: what Security prints and cannot read, namely times, `\\` in quotes, and hexadecimal in
//! place of any text.
//! Not read: a path in place of a certificate's hash.

use super::{
    CertSlot, Expr, MAX_DEPTH, Match, Requirement, RequirementKind, RequirementSet,
    lex::{Placed, Token, words},
    oid,
    print::KEYWORDS,
};
use crate::{
    bytes::{Error, Result},
    signature::time::UnixTime,
};

/// Reads one requirement; offsets of faults are those in `text`.
pub fn parse(text: &str) -> Result<Requirement> {
    let mut parser = Parser::new(text)?;
    let found = parser.expr(0)?;
    while parser.has_sign(";") {}
    parser.end()?;
    Ok(Requirement::of(found.expr))
}

/// Reads a set: `designated => … library => …`.
pub fn parse_set(text: &str) -> Result<RequirementSet> {
    let mut parser = Parser::new(text)?;
    let mut set = RequirementSet::default();
    while parser.peek().is_some() {
        let kind = parser.kind()?;
        parser.need("=>")?;
        let found = parser.expr(0)?;
        while parser.has_sign(";") {}
        set.members.push((kind, Requirement::of(found.expr)));
    }
    set.members.sort_by_key(|it| it.0.number());
    Ok(set)
}

/// Parentheses and negations in one another; each takes four frames of our stack.
const MAX_PARENTHESES: u32 = 128;

struct Parser {
    words: Vec<Placed>,
    at: usize,
    len: usize,
}

/// An expression and how deep it nests, so that what is read can be written and read again.
struct Nested {
    expr: Expr,
    depth: u32,
}

impl Parser {
    fn new(text: &str) -> Result<Self> {
        Ok(Self { words: words(text)?, at: 0, len: text.len() })
    }

    fn peek(&self) -> Option<&Token> {
        self.words.get(self.at).map(|it| &it.1)
    }

    fn fault(&self, what: impl Into<String>) -> Error {
        let at = self.words.get(self.at).map_or(self.len, |it| it.0);
        Error::new(at as u64, what.into())
    }

    fn expected(&self, what: &str) -> Error {
        match self.peek() {
            None => self.fault(format!("{what} expected, the text ends")),
            Some(Token::Word(word)) => self.fault(format!("{what} expected, found `{word}`")),
            Some(_) => self.fault(format!("{what} expected")),
        }
    }

    fn has_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(it)) if it == word);
        self.at += usize::from(found);
        found
    }

    fn has_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(it)) if *it == sign);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, sign: &str) -> Result<()> {
        if self.has_sign(sign) { Ok(()) } else { Err(self.expected(&format!("`{sign}`"))) }
    }

    fn end(&self) -> Result<()> {
        if self.peek().is_none() { Ok(()) } else { Err(self.expected("the end")) }
    }

    fn kind(&mut self) -> Result<RequirementKind> {
        let named = (1..=5).map(RequirementKind::from_number);
        for kind in named {
            if kind.name().is_some_and(|it| self.has_word(it)) {
                return Ok(kind);
            }
        }
        let number = self.integer().map_err(|_| self.expected("a kind of requirement"))?;
        Ok(RequirementKind::from_number(number as u32))
    }

    fn expr(&mut self, level: u32) -> Result<Nested> {
        self.chain(level, "or", Expr::Or, |it, level| it.chain(level, "and", Expr::And, Self::primary))
    }

    /// `part word part word part`, grouped to the left.
    fn chain(
        &mut self,
        level: u32,
        word: &str,
        join: fn(Box<Expr>, Box<Expr>) -> Expr,
        part: impl Fn(&mut Self, u32) -> Result<Nested>,
    ) -> Result<Nested> {
        let mut found = part(self, level)?;
        while self.has_word(word) {
            let right = part(self, level)?;
            let depth = found.depth.max(right.depth);
            found = self.nest(depth, join(Box::new(found.expr), Box::new(right.expr)))?;
        }
        Ok(found)
    }

    fn nest(&self, depth: u32, expr: Expr) -> Result<Nested> {
        let too_deep = || self.fault(format!("nested deeper than {MAX_DEPTH}"));
        if depth >= MAX_DEPTH { Err(too_deep()) } else { Ok(Nested { expr, depth: depth + 1 }) }
    }

    fn primary(&mut self, level: u32) -> Result<Nested> {
        let level = level + 1;
        if level > MAX_PARENTHESES {
            return Err(self.fault(format!("parentheses nested deeper than {MAX_PARENTHESES}")));
        }
        if self.has_sign("!") {
            let operand = self.primary(level)?;
            return self.nest(operand.depth, Expr::Not(Box::new(operand.expr)));
        }
        if self.has_sign("(") {
            let found = match self.peek() {
                Some(Token::Text(_) | Token::Hex(_)) => self.named_code()?,
                Some(Token::Word(word)) if !KEYWORDS.contains(&word.as_str()) => self.named_code()?,
                _ => self.expr(level)?,
            };
            self.need(")")?;
            return Ok(found);
        }
        let expr = self.simple()?;
        self.nest(0, expr)
    }

    fn named_code(&mut self) -> Result<Nested> {
        let name = self.text()?;
        self.nest(0, Expr::NamedCode(name))
    }

    fn simple(&mut self) -> Result<Expr> {
        let Some(Token::Word(word)) = self.peek() else { return Err(self.expected("a requirement")) };
        let word = word.clone();
        let start = self.at;
        self.at += 1;
        Ok(match word.as_str() {
            "always" | "true" => Expr::Always,
            "never" | "false" => Expr::Never,
            "notarized" => Expr::Notarized,
            "legacy" => Expr::LegacyDeveloperId,
            "identifier" => {
                self.equals();
                Expr::Identifier(self.text()?)
            }
            "cdhash" => {
                self.equals();
                Expr::CdHash(self.hash()?)
            }
            "platform" => {
                self.equals();
                Expr::Platform(self.integer()?)
            }
            "info" => Expr::Info { key: self.key()?, test: self.test()? },
            "entitlement" => Expr::Entitlement { key: self.key()?, test: self.test()? },
            "anchor" => self.anchor()?,
            "certificate" | "cert" => self.certificate()?,
            _ => {
                self.at = start;
                return Err(self.expected("a requirement"));
            }
        })
    }

    fn anchor(&mut self) -> Result<Expr> {
        if self.has_word("trusted") {
            return Ok(Expr::TrustedCertificates);
        }
        if self.has_word("generic") {
            return match self.has_word("apple") {
                true => Ok(Expr::AnchorAppleGeneric),
                false => Err(self.expected("`apple`")),
            };
        }
        if self.has_word("apple") {
            if self.has_word("generic") {
                return Ok(Expr::AnchorAppleGeneric);
            }
            let is_named = match self.peek() {
                Some(Token::Text(_) | Token::Hex(_)) => true,
                Some(Token::Word(word)) => !KEYWORDS.contains(&word.as_str()),
                _ => false,
            };
            return if is_named { self.text().map(Expr::NamedAnchor) } else { Ok(Expr::AnchorApple) };
        }
        self.certificate_field(CertSlot::ROOT)
    }

    fn certificate(&mut self) -> Result<Expr> {
        if self.has_word("trusted") {
            return Ok(Expr::TrustedCertificates);
        }
        let slot = if self.has_word("leaf") {
            CertSlot::LEAF
        } else if self.has_word("root") {
            CertSlot::ROOT
        } else if self.has_sign("-") {
            CertSlot(self.integer()?.wrapping_neg())
        } else {
            CertSlot(self.integer()?)
        };
        if self.has_word("trusted") {
            return Ok(Expr::TrustedCertificate(slot));
        }
        self.certificate_field(slot)
    }

    fn certificate_field(&mut self, slot: CertSlot) -> Result<Expr> {
        if !matches!(self.peek(), Some(Token::Sign("["))) {
            self.equals();
            let hash = self.hash()?;
            return Ok(Expr::CertificateHash { slot, hash });
        }
        let start = self.at;
        let key = self.key()?;
        let text = String::from_utf8_lossy(&key).into_owned();
        let (field, rest) = text.split_once('.').unwrap_or((&text, ""));
        let identifier = oid::from_text(rest);
        let wrong = |parser: &mut Self, what: &str| {
            parser.at = start;
            Err(parser.fault(format!("{what} `{text}`")))
        };
        let oid = match (field, identifier) {
            ("subject", _) => return Ok(Expr::CertificateSubject { slot, key, test: self.test()? }),
            ("field" | "extension" | "policy" | "timestamp", None) => {
                return wrong(self, "no object identifier in");
            }
            ("field" | "extension" | "policy" | "timestamp", Some(oid)) => oid,
            _ => return wrong(self, "unknown certificate field"),
        };
        let test = self.test()?;
        Ok(match field {
            "policy" => Expr::CertificatePolicy { slot, oid, test },
            "timestamp" => Expr::CertificateDate { slot, oid, test },
            _ => Expr::CertificateField { slot, oid, test },
        })
    }

    fn test(&mut self) -> Result<Match> {
        if self.has_word("absent") {
            return Ok(Match::Absent);
        }
        if self.equals() {
            if let Some(time) = self.moment()? {
                return Ok(Match::On(time));
            }
            let is_open_left = self.has_sign("*");
            let value = self.text()?;
            let is_open_right = self.has_sign("*");
            return Ok(match (is_open_left, is_open_right) {
                (false, false) => Match::Equal(value),
                (false, true) => Match::BeginsWith(value),
                (true, false) => Match::EndsWith(value),
                (true, true) => Match::Contains(value),
            });
        }
        if self.has_sign("~") {
            return self.text().map(Match::Contains);
        }
        type Pair = (&'static str, fn(Vec<u8>) -> Match, fn(i64) -> Match);
        let comparisons: [Pair; 4] = [
            ("<", Match::LessThan, Match::Before),
            (">", Match::GreaterThan, Match::After),
            ("<=", Match::LessEqual, Match::OnOrBefore),
            (">=", Match::GreaterEqual, Match::OnOrAfter),
        ];
        for (sign, of_text, of_time) in comparisons {
            if self.has_sign(sign) {
                return match self.moment()? {
                    Some(time) => Ok(of_time(time)),
                    None => self.text().map(of_text),
                };
            }
        }
        self.has_word("exists");
        Ok(Match::Exists)
    }

    /// `timestamp "20190601000000Z"`, or as it is printed; seconds since 2001.
    fn moment(&mut self) -> Result<Option<i64>> {
        let found = match self.peek() {
            Some(Token::Moment(text)) => {
                let digits: String = text.chars().filter(|it| it.is_ascii_digit() || *it == '+').collect();
                self.at += 1;
                UnixTime::from_text(&digits, true)
            }
            Some(Token::Word(word)) if word == "timestamp" => {
                self.at += 1;
                let text = self.text()?;
                std::str::from_utf8(&text).ok().and_then(|it| UnixTime::from_text(it, true))
            }
            _ => return Ok(None),
        };
        let time = found.ok_or_else(|| {
            self.at -= 1;
            self.fault("time is malformed")
        })?;
        Ok(Some(time.core_foundation()))
    }

    fn equals(&mut self) -> bool {
        self.has_sign("=") || self.has_sign("==")
    }

    fn key(&mut self) -> Result<Vec<u8>> {
        self.need("[")?;
        let key = self.text()?;
        self.need("]")?;
        Ok(key)
    }

    /// A text: bare, in quotes, or in hexadecimal. Keywords are no texts.
    fn text(&mut self) -> Result<Vec<u8>> {
        let text = match self.peek() {
            Some(Token::Text(bytes) | Token::Hex(bytes)) => bytes.clone(),
            Some(Token::Word(word)) if !KEYWORDS.contains(&word.as_str()) => word.clone().into_bytes(),
            _ => return Err(self.expected("a text")),
        };
        self.at += 1;
        Ok(text)
    }

    fn hash(&mut self) -> Result<Vec<u8>> {
        match self.peek() {
            Some(Token::Hash(hash)) if hash.len() == 20 => {
                let hash = hash.clone();
                self.at += 1;
                Ok(hash)
            }
            Some(Token::Hash(hash)) => Err(self.fault(format!("hash has {} bytes, not 20", hash.len()))),
            _ => Err(self.expected("a hash `H\"…\"`")),
        }
    }

    fn integer(&mut self) -> Result<i32> {
        match self.peek() {
            Some(Token::Integer(digits)) => {
                let number = digits.parse().map_err(|_| self.fault("number is too large"))?;
                self.at += 1;
                Ok(number)
            }
            _ => Err(self.expected("a number")),
        }
    }
}
