//! Rules about the catalogue itself, and its document.

use std::{collections::BTreeSet, path::Path};

use checks::{
    Judgement, Mode, Needs, Policy, Subject, Verdict,
    catalogue::{all, find},
    explain,
    subject::{Claim, Fault, HostReadings, Reading, TwoReadings},
};

use crate::made::good;
use formats::{
    document::plist::{Dict, Value},
    image::Arch,
};

#[test]
fn ids_are_words_in_kebab_case_and_distinct() {
    let mut seen = BTreeSet::new();
    for check in all() {
        let is_words = check
            .id
            .split('-')
            .all(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit()));
        assert!(is_words, "{}", check.id);
        assert!(seen.insert(check.id), "{} twice", check.id);
    }
    assert!(seen.len() >= 95, "{}", seen.len());
}

#[test]
fn every_check_says_what_why_and_how() {
    for check in all() {
        assert!(!check.title.ends_with('.') && check.title.len() > 15, "{}", check.id);
        assert!(check.why.len() > 30 && check.why.ends_with(['.', '"', ')']), "{}", check.id);
        assert!(check.fix.len() > 5 && check.source.len() > 5, "{}", check.id);
    }
}

#[test]
fn nothing_passes_on_an_empty_subject_but_the_reading_itself() {
    let passed: Vec<&str> = all()
        .filter(|it| matches!((it.run)(&Subject::default(), &Policy::default()), Judgement::Looked(_)))
        .map(|it| it.id)
        .collect();
    assert_eq!(passed, ["readable-files"]);
}

#[test]
fn what_needs_a_mac_has_not_run_without_one() {
    let outcomes = checks::run(&good(), &Policy::default());
    for outcome in
        outcomes.iter().filter(|it| it.check.needs != Needs::Bytes && it.check.id != "opened-contents")
    {
        assert_eq!(outcome.outcome.name(), "not_run", "{}", outcome.check.id);
    }
    assert_eq!(Verdict::of(&outcomes, false), Verdict::Passed);
    assert_eq!(Verdict::of(&outcomes, true), Verdict::Incomplete);
}

#[test]
fn readings_of_a_mac_count_and_those_of_a_stand_in_do_not() {
    let outcome = |is_simulated: bool, exit: i32| {
        let mut subject = good();
        let reading = Reading {
            check: "codesign-accepts",
            path: "Host.app".into(),
            arch: None,
            exit: Some(exit),
            text: "no".into(),
        };
        subject.host =
            Some(HostReadings { is_simulated, readings: vec![reading], ..HostReadings::default() });
        checks::run::run_one(find("codesign-accepts").unwrap(), &subject, &Policy::default()).outcome.name()
    };
    assert_eq!(outcome(false, 0), "passed");
    assert_eq!(outcome(false, 1), "failed");
    assert_eq!(outcome(false, 2), "not_run", "a wrong call says nothing about the product");
    assert_eq!(outcome(true, 0), "not_run");
}

#[test]
fn two_readings_of_a_signature_are_compared() {
    let claim = || Claim {
        identifier: Some("com.example.driver".into()),
        cdhash: Some("1".repeat(40)),
        team: Some("ABCDE12345".into()),
        flags: Some(0x10000),
        entitlements: None,
        is_stapled: Some(true),
    };
    let found = |apples: Result<Claim, String>| {
        let slice = TwoReadings { path: "Host.app".into(), arch: Arch::ARM64, ours: claim(), apples };
        let host = HostReadings { slices: vec![slice], ..HostReadings::default() };
        let subject = Subject { host: Some(host), ..good() };
        let outcome = checks::run::run_one(find("readings-agree").unwrap(), &subject, &Policy::default());
        let told = outcome.findings.first().map(|it| it.found.clone());
        (outcome.outcome.name(), told.or(outcome.outcome.reason().map(str::to_owned)).unwrap_or_default())
    };
    assert_eq!(found(Ok(claim())), ("passed", String::new()));
    let empty = Some(Value::Dict(Dict::default()));
    assert_eq!(found(Ok(Claim { entitlements: empty, ..claim() })).0, "passed", "no claims are no claims");
    assert_eq!(found(Ok(Claim { team: None, ..claim() })), ("failed", "codesign reads none".to_owned()));
    assert_eq!(found(Ok(Claim { is_stapled: Some(false), ..claim() })).1, "codesign reads is not stapled");
    assert_eq!(found(Err("it hung".into())), ("not_run", "no reading of `Host.app`: it hung".to_owned()));
}

#[test]
fn a_rehearsal_is_not_held_against_codesign_for_its_root() {
    let outcome = |mode: Mode, text: &str| {
        let reading = Reading {
            check: "codesign-accepts",
            path: "Host.app".into(),
            arch: None,
            exit: Some(1),
            text: text.into(),
        };
        let host = HostReadings { readings: vec![reading], ..HostReadings::default() };
        let subject = Subject { host: Some(host), ..good() };
        let policy = Policy { mode: Some(checks::Asked::plain(mode)), ..Policy::default() };
        checks::run::run_one(find("codesign-accepts").unwrap(), &subject, &policy).outcome.name()
    };
    assert_eq!(outcome(Mode::Rehearsal, "Host.app: CSSMERR_TP_NOT_TRUSTED"), "passed");
    assert_eq!(outcome(Mode::Rehearsal, "Host.app: a sealed resource is missing or invalid"), "failed");
    assert_eq!(outcome(Mode::Distribution, "Host.app: CSSMERR_TP_NOT_TRUSTED"), "failed");
}

#[test]
fn what_was_not_opened_is_not_run_and_what_cannot_be_read_fails() {
    let mut subject = good();
    subject.unopened.push(Fault { path: "x.dmg".into(), offset: None, what: "needs a Mac".into() });
    let outcomes = checks::run(&subject, &Policy::default());
    assert_eq!(
        outcomes.iter().find(|it| it.check.id == "opened-contents").unwrap().outcome.name(),
        "not_run"
    );
    subject.faults.push(Fault { path: "x".into(), offset: Some(3), what: "cut off".into() });
    assert_eq!(Verdict::of(&checks::run(&subject, &Policy::default()), false), Verdict::Failed);
    assert_eq!(Verdict::of(&checks::run(&Subject::default(), &Policy::default()), false), Verdict::Passed);
}

#[test]
fn the_preflight_speaks_the_notarys_words() {
    let mut subject = good();
    crate::made::all_cms(&mut subject, |it| it.timestamp = checks::subject::Found::Absent);
    let issues = checks::preflight::preflight(&subject, &Policy::default());
    assert_eq!(issues.len(), 4);
    assert!(issues.iter().all(|it| it.message == "The signature does not include a secure timestamp."));
    assert!(checks::preflight::preflight(&good(), &Policy::default()).is_empty());
    for check in all().filter_map(|it| checks::preflight::message(it.id)) {
        assert!(check.len() > 10);
    }
}

#[test]
fn a_mistyped_id_has_a_neighbour() {
    assert_eq!(explain::nearest("arm64e-slices"), ["arm64e-slice", "arm64-slice"]);
    assert!(explain::explain("arm64e-slice").unwrap().contains("no slice of a dext is arm64e"));
    assert_eq!(explain::explain("nonsense"), None);
}

#[test]
fn the_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/checks.md");
    let text = explain::markdown();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/checks.md is stale: UPDATE_GOLDEN=1 cargo test -p checks");
}
