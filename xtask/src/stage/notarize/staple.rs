//! Tickets on disk: read from their place, put there, taken away; on a copy, placed by one rename.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::Path,
};

use checks::subject::SubjectKind;
use notary::staple::{self, Patch};

use crate::{
    error::{Doing, Error, Result},
    inspect::disk::Watch,
    stage::files::Workbench,
};

/// Where the ticket of a product goes.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// `Contents/CodeResources` of a bundle.
    Bundle(&'a Path),
    /// Behind a flat package.
    Package(&'a Path),
    /// In the signature of a disk image.
    Image(&'a Path),
}

/// The place in a product of this kind; `None` for one that has none (zip, bare code, a bundle without `Contents`).
pub fn place(path: &Path, kind: SubjectKind) -> Option<Place<'_>> {
    match kind {
        SubjectKind::App | SubjectKind::Bundle if path.join("Contents").is_dir() => Some(Place::Bundle(path)),
        SubjectKind::Pkg => Some(Place::Package(path)),
        SubjectKind::Dmg => Some(Place::Image(path)),
        SubjectKind::App
        | SubjectKind::Bundle
        | SubjectKind::Dext
        | SubjectKind::MachO
        | SubjectKind::Zip => None,
    }
}

/// The ticket that lies there.
pub fn ticket(place: Place<'_>) -> Result<Option<Vec<u8>>> {
    match place {
        Place::Bundle(path) => {
            let file = path.join(staple::BUNDLE_TICKET);
            match fs::read(&file) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error).doing(|| format!("cannot read `{}`", file.display())),
            }
        }
        Place::Package(path) => with_source(path, |it| staple::package_ticket(it)),
        Place::Image(path) => with_source(path, |it| staple::image_ticket(it)),
    }
}

/// Puts a ticket there, in the place of an old one.
pub fn staple(place: Place<'_>, ticket: &[u8]) -> Result {
    match place {
        Place::Bundle(path) => write_beside(&path.join(staple::BUNDLE_TICKET), ticket),
        Place::Package(path) => patch(path, &with_source(path, |it| staple::package(it, ticket))?),
        Place::Image(path) => patch(path, &with_source(path, |it| staple::image(it, ticket))?),
    }
}

/// Takes the ticket away; whether there was one.
pub fn unstaple(place: Place<'_>) -> Result<bool> {
    let found = match place {
        Place::Bundle(path) => {
            let file = path.join(staple::BUNDLE_TICKET);
            return match fs::remove_file(&file) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
                Err(error) => Err(error).doing(|| format!("cannot remove `{}`", file.display())),
            };
        }
        Place::Package(path) => (path, with_source(path, |it| staple::unstaple_package(it))?),
        Place::Image(path) => (path, with_source(path, |it| staple::unstaple_image(it))?),
    };
    match found {
        (path, Some(change)) => patch(path, &change).map(|()| true),
        (_, None) => Ok(false),
    }
}

fn with_source<T>(path: &Path, read: impl FnOnce(&dyn formats::Source) -> formats::Result<T>) -> Result<T> {
    let source = Watch::default().file(&path.display().to_string(), path)?;
    read(source.as_ref()).doing(|| format!("cannot read `{}`", path.display()))
}

/// Carries a patch out on a copy beside the file, then renames.
fn patch(path: &Path, change: &Patch) -> Result {
    let cannot = || format!("cannot write `{}`", path.display());
    let path = fs::canonicalize(path).doing(cannot)?;
    let bench = Workbench::beside(&path)?;
    fs::copy(&path, bench.path()).doing(cannot)?;
    let mut file = fs::OpenOptions::new().append(true).open(bench.path()).doing(cannot)?;
    if file.metadata().doing(cannot)?.len() < change.keep {
        return Err(Error::tool(cannot()).because("it became shorter while it was stapled"));
    }
    file.set_len(change.keep).doing(cannot)?;
    file.write_all(&change.tail).and_then(|()| file.sync_all()).doing(cannot)?;
    bench.finish()
}

/// Writes a file of a bundle by one rename; readable by everybody, as what is shipped must be.
fn write_beside(goal: &Path, bytes: &[u8]) -> Result {
    crate::stage::files::write(goal, bytes, 0o644)
}
