//! What lies in the bundle, compared with what was sealed.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{Entry, Envelope, Sealed, Treatment};
use crate::{
    bytes::Result,
    signature::digest::{CdHash, HashType},
};

/// Something in the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Relative to the folder that holds `_CodeSignature`, parts separated by `/`.
    pub path: String,
    /// What it is.
    pub kind: Kind,
}

/// What something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link and its target.
    Symlink(String),
    /// A device, a pipe, a socket: cannot be sealed.
    Other,
}

/// A difference between bundle and seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Sealed, not optional, and not there.
    Missing,
    /// There, to be sealed, and not sealed.
    Added,
    /// Its content is another one.
    Altered {
        /// The algorithm that shows it.
        hash: HashType,
        /// The hash in the seal.
        sealed: Vec<u8>,
        /// The hash of what is there.
        found: Vec<u8>,
    },
    /// The link leads elsewhere: what was sealed, what is there.
    Target(String, String),
    /// Another kind of thing than what was sealed.
    WrongKind {
        /// "file", "symbolic link" or "nested code".
        sealed: &'static str,
        /// What is there.
        found: Kind,
    },
    /// A thing that can be no resource.
    Unsupported,
}

/// Code with a signature of its own; whoever evaluates the bundle must look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NestedCode {
    /// Where it is.
    pub path: String,
    /// What it must satisfy, in the text form of the requirement language.
    pub requirement: String,
    /// Its cdhash when it was sealed: of some slice and some code directory.
    pub cdhash: Option<CdHash>,
}

/// What came of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Differences by path, sorted.
    pub differences: BTreeMap<String, Difference>,
    /// Nested code that is there and sealed as such; not looked into.
    pub nested: Vec<NestedCode>,
    /// Files whose hashes were compared.
    pub n_hashed: usize,
}

/// Computes the digests of the file at a path, one for each algorithm, in that order.
pub type Digest<'a> = dyn Fn(&str, &[HashType]) -> Result<Vec<Vec<u8>>> + Sync + 'a;

/// Compares `listing` (everything below the folder that holds `_CodeSignature`, in any order, folders included)
/// with `envelope`, as Security does.
///
/// `executable` is the main executable's path; its signature covers it. `hashes` are the algorithms of the code
/// directories. `digest` is called once for each sealed file, from several threads. What the caller does not want
/// judged (AppleDouble files that stand for extended attributes) must not be in the listing.
pub fn evaluate(
    envelope: &Envelope,
    executable: Option<&str>,
    listing: &[Found],
    hashes: &[HashType],
    digest: &Digest<'_>,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut to_hash: Vec<(&str, &Entry)> = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (found, is_nested) in walk(envelope, executable, listing) {
        let path = found.path.as_str();
        seen.insert(path);
        if found.kind == Kind::Other {
            outcome.differences.insert(found.path.clone(), Difference::Unsupported);
            continue;
        }
        let Some(entry) = envelope.entries.get(path) else {
            // Version 1 ignores links altogether.
            let is_ignored = envelope.version == 1 && matches!(found.kind, Kind::Symlink(_));
            if !is_ignored {
                outcome.differences.insert(found.path.clone(), Difference::Added);
            }
            continue;
        };
        match (&entry.sealed, &found.kind) {
            (Sealed::Nested { requirement, cdhash }, Kind::File | Kind::Folder) => {
                let (path, requirement) = (found.path.clone(), requirement.clone());
                outcome.nested.push(NestedCode { path, requirement, cdhash: *cdhash });
            }
            (Sealed::Symlink(sealed), Kind::Symlink(target)) if sealed == target => {}
            (Sealed::Symlink(sealed), Kind::Symlink(target)) => {
                let difference = Difference::Target(sealed.clone(), target.clone());
                outcome.differences.insert(found.path.clone(), difference);
            }
            (Sealed::File(_), Kind::File) => to_hash.push((path, entry)),
            (sealed, _) => {
                let sealed = match sealed {
                    Sealed::File(_) => "file",
                    Sealed::Symlink(_) => "symbolic link",
                    Sealed::Nested { .. } => "nested code",
                };
                let difference = Difference::WrongKind { sealed, found: found.kind.clone() };
                outcome.differences.insert(found.path.clone(), difference);
            }
        }
        debug_assert!(is_nested || found.kind != Kind::Folder, "a folder is visited as nested code only");
    }
    for (path, entry) in &envelope.entries {
        if !entry.is_optional && !seen.contains(path.as_str()) {
            outcome.differences.insert(path.clone(), Difference::Missing);
        }
    }
    outcome.n_hashed = to_hash.len();
    let altered: Vec<_> = to_hash
        .into_par_iter()
        .map(|(path, entry)| {
            compare(path, entry, hashes, digest).map(|it| it.map(|it| (path.to_owned(), it)))
        })
        .collect::<Result<_>>()?;
    outcome.differences.extend(altered.into_iter().flatten());
    Ok(outcome)
}

/// What Security's scan would hand over, parents before children, and whether as nested code.
///
/// A folder that a nested rule matches is code when its name has a dot, and is then not entered; so is an excluded
/// folder. All other folders are entered and are nothing by themselves.
fn walk<'a>(envelope: &Envelope, executable: Option<&str>, listing: &'a [Found]) -> Vec<(&'a Found, bool)> {
    let mut sorted: Vec<&Found> = listing.iter().collect();
    sorted.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
    let mut visited = Vec::new();
    let mut closed: Option<&str> = None;
    for found in sorted {
        let is_inside = closed
            .is_some_and(|folder| found.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
        if is_inside {
            continue;
        }
        let treatment = envelope.rules.treatment(&found.path, executable);
        match (&found.kind, treatment) {
            (Kind::Folder, Treatment::Excluded) => closed = Some(&found.path),
            (Kind::Folder, Treatment::Sealed { is_nested: true, .. }) if name(found).contains('.') => {
                closed = Some(&found.path);
                visited.push((found, true));
            }
            (Kind::Folder, _) => {}
            (Kind::Other, _) => visited.push((found, false)),
            // A link can never be nested code.
            (Kind::Symlink(_), Treatment::Sealed { .. }) => visited.push((found, false)),
            (Kind::File, Treatment::Sealed { is_nested, .. }) => visited.push((found, is_nested)),
            (
                Kind::File | Kind::Symlink(_),
                Treatment::Excluded | Treatment::Omitted | Treatment::Unmatched,
            ) => {}
        }
    }
    visited
}

fn name(found: &Found) -> &str {
    found.path.rsplit('/').next().unwrap_or(&found.path)
}

fn compare(
    path: &str,
    entry: &Entry,
    hashes: &[HashType],
    digest: &Digest<'_>,
) -> Result<Option<Difference>> {
    let found = digest(path, hashes)?;
    let pairs = hashes.iter().zip(found);
    let altered = pairs.into_iter().find_map(|(&hash, found)| {
        let sealed = entry.hash(hash).unwrap_or_default();
        (sealed != found).then(|| Difference::Altered { hash, sealed: sealed.to_vec(), found })
    });
    Ok(altered)
}
