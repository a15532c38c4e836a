//! `driver.toml`: a DriverKit extension.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::{
    DottedVersion, KextVersion, Origin, Platform, Triple,
    load::{File, Located, expand},
};
use crate::{error::Result, workspace::Workspace};

/// A DriverKit extension (dext).
#[derive(Debug, Clone)]
pub struct Driver {
    /// The file this was read from.
    pub file: PathBuf,
    /// How a person writes that file's path.
    pub shown: String,
    /// `CFBundleIdentifier`, the name of the folder before `.dext`, and the executable's name.
    pub bundle_id: Located<String>,
    /// `CFBundleName`.
    pub name: String,
    /// `CFBundleShortVersionString`.
    pub version: Located<String>,
    /// `CFBundleVersion`.
    pub build: Located<KextVersion>,
    /// `OSBundleUsageDescription`.
    pub usage: Located<String>,
    /// `OSMinimumDriverKitVersion`, and the minimum in each slice.
    pub minimum_driverkit: Located<DottedVersion>,
    /// The SDK version that each slice records.
    pub sdk_driverkit: Located<DottedVersion>,
    /// What is built, in the order of the universal binary.
    pub triples: Located<Vec<Triple>>,
    /// Sources, or a bundle made elsewhere.
    pub origin: Origin,
    /// `-std=` of the compiler.
    pub language: String,
    /// The `.iig` files, absolute and sorted.
    pub interfaces: Vec<PathBuf>,
    /// A folder with checked-in output of a generator, used instead of running one.
    pub generated: Option<PathBuf>,
    /// Frameworks to link.
    pub frameworks: Vec<String>,
    /// `IOKitPersonalities` by name, as written.
    pub personalities: Located<toml::Table>,
    /// The flavour that starts without the device.
    pub self_test: Option<SelfTest>,
    /// Further keys of Info.plist, merged last.
    pub info_plist: toml::Table,
}

