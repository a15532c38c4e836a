//! Certificates and chains made by hand: what holds, what does not, and why.

use proptest::prelude::*;

use super::*;
use crate::{
    Bytes,
    signature::{
        certificate::{self, marker},
        made::{ECDSA_SHA1, Wanted, constraints, extended_usage, key_usage, party},
    },
};

/// Leaf, intermediate, root; the root is trusted.
struct Made {
    leaf: Certificate,
    pool: Vec<Certificate>,
    trust: Trust,
}

fn made(leaf: &Wanted, intermediate: &Wanted) -> Made {
    let [root, middle, end] = ["Root", "Middle", "End"].map(party);
    let root_certificate = Wanted::authority().make(&root, &root);
    Made {
        leaf: leaf.make(&end, &middle),
        pool: vec![root_certificate.clone(), intermediate.make(&middle, &root)],
        trust: Trust { roots: vec![root_certificate], intermediates: vec![] },
    }
}

fn at(text: &str) -> UnixTime {
    UnixTime::from_text(text, true).unwrap()
}

#[track_caller]
fn check(leaf: &Wanted, intermediate: &Wanted, expected: &[Fault]) {
    let Made { leaf, pool, trust } = made(leaf, intermediate);
    let chain = build(&leaf, &pool, &trust, at("20250101000000Z"));
    assert_eq!((chain.certificates.len(), &chain.anchor), (3, &Anchor::Given));
    assert_eq!(chain.faults, expected);
    assert_eq!(chain.is_trusted(), expected.is_empty());
}

#[test]
fn a_sound_chain_is_trusted() {
    check(&Wanted::leaf(), &Wanted::authority(), &[]);
}

#[test]
fn validity_is_judged_at_the_moment_given() {
    let early = Wanted { valid: ("20200101000000Z", "20241231235959Z"), ..Wanted::leaf() };
    check(&early, &Wanted::authority(), &[Fault::NotValid(0)]);
    let just = Wanted { valid: ("20250101000000Z", "20250101000000Z"), ..Wanted::leaf() };
    check(&just, &Wanted::authority(), &[]);
}

#[test]
fn who_issues_must_be_an_authority() {
    check(&Wanted::leaf(), &Wanted::leaf(), &[Fault::NotAuthority(1)]);
    check(&Wanted::leaf(), &Wanted::leaf().with(constraints(false, None)), &[Fault::NotAuthority(1)]);
    check(&Wanted::leaf(), &Wanted::authority().with(key_usage(0x80)), &[Fault::MayNotIssue(1)]);
    check(&Wanted::leaf(), &Wanted::authority().with(constraints(true, Some(0))), &[]);
}

#[test]
fn a_path_may_be_limited() {
    let [root, middle, end] = ["Root", "Middle", "End"].map(party);
    let limited = Wanted::authority().with(constraints(true, Some(0))).make(&root, &root);
    let pool = [Wanted::authority().make(&middle, &root)];
    let trust = Trust { roots: vec![limited], intermediates: vec![] };
    let chain = build(&Wanted::leaf().make(&end, &middle), &pool, &trust, at("20250101000000Z"));
    assert_eq!(chain.faults, [Fault::PathTooLong(2)]);
}

#[test]
fn sha1_is_a_fault_unless_it_is_a_roots_own() {
    let old = Wanted { algorithm: ECDSA_SHA1, ..Wanted::leaf() };
    check(&old, &Wanted::authority(), &[Fault::Sha1(0)]);
    let root = party("Root");
    let trust = Trust {
        roots: vec![Wanted { algorithm: ECDSA_SHA1, ..Wanted::authority() }.make(&root, &root)],
        intermediates: vec![],
    };
    let leaf = Wanted::leaf().make(&party("End"), &root);
    assert!(build(&leaf, &[], &trust, at("20250101000000Z")).is_trusted());
}

#[test]
fn an_unknown_critical_extension_is_a_fault_and_a_marker_is_not() {
    let odd = |id: &'static str, is_critical| Wanted::leaf().with((id, is_critical, vec![5, 0]));
    let fault = Fault::UnknownCritical(0, "1.2.3.4".to_owned());
    check(&odd("1.2.3.4", true), &Wanted::authority(), &[fault]);
    check(&odd("1.2.3.4", false), &Wanted::authority(), &[]);
    check(&odd(marker::DEVELOPER_ID_APPLICATION, true), &Wanted::authority(), &[]);
}

