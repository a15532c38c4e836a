//! `cargo xtask reproduce`: whether a release is what these sources give.

use std::path::PathBuf;

use serde_json::json;

use crate::{
    cmd::{Context, print},
    error::{Doing, Exit, Result},
    plan::{BackendChoice, Format},
    stage::reproduce::{Asked, Pair, Verdict, reproduce},
};

/// Builds again, twice in two folders, and compares with a release, signatures set aside
///
/// Everything but signatures, seals, profiles and tickets must be the same, byte for byte. The digests are those of the product
/// after `signature strip`, so anybody can compute them with `sha256sum`. Debug information is compared, too: between the two builds, and with what lies
/// beside the release as `symbols`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask reproduce dist/USB-Driver-Host-1.2.0.zip
  cargo xtask reproduce \"USB Driver Host.app\" --build 13 --format json
  cargo xtask reproduce Host.app --keep rebuilt      leaves both builds in rebuilt/
  cargo xtask reproduce dist/Host.pkg --with theirs/Host.app
                                                     builds nothing, compares with what somebody else built

Exit codes: 0 the same · 1 a difference, and the first one is named")]
pub struct Args {
    /// The release: an app, or a zip or pkg with one
    path: PathBuf,
    /// Which file in signing/ the plan is read with; nothing is signed
    #[arg(long, default_value = "rehearsal", value_name = "NAME")]
    signing: String,
    /// The driver's CFBundleVersion, if the release was made with `--build`
    #[arg(long, value_name = "N")]
    build: Option<String>,
    /// Whose tools compile and link
    #[arg(long, value_enum, default_value_t = BackendChoice::Auto)]
    backend: BackendChoice,
    /// Leaves both builds in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The release's debug information; the folder `symbols` beside the release when absent
    #[arg(long, value_name = "DIR")]
    symbols: Option<PathBuf>,
    /// Builds nothing: compares with this product, which somebody else built
    #[arg(long, value_name = "PATH", conflicts_with_all = ["keep", "symbols"])]
    with: Option<PathBuf>,
    /// How the verdict is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Builds, compares, and tells.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let asked = Asked {
        signing: args.signing,
        build: args.build,
        backend: args.backend,
        keep: args.keep,
        symbols: args.symbols,
        elsewhere: args.with,
    };
    let verdict = reproduce(&args.path, &workspace, &asked, context.tools())?;
    print(&match args.format {
        Format::Text => text(&verdict),
        Format::Json => json(&verdict)?,
    })?;
    Ok(match verdict.difference {
        None => Exit::Passed,
        Some(_) => Exit::Findings,
    })
}

/// The two that were compared, in words.
fn between(pair: Pair) -> [&'static str; 2] {
    match pair {
        Pair::Builds => ["first build", "second build"],
        Pair::Release => ["release", "first build"],
        Pair::Elsewhere => ["release", "elsewhere"],
    }
}

fn text(verdict: &Verdict) -> String {
    let name = verdict.release.name();
    let lines = verdict.release.lines();
    let mut text = match &verdict.difference {
        None => {
            let whose = if verdict.tools.is_empty() { "in the other product" } else { "in two builds" };
            format!("reproduced  {name}: {} files, the same in the release and {whose}\n", lines.len())
        }
        Some((pair, difference)) => {
            let [a, b] = between(*pair);
            let nothing = || "nothing".to_owned();
            let why = match pair {
                Pair::Builds => "the build depends on where or when it runs",
                Pair::Release | Pair::Elsewhere => {
                    "the release comes from other sources, other tools, or another `--build`"
                }
            };
            format!(
                "different   {name}: first at `{}`\n  {a:<12}  {}\n  {b:<12}  {}\n  meaning       {why}\n",
                difference.path,
                difference.expected.clone().unwrap_or_else(nothing),
                difference.found.clone().unwrap_or_else(nothing),
            )
        }
    };
    text += &format!("sources     sha256 {}\n", verdict.sources);
    for (n, (name, version)) in verdict.tools.iter().enumerate() {
        text += &format!("{:<12}{name}: {version}\n", if n == 0 { "tools" } else { "" });
    }
    for (path, digest) in &verdict.prebuilt {
        text += &format!("prebuilt    sha256 {digest}  {path}: taken as it is, not built here\n");
    }
    text += &symbols(verdict);
    text += &format!("set aside   {} signatures of slices\n", verdict.release.signatures());
    for made in verdict.release.made() {
        text += &format!("            {made}\n");
    }
    text += &format!("release     sha256 {} of these lines, signatures set aside:\n", verdict.digest());
    lines.iter().for_each(|line| text += &format!("{line}\n"));
    text
}

/// What was compared of the debug information.
fn symbols(verdict: &Verdict) -> String {
    match (verdict.symbols.len(), &verdict.compared_symbols) {
        (0, _) if verdict.tools.is_empty() => "symbols     not compared: nothing was built here\n".to_owned(),
        (0, None) => "symbols     none: nothing was compiled\n".to_owned(),
        (n, None) => {
            format!(
                "symbols     {n} files of two builds compared; the release's are not at hand (`--symbols DIR`)\n"
            )
        }
        (n, Some(folder)) => {
            format!("symbols     {n} files of two builds compared, and with `{}`\n", folder.display())
        }
    }
}

fn json(verdict: &Verdict) -> Result<String> {
    let difference = verdict.difference.as_ref().map(|(pair, it)| {
        json!({ "between": between(*pair), "path": it.path, "expected": it.expected, "found": it.found })
    });
    let report = json!({
        "schema": 1,
        "verdict": if difference.is_none() { "reproduced" } else { "different" },
        "product": verdict.release.name(),
        "digest": verdict.digest(),
        "files": verdict.release.lines(),
        "signatures": verdict.release.signatures(),
        "set_aside": verdict.release.made().collect::<Vec<_>>(),
        "sources": verdict.sources,
        "tools": verdict.tools.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(),
        "versions": verdict.tools.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "prebuilt": verdict.prebuilt.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "symbols": {
            "files": verdict.symbols,
            "release": verdict.compared_symbols.as_ref().map(|it| it.display().to_string()),
        },
        "difference": difference,
    });
    Ok(serde_json::to_string_pretty(&report).doing(|| "cannot write the verdict")? + "\n")
}
