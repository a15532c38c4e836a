//! Containers: how they are signed, what they hold, the ticket stapled to them.

use std::sync::Arc;

use checks::subject::{Agrees, Container, ContainerKind, Found};
use formats::{
    Bytes, Error, Source,
    container::{bounded::Limit, koly::Koly, trailer, xar::Xar, xml::Element},
    signature::{
        self,
        cms::SignedData,
        digest::{hex, sha256},
        superblob::Slot,
    },
};

use super::{
    Asked, archive, component,
    identity::{self, Signed},
    tree::{Node, Tree},
};

/// What was found in a container.
pub struct Opened {
    /// How it is signed.
    pub container: Container,
    /// What it holds.
    pub tree: Tree,
    /// The bytes of a stapled ticket; `Err`: something is stapled and cannot be found.
    pub ticket: Result<Option<Vec<u8>>, Error>,
    /// What could not be looked into here.
    pub unopened: Vec<String>,
}

/// A zip archive: never signed, never stapled.
pub fn zip(name: &str, source: &dyn Source) -> Result<Opened, Error> {
    let tree = archive::zip(source, Limit::PAYLOAD)?;
    let bad = clashes(&tree);
    let container = container(name, ContainerKind::Zip, Found::Absent, Ok(()), bad);
    Ok(Opened { container, tree, ticket: Ok(None), unopened: Vec::new() })
}

/// A flat package, with every component in it.
pub fn pkg(name: &str, source: &dyn Source, asked: &Asked) -> Result<Opened, Error> {
    let xar = Xar::read(source)?;
    let (computed, stored) = (xar.computed_digest(source)?, xar.stored_digest(source)?);
    let digest = match (&computed, &stored) {
        (Some(a), Some(b)) if a == b => Ok(()),
        (Some(a), Some(b)) => Err(format!("the table of contents has {}, stored is {}", hex(a), hex(b))),
        (_, _) => Err("the package states no digest of its table of contents".to_owned()),
    };
    let digest = digest.and_then(|()| members_agree(source, &xar));
    let signature = pkg_signature(source, &xar, stored.as_deref(), asked);

    let (mut tree, mut bad, mut components) = (Tree::default(), Vec::new(), Vec::new());
    for payload in xar.members.iter().filter(|it| it.path.rsplit('/').next() == Some("Payload")) {
        let Some(data) = &payload.data else { continue };
        // A component of a product archive keeps its folder in front, so that two components cannot clash.
        let folder = payload.path.rsplit_once('/').map(|it| it.0);
        match archive::payload(data.open(source, Limit::PAYLOAD)?, data.range.len, Limit::PAYLOAD) {
            Ok((inside, without_dot)) => {
                bad.extend(clashes(&inside));
                bad.extend(without_dot.iter().take(3).map(|it| format!("{it:?} does not begin with `./`")));
                let (component, faults) = component::read(source, &xar, folder, &inside);
                components.push(component);
                faults.iter().for_each(|(path, error)| tree.fault(path, error.to_string()));
                graft(&mut tree, folder, inside);
            }
            Err(error) => tree.fault(&payload.path, error.to_string()),
        }
    }
    match broken_references(source, &xar) {
        Ok(found) => bad.extend(found),
        Err(error) => tree.fault("Distribution", error.to_string()),
    }
    scripts(source, &xar, &mut tree, &mut bad)?;
    let ticket = match trailer::read(source) {
        Ok(None) => Ok(None),
        Ok(Some(it)) if it.terminator != xar.end => {
            let what =
                format!("the trailer begins at {:#x}, the archive ends at {:#x}", it.terminator, xar.end);
            Err(Error::new(it.terminator, what))
        }
        Ok(Some(it)) => bytes(source, it.ticket.offset, it.ticket.len).map(Some),
        Err(error) => Err(error),
    };
    let mut container = container(name, ContainerKind::Pkg, signature, digest, bad);
    container.components = components;
    let hash_type = xar.style.and_then(|it| it.ticket_hash_type());
    let first = stored.as_deref().and_then(|it| it.first_chunk::<20>());
    container.ticket_hashes = hash_type.zip(first).map(|(kind, hash)| (kind, *hash)).into_iter().collect();
    Ok(Opened { container, tree, ticket, unopened: Vec::new() })
}

