//! `cargo xtask signature detach|attach|strip`: signatures apart from what they sign.

use std::path::PathBuf;

use crate::{
    cmd::Context,
    error::{Exit, Result},
    stage::detach,
    terminal,
};

/// Writes a bundle's signatures into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: cargo xtask signature detach dist/Host.app -o host-1.2.0.signatures")]
pub struct Detach {
    /// The signed bundle
    bundle: PathBuf,
    /// The folder, which is replaced
    #[arg(short, long)]
    output: PathBuf,
}

/// Puts detached signatures on a rebuilt bundle
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: cargo xtask signature attach rebuilt/Host.app host-1.2.0.signatures -o release/Host.app"
)]
pub struct Attach {
    /// The bundle, built again
    bundle: PathBuf,
    /// The folder that `detach` wrote
    signatures: PathBuf,
    /// The signed bundle
    #[arg(short, long)]
    output: PathBuf,
}

/// Takes the signatures away
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: cargo xtask signature strip dist/Host.app -o unsigned/Host.app")]
pub struct Strip {
    /// A signed bundle or Mach-O file
    path: PathBuf,
    /// The same without signatures
    #[arg(short, long)]
    output: PathBuf,
}

/// Detaches.
pub fn detach(args: Detach, _context: &Context) -> Result<Exit> {
    detach::detach(&args.bundle, &args.output)?;
    terminal::step("Detached", args.output.display());
    Ok(Exit::Passed)
}

/// Attaches.
pub fn attach(args: Attach, _context: &Context) -> Result<Exit> {
    detach::attach(&args.bundle, &args.signatures, &args.output)?;
    terminal::step("Attached", args.output.display());
    Ok(Exit::Passed)
}

/// Strips.
pub fn strip(args: Strip, _context: &Context) -> Result<Exit> {
    match args.path.is_dir() {
        true => detach::strip(&args.path, &args.output)?,
        false => detach::strip_file(&args.path, &args.output)?,
    }
    terminal::step("Stripped", args.output.display());
    Ok(Exit::Passed)
}
