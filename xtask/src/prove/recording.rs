//! A run of `prove`, whole and anonymous: enough to judge every experiment again, anywhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Anonymizer, Answer, EXPERIMENTS, Evidence, Experiment};
use crate::{
    error::{Error, Result},
    harness::machine::Machine,
    tools::{Recorded, Text},
};

/// Version of the shape.
pub const SCHEMA: u32 = 1;

/// What tells a recording of `prove` from one of the harness.
pub const KIND: &str = "prove";

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// [`SCHEMA`].
    pub schema: u32,
    /// [`KIND`].
    pub kind: String,
    /// Version of the tool that recorded.
    pub tool: String,
    /// Made with stand-ins or a script: it never counts as run on a Mac.
    pub simulated: bool,
    /// The machine.
    pub machine: Machine,
    /// Versions of what was used: "xcode" to "Xcode 26.2 / Build version 17C52".
    pub versions: BTreeMap<String, String>,
    /// How many names of each kind were taken out.
    pub removed: BTreeMap<String, usize>,
    /// What was done, experiment by experiment, in the order of the list.
    pub experiments: Vec<Noted>,
}

/// What one experiment left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noted {
    /// Its id.
    pub id: String,
    /// Why it did not run, or not to its end.
    pub not_run: Option<String>,
    /// What programs answered.
    pub asked: BTreeMap<String, Recorded>,
    /// What we read.
    pub read: BTreeMap<String, String>,
}

/// An experiment with its answer.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The experiment.
    pub experiment: &'static Experiment,
    /// What the Mac said.
    pub answer: Answer,
}

impl Recording {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self> {
        let recording: Self = serde_json::from_str(text)
            .map_err(|error| Error::usage("this is not a recording of `prove`").because(error))?;
        if recording.kind != KIND {
            return Err(Error::usage(format!("this is a recording of `{}`, not of `prove`", recording.kind)));
        }
        if recording.schema != SCHEMA {
            let theirs = recording.schema;
            return Err(Error::usage(format!(
                "a recording of schema {theirs}; this tool reads schema {SCHEMA}"
            )));
        }
        Ok(recording)
    }

    /// As text, stable.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a recording is made of text, numbers and lists") + "\n"
    }

    /// Why nothing in it counts as seen on a Mac; empty when it does.
    pub fn objections(&self) -> Vec<String> {
        let mut objections = objections(&self.machine);
        if self.simulated {
            objections.insert(0, "simulated: no Mac was asked".to_owned());
        }
        objections
    }

    /// Every experiment of the list, judged. What the recording does not have did not run.
    pub fn judge(&self) -> Vec<Judged> {
        EXPERIMENTS.iter().map(|it| Judged { experiment: it, answer: self.answer(it) }).collect()
    }

    fn answer(&self, experiment: &Experiment) -> Answer {
        let Some(noted) = self.experiments.iter().find(|it| it.id == experiment.id) else {
            return Answer::NotRun("not in this recording".to_owned());
        };
        if let Some(why) = &noted.not_run {
            return Answer::NotRun(why.clone());
        }
        let evidence = Evidence { machine: &self.machine, asked: &noted.asked, read: &noted.read };
        (experiment.judge)(&evidence).unwrap_or_else(Answer::Unclear)
    }

    /// The same without anything that says whose machine it was.
    #[must_use]
    pub fn anonymised(mut self, mut names: Anonymizer) -> Self {
        self.each_text(&mut |text| names.learn(text));
        self.each_text(&mut |text| *text = names.clean(text));
        self.removed = names.removed();
        self
    }

    /// Every text in which a machine's words may be. Output that is no text becomes text: nobody can look through base64.
    fn each_text(&mut self, visit: &mut dyn FnMut(&mut String)) {
        visit(&mut self.machine.boot_args);
        visit(&mut self.machine.macos);
        visit(&mut self.machine.build);
        visit(&mut self.machine.arch);
        self.versions.values_mut().for_each(&mut *visit);
        for noted in &mut self.experiments {
            noted.not_run.iter_mut().for_each(&mut *visit);
            noted.read.values_mut().for_each(&mut *visit);
            for call in noted.asked.values_mut() {
                call.argv.iter_mut().for_each(&mut *visit);
                visit(&mut call.purpose);
                for output in [&mut call.stdout, &mut call.stderr] {
                    let mut text = match output.bytes() {
                        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                        Err(why) => format!("(damaged: {why})"),
                    };
                    visit(&mut text);
                    *output = Text::Text(text);
                }
            }
        }
    }
}

/// Why nothing seen on this machine counts. Unlike for the harness, an Intel Mac does: what needs Apple silicon says so by itself.
pub fn objections(machine: &Machine) -> Vec<String> {
    Machine { arch: "arm64".to_owned(), ..machine.clone() }.objections()
}
