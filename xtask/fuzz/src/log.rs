//! Triage: any log, a diagnosis, no panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut reading = triage::Reading::default();
    let mut source = bytes;
    if triage::read("any", &mut source, &mut reading, &mut |_| {}).is_ok() {
        let diagnosis = triage::judge(reading, &triage::Artifact::default());
        triage::report::text::render(&diagnosis);
        triage::report::html::render(&diagnosis);
    }
});
