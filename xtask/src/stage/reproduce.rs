//! Builds the product again, twice, in two folders, and compares with a release, signatures set aside.
//!
//! ```text
//!   driver/ app/ signing/ xtask/sdk ──copy──▶ folder one ──build, bundle──▶ unsigned ─┐
//!                                 └──copy──▶ folder two ──build, bundle──▶ unsigned ─┼─ first difference ─▶ Verdict
//!                       release (.app, or .zip or .pkg with one) ── unsigned part ─┘
//! ```
//! The folders lie in different places, have names of different lengths, and the second build starts when the first one ended: what
//! depends on a path, on a file's age or on the clock differs between them. Nothing is taken from `target/`. Debug information is compared in the
//! same way. A prebuilt part is taken as it is, and the verdict says so: nobody here can say what it is made of.

mod release;
mod versions;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    detach::{self, Difference, Manifest},
    files,
    stamp::{Stamps, hex_digest},
};
use crate::{
    config::{Origin, Product},
    error::{Doing, Error, Result},
    interrupt,
    plan::{BackendChoice, Plan, Request, Toolchain, Until},
    terminal,
    tools::Toolbox,
    workspace::Workspace,
};
use release::app_of;

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
    /// The folder with the release's debug information; what lies beside the release as `symbols` when absent.
    pub symbols: Option<PathBuf>,
    /// What somebody else built from the same sources, in the place of two builds here.
    pub elsewhere: Option<PathBuf>,
}

/// What came out.
#[derive(Debug)]
pub struct Verdict {
    /// The release, signatures set aside.
    pub release: Manifest,
    /// What was built from: a digest over path and content of every source.
    pub sources: String,
    /// The tools that built it, by the names they were called by, and what each says it is.
    pub tools: Vec<(String, String)>,
    /// Parts that were taken as they are: path in the checkout, digest over everything in it.
    pub prebuilt: Vec<(String, String)>,
    /// Debug information, by path, with its digest; the same in both builds unless that is the difference.
    pub symbols: Symbols,
    /// Whether the release's debug information was at hand, and where.
    pub compared_symbols: Option<PathBuf>,
    /// Which two differ first, and where; `None` when all three are the same.
    pub difference: Option<(Pair, Difference)>,
}

/// Files of debug information and their SHA-256.
pub type Symbols = BTreeMap<String, String>;

/// Two products that were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// The two builds: the build depends on where or when it runs.
    Builds,
    /// The release and the first build: it was made from other sources or by other tools.
    Release,
    /// The release and what somebody else built.
    Elsewhere,
}

/// One build.
struct Build {
    app: Manifest,
    symbols: Symbols,
    tools: Vec<(String, String)>,
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
    // What cannot be read is said before anything is built.
    let shipped = detach::manifest(&app_of(release, &near.path().join("release"))?)?;
    let theirs = symbols_of_release(release, asked)?;
    let prebuilt = prebuilt(workspace)?;
    let sources = sources(workspace, &prebuilt)?;
    let prebuilt = prebuilt.into_iter().map(|it| Ok((it.clone(), digest_of(workspace, &it)?)));
    let prebuilt = prebuilt.collect::<Result<Vec<_>>>()?;
    if let Some(path) = &asked.elsewhere {
        let other = detach::manifest(&app_of(path, &near.path().join("elsewhere"))?)?;
        let difference = detach::first_difference(&shipped, &other).map(|it| (Pair::Elsewhere, it));
        let (tools, symbols) = (Vec::new(), Symbols::new());
        return Ok(Verdict {
            release: shipped,
            sources,
            tools,
            prebuilt,
            symbols,
            compared_symbols: None,
            difference,
        });
    }
    files::create_folder(&workspace.work())?;
    let far = tempfile::Builder::new().prefix("reproduce-").tempdir_in(workspace.work()).doing(cannot)?;
    let parts: Vec<&str> = SOURCES.into_iter().chain(prebuilt.iter().map(|it| it.0.as_str())).collect();
    let first = rebuild("first build", near.path().join("a"), workspace, &parts, asked, tools)?;
    let second_place = far.path().join("a longer name, for what depends on a path");
    let second = rebuild("second build", second_place, workspace, &parts, asked, tools)?;
    let app = |pair, a: &Manifest, b: &Manifest| detach::first_difference(a, b).map(|it| (pair, it));
    let symbols = |pair, a: &Symbols, b: &Symbols| first_difference(a, b).map(|it| (pair, it));
    let difference = app(Pair::Builds, &first.app, &second.app)
        .or_else(|| symbols(Pair::Builds, &first.symbols, &second.symbols))
        .or_else(|| app(Pair::Release, &shipped, &first.app))
        .or_else(|| symbols(Pair::Release, &theirs.as_ref()?.1, &first.symbols));
    Ok(Verdict {
        release: shipped,
        sources,
        tools: first.tools,
        prebuilt,
        symbols: first.symbols,
        compared_symbols: theirs.map(|it| it.0),
        difference,
    })
}

