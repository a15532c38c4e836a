//! A report read back: a recorded run carries the verifier's report, to be completed and shown again.

use checks::{Needs, catalogue};
use serde::{Deserialize, Deserializer, de::Error};

/// Every word that a report has a fixed set of.
const WORDS: &[&str] = &[
    "passed",
    "failed",
    "incomplete",
    "not_run",
    "not_applicable",
    "error",
    "warning",
    "info",
    "app",
    "dext",
    "bundle",
    "macho",
    "zip",
    "pkg",
    "dmg",
    "code",
    "distribution",
    "development",
    "rehearsal",
    "adhoc",
    "appstore",
    "unsigned",
];

/// One of the words that reports know.
pub(super) fn word<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    let text = String::deserialize(from)?;
    known(&text).map_err(D::Error::custom)
}

fn known(text: &str) -> Result<&'static str, String> {
    WORDS.iter().find(|it| **it == text).copied().ok_or_else(|| format!("a report does not say `{text}`"))
}

/// A check as the JSON has it. What the catalogue knows better (title, reason, needs) is taken from there.
#[derive(Deserialize)]
pub(super) struct Checked {
    id: String,
    severity: String,
    outcome: String,
    reason: Option<String>,
    findings: Vec<super::Finding>,
}

impl TryFrom<Checked> for super::Checked {
    type Error = String;

    fn try_from(it: Checked) -> Result<Self, String> {
        let check = catalogue::find(&it.id).ok_or_else(|| format!("there is no check `{}`", it.id))?;
        Ok(Self {
            id: check.id,
            title: check.title,
            needs: Needs::name(check.needs),
            severity: known(&it.severity)?,
            outcome: known(&it.outcome)?,
            reason: it.reason,
            findings: it.findings,
            why: check.why,
        })
    }
}

#[cfg(test)]
mod tests {
    use checks::{Policy, Severity, Subject};

    use super::*;
    use crate::report::Report;

    #[test]
    fn a_report_is_read_back_as_it_was_written() {
        let (subject, policy) = (Subject::default(), Policy::default());
        let report = Report::of(&subject, &policy, &checks::run(&subject, &policy), false);
        let again: Report = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(again, report);
        let foreign = report.to_json().replace("arm64e-slice", "arm64x-slice");
        assert!(serde_json::from_str::<Report>(&foreign).is_err());
        assert_eq!(known(Severity::Error.name()), Ok("error"));
        assert!(known("excellent").is_err());
    }
}
