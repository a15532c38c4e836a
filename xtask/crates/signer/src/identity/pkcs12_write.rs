//! Writes one key with its certificate as PKCS #12 in the old form, which is the one that every `security import` reads.
//!
//! Triple DES and SHA-1 are no protection for years, and need not be: the password is made for one import and forgotten after it. The new
//! form (PBES2, a MAC with SHA-256, what OpenSSL 3 writes by itself) is refused by keychains with "MAC verification failed".

use cbc::cipher::{BlockEncryptMut, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, Mac};
use pkcs12::kdf::{Pkcs12KeyType, derive_key_utf8};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::{
    Signer,
    pkcs12::{CERTIFICATE_BAG, SHROUDED_KEY_BAG, TRIPLE_DES},
};
use crate::{
    Error, Result,
    asn1::{
        oid,
        write::{self, context, context_primitive, number, octets, sequence, set_of},
    },
};

/// `x509Certificate` in a certificate bag (PKCS #9).
const X509: &str = "1.2.840.113549.1.9.22.1";
/// `localKeyId` (PKCS #9): ties a key to its certificate.
const LOCAL_KEY_ID: &str = "1.2.840.113549.1.9.21";
/// Rounds of key derivation, as OpenSSL has them.
const ROUNDS: i32 = 2048;

/// Salts of key, certificate and MAC: eight random bytes each.
pub type Salts = [[u8; 8]; 3];

/// The key of `signer` and its own certificate; the rest of the chain is public and travels without a password.
pub fn to_pkcs12(signer: &Signer, password: &str, salts: &Salts) -> Result<Zeroizing<Vec<u8>>> {
    let [key_salt, certificate_salt, mac_salt] = salts;
    let leaf = signer.leaf();
    let id = set_of(vec![sequence([write::oid(LOCAL_KEY_ID), set_of(vec![octets(&leaf.sha1())])])]);
    let encrypted = encrypt(&signer.key().to_pkcs8()?, password, key_salt)?;
    let shrouded = sequence([algorithm(key_salt), octets(&encrypted)]);
    let keys = sequence([sequence([write::oid(SHROUDED_KEY_BAG), context(0, [shrouded]), id.clone()])]);
    let certificate = sequence([write::oid(X509), context(0, [octets(leaf.der())])]);
    let certificates = sequence([sequence([write::oid(CERTIFICATE_BAG), context(0, [certificate]), id])]);

    let safe = sequence([data(&keys), encrypted_data(&certificates, password, certificate_salt)?]);
    let mac_key = derive(password, mac_salt, Pkcs12KeyType::Mac, 20)?;
    let mut mac = Hmac::<Sha1>::new_from_slice(&mac_key).expect("an HMAC takes a key of any length");
    mac.update(&safe);
    let digest = sequence([write::algorithm(oid::SHA1), octets(&mac.finalize().into_bytes())]);
    let mac = sequence([digest, octets(mac_salt), number(ROUNDS.unsigned_abs().into())]);
    Ok(Zeroizing::new(sequence([number(3), data(&safe), mac])))
}

/// A ContentInfo of kind data.
fn data(content: &[u8]) -> Vec<u8> {
    sequence([write::oid(oid::DATA), context(0, [octets(content)])])
}

/// A ContentInfo of kind encrypted data.
fn encrypted_data(content: &[u8], password: &str, salt: &[u8; 8]) -> Result<Vec<u8>> {
    let encrypted = encrypt(content, password, salt)?;
    let info = sequence([write::oid(oid::DATA), algorithm(salt), context_primitive(0, &encrypted)]);
    Ok(sequence([write::oid(oid::ENCRYPTED_DATA), context(0, [sequence([number(0), info])])]))
}

fn algorithm(salt: &[u8; 8]) -> Vec<u8> {
    sequence([write::oid(TRIPLE_DES), sequence([octets(salt), number(ROUNDS.unsigned_abs().into())])])
}

fn encrypt(plain: &[u8], password: &str, salt: &[u8; 8]) -> Result<Vec<u8>> {
    let key = derive(password, salt, Pkcs12KeyType::EncryptionKey, 24)?;
    let iv = derive(password, salt, Pkcs12KeyType::Iv, 8)?;
    let cipher = cbc::Encryptor::<des::TdesEde3>::new_from_slices(&key, &iv);
    Ok(cipher.expect("24 and 8 bytes were derived").encrypt_padded_vec_mut::<Pkcs7>(plain))
}

fn derive(password: &str, salt: &[u8; 8], kind: Pkcs12KeyType, len: usize) -> Result<Zeroizing<Vec<u8>>> {
    let key = derive_key_utf8::<Sha1>(password, salt, kind, ROUNDS, len);
    key.map(Zeroizing::new).map_err(|_| Error::new("the password cannot be written as PKCS #12 wants it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        authority::{Authority, Role},
        identity::{Identity, Refusal, from_pkcs12},
    };

    const SALTS: Salts = [[1; 8], [2; 8], [3; 8]];

    fn identity() -> Identity {
        let authority = Authority::new(Zeroizing::new([7; 32]), 1_790_000_000, "REHEARSE01").unwrap();
        Identity::rehearsal(&authority, Role::DeveloperIdApplication).unwrap()
    }

    #[test]
    fn what_was_written_is_read_again_with_its_password_alone() {
        let identity = identity();
        let signer = identity.signer().unwrap();
        let file = to_pkcs12(signer, "once", &SALTS).unwrap();
        let read = from_pkcs12(&file, "once").unwrap();
        assert_eq!(read.key.public().unwrap(), signer.key().public().unwrap());
        assert_eq!(read.certificates, [signer.leaf().clone()]);
        assert_eq!(from_pkcs12(&file, "twice").unwrap_err(), Refusal::WrongPassword);
        assert_eq!(to_pkcs12(signer, "once", &SALTS).unwrap(), file, "salts are all that is random");
    }
}
