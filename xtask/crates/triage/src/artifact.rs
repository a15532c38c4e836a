//! What the verifier found in the artifact, and how it decides what the log leaves open.

use std::collections::BTreeMap;

use crate::host::Host;
use crate::judge::{Confidence, Evidence};
use crate::weigh::Candidate;

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
struct Bearing {
    /// The check's id.
    check: &'static str,
    /// The cause it confirms.
    cause: &'static str,
    /// Reports from above that it explains.
    explains: &'static [&'static str],
}

const EXEC: &[&str] = &["exec-refused", "unknown"];
const ACTIVATION: &[&str] = &["extension-signature-invalid", "extension-validation-failed", "unknown"];

/// Which checks confirm which causes. A finding without a log line that it explains is no cause.
const BEARINGS: &[Bearing] = &[
    Bearing { check: "arm64e-slice", cause: "arm64e-slice", explains: EXEC },
    Bearing { check: "dext-directory-name", cause: "extension-not-found", explains: ACTIVATION },
    Bearing { check: "dext-location", cause: "extension-not-found", explains: ACTIVATION },
];

impl Artifact {
    /// Findings of a check that are not mere information.
    fn of<'a>(&'a self, check: &'a str) -> impl Iterator<Item = &'a ArtifactFinding> {
        self.findings.iter().filter(move |it| it.check == check && it.severity != "info")
    }
}

/// Joins the verifier's findings: a finding that explains a report from above becomes the cause.
pub(crate) fn join(merged: &mut BTreeMap<&'static str, Candidate>, artifact: &Artifact, host: &Host) {
    for bearing in BEARINGS {
        let findings: Vec<Evidence> = artifact
            .of(bearing.check)
            .map(|it| Evidence {
                time: None,
                process: Some("verifier".to_string()),
                line: format!("{}: {}", it.path, it.found),
            })
            .collect();
        if findings.is_empty() {
            continue;
        }
        let explained: Vec<Candidate> =
            bearing.explains.iter().filter_map(|it| merged.get(it)).cloned().collect();
        let Some(first) = explained.first() else { continue };
        // `unknown` alone is too little: for exec there must be a refusal.
        if bearing.cause == "arm64e-slice" && !merged.contains_key("exec-refused") {
            continue;
        }
        let mut joined = first.clone();
        for other in explained.iter().skip(1) {
            joined.evidence.extend(other.evidence.clone());
        }
        // A warning is what some systems run: it makes the cause likely, not sure.
        let is_error = artifact.of(bearing.check).any(|it| it.severity == "error");
        joined.confidence =
            if bearing.cause == "arm64e-slice" && is_error { Confidence::High } else { Confidence::Medium };
        joined.evidence.extend(findings);
        if bearing.cause == "arm64e-slice" {
            joined.remarks.push(arm64e_mechanism(host));
        }
        for it in bearing.explains {
            merged.remove(it);
        }
        merged.insert(bearing.cause, joined);
    }
    if artifact.is_known
        && artifact.of("arm64e-slice").next().is_none()
        && let Some(it) = merged.get_mut("exec-refused")
    {
        it.remarks.push(
            "The artifact has no finding about an arm64e slice, which leaves profile and signature."
                .to_string(),
        );
    }
}

/// The mechanism is named only where the kernel's source is known.
fn arm64e_mechanism(host: &Host) -> String {
    match host.macos {
        Some((major, minor)) if major <= 15 => {
            format!("On macOS {major}.{minor} this is gate A of the kernel: a third-party arm64e image with ABI version 0 is not run unless the boot-arg -arm64e_preview_abi is set.")
        }
        Some((major, minor)) => format!("By which mechanism macOS {major}.{minor} refuses it is unknown; that removing the slice cures it is reported."),
        None => "By which mechanism it is refused is unknown, because the log does not name the version of macOS: up to macOS 15 it is gate A of the kernel, later the mechanism is unknown and the cure reported.".to_string(),
    }
}
