//! The TOML of foreign drivers in `docs/examples.md` is understood.

use std::{
    fs,
    path::{Path, PathBuf},
};

use xtask::{
    config::{App, Driver},
    workspace::Workspace,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository").to_owned()
}

/// The blocks of the document, each with the path its first line names.
fn blocks() -> Vec<(PathBuf, String)> {
    let text = fs::read_to_string(root().join("docs/examples.md")).unwrap();
    let blocks = text.split("```toml\n").skip(1).map(|it| it.split("```").next().unwrap());
    blocks
        .map(|it| {
            let path =
                it.lines().next().and_then(|it| it.strip_prefix("# ")).expect("a block names its file");
            (PathBuf::from(path), it.to_owned())
        })
        .collect()
}

/// Writes a block, and beside it what its patterns and paths name.
fn write(folder: &Path, path: &Path, text: &str) -> PathBuf {
    let file = folder.join(path);
    let beside = file.parent().unwrap();
    fs::create_dir_all(beside).unwrap();
    fs::write(&file, text).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let section = table.values().next().and_then(toml::Value::as_table).unwrap();
    for key in ["interfaces", "sources"] {
        for pattern in section.get(key).and_then(toml::Value::as_array).into_iter().flatten() {
            let source = beside.join(pattern.as_str().unwrap().replace("**/", "inner/").replace('*', "one"));
            fs::create_dir_all(source.parent().unwrap()).unwrap();
            fs::write(source, "").unwrap();
        }
    }
    if let Some(prebuilt) = section.get("prebuilt").and_then(toml::Value::as_str) {
        fs::create_dir_all(beside.join(prebuilt)).unwrap();
    }
    file
}

#[test]
fn the_drivers_and_the_app_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::at(folder.path());
    let (mut n_drivers, mut n_apps) = (0, 0);
    for (path, text) in blocks() {
        let file = write(folder.path(), &path, &text);
        if path.ends_with("driver.toml") {
            let driver =
                Driver::load(&file, &workspace).unwrap_or_else(|it| panic!("{}: {it}", path.display()));
            assert!(!driver.interfaces.is_empty() && driver.triples.len() == 2);
            n_drivers += 1;
        } else {
            App::load(&file, &workspace).unwrap_or_else(|it| panic!("{}: {it}", path.display()));
            n_apps += 1;
        }
    }
    assert_eq!((n_drivers, n_apps), (2, 1));
}

#[test]
fn a_pci_personality_keeps_its_nested_properties() {
    let folder = tempfile::tempdir().unwrap();
    let (path, text) = blocks().into_iter().find(|(path, _)| path.starts_with("ASFWDriver")).unwrap();
    let file = write(folder.path(), &path, &text);
    let driver = Driver::load(&file, &Workspace::at(folder.path())).unwrap();
    assert_eq!(driver.personalities.len(), 3);
    let service = driver.personalities["ASFWDriverService"].as_table().unwrap();
    assert_eq!(service["ASFWSBP2NubProperties"]["IOUserClass"].as_str(), Some("ASFWSBP2Nub"));
    assert_eq!(service["IOPCITunnelCompatible"].as_bool(), Some(true));
}
