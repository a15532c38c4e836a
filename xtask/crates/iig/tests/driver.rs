//! From the driver's interfaces to slices of a dext: generated, compiled and linked for both architectures with the open SDK subset.

#![expect(clippy::print_stdout, reason = "a test that does not run says so")]

mod common;

use common::{find, interfaces, repository, sdk};
use iig::{Options, Version};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const ARCHES: [&str; 2] = ["arm64", "x86_64"];

/// Generates the driver's interfaces into `folder`; returns the implementations.
fn generate(folder: &Path) -> Vec<PathBuf> {
    let sdk = sdk();
    let interfaces = interfaces(&repository().join("driver"));
    assert_eq!(interfaces.len(), 2);
    let generated = interfaces.iter().map(|path| {
        let options =
            Options { deployment_target: Some(Version { major: 20, minor: 4 }), ..Options::default() };
        let text = fs::read_to_string(path).unwrap();
        let generated = iig::generate(path.to_str().unwrap(), &text, &|it| find(&sdk, it), &options);
        let generated = generated.unwrap_or_else(|it| panic!("{it}"));
        let stem = path.file_stem().unwrap().to_str().unwrap();
        fs::write(folder.join(format!("{stem}.h")), generated.header).unwrap();
        let implementation = folder.join(format!("{stem}.iig.cpp"));
        fs::write(&implementation, generated.implementation).unwrap();
        implementation
    });
    generated.collect()
}

/// The tool under the name it has here, with LLVM's version suffix or without.
fn tool(name: &str) -> Option<String> {
    let names = [format!("{name}-19"), name.to_string()];
    names
        .into_iter()
        .find(|it| Command::new(it).arg("--version").output().is_ok_and(|it| it.status.success()))
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{text}");
    text
}

/// A folder below the crate's build folder, emptied.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn compile(clang: &str, arch: &str, generated: &Path, source: &Path, object: &Path) {
    let target = format!("{arch}-apple-driverkit20.4");
    let text = run(Command::new(clang)
        .args(["-target", &target, "-isysroot"])
        .arg(sdk())
        .args(["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-iquote"])
        .arg(generated)
        .arg("-iquote")
        .arg(repository().join("driver"))
        .arg("-c")
        .arg(source)
        .arg("-o")
        .arg(object));
    assert_eq!(text, "");
}

#[test]
fn the_driver_compiles_without_warnings_and_links_without_undefined_symbols() {
    let (Some(clang), Some(lld), Some(nm), Some(size)) =
        (tool("clang++"), tool("ld64.lld"), tool("llvm-nm"), tool("llvm-size"))
    else {
        return println!("not run: clang++, ld64.lld, llvm-nm and llvm-size are needed");
    };
    let folder = scratch("driver");
    let mut sources = generate(&folder);
    sources.extend(
        ["UsbInterfaceDriver.cpp", "UsbInterfaceUserClient.cpp"]
            .map(|it| repository().join("driver").join(it)),
    );
    for arch in ARCHES {
        let objects: Vec<_> = sources
            .iter()
            .map(|source| {
                let object =
                    folder.join(format!("{}.{arch}.o", source.file_name().unwrap().to_str().unwrap()));
                compile(&clang, arch, &folder, source, &object);
                object
            })
            .collect();
        let image = folder.join(format!("driver.{arch}"));
        let root = sdk().join("System/DriverKit");
        run(Command::new(&lld)
            .args([
                "-dynamic",
                "-arch",
                arch,
                "-platform_version",
                "driverkit",
                "20.4",
                "25.5",
                "-syslibroot",
            ])
            .arg(sdk())
            .args(["-e", "__mh_execute_header", "-encryptable", "-fixup_chains", "-no_adhoc_codesign"])
            .arg(format!("-L{}", root.join("usr/lib").display()))
            .arg(format!("-F{}", root.join("System/Library/Frameworks").display()))
            .args(["-framework", "DriverKit", "-framework", "USBDriverKit", "-lc++", "-o"])
            .arg(&image)
            .args(&objects));
        // One pointer for each class: the driver, its user client, and the two actions.
        let sizes = run(Command::new(&size).args(["-m"]).arg(&image));
        let classes =
            sizes.lines().find(|it| it.contains("__osclassinfo")).unwrap_or_else(|| panic!("{sizes}"));
        assert!(classes.trim().ends_with(": 32"), "{classes}");
        let exported = run(Command::new(&nm).args(["--extern-only", "--defined-only"]).arg(&image));
        assert!(exported.contains("_UsbInterfaceDriver_Class"), "{exported}");
        // Nothing of C++'s own runtime: no RTTI, no exceptions.
        let imported = run(Command::new(&nm).args(["--undefined-only"]).arg(&image));
        for unwanted in ["__cxa", "_ZTI", "_ZTV", "_Znwm", "_ZdlPv", "_Unwind"] {
            assert!(!imported.contains(unwanted), "{unwanted} in\n{imported}");
        }
    }
}

