//! The harness against made-up machines: each way a run can go, judged live and again from its recording.
//!
//! Every run here is simulated: a script answers instead of macOS. What it proves is that the harness draws the right conclusion,
//! not that a Mac behaves so.

use std::sync::atomic::AtomicUsize;

use xtask::{
    harness::{
        Artifact, Begin, Clock, Journal, Launch, Outcome, Recording, Seen, Settings, Step, Verdict,
        report::Report, run,
    },
    plan::Unproven,
    prove::{Anonymizer, anonymous::Kind, status::Recordings},
    tools::{Call, Host, Os, Toolbox},
};

#[path = "harness/changes.rs"]
mod changes;
#[path = "harness/world.rs"]
mod world;
use world::{
    ARM, CLAIMS, ID, OLD, STAGED, TEAM, World, artifact, good_log, line, refused_log, row, waiting,
    with_error,
};

/// What is expected of a run.
struct Expected {
    verdict: Verdict,
    step: Step,
    outcome: &'static str,
    says: &'static str,
}

fn settings(launch: Launch) -> Settings {
    Settings {
        launch,
        clean: false,
        started: "2026-11-23 10:00:00+0000".to_owned(),
        started_at: 1_795_000_000,
        begin: Begin::Fresh,
        left: Vec::new(),
        home: "/Users/runner".to_owned(),
    }
}

fn scripted(world: World) -> Toolbox {
    let n_lists = AtomicUsize::new(0);
    let host = Host { os: Os::MacOs, arch: "aarch64".to_owned(), simulated: true };
    let script = Box::new(move |call: &Call| world.answer(call, &n_lists));
    Toolbox::new().keeping_a_record().scripted(script, host)
}

fn tried(world: World, artifact: &Artifact, settings: &Settings) -> (Seen, Recording) {
    let tools = scripted(world);
    let journal = Journal::of_a_replay(&settings.left);
    let seen = run(&tools, &Clock::replayed(), artifact, settings, &journal).unwrap();
    (seen, Recording::of(&tools, artifact, settings))
}

/// Runs a scenario, compares, and judges the recording again: it must come to the same end, and say that it is simulated.
#[track_caller]
fn check(world: World, artifact: &Artifact, settings: &Settings, expected: &Expected) {
    let (seen, recording) = tried(world, artifact, settings);
    let story: Vec<String> = seen
        .done
        .iter()
        .map(|it| format!("{:?}: {} ({})", it.step, it.outcome.name(), it.outcome.why()))
        .collect();
    let story = story.join("\n");
    let done = seen.done.iter().find(|it| it.step == expected.step).unwrap();
    assert_eq!(Verdict::of(&seen.done), expected.verdict, "{story}");
    assert_eq!(done.outcome.name(), expected.outcome, "{story}");
    assert!(
        done.outcome.why().contains(expected.says),
        "`{}` is not in `{}`",
        expected.says,
        done.outcome.why()
    );

    let again = Recording::parse(&recording.to_json()).unwrap();
    assert_eq!(again.replay().unwrap(), seen, "the recording is judged differently");
    let report = Report::of(&again, &seen, true);
    assert_eq!(report.verification.simulated, seen.verification.is_some());
    assert!(report.to_text().contains("simulated") && report.to_json().contains("\"simulated\": true"));
    assert!(
        report.to_junit().contains("simulated")
            && report.to_markdown().contains("simulated")
            && report.to_html().contains("simulated")
    );
}

fn good(change: impl FnOnce(&mut World)) -> World {
    let mut world = World::good();
    change(&mut world);
    world
}

fn plain(world: World, verdict: Verdict, step: Step, outcome: &'static str, says: &'static str) {
    check(world, &artifact(), &settings(Launch::SelfTest), &Expected { verdict, step, outcome, says });
}

#[test]
fn a_good_release_passes() {
    plain(World::good(), Verdict::Passed, Step::Launch, "passed", "UsbInterfaceDriver is registered");
}

#[test]
fn with_sip_off_nothing_passes() {
    let world = good(|it| it.sip = "System Integrity Protection status: disabled.");
    plain(world, Verdict::Incomplete, Step::Machine, "not_run", "SIP is off");
}

#[test]
fn boot_arguments_that_change_the_rules_make_a_run_invalid() {
    let world = good(|it| it.boot_args = "amfi_get_out_of_my_way=1");
    plain(world, Verdict::Incomplete, Step::Machine, "not_run", "amfi_get_out_of_my_way");
}

