//! The harness of the Mac runner: tries a release on a machine with SIP on, and never passes on the wrong evidence.
//!
//! ```text
//!   Artifact (our verifier's view) ─┐
//!   Toolbox (live, recorded, made up) ─▶ run ─▶ Vec<Done> ─▶ Verdict ─▶ Report
//!   Clock ──────────────────────────┘     └──▶ Recording ─▶ replay, anywhere
//! ```

pub mod artifact;
pub mod clock;
pub mod crashes;
pub mod extensions;
mod installing;
pub mod journal;
pub mod machine;
pub mod prepare;
pub mod recording;
pub mod registry;
pub mod report;
pub mod run;
pub mod step;
pub mod verification;
mod watching;

pub use artifact::Artifact;
pub use clock::Clock;
pub use crashes::Crashed;
pub use journal::{Change, Journal};
pub use recording::Recording;
pub use run::{Begin, Launch, Seen, Settings, run};
pub use step::{Done, Outcome, Step, Verdict};

/// What the captured log and the crash reports mean, together with what was found in the artifact.
pub fn diagnose(seen: &Seen, artifact: &Artifact) -> Result<triage::Diagnosis, String> {
    let mut reading = triage::Reading::default();
    let mut read = |name: &str, text: &str| {
        triage::read(name, &mut text.as_bytes(), &mut reading, &mut |_| {})
            .map(drop)
            .map_err(|error| error.to_string())
    };
    read("log", &seen.log)?;
    // The probe's end says nothing about the driver.
    for it in seen.crashes.iter().filter(|it| it.who != crashes::Who::Probe) {
        read(&it.path, &it.text)?;
    }
    let report = seen.verification.as_ref().unwrap_or(&artifact.verification);
    Ok(triage::judge(reading, &artifact::for_triage(report)))
}
