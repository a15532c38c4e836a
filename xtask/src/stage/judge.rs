//! The last stage: opens what is about to be published, runs the whole catalogue on it, and writes the reports beside it.

use std::path::{Path, PathBuf};

use formats::document::plist::Date;

use super::files;
use crate::{
    cmd,
    error::{Error, Exit, Result},
    inspect::{self, Asked},
    plan::Plan,
    policy, rehearsal,
    report::{self, Report},
    terminal::{self, Verbosity},
};

/// Judges `names` in `folder`. Reports go beside them, and to `target/dist/` so that a refusal can be read too.
///
/// Returns the names of the reports. A finding of severity error is exit code 1, and nothing is published.
pub fn judge(plan: &Plan, folder: &Path, names: &[String], root: Option<&Path>) -> Result<Vec<String>> {
    terminal::step("Verifying", names.join(", "));
    let policy = policy::planned(&plan.product, &plan.signing);
    let mut asked = Asked::at(Date(i64::try_from(rehearsal::now()).unwrap_or(i64::MAX)));
    asked.private_prefixes.clone_from(&policy.private_prefixes);
    if let Some(root) = root {
        asked.trust.roots.extend(policy::roots(root)?);
    }
    let mut all = Vec::new();
    for name in names {
        let subject = inspect::open(&folder.join(name), &asked)?;
        let outcomes = checks::run(&subject, &policy);
        let mut report = Report::of(&subject, &policy, &outcomes, false);
        report.notes.clone_from(&plan.notes);
        all.push((subject, report));
    }
    let json: String = all.iter().map(|(_, report)| report.to_json()).collect();
    let html = report::html::render(&all);
    let kept = plan.workspace.work().join("report");
    for place in [folder, &kept] {
        files::write(&place.join("report.json"), json.as_bytes(), 0o644)?;
        files::write(&place.join("report.html"), html.as_bytes(), 0o644)?;
    }
    let style =
        report::text::Style { is_verbose: terminal::verbosity() == Verbosity::Verbose, is_colored: false };
    for (_, report) in &all {
        cmd::print(&report::text::render(report, style))?;
    }
    refuse(&all.iter().map(|(_, report)| report).collect::<Vec<_>>(), &kept)?;
    Ok(vec!["report.json".to_owned(), "report.html".to_owned()])
}

fn refuse(reports: &[&Report], kept: &PathBuf) -> Result {
    let named = |verdict: &str| -> Vec<&str> {
        let those = reports.iter().filter(|report| report.verdict == verdict);
        those.map(|report| report.subject.path.as_str()).collect()
    };
    let error = match (named("failed"), named("incomplete")) {
        (failed, _) if !failed.is_empty() => {
            Error::new(format!("not published: {} failed verification", failed.join(", ")), Exit::Findings)
        }
        (_, incomplete) if !incomplete.is_empty() => {
            Error::incomplete(format!("not published: {} could not be verified", incomplete.join(", ")))
        }
        _ => return Ok(()),
    };
    Err(error.hint(format!("the whole report is `{}`", kept.join("report.html").display())))
}