#[test]
fn an_intel_mac_does_not_count() {
    plain(good(|it| it.arch = "x86_64"), Verdict::Incomplete, Step::Machine, "not_run", "not Apple silicon");
}

#[test]
fn approval_is_missing() {
    let world = good(|it| it.lists = vec![row("12", "\t*", "activated waiting for user")]);
    plain(world, Verdict::Incomplete, Step::Activate, "waiting", "allow it once");
}

#[test]
fn approval_comes_while_we_wait() {
    let world =
        good(|it| it.lists = vec!["0 extension(s)\n".to_owned(), row("12", "*\t*", "activated enabled")]);
    plain(world, Verdict::Passed, Step::Activate, "passed", "activated enabled");
}

#[test]
fn activation_fails_and_the_app_says_why() {
    let world = good(|it| {
        it.lists = vec!["0 extension(s)\n".to_owned()];
        it.app_says = (8, "{\"error\":{\"code\":8}}");
    });
    plain(world, Verdict::Failed, Step::Activate, "failed", "\"code\":8");
}

#[test]
fn last_weeks_copy_is_not_the_artifact() {
    let world = good(|it| it.staged = vec![(STAGED, OLD)]);
    plain(world, Verdict::Incomplete, Step::StagedCopy, "not_run", "an unchanged version is not replaced");
}

#[test]
fn the_same_version_of_another_build_is_still_active() {
    let world = good(|it| it.lists = vec![row("11", "*\t*", "activated enabled")]);
    plain(world, Verdict::Failed, Step::Activate, "failed", "1.2.0/11");
}

#[test]
fn an_upgrade_leaves_two_copies_and_ours_is_among_them() {
    let other = "/Library/SystemExtensions/0A000000-0000-4000-8000-000000000002/com.example.usb-interface-driver.dext";
    let both = format!(
        "{}{}",
        row("12", "*\t*", "activated enabled"),
        format_args!("\t\t{TEAM}\t{ID} (1.1.0/11)\t{ID}\t[terminated waiting to uninstall on reboot]\n")
    );
    let world = good(|it| {
        it.older_copy = true;
        it.lists = vec![both];
        it.staged = vec![(STAGED, ARM), (other, OLD)];
    });
    plain(world, Verdict::Passed, Step::StagedCopy, "passed", STAGED);
}

#[test]
fn a_downgrade_is_staged_like_an_upgrade() {
    let both = format!(
        "{}{}",
        row("12", "*\t*", "activated enabled"),
        format_args!("\t\t{TEAM}\t{ID} (2.0.0/20)\t{ID}\t[terminated waiting to uninstall on reboot]\n")
    );
    plain(good(|it| it.lists = vec![both]), Verdict::Passed, Step::Activate, "passed", "1.2.0/12");
}

#[test]
fn half_installed_leftovers_wait_for_each_other() {
    let two = format!(
        "{}{}",
        row("12", "\t", "terminating for upgrade via delegate"),
        format_args!("\t\t{TEAM}\t{ID} (1.1.0/11)\t{ID}\t[terminating for upgrade via delegate]\n")
    );
    plain(good(|it| it.lists = vec![two]), Verdict::Failed, Step::Activate, "failed", "only a restart");
}

#[test]
fn a_restart_is_needed() {
    let world = good(|it| it.lists = vec![row("12", "\t*", "activated waiting to upgrade on reboot")]);
    plain(world, Verdict::PendingReboot, Step::Activate, "pending-reboot", "harness resume");
}

#[test]
fn after_the_restart_it_goes_on_without_installing() {
    let settings = Settings { begin: Begin::AfterRestart, ..settings(Launch::SelfTest) };
    let (seen, recording) = tried(World::good(), &artifact(), &settings);
    assert_eq!(Verdict::of(&seen.done), Verdict::Passed);
    let called = |program: &str| recording.calls.iter().any(|call| call.argv[0] == program);
    assert!(!called("ditto") && called("systemextensionsctl"));
}

#[test]
fn the_device_is_absent() {
    let world = good(|it| it.registry = String::new());
    let expected = Expected {
        verdict: Verdict::Incomplete,
        step: Step::Launch,
        outcome: "not_run",
        says: "was never matched",
    };
    check(world, &artifact(), &settings(Launch::Device), &expected);
}

#[test]
fn without_a_launch_a_run_is_incomplete() {
    let expected = Expected {
        verdict: Verdict::Incomplete,
        step: Step::Launch,
        outcome: "not_run",
        says: "no launch was asked for",
    };
    check(World::good(), &artifact(), &settings(Launch::None), &expected);
}

