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

mod compare;

use std::{collections::BTreeSet, fmt, time::Duration};

use crate::{
    client::{Notary, Status, Submission},
    clock,
    error::{Error, Kind, Result},
    ledger::{self, Entry, Ledger, Phase, Store},
    log::DeveloperLog,
    lookup::{Hash, Tickets},
    pace,
    sigv4::hex,
    upload::{self, Goods, Stage},
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

/// Everything a run talks to.
pub struct Desk<'a> {
    /// The notary.
    pub notary: &'a Notary<'a>,
    /// The ticket service.
    pub tickets: &'a Tickets<'a>,
    /// Where the ledger lies.
    pub store: &'a dyn Store,
    /// Hears what happens, one line each.
    pub say: &'a dyn Fn(&str),
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

/// A notarized product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notarized {
    /// The ticket, to be stapled.
    pub ticket: Vec<u8>,
    /// Submission id; absent when the ticket was there before and we have no ledger.
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
    match book.ledger.current().map(|it| it.phase) {
        Some(Phase::Accepted) => return book.accepted(),
        Some(Phase::Invalid) => return book.refused(Status::Invalid),
        // Nobody looked at the bytes, so the next run asks anew: the account may have been mended.
        Some(Phase::Rejected | Phase::Vanished) | None => book.hand_in(None)?,
        Some(Phase::Announced | Phase::Granted | Phase::Uploading) => {
            book.abandon("the run that began it ended before the upload did")?;
            book.hand_in(None)?;
        }
        Some(Phase::Finishing | Phase::Uploaded) => {
            (desk.say)("this product was submitted before: going on from there")
        }
        Some(Phase::Abandoned) => unreachable_phase()?,
    }
    match desk.limits.wait {
        Some(limit) => book.wait(limit),
        None => Ok(Outcome::Pending {
            id: book.id(),
            why: "it was handed in; nobody waits for the verdict".into(),
        }),
    }
}

/// `current` never returns an abandoned entry.
fn unreachable_phase() -> Result<()> {
    Err(Error::local("continue", "the ledger's newest submission is abandoned"))
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

/// The ledger, open at one product.
struct Book<'a> {
    desk: &'a Desk<'a>,
    product: &'a Product<'a>,
    name: String,
    ledger: Ledger,
}

impl<'a> Book<'a> {
    fn open(desk: &'a Desk<'a>, product: &'a Product<'a>) -> Result<Self> {
        let sha256 = hex(&product.goods.sha256);
        let fresh = || {
            let described = ledger::Product {
                name: product.name.to_owned(),
                size: product.goods.source.len(),
                sha256: sha256.clone(),
            };
            Ledger::new(described, product.required.iter().map(Hash::to_string).collect())
        };
        let ledger = match desk.store.load()?.map(|text| Ledger::parse(&text)).transpose()? {
            Some(ledger) if ledger.product.sha256 == sha256 => ledger,
            Some(other) => {
                (desk.say)("the ledger is about other bytes: set aside");
                desk.store.set_aside(other.product.sha256.get(..12).unwrap_or("other"))?;
                fresh()
            }
            None => fresh(),
        };
        Ok(Self { desk, product, name: unique_name(product.name, &sha256), ledger })
    }

    fn now(&self) -> u64 {
        self.desk.notary.clock().now()
    }

    fn save(&self) -> Result<()> {
        self.desk.store.save(&self.ledger.text()?)
    }

    /// The newest submission; there is one whenever this is called.
    fn newest(&mut self) -> Result<&mut Entry> {
        self.ledger
            .submissions
            .last_mut()
            .ok_or_else(|| Error::local("continue", "the ledger has no submission"))
    }

    fn id(&self) -> String {
        self.ledger.current().and_then(|it| it.id.clone()).unwrap_or_default()
    }

    fn enter(&mut self, phase: Phase, why: Option<&str>) -> Result<()> {
        let now = self.now();
        self.newest()?.enter(phase, now, why);
        self.save()
    }

    fn abandon(&mut self, why: &str) -> Result<()> {
        (self.desk.say)(&format!("the earlier submission holds no bytes: {why}"));
        self.enter(Phase::Abandoned, Some(why))
    }

