//! Files and folders as stages need them: sorted walks, writes by rename, whole trees replaced at once.

use std::{
    fs,
    io::{self, Read, Seek, Write},
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with},
    io::Errno,
};
use signer::macho::{Edited, Piece};

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

/// Makes the file at `path`, which belongs to us, what `edited` says, for which it is the source. Where everything that is kept stays in
/// its place, only what is new is written.
pub fn write_edited(path: &Path, edited: &Edited<'_>) -> Result {
    let cannot = || format!("cannot write `{}`", path.display());
    if edited.is_in_place() {
        let file = fs::OpenOptions::new().write(true).open(path).doing(cannot)?;
        for (at, piece) in edited.pieces() {
            if let Piece::New(bytes) = piece {
                file.write_all_at(bytes, *at).doing(cannot)?;
            }
        }
        return file.set_len(formats::Source::len(edited)).doing(cannot);
    }
    let permissions = fs::metadata(path).doing(cannot)?.permissions();
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).doing(cannot)?;
    let mut source = fs::File::open(path).doing(cannot)?;
    for (_, piece) in edited.pieces() {
        match piece {
            Piece::New(bytes) => file.write_all(bytes).doing(cannot)?,
            // From file to file: the system copies, and nothing passes through here.
            Piece::Kept { offset, len } => {
                source.seek(io::SeekFrom::Start(*offset)).doing(cannot)?;
                let copied = io::copy(&mut (&source).take(*len), file.as_file_mut()).doing(cannot)?;
                if copied != *len {
                    return Err(Error::tool(cannot()).because("it became shorter meanwhile"));
                }
            }
        }
    }
    file.as_file().set_permissions(permissions).doing(cannot)?;
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
                fs::copy(&source, &goal).map_err(|error| match error.kind() {
                    io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge => Error::tool(cannot())
                        .because(error)
                        .hint("make room on that disk and run it again; nothing was changed"),
                    _ => Error::tool(cannot()).because(error),
                })?;
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
///
/// It is locked as long as its process lives. What a killed one left is found by the next one, because nobody holds its lock.
pub struct Workbench {
    folder: tempfile::TempDir,
    goal: PathBuf,
    _lock: fs::File,
}

/// How the folders are called that are built in.
const BENCH: &str = ".xtask-";

impl Workbench {
    /// Beside `goal`, so that the last step is one rename.
    pub fn beside(goal: &Path) -> Result<Self> {
        let parent = goal.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        create_folder(parent)?;
        sweep(parent)?;
        let cannot = || format!("cannot write into `{}`", parent.display());
        let hint = "get the right to write there, or name another place for the result";
        let folder = tempfile::Builder::new().prefix(BENCH).tempdir_in(parent);
        let folder = folder.doing(cannot).map_err(|it| it.hint(hint))?;
        let lock = fs::File::open(folder.path()).doing(cannot)?;
        flock(&lock, FlockOperation::LockExclusive).doing(cannot)?;
        Ok(Self { folder, goal: goal.to_owned(), _lock: lock })
    }

    /// Where the new thing is built; it does not exist yet.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(self.goal.file_name().unwrap_or_default())
    }

    /// Puts the new thing in the place of the old one.
    pub fn finish(self) -> Result {
        let cannot = || format!("cannot put `{}` in its place", self.goal.display());
        if fs::symlink_metadata(&self.goal).is_err() {
            return fs::rename(self.path(), &self.goal).doing(cannot);
        }
        // Both change places in one step, so that there is never a moment with neither.
        match renameat_with(CWD, self.path(), CWD, &self.goal, RenameFlags::EXCHANGE) {
            Ok(()) => return Ok(()),
            // A file system that cannot do this (network, FAT) or a kernel that does not know it.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            Err(error) => return Err(error).doing(cannot),
        }
        let old = self.folder.path().join(".old");
        fs::rename(&self.goal, &old).doing(cannot)?;
        let placed = fs::rename(self.path(), &self.goal);
        if placed.is_err() {
            fs::rename(&old, &self.goal).doing(cannot)?;
        }
        placed.doing(cannot)
    }
}

/// Removes what killed processes left in `parent`: folders of ours that nobody has locked and that hold something. An empty one may
/// have been made this moment, and be about to be locked.
fn sweep(parent: &Path) -> Result {
    let cannot = || format!("cannot look into `{}`", parent.display());
    for entry in fs::read_dir(parent).doing(cannot)? {
        let path = entry.doing(cannot)?.path();
        let is_bench = path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(BENCH));
        // What cannot be opened, or went away meanwhile, is somebody else's.
        let Ok(lock) = (if is_bench { fs::File::open(&path) } else { continue }) else { continue };
        let is_abandoned = lock.metadata().is_ok_and(|it| it.is_dir())
            && flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()
            && fs::read_dir(&path).is_ok_and(|mut it| it.next().is_some());
        if is_abandoned {
            remove(&path)?;
        }
    }
    Ok(())
}
