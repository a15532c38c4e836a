//! Signs a copy of the bundle, inside out: profile, seal, signature, for one piece of code after the other.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use formats::signature::{code_directory::flags, digest::CdHash};
use rayon::prelude::*;
use sha1::{Digest, Sha1};
use sha2::Sha256;
use signer::{
    code::Settings,
    macho::{self, SignedSlice},
    requirement,
    seal::{Item, Place},
};

use super::{
    Planned, SigningPlan,
    parts::{CodeKind, Layout, shown},
};
use crate::{
    error::{Doing, Error, Result},
    inspect::disk::Watch,
    interrupt,
    stage::files::{self, Kind},
};

/// What became of each piece of code, by its path.
pub type Done = BTreeMap<PathBuf, Vec<SignedSlice>>;

/// Signs everything in `work`, which is a copy that belongs to us.
pub fn apply(plan: &SigningPlan, work: &Path) -> Result<Done> {
    let mut done = Done::new();
    for planned in &plan.parts {
        interrupt::check()?;
        let slices = match &planned.code.kind {
            CodeKind::Image => sign_image(plan, planned, work, None)?,
            CodeKind::Bundle(layout) => {
                prepare(planned, work)?;
                let resources = seal(plan, planned, layout, work, &done)?;
                sign_image(plan, planned, work, Some((layout, resources)))?
            }
        };
        done.insert(planned.code.path.clone(), slices);
    }
    Ok(done)
}

fn sign_image(
    plan: &SigningPlan,
    planned: &Planned,
    work: &Path,
    bundle: Option<(&Layout, Vec<u8>)>,
) -> Result<Vec<SignedSlice>> {
    let path = work.join(&planned.code.executable);
    let cannot = || format!("cannot sign `{}`", planned.code.executable.display());
    let (info, resources) = match bundle {
        Some((layout, resources)) => (Some(files::read(&work.join(&layout.info))?), Some(resources)),
        None => (None, None),
    };
    let stamp = |signature: &[u8]| plan.stamper.stamp(signature);
    let constraints: Vec<_> = planned.constraints.iter().map(|it| it.blob.clone()).collect();
    let settings = Settings {
        flags: if planned.hardened_runtime { flags::RUNTIME } else { 0 },
        entitlements: planned.claims.as_ref().map(|it| &it.entitlements),
        info_plist: info.as_deref(),
        resources: resources.as_deref(),
        constraints: &constraints,
        signing_time: plan.identity.signer().and(Some(plan.signing_time)),
        stamp: if plan.stamper.is_some() { Some(&stamp) } else { None },
        ..Settings::new(&planned.code.identifier, &plan.identity)
    };
    let source = Watch::default().file(&planned.code.shown(), &path)?;
    let signed = macho::sign(&*source, &settings).map_err(|error| {
        let told = Error::usage(cannot()).because(error.what);
        match error.hint {
            Some(hint) => told.hint(hint),
            None => told,
        }
    })?;
    files::write_edited(&path, &signed.file)?;
    Ok(signed.slices)
}

/// Puts the profile in, and takes away what an earlier signature left.
pub(super) fn prepare(planned: &Planned, work: &Path) -> Result {
    let Some(layout) = planned.code.layout() else { return Ok(()) };
    embed_profile(planned, layout, work)?;
    files::remove(&work.join(&layout.base).join("_CodeSignature"))?;
    // A ticket of an earlier signature; this one will have another.
    files::remove(&work.join(&planned.code.path).join("Contents/CodeResources"))
}

fn embed_profile(planned: &Planned, layout: &Layout, work: &Path) -> Result {
    let path = work.join(&layout.base).join("embedded.provisionprofile");
    match &planned.profile {
        Some(profile) => files::write(&path, &profile.bytes, 0o644),
        None => Ok(()),
    }
}

