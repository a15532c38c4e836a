//! Secure timestamps: an authority's word that a signature existed at a moment.
//!
//! Source: RFC 3161. The token is a CMS message around a TSTInfo; its imprint is the hash of the signature's bytes.

use super::{
    certificate::{Certificate, USAGE_TIME_STAMPING},
    chain::{self, Chain, Trust},
    cms::{Mismatch, SignedData},
    digest::HashType,
    key,
    time::{self, UnixTime},
    tlv::{Element, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, SEQUENCE},
};
use crate::bytes::{Bytes, Error, Result};

/// id-ct-TSTInfo.
const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";

/// A timestamp token.
#[derive(Debug, Clone)]
pub struct Timestamp {
    /// When, by the authority's clock; fractions cut off.
    pub at: UnixTime,
    /// The authority's policy.
    pub policy: String,
    /// Object identifier of the imprint's hash.
    pub imprint_oid: String,
    /// The hash, when we know it.
    pub imprint_hash: Option<HashType>,
    /// The hash of what was stamped.
    pub imprint: Vec<u8>,
    /// Serial number of the token.
    pub serial: Vec<u8>,
    /// The message around it.
    pub message: SignedData,
}

/// What is wrong with a timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It was made for other bytes.
    Imprint,
    /// Its hash is one we cannot compute.
    UnsupportedHash(String),
    /// It has not exactly one signer.
    Signers(usize),
    /// The signer's certificate is not there.
    NoCertificate,
    /// The authority's signature does not hold.
    Signature(Mismatch),
    /// The certificate is not for time stamping, alone.
    Usage,
    /// The chain does not lead to a trusted root at the moment of the token.
    Untrusted,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Imprint => f.write_str("timestamp was made for other bytes"),
            Self::UnsupportedHash(oid) => write!(f, "timestamp hash {oid} is not supported"),
            Self::Signers(n) => write!(f, "timestamp has {n} signers, not one"),
            Self::NoCertificate => f.write_str("timestamp authority's certificate is missing"),
            Self::Signature(mismatch) => write!(f, "timestamp: {mismatch}"),
            Self::Usage => f.write_str("timestamp authority's certificate is not for time stamping"),
            Self::Untrusted => f.write_str("timestamp authority is not trusted"),
        }
    }
}

/// What was found about a timestamp.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Everything that is wrong; nothing, when the time can be relied upon.
    pub faults: Vec<Fault>,
    /// The authority's chain, judged at the moment of the token, when its certificate is there.
    pub chain: Option<Chain>,
}

impl Timestamp {
    /// Reads a token, the value of a signer's unsigned attribute.
    pub fn parse(token: Bytes<'_>) -> Result<Self> {
        let message = SignedData::parse(token)?;
        if message.content_type != TST_INFO {
            return Err(token.fault(0, format!("content of type {} is no timestamp", message.content_type)));
        }
        let content = message.content.clone().ok_or_else(|| token.fault(0, "timestamp has no content"))?;
        let mut fields = Element::only(Bytes::new(&content))?.expect(SEQUENCE, "timestamp")?.inside();
        fields.need(INTEGER, "version")?;
        let policy = fields.need(OID, "policy")?.oid()?;
        let mut imprint = fields.need(SEQUENCE, "imprint")?.inside();
        let (imprint_oid, imprint_hash) = key::digest_algorithm(imprint.need(SEQUENCE, "imprint hash")?)?;
        let imprint = imprint.need(OCTET_STRING, "imprint")?.content.as_slice().to_vec();
        let serial = fields.need(INTEGER, "serial number")?.content.as_slice().to_vec();
        let at = time::read(fields.need(GENERALIZED_TIME, "time")?)?;
        Ok(Self { at, policy, imprint_oid, imprint_hash, imprint, serial, message })
    }

    /// Whether the token vouches for `stamped` (a signature's bytes), by an authority that `trust` knows, whose
    /// certificate may stamp and was valid at the moment of the token.
    pub fn verify(&self, stamped: &[u8], pool: &[Certificate], trust: &Trust) -> Verdict {
        let mut faults = Vec::new();
        match self.imprint_hash {
            None => faults.push(Fault::UnsupportedHash(self.imprint_oid.clone())),
            Some(hash) if hash.digest(stamped) != self.imprint => faults.push(Fault::Imprint),
            Some(_) => {}
        }
        let [signer] = self.message.signers.as_slice() else {
            faults.push(Fault::Signers(self.message.signers.len()));
            return Verdict { faults, chain: None };
        };
        // The authority's certificates are usually in the token; else among those of the signature it stamps.
        let pool = [self.message.certificates.as_slice(), pool].concat();
        let Some(certificate) = signer.certificate(&pool) else {
            faults.push(Fault::NoCertificate);
            return Verdict { faults, chain: None };
        };
        let content = self.message.content.as_deref().unwrap_or_default();
        if let Err(mismatch) = signer.verify_typed(content, TST_INFO, certificate) {
            faults.push(Fault::Signature(mismatch));
        }
        if !may_stamp(certificate) {
            faults.push(Fault::Usage);
        }
        let chain = chain::build(certificate, &pool, trust, self.at);
        if !chain.is_trusted() {
            faults.push(Fault::Untrusted);
        }
        Verdict { faults, chain: Some(chain) }
    }
}

/// RFC 3161, 2.3: the only extended usage, and it says time stamping.
fn may_stamp(certificate: &Certificate) -> bool {
    match certificate.extended_key_usage() {
        Ok(Some(usages)) => usages == [USAGE_TIME_STAMPING],
        Ok(None) | Err(Error { .. }) => false,
    }
}

/// For the fuzzer: any bytes.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(found) = Timestamp::parse(Bytes::new(bytes)) {
        assert!(!found.verify(bytes, &[], &Trust::default()).faults.is_empty());
    }
}
