//! What one machine hands to the next: a folder as one file that keeps modes and links, and that says what it is.
//!
//! ```text
//!   signed.zip
//!   ├─ content/…            the folder, as it was
//!   └─ hand-over.json       the plan it was made for, the stage that made it, each entry with its mode and SHA-256
//! ```
//! Build services keep neither modes nor links of what they pass between machines, and a name says nothing about what lies under it. So
//! [`take_up`] compares everything: a file that is missing, changed, left over, or made for another plan is refused, and nothing is left
//! behind. The archive is our own strict zip (`formats::container::zip`), the same bytes from the same folder.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::{FileExt, PermissionsExt},
    path::Path,
};

use formats::{
    Source,
    container::{
        bounded::Limit,
        path,
        zip::{self, Member},
        zip_write::Writer,
    },
};
use sha2::{Digest, Sha256};

use super::{
    files::{self, Kind},
    stamp::hex,
};
use crate::{
    error::{Doing, Error, Result},
    interrupt,
    plan::Provenance,
};

/// Where the folder lies in the archive.
const CONTENT: &str = "content";

/// The member that describes the others; its name comes after theirs.
const MANIFEST: &str = "hand-over.json";

/// The version of the manifest.
const SCHEMA: u32 = 1;

/// 1980-01-01, the first time a zip can say: times are not handed over.
const EPOCH: u64 = 315_532_800;

/// What a hand-over was made for. Both sides compute it from their own plan.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Digest of the plan.
    pub plan: String,
    /// The stage that made it, with the triple for a slice: `signed`, `slice arm64-apple-driverkit`.
    pub stage: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    schema: u32,
    label: Label,
    /// By path, so sorted.
    entries: BTreeMap<String, Entry>,
}

/// Where a hand-over says how its content came about.
const PROVENANCE: &str = "provenance.json";

/// Writes into the folder that will be handed over how it came about.
pub fn put_provenance(folder: &Path, provenance: Provenance) -> Result {
    let json = serde_json::to_vec(&provenance).doing(|| "cannot write the provenance")?;
    files::write(&folder.join(PROVENANCE), &json, 0o644)
}

/// What a folder that was taken up says of how it came about. One that does not say is refused: silence is no proof.
pub fn provenance(folder: &Path) -> Result<Provenance> {
    let path = folder.join(PROVENANCE);
    let cannot = || format!("cannot tell how `{}` came about", folder.display());
    serde_json::from_slice(&files::read(&path)?).doing_as_asked(cannot)
}

/// One entry of the folder.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum Entry {
    Folder { mode: u32 },
    File { mode: u32, sha256: String },
    Link { target: String },
}

/// Writes `folder` to `goal` under `label`.
pub fn save(folder: &Path, label: &Label, goal: &Path) -> Result {
    let cannot = || format!("cannot write `{}`", goal.display());
    let bench = files::Workbench::beside(goal)?;
    let file = File::create(bench.path()).doing(cannot)?;
    let mut archive = Writer::new(BufWriter::new(file), EPOCH).doing(cannot)?;
    archive.folder(CONTENT, 0o755).doing(cannot)?;
    let mut entries = BTreeMap::new();
    for (name, entry) in named(folder)? {
        interrupt::check()?;
        let member = format!("{CONTENT}/{name}");
        let described = match entry.kind {
            Kind::Folder => {
                archive.folder(&member, entry.mode).doing(cannot)?;
                Entry::Folder { mode: entry.mode }
            }
            Kind::Symlink(target) => {
                let target = utf8(&target)?;
                archive.symlink(&member, &target).doing(cannot)?;
                Entry::Link { target }
            }
            Kind::File => {
                let path = folder.join(&entry.path);
                let reading = || format!("cannot read `{}`", path.display());
                let file = File::open(&path).doing(reading)?;
                let size = file.metadata().doing(reading)?.len();
                let mut hashed = Hashed::new(file);
                archive.file(&member, entry.mode, size, &mut hashed).doing(cannot)?;
                Entry::File { mode: entry.mode, sha256: hashed.digest() }
            }
        };
        entries.insert(name, described);
    }
    let manifest = Manifest { schema: SCHEMA, label: label.clone(), entries };
    let text = serde_json::to_vec_pretty(&manifest).doing(cannot)?;
    archive.file(MANIFEST, 0o644, text.len() as u64, text.as_slice()).doing(cannot)?;
    archive.finish().doing(cannot)?.flush().doing(cannot)?;
    bench.finish()
}

