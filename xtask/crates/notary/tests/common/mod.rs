//! A world in miniature: a local notary, a product, a ledger in memory, and a clock that only sleepers move.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use notary::{
    AuthKey, Clock, Error, Kind, Result,
    client::Notary,
    clock::FakeClock,
    http::{Http, Patience},
    key::Owner,
    ledger::{Ledger, Store},
    local::{Code, Examination, Examiner, Fault, KnownKey, LocalNotary, Ruling, Settings, TicketFault},
    lookup::{Hash, Tickets},
    run::{Desk, Limits, Outcome, Product, notarize},
    upload::{Goods, Sizes},
};
use p256::ecdsa::SigningKey;
use sha2::{Digest as _, Sha256};

/// When every story begins.
pub const START: u64 = 1_800_000_000;

/// What the local notary has received.
#[derive(Default, Clone)]
pub struct Received(Arc<Mutex<BTreeMap<(String, u32), Vec<u8>>>>);

impl Received {
    /// All parts of one submission.
    pub fn whole(&self, id: &str, n_parts: u32) -> Vec<u8> {
        let received = self.0.lock().unwrap();
        (1..=n_parts).flat_map(|part| received[&(id.to_owned(), part)].clone()).collect()
    }
}

struct Part {
    received: Received,
    key: (String, u32),
    bytes: Vec<u8>,
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.received.0.lock().unwrap().insert(self.key.clone(), self.bytes.clone());
        Ok(())
    }
}

/// Finds one piece of code in whatever it is given: the bytes themselves.
pub struct OneCode(pub Received);

impl Examiner for OneCode {
    fn receive(&self, id: &str, part: u32) -> io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(Part { received: self.0.clone(), key: (id.to_owned(), part), bytes: Vec::new() }))
    }

    fn examine(&self, id: &str, _name: &str, n_parts: u32) -> Result<Examination, String> {
        let bytes = self.0.whole(id, n_parts);
        let contents = vec![Code { path: String::new(), hash: hash_of(&bytes), arch: None }];
        let bad = bytes.starts_with(b"unsigned");
        let issues = bad.then(|| notary::local::Complaint {
            severity: "error",
            path: "Host.app/Contents/MacOS/Host".into(),
            message: "The binary is not signed.".into(),
            arch: Some("arm64".into()),
        });
        Ok(Examination {
            sha256: hex(&Sha256::digest(&bytes)),
            contents,
            issues: issues.into_iter().collect(),
        })
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

pub fn hash_of(bytes: &[u8]) -> Hash {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    Hash { kind: 2, bytes: *digest.first_chunk().unwrap() }
}

/// A ticket of this miniature world: record names, one per line, and a digest over them. The real format has its own tests.
pub fn sign(hashes: &BTreeSet<Hash>, _now: u64) -> Result<Vec<u8>, String> {
    let text: String = hashes.iter().map(|it| format!("{it}\n")).collect();
    Ok(format!("{text}{}", hex(&Sha256::digest(&text))).into_bytes())
}

pub fn judge(ticket: &[u8]) -> Result<BTreeSet<Hash>, String> {
    let text = String::from_utf8_lossy(ticket);
    let (lines, digest) = text.rsplit_once('\n').ok_or("no ticket")?;
    if hex(&Sha256::digest(format!("{lines}\n"))) != digest {
        return Err("the ticket's signature does not fit its bytes".into());
    }
    lines.lines().map(|it| Hash::parse(it).ok_or_else(|| "no record".to_owned())).collect()
}

/// A ledger in memory.
#[derive(Default)]
pub struct Memory {
    pub text: RefCell<Option<String>>,
    pub logs: RefCell<BTreeMap<String, Vec<u8>>>,
    pub aside: RefCell<Vec<String>>,
    /// How many writes succeed before the process is "killed".
    pub kill_after: RefCell<Option<u32>>,
}

impl Store for Memory {
    fn load(&self) -> Result<Option<String>> {
        Ok(self.text.borrow().clone())
    }

    fn save(&self, text: &str) -> Result<()> {
        if let Some(left) = self.kill_after.borrow_mut().as_mut() {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => return Err(Error::new(Kind::Local, "save", "killed")),
            }
        }
        *self.text.borrow_mut() = Some(text.to_owned());
        Ok(())
    }

    fn set_aside(&self, digest: &str) -> Result<()> {
        self.aside.borrow_mut().push(digest.to_owned());
        *self.text.borrow_mut() = None;
        Ok(())
    }

    fn keep_log(&self, id: &str, bytes: &[u8]) -> Result<String> {
        self.logs.borrow_mut().insert(id.to_owned(), bytes.to_owned());
        Ok(format!("{id}.json"))
    }
}

