//! Who signed: the CMS, its chain, its timestamp.

use formats::document::plist::Date;

use super::{Agrees, Found};

/// What all of Apple's object identifiers begin with.
const APPLE: &str = "1.2.840.113635.100.";

/// A certificate, as far as checks look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Common name.
    pub name: String,
    /// Organizational unit of the subject: the team, in a leaf of Apple's.
    pub unit: Option<String>,
    /// Common name of the issuer.
    pub issuer: String,
    /// SHA-256 of the DER.
    pub sha256: [u8; 32],
    /// First moment of validity.
    pub not_before: Date,
    /// Last moment of validity.
    pub not_after: Date,
    /// Object identifiers of all extensions.
    pub extensions: Vec<String>,
    /// Whether it is signed with SHA-1.
    pub is_sha1_signed: bool,
}

impl Certificate {
    /// Whether it has Apple's marker extension, given without the common beginning: `6.1.13`.
    pub fn has_marker(&self, marker: &str) -> bool {
        self.extensions.iter().any(|it| it.strip_prefix(APPLE) == Some(marker))
    }

    /// Whether it is valid at that moment.
    pub fn is_valid_at(&self, at: Date) -> bool {
        (self.not_before..=self.not_after).contains(&at)
    }
}

/// Where a chain of certificates ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchor {
    /// At a root of Apple's that is pinned: its name.
    Pinned(String),
    /// At a root that `--trust-root` or the rehearsal gave: its name.
    Given(String),
    /// At a root that nobody vouched for: its name. Every link below it holds.
    Unknown(String),
    /// Nowhere: which link is missing or does not hold.
    Broken(String),
}

/// The signature proper: certificates, signed attributes, timestamp.
#[derive(Debug, Clone, PartialEq)]
pub struct Cms {
    /// All certificates it carries, in file order.
    pub certificates: Vec<Certificate>,
    /// Leaf first, as far as links could be verified; the root may come from the pins. Empty: no certificate fits the signer.
    pub chain: Vec<Certificate>,
    /// Where the chain ends.
    pub anchor: Anchor,
    /// The mathematics: the leaf's key signed these attributes.
    pub signature: Agrees,
    /// The attribute messageDigest is the digest of the code directory of slot 0.
    pub message_digest: Agrees,
    /// Apple's attribute with a plist of cdhashes (`…9.1`).
    pub agility_v1: Agility,
    /// Apple's attribute with full digests (`…9.2`).
    pub agility_v2: Agility,
    /// When the signer says it was; not proved.
    pub signing_time: Option<Date>,
    /// The token of a timestamp authority.
    pub timestamp: Found<Timestamp>,
    /// Name of the signature algorithm, for people: "RSA with SHA-256".
    pub algorithm: String,
    /// Whether the digest it signs is SHA-1 or MD5.
    pub is_weak: bool,
}

/// An attribute that lists the hashes of all code directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agility {
    /// Not there.
    Absent,
    /// There, and it lists what is there.
    Agrees,
    /// There, and it lists something else: what.
    Differs(String),
}

/// A token of a timestamp authority (RFC 3161).
#[derive(Debug, Clone, PartialEq)]
pub struct Timestamp {
    /// The time it vouches for.
    pub time: Date,
    /// It is about this very signature.
    pub imprint: Agrees,
    /// Its own signature holds, by a leaf with the usage "time stamping" that was valid then.
    pub signature: Agrees,
    /// Where the authority's chain ends.
    pub anchor: Anchor,
    /// Name of the authority's leaf.
    pub authority: String,
}

impl Timestamp {
    /// Whether its time may be relied on, given the mode's roots.
    pub const fn is_proved(&self) -> bool {
        self.imprint.is_ok()
            && self.signature.is_ok()
            && matches!(self.anchor, Anchor::Pinned(_) | Anchor::Given(_))
    }
}

impl Cms {
    /// The signer's certificate.
    pub fn leaf(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    /// The moment to judge certificates at: the token's when there is one, else the signer's own claim.
    pub fn judged_at(&self) -> Option<Date> {
        self.timestamp.present().map(|it| it.time).or(self.signing_time)
    }
}
