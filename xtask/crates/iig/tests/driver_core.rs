//! The driver's own rules, which need no DriverKit, are compiled and run on this machine.

#![expect(clippy::print_stdout, reason = "a test that does not run says so")]

mod common;

use common::repository;
use std::{fs, path::Path, process::Command};

fn works(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success())
}

#[test]
fn the_rules_of_the_driver_hold() {
    let Some(compiler) = ["c++", "clang++-19", "g++"].into_iter().find(|it| works(it)) else {
        return println!("not run: a C++ compiler is needed");
    };
    let folder = repository().join("driver/tests");
    let mut sources: Vec<_> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
    sources.retain(|it| it.to_str().is_some_and(|it| it.ends_with("_test.cpp")));
    sources.sort();
    assert!(sources.len() >= 4, "{sources:?}");
    for source in sources {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(source.file_stem().unwrap());
        // The sanitizer is part of the test: descriptors are damaged on purpose. Where it is missing the test runs without.
        let compile = |extra: &[&str]| {
            let flags =
                ["-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fno-rtti"];
            Command::new(compiler)
                .args(flags)
                .args(extra)
                .arg(&source)
                .arg("-o")
                .arg(&program)
                .output()
                .unwrap()
        };
        let plain = compile(&[]);
        assert!(plain.status.success(), "{}", String::from_utf8_lossy(&plain.stderr));
        if !compile(&["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]).status.success() {
            println!("not run: the address sanitizer on {}", source.display());
            assert!(compile(&[]).status.success());
        }
        let output = Command::new(&program).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let n_checks = text.split_whitespace().nth(1).and_then(|it| it.parse::<u32>().ok());
        assert!(n_checks.is_some_and(|it| it > 0), "{text}");
        print!("{text}");
    }
}
