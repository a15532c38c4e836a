//! One self-contained page: causes, and the timeline drawn by layer. No script, nothing is fetched.

use std::fmt::Write as _;

use crate::entry::Layer;
use crate::judge::{Cause, Diagnosis, Evidence};
use crate::timeline::{Attempt, Row};

/// Messages drawn per attempt; more than this is no longer a picture. Causes and their reports are never left out.
const MOST_DRAWN: usize = 120;

/// The page. Everything from the log is escaped.
pub fn render(diagnosis: &Diagnosis) -> String {
    let mut out = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    );
    let _ = writeln!(
        out,
        "<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
        escaped(&headline(diagnosis))
    );
    let _ = writeln!(
        out,
        "<h1>{}</h1>",
        if diagnosis.causes.is_empty() { escaped(&headline(diagnosis)) } else { "Triage".to_string() }
    );
    let kinds: Vec<String> =
        diagnosis.inputs.iter().map(|(name, kind)| format!("{name} ({})", kind.name())).collect();
    let _ = writeln!(
        out,
        "<p class=\"about\">{} · {} lines read, {} of them about loading code{}</p>",
        escaped(&kinds.join(", ")),
        diagnosis.counts.lines,
        diagnosis.counts.relevant,
        diagnosis.host.macos.map_or(String::new(), |(major, minor)| format!(" · macOS {major}.{minor}")),
    );
    for it in &diagnosis.causes {
        cause(&mut out, it);
    }
    for (n, it) in diagnosis.attempts.iter().enumerate() {
        attempt(&mut out, n, diagnosis.attempts.len(), it, &diagnosis.causes);
    }
    noise(&mut out, diagnosis);
    appendix(&mut out, diagnosis);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn headline(diagnosis: &Diagnosis) -> String {
    match diagnosis.causes.first() {
        Some(it) => it.title.to_string(),
        None => "no cause: the lines belong to a load that goes well, or are harmless".to_string(),
    }
}

fn cause(out: &mut String, it: &Cause) {
    let confidence = it.confidence.name();
    let _ = writeln!(
        out,
        "<section class=\"cause {confidence}\">\n<h2>{}</h2>\n<p class=\"tags\"><code>{}</code> <span class=\"tag\">confidence: {confidence}</span></p>",
        escaped(it.title),
        it.id
    );
    if !it.evidence.is_empty() {
        out.push_str("<h3>Seen</h3>\n<ol class=\"lines\">\n");
        for line in &it.evidence {
            let _ = writeln!(out, "<li>{}</li>", spoken(line));
        }
        out.push_str("</ol>\n");
    }
    let _ = writeln!(out, "<h3>Why</h3>\n<p>{}</p>\n<h3>What to do</h3>\n<ol>", worded(&it.explanation));
    for step in &it.next {
        let _ = writeln!(out, "<li>{}</li>", worded(step));
    }
    out.push_str("</ol>\n");
    if !it.checks.is_empty() {
        let _ = writeln!(
            out,
            "<p>Checks of the verifier: {}</p>",
            it.checks.iter().map(|it| format!("<code>{it}</code>")).collect::<Vec<_>>().join(", ")
        );
    }
    out.push_str("</section>\n");
}

