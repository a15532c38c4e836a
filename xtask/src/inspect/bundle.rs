//! Bundles in a tree: which folders are one, how their files lie, what seals them.

use std::collections::BTreeMap;

use checks::subject::{
    Bundle, BundleKind, File, FileKind, Found, Layout, Profile, Seal, Sealed, SealedContent,
};
use formats::{
    Bytes, Error, Source,
    document::{Value, plist, profile},
    signature::{
        digest::{HashType, sha256},
        seal,
    },
};

use super::{
    Asked,
    code::Beside,
    identity,
    tree::{Kind, Node, Tree},
};

/// Largest property list that is read whole: an Info.plist has a few KB, a CodeResources 300 bytes per file.
const MAX_PLIST: u64 = 16 << 20;
/// Memory that one value of a property list takes, its key and its place in the list included.
const VALUE: u64 = 96;
/// Files listed in all bundles together: what lies in a nested one is listed in every bundle around it.
const MAX_LISTED: usize = 400_000;

/// What is known of every regular file of a tree, computed once.
pub struct Facts {
    /// SHA-256 of each readable file, by path.
    pub digests: BTreeMap<String, [u8; 32]>,
    /// Paths of files that start like Mach-O.
    pub machos: std::collections::BTreeSet<String>,
}

/// Paths of all bundles, an outer one before what it holds. Bundles nested so that their listings do not fit into memory are a fault.
pub fn find(tree: &mut Tree) -> Vec<String> {
    let folders = tree.iter().filter(|(_, it)| matches!(it.kind, Kind::Folder));
    let mut found: Vec<String> =
        folders.filter(|(path, _)| is_bundle(tree, path)).map(|it| it.0.to_owned()).collect();
    found.sort_by(|a, b| a.split('/').cmp(b.split('/')));
    let mut listed = 0;
    let fits = found.iter().position(|path| {
        listed += tree.below(path).take(MAX_LISTED).count();
        listed > MAX_LISTED
    });
    if let Some(first) = fits {
        let what = format!(
            "nested bundles list more than {MAX_LISTED} files, this one and the rest are not looked at"
        );
        tree.fault(&found.remove(first), what);
        found.truncate(first);
    }
    found
}

