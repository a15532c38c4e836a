//! Who takes submissions: Apple's service through our own client ([`crate::client`]), or Apple's own tool ([`crate::notarytool`]).
//!
//! The order of things, the ledger and the comparison of results ([`crate::run`]) are the same for both.

use std::fmt;

use crate::{
    client::{Notary, Submission},
    clock::Clock,
    error::Result,
    pace::Allowance,
    upload::{self, Goods},
};

/// How far a hand-in is, for the one who must know after a crash. Told before what it names begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage<'a> {
    /// This is the submission's id. Our own client knows it before the first byte leaves, Apple's tool when all is done.
    Granted(&'a str),
    /// Bytes are on their way; S3 has nothing that counts.
    Parts,
    /// The last bytes, the request or the process that makes it count is about to start.
    Finishing,
}

/// One who takes submissions.
pub trait Agency: fmt::Debug {
    /// Who submits, for the ledger: a key id, or the name of a keychain profile.
    fn submitter(&self) -> &str;
    /// The time that goes with the answers.
    fn clock(&self) -> &dyn Clock;
    /// What was left of the hourly allowance at the last answer, when anybody said so.
    fn allowance(&self) -> Option<Allowance>;
    /// Announces bytes under `name` and hands them in. `told` hears each stage and may refuse it (a ledger that cannot be written).
    fn hand_in(
        &self,
        name: &str,
        goods: &Goods<'_>,
        told: &mut dyn FnMut(Stage<'_>) -> Result<()>,
    ) -> Result<()>;
    /// What the notary says about a submission.
    fn status(&self, id: &str) -> Result<Submission>;
    /// The newest submissions of the team, at most 100.
    fn history(&self) -> Result<Vec<Submission>>;
    /// The developer log as it came. [`crate::Kind::NotFound`] until there is a verdict.
    fn log(&self, id: &str) -> Result<Vec<u8>>;
}

impl Agency for Notary<'_> {
    fn submitter(&self) -> &str {
        self.key().id()
    }

    fn clock(&self) -> &dyn Clock {
        Notary::clock(self)
    }

    fn allowance(&self) -> Option<Allowance> {
        Notary::allowance(self)
    }

    fn hand_in(
        &self,
        name: &str,
        goods: &Goods<'_>,
        told: &mut dyn FnMut(Stage<'_>) -> Result<()>,
    ) -> Result<()> {
        let grant = self.submit(name, &crate::sigv4::hex(&goods.sha256))?;
        told(Stage::Granted(&grant.id))?;
        upload::upload(self, &grant, goods, &mut |stage| {
            told(match stage {
                upload::Stage::Parts => Stage::Parts,
                upload::Stage::Finishing => Stage::Finishing,
            })
        })
    }

    fn status(&self, id: &str) -> Result<Submission> {
        Notary::status(self, id)
    }

    fn history(&self) -> Result<Vec<Submission>> {
        Notary::history(self)
    }

    fn log(&self, id: &str) -> Result<Vec<u8>> {
        Notary::log(self, id)
    }
}
