//! The same bytes again: `dist` in two folders from one seed, `reproduce`, and signatures put on a rebuild.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
};

use common::{Checkout, can_build};
use xtask::stage::files::{self, Kind};

const APP: &str = "USB Driver Host.app";
const ZIP: &str = "dist/USB-Driver-Host-1.2.0.zip";
const SEED: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";

/// Everything below a folder, by path: modes, links, bytes.
fn content(top: &Path) -> Vec<(PathBuf, u32, Kind, Vec<u8>)> {
    let entries = files::walk(top).unwrap().into_iter();
    let read = |it: files::Entry| {
        let bytes = if it.kind == Kind::File { fs::read(it.at(top)).unwrap() } else { Vec::new() };
        (it.path, it.mode, it.kind, bytes)
    };
    entries.map(read).collect()
}

#[track_caller]
fn same(one: &Path, two: &Path) {
    let (one, two) = (content(one), content(two));
    let names = |of: &[(PathBuf, u32, Kind, Vec<u8>)]| of.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
    assert!(!one.is_empty());
    assert_eq!(names(&one), names(&two));
    for (a, b) in one.iter().zip(&two) {
        assert!(a == b, "`{}` differs", a.0.display());
    }
}

fn dist(checkout: &Checkout, seed: &str) {
    fs::write(checkout.file("seed"), seed).unwrap();
    checkout.run_well(&["dist", "--rehearsal-seed", "seed"]);
}

#[test]
fn one_seed_and_one_time_give_one_release_in_two_folders() {
    if !can_build() {
        return;
    }
    let (one, two) = (Checkout::new(), Checkout::new());
    dist(&one, SEED);
    dist(&two, SEED);
    // Reports, symbols, zip and pkg included.
    same(&one.file("dist"), &two.file("dist"));

    // The near miss: another seed changes signatures and nothing else.
    let other = Checkout::new();
    dist(&other, &SEED.replace("00", "01"));
    let read = |of: &Checkout| fs::read(of.file(ZIP)).unwrap();
    assert_ne!(read(&one), read(&other));
    let text = one.run(&["reproduce", other.file(ZIP).to_str().unwrap()]);
    assert_eq!(text.code, Some(0), "{}{}", text.stdout, text.stderr);
    assert!(text.stdout.starts_with("reproduced  USB Driver Host.app: 5 files"), "{}", text.stdout);
    // Debug information lies beside the release; the tools say what they are.
    assert!(text.stdout.contains("files of two builds compared, and with `"), "{}", text.stdout);
    assert!(
        text.stdout.contains(": Debian clang version") || text.stdout.contains(" clang version "),
        "{}",
        text.stdout
    );
    let mut dsym = files::walk(&other.file("dist/symbols")).unwrap().into_iter();
    let dwarf = dsym.rfind(|it| it.path.components().any(|it| it.as_os_str() == "DWARF")).unwrap();
    let path = dwarf.at(&other.file("dist/symbols"));
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let damaged = one.run(&["reproduce", other.file(ZIP).to_str().unwrap()]);
    assert_eq!(damaged.code, Some(1), "{}{}", damaged.stdout, damaged.stderr);
    assert!(damaged.stdout.contains("first at `symbols/"), "{}", damaged.stdout);
}

#[test]
fn every_container_of_a_release_has_the_same_product() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::new();
    dist(&checkout, SEED);
    let pkg = ZIP.replace(".zip", ".pkg");
    let app = format!("dist/{APP}");
    for (release, other) in [(pkg.as_str(), app.as_str()), (ZIP, pkg.as_str())] {
        let ended = checkout.run(&["reproduce", release, "--with", other]);
        assert_eq!(ended.code, Some(0), "{release}, {other}: {}{}", ended.stdout, ended.stderr);
        assert!(
            ended.stdout.contains("5 files, the same in the release and in the other product"),
            "{}",
            ended.stdout
        );
        assert!(!ended.stderr.contains("Compiling"), "{}", ended.stderr);
    }
    let info = checkout.file(&format!("{app}/Contents/Info.plist"));
    let text = fs::read_to_string(&info).unwrap();
    fs::write(&info, text.replace("1.2.0", "1.2.1")).unwrap();
    let ended = checkout.run(&["reproduce", &pkg, "--with", &app]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("first at `Contents/Info.plist`"), "{}", ended.stdout);
}

