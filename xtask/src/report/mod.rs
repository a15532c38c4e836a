//! One report, many shapes.
//!
//! ```text
//!   Subject + Vec<CheckOutcome> ─▶ Report (schema 1 of README, "Reports") ─▶ text · json · junit · sarif · github · html
//! ```
//! The report has its own, versioned shape; nothing inside the tool is serialized. Same input, same bytes: no clock, everything in
//! the order of the catalogue and of paths.

pub mod github;
pub mod html;
mod html_findings;
mod html_style;
pub mod junit;
mod read;
pub mod sarif;
pub mod text;

use checks::{CheckOutcome, Mode, Outcome, Policy, Severity, Subject, Verdict, subject::Code};
use formats::signature::digest::hex;
use serde::{Deserialize, Serialize};

/// Version of the JSON shape.
pub const SCHEMA: u32 = 1;

/// One of the words that reports have a fixed set of.
pub type Word = &'static str;

/// Everything that is reported of one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Who made the report.
    pub tool: Tool,
    /// `passed`, `failed` or `incomplete`.
    #[serde(deserialize_with = "read::word")]
    pub verdict: Word,
    /// True when stand-ins answered instead of Apple's tools; left out otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// What a reader should know of how it came about: an open SDK, a linker nobody tried; left out when there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What was looked at.
    pub subject: Looked,
    /// How many of what.
    pub counts: Counts,
    /// Every check, in the order of the catalogue.
    pub checks: Vec<Checked>,
}

/// The tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its version.
    pub version: String,
}

/// The subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// Its name.
    pub path: String,
    /// `app`, `dext`, `bundle`, `macho`, `zip`, `pkg` or `dmg`.
    #[serde(deserialize_with = "read::word")]
    pub kind: Word,
    /// `distribution`, `development`, `rehearsal`, `adhoc`, `appstore` or `unsigned`.
    #[serde(deserialize_with = "read::word")]
    pub mode: Word,
    /// Every slice of all code.
    pub code: Vec<Slice>,
    /// Who signed, each once, in the order of the code.
    pub signers: Vec<Signer>,
    /// Tickets and what they cover.
    pub tickets: Vec<Ticket>,
}

/// One slice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Its file.
    pub path: String,
    /// Signing identifier.
    pub identifier: Option<String>,
    /// Team.
    pub team: Option<String>,
    /// Architecture.
    pub arch: String,
    /// Platform it was built for.
    pub platform: Option<String>,
    /// Code directory hash; `null`: not signed.
    pub cdhash: Option<String>,
}

/// One signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// What it signed: `code`, or the container's kind.
    #[serde(deserialize_with = "read::word")]
    pub signed: Word,
    /// Team, from the leaf.
    pub team: Option<String>,
    /// Names of the certificates, leaf first.
    pub chain: Vec<String>,
    /// Where the chain ends.
    pub anchor: String,
    /// Secure timestamp, RFC 3339; `null`: there is none.
    pub timestamp: Option<String>,
    /// End of the leaf's validity.
    pub leaf_not_after: Option<String>,
}

/// One ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// What it is stapled to.
    pub path: String,
    /// Whether its signature and chain hold.
    pub genuine: bool,
    /// When it was issued.
    pub time: Option<String>,
    /// How many hashes it lists.
    pub entries: usize,
    /// How many slices of the subject it lists, of how many that are signed.
    pub covered: (usize, usize),
    /// Whether it lists the container that it is stapled to; `null`: it is stapled to a bundle.
    pub covers_container: Option<bool>,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// How many.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub not_run: usize,
    pub not_applicable: usize,
    pub errors: usize,
    pub warnings: usize,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "read::Checked")]
pub struct Checked {
    /// Its id.
    pub id: Word,
    /// The truth that should hold.
    pub title: Word,
    /// `bytes`, `macos` or `runner`.
    pub needs: Word,
    /// The highest of its findings, else its usual one.
    pub severity: Word,
    /// `passed`, `failed`, `not_run` or `not_applicable`.
    pub outcome: Word,
    /// Why it did not look.
    pub reason: Option<String>,
    /// What it found.
    pub findings: Vec<Finding>,
    /// Why it matters; not in the JSON (`explain` has it).
    #[serde(skip)]
    pub why: Word,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `error`, `warning` or `info`.
    #[serde(deserialize_with = "read::word")]
    pub severity: Word,
    /// Where.
    pub path: String,
    /// The slice.
    pub arch: Option<String>,
    /// Offset in the file.
    pub offset: Option<u64>,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What to do.
    pub fix: String,
    /// The line of configuration that asked; left out when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
}

