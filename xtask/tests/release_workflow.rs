//! The release workflow, read from its YAML and executed job by job, each in a checkout of its own, artifacts passed as GitHub passes them.
//!
//! ```text
//!   release.yml ─▶ Workflow ─▶ Job ─▶ Step ─┬─ run:   bash, as the runner starts it; `cargo xtask` is the program under test
//!                                           └─ uses:  checkout, upload, download, attest: what they do to files
//! ```
//! The identity is a rehearsal's (`SIGNING`), whose key folder stands for the secrets: only jobs that name a secret get it. What needs a
//! Mac ends as it must on Linux, and is told as not run.

mod common;
#[path = "common/workflow.rs"]
mod workflow;

use std::{fs, process::Command};

use common::{can_build, root};
use stand_ins::Bench;
use workflow::{Fault, Job, Outcome, Runner, Step, Workflow};

fn release() -> String {
    fs::read_to_string(root().join(".github/workflows/release.yml")).unwrap()
}

/// Steps that only a real Mac can finish: exit code, and the words that say so here. On a simulated one the harness says that its evidence
/// does not count; without one it does not begin.
const NEEDS_A_MAC: [(&str, i32, &str); 3] = [
    ("Verify", 4, "not run"),
    ("Try it", 4, "simulated: no Mac was asked"),
    ("Try it", 3, "the harness runs on a Mac"),
];

/// What stand-ins cannot know: Apple's judgement of a signature.
const JUDGEMENTS: &str =
    "[[result]]\ntool = \"codesign\"\narguments = [\"--verify\"]\nstderr = \"valid on disk\\n\"\n";

/// A machine whose jobs for a Mac run on a simulated one, where the stand-ins can be built.
fn runner(workflow: &Workflow) -> Runner {
    let runner = Runner::new(workflow, "rehearsal");
    match Bench::new() {
        Ok(mac) => {
            mac.script(JUDGEMENTS).unwrap();
            runner.with_mac(mac.with_portable(env!("CARGO_BIN_EXE_xtask")))
        }
        Err(error) => {
            tell(&format!("not run: jobs for a Mac on a simulated one: {error}"));
            runner
        }
    }
}

#[test]
fn the_release_workflow_ends_in_a_release() {
    if !can_build() {
        return;
    }
    let workflow = Workflow::parse(&release());
    let mut runner = runner(&workflow);
    for job in &workflow.jobs {
        for outcome in runner.run(job) {
            if outcome.code == 0 {
                continue;
            }
            let Outcome { step, code, said } = outcome;
            let known = NEEDS_A_MAC.iter().find(|it| it.0 == step && it.1 == code && said.contains(it.2));
            assert!(known.is_some(), "job {}, step `{step}` ended with {code}\n{said}", job.id);
            tell(&format!(
                "not run: job {}, step `{step}` (needs a Mac; here it ends with {code}, as it must)",
                job.id
            ));
        }
    }
    if let Some(calls) = runner.calls_on_the_mac() {
        for tool in ["iig", "clang++", "clang", "codesign", "csrutil"] {
            assert!(calls.iter().any(|it| it == tool), "no job asked for `{tool}`: {calls:?}");
        }
        let recording = runner.artifact("recording-1");
        assert!(recording.contains(&"recording.json".to_owned()), "{recording:?}");
    }
    let ledgers = runner.artifact("notary-ledger-1");
    assert!(
        ledgers.contains(&"packages/rehearsal/USB-Driver-Host-1.2.0.pkg.notary.json".to_owned()),
        "{ledgers:?}"
    );
    assert_eq!(
        runner.published(),
        [
            "SHA256SUMS",
            "USB-Driver-Host-1.2.0-symbols.tar.gz",
            "USB-Driver-Host-1.2.0.pkg",
            "USB-Driver-Host-1.2.0.zip",
            "sbom.spdx.json"
        ]
    );
}