/// Everything a story needs.
pub struct World {
    pub clock: Arc<FakeClock>,
    pub server: LocalNotary,
    pub key: AuthKey,
    pub store: Memory,
    pub said: RefCell<Vec<String>>,
    pub limits: Limits,
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub sizes: Sizes,
    /// Somebody presses Ctrl-C once so many bytes were sent.
    pub interrupt_after: Option<u64>,
}

/// How a world differs from the good one.
pub struct Oddities {
    pub faults: Vec<Fault>,
    pub ruling: Ruling,
    pub tickets: TicketFault,
    pub processing: u64,
    pub propagation: u64,
}

impl Default for Oddities {
    fn default() -> Self {
        Self {
            faults: Vec::new(),
            ruling: Ruling::Examined,
            tickets: TicketFault::None,
            processing: 60,
            propagation: 30,
        }
    }
}

impl World {
    pub fn new(odd: Oddities) -> Self {
        let clock = Arc::new(FakeClock::at(START));
        let key = AuthKey::new("ABC123DEFG", Owner::Individual, SigningKey::from_slice(&[7; 32]).unwrap());
        let known = KnownKey { id: key.id().into(), owner: key.owner().clone(), key: key.verifying_key() };
        let settings = Settings {
            processing: odd.processing,
            propagation: odd.propagation,
            faults: odd.faults,
            ruling: odd.ruling,
            tickets: odd.tickets,
            ..Settings::new(
                known,
                clock.clone() as Arc<dyn Clock>,
                Box::new(OneCode(Received::default())),
                Box::new(sign),
            )
        };
        let server = LocalNotary::start(0, settings).unwrap();
        Self {
            clock,
            server,
            key,
            store: Memory::default(),
            said: RefCell::default(),
            limits: Limits::default(),
            name: "Host.pkg",
            bytes: b"xar! some product".to_vec(),
            sizes: Sizes::default(),
            interrupt_after: None,
        }
    }

    /// The same with an upload in three parts.
    pub fn in_parts(mut self) -> Self {
        self.sizes = Sizes { single: 4, part: 6 };
        self
    }

    pub fn run(&self) -> Result<Outcome> {
        let patience = Patience { connect: Duration::from_secs(5), silence: Duration::from_millis(100) };
        let http = Http::new(None, patience).unwrap();
        let endpoints = self.server.endpoints().unwrap();
        let say = |line: &str| self.said.borrow_mut().push(line.to_owned());
        let clock: &dyn Clock = &*self.clock;
        let notary = Notary::new(&http, &endpoints, &self.key, clock, &say);
        let tickets = Tickets { http: &http, endpoint: &endpoints.tickets, clock, notice: &say };
        let desk = Desk {
            notary: &notary,
            tickets: &tickets,
            store: &self.store,
            say: &say,
            waiting: &|_| {},
            limits: self.limits,
        };
        let product = Product {
            name: self.name,
            goods: Goods {
                source: &self.bytes,
                sha256: Sha256::digest(&self.bytes).into(),
                unchanged: &|| Ok(()),
                progress: &|sent, _| {
                    if self.interrupt_after.is_some_and(|it| sent >= it) {
                        self.clock.interrupt_at(1);
                    }
                },
                sizes: self.sizes,
            },
            required: [hash_of(&self.bytes)].into(),
            lookup: hash_of(&self.bytes),
            judge: &judge,
        };
        let result = notarize(&desk, &product);
        self.check_secrets(&result);
        result
    }

    pub fn ledger(&self) -> Ledger {
        Ledger::parse(self.store.text.borrow().as_ref().unwrap()).unwrap()
    }

    pub fn all_said(&self) -> String {
        self.said.borrow().join("\n")
    }

    /// The end of the story: enough to see what a failed test was about.
    pub fn last_said(&self) -> String {
        let said = self.said.borrow();
        said.iter().rev().take(8).rev().cloned().collect::<Vec<_>>().join("\n")
    }

    /// No token, no credential, no signed address in anything that a person or a file gets to see.
    fn check_secrets(&self, result: &Result<Outcome>) {
        let error = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let ledger = self.store.text.borrow().clone().unwrap_or_default();
        let debug = format!("{:?}", result.as_ref().map(|_| ()));
        for text in [self.all_said(), error, ledger, debug] {
            for secret in ["ASIA", "Bearer", "eyJ", "Signature=", "AWSAccessKeyId=", "awsSecret"] {
                assert!(!text.contains(secret), "`{secret}` shows in:\n{text}");
            }
        }
    }
}
