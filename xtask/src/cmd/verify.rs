//! `cargo xtask verify`.

use std::{
    fs,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
};

use checks::{Asked as Wish, Mode, Policy, Subject};
use clap::ValueEnum;
use formats::{document::plist::Date, image::Version};

use crate::{
    cmd::{self, Context},
    config::{Product, Signing},
    error::{Doing, Error, Exit, Result},
    inspect::{self, Asked, apple::Questions},
    policy, rehearsal,
    report::{self, Report},
    terminal::{self, Verbosity},
};

/// Proves everything about a product that can be proved without running it
///
/// Opens apps, dexts, other bundles, Mach-O files, zip archives, flat packages and disk images, our own and foreign ones.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask verify Host.app
  cargo xtask verify dist/Host.pkg --signing developer-id --baseline previous/Host.pkg
  cargo xtask verify Host.dmg --mounted /Volumes/Host
  cargo xtask verify dist/Host.app --trust-root dist/rehearsal-root.pem --format html -o report.html

Exit codes: 0 nothing of severity error · 1 errors · 2 usage · 3 a tool failed · 4 something asked for did not run")]
pub struct Args {
    /// What to look at
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Holds the product against our own plan with this file of signing/
    #[arg(long, value_name = "NAME")]
    signing: Option<String>,
    /// For whom it is signed; `auto` goes by the signature
    #[arg(long, value_enum, default_value_t = Wanted::Auto)]
    mode: Wanted,
    /// Lowest macOS that the product is meant for
    #[arg(long, value_name = "VERSION")]
    min_macos: Option<Version>,
    /// Judges at this moment instead of now: 2026-06-17T12:00:00Z or 2026-06-17
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Date>,
    /// Trusts the certificates in this file beside Apple's roots
    #[arg(long, value_name = "PEM")]
    trust_root: Vec<PathBuf>,
    /// The release before this one: its versions must be lower
    #[arg(long, value_name = "PREVIOUS")]
    baseline: Option<PathBuf>,
    /// Where the disk image is mounted: what is in it is judged, too
    #[arg(long, value_name = "DIR")]
    mounted: Option<PathBuf>,
    /// What could not run counts as incomplete, also what needs a Mac
    #[arg(long)]
    require_all: bool,
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where to write; stdout if absent
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    Auto,
    Distribution,
    Development,
    Rehearsal,
}

/// How a report looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Findings, one line of sum; -v: every check
    Text,
    /// Schema 1, one object a line
    Json,
    /// For test views
    Junit,
    /// 2.1.0, for code scanning
    Sarif,
    /// Annotations, and the job summary
    Github,
    /// One self-contained page
    Html,
}

/// Looks at each path, runs the catalogue, reports.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    let policy = wanted(&args, context)?;
    let mut asked = Asked::at(args.at.unwrap_or(Date(i64::try_from(rehearsal::now()).unwrap_or(i64::MAX))));
    asked.private_prefixes = policy.private_prefixes.clone();
    for file in &args.trust_root {
        asked.trust.roots.extend(policy::roots(file)?);
    }
    let baseline = args.baseline.as_deref().map(|it| inspect::open(it, &asked)).transpose()?;
    if args.mounted.is_some() && args.paths.len() > 1 {
        return Err(Error::usage("`--mounted` is about one disk image, and several paths are given"));
    }
    asked.mounted.clone_from(&args.mounted);
    let mut all: Vec<(Subject, Report)> = Vec::new();
    for path in &args.paths {
        let mut subject = inspect::open(path, &asked)?;
        subject.baseline = baseline.clone().map(Box::new);
        if context.tools().host().is_mac() {
            let questions = Questions::about(&subject, path, Mode::of(&subject, &policy));
            subject.host = Some(questions.ask(context.tools())?);
        }
        let outcomes = checks::run(&subject, &policy);
        let mut report = Report::of(&subject, &policy, &outcomes, args.require_all);
        report.simulated |= context.tools().host().simulated;
        if let Some(at) = &args.mounted {
            let from = at.display();
            report.notes.push(format!(
                "the contents were read from `{from}`; that it is this image that is mounted there is taken on your word"
            ));
        }
        all.push((subject, report));
    }
    let reports: Vec<Report> = all.iter().map(|it| it.1.clone()).collect();
    let text = match args.format {
        Format::Text => texts(&reports, args.output.is_none()),
        Format::Json => reports.iter().map(Report::to_json).collect(),
        Format::Junit => report::junit::render(&reports),
        Format::Sarif => report::sarif::render(&reports),
        Format::Github => {
            summarize(&reports)?;
            report::github::annotations(&reports)
        }
        Format::Html => report::html::render(&all),
    };
    match &args.output {
        Some(path) => write(path, &text)?,
        None => cmd::print(&text)?,
    }
    Ok(exit(&reports))
}

/// 1 wins over 4.
fn exit(reports: &[Report]) -> Exit {
    let has = |verdict: &str| reports.iter().any(|it| it.verdict == verdict);
    match (has("failed"), has("incomplete")) {
        (true, _) => Exit::Findings,
        (false, true) => Exit::Incomplete,
        (false, false) => Exit::Passed,
    }
}

fn texts(reports: &[Report], is_stdout: bool) -> String {
    let style = report::text::Style {
        is_verbose: terminal::verbosity() == Verbosity::Verbose,
        is_colored: is_stdout && terminal::is_colored() && std::io::stdout().is_terminal(),
    };
    let texts: Vec<String> = reports.iter().map(|it| report::text::render(it, style)).collect();
    texts.join("\n")
}

/// Appends to the job summary, when there is one.
fn summarize(reports: &[Report]) -> Result {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|it| !it.is_empty()) else {
        return Ok(());
    };
    let opened = fs::OpenOptions::new().append(true).create(true).open(&path);
    let written = opened.and_then(|mut it| it.write_all(report::github::summary(reports).as_bytes()));
    written.doing(|| "cannot write the job summary that `GITHUB_STEP_SUMMARY` names")
}

/// Beside the goal first, then renamed.
fn write(path: &Path, text: &str) -> Result {
    let doing = || format!("cannot write `{}`", path.display());
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).doing(doing)?;
    file.write_all(text.as_bytes()).doing(doing)?;
    file.persist(path).map(drop).doing(doing)
}

/// What the flags ask for, and what our plan does when `--signing` names one.
fn wanted(args: &Args, context: &Context) -> Result<Policy> {
    let mut policy = match &args.signing {
        Some(name) => {
            let workspace = context.workspace()?;
            policy::planned(&Product::load(&workspace)?, &Signing::load(name, &workspace)?)
        }
        None => Policy::default(),
    };
    let mode = match args.mode {
        Wanted::Auto => None,
        Wanted::Distribution => Some(Mode::Distribution),
        Wanted::Development => Some(Mode::Development),
        Wanted::Rehearsal => Some(Mode::Rehearsal),
    };
    if let Some(mode) = mode {
        policy.mode = Some(Wish::plain(mode));
    }
    if let Some(version) = args.min_macos {
        policy.min_macos = Some(Wish::plain(version));
    }
    Ok(policy)
}

fn time(text: &str) -> Result<Date, String> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    Date::parse(&whole).ok_or_else(|| "a time looks like 2026-06-17T12:00:00Z or 2026-06-17".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_a_day() {
        assert_eq!(time("2020-09-13T12:26:40Z"), Ok(Date(1_600_000_000)));
        assert_eq!(time("1970-01-02"), Ok(Date(86_400)));
        assert!(time("yesterday").is_err());
        assert!(time("2020-13-13").is_err());
    }
}
