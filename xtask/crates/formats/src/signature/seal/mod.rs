//! The seal of a bundle: `_CodeSignature/CodeResources`.
//!
//! ```text
//! rules2   pattern → what to do with a path that matches      (rules: the same, version 1)
//! files2   path    → hash, link target or nested code          (files: the same, version 1)
//!
//! let seal = Seal::read(bytes)?;
//! let outcome = evaluate(seal.current(), Some("MacOS/App"), &listing, &[HashType::Sha256], &digest)?;
//! ```
//! Paths are relative to the folder that holds `_CodeSignature`: `Contents` of an app, the root of a dext.
//! Source: Security `resources.cpp`, `StaticCode.cpp` (`validateResource`), `bundlediskrep.cpp` (default rules).

pub mod defaults;
pub mod evaluate;
pub mod links;
mod pattern;
pub mod rules;

use std::collections::BTreeMap;

pub use evaluate::{Difference, Found, Kind, NestedCode, Outcome, evaluate};
pub use links::{LinkFault, link_faults};
pub use rules::{Rule, Rules, Treatment};

use crate::{
    bytes::{Error, Result},
    document::plist::{self, Dict, Value},
    signature::digest::{CDHASH_LEN, CdHash, HashType},
};

/// A seal that was read.
#[derive(Debug, Clone)]
pub struct Seal {
    /// `rules2` and `files2`, which macOS evaluates when they are there.
    pub v2: Option<Envelope>,
    /// `rules` and `files`, kept for old systems.
    pub v1: Option<Envelope>,
}

/// Rules and what was sealed under them.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// 1 or 2.
    pub version: u8,
    /// What is to be sealed.
    pub rules: Rules,
    /// What was sealed, by path.
    pub entries: BTreeMap<String, Entry>,
}

/// What the seal says about one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What is there.
    pub sealed: Sealed,
    /// Whether it may be missing.
    pub is_optional: bool,
}

/// What was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealed {
    /// A file, by its hashes.
    File(Vec<(HashType, Vec<u8>)>),
    /// A symbolic link, by its target.
    Symlink(String),
    /// Code with a signature of its own, by a requirement upon it.
    Nested {
        /// In the text form of the requirement language. This is what macOS evaluates.
        requirement: String,
        /// Of one of its slices and one of its code directories; which one differs between signers.
        cdhash: Option<CdHash>,
    },
}

impl Seal {
    /// Reads the property list of a seal. Refused: a list without `files2` and without `files`, rules that are no
    /// rules, entries that are no entries.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        Self::of(&plist::read(bytes)?.value)
    }

    /// The same for a list that was read already.
    pub fn of(list: &Value) -> Result<Self> {
        let dict = list.as_dict().ok_or_else(|| Error::new(0, "seal is no dictionary"))?;
        let seal = Self { v2: envelope(dict, 2)?, v1: envelope(dict, 1)? };
        if seal.v1.is_none() && seal.v2.is_none() {
            return Err(Error::new(0, "seal has neither `files2` nor `files`"));
        }
        Ok(seal)
    }

    /// What macOS evaluates: version 2 when it is there.
    pub fn current(&self) -> &Envelope {
        let found = self.v2.as_ref().or(self.v1.as_ref());
        found.expect("`read` admits no seal without an envelope")
    }
}

fn envelope(dict: &Dict, version: u8) -> Result<Option<Envelope>> {
    let (rules, files) = if version == 2 { ("rules2", "files2") } else { ("rules", "files") };
    let part = |key: &'static str| match dict.get(key) {
        None => Ok(None),
        Some(it) => it.as_dict().map(Some).ok_or_else(|| Error::new(0, format!("`{key}` is no dictionary"))),
    };
    let Some(files) = part(files)? else { return Ok(None) };
    let rules = part(rules)?.ok_or_else(|| Error::new(0, format!("`{rules}` is missing")))?;
    let entry = |(path, value): (&str, &Value)| {
        Entry::read(value).map(|it| (path.to_owned(), it)).map_err(|it| it.within(format!("`{path}`")))
    };
    let entries = files.iter().map(entry).collect::<Result<_>>()?;
    Ok(Some(Envelope { version, rules: Rules::read(rules)?, entries }))
}

impl Entry {
    fn read(value: &Value) -> Result<Self> {
        let invalid = |what: &'static str| Error::new(0, what);
        let fields = match value {
            Value::Data(hash) => {
                let sealed = Sealed::File(vec![(HashType::Sha1, hash.clone())]);
                return Ok(Self { sealed, is_optional: false });
            }
            Value::Dict(fields) => fields,
            _ => return Err(invalid("entry is neither data nor a dictionary")),
        };
        let is_optional = match fields.get("optional") {
            None => false,
            Some(it) => it.as_bool().ok_or_else(|| invalid("`optional` is no boolean"))?,
        };
        let text = |key| match fields.get(key) {
            None => Ok(None),
            Some(it) => it.as_str().map(|it| Some(it.to_owned())).ok_or(key),
        };
        let text = |key| text(key).map_err(|key| Error::new(0, format!("`{key}` is no string")));
        let sealed = if let Some(requirement) = text("requirement")? {
            let cdhash = fields.get("cdhash").and_then(Value::as_data);
            let cdhash = cdhash.and_then(|it| <[u8; CDHASH_LEN]>::try_from(it).ok()).map(CdHash);
            Sealed::Nested { requirement, cdhash }
        } else if let Some(target) = text("symlink")? {
            Sealed::Symlink(target)
        } else {
            Sealed::File(hashes(fields)?)
        };
        Ok(Self { sealed, is_optional })
    }

    /// The hash that a code directory of algorithm `hash` is compared with: its own, else the one called `hash`,
    /// whatever its length (as Security does).
    pub fn hash(&self, hash: HashType) -> Option<&[u8]> {
        let Sealed::File(hashes) = &self.sealed else { return None };
        let named = |wanted: HashType| hashes.iter().find(|it| it.0 == wanted).map(|it| it.1.as_slice());
        named(hash).or_else(|| named(HashType::Sha1))
    }
}

/// `hash` is SHA-1, `hash2` SHA-256 and so on; other keys mean nothing here.
fn hashes(fields: &Dict) -> Result<Vec<(HashType, Vec<u8>)>> {
    let kinds = (1..=5).filter_map(HashType::from_number);
    let found = kinds.filter_map(|kind| fields.get(&hash_key(kind)).map(|it| (kind, it)));
    let hashes: Vec<_> = found
        .map(|(kind, it)| match it.as_data() {
            Some(hash) => Ok((kind, hash.to_vec())),
            None => Err(Error::new(0, format!("`{}` is no data", hash_key(kind)))),
        })
        .collect::<Result<_>>()?;
    if hashes.is_empty() {
        return Err(Error::new(0, "entry has no hash, no link and no requirement"));
    }
    Ok(hashes)
}

/// The key under which an entry keeps a hash.
pub fn hash_key(hash: HashType) -> String {
    match hash {
        HashType::Sha1 => "hash".to_owned(),
        other => format!("hash{}", other.number()),
    }
}

/// For the fuzzer: any bytes as a seal, evaluated against nothing.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(seal) = Seal::read(bytes) {
        let digest = |_: &str, _: &[HashType]| Ok(Vec::new());
        let outcome = evaluate(seal.current(), None, &[], &[HashType::Sha256], &digest);
        let found = outcome.expect("nothing is read");
        assert!(found.differences.len() <= seal.current().entries.len());
    }
}

#[cfg(test)]
mod tests;
