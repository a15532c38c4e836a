//! The repository's SDK and driver, as the generator and the compiler see them.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use iig::{Found, Inclusion};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../..")
        .canonicalize()
        .expect("the crate lies three folders deep")
}

/// The open SDK subset.
pub fn sdk() -> PathBuf {
    repository().join("xtask/sdk/DriverKit")
}

/// Header folders of the SDK's frameworks, each with the framework's name.
pub fn frameworks(sdk: &Path) -> Vec<(String, PathBuf)> {
    let folder = sdk.join("System/DriverKit/System/Library/Frameworks");
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .map(|it| (it.file_stem().unwrap().to_str().unwrap().to_string(), it.join("Headers")))
        .collect();
    found.sort();
    found
}

/// Finds what an inclusion names: beside the including file when it is quoted, else in the SDK.
pub fn find(sdk: &Path, inclusion: &Inclusion) -> Result<Option<Found>, String> {
    let beside =
        Path::new(&inclusion.from).parent().map(|it| it.join(&inclusion.path)).filter(|_| inclusion.quoted);
    let in_framework = inclusion.path.split_once('/').map(|(framework, header)| {
        sdk.join(format!("System/DriverKit/System/Library/Frameworks/{framework}.framework/Headers/{header}"))
    });
    let in_system = Some(sdk.join("System/DriverKit/usr/include").join(&inclusion.path));
    let Some(path) = [beside, in_framework, in_system].into_iter().flatten().find(|it| it.is_file()) else {
        return Ok(None);
    };
    let text = fs::read_to_string(&path).map_err(|it| it.to_string())?;
    Ok(Some(Found { file: path.display().to_string(), text }))
}

/// Interface files of a folder, sorted.
pub fn interfaces(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "iig"))
        .collect();
    found.sort();
    found
}

/// Whether golden files are to be rewritten rather than compared.
pub fn updates_golden() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

/// Compares a file with what it should hold, or rewrites it.
#[track_caller]
pub fn check_golden(path: &Path, expected: &str) {
    if updates_golden() {
        return fs::write(path, expected).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "{} is stale: run UPDATE_GOLDEN=1 cargo test -p iig", path.display());
}
