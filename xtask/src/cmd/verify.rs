//! `cargo xtask verify`.

use std::{
    fs,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
};

use base64::Engine;
use checks::{Asked as Wish, Mode, Policy, Subject};
use clap::ValueEnum;
use formats::{
    Bytes,
    document::plist::Date,
    image::{Arch, Version},
    signature::certificate::Certificate,
};

use crate::{
    cmd::{self, Context},
    config::{self, Located, Product, Signing, Triple},
    error::{Doing, Error, Exit, Result},
    inspect::{self, Asked},
    rehearsal,
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
    let policy = policy(&args, context)?;
    let mut asked = Asked::at(args.at.unwrap_or(Date(i64::try_from(rehearsal::now()).unwrap_or(i64::MAX))));
    asked.private_prefixes = policy.private_prefixes.clone();
    for file in &args.trust_root {
        asked.trust.roots.extend(certificates(file)?);
    }
    let baseline = args.baseline.as_deref().map(|it| inspect::open(it, &asked)).transpose()?;
    let mut all: Vec<(Subject, Report)> = Vec::new();
    for path in &args.paths {
        let mut subject = inspect::open(path, &asked)?;
        subject.baseline = baseline.clone().map(Box::new);
        let outcomes = checks::run(&subject, &policy);
        let report = Report::of(&subject, &policy, &outcomes, args.require_all);
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
fn policy(args: &Args, context: &Context) -> Result<Policy> {
    let mut policy = match &args.signing {
        Some(name) => planned(name, context)?,
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

/// The policy that follows from our configuration files; each wish knows its line.
fn planned(name: &str, context: &Context) -> Result<Policy> {
    let workspace = context.workspace()?;
    let (product, signing) = (Product::load(&workspace)?, Signing::load(name, &workspace)?);
    let wish = |place: &str, key: &str| format!("`{key}`, {place}");
    let archs = |triples: &Located<Vec<Triple>>| {
        let names = triples.iter().map(|it| match it.arch {
            config::Arch::X86_64 => Arch::X86_64,
            config::Arch::Arm64 => Arch::ARM64,
        });
        Wish::by(names.collect(), wish(triples.place(), "triples"))
    };
    let minimum = &product.app.minimum_macos;
    let mode = match *signing.mode {
        config::Mode::Distribution => Mode::Distribution,
        config::Mode::Development => Mode::Development,
        config::Mode::Rehearsal => Mode::Rehearsal,
        config::Mode::Adhoc => Mode::AdHoc,
    };
    let ids = product.drivers.iter().map(|it| (*it.bundle_id).clone()).collect();
    let first = product.drivers.first();
    Ok(Policy {
        mode: Some(Wish::by(mode, wish(signing.mode.place(), "mode"))),
        dext_archs: first.map(|it| archs(&it.triples)),
        app_archs: Some(archs(&product.app.triples)),
        min_macos: Some(Wish::by(Version(minimum.packed()), wish(minimum.place(), "minimum-macos"))),
        team: signing.team.as_ref().map(|it| Wish::by((**it).clone(), wish(it.place(), "team"))),
        app_id: Some(Wish::by(
            (*product.app.bundle_id).clone(),
            wish(product.app.bundle_id.place(), "bundle-id"),
        )),
        dext_ids: first.map(|it| Wish::by(ids, wish(it.bundle_id.place(), "bundle-id"))),
        ..Policy::default()
    })
}

/// The certificates in a PEM file.
fn certificates(path: &Path) -> Result<Vec<Certificate>> {
    let doing = || format!("cannot read `--trust-root {}`", path.display());
    let text = fs::read_to_string(path).doing_as_asked(doing)?;
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let read = blocks.map(|block| {
        let body: String = block.split("-----END").next().unwrap_or_default().split_whitespace().collect();
        let der = base64::engine::general_purpose::STANDARD.decode(body).doing_as_asked(doing)?;
        Certificate::parse(Bytes::new(&der)).doing_as_asked(doing)
    });
    let found: Vec<Certificate> = read.collect::<Result<_>>()?;
    if found.is_empty() {
        return Err(Error::usage(doing()).because("there is no certificate in it"));
    }
    Ok(found)
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
