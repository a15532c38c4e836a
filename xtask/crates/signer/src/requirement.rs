//! The designated requirement: who later versions of this code must be, derived from the identity as codesign derives it.
//!
//! For Developer ID, byte for byte the form of every shipped dext in our set (208 bytes with its identifier):
//! ```text
//! identifier "X" and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] and
//!   certificate leaf[field.1.2.840.113635.100.6.1.13] and certificate leaf[subject.OU] = TEAM
//! ```
//! A chain that does not end at Apple's root names its own root by hash in the place of `anchor apple generic`.
//! The index of a certificate never follows from its place in a key file: the chain is complete, so 1 is the intermediate.

use formats::signature::{
    digest::{CdHash, hex},
    requirement::{CertSlot, Expr, Match, Requirement, RequirementKind, RequirementSet, encode_set, oid},
};

use crate::{
    certificate::marker,
    identity::{Identity, Purpose, Signer},
};

/// SHA-256 of Apple Root CA, the root of all code signing certificates of Apple's.
pub const APPLE_ROOT: [u8; 32] = [
    0xb0, 0xb1, 0x73, 0x0e, 0xcb, 0xc7, 0xff, 0x45, 0x05, 0x14, 0x2c, 0x49, 0xf1, 0x29, 0x5e, 0x6e, 0xda,
    0x6b, 0xca, 0xed, 0x7e, 0x2c, 0x68, 0xc5, 0xbe, 0x91, 0xb5, 0xa1, 0x10, 0x01, 0xf0, 0x24,
];

/// The requirement set for code called `identifier`, signed by `identity`; empty when it is signed by nobody, as codesign does.
pub fn designated(identifier: &str, identity: &Identity) -> RequirementSet {
    let Some(signer) = identity.signer() else { return RequirementSet::default() };
    let named = Expr::Identifier(identifier.as_bytes().to_vec());
    let whole = and(named, signed_by(signer, identity.team()));
    RequirementSet { members: vec![(RequirementKind::Designated, Requirement::of(whole))] }
}

/// The blob of [`designated`].
pub fn designated_blob(identifier: &str, identity: &Identity) -> Vec<u8> {
    encode_set(&designated(identifier, identity))
}

/// [`designated`] as text, as a seal names nested code; for ad-hoc code, which has none, its cdhashes.
pub fn designated_text(identifier: &str, identity: &Identity, cdhashes: &[CdHash]) -> String {
    match designated(identifier, identity).designated() {
        Some(requirement) => requirement.to_string(),
        None => {
            cdhashes.iter().map(|it| format!("cdhash H\"{}\"", hex(&it.0))).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn signed_by(signer: &Signer, team: Option<String>) -> Expr {
    let leaf = signer.leaf();
    let anchor = match signer.root().sha256() {
        APPLE_ROOT => Expr::AnchorAppleGeneric,
        _ => Expr::CertificateHash { slot: CertSlot::ROOT, hash: signer.root().sha1().to_vec() },
    };
    let subject = |key: &str, value: String| Expr::CertificateSubject {
        slot: CertSlot::LEAF,
        key: key.as_bytes().to_vec(),
        test: Match::Equal(value.into_bytes()),
    };
    let issuer_is = |oid| field(CertSlot(1), oid);
    let has = |oid: &str| signer.chain().get(1).is_some_and(|it| it.has(oid));
    match (Purpose::of(leaf), team) {
        (Purpose::Distribution, Some(team)) if has(marker::DEVELOPER_ID_CA) => and(
            anchor,
            and(
                issuer_is(marker::DEVELOPER_ID_CA),
                and(field(CertSlot::LEAF, marker::DEVELOPER_ID_APPLICATION), subject("subject.OU", team)),
            ),
        ),
        (Purpose::Development, _) if has(marker::WWDR_CA) => {
            and(anchor, and(subject("subject.CN", leaf.common_name()), issuer_is(marker::WWDR_CA)))
        }
        _ => anchor,
    }
}

fn and(left: Expr, right: Expr) -> Expr {
    Expr::And(Box::new(left), Box::new(right))
}

fn field(slot: CertSlot, dotted: &str) -> Expr {
    let oid = oid::from_text(dotted).expect("object identifiers are constants of this crate");
    Expr::CertificateField { slot, oid, test: Match::Exists }
}
