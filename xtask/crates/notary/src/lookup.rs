//! Where tickets are fetched: by record name, without any key.
//!
//! A record name is `2/<hash type>/<20 bytes of hash, in hex>`; the 2 equals the version of the ticket format. The HTTP status is always 200;
//! what happened stands in the body.

use std::{collections::BTreeMap, fmt};

use base64::Engine as _;
use serde::Deserialize;

use crate::{
    clock::Clock,
    error::{Error, Kind, Result},
    http::{Body, Endpoint, Http},
    pace::{Stubbornness, stubbornly},
    redact::excerpt,
};

/// Records asked for at once. CloudKit takes 200; more would be refused as a whole.
const BATCH: usize = 100;

/// A hash as tickets list it: what was hashed how, cut to 20 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash {
    /// 1 SHA-1 (a package's table of contents), 2 SHA-256 (a code directory); `CodeDirectory` hash types.
    pub kind: u8,
    /// The first 20 bytes.
    pub bytes: [u8; 20],
}

impl Hash {
    /// From `2/1/d3ec39…`; `None` when it is no record name.
    pub fn parse(record: &str) -> Option<Self> {
        let (kind, hex) = record.strip_prefix("2/")?.split_once('/')?;
        Self::from_hex(kind.parse().ok()?, hex)
    }

    /// From 40 hex digits.
    pub fn from_hex(kind: u8, hex: &str) -> Option<Self> {
        if hex.len() != 40 || !hex.is_ascii() {
            return None;
        }
        let mut bytes = [0; 20];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
        }
        Some(Self { kind, bytes })
    }

    /// The hash alone, in hex.
    pub fn hex(&self) -> String {
        crate::sigv4::hex(&self.bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "2/{}/{}", self.kind, self.hex())
    }
}

/// The ticket service.
pub struct Tickets<'a> {
    /// Connections.
    pub http: &'a Http,
    /// Its address.
    pub endpoint: &'a Endpoint,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Hears of retries.
    pub notice: &'a dyn Fn(&str),
}

impl fmt::Debug for Tickets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tickets({})", self.endpoint)
    }
}

impl Tickets<'_> {
    /// The tickets that exist for `hashes`; a hash without ticket is not in the answer.
    pub fn look_up(&self, hashes: &[Hash]) -> Result<BTreeMap<Hash, Vec<u8>>> {
        let mut found = BTreeMap::new();
        for batch in hashes.chunks(BATCH) {
            let tickets = stubbornly(self.clock, Stubbornness::REQUEST, self.notice, || self.once(batch))?;
            found.extend(tickets);
        }
        Ok(found)
    }

    fn once(&self, hashes: &[Hash]) -> Result<BTreeMap<Hash, Vec<u8>>> {
        let doing = "look up the ticket";
        let records: Vec<_> =
            hashes.iter().map(|it| serde_json::json!({"recordName": it.to_string()})).collect();
        let body = serde_json::json!({ "records": records }).to_string();
        let headers = [("content-type", "application/json"), ("accept", "application/json")];
        let body = Body::Bytes(body.as_bytes());
        let answer = self.http.exchange(doing, "POST", self.endpoint.base(), &headers, body)?;
        let said = || excerpt(&answer.body, 200);
        match answer.status {
            200..300 => {}
            429 => return Err(Error::new(Kind::Throttled, doing, format!("429: {}", said()))),
            408 | 500..=599 => {
                return Err(Error::new(Kind::Transient, doing, format!("{}: {}", answer.status, said())));
            }
            status => return Err(Error::new(Kind::Refused, doing, format!("{status}: {}", said()))),
        }
        let reply: Reply = serde_json::from_slice(&answer.body)
            .map_err(|_| Error::new(Kind::Transient, doing, "the answer is not what was expected"))?;
        if let Some(code) = reply.server_error_code {
            let kind = if code == "THROTTLED" { Kind::Throttled } else { Kind::Transient };
            let mut error = Error::new(kind, doing, excerpt(code.as_bytes(), 60));
            error.retry_after = reply.retry_after;
            return Err(error);
        }
        let records = reply.records.ok_or_else(|| {
            Error::new(Kind::Transient, doing, "neither records nor an error are in the answer")
        })?;
        let mut found = BTreeMap::new();
        for record in records {
            if let Some((hash, ticket)) = record.ticket(doing)? {
                found.insert(hash, ticket);
            }
        }
        Ok(found)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    records: Option<Vec<Record>>,
    server_error_code: Option<String>,
    retry_after: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    record_name: String,
    server_error_code: Option<String>,
    #[serde(default)]
    deleted: bool,
    fields: Option<Fields>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    signed_ticket: Field,
}

#[derive(Deserialize)]
struct Field {
    value: String,
}

impl Record {
    /// `None` when there is no ticket for this record (yet).
    fn ticket(self, doing: &str) -> Result<Option<(Hash, Vec<u8>)>> {
        match self.server_error_code.as_deref() {
            Some("NOT_FOUND") => return Ok(None),
            Some("THROTTLED" | "ZONE_BUSY" | "TRY_AGAIN_LATER" | "SERVER_OVERLOADED") => {
                return Err(Error::new(Kind::Throttled, doing, "the ticket service is busy"));
            }
            Some(code) => return Err(Error::new(Kind::Refused, doing, excerpt(code.as_bytes(), 60))),
            None => {}
        }
        if self.deleted {
            return Ok(None);
        }
        let fields =
            self.fields.ok_or_else(|| Error::answer(doing, "a record without ticket and without error"))?;
        let hash = Hash::parse(&self.record_name)
            .ok_or_else(|| Error::answer(doing, "a record that nobody asked for"))?;
        let ticket = base64::engine::general_purpose::STANDARD
            .decode(fields.signed_ticket.value.trim())
            .map_err(|_| Error::answer(doing, "the ticket is not base64"))?;
        Ok(Some((hash, ticket)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_name_survives_being_written_and_read() {
        let hash = Hash { kind: 1, bytes: [0xd3; 20] };
        assert_eq!(hash.to_string(), format!("2/1/{}", "d3".repeat(20)));
        assert_eq!(Hash::parse(&hash.to_string()), Some(hash));
        for other in ["", "2/1", "3/1/00", "2/1/zz", "2/256/d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3"] {
            assert_eq!(Hash::parse(other), None, "{other}");
        }
    }
}
