//! Requirements as text, the way `csreq -t` and `codesign -d -r-` print them.

use std::fmt::{self, Write as _};

use super::{CertSlot, Expr, Match, Requirement, RequirementSet, oid};
use crate::signature::{digest::hex, time::UnixTime};

/// Words of the language; a text that is one of them needs quotes.
pub(super) const KEYWORDS: &[&str] = &[
    "absent",
    "always",
    "anchor",
    "and",
    "apple",
    "cdhash",
    "cert",
    "certificate",
    "designated",
    "entitlement",
    "exists",
    "false",
    "generic",
    "guest",
    "host",
    "identifier",
    "info",
    "leaf",
    "legacy",
    "library",
    "never",
    "notarized",
    "or",
    "platform",
    "plugin",
    "root",
    "timestamp",
    "true",
    "trusted",
];

/// How tightly the place of an expression binds: what is looser there needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Primary,
    And,
    Or,
    Top,
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expression(expr, _) => expr.fmt(f),
            Self::Lightweight(der) => write!(f, "/* lightweight requirement, {} bytes of DER */", der.len()),
        }
    }
}

/// One line for each, such as `designated => identifier "com.example"`, each line ended.
impl fmt::Display for RequirementSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, requirement) in &self.members {
            match kind.name() {
                Some(name) => writeln!(f, "{name} => {requirement}")?,
                None => writeln!(f, "/*unknown type*/ {} => {requirement}", kind.number())?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        print(&mut out, self, Level::Top)?;
        // An unknown operator that is skipped begins with a space.
        f.write_str(out.strip_prefix(' ').unwrap_or(&out))
    }
}

fn print(out: &mut String, expr: &Expr, level: Level) -> fmt::Result {
    match expr {
        Expr::Never => out.write_str("never"),
        Expr::Always => out.write_str("always"),
        Expr::Identifier(value) => write!(out, "identifier {}", Text(value, Dots::NeedQuotes)),
        Expr::AnchorApple => out.write_str("anchor apple"),
        Expr::AnchorAppleGeneric => out.write_str("anchor apple generic"),
        Expr::CertificateHash { slot, hash } => write!(out, "certificate {slot} = H\"{}\"", hex(hash)),
        Expr::InfoValue { key, value } => {
            write!(out, "info[{}] = {}", Text(key, Dots::Plain), Text(value, Dots::NeedQuotes))
        }
        Expr::And(left, right) => print_both(out, (left, "and", right), Level::And, level),
        Expr::Or(left, right) => print_both(out, (left, "or", right), Level::Or, level),
        Expr::Not(operand) => {
            out.write_str("! ")?;
            print(out, operand, Level::Primary)
        }
        Expr::CdHash(hash) => write!(out, "cdhash H\"{}\"", hex(hash)),
        Expr::Info { key, test } => write!(out, "info[{}]{test}", Text(key, Dots::Plain)),
        Expr::Entitlement { key, test } => write!(out, "entitlement[{}]{test}", Text(key, Dots::Plain)),
        Expr::CertificateSubject { slot, key, test } => {
            write!(out, "certificate {slot}[{}]{test}", Text(key, Dots::Plain))
        }
        Expr::CertificateField { slot, oid, test } => print_oid(out, *slot, "field", oid, test),
        Expr::CertificatePolicy { slot, oid, test } => print_oid(out, *slot, "policy", oid, test),
        Expr::CertificateDate { slot, oid, test } => print_oid(out, *slot, "timestamp", oid, test),
        // Security prints `certificate leaftrusted` here, which nobody can read back.
        Expr::TrustedCertificate(slot) => write!(out, "certificate {slot} trusted"),
        Expr::TrustedCertificates => out.write_str("anchor trusted"),
        Expr::NamedAnchor(name) => write!(out, "anchor apple {}", Text(name, Dots::NeedQuotes)),
        Expr::NamedCode(name) => write!(out, "({})", Text(name, Dots::NeedQuotes)),
        Expr::Platform(number) => write!(out, "platform = {number}"),
        Expr::Notarized => out.write_str("notarized"),
        Expr::LegacyDeveloperId => out.write_str("legacy"),
        Expr::Flagged { expr, .. } => print(out, expr, level),
        Expr::UnknownFalse { opcode, .. } => write!(out, " false /* opcode {} */", opcode & 0xff_ffff),
        Expr::UnknownSkipped { opcode, then, .. } => {
            write!(out, " /* opcode {} */ ", opcode & 0xff_ffff)?;
            print(out, then, level)
        }
    }
}

