//! Lays out the app with its drivers inside, unsigned: folders, Info.plists, executables.
//!
//! ```text
//!   Host.app/Contents/Info.plist
//!                     MacOS/Host
//!                     Library/SystemExtensions/com.example.driver.dext/Info.plist
//!                                                                      com.example.driver
//! ```
//! A dext is flat: there is no `Contents` in it, and its folder is called like its identifier.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{
    Built, Universal, files,
    merge::{self, Thinned},
    stamp::Stamps,
};
use crate::{
    config::{App, Driver, Origin},
    error::{Doing, Error, Result},
    interrupt,
    plan::Plan,
    terminal,
};

mod info_plist;

/// The unsigned app, complete.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
}

impl Bundle {
    /// What another machine laid out (`stage::relay`).
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Where drivers live in an app; sysextd looks nowhere else.
pub(super) const EXTENSIONS: &str = "Contents/Library/SystemExtensions";

/// Lays the app out, unless what lies there is still right.
pub fn bundle(plan: &Plan, built: Built, stamps: &Stamps) -> Result<Bundle> {
    interrupt::check()?;
    let goal = plan.unsigned_app();
    let name = "bundle";
    let mut key = stamps.key(name);
    stamps.add_program(&mut key);
    key.text(&goal.to_string_lossy());
    for file in plan.product.drivers.iter().map(|driver| &driver.file).chain([&plan.product.app.file]) {
        stamps.add_file(&mut key, file)?;
    }
    for driver in &plan.product.drivers {
        key.text(driver.build.as_str());
    }
    for universal in built.drivers.iter().flatten().chain(&built.app) {
        stamps.add_file(&mut key, universal.path())?;
    }
    for path in prebuilt(plan) {
        stamps.add_tree(&mut key, path)?;
    }
    if stamps.is_fresh(name, &key) {
        return Ok(Bundle { path: goal });
    }
    stamps.forget(name)?;
    terminal::step("Bundling", plan.product.app.bundle_name());
    let bench = files::Workbench::beside(&goal)?;
    let app = bench.path();
    lay_out_app(&app, &plan.product.app, built.app.as_ref(), plan)?;
    for (driver, universal) in plan.product.drivers.iter().zip(&built.drivers) {
        let dext = app.join(EXTENSIONS).join(driver.bundle_name());
        files::remove(&dext)?;
        lay_out_driver(&dext, driver, universal.as_ref(), plan)?;
    }
    bench.finish()?;
    stamps.record(name, key, Vec::new(), std::slice::from_ref(&goal))?;
    Ok(Bundle { path: goal })
}

fn prebuilt(plan: &Plan) -> impl Iterator<Item = &Path> {
    let origins = plan.product.drivers.iter().map(|driver| &driver.origin).chain([&plan.product.app.origin]);
    origins.filter_map(|origin| match origin {
        Origin::Prebuilt { path } => Some(path.as_path()),
        Origin::Build { .. } => None,
    })
}

fn lay_out_app(app: &Path, config: &App, universal: Option<&Universal>, plan: &Plan) -> Result {
    if let Origin::Prebuilt { path } = &config.origin {
        return copy_prebuilt(path, app, plan);
    }
    let universal = universal.ok_or_else(|| Error::tool("the app was not built"))?;
    let contents = app.join("Contents");
    files::write(&contents.join("Info.plist"), &info_plist::app(config)?, 0o644)?;
    files::write(&contents.join("PkgInfo"), b"APPL????", 0o644)?;
    install(universal.path(), &contents.join("MacOS").join(config.executable()))
}

fn lay_out_driver(dext: &Path, config: &Driver, universal: Option<&Universal>, plan: &Plan) -> Result {
    if let Origin::Prebuilt { path } = &config.origin {
        return copy_prebuilt(path, dext, plan);
    }
    let universal = universal.ok_or_else(|| Error::tool("the driver was not built"))?;
    files::write(&dext.join("Info.plist"), &info_plist::driver(config)?, 0o644)?;
    install(universal.path(), &dext.join(config.executable()))
}

fn install(from: &Path, to: &Path) -> Result {
    files::write(to, &files::read(from)?, 0o755)
}

/// Copies a bundle made elsewhere, dropping arm64e slices of unsigned code.
fn copy_prebuilt(from: &Path, to: &Path, plan: &Plan) -> Result {
    if !from.is_dir() {
        return Err(Error::usage(format!("`{}` is not there", plan.workspace.shown(from)))
            .hint("build it first, with `CODE_SIGNING_ALLOWED=NO`"));
    }
    files::copy_tree(from, to)?;
    for entry in files::walk(to)? {
        if entry.kind != files::Kind::File {
            continue;
        }
        let path = to.join(&entry.path);
        if !starts_like_an_image(&path)? {
            continue;
        }
        match merge::without_arm64e(&path, &files::read(&path)?)? {
            Thinned::Unchanged => {}
            Thinned::Without(image, dropped) => {
                terminal::warn(format_args!(
                    "dropped {} from `{}`",
                    dropped.join(", "),
                    entry.path.display()
                ));
                files::write(&path, &image, entry.mode)?;
            }
        }
    }
    make_readable(to)
}

/// Whether the first bytes are those of a Mach-O or a universal file.
fn starts_like_an_image(path: &Path) -> Result<bool> {
    use std::io::Read;
    let mut magic = Vec::with_capacity(4);
    let cannot = || format!("cannot read `{}`", path.display());
    fs::File::open(path).doing(cannot)?.take(4).read_to_end(&mut magic).doing(cannot)?;
    let Ok(magic) = <[u8; 4]>::try_from(magic) else { return Ok(false) };
    let universal = u32::from_be_bytes(magic) == 0xcafe_babe;
    Ok(formats::image::macho::is_macho(magic) || (universal && !is_java_class(path)?))
}

/// A Java class starts with the same magic; its version number is larger than any count of slices.
fn is_java_class(path: &Path) -> Result<bool> {
    let bytes = files::read(path)?;
    Ok(formats::Bytes::new(&bytes).u32_be(4).map_or(true, |count| count > 30))
}

/// A product is read by everybody; a restrictive umask of the builder must not travel with it.
fn make_readable(top: &Path) -> Result {
    for entry in files::walk(top)? {
        let wanted = match entry.kind {
            files::Kind::Folder => 0o755,
            files::Kind::File if entry.mode & 0o111 != 0 => 0o755,
            files::Kind::File => 0o644,
            files::Kind::Symlink(_) => continue,
        };
        if entry.mode != wanted {
            let path = top.join(&entry.path);
            fs::set_permissions(&path, fs::Permissions::from_mode(wanted))
                .doing(|| format!("cannot set the mode of `{}`", path.display()))?;
        }
    }
    Ok(())
}
