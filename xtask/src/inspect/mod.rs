//! Disk → [`checks::Subject`]: opens what lies there and writes down what it is, without any opinion.
//!
//! ```text
//!   path ─▶ disk ─▶ Source ─┬─ zip, pkg ─▶ archive ─▶ spool ─┐
//!           (Watch)         ├─ dmg: trailer only             ├─▶ Tree ─▶ bundle, code, ticket ─▶ Subject
//!                           └─ folder, bare Mach-O ──────────┘
//! ```
//! ```no_run
//! # fn f(now: formats::document::plist::Date) -> xtask::Result {
//! let subject = xtask::inspect::open("Host.app".as_ref(), &xtask::inspect::Asked::at(now))?;
//! let outcomes = checks::run(&subject, &checks::Policy::default());
//! # Ok(()) }
//! ```

pub mod apple;
pub mod archive;
pub mod bundle;
pub mod code;
pub mod codesign;
pub mod component;
pub mod disk;
pub mod identity;
pub mod mounted;
pub mod package;
pub mod requirement;
pub mod spool;
pub mod tree;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use checks::{
    Subject,
    subject::{Code, Fault, Found, SubjectKind, Ticket, TicketContent},
};
use formats::{
    Source,
    document::plist::Date,
    signature::{
        chain::Trust,
        digest::{HashType, Hasher},
    },
};
use rayon::prelude::*;

use self::{
    bundle::Facts,
    code::Beside,
    disk::Watch,
    package::{Opened, Recognised},
    requirement::Evidence,
    tree::{Kind, Node, Tree},
};
use crate::error::{Doing, Error, Result};

/// What an inspection has to know beforehand.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The moment to judge at.
    pub now: Date,
    /// Roots beside Apple's pinned ones.
    pub trust: Trust,
    /// Path prefixes of build machines to look for in code.
    pub private_prefixes: Vec<String>,
    /// Where the disk image is mounted that is looked at; without it, its file system is not looked into.
    pub mounted: Option<PathBuf>,
}

impl Asked {
    /// Apple's roots only, nothing to look for.
    pub fn at(now: Date) -> Self {
        Self { now, trust: Trust::default(), private_prefixes: Vec::new(), mounted: None }
    }
}

/// Reads the product at `path`. An error means that there is nothing there to look at; whatever can be looked at and is broken
/// is in the subject.
pub fn open(path: &Path, asked: &Asked) -> Result<Subject> {
    let watch = Watch::default();
    let name = name(path)?;
    let found = std::fs::metadata(path).doing_as_asked(|| format!("cannot read `{}`", path.display()))?;
    let mut subject = if found.is_dir() {
        folder(&name, watch.folder(&name, path)?, asked)
    } else if found.is_file() {
        file(&name, watch.file(&name, path)?, asked)?
    } else {
        return Err(Error::usage(format!("`{}` is neither a file nor a folder", path.display())));
    };
    if let Some(at) = &asked.mounted {
        if subject.kind != SubjectKind::Dmg {
            return Err(Error::usage(format!(
                "`{}` is no disk image, so it is mounted nowhere",
                path.display()
            )));
        }
        let mut tree = mounted::volume(&watch, at)?;
        for (path, package) in mounted::packages(&mut tree, asked) {
            subject.tickets.extend(stapled(&path, package.ticket, asked));
            subject.containers.push(package.container);
        }
        fill(&mut subject, tree, asked);
        subject.unopened.clear();
    }
    for path in watch.changed() {
        let what = "it changed while it was being read; nothing said about it can be relied on".to_owned();
        subject.faults.push(Fault { path, offset: None, what });
    }
    Ok(subject)
}

fn name(path: &Path) -> Result<String> {
    let whole = std::fs::canonicalize(path).doing_as_asked(|| format!("cannot read `{}`", path.display()))?;
    // The name as typed; of `.` or `..` the one they stand for.
    let name = path.file_name().or_else(|| whole.file_name()).and_then(|it| it.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| Error::usage(format!("`{}` has no name that is UTF-8", path.display())))
}

