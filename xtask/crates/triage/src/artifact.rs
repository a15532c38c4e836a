//! What the verifier found in the artifact, as far as triage needs it.

/// One finding of the verifier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtifactFinding {
    /// Id of the check (`arm64e-slice`).
    pub check: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// Where in the artifact.
    pub path: String,
    /// What was found.
    pub found: String,
}

/// The verifier's view of the artifact that the log is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Artifact {
    /// Whether there was an artifact at all; without one nothing can be concluded from an absent finding.
    pub is_known: bool,
    /// Its findings.
    pub findings: Vec<ArtifactFinding>,
}

/// How a finding of the verifier bears on a cause.
pub(crate) struct Bearing {
    /// The check's id.
    pub(crate) check: &'static str,
    /// The cause it confirms.
    pub(crate) cause: &'static str,
    /// Reports from above that it explains.
    pub(crate) explains: &'static [&'static str],
}

const EXEC: &[&str] = &["exec-refused", "unknown"];
const ACTIVATION: &[&str] = &["extension-signature-invalid", "extension-validation-failed", "unknown"];

/// Which checks confirm which causes. A finding without a log line that it explains is no cause.
pub(crate) const BEARINGS: &[Bearing] = &[
    Bearing { check: "arm64e-slice", cause: "arm64e-slice", explains: EXEC },
    Bearing { check: "dext-directory-name", cause: "extension-not-found", explains: ACTIVATION },
    Bearing { check: "dext-location", cause: "extension-not-found", explains: ACTIVATION },
];

impl Artifact {
    /// Findings of a check that are not mere information.
    pub(crate) fn of<'a>(&'a self, check: &'a str) -> impl Iterator<Item = &'a ArtifactFinding> {
        self.findings.iter().filter(move |it| it.check == check && it.severity != "info")
    }
}
