//! The real program in front of a local notary: killed, refused, interrupted, started again; and what its exit code says.

mod common;

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use common::{Checkout, Ended, can_build, copy, not_run};
use notary::local::{Fault, Harm, LocalNotary, Settings, Step};
use stand_ins::Bench;
use xtask::{rehearsal::Rehearsal, stage::notarize::service, workspace::Workspace};

/// A checkout with a signed app, and the notary of its rehearsal in this process.
struct World {
    checkout: Checkout,
    server: LocalNotary,
    key: String,
    /// What the notary did, in order.
    heard: Arc<Mutex<Vec<String>>>,
}

/// `None`, and told, where nothing can be built.
fn world(change: impl FnOnce(&mut Settings)) -> Option<World> {
    if !can_build() {
        return None;
    }
    let checkout = Checkout::without_driver();
    checkout.edit("signing/rehearsal.toml", |text| {
        let (signing, _) = text.split_once("[[part]]").unwrap();
        format!("{signing}[[part]]\npath = \".\"\nentitlements = \"app.entitlements\"\n")
    });
    checkout.run_well(&["dist", "--until", "signed"]);
    copy(
        &checkout.file("target/dist/stage/signed/rehearsal/USB Driver Host.app"),
        &checkout.file("pristine/Host.app"),
    );
    copy(&checkout.file("pristine/Host.app"), &checkout.file("Host.app"));
    let rehearsal = Rehearsal::open(&Workspace::at(checkout.path()), None, "REHEARSE01").unwrap();
    let (mut settings, key) = service::settings(&rehearsal).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    settings.heard = Box::new({
        let heard = Arc::clone(&heard);
        move |line| heard.lock().unwrap().push(line.to_owned())
    });
    change(&mut settings);
    let server = LocalNotary::start(0, settings).unwrap();
    Some(World { checkout, server, key: key.to_unified_json().unwrap().to_string(), heard })
}