fn print_both(
    out: &mut String,
    (left, word, right): (&Expr, &str, &Expr),
    own: Level,
    level: Level,
) -> fmt::Result {
    let (open, close) = if level < own { ("(", ")") } else { ("", "") };
    out.write_str(open)?;
    print(out, left, own)?;
    write!(out, " {word} ")?;
    print(out, right, own)?;
    out.write_str(close)
}

fn print_oid(out: &mut String, slot: CertSlot, field: &str, oid: &[u8], test: &Match) -> fmt::Result {
    match oid::to_text(oid) {
        Some(text) => write!(out, "certificate {slot}[{field}.{text}]{test}"),
        None => write!(out, "certificate {slot}[{field}.0x{}]{test}", hex(oid)),
    }
}

impl fmt::Display for CertSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LEAF => f.write_str("leaf"),
            Self::ROOT => f.write_str("root"),
            Self(place) => write!(f, "{place}"),
        }
    }
}

/// What follows the closing bracket, beginning with a space.
impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value| Text(value, Dots::NeedQuotes);
        match self {
            Self::Exists => f.write_str(" /* exists */"),
            Self::Absent => f.write_str(" absent "),
            Self::Equal(value) => write!(f, " = {}", text(value)),
            Self::Contains(value) => write!(f, " ~ {}", text(value)),
            Self::BeginsWith(value) => write!(f, " = {}*", text(value)),
            Self::EndsWith(value) => write!(f, " = *{}", text(value)),
            Self::LessThan(value) => write!(f, " < {}", text(value)),
            Self::GreaterThan(value) => write!(f, " > {}", text(value)),
            Self::LessEqual(value) => write!(f, " <= {}", text(value)),
            Self::GreaterEqual(value) => write!(f, " >= {}", text(value)),
            Self::On(time) => write!(f, " = {}", Moment(*time)),
            Self::Before(time) => write!(f, " < {}", Moment(*time)),
            Self::After(time) => write!(f, " > {}", Moment(*time)),
            Self::OnOrBefore(time) => write!(f, " <= {}", Moment(*time)),
            Self::OnOrAfter(time) => write!(f, " >= {}", Moment(*time)),
            Self::Unknown(number, _) => write!(f, "MATCH OPCODE {number} NOT UNDERSTOOD"),
        }
    }
}

/// `<2019-06-01 00:00:00 +0000>`, as Core Foundation describes a date.
struct Moment(i64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", UnixTime::from_core_foundation(self.0).to_core_foundation_text())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dots {
    Plain,
    NeedQuotes,
}

/// A text: bare when it is one word, in quotes when it can be printed, else in hexadecimal.
struct Text<'a>(&'a [u8], Dots);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes, dots) = *self;
        let is_word = |it: &u8| it.is_ascii_alphanumeric() || (*it == b'.' && dots == Dots::Plain);
        let is_printable = |it: &u8| it.is_ascii_graphic() || it.is_ascii_whitespace() || *it == 0x0b;
        let Some(text) = std::str::from_utf8(bytes).ok().filter(|_| bytes.iter().all(is_printable)) else {
            return write!(f, "0x{}", hex(bytes));
        };
        // Security leaves `.a` and `a..b` bare, too, and cannot read them back.
        let is_bare = bytes.iter().all(is_word)
            && bytes.first().is_some_and(u8::is_ascii_alphabetic)
            && text.split('.').all(|it| !it.is_empty())
            && !KEYWORDS.contains(&text);
        if is_bare {
            return f.write_str(text);
        }
        f.write_char('"')?;
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        f.write_char('"')
    }
}
