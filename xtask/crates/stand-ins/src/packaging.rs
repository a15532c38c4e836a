//! Containers: zip by ditto, packages by pkgbuild, disk images by hdiutil, each made by our own writers.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use formats::{
    container::{bounded::SourceReader, zip_write::Writer},
    document::{
        Dict, Value,
        plist::{self, Keys, to_xml},
    },
};
use signer::package::{self, Bundle, Component, Entries, Entry, EntryKind, Layout, PackageSigner};

use crate::{
    identity, keychains,
    run::{Answer, Bench as State},
    synopsis::Words,
};

/// `ditto -c -k [--keepParent] FOLDER ZIP`.
pub(crate) fn zip(words: &Words) -> io::Result<Answer> {
    let [from, to] = words.operands.as_slice() else {
        return Ok(Answer::cannot("ditto", "merging several sources"));
    };
    let from = Path::new(from);
    if !from.is_dir() {
        return Ok(Answer::fails(1, format!("ditto: can't get real path for source '{}'\n", from.display())));
    }
    let top = if words.has("--keepParent") { format!("{}/", name(from)) } else { String::new() };
    let mut entries = entries(from, &top)?;
    if words.has("--keepParent") {
        entries.push(Entry { path: name(from), mode: mode(from)?, kind: EntryKind::Folder });
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let failed = |it: formats::Error| io::Error::other(it.to_string());
    let mut zip = Writer::new(fs::File::create(to)?, epoch()).map_err(failed)?;
    for it in &entries {
        match &it.kind {
            EntryKind::Folder => zip.folder(&it.path, it.mode),
            EntryKind::Symlink(target) => zip.symlink(&it.path, target),
            EntryKind::File(bytes) => {
                zip.file(&it.path, it.mode, bytes.len(), SourceReader::new(&**bytes, 0, bytes.len()))
            }
        }
        .map_err(failed)?;
    }
    zip.finish().map_err(failed)?;
    Ok(Answer::default())
}

/// `pkgbuild --analyze`, and `pkgbuild --root … [--sign …]`.
pub(crate) fn pkgbuild(words: &Words, state: &State) -> io::Result<Answer> {
    let (Some(root), [goal]) = (words.value("--root"), words.operands.as_slice()) else {
        return Ok(Answer::cannot("pkgbuild", "a package without --root"));
    };
    let root = Path::new(root);
    let Some((top, info)) = app_in(root)? else {
        return Ok(Answer::cannot("pkgbuild", "a root that holds anything but one app"));
    };
    if words.has("--analyze") {
        fs::write(goal, components(&top))?;
        return Ok(Answer::says(format!(
            "pkgbuild: Inferring bundle components from contents of {}\n",
            root.display()
        )));
    }
    let (Some(identifier), Some(location)) = (words.value("--identifier"), words.value("--install-location"))
    else {
        return Ok(Answer::fails(1, "pkgbuild: error: Could not determine the identifier\n"));
    };
    if !words.value("--component-plist").is_some_and(is_bound) {
        return Ok(Answer::cannot("pkgbuild", "a relocatable package"));
    }
    let word = |key: &str| info.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (id, short, build) =
        (word("CFBundleIdentifier"), word("CFBundleShortVersionString"), word("CFBundleVersion"));
    let component = Component {
        identifier,
        version: words.value("--version").unwrap_or("0"),
        install_location: location,
        bundle: Bundle { path: &top, identifier: &id, short_version: &short, version: &build },
        epoch: epoch(),
    };
    let signer = match words.value("--sign") {
        None => None,
        Some(asked) => match installer(asked, words, state)? {
            Ok(identity) => Some(identity),
            Err(refusal) => return Ok(refusal),
        },
    };
    if signer.is_some() && !words.has("--timestamp=none") {
        return Ok(Answer::fails(1, "pkgbuild: error: The timestamp service is not available.\n"));
    }
    let by = match &signer {
        None => PackageSigner::Nobody,
        Some(identity) => PackageSigner::Installer { identity, signing_time: epoch(), stamp: None },
    };
    let failed = |it: signer::Error| io::Error::other(it.what);
    let all = Entries::new(entries(root, "")?);
    let mut payload = Vec::new();
    package::payload(&all, component.epoch, &mut payload).map_err(failed)?;
    let mut out = Vec::new();
    match package::write(&component, &all, &payload, &Layout::Component, by, &mut out) {
        Ok(()) => fs::write(goal, out).map(|()| Answer::says(format!("pkgbuild: Wrote package to {goal}\n"))),
        Err(error) => Ok(Answer::fails(1, format!("pkgbuild: error: {}\n", error.what))),
    }
}

/// The identity, or what pkgbuild says about it.
fn installer(
    asked: &str,
    words: &Words,
    state: &State,
) -> io::Result<Result<signer::identity::Identity, Answer>> {
    keychains::with(&state.state, |keychains| {
        let searched = match words.value("--keychain") {
            Some(keychain) => vec![keychain.to_owned()],
            None => keychains.search_list.clone(),
        };
        let none = || {
            Answer::fails(
                1,
                format!("pkgbuild: error: Could not find appropriate signing identity for \"{asked}\"\n"),
            )
        };
        let Some((place, keychain, found)) = identity::find(asked, &searched, keychains) else {
            return Err(none());
        };
        let may_sign = found.partitions.iter().any(|it| it == "apple:");
        if keychain.is_locked || !may_sign {
            return Err(Answer::fails(1, "pkgbuild: error: User interaction is not allowed.\n"));
        }
        let chain =
            if keychains.search_list.contains(place) { identity::complete(found, keychains) } else { None };
        chain.ok_or_else(none)
    })
}

/// The one app at the top of `root`: its name, and its Info.plist.
fn app_in(root: &Path) -> io::Result<Option<(String, Value)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root)? {
        found.push(entry?.path());
    }
    let [app] = found.as_slice() else { return Ok(None) };
    let Ok(info) = fs::read(app.join("Contents/Info.plist")) else { return Ok(None) };
    Ok(plist::read(&info).ok().map(|it| (name(app), it.value)))
}

