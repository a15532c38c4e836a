//! Apple's own tool as the one who takes submissions, with the credentials of a keychain profile.
//!
//! ```text
//!   xcrun notarytool submit FILE --keychain-profile NAME --output-format json --no-progress      ─▶ id
//!   xcrun notarytool info ID …          xcrun notarytool history …          xcrun notarytool log ID …
//! ```
//! We never let it wait: it would hold the id back until the end, and die of one dropped poll. It names a submission after its file, so the file
//! that it gets has a name that tells the bytes; an id that was lost is found in the history by that name.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use notary::{
    Agency, Clock, Error, Kind, Result,
    agency::Stage,
    client::Submission,
    notarytool as words,
    pace::{Allowance, Stubbornness, stubbornly},
    upload::Goods,
};

use super::{progress::Progress, service::CLOCK};
use crate::{
    error::Exit,
    interrupt,
    tools::{Call, Output, Toolbox},
};

/// An upload of many gigabytes over a slow line takes hours; what hangs longer is dead.
const UPLOAD: Duration = Duration::from_secs(6 * 3600);
/// Every other question is answered in seconds.
const QUESTION: Duration = Duration::from_secs(120);

/// The tool, and how it is to be used.
#[derive(Debug)]
pub struct NotaryTool {
    /// Who starts it.
    pub tools: Toolbox,
    /// What `notarytool store-credentials` was told.
    pub profile: String,
    /// Uploads to the regional address.
    pub no_acceleration: bool,
    /// Where Apple posts when a verdict is there.
    pub webhook: Option<String>,
}

/// The tool at work on one product.
#[derive(Debug)]
pub struct AtWork<'a> {
    /// The tool.
    pub tool: &'a NotaryTool,
    /// The bytes on disk; absent where nothing is handed in.
    pub file: Option<&'a Path>,
    /// Where the file gets a name that tells its bytes.
    pub folder: PathBuf,
    /// Hears how far it is, and of retries.
    pub progress: &'a Progress,
}

impl AtWork<'_> {
    fn call(&self, purpose: &str, args: Vec<OsString>, deadline: Duration) -> Call {
        Call::new("xcrun", purpose).arg("notarytool").args(args).deadline(deadline)
    }

    /// Runs the tool; a failure is told apart by what it says.
    fn run(&self, doing: &str, args: Vec<OsString>, deadline: Duration) -> Result<Output> {
        let output = self.tool.tools.try_run(&self.call(doing, args, deadline)).map_err(|error| {
            let kind = match error.exit() {
                Exit::Interrupted => Kind::Interrupted,
                _ => Kind::Transient,
            };
            Error::new(kind, doing, error.to_string().lines().last().unwrap_or_default().trim())
        })?;
        if interrupt::happened() {
            return Err(notary::clock::interrupted());
        }
        match output.status.success() {
            true => Ok(output),
            false => Err(words::refusal(doing, &self.tool.profile, &output.complaints(), &output.text())),
        }
    }

    /// Asks until there is an answer.
    fn ask(&self, doing: &str, args: Vec<OsString>) -> Result<Vec<u8>> {
        stubbornly(&CLOCK, Stubbornness::REQUEST, &|line| self.progress.say(line), || {
            self.run(doing, args.clone(), QUESTION).map(|it| it.stdout)
        })
    }
}

impl Agency for AtWork<'_> {
    fn submitter(&self) -> &str {
        &self.tool.profile
    }

    fn clock(&self) -> &dyn Clock {
        &CLOCK
    }

    fn allowance(&self) -> Option<Allowance> {
        None
    }

    fn hand_in(
        &self,
        name: &str,
        goods: &Goods<'_>,
        told: &mut dyn FnMut(Stage<'_>) -> Result<()>,
    ) -> Result<()> {
        let doing = format!("submit {name}");
        let file = self.file.ok_or_else(|| Error::local(&doing, "there is no file to hand in"))?;
        goods.check_unchanged()?;
        let named = Named::new(file, &self.folder.join(name)).map_err(|error| Error::local(&doing, error))?;
        let args = words::submit(
            &named.0,
            &self.tool.profile,
            self.tool.no_acceleration,
            self.tool.webhook.as_deref(),
        );
        // The tool tells the id only when all is over: from here on, nobody knows whether it was handed in.
        told(Stage::Finishing)?;
        self.progress.upload_of_unknown_pace(goods.source.len());
        let output = self.run(&doing, args, UPLOAD);
        self.progress.clear();
        let id = words::submitted(&doing, &output?.stdout)?;
        told(Stage::Granted(&id))
    }

    fn status(&self, id: &str) -> Result<Submission> {
        let doing = format!("ask for the status of {id}");
        words::status(&doing, &self.ask(&doing, words::info(id, &self.tool.profile)?)?)
    }

    fn history(&self) -> Result<Vec<Submission>> {
        let doing = "list the submissions";
        words::history(doing, &self.ask(doing, words::list(&self.tool.profile))?)
    }

    fn log(&self, id: &str) -> Result<Vec<u8>> {
        self.ask(&format!("fetch the log of {id}"), words::log(id, &self.tool.profile)?)
    }
}

/// A second name for a file, gone when dropped.
struct Named(PathBuf);

impl Named {
    /// A hard link where that works, else a copy; what an earlier run left there is replaced.
    fn new(file: &Path, goal: &Path) -> std::io::Result<Self> {
        if let Some(folder) = goal.parent() {
            fs::create_dir_all(folder)?;
        }
        match fs::remove_file(goal) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if fs::hard_link(file, goal).is_err() {
            fs::copy(file, goal)?;
        }
        Ok(Self(goal.to_owned()))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // It lies in our own work folder, and the next run replaces it.
        let _left = fs::remove_file(&self.0);
    }
}
