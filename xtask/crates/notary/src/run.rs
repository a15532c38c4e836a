//! One product from bytes to ticket, whatever happens in between.
//!
//! ```text
//!   a ticket that covers it? ── yes ─────────────────────────────────────────────▶ Notarized (nothing was submitted)
//!          │ no
//!   the ledger (or, without one, the team's history) knows these bytes? ── yes ──▶ go on from there
//!          │ no
//!   announce ▶ upload ▶ wait ▶ log ▶ ticket ▶ compare log, ticket and our own hashes ▶ Notarized | Refused | Pending
//! ```
//! Every arrow writes the ledger before it begins, so a run that is killed is continued by the next one. Identical bytes are handed in a second
//! time only when the first is stuck or lost: once, with the reason in the ledger, and the first stays watched.

mod book;
mod compare;
mod verdict;
mod wait;

use std::{collections::BTreeSet, fmt};

use self::book::Book;
use crate::{
    agency::Agency,
    client::Status,
    error::{Kind, Result},
    ledger::{Phase, Store},
    log::DeveloperLog,
    lookup::{Hash, Tickets},
    upload::Goods,
};

/// What is to be notarized.
pub struct Product<'a> {
    /// File name of what is uploaded, with its extension.
    pub name: &'a str,
    /// The bytes and their digest.
    pub goods: Goods<'a>,
    /// Every piece of code that the ticket must cover. The ticket is looked up by `lookup`.
    pub required: BTreeSet<Hash>,
    /// The hash whose record is asked for: the container's, or the main executable's.
    pub lookup: Hash,
    /// Verifies a ticket (signature, chain, time) and returns what it covers; the error says what is wrong with it.
    pub judge: &'a dyn Fn(&[u8]) -> Result<BTreeSet<Hash>, String>,
}

impl fmt::Debug for Product<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Product({}, {:?})", self.name, self.goods)
    }
}

/// How patient a run is; all in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long to wait for a verdict in this run; `None` hands in and leaves.
    pub wait: Option<u64>,
    /// After how long without a verdict the same bytes are handed in once more. 98 % are done after a quarter of an hour; content was never
    /// seen to be the reason for more.
    pub stuck: u64,
    /// The same for an upload of which nobody knows whether it arrived.
    pub doubtful: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { wait: Some(2 * 3600), stuck: 45 * 60, doubtful: 10 * 60 }
    }
}

/// A wait that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting<'a> {
    /// For what.
    pub awaited: Awaited,
    /// Submission id.
    pub id: &'a str,
    /// How long already, in seconds of this run.
    pub waited: u64,
    /// How long at most.
    pub limit: u64,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// The notary's word.
    Verdict,
    /// The ticket, after the word.
    Ticket,
}

/// Everything a run talks to.
pub struct Desk<'a> {
    /// The notary.
    pub notary: &'a dyn Agency,
    /// The ticket service.
    pub tickets: &'a Tickets<'a>,
    /// Where the ledger lies.
    pub store: &'a dyn Store,
    /// Hears what happens, one line each.
    pub say: &'a dyn Fn(&str),
    /// Hears before every pause what is waited for, and since when.
    pub waiting: &'a dyn Fn(&Waiting<'_>),
    /// Patience.
    pub limits: Limits,
}

impl fmt::Debug for Desk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Desk({:?}, {:?})", self.notary, self.limits)
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is a ticket, it is authentic, and it covers all our code.
    Notarized(Notarized),
    /// The notary said no.
    Refused {
        /// Submission id.
        id: String,
        /// `Invalid` or `Rejected`.
        status: Status,
        /// Its log, when there is one.
        log: Option<DeveloperLog>,
    },
    /// No verdict, or no ticket, within the time; the next run goes on.
    Pending {
        /// Submission id.
        id: String,
        /// What is still missing.
        why: String,
    },
}

impl Outcome {
    /// How a program ends that did this: 0 notarized, 1 refused, 4 nothing final yet.
    pub fn exit_code(&self) -> u8 {
        match self {
            Outcome::Notarized(_) => 0,
            Outcome::Refused { .. } => 1,
            Outcome::Pending { .. } => 4,
        }
    }
}

