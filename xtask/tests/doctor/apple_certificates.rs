//! `setup --apple-certificates`: what is pinned is kept, what is not is refused by name, and a key file's chain is completed from it.

use std::{fs, path::Path};

use formats::{
    container::xar::Xar,
    signature::digest::{hex, sha256},
};
use signer::{
    authority::{Authority, Role},
    certificate::Certificate,
    identity::{Identity, Refusal, Signer, Unchained, from_pkcs12, to_pkcs12},
};
use xtask::setup::apple::{self, Wanted};
use zeroize::Zeroizing;

use super::common::{
    Checkout, Ended,
    serve::{Answer, Server},
};

const APP: Role = Role::DeveloperIdApplication;

fn authority() -> Authority {
    Authority::new(Zeroizing::new([9; 32]), 1_790_000_000, "ABCDE12345").unwrap()
}

/// Serves `files` by their paths.
fn serving(files: Vec<(&'static str, Vec<u8>)>) -> Server {
    Server::start(move |path, _| match files.iter().find(|it| it.0 == path) {
        Some((_, bytes)) => Answer::Body(200, bytes.clone()),
        None => Answer::Body(404, b"<html>not here</html>".to_vec()),
    })
}

fn names(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect(),
        Err(_) => Vec::new(),
    };
    found.sort();
    found
}

#[test]
fn what_is_pinned_is_kept_and_everything_else_is_refused_by_name() {
    let authority = authority();
    let certificates = [Role::Root, Role::DeveloperIdCa].map(|it| authority.certificate(it).unwrap());
    let digests = certificates.each_ref().map(|it| hex(&sha256(it.der())));
    let wanted = [
        Wanted { name: "Root", sha256: &digests[0], path: "ca/Root.cer" },
        Wanted { name: "Intermediate", sha256: &digests[1], path: "ca/Intermediate.cer" },
    ];
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("apple-certificates");

    // The other certificate under this name, a page instead of a certificate, nothing at all.
    for (intermediate, told) in [
        (Some(certificates[0].der().to_vec()), "it is not the pinned one: SHA-256"),
        (Some(b"<html>sign in to the network</html>".to_vec()), "35 bytes that are no certificate"),
        (Some(vec![b'x'; 100 << 10]), "limit"),
        (None, "404"),
    ] {
        // In PEM, as Apple publishes some.
        let mut files = vec![("/ca/Root.cer", certificates[0].pem().unwrap().into_bytes())];
        files.extend(intermediate.map(|it| ("/ca/Intermediate.cer", it)));
        let server = serving(files);
        let error = apple::fetch(server.address(), &wanted, &kept).unwrap_err().to_string();
        assert!(
            error.contains("`Intermediate` from http://127.0.0.1:") && error.contains(told),
            "{told}\n{error}"
        );
        assert!(!error.contains("`Root` from") && error.contains("hint"), "{error}");
        assert_eq!(names(&kept), ["Root.cer"], "what is good is kept all the same");
    }
    assert_eq!(fs::read(kept.join("Root.cer")).unwrap(), certificates[0].der());

    let server = serving(vec![("/ca/Intermediate.cer", certificates[1].der().to_vec())]);
    apple::fetch(server.address(), &wanted, &kept).unwrap();
    assert_eq!(server.asked(), 1, "what is kept is not fetched again");
    apple::fetch(&Server::refusing(), &wanted, &kept).unwrap();
    fs::write(kept.join("Root.cer"), "damaged").unwrap();
    assert!(apple::fetch(&Server::refusing(), &wanted, &kept).is_err(), "what was damaged is wanted again");
}

