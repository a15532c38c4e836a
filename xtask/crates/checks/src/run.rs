//! Runs the catalogue and draws the verdict.

use crate::{Check, Finding, Judgement, Needs, Policy, Severity, Subject, catalogue};

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It looked and the truth holds (notes of severity info may be there).
    Passed,
    /// A warning or an error was found.
    Failed,
    /// It could not look here; the reason.
    NotRun(String),
    /// There was nothing to look at; the reason.
    NotApplicable(String),
}

impl Outcome {
    /// As the report spells it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotRun(_) => "not_run",
            Self::NotApplicable(_) => "not_applicable",
        }
    }

    /// Why it did not look.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::NotRun(why) | Self::NotApplicable(why) => Some(why),
            Self::Passed | Self::Failed => None,
        }
    }
}

/// One check with what it said.
#[derive(Clone)]
pub struct CheckOutcome {
    /// The check.
    pub check: &'static Check,
    /// What became of it.
    pub outcome: Outcome,
    /// What it found, most severe first, then by place.
    pub findings: Vec<Finding>,
}

impl CheckOutcome {
    /// The highest severity found, else the check's usual one.
    pub fn severity(&self) -> Severity {
        self.findings.iter().map(|it| it.severity).max().unwrap_or(self.check.usual)
    }
}

/// The sum of all outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No finding of severity error.
    Passed,
    /// At least one.
    Failed,
    /// The subject could not be read, or something asked for did not run.
    Incomplete,
}

impl Verdict {
    /// As the report spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Incomplete => "incomplete",
        }
    }

    /// Failed wins over incomplete. `require_all` asks for every check, so one that did not run makes it incomplete.
    pub fn of(outcomes: &[CheckOutcome], require_all: bool) -> Self {
        let has_error = outcomes.iter().flat_map(|it| &it.findings).any(|it| it.severity == Severity::Error);
        let has_gap = outcomes.iter().any(|it| match it.outcome {
            // What any machine can do and was not done is a gap in the subject, whatever was required.
            Outcome::NotRun(_) => require_all || it.check.needs == Needs::Bytes,
            Outcome::Passed | Outcome::Failed | Outcome::NotApplicable(_) => false,
        });
        let has_looked = outcomes.iter().any(|it| matches!(it.outcome, Outcome::Passed | Outcome::Failed));
        if has_error {
            Self::Failed
        } else if has_gap || !has_looked {
            Self::Incomplete
        } else {
            Self::Passed
        }
    }
}

/// Every check of the catalogue, in its order.
pub fn run(subject: &Subject, policy: &Policy) -> Vec<CheckOutcome> {
    catalogue::all().map(|check| run_one(check, subject, policy)).collect()
}

/// One check.
pub fn run_one(check: &'static Check, subject: &Subject, policy: &Policy) -> CheckOutcome {
    let (outcome, mut findings) = match (check.run)(subject, policy) {
        Judgement::NotApplicable(why) => (Outcome::NotApplicable(why), Vec::new()),
        Judgement::NotRun(why) => (Outcome::NotRun(why), Vec::new()),
        Judgement::Looked(findings) => {
            let is_bad = findings.iter().any(|it| it.severity > Severity::Info);
            (if is_bad { Outcome::Failed } else { Outcome::Passed }, findings)
        }
    };
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.at.cmp(&b.at)));
    CheckOutcome { check, outcome, findings }
}
