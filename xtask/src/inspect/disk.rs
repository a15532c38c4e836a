//! Files and folders of this machine, read by positioned reads.
//!
//! A mapped file that shrinks would kill us; a positioned read says so. Size, time and identity of every file are noted when the
//! folder is walked and compared when it is opened and after everything was read.

use std::{
    borrow::Cow,
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use formats::{Error, Result, Source, container::path};

use super::tree::{Kind, Node, Tree};
use crate::error::Doing;

/// Files up to this size are read whole, once: parsers read them in small pieces.
const SMALL: u64 = 2 << 20;
/// All files kept whole together; beyond it, every read goes to the disk.
const KEPT: u64 = 48 << 20;
/// Large files kept open at a time: half of the 256 descriptors a Mac gives a process by default.
const MAX_OPEN: u64 = 128;

/// What tells that a file is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: (i64, i64),
    place: (u64, u64),
}

impl Stamp {
    fn of(it: &Metadata) -> Self {
        Self { len: it.len(), modified: (it.mtime(), it.mtime_nsec()), place: (it.dev(), it.ino()) }
    }
}

/// What is shared by all files of one inspection.
#[derive(Default)]
struct Budget {
    kept: AtomicU64,
    open: AtomicU64,
}

impl Budget {
    /// Takes `amount` of what is left of `limit`.
    fn take(counter: &AtomicU64, amount: u64, limit: u64) -> bool {
        let take = |it: u64| it.checked_add(amount).filter(|it| *it <= limit);
        counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// Everything that was looked at on disk, to be compared once more at the end.
#[derive(Default)]
pub struct Watch {
    seen: Mutex<Vec<(String, PathBuf, Stamp)>>,
    budget: Arc<Budget>,
}

impl Watch {
    fn note(&self, name: &str, at: &Path, it: &Metadata) -> Stamp {
        let stamp = Stamp::of(it);
        let mut seen = self.seen.lock().unwrap_or_else(|it| it.into_inner());
        seen.push((name.to_owned(), at.to_owned(), stamp));
        stamp
    }

    /// Paths of what is not any more as it was when the walk met it.
    pub fn changed(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap_or_else(|it| it.into_inner());
        let is_changed =
            |at: &Path, stamp: &Stamp| fs::symlink_metadata(at).map(|it| Stamp::of(&it)).ok() != Some(*stamp);
        seen.iter().filter(|(_, at, stamp)| is_changed(at, stamp)).map(|it| it.0.clone()).collect()
    }

    /// The file at `at`, called `name` in reports.
    pub fn file(&self, name: &str, at: &Path) -> crate::Result<Arc<dyn Source>> {
        let found = fs::metadata(at).doing_as_asked(|| format!("cannot read `{}`", at.display()))?;
        // A link that was typed is followed, so that what is watched is the file itself.
        let at = fs::canonicalize(at).doing_as_asked(|| format!("cannot read `{}`", at.display()))?;
        let stamp = self.note(name, &at, &found);
        Ok(Arc::new(FileSource::new(at, stamp, self.budget.clone())))
    }

    /// The folder at `at` and everything in it; its own entry is called `name`.
    pub fn folder(&self, name: &str, at: &Path) -> crate::Result<Tree> {
        let at = fs::canonicalize(at).doing_as_asked(|| format!("cannot read `{}`", at.display()))?;
        let found = fs::symlink_metadata(&at).doing_as_asked(|| format!("cannot read `{}`", at.display()))?;
        let mut tree = Tree::default();
        self.note(name, &at, &found);
        tree.add(name, Node { kind: Kind::Folder, mode: Some(found.mode() & 0o7777) });
        let mut open = vec![(name.to_owned(), at, 1)];
        while let Some((name, at, depth)) = open.pop() {
            let entries = match fs::read_dir(&at) {
                Ok(entries) => entries,
                Err(error) => {
                    tree.fault(&name, format!("the folder cannot be read: {error}"));
                    continue;
                }
            };
            for entry in entries {
                match entry {
                    Ok(entry) => self.entry(&mut tree, &mut open, &name, &entry, depth),
                    Err(error) => tree.fault(&name, format!("the folder cannot be read: {error}")),
                }
            }
        }
        Ok(tree)
    }

    fn entry(
        &self,
        tree: &mut Tree,
        open: &mut Vec<(String, PathBuf, usize)>,
        parent: &str,
        entry: &fs::DirEntry,
        depth: usize,
    ) {
        let at = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return tree.fault(parent, format!("the file name {:?} is not UTF-8", entry.file_name()));
        };
        let name = format!("{parent}/{name}");
        let found = match fs::symlink_metadata(&at) {
            Ok(found) => found,
            Err(error) => return tree.fault(&name, format!("it cannot be read: {error}")),
        };
        let stamp = self.note(&name, &at, &found);
        let kind = found.file_type();
        let kind = if kind.is_symlink() {
            match fs::read_link(&at).map(|it| it.into_os_string().into_string()) {
                Ok(Ok(target)) => Kind::Symlink(target),
                Ok(Err(target)) => {
                    return tree.fault(&name, format!("the link's target {target:?} is not UTF-8"));
                }
                Err(error) => return tree.fault(&name, format!("the link cannot be read: {error}")),
            }
        } else if kind.is_dir() {
            if depth >= path::MAX_DEPTH {
                return tree.fault(&name, format!("more than {} levels of folders", path::MAX_DEPTH));
            }
            open.push((name.clone(), at, depth + 1));
            Kind::Folder
        } else if kind.is_file() {
            Kind::File(Arc::new(FileSource::new(at, stamp, self.budget.clone())))
        } else {
            debug_assert!(
                kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device()
            );
            Kind::Other
        };
        tree.add(name, Node { kind, mode: Some(found.mode() & 0o7777) });
    }
}

/// A file of this machine.
struct FileSource {
    at: PathBuf,
    stamp: Stamp,
    budget: Arc<Budget>,
    /// The whole of a small file.
    whole: OnceLock<Vec<u8>>,
    /// A large file, kept open.
    handle: OnceLock<File>,
}

impl FileSource {
    fn new(at: PathBuf, stamp: Stamp, budget: Arc<Budget>) -> Self {
        Self { at, stamp, budget, whole: OnceLock::new(), handle: OnceLock::new() }
    }

