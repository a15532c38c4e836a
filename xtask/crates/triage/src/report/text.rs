//! A page of text: cause, evidence, why, what to do, what is noise.

use std::fmt::Write as _;

use crate::judge::{Diagnosis, Evidence};

/// Evidence lines shown per cause; the rest is in the timeline.
const SHOWN: usize = 5;
/// Width of a line of the page.
const WIDTH: usize = 110;

/// The page.
pub fn render(diagnosis: &Diagnosis) -> String {
    let mut out = String::new();
    let names: Vec<&str> = diagnosis.inputs.iter().map(|it| it.1.name()).collect();
    let _ = writeln!(
        out,
        "{} lines read ({}), {} of them about loading code",
        diagnosis.counts.lines,
        names.join(", "),
        diagnosis.counts.relevant
    );
    if diagnosis.causes.is_empty() {
        let _ = writeln!(
            out,
            "\nno cause: these lines belong to a load that goes well, or are known to be harmless\n"
        );
        let rows = diagnosis.attempts.iter().flat_map(|it| &it.rows).filter(|it| it.role() == "success");
        for row in rows.take(SHOWN) {
            let _ = writeln!(out, "    {}", spoken(row.entry.process.as_deref(), &row.entry.text));
        }
    }
    for cause in &diagnosis.causes {
        let _ =
            writeln!(out, "\ncause[{}] {} (confidence: {})", cause.id, cause.title, cause.confidence.name());
        for it in cause.evidence.iter().take(SHOWN) {
            let _ = writeln!(out, "  seen     {}", line(it));
        }
        if cause.evidence.len() > SHOWN {
            let _ = writeln!(out, "           … and {} more lines", cause.evidence.len() - SHOWN);
        }
        wrapped(&mut out, "why", &cause.explanation);
        for (n, it) in cause.next.iter().enumerate() {
            wrapped(&mut out, if n == 0 { "next" } else { "" }, it);
        }
        if !cause.checks.is_empty() {
            let _ = writeln!(out, "  checks   {}", cause.checks.join(", "));
        }
    }
    if !diagnosis.noise.is_empty() {
        let _ = writeln!(out, "\nset aside as noise");
        for (it, why) in &diagnosis.noise {
            let _ = writeln!(out, "  noise    {}", line(it));
            wrapped(&mut out, "", why);
        }
    }
    if !diagnosis.codes.is_empty() {
        let _ = writeln!(out, "\ncodes");
        for it in &diagnosis.codes {
            let _ = writeln!(out, "  {it}");
        }
    }
    for crash in &diagnosis.crashes {
        let _ = writeln!(out, "\ncrash of {}: {} / {}", crash.process, crash.exception, crash.termination);
        for (n, it) in crash.frames.iter().take(24).enumerate() {
            let _ = writeln!(
                out,
                "  {n:>3}  {:<32} {:#x}  {}",
                it.image,
                it.offset,
                it.symbol.as_deref().unwrap_or("?")
            );
        }
    }
    if !diagnosis.notes.is_empty() {
        let _ = writeln!(out);
    }
    for it in &diagnosis.notes {
        let _ = writeln!(out, "note: {it}");
    }
    out
}

fn line(it: &Evidence) -> String {
    let said = spoken(it.process.as_deref(), &it.line);
    match &it.time {
        Some(time) => format!("{time} {said}"),
        None => said,
    }
}

fn spoken(process: Option<&str>, text: &str) -> String {
    process.map_or(text.to_string(), |it| format!("{it}: {text}"))
}

fn wrapped(out: &mut String, label: &str, text: &str) {
    // A command is pasted into a shell: it stays on one line.
    if text.starts_with('/') {
        let _ = writeln!(out, "  {label:<8} {text}");
        return;
    }
    let mut line = format!("  {label:<8}");
    let mut width = line.len();
    for word in text.split(' ') {
        let n = word.chars().count();
        if width + n + 1 > WIDTH && width > 11 {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(10);
            width = 10;
        }
        line.push(' ');
        line.push_str(word);
        width += n + 1;
    }
    let _ = writeln!(out, "{}", line.trim_end());
}
