//! A test's work bench: a folder of stand-ins under the real tools' names, their state, a script and a record.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    PORTABLE, SDK, manual,
    record::{self, Call, RECORD},
    run::{STAND_INS, STATE},
    script::SCRIPT,
};

/// The bench. Everything on it is gone when it is dropped.
#[derive(Debug)]
pub struct Bench {
    folder: tempfile::TempDir,
    portable: Option<PathBuf>,
}

impl Bench {
    /// Builds the program, if it is not built yet, and lays out every tool.
    pub fn new() -> io::Result<Self> {
        Self::with_program(&built_program()?)
    }

    /// Lays out every tool as a name of `program`.
    pub fn with_program(program: &Path) -> io::Result<Self> {
        let bench = Self { folder: tempfile::tempdir()?, portable: None };
        fs::create_dir(bench.tools())?;
        fs::create_dir(bench.state())?;
        fs::write(bench.script_file(), "")?;
        for page in manual::all() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(program, bench.tools().join(page.tool))?;
            #[cfg(not(unix))]
            fs::copy(program, bench.tools().join(page.tool)).map(drop)?;
        }
        Ok(bench)
    }

    /// The folder to be searched before all others.
    pub fn tools(&self) -> PathBuf {
        self.folder.path().join("tools")
    }

    /// Where the tools keep what macOS would keep.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn script_file(&self) -> PathBuf {
        self.folder.path().join("script.toml")
    }

    fn record_file(&self) -> PathBuf {
        self.folder.path().join("calls.jsonl")
    }

    /// Says what the tools are to answer from now on (TOML, see [`crate::script`]). What was used up before does not count.
    pub fn script(&self, text: &str) -> io::Result<()> {
        let uses = self.state().join("script-uses");
        if uses.exists() {
            fs::remove_dir_all(uses)?;
        }
        fs::write(self.script_file(), text)
    }

    /// Names our own tool (`env!("CARGO_BIN_EXE_xtask")` in its tests), which makes what LLVM has no tool for.
    #[must_use]
    pub fn with_portable(mut self, program: impl Into<PathBuf>) -> Self {
        self.portable = Some(program.into());
        self
    }

    /// The environment of a simulated Mac: under it the tools work, and our own program takes itself to be on a Mac, labels everything it
    /// makes as simulated, and finds them without any `PATH`.
    pub fn env(&self) -> Vec<(&'static str, OsString)> {
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk");
        let mut env = vec![
            (STAND_INS, self.tools().into()),
            (STATE, self.state().into()),
            (SCRIPT, self.script_file().into()),
            (RECORD, self.record_file().into()),
            (SDK, sdk.into()),
        ];
        env.extend(self.portable.iter().map(|it| (PORTABLE, it.clone().into())));
        env
    }

    /// A `PATH` on which the stand-ins come first.
    pub fn path(&self) -> io::Result<OsString> {
        let before = std::env::var_os("PATH").unwrap_or_default();
        std::env::join_paths(std::iter::once(self.tools()).chain(std::env::split_paths(&before)))
            .map_err(io::Error::other)
    }

    /// All calls so far.
    pub fn calls(&self) -> io::Result<Vec<Call>> {
        record::read(&self.record_file())
    }
}

/// `target/…/stand-in`, brought up to date by cargo: a test of another package cannot ask cargo for it by name.
fn built_program() -> io::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--package", "stand-ins", "--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: serde_json::Value = serde_json::from_str(line)?;
        if let Some(path) = message.get("executable").and_then(|it| it.as_str()) {
            return Ok(PathBuf::from(path));
        }
    }
    Err(io::Error::other("cargo names no executable for the package `stand-ins`"))
}
