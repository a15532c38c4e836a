//! Rules about this code, as tests: what ARCHITECTURE.md says must stay true.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file past this asks which second thought has moved in; past this many lines the answer is overdue.
const MAX_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package is a folder of the repository")
        .to_owned()
}

/// All Rust files of ours, with their text.
fn sources(below: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let shown = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((shown, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no source below {below}");
    found.sort();
    found
}

/// The code alone: no comments, no tests, which may call the tools that they ask for a second opinion.
fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn none(rule: &str, offenders: Vec<String>) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

#[test]
fn every_file_says_in_its_first_line_what_it_is() {
    let silent = sources("xtask").into_iter().filter(|(_, text)| !text.starts_with("//!"));
    none("a file starts with `//!`", silent.map(|(path, _)| path).collect());
}

#[test]
fn no_file_holds_two_thoughts() {
    let long = sources("xtask").into_iter().filter(|(_, text)| text.lines().count() > MAX_LINES);
    none(
        &format!("at most {MAX_LINES} lines"),
        long.map(|(path, text)| format!("{path}: {}", text.lines().count())).collect(),
    );
}

#[test]
fn only_tools_starts_processes() {
    let starts = |text: &str| {
        let text = without_tests(text);
        text.contains("process::Command") || text.contains("Command::new(") || text.contains("cmd!(")
    };
    let offenders = sources("xtask/src")
        .into_iter()
        .filter(|(path, text)| !path.starts_with("xtask/src/tools/") && starts(text));
    none("processes start in `tools`", offenders.map(|(path, _)| path).collect());
    for name in ["formats", "checks", "signer", "notary", "triage", "iig"] {
        let offenders =
            sources(&format!("xtask/crates/{name}/src")).into_iter().filter(|(_, text)| starts(text));
        none("crates start no process", offenders.map(|(path, _)| path).collect());
    }
}

#[test]
fn only_tools_asks_for_the_operating_system_at_compile_time() {
    let needle = concat!("cfg(", "target_os");
    let offenders = sources("xtask").into_iter();
    let offenders = offenders.filter(|(path, text)| {
        !path.starts_with("xtask/src/tools/") && path != "xtask/tests/house.rs" && text.contains(needle)
    });
    none(
        "no `#[cfg(target_os)]`, so everything is type-checked everywhere",
        offenders.map(|(path, _)| path).collect(),
    );
}

#[test]
fn dependencies_run_downwards() {
    let ours = ["formats", "checks", "signer", "notary", "triage", "iig", "xtask"];
    let allowed: &[(&str, &[&str])] = &[
        ("formats", &[]),
        ("checks", &["formats"]),
        ("signer", &["formats"]),
        ("notary", &["formats"]),
        ("triage", &["formats"]),
        ("iig", &[]),
    ];
    for (name, may) in allowed {
        let text = fs::read_to_string(root().join("xtask/crates").join(name).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        let dependencies = manifest["dependencies"].as_table().unwrap();
        let wrong =
            dependencies.keys().filter(|it| ours.contains(&it.as_str()) && !may.contains(&it.as_str()));
        none(&format!("`{name}` may see {may:?} only"), wrong.cloned().collect());
    }
}

#[test]
fn formats_never_prints() {
    let offenders = sources("xtask/crates/formats/src").into_iter().filter(|(_, text)| {
        ["println!(", "eprintln!(", "print!("].iter().any(|needle| without_tests(text).contains(needle))
    });
    none("`formats` does not print", offenders.map(|(path, _)| path).collect());
}

#[test]
fn results_go_through_one_door_to_stdout() {
    // The macro panics when the reader is gone (`| head`); `cmd::print` does not.
    let offenders = sources("xtask/src").into_iter().filter(|(_, text)| {
        let code = without_tests(text);
        code.contains(" println!(") || code.contains(" print!(")
    });
    none("`cmd::print` writes to stdout", offenders.map(|(path, _)| path).collect());
}

#[test]
fn links_between_documents_lead_somewhere() {
    let folders = ["", "docs", "ci", "driver", "app", "xtask/sdk/DriverKit", "xtask/sdk/MacOSX"];
    let files = folders
        .iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).unwrap())
        .map(|it| it.unwrap().path());
    let mut broken = Vec::new();
    for file in files.filter(|file| file.extension().is_some_and(|ending| ending == "md")) {
        let text = fs::read_to_string(&file).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|it| !it.contains("://") && !it.starts_with('#') && !it.contains(' ')) {
            let path = target.split('#').next().unwrap_or(target);
            if !file.parent().unwrap().join(path).exists() {
                broken.push(format!("{}: {target}", file.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    none("a link leads to a file", broken);
}

#[test]
fn nothing_is_unsafe() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(text.contains("unsafe_code = \"forbid\""));
    let crates = fs::read_dir(root().join("xtask/crates")).unwrap().map(|entry| entry.unwrap().path());
    for manifest in crates.chain([root().join("xtask")]).map(|folder| folder.join("Cargo.toml")) {
        let text = fs::read_to_string(&manifest).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{} inherits the lints", manifest.display());
    }
}
