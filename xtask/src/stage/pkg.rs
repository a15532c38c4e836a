//! The installer package of the signed app: what goes in, and who signs it.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use formats::{
    document::{Dict, Value},
    image::Slices,
};
use signer::{
    authority::Role,
    package::{self, Bundle, Component, Entries, Entry, EntryKind, Layout, PackageSigner, Product},
};

use super::{
    files::{self, Kind},
    package::Container,
    sign::{Stamper, identity, parts},
    stamp::Stamps,
};
use crate::{
    config::{IdentitySource, Mode, PkgStyle, Signing},
    error::{Doing, Error, Result},
    inspect::disk::Watch,
    interrupt,
    rehearsal::{self, Rehearsal},
    terminal,
};

/// Where the app goes; drivers are activated from nowhere else (checks A).
pub const INSTALL_LOCATION: &str = "/Applications";

/// Packs `app` into a signed package at `goal`, unless what lies there is still right. `epoch` is the time of everything in it.
pub fn pkg(
    app: &Path,
    goal: &Path,
    signing: &Signing,
    rehearsal: Option<&Rehearsal>,
    epoch: u64,
    stamps: &Stamps,
) -> Result<Container> {
    interrupt::check()?;
    let name = format!("pkg {}", goal.display());
    let mut key = stamps.key(&name);
    stamps.add_program(&mut key);
    stamps.add_tree(&mut key, app)?;
    stamps.add_file(&mut key, &signing.file)?;
    key.text(&epoch.to_string());
    key.text(&rehearsal.map(Rehearsal::roots).transpose()?.unwrap_or_default());
    if stamps.is_fresh(&name, &key) {
        return Ok(Container::at(goal.to_owned()));
    }
    stamps.forget(&name)?;
    terminal::step("Packing", crate::plan::file_name(goal));
    write(app, goal, signing, rehearsal, epoch)?;
    if let Some(rehearsal) = rehearsal {
        rehearsal.keep_keys()?;
    }
    stamps.record(&name, key, Vec::new(), &[goal.to_owned()])?;
    Ok(Container::at(goal.to_owned()))
}

/// What a package says of the app in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// `CFBundleIdentifier`.
    pub bundle: String,
    /// The package's own identifier.
    pub identifier: String,
    /// `CFBundleShortVersionString`, which is the package's version, too.
    pub version: String,
    /// `CFBundleVersion`.
    pub build: String,
}

impl Words {
    /// From the app's Info.plist.
    pub fn of(app: &Path) -> Result<Self> {
        let info = parts::read_info(&app.join("Contents/Info.plist"))?;
        let text = |key: &str| {
            let found = info.get(key).and_then(Value::as_str).map(str::to_owned);
            found.ok_or_else(|| {
                Error::usage(format!("cannot make a package of `{}`", app.display()))
                    .because(format!("its Info.plist has no `{key}`"))
            })
        };
        let bundle = text("CFBundleIdentifier")?;
        Ok(Self {
            identifier: format!("{bundle}.pkg"),
            bundle,
            version: text("CFBundleShortVersionString")?,
            build: text("CFBundleVersion")?,
        })
    }
}

