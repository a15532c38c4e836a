//! Notarization tickets: which code Apple's notary has let pass, and when.
//!
//! ```text
//!   "s8ch" 1 certs-len body-len │ certificates (DER) │ body │ ECDSA signature, padded to 72 bytes
//!                                                      └ "g8tk" 2 20 count 0 time │ count × (hash type, 20 bytes of hash)
//! ```
//! Everything is little-endian. The signature covers all that precedes it. Measured on 113 tickets of 2020 to 2026.

use std::collections::BTreeSet;

use crate::{
    bytes::{Bytes, Error, Result},
    signature::{
        certificate::{Certificate, marker},
        chain::{self, Chain, Trust},
        digest::HashType,
        key::{Algorithm, Scheme},
        time::UnixTime,
        tlv::{Element, SEQUENCE},
    },
};

/// Length of the outer header.
const HEADER: usize = 16;
/// Length of the body's header.
const BODY_HEADER: usize = 24;
/// A hash type and a hash.
const ENTRY: usize = 21;
/// Length of a hash in a ticket.
const HASH: usize = 20;
/// Room for the signature: the longest DER of a P-256 signature.
const SIGNATURE: usize = 72;
/// Most certificates; all tickets seen have two.
const MAX_CERTIFICATES: usize = 8;

/// A hash of something notarized: the type of its code directory's hash, and its first 20 bytes.
pub type Entry = (u8, [u8; HASH]);

/// A ticket that was read. Nothing in it is believed before [`Ticket::verify`].
#[derive(Debug, Clone)]
pub struct Ticket {
    /// Leaf first, then its issuer; the root is in no ticket.
    pub certificates: Vec<Certificate>,
    /// When it was issued, seconds since 1970.
    pub time: UnixTime,
    /// Always 0 in every ticket seen so far; meaning unknown.
    pub flags: u32,
    /// What it covers.
    pub entries: BTreeSet<Entry>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// Whether a ticket is genuine.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Why the signature does not hold, if it does not.
    pub signature: std::result::Result<(), String>,
    /// The leaf's chain, judged at the ticket's own time.
    pub chain: Chain,
    /// Markers that Apple's ticket certificates have and these lack.
    pub missing_markers: Vec<&'static str>,
}

impl Verified {
    /// Whether it was issued by Apple's notary, or by one under a root that the caller trusts.
    pub fn is_genuine(&self) -> bool {
        self.signature.is_ok() && self.chain.is_trusted() && self.missing_markers.is_empty()
    }
}

impl Ticket {
    /// Whether `data` starts like a ticket.
    pub fn is(data: &[u8]) -> bool {
        data.starts_with(b"s8ch")
    }

    /// Reads a ticket; nothing may follow it. An unknown version is said to be unknown, not invalid.
    pub fn read(data: &[u8]) -> Result<Self> {
        let all = Bytes::new(data);
        if all.array::<4>(0)? != *b"s8ch" {
            return Err(Error::new(0, "not a notarization ticket"));
        }
        let version = all.u32_le(4)?;
        if version != 1 {
            return Err(Error::new(4, format!("unknown ticket format, version {version}")));
        }
        let (n_certificates, n_body) = (size(all, 8)?, size(all, 12)?);
        let certificates = read_certificates(all.range(HEADER, n_certificates)?)?;
        let body_at = HEADER + n_certificates; // both inside the data, as `range` has shown
        let body = all.range(body_at, n_body)?;
        let signature_at = body_at + n_body;
        let signature = all.from(signature_at)?;
        if signature.len() != SIGNATURE {
            let what = format!("{} bytes of signature instead of {SIGNATURE}", signature.len());
            return Err(signature.fault(0, what));
        }
        let (time, flags, entries) = read_body(body)?;
        let der = Element::first(signature).map_err(|it| it.within("signature"))?;
        let padding = signature.from(der.whole.len())?;
        if padding.as_slice().iter().any(|&it| it != 0) {
            return Err(padding.fault(0, "something other than zeros after the signature"));
        }
        Ok(Self {
            certificates,
            time,
            flags,
            entries,
            signed: all.range(0, signature_at)?.as_slice().to_vec(),
            signature: der.whole.as_slice().to_vec(),
        })
    }

    /// Checks signature, chain (at the ticket's own time) and markers.
    pub fn verify(&self, trust: &Trust) -> Verified {
        let leaf = self.certificates.first().expect("`read` admits no ticket without certificate");
        let algorithm = Algorithm {
            scheme: Scheme::Ecdsa,
            hash: Some(HashType::Sha256),
            name: "ECDSA with SHA-256".into(),
        };
        let signature =
            leaf.key.verify(&algorithm, &self.signed, &self.signature).map_err(|it| it.to_string());
        let chain = chain::build(leaf, &self.certificates, trust, self.time);
        let mut missing_markers = Vec::new();
        if !leaf.has_extension(marker::TICKET_SIGNING) {
            missing_markers.push(marker::TICKET_SIGNING);
        }
        let issuer = chain.certificates.get(1);
        if !issuer.is_some_and(|it| it.has_extension(marker::SYSTEM_INTEGRATION_AUTHORITY)) {
            missing_markers.push(marker::SYSTEM_INTEGRATION_AUTHORITY);
        }
        Verified { signature, chain, missing_markers }
    }

    /// Whether it covers that hash.
    pub fn covers(&self, entry: Entry) -> bool {
        self.entries.contains(&entry)
    }
}

