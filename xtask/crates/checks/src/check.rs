//! What a check is: an id, a truth that should hold, its reason, its remedy, and a pure function.

use crate::{Finding, Policy, Severity, Subject};

/// What a check needs to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Needs {
    /// The bytes of the subject; any machine.
    Bytes,
    /// Apple's tools on any Mac.
    MacOs,
    /// An Apple-silicon Mac with System Integrity Protection on.
    Runner,
}

impl Needs {
    /// As the report spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::MacOs => "macos",
            Self::Runner => "runner",
        }
    }

    /// As a person reads it.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Bytes => "any machine",
            Self::MacOs => "a Mac",
            Self::Runner => "an Apple-silicon Mac with System Integrity Protection on",
        }
    }
}

/// One entry of the catalogue.
pub struct Check {
    /// Words in kebab-case; never changes its meaning, never used again.
    pub id: &'static str,
    /// The truth that should hold: "no slice is arm64e".
    pub title: &'static str,
    /// What happens otherwise.
    pub why: &'static str,
    /// Where that is known from.
    pub source: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// Where it can run.
    pub needs: Needs,
    /// The severity its findings usually have.
    pub usual: Severity,
    /// The comparison itself.
    pub run: fn(&Subject, &Policy) -> Judgement,
}

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It looked; without findings, the truth holds.
    Looked(Vec<Finding>),
    /// There is nothing it speaks about.
    NotApplicable(String),
    /// What it needs is not in the subject.
    NotRun(String),
}

impl Judgement {
    /// Looks at each of `items`. None at all is "not applicable, because `absent`", never a pass.
    pub fn each<T>(
        items: impl IntoIterator<Item = T>,
        absent: &str,
        mut look: impl FnMut(T, &mut Vec<Finding>),
    ) -> Self {
        let (mut findings, mut any) = (Vec::new(), false);
        for item in items {
            any = true;
            look(item, &mut findings);
        }
        if any { Self::Looked(findings) } else { Self::NotApplicable(absent.to_owned()) }
    }
}
