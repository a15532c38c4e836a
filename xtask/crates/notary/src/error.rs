//! Why an exchange stopped, who can mend it, and how.
//!
//! The text has three parts, always in this order: what we were doing → the cause → one action. Nothing in it is secret: causes are cut from
//! answers by [`crate::fault`], which redacts them.

use std::fmt;

/// The result of talking to the notary.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of obstacle it is; decides whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The network or the machine at the other end: a reset, a time-out, a 5xx, an answer that was cut short.
    Transient,
    /// Too many requests; the service says to come back later.
    Throttled,
    /// The service does not accept who we say we are (401).
    Credentials,
    /// The upload address no longer takes our temporary credentials; a new submission gets new ones.
    Expired,
    /// An agreement is missing or has expired (403).
    Agreement,
    /// The key may not do this (403).
    Role,
    /// There is no such thing (404), or not yet.
    NotFound,
    /// The service refuses for another reason; the same request will be refused again.
    Refused,
    /// The answer makes no sense to us.
    Answer,
    /// Something on this machine: a file that changed, a disk that is full, a key that does not parse.
    Local,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

impl Kind {
    /// Whether the same request may succeed a little later.
    pub fn is_transient(self) -> bool {
        match self {
            Kind::Transient | Kind::Throttled => true,
            Kind::Credentials
            | Kind::Expired
            | Kind::Agreement
            | Kind::Role
            | Kind::NotFound
            | Kind::Refused
            | Kind::Answer
            | Kind::Local
            | Kind::Interrupted => false,
        }
    }
}

impl Kind {
    /// How a program ends that met it: 130 when somebody stopped it, else 3 (the service, the network, this machine).
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Interrupted => 130,
            Kind::Transient
            | Kind::Throttled
            | Kind::Credentials
            | Kind::Expired
            | Kind::Agreement
            | Kind::Role
            | Kind::NotFound
            | Kind::Refused
            | Kind::Answer
            | Kind::Local => 3,
        }
    }
}

/// An obstacle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What kind of obstacle.
    pub kind: Kind,
    /// What we were doing: "ask for the status of 1238aa04-…".
    pub doing: String,
    /// What went wrong.
    pub cause: String,
    /// Who can mend it and how, when anybody can.
    pub hint: Option<String>,
    /// How long the service asks us to stay away, in seconds.
    pub retry_after: Option<u64>,
}

impl Error {
    /// An obstacle without a hint.
    pub fn new(kind: Kind, doing: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { kind, doing: doing.into(), cause: cause.into(), hint: None, retry_after: None }
    }

    /// Something on this machine.
    pub fn local(doing: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self::new(Kind::Local, doing, cause.to_string())
    }

    /// An answer that makes no sense.
    pub fn answer(doing: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self::new(Kind::Answer, doing, cause.to_string())
    }

    /// The same obstacle with the action that helps.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.doing, self.cause)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
