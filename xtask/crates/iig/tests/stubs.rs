//! The linker stubs list what the headers declare: every function without a body, every object, and what subclasses need of the vtables.

#![expect(clippy::print_stdout, reason = "a test that does not run says so")]

mod common;

use common::{check_golden, sdk};
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, process::Command};

/// What compilers call by themselves. In a shipped driver the stack protector and memcpy are imported from DriverKit, which passes on the system
/// library (Karabiner-DriverKit-VirtualHIDDevice 7.3.0); that blocks come the same way is inferred.
const COMPILER: [&str; 6] = [
    "___stack_chk_fail",
    "___stack_chk_guard",
    "__Block_object_assign",
    "__Block_object_dispose",
    "__NSConcreteGlobalBlock",
    "__NSConcreteStackBlock",
];

const HEADERS: &str = "#include <DriverKit/DriverKit.h>\n#include <USBDriverKit/USBDriverKit.h>\n#include <os/log.h>\n#include <stdio.h>\n";

fn clang() -> Option<String> {
    let names = ["clang++-19", "clang++"];
    names
        .into_iter()
        .find(|it| Command::new(it).arg("--version").output().is_ok_and(|it| it.status.success()))
        .map(str::to_string)
}

fn compile(clang: &str, source: &Path, args: &[&str]) -> Vec<u8> {
    let command = [&["-target", "arm64-apple-driverkit20.4", "-std=c++17", "-O1"], args].concat();
    let output = Command::new(clang).args(command).arg("-isysroot").arg(sdk()).arg(source).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Symbols of declarations below `node` that someone else must define.
fn declared(node: &Value, symbols: &mut BTreeSet<String>, classes: &mut BTreeSet<String>) {
    let kind = node["kind"].as_str().unwrap_or_default();
    let inner = node["inner"].as_array().map(Vec::as_slice).unwrap_or_default();
    let has_body = inner.iter().any(|it| it["kind"] == "CompoundStmt");
    let is_foreign = match kind {
        // A static function of a file is its own; a static method is not.
        "FunctionDecl" => !has_body && node["storageClass"] != "static",
        "CXXMethodDecl" => !has_body && node["pure"] != true,
        "VarDecl" => node["storageClass"] == "extern",
        _ => false,
    };
    if is_foreign && node["isImplicit"] != true && node["explicitlyDeleted"] != true {
        symbols.extend(node["mangledName"].as_str().map(str::to_string));
    }
    let is_class = kind == "CXXRecordDecl"
        && node["completeDefinition"] == true
        && node["definitionData"]["isPolymorphic"] == true;
    if is_class && node["definitionData"]["isAbstract"] != true {
        classes.extend(node["name"].as_str().map(str::to_string));
    }
    if !has_body {
        inner.iter().for_each(|it| declared(it, symbols, classes));
    }
}

/// Symbols that the vtables of subclasses name: inherited virtual methods and their thunks.
fn inherited(clang: &str, classes: &BTreeSet<String>, folder: &Path) -> BTreeSet<String> {
    let mut source = HEADERS.to_string();
    for class in classes.iter().filter(|it| !it.ends_with("MetaClass")) {
        writeln!(
            source,
            "class Probe{class} : public {class} {{ virtual void key(); }};\nvoid Probe{class}::key() {{}}"
        )
        .unwrap();
    }
    let path = folder.join("subclasses.cpp");
    fs::write(&path, source).unwrap();
    let assembly = String::from_utf8(compile(clang, &path, &["-S", "-o", "-"])).unwrap();
    assembly
        .lines()
        .filter_map(|it| it.trim().strip_prefix(".quad\t_"))
        .filter(|it| it.starts_with("_Z") && !it.contains("Probe"))
        .map(|it| format!("_{it}"))
        .collect()
}

fn tbd(install_name: &str, symbols: &BTreeSet<&String>) -> String {
    let mut text =
        String::from("--- !tapi-tbd\n# Written from our own headers; see README.md.\ntbd-version: 4\n");
    text.push_str("targets: [ x86_64-driverkit, arm64-driverkit ]\n");
    writeln!(text, "install-name: '{install_name}'").unwrap();
    text.push_str("current-version: 1\ncompatibility-version: 1\n");
    if !symbols.is_empty() {
        text.push_str("exports:\n  - targets: [ x86_64-driverkit, arm64-driverkit ]\n    symbols:\n");
        symbols.iter().for_each(|it| writeln!(text, "      - '{it}'").unwrap());
    }
    text.push_str("...\n");
    text
}

#[test]
fn stubs_are_current() {
    let Some(clang) = clang() else { return println!("not run: clang++ is needed") };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join("headers.cpp");
    fs::write(&source, HEADERS).unwrap();
    let tree: Value =
        serde_json::from_slice(&compile(&clang, &source, &["-fsyntax-only", "-Xclang", "-ast-dump=json"]))
            .unwrap();
    let (mut symbols, mut classes) = (BTreeSet::new(), BTreeSet::new());
    declared(&tree, &mut symbols, &mut classes);
    symbols.extend(inherited(&clang, &classes, folder));
    // Metaclass members are the runtime's own business, and the linker knows where the image is.
    symbols.retain(|it| {
        !it.contains("MetaClass3New") && !it.contains("MetaClass8Dispatch") && it != "___dso_handle"
    });
    symbols.extend(COMPILER.map(str::to_string));
    // Class load information is read through the section, never by name.
    symbols.retain(|it| !it.ends_with("_Class"));
    let (usb, driverkit): (BTreeSet<_>, BTreeSet<_>) =
        symbols.iter().partition(|it| it.contains("IOUSBHost") && !it.starts_with("__ZN9IOService"));
    assert!(driverkit.len() > 200 && usb.len() > 40, "{} and {} symbols", driverkit.len(), usb.len());
    let root = sdk().join("System/DriverKit");
    let framework = |name: &str, symbols| {
        let path = root.join(format!("System/Library/Frameworks/{name}.framework/{name}.tbd"));
        // The install name of a framework as shipped drivers load it.
        check_golden(
            &path,
            &tbd(&format!("/System/DriverKit/System/Library/Frameworks/{name}.framework/{name}"), symbols),
        );
    };
    framework("DriverKit", &driverkit);
    framework("USBDriverKit", &usb);
    check_golden(
        &root.join("usr/lib/libc++.tbd"),
        &tbd("/System/DriverKit/usr/lib/libc++.dylib", &BTreeSet::new()),
    );
}