    /// Without a ledger (another machine, a fresh checkout) the team's history may know these bytes: the name we submit under contains their
    /// digest. It is also the cheapest way to learn that the key is no good.
    fn adopt(&mut self) -> Result<()> {
        // Ids that this ledger gave up are in the history too, and still hold nothing.
        let given_up: Vec<String> = self.ledger.submissions.iter().filter_map(|it| it.id.clone()).collect();
        let found = self
            .desk
            .notary
            .history()?
            .into_iter()
            .find(|it| it.name == self.name && !given_up.contains(&it.id));
        let Some(Submission { id, status, created, .. }) = found else { return Ok(()) };
        let (phase, now) = (Self::phase_of(&status).unwrap_or(Phase::Finishing), self.now());
        if phase == Phase::Rejected {
            return Ok(());
        }
        (self.desk.say)(&format!("these bytes were submitted before as {id} ({created}, {status})"));
        let mut entry = Entry::new(&self.name, self.desk.notary.key().id(), None, now);
        entry.id = Some(id);
        entry.enter(phase, now, Some("found in the team's history"));
        self.ledger.submissions.push(entry);
        self.save()
    }

    fn phase_of(status: &Status) -> Option<Phase> {
        match status {
            Status::Accepted => Some(Phase::Accepted),
            Status::Invalid => Some(Phase::Invalid),
            Status::Rejected => Some(Phase::Rejected),
            Status::InProgress | Status::Unknown(_) => None,
        }
    }

    /// Announces and uploads. When the temporary credentials are refused, once more with new ones.
    fn hand_in(&mut self, again: Option<&str>) -> Result<()> {
        match self.hand_in_once(again) {
            Err(error) if matches!(error.kind, Kind::Expired) => {
                (self.desk.say)(&format!("{error}; once more with new credentials"));
                self.hand_in_once(again)
            }
            result => result,
        }
    }

    fn hand_in_once(&mut self, again: Option<&str>) -> Result<()> {
        let notary = self.desk.notary;
        let now = self.now();
        self.ledger.submissions.push(Entry::new(
            &self.name,
            notary.key().id(),
            again.map(str::to_owned),
            now,
        ));
        self.save()?;
        let grant = match notary.submit(&self.name, &self.ledger.product.sha256) {
            Ok(grant) => grant,
            Err(error) => {
                self.enter(Phase::Abandoned, Some(&error.cause))?;
                return Err(error);
            }
        };
        // The id is on disk and on the screen before the first byte leaves.
        self.newest()?.id = Some(grant.id.clone());
        self.enter(Phase::Granted, None)?;
        (self.desk.say)(&format!("submission {}", grant.id));
        let product = self.product;
        let uploaded = upload::upload(notary, &grant, &product.goods, &mut |stage| {
            self.enter(
                match stage {
                    Stage::Parts => Phase::Uploading,
                    Stage::Finishing => Phase::Finishing,
                },
                None,
            )
        });
        match uploaded {
            Ok(()) => {
                self.enter(Phase::Uploaded, None)?;
                product.goods.check_unchanged()
            }
            Err(error) => {
                // What broke off may have arrived; what was refused has not.
                let arrived_perhaps = self.newest()?.phase == Phase::Finishing
                    && matches!(error.kind, Kind::Transient | Kind::Throttled | Kind::Interrupted);
                if arrived_perhaps {
                    let now = self.now();
                    self.newest()?.note(now, &format!("broke off: {}", error.cause));
                    self.save()?;
                } else {
                    self.enter(Phase::Abandoned, Some(&error.cause))?;
                }
                Err(error)
            }
        }
    }

