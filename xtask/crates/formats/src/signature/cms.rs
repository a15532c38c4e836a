//! CMS signed data: who signed which bytes, and what they said beside it.
//!
//! ```text
//! let signed = SignedData::parse(cms)?;                 // BER or DER
//! let signer = signed.signers.first()…;
//! let leaf = signer.certificate(&signed.certificates)…;
//! signer.verify(code_directory.as_bytes(), leaf)        // Ok, or why not
//! ```
//! The content may be inside (profiles, timestamps) or elsewhere (code signatures, packages). Source: RFC 5652.

use super::{
    ber,
    certificate::Certificate,
    digest::{CDHASH_LEN, CdHash, HashType},
    key::{self, Algorithm, Refusal},
    time::{self, UnixTime},
    tlv::{Element, Elements, INTEGER, OCTET_STRING, OID, SEQUENCE, SET, context},
};
use crate::{
    bytes::{Bytes, Error, Result},
    document::plist::{self, Value},
};

/// signedData.
const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
const TIMESTAMP_TOKEN: &str = "1.2.840.113549.1.9.16.2.14";
/// Apple: a property list of the cdhashes of all code directories, each cut to 20 bytes.
const HASH_AGILITY_V1: &str = "1.2.840.113635.100.9.1";
/// Apple: a set of (algorithm, whole digest), one for each code directory.
const HASH_AGILITY_V2: &str = "1.2.840.113635.100.9.2";
/// Real signatures have one signer and 3 to 5 certificates.
const MAX_SIGNERS: usize = 16;
const MAX_CERTIFICATES: usize = 64;
const MAX_ATTRIBUTES: usize = 64;

/// A signed message.
#[derive(Debug, Clone)]
pub struct SignedData {
    /// Object identifier of what is signed: data, or a timestamp's TSTInfo.
    pub content_type: String,
    /// What is signed, when it is inside.
    pub content: Option<Vec<u8>>,
    /// Certificates, in the order of the file.
    pub certificates: Vec<Certificate>,
    /// Certificates that are there and cannot be read, and why.
    pub unread_certificates: Vec<Error>,
    /// Signers; one in all files seen.
    pub signers: Vec<Signer>,
    /// How many bytes of the input the message took; padding may follow.
    pub consumed: usize,
}

/// How a signer says which certificate is theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignerId {
    /// The issuer's name in DER, and the serial number.
    IssuerAndSerial(Vec<u8>, Vec<u8>),
    /// The subject key identifier.
    KeyId(Vec<u8>),
}

/// An attribute: object identifier and values, each a whole element of DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Object identifier, with dots.
    pub oid: String,
    /// Its values; one, for all that we know.
    pub values: Vec<Vec<u8>>,
}

/// Object identifier of a hash algorithm, and a digest.
pub type AlgorithmDigest = (String, Vec<u8>);

/// One signature.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Whose certificate.
    pub id: SignerId,
    /// Object identifier of the digest algorithm.
    pub digest_oid: String,
    /// The algorithm, when we know it.
    pub digest: Option<HashType>,
    /// How the signature was made, the digest filled in.
    pub algorithm: Algorithm,
    /// The signature: what a timestamp token vouches for.
    pub signature: Vec<u8>,
    /// Attributes that are signed; empty when the content is signed directly.
    pub signed: Vec<Attribute>,
    /// Attributes added afterwards.
    pub unsigned: Vec<Attribute>,
    /// The signed attributes as they are hashed: `SET OF` instead of `[0]`.
    signed_der: Option<Vec<u8>>,
}

/// Why a signer's signature does not hold for some content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// The content's digest is not the one signed.
    Digest {
        /// What the attribute says.
        signed: Vec<u8>,
        /// What the content has.
        found: Vec<u8>,
    },
    /// There are signed attributes, and no message digest among them.
    NoDigest,
    /// The content type among the signed attributes is another one, or missing.
    ContentType,
    /// The signature over the attributes, or over the content.
    Signature(Refusal),
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use super::digest::hex;
        match self {
            Self::Digest { signed, found } => {
                write!(f, "signed digest is {}, content has {}", hex(signed), hex(found))
            }
            Self::NoDigest => f.write_str("no message digest is signed"),
            Self::ContentType => f.write_str("signed content type is another one"),
            Self::Signature(refusal) => refusal.fmt(f),
        }
    }
}