#[test]
fn a_failure_at_any_step_leaves_nothing_behind_and_hands_nothing_on() {
    if !can_build() {
        return;
    }
    let workflow = Workflow::parse(&release());
    // What a failure of codesign or of a keychain leaves is tried in mac.rs, at every stage of Apple's path.
    let mut runner = Runner::new(&workflow, "rehearsal");
    let mut tried = 0;
    for job in &workflow.jobs {
        // The job as it should be, so that those after it have what they take over.
        runner.heal();
        runner.run(job);
        let ours = |step: &&Step| step.run.as_ref().is_some_and(|it| it.contains("cargo xtask"));
        for step in job.steps.iter().filter(ours) {
            for fault in [Fault::Ended(250), Fault::Late] {
                runner.fail(&step.name, fault);
                let outcomes = runner.run(job);
                let failed = outcomes.iter().find(|it| it.step == step.name).unwrap();
                assert_ne!(failed.code, 0, "{}: {fault:?}\n{}", step.name, failed.said);
                let after = outcomes.iter().skip_while(|it| it.step != step.name).skip(1);
                let wrong: Vec<&str> = after
                    .filter(|it| it.step != step.name && !always(job, &it.step))
                    .map(|it| it.step.as_str())
                    .collect();
                assert_eq!(wrong, Vec::<&str>::new(), "{} goes on after `{}`", job.id, step.name);
                tried += 1;
            }
        }
    }
    assert!(tried >= 16, "{tried} failures");
}

/// Whether a step runs after a failure, too.
fn always(job: &Job, step: &str) -> bool {
    job.steps.iter().any(|it| it.name == step && it.is_always)
}

#[test]
fn both_backends_are_built_and_judged_alike_by_every_change() {
    if !can_build() {
        return;
    }
    let text = fs::read_to_string(root().join(".github/workflows/ci.yml")).unwrap();
    let workflow = Workflow::parse(&text);
    let mut runner = runner(&workflow);
    let job = workflow.jobs.iter().find(|it| it.id == "mac").unwrap();
    if runner.calls_on_the_mac().is_none() {
        return;
    }
    for outcome in runner.run(job) {
        assert_eq!(outcome.code, 0, "step `{}`\n{}", outcome.step, outcome.said);
    }
    let calls = runner.calls_on_the_mac().unwrap();
    assert!(
        calls.iter().filter(|it| *it == "codesign").count() >= 4,
        "app and driver, signed and judged: {calls:?}"
    );
    tell("not run: ci.yml, job check: it runs these tests");
}

/// A workflow of one job that has a secret and does this.
fn one_job(script: &str) {
    let text = format!(
        "defaults: {{ run: {{ shell: bash }} }}\nenv: {{}}\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n\
         \x20     - name: Check out\n        uses: actions/checkout@x\n\
         \x20     - name: Sign\n        env:\n          KEY: ${{{{ secrets.KEY }}}}\n        run: {script}\n"
    );
    let workflow = Workflow::parse(&text);
    Runner::new(&workflow, "rehearsal").run(workflow.jobs.first().unwrap());
}

#[test]
#[should_panic(expected = "leaves secrets behind")]
fn a_key_that_stays_in_the_temporary_folder_is_found() {
    one_job("printenv KEY > $RUNNER_TEMP/key.p12");
}

#[test]
#[should_panic(expected = "a secret is in target/log.txt")]
fn a_secret_in_a_file_of_the_checkout_is_found() {
    one_job("mkdir -p target && printenv KEY | base64 --decode > target/log.txt");
}

#[test]
fn a_command_that_does_not_exist_ends_the_workflow() {
    for (from, to) in [("dist --signing", "dits --signing"), ("--plan --format", "--plam --format")] {
        let text = release();
        assert!(text.contains(from));
        let workflow = Workflow::parse(&text.replacen(from, to, 1));
        let mut runner = Runner::new(&workflow, "rehearsal");
        let outcomes = runner.run(workflow.jobs.first().unwrap());
        assert_eq!(outcomes.last().unwrap().code, 2, "{to}");
    }
}

/// With `--help` behind it a line is read and not carried out: wrong commands and options are refused before help is shown.
#[track_caller]
fn check_line(line: &str) -> bool {
    let script = format!("{} --help", line.replacen("cargo xtask", "\"$XTASK\"", 1));
    let run = Command::new("bash").args(["-c", &script]).env("XTASK", env!("CARGO_BIN_EXE_xtask")).output();
    run.unwrap().status.success()
}

#[test]
fn every_line_of_every_workflow_is_one_that_the_program_knows() {
    let mut seen = 0;
    for entry in fs::read_dir(root().join(".github/workflows")).unwrap() {
        let workflow = Workflow::parse(&fs::read_to_string(entry.unwrap().path()).unwrap());
        for line in workflow.jobs.iter().flat_map(|job| &job.steps).filter_map(|step| step.run.as_deref()) {
            for line in line.lines().filter(|it| it.starts_with("cargo xtask")) {
                let line = line.split(" >> ").next().unwrap();
                assert!(check_line(line), "{line}");
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen} lines");
    assert!(!check_line("cargo xtask dist --take-down x"));
}

#[expect(clippy::print_stdout, reason = "a test tells what it did not run")]
fn tell(text: &str) {
    println!("{text}");
}
