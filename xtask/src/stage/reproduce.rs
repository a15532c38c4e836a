//! Builds the product again, twice, in two folders, and compares with a release, signatures set aside.
//!
//! ```text
//!   driver/ app/ signing/ xtask/sdk ──copy──▶ folder one ──build, bundle──▶ unsigned ─┐
//!                                 └──copy──▶ folder two ──build, bundle──▶ unsigned ─┼─ first difference ─▶ Verdict
//!                                  release (.app, or .zip with one) ── unsigned part ─┘
//! ```
//! The folders lie in different places, have names of different lengths, and the second build starts when the first one ended: what
//! depends on a path, on a file's age or on the clock differs between them. Nothing is taken from `target/`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use formats::container::{bounded::Limit, zip};

use super::{
    detach::{self, Difference, Manifest},
    files,
    stamp::{Stamps, hex_digest},
};
use crate::{
    error::{Doing, Error, Result},
    inspect::disk::Watch,
    interrupt,
    plan::{BackendChoice, Plan, Request, Toolchain, Until},
    terminal,
    tools::Toolbox,
    workspace::Workspace,
};

/// What a product is built from, relative to the checkout.
const SOURCES: [&str; 4] = ["driver", "app", "signing", "xtask/sdk"];

/// How to build.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The signing file that the plan is read with; nothing is signed.
    pub signing: String,
    /// The driver's `CFBundleVersion` of the release, where it was given as `--build`.
    pub build: Option<String>,
    /// Whose tools.
    pub backend: BackendChoice,
    /// Where both rebuilt apps are left, when a person wants to look at them.
    pub keep: Option<PathBuf>,
}

/// What came out.
#[derive(Debug)]
pub struct Verdict {
    /// The release, signatures set aside.
    pub release: Manifest,
    /// What was built from: a digest over path and content of every source.
    pub sources: String,
    /// The tools that built it, by the names they were called by.
    pub tools: Vec<String>,
    /// Which two differ first, and where; `None` when all three are the same.
    pub difference: Option<(Pair, Difference)>,
}

/// Two products that were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// The two builds: the build depends on where or when it runs.
    Builds,
    /// The release and the first build: it was made from other sources or by other tools.
    Release,
}

impl Verdict {
    /// SHA-256 over the lines of the release's manifest, each with its line feed.
    pub fn digest(&self) -> String {
        let text: String = self.release.lines().iter().map(|it| format!("{it}\n")).collect();
        hex_digest(text.as_bytes())
    }
}

/// Builds the product of `workspace` twice and compares with `release`.
pub fn reproduce(release: &Path, workspace: &Workspace, asked: &Asked, tools: &Toolbox) -> Result<Verdict> {
    let cannot = || "cannot make a folder to build in";
    let near = tempfile::tempdir().doing(cannot)?;
    files::create_folder(&workspace.work())?;
    let far = tempfile::Builder::new().prefix("reproduce-").tempdir_in(workspace.work()).doing(cannot)?;
    let unpacked = near.path().join("release");
    // What cannot be read is said before anything is built.
    let release = detach::manifest(&app_of(release, &unpacked)?)?;
    let (first, names) = rebuild("first build", near.path().join("a"), workspace, asked, tools)?;
    let second_place = far.path().join("a longer name, for what depends on a path");
    let (second, _) = rebuild("second build", second_place, workspace, asked, tools)?;
    let builds = detach::first_difference(&first, &second).map(|it| (Pair::Builds, it));
    let difference =
        builds.or_else(|| detach::first_difference(&release, &first).map(|it| (Pair::Release, it)));
    Ok(Verdict { release, sources: sources(workspace)?, tools: names, difference })
}

