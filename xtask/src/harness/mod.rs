//! The harness of the Mac runner: tries a release on a machine with SIP on, and never passes on the wrong evidence.
//!
//! ```text
//!   Artifact (our verifier's view) ─┐
//!   Toolbox (live, recorded, made up) ─▶ run ─▶ Vec<Done> ─▶ Verdict ─▶ Report
//!   Clock ──────────────────────────┘     └──▶ Recording ─▶ replay, anywhere
//! ```

pub mod artifact;
pub mod clock;
pub mod codesign;
pub mod extensions;
pub mod machine;
pub mod prepare;
pub mod recording;
pub mod registry;
pub mod report;
pub mod run;
pub mod step;

pub use artifact::Artifact;
pub use clock::Clock;
pub use recording::Recording;
pub use run::{Launch, Seen, Settings, run};
pub use step::{Done, Outcome, Step, Verdict};

/// What the captured log means, together with what our verifier found.
pub fn diagnose(log: &str, artifact: &Artifact) -> Result<triage::Diagnosis, String> {
    let mut reading = triage::Reading::default();
    triage::read("log", &mut log.as_bytes(), &mut reading, &mut |_| {}).map_err(|error| error.to_string())?;
    Ok(triage::judge(reading, &artifact.for_triage()))
}
