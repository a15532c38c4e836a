//! A bundle: its seal over everything in it, nested code by the signature it has, then its executable.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use formats::{
    document::{Value, plist},
    image::{MachO, Slices},
    signature::{
        digest::{sha1, sha256},
        embedded::Signature,
    },
};
use signer::seal::{Item, Place, Shape};

use super::{Job, Refusal, read, write};

/// Where a bundle's things are.
struct Layout {
    shape: Shape,
    /// Where the seal's rules start.
    base: PathBuf,
    info: PathBuf,
    identifier: String,
    executable: PathBuf,
}

pub(super) fn sign(job: &Job, bundle: &Path) -> Result<(), Refusal> {
    let layout = layout(bundle).ok_or("bundle format unrecognized, invalid, or unsuitable")?;
    let inside = layout.executable.strip_prefix(&layout.base).map_err(|it| it.to_string())?;
    let executable = text(inside)?;
    let seal_folder = layout.base.join("_CodeSignature");
    if seal_folder.exists() {
        fs::remove_dir_all(&seal_folder).map_err(|it| it.to_string())?;
    }
    let mut items = BTreeMap::new();
    seal(&layout, &layout.base, executable, &mut items)?;
    let resources = layout.shape.seal(executable, &items);
    let info = read(&layout.info)?;
    let code = read(&layout.executable)?;
    fs::create_dir_all(&seal_folder).map_err(|it| it.to_string())?;
    write(&seal_folder.join("CodeResources"), &resources)?;
    job.macho(&layout.executable, &code, &layout.identifier, Some((&info, &resources)))
}

fn layout(bundle: &Path) -> Option<Layout> {
    let deep = bundle.join("Contents");
    let version = bundle.join("Versions/Current");
    let (shape, base, info, executables) = if deep.join("Info.plist").is_file() {
        (Shape::Deep, deep.clone(), deep.join("Info.plist"), deep.join("MacOS"))
    } else if version.exists() {
        let version = fs::canonicalize(version).ok()?;
        (Shape::Deep, version.clone(), version.join("Resources/Info.plist"), version)
    } else {
        (Shape::Flat, bundle.to_owned(), bundle.join("Info.plist"), bundle.to_owned())
    };
    let parsed = plist::read(&fs::read(&info).ok()?).ok()?.value;
    let word = |key| parsed.get(key).and_then(Value::as_str).map(str::to_owned);
    let executable = executables.join(word("CFBundleExecutable")?);
    let identifier = word("CFBundleIdentifier").unwrap_or_else(|| super::stem(bundle));
    executable.is_file().then_some(Layout { shape, base, info, identifier, executable })
}

/// Adds everything below `folder` to `items`.
fn seal(
    layout: &Layout,
    folder: &Path,
    executable: &str,
    items: &mut BTreeMap<String, Item>,
) -> Result<(), Refusal> {
    for entry in fs::read_dir(folder).map_err(|it| it.to_string())? {
        let path = entry.map_err(|it| it.to_string())?.path();
        let kind = fs::symlink_metadata(&path).map_err(|it| it.to_string())?.file_type();
        let name = text(path.strip_prefix(&layout.base).map_err(|it| it.to_string())?)?.to_owned();
        let place = layout.shape.place(&name, executable);
        let has_dot = path.file_name().is_some_and(|it| it.to_string_lossy().contains('.'));
        if kind.is_symlink() {
            let target = fs::read_link(&path).map_err(|it| it.to_string())?;
            if place != Place::Omitted {
                items.insert(name, Item::Symlink(text(&target)?.to_owned()));
            }
        } else if place == Place::Nested && (kind.is_file() || has_dot) {
            items.insert(name, nested(&path)?);
        } else if kind.is_dir() {
            seal(layout, &path, executable, items)?;
        } else if place != Place::Omitted {
            let bytes = read(&path)?;
            items.insert(name, Item::File { sha1: sha1(&bytes), sha256: sha256(&bytes) });
        }
    }
    Ok(())
}

/// The entry of code that was signed before: the arm64 slice's hash, or the first one's, and its designated requirement.
fn nested(path: &Path) -> Result<Item, Refusal> {
    let unsigned = || format!("code object is not signed at all\nIn subcomponent: {}", path.display());
    let executable =
        if path.is_dir() { layout(path).ok_or_else(unsigned)?.executable } else { path.to_owned() };
    let bytes = read(&executable)?;
    let signatures: Vec<(bool, Signature)> = signatures_by_arch(&bytes)?
        .into_iter()
        .filter_map(|(is_arm64, signature)| Some((is_arm64, signature?)))
        .collect();
    let chosen = signatures.iter().find(|it| it.0).or_else(|| signatures.first()).ok_or_else(unsigned)?;
    let cdhash = |it: &Signature| it.best_directory().map(|it| it.cdhash().0);
    let designated = chosen.1.requirements.as_ref().and_then(|it| it.designated()).map(ToString::to_string);
    let all: Vec<String> = signatures
        .iter()
        .filter_map(|(_, it)| cdhash(it))
        .map(|it| format!("cdhash H\"{}\"", formats::signature::digest::hex(&it)))
        .collect();
    Ok(Item::Nested {
        cdhash: cdhash(&chosen.1).ok_or_else(unsigned)?,
        requirement: designated.unwrap_or_else(|| all.join(" or ")),
    })
}

/// The signature of each slice; `None` where a slice has none.
pub(super) fn signatures(bytes: &[u8]) -> Result<Vec<Option<Signature>>, Refusal> {
    Ok(signatures_by_arch(bytes)?.into_iter().map(|it| it.1).collect())
}

fn signatures_by_arch(bytes: &[u8]) -> Result<Vec<(bool, Option<Signature>)>, Refusal> {
    let failed = |it: formats::Error| it.to_string();
    let mut found = Vec::new();
    for slice in Slices::read(&bytes).map_err(failed)?.iter().flat_map(|it| &it.slices) {
        let window = slice.window(&bytes).map_err(failed)?;
        let range = MachO::read(&window).map_err(failed)?.code_signature();
        let signature =
            range.map(|it| Signature::read(&window, it.offset, it.size)).transpose().map_err(failed)?;
        found.push((slice.arch.is_arm64(), signature));
    }
    Ok(found)
}

fn text(path: &Path) -> Result<&str, Refusal> {
    path.to_str().ok_or_else(|| format!("the name {path:?} is not UTF-8"))
}
