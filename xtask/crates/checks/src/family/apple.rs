//! What Apple's own tools say, on a Mac.

use crate::{At, Check, Finding, Judgement, Mode, Needs, Severity, Subject, subject::Reading};

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
    run: |subject, _| readings(subject, "codesign-accepts", Needs::MacOs, Severity::Error),
};

/// Gatekeeper.
pub const GATEKEEPER_ACCEPTS: Check = Check {
    id: "gatekeeper-accepts",
    title: "Gatekeeper accepts the product as notarized",
    why: "`spctl` must say `accepted` and `source=Notarized Developer ID`. A development build is always rejected, which means \
          nothing.",
    source: "spctl(8); Apple TN2206",
    fix: "notarize and staple",
    needs: Needs::MacOs,
    usual: Severity::Warning,
    run: |subject, policy| {
        let mode = Mode::of(subject, policy);
        if mode != Mode::Distribution {
            return Judgement::NotApplicable(format!("Gatekeeper rejects every product signed for {mode}"));
        }
        readings(subject, "gatekeeper-accepts", Needs::MacOs, Severity::Warning)
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
        readings(subject, "stapler-validates", Needs::MacOs, Severity::Warning)
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
        readings(subject, "distribution-check", Needs::MacOs, Severity::Warning)
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
        readings(subject, "exec-probe", Needs::Runner, Severity::Error)
    },
};

/// Turns what a tool said into a judgement. A stand-in's answer never counts.
fn readings(subject: &Subject, check: &'static str, needs: Needs, severity: Severity) -> Judgement {
    let Some(host) = &subject.host else {
        return Judgement::NotRun(format!("needs {}", needs.describe()));
    };
    if host.is_simulated {
        return Judgement::NotRun("a stand-in answered, no Mac".to_owned());
    }
    if needs == Needs::Runner && !host.is_runner {
        return Judgement::NotRun(format!("needs {}", needs.describe()));
    }
    let said: Vec<&Reading> = host.readings.iter().filter(|it| it.check == check).collect();
    if said.is_empty() {
        return Judgement::NotRun("the tool was not asked".to_owned());
    }
    Judgement::each(said, "the tool was not asked", |reading, findings| {
        if reading.exit != Some(0) {
            let code =
                reading.exit.map_or_else(|| "no answer in time".to_owned(), |it| format!("exit code {it}"));
            let line = reading.text.lines().find(|it| !it.trim().is_empty()).unwrap_or_default();
            findings.push(Finding::new(
                severity,
                At::path(&reading.path),
                "exit code 0",
                format!("{code}: {line}"),
            ));
        }
    })
}
