//! `cargo xtask adopt`.

use std::path::PathBuf;

use crate::{
    adopt,
    cmd::Context,
    error::{Error, Exit, Result},
    stage::files,
    terminal,
};

/// Writes the TOML files and entitlements of a product that exists already
///
/// What a finished product does not say is marked `not known from the product`. Nothing is overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask adopt /Applications/Host.app --out adopted
  cargo xtask adopt build/Host.xcarchive --out .
  xcodebuild -scheme Host -configuration Release -showBuildSettings -json > settings.json
  cargo xtask adopt settings.json --out .

docs/adopting.md walks through it.")]
pub struct Args {
    /// An .app, a .dext, an .xcarchive that holds one app, or a project's build settings as .json
    path: PathBuf,
    /// Where driver/, app/ and signing/ are written
    #[arg(long, value_name = "DIR", default_value = "adopted")]
    out: PathBuf,
}

/// Reads the product, writes the files.
pub fn run(args: Args, _context: &Context) -> Result<Exit> {
    let path = std::path::absolute(&args.path).unwrap_or(args.path);
    let written = adopt::files(&adopt::adopt(&path)?)?;
    let there: Vec<String> = written
        .iter()
        .map(|(file, _)| args.out.join(file))
        .filter(|file| file.exists())
        .map(|file| file.display().to_string())
        .collect();
    if !there.is_empty() {
        return Err(Error::usage("nothing was written, because these files are there already")
            .because(there.join("\n"))
            .hint("choose another folder with `--out`"));
    }
    for (file, bytes) in &written {
        let goal = args.out.join(file);
        files::write(&goal, bytes, 0o644)?;
        terminal::step("Wrote", goal.display());
    }
    Ok(Exit::Passed)
}
