//! Certificates: written for the rehearsal authority, read as far as a signer must know them.

use der::{Decode, Encode, Reader, SliceReader, asn1::AnyRef, oid::ObjectIdentifier};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384};
use signature::Verifier;
use spki::{DecodePublicKey, SubjectPublicKeyInfoRef};

use crate::{
    Error, Result,
    asn1::{
        oid,
        write::{self, bits, context_primitive, octets, sequence},
    },
    key::PrivateKey,
};

/// Extension numbers of Apple's that tell what a certificate is for (TN3161, TN3127).
pub mod marker {
    /// Developer ID Application, on the leaf.
    pub const DEVELOPER_ID_APPLICATION: &str = "1.2.840.113635.100.6.1.13";
    /// Developer ID Installer, on the leaf.
    pub const DEVELOPER_ID_INSTALLER: &str = "1.2.840.113635.100.6.1.14";
    /// Apple Development, on the leaf.
    pub const APPLE_DEVELOPMENT: &str = "1.2.840.113635.100.6.1.2";
    /// Mac Development, the older kind, on the leaf.
    pub const MAC_DEVELOPMENT: &str = "1.2.840.113635.100.6.1.12";
    /// Apple Distribution.
    pub const APPLE_DISTRIBUTION: &str = "1.2.840.113635.100.6.1.4";
    /// Mac App Distribution.
    pub const MAC_APP_DISTRIBUTION: &str = "1.2.840.113635.100.6.1.7";
    /// Software Ticket Signing, on the leaf of a ticket.
    pub const TICKET_SIGNING: &str = "1.2.840.113635.100.6.1.30";
    /// Developer ID Certification Authority, on the intermediate.
    pub const DEVELOPER_ID_CA: &str = "1.2.840.113635.100.6.2.6";
    /// Worldwide Developer Relations, on the intermediate.
    pub const WWDR_CA: &str = "1.2.840.113635.100.6.2.1";
    /// Apple System Integration CA 4, on the intermediate of a ticket.
    pub const SYSTEM_INTEGRATION_CA: &str = "1.2.840.113635.100.6.2.17";
    /// Provisioning profile signing, on the leaf of a profile's signature.
    pub const PROFILE_SIGNING: &str = "1.2.840.113635.100.4.11";
}

/// The parts of a distinguished name that certificates for code have.
#[derive(Debug, Clone, Default)]
pub struct Name<'a> {
    /// `UID`: the team, in leaves of developers.
    pub user_id: Option<&'a str>,
    /// `CN`.
    pub common_name: &'a str,
    /// `OU`: the team in leaves, a department in authorities.
    pub unit: Option<&'a str>,
    /// `O`.
    pub organization: &'a str,
    /// `C`.
    pub country: &'a str,
}

impl Name<'_> {
    /// The name as DER, in the order that Apple's certificates have.
    pub fn to_der(&self) -> Vec<u8> {
        let rdn = |oid: &str, value: Vec<u8>| write::set_of(vec![sequence([write::oid(oid), value])]);
        let mut parts = Vec::new();
        parts.extend(self.user_id.map(|it| rdn("0.9.2342.19200300.100.1.1", write::utf8(it))));
        parts.push(rdn("2.5.4.3", write::utf8(self.common_name)));
        parts.extend(self.unit.map(|it| rdn("2.5.4.11", write::utf8(it))));
        parts.push(rdn("2.5.4.10", write::utf8(self.organization)));
        parts.push(rdn("2.5.4.6", write::printable(self.country)));
        sequence(parts)
    }
}

/// What a certificate may be used for, as its extensions say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Signs other certificates.
    Authority,
    /// Signs data.
    Leaf,
}

/// A certificate to be issued.
#[derive(Debug)]
pub struct Template<'a> {
    /// Serial number, big endian.
    pub serial: [u8; 8],
    /// Issuer name (DER).
    pub issuer: Vec<u8>,
    /// Subject name (DER).
    pub subject: Vec<u8>,
    /// First second of validity, Unix time.
    pub not_before: u64,
    /// Last second of validity, Unix time.
    pub not_after: u64,
    /// What it may be used for.
    pub usage: Usage,
    /// Extended key usage, critical.
    pub purpose: Option<&'a str>,
    /// Marker extensions, each with `NULL` as value; those of leaves are critical, as Apple's are.
    pub markers: &'a [&'a str],
}

