//! What starts? The kernel and AMFI decide at exec, without installation, approval or account.
//!
//! A program is started by `sh -c 'exec "$1"'`: a refused exec is then an exit code with words, and a kill is a signal. Drivers cannot do
//! anything when started so; whether the kernel lets them begin is what is seen.

use std::time::Duration;

use super::ask;
use crate::{
    prove::{Act, Answer, Evidence, Experiment, Need, Sample, Samples, experiment::Said},
    tools::{Call, Ended},
};

/// A process that the kernel lets begin ends by itself at once; one that waits for a caller is ended.
const PROBE: Duration = Duration::from_secs(15);

fn probe(path: &std::path::Path) -> Call {
    Call::new("sh", format!("start `{}`", crate::plan::file_name(path)))
        .args(["-c", "exec \"$1\"", "sh"])
        .arg(path)
        .deadline(PROBE)
}

fn sign_ad_hoc(path: &std::path::Path) -> Call {
    ask("codesign", "sign a probe ad hoc").args(["--force", "--sign", "-", "--timestamp=none"]).arg(path)
}

/// What the system logged about a program of this name.
fn log_of(name: &str) -> Call {
    let predicate = format!("eventMessage CONTAINS \"{name}\"");
    Call::new("/usr/bin/log", format!("read the log about `{name}`"))
        .args(["show", "--style", "compact", "--info", "--debug", "--last", "2m", "--predicate", &predicate])
        .deadline(Duration::from_secs(120))
}

/// Kernel, AMFI and ASP lines, without what differs between two starts of the same thing.
fn lines_about(said: &Said, name: &str) -> Vec<String> {
    let number =
        |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).bytes().all(|b| b.is_ascii_hexdigit());
    let line = |text: &str| -> Option<String> {
        // The compact style: date, time, type, process[pid:thread], message.
        let message = text.split_once("] ").map_or(text, |it| it.1);
        let is_ours =
            ["kernel", "amfid", "AMFI", "ASP", "syspolicyd", "taskgated"].iter().any(|it| text.contains(it));
        let words: Vec<&str> =
            message.split_whitespace().map(|it| if number(it) { "N" } else { it }).collect();
        is_ours.then(|| words.join(" ").replace(name, "PROBE"))
    };
    let mut lines: Vec<String> =
        said.stdout.lines().filter(|it| it.contains(name)).filter_map(line).collect();
    lines.sort();
    lines.dedup();
    lines
}

/// Apple's link and lld's, both signed ad hoc.
pub const LINKS_START_ALIKE: Experiment = Experiment {
    id: "links-start-alike",
    question: "does the kernel treat a driver that ld64.lld linked as it treats one that Apple's ld linked?",
    claim: "both end alike when started from a shell, and the kernel and AMFI log the same about both",
    why: "a wrong command or segment would be refused here, and only for one of them; that a driver really runs is shown by \
          `harness run`, not by this",
    needs: &[Need::AppleSilicon, Need::Sample(Sample::Apple), Need::Sample(Sample::Crossed)],
    acts: |samples| {
        let mut acts = Vec::new();
        let pair = [
            (Sample::Apple, APPLE_LINK, ["copy apple", "sign apple", "start apple"]),
            (Sample::Crossed, LLD_LINK, ["copy lld", "sign lld", "start lld"]),
        ];
        for (sample, name, [copy, sign, start]) in pair {
            let goal = samples.scratch(name);
            let from = samples.slice(sample, crate::config::Arch::Arm64);
            acts.push(Act::Make(copy, ask("cp", "copy a slice").arg(from).arg(&goal)));
            acts.push(Act::Make(sign, sign_ad_hoc(&goal)));
            acts.push(Act::Ask(start, probe(&goal)));
        }
        acts.push(Act::Ask("log apple", log_of(APPLE_LINK)));
        acts.push(Act::Ask("log lld", log_of(LLD_LINK)));
        acts
    },
    judge: |evidence| {
        let (apple, lld) = (evidence.asked("start apple")?, evidence.asked("start lld")?);
        if apple.ended != lld.ended {
            return Ok(Answer::Contradicted(format!(
                "Apple's link ends with {} ({}), lld's with {} ({})",
                apple.end(),
                apple.first_line(),
                lld.end(),
                lld.first_line()
            )));
        }
        let (theirs, ours) = (evidence.asked("log apple")?, evidence.asked("log lld")?);
        if !theirs.is_success() || !ours.is_success() {
            return Err(format!("the log could not be read: {}", theirs.first_line()));
        }
        let found =
            super::differences("log", &lines_about(&theirs, APPLE_LINK), &lines_about(&ours, LLD_LINK));
        Ok(Answer::unless(&found, format!("both end with {}; the same lines in the log", apple.end())))
    },
};

