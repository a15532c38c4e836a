//! Made-up machines: what macOS would say to each call of the harness.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use checks::{Policy, Subject};
use xtask::{
    harness::{Artifact, artifact::Dext},
    inspect::apple::{Form, Questions, Slice},
    report,
    tools::{Call, Ended},
};

pub const ID: &str = "com.example.usb-interface-driver";
pub const TEAM: &str = "ABCDE12345";
pub const ARM: &str = "1111111111111111111111111111111111111111";
const INTEL: &str = "2222222222222222222222222222222222222222";
pub const OLD: &str = "3333333333333333333333333333333333333333";
const APP: &str = "USB Driver Host.app";
const FOLDER: &str = "/Users/runner/dist";
pub const CLAIMS: &str =
    "<plist version=\"1.0\"><dict><key>com.apple.developer.driverkit</key><true/></dict></plist>\n";
pub const STAGED: &str =
    "/Library/SystemExtensions/6E2B0F6C-0000-4000-8000-000000000001/com.example.usb-interface-driver.dext";

/// The product under test: an app with a driver that passed every static check.
pub fn artifact() -> Artifact {
    let hashes =
        || BTreeMap::from([("arm64".to_owned(), ARM.to_owned()), ("x86_64".to_owned(), INTEL.to_owned())]);
    let class = |provider: &str| (provider.to_owned(), "UsbInterfaceDriver".to_owned());
    let (subject, policy) = (Subject::default(), Policy::default());
    let mut verification = report::Report::of(&subject, &policy, &checks::run(&subject, &policy), false);
    verification.subject.mode = "distribution";
    Artifact {
        path: format!("{FOLDER}/{APP}"),
        name: APP.to_owned(),
        executable: "Contents/MacOS/USB Driver Host".to_owned(),
        mode: "distribution".to_owned(),
        dext: Dext {
            path: format!("Contents/Library/SystemExtensions/{ID}.dext"),
            id: ID.to_owned(),
            version: "1.2.0".to_owned(),
            build: "12".to_owned(),
            team: Some(TEAM.to_owned()),
            executable: format!("Contents/Library/SystemExtensions/{ID}.dext/{ID}"),
            cdhashes: hashes(),
            classes: BTreeMap::from([class("IOUSBHostInterface"), class("IOUserResources")]),
            linkers: hashes().into_keys().map(|arch| (arch, "lld".to_owned())).collect(),
        },
        questions: Questions {
            folder: FOLDER.to_owned(),
            name: APP.to_owned(),
            form: Form::App,
            mode: "distribution".to_owned(),
            has_ticket: true,
            slices: [("arm64", ARM), ("x86_64", INTEL)].map(|(arch, hash)| slice(arch, hash)).to_vec(),
        },
        verification,
    }
}

fn slice(arch: &str, hash: &str) -> Slice {
    Slice {
        path: format!("{APP}/Contents/Library/SystemExtensions/{ID}.dext"),
        arch: arch.to_owned(),
        identifier: Some(ID.to_owned()),
        cdhash: Some(hash.to_owned()),
        team: Some(TEAM.to_owned()),
        flags: Some(0x10000),
        entitlements: Some(CLAIMS.to_owned()),
        is_stapled: Some(false),
    }
}

/// The same product, with an error that the verifier found.
pub fn with_error(check: &str, found: &str) -> Artifact {
    let mut artifact = artifact();
    artifact.verification.verdict = "failed";
    artifact.verification.counts.failed += 1;
    artifact.verification.counts.errors += 1;
    let checked = artifact.verification.checks.iter_mut().find(|it| it.id == check).unwrap();
    checked.outcome = "failed";
    checked.findings.push(report::Finding {
        severity: "error",
        path: ID.to_owned(),
        arch: None,
        offset: None,
        expected: "x86_64, arm64".to_owned(),
        found: found.to_owned(),
        fix: "drop it".to_owned(),
        asked_by: None,
    });
    artifact
}

