//! Which certificates are trusted: Apple's, pinned as facts, and those that the caller adds.
//!
//! No certificate of Apple's is in this repository, only digests and one public key. An intermediate that is pinned
//! is *recognised* (its SHA-1 signature is then a remark, not a fault); trusted are roots alone.

use super::{certificate::Certificate, digest::hex, key::PublicKey};

/// A certificate known by its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// What Apple calls it.
    pub name: &'static str,
    /// SHA-256 of its DER, in lower-case hexadecimal.
    pub sha256: &'static str,
}

/// Apple's roots (published at apple.com/certificateauthority).
pub const APPLE_ROOTS: &[Pin] = &[
    Pin { name: "Apple Root CA", sha256: "b0b1730ecbc7ff4505142c49f1295e6eda6bcaed7e2c68c5be91b5a11001f024" },
    Pin {
        name: "Apple Root CA - G2",
        sha256: "c2b9b042dd57830e7d117dac55ac8ae19407d38e41d88f3215bc3a890444a050",
    },
    Pin { name: APPLE_ROOT_G3, sha256: "63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179" },
];

/// Apple's intermediates that sign code, profiles, tickets and timestamps.
pub const APPLE_INTERMEDIATES: &[Pin] = &[
    Pin {
        name: "Developer ID Certification Authority",
        sha256: "7afc9d01a62f03a2de9637936d4afe68090d2de18d03f29c88cfb0b1ba63587f",
    },
    Pin {
        name: "Developer ID Certification Authority (G2)",
        sha256: "f16cd3c54c7f83cea4bf1a3e6a0819c8aaa8e4a1528fd144715f350643d2df3a",
    },
    Pin {
        name: "Apple Timestamp Certification Authority",
        sha256: "a776472f27690dabdb2c7cc90893bdf24158f967b3b1c3aef1c4ed1c92c9dd0d",
    },
    Pin {
        name: "Apple Worldwide Developer Relations (G1)",
        sha256: "ce057691d730f89ca25e916f7335f4c8a15713dcd273a658c024023f8eb809c2",
    },
    Pin {
        name: "Apple Worldwide Developer Relations (G3)",
        sha256: "dcf21878c77f4198e4b4614f03d696d89c66c66008d4244e1b99161aac91601f",
    },
    Pin {
        name: "Apple Worldwide Developer Relations (G5)",
        sha256: "53fd008278e5a595fe1e908ae9c5e5675f26243264a5a6438c023e3ce2870760",
    },
    Pin {
        name: "Apple Worldwide Developer Relations (G6)",
        sha256: "bdd4ed6e74691f0c2bfd01be0296197af1379e0418e2d300efa9c3bef642ca30",
    },
    Pin {
        name: "Apple System Integration CA 4",
        sha256: "7da79ba48b1c160852433c15a684dfe4747b81d1720787c339609cab7c68326c",
    },
];

/// Common name of the root that is in no ticket.
const APPLE_ROOT_G3: &str = "Apple Root CA - G3";
/// Its key, an uncompressed P-384 point: a ticket carries leaf and intermediate only.
const APPLE_ROOT_G3_POINT: [u8; 97] = point(
    b"0498e92f3d4072a4ed93227281131cdd1095f1c5a34e71dc1416d90ee5a6052a77647b5f4e38d3bb1c44b57ff51fb632625dc9e9845b4f304f115a00fd58580ca5f50f2c4d07471375da9797976f315ced2b9d7b203bd8b954d95e99a43a510a31",
);

/// The pin that `certificate` is, among Apple's roots.
pub fn apple_root(certificate: &Certificate) -> Option<&'static Pin> {
    find(APPLE_ROOTS, certificate)
}

/// The pin that `certificate` is, among all of Apple's.
pub fn apple_pin(certificate: &Certificate) -> Option<&'static Pin> {
    apple_root(certificate).or_else(|| find(APPLE_INTERMEDIATES, certificate))
}

/// The root whose key is known and whose certificate need not be there: its name and key, when `issuer` is its
/// common name.
pub(crate) fn apple_root_key(issuer: &str) -> Option<(&'static str, PublicKey)> {
    (issuer == APPLE_ROOT_G3).then(|| (APPLE_ROOT_G3, PublicKey::p384(&APPLE_ROOT_G3_POINT)))
}

fn find(pins: &'static [Pin], certificate: &Certificate) -> Option<&'static Pin> {
    let digest = hex(&certificate.sha256());
    pins.iter().find(|it| it.sha256 == digest)
}

/// The bytes of a point written in hexadecimal; a wrong digit fails the build.
const fn point(digits: &[u8; 194]) -> [u8; 97] {
    const fn nibble(digit: u8) -> u8 {
        match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("not a hexadecimal digit"),
        }
    }
    let mut bytes = [0; 97];
    let mut n = 0;
    while n < bytes.len() {
        bytes[n] = nibble(digits[2 * n]) << 4 | nibble(digits[2 * n + 1]);
        n += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_key_is_a_point_on_its_curve() {
        let (_, key) = apple_root_key("Apple Root CA - G3").unwrap();
        assert!(matches!(key, PublicKey::P384(_)));
        assert!(apple_root_key("Apple Root CA").is_none(), "only G3 has a pinned key");
        assert!(apple_root_key("Apple Root CA - G33").is_none());
    }

    #[test]
    fn pins_are_sha256_digests_and_differ() {
        let mut all: Vec<&str> = APPLE_ROOTS.iter().chain(APPLE_INTERMEDIATES).map(|it| it.sha256).collect();
        assert!(all.iter().all(|it| it.len() == 64 && it.bytes().all(|b| b"0123456789abcdef".contains(&b))));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 11);
    }
}
