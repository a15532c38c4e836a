//! The plan as a person and a machine read it, against golden files (`UPDATE_GOLDEN=1` rewrites them).

use std::path::{Path, PathBuf};

use xtask::{
    plan::{
        self, Backend, BackendChoice, Plan, PlanFormat, Request, Sdk, SdkOrigin, Tool, Toolchain, Until,
        Xcode,
    },
    workspace::Workspace,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package is a folder of the repository")
        .to_owned()
}

/// The same on every machine: names as Debian has them, whether they are installed or not.
fn toolchain(backend: Backend) -> Toolchain {
    let tool = |portable: &str| {
        let name = if backend == Backend::Apple { "xcrun" } else { portable };
        Tool { name: name.to_owned(), path: None }
    };
    let origin = if backend == Backend::Apple { SdkOrigin::Xcode } else { SdkOrigin::Open };
    Toolchain {
        backend,
        is_mac: backend == Backend::Apple,
        simulated: false,
        xcode: (backend == Backend::Apple).then(|| Xcode {
            developer_dir: "/Applications/Xcode.app/Contents/Developer".into(),
            chosen_by: "xcode-select",
            version: "26.2".to_owned(),
            build: "17C52".to_owned(),
        }),
        why: "asked for",
        cxx: tool("clang++-19"),
        cc: tool("clang-19"),
        linker: tool("ld64.lld-19"),
        dsymutil: tool("dsymutil-19"),
        strip: tool("llvm-strip-19"),
        iig: (backend == Backend::Apple).then(|| tool("iig")),
        driverkit: Sdk { path: root().join("xtask/sdk/DriverKit"), origin },
        macos: Sdk { path: root().join("xtask/sdk/MacOSX"), origin },
    }
}

#[track_caller]
fn check(backend: Backend, format: PlanFormat, name: &str) {
    let request = Request {
        signing: "rehearsal".to_owned(),
        until: Until::Packaged,
        build: None,
        backend: BackendChoice::Auto,
        exceptions: Vec::new(),
        out: None,
    };
    let plan = Plan::new(Workspace::at(root()), toolchain(backend), &request).unwrap();
    let printed = plan::print(&plan, format);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &printed).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(printed == expected, "`{name}` is not current; UPDATE_GOLDEN=1 rewrites it\n{printed}");
}

#[test]
fn the_portable_plan_is_as_written_down() {
    check(Backend::Portable, PlanFormat::Text, "plan.portable.txt");
    check(Backend::Portable, PlanFormat::Json, "plan.portable.json");
}

#[test]
fn the_plan_on_a_mac_is_as_written_down() {
    check(Backend::Apple, PlanFormat::Text, "plan.apple.txt");
}
