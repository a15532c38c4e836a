//! `app.toml`: the host app that activates the drivers.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::{
    DottedVersion, Origin, Platform, Triple,
    driver::{check_bundle_id, parse_origin, parse_triples, parsed},
    load::{File, Located},
};
use crate::{error::Result, workspace::Workspace};

/// The host app.
#[derive(Debug, Clone)]
pub struct App {
    /// The file this was read from.
    pub file: PathBuf,
    /// How a person writes that file's path.
    pub shown: String,
    /// `CFBundleIdentifier`.
    pub bundle_id: Located<String>,
    /// `CFBundleName`, the executable, and the folder before `.app`.
    pub name: Located<String>,
    /// `CFBundleShortVersionString`.
    pub version: Located<String>,
    /// `CFBundleVersion`.
    pub build: Located<String>,
    /// `LSMinimumSystemVersion`, and the minimum in each slice.
    pub minimum_macos: Located<DottedVersion>,
    /// What is built, in the order of the universal binary.
    pub triples: Located<Vec<Triple>>,
    /// Sources, or an app made elsewhere.
    pub origin: Origin,
    /// Frameworks to link.
    pub frameworks: Vec<String>,
    /// The `driver.toml` files of the drivers inside, absolute.
    pub drivers: Vec<PathBuf>,
    /// Further keys of Info.plist, merged last.
    pub info_plist: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    app: RawApp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawApp {
    /// Reverse-DNS identifier
    bundle_id: Spanned<String>,
    /// What a person reads; the bundle and its executable are called so
    name: Spanned<String>,
    /// `CFBundleShortVersionString`
    version: Spanned<String>,
    /// `CFBundleVersion`
    build: Spanned<String>,
    /// Oldest macOS
    minimum_macos: Spanned<String>,
    /// What is built
    triples: Spanned<Vec<String>>,
    /// `build` or `prebuilt`
    #[serde(default = "build")]
    source: Spanned<String>,
    /// The unsigned app
    prebuilt: Option<Spanned<String>>,
    /// Patterns of source files
    sources: Option<Spanned<Vec<String>>>,
    /// Frameworks to link
    #[serde(default = "foundation")]
    frameworks: Vec<String>,
    /// The drivers inside
    #[serde(default)]
    drivers: Vec<String>,
    /// Merged last
    #[serde(default)]
    info_plist: toml::Table,
}

fn build() -> Spanned<String> {
    Spanned::new(0..0, "build".to_owned())
}

fn foundation() -> Vec<String> {
    vec!["Foundation".to_owned()]
}

impl App {
    /// Reads and checks `app.toml`.
    pub fn load(path: &Path, workspace: &Workspace) -> Result<Self> {
        let file = File::read(path, workspace.shown(path))?;
        let raw: Raw = file.parse()?;
        let raw = raw.app;

        let bundle_id = file.located(raw.bundle_id);
        check_bundle_id(&file, &bundle_id)?;
        let name = file.located(raw.name);
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return Err(file.refuse(&name, format!("`{}` cannot be the name of a folder", *name)));
        }
        Ok(Self {
            file: path.to_owned(),
            shown: file.shown().to_owned(),
            bundle_id,
            name,
            version: file.located(raw.version),
            build: file.located(raw.build),
            minimum_macos: parsed(&file, &file.located(raw.minimum_macos))?,
            triples: parse_triples(&file, &file.located(raw.triples), Platform::MacOs)?,
            origin: parse_origin(&file, raw.source, raw.sources, raw.prebuilt)?,
            frameworks: raw.frameworks,
            drivers: raw.drivers.iter().map(|driver| without_dots(&file.folder().join(driver))).collect(),
            info_plist: raw.info_plist,
        })
    }

    /// The name of the bundle's folder.
    pub fn bundle_name(&self) -> String {
        format!("{}.app", *self.name)
    }

    /// The name of the executable.
    pub fn executable(&self) -> &str {
        &self.name
    }
}

/// `app/../driver` is `driver`: folders of a checkout are no links, and a path is read by people.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}