impl Report {
    /// The report of `outcomes` about `subject`. `require_all`: every check was asked for.
    pub fn of(subject: &Subject, policy: &Policy, outcomes: &[CheckOutcome], require_all: bool) -> Self {
        let is_unreadable = !subject.faults.is_empty();
        let verdict = match Verdict::of(outcomes, require_all) {
            // A subject that could not be read whole cannot have passed, whatever was seen of it.
            Verdict::Passed if is_unreadable => Verdict::Incomplete,
            other => other,
        };
        Self {
            schema: SCHEMA,
            tool: Tool { version: env!("CARGO_PKG_VERSION").to_owned() },
            verdict: verdict.name(),
            simulated: subject.host.as_ref().is_some_and(|it| it.is_simulated),
            notes: Vec::new(),
            subject: Looked {
                path: subject.path.clone(),
                kind: subject.kind.name(),
                mode: Mode::of(subject, policy).name(),
                code: subject.codes.iter().flat_map(slices).collect(),
                signers: signers(subject),
                tickets: tickets(subject),
            },
            counts: counts(outcomes),
            checks: outcomes.iter().map(checked).collect(),
        }
    }

    /// The same report with these checks run again, or run at last: the others stand as they were. `require_all` as in [`Report::of`].
    pub fn retaken(&self, outcomes: &[CheckOutcome], simulated: bool, require_all: bool) -> Self {
        let mut again = self.clone();
        again.simulated |= simulated;
        for outcome in outcomes {
            if let Some(place) = again.checks.iter_mut().find(|it| it.id == outcome.check.id) {
                *place = checked(outcome);
            }
        }
        again.counts = Counts::default();
        for it in &again.checks {
            match it.outcome {
                "passed" => again.counts.passed += 1,
                "failed" => again.counts.failed += 1,
                "not_run" => again.counts.not_run += 1,
                _ => again.counts.not_applicable += 1,
            }
            let of = |severity| it.findings.iter().filter(|it| it.severity == severity).count();
            again.counts.errors += of("error");
            again.counts.warnings += of("warning");
        }
        again.verdict = match (again.counts.errors, self.verdict) {
            (1.., _) => Verdict::Failed.name(),
            // It was incomplete for a reason of its own: a gap among the checks that run anywhere, an unreadable subject.
            (0, "incomplete") => Verdict::Incomplete.name(),
            (0, _) if require_all && again.counts.not_run > 0 => Verdict::Incomplete.name(),
            (0, _) => Verdict::Passed.name(),
        };
        again
    }

    /// One line of JSON.
    pub fn to_json(&self) -> String {
        let mut line = serde_json::to_string(self).expect("a report has only text, numbers and lists");
        line.push('\n');
        line
    }

    /// All findings with their checks, errors first, otherwise in the order of the catalogue.
    pub fn findings(&self) -> Vec<(&Checked, &Finding)> {
        let mut all: Vec<_> =
            self.checks.iter().flat_map(|it| it.findings.iter().map(move |f| (it, f))).collect();
        all.sort_by_key(|it| match it.1.severity {
            "error" => 0,
            "warning" => 1,
            _ => 2,
        });
        all
    }
}

impl Finding {
    /// `Host.app/…/driver, slice arm64 (offset 0x24000)`.
    pub fn place(&self) -> String {
        let arch = self.arch.as_ref().map(|it| format!(", slice {it}")).unwrap_or_default();
        let offset = self.offset.map(|it| format!(" (offset {it:#x})")).unwrap_or_default();
        format!("{}{arch}{offset}", self.path)
    }
}

fn checked(it: &CheckOutcome) -> Checked {
    Checked {
        id: it.check.id,
        title: it.check.title,
        needs: it.check.needs.name(),
        severity: it.severity().name(),
        outcome: it.outcome.name(),
        reason: it.outcome.reason().map(str::to_owned),
        findings: it.findings.iter().map(|finding| self::finding(it, finding)).collect(),
        why: it.check.why,
    }
}

fn finding(outcome: &CheckOutcome, it: &checks::Finding) -> Finding {
    Finding {
        severity: it.severity.name(),
        path: it.at.path.clone(),
        arch: it.at.arch.map(|it| it.to_string()),
        offset: it.at.offset,
        expected: it.expected.clone(),
        found: it.found.clone(),
        fix: it.fix.clone().unwrap_or_else(|| outcome.check.fix.to_owned()),
        asked_by: it.asked_by.clone(),
    }
}

