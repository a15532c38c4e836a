//! A checkout of its own for a test: the real driver, app and SDKs, and the real program run in it.

#![expect(dead_code, reason = "each test file uses a part of this")]

pub mod serve;

use std::{
    ffi::OsStr,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use xtask::{setup, tools::Toolbox};

/// The repository that is tested.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package is a folder of the repository")
        .to_owned()
}

/// A copy of driver/, app/, signing/ and the SDKs in a folder of its own.
pub struct Checkout {
    folder: tempfile::TempDir,
}

/// How a run ended.
pub struct Ended {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The result.
    pub stdout: String,
    /// The story.
    pub stderr: String,
}

impl Checkout {
    /// Copies what a product consists of.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["driver", "app", "signing", "xtask/sdk"] {
            copy(&root().join(part), &folder.path().join("checkout").join(part));
        }
        Self { folder }
    }

    /// A checkout whose product is the app alone: builds in a third of the time.
    pub fn without_driver() -> Self {
        let checkout = Self::new();
        checkout.edit("app/app.toml", |text| {
            text.replace("drivers = [\"../driver/driver.toml\"]", "drivers = []")
        });
        checkout
    }

    /// Its top.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("checkout")
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Changes a text file; the change must change something.
    #[track_caller]
    pub fn edit(&self, name: &str, change: impl Fn(String) -> String) {
        let before = fs::read_to_string(self.file(name)).unwrap();
        let after = change(before.clone());
        assert_ne!(before, after, "the edit of {name} changes nothing");
        fs::write(self.file(name), after).unwrap();
    }

    /// The program, ready to run in this checkout.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.current_dir(self.path());
        // The test's own cargo must not tell the program where it is.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_TARGET_DIR", "DRIVERKIT_SDK", "MACOS_SDK", "GITHUB_ACTIONS"]
        {
            command.env_remove(name);
        }
        command.env("CI", "true").env("SOURCE_DATE_EPOCH", "1790000000");
        command
    }

    /// The program on a simulated Mac, with a home of its own.
    pub fn command_on(&self, mac: &stand_ins::Bench) -> Command {
        let mut command = self.command();
        let home = self.folder.path().join("home");
        fs::create_dir_all(&home).unwrap();
        let temporary = self.folder.path().join("tmp");
        fs::create_dir_all(&temporary).unwrap();
        command.envs(mac.env()).env("HOME", home).env("TMPDIR", temporary).env_remove("XDG_CACHE_HOME");
        command.env_remove("DEVELOPER_DIR");
        command
    }

    /// Runs the program on a simulated Mac; it must exit with 0.
    #[track_caller]
    pub fn run_well_on<A: AsRef<OsStr>>(&self, mac: &stand_ins::Bench, args: &[A]) -> Ended {
        let ended = Ended::of(self.command_on(mac).args(args));
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        ended
    }

    /// Runs the program to its end.
    pub fn run<A: AsRef<OsStr>>(&self, args: &[A]) -> Ended {
        Ended::of(self.command().args(args))
    }

    /// Runs the program, which must exit with 0.
    #[track_caller]
    pub fn run_well<A: AsRef<OsStr>>(&self, args: &[A]) -> Ended {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        ended
    }
}

impl Ended {
    /// Runs a command and keeps everything.
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    xtask::stage::files::copy_tree(from, to).unwrap();
}

/// Whether the tools that build are there. A missing one is told, and is a failure where all are asked for.
pub fn can_build() -> bool {
    let tools = Toolbox::new();
    let needs = setup::needs(setup::Purpose::Build, tools.host()).into_iter();
    let missing: Vec<&str> = needs.filter(|need| !need.is_met(&tools)).map(|need| need.name).collect();
    if missing.is_empty() {
        return true;
    }
    not_run(&format!("{} not installed", missing.join(", ")));
    false
}

/// Says that something was not tried. Where every second opinion is asked for, that is a failure.
#[track_caller]
pub fn not_run(why: &str) {
    let asked = std::env::var_os("XTASK_ORACLES").is_some();
    assert!(!asked, "not run, although XTASK_ORACLES asks for it: {why}");
    say(why);
}

/// Past what the test harness captures, or a test that passes would say it to nobody.
fn say(why: &str) {
    std::io::stderr().write_all(format!("not run: {why}\n").as_bytes()).unwrap();
}

/// The platform's way of naming a tool of LLVM 19.
pub fn llvm(name: &str) -> Option<PathBuf> {
    which::which(format!("{name}-19")).or_else(|_| which::which(name)).ok()
}
