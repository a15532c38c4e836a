//! `cargo xtask triage`: from logs to causes.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressStyle};
use triage::{Artifact, ArtifactFinding, Reading, report};

use crate::{
    cmd::{self, Context},
    error::{Doing, Error, Exit, Result},
    terminal,
};

/// Says from logs why a driver did not load
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: cargo xtask triage load.ndjson --artifact report.json --format html -o triage.html"
)]
pub struct Args {
    /// Logs in any style of `log show`, crash reports (.ips), pasted text; `-` reads stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The verifier's JSON report about what the log is about: its findings join
    #[arg(long, value_name = "REPORT.json")]
    artifact: Option<PathBuf>,
    /// text: a page; json: schema 1; html: one self-contained page with the timeline
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where to write; stdout if absent
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Html,
}

/// Reads the logs, judges them, prints the diagnosis. A cause that is found is the answer, not a failure: exit code 0.
pub fn run(args: Args, _context: &Context) -> Result<Exit> {
    let mut reading = Reading::default();
    for file in &args.files {
        read(file, &mut reading)?;
    }
    let artifact = match &args.artifact {
        Some(path) => artifact(path)?,
        None => Artifact::default(),
    };
    let diagnosis = triage::judge(reading, &artifact);
    let page = match args.format {
        Format::Text => report::text::render(&diagnosis),
        Format::Html => report::html::render(&diagnosis),
        Format::Json => format!("{:#}\n", report::json::render(&diagnosis)),
    };
    match &args.output {
        Some(path) => std::fs::write(path, page).doing(|| format!("cannot write `{}`", path.display()))?,
        None => cmd::print(&page)?,
    }
    Ok(Exit::Passed)
}

fn read(file: &Path, reading: &mut Reading) -> Result {
    let name = file.display().to_string();
    if name == "-" {
        return stream("stdin", &mut io::stdin().lock(), 0, reading);
    }
    let mut opened = File::open(file).doing_as_asked(|| format!("cannot open `{name}`"))?;
    let size = opened.metadata().map(|it| it.len()).unwrap_or(0);
    stream(&name, &mut opened, size, reading)
}

fn stream(name: &str, source: &mut dyn Read, size: u64, reading: &mut Reading) -> Result {
    let bar = bar(size);
    triage::read(name, source, reading, &mut |n| bar.set_position(n))
        .doing_as_asked(|| format!("cannot read `{name}`"))?;
    bar.finish_and_clear();
    Ok(())
}

/// A bar on a terminal, nothing elsewhere.
fn bar(size: u64) -> ProgressBar {
    if !terminal::is_interactive() || size < 32 * 1024 * 1024 {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{spinner} {bytes}/{total_bytes} {wide_bar} {bytes_per_sec} {eta}");
    let bar = ProgressBar::new(size);
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// The findings in a report of `verify --format json`; several reports (one per line) are taken together.
fn artifact(path: &Path) -> Result<Artifact> {
    let text =
        std::fs::read_to_string(path).doing_as_asked(|| format!("cannot read `{}`", path.display()))?;
    let mut findings = Vec::new();
    for report in serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>() {
        let report = report.doing_as_asked(|| format!("`{}` is no report of `verify`", path.display()))?;
        if report.get("schema").and_then(serde_json::Value::as_u64) != Some(1) {
            return Err(Error::usage(format!("`{}` is no report of `verify` with schema 1", path.display()))
                .hint("make one: `cargo xtask verify PATH --format json -o report.json`"));
        }
        for check in report.get("checks").and_then(|it| it.as_array()).into_iter().flatten() {
            let id = check.get("id").and_then(|it| it.as_str()).unwrap_or_default();
            for finding in check.get("findings").and_then(|it| it.as_array()).into_iter().flatten() {
                let text =
                    |key: &str| finding.get(key).and_then(|it| it.as_str()).unwrap_or_default().to_string();
                findings.push(ArtifactFinding {
                    check: id.to_string(),
                    severity: text("severity"),
                    path: text("path"),
                    found: text("found"),
                });
            }
        }
    }
    Ok(Artifact { is_known: true, findings })
}
