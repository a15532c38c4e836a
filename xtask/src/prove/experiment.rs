//! An experiment, as data: a question, why it matters, what is done, and how the answer is read.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{Sample, Samples};
use crate::{
    error::Result,
    harness::machine::Machine,
    tools::{Call, Ended, Recorded},
};

/// One question that only a Mac can answer.
#[derive(Debug, Clone, Copy)]
pub struct Experiment {
    /// Kebab-case; never changes its meaning.
    pub id: &'static str,
    /// What is asked.
    pub question: &'static str,
    /// What we say as long as nobody knows, so that an answer confirms or contradicts something.
    pub claim: &'static str,
    /// Which doubt it settles, and what depends on it.
    pub why: &'static str,
    /// What must be there.
    pub needs: &'static [Need],
    /// What is done, in order.
    pub acts: fn(&Samples) -> Vec<Act>,
    /// What the outputs mean; `Err` says why they mean nothing.
    pub judge: fn(&Evidence) -> Result<Answer, String>,
}

/// What an experiment needs, beyond a Mac with Xcode and SIP on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Apple silicon: an Intel Mac has no such slice.
    AppleSilicon,
    /// Something that was made beforehand.
    Sample(Sample),
}

/// One thing that an experiment does.
pub enum Act {
    /// Asks a program; a failure is an answer too.
    Ask(&'static str, Call),
    /// Makes something with a program; without it the experiment cannot go on.
    Make(&'static str, Call),
    /// Reads or makes something ourselves: the name, what in words, and how.
    Read(&'static str, String, Box<dyn Fn() -> Result<String>>),
}

impl Act {
    /// A reading of ours.
    pub fn read(
        name: &'static str,
        what: impl Into<String>,
        how: impl Fn() -> Result<String> + 'static,
    ) -> Self {
        Self::Read(name, what.into(), Box::new(how))
    }

    /// What names its outcome within the experiment.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ask(name, _) | Self::Make(name, _) | Self::Read(name, ..) => name,
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(_, call) | Self::Make(_, call) => write!(f, "$ {call}"),
            Self::Read(_, what, _) => write!(f, "{what}"),
        }
    }
}

/// What came out of the acts of one experiment, and on which machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// What programs answered.
    pub asked: &'a BTreeMap<String, Recorded>,
    /// What we read.
    pub read: &'a BTreeMap<String, String>,
}

impl Evidence<'_> {
    /// The answer of a program that ran to its end.
    pub fn asked(&self, name: &str) -> Result<Said, String> {
        let it = self.asked.get(name).ok_or_else(|| format!("nothing is recorded of `{name}`"))?;
        let program = it.argv.first().map_or("", String::as_str);
        let text =
            |text: &crate::tools::Text| text.bytes().map(|it| String::from_utf8_lossy(&it).into_owned());
        let ended = match it.ended {
            Ended::Missing => return Err(format!("`{program}` is not installed")),
            Ended::Interrupted => return Err(format!("Ctrl-C ended `{program}`")),
            Ended::Deadline => return Err(format!("`{program}` ({}) took too long", it.purpose)),
            Ended::Code(_) | Ended::Signal(_) => it.ended,
        };
        Ok(Said { ended, stdout: text(&it.stdout)?, stderr: text(&it.stderr)? })
    }

    /// What we read under this name.
    pub fn read(&self, name: &str) -> Result<&str, String> {
        self.read.get(name).map(String::as_str).ok_or_else(|| format!("nothing is recorded of `{name}`"))
    }
}

/// What a program said, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// By exit code or signal.
    pub ended: Ended,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Said {
    /// Whether it ended with 0.
    pub fn is_success(&self) -> bool {
        self.ended == Ended::Code(0)
    }

    /// Everything it said: many of Apple's tools answer on standard error.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// "exit code 0", "signal 9".
    pub fn end(&self) -> String {
        match self.ended {
            Ended::Code(code) => format!("exit code {code}"),
            Ended::Signal(signal) => format!("signal {signal}"),
            Ended::Deadline => "its deadline".to_owned(),
            Ended::Interrupted => "Ctrl-C".to_owned(),
            Ended::Missing => "nothing".to_owned(),
        }
    }

    /// The line that says most: the first that is not empty.
    pub fn first_line(&self) -> String {
        let text = self.text();
        text.lines().find(|line| !line.trim().is_empty()).unwrap_or("no word").trim().to_owned()
    }
}

/// What the Mac said to the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer", content = "seen")]
pub enum Answer {
    /// As we say.
    Confirmed(String),
    /// We did not know; now we do.
    Observed(String),
    /// Not as we say.
    Contradicted(String),
    /// It ran, and the outputs decide nothing.
    Unclear(String),
    /// It did not run.
    NotRun(String),
}

impl Answer {
    /// Confirmed when nothing is in the list of differences.
    pub fn unless(differences: &[String], seen: impl Into<String>) -> Self {
        match differences {
            [] => Self::Confirmed(seen.into()),
            some => Self::Contradicted(some.join("; ")),
        }
    }

    /// As reports spell it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Confirmed(_) => "confirmed",
            Self::Observed(_) => "observed",
            Self::Contradicted(_) => "contradicted",
            Self::Unclear(_) => "unclear",
            Self::NotRun(_) => "not_run",
        }
    }

    /// What was seen, or why nothing was.
    pub fn seen(&self) -> &str {
        match self {
            Self::Confirmed(it) | Self::Observed(it) | Self::Contradicted(it) => it,
            Self::Unclear(it) | Self::NotRun(it) => it,
        }
    }
}
