//! Keys and certificates from PKCS #12 (RFC 7292), old and new.
//!
//! ```text
//!   PFX ─ AuthenticatedSafe ─┬─ Data          ─ SafeContents ─ shrouded key bag
//!         MAC over it        └─ EncryptedData ─ SafeContents ─ certificate bags
//! ```
//! Old: RC2 or triple DES, MAC with SHA-1 (`openssl pkcs12 -legacy`, keychains). New: PBES2 with AES, MAC with SHA-256.
//! The MAC is checked first, so that a wrong password is known as such before anything is decrypted.

use cbc::cipher::{BlockDecryptMut, KeyIvInit, block_padding::Pkcs7};
use const_oid::ObjectIdentifier;
use der::Decode;
use hmac::{Hmac, Mac};
use pkcs5::pbes2;
use pkcs12::kdf::{Pkcs12KeyType, derive_key_utf8};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::{Refusal, Unchained, pem};
use crate::{
    Error,
    asn1::{oid, read::Element},
    certificate::Certificate,
    key::PrivateKey,
};

/// `pbeWithSHAAnd128BitRC2-CBC`.
const RC2_128: &str = "1.2.840.113549.1.12.1.5";
/// `pbeWithSHAAnd40BitRC2-CBC`: certificates in old files.
const RC2_40: &str = "1.2.840.113549.1.12.1.6";
/// `pbeWithSHAAnd3-KeyTripleDES-CBC`: keys in old files.
pub(super) const TRIPLE_DES: &str = "1.2.840.113549.1.12.1.3";
/// PBES2 (RFC 8018).
const PBES2: &str = "1.2.840.113549.1.5.13";
const KEY_BAG: &str = "1.2.840.113549.1.12.10.1.1";
pub(super) const SHROUDED_KEY_BAG: &str = "1.2.840.113549.1.12.10.1.2";
pub(super) const CERTIFICATE_BAG: &str = "1.2.840.113549.1.12.10.1.3";
/// More rounds than any tool writes (OpenSSL 2048, keychains up to 100,000); a hostile file could ask for years.
const MAX_ROUNDS: u32 = 10_000_000;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Malformed(error.what)
    }
}

/// Reads the key and all certificates of a PKCS #12 file.
pub fn from_pkcs12(file: &[u8], password: &str) -> Result<Unchained, Refusal> {
    let pfx = Element::read(file, "a PKCS #12 file")?;
    if pfx.child(0, "its version")?.number("its version of PKCS #12")? != 3 {
        return Err(Refusal::Malformed("a PKCS #12 file of a version other than 3".to_owned()));
    }
    let safe = data(pfx.child(1, "its content")?)?;
    match pfx.children.get(2) {
        Some(mac) => verify_mac(mac, &safe, password)?,
        None => {
            return Err(Refusal::Malformed(
                "a PKCS #12 file without a MAC (its password cannot be checked)".to_owned(),
            ));
        }
    }
    let mut keys = Vec::new();
    let mut certificates = Vec::new();
    for content in &Element::read(&safe, "its safe")?.children {
        let kind = content.child(0, "a safe")?.oid("the kind of a safe")?.to_string();
        let bags = match kind.as_str() {
            oid::DATA => Zeroizing::new(data(content)?),
            oid::ENCRYPTED_DATA => encrypted_data(content, password)?,
            other => return Err(Refusal::UnsupportedCipher(format!("a safe of kind {other}"))),
        };
        for bag in &Element::read(&bags, "a safe")?.children {
            read_bag(bag, password, &mut keys, &mut certificates)?;
        }
    }
    match keys.len() {
        0 => return Err(Refusal::NoKey),
        1 => {}
        n => return Err(Refusal::Malformed(format!("{n} private keys in one file; export one identity"))),
    }
    let key = keys.pop().ok_or(Refusal::NoKey)?;
    Ok(Unchained { key, certificates })
}

fn read_bag(
    bag: &Element,
    password: &str,
    keys: &mut Vec<PrivateKey>,
    certificates: &mut Vec<Certificate>,
) -> Result<(), Refusal> {
    let kind = bag.child(0, "a bag")?.oid("the kind of a bag")?.to_string();
    let value = bag.child(1, "a bag")?.child(0, "a bag")?;
    match kind.as_str() {
        KEY_BAG => keys.push(pem::plain_key(&value.der())?),
        SHROUDED_KEY_BAG => {
            let algorithm = value.child(0, "a key's cipher")?;
            let bytes = value.child(1, "a key")?.octets();
            keys.push(pem::plain_key(&decrypt(algorithm, &bytes, password)?)?);
        }
        CERTIFICATE_BAG => {
            let der = value.child(1, "a certificate")?.child(0, "a certificate")?.octets();
            certificates.push(pem::certificate(&der)?);
        }
        // Revocation lists, secrets and nested bags have nothing to sign with.
        _ => {}
    }
    Ok(())
}

/// The octets of a ContentInfo of kind data.
fn data(content: &Element) -> Result<Vec<u8>, Refusal> {
    if content.child(0, "its content")?.oid("the kind of its content")?.to_string() != oid::DATA {
        return Err(Refusal::Malformed(
            "a PKCS #12 file that is signed instead of protected by a password".to_owned(),
        ));
    }
    Ok(content.child(1, "its content")?.child(0, "its content")?.octets())
}

fn encrypted_data(content: &Element, password: &str) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let info = content.child(1, "a safe")?.child(0, "a safe")?.child(1, "a safe")?;
    let bytes = info.child(2, "the encrypted bytes of a safe")?.octets();
    decrypt(info.child(1, "the cipher of a safe")?, &bytes, password)
}

