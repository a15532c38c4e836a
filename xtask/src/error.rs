//! What a person reads when we could not do our work: what we were doing, the cause, one hint.
//!
//! A finding (the artifact is wrong) is not an error; see `checks`.

use std::{fmt, process::ExitCode};

/// How the program ends. The numbers are a contract (README, "Exit codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything asked for was done, and nothing of severity error was found.
    Passed = 0,
    /// A finding of severity error.
    Findings = 1,
    /// The command line or a configuration file is wrong.
    Usage = 2,
    /// A tool is missing or did not do its work.
    Tool = 3,
    /// Something that was asked for did not run.
    Incomplete = 4,
    /// Ctrl-C, or a request to terminate.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why we could not go on.
#[derive(Debug)]
pub struct Error {
    doing: String,
    causes: Vec<String>,
    hint: Option<String>,
    exit: Exit,
}

/// The result of work that can be impossible.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

impl Error {
    /// The user asked for something that cannot be: exit code 2.
    pub fn usage(doing: impl Into<String>) -> Self {
        Self::new(doing, Exit::Usage)
    }

    /// The world did not cooperate (a tool, the disk, the network): exit code 3.
    pub fn tool(doing: impl Into<String>) -> Self {
        Self::new(doing, Exit::Tool)
    }

    /// What was asked for did not finish: exit code 4.
    pub fn incomplete(doing: impl Into<String>) -> Self {
        Self::new(doing, Exit::Incomplete)
    }

    /// Ctrl-C: exit code 130.
    pub fn interrupted() -> Self {
        Self::new("interrupted", Exit::Interrupted)
    }

    /// An error with any exit code.
    pub fn new(doing: impl Into<String>, exit: Exit) -> Self {
        Self { doing: doing.into(), causes: Vec::new(), hint: None, exit }
    }

    /// Adds a cause below what is there.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Says what to do about it: one action.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// How the program ends when nobody handles this.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.doing)?;
        for cause in &self.causes {
            let indented = cause.trim_end().replace('\n', "\n         ");
            write!(f, "\n  cause  {indented}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint   {}", hint.replace('\n', "\n         "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Says what was being done when something failed.
pub trait Doing<T> {
    /// `file.read().doing(|| "cannot read `x`")?`: exit code 3.
    fn doing<D: Into<String>>(self, doing: impl FnOnce() -> D) -> Result<T>;

    /// The same where the fault is the user's: exit code 2.
    fn doing_as_asked<D: Into<String>>(self, doing: impl FnOnce() -> D) -> Result<T>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing<D: Into<String>>(self, doing: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|error| Error::tool(doing()).because(error))
    }

    fn doing_as_asked<D: Into<String>>(self, doing: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|error| Error::usage(doing()).because(error))
    }
}