/// Names that nothing else on a machine has, of equal length.
const APPLE_LINK: &str = "xtask-prove-link-apple";
const LLD_LINK: &str = "xtask-prove-link-llvm0";

/// An ordinary program for arm64 and for arm64e.
pub const ARM64E_PROGRAM: Experiment = Experiment {
    id: "arm64e-program",
    question: "does this macOS start a third-party program built for arm64e?",
    claim: "macOS 15 and earlier refuse it (preview ABI); from 26.4 on it starts; between them nobody has looked",
    why: "the kernel prefers an arm64e slice and then may refuse it: that is what made a released driver fail with `Exec format error`; \
          the gate is the same for every program, so two lines of C show it",
    needs: &[Need::AppleSilicon, Need::Sample(Sample::Probes)],
    acts: |samples| {
        let build = |arch: &str, goal: &std::path::Path| {
            ask("xcrun", "build a small program")
                .args(["--sdk", "macosx", "clang", "-arch", arch, "-mmacosx-version-min=13.0", "-o"])
                .arg(goal)
                .arg(samples.probe("program.c"))
        };
        arm64_and_arm64e(samples, "xtask-prove-program", build)
    },
    judge: |evidence| {
        let (plain, signed) = (evidence.asked("start arm64")?, evidence.asked("start arm64e")?);
        if !plain.is_success() {
            return Err(format!("the same program for arm64 does not start either: {}", plain.first_line()));
        }
        gate(evidence, &signed, "the program")
    },
};

/// A driver's image for arm64 and for arm64e.
pub const ARM64E_DRIVER: Experiment = Experiment {
    id: "arm64e-driver",
    question: "does the kernel log that it refuses a driver's arm64e slice?",
    claim: "up to macOS 15 it logs `built against preview arm64e ABI` for arm64e and not for arm64; from 26.4 on for neither",
    why: "the same gate on an image for DriverKit, two builds that are otherwise equal",
    needs: &[Need::AppleSilicon, Need::Sample(Sample::Probes)],
    acts: |samples| {
        let minimum = samples.minimum_driverkit.clone();
        let build = |arch: &str, goal: &std::path::Path| {
            ask("xcrun", "build a small driver")
                .args([
                    "--sdk",
                    "driverkit",
                    "clang++",
                    "-target",
                    &format!("{arch}-apple-driverkit{minimum}"),
                ])
                .args(["-framework", "DriverKit", "-o"])
                .arg(goal)
                .arg(samples.probe("driver.cpp"))
        };
        arm64_and_arm64e(samples, "xtask-prove-driver", build)
    },
    judge: |evidence| {
        let log = |name: &str| {
            let said = evidence.asked(name)?;
            if said.is_success() {
                Ok(said)
            } else {
                Err(format!("the log could not be read: {}", said.first_line()))
            }
        };
        let (plain, signed) = (log("log arm64")?, log("log arm64e")?);
        if plain.text().contains(PREVIEW) {
            return Ok(Answer::Contradicted("the kernel says it of the arm64 slice".to_owned()));
        }
        let started = evidence.asked("start arm64e")?;
        let refused = signed.text().contains(PREVIEW);
        let known = expected(&evidence.machine.macos);
        let seen = match refused {
            true => format!("macOS {}: the kernel logs `{PREVIEW}`", evidence.machine.macos),
            false => format!(
                "macOS {}: no such line; the start ends with {}",
                evidence.machine.macos,
                started.end()
            ),
        };
        Ok(against(known, refused, seen))
    },
};

/// What the kernel logs when it refuses (xnu `kern_exec.c`).
const PREVIEW: &str = "preview arm64e ABI";

fn arm64_and_arm64e(
    samples: &Samples,
    name: &str,
    build: impl Fn(&str, &std::path::Path) -> Call,
) -> Vec<Act> {
    let mut acts = Vec::new();
    let names = [
        ("arm64", ["build arm64", "sign arm64", "start arm64", "log arm64"]),
        ("arm64e", ["build arm64e", "sign arm64e", "start arm64e", "log arm64e"]),
    ];
    for (arch, [make, sign, start, _]) in names {
        let goal = samples.scratch(&format!("{name}-{arch}.probe"));
        acts.push(Act::Make(make, build(arch, &goal)));
        acts.push(Act::Make(sign, sign_ad_hoc(&goal)));
        acts.push(Act::Ask(start, probe(&goal)));
    }
    for (arch, [.., log]) in names {
        acts.push(Act::Ask(log, log_of(&format!("{name}-{arch}.probe"))));
    }
    acts
}

