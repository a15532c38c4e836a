//! The verifier on real packages (`XTASK_CORPUS`), and on what is made hostile of them.

mod common;
#[path = "verify/releases.rs"]
mod releases;
#[path = "verify/reports.rs"]
mod reports;

use std::{
    fs,
    path::{Path, PathBuf},
};

use checks::{CheckOutcome, Policy, Severity, Subject, subject::Anchor};
use formats::{
    container::{koly::Koly, trailer, xar::Xar},
    document::plist::Date,
    signature::digest::sha256,
};
use xtask::{
    inspect::{self, Asked},
    report::{self, Report},
};

/// 2026-11-23: after the last release of the corpus, before its certificates end.
const NOW: Date = Date(1_795_392_000);

fn corpus() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("XTASK_CORPUS") else {
        std::io::Write::write_all(&mut std::io::stderr(), b"not run: XTASK_CORPUS is not set\n").unwrap();
        return Vec::new();
    };
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let is_package = |it: &PathBuf| it.extension().is_some_and(|it| it == "pkg" || it == "dmg");
    let mut paths: Vec<_> = entries.filter(is_package).collect();
    paths.sort();
    assert!(!paths.is_empty(), "the corpus is empty");
    paths
}

fn packages() -> Vec<PathBuf> {
    corpus().into_iter().filter(|it| it.extension().is_some_and(|it| it == "pkg")).collect()
}

fn looked(path: &Path) -> (Subject, Vec<CheckOutcome>, Report) {
    let subject = inspect::open(path, &Asked::at(NOW)).unwrap();
    let (outcomes, policy) = (checks::run(&subject, &Policy::default()), Policy::default());
    let report = Report::of(&subject, &policy, &outcomes, false);
    (subject, outcomes, report)
}

fn errors(outcomes: &[CheckOutcome]) -> Vec<(&'static str, String)> {
    let all = outcomes.iter().flat_map(|it| it.findings.iter().map(|finding| (it.check.id, finding)));
    let errors = all.filter(|it| it.1.severity == Severity::Error);
    errors
        .map(|(id, it)| (id, format!("{}: expected {}, found {}", it.at.path, it.expected, it.found)))
        .collect()
}

