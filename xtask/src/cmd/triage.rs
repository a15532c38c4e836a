//! `cargo xtask triage`: from logs to causes.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Seek},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use checks::Policy;
use formats::{
    Source,
    document::plist::Date,
    image::{MachO, Slices, symbols},
};
use indicatif::{ProgressBar, ProgressStyle};
use triage::{Artifact, ArtifactFinding, Kind, Reading};

use crate::{
    cmd::{self, Context},
    error::{Doing, Error, Exit, Result},
    inspect::{self, Asked},
    rehearsal,
    report::{self, Report},
    stage::{files, stamp},
    terminal,
};

/// Says from logs why a driver did not load
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: cargo xtask triage load.ndjson --artifact dist/Host.app --format html -o triage.html"
)]
pub struct Args {
    /// Logs in any style of `log show`, `.logarchive` folders, sysdiagnose archives (.tar.gz), crash reports
    /// (.ips), pasted text; `-` reads stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the log is about, a product or the verifier's JSON report of it: its findings join
    #[arg(long, value_name = "PATH")]
    artifact: Option<PathBuf>,
    /// A folder with .dSYM folders: names the functions of crash reports
    #[arg(long, value_name = "DIR")]
    symbols: Option<PathBuf>,
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
    if let Some(folder) = &args.symbols {
        symbolicate(folder, &mut reading)?;
    }
    let artifact = match &args.artifact {
        Some(path) => artifact(path)?,
        None => Artifact::default(),
    };
    let diagnosis = triage::judge(reading, &artifact);
    let page = match args.format {
        Format::Text => triage::report::text::render(&diagnosis),
        Format::Html => triage::report::html::render(&diagnosis),
        Format::Json => format!("{:#}\n", triage::report::json::render(&diagnosis)),
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
    if file.is_dir() {
        return archive(&name, file, reading);
    }
    let mut opened = File::open(file).doing_as_asked(|| format!("cannot open `{name}`"))?;
    let size = opened.metadata().map(|it| it.len()).unwrap_or(0);
    let mut head = Vec::new();
    opened.by_ref().take(512).read_to_end(&mut head).doing(|| format!("cannot read `{name}`"))?;
    opened.rewind().doing(|| format!("cannot read `{name}`"))?;
    if triage::detect(&head) == Kind::Sysdiagnose {
        return compressed(&name, opened, reading);
    }
    stream(&name, &mut opened, size, reading)
}

fn stream(name: &str, source: &mut dyn Read, size: u64, reading: &mut Reading) -> Result {
    let bar = bar(size);
    triage::read(name, source, reading, &mut |n| bar.set_position(n))
        .doing_as_asked(|| format!("cannot read `{name}`"))?;
    bar.finish_and_clear();
    Ok(())
}

/// A `.logarchive`, or a folder with one in it.
fn archive(name: &str, folder: &Path, reading: &mut Reading) -> Result {
    let files = Files::below(folder).doing_as_asked(|| format!("cannot list `{name}`"))?;
    let bar = bar(files.size_of_logs());
    triage::archive::read(name, &files, reading, &mut |n| bar.set_position(n))
        .doing_as_asked(|| format!("cannot read `{name}`"))?;
    bar.finish_and_clear();
    Ok(())
}

/// What a sysdiagnose may put on our disk; whole ones have 0.3 to 2 GiB, and only a part is unpacked.
const LARGEST_UNPACKED: u64 = 8 * 1024 * 1024 * 1024;
/// Files of an archive: strings of every program that logged, some thousands.
const MOST_FILES: usize = 200_000;

/// A sysdiagnose (its log archive and crash reports are taken), or compressed text.
fn compressed(name: &str, file: File, reading: &mut Reading) -> Result {
    let doing = || format!("cannot read `{name}`");
    let mut source = MultiGzDecoder::new(BufReader::new(file));
    let mut head = Vec::new();
    source.by_ref().take(512).read_to_end(&mut head).doing_as_asked(doing)?;
    let is_tar = head.get(257..262) == Some(b"ustar");
    let mut source = head.as_slice().chain(source);
    if !is_tar {
        return stream(name, &mut source, 0, reading);
    }
    let folder = tempfile::tempdir().doing(|| "cannot make a temporary folder")?;
    let mut unpacked: u64 = 0;
    let n_crashes = reading.crashes.len();
    let wanted = |path: &str| {
        path.contains(".logarchive/") || path.ends_with(".ips") || path.contains("systemextension")
    };
    let refused = triage::tar::members(&mut source, &wanted, &mut |path, size, body| {
        if path.contains(".logarchive/") {
            unpacked = unpacked.saturating_add(size);
            if unpacked > LARGEST_UNPACKED {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    "it unpacks to more than any sysdiagnose",
                ));
            }
            let target = folder.path().join(path);
            fs::create_dir_all(target.parent().unwrap_or(folder.path()))?;
            io::copy(body, &mut File::create_new(target)?)?;
            return Ok(());
        }
        triage::read(path, body, reading, &mut |_| {}).map(|_| ())
    })
    .doing_as_asked(doing)?;
    reading.counts.unread += refused;
    // Crash reports of others are in every sysdiagnose; those of drivers are our subject.
    let mut n = 0;
    reading.crashes.retain(|it| {
        n += 1;
        n <= n_crashes || it.path.contains(".dext")
    });
    if unpacked == 0 {
        terminal::warn(format!("`{name}` holds no log archive"));
        return Ok(());
    }
    archive(name, folder.path(), reading)
}

