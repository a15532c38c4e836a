//! What requirements answer, true beside false beside unknown.

use super::{evaluate::*, *};
use crate::{
    document::plist::{Date, Dict, Value},
    signature::digest::CdHash,
};

fn info() -> Dict {
    let array = Value::Array(vec!["one".into(), "two".into()]);
    Dict::from_iter([
        ("Text", Value::from("17.10")),
        ("Yes", true.into()),
        ("No", false.into()),
        ("List", array),
        ("Number", Value::Integer(7)),
        ("When", Date(978_307_200 + 100).into()),
    ])
}

#[track_caller]
fn check(text: &str, expected: Option<bool>) {
    check_with(text, expected, |_| {});
}

#[track_caller]
fn check_with(text: &str, expected: Option<bool>, change: impl FnOnce(&mut Facts<'_>)) {
    let info = info();
    let mut facts = Facts {
        identifier: "com.example",
        cdhashes: &[CdHash([0x11; 20])],
        info: Some(&info),
        entitlements: None,
        certificates: &[],
        has_root: false,
        root: Root::Other,
        platform: 0,
        notarized: None,
    };
    change(&mut facts);
    let answer = match evaluate(&parse(text).unwrap(), &facts) {
        Answer::True => Some(true),
        Answer::False => Some(false),
        Answer::Unknown(_) => None,
    };
    assert_eq!(answer, expected, "{text}");
}

#[test]
fn names_and_hashes_must_be_the_same() {
    check("identifier \"com.example\"", Some(true));
    check("identifier \"com.Example\"", Some(false));
    check(&format!("cdhash H\"{}\"", "11".repeat(20)), Some(true));
    check(&format!("cdhash H\"{}\"", "12".repeat(20)), Some(false));
    check("platform = 0", Some(true));
    check("platform = 1", Some(false));
}

#[test]
fn false_and_true_win_over_unknown() {
    check("anchor trusted", None);
    check("anchor trusted and never", Some(false));
    check("never and anchor trusted", Some(false));
    check("anchor trusted and always", None);
    check("anchor trusted or always", Some(true));
    check("anchor trusted or never", None);
    check("! anchor trusted", None);
    check("! never", Some(true));
}

#[test]
fn what_only_a_mac_knows_is_unknown() {
    check("notarized", None);
    check_with("notarized", Some(true), |it| it.notarized = Some(true));
    check_with("notarized", Some(false), |it| it.notarized = Some(false));
    check("legacy", None);
    check("(Name)", None);
    check("anchor apple Name", None);
    check("anchor apple", None);
}

#[test]
fn keys_are_there_or_absent() {
    check("info[Text] exists", Some(true));
    check("info[Yes] exists", Some(true));
    check("info[No] exists", Some(false));
    check("info[No] absent", Some(false));
    check("info[Nothing] exists", Some(false));
    check("info[Nothing] absent", Some(true));
    check("entitlement[any] absent", Some(true));
    check("entitlement[any] exists", Some(false));
}

#[test]
fn texts_compare_as_wholes_parts_and_numbers() {
    check("info[Text] = \"17.10\"", Some(true));
    check("info[Text] = \"17.1\"", Some(false));
    check("info[Text] = \"17.\"*", Some(true));
    check("info[Text] = \"7.\"*", Some(false));
    check("info[Text] = *\".10\"", Some(true));
    check("info[Text] ~ \"7.1\"", Some(true));
    check("info[Text] ~ \"\"", Some(false));
    check("info[Text] > \"17.9\"", Some(true));
    check("info[Text] < \"17.9\"", Some(false));
    check("info[Text] >= \"17.010\"", Some(true));
    check("info[Text] <= \"17.10\"", Some(true));
    check("info[Text] < \"17.10.1\"", Some(true));
    check("info[Text] < \"99999999999999999999999\"", Some(true));
    check("info[Number] = \"7\"", Some(false));
}

#[test]
fn one_element_of_an_array_is_enough() {
    check("info[List] = two", Some(true));
    check("info[List] = three", Some(false));
    check("info[List] exists", Some(true));
}

#[test]
fn dates_compare_with_times_only() {
    check("info[When] > timestamp \"20010101000000Z\"", Some(true));
    check("info[When] = timestamp \"20010101000140Z\"", Some(true));
    check("info[When] <= timestamp \"20010101000139Z\"", Some(false));
    check("info[Text] >= timestamp \"20010101000000Z\"", Some(false));
}

#[test]
fn code_without_certificates_satisfies_nothing_about_them() {
    check("anchor apple generic", Some(false));
    check("certificate leaf[subject.OU] = TEAM", Some(false));
    check("certificate leaf[subject.OU] absent", Some(false));
    check("certificate root[field.1.2.3] exists", Some(false));
    check("certificate leaf[timestamp.1.2.3] absent", Some(true));
    check_with("anchor apple generic", None, |it| it.root = Root::Unknown);
}

#[test]
fn what_is_not_understood_is_never_true() {
    let unknown = Expr::Info { key: b"Text".to_vec(), test: Match::Unknown(99, vec![]) };
    for expr in [unknown, Expr::UnknownFalse { opcode: 0x8000_0099, argument: vec![] }] {
        assert_eq!(evaluate(&Requirement::of(expr), &facts()), Answer::False);
    }
    let skipped =
        Expr::UnknownSkipped { opcode: 0x4000_0099, argument: vec![], then: Box::new(Expr::Always) };
    assert_eq!(evaluate(&Requirement::of(skipped), &facts()), Answer::True);
    assert!(matches!(evaluate(&Requirement::Lightweight(vec![]), &facts()), Answer::Unknown(_)));
}

fn facts() -> Facts<'static> {
    Facts {
        identifier: "",
        cdhashes: &[],
        info: None,
        entitlements: None,
        certificates: &[],
        has_root: false,
        root: Root::Other,
        platform: 0,
        notarized: None,
    }
}
