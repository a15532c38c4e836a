//! Good products, cut off anywhere and damaged anywhere: every parser and the whole verifier say something about them, and none panics.

mod common;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use checks::{Policy, Severity};
use common::{Checkout, can_build, root};
use formats::document::plist::Date;
use xtask::{
    cmd::ci::seeds::Seeds,
    inspect::{self, Asked},
};

/// Tries of one kind for one seed: all positions of a small one, evenly spread over a large one.
const TRIES: usize = 200;
/// Bytes that all tries of one kind for one seed may have together, so that a test of large seeds ends in time.
const BYTES: usize = 2 << 20;

/// Gives `seed` to `parse` cut off and with single bytes changed; a panic names where it was damaged.
#[track_caller]
fn damage(target: &str, seed: &[u8], parse: &dyn Fn(&[u8])) {
    let tries = TRIES.min(BYTES / seed.len().max(1)).max(8);
    let positions = (0..seed.len()).step_by((seed.len() / tries).max(1));
    for at in positions {
        let survived = |what: &str, bytes: &[u8]| {
            let outcome = catch_unwind(AssertUnwindSafe(|| parse(bytes)));
            assert!(outcome.is_ok(), "`{target}` panicked: {} bytes, {what} at {at}", seed.len());
        };
        survived("cut off", &seed[..at]);
        let mut changed = seed.to_vec();
        for value in [seed[at] ^ 0x01, seed[at] ^ 0x80, 0x00, 0xff] {
            changed[at] = value;
            survived(&format!("{value:#04x}"), &changed);
        }
    }
}

/// Pieces of our own product, of its sources, and of real packages when they are at hand.
fn seeds() -> Option<Seeds> {
    if !can_build() {
        return None;
    }
    let mut seeds = Seeds::default();
    let checkout = Checkout::new();
    checkout.run_well(&["dist"]);
    for (folder, as_text) in [(checkout.file("dist"), "log"), (root().join("driver"), "interface")] {
        seeds.take(&folder, as_text).unwrap();
    }
    match std::env::var_os("XTASK_CORPUS") {
        Some(folder) => seeds.take(folder.as_ref(), "plist").unwrap(),
        None => common::not_run("pieces of real packages: `XTASK_CORPUS` is not set"),
    }
    Some(seeds)
}

#[test]
fn damaged_pieces_of_good_products_are_read_or_refused() {
    let Some(seeds) = seeds() else { return };
    for (target, _) in formats::fuzz::targets() {
        let of_target = seeds.of(target).take(6).collect::<Vec<_>>();
        assert!(!of_target.is_empty() || *target == "koly", "`{target}` has no seed");
        for seed in of_target {
            damage(target, seed, &|bytes| formats::fuzz::run(target, bytes));
        }
    }
    for seed in seeds.of("verify-file").take(6) {
        damage("verify-file", seed, &|bytes| {
            // What is no product at all any more is refused before it is judged.
            if let Ok(subject) =
                inspect::file("any", Arc::new(bytes.to_vec()), &Asked::at(Date(1_800_000_000)))
            {
                assert!(!checks::run(&subject, &Policy::default()).is_empty());
            }
        });
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("A.app");
    fs::create_dir_all(app.join("Contents/Resources")).unwrap();
    fs::write(app.join("Contents/Info.plist"), "<?xml version=\"1.0\"?><plist><dict/></plist>").unwrap();
    let large = app.join("Contents/Resources/large");
    let file = fs::File::create(&large).unwrap();
    file.set_len(64 << 20).unwrap();
    let told = || {
        let subject = inspect::open(&app, &Asked::at(Date(1_800_000_000))).unwrap();
        let outcomes = checks::run(&subject, &Policy::default());
        let findings = outcomes.iter().flat_map(|it| &it.findings);
        let of_large = findings.filter(|it| it.at.path.ends_with("Resources/large"));
        of_large.filter(|it| it.severity == Severity::Error).map(|it| it.found.clone()).collect::<Vec<_>>()
    };
    assert_eq!(told(), [""; 0], "nothing changes");
    let is_done = AtomicBool::new(false);
    let found = thread::scope(|scope| {
        scope.spawn(|| {
            for len in (64 << 20).. {
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
                file.set_len(len).unwrap();
                thread::sleep(std::time::Duration::from_micros(200));
            }
        });
        let found = told();
        is_done.store(true, Ordering::Relaxed);
        found
    });
    assert!(found.iter().any(|it| it.contains("changed while it was being read")), "{found:?}");
}
