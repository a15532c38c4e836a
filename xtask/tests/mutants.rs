//! Single damages to a good product, each with exactly the checks that must report it; and near misses that must stay quiet.
//!
//! ```text
//!   dist (once) ─▶ good app, unsigned and signed; zip; pkg
//!                    │ one copy for each row
//!                    ├─ bytes, files, containers: changed as they lie
//!                    ├─ plists, images, claims, profiles: changed, then signed again, so that no hash speaks first
//!                    └─ signatures: taken apart, changed, and signed by the same hand
//! ```

mod common;

#[path = "mutants/attacks.rs"]
mod attacks;
#[path = "mutants/bytes.rs"]
mod bytes;
#[path = "mutants/claims.rs"]
mod claims;
#[path = "mutants/containers.rs"]
mod containers;
#[path = "mutants/files.rs"]
mod files;
#[path = "mutants/identity.rs"]
mod identity;
#[path = "mutants/image.rs"]
mod image;
#[path = "mutants/lab.rs"]
mod lab;
#[path = "mutants/near.rs"]
mod near;
#[path = "mutants/packing.rs"]
mod packing;
#[path = "mutants/parts.rs"]
mod parts;
#[path = "mutants/plists.rs"]
mod plists;
#[path = "mutants/signature.rs"]
mod signature;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use checks::{Check, Needs, Severity, catalogue};
use lab::{Good, Lab};
use rayon::prelude::*;

/// One damage, and what must be said about it.
struct Row {
    /// The damage, in words.
    what: &'static str,
    /// The checks that report it: `id` with an error, `(id)` with a warning; no others.
    ids: &'static str,
    /// Does it.
    damage: fn(&mut Lab),
}

const fn row(what: &'static str, ids: &'static str, damage: fn(&mut Lab)) -> Row {
    Row { what, ids, damage }
}

const FAMILIES: [(&str, &[Row]); 9] = [
    ("attacks", attacks::ROWS),
    ("bytes", bytes::ROWS),
    ("files", files::ROWS),
    ("plists", plists::ROWS),
    ("image", image::ROWS),
    ("signature", signature::ROWS),
    ("identity", identity::ROWS),
    ("claims", claims::ROWS),
    ("containers", containers::ROWS),
];

/// As many as the verifier must be held against at least.
const ENOUGH: usize = 120;

#[test]
fn every_damage_is_reported_by_the_checks_that_it_concerns_and_by_no_others() {
    if !common::can_build() {
        return;
    }
    let n_rows: usize = FAMILIES.iter().map(|it| it.1.len()).sum();
    assert!(n_rows >= ENOUGH, "{n_rows} rows");
    check_all(&FAMILIES);
}

#[test]
fn every_check_that_can_run_here_and_can_fail_is_named_by_a_row() {
    let rows = FAMILIES.iter().flat_map(|it| it.1);
    let named: BTreeSet<&str> =
        rows.flat_map(|it| it.ids.split_whitespace()).map(|it| it.trim_matches(['(', ')'])).collect();
    let can_fail = |it: &&'static Check| it.needs == Needs::Bytes && it.usual > Severity::Info;
    let unnamed: BTreeSet<&str> =
        catalogue::all().filter(can_fail).map(|it| it.id).filter(|it| !named.contains(it)).collect();
    assert_eq!(unnamed, BTreeSet::new(), "a check without a row");
}

#[test]
fn what_shipped_software_does_is_no_error() {
    if common::can_build() {
        check_all(&[("near misses", near::ROWS)]);
    }
}

/// Runs all rows and tells all that are wrong at once.
#[track_caller]
fn check_all(families: &[(&str, &[Row])]) {
    let good = Good::new();
    // For whoever works on a row: XTASK_ROWS=zip runs those that have the word in what they do.
    let wanted = std::env::var("XTASK_ROWS").unwrap_or_default();
    let rows = families.iter().flat_map(|(family, rows)| rows.iter().map(move |row| (*family, row)));
    let rows = rows.filter(|(family, row)| row.what.contains(&wanted) || *family == wanted);
    let told: Vec<String> = rows
        .collect::<Vec<_>>()
        .into_par_iter()
        .filter_map(|(family, row)| fault(&good, row).map(|it| format!("{family}: {}\n{it}", row.what)))
        .collect();
    assert!(told.is_empty(), "{} rows are wrong\n\n{}", told.len(), told.join("\n\n"));
}

/// What is wrong with a row.
fn fault(good: &Good, row: &Row) -> Option<String> {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let mut lab = Lab::new(good);
        (row.damage)(&mut lab);
        lab.judged()
    }));
    let judged = match ran {
        Ok(judged) => judged,
        Err(why) => {
            let text = why.downcast_ref::<String>().cloned();
            let text = text.or_else(|| why.downcast_ref::<&str>().map(|it| (*it).to_owned()));
            return Some(format!("  it could not be made: {}", text.unwrap_or_default()));
        }
    };
    let mut expected: Vec<&str> = row.ids.split_whitespace().collect();
    expected.sort_unstable();
    let found: Vec<&str> = judged.iter().map(|it| it.0.as_str()).collect();
    (expected != found).then(|| {
        let findings: Vec<String> = judged.iter().map(|(id, what)| format!("    {id}: {what}")).collect();
        format!(
            "  expected: {}\n  found:    {}\n{}",
            expected.join(" "),
            found.join(" "),
            findings.join("\n")
        )
    })
}
