//! X.509 certificates, as far as code signing looks at them.

use std::fmt;

use super::{
    digest::{HashType, hex, sha1, sha256},
    key::{Algorithm, PublicKey, Refusal},
    name::{self, Name},
    time::{self, UnixTime},
    tlv::{BIT_STRING, BOOLEAN, Element, Elements, INTEGER, OCTET_STRING, SEQUENCE, UTF8_STRING, context},
};
use crate::bytes::{Bytes, Error, Result};

/// Marker extensions of Apple's certificates (Apple CPS; TN3161).
pub mod marker {
    /// Leaf: Developer ID Application.
    pub const DEVELOPER_ID_APPLICATION: &str = "1.2.840.113635.100.6.1.13";
    /// Leaf: Developer ID Installer.
    pub const DEVELOPER_ID_INSTALLER: &str = "1.2.840.113635.100.6.1.14";
    /// Leaf: Developer ID kernel extension.
    pub const DEVELOPER_ID_KEXT: &str = "1.2.840.113635.100.6.1.18";
    /// Leaf: Developer ID, a second marker of unknown meaning that newer leaves carry beside the first.
    pub const DEVELOPER_ID_33: &str = "1.2.840.113635.100.6.1.33";
    /// Leaf: Apple Development (iPhone Developer).
    pub const APPLE_DEVELOPMENT: &str = "1.2.840.113635.100.6.1.2";
    /// Leaf: Mac Developer, the older form.
    pub const MAC_DEVELOPMENT: &str = "1.2.840.113635.100.6.1.12";
    /// Leaf: Apple Distribution.
    pub const APPLE_DISTRIBUTION: &str = "1.2.840.113635.100.6.1.4";
    /// Leaf: Mac App Store distribution by the developer.
    pub const MAC_DISTRIBUTION: &str = "1.2.840.113635.100.6.1.7";
    /// Leaf: signed by the Mac App Store.
    pub const MAC_APP_STORE: &str = "1.2.840.113635.100.6.1.9";
    /// Leaf: macOS software signing, Apple's own.
    pub const APPLE_SOFTWARE: &str = "1.2.840.113635.100.6.22";
    /// Leaf: signs notarization tickets.
    pub const TICKET_SIGNING: &str = "1.2.840.113635.100.6.1.30";
    /// Leaf: signs provisioning profiles for macOS.
    pub const PROFILE_SIGNING: &str = "1.2.840.113635.100.4.11";
    /// Intermediate: Developer ID Certification Authority.
    pub const DEVELOPER_ID_AUTHORITY: &str = "1.2.840.113635.100.6.2.6";
    /// Intermediate: Worldwide Developer Relations.
    pub const WWDR_AUTHORITY: &str = "1.2.840.113635.100.6.2.1";
    /// Intermediate: Apple System Integration.
    pub const SYSTEM_INTEGRATION_AUTHORITY: &str = "1.2.840.113635.100.6.2.17";
    /// What all of Apple's begin with.
    pub const APPLE: &str = "1.2.840.113635.100.";
}

/// Extended key usage: code signing.
pub const USAGE_CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
/// Extended key usage: time stamping.
pub const USAGE_TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";

/// Bits of the key usage extension, the first one highest (RFC 5280, 4.2.1.3).
pub mod key_usage {
    /// digitalSignature.
    pub const DIGITAL_SIGNATURE: u8 = 0x80;
    /// keyCertSign.
    pub const CERTIFICATE_SIGNING: u8 = 0x04;
}

/// One extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Object identifier, with dots.
    pub oid: String,
    /// Whether one who does not know it must refuse the certificate.
    pub is_critical: bool,
    /// What is inside the octet string.
    pub value: Vec<u8>,
}

/// The basic constraints: whether this is an authority, and how many authorities may follow below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BasicConstraints {
    /// An authority may issue certificates.
    pub is_authority: bool,
    /// `pathLenConstraint`.
    pub path_len: Option<u32>,
}

