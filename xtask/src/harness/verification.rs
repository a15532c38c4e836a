//! The whole catalogue on the runner: what the bytes said before, and what Apple's tools and the kernel say now.

use checks::{
    CheckOutcome, Mode, Needs, Policy, Subject, catalogue,
    run::run_one,
    subject::{Found, HostReadings, Ticket},
};

use super::{Artifact, step::Outcome};
use crate::report::Report;

/// Checks that must have run, or nothing that is seen afterwards is known to be about this artifact.
const DECIDING: &[&str] = &["codesign-accepts", "readings-agree"];

/// The verifier's report, complete: the checks that need a Mac are judged by these readings, all others stand as they were.
pub fn complete(artifact: &Artifact, host: HostReadings) -> Report {
    let simulated = host.is_simulated;
    // These checks look at nothing but the readings, the mode, and whether there is a ticket.
    let ticket = || Ticket { path: artifact.questions.name.clone(), content: Found::Absent };
    let subject = Subject {
        path: artifact.questions.name.clone(),
        tickets: artifact.questions.has_ticket.then(ticket).into_iter().collect(),
        host: Some(host),
        ..Subject::default()
    };
    let mode = artifact.questions.mode.parse().unwrap_or(Mode::Unsigned);
    let policy = Policy { mode: Some(checks::Asked::plain(mode)), ..Policy::default() };
    let needy = catalogue::all().filter(|it| it.needs != Needs::Bytes && it.id != "opened-contents");
    let outcomes: Vec<CheckOutcome> = needy.map(|it| run_one(it, &subject, &policy)).collect();
    artifact.verification.retaken(&outcomes, simulated, false)
}

/// What the report means for the run.
pub fn outcome(report: &Report) -> Outcome {
    let errors: Vec<String> = report
        .findings()
        .into_iter()
        .filter(|(_, it)| it.severity == "error")
        .map(|(check, it)| format!("{}: {} ({})", check.id, it.found, it.path))
        .collect();
    if !errors.is_empty() {
        return Outcome::Failed(errors.join("; "));
    }
    let silent = report.checks.iter().filter(|it| it.outcome == "not_run");
    let (deciding, others): (Vec<_>, Vec<_>) =
        silent.partition(|it| DECIDING.contains(&it.id) || it.needs == "bytes");
    if let Some(check) = deciding.first() {
        let why = check.reason.as_deref().unwrap_or("no reason is known");
        return Outcome::NotRun(format!("{}: {}", check.id, why.replace('\n', " ")));
    }
    if report.verdict != "passed" {
        return Outcome::NotRun(format!("the verifier says `{}`", report.verdict));
    }
    let mut text = format!("{} passed, signed for {}", report.counts.passed, report.subject.mode);
    if report.counts.warnings > 0 {
        let warned = report.checks.iter().filter(|it| it.outcome == "failed").map(|it| it.id);
        text += &format!("; warnings of {}", warned.collect::<Vec<_>>().join(", "));
    }
    if !others.is_empty() {
        let ids = others.iter().map(|it| it.id).collect::<Vec<_>>();
        text += &format!("; not run: {}", ids.join(", "));
    }
    Outcome::Passed(text)
}
