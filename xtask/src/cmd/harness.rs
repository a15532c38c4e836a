//! `cargo xtask harness`.

use std::path::{Path, PathBuf};

use time::{OffsetDateTime, UtcOffset, macros::format_description};

use crate::{
    cmd::{self, Context},
    config::{Product, Signing},
    error::{Doing, Error, Exit, Result},
    harness::{
        Artifact, Begin, Change, Clock, Journal, Launch, Recording, Settings, Verdict, prepare,
        report::Report,
    },
    rehearsal,
    stage::{files, unzip},
    terminal,
};

/// Tries a release on the Mac runner, and never passes on the wrong evidence
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples, on the runner:
  cargo xtask harness prepare --signing developer-id
  cargo xtask harness run --artifact dist/Host.app --launch device
  cargo xtask harness run --artifact dist/Host-1.2.0.zip
  cargo xtask harness resume --out target/harness            after a restart, a kill or a panic
anywhere:
  cargo xtask harness replay target/harness/recording.json

Exit codes: 0 passed · 1 failed · 4 incomplete, or a restart is needed")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// States what the runner must be and what it lacks, and writes the profiles for it
    Prepare {
        /// Whose team is allowed
        #[arg(long, default_value = "developer-id", value_name = "NAME")]
        signing: String,
        /// Where the profiles are written
        #[arg(long, default_value = "target/harness", value_name = "DIR")]
        out: PathBuf,
    },
    /// Tries an app with its driver: checks, installs, activates, launches, reads the log
    Run {
        /// The app, or a zip with nothing but it
        #[arg(long, value_name = "PATH")]
        artifact: PathBuf,
        /// How the launch is brought about
        #[arg(long, value_enum, default_value_t = Launch::SelfTest)]
        launch: Launch,
        /// Removes the extension at the end, where MDM lists it as removable
        #[arg(long)]
        clean: bool,
        /// Where report and recording are written
        #[arg(long, default_value = "target/harness", value_name = "DIR")]
        out: PathBuf,
    },
    /// Goes on after a restart; after a kill or a panic, says what was left and what the log knows
    Resume {
        /// Where the run before the restart left its recording
        #[arg(long, default_value = "target/harness", value_name = "DIR")]
        out: PathBuf,
    },
    /// Judges a recorded run again, on any machine
    Replay {
        /// `recording.json` of a run
        recording: PathBuf,
        /// How the result is printed
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Junit,
    Html,
    Markdown,
}

/// A recording has the log of some minutes in it.
const LARGEST_RECORDING: u64 = 1 << 30;

/// Does one of the verbs.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    match args.verb {
        Verb::Prepare { signing, out } => prepare_runner(&signing, &out, context),
        Verb::Run { artifact, launch, clean, out } => {
            require_mac(context)?;
            let now = rehearsal::now();
            let artifact = std::path::absolute(&artifact).unwrap_or(artifact);
            let is_zip = artifact.extension().is_some_and(|it| it == "zip");
            let tried = is_zip.then(|| context.workspace().map(|it| it.work().join("tried"))).transpose()?;
            let app = match &tried {
                // Not into a temporary folder: `resume` looks for it after a restart.
                Some(folder) => unzip::app(&artifact, folder)?,
                None => artifact,
            };
            let artifact = Artifact::open(&app, now)?;
            let left = Journal::left(&out)?.unwrap_or_default();
            let settings = Settings {
                launch,
                clean,
                started: local_time(now)?,
                started_at: now,
                begin: Begin::Fresh,
                left,
                home: std::env::var("HOME").unwrap_or_default(),
            };
            let verdict = run_and_report(&artifact, &settings, &out);
            match (tried, &verdict) {
                (Some(_), Ok(Verdict::PendingReboot)) | (None, _) => {}
                (Some(folder), _) => files::remove(&folder)?,
            }
            verdict.map(exit)
        }
        Verb::Resume { out } => {
            require_mac(context)?;
            let recording = read(&out.join("recording.json"))?;
            // A run that came to its end waits for a restart; one that did not was killed, perhaps by the driver itself.
            let (begin, left) = match Journal::left(&out)? {
                None => (Begin::AfterRestart, Vec::new()),
                Some(left) => (Begin::AfterKill, left),
            };
            let settings = Settings { begin, left, ..recording.settings };
            run_and_report(&recording.artifact, &settings, &out).map(exit)
        }
        Verb::Replay { recording, format } => {
            let recording = read(&recording)?;
            let report = Report::of(&recording, &recording.replay()?, true);
            cmd::print(&match format {
                Format::Text => report.to_text(),
                Format::Json => report.to_json(),
                Format::Junit => report.to_junit(),
                Format::Html => report.to_html(),
                Format::Markdown => report.to_markdown(),
            })?;
            Ok(exit(report.verdict))
        }
    }
}

