//! Finds everything in a bundle that must be signed, and what the signing file says about each.
//!
//! All files are looked at, not only those in known places: code that nobody expects is an error before anything is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use formats::{
    document::{Dict, Value, plist},
    image::{FileType, MachO, Slices},
};
use signer::seal::{Place, Shape};

use crate::{
    config::{Part, Signing},
    error::{Doing, Error, Result},
    inspect::disk::Watch,
    stage::files::{self, Entry, Kind},
};

/// Something with a signature of its own.
#[derive(Debug, Clone)]
pub struct Code {
    /// Relative to the top; empty for the top itself.
    pub path: PathBuf,
    /// Its Mach-O file, relative to the top.
    pub executable: PathBuf,
    /// Signing identifier.
    pub identifier: String,
    /// What it is.
    pub kind: CodeKind,
    /// Index of the `[[part]]` that speaks about it.
    pub part: Option<usize>,
}

/// What has a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeKind {
    /// A bundle: its executable, which vouches for the rest.
    Bundle(Layout),
    /// A Mach-O file by itself.
    Image,
}

/// Where a bundle's things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Where the seal's rules start, relative to the top: `Contents`, `Versions/A`, or the bundle itself.
    pub base: PathBuf,
    /// Its Info.plist, relative to the top.
    pub info: PathBuf,
    /// Which rules.
    pub shape: Shape,
}

impl Code {
    /// How a person writes it: the path inside the bundle, `.` for the bundle itself.
    pub fn shown(&self) -> String {
        shown(&self.path)
    }

    /// The layout, of a bundle.
    pub fn layout(&self) -> Option<&Layout> {
        match &self.kind {
            CodeKind::Bundle(layout) => Some(layout),
            CodeKind::Image => None,
        }
    }
}

/// `.` for the top itself.
pub fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() }
}

/// All code in the bundle `top`, inside out: what is inside comes before what seals it.
pub fn find(top: &Path, signing: &Signing) -> Result<Vec<Code>> {
    let entries = files::walk(top)?;
    let mut images = images(top, &entries)?;
    let mut found = bundles(top, &entries, &images)?;
    if !found.iter().any(|it| it.path.as_os_str().is_empty()) {
        return Err(Error::usage(format!("`{}` is not a bundle that can be signed", top.display()))
            .because("it has no Info.plist that names an executable which is Mach-O")
            .hint("build it, or name the folder that holds `Contents` or `Info.plist`"));
    }
    for code in &found {
        images.remove(&code.executable);
    }
    refuse_strays(top, &entries, &found)?;
    for (path, role) in &images {
        found.push(bare_image(top, path, *role, &found, signing)?);
    }
    for code in &mut found {
        code.part = part_of(&code.path, &signing.parts)?;
    }
    refuse_unmatched(&found, signing)?;
    refuse_doubles(&found)?;
    // Deeper first; what is equally deep in the order of names.
    found.sort_by(|a, b| {
        let depth = |it: &Code| it.path.components().count();
        depth(b).cmp(&depth(a)).then_with(|| a.path.cmp(&b.path))
    });
    Ok(found)
}

/// What a Mach-O file says it is for.
type Role = FileType;

/// Every Mach-O file.
fn images(top: &Path, entries: &[Entry]) -> Result<BTreeMap<PathBuf, Role>> {
    let (mut found, watch) = (BTreeMap::new(), Watch::default());
    for entry in entries.iter().filter(|it| it.kind == Kind::File) {
        let path = top.join(&entry.path);
        if !could_be_image(&path)? {
            continue;
        }
        let source = watch.file(&shown(&entry.path), &path)?;
        let damaged = |it: formats::Error| {
            Error::usage(format!("cannot sign `{}`", entry.path.display()))
                .because(it)
                .hint("the file is damaged or cut short: build it again")
        };
        let Some(slices) = Slices::read(&*source).map_err(damaged)? else { continue };
        let Some(first) = slices.slices.first() else { continue };
        let window = first.window(&*source).map_err(damaged)?;
        found.insert(entry.path.clone(), MachO::read(&window).map_err(damaged)?.filetype);
    }
    Ok(found)
}

/// Whether the first four bytes are those of an image or of a universal file.
fn could_be_image(path: &Path) -> Result<bool> {
    let cannot = || format!("cannot read `{}`", path.display());
    let mut magic = Vec::new();
    fs::File::open(path).doing(cannot)?.take(4).read_to_end(&mut magic).doing(cannot)?;
    let Ok(magic) = <[u8; 4]>::try_from(magic) else { return Ok(false) };
    let is_universal = matches!(u32::from_be_bytes(magic), 0xcafe_babe | 0xcafe_babf);
    Ok(is_universal || formats::image::macho::is_macho(magic))
}

