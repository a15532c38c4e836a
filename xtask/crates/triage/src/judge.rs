//! From messages to causes: an earlier line of a lower layer explains later ones.

use std::collections::BTreeMap;

use crate::artifact::{self, Artifact};
use crate::cause;
use crate::decode::{self, Decoded};
use crate::entry::Entry;
use crate::host::Host;
use crate::input::{Counts, Kind, Reading, crash::Crash};
use crate::signature::{Role, Stage};
use crate::timeline::{Attempt, attempts};
use crate::weigh::{Candidate, weigh};

/// How sure a cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// A guess among others, or nothing at all.
    Low,
    /// The lines say so, but not alone, or something speaks against it.
    Medium,
    /// The lines name it, nothing contradicts.
    High,
}

impl Confidence {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }

    pub(crate) fn lowered(self) -> Confidence {
        match self {
            Confidence::High => Confidence::Medium,
            Confidence::Medium | Confidence::Low => Confidence::Low,
        }
    }
}

/// A line that a cause rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// When, as the log wrote it.
    pub time: Option<String>,
    /// Who; `verifier` for a finding in the artifact.
    pub process: Option<String>,
    /// The line.
    pub line: String,
}

impl Evidence {
    pub(crate) fn of(entry: &Entry) -> Evidence {
        Evidence {
            time: entry.clock.as_ref().map(|it| it.text.clone()),
            process: entry.process.clone(),
            line: entry.text.clone(),
        }
    }
}

/// A cause that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Its id (`CAUSES`).
    pub id: &'static str,
    /// How sure.
    pub confidence: Confidence,
    /// One line.
    pub title: &'static str,
    /// The lines it rests on, in order, each once.
    pub evidence: Vec<Evidence>,
    /// Why, with what speaks for and against it here.
    pub explanation: String,
    /// What to do.
    pub next: Vec<String>,
    /// Checks of the verifier.
    pub checks: Vec<&'static str>,
}

