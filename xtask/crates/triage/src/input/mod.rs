//! What was given to us, and how it becomes entries: detection, reading, keeping.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read};

use crate::entry::Entry;
use crate::host::Host;
use crate::signature;

pub mod archive;
pub mod crash;
mod head;
mod json;
mod lines;
mod plain;
pub mod tar;

/// The style of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text by lines: `log show` in default, compact or syslog style, old system.log, pasted forum text. Each line says its own style.
    Text,
    /// One JSON object per line (`log show --style ndjson`).
    Ndjson,
    /// A JSON array of objects (`log show --style json`).
    Json,
    /// A crash report in two JSON parts (`.ips`).
    Crash,
    /// A gzip-compressed tar: a sysdiagnose. Its members are unpacked by the caller (`tar`).
    Sysdiagnose,
    /// A `.logarchive` directory, read through `archive`.
    Logarchive,
}

impl Kind {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Ndjson => "ndjson",
            Kind::Json => "json",
            Kind::Crash => "crash report",
            Kind::Sysdiagnose => "sysdiagnose",
            Kind::Logarchive => "logarchive",
        }
    }
}

/// What was counted while reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Lines (or JSON records, or archive entries) seen.
    pub lines: u64,
    /// Lines that say something about loading code.
    pub relevant: u64,
    /// Relevant lines that were not kept, because many like them were (`KEPT_AT_EACH_END`).
    pub repeated: u64,
    /// Records that could not be parsed, and lines that were cut at the limit.
    pub malformed: u64,
    /// Things an archive held that could not be read (files too large, strings missing).
    pub unread: u64,
}

/// A message together with the log signatures it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) entry: Entry,
    /// Indices into the catalogue, ascending; empty for context.
    pub(crate) signatures: Vec<u16>,
}

/// Everything read so far, from one or many inputs.
#[derive(Debug, Default)]
pub struct Reading {
    /// Names and styles of the inputs, in the order read.
    pub inputs: Vec<(String, Kind)>,
    /// What was counted.
    pub counts: Counts,
    /// What the inputs say about their machine.
    pub host: Host,
    /// Crash reports among the inputs.
    pub crashes: Vec<crash::Crash>,
    kept: HashMap<Vec<u16>, Bucket>,
}

/// How many messages of the same kind are kept from the start, and as many from the end.
///
/// A flood of one message must neither fill the memory nor push out the others: the first ones show
/// where it began, the last ones show how it stands now. Messages are at most `plain::LONGEST` bytes,
/// and there are a few hundred kinds, so the total stays below 100 MB in the worst case.
const KEPT_AT_EACH_END: usize = 100;
/// Distinct combinations of signatures; real logs show some dozens.
const MOST_KINDS: usize = 400;

#[derive(Debug, Default)]
struct Bucket {
    first: Vec<Found>,
    last: VecDeque<Found>,
}

impl Reading {
    /// What the catalogue knows about this message. The process belongs to it: `spctl: Too many open files`.
    pub(crate) fn matches(process: Option<&str>, text: &str) -> Vec<u16> {
        match process {
            Some(process) => signature::matching(&format!("{process}: {text}")),
            None => signature::matching(text),
        }
    }

    /// Keeps an entry, within the limits.
    pub(crate) fn keep(&mut self, entry: Entry, signatures: Vec<u16>) {
        self.counts.relevant += 1;
        if !self.kept.contains_key(&signatures) && self.kept.len() >= MOST_KINDS {
            self.counts.repeated += 1;
            return;
        }
        let bucket = self.kept.entry(signatures.clone()).or_default();
        let found = Found { entry, signatures };
        if bucket.first.len() < KEPT_AT_EACH_END {
            bucket.first.push(found);
            return;
        }
        if bucket.last.len() == KEPT_AT_EACH_END {
            bucket.last.pop_front();
            self.counts.repeated += 1;
        }
        bucket.last.push_back(found);
    }

    /// All kept messages in the order of the inputs.
    pub(crate) fn into_found(self) -> Vec<Found> {
        let mut all: Vec<Found> =
            self.kept.into_values().flat_map(|it| it.first.into_iter().chain(it.last)).collect();
        all.sort_by_key(|it| (it.entry.input, it.entry.line, it.entry.text.clone()));
        all
    }
}

