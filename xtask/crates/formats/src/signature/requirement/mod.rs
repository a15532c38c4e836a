//! The requirement language: who a piece of code must be, written as an expression.
//!
//! ```text
//!   text ──parse──▶ Requirement ──encode──▶ bytes
//!   text ◀──print── Requirement ◀──decode── bytes        evaluate: Requirement × Facts ──▶ true, false, unknown
//! ```
//! Binary form: `magic length kind expr`, the expression in prefix order, each operator a 32-bit number, texts as
//! `length bytes padding-to-4`. Source: Security `requirement.h`, `reqinterp.cpp`, `reqdumper.cpp`,
//! `requirements.grammar`.

pub mod decode;
pub mod encode;
pub mod evaluate;
mod lex;
pub mod parse;
pub mod print;

pub use super::oid;
pub use decode::{decode, decode_set};
pub use encode::{encode, encode_set};
pub use evaluate::{Answer, Facts, Root, evaluate};
pub use parse::{parse, parse_set};

/// One requirement: what is in a blob of magic 0xfade0c00.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// Kind 1: an expression, and bytes after it (which Security ignores, and which are not seen in practice).
    Expression(Expr, Vec<u8>),
    /// Kind 2: a lightweight code requirement in DER, kept as it is.
    Lightweight(Vec<u8>),
}

impl Requirement {
    /// A requirement that is this expression.
    pub const fn of(expr: Expr) -> Self {
        Self::Expression(expr, Vec::new())
    }
}

/// Requirements by kind: what is in a blob of magic 0xfade0c01.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequirementSet {
    /// In the order of the index.
    pub members: Vec<(RequirementKind, Requirement)>,
}

impl RequirementSet {
    /// The designated requirement: what makes two pieces of code "the same" to macOS.
    pub fn designated(&self) -> Option<&Requirement> {
        self.members.iter().find(|it| it.0 == RequirementKind::Designated).map(|it| &it.1)
    }
}

/// What a requirement of a set is laid upon (`SecRequirementType`, Security `CSCommon.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequirementKind {
    /// 1: whoever hosts this code.
    Host,
    /// 2: its guests.
    Guest,
    /// 3: this code itself.
    Designated,
    /// 4: libraries it loads.
    Library,
    /// 5: plug-ins it loads.
    Plugin,
    /// Any other number.
    Other(u32),
}

impl RequirementKind {
    /// The kind with this number.
    pub const fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Host,
            2 => Self::Guest,
            3 => Self::Designated,
            4 => Self::Library,
            5 => Self::Plugin,
            _ => Self::Other(number),
        }
    }

    /// The number in the index of a set.
    pub const fn number(self) -> u32 {
        match self {
            Self::Host => 1,
            Self::Guest => 2,
            Self::Designated => 3,
            Self::Library => 4,
            Self::Plugin => 5,
            Self::Other(number) => number,
        }
    }

    /// The word in a printed set; `None` for a number without one.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Host => Some("host"),
            Self::Guest => Some("guest"),
            Self::Designated => Some("designated"),
            Self::Library => Some("library"),
            Self::Plugin => Some("plugin"),
            Self::Other(_) => None,
        }
    }
}

/// Which certificate of the chain, leaf first: 0 is the leaf, 1 its issuer, -1 the root, -2 what the root issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CertSlot(pub i32);

impl CertSlot {
    /// The signing certificate.
    pub const LEAF: Self = Self(0);
    /// The anchor.
    pub const ROOT: Self = Self(-1);
}