/// The regular files below a folder; links are not followed.
struct Files {
    root: PathBuf,
    files: Vec<(String, u64)>,
}

impl Files {
    fn below(root: &Path) -> io::Result<Files> {
        let mut files: Vec<(String, u64)> = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for it in fs::read_dir(root.join(&folder))? {
                let it = it?;
                let Some(name) = it.file_name().to_str().map(str::to_string) else { continue };
                let kind = it.file_type()?;
                let path = folder.join(&name);
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    files.push((path.to_string_lossy().replace('\\', "/"), it.metadata()?.len()));
                }
                if files.len() + folders.len() > MOST_FILES {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "more files than any log archive has",
                    ));
                }
            }
        }
        files.sort();
        Ok(Files { root: root.to_path_buf(), files })
    }

    fn size_of_logs(&self) -> u64 {
        self.files.iter().filter(|it| it.0.ends_with(".tracev3")).map(|it| it.1).sum()
    }
}

impl triage::archive::Folder for Files {
    fn files(&self) -> Vec<(String, u64)> {
        self.files.clone()
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(File::open(self.root.join(path))?))
    }
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

/// Names the frames whose image has its symbols below `folder`, found by UUID. What has none stays an offset.
fn symbolicate(folder: &Path, reading: &mut Reading) -> Result {
    let mut images = Vec::new();
    for entry in files::walk(folder)? {
        let path = entry.at(folder);
        if entry.kind != files::Kind::File || !entry.path.to_string_lossy().contains("DWARF/") {
            continue;
        }
        let bytes = files::read(&path)?;
        let doing = || format!("cannot read the symbols in `{}`", path.display());
        let Some(slices) = Slices::read(&bytes).doing_as_asked(doing)? else { continue };
        for slice in &slices.slices {
            let window = slice.window(&bytes).doing_as_asked(doing)?;
            let image = MachO::read(&window).doing_as_asked(doing)?;
            let whole = usize::try_from(slice.size).doing_as_asked(doing)?;
            images.push((image, window.read(0, whole).doing_as_asked(doing)?.into_owned()));
        }
    }
    let (mut named, mut unnamed) = (0, 0);
    for frame in reading.crashes.iter_mut().flat_map(|crash| &mut crash.frames) {
        let known =
            images.iter().find(|(image, _)| image.uuid().is_some_and(|uuid| is_uuid(&frame.uuid, &uuid)));
        let Some((image, bytes)) = known else { continue };
        let doing = || format!("cannot look up a symbol of `{}`", frame.image);
        match symbols::at(image, bytes, frame.offset).doing_as_asked(doing)? {
            Some((name, into)) => {
                frame.symbol = Some(format!("{name} + {into}"));
                named += 1;
            }
            None => unnamed += 1,
        }
    }
    terminal::note(format_args!(
        "{named} frames named from `{}`, {unnamed} of the same images not",
        folder.display()
    ));
    Ok(())
}

/// Whether text like `6e2b0f6c-…` is this UUID.
fn is_uuid(text: &str, uuid: &[u8; 16]) -> bool {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    digits.eq_ignore_ascii_case(&stamp::hex(uuid))
}

/// What our verifier says about the artifact: of a product, or from its report.
fn artifact(path: &Path) -> Result<Artifact> {
    if path.is_dir() || !starts_like_json(path)? {
        return verified(path);
    }
    reported(path)
}

fn starts_like_json(path: &Path) -> Result<bool> {
    let mut start = [0; 1];
    let read = File::open(path).and_then(|mut file| file.read(&mut start));
    Ok(read.doing_as_asked(|| format!("cannot read `{}`", path.display()))? == 1 && start == *b"{")
}

/// Runs the whole catalogue on a product.
fn verified(path: &Path) -> Result<Artifact> {
    let now = Date(i64::try_from(rehearsal::now()).unwrap_or(i64::MAX));
    let subject = inspect::open(path, &Asked::at(now))?;
    let outcomes = checks::run(&subject, &Policy::default());
    let report = Report::of(&subject, &Policy::default(), &outcomes, false);
    let finding = |(check, it): (&report::Checked, &report::Finding)| ArtifactFinding {
        check: check.id.to_owned(),
        severity: it.severity.to_owned(),
        path: it.path.clone(),
        found: it.found.clone(),
    };
    Ok(Artifact { is_known: true, findings: report.findings().into_iter().map(finding).collect() })
}

/// The findings in a report of `verify --format json`; several reports (one per line) are taken together.
fn reported(path: &Path) -> Result<Artifact> {
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
