//! The little of ASN.1 that signatures are made of: a DER writer, and a reader that also takes BER.
//!
//! The writer gives bytes, not types: a certificate or a CMS reads in the source as it reads in its RFC.

pub mod read;
pub mod write;

/// Object identifiers that occur in Apple's signatures, certificates and profiles.
pub mod oid {
    /// PKCS #7 data.
    pub const DATA: &str = "1.2.840.113549.1.7.1";
    /// PKCS #7 signed data.
    pub const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
    /// PKCS #7 encrypted data.
    pub const ENCRYPTED_DATA: &str = "1.2.840.113549.1.7.6";
    /// Signed attribute: type of what is signed.
    pub const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
    /// Signed attribute: digest of what is signed.
    pub const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
    /// Signed attribute: the time the signer claims.
    pub const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
    /// Signed attribute: which certificate signs (RFC 5035), demanded of timestamps by RFC 5816.
    pub const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";
    /// Unsigned attribute: RFC 3161 token over the signature.
    pub const TIMESTAMP_TOKEN: &str = "1.2.840.113549.1.9.16.2.14";
    /// Content type of a timestamp.
    pub const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
    /// Signed attribute of Apple's: a plist with the cdhashes of all code directories.
    pub const HASH_AGILITY: &str = "1.2.840.113635.100.9.1";
    /// Signed attribute of Apple's: the full hashes of all code directories with their algorithms.
    pub const HASH_AGILITY_V2: &str = "1.2.840.113635.100.9.2";
    /// SHA-1.
    pub const SHA1: &str = "1.3.14.3.2.26";
    /// SHA-256.
    pub const SHA256: &str = "2.16.840.1.101.3.4.2.1";
    /// SHA-384.
    pub const SHA384: &str = "2.16.840.1.101.3.4.2.2";
    /// SHA-512.
    pub const SHA512: &str = "2.16.840.1.101.3.4.2.3";
    /// RSA key; also what CMS names an RSA signature.
    pub const RSA: &str = "1.2.840.113549.1.1.1";
    /// RSA PKCS #1 v1.5 with SHA-256.
    pub const RSA_SHA256: &str = "1.2.840.113549.1.1.11";
    /// ECDSA with SHA-256.
    pub const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
    /// ECDSA with SHA-384.
    pub const ECDSA_SHA384: &str = "1.2.840.10045.4.3.3";
}
