//! Does a piece of code satisfy a requirement?
//!
//! As Security's interpreter (`reqinterp.cpp`) would answer, and *unknown* where the answer depends on a Mac (its trust
//! settings, its ticket store) or on something that the caller could not find out.

use std::cmp::Ordering;

use super::{CertSlot, Expr, Match, Requirement};
use crate::{
    document::plist::{Dict, Value},
    signature::{
        certificate::{Certificate, marker},
        digest::CdHash,
        name::SUBJECT_KEYS,
        oid,
        time::UnixTime,
    },
};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It cannot be told here, and why.
    Unknown(String),
}

/// What the chain ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// A root of Apple's (or one that stands for it, in a rehearsal). It may be missing from the certificates.
    Apple,
    /// Another root, or nothing: there is no certificate at all.
    Other,
    /// The chain could not be followed to its end.
    Unknown,
}

/// What is known about the code.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Signing identifier.
    pub identifier: &'a str,
    /// The cdhash that is evaluated, or several where any will do.
    pub cdhashes: &'a [CdHash],
    /// Info.plist, when there is one.
    pub info: Option<&'a Dict>,
    /// Entitlements, when there are some.
    pub entitlements: Option<&'a Dict>,
    /// The chain, leaf first; empty for ad-hoc code.
    pub certificates: &'a [Certificate],
    /// Whether its last certificate is the root, so that counting from there means something.
    pub has_root: bool,
    /// What it ends in.
    pub root: Root,
    /// Platform byte of the code directory.
    pub platform: u8,
    /// Whether there is a ticket for it; `None` when nobody looked.
    pub notarized: Option<bool>,
}

/// Whether code of which `facts` are known satisfies `requirement`.
pub fn evaluate(requirement: &Requirement, facts: &Facts<'_>) -> Answer {
    match requirement {
        Requirement::Expression(expr, _) => facts.eval(expr),
        Requirement::Lightweight(_) => unknown("lightweight requirements are not evaluated here"),
    }
}

impl Answer {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Unknown(why), _) | (_, Self::Unknown(why)) => Self::Unknown(why),
            (Self::True, Self::True) => Self::True,
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::Unknown(why), _) | (_, Self::Unknown(why)) => Self::Unknown(why),
            (Self::False, Self::False) => Self::False,
        }
    }
}

impl From<bool> for Answer {
    fn from(it: bool) -> Self {
        if it { Self::True } else { Self::False }
    }
}

impl std::ops::Not for Answer {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown(why) => Self::Unknown(why),
        }
    }
}

fn unknown(why: impl Into<String>) -> Answer {
    Answer::Unknown(why.into())
}

/// A certificate that was asked for by its place.
enum Found<'a> {
    Certificate(&'a Certificate),
    None,
    Unknown(Answer),
}

impl<'a> Facts<'a> {
    fn eval(&self, expr: &Expr) -> Answer {
        match expr {
            Expr::Never | Expr::UnknownFalse { .. } => Answer::False,
            Expr::Always => Answer::True,
            Expr::Identifier(value) => (value == self.identifier.as_bytes()).into(),
            Expr::AnchorApple => self.is_apple_software(),
            Expr::AnchorAppleGeneric => self.is_anchored_at_apple(),
            Expr::CertificateHash { slot, hash } => self.on(*slot, |it| it.sha1()[..] == **hash),
            Expr::InfoValue { key, value } => lookup(self.info, key, &Match::Equal(value.clone())).into(),
            Expr::Info { key, test } => lookup(self.info, key, test).into(),
            Expr::Entitlement { key, test } => lookup(self.entitlements, key, test).into(),
            Expr::And(left, right) => self.eval(left).and(self.eval(right)),
            Expr::Or(left, right) => self.eval(left).or(self.eval(right)),
            Expr::Not(operand) => !self.eval(operand),
            Expr::CdHash(hash) => self.cdhashes.iter().any(|it| it.0[..] == **hash).into(),
            Expr::CertificateSubject { slot, key, test } => self.on(*slot, |it| subject(it, key, test)),
            Expr::CertificateField { slot, oid, test } => self.on(*slot, |it| {
                let is_there = oid::to_text(oid).is_some_and(|oid| it.has_extension(&oid));
                holds_for_presence(is_there, test)
            }),
            Expr::CertificatePolicy { slot, oid, test } => self.on(*slot, |it| {
                let policies = it.policies().unwrap_or_default();
                holds_for_presence(oid::to_text(oid).is_some_and(|oid| policies.contains(&oid)), test)
            }),
            Expr::CertificateDate { slot, oid, test } => self.date(*slot, oid, test),
            Expr::TrustedCertificate(_) | Expr::TrustedCertificates => {
                unknown("the trust settings of the Mac decide")
            }
            Expr::NamedAnchor(name) | Expr::NamedCode(name) => {
                let name = String::from_utf8_lossy(name);
                unknown(format!("`{name}` is a file inside macOS"))
            }
            Expr::Platform(number) => (i32::from(self.platform) == *number).into(),
            Expr::Notarized => match self.notarized {
                Some(it) => it.into(),
                None => unknown("nobody looked for a ticket"),
            },
            Expr::LegacyDeveloperId => unknown("the rules from before notarization are not evaluated here"),
            Expr::Flagged { expr, .. } => self.eval(expr),
            Expr::UnknownSkipped { then, .. } => self.eval(then),
        }
    }

