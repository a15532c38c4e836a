//! The installer package of the signed app: what goes in, and who signs it.

use std::path::Path;

use formats::document::Value;
use signer::{
    authority::Role,
    package::{self, Bundle, Component, Entry, EntryKind, PackageSigner},
};

use super::{
    files::{self, Kind},
    package::Container,
    sign::{Stamper, identity, parts},
    stamp::Stamps,
};
use crate::{
    config::{IdentitySource, Mode, Signing},
    error::{Error, Result},
    interrupt,
    rehearsal::{self, Rehearsal},
    terminal,
};

/// Where the app goes; drivers are activated from nowhere else (checks A).
const INSTALL_LOCATION: &str = "/Applications";

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
    let bytes = write(app, signing, rehearsal, epoch)?;
    files::write(goal, &bytes, 0o644)?;
    if let Some(rehearsal) = rehearsal {
        rehearsal.keep_keys()?;
    }
    stamps.record(&name, key, Vec::new(), &[goal.to_owned()])?;
    Ok(Container::at(goal.to_owned()))
}

fn write(app: &Path, signing: &Signing, rehearsal: Option<&Rehearsal>, epoch: u64) -> Result<Vec<u8>> {
    let cannot = || format!("cannot make a package of `{}`", app.display());
    let top = crate::plan::file_name(app);
    let info = parts::read_info(&app.join("Contents/Info.plist"))?;
    let text = |key: &str| {
        let found = info.get(key).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| Error::usage(cannot()).because(format!("its Info.plist has no `{key}`")))
    };
    let (id, short, version) =
        (text("CFBundleIdentifier")?, text("CFBundleShortVersionString")?, text("CFBundleVersion")?);
    let component = Component {
        identifier: &format!("{id}.pkg"),
        version: &short,
        install_location: INSTALL_LOCATION,
        bundle: Bundle { path: &top, identifier: &id, short_version: &short, version: &version },
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
    package::write(&component, entries(app, &top)?, signer).map_err(|error| {
        let told = Error::usage(cannot()).because(error.what);
        match error.hint {
            Some(hint) => told.hint(hint),
            None => told,
        }
    })
}

/// Who signs packages: its own certificate, which is another than the app's.
fn installer_source(signing: &Signing) -> Result<IdentitySource> {
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

fn entries(app: &Path, top: &str) -> Result<Vec<Entry>> {
    let mut all = vec![Entry { path: top.to_owned(), mode: 0o755, kind: EntryKind::Folder }];
    for entry in files::walk(app)? {
        let kind = match &entry.kind {
            Kind::Folder => EntryKind::Folder,
            Kind::File => EntryKind::File(files::read(&app.join(&entry.path))?),
            Kind::Symlink(target) => EntryKind::Symlink(target.to_string_lossy().into_owned()),
        };
        let inside = entry.path.to_str();
        let inside =
            inside.ok_or_else(|| Error::usage(format!("the name `{}` is not UTF-8", entry.path.display())));
        all.push(Entry { path: format!("{top}/{}", inside?), mode: entry.mode, kind });
    }
    Ok(all)
}