fn attempt(out: &mut String, n: usize, of: usize, attempt: &Attempt, causes: &[Cause]) {
    let spoken: Vec<&Row> = attempt.rows.iter().filter(|it| !it.signatures.is_empty()).collect();
    let rows: Vec<&Row> = if spoken.len() <= MOST_DRAWN {
        spoken
    } else {
        let decides = |it: &Row| matches!(it.role(), "cause" | "consequence");
        let n_decisive = spoken.iter().filter(|it| decides(it)).count();
        let mut room = MOST_DRAWN.saturating_sub(n_decisive);
        spoken
            .into_iter()
            .filter(|it| {
                decides(it) || {
                    let fits = room > 0;
                    room = room.saturating_sub(1);
                    fits
                }
            })
            .take(MOST_DRAWN * 4)
            .collect()
    };
    if rows.is_empty() {
        return;
    }
    let title = if of > 1 { format!("Timeline, attempt {} of {of}", n + 1) } else { "Timeline".to_string() };
    let hidden = attempt.rows.len() - rows.len();
    let _ = writeln!(out, "<section class=\"attempt\">\n<h2>{title}</h2>");
    overview(out, &rows);
    out.push_str("<div class=\"lanes\" role=\"list\">\n<div class=\"head\">");
    for layer in Layer::ALL {
        let _ = write!(out, "<span>{}</span>", layer.name());
    }
    out.push_str("</div>\n");
    for (n, row) in rows.iter().enumerate() {
        let is_evidence = causes.iter().any(|it| {
            it.evidence.iter().any(|it| it.line == row.entry.text && it.process == row.entry.process)
        });
        let meaning = row
            .signatures
            .iter()
            .find(|it| it.role.name() == row.role())
            .or(row.signatures.first())
            .map_or("", |it| it.meaning);
        let _ = writeln!(
            out,
            "<article role=\"listitem\" class=\"{} {}{}\"><p class=\"who\"><span><b>{}</b> {}</span><span class=\"tag\">{}</span></p><p class=\"line\">{}</p><p class=\"meaning\">{}</p></article>",
            row.layer().name(),
            row.role(),
            if is_evidence { " evidence" } else { "" },
            n + 1,
            escaped(
                &[
                    row.entry.clock.as_ref().map(|it| time_of_day(&it.text)),
                    row.entry.process.as_deref().or(Some(row.layer().name()))
                ]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" · ")
            ),
            row.role(),
            escaped(&row.entry.text),
            escaped(meaning),
        );
    }
    out.push_str("</div>\n");
    if hidden > 0 {
        let _ = writeln!(out, "<p class=\"about\">{hidden} more lines are not drawn.</p>");
    }
    out.push_str("</section>\n");
}

/// The chain at a glance: one lane per layer, one dot per message, from left to right.
fn overview(out: &mut String, rows: &[&Row]) {
    let x = |n: usize| 12.0 + 86.0 * (n as f64 + 0.5) / rows.len() as f64;
    let y = |layer: Layer| match layer {
        Layer::Kernel => 98,
        Layer::Daemon => 58,
        Layer::App => 18,
    };
    out.push_str("<svg class=\"overview\" width=\"100%\" height=\"116\" role=\"img\" aria-label=\"messages by layer, in order\">\n");
    for layer in Layer::ALL {
        let _ = writeln!(
            out,
            "<line class=\"lane\" x1=\"12%\" x2=\"98%\" y1=\"{0}\" y2=\"{0}\"/><text x=\"0\" y=\"{1}\">{2}</text>",
            y(layer),
            y(layer) + 4,
            layer.name()
        );
    }
    let chain: Vec<(usize, &&Row)> =
        rows.iter().enumerate().filter(|(_, it)| matches!(it.role(), "cause" | "consequence")).collect();
    for pair in chain.windows(2) {
        if let [(a, before), (b, after)] = pair {
            let _ = writeln!(
                out,
                "<line class=\"chain\" x1=\"{:.2}%\" y1=\"{}\" x2=\"{:.2}%\" y2=\"{}\"/>",
                x(*a),
                y(before.layer()),
                x(*b),
                y(after.layer())
            );
        }
    }
    for (n, row) in rows.iter().enumerate() {
        let size = if matches!(row.role(), "cause") { 8 } else { 6 };
        let _ = writeln!(
            out,
            "<circle class=\"{}\" cx=\"{:.2}%\" cy=\"{}\" r=\"{size}\"><title>{}. {}</title></circle>",
            row.role(),
            x(n),
            y(row.layer()),
            n + 1,
            escaped(&row.entry.text)
        );
    }
    out.push_str("</svg>\n<p class=\"legend\">");
    for role in ["cause", "consequence", "success", "noise", "context"] {
        let _ = write!(
            out,
            "<span><svg width=\"14\" height=\"14\"><circle class=\"{role}\" cx=\"7\" cy=\"7\" r=\"6\"/></svg> {role}</span> "
        );
    }
    out.push_str("</p>\n");
}

