//! Reads one TOML file: faults carry file and line, an unknown key the nearest known one.

use std::{
    fmt,
    ops::Deref,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use toml::Spanned;

use crate::error::{Error, Result};

/// A configuration file is written by hand; a megabyte of it is a mistake.
const MAX_FILE: u64 = 1 << 20;

/// A value and the line that asked for it, so that findings can point there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    value: T,
    place: String,
}

impl<T> Located<T> {
    /// A value and its place, "driver/driver.toml:6".
    pub fn new(value: T, place: impl Into<String>) -> Self {
        Self { value, place: place.into() }
    }

    /// "driver/driver.toml:6".
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The same place with another value.
    pub fn with<U>(&self, value: U) -> Located<U> {
        Located { value, place: self.place.clone() }
    }
}

impl<T> Deref for Located<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Display> fmt::Display for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// The text of a configuration file, kept to turn offsets into lines.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    shown: String,
    text: String,
}

impl File {
    /// Reads `path`; `shown` is how a person writes it.
    pub(super) fn read(path: &Path, shown: impl fmt::Display) -> Result<Self> {
        let shown = shown.to_string();
        let cannot = || Error::usage(format!("cannot read `{shown}`"));
        let size = std::fs::metadata(path).map_err(|error| cannot().because(error))?.len();
        if size > MAX_FILE {
            return Err(
                cannot().because(format!("{size} bytes; a configuration file has at most {MAX_FILE}"))
            );
        }
        let text = std::fs::read_to_string(path).map_err(|error| cannot().because(error))?;
        Ok(Self { path: path.to_owned(), shown, text })
    }

    /// Parses the whole file into `T`, which refuses unknown keys.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        toml::from_str(&self.text).map_err(|error| self.fault(&error))
    }

    /// The folder that relative paths start from.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// The value with its line.
    pub(super) fn located<T>(&self, value: Spanned<T>) -> Located<T> {
        let place = format!("{}:{}", self.shown, self.line(value.span().start));
        Located::new(value.into_inner(), place)
    }

    /// An error about the value at `place`.
    pub(super) fn refuse<T>(&self, value: &Located<T>, what: impl Into<String>) -> Error {
        Error::usage(format!("{}: {}", value.place(), what.into()))
    }

    /// How a person writes this file's path.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
    }

    fn fault(&self, error: &toml::de::Error) -> Error {
        let message = error.message().trim_end();
        let place = match error.span() {
            Some(span) => format!("{}:{}", self.shown, self.line(span.start)),
            None => self.shown.clone(),
        };
        let fault = Error::usage(format!("{place}: {message}"));
        match nearest_known_key(message) {
            Some(nearest) => fault.hint(format!(
                "`{nearest}` is the nearest known key; `cargo xtask dist --help-config` shows all"
            )),
            None => fault.hint("`cargo xtask dist --help-config` shows every key with an example"),
        }
    }
}

/// From serde's "unknown field `trpiles`, expected one of `triples`, `sources`": the likeliest.
fn nearest_known_key(message: &str) -> Option<String> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let typed = quoted.next()?;
    quoted.min_by_key(|known| distance(typed, known)).map(str::to_owned)
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

/// All files below `folder` that match one of the patterns, sorted; a pattern that matches nothing is an error.
pub(super) fn expand(file: &File, patterns: &Located<Vec<String>>) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for pattern in patterns.iter() {
        let full = file.folder().join(pattern);
        let full = full.to_str().ok_or_else(|| file.refuse(patterns, format!("`{pattern}` is not UTF-8")))?;
        let paths =
            glob::glob(full).map_err(|error| file.refuse(patterns, format!("`{pattern}`: {error}")))?;
        let before = found.len();
        for path in paths {
            found.push(path.map_err(|error| file.refuse(patterns, format!("`{pattern}`: {error}")))?);
        }
        if found.len() == before {
            return Err(file.refuse(patterns, format!("no file matches `{pattern}`")));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_key_is_named() {
        let message = "unknown field `trples`, expected one of `sources`, `triples`, `team`";
        assert_eq!(nearest_known_key(message).as_deref(), Some("triples"));
        assert_eq!(nearest_known_key("invalid type: integer"), None);
    }

    #[test]
    fn a_value_knows_its_line() {
        #[derive(serde::Deserialize)]
        struct Raw {
            b: Spanned<u8>,
        }
        let file =
            File { path: "x/y.toml".into(), shown: "x/y.toml".into(), text: "# comment\n\nb = 3\n".into() };
        let raw: Raw = file.parse().unwrap();
        let b = file.located(raw.b);
        assert_eq!((*b, b.place()), (3, "x/y.toml:3"));
    }
}