#[test]
fn a_chain_is_completed_from_what_is_pinned_and_from_nothing_else() {
    let authority = authority();
    let Identity::Certified(signer) = Identity::rehearsal(&authority, APP).unwrap() else {
        panic!("certified")
    };
    let signer: &Signer = &signer;
    let file = to_pkcs12(signer, "geheim", &[[1; 8]; 3]).unwrap();
    let load = || -> Unchained { from_pkcs12(&file, "geheim").unwrap() };
    let folder = tempfile::tempdir().unwrap();
    for (n, certificate) in signer.chain().iter().enumerate().skip(1) {
        fs::write(folder.path().join(format!("{n}.cer")), certificate.der()).unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "what somebody put there").unwrap();
    let pinned: Vec<&Certificate> = signer.chain().iter().skip(1).collect();
    let known = apple::kept(folder.path(), &|der| pinned.iter().any(|it| it.der() == der)).unwrap();
    let identity = load().complete(&known).unwrap();
    assert_eq!(identity.signer().unwrap().chain(), signer.chain());

    // The same files, none of them Apple's.
    let known = apple::kept(folder.path(), &apple::is_apples).unwrap();
    assert_eq!(known.len(), 0);
    let refusal = load().complete(&known).unwrap_err();
    assert!(matches!(refusal, Refusal::IncompleteChain { .. }), "{refusal}");
    assert!(refusal.to_string().contains("run `cargo xtask setup --apple-certificates`"), "{refusal}");
    assert!(apple::kept(&folder.path().join("nothing"), &apple::is_apples).unwrap().is_empty());
}

/// Certificates of Apple's from the signature of a real package; none without the corpus.
fn from_a_real_package() -> Vec<Vec<u8>> {
    let Some(folder) = std::env::var_os("XTASK_CORPUS") else {
        std::io::Write::write_all(&mut std::io::stderr(), b"not run: XTASK_CORPUS is not set\n").unwrap();
        return Vec::new();
    };
    let packages = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let package = packages.into_iter().find(|it| it.extension().is_some_and(|it| it == "pkg")).unwrap();
    let bytes = fs::read(package).unwrap();
    Xar::read(&bytes).unwrap().signatures.remove(0).certificates
}

#[test]
fn the_command_keeps_real_certificates_of_apples_and_names_the_missing() {
    let checkout = Checkout::new();
    let cache = checkout.file("cache");
    let run = |from: &str| {
        let args = ["setup", "--apple-certificates", "--from", from];
        Ended::of(checkout.command().args(args).env("XDG_CACHE_HOME", &cache))
    };
    let nothing = run(&Server::refusing());
    assert_eq!(nothing.code, Some(3), "{}", nothing.stderr);
    for name in
        ["`Apple Root CA` from", "`Developer ID Certification Authority (G2)` from", "DeveloperIDG2CA.cer"]
    {
        assert!(nothing.stderr.contains(name), "{name}\n{}", nothing.stderr);
    }
    let mut files = Vec::new();
    for certificate in from_a_real_package() {
        match hex(&sha256(&certificate)).as_str() {
            "b0b1730ecbc7ff4505142c49f1295e6eda6bcaed7e2c68c5be91b5a11001f024" => {
                files.push(("/appleca/AppleIncRootCertificate.cer", certificate));
            }
            "7afc9d01a62f03a2de9637936d4afe68090d2de18d03f29c88cfb0b1ba63587f" => {
                // Genuine, and under a name that stands for another one, too.
                files.push(("/certificateauthority/DeveloperIDG2CA.cer", certificate.clone()));
                files.push(("/certificateauthority/DeveloperIDCA.cer", certificate));
            }
            _ => {}
        }
    }
    if files.is_empty() {
        return;
    }
    assert_eq!(files.len(), 3, "the package has root and intermediate");
    let server = serving(files);
    let some = run(server.address());
    assert_eq!(some.code, Some(3), "{}", some.stderr);
    let kept = cache.join("driver-xtask/apple-certificates");
    assert_eq!(names(&kept), ["AppleIncRootCertificate.cer", "DeveloperIDCA.cer"]);
    assert!(some.stderr.contains("it is not the pinned one: SHA-256 7afc9d01"), "{}", some.stderr);
    assert!(!some.stderr.contains("`Apple Root CA` from"), "{}", some.stderr);
    assert_eq!(apple::kept(&kept, &apple::is_apples).unwrap().len(), 2);
}