fn verify_mac(mac: &Element, message: &[u8], password: &str) -> Result<(), Refusal> {
    let digest_info = mac.child(0, "the MAC")?;
    let algorithm =
        digest_info.child(0, "the MAC")?.child(0, "the MAC")?.oid("the MAC's algorithm")?.to_string();
    let expected = digest_info.child(1, "the MAC")?.octets();
    let salt = mac.child(1, "the MAC's salt")?.octets();
    let rounds = match mac.children.get(2) {
        Some(rounds) => rounds.number("the MAC's rounds")?,
        None => 1,
    };
    let rounds = bounded(rounds)?;
    macro_rules! matches {
        ($hash:ty) => {{
            let len = <$hash as Digest>::output_size();
            let key = derive_key_utf8::<$hash>(password, &salt, Pkcs12KeyType::Mac, rounds, len);
            let key = Zeroizing::new(key.map_err(|_| Refusal::WrongPassword)?);
            let mut mac = Hmac::<$hash>::new_from_slice(&key).expect("an HMAC takes a key of any length");
            mac.update(message);
            mac.verify_slice(&expected).is_ok()
        }};
    }
    let fits = match algorithm.as_str() {
        oid::SHA1 => matches!(Sha1),
        oid::SHA256 => matches!(Sha256),
        oid::SHA384 => matches!(Sha384),
        oid::SHA512 => matches!(Sha512),
        other => return Err(Refusal::UnsupportedCipher(format!("a MAC of algorithm {other}"))),
    };
    if fits { Ok(()) } else { Err(Refusal::WrongPassword) }
}

fn bounded(rounds: u32) -> Result<i32, Refusal> {
    match i32::try_from(rounds) {
        Ok(signed) if (1..=MAX_ROUNDS).contains(&rounds) => Ok(signed),
        _ => Err(Refusal::Malformed(format!("{rounds} rounds of key derivation"))),
    }
}

fn decrypt(algorithm: &Element, bytes: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let kind = algorithm.child(0, "a cipher")?.oid("a cipher")?;
    let parameters = algorithm.child(1, "a cipher's parameters")?;
    match kind.to_string().as_str() {
        PBES2 => decrypt_pbes2(&parameters.der(), bytes, password),
        TRIPLE_DES => {
            let (key, iv) = old_key(parameters, password, 24)?;
            let cipher = cbc::Decryptor::<des::TdesEde3>::new_from_slices(&key, &iv);
            unpadded(cipher.expect("24 and 8 bytes were derived").decrypt_padded_vec_mut::<Pkcs7>(bytes))
        }
        RC2_40 => decrypt_rc2(parameters, password, bytes, 5),
        RC2_128 => decrypt_rc2(parameters, password, bytes, 16),
        _ => Err(Refusal::UnsupportedCipher(cipher_name(kind))),
    }
}

fn decrypt_rc2(
    parameters: &Element,
    password: &str,
    bytes: &[u8],
    len: usize,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let (key, iv) = old_key(parameters, password, len)?;
    let core = rc2::Rc2::new_with_eff_key_len(&key, len.saturating_mul(8));
    let iv = iv.as_slice().into();
    let cipher = <cbc::Decryptor<rc2::Rc2> as cbc::cipher::InnerIvInit>::inner_iv_init(core, iv);
    unpadded(cipher.decrypt_padded_vec_mut::<Pkcs7>(bytes))
}

/// Key and initial vector of a cipher of PKCS #12 itself: SHA-1 throughout (RFC 7292, appendix B and C).
fn old_key(
    parameters: &Element,
    password: &str,
    len: usize,
) -> Result<(Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>), Refusal> {
    let salt = parameters.child(0, "a cipher's salt")?.octets();
    let rounds = bounded(parameters.child(1, "a cipher's rounds")?.number("a cipher's rounds")?)?;
    let derive = |kind, len| {
        let key = derive_key_utf8::<Sha1>(password, &salt, kind, rounds, len);
        key.map(Zeroizing::new).map_err(|_| Refusal::WrongPassword)
    };
    Ok((derive(Pkcs12KeyType::EncryptionKey, len)?, derive(Pkcs12KeyType::Iv, 8)?))
}

fn decrypt_pbes2(parameters: &[u8], bytes: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let parameters = pbes2::Parameters::from_der(parameters).map_err(|error| match error.kind() {
        der::ErrorKind::OidUnknown { oid } => Refusal::UnsupportedCipher(cipher_name(oid)),
        _ => Refusal::UnsupportedCipher(format!("PBES2 with parameters that cannot be read ({error})")),
    })?;
    if let pbes2::Kdf::Pbkdf2(kdf) = &parameters.kdf {
        bounded(kdf.iteration_count)?;
    }
    // The MAC has proved the password, so a failure here is the cipher's.
    let plain = parameters.decrypt(password.as_bytes(), bytes);
    plain.map(Zeroizing::new).map_err(|it| Refusal::UnsupportedCipher(format!("PBES2 ({it})")))
}

/// The MAC has proved the password; what then has no padding was damaged.
fn unpadded<E>(plain: Result<Vec<u8>, E>) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let plain =
        plain.map_err(|_| Refusal::Malformed("an encrypted part of the file is damaged".to_owned()))?;
    Ok(Zeroizing::new(plain))
}

fn cipher_name(kind: ObjectIdentifier) -> String {
    match kind.to_string().as_str() {
        "1.2.840.113549.1.12.1.1" => "RC4 (128 bit)".to_owned(),
        "1.2.840.113549.1.12.1.2" => "RC4 (40 bit)".to_owned(),
        "1.2.840.113549.1.12.1.4" => "triple DES with two keys".to_owned(),
        other => format!("the cipher {other}"),
    }
}
