//! Products: where a tool must leave a file behind, something of ours or of LLVM's makes it. It is simulated all the same.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{run::Answer, synopsis::Words};

/// The variable that names the folder with our SDK subsets, `DriverKit` and `MacOSX`.
pub const SDK: &str = "XTASK_STAND_IN_SDK";

/// The variable that names our own tool, which makes what LLVM has no tool for.
pub const PORTABLE: &str = "XTASK_STAND_IN_PORTABLE";

/// Does what `tool` would do, when we have something that can.
pub(crate) fn make(tool: &str, args: &[String], words: &Words, sdk: Option<&str>) -> io::Result<Answer> {
    match tool {
        "clang" | "clang++" => compile(tool, args, sdk.unwrap_or("macosx")),
        "dsymutil" => llvm("dsymutil", args.iter().map(Into::into)),
        "strip" => llvm("llvm-strip", args.iter().map(Into::into)),
        "lipo" => lipo(words),
        "ditto" => ditto(words),
        "iig" => iig(args, sdk.unwrap_or("driverkit")),
        _ => Ok(Answer::cannot(tool, "its work")),
    }
}

/// Apple's compiler driver finds SDK and linker by itself; Debian's is told. A driver is linked by the recipe of our portable backend.
fn compile(tool: &str, args: &[String], sdk: &str) -> io::Result<Answer> {
    let mut all: Vec<OsString> = Vec::new();
    if !args.iter().any(|it| it == "-isysroot") {
        all.extend(["-isysroot".into(), open_sdk(sdk)?.into()]);
    }
    let is_linking =
        !args.iter().any(|it| matches!(it.as_str(), "-c" | "-E" | "-S" | "-fsyntax-only" | "--version"));
    if is_linking {
        let linker = find("ld64.lld").ok_or_else(|| io::Error::other("no ld64.lld on the PATH"))?;
        // Both: the path says which, the name tells the driver what it may ask of it.
        all.extend(["-fuse-ld=lld".into(), format!("--ld-path={}", linker.display()).into()]);
        if sdk == "driverkit" {
            all.extend(
                ["-Wl,-e,__mh_execute_header", "-Wl,-fixup_chains", "-Wl,-encryptable"].map(Into::into),
            );
        }
    }
    all.extend(args.iter().map(Into::into));
    llvm(tool, all)
}

pub(crate) fn open_sdk(sdk: &str) -> io::Result<PathBuf> {
    let name = match sdk {
        "driverkit" => "DriverKit",
        "macosx" => "MacOSX",
        _ => return Err(io::Error::other(format!("there is no SDK `{sdk}`"))),
    };
    let folder = std::env::var_os(SDK).ok_or_else(|| io::Error::other(format!("`{SDK}` names no folder")))?;
    Ok(Path::new(&folder).join(name))
}

fn llvm(tool: &str, args: impl IntoIterator<Item = OsString>) -> io::Result<Answer> {
    match find(tool) {
        Some(program) => run(Command::new(program).args(args)),
        None => Ok(Answer::cannot(tool, "LLVM's is not on the PATH")),
    }
}

/// LLVM's program of that name, with the suffix of a version that is tested first; never this program under another name.
fn find(tool: &str) -> Option<PathBuf> {
    let ourselves = std::env::current_exe().and_then(fs::canonicalize).ok()?;
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let names = ["-19", "-21", "-20", ""].map(|suffix| format!("{tool}{suffix}"));
    let candidates = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.into_iter().find(|it| fs::canonicalize(it).is_ok_and(|real| real != ourselves))
}

fn run(command: &mut Command) -> io::Result<Answer> {
    let output = command.output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // A program that was killed has no code; no real one ends with 255 here.
    let exit = output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255);
    Ok(Answer { exit, stdout: text(&output.stdout), stderr: text(&output.stderr), stdin: None })
}

/// Plain `lipo` is `cargo xtask lipo` without its policy.
fn lipo(words: &Words) -> io::Result<Answer> {
    let Some(program) = std::env::var_os(PORTABLE) else {
        return Ok(Answer::cannot("lipo", &format!("`{PORTABLE}` names no program of ours")));
    };
    let output = words.value("-output");
    let mut args: Vec<&str> = vec!["lipo", "--no-policy"];
    if words.has("-create") {
        args.push("create");
    } else if let Some(arch) = words.value("-thin") {
        args.extend(["thin", "--arch", arch]);
    } else if words.has("-archs") {
        args.push("archs");
    } else if words.has("-verify_arch") {
        args.push("verify-arch");
    } else {
        return Ok(Answer::cannot("lipo", "this operation"));
    }
    args.extend(words.operands.iter().map(String::as_str));
    args.extend(words.all("-verify_arch"));
    args.extend(output.iter().flat_map(|it| ["--output", *it]));
    run(Command::new(program).args(args))
}

/// Our own generator has Apple's spelling of the arguments; the SDK, which xcrun tells Apple's, is told ours.
fn iig(args: &[String], sdk: &str) -> io::Result<Answer> {
    let Some(program) = std::env::var_os(PORTABLE) else {
        return Ok(Answer::cannot("iig", &format!("`{PORTABLE}` names no program of ours")));
    };
    run(Command::new(program).args(["iig", "--sdk"]).arg(open_sdk(sdk)?).args(args))
}

/// `ditto A B` copies a tree, its modes and links with it. Archives are not made here.
fn ditto(words: &Words) -> io::Result<Answer> {
    let [from, to] = words.operands.as_slice() else {
        return Ok(Answer::cannot("ditto", "merging several sources"));
    };
    if words.has("-c") || words.has("-x") {
        return Ok(Answer::cannot("ditto", "an archive"));
    }
    if fs::symlink_metadata(from).is_err() {
        return Ok(Answer::fails(1, format!("ditto: can't get real path for source '{from}'\n")));
    }
    copy(Path::new(from), Path::new(to))?;
    Ok(Answer::default())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_symlink() {
        #[cfg(unix)]
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
        #[cfg(not(unix))]
        return Err(io::Error::other("links are copied on Unix only"));
    }
    if kind.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return fs::set_permissions(to, fs::metadata(from)?.permissions());
    }
    fs::copy(from, to).map(drop)
}