impl SignedData {
    /// Reads a ContentInfo with signed data, BER or DER, at the start of `bytes`; offsets of faults inside are those
    /// of the DER form.
    pub fn parse(bytes: Bytes<'_>) -> Result<Self> {
        let ber::Transcoded { der, consumed } = ber::to_der(bytes)?;
        let mut info = Element::only(Bytes::new(&der))?.expect(SEQUENCE, "content info")?.inside();
        let oid = info.need(OID, "content type")?.oid()?;
        if oid != SIGNED_DATA {
            return Err(bytes.fault(0, format!("content of type {oid} is not signed data")));
        }
        let explicit = info.need(context(0), "content")?;
        Self::from_element(Element::only(explicit.content)?, consumed)
    }

    fn from_element(element: Element<'_>, consumed: usize) -> Result<Self> {
        let mut fields = element.expect(SEQUENCE, "signed data")?.inside();
        fields.need(INTEGER, "version")?;
        fields.need(SET, "digest algorithms")?;
        let mut encapsulated = fields.need(SEQUENCE, "encapsulated content")?.inside();
        let content_type = encapsulated.need(OID, "content type")?.oid()?;
        let content = match encapsulated.optional(context(0))? {
            Some(it) => Some(content(Element::only(it.content)?)),
            None => None,
        };
        let (certificates, unread_certificates) = match fields.optional(context(0))? {
            Some(set) => read_certificates(set)?,
            None => Default::default(),
        };
        fields.optional(context(1))?; // revocation lists
        let set = fields.need(SET, "signer infos")?;
        let signers = bounded(set, MAX_SIGNERS, "signers")?.into_iter().map(Signer::parse);
        Ok(Self {
            content_type,
            content,
            certificates,
            unread_certificates,
            signers: signers.collect::<Result<_>>()?,
            consumed,
        })
    }
}

impl Signer {
    fn parse(element: Element<'_>) -> Result<Self> {
        const KEY_ID: u8 = 0x80;
        let mut fields = element.expect(SEQUENCE, "signer info")?.inside();
        fields.need(INTEGER, "version")?;
        let id = match fields.optional(KEY_ID)? {
            Some(it) => SignerId::KeyId(it.content.as_slice().to_vec()),
            None => {
                let mut it = fields.need(SEQUENCE, "signer identifier")?.inside();
                let issuer = it.need(SEQUENCE, "issuer")?.whole.as_slice().to_vec();
                SignerId::IssuerAndSerial(
                    issuer,
                    it.need(INTEGER, "serial number")?.content.as_slice().to_vec(),
                )
            }
        };
        let (digest_oid, digest) = key::digest_algorithm(fields.need(SEQUENCE, "digest algorithm")?)?;
        let signed = fields.optional(context(0))?;
        let algorithm = Algorithm::parse(fields.need(SEQUENCE, "signature algorithm")?)?.with_hash(digest);
        let signature = fields.need(OCTET_STRING, "signature")?.content.as_slice().to_vec();
        let unsigned = fields.optional(context(1))?;
        Ok(Self {
            id,
            digest_oid,
            digest,
            algorithm,
            signature,
            signed_der: signed.map(|it| retagged(it.whole.as_slice())),
            signed: signed.map_or_else(|| Ok(Vec::new()), read_attributes)?,
            unsigned: unsigned.map_or_else(|| Ok(Vec::new()), read_attributes)?,
        })
    }

