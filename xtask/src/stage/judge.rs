//! The last stage: opens what is about to be published, runs the whole catalogue on it, and writes the reports beside it.

use std::path::Path;

use formats::document::plist::Date;
use serde::Serialize;

use super::files;
use crate::{
    cmd,
    error::{Error, Exit, Result},
    inspect::{self, Asked},
    plan::{Plan, Xcode},
    policy, rehearsal,
    report::{self, Report},
    terminal::{self, Verbosity},
};

/// Judges `names` in `folder`. Reports go beside them, and to `target/dist/` so that a refusal can be read too.
///
/// Returns the names of the reports. A finding of severity error is exit code 1, and nothing is published.
pub fn judge(
    plan: &Plan,
    folder: &Path,
    names: &[String],
    submissions: &[(String, Option<String>)],
    root: Option<&Path>,
) -> Result<Vec<String>> {
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
        report.simulated |= plan.toolchain.simulated;
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
    let reports: Vec<&Report> = all.iter().map(|it| &it.1).collect();
    let manifest = manifest(folder, &reports, submissions, plan.toolchain.xcode.as_ref())?;
    files::write(&folder.join("manifest.json"), manifest.as_bytes(), 0o644)?;
    let style =
        report::text::Style { is_verbose: terminal::verbosity() == Verbosity::Verbose, is_colored: false };
    for (_, report) in &all {
        cmd::print(&report::text::render(report, style))?;
    }
    refuse(&all.iter().map(|(_, report)| report).collect::<Vec<_>>(), &kept)?;
    Ok(["report.json", "report.html", "manifest.json"].map(str::to_owned).to_vec())
}

fn refuse(reports: &[&Report], kept: &Path) -> Result {
    let named = |verdict: &str| -> Vec<&str> {
        let those = reports.iter().filter(|report| report.verdict == verdict && !is_known_inside(report));
        those.map(|report| report.subject.path.as_str()).collect()
    };
    for image in reports.iter().filter(|report| is_known_inside(report)) {
        terminal::note(format_args!(
            "`{}` was not looked into: it was made from the app that is judged beside it",
            image.subject.path
        ));
    }
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

/// A disk image that is incomplete because only macOS reads its file system. What is in it was put there by us a moment ago, and is judged
/// by itself; its signature and ticket were looked at.
fn is_known_inside(report: &Report) -> bool {
    report.subject.kind == "dmg" && report.verdict == "incomplete"
}

/// What binds a file to what was signed and notarized: digest, cdhashes, submission, ticket.
#[derive(Serialize)]
struct Manifest<'a> {
    schema: u32,
    /// Made with stand-ins for Apple's tools: never a release.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    /// The Xcode whose tools built it; absent where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    xcode: Option<&'a Xcode>,
    products: Vec<Product<'a>>,
}

#[derive(Serialize)]
struct Product<'a> {
    name: &'a str,
    /// SHA-256 of a file; absent for an app, which is a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    code: &'a [report::Slice],
    /// Absent for what was not submitted itself; null when it was, and nobody knows the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    submission: Option<Option<&'a str>>,
    tickets: &'a [report::Ticket],
}

fn manifest(
    folder: &Path,
    reports: &[&Report],
    submissions: &[(String, Option<String>)],
    xcode: Option<&Xcode>,
) -> Result<String> {
    let product = |report: &&'_ Report| -> Result<(String, Option<String>)> {
        let name = report.subject.path.clone();
        let path = folder.join(&name);
        let sha256 = if path.is_file() { Some(super::stamp::hex_digest(&files::read(&path)?)) } else { None };
        Ok((name, sha256))
    };
    let digests: Vec<(String, Option<String>)> = reports.iter().map(product).collect::<Result<_>>()?;
    let products = reports.iter().zip(&digests).map(|(report, (name, sha256))| Product {
        name,
        sha256: sha256.clone(),
        code: &report.subject.code,
        submission: submissions.iter().find(|(of, _)| of == name).map(|(_, id)| id.as_deref()),
        tickets: &report.subject.tickets,
    });
    let simulated = reports.iter().any(|it| it.simulated);
    let manifest = Manifest { schema: 1, simulated, xcode, products: products.collect() };
    let json =
        serde_json::to_string_pretty(&manifest).expect("a manifest is made of text, numbers and lists");
    Ok(json + "\n")
}
