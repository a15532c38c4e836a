//! Public keys, and checking a signature with one.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::{Pkcs1v15Sign, Pss, RsaPublicKey, pkcs1::DecodeRsaPublicKey, traits::PublicKeyParts};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::{
    digest::HashType,
    tlv::{Element, Elements, SEQUENCE},
};
use crate::bytes::{Bytes, Result};

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The mathematics say no.
    Invalid,
    /// Key or algorithm is one we cannot compute; whether the signature holds is unknown.
    Unsupported(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Invalid => f.write_str("signature does not verify"),
            Self::Unsupported(what) => write!(f, "{what} is not supported"),
        }
    }
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA.
    Rsa(RsaPublicKey),
    /// Elliptic curve P-256.
    P256(p256::ecdsa::VerifyingKey),
    /// Elliptic curve P-384.
    P384(p384::ecdsa::VerifyingKey),
    /// Another kind, or one of these that is malformed: what it says it is, and what is wrong.
    Other(String),
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo. Unknown or malformed keys are kept as [`PublicKey::Other`].
    pub fn parse(spki: Element<'_>) -> Result<Self> {
        let mut parts = spki.expect(SEQUENCE, "public key")?.inside();
        let mut algorithm = parts.need(SEQUENCE, "key algorithm")?.inside();
        let oid = algorithm.need(super::tlv::OID, "key algorithm")?.oid()?;
        let parameters = algorithm.any()?;
        let bits = parts.need(super::tlv::BIT_STRING, "key bits")?.bits()?;
        Ok(match oid.as_str() {
            "1.2.840.113549.1.1.1" => match RsaPublicKey::from_pkcs1_der(bits) {
                Ok(key) => Self::Rsa(key),
                Err(error) => Self::Other(format!("RSA key ({error})")),
            },
            "1.2.840.10045.2.1" => {
                let curve = parameters.map(Element::oid).transpose()?;
                Self::from_point(curve.as_deref().unwrap_or("no named curve"), bits)
            }
            _ => Self::Other(format!("key of type {oid}")),
        })
    }

    /// The P-384 key with this uncompressed point; how a pinned key is written down.
    pub fn p384(point: &[u8]) -> Self {
        Self::from_point("1.3.132.0.34", point)
    }

    fn from_point(curve: &str, point: &[u8]) -> Self {
        let key = match curve {
            "1.2.840.10045.3.1.7" => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Self::P256).ok(),
            "1.3.132.0.34" => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Self::P384).ok(),
            _ => None,
        };
        key.unwrap_or_else(|| Self::Other(format!("key on curve {curve}")))
    }

    /// "RSA 2048", "P-256".
    pub fn describe(&self) -> String {
        match self {
            Self::Rsa(key) => format!("RSA {}", key.n().bits()),
            Self::P256(_) => "P-256".to_owned(),
            Self::P384(_) => "P-384".to_owned(),
            Self::Other(what) => what.clone(),
        }
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verify(&self, algorithm: &Algorithm, message: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let Some(hash) = algorithm.hash else {
            return Err(Refusal::Unsupported(format!("signature algorithm {}", algorithm.name)));
        };
        let digest = hash.digest(message);
        let holds = match (self, algorithm.scheme) {
            (Self::Rsa(key), Scheme::Pkcs1) => key.verify(pkcs1(hash)?, &digest, signature).is_ok(),
            (Self::Rsa(key), Scheme::Pss) => key.verify(pss(hash)?, &digest, signature).is_ok(),
            (Self::P256(key), Scheme::Ecdsa) => p256::ecdsa::DerSignature::try_from(signature)
                .is_ok_and(|it| key.verify_prehash(&digest, &it).is_ok()),
            (Self::P384(key), Scheme::Ecdsa) => p384::ecdsa::DerSignature::try_from(signature)
                .is_ok_and(|it| key.verify_prehash(&digest, &it).is_ok()),
            (Self::Other(what), _) => return Err(Refusal::Unsupported(what.clone())),
            (key, _) => {
                let what = format!("{} with {}", algorithm.name, key.describe());
                return Err(Refusal::Unsupported(what));
            }
        };
        if holds { Ok(()) } else { Err(Refusal::Invalid) }
    }
}

