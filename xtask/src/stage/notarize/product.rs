//! A product as the notary sees it: its bytes, and the hash of every piece of code in it.

use std::{
    collections::BTreeSet,
    fs::{self, Metadata},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use checks::{
    Subject,
    subject::{Found, Signature, SubjectKind},
};
use formats::{
    Source,
    document::{plist::Date, ticket::Ticket},
    signature::{
        chain::{Anchor, Trust},
        digest::HashType,
    },
};
use notary::lookup::Hash;
use sha2::{Digest as _, Sha256};

use super::staple::{self, Place};
use crate::{
    error::{Doing, Error, Result},
    inspect::{self, Asked, disk::Watch},
    rehearsal,
    stage::{package, stamp::Stamps},
    workspace::Workspace,
};

/// The time of every member of a zip that only travels to the notary: 1980-01-02, one day after zip's own beginning.
const MEMBER_TIME: u64 = 315_619_200;

/// What is to be notarized.
#[derive(Debug)]
pub struct Product {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// What is in it.
    pub subject: Subject,
    /// Everything a ticket has to cover.
    pub required: BTreeSet<Hash>,
    /// The hash by which its ticket is looked up.
    pub lookup: Hash,
}

/// The bytes that travel.
pub struct Upload {
    /// File name with extension.
    pub name: String,
    /// The bytes.
    pub source: Arc<dyn Source>,
    /// Their digest.
    pub sha256: [u8; 32],
    path: PathBuf,
    stamp: (u64, Option<SystemTime>),
}

impl Product {
    /// Opens an app, zip, pkg or dmg. Code without a signature has no hash; the preflight complains about it.
    pub fn open(path: &Path, trust: &Trust) -> Result<Self> {
        Self::of(path, inspect(path, trust)?)
    }

    /// The product at `path` that was looked into before.
    pub fn of(path: &Path, subject: Subject) -> Result<Self> {
        let (required, lookup) = hashes(&subject);
        let lookup = lookup.ok_or_else(|| {
            Error::usage(format!("cannot notarize `{}`: no signed code is in it", path.display()))
                .hint("name a signed app, zip, pkg or dmg; what is not signed yet: cargo xtask sign")
        })?;
        Ok(Self { path: path.to_owned(), name: subject.path.clone(), subject, required, lookup })
    }

    /// Where its ticket goes; `None` for a zip, which has no place for one.
    pub fn place(&self) -> Option<Place<'_>> {
        staple::place(&self.path, self.subject.kind)
    }

    /// Whether the ticket that it carries already is authentic and covers all of it.
    pub fn is_covered_by_own_ticket(&self, trust: &Trust) -> Result<bool> {
        let Some(place) = self.place() else { return Ok(false) };
        let Some(ticket) = staple::ticket(place)? else { return Ok(false) };
        Ok(judge(&ticket, trust).is_ok_and(|covered| self.required.is_subset(&covered)))
    }

    /// The bytes that travel: the file itself, or a zip of the app.
    pub fn upload(&self) -> Result<Upload> {
        let path = match self.subject.kind {
            SubjectKind::Zip | SubjectKind::Pkg | SubjectKind::Dmg => self.path.clone(),
            SubjectKind::App | SubjectKind::Dext | SubjectKind::Bundle => self.zipped()?,
            SubjectKind::MachO => {
                return Err(Error::usage(format!(
                    "the notary takes no bare Mach-O file: `{}`",
                    self.path.display()
                ))
                .hint("put it into a bundle or a package"));
            }
        };
        Upload::open(path)
    }

    fn zipped(&self) -> Result<PathBuf> {
        let workspace = Workspace::find()?;
        let goal = workspace.work().join("notary").join(format!("{}.zip", self.name));
        package::zip(&self.path, &goal, MEMBER_TIME, &Stamps::new(&workspace))?;
        Ok(goal)
    }
}

/// Looks into an app, zip, pkg or dmg.
pub fn inspect(path: &Path, trust: &Trust) -> Result<Subject> {
    if !path.exists() {
        return Err(Error::usage(format!("there is no `{}`", path.display()))
            .hint("a signed app lies below target/dist/stage after: cargo xtask sign"));
    }
    let now = Date(i64::try_from(rehearsal::now()).unwrap_or(i64::MAX));
    inspect::open(path, &Asked { trust: trust.clone(), ..Asked::at(now) })
}

