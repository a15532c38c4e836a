//! Keys and certificates from PEM or DER files; keys in PKCS #8, encrypted or not.

use pkcs8::EncryptedPrivateKeyInfo;
use zeroize::Zeroizing;

use super::{Refusal, Unchained};
use crate::{certificate::Certificate, key::PrivateKey};

/// Reads a key and its certificates. Each file may hold several PEM blocks, or one thing in DER.
pub fn from_pem(files: &[&[u8]], password: Option<&str>) -> Result<Unchained, Refusal> {
    let mut key = None;
    let mut certificates = Vec::new();
    for file in files {
        for (label, der) in blocks(file)? {
            match label.as_str() {
                "CERTIFICATE" => certificates.push(certificate(&der)?),
                "PRIVATE KEY" => key = Some(plain_key(&der)?),
                "ENCRYPTED PRIVATE KEY" => key = Some(encrypted_key(&der, password)?),
                "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {
                    let why =
                        format!("a key in the old form `{label}`; convert it with `openssl pkcs8 -topk8`");
                    return Err(Refusal::Malformed(why));
                }
                "" => match Certificate::from_der(&der) {
                    Ok(found) => certificates.push(found),
                    Err(_) if EncryptedPrivateKeyInfo::try_from(der.as_slice()).is_ok() => {
                        key = Some(encrypted_key(&der, password)?);
                    }
                    Err(_) => key = Some(plain_key(&der)?),
                },
                other => {
                    return Err(Refusal::Malformed(format!(
                        "a PEM block `{other}` is neither key nor certificate"
                    )));
                }
            }
        }
    }
    Ok(Unchained { key: key.ok_or(Refusal::NoKey)?, certificates })
}

/// An encrypted PKCS #8 key (DER).
pub(super) fn encrypted_key(der: &[u8], password: Option<&str>) -> Result<PrivateKey, Refusal> {
    let malformed = |it: der::Error| Refusal::Malformed(format!("not an encrypted key: {it}"));
    let password = password.ok_or(Refusal::PasswordWanted)?;
    // An unknown scheme cannot even be parsed, so the numbers are looked at first.
    let scheme = scheme(der)?;
    let info = match EncryptedPrivateKeyInfo::try_from(der) {
        Ok(info) => info,
        Err(_) if scheme != PBES2 => return Err(Refusal::UnsupportedCipher(scheme)),
        Err(pkcs8::Error::Asn1(error)) => return Err(unsupported_or_malformed(error, malformed)),
        Err(error) => return Err(Refusal::Malformed(format!("not an encrypted key: {error}"))),
    };
    let plain = info.decrypt(password).map_err(|_| Refusal::WrongPassword)?;
    plain_key(plain.as_bytes())
}

const PBES2: &str = "1.2.840.113549.1.5.13";

fn scheme(der: &[u8]) -> Result<String, Refusal> {
    let malformed = |it: crate::Error| Refusal::Malformed(it.what);
    let element = crate::asn1::read::Element::read(der, "an encrypted key").map_err(malformed)?;
    let algorithm = element.child(0, "its algorithm").map_err(malformed)?;
    let oid =
        algorithm.child(0, "its algorithm").and_then(|it| it.oid("its algorithm")).map_err(malformed)?;
    Ok(oid.to_string())
}

fn unsupported_or_malformed(error: der::Error, malformed: impl Fn(der::Error) -> Refusal) -> Refusal {
    match error.kind() {
        der::ErrorKind::OidUnknown { oid } => Refusal::UnsupportedCipher(oid.to_string()),
        _ => malformed(error),
    }
}

/// A PKCS #8 key (DER).
pub(super) fn plain_key(der: &[u8]) -> Result<PrivateKey, Refusal> {
    if let Some(key) = PrivateKey::from_pkcs8(der) {
        return Ok(key);
    }
    match pkcs8::PrivateKeyInfo::try_from(der) {
        Ok(_) => Err(Refusal::UnsupportedKey),
        Err(error) => Err(Refusal::Malformed(format!("not a private key: {error}"))),
    }
}

pub(super) fn certificate(der: &[u8]) -> Result<Certificate, Refusal> {
    Certificate::from_der(der).map_err(|it| Refusal::Malformed(it.what))
}

type Block = (String, Zeroizing<Vec<u8>>);

/// Every PEM block by its label; a file without any is one block without a label.
fn blocks(file: &[u8]) -> Result<Vec<Block>, Refusal> {
    const BEGIN: &str = "-----BEGIN ";
    let text = match std::str::from_utf8(file) {
        Ok(text) if text.contains(BEGIN) => text,
        _ => return Ok(vec![(String::new(), Zeroizing::new(file.to_vec()))]),
    };
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        let block = rest.get(start..).unwrap_or_default();
        let malformed = |it| Refusal::Malformed(format!("not PEM: {it}"));
        let label =
            block.get(BEGIN.len()..).and_then(|it| it.split_once("-----")).map(|it| it.0).unwrap_or_default();
        let end_mark = format!("-----END {label}-----");
        let end = block.find(&end_mark).ok_or_else(|| malformed("a block does not end".to_owned()))?;
        let end = end.saturating_add(end_mark.len());
        let (label, der) = der::pem::decode_vec(block.get(..end).unwrap_or_default().as_bytes())
            .map_err(|it| malformed(it.to_string()))?;
        found.push((label.to_owned(), Zeroizing::new(der)));
        rest = block.get(end..).unwrap_or_default();
    }
    Ok(found)
}
