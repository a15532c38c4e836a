//! `log show` in JSON: one object per line, or an array of them; objects are cut out before they are parsed.

use std::io::{self, Read};

use serde_json::Value;

use crate::entry::{Clock, Entry, layer_of};
use crate::input::{Reading, head, lines, plain};
use crate::signature;

/// Largest record that is parsed. Real ones stay below 16 KiB, those with a backtrace below 100 KiB.
const LARGEST_RECORD: usize = 1024 * 1024;

/// One record of `log show`; `None` when it is not an object with a message.
pub(super) fn entry(record: &str, input: usize, line: u64) -> Option<Entry> {
    let value: Value = serde_json::from_str(record).ok()?;
    let text = |key: &str| value.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
    let message = text("eventMessage").or_else(|| text("composedMessage")).or_else(|| text("message"))?;
    let image = |key: &str| text(key).map(|it| it.rsplit('/').next().unwrap_or(it).to_string());
    let process = image("processImagePath").or_else(|| image("process"));
    let clock = text("timestamp").map(|it| {
        head::parse(&format!("{it} x: y")).clock.unwrap_or(Clock { text: it.to_string(), micros: 0 })
    });
    // The sender names the kernel extension; signatures may look at it as they do in text styles.
    let sender = image("senderImagePath").filter(|it| Some(it) != process.as_ref());
    let body = plain::plain(message.replace('\n', " ").as_bytes());
    let body = sender.map_or(body.clone(), |it| format!("({it}) {body}"));
    Some(Entry {
        clock,
        layer: process.as_deref().and_then(layer_of),
        pid: value.get("processID").and_then(Value::as_u64),
        process,
        text: plain::cut(&body).to_string(),
        input,
        line,
        structured: true,
    })
}

/// Reads an array of records (or objects one after the other) without holding more than one of them.
pub(super) fn read_array(
    source: &mut dyn Read,
    reading: &mut Reading,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let input = reading.inputs.len().saturating_sub(1);
    let filter = signature::filter();
    let mut cutter = Cutter::default();
    let mut window = vec![0; 256 * 1024];
    let mut total = 0;
    loop {
        let n_read = source.read(&mut window)?;
        if n_read == 0 {
            break;
        }
        total += n_read as u64;
        for byte in window.iter().take(n_read) {
            let Some(record) = cutter.push(*byte) else { continue };
            reading.counts.lines += 1;
            match record {
                Cut::TooLarge => reading.counts.malformed += 1,
                Cut::Record(record) if filter.find(&record, 0).is_some() => {
                    match std::str::from_utf8(&record)
                        .ok()
                        .and_then(|it| entry(it, input, reading.counts.lines))
                    {
                        Some(entry) => {
                            reading.host.notice(&entry.text);
                            lines::settle(entry, reading);
                        }
                        None => reading.counts.malformed += 1,
                    }
                }
                Cut::Record(_) => {}
            }
        }
        progress(total);
    }
    if cutter.depth > 0 {
        // The last record was cut off.
        reading.counts.malformed += 1;
    }
    reading.counts.bytes += total;
    Ok(())
}

enum Cut {
    Record(Vec<u8>),
    TooLarge,
}

/// Finds where one top-level object begins and ends.
#[derive(Default)]
struct Cutter {
    depth: u32,
    in_string: bool,
    is_escaped: bool,
    is_too_large: bool,
    record: Vec<u8>,
}

impl Cutter {
    fn push(&mut self, byte: u8) -> Option<Cut> {
        if self.depth > 0 {
            if self.record.len() < LARGEST_RECORD {
                self.record.push(byte);
            } else {
                self.is_too_large = true;
            }
        }
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return None;
        }
        match byte {
            b'"' if self.depth > 0 => self.in_string = true,
            b'{' => {
                if self.depth == 0 {
                    self.record.clear();
                    self.record.push(byte);
                }
                self.depth = self.depth.saturating_add(1);
            }
            b'}' if self.depth > 0 => {
                self.depth -= 1;
                if self.depth == 0 {
                    let is_too_large = std::mem::take(&mut self.is_too_large);
                    return Some(if is_too_large {
                        Cut::TooLarge
                    } else {
                        Cut::Record(std::mem::take(&mut self.record))
                    });
                }
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::read;

    #[track_caller]
    fn check(text: &str, n_lines: u64, malformed: u64, texts: &[&str]) {
        let mut reading = Reading::default();
        read("x", &mut text.as_bytes(), &mut reading, &mut |_| {}).unwrap();
        assert_eq!((reading.counts.lines, reading.counts.malformed), (n_lines, malformed), "{text}");
        let found: Vec<String> = reading.into_found().into_iter().map(|it| it.entry.text).collect();
        assert_eq!(found, texts);
    }

    #[test]
    fn an_array_of_records_is_read() {
        check(
            "[{\n  \"eventMessage\" : \"DK: Foo user server timeout\", \"processImagePath\" : \"\\/kernel\", \"processID\" : 0\n},{\n \"eventMessage\" : \"else {\", \"x\": {\"y\": \"}\"}}\n]",
            2,
            0,
            &["DK: Foo user server timeout"],
        );
    }

    #[test]
    fn records_by_line_are_read_and_broken_ones_counted() {
        check(
            "{\"eventMessage\":\"DK: Foo user server timeout\"}\n{\"eventMessage\":\"DK: Foo user server timeout\",}\n",
            2,
            1,
            &["DK: Foo user server timeout"],
        );
    }

    #[test]
    fn a_record_that_is_cut_off_is_counted() {
        check("[{\"eventMessage\" : \"DK: Foo user server timeout\"", 0, 1, &[]);
    }
}