fn is_bundle(tree: &Tree, path: &str) -> bool {
    /// Extensions that make a folder a bundle whatever is in it (so that a missing Info.plist can be told).
    const SURE: [&str; 5] = ["app", "dext", "systemextension", "kext", "framework"];
    /// Folders with an Info.plist that are no code.
    const OTHER: [&str; 3] = ["dSYM", "xcarchive", "lproj"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    if OTHER.contains(&extension) || stem.is_empty() && extension.is_empty() {
        return false;
    }
    let has = |inside: &str| tree.resolve(&format!("{path}/{inside}")).is_some();
    // Without its Info.plist a plug-in of any extension is still told by its signature folder.
    SURE.contains(&extension)
        || has("Contents/Info.plist")
        || has("Contents/_CodeSignature")
        || has("Resources/Info.plist")
}

/// Where things lie in one bundle, all paths from the tree's root.
struct Places {
    layout: Layout,
    /// The folder that holds `_CodeSignature`, relative to the bundle.
    base: String,
    info: String,
    /// The folder of the main executable.
    executables: String,
}

impl Places {
    fn of(tree: &Tree, bundle: &str, kind: BundleKind) -> Self {
        let has = |inside: &str| tree.get(&format!("{bundle}/{inside}")).is_some();
        let inside = |path: &str| format!("{bundle}/{path}");
        let version = tree.resolve(&inside("Versions/Current"));
        let version = version.or_else(|| tree.is_folder(&inside("Versions/A")).then(|| inside("Versions/A")));
        match version {
            Some(version) if kind == BundleKind::Framework => {
                let base = version.strip_prefix(&inside("")).unwrap_or("Versions/A").to_owned();
                let info = format!("{version}/Resources/Info.plist");
                return Self { layout: Layout::Versions, base, info, executables: version };
            }
            _ => {}
        }
        let layout = match (has("Contents"), has("Info.plist")) {
            (true, false) => Layout::Contents,
            (false, true) => Layout::Flat,
            (true, true) | (false, false) => Layout::Unclear,
        };
        let is_deep = layout == Layout::Contents || layout == Layout::Unclear && has("Contents/Info.plist");
        match is_deep {
            true => Self {
                layout,
                base: "Contents".into(),
                info: inside("Contents/Info.plist"),
                executables: inside("Contents/MacOS"),
            },
            false => Self {
                layout,
                base: String::new(),
                info: inside("Info.plist"),
                executables: bundle.to_owned(),
            },
        }
    }
}

/// One bundle, and what the signature of its main executable covers beside the code. `parent` is the path of the one that directly
/// holds it.
pub fn read(
    tree: &Tree,
    path: &str,
    parent: Option<String>,
    facts: &Facts,
    asked: &Asked,
) -> (Bundle, Beside) {
    let kind = match path.rsplit_once('.').map(|it| it.1) {
        Some("app") => BundleKind::App,
        Some("dext") => BundleKind::Dext,
        Some("framework") => BundleKind::Framework,
        Some("kext") => BundleKind::Kext,
        Some("systemextension") => BundleKind::SystemExtension,
        _ => BundleKind::Other,
    };
    let places = Places::of(tree, path, kind);
    let info_text = bytes(tree, &places.info);
    let info = match &info_text {
        Ok(None) => Found::Absent,
        Ok(Some(text)) => property_list(tree, text).map_or_else(Found::Broken, Found::Present),
        Err(error) => Found::Broken(error.clone()),
    };
    let named = info.present().and_then(|it| it.value.get("CFBundleExecutable")).and_then(|it| it.as_str());
    let executable = named.and_then(|it| tree.resolve(&format!("{}/{it}", places.executables)));
    let executable = executable.filter(|it| facts.machos.contains(it));
    // A main executable is no resource, whatever lies in its place; that it is no code is said elsewhere.
    let main = executable.clone().or_else(|| Some(format!("{}/{}", places.executables, named?)));
    let profile = format!(
        "{path}/{}embedded.provisionprofile",
        if places.layout == Layout::Contents { "Contents/" } else { "" }
    );
    let profile = match bytes(tree, &profile) {
        Ok(None) => Found::Absent,
        Ok(Some(file)) => read_profile(&file, asked).map_or_else(Found::Broken, Found::Present),
        Err(error) => Found::Broken(error),
    };
    let mut files: Vec<File> =
        tree.below(path).map(|(inside, node)| file(path, inside, node, facts)).collect();
    let base = if places.base.is_empty() { path.to_owned() } else { format!("{path}/{}", places.base) };
    let resources = bytes(tree, &format!("{base}/_CodeSignature/CodeResources"));
    let seal = match &resources {
        Ok(None) => Found::Absent,
        // A sealed path, its hashes and the text that they were read from: about as much again as the text.
        Ok(Some(text)) => tree
            .charge(text.len() as u64 * 2)
            .and_then(|()| self::seal(text, path, &places, main.as_deref(), &files))
            .map_or_else(Found::Broken, Found::Present),
        Err(error) => Found::Broken(error.clone()),
    };
    if let Found::Present(seal) = &seal {
        hash_as_long_ago(tree, path, seal, &mut files);
    }
    // What cannot be read has been said: the Info.plist or the seal is broken.
    let beside =
        Beside { info: info_text.ok().flatten(), resources: resources.ok().flatten(), is_in_bundle: true };
    let layout = places.layout;
    let bundle = Bundle {
        path: path.to_owned(),
        kind,
        parent,
        layout,
        info,
        info_path: places.info,
        executable,
        profile,
        seal,
        files,
    };
    (bundle, beside)
}

/// SHA-1 of the files that the seal knows by nothing else: those of version 1. What cannot be read has been told with the other hash.
fn hash_as_long_ago(tree: &Tree, bundle: &str, seal: &Seal, files: &mut [File]) {
    let base = if seal.base.is_empty() { String::new() } else { format!("{}/", seal.base) };
    let is_old = |it: &&Sealed| matches!(it.content, SealedContent::File { sha1: Some(_), sha256: None });
    for path in seal.entries.iter().filter(is_old).map(|it| format!("{base}{}", it.path)) {
        let source = tree.file(&format!("{bundle}/{path}"));
        let hash = source.and_then(|it| super::hashed(it.as_ref(), HashType::Sha1).ok());
        if let (Some(hash), Ok(place)) = (hash, files.binary_search_by(|it| it.path.as_str().cmp(&path)))
            && let Some(file) = files.get_mut(place)
        {
            file.sha1 = hash.try_into().ok();
        }
    }
}

/// The bytes of the regular file at `path`, links followed; `None` when there is none.
pub fn bytes(tree: &Tree, path: &str) -> Result<Option<Vec<u8>>, Error> {
    let Some(file) = tree.resolve(path).and_then(|it| tree.file(&it)) else { return Ok(None) };
    if file.len() > MAX_PLIST {
        return Err(Error::new(0, format!("{} bytes, the limit is {MAX_PLIST}", file.len())));
    }
    tree.charge(file.len())?;
    let len = usize::try_from(file.len()).expect("at most MAX_PLIST");
    Ok(Some(file.read(0, len)?.into_owned()))
}

/// A property list whose values fit into what is left of the tree's memory for documents.
fn property_list(tree: &Tree, text: &[u8]) -> Result<plist::Plist, Error> {
    let read = plist::read(text)?;
    tree.charge(VALUE.saturating_mul(count(&read.value)))?;
    Ok(read)
}

/// Values in a value, itself included. Documents are at most 64 levels deep.
fn count(value: &Value) -> u64 {
    let inside: u64 = match value {
        Value::Array(all) => all.iter().map(count).sum(),
        Value::Dict(all) => all.iter().map(|it| count(it.1)).sum(),
        _ => 0,
    };
    1 + inside
}

fn file(bundle: &str, inside: &str, node: &Node, facts: &Facts) -> File {
    let path = format!("{bundle}/{inside}");
    let kind = match &node.kind {
        Kind::File(source) => FileKind::Regular(source.len()),
        Kind::Folder => FileKind::Folder,
        Kind::Symlink(target) => FileKind::Symlink(target.clone()),
        Kind::Other => FileKind::Other,
    };
    let source = match &node.kind {
        Kind::File(source) => Some(source.as_ref()),
        Kind::Folder | Kind::Symlink(_) | Kind::Other => None,
    };
    let starts = |it: &dyn Source| it.read(0, 4).is_ok_and(|it| *it == [0x00, 0x05, 0x16, 0x07]);
    let is_apple_double = source.is_some_and(starts);
    File {
        path: inside.to_owned(),
        kind,
        mode: node.mode,
        sha1: None,
        sha256: facts.digests.get(&path).copied(),
        is_apple_double,
        detritus: source.filter(|_| is_apple_double).and_then(detritus),
        is_macho: facts.machos.contains(&path),
    }
}

/// What an AppleDouble file (RFC 1740) holds beside extended attributes. A blank resource fork, which old tools write, is none.
fn detritus(file: &dyn Source) -> Option<&'static str> {
    /// Far more than the two entries that macOS writes.
    const MOST: usize = 16;
    const BLANK: &[u8] = b"This resource fork intentionally left blank";
    let head = file.read(0, usize::try_from(file.len().min(26 + 12 * MOST as u64)).ok()?).ok()?;
    let head = Bytes::new(&head);
    let n_entries = usize::from(head.u16_be(24).ok()?).min(MOST);
    (0..n_entries).find_map(|place| {
        let at = 26 + 12 * place;
        let [kind, offset, len] =
            [head.u32_be(at).ok()?, head.u32_be(at + 4).ok()?, head.u32_be(at + 8).ok()?];
        let read = |most: u32| file.read(offset.into(), usize::try_from(len.min(most)).ok()?).ok();
        match kind {
            // Its first 32 bytes are what Finder knows; the attributes come behind them.
            9 if read(32)?.iter().any(|it| *it != 0) => Some("Finder information"),
            2 if len > 0 && !read(1024)?.windows(BLANK.len()).any(|it| it == BLANK) => {
                Some("a resource fork")
            }
            _ => None,
        }
    })
}

