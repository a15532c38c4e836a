//! `prove` through stand-ins: what runs, what does not, and that none of it is taken for a Mac.

mod common;

use std::fs;

use common::{Checkout, Ended, can_build, not_run};
use stand_ins::Bench;
use xtask::prove::status::Recordings;

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

#[test]
fn on_a_simulated_mac_experiments_are_carried_out_and_nothing_counts() {
    let Some(mac) = mac() else { return };
    let checkout = Checkout::new();
    // Those that need no rehearsal, whose keys take a while; the last cannot be built here.
    let tried = ["interfaces", "link", "lipo", "seal", "codesign-refuses", "arm64e-driver"];
    let only = tried.iter().flat_map(|id| ["--only", *id]);
    let ended = Ended::of(checkout.command_on(&mac).args(["prove", "--format", "json"]).args(only.clone()));
    let report = json(&ended.stdout);
    assert_eq!(report["simulated"], true, "{}", ended.stderr);
    assert_eq!(report["objections"], serde_json::json!(["simulated: no Mac was asked"]));
    assert_ne!(ended.code, Some(0), "{}", ended.stdout);
    let listed = report["experiments"].as_array().unwrap().len();
    assert_eq!(listed, tried.len());
    assert_eq!(report["counts"]["not_run"], 1, "{report}");

    // What stand-ins can do with our own code behind them was really done, and compared.
    for id in ["interfaces", "link", "lipo", "seal"] {
        let it = report["experiments"].as_array().unwrap().iter().find(|it| it["id"] == id).unwrap();
        assert_eq!(it["answer"], "confirmed", "{it}\n{}", ended.stderr);
    }

    let path = checkout.file("target/prove/recording.json");
    let text = fs::read_to_string(&path).unwrap();
    let place = checkout.path().display().to_string();
    assert!(!text.contains(&place), "the recording says where it was made");
    assert_eq!(json(&text)["simulated"], true);
    assert!(ended.stderr.contains("what is in it"), "{}", ended.stderr);

    // Judged again, anywhere, it comes to the same.
    let path = path.display().to_string();
    let again =
        Ended::of(checkout.command().args(["prove", "--judge", &path, "--format", "json"]).args(only));
    assert_eq!((again.stdout, again.code), (ended.stdout, ended.code));
}

#[test]
fn without_a_mac_it_says_what_it_would_do_and_runs_nothing() {
    let checkout = Checkout::new();
    let ended = checkout.run(&["prove"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("--plan"), "{}", ended.stderr);
    assert!(!checkout.file("target/prove").exists());
    let plan = checkout.run_well(&["prove", "--plan", "--only", "arm64e-program"]).stdout;
    for expected in
        ["arm64e-program: ", "we say", "-arch arm64e", "codesign --force --sign -", "/usr/bin/log show"]
    {
        assert!(plan.contains(expected), "{expected}\n{plan}");
    }
    assert!(!plan.contains("stapler"), "only what was asked for\n{plan}");
    assert_eq!(checkout.run(&["prove", "--only", "no-such"]).code, Some(2));
}

#[test]
fn a_mac_whose_word_does_not_count_is_refused() {
    let Some(mac) = mac() else { return };
    let checkout = Checkout::new();
    mac.script(
        "[[result]]\ntool = \"csrutil\"\nstdout = \"System Integrity Protection status: disabled.\\n\"\n",
    )
    .unwrap();
    let ended = Ended::of(checkout.command_on(&mac).args(["prove"]));
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("SIP is off"), "{}", ended.stderr);
    assert!(!checkout.file("target/prove").exists(), "nothing was recorded");
}

#[test]
fn the_document_about_macs_is_what_the_recordings_say() {
    let path = common::root().join("docs/mac-status.md");
    let text = Recordings::of(&common::root()).unwrap().render();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    assert!(written == text, "docs/mac-status.md is stale: UPDATE_GOLDEN=1 cargo test -p xtask --test prove");
}

/// A recording made by hand: one experiment, answered as on a Mac of this version.
fn recording(change: impl Fn(&mut serde_json::Value)) -> String {
    let answer = |code: i32| {
        serde_json::json!({ "argv": ["sh"], "purpose": "start", "at": 0, "took": 1, "ended": { "code": code },
            "stdout": { "text": "" }, "stderr": { "text": "" } })
    };
    let mut it = serde_json::json!({ "schema": 1, "kind": "prove", "tool": "0.1.0", "simulated": false,
        "machine": { "sip": "enabled", "arch": "arm64", "macos": "26.2", "build": "25C56", "boot_args": "" },
        "versions": {}, "removed": {},
        "experiments": [{ "id": "arm64e-program", "not_run": null, "read": {},
            "asked": { "start arm64": answer(0), "start arm64e": answer(126) } }] });
    change(&mut it);
    it.to_string()
}

/// The row of an experiment after this recording was added.
#[track_caller]
fn row(recording: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("prove-made.json"), recording).unwrap();
    let text = Recordings::in_folder(folder.path()).unwrap().render();
    let row = text.lines().find(|it| it.starts_with("| `arm64e-program`")).unwrap().to_owned();
    assert_eq!(text.contains("Recordings that do not count"), row.ends_with("| no |"), "{text}");
    row
}

#[test]
fn a_recording_of_a_mac_turns_its_row_and_no_other_does() {
    let turned = row(&recording(|_| {}));
    assert!(turned.contains("**observed**: macOS 26.2 refuses the program for arm64e"), "{turned}");
    let ignored: [fn(&mut serde_json::Value); 3] = [
        |it| it["simulated"] = true.into(),
        |it| it["machine"]["sip"] = "disabled".into(),
        |it| it["machine"]["boot_args"] = "amfi_get_out_of_my_way=1".into(),
    ];
    for change in ignored {
        let row = row(&recording(change));
        assert!(row.ends_with("| no |"), "{row}");
    }
    let hostile = row(&recording(|it| it["machine"]["macos"] = "26.2 | <b> |".into()));
    assert!(hostile.contains("26.2 \\| &lt;b> \\|"), "{hostile}");
}

#[test]
fn a_file_that_is_no_recording_is_an_error_and_not_a_no() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("harness-x.json"), "{}").unwrap();
    let error = Recordings::in_folder(folder.path()).unwrap_err().to_string();
    assert!(error.contains("harness-x.json"), "{error}");
}
