//! The whole chain, as a stranger meets it: what lies in dist/, what other tools think of it, what happens when a byte changes.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use checks::{Policy, Severity};
use common::{Checkout, Ended, can_build, copy, llvm, not_run};
use formats::{
    document::plist::Date,
    image::{MachO, Slices},
};
use rayon::prelude::*;
use xtask::{
    inspect::{self, Asked},
    policy,
};

const APP: &str = "USB Driver Host.app";
const MAIN: &str = "Contents/MacOS/USB Driver Host";
const DRIVER: &str = "Contents/Library/SystemExtensions/com.example.usb-interface-driver.dext/com.example.usb-interface-driver";

/// When `SOURCE_DATE_EPOCH` of the tests says that everything was signed.
const NOW: Date = Date(1_790_000_000);

fn released() -> Option<Checkout> {
    if !can_build() {
        return None;
    }
    let checkout = Checkout::new();
    checkout.run_well(&["dist"]);
    Some(checkout)
}

/// Ids of all checks with a finding of severity error.
fn errors(app: &Path, root: &Path) -> Vec<&'static str> {
    let mut asked = Asked::at(NOW);
    asked.trust.roots.extend(policy::roots(root).unwrap());
    let subject = inspect::open(app, &asked).unwrap();
    let outcomes = checks::run(&subject, &Policy::default());
    let is_error =
        |it: &&checks::CheckOutcome| it.findings.iter().any(|finding| finding.severity == Severity::Error);
    outcomes.iter().filter(is_error).map(|it| it.check.id).collect()
}

#[test]
fn dist_holds_what_the_readme_promises() {
    let Some(checkout) = released() else { return };
    for name in [
        APP,
        "USB-Driver-Host-1.2.0.zip",
        "USB-Driver-Host-1.2.0.pkg",
        "symbols/USB Driver Host.dSYM/Contents/Info.plist",
        "symbols/com.example.usb-interface-driver.dSYM/Contents/Info.plist",
        "rehearsal-root.pem",
        "report.json",
        "report.html",
        "manifest.json",
        "SHA256SUMS",
    ] {
        assert!(checkout.file("dist").join(name).exists(), "{name} is missing");
    }
    let json = checkout.run_well(&[
        "verify",
        &format!("dist/{APP}"),
        "--trust-root",
        "dist/rehearsal-root.pem",
        "--format",
        "json",
    ]);
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((report["schema"].as_u64(), report["verdict"].as_str()), (Some(1), Some("passed")));
    assert_eq!(report["subject"]["mode"], "rehearsal");
    assert_eq!(report["subject"]["code"].as_array().unwrap().len(), 4);
    assert_eq!(report["subject"]["tickets"][0]["covered"], serde_json::json!([4, 4]));
    let again = checkout.run_well(&["dist"]);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
}

#[test]
fn other_tools_agree() {
    let Some(checkout) = released() else { return };
    for binary in [MAIN, DRIVER] {
        let path = checkout.file("dist").join(APP).join(binary);
        if let Some(lipo) = llvm("llvm-lipo") {
            let archs = Ended::of(Command::new(lipo).arg("-archs").arg(&path));
            assert_eq!(archs.stdout.trim(), "x86_64 arm64");
        }
        let Ok(rcodesign) = which::which("rcodesign") else {
            not_run("rcodesign is not installed");
            continue;
        };
        let verified = Ended::of(Command::new(&rcodesign).arg("verify").arg(&path));
        assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
        assert!((verified.stdout + &verified.stderr).contains("no problems detected"));
        let shown = Ended::of(Command::new(&rcodesign).arg("print-signature-info").arg(&path));
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        assert!(shown.stdout.contains("REHEARSE01"), "{}", shown.stdout);
    }
}

#[test]
fn any_byte_that_is_covered_is_missed_when_it_changes() {
    let Some(checkout) = released() else { return };
    let (app, root) = (checkout.file("dist").join(APP), checkout.file("dist/rehearsal-root.pem"));
    assert_eq!(errors(&app, &root), Vec::<&str>::new());
    // The app seals the driver's executable as a plain file, so all of it is covered; the app's own up to its signatures.
    let driver = fs::read(app.join(DRIVER)).unwrap();
    let main = fs::read(app.join(MAIN)).unwrap();
    let places = |bytes: &[u8], all: bool| -> Vec<usize> {
        let step = bytes.len() / 40;
        let covered = |at: &usize| all || is_code(bytes, *at);
        (0..bytes.len())
            .step_by(step)
            .map(|at| at + 7)
            .filter(|at| *at < bytes.len())
            .filter(covered)
            .collect()
    };
    let flips: Vec<(&str, &[u8], usize)> = places(&driver, true)
        .into_iter()
        .map(|at| (DRIVER, driver.as_slice(), at))
        .chain(places(&main, false).into_iter().map(|at| (MAIN, main.as_slice(), at)))
        .collect();
    assert!(flips.len() > 60, "{} places", flips.len());
    let unnoticed: Vec<String> = flips
        .par_iter()
        .filter_map(|(file, bytes, at)| {
            let folder = tempfile::tempdir().unwrap();
            let damaged = folder.path().join(APP);
            copy(&app, &damaged);
            let mut bytes = bytes.to_vec();
            bytes[*at] ^= 0x10;
            fs::write(damaged.join(file), bytes).unwrap();
            errors(&damaged, &root).is_empty().then(|| format!("{file} at {at:#x}"))
        })
        .collect();
    assert!(unnoticed.is_empty(), "not noticed: {unnoticed:?}");
}

