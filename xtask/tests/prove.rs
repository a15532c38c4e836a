//! `prove` through stand-ins: what runs, what does not, and that none of it is taken for a Mac.

mod common;

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

#[test]
fn on_a_simulated_mac_the_whole_list_is_tried_and_nothing_counts() {
    let Some(mac) = mac() else { return };
    let checkout = Checkout::new();
    let ended = Ended::of(checkout.command_on(&mac).args(["prove", "--format", "json"]));
    let report = json(&ended.stdout);
    assert_eq!(report["simulated"], true, "{}", ended.stderr);
    assert_eq!(report["objections"], serde_json::json!(["simulated: no Mac was asked"]));
    assert_ne!(ended.code, Some(0), "{}", ended.stdout);
    let listed = report["experiments"].as_array().unwrap().len();
    assert_eq!(listed, xtask::prove::EXPERIMENTS.len());

    let path = checkout.file("target/prove/recording.json");
    let text = fs::read_to_string(&path).unwrap();
    let place = checkout.path().display().to_string();
    assert!(!text.contains(&place), "the recording says where it was made");
    assert_eq!(json(&text)["simulated"], true);
    assert!(ended.stderr.contains("what is in it"), "{}", ended.stderr);

    // Judged again, anywhere, it comes to the same.
    let path = path.display().to_string();
    let again = checkout.run(&["prove", "--judge", &path, "--format", "json"]);
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
