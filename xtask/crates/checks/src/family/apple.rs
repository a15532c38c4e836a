//! What Apple's own tools say, on a Mac.

use formats::document::plist::Value;

use crate::{
    At, Check, Finding, Judgement, Mode, Needs, Policy, Severity, Subject,
    subject::{Claim, HostReadings, Reading, TwoReadings},
};

/// codesign.
pub const CODESIGN_ACCEPTS: Check = Check {
    id: "codesign-accepts",
    title: "`codesign --verify --strict=all` accepts every bundle",
    why: "The system's own judgement of signature and seal. `--deep` does not look inside a dext, so each one is asked on its \
          own; profiles are never looked at.",
    source: "codesign(1); Security StaticCode.cpp",
    fix: "see what the other checks say; sign again",
    needs: Needs::MacOs,
    usual: Severity::Error,
    run: codesign_accepts,
};

/// What `codesign --verify` says of a chain that ends at a root it does not know (Security, CSSMERR_TP_NOT_TRUSTED).
const UNTRUSTED: &str = "CSSMERR_TP_NOT_TRUSTED";

fn codesign_accepts(subject: &Subject, policy: &Policy) -> Judgement {
    let judgement =
        readings(subject, "codesign-accepts", Needs::MacOs, Severity::Error, |code| matches!(code, 1 | 3));
    let (Mode::Rehearsal, Judgement::Looked(findings)) = (Mode::of(subject, policy), &judgement) else {
        return judgement;
    };
    // No Mac knows the root of a rehearsal. That, and nothing else, is left out.
    let others = findings.iter().filter(|it| !it.found.contains(UNTRUSTED));
    Judgement::Looked(others.cloned().collect())
}

/// Two readings of one signature.
pub const READINGS_AGREE: Check = Check {
    id: "readings-agree",
    title: "`codesign -d` reads in every signature what we read",
    why: "All other checks rest on our own reading. Where Apple's differs in cdhash, identifier, team, flags, entitlements or \
          ticket, one of the two is wrong, and the system goes by its own.",
    source: "codesign(1), output of `-d --verbose=4` and `--entitlements - --xml`",
    fix: "send us the product: one of the two readers is wrong",
    needs: Needs::MacOs,
    usual: Severity::Error,
    run: |subject, _| {
        let host = match answered(subject, Needs::MacOs) {
            Ok(host) => host,
            Err(why) => return Judgement::NotRun(why),
        };
        if let Some(TwoReadings { path, apples: Err(why), .. }) =
            host.slices.iter().find(|it| it.apples.is_err())
        {
            return Judgement::NotRun(format!("no reading of `{path}`: {why}"));
        }
        Judgement::each(&host.slices, "no code lies on the disk by itself", |slice, findings| {
            for (what, ours, apples) in differences(slice) {
                let at = At::path(&slice.path).arch(slice.arch);
                findings.push(Finding::error(
                    at,
                    format!("{what} {ours}, as we read it"),
                    format!("codesign reads {apples}"),
                ));
            }
        })
    },
};

/// What differs: its name, our reading, Apple's.
fn differences(slice: &TwoReadings) -> Vec<(&'static str, String, String)> {
    let Ok(apples) = &slice.apples else { return Vec::new() };
    let ours = &slice.ours;
    let mut all = Vec::new();
    let mut text = |what, pick: fn(&Claim) -> &Option<String>| {
        if pick(ours) != pick(apples) {
            let shown = |it: &Claim| pick(it).clone().unwrap_or_else(|| "none".to_owned());
            all.push((what, shown(ours), shown(apples)));
        }
    };
    text("cdhash", |it| &it.cdhash);
    text("identifier", |it| &it.identifier);
    text("team", |it| &it.team);
    if ours.flags != apples.flags {
        let shown = |it: &Claim| it.flags.map_or_else(|| "none".to_owned(), |it| format!("{it:#x}"));
        all.push(("flags", shown(ours), shown(apples)));
    }
    all.extend(entitlements(ours.entitlements.as_ref(), apples.entitlements.as_ref()));
    if let (Some(mine), Some(theirs)) = (ours.is_stapled, apples.is_stapled)
        && mine != theirs
    {
        let shown = |it| if it { "is stapled".to_owned() } else { "is not stapled".to_owned() };
        all.push(("ticket", shown(mine), shown(theirs)));
    }
    all
}

/// The first entitlement in which two readings differ. No entitlements and an empty list of them are the same.
fn entitlements(ours: Option<&Value>, apples: Option<&Value>) -> Option<(&'static str, String, String)> {
    let keys = |it: Option<&Value>| -> Vec<String> {
        it.and_then(Value::as_dict).map(|it| it.keys().map(str::to_owned).collect()).unwrap_or_default()
    };
    let value = |it: Option<&Value>, key: &str| it.and_then(|it| it.get(key)).cloned();
    let mut all = keys(ours);
    all.extend(keys(apples));
    all.sort();
    let differs = |key: &&String| match (value(ours, key), value(apples, key)) {
        (Some(mine), Some(theirs)) => !mine.is_same_as(&theirs),
        (mine, theirs) => mine.is_some() != theirs.is_some(),
    };
    let key = all.iter().find(differs)?;
    let shown = |it: Option<Value>| {
        let value = it.map_or_else(|| "not there".to_owned(), |it| it.to_string());
        format!("`{key}` = {value}")
    };
    Some(("entitlement", shown(value(ours, key)), shown(value(apples, key))))
}

