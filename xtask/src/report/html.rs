//! One self-contained page: the bundle as a tree, who signed it, what it claims beside what it was granted, findings in their place.
//!
//! Everything that comes from the subject passes [`safe`]; the page runs no script and fetches nothing (its own policy says so).

use checks::{
    Subject,
    grant::{self, Grant, Restriction},
    subject::{Anchor, Bundle, Certificate, Cms, Code, Image, is_below},
};
use formats::{
    container::xml::escape,
    document::plist::{Dict, Value},
    signature::digest::hex,
};

use super::{
    Report, container_kind,
    html_findings::{findings, told},
    html_style::STYLE,
    text::clean,
};

/// The page about all subjects.
pub fn render(all: &[(Subject, Report)]) -> String {
    let title = all.first().map_or_else(|| "nothing".to_owned(), |it| safe(&it.1.subject.path));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    if all.len() > 1 {
        out += "<nav class=\"card\">\n";
        for (place, (_, report)) in all.iter().enumerate() {
            let (mark, name) = (pill(report.verdict, report.verdict), safe(&report.subject.path));
            out += &format!("<div>{mark} <a href=\"#subject-{place}\">{name}</a></div>\n");
        }
        out += "</nav>\n";
    }
    for (place, (subject, report)) in all.iter().enumerate() {
        out += &format!("<section id=\"subject-{place}\">\n");
        out += &head(report);
        out += &findings(subject, report);
        out += &tree(subject, report);
        out += &signers(subject);
        out += &grants(subject);
        out += &tickets(report);
        out += &checks_table(report);
        out += "</section>\n";
    }
    let version = env!("CARGO_PKG_VERSION");
    out + &format!(
        "<footer>cargo xtask verify {version}, report schema {}</footer>\n</main>\n</body>\n</html>\n",
        super::SCHEMA
    )
}

/// Text that came from the subject: no markup, no control characters, no reordering of what follows.
pub(super) fn safe(text: &str) -> String {
    escape(&clean(text))
}

/// The same as [`safe`], with what stands between backticks as code.
pub(super) fn rich(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd backtick is one that the subject brought along.
    if parts.len().is_multiple_of(2) {
        return safe(text);
    }
    let part = |(place, it): (usize, &&str)| match place % 2 {
        0 => safe(it),
        _ => format!("<code>{}</code>", safe(it)),
    };
    parts.iter().enumerate().map(part).collect()
}

pub(super) fn pill(class: &str, text: &str) -> String {
    format!("<span class=\"pill {class}\">{}</span>", safe(text))
}

fn head(report: &Report) -> String {
    let (subject, counts) = (&report.subject, &report.counts);
    let mut out = String::new();
    if report.simulated {
        out += "<p class=\"banner\">Simulated: stand-ins answered instead of Apple's tools.</p>\n";
    }
    if subject.mode == "rehearsal" {
        out +=
            "<p class=\"banner\">A rehearsal: proves internal consistency only. No Mac will load this.</p>\n";
    }
    for note in &report.notes {
        out += &format!("<p class=\"note\">{}</p>\n", rich(note));
    }
    out += &format!("<header class=\"card head {}\">\n<h1>{}</h1>\n", report.verdict, safe(&subject.path));
    out += &format!("<div class=\"soft\">{}, {}</div>\n<div class=\"pills\">", subject.kind, subject.mode);
    out += &pill(report.verdict, report.verdict);
    let plural = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    if counts.errors > 0 {
        out += &pill("error", &plural(counts.errors, "error"));
    }
    if counts.warnings > 0 {
        out += &pill("warning", &plural(counts.warnings, "warning"));
    }
    out += &pill("", &format!("{} passed", plural(counts.passed, "check")));
    out += &pill("", &format!("{} not run", counts.not_run));
    out += &pill("", &format!("{} not applicable", counts.not_applicable));
    out + "</div>\n" + &not_run(report) + "</header>\n"
}

/// What did not run, by reason: a verdict does not speak for it.
fn not_run(report: &Report) -> String {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for check in report.checks.iter().filter(|it| it.outcome == "not_run") {
        let reason = check.reason.as_deref().unwrap_or("no reason given");
        match reasons.iter_mut().find(|it| it.0 == reason) {
            Some(group) => group.1.push(check.id),
            None => reasons.push((reason, vec![check.id])),
        }
    }
    let line = |(reason, ids): &(&str, Vec<&str>)| {
        let ids: Vec<String> = ids.iter().map(|it| format!("<code>{it}</code>")).collect();
        format!("<p class=\"skipped soft\">not run, {}: {}</p>\n", rich(reason), ids.join(" "))
    };
    reasons.iter().map(line).collect()
}

