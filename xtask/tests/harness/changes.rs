//! What a run changes on the machine, what crashes leave there, and how both are found, undone, or named.

use xtask::harness::{
    Begin, Change, Clock, Journal, Launch, Recording, Settings, Step, Verdict, report::Report, run,
};

use super::{
    Expected, artifact, caused, check, good, plain, scripted, settings, tried,
    world::{ID, STAGED, TEAM, World, row},
};

#[test]
fn a_crash_of_the_driver_fails_and_one_of_the_probe_does_not() {
    const REPORT: &str =
        "/Library/Logs/DiagnosticReports/com.example.usb-interface-driver-2026-11-23-100102.ips";
    let crash = |path: &str| {
        format!(
            "{{\"app_name\":\"{ID}\",\"bug_type\":\"309\"}}\n{{\"pid\":501,\"procName\":\"{ID}\",\"procPath\":\"{path}\",\
             \"captureTime\":\"2026-11-23 10:01:02.00 +0000\",\"exception\":{{\"type\":\"EXC_BAD_ACCESS\",\"signal\":\"SIGSEGV\"}},\
             \"termination\":{{\"namespace\":\"SIGNAL\",\"code\":11,\"indicator\":\"Segmentation fault: 11\"}}}}\n"
        )
    };
    let installed = crash(&format!("{STAGED}/{ID}"));
    let world = good(|it| it.reports = vec![(REPORT, installed)]);
    caused(world, Verdict::Failed, Step::Crashes, "failed", "the driver crashed", "driver-crashes");
    let probe = crash(&format!("/Users/runner/dist/{ID}.dext/{ID}"));
    plain(
        good(|it| it.reports = vec![(REPORT, probe)]),
        Verdict::Passed,
        Step::Crashes,
        "passed",
        "1 of the exec probe",
    );
    let other = good(|it| {
        it.reports = vec![("/Library/Logs/DiagnosticReports/Safari-2026-11-23-100102.ips", String::new())]
    });
    plain(other, Verdict::Passed, Step::Crashes, "passed", "none");
}

#[test]
fn a_kernel_panic_fails_the_run_and_is_found_after_it_was_killed() {
    const PANIC: &str = "/Library/Logs/DiagnosticReports/panic-full-2026-11-23-100203.0002.panic";
    let text = format!(
        "{{\"bug_type\":\"210\",\"os_version\":\"macOS 26.2 (25C56)\"}}\n{{\"panicString\":\"panic(cpu 2 caller 0xfffffe00): \\\"DK: {ID}\\\" @IOUserServer.cpp:1\\nPanicked task 0x1: 1 pages, 2 threads: pid 0: kernel_task\"}}\n"
    );
    let settings = Settings {
        begin: Begin::AfterKill,
        left: vec![
            Change::Copied { to: "/Applications/USB Driver Host.app".to_owned() },
            Change::Activated { app: "/Applications/USB Driver Host.app".to_owned(), id: ID.to_owned() },
        ],
        ..settings(Launch::SelfTest)
    };
    let world = good(|it| it.reports = vec![(PANIC, text)]);
    let (seen, recording) = tried(world.clone(), &artifact(), &settings);
    let triage = Report::of(&recording, &seen, false).triage.unwrap();
    assert_eq!(triage["causes"][0]["id"], "kernel-panic", "{triage:#}");
    let expected = Expected {
        verdict: Verdict::Failed,
        step: Step::Crashes,
        outcome: "failed",
        says: "the kernel panicked",
    };
    check(world.clone(), &artifact(), &settings, &expected);
    let expected =
        Expected { verdict: Verdict::Failed, step: Step::Leftovers, outcome: "passed", says: "still there" };
    check(world.clone(), &artifact(), &settings, &expected);
    let expected =
        Expected { verdict: Verdict::Failed, step: Step::Launch, outcome: "not_run", says: "begin anew" };
    check(world, &artifact(), &settings, &expected);
}

#[test]
fn what_a_killed_run_left_is_undone_before_the_next_one() {
    let app = "/Applications/USB Driver Host.app".to_owned();
    let aside = "/Applications/.USB Driver Host.app.before-harness".to_owned();
    let left = vec![Change::PutAside { from: app.clone(), to: aside }, Change::Copied { to: app }];
    let settings = Settings { left, ..settings(Launch::SelfTest) };
    let world = good(|it| it.older_copy = true);
    let expected = Expected {
        verdict: Verdict::Passed,
        step: Step::Leftovers,
        outcome: "passed",
        says: "all of it is undone",
    };
    check(world.clone(), &artifact(), &settings, &expected);
    let (_, recording) = tried(world, &artifact(), &settings);
    let moved = recording.calls.iter().find(|call| call.argv[0] == "mv").unwrap();
    assert_eq!(
        moved.argv[1..],
        ["/Applications/.USB Driver Host.app.before-harness", "/Applications/USB Driver Host.app"]
    );
}