/// Whether this macOS is expected to refuse arm64e; `None` where nobody knows (26.0 to 26.3).
fn expected(macos: &str) -> Option<bool> {
    let mut numbers = macos.split('.').map(|it| it.parse::<u32>().ok());
    let (major, minor) = (numbers.next()??, numbers.next().flatten().unwrap_or(0));
    match (major, minor) {
        (..=15, _) => Some(true),
        (26, ..=3) => None,
        _ => Some(false),
    }
}

fn gate(evidence: &Evidence, started: &Said, what: &str) -> Result<Answer, String> {
    let macos = &evidence.machine.macos;
    let is_refused = match started.ended {
        Ended::Code(0) => false,
        Ended::Signal(9) | Ended::Code(126) => true,
        _ => return Err(format!("{what} for arm64e ends with {}: {}", started.end(), started.first_line())),
    };
    let seen = match is_refused {
        true => format!("macOS {macos} refuses {what} for arm64e ({})", started.end()),
        false => format!("macOS {macos} starts {what} for arm64e"),
    };
    Ok(against(expected(macos), is_refused, seen))
}

/// What was seen, held against what was known.
fn against(known: Option<bool>, found: bool, seen: String) -> Answer {
    match known {
        None => Answer::Observed(seen),
        Some(known) if known == found => Answer::Confirmed(seen),
        Some(_) => Answer::Contradicted(seen),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::made_up::MadeUp, *};

    fn links(apple: Ended, lld: Ended) -> MadeUp {
        let line = |name: &str| {
            format!(
                "2026-11-23 10:00:00.1 Df kernel[0:3f2] mac_vnode_check_signature: /tmp/{name}: code signature validation failed 9\n"
            )
        };
        MadeUp::new()
            .ended("start apple", apple, "", "")
            .ended("start lld", lld, "", "")
            .says("log apple", &line(APPLE_LINK))
            .says("log lld", &line(LLD_LINK))
    }

    #[test]
    fn links_that_end_alike_and_are_logged_alike_confirm() {
        links(Ended::Signal(9), Ended::Signal(9)).check(&LINKS_START_ALIKE, "confirmed", "signal 9");
        links(Ended::Signal(9), Ended::Code(126)).check(&LINKS_START_ALIKE, "contradicted", "exit code 126");
        let more = "2026 Df kernel[0:1] exec_mach_imgact: not running binary xtask-prove-link-llvm0\n";
        links(Ended::Signal(9), Ended::Signal(9)).says("log lld", more).check(
            &LINKS_START_ALIKE,
            "contradicted",
            "only ours: exec_mach_imgact",
        );
        links(Ended::Signal(9), Ended::Signal(9)).fails("log lld", 1, "log: must be admin").check(
            &LINKS_START_ALIKE,
            "unclear",
            "the log could not be read",
        );
        links(Ended::Deadline, Ended::Deadline).check(&LINKS_START_ALIKE, "unclear", "took too long");
    }

    #[test]
    fn a_program_for_arm64e_is_held_against_what_is_known_of_the_version() {
        let on = |macos, ended| {
            MadeUp::new().macos(macos).says("start arm64", "").ended("start arm64e", ended, "", "")
        };
        on("15.4", Ended::Signal(9)).check(&ARM64E_PROGRAM, "confirmed", "refuses");
        on("15.4", Ended::Code(0)).check(&ARM64E_PROGRAM, "contradicted", "starts");
        on("26.2", Ended::Code(0)).check(&ARM64E_PROGRAM, "observed", "26.2 starts");
        on("26.2", Ended::Signal(9)).check(&ARM64E_PROGRAM, "observed", "26.2 refuses");
        on("26.4", Ended::Signal(9)).check(&ARM64E_PROGRAM, "contradicted", "refuses");
        on("26.4", Ended::Code(3)).check(&ARM64E_PROGRAM, "unclear", "exit code 3");
        on("26.4", Ended::Code(0)).fails("start arm64", 126, "no").check(&ARM64E_PROGRAM, "unclear", "arm64");
    }

    #[test]
    fn a_driver_for_arm64e_is_known_by_what_the_kernel_logs() {
        let on = |macos, log: &str| {
            MadeUp::new()
                .macos(macos)
                .ended("start arm64e", Ended::Signal(9), "", "")
                .says("log arm64", "")
                .says("log arm64e", log)
        };
        let line = "kernel: exec_mach_imgact: not running binary \"x\" built against preview arm64e ABI";
        on("15.4", line).check(&ARM64E_DRIVER, "confirmed", "preview");
        on("15.4", "").check(&ARM64E_DRIVER, "contradicted", "no such line");
        on("26.6", line).check(&ARM64E_DRIVER, "contradicted", "preview");
        on("26.6", line).says("log arm64", line).check(&ARM64E_DRIVER, "contradicted", "arm64 slice");
        on("26.6", "").fails("log arm64", 64, "no").check(&ARM64E_DRIVER, "unclear", "log");
    }
}
