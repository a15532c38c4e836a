//! What a run came to, for people and machines: text, JSON, JUnit, a page, a job summary.

use serde::Serialize;

use super::{Artifact, Done, Recording, Seen, Verdict, crashes::Who, diagnose, machine::Machine};
use crate::report;

/// Version of the JSON shape.
pub const SCHEMA: u32 = 2;

/// A run, reported.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The end.
    pub verdict: Verdict,
    /// Made with stand-ins: never a result of a Mac. Left out when false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// Judged from a recording.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// The machine, as far as it answered.
    pub machine: Option<Machine>,
    /// The driver: "com.example.driver (1.2/12)".
    pub driver: String,
    /// Every step.
    pub steps: Vec<Shown>,
    /// The verifier's report, in its own schema, with the checks that needed this machine.
    pub verification: report::Report,
    /// Crash reports and kernel panics of the run.
    pub crashes: Vec<Crash>,
    /// Triage of log and crash reports, in its own schema; absent without either.
    pub triage: Option<serde_json::Value>,
}

/// A crash report, reported.
#[derive(Debug, Clone, Serialize)]
pub struct Crash {
    /// Where it lay.
    pub path: String,
    /// `driver`, `probe`, `app` or `kernel`.
    pub who: &'static str,
}

/// A step, reported.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// The step.
    pub id: super::Step,
    /// In words.
    pub title: &'static str,
    /// What it came to.
    pub outcome: &'static str,
    /// What was seen, or why not.
    pub why: String,
}

impl Report {
    /// The report of a run.
    pub fn of(recording: &Recording, seen: &Seen, replayed: bool) -> Self {
        let shown = |it: &Done| Shown {
            id: it.step,
            title: it.step.title(),
            outcome: it.outcome.name(),
            why: it.outcome.why().to_owned(),
        };
        let Artifact { dext, .. } = &recording.artifact;
        let is_told = !seen.log.is_empty() || !seen.crashes.is_empty();
        let triage = is_told.then(|| diagnose(seen, &recording.artifact).ok()).flatten();
        let who = |who: Who| match who {
            Who::Driver => "driver",
            Who::Probe => "probe",
            Who::App => "app",
            Who::Kernel => "kernel",
        };
        Self {
            schema: SCHEMA,
            verdict: Verdict::of(&seen.done),
            simulated: recording.simulated,
            replayed,
            machine: seen.machine.clone(),
            driver: format!("{} ({}/{})", dext.id, dext.version, dext.build),
            steps: seen.done.iter().map(shown).collect(),
            verification: seen
                .verification
                .clone()
                .unwrap_or_else(|| recording.artifact.verification.clone()),
            crashes: seen
                .crashes
                .iter()
                .map(|it| Crash { path: it.path.clone(), who: who(it.who) })
                .collect(),
            triage: triage.map(|it| triage::report::json::render(&it)),
        }
    }

