//! The developer log: what the notary looked at, what it signed a ticket for, and what it did not like.
//!
//! Read laxly: fields come and go between services, `issues` may be null, and older logs lack half of it. The bytes are kept as they came.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};

use crate::{error::Error, lookup::Hash};

/// A developer log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeveloperLog {
    /// Submission id.
    #[serde(default, deserialize_with = "absent")]
    pub job_id: String,
    /// `Accepted`, `Invalid`, `Rejected`.
    #[serde(default, deserialize_with = "absent")]
    pub status: String,
    /// One sentence: "Ready for distribution".
    #[serde(default, deserialize_with = "absent")]
    pub status_summary: String,
    /// 0 ready, 4000 critical validation errors, 7000 the team is not configured.
    pub status_code: Option<i64>,
    /// Name it was submitted under.
    #[serde(default, deserialize_with = "absent")]
    pub archive_filename: String,
    /// SHA-256 of what the notary received, in hex.
    pub sha256: Option<String>,
    /// Code the ticket covers; empty when there is no ticket.
    #[serde(default, deserialize_with = "absent")]
    pub ticket_contents: Vec<Covered>,
    /// Complaints, also of an accepted product.
    #[serde(default, deserialize_with = "absent")]
    pub issues: Vec<Issue>,
}

/// One piece of code that the ticket covers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Covered {
    /// Where it lies: "x.pkg/c.pkg Contents/Payload/Applications/A.app".
    #[serde(default, deserialize_with = "absent")]
    pub path: String,
    /// `SHA-1` or `SHA-256`.
    #[serde(default, deserialize_with = "absent")]
    pub digest_algorithm: String,
    /// 40 hex digits.
    #[serde(default, deserialize_with = "absent")]
    pub cdhash: String,
    /// Architecture; a package has none.
    pub arch: Option<String>,
}

impl Covered {
    /// The hash as a ticket lists it; `None` for an algorithm or text that we do not know.
    pub fn hash(&self) -> Option<Hash> {
        let kind = match self.digest_algorithm.as_str() {
            "SHA-1" => 1,
            "SHA-256" => 2,
            _ => return None,
        };
        Hash::from_hex(kind, &self.cdhash)
    }
}

/// One complaint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issue {
    /// `error` or `warning`.
    #[serde(default, deserialize_with = "absent")]
    pub severity: String,
    /// Where.
    #[serde(default, deserialize_with = "absent")]
    pub path: String,
    /// The complaint, in the notary's words.
    #[serde(default, deserialize_with = "absent")]
    pub message: String,
    /// Which slice.
    pub architecture: Option<String>,
    /// Apple's page about it.
    pub doc_url: Option<String>,
}

impl DeveloperLog {
    /// Reads a log; only what is no JSON object at all is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|error| {
            let cause =
                format!("it is not the expected JSON (line {}, column {})", error.line(), error.column());
            Error::answer("read the notary's log", cause)
        })
    }

    /// Everything the ticket covers, as far as we know the algorithms.
    pub fn hashes(&self) -> BTreeSet<Hash> {
        self.ticket_contents.iter().filter_map(Covered::hash).collect()
    }

    /// The complaints, grouped by message in the order of first appearance: most of fifty lines are one mistake.
    pub fn grouped(&self) -> Vec<(&str, Vec<&Issue>)> {
        let mut groups: Vec<(&str, Vec<&Issue>)> = Vec::new();
        for issue in &self.issues {
            match groups.iter_mut().find(|(message, _)| *message == issue.message) {
                Some((_, group)) => group.push(issue),
                None => groups.push((&issue.message, vec![issue])),
            }
        }
        groups
    }
}

/// `null` and a missing field mean the same: nothing was said.
fn absent<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accepted_log_names_what_the_ticket_covers() {
        let hex = "d3".repeat(20);
        let text = serde_json::json!({"logFormatVersion": 1, "jobId": "1", "status": "Accepted", "statusCode": 0,
            "statusSummary": "Ready for distribution", "archiveFilename": "x.pkg", "sha256": "00", "issues": null,
            "ticketContents": [
                {"path": "x.pkg", "digestAlgorithm": "SHA-1", "cdhash": hex},
                {"path": "x.pkg/A.app", "digestAlgorithm": "SHA-256", "cdhash": hex, "arch": "arm64"},
                {"path": "odd", "digestAlgorithm": "SHA-3", "cdhash": hex}]});
        let log = DeveloperLog::parse(text.to_string().as_bytes()).unwrap();
        let kinds: Vec<u8> = log.hashes().iter().map(|it| it.kind).collect();
        assert_eq!(kinds, [1, 2]);
        assert!(log.issues.is_empty());
        assert_eq!(log.ticket_contents[1].arch.as_deref(), Some("arm64"));
    }

    #[test]
    fn an_invalid_log_groups_equal_complaints() {
        let issue = |path: &str, message: &str| serde_json::json!({"severity": "error", "code": null, "path": path, "message": message, "architecture": "arm64"});
        let text = serde_json::json!({"status": "Invalid", "statusCode": 4000, "ticketContents": null,
            "issues": [issue("a", "x"), issue("b", "y"), issue("c", "x")]});
        let log = DeveloperLog::parse(text.to_string().as_bytes()).unwrap();
        let grouped: Vec<(&str, usize)> =
            log.grouped().into_iter().map(|(it, group)| (it, group.len())).collect();
        assert_eq!(grouped, [("x", 2), ("y", 1)]);
    }

    #[test]
    fn an_old_log_with_missing_fields_is_read() {
        let log = DeveloperLog::parse(b"{}").unwrap();
        assert_eq!((log.sha256, log.status_code), (None, None));
        assert!(DeveloperLog::parse(b"[]").is_err());
        assert!(DeveloperLog::parse(b"<html>").is_err());
    }
}