/// Writes `_CodeSignature/CodeResources` and returns its bytes.
fn seal(plan: &SigningPlan, planned: &Planned, layout: &Layout, work: &Path, done: &Done) -> Result<Vec<u8>> {
    let base = work.join(&layout.base);
    let executable =
        text(planned.code.executable.strip_prefix(&layout.base).unwrap_or(&planned.code.executable))?;
    let items = items(plan, planned, layout, work, done, executable)?;
    let bytes = layout.shape.seal(executable, &items);
    files::write(&base.join("_CodeSignature/CodeResources"), &bytes, 0o644)?;
    Ok(bytes)
}

fn items(
    plan: &SigningPlan,
    planned: &Planned,
    layout: &Layout,
    work: &Path,
    done: &Done,
    executable: &str,
) -> Result<BTreeMap<String, Item>> {
    let base = work.join(&layout.base);
    let mut items = BTreeMap::new();
    let mut files_of_it = Vec::new();
    let mut inside_nested: Option<PathBuf> = None;
    for entry in files::walk(&base)? {
        if inside_nested.as_ref().is_some_and(|it| entry.path.starts_with(it)) {
            continue;
        }
        let name = text(&entry.path)?;
        let place = layout.shape.place(name, executable);
        let whole = layout.base.join(&entry.path);
        let item = match (&entry.kind, place) {
            (_, Place::Omitted) | (Kind::Folder, Place::Resource { .. }) => continue,
            (Kind::Symlink(target), _) => Item::Symlink(text(target)?.to_owned()),
            (Kind::File, Place::Resource { .. }) => {
                files_of_it.push(name.to_owned());
                continue;
            }
            // A folder without a dot in its name is no bundle; what is in it is looked at by itself.
            (Kind::Folder, Place::Nested) if !last_name(&entry.path).contains('.') => continue,
            (Kind::Folder | Kind::File, Place::Nested) => {
                if entry.kind == Kind::Folder {
                    inside_nested = Some(entry.path.clone());
                }
                nested(plan, &whole, done).ok_or_else(|| {
                    Error::usage(format!("`{}` lies where code belongs and is none", whole.display()))
                        .because(format!("`{}` would be sealed as broken", planned.code.shown()))
                        .hint("move it to `Contents/Resources`")
                })?
            }
        };
        items.insert(name.to_owned(), item);
    }
    let hashed = |name: String| Ok((name.clone(), digests(&base.join(name))?));
    items.extend(files_of_it.into_par_iter().map(hashed).collect::<Result<Vec<_>>>()?);
    Ok(items)
}

/// Both digests that a seal states of a file, which is read once, in windows.
fn digests(path: &Path) -> Result<Item> {
    let cannot = || format!("cannot read `{}`", path.display());
    let mut file = fs::File::open(path).doing(cannot)?;
    let (mut sha1, mut sha256) = (Sha1::new(), Sha256::new());
    let mut window = vec![0; 256 << 10];
    loop {
        let n = file.read(&mut window).doing(cannot)?;
        let read = window.get(..n).unwrap_or_default();
        if read.is_empty() {
            return Ok(Item::File { sha1: sha1.finalize().into(), sha256: sha256.finalize().into() });
        }
        sha1.update(read);
        sha256.update(read);
    }
}

/// The entry of nested code: the cdhash of the slice for Apple silicon, or of the first. Any slice's is accepted.
fn nested(plan: &SigningPlan, path: &Path, done: &Done) -> Option<Item> {
    let slices = done.get(path)?;
    let slice = slices.iter().find(|it| it.arch.is_arm64()).or_else(|| slices.first())?;
    let all: Vec<CdHash> = slices.iter().filter_map(|it| it.cdhashes.last().copied()).collect();
    let identifier = &plan.parts.iter().find(|it| it.code.path == path)?.code.identifier;
    let requirement = requirement::designated_text(identifier, &plan.identity, &all);
    Some(Item::Nested { cdhash: slice.cdhashes.last()?.0, requirement })
}

fn last_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::usage(format!("the name `{}` is not UTF-8", shown(path))).hint("rename it; the seal is XML")
    })
}