/// Containers, then bundles inside each other, then code that is in none.
fn tree(subject: &Subject, report: &Report) -> String {
    let mut out = String::from("<h2>What is in it</h2>\n<ul class=\"tree\">\n");
    for container in &subject.containers {
        let signed = container.signature.present().map_or("not signed", |_| "signed");
        let class = if container.signature.present().is_some() { "ok" } else { "" };
        let kind = container_kind(container.kind);
        out += &format!(
            "<li><div class=\"node\"><span class=\"name\">{}</span> {} {}",
            safe(&container.path),
            pill("", kind),
            pill(class, signed)
        );
        for (number, hash) in &container.ticket_hashes {
            out += &format!(
                "<div class=\"soft\">ticket hash (type {number}) <span class=\"hash\">{}</span></div>",
                hex(hash)
            );
        }
        out += &inner_findings(report, |path| path == container.path);
        out += "</div></li>\n";
    }
    for bundle in subject.bundles.iter().filter(|it| it.parent.is_none()) {
        out += &bundle_node(subject, report, bundle, 0);
    }
    let in_bundle = |code: &Code| subject.bundles.iter().any(|it| is_below(&code.path, &it.path));
    for code in subject.codes.iter().filter(|it| !in_bundle(it)) {
        out += &format!("<li><div class=\"node\"><span class=\"name\">{}</span>", safe(&code.path));
        out += &slices(code);
        out += &inner_findings(report, |path| path == code.path);
        out += "</div></li>\n";
    }
    out + "</ul>\n"
}

fn bundle_node(subject: &Subject, report: &Report, bundle: &Bundle, depth: usize) -> String {
    // Paths are at most 64 levels deep, so this ends; the bound is here to be seen.
    if depth > 64 {
        return String::new();
    }
    let children: Vec<&Bundle> =
        subject.bundles.iter().filter(|it| it.parent.as_deref() == Some(&bundle.path)).collect();
    let belongs = |path: &str| {
        let is_inside = path == bundle.path || is_below(path, &bundle.path);
        is_inside && !children.iter().any(|it| path == it.path || is_below(path, &it.path))
    };
    let version =
        bundle.info_str("CFBundleShortVersionString").or_else(|| bundle.info_str("CFBundleVersion"));
    let mut out = format!("<li><div class=\"node\"><span class=\"name\">{}</span>", safe(bundle.name()));
    out += &version.map(|it| format!(" {}", pill("", it))).unwrap_or_default();
    let worst = report.findings().into_iter().find(|it| belongs(&it.1.path)).map(|it| it.1.severity);
    out += &worst.filter(|it| *it != "info").map(|it| format!(" {}", pill(it, it))).unwrap_or_default();
    if let Some((folder, _)) = bundle.path.rsplit_once('/') {
        out += &format!("<div class=\"at\">in {}</div>", safe(folder));
    }
    out += &bundle.id().map(|it| format!("<div class=\"at\">{}</div>", safe(it))).unwrap_or_default();
    if let Some(code) = subject.main_code(bundle) {
        out += &slices(code);
    }
    let main = bundle.executable.as_deref();
    let others: Vec<&Code> =
        subject.codes.iter().filter(|it| belongs(&it.path) && Some(it.path.as_str()) != main).collect();
    if !others.is_empty() {
        out += &format!("<details><summary>other code ({})</summary>", others.len());
        for code in others {
            out += &format!("<div class=\"at\">{}</div>{}", safe(&code.path), slices(code));
        }
        out += "</details>";
    }
    out += &inner_findings(report, belongs);
    out += "</div>\n";
    if !children.is_empty() {
        out += "<ul>\n";
        out.extend(children.into_iter().map(|it| bundle_node(subject, report, it, depth + 1)));
        out += "</ul>\n";
    }
    out + "</li>\n"
}

fn inner_findings(report: &Report, belongs: impl Fn(&str) -> bool) -> String {
    let all = report.findings().into_iter().filter(|it| it.1.severity != "info" && belongs(&it.1.path));
    told(all.collect(), "").concat()
}

