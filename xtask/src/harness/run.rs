//! The run itself: what is asked of the machine, in which order, and what the answers mean.
//!
//! Everything that the machine says comes through the Toolbox and time through the Clock, so the same code judges a live
//! run, a recording, and a made-up machine.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    artifact::Artifact,
    clock::Clock,
    codesign, extensions,
    machine::Machine,
    registry,
    step::{Done, Outcome, Step},
};
use crate::{
    error::{Exit, Result},
    interrupt, terminal,
    tools::{Call, Output, Toolbox},
};

/// What is asked of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// How the launch is brought about.
    pub launch: Launch,
    /// Whether the extension is removed at the end.
    pub clean: bool,
    /// When the run began, as `log show --start` wants it: `2026-11-23 10:00:00`.
    pub started: String,
    /// The same moment in seconds, for the quarantine attribute.
    pub started_at: u64,
    /// Whether a restart lies between the start and what is done now.
    pub after_reboot: bool,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Every step, in order.
    pub done: Vec<Done>,
    /// The machine.
    pub machine: Option<Machine>,
    /// The captured log.
    pub log: String,
}

/// The kernel waits this long for a driver to check in (`kIOUserServerCheckInTimeoutSecs`, xnu IOService.cpp).
const CHECK_IN: Duration = Duration::from_secs(120);
/// The log is kept until everything that follows from a failed check-in has been written.
const LOG_TAIL: Duration = Duration::from_secs(150);
const ACTIVATION: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_secs(3);
const QUICK: Duration = Duration::from_secs(60);

/// Runs all steps. An error is only Ctrl-C: everything else is an outcome.
pub fn run(tools: &Toolbox, clock: &Clock, artifact: &Artifact, settings: &Settings) -> Result<Seen> {
    let mut run = Run {
        tools,
        clock,
        artifact,
        settings,
        seen: Seen { done: Vec::new(), machine: None, log: String::new() },
    };
    for step in Step::ALL {
        interrupt::check()?;
        let outcome = match run.step(*step) {
            Ok(outcome) => outcome,
            Err(error) if error.exit() == Exit::Interrupted => return Err(error),
            Err(error) => Outcome::NotRun(error.to_string()),
        };
        if !matches!(outcome, Outcome::NotApplicable(_)) {
            terminal::step(outcome.name(), format_args!("{}: {}", step.title(), outcome.why()));
        }
        run.seen.done.push(Done { step: *step, outcome });
    }
    Ok(run.seen)
}

struct Run<'a> {
    tools: &'a Toolbox,
    clock: &'a Clock,
    artifact: &'a Artifact,
    settings: &'a Settings,
    seen: Seen,
}

