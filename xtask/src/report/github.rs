//! GitHub Actions: annotations on stdout, a job summary in Markdown for the file that `GITHUB_STEP_SUMMARY` names.

use super::{Report, text::clean};

/// Most annotations of one level that GitHub shows for a step; the last one says how many more there are.
const SHOWN: usize = 10;

/// Workflow commands, one a line.
pub fn annotations(reports: &[Report]) -> String {
    let mut out = String::new();
    for severity in ["error", "warning", "info"] {
        let command = if severity == "info" { "notice" } else { severity };
        let of = |it| Report::findings(it).into_iter().filter(|it| it.1.severity == severity);
        let all: Vec<_> = reports.iter().flat_map(of).collect();
        // Notes are in the report; as annotations they would bury what matters.
        let shown = if severity == "info" { 0 } else { SHOWN };
        for (check, finding) in all.iter().take(shown) {
            let message = format!(
                "{}\nexpected {}\nfound {}\nfix {}",
                finding.place(),
                finding.expected,
                finding.found,
                finding.fix
            );
            let title = format!("{}: {}", check.id, check.title);
            out += &format!("::{command} title={}::{}\n", property(&title), data(&message));
        }
        if shown > 0 && all.len() > shown {
            out += &format!(
                "::{command}::{} more of severity {severity}, see the job summary\n",
                all.len() - shown
            );
        }
    }
    for report in reports {
        let counts = &report.counts;
        // The verdict comes first: a line that begins with the name of a subject could begin with a command.
        out += &format!(
            "{}: {} ({} errors, {} warnings, {} not run)\n",
            report.verdict,
            harmless(&report.subject.path),
            counts.errors,
            counts.warnings,
            counts.not_run
        );
    }
    out
}

/// Text from the subject in the log. The runner takes `##[…]` for a command wherever in a line it stands.
fn harmless(text: &str) -> String {
    clean(text).replace("##[", "# # [")
}

/// The message of a workflow command.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(harmless).collect();
    lines.join("\n").replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The job summary.
pub fn summary(reports: &[Report]) -> String {
    let mut out = String::new();
    for report in reports {
        let (subject, counts) = (&report.subject, &report.counts);
        let mark = match report.verdict {
            "passed" => "✅",
            "failed" => "❌",
            _ => "⚠️",
        };
        out += &format!("## {mark} {}: {}\n\n", markdown(&subject.path), report.verdict);
        if report.simulated {
            out += "**Simulated:** stand-ins answered instead of Apple's tools.\n\n";
        }
        out += &format!("{}, {} — ", subject.kind, subject.mode);
        out += &format!(
            "{} passed, {} failed ({} errors, {} warnings), {} not run, {} not applicable\n\n",
            counts.passed,
            counts.failed,
            counts.errors,
            counts.warnings,
            counts.not_run,
            counts.not_applicable
        );
        let findings: Vec<_> = report.findings().into_iter().filter(|it| it.1.severity != "info").collect();
        if !findings.is_empty() {
            out += "| | check | where | expected | found |\n|---|---|---|---|---|\n";
            for (check, it) in findings {
                let cells = [it.severity, check.id, &it.place(), &it.expected, &it.found].map(markdown);
                out += &format!("| {} |\n", cells.join(" | "));
            }
            out.push('\n');
        }
        let slices = subject.code.iter().filter_map(|it| Some((it, it.cdhash.as_ref()?)));
        let rows: String = slices
            .map(|(it, hash)| format!("| {} | {} | `{hash}` |\n", markdown(&it.path), it.arch))
            .collect();
        if !rows.is_empty() {
            out += &format!(
                "<details><summary>code</summary>\n\n| file | slice | cdhash |\n|---|---|---|\n{rows}\n</details>\n\n"
            );
        }
    }
    out
}

/// Text from the subject inside a Markdown table: no markup, no links, no HTML.
fn markdown(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
