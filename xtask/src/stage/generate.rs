//! Interfaces to C++, in this process: finds what an `.iig` includes, as a compiler would, and remembers what was read.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use iig::{Found, Inclusion, Options};

use super::files;
use crate::{
    error::{Error, Result},
    plan::{Plan, Step},
};

/// Headers of DriverKit are tens of kilobytes.
const MAX_HEADER: u64 = 4 << 20;

/// Where `#include` looks.
#[derive(Debug, Clone, Default)]
pub struct Includes {
    /// For `"…"`, after the including file's own folder.
    pub quoted: Vec<PathBuf>,
    /// `-I`.
    pub folders: Vec<PathBuf>,
    /// `-F`: `<Name/x.h>` is `Name.framework/Headers/x.h`.
    pub frameworks: Vec<PathBuf>,
}

impl Includes {
    /// Those of an SDK for DriverKit.
    pub fn of_sdk(sdk: &Path) -> Self {
        let root = sdk.join("System/DriverKit");
        Self {
            folders: vec![root.join("usr/include")],
            frameworks: vec![root.join("System/Library/Frameworks")],
            ..Self::default()
        }
    }

    fn find(&self, inclusion: &Inclusion) -> Option<PathBuf> {
        let beside = Path::new(&inclusion.from).parent().map(Path::to_owned);
        let near = if inclusion.quoted {
            beside.into_iter().chain(self.quoted.iter().cloned()).collect()
        } else {
            vec![]
        };
        let plain = near.iter().chain(&self.folders).map(|folder| folder.join(&inclusion.path));
        let framework = inclusion.path.split_once('/');
        let framed = framework.into_iter().flat_map(|(name, rest)| {
            self.frameworks
                .iter()
                .map(move |folder| folder.join(format!("{name}.framework/Headers")).join(rest))
        });
        plain.chain(framed).find(|path| path.is_file())
    }
}

/// What came of one `.iig`, and every file that was read for it (itself first).
#[derive(Debug)]
pub struct Generation {
    /// The two texts.
    pub generated: iig::Generated,
    /// What was read, sorted, absolute.
    pub read: BTreeSet<PathBuf>,
}

/// Generates from one file on disk.
pub fn generate_file(file: &Path, includes: &Includes, options: &Options) -> Result<Generation> {
    let cannot = || Error::tool(format!("cannot generate from `{}`", file.display()));
    let text = read_text(file).map_err(|error| cannot().because(error))?;
    let read = RefCell::new(BTreeSet::from([file.to_owned()]));
    let resolve = |inclusion: &Inclusion| -> Result<Option<Found>, String> {
        let Some(path) = includes.find(inclusion) else { return Ok(None) };
        let text = read_text(&path)?;
        read.borrow_mut().insert(path.clone());
        Ok(Some(Found { file: path.to_string_lossy().into_owned(), text }))
    };
    let name = file.to_string_lossy();
    let generated =
        iig::generate(&name, &text, &resolve, options).map_err(|error| cannot().because(error))?;
    Ok(Generation { generated, read: read.into_inner() })
}

fn read_text(path: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
    let size = std::fs::metadata(path).map_err(cannot)?.len();
    if size > MAX_HEADER {
        return Err(format!("`{}` has {size} bytes; a header has at most {MAX_HEADER}", path.display()));
    }
    std::fs::read_to_string(path).map_err(cannot)
}

/// Carries out a step of the plan: writes header and implementation, and a make rule that names what was read.
pub(super) fn generate(step: &Step, plan: &Plan) -> Result {
    let cannot = || Error::tool(format!("cannot {}", step.name));
    let [header, implementation] = step.outputs.as_slice() else { return Err(cannot()) };
    let (Some(file), Some(rule)) = (step.inputs.first(), &step.discovered) else { return Err(cannot()) };
    let includes = Includes::of_sdk(&plan.toolchain.driverkit.path);
    let driver =
        plan.product.drivers.iter().find(|driver| driver.interfaces.contains(file)).ok_or_else(cannot)?;
    let minimum = *driver.minimum_driverkit;
    let version = iig::Version { major: minimum.major.into(), minor: minimum.minor.into() };
    let options = Options { deployment_target: Some(version), ..Options::default() };
    let generation = generate_file(file, &includes, &options)?;
    files::write(header, generation.generated.header.as_bytes(), 0o644)?;
    files::write(implementation, generation.generated.implementation.as_bytes(), 0o644)?;
    let names: Vec<String> = generation.read.iter().map(|path| escaped(&path.to_string_lossy())).collect();
    let text = format!("{}: {}\n", escaped(&header.to_string_lossy()), names.join(" \\\n  "));
    files::write(rule, text.as_bytes(), 0o644)
}

/// A file name as a make rule needs it.
fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace(' ', "\\ ").replace('$', "$$").replace('#', "\\#")
}