impl World {
    fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The program, asking our notary.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.checkout.command();
        command.args(args).args(["--notary-url", &self.url()]);
        command
    }

    fn run(&self, args: &[&str]) -> Ended {
        Ended::of(&mut self.command(args))
    }

    /// The app as it was before anything was done to it, and no ledger.
    fn afresh(&self) {
        for name in ["Host.app", "Host.app.notary.json"] {
            let path = self.checkout.file(name);
            if path.is_dir() {
                fs::remove_dir_all(&path).unwrap();
            } else if path.exists() {
                fs::remove_file(&path).unwrap();
            }
        }
        copy(&self.checkout.file("pristine/Host.app"), &self.checkout.file("Host.app"));
    }

    fn ledger(&self) -> serde_json::Value {
        let text = fs::read_to_string(self.checkout.file("Host.app.notary.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// How the newest submission stands; empty before there is one.
    fn phase(&self) -> String {
        let ledger = self.ledger();
        let newest = ledger["submissions"].as_array().and_then(|it| it.last()).cloned();
        newest.unwrap_or_default()["phase"].as_str().unwrap_or_default().to_owned()
    }

    fn has_heard(&self, line: &str) -> bool {
        self.heard.lock().unwrap().iter().any(|it| it == line)
    }
}

/// Waits until something is so; a child that ended by then is a failure.
#[track_caller]
fn until(child: &mut Child, what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        assert!(child.try_wait().unwrap().is_none(), "{what}: the program ended before");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn start(world: &World, args: &[&str]) -> Child {
    world.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Kills a run at one point (no farewell, no handler), runs again, and looks at what there is in the end.
#[track_caller]
fn check_killed(point: &str, change: impl FnOnce(&mut Settings), is_there: impl Fn(&World) -> bool) {
    let Some(world) = world(|settings| {
        // Longer than the test waits: the program is killed while it hangs.
        settings.hang = Duration::from_secs(90);
        change(settings);
    }) else {
        return;
    };
    let mut child = start(&world, &["notarize", "Host.app"]);
    until(&mut child, point, || is_there(&world));
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    world.server.mend();
    let again = world.run(&["notarize", "Host.app"]);
    assert_eq!(again.code, Some(0), "{point}: {}", again.stderr);
    assert!(again.stderr.contains("Stapled"), "{point}: {}", again.stderr);
    assert_eq!(world.server.n_uploads(), 1, "{point}: {}", again.stderr);
    let roots = Rehearsal::open(&Workspace::at(world.checkout.path()), None, "REHEARSE01").unwrap().roots();
    fs::write(world.checkout.file("roots.pem"), roots.unwrap()).unwrap();
    let verified = world.checkout.run(&["ticket", "verify", "Host.app", "--trust-root", "roots.pem"]);
    assert_eq!(verified.code, Some(0), "{point}: {}", verified.stdout);
    let left = fs::read_dir(world.checkout.path()).unwrap().map(|it| it.unwrap().file_name());
    let left: Vec<_> = left.filter(|it| it.to_string_lossy().contains(".xtask-")).collect();
    assert!(left.is_empty(), "{point}: {left:?}");
}

fn once(step: Step, harm: Harm) -> Vec<Fault> {
    vec![Fault { step, harm, times: 1 }]
}

#[test]
fn killed_while_it_announces() {
    check_killed(
        "announcing",
        |it| it.faults = once(Step::Submit, Harm::Hang),
        |it| it.phase() == "announced" && it.has_heard("submit: hang"),
    );
}

#[test]
fn killed_after_the_last_byte_and_before_the_answer() {
    check_killed(
        "uploading",
        |it| it.faults = once(Step::Put, Harm::Hang),
        |it| it.phase() == "finishing" && it.server.n_uploads() == 1,
    );
}

#[test]
fn killed_while_it_waits_for_the_verdict() {
    check_killed("waiting", |it| it.processing = 4, |it| it.phase() == "uploaded");
}

#[test]
fn killed_between_the_verdict_and_the_ticket() {
    check_killed(
        "before the log",
        |it| it.faults = once(Step::LogAddress, Harm::Hang),
        |it| it.phase() == "accepted" && it.has_heard("log-address: hang"),
    );
}

#[test]
fn killed_while_it_waits_for_the_ticket() {
    // All is there but the ticket: what is left to do is to fetch and staple it. The log takes two tries on the way.
    check_killed(
        "before the staple",
        |it| {
            it.propagation = 3;
            it.faults = vec![
                Fault { step: Step::LogAddress, harm: Harm::NotFound, times: 1 },
                Fault { step: Step::Log, harm: Harm::HalfDocument, times: 1 },
            ];
        },
        |it| it.phase() == "accepted" && it.ledger()["submissions"][0]["log"].is_string(),
    );
}

#[test]
fn ctrl_c_while_it_waits_says_how_to_go_on() {
    let Some(world) = world(|it| it.processing = 3600) else { return };
    let mut child = start(&world, &["notarize", "Host.app"]);
    until(&mut child, "waiting", || world.phase() == "uploaded");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    let go_on = format!("cargo xtask notarize Host.app --notary-url {}", world.url());
    assert!(said.contains("nothing is lost") && said.contains(&go_on), "{said}");
}

/// One harm, the exit code of the real program, and words that it must say.
#[track_caller]
fn check_exit(world: &World, faults: Vec<Fault>, args: &[&str], code: i32, words: &[&str]) {
    world.afresh();
    world.server.mend();
    faults.into_iter().for_each(|it| world.server.harm(it));
    let ended = world.run(args);
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{args:?}: {said}");
    words.iter().for_each(|word| assert!(said.contains(word), "{args:?}: `{word}` is not said in\n{said}"));
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let Some(world) = world(|_| {}) else { return };
    let always = |step, harm| vec![Fault { step, harm, times: u32::MAX }];
    let notarize = ["notarize", "Host.app"];
    check_exit(&world, always(Step::Submit, Harm::Agreement), &notarize, 3, &["Account Holder", "403"]);
    check_exit(
        &world,
        always(Step::History, Harm::Unauthenticated),
        &notarize,
        3,
        &["401", "Individual key"],
    );
    check_exit(&world, always(Step::Put, Harm::Forbidden), &notarize, 3, &["AccessDenied"]);
    check_exit(&world, Vec::new(), &["notary", "status", "1238aa04"], 3, &["404", "notary history"]);
    check_exit(&world, Vec::new(), &["notary", "wait", "Host.app"], 2, &["nothing of `Host.app`"]);
    check_exit(&world, Vec::new(), &["notarize", "absent.app"], 2, &["there is no `absent.app`"]);
    check_exit(
        &world,
        Vec::new(),
        &["notarize", "target/dist/stage/bundle/USB Driver Host.app"],
        1,
        &["the notary would say: The binary is not signed.", "[[part]]"],
    );
    // What is rehearsed is nothing for Apple, and is refused before anybody is asked.
    let apple = ["notarize", "Host.app", "--signing", "developer-id"];
    let key = world.checkout.file("key.json");
    fs::write(&key, &world.key).unwrap();
    let ended = Ended::of(world.command(&apple).env("XTASK_NOTARY_KEY", &key));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("not signed with a valid Developer ID certificate"), "{}", ended.stderr);
    assert_eq!(world.server.n_uploads(), 0, "nothing was handed in");
}

#[test]
fn a_product_that_is_handed_in_and_left_is_found_again_without_its_ledger() {
    let Some(world) = world(|_| {}) else { return };
    let notarize = ["notarize", "Host.app"];
    check_exit(&world, Vec::new(), &["notarize", "Host.app", "--no-wait"], 4, &["Submitted", "go on with"]);
    check_exit(&world, Vec::new(), &notarize, 0, &["Stapled"]);
    assert_eq!(world.server.n_uploads(), 1, "without its ledger it was found in the history");
    check_exit(&world, Vec::new(), &["notary", "log", "Host.app"], 2, &["handed in yet"]);
}

#[test]
fn a_wait_that_is_over_is_incomplete() {
    let Some(world) = world(|it| it.processing = 3600) else { return };
    check_exit(&world, Vec::new(), &["notarize", "Host.app", "--timeout", "0"], 4, &["no verdict within"]);
    let status = world.run(&["notary", "status", "Host.app", "--format", "json"]);
    assert_eq!(status.code, Some(4), "{}", status.stderr);
    let json: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(json["submissions"][0]["status"], "In Progress");
    let log = world.run(&["notary", "log", "Host.app"]);
    assert_eq!(log.code, Some(4), "{}", log.stderr);
}

/// The simulated Mac, whose notarytool asks our notary.
fn mac() -> Option<Bench> {
    match Bench::new() {
        Ok(bench) => Some(bench),
        Err(error) => {
            not_run(&format!("the stand-ins cannot be built: {error}"));
            None
        }
    }
}

fn on_mac(world: &World, mac: &Bench, args: &[&str]) -> Command {
    let key = world.checkout.file("key.json");
    fs::write(&key, &world.key).unwrap();
    let mut command = world.checkout.command_on(mac);
    command.env(stand_ins::NOTARY, world.url()).env(stand_ins::NOTARY_KEY, key);
    command.args(args).args(["--signing", "developer-id", "--ticket-url"]);
    command.arg(format!(
        "{}/database/1/com.apple.gk.ticket-delivery/production/public/records/lookup",
        world.url()
    ));
    command
}

/// Names a keychain profile in place of a key.
fn with_profile(world: &World) {
    world.checkout.edit("signing/developer-id.toml", |text| {
        let text =
            text.replace("key = { env-path = \"XTASK_NOTARY_KEY\" }", "keychain-profile = \"release\"");
        let lines = text.lines().filter(|it| !it.starts_with("key-id") && !it.starts_with("issuer"));
        lines.map(|it| format!("{it}\n")).collect()
    });
}

fn store_credentials(mac: &Bench) {
    let stored = Command::new(mac.tools().join("notarytool"))
        .args(["store-credentials", "release"])
        .envs(mac.env())
        .status()
        .unwrap();
    assert!(stored.success());
}

#[test]
fn a_keychain_profile_goes_through_notarytool_with_the_same_ledger() {
    let (Some(world), Some(mac)) = (world(|it| it.processing = 2), mac()) else { return };
    with_profile(&world);
    let submit = ["notary", "submit", "Host.app", "--despite-preflight", "--no-wait", "--no-s3-acceleration"];
    // Locked or missing: said with what to do, and nothing was handed in.
    let ended = Ended::of(&mut on_mac(&world, &mac, &submit));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("unlock-keychain") && ended.stderr.contains("store-credentials release"));
    assert_eq!(world.server.n_uploads(), 0);

    store_credentials(&mac);
    let ended = Ended::of(&mut on_mac(&world, &mac, &submit));
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("notarytool, profile `release`, simulated"), "{}", ended.stderr);
    let id = ended.stdout.trim().to_owned();
    assert_eq!(world.ledger()["submissions"][0]["id"], id.as_str());
    assert_eq!((world.phase().as_str(), world.server.n_uploads()), ("uploaded", 1));

    let calls = mac.calls().unwrap();
    let call = calls
        .iter()
        .find(|it| {
            it.tool == "notarytool" && it.args.first().is_some_and(|it| it == "submit") && it.exit == 0
        })
        .expect("notarytool submitted it");
    let mut args = call.args.clone();
    let name = PathBuf::from(args.remove(1)).file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("Host.app-") && name.ends_with(".zip"), "{name}");
    assert_eq!(
        args,
        [
            "submit",
            "--keychain-profile",
            "release",
            "--output-format",
            "json",
            "--no-progress",
            "--no-s3-acceleration"
        ]
    );

    let status = Ended::of(&mut on_mac(&world, &mac, &["notary", "status", &id]));
    assert!(matches!(status.code, Some(0 | 4)), "{}", status.stderr);
    let history = Ended::of(&mut on_mac(&world, &mac, &["notary", "history"]));
    assert!(history.stdout.contains(&id) && history.stdout.contains(&name), "{}", history.stdout);
    // The verdict and its log are the service's; the ticket of a rehearsal is nothing that a release may carry.
    let waited = Ended::of(&mut on_mac(&world, &mac, &["notary", "wait", "Host.app"]));
    assert_eq!(waited.code, Some(3), "{}", waited.stderr);
    assert!(waited.stderr.contains("the ticket is not genuine"), "{}", waited.stderr);
    assert_eq!((world.phase().as_str(), world.server.n_uploads()), ("accepted", 1));
    let log = Ended::of(&mut on_mac(&world, &mac, &["notary", "log", &id]));
    assert_eq!(log.code, Some(0), "{}", log.stderr);
    assert!(log.stdout.contains("\"statusCode\": 0"), "{}", log.stdout);
}