/// A certificate, with the bytes it was read from.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Who it is for.
    pub subject: Name,
    /// Who issued it.
    pub issuer: Name,
    /// Serial number: the content of the INTEGER as it stands.
    pub serial: Vec<u8>,
    /// First moment of validity.
    pub not_before: UnixTime,
    /// Last moment of validity.
    pub not_after: UnixTime,
    /// Its key.
    pub key: PublicKey,
    /// How its issuer signed it.
    pub signature_algorithm: Algorithm,
    /// All extensions, in order.
    pub extensions: Vec<Extension>,
    der: Vec<u8>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Certificate {
    /// Reads one certificate in DER; nothing may follow it.
    pub fn parse(bytes: Bytes<'_>) -> Result<Self> {
        Self::from_element(Element::only(bytes)?).map_err(|it| it.within("certificate"))
    }

    pub(crate) fn from_element(element: Element<'_>) -> Result<Self> {
        let mut parts = element.expect(SEQUENCE, "certificate")?.inside();
        let signed = parts.need(SEQUENCE, "signed part")?;
        let signature_algorithm = Algorithm::parse(parts.need(SEQUENCE, "signature algorithm")?)?;
        let signature = parts.need(BIT_STRING, "signature")?.bits()?;

        let mut fields = signed.inside();
        fields.optional(context(0))?; // version
        let serial = fields.need(INTEGER, "serial number")?.content;
        let inner = Algorithm::parse(fields.need(SEQUENCE, "signature algorithm")?)?;
        if inner != signature_algorithm {
            return Err(signed.whole.fault(0, "two different signature algorithms"));
        }
        let issuer = Name::parse(fields.need(SEQUENCE, "issuer")?)?;
        let mut validity = fields.need(SEQUENCE, "validity")?.inside();
        let mut moment = || {
            let found = validity.any()?;
            found.ok_or_else(|| validity.missing("validity")).and_then(time::read)
        };
        let (not_before, not_after) = (moment()?, moment()?);
        let subject = Name::parse(fields.need(SEQUENCE, "subject")?)?;
        let key = PublicKey::parse(fields.need(SEQUENCE, "public key")?)?;
        // issuerUniqueID and subjectUniqueID, both implicit BIT STRINGs that nobody uses.
        fields.optional(0x81)?;
        fields.optional(0x82)?;
        let extensions = match fields.optional(context(3))? {
            Some(list) => read_extensions(Element::only(list.content)?)?,
            None => Vec::new(),
        };
        Ok(Self {
            subject,
            issuer,
            serial: serial.as_slice().to_vec(),
            not_before,
            not_after,
            key,
            signature_algorithm,
            extensions,
            der: element.whole.as_slice().to_vec(),
            signed: signed.whole.as_slice().to_vec(),
            signature: signature.to_vec(),
        })
    }

    /// The certificate in DER, as it was read.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the DER: how a certificate is pinned.
    pub fn sha256(&self) -> [u8; 32] {
        sha256(&self.der)
    }

    /// SHA-1 of the DER: how the requirement language names a certificate.
    pub fn sha1(&self) -> [u8; 20] {
        sha1(&self.der)
    }

    /// The extension with this object identifier.
    pub fn extension(&self, oid: &str) -> Option<&Extension> {
        self.extensions.iter().find(|it| it.oid == oid)
    }

    /// Whether it carries the extension with this object identifier, such as one of [`marker`].
    pub fn has_extension(&self, oid: &str) -> bool {
        self.extension(oid).is_some()
    }

    /// Apple's marker extensions on it, in order.
    pub fn markers(&self) -> impl Iterator<Item = &str> {
        self.extensions.iter().map(|it| it.oid.as_str()).filter(|it| it.starts_with(marker::APPLE))
    }

    /// Whether `at` lies within its validity, both ends included.
    pub fn is_valid_at(&self, at: UnixTime) -> bool {
        (self.not_before..=self.not_after).contains(&at)
    }

    /// Whether subject and issuer are one.
    pub fn is_self_issued(&self) -> bool {
        self.subject.as_der() == self.issuer.as_der()
    }

    /// Whether `issuer`'s name and key made this certificate.
    pub fn verify_signed_by(&self, issuer: &Self) -> Result<(), Refusal> {
        if self.issuer.as_der() != issuer.subject.as_der() {
            return Err(Refusal::Invalid);
        }
        self.verify_with_key(&issuer.key)
    }

    /// Whether `key` made this certificate's signature; the issuer's name is not looked at.
    pub fn verify_with_key(&self, key: &PublicKey) -> Result<(), Refusal> {
        key.verify(&self.signature_algorithm, &self.signed, &self.signature)
    }

    /// Whether the signature on it uses SHA-1.
    pub fn is_signed_with_sha1(&self) -> bool {
        self.signature_algorithm.hash == Some(HashType::Sha1)
    }

    /// Basic constraints; absent means not an authority.
    pub fn basic_constraints(&self) -> Result<BasicConstraints> {
        let Some(extension) = self.extension("2.5.29.19") else { return Ok(BasicConstraints::default()) };
        let mut fields =
            Element::only(Bytes::new(&extension.value))?.expect(SEQUENCE, "constraints")?.inside();
        Ok(BasicConstraints {
            is_authority: fields.optional(BOOLEAN)?.map_or(Ok(false), Element::boolean)?,
            path_len: fields.optional(INTEGER)?.map(Element::small).transpose()?,
        })
    }

    /// The first byte of the key usage bits, see [`key_usage`]; `None` when any usage is allowed.
    pub fn key_usage(&self) -> Result<Option<u8>> {
        let Some(extension) = self.extension("2.5.29.15") else { return Ok(None) };
        let bits = Element::only(Bytes::new(&extension.value))?.expect(BIT_STRING, "key usage")?;
        // The content's first byte counts unused bits; they are zero anyway.
        Ok(Some(bits.content.as_slice().get(1).copied().unwrap_or(0)))
    }

    /// Extended key usages, with dots; `None` when any is allowed.
    pub fn extended_key_usage(&self) -> Result<Option<Vec<String>>> {
        let Some(extension) = self.extension("2.5.29.37") else { return Ok(None) };
        let list = Element::only(Bytes::new(&extension.value))?.expect(SEQUENCE, "extended key usage")?;
        list.inside().map(|it| it?.oid()).collect::<Result<_>>().map(Some)
    }

    /// Certificate policies, with dots.
    pub fn policies(&self) -> Result<Vec<String>> {
        let Some(extension) = self.extension("2.5.29.32") else { return Ok(Vec::new()) };
        let list = Element::only(Bytes::new(&extension.value))?.expect(SEQUENCE, "policies")?;
        list.inside()
            .map(|it| it?.expect(SEQUENCE, "policy")?.inside().need(super::tlv::OID, "policy")?.oid())
            .collect()
    }

    /// E-mail addresses: of the alternative name, then of the subject.
    pub fn emails(&self) -> Result<Vec<String>> {
        let mut found = match self.extension("2.5.29.17") {
            Some(it) => name::emails(Element::only(Bytes::new(&it.value))?)?,
            None => Vec::new(),
        };
        let in_subject = self.subject.attributes.iter().filter(|it| it.0 == "1.2.840.113549.1.9.1");
        found.extend(in_subject.map(|it| it.1.clone()));
        Ok(found)
    }

    /// The time in an extension that is a UTF8String of a GeneralizedTime; `None` when there is none.
    pub fn extension_time(&self, oid: &str) -> Option<UnixTime> {
        let value = &self.extension(oid)?.value;
        let text = Element::only(Bytes::new(value)).ok()?.expect(UTF8_STRING, "time").ok()?;
        UnixTime::from_text(std::str::from_utf8(text.content.as_slice()).ok()?, true)
    }

    /// The subject key identifier, where there is one.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        let value = &self.extension("2.5.29.14")?.value;
        let element = Element::only(Bytes::new(value)).ok()?.expect(OCTET_STRING, "key identifier").ok()?;
        Some(element.content.as_slice())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("serial", &hex(&self.serial))
            .field("valid", &(self.not_before, self.not_after))
            .field("sha256", &hex(&self.sha256()))
            .finish_non_exhaustive()
    }
}