/// Entries below `folder` by their names as text, which is the order the archive wants.
fn named(folder: &Path) -> Result<BTreeMap<String, files::Entry>> {
    files::walk(folder)?.into_iter().map(|entry| Ok((utf8(&entry.path)?, entry))).collect()
}

fn utf8(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::tool(format!("the name {path:?} is not UTF-8, which no bundle may have")))
}

/// Puts what `file` holds into the place of `goal`, if it is whole and was made for `label`.
pub fn take_up(file: &Path, label: &Label, goal: &Path) -> Result {
    let cannot = || format!("cannot take up `{}`", file.display());
    let source = Opened::at(file).doing(cannot)?;
    let mut members: BTreeMap<String, Member> =
        zip::read(&source).doing(cannot)?.into_iter().map(|it| (it.path.clone(), it)).collect();
    let manifest = manifest(members.remove(MANIFEST), &source, file)?;
    if manifest.label != *label {
        return Err(Error::tool(cannot())
            .because(format!("it is `{}` for the plan {}", manifest.label.stage, manifest.label.plan))
            .because(format!("wanted is `{}` for the plan {}", label.stage, label.plan))
            .hint("build all parts from the same commit, with the same signing file"));
    }
    if members.remove(CONTENT).is_none_or(|it| !it.is_folder()) {
        return Err(Error::tool(cannot()).because(format!("it has no folder `{CONTENT}`")));
    }
    let bench = files::Workbench::beside(goal)?;
    files::create_folder(&bench.path())?;
    for (name, entry) in &manifest.entries {
        interrupt::check()?;
        let refuse = |why: &str| Error::tool(cannot()).because(format!("`{name}` {why}"));
        let is_plain = path::inside(name).is_ok_and(|checked| checked == *name && !name.is_empty());
        if !is_plain {
            return Err(refuse("is no path inside it"));
        }
        let parent = name.rsplit_once('/').map(|(parent, _)| parent);
        let is_below_folder =
            parent.is_none_or(|it| matches!(manifest.entries.get(it), Some(Entry::Folder { .. })));
        if !is_below_folder {
            return Err(refuse("does not lie in a folder of it"));
        }
        let Some(member) = members.remove(&format!("{CONTENT}/{name}")) else {
            return Err(refuse("is missing"));
        };
        if !place(entry, &member, &source, name, &bench.path().join(name)).doing(cannot)? {
            return Err(refuse("is not what was handed over"));
        }
    }
    if let Some(name) = members.keys().next() {
        return Err(Error::tool(cannot()).because(format!("`{name}` is not in its list")));
    }
    close_folders(&manifest, &bench.path()).doing(cannot)?;
    bench.finish()
}

/// What `file` says it was made for.
pub fn label_of(file: &Path) -> Result<Label> {
    let cannot = || format!("cannot take up `{}`", file.display());
    let source = Opened::at(file).doing_as_asked(cannot)?;
    let member = zip::read(&source).doing(cannot)?.into_iter().find(|it| it.path == MANIFEST);
    Ok(manifest(member, &source, file)?.label)
}

fn manifest(member: Option<Member>, source: &dyn Source, file: &Path) -> Result<Manifest> {
    let cannot = || format!("`{}` is no hand-over", file.display());
    let Some(member) = member else {
        return Err(Error::tool(cannot()).because(format!("it has no `{MANIFEST}`")));
    };
    let mut text = Vec::new();
    member.open(source, Limit::DOCUMENT).doing(cannot)?.read_to_end(&mut text).doing(cannot)?;
    let manifest: Manifest = serde_json::from_slice(&text).doing(cannot)?;
    if manifest.schema != SCHEMA {
        return Err(
            Error::tool(cannot()).because(format!("schema {}, this tool knows {SCHEMA}", manifest.schema))
        );
    }
    Ok(manifest)
}

/// Unpacks one member to `goal`; false when it is not what the manifest says.
fn place(entry: &Entry, member: &Member, source: &dyn Source, name: &str, goal: &Path) -> io::Result<bool> {
    let permissions = member.mode & 0o7777;
    let open = || member.open(source, Limit::PAYLOAD).map_err(io::Error::other);
    match entry {
        // Folders are closed afterwards: one without write permission would not take its files.
        Entry::Folder { mode } => {
            fs::create_dir(goal)?;
            Ok(member.is_folder() && permissions == *mode)
        }
        Entry::Link { target } => {
            let mut text = String::new();
            // A path is at most `path::MAX_PATH` long; one byte more shows that it is longer.
            open()?.take(path::MAX_PATH as u64 + 1).read_to_string(&mut text)?;
            let stays = path::symlink_goal(name, target).is_some();
            let is_same = member.is_symlink() && text == *target && stays;
            if is_same {
                std::os::unix::fs::symlink(target, goal)?;
            }
            Ok(is_same)
        }
        Entry::File { mode, sha256 } => {
            let mut hashed = Hashed::new(open()?);
            let mut file = File::create_new(goal)?;
            io::copy(&mut hashed, &mut file)?;
            file.set_permissions(fs::Permissions::from_mode(*mode & 0o7777))?;
            let is_file = !member.is_folder() && !member.is_symlink();
            Ok(is_file && permissions == *mode && hashed.digest() == *sha256)
        }
    }
}

