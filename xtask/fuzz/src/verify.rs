//! The whole verifier: any bytes as a product, a verdict, every report of it, no panic.
//!
//! `verify-file` takes them as a file: a Mach-O, a zip, a package, an image. `verify-bundle` takes them as a cpio archive, and what is
//! in that as a bundle: a container without checksums, so that every mutation reaches what it mutates.
#![no_main]

use std::sync::Arc;

use checks::{Policy, Subject};
use formats::{container::bounded::Limit, document::plist::Date};
use xtask::{
    inspect::{self, Asked, archive},
    report::{self, Report},
};

libfuzzer_sys::fuzz_target!(
    init: {
        // Work that hops between threads costs more than it brings with products of a few kilobytes.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
        pool.expect("the first pool of this process");
    },
    |bytes: &[u8]| {
        let Some(subject) = look(bytes) else { return };
        let policy = Policy::default();
        let report = Report::of(&subject, &policy, &checks::run(&subject, &policy), false);
        report.to_json();
        report::html::render(&[(subject, report)]);
    }
);

fn look(bytes: &[u8]) -> Option<Subject> {
    let mut asked = Asked::at(Date(1_800_000_000));
    asked.private_prefixes = vec!["/Users/".to_owned()];
    match env!("CARGO_BIN_NAME") {
        "verify-bundle" => {
            let (tree, _) = archive::payload(bytes, bytes.len() as u64, Limit::PAYLOAD).ok()?;
            Some(inspect::folder("Host.app", tree, &asked))
        }
        _ => inspect::file("any", Arc::new(bytes.to_vec()), &asked).ok(),
    }
}
