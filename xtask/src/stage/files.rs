//! Files and folders as stages need them: sorted walks, writes by rename, whole trees replaced at once.

use std::{
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::error::{Doing, Error, Result};

/// A product has a few thousand files; past this a wrong folder was named.
const MAX_ENTRIES: usize = 1_000_000;

/// Folders nest a dozen deep in real bundles.
const MAX_DEPTH: usize = 64;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A symbolic link and where it points.
    Symlink(PathBuf),
}

/// Something below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the folder; empty for the top itself.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
}

impl Entry {
    /// Where it is on disk, for the folder (or file) that was walked.
    pub fn at(&self, top: &Path) -> PathBuf {
        // Joining an empty path would add a slash, which a file must not have.
        if self.path.as_os_str().is_empty() { top.to_owned() } else { top.join(&self.path) }
    }
}

/// Everything below `top` (and `top` itself when it is a file), sorted by path; links are not followed.
pub fn walk(top: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    visit(top, Path::new(""), 0, &mut entries)?;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

fn visit(top: &Path, inside: &Path, depth: usize, entries: &mut Vec<Entry>) -> Result {
    let path = if inside.as_os_str().is_empty() { top.to_owned() } else { top.join(inside) };
    let cannot = || format!("cannot look into `{}`", path.display());
    if depth > MAX_DEPTH || entries.len() > MAX_ENTRIES {
        return Err(Error::tool(cannot()).because("too many folders or files for a product"));
    }
    let meta = fs::symlink_metadata(&path).doing(cannot)?;
    let mode = meta.mode() & 0o7777;
    let add = |kind| Entry { path: inside.to_owned(), kind, mode };
    if meta.is_symlink() {
        let target = fs::read_link(&path).doing(cannot)?;
        entries.push(add(Kind::Symlink(target)));
    } else if meta.is_dir() {
        if depth > 0 {
            entries.push(add(Kind::Folder));
        }
        for child in fs::read_dir(&path).doing(cannot)? {
            let child = child.doing(cannot)?;
            visit(top, &inside.join(child.file_name()), depth + 1, entries)?;
        }
    } else if meta.is_file() {
        entries.push(add(Kind::File));
    } else {
        return Err(Error::tool(cannot()).because("it is neither a file, a folder nor a link"));
    }
    Ok(())
}

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).doing(|| format!("cannot read `{}`", path.display()))
}

/// Writes a file by rename, folders included; an equal file is left alone.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> Result {
    let cannot = || format!("cannot write `{}`", path.display());
    let same = fs::symlink_metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.len() == bytes.len() as u64 && meta.mode() & 0o7777 == mode);
    if same && fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    create_folder(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).doing(cannot)?;
    file.write_all(bytes).doing(cannot)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode)).doing(cannot)?;
    file.persist(path).map_err(|error| error.error).doing(cannot)?;
    Ok(())
}

/// Creates a folder and those above it.
pub fn create_folder(folder: &Path) -> Result {
    fs::create_dir_all(folder).doing(|| format!("cannot create the folder `{}`", folder.display()))
}

/// Copies a file, folder or link as it is: modes and links kept, times not.
pub fn copy_tree(from: &Path, to: &Path) -> Result {
    for entry in walk(from)? {
        let (source, goal) = (entry.at(from), entry.at(to));
        let cannot = || format!("cannot copy `{}` to `{}`", source.display(), goal.display());
        match &entry.kind {
            Kind::Folder => create_folder(&goal)?,
            Kind::Symlink(target) => {
                create_folder(goal.parent().unwrap_or(to))?;
                std::os::unix::fs::symlink(target, &goal).doing(cannot)?;
            }
            Kind::File => {
                create_folder(goal.parent().unwrap_or(to))?;
                fs::copy(&source, &goal).doing(cannot)?;
            }
        }
    }
    // An empty folder has no entries of its own.
    if fs::symlink_metadata(from).is_ok_and(|meta| meta.is_dir()) { create_folder(to) } else { Ok(()) }
}

/// Removes a file or folder of ours; nothing there is fine.
pub fn remove(path: &Path) -> Result {
    let cannot = || format!("cannot remove `{}`", path.display());
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).doing(cannot),
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).doing(cannot),
        Ok(_) => fs::remove_file(path).doing(cannot),
    }
}

/// A folder beside `goal` to build it in; dropped without [`Workbench::finish`] it leaves nothing.
pub struct Workbench {
    folder: tempfile::TempDir,
    goal: PathBuf,
}

impl Workbench {
    /// Beside `goal`, so that the last step is one rename.
    pub fn beside(goal: &Path) -> Result<Self> {
        let parent = goal.parent().unwrap_or(Path::new("."));
        create_folder(parent)?;
        let folder = tempfile::Builder::new()
            .prefix(".xtask-")
            .tempdir_in(parent)
            .doing(|| format!("cannot write into `{}`", parent.display()))?;
        Ok(Self { folder, goal: goal.to_owned() })
    }

    /// Where the new thing is built; it does not exist yet.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(self.goal.file_name().unwrap_or_default())
    }

    /// Puts the new thing in the place of the old one.
    pub fn finish(self) -> Result {
        let cannot = || format!("cannot put `{}` in its place", self.goal.display());
        let old = self.folder.path().join(".old");
        if fs::symlink_metadata(&self.goal).is_ok() {
            fs::rename(&self.goal, &old).doing(cannot)?;
        }
        let placed = fs::rename(self.path(), &self.goal);
        if placed.is_err() && fs::symlink_metadata(&old).is_ok() {
            fs::rename(&old, &self.goal).doing(cannot)?;
        }
        placed.doing(cannot)
    }
}
