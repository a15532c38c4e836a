//! `cargo xtask catalogue`.

use std::fmt::Write;

use crate::{
    cmd::{Context, print},
    error::{Exit, Result},
};

/// Lists everything that explain knows
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: cargo xtask catalogue --format markdown > docs/checks.md")]
pub struct Args {
    /// text: one line each; markdown: the document about all checks; json: id, title, needs and severity of the checks
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Markdown,
    Json,
}

/// Checks by family, then the notary's sentences, then causes and log signatures.
pub fn run(args: Args, _context: &Context) -> Result<Exit> {
    let text = match args.format {
        Format::Markdown => checks::explain::markdown(),
        Format::Json => json(),
        Format::Text => text(),
    };
    print(&text)?;
    Ok(Exit::Passed)
}

fn text() -> String {
    let mut out = checks::explain::list();
    let mut section = |title: &str, items: &mut dyn Iterator<Item = (String, String)>| {
        let items: Vec<_> = items.collect();
        let widest = items.iter().map(|(id, _)| id.len()).max().unwrap_or_default();
        writeln!(out, "{title}").expect("a string takes all text");
        for (id, title) in items {
            writeln!(out, "  {id:<widest$}  {title}").expect("a string takes all text");
        }
    };
    let notary = notary::issue::KNOWN.iter().map(|it| (it.id.to_owned(), it.says.to_owned()));
    section("what the notary says", &mut { notary });
    let causes = triage::CAUSES.iter().map(|it| (it.id.to_string(), it.title.to_string()));
    section("causes of a driver that does not load", &mut { causes });
    let signatures = triage::CATALOGUE.iter().map(|it| (it.id.to_string(), it.example.to_string()));
    section("lines of the log", &mut { signatures });
    out
}

fn json() -> String {
    let checks: Vec<serde_json::Value> = checks::catalogue::all()
        .map(|it| {
            serde_json::json!({
                "id": it.id, "title": it.title, "needs": it.needs.name(), "severity": it.usual.name(),
            })
        })
        .collect();
    let mut out = serde_json::json!({ "schema": 1, "checks": checks }).to_string();
    out.push('\n');
    out
}
