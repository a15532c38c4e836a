//! What Apple's tools said about the subject, on a Mac.

/// Readings of one Mac.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostReadings {
    /// Whether stand-ins answered instead of Apple's tools; such readings never count as run on a Mac.
    pub is_simulated: bool,
    /// Whether the machine is an Apple-silicon Mac with System Integrity Protection on.
    pub is_runner: bool,
    /// macOS version, for the report.
    pub macos: String,
    /// What each tool said, by subject path.
    pub readings: Vec<Reading>,
}

/// What one tool said about one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The id of the check that asked: `codesign-accepts`.
    pub check: &'static str,
    /// The path it was asked about.
    pub path: String,
    /// Exit code; `None`: it was killed or ran out of time.
    pub exit: Option<i32>,
    /// Its output, both streams, at most a few KiB.
    pub text: String,
}
