//! Where things are: the root of the checkout, and the folders we write to.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The checkout that is worked on. All paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The checkout around the current folder, or around this package when cargo runs us.
    pub fn find() -> Result<Self> {
        let here = std::env::current_dir().ok();
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let is_root = |dir: &Path| dir.join("driver/driver.toml").is_file() || dir.join("xtask/sdk").is_dir();
        let mut candidates = [here, package].into_iter().flatten();
        candidates
            .find_map(|start| start.ancestors().find(|dir| is_root(dir)).map(Path::to_owned))
            .map(|root| match std::env::var_os("CARGO_TARGET_DIR") {
                Some(dir) => Self { target: root.join(dir), root },
                None => Self::at(root),
            })
            .ok_or_else(|| {
                Error::usage("this is not inside a checkout").hint("run it where `driver/driver.toml` is")
            })
    }

    /// A checkout at a known place, which works inside itself alone: two of them never share a result.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { target: root.join("target"), root }
    }

    /// The same checkout, worked on in another folder than `target/`.
    #[must_use]
    pub fn working_in(self, target: impl Into<PathBuf>) -> Self {
        Self { target: target.into(), ..self }
    }

    /// The top of the checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where stages work: `target/dist`. Safe to delete at any time.
    pub fn work(&self) -> PathBuf {
        self.target().join("dist")
    }

    /// Cargo's target folder.
    pub fn target(&self) -> PathBuf {
        self.target.clone()
    }

    /// Where finished products go unless `--out` says otherwise.
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// `path` as a person inside the checkout would write it.
    pub fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
