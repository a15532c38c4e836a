//! System logs: what went wrong, why, and what to do next.
//!
//! ```text
//!                                                     │ signature (the catalogue)
//!                                                     ▼
//!                       attempts of hits ── judge ─▶ Diagnosis ── report ─▶ text | JSON | HTML
//! ```
//!
//! ```
//! let mut reading = triage::Reading::default();
//! triage::read("pasted", &mut "kernel: DK: Foo user server timeout\n".as_bytes(), &mut reading, &mut |_| {}).unwrap();
//! let diagnosis = triage::judge(reading, &triage::Artifact::default());
//! assert_eq!(diagnosis.causes[0].id, "unknown"); // a known consequence never becomes a cause
//! ```
//!
//! Readers come in, values go out: nothing here touches the disk, prints, or looks at a clock.

pub mod decode;
mod entry;
mod host;
mod input;
mod signature;

mod artifact;
mod cause;
mod judge;
mod timeline;
mod weigh;

pub mod report;

pub use artifact::{Artifact, ArtifactFinding};
pub use cause::{CAUSES, CauseText};
pub use decode::{Decoded, Domain, decode};
pub use entry::{Clock, Entry, Layer};
pub use host::Host;
pub use input::{Counts, Kind, Reading, archive, crash, detect, read, tar};
pub use judge::{Cause, Confidence, Diagnosis, Evidence, judge};
pub use signature::{CATALOGUE, Pattern, Role, Signature, Stage};
pub use timeline::{Attempt, Row};

/// One entry of the documentation, by its id: a cause, a log signature or an error code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The id asked for, in its canonical spelling.
    pub id: String,
    /// What it is, in one line.
    pub title: String,
    /// What it means.
    pub text: String,
    /// What to do about it.
    pub next: Vec<String>,
    /// Where the fact comes from; empty where it is our own rule.
    pub source: String,
}

/// What is known about a cause (`exec-refused`), a log signature (`user-server-timeout`, `H13`) or a code (`-67050`, `0xe00002c2`, `OSSystemExtensionErrorDomain:4`).
pub fn explain(id: &str) -> Option<Explanation> {
    if let Some(it) = CAUSES.iter().find(|it| it.id == id) {
        return Some(Explanation {
            id: it.id.to_string(),
            title: it.title.to_string(),
            text: it.explanation.to_string(),
            next: it.next.iter().map(|it| it.to_string()).collect(),
            source: String::new(),
        });
    }
    if let Some(it) =
        CATALOGUE.iter().find(|it| it.id == id || (!it.rule.is_empty() && it.rule.eq_ignore_ascii_case(id)))
    {
        return Some(Explanation {
            id: it.id.to_string(),
            title: format!("log line ({}, {}): `{}`", it.layer.name(), it.role.name(), it.example),
            text: it.meaning.to_string(),
            next: if it.next.is_empty() { Vec::new() } else { vec![it.next.to_string()] },
            source: format!("{}; seen on {}", it.source, it.seen),
        });
    }
    let decoded = decode::spelled(id);
    let first = decoded.first()?;
    Some(Explanation {
        id: id.to_string(),
        title: first.to_string(),
        text: decoded.iter().map(|it| it.to_string()).collect::<Vec<_>>().join("\n"),
        next: Vec::new(),
        source: "Apple's public headers".to_string(),
    })
}