/// Gatekeeper.
pub const GATEKEEPER_ACCEPTS: Check = Check {
    id: "gatekeeper-accepts",
    title: "Gatekeeper accepts the product as notarized",
    why: "`spctl` must say `accepted` and `source=Notarized Developer ID`. A development build is always rejected, which means \
          nothing.",
    source: "spctl(8); Apple TN2206",
    fix: "notarize and staple",
    needs: Needs::MacOs,
    usual: Severity::Error,
    run: |subject, policy| {
        let mode = Mode::of(subject, policy);
        if mode != Mode::Distribution {
            return Judgement::NotApplicable(format!("Gatekeeper rejects every product signed for {mode}"));
        }
        readings(subject, "gatekeeper-accepts", Needs::MacOs, Severity::Error, |code| code == 3)
    },
};

/// stapler.
pub const STAPLER_VALIDATES: Check = Check {
    id: "stapler-validates",
    title: "`stapler validate` finds the ticket",
    why: "Apple's own reading of the ticket, against the one that its servers hold.",
    source: "stapler(1)",
    fix: "staple again",
    needs: Needs::MacOs,
    usual: Severity::Warning,
    run: |subject, policy| {
        let mode = Mode::of(subject, policy);
        if mode != Mode::Distribution || subject.tickets.is_empty() {
            return Judgement::NotApplicable("no ticket of Apple's is stapled".to_owned());
        }
        readings(subject, "stapler-validates", Needs::MacOs, Severity::Warning, |code| code == 65)
    },
};

/// `syspolicy_check`.
pub const DISTRIBUTION_CHECK: Check = Check {
    id: "distribution-check",
    title: "`syspolicy_check distribution` passes",
    why: "Apple's dry run of what Gatekeeper and the notary ask (macOS 14 and later). An app taken from a stapled package \
          fails it, as the ticket is on the package.",
    source: "syspolicy_check(1)",
    fix: "staple the app, too",
    needs: Needs::MacOs,
    usual: Severity::Warning,
    run: |subject, policy| {
        let mode = Mode::of(subject, policy);
        if mode != Mode::Distribution {
            return Judgement::NotApplicable(format!("a product signed for {mode} is not distributed"));
        }
        readings(subject, "distribution-check", Needs::MacOs, Severity::Warning, |code| code == 1)
    },
};

/// The driver may be started.
pub const EXEC_PROBE: Check = Check {
    id: "exec-probe",
    title: "AMFI lets the dext's executable start",
    why: "Starting the executable from a shell ends at once, but the kernel, amfid and taskgated decide on profile and slice \
          exactly as they do at launch.",
    source: "smsc95xx-macos probe; xnu bsd/kern/kern_exec.c",
    fix: "see the log lines of amfid and taskgated-helper (`cargo xtask triage`)",
    needs: Needs::Runner,
    usual: Severity::Error,
    run: |subject, policy| {
        let mode = Mode::of(subject, policy);
        if !matches!(mode, Mode::Distribution | Mode::Development) {
            return Judgement::NotApplicable(format!("no Mac with SIP on starts a driver that is {mode}"));
        }
        readings(subject, "exec-probe", Needs::Runner, Severity::Error, |code| code == 1)
    },
};

/// What Apple's tools said here; `Err`: why nothing they said counts.
fn answered(subject: &Subject, needs: Needs) -> Result<&HostReadings, String> {
    let host = subject.host.as_ref().ok_or_else(|| format!("needs {}", needs.describe()))?;
    if host.is_simulated && !host.is_rehearsed {
        return Err("a stand-in answered, no Mac".to_owned());
    }
    if needs == Needs::Runner && !host.is_runner {
        return Err(format!("needs {}", needs.describe()));
    }
    Ok(host)
}

/// Turns what a tool said into a judgement. No answer is none, never a fault of the product, and neither is an exit code that is not
/// the tool's word for a refusal: codesign(1) has 1 and 3 (2 is a wrong call), spctl(8) 3 (1: it could not do its work), stapler 65
/// (68: no network), by sysexits(3).
fn readings(
    subject: &Subject,
    check: &'static str,
    needs: Needs,
    severity: Severity,
    refuses: fn(i32) -> bool,
) -> Judgement {
    let host = match answered(subject, needs) {
        Ok(host) => host,
        Err(why) => return Judgement::NotRun(why),
    };
    let said: Vec<&Reading> = host.readings.iter().filter(|it| it.check == check).collect();
    let mut findings = Vec::new();
    let mut silent = None;
    for reading in &said {
        let line = reading.text.lines().find(|it| !it.trim().is_empty()).unwrap_or("it said nothing").trim();
        match reading.exit {
            Some(0) => {}
            Some(code) if refuses(code) => {
                let place = At { arch: reading.arch, ..At::path(&reading.path) };
                let found = format!("exit code {code}: {line}");
                findings.push(Finding::new(severity, place, "exit code 0", found));
            }
            Some(code) => silent = silent.or(Some(format!("no judgement, exit code {code}: {line}"))),
            None => silent = silent.or(Some(reading.text.clone())),
        }
    }
    match silent {
        Some(why) if findings.is_empty() => Judgement::NotRun(why),
        None if said.is_empty() => Judgement::NotRun("the tool was not asked".to_owned()),
        _ => Judgement::Looked(findings),
    }
}
