//! Messages and timestamps made by hand: each thing that can be wrong with them.

use proptest::prelude::*;

use super::*;
use crate::signature::{
    certificate::{USAGE_CODE_SIGNING, USAGE_TIME_STAMPING},
    chain::Trust,
    made::{Message, Wanted, extended_usage, object, party, seq, tlv, token},
    timestamp::{Fault, Timestamp},
};

const CONTENT: &[u8] = b"the code directory";

/// The message, after `change`, verified over `CONTENT` with its own certificate.
#[track_caller]
fn check(change: impl FnOnce(&mut Message<'_>), expected: Result<(), Mismatch>) {
    let (issuer, signer) = (party("Issuer"), party("Signer"));
    let leaf = Wanted::leaf().make(&signer, &issuer);
    let mut message = Message::of(CONTENT, &signer, &leaf);
    change(&mut message);
    let found = SignedData::parse(Bytes::new(&message.der())).unwrap();
    let certificate = found.signers[0].certificate(&found.certificates).unwrap();
    assert_eq!(found.signers[0].verify(CONTENT, certificate), expected);
}

#[test]
fn a_sound_message_verifies_with_attributes_and_without() {
    check(|_| {}, Ok(()));
    check(|it| it.attributes.clear(), Ok(()));
    check(|it| it.is_attached = true, Ok(()));
}

#[test]
fn other_content_has_another_digest() {
    let other = |it: &mut Message<'_>| it.attributes[1].1 = tlv(OCTET_STRING, &[vec![1; 32]]);
    let found = HashType::Sha256.digest(CONTENT);
    check(other, Err(Mismatch::Digest { signed: vec![1; 32], found }));
    let unsigned = |it: &mut Message<'_>| {
        it.attributes.clear();
        it.content = b"other".to_vec();
    };
    check(unsigned, Err(Mismatch::Signature(Refusal::Invalid)));
}

#[test]
fn a_digest_must_be_there_exactly_once() {
    check(|it| it.attributes.truncate(1), Err(Mismatch::NoDigest));
    check(|it| it.attributes.push(it.attributes[1].clone()), Err(Mismatch::NoDigest));
}

#[test]
fn the_content_type_must_be_signed() {
    check(|it| drop(it.attributes.remove(0)), Err(Mismatch::ContentType));
    check(|it| it.attributes[0].1 = object("1.2.3"), Err(Mismatch::ContentType));
}

#[test]
fn a_signature_by_another_key_is_invalid() {
    let [issuer, signer, other] = ["Issuer", "Signer", "Other"].map(party);
    let leaf = Wanted::leaf().make(&signer, &issuer);
    let der = Message::of(CONTENT, &other, &leaf).der();
    let found = SignedData::parse(Bytes::new(&der)).unwrap();
    let mismatch = Mismatch::Signature(Refusal::Invalid);
    assert_eq!(found.signers[0].verify(CONTENT, &leaf), Err(mismatch));
}

#[test]
fn the_signer_is_found_by_issuer_and_serial_number() {
    let [issuer, signer] = ["Issuer", "Signer"].map(party);
    let leaf = Wanted::leaf().make(&signer, &issuer);
    let der = Message::of(CONTENT, &signer, &leaf).der();
    let found = SignedData::parse(Bytes::new(&der)).unwrap();
    let later = Wanted { serial: 8, ..Wanted::leaf() }.make(&signer, &issuer);
    assert!(found.signers[0].certificate(std::slice::from_ref(&later)).is_none());
    assert_eq!(found.signers[0].certificate(&[later, leaf.clone()]), Some(&leaf));
}

#[test]
fn a_certificate_that_cannot_be_read_does_not_hide_the_others() {
    let [issuer, signer] = ["Issuer", "Signer"].map(party);
    let leaf = Wanted::leaf().make(&signer, &issuer);
    let mut message = Message::of(CONTENT, &signer, &leaf);
    message.certificates.insert(0, seq(&[]));
    let found = SignedData::parse(Bytes::new(&message.der())).unwrap();
    assert_eq!((found.certificates.len(), found.unread_certificates.len()), (1, 1));
    message.certificates = vec![seq(&[]); 65];
    let error = SignedData::parse(Bytes::new(&message.der())).unwrap_err();
    assert!(error.what.contains("more than 64 certificates"), "{error}");
}