/// Everything triage has to say.
#[derive(Debug)]
pub struct Diagnosis {
    /// Most likely first; empty when nothing is wrong as far as the log goes.
    pub causes: Vec<Cause>,
    /// Messages set aside, with the reason.
    pub noise: Vec<(Evidence, &'static str)>,
    /// The messages, grouped.
    pub attempts: Vec<Attempt>,
    /// Codes met, decoded.
    pub codes: Vec<Decoded>,
    /// What was counted while reading.
    pub counts: Counts,
    /// The inputs.
    pub inputs: Vec<(String, Kind)>,
    /// The host, as far as known.
    pub host: Host,
    /// Crash reports.
    pub crashes: Vec<Crash>,
    /// Things a reader should know: what was redacted, what was not kept, what has not been tried.
    pub notes: Vec<String>,
}

/// The step for logs with redacted fields.
const PRIVATE_DATA: &str = "parts of the log are withheld (`<private>`): install a com.apple.system.logging profile with Enable-Private-Data (`cargo xtask harness prepare` writes one), and try again";
/// Evidence lines per cause; a page has room for no more, and the timeline has the rest.
const MOST_EVIDENCE: usize = 12;

/// Judges what was read, together with the verifier's findings.
pub fn judge(mut reading: Reading, artifact: &Artifact) -> Diagnosis {
    let counts = reading.counts.clone();
    let inputs = std::mem::take(&mut reading.inputs);
    let host = reading.host.clone();
    let crashes = std::mem::take(&mut reading.crashes);
    let attempts = attempts(reading.into_found());
    let mut merged: BTreeMap<&'static str, Candidate> = BTreeMap::new();
    for attempt in &attempts {
        for (id, candidate) in weigh(attempt, &host) {
            match merged.get_mut(id) {
                Some(before) => {
                    before.confidence = before.confidence.max(candidate.confidence);
                    before.evidence.extend(candidate.evidence);
                    before.remarks.extend(candidate.remarks);
                }
                None => {
                    merged.insert(id, candidate);
                }
            }
        }
    }
    artifact::join(&mut merged, artifact, &host);
    let is_specific = merged.keys().any(|it| cause::text(it).is_some_and(|it| !it.is_generic));
    if is_specific || merged.contains_key("exec-refused") {
        merged.remove("unknown");
    }
    let is_anything_known = attempts.iter().any(|it| it.rows.iter().any(|it| !it.signatures.is_empty()));
    if merged.is_empty() && !is_anything_known {
        merged.insert(
            "unknown",
            Candidate {
                confidence: Confidence::Low,
                rows: Vec::new(),
                stage: Stage::Host,
                remarks: Vec::new(),
                evidence: Vec::new(),
            },
        );
    }
    let is_redacted = attempts.iter().any(|it| it.rows.iter().any(|it| it.entry.is_redacted()));
    let mut causes: Vec<Cause> =
        merged.into_iter().filter_map(|(id, candidate)| finished(id, candidate, is_redacted)).collect();
    causes.sort_by_key(|it| {
        (
            std::cmp::Reverse(it.confidence),
            cause::text(it.id).is_some_and(|it| it.is_generic),
            order_of(it.id),
        )
    });
    let noise = noise(&attempts);
    let mut codes: Vec<Decoded> = Vec::new();
    for row in attempts.iter().flat_map(|it| &it.rows) {
        for code in decode::codes(&row.entry.text) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
    }
    let notes = notes(&counts, is_redacted, &inputs);
    Diagnosis { causes, noise, attempts, codes, counts, inputs, host, crashes, notes }
}

fn finished(id: &'static str, mut candidate: Candidate, is_redacted: bool) -> Option<Cause> {
    let text = cause::text(id)?;
    if id == "unknown" {
        candidate.confidence = Confidence::Low;
    }
    let mut explanation = text.explanation.to_string();
    candidate.remarks.dedup();
    for remark in candidate.remarks {
        if !explanation.contains(&remark) {
            explanation.push(' ');
            explanation.push_str(&remark);
        }
    }
    let mut next: Vec<String> = text.next.iter().map(|it| it.to_string()).collect();
    if is_redacted {
        next.push(PRIVATE_DATA.to_string());
    }
    let mut evidence: Vec<Evidence> = Vec::new();
    for it in candidate.evidence {
        if evidence.len() < MOST_EVIDENCE && !evidence.contains(&it) {
            evidence.push(it);
        }
    }
    Some(Cause {
        id,
        confidence: candidate.confidence,
        title: text.title,
        evidence,
        explanation,
        next,
        checks: text.checks.to_vec(),
    })
}

fn order_of(id: &str) -> usize {
    cause::CAUSES.iter().position(|it| it.id == id).unwrap_or(usize::MAX)
}

fn noise(attempts: &[Attempt]) -> Vec<(Evidence, &'static str)> {
    let mut all: Vec<(Evidence, &'static str)> = Vec::new();
    for row in attempts.iter().flat_map(|it| &it.rows) {
        for signature in row.signatures.iter().filter(|it| it.role == Role::Noise) {
            // One line of each kind is enough to say that it does not matter.
            if !all.iter().any(|(_, why)| *why == signature.meaning) {
                all.push((Evidence::of(&row.entry), signature.meaning));
            }
        }
    }
    all
}

fn notes(counts: &Counts, is_redacted: bool, inputs: &[(String, Kind)]) -> Vec<String> {
    let mut notes = Vec::new();
    if is_redacted {
        notes.push(PRIVATE_DATA.to_string());
    }
    if counts.repeated > 0 {
        notes.push(format!("{} repetitions of messages are counted and not shown", counts.repeated));
    }
    if counts.malformed > 0 {
        notes.push(format!("{} lines or records were malformed or cut", counts.malformed));
    }
    if counts.unread > 0 {
        notes.push(format!(
            "{} parts of an archive could not be read; messages may be missing",
            counts.unread
        ));
    }
    if inputs.iter().any(|it| it.1 == Kind::Logarchive) {
        notes.push(
            "reading .logarchive is not yet tried on a real archive: compare with `log show` on a Mac"
                .to_string(),
        );
    }
    notes
}
