//! What machines read of a report, about a subject whose names try to break out of it.

use std::{collections::BTreeSet, fs};

use formats::container::xml::Element;
use serde_json::Value;
use xtask::report::{self, Report};

use crate::{looked, packages};

/// Workflow commands of both kinds, the end of a CDATA section, markup, a bell, an override of direction, what XML cannot hold.
const HOSTILE: &str = "::set-output name=a::b ##[error]]]><script>&amp;\n::error::x\u{7}\u{202e}\u{ffff}.app";

/// A bundle of that name, with a file of that name in it, both wrong in several ways.
fn hostile() -> Report {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join(HOSTILE);
    fs::create_dir_all(app.join("Contents/MacOS")).unwrap();
    fs::write(app.join("Contents/Info.plist"), "no plist").unwrap();
    fs::write(app.join(HOSTILE), "a").unwrap();
    std::os::unix::fs::symlink("/etc/::error::passwd", app.join("Contents/link")).unwrap();
    let (.., report) = looked(&app);
    assert!(report.counts.errors >= 3, "{:?}", report.counts);
    report
}

/// What GitHub asks of a log beyond the schema: "SARIF support for code scanning", and the GH rules of Microsoft's SARIF SDK.
#[track_caller]
fn check_sarif(reports: &[Report]) {
    let log: Value = serde_json::from_str(&report::sarif::render(reports)).unwrap();
    let text = |it: &Value| it.as_str().expect("a text").to_owned();
    assert_eq!(text(&log["version"]), "2.1.0");
    assert!(text(&log["$schema"]).contains("sarif-2.1.0"));
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: BTreeSet<String> = rules.iter().map(|it| text(&it["id"])).collect();
    assert_eq!(ids.len(), rules.len(), "a rule twice");
    let is_level = |it: &Value| ["error", "warning", "note"].contains(&it.as_str().unwrap());
    for rule in rules {
        assert!(rules.len() <= 25_000 && text(&rule["id"]).len() <= 255);
        for key in ["shortDescription", "fullDescription", "help"] {
            let text = text(&rule[key]["text"]);
            assert!((1..=1024).contains(&text.chars().count()), "{key} of {}: {}", rule["id"], text.len());
        }
        assert!(is_level(&rule["defaultConfiguration"]["level"]));
    }
    let results = run["results"].as_array().unwrap();
    let n_findings: usize = reports.iter().flat_map(|it| &it.checks).map(|it| it.findings.len()).sum();
    assert_eq!(results.len(), n_findings);
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(is_level(&result["level"]) && !text(&result["message"]["text"]).is_empty());
        let [location] = result["locations"].as_array().unwrap().as_slice() else { panic!("one location") };
        let place = &location["physicalLocation"];
        let uri = text(&place["artifactLocation"]["uri"]);
        let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~/%".contains(&it);
        assert!(!uri.is_empty() && !uri.starts_with('/') && uri.bytes().all(is_plain), "{uri}");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        let print = text(&result["partialFingerprints"]["primaryLocationLineHash"]);
        assert!(print.ends_with(":1") && print.len() == 18, "{print}");
    }
}

#[test]
fn a_log_is_what_github_takes() {
    check_sarif(&[hostile()]);
    check_sarif(&[hostile(), hostile()]);
    for path in packages() {
        check_sarif(&[looked(&path).2]);
    }
}

#[test]
fn no_name_becomes_a_workflow_command() {
    let report = hostile();
    let text = report::github::annotations(std::slice::from_ref(&report));
    let n_shown = report.findings().iter().filter(|it| it.1.severity != "info").count();
    let (commands, rest): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|it| it.trim_start().starts_with("::"));
    assert!(commands.len() <= n_shown && !commands.is_empty(), "{text}");
    for command in commands {
        let ours = ["::error title=", "::warning title="].iter().any(|it| command.starts_with(it));
        let title = command.split("::").nth(1).unwrap();
        assert!(
            ours && report.checks.iter().any(|it| title.contains(&format!("title={}%3A", it.id))),
            "{command}"
        );
    }
    assert_eq!(rest.len(), 1, "{text}");
    assert!(rest[0].starts_with("failed: ") && !text.contains("##["), "{text}");
    let summary = report::github::summary(&[report]);
    assert!(!summary.contains("<script") && !summary.contains('\u{7}'), "{summary}");
    assert!(summary.lines().all(|it| !it.trim_start().starts_with("::")), "{summary}");
}

#[test]
fn a_test_view_gets_well_formed_xml() {
    let report = hostile();
    let text = report::junit::render(std::slice::from_ref(&report));
    let is_allowed = |c: char| !matches!(c, '\u{fffe}' | '\u{ffff}') && (c == '\n' || !c.is_control());
    assert!(text.chars().all(is_allowed) && !text.contains("]]>") && !text.contains("<script"));
    let root = Element::parse(&text).unwrap();
    let suite = &root.children[0];
    assert_eq!(suite.children.len(), report.checks.len());
    let failed = suite.children.iter().filter(|it| it.child("failure").is_some()).count();
    assert_eq!(suite.attribute("failures"), Some(failed.to_string().as_str()));
    assert!(failed > 0);
}

#[test]
fn a_page_holds_no_markup_of_the_subject() {
    let report = hostile();
    let subject = checks::Subject { path: HOSTILE.to_owned(), ..checks::Subject::default() };
    let page = report::html::render(&[(subject, report)]);
    assert!(!page.contains("<script") && !page.contains('\u{7}') && !page.contains('\u{202e}'));
    assert!(page.contains("&lt;script&gt;"));
}
