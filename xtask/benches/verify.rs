//! `cargo bench --bench verify`: our whole verifier beside what one would use instead, as processes, from start to end.
//!
//! The others do less: rcodesign looks at one Mach-O file at a time and at nothing around it, and a plain SHA-256 of the same bytes
//! proves nothing; it is there as the least that reading and hashing can cost.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use common::{command, files, large, measure, program};
use formats::image::Slices;
use signer::{code::Settings, identity::Identity};

/// Bytes of the large image.
const LARGE: usize = 200 << 20;

fn main() {
    if !common::is_asked() {
        return;
    }
    if let Some(app) = common::product() {
        compare("an app with its driver", &app, 20);
        let folder = app.parent().expect("it was found in a folder");
        for file in files(folder).iter().filter(|it| it.parent() == Some(folder)) {
            if file.extension().is_some_and(|it| it == "pkg" || it == "zip") {
                compare("the same in a container", file, 20);
            }
        }
    }
    match std::env::var_os("XTASK_CORPUS") {
        Some(folder) => {
            let packages = files(Path::new(&folder)).into_iter();
            packages.filter(|it| it.extension().is_some_and(|it| it == "pkg")).for_each(|it| {
                compare("a real package", &it, 10);
            });
        }
        None => println!("not run: real packages (`XTASK_CORPUS` is not set)"),
    }
    compare("a large image", &large_image(), 3);
}

/// Measures everything that can be said about `path`.
fn compare(what: &str, path: &Path, runs: u32) {
    let all = files(path);
    let bytes: u64 = all.iter().map(|it| fs::metadata(it).unwrap().len()).sum();
    let images: Vec<&PathBuf> = all.iter().filter(|it| is_image(it)).collect();
    let ours = measure(runs, || vec![command(common::XTASK, [Path::new("verify"), path])]);
    let rcodesign = program("rcodesign").filter(|_| !images.is_empty()).map(|program| {
        let calls = || images.iter().map(|it| command(&program, [Path::new("verify"), it])).collect();
        measure(runs, calls)
    });
    let hashing = |name: &str, args: &[&str]| {
        let call = |program: &PathBuf| -> Vec<Command> {
            let mut call = command(program, args);
            call.args(&all);
            vec![call]
        };
        program(name).map(|program| measure(runs, || call(&program)))
    };
    let title = format!(
        "{what}: `{}`, {} files, {:.1} MB",
        path.file_name().unwrap().display(),
        all.len(),
        bytes as f64 / 1e6
    );
    common::table(
        &title,
        &[
            ("cargo xtask verify", Some(ours)),
            ("rcodesign verify, each binary", rcodesign),
            ("openssl dgst -sha256, each file", hashing("openssl", &["dgst", "-sha256"])),
            ("sha256sum, each file", hashing("sha256sum", &[])),
        ],
    );
}

fn is_image(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap();
    matches!(bytes.first_chunk::<4>(), Some([0xcf, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe]))
        && matches!(Slices::read(&bytes), Ok(Some(_)))
}

/// An executable with random code, signed by nobody.
fn large_image() -> PathBuf {
    let mut image = large::image(LARGE);
    // xorshift: no two pages alike, the same in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for word in large::code(&mut image).chunks_exact_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word.copy_from_slice(&state.to_le_bytes());
    }
    let signed = signer::macho::sign(&image, &Settings::new("com.example.large", &Identity::AdHoc)).unwrap();
    let path = common::work().join("large");
    let mut file = fs::File::create(&path).unwrap();
    signed.file.write_to(&mut file).unwrap();
    path
}
