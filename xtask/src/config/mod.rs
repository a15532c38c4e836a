//! The TOML files: what the user wrote, checked and with absolute paths.
//!
//! ```text
//!   app/app.toml ──▶ App ──drivers──▶ driver/driver.toml ──▶ Driver…      signing/NAME.toml ──▶ Signing
//! ```
//! Nothing here decides how things are done; that is `plan`.

mod app;
mod driver;
mod help;
mod load;
mod signing;
mod triple;
mod version;

use std::path::Path;

pub use app::App;
pub use driver::{Driver, SelfTest};
pub use help::help;
pub use load::Located;
pub use signing::{
    ConstraintKind, IdentitySource, Mode, Notarization, NotaryKey, PackageKind, Part, PkgStyle, SecretSource,
    Signing,
};
pub use triple::{ARM64E, Arch, Platform, Triple};
pub use version::{DottedVersion, KextVersion};

use crate::{
    error::{Error, Result},
    workspace::Workspace,
};

/// Where the product comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Compiled here from these sources (absolute, sorted).
    Build {
        /// Source files.
        sources: Vec<std::path::PathBuf>,
    },
    /// An unsigned bundle made elsewhere.
    Prebuilt {
        /// The bundle.
        path: std::path::PathBuf,
    },
}

/// A product: one app with its drivers.
#[derive(Debug, Clone)]
pub struct Product {
    /// The host app.
    pub app: App,
    /// Its DriverKit extensions, in the order of `drivers`.
    pub drivers: Vec<Driver>,
}

impl Product {
    /// Reads `app/app.toml` and the drivers that it names.
    pub fn load(workspace: &Workspace) -> Result<Self> {
        let app = App::load(&workspace.root().join("app/app.toml"), workspace)?;
        let drivers: Vec<Driver> =
            app.drivers.iter().map(|file| Driver::load(file, workspace)).collect::<Result<_>>()?;
        refuse_shared_identifiers(&app, &drivers)?;
        Ok(Self { app, drivers })
    }
}

/// The names that `--signing` knows: the files in `signing/`.
pub fn signing_names(workspace: &Workspace) -> Vec<String> {
    let entries = std::fs::read_dir(workspace.root().join("signing")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
        .collect();
    names.sort();
    names
}

fn refuse_shared_identifiers(app: &App, drivers: &[Driver]) -> Result {
    let mut seen: Vec<(&str, &Path)> = vec![(app.bundle_id.as_str(), app.file.as_path())];
    for driver in drivers {
        let id = driver.bundle_id.as_str();
        if let Some((_, other)) = seen.iter().find(|(known, _)| *known == id) {
            return Err(Error::usage(format!("two parts have the identifier `{id}`"))
                .because(format!("`{}` and `{}`", other.display(), driver.file.display()))
                .hint("give each its own `bundle-id`"));
        }
        seen.push((id, &driver.file));
    }
    Ok(())
}
