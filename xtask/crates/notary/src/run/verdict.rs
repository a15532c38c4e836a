//! What follows a verdict: the log, the ticket, and their comparison with our own hashes.

use super::{
    Awaited, Notarized, Outcome, Waiting,
    book::{Book, is_watched},
    compare,
};
use crate::{
    client::Status,
    error::{Kind, Result},
    ledger::Phase,
    log::DeveloperLog,
    pace,
};

impl Book<'_> {
    /// Accepted: log, ticket, comparison.
    pub(super) fn accepted(&mut self) -> Result<Outcome> {
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
            let waited = self.now().saturating_sub(started);
            if waited >= pace::TICKET_PATIENCE {
                let why = "it is accepted, but its ticket is not published yet".to_owned();
                return Ok(Outcome::Pending { id: self.id(), why });
            }
            let limit = pace::TICKET_PATIENCE;
            (self.desk.waiting)(&Waiting { awaited: Awaited::Ticket, id: &self.id(), waited, limit });
            self.desk.notary.clock().sleep(pace::ticket_pause(n_tries))?;
            n_tries += 1;
        }
    }

    /// A ticket that was there before: authentic and complete already. The log is fetched when we know whose it is; it changes nothing any more.
    pub(super) fn with_ticket(&mut self, ticket: Vec<u8>) -> Result<Outcome> {
        // Without a ledger the history may know where the ticket comes from. The product does not depend on it, so trouble is only told.
        if self.ledger.current().is_none()
            && let Err(error) = self.adopt()
        {
            if error.kind == Kind::Interrupted {
                return Err(error);
            }
            (self.desk.say)(&format!("{error}; the ticket is there without it"));
        }
        let known = self.ledger.current().filter(|it| it.phase == Phase::Accepted || is_watched(it));
        let Some((id, phase)) = known.and_then(|it| Some((it.id.clone()?, it.phase))) else {
            (self.desk.say)(
                "the submission that this ticket comes from is not known: neither the ledger nor the newest 100 of the team name it",
            );
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

    pub(super) fn refused(&mut self, status: Status) -> Result<Outcome> {
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