    /// For machines.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is made of text, numbers and lists") + "\n"
    }

    /// The line that must stand above everything else.
    fn label(&self) -> &'static str {
        match (self.simulated, self.replayed) {
            (true, _) => "simulated: no Mac was asked",
            (false, true) => "judged again from a recording",
            (false, false) => "",
        }
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        if !self.label().is_empty() {
            text += &format!("{}\n", self.label());
        }
        text += &format!("{}: {}\n", self.driver, self.verdict.name());
        for step in &self.steps {
            text += &format!("  {:<14} {}\n                 {}\n", step.outcome, step.title, step.why);
        }
        let style = report::text::Style { is_verbose: false, is_colored: false };
        text + "\n" + &report::text::render(&self.verification, style)
    }

    /// For test views.
    pub fn to_junit(&self) -> String {
        let failures = self.steps.iter().filter(|it| it.outcome == "failed").count();
        let skipped = self.steps.iter().filter(|it| !matches!(it.outcome, "passed" | "failed")).count();
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let name = escape(&format!("harness {} {}", self.driver, self.label()));
        let tests = self.steps.len();
        text += &format!(
            "<testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\">\n",
            name.trim_end()
        );
        for step in &self.steps {
            let inner = match step.outcome {
                "passed" => String::new(),
                "failed" => format!("<failure message=\"{}\"/>", escape(&step.why)),
                other => format!("<skipped message=\"{}\"/>", escape(&format!("{other}: {}", step.why))),
            };
            text += &format!(
                "  <testcase classname=\"harness\" name=\"{}\">{inner}</testcase>\n",
                escape(step.title)
            );
        }
        text + "</testsuite>\n"
    }

    /// For the job summary on GitHub.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("### {}: {}\n\n", self.driver, self.verdict.name());
        if !self.label().is_empty() {
            text += &format!("**{}**\n\n", self.label());
        }
        text += "| step | outcome | seen |\n|---|---|---|\n";
        for step in &self.steps {
            let why = step.why.replace('|', "\\|").replace(['\n', '\r'], " ").replace('<', "&lt;");
            text += &format!("| {} | {} | {why} |\n", step.title, step.outcome);
        }
        text
    }

    /// A page of its own.
    pub fn to_html(&self) -> String {
        let rows: String = self
            .steps
            .iter()
            .map(|step| {
                format!(
                    "<tr class=\"{}\"><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                    step.outcome,
                    step.outcome.replace(['_', '-'], " "),
                    escape(step.title),
                    escape(&step.why)
                )
            })
            .collect();
        let machine = self.machine.as_ref().map_or_else(
            || "the machine did not answer".to_owned(),
            |it| format!("macOS {} ({}), {}, SIP {:?}", it.macos, it.build, it.arch, it.sip),
        );
        format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>{driver}: {verdict}</title>\n<style>{STYLE}</style>\n\
             <h1>{driver}</h1><p class=\"{verdict} verdict\">{verdict}</p>{label}<p>{machine}</p>\n\
             <div class=\"wide\"><table><thead><tr><th>outcome</th><th>step</th><th>seen</th></tr></thead><tbody>\n{rows}</tbody></table></div>\n\
             {causes}{checks}</html>\n",
            driver = escape(&self.driver),
            verdict = self.verdict.name(),
            label = match self.label() {
                "" => String::new(),
                label => format!("<p class=\"label\">{label}</p>"),
            },
            machine = escape(&machine),
            causes = self.causes_as_html(),
            checks = self.checks_as_html(),
        )
    }

    /// What triage names, most likely first.
    fn causes_as_html(&self) -> String {
        let causes = self.triage.as_ref().and_then(|it| it.get("causes")).and_then(|it| it.as_array());
        let mut html = String::new();
        for cause in causes.into_iter().flatten() {
            let text = |key: &str| escape(cause.get(key).and_then(|it| it.as_str()).unwrap_or_default());
            let next = cause.get("next").and_then(|it| it.as_array()).into_iter().flatten();
            let next: String =
                next.filter_map(|it| it.as_str()).map(|it| format!("<li>{}</li>\n", escape(it))).collect();
            html += &format!(
                "<h3>{} <small>{}, {}</small></h3><p>{}</p><ul>\n{next}</ul>\n",
                text("title"),
                text("id"),
                text("confidence"),
                text("explanation")
            );
        }
        if html.is_empty() {
            html
        } else {
            format!("<h2>What the log means</h2>\n{html}<p><a href=\"triage.html\">the timeline</a></p>\n")
        }
    }

    /// The checks that did not pass; all others are counted.
    fn checks_as_html(&self) -> String {
        let counts = &self.verification.counts;
        let mut rows = String::new();
        for check in self.verification.checks.iter().filter(|it| matches!(it.outcome, "failed" | "not_run")) {
            let found = check.findings.iter().map(|it| format!("{}: {}", it.path, it.found));
            let told: Vec<String> = found.chain(check.reason.clone()).map(|it| escape(&it)).collect();
            rows += &format!(
                "<tr class=\"{}\"><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                check.outcome,
                check.outcome.replace('_', " "),
                escape(check.title),
                told.join("<br>")
            );
        }
        let sum = format!(
            "{} passed, {} failed, {} not run, {} not applicable",
            counts.passed, counts.failed, counts.not_run, counts.not_applicable
        );
        let table = match rows.is_empty() {
            true => rows,
            false => format!(
                "<div class=\"wide\"><table><thead><tr><th>outcome</th><th>check</th><th>found</th></tr></thead><tbody>\n{rows}</tbody></table></div>\n"
            ),
        };
        format!("<h2>Checks</h2><p>{sum}</p>\n{table}")
    }
}

const STYLE: &str = ":root{color-scheme:light dark;--good:#1a7f37;--bad:#cf222e;--wait:#9a6700}\
@media(prefers-color-scheme:dark){:root{--good:#3fb950;--bad:#f85149;--wait:#d29922}}\
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.4rem .6rem;border-top:1px solid #8884}\
td:last-child{overflow-wrap:anywhere}td:first-child{white-space:nowrap}.wide{overflow-x:auto}small{font-weight:400;opacity:.7}\
.label{border:1px solid var(--wait);border-left-width:.4rem;border-radius:.3rem;padding:.4rem .8rem;font-weight:600}\
@media(max-width:600px){thead{display:none}tr,td{display:block}td{border:0;padding:.1rem 0}tr{border-top:1px solid #8884;padding:.5rem 0}}\
h1{overflow-wrap:anywhere}.verdict{font-size:1.4rem;font-weight:600}\
.passed td:first-child,.verdict.passed{color:var(--good)}.failed td:first-child,.verdict.failed{color:var(--bad)}\
.not_run td:first-child,.waiting td:first-child,.pending-reboot td:first-child,.verdict.incomplete,.verdict.pending-reboot{color:var(--wait)}";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