/// An interface with a message of every shape, a queue, a static message and a plain class.
const SHAPES: &str = "
#include <DriverKit/IOService.iig>
#include <DriverKit/IOUserClient.iig>
struct Point { uint32_t x; uint64_t y; };
class Shapes : public IOService
{
    virtual kern_return_t Values(bool yes, uint8_t small, int64_t large, IOReturn status) QUEUENAME(Shapes);
    virtual kern_return_t Results(uint8_t * small, uint64_t * large, Point * point);
    virtual kern_return_t Objects(IOService * in, IOService ** out, OSData * bytes, OSString ** text);
    virtual kern_return_t Structs(const Point * in);
    virtual kern_return_t Names(const IOServiceName name, const char text[12]);
    virtual kern_return_t Arrays(const uint32_t in[4], uint32_t inCount, Point out[3], uint32_t * outCount);
    virtual void Oneway(uint32_t value);
    virtual uint32_t Small() const;
    virtual void Done(OSAction * action TARGET, IOReturn status) = 0;
    static kern_return_t Shared(uint32_t value);
    virtual void Receive(OSAction * action, IOReturn status) TYPE(Done);
    virtual void * Pointer(void * anything, int) LOCALONLY;
};
class LOCALONLY Quiet : public OSObject
{
    virtual bool init() override;
    uint32_t Count();
};
";

#[test]
fn a_message_of_every_shape_compiles() {
    let (Some(clang), Some(nm)) = (tool("clang++"), tool("llvm-nm")) else {
        return println!("not run: clang++ and llvm-nm are needed");
    };
    let (folder, sdk) = (scratch("shapes"), sdk());
    let generated = iig::generate("Shapes.iig", SHAPES, &|it| find(&sdk, it), &Options::default())
        .unwrap_or_else(|it| panic!("{it}"));
    fs::write(folder.join("Shapes.h"), generated.header).unwrap();
    let source = folder.join("Shapes.iig.cpp");
    fs::write(&source, generated.implementation).unwrap();
    for arch in ARCHES {
        let object = folder.join(format!("{arch}.o"));
        compile(&clang, arch, &folder, &source, &object);
        let symbols = run(Command::new(&nm).args(["--extern-only", "--defined-only"]).arg(&object));
        for symbol in
            ["__ZN6Shapes6ValuesEbhxiPFiP15OSMetaClassBase5IORPCE", "__ZN6Shapes6SharedEj", "_Quiet_Class"]
        {
            assert!(symbols.contains(symbol), "{symbol} in\n{symbols}");
        }
        // The plain class has no way in for messages.
        assert!(!symbols.contains("__ZN5Quiet9_Dispatch"), "{symbols}");
    }
}

#[test]
fn the_same_interface_gives_the_same_text_in_every_folder() {
    let sdk = sdk();
    for path in interfaces(&repository().join("driver")) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let in_folder = |folder: &str| {
            iig::generate(&format!("{folder}/{name}"), &text, &|it| find(&sdk, it), &Options::default())
                .unwrap()
        };
        assert_eq!(in_folder("/a"), in_folder("/b/c"));
        assert!(!in_folder("/a").header.contains("/a"));
    }
}