/// Every bundle whose Info.plist names an executable that is Mach-O.
fn bundles(top: &Path, entries: &[Entry], images: &BTreeMap<PathBuf, Role>) -> Result<Vec<Code>> {
    let files: BTreeSet<&Path> =
        entries.iter().filter(|it| it.kind == Kind::File).map(|it| it.path.as_path()).collect();
    let folders = entries.iter().filter(|it| it.kind == Kind::Folder).map(|it| it.path.as_path());
    let mut found = Vec::new();
    for folder in std::iter::once(Path::new("")).chain(folders) {
        let Some((layout, executables)) = layout(folder, &files) else { continue };
        let info = read_info(&top.join(&layout.info))?;
        let text = |key| info.get(key).and_then(Value::as_str);
        let Some(name) = text("CFBundleExecutable") else { continue };
        let executable = executables.join(name);
        if !images.contains_key(&executable) {
            continue;
        }
        let identifier = text("CFBundleIdentifier").ok_or_else(|| {
            Error::usage(format!("`{}` has no CFBundleIdentifier", layout.info.display()))
                .hint("the identifier is what requirements and profiles go by")
        })?;
        let identifier = identifier.to_owned();
        // A framework is named as a whole where it has one version, which is all that Xcode makes.
        let path = match folder.parent() {
            Some(versions) if is_framework_version(folder) => {
                versions.parent().unwrap_or(versions).to_owned()
            }
            _ => folder.to_owned(),
        };
        found.push(Code { path, executable, identifier, kind: CodeKind::Bundle(layout), part: None });
    }
    Ok(found)
}

/// The layout of a bundle at `folder`, and where its executable would be.
fn layout(folder: &Path, files: &BTreeSet<&Path>) -> Option<(Layout, PathBuf)> {
    let deep = folder.join("Contents");
    if files.contains(deep.join("Info.plist").as_path()) {
        let layout = Layout { info: deep.join("Info.plist"), base: deep.clone(), shape: Shape::Deep };
        return Some((layout, deep.join("MacOS")));
    }
    if is_framework_version(folder) {
        let info = folder.join("Resources/Info.plist");
        let there = files.contains(info.as_path());
        return there
            .then(|| (Layout { info, base: folder.to_owned(), shape: Shape::Deep }, folder.to_owned()));
    }
    let info = folder.join("Info.plist");
    let is_named = folder.as_os_str().is_empty() || folder.extension().is_some();
    let there = is_named && files.contains(info.as_path());
    there.then(|| (Layout { info, base: folder.to_owned(), shape: Shape::Flat }, folder.to_owned()))
}

/// `X.framework/Versions/A`.
fn is_framework_version(folder: &Path) -> bool {
    let versions = folder.parent();
    let is_versions = versions.is_some_and(|it| it.file_name().is_some_and(|it| it == "Versions"));
    is_versions
        && versions
            .and_then(Path::parent)
            .is_some_and(|it| it.extension().is_some_and(|it| it == "framework"))
}

/// An Info.plist as a dictionary.
pub fn read_info(path: &Path) -> Result<Dict> {
    let cannot = || format!("cannot read `{}`", path.display());
    match plist::read(&files::read(path)?).doing_as_asked(cannot)?.value {
        Value::Dict(info) => Ok(info),
        other => Err(Error::usage(cannot()).because(format!("it is no dictionary but a {}", other.kind()))),
    }
}

/// The bundle that seals `path`: the innermost around it.
fn owner<'a>(path: &Path, bundles: &'a [Code]) -> Option<(&'a Code, &'a Layout)> {
    let around = bundles.iter().filter(|it| path.starts_with(&it.path) && path != it.path);
    let inner = around.max_by_key(|it| it.path.components().count())?;
    Some((inner, inner.layout()?))
}

/// Files beside `Contents` of a deep bundle: codesign calls them unsealed contents (errSecCSUnsealedAppRoot).
fn refuse_strays(top: &Path, entries: &[Entry], bundles: &[Code]) -> Result {
    for entry in entries {
        if last_name_starts(&entry.path, "._") {
            return Err(Error::usage(format!("`{}` is an AppleDouble file", entry.path.display()))
                .because("it stands for extended attributes; sealed as a file it breaks the seal once something merges it")
                .hint("copy the bundle with `ditto --noextattr --norsrc`, or delete the file"));
        }
        let Some((bundle, layout)) = owner(&entry.path, bundles) else { continue };
        let is_framework = is_framework_version(&layout.base);
        let is_inside = entry.path.starts_with(&layout.base) || is_framework;
        if !is_inside && entry.kind != Kind::Folder {
            return Err(Error::usage(format!(
                "`{}` lies outside `{}`",
                entry.path.display(),
                layout.base.display()
            ))
            .because(format!("nothing would seal it: codesign refuses `{}` so", bundle.shown()))
            .hint("move it into `Contents/Resources`"));
        }
        if let Kind::Symlink(target) = &entry.kind
            && leaves(&entry.path, target)
        {
            return Err(Error::usage(format!("the link `{}` leaves the bundle", entry.path.display()))
                .because(format!("it points to `{}`, outside `{}`", target.display(), top.display()))
                .hint("copy the file into the bundle, or make the link relative"));
        }
    }
    Ok(())
}

fn last_name_starts(path: &Path, start: &str) -> bool {
    path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(start))
}