fn counts(outcomes: &[CheckOutcome]) -> Counts {
    let mut counts = Counts::default();
    for it in outcomes {
        match it.outcome {
            Outcome::Passed => counts.passed += 1,
            Outcome::Failed => counts.failed += 1,
            Outcome::NotRun(_) => counts.not_run += 1,
            Outcome::NotApplicable(_) => counts.not_applicable += 1,
        }
        let of = |severity| it.findings.iter().filter(|it| it.severity == severity).count();
        counts.errors += of(Severity::Error);
        counts.warnings += of(Severity::Warning);
    }
    counts
}

fn slices(code: &Code) -> Vec<Slice> {
    let of = |image: &checks::subject::Image| {
        let directory = image.signature.present().and_then(|it| it.best());
        Slice {
            path: code.path.clone(),
            identifier: directory.map(|it| it.identifier.clone()),
            team: directory.and_then(|it| it.team.clone()),
            arch: image.arch().to_string(),
            platform: image.macho.targets().first().map(|it| it.0.to_string()),
            cdhash: directory.map(|it| hex(&it.cdhash)),
        }
    };
    code.images().map(of).collect()
}

fn signers(subject: &Subject) -> Vec<Signer> {
    let containers =
        subject.containers.iter().filter_map(|it| Some((container_kind(it.kind), it.signature.present()?)));
    let codes = subject.signatures().filter_map(|(_, _, it)| Some(("code", it.cms.present()?)));
    let mut found: Vec<Signer> = Vec::new();
    for (signed, cms) in containers.chain(codes) {
        let signer = Signer {
            signed,
            team: cms.leaf().and_then(|it| it.unit.clone()),
            chain: cms.chain.iter().map(|it| it.name.clone()).collect(),
            anchor: anchor(&cms.anchor),
            timestamp: cms.timestamp.present().map(|it| it.time.to_string()),
            leaf_not_after: cms.leaf().map(|it| it.not_after.to_string()),
        };
        let is_known = |it: &Signer| {
            Signer { timestamp: None, ..it.clone() } == Signer { timestamp: None, ..signer.clone() }
        };
        if !found.iter().any(is_known) {
            found.push(signer);
        }
    }
    found
}

/// As the report spells a container's kind.
pub fn container_kind(it: checks::subject::ContainerKind) -> &'static str {
    use checks::subject::ContainerKind as K;
    match it {
        K::Zip => "zip",
        K::Pkg => "pkg",
        K::Dmg => "dmg",
    }
}

/// Where a chain ends, for people.
pub fn anchor(it: &checks::subject::Anchor) -> String {
    use checks::subject::Anchor as A;
    match it {
        A::Pinned(name) => format!("{name} (pinned)"),
        A::Given(name) => format!("{name} (given)"),
        A::Unknown(name) => format!("{name} (nobody vouches for it)"),
        A::Broken(why) => format!("nowhere: {why}"),
    }
}

fn tickets(subject: &Subject) -> Vec<Ticket> {
    let hashes: Vec<(u8, [u8; 20])> = subject
        .signatures()
        .filter_map(|(_, _, it)| it.best())
        .map(|it| (it.hash_type.number(), it.cdhash))
        .collect();
    let of = |it: &checks::subject::Ticket| {
        let content = it.content.present();
        let is_pinned = |anchor: &checks::subject::Anchor| {
            matches!(anchor, checks::subject::Anchor::Pinned(_) | checks::subject::Anchor::Given(_))
        };
        let fault = it.content.fault().map(ToString::to_string);
        let container = subject.containers.iter().find(|container| container.path == it.path);
        let covers = |hashes: &[(u8, [u8; 20])]| {
            content.is_some_and(|it| !hashes.is_empty() && hashes.iter().all(|hash| it.covers.contains(hash)))
        };
        Ticket {
            path: it.path.clone(),
            genuine: content.is_some_and(|it| it.signature.is_ok() && is_pinned(&it.anchor)),
            time: content.map(|it| it.time.to_string()),
            entries: content.map_or(0, |it| it.covers.len()),
            covered: (
                content.map_or(0, |it| hashes.iter().filter(|hash| it.covers.contains(hash)).count()),
                hashes.len(),
            ),
            covers_container: container.map(|it| covers(&it.ticket_hashes)),
            fault: fault.or_else(|| content.and_then(|it| it.signature.clone().err())),
        }
    };
    subject.tickets.iter().map(of).collect()
}