fn noise(out: &mut String, diagnosis: &Diagnosis) {
    if diagnosis.noise.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Set aside as noise</h2>\n<ul class=\"lines\">\n");
    for (line, why) in &diagnosis.noise {
        let _ = writeln!(out, "<li>{}<p class=\"meaning\">{}</p></li>", spoken(line), escaped(why));
    }
    out.push_str("</ul>\n</section>\n");
}

fn appendix(out: &mut String, diagnosis: &Diagnosis) {
    if !diagnosis.codes.is_empty() {
        out.push_str("<section>\n<h2>Codes</h2>\n<ul>\n");
        for it in &diagnosis.codes {
            let _ = writeln!(out, "<li>{}</li>", escaped(&it.to_string()));
        }
        out.push_str("</ul>\n</section>\n");
    }
    for crash in &diagnosis.crashes {
        let _ = writeln!(
            out,
            "<section>\n<h2>Crash of {}</h2>\n<p>{}</p>\n<p>{}</p>\n<ol start=\"0\" class=\"lines\">",
            escaped(&crash.process),
            escaped(&crash.exception),
            escaped(&crash.termination)
        );
        for it in &crash.frames {
            let _ = writeln!(
                out,
                "<li><code>{} {:#x} {}</code></li>",
                escaped(&it.image),
                it.offset,
                escaped(it.symbol.as_deref().unwrap_or("?"))
            );
        }
        out.push_str("</ol>\n</section>\n");
    }
    if !diagnosis.notes.is_empty() {
        out.push_str("<section>\n<h2>Notes</h2>\n<ul>\n");
        for it in &diagnosis.notes {
            let _ = writeln!(out, "<li>{}</li>", worded(it));
        }
        out.push_str("</ul>\n</section>\n");
    }
}

/// The date and the zone are the same on every card; the evidence above has them.
fn time_of_day(clock: &str) -> &str {
    let time = clock.split(' ').find(|it| it.contains(':')).unwrap_or(clock);
    time.split(['+', '-']).next().unwrap_or(time)
}

fn spoken(it: &Evidence) -> String {
    let who: Vec<String> = [&it.time, &it.process].into_iter().flatten().map(|it| escaped(it)).collect();
    let who = if who.is_empty() {
        String::new()
    } else {
        format!("<span class=\"by\">{}</span> ", who.join(" · "))
    };
    format!("{who}<code>{}</code>", escaped(&it.line))
}

/// Our own text: escaped, and what stands between backticks set as code.
fn worded(text: &str) -> String {
    let mut out = String::new();
    for (n, part) in text.split('`').enumerate() {
        if n % 2 == 1 {
            let _ = write!(out, "<code>{}</code>", escaped(part));
        } else {
            out.push_str(&escaped(part));
        }
    }
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            it if it.is_control() && it != '\t' => out.push('\u{fffd}'),
            it => out.push(it),
        }
    }
    out
}

