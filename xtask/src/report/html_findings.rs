//! Findings on the page: in full where they belong, a line for each check at the top.

use checks::{Subject, subject::is_below};

use super::{
    Checked, Finding, Report,
    html::{pill, rich, safe},
};

/// A finding that has a place in the tree is one line here; the others are told in full.
pub(super) fn findings(subject: &Subject, report: &Report) -> String {
    let all = report.findings();
    let (notes, serious): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| it.1.severity == "info");
    let mut out = String::new();
    if !serious.is_empty() {
        out += "<h2>Findings</h2>\n";
        let (placed, other): (Vec<_>, Vec<_>) =
            serious.into_iter().partition(|it| has_place(subject, &it.1.path));
        out.extend(told(other, "card"));
        // One line for each check; what exactly was found stands in the tree.
        let mut lines: Vec<(&Checked, Vec<&Finding>)> = Vec::new();
        for (check, it) in placed {
            match lines
                .iter_mut()
                .find(|line| line.0.id == check.id && line.1.iter().all(|b| b.severity == it.severity))
            {
                Some(line) => line.1.push(it),
                None => lines.push((check, vec![it])),
            }
        }
        for (check, all) in lines {
            let severity = all.first().map_or("info", |it| it.severity);
            let mut paths: Vec<&str> = all.iter().map(|it| it.path.as_str()).collect();
            paths.dedup();
            let list: String =
                paths.iter().map(|it| format!("<div class=\"at path\">{}</div>", safe(it))).collect();
            out += &format!(
                "<article class=\"card finding {severity}\">{} {} <code class=\"soft\">{}</code>{list}</article>\n",
                pill(severity, severity),
                rich(check.title),
                check.id,
            );
        }
    }
    if !notes.is_empty() {
        out += &format!("<details class=\"card\"><summary>Notes ({})</summary>\n", notes.len());
        out.extend(told(notes, "inset"));
        out += "</details>\n";
    }
    out
}

/// Whether the tree shows something that this path belongs to.
fn has_place(subject: &Subject, path: &str) -> bool {
    let bundles = subject.bundles.iter().any(|it| path == it.path || is_below(path, &it.path));
    bundles
        || subject.containers.iter().any(|it| it.path == path)
        || subject.codes.iter().any(|it| it.path == path)
}

/// Each finding in full. What is the same in several slices of a file is told once.
pub(super) fn told(all: Vec<(&Checked, &Finding)>, class: &str) -> Vec<String> {
    let mut groups: Vec<(&Checked, Vec<&Finding>)> = Vec::new();
    let is_same = |a: &Finding, b: &Finding| {
        (&a.path, &a.expected, &a.found, a.severity) == (&b.path, &b.expected, &b.found, b.severity)
    };
    for (check, it) in all {
        let same =
            groups.iter_mut().find(|of| of.0.id == check.id && of.1.iter().all(|other| is_same(other, it)));
        match same {
            Some(group) => group.1.push(it),
            None => groups.push((check, vec![it])),
        }
    }
    groups.into_iter().map(|(check, all)| finding(check, &all, class)).collect()
}

fn finding(check: &Checked, all: &[&Finding], class: &str) -> String {
    let Some(it) = all.first() else { return String::new() };
    let asked = it.asked_by.as_deref().map(|it| format!(" <span class=\"soft\">({})</span>", rich(it)));
    let place = match all {
        [one] => safe(&one.place()),
        several => {
            let slices: Vec<&str> = several.iter().filter_map(|it| it.arch.as_deref()).collect();
            match slices.is_empty() {
                true => safe(&it.path),
                false => format!("{}, slices {}", safe(&it.path), safe(&slices.join(", "))),
            }
        }
    };
    format!(
        "<article class=\"{class} finding {0}\">\n<p class=\"title\">{1} {2} <code class=\"soft\">{3}</code></p>\n<dl>\
         <dt>at</dt><dd>{place}</dd><dt>expected</dt><dd>{4}{5}</dd><dt>found</dt><dd>{6}</dd><dt>fix</dt><dd>{7}</dd></dl>\n</article>\n",
        it.severity,
        pill(it.severity, it.severity),
        rich(check.title),
        check.id,
        rich(&it.expected),
        asked.unwrap_or_default(),
        rich(&it.found),
        rich(&it.fix),
    )
}
