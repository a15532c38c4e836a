//! A submission id that nobody wrote down is found again, or its loss is said aloud.

#[expect(dead_code, reason = "only a part of the common world is used here")]
mod common;

use common::{Oddities, World, hash_of};
use notary::{
    ledger::{Entry, Ledger, Phase, Product},
    run::{Outcome, unique_name},
};
use sha2::{Digest as _, Sha256};

fn id(world: &World) -> Option<String> {
    match world.run() {
        Ok(Outcome::Notarized(it)) => it.id,
        other => panic!("{other:?}\n{}", world.all_said()),
    }
}

/// What is left on disk when a hand-in dies between its last request and the answer that names the id.
fn without_an_id(world: &World) {
    let sha256 = common::hex(&Sha256::digest(&world.bytes));
    let product = Product { name: world.name.into(), size: world.bytes.len() as u64, sha256: sha256.clone() };
    let mut ledger = Ledger::new(product, vec![hash_of(&world.bytes).to_string()]);
    let mut entry = Entry::new(&unique_name(world.name, &sha256), "profile", None, common::START);
    entry.enter(Phase::Finishing, common::START, None);
    ledger.submissions.push(entry);
    *world.store.text.borrow_mut() = Some(ledger.text().unwrap());
}

#[test]
fn an_id_that_nobody_heard_is_found_in_the_history() {
    let world = World::new(Oddities { processing: 600, ..Oddities::default() });
    let mut world = world;
    world.limits.wait = None;
    assert!(matches!(world.run(), Ok(Outcome::Pending { .. })));
    let known = world.ledger().current().unwrap().id.clone().unwrap();
    without_an_id(&world);
    world.limits = notary::run::Limits::default();
    assert_eq!(id(&world), Some(known));
    assert_eq!(world.server.n_uploads(), 1);
    assert!(world.all_said().contains("whose id was lost is"), "{}", world.all_said());
}

#[test]
fn a_hand_in_that_the_history_does_not_list_never_arrived_and_is_done_again() {
    let world = World::new(Oddities::default());
    without_an_id(&world);
    assert!(id(&world).is_some());
    assert_eq!(world.server.n_uploads(), 1);
    assert_eq!(world.ledger().submissions[0].phase, Phase::Abandoned);
}

#[test]
fn a_ticket_without_a_ledger_gets_its_id_from_the_history() {
    let world = World::new(Oddities::default());
    let first = id(&world);
    assert!(first.is_some());
    *world.store.text.borrow_mut() = None;
    assert_eq!(id(&world), first);
    assert_eq!(world.ledger().current().and_then(|it| it.id.clone()), first, "and it is written down again");
    assert_eq!(world.server.n_uploads(), 1);
}

#[test]
fn a_ticket_that_nobody_knows_the_submission_of_is_said_aloud() {
    let mut world = World::new(Oddities::default());
    assert!(id(&world).is_some());
    // The same bytes under another name: the history has no such submission.
    *world.store.text.borrow_mut() = None;
    world.name = "Renamed.pkg";
    assert_eq!(id(&world), None);
    assert!(world.all_said().contains("is not known"), "{}", world.all_said());
    assert_eq!(world.server.n_uploads(), 1);
}