#[test]
fn a_registry_entry_without_a_process_is_no_launch() {
    plain(good(|it| it.process = false), Verdict::Failed, Step::Launch, "failed", "never came up");
}

/// A scenario with its cause, as triage of the captured log names it.
#[track_caller]
fn caused(
    world: World,
    verdict: Verdict,
    step: Step,
    outcome: &'static str,
    says: &'static str,
    cause: &str,
) {
    let (seen, recording) = tried(world.clone(), &artifact(), &settings(Launch::SelfTest));
    let report = Report::of(&recording, &seen, false);
    let triage = report.triage.expect("there is a log");
    assert_eq!(triage["causes"][0]["id"], cause, "{triage:#}");
    plain(world, verdict, step, outcome, says);
}

/// A scenario that one check of the catalogue decides: its outcome is in the verifier's report, not beside it.
#[track_caller]
fn checked(world: World, artifact: &Artifact, verdict: Verdict, check_id: &str, outcome: &str, says: &str) {
    let (seen, recording) = tried(world, artifact, &settings(Launch::SelfTest));
    let report = Report::of(&recording, &seen, false);
    let found = report.verification.checks.iter().find(|it| it.id == check_id).unwrap();
    assert_eq!((report.verdict, found.outcome), (verdict, outcome), "{}", report.to_text());
    let text = serde_json::to_string(found).unwrap();
    assert!(text.contains(says), "`{says}` is not in {text}");
    assert_eq!(recording.replay().unwrap(), seen, "the recording is judged differently");
}

#[test]
fn a_static_error_fails_wherever_it_is_seen() {
    let artifact = with_error("arm64e-slice", "x86_64, arm64, arm64e");
    let expected =
        Expected { verdict: Verdict::Failed, step: Step::Checks, outcome: "failed", says: "arm64e-slice" };
    check(good(|it| it.sip = "?"), &artifact, &settings(Launch::SelfTest), &expected);
    check(good(|it| it.missing = "csrutil"), &artifact, &settings(Launch::SelfTest), &expected);
}

#[test]
fn the_report_is_the_verifiers_with_the_checks_of_a_mac_run() {
    let (seen, recording) = tried(World::good(), &artifact(), &settings(Launch::SelfTest));
    let report = Report::of(&recording, &seen, false).verification;
    for id in [
        "codesign-accepts",
        "readings-agree",
        "gatekeeper-accepts",
        "stapler-validates",
        "distribution-check",
        "exec-probe",
    ] {
        let before = artifact().verification.checks.into_iter().find(|it| it.id == id).unwrap();
        let after = report.checks.iter().find(|it| it.id == id).unwrap();
        assert_eq!(
            (before.outcome == "passed", after.outcome),
            (false, "passed"),
            "{id}: {:?}",
            after.reason
        );
    }
    assert_eq!(report.counts.not_run, 0);
}

#[test]
fn codesign_refuses() {
    let world = good(|it| it.codesign = Err("a sealed resource is missing or invalid"));
    checked(
        world,
        &artifact(),
        Verdict::Failed,
        "codesign-accepts",
        "failed",
        "a sealed resource is missing",
    );
}

#[test]
fn apple_and_we_read_different_things() {
    let differs = |change: fn(&mut World), says: &str| {
        checked(good(change), &artifact(), Verdict::Failed, "readings-agree", "failed", says);
    };
    differs(|it| it.read_team = "OTHER00000", "codesign reads OTHER00000");
    differs(|it| it.read_flags = "0x2(adhoc)", "codesign reads 0x2");
    differs(|it| it.read_claims = "", "codesign reads `com.apple.developer.driverkit` = not there");
    differs(|it| it.read_ticket = true, "codesign reads is stapled");
    // The same claims, written otherwise.
    let world = good(
        |it| it.read_claims = "<?xml version=\"1.0\"?><plist><dict>\n<key>com.apple.developer.driverkit</key>\n<true/>\n</dict></plist>",
    );
    assert_ne!(world.read_claims, CLAIMS);
    checked(world, &artifact(), Verdict::Passed, "readings-agree", "passed", "");
    checked(
        good(|it| it.read_claims = "<plist>"),
        &artifact(),
        Verdict::Incomplete,
        "readings-agree",
        "not_run",
        "cannot be read",
    );
}

