//! `SignedData` (RFC 5652) as codesign, the profile service and a timestamp authority write it.
//!
//! One signer, DER throughout, the complete chain inside. What differs between the three is data: the content, whether it is
//! carried, and which further attributes are signed.

use sha2::{Digest, Sha256, Sha384};

use crate::{
    Result,
    asn1::{
        oid, write,
        write::{context, number, octets, sequence, set_of},
    },
    certificate::Certificate,
    key::PrivateKey,
};

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// Bytes that lie elsewhere: a code directory.
    Detached(&'a [u8]),
    /// Bytes carried inside, with their content type: a profile, a timestamp.
    Embedded(&'static str, &'a [u8]),
}

/// A signed message to be made.
#[derive(Debug)]
pub struct SignedData<'a> {
    /// What is signed.
    pub content: Content<'a>,
    /// The signer's certificate first, the root last; all are carried.
    pub chain: &'a [Certificate],
    /// The key that belongs to the first certificate.
    pub key: &'a PrivateKey,
    /// The time the signer claims, Unix seconds.
    pub signing_time: Option<u64>,
    /// Further signed attributes, each complete (see [`attribute`]).
    pub attributes: Vec<Vec<u8>>,
}

/// A complete attribute with one value.
pub fn attribute(oid: &str, value: Vec<u8>) -> Vec<u8> {
    attribute_values(oid, vec![value])
}

/// A complete attribute with several values.
pub fn attribute_values(oid: &str, values: Vec<Vec<u8>>) -> Vec<u8> {
    sequence([write::oid(oid), set_of(values)])
}

impl SignedData<'_> {
    /// The message; `countersign` sees the signature and may return unsigned attributes over it (a timestamp).
    pub fn sign(&self, countersign: impl FnOnce(&[u8]) -> Result<Vec<Vec<u8>>>) -> Result<Vec<u8>> {
        let leaf = self.chain.first().ok_or_else(|| crate::Error::new("a signature needs a certificate"))?;
        let (kind, bytes) = match self.content {
            Content::Detached(bytes) => (oid::DATA, bytes),
            Content::Embedded(kind, bytes) => (kind, bytes),
        };
        let (digest_algorithm, digest) = match self.key {
            PrivateKey::Rsa(_) | PrivateKey::P256(_) => (oid::SHA256, Sha256::digest(bytes).to_vec()),
            PrivateKey::P384(_) => (oid::SHA384, Sha384::digest(bytes).to_vec()),
        };
        let mut attributes = vec![
            attribute(oid::CONTENT_TYPE, write::oid(kind)),
            attribute(oid::MESSAGE_DIGEST, octets(&digest)),
        ];
        if let Some(time) = self.signing_time {
            attributes.push(attribute(oid::SIGNING_TIME, write::time(time)?));
        }
        attributes.extend(self.attributes.iter().cloned());
        let signed_attributes = set_of(attributes);
        // What is signed is the SET; what is written replaces its tag by [0] (RFC 5652, 5.4).
        let signature = self.key.sign(&signed_attributes)?;
        let unsigned = countersign(&signature)?;

        let mut signer = vec![
            number(1),
            leaf.issuer_and_serial()?,
            write::algorithm(digest_algorithm),
            retagged(0xa0, signed_attributes),
            self.key.cms_algorithm(),
            octets(&signature),
        ];
        if !unsigned.is_empty() {
            signer.push(retagged(0xa1, set_of(unsigned)));
        }
        let content = match self.content {
            Content::Detached(_) => sequence([write::oid(oid::DATA)]),
            Content::Embedded(kind, bytes) => sequence([write::oid(kind), context(0, [octets(bytes)])]),
        };
        // Version 3 when the content is not plain data (RFC 5652, 5.1).
        let version = if kind == oid::DATA { 1 } else { 3 };
        let signed_data = sequence([
            number(version),
            set_of(vec![write::algorithm(digest_algorithm)]),
            content,
            retagged(0xa0, set_of(self.chain.iter().map(|it| it.der().to_vec()).collect())),
            set_of(vec![sequence(signer)]),
        ]);
        Ok(sequence([write::oid(oid::SIGNED_DATA), context(0, [signed_data])]))
    }
}

/// A `SET` under an implicit tag.
fn retagged(tag: u8, set: Vec<u8>) -> Vec<u8> {
    let mut out = set;
    if let Some(first) = out.first_mut() {
        *first = tag;
    }
    out
}
