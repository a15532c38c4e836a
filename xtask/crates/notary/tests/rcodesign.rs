//! A second opinion: the unmodified `rcodesign` submits to our local notary and staples; our client does the same; the packages are equal.
//!
//! Its addresses are built in, so it is led here by a proxy that terminates TLS for Apple's names (`HTTPS_PROXY`, `SSL_CERT_FILE`).

#[expect(dead_code, reason = "only a part of the common world is used here")]
mod common;

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use common::{OneCode, Received};
use formats::container::xar::Xar;
use notary::{
    AuthKey, Clock, Result,
    client::Notary,
    http::{Http, Patience},
    key::Owner,
    ledger::Store as _,
    local::{Code, Examination, Examiner, KnownKey, LocalNotary, Settings},
    lookup::{Hash, Tickets},
    run::{Desk, Limits, Outcome, Product, notarize},
    staple,
    upload::{Goods, Sizes},
};
use p256::{ecdsa::SigningKey, pkcs8::EncodePrivateKey as _};
use sha2::{Digest as _, Sha256};
use x509_cert::{
    builder::{Builder as _, CertificateBuilder, Profile},
    der::{Encode as _, EncodePem as _, asn1::Ia5String, pem::LineEnding},
    ext::pkix::{SubjectAltName, name::GeneralName},
    name::Name,
    serial_number::SerialNumber,
    spki::SubjectPublicKeyInfoOwned,
    time::Validity,
};

const NAMES: [&str; 3] =
    ["appstoreconnect.apple.com", "api.apple-cloudkit.com", "notary-artifacts-prod.s3.amazonaws.com"];

struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    fn sleep(&self, pause: Duration) -> Result<()> {
        std::thread::sleep(pause.min(Duration::from_millis(200)));
        Ok(())
    }
}

/// Knows a package by its table of contents, as the notary does.
struct Packages(OneCode);

impl Examiner for Packages {
    fn receive(&self, id: &str, part: u32) -> std::io::Result<Box<dyn std::io::Write + Send>> {
        self.0.receive(id, part)
    }

    fn examine(&self, id: &str, name: &str, n_parts: u32) -> Result<Examination, String> {
        let mut found = self.0.examine(id, name, n_parts)?;
        let bytes = self.0.0.whole(id, n_parts);
        found.contents = vec![Code { path: String::new(), hash: toc_hash(&bytes), arch: None }];
        Ok(found)
    }
}

fn toc_hash(package: &[u8]) -> Hash {
    let package = package.to_vec();
    let xar = Xar::read(&package).unwrap();
    let digest = xar.stored_digest(&package).unwrap().unwrap();
    Hash { kind: xar.style.unwrap().ticket_hash_type().unwrap(), bytes: *digest.first_chunk().unwrap() }
}

/// The binary; a missing one is said, and fails where second opinions are demanded.
fn rcodesign() -> Option<PathBuf> {
    let cached =
        std::env::var_os("HOME").map(|it| Path::new(&it).join(".cache/driver-xtask/cargo/bin/rcodesign"));
    let on_path = std::env::var_os("PATH")
        .map(|it| std::env::split_paths(&it).map(|it| it.join("rcodesign")).collect::<Vec<_>>());
    let found = cached.into_iter().chain(on_path.unwrap_or_default()).find(|it| it.is_file());
    if found.is_none() {
        assert!(std::env::var_os("XTASK_ORACLES").is_none_or(|it| it != "1"), "rcodesign is not installed");
        std::io::Write::write_all(
            &mut std::io::stderr(),
            b"not run: submission by rcodesign (it is not installed)\n",
        )
        .unwrap();
    }
    found
}

/// A stapled package of the corpus.
fn package() -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("XTASK_CORPUS") else {
        std::io::Write::write_all(
            &mut std::io::stderr(),
            b"not run: submission by rcodesign (XTASK_CORPUS is not set)\n",
        )
        .unwrap();
        return None;
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|it| it.extension().is_some_and(|it| it == "pkg"));
    files.sort();
    Some(std::fs::read(files.last().unwrap()).unwrap())
}

/// An authority for Apple's names, and what a server needs to speak for them.
fn tls() -> (String, Arc<rustls::ServerConfig>) {
    let keys = [3, 4].map(|it| SigningKey::from_slice(&[it; 32]).unwrap());
    let [ca_key, leaf_key] = &keys;
    let spki = |key: &SigningKey| SubjectPublicKeyInfoOwned::from_key(*key.verifying_key()).unwrap();
    let validity = || Validity::from_now(Duration::from_secs(86_400)).unwrap();
    let ca_name = Name::from_str("CN=Test authority").unwrap();
    let ca = CertificateBuilder::new(
        Profile::Root,
        SerialNumber::from(1_u32),
        validity(),
        ca_name.clone(),
        spki(ca_key),
        ca_key,
    )
    .unwrap()
    .build::<p256::ecdsa::DerSignature>()
    .unwrap();
    let profile =
        Profile::Leaf { issuer: ca_name, enable_key_agreement: false, enable_key_encipherment: false };
    let subject = Name::from_str("CN=Test server").unwrap();
    let mut leaf = CertificateBuilder::new(
        profile,
        SerialNumber::from(2_u32),
        validity(),
        subject,
        spki(leaf_key),
        ca_key,
    )
    .unwrap();
    let names = NAMES.map(|it| GeneralName::DnsName(Ia5String::new(it).unwrap())).to_vec();
    leaf.add_extension(&SubjectAltName(names)).unwrap();
    let leaf = leaf.build::<p256::ecdsa::DerSignature>().unwrap();
    let chain = vec![leaf.to_der().unwrap().into(), ca.to_der().unwrap().into()];
    let key = leaf_key.to_pkcs8_der().unwrap().as_bytes().to_vec();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, rustls::pki_types::PrivatePkcs8KeyDer::from(key).into())
        .unwrap();
    (ca.to_pem(LineEnding::LF).unwrap(), Arc::new(config))
}