/// Writes `bytes` under `name` into a folder of its own.
fn placed(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn shipped_software_has_no_errors() {
    for path in corpus() {
        let (subject, outcomes, report) = looked(&path);
        assert_eq!(errors(&outcomes), [], "{path:?}");
        assert_eq!(subject.faults, [], "{path:?}");
        assert_eq!(report.verdict, "passed", "{path:?}");
    }
}

#[test]
fn team_chain_and_time_of_every_package_are_named() {
    for path in packages() {
        let (subject, _, report) = looked(&path);
        assert_eq!(subject.codes.len(), 3, "{path:?}");
        let signers = &report.subject.signers;
        assert_eq!(signers.iter().map(|it| it.signed).collect::<Vec<_>>(), ["pkg", "code"], "{path:?}");
        for signer in signers {
            assert_eq!(signer.team.as_deref(), Some("G43BCU2T37"));
            assert_eq!(signer.chain.len(), 3);
            assert_eq!(signer.anchor, "Apple Root CA (pinned)");
            assert!(signer.timestamp.is_some());
        }
        let text = report::text::render(&report, report::text::Style::default());
        assert!(text.contains("team G43BCU2T37") && text.contains("← Apple Root CA"), "{text}");
    }
}

#[test]
fn every_ticket_is_genuine_and_covers_everything() {
    for path in corpus() {
        let (_, _, report) = looked(&path);
        let [ticket] = report.subject.tickets.as_slice() else {
            panic!("{path:?}: {:?}", report.subject.tickets)
        };
        let n_slices = report.subject.code.len();
        assert_eq!(
            (ticket.genuine, ticket.covers_container, ticket.covered),
            (true, Some(true), (n_slices, n_slices))
        );
        // What is in an image is listed too, and is not looked into here.
        let is_image = path.extension().is_some_and(|it| it == "dmg");
        assert!(is_image || ticket.entries == n_slices + 1, "{path:?}");
    }
}

#[test]
fn a_flipped_byte_in_a_ticket_is_refused_with_the_reason() {
    for path in packages() {
        let file = fs::read(&path).unwrap();
        let ticket = trailer::read(&file).unwrap().unwrap().ticket;
        // In a certificate, in the list of hashes, in the signature.
        for (offset, why) in
            [(400, "signature"), (ticket.len - 100, "signature"), (ticket.len - 60, "signature")]
        {
            let mut damaged = file.clone();
            damaged[(ticket.offset + offset) as usize] ^= 1;
            let (_folder, at) = placed("damaged.pkg", &damaged);
            let (subject, outcomes, report) = looked(&at);
            assert!(!report.subject.tickets[0].genuine, "{path:?} {offset}");
            let fault = report.subject.tickets[0].fault.clone().unwrap_or_default();
            let content = subject.tickets[0].content.present();
            let is_told =
                content.is_none_or(|it| it.signature.is_err() || matches!(it.anchor, Anchor::Broken(_)));
            assert!(is_told, "{path:?} {offset}: {fault} ({why})");
            assert!(!errors(&outcomes).is_empty(), "{path:?} {offset}: no error was reported");
        }
    }
}

#[test]
fn the_ticket_of_another_release_is_refused() {
    let packages = packages();
    for (path, other) in packages.iter().zip(packages.iter().skip(1)) {
        let (file, other) = (fs::read(path).unwrap(), fs::read(other).unwrap());
        let range = trailer::read(&other).unwrap().unwrap().ticket;
        let ticket = &other[range.offset as usize..range.end() as usize];
        let end = Xar::read(&file).unwrap().end as usize;
        let (_folder, at) = placed("swapped.pkg", &[&file[..end], &trailer::write(ticket).unwrap()].concat());
        let (_, outcomes, report) = looked(&at);
        let ticket = &report.subject.tickets[0];
        assert_eq!((ticket.genuine, ticket.covers_container, ticket.covered), (true, Some(false), (0, 6)));
        assert!(
            !outcomes.iter().all(|it| it.findings.iter().all(|it| it.severity == Severity::Info)),
            "{path:?}"
        );
    }
}

#[test]
fn one_byte_of_an_unsigned_image_and_its_ticket_covers_it_no_more() {
    for path in corpus().into_iter().filter(|it| it.extension().is_some_and(|it| it == "dmg")) {
        let mut file = fs::read(&path).unwrap();
        let before = Koly::read(&file).unwrap().unwrap();
        let before = sha256(&before.adhoc_code_directory(&file).unwrap());
        file[1000] ^= 1;
        let (_folder, at) = placed("damaged.dmg", &file);
        let (subject, _, report) = looked(&at);
        assert_ne!(subject.containers[0].ticket_hashes[0].1, before[..20]);
        assert_eq!(report.subject.tickets[0].covers_container, Some(false));
    }
}

#[test]
fn one_changed_byte_of_a_payload_is_an_error() {
    for path in packages() {
        let mut file = fs::read(&path).unwrap();
        let xar = Xar::read(&file).unwrap();
        let payload = xar.member("Payload").and_then(|it| it.data.clone()).unwrap().range;
        file[(payload.offset + payload.len / 2) as usize] ^= 1;
        let (_folder, at) = placed("damaged.pkg", &file);
        let (subject, outcomes, report) = looked(&at);
        assert!(subject.containers[0].digest.as_ref().unwrap_err().contains("Payload"));
        assert!(!errors(&outcomes).is_empty(), "{path:?}");
        assert_eq!(report.verdict, "failed");
    }
}

#[test]
fn a_truncated_package_never_passes_and_never_panics() {
    for path in corpus() {
        let file = fs::read(&path).unwrap();
        for part in [1, 10, 100, 500, 900, 999] {
            let len = file.len() * part / 1000;
            let extension = path.extension().unwrap().to_str().unwrap();
            let (_folder, at) = placed(&format!("cut.{extension}"), &file[..len]);
            let (subject, _, report) = looked(&at);
            let said = !subject.faults.is_empty() || report.verdict == "failed";
            // A cut behind the xar takes only the ticket away; that package is merely not stapled.
            let is_only_unstapled =
                extension == "pkg" && Xar::read(&file).is_ok_and(|it| it.end <= len as u64);
            assert!(said || is_only_unstapled, "{path:?} cut to {part} of 1000 passes");
        }
    }
}

#[test]
fn the_shapes_of_a_report_are_well_formed() {
    for path in packages() {
        let (subject, _, report) = looked(&path);
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!((json["schema"].as_u64(), json["verdict"].as_str()), (Some(1), Some("passed")));
        let reports = [report.clone()];
        let sarif: serde_json::Value = serde_json::from_str(&report::sarif::render(&reports)).unwrap();
        assert_eq!(sarif["version"], "2.1.0");
        let junit = formats::container::xml::Element::parse(&report::junit::render(&reports)).unwrap();
        assert_eq!(junit.children[0].children.len(), report.checks.len());
        let page = report::html::render(&[(subject, report)]);
        assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
    }
}

#[test]
fn the_same_input_gives_the_same_report() {
    for path in packages().into_iter().take(1) {
        assert_eq!(looked(&path).2.to_json(), looked(&path).2.to_json());
    }
}

#[test]
fn a_name_from_the_subject_cannot_break_out_of_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let name = "<img src=x onerror=alert(1)>\u{1b}[2J|`\u{202e}.app";
    fs::create_dir_all(folder.path().join(name).join("Contents/MacOS")).unwrap();
    fs::write(folder.path().join(name).join("Contents/Info.plist"), "no plist").unwrap();
    let (subject, _, report) = looked(&folder.path().join(name));
    assert!(!report.findings().is_empty());
    let text = report::text::render(&report, report::text::Style { is_verbose: true, is_colored: false });
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    let reports = [report];
    let summary = report::github::summary(&reports);
    assert!(!summary.contains("<img") && !summary.contains('\u{1b}'), "{summary}");
    assert!(report::github::annotations(&reports).lines().all(|it| !it.starts_with("::add-mask")));
    formats::container::xml::Element::parse(&report::junit::render(&reports)).unwrap();
    let [report] = reports;
    let page = report::html::render(&[(subject, report)]);
    assert!(!page.contains("<img") && !page.contains('\u{1b}') && !page.contains('\u{202e}'));
}

#[test]
fn what_is_no_product_is_a_usage_error_and_what_is_broken_is_told() {
    let (_folder, path) = placed("notes.txt", b"nothing to see");
    let error = inspect::open(&path, &Asked::at(NOW)).unwrap_err();
    assert_eq!(error.exit(), xtask::Exit::Usage);
    let (_folder, path) = placed("x.pkg", b"nothing to see");
    let (subject, _, report) = looked(&path);
    assert_eq!(subject.faults.len(), 1);
    assert_ne!(report.verdict, "passed");
}
