//! The host app compiles without a warning and links for both architectures on the open SDK subset; its pure logic passes its own tests.
//!
//! Needs clang and ld64.lld of LLVM 19; where one is missing the test says `not run: …`.

#![expect(
    clippy::print_stdout,
    reason = "a test tells what it did not run, and how many checks the C tests made"
)]
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

const ARCHITECTURES: [&str; 2] = ["arm64", "x86_64"];

/// Debian's LLVM 19 has suffixed names; Homebrew's and a plain LLVM have not.
fn tool(names: &[&str]) -> Option<PathBuf> {
    let found = names.iter().find_map(|it| which::which(it).ok());
    if found.is_none() {
        println!("not run: none of {names:?} is on the PATH");
    }
    found
}

fn clang() -> Option<PathBuf> {
    tool(&["clang-19", "clang"])
}

fn linker() -> Option<PathBuf> {
    tool(&["ld64.lld-19", "ld64.lld"])
}

fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package is a folder of the repository").to_path_buf()
}

/// The files of a folder that end in one of `extensions`, sorted.
fn sources(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|it| {
        it.extension().is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
    });
    files.sort();
    assert!(!files.is_empty(), "no {extensions:?} in {}", folder.display());
    files
}

fn compile(shell: &Shell, clang: &Path, architecture: &str, source: &Path, object: &Path) {
    let sdk = repository().join("xtask/sdk/MacOSX");
    let target = format!("{architecture}-apple-macos12.0");
    cmd!(shell, "{clang} -target {target} -isysroot {sdk} -fobjc-arc -O2 -Wall -Wextra -Werror -c {source} -o {object}").run().unwrap();
}

fn link<'a>(
    shell: &'a Shell,
    linker: &Path,
    architecture: &str,
    objects: &[PathBuf],
    product: &Path,
) -> xshell::Cmd<'a> {
    let sdk = repository().join("xtask/sdk/MacOSX");
    cmd!(shell, "{linker} -dynamic -arch {architecture} -platform_version macos 12.0 15.0 -syslibroot {sdk} -no_adhoc_codesign")
        .args(["-framework", "Foundation", "-framework", "SystemExtensions", "-framework", "IOKit", "-lobjc", "-lSystem"])
        .args(objects)
        .args(["-o".as_ref(), product])
}

#[test]
fn the_app_compiles_without_a_warning_and_links_for_both_architectures() {
    let (Some(clang), Some(linker)) = (clang(), linker()) else { return };
    let shell = Shell::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for architecture in ARCHITECTURES {
        let mut objects = Vec::new();
        for source in sources(&repository().join("app"), &["m", "c"]) {
            let name = source.file_name().unwrap().to_str().unwrap();
            let object = folder.path().join(format!("{name}.{architecture}.o"));
            compile(&shell, &clang, architecture, &source, &object);
            objects.push(object);
        }
        let product = folder.path().join(format!("app.{architecture}"));
        link(&shell, &linker, architecture, &objects, &product).run().unwrap();
        // MH_MAGIC_64, little endian.
        assert_eq!(std::fs::read(&product).unwrap().get(..4), Some([0xcf, 0xfa, 0xed, 0xfe].as_slice()));
    }
}

#[test]
fn what_no_stub_lists_does_not_link() {
    let (Some(clang), Some(linker)) = (clang(), linker()) else { return };
    let shell = Shell::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("program.c");
    let object = folder.path().join("program.o");
    shell
        .write_file(
            &source,
            "int no_library_has_this(void); int main(void) { return no_library_has_this(); }",
        )
        .unwrap();
    compile(&shell, &clang, "arm64", &source, &object);
    let outcome = link(&shell, &linker, "arm64", &[object], &folder.path().join("program"))
        .ignore_status()
        .output()
        .unwrap();
    assert!(!outcome.status.success());
    assert!(String::from_utf8_lossy(&outcome.stderr).contains("undefined symbol: _no_library_has_this"));
}

#[test]
fn the_logic_of_the_app_passes_its_own_tests() {
    let Some(compiler) = tool(&["cc", "clang-19", "clang"]) else { return };
    let shell = Shell::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let logic = &sources(&repository().join("app"), &["c"]);
    for test in sources(&repository().join("app/tests"), &["c"]) {
        let program = folder.path().join(test.file_stem().unwrap());
        cmd!(shell, "{compiler} -std=c17 -Wall -Wextra -Wpedantic -Werror {test} {logic...} -o {program}")
            .run()
            .unwrap();
        let output = cmd!(shell, "{program}").read().unwrap();
        println!("{output}");
        assert!(output.ends_with("checks, 0 failed"), "{output}");
    }
}