/// One build in a folder that does not exist yet: what it gave, and the names of its tools.
fn rebuild(
    title: &str,
    folder: PathBuf,
    workspace: &Workspace,
    asked: &Asked,
    tools: &Toolbox,
) -> Result<(Manifest, Vec<String>)> {
    interrupt::check()?;
    for part in SOURCES {
        files::copy_tree(&workspace.root().join(part), &folder.join(part))?;
    }
    let root = fs::canonicalize(&folder).doing(|| format!("cannot use `{}`", folder.display()))?;
    let place = Workspace::at(root);
    let toolchain = Toolchain::find(tools, &place, asked.backend)?;
    let names =
        [&toolchain.cxx, &toolchain.cc, &toolchain.linker, &toolchain.strip].map(|it| it.name.clone());
    let request = Request {
        signing: asked.signing.clone(),
        until: Until::Bundled,
        build: asked.build.clone(),
        backend: asked.backend,
        out: None,
    };
    let plan = Plan::new(place, toolchain, &request)?;
    let bundle = terminal::group(title, || {
        let stamps = Stamps::new(&plan.workspace);
        super::bundle::bundle(&plan, super::build::build(tools, &plan, &stamps)?, &stamps)
    })?;
    let manifest = detach::manifest(bundle.path())?;
    if let Some(keep) = &asked.keep {
        let goal = keep.join(title.replace(' ', "-")).join(plan.product.app.bundle_name());
        files::remove(&goal)?;
        files::copy_tree(bundle.path(), &goal)?;
    }
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    Ok((manifest, names))
}

/// One digest over path, mode and content of everything that is built from.
fn sources(workspace: &Workspace) -> Result<String> {
    let mut text = String::new();
    for part in SOURCES {
        let top = workspace.root().join(part);
        for entry in files::walk(&top)? {
            let what = match &entry.kind {
                files::Kind::Folder => continue,
                files::Kind::Symlink(target) => format!("-> {}", target.display()),
                files::Kind::File => hex_digest(&files::read(&entry.at(&top))?),
            };
            text += &format!("{what}  {part}/{}\n", entry.path.display());
        }
    }
    Ok(hex_digest(text.as_bytes()))
}

/// The app at `path`: the folder itself, or the only one in a zip, unpacked to `goal`.
fn app_of(path: &Path, goal: &Path) -> Result<PathBuf> {
    let cannot = || format!("cannot compare with `{}`", path.display());
    let kind = fs::metadata(path).doing_as_asked(cannot)?;
    if kind.is_dir() {
        return Ok(path.to_owned());
    }
    let source = Watch::default().file("release", path)?;
    if !zip::is(source.as_ref()) {
        return Err(Error::usage(cannot())
            .because("it is neither a folder nor a zip")
            .hint("give the `.app`, or the `.zip` that has it"));
    }
    let members = zip::read(source.as_ref()).doing_as_asked(cannot)?;
    let limit = Limit::PAYLOAD;
    let mut links = Vec::new();
    for member in members {
        interrupt::check()?;
        let place = goal.join(&member.path);
        if member.is_folder() {
            files::create_folder(&place)?;
            continue;
        }
        let mut bytes = Vec::new();
        let mut unpacked = member.open(source.as_ref(), limit).doing_as_asked(cannot)?;
        io::copy(&mut unpacked, &mut bytes).doing_as_asked(cannot)?;
        match member.is_symlink() {
            true => links.push((place, String::from_utf8(bytes).doing_as_asked(cannot)?)),
            false => files::write(&place, &bytes, member.mode & 0o777)?,
        }
    }
    // Links come last, so that no member is written through one.
    for (place, target) in links {
        files::create_folder(place.parent().unwrap_or(goal))?;
        std::os::unix::fs::symlink(&target, &place).doing_as_asked(cannot)?;
    }
    only_app(goal, path)
}

/// The app at the top of an unpacked zip. `__MACOSX`, which Finder adds, is no app.
fn only_app(folder: &Path, zip: &Path) -> Result<PathBuf> {
    let cannot = || format!("cannot look into `{}`", zip.display());
    let mut apps = Vec::new();
    for entry in fs::read_dir(folder).doing(cannot)? {
        let path = entry.doing(cannot)?.path();
        if path.extension().is_some_and(|it| it == "app") {
            apps.push(path);
        }
    }
    match (apps.pop(), apps.len()) {
        (Some(app), 0) => Ok(app),
        (app, more) => Err(Error::usage(format!("cannot compare with `{}`", zip.display()))
            .because(format!("it has {} apps at its top", more + usize::from(app.is_some())))
            .hint("unpack it and name the app")),
    }
}
