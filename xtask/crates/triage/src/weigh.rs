//! One attempt: which lines name a cause, which follow from it, and what speaks against it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cause;
use crate::host::Host;
use crate::judge::{Confidence, Evidence};
use crate::signature::{Pattern, Role, Signature, Stage};
use crate::timeline::{Attempt, Row};

/// A cause while it is weighed.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// How sure by now.
    pub(crate) confidence: Confidence,
    /// Rows in the attempt.
    pub(crate) rows: Vec<usize>,
    /// How far loading had come.
    pub(crate) stage: Stage,
    /// What speaks for and against it here.
    pub(crate) remarks: Vec<String>,
    /// The lines themselves.
    pub(crate) evidence: Vec<Evidence>,
}

/// The causes of one attempt.
pub(crate) fn weigh(attempt: &Attempt, host: &Host) -> BTreeMap<&'static str, Candidate> {
    let rows = &attempt.rows;
    let mut candidates: BTreeMap<&'static str, Candidate> = BTreeMap::new();
    let mut consequences: BTreeMap<&'static str, Candidate> = BTreeMap::new();
    let mut excluded: Vec<&'static str> = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        for signature in &row.signatures {
            excluded.extend(signature.excludes);
            match signature.role {
                // A number without its domain is a weaker statement.
                Role::Cause(id, confidence)
                    if signature.id.starts_with("sx-")
                        && !row.entry.text.contains("OSSystemExtensionError")
                        && !is_worded(signature) =>
                {
                    add(&mut candidates, id, confidence.lowered(), n, signature.stage)
                }
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
            && it.rows.len() > 1
        {
            it.confidence = Confidence::Medium;
        }
    }
    for (id, candidate) in &mut candidates {
        temper(id, candidate, rows);
    }
    candidates
}

/// Whether the signature looks at words, not at a number.
fn is_worded(signature: &Signature) -> bool {
    matches!(signature.pattern, Pattern::Text(_))
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
    if at("notarization-daemon-error").is_some()
        && at("ticket-unparseable").is_none()
        && let Some(n) = at("requirement-not-satisfied")
    {
        add(candidates, "not-notarized", Confidence::Low, n, Stage::Validate);
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