/// What `--analyze` writes: relocatable, as it is unless somebody says otherwise.
fn components(top: &str) -> String {
    let entry: Dict = [
        ("BundleHasStrictIdentifier", Value::Bool(true)),
        ("BundleIsRelocatable", Value::Bool(true)),
        ("BundleIsVersionChecked", Value::Bool(true)),
        ("BundleOverwriteAction", Value::String("upgrade".to_owned())),
        ("RootRelativeBundlePath", Value::String(top.to_owned())),
    ]
    .into_iter()
    .collect();
    to_xml(&Value::Array(vec![Value::Dict(entry)]), Keys::AsGiven)
}

/// Whether every bundle of a component list stays where it is put.
fn is_bound(file: &str) -> bool {
    let list = fs::read(file).ok().and_then(|it| plist::read(&it).ok());
    let entries = list.as_ref().and_then(|it| it.value.as_array()).unwrap_or_default();
    let stays = |it: &Value| it.get("BundleIsRelocatable").and_then(Value::as_bool) == Some(false);
    !entries.is_empty() && entries.iter().all(stays)
}

/// `hdiutil create -srcfolder FOLDER … IMAGE`: a file with a UDIF trailer. There is no file system in it, and the text at its start says so.
pub(crate) fn hdiutil(words: &Words) -> io::Result<Answer> {
    let (Some("create"), Some(folder), [goal]) =
        (words.verb.as_deref(), words.value("-srcfolder"), words.operands.as_slice())
    else {
        return Ok(Answer::cannot("hdiutil", words.verb.as_deref().unwrap_or("its work")));
    };
    if !Path::new(folder).is_dir() {
        return Ok(Answer::fails(1, "hdiutil: create failed - No such file or directory\n"));
    }
    if Path::new(goal).exists() && !words.has("-ov") {
        return Ok(Answer::fails(1, "hdiutil: create failed - File exists\n"));
    }
    let mut data = b"simulated disk image, made by a stand-in; its contents follow as a list\n".to_vec();
    for it in entries(Path::new(folder), "")? {
        data.extend(format!("{:o} {}\n", it.mode, it.path).bytes());
        if let EntryKind::File(bytes) = &it.kind {
            data.extend(format!("{} bytes\n", bytes.len()).bytes());
        }
    }
    // `UDIFResourceFile` (Security `diskimagerep.cpp`): magic, version 4, 512 bytes, flags; the data fork is the whole file.
    let mut koly = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(to) = koly.get_mut(at..at + bytes.len()) {
            to.copy_from_slice(bytes);
        }
    };
    put(0, b"koly\0\0\0\x04\0\0\x02\0\0\0\0\x01");
    put(0x20, &(data.len() as u64).to_be_bytes());
    data.extend(koly);
    fs::write(goal, data)?;
    Ok(Answer::says(format!("created: {goal}\n")))
}

/// Everything below `folder`, links as links, in front of each path `top`.
fn entries(folder: &Path, top: &str) -> io::Result<Vec<Entry>> {
    let mut all = Vec::new();
    let mut names: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    names.sort_by_key(fs::DirEntry::file_name);
    for entry in names {
        let path = entry.path();
        let inside = format!("{top}{}", name(&path));
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            let target = fs::read_link(&path)?.to_string_lossy().into_owned();
            all.push(Entry { path: inside, mode: 0o755, kind: EntryKind::Symlink(target) });
        } else if kind.is_dir() {
            all.push(Entry { path: inside.clone(), mode: mode(&path)?, kind: EntryKind::Folder });
            all.extend(entries(&path, &format!("{inside}/"))?);
        } else {
            all.push(Entry {
                path: inside,
                mode: mode(&path)?,
                kind: EntryKind::File(Arc::new(fs::read(&path)?)),
            });
        }
    }
    Ok(all)
}

fn mode(path: &Path) -> io::Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o7777)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Seconds; zip begins in 1980.
fn epoch() -> u64 {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|it| it.parse().ok());
    given.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(315_532_800, |it| it.as_secs())
    })
}
