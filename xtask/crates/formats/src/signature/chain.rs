//! From a leaf to a root: which certificates vouch for it, and whether the last one is trusted.
//!
//! ```text
//! let trust = Trust::default();                       // Apple's pinned roots only
//! let chain = chain::build(&leaf, &pool, &trust, at); // `at`: the moment of the secure timestamp
//! chain.is_trusted()                                  // anchored, and without a fault
//! ```

use std::fmt;

use super::{
    anchors,
    certificate::{Certificate, key_usage},
    key::Refusal,
    time::UnixTime,
};

/// Apple's chains have 3 or 4 certificates.
const MAX_LEN: usize = 8;
/// Signature checks for one chain; a hostile pool of equal names would otherwise keep us busy (20 µs to 1 ms each).
const MAX_CHECKS: usize = 64;

/// Whom to trust beside Apple, and where else to look for intermediates.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Roots that the caller vouches for (`--trust-root`), compared whole.
    pub roots: Vec<Certificate>,
    /// Intermediates from elsewhere: a cache, a key file. They are trusted no more than those in the signature.
    pub intermediates: Vec<Certificate>,
}

/// What the chain ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchor {
    /// One of Apple's pinned roots, by name. The certificate may be missing when its key is pinned (G3).
    Apple(&'static str),
    /// A root that the caller gave.
    Given,
    /// A self-issued certificate that nobody vouches for.
    Unknown,
    /// The next issuer was not found: its name.
    Missing(String),
}

/// What is wrong with a certificate of the chain; the number is its place, the leaf being 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Not valid at the moment asked about.
    NotValid(usize),
    /// It issued another one and is no authority.
    NotAuthority(usize),
    /// More authorities follow below it than it allows.
    PathTooLong(usize),
    /// Its key usage does not include issuing certificates.
    MayNotIssue(usize),
    /// Signed with SHA-1, and not pinned.
    Sha1(usize),
    /// A critical extension that we do not know.
    UnknownCritical(usize, String),
    /// An extension that cannot be read.
    Malformed(usize, String),
}

/// What is worth saying and no fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// Signed with SHA-1, but pinned.
    Sha1OnPinned(usize),
    /// The issuer is there by name, and its signature could not be computed or does not hold.
    IssuerRefused(usize, Refusal),
    /// The search was cut off after 64 signature checks.
    SearchCutOff,
}

/// A leaf and those who vouch for it.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Leaf first. Ends with the root when that is there.
    pub certificates: Vec<Certificate>,
    /// What it ends in.
    pub anchor: Anchor,
    /// Why it does not hold, even if anchored.
    pub faults: Vec<Fault>,
    /// What else was seen.
    pub remarks: Vec<Remark>,
}

impl Chain {
    /// Whether the chain ends in a root of Apple's or the caller's and no certificate is at fault.
    pub fn is_trusted(&self) -> bool {
        self.is_anchored() && self.faults.is_empty()
    }

    /// Whether it ends in a root of Apple's or the caller's.
    pub fn is_anchored(&self) -> bool {
        matches!(self.anchor, Anchor::Apple(_) | Anchor::Given)
    }

    /// Whether the last certificate is the root itself (then numbers counted from the root mean something).
    pub fn has_root(&self) -> bool {
        self.certificates.last().is_some_and(Certificate::is_self_issued)
    }
}

/// Looks for the way from `leaf` to a trusted root through `pool`, and judges it at the moment `at`.
///
/// Of several ways the first that is anchored wins, else the longest. Signatures are checked link by link; a root's
/// own is not (Apple Root CA's is SHA-1, and it is pinned).
pub fn build(leaf: &Certificate, pool: &[Certificate], trust: &Trust, at: UnixTime) -> Chain {
    let mut search = Search {
        pool: pool.iter().chain(&trust.intermediates).chain(&trust.roots).collect(),
        trust,
        checks: 0,
        remarks: Vec::new(),
    };
    let (path, anchor) = search.extend(vec![leaf]);
    let mut remarks = search.remarks;
    let faults = judge(&path, at, &mut remarks);
    Chain { certificates: path.into_iter().cloned().collect(), anchor, faults, remarks }
}

struct Search<'a> {
    pool: Vec<&'a Certificate>,
    trust: &'a Trust,
    checks: usize,
    remarks: Vec<Remark>,
}

