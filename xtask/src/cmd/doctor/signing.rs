//! `doctor --signing NAME`: what signing needs, until when, and what it would refuse.

use std::fmt::Write;

use formats::document::plist::Date;
use serde_json::{Value, json};

use crate::{
    stage::sign::{
        examine::{Examination, Grant, Granting, Validity},
        preflight::Weight,
    },
    workspace::Workspace,
};

/// For people.
pub fn text(name: &str, found: &Examination, workspace: &Workspace) -> String {
    let mut text = String::new();
    let mut line = |it: String| writeln!(text, "{it}").expect("text grows");
    line(format!("\nsigning {name}"));
    line(match &found.bundle {
        Some(path) => format!("  looked at  {}", workspace.shown(path)),
        None => {
            "  looked at  the configuration; `cargo xtask bundle` first, and the bundle itself is looked at"
                .into()
        }
    });
    if !found.validities.is_empty() {
        line(format!("\n  {:<7} {:<7} {:<7} {:<10}", "today", "30 days", "90 days", "until"));
    }
    for it in &found.validities {
        let [today, month, quarter] = it.good.map(|good| if good { "ok" } else { "ENDED" });
        line(format!("  {today:<7} {month:<7} {quarter:<7} {:<10}  {}", until(it), shown(it)));
    }
    let steps = rotation(&found.validities);
    if !steps.is_empty() {
        line("\n  rotation: what to renew, in this order".to_owned());
    }
    steps.into_iter().for_each(|it| line(format!("    {it}")));
    let mut part = "";
    for grant in &found.grants {
        if grant.part != part {
            part = &grant.part;
            line(format!("\n  restricted entitlements of `{part}`"));
        }
        line(format!("    {:<24} {} = {}", grant.answer.words(), grant.key, grant.claimed));
        if matches!(grant.answer, Granting::NotGranted | Granting::NoProfile) {
            line(format!("    {:<24} the profile has {}", "", grant.granted.as_deref().unwrap_or("nothing")));
            line(format!("    {:<24} asked for by {}", "", grant.place));
        }
    }
    for (weight, title) in [(Weight::Refused, "signing would be refused"), (Weight::Warning, "warnings")] {
        let these: Vec<_> = found.problems.iter().filter(|it| it.weight == weight).collect();
        if !these.is_empty() {
            line(format!("\n  {title}"));
        }
        for problem in these {
            line(format!("    {}", problem.what.replace('\n', "\n    ")));
            line(format!("    → {}", problem.remedy.replace('\n', "\n      ")));
        }
    }
    if !found.is_refused() {
        line("\n  nothing stands against signing".to_owned());
    }
    text.replace(&format!("{}/", workspace.root().display()), "")
}

fn shown(it: &Validity) -> String {
    format!("{} `{}`", it.what, it.name)
}

fn until(it: &Validity) -> String {
    it.until.map_or("never said".to_owned(), |it| Date(it).to_string().chars().take(10).collect())
}

/// What to renew, in the order in which one depends on the other: profiles name certificates, so a new certificate makes every profile
/// old. Empty when nothing ends within the days that are looked at.
fn rotation(all: &[Validity]) -> Vec<String> {
    let ends = |it: &&Validity| it.good.contains(&false) || it.ends_with_first_intermediate;
    let (profiles, certificates): (Vec<&Validity>, Vec<&Validity>) =
        all.iter().partition(|it| it.what.starts_with("profile of"));
    let ending: Vec<&Validity> = certificates.into_iter().filter(ends).collect();
    // With a new certificate every profile is generated again; else those that end.
    let renewed: Vec<&Validity> =
        if ending.is_empty() { profiles.into_iter().filter(ends).collect() } else { profiles };
    let mut steps = Vec::new();
    if ending.iter().any(|it| it.ends_with_first_intermediate) {
        steps.push(
            "Apple's first Developer ID intermediate ends on 2027-02-01, and every certificate of it with it: choose the next one \
             (G2 Sub-CA) when you request the certificates below"
                .to_owned(),
        );
    }
    if !ending.is_empty() {
        steps.push(format!("request new certificates in the place of {}", names(&ending)));
    }
    if !renewed.is_empty() {
        let with = if ending.is_empty() { "" } else { " with the new certificate" };
        steps.push(format!("generate again{with}: {}", names(&renewed)));
    }
    if !steps.is_empty() {
        steps.push("sign and release; what was signed with a timestamp stays good".to_owned());
    }
    steps.iter().enumerate().map(|(n, step)| format!("{}. {step}", n + 1)).collect()
}

