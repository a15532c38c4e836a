//! `doctor --signing NAME`: what signing would say, before there is anything to sign.

#[path = "doctor/apple_certificates.rs"]
mod apple_certificates;
mod common;

use std::fs;

use common::{Checkout, Ended, can_build};
use formats::document::{Dict, Value};
use signer::authority::{Authority, Devices, Grant, Role};
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
fn what_ends_soon_is_told_without_the_key_and_in_the_order_of_renewal() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let checkout = Checkout::new();
    // A development profile is good for a year; this one has sixty days and some hours left.
    let begun = now - (365 - 60) * 86_400 + 7200;
    let authority = Authority::new(Zeroizing::new([7; 32]), begun, "ABCDE12345").unwrap();
    let certificate = authority.certificate(Role::AppleDevelopment).unwrap();
    let grant = Grant {
        bundle_id: "com.example.usb-interface-driver",
        entitlements: &Dict::new(),
        certificates: &[certificate],
        devices: Devices::Listed(&["00008112-AAAA"]),
    };
    let profile = authority.profile(&grant).unwrap();
    fs::write(checkout.file("signing/profiles/driver-development.provisionprofile"), profile).unwrap();
    let ended = doctor(&checkout, "development", &[]);
    for part in [
        "the environment variable `XTASK_DEV_P12` is not set",
        "ok      ok      ENDED",
        "expires in 60 days",
        "rotation: what to renew, in this order",
        "certificate in the profile of Contents/Library/SystemExtensions/",
        "generate again",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
}

#[test]
fn who_signs_packages_is_looked_at_where_packages_are_signed() {
    let checkout = Checkout::new();
    let key = |name: &str, role: Role| {
        let authority = Authority::new(Zeroizing::new([7; 32]), 1_790_000_000, "ABCDE12345").unwrap();
        let der = authority.key(role).unwrap().to_pkcs8().unwrap();
        fs::write(checkout.file(&format!("{name}.der")), &*der).unwrap();
        let chain: String = authority.chain(role).unwrap().iter().map(|it| it.pem().unwrap()).collect();
        fs::write(checkout.file(&format!("{name}.pem")), chain).unwrap();
    };
    key("app", Role::DeveloperIdApplication);
    key("pkg", Role::DeveloperIdInstaller);
    checkout.edit("signing/developer-id.toml", |text| {
        let lines = text.lines().map(|line| match line.split_once(" = ") {
            Some((name @ ("identity" | "installer-identity"), _)) => {
                let file = if name == "identity" { "app" } else { "pkg" };
                format!("{name} = {{ pem = {{ key = {{ file = \"../{file}.der\" }}, certificates = \"../{file}.pem\" }} }}\n")
            }
            _ => format!("{line}\n"),
        });
        lines.collect()
    });
    let good = doctor(&checkout, "developer-id", &[]);
    assert!(good.stdout.contains("installer leaf `Developer ID Installer"), "{}", good.stdout);
    assert!(!good.stdout.contains("Developer ID Installer certificate is needed"), "{}", good.stdout);
    // The app's certificate in the place of the installer's.
    key("pkg", Role::DeveloperIdApplication);
    let bad = doctor(&checkout, "developer-id", &[]);
    assert!(bad.stdout.contains("and a Developer ID Installer certificate is needed"), "{}", bad.stdout);
    // Without a pkg nobody asks for it.
    checkout.edit("signing/developer-id.toml", |text| text.replace("[\"zip\", \"pkg\"]", "[\"zip\"]"));
    let without = doctor(&checkout, "developer-id", &[]);
    assert!(!without.stdout.contains("installer"), "{}", without.stdout);
}

#[test]
fn a_signing_file_that_is_not_there_is_a_usage_error() {
    assert_eq!(doctor(&Checkout::new(), "nobody", &[]).code, Some(2));
}