    /// Opens the very file that the walk met: no link in its place, nothing that would block.
    fn open(&self) -> io::Result<File> {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
        let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
        let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(&self.at)?;
        match Stamp::of(&file.metadata()?) == self.stamp {
            true => Ok(file),
            false => Err(io::Error::other("the file changed while it was being read")),
        }
    }

    fn fetch(&self, file: &File, offset: u64, len: usize) -> Result<Vec<u8>> {
        let mut out = vec![0; len];
        file.read_exact_at(&mut out, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Error::new(offset, "the file became shorter while it was being read")
            }
            _ => Error::new(offset, format!("it cannot be read: {error}")),
        })?;
        Ok(out)
    }
}

impl Source for FileSource {
    fn len(&self) -> u64 {
        self.stamp.len
    }

    fn read(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        let end = offset.checked_add(len as u64).filter(|it| *it <= self.stamp.len);
        if end.is_none() {
            let there = self.stamp.len.saturating_sub(offset);
            return Err(Error::new(offset, format!("{len} bytes wanted, {there} there")));
        }
        if let Some(whole) = self.whole.get() {
            return whole.as_slice().read(offset, len).map(|it| Cow::Owned(it.into_owned()));
        }
        if let Some(file) = self.handle.get() {
            return self.fetch(file, offset, len).map(Cow::Owned);
        }
        let file = self.open().map_err(|it| Error::new(offset, format!("it cannot be read: {it}")))?;
        let size = self.stamp.len;
        if size <= SMALL && Budget::take(&self.budget.kept, size, KEPT) {
            let whole = self.fetch(&file, 0, usize::try_from(size).expect("at most SMALL"))?;
            // Another thread may have been first; then its bytes are the same ones.
            return Source::read(self.whole.get_or_init(|| whole), offset, len);
        }
        if size > SMALL && Budget::take(&self.budget.open, 1, MAX_OPEN) {
            return self.fetch(self.handle.get_or_init(|| file), offset, len).map(Cow::Owned);
        }
        self.fetch(&file, offset, len).map(Cow::Owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("A.app/Contents")).unwrap();
        fs::write(folder.path().join("A.app/Contents/Info.plist"), "small").unwrap();
        fs::write(folder.path().join("A.app/Contents/large"), vec![7; SMALL as usize + 5]).unwrap();
        std::os::unix::fs::symlink("Info.plist", folder.path().join("A.app/Contents/link")).unwrap();
        folder
    }

    fn source(tree: &Tree, path: &str) -> Arc<dyn Source> {
        tree.file(path).unwrap().clone()
    }

    #[test]
    fn a_folder_becomes_a_tree() {
        let folder = folder();
        let watch = Watch::default();
        let tree = watch.folder("A.app", &folder.path().join("A.app")).unwrap();
        let paths: Vec<_> = tree.iter().map(|it| it.0).collect();
        let expected = [
            "A.app",
            "A.app/Contents",
            "A.app/Contents/Info.plist",
            "A.app/Contents/large",
            "A.app/Contents/link",
        ];
        assert_eq!(paths, expected);
        assert_eq!(*source(&tree, "A.app/Contents/Info.plist").read(1, 3).unwrap(), *b"mal");
        assert_eq!(*source(&tree, "A.app/Contents/large").read(SMALL, 5).unwrap(), [7; 5]);
        assert!(source(&tree, "A.app/Contents/large").read(SMALL, 6).is_err());
        assert!(watch.changed().is_empty());
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_told() {
        let folder = folder();
        let large = folder.path().join("A.app/Contents/large");
        let watch = Watch::default();
        let tree = watch.folder("A.app", &folder.path().join("A.app")).unwrap();
        source(&tree, "A.app/Contents/large").read(0, 5).unwrap();
        fs::OpenOptions::new().write(true).open(&large).unwrap().set_len(3).unwrap();
        let error = source(&tree, "A.app/Contents/large").read(0, 5).unwrap_err();
        assert!(error.what.contains("shorter while"), "{error}");
        assert_eq!(watch.changed(), ["A.app/Contents/large"]);
    }

    #[test]
    fn a_file_replaced_by_a_link_or_a_pipe_is_not_followed() {
        let folder = folder();
        let small = folder.path().join("A.app/Contents/Info.plist");
        let tree = Watch::default().folder("A.app", &folder.path().join("A.app")).unwrap();
        fs::remove_file(&small).unwrap();
        std::os::unix::fs::symlink("large", &small).unwrap();
        assert!(source(&tree, "A.app/Contents/Info.plist").read(0, 1).is_err());
        fs::remove_file(&small).unwrap();
        fs::write(&small, "other").unwrap();
        let error = source(&tree, "A.app/Contents/Info.plist").read(0, 1).unwrap_err();
        assert!(error.what.contains("changed while"), "{error}");
    }
}
