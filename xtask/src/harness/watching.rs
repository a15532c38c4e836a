//! Watches what the system does with the driver: the registry, the process, the log, crash reports; and what all that means.

use std::time::Duration;

use super::{
    crashes::{self, Who},
    installing::polls,
    registry,
    run::{Begin, Launch, POLL, QUICK, Run, first_line},
    step::{Outcome, Step},
};
use crate::{error::Result, tools::Call};

/// The kernel waits this long for a driver to check in (`kIOUserServerCheckInTimeoutSecs`, xnu IOService.cpp).
const CHECK_IN: Duration = Duration::from_secs(120);
/// The log is kept until everything that follows from a failed check-in has been written.
const LOG_TAIL: Duration = Duration::from_secs(150);

impl Run<'_> {
    pub fn launch(&self) -> Result<Outcome> {
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
        let mut matched = false;
        for left in (0..polls(CHECK_IN + POLL)).rev() {
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
            if left > 0 {
                self.clock.wait(POLL)?;
            }
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

    pub fn logs(&mut self) -> Result<Outcome> {
        let elapsed = self.clock.elapsed();
        let is_live = self.settings.begin != Begin::AfterKill;
        if is_live && self.passed(Step::Install) && !self.passed(Step::Launch) && elapsed < LOG_TAIL {
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

    /// A crash of the driver that the system started, or of the kernel, is a fault of the driver whatever else was seen.
    pub fn crashes(&mut self) -> Result<Outcome> {
        self.seen.crashes =
            crashes::collect(self.tools, self.artifact, &self.settings.home, &self.settings.started)?;
        let of = |who: Who| {
            self.seen.crashes.iter().filter(|it| it.who == who).map(|it| it.path.as_str()).collect::<Vec<_>>()
        };
        let (panics, driver, app, probe) = (of(Who::Kernel), of(Who::Driver), of(Who::App), of(Who::Probe));
        let mut faults = Vec::new();
        for (what, found) in
            [("the kernel panicked", panics), ("the driver crashed", driver), ("the app crashed", app)]
        {
            if !found.is_empty() {
                faults.push(format!("{what}: {}", found.join(", ")));
            }
        }
        if !faults.is_empty() {
            return Ok(Outcome::Failed(faults.join("; ")));
        }
        Ok(Outcome::Passed(match probe.len() {
            0 => "none".to_owned(),
            n => format!("none but {n} of the exec probe, which cannot end otherwise"),
        }))
    }

    pub fn triage(&self) -> Outcome {
        if self.seen.log.trim().is_empty() && self.seen.crashes.is_empty() {
            return Outcome::NotRun("there is no log".to_owned());
        }
        let diagnosis = super::diagnose(&self.seen, self.artifact);
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
