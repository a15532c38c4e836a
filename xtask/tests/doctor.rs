//! `doctor --signing NAME`: what signing would say, before there is anything to sign.

#[path = "doctor/apple_certificates.rs"]
mod apple_certificates;
mod common;

use std::fs;

use common::{Checkout, Ended, can_build};
use formats::document::{Dict, Value};
use signer::authority::{Authority, Devices, Grant};
use zeroize::Zeroizing;

fn doctor(checkout: &Checkout, name: &str, more: &[&str]) -> Ended {
    let mut command = checkout.command();
    // Somebody who develops here may have real ones.
    for name in ["XTASK_P12", "XTASK_P12_PASSWORD", "XTASK_DEV_P12", "XTASK_DEV_P12_PASSWORD"] {
        command.env_remove(name);
    }
    Ended::of(command.args(["doctor", "--signing", name]).args(more))
}

/// A profile for the driver of the development signing file.
fn write_profile(checkout: &Checkout, entitlements: &Dict) {
    let authority = Authority::new(Zeroizing::new([7; 32]), 1_790_000_000, "ABCDE12345").unwrap();
    let grant = Grant {
        bundle_id: "com.example.usb-interface-driver",
        entitlements,
        certificates: &[],
        devices: Devices::All,
    };
    let profile = authority.profile(&grant).unwrap();
    fs::write(checkout.file("signing/profiles/driver-development.provisionprofile"), profile).unwrap();
}

#[track_caller]
fn check(checkout: &Checkout, key: &str, expected: &str) {
    let ended = doctor(checkout, "development", &["--format", "json"]);
    // The key is not on this machine, so signing would be refused whatever the profile grants.
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let health: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let grants = health["signing"]["grants"].as_array().unwrap();
    let of_driver = |it: &&serde_json::Value| it["key"] == key && it["part"] != ".";
    let found = grants.iter().find(of_driver).unwrap();
    assert_eq!(found["answer"], expected, "{found}");
}

#[test]
fn a_rehearsal_has_all_it_needs() {
    if !can_build() {
        return;
    }
    let checkout = Checkout::new();
    let ended = doctor(&checkout, "rehearsal", &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    for part in
        ["looked at  the configuration", "today", "leaf `Developer ID Application", "nothing stands against"]
    {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains("not granted"), "{}", ended.stdout);
}

#[test]
fn a_missing_secret_is_told_with_everything_else() {
    let ended = doctor(&Checkout::new(), "developer-id", &[]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    for part in [
        "the environment variable `XTASK_P12` is not set",
        "cannot read the profile `signing/profiles/app.provisionprofile`",
        "not granted: no profile  com.apple.developer.driverkit = true",
        "asked for by signing/driver.entitlements:",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
}

#[test]
fn each_claim_is_held_against_the_profile() {
    let checkout = Checkout::new();
    let usb = "com.apple.developer.driverkit.transport.usb";
    let vendor = |id: Value| Value::Array(vec![Value::Dict([("idVendor", id)].into_iter().collect())]);
    let granted =
        |value| [("com.apple.developer.driverkit", Value::Bool(true)), (usb, value)].into_iter().collect();
    write_profile(&checkout, &granted(vendor(Value::from("*"))));
    check(&checkout, usb, "development wildcard");
    check(&checkout, "com.apple.developer.driverkit", "granted");
    write_profile(&checkout, &granted(vendor(Value::from(1452))));
    check(&checkout, usb, "not granted");
}

#[test]
fn a_signing_file_that_is_not_there_is_a_usage_error() {
    assert_eq!(doctor(&Checkout::new(), "nobody", &[]).code, Some(2));
}
