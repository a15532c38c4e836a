//! Puts finished things into the output folder: all of them by one rename, nothing of the user's touched.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{files, stamp::Stamps};
use crate::{
    error::{Doing, Error, Result},
    interrupt, terminal,
};

/// One thing for the output folder.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its name there; a `/` makes a folder.
    pub name: String,
    /// Where it comes from: a file or a folder.
    pub from: PathBuf,
}

impl Item {
    /// `from`, to be called `name`.
    pub fn new(name: impl Into<String>, from: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), from: from.into() }
    }

    /// The entry of the output folder that this belongs to.
    fn top(&self) -> &str {
        self.name.split('/').next().unwrap_or(&self.name)
    }
}

/// Makes `out` hold exactly these items, beside what the user has there.
///
/// `judge` is given the folder with the new things, complete and in their final form, before it takes its place: it may
/// add files (a report), and its refusal leaves `out` as it was. `rules` is what its verdict depends on besides the items.
pub fn publish(
    out: &Path,
    items: &[Item],
    rules: &str,
    stamps: &Stamps,
    judge: impl FnOnce(&Path) -> Result<Vec<String>>,
) -> Result<Published> {
    interrupt::check()?;
    let name = format!("publish {}", out.display());
    let mut key = stamps.key(&name);
    stamps.add_program(&mut key);
    key.text(rules);
    for item in items {
        key.text(&item.name);
        stamps.add_tree(&mut key, &item.from)?;
    }
    if stamps.is_fresh(&name, &key) {
        return Ok(Published::Unchanged);
    }
    let record = stamps.record_of(&name);
    let ours = read_record(&record);
    let tops: BTreeSet<String> = items.iter().map(|item| item.top().to_owned()).collect();
    foreign(out, &ours, &tops)?;

    stamps.forget(&name)?;
    terminal::step("Publishing", out.display());
    let bench = files::Workbench::beside(out)?;
    let fresh = bench.path();
    files::create_folder(&fresh)?;
    for item in items {
        files::copy_tree(&item.from, &fresh.join(&item.name))?;
    }
    let added = judge(&fresh)?;
    interrupt::check()?;
    let tops: BTreeSet<String> = tops.into_iter().chain(added).collect();
    for entry in &foreign(out, &ours, &tops)? {
        let (from, to) = (out.join(entry), fresh.join(entry));
        fs::rename(&from, &to).doing(|| format!("cannot keep `{}`", from.display()))?;
    }
    let names: Vec<String> = tops.into_iter().collect();
    files::write(&record, names.join("\n").as_bytes(), 0o644)?;
    bench.finish()?;
    let outputs: Vec<PathBuf> = names.iter().map(|name| out.join(name)).collect();
    stamps.record(&name, key, Vec::new(), &outputs)?;
    Ok(Published::Changed)
}

/// What publishing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The output folder holds something new.
    Changed,
    /// It was right already.
    Unchanged,
}

fn read_record(record: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(record).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Entries of `out` that are not ours; one that stands where ours should go is an error.
fn foreign(out: &Path, ours: &BTreeSet<String>, tops: &BTreeSet<String>) -> Result<Vec<String>> {
    let entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).doing(|| format!("cannot look into `{}`", out.display())),
    };
    let mut theirs = Vec::new();
    for entry in entries {
        let entry = entry.doing(|| format!("cannot look into `{}`", out.display()))?;
        let name = entry.file_name().into_string().map_err(|name| {
            Error::usage(format!("`{}` holds a file whose name is not UTF-8: {name:?}", out.display()))
        })?;
        if ours.contains(&name) {
            continue;
        }
        if tops.contains(&name) {
            return Err(Error::usage(format!(
                "`{}` is there and was not made by us",
                out.join(&name).display()
            ))
            .hint("move it away, or choose another folder with `--out`"));
        }
        theirs.push(name);
    }
    Ok(theirs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    struct Desk {
        folder: tempfile::TempDir,
    }

    impl Desk {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("made"), "one").unwrap();
            Self { folder }
        }

        fn out(&self) -> PathBuf {
            self.folder.path().join("dist")
        }

        fn publish(&self) -> Result<Published> {
            let stamps = Stamps::new(&Workspace::at(self.folder.path()));
            let items = [Item::new("sub/made", self.folder.path().join("made"))];
            publish(&self.out(), &items, "", &stamps, |_| Ok(Vec::new()))
        }
    }

    #[test]
    fn the_second_time_nothing_is_done() {
        let desk = Desk::new();
        assert_eq!(desk.publish().unwrap(), Published::Changed);
        assert_eq!(desk.publish().unwrap(), Published::Unchanged);
        assert_eq!(fs::read_to_string(desk.out().join("sub/made")).unwrap(), "one");
    }

    #[test]
    fn what_was_removed_comes_back() {
        let desk = Desk::new();
        desk.publish().unwrap();
        fs::remove_file(desk.out().join("sub/made")).unwrap();
        assert_eq!(desk.publish().unwrap(), Published::Changed);
    }

    #[test]
    fn a_file_of_the_user_survives() {
        let desk = Desk::new();
        desk.publish().unwrap();
        fs::write(desk.out().join("notes.txt"), "mine").unwrap();
        fs::write(desk.folder.path().join("made"), "two").unwrap();
        assert_eq!(desk.publish().unwrap(), Published::Changed);
        assert_eq!(fs::read_to_string(desk.out().join("notes.txt")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(desk.out().join("sub/made")).unwrap(), "two");
    }

    #[test]
    fn what_the_judge_refuses_is_not_published() {
        let desk = Desk::new();
        desk.publish().unwrap();
        fs::write(desk.folder.path().join("made"), "two").unwrap();
        let stamps = Stamps::new(&Workspace::at(desk.folder.path()));
        let items = [Item::new("sub/made", desk.folder.path().join("made"))];
        let refuse = |fresh: &Path| {
            assert_eq!(fs::read_to_string(fresh.join("sub/made")).unwrap(), "two");
            Err(Error::tool("no"))
        };
        publish(&desk.out(), &items, "", &stamps, refuse).unwrap_err();
        assert_eq!(fs::read_to_string(desk.out().join("sub/made")).unwrap(), "one");
    }

    #[test]
    fn a_file_of_the_user_in_our_place_is_refused() {
        let desk = Desk::new();
        fs::create_dir(desk.out()).unwrap();
        fs::write(desk.out().join("sub"), "mine").unwrap();
        let error = desk.publish().unwrap_err().to_string();
        assert!(error.contains("was not made by us"), "{error}");
        assert_eq!(fs::read_to_string(desk.out().join("sub")).unwrap(), "mine");
    }
}
