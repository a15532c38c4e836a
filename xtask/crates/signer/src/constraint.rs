//! Launch and library constraints: who may start the code, from where, and which libraries it loads.
//!
//! A property list of *facts* (`team-identifier`, `launch-type`, …) and *operators* (`$or`, `$in`, …) goes into the signature in the DER
//! form of entitlements, wrapped once more:
//!
//! ```text
//!   { ccat: 0, comp: 1, reqs: { what the file says }, vers: 1 }
//! ```
//! `ccat` is the category of Apple's own trust cache (0: none), `comp` and `vers` are versions; these values are in the constraints of
//! macOS' own programs and in those of codesign. Facts and operators: "Defining launch environment and library constraints"
//! (developer.apple.com, Security). The kernel evaluates them from macOS 13.3 (library constraints: 14) on.

use formats::document::{Dict, Value, plist};

use crate::{Error, Result, entitlements};

/// What the documentation lists as facts about code.
const FACTS: [&str; 10] = [
    "cdhash",
    "entitlements",
    "is-init-proc",
    "is-sip-protected",
    "launch-type",
    "on-authorized-authapfs-volume",
    "on-system-volume",
    "signing-identifier",
    "team-identifier",
    "validation-category",
];

/// What the documentation lists as operators.
const OPERATORS: [&str; 11] =
    ["$and", "$and-array", "$gt", "$gte", "$in", "$lt", "$lte", "$optional", "$or", "$or-array", "$query"];

/// Deeper nesting than entitlements may have is refused by their encoder; this ends the walk over keys as early.
const MAX_DEPTH: usize = 16;

/// A constraint, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    facts: Dict,
}

impl Constraint {
    /// Reads a property list. A key that no system knows is refused: the kernel would refuse the code instead of the constraint.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let found = plist::read(bytes).map_err(|it| Error::new(format!("not a property list: {it}")))?;
        let Value::Dict(facts) = found.value else {
            return Err(
                Error::new("a constraint that is no dictionary").hint("write facts as keys of one `<dict>`")
            );
        };
        if facts.iter().next().is_none() {
            return Err(Error::new("a constraint without facts, which says nothing")
                .hint("remove it, or name a fact"));
        }
        keys_are_known(&facts, 0)?;
        Ok(Self { facts })
    }

    /// What it demands.
    pub fn facts(&self) -> &Dict {
        &self.facts
    }

    /// As the signature holds it, without the blob's header.
    pub fn der(&self) -> Result<Vec<u8>> {
        let whole: Dict = [
            ("ccat", Value::Integer(0)),
            ("comp", Value::Integer(1)),
            ("reqs", Value::Dict(self.facts.clone())),
            ("vers", Value::Integer(1)),
        ]
        .into_iter()
        .collect();
        entitlements::document(&whole).map_err(|it| it.within("constraint"))
    }
}

fn keys_are_known(facts: &Dict, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::new(format!("a constraint that nests deeper than {MAX_DEPTH}")));
    }
    for (key, value) in facts.iter() {
        let known: &[&str] = if key.starts_with('$') { &OPERATORS } else { &FACTS };
        if !known.contains(&key) {
            return Err(Error::new(format!("`{key}`, which no constraint knows"))
                .hint(format!("known are {}", known.join(", "))));
        }
        values_are_known(value, depth)?;
    }
    Ok(())
}

fn values_are_known(value: &Value, depth: usize) -> Result<()> {
    match value {
        Value::Dict(inner) => keys_are_known(inner, depth + 1),
        // Arrays hold values to compare with, pairs of an operator and a dictionary, or the steps of a query.
        Value::Array(items) if depth <= MAX_DEPTH => {
            items.iter().try_for_each(|it| values_are_known(it, depth + 1))
        }
        Value::Array(_) => Err(Error::new(format!("a constraint that nests deeper than {MAX_DEPTH}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plist(body: &str) -> Vec<u8> {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>{body}</dict></plist>\n"
        )
        .into_bytes()
    }

    /// A program of macOS (`sysdiagnosed`) carries exactly this; taken from a published dump of its signature.
    const SYSDIAGNOSED: &[u8] = b"\x70\x81\x8b\x02\x01\x01\xb0\x81\x85\x30\x09\x0c\x04ccat\x02\x01\x00\x30\x09\x0c\x04comp\x02\x01\x01\x30\x62\x0c\x04reqs\xb0\x5a\x30\x10\x0c\x0blaunch-type\x02\x01\x02\x30\x2c\x0c\x12signing-identifier\x0c\x16com.apple.sysdiagnosed\x30\x18\x0c\x13validation-category\x02\x01\x01\x30\x09\x0c\x04vers\x02\x01\x01";

    #[test]
    fn a_constraint_of_macos_is_made_again_byte_for_byte() {
        let file = plist(
            "<key>validation-category</key><integer>1</integer><key>launch-type</key><integer>2</integer>\
             <key>signing-identifier</key><string>com.apple.sysdiagnosed</string>",
        );
        assert_eq!(Constraint::read(&file).unwrap().der().unwrap(), SYSDIAGNOSED);
    }

    #[track_caller]
    fn refused(body: &str, part: &str) {
        let error = Constraint::read(&plist(body)).unwrap_err();
        assert!(error.what.contains(part), "{error}");
        assert!(error.hint.is_some(), "{error}");
    }

    #[test]
    fn what_no_system_knows_is_refused_and_what_it_knows_is_not() {
        refused("", "without facts");
        refused("<key>team-id</key><string>A</string>", "`team-id`, which no constraint knows");
        refused("<key>$xor</key><dict/>", "`$xor`");
        refused("<key>$or</key><dict><key>team</key><string>A</string></dict>", "`team`");
        let good = "<key>$or-array</key><array><array><string>$and</string><dict><key>team-identifier</key>\
                    <dict><key>$in</key><array><string>A</string></array></dict></dict></array></array>";
        assert!(Constraint::read(&plist(good)).unwrap().der().is_ok());
        let error = Constraint::read(b"<plist version=\"1.0\"><array/></plist>").unwrap_err();
        assert!(error.what.contains("no dictionary"), "{error}");
    }
}
