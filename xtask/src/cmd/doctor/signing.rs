//! `doctor --signing NAME`: what signing needs, until when, and what it would refuse.

use std::fmt::Write;

use formats::document::plist::Date;
use serde_json::{Value, json};

use crate::{
    stage::sign::{
        examine::{AHEAD, Examination, Grant, Granting, Validity},
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
    if let Some(advice) = rotation(&found.validities) {
        line(format!("  {advice}"));
    }
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

/// What to renew first: profiles name certificates, so a new certificate makes every profile old.
fn rotation(all: &[Validity]) -> Option<String> {
    if all.iter().any(|it| it.ends_with_first_intermediate) {
        return Some(
            "rotation: Apple's first Developer ID intermediate ends on 2027-02-01, and every certificate of it with it; request a \
             certificate of the next one (G2), generate the profiles again with it, then sign. What was signed with a timestamp stays good"
                .to_owned(),
        );
    }
    let ends = all.iter().any(|it| it.good.contains(&false));
    ends.then(|| {
        format!(
            "rotation: something ends within {} days; renew certificates first, then the profiles, which name them",
            AHEAD.last().copied().unwrap_or_default()
        )
    })
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
    json!({
        "name": name,
        "bundle": found.bundle.as_ref().map(|it| workspace.shown(it).to_string()),
        "validities": found.validities.iter().map(validity).collect::<Vec<_>>(),
        "rotation": rotation(&found.validities),
        "grants": found.grants.iter().map(grant).collect::<Vec<_>>(),
        "problems": found.problems.iter().map(problem).collect::<Vec<_>>(),
        "refused": found.is_refused(),
    })
}
