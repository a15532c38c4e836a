//! What is wrong with an interface file, and where.

use std::fmt;

/// A mistake in an interface file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The file, as it was named to us.
    pub file: String,
    /// Its line, from 1; 0 when the mistake has no line.
    pub line: usize,
    /// What is wrong, in our house's words.
    pub message: String,
}

impl Error {
    pub(crate) fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Error { file: file.to_string(), line, message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl std::error::Error for Error {}