#[test]
fn an_id_that_notarytool_never_told_is_found_again_and_nothing_is_handed_in_twice() {
    let (Some(world), Some(mac)) = (world(|it| it.processing = 3600), mac()) else { return };
    with_profile(&world);
    store_credentials(&mac);
    let submit = ["notary", "submit", "Host.app", "--despite-preflight", "--no-wait"];
    assert_eq!(Ended::of(&mut on_mac(&world, &mac, &submit)).code, Some(4));
    let id = world.ledger()["submissions"][0]["id"].as_str().unwrap().to_owned();
    // As if it had been killed between the end of the upload and its last line.
    let mut ledger = world.ledger();
    ledger["submissions"][0]["id"] = serde_json::Value::Null;
    ledger["submissions"][0]["phase"] = "finishing".into();
    fs::write(world.checkout.file("Host.app.notary.json"), ledger.to_string()).unwrap();
    let ended = Ended::of(&mut on_mac(&world, &mac, &submit));
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("whose id was lost is {id}")), "{}", ended.stderr);
    assert_eq!(world.server.n_uploads(), 1);
}

#[test]
fn a_real_package_goes_through_notarytool_and_gets_its_published_bytes_back() {
    let Some(corpus) = std::env::var_os("XTASK_CORPUS").map(PathBuf::from) else {
        not_run("XTASK_CORPUS names no folder");
        return;
    };
    let published = fs::read(corpus.join("Karabiner-DriverKit-VirtualHIDDevice-7.3.0.pkg")).unwrap();
    let ticket = notary::staple::package_ticket(&published).unwrap().unwrap();
    let bare = notary::staple::unstaple_package(&published).unwrap().unwrap().apply(&published).unwrap();
    // Apple's own ticket for it, at the end of the same road.
    let Some(world) = world(|it| it.sign = Box::new(move |_, _| Ok(ticket.clone()))) else { return };
    let Some(mac) = mac() else { return };
    with_profile(&world);
    store_credentials(&mac);
    fs::write(world.checkout.file("x.pkg"), &bare).unwrap();
    let ended = Ended::of(&mut on_mac(&world, &mac, &["notarize", "x.pkg"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(fs::read(world.checkout.file("x.pkg")).unwrap() == published, "not the published bytes");
    assert_eq!(world.server.n_uploads(), 1);
    let polled = mac.calls().unwrap().iter().any(|it| it.args.first().is_some_and(|it| it == "info"));
    assert!(polled, "its status was asked for");
}

/// What people saw notarytool fail with, our exit code, and what we say.
#[test]
fn the_failures_of_notarytool_are_told_apart() {
    let (Some(world), Some(mac)) = (world(|_| {}), mac()) else { return };
    with_profile(&world);
    store_credentials(&mac);
    for (stderr, words) in [
        ("Error: HTTP status code: 401. Unauthenticated\\n\\nRequest ID: ICM7.0.0", "revoked"),
        ("Error: HTTP status code: 403. A required agreement is missing or has expired.", "Account Holder"),
        ("Error: HTTP status code: 403. Invalid or inaccessible developer team ID", "another team"),
        ("xcrun: error: unable to find utility \\\"notarytool\\\"", "Xcode 13"),
    ] {
        mac.script(&format!("[[result]]\ntool = \"notarytool\"\nexit = 69\nstderr = \"{stderr}\"\n"))
            .unwrap();
        let ended = Ended::of(&mut on_mac(&world, &mac, &["notary", "history"]));
        assert_eq!(ended.code, Some(3), "{stderr}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{stderr}: {}", ended.stderr);
    }
    // One dropped poll is waited out; and a crash without a word as well.
    for once in
        ["stderr = \"Error: The request timed out. (NSURLErrorDomain error -1001.)\"", "stdout = \"\""]
    {
        mac.script(&format!("[[result]]\ntool = \"notarytool\"\ntimes = 1\nexit = 1\n{once}\n")).unwrap();
        let ended = Ended::of(&mut on_mac(&world, &mac, &["notary", "history"]));
        assert_eq!(ended.code, Some(0), "{once}: {}", ended.stderr);
        assert!(ended.stderr.contains("again in 1 s"), "{once}: {}", ended.stderr);
    }
}

#[test]
fn a_keychain_profile_where_there_is_no_keychain_is_refused_with_the_alternative() {
    let Some(world) = world(|_| {}) else { return };
    with_profile(&world);
    let ended = world.run(&["notary", "history", "--signing", "developer-id"]);
    if cfg!(target_os = "macos") {
        not_run("this is a Mac");
        return;
    }
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("`key`, `key-id`, `issuer`"), "{}", ended.stderr);
}
