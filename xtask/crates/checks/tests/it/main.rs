//! Each check with a damage that it reports, and near misses that stay quiet; on subjects written down by hand.

mod catalogue;
mod hits;
mod made;
mod near;

use std::collections::BTreeSet;

use checks::{Policy, Severity, Subject};

/// Ids of the checks that find more than a note.
fn reported(subject: &Subject, policy: &Policy) -> BTreeSet<&'static str> {
    let outcomes = checks::run(subject, policy);
    let bad = outcomes.iter().filter(|it| it.findings.iter().any(|it| it.severity > Severity::Info));
    bad.map(|it| it.check.id).collect()
}

#[track_caller]
fn check(damage: impl FnOnce(&mut Subject), expected: &[&'static str]) {
    let mut subject = made::good();
    damage(&mut subject);
    assert_eq!(reported(&subject, &Policy::default()), expected.iter().copied().collect());
}
