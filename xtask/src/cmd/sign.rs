//! `cargo xtask sign`.

use std::path::PathBuf;

use crate::{
    cmd::{Context, pipeline::BackendOptions, print},
    config::{Product, Signing},
    error::{Error, Exit, Result},
    plan::Backends,
    rehearsal,
    stage::{
        keychain::Keychain,
        sign::{
            SigningPlan, entitlement_files,
            hand::{self, Hand},
            open_rehearsal, sign_to,
        },
    },
    terminal,
};

/// Signs a bundle, inside out
///
/// Without a path: what `bundle` left. The bundle itself is not changed unless it is also the output.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask sign --plan
  cargo xtask sign Host.app -o signed/Host.app --signing developer-id
  cargo xtask sign --write-entitlements")]
pub struct Args {
    /// The bundle to sign
    bundle: Option<PathBuf>,
    /// Which file in signing/ says who signs
    #[arg(long, default_value = "rehearsal", value_name = "NAME")]
    signing: String,
    /// Where the signed bundle goes; target/dist/stage/signed/NAME when absent
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Prints what each part would get, and what stands against it; writes nothing
    #[arg(long)]
    plan: bool,
    /// Writes entitlement files made from driver.toml and app.toml, those that do not exist yet
    #[arg(long)]
    write_entitlements: bool,
    #[command(flatten)]
    backend: BackendOptions,
    /// Derives the rehearsal's keys from this file (32 bytes, or 64 hexadecimal digits)
    #[arg(long, value_name = "FILE")]
    rehearsal_seed: Option<PathBuf>,
}

/// Signs, or tells what would be done.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    if args.write_entitlements {
        let product = Product::load(&workspace)?;
        for written in entitlement_files::write_missing(&product, &workspace)? {
            terminal::step(written.verb(), written.path().display());
        }
        return Ok(Exit::Passed);
    }
    let signing = Signing::load(&args.signing, &workspace)?;
    let stage = workspace.work().join("stage");
    let input = match args.bundle {
        Some(path) => path,
        None => {
            let product = Product::load(&workspace)?;
            stage.join("bundle").join(product.app.bundle_name())
        }
    };
    if !input.is_dir() {
        return Err(Error::usage(format!("`{}` is not there", input.display()))
            .hint("build it first: `cargo xtask bundle`"));
    }
    let rehearsal = open_rehearsal(&signing, &workspace, args.rehearsal_seed.as_deref())?;
    if args.plan {
        let plan = SigningPlan::new(&input, &signing, rehearsal.as_ref())?;
        print(&plan.to_string())?;
        return plan.refuse_problems(rehearsal::now()).map(|()| Exit::Passed);
    }
    let name = input.file_name().ok_or_else(|| Error::usage(format!("`{}` has no name", input.display())))?;
    let goal = args.output.unwrap_or_else(|| stage.join("signed").join(&signing.name).join(name));
    let tools = context.tools();
    let asked = &args.backend;
    let backends = Backends::choose(asked.backend, &asked.backend_of, tools.host().is_mac(), &signing)?;
    let keychain = hand::keychain(tools, &backends, &signing, rehearsal.as_ref())?;
    sign_to(
        &input,
        &goal,
        &signing,
        rehearsal.as_ref(),
        &Hand::of(&backends, tools, keychain.as_ref().map(Keychain::path)),
    )?;
    keychain.map_or(Ok(()), Keychain::close)?;
    terminal::step("Signed", goal.display());
    Ok(Exit::Passed)
}
