//! The catalogue of log signatures: which line means what, and what kind of statement it is.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{Regex, RegexBuilder};

use crate::decode::{self, Domain};
use crate::entry::{Layer, REDACTED};
use crate::judge::Confidence;
use sieve::Sieve;

mod activation;
mod amfi;
mod driver;
mod dyld;
mod exec;
mod host;
mod ios;
mod kext;
mod noise;
mod notarization;
mod profile;
mod sieve;
mod success;
mod trust;
mod words;

/// How a line is recognised, apart from its needles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// A regular expression over the message, without case, on the structure of the message.
    Text(&'static str),
    /// A number in a domain, in any coat (`Domain=X Code=10`, `X error 10`, `-67050`, `0xe80080…`).
    Code(Domain, &'static [i64]),
    /// A number in a domain, and a regular expression.
    CodeAndText(Domain, &'static [i64], &'static str),
}

/// What kind of statement a line makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Names a cause; the confidence is the most this line alone can give.
    Cause(&'static str, Confidence),
    /// Follows from something else; names what it is a consequence of if nothing else says so.
    Consequence(&'static str),
    /// Looks like trouble and is not.
    Noise,
    /// Belongs to the way things go when they go well.
    Success,
    /// Says something about the situation, neither good nor bad.
    Context,
}

impl Role {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Role::Cause(..) => "cause",
            Role::Consequence(_) => "consequence",
            Role::Noise => "noise",
            Role::Success => "success",
            Role::Context => "context",
        }
    }
}

/// How far loading had come when the line was written; a success at a later stage contradicts an earlier refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The machine as a whole.
    Host,
    /// sysextd looks at app and extension.
    Activate,
    /// kernelmanagerd validates the extension.
    Validate,
    /// The binary is executed: kernel, AMFI, profile, policy.
    Exec,
    /// The process checks in, its entitlements are compared with the provider.
    CheckIn,
    /// The driver's Start.
    Start,
    /// A client opens a user client.
    Client,
}

/// One signature.
#[derive(Debug, Clone, Copy)]
pub struct Signature {
    /// Words in kebab-case; never changes its meaning.
    pub id: &'static str,
    /// The id of the rule in the list of known lines (`H13`), or empty.
    pub rule: &'static str,
    /// Lower-case words, one of which occurs in every line that matches; the early filter looks for nothing else.
    pub needles: &'static [&'static str],
    /// What makes the line this one.
    pub pattern: Pattern,
    /// The layer that writes it.
    pub layer: Layer,
    /// How far loading had come.
    pub stage: Stage,
    /// What kind of statement it is.
    pub role: Role,
    /// What it means.
    pub meaning: &'static str,
    /// Causes that cannot be the reason when this line is there, because it proves that loading came further.
    pub excludes: &'static [&'static str],
    /// The next step.
    pub next: &'static str,
    /// Where the fact comes from.
    pub source: &'static str,
    /// Versions it was seen on.
    pub seen: &'static str,
    /// A line that matches.
    pub example: &'static str,
}

/// All signatures, family by family in the order of loading.
pub static CATALOGUE: LazyLock<Vec<Signature>> = LazyLock::new(|| {
    [
        exec::ALL,
        amfi::ALL,
        profile::ALL,
        driver::ALL,
        activation::ALL,
        notarization::ALL,
        host::ALL,
        trust::ALL,
        dyld::ALL,
        words::ALL,
        kext::ALL,
        ios::ALL,
        success::ALL,
        noise::ALL,
    ]
    .concat()
});

/// The signatures in a form that can be searched for.
struct Index {
    needles: AhoCorasick,
    /// Needle → signatures.
    owners: Vec<Vec<u16>>,
    patterns: Vec<Option<Regex>>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut words: Vec<&str> = Vec::new();
    let mut owners: Vec<Vec<u16>> = Vec::new();
    for (n, signature) in CATALOGUE.iter().enumerate() {
        let n = u16::try_from(n).expect("the catalogue has a few hundred entries");
        for needle in signature.needles {
            match words.iter().position(|it| it == needle) {
                Some(at) => owners.get_mut(at).expect("one list per word").push(n),
                None => {
                    words.push(needle);
                    owners.push(vec![n]);
                }
            }
        }
    }
    let needles = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .build(&words)
        .expect("a few hundred short words");
    let patterns = CATALOGUE
        .iter()
        .map(|it| match it.pattern {
            Pattern::Text(text) | Pattern::CodeAndText(_, _, text) => Some(
                RegexBuilder::new(text)
                    .case_insensitive(true)
                    .build()
                    .expect("a constant pattern; a test compiles each"),
            ),
            Pattern::Code(..) => None,
        })
        .collect();
    Index { needles, owners, patterns }
});

/// The early filter: a line without any of the catalogue's words matches no signature.
pub(crate) fn filter() -> &'static Sieve {
    static FILTER: LazyLock<Sieve> =
        LazyLock::new(|| Sieve::new(CATALOGUE.iter().flat_map(|it| it.needles).copied()));
    &FILTER
}

