//! Identities as a keychain has them: what is imported, who is meant by a name, whether a chain can be built.

use base64::{Engine, prelude::BASE64_STANDARD};
use signer::{
    certificate::Certificate,
    identity::{self, Refusal, from_pkcs12},
};

use crate::keychains::{Identity, Keychain, Keychains};

/// What `security import` keeps of a PKCS #12 file, or what it says.
pub(crate) fn import(file: &[u8], password: &str, applications: &[&str]) -> Result<Identity, String> {
    let read = from_pkcs12(file, password).map_err(|refusal| match refusal {
        Refusal::WrongPassword => "MAC verification failed during PKCS12 import (wrong password?)".to_owned(),
        _ => "Unknown format in import.".to_owned(),
    })?;
    let public = read.key.public().map_err(|it| it.what)?;
    let is_own = |it: &&Certificate| it.public_key().is_ok_and(|key| key == public);
    let leaf = read
        .certificates
        .iter()
        .find(is_own)
        .ok_or("One or more parameters passed to a function were not valid.")?;
    Ok(Identity {
        sha1: leaf.sha1().iter().map(|it| format!("{it:02X}")).collect(),
        name: leaf.common_name(),
        p12: BASE64_STANDARD.encode(file),
        password: password.to_owned(),
        applications: applications.iter().map(|it| (*it).to_owned()).collect(),
        partitions: Vec::new(),
    })
}

/// The identity that `asked` names in `paths`: by SHA-1, or by a part of its name; with the keychain that holds it.
pub(crate) fn find<'a>(
    asked: &str,
    paths: &'a [String],
    keychains: &'a Keychains,
) -> Option<(&'a String, &'a Keychain, &'a Identity)> {
    paths.iter().find_map(|path| {
        let keychain = keychains.keychains.get(path)?;
        let fits = |it: &&Identity| it.sha1.eq_ignore_ascii_case(asked) || it.name.contains(asked);
        keychain.identities.iter().find(fits).map(|it| (path, keychain, it))
    })
}

/// Key and chain; `None` when no chain up to a root can be built from the keychains on the search list.
pub(crate) fn complete(found: &Identity, keychains: &Keychains) -> Option<identity::Identity> {
    let listed = keychains.search_list.iter().filter_map(|it| keychains.keychains.get(it));
    let known = listed.flat_map(|it| &it.certificates).filter_map(|it| {
        let der = BASE64_STANDARD.decode(it).ok()?;
        Certificate::from_der(&der).ok()
    });
    let p12 = BASE64_STANDARD.decode(&found.p12).ok()?;
    from_pkcs12(&p12, &found.password).ok()?.complete(&known.collect::<Vec<_>>()).ok()
}