/// A provisioning profile.
fn read_profile(file: &[u8], asked: &Asked) -> Result<Profile, Error> {
    let read = profile::Profile::read(file)?;
    let verified = read.verify(&asked.trust);
    let broken = || checks::subject::Anchor::Broken("no certificate fits the signer".into());
    let chain = verified.chain.as_ref();
    Ok(Profile {
        signature: verified.signature,
        anchor: chain.map_or_else(broken, identity::anchor),
        signer: chain.and_then(|it| it.certificates.first()).map(identity::certificate),
        certificates: read.certificates.iter().map(|it| sha256(it)).collect(),
        sha256: sha256(file),
        plist: read.plist,
    })
}

/// The seal, and which files it should have and does not.
fn seal(
    text: &[u8],
    bundle: &str,
    places: &Places,
    executable: Option<&str>,
    files: &[File],
) -> Result<Seal, Error> {
    let read = seal::Seal::read(text)?;
    let current = read.current();
    let prefix = if places.base.is_empty() { String::new() } else { format!("{}/", places.base) };
    let executable = executable.and_then(|it| it.strip_prefix(&format!("{bundle}/{prefix}")));
    let names: std::collections::BTreeSet<&str> = files.iter().map(|it| it.path.as_str()).collect();
    let listing: Vec<seal::Found> = files
        .iter()
        .filter(|it| !stands_for_attributes(it, &names))
        .filter_map(|it| {
            Some(seal::Found { path: it.path.strip_prefix(&prefix)?.to_owned(), kind: kind(&it.kind) })
        })
        .collect();
    let digests: BTreeMap<&str, [u8; 32]> =
        files.iter().filter_map(|it| Some((it.path.strip_prefix(&prefix)?, it.sha256?))).collect();
    // Only additions are taken from the evaluation; what is sealed is compared by the checks themselves. The digests are those
    // computed already, so nothing is read again.
    let digest = |path: &str, hashes: &[HashType]| -> formats::Result<Vec<Vec<u8>>> {
        Ok(hashes.iter().map(|_| digests.get(path).map(|it| it.to_vec()).unwrap_or_default()).collect())
    };
    let outcome = seal::evaluate(current, executable, &listing, &[HashType::Sha256], &digest)?;
    let added = outcome.differences.iter().filter(|(_, it)| matches!(it, seal::Difference::Added));
    // Versions of frameworks have the folder as deep bundles do.
    let resources = if places.base.is_empty() { "" } else { "Resources/" };
    let entries = current.entries.iter().map(|(path, it)| Sealed {
        path: path.clone(),
        is_optional: it.is_optional,
        content: content(&it.sealed),
    });
    Ok(Seal {
        has_version_2: read.v2.is_some(),
        custom_omits: current.rules.weaknesses(current.version, resources),
        entries: entries.collect(),
        base: places.base.clone(),
        unsealed: added.map(|it| it.0.clone()).collect(),
    })
}

