//! Fifty submissions at once on one key: the hourly limit is far away, whatever the notary does.

#[expect(dead_code, reason = "only a part of the common world is used here")]
mod common;

use std::{
    collections::BTreeSet,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use common::{Memory, OneCode, Received, START, hash_of, judge, sign};
use notary::{
    AuthKey, Clock, Kind, Result,
    client::Notary,
    http::{Http, Patience},
    key::Owner,
    local::{KnownKey, LocalNotary, Ruling, Settings},
    lookup::Tickets,
    run::{Desk, Limits, Outcome, Product, notarize},
    upload::{Goods, Sizes},
};
use p256::ecdsa::SigningKey;
use sha2::{Digest as _, Sha256};

const FIFTY: usize = 50;

/// One time for all: it moves on when everybody sleeps, to the moment at which the first one wakes.
struct Conductor {
    state: Mutex<Tempo>,
    moved: Condvar,
}

struct Tempo {
    now: u64,
    awake: usize,
    /// When each sleeper wakes; the second number tells those apart that wake together.
    asleep: BTreeSet<(u64, u64)>,
    n_sleeps: u64,
}

impl Conductor {
    fn new(players: usize) -> Self {
        let tempo = Tempo { now: START, awake: players, asleep: BTreeSet::new(), n_sleeps: 0 };
        Self { state: Mutex::new(tempo), moved: Condvar::new() }
    }

    fn leave(&self) {
        let mut tempo = self.state.lock().unwrap();
        tempo.awake -= 1;
        self.move_on(&mut tempo);
    }

    fn move_on(&self, tempo: &mut Tempo) {
        let Some((next, _)) = tempo.asleep.first().copied().filter(|_| tempo.awake == 0) else { return };
        tempo.now = next;
        while tempo.asleep.first().is_some_and(|it| it.0 <= next) {
            tempo.asleep.pop_first();
            tempo.awake += 1;
        }
        self.moved.notify_all();
    }
}

impl Clock for Conductor {
    fn now(&self) -> u64 {
        self.state.lock().unwrap().now
    }

    fn sleep(&self, pause: Duration) -> Result<()> {
        let mut tempo = self.state.lock().unwrap();
        tempo.n_sleeps += 1;
        let me = (tempo.now + pause.as_secs().max(1), tempo.n_sleeps);
        tempo.asleep.insert(me);
        tempo.awake -= 1;
        self.move_on(&mut tempo);
        while tempo.asleep.contains(&me) {
            tempo = self.moved.wait(tempo).unwrap();
        }
        Ok(())
    }
}

/// Fifty products at once; how each run ended, and the busiest hour of the notary.
fn fifty(ruling: Ruling, processing: u64) -> (Vec<Result<Outcome>>, usize) {
    let clock = Arc::new(Conductor::new(FIFTY));
    let key = AuthKey::new("ABC123DEFG", Owner::Individual, SigningKey::from_slice(&[7; 32]).unwrap());
    let known = KnownKey { id: key.id().into(), owner: key.owner().clone(), key: key.verifying_key() };
    let settings = Settings {
        processing,
        ruling,
        ..Settings::new(
            known,
            clock.clone() as Arc<dyn Clock>,
            Box::new(OneCode(Received::default())),
            Box::new(sign),
        )
    };
    let server = LocalNotary::start(0, settings).unwrap();
    let endpoints = server.endpoints().unwrap();
    let http = Http::new(None, Patience::default()).unwrap();
    let one = |number: usize| {
        let bytes = format!("product {number}").into_bytes();
        let clock: &dyn Clock = &*clock;
        let notary = Notary::new(&http, &endpoints, &key, clock, &|_| {});
        let tickets = Tickets { http: &http, endpoint: &endpoints.tickets, clock, notice: &|_| {} };
        let store = Memory::default();
        let desk = Desk {
            notary: &notary,
            tickets: &tickets,
            store: &store,
            say: &|_| {},
            waiting: &|_| {},
            limits: Limits::default(),
        };
        let product = Product {
            name: "Host.pkg",
            goods: Goods {
                source: &bytes,
                sha256: Sha256::digest(&bytes).into(),
                unchanged: &|| Ok(()),
                progress: &|_, _| {},
                sizes: Sizes::default(),
            },
            required: [hash_of(&bytes)].into(),
            lookup: hash_of(&bytes),
            judge: &judge,
        };
        notarize(&desk, &product)
    };
    let ended = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..FIFTY)
            .map(|number| {
                let (one, clock) = (&one, &clock);
                scope.spawn(move || {
                    let ended = one(number);
                    clock.leave();
                    ended
                })
            })
            .collect();
        runs.into_iter().map(|it| it.join().unwrap()).collect()
    });
    (ended, server.busiest_hour())
}

#[test]
fn fifty_submissions_that_take_hours_stay_far_below_the_hourly_limit() {
    let (ended, busiest) = fifty(Ruling::Stuck(u32::MAX), 0);
    assert!(ended.iter().all(|it| matches!(it, Ok(Outcome::Pending { .. }))), "{:?}", ended.first());
    // Apple allows 3,500 an hour and key; every submission is also repeated once here, and both are asked for.
    assert!(busiest < 2800, "{busiest} requests in one hour");
    eprintln!("busiest hour: {busiest} requests");
    assert!(busiest > 500, "{busiest} requests: nobody has waited");
}

#[test]
fn fifty_submissions_of_five_minutes_all_get_their_tickets() {
    let (ended, busiest) = fifty(Ruling::Examined, 300);
    let trouble: Vec<Kind> = ended.iter().filter_map(|it| it.as_ref().err().map(|it| it.kind)).collect();
    assert!(trouble.is_empty(), "{trouble:?}");
    assert!(ended.iter().all(|it| matches!(it, Ok(Outcome::Notarized(_)))));
    assert!(busiest < 1750, "{busiest} requests: half the allowance is enough for the usual case");
}