#[test]
fn a_root_that_nobody_gave_is_not_trusted_whatever_it_calls_itself() {
    let [apple, end] = ["Apple Root CA", "End"].map(party);
    let root = Wanted::authority().make(&apple, &apple);
    let leaf = Wanted::leaf().make(&end, &apple);
    let chain = build(&leaf, &[root], &Trust::default(), at("20250101000000Z"));
    assert_eq!((chain.anchor.clone(), chain.is_trusted()), (Anchor::Unknown, false));
    assert!(chain.has_root());

    let g3 = party("Apple Root CA - G3");
    let leaf = Wanted::leaf().make(&end, &g3);
    let chain = build(&leaf, &[], &Trust::default(), at("20250101000000Z"));
    assert_eq!(chain.anchor, Anchor::Missing("CN=Apple Root CA - G3".to_owned()));
}

#[test]
fn an_issuer_with_the_right_name_and_another_key_is_refused_and_told() {
    let [root, end] = ["Root", "End"].map(party);
    let mut impostor = party("Impostor");
    impostor.name = "Root".to_owned();
    let leaf = Wanted::leaf().make(&end, &root);
    let false_root = Wanted::authority().make(&impostor, &impostor);
    let trust = Trust { roots: vec![false_root], intermediates: vec![] };
    let chain = build(&leaf, &[], &trust, at("20250101000000Z"));
    assert_eq!(chain.anchor, Anchor::Missing("CN=Root".to_owned()));
    assert_eq!(chain.remarks, [Remark::IssuerRefused(0, Refusal::Invalid)]);
}

#[test]
fn the_way_that_is_anchored_wins_over_the_others() {
    // Cross-signed: the intermediate exists twice, and the one in front leads nowhere.
    let [root, other, middle, end] = ["Root", "Other", "Middle", "End"].map(party);
    let roots = vec![Wanted::authority().make(&root, &root)];
    let pool = [Wanted::authority().make(&middle, &other), Wanted::authority().make(&middle, &root)];
    let trust = Trust { roots, intermediates: vec![] };
    let chain = build(&Wanted::leaf().make(&end, &middle), &pool, &trust, at("20250101000000Z"));
    assert!(chain.is_trusted(), "{chain:?}");
}

#[test]
fn a_hostile_pool_ends_the_search() {
    let [a, end] = ["A", "End"].map(party);
    // Self-issued certificates of one key, all of which could have signed one another.
    let pool: Vec<_> = (0..60).map(|serial| Wanted { serial, ..Wanted::authority() }.make(&a, &a)).collect();
    let chain = build(&Wanted::leaf().make(&end, &a), &pool, &Trust::default(), at("20250101000000Z"));
    assert!(chain.remarks.contains(&Remark::SearchCutOff));
    assert!(!chain.is_trusted() && chain.certificates.len() <= MAX_LEN);
}

#[test]
fn a_certificate_says_what_is_in_it() {
    let usages = extended_usage(&[certificate::USAGE_CODE_SIGNING]);
    let marked = (marker::DEVELOPER_ID_APPLICATION, true, vec![5, 0]);
    let found = Wanted::leaf().with(usages).with(marked).with(key_usage(0x80)).make(&party("A"), &party("B"));
    assert_eq!(found.subject.common_name(), Some("A"));
    assert_eq!(found.issuer.to_string(), "CN=B");
    assert_eq!(found.extended_key_usage().unwrap().unwrap(), [certificate::USAGE_CODE_SIGNING]);
    assert_eq!(found.markers().collect::<Vec<_>>(), [marker::DEVELOPER_ID_APPLICATION]);
    assert_eq!(found.key_usage(), Ok(Some(0x80)));
    assert_eq!((found.key.describe(), found.serial.as_slice()), ("P-256".to_owned(), &[7][..]));
    assert!(!found.is_self_issued() && !found.basic_constraints().unwrap().is_authority);
}

#[test]
fn a_certificate_with_something_behind_it_or_an_extension_twice_is_refused() {
    let der = Wanted::leaf().der(&party("A"), &party("B"));
    assert!(Certificate::parse(Bytes::new(&[der.as_slice(), &[0]].concat())).is_err());
    let mut twice = Wanted::leaf();
    twice.extensions = vec![key_usage(1), key_usage(2)];
    let error = Certificate::parse(Bytes::new(&twice.der(&party("A"), &party("B")))).unwrap_err();
    assert!(error.what.contains("extension 2.5.29.15 twice"), "{error}");
}

proptest! {
    #[test]
    fn a_damaged_certificate_is_read_without_panic(at in 0usize..400, value: u8) {
        let mut der = Wanted::authority().der(&party("A"), &party("A"));
        if let Some(byte) = der.get_mut(at) {
            *byte = value;
        }
        certificate::fuzz(&der);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        certificate::fuzz(&bytes);
        crate::signature::key::fuzz(&bytes);
    }
}
