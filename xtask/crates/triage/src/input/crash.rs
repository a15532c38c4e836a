//! Crash reports (`.ips`): a line of JSON, then a JSON object.

use std::io::{self, Read};

use serde_json::Value;

use crate::entry::{Clock, Entry, Layer};
use crate::input::{Reading, head, lines, plain};

/// Largest report that is read; real ones stay below 2 MiB.
const LARGEST: u64 = 16 * 1024 * 1024;
/// Frames shown of the crashed thread.
const MOST_FRAMES: usize = 64;

/// One frame of the crashed thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Name of the image.
    pub image: String,
    /// Its UUID in lower case, with dashes.
    pub uuid: String,
    /// Offset of the address in the image.
    pub offset: u64,
    /// The symbol, if the report has one or our symbols gave one.
    pub symbol: Option<String>,
}

/// A crash report, as far as triage needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crash {
    /// The process.
    pub process: String,
    /// Its path.
    pub path: String,
    /// Exception type and signal.
    pub exception: String,
    /// Termination namespace, code and indicator.
    pub termination: String,
    /// The crashed thread.
    pub frames: Vec<Frame>,
}

/// Reads a report; a broken one is counted, and what is there is used.
pub(super) fn read(
    source: &mut dyn Read,
    reading: &mut Reading,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let input = reading.inputs.len().saturating_sub(1);
    let mut bytes = Vec::new();
    source.take(LARGEST).read_to_end(&mut bytes)?;
    reading.counts.bytes += bytes.len() as u64;
    reading.counts.lines += bytes.split(|it| *it == b'\n').count() as u64;
    progress(bytes.len() as u64);
    let text = String::from_utf8_lossy(&bytes);
    let mut parts = Vec::new();
    for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        match value {
            Ok(value) => parts.push(value),
            Err(_) => {
                reading.counts.malformed += 1;
                break;
            }
        }
    }
    let at = |path: &str| parts.iter().find_map(|it| it.pointer(path));
    let text = |path: &str| at(path).and_then(Value::as_str).unwrap_or_default().to_string();
    for version in [text("/os_version"), text("/osVersion/train")] {
        reading.host.notice(&version);
    }
    let crash = Crash {
        process: text("/procName"),
        path: text("/procPath"),
        exception: words(&[text("/exception/type"), text("/exception/signal"), text("/exception/subtype")]),
        termination: words(&[
            text("/termination/namespace"),
            at("/termination/code").map(Value::to_string).unwrap_or_default(),
            text("/termination/indicator"),
        ]),
        frames: frames(&parts),
    };
    let clock = head::parse(&format!("{} x: y", text("/captureTime"))).clock.or_else(|| {
        Some(text("/captureTime")).filter(|it| !it.is_empty()).map(|text| Clock { text, micros: 0 })
    });
    if let Some(panic) = at("/panicString").and_then(Value::as_str) {
        panicked(panic, clock, input, reading);
        return Ok(());
    }
    let mut said = Vec::new();
    if !crash.exception.is_empty() {
        said.push(format!("crash report: exception {}", crash.exception));
    }
    if !crash.termination.is_empty() {
        said.push(format!("crash report: termination {}", crash.termination));
    }
    for list in ["/termination/reasons", "/termination/details"] {
        for it in at(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).take(16)
        {
            said.push(format!("crash report: {it}"));
        }
    }
    for it in at("/asi")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|it| it.values())
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(Value::as_str)
        .take(16)
    {
        said.push(format!("crash report: {it}"));
    }
    let is_driver = crash.path.contains(".dext") || text("/bundleInfo/CFBundlePackageType") == "DEXT";
    for (n, it) in said.into_iter().enumerate() {
        let mut it = plain::plain(it.replace('\n', " ").as_bytes());
        if is_driver {
            it.push_str(" (driver extension, dext)");
        }
        let entry = Entry {
            clock: clock.clone(),
            process: Some(crash.process.clone()).filter(|it| !it.is_empty()),
            pid: at("/pid").and_then(Value::as_u64),
            layer: Some(Layer::App),
            text: plain::cut(&it).to_string(),
            input,
            line: n as u64 + 1,
            structured: true,
        };
        lines::settle(entry, reading);
    }
    reading.crashes.push(crash);
    Ok(())
}

/// The kernel's last words. Its backtrace is addresses without names; the first lines say what it found wrong, and a later
/// one names extensions in the backtrace.
fn panicked(panic: &str, clock: Option<Clock>, input: usize, reading: &mut Reading) {
    for (n, line) in panic.lines().enumerate().filter(|(n, it)| *n == 0 || names_extension(it)).take(16) {
        let text = plain::plain(format!("panic report: {line}").as_bytes());
        let entry = Entry {
            clock: clock.clone(),
            process: Some("kernel".to_owned()),
            pid: None,
            layer: Some(Layer::Kernel),
            text: plain::cut(&text).to_string(),
            input,
            line: n as u64 + 1,
            structured: true,
        };
        lines::settle(entry, reading);
    }
}

fn names_extension(line: &str) -> bool {
    ["DK: ", "IOUserServer", ".dext", "Kernel Extensions in backtrace"].iter().any(|it| line.contains(it))
}

fn frames(parts: &[Value]) -> Vec<Frame> {
    let Some(report) = parts.iter().find(|it| it.get("threads").is_some()) else { return Vec::new() };
    let threads = report.get("threads").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let faulting =
        report.get("faultingThread").and_then(Value::as_u64).and_then(|it| usize::try_from(it).ok());
    let thread = threads
        .iter()
        .find(|it| it.get("triggered").and_then(Value::as_bool) == Some(true))
        .or_else(|| threads.get(faulting.unwrap_or(0)));
    let images = report.get("usedImages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let frames = thread
        .and_then(|it| it.get("frames"))
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    frames
        .iter()
        .take(MOST_FRAMES)
        .map(|frame| {
            let image = frame
                .get("imageIndex")
                .and_then(Value::as_u64)
                .and_then(|it| usize::try_from(it).ok())
                .and_then(|it| images.get(it));
            let text = |key: &str| {
                image.and_then(|it| it.get(key)).and_then(Value::as_str).unwrap_or_default().to_string()
            };
            Frame {
                image: text("name"),
                uuid: text("uuid").to_ascii_lowercase(),
                offset: frame.get("imageOffset").and_then(Value::as_u64).unwrap_or(0),
                symbol: frame.get("symbol").and_then(Value::as_str).map(str::to_string),
            }
        })
        .collect()
}

fn words(parts: &[String]) -> String {
    parts.iter().filter(|it| !it.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
}