impl Template<'_> {
    /// The certificate for `subject_key` (`SubjectPublicKeyInfo`), signed with `issuer_key`.
    pub fn issue(&self, subject_key: &[u8], issuer_key: &PrivateKey) -> Result<Certificate> {
        let authority = self.usage == Usage::Authority;
        let extension = |oid: &str, critical: bool, value: Vec<u8>| match critical {
            true => sequence([write::oid(oid), write::boolean(true), octets(&value)]),
            false => sequence([write::oid(oid), octets(&value)]),
        };
        let constraints =
            if authority { sequence([write::boolean(true)]) } else { write::sequence::<&[u8]>([]) };
        let issuer_id = context_primitive(0, &key_id(&issuer_key.public()?)?);
        // keyCertSign and cRLSign, or digitalSignature (RFC 5280, 4.2.1.3).
        let key_usage = if authority { write::named_bits(1, &[0x06]) } else { write::named_bits(7, &[0x80]) };
        let mut extensions = vec![
            extension("2.5.29.19", true, constraints),
            extension("2.5.29.35", false, sequence([issuer_id])),
            extension("2.5.29.14", false, octets(&key_id(subject_key)?)),
            extension("2.5.29.15", true, key_usage),
        ];
        extensions.extend(self.purpose.map(|it| extension("2.5.29.37", true, sequence([write::oid(it)]))));
        extensions.extend(self.markers.iter().map(|it| extension(it, !authority, write::null())));
        let algorithm = issuer_key.certificate_algorithm();
        let body = sequence([
            write::context(0, [write::number(2)]),
            write::integer(&self.serial),
            algorithm.clone(),
            self.issuer.clone(),
            sequence([write::time(self.not_before)?, write::time(self.not_after)?]),
            self.subject.clone(),
            subject_key.to_vec(),
            write::context(3, [sequence(extensions)]),
        ]);
        let signature = issuer_key.sign(&body)?;
        Certificate::from_der(&sequence([body, algorithm, bits(&signature)]))
    }
}

/// SHA-1 of the bits of a public key: how certificates name keys.
fn key_id(spki: &[u8]) -> Result<Vec<u8>> {
    let key = SubjectPublicKeyInfoRef::from_der(spki)
        .map_err(|it| Error::new(format!("not a public key: {it}")))?;
    Ok(Sha1::digest(key.subject_public_key.raw_bytes()).to_vec())
}

/// A certificate, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
}

