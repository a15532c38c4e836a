//! Work that need not be done again: a result is kept while the digest of everything it was made from is the same.
//!
//! A stamp is a small JSON file below `target/dist/stamps`. Deleting it costs time and nothing else.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Mutex,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    error::{Doing, Error, Result},
    stage::files,
    workspace::Workspace,
};

/// SHA-256 in hex.
pub fn hex_digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a result was made from, as one digest.
#[derive(Clone)]
pub struct Key(Sha256);

impl Key {
    /// Adds text: options, versions.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Adds bytes, with their length, so that two neighbours cannot swap a byte.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// A file as a result left it. Size, time and inode change with the bytes unless somebody hides it on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Left {
    path: PathBuf,
    size: u64,
    modified: i64,
    nanoseconds: i64,
    mode: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stamp {
    key: String,
    discovered: Vec<PathBuf>,
    outputs: Vec<Left>,
}

/// All stamps of a checkout.
pub struct Stamps {
    folder: PathBuf,
    program: String,
    hashed: Mutex<HashMap<PathBuf, (Left, String)>>,
}

impl Stamps {
    /// The stamps of a checkout.
    pub fn new(workspace: &Workspace) -> Self {
        // In-process work changes with this program, whose identity is its own file.
        let program =
            std::env::current_exe().ok().and_then(|path| left(&path)).map(|left| format!("{left:?}"));
        let folder = workspace.work().join("stamps");
        Self {
            folder,
            program: program.unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
            hashed: Mutex::default(),
        }
    }

    /// A key that starts with the name of the work.
    pub fn key(&self, name: &str) -> Key {
        let mut key = Key(Sha256::new());
        key.text(name);
        key
    }

    /// Adds this program to the key: for work that is done in this process.
    pub fn add_program(&self, key: &mut Key) {
        key.text(&self.program);
    }

    /// Adds a file's path and content.
    pub fn add_file(&self, key: &mut Key, path: &Path) -> Result {
        key.text(&path.to_string_lossy());
        key.text(&self.digest(path)?);
        Ok(())
    }

    /// Adds every file below a folder, or the file itself: paths, modes, contents, symlinks' targets.
    pub fn add_tree(&self, key: &mut Key, top: &Path) -> Result {
        for entry in files::walk(top)? {
            key.text(&entry.path.to_string_lossy());
            match &entry.kind {
                files::Kind::File => {
                    key.text(&format!("{:o}", entry.mode & 0o111));
                    key.text(&self.digest(&entry.at(top))?);
                }
                files::Kind::Symlink(target) => key.text(&target.to_string_lossy()),
                files::Kind::Folder => key.text("/"),
            }
        }
        Ok(())
    }

    /// SHA-256 of a file's content; read once per run as long as the file stays as it is.
    fn digest(&self, path: &Path) -> Result<String> {
        let cannot = || format!("cannot read `{}`", path.display());
        let now = left(path).ok_or_else(|| Error::tool(cannot()).because("it is not there"))?;
        if let Ok(hashed) = self.hashed.lock()
            && let Some((then, digest)) = hashed.get(path)
            && *then == now
        {
            return Ok(digest.clone());
        }
        let mut file = fs::File::open(path).doing(cannot)?;
        let mut hasher = Sha256::new();
        std::io::copy(&mut file, &mut hasher).doing(cannot)?;
        let digest = hex(&hasher.finalize());
        if let Ok(mut hashed) = self.hashed.lock() {
            hashed.insert(path.to_owned(), (now, digest.clone()));
        }
        Ok(digest)
    }

    /// Whether `name` was last done with this key and its outputs are as it left them.
    pub fn is_fresh(&self, name: &str, key: &Key) -> bool {
        let Some(stamp) = self.read(name) else { return false };
        let mut key = key.clone();
        let known = stamp.discovered.iter().all(|path| self.add_file(&mut key, path).is_ok());
        known
            && key.finish() == stamp.key
            && stamp.outputs.iter().all(|then| left(&then.path).as_ref() == Some(then))
    }

    /// Remembers that `name` was done. `discovered` are files that turned out to be read.
    pub fn record(&self, name: &str, key: Key, discovered: Vec<PathBuf>, outputs: &[PathBuf]) -> Result {
        let mut key = key;
        for path in &discovered {
            self.add_file(&mut key, path)?;
        }
        let mut outputs: Vec<Left> = Vec::from_iter(self.leave(outputs)?);
        outputs.sort_by(|a, b| a.path.cmp(&b.path));
        let stamp = Stamp { key: key.finish(), discovered, outputs };
        let json = serde_json::to_vec(&stamp).doing(|| "cannot write a stamp")?;
        files::write(&self.path(name), &json, 0o644)
    }

    /// Forgets that `name` was done; called before its outputs are touched.
    pub fn forget(&self, name: &str) -> Result {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).doing(|| format!("cannot remove the stamp of `{name}`"))
            }
            _ => Ok(()),
        }
    }

    fn leave(&self, outputs: &[PathBuf]) -> Result<Vec<Left>> {
        let mut all = Vec::new();
        for output in outputs {
            for entry in files::walk(output)? {
                let path = entry.at(output);
                if entry.kind == files::Kind::Folder {
                    continue;
                }
                let left = left(&path).ok_or_else(|| {
                    Error::tool(format!("`{}` was not written, or went away", path.display()))
                })?;
                all.push(left);
            }
        }
        Ok(all)
    }

    fn read(&self, name: &str) -> Option<Stamp> {
        serde_json::from_slice(&fs::read(self.path(name)).ok()?).ok()
    }

    /// A file for what the work `name` must remember between runs.
    pub fn record_of(&self, name: &str) -> PathBuf {
        self.folder.join(hex_digest(format!("record of {name}").as_bytes()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(hex_digest(name.as_bytes()))
    }
}

fn left(path: &Path) -> Option<Left> {
    let meta = fs::symlink_metadata(path).ok()?;
    Some(Left {
        path: path.to_owned(),
        size: meta.size(),
        modified: meta.mtime(),
        nanoseconds: meta.mtime_nsec(),
        mode: meta.mode(),
    })
}