/// Whether a byte of a universal file lies in a slice, before its signature.
fn is_code(bytes: &[u8], at: usize) -> bool {
    let slices = Slices::read(&bytes).unwrap().unwrap();
    slices.slices.iter().any(|slice| {
        let macho = MachO::read(&slice.window(&bytes).unwrap()).unwrap();
        let end = slice.offset + macho.code_signature().unwrap().offset;
        (slice.offset..end).contains(&(at as u64))
    })
}

#[test]
fn a_file_too_many_is_named() {
    let Some(checkout) = released() else { return };
    let extra = checkout.file("dist").join(APP).join("Contents/Resources/extra.txt");
    fs::create_dir_all(extra.parent().unwrap()).unwrap();
    fs::write(extra, "hello").unwrap();
    let ended = checkout.run(&["verify", &format!("dist/{APP}"), "--trust-root", "dist/rehearsal-root.pem"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("extra.txt"), "{}", ended.stdout);
}

#[test]
fn without_its_root_a_rehearsal_proves_little_and_says_so() {
    let Some(checkout) = released() else { return };
    let ended = checkout.run(&["verify", &format!("dist/{APP}")]);
    let first = ended.stdout.lines().next().unwrap_or_default();
    assert!(first.contains("no Mac will load"), "{}", ended.stdout);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    let json = checkout.run_well(&["verify", &format!("dist/{APP}"), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(report["verdict"], "passed");
    // As a distribution it stands for nothing.
    let ended = checkout.run(&["verify", &format!("dist/{APP}"), "--mode", "distribution"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("ticket-genuine"), "{}", ended.stdout);
}

#[test]
fn a_crash_of_the_driver_gets_its_names_from_our_symbols() {
    let Some(checkout) = released() else { return };
    let symbols = "dist/symbols";
    let dwarf =
        "com.example.usb-interface-driver.dSYM/Contents/Resources/DWARF/com.example.usb-interface-driver";
    let bytes = fs::read(checkout.file(symbols).join(dwarf)).unwrap();
    let slices = Slices::read(&bytes).unwrap().unwrap();
    let slice = slices.slices.iter().find(|it| it.arch.is_arm64()).unwrap();
    let image = MachO::read(&slice.window(&bytes).unwrap()).unwrap();
    let uuid: String = image.uuid().unwrap().iter().map(|byte| format!("{byte:02X}")).collect();
    let uuid = format!("{}-{}-{}-{}-{}", &uuid[..8], &uuid[8..12], &uuid[12..16], &uuid[16..20], &uuid[20..]);
    let start = image.section("__TEXT", "__text").unwrap().address - image.segment("__TEXT").unwrap().address;
    let report = format!(
        "{{\"app_name\":\"driver\",\"bug_type\":\"309\"}}\n{{\"procName\":\"driver\",\"procPath\":\"/Library/SystemExtensions/X/com.example.usb-interface-driver.dext/com.example.usb-interface-driver\",\
         \"exception\":{{\"type\":\"EXC_BAD_ACCESS\",\"signal\":\"SIGSEGV\"}},\"faultingThread\":0,\"threads\":[{{\"triggered\":true,\"frames\":[{{\"imageOffset\":{},\"imageIndex\":0}}]}}],\
         \"usedImages\":[{{\"name\":\"com.example.usb-interface-driver\",\"uuid\":\"{uuid}\"}}]}}\n",
        start + 4
    );
    fs::write(checkout.file("crash.ips"), report).unwrap();
    let ended = checkout.run_well(&["triage", "crash.ips", "--symbols", symbols]);
    assert!(ended.stdout.contains("UsbInterfaceDriver"), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("1 frames named"), "{}", ended.stderr);
}

#[test]
fn ctrl_c_leaves_nothing_half_done() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::new();
    let mut child =
        checkout.command().arg("dist").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // Long enough to be compiling, short enough not to be done: compiling alone takes more than a second.
    let work = checkout.file("target/dist");
    let start = Instant::now();
    while !work.exists() && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(!checkout.file("dist").exists());
    let left: Vec<PathBuf> = fs::read_dir(checkout.path()).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(!left.iter().any(|it| it.to_string_lossy().contains(".xtask-")), "{left:?}");
    // The next run is not confused by what the first one left.
    checkout.run_well(&["dist"]);
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let Some(checkout) = released() else { return };
    let small = tempfile::tempdir().unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(small.path()).output();
    if !mounted.is_ok_and(|it| it.status.success()) {
        // A container may not mount: this is no second opinion, so it is told and not demanded.
        eprintln!("not run: a full disk (this process may not mount one)");
        return;
    }
    let out = small.path().join("dist");
    let ended = checkout.run(&["dist", "--out", out.to_str().unwrap()]);
    let left = fs::read_dir(small.path()).unwrap().count();
    let unmounted = Command::new("umount").arg(small.path()).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("No space left"), "{}", ended.stderr);
    assert_eq!(left, 0, "something half-written is left");
}