/// Gives folders their modes, deepest first.
fn close_folders(manifest: &Manifest, top: &Path) -> io::Result<()> {
    for (name, entry) in manifest.entries.iter().rev() {
        if let Entry::Folder { mode } = entry {
            fs::set_permissions(top.join(name), fs::Permissions::from_mode(*mode & 0o7777))?;
        }
    }
    Ok(())
}

/// Hashes what is read through it.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R> Hashed<R> {
    fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new() }
    }

    fn digest(self) -> String {
        hex(&self.hash.finalize())
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// A file that stays open, read in windows.
pub(super) struct Opened {
    file: File,
    len: u64,
}

impl Opened {
    /// Opens the file at `path`.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }
}

impl Source for Opened {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, len: usize) -> formats::bytes::Result<Cow<'_, [u8]>> {
        let there = self.len.saturating_sub(offset);
        if len as u64 > there {
            let what = format!("{len} bytes wanted, {there} there");
            return Err(formats::bytes::Error::new(offset, what));
        }
        let mut bytes = vec![0; len];
        let outcome = self.file.read_exact_at(&mut bytes, offset);
        outcome.map_err(|error| formats::bytes::Error::new(offset, format!("it cannot be read: {error}")))?;
        Ok(Cow::Owned(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Desk {
        folder: tempfile::TempDir,
    }

    impl Desk {
        /// A folder `app` with what a bundle has: nested folders, an executable, a link.
        fn new() -> Self {
            let desk = Self { folder: tempfile::tempdir().unwrap() };
            let app = desk.path("app");
            fs::create_dir_all(app.join("A.app/Contents/MacOS")).unwrap();
            fs::write(app.join("A.app/Contents/MacOS/A"), "code").unwrap();
            fs::set_permissions(app.join("A.app/Contents/MacOS/A"), fs::Permissions::from_mode(0o755))
                .unwrap();
            fs::write(app.join("A.app/Contents/Info.plist"), "keys").unwrap();
            std::os::unix::fs::symlink("Info.plist", app.join("A.app/Contents/link")).unwrap();
            // Sorted as text this comes between a folder and what is in it.
            fs::write(app.join("A.app.txt"), "beside").unwrap();
            desk
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.folder.path().join(name)
        }

        fn save(&self, stage: &str) {
            save(&self.path("app"), &label(stage), &self.path("file.zip")).unwrap();
        }

        fn take_up(&self, stage: &str) -> Result {
            take_up(&self.path("file.zip"), &label(stage), &self.path("out"))
        }

        #[track_caller]
        fn refuses(&self, why: &str) {
            let error = self.take_up("signed").unwrap_err();
            assert!(format!("{error:?}").contains(why), "{error:?}");
            assert!(!self.path("out").exists());
        }

        /// Writes an archive with this manifest and these files below `content`.
        fn forge(&self, entries: &str, files: &[(&str, &str)]) {
            let mut archive = Writer::new(File::create(self.path("file.zip")).unwrap(), EPOCH).unwrap();
            archive.folder(CONTENT, 0o755).unwrap();
            for (name, text) in files {
                archive
                    .file(&format!("{CONTENT}/{name}"), 0o644, text.len() as u64, text.as_bytes())
                    .unwrap();
            }
            let text =
                format!(r#"{{"schema":1,"label":{{"plan":"p1","stage":"signed"}},"entries":{{{entries}}}}}"#);
            archive.file(MANIFEST, 0o644, text.len() as u64, text.as_bytes()).unwrap();
            archive.finish().unwrap();
        }
    }

    fn label(stage: &str) -> Label {
        Label { plan: "p1".to_owned(), stage: stage.to_owned() }
    }

    fn file(text: &str) -> String {
        format!(r#"{{"file":{{"mode":420,"sha256":"{}"}}}}"#, hex(&Sha256::digest(text)))
    }

    #[test]
    fn a_folder_arrives_as_it_was() {
        let desk = Desk::new();
        desk.save("signed");
        desk.take_up("signed").unwrap();
        assert_eq!(files::walk(&desk.path("out")).unwrap(), files::walk(&desk.path("app")).unwrap());
        assert_eq!(fs::read(desk.path("out/A.app/Contents/link")).unwrap(), b"keys");
    }

    #[test]
    fn what_lay_there_before_is_replaced_whole() {
        let desk = Desk::new();
        desk.save("signed");
        fs::create_dir(desk.path("out")).unwrap();
        fs::write(desk.path("out/old"), "").unwrap();
        desk.take_up("signed").unwrap();
        assert!(!desk.path("out/old").exists());
    }

    #[test]
    fn the_same_folder_gives_the_same_bytes() {
        let (one, other) = (Desk::new(), Desk::new());
        one.save("signed");
        other.save("signed");
        assert_eq!(fs::read(one.path("file.zip")).unwrap(), fs::read(other.path("file.zip")).unwrap());
    }

    #[test]
    fn another_plan_or_stage_is_refused() {
        let desk = Desk::new();
        desk.save("bundled");
        desk.refuses("it is `bundled` for the plan p1");
    }

    #[test]
    fn any_flipped_byte_is_refused() {
        let desk = Desk::new();
        desk.save("signed");
        let good = fs::read(desk.path("file.zip")).unwrap();
        for at in (0..good.len()).step_by(7) {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            fs::write(desk.path("file.zip"), &bad).unwrap();
            // Some bytes say nothing about the content: times, the version that made it. Then all the rest must arrive.
            match desk.take_up("signed") {
                Err(_) => assert!(!desk.path("out").exists(), "byte {at}"),
                Ok(()) => {
                    assert_eq!(
                        files::walk(&desk.path("out")).unwrap(),
                        files::walk(&desk.path("app")).unwrap(),
                        "byte {at}"
                    );
                    assert_eq!(
                        fs::read(desk.path("out/A.app/Contents/MacOS/A")).unwrap(),
                        b"code",
                        "byte {at}"
                    );
                    fs::remove_dir_all(desk.path("out")).unwrap();
                }
            }
        }
    }

    #[test]
    fn a_file_that_is_missing_added_or_changed_is_refused() {
        let desk = Desk::new();
        let a = format!(r#""a":{}"#, file("text"));
        desk.forge(&a, &[("a", "text")]);
        desk.take_up("signed").unwrap();
        fs::remove_dir_all(desk.path("out")).unwrap();
        desk.forge(&a, &[]);
        desk.refuses("`a` is missing");
        desk.forge(&a, &[("a", "texT")]);
        desk.refuses("`a` is not what was handed over");
        desk.forge(&a, &[("a", "text"), ("b", "")]);
        desk.refuses("is not in its list");
        desk.forge("", &[("a", "text")]);
        desk.refuses("is not in its list");
    }

    #[test]
    fn nothing_is_written_outside_or_through_a_link() {
        let desk = Desk::new();
        desk.forge(&format!(r#""../a":{}"#, file("text")), &[]);
        desk.refuses("is no path inside it");
        desk.forge(&format!(r#""/a":{}"#, file("text")), &[]);
        desk.refuses("is no path inside it");
        desk.forge(&format!(r#""l":{{"link":{{"target":"."}}}},"l/a":{}"#, file("text")), &[("l", ".")]);
        desk.refuses("`l` is not what was handed over");
        desk.forge(&format!(r#""f/a":{}"#, file("text")), &[]);
        desk.refuses("does not lie in a folder of it");
    }

    #[test]
    fn a_link_that_leaves_is_not_handed_over() {
        let desk = Desk::new();
        std::os::unix::fs::symlink("../../../etc", desk.path("app/out")).unwrap();
        assert!(save(&desk.path("app"), &label("signed"), &desk.path("file.zip")).is_err());
        assert!(!desk.path("file.zip").exists());
    }

    #[test]
    fn any_other_file_is_no_hand_over() {
        let desk = Desk::new();
        fs::write(desk.path("file.zip"), "PK no").unwrap();
        assert!(desk.take_up("signed").is_err());
        let mut archive = Writer::new(File::create(desk.path("file.zip")).unwrap(), EPOCH).unwrap();
        archive.folder(CONTENT, 0o755).unwrap();
        archive.finish().unwrap();
        desk.refuses("is no hand-over");
    }
}
