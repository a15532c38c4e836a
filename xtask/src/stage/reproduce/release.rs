//! The app of a release, wherever it is: a folder, or the only one in a zip or a pkg.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use formats::{container::bounded::SourceReader, document::plist::Date};

use crate::{
    error::{Doing, Error, Result},
    inspect::{
        Asked,
        disk::Watch,
        package::{self, Recognised},
        tree::{Kind, Tree},
    },
    interrupt,
    stage::files,
};

/// The app at `path`: the folder itself, or the only one in a container, unpacked to `goal`.
pub fn app_of(path: &Path, goal: &Path) -> Result<PathBuf> {
    let cannot = || format!("cannot compare with `{}`", path.display());
    if fs::metadata(path).doing_as_asked(cannot)?.is_dir() {
        return Ok(path.to_owned());
    }
    let source = Watch::default().file("release", path)?;
    let opened = match package::kind(&source).doing_as_asked(cannot)? {
        Some(Recognised::Zip) => package::zip("release", source.as_ref()).doing_as_asked(cannot)?,
        // Nothing is judged here, so neither time nor roots matter.
        Some(Recognised::Pkg) => {
            package::pkg("release", source.as_ref(), &Asked::at(Date(0))).doing_as_asked(cannot)?
        }
        Some(Recognised::Dmg(_)) => {
            return Err(Error::usage(cannot())
                .because("the file system of a disk image is read by macOS only")
                .hint("mount it and give the app that is in it"));
        }
        None => {
            return Err(Error::usage(cannot())
                .because("it is neither a folder nor a zip nor a pkg")
                .hint("give the `.app`, or the `.zip` or `.pkg` that has it"));
        }
    };
    if let Some(fault) = opened.tree.faults.first() {
        return Err(Error::usage(cannot()).because(format!("`{}`: {}", fault.path, fault.what)));
    }
    let top = only_app(&opened.tree, path)?;
    let name = top.rsplit('/').next().unwrap_or(&top);
    unpack(&opened.tree, &top, &goal.join(name))?;
    Ok(goal.join(name))
}

/// The outermost app in a container; a product archive has its component's folder around it.
fn only_app(tree: &Tree, path: &Path) -> Result<String> {
    let is_app = |it: &str| it.rsplit('/').next().is_some_and(|name| name.ends_with(".app"));
    let mut apps: Vec<&str> = Vec::new();
    for (path, node) in tree.iter() {
        let inside_another = apps.iter().any(|it| path.starts_with(&format!("{it}/")));
        if matches!(node.kind, Kind::Folder) && is_app(path) && !inside_another {
            apps.push(path);
        }
    }
    match apps.as_slice() {
        [app] => Ok((*app).to_owned()),
        _ => Err(Error::usage(format!("cannot compare with `{}`", path.display()))
            .because(format!("it has {} apps", apps.len()))
            .hint("unpack it and name the app")),
    }
}

/// Writes everything below `top` to `goal`. Links come last, so that nothing is written through one.
fn unpack(tree: &Tree, top: &str, goal: &Path) -> Result {
    files::create_folder(goal)?;
    let mut links = Vec::new();
    for (path, node) in tree.iter() {
        interrupt::check()?;
        let Some(inside) = path.strip_prefix(&format!("{top}/")) else { continue };
        // Extended attributes on their way through a payload: Installer puts them back where they belong.
        if inside.rsplit('/').next().is_some_and(|it| it.starts_with("._")) {
            continue;
        }
        let place = goal.join(inside);
        let cannot = || format!("cannot unpack `{path}`");
        match &node.kind {
            Kind::Folder => files::create_folder(&place)?,
            Kind::Symlink(target) => links.push((place, target)),
            Kind::File(bytes) => {
                files::create_folder(place.parent().unwrap_or(goal))?;
                let mut file = File::create(&place).doing(cannot)?;
                io::copy(&mut SourceReader::all(bytes.as_ref()), &mut file).doing(cannot)?;
                let mode = node.mode.unwrap_or(0o644) & 0o777;
                file.set_permissions(fs::Permissions::from_mode(mode)).doing(cannot)?;
            }
            Kind::Other => return Err(Error::usage(cannot()).because("it is neither file, folder nor link")),
        }
    }
    for (place, target) in links {
        files::create_folder(place.parent().unwrap_or(goal))?;
        std::os::unix::fs::symlink(target, &place)
            .doing(|| format!("cannot make the link `{}`", place.display()))?;
    }
    Ok(())
}
