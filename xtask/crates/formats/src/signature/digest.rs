//! The hash algorithms a code signature can name, and computing them.
//!
//! Numbers are `kSecCodeSignatureHash*` of Security's `CSCommon.h` (`CS_HASHTYPE_*` in xnu's `cs_blobs.h`).

use std::fmt;

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// Bytes of a cdhash, whatever the algorithm (`CS_CDHASH_LEN`, xnu `cs_blobs.h`).
pub const CDHASH_LEN: usize = 20;

/// A code directory's name: its own digest cut to twenty bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CdHash(pub [u8; CDHASH_LEN]);

impl CdHash {
    /// The first twenty bytes of `digest`; `None` when there are fewer.
    pub fn from_digest(digest: &[u8]) -> Option<Self> {
        digest.first_chunk().copied().map(Self)
    }
}

impl fmt::Display for CdHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for CdHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A hash algorithm of a code directory.
///
/// Ordered as Security ranks them: the greatest is the one it evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashType {
    /// 1: SHA-1, 20 bytes.
    Sha1,
    /// 3: SHA-256 of which the first 20 bytes are stored.
    Sha256Truncated,
    /// 2: SHA-256, 32 bytes.
    Sha256,
    /// 4: SHA-384, 48 bytes.
    Sha384,
    /// 5: SHA-512, 64 bytes. Named in the header; not seen in any file.
    Sha512,
}

impl HashType {
    /// The algorithm with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Sha1,
            2 => Self::Sha256,
            3 => Self::Sha256Truncated,
            4 => Self::Sha384,
            5 => Self::Sha512,
            _ => return None,
        })
    }

    /// The number in a code directory, and in the name of a seal's entry (`hash2`).
    pub const fn number(self) -> u8 {
        match self {
            Self::Sha1 => 1,
            Self::Sha256 => 2,
            Self::Sha256Truncated => 3,
            Self::Sha384 => 4,
            Self::Sha512 => 5,
        }
    }

    /// Bytes stored per hash.
    pub const fn size(self) -> usize {
        match self {
            Self::Sha1 | Self::Sha256Truncated => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// As `codesign -dvv` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha256Truncated => "sha256-truncated",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The hash of `bytes`, `self.size()` bytes long.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }
}

impl fmt::Display for HashType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A hash in the making, for bytes that come in pieces.
pub struct Hasher {
    kind: HashType,
    state: State,
}

enum State {
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Box<Sha384>),
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// Nothing hashed yet.
    pub fn new(kind: HashType) -> Self {
        let state = match kind {
            HashType::Sha1 => State::Sha1(Sha1::new()),
            HashType::Sha256 | HashType::Sha256Truncated => State::Sha256(Sha256::new()),
            HashType::Sha384 => State::Sha384(Box::default()),
            HashType::Sha512 => State::Sha512(Box::default()),
        };
        Self { kind, state }
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha1(it) => it.update(bytes),
            State::Sha256(it) => it.update(bytes),
            State::Sha384(it) => it.update(bytes),
            State::Sha512(it) => it.update(bytes),
        }
    }

    /// The hash, as long as the algorithm stores it.
    pub fn finish(self) -> Vec<u8> {
        let mut digest = match self.state {
            State::Sha1(it) => it.finalize().to_vec(),
            State::Sha256(it) => it.finalize().to_vec(),
            State::Sha384(it) => it.finalize().to_vec(),
            State::Sha512(it) => it.finalize().to_vec(),
        };
        digest.truncate(self.kind.size());
        digest
    }
}

/// SHA-1 of `bytes`: what requirements and old certificates name.
pub fn sha1(bytes: &[u8]) -> [u8; 20] {
    Sha1::digest(bytes).into()
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_there_and_back_and_others_are_unknown() {
        for number in 0..=u8::MAX {
            match HashType::from_number(number) {
                Some(kind) => assert_eq!(kind.number(), number),
                None => assert!(!(1..=5).contains(&number)),
            }
        }
    }

    #[test]
    fn the_length_of_a_hash_is_the_length_it_announces() {
        for kind in (1..=5).filter_map(HashType::from_number) {
            assert_eq!(kind.digest(b"abc").len(), kind.size(), "{kind}");
        }
        assert_eq!(hex(&HashType::Sha1.digest(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(HashType::Sha256Truncated.digest(b"abc"), HashType::Sha256.digest(b"abc")[..20]);
    }

    #[test]
    fn security_prefers_the_longer_hash() {
        assert!(HashType::Sha384 > HashType::Sha256);
        assert!(HashType::Sha256 > HashType::Sha256Truncated);
        assert!(HashType::Sha256Truncated > HashType::Sha1);
    }
}