fn slices(code: &Code) -> String {
    match &code.table {
        Err(error) => format!("<div>{} {}</div>", pill("error", "unreadable"), safe(&error.to_string())),
        Ok(table) => {
            let each = table.images.iter().map(|it| match it {
                Ok(image) => slice(image),
                Err((slice, error)) => format!(
                    "<div class=\"slice\"><span class=\"arch\">{}</span>{} {}</div>",
                    safe(&slice.arch.to_string()),
                    pill("error", "unreadable"),
                    safe(&error.to_string())
                ),
            });
            format!("<div class=\"slices\">{}</div>", each.collect::<String>())
        }
    }
}

fn slice(image: &Image) -> String {
    let target = image.macho.targets();
    let target = target.first().map(|(platform, low, sdk)| format!("{platform} from {low}, SDK {sdk}"));
    let mut out =
        format!("<div class=\"slice\"><span class=\"arch\">{}</span>", safe(&image.arch().to_string()));
    out += &format!("<span class=\"soft\">{}</span>", safe(&target.unwrap_or_default()));
    let Some(signature) = image.signature.present() else {
        let why = image.signature.fault().map_or_else(|| "not signed".to_owned(), ToString::to_string);
        return out + &format!("<div>{}</div></div>", pill("warning", &why));
    };
    if let Some(directory) = signature.best() {
        out += &format!("<div class=\"hash\">{}</div>", hex(&directory.cdhash));
        let team = directory.team.as_deref().unwrap_or("no team");
        out += &format!("<div class=\"soft\">{} · {}</div>", safe(&directory.identifier), safe(team));
    }
    out += &match signature.cms.present() {
        None => "<div class=\"soft\">ad-hoc, nobody signed</div>".to_owned(),
        Some(cms) => {
            let when = match (cms.timestamp.present(), cms.signing_time) {
                (Some(it), _) if it.is_proved() => format!("signed {} (proved)", it.time),
                (Some(it), _) => format!("signed {} (timestamp not proved)", it.time),
                (None, Some(it)) => format!("signed {it} (own word only)"),
                (None, None) => "signed, nobody says when".to_owned(),
            };
            let until = cms
                .leaf()
                .map(|it| {
                    format!(
                        ", certificate until {}",
                        it.not_after.to_string().get(..10).unwrap_or_default().replace('-', "\u{2011}")
                    )
                })
                .unwrap_or_default();
            format!("<div class=\"soft\">{}{}</div>", safe(&when), safe(&until))
        }
    };
    out + "</div>"
}

/// Each chain once, with what it signed.
fn signers(subject: &Subject) -> String {
    let containers = subject.containers.iter().filter_map(|it| {
        Some((format!("the {} {}", container_kind(it.kind), it.path), it.signature.present()?))
    });
    let codes = subject.signatures().filter_map(|(code, image, it)| {
        Some((format!("{} ({})", code.path, image.arch()), it.cms.present()?))
    });
    let mut groups: Vec<(&Cms, Vec<String>)> = Vec::new();
    let ids = |it: &Cms| it.chain.iter().map(|it| it.sha256).collect::<Vec<_>>();
    for (what, cms) in containers.chain(codes) {
        match groups.iter_mut().find(|it| ids(it.0) == ids(cms) && it.0.anchor == cms.anchor) {
            Some(group) => group.1.push(what),
            None => groups.push((cms, vec![what])),
        }
    }
    if groups.is_empty() {
        return String::new();
    }
    let mut out = String::from("<h2>Who signed</h2>\n");
    for (cms, what) in groups {
        out += "<section class=\"card\">\n";
        let team = cms.leaf().and_then(|it| it.unit.as_deref()).unwrap_or("no team");
        out += &format!("<h3>Team {}</h3>\n", safe(team));
        let count = what.len();
        let list: String = what.iter().map(|it| format!("<div class=\"path\">{}</div>", safe(it))).collect();
        out += &format!(
            "<details><summary class=\"soft\">signed {count} of the parts above</summary>{list}</details>\n"
        );
        out += "<ol class=\"chain\">\n";
        let last = cms.chain.len().saturating_sub(1);
        for (place, certificate) in cms.chain.iter().enumerate() {
            let class = match (&cms.anchor, place == last) {
                (_, false) => "",
                (Anchor::Pinned(_), true) => "root",
                (Anchor::Given(_) | Anchor::Unknown(_), true) => "doubtful",
                (Anchor::Broken(_), true) => "broken",
            };
            out += &self::certificate(certificate, class);
        }
        out += &format!("</ol>\n<p class=\"soft\">ends at {}", safe(&super::anchor(&cms.anchor)));
        if let Some(stamp) = cms.timestamp.present() {
            let end = super::anchor(&stamp.anchor);
            out += &format!("; time by {}, which ends at {}", safe(&stamp.authority), safe(&end));
        }
        out += &format!("; {}</p>\n</section>\n", safe(&cms.algorithm));
    }
    out
}

