//! Private keys, and the signatures they make.
//!
//! RSA is blinded (the `rsa` crate's timing advisory), ECDSA takes its nonce from RFC 6979: the same message gives the same signature.

use std::fmt;

use pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use rand_core::{CryptoRngCore, OsRng};
use rsa::{RsaPrivateKey, pkcs1v15};
use sha2::Sha256;
use signature::{RandomizedSigner, SignatureEncoding, Signer};
use zeroize::Zeroizing;

use crate::{
    Error, Result,
    asn1::{oid, write},
};

/// What kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RSA with a modulus of this many bits.
    Rsa(usize),
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384; only the root of tickets.
    P384,
}

/// A private key. It wipes itself and does not show itself.
#[derive(Clone)]
pub enum PrivateKey {
    /// RSA, any length.
    Rsa(Box<RsaPrivateKey>),
    /// ECDSA on P-256.
    P256(p256::ecdsa::SigningKey),
    /// ECDSA on P-384.
    P384(p384::ecdsa::SigningKey),
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?})", self.kind())
    }
}

impl PrivateKey {
    /// A new key from `random`; the same random bytes give the same key.
    pub fn generate(kind: Kind, random: &mut impl CryptoRngCore) -> Result<Self> {
        Ok(match kind {
            Kind::Rsa(bits) => Self::Rsa(Box::new(
                RsaPrivateKey::new(random, bits)
                    .map_err(|it| Error::new(format!("no RSA key of {bits} bits: {it}")))?,
            )),
            Kind::P256 => Self::P256(p256::ecdsa::SigningKey::random(random)),
            Kind::P384 => Self::P384(p384::ecdsa::SigningKey::random(random)),
        })
    }

    /// Reads an unencrypted PKCS #8 key (DER); `None` when it is of a kind that cannot sign code.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let rsa = RsaPrivateKey::from_pkcs8_der(der).ok().map(|it| Self::Rsa(Box::new(it)));
        let p256 = || p256::ecdsa::SigningKey::from_pkcs8_der(der).ok().map(Self::P256);
        let p384 = || p384::ecdsa::SigningKey::from_pkcs8_der(der).ok().map(Self::P384);
        rsa.or_else(p256).or_else(p384)
    }

    /// The key as unencrypted PKCS #8 (DER), wiped when dropped.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>> {
        let document = match self {
            Self::Rsa(key) => key.to_pkcs8_der(),
            Self::P256(key) => key.to_pkcs8_der(),
            Self::P384(key) => key.to_pkcs8_der(),
        };
        document.map(|it| it.to_bytes()).map_err(|it| Error::new(format!("cannot encode a key: {it}")))
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        use rsa::traits::PublicKeyParts;
        match self {
            Self::Rsa(key) => Kind::Rsa(key.size().saturating_mul(8)),
            Self::P256(_) => Kind::P256,
            Self::P384(_) => Kind::P384,
        }
    }

    /// The public half as `SubjectPublicKeyInfo` (DER): what a certificate for this key holds.
    pub fn public(&self) -> Result<Vec<u8>> {
        let document = match self {
            Self::Rsa(key) => key.to_public_key().to_public_key_der(),
            Self::P256(key) => key.verifying_key().to_public_key_der(),
            Self::P384(key) => key.verifying_key().to_public_key_der(),
        };
        document
            .map(der::Document::into_vec)
            .map_err(|it| Error::new(format!("cannot encode a public key: {it}")))
    }

    /// The signature of `message`: SHA-256 with RSA and P-256, SHA-384 with P-384; ECDSA in DER.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Rsa(key) => pkcs1v15::SigningKey::<Sha256>::new(key.as_ref().clone())
                .try_sign_with_rng(&mut OsRng, message)
                .map(|it| it.to_vec()),
            Self::P256(key) => {
                key.try_sign(message).map(|it: p256::ecdsa::Signature| it.to_der().as_bytes().to_vec())
            }
            Self::P384(key) => {
                key.try_sign(message).map(|it: p384::ecdsa::Signature| it.to_der().as_bytes().to_vec())
            }
        }
        .map_err(|it| Error::new(format!("the key cannot sign: {it}")))
    }

    /// PKCS #1 v1.5 signature over a digest that somebody else has made with SHA-1: the form xar demands.
    pub fn sign_sha1_digest(&self, digest: &[u8; 20]) -> Result<Vec<u8>> {
        match self {
            Self::Rsa(key) => key
                .sign_with_rng(&mut OsRng, rsa::Pkcs1v15Sign::new::<sha1::Sha1>(), digest)
                .map_err(|it| Error::new(format!("the key cannot sign: {it}"))),
            Self::P256(_) | Self::P384(_) => {
                Err(Error::new("an installer package is signed with an RSA key"))
            }
        }
    }

    /// `AlgorithmIdentifier` of its signatures in a certificate.
    pub(crate) fn certificate_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => write::algorithm(oid::RSA_SHA256),
            Self::P256(_) => write::bare_algorithm(oid::ECDSA_SHA256),
            Self::P384(_) => write::bare_algorithm(oid::ECDSA_SHA384),
        }
    }

    /// `AlgorithmIdentifier` of its signatures in a CMS; Apple's tools write plain `rsaEncryption` there.
    pub(crate) fn cms_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => write::algorithm(oid::RSA),
            Self::P256(_) => write::bare_algorithm(oid::ECDSA_SHA256),
            Self::P384(_) => write::bare_algorithm(oid::ECDSA_SHA384),
        }
    }
}
