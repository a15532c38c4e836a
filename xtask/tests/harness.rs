//! The harness against made-up machines: each way a run can go, judged live and again from its recording.
//!
//! Every run here is simulated: a script answers instead of macOS. What it proves is that the harness draws the right conclusion,
//! not that a Mac behaves so.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use xtask::{
    harness::{
        Artifact, Clock, Launch, Outcome, Recording, Seen, Settings, Step, Verdict,
        artifact::{Dext, Found},
        report::Report,
        run,
    },
    tools::{Call, Ended, Host, Os, Toolbox},
};

const ID: &str = "com.example.usb-interface-driver";
const TEAM: &str = "ABCDE12345";
const ARM: &str = "1111111111111111111111111111111111111111";
const INTEL: &str = "2222222222222222222222222222222222222222";
const OLD: &str = "3333333333333333333333333333333333333333";
const STAGED: &str =
    "/Library/SystemExtensions/6E2B0F6C-0000-4000-8000-000000000001/com.example.usb-interface-driver.dext";

fn artifact() -> Artifact {
    let hashes =
        || BTreeMap::from([("arm64".to_owned(), ARM.to_owned()), ("x86_64".to_owned(), INTEL.to_owned())]);
    let class = |provider: &str| (provider.to_owned(), "UsbInterfaceDriver".to_owned());
    Artifact {
        path: "/Users/runner/dist/USB Driver Host.app".to_owned(),
        name: "USB Driver Host.app".to_owned(),
        executable: "Contents/MacOS/USB Driver Host".to_owned(),
        mode: "distribution".to_owned(),
        app_cdhashes: hashes(),
        dext: Dext {
            path: format!("Contents/Library/SystemExtensions/{ID}.dext"),
            id: ID.to_owned(),
            version: "1.2.0".to_owned(),
            build: "12".to_owned(),
            team: Some(TEAM.to_owned()),
            executable: format!("Contents/Library/SystemExtensions/{ID}.dext/{ID}"),
            cdhashes: hashes(),
            classes: BTreeMap::from([class("IOUSBHostInterface"), class("IOUserResources")]),
        },
        findings: Vec::new(),
        verdict: "passed".to_owned(),
    }
}

/// A Mac, as far as the harness can see it.
struct World {
    sip: &'static str,
    arch: &'static str,
    boot_args: &'static str,
    codesign: Result<(), &'static str>,
    read_team: &'static str,
    spctl: Result<(), &'static str>,
    probe_log: String,
    app_says: (i32, &'static str),
    older_copy: bool,
    /// What `systemextensionsctl list` says, call after call; the last one stays.
    lists: Vec<String>,
    /// Staged copies with the arm64 hash that codesign reads there.
    staged: Vec<(&'static str, &'static str)>,
    registry: String,
    process: bool,
    log: String,
    profiles: String,
    hangs: &'static str,
    missing: &'static str,
}

fn row(build: &str, stars: &str, state: &str) -> String {
    format!(
        "1 extension(s)\n--- com.apple.system_extension.driver_extension\nenabled\tactive\tteamID\tbundleID (version)\tname\t[state]\n{stars}\t{TEAM}\t{ID} (1.2.0/{build})\t{ID}\t[{state}]\n"
    )
}

fn line(process: &str, message: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-11-23 10:00:01.000000+0000\",\"processImagePath\":\"/usr/libexec/{process}\",\"processID\":1,\"eventMessage\":{}}}\n",
        serde_json::Value::from(message)
    )
}

fn good_log() -> String {
    line(
        "kernel",
        "DK: UsbInterfaceDriver-0x100000abc waiting for server com.example.usb-interface-driver-100000abc",
    ) + &line("kernelmanagerd", "Launching dext com.example.usb-interface-driver")
        + &line("kernel", "DK: UsbInterfaceDriver-0x100000abc::start(IOUserResources-0x100000111) ok")
}

fn refused_log() -> String {
    line(
        "kernel",
        "DK: UsbInterfaceDriver-0x100000abc waiting for server com.example.usb-interface-driver-100000abc",
    ) + &line(
        "kernel",
        "exec_mach_imgact: not running binary \"com.example.usb-interface-driver\" built against preview arm64e ABI",
    ) + &line(
        "kernelmanagerd",
        "DextLaunch(com.example.usb-interface-driver): Error Domain=NSPOSIXErrorDomain Code=8 \"Exec format error\"",
    ) + &line("kernel", "DK: UsbInterfaceDriver user server timeout")
}

fn registered() -> String {
    "+-o UsbInterfaceDriver  <class IOUserService, id 0x100000abc, registered, matched, active, busy 0 (0 ms), retain 8>\n    {\n      \"IOUserClass\" = \"UsbInterfaceDriver\"\n      \"IOProviderClass\" = \"IOUserResources\"\n      \"CFBundleIdentifier\" = \"com.example.usb-interface-driver\"\n    }\n".to_owned()
}

