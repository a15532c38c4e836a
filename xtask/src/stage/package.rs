//! Packs the signed app for delivery: zip here; pkg through the signer, because a package is signed itself.
//!
//! A zip holds the app as it is, links as links, so that it unpacks to the bytes that were signed (`formats::container::zip_write`).

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use formats::container::zip_write::Writer;

use super::{
    files::{self, Kind},
    stamp::Stamps,
};
use crate::{
    error::{Doing, Result},
    interrupt, terminal,
};

/// A container that lies below `target/dist/stage`.
#[derive(Debug, Clone)]
pub struct Container {
    path: PathBuf,
}

impl Container {
    /// What `stage::package` or the signer wrote.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Zips `app` to `goal`, unless what lies there is still right. `epoch` is the time of every member, in seconds.
pub fn zip(app: &Path, goal: &Path, epoch: u64, stamps: &Stamps) -> Result<Container> {
    interrupt::check()?;
    let name = format!("zip {}", goal.display());
    let mut key = stamps.key(&name);
    stamps.add_program(&mut key);
    stamps.add_tree(&mut key, app)?;
    key.text(&epoch.to_string());
    if stamps.is_fresh(&name, &key) {
        return Ok(Container::at(goal.to_owned()));
    }
    stamps.forget(&name)?;
    terminal::step("Zipping", crate::plan::file_name(goal));
    let bench = files::Workbench::beside(goal)?;
    write_zip(app, &bench.path(), epoch)?;
    bench.finish()?;
    stamps.record(&name, key, Vec::new(), &[goal.to_owned()])?;
    Ok(Container::at(goal.to_owned()))
}

/// One top-level folder, everything below it in the order of the paths.
fn write_zip(app: &Path, goal: &Path, epoch: u64) -> Result {
    let cannot = || format!("cannot write `{}`", goal.display());
    let file = File::create(goal).doing(cannot)?;
    let mut zip = Writer::new(BufWriter::new(file), epoch).doing(cannot)?;
    let top = crate::plan::file_name(app);
    zip.folder(&top, 0o755).doing(cannot)?;
    let mut entries = files::walk(app)?;
    // The writer wants the order of the names as text, which differs from the order of path components.
    let name = |path: &Path| format!("{top}/{}", path.to_string_lossy());
    entries.sort_by_key(|entry| name(&entry.path));
    for entry in &entries {
        interrupt::check()?;
        let path = app.join(&entry.path);
        let member = name(&entry.path);
        match &entry.kind {
            Kind::Folder => zip.folder(&member, entry.mode).doing(cannot)?,
            Kind::Symlink(target) => zip.symlink(&member, &target.to_string_lossy()).doing(cannot)?,
            Kind::File => {
                let reading = || format!("cannot read `{}`", path.display());
                let file = File::open(&path).doing(reading)?;
                let size = file.metadata().doing(reading)?.len();
                zip.file(&member, entry.mode, size, file).doing(cannot)?;
            }
        }
    }
    zip.finish().doing(cannot)?.flush().doing(cannot)
}
