//! The Mac path on a simulated Mac: stand-ins for Apple's tools, the real program, and labels everywhere.

mod common;
#[path = "mac/failures.rs"]
mod failures;
#[path = "mac/keychain.rs"]
mod keychain;
#[path = "mac/signed.rs"]
mod signed;

use std::fs;

use common::{Checkout, Ended, can_build, not_run};
use stand_ins::Bench;

/// A simulated Mac whose compilers can work; `None`, and told, where LLVM is missing.
fn mac() -> Option<Bench> {
    if !can_build() {
        return None;
    }
    match Bench::new() {
        Ok(bench) => Some(bench.with_portable(env!("CARGO_BIN_EXE_xtask"))),
        Err(error) => {
            not_run(&format!("the stand-ins cannot be built: {error}"));
            None
        }
    }
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Lets the rehearsal speak about the app alone, for a product that has no driver.
fn app_alone(checkout: &Checkout) {
    checkout.edit("signing/rehearsal.toml", |text| {
        let (signing, _) = text.split_once("[[part]]").unwrap();
        format!("{signing}[[part]]\npath = \".\"\nentitlements = \"app.entitlements\"\n")
    });
}

#[test]
fn both_sides_mean_the_same_variable() {
    assert_eq!(stand_ins::STAND_INS, xtask::tools::STAND_INS);
}

#[test]
fn doctor_knows_a_simulated_mac_from_this_machine() {
    let Some(mac) = mac() else { return };
    let checkout = Checkout::new();
    let health = json(&Ended::of(checkout.command_on(&mac).args(["doctor", "--format", "json"])).stdout);
    assert_eq!(
        (&health["os"], &health["arch"], &health["simulated"]),
        (&"macos".into(), &"aarch64".into(), &true.into())
    );
    assert_eq!(health["not_on_this_host"], serde_json::json!([]));
    let health = json(&Ended::of(checkout.command().args(["doctor", "--format", "json"])).stdout);
    assert_eq!(
        (&health["os"], &health["simulated"]),
        (&std::env::consts::OS.into(), &serde_json::Value::Null)
    );
}

#[test]
fn apples_tools_build_what_the_plan_says_and_the_plan_says_simulated() {
    let Some(mac) = mac() else { return };
    let checkout = Checkout::without_driver();
    let plan = json(&checkout.run_well_on(&mac, &["dist", "--plan", "--format", "json"]).stdout);
    assert_eq!((&plan["backend"], &plan["simulated"]), (&"apple".into(), &true.into()));

    checkout.run_well_on(&mac, &["build", "--backend", "apple"]);
    let calls = mac.calls().unwrap();
    let planned: Vec<Vec<String>> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|step| {
            Some(
                step.get("command")?
                    .as_array()?
                    .iter()
                    .skip(1)
                    .map(|it| it.as_str().unwrap_or_default().to_owned())
                    .collect(),
            )
        })
        .collect();
    let root = checkout.path().display().to_string();
    // As the plan prints it: relative to the checkout.
    let shown = |it: &String| match it.strip_prefix(&format!("{root}/")) {
        Some("") => "./".to_owned(),
        Some(inside) => inside.to_owned(),
        None => it.replace(&format!("{root}/"), "").replace(&root, "."),
    };
    for command in &planned {
        let is_this = |call: &&stand_ins::Call| call.args.iter().map(shown).eq(command.iter().cloned());
        let made = calls.iter().filter(|it| it.tool == "xcrun").any(|call| is_this(&call));
        assert!(made, "planned and not done: {command:?}");
    }
    assert_eq!(calls.iter().filter(|it| it.tool == "xcrun" && it.exit == 0).count(), planned.len());
    assert!(checkout.file("target/dist/stage/USB Driver Host/universal/USB Driver Host").is_file());
}

#[test]
fn what_a_simulated_mac_publishes_says_so_and_is_no_release() {
    let Some(mac) = mac() else { return };
    let checkout = Checkout::without_driver();
    app_alone(&checkout);
    checkout.run_well_on(&mac, &["dist"]);
    for name in ["report.json", "manifest.json"] {
        let text = fs::read_to_string(checkout.file("dist").join(name)).unwrap();
        let labels = text
            .lines()
            .filter(|it| it.contains("\"simulated\": true") || it.contains("\"simulated\":true"))
            .count();
        assert!(labels > 0, "{name}: {text}");
    }
    let report =
        json(&checkout.run_well_on(&mac, &["verify", "--format", "json", "dist/USB Driver Host.app"]).stdout);
    assert_eq!(report["simulated"], true);
    let report = json(&checkout.run_well(&["verify", "--format", "json", "dist/USB Driver Host.app"]).stdout);
    assert_eq!(
        report["simulated"],
        serde_json::Value::Null,
        "the product itself carries no label, its manifest does"
    );

    let release = Ended::of(checkout.command_on(&mac).args(["dist", "--signing", "developer-id"]));
    assert_eq!(release.code, Some(2), "{}", release.stderr);
    assert!(release.stderr.contains("stand-ins for Apple's tools, on no Mac"), "{}", release.stderr);
}

#[test]
fn a_folder_of_real_tools_is_no_simulated_mac() {
    let checkout = Checkout::new();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/bin/true", folder.path().join("xcrun")).unwrap();
    let ended = Ended::of(checkout.command().env(xtask::tools::STAND_INS, folder.path()).arg("doctor"));
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("is no stand-in"), "{}", ended.stderr);
}