/// A run into which Ctrl-C comes: what was said, what was called, what the journal keeps.
fn interrupted(world: World, folder: &std::path::Path) -> (String, Vec<String>, Vec<Change>) {
    let tools = scripted(world);
    let journal = Journal::begin(folder, &[]).unwrap();
    let (artifact, settings) = (artifact(), settings(Launch::SelfTest));
    let error = run(&tools, &Clock::replayed(), &artifact, &settings, &journal).unwrap_err();
    assert_eq!(error.exit() as u8, 130, "{error}");
    let recording = Recording::of(&tools, &artifact, &settings);
    let again = recording.replay().unwrap_err();
    assert_eq!(again.to_string(), error.to_string(), "a replay is interrupted at the same place");
    let calls = recording.calls.iter().map(|call| call.argv.join(" ")).collect();
    (error.to_string(), calls, Journal::left(folder).unwrap().expect("it did not come to its end"))
}

#[test]
fn ctrl_c_leaves_the_machine_as_it_was_or_says_what_remains() {
    let folder = tempfile::tempdir().unwrap();
    // Before anything was changed.
    let (said, calls, left) = interrupted(good(|it| it.interrupted_at = "spctl"), folder.path());
    assert!(said.contains("as it was before") && left.is_empty(), "{said}");
    assert!(!calls.iter().any(|it| it.starts_with("rm ")));
    // While the app is copied over an older one.
    let world = good(|it| {
        it.interrupted_at = "ditto";
        it.older_copy = true;
    });
    let (said, calls, left) = interrupted(world, folder.path());
    assert!(said.contains("as it was before") && left.is_empty(), "{said}");
    let end: Vec<&str> = calls.iter().rev().take(2).map(String::as_str).collect();
    assert_eq!(
        end[0],
        "mv /Applications/.USB Driver Host.app.before-harness /Applications/USB Driver Host.app"
    );
    // While it is quarantined.
    let (said, calls, left) = interrupted(good(|it| it.interrupted_at = "xattr"), folder.path());
    assert!(said.contains("as it was before") && left.is_empty(), "{said}");
    assert_eq!(calls.last().unwrap(), "rm -rf /Applications/USB Driver Host.app");
    // After the system was asked to take the driver in, nothing silent can take it out again.
    let (said, calls, left) = interrupted(good(|it| it.interrupted_at = "ioreg"), folder.path());
    assert!(said.contains("remains: ") && said.contains("--deactivate") && said.contains(ID), "{said}");
    assert_eq!(left.len(), 2);
    assert!(!calls.iter().any(|it| it.starts_with("rm ")), "the app is what can remove its driver");
}

#[test]
fn a_copy_that_fails_brings_the_older_one_back() {
    let world = good(|it| {
        it.fails = "ditto";
        it.older_copy = true;
    });
    plain(world.clone(), Verdict::Incomplete, Step::Install, "not_run", "it cannot be done");
    let (_, recording) = tried(world, &artifact(), &settings(Launch::SelfTest));
    assert_eq!(recording.calls.iter().filter(|call| call.argv[0] == "mv").count(), 2);
}

#[test]
fn cleaning_up_needs_a_profile_that_allows_it() {
    let settings = Settings { clean: true, ..settings(Launch::SelfTest) };
    let expected = Expected {
        verdict: Verdict::Incomplete,
        step: Step::Cleanup,
        outcome: "waiting",
        says: "not listed as removable",
    };
    check(World::good(), &artifact(), &settings, &expected);
    let listed = |team: &str| {
        let list = format!("<key>{team}</key><array><string>{ID}</string></array>");
        good(|it| {
            it.profiles = format!(
                "<plist version=\"1.0\"><dict><key>x</key><array><dict><key>RemovableSystemExtensions</key><dict>{list}</dict></dict></array></dict></plist>"
            );
            it.lists = vec![row("12", "*\t*", "activated enabled"), "0 extension(s)\n".to_owned()];
        })
    };
    let expected =
        Expected { verdict: Verdict::Passed, step: Step::Cleanup, outcome: "passed", says: "gone" };
    check(listed(TEAM), &artifact(), &settings, &expected);
    let expected =
        Expected { verdict: Verdict::Incomplete, step: Step::Cleanup, outcome: "waiting", says: "by hand" };
    check(listed("OTHER00000"), &artifact(), &settings, &expected);
}