    /// Asks until there is a verdict or the time is over.
    fn wait(&mut self, limit: u64) -> Result<Outcome> {
        let started = self.now();
        let mut n_polls = 0;
        let mut missing = vec![0_u32; self.ledger.submissions.len()];
        loop {
            missing.resize(self.ledger.submissions.len(), 0);
            if let Some(outcome) = self.poll(&mut missing)? {
                return Ok(outcome);
            }
            if !self.is_any_watched() {
                self.once_more("the notary forgot the submission")?;
                continue;
            }
            if let Some(why) = self.is_stuck() {
                // Somebody else's submission of the same code is as good as ours.
                if let Some(ticket) = self.desk.covering_ticket(self.product)? {
                    return self.with_ticket(ticket);
                }
                self.once_more(&why)?;
            }
            if self.now().saturating_sub(started) >= limit {
                let why = format!("no verdict within {} minutes", limit / 60);
                return Ok(Outcome::Pending { id: self.id(), why });
            }
            let pause = pace::poll_pause(n_polls, self.desk.notary.allowance());
            let left = limit.saturating_sub(self.now().saturating_sub(started));
            self.desk.notary.clock().sleep(pause.min(Duration::from_secs(left.max(1))))?;
            n_polls = n_polls.saturating_add(1);
        }
    }

