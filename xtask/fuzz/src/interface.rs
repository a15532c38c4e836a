//! The interface generator: any text, an error or two files, no panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let nothing = |_: &iig::Inclusion| Ok(None);
    let _ = iig::generate("Any.iig", text, &nothing, &iig::Options::default());
});