const STYLE: &str = r#"
:root { color-scheme: light dark; --back: #fff; --card: #f6f7f9; --ink: #1b1d21; --soft: #59606b; --line: #d5d9e0;
  --cause: #c62828; --consequence: #c77700; --success: #2e7d32; --noise: #8a93a0; --context: #4a76b8; }
@media (prefers-color-scheme: dark) { :root { --back: #14161a; --card: #1d2026; --ink: #e6e8ec; --soft: #a0a8b4; --line: #363c46;
  --cause: #ff6b63; --consequence: #f0a63c; --success: #6cc070; --noise: #79828f; --context: #7fa8e6; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 15px/1.5 -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; }
h1::first-letter, h2::first-letter { text-transform: uppercase; }
h2 { font-size: 19px; line-height: 1.3; margin: 0 0 6px; } h3 { font-size: 14px; color: var(--soft); margin: 14px 0 2px; }
p, ol, ul { margin: 4px 0 8px; } ol, ul { padding-left: 24px; }
code, .line { font: 13px/1.45 ui-monospace, Menlo, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
section { margin: 22px 0 0; } .about, .meaning, .by { color: var(--soft); }
.cause { background: var(--card); border: 1px solid var(--line); border-left: 6px solid var(--consequence); border-radius: 8px; padding: 16px 20px; }
section.high { border-left-color: var(--cause); } section.low { border-left-color: var(--noise); }
.tag { display: inline-block; border: 1px solid var(--line); border-radius: 10px; padding: 0 8px; font-size: 12px; color: var(--soft); white-space: nowrap; }
.lines li { margin: 4px 0; }
.overview { display: block; margin-top: 8px; } .overview text { fill: var(--soft); font-size: 13px; }
.lane { stroke: var(--line); stroke-width: 2; } .chain { stroke: var(--consequence); stroke-width: 2; stroke-dasharray: 5 4; }
circle { stroke: var(--back); stroke-width: 2; }
circle.cause { fill: var(--cause); } circle.consequence { fill: var(--consequence); } circle.success { fill: var(--success); }
circle.noise { fill: var(--noise); } circle.context { fill: var(--context); }
.legend span { margin-right: 12px; color: var(--soft); font-size: 13px; white-space: nowrap; } .legend svg { vertical-align: -2px; }
.lanes { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 8px 12px; align-items: start; }
.lanes .head { display: contents; } .lanes .head span { color: var(--soft); border-bottom: 2px solid var(--line); padding-bottom: 2px; }
article { background: var(--card); border: 1px solid var(--line); border-top: 4px solid var(--context); border-radius: 6px; padding: 8px 12px; background-clip: padding-box; }
article.kernel { grid-column: 1; } article.daemon { grid-column: 2; } article.app { grid-column: 3; }
section.attempt article.cause { border: 1px solid var(--cause); border-top: 4px solid var(--cause); padding: 8px 12px; }
article.consequence { border-top-color: var(--consequence); } article.success { border-top-color: var(--success); } article.noise { border-top-color: var(--noise); opacity: .75; }
article p { margin: 0; } article .who { font-size: 13px; color: var(--soft); } article .who { display: flex; justify-content: space-between; gap: 8px; align-items: start; } article .who .tag { flex: none; } article .line { margin: 4px 0; } article .meaning { font-size: 13px; }
@media (max-width: 760px) { main { padding: 16px 12px 40px; } h1 { font-size: 21px; } .lanes { display: block; } .lanes .head { display: none; } .lanes article { margin: 8px 0; }
  .overview text { font-size: 11px; } .cause { padding: 12px 14px; } article.daemon { margin-left: 10px !important; } article.app { margin-left: 20px !important; } }
@media print { article, .cause { break-inside: avoid; } }
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Artifact, Reading, judge, read};

    fn page(text: &str) -> String {
        let mut reading = Reading::default();
        read("<x>", &mut text.as_bytes(), &mut reading, &mut |_| {}).unwrap();
        render(&judge(reading, &Artifact::default()))
    }

    #[test]
    fn what_the_log_says_cannot_become_markup() {
        let page = page(
            "taskgated-helper: <script>alert('x')</script>\" onload=\"y: Unsatisfied entitlements: <b>\n",
        );
        assert!(!page.contains("<script") && !page.contains("<b>al") && !page.contains("\" onload=\"y"));
        assert!(page.contains("&lt;script&gt;") && page.contains("&lt;x&gt;"));
    }

    #[test]
    fn the_page_is_self_contained_and_has_a_dot_per_line() {
        let page =
            page("taskgated-helper: a.b.c: Unsatisfied entitlements: k\nkernel: DK: F user server timeout\n");
        for foreign in ["http://", "https://", "<script", "url(", "@import"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert_eq!(page.matches("<title>").count(), 1 + 2);
        assert_eq!(page.matches("<article").count(), 2);
    }
}