/// How many bytes decide about the style of an input; a crash report's first line is below 2 KiB.
const PEEK: usize = 64 * 1024;

/// Which style the first bytes of an input show. Nothing is refused: what is not something else is text.
pub fn detect(head: &[u8]) -> Kind {
    if head.starts_with(&[0x1f, 0x8b]) {
        return Kind::Sysdiagnose;
    }
    let head = head.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(head);
    let trimmed = head.trim_ascii_start();
    let first_line = trimmed.split(|it| *it == b'\n').next().unwrap_or_default();
    let has = |needle: &[u8]| trimmed.windows(needle.len()).any(|it| it == needle);
    if trimmed.starts_with(b"{") {
        let is_report = [&b"\"bug_type\""[..], b"\"exception\"", b"\"usedImages\"", b"\"captureTime\""]
            .iter()
            .any(|it| has(it));
        let is_log = has(b"\"eventMessage\"");
        if is_report && !is_log {
            return Kind::Crash;
        }
        if is_log || first_line.trim_ascii_end().ends_with(b"}") {
            // A pretty-printed single object has no closing brace on its first line.
            return if first_line.trim_ascii_end().ends_with(b"}") { Kind::Ndjson } else { Kind::Json };
        }
    }
    if trimmed.starts_with(b"[") && trimmed.get(1..).is_some_and(|it| it.trim_ascii_start().starts_with(b"{"))
    {
        return Kind::Json;
    }
    Kind::Text
}

/// Reads one input to its end, and adds what matters to `reading`. `progress` is told the bytes read so far.
///
/// Errors are those of the reader; broken content is counted, never an error. A sysdiagnose is refused
/// here, because its members have to be unpacked first (`tar::members`).
pub fn read(
    name: &str,
    source: &mut dyn Read,
    reading: &mut Reading,
    progress: &mut dyn FnMut(u64),
) -> io::Result<Kind> {
    let mut source = BufReader::with_capacity(PEEK, source);
    let kind = detect(source.fill_buf()?);
    if kind == Kind::Sysdiagnose {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a compressed archive has to be unpacked first",
        ));
    }
    reading.inputs.push((name.to_string(), kind));
    match kind {
        Kind::Text | Kind::Ndjson => lines::read(&mut source, reading, progress)?,
        Kind::Json => json::read_array(&mut source, reading, progress)?,
        Kind::Crash => crash::read(&mut source, reading, progress)?,
        Kind::Sysdiagnose | Kind::Logarchive => {}
    }
    Ok(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, kind: Kind) {
        assert_eq!(detect(head.as_bytes()), kind, "{head}");
    }

    #[test]
    fn styles_are_told_apart_by_their_first_bytes() {
        check("Timestamp                       Thread     Type", Kind::Text);
        check("{\"eventMessage\":\"x\",\"processID\":1}\n{\"eventMessage\"", Kind::Ndjson);
        check("[{\n  \"traceID\" : 1,\n  \"eventMessage\" : \"x\"", Kind::Json);
        check("{\"app_name\":\"X\",\"bug_type\":\"309\"}\n{\n  \"pid\" : 1", Kind::Crash);
        check("[2021-08-29 08:56:14.171] [warning] x", Kind::Text);
        check("", Kind::Text);
    }

    #[test]
    fn a_flood_of_one_message_leaves_room_for_others() {
        let mut text = String::from("taskgated-helper: com.example.a: Unsatisfied entitlements: k\n");
        for n in 0..5000 {
            text.push_str(&format!("kernel: DK: Foo-0x{n:x} waiting for server x-1\n"));
        }
        text.push_str("amfid: /A not valid: Error Domain=AppleMobileFileIntegrityError Code=-413 \"No matching profile found\"\n");
        let mut reading = Reading::default();
        read("x", &mut text.as_bytes(), &mut reading, &mut |_| {}).unwrap();
        assert_eq!(reading.counts.relevant, 5002);
        assert_eq!(reading.counts.repeated, 5000 - 2 * KEPT_AT_EACH_END as u64);
        let found = reading.into_found();
        assert_eq!(found.first().map(|it| it.entry.line), Some(1));
        assert_eq!(found.last().map(|it| it.entry.line), Some(5002));
    }
}