#[test]
fn gatekeeper_refuses() {
    let world = good(|it| it.spctl = Err("rejected\nsource=Unnotarized Developer ID"));
    checked(world, &artifact(), Verdict::Failed, "gatekeeper-accepts", "failed", "exit code 3: rejected");
}

#[test]
fn the_ticket_is_of_another_build() {
    let world = good(|it| it.stapler = Err("The validate action failed! Error 65."));
    checked(world, &artifact(), Verdict::Passed, "stapler-validates", "failed", "warning");
}

#[test]
fn a_development_build_is_not_held_against_gatekeeper() {
    let mut artifact = artifact();
    artifact.questions.mode = "development".to_owned();
    let world = good(|it| it.spctl = Err("rejected"));
    checked(world, &artifact, Verdict::Passed, "gatekeeper-accepts", "not_applicable", "development");
}

#[test]
fn the_exec_probe_is_refused_by_the_profile() {
    let refusal =
        line("taskgated-helper", &format!("{ID}: Unsatisfied entitlements: com.apple.developer.driverkit"));
    let world = good(|it| it.probe_log = refusal);
    checked(world, &artifact(), Verdict::Failed, "exec-probe", "failed", "Unsatisfied entitlements");
}

#[test]
fn a_probe_without_a_positive_line_proves_nothing() {
    // The line is about the right identifier, but no line names the hash: it may speak of another build.
    let about =
        line("taskgated-helper", &format!("allowing entitlement(s) for {ID} due to provisioning profile"));
    let world = good(|it| it.probe_log = about);
    checked(world, &artifact(), Verdict::Passed, "exec-probe", "not_run", "no line of amfid");
    // On a machine that does not count the probe does not, either.
    let world = good(|it| it.sip = "System Integrity Protection status: disabled.");
    checked(
        world,
        &artifact(),
        Verdict::Incomplete,
        "exec-probe",
        "not_run",
        "System Integrity Protection on",
    );
}

/// A driver that is matched and does not come up, and the log of it.
fn refused(log: String) -> World {
    good(|it| {
        it.registry = waiting();
        it.process = false;
        it.log = log;
    })
}

fn timeout() -> String {
    line("kernel", "DK: UsbInterfaceDriver user server timeout")
}

#[test]
fn a_driver_that_is_refused_at_exec_fails_and_the_log_says_why() {
    caused(refused(refused_log()), Verdict::Failed, Step::Launch, "failed", "never came up", "arm64e-slice");
    let profile = line(
        "taskgated-helper",
        &format!("{ID}: Unsatisfied entitlements: com.apple.developer.driverkit.transport.usb"),
    ) + &line(
        "kernelmanagerd",
        &format!("DextLaunch({ID}): Error Domain=NSPOSIXErrorDomain Code=8 \"Exec format error\""),
    ) + &timeout();
    caused(
        refused(profile),
        Verdict::Failed,
        Step::Triage,
        "passed",
        "embedded profile",
        "profile-missing-or-not-matching",
    );
    let provider = line("kernel", "DK: UsbInterfaceDriver-0x100000abc: provider entitlements check failed")
        + &line("kernel", &format!("DK: IOUserServer({ID}-0x100000abc)::exit(Entitlements check failed)"));
    let cause = "dext-transport-entitlement-mismatch";
    caused(refused(provider), Verdict::Failed, Step::Triage, "passed", "do not cover the device", cause);
    let start = line("kernel", "DK: UsbInterfaceDriver-0x100000abc::start(IOUserResources-0x100000111) fail");
    caused(refused(start), Verdict::Failed, Step::Triage, "passed", "Start failed", "driver-start-failed");
}

#[test]
fn a_refusal_without_a_reason_is_decided_by_the_artifact() {
    let generic = line(
        "kernelmanagerd",
        &format!("DextLaunch({ID}): Error Domain=NSPOSIXErrorDomain Code=8 \"Exec format error\""),
    ) + &timeout();
    caused(
        refused(generic.clone()),
        Verdict::Failed,
        Step::Launch,
        "failed",
        "never came up",
        "exec-refused",
    );
    let artifact = with_error("arm64e-slice", "arm64e (0x80000002)");
    let (seen, recording) = tried(refused(generic), &artifact, &settings(Launch::SelfTest));
    let triage = Report::of(&recording, &seen, false).triage.unwrap();
    assert_eq!(
        (&triage["causes"][0]["id"], &triage["causes"][0]["confidence"]),
        (&"arm64e-slice".into(), &"high".into())
    );
}