/// Files that are extended attributes in another shape: AppleDouble companions, and what 7-Zip makes of them.
fn stands_for_attributes(file: &File, names: &std::collections::BTreeSet<&str>) -> bool {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let has = |name: &str| match folder {
        "" => names.contains(name),
        folder => names.contains(format!("{folder}/{name}").as_str()),
    };
    let is_companion = file.is_apple_double && name.strip_prefix("._").is_some_and(&has);
    is_companion || !file.is_macho && name.split_once(":com.apple.").is_some_and(|it| has(it.0))
}

fn kind(it: &FileKind) -> seal::Kind {
    match it {
        FileKind::Regular(_) => seal::Kind::File,
        FileKind::Folder => seal::Kind::Folder,
        FileKind::Symlink(target) => seal::Kind::Symlink(target.clone()),
        FileKind::Other => seal::Kind::Other,
    }
}

fn content(it: &seal::Sealed) -> SealedContent {
    let hash =
        |hashes: &[(HashType, Vec<u8>)], kind| hashes.iter().find(|it| it.0 == kind).map(|it| it.1.clone());
    match it {
        seal::Sealed::File(hashes) => {
            SealedContent::File { sha1: hash(hashes, HashType::Sha1), sha256: hash(hashes, HashType::Sha256) }
        }
        seal::Sealed::Symlink(target) => SealedContent::Symlink(target.clone()),
        seal::Sealed::Nested { requirement, cdhash } => SealedContent::Nested {
            cdhash: cdhash.map(|it| it.0.to_vec()),
            requirement: Some((requirement.clone(), Err("not evaluated".to_owned()))),
        },
    }
}