fn read_extensions(list: Element<'_>) -> Result<Vec<Extension>> {
    /// Real certificates have 4 to 12.
    const MAX: usize = 64;
    let mut found: Vec<Extension> = Vec::new();
    for element in list.expect(SEQUENCE, "extensions")?.inside() {
        let element = element?.expect(SEQUENCE, "extension")?;
        let mut fields = element.inside();
        let oid = fields.need(super::tlv::OID, "extension")?.oid()?;
        let is_critical = fields.optional(BOOLEAN)?.map_or(Ok(false), Element::boolean)?;
        let value = fields.need(OCTET_STRING, "extension value")?.content.as_slice().to_vec();
        let is_repeated = found.iter().any(|it| it.oid == oid);
        if is_repeated || found.len() == MAX {
            return Err(repeated_or_many(element, &oid, is_repeated));
        }
        found.push(Extension { oid, is_critical, value });
    }
    Ok(found)
}

fn repeated_or_many(element: Element<'_>, oid: &str, is_repeated: bool) -> Error {
    match is_repeated {
        true => element.whole.fault(0, format!("extension {oid} twice")),
        false => element.whole.fault(0, "more than 64 extensions"),
    }
}

/// For the fuzzer: any bytes.
pub fn fuzz(bytes: &[u8]) {
    for element in Elements::of(Bytes::new(bytes)).flatten().take(4) {
        if let Ok(found) = Certificate::from_element(element) {
            assert_eq!(Certificate::parse(Bytes::new(found.as_der())).as_ref(), Ok(&found));
            let _ = (found.basic_constraints(), found.key_usage(), found.extended_key_usage());
            let _ = (found.policies(), found.emails(), found.subject_key_id());
            let _ = found.verify_signed_by(&found);
        }
    }
}
