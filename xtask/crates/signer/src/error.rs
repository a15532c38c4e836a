//! Why something could not be signed, and what to do about it.

use std::fmt;

/// A refusal: what is wrong, and where there is one, the action that helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The fault, lower case, without a full stop.
    pub what: String,
    /// One action that helps.
    pub hint: Option<String>,
}

/// The result of signing, or of preparing to.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A refusal without a known way out.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    /// The same refusal with the action that helps.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same refusal, said to be inside `whole`: "`whole`: …".
    #[must_use]
    pub fn within(mut self, whole: impl fmt::Display) -> Self {
        self.what = format!("{whole}: {}", self.what);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<formats::Error> for Error {
    fn from(error: formats::Error) -> Self {
        Self::new(error.to_string())
    }
}
