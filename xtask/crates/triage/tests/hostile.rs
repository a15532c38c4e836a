//! Whatever comes in, something comes out: no panic, bounded memory, no cause out of nothing.

use proptest::prelude::*;
use triage::{Artifact, Confidence, Reading, judge, read, report};

fn all_reports(bytes: &[u8]) -> Vec<triage::Cause> {
    let mut reading = Reading::default();
    // An error is allowed (compressed input); a panic is not.
    let _ = read("x", &mut &bytes[..], &mut reading, &mut |_| {});
    let diagnosis = judge(reading, &Artifact::default());
    report::text::render(&diagnosis);
    report::html::render(&diagnosis);
    report::json::render(&diagnosis).to_string();
    diagnosis.causes
}

/// Pieces of real lines, so that random text comes near to what is looked for.
const PIECES: [&str; 24] = [
    "kernel: ",
    "DK: Foo-0x1",
    "::start(",
    ") ok",
    " user server timeout",
    "amfid[12]: ",
    "<private>",
    "Unsatisfied entitlements: ",
    "Code=-413 ",
    "NSPOSIXErrorDomain Code=8",
    "\n",
    "2026-04-15 12:00:00.1-0700 0x1 Default 0x0 1 0 ",
    "{\"eventMessage\":\"",
    "\"}",
    "[{",
    "\u{201c}",
    "\u{2022} ",
    "process: x\n",
    "message: ",
    "OSSystemExtensionErrorDomain error ",
    "10.",
    "\t",
    "Sep 14 10:37:02 ",
    "\r\n",
];

proptest! {
    #[test]
    fn arbitrary_bytes_give_a_report(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let causes = all_reports(&bytes);
        prop_assert!(causes.iter().all(|it| it.confidence != Confidence::High));
    }

    #[test]
    fn pieces_of_real_lines_in_any_order_give_a_report(pieces in proptest::collection::vec(0usize..PIECES.len(), 0..60)) {
        let text: String = pieces.into_iter().map(|it| PIECES[it]).collect();
        all_reports(text.as_bytes());
    }

    #[test]
    fn a_crash_report_may_be_anything(body in "[\\[\\]{}\":,a-z0-9 ]{0,300}") {
        all_reports(format!("{{\"bug_type\":\"309\"}}\n{body}").as_bytes());
    }
}

#[test]
fn a_line_without_end_is_cut_and_counted() {
    let mut text = vec![b'x'; 9 * 1024 * 1024];
    text.extend(b"\nkernel: DK: Foo user server timeout\n");
    let mut reading = Reading::default();
    read("x", &mut &text[..], &mut reading, &mut |_| {}).unwrap();
    assert!(reading.counts.malformed >= 1);
    let diagnosis = judge(reading, &Artifact::default());
    assert_eq!(diagnosis.causes[0].evidence.len(), 1);
    assert_eq!(diagnosis.counts.lines, 2);
}

#[test]
fn large_and_small_inputs_are_read_alike() {
    let filler = "2026-04-15 12:00:00.100000-0700 0x1f4af    Default     0x0                  345    0    WindowServer: nothing to see\n";
    let line = "2026-04-15 12:00:01.100000-0700 0x1f4af    Default     0x0                  345    0    taskgated-helper: a.b.c: Unsatisfied entitlements: k\n";
    let text = format!("{}{line}{}{}", filler.repeat(30_000), filler.repeat(30_000), line.trim_end());
    let mut reading = Reading::default();
    read("x", &mut text.as_bytes(), &mut reading, &mut |_| {}).unwrap();
    assert_eq!((reading.counts.lines, reading.counts.relevant), (60_002, 2));
    let diagnosis = judge(reading, &Artifact::default());
    let numbers: Vec<u64> =
        diagnosis.attempts.iter().flat_map(|it| &it.rows).map(|it| it.entry.line).collect();
    assert_eq!(numbers, [30_001, 60_002]);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let text = "kernel: DK: F user server timeout\namfid: /x not valid: Code=-413 \"No matching profile found\"\nKext with invalid signature (-67062) denied: /x.kext\n".repeat(300);
    let render = || {
        let mut reading = Reading::default();
        read("x", &mut text.as_bytes(), &mut reading, &mut |_| {}).unwrap();
        let diagnosis = judge(reading, &Artifact::default());
        (
            report::json::render(&diagnosis).to_string(),
            report::html::render(&diagnosis),
            report::text::render(&diagnosis),
        )
    };
    assert_eq!(render(), render());
}

#[test]
fn a_crash_report_of_a_driver_is_judged() {
    let text = "{\"app_name\":\"com.example.driver\",\"bug_type\":\"309\",\"os_version\":\"macOS 15.1 (24B83)\"}\n{\"pid\":412,\"procName\":\"com.example.driver\",\"procPath\":\"/Library/SystemExtensions/X/com.example.driver.dext/com.example.driver\",\"captureTime\":\"2026-03-02 10:00:03.1234 -0700\",\"exception\":{\"type\":\"EXC_CRASH\",\"signal\":\"SIGKILL (Code Signature Invalid)\"},\"termination\":{\"namespace\":\"CODESIGNING\",\"code\":1,\"indicator\":\"Taskgated Invalid Signature\"},\"faultingThread\":0,\"threads\":[{\"frames\":[{\"imageOffset\":4660,\"imageIndex\":0}]}],\"usedImages\":[{\"name\":\"com.example.driver\",\"uuid\":\"A0B1\",\"base\":1}]}\n";
    let mut reading = Reading::default();
    read("x.ips", &mut text.as_bytes(), &mut reading, &mut |_| {}).unwrap();
    let diagnosis = judge(reading, &Artifact::default());
    assert_eq!(diagnosis.causes[0].id, "profile-missing-or-not-matching");
    assert_eq!(diagnosis.host.macos, Some((15, 1)));
    assert_eq!(diagnosis.crashes[0].frames[0].offset, 4660);
}