    /// Asks for every submission that is watched, once.
    fn poll(&mut self, missing: &mut [u32]) -> Result<Option<Outcome>> {
        /// How often the notary may say "no such id" before we believe it: a new id is not known everywhere at once.
        const MISSING: u32 = 3;
        for at in 0..self.ledger.submissions.len() {
            let Some((id, true)) = self.ledger.submissions.get(at).map(|it| (it.id.clone(), is_watched(it)))
            else {
                continue;
            };
            let Some(id) = id else { continue };
            let (phase, why) = match self.desk.notary.status(&id) {
                Ok(found) => match &found.status {
                    Status::Unknown(word) => {
                        (self.desk.say)(&format!(
                            "the notary says `{word}` about {id}, which is no verdict we know"
                        ));
                        continue;
                    }
                    status => match Self::phase_of(status) {
                        Some(phase) => (phase, None),
                        None => continue,
                    },
                },
                Err(error) if error.kind == Kind::NotFound => {
                    let count = missing.get_mut(at).map_or(MISSING, |it| {
                        *it += 1;
                        *it
                    });
                    if count < MISSING {
                        continue;
                    }
                    (self.desk.say)(&format!("the notary does not know {id} any more"));
                    (Phase::Vanished, Some("the notary does not know the id any more"))
                }
                // The network is tried for minutes below us; the limit of this wait is what ends it.
                Err(error) if error.kind.is_transient() => {
                    (self.desk.say)(&format!("{error}; still waiting"));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let now = self.now();
            if let Some(entry) = self.ledger.submissions.get_mut(at) {
                entry.enter(phase, now, why);
            }
            // The one with the verdict is the one that counts.
            if phase != Phase::Vanished && at + 1 != self.ledger.submissions.len() {
                let entry = self.ledger.submissions.remove(at);
                self.ledger.submissions.push(entry);
            }
            self.save()?;
            match phase {
                Phase::Accepted => return self.accepted().map(Some),
                Phase::Invalid => return self.refused(Status::Invalid).map(Some),
                Phase::Rejected => return self.refused(Status::Rejected).map(Some),
                _ => {}
            }
        }
        Ok(None)
    }

    fn is_any_watched(&self) -> bool {
        self.ledger.submissions.iter().any(is_watched)
    }

    /// Why the same bytes should be handed in again; `None` while there is hope, or when that was done already.
    fn is_stuck(&self) -> Option<String> {
        if self.was_repeated() {
            return None;
        }
        let entry = self.ledger.submissions.iter().rev().find(|it| is_watched(it))?;
        let since = entry.events.iter().rev().find_map(|it| {
            let entered =
                [Phase::Uploaded, Phase::Finishing].iter().any(|phase| it.what.starts_with(phase.name()));
            entered.then(|| clock::parse_timestamp(&it.at)).flatten()
        })?;
        let age = self.now().saturating_sub(since);
        let limits = self.desk.limits;
        match entry.phase {
            Phase::Finishing if age >= limits.doubtful => Some(format!(
                "nobody knows whether the upload arrived, and there is no verdict after {} minutes",
                age / 60
            )),
            Phase::Uploaded if age >= limits.stuck => Some(format!("no verdict after {} minutes", age / 60)),
            _ => None,
        }
    }

    fn was_repeated(&self) -> bool {
        self.ledger.submissions.iter().any(|it| it.again.is_some() && it.phase != Phase::Abandoned)
    }

    fn once_more(&mut self, why: &str) -> Result<()> {
        if self.was_repeated() {
            return Err(Error::new(Kind::NotFound, "wait for the verdict", format!("{why}, and so did the second try"))
                .hint("https://developer.apple.com/system-status; `cargo xtask notary history` lists what Apple knows"));
        }
        (self.desk.say)(&format!("{why}: handing in the same bytes once more; the first stays watched"));
        self.hand_in(Some(why))
    }

    /// Accepted: log, ticket, comparison.
    fn accepted(&mut self) -> Result<Outcome> {
        let log = self.log()?;
        if let Some(log) = &log {
            compare::log(self.product, &self.ledger.product.sha256, log, self.desk.say)?;
        }
        let started = self.now();
        let mut n_tries = 0;
        loop {
            let found = match self.desk.tickets.look_up(&[self.product.lookup]) {
                Err(error) if error.kind.is_transient() => {
                    (self.desk.say)(&format!("{error}; still waiting for the ticket"));
                    None
                }
                found => found?.into_values().next(),
            };
            if let Some(ticket) = found {
                compare::ticket(self.product, &ticket)?;
                let now = self.now();
                self.newest()?.note(now, "ticket fetched");
                self.save()?;
                return Ok(Outcome::Notarized(Notarized { ticket, id: Some(self.id()), log }));
            }
            if self.now().saturating_sub(started) >= pace::TICKET_PATIENCE {
                let why = "it is accepted, but its ticket is not published yet".to_owned();
                return Ok(Outcome::Pending { id: self.id(), why });
            }
            self.desk.notary.clock().sleep(pace::ticket_pause(n_tries))?;
            n_tries += 1;
        }
    }

    /// A ticket that was there before: authentic and complete already. The log is fetched when we know whose it is; it changes nothing any more.
    fn with_ticket(&mut self, ticket: Vec<u8>) -> Result<Outcome> {
        let known = self.ledger.current().filter(|it| it.phase == Phase::Accepted || is_watched(it));
        let Some((id, phase)) = known.and_then(|it| Some((it.id.clone()?, it.phase))) else {
            return Ok(Outcome::Notarized(Notarized { ticket, id: None, log: None }));
        };
        let log = match self.log() {
            Err(error) if error.kind == Kind::Interrupted => return Err(error),
            Err(error) => {
                (self.desk.say)(&format!("{error}; the ticket is there without it"));
                None
            }
            Ok(log) => log,
        };
        if phase != Phase::Accepted && log.as_ref().is_some_and(|it| it.status == "Accepted") {
            self.enter(Phase::Accepted, Some("its ticket is published"))?;
        }
        Ok(Outcome::Notarized(Notarized { ticket, id: Some(id), log }))
    }

    fn refused(&mut self, status: Status) -> Result<Outcome> {
        // A rejection need not have a log; an invalid product has one, and without it nobody knows what to mend.
        let log = self.log()?;
        Ok(Outcome::Refused { id: self.id(), status, log })
    }

    /// The log of the newest submission, kept beside the ledger. `None` when the notary has none.
    fn log(&mut self) -> Result<Option<DeveloperLog>> {
        let id = self.id();
        let mut n_tries = 0;
        let bytes = loop {
            match self.desk.notary.log(&id) {
                Ok(bytes) => break bytes,
                Err(error) if error.kind == Kind::NotFound => {
                    // The verdict is a little faster than the log.
                    if n_tries >= 4 {
                        (self.desk.say)(&format!("there is a verdict, but no log: {}", error.cause));
                        return Ok(None);
                    }
                    self.desk.notary.clock().sleep(pace::ticket_pause(n_tries))?;
                    n_tries += 1;
                }
                Err(error) => return Err(error),
            }
        };
        let log = DeveloperLog::parse(&bytes)?;
        let file = self.desk.store.keep_log(&id, &bytes)?;
        let now = self.now();
        let entry = self.newest()?;
        if entry.log.as_ref() != Some(&file) {
            entry.note(now, &format!("log kept in {file}"));
            entry.log = Some(file);
            self.save()?;
        }
        Ok(Some(log))
    }
}

/// Whether a verdict may still come.
fn is_watched(entry: &Entry) -> bool {
    matches!(entry.phase, Phase::Finishing | Phase::Uploaded) && entry.id.is_some()
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
