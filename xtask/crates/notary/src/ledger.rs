//! The ledger: what was handed to the notary and how it stands, beside the product, so that no id is ever lost.
//!
//! Written before the first byte is announced and at every change; readable by a person; holds no secret.
//!
//! ```text
//!   announced ─▶ granted ─▶ uploading ─▶ finishing ─▶ uploaded ─▶ accepted | invalid | rejected
//!       └───────────┴─────────── abandoned ┘   │            └────▶ vanished
//!     nothing was handed in: a new id          └ may have been handed in: watched before anything is sent again
//! ```

use serde::{Deserialize, Serialize};

use crate::{
    clock,
    error::{Error, Result},
};

/// Version of the file's shape.
const SCHEMA: u32 = 1;
/// A ledger of this many bytes is no ledger of ours: each submission takes about a kilobyte.
const LONGEST: usize = 4 << 20;

/// Where ledgers and logs are kept. Every write is complete or does not happen, and is for the owner's eyes only.
pub trait Store {
    /// The ledger of this product; `None` when there is none.
    fn load(&self) -> Result<Option<String>>;
    /// Puts `text` in its place by one rename.
    fn save(&self, text: &str) -> Result<()>;
    /// Moves a ledger about other bytes out of the way; `digest` are the first letters of what it is about.
    fn set_aside(&self, digest: &str) -> Result<()>;
    /// Keeps a developer log; returns the file's name.
    fn keep_log(&self, id: &str, bytes: &[u8]) -> Result<String>;
}

/// What happened to one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    schema: u32,
    /// The bytes that were submitted.
    pub product: Product,
    /// Record names of all code in the product.
    pub hashes: Vec<String>,
    /// Oldest first.
    pub submissions: Vec<Entry>,
}

/// The bytes that were submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// File name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// In hex.
    pub sha256: String,
}

/// One submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name it was submitted under.
    pub name: String,
    /// The key that submitted it.
    pub key: String,
    /// The notary's id; absent before its answer arrived.
    pub id: Option<String>,
    /// How it stands.
    pub phase: Phase,
    /// Why the same bytes were submitted once more; absent for the first.
    pub again: Option<String>,
    /// File that holds the developer log.
    pub log: Option<String>,
    /// Every change, oldest first.
    pub events: Vec<Event>,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, in UTC.
    pub at: String,
    /// What.
    pub what: String,
}

/// How a submission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The notary is about to be asked for an id.
    Announced,
    /// There is an id; nothing was uploaded.
    Granted,
    /// Bytes are on their way; they count for nothing until the last of them.
    Uploading,
    /// What makes the upload count is on its way. After a crash nobody knows whether it arrived.
    Finishing,
    /// The notary has the bytes.
    Uploaded,
    /// Notarized.
    Accepted,
    /// Refused.
    Invalid,
    /// Refused without looking.
    Rejected,
    /// The notary knows the id no more.
    Vanished,
    /// Nothing was handed in under this id.
    Abandoned,
}

impl Phase {
    /// The word in the file.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Announced => "announced",
            Phase::Granted => "granted",
            Phase::Uploading => "uploading",
            Phase::Finishing => "finishing",
            Phase::Uploaded => "uploaded",
            Phase::Accepted => "accepted",
            Phase::Invalid => "invalid",
            Phase::Rejected => "rejected",
            Phase::Vanished => "vanished",
            Phase::Abandoned => "abandoned",
        }
    }
}

impl Ledger {
    /// A ledger without submissions.
    pub fn new(product: Product, hashes: Vec<String>) -> Self {
        Self { schema: SCHEMA, product, hashes, submissions: Vec::new() }
    }

    /// Reads a ledger. One that cannot be read is an error, never an empty one: it may hold the only trace of a submission.
    pub fn parse(text: &str) -> Result<Self> {
        let doing = "read the ledger of earlier submissions";
        let hint = "move it away to start anew (the submissions stay listed in `cargo xtask notary history`)";
        if text.len() > LONGEST {
            return Err(Error::local(doing, format!("{} bytes are too many", text.len())).hint(hint));
        }
        let ledger: Self =
            serde_json::from_str(text).map_err(|error| Error::local(doing, error).hint(hint))?;
        if ledger.schema != SCHEMA {
            let cause = format!("it has schema {}, this program knows {SCHEMA}", ledger.schema);
            return Err(Error::local(doing, cause).hint("use the program that wrote it"));
        }
        Ok(ledger)
    }

    /// As it is written.
    pub fn text(&self) -> Result<String> {
        let text =
            serde_json::to_string_pretty(self).map_err(|error| Error::local("write the ledger", error))?;
        Ok(text + "\n")
    }

    /// The submission that counts: the newest that was not abandoned.
    pub fn current(&self) -> Option<&Entry> {
        self.submissions.iter().rev().find(|it| it.phase != Phase::Abandoned)
    }
}

impl Entry {
    /// A submission that is about to be announced.
    pub fn new(name: &str, key: &str, again: Option<String>, now: u64) -> Self {
        let mut entry = Self {
            name: name.to_owned(),
            key: key.to_owned(),
            id: None,
            phase: Phase::Announced,
            again,
            log: None,
            events: Vec::new(),
        };
        entry.note(now, "announced");
        entry
    }

    /// Takes a new phase and notes it with its time.
    pub fn enter(&mut self, phase: Phase, now: u64, why: Option<&str>) {
        self.phase = phase;
        match why {
            Some(why) => self.note(now, &format!("{}: {why}", phase.name())),
            None => self.note(now, phase.name()),
        }
    }

    /// Notes something that changes no phase.
    pub fn note(&mut self, now: u64, what: &str) {
        self.events.push(Event { at: clock::timestamp(now), what: crate::redact::redact(what) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        let product = Product { name: "Host.pkg".into(), size: 3, sha256: "00".repeat(32) };
        let mut ledger = Ledger::new(product, vec![format!("2/1/{}", "d3".repeat(20))]);
        let mut entry = Entry::new("Host-0000.pkg", "ABC123DEFG", None, 1_781_698_055);
        entry.id = Some("1238aa04".into());
        entry.enter(Phase::Granted, 1_781_698_056, None);
        ledger.submissions.push(entry);
        ledger
    }

    #[test]
    fn a_ledger_survives_being_written_and_read() {
        let text = ledger().text().unwrap();
        assert_eq!(Ledger::parse(&text).unwrap(), ledger());
        assert!(text.contains("\"at\": \"2026-06-17T12:07:36Z\""), "{text}");
    }

    #[test]
    fn a_ledger_that_cannot_be_read_is_never_taken_for_an_empty_one() {
        let text = ledger().text().unwrap();
        for broken in ["", "{}", &text[..text.len() / 2], &text.replace("\"schema\": 1", "\"schema\": 2")] {
            assert!(Ledger::parse(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn an_abandoned_submission_does_not_count() {
        let mut ledger = ledger();
        ledger.submissions[0].enter(Phase::Abandoned, 0, Some("killed before the upload"));
        assert_eq!(ledger.current(), None);
    }
}
