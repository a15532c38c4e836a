//! Crash reports and kernel panics that appeared during the run.
//!
//! Files are named `<process>-2026-11-23-100102.ips`; panics `panic-full-….panic` (or `.ips`), older ones `Kernel_….panic`.

use std::time::Duration;

use super::Artifact;
use crate::{
    error::{Exit, Result},
    tools::{Call, Toolbox},
};

/// A report that concerns the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crashed {
    /// Where it lies.
    pub path: String,
    /// What it is about.
    pub who: Who,
    /// Its text.
    pub text: String,
}

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The driver, as the system started it.
    Driver,
    /// The driver's executable as the exec probe started it: a driver cannot live so, its end says nothing.
    Probe,
    /// The app.
    App,
    /// The kernel.
    Kernel,
}

/// More reports than a run of minutes leaves; a driver that crashes in a loop leaves one for each launch, the kernel stops after some.
const MOST: usize = 16;
/// The kernel keeps this much of a process's name (`MAXCOMLEN`, bsd/sys/param.h), and old reports are named by it.
const SHORT_NAME: usize = 16;
const QUICK: Duration = Duration::from_secs(60);

/// Reports newer than `since` ("2026-11-23 10:00:00+0000") of our driver, our app, and the kernel.
///
/// An error means that nobody could look; the text of a report that cannot be read says so.
pub fn collect(tools: &Toolbox, artifact: &Artifact, home: &str, since: &str) -> Result<Vec<Crashed>> {
    let own = format!("{home}/Library/Logs/DiagnosticReports");
    let call = Call::new("find", "look for crash reports").deadline(QUICK).args([
        own.as_str(),
        "/Library/Logs/DiagnosticReports",
        "-maxdepth",
        "2",
        "-type",
        "f",
        "-newermt",
        since,
    ]);
    // One of the folders may not be there yet; `find` then fails and still lists the other.
    let output = tools.try_run(&call)?;
    let text = output.text();
    let mut paths: Vec<&str> = text.lines().filter(|it| who(it, artifact).is_some()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut found = Vec::new();
    for path in paths.into_iter().take(MOST) {
        let call = Call::new("cat", "read a crash report").arg(path).deadline(QUICK);
        let text = match tools.run(&call) {
            Ok(output) => output.text(),
            Err(error) if error.exit() == Exit::Interrupted => return Err(error),
            Err(error) => error.to_string(),
        };
        let mut who = who(path, artifact).unwrap_or(Who::Driver);
        if who == Who::Driver
            && !text.contains("/Library/SystemExtensions/")
            && !text.contains("\\/Library\\/SystemExtensions\\/")
        {
            who = Who::Probe;
        }
        found.push(Crashed { path: path.to_owned(), who, text });
    }
    Ok(found)
}

/// Whom a report is about, by the name of its file; `None`: not us.
fn who(path: &str, artifact: &Artifact) -> Option<Who> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if ![".ips", ".crash", ".panic"].iter().any(|it| name.ends_with(it)) {
        return None;
    }
    if name.ends_with(".panic") || name.starts_with("panic-full-") || name.starts_with("Kernel_") {
        return Some(Who::Kernel);
    }
    let is_of = |executable: &str| {
        let process = executable.rsplit('/').next().unwrap_or(executable);
        let short = process
            .char_indices()
            .nth(SHORT_NAME)
            .map_or(process, |(end, _)| process.get(..end).unwrap_or(process));
        [process, short]
            .iter()
            .any(|it| name.strip_prefix(it).is_some_and(|rest| rest.starts_with(['-', '_'])))
    };
    if is_of(&artifact.dext.executable) {
        return Some(Who::Driver);
    }
    is_of(&artifact.executable).then_some(Who::App)
}
