//! The experiments, in the order in which they run: what is built, what is signed, what is packaged, what starts.

mod build;
mod exec;
mod gatekeeper;
mod interfaces;
mod ours;
mod package;
mod seal;
mod signature;

use std::time::Duration;

use super::Experiment;
use crate::tools::Call;

/// All of them.
pub const EXPERIMENTS: &[Experiment] = &[
    interfaces::INTERFACES,
    build::SDK_STUBS,
    build::LINK,
    build::DYLD_VALIDATES,
    build::LIPO,
    signature::CODESIGN_ACCEPTS,
    signature::CODESIGN_REFUSES,
    signature::READING,
    signature::REQUIREMENT,
    signature::ENTITLEMENTS,
    signature::PROFILE,
    seal::SEAL,
    package::PKG,
    package::ZIP,
    gatekeeper::REHEARSAL_REFUSED,
    gatekeeper::NOTARIZED,
    exec::LINKS_START_ALIKE,
    exec::ARM64E_PROGRAM,
    exec::ARM64E_DRIVER,
];

/// Long enough for any tool that only looks.
const QUICK: Duration = Duration::from_secs(60);

/// A call of one of Apple's tools that only looks.
fn ask(program: &str, purpose: &str) -> Call {
    Call::new(program, purpose).deadline(QUICK)
}

/// What only one of two lists has, told from our side.
fn differences(what: &str, theirs: &[String], ours: &[String]) -> Vec<String> {
    let only = |these: &[String], others: &[String], who: &str| -> Vec<String> {
        let lines = these.iter().filter(|it| !others.contains(it));
        lines.map(|it| format!("{what}: only {who}: {it}")).collect()
    };
    let mut all = only(theirs, ours, "Apple's");
    all.extend(only(ours, theirs, "ours"));
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_experiment_has_an_id_of_its_own_and_says_why() {
        let ids: BTreeSet<&str> = EXPERIMENTS.iter().map(|it| it.id).collect();
        assert_eq!(ids.len(), EXPERIMENTS.len());
        for it in EXPERIMENTS {
            let kebab = it.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            assert!(kebab, "{}", it.id);
            assert!(it.question.ends_with('?'), "{}", it.id);
            assert!(!it.claim.is_empty() && !it.why.is_empty(), "{}", it.id);
        }
    }
}

/// Evidence for the tests of judges: an Apple silicon Mac, and what was made up.
#[cfg(test)]
mod made_up {
    use std::collections::BTreeMap;

    use crate::{
        harness::machine::{Machine, Sip},
        prove::{Answer, Evidence, Experiment},
        tools::{Ended, Recorded, Text},
    };

    /// What a test says that was seen.
    #[derive(Debug, Clone)]
    pub struct MadeUp {
        machine: Machine,
        asked: BTreeMap<String, Recorded>,
        read: BTreeMap<String, String>,
    }

    impl MadeUp {
        pub fn new() -> Self {
            let machine = Machine {
                sip: Sip::Enabled,
                arch: "arm64".into(),
                macos: "26.2".into(),
                build: "25C56".into(),
                boot_args: String::new(),
            };
            Self { machine, asked: BTreeMap::new(), read: BTreeMap::new() }
        }

        pub fn macos(mut self, version: &str) -> Self {
            self.machine.macos = version.into();
            self
        }

        pub fn ended(mut self, name: &str, ended: Ended, stdout: &str, stderr: &str) -> Self {
            let call = Recorded {
                argv: vec!["tool".into()],
                purpose: "try".into(),
                at: 0,
                took: 0,
                ended,
                stdout: Text::Text(stdout.into()),
                stderr: Text::Text(stderr.into()),
            };
            self.asked.insert(name.into(), call);
            self
        }

        pub fn says(self, name: &str, stdout: &str) -> Self {
            self.ended(name, Ended::Code(0), stdout, "")
        }

        pub fn fails(self, name: &str, code: i32, stderr: &str) -> Self {
            self.ended(name, Ended::Code(code), "", stderr)
        }

        pub fn read(mut self, name: &str, text: &str) -> Self {
            self.read.insert(name.into(), text.into());
            self
        }

        pub fn judge(&self, experiment: &Experiment) -> Answer {
            let evidence = Evidence { machine: &self.machine, asked: &self.asked, read: &self.read };
            (experiment.judge)(&evidence).unwrap_or_else(Answer::Unclear)
        }

        /// Judged, it is this answer, and what is said about it contains these words.
        #[track_caller]
        pub fn check(&self, experiment: &Experiment, name: &str, words: &str) {
            let answer = self.judge(experiment);
            assert_eq!(answer.name(), name, "{}", answer.seen());
            assert!(answer.seen().contains(words), "{}", answer.seen());
        }
    }
}