#[test]
fn a_tool_that_hangs_is_cut_off_and_said() {
    checked(
        good(|it| it.hangs = "spctl"),
        &artifact(),
        Verdict::Passed,
        "gatekeeper-accepts",
        "not_run",
        "took longer",
    );
    checked(
        good(|it| it.hangs = "codesign"),
        &artifact(),
        Verdict::Incomplete,
        "codesign-accepts",
        "not_run",
        "took longer",
    );
    let world = good(|it| it.hangs = "systemextensionsctl");
    plain(world, Verdict::Incomplete, Step::Activate, "not_run", "took longer");
}

#[test]
fn a_tool_that_is_missing_is_said() {
    let world = good(|it| it.missing = "syspolicy_check");
    checked(world, &artifact(), Verdict::Passed, "distribution-check", "not_run", "is not installed");
    let world = good(|it| it.missing = "csrutil");
    plain(world, Verdict::Incomplete, Step::Machine, "not_run", "is not installed");
}

#[test]
fn a_log_that_was_cut_is_not_an_all_clear() {
    plain(good(|it| it.log = String::new()), Verdict::Passed, Step::Logs, "not_run", "the log is empty");
    // Cut in the middle of a record, before the reason: what is left names no cause of its own.
    let cut = good_log() + &refused_log().chars().take(300).collect::<String>() + "\n" + &timeout();
    caused(refused(cut), Verdict::Failed, Step::Triage, "passed", "does not say why", "unknown");
}

#[test]
fn withheld_words_prove_nothing() {
    let log = line("amfid", "<private> not valid: <private>") + &timeout();
    caused(refused(log), Verdict::Failed, Step::Triage, "passed", "(low)", "unknown");
}

#[test]
fn a_recording_of_another_schema_is_refused() {
    let (_, recording) = tried(World::good(), &artifact(), &settings(Launch::SelfTest));
    let error =
        Recording::parse(&recording.to_json().replacen("\"schema\": 2", "\"schema\": 9", 1)).unwrap_err();
    assert!(error.to_string().contains("schema 9"), "{error}");
    assert!(Recording::parse("{}").is_err());
}

#[test]
fn every_outcome_has_words() {
    for outcome in
        [Outcome::Passed("x".into()), Outcome::PendingReboot("x".into()), Outcome::NotApplicable("x".into())]
    {
        assert_eq!(outcome.why(), "x");
    }
}

/// What the recordings in a folder prove, when this one is the only one there.
fn proven_by(recording: &Recording) -> Vec<Unproven> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("harness-26.2.json"), recording.to_json()).unwrap();
    Recordings::in_folder(folder.path()).unwrap().proven()
}

#[test]
fn a_launch_lifts_the_refusal_of_a_portable_link_unless_it_is_simulated_or_linked_by_apple() {
    let made = |world: World, change: fn(&mut Recording)| {
        let (_, mut recording) = tried(world, &artifact(), &settings(Launch::SelfTest));
        recording.simulated = false;
        change(&mut recording);
        recording
    };
    assert_eq!(proven_by(&made(World::good(), |_| {})), [Unproven::PortableLink]);
    for change in [
        (|it| it.simulated = true) as fn(&mut Recording),
        |it| it.artifact.dext.linkers.values_mut().for_each(|it| *it = "ld".to_owned()),
        |it| it.artifact.dext.linkers.clear(),
    ] {
        assert_eq!(proven_by(&made(World::good(), change)), []);
    }
    let off = good(|it| it.sip = "System Integrity Protection status: disabled.");
    assert_eq!(proven_by(&made(off, |_| {})), []);
}

#[test]
fn a_recording_without_names_is_judged_as_before() {
    let (seen, recording) = tried(World::good(), &artifact(), &settings(Launch::SelfTest));
    let mut names =
        Anonymizer::default().knowing(Kind::User, "runner").knowing(Kind::Work, "/Users/runner/dist");
    let mut document = serde_json::to_value(&recording).unwrap();
    names.clean_json(&mut document);
    assert!(!document.to_string().contains("/Users/"), "{document}");
    assert!(!document.to_string().contains(TEAM), "the team is a name, too");
    let again: Recording = serde_json::from_value(document).unwrap();
    let outcomes = |seen: &Seen| seen.done.iter().map(|it| (it.step, it.outcome.name())).collect::<Vec<_>>();
    assert_eq!(outcomes(&again.replay().unwrap()), outcomes(&seen));
}
