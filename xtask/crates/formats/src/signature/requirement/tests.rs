//! Requirements there and back.

use proptest::prelude::*;

use super::*;
use crate::{
    Bytes,
    signature::superblob::{
        MAGIC_REQUIREMENT,
        tests::{blob, superblob},
    },
};

/// The bytes of a requirement whose expression is these words.
fn words(words: &[u32]) -> Vec<u8> {
    let body: Vec<u8> = std::iter::once(&1).chain(words).flat_map(|it| it.to_be_bytes()).collect();
    blob(MAGIC_REQUIREMENT, &body)
}

#[track_caller]
fn refused(bytes: &[u8], offset: u64, part: &str) {
    let error = decode(Bytes::new(bytes)).unwrap_err();
    assert!(error.what.contains(part), "{error}");
    assert_eq!(error.offset, offset, "{error}");
}

#[test]
fn an_operator_that_may_be_false_or_skipped_is_kept_and_written_back() {
    let bytes = words(&[6, 0x8000_0063, 4, 0xaaaa_aaaa, 0x4000_0064, 0, 1]);
    let Requirement::Expression(Expr::And(left, right), rest) = decode(Bytes::new(&bytes)).unwrap() else {
        panic!("not an and")
    };
    assert_eq!(*left, Expr::UnknownFalse { opcode: 0x8000_0063, argument: vec![0xaa; 4] });
    assert!(matches!(*right, Expr::UnknownSkipped { then, .. } if *then == Expr::Always));
    assert!(rest.is_empty());
    assert_eq!(encode(&decode(Bytes::new(&bytes)).unwrap()), bytes);
}

#[test]
fn an_unknown_operator_without_a_hint_is_refused() {
    refused(&words(&[6, 1, 0x63]), 20, "operator 0x63 is not known");
}

#[test]
fn flags_on_a_known_operator_mean_nothing_and_are_kept() {
    let bytes = words(&[0x8000_0001]);
    let found = decode(Bytes::new(&bytes)).unwrap();
    let always = Box::new(Expr::Always);
    assert_eq!(found, Requirement::of(Expr::Flagged { flags: 0x80, expr: always }));
    assert_eq!(encode(&found), bytes);
}

#[test]
fn nesting_is_bounded_where_security_gives_up() {
    let nots = |n: usize| words(&[vec![9; n], vec![1]].concat());
    let deepest = nots(MAX_DEPTH as usize - 1);
    let found = decode(Bytes::new(&deepest)).unwrap();
    assert_eq!(encode(&found.clone()), deepest);
    assert!(!format!("{found:?}").is_empty());
    refused(&nots(MAX_DEPTH as usize), 12 + 4 * u64::from(MAX_DEPTH), "nested deeper than 999");
}

#[test]
fn a_certificate_hash_has_twenty_bytes() {
    let hash = |len: u32| words(&[&[4, 0, len][..], &vec![0; len.div_ceil(4) as usize]].concat());
    assert!(decode(Bytes::new(&hash(20))).is_ok());
    refused(&hash(32), 20, "certificate hash has 32 bytes");
}

#[test]
fn a_text_past_the_end_is_refused() {
    refused(&words(&[2, 5, 0]), 20, "5 bytes wanted, 4 there");
}

#[test]
fn an_unknown_match_keeps_the_stream_aligned() {
    let bytes = words(&[6, 16, 1, u32::from_be_bytes(*b"a\0\0\0"), 77, 4, 0x6162_6364, 1]);
    let found = decode(Bytes::new(&bytes)).unwrap();
    let test = Match::Unknown(77, b"abcd".to_vec());
    let entitlement = Expr::Entitlement { key: b"a".to_vec(), test };
    assert_eq!(found, Requirement::of(Expr::And(Box::new(entitlement), Box::new(Expr::Always))));
    assert_eq!(encode(&found), bytes);
}

#[test]
fn a_lightweight_requirement_is_kept_as_it_is() {
    let body = [&[0, 0, 0, 2, 0, 0, 0, 3][..], b"der\0"].concat();
    let bytes = blob(MAGIC_REQUIREMENT, &body);
    let found = decode(Bytes::new(&bytes)).unwrap();
    assert_eq!(found, Requirement::Lightweight(b"der".to_vec()));
    assert_eq!(encode(&found), bytes);
}

#[test]
fn a_set_knows_its_designated_requirement() {
    let bytes = superblob(0xfade_0c01, &[(1, words(&[0])), (3, words(&[1])), (9, words(&[3]))]);
    let found = decode_set(Bytes::new(&bytes)).unwrap();
    assert_eq!(found.designated(), Some(&Requirement::of(Expr::Always)));
    assert_eq!(found.members[2].0, RequirementKind::Other(9));
    assert_eq!(encode_set(&found), bytes);
    assert_eq!(encode_set(&RequirementSet::default()).len(), 12);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz(&bytes);
        fuzz(&blob(MAGIC_REQUIREMENT, &[&[0, 0, 0, 1][..], &bytes].concat()));
    }

    #[test]
    fn any_text_is_read_without_panic(
        text in r#"([a-zA-Z.]{1,6}|[ ()\[\]=<>*!~;"0-9x-]|/\*|\*/| and | or |always|cdhash H"|identifier |info\[a\] = |cert leaf|é)*"#
    ) {
        fuzz(text.as_bytes());
    }

    #[test]
    fn any_operators_are_read_without_panic(
        ops in proptest::collection::vec(prop_oneof![0u32..26, Just(0x8000_0040), Just(0x4000_0041)], 0..40)
    ) {
        fuzz(&words(&ops));
    }
}
