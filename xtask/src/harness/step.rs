//! The steps of a run, what each came to, and the verdict that follows.

use serde::{Deserialize, Serialize};

/// A step of the harness, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Is this a machine whose word counts?
    Machine,
    /// What a killed run left.
    Leftovers,
    /// The whole catalogue, Apple's tools and the exec probe included.
    Checks,
    /// Copied to /Applications as a download would arrive.
    Install,
    /// The app asked for activation, and the system has the extension.
    Activate,
    /// What the system staged is what we gave it.
    StagedCopy,
    /// The driver runs.
    Launch,
    /// The system log of all that.
    Logs,
    /// Crash reports and kernel panics of that time.
    Crashes,
    /// What the log and the reports mean.
    Triage,
    /// The machine is as it should be left.
    Cleanup,
}

impl Step {
    /// All, in order.
    pub const ALL: &[Self] = &[
        Self::Machine,
        Self::Leftovers,
        Self::Checks,
        Self::Install,
        Self::Activate,
        Self::StagedCopy,
        Self::Launch,
        Self::Logs,
        Self::Crashes,
        Self::Triage,
        Self::Cleanup,
    ];

    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Machine => "the machine is Apple silicon with SIP on",
            Self::Leftovers => "what a killed run left is known",
            Self::Checks => {
                "the whole catalogue holds, asked on this machine (the exec probe is not the driver path)"
            }
            Self::Install => "the app is in /Applications, quarantined like a download",
            Self::Activate => "the extension is activated and enabled",
            Self::StagedCopy => "the staged copy is the artifact, hash for hash",
            Self::Launch => "the driver was launched and registered",
            Self::Logs => "the log was captured",
            Self::Crashes => "nothing of ours crashed, nor did the kernel",
            Self::Triage => "the log was read",
            Self::Cleanup => "the machine is left as asked",
        }
    }

    /// Whether a run cannot pass without it.
    pub fn decides(self) -> bool {
        matches!(
            self,
            Self::Machine | Self::Checks | Self::Install | Self::Activate | Self::StagedCopy | Self::Launch
        )
    }
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "why")]
pub enum Outcome {
    /// It holds, and this was seen.
    Passed(String),
    /// It does not hold.
    Failed(String),
    /// It did not run, or its evidence does not count.
    NotRun(String),
    /// A person must do something.
    Waiting(String),
    /// The machine must restart.
    PendingReboot(String),
    /// It makes no sense for this artifact.
    NotApplicable(String),
}

impl Outcome {
    /// As reports spell it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Passed(_) => "passed",
            Self::Failed(_) => "failed",
            Self::NotRun(_) => "not_run",
            Self::Waiting(_) => "waiting",
            Self::PendingReboot(_) => "pending-reboot",
            Self::NotApplicable(_) => "not_applicable",
        }
    }

    /// What was seen, or why not.
    pub fn why(&self) -> &str {
        match self {
            Self::Passed(why) | Self::Failed(why) | Self::NotRun(why) => why,
            Self::Waiting(why) | Self::PendingReboot(why) | Self::NotApplicable(why) => why,
        }
    }
}

/// A step and what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The step.
    pub step: Step,
    /// What it came to.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything that decides was seen to hold.
    Passed,
    /// Something does not hold.
    Failed,
    /// Something that decides was not seen.
    Incomplete,
    /// `harness resume` after a restart.
    PendingReboot,
}

impl Verdict {
    /// From all steps. On a machine that does not count nothing passes, and nothing is blamed on the artifact either.
    pub fn of(done: &[Done]) -> Self {
        let outcome = |step: Step| done.iter().find(|it| it.step == step).map(|it| &it.outcome);
        let counts = matches!(outcome(Step::Machine), Some(Outcome::Passed(_)));
        let is = |wanted: fn(&Outcome) -> bool| done.iter().any(|it| wanted(&it.outcome));
        // What is wrong with the artifact is wrong on any machine.
        let is_wrong = matches!(outcome(Step::Checks), Some(Outcome::Failed(_)));
        if is_wrong || (counts && is(|it| matches!(it, Outcome::Failed(_)))) {
            return Self::Failed;
        }
        if is(|it| matches!(it, Outcome::PendingReboot(_))) {
            return Self::PendingReboot;
        }
        let seen =
            |step: &&Step| matches!(outcome(**step), Some(Outcome::Passed(_) | Outcome::NotApplicable(_)));
        let decided = Step::ALL.iter().filter(|step| step.decides()).all(|step| seen(&step));
        let waiting = is(|it| matches!(it, Outcome::Waiting(_)));
        if decided && !waiting { Self::Passed } else { Self::Incomplete }
    }

    /// As reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Incomplete => "incomplete",
            Self::PendingReboot => "pending-reboot",
        }
    }
}
