//! The notary tells whoever asked for it that there is a verdict; what it is must still be asked for.

#[expect(dead_code, reason = "only a part of the common world is used here")]
mod common;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
};

use base64::Engine as _;
use common::{OneCode, Received, START, sign};
use notary::{
    AuthKey, Clock, Kind,
    client::Notary,
    clock::FakeClock,
    http::{Endpoint, Http, Patience},
    key::Owner,
    local::{KnownKey, LocalNotary, Settings},
    upload::{self, Goods, Sizes},
};
use p256::ecdsa::{DerSignature, SigningKey, signature::Signer as _, signature::Verifier as _};
use sha2::{Digest as _, Sha256};

/// Takes one POST and answers 200; the body.
fn listen(listener: &TcpListener) -> serde_json::Value {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let (mut line, mut len) = (String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            len = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).unwrap();
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn a_verdict_is_posted_sealed_and_without_the_verdict() {
    let clock = Arc::new(FakeClock::at(START));
    let key = AuthKey::new("ABC123DEFG", Owner::Individual, SigningKey::from_slice(&[7; 32]).unwrap());
    let known = KnownKey { id: key.id().into(), owner: key.owner().clone(), key: key.verifying_key() };
    let mut settings =
        Settings::new(known, clock.clone(), Box::new(OneCode(Received::default())), Box::new(sign));
    let seal = SigningKey::from_slice(&[9; 32]).unwrap();
    let public = *seal.verifying_key();
    settings.seal = Box::new(move |payload: &[u8]| {
        let signature: DerSignature = seal.sign(payload);
        Ok((signature.as_bytes().to_vec(), b"-----BEGIN CERTIFICATE-----".to_vec()))
    });
    let server = LocalNotary::start(0, settings).unwrap();
    let (endpoints, http) = (server.endpoints().unwrap(), Http::new(None, Patience::default()).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Endpoint::parse(&format!("http://{}/hook", listener.local_addr().unwrap())).unwrap();
    let clock: &dyn Clock = &*clock;
    let notary = Notary::new(&http, &endpoints, &key, clock, &|_| {}).telling(Some(&address));

    let bytes = b"xar! some product".to_vec();
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    let grant = notary.submit("x.pkg", &common::hex(&sha256)).unwrap();
    let goods = Goods {
        source: &bytes,
        sha256,
        unchanged: &|| Ok(()),
        progress: &|_, _| {},
        sizes: Sizes::default(),
    };
    upload::upload(&notary, &grant, &goods, &mut |_| Ok(())).unwrap();

    let posted = listen(&listener);
    let base64 = |name: &str| {
        base64::engine::general_purpose::STANDARD.decode(posted[name].as_str().unwrap()).unwrap()
    };
    let payload = posted["payload"].as_str().unwrap();
    let signature = DerSignature::from_bytes(&base64("signature")).unwrap();
    public.verify(payload.as_bytes(), &signature).unwrap();
    assert!(base64("cert_chain").starts_with(b"-----BEGIN CERTIFICATE"));
    let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
    assert_eq!(payload["submission_id"], grant.id);
    assert_eq!(payload["event"], "processing-complete");
    assert!(!payload.to_string().contains("Accepted"), "{payload}");
}

#[test]
fn a_local_notary_is_told_of_no_other_machine() {
    let world = common::World::new(common::Oddities::default());
    let (endpoints, http) =
        (world.server.endpoints().unwrap(), Http::new(None, Patience::default()).unwrap());
    let address = Endpoint::parse("https://example.com/hook").unwrap();
    let clock: &dyn Clock = &*world.clock;
    let notary = Notary::new(&http, &endpoints, &world.key, clock, &|_| {}).telling(Some(&address));
    let error = notary.submit("x.pkg", &"00".repeat(32)).unwrap_err();
    assert_eq!(error.kind, Kind::Refused);
    assert!(error.to_string().contains("this machine only"), "{error}");
}
