//! The report for a person at a terminal: findings, what did not run, one line of sum. `-v` shows every check.

use super::{Checked, Finding, Report};

/// How much, and in colour or not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// Every check, not only those with findings; notes of severity info, too.
    pub is_verbose: bool,
    /// With escape sequences.
    pub is_colored: bool,
}

/// The report as text.
pub fn render(report: &Report, style: Style) -> String {
    let paint = Paint(style.is_colored);
    let mut out = String::new();
    let subject = &report.subject;
    if report.simulated {
        out += "simulated: stand-ins answered instead of Apple's tools\n";
    }
    if subject.mode == "rehearsal" {
        out += "rehearsal: proves internal consistency only; no Mac will load this\n";
    }
    for note in &report.notes {
        out += &format!("note: {}\n", clean(note));
    }
    out += &format!("{}  {}, {}\n", paint.bold(&clean(&subject.path)), subject.kind, subject.mode);
    for signer in &subject.signers {
        let team =
            signer.team.as_deref().map_or_else(|| "no team".to_owned(), |it| format!("team {}", clean(it)));
        let time = signer
            .timestamp
            .as_deref()
            .map_or_else(|| "no secure timestamp".to_owned(), |it| format!("at {it}"));
        let chain = signer.chain.iter().map(|it| clean(it)).collect::<Vec<_>>().join(" ← ");
        out += &format!(
            "  signed   {}: {team}, {time}\n           {chain}\n           ends at {}\n",
            signer.signed,
            clean(&signer.anchor)
        );
    }
    for ticket in &subject.tickets {
        let (covered, all) = ticket.covered;
        let time = ticket.time.as_deref().unwrap_or("unknown time");
        let what = match ticket.covers_container {
            Some(true) => format!("the {} and ", subject.kind),
            Some(false) => format!("not the {}, and ", subject.kind),
            None => String::new(),
        };
        out += &match (&ticket.fault, ticket.genuine) {
            (Some(fault), _) => format!("  ticket   {}: {}\n", clean(&ticket.path), clean(fault)),
            (None, true) => format!("  ticket   genuine, {time}; covers {what}{covered} of {all} slices\n"),
            (None, false) => {
                format!("  ticket   not by Apple, {time}; covers {what}{covered} of {all} slices\n")
            }
        };
    }
    for slice in subject.code.iter().filter(|_| style.is_verbose) {
        let cdhash = slice.cdhash.as_deref().unwrap_or("not signed");
        out += &format!("  code     {}, {}: {cdhash}\n", clean(&slice.path), slice.arch);
    }
    let shown = report.findings().into_iter().filter(|it| style.is_verbose || it.1.severity != "info");
    for (check, finding) in shown {
        out += "\n";
        out += &self::finding(check, finding, &paint);
    }
    if style.is_verbose {
        out += "\n";
        for check in &report.checks {
            out += &line(check, &paint);
        }
    }
    out + &sum(report, &paint, style)
}

fn finding(check: &Checked, it: &Finding, paint: &Paint) -> String {
    let head = paint.severity(it.severity, &format!("{}[{}]", it.severity, check.id));
    let asked = it.asked_by.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
    format!(
        "{head} {}\n  at       {}\n  expected {}{asked}\n  found    {}\n  fix      {}\n",
        check.title,
        clean(&it.place()),
        clean(&it.expected),
        clean(&it.found),
        clean(&it.fix)
    )
}

fn line(check: &Checked, paint: &Paint) -> String {
    let mark = match check.outcome {
        "passed" => "ok     ",
        "failed" => check.severity,
        "not_run" => "not run",
        _ => "n/a    ",
    };
    let reason = check.reason.as_deref().map(|it| format!(": {}", clean(it))).unwrap_or_default();
    let mark = match check.outcome {
        "failed" => paint.severity(check.severity, &format!("{mark:7}")),
        _ => format!("{mark:7}"),
    };
    format!("  {mark}  {}  {}{reason}\n", check.id, check.title)
}

fn sum(report: &Report, paint: &Paint, style: Style) -> String {
    let counts = &report.counts;
    let mut out = format!(
        "\n{}: {} passed, {} failed ({} errors, {} warnings), {} not run, {} not applicable\n",
        paint.verdict(report.verdict),
        counts.passed,
        counts.failed,
        counts.errors,
        counts.warnings,
        counts.not_run,
        counts.not_applicable
    );
    // What did not run is never left unsaid, but grouped: on Linux the reason is the same for all of them.
    if !style.is_verbose {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for check in report.checks.iter().filter(|it| it.outcome == "not_run") {
            let reason = check.reason.as_deref().unwrap_or("no reason given");
            match reasons.iter_mut().find(|it| it.0 == reason) {
                Some(group) => group.1.push(check.id),
                None => reasons.push((reason, vec![check.id])),
            }
        }
        for (reason, ids) in reasons {
            out += &format!("  not run  {}: {}\n", clean(reason), ids.join(", "));
        }
    }
    out
}

/// Text from the subject without control characters: a file name must not move the cursor of whoever reads about it.
pub fn clean(text: &str) -> String {
    let is_safe = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.chars()
        .map(|c| {
            if is_safe(c) {
                c
            } else if c == '\n' {
                ' '
            } else {
                '\u{fffd}'
            }
        })
        .collect()
}

struct Paint(bool);

impl Paint {
    fn code(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.code("1", text)
    }

    fn severity(&self, severity: &str, text: &str) -> String {
        match severity {
            "error" => self.code("1;31", text),
            "warning" => self.code("1;33", text),
            _ => self.code("36", text),
        }
    }

    fn verdict(&self, verdict: &str) -> String {
        match verdict {
            "passed" => self.code("1;32", verdict),
            "failed" => self.code("1;31", verdict),
            _ => self.code("1;33", verdict),
        }
    }
}