fn certificate(it: &Certificate, class: &str) -> String {
    format!(
        "<li class=\"{class}\"><div>{}</div><div class=\"soft\">{} to {}</div><div class=\"hash soft\">{}…</div></li>\n",
        safe(&it.name),
        it.not_before.to_string().get(..10).unwrap_or_default(),
        it.not_after.to_string().get(..10).unwrap_or_default(),
        hex(it.sha256.get(..8).unwrap_or_default())
    )
}

/// What each bundle claims beside what its profile grants.
fn grants(subject: &Subject) -> String {
    let mut out = String::new();
    for bundle in &subject.bundles {
        let signature =
            subject.main_code(bundle).and_then(|it| it.images().find_map(|it| it.signature.present()));
        let claims = signature.and_then(|it| it.claims());
        let profile = bundle.profile.present();
        if claims.is_none_or(Dict::is_empty) && profile.is_none() {
            continue;
        }
        let granted = profile.and_then(|it| it.entitlements());
        out += &format!("<section class=\"card\">\n<h3>{}</h3>\n", safe(bundle.name()));
        out += &match profile {
            Some(it) => {
                let until = it.expires().map(|it| format!(", until {it}")).unwrap_or_default();
                let whom = match (it.is_for_all_devices(), it.devices()) {
                    (true, _) => "every Mac".to_owned(),
                    (false, Some(list)) => format!("{} Macs", list.len()),
                    (false, None) => "no Mac by name".to_owned(),
                };
                format!("<p class=\"soft\">profile “{}”, for {whom}{}</p>\n", safe(it.name()), safe(&until))
            }
            None => "<p class=\"soft\">no profile</p>\n".to_owned(),
        };
        out += "<table class=\"grants\">\n<tr><th>entitlement</th><th>claimed</th><th>granted by the profile</th></tr>\n";
        let empty = Dict::new();
        let (claims, granted) = (claims.unwrap_or(&empty), granted.unwrap_or(&empty));
        let mut keys: Vec<&str> = claims.keys().chain(granted.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let cell = |it: Option<&Value>| it.map_or_else(|| "—".to_owned(), |it| safe(&short(it)));
            let (claim, grant) = (cell(claims.get(key)), cell(granted.get(key)));
            // What is granted and not claimed is normal, and stands back; what needs no grant says so.
            let class = if claims.get(key).is_some() { "" } else { " class=\"soft\"" };
            let verdict = claims.get(key).map(|claimed| grant::covers(claimed, granted.get(key)));
            let grant = match (verdict, grant::restriction(key)) {
                (Some(Grant::Missing), Restriction::Free) => {
                    "<span class=\"soft\">needs none</span>".to_owned()
                }
                (Some(Grant::Missing | Grant::Differs), _) => {
                    format!("{grant} {}", pill("error", "not covered"))
                }
                (Some(Grant::OnlyByWildcard), _) => {
                    format!("{grant} {}", pill("warning", "only by its star"))
                }
                (Some(Grant::Covered | Grant::NotClaimed) | None, _) => grant,
            };
            out += &format!(
                "<tr{class}><td><code>{}</code></td><td data-of=\"claimed\">{claim}</td><td data-of=\"granted\">{grant}</td></tr>\n",
                safe(key)
            );
        }
        out += "</table>\n</section>\n";
    }
    if out.is_empty() { out } else { format!("<h2>Claimed and granted</h2>\n{out}") }
}

