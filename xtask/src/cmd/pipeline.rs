//! What `dist` and the single stages share: their options, and how a plan comes about.

use std::path::{Path, PathBuf};

use crate::{
    cmd::Context,
    error::{Error, Exit, Result},
    interrupt,
    plan::{self, BackendChoice, Plan, PlanFormat, Request, Toolchain, Until},
    setup,
    stage::{
        self,
        publish::{Item, Published},
        release::Release,
        sign::Signed,
        stamp::Stamps,
    },
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
    /// A file from which a rehearsal derives its keys, so that two machines sign alike
    #[arg(long, value_name = "FILE")]
    pub rehearsal_seed: Option<PathBuf>,
    /// Joins the slices that other machines built (`build --triple`), compiles nothing
    #[arg(long, value_name = "DIR")]
    pub from_slices: Option<PathBuf>,
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
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub format: PlanFormat,
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
    plan.notes.iter().for_each(terminal::note);
    Ok(Next::Run(Box::new(plan)))
}

/// Carries out a plan.
pub fn run(plan: &Plan, options: &Options, context: &Context) -> Result<Exit> {
    let stamps = Stamps::new(&plan.workspace);
    let built = terminal::group("build", || match &options.from_slices {
        Some(folder) => stage::build::slices::join(context.tools(), plan, &stamps, folder),
        None => stage::build::build(context.tools(), plan, &stamps),
    })?;
    if plan.until == Until::Built {
        return Ok(Exit::Passed);
    }
    let symbols: Vec<PathBuf> = built.symbols().into_iter().map(Path::to_owned).collect();
    let bundle = terminal::group("bundle", || stage::bundle::bundle(plan, built, &stamps))?;
    if plan.until == Until::Bundled {
        return Ok(Exit::Passed);
    }
    let seed = options.rehearsal_seed.as_deref();
    let signed = terminal::group("sign", || stage::sign::sign(plan, bundle, seed, &stamps))?;
    if plan.until == Until::Signed {
        return Ok(Exit::Passed);
    }
    let release = terminal::group("release", || stage::release::release(plan, &signed, &stamps))?;
    if plan.until == Until::Notarized {
        return Ok(Exit::Passed);
    }
    publish(plan, &signed, &release, &symbols, &stamps)
}

/// Judges what is delivered and puts it into the output folder.
fn publish(
    plan: &Plan,
    signed: &Signed,
    release: &Release,
    symbols: &[PathBuf],
    stamps: &Stamps,
) -> Result<Exit> {
    let mut items: Vec<Item> = std::iter::once(&release.app)
        .chain(&release.packages)
        .map(|path| Item::new(plan::file_name(path), path))
        .collect();
    let judged: Vec<String> = items.iter().map(|item| item.name.clone()).collect();
    items.extend(symbols.iter().map(|dsym| Item::new(format!("symbols/{}", plan::file_name(dsym)), dsym)));
    let root = signed.rehearsal_root().map(|_| plan.stage_dir().join("rehearsal-root.pem"));
    if let (Some(root), Some(text)) = (&root, signed.rehearsal_root()) {
        stage::files::write(root, text.as_bytes(), 0o644)?;
        items.push(Item::new("rehearsal-root.pem", root));
    }
    let rules = format!("{} {:?}", plan.signing.name, plan.notes);
    let published = stage::publish::publish(&plan.out, &items, &rules, stamps, |fresh| {
        let mut added = stage::judge::judge(plan, fresh, &judged, &release.submissions, root.as_deref())?;
        added.extend(checksums(fresh, &items)?);
        Ok(added)
    })?;
    match published {
        Published::Changed => terminal::step("Finished", plan.out.display()),
        Published::Unchanged => {
            terminal::step("Finished", format_args!("{}: nothing to do", plan.out.display()))
        }
    }
    Ok(Exit::Passed)
}

/// `SHA256SUMS` of every file of the release, in the form that `sha256sum --check` reads.
fn checksums(fresh: &Path, items: &[Item]) -> Result<Vec<String>> {
    let mut text = String::new();
    for item in items {
        let path = fresh.join(&item.name);
        if path.is_file() {
            text += &format!("{}  {}\n", stage::stamp::hex_digest(&stage::files::read(&path)?), item.name);
        }
    }
    stage::files::write(&fresh.join("SHA256SUMS"), text.as_bytes(), 0o644)?;
    Ok(vec!["SHA256SUMS".to_owned()])
}