    fn certificate(&self, slot: CertSlot) -> Found<'a> {
        let CertSlot(place) = slot;
        let len = self.certificates.len();
        // Nobody signed ad-hoc code: no certificate, whichever is asked for.
        let is_complete = self.has_root || len == 0;
        let place = match usize::try_from(place) {
            Ok(place) => Some(place),
            Err(_) if !is_complete => return Found::Unknown(unknown("the chain has no root to count from")),
            Err(_) => len.checked_sub(place.unsigned_abs() as usize),
        };
        match place.and_then(|place| self.certificates.get(place)) {
            Some(found) => Found::Certificate(found),
            None if is_complete => Found::None,
            None => Found::Unknown(unknown(format!("certificate {slot} of the chain is missing"))),
        }
    }

    /// What `holds` says about the certificate in `slot`; false when there is none.
    fn on(&self, slot: CertSlot, holds: impl FnOnce(&Certificate) -> bool) -> Answer {
        match self.certificate(slot) {
            Found::Certificate(it) => holds(it).into(),
            Found::None => Answer::False,
            Found::Unknown(answer) => answer,
        }
    }

    /// Other than for a field, a date that is absent is absent even where the certificate is.
    fn date(&self, slot: CertSlot, oid: &[u8], test: &Match) -> Answer {
        let certificate = match self.certificate(slot) {
            Found::Certificate(it) => Some(it),
            Found::None => None,
            Found::Unknown(answer) => return answer,
        };
        let oid = oid::to_text(oid);
        let time = certificate.zip(oid).and_then(|(it, oid)| it.extension_time(&oid));
        match time {
            None => (*test == Match::Absent).into(),
            Some(time) => (*test == Match::Exists || holds_for_time(time, test)).into(),
        }
    }

    fn is_anchored_at_apple(&self) -> Answer {
        match self.root {
            Root::Apple => Answer::True,
            Root::Other => Answer::False,
            Root::Unknown => unknown("the chain could not be followed to its root"),
        }
    }

    /// `appleSigned`: Apple's own software, told by the names of its authority and the leaf's marker. macOS also asks
    /// its trust cache, in which only Apple's own code is; without certificates that cannot be excluded.
    fn is_apple_software(&self) -> Answer {
        const AUTHORITY: &str = "Apple Code Signing Certification Authority";
        if self.certificates.is_empty() {
            return unknown("the trust cache of the Mac may have it");
        }
        let is_apples = |it: &Certificate| {
            it.subject.common_name() == Some(AUTHORITY) && it.subject.organization() == Some("Apple Inc.")
        };
        self.is_anchored_at_apple()
            .and(self.on(CertSlot(-2), is_apples))
            .and(self.on(CertSlot::LEAF, |it| it.has_extension(marker::APPLE_SOFTWARE)))
    }
}

