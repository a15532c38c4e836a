//! A component of a package: what its documents say, and where its Bom and its payload differ.

use std::collections::{BTreeMap, BTreeSet};

use checks::subject::{Component, NamedBundle};
use formats::{
    Error, Source,
    container::{
        bom::{self, Checksum, Kind as Listed},
        xar::Xar,
        xml::Element,
    },
};

use super::tree::{Kind, Tree};

/// Differences listed; the first says that the lists are wrong, the others help to see why.
const MOST: usize = 8;

/// What is said about the payload that lies in `folder` of the archive. Also gives what could not be read, by its path.
pub fn read(
    source: &dyn Source,
    xar: &Xar,
    folder: Option<&str>,
    payload: &Tree,
) -> (Component, Vec<(String, Error)>) {
    let beside = |name: &str| folder.map_or_else(|| name.to_owned(), |it| format!("{it}/{name}"));
    let mut component = Component { folder: folder.unwrap_or_default().to_owned(), ..Component::default() };
    let mut faults = Vec::new();
    let document = |name: &str| match xar.member(name).and_then(|it| it.data.as_ref()) {
        Some(data) => data.document(source).map(Some),
        None => Ok(None),
    };
    let info = beside("PackageInfo");
    match document(&info).and_then(|it| it.map(package_info).transpose()) {
        Ok(Some((location, bundles))) => (component.location, component.bundles) = (location, bundles),
        Ok(None) => {}
        Err(error) => faults.push((info, error)),
    }
    let list = beside("Bom");
    match document(&list).and_then(|it| it.map(|it| differences(&it, payload)).transpose()) {
        Ok(found) => component.differences = found.unwrap_or_default(),
        Err(error) => faults.push((list, error)),
    }
    (component, faults)
}

fn package_info(bytes: Vec<u8>) -> Result<(Option<String>, Vec<NamedBundle>), Error> {
    const KEYS: [&str; 2] = ["CFBundleShortVersionString", "CFBundleVersion"];
    let text = String::from_utf8(bytes).map_err(|_| Error::new(0, "PackageInfo is not UTF-8"))?;
    let root = Element::parse(&text)?;
    // Only those with a path are in the payload; lists of rules repeat the identifiers without one.
    let named = root.children("bundle").filter_map(|it| Some((it, it.attribute("path")?)));
    let bundles = named.map(|(it, path)| {
        let id = it.attribute("id").map(|it| ("CFBundleIdentifier", it.to_owned()));
        let versions = KEYS.into_iter().filter_map(|key| Some((key, it.attribute(key)?.to_owned())));
        NamedBundle { path: plain(path).to_owned(), keys: id.into_iter().chain(versions).collect() }
    });
    Ok((root.attribute("install-location").map(str::to_owned), bundles.collect()))
}

/// Without the leading `./`, which the root itself has as well.
fn plain(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(if path == "." { "" } else { path })
}

fn differences(bytes: &[u8], payload: &Tree) -> Result<Vec<(String, String)>, Error> {
    let listed = bom::read(bytes)?;
    let listed: BTreeMap<&str, &Listed> = listed.iter().map(|it| (plain(&it.path), &it.kind)).collect();
    let paths: BTreeSet<&str> = listed.keys().copied().chain(payload.iter().map(|it| it.0)).collect();
    let mut found = Vec::new();
    for path in paths.into_iter().filter(|it| !it.is_empty()) {
        let what = match (listed.get(path), payload.get(path).map(|it| &it.kind)) {
            (Some(_), None) => Some("the Bom lists it, the payload has none".to_owned()),
            // Attributes travel in the payload as AppleDouble files; shipped packages list those with no bytes.
            (None | Some(Listed::File(0, _)), Some(Kind::File(_))) if is_companion(path, payload) => None,
            (None, Some(_)) => Some("the payload has it, the Bom does not list it".to_owned()),
            (Some(listed), Some(there)) => difference(listed, there)?,
            (None, None) => None,
        };
        found.extend(what.map(|it| (path.to_owned(), it)));
        if found.len() >= MOST {
            break;
        }
    }
    Ok(found)
}

fn is_companion(path: &str, payload: &Tree) -> bool {
    let (folder, name) = path.rsplit_once('/').map_or((None, path), |(folder, name)| (Some(folder), name));
    let original = name.strip_prefix("._");
    let original = original.map(|it| folder.map_or_else(|| it.to_owned(), |folder| format!("{folder}/{it}")));
    original.is_some_and(|it| payload.get(&it).is_some())
}

fn difference(listed: &Listed, there: &Kind) -> Result<Option<String>, Error> {
    Ok(match (listed, there) {
        (Listed::File(size, sum), Kind::File(source)) => {
            // A Bom counts in 32 bits.
            if u64::from(*size) != source.len() & u64::from(u32::MAX) {
                Some(format!("the Bom says {size} bytes, there are {}", source.len()))
            } else {
                let actual = checksum(source.as_ref())?;
                (actual != *sum).then(|| format!("the Bom says checksum {sum}, it is {actual}"))
            }
        }
        (Listed::Folder, Kind::Folder) => None,
        (Listed::Symlink(goal), Kind::Symlink(actual)) => {
            (goal != actual).then(|| format!("the Bom says a link to {goal:?}, it leads to {actual:?}"))
        }
        (Listed::File(..) | Listed::Folder | Listed::Symlink(_), _) => {
            Some("it is of another kind in the Bom".to_owned())
        }
    })
}

fn checksum(source: &dyn Source) -> Result<u32, Error> {
    const WINDOW: u64 = 1 << 20;
    let mut sum = Checksum::default();
    let mut at = 0;
    while at < source.len() {
        let len = WINDOW.min(source.len() - at);
        sum.update(&source.read(at, usize::try_from(len).expect("at most WINDOW"))?);
        at += len;
    }
    Ok(sum.finish())
}
