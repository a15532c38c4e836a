//! What `dist` and the single stages share: their options, and how a plan comes about.

use std::path::{Path, PathBuf};

use crate::{
    cmd::Context,
    config::Mode,
    error::{Error, Exit, Result},
    interrupt,
    plan::{
        self, Backend, BackendChoice, Exception, Plan, PlanFormat, Request, Task, Toolchain, Unproven, Until,
    },
    prove::status::Recordings,
    setup,
    stage::{
        self,
        apple_package::Packer,
        keychain::Keychain,
        publish::{Item, Published},
        relay::Made,
        release::Release,
        sign::{
            Signed,
            hand::{self, Hand},
        },
        stamp::Stamps,
    },
    terminal,
    tools::Toolbox,
};

/// Whose tools do the work.
#[derive(Debug, Clone, clap::Args)]
pub struct BackendOptions {
    /// Whose tools build, sign and pack
    #[arg(long, value_enum, default_value_t = BackendChoice::Auto)]
    pub backend: BackendChoice,
    /// Other tools for one task: build, sign, notarize, staple or package
    #[arg(long, value_name = "TASK=BACKEND")]
    pub backend_of: Vec<Exception>,
}

impl BackendOptions {
    /// What is asked for compilers and linkers.
    pub fn to_build(&self) -> BackendChoice {
        let exception = self.backend_of.iter().rev().find(|it| it.task == Task::Build);
        match exception.map(|it| it.backend) {
            None => self.backend,
            Some(Backend::Apple) => BackendChoice::Apple,
            Some(Backend::Portable) => BackendChoice::Portable,
        }
    }
}

/// Options of every command that builds.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Which file in signing/ says who signs
    #[arg(long, default_value = "rehearsal", value_name = "NAME")]
    pub signing: String,
    /// Overrides the driver's CFBundleVersion: up to 3 numbers of up to 4 digits
    #[arg(long, value_name = "N")]
    pub build: Option<String>,
    /// `--backend` and `--backend-of`
    #[command(flatten)]
    pub backend: BackendOptions,
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
    /// Accepts, for a release, something that no Mac has confirmed yet
    #[arg(long, value_enum, value_name = "WHAT")]
    pub accept_unproven: Vec<Unproven>,
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
    let toolchain = Toolchain::find(context.tools(), &workspace, options.backend.to_build())?;
    let request = Request {
        signing: options.signing.clone(),
        until,
        build: options.build.clone(),
        backend: options.backend.backend,
        exceptions: options.backend.backend_of.clone(),
        out: options.out.clone(),
    };
    let mut plan = Plan::new(workspace, toolchain, &request)?;
    plan.accepted.clone_from(&options.accept_unproven);
    if *plan.signing.mode == Mode::Distribution {
        plan.proven = Recordings::of(plan.workspace.root())?.proven();
    }
    for accepted in &options.accept_unproven {
        terminal::warn(format_args!("accepted although unproven: {accepted:?}"));
    }
    if options.plan {
        super::print(&plan::print(&plan, options.format))?;
        return Ok(Next::Done(Exit::Passed));
    }
    interrupt::check()?;
    plan.notes.iter().for_each(terminal::note);
    Ok(Next::Run(Box::new(plan)))
}

/// How `dist` is cut in two: what is taken up from another machine, and what is handed to the next.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Relay {
    /// Goes on from what another machine handed over, bundled or signed
    #[arg(long, value_name = "FILE", conflicts_with = "from_slices")]
    pub take_up: Option<PathBuf>,
    /// Writes what was made to one file for the next machine; with `--until bundled` or `signed`
    #[arg(long, value_name = "FILE")]
    pub hand_over: Option<PathBuf>,
}

/// Signed, with what belongs to it.
struct Product {
    app: Signed,
    installer: Option<PathBuf>,
    symbols: Vec<PathBuf>,
}

/// Who signs and who packs.
struct By<'a> {
    hand: Hand<'a>,
    packer: Packer<'a>,
}

/// Carries out a plan.
pub fn run(plan: &Plan, options: &Options, relay: &Relay, context: &Context) -> Result<Exit> {
    if relay.hand_over.is_some() && !matches!(plan.until, Until::Bundled | Until::Signed) {
        return Err(Error::usage("`--hand-over` goes with `--until bundled` or `--until signed`")
            .hint("what is finished lies in the output folder: pass that on"));
    }
    if relay.take_up.is_none() && options.from_slices.is_none() {
        plan.refuse_unproven(plan.provenance())?;
    }
    let tools = context.tools();
    let keychain = keychain(plan, options, relay, tools)?;
    let place = keychain.as_ref().map(Keychain::path);
    let by = By { hand: Hand::of(&plan.backends, tools, place), packer: Packer::of(plan, tools, place) };
    let ended = carry_out(plan, options, relay, tools, &by);
    // A keychain that stays behind is a failure of its own, and never hides another.
    let closed = keychain.map_or(Ok(()), Keychain::close);
    ended.and_then(|exit| closed.map(|()| exit))
}

