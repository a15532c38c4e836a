//! What Apple's tools said about the subject, on a Mac.

use formats::{document::plist::Value, image::Arch};

/// Readings of one Mac.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostReadings {
    /// Whether stand-ins answered instead of Apple's tools; such readings never count as run on a Mac.
    pub is_simulated: bool,
    /// Whether they are judged all the same, because the whole report is a simulation and labelled as one: the harness's scenarios.
    pub is_rehearsed: bool,
    /// Whether the machine is an Apple-silicon Mac with System Integrity Protection on.
    pub is_runner: bool,
    /// macOS version, for the report.
    pub macos: String,
    /// What each tool said, by subject path.
    pub readings: Vec<Reading>,
    /// Every slice as we read it, beside what `codesign` reads of it.
    pub slices: Vec<TwoReadings>,
}

/// What one tool said about one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The id of the check that asked: `codesign-accepts`.
    pub check: &'static str,
    /// The path it was asked about.
    pub path: String,
    /// The slice it was asked about; `None`: all.
    pub arch: Option<Arch>,
    /// Exit code; `None`: there is no answer (no such tool, killed, out of time), and `text` says why.
    pub exit: Option<i32>,
    /// Its output, both streams, at most a few KiB.
    pub text: String,
}

/// One slice, read by us and by `codesign`.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoReadings {
    /// The file or bundle.
    pub path: String,
    /// The slice.
    pub arch: Arch,
    /// What we read.
    pub ours: Claim,
    /// What `codesign -d` reads; `Err`: it gave no answer, and why.
    pub apples: Result<Claim, String>,
}

/// What a signature says of its slice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Claim {
    /// Signing identifier; `None`: not signed.
    pub identifier: Option<String>,
    /// Code directory hash, 40 hex digits.
    pub cdhash: Option<String>,
    /// Team; `None`: none.
    pub team: Option<String>,
    /// Flags of the code directory.
    pub flags: Option<u32>,
    /// Entitlements; `None`: none are claimed.
    pub entitlements: Option<Value>,
    /// Whether a ticket is stapled to it; `None`: nobody said so, or it is no bundle.
    pub is_stapled: Option<bool>,
}
