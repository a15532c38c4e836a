//! Signed and packed by Apple's tools, as far as stand-ins go: argument lists, order, and the same verdict as ours.

use std::{fs, path::Path};

use serde_json::Value;
use stand_ins::{Bench, Call};

use super::{
    common::{Checkout, Ended},
    json, mac,
};

const APP: &str = "USB Driver Host.app";
const DEXT: &str = "Contents/Library/SystemExtensions/com.example.usb-interface-driver.dext";

/// The calls that went to a tool itself, `xcrun` looked through.
fn calls_of(mac: &Bench, tool: &str) -> Vec<Call> {
    mac.calls().unwrap().into_iter().filter(|it| it.tool == tool).collect()
}

/// What `verify` says of everything in `dist/`, without what differs from run to run and from backend to backend.
fn verdict(checkout: &Checkout) -> Vec<Value> {
    let root = checkout.file("dist/rehearsal-root.pem");
    let mut args = vec![
        "verify".to_owned(),
        "--format".to_owned(),
        "json".to_owned(),
        "--at".to_owned(),
        "2026-09-22".to_owned(),
    ];
    if root.is_file() {
        args.extend(["--trust-root".to_owned(), root.display().to_string()]);
    }
    let mut products: Vec<String> = fs::read_dir(checkout.file("dist"))
        .unwrap()
        .map(|it| it.unwrap().path().display().to_string())
        .filter(|it| [".app", ".zip", ".pkg"].iter().any(|end| it.ends_with(end)))
        .collect();
    products.sort();
    args.extend(products);
    let ended = checkout.run(&args);
    let reports: Vec<Value> = ended.stdout.lines().map(json).collect();
    assert!(!reports.is_empty(), "{}", ended.stderr);
    reports.into_iter().map(plain).collect()
}

/// cdhashes differ, since codesign and we reserve different room for a signature; everything that is a judgement must not.
fn plain(mut report: Value) -> Value {
    for code in report["subject"]["code"].as_array_mut().into_iter().flatten() {
        code["cdhash"] = Value::Null;
    }
    report
}

/// The first difference of two reports, told.
#[track_caller]
fn check_same(apple: &[Value], ours: &[Value]) {
    assert_eq!(apple.len(), ours.len());
    for (apple, ours) in apple.iter().zip(ours) {
        let name = apple["subject"]["path"].as_str().unwrap_or_default();
        assert_eq!(apple["verdict"], ours["verdict"], "{name}");
        assert_eq!(apple["subject"]["code"], ours["subject"]["code"], "{name}");
        let checks = |it: &Value| it["checks"].as_array().unwrap().clone();
        for (apple, ours) in checks(apple).iter().zip(&checks(ours)) {
            assert_eq!(apple, ours, "{name}");
        }
    }
}

#[test]
fn a_rehearsal_signed_by_codesign_is_judged_like_ours() {
    let Some(mac) = mac() else { return };
    let (apple, ours) = (Checkout::new(), Checkout::new());
    for checkout in [&apple, &ours] {
        fs::write(checkout.file("seed"), [7; 32]).unwrap();
    }
    apple.run_well_on(
        &mac,
        &[
            "dist",
            "--backend",
            "portable",
            "--backend-of",
            "sign=apple",
            "--backend-of",
            "package=apple",
            "--rehearsal-seed",
            "seed",
        ],
    );
    ours.run_well(&["dist", "--backend", "portable", "--rehearsal-seed", "seed"]);
    check_same(&verdict(&apple), &verdict(&ours));

    let signed = calls_of(&mac, "codesign");
    let targets: Vec<&str> = signed
        .iter()
        .filter_map(|it| it.args.last())
        .map(|it| it.rsplit_once(".app").map_or("probe", |it| it.1))
        .collect();
    assert_eq!(targets, ["probe", &format!("/{DEXT}"), ""], "inside out, after a probe");
    assert!(signed.iter().all(|it| it.args.iter().all(|word| word != "--deep")));
    clean(&mac, &apple);
}

