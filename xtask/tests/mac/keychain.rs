//! The keychain of a run: filled, used, and gone, whatever happens on the way.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use stand_ins::Bench;

use super::{
    common::{Checkout, Ended},
    mac,
    signed::clean,
};

/// A checkout whose app is bundled already, so that signing is all that is left to do.
fn bundled() -> Checkout {
    let checkout = Checkout::without_driver();
    super::app_alone(&checkout);
    checkout.run_well(&["bundle"]);
    checkout
}

/// `sign` with codesign, on a simulated Mac.
fn sign(checkout: &Checkout, mac: &Bench) -> Ended {
    Ended::of(&mut signing(checkout, mac))
}

fn signing(checkout: &Checkout, mac: &Bench) -> Command {
    let mut command = checkout.command_on(mac);
    command.args(["sign", "--backend", "apple", "-o", "out/Host.app"]);
    command
}

fn security_calls(mac: &Bench) -> Vec<stand_ins::Call> {
    mac.calls().unwrap().into_iter().filter(|it| it.tool == "security").collect()
}

/// The user's search list as the simulated Mac has it.
fn search_list(mac: &Bench) -> String {
    let output =
        Command::new(mac.tools().join("security")).arg("list-keychains").envs(mac.env()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn security(mac: &Bench, line: &str) {
    let done =
        Command::new(mac.tools().join("security")).args(line.split(' ')).envs(mac.env()).status().unwrap();
    assert!(done.success(), "{line}");
}

#[test]
fn no_secret_is_on_a_command_line_and_the_users_list_is_as_it_was() {
    let Some(mac) = mac() else { return };
    let checkout = bundled();
    security(&mac, "create-keychain -p theirs /Users/somebody/other.keychain-db");
    let before = search_list(&mac);
    let of_ours = mac.calls().unwrap().len();
    let ended = sign(&checkout, &mac);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(search_list(&mac), before);
    clean(&mac, &checkout);

    let calls: Vec<_> = mac.calls().unwrap().drain(of_ours..).collect();
    for call in &calls {
        assert!(!call.args.iter().any(|it| it == "-p" || it == "-P"), "{}", call.line());
        // A digest of a certificate has 40 digits; every password of ours has more.
        let is_password = |it: &String| it.len() >= 48 && it.bytes().all(|it| it.is_ascii_hexdigit());
        assert!(!call.args.iter().any(is_password), "{}", call.line());
        assert!(
            !(call.tool == "security" && call.args.iter().any(|it| it == "default-keychain")),
            "{}",
            call.line()
        );
    }
    let set: Vec<_> =
        calls.iter().filter(|it| it.args.iter().any(|it| it == "-s")).map(|it| it.args.clone()).collect();
    let first = set.first().unwrap();
    assert!(first.get(4).is_some_and(|it| it.contains("driver-xtask")), "ours comes first: {first:?}");
    assert_eq!(
        first.get(5..).unwrap(),
        ["/Users/somebody/Library/Keychains/login.keychain-db", "/Users/somebody/other.keychain-db"]
    );
}

#[test]
fn a_failure_at_any_call_of_security_leaves_nothing() {
    let Some(mac) = mac() else { return };
    let checkout = bundled();
    assert_eq!(sign(&checkout, &mac).code, Some(0));
    let count = security_calls(&mac).len();
    assert!(count >= 12, "{count} calls");
    for nth in 0..count {
        mac.script(&format!(
            "[[result]]\ntool = \"security\"\nafter = {nth}\ntimes = 1\nexit = 1\nstderr = \"security: scripted failure\"\n"
        ))
        .unwrap();
        let ended = sign(&checkout, &mac);
        assert_eq!(ended.code, Some(3), "call {nth}: {}", ended.stderr);
        assert!(ended.stderr.contains("scripted failure"), "call {nth}: {}", ended.stderr);
        mac.script("").unwrap();
        if mac_is_clean(&mac) && !folder_is_left(&checkout) {
            clean(&mac, &checkout);
            continue;
        }
        // Taking it away was what failed; the next run does it first of all.
        assert!(ended.stderr.contains("keychain"), "call {nth}: {}", ended.stderr);
        let next = sign(&checkout, &mac);
        assert_eq!(next.code, Some(0), "after call {nth}: {}", next.stderr);
        clean(&mac, &checkout);
    }
}

fn mac_is_clean(mac: &Bench) -> bool {
    !fs::read_to_string(mac.state().join("keychains.json")).unwrap_or_default().contains("driver-xtask")
}

/// The folder of a run stays for the next one while anything of its keychain may be left.
fn folder_is_left(checkout: &Checkout) -> bool {
    let keychains = checkout.path().with_file_name("home").join(".cache/driver-xtask/keychains");
    fs::read_dir(keychains).unwrap().any(|it| it.unwrap().path().is_dir())
}

#[test]
fn what_codesign_refuses_is_explained_and_leaves_nothing() {
    let Some(mac) = mac() else { return };
    let checkout = bundled();
    fs::create_dir_all(checkout.file("out/Host.app")).unwrap();
    fs::write(checkout.file("out/Host.app/old"), "the one before").unwrap();
    let table = [
        ("X: resource fork, Finder information, or similar detritus not allowed", "xattr -cr"),
        (
            "Warning: unable to build chain to self-signed root for signer \\\"X\\\"\\nX: errSecInternalComponent",
            "intermediate",
        ),
        ("X: errSecInternalComponent", "without asking"),
        ("X: no identity found", "find-identity"),
        ("X: User interaction is not allowed.", "locked"),
    ];
    for (said, remedy) in table {
        // The probe passes, the app does not.
        mac.script(&format!("[[result]]\ntool = \"codesign\"\nafter = 1\nexit = 1\nstderr = \"{said}\"\n"))
            .unwrap();
        let ended = sign(&checkout, &mac);
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert!(ended.stderr.contains(remedy), "{said}: {}", ended.stderr);
        assert_eq!(fs::read_to_string(checkout.file("out/Host.app/old")).unwrap(), "the one before");
        clean(&mac, &checkout);
    }
}

#[test]
fn a_timestamp_that_fails_once_is_asked_for_again() {
    let Some(mac) = mac() else { return };
    let checkout = bundled();
    mac.script("[[result]]\ntool = \"codesign\"\nafter = 1\ntimes = 1\nexit = 1\nstderr = \"X: The timestamp service is not available.\"\n").unwrap();
    let ended = sign(&checkout, &mac);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let exits: Vec<u8> =
        mac.calls().unwrap().iter().filter(|it| it.tool == "codesign").map(|it| it.exit).collect();
    assert_eq!(exits, [0, 1, 0], "probe, failure, success");
    clean(&mac, &checkout);
}

/// Starts signing with a codesign that passes the probe and then takes its time; returns once it does.
fn hanging(checkout: &Checkout, mac: &Bench) -> std::process::Child {
    mac.script("[[result]]\ntool = \"codesign\"\nafter = 1\nsleep-ms = 120000\n").unwrap();
    let child = signing(checkout, mac).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    let has_begun = || fs::read_dir(mac.state().join("script-uses")).is_ok_and(|it| it.count() == 2);
    while !has_begun() {
        assert!(start.elapsed() < Duration::from_secs(100), "codesign was never called");
        thread::sleep(Duration::from_millis(50));
    }
    child
}

fn kill(child: &std::process::Child, signal: &str) {
    let done = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(done.success());
}

#[test]
fn ctrl_c_takes_the_keychain_away() {
    let Some(mac) = mac() else { return };
    let checkout = bundled();
    let child = hanging(&checkout, &mac);
    kill(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    clean(&mac, &checkout);
}

#[test]
fn what_a_killed_run_left_is_taken_away_by_the_next() {
    let Some(mac) = mac() else { return };
    let checkout = bundled();
    let mut child = hanging(&checkout, &mac);
    kill(&child, "-KILL");
    child.wait().unwrap();
    assert!(!mac_is_clean(&mac), "a killed run cleans nothing");
    mac.script("").unwrap();
    let next = sign(&checkout, &mac);
    assert_eq!(next.code, Some(0), "{}", next.stderr);
    assert!(next.stderr.contains("an earlier run left its keychain"), "{}", next.stderr);
    clean(&mac, &checkout);
}

#[test]
fn a_run_lets_the_keychain_of_another_alone() {
    let Some(mac) = mac() else { return };
    let checkout = bundled();
    let child = hanging(&checkout, &mac);
    mac.script("").unwrap();
    let other = sign(&checkout, &mac);
    assert_eq!(other.code, Some(0), "{}", other.stderr);
    assert!(!other.stderr.contains("an earlier run left"), "{}", other.stderr);
    assert!(search_list(&mac).contains("driver-xtask"), "the first one's is still there");
    kill(&child, "-INT");
    child.wait_with_output().unwrap();
    clean(&mac, &checkout);
}
