//! The app out of a zip of a release, where it can be run.
//!
//! Folders and files come first and links last, so no member can be written through a link of the archive; a name that leaves the folder
//! is refused by the reader, a link that does, here.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use formats::container::{
    bounded::Limit,
    path,
    zip::{self, Member},
};

use super::{files, hand_over::Opened};
use crate::{
    error::{Doing, Error, Result},
    interrupt,
};

/// Unpacks `archive` into the place of `folder`; the path of the only app in it.
pub fn app(archive: &Path, folder: &Path) -> Result<PathBuf> {
    let cannot = || format!("cannot unpack `{}`", archive.display());
    let source = Opened::at(archive).doing_as_asked(cannot)?;
    let (links, others): (Vec<Member>, Vec<Member>) =
        zip::read(&source).doing(cannot)?.into_iter().partition(Member::is_symlink);
    let tops: BTreeSet<&str> =
        links.iter().chain(&others).filter_map(|it| it.path.split('/').next()).collect();
    let top = match tops.iter().copied().collect::<Vec<_>>().as_slice() {
        [top] if top.ends_with(".app") => (*top).to_owned(),
        found => {
            return Err(Error::usage(cannot())
                .because(format!("it holds {}, wanted is one `.app` and nothing else", found.join(", "))));
        }
    };
    let bench = files::Workbench::beside(folder)?;
    let work = bench.path();
    files::create_folder(&work)?;
    // The limit holds for all members together.
    let mut left = Limit::PAYLOAD.bytes;
    for member in &others {
        interrupt::check()?;
        left = left.saturating_sub(place(member, &source, &work, left).doing(cannot)?);
    }
    for member in &links {
        let mut target = String::new();
        let limit = Limit { bytes: left, ..Limit::PAYLOAD };
        let text = member.open(&source, limit).doing(cannot)?;
        // A path is at most `path::MAX_PATH` long; one byte more shows that it is longer.
        text.take(path::MAX_PATH as u64 + 1).read_to_string(&mut target).doing(cannot)?;
        if path::symlink_goal(&member.path, &target).is_none() {
            return Err(Error::tool(cannot()).because(format!("the link `{}` leaves it", member.path)));
        }
        let goal = work.join(&member.path);
        parents(&goal).and_then(|()| std::os::unix::fs::symlink(&target, &goal)).doing(cannot)?;
    }
    bench.finish()?;
    Ok(folder.join(top))
}

/// Writes one folder or file; how many bytes it has.
fn place(member: &Member, source: &Opened, work: &Path, left: u64) -> io::Result<u64> {
    let goal = work.join(&member.path);
    if member.is_folder() {
        // Modes of folders are not taken over: one that cannot be written would not take its files.
        return fs::create_dir_all(goal).map(|()| 0);
    }
    parents(&goal)?;
    let limit = Limit { bytes: left, ..Limit::PAYLOAD };
    let mut bytes = member.open(source, limit).map_err(io::Error::other)?;
    let mut file = File::create_new(&goal)?;
    let count = io::copy(&mut bytes, &mut file)?;
    let executable = if member.mode & 0o111 == 0 { 0o644 } else { 0o755 };
    file.set_permissions(fs::Permissions::from_mode(executable))?;
    Ok(count)
}

fn parents(goal: &Path) -> io::Result<()> {
    goal.parent().map_or(Ok(()), fs::create_dir_all)
}

#[cfg(test)]
mod tests {
    use formats::container::zip_write::Writer;

    use super::*;

    /// 1980, where the times of zip archives begin.
    const EPOCH: u64 = 315_532_800;

    fn unpack(fill: impl FnOnce(&mut Writer<File>)) -> (tempfile::TempDir, Result<PathBuf>) {
        let desk = tempfile::tempdir().unwrap();
        let archive = desk.path().join("a.zip");
        let mut writer = Writer::new(File::create(&archive).unwrap(), EPOCH).unwrap();
        fill(&mut writer);
        writer.finish().unwrap();
        let outcome = app(&archive, &desk.path().join("out"));
        (desk, outcome)
    }

    #[track_caller]
    fn refuses(fill: impl FnOnce(&mut Writer<File>), why: &str) {
        let (desk, outcome) = unpack(fill);
        let error = outcome.unwrap_err();
        assert!(format!("{error:?}").contains(why), "{error:?}");
        assert!(!desk.path().join("out").exists());
    }

    #[test]
    fn an_app_comes_out_with_its_executable_and_its_links() {
        let (_desk, outcome) = unpack(|zip| {
            zip.folder("A.app", 0o755).unwrap();
            zip.file("A.app/run", 0o755, 4, b"code".as_slice()).unwrap();
            zip.symlink("A.app/to", "run").unwrap();
        });
        let app = outcome.unwrap();
        assert!(app.ends_with("out/A.app"));
        assert_eq!(fs::read(app.join("to")).unwrap(), b"code");
        assert_eq!(fs::metadata(app.join("run")).unwrap().permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn two_apps_or_none_are_refused() {
        refuses(|zip| zip.file("readme", 0o644, 1, b"x".as_slice()).unwrap(), "it holds readme");
        refuses(
            |zip| {
                zip.folder("A.app", 0o755).unwrap();
                zip.folder("B.app", 0o755).unwrap();
            },
            "A.app, B.app",
        );
    }

    /// Our writer refuses such a link, so its bytes and their checksum are changed afterwards.
    #[test]
    fn a_link_that_leaves_the_archive_is_refused() {
        let (desk, outcome) = unpack(|zip| {
            zip.folder("A.app", 0o755).unwrap();
            zip.symlink("A.app/out", "aa/aa/etc").unwrap();
        });
        outcome.unwrap();
        let checksum = |text: &str| {
            let mut crc = flate2::Crc::new();
            crc.update(text.as_bytes());
            crc.sum().to_le_bytes()
        };
        let archive = desk.path().join("a.zip");
        let mut bytes = fs::read(&archive).unwrap();
        let mut replace = |from: &[u8], to: &[u8]| {
            for at in 0..=bytes.len() - from.len() {
                if bytes[at..].starts_with(from) {
                    bytes[at..at + to.len()].copy_from_slice(to);
                }
            }
        };
        replace(b"aa/aa/etc", b"../../etc");
        replace(&checksum("aa/aa/etc"), &checksum("../../etc"));
        fs::write(&archive, bytes).unwrap();
        let error = app(&archive, &desk.path().join("other")).unwrap_err();
        assert!(format!("{error:?}").contains("leaves it"), "{error:?}");
        assert!(!desk.path().join("other").exists());
    }
}
