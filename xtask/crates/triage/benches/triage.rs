//! How fast logs are read, beside plain searching: `cargo bench -p triage` (`XTASK_BENCH_MB` sets the size, 256 by default).
//!
//! A made-up log of a busy Mac, one relevant line in a million bytes, in the two styles that are large in practice. `grep` searches the
//! same file for four of the 240 words that we look for. What counts is the ratio: it holds on any machine.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use triage::{Artifact, Reading, judge, read};

/// Words for grep, each of which we look for as well.
const WORDS: &str =
    "nsposixerrordomain|unsatisfied entitlement|user server timeout|applemobilefileintegrityerror";

/// What other parts of the system write all the time.
const MESSAGES: &[&str] = &[
    "Acquiring assertion targeting [app<application.com.example.editor.#>:#] from originator [osservice<com.apple.WindowServer(#)>]",
    "[C#.1.1 Hostname#:443 ready socket-flow (satisfied (Path is satisfied), interface: en0, ipv4, dns)] event: flow:finish_transport",
    "deny(1) file-read-data /private/var/db/receipts pid #",
    "SecTrustEvaluateIfNecessary: evaluation # of certificate # finished in # us",
    "Reading from public effective settings for key AppleLanguages in domain kCFPreferencesAnyApplication # #",
    "entering /Applications/Some App #.app/Contents/Frameworks rule ^Resources/ weight # flags #",
    "session # extension point com.apple.share-services updated # records, client # is entitled",
];
const PROCESSES: &[&str] = &[
    "WindowServer",
    "runningboardd",
    "trustd",
    "kernel",
    "syspolicyd",
    "launchservicesd",
    "Safari",
    "airportd",
];
const RELEVANT: &str =
    "/A/B not valid: Error Domain=AppleMobileFileIntegrityError Code=-413 \"No matching profile found\"";

fn main() {
    let megabytes: u64 = std::env::var("XTASK_BENCH_MB").ok().and_then(|it| it.parse().ok()).unwrap_or(256);
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!("{megabytes} MB, best of three; grep -ciE with four words");
    for style in ["default", "ndjson"] {
        let path = folder.path().join(style);
        make(&path, style, megabytes * 1_000_000);
        let size = fs::metadata(&path).expect("it was just written").len();
        let ours = best(|| {
            let mut reading = Reading::default();
            let mut file = File::open(&path).expect("it was just written");
            read(style, &mut file, &mut reading, &mut |_| {}).expect("a readable file");
            let found = judge(reading, &Artifact::default());
            assert_eq!(found.causes.first().map(|it| it.id), Some("profile-missing-or-not-matching"));
            assert_eq!(found.causes.len(), 1, "ordinary lines name no cause");
        });
        let grep = best(|| {
            let output = Command::new("grep").args(["-ciE", WORDS]).arg(&path).output().expect("grep");
            assert!(output.status.success(), "grep found nothing");
        });
        let speed = |time: Duration| size as f64 / 1e6 / time.as_secs_f64();
        println!(
            "{style:<8} triage {:>6.0} MB/s   grep {:>6.0} MB/s   {:.1} times the time of grep",
            speed(ours),
            speed(grep),
            ours.as_secs_f64() / grep.as_secs_f64()
        );
        fs::remove_file(&path).expect("our own file");
    }
    if let Some(line) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(peak) {
        println!("peak memory {line}");
    }
}

fn peak(status: &str) -> Option<&str> {
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(str::trim)
}

fn best(work: impl Fn()) -> Duration {
    let time = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..3).map(|_| time()).min().expect("three are not none")
}

/// Writes a log of that many bytes. Numbers come from a linear congruential generator: the same file every time.
fn make(path: &Path, style: &str, size: u64) {
    let mut out = BufWriter::new(File::create(path).expect("a temporary file"));
    let mut seed: u64 = 7;
    let mut number = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 40
    };
    let (mut written, mut next_relevant) = (0, 0);
    let mut micros: u64 = 0;
    while written < size {
        micros += number() % 900;
        let is_relevant = written >= next_relevant;
        let (process, message) = if is_relevant {
            next_relevant += 1_000_000;
            ("amfid", RELEVANT.to_owned())
        } else {
            let mut at = |n: usize| number() as usize % n;
            let (process, template) = (PROCESSES[at(PROCESSES.len())], MESSAGES[at(MESSAGES.len())]);
            let mut message = String::new();
            for part in template.split('#') {
                write!(message, "{part}{}", number() % 100_000).expect("a string");
            }
            (process, message)
        };
        let (hour, minute, second) =
            (micros / 3_600_000_000 % 24, micros / 60_000_000 % 60, micros / 1_000_000 % 60);
        let clock = format!("2026-03-02 {hour:02}:{minute:02}:{second:02}.{:06}+0100", micros % 1_000_000);
        let line = match style {
            "ndjson" => format!(
                "{{\"traceID\":{},\"eventMessage\":{},\"eventType\":\"logEvent\",\"subsystem\":\"com.apple.default\",\"threadID\":{},\
                 \"processImagePath\":\"\\/usr\\/libexec\\/{process}\",\"timestamp\":\"{clock}\",\"messageType\":\"Default\",\"processID\":{}}}\n",
                number(),
                serde_json::Value::from(message),
                number() % 100_000,
                number() % 9_999
            ),
            _ => format!(
                "{clock} 0x{:<8x} Default     0x0                  {:<6} 0    {process}: {message}\n",
                number() % 1_000_000,
                number() % 9_999
            ),
        };
        out.write_all(line.as_bytes()).expect("space for the log");
        written += line.len() as u64;
    }
    out.flush().expect("space for the log");
}