/// The folder `name`, with everything in it as paths that begin with that name.
pub fn folder(name: &str, tree: Tree, asked: &Asked) -> Subject {
    let mut subject = Subject { path: name.to_owned(), now: asked.now, ..Subject::default() };
    fill(&mut subject, tree, asked);
    subject.kind = match name.rsplit_once('.').map(|it| it.1) {
        Some("app") => SubjectKind::App,
        Some("dext") => SubjectKind::Dext,
        _ => SubjectKind::Bundle,
    };
    subject
}

/// The file `name`: what it is, its bytes say. An error means that it is nothing that can be verified.
pub fn file(name: &str, source: Arc<dyn Source>, asked: &Asked) -> Result<Subject> {
    let mut subject = Subject { path: name.to_owned(), now: asked.now, ..Subject::default() };
    let unreadable = |error: formats::Error| Fault {
        path: name.to_owned(),
        offset: Some(error.offset),
        what: error.what.into(),
    };
    let by_name = name.rsplit_once('.').map(|it| it.1.to_ascii_lowercase());
    subject.kind = match by_name.as_deref() {
        Some("pkg") => SubjectKind::Pkg,
        Some("dmg") => SubjectKind::Dmg,
        Some("zip") => SubjectKind::Zip,
        _ => SubjectKind::MachO,
    };
    let opened = match package::kind(&source) {
        Ok(Some(Recognised::Pkg)) => {
            subject.kind = SubjectKind::Pkg;
            package::pkg(name, source.as_ref(), asked)
        }
        Ok(Some(Recognised::Dmg(koly))) => {
            subject.kind = SubjectKind::Dmg;
            package::dmg(name, source.as_ref(), &koly, asked)
        }
        Ok(Some(Recognised::Zip)) => {
            subject.kind = SubjectKind::Zip;
            package::zip(name, source.as_ref())
        }
        Ok(None) if code::is_macho(source.as_ref()) => {
            subject.kind = SubjectKind::MachO;
            let mut tree = Tree::default();
            tree.add(name, Node { kind: Kind::File(source), mode: None });
            fill(&mut subject, tree, asked);
            return Ok(subject);
        }
        Ok(None) if subject.kind == SubjectKind::MachO => {
            let hint = "give an app, dext or other bundle, a Mach-O file, a zip, pkg or dmg";
            return Err(Error::usage(format!("`{name}` is nothing that can be verified")).hint(hint));
        }
        Ok(None) => Err(formats::Error::new(0, format!("it is no {} by its bytes", subject.kind.name()))),
        Err(error) => Err(error),
    };
    match opened {
        Ok(Opened { container, tree, ticket, unopened }) => {
            subject.tickets.extend(stapled(name, ticket, asked));
            subject.containers.push(container);
            let unopened =
                unopened.into_iter().map(|what| Fault { path: name.to_owned(), offset: None, what });
            subject.unopened.extend(unopened);
            fill(&mut subject, tree, asked);
        }
        Err(error) => subject.faults.push(unreadable(error)),
    }
    Ok(subject)
}

/// Everything in a tree: bundles, code, tickets.
fn fill(subject: &mut Subject, mut tree: Tree, asked: &Asked) {
    let in_order = bundle::find(&mut tree);
    let paths: BTreeSet<String> = in_order.iter().cloned().collect();
    let facts = facts(&mut tree, &paths);
    subject.faults.append(&mut tree.faults);
    let mut beside: BTreeMap<String, Beside> = BTreeMap::new();
    for path in &in_order {
        let (bundle, around) =
            bundle::read(&tree, path, holder(path, &paths).map(str::to_owned), &facts, asked);
        if let Some(executable) = &bundle.executable {
            beside.insert(executable.clone(), around);
        }
        subject.bundles.push(bundle);
    }
    let read = |path: &String| -> Option<(Code, Vec<Evidence>)> {
        let none = Beside::default();
        Some(code::read(path, tree.file(path)?, beside.get(path).unwrap_or(&none), asked))
    };
    // Many small files at a time; a large one alone, its pages in parallel: hostile ones take tens of megabytes each.
    let is_small = |path: &&String| tree.file(path).is_none_or(|it| it.len() <= code::SMALL);
    let (small, large): (Vec<&String>, Vec<&String>) = facts.machos.iter().partition(is_small);
    let mut codes: Vec<_> = small.into_par_iter().filter_map(read).collect();
    codes.extend(large.into_iter().filter_map(read));
    codes.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    let mut evidence = BTreeMap::new();
    for (code, found) in codes {
        evidence.insert(code.path.clone(), found);
        subject.codes.push(code);
    }
    for bundle in &subject.bundles {
        let ticket = bundle::bytes(&tree, &format!("{}/Contents/CodeResources", bundle.path));
        subject.tickets.extend(stapled(&bundle.path, ticket, asked));
    }
    requirement::fulfil(&mut subject.bundles, &evidence);
}

