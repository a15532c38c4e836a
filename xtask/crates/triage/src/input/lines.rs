//! Text by lines, in bounded memory: gigabytes are searched for the words that matter before a line is looked at.

use std::io::{self, Read};

use crate::entry::{Entry, layer_of};
use crate::input::{Reading, head, json, plain};
use crate::signature;

/// Inputs up to this size are read whole, so that broken pasted lines can be joined without the filter in between.
const SMALL: usize = 4 * 1024 * 1024;
/// Bytes searched at once.
const WINDOW: usize = 1024 * 1024;

pub(super) fn read(
    source: &mut dyn Read,
    reading: &mut Reading,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let mut buffer = Vec::new();
    source.take(SMALL as u64).read_to_end(&mut buffer)?;
    let mut pasting = Pasting { input: reading.inputs.len().saturating_sub(1), ..Pasting::default() };
    if buffer.len() < SMALL {
        reading.counts.bytes += buffer.len() as u64;
        for (n, line) in buffer.split(|it| *it == b'\n').enumerate() {
            reading.counts.lines += 1;
            pasting.line(line, n as u64 + 1, reading);
        }
        if buffer.is_empty() || buffer.ends_with(b"\n") {
            reading.counts.lines -= 1;
        }
        pasting.flush(reading);
        progress(buffer.len() as u64);
        return Ok(());
    }
    large(source, buffer, pasting, reading, progress)
}

fn large(
    source: &mut dyn Read,
    mut buffer: Vec<u8>,
    mut pasting: Pasting,
    reading: &mut Reading,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let filter = signature::filter();
    let mut n_lines: u64 = 0;
    let mut total = buffer.len() as u64;
    // The first lines name the machine often enough to look at each of them.
    for line in buffer.split(|it| *it == b'\n').take(200) {
        reading.host.notice(&plain::plain(line.get(..line.len().min(plain::LONGEST)).unwrap_or_default()));
    }
    let mut skipping = false;
    loop {
        let ended = buffer.is_empty();
        let end = match buffer.iter().rposition(|it| *it == b'\n') {
            Some(at) => at + 1,
            None if buffer.len() > plain::LONGEST_LINE || ended => buffer.len(),
            None => 0,
        };
        let (window, carried) = buffer.split_at(end);
        let is_cut = !window.is_empty() && !window.ends_with(b"\n") && window.len() > plain::LONGEST_LINE;
        let mut at = 0;
        if skipping {
            at = window.iter().position(|it| *it == b'\n').map_or(window.len(), |it| it + 1);
            n_lines += u64::from(at < window.len() || window.ends_with(b"\n"));
        }
        let mut counted = at;
        while let Some(found) = filter.find(window, at) {
            let start = window
                .get(at..found.start)
                .and_then(|it| it.iter().rposition(|b| *b == b'\n'))
                .map_or(at, |it| at + it + 1);
            let stop = window
                .get(found.end..)
                .and_then(|it| it.iter().position(|b| *b == b'\n'))
                .map_or(window.len(), |it| found.end + it);
            n_lines += newlines(window.get(counted..start).unwrap_or_default());
            counted = start;
            pasting.line(window.get(start..stop).unwrap_or_default(), n_lines + 1, reading);
            at = (stop + 1).min(window.len());
        }
        n_lines += newlines(window.get(counted..).unwrap_or_default());
        if is_cut {
            reading.counts.malformed += 1;
        }
        skipping = is_cut;
        let carried = carried.to_vec();
        buffer = carried;
        let before = buffer.len();
        source.take(WINDOW as u64).read_to_end(&mut buffer)?;
        let n_read = buffer.len() - before;
        total += n_read as u64;
        progress(total);
        if n_read == 0 {
            if buffer.is_empty() {
                break;
            }
            // The last line has no newline: give it one, and go round once more.
            if !buffer.ends_with(b"\n") {
                buffer.push(b'\n');
            }
        }
    }
    pasting.flush(reading);
    reading.counts.bytes += total;
    reading.counts.lines += n_lines;
    Ok(())
}

fn newlines(bytes: &[u8]) -> u64 {
    // Short runs and wrapping sums let the compiler count with vector instructions.
    let in_run = |run: &[u8]| run.iter().fold(0u8, |sum, it| sum.wrapping_add(u8::from(*it == b'\n')));
    bytes.chunks(192).fold(0, |sum, run| sum + u64::from(in_run(run)))
}

/// A reader of lines that may be broken, joined, bulleted or spread over keys.
#[derive(Default)]
struct Pasting {
    input: usize,
    /// An entry that the next lines may continue.
    pending: Option<(Entry, u64)>,
    /// Pasted lines that matched nothing yet, newest last; a message may be broken over them.
    broken: Vec<Entry>,
    /// Keys of the layout with one `key: value` per line.
    keyed: Keyed,
}

/// How many pasted lines a message may be broken over, and how many lines may continue a logged one.
const BROKEN_OVER: usize = 3;
const CONTINUED_OVER: u64 = 24;

#[derive(Default)]
struct Keyed {
    process: Option<String>,
    pid: Option<u64>,
    clock: Option<String>,
}