/// Names with their ends, each once; a certificate is told, not what issued it.
fn names(of: &[&Validity]) -> String {
    let of = of.iter().filter(|it| !it.what.ends_with("intermediate") && !it.what.ends_with("root"));
    let mut names: Vec<String> = of.map(|it| format!("`{}` (until {})", it.name, until(it))).collect();
    names.sort();
    names.dedup();
    names.join(", ")
}

/// For machines.
pub fn json(name: &str, found: &Examination, workspace: &Workspace) -> Value {
    let grant = |it: &Grant| {
        json!({ "part": it.part, "key": it.key, "claimed": it.claimed, "granted": it.granted,
            "answer": it.answer.words(), "place": it.place })
    };
    let validity = |it: &Validity| {
        let [today, month, quarter] = it.good;
        json!({ "what": it.what, "name": it.name, "until": it.until.map(|it| Date(it).to_string()),
            "today": today, "in_30_days": month, "in_90_days": quarter })
    };
    let problem = |it: &crate::stage::sign::preflight::Problem| {
        let weight = match it.weight {
            Weight::Refused => "refused",
            Weight::Warning => "warning",
        };
        json!({ "weight": weight, "what": it.what, "remedy": it.remedy })
    };
    let steps = rotation(&found.validities);
    json!({
        "name": name,
        "bundle": found.bundle.as_ref().map(|it| workspace.shown(it).to_string()),
        "validities": found.validities.iter().map(validity).collect::<Vec<_>>(),
        "rotation": (!steps.is_empty()).then(|| steps.join("\n")),
        "grants": found.grants.iter().map(grant).collect::<Vec<_>>(),
        "problems": found.problems.iter().map(problem).collect::<Vec<_>>(),
        "refused": found.is_refused(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validity(what: &str, name: &str, good: [bool; 3], first: bool) -> Validity {
        let (what, name) = (what.to_owned(), name.to_owned());
        // 2027-02-01
        Validity { what, name, until: Some(1_801_440_000), good, ends_with_first_intermediate: first }
    }

    #[track_caller]
    fn check(all: &[Validity], expected: &[&str]) {
        assert_eq!(rotation(all), expected);
    }

    #[test]
    fn certificates_come_before_the_profiles_that_name_them() {
        let good = [true; 3];
        let soon = [true, true, false];
        let profile = |good| validity("profile of .", "P", good, false);
        check(&[validity("leaf", "L", good, false), profile(good)], &[]);
        check(
            &[validity("leaf", "L", good, false), profile(soon)],
            &[
                "1. generate again: `P` (until 2027-02-01)",
                "2. sign and release; what was signed with a timestamp stays good",
            ],
        );
        let first = [
            validity("leaf", "L", soon, true),
            validity("intermediate", "I", soon, true),
            validity("installer leaf", "K", soon, true),
            profile(good),
        ];
        check(
            &first,
            &[
                "1. Apple's first Developer ID intermediate ends on 2027-02-01, and every certificate of it with it: choose the next one \
                 (G2 Sub-CA) when you request the certificates below",
                "2. request new certificates in the place of `K` (until 2027-02-01), `L` (until 2027-02-01)",
                "3. generate again with the new certificate: `P` (until 2027-02-01)",
                "4. sign and release; what was signed with a timestamp stays good",
            ],
        );
    }
}
