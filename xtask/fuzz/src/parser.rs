//! One parser of `formats`, the one that this binary is called after: any bytes, no panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| formats::fuzz::run(env!("CARGO_BIN_NAME"), bytes));
