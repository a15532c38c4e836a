//! SARIF 2.1.0, for code scanning views. One run for all subjects; artifact locations are relative to each subject's folder.

use serde_json::{Value, json};

use super::{Checked, Finding, Report};

/// All reports in one log.
pub fn render(reports: &[Report]) -> String {
    let rules: Vec<Value> = reports.first().iter().flat_map(|it| &it.checks).map(rule).collect();
    let results: Vec<Value> = reports
        .iter()
        .flat_map(|it| it.checks.iter().enumerate())
        .flat_map(|(index, check)| check.findings.iter().map(move |it| result(index, check, it)))
        .collect();
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
                "toolExecutionNotifications": skipped.collect::<Vec<_>>(),
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
        "defaultConfiguration": { "level": level(check.severity) },
    })
}

fn result(index: usize, check: &Checked, it: &Finding) -> Value {
    let mut location = json!({ "artifactLocation": { "uri": uri(&it.path) } });
    if let Some(offset) = it.offset {
        location["region"] = json!({ "byteOffset": offset });
    }
    let arch = it.arch.as_deref().map(|it| format!(" (slice {it})")).unwrap_or_default();
    json!({
        "ruleId": check.id,
        "ruleIndex": index,
        "level": level(it.severity),
        "message": { "text": format!("{}{arch}: expected {}, found {}; {}", check.title, it.expected, it.found, it.fix) },
        "locations": [{ "physicalLocation": location }],
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