impl Pasting {
    fn line(&mut self, raw: &[u8], number: u64, reading: &mut Reading) {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        if raw.len() > plain::LONGEST_LINE {
            reading.counts.malformed += 1;
        }
        let raw = raw.get(..raw.len().min(plain::LONGEST_LINE)).unwrap_or_default();
        let line = plain::plain(raw);
        if line.trim().is_empty() {
            self.flush(reading);
            return;
        }
        reading.host.notice(plain::cut(&line));
        let trimmed = line.trim();
        if trimmed.starts_with('{') && trimmed.ends_with('}') && trimmed.contains("\"eventMessage\"") {
            self.flush(reading);
            match json::entry(trimmed, self.input, number) {
                Some(entry) => settle(entry, reading),
                None => reading.counts.malformed += 1,
            }
            return;
        }
        let is_indented = line.starts_with([' ', '\t']);
        let bare = plain::unbulleted(&line);
        let first = head::parse(bare);
        if first.structured {
            self.flush(reading);
            self.pending = Some((entry(first, self.input, number), number));
            return;
        }
        if let Some((pending, last)) = &mut self.pending {
            // `log` prints the lines of a long message without a head; in pasted text they are indented.
            let continues = *last + 1 == number
                && number < pending.line + CONTINUED_OVER
                && (pending.structured || is_indented)
                && first.process.is_none();
            if continues {
                *last = number;
                let joined = format!("{} {}", pending.text, bare);
                pending.text = plain::cut(&joined).to_string();
                return;
            }
        }
        self.settle_pending(reading);
        for part in head::split_joined(bare) {
            let head = head::parse(part);
            if head.process.is_none() && self.key(&head.text) {
                continue;
            }
            let mut entry = entry(head, self.input, number);
            if entry.process.is_none()
                && let Some(message) = strip_key(&entry.text, &["message", "eventmessage", "composedmessage"])
            {
                entry.text = message.to_string();
                entry.process = self.keyed.process.take();
                entry.pid = self.keyed.pid.take();
                entry.layer = entry.process.as_deref().and_then(layer_of);
                entry.clock = self.keyed.clock.take().and_then(|it| head::parse(&format!("{it} x: y")).clock);
            }
            self.settle_pending(reading);
            self.pending = Some((entry, number));
        }
    }

    /// Takes in `process: X` and the like; true when the line was such a key.
    fn key(&mut self, line: &str) -> bool {
        if let Some(value) = strip_key(line, &["process", "processname", "processimagepath"])
            && !value.contains(' ')
        {
            self.keyed.process = Some(value.rsplit('/').next().unwrap_or(value).to_string());
            return true;
        }
        if let Some(value) = strip_key(line, &["time", "timestamp"])
            && value.starts_with(|it: char| it.is_ascii_digit())
        {
            self.keyed.clock = Some(value.to_string());
            return true;
        }
        if let Some(value) = strip_key(line, &["pid", "processid"]) {
            self.keyed.pid = value.parse().ok();
            return true;
        }
        strip_key(line, &["type", "subsystem", "category", "sender", "library", "thread", "activity"])
            .is_some_and(|it| !it.contains(' '))
    }

    fn settle_pending(&mut self, reading: &mut Reading) {
        let Some((entry, _)) = self.pending.take() else { return };
        let signatures = Reading::matches(entry.process.as_deref(), &entry.text);
        if entry.structured || is_withheld(&entry) {
            self.broken.clear();
            keep(entry, signatures, reading);
            return;
        }
        if !signatures.is_empty() {
            self.broken.clear();
            keep(entry, signatures, reading);
            return;
        }
        // The message may have been broken when it was pasted: try it together with the lines before.
        for n in 1..=self.broken.len() {
            let from = self.broken.len() - n;
            let Some(parts) = self.broken.get(from..) else { continue };
            let mut text: String = parts.iter().map(|it| it.text.as_str()).collect::<Vec<_>>().join(" ");
            text.push(' ');
            text.push_str(&entry.text);
            let signatures = parts
                .first()
                .map(|it| Reading::matches(it.process.as_deref(), plain::cut(&text)))
                .unwrap_or_default();
            if !signatures.is_empty()
                && let Some(first) = parts.first()
            {
                let joined = Entry { text: plain::cut(&text).to_string(), ..first.clone() };
                self.broken.clear();
                keep(joined, signatures, reading);
                return;
            }
        }
        self.broken.push(entry);
        if self.broken.len() > BROKEN_OVER {
            self.broken.remove(0);
        }
    }

    fn flush(&mut self, reading: &mut Reading) {
        self.settle_pending(reading);
        self.broken.clear();
    }
}

/// Matches an entry and keeps it if it says anything.
pub(super) fn settle(entry: Entry, reading: &mut Reading) {
    let signatures = Reading::matches(entry.process.as_deref(), &entry.text);
    keep(entry, signatures, reading);
}

fn keep(entry: Entry, signatures: Vec<u16>, reading: &mut Reading) {
    if !signatures.is_empty() || is_withheld(&entry) {
        reading.keep(entry, signatures);
    }
}

/// A message of the kernel or a daemon with withheld parts may have been the one that mattered: it stays as context.
fn is_withheld(entry: &Entry) -> bool {
    entry.is_redacted() && entry.layer.is_some()
}

fn entry(head: head::Head, input: usize, line: u64) -> Entry {
    let layer = head.process.as_deref().and_then(layer_of);
    Entry {
        clock: head.clock,
        layer,
        process: head.process,
        pid: head.pid,
        text: plain::cut(&head.text).to_string(),
        input,
        line,
        structured: head.structured,
    }
}

/// The value of `key: value`, the key compared without case and spaces.
fn strip_key<'a>(line: &'a str, keys: &[&str]) -> Option<&'a str> {
    let (key, value) = line.split_once(':')?;
    let key = key.trim().replace(' ', "").to_ascii_lowercase();
    keys.contains(&key.as_str()).then(|| value.trim())
}
