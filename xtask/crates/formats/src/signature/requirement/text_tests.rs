//! Requirements as text: there and back, and what is refused.

use super::*;

/// `text` is read, written, and printed as `printed`.
#[track_caller]
fn prints(text: &str, printed: &str) {
    let found = parse(text).unwrap();
    assert_eq!(found.to_string(), printed);
    let bytes = encode(&found);
    assert_eq!(decode(crate::Bytes::new(&bytes)).as_ref(), Ok(&found));
    assert_eq!(parse(printed).unwrap().to_string(), printed);
}

#[track_caller]
fn check(text: &str) {
    prints(text, text);
}

#[track_caller]
fn refused(text: &str, offset: u64, part: &str) {
    let error = parse(text).unwrap_err();
    assert!(error.what.contains(part), "{error}");
    assert_eq!(error.offset, offset, "{error}");
}

const DEVELOPER_ID: &str = "identifier \"com.example.driver\" and anchor apple generic and \
    certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */ and \
    certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and \
    certificate leaf[subject.OU] = TEAM123456";

#[test]
fn the_usual_designated_requirement_goes_there_and_back() {
    check(DEVELOPER_ID);
    let as_xcode_writes_it = DEVELOPER_ID.replace(" /* exists */", " exists");
    prints(&as_xcode_writes_it, DEVELOPER_ID);
}

#[test]
fn every_operator_has_a_text() {
    for text in [
        "always",
        "never",
        "notarized",
        "legacy",
        "anchor apple",
        "anchor apple generic",
        "anchor trusted",
        "anchor apple Name",
        "certificate leaf trusted",
        "certificate -2 = H\"0123456789abcdef0123456789abcdef01234567\"",
        "cdhash H\"0123456789abcdef0123456789abcdef01234567\"",
        "platform = 4",
        "(Name)",
        "! never",
        "info[CFBundleVersion] >= \"17.4.2\"",
        "entitlement[com.apple.security.app-sandbox] /* exists */".replace("app-", "").as_str(),
        "entitlement[\"com.apple.security.app-sandbox\"] absent ",
        "certificate root[subject.CN] = \"Apple Root CA\"",
        "certificate leaf[policy.1.2.840.113635.100.5.1] /* exists */",
        "certificate leaf[timestamp.1.2.3] < <2019-06-01 00:00:00 +0000>",
    ] {
        check(text);
    }
}

#[test]
fn every_match_has_a_text() {
    for suffix in [
        " /* exists */",
        " absent ",
        " = a",
        " ~ a",
        " = a*",
        " = *a",
        " < a",
        " > a",
        " <= a",
        " >= a",
        " = <2001-01-01 00:00:00 +0000>",
        " < <2001-01-01 00:00:00 +0000>",
        " > <2001-01-01 00:00:00 +0000>",
        " <= <2001-01-01 00:00:00 +0000>",
        " >= <2001-01-01 00:00:00 +0000>",
    ] {
        check(&format!("info[key]{suffix}"));
    }
    prints("info[key] == *a*", "info[key] ~ a");
    prints("info[key] = timestamp \"20190601000000Z\"", "info[key] = <2019-06-01 00:00:00 +0000>");
}

#[test]
fn other_spellings_mean_the_same() {
    prints("cert leaf trusted ;", "certificate leaf trusted");
    prints("anchor generic apple", "anchor apple generic");
    prints("identifier = com.example", "identifier \"com.example\"");
    prints("anchor[subject.CN] exists", "certificate root[subject.CN] /* exists */");
    prints("certificate leaf[extension.1.2.3]", "certificate leaf[field.1.2.3] /* exists */");
    prints("# why\nalways // so\n/* and */ and true", "always and always");
}

#[test]
fn and_binds_tighter_than_or() {
    check("always or never and notarized");
    check("(always or never) and notarized");
    check("! (always and never)");
    prints("always and (never and legacy)", "always and never and legacy");
}

#[test]
fn texts_are_quoted_when_they_must_be() {
    prints("identifier \"plain\"", "identifier plain");
    prints("identifier \"apple\"", "identifier \"apple\"");
    prints("identifier \"1a\"", "identifier \"1a\"");
    prints("identifier \"\"", "identifier \"\"");
    prints(r#"identifier "a\"b\\c""#, r#"identifier "a\"b\\c""#);
    prints("identifier \"é\"", "identifier 0xc3a9");
    prints("info[\".a\"] exists", "info[\".a\"] /* exists */");
}

#[test]
fn faults_are_told_with_their_place() {
    refused("", 0, "a requirement expected, the text ends");
    refused("always and", 10, "a requirement expected, the text ends");
    refused("always never", 7, "the end expected, found `never`");
    refused("identifier apple", 11, "a text expected, found `apple`");
    refused("cdhash H\"01\"", 7, "hash has 1 bytes, not 20");
    refused("cdhash H\"012\"", 7, "come in pairs");
    refused("(always", 7, "`)` expected");
    refused("info[a", 6, "`]` expected");
    refused("certificate leaf[field.x] exists", 16, "no object identifier in `field.x`");
    refused("certificate leaf[issuer.CN] exists", 16, "unknown certificate field `issuer.CN`");
    refused("identifier \"a", 11, "text has no end");
    refused("platform = 99999999999", 11, "number is too large");
    refused("info[a] = timestamp \"2019\"", 20, "time is malformed");
    refused("/* a", 0, "comment has no end");
    refused("always & never", 7, "`&` means nothing here");
}

#[test]
fn nesting_is_bounded() {
    let nested = |n: usize| format!("{}always{}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&nested(127)).is_ok());
    refused(&nested(128), 128, "parentheses nested deeper than 128");
    let chain = |n: usize| vec!["always"; n].join(" or ");
    assert!(parse(&chain(999)).is_ok());
    assert!(parse(&chain(1000)).unwrap_err().what.contains("nested deeper than 999"));
    let longest = parse(&chain(999)).unwrap();
    assert_eq!(decode(crate::Bytes::new(&encode(&longest))), Ok(longest));
}

#[test]
fn a_set_is_read_and_printed_line_by_line() {
    let text = "host => anchor apple\ndesignated => identifier \"a.b\"\n/*unknown type*/ 9 => always\n";
    let set = parse_set(text).unwrap();
    assert_eq!(set.to_string(), text);
    assert_eq!(set.members.len(), 3);
    assert!(parse_set("nobody => always").unwrap_err().what.contains("a kind of requirement expected"));
    assert!(parse_set("designated always").unwrap_err().what.contains("`=>` expected"));
}
