//! What a user does wrong, or the machine: one clear error, the right exit code, nothing half-done, nothing lost.

mod common;

use std::{fs, os::unix::fs::PermissionsExt};

use common::{Checkout, Ended, can_build};

/// The run failed with `code`, said all of `words`, and left no output folder.
#[track_caller]
fn refused(checkout: &Checkout, ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "`{word}` is not in\n{}", ended.stderr);
    }
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    assert!(!checkout.file("dist").exists(), "a half-written dist/");
    let left: Vec<_> =
        fs::read_dir(checkout.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".xtask-")), "{left:?}");
}

#[test]
fn a_missing_file_is_named() {
    let checkout = Checkout::new();
    fs::remove_file(checkout.file("app/app.toml")).unwrap();
    refused(&checkout, &checkout.run(&["dist"]), 2, &["cannot read `app/app.toml`"]);
}

#[test]
fn malformed_toml_is_named_with_its_line() {
    let checkout = Checkout::new();
    checkout.edit("driver/driver.toml", |text| text.replace("[driver]", "[driver"));
    refused(&checkout, &checkout.run(&["dist"]), 2, &["driver/driver.toml:"]);
}

#[test]
fn an_unknown_key_gets_the_nearest_known_one() {
    let checkout = Checkout::new();
    checkout.edit("driver/driver.toml", |text| text.replace("triples =", "tripels ="));
    refused(
        &checkout,
        &checkout.run(&["dist"]),
        2,
        &["driver/driver.toml:", "`tripels`", "`triples` is the nearest"],
    );
}

#[test]
fn arm64e_is_refused_with_the_reason() {
    let checkout = Checkout::new();
    checkout.edit("driver/driver.toml", |text| {
        text.replace("\"arm64-apple-driverkit\"", "\"arm64e-apple-driverkit\"")
    });
    let words = ["driver/driver.toml:", "arm64e is refused", "preferred over arm64", "26.2"];
    refused(&checkout, &checkout.run(&["dist"]), 2, &words);
}

#[test]
fn a_version_that_the_kernel_refuses_is_refused() {
    let checkout = Checkout::new();
    refused(&checkout, &checkout.run(&["dist", "--build", "500001"]), 2, &["--build", "up to 4 digits"]);
}

#[test]
fn a_pattern_without_a_file_is_named() {
    let checkout = Checkout::new();
    checkout.edit("app/app.toml", |text| text.replace("\"*.c\"", "\"*.cc\""));
    refused(&checkout, &checkout.run(&["dist"]), 2, &["app/app.toml:", "no file matches `*.cc`"]);
}

#[test]
fn an_unknown_signing_name_lists_the_known_ones() {
    let checkout = Checkout::new();
    refused(
        &checkout,
        &checkout.run(&["dist", "--signing", "nobody"]),
        2,
        &["nobody", "rehearsal", "developer-id"],
    );
}

#[test]
fn a_release_is_not_built_on_what_no_mac_has_confirmed() {
    let checkout = Checkout::new();
    let ended = checkout.run(&["dist", "--signing", "developer-id"]);
    refused(&checkout, &ended, 2, &["open SDK subset", "DRIVERKIT_SDK"]);
    // A given SDK, as if extracted from Xcode: then it is the linker that nobody has tried.
    let given = |args: &[&str]| {
        let mut command = checkout.command();
        command.env("DRIVERKIT_SDK", checkout.file("xtask/sdk/DriverKit"));
        command.env("MACOS_SDK", checkout.file("xtask/sdk/MacOSX"));
        Ended::of(command.args(["dist", "--signing", "developer-id"]).args(args))
    };
    refused(&checkout, &given(&[]), 2, &["ld64.lld", "--accept-unproven portable-link"]);
    let accepted = given(&["--accept-unproven", "portable-link"]);
    assert!(accepted.stderr.contains("accepted although unproven"), "{}", accepted.stderr);
    // Then the next thing that is missing: the identity.
    refused(&checkout, &accepted, 2, &["XTASK_P12"]);
    // A plan may always be looked at.
    checkout.run_well(&["dist", "--plan", "--signing", "developer-id"]);
}

#[test]
fn a_wrong_sdk_is_named_with_its_variable() {
    let checkout = Checkout::new();
    let ended = Ended::of(checkout.command().arg("dist").env("DRIVERKIT_SDK", "/nowhere"));
    refused(&checkout, &ended, 2, &["/nowhere", "is not an SDK", "DRIVERKIT_SDK"]);
}

#[test]
fn missing_tools_are_listed_all_at_once_with_the_way_out() {
    let checkout = Checkout::new();
    let ended = Ended::of(checkout.command().arg("dist").env("PATH", "/nowhere").env("HOME", "/nowhere"));
    let words =
        ["clang++-19", "clang-19", "ld64.lld-19", "dsymutil-19", "llvm-strip-19", "cargo xtask setup"];
    refused(&checkout, &ended, 3, &words);
}

#[test]
fn a_compiler_error_is_shown_whole() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::without_driver();
    fs::write(checkout.file("app/broken.c"), "int answer(void) { return nonsense; }\n").unwrap();
    let ended = checkout.run(&["dist"]);
    refused(
        &checkout,
        &ended,
        3,
        &["broken.c:1:27: error: use of undeclared identifier 'nonsense'", "1 error generated"],
    );
}

#[test]
fn an_output_folder_that_cannot_be_written_is_named() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::new();
    fs::write(checkout.file("in-the-way"), "a file").unwrap();
    let ended = checkout.run(&["dist", "--out", "in-the-way/dist"]);
    refused(&checkout, &ended, 3, &["in-the-way"]);
}

#[test]
fn a_restrictive_umask_does_not_travel_with_the_product() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::without_driver();
    checkout.run_well(&["bundle"]);
    let app = checkout.file("target/dist/stage/bundle/USB Driver Host.app/Contents/MacOS/USB Driver Host");
    assert_eq!(fs::metadata(app).unwrap().permissions().mode() & 0o777, 0o755);
}
