//! `cargo xtask signature`: what a signature says, and how two of them differ.

mod describe;
mod locate;

use std::{collections::BTreeSet, path::PathBuf};

use serde_json::json;

use crate::{
    cmd::{Context, detach, print},
    error::{Doing, Error, Exit, Result},
    plan::Format,
};
use describe::{Fact, describe};
use locate::{Code, locate};

/// Shows, compares, takes off and puts on signatures
///
/// A path is a Mach-O file, a bundle (its main executable is looked at) or a disk image. Nothing is judged here beyond what the
/// signature itself promises; `verify` does that.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask signature show Host.app
  cargo xtask signature show --arch arm64 --format json com.example.driver.dext
  cargo xtask signature diff old/Host.app new/Host.app
  cargo xtask signature detach dist/Host.app -o host.signatures
  cargo xtask signature attach rebuilt/Host.app host.signatures -o release/Host.app")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Prints what the signature of each slice says
    Show {
        /// A Mach-O file, a bundle or a disk image
        path: PathBuf,
        /// Only this slice
        #[arg(long)]
        arch: Option<String>,
        /// What to print
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Compares two, slice by slice; exit code 1 when they differ
    Diff {
        /// The one before
        old: PathBuf,
        /// The one after
        new: PathBuf,
        /// Only this slice
        #[arg(long)]
        arch: Option<String>,
    },
    Detach(detach::Detach),
    Attach(detach::Attach),
    Strip(detach::Strip),
}

/// Does one of the verbs.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    match args.verb {
        Verb::Show { path, arch, format } => {
            let described = describe_all(&path, arch.as_deref())?;
            print(&match format {
                Format::Text => described.iter().map(Described::text).collect::<Vec<_>>().join("\n"),
                Format::Json => json(&described)?,
            })?;
            Ok(Exit::Passed)
        }
        Verb::Diff { old, new, arch } => {
            let difference =
                diff(&describe_all(&old, arch.as_deref())?, &describe_all(&new, arch.as_deref())?);
            print(&difference)?;
            Ok(if difference.is_empty() { Exit::Passed } else { Exit::Findings })
        }
        Verb::Detach(args) => detach::detach(args, context),
        Verb::Attach(args) => detach::attach(args, context),
        Verb::Strip(args) => detach::strip(args, context),
    }
}

/// The signature of one slice, in words.
struct Described {
    path: String,
    /// Architecture; `None` for a disk image.
    slice: Option<String>,
    facts: Vec<Fact>,
}

fn describe_all(path: &std::path::Path, arch: Option<&str>) -> Result<Vec<Described>> {
    let found = locate(path)?;
    let wanted = |it: &Code| arch.is_none() || it.slice.as_deref() == arch;
    let described: Vec<Described> = found
        .into_iter()
        .filter(wanted)
        .map(|it| {
            let facts = describe(&it).doing(|| format!("cannot read the signature of `{}`", it.path))?;
            Ok(Described { path: it.path, slice: it.slice, facts })
        })
        .collect::<Result<_>>()?;
    match arch {
        Some(arch) if described.is_empty() => {
            Err(Error::usage(format!("`{}` has no slice `{arch}`", path.display())))
        }
        _ => Ok(described),
    }
}

impl Described {
    fn text(&self) -> String {
        let width = self.facts.iter().map(|it| it.key.len()).max().unwrap_or(0);
        let slice = self.slice.as_ref().map_or(String::new(), |it| format!(" ({it})"));
        let mut text = format!("{}{slice}\n", self.path);
        for fact in &self.facts {
            for (n, value) in fact.values.iter().enumerate() {
                let key = if n == 0 { fact.key.as_str() } else { "" };
                text += format!("  {key:width$}  {value}").trim_end();
                text.push('\n');
            }
        }
        text
    }
}

fn json(described: &[Described]) -> Result<String> {
    let one = |it: &Described| {
        let facts: serde_json::Map<_, _> =
            it.facts.iter().map(|fact| (fact.key.clone(), json!(fact.values))).collect();
        json!({ "path": it.path, "arch": it.slice, "facts": facts })
    };
    let report = json!({ "schema": 1, "signatures": described.iter().map(one).collect::<Vec<_>>() });
    let text = serde_json::to_string_pretty(&report).doing(|| "cannot write JSON")?;
    Ok(text + "\n")
}

/// Nothing when both say the same; else the lines that only one of them has, slice by slice.
fn diff(old: &[Described], new: &[Described]) -> String {
    let slices: BTreeSet<&Option<String>> = old.iter().chain(new).map(|it| &it.slice).collect();
    let mut text = String::new();
    for slice in slices {
        let of = |all: &[Described]| -> Vec<(String, String)> {
            let facts = all.iter().filter(|it| it.slice == *slice).flat_map(|it| &it.facts);
            facts.flat_map(|it| it.values.iter().map(|value| (it.key.clone(), value.clone()))).collect()
        };
        let (before, after) = (of(old), of(new));
        let only = |these: &[(String, String)], others: &[(String, String)], sign: char| {
            let lines = these.iter().filter(|it| !others.contains(it));
            lines.map(|(key, value)| format!("{sign} {key}: {value}\n")).collect::<String>()
        };
        let lines = only(&before, &after, '-') + &only(&after, &before, '+');
        if !lines.is_empty() {
            text += &format!("{}\n{lines}", slice.as_deref().unwrap_or("disk image"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(slice: &str, facts: &[(&str, &str)]) -> Described {
        let facts =
            facts.iter().map(|(key, value)| Fact { key: (*key).into(), values: vec![(*value).into()] });
        Described { path: "a".into(), slice: Some(slice.into()), facts: facts.collect() }
    }

    #[track_caller]
    fn check(old: &[Described], new: &[Described], expected: &str) {
        assert_eq!(diff(old, new), expected);
    }

    #[test]
    fn equal_signatures_have_no_difference() {
        let one = || [described("arm64", &[("team", "A")])];
        check(&one(), &one(), "");
    }

    #[test]
    fn a_changed_fact_is_told_on_both_sides() {
        let (old, new) = ([described("arm64", &[("team", "A")])], [described("arm64", &[("team", "B")])]);
        check(&old, &new, "arm64\n- team: A\n+ team: B\n");
    }

    #[test]
    fn a_slice_that_only_one_has_is_told() {
        let arm = || described("arm64", &[("team", "A")]);
        check(&[arm(), described("x86_64", &[("team", "A")])], &[arm()], "x86_64\n- team: A\n");
    }

    #[test]
    fn values_stand_below_one_another() {
        let mut it = described("arm64", &[("team", "A"), ("chain", "one")]);
        it.facts[1].values.push("two".into());
        assert_eq!(it.text(), "a (arm64)\n  team   A\n  chain  one\n         two\n");
    }
}