/// The bundle that directly holds `path`.
fn holder<'a>(path: &str, bundles: &'a BTreeSet<String>) -> Option<&'a str> {
    let mut above = path;
    while let Some((folder, _)) = above.rsplit_once('/') {
        if let Some(found) = bundles.get(folder) {
            return Some(found);
        }
        above = folder;
    }
    None
}

/// What is known of every regular file. Those in a bundle are hashed, once and in parallel, since a seal may name them; of others a
/// few bytes say what they are. What cannot be read becomes a fault.
fn facts(tree: &mut Tree, bundles: &BTreeSet<String>) -> Facts {
    let files: Vec<(String, Arc<dyn Source>)> = tree
        .iter()
        .filter_map(|(path, node)| match &node.kind {
            Kind::File(source) => Some((path.to_owned(), source.clone())),
            Kind::Folder | Kind::Symlink(_) | Kind::Other => None,
        })
        .collect();
    let looked: Vec<_> = files
        .par_iter()
        .map(|(path, source)| {
            let digest = match holder(path, bundles) {
                Some(_) => digest(source.as_ref()).map(Some),
                None => source.read(0, usize::from(!source.is_empty())).map(|_| None),
            };
            (path, digest, code::is_macho(source.as_ref()))
        })
        .collect();
    let mut facts = Facts { digests: BTreeMap::new(), machos: BTreeSet::new() };
    for (path, digest, is_macho) in looked {
        match digest {
            Ok(digest) => facts.digests.extend(digest.map(|it| (path.clone(), it))),
            Err(error) => {
                let offset = Some(error.offset);
                tree.faults.push(Fault { path: path.clone(), offset, what: error.what.into() });
            }
        }
        if is_macho {
            facts.machos.insert(path.clone());
        }
    }
    facts
}

/// SHA-256 of all of `source`.
fn digest(source: &dyn Source) -> formats::Result<[u8; 32]> {
    Ok(hashed(source, HashType::Sha256)?.try_into().expect("a SHA-256 has 32 bytes"))
}

/// A hash of all of `source`, in windows.
fn hashed(source: &dyn Source, kind: HashType) -> formats::Result<Vec<u8>> {
    const WINDOW: u64 = 1 << 20;
    let mut hasher = Hasher::new(kind);
    let mut at = 0;
    while at < source.len() {
        let len = WINDOW.min(source.len() - at);
        hasher.update(&source.read(at, usize::try_from(len).expect("at most WINDOW"))?);
        at += len;
    }
    Ok(hasher.finish())
}

/// The ticket stapled to `path`.
fn stapled(path: &str, found: formats::Result<Option<Vec<u8>>>, asked: &Asked) -> Option<Ticket> {
    let content = match found {
        Ok(None) => return None,
        Ok(Some(bytes)) => ticket(&bytes, asked).map_or_else(Found::Broken, Found::Present),
        Err(error) => Found::Broken(error),
    };
    Some(Ticket { path: path.to_owned(), content })
}

fn ticket(bytes: &[u8], asked: &Asked) -> formats::Result<TicketContent> {
    let ticket = formats::document::ticket::Ticket::read(bytes)?;
    let verified = ticket.verify(&asked.trust);
    // The chain is judged at the ticket's own time: a certificate that was not valid then makes it worthless.
    let expired = verified.chain.faults.first().map(|it| format!("at the time of the ticket, {it}"));
    let unmarked =
        verified.missing_markers.first().map(|it| format!("a certificate lacks Apple's marker {it}"));
    let signature = verified.signature.and_then(|()| expired.or(unmarked).map_or(Ok(()), Err));
    Ok(TicketContent {
        signature,
        anchor: identity::ticket_anchor(&verified.chain),
        time: identity::date(ticket.time),
        covers: ticket.entries,
    })
}
