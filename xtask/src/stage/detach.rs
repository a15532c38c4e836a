//! Signatures apart from what they sign: everyone can rebuild the product and put the release's signatures on.
//!
//! ```text
//!   signed ──detach──▶ folder: manifest.json + signatures, seals, profiles, tickets under their paths in the bundle
//!   rebuilt, unsigned + folder ──attach──▶ the signed release, bit for bit
//! ```
//! The manifest holds the digest of every file without its signature. An executable is compared as signing sees it: padded to a
//! multiple of 16, no signature.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
};

use formats::{
    Source,
    container::bounded::SourceReader,
    image::{Arch, Slices},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use signer::macho;

use super::{
    files::{self, Kind},
    stamp::{hex, hex_digest},
};
use crate::{
    error::{Doing, Error, Result},
    inspect::disk::Watch,
};

/// The file that lists everything.
const MANIFEST: &str = "manifest.json";
/// The version of its form.
const SCHEMA: u32 = 1;

/// What a product is made of, signatures set aside. Two builds of the same sources have the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    schema: u32,
    /// Name of the bundle.
    name: String,
    /// Every file and link that signing did not make, by its path.
    unsigned: BTreeMap<String, Unsigned>,
    /// Files that signing made: seals, profiles, tickets; SHA-256.
    made: BTreeMap<String, String>,
}

/// A file without its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Unsigned {
    /// SHA-256 of a file, and whether it may be executed.
    File { sha256: String, executable: bool },
    /// Where a link points.
    Link(String),
    /// SHA-256 of a Mach-O file without its signature, and for each slice whether it had one.
    Image { sha256: String, executable: bool, slices: Vec<Slice> },
}

/// A slice of a Mach-O file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Slice {
    cputype: u32,
    cpusubtype: u32,
    /// SHA-256 of its signature, which lies beside as `PATH.ARCH.signature`; absent when it had none.
    signature: Option<String>,
}

impl Slice {
    fn arch(&self) -> Arch {
        Arch::new(self.cputype, self.cpusubtype)
    }
}

/// A file of a product, taken apart.
enum Taken {
    /// Made by signing.
    Made(Vec<u8>),
    Link(PathBuf),
    /// SHA-256.
    File(String),
    /// SHA-256 without signatures, and these.
    Image {
        unsigned: String,
        signatures: Vec<(Arch, Option<Vec<u8>>)>,
    },
}

/// Writes the signatures of the bundle `signed` into `folder`, which is replaced.
pub fn detach(signed: &Path, folder: &Path) -> Result<Manifest> {
    let bench = files::Workbench::beside(folder)?;
    let out = bench.path();
    files::create_folder(&out)?;
    let mut manifest = empty(signed);
    for (path, mode, taken) in take_apart(signed)? {
        match &taken {
            Taken::Made(bytes) => files::write(&out.join(&path), bytes, 0o644)?,
            Taken::Image { signatures, .. } => {
                for (arch, signature) in signatures {
                    if let Some(bytes) = signature {
                        files::write(&out.join(signature_name(&path, *arch)), bytes, 0o644)?;
                    }
                }
            }
            Taken::Link(_) | Taken::File(_) => {}
        }
        list(&mut manifest, path, mode, &taken);
    }
    if manifest.signatures() == 0 {
        return Err(Error::usage(format!("`{}` has no signatures to detach", signed.display())));
    }
    let json = serde_json::to_string_pretty(&manifest).doing(|| "cannot write the manifest")? + "\n";
    files::write(&out.join(MANIFEST), json.as_bytes(), 0o644)?;
    bench.finish()?;
    Ok(manifest)
}

