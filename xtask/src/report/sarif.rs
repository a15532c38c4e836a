//! SARIF 2.1.0, for code scanning views. One run for all subjects; artifact locations are relative to each subject's folder.
//!
//! GitHub takes a subset and asks for more than the schema: every result needs a rule of the run, a location, and in it a region with
//! a first line (rule GH1003 of the SARIF SDK), though there are no lines in a Mach-O file; the byte offset stands beside it.

use formats::signature::digest::{hex, sha256};
use serde_json::{Value, json};

use super::{Checked, Finding, Report};

/// Most results that GitHub takes from a run; it shows the most severe 5000.
const MOST: usize = 25_000;

/// All reports in one log.
pub fn render(reports: &[Report]) -> String {
    let rules: Vec<Value> = reports.first().iter().flat_map(|it| &it.checks).map(rule).collect();
    let results: Vec<Value> = reports
        .iter()
        .flat_map(|it| it.checks.iter().enumerate())
        .flat_map(|(index, check)| check.findings.iter().map(move |it| result(index, check, it)))
        .take(MOST)
        .collect();
    let n_found: usize = reports.iter().flat_map(|it| &it.checks).map(|it| it.findings.len()).sum();
    let cut = n_found.checked_sub(MOST).filter(|it| *it > 0).map(|it| {
        json!({ "level": "warning", "message": { "text": format!("{it} findings more than a run may have") } })
    });
    // Checks that did not look are told as notifications: a scan that skipped something must not look complete.
    let skipped = reports.iter().flat_map(|it| &it.checks).filter(|it| it.outcome == "not_run").map(|it| {
        let reason = it.reason.as_deref().unwrap_or("no reason given");
        json!({ "level": "note", "message": { "text": format!("{} was not run: {reason}", it.id) } })
    });
    let is_complete = reports.iter().all(|it| it.verdict != "incomplete");
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "cargo xtask verify",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [{
                "executionSuccessful": is_complete,
                "toolExecutionNotifications": skipped.chain(cut).collect::<Vec<_>>(),
            }],
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).expect("a log has only text, numbers and lists");
    text.push('\n');
    text
}

fn level(severity: &str) -> &'static str {
    match severity {
        "error" => "error",
        "warning" => "warning",
        _ => "note",
    }
}

fn rule(check: &Checked) -> Value {
    json!({
        "id": check.id,
        "shortDescription": { "text": check.title },
        "fullDescription": { "text": check.why },
        "help": { "text": format!("{}\n`cargo xtask explain {}` says what to do.", check.why, check.id) },
        "defaultConfiguration": { "level": level(check.severity) },
    })
}

fn result(index: usize, check: &Checked, it: &Finding) -> Value {
    let mut region = json!({ "startLine": 1 });
    if let Some(offset) = it.offset {
        region["byteOffset"] = json!(offset);
    }
    let location = json!({ "artifactLocation": { "uri": uri(&it.path) }, "region": region });
    // What makes it the same finding in the next run: not what was found, which changes with every build.
    let same = [check.id, &it.path, it.arch.as_deref().unwrap_or_default()].join("\0");
    let print = hex(sha256(same.as_bytes()).get(..8).unwrap_or_default());
    let arch = it.arch.as_deref().map(|it| format!(" (slice {it})")).unwrap_or_default();
    json!({
        "ruleId": check.id,
        "ruleIndex": index,
        "level": level(it.severity),
        "message": { "text": format!("{}{arch}: expected {}, found {}; {}", check.title, it.expected, it.found, it.fix) },
        "locations": [{ "physicalLocation": location }],
        "partialFingerprints": { "primaryLocationLineHash": format!("{print}:1") },
    })
}

/// A path as a relative URI reference (RFC 3986): everything but unreserved characters and slashes is escaped.
fn uri(path: &str) -> String {
    let keep = |it: u8| it.is_ascii_alphanumeric() || b"-._~/".contains(&it);
    path.bytes().map(|it| if keep(it) { char::from(it).to_string() } else { format!("%{it:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(uri("Host.app/Ü b#.txt"), "Host.app/%C3%9C%20b%23.txt");
    }
}