impl Certificate {
    /// Reads one from DER.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        let parsed = x509_cert::Certificate::from_der(der)
            .map_err(|it| Error::new(format!("not a certificate: {it}")))?;
        Ok(Self { der: der.to_vec(), parsed })
    }

    /// Reads one from PEM or DER.
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Self> {
        match der::pem::decode_vec(bytes) {
            Ok((_, der)) => Self::from_der(&der),
            Err(_) => Self::from_der(bytes),
        }
    }

    /// Its bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its bytes as PEM text.
    pub fn pem(&self) -> Result<String> {
        der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, &self.der)
            .map_err(|it| Error::new(format!("cannot write PEM: {it}")))
    }

    /// SHA-256 of the whole: how it is pinned.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }

    /// SHA-1 of the whole: how requirements name an anchor.
    pub fn sha1(&self) -> [u8; 20] {
        Sha1::digest(&self.der).into()
    }

    /// `CN` of the subject.
    pub fn common_name(&self) -> String {
        self.subject_part("2.5.4.3").unwrap_or_else(|| self.parsed.tbs_certificate.subject.to_string())
    }

    /// `OU` of the subject: the team, on a leaf of a developer.
    pub fn unit(&self) -> Option<String> {
        self.subject_part("2.5.4.11")
    }

    /// The issuer's `CN`, or its whole name.
    pub fn issuer_name(&self) -> String {
        let name = &self.parsed.tbs_certificate.issuer;
        name_part(name, "2.5.4.3").unwrap_or_else(|| name.to_string())
    }

    /// First second of validity, Unix time.
    pub fn not_before(&self) -> u64 {
        self.parsed.tbs_certificate.validity.not_before.to_unix_duration().as_secs()
    }

    /// Last second of validity, Unix time.
    pub fn not_after(&self) -> u64 {
        self.parsed.tbs_certificate.validity.not_after.to_unix_duration().as_secs()
    }

    /// Whether it has the extension numbered `oid`.
    pub fn has(&self, oid: &str) -> bool {
        let wanted = ObjectIdentifier::new(oid).ok();
        let mut extensions = self.parsed.tbs_certificate.extensions.iter().flatten();
        extensions.any(|it| Some(it.extn_id) == wanted)
    }

    /// Whether subject and issuer are the same.
    pub fn is_self_issued(&self) -> bool {
        self.parsed.tbs_certificate.subject == self.parsed.tbs_certificate.issuer
    }

    /// The public key (`SubjectPublicKeyInfo`, DER).
    pub fn public_key(&self) -> Result<Vec<u8>> {
        encoded(&self.parsed.tbs_certificate.subject_public_key_info)
    }

    /// `IssuerAndSerialNumber`, by which a CMS names its signer.
    pub(crate) fn issuer_and_serial(&self) -> Result<Vec<u8>> {
        let tbs = &self.parsed.tbs_certificate;
        Ok(sequence([encoded(&tbs.issuer)?, encoded(&tbs.serial_number)?]))
    }

    /// Whether `issuer` is named as the issuer and its key verifies this certificate's signature.
    pub fn is_issued_by(&self, issuer: &Certificate) -> bool {
        let named = self.parsed.tbs_certificate.issuer == issuer.parsed.tbs_certificate.subject;
        named && self.verifies_with(issuer).unwrap_or(false)
    }

    fn verifies_with(&self, issuer: &Certificate) -> Result<bool> {
        let message = self.signed_part()?;
        let signature = self.parsed.signature.raw_bytes();
        let key = issuer.public_key()?;
        let verified = match self.parsed.signature_algorithm.oid.to_string().as_str() {
            oid::RSA_SHA256 => rsa_verifies::<Sha256>(&key, &message, signature),
            "1.2.840.113549.1.1.12" => rsa_verifies::<Sha384>(&key, &message, signature),
            // WWDR G1, an intermediate of old profiles, is signed so (trust-anchors).
            "1.2.840.113549.1.1.5" => rsa_verifies::<Sha1>(&key, &message, signature),
            oid::ECDSA_SHA256 => p256::ecdsa::VerifyingKey::from_public_key_der(&key).is_ok_and(|key| {
                p256::ecdsa::Signature::from_der(signature).is_ok_and(|it| key.verify(&message, &it).is_ok())
            }),
            oid::ECDSA_SHA384 => p384::ecdsa::VerifyingKey::from_public_key_der(&key).is_ok_and(|key| {
                p384::ecdsa::Signature::from_der(signature).is_ok_and(|it| key.verify(&message, &it).is_ok())
            }),
            _ => false,
        };
        Ok(verified)
    }

    /// The bytes that the issuer signed, as they stand (encoding them again might not give the same).
    fn signed_part(&self) -> Result<Vec<u8>> {
        let outer = AnyRef::from_der(&self.der);
        let body = outer.and_then(|it| SliceReader::new(it.value())?.tlv_bytes());
        body.map(<[u8]>::to_vec).map_err(|it| Error::new(format!("not a certificate: {it}")))
    }

    fn subject_part(&self, oid: &str) -> Option<String> {
        name_part(&self.parsed.tbs_certificate.subject, oid)
    }
}

fn rsa_verifies<D>(key: &[u8], message: &[u8], signature: &[u8]) -> bool
where
    D: Digest + rsa::pkcs8::AssociatedOid,
{
    let Ok(key) = rsa::RsaPublicKey::from_public_key_der(key) else { return false };
    key.verify(rsa::Pkcs1v15Sign::new::<D>(), &D::digest(message), signature).is_ok()
}

fn name_part(name: &x509_cert::name::Name, oid: &str) -> Option<String> {
    let wanted = ObjectIdentifier::new(oid).ok()?;
    let mut parts = name.0.iter().flat_map(|rdn| rdn.0.iter());
    let value = parts.find(|it| it.oid == wanted)?.value.value();
    std::str::from_utf8(value).ok().map(str::to_owned)
}

fn encoded(value: &impl Encode) -> Result<Vec<u8>> {
    value.to_der().map_err(|it| Error::new(format!("cannot encode part of a certificate: {it}")))
}
