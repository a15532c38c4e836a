//! What benchmarks share: a product to work on, and programs measured from start to end, ours beside what one would use instead.
//!
//! ```text
//! let ours = measure(20, || command(XTASK, ["verify"], &app));
//! table("title", &[("cargo xtask verify", Some(ours)), ("rcodesign verify", other)]);
//! ```

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[path = "../../tests/common/large.rs"]
pub mod large;
#[path = "../../tests/common/memory.rs"]
mod memory;

/// The program, built like a release.
pub const XTASK: &str = env!("CARGO_BIN_EXE_xtask");

/// How long a program took and how much memory it had.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// The shortest run from start to end: what is left when nothing else is in the way.
    pub best: Duration,
    /// Processor time of all threads, user and system, mean of all runs; `None` where there is no `/proc`.
    pub cpu: Option<Duration>,
    /// The most memory it had at a time, in bytes; `None` where there is no `/proc`.
    pub peak: Option<u64>,
}

/// Whether cargo asks for a benchmark; `cargo test --benches` also starts us, and only wants to know that we build.
pub fn is_asked() -> bool {
    std::env::args().any(|it| it == "--bench")
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package is a folder of the repository")
        .to_owned()
}

/// Where benchmarks put what they make.
pub fn work() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Our own app with its driver, a rehearsal; `None` when the tools that build it are not installed.
pub fn product() -> Option<PathBuf> {
    let out = work().join("product");
    let mut dist = Command::new(XTASK);
    dist.current_dir(root()).args(["dist", "--out"]).arg(&out).env("SOURCE_DATE_EPOCH", "1790000000");
    let made = dist.output().unwrap();
    if !made.status.success() {
        println!("not run: the product cannot be made: {}", String::from_utf8_lossy(&made.stderr).trim());
        return None;
    }
    let mut entries = fs::read_dir(&out).unwrap().map(|it| it.unwrap().path());
    entries.find(|it| it.extension().is_some_and(|it| it == "app"))
}

/// All regular files below `path`, or `path` itself.
pub fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut found: Vec<PathBuf> =
        fs::read_dir(path).unwrap().flat_map(|it| files(&it.unwrap().path())).collect();
    found.sort();
    found
}

/// The program `name` of this machine or of the user's cache.
pub fn program(name: &str) -> Option<PathBuf> {
    let cached = xtask::setup::cached_programs().into_iter().map(|it| it.join(name)).find(|it| it.is_file());
    let found = cached.or_else(|| which::which(name).ok());
    if found.is_none() {
        println!("not run: `{name}` is not installed");
    }
    found
}

/// A call that says nothing.
pub fn command<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs the same calls `runs` times, and once more to see their memory. A run is a list of calls, one after the other.
pub fn measure(runs: u32, calls: impl Fn() -> Vec<Command>) -> Measured {
    let before = children();
    let mut best = Duration::MAX;
    for _ in 0..runs {
        let start = Instant::now();
        for mut call in calls() {
            let status = call.status().unwrap();
            // 1: findings, which are an answer. More is a failure, which would be quick and no measurement.
            assert!(status.code().is_some_and(|it| it <= 1), "{call:?}: {status}");
        }
        best = best.min(start.elapsed());
    }
    let cpu = before.zip(children()).map(|(before, after)| (after - before) / runs);
    let peak = calls().into_iter().map(|mut it| memory::peak(&mut it.spawn().unwrap())).max().flatten();
    Measured { best, cpu, peak }
}

/// Processor time of all children that have ended.
fn children() -> Option<Duration> {
    /// `USER_HZ` of Linux, the unit of these numbers on every architecture there is a Mac-like machine of.
    const TICKS: u64 = 100;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // proc(5): fields 16 and 17, counted from behind the name, which is the second and in parentheses.
    let fields = stat.rsplit_once(") ")?.1.split(' ');
    let times: Vec<u64> = fields.skip(13).take(2).filter_map(|it| it.parse().ok()).collect();
    Some(Duration::from_millis(times.iter().sum::<u64>() * 1000 / TICKS))
}

/// Prints one comparison. The first row is ours, the others are held against it.
pub fn table(title: &str, rows: &[(&str, Option<Measured>)]) {
    println!("\n{title}");
    let ours = rows.first().and_then(|it| it.1).map(|it| it.best);
    for (name, measured) in rows {
        let Some(it) = measured else {
            println!("  {name:<40} not run");
            continue;
        };
        let ms = |it: Duration| format!("{:.1} ms", it.as_secs_f64() * 1000.0);
        let cpu = it.cpu.map_or("-".to_owned(), ms);
        let peak = it.peak.map_or("-".to_owned(), |it| format!("{:.1} MB", it as f64 / 1e6));
        let ratio = ours.map_or(1.0, |ours| it.best.as_secs_f64() / ours.as_secs_f64());
        println!("  {name:<40} {:>10}  cpu {cpu:>10}  peak {peak:>9}  {ratio:>7.2} x", ms(it.best));
    }
}