/// How a hash becomes a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RSA PKCS#1 v1.5.
    Pkcs1,
    /// RSA PSS, MGF1 with the same hash.
    Pss,
    /// ECDSA, the signature in DER.
    Ecdsa,
    /// Something else.
    Other,
}

/// An AlgorithmIdentifier of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Algorithm {
    /// The scheme.
    pub scheme: Scheme,
    /// The hash, where the identifier names one that we know.
    pub hash: Option<HashType>,
    /// The identifier, with dots.
    pub name: String,
}

impl Algorithm {
    /// Reads an AlgorithmIdentifier.
    pub fn parse(element: Element<'_>) -> Result<Self> {
        let mut parts = element.expect(SEQUENCE, "algorithm")?.inside();
        let name = parts.need(super::tlv::OID, "algorithm")?.oid()?;
        let (scheme, hash) = match name.as_str() {
            // Plain rsaEncryption: in a CMS signer the hash is named beside it.
            "1.2.840.113549.1.1.1" => (Scheme::Pkcs1, None),
            "1.2.840.113549.1.1.5" => (Scheme::Pkcs1, Some(HashType::Sha1)),
            "1.2.840.113549.1.1.11" => (Scheme::Pkcs1, Some(HashType::Sha256)),
            "1.2.840.113549.1.1.12" => (Scheme::Pkcs1, Some(HashType::Sha384)),
            "1.2.840.113549.1.1.13" => (Scheme::Pkcs1, Some(HashType::Sha512)),
            "1.2.840.113549.1.1.10" => (Scheme::Pss, pss_hash(parts.any()?)?),
            "1.2.840.10045.2.1" => (Scheme::Ecdsa, None),
            "1.2.840.10045.4.1" => (Scheme::Ecdsa, Some(HashType::Sha1)),
            "1.2.840.10045.4.3.2" => (Scheme::Ecdsa, Some(HashType::Sha256)),
            "1.2.840.10045.4.3.3" => (Scheme::Ecdsa, Some(HashType::Sha384)),
            "1.2.840.10045.4.3.4" => (Scheme::Ecdsa, Some(HashType::Sha512)),
            _ => (Scheme::Other, None),
        };
        Ok(Self { scheme, hash, name })
    }

    /// The same algorithm, with `hash` where it names none itself.
    #[must_use]
    pub fn with_hash(mut self, hash: Option<HashType>) -> Self {
        self.hash = self.hash.or(hash);
        self
    }
}

/// The hash that a digest AlgorithmIdentifier names: its identifier, and the algorithm when we know it.
pub fn digest_algorithm(element: Element<'_>) -> Result<(String, Option<HashType>)> {
    let oid =
        element.expect(SEQUENCE, "digest algorithm")?.inside().need(super::tlv::OID, "digest")?.oid()?;
    let hash = digest_by_oid(&oid);
    Ok((oid, hash))
}

/// The hash with this object identifier.
pub fn digest_by_oid(oid: &str) -> Option<HashType> {
    Some(match oid {
        "1.3.14.3.2.26" => HashType::Sha1,
        "2.16.840.1.101.3.4.2.1" => HashType::Sha256,
        "2.16.840.1.101.3.4.2.2" => HashType::Sha384,
        "2.16.840.1.101.3.4.2.3" => HashType::Sha512,
        _ => return None,
    })
}

/// The hash of PSS parameters (`[0]`); SHA-1 when they name none.
fn pss_hash(parameters: Option<Element<'_>>) -> Result<Option<HashType>> {
    let Some(parameters) = parameters else { return Ok(Some(HashType::Sha1)) };
    match parameters.inside().optional(super::tlv::context(0))? {
        Some(hash) => Ok(digest_algorithm(Element::only(hash.content)?)?.1),
        None => Ok(Some(HashType::Sha1)),
    }
}

