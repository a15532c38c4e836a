//! From messages to causes: an earlier line of a lower layer explains later ones.

use std::collections::{BTreeMap, BTreeSet};

use crate::artifact::{Artifact, BEARINGS};
use crate::cause;
use crate::decode::{self, Decoded};
use crate::entry::Entry;
use crate::host::Host;
use crate::input::{Counts, Kind, Reading, crash::Crash};
use crate::signature::{Role, Signature, Stage};
use crate::timeline::{Attempt, Row, attempts};

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

    fn lowered(self) -> Confidence {
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
    fn of(entry: &Entry) -> Evidence {
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

/// A cause while it is weighed.
#[derive(Debug, Clone)]
struct Candidate {
    confidence: Confidence,
    /// Rows in the attempt.
    rows: Vec<usize>,
    stage: Stage,
    remarks: Vec<String>,
    evidence: Vec<Evidence>,
}

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
    join_artifact(&mut merged, artifact, &host);
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

/// The causes of one attempt.
fn weigh(attempt: &Attempt, host: &Host) -> BTreeMap<&'static str, Candidate> {
    let rows = &attempt.rows;
    let mut candidates: BTreeMap<&'static str, Candidate> = BTreeMap::new();
    let mut consequences: BTreeMap<&'static str, Candidate> = BTreeMap::new();
    let mut excluded: Vec<&'static str> = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        for signature in &row.signatures {
            excluded.extend(signature.excludes);
            match signature.role {
                Role::Cause(id, confidence) => add(&mut candidates, id, confidence, n, signature.stage),
                Role::Consequence(id) => add(&mut consequences, id, Confidence::Low, n, signature.stage),
                Role::Noise | Role::Success | Role::Context => {}
            }
        }
    }
    combine(&mut candidates, &mut consequences, rows, host);
    candidates.retain(|id, _| !excluded.contains(id));
    consequences.retain(|id, _| !excluded.contains(id));

    // What only reports from above is explained by anything specific that is earlier, or on a lower layer.
    let specific: Vec<Candidate> = candidates
        .iter()
        .filter(|(id, _)| cause::text(id).is_some_and(|it| !it.is_generic))
        .map(|it| it.1.clone())
        .collect();
    let is_explained = |it: &Candidate| specific.iter().any(|other| explains(rows, other, it));
    candidates.retain(|id, it| !cause::text(id).is_some_and(|it| it.is_generic) || !is_explained(it));
    // A red herring that is all there is takes the reports about it with it.
    let has = |id: &str| rows.iter().any(|it| it.signatures.iter().any(|it| it.id == id));
    if has("no-policy-outside-applications") {
        consequences.remove("unknown");
    }
    let went_on = ["staging", "state-advances", "validating", "activation-decision"].into_iter().any(has);
    if went_on
        && !rows.iter().any(|it| {
            it.signatures
                .iter()
                .any(|it| matches!(it.role, Role::Consequence("unknown")) && it.id != "realize-attempt")
        })
    {
        consequences.remove("unknown");
    }
    if candidates.is_empty() {
        candidates = consequences;
        if candidates.len() > 1 {
            candidates.remove("unknown");
        }
        // Several reporters of a refusal at exec make it sure that it was one, though not why.
        let reports = |it: &&'static Signature| it.role == Role::Consequence("exec-refused");
        let kinds: BTreeSet<&str> =
            rows.iter().flat_map(|it| &it.signatures).filter(|it| reports(it)).map(|it| it.id).collect();
        if let Some(it) = candidates.get_mut("exec-refused")
            && kinds.len() > 1
        {
            it.confidence = Confidence::Medium;
        }
    }
    for (id, candidate) in &mut candidates {
        temper(id, candidate, rows);
    }
    candidates
}

fn add(
    into: &mut BTreeMap<&'static str, Candidate>,
    id: &'static str,
    confidence: Confidence,
    row: usize,
    stage: Stage,
) {
    let it = into.entry(id).or_insert_with(|| Candidate {
        confidence,
        rows: Vec::new(),
        stage,
        remarks: Vec::new(),
        evidence: Vec::new(),
    });
    it.confidence = it.confidence.max(confidence);
    if it.rows.last() != Some(&row) {
        it.rows.push(row);
    }
}

