//! Paths and what lies there: the one shape that folders, archives and payloads are all looked at in.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use checks::subject::Fault;
use formats::{Error, Source, container::path};

/// Most entries of a tree. What we are for has a few thousand; an app with all of Electron has 5 000.
pub const MAX_NODES: usize = 200_000;
/// Bytes of all paths of a tree together: 160 for each entry. A single path may have a thousand.
pub const MAX_PATHS: usize = 32 << 20;
/// Memory for the property lists, profiles and tickets of a tree, part of the 256 MB that an inspection may take. The seal of ten
/// thousand files takes 3 MB.
pub const MAX_DOCUMENTS: u64 = 96 << 20;

/// One entry.
#[derive(Clone)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Permission bits; `None` where the container did not keep them.
    pub mode: Option<u32>,
}

/// What an entry is.
#[derive(Clone)]
pub enum Kind {
    /// A regular file.
    File(Arc<dyn Source>),
    /// A folder.
    Folder,
    /// A symbolic link and what it says.
    Symlink(String),
    /// A device, a socket, a pipe.
    Other,
}

/// Everything below one place, by path. Paths begin with a name (never with `/`), parts are separated by `/`.
#[derive(Default)]
pub struct Tree {
    nodes: BTreeMap<String, Node>,
    /// Bytes of all paths.
    paths: usize,
    /// What could not be taken in, and why.
    pub faults: Vec<Fault>,
    /// Bytes of memory that documents of this tree have been given.
    documents: AtomicU64,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.nodes.keys()).finish()
    }
}

impl Tree {
    /// Adds an entry; one that is there already stays, and a fault says so.
    pub fn add(&mut self, path: impl Into<String>, node: Node) {
        let path = path.into();
        if self.nodes.len() >= MAX_NODES || self.paths.saturating_add(path.len()) > MAX_PATHS {
            // Said once: the last fault stays the last one.
            let what = format!(
                "more than {MAX_NODES} entries or {MAX_PATHS} bytes of paths, the rest is not looked at"
            );
            if self.faults.last().is_none_or(|it| it.what != what) {
                self.fault(&path, what);
            }
            return;
        }
        if self.nodes.contains_key(&path) {
            self.fault(&path, "it is there twice");
            return;
        }
        self.paths += path.len();
        self.nodes.insert(path, node);
    }

    /// Notes that something could not be taken in.
    pub fn fault(&mut self, path: &str, what: impl Into<String>) {
        self.faults.push(Fault { path: path.to_owned(), offset: None, what: what.into() });
    }

    /// Asks for `bytes` of memory, to keep a document or what was read from it. All documents of a tree share [`MAX_DOCUMENTS`].
    pub fn charge(&self, bytes: u64) -> Result<(), Error> {
        let before = self.documents.fetch_add(bytes, Ordering::Relaxed);
        match before.saturating_add(bytes) > MAX_DOCUMENTS {
            true => Err(Error::new(
                0,
                format!("all property lists together take more than {MAX_DOCUMENTS} bytes"),
            )),
            false => Ok(()),
        }
    }

    /// The entry at `path` itself; links are not followed.
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// The regular file at `path`; links are not followed.
    pub fn file(&self, path: &str) -> Option<&Arc<dyn Source>> {
        match &self.nodes.get(path)?.kind {
            Kind::File(source) => Some(source),
            Kind::Folder | Kind::Symlink(_) | Kind::Other => None,
        }
    }

    /// Whether `path` is a folder.
    pub fn is_folder(&self, path: &str) -> bool {
        self.nodes.get(path).is_some_and(|it| matches!(it.kind, Kind::Folder))
    }

    /// All entries, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// Everything below the folder `path`, itself not included, with paths relative to it.
    pub fn below<'a>(&'a self, path: &str) -> impl Iterator<Item = (&'a str, &'a Node)> + use<'a> {
        let prefix = format!("{path}/");
        let range = self.nodes.range::<str, _>((Bound::Excluded(prefix.as_str()), Bound::Unbounded));
        range.map_while(move |(path, node)| Some((path.strip_prefix(prefix.as_str())?, node)))
    }

    /// Where `path` really lies: links in it and at its end are followed, at most 40 of them (what macOS allows, `MAXSYMLINKS`
    /// is 32), never out of the tree. `None` when it leads nowhere.
    pub fn resolve(&self, path: &str) -> Option<String> {
        let mut path = path.to_owned();
        'links: for _ in 0..40 {
            let mut at = String::new();
            for part in path.split('/') {
                let next = if at.is_empty() { part.to_owned() } else { format!("{at}/{part}") };
                if let Some(Node { kind: Kind::Symlink(target), .. }) = self.nodes.get(&next) {
                    let rest = path.get(next.len()..).unwrap_or_default();
                    path = format!("{}{rest}", path::symlink_goal(&next, target)?);
                    continue 'links;
                }
                at = next;
            }
            return self.nodes.contains_key(&at).then_some(at);
        }
        None
    }

    /// Pairs of paths that a file system of macOS takes for one: same letters but for case, or for how accents are composed.
    ///
    /// [`names`](formats::container::names) says what is known of that here.
    pub fn clashes(&self) -> Vec<(String, String)> {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        let mut found = Vec::new();
        for path in self.nodes.keys() {
            if let Some(other) = seen.insert(formats::container::names::folded(path), path) {
                found.push((other.to_owned(), path.clone()))
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kind: Kind) -> Node {
        Node { kind, mode: None }
    }

    fn sample() -> Tree {
        let mut tree = Tree::default();
        for path in ["F.framework", "F.framework/Versions", "F.framework/Versions/A", "F.framework-notes"] {
            tree.add(path, node(Kind::Folder));
        }
        tree.add("F.framework/Versions/A/F", node(Kind::File(Arc::new(b"code".to_vec()))));
        tree.add("F.framework/Versions/Current", node(Kind::Symlink("A".into())));
        tree.add("F.framework/F", node(Kind::Symlink("Versions/Current/F".into())));
        tree.add("F.framework/out", node(Kind::Symlink("../../etc".into())));
        tree.add("F.framework/round", node(Kind::Symlink("round".into())));
        tree
    }

    #[test]
    fn links_are_followed_inside_and_not_outside() {
        let tree = sample();
        assert_eq!(tree.resolve("F.framework/F").unwrap(), "F.framework/Versions/A/F");
        assert_eq!(tree.resolve("F.framework/Versions/Current/F").unwrap(), "F.framework/Versions/A/F");
        assert_eq!(tree.resolve("F.framework/out"), None);
        assert_eq!(tree.resolve("F.framework/round"), None);
        assert_eq!(tree.resolve("F.framework/missing"), None);
    }

    #[test]
    fn a_neighbour_with_a_longer_name_is_not_inside() {
        let inside: Vec<_> = sample().below("F.framework").map(|it| it.0.to_owned()).collect();
        assert_eq!(inside.len(), 7);
        assert!(inside.iter().all(|it| !it.contains("notes")));
    }

    #[test]
    fn names_that_macos_takes_for_one_are_told() {
        let mut tree = sample();
        assert_eq!(tree.clashes(), []);
        tree.add("f.framework", node(Kind::Folder));
        tree.add("\u{dc}bung", node(Kind::Folder));
        tree.add("u\u{308}bung", node(Kind::Folder));
        assert_eq!(tree.clashes().len(), 2);
    }

    #[test]
    fn a_second_entry_of_the_same_path_is_a_fault() {
        let mut tree = sample();
        tree.add("F.framework", node(Kind::Other));
        assert_eq!(tree.faults.len(), 1);
        assert!(tree.is_folder("F.framework"));
    }
}