/// One build in a folder that does not exist yet.
fn rebuild(
    title: &str,
    folder: PathBuf,
    workspace: &Workspace,
    parts: &[&str],
    asked: &Asked,
    tools: &Toolbox,
) -> Result<Build> {
    interrupt::check()?;
    for part in parts {
        // A prebuilt part may lie in one of the folders that are copied anyway.
        if fs::symlink_metadata(folder.join(part)).is_err() {
            files::copy_tree(&workspace.root().join(part), &folder.join(part))?;
        }
    }
    let root = fs::canonicalize(&folder).doing(|| format!("cannot use `{}`", folder.display()))?;
    let place = Workspace::at(root);
    let toolchain = Toolchain::find(tools, &place, asked.backend)?;
    let versions = versions::of(&toolchain, tools);
    let request = Request {
        signing: asked.signing.clone(),
        until: Until::Bundled,
        build: asked.build.clone(),
        backend: asked.backend,
        exceptions: Vec::new(),
        out: None,
    };
    let plan = Plan::new(place, toolchain, &request)?;
    let (bundle, symbols) = terminal::group(title, || {
        let stamps = Stamps::new(&plan.workspace);
        let built = super::build::build(tools, &plan, &stamps)?;
        let symbols = symbols_of(&built.symbols())?;
        Ok((super::bundle::bundle(&plan, built, &stamps)?, symbols))
    })?;
    let app = detach::manifest(bundle.path())?;
    if let Some(keep) = &asked.keep {
        let goal = keep.join(title.replace(' ', "-")).join(plan.product.app.bundle_name());
        files::remove(&goal)?;
        files::copy_tree(bundle.path(), &goal)?;
    }
    Ok(Build { app, symbols, tools: versions })
}

/// The debug information of a release: the folder that was named, or `symbols` beside the release.
fn symbols_of_release(release: &Path, asked: &Asked) -> Result<Option<(PathBuf, Symbols)>> {
    let beside = release.parent().map(|it| it.join("symbols")).filter(|it| it.is_dir());
    let Some(folder) = asked.symbols.clone().or(beside) else { return Ok(None) };
    let cannot = || format!("cannot look into `{}`", folder.display());
    let mut all = Vec::new();
    for entry in fs::read_dir(&folder).doing_as_asked(cannot)? {
        let path = entry.doing(cannot)?.path();
        if path.extension().is_some_and(|it| it == "dSYM") {
            all.push(path);
        }
    }
    if all.is_empty() {
        return Err(Error::usage(cannot())
            .because("there is no `.dSYM` in it")
            .hint("name the folder that `dist` left as `symbols`"));
    }
    let symbols = symbols_of(&all.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    Ok(Some((folder, symbols)))
}

/// Every file of these `.dSYM` folders.
fn symbols_of(folders: &[&Path]) -> Result<Symbols> {
    let mut all = Symbols::new();
    for folder in folders {
        let name = crate::plan::file_name(folder);
        for entry in files::walk(folder)?.iter().filter(|it| it.kind == files::Kind::File) {
            let path = format!("symbols/{name}/{}", entry.path.display());
            all.insert(path, hex_digest(&files::read(&entry.at(folder))?));
        }
    }
    Ok(all)
}

fn first_difference(expected: &Symbols, found: &Symbols) -> Option<Difference> {
    let path = expected.keys().chain(found.keys()).filter(|it| expected.get(*it) != found.get(*it)).min()?;
    let told = |of: &Symbols| of.get(path).map(|it| format!("debug information {it}"));
    Some(Difference { path: path.clone(), expected: told(expected), found: told(found) })
}

/// Prebuilt parts, by their paths in the checkout.
fn prebuilt(workspace: &Workspace) -> Result<Vec<String>> {
    let product = Product::load(workspace)?;
    let origins = product.drivers.iter().map(|it| &it.origin).chain([&product.app.origin]);
    let mut found = Vec::new();
    for origin in origins {
        let Origin::Prebuilt { path } = origin else { continue };
        let whole = fs::canonicalize(path).doing_as_asked(|| format!("cannot read `{}`", path.display()))?;
        let root = fs::canonicalize(workspace.root()).doing(|| "cannot find the checkout")?;
        let inside = whole.strip_prefix(&root).ok().and_then(Path::to_str);
        let inside = inside.ok_or_else(|| {
            Error::usage(format!("cannot build again with `{}`", path.display()))
                .because("it is prebuilt and lies outside the checkout, so it would not be where the copy looks for it")
                .hint("copy it into the checkout, or compare with a product built elsewhere: `--with PATH`")
        })?;
        found.push(inside.to_owned());
    }
    Ok(found)
}

/// One digest over path and content of everything that is built from, prebuilt parts included.
fn sources(workspace: &Workspace, prebuilt: &[String]) -> Result<String> {
    let parts = SOURCES.into_iter().chain(prebuilt.iter().map(String::as_str));
    let text: Result<String> = parts.map(|part| lines(workspace, part)).collect();
    Ok(hex_digest(text?.as_bytes()))
}

fn digest_of(workspace: &Workspace, part: &str) -> Result<String> {
    Ok(hex_digest(lines(workspace, part)?.as_bytes()))
}

fn lines(workspace: &Workspace, part: &str) -> Result<String> {
    let top = workspace.root().join(part);
    let mut text = String::new();
    for entry in files::walk(&top)? {
        let what = match &entry.kind {
            files::Kind::Folder => continue,
            files::Kind::Symlink(target) => format!("-> {}", target.display()),
            files::Kind::File => hex_digest(&files::read(&entry.at(&top))?),
        };
        text += &format!("{what}  {part}/{}\n", entry.path.display());
    }
    Ok(text)
}
