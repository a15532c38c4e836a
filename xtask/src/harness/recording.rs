//! A run, whole: what was tried, what was asked, what was answered. Enough to judge it again anywhere.

use serde::{Deserialize, Serialize};

use super::{Artifact, Clock, Journal, Seen, Settings, run};
use crate::{
    error::{Error, Result},
    tools::{Host, Os, Recorded, Toolbox},
};

/// Version of the shape.
pub const SCHEMA: u32 = 2;

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of the tool that recorded.
    pub tool: String,
    /// Made with stand-ins or a script: it never counts as run on a Mac.
    pub simulated: bool,
    /// What was tried.
    pub artifact: Artifact,
    /// What was asked of the run.
    pub settings: Settings,
    /// Every call with its answer.
    pub calls: Vec<Recorded>,
}

impl Recording {
    /// What `tools` recorded.
    pub fn of(tools: &Toolbox, artifact: &Artifact, settings: &Settings) -> Self {
        Self {
            schema: SCHEMA,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            simulated: tools.host().simulated,
            artifact: artifact.clone(),
            settings: settings.clone(),
            calls: tools.recording(),
        }
    }

    /// Reads one.
    pub fn parse(text: &str) -> Result<Self> {
        let recording: Self = serde_json::from_str(text)
            .map_err(|error| Error::usage("this is not a recording of a harness run").because(error))?;
        if recording.schema != SCHEMA {
            let (theirs, ours) = (recording.schema, SCHEMA);
            return Err(Error::usage(format!(
                "a recording of schema {theirs}; this tool reads schema {ours}"
            )));
        }
        Ok(recording)
    }

    /// As text, one call a line group, stable.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a recording is made of text, numbers and lists") + "\n"
    }

    /// Judges the run again: the same code, the recorded answers, no waiting. A run that was interrupted is interrupted again.
    pub fn replay(&self) -> Result<Seen> {
        let host = Host { os: Os::MacOs, arch: "aarch64".to_owned(), simulated: self.simulated };
        let tools = Toolbox::new().replaying(self.calls.clone(), host);
        let journal = Journal::of_a_replay(&self.settings.left);
        run(&tools, &Clock::replayed(), &self.artifact, &self.settings, &journal)
    }
}