fn subject(certificate: &Certificate, key: &[u8], test: &Match) -> bool {
    if key == b"email" {
        // A certificate whose addresses cannot be read has none.
        let emails = certificate.emails().unwrap_or_default();
        return holds(&Value::Array(emails.into_iter().map(Value::String).collect()), test);
    }
    let key = key.strip_prefix(b"subject.").unwrap_or_default();
    let known = SUBJECT_KEYS.iter().find(|it| it.0.as_bytes() == key);
    let value = known.and_then(|it| certificate.subject.get(it.1));
    value.is_some_and(|it| holds(&Value::from(it), test))
}

fn holds_for_presence(is_there: bool, test: &Match) -> bool {
    if is_there { holds(&Value::Bool(true), test) } else { *test == Match::Absent }
}

fn lookup(dict: Option<&Dict>, key: &[u8], test: &Match) -> bool {
    let value = std::str::from_utf8(key).ok().and_then(|key| dict?.get(key));
    value.map_or(*test == Match::Absent, |it| holds(it, test))
}

/// Whether `test` holds for a value that is there. Of an array, any element will do.
fn holds(value: &Value, test: &Match) -> bool {
    if let Value::Array(elements) = value
        && elements.iter().any(|it| holds(it, test))
    {
        return true;
    }
    let text = value.as_str();
    let on_text =
        |holds: fn(&[u8], &[u8]) -> bool, wanted: &[u8]| text.is_some_and(|it| holds(it.as_bytes(), wanted));
    let compared = |wanted: &[u8]| {
        let wanted = std::str::from_utf8(wanted).ok()?;
        text.map(|it| compare_numerically(it, wanted))
    };
    match test {
        Match::Absent | Match::Unknown(..) => false,
        Match::Exists => *value != Value::Bool(false),
        Match::Equal(wanted) => on_text(|it, wanted| it == wanted, wanted),
        Match::Contains(wanted) => on_text(contains, wanted),
        Match::BeginsWith(wanted) => on_text(|it, wanted| it.starts_with(wanted), wanted),
        Match::EndsWith(wanted) => on_text(|it, wanted| it.ends_with(wanted), wanted),
        Match::LessThan(wanted) => compared(wanted) == Some(Ordering::Less),
        Match::GreaterThan(wanted) => compared(wanted) == Some(Ordering::Greater),
        Match::LessEqual(wanted) => compared(wanted).is_some_and(Ordering::is_le),
        Match::GreaterEqual(wanted) => compared(wanted).is_some_and(Ordering::is_ge),
        Match::On(_) | Match::Before(_) | Match::After(_) | Match::OnOrBefore(_) | Match::OnOrAfter(_) => {
            value.as_date().is_some_and(|it| holds_for_time(UnixTime(it.0), test))
        }
    }
}

fn holds_for_time(time: UnixTime, test: &Match) -> bool {
    let time = time.core_foundation();
    match test {
        Match::On(wanted) => time == *wanted,
        Match::Before(wanted) => time < *wanted,
        Match::After(wanted) => time > *wanted,
        Match::OnOrBefore(wanted) => time <= *wanted,
        Match::OnOrAfter(wanted) => time >= *wanted,
        _ => false,
    }
}

/// An empty text is found nowhere (`CFStringFind`).
fn contains(text: &[u8], wanted: &[u8]) -> bool {
    !wanted.is_empty() && text.windows(wanted.len()).any(|it| it == wanted)
}

/// Character by character, except that runs of digits compare as numbers (`kCFCompareNumerically`).
fn compare_numerically(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        let (Some(a), Some(b)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len());
        };
        let order = if a.is_ascii_digit() && b.is_ascii_digit() {
            let (a, b) = (take_number(&mut left), take_number(&mut right));
            a.len().cmp(&b.len()).then(a.cmp(b))
        } else {
            left = left.get(a.len_utf8()..).unwrap_or_default();
            right = right.get(b.len_utf8()..).unwrap_or_default();
            a.cmp(&b)
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The digits in front, without leading zeros.
fn take_number<'a>(text: &mut &'a str) -> &'a str {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    digits.trim_start_matches('0')
}