/// A disk image: its trailer, its own signature, its ticket. The file system inside is not read.
pub fn dmg(name: &str, source: &dyn Source, koly: &Koly, asked: &Asked) -> Result<Opened, Error> {
    let found = match koly.signature {
        Some(range) => Some(signature::Signature::read(source, range.offset, range.len)?),
        None => None,
    };
    let directory = found.as_ref().and_then(|it| it.directory());
    let (signature, digest, hash) = match (&found, directory) {
        (Some(found), Some(directory)) => {
            let digest = dmg_digest(source, koly, found);
            let signature = match &found.cms {
                Some(message) => {
                    let hashes = [(directory.hash_type, directory.cdhash().0, directory.digest())];
                    let signed = Signed { content: Some(directory.as_bytes()), directories: &hashes };
                    identity::read(message, &signed, asked)
                }
                None => Found::Absent,
            };
            (signature, digest, (directory.hash_type.number(), directory.cdhash().0))
        }
        // Not signed: a ticket covers the code directory that the notary makes in memory.
        _ => {
            let whole = sha256(&koly.adhoc_code_directory(source)?);
            let first = *whole.first_chunk::<20>().expect("a SHA-256 has 32 bytes");
            (Found::Absent, Ok(()), (2, first))
        }
    };
    let mut container = container(name, ContainerKind::Dmg, signature, digest, Vec::new());
    container.ticket_hashes = vec![hash];
    let ticket = Ok(found.and_then(|it| it.ticket));
    let why =
        "the file system of a disk image is read by macOS only; mount it and say where with `--mounted DIR`";
    Ok(Opened { container, tree: Tree::default(), ticket, unopened: vec![why.to_owned()] })
}

/// The signature of a package: the CMS one, which the system goes by.
fn pkg_signature(
    source: &dyn Source,
    xar: &Xar,
    digest: Option<&[u8]>,
    asked: &Asked,
) -> Found<checks::subject::Cms> {
    let Some(it) = xar.signatures.iter().find(|it| it.is_extended) else {
        return match xar.signatures.first() {
            Some(old) => {
                Found::Broken(Error::new(old.range.offset, "only the classic signature is there, no CMS one"))
            }
            None => Found::Absent,
        };
    };
    let read = bytes(source, it.range.offset, it.range.len).and_then(|raw| {
        let message = SignedData::parse(Bytes::at(&raw, it.range.offset))?;
        Ok(identity::read(&message, &Signed { content: digest, directories: &[] }, asked))
    });
    read.unwrap_or_else(Found::Broken)
}

/// Every member has the digests that the (signed) table states.
fn members_agree(source: &dyn Source, xar: &Xar) -> Agrees {
    use rayon::prelude::*;
    let wrong = xar.members.par_iter().filter_map(|it| Some((it, it.data.as_ref()?))).find_map_first(
        |(member, data)| {
            let Some(stated) = &data.archived else {
                return Some(format!("`{}` states no digest", member.path));
            };
            let packed =
                formats::container::bounded::SourceReader::new(source, data.range.offset, data.range.end());
            match stated.style.digest(packed) {
                Ok(found) if found == stated.digest => None,
                Ok(found) => Some(format!(
                    "`{}` has {}, the table states {}",
                    member.path,
                    hex(&found),
                    hex(&stated.digest)
                )),
                Err(error) => Some(format!("`{}`: {error}", member.path)),
            }
        },
    );
    wrong.map_or(Ok(()), Err)
}

/// Page hash and trailer hash of a signed image.
fn dmg_digest(source: &dyn Source, koly: &Koly, found: &signature::Signature) -> Agrees {
    let directories: Vec<_> = found.directories.iter().map(|it| it.1.clone()).collect();
    let pages = signature::hashing::check_pages(source, &directories).map_err(|it| it.to_string())?;
    if let Some((_, bad)) = directories.iter().zip(&pages).find(|(_, it)| !it.is_sound()) {
        return Err(format!("{} of {} pages differ from the code directory", bad.n_altered, bad.checked));
    }
    for directory in &directories {
        if directory.code_limit != koly.data_end {
            return Err(format!("{} bytes are signed, the data has {}", directory.code_limit, koly.data_end));
        }
        match signature::hashing::check_special(directory, Slot::RepSpecific, &koly.signed_form()) {
            Some(true) => {}
            Some(false) => return Err("the image's trailer differs from its hash".into()),
            None => return Err("the image's trailer is not covered".into()),
        }
    }
    Ok(())
}