/// A notarized product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notarized {
    /// The ticket, to be stapled.
    pub ticket: Vec<u8>,
    /// Submission id; absent when the ticket was there before, and neither the ledger nor the team's history knows where it comes from.
    pub id: Option<String>,
    /// The log; absent when the ticket was there before and we have no ledger.
    pub log: Option<DeveloperLog>,
}

/// Takes one product as far as it gets.
pub fn notarize(desk: &Desk<'_>, product: &Product<'_>) -> Result<Outcome> {
    let mut book = Book::open(desk, product)?;
    if let Some(ticket) = desk.covering_ticket(product)? {
        (desk.say)("a ticket that covers all code exists already: nothing to submit");
        return book.with_ticket(ticket);
    }
    if book.ledger.current().is_none() {
        book.adopt()?;
    }
    // A hand-in whose id nobody heard: the history knows whether it arrived.
    if book.ledger.current().is_some_and(|it| it.phase == Phase::Finishing && it.id.is_none()) {
        book.find_lost()?;
    }
    match book.ledger.current().map(|it| it.phase) {
        Some(Phase::Accepted) => return book.accepted(),
        Some(Phase::Invalid) => return book.refused(Status::Invalid),
        // Nobody looked at the bytes, so the next run asks anew: the account may have been mended.
        Some(Phase::Rejected | Phase::Vanished) => book.hand_in(None)?,
        Some(Phase::Announced | Phase::Granted | Phase::Uploading) => {
            book.abandon("the run that began it ended before the upload did")?;
            book.hand_in(None)?;
        }
        Some(Phase::Finishing | Phase::Uploaded) => {
            (desk.say)("this product was submitted before: going on from there")
        }
        // `current` never returns an abandoned one.
        Some(Phase::Abandoned) | None => book.hand_in(None)?,
    }
    match desk.limits.wait {
        Some(limit) => book.wait(limit),
        None => Ok(Outcome::Pending {
            id: book.id(),
            why: "it was handed in; nobody waits for the verdict".into(),
        }),
    }
}

impl Desk<'_> {
    /// The ticket that covers all of `product`, when there is one already. Trouble with this service stops nobody from submitting.
    fn covering_ticket(&self, product: &Product<'_>) -> Result<Option<Vec<u8>>> {
        let found = match self.tickets.look_up(&[product.lookup]) {
            Ok(found) => found,
            Err(error) if error.kind == Kind::Interrupted => return Err(error),
            Err(error) => {
                (self.say)(&format!("{error}; going on without"));
                return Ok(None);
            }
        };
        let Some(ticket) = found.into_values().next() else { return Ok(None) };
        match (product.judge)(&ticket) {
            Ok(covered) if product.required.is_subset(&covered) => Ok(Some(ticket)),
            Ok(covered) => {
                let missing = product.required.difference(&covered).count();
                (self.say)(&format!(
                    "a ticket exists, but {missing} of {} hashes are not in it",
                    product.required.len()
                ));
                Ok(None)
            }
            Err(why) => {
                (self.say)(&format!("a ticket exists, but it is not good: {why}"));
                Ok(None)
            }
        }
    }
}

/// `Host.pkg` → `Host-0e8e7755aca45c46.pkg`: the bytes can be told from the name, in the team's history too.
pub fn unique_name(name: &str, sha256: &str) -> String {
    let digest = sha256.get(..16).unwrap_or(sha256);
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}-{digest}.{extension}"),
        None => format!("{name}-{digest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_name_tells_the_bytes() {
        let sha256 = "0e8e7755aca45c46bdd1ad174d333ace525209058dc2dd16e7c1e6b6e216a15f";
        assert_eq!(unique_name("Host 1.2.pkg", sha256), "Host 1.2-0e8e7755aca45c46.pkg");
        assert_eq!(unique_name("Host", sha256), "Host-0e8e7755aca45c46");
    }
}