/// A second personality on IOUserResources, so that a machine without the device sees a real launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfTest {
    /// Its name in `IOKitPersonalities`.
    pub personality: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    driver: RawDriver,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawDriver {
    /// Reverse-DNS identifier; also the folder's name and the executable's
    bundle_id: Spanned<String>,
    /// What a person reads
    name: String,
    /// `CFBundleShortVersionString`
    version: Spanned<String>,
    /// `CFBundleVersion`: up to 3 numbers of up to 4 digits
    build: Spanned<String>,
    /// `OSBundleUsageDescription`: kernelmanagerd refuses a driver without it
    usage: Spanned<String>,
    /// Oldest DriverKit
    minimum_driverkit: Spanned<String>,
    /// DriverKit of the SDK
    sdk_driverkit: Spanned<String>,
    /// What is built
    triples: Spanned<Vec<String>>,
    /// `build` or `prebuilt`
    #[serde(default = "build")]
    source: Spanned<String>,
    /// The unsigned bundle
    prebuilt: Option<Spanned<String>>,
    /// C++ standard
    #[serde(default = "cpp17")]
    language: String,
    /// Patterns of `.iig` files
    #[serde(default)]
    interfaces: Option<Spanned<Vec<String>>>,
    /// Folder with generated sources
    #[serde(default)]
    generated: String,
    /// Patterns of source files
    sources: Option<Spanned<Vec<String>>>,
    /// Frameworks to link
    #[serde(default = "driverkit")]
    frameworks: Vec<String>,
    /// Matching
    personalities: Spanned<toml::Table>,
    /// Optional flavour
    self_test: Option<RawSelfTest>,
    /// Merged last
    #[serde(default)]
    info_plist: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawSelfTest {
    /// Name of the personality
    personality: String,
}

fn build() -> Spanned<String> {
    Spanned::new(0..0, "build".to_owned())
}

fn cpp17() -> String {
    "c++17".to_owned()
}

fn driverkit() -> Vec<String> {
    vec!["DriverKit".to_owned()]
}

impl Driver {
    /// Reads and checks one `driver.toml`.
    pub fn load(path: &Path, workspace: &Workspace) -> Result<Self> {
        let file = File::read(path, workspace.shown(path))?;
        let raw: Raw = file.parse()?;
        let raw = raw.driver;

        let bundle_id = file.located(raw.bundle_id);
        check_bundle_id(&file, &bundle_id)?;
        let build = parsed(&file, &file.located(raw.build))?;
        let minimum_driverkit = parsed(&file, &file.located(raw.minimum_driverkit))?;
        let sdk_driverkit = parsed(&file, &file.located(raw.sdk_driverkit))?;
        let triples = parse_triples(&file, &file.located(raw.triples), Platform::DriverKit)?;
        let origin = parse_origin(&file, raw.source, raw.sources, raw.prebuilt)?;
        let interfaces = match raw.interfaces {
            Some(patterns) => expand(&file, &file.located(patterns))?,
            None => Vec::new(),
        };
        let usage = file.located(raw.usage);
        if usage.trim().is_empty() {
            return Err(file.refuse(&usage, "`usage` is empty; kernelmanagerd refuses a driver without it"));
        }
        let personalities = file.located(raw.personalities);
        let not_a_table = personalities.iter().find(|(_, value)| !value.is_table());
        if let Some((name, _)) = not_a_table {
            return Err(file.refuse(&personalities, format!("personality `{name}` is not a table")));
        }
        if personalities.is_empty() {
            return Err(file.refuse(&personalities, "no personality: the driver would never match anything"));
        }
        Ok(Self {
            file: path.to_owned(),
            shown: file.shown().to_owned(),
            bundle_id,
            name: raw.name,
            version: file.located(raw.version),
            build,
            usage,
            minimum_driverkit,
            sdk_driverkit,
            triples,
            origin,
            language: raw.language,
            interfaces,
            generated: (!raw.generated.is_empty()).then(|| file.folder().join(raw.generated)),
            frameworks: raw.frameworks,
            personalities,
            self_test: raw.self_test.map(|raw| SelfTest { personality: raw.personality }),
            info_plist: raw.info_plist,
        })
    }

    /// The name of the bundle's folder.
    pub fn bundle_name(&self) -> String {
        format!("{}.dext", *self.bundle_id)
    }

    /// The name of the executable.
    pub fn executable(&self) -> &str {
        &self.bundle_id
    }
}

/// A located text parsed into what it means.
pub(super) fn parsed<T: std::str::FromStr<Err = String>>(
    file: &File,
    text: &Located<String>,
) -> Result<Located<T>> {
    let value = text.parse().map_err(|why: String| file.refuse(text, why))?;
    Ok(text.with(value))
}

/// Triples of one platform: no doubles, in the order of the universal binary (x86_64, arm64).
pub(super) fn parse_triples(
    file: &File,
    texts: &Located<Vec<String>>,
    platform: Platform,
) -> Result<Located<Vec<Triple>>> {
    let mut triples = Vec::new();
    for text in texts.iter() {
        let triple = Triple::parse(text).map_err(|why| file.refuse(texts, why))?;
        if triple.platform != platform {
            return Err(file.refuse(texts, format!("`{text}` is not for {}", platform.name())));
        }
        if triples.contains(&triple) {
            return Err(file.refuse(texts, format!("`{text}` is there twice")));
        }
        triples.push(triple);
    }
    if triples.is_empty() {
        return Err(file.refuse(texts, "no triple: there would be nothing to build"));
    }
    triples.sort();
    Ok(texts.with(triples))
}

/// `source = "build"` with `sources`, or `source = "prebuilt"` with `prebuilt`.
pub(super) fn parse_origin(
    file: &File,
    source: Spanned<String>,
    sources: Option<Spanned<Vec<String>>>,
    prebuilt: Option<Spanned<String>>,
) -> Result<Origin> {
    let source = file.located(source);
    match (source.as_str(), sources, prebuilt) {
        ("build", Some(patterns), _) => Ok(Origin::Build { sources: expand(file, &file.located(patterns))? }),
        ("build", None, _) => Err(file.refuse(&source, "`sources` is missing")),
        ("prebuilt", _, Some(path)) => {
            Ok(Origin::Prebuilt { path: file.folder().join(&*file.located(path)) })
        }
        ("prebuilt", _, None) => {
            Err(file.refuse(&source, "`prebuilt` is missing: the path of the unsigned bundle"))
        }
        (other, _, _) => Err(file.refuse(&source, format!("`{other}`: `source` is `build` or `prebuilt`"))),
    }
}

/// ASCII letters, digits, dots and hyphens (code 5 `extensionMissingIdentifier` otherwise), and safe as a file name.
pub(super) fn check_bundle_id(file: &File, id: &Located<String>) -> Result {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if id.is_empty() || id.starts_with('.') || !id.chars().all(good) {
        return Err(
            file.refuse(id, format!("`{}` is not an identifier of letters, digits, dots and hyphens", **id))
        );
    }
    Ok(())
}