/// Whether a link at `path` (inside the bundle) points outside.
fn leaves(path: &Path, target: &Path) -> bool {
    use std::path::Component;
    if target.is_absolute() {
        return true;
    }
    let mut depth = path.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::ParentDir => match depth.checked_sub(1) {
                Some(up) => depth = up,
                None => return true,
            },
            Component::CurDir => {}
            _ => depth += 1,
        }
    }
    false
}

/// A Mach-O file that is no bundle's executable: expected where code belongs, or where the signing file names it.
fn bare_image(top: &Path, path: &Path, role: Role, bundles: &[Code], signing: &Signing) -> Result<Code> {
    let shown = path.display();
    if role == FileType::OBJECT || role == FileType::DSYM {
        let what = role.name().unwrap_or("of this kind");
        return Err(Error::usage(format!(
            "`{shown}` is a Mach-O file that is neither launched nor loaded ({what})"
        ))
        .hint("keep objects and debug symbols out of the bundle"));
    }
    let part = part_of(path, &signing.parts)?;
    let place = owner(path, bundles).and_then(|(bundle, layout)| {
        let inside = path.strip_prefix(&layout.base).ok()?.to_str()?;
        let executable = bundle.executable.strip_prefix(&layout.base).ok()?.to_str()?;
        Some(layout.shape.place(inside, executable))
    });
    if place != Some(Place::Nested) && part.is_none() {
        return Err(Error::usage(format!("`{shown}` is code where no code is expected"))
            .because("nothing would sign it, and the notary refuses unsigned code wherever it lies")
            .hint("move it to `Contents/Helpers`, or name it in a `[[part]]` of the signing file"));
    }
    let named = part.and_then(|it| signing.parts.get(it)).and_then(|it| it.identifier.clone());
    let identifier = match named {
        Some(name) => name,
        None => embedded_identifier(&top.join(path))?.unwrap_or_else(|| stem(path)),
    };
    Ok(Code { path: path.to_owned(), executable: path.to_owned(), identifier, kind: CodeKind::Image, part })
}

/// `CFBundleIdentifier` in `__TEXT,__info_plist` of a tool.
fn embedded_identifier(path: &Path) -> Result<Option<String>> {
    let cannot = || format!("cannot read `{}`", path.display());
    let source = Watch::default().file(&path.display().to_string(), path)?;
    let bytes = &*source;
    let Some(slices) = Slices::read(bytes).doing(cannot)? else { return Ok(None) };
    let Some(first) = slices.slices.first() else { return Ok(None) };
    let window = first.window(bytes).doing(cannot)?;
    let image = MachO::read(&window).doing(cannot)?;
    let Some(section) = image.section("__TEXT", "__info_plist") else { return Ok(None) };
    let size = usize::try_from(section.size).doing(cannot)?;
    let info = formats::Source::read(&window, section.offset.into(), size).doing(cannot)?;
    let info = plist::read(&info).doing(cannot)?;
    Ok(info.value.get("CFBundleIdentifier").and_then(Value::as_str).map(str::to_owned))
}

/// What codesign calls a file without Info.plist: its name without the ending.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The first part whose pattern matches.
pub(super) fn part_of(path: &Path, parts: &[Part]) -> Result<Option<usize>> {
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    let text = shown(path);
    for (index, part) in parts.iter().enumerate() {
        let pattern = glob::Pattern::new(&part.path)
            .doing_as_asked(|| format!("{}: `{}` is no pattern", part.path.place(), *part.path))?;
        if pattern.matches_with(&text, options) {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn refuse_unmatched(found: &[Code], signing: &Signing) -> Result {
    let used: BTreeSet<usize> = found.iter().filter_map(|it| it.part).collect();
    for (index, part) in signing.parts.iter().enumerate() {
        if !used.contains(&index) {
            let all: Vec<_> = found.iter().map(|it| format!("`{}`", it.shown())).collect();
            return Err(Error::usage(format!("{}: no code matches `{}`", part.path.place(), *part.path))
                .because(format!("there is {}", all.join(", ")))
                .hint("correct the pattern; paths are relative to the app, `.` is the app itself"));
        }
    }
    Ok(())
}

/// Two bundles with one identifier cannot be told apart by macOS.
fn refuse_doubles(found: &[Code]) -> Result {
    let mut seen: BTreeMap<&str, &Code> = BTreeMap::new();
    for code in found.iter().filter(|it| it.kind != CodeKind::Image) {
        if let Some(other) = seen.insert(&code.identifier, code) {
            return Err(Error::usage(format!("two parts have the identifier `{}`", code.identifier))
                .because(format!("`{}` and `{}`", other.shown(), code.shown()))
                .hint("give each its own CFBundleIdentifier"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(link: &str, target: &str, expected: bool) {
        assert_eq!(leaves(Path::new(link), Path::new(target)), expected, "{link} -> {target}");
    }

    #[test]
    fn a_link_out_of_the_bundle_is_noticed() {
        check("Contents/a", "../../b", true);
        check("Contents/a", "/usr/lib/b", true);
        check("Contents/a", "../b", false);
        check("Contents/x/Current", "A", false);
        check("Contents/a", "x/../../../b", true);
    }
}