impl Run<'_> {
    fn step(&mut self, step: Step) -> Result<Outcome> {
        match step {
            Step::Machine => self.machine(),
            Step::Static => Ok(self.static_checks()),
            Step::Codesign => self.codesign(),
            Step::Agreement => self.agreement(),
            Step::Gatekeeper => self.gatekeeper(),
            Step::ExecProbe => self.exec_probe(),
            Step::Install => self.install(),
            Step::Activate => self.activate(),
            Step::StagedCopy => self.staged_copy(),
            Step::Launch => self.launch(),
            Step::Logs => self.logs(),
            Step::Triage => Ok(self.triage()),
            Step::Cleanup => self.cleanup(),
        }
    }

    fn passed(&self, step: Step) -> bool {
        self.seen.done.iter().any(|it| it.step == step && matches!(it.outcome, Outcome::Passed(_)))
    }

    fn ask(&self, call: Call) -> Result<Output> {
        self.tools.try_run(&call)
    }

    fn given(&self, inside: &str) -> String {
        format!("{}/{inside}", self.artifact.path)
    }

    fn installed(&self) -> String {
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

    fn static_checks(&self) -> Outcome {
        let errors = self.artifact.findings.iter().filter(|it| it.severity == "error");
        let errors: Vec<String> = errors.map(|it| format!("{} ({})", it.check, it.found)).collect();
        match (errors.is_empty(), self.artifact.verdict.as_str()) {
            (false, _) => Outcome::Failed(errors.join("; ")),
            (true, "passed") => Outcome::Passed(format!("signed for {}", self.artifact.mode)),
            (true, verdict) => Outcome::NotRun(format!("the verifier says `{verdict}`")),
        }
    }

    /// `--deep` does not look inside a dext, so each is asked on its own, each architecture too.
    fn codesign(&self) -> Result<Outcome> {
        let mut refused = Vec::new();
        let dext = self.given(&self.artifact.dext.path);
        let both =
            [(&self.artifact.path, &self.artifact.app_cdhashes), (&dext, &self.artifact.dext.cdhashes)];
        for (path, slices) in both {
            for arch in slices.keys() {
                let call = Call::new("codesign", "ask codesign").deadline(QUICK);
                let call = call.args([
                    "--verify",
                    "--strict=all",
                    "--verbose=4",
                    "-a",
                    arch.as_str(),
                    path.as_str(),
                ]);
                let output = self.ask(call)?;
                if !output.status.success() {
                    refused.push(format!("{path} ({arch}): {}", first_line(&output.complaints())));
                }
            }
        }
        Ok(match refused.is_empty() {
            true => Outcome::Passed("every bundle, every slice".to_owned()),
            false => Outcome::Failed(refused.join("; ")),
        })
    }

    fn agreement(&self) -> Result<Outcome> {
        let mut different = Vec::new();
        let dext = self.given(&self.artifact.dext.path);
        let both =
            [(&self.artifact.path, &self.artifact.app_cdhashes), (&dext, &self.artifact.dext.cdhashes)];
        for (path, slices) in both {
            for (arch, ours) in slices {
                let reading = self.reading(path, arch)?;
                if reading.cdhash.as_deref() != Some(ours.as_str()) {
                    let theirs = reading.cdhash.as_deref().unwrap_or("none");
                    different
                        .push(format!("{path} ({arch}): codesign reads cdhash {theirs}, we read {ours}"));
                }
                if reading.team != self.artifact.dext.team {
                    let team = |team: &Option<String>| team.clone().unwrap_or_else(|| "none".to_owned());
                    let (theirs, ours) = (team(&reading.team), team(&self.artifact.dext.team));
                    different.push(format!("{path} ({arch}): codesign reads team {theirs}, we read {ours}"));
                }
            }
        }
        Ok(match different.is_empty() {
            true => Outcome::Passed("cdhash and team of every slice".to_owned()),
            false => Outcome::Failed(different.join("; ")),
        })
    }

    fn reading(&self, path: &str, arch: &str) -> Result<codesign::Reading> {
        let call = Call::new("codesign", "read a signature").deadline(QUICK);
        let output = self.ask(call.args(["-d", "--verbose=4", "-a", arch, path]))?;
        Ok(codesign::parse(&output.complaints()))
    }

    fn gatekeeper(&self) -> Result<Outcome> {
        if self.artifact.mode != "distribution" {
            let mode = &self.artifact.mode;
            return Ok(Outcome::NotApplicable(format!("Gatekeeper rejects every product signed for {mode}")));
        }
        let path = self.artifact.path.as_str();
        let asked = [
            ("spctl", vec!["--assess", "--type", "execute", "-vv", path]),
            ("xcrun", vec!["stapler", "validate", path]),
            ("syspolicy_check", vec!["distribution", path]),
        ];
        let mut refused = Vec::new();
        for (program, args) in asked {
            let name = if program == "xcrun" { "stapler" } else { program };
            let output = self.ask(Call::new(program, format!("ask {name}")).args(args).deadline(QUICK))?;
            if !output.status.success() {
                let said = output.complaints() + &output.text();
                refused.push(format!("{name}: {}", first_line(&said)));
            }
        }
        Ok(match refused.is_empty() {
            true => Outcome::Passed("spctl, stapler and syspolicy_check".to_owned()),
            false => Outcome::Failed(refused.join("; ")),
        })
    }

    /// The process ends at once whatever happens; what counts is a positive line about it, and no negative one.
    fn exec_probe(&self) -> Result<Outcome> {
        if !matches!(self.artifact.mode.as_str(), "distribution" | "development") {
            let mode = &self.artifact.mode;
            return Ok(Outcome::NotApplicable(format!("no Mac with SIP on starts a driver that is {mode}")));
        }
        let executable = self.given(&self.artifact.dext.executable);
        // Its end says nothing: a driver without its launcher cannot live.
        let started = self
            .ask(Call::new(&executable, "start the driver's executable").deadline(Duration::from_secs(5)));
        if let Err(error) = started
            && error.exit() == Exit::Interrupted
        {
            return Err(error);
        }
        self.clock.wait(Duration::from_secs(2))?;
        let id = &self.artifact.dext.id;
        let predicate = "process IN {\"amfid\",\"taskgated-helper\"} OR (process == \"kernel\" AND \
                         (eventMessage CONTAINS \"AMFI\" OR eventMessage CONTAINS \"exec_mach_imgact\"))";
        let call = Call::new("/usr/bin/log", "read what was said about the probe").deadline(QUICK);
        let call = call.args([
            "show",
            "--last",
            "30s",
            "--info",
            "--debug",
            "--style",
            "ndjson",
            "--predicate",
            predicate,
        ]);
        let text = self.ask(call)?.text();
        let hashes: Vec<&String> = self.artifact.dext.cdhashes.values().collect();
        let about = |line: &&str| {
            line.contains(id.as_str()) || hashes.iter().any(|hash| line.contains(hash.as_str()))
        };
        let lines: Vec<&str> = text.lines().filter(about).collect();
        let negative =
            ["Unsatisfied entitlements", "Disallowing", "not valid", "bailing out", "preview arm64e"];
        if let Some(line) = lines.iter().find(|line| negative.iter().any(|it| line.contains(it))) {
            return Ok(Outcome::Failed(clip(line)));
        }
        let names_hash = lines.iter().any(|line| hashes.iter().any(|hash| line.contains(hash.as_str())));
        let allowed = lines.iter().find(|line| line.contains("allowing entitlement"));
        Ok(match (allowed, names_hash) {
            (Some(line), true) => Outcome::Passed(clip(line)),
            _ => Outcome::NotRun("no line of amfid or taskgated-helper speaks for this cdhash".to_owned()),
        })
    }

    fn install(&self) -> Result<Outcome> {
        if self.settings.after_reboot {
            return Ok(Outcome::Passed("before the restart".to_owned()));
        }
        let (from, to) = (self.artifact.path.clone(), self.installed());
        let aside = format!("/Applications/.{}.before-harness", self.artifact.name);
        // Whatever is there goes aside first and comes back if the copy fails.
        let there =
            self.ask(Call::new("test", "look for an older copy").args(["-e", to.as_str()]))?.status.success();
        if there {
            self.tools
                .run(&Call::new("rm", "remove what an earlier run left").args(["-rf", aside.as_str()]))?;
            self.tools
                .run(&Call::new("mv", "put the older copy aside").args([to.as_str(), aside.as_str()]))?;
        }
        let copied = self
            .tools
            .run(&Call::new("ditto", "copy the app to /Applications").args([from.as_str(), to.as_str()]));
        if let Err(error) = copied {
            if there {
                self.tools.run(&Call::new("rm", "remove the broken copy").args(["-rf", to.as_str()]))?;
                self.tools
                    .run(&Call::new("mv", "put the older copy back").args([aside.as_str(), to.as_str()]))?;
            }
            return Err(error);
        }
        if there {
            self.tools.run(&Call::new("rm", "remove the older copy").args(["-rf", aside.as_str()]))?;
        }
        let mark = format!("0083;{:08x};harness;", self.settings.started_at);
        let call = Call::new("xattr", "quarantine the app as a download is");
        self.tools.run(&call.args(["-r", "-w", "com.apple.quarantine", mark.as_str(), to.as_str()]))?;
        Ok(Outcome::Passed(to))
    }

    fn listing(&self) -> Result<extensions::Listing> {
        let call = Call::new("systemextensionsctl", "list system extensions").arg("list").deadline(QUICK);
        Ok(extensions::parse(&self.tools.run(&call)?.text()))
    }

    fn activate(&self) -> Result<Outcome> {
        if !self.passed(Step::Install) {
            return Ok(Outcome::NotRun("the app is not installed".to_owned()));
        }
        let dext = &self.artifact.dext;
        let mut said = String::new();
        if !self.settings.after_reboot {
            let executable = format!("{}/{}", self.installed(), self.artifact.executable);
            let call =
                Call::new(executable, "ask the app to activate its driver").args(["--activate", "--json"]);
            let output = self.ask(call.deadline(ACTIVATION))?;
            said = output.text() + &output.complaints();
        }
        let end = self.clock.elapsed() + ACTIVATION;
        loop {
            let listing = self.listing()?;
            let rows: Vec<&extensions::Extension> = listing.of(&dext.id).collect();
            let ours = rows.iter().find(|row| row.version == dext.version && row.build == dext.build);
            let leaving =
                rows.iter().filter(|row| row.state == "terminating for upgrade via delegate").count();
            if leaving >= 2 {
                return Ok(Outcome::Failed(
                    "two copies wait for each other; only a restart clears it".to_owned(),
                ));
            }
            match ours {
                Some(row) if row.is_running_state() => return Ok(Outcome::Passed(row.to_string())),
                Some(row) if row.waits_for_user() => {
                    let where_ = "System Settings > General > Login Items & Extensions > Driver Extensions";
                    return Ok(Outcome::Waiting(format!(
                        "{row}: allow it once in {where_}, or by MDM (`harness prepare`)"
                    )));
                }
                Some(row) if row.waits_for_reboot() => {
                    return Ok(Outcome::PendingReboot(format!(
                        "{row}: restart, then `cargo xtask harness resume`"
                    )));
                }
                _ => {}
            }
            if self.clock.elapsed() >= end {
                let there: Vec<String> = rows.iter().map(|row| row.to_string()).collect();
                let there = if there.is_empty() { "nothing".to_owned() } else { there.join(", ") };
                return Ok(Outcome::Failed(format!("the system has {there}; the app said: {}", clip(&said))));
            }
            self.clock.wait(POLL)?;
        }
    }

    /// With SIP on an unchanged version pair is not replaced: last week's copy would be tried instead.
    fn staged_copy(&self) -> Result<Outcome> {
        if !self.passed(Step::Activate) {
            return Ok(Outcome::NotRun("the extension is not active".to_owned()));
        }
        let dext = &self.artifact.dext;
        let name = format!("{}.dext", dext.id);
        let call = Call::new("find", "look for staged copies").deadline(QUICK);
        let call =
            call.args(["/Library/SystemExtensions", "-maxdepth", "2", "-type", "d", "-name", name.as_str()]);
        let text = self.tools.run(&call)?.text();
        let mut copies: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        copies.sort_unstable();
        let mut other = Vec::new();
        for copy in &copies {
            let mut theirs = BTreeMap::new();
            for arch in dext.cdhashes.keys() {
                if let Some(cdhash) = self.reading(copy, arch)?.cdhash {
                    theirs.insert(arch.clone(), cdhash);
                }
            }
            if theirs == dext.cdhashes {
                return Ok(Outcome::Passed((*copy).to_owned()));
            }
            other.push((*copy).to_owned());
        }
        Ok(Outcome::NotRun(match other.is_empty() {
            true => "no staged copy was found below /Library/SystemExtensions".to_owned(),
            false => format!(
                "the system kept another build ({}): raise `build`, since an unchanged version is not replaced",
                other.join(", ")
            ),
        }))
    }

    fn launch(&self) -> Result<Outcome> {
        let (provider, how) = match self.settings.launch {
            Launch::None => {
                return Ok(Outcome::NotRun(
                    "no launch was asked for (`--launch device` or `self-test`)".to_owned(),
                ));
            }
            Launch::SelfTest => (Some("IOUserResources"), "the self-test personality"),
            Launch::Device => (None, "the device"),
        };
        if !self.passed(Step::StagedCopy) {
            return Ok(Outcome::NotRun("what would run is not the artifact".to_owned()));
        }
        let dext = &self.artifact.dext;
        let class = match provider {
            Some(provider) => dext.classes.get(provider),
            None => dext
                .classes
                .iter()
                .find(|(provider, _)| *provider != "IOUserResources")
                .map(|(_, class)| class),
        };
        let Some(class) = class else {
            return Ok(Outcome::NotRun(format!("the driver has no personality for {how}")));
        };
        let end = self.clock.elapsed() + CHECK_IN + POLL;
        let mut matched = false;
        loop {
            let call = Call::new("ioreg", "look for the driver in the registry").deadline(QUICK);
            let text = self
                .tools
                .run(&call.args(["-p", "IOService", "-w0", "-l", "-r", "-c", "IOUserService"]))?
                .text();
            let services = registry::parse(&text);
            let ours = services.iter().find(|it| {
                it.class.as_deref() == Some(class.as_str())
                    && it.bundle.as_deref().is_none_or(|bundle| bundle == dext.id)
                    && provider.is_none_or(|provider| it.provider.as_deref() == Some(provider))
            });
            matched |= ours.is_some();
            if ours.is_some_and(|it| it.is_registered && it.is_active) {
                let process = format!("/Library/SystemExtensions/.*/{}", dext.id);
                let call =
                    Call::new("pgrep", "look for the driver's process").args(["-fl", process.as_str()]);
                let running = self.ask(call)?;
                if running.status.success() {
                    return Ok(Outcome::Passed(format!(
                        "{class} is registered, process {}",
                        first_line(&running.text())
                    )));
                }
            }
            if self.clock.elapsed() >= end {
                break;
            }
            self.clock.wait(POLL)?;
        }
        Ok(match matched {
            true => {
                Outcome::Failed(format!("{class} was matched and never came up; see the triage of the log"))
            }
            false => Outcome::NotRun(format!(
                "{class} was never matched: {how} is absent, or its personality does not fit (see the triage of the log)"
            )),
        })
    }

    fn logs(&mut self) -> Result<Outcome> {
        let elapsed = self.clock.elapsed();
        if self.passed(Step::Install) && !self.passed(Step::Launch) && elapsed < LOG_TAIL {
            self.clock.wait(LOG_TAIL - elapsed)?;
        }
        let predicate = log_predicate(&self.artifact.dext.id, &self.artifact.executable);
        let call = Call::new("/usr/bin/log", "capture the system log").deadline(Duration::from_secs(600));
        let start = self.settings.started.as_str();
        let call =
            call.args(["show", "--info", "--debug", "--style", "ndjson", "--start", start, "--predicate"]);
        let output = self.ask(call.arg(predicate))?;
        self.seen.log = output.text();
        Ok(match (output.status.success(), self.seen.log.trim().is_empty()) {
            (false, _) => Outcome::NotRun(format!("`log show` failed: {}", first_line(&output.complaints()))),
            (true, true) => {
                Outcome::NotRun("the log is empty: this user may not read it, or it was cut".to_owned())
            }
            (true, false) => Outcome::Passed(format!("{} lines", self.seen.log.lines().count())),
        })
    }

    fn triage(&self) -> Outcome {
        if self.seen.log.trim().is_empty() {
            return Outcome::NotRun("there is no log".to_owned());
        }
        let diagnosis = super::diagnose(&self.seen.log, self.artifact);
        match diagnosis.map(|it| it.causes) {
            Err(why) => Outcome::NotRun(why),
            Ok(causes) if causes.is_empty() => {
                Outcome::Passed("nothing in the log speaks against it".to_owned())
            }
            Ok(causes) => {
                let list: Vec<String> =
                    causes.iter().map(|it| format!("{} ({})", it.title, it.confidence.name())).collect();
                Outcome::Passed(list.join("; "))
            }
        }
    }

    fn cleanup(&self) -> Result<Outcome> {
        if !self.settings.clean {
            return Ok(Outcome::Passed("left installed: the next run is the upgrade test".to_owned()));
        }
        let dext = &self.artifact.dext;
        let call = Call::new("profiles", "look for the MDM profile")
            .args(["show", "-output", "stdout-xml"])
            .deadline(QUICK);
        let profiles = self.ask(call)?.text();
        let removable = profiles.split("RemovableSystemExtensions").skip(1).any(|rest| {
            rest.split("</dict>")
                .next()
                .is_some_and(|list| list.contains(&format!("<string>{}</string>", dext.id)))
        });
        if !removable {
            return Ok(Outcome::Waiting(format!(
                "`{}` is not listed as removable by MDM: remove it by hand in System Settings > General > Login Items & Extensions",
                dext.id
            )));
        }
        let executable = format!("{}/{}", self.installed(), self.artifact.executable);
        let call =
            Call::new(executable, "ask the app to deactivate its driver").args(["--deactivate", "--json"]);
        self.ask(call.deadline(ACTIVATION))?;
        let listing = self.listing()?;
        let left: Vec<String> = listing.of(&dext.id).map(ToString::to_string).collect();
        if left.iter().any(|row| row.contains("on reboot")) {
            return Ok(Outcome::PendingReboot(format!("{}: a restart removes it", left.join(", "))));
        }
        if !left.is_empty() {
            return Ok(Outcome::Failed(format!("still there: {}", left.join(", "))));
        }
        let app = self.installed();
        self.tools.run(&Call::new("rm", "remove the app").args(["-rf", app.as_str()]))?;
        Ok(Outcome::Passed("extension and app are gone".to_owned()))
    }
}

/// Everything that has a say in whether a driver starts.
fn log_predicate(id: &str, executable: &str) -> String {
    let app = executable.rsplit('/').next().unwrap_or(executable);
    format!(
        "process IN {{\"sysextd\",\"kernelmanagerd\",\"amfid\",\"taskgated-helper\",\"syspolicyd\",\"trustd\",\"launchd\",\"{app}\"}} \
         OR subsystem BEGINSWITH \"com.apple.sx\" OR sender IN {{\"AppleSystemPolicy\",\"AppleMobileFileIntegrity\"}} \
         OR (process == \"kernel\" AND (eventMessage CONTAINS \"DK: \" OR eventMessage CONTAINS \"IOUserServer\" \
         OR eventMessage CONTAINS \"AMFI\" OR eventMessage CONTAINS \"exec_mach_imgact\" \
         OR eventMessage CONTAINS \"driverkit binary\" OR eventMessage CONTAINS \"{id}\"))"
    )
}

fn first_line(text: &str) -> String {
    clip(text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing"))
}

/// A line of a report; what is longer is in the recording.
fn clip(text: &str) -> String {
    const LONGEST: usize = 300;
    let text = text.trim();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}
