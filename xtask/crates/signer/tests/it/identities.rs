//! Key files of OpenSSL and rcodesign, good ones and broken ones.

use signer::{
    authority::Role,
    identity::{Identity, Purpose, Refusal, Unchained, from_pem, from_pkcs12},
};

use crate::oracle::{Folder, authority, must_pass};

const LEAF: Role = Role::DeveloperIdApplication;

/// Key, leaf and chain as PEM files `key.pem`, `leaf.pem`, `chain.pem`.
fn files() -> Folder {
    let folder = Folder::new();
    let pem =
        |label: &str, der: &[u8]| der::pem::encode_string(label, der::pem::LineEnding::LF, der).unwrap();
    folder.write("key.pem", pem("PRIVATE KEY", &authority().key(LEAF).unwrap().to_pkcs8().unwrap()));
    let other = authority().key(Role::AppleDevelopment).unwrap();
    folder.write("other.pem", pem("PRIVATE KEY", &other.to_pkcs8().unwrap()));
    let chain = authority().chain(LEAF).unwrap();
    folder.write("leaf.pem", chain[0].pem().unwrap());
    folder.write("chain.pem", chain[1..].iter().map(|it| it.pem().unwrap()).collect::<String>());
    folder
}

/// A PKCS #12 made by OpenSSL with further arguments; `None` when OpenSSL is not there.
fn pkcs12(folder: &Folder, more: &[&str]) -> Option<Vec<u8>> {
    let mut args =
        vec!["pkcs12", "-export", "-inkey", "key.pem", "-in", "leaf.pem", "-certfile", "chain.pem"];
    args.extend(["-out", "id.p12", "-passout", "pass:geheim ä"]);
    args.extend(more);
    must_pass(folder, "openssl", &args)?;
    Some(folder.read("id.p12"))
}

#[track_caller]
fn check(loaded: Result<Unchained, Refusal>) {
    let identity = loaded.and_then(|it| it.complete(&[])).unwrap();
    let signer = identity.signer().unwrap();
    assert_eq!(signer.chain(), authority().chain(LEAF).unwrap());
    assert_eq!(identity.team().as_deref(), Some("REHEARSE01"));
    identity.demand(Purpose::Distribution).unwrap();
}

#[test]
fn openssl_pkcs12_loads_in_its_new_and_its_old_form() {
    let folder = files();
    for more in [&[][..], &["-legacy"], &["-legacy", "-certpbe", "PBE-SHA1-RC2-128"], &["-macalg", "sha512"]]
    {
        let Some(file) = pkcs12(&folder, more) else { return };
        check(from_pkcs12(&file, "geheim ä"));
        assert_eq!(from_pkcs12(&file, "geheim").unwrap_err(), Refusal::WrongPassword, "{more:?}");
    }
}

#[test]
fn an_unknown_cipher_is_not_called_a_wrong_password() {
    let folder = files();
    for more in [&["-legacy", "-keypbe", "PBE-SHA1-2DES"][..], &["-keypbe", "camellia-256-cbc"]] {
        let Some(file) = pkcs12(&folder, more) else { return };
        let refusal = from_pkcs12(&file, "geheim ä").unwrap_err();
        assert!(matches!(refusal, Refusal::UnsupportedCipher(_)), "{more:?} {refusal}");
        assert_eq!(from_pkcs12(&file, "wrong").unwrap_err(), Refusal::WrongPassword);
    }
}

#[test]
fn a_file_without_a_key_says_so() {
    let folder = files();
    let Some(file) = pkcs12(&folder, &["-nokeys"]) else { return };
    assert_eq!(from_pkcs12(&file, "geheim ä").unwrap_err(), Refusal::NoKey);
}

#[test]
fn encrypted_pkcs8_loads_beside_its_chain() {
    let folder = files();
    let args = ["pkcs8", "-topk8", "-in", "key.pem", "-passout", "pass:x", "-out", "enc.pem"];
    let Some(_) = must_pass(&folder, "openssl", &args) else { return };
    let (key, leaf, chain) = (folder.read("enc.pem"), folder.read("leaf.pem"), folder.read("chain.pem"));
    let all = [key.as_slice(), &leaf, &chain];
    check(from_pem(&all, Some("x")));
    assert_eq!(from_pem(&all, Some("y")).unwrap_err(), Refusal::WrongPassword);
    assert_eq!(from_pem(&all, None).unwrap_err(), Refusal::PasswordWanted);
    let args = [
        "pkcs8",
        "-topk8",
        "-v1",
        "PBE-SHA1-3DES",
        "-in",
        "key.pem",
        "-passout",
        "pass:x",
        "-out",
        "old.pem",
    ];
    must_pass(&folder, "openssl", &args);
    let old = from_pem(&[&folder.read("old.pem")], Some("x")).unwrap_err();
    assert!(matches!(old, Refusal::UnsupportedCipher(_)), "{old}");
}

#[test]
fn plain_pem_loads_and_its_faults_are_told_apart() {
    let folder = files();
    let (key, other) = (folder.read("key.pem"), folder.read("other.pem"));
    let (leaf, chain) = (folder.read("leaf.pem"), folder.read("chain.pem"));
    check(from_pem(&[&key, &leaf, &chain], None));
    assert_eq!(from_pem(&[&leaf, &chain], None).unwrap_err(), Refusal::NoKey);
    let without = from_pem(&[&key], None).unwrap().complete(&[]).unwrap_err();
    assert_eq!(without, Refusal::NoCertificate);
    let mismatch = from_pem(&[&other, &leaf], None).unwrap().complete(&[]).unwrap_err();
    assert!(matches!(mismatch, Refusal::KeyMismatch(_)), "{mismatch}");
    let short = from_pem(&[&key, &leaf], None).unwrap();
    let refusal = short.clone().complete(&[]).unwrap_err();
    assert!(matches!(refusal, Refusal::IncompleteChain { .. }), "{refusal}");
    let known = authority().chain(LEAF).unwrap();
    check(Ok(Unchained { certificates: [short.certificates, known].concat(), key: short.key }));
}

#[test]
fn an_installer_certificate_does_not_sign_apps() {
    let identity = Identity::rehearsal(authority(), Role::DeveloperIdInstaller).unwrap();
    let refusal = identity.demand(Purpose::Distribution).unwrap_err();
    assert!(refusal.to_string().contains("is a Developer ID Installer certificate"), "{refusal}");
}

#[test]
fn a_damaged_file_is_malformed_and_never_a_panic() {
    let folder = files();
    let Some(file) = pkcs12(&folder, &["-iter", "1", "-maciter"]) else { return };
    for at in (0..file.len()).step_by(7) {
        let mut damaged = file.clone();
        damaged[at] ^= 0x55;
        from_pkcs12(&damaged, "geheim ä").err();
        from_pkcs12(&file[..at], "geheim ä").unwrap_err();
    }
}