fn pkcs1(hash: HashType) -> Result<Pkcs1v15Sign, Refusal> {
    Ok(match hash {
        HashType::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
        HashType::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
        HashType::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
        HashType::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
        HashType::Sha256Truncated => return Err(Refusal::Unsupported("truncated hash in RSA".to_owned())),
    })
}

fn pss(hash: HashType) -> Result<Pss, Refusal> {
    Ok(match hash {
        HashType::Sha1 => Pss::new::<Sha1>(),
        HashType::Sha256 => Pss::new::<Sha256>(),
        HashType::Sha384 => Pss::new::<Sha384>(),
        HashType::Sha512 => Pss::new::<Sha512>(),
        HashType::Sha256Truncated => return Err(Refusal::Unsupported("truncated hash in RSA".to_owned())),
    })
}

/// For the fuzzer: any bytes as a public key, and behind it an algorithm and a signature.
pub fn fuzz(bytes: &[u8]) {
    let mut elements = Elements::of(Bytes::new(bytes)).flatten();
    let (Some(key), Some(algorithm)) = (elements.next(), elements.next()) else { return };
    if let (Ok(key), Ok(algorithm)) = (PublicKey::parse(key), Algorithm::parse(algorithm)) {
        // Who chooses the key can make any signature hold; it must end, and say why not.
        let signature = elements.next().map_or(bytes, |it| it.content.as_slice());
        let _ = (key.describe(), key.verify(&algorithm, b"message", signature));
    }
}

#[cfg(test)]
mod tests {
    use p384::ecdsa::{DerSignature, SigningKey, signature::Signer as _};

    use super::*;
    use crate::signature::made::{object, seq, tlv};

    fn algorithm(dotted: &str) -> Algorithm {
        Algorithm::parse(Element::only(Bytes::new(&seq(&[object(dotted)]))).unwrap()).unwrap()
    }

    fn p384(seed: u8) -> SigningKey {
        SigningKey::from_slice(&[seed; 48]).unwrap()
    }

    #[test]
    fn a_p384_key_verifies_its_own_signatures_only() {
        const ECDSA_SHA384: &str = "1.2.840.10045.4.3.3";
        let signature: DerSignature = p384(1).sign(b"message");
        let key = |seed| PublicKey::p384(p384(seed).verifying_key().to_encoded_point(false).as_bytes());
        let check = |seed, message| key(seed).verify(&algorithm(ECDSA_SHA384), message, signature.as_bytes());
        assert_eq!(check(1, b"message"), Ok(()));
        assert_eq!(check(1, b"massage"), Err(Refusal::Invalid));
        assert_eq!(check(2, b"message"), Err(Refusal::Invalid));
        assert_eq!(key(1).describe(), "P-384");
    }

    #[test]
    fn what_cannot_be_computed_is_unsupported_and_not_invalid() {
        let key = PublicKey::p384(p384(1).verifying_key().to_encoded_point(false).as_bytes());
        let check = |key: &PublicKey, dotted| match key.verify(&algorithm(dotted), b"", b"") {
            Err(Refusal::Unsupported(what)) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(check(&key, "1.2.3"), "signature algorithm 1.2.3");
        assert_eq!(check(&key, "1.2.840.113549.1.1.11"), "1.2.840.113549.1.1.11 with P-384");
        assert_eq!(check(&PublicKey::p384(&[4; 97]), "1.2.840.10045.4.3.3"), "key on curve 1.3.132.0.34");
    }

    #[test]
    fn a_key_of_an_unknown_type_is_kept_by_name() {
        let spki = seq(&[seq(&[object("1.3.101.112")]), tlv(super::super::tlv::BIT_STRING, &[vec![0, 1]])]);
        let key = PublicKey::parse(Element::only(Bytes::new(&spki)).unwrap()).unwrap();
        assert_eq!(key, PublicKey::Other("key of type 1.3.101.112".to_owned()));
    }
}