/// A Mac, as far as the harness can see it.
#[derive(Clone)]
pub struct World {
    pub sip: &'static str,
    pub arch: &'static str,
    pub boot_args: &'static str,
    pub codesign: Result<(), &'static str>,
    pub read_team: &'static str,
    pub read_claims: &'static str,
    pub read_flags: &'static str,
    pub read_ticket: bool,
    pub spctl: Result<(), &'static str>,
    pub stapler: Result<(), &'static str>,
    pub probe_log: String,
    pub app_says: (i32, &'static str),
    pub older_copy: bool,
    /// What `systemextensionsctl list` says, call after call; the last one stays.
    pub lists: Vec<String>,
    /// Staged copies with the arm64 hash that codesign reads there.
    pub staged: Vec<(&'static str, &'static str)>,
    pub registry: String,
    pub process: bool,
    pub log: String,
    pub profiles: String,
    pub hangs: &'static str,
    pub missing: &'static str,
    /// Crash reports: where they lie and what they say.
    pub reports: Vec<(&'static str, String)>,
    /// Ctrl-C comes while a command line with these words runs.
    pub interrupted_at: &'static str,
    /// A command line with these words fails.
    pub fails: &'static str,
}

pub fn row(build: &str, stars: &str, state: &str) -> String {
    format!(
        "1 extension(s)\n--- com.apple.system_extension.driver_extension\nenabled\tactive\tteamID\tbundleID (version)\tname\t[state]\n{stars}\t{TEAM}\t{ID} (1.2.0/{build})\t{ID}\t[{state}]\n"
    )
}

pub fn line(process: &str, message: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-11-23 10:00:01.000000+0000\",\"processImagePath\":\"/usr/libexec/{process}\",\"processID\":1,\"eventMessage\":{}}}\n",
        serde_json::Value::from(message)
    )
}

pub fn good_log() -> String {
    line(
        "kernel",
        "DK: UsbInterfaceDriver-0x100000abc waiting for server com.example.usb-interface-driver-100000abc",
    ) + &line("kernelmanagerd", "Launching dext com.example.usb-interface-driver")
        + &line("kernel", "DK: UsbInterfaceDriver-0x100000abc::start(IOUserResources-0x100000111) ok")
}

pub fn refused_log() -> String {
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

pub fn registered() -> String {
    "+-o UsbInterfaceDriver  <class IOUserService, id 0x100000abc, registered, matched, active, busy 0 (0 ms), retain 8>\n    {\n      \"IOUserClass\" = \"UsbInterfaceDriver\"\n      \"IOProviderClass\" = \"IOUserResources\"\n      \"CFBundleIdentifier\" = \"com.example.usb-interface-driver\"\n    }\n".to_owned()
}

pub fn waiting() -> String {
    registered().replace("registered, matched", "!registered, !matched")
}

impl World {
    /// A Mac where everything goes well.
    pub fn good() -> Self {
        Self {
            sip: "System Integrity Protection status: enabled.",
            arch: "arm64",
            boot_args: "",
            codesign: Ok(()),
            read_team: TEAM,
            read_claims: CLAIMS,
            read_flags: "0x10000(runtime)",
            read_ticket: false,
            spctl: Ok(()),
            stapler: Ok(()),
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
            reports: Vec::new(),
            interrupted_at: "",
            fails: "",
        }
    }

    /// What the machine answers.
    pub fn answer(&self, call: &Call, n_lists: &AtomicUsize) -> Option<(Ended, String, String)> {
        let argv = call.argv();
        let (program, args) = argv.split_first()?;
        let said = |text: &str| Some((Ended::Code(0), text.to_owned(), String::new()));
        let verdict = |state: &Result<(), &str>, refusal: i32| match state {
            Ok(()) => Some((Ended::Code(0), String::new(), "accepted\n".to_owned())),
            Err(why) => Some((Ended::Code(refusal), String::new(), format!("{why}\n"))),
        };
        let line = argv.join(" ");
        if !self.interrupted_at.is_empty() && line.contains(self.interrupted_at) {
            return Some((Ended::Interrupted, String::new(), String::new()));
        }
        if !self.fails.is_empty() && line.contains(self.fails) {
            return Some((Ended::Code(1), String::new(), "it cannot be done\n".to_owned()));
        }
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
            "codesign" if has("--verify") => verdict(&self.codesign, 1),
            "codesign" if has("--entitlements") => said(self.read_claims),
            "codesign" => {
                let path = args.last()?;
                let arm = self.staged.iter().find(|(staged, _)| staged == path).map_or(ARM, |(_, hash)| hash);
                let hash = if has("arm64") { arm } else { INTEL };
                let ticket = if self.read_ticket { "Notarization Ticket=stapled\n" } else { "" };
                let text = format!(
                    "Identifier={ID}\nCodeDirectory v=20500 size=1 flags={} hashes=1+1\nCDHash={hash}\n{ticket}TeamIdentifier={}\n",
                    self.read_flags, self.read_team
                );
                Some((Ended::Code(0), String::new(), text))
            }
            "xcrun" => verdict(&self.stapler, 65),
            "spctl" => verdict(&self.spctl, 3),
            "syspolicy_check" => {
                said("App passed all pre-distribution checks and is ready for distribution.\n")
            }
            "cat" => self
                .reports
                .iter()
                .find(|(path, _)| *path == args[0])
                .map(|(_, text)| (Ended::Code(0), text.clone(), String::new())),
            "find" if has("-newermt") => {
                said(&self.reports.iter().map(|(path, _)| format!("{path}\n")).collect::<String>())
            }
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