/// What runs at installation, and whatever lies beside it: the notary looks at code in there like at any other.
fn scripts(source: &dyn Source, xar: &Xar, tree: &mut Tree, bad: &mut Vec<String>) -> Result<(), Error> {
    for member in xar.members.iter().filter(|it| it.path.rsplit('/').next() == Some("Scripts")) {
        let Some(data) = &member.data else { continue };
        match archive::payload(data.open(source, Limit::PAYLOAD)?, data.range.len, Limit::PAYLOAD) {
            Ok((inside, _)) => {
                bad.extend(clashes(&inside));
                // A payload that goes to the root of a volume may have a folder of the same name.
                let is_taken = tree.get(&member.path).is_some();
                let folder =
                    if is_taken { format!("{} of the package", member.path) } else { member.path.clone() };
                graft(tree, Some(&folder), inside);
            }
            Err(error) => tree.fault(&member.path, error.to_string()),
        }
    }
    Ok(())
}

/// What the notary cannot follow in a product archive: a component that is not there, or is named without `#`. It then finds no code
/// in the package and does not say why.
fn broken_references(source: &dyn Source, xar: &Xar) -> Result<Vec<String>, Error> {
    let Some(data) = xar.member("Distribution").and_then(|it| it.data.as_ref()) else {
        return Ok(Vec::new());
    };
    let text =
        String::from_utf8(data.document(source)?).map_err(|_| Error::new(0, "Distribution is not UTF-8"))?;
    let root = Element::parse(&text)?;
    let named: Vec<&str> =
        root.children("pkg-ref").map(|it| it.text.trim()).filter(|it| !it.is_empty()).collect();
    let mut bad: Vec<String> = named
        .iter()
        .filter_map(|name| match name.strip_prefix('#') {
            None => Some(format!("`Distribution` names the component {name:?} without `#`")),
            // Percent signs stand for characters that a URL cannot have; such a name is not compared.
            Some(folder) if folder.contains('%') || xar.member(folder).is_some() => None,
            Some(folder) => {
                Some(format!("`Distribution` names the component {folder:?}, which is not there"))
            }
        })
        .collect();
    if named.is_empty() {
        bad.push("`Distribution` names no component".to_owned());
    }
    Ok(bad)
}

/// Adds all of `inside` to `tree`, below `folder`.
pub fn graft(tree: &mut Tree, folder: Option<&str>, inside: Tree) {
    let at = |path: &str| folder.map_or_else(|| path.to_owned(), |it| format!("{it}/{path}"));
    for (path, Node { kind, mode }) in inside.iter() {
        tree.add(at(path), Node { kind: kind.clone(), mode: *mode });
    }
    inside.faults.iter().for_each(|it| tree.fault(&at(&it.path), it.what.clone()));
}

/// Names that would fall together, and links that lead out.
fn clashes(tree: &Tree) -> Vec<String> {
    let clash = tree.clashes().into_iter().map(|(a, b)| format!("{a:?} and {b:?} are one name on macOS"));
    let outside = tree.iter().filter_map(|(path, node)| match &node.kind {
        super::tree::Kind::Symlink(target)
            if formats::container::path::symlink_goal(path, target).is_none() =>
        {
            Some(format!("the link {path:?} leaves the container: {target:?}"))
        }
        _ => None,
    });
    clash.chain(outside).collect()
}

fn container(
    name: &str,
    kind: ContainerKind,
    signature: Found<checks::subject::Cms>,
    digest: Agrees,
    bad_members: Vec<String>,
) -> Container {
    let (path, ticket_hashes) = (name.to_owned(), Vec::new());
    Container { path, kind, signature, digest, ticket_hashes, components: Vec::new(), bad_members }
}

/// A range of at most 16 MB (the readers' own limits for tickets and signatures are below).
fn bytes(source: &dyn Source, offset: u64, len: u64) -> Result<Vec<u8>, Error> {
    const MOST: u64 = 16 << 20;
    if len > MOST {
        return Err(Error::new(offset, format!("{len} bytes, the limit is {MOST}")));
    }
    source.read(offset, usize::try_from(len).expect("at most MOST")).map(|it| it.into_owned())
}

/// Whether `source` is a container, and which.
pub fn kind(source: &Arc<dyn Source>) -> Result<Option<Recognised>, Error> {
    let file = source.as_ref();
    if Xar::is(file) {
        return Ok(Some(Recognised::Pkg));
    }
    if let Some(koly) = Koly::read(file)? {
        return Ok(Some(Recognised::Dmg(Box::new(koly))));
    }
    Ok(formats::container::zip::is(file).then_some(Recognised::Zip))
}

/// A container, by its bytes.
pub enum Recognised {
    /// `xar!`
    Pkg,
    /// `koly` at the end.
    Dmg(Box<Koly>),
    /// A local header at the start.
    Zip,
}
