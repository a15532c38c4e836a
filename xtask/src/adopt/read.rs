//! What a bundle says about itself: Info.plist, slices, signature, profile.

use std::{
    fs,
    path::{Path, PathBuf},
};

use formats::{
    document::plist::{self, Dict, Value},
    image::{MachO, Platform, Slices, Version},
    signature::{embedded::Signature, superblob::Slot},
};

use super::Settings;
use crate::{
    error::{Doing, Error, Result},
    plan::file_name,
    stage::files::{self, Kind},
    terminal,
};

/// A product: an app with its drivers, or a driver alone.
#[derive(Debug)]
pub struct Adopted {
    /// The app; `None` when a driver was given.
    pub app: Option<Code>,
    /// Its drivers, sorted by path.
    pub drivers: Vec<Code>,
    /// Other nested code that is signed on its own: frameworks, helpers, plug-ins.
    pub nested: Vec<Code>,
}

/// A bundle or a bare executable inside a product.
#[derive(Debug)]
pub struct Code {
    /// Where it is on disk.
    pub path: PathBuf,
    /// Where it is in the app; `.` is the app.
    pub inside: String,
    /// Its Info.plist; empty for bare code.
    pub info: Dict,
    /// Architectures, in the order of the file.
    pub arches: Vec<String>,
    /// Platform, lowest system version and SDK of the first slice.
    pub target: Option<(Platform, Version, Version)>,
    /// Entitlements XML of the signature, if there is one.
    pub entitlements: Option<Vec<u8>>,
    /// Team of the signature.
    pub team: Option<String>,
    /// Whether the signature has the hardened runtime.
    pub hardened: Option<bool>,
    /// The embedded provisioning profile.
    pub profile: Option<Vec<u8>>,
}

impl Code {
    /// A text of the Info.plist.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.info.get(key).and_then(Value::as_str)
    }
}

/// Reads `path`: an `.app`, a `.dext`, an `.xcarchive` that holds one app, or the build settings of a project (`.json`) and what it built.
pub fn adopt(path: &Path) -> Result<Adopted> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending {
        "dext" => Ok(Adopted { app: None, drivers: vec![code(path, ".")?], nested: Vec::new() }),
        "app" => product(path),
        "xcarchive" => product(&app_of_archive(path)?),
        "json" => built(&Settings::read(path)?),
        _ => Err(Error::usage(format!("cannot adopt `{}`", path.display()))
            .because("it is neither an `.app`, a `.dext`, an `.xcarchive` nor the output of `xcodebuild -showBuildSettings -json` in a `.json`")),
    }
}

/// What a project built. An unsigned product has no entitlements; the project's targets name the files.
fn built(settings: &Settings) -> Result<Adopted> {
    settings.advice().iter().for_each(terminal::warn);
    let mut adopted = product(&settings.app()?)?;
    for code in adopted.app.iter_mut().chain(&mut adopted.drivers).chain(&mut adopted.nested) {
        if code.entitlements.is_none() {
            code.entitlements = settings.entitlements(&file_name(&code.path))?;
        }
    }
    Ok(adopted)
}

fn app_of_archive(archive: &Path) -> Result<PathBuf> {
    let folder = archive.join("Products/Applications");
    let cannot = || format!("cannot look into `{}`", folder.display());
    let mut apps = Vec::new();
    for entry in fs::read_dir(&folder).doing(cannot)? {
        let path = entry.doing(cannot)?.path();
        if path.extension().is_some_and(|ending| ending == "app") {
            apps.push(path);
        }
    }
    match <[PathBuf; 1]>::try_from(apps) {
        Ok([app]) => Ok(app),
        Err(apps) => Err(Error::usage(format!("`{}` holds {} apps", archive.display(), apps.len()))
            .hint("name the app inside the archive")),
    }
}