/// The signatures that a message matches, ascending. What is withheld (`<private>`) matches nothing.
pub(crate) fn matching(message: &str) -> Vec<u16> {
    let index = &*INDEX;
    let mut candidates: Vec<u16> = Vec::new();
    for found in index.needles.find_overlapping_iter(message) {
        if let Some(owners) = index.owners.get(found.pattern().as_usize()) {
            candidates.extend(owners);
        }
    }
    if candidates.is_empty() {
        return candidates;
    }
    candidates.sort_unstable();
    candidates.dedup();
    let visible = without_withheld(message);
    let codes = decode::codes(&visible);
    candidates.retain(|n| {
        let n = usize::from(*n);
        let (Some(signature), Some(pattern)) = (CATALOGUE.get(n), index.patterns.get(n)) else {
            return false;
        };
        let says = pattern.as_ref().is_none_or(|it| it.is_match(&visible));
        let counts = match signature.pattern {
            Pattern::Text(_) => true,
            Pattern::Code(domain, numbers) | Pattern::CodeAndText(domain, numbers, _) => {
                codes.iter().any(|it| it.domain == domain && numbers.contains(&it.code))
            }
        };
        says && counts
    });
    candidates
}

fn without_withheld(message: &str) -> String {
    let mut visible = message.to_string();
    for word in REDACTED {
        while let Some(at) = visible.find(word) {
            let end = if word.ends_with('>') {
                at + word.len()
            } else {
                visible.get(at..).and_then(|it| it.find('>')).map_or(visible.len(), |it| at + it + 1)
            };
            visible.replace_range(at..end, " ");
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::CAUSES;

    fn ids(message: &str) -> Vec<&'static str> {
        matching(message).into_iter().map(|it| CATALOGUE[usize::from(it)].id).collect()
    }

    #[test]
    fn every_signature_matches_its_example_and_passes_the_filter() {
        for it in CATALOGUE.iter() {
            assert!(
                ids(it.example).contains(&it.id),
                "{}: `{}` gives {:?}",
                it.id,
                it.example,
                ids(it.example)
            );
            assert!(filter().find(it.example.as_bytes(), 0).is_some(), "{}", it.id);
        }
    }

    #[test]
    fn no_signature_matches_ordinary_lines() {
        for line in [
            "The quick brown fox jumps over the lazy dog",
            "Connection 1180: asked to evaluate TLS Trust",
            "[Error: EMFILE: too many open files, open '/etc/hosts'",
            "standard_init_linux.go:228: exec user process caused: exec format error",
            "bash: ./tool: cannot execute binary file: Exec format error",
            "error 10 while reading port 413",
            "HTTP 413 Payload Too Large",
            "Disallowing robots on this site",
            "Error Domain=NSCocoaErrorDomain Code=4 \"The file doesn't exist.\"",
            "Error Domain=NSURLErrorDomain Code=-1009 \"offline\"",
            "npm ERR! code 10",
            "License activation failed with error 10",
            "Activation of the subscription failed (error: 8)",
            "NVRM: API mismatch: Driver/library version mismatch",
            "Upgrade delayed until tomorrow, 3 packages waiting to upgrade",
            "Disallowing: example.com",
            "error: failed to launch server: port 8080 in use",
            "two people with different Team IDs joined the channel",
            "please use a different application identifier",
            "uvicorn main.app: Too many open files",
            "Security scan: too many open files",
            "service nginx failed to spawn",
            "Content Security Policy would not allow the script",
            "lipo: arm64e, arm64, x86_64",
            "Error Domain=NSPOSIXErrorDomain Code=61 \"Connection refused\"",
            "kernel: IOUSBHostFamily: device enumerated 0xe00002ed",
            "fido_hid_open: IOServiceOpen failed: 0xe00002e2",
            "Unable to parse ticket number JIRA-413",
            "Job for debmatic.service failed because a fatal signal was delivered",
            "kernel: Sandbox: fseventsd(64) deny(1) file-read-metadata /private/x",
            "CodeSigningHelper: (Security) [com.apple.securityd:csresource] rule ^Contents$ added",
            "amfid: Entered validation of /usr/bin/true",
            "runningboardd: assertion <RBSAssertionDescriptor| \"AppVisible\" ID:395-67671-48351> from app:67061",
            "mDNSResponder: [R100024] DNSServiceQueryRecord -66992, client pid: 100024",
            "locationd: client 100024 moved -67054 m",
            "trustd: evaluation 17 of certificate 67050 finished in 66992 us",
        ] {
            assert_eq!(ids(line), Vec::<&str>::new(), "{line}");
        }
    }

    #[test]
    fn what_is_withheld_matches_nothing() {
        assert_eq!(without_withheld("a <private> b <mask.hash: 'x'> c"), "a   b   c");
        assert_eq!(ids("amfid: <private> not valid: <private>"), Vec::<&str>::new());
    }

    #[test]
    fn ids_are_kebab_case_and_unique_and_name_known_causes() {
        let mut seen = Vec::new();
        for it in CATALOGUE.iter() {
            assert!(
                it.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                it.id
            );
            assert!(!seen.contains(&it.id), "{} twice", it.id);
            seen.push(it.id);
            let named = match it.role {
                Role::Cause(id, _) | Role::Consequence(id) => vec![id],
                _ => vec![],
            };
            for id in named.iter().chain(it.excludes) {
                assert!(CAUSES.iter().any(|it| it.id == *id), "{} names {id}", it.id);
            }
            assert!(
                !it.needles.is_empty()
                    && it.needles.iter().all(|n| n.len() >= sieve::SHORTEST
                        && n.is_ascii()
                        && !n.contains(['/', '"', '\\'])
                        && n.to_ascii_lowercase() == **n),
                "{}",
                it.id
            );
            assert!(!it.meaning.is_empty() && !it.source.is_empty() && !it.seen.is_empty(), "{}", it.id);
        }
    }
}
