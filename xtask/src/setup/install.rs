//! Installs what is missing: prints each command before it runs, asks first on a terminal.

use std::{
    io::{BufRead, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use super::needs::{Need, Purpose, Source, needs};
use crate::{
    error::{Doing, Error, Result},
    stage::files,
    terminal,
    tools::{Call, Toolbox},
    workspace::Workspace,
};

/// Compiling the slowest tool takes five minutes on two cores.
const DEADLINE: Duration = Duration::from_secs(45 * 60);

/// Package managers we know, each with how it asks for its index and how it installs.
struct Manager {
    program: &'static str,
    update: Option<&'static [&'static str]>,
    install: &'static [&'static str],
    as_root: bool,
    packages: fn(&Source) -> &'static [&'static str],
}

const MANAGERS: &[Manager] = &[
    Manager {
        program: "apt-get",
        update: Some(&["update"]),
        install: &["install", "--yes", "--no-install-recommends"],
        as_root: true,
        packages: |source| match source {
            Source::System { apt, .. } => apt,
            _ => &[],
        },
    },
    Manager {
        program: "dnf",
        update: None, // dnf refreshes its index itself
        install: &["install", "-y"],
        as_root: true,
        packages: |source| match source {
            Source::System { dnf, .. } => dnf,
            _ => &[],
        },
    },
    Manager {
        program: "pacman",
        update: Some(&["-Sy", "--noconfirm"]),
        install: &["-S", "--needed", "--noconfirm"],
        as_root: true,
        packages: |source| match source {
            Source::System { pacman, .. } => pacman,
            _ => &[],
        },
    },
    Manager {
        program: "brew",
        update: Some(&["update"]),
        install: &["install"],
        as_root: false,
        packages: |source| match source {
            Source::System { brew, .. } => brew,
            _ => &[],
        },
    },
];

/// The user's cache: tools that no package manager has are kept there, built once per machine.
pub fn cache() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = from("XDG_CACHE_HOME").or_else(|| Some(from("HOME")?.join(".cache")))?;
    Some(base.join("driver-xtask"))
}

/// Where tools in the cache are found.
pub fn cached_programs() -> Vec<PathBuf> {
    let Some(cache) = cache() else { return Vec::new() };
    vec![cache.join("cargo/bin"), cache.join("python/bin"), cache.join("node/node_modules/.bin")]
}

/// Installs what `purpose` needs and this machine lacks.
pub fn install(purpose: Purpose, yes: bool, tools: &Toolbox, workspace: &Workspace) -> Result {
    let missing: Vec<Need> =
        needs(purpose, tools.host()).into_iter().filter(|need| !need.is_met(tools)).collect();
    if missing.is_empty() {
        terminal::step("Ready", "nothing is missing");
        return Ok(());
    }
    if missing.iter().any(|need| need.source == Source::Xcode) {
        return Err(Error::tool("Xcode is missing")
            .hint("install Xcode from the App Store, open it once, then `sudo xcode-select -s /Applications/Xcode.app`"));
    }
    let calls = commands(&missing, tools, workspace)?;
    for call in &calls {
        terminal::note(format_args!("will run  {call}"));
    }
    if !yes && std::env::var_os("CI").is_none() && terminal::is_interactive() && !agreed()? {
        return Err(Error::tool("nothing was installed").because("you did not agree"));
    }
    for call in calls {
        let call = with_packaged_llvm(call, tools)?;
        terminal::step("Running", &call);
        tools.run(&call.deadline(DEADLINE))?;
    }
    tools.look_again();
    lief_wrapper(&missing)?;
    tools.look_again();
    let still: Vec<&str> = missing.iter().filter(|need| !need.is_met(tools)).map(|need| need.name).collect();
    if still.is_empty() {
        return Ok(());
    }
    Err(Error::tool("still missing after the installation").because(still.join(", ")))
}