fn product(app: &Path) -> Result<Adopted> {
    let mut adopted = Adopted { app: Some(code(app, ".")?), drivers: Vec::new(), nested: Vec::new() };
    for entry in files::walk(app)? {
        if entry.kind != Kind::Folder || !is_code_folder(&entry.path) {
            continue;
        }
        let inside = entry.path.to_string_lossy().into_owned();
        let code = code(&app.join(&entry.path), &inside)?;
        match entry.path.extension().is_some_and(|ending| ending == "dext") {
            true => adopted.drivers.push(code),
            false => adopted.nested.push(code),
        }
    }
    Ok(adopted)
}

/// Folders that are code of their own.
fn is_code_folder(path: &Path) -> bool {
    const ENDINGS: &[&str] =
        &["dext", "systemextension", "framework", "app", "xpc", "appex", "bundle", "plugin"];
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

fn code(path: &Path, inside: &str) -> Result<Code> {
    let contents = [path.join("Contents"), path.join("Versions/Current/Resources"), path.to_owned()];
    let plist = contents.iter().map(|folder| folder.join("Info.plist")).find(|file| file.is_file());
    let plist = plist.ok_or_else(|| {
        Error::usage(format!("cannot adopt `{}`", path.display())).because("it has no Info.plist")
    })?;
    let bytes = files::read(&plist)?;
    let read = plist::read(&bytes).doing_as_asked(|| format!("cannot read `{}`", plist.display()))?;
    let info = read.value.as_dict().cloned().unwrap_or_default();
    let mut code = Code {
        path: path.to_owned(),
        inside: inside.to_owned(),
        info,
        arches: Vec::new(),
        target: None,
        entitlements: None,
        team: None,
        hardened: None,
        profile: None,
    };
    let profiles =
        ["Contents/embedded.provisionprofile", "embedded.provisionprofile"].map(|name| path.join(name));
    if let Some(profile) = profiles.iter().find(|file| file.is_file()) {
        code.profile = Some(files::read(profile)?);
    }
    if let Some(executable) = executable(path, &code)? {
        look_at(&mut code, &files::read(&executable)?, &executable)?;
    }
    Ok(code)
}

fn executable(path: &Path, code: &Code) -> Result<Option<PathBuf>> {
    let Some(name) = code.text("CFBundleExecutable") else { return Ok(None) };
    if name.is_empty() || name.contains('/') {
        return Err(Error::usage(format!("cannot adopt `{}`", path.display()))
            .because(format!("`CFBundleExecutable` is `{name}`, which is no file name")));
    }
    let places = [path.join("Contents/MacOS"), path.join("Versions/Current"), path.to_owned()];
    Ok(places.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}

fn look_at(code: &mut Code, image: &[u8], path: &Path) -> Result {
    let cannot = || format!("cannot read `{}`", path.display());
    let slices = Slices::read(&image).doing_as_asked(cannot)?;
    let mut machos = Vec::new();
    match &slices {
        Some(slices) => {
            for slice in &slices.slices {
                let macho =
                    MachO::read(&slice.window(&image).doing_as_asked(cannot)?).doing_as_asked(cannot)?;
                machos.push((slice.offset, macho));
            }
        }
        None => machos.push((0, MachO::read(&image).doing_as_asked(cannot)?)),
    }
    code.arches = machos.iter().map(|(_, macho)| macho.arch.to_string()).collect();
    let Some((offset, macho)) = machos.last() else { return Ok(()) };
    code.target = macho.targets().first().copied();
    let Some(range) = macho.code_signature() else { return Ok(()) };
    let start = offset.saturating_add(range.offset);
    let signature = Signature::read(&image, start, range.size).doing_as_asked(cannot)?;
    code.entitlements = signature.blob(Slot::Entitlements).and_then(|blob| blob.get(8..)).map(<[u8]>::to_vec);
    if let Some(directory) = signature.best_directory() {
        code.team.clone_from(&directory.team);
        code.hardened = Some(directory.has_flags(formats::signature::code_directory::flags::RUNTIME));
    }
    Ok(())
}