fn waiting() -> String {
    registered().replace("registered, matched", "!registered, !matched")
}

impl World {
    fn good() -> Self {
        Self {
            sip: "System Integrity Protection status: enabled.",
            arch: "arm64",
            boot_args: "",
            codesign: Ok(()),
            read_team: TEAM,
            spctl: Ok(()),
            probe_log: line("amfid", &format!("validated {ID} cdhash {ARM}"))
                + &line(
                    "taskgated-helper",
                    &format!("allowing entitlement(s) for {ID} due to provisioning profile"),
                ),
            app_says: (0, "{\"result\":\"completed\"}"),
            older_copy: false,
            lists: vec![row("12", "*\t*", "activated enabled")],
            staged: vec![(STAGED, ARM)],
            registry: registered(),
            process: true,
            log: good_log(),
            profiles: String::new(),
            hangs: "",
            missing: "",
        }
    }

    /// What the machine answers.
    fn answer(&self, call: &Call, n_lists: &AtomicUsize) -> Option<(Ended, String, String)> {
        let argv = call.argv();
        let (program, args) = argv.split_first()?;
        let said = |text: &str| Some((Ended::Code(0), text.to_owned(), String::new()));
        let verdict = |state: &Result<(), &str>| match state {
            Ok(()) => Some((Ended::Code(0), String::new(), "accepted\n".to_owned())),
            Err(why) => Some((Ended::Code(3), String::new(), format!("{why}\n"))),
        };
        if !self.hangs.is_empty() && program.ends_with(self.hangs) {
            return Some((Ended::Deadline, String::new(), String::new()));
        }
        if !self.missing.is_empty() && program == self.missing {
            return Some((Ended::Missing, String::new(), String::new()));
        }
        let has = |word: &str| args.iter().any(|arg| arg == word);
        match program.as_str() {
            "csrutil" => said(self.sip),
            "uname" => said(self.arch),
            "sw_vers" => said(if has("-productVersion") { "26.2\n" } else { "25C56\n" }),
            "sysctl" => said(self.boot_args),
            "codesign" if has("--verify") => verdict(&self.codesign),
            "codesign" => {
                let path = args.last()?;
                let arm = self.staged.iter().find(|(staged, _)| staged == path).map_or(ARM, |(_, hash)| hash);
                let hash = if has("arm64") { arm } else { INTEL };
                let text = format!(
                    "Identifier={ID}\nCodeDirectory v=20500 size=1 flags=0x10000(runtime) hashes=1+1\nCDHash={hash}\nTeamIdentifier={}\n",
                    self.read_team
                );
                Some((Ended::Code(0), String::new(), text))
            }
            "spctl" | "xcrun" | "syspolicy_check" => verdict(&self.spctl),
            "/usr/bin/log" if has("--last") => said(&self.probe_log),
            "/usr/bin/log" => said(&self.log),
            "test" => Some((Ended::Code(i32::from(!self.older_copy)), String::new(), String::new())),
            "rm" | "mv" | "ditto" | "xattr" => said(""),
            "systemextensionsctl" => {
                let index = n_lists.fetch_add(1, Ordering::SeqCst).min(self.lists.len() - 1);
                said(&self.lists[index])
            }
            "find" => said(&self.staged.iter().map(|(path, _)| format!("{path}\n")).collect::<String>()),
            "ioreg" => said(&self.registry),
            "pgrep" if self.process => said(&format!("501 {STAGED}/{ID}\n")),
            "pgrep" => Some((Ended::Code(1), String::new(), String::new())),
            "profiles" => said(&self.profiles),
            it if it.ends_with("/USB Driver Host") => {
                Some((Ended::Code(self.app_says.0), self.app_says.1.to_owned(), String::new()))
            }
            it if it.ends_with(&format!("/{ID}")) => Some((Ended::Signal(9), String::new(), String::new())),
            _ => None,
        }
    }
}

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
        after_reboot: false,
    }
}