/// Puts the signatures in `folder` on the bundle `rebuilt` and writes the result to `goal`. Signatures that it has are replaced.
pub fn attach(rebuilt: &Path, folder: &Path, goal: &Path) -> Result {
    let manifest = read_manifest(folder)?;
    let bench = files::Workbench::beside(goal)?;
    let out = bench.path();
    let taken = take_apart(rebuilt)?;
    let watch = Watch::default();
    refuse_difference(&manifest, &manifest_of(rebuilt, &taken), rebuilt)?;
    files::copy_tree(rebuilt, &out)?;
    for (path, _, taken) in &taken {
        match (taken, manifest.unsigned.get(path)) {
            (Taken::Made(_), _) if !manifest.made.contains_key(path) => files::remove(&out.join(path))?,
            (Taken::Image { .. }, Some(Unsigned::Image { slices, .. })) => {
                let mut signatures = Vec::new();
                for slice in slices {
                    signatures.push((slice.arch(), read_signature(folder, path, slice)?));
                }
                let source = watch.file(path, &out.join(path))?;
                let signed = macho::attach(&*source, &signatures)
                    .doing_as_asked(|| format!("cannot attach a signature to `{path}`"))?;
                files::write_edited(&out.join(path), &signed)?;
            }
            _ => {}
        }
    }
    for (path, digest) in &manifest.made {
        let bytes = files::read(&folder.join(path))?;
        refuse_damage(folder, path, &bytes, digest)?;
        files::write(&out.join(path), &bytes, 0o644)?;
    }
    bench.finish()
}

/// Writes the bundle `signed` without its signatures to `goal`.
pub fn strip(signed: &Path, goal: &Path) -> Result {
    let bench = files::Workbench::beside(goal)?;
    let out = bench.path();
    files::copy_tree(signed, &out)?;
    for (path, _, taken) in take_apart(signed)? {
        match taken {
            Taken::Made(_) => files::remove(&out.join(path))?,
            Taken::Image { .. } => strip_in_place(&out.join(path))?,
            Taken::Link(_) | Taken::File(_) => {}
        }
    }
    remove_empty_seals(&out)?;
    bench.finish()
}

/// What `product` is made of, signatures set aside.
pub fn manifest(product: &Path) -> Result<Manifest> {
    Ok(manifest_of(product, &take_apart(product)?))
}

/// A path at which two products differ without their signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where, inside the product.
    pub path: String,
    /// What the first has there: a sentence's worth of words with the whole digest; `None` when it has nothing.
    pub expected: Option<String>,
    /// What the second has there.
    pub found: Option<String>,
}

/// The first difference between two products without their signatures, in the order of the paths.
pub fn first_difference(expected: &Manifest, found: &Manifest) -> Option<Difference> {
    let paths: BTreeSet<&String> = expected.unsigned.keys().chain(found.unsigned.keys()).collect();
    paths.into_iter().find_map(|path| {
        let (a, b) = (expected.unsigned.get(path), found.unsigned.get(path));
        let is_same = match (a, b) {
            (Some(a), Some(b)) => a.is_same_without_signature(b),
            _ => false,
        };
        (!is_same).then(|| Difference {
            path: path.clone(),
            expected: a.map(Unsigned::describe),
            found: b.map(Unsigned::describe),
        })
    })
}

impl Manifest {
    /// Name of the bundle.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One line per file, as `sha256sum` prints it in the product after `signature strip`; links as `-> target`.
    pub fn lines(&self) -> Vec<String> {
        let line = |(path, entry): (&String, &Unsigned)| match entry {
            Unsigned::File { sha256, .. } | Unsigned::Image { sha256, .. } => format!("{sha256}  {path}"),
            Unsigned::Link(target) => format!("-> {target}  {path}"),
        };
        self.unsigned.iter().map(line).collect()
    }

    /// Files that signing made, by their paths.
    pub fn made(&self) -> impl Iterator<Item = &str> {
        self.made.keys().map(String::as_str)
    }

    /// How many slices of code have a signature.
    pub fn signatures(&self) -> usize {
        let slices = self.unsigned.values().filter_map(|it| match it {
            Unsigned::Image { slices, .. } => Some(slices),
            Unsigned::File { .. } | Unsigned::Link(_) => None,
        });
        slices.flatten().filter(|it| it.signature.is_some()).count()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match (&self.expected, &self.found) {
            (Some(a), Some(b)) => write!(f, "`{path}` differs: {a} was expected, {b} is there"),
            (Some(_), None) => write!(f, "`{path}` is missing"),
            (None, _) => write!(f, "`{path}` is there in addition"),
        }
    }
}