#[test]
fn a_prebuilt_part_is_taken_as_it_is_and_said_to_be() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::without_driver();
    checkout.run_well(&["bundle"]);
    let built = checkout.file(&format!("target/dist/stage/bundle/{APP}"));
    common::copy(&built, &checkout.file("from-xcode/Host.app"));
    let prebuilt = |path: &str| {
        checkout.edit("app/app.toml", |text| {
            let lines =
                text.lines().filter(|it| !it.starts_with("source = ") && !it.starts_with("prebuilt = "));
            let text: String = lines.map(|it| format!("{it}\n")).collect();
            text.replace("[app]\n", &format!("[app]\nsource = \"prebuilt\"\nprebuilt = {path:?}\n"))
        });
    };
    prebuilt("../from-xcode/Host.app");
    checkout.run_well(&["bundle"]);
    let good = checkout.run(&["reproduce", built.to_str().unwrap()]);
    assert_eq!(good.code, Some(0), "{}{}", good.stdout, good.stderr);
    assert!(good.stdout.contains("from-xcode/Host.app: taken as it is, not built here"), "{}", good.stdout);
    let outside = tempfile::tempdir().unwrap();
    common::copy(&built, &outside.path().join("Host.app"));
    prebuilt(outside.path().join("Host.app").to_str().unwrap());
    let refused = checkout.run(&["reproduce", built.to_str().unwrap()]);
    assert_eq!(refused.code, Some(2), "{}{}", refused.stdout, refused.stderr);
    assert!(
        refused.stderr.contains("lies outside the checkout") && refused.stderr.contains("--with PATH"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_release_of_these_sources_is_reproduced_and_one_of_others_is_not() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::without_driver();
    checkout.edit("signing/rehearsal.toml", |text| {
        let (head, _) = text.split_once("[[part]]").unwrap();
        format!("{head}\n[[part]]\npath = \".\"\n")
    });
    checkout.run_well(&["bundle"]);
    checkout.run_well(&["sign"]);
    let release = checkout.file(&format!("target/dist/stage/signed/rehearsal/{APP}"));
    let release = release.to_str().unwrap();

    let good = checkout.run_well(&["reproduce", release]);
    let lines: Vec<&str> = good.stdout.lines().skip_while(|it| !it.starts_with("release ")).skip(1).collect();
    assert_eq!(lines.len(), 3, "{}", good.stdout);
    check_by_sha256sum(&checkout, release, &lines);

    checkout.edit("app/main.m", |text| format!("{text}\n__attribute__((used)) static int another = 3;\n"));
    let bad = checkout.run(&["reproduce", release, "--format", "json", "--keep", "kept"]);
    assert_eq!(bad.code, Some(1), "{}{}", bad.stdout, bad.stderr);
    let verdict: serde_json::Value = serde_json::from_str(&bad.stdout).unwrap();
    assert_eq!(verdict["verdict"], "different");
    assert_eq!(verdict["difference"]["path"], "Contents/MacOS/USB Driver Host");
    assert_eq!(verdict["difference"]["between"][0], "release");
    same(
        &checkout.file(&format!("kept/first-build/{APP}")),
        &checkout.file(&format!("kept/second-build/{APP}")),
    );
}

/// The printed digests are those that everybody can compute.
#[track_caller]
fn check_by_sha256sum(checkout: &Checkout, release: &str, lines: &[&str]) {
    let stripped = checkout.file("stripped.app");
    checkout.run_well(&["signature", "strip", release, "-o", stripped.to_str().unwrap()]);
    for line in lines {
        let (digest, path) = line.split_once("  ").unwrap();
        let bytes = fs::read(stripped.join(path)).unwrap();
        assert_eq!(xtask::stage::stamp::hex_digest(&bytes), digest, "{path}");
    }
    assert_eq!(
        files::walk(&stripped).unwrap().iter().filter(|it| it.kind == Kind::File).count(),
        lines.len()
    );
}

#[test]
fn a_build_that_looks_at_the_clock_is_not_reproducible() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::without_driver();
    checkout.run_well(&["bundle"]);
    let release = checkout.file(&format!("target/dist/stage/bundle/{APP}"));
    // A source that looks at the clock: the two builds are seconds apart.
    checkout.edit("app/main.m", |text| {
        format!("{text}\n__attribute__((used)) static const char when[] = __DATE__ __TIME__;\n")
    });
    let mut command = checkout.command();
    command.env_remove("SOURCE_DATE_EPOCH").args(["reproduce", release.to_str().unwrap()]);
    let ended = common::Ended::of(&mut command);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn what_is_no_release_is_refused_before_anything_is_built() {
    let checkout = Checkout::without_driver();
    let ended = checkout.run(&["reproduce", "app/app.toml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("neither a folder nor a zip"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("Compiling"), "{}", ended.stderr);
}

#[test]
fn detached_signatures_on_a_rebuild_in_another_folder_give_the_release() {
    if !can_build() {
        return;
    }
    let (one, two) = (Checkout::new(), Checkout::new());
    one.run_well(&["bundle"]);
    one.run_well(&["sign"]);
    two.run_well(&["bundle"]);
    let signed = one.file(&format!("target/dist/stage/signed/rehearsal/{APP}"));
    let rebuilt = two.file(&format!("target/dist/stage/bundle/{APP}"));
    let path = |it: &Path| it.to_str().unwrap().to_owned();
    one.run_well(&["signature", "detach", &path(&signed), "-o", "signatures"]);
    let (folder, goal) = (path(&one.file("signatures")), two.file("release.app"));
    two.run_well(&["signature", "attach", &path(&rebuilt), &folder, "-o", &path(&goal)]);
    same(&signed, &goal);

    let info = rebuilt.join("Contents/Info.plist");
    let text = fs::read_to_string(&info).unwrap();
    fs::write(&info, text.replace("1.2.0", "1.2.1")).unwrap();
    let refused = two.run(&["signature", "attach", &path(&rebuilt), &folder, "-o", "other.app"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("`Contents/Info.plist` differs"), "{}", refused.stderr);
    assert!(!two.file("other.app").exists());
}