/// Writes the package beside its goal and puts it there in one step; whatever its size, memory holds a few windows of it.
fn write(app: &Path, goal: &Path, signing: &Signing, rehearsal: Option<&Rehearsal>, epoch: u64) -> Result {
    let cannot = || format!("cannot make a package of `{}`", app.display());
    let refused = |error: signer::Error| {
        let told = Error::usage(cannot()).because(error.what);
        match error.hint {
            Some(hint) => told.hint(hint),
            None => told,
        }
    };
    let top = crate::plan::file_name(app);
    let info = parts::read_info(&app.join("Contents/Info.plist"))?;
    let maybe = |key: &str| info.get(key).and_then(Value::as_str).map(str::to_owned);
    let words = Words::of(app)?;
    let component = Component {
        identifier: &words.identifier,
        version: &words.version,
        install_location: INSTALL_LOCATION,
        bundle: Bundle {
            path: &top,
            identifier: &words.bundle,
            short_version: &words.version,
            version: &words.build,
        },
        epoch,
    };
    let source = installer_source(signing)?;
    let stamper = Stamper::of(signing, rehearsal);
    let stamp = |signature: &[u8]| stamper.stamp(signature);
    let identity = match &source {
        IdentitySource::AdHoc => None,
        other => Some(identity::load(other, rehearsal, Role::DeveloperIdInstaller)?),
    };
    let signing_time = rehearsal.map_or_else(rehearsal::now, |it| it.authority().epoch());
    let signer = match &identity {
        None => PackageSigner::Nobody,
        Some(identity) => PackageSigner::Installer {
            identity,
            signing_time,
            stamp: if stamper.is_some() { Some(&stamp) } else { None },
        },
    };
    let watch = Watch::default();
    let architectures = architectures(app, &info, &watch)?;
    let (title, oldest) = (maybe("CFBundleName"), maybe("LSMinimumSystemVersion"));
    let layout = match signing.pkg_style {
        PkgStyle::Component => Layout::Component,
        PkgStyle::Product => Layout::Product(Product {
            title: title.as_deref().unwrap_or_else(|| top.trim_end_matches(".app")),
            architectures: &architectures,
            minimum_macos: oldest.as_deref(),
        }),
    };

    let entries = entries(app, &top, &watch)?;
    let bench = files::Workbench::beside(goal)?;
    let (path, spool) = (bench.path(), bench.path().with_file_name(".payload"));
    let cannot_write = |path: &Path| format!("cannot write `{}`", path.display());
    let create = |path: &Path| File::create(path).doing(|| cannot_write(path));
    package::payload(&entries, epoch, BufWriter::new(create(&spool)?)).map_err(refused)?;
    interrupt::check()?;
    let payload = watch.file("Payload", &spool)?;
    let mut out = BufWriter::new(create(&path)?);
    package::write(&component, &entries, &*payload, &layout, signer, &mut out).map_err(refused)?;
    out.flush().doing(|| cannot_write(&path))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).doing(|| cannot_write(&path))?;
    if let Some(changed) = watch.changed().first() {
        return Err(Error::tool(cannot()).because(format!("`{changed}` changed while it was packed")));
    }
    interrupt::check()?;
    bench.finish()
}

/// What the app runs on, as Installer spells it, Apple silicon first.
fn architectures(app: &Path, info: &Dict, watch: &Watch) -> Result<Vec<&'static str>> {
    let name = info.get("CFBundleExecutable").and_then(Value::as_str).unwrap_or_default();
    let path = app.join("Contents/MacOS").join(name);
    let cannot = || format!("cannot read `{}`", path.display());
    let found = Slices::read(&*watch.file(name, &path)?).doing(cannot)?;
    let slices = found.map(|it| it.slices).unwrap_or_default();
    let mut all = Vec::new();
    for (name, is_there) in [
        ("arm64", slices.iter().any(|it| it.arch.is_arm64())),
        ("x86_64", slices.iter().any(|it| it.arch.is_x86_64())),
    ] {
        if is_there {
            all.push(name);
        }
    }
    Ok(all)
}

/// Who signs packages: its own certificate, which is another than the app's.
pub(super) fn installer_source(signing: &Signing) -> Result<IdentitySource> {
    match (&signing.installer_identity, *signing.mode) {
        (Some(source), _) => Ok(source.clone()),
        (None, Mode::Rehearsal | Mode::Adhoc) => Ok(signing.identity.clone()),
        (None, Mode::Distribution | Mode::Development) => Err(Error::usage(format!(
            "`{}` makes a package and has no `installer-identity`",
            signing.shown
        ))
        .because(
            "an installer package is signed with a Developer ID Installer certificate, not with the app's",
        )
        .hint("name that certificate as `installer-identity`, or remove `pkg` from `packages`")),
    }
}

fn entries(app: &Path, top: &str, watch: &Watch) -> Result<Entries> {
    let mut all = vec![Entry { path: top.to_owned(), mode: 0o755, kind: EntryKind::Folder }];
    for entry in files::walk(app)? {
        let inside = entry.path.to_str();
        let inside = inside
            .ok_or_else(|| Error::usage(format!("the name `{}` is not UTF-8", entry.path.display())))?;
        let kind = match &entry.kind {
            Kind::Folder => EntryKind::Folder,
            Kind::File => EntryKind::File(watch.file(inside, &app.join(&entry.path))?),
            Kind::Symlink(target) => EntryKind::Symlink(target.to_string_lossy().into_owned()),
        };
        all.push(Entry { path: format!("{top}/{inside}"), mode: entry.mode, kind });
    }
    Ok(Entries::new(all))
}