fn require_mac(context: &Context) -> Result {
    if context.tools().host().is_mac() {
        return Ok(());
    }
    Err(Error::tool("the harness runs on a Mac")
        .because("activation, AMFI and the kernel are what it tries")
        .hint("here, `cargo xtask harness replay RECORDING` judges a run that was recorded on one"))
}

fn run_and_report(artifact: &Artifact, settings: &Settings, out: &Path) -> Result<Verdict> {
    let tools = Context::recording_tools()?;
    for change in &settings.left {
        terminal::warn(format!("an earlier run was killed: {}", Change::remains(change)));
    }
    files::create_folder(out)?;
    // Written before anything is done, too: `resume` of a run that was killed knows from it what was tried, and since when.
    let write = |recording: &Recording| {
        files::write(&out.join("recording.json"), recording.to_json().as_bytes(), 0o600)
    };
    write(&Recording::of(&tools, artifact, settings))?;
    let journal = Journal::begin(out, &settings.left)?;
    let result = crate::harness::run(&tools, &Clock::real(), artifact, settings, &journal);
    // The recording is kept whatever happened: it is the evidence.
    let recording = Recording::of(&tools, artifact, settings);
    write(&recording)?;
    let seen = result?;
    let report = Report::of(&recording, &seen, false);
    files::write(&out.join("harness.json"), report.to_json().as_bytes(), 0o644)?;
    files::write(&out.join("harness.xml"), report.to_junit().as_bytes(), 0o644)?;
    files::write(&out.join("harness.html"), report.to_html().as_bytes(), 0o644)?;
    if let Ok(diagnosis) = crate::harness::diagnose(&seen, artifact) {
        files::write(&out.join("triage.html"), triage::report::html::render(&diagnosis).as_bytes(), 0o644)?;
    }
    if let Some(summary) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|it| !it.is_empty()) {
        append(Path::new(&summary), &report.to_markdown())?;
    }
    cmd::print(&report.to_text())?;
    terminal::step("Wrote", out.display());
    Ok(report.verdict)
}

fn append(path: &Path, text: &str) -> Result {
    use std::io::Write;
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .doing(|| format!("cannot write `{}`", path.display()))
}

fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Passed => Exit::Passed,
        Verdict::Failed => Exit::Findings,
        Verdict::Incomplete | Verdict::PendingReboot => Exit::Incomplete,
    }
}

fn read(path: &Path) -> Result<Recording> {
    let cannot = || format!("cannot read `{}`", path.display());
    let size = std::fs::metadata(path).doing_as_asked(cannot)?.len();
    if size > LARGEST_RECORDING {
        return Err(Error::usage(cannot()).because(format!("{size} bytes are more than any recording has")));
    }
    Recording::parse(&std::fs::read_to_string(path).doing_as_asked(cannot)?)
}

fn prepare_runner(signing: &str, out: &Path, context: &Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let (product, signing) = (Product::load(&workspace)?, Signing::load(signing, &workspace)?);
    let driver = product.drivers.first().ok_or_else(|| Error::usage("the product has no driver"))?;
    let team =
        signing.team.as_ref().ok_or_else(|| Error::usage(format!("`{}` has no team", signing.shown)))?;
    for name in prepare::write_profiles(out, team, &driver.bundle_id)? {
        terminal::step("Wrote", out.join(name).display());
    }
    require_mac(context)?;
    let mut text = String::new();
    let mut lacks = 0;
    for condition in prepare::conditions(context.tools(), &driver.bundle_id) {
        match condition.state {
            Ok(seen) => text += &format!("  ok       {}: {seen}\n", condition.what),
            Err(todo) => {
                lacks += 1;
                text += &format!("  LACKING  {}\n           {todo}\n", condition.what);
            }
        }
    }
    if let Some(udid) = prepare::provisioning_udid(context.tools())? {
        text += &format!("  provisioning UDID for development profiles: {udid}\n");
    }
    cmd::print(&text)?;
    Ok(if lacks == 0 { Exit::Passed } else { Exit::Incomplete })
}

/// As `log show --start` wants it, in the machine's zone.
fn local_time(now: u64) -> Result<String> {
    let cannot = || "cannot tell the time";
    let at = OffsetDateTime::from_unix_timestamp(i64::try_from(now).doing(cannot)?).doing(cannot)?;
    // The offset cannot be learned safely in a process with threads; UTC with its offset is understood as well.
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]+0000");
    at.to_offset(UtcOffset::UTC).format(format).doing(cannot)
}