impl Unsigned {
    fn is_same_without_signature(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Image { sha256, executable, slices },
                Self::Image { sha256: other_sha256, executable: x, slices: other },
            ) => {
                let archs = |it: &[Slice]| it.iter().map(Slice::arch).collect::<Vec<_>>();
                sha256 == other_sha256 && executable == x && archs(slices) == archs(other)
            }
            _ => self == other,
        }
    }

    fn describe(&self) -> String {
        let what = |executable| if executable { "an executable file" } else { "a file" };
        match self {
            Self::File { sha256, executable } => format!("{} {sha256}", what(*executable)),
            Self::Link(target) => format!("a link to `{target}`"),
            Self::Image { sha256, executable: true, slices } => {
                let archs: Vec<String> = slices.iter().map(|it| it.arch().to_string()).collect();
                format!("code ({}) {sha256}", archs.join(", "))
            }
            Self::Image { sha256, executable: false, .. } => {
                format!("code that may not be executed {sha256}")
            }
        }
    }
}

fn refuse_difference(expected: &Manifest, found: &Manifest, rebuilt: &Path) -> Result {
    match first_difference(expected, found) {
        None => Ok(()),
        Some(difference) => Err(Error::usage(format!("`{}` is not what was signed", rebuilt.display()))
            .because(difference)
            .hint("build the same sources with the same tools; `dist --plan` names their versions")),
    }
}

fn refuse_damage(folder: &Path, path: &str, bytes: &[u8], digest: &str) -> Result {
    if hex_digest(bytes) == digest {
        return Ok(());
    }
    Err(Error::usage(format!("`{}` in `{}` is not what the manifest lists", path, folder.display()))
        .hint("fetch the detached signatures again"))
}

fn empty(product: &Path) -> Manifest {
    let name = product.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Manifest { schema: SCHEMA, name, unsigned: BTreeMap::new(), made: BTreeMap::new() }
}

fn manifest_of(product: &Path, taken: &[(String, u32, Taken)]) -> Manifest {
    let mut manifest = empty(product);
    for (path, mode, taken) in taken {
        list(&mut manifest, path.clone(), *mode, taken);
    }
    manifest
}

fn list(manifest: &mut Manifest, path: String, mode: u32, taken: &Taken) {
    let executable = mode & 0o111 != 0;
    let entry = match taken {
        Taken::Made(bytes) => {
            manifest.made.insert(path, hex_digest(bytes));
            return;
        }
        Taken::Link(target) => Unsigned::Link(target.to_string_lossy().into_owned()),
        Taken::File(sha256) => Unsigned::File { sha256: sha256.clone(), executable },
        Taken::Image { unsigned, signatures } => {
            let slices = signatures.iter().map(|(arch, signature)| Slice {
                cputype: arch.cputype,
                cpusubtype: arch.cpusubtype,
                signature: signature.as_deref().map(hex_digest),
            });
            Unsigned::Image { sha256: unsigned.clone(), executable, slices: slices.collect() }
        }
    };
    manifest.unsigned.insert(path, entry);
}

/// Every file below `top`, signatures apart.
fn take_apart(top: &Path) -> Result<Vec<(String, u32, Taken)>> {
    let (mut found, watch) = (Vec::new(), Watch::default());
    for entry in files::walk(top)? {
        let path = entry.path.to_string_lossy().into_owned();
        let taken = match &entry.kind {
            Kind::Folder => continue,
            Kind::Symlink(target) => Taken::Link(target.clone()),
            Kind::File if is_made_by_signing(&path) => Taken::Made(files::read(&top.join(&entry.path))?),
            Kind::File => take_file(&path, &*watch.file(&path, &top.join(&entry.path))?)?,
        };
        found.push((path, entry.mode, taken));
    }
    Ok(found)
}