/// Whether a specific cause explains a generic one: some line of it is earlier, or on a lower layer.
fn explains(rows: &[Row], cause: &Candidate, report: &Candidate) -> bool {
    let first = report.rows.first().copied().unwrap_or(0);
    let layer = report.rows.iter().filter_map(|it| rows.get(*it)).map(Row::layer).min();
    cause.rows.iter().any(|n| *n <= first || rows.get(*n).map(Row::layer) <= layer)
}

/// What several lines say together.
fn combine(
    candidates: &mut BTreeMap<&'static str, Candidate>,
    consequences: &mut BTreeMap<&'static str, Candidate>,
    rows: &[Row],
    host: &Host,
) {
    let at = |id: &str| rows.iter().position(|it| it.signatures.iter().any(|it| it.id == id));
    // A claim that arm64 is refused, next to a refusal: the claim is named, and named as disputed.
    if let Some(n) = at("claim-arm64e-needed")
        && consequences.contains_key("exec-refused")
        && !candidates.contains_key("arm64e-slice")
    {
        add(candidates, "dext-arch-not-arm64e", Confidence::Low, n, Stage::Exec);
    }
    // A wrong offset is proved by the offset and what was found there.
    if let (Some(n), Some(it)) = (at("universal-offset"), candidates.get_mut("bad-universal-offset")) {
        it.confidence = Confidence::High;
        it.rows.insert(0, n);
        it.rows.sort_unstable();
    }
    if let (Some(n), Some(it)) =
        (at("adhoc-runtime-flags"), candidates.get_mut("adhoc-with-hardened-runtime"))
    {
        it.confidence = Confidence::High;
        it.rows.push(n);
        it.rows.sort_unstable();
        it.rows.dedup();
    }
    // No answer from the daemon, and no line about tickets: there may be no ticket at all.
    if at("notarization-daemon-error").is_some() && at("ticket-unparseable").is_none() {
        if let Some(n) = at("requirement-not-satisfied") {
            add(candidates, "not-notarized", Confidence::Low, n, Stage::Validate);
        }
    }
    if let Some(it) = candidates.get_mut("launch-constraints-on-old-os") {
        match host.macos {
            Some((13, _)) => {
                it.confidence = Confidence::High;
                it.remarks.push("The log is from macOS 13.".to_string());
            }
            Some((major, _)) if at("launch-constraint-on-itself").is_none() => {
                let found = candidates.remove("launch-constraints-on-old-os");
                if let Some(mut found) = found {
                    found.confidence = Confidence::Medium;
                    found.remarks.push(format!("The log is from macOS {major}, which handles third-party launch constraints: the constraint itself is not met."));
                    candidates.entry("launch-constraint-violation").or_insert(found);
                }
            }
            Some((major, _)) => {
                it.confidence = Confidence::Low;
                it.remarks.push(format!(
                    "Contradiction: the log names macOS {major}, where this is not known to happen."
                ));
            }
            None => {}
        }
    }
    // A listing proves installation; alone it can only raise the question of the version.
    let is_alone = candidates.is_empty()
        && consequences.is_empty()
        && !rows.iter().any(|it| it.signatures.iter().any(|it| it.role == Role::Success));
    if is_alone && let Some(n) = at("listed-enabled") {
        add(candidates, "old-version-still-active", Confidence::Low, n, Stage::Activate);
    }
    if candidates.contains_key("approval-missing")
        && (at("listed-enabled").is_some() || at("request-finished").is_some())
    {
        candidates.remove("approval-missing");
    }
}

