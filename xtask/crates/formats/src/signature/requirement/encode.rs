//! Requirements to bytes, as codesign lays them out.

use crate::signature::{
    requirement::{CertSlot, Expr, KIND_EXPRESSION, KIND_LIGHTWEIGHT, Match, Requirement, RequirementSet},
    superblob::{BLOB_HEADER, MAGIC_REQUIREMENT, MAGIC_REQUIREMENTS},
};

/// The blob of one requirement, header included.
pub fn encode(requirement: &Requirement) -> Vec<u8> {
    let mut body = Vec::new();
    match requirement {
        Requirement::Expression(expr, rest) => {
            put(&mut body, KIND_EXPRESSION);
            put_expr(&mut body, expr);
            body.extend(rest);
        }
        Requirement::Lightweight(der) => {
            put(&mut body, KIND_LIGHTWEIGHT);
            put_data(&mut body, der);
        }
    }
    blob(MAGIC_REQUIREMENT, body)
}

/// The blob of a set, header included. An empty set is twelve bytes, which is what ad-hoc signatures carry.
pub fn encode_set(set: &RequirementSet) -> Vec<u8> {
    let mut index = Vec::new();
    let mut blobs = Vec::new();
    put(&mut index, set.members.len() as u32);
    let first = BLOB_HEADER + 4 + 8 * set.members.len();
    for (kind, requirement) in &set.members {
        put(&mut index, kind.number());
        put(&mut index, (first + blobs.len()) as u32);
        blobs.extend(encode(requirement));
    }
    index.extend(blobs);
    blob(MAGIC_REQUIREMENTS, index)
}

fn blob(magic: u32, body: Vec<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(BLOB_HEADER + body.len());
    put(&mut out, magic);
    put(&mut out, (BLOB_HEADER + body.len()) as u32);
    out.extend(body);
    out
}

fn put(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_be_bytes());
}

fn put_data(out: &mut Vec<u8>, data: &[u8]) {
    put(out, data.len() as u32);
    out.extend(data);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn put_argument(out: &mut Vec<u8>, data: &[u8]) {
    put(out, data.len() as u32);
    out.extend(data);
}

fn put_certificate(out: &mut Vec<u8>, opcode: u32, slot: CertSlot, key: &[u8], test: &Match) {
    put(out, opcode);
    put(out, slot.0 as u32);
    put_data(out, key);
    put_match(out, test);
}

fn put_expr(out: &mut Vec<u8>, expr: &Expr) {
    let data = |out: &mut Vec<u8>, opcode, value: &[u8]| {
        put(out, opcode);
        put_data(out, value);
    };
    match expr {
        Expr::Never => put(out, 0),
        Expr::Always => put(out, 1),
        Expr::Identifier(value) => data(out, 2, value),
        Expr::AnchorApple => put(out, 3),
        Expr::CertificateHash { slot, hash } => {
            put(out, 4);
            put(out, slot.0 as u32);
            put_data(out, hash);
        }
        Expr::InfoValue { key, value } => {
            data(out, 5, key);
            put_data(out, value);
        }
        Expr::And(left, right) => put_both(out, 6, left, right),
        Expr::Or(left, right) => put_both(out, 7, left, right),
        Expr::CdHash(hash) => data(out, 8, hash),
        Expr::Not(operand) => {
            put(out, 9);
            put_expr(out, operand);
        }
        Expr::Info { key, test } => {
            data(out, 10, key);
            put_match(out, test);
        }
        Expr::CertificateSubject { slot, key, test } => put_certificate(out, 11, *slot, key, test),
        Expr::TrustedCertificate(slot) => {
            put(out, 12);
            put(out, slot.0 as u32);
        }
        Expr::TrustedCertificates => put(out, 13),
        Expr::CertificateField { slot, oid, test } => put_certificate(out, 14, *slot, oid, test),
        Expr::AnchorAppleGeneric => put(out, 15),
        Expr::Entitlement { key, test } => {
            data(out, 16, key);
            put_match(out, test);
        }
        Expr::CertificatePolicy { slot, oid, test } => put_certificate(out, 17, *slot, oid, test),
        Expr::NamedAnchor(name) => data(out, 18, name),
        Expr::NamedCode(name) => data(out, 19, name),
        Expr::Platform(number) => {
            put(out, 20);
            put(out, *number as u32);
        }
        Expr::Notarized => put(out, 21),
        Expr::CertificateDate { slot, oid, test } => put_certificate(out, 22, *slot, oid, test),
        Expr::LegacyDeveloperId => put(out, 23),
        Expr::Flagged { flags, expr } => {
            let at = out.len();
            put_expr(out, expr);
            // The operator's highest byte, which `put_expr` left zero.
            if let Some(byte) = out.get_mut(at) {
                *byte |= flags;
            }
        }
        Expr::UnknownFalse { opcode, argument } => {
            put(out, *opcode);
            put_argument(out, argument);
        }
        Expr::UnknownSkipped { opcode, argument, then } => {
            put(out, *opcode);
            put_argument(out, argument);
            put_expr(out, then);
        }
    }
}

fn put_both(out: &mut Vec<u8>, opcode: u32, left: &Expr, right: &Expr) {
    put(out, opcode);
    put_expr(out, left);
    put_expr(out, right);
}

fn put_match(out: &mut Vec<u8>, test: &Match) {
    let data = |out: &mut Vec<u8>, number, value: &[u8]| {
        put(out, number);
        put_data(out, value);
    };
    let time = |out: &mut Vec<u8>, number, value: i64| {
        put(out, number);
        out.extend(value.to_be_bytes());
    };
    match test {
        Match::Exists => put(out, 0),
        Match::Equal(value) => data(out, 1, value),
        Match::Contains(value) => data(out, 2, value),
        Match::BeginsWith(value) => data(out, 3, value),
        Match::EndsWith(value) => data(out, 4, value),
        Match::LessThan(value) => data(out, 5, value),
        Match::GreaterThan(value) => data(out, 6, value),
        Match::LessEqual(value) => data(out, 7, value),
        Match::GreaterEqual(value) => data(out, 8, value),
        Match::On(value) => time(out, 9, *value),
        Match::Before(value) => time(out, 10, *value),
        Match::After(value) => time(out, 11, *value),
        Match::OnOrBefore(value) => time(out, 12, *value),
        Match::OnOrAfter(value) => time(out, 13, *value),
        Match::Absent => put(out, 14),
        Match::Unknown(number, value) => data(out, *number, value),
    }
}