fn take_file(path: &str, file: &dyn Source) -> Result<Taken> {
    let cannot = || format!("cannot take the signature from `{path}`");
    if Slices::read(file).doing(cannot)?.is_none() {
        return Ok(Taken::File(sha256(file).doing(cannot)?));
    }
    let (unsigned, signatures) = macho::strip(file).doing(cannot)?;
    Ok(Taken::Image { unsigned: sha256(&unsigned).doing(cannot)?, signatures })
}

/// SHA-256 of a file, read in windows.
fn sha256(file: &dyn Source) -> std::io::Result<String> {
    let mut reader = SourceReader::all(file);
    let (mut hash, mut window) = (Sha256::new(), vec![0; 256 << 10]);
    loop {
        let n = reader.read(&mut window)?;
        match window.get(..n) {
            Some(read) if n > 0 => hash.update(read),
            _ => return Ok(hex(&hash.finalize())),
        }
    }
}

/// Seals, profiles, and the ticket at `Contents/CodeResources`.
fn is_made_by_signing(path: &str) -> bool {
    let ends = |end: &str| path == end || path.ends_with(&format!("/{end}"));
    ends("_CodeSignature/CodeResources")
        || ends("embedded.provisionprofile")
        || ends("Contents/CodeResources")
}

fn signature_name(path: &str, arch: Arch) -> String {
    let numbers = || hex(&[arch.cputype.to_be_bytes(), arch.cpusubtype.to_be_bytes()].concat());
    format!("{path}.{}.signature", arch.name().map_or_else(numbers, str::to_owned))
}

fn read_manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST);
    let cannot = || format!("cannot read `{}`", path.display());
    let manifest: Manifest =
        serde_json::from_slice(&fs::read(&path).doing_as_asked(cannot)?).doing_as_asked(cannot)?;
    if manifest.schema != SCHEMA {
        return Err(
            Error::usage(cannot()).because(format!("schema {}, and {SCHEMA} is known", manifest.schema))
        );
    }
    // Names come from a file that somebody else wrote; none may leave the folder or the product.
    let names = manifest.unsigned.keys().chain(manifest.made.keys());
    for name in names {
        let is_inside = Path::new(name).components().all(|it| matches!(it, std::path::Component::Normal(_)));
        if !is_inside || name.is_empty() {
            return Err(Error::usage(cannot()).because(format!("the path `{name}` leaves the product")));
        }
    }
    Ok(manifest)
}

fn read_signature(folder: &Path, path: &str, slice: &Slice) -> Result<Option<Vec<u8>>> {
    let Some(digest) = &slice.signature else { return Ok(None) };
    let name = signature_name(path, slice.arch());
    let bytes = files::read(&folder.join(&name))?;
    refuse_damage(folder, &name, &bytes, digest)?;
    Ok(Some(bytes))
}

/// `_CodeSignature` folders that lost their seal.
fn remove_empty_seals(top: &Path) -> Result {
    let seals = files::walk(top)?
        .into_iter()
        .filter(|it| it.kind == Kind::Folder && it.path.ends_with("_CodeSignature"));
    for seal in seals {
        let path = top.join(&seal.path);
        let mut inside = fs::read_dir(&path).doing(|| format!("cannot look into `{}`", path.display()))?;
        if inside.next().is_none() {
            files::remove(&path)?;
        }
    }
    Ok(())
}

/// Writes the Mach-O file `path` without its signature to `goal`.
pub fn strip_file(path: &Path, goal: &Path) -> Result {
    let bench = files::Workbench::beside(goal)?;
    files::copy_tree(path, &bench.path())?;
    strip_in_place(&bench.path()).map_err(|it| {
        it.hint(format!("give a Mach-O file; `{}` is none that can be read", path.display()))
    })?;
    bench.finish()
}

/// Takes the signatures from a Mach-O file that belongs to us.
fn strip_in_place(path: &Path) -> Result {
    let cannot = || format!("cannot take the signature from `{}`", path.display());
    let source = Watch::default().file("", path)?;
    let (unsigned, _) = macho::strip(&*source).doing_as_asked(cannot)?;
    files::write_edited(path, &unsigned)
}
