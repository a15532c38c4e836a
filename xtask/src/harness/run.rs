//! The run itself: what is asked of the machine, in which order, and what the answers mean.
//!
//! Everything that the machine says comes through the Toolbox and time through the Clock, so the same code judges a live
//! run, a recording, and a made-up machine. How often something is asked again is counted, not timed: a recording has
//! exactly the answers that the live run asked for.

use std::time::Duration;

use checks::subject::Reading;
use serde::{Deserialize, Serialize};

use super::{
    artifact::Artifact,
    clock::Clock,
    crashes::Crashed,
    journal::{Change, Journal},
    machine::Machine,
    step::{Done, Outcome, Step},
    verification,
};
use crate::{
    error::{Exit, Result},
    interrupt,
    report::Report,
    terminal,
    tools::{Call, Output, Toolbox},
};

/// What is asked of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How the launch is brought about.
    pub launch: Launch,
    /// Whether the extension is removed at the end.
    pub clean: bool,
    /// When the run began, as `log show --start` wants it: `2026-11-23 10:00:00+0000`.
    pub started: String,
    /// The same moment in seconds, for the quarantine attribute.
    pub started_at: u64,
    /// What lies before it.
    pub begin: Begin,
    /// What an earlier run left on the machine because it was killed, oldest first.
    pub left: Vec<Change>,
    /// The user's folder, where crash reports of the user's processes lie.
    pub home: String,
}

/// How a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begin {
    /// With the installation.
    Fresh,
    /// A restart lies between the installation and what is done now.
    AfterRestart,
    /// The run was killed: only what it left is looked at.
    AfterKill,
}

/// How the launch is brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Launch {
    /// The real device is plugged in.
    Device,
    /// The self-test personality on IOUserResources.
    SelfTest,
    /// Not at all: the run stays incomplete.
    None,
}

/// What a run brought to light.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Every step, in order.
    pub done: Vec<Done>,
    /// The machine.
    pub machine: Option<Machine>,
    /// The verifier's report with the checks that need this machine; `None`: they could not be asked.
    pub verification: Option<Report>,
    /// The captured log.
    pub log: String,
    /// Crash reports and kernel panics of the run.
    pub crashes: Vec<Crashed>,
}

/// How often something is asked again, and how long to wait between.
pub(super) const POLL: Duration = Duration::from_secs(3);
pub(super) const QUICK: Duration = Duration::from_secs(60);

/// Runs all steps. An error is only Ctrl-C: everything else is an outcome.
///
/// After Ctrl-C what was changed is undone as far as it can be; the error says what remains.
pub fn run(
    tools: &Toolbox,
    clock: &Clock,
    artifact: &Artifact,
    settings: &Settings,
    journal: &Journal,
) -> Result<Seen> {
    let mut run = Run { tools, clock, artifact, settings, journal, seen: Seen::default() };
    match run.all() {
        Ok(()) => {
            journal.end()?;
            Ok(run.seen)
        }
        Err(error) => {
            let remains = run.undo();
            Err(match remains.is_empty() {
                true => error.because("the machine is as it was before"),
                false => remains.into_iter().fold(error, |error, it| error.because(format!("remains: {it}"))),
            })
        }
    }
}

pub(super) struct Run<'a> {
    pub tools: &'a Toolbox,
    pub clock: &'a Clock,
    pub artifact: &'a Artifact,
    pub settings: &'a Settings,
    pub journal: &'a Journal,
    pub seen: Seen,
}