/// Writes a ticket: certificates in DER, leaf first; what it covers, written sorted; the signature comes from `sign`,
/// which gets all bytes that it must cover and returns ECDSA P-256 with SHA-256 in DER.
pub fn write<E: From<Error>>(
    certificates: &[Vec<u8>],
    time: UnixTime,
    entries: &BTreeSet<Entry>,
    sign: impl FnOnce(&[u8]) -> std::result::Result<Vec<u8>, E>,
) -> std::result::Result<Vec<u8>, E> {
    let too_large = || Error::new(0, "a ticket larger than its format can say");
    let inside = certificates.concat();
    let mut chain = vec![SEQUENCE];
    match inside.len() {
        short @ 0..0x80 => chain.push(short as u8),
        long => {
            let long = u16::try_from(long).map_err(|_| too_large())?;
            chain.push(0x82);
            chain.extend(long.to_be_bytes());
        }
    }
    chain.extend(inside);
    let count = u32::try_from(entries.len()).map_err(|_| too_large())?;
    let mut body = b"g8tk".to_vec();
    body.extend(2_u16.to_le_bytes());
    body.extend((HASH as u16).to_le_bytes());
    body.extend(count.to_le_bytes());
    body.extend(0_u32.to_le_bytes());
    body.extend(time.0.to_le_bytes());
    for (kind, hash) in entries {
        body.push(*kind);
        body.extend_from_slice(hash);
    }
    let mut out = b"s8ch".to_vec();
    out.extend(1_u32.to_le_bytes());
    out.extend(u32::try_from(chain.len()).map_err(|_| too_large())?.to_le_bytes());
    out.extend(u32::try_from(body.len()).map_err(|_| too_large())?.to_le_bytes());
    out.extend(chain);
    out.extend(body);
    let mut signature = sign(&out)?;
    if signature.len() > SIGNATURE {
        return Err(Error::new(
            0,
            format!("a signature of {} bytes, more than {SIGNATURE}", signature.len()),
        )
        .into());
    }
    signature.resize(SIGNATURE, 0);
    out.extend(signature);
    Ok(out)
}

fn size(all: Bytes<'_>, offset: usize) -> Result<usize> {
    usize::try_from(all.u32_le(offset)?).map_err(|_| all.fault(offset, "a length larger than memory"))
}

fn read_certificates(raw: Bytes<'_>) -> Result<Vec<Certificate>> {
    let mut inside = Element::only(raw)
        .map_err(|it| it.within("certificates"))?
        .expect(SEQUENCE, "certificates")?
        .inside();
    let mut found = Vec::new();
    while let Some(element) = inside.any()? {
        if found.len() == MAX_CERTIFICATES {
            return Err(raw.fault(0, format!("more than {MAX_CERTIFICATES} certificates")));
        }
        found.push(Certificate::parse(element.whole)?);
    }
    if found.is_empty() { Err(raw.fault(0, "no certificate")) } else { Ok(found) }
}

fn read_body(body: Bytes<'_>) -> Result<(UnixTime, u32, BTreeSet<Entry>)> {
    if body.array::<4>(0)? != *b"g8tk" {
        return Err(body.fault(0, "the body of the ticket has another magic"));
    }
    let (version, hash) = (body.u16_le(4)?, body.u16_le(6)?);
    if version != 2 || usize::from(hash) != HASH {
        return Err(body
            .fault(4, format!("unknown ticket format, body version {version} with hashes of {hash} bytes")));
    }
    let count = size(body, 8)?;
    if count.checked_mul(ENTRY).and_then(|it| it.checked_add(BODY_HEADER)) != Some(body.len()) {
        return Err(body.fault(8, format!("{count} entries do not fill a body of {} bytes", body.len())));
    }
    if count == 0 {
        return Err(body.fault(8, "a ticket that covers nothing"));
    }
    let mut entries = BTreeSet::new();
    for index in 0..count {
        let at = BODY_HEADER + index * ENTRY;
        entries.insert((body.u8(at)?, body.array(at + 1)?));
    }
    let time = i64::try_from(body.u64_le(16)?).map_err(|_| body.fault(16, "a time out of range"))?;
    Ok((UnixTime(time), body.u32_le(12)?, entries))
}

/// What the fuzzer calls.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    if let Ok(ticket) = Ticket::read(bytes) {
        ticket.verify(&Trust::default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn refused(data: &[u8], what: &str) {
        let fault = Ticket::read(data).unwrap_err().to_string();
        assert!(fault.contains(what), "{fault}");
    }

    #[test]
    fn an_unknown_version_is_unknown_and_not_invalid() {
        refused(b"s8ch\x02\0\0\0", "unknown ticket format, version 2");
        refused(b"something else", "not a notarization ticket");
        refused(b"s8ch\x01\0\0\0\xff\xff\xff\xff\0\0\0\0", "wanted");
    }

    #[test]
    fn a_body_whose_count_does_not_fill_it_is_refused() {
        let body = |count: u32, len: usize| {
            let mut out = b"g8tk\x02\0\x14\0".to_vec();
            out.extend(count.to_le_bytes());
            out.resize(len, 0);
            out
        };
        let read = |raw: Vec<u8>| read_body(Bytes::new(&raw));
        assert!(read(body(1, 45)).is_ok());
        assert!(read(body(2, 45)).unwrap_err().what.contains("do not fill"));
        assert!(read(body(0, 24)).unwrap_err().what.contains("covers nothing"));
        assert!(read(body(u32::MAX, 45)).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data: Vec<u8>) {
            fuzz(&data);
            fuzz(&[b"s8ch\x01\0\0\0".as_slice(), &data].concat());
        }
    }
}
