//! Calls with their answers, kept: a run on a Mac can be judged again anywhere, and a test can be "a Mac".

use std::{
    collections::BTreeSet,
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use super::{Call, Output};

/// One call and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Why it was made.
    pub purpose: String,
    /// Milliseconds since the recording began.
    pub at: u64,
    /// Milliseconds that it took.
    pub took: u64,
    /// How it ended.
    pub ended: Ended,
    /// Standard output.
    pub stdout: Text,
    /// Standard error.
    pub stderr: Text,
}

/// How a recorded call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It was ended because its deadline passed.
    Deadline,
    /// Ctrl-C ended it.
    Interrupted,
    /// There is no such program.
    Missing,
}

/// Output of a program: as it is when it is text, in base64 when it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Text {
    /// UTF-8.
    Text(String),
    /// Base64 of anything else.
    Base64(String),
}

impl Text {
    /// Keeps bytes.
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(BASE64_STANDARD.encode(bytes)),
        }
    }

    /// The bytes that were kept; damaged base64 is an empty answer with its reason.
    pub fn bytes(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Base64(text) => BASE64_STANDARD.decode(text).map_err(|error| error.to_string()),
        }
    }
}

impl Recorded {
    pub(super) fn new(
        call: &Call,
        at: Duration,
        took: Duration,
        ended: Ended,
        output: Option<&Output>,
    ) -> Self {
        let text = |pick: fn(&Output) -> &[u8]| Text::of(output.map_or(&[], pick));
        Self {
            argv: call.argv(),
            purpose: call.purpose().to_owned(),
            at: at.as_millis().try_into().unwrap_or(u64::MAX),
            took: took.as_millis().try_into().unwrap_or(u64::MAX),
            ended,
            stdout: text(|output| &output.stdout),
            stderr: text(|output| &output.stderr),
        }
    }

    /// The output as the program gave it; `None` when there was none to give.
    pub(super) fn output(&self) -> Result<Option<Output>, String> {
        let status = match self.ended {
            Ended::Code(code) => ExitStatus::from_raw((code & 0xff) << 8),
            Ended::Signal(signal) => ExitStatus::from_raw(signal & 0x7f),
            Ended::Deadline | Ended::Interrupted | Ended::Missing => return Ok(None),
        };
        Ok(Some(Output { status, stdout: self.stdout.bytes()?, stderr: self.stderr.bytes()? }))
    }
}

/// What a script of a test says to a call: how it ended, standard output, standard error.
pub type Script = Box<dyn Fn(&Call) -> Option<(Ended, String, String)> + Send + Sync>;

/// What answers instead of programs.
pub enum Answers {
    /// Recorded calls: each answers once, in the order of the recording.
    Recorded {
        /// The calls.
        calls: Vec<Recorded>,
        /// Those that have answered.
        used: Mutex<BTreeSet<usize>>,
    },
    /// A function.
    Scripted(Script),
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Recorded { calls, .. } => write!(f, "Answers({} recorded)", calls.len()),
            Self::Scripted(_) => f.write_str("Answers(scripted)"),
        }
    }
}

impl Answers {
    /// Answers from a recording.
    pub fn recorded(calls: Vec<Recorded>) -> Self {
        Self::Recorded { calls, used: Mutex::default() }
    }

    /// The next unused answer to exactly this command line.
    pub(super) fn next(&self, call: &Call) -> Option<Recorded> {
        let (calls, used) = match self {
            Self::Recorded { calls, used } => (calls, used),
            Self::Scripted(script) => {
                let (ended, stdout, stderr) = script(call)?;
                let mut answer = Recorded::new(call, Duration::ZERO, Duration::ZERO, ended, None);
                answer.stdout = Text::Text(stdout);
                answer.stderr = Text::Text(stderr);
                return Some(answer);
            }
        };
        let argv = call.argv();
        let mut used = used.lock().unwrap_or_else(PoisonError::into_inner);
        let (index, found) =
            calls.iter().enumerate().find(|(index, it)| !used.contains(index) && it.argv == argv)?;
        used.insert(index);
        Some(found.clone())
    }

    pub(super) fn knows(&self, program: &str) -> bool {
        let named = |it: &&Recorded| it.argv.first().is_some_and(|first| first == program);
        let calls = match self {
            Self::Recorded { calls, .. } => calls,
            Self::Scripted(_) => return true,
        };
        calls.iter().find(named).is_some_and(|it| it.ended != Ended::Missing)
    }
}