impl Run<'_> {
    fn all(&mut self) -> Result {
        for step in Step::ALL {
            interrupt::check()?;
            let outcome = match self.step(*step) {
                Ok(outcome) => outcome,
                Err(error) if error.exit() == Exit::Interrupted => return Err(error),
                Err(error) => Outcome::NotRun(error.to_string()),
            };
            if !matches!(outcome, Outcome::NotApplicable(_)) {
                terminal::step(outcome.name(), format_args!("{}: {}", step.title(), outcome.why()));
            }
            self.seen.done.push(Done { step: *step, outcome });
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<Outcome> {
        let is_over = self.settings.begin == Begin::AfterKill
            && matches!(
                step,
                Step::Install | Step::Activate | Step::StagedCopy | Step::Launch | Step::Cleanup
            );
        if is_over {
            return Ok(Outcome::NotRun(
                "the run was killed; begin anew with `cargo xtask harness run`".to_owned(),
            ));
        }
        match step {
            Step::Machine => self.machine(),
            Step::Leftovers => self.leftovers(),
            Step::Checks => self.checks(),
            Step::Install => self.install(),
            Step::Activate => self.activate(),
            Step::StagedCopy => self.staged_copy(),
            Step::Launch => self.launch(),
            Step::Logs => self.logs(),
            Step::Crashes => self.crashes(),
            Step::Triage => Ok(self.triage()),
            Step::Cleanup => self.cleanup(),
        }
    }

    pub fn passed(&self, step: Step) -> bool {
        self.seen.done.iter().any(|it| it.step == step && matches!(it.outcome, Outcome::Passed(_)))
    }

    pub fn ask(&self, call: Call) -> Result<Output> {
        self.tools.try_run(&call)
    }

    pub fn given(&self, inside: &str) -> String {
        format!("{}/{inside}", self.artifact.path)
    }

    pub fn installed(&self) -> String {
        format!("/Applications/{}", self.artifact.name)
    }

    fn machine(&mut self) -> Result<Outcome> {
        let machine = Machine::ask(self.tools)?;
        let objections = machine.objections();
        let what = format!("macOS {} ({}), {}", machine.macos, machine.build, machine.arch);
        self.seen.machine = Some(machine);
        Ok(match objections.is_empty() {
            true => Outcome::Passed(what),
            false => Outcome::NotRun(format!("this run is never called valid: {}", objections.join("; "))),
        })
    }

    /// The whole catalogue: what the bytes said when the artifact was opened, and now Apple's tools and the kernel.
    fn checks(&mut self) -> Result<Outcome> {
        let mut host = match self.artifact.questions.ask(self.tools) {
            Ok(host) => host,
            Err(error) if error.exit() == Exit::Interrupted => return Err(error),
            // Without the machine's word the bytes still have theirs.
            Err(error) => {
                let static_alone = verification::outcome(&self.artifact.verification);
                return Ok(match static_alone {
                    Outcome::Failed(_) => static_alone,
                    _ => Outcome::NotRun(error.to_string()),
                });
            }
        };
        // A simulated run is labelled as a whole; within it the judging is what is tried.
        host.is_rehearsed = host.is_simulated;
        if self.settings.begin != Begin::AfterKill
            && matches!(self.artifact.questions.mode.as_str(), "distribution" | "development")
        {
            host.readings.push(self.exec_probe()?);
        }
        let report = verification::complete(self.artifact, host);
        let outcome = verification::outcome(&report);
        self.seen.verification = Some(report);
        Ok(outcome)
    }

    /// The process ends at once whatever happens; what counts is a positive line about it, and no negative one.
    fn exec_probe(&self) -> Result<Reading> {
        let dext = &self.artifact.dext;
        let reading = |exit: Option<i32>, text: String| Reading {
            check: "exec-probe",
            path: format!("{}/{}", self.artifact.name, dext.executable),
            arch: None,
            exit,
            text,
        };
        // Its end says nothing: a driver without its launcher cannot live.
        let started = self.ask(
            Call::new(self.given(&dext.executable), "start the driver's executable")
                .deadline(Duration::from_secs(5)),
        );
        if let Err(error) = started
            && error.exit() == Exit::Interrupted
        {
            return Err(error);
        }
        self.clock.wait(Duration::from_secs(2))?;
        let predicate = "process IN {\"amfid\",\"taskgated-helper\"} OR (process == \"kernel\" AND \
                         (eventMessage CONTAINS \"AMFI\" OR eventMessage CONTAINS \"exec_mach_imgact\"))";
        let call = Call::new("/usr/bin/log", "read what was said about the probe").deadline(QUICK);
        let said = self.ask(call.args([
            "show",
            "--last",
            "30s",
            "--info",
            "--debug",
            "--style",
            "ndjson",
            "--predicate",
            predicate,
        ]));
        let text = match said {
            Ok(output) => output.text(),
            Err(error) if error.exit() == Exit::Interrupted => return Err(error),
            Err(error) => return Ok(reading(None, error.to_string())),
        };
        let names_hash = |line: &str| dext.cdhashes.values().any(|hash| line.contains(hash.as_str()));
        let lines: Vec<&str> =
            text.lines().filter(|line| line.contains(dext.id.as_str()) || names_hash(line)).collect();
        const NEGATIVE: &[&str] =
            &["Unsatisfied entitlements", "Disallowing", "not valid", "bailing out", "preview arm64e"];
        if let Some(line) = lines.iter().find(|line| NEGATIVE.iter().any(|it| line.contains(it))) {
            return Ok(reading(Some(1), clip(line)));
        }
        let allowed = lines.iter().find(|line| line.contains("allowing entitlement"));
        Ok(match allowed {
            Some(line) if lines.iter().any(|line| names_hash(line)) => reading(Some(0), clip(line)),
            _ => reading(None, "no line of amfid or taskgated-helper speaks for this cdhash".to_owned()),
        })
    }
}

/// The first line that says something.
pub(super) fn first_line(text: &str) -> String {
    clip(text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing"))
}

/// A line of a report; what is longer is in the recording.
pub(super) fn clip(text: &str) -> String {
    const LONGEST: usize = 300;
    let text = text.trim();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}
