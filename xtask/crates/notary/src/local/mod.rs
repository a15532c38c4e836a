//! A notary of our own: the same protocol, the same ticket format, every fault on demand. Loopback only.
//!
//! ```text
//!   /notary/v2/submissions…              the API, tokens checked
//!   /notary-submissions-prod/prod/…      S3: signature checked, one piece or parts, aws-chunked
//!   /artifacts/<id>/developer_log.json   the log, behind a short-lived address
//!   /database/1/…/records/lookup         the ticket service
//! ```
//! What it knows of products comes in as an [`Examiner`], what makes its tickets real as a signing function; it has no opinion and no key of its
//! own. A rehearsal runs it in-process; `notary serve` runs it alone.

mod fault;
mod notary;
mod s3;
mod server;
mod webhook;
mod wire;

use std::{collections::BTreeSet, fmt, io::Write, sync::Arc, time::Duration};

pub use fault::{Fault, Harm, Ruling, Step, TicketFault};
pub use server::{LocalNotary, endpoints};

use crate::{clock::Clock, key::Owner, lookup::Hash};

/// Looks at what was uploaded.
pub trait Examiner: Send + Sync {
    /// Where part number `part` (1 when it came in one piece) of submission `id` goes; a part may come twice, the last one counts.
    fn receive(&self, id: &str, part: u32) -> std::io::Result<Box<dyn Write + Send>>;

    /// The verdict over parts 1 to `n_parts`, submitted as `name`. An error is trouble on our side, not a verdict.
    fn examine(&self, id: &str, name: &str, n_parts: u32) -> Result<Examination, String>;
}

/// What an examination found.
#[derive(Debug, Clone, Default)]
pub struct Examination {
    /// SHA-256 of all bytes, in hex.
    pub sha256: String,
    /// All code, for log and ticket.
    pub contents: Vec<Code>,
    /// Complaints in the notary's words. One of severity `error` makes it Invalid.
    pub issues: Vec<Complaint>,
}

/// One piece of code.
#[derive(Debug, Clone)]
pub struct Code {
    /// Path below the archive's name, empty for the archive itself.
    pub path: String,
    /// Its hash as a ticket lists it.
    pub hash: Hash,
    /// Architecture; a container has none.
    pub arch: Option<String>,
}

/// One complaint.
#[derive(Debug, Clone)]
pub struct Complaint {
    /// `error` or `warning`.
    pub severity: &'static str,
    /// Path below the archive's name.
    pub path: String,
    /// In the notary's words.
    pub message: String,
    /// Which slice.
    pub arch: Option<String>,
}

/// Signs a ticket for these hashes, issued at this time.
pub type SignTicket = dyn Fn(&BTreeSet<Hash>, u64) -> Result<Vec<u8>, String> + Send + Sync;

/// Seals a webhook's payload: an ECDSA signature (DER) over it, and the certificates (PEM) that prove whose it is.
pub type Seal = dyn Fn(&[u8]) -> Result<(Vec<u8>, Vec<u8>), String> + Send + Sync;

/// Hears what the notary does, one line each.
pub type Heard = dyn Fn(&str) + Send + Sync;

/// Who may come in.
#[derive(Debug, Clone)]
pub struct KnownKey {
    /// Key id.
    pub id: String,
    /// Whose key.
    pub owner: Owner,
    /// Its public half.
    pub key: p256::ecdsa::VerifyingKey,
}

/// What a local notary is made of.
pub struct Settings {
    /// Who may come in.
    pub key: KnownKey,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Judgement.
    pub examiner: Box<dyn Examiner>,
    /// Tickets.
    pub sign: Box<SignTicket>,
    /// Seconds from the end of an upload to the verdict.
    pub processing: u64,
    /// Seconds from the verdict until the ticket can be looked up.
    pub propagation: u64,
    /// Harms to come.
    pub faults: Vec<Fault>,
    /// How it rules.
    pub ruling: Ruling,
    /// What is wrong with its tickets.
    pub tickets: TicketFault,
    /// How long [`Harm::Hang`] hangs, in real time.
    pub hang: Duration,
    /// The team that everything is submitted for.
    pub team: String,
    /// Proves to a webhook's listener who posts.
    pub seal: Box<Seal>,
    /// Hears of every request.
    pub heard: Box<Heard>,
}

impl Settings {
    /// A notary that does everything at once and nothing wrong, and says nothing.
    pub fn new(
        key: KnownKey,
        clock: Arc<dyn Clock>,
        examiner: Box<dyn Examiner>,
        sign: Box<SignTicket>,
    ) -> Self {
        Self {
            key,
            clock,
            examiner,
            sign,
            processing: 0,
            propagation: 0,
            faults: Vec::new(),
            ruling: Ruling::Examined,
            tickets: TicketFault::None,
            // Longer than the patience of a test's client, shorter than anybody's.
            hang: Duration::from_millis(250),
            team: "LOCAL".to_owned(),
            seal: Box::new(|_| Err("this notary has no key for webhooks".to_owned())),
            heard: Box::new(|_| {}),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("key", &self.key.id)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}