/// A value in a line, at most a few hundred characters.
fn short(value: &Value) -> String {
    const MOST: usize = 400;
    fn write(value: &Value, depth: usize, out: &mut String) {
        if out.len() > MOST || depth > 8 {
            return out.push('…');
        }
        match value {
            Value::Dict(dict) => {
                out.push_str("{ ");
                for (place, (key, value)) in dict.iter().enumerate() {
                    out.push_str(if place > 0 { ", " } else { "" });
                    out.push_str(key);
                    out.push_str(": ");
                    write(value, depth + 1, out);
                    if out.len() > MOST {
                        break;
                    }
                }
                out.push_str(" }");
            }
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    out.push_str(if place > 0 { ", " } else { "" });
                    write(item, depth + 1, out);
                    if out.len() > MOST {
                        break;
                    }
                }
                if items.is_empty() {
                    out.push_str("[ ]");
                }
            }
            Value::String(text) => out.push_str(text),
            Value::Data(bytes) => out.push_str(&format!("{} bytes", bytes.len())),
            Value::Integer(number) => out.push_str(&number.to_string()),
            Value::Real(number) => out.push_str(&number.to_string()),
            Value::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
            Value::Date(date) => out.push_str(&date.to_string()),
            Value::Uid(number) => out.push_str(&format!("uid {number}")),
        }
    }
    let mut out = String::new();
    write(value, 0, &mut out);
    match out.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", out.get(..end).unwrap_or_default()),
        None => out,
    }
}

fn tickets(report: &Report) -> String {
    if report.subject.tickets.is_empty() {
        return String::new();
    }
    let mut out = String::from("<h2>Notarization tickets</h2>\n");
    for it in &report.subject.tickets {
        let (covered, all) = it.covered;
        let state = match (&it.fault, it.genuine) {
            (None, true) => pill("ok", "genuine"),
            (None, false) => pill("warning", "not by Apple"),
            (Some(_), _) => pill("error", "refused"),
        };
        out += &format!("<section class=\"card\"><h3>{} {state}</h3>\n<dl>", safe(&it.path));
        out +=
            &it.time.as_deref().map(|it| format!("<dt>issued</dt><dd>{}</dd>", safe(it))).unwrap_or_default();
        out +=
            &it.fault.as_deref().map(|it| format!("<dt>fault</dt><dd>{}</dd>", safe(it))).unwrap_or_default();
        let container = match it.covers_container {
            Some(true) => "the container itself, ",
            Some(false) => "not the container itself, ",
            None => "",
        };
        out += &format!(
            "<dt>covers</dt><dd>{container}{covered} of {all} slices; {} entries</dd></dl></section>\n",
            it.entries
        );
    }
    out
}

fn checks_table(report: &Report) -> String {
    let mut out =
        format!("<h2>Checks</h2>\n<details class=\"card\"><summary>All {}</summary>\n", report.checks.len());
    out += "<table class=\"checks\">\n";
    for it in &report.checks {
        let (class, text) = match it.outcome {
            "passed" => ("ok", "passed"),
            "failed" => (it.severity, it.severity),
            "not_run" => ("incomplete", "not run"),
            _ => ("", "not applicable"),
        };
        let reason = it
            .reason
            .as_deref()
            .map(|it| format!("<div class=\"soft\">{}</div>", safe(it)))
            .unwrap_or_default();
        out += &format!(
            "<tr><td>{}</td><td>{}{reason}</td><td><code class=\"soft\">{}</code></td></tr>\n",
            pill(class, text),
            safe(it.title),
            it.id
        );
    }
    out + "</table>\n</details>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_subject_becomes_markup() {
        let text = safe("<script>alert('x')</script>\u{202e}\u{1b}[31m&\"");
        assert_eq!(text, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\u{fffd}\u{fffd}[31m&amp;&quot;");
    }

    #[test]
    fn backticks_are_code_and_nothing_more() {
        assert_eq!(rich("only `Contents`"), "only <code>Contents</code>");
        assert_eq!(rich("a `<b>` and `"), "a `&lt;b&gt;` and `");
        assert_eq!(rich("`<b>`"), "<code>&lt;b&gt;</code>");
    }

    #[test]
    fn a_long_value_is_cut() {
        let value = Value::Array(vec![Value::String("ab".repeat(90)); 50]);
        assert!(short(&value).chars().count() <= 401);
        assert_eq!(short(&Value::Array(vec![])), "[ ]");
        assert_eq!(short(&Value::Bool(true)), "true");
    }
}
