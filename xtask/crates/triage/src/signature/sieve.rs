//! Finds which of many words occur in gigabytes: four bytes at every third place, case aside.
//!
//! ```text
//!   … J o b   s u b m i t t e d …      every third place is looked at; a word of six letters or more
//!     └──┴──┘                          has four letters there whole, whatever its place
//!           └──┴──┘
//! ```
//!
//! A table of 65536 bits says whether four letters may be of any word; only then are words compared. Of each word only
//! six letters in a row are looked for, those that ordinary logs have least: `com.apple.dext` by its end, not by its start.
//! Four places are looked up before one branch is taken. Measured with `cargo bench --bench triage` (docs/performance.md).

use std::ops::Range;

/// Shortest word that cannot slip through: four letters at any of its three first places lie within it.
pub(crate) const SHORTEST: usize = 6;
/// Letters that are looked up together.
const LETTERS: usize = 4;
/// Places from one look to the next: `SHORTEST - LETTERS + 1`.
const STEP: usize = 3;
/// Looks before a branch.
const LOOKS: usize = 4;
/// Bytes that so many looks see.
const SEEN: usize = STEP * (LOOKS - 1) + LETTERS;

/// What every log is full of: keys of its JSON, places of programs, words of other subsystems.
const ORDINARY: &str = "com.apple.system com.apple.launchservices com.apple.security com.apple.network com.apple.runningboard \
    traceid eventmessage eventtype logevent source formatstring userid activityidentifier subsystem category threadid \
    senderimageuuid backtrace frames imageoffset imageuuid bootuuid processimagepath senderimagepath timestamp machtimestamp \
    messagetype default processimageuuid processid senderprogramcounter parentactivityidentifier timezonename \
    /usr/libexec/ /usr/sbin/ /system/library/privateframeworks/ /system/library/frameworks/corefoundation.framework/versions/a/ \
    /applications/ .app/contents/macos/ resources contents library application support containers extensions system \
    error info debug fault activity kernel process launchd windowserver runningboardd trustd cfprefsd mdnsresponder \
    service services server client clients request requests connection connections response reply message session state status \
    assertion targeting originator description descriptor identifier identity activated activation active acquired acquiring \
    invalidated invalidation invalid valid evaluation evaluate evaluatetrust certificate policy security signature validate \
    entitlement entitlements missing allowed failed failure found not found unable to cannot could not did not \
    started starting start finished finish completed complete success successfully result reason code launch launched \
    extension extensions driver device interface user username userinfo domain name named named value values key keys \
    network hostname ready satisfied path transport flow satisfied interface dns ipv4 ipv6 event file read data write \
    reading from public effective settings for key in domain current host sandbox deny restricted trusted untrusted \
    location bluetooth power notification query queue thread timer timeout waiting received sending register registered \
    update updated version build bundle dictionary properties attribute attributes object instance shared weight rule flags";

/// The words in a form that can be searched for.
pub(crate) struct Sieve {
    /// One bit per key.
    bits: Box<[u64; 1024]>,
    /// Key → words, with the place of the letters in the word; sorted by key.
    words: Vec<(u16, usize, &'static str)>,
}

impl Sieve {
    /// Words shorter than `SHORTEST` would be missed; a test of the catalogue forbids them.
    pub(crate) fn new(all: impl Iterator<Item = &'static str>) -> Sieve {
        let mut bits = Box::new([0u64; 1024]);
        let mut words = Vec::new();
        for word in all {
            debug_assert!(word.len() >= SHORTEST, "`{word}` is too short");
            let rarest = rarest(word);
            for place in rarest..rarest + STEP {
                let Some(&[a, b, c, d]) = word.as_bytes().get(place..place + LETTERS) else { continue };
                let key = key(a, b, c, d);
                if let Some(it) = bits.get_mut(usize::from(key >> 6)) {
                    *it |= 1 << (key & 63);
                }
                words.push((key, place, word));
            }
        }
        words.sort_unstable();
        words.dedup();
        Sieve { bits, words }
    }

    /// Where a word occurs at or after `from`; not always the first one, but never none if there is one.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        let mut at = from;
        while let Some(&[a, b, c, d, e, f, g, h, i, j, k, l, m]) = text.get(at..)?.first_chunk::<SEEN>() {
            let keys = [key(a, b, c, d), key(d, e, f, g), key(g, h, i, j), key(j, k, l, m)];
            let [first, second, third, fourth] = keys.map(|key| self.bit(key));
            if first | second | third | fourth != 0
                && let Some(found) = self.word_near(text, at, keys, from)
            {
                return Some(found);
            }
            at += STEP * LOOKS;
        }
        // What is left is too short for all looks at once.
        for (n, it) in text.get(at..)?.windows(LETTERS).step_by(STEP).enumerate() {
            let &[a, b, c, d] = it else { continue };
            let key = key(a, b, c, d);
            if self.bit(key) != 0
                && let Some(found) = self.word_at(text, at + n * STEP, key, from)
            {
                return Some(found);
            }
        }
        None
    }

    fn bit(&self, key: u16) -> u64 {
        self.bits.get(usize::from(key >> 6)).map_or(0, |it| it >> (key & 63) & 1)
    }

    #[cold]
    fn word_near(&self, text: &[u8], at: usize, keys: [u16; LOOKS], from: usize) -> Option<Range<usize>> {
        let promising = keys.into_iter().enumerate().filter(|(_, key)| self.bit(*key) != 0);
        promising.into_iter().find_map(|(n, key)| self.word_at(text, at + n * STEP, key, from))
    }

    fn word_at(&self, text: &[u8], at: usize, key: u16, from: usize) -> Option<Range<usize>> {
        let first = self.words.partition_point(|it| it.0 < key);
        for (_, place, word) in self.words.get(first..)?.iter().take_while(|it| it.0 == key) {
            let Some(start) = at.checked_sub(*place).filter(|it| *it >= from) else { continue };
            let end = start + word.len();
            if text.get(start..end).is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes())) {
                return Some(start..end);
            }
        }
        None
    }
}

/// Where in a word the six letters begin that ordinary logs have least.
fn rarest(word: &str) -> usize {
    let ordinary = |place: &usize| -> usize {
        let letters = (*place..*place + STEP).filter_map(|at| word.get(at..at + LETTERS));
        letters.map(|it| ORDINARY.matches(it).count()).sum()
    };
    (0..=word.len().saturating_sub(SHORTEST)).min_by_key(ordinary).unwrap_or(0)
}

/// The low five bits of four bytes (upper and lower case are the same there, and letters differ), stirred into sixteen.
///
/// The factor is the golden ratio's, as in Fibonacci hashing.
fn key(a: u8, b: u8, c: u8, d: u8) -> u16 {
    let letters = u32::from_le_bytes([a, b, c, d]) & 0x1f1f_1f1f;
    (letters.wrapping_mul(0x9e37_79b1) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORDS: [&str; 4] = ["user server", "-67050", "100024", "arm64e"];

    proptest! {
        #[test]
        fn a_word_is_found_wherever_it_stands(before in "[a-z0-9 -]{0,40}", after in "[a-z0-9 -]{0,19}", n in 0usize..4) {
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
