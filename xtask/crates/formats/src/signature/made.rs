//! Certificates, messages and timestamps made for tests: just enough DER, P-256 keys that are always the same.

use p256::ecdsa::{DerSignature, SigningKey, signature::Signer as _};

use super::{
    certificate::Certificate,
    digest::HashType,
    oid,
    tlv::{
        BIT_STRING, BOOLEAN, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, SEQUENCE, SET, UTF8_STRING,
        context,
    },
};
use crate::Bytes;

pub(super) const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
pub(super) const ECDSA_SHA1: &str = "1.2.840.10045.4.1";
pub(super) const SHA256: &str = "2.16.840.1.101.3.4.2.1";
pub(super) const DATA: &str = "1.2.840.113549.1.7.1";
pub(super) const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";

/// An element around `parts`.
pub(super) fn tlv(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let len = content.len();
    let head = match len {
        0..0x80 => vec![tag, len as u8],
        0x80..0x100 => vec![tag, 0x81, len as u8],
        _ => vec![tag, 0x82, (len >> 8) as u8, len as u8],
    };
    [head, content].concat()
}

pub(super) fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, parts)
}

pub(super) fn object(dotted: &str) -> Vec<u8> {
    tlv(OID, &[oid::from_text(dotted).unwrap()])
}

fn algorithm(dotted: &str) -> Vec<u8> {
    seq(&[object(dotted)])
}

fn name(common: &str) -> Vec<u8> {
    let attribute = seq(&[object("2.5.4.3"), tlv(UTF8_STRING, &[common.into()])]);
    seq(&[tlv(SET, &[attribute])])
}

/// Someone with a key: the same name has the same key.
#[derive(Clone)]
pub(super) struct Party {
    pub name: String,
    pub key: SigningKey,
}

pub(super) fn party(name: &str) -> Party {
    let key = SigningKey::from_slice(&HashType::Sha256.digest(name.as_bytes())).unwrap();
    Party { name: name.to_owned(), key }
}

/// A certificate to make.
#[derive(Clone)]
pub(super) struct Wanted {
    pub serial: u8,
    pub valid: (&'static str, &'static str),
    pub algorithm: &'static str,
    /// Object identifier, critical, value.
    pub extensions: Vec<(&'static str, bool, Vec<u8>)>,
}

impl Wanted {
    pub(super) fn leaf() -> Self {
        Self {
            serial: 7,
            valid: ("20200101000000Z", "20300101000000Z"),
            algorithm: ECDSA_SHA256,
            extensions: vec![],
        }
    }

    pub(super) fn authority() -> Self {
        Self { extensions: vec![constraints(true, None), key_usage(0x06)], ..Self::leaf() }
    }

