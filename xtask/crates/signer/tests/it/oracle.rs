//! Runs a tool as a judge. A missing one is said, and is a failure where all are demanded (`XTASK_ORACLES=1`).

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use signer::authority::Authority;
use zeroize::Zeroizing;

/// What a tool said.
pub struct Opinion {
    /// Whether it exited with 0.
    pub passed: bool,
    /// Both of its outputs.
    pub text: String,
}

/// Runs `program` in `folder`; `None` when it is not installed.
pub fn ask(folder: &Path, program: &str, args: &[&str]) -> Option<Opinion> {
    let output = match Command::new(program).args(args).current_dir(folder).output() {
        Ok(output) => output,
        Err(_) if std::env::var_os("XTASK_ORACLES").is_some_and(|it| it == "1") => {
            panic!("`{program}` is demanded by XTASK_ORACLES and is not installed")
        }
        Err(_) => {
            println!("not run: `{program}` is not installed");
            return None;
        }
    };
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Some(Opinion { passed: output.status.success(), text })
}

/// Runs `program` and expects success.
#[track_caller]
pub fn must_pass(folder: &Path, program: &str, args: &[&str]) -> Option<Opinion> {
    let opinion = ask(folder, program, args)?;
    assert!(opinion.passed, "{program} {}\n{}", args.join(" "), opinion.text);
    Some(opinion)
}

/// rcodesign, from the path or from where `ci --setup` puts it.
pub fn rcodesign() -> String {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cached = home.join(".cache/driver-xtask/cargo/bin/rcodesign");
    if cached.exists() { cached.display().to_string() } else { "rcodesign".to_owned() }
}

/// A folder of its own that goes when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("signer-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }
}

impl std::ops::Deref for Folder {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// One hierarchy for all tests: keys take time.
pub fn authority() -> &'static Authority {
    static ONCE: std::sync::OnceLock<Authority> = std::sync::OnceLock::new();
    ONCE.get_or_init(|| Authority::new(Zeroizing::new([9; 32]), 1_760_000_000, "REHEARSE01").unwrap())
}