/// Takes `CONNECT`, terminates TLS, and lets the notary answer.
fn tunnel(stream: TcpStream, config: Arc<rustls::ServerConfig>, server: &LocalNotary) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    (&stream).write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let connection = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
    server.serve(rustls::StreamOwned::new(connection, stream))
}

#[test]
fn rcodesign_and_our_client_staple_the_same_package() {
    let (Some(rcodesign), Some(original)) = (rcodesign(), package()) else { return };
    let ticket = staple::package_ticket(&original).unwrap().unwrap();
    let bare = staple::unstaple_package(&original).unwrap().unwrap().apply(&original).unwrap();
    let issuer = "57246542-96fe-1a63-e053-0824d011072a".to_owned();
    let key = AuthKey::new("ABC123DEFG", Owner::Team { issuer }, SigningKey::from_slice(&[7; 32]).unwrap());
    let issued = ticket.clone();
    let settings = Settings::new(
        KnownKey { id: key.id().into(), owner: key.owner().clone(), key: key.verifying_key() },
        Arc::new(RealClock),
        Box::new(Packages(OneCode(Received::default()))),
        // The real ticket of the package: the stapled file must be the published one.
        Box::new(move |_: &BTreeSet<Hash>, _| Ok(issued.clone())),
    );
    let server = Arc::new(LocalNotary::start(0, settings).unwrap());

    // Theirs.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pkg");
    std::fs::write(&path, &bare).unwrap();
    let key_file = folder.path().join("key.json");
    std::fs::write(&key_file, key.to_unified_json().unwrap().as_bytes()).unwrap();
    let (pem, config) = tls();
    let pem_file = folder.path().join("ca.pem");
    std::fs::write(&pem_file, pem).unwrap();
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy_address = proxy.local_addr().unwrap();
    std::thread::spawn({
        let server = Arc::clone(&server);
        move || {
            for stream in proxy.incoming().flatten() {
                let (config, server) = (Arc::clone(&config), Arc::clone(&server));
                std::thread::spawn(move || {
                    // A client that closes without a farewell is an error here and none there.
                    let _closed = tunnel(stream, config, &server);
                });
            }
        }
    });
    let output = std::process::Command::new(rcodesign)
        .args(["notary-submit", "--max-wait-seconds", "60", "--staple", "--api-key-file"])
        .args([&key_file, &path])
        .env("HTTPS_PROXY", format!("http://{proxy_address}"))
        .env("SSL_CERT_FILE", &pem_file)
        .env("AWS_ENDPOINT_URL_S3", format!("http://{}", server.address()))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let theirs = std::fs::read(&path).unwrap();
    assert_eq!(server.n_uploads(), 1);
    assert!(!server.has_mismatch());

    // Ours.
    let http = Http::new(None, Patience::default()).unwrap();
    let endpoints = server.endpoints().unwrap();
    let say = |_: &str| {};
    let notary = Notary::new(&http, &endpoints, &key, &RealClock, &say);
    let tickets = Tickets { http: &http, endpoint: &endpoints.tickets, clock: &RealClock, notice: &say };
    let store = common::Memory::default();
    let desk = Desk {
        notary: &notary,
        tickets: &tickets,
        store: &store,
        say: &say,
        waiting: &|_| {},
        limits: Limits::default(),
    };
    let hash = toc_hash(&bare);
    let product = Product {
        name: "x.pkg",
        goods: Goods {
            source: &bare,
            sha256: Sha256::digest(&bare).into(),
            unchanged: &|| Ok(()),
            progress: &|_, _| {},
            sizes: Sizes::default(),
        },
        required: [hash].into(),
        lookup: hash,
        judge: &|found| if found == ticket { Ok([hash].into()) } else { Err("another ticket".into()) },
    };
    let Ok(Outcome::Notarized(ours)) = notarize(&desk, &product) else {
        panic!("our client did not get there")
    };
    // What rcodesign handed in has a ticket; nothing is handed in twice, and so nothing is in our ledger.
    assert_eq!((server.n_uploads(), store.load().unwrap()), (1, None));
    let ours = staple::package(&bare, &ours.ticket).unwrap().apply(&bare).unwrap();
    assert!(ours == theirs, "the two stapled packages differ");
    assert!(ours == original, "the stapled package is not the published one");
}
