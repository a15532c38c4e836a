//! `cargo xtask prove`.

mod samples;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    cmd::{Context, print},
    config::Product,
    error::{Doing, Error, Exit, Result},
    harness,
    plan::Format,
    prove::{
        Anonymizer, EXPERIMENTS, Experiment, Recording, Samples,
        anonymous::Kind,
        report::{self, Report},
        run,
        status::Recordings,
    },
    setup,
    stage::files,
    terminal,
    tools::{Call, Toolbox},
};

/// Settles on a real Mac what could not be settled elsewhere
///
/// Needs a Mac with Xcode and System Integrity Protection on, and no account. Builds the driver of this checkout with Apple's tools and
/// with ours, compares them, asks Apple's tools about what we made, and writes one recording without names, paths or ids of this machine.
/// Installs nothing, activates nothing, and changes no keychain.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples, on a Mac:
  cargo xtask prove
  cargo xtask prove --only arm64e-program
  cargo xtask prove --notarized ~/Downloads/Somebody.pkg
anywhere:
  cargo xtask prove --plan
  cargo xtask prove --judge docs/recordings/prove-26.2-arm64.json
  cargo xtask prove --status > docs/mac-status.md

Exit codes: 0 all is as we say · 1 something is not · 4 something did not run, or decides nothing")]
pub struct Args {
    /// Prints the experiments, what they run and why; does nothing
    #[arg(long)]
    plan: bool,
    /// Judges a recording again; runs nothing
    #[arg(long, value_name = "RECORDING", conflicts_with = "plan")]
    judge: Option<PathBuf>,
    /// Writes docs/mac-status.md, judged from docs/recordings/, to stdout; runs nothing
    #[arg(long, conflicts_with_all = ["plan", "judge"])]
    status: bool,
    /// Takes names, paths and ids out of a recording of `harness run`, so that it can be given away
    #[arg(long, value_name = "RECORDING", conflicts_with_all = ["plan", "judge", "status"], requires = "output")]
    anonymise: Option<PathBuf>,
    /// Only this experiment; may be repeated
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// A notarized app or package of anybody's, for one more experiment
    #[arg(long, value_name = "PATH")]
    notarized: Option<PathBuf>,
    /// Where the recording is written; target/prove/recording.json when absent
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// A recording has some hundred command lines with what they printed.
const LARGEST_RECORDING: u64 = 256 << 20;

/// Runs, plans, or judges again.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    for id in &args.only {
        if !EXPERIMENTS.iter().any(|it| it.id == id) {
            let known: Vec<&str> = EXPERIMENTS.iter().map(|it| it.id).collect();
            return Err(Error::usage(format!("there is no experiment `{id}`")).hint(known.join(", ")));
        }
    }
    let is_wanted = |it: &Experiment| args.only.is_empty() || args.only.iter().any(|id| id == it.id);
    if let Some(file) = &args.judge {
        return told(&Report::of(&read(file)?, is_wanted), args.format);
    }
    let workspace = context.workspace()?;
    if args.status {
        print(&Recordings::of(workspace.root())?.render())?;
        return Ok(Exit::Passed);
    }
    let work = workspace.target().join("prove");
    let program = std::env::current_exe().doing(|| "cannot find our own program")?;
    let mut samples = Samples::of(&Product::load(&workspace)?, workspace.root(), &work, &program)?;
    samples.notarized =
        args.notarized.as_deref().map(std::path::absolute).transpose().doing_as_asked(|| "`--notarized`")?;
    if let (Some(file), Some(output)) = (&args.anonymise, &args.output) {
        return anonymise(file, output, names(context.tools(), &samples)?);
    }
    if args.plan {
        print(&match args.format {
            Format::Text => report::plan(&samples, is_wanted),
            Format::Json => report::plan_json(&samples, is_wanted),
        })?;
        return Ok(Exit::Passed);
    }
    if !context.tools().host().is_mac() {
        return Err(Error::incomplete("`prove` asks a Mac, and this is none: nothing was run")
            .because(format!("{} experiments are open, all of them need Apple's tools", EXPERIMENTS.len()))
            .hint(
                "here, `--plan` says what would be done, and `--judge RECORDING` judges what a Mac recorded",
            ));
    }
    let tools = Toolbox::here()?.searching(setup::cached_programs()).keeping_a_record();
    let machine = run::machine(context.tools())?;
    let wanted: Vec<Experiment> = EXPERIMENTS.iter().copied().filter(|it| is_wanted(it)).collect();
    samples::make(&mut samples, &wanted, &workspace, context)?;
    let recording = run::run(&tools, &machine, &samples, versions(context.tools())?, &wanted)?;
    let recording = recording.anonymised(names(context.tools(), &samples)?);
    let output = args.output.unwrap_or_else(|| work.join("recording.json"));
    files::write(&output, recording.to_json().as_bytes(), 0o600)?;
    let exit = told(&Report::of(&recording, is_wanted), args.format)?;
    terminal::step("Wrote", output.display());
    terminal::note(format_args!("what is in it:\n{}", report::contents(&recording).trim_end()));
    if !recording.simulated {
        terminal::note("to send it: add it to docs/recordings/ in a pull request, or attach it to an issue");
    }
    Ok(exit)
}

fn told(report: &Report, format: Format) -> Result<Exit> {
    print(&match format {
        Format::Text => report.to_text(),
        Format::Json => report.to_json(),
    })?;
    Ok(report.exit())
}