impl<'a> Search<'a> {
    fn extend(&mut self, path: Vec<&'a Certificate>) -> (Vec<&'a Certificate>, Anchor) {
        let last = *path.last().expect("a path begins with its leaf");
        if let Some(anchor) = self.anchor(last) {
            return (path, anchor);
        }
        let mut best = None;
        for issuer in self.pool.clone() {
            let is_new = !path.iter().any(|it| it.as_der() == issuer.as_der());
            if !is_new || path.len() == MAX_LEN || last.issuer.as_der() != issuer.subject.as_der() {
                continue;
            }
            if !self.is_signed_by(last, issuer, path.len() - 1) {
                continue;
            }
            let found = self.extend([path.as_slice(), &[issuer]].concat());
            if matches!(found.1, Anchor::Apple(_) | Anchor::Given) {
                return found;
            }
            let longest = best.as_ref().map_or(0, |it: &(Vec<_>, _)| it.0.len());
            if found.0.len() > longest {
                best = Some(found);
            }
        }
        best.unwrap_or_else(|| {
            let anchor = match last.is_self_issued() {
                true => Anchor::Unknown,
                false => Anchor::Missing(last.issuer.to_string()),
            };
            (path, anchor)
        })
    }

    fn anchor(&mut self, last: &Certificate) -> Option<Anchor> {
        if let Some(pin) = anchors::apple_root(last) {
            return Some(Anchor::Apple(pin.name));
        }
        if self.trust.roots.iter().any(|it| it.as_der() == last.as_der()) {
            return Some(Anchor::Given);
        }
        // A root that is known by its key need not be there; nor may a look-alike stand in its place.
        let (name, key) = anchors::apple_root_key(last.issuer.common_name()?)?;
        (!last.is_self_issued() && last.verify_with_key(&key).is_ok()).then_some(Anchor::Apple(name))
    }

    fn is_signed_by(&mut self, certificate: &Certificate, issuer: &Certificate, place: usize) -> bool {
        self.checks += 1;
        if self.checks > MAX_CHECKS {
            self.remark(Remark::SearchCutOff);
            return false;
        }
        match certificate.verify_signed_by(issuer) {
            Ok(()) => true,
            Err(refusal) => {
                self.remark(Remark::IssuerRefused(place, refusal));
                false
            }
        }
    }

    fn remark(&mut self, remark: Remark) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }
}

/// Critical extensions that we understand, beside Apple's own markers.
const KNOWN: &[&str] = &["2.5.29.15", "2.5.29.19", "2.5.29.32", "2.5.29.37"];

fn judge(path: &[&Certificate], at: UnixTime, remarks: &mut Vec<Remark>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (place, certificate) in path.iter().enumerate() {
        let is_root = anchors::apple_root(certificate).is_some() || certificate.is_self_issued();
        if !certificate.is_valid_at(at) {
            faults.push(Fault::NotValid(place));
        }
        if certificate.is_signed_with_sha1() {
            match anchors::apple_pin(certificate) {
                Some(_) if is_root => {}
                Some(_) => remarks.push(Remark::Sha1OnPinned(place)),
                None if is_root => {}
                None => faults.push(Fault::Sha1(place)),
            }
        }
        let unknown = certificate.extensions.iter().filter(|it| {
            it.is_critical
                && !KNOWN.contains(&it.oid.as_str())
                && !it.oid.starts_with(super::certificate::marker::APPLE)
        });
        faults.extend(unknown.map(|it| Fault::UnknownCritical(place, it.oid.clone())));
        if place > 0 {
            judge_authority(certificate, place, &mut faults);
        }
    }
    faults
}

fn judge_authority(certificate: &Certificate, place: usize, faults: &mut Vec<Fault>) {
    match certificate.basic_constraints() {
        Ok(found) => {
            if !found.is_authority {
                faults.push(Fault::NotAuthority(place));
            }
            // Authorities between this one and the leaf.
            let below = place - 1;
            if found.path_len.is_some_and(|limit| below > limit as usize) {
                faults.push(Fault::PathTooLong(place));
            }
        }
        Err(error) => faults.push(Fault::Malformed(place, error.to_string())),
    }
    match certificate.key_usage() {
        Ok(Some(usage)) if usage & key_usage::CERTIFICATE_SIGNING == 0 => {
            faults.push(Fault::MayNotIssue(place))
        }
        Ok(_) => {}
        Err(error) => faults.push(Fault::Malformed(place, error.to_string())),
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apple(name) => write!(f, "{name} (pinned)"),
            Self::Given => f.write_str("a root given by the caller"),
            Self::Unknown => f.write_str("a root that nobody vouches for"),
            Self::Missing(issuer) => write!(f, "nothing: the issuer `{issuer}` was not found"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotValid(place) => write!(f, "certificate {place} is not valid at that time"),
            Self::NotAuthority(place) => write!(f, "certificate {place} is no authority"),
            Self::PathTooLong(place) => write!(f, "too many authorities below certificate {place}"),
            Self::MayNotIssue(place) => write!(f, "certificate {place} may not issue certificates"),
            Self::Sha1(place) => write!(f, "certificate {place} is signed with SHA-1"),
            Self::UnknownCritical(place, oid) => {
                write!(f, "certificate {place} has the unknown critical extension {oid}")
            }
            Self::Malformed(place, what) => write!(f, "certificate {place}: {what}"),
        }
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