    /// The signer's certificate among `pool`.
    pub fn certificate<'a>(&self, pool: &'a [Certificate]) -> Option<&'a Certificate> {
        pool.iter().find(|it| match &self.id {
            SignerId::IssuerAndSerial(issuer, serial) => it.issuer.as_der() == issuer && it.serial == *serial,
            SignerId::KeyId(id) => it.subject_key_id() == Some(id),
        })
    }

    /// Whether this is `certificate`'s signature over `content` (of type data; a timestamp's is
    /// [`Signer::verify_typed`]). Says nothing about whether the certificate is trusted.
    pub fn verify(&self, content: &[u8], certificate: &Certificate) -> Result<(), Mismatch> {
        self.verify_typed(content, "1.2.840.113549.1.7.1", certificate)
    }

    /// The same for content of type `content_type`.
    pub fn verify_typed(
        &self,
        content: &[u8],
        content_type: &str,
        certificate: &Certificate,
    ) -> Result<(), Mismatch> {
        let Some(signed) = &self.signed_der else {
            let outcome = certificate.key.verify(&self.algorithm, content, &self.signature);
            return outcome.map_err(Mismatch::Signature);
        };
        let Some(digest) = self.digest else {
            let what = format!("digest algorithm {}", self.digest_oid);
            return Err(Mismatch::Signature(Refusal::Unsupported(what)));
        };
        let found = digest.digest(content);
        match self.message_digest() {
            None => return Err(Mismatch::NoDigest),
            Some(signed) if signed != found => return Err(Mismatch::Digest { signed, found }),
            Some(_) => {}
        }
        if self.content_type().as_deref() != Some(content_type) {
            return Err(Mismatch::ContentType);
        }
        certificate.key.verify(&self.algorithm, signed, &self.signature).map_err(Mismatch::Signature)
    }

    /// Whether `certificate`'s key signed the attributes, whatever content they speak of. Without signed attributes there is no
    /// such question: the signature is over the content.
    pub fn verify_attributes(&self, certificate: &Certificate) -> Result<(), Refusal> {
        let Some(signed) = &self.signed_der else { return Ok(()) };
        certificate.key.verify(&self.algorithm, signed, &self.signature)
    }

    /// The digest of the content, as signed.
    pub fn message_digest(&self) -> Option<Vec<u8>> {
        let value = single(&self.signed, MESSAGE_DIGEST)?;
        let element = Element::only(value).ok()?.expect(OCTET_STRING, "digest").ok()?;
        Some(element.content.as_slice().to_vec())
    }

    /// The content type, as signed.
    pub fn content_type(&self) -> Option<String> {
        Element::only(single(&self.signed, CONTENT_TYPE)?).ok()?.oid().ok()
    }

    /// When the signer says they signed; their word only.
    pub fn signing_time(&self) -> Option<UnixTime> {
        time::read(Element::only(single(&self.signed, SIGNING_TIME)?).ok()?).ok()
    }

    /// Apple's first hash agility attribute: the cdhash of each code directory, from a property list.
    pub fn hash_agility_cdhashes(&self) -> Option<Result<Vec<CdHash>>> {
        let value = single(&self.signed, HASH_AGILITY_V1)?;
        let read = || {
            let content = Element::only(value)?.expect(OCTET_STRING, "hash agility")?.content;
            let list = plist::read(content.as_slice())?.value;
            let hashes = list.get("cdhashes").and_then(Value::as_array);
            let hashes = hashes.ok_or_else(|| content.fault(0, "no `cdhashes` in the hash agility list"))?;
            let hash = |it: &Value| <[u8; CDHASH_LEN]>::try_from(it.as_data()?).ok().map(CdHash);
            let odd = || content.fault(0, "an element of `cdhashes` is no cdhash");
            hashes.iter().map(|it| hash(it).ok_or_else(odd)).collect()
        };
        Some(read())
    }

    /// Apple's second hash agility attribute: the digest of each code directory, by algorithm (object identifier).
    pub fn hash_agility_digests(&self) -> Option<Result<Vec<AlgorithmDigest>>> {
        let attribute = self.signed.iter().find(|it| it.oid == HASH_AGILITY_V2)?;
        let digest = |value: &Vec<u8>| {
            let mut pair = Element::only(Bytes::new(value))?.expect(SEQUENCE, "hash agility")?.inside();
            let oid = pair.need(OID, "algorithm")?.oid()?;
            Ok((oid, pair.need(OCTET_STRING, "digest")?.content.as_slice().to_vec()))
        };
        Some(attribute.values.iter().map(digest).collect())
    }

    /// The cdhashes of [`Signer::hash_agility_digests`].
    pub fn agile_cdhashes(&self) -> Option<Result<Vec<CdHash>>> {
        let found = self.hash_agility_digests()?;
        let short = || Error::new(0, "hash agility digest is shorter than a cdhash");
        Some(found.and_then(|it| {
            it.iter().map(|(_, digest)| CdHash::from_digest(digest).ok_or_else(short)).collect()
        }))
    }

    /// The timestamp token: a CMS message of its own, in DER.
    pub fn timestamp_token(&self) -> Option<&[u8]> {
        single(&self.unsigned, TIMESTAMP_TOKEN).map(Bytes::as_slice)
    }
}

