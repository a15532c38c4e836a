//! Every parser of this crate as a function of any bytes: what a fuzz target calls. None may panic, hang, or take more than it is given.

use crate::{
    container::{bounded::Limit, koly::Koly, payload, trailer, xar::Xar, zip},
    document::{entitlements, plist, profile, ticket},
    image::{MachO, Slices, symbols},
    signature::{self, Target},
};

/// What an archive may unpack to while it is fuzzed; real limits are the callers'.
const LIMIT: Limit = Limit { bytes: 4 << 20, ratio: 1000 };

/// The parsers outside `signature`, which lists its own.
const OTHERS: &[Target] = &[
    ("macho", |bytes| {
        if let Ok(image) = MachO::read(&bytes) {
            let _ = symbols::exported(&image, &bytes);
        }
    }),
    ("universal", |bytes| {
        if let Ok(Some(slices)) = Slices::read(&bytes) {
            slices.irregularities();
            for slice in &slices.slices {
                if let Ok(window) = slice.window(&bytes) {
                    let _ = MachO::read(&window);
                }
            }
        }
    }),
    ("plist", |bytes| {
        if let Ok(read) = plist::read(bytes) {
            plist::to_xml(&read.value, plist::Keys::Sorted);
        }
    }),
    ("entitlements", entitlements::fuzz),
    ("profile", profile::fuzz),
    ("ticket", ticket::fuzz),
    ("xar", |bytes| {
        if let Ok(xar) = Xar::read(&bytes) {
            for data in xar.members.iter().filter_map(|member| member.data.as_ref()) {
                if let Ok(mut reader) = data.open(&bytes, LIMIT) {
                    let _ = std::io::copy(&mut reader, &mut std::io::sink());
                }
            }
        }
    }),
    ("payload", |bytes| {
        if let Ok((_, mut reader)) = payload::open(bytes, bytes.len() as u64, LIMIT) {
            let _ = std::io::copy(&mut reader, &mut std::io::sink());
        }
    }),
    ("zip", |bytes| {
        for member in zip::read(&bytes).unwrap_or_default() {
            if let Ok(mut reader) = member.open(&bytes, LIMIT) {
                let _ = std::io::copy(&mut reader, &mut std::io::sink());
            }
        }
    }),
    ("koly", |bytes| drop(Koly::read(&bytes))),
    ("trailer", |bytes| drop(trailer::read(&bytes))),
];

/// All parsers, by name.
pub fn targets() -> impl Iterator<Item = &'static Target> {
    OTHERS.iter().chain(signature::FUZZ_TARGETS)
}

/// Calls one of them; an unknown name is a mistake of the caller's and panics.
pub fn run(name: &str, bytes: &[u8]) {
    let target = targets().find(|(known, _)| *known == name);
    let (_, parse) = target.unwrap_or_else(|| panic!("no parser is called `{name}`"));
    parse(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            for (_, parse) in targets() {
                parse(&bytes);
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = targets().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let n_names = names.len();
        names.dedup();
        assert_eq!(names.len(), n_names);
    }
}
