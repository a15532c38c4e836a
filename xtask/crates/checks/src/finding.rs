//! One thing that is not as it should be: where, what was expected, what was found, what to do.

use std::fmt;

use formats::image::Arch;

/// How bad it is, by evidence: *error* only where macOS or the notary is known to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; shipped, working software does it.
    Info,
    /// May fail, or fails for some.
    Warning,
    /// Known to be refused.
    Error,
}

impl Severity {
    /// As the report spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where in the subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct At {
    /// Path from the subject's own name on: `Host.app/Contents/Info.plist`.
    pub path: String,
    /// The slice, where one is meant.
    pub arch: Option<Arch>,
    /// Offset in the file, where one is known.
    pub offset: Option<u64>,
}

impl At {
    /// A file or folder as a whole.
    pub fn path(path: impl Into<String>) -> Self {
        Self { path: path.into(), arch: None, offset: None }
    }

    /// The same place, in this slice.
    #[must_use]
    pub const fn arch(mut self, arch: Arch) -> Self {
        self.arch = Some(arch);
        self
    }

    /// The same place, at this offset of the file.
    #[must_use]
    pub const fn offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }
}

/// One finding. `expected` and `found` are always filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub at: At,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What to do; when empty, the check's own remedy holds.
    pub fix: Option<String>,
    /// The line of configuration that asked: "`triples`, driver/driver.toml:6".
    pub asked_by: Option<String>,
}

impl Finding {
    /// A finding that macOS or the notary refuses.
    pub fn error(at: At, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Severity::Error, at, expected, found)
    }

    /// A finding that may hurt.
    pub fn warning(at: At, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Severity::Warning, at, expected, found)
    }

    /// A finding worth knowing.
    pub fn info(at: At, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Severity::Info, at, expected, found)
    }

    /// A finding of any severity.
    pub fn new(severity: Severity, at: At, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { severity, at, expected: expected.into(), found: found.into(), fix: None, asked_by: None }
    }

    /// With a remedy of its own.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// With the line of configuration that asked, when one did.
    #[must_use]
    pub fn asked_by(mut self, line: Option<&str>) -> Self {
        self.asked_by = line.map(str::to_owned);
        self
    }
}
