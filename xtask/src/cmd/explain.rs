//! `cargo xtask explain`.

use std::fmt::Write;

use crate::{
    cmd::{Context, print},
    error::{Error, Exit, Result},
};

/// Explains a check, a notary issue, a log signature or an error code
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: cargo xtask explain arm64e-slice")]
pub struct Args {
    /// The id of a check or a cause, a log signature, the notary's sentence, an error code such as -67050
    #[arg(allow_hyphen_values = true)]
    id: String,
}

/// Looks in the catalogue of checks, then among the notary's sentences, then among what triage knows.
pub fn run(args: Args, _context: &Context) -> Result<Exit> {
    let id = args.id.trim();
    let found = checks::explain::explain(id).or_else(|| notary_issue(id)).or_else(|| cause(id));
    let Some(text) = found else {
        let near = checks::explain::nearest(id);
        let hint = match near.as_slice() {
            [] => "`cargo xtask catalogue` lists what is known".to_owned(),
            near => format!("`cargo xtask explain {}`", near.join("`, `cargo xtask explain ")),
        };
        return Err(Error::usage(format!("nothing is known about `{id}`")).hint(hint));
    };
    print(&text)?;
    Ok(Exit::Passed)
}

fn notary_issue(id: &str) -> Option<String> {
    let by_id = notary::issue::KNOWN.iter().find(|it| it.id == id);
    let it = by_id.or_else(|| notary::issue::explain(id))?;
    let says = it.says;
    Some(page(
        &format!("{}: the notary says \"{says}\"", it.id),
        &[("cause", it.cause.to_owned()), ("fix", it.fix.to_owned()), ("place", it.place.to_owned())],
    ))
}

fn cause(id: &str) -> Option<String> {
    let it = triage::explain(id)?;
    Some(page(
        &format!("{}: {}", it.id, it.title),
        &[("meaning", it.text), ("next", it.next.join("; ")), ("source", it.source)],
    ))
}

fn page(title: &str, parts: &[(&str, String)]) -> String {
    let mut out = format!("{title}\n");
    for (name, text) in parts.iter().filter(|(_, text)| !text.is_empty()) {
        writeln!(out, "  {name:<8} {text}").expect("a string takes all text");
    }
    out
}
