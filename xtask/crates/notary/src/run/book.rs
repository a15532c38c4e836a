//! The ledger, open at one product: what was handed in, and handing it in.

use super::{Desk, Product, unique_name};
use crate::{
    agency::Stage,
    client::{Status, Submission},
    error::{Error, Kind, Result},
    ledger::{self, Entry, Ledger, Phase},
    lookup::Hash,
    pace,
    sigv4::hex,
};

/// The ledger, open at one product.
pub(super) struct Book<'a> {
    pub(super) desk: &'a Desk<'a>,
    pub(super) product: &'a Product<'a>,
    /// The name it is submitted under.
    name: String,
    pub(super) ledger: Ledger,
}

impl<'a> Book<'a> {
    pub(super) fn open(desk: &'a Desk<'a>, product: &'a Product<'a>) -> Result<Self> {
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

    pub(super) fn now(&self) -> u64 {
        self.desk.notary.clock().now()
    }

    pub(super) fn save(&self) -> Result<()> {
        self.desk.store.save(&self.ledger.text()?)
    }

    /// The newest submission; there is one whenever this is called.
    pub(super) fn newest(&mut self) -> Result<&mut Entry> {
        self.ledger
            .submissions
            .last_mut()
            .ok_or_else(|| Error::local("continue", "the ledger has no submission"))
    }

    pub(super) fn id(&self) -> String {
        self.ledger.current().and_then(|it| it.id.clone()).unwrap_or_default()
    }

    pub(super) fn enter(&mut self, phase: Phase, why: Option<&str>) -> Result<()> {
        let now = self.now();
        self.newest()?.enter(phase, now, why);
        self.save()
    }

    pub(super) fn abandon(&mut self, why: &str) -> Result<()> {
        (self.desk.say)(&format!("the earlier submission holds no bytes: {why}"));
        self.enter(Phase::Abandoned, Some(why))
    }

    /// Without a ledger (another machine, a fresh checkout) the team's history may know these bytes: the name we submit under contains their
    /// digest. It is also the cheapest way to learn that the key is no good.
    pub(super) fn adopt(&mut self) -> Result<()> {
        let Some(Submission { id, status, created, .. }) = self.in_history()? else { return Ok(()) };
        let (phase, now) = (Self::phase_of(&status).unwrap_or(Phase::Finishing), self.now());
        if phase == Phase::Rejected {
            return Ok(());
        }
        (self.desk.say)(&format!("these bytes were submitted before as {id} ({created}, {status})"));
        let mut entry = Entry::new(&self.name, self.desk.notary.submitter(), None, now);
        entry.id = Some(id);
        entry.enter(phase, now, Some("found in the team's history"));
        self.ledger.submissions.push(entry);
        self.save()
    }

    /// The newest hand-in went out, and nobody heard its id: it broke off before the answer, or was killed. The history lists what arrived.
    pub(super) fn find_lost(&mut self) -> Result<()> {
        match self.in_history()? {
            Some(Submission { id, status, .. }) => {
                (self.desk.say)(&format!("the submission whose id was lost is {id} ({status})"));
                let now = self.now();
                let entry = self.newest()?;
                entry.id = Some(id);
                entry.note(now, "its id was lost, and found in the team's history");
                self.save()
            }
            None => self.abandon("its id was lost, and the team's history does not list it"),
        }
    }

    /// The newest submission of these bytes that the notary lists and this ledger does not.
    fn in_history(&self) -> Result<Option<Submission>> {
        // Ids that this ledger gave up are in the history too, and still hold nothing.
        let known: Vec<&str> = self.ledger.submissions.iter().filter_map(|it| it.id.as_deref()).collect();
        let found = self.desk.notary.history()?.into_iter();
        Ok(found.into_iter().find(|it| it.name == self.name && !known.contains(&it.id.as_str())))
    }

    pub(super) fn phase_of(status: &Status) -> Option<Phase> {
        match status {
            Status::Accepted => Some(Phase::Accepted),
            Status::Invalid => Some(Phase::Invalid),
            Status::Rejected => Some(Phase::Rejected),
            Status::InProgress | Status::Unknown(_) => None,
        }
    }

    /// Announces and uploads. When the temporary credentials are refused, once more with new ones; when it broke off before anybody heard the id,
    /// the history says whether it arrived.
    pub(super) fn hand_in(&mut self, again: Option<&str>) -> Result<()> {
        /// How often in all.
        const TRIES: u32 = 3;
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.hand_in_once(again) {
                Ok(()) => return Ok(()),
                Err(error) if tries >= TRIES => return Err(error),
                Err(error) => error,
            };
            let is_unheard = self.newest()?.phase == Phase::Finishing && self.newest()?.id.is_none();
            if error.kind == Kind::Expired && tries == 1 {
                (self.desk.say)(&format!("{error}; once more with new credentials"));
            } else if is_unheard && error.kind.is_transient() {
                (self.desk.say)(&format!("{error}; asking whether it arrived"));
                self.desk.notary.clock().sleep(pace::ticket_pause(tries))?;
                self.find_lost()?;
                if self.newest()?.id.is_some() {
                    return Ok(());
                }
            } else {
                return Err(error);
            }
        }
    }

    fn hand_in_once(&mut self, again: Option<&str>) -> Result<()> {
        let notary = self.desk.notary;
        let entry = Entry::new(&self.name, notary.submitter(), again.map(str::to_owned), self.now());
        self.ledger.submissions.push(entry);
        self.save()?;
        let (name, product) = (self.name.clone(), self.product);
        let handed_in = notary.hand_in(&name, &product.goods, &mut |stage| match stage {
            Stage::Granted(id) => self.granted(id),
            Stage::Parts => self.enter(Phase::Uploading, None),
            Stage::Finishing => self.enter(Phase::Finishing, None),
        });
        match handed_in {
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

    /// The id is on disk and on the screen as soon as anybody knows it: with our own client before the first byte leaves.
    fn granted(&mut self, id: &str) -> Result<()> {
        let now = self.now();
        let entry = self.newest()?;
        entry.id = Some(id.to_owned());
        match entry.phase {
            Phase::Announced => entry.enter(Phase::Granted, now, None),
            _ => entry.note(now, "granted"),
        }
        self.save()?;
        (self.desk.say)(&format!("submission {id}"));
        Ok(())
    }
}

/// Whether a verdict may still come.
pub(super) fn is_watched(entry: &Entry) -> bool {
    matches!(entry.phase, Phase::Finishing | Phase::Uploaded) && entry.id.is_some()
}
