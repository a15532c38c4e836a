//! The private folder around a run's keychain. It is its own journal: a folder that nobody holds was left by a crash.
//!
//! ```text
//!   ~/.cache/driver-xtask/keychains/      0700
//!   ├─ search-list.lock
//!   └─ 3f9c…/                             0700, one per run
//!      ├─ held                            locked while the run lives; the system lets go when it dies
//!      └─ driver-xtask-3f9c….keychain-db  the name says whose it is, in every list that shows it
//! ```

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use super::{random, search_list, security};
use crate::{
    error::{Doing, Error, Result},
    setup,
    stage::{files, stamp::hex},
    terminal,
    tools::Toolbox,
};

const HELD: &str = "held";

/// A run's folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _held: File,
}

/// Where all of them are.
pub(super) fn top() -> Result<PathBuf> {
    let cache = setup::cache().ok_or_else(|| {
        Error::usage("there is no place for a keychain").because("neither `HOME` nor `XDG_CACHE_HOME` is set")
    })?;
    let top = cache.join("keychains");
    create_private(&top)?;
    Ok(top)
}

impl Folder {
    pub(super) fn create() -> Result<Self> {
        // Between making a folder and holding it, another run may take it for a crashed one's; then there is a next name.
        for _ in 0..5 {
            let path = top()?.join(hex(&random::<8>()?));
            create_private(&path)?;
            if let Some(held) = hold(&path)? {
                return Ok(Self { path, _held: held });
            }
        }
        Err(Error::tool("cannot make a folder for the keychain").because("other runs take each of them away"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn keychain(&self) -> PathBuf {
        keychain_in(&self.path)
    }

    /// Takes the keychain off the search list, deletes it, and removes the folder. Deleting is tried even when the list cannot be written; the
    /// folder stays as long as anything else does, so that the next run finds it.
    pub(super) fn remove(self, tools: &Toolbox) -> Result {
        let keychain = self.keychain();
        let listed = search_list::remove(tools, &keychain);
        let deleted = delete(tools, &keychain);
        listed.and(deleted)?;
        files::remove(&self.path)
    }
}

/// Takes away what crashed runs left. Folders of runs that live are let alone.
pub fn sweep(tools: &Toolbox) -> Result {
    let top = top()?;
    let cannot = || format!("cannot look into `{}`", top.display());
    for entry in fs::read_dir(&top).doing(cannot)? {
        let path = entry.doing(cannot)?.path();
        if !path.is_dir() {
            continue;
        }
        if let Some(held) = hold(&path)? {
            terminal::warn("an earlier run left its keychain; it is taken away");
            Folder { path, _held: held }.remove(tools)?;
        }
    }
    Ok(())
}

/// How many crashed runs left a keychain. Changes nothing.
pub fn left_behind() -> Result<usize> {
    let Some(top) = setup::cache().map(|it| it.join("keychains")).filter(|it| it.is_dir()) else {
        return Ok(0);
    };
    let cannot = || format!("cannot look into `{}`", top.display());
    let mut count = 0;
    for entry in fs::read_dir(&top).doing(cannot)? {
        let path = entry.doing(cannot)?.path();
        count += usize::from(path.is_dir() && hold(&path)?.is_some());
    }
    Ok(count)
}

/// The lock of a folder; `None` when a living run holds it, or when it went away meanwhile.
fn hold(folder: &Path) -> Result<Option<File>> {
    let path = folder.join(HELD);
    let cannot = || format!("cannot lock `{}`", path.display());
    let file = match OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.doing(cannot)?,
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error).doing(cannot),
    }
}

fn keychain_in(folder: &Path) -> PathBuf {
    let id = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.join(format!("driver-xtask-{id}.keychain-db"))
}

/// One that was never made is gone already: a failed `create-keychain` leaves nothing to delete, on a Mac as little as here.
fn delete(tools: &Toolbox, keychain: &Path) -> Result {
    let call = security::delete(keychain).even_when_interrupted();
    let output = tools.try_run(&call)?;
    let said = output.complaints();
    let is_gone = output.status.success() || said.contains("could not be found");
    if is_gone {
        return Ok(());
    }
    Err(Error::tool(format!("cannot {}", call.purpose()))
        .because(said)
        .hint(format!("security delete-keychain '{}'", keychain.display())))
}

fn create_private(folder: &Path) -> Result {
    let mut builder = fs::DirBuilder::new();
    let created = builder.recursive(true).mode(0o700).create(folder);
    created.doing(|| format!("cannot create the folder `{}`", folder.display()))
}

/// Writes a file that nobody else can read, from its first byte on.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    opened.and_then(|mut file| file.write_all(bytes)).doing(|| format!("cannot write `{}`", path.display()))
}
