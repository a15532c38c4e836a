//! What `dist` and the single stages share: their options, and how a plan comes about.

use std::path::PathBuf;

use crate::{
    cmd::Context,
    error::{Error, Exit, Result},
    interrupt,
    plan::{self, BackendChoice, Format, Plan, Request, Toolchain, Until},
    setup,
    stage::{self, stamp::Stamps},
    terminal,
};

/// Options of every command that builds.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Which file in signing/ says who signs
    #[arg(long, default_value = "rehearsal", value_name = "NAME")]
    pub signing: String,
    /// Overrides the driver's CFBundleVersion: up to 3 numbers of up to 4 digits
    #[arg(long, value_name = "N")]
    pub build: Option<String>,
    /// Whose tools compile, link and sign
    #[arg(long, value_enum, default_value_t = BackendChoice::Auto)]
    pub backend: BackendChoice,
    /// How many things are done at once; all cores when absent
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// Where finished things go; dist/ when absent
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// First installs what is missing
    #[arg(long)]
    pub setup: bool,
    /// Installs without asking
    #[arg(long, requires = "setup")]
    pub yes: bool,
    /// Prints the plan and does nothing
    #[arg(long)]
    pub plan: bool,
    /// How the plan is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Shows every key of the TOML files with an example
    #[arg(long)]
    pub help_config: bool,
}

/// What is left to do after the options were looked at.
pub enum Next {
    /// Carry out this plan.
    Run(Box<Plan>),
    /// Nothing: something was printed.
    Done(Exit),
}

/// Looks at the options: prints help or plan, installs, or hands out the plan.
pub fn prepare(options: &Options, until: Until, context: &Context) -> Result<Next> {
    if options.help_config {
        super::print(&crate::config::help())?;
        return Ok(Next::Done(Exit::Passed));
    }
    if let Some(jobs) = options.jobs {
        if jobs == 0 {
            return Err(Error::usage("`--jobs 0`: nothing would ever be done"));
        }
        // Only the first call in a process can set this; there is one command per process.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(jobs).build_global();
    }
    let workspace = context.workspace()?;
    if options.setup && !options.plan {
        setup::install(setup::Purpose::Build, options.yes, context.tools(), &workspace)?;
    }
    let toolchain = Toolchain::find(context.tools(), &workspace, options.backend)?;
    let request = Request {
        signing: options.signing.clone(),
        until,
        build: options.build.clone(),
        backend: options.backend,
        out: options.out.clone(),
    };
    let plan = Plan::new(workspace, toolchain, &request)?;
    if options.plan {
        super::print(&plan::print(&plan, options.format))?;
        return Ok(Next::Done(Exit::Passed));
    }
    interrupt::check()?;
    plan.notes.iter().for_each(|note| terminal::note(note));
    Ok(Next::Run(Box::new(plan)))
}

/// Carries out a plan.
pub fn run(plan: &Plan, context: &Context) -> Result<Exit> {
    let stamps = Stamps::new(&plan.workspace);
    let built = terminal::group("build", || stage::build::build(context.tools(), plan, &stamps))?;
    if plan.until == Until::Built {
        return Ok(Exit::Passed);
    }
    let bundle = terminal::group("bundle", || stage::bundle::bundle(plan, built, &stamps))?;
    if plan.until == Until::Bundled {
        return Ok(Exit::Passed);
    }
    let _signed = terminal::group("sign", || stage::sign::sign(plan, bundle, None, &stamps))?;
    if plan.until == Until::Signed {
        return Ok(Exit::Passed);
    }
    Err(Error::tool("what comes after signing is not there yet"))
}