/// The one value of the one attribute `oid`; `None` when there are more or less.
fn single<'a>(attributes: &'a [Attribute], oid: &str) -> Option<Bytes<'a>> {
    let mut found = attributes.iter().filter(|it| it.oid == oid);
    match (found.next(), found.next()) {
        (Some(Attribute { values, .. }), None) => match values.as_slice() {
            [value] => Some(Bytes::new(value)),
            _ => None,
        },
        _ => None,
    }
}

/// What is signed: of an octet string what is inside, of the older PKCS #7 form (any element) its content.
fn content(element: Element<'_>) -> Vec<u8> {
    element.content.as_slice().to_vec()
}

/// Attributes are signed as a `SET OF`, and stored with the tag `[0]` (RFC 5652, 5.4).
fn retagged(whole: &[u8]) -> Vec<u8> {
    let mut der = whole.to_vec();
    if let Some(tag) = der.first_mut() {
        *tag = SET;
    }
    der
}

fn bounded<'a>(set: Element<'a>, max: usize, what: &str) -> Result<Vec<Element<'a>>> {
    let found: Vec<Element<'a>> = set.inside().take(max + 1).collect::<Result<_>>()?;
    if found.len() > max {
        return Err(set.whole.fault(0, format!("more than {max} {what}")));
    }
    Ok(found)
}

fn read_certificates(set: Element<'_>) -> Result<(Vec<Certificate>, Vec<Error>)> {
    let mut read = Vec::new();
    let mut unread = Vec::new();
    for element in bounded(set, MAX_CERTIFICATES, "certificates")? {
        match Certificate::from_element(element) {
            Ok(it) => read.push(it),
            Err(error) => unread.push(error),
        }
    }
    Ok((read, unread))
}

fn read_attributes(set: Element<'_>) -> Result<Vec<Attribute>> {
    let one = |element: Element<'_>| {
        let mut pair = element.expect(SEQUENCE, "attribute")?.inside();
        let oid = pair.need(OID, "attribute type")?.oid()?;
        let values = bounded(pair.need(SET, "attribute values")?, MAX_ATTRIBUTES, "values")?;
        Ok(Attribute { oid, values: values.iter().map(|it| it.whole.as_slice().to_vec()).collect() })
    };
    bounded(set, MAX_ATTRIBUTES, "attributes")?.into_iter().map(one).collect()
}

/// For the fuzzer: any bytes.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(found) = SignedData::parse(Bytes::new(bytes)) {
        assert!(found.consumed <= bytes.len());
        for signer in &found.signers {
            let _ = (signer.signing_time(), signer.hash_agility_cdhashes(), signer.agile_cdhashes());
            if let Some(certificate) = signer.certificate(&found.certificates) {
                let _ = signer.verify(b"", certificate);
            }
            if let Some(token) = signer.timestamp_token() {
                assert!(Elements::of(Bytes::new(token)).count() == 1);
            }
        }
    }
}

#[cfg(test)]
#[path = "cms_tests.rs"]
mod tests;