#[test]
fn hash_agility_is_read_in_both_forms() {
    let list = b"<plist><dict><key>cdhashes</key><array><data>AQEBAQEBAQEBAQEBAQEBAQEBAQE=</data></array></dict></plist>";
    let [issuer, signer] = ["Issuer", "Signer"].map(party);
    let leaf = Wanted::leaf().make(&signer, &issuer);
    let mut message = Message::of(CONTENT, &signer, &leaf);
    let digest = seq(&[object("2.16.840.1.101.3.4.2.1"), tlv(OCTET_STRING, &[vec![1; 32]])]);
    message.attributes.push((HASH_AGILITY_V1, tlv(OCTET_STRING, &[list.to_vec()])));
    message.attributes.push((HASH_AGILITY_V2, digest));
    let found = SignedData::parse(Bytes::new(&message.der())).unwrap();
    let [signer] = found.signers.as_slice() else { panic!("one signer") };
    assert_eq!(signer.hash_agility_cdhashes().unwrap().unwrap(), [CdHash([1; 20])]);
    assert_eq!(signer.agile_cdhashes().unwrap().unwrap(), [CdHash([1; 20])]);

    message.attributes[2].1 = tlv(OCTET_STRING, &[b"<plist><dict/></plist>".to_vec()]);
    message.attributes[3].1 = seq(&[object("1.2"), tlv(OCTET_STRING, &[vec![1; 19]])]);
    let found = SignedData::parse(Bytes::new(&message.der())).unwrap();
    assert!(found.signers[0].hash_agility_cdhashes().unwrap().is_err());
    assert!(found.signers[0].agile_cdhashes().unwrap().is_err());
}

#[test]
fn indefinite_lengths_and_padding_change_nothing() {
    let [issuer, signer] = ["Issuer", "Signer"].map(party);
    let leaf = Wanted::leaf().make(&signer, &issuer);
    let der = Message::of(CONTENT, &signer, &leaf).der();
    let content = Element::only(Bytes::new(&der)).unwrap().content.as_slice();
    let ber = [&[0x30, 0x80][..], content, &[0, 0], &[0; 100]].concat();
    let found = SignedData::parse(Bytes::new(&ber)).unwrap();
    assert_eq!(found.consumed, content.len() + 4);
    assert_eq!(found.signers[0].verify(CONTENT, &leaf), Ok(()));
}

/// A timestamp by an authority of these usages, judged for `CONTENT`.
#[track_caller]
fn stamped(usages: &[&str], at: &str, for_bytes: &[u8], expected: &[Fault]) {
    let [root, authority] = ["Root", "Authority"].map(party);
    let root_certificate = Wanted::authority().make(&root, &root);
    let leaf = Wanted::leaf().with(extended_usage(usages)).make(&authority, &root);
    let found = Timestamp::parse(Bytes::new(&token(for_bytes, at, &authority, &leaf))).unwrap();
    let trust = Trust { roots: vec![root_certificate], intermediates: vec![] };
    assert_eq!(found.verify(CONTENT, &[], &trust).faults, expected);
    let untrusted = found.verify(CONTENT, &[], &Trust::default()).faults;
    assert!(untrusted.contains(&Fault::Untrusted), "{untrusted:?}");
}

#[test]
fn a_timestamp_vouches_for_its_bytes_only() {
    const AT: &str = "20250101000000Z";
    stamped(&[USAGE_TIME_STAMPING], AT, CONTENT, &[]);
    stamped(&[USAGE_TIME_STAMPING], AT, b"other", &[Fault::Imprint]);
    stamped(&[USAGE_CODE_SIGNING], AT, CONTENT, &[Fault::Usage]);
    stamped(&[USAGE_TIME_STAMPING, USAGE_CODE_SIGNING], AT, CONTENT, &[Fault::Usage]);
    stamped(&[USAGE_TIME_STAMPING], "20310101000000Z", CONTENT, &[Fault::Untrusted]);
}

#[test]
fn a_message_that_is_no_timestamp_is_refused() {
    let [issuer, signer] = ["Issuer", "Signer"].map(party);
    let leaf = Wanted::leaf().make(&signer, &issuer);
    let error = Timestamp::parse(Bytes::new(&Message::of(CONTENT, &signer, &leaf).der())).unwrap_err();
    assert!(error.what.contains("is no timestamp"), "{error}");
}

#[test]
fn a_message_of_another_type_is_refused() {
    let other = seq(&[object("1.2.840.113549.1.7.1"), tlv(context(0), &[seq(&[])])]);
    let error = SignedData::parse(Bytes::new(&other)).unwrap_err();
    assert!(error.what.contains("is not signed data"), "{error}");
}

proptest! {
    #[test]
    fn a_damaged_message_is_read_without_panic(at in 0usize..900, value: u8) {
        let (issuer, signer) = (party("Issuer"), party("Signer"));
        let leaf = Wanted::leaf().make(&signer, &issuer);
        let mut bytes = token(CONTENT, "20250101000000Z", &signer, &leaf);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        fuzz(&bytes);
        crate::signature::timestamp::fuzz(&bytes);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz(&bytes);
        crate::signature::timestamp::fuzz(&bytes);
        crate::signature::embedded::fuzz(&bytes);
    }
}