/// An expression. Texts and keys are bytes: the format does not promise UTF-8. OIDs are their DER content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what the variant's line says")]
pub enum Expr {
    /// 0: `never`.
    Never,
    /// 1: `always`.
    Always,
    /// 2: `identifier "…"`.
    Identifier(Vec<u8>),
    /// 3: `anchor apple`: Apple's own software.
    AnchorApple,
    /// 4: `certificate leaf = H"…"`: SHA-1 of that certificate's DER.
    CertificateHash { slot: CertSlot, hash: Vec<u8> },
    /// 5: `info[key] = value`, the legacy form.
    InfoValue { key: Vec<u8>, value: Vec<u8> },
    /// 6.
    And(Box<Expr>, Box<Expr>),
    /// 7.
    Or(Box<Expr>, Box<Expr>),
    /// 8: `cdhash H"…"`.
    CdHash(Vec<u8>),
    /// 9: `! …`.
    Not(Box<Expr>),
    /// 10: `info[key] …`.
    Info { key: Vec<u8>, test: Match },
    /// 11: `certificate leaf[subject.OU] …`.
    CertificateSubject { slot: CertSlot, key: Vec<u8>, test: Match },
    /// 12: `certificate leaf trusted`: this Mac's trust settings decide.
    TrustedCertificate(CertSlot),
    /// 13: `anchor trusted`.
    TrustedCertificates,
    /// 14: `certificate leaf[field.OID] …`: an extension.
    CertificateField { slot: CertSlot, oid: Vec<u8>, test: Match },
    /// 15: `anchor apple generic`: any certificate that Apple issued.
    AnchorAppleGeneric,
    /// 16: `entitlement[key] …`.
    Entitlement { key: Vec<u8>, test: Match },
    /// 17: `certificate leaf[policy.OID] …`.
    CertificatePolicy { slot: CertSlot, oid: Vec<u8>, test: Match },
    /// 18: `anchor apple NAME`: a file inside Security.framework.
    NamedAnchor(Vec<u8>),
    /// 19: `(NAME)`: likewise.
    NamedCode(Vec<u8>),
    /// 20: `platform = N`.
    Platform(i32),
    /// 21: `notarized`.
    Notarized,
    /// 22: `certificate leaf[timestamp.OID] …`: an extension that is a time.
    CertificateDate { slot: CertSlot, oid: Vec<u8>, test: Match },
    /// 23: `legacy`: meets the rules from before notarization.
    LegacyDeveloperId,
    /// A known operator with bits in its highest byte, which Security ignores there.
    Flagged { flags: u8, expr: Box<Expr> },
    /// An unknown operator that says of itself that it may be taken for false (`opGenericFalse`).
    UnknownFalse { opcode: u32, argument: Vec<u8> },
    /// An unknown operator that says of itself that it may be skipped (`opGenericSkip`); what follows counts.
    UnknownSkipped { opcode: u32, argument: Vec<u8>, then: Box<Expr> },
}

/// What must hold for a value that was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// 0: there, and not false.
    Exists,
    /// 1.
    Equal(Vec<u8>),
    /// 2.
    Contains(Vec<u8>),
    /// 3.
    BeginsWith(Vec<u8>),
    /// 4.
    EndsWith(Vec<u8>),
    /// 5: less, numbers inside the text compared as numbers.
    LessThan(Vec<u8>),
    /// 6.
    GreaterThan(Vec<u8>),
    /// 7.
    LessEqual(Vec<u8>),
    /// 8.
    GreaterEqual(Vec<u8>),
    /// 9: a time, in seconds since 2001-01-01 UTC; so are the next four.
    On(i64),
    /// 10.
    Before(i64),
    /// 11.
    After(i64),
    /// 12.
    OnOrBefore(i64),
    /// 13.
    OnOrAfter(i64),
    /// 14: not there.
    Absent,
    /// A number not known; taken to have one text as argument, and never to match (as Security does).
    Unknown(u32, Vec<u8>),
}

/// Levels of nesting that are read, the number at which Security's interpreter gives up (`stackLimit` is 1000, and
/// it refuses when the count falls to zero).
pub const MAX_DEPTH: u32 = 999;
/// Bits of an operator that say what to do when it is not known.
pub(crate) const FLAG_MASK: u32 = 0xff00_0000;
pub(crate) const GENERIC_FALSE: u32 = 0x8000_0000;
pub(crate) const GENERIC_SKIP: u32 = 0x4000_0000;
/// Kind of a requirement that is an expression.
pub(crate) const KIND_EXPRESSION: u32 = 1;
/// Kind of a requirement that is a lightweight code requirement.
pub(crate) const KIND_LIGHTWEIGHT: u32 = 2;

/// For the fuzzer: any bytes, read, written, printed and read again.
pub fn fuzz(bytes: &[u8]) {
    use crate::Bytes;
    if let Ok(found) = decode(Bytes::new(bytes)) {
        let again = encode(&found);
        assert_eq!(decode(Bytes::new(&again)).as_ref(), Ok(&found), "what we write, we read");
    }
    // What is printed can be read when it came from text; an unknown operator cannot.
    if let Some(found) = std::str::from_utf8(bytes).ok().and_then(|it| parse(it).ok()) {
        // `a and (b and c)` prints without its parentheses, as Security prints it.
        let again = parse(&found.to_string()).expect("what we print, we read");
        assert_eq!(again.to_string(), found.to_string());
        assert_eq!(decode(Bytes::new(&encode(&found))), Ok(found), "what we write, we read");
    }
    if let Ok(found) = decode_set(Bytes::new(bytes)) {
        let again = encode_set(&found);
        assert_eq!(decode_set(Bytes::new(&again)).as_ref(), Ok(&found), "what we write, we read");
    }
}

#[cfg(test)]
mod evaluate_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod text_tests;
