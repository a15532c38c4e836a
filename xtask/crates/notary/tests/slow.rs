//! An examination that takes long keeps nobody waiting at the counter: the submission is In Progress until it is done.

#[expect(dead_code, reason = "only a part of the common world is used here")]
mod common;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use common::{OneCode, Received, START, sign};
use notary::{
    AuthKey, Clock, Result,
    client::{Notary, Status},
    clock::FakeClock,
    http::{Http, Patience},
    key::Owner,
    local::{Examination, Examiner, KnownKey, LocalNotary, Settings},
    upload::{self, Goods, Sizes},
};
use p256::ecdsa::SigningKey;
use sha2::{Digest as _, Sha256};

/// Looks at everything for five seconds of real time.
struct Thorough(OneCode);

impl Examiner for Thorough {
    fn receive(&self, id: &str, part: u32) -> io::Result<Box<dyn io::Write + Send>> {
        self.0.receive(id, part)
    }

    fn examine(&self, id: &str, name: &str, n_parts: u32) -> Result<Examination, String> {
        std::thread::sleep(Duration::from_secs(5));
        self.0.examine(id, name, n_parts)
    }
}

#[test]
fn a_long_examination_is_in_progress_and_then_a_verdict() {
    let clock = Arc::new(FakeClock::at(START));
    let key = AuthKey::new("ABC123DEFG", Owner::Individual, SigningKey::from_slice(&[7; 32]).unwrap());
    let known = KnownKey { id: key.id().into(), owner: key.owner().clone(), key: key.verifying_key() };
    let examiner = Box::new(Thorough(OneCode(Received::default())));
    let server =
        LocalNotary::start(0, Settings::new(known, clock.clone(), examiner, Box::new(sign))).unwrap();
    let (endpoints, http) = (server.endpoints().unwrap(), Http::new(None, Patience::default()).unwrap());
    let clock: &dyn Clock = &*clock;
    let notary = Notary::new(&http, &endpoints, &key, clock, &|_| {});
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

    let start = Instant::now();
    assert_eq!(notary.status(&grant.id).unwrap().status, Status::InProgress);
    assert!(start.elapsed() < Duration::from_secs(4), "the answer waited for the examination");
    while notary.status(&grant.id).unwrap().status == Status::InProgress {
        assert!(start.elapsed() < Duration::from_secs(30), "no verdict");
    }
    assert_eq!(notary.status(&grant.id).unwrap().status, Status::Accepted);
}
