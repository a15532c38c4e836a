//! The catalogue as text: one check explained, all of them listed, the document `docs/checks.md`.

use std::fmt::Write;

use crate::{Check, FAMILIES, catalogue};

/// Everything about one check, for a terminal; `None` when no check has that id.
pub fn explain(id: &str) -> Option<String> {
    let check = catalogue::find(id)?;
    let mut out = String::new();
    let lines = [
        ("", format!("{}: {}", check.id, check.title)),
        ("why", plain(check.why)),
        ("fix", plain(check.fix)),
        ("severity", format!("usually {}", check.usual)),
        ("runs on", check.needs.describe().to_owned()),
        ("source", plain(check.source)),
    ];
    for (name, text) in lines {
        let (first, rest) =
            if name.is_empty() { (String::new(), "") } else { (format!("  {name:<9}"), "           ") };
        wrap(&mut out, &first, rest, &text);
    }
    Some(out)
}

/// The ids most like `id`, for a hint about a typing mistake; at most three.
pub fn nearest(id: &str) -> Vec<&'static str> {
    let mut all: Vec<(usize, &'static str)> =
        catalogue::all().map(|it| (distance(id, it.id), it.id)).collect();
    all.sort_unstable();
    all.into_iter().take_while(|(distance, it)| *distance * 3 <= it.len()).take(3).map(|(_, it)| it).collect()
}

/// One line for each check, by family.
pub fn list() -> String {
    let widest = catalogue::all().map(|it| it.id.len()).max().unwrap_or_default();
    let mut out = String::new();
    for family in FAMILIES {
        line(&mut out, format_args!("{}", family.title));
        for check in family.checks {
            line(&mut out, format_args!("  {:<widest$}  {}", check.id, check.title));
        }
    }
    out
}

/// The document about all checks, in Markdown.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Checks\n\n\
         What `cargo xtask verify` looks at: every check with its reason, its remedy and where it can run. Generated from the\n\
         catalogue (`UPDATE_GOLDEN=1 cargo test -p checks`); a test compares.\n\n\
         *Severity* is the usual one: it belongs to the finding and follows evidence, so one check may give an error here and a\n\
         note there. An *error* is said only where macOS or the notary is known to refuse. Nothing here has been confirmed on a\n\
         Mac by this project yet.\n",
    );
    for family in FAMILIES {
        line(&mut out, format_args!("\n## {}\n\n{}\n", family.title, family.about));
        line(&mut out, format_args!("| check | what should hold | severity | runs on |\n|---|---|---|---|"));
        for check in family.checks {
            let needs = check.needs.describe();
            line(
                &mut out,
                format_args!(
                    "| [`{id}`](#{id}) | {} | {} | {needs} |",
                    cell(check.title),
                    check.usual,
                    id = check.id
                ),
            );
        }
        for check in family.checks {
            section(&mut out, check);
        }
    }
    out
}

fn section(out: &mut String, check: &Check) {
    line(
        out,
        format_args!("\n### {}\n\n**{}.** {}\n", check.id, capital(check.title), escape(&plain(check.why))),
    );
    line(out, format_args!("*Remedy:* {}.", escape(&plain(check.fix)).trim_end_matches('.')));
    line(out, format_args!("*Source:* {}.", escape(&plain(check.source)).trim_end_matches('.')));
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes all text");
}

/// The text without the line breaks and indentation of its source.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn cell(text: &str) -> String {
    escape(text).replace('|', "\\|")
}

/// What Markdown would take for HTML outside of code.
fn escape(text: &str) -> String {
    let in_code = |index: usize| index % 2 == 1;
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(index, it)| if in_code(index) { it.to_owned() } else { it.replace('<', "&lt;") });
    parts.collect::<Vec<_>>().join("`")
}

fn wrap(out: &mut String, first: &str, rest: &str, text: &str) {
    /// Width of a terminal that nobody has made wider.
    const WIDTH: usize = 80;
    let mut current = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && current.chars().count() + 1 + word.chars().count() > WIDTH {
            line(out, format_args!("{}", current.trim_end()));
            rest.clone_into(&mut current);
            is_empty = true;
        }
        if !is_empty {
            current.push(' ');
        }
        current.push_str(word);
        is_empty = false;
    }
    line(out, format_args!("{}", current.trim_end()));
}

/// Edits that turn one word into the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, x) in a.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (above, y) in row.iter().skip(1).zip(&b) {
            left = (diagonal + usize::from(x != *y)).min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
