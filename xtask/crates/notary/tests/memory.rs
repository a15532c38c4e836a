//! An upload of 2 GB keeps memory flat. By hand: `cargo test -p notary --test memory -- --ignored --nocapture` (seconds, mostly hashing).

#[expect(dead_code, reason = "only a part of the common world is used here")]
mod common;

use std::{
    borrow::Cow,
    collections::BTreeSet,
    io,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use formats::Source;
use notary::{
    AuthKey, Clock, Result,
    client::Notary,
    clock::FakeClock,
    http::{Http, Patience},
    key::Owner,
    local::{Examination, Examiner, KnownKey, LocalNotary, Settings},
    lookup::Hash,
    upload::{self, Goods, Sizes},
};
use p256::ecdsa::SigningKey;

const LEN: u64 = 2 << 30;
/// What the issue allows, in kB; client and local notary share this process, so it holds for both together.
const LIMIT: u64 = 40 << 10;

struct Zeros;

impl Source for Zeros {
    fn len(&self) -> u64 {
        LEN
    }

    fn read(&self, _offset: u64, len: usize) -> formats::Result<Cow<'_, [u8]>> {
        Ok(Cow::Owned(vec![0; len]))
    }
}

struct Sink;

impl Examiner for Sink {
    fn receive(&self, _id: &str, _part: u32) -> io::Result<Box<dyn io::Write + Send>> {
        Ok(Box::new(io::sink()))
    }

    fn examine(&self, _id: &str, _name: &str, _n_parts: u32) -> Result<Examination, String> {
        Err("nothing was kept".into())
    }
}

/// The most memory this process ever held, in kB; `None` where `/proc` does not say.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|it| it.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}

#[test]
#[ignore = "uploads 2 GB to itself; run by hand"]
fn memory_stays_flat() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let clock = Arc::new(FakeClock::at(now));
    let key = AuthKey::new("ABC123DEFG", Owner::Individual, SigningKey::from_slice(&[7; 32]).unwrap());
    let server = LocalNotary::start(
        0,
        Settings::new(
            KnownKey { id: key.id().into(), owner: key.owner().clone(), key: key.verifying_key() },
            clock.clone(),
            Box::new(Sink),
            Box::new(|_: &BTreeSet<Hash>, _| Ok(Vec::new())),
        ),
    )
    .unwrap();
    let http = Http::new(None, Patience::default()).unwrap();
    let endpoints = server.endpoints().unwrap();
    let clock: &dyn Clock = &*clock;
    let notary = Notary::new(&http, &endpoints, &key, clock, &|_| {});
    let grant = notary.submit("large.zip", &"00".repeat(32)).unwrap();
    let goods = Goods {
        source: &Zeros,
        sha256: [0; 32],
        unchanged: &|| Ok(()),
        progress: &|_, _| {},
        sizes: Sizes::default(),
    };
    upload::upload(&notary, &grant, &goods, &mut |_| Ok(())).unwrap();
    assert_eq!(server.n_uploads(), 1);
    let Some(peak) = peak() else {
        eprintln!("not run: this system does not tell the peak of memory");
        return;
    };
    eprintln!("peak of memory for {LEN} bytes: {peak} kB");
    assert!(peak < LIMIT, "{peak} kB");
}