/// Lowers the confidence for what is withheld, contradicted or disputed, and gathers the evidence.
fn temper(id: &str, candidate: &mut Candidate, rows: &[Row]) {
    let mut mine: Vec<&Row> = candidate.rows.iter().filter_map(|it| rows.get(*it)).collect();
    if mine.iter().any(|it| it.entry.is_redacted()) {
        candidate.confidence = candidate.confidence.lowered();
        candidate.remarks.push("Parts of these lines are withheld (`<private>`).".to_string());
    }
    let last = candidate.rows.last().copied().unwrap_or(0);
    let names: Vec<String> = mine.iter().flat_map(|it| subjects(&it.entry.text)).collect();
    let against = rows.iter().enumerate().skip(last + 1).map(|it| it.1).find(|row| {
        let comes_further = row.signatures.iter().any(|it| {
            it.role == Role::Success && it.stage >= candidate.stage && CONTRADICTING.contains(&it.id)
        });
        let theirs = subjects(&row.entry.text);
        comes_further && (names.is_empty() || theirs.is_empty() || theirs.iter().any(|it| names.contains(it)))
    });
    if let Some(row) = against {
        candidate.confidence = candidate.confidence.lowered();
        candidate.remarks.push(format!("Against it speaks a later line: `{}`.", row.entry.text));
    }
    if cause::text(id).is_some_and(|it| it.is_disputed) {
        candidate.confidence = candidate.confidence.min(Confidence::Medium);
    }
    // Lines that a process wrote come before what people wrote about them.
    mine.sort_by_key(|it| it.entry.process.is_none());
    candidate.evidence = mine.iter().map(|it| Evidence::of(&it.entry)).collect();
}

/// Successes that prove that loading came through a stage, when they come after a refusal.
const CONTRADICTING: &[&str] =
    &["started", "server-launched", "profile-allows", "request-finished", "kext-allowed"];

/// Bundle identifiers that a line names; Apple's own are not the subject.
fn subjects(text: &str) -> Vec<String> {
    text.split(|it: char| !(it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_')))
        .filter(|it| {
            it.split('.').filter(|it| !it.is_empty()).count() >= 3
                && it.starts_with(|it: char| it.is_ascii_lowercase())
        })
        .filter(|it| !it.starts_with("com.apple."))
        .map(|it| {
            it.trim_matches('.').trim_end_matches(".dext").trim_end_matches(".app").to_ascii_lowercase()
        })
        .map(|it| it.rsplit_once("-0x").map_or(it.clone(), |(name, _)| name.to_string()))
        .collect()
}

/// Joins the verifier's findings: a finding that explains a report from above becomes the cause.
fn join_artifact(merged: &mut BTreeMap<&'static str, Candidate>, artifact: &Artifact, host: &Host) {
    for bearing in BEARINGS {
        let findings: Vec<Evidence> = artifact
            .of(bearing.check)
            .map(|it| Evidence {
                time: None,
                process: Some("verifier".to_string()),
                line: format!("{}: {}", it.path, it.found),
            })
            .collect();
        if findings.is_empty() {
            continue;
        }
        let explained: Vec<Candidate> =
            bearing.explains.iter().filter_map(|it| merged.get(it)).cloned().collect();
        let Some(first) = explained.first() else { continue };
        // `unknown` alone is too little: for exec there must be a refusal.
        if bearing.cause == "arm64e-slice" && !merged.contains_key("exec-refused") {
            continue;
        }
        let mut joined = first.clone();
        for other in explained.iter().skip(1) {
            joined.evidence.extend(other.evidence.clone());
        }
        joined.confidence =
            if bearing.cause == "arm64e-slice" { Confidence::High } else { Confidence::Medium };
        joined.evidence.extend(findings);
        if bearing.cause == "arm64e-slice" {
            joined.remarks.push(arm64e_mechanism(host));
        }
        for it in bearing.explains {
            merged.remove(it);
        }
        merged.insert(bearing.cause, joined);
    }
    if artifact.is_known
        && artifact.of("arm64e-slice").next().is_none()
        && let Some(it) = merged.get_mut("exec-refused")
    {
        it.remarks.push(
            "The artifact has no finding about an arm64e slice, which leaves profile and signature."
                .to_string(),
        );
    }
}

/// The mechanism is named only where the kernel's source is known.
fn arm64e_mechanism(host: &Host) -> String {
    match host.macos {
        Some((major, minor)) if major <= 15 => {
            format!("On macOS {major}.{minor} this is gate A of the kernel: a third-party arm64e image with ABI version 0 is not run unless the boot-arg -arm64e_preview_abi is set.")
        }
        Some((major, minor)) => format!("By which mechanism macOS {major}.{minor} refuses it is unknown; that removing the slice cures it is reported."),
        None => "By which mechanism it is refused is unknown, because the log does not name the version of macOS: up to macOS 15 it is gate A of the kernel, later the mechanism is unknown and the cure reported.".to_string(),
    }
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