/// The keychain for what is signed here: nothing, where another machine has signed, or where it ends before.
fn keychain<'a>(
    plan: &Plan,
    options: &Options,
    relay: &Relay,
    tools: &'a Toolbox,
) -> Result<Option<Keychain<'a>>> {
    let is_signed_elsewhere = match &relay.take_up {
        Some(file) => stage::relay::is_signed(plan, file)?,
        None => false,
    };
    if plan.until < Until::Signed || is_signed_elsewhere {
        return Ok(None);
    }
    let rehearsal =
        stage::sign::open_rehearsal(&plan.signing, &plan.workspace, options.rehearsal_seed.as_deref())?;
    hand::keychain(tools, &plan.backends, &plan.signing, rehearsal.as_ref())
}

fn carry_out(plan: &Plan, options: &Options, relay: &Relay, tools: &Toolbox, by: &By) -> Result<Exit> {
    let stamps = Stamps::new(&plan.workspace);
    let Some(product) = make(plan, options, relay, tools, by, &stamps)? else { return Ok(Exit::Passed) };
    let release = terminal::group("release", || {
        stage::release::release(tools, plan, &product.app, product.installer.as_deref(), &by.packer, &stamps)
    })?;
    if plan.until == Until::Notarized {
        return Ok(Exit::Passed);
    }
    publish(plan, &product.app, &release, &product.symbols, &stamps)
}

/// The chain up to the signed app; `None` when it was to end before.
fn make(
    plan: &Plan,
    options: &Options,
    relay: &Relay,
    tools: &Toolbox,
    by: &By,
    stamps: &Stamps,
) -> Result<Option<Product>> {
    let seed = options.rehearsal_seed.as_deref();
    let taken = relay.take_up.as_deref().map(|file| stage::relay::take_up(plan, file)).transpose()?;
    if let Some(taken) = taken.as_ref().filter(|it| it.is_signed()) {
        let (app, installer) = (taken.signed(plan, seed)?, taken.installer()?);
        return Ok(Some(Product { app, installer, symbols: taken.symbols()? }));
    }
    let (bundle, symbols) = match &taken {
        Some(taken) => (taken.bundle(plan), taken.symbols()?),
        None => {
            let built = terminal::group("build", || match &options.from_slices {
                Some(folder) => stage::build::slices::join(tools, plan, stamps, folder),
                None => stage::build::build(tools, plan, stamps),
            })?;
            if plan.until == Until::Built {
                return Ok(None);
            }
            let symbols = built.symbols().into_iter().map(Path::to_owned).collect();
            (terminal::group("bundle", || stage::bundle::bundle(plan, built, stamps))?, symbols)
        }
    };
    let provenance = match (&taken, &options.from_slices) {
        (Some(taken), _) => taken.provenance()?,
        (None, Some(_)) => stage::build::slices::provenance(plan)?,
        (None, None) => plan.provenance(),
    };
    let pass_on = |app: &Path, symbols: &[PathBuf], installer: Option<&Path>| match &relay.hand_over {
        Some(goal) => stage::relay::hand_over(plan, &Made { app, symbols, installer, provenance }, goal),
        None => Ok(()),
    };
    if plan.until == Until::Bundled {
        return pass_on(bundle.path(), &symbols, None).map(|()| None);
    }
    let app = terminal::group("sign", || stage::sign::sign(plan, bundle, seed, &by.hand, stamps))?;
    if plan.until < Until::Packaged && relay.hand_over.is_none() {
        return Ok((plan.until > Until::Signed).then_some(Product { app, installer: None, symbols }));
    }
    let installer = stage::release::installer(plan, &app, &by.packer, stamps)?;
    if plan.until == Until::Signed {
        return pass_on(app.path(), &symbols, installer.as_deref()).map(|()| None);
    }
    Ok(Some(Product { app, installer, symbols }))
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
    items.extend(beside(plan, symbols)?);
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

/// What a release has beside the product: debug information as one file, and the list of what it is made of.
fn beside(plan: &Plan, symbols: &[PathBuf]) -> Result<Vec<Item>> {
    let folder = plan.stage_dir().join("beside");
    let sbom = folder.join("sbom.spdx.json");
    stage::files::write(&sbom, stage::sbom::render(plan, stage::release::epoch()?)?.as_bytes(), 0o644)?;
    let mut items = vec![Item::new("sbom.spdx.json", sbom)];
    if !symbols.is_empty() {
        let top = format!("{}-symbols", plan.archive_stem());
        let name = format!("{top}.tar.gz");
        stage::tarball::write(symbols, &top, &folder.join(&name))?;
        items.push(Item::new(name.clone(), folder.join(name)));
    }
    Ok(items)
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