#[test]
fn an_ad_hoc_app_needs_no_keychain() {
    let Some(mac) = mac() else { return };
    let (apple, ours) = (Checkout::new(), Checkout::new());
    for checkout in [&apple, &ours] {
        checkout.edit("signing/adhoc.toml", |text| text.replace("packages = []", "packages = [\"zip\"]"));
    }
    apple.run_well_on(
        &mac,
        &[
            "dist",
            "--signing",
            "adhoc",
            "--backend",
            "portable",
            "--backend-of",
            "sign=apple",
            "--backend-of",
            "package=apple",
        ],
    );
    ours.run_well(&["dist", "--signing", "adhoc", "--backend", "portable"]);
    check_same(&verdict(&apple), &verdict(&ours));

    assert!(calls_of(&mac, "security").is_empty());
    let work =
        |it: &str| it.rsplit_once("/USB Driver Host.app").map_or(it.to_owned(), |it| format!("APP{}", it.1));
    let lines: Vec<Vec<String>> = calls_of(&mac, "codesign")
        .iter()
        .map(|call| {
            let mut after_entitlements = false;
            call.args
                .iter()
                .map(|it| {
                    let shown = if after_entitlements { "FILE".to_owned() } else { work(it) };
                    after_entitlements = it == "--entitlements";
                    shown
                })
                .collect()
        })
        .collect();
    let line = |id: &str, target: &str| -> Vec<String> {
        let words = format!(
            "--sign - --force --identifier {id} --options runtime --entitlements FILE --generate-entitlement-der"
        );
        words.split(' ').map(str::to_owned).chain([target.to_owned()]).collect()
    };
    assert_eq!(
        lines,
        [
            line("com.example.usb-interface-driver", &format!("APP/{DEXT}")),
            line("com.example.usb-driver-host", "APP"),
        ]
    );
}

#[test]
fn the_second_time_apples_tools_do_nothing() {
    let Some(mac) = mac() else { return };
    let checkout = Checkout::without_driver();
    super::app_alone(&checkout);
    let args = ["dist", "--backend", "apple"];
    checkout.run_well_on(&mac, &args);
    let before = mac.calls().unwrap().len();
    let again = checkout.run_well_on(&mac, &args);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    let tools: Vec<String> = mac.calls().unwrap().drain(before..).map(|it| it.line()).collect();
    let works =
        |it: &&String| ["clang", "ditto", "pkgbuild", "hdiutil"].iter().any(|tool| it.starts_with(tool));
    assert_eq!(tools.iter().filter(works).count(), 0, "{tools:?}");
}

#[test]
fn a_disk_image_is_made_signed_and_carries_its_ticket() {
    let Some(mac) = mac() else { return };
    let checkout = Checkout::without_driver();
    super::app_alone(&checkout);
    checkout.edit("signing/rehearsal.toml", |text| text.replace("[\"zip\", \"pkg\"]", "[\"dmg\"]"));
    checkout.run_well_on(&mac, &["dist", "--backend", "apple"]);
    let image = fs::read_dir(checkout.file("dist"))
        .unwrap()
        .map(|it| it.unwrap().path())
        .find(|it| it.extension().is_some_and(|it| it == "dmg"));
    let image = image.expect("a disk image");
    let told = Ended::of(
        checkout.command().args(["ticket", "verify", "--trust-root", "dist/rehearsal-root.pem"]).arg(&image),
    );
    assert_eq!(told.code, Some(0), "{}{}", told.stdout, told.stderr);
    let portable = checkout.run(&["dist", "--backend", "portable"]);
    assert_eq!(portable.code, Some(3), "{}", portable.stderr);
    assert!(portable.stderr.contains("--backend-of package=apple"), "{}", portable.stderr);
}

/// Nothing of ours is left on the Mac or in the checkout: no keychain, no entry of the search list, no file with a key.
#[track_caller]
pub fn clean(mac: &Bench, checkout: &Checkout) {
    let state = fs::read_to_string(mac.state().join("keychains.json")).unwrap_or_else(|_| "{}".to_owned());
    let state = json(&state);
    let paths: Vec<&String> = state["keychains"].as_object().into_iter().flat_map(|it| it.keys()).collect();
    assert!(!paths.iter().any(|it| it.contains("driver-xtask")), "{paths:?}");
    assert!(!state["search_list"].to_string().contains("driver-xtask"), "{}", state["search_list"]);
    let keychains = checkout.path().with_file_name("home").join(".cache/driver-xtask/keychains");
    let left: Vec<_> =
        fs::read_dir(&keychains).into_iter().flatten().map(|it| it.unwrap().file_name()).collect();
    assert!(left.iter().all(|it| it == "search-list.lock"), "{left:?}");
    no_secret_below(&checkout.file("target/dist"));
    no_secret_below(&checkout.path().with_file_name("home"));
    no_secret_below(&checkout.path().with_file_name("tmp"));
}

/// No PKCS #12 and no private key in any file.
#[track_caller]
fn no_secret_below(folder: &Path) {
    if !folder.is_dir() {
        return;
    }
    for entry in xtask::stage::files::walk(folder).unwrap() {
        let path = entry.at(folder);
        let name = path.to_string_lossy();
        assert!(!name.ends_with(".p12"), "{name}");
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(11).any(|it| it == b"PRIVATE KEY"), "{name}");
        }
    }
}

#[test]
fn the_app_is_the_last_to_be_signed() {
    // A guard for the names above: what is compared must be what is built.
    let text = fs::read_to_string(super::common::root().join("app/app.toml")).unwrap();
    assert!(text.contains(APP.trim_end_matches(".app")), "{text}");
}