impl Upload {
    /// Where the bytes lie.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open(path: PathBuf) -> Result<Self> {
        let reading = || format!("cannot read `{}`", path.display());
        let name = path.file_name().and_then(|it| it.to_str()).unwrap_or("product").to_owned();
        let stamp = stamp(&fs::metadata(&path).doing(reading)?);
        let source = Watch::default().file(&name, &path)?;
        let mut hash = Sha256::new();
        let mut file = fs::File::open(&path).doing(reading)?;
        std::io::copy(&mut file, &mut hash).doing(reading)?;
        Ok(Self { name, source, sha256: hash.finalize().into(), path, stamp })
    }

    /// Whether the file is still the one that was hashed.
    pub fn check_unchanged(&self) -> Result<(), String> {
        let found = fs::metadata(&self.path).map_err(|error| error.to_string())?;
        if stamp(&found) == self.stamp { Ok(()) } else { Err(format!("`{}` changed", self.path.display())) }
    }
}

fn stamp(it: &Metadata) -> (u64, Option<SystemTime>) {
    (it.len(), it.modified().ok())
}

/// Whether a ticket is genuine, and what it covers.
pub fn judge(ticket: &[u8], trust: &Trust) -> Result<BTreeSet<Hash>, String> {
    let ticket = Ticket::read(ticket).map_err(|error| error.to_string())?;
    let verified = ticket.verify(trust);
    if verified.is_genuine() {
        return Ok(ticket.entries.into_iter().map(|(kind, bytes)| Hash { kind, bytes }).collect());
    }
    let why = match (&verified.signature, verified.missing_markers.first()) {
        (Err(why), _) => why.clone(),
        (Ok(()), Some(marker)) => format!("a certificate lacks the marker {marker}"),
        (Ok(()), None) => match verified.chain.faults.first() {
            Some(fault) => fault.to_string(),
            None => untrusted(&verified.chain.anchor),
        },
    };
    Err(format!("the ticket is not genuine: {why}"))
}

/// Why a chain that holds together counts for nothing.
pub fn untrusted(anchor: &Anchor) -> String {
    match anchor {
        Anchor::Missing(name) => format!("its chain ends at `{name}`, which is not known here"),
        Anchor::Unknown => "its chain ends at a certificate that nobody vouches for".to_owned(),
        Anchor::Apple(_) | Anchor::Given => "its chain does not hold".to_owned(),
    }
}

/// All hashes that a ticket must cover, and the one to ask for: the container's, else the first slice's of the main executable.
pub fn hashes(subject: &Subject) -> (BTreeSet<Hash>, Option<Hash>) {
    let mut all = BTreeSet::new();
    let hash = |it: &(u8, [u8; 20])| Hash { kind: it.0, bytes: it.1 };
    let mut lookup = subject.containers.iter().find_map(|it| it.ticket_hashes.first()).map(hash);
    all.extend(subject.containers.iter().flat_map(|it| it.ticket_hashes.iter().map(hash)));
    let main = subject.bundles.first().and_then(|it| it.executable.clone());
    let mut first = None;
    for code in &subject.codes {
        for image in code.table.iter().flat_map(|it| &it.images).flatten() {
            let Found::Present(signature) = &image.signature else { continue };
            let Some(hash) = preferred(signature) else { continue };
            all.insert(hash);
            let is_main = main.as_ref() == Some(&code.path);
            if first.is_none() || (is_main && lookup.is_none()) {
                first = Some(hash);
                lookup = lookup.or(is_main.then_some(hash));
            }
        }
    }
    (all, lookup.or(first))
}

/// The hash of the code directory that macOS prefers: SHA-256 before SHA-1.
pub fn preferred(signature: &Signature) -> Option<Hash> {
    let of = |wanted: HashType| signature.directories.iter().find(|it| it.hash_type == wanted);
    let sha256 = of(HashType::Sha256).map(|it| Hash { kind: 2, bytes: it.cdhash });
    sha256.or_else(|| of(HashType::Sha1).map(|it| Hash { kind: 1, bytes: it.cdhash }))
}