    pub(super) fn with(mut self, extension: (&'static str, bool, Vec<u8>)) -> Self {
        self.extensions.retain(|it| it.0 != extension.0);
        self.extensions.push(extension);
        self
    }

    pub(super) fn der(&self, subject: &Party, issuer: &Party) -> Vec<u8> {
        let point = subject.key.verifying_key().to_encoded_point(false);
        let bits = |bytes: &[u8]| tlv(BIT_STRING, &[vec![0], bytes.to_vec()]);
        let key_type = seq(&[object("1.2.840.10045.2.1"), object("1.2.840.10045.3.1.7")]);
        let extensions = self.extensions.iter().map(|(id, is_critical, value)| {
            let critical = if *is_critical { tlv(BOOLEAN, &[vec![0xff]]) } else { vec![] };
            seq(&[object(id), critical, tlv(OCTET_STRING, std::slice::from_ref(value))])
        });
        let signed = seq(&[
            tlv(context(0), &[tlv(INTEGER, &[vec![2]])]),
            tlv(INTEGER, &[vec![self.serial]]),
            algorithm(self.algorithm),
            name(&issuer.name),
            seq(&[time(self.valid.0), time(self.valid.1)]),
            name(&subject.name),
            seq(&[key_type, bits(point.as_bytes())]),
            tlv(context(3), &[seq(&extensions.collect::<Vec<_>>())]),
        ]);
        let signature = sign(&issuer.key, self.algorithm, &signed);
        seq(&[signed, algorithm(self.algorithm), bits(&signature)])
    }

    pub(super) fn make(&self, subject: &Party, issuer: &Party) -> Certificate {
        Certificate::parse(Bytes::new(&self.der(subject, issuer))).unwrap()
    }
}

fn sign(key: &SigningKey, algorithm: &str, message: &[u8]) -> Vec<u8> {
    use p256::ecdsa::signature::hazmat::PrehashSigner;
    let signature: DerSignature = match algorithm {
        ECDSA_SHA1 => key.sign_prehash(&HashType::Sha1.digest(message)).unwrap(),
        _ => key.sign(message),
    };
    signature.as_bytes().to_vec()
}

fn time(text: &str) -> Vec<u8> {
    tlv(GENERALIZED_TIME, &[text.into()])
}

pub(super) fn constraints(is_authority: bool, path_len: Option<u8>) -> (&'static str, bool, Vec<u8>) {
    let flag = if is_authority { tlv(BOOLEAN, &[vec![0xff]]) } else { vec![] };
    let limit = path_len.map_or(vec![], |it| tlv(INTEGER, &[vec![it]]));
    ("2.5.29.19", true, seq(&[flag, limit]))
}

pub(super) fn key_usage(bits: u8) -> (&'static str, bool, Vec<u8>) {
    ("2.5.29.15", true, tlv(BIT_STRING, &[vec![0, bits]]))
}

pub(super) fn extended_usage(usages: &[&str]) -> (&'static str, bool, Vec<u8>) {
    ("2.5.29.37", true, seq(&usages.iter().map(|it| object(it)).collect::<Vec<_>>()))
}

/// A signed message to make.
pub(super) struct Message<'a> {
    pub signer: &'a Party,
    pub leaf: &'a Certificate,
    pub certificates: Vec<Vec<u8>>,
    pub content: Vec<u8>,
    pub content_type: &'static str,
    /// Whether the content travels inside.
    pub is_attached: bool,
    /// Signed attributes: those of every message, and what a test adds or changes.
    pub attributes: Vec<(&'static str, Vec<u8>)>,
    pub unsigned: Vec<(&'static str, Vec<u8>)>,
}

impl<'a> Message<'a> {
    pub(super) fn of(content: &[u8], signer: &'a Party, leaf: &'a Certificate) -> Self {
        let digest = tlv(OCTET_STRING, &[HashType::Sha256.digest(content)]);
        Self {
            signer,
            leaf,
            certificates: vec![leaf.as_der().to_vec()],
            content: content.to_vec(),
            content_type: DATA,
            is_attached: false,
            attributes: vec![("1.2.840.113549.1.9.3", object(DATA)), ("1.2.840.113549.1.9.4", digest)],
            unsigned: vec![],
        }
    }

    pub(super) fn der(&self) -> Vec<u8> {
        let set = |tag, attributes: &[(&'static str, Vec<u8>)]| {
            let each = attributes
                .iter()
                .map(|(id, value)| seq(&[object(id), tlv(SET, std::slice::from_ref(value))]));
            if attributes.is_empty() { vec![] } else { tlv(tag, &each.collect::<Vec<_>>()) }
        };
        let hashed = set(SET, &self.attributes);
        let message = if hashed.is_empty() { &self.content } else { &hashed };
        let signer = seq(&[
            tlv(INTEGER, &[vec![1]]),
            seq(&[name_of_issuer(self.leaf), tlv(INTEGER, std::slice::from_ref(&self.leaf.serial))]),
            algorithm(SHA256),
            set(context(0), &self.attributes),
            algorithm(ECDSA_SHA256),
            tlv(OCTET_STRING, &[sign(&self.signer.key, ECDSA_SHA256, message)]),
            set(context(1), &self.unsigned),
        ]);
        let content = match self.is_attached {
            true => tlv(context(0), &[tlv(OCTET_STRING, std::slice::from_ref(&self.content))]),
            false => vec![],
        };
        let data = seq(&[
            tlv(INTEGER, &[vec![1]]),
            tlv(SET, &[algorithm(SHA256)]),
            seq(&[object(self.content_type), content]),
            tlv(context(0), &self.certificates),
            tlv(SET, &[signer]),
        ]);
        seq(&[object("1.2.840.113549.1.7.2"), tlv(context(0), &[data])])
    }
}

fn name_of_issuer(leaf: &Certificate) -> Vec<u8> {
    leaf.issuer.as_der().to_vec()
}

/// A timestamp token for `stamped`.
pub(super) fn token(stamped: &[u8], at: &str, authority: &Party, leaf: &Certificate) -> Vec<u8> {
    let imprint = seq(&[algorithm(SHA256), tlv(OCTET_STRING, &[HashType::Sha256.digest(stamped)])]);
    let info = seq(&[
        tlv(INTEGER, &[vec![1]]),
        object("1.2.3.4"),
        imprint,
        tlv(INTEGER, &[vec![9]]),
        tlv(GENERALIZED_TIME, &[at.into()]),
    ]);
    let mut message = Message::of(&info, authority, leaf);
    message.attributes[0].1 = object(TST_INFO);
    Message { content_type: TST_INFO, is_attached: true, ..message }.der()
}