/// The commands that would install what is missing, as text.
pub fn shown_commands(missing: &[Need], tools: &Toolbox, workspace: &Workspace) -> Vec<String> {
    match commands(missing, tools, workspace) {
        Ok(calls) => calls.iter().map(Call::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
}

fn agreed() -> Result<bool> {
    let mut stderr = std::io::stderr();
    write!(stderr, "Run these commands? [y/N] ").and_then(|()| stderr.flush()).doing(|| "cannot ask")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).doing(|| "cannot read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn commands(missing: &[Need], tools: &Toolbox, workspace: &Workspace) -> Result<Vec<Call>> {
    let mut calls = system_commands(missing, tools)?;
    let cache = || cache().ok_or_else(|| Error::usage("neither HOME nor XDG_CACHE_HOME is set"));
    let mut python = Vec::new();
    let mut node = Vec::new();
    for need in missing {
        match need.source {
            Source::Cargo { name, version } => calls.push(
                Call::new("cargo", format!("install `{name}`"))
                    .args(["install", name, "--version", version, "--locked", "--root"])
                    .arg(cache()?.join("cargo"))
                    // Its own folder: ours may be in use by the cargo that runs us.
                    .env("CARGO_TARGET_DIR", workspace.target().join("tools"))
                    .folder(workspace.root()),
            ),
            Source::Pip { name, version } => python.push(format!("{name}=={version}")),
            Source::Npm { name, version } => node.push(format!("{name}@{version}")),
            Source::System { .. } | Source::Xcode => {}
        }
    }
    if !python.is_empty() {
        let folder = cache()?.join("python");
        calls.push(Call::new("python3", "make a virtual environment").args(["-m", "venv"]).arg(&folder));
        let pip = folder.join("bin/python");
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        calls.push(Call::new(pip, "install Python tools").args(install).args(python));
    }
    if !node.is_empty() {
        let install = Call::new("npm", "install Node.js tools").args([
            "install",
            "--no-audit",
            "--no-fund",
            "--prefix",
        ]);
        calls.push(install.arg(cache()?.join("node")).args(node));
    }
    Ok(calls)
}

fn system_commands(missing: &[Need], tools: &Toolbox) -> Result<Vec<Call>> {
    let wanted = missing.iter().filter(|need| matches!(need.source, Source::System { .. }));
    let wanted: Vec<&Need> = wanted.collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = wanted.iter().map(|need| need.name).collect();
    let manager = MANAGERS.iter().find(|manager| tools.find(manager.program).is_some()).ok_or_else(|| {
        Error::tool("no package manager that we know (apt-get, dnf, pacman, brew)")
            .hint(format!("install these yourself: {}", names.join(", ")))
    })?;
    let mut packages: Vec<String> = wanted
        .iter()
        .flat_map(|need| (manager.packages)(&need.source))
        .map(|name| (*name).to_owned())
        .collect();
    packages.sort();
    packages.dedup();
    let mut calls = Vec::new();
    if let Some(update) = manager.update {
        calls.push(privileged(manager, format!("update the index of `{}`", manager.program)).args(update));
    }
    calls.push(
        privileged(manager, format!("install {}", names.join(", "))).args(manager.install).args(packages),
    );
    Ok(calls)
}

/// LLVM 19 is what the tests were written with. Where a newer Debian or Ubuntu no longer packages it, the newest
/// release that the tests cover is installed instead; the index is current by the time this is asked.
fn with_packaged_llvm(call: Call, tools: &Toolbox) -> Result<Call> {
    let installs_llvm =
        call.arguments().iter().any(|arg| arg == "llvm-19" || arg == "clang-19" || arg == "lld-19");
    if !installs_llvm {
        return Ok(call);
    }
    for version in ["19", "21", "20"] {
        let known =
            Call::new("apt-cache", "look for LLVM").args(["show", "--quiet", &format!("clang-{version}")]);
        if tools.try_run(&known)?.status.success() {
            return Ok(call.replacing("-19", &format!("-{version}")));
        }
    }
    Err(Error::tool("no LLVM that the tests cover is packaged (19, 20, 21)")
        .hint("install clang, lld and llvm of one of these versions yourself"))
}

fn privileged(manager: &Manager, purpose: String) -> Call {
    let is_root = rustix::process::geteuid().is_root();
    let call = match manager.as_root && !is_root {
        true => Call::new("sudo", purpose).arg(manager.program),
        false => Call::new(manager.program, purpose),
    };
    call.env("DEBIAN_FRONTEND", "noninteractive")
}

/// LIEF is a library: a small link named `lief-python` is the interpreter that has it.
fn lief_wrapper(missing: &[Need]) -> Result {
    let wanted = missing.iter().any(|need| need.programs.contains(&"lief-python"));
    let Some(folder) = cache().filter(|_| wanted) else { return Ok(()) };
    let link = folder.join("python/bin/lief-python");
    files::remove(&link)?;
    std::os::unix::fs::symlink(Path::new("python"), &link)
        .doing(|| format!("cannot create `{}`", link.display()))
}
