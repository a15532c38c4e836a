//! Waiting for the verdict, and what to do when none comes.

use std::time::Duration;

use super::{
    Awaited, Outcome, Waiting,
    book::{Book, is_watched},
};
use crate::{
    client::Status,
    clock,
    error::{Error, Kind, Result},
    ledger::Phase,
    pace,
};

impl Book<'_> {
    /// Asks until there is a verdict or the time is over.
    pub(super) fn wait(&mut self, limit: u64) -> Result<Outcome> {
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
            let waited = self.now().saturating_sub(started);
            let left = limit.saturating_sub(waited);
            (self.desk.waiting)(&Waiting { awaited: Awaited::Verdict, id: &self.id(), waited, limit });
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
}
