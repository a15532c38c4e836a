//! JUnit XML: one suite per subject, one case per check, for test views of CI systems.

use formats::container::xml::escape;

use super::{Checked, Report};

/// All reports in one document.
pub fn render(reports: &[Report]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for report in reports {
        let failures = report.checks.iter().filter(|it| has_error(it)).count();
        let skipped = report.checks.iter().filter(|it| is_skipped(it)).count();
        out += &format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">\n",
            escape(&report.subject.path),
            report.checks.len()
        );
        for check in &report.checks {
            out += &case(report, check);
        }
        out += "  </testsuite>\n";
    }
    out + "</testsuites>\n"
}

fn has_error(check: &Checked) -> bool {
    check.findings.iter().any(|it| it.severity == "error")
}

fn is_skipped(check: &Checked) -> bool {
    matches!(check.outcome, "not_run" | "not_applicable")
}

fn case(report: &Report, check: &Checked) -> String {
    let findings: Vec<String> = check
        .findings
        .iter()
        .map(|it| {
            let (place, severity) = (it.place(), it.severity);
            format!(
                "{severity}: {place}\n  expected {}\n  found    {}\n  fix      {}",
                it.expected, it.found, it.fix
            )
        })
        .collect();
    let inner = if has_error(check) {
        format!(
            "      <failure type=\"{}\" message=\"{}\">{}</failure>\n",
            check.id,
            escape(check.title),
            escape(&findings.join("\n"))
        )
    } else if is_skipped(check) {
        format!("      <skipped message=\"{}\"/>\n", escape(check.reason.as_deref().unwrap_or(check.outcome)))
    } else if !findings.is_empty() {
        // JUnit has no warnings; they stay visible as the output of a passed case.
        format!("      <system-out>{}</system-out>\n", escape(&findings.join("\n")))
    } else {
        String::new()
    };
    let head = format!("    <testcase classname=\"{}\" name=\"{}\"", escape(&report.subject.path), check.id);
    match inner.is_empty() {
        true => format!("{head}/>\n"),
        false => format!("{head}>\n{inner}    </testcase>\n"),
    }
}