fn tried(world: World, artifact: &Artifact, settings: &Settings) -> (Seen, Recording) {
    let n_lists = AtomicUsize::new(0);
    let host = Host { os: Os::MacOs, arch: "aarch64".to_owned(), simulated: true };
    let script = Box::new(move |call: &Call| world.answer(call, &n_lists));
    let tools = Toolbox::new().keeping_a_record().scripted(script, host);
    let seen = run(&tools, &Clock::replayed(), artifact, settings).unwrap();
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
fn a_static_error_fails_wherever_it_is_seen() {
    let mut artifact = artifact();
    artifact.verdict = "failed".to_owned();
    artifact.findings.push(Found {
        check: "arm64e-slice".into(),
        severity: "error".into(),
        path: "x".into(),
        found: "x86_64, arm64, arm64e".into(),
    });
    let expected =
        Expected { verdict: Verdict::Failed, step: Step::Static, outcome: "failed", says: "arm64e-slice" };
    check(good(|it| it.sip = "?"), &artifact, &settings(Launch::SelfTest), &expected);
}

#[test]
fn codesign_refuses() {
    let world = good(|it| it.codesign = Err("a sealed resource is missing or invalid"));
    plain(world, Verdict::Failed, Step::Codesign, "failed", "a sealed resource is missing");
}

#[test]
fn apple_and_we_read_different_teams() {
    plain(
        good(|it| it.read_team = "OTHER00000"),
        Verdict::Failed,
        Step::Agreement,
        "failed",
        "codesign reads team OTHER00000",
    );
}

#[test]
fn gatekeeper_refuses() {
    let world = good(|it| it.spctl = Err("rejected\nsource=Unnotarized Developer ID"));
    plain(world, Verdict::Failed, Step::Gatekeeper, "failed", "spctl: rejected");
}

#[test]
fn a_development_build_is_not_held_against_gatekeeper() {
    let artifact = Artifact { mode: "development".to_owned(), ..artifact() };
    let world = good(|it| it.spctl = Err("rejected"));
    let expected = Expected {
        verdict: Verdict::Passed,
        step: Step::Gatekeeper,
        outcome: "not_applicable",
        says: "development",
    };
    check(world, &artifact, &settings(Launch::SelfTest), &expected);
}

#[test]
fn the_exec_probe_is_refused_by_the_profile() {
    let world = good(|it| {
        it.probe_log = line(
            "taskgated-helper",
            &format!("{ID}: Unsatisfied entitlements: com.apple.developer.driverkit"),
        )
    });
    plain(world, Verdict::Failed, Step::ExecProbe, "failed", "Unsatisfied entitlements");
}

#[test]
fn a_probe_without_a_positive_line_proves_nothing() {
    // The line is about the right identifier, but no line names the hash: it may speak of another build.
    let world = good(|it| {
        it.probe_log =
            line("taskgated-helper", &format!("allowing entitlement(s) for {ID} due to provisioning profile"))
    });
    plain(world, Verdict::Passed, Step::ExecProbe, "not_run", "no line of amfid");
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
    let settings = Settings { after_reboot: true, ..settings(Launch::SelfTest) };
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
fn a_driver_that_is_refused_at_exec_fails_and_the_log_says_why() {
    let world = good(|it| {
        it.registry = waiting();
        it.process = false;
        it.log = refused_log();
    });
    plain(world, Verdict::Failed, Step::Launch, "failed", "never came up");
    let world = good(|it| {
        it.registry = waiting();
        it.process = false;
        it.log = refused_log();
    });
    plain(world, Verdict::Failed, Step::Triage, "passed", "arm64e");
}

#[test]
fn a_registry_entry_without_a_process_is_no_launch() {
    plain(good(|it| it.process = false), Verdict::Failed, Step::Launch, "failed", "never came up");
}

#[test]
fn a_tool_that_hangs_is_cut_off_and_said() {
    plain(good(|it| it.hangs = "spctl"), Verdict::Passed, Step::Gatekeeper, "not_run", "took longer");
    plain(
        good(|it| it.hangs = "systemextensionsctl"),
        Verdict::Incomplete,
        Step::Activate,
        "not_run",
        "took longer",
    );
}

#[test]
fn a_tool_that_is_missing_is_said() {
    plain(
        good(|it| it.missing = "syspolicy_check"),
        Verdict::Passed,
        Step::Gatekeeper,
        "not_run",
        "is not installed",
    );
}

#[test]
fn a_log_that_was_cut_is_not_an_all_clear() {
    plain(good(|it| it.log = String::new()), Verdict::Passed, Step::Logs, "not_run", "the log is empty");
}

#[test]
fn withheld_words_prove_nothing() {
    let world = good(|it| {
        it.registry = waiting();
        it.process = false;
        it.log = line("amfid", "<private> not valid: <private>")
            + &line("kernel", "DK: UsbInterfaceDriver user server timeout");
    });
    plain(world, Verdict::Failed, Step::Triage, "passed", "(low)");
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
    let world = good(|it| {
        it.profiles = format!(
            "<key>RemovableSystemExtensions</key><dict><key>{TEAM}</key><array><string>{ID}</string></array></dict>"
        );
        it.lists = vec![row("12", "*\t*", "activated enabled"), "0 extension(s)\n".to_owned()];
    });
    let expected =
        Expected { verdict: Verdict::Passed, step: Step::Cleanup, outcome: "passed", says: "gone" };
    check(world, &artifact(), &settings, &expected);
}

#[test]
fn a_recording_of_another_schema_is_refused() {
    let (_, recording) = tried(World::good(), &artifact(), &settings(Launch::SelfTest));
    let error =
        Recording::parse(&recording.to_json().replacen("\"schema\": 1", "\"schema\": 9", 1)).unwrap_err();
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
