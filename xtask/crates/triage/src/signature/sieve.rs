//! Finds which of many words occur in gigabytes: three bytes at a step, case aside.
//!
//! ```text
//!   … J o b   s u b m i t t e d …      every third place is looked at; a word of five letters or more
//!     └─┘└─┘└─┘└─┘└─┘└─┘               covers one of these triples whole, whatever its place
//! ```
//!
//! A table of 32768 bits says whether a triple occurs near the start of any word; only then are words compared.
//! Measured against the automaton of aho-corasick with the same words: several times as fast.

use std::ops::Range;

/// Shortest word that cannot slip through: a triple at any of the three first places lies within it.
pub(crate) const SHORTEST: usize = 5;

/// The words in a form that can be searched for.
pub(crate) struct Sieve {
    /// One bit per triple.
    bits: Vec<u64>,
    /// Triple → which letters may follow it, one bit each; looked at only when the first table says yes.
    follows: Vec<u32>,
    /// Triple → words, with the place of the triple in the word; sorted by triple.
    words: Vec<(u16, usize, &'static str)>,
}

impl Sieve {
    /// Words shorter than `SHORTEST` would be missed; a test of the catalogue forbids them.
    pub(crate) fn new(all: impl Iterator<Item = &'static str>) -> Sieve {
        let mut bits = vec![0u64; 512];
        let mut follows = vec![0u32; 1 << 15];
        let mut words = Vec::new();
        for word in all {
            debug_assert!(word.len() >= SHORTEST, "`{word}` is too short");
            for place in 0..3 {
                let Some(&[a, b, c]) = word.as_bytes().get(place..place + 3) else { continue };
                let triple = triple(a, b, c);
                if let Some(it) = bits.get_mut(usize::from(triple >> 6)) {
                    *it |= 1 << (triple & 63);
                }
                if let Some(it) = follows.get_mut(usize::from(triple)) {
                    *it |= word.as_bytes().get(place + 3).map_or(u32::MAX, |next| 1 << (next & 31));
                }
                words.push((triple, place, word));
            }
        }
        words.sort_unstable();
        words.dedup();
        Sieve { bits, follows, words }
    }

    /// Where a word occurs at or after `from`; not always the first one, but never none if there is one.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        let rest = text.get(from..)?;
        for (n, it) in rest.chunks_exact(3).enumerate() {
            let &[a, b, c] = it else { continue };
            let triple = triple(a, b, c);
            if self.bits.get(usize::from(triple >> 6)).is_some_and(|it| it >> (triple & 63) & 1 == 1)
                && self.may_follow(triple, text.get(from + n * 3 + 3))
                && let Some(found) = self.word_at(text, from + n * 3, triple, from)
            {
                return Some(found);
            }
        }
        None
    }

    fn may_follow(&self, triple: u16, next: Option<&u8>) -> bool {
        let letters = self.follows.get(usize::from(triple)).copied().unwrap_or(0);
        next.map_or(letters == u32::MAX, |it| letters >> (it & 31) & 1 == 1)
    }

    #[cold]
    fn word_at(&self, text: &[u8], at: usize, triple: u16, from: usize) -> Option<Range<usize>> {
        let first = self.words.partition_point(|it| it.0 < triple);
        for (_, place, word) in self.words.get(first..)?.iter().take_while(|it| it.0 == triple) {
            let Some(start) = at.checked_sub(*place).filter(|it| *it >= from) else { continue };
            let end = start + word.len();
            if text.get(start..end).is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes())) {
                return Some(start..end);
            }
        }
        None
    }
}

/// The low five bits of three bytes: upper and lower case are the same, and letters differ.
fn triple(a: u8, b: u8, c: u8) -> u16 {
    u16::from(a & 31) | u16::from(b & 31) << 5 | u16::from(c & 31) << 10
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORDS: [&str; 4] = ["user server", "-67050", "10002", "arm64"];

    proptest! {
        #[test]
        fn a_word_is_found_wherever_it_stands(before in "[a-z0-9 -]{0,40}", after in "[a-z0-9 -]{0,9}", n in 0usize..4) {
            let text = format!("{before}{}{after}", WORDS[n].to_uppercase());
            let found = Sieve::new(WORDS.into_iter()).find(text.as_bytes(), 0);
            prop_assert!(found.is_some_and(|it| WORDS.contains(&text[it].to_lowercase().as_str())));
        }

        #[test]
        fn nothing_is_found_where_no_word_is(text in "[a-z0-9 \\-]{0,200}", from in 0usize..20) {
            let has = text.get(from..).is_some_and(|it| WORDS.iter().any(|word| it.contains(word)));
            prop_assert_eq!(Sieve::new(WORDS.into_iter()).find(text.as_bytes(), from).is_some(), has);
        }
    }
}