/// A harness's recording without names; it must come to the same end as before.
fn anonymise(file: &Path, output: &Path, mut names: Anonymizer) -> Result<Exit> {
    let cannot = || format!("cannot take the names out of `{}`", file.display());
    let text = read_text(file)?;
    let before = harness::Recording::parse(&text)?;
    let mut document: serde_json::Value = serde_json::from_str(&text).doing_as_asked(cannot)?;
    names.clean_json(&mut document);
    let text = serde_json::to_string_pretty(&document).doing(cannot)? + "\n";
    let after = harness::Recording::parse(&text).doing(cannot)?;
    let outcomes = |it: &harness::Recording| -> Result<Vec<(harness::Step, &'static str)>> {
        Ok(it.replay()?.done.iter().map(|it| (it.step, it.outcome.name())).collect())
    };
    if outcomes(&before)? != outcomes(&after)? {
        return Err(
            Error::tool(cannot()).because("without them the run is judged differently, so they matter to it")
        );
    }
    files::write(output, text.as_bytes(), 0o644)?;
    let removed: Vec<String> =
        names.removed().iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    terminal::step("Wrote", output.display());
    terminal::note(format_args!("taken out: {}; look through it before you send it", removed.join(", ")));
    Ok(Exit::Passed)
}

fn read(path: &Path) -> Result<Recording> {
    Recording::parse(&read_text(path)?)
}

fn read_text(path: &Path) -> Result<String> {
    let cannot = || format!("cannot read `{}`", path.display());
    let size = std::fs::metadata(path).doing_as_asked(cannot)?.len();
    if size > LARGEST_RECORDING {
        return Err(Error::usage(cannot()).because(format!("{size} bytes are more than any recording has")));
    }
    std::fs::read_to_string(path).doing_as_asked(cannot)
}

fn quick(program: &str, purpose: &str, args: &[&str]) -> Call {
    Call::new(program, purpose).args(args).deadline(Duration::from_secs(30))
}

/// What was used, by name. A tool that says nothing is told so: its absence explains what did not run.
fn versions(tools: &Toolbox) -> Result<BTreeMap<String, String>> {
    let asked = [
        ("xcode", quick("xcodebuild", "ask for the version of Xcode", &["-version"])),
        (
            "driverkit-sdk",
            quick("xcrun", "ask for the DriverKit SDK", &["--sdk", "driverkit", "--show-sdk-version"]),
        ),
        ("macos-sdk", quick("xcrun", "ask for the macOS SDK", &["--sdk", "macosx", "--show-sdk-version"])),
        ("ld", quick("xcrun", "ask for the version of ld", &["ld", "-v"])),
        ("lld", quick("ld64.lld", "ask for the version of lld", &["--version"])),
    ];
    let mut versions = BTreeMap::new();
    for (name, call) in asked {
        let said = match tools.try_run(&call) {
            Ok(output) if output.status.success() => {
                (output.text() + &output.complaints()).lines().collect::<Vec<_>>().join(" / ")
            }
            Err(error) if error.exit() == Exit::Interrupted => return Err(error),
            Ok(_) | Err(_) => "not there".to_owned(),
        };
        versions.insert(name.to_owned(), said);
    }
    Ok(versions)
}

/// What this machine, its owner and this checkout are called.
fn names(tools: &Toolbox, samples: &Samples) -> Result<Anonymizer> {
    // Names of our own rehearsal are part of what is compared.
    let mut names = Anonymizer::default()
        .keeping("REHEARSE01")
        .keeping("Rehearsal")
        .knowing(Kind::Work, &samples.work.to_string_lossy())
        .knowing(Kind::Checkout, &samples.checkout.to_string_lossy());
    if let Some(path) = &samples.notarized {
        names = names.knowing(Kind::Work, &path.to_string_lossy());
    }
    for variable in ["HOME", "USER", "LOGNAME"] {
        if let Some(value) = std::env::var_os(variable) {
            let kind = if variable == "HOME" { Kind::Home } else { Kind::User };
            names = names.knowing(kind, &value.to_string_lossy());
        }
    }
    let asked = [
        (Kind::User, quick("id", "ask for the account", &["-un"])),
        (Kind::User, quick("id", "ask for the account's full name", &["-F"])),
        (Kind::Host, quick("hostname", "ask for the machine's name", &[])),
        (Kind::Host, quick("scutil", "ask for the machine's name", &["--get", "ComputerName"])),
        (Kind::Host, quick("scutil", "ask for the machine's name", &["--get", "LocalHostName"])),
        (Kind::Host, quick("scutil", "ask for the machine's name", &["--get", "HostName"])),
    ];
    for (kind, call) in asked {
        // A name that is not set is no name to hide.
        if let Some(output) = answered(tools, &call)? {
            names = names.knowing(kind, output.trim());
            if let Some((first, _)) = output.trim().split_once('.').filter(|_| kind == Kind::Host) {
                names = names.knowing(kind, first);
            }
        }
    }
    let hardware =
        quick("ioreg", "ask for serial number and hardware id", &["-rd1", "-c", "IOPlatformExpertDevice"]);
    for line in answered(tools, &hardware)?.unwrap_or_default().lines() {
        let value =
            |key: &str| line.split_once(&format!("\"{key}\" = \"")).map(|it| it.1.trim_end_matches('"'));
        for (key, kind) in [("IOPlatformSerialNumber", Kind::Serial), ("IOPlatformUUID", Kind::Id)] {
            if let Some(value) = value(key) {
                names = names.knowing(kind, value);
            }
        }
    }
    Ok(names)
}

fn answered(tools: &Toolbox, call: &Call) -> Result<Option<String>> {
    match tools.try_run(call) {
        Ok(output) if output.status.success() => Ok(Some(output.text())),
        Err(error) if error.exit() == Exit::Interrupted => Err(error),
        Ok(_) | Err(_) => Ok(None),
    }
}
