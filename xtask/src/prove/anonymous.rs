//! Takes out of a recording what says whose machine it was: names, paths, serial numbers, device ids, teams, certificates.
//!
//! ```text
//!   known to the machine (user, host, serial, folders) ─┐
//!   has a shape (UUID, UDID, e-mail, MAC, team, path) ──┴─▶ <user>, <host>, <team-1>, <certificate-2>, …
//! ```
//! The same name becomes the same placeholder in the whole recording, so what was equal stays equal. Code directory hashes and names of
//! our own (the rehearsal's) stay: they say nothing about the machine and are what is compared.

use std::{collections::BTreeMap, sync::LazyLock};

use base64::{Engine, prelude::BASE64_STANDARD};
use regex::{Captures, Regex};
use serde_json::Value;

/// What kind of name a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The checkout.
    Checkout,
    /// Where `prove` works.
    Work,
    /// A home folder.
    Home,
    /// An account, or the person behind it.
    User,
    /// The machine's name.
    Host,
    /// Serial number.
    Serial,
    /// Device or any other unique id.
    Id,
    /// Network address.
    Address,
    /// E-mail address.
    Mail,
    /// Team id.
    Team,
    /// Name in a certificate.
    Certificate,
    /// Folder of one account below `/var/folders`.
    Folder,
    /// A disk's name.
    Volume,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Work => "work",
            Self::Home => "home",
            Self::User => "user",
            Self::Host => "host",
            Self::Serial => "serial",
            Self::Id => "id",
            Self::Address => "address",
            Self::Mail => "mail",
            Self::Team => "team",
            Self::Certificate => "certificate",
            Self::Folder => "folder",
            Self::Volume => "volume",
        }
    }

    /// Whether it is taken out inside longer words too. Names of people and machines are words of the language as well.
    fn is_anywhere(self) -> bool {
        matches!(self, Self::Checkout | Self::Work | Self::Home | Self::Serial)
    }
}

/// Accounts that many machines have: they tell nobody.
const COMMON: &[&str] =
    &["root", "admin", "administrator", "runner", "user", "test", "mac", "localhost", "macbook"];

/// Shapes, with the kind of what their first group holds. Those with more context come first.
static SHAPES: LazyLock<Vec<(Kind, Regex)>> = LazyLock::new(|| {
    [
        // Certificates name a person or a company, and a team.
        (
            Kind::Certificate,
            r"(?:Developer ID (?:Application|Installer)|Apple (?:Development|Distribution)|(?:3rd Party )?Mac Developer(?: Application| Installer)?|iPhone (?:Developer|Distribution)): ([^\n\r()<>]*[^\n\r()<>\s])",
        ),
        (Kind::Team, r"(?:TeamIdentifier=|team(?: id(?:entifier)?)?[ :=\x22]+|subject\.OU\] = \x22?|\()([A-Z0-9]{10})\b"),
        (Kind::Home, r"((?:/Users|/home)/[^/\s:'\x22<>]+)"),
        (Kind::Folder, r"/var/folders/([^/\s]+/[^/\s'\x22]+)"),
        (Kind::Volume, r"/Volumes/([^/\n\r\x22<>]+)"),
        (Kind::Serial, r"(?i)serial ?number[^:=\n]*[:=]\s*\x22?([A-Z0-9]{8,14})\b"),
        // Ten capitals and digits, of both: nothing else in these outputs looks like it.
        (Kind::Team, r"\b([A-Z0-9]*(?:[A-Z][0-9]|[0-9][A-Z])[A-Z0-9]*)\b"),
        (Kind::Mail, r"([A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"),
        (Kind::Id, r"\b([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\b"),
        (Kind::Id, r"\b([0-9A-Fa-f]{8}-[0-9A-Fa-f]{16})\b"),
        (Kind::Address, r"\b([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5})\b"),
        (Kind::Host, r"\b([A-Za-z0-9-]+)\.(?:local|lan|home)\b"),
    ]
    .map(|(kind, pattern)| (kind, Regex::new(pattern).expect("a pattern of this list")))
    .into()
});

/// Knows what to take out, and what stands for it.
#[derive(Debug, Default)]
pub struct Anonymizer {
    /// What is taken out, by what it is.
    known: Vec<(String, Kind)>,
    /// Names of our own, which stay.
    kept: Vec<String>,
    numbers: BTreeMap<(Kind, String), usize>,
}

impl Anonymizer {
    /// Takes out `value` wherever it is, in the spellings that JSON, XML and addresses have for it.
    #[must_use]
    pub fn knowing(mut self, kind: Kind, value: &str) -> Self {
        self.add(kind, value);
        self
    }

    /// Leaves `value` alone: it is ours.
    #[must_use]
    pub fn keeping(mut self, value: impl Into<String>) -> Self {
        self.kept.push(value.into());
        self
    }

    fn add(&mut self, kind: Kind, value: &str) {
        let value = value.trim().trim_end_matches('/');
        let is_common = COMMON.iter().any(|it| it.eq_ignore_ascii_case(value));
        if value.chars().count() < 2 || is_common || self.is_kept(value) {
            return;
        }
        for spelling in spellings(value) {
            if !self.known.iter().any(|it| it.0 == spelling) {
                self.known.push((spelling, kind));
            }
        }
        // The longest first: a folder before the name that is part of it.
        self.known.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
    }

    fn is_kept(&self, value: &str) -> bool {
        self.kept.iter().any(|it| it == value)
    }

    /// Learns from a text whose home folders there are: their names occur elsewhere without the folder.
    pub fn learn(&mut self, text: &str) {
        let text = text.replace("\\/", "/");
        let homes: Vec<String> = SHAPES
            .iter()
            .filter(|(kind, _)| *kind == Kind::Home)
            .flat_map(|(_, shape)| shape.captures_iter(&text))
            .filter_map(|it| it.get(1)?.as_str().rsplit('/').next().map(str::to_owned))
            .filter(|it| it != "Shared" && it.len() > 2)
            .collect();
        homes.iter().for_each(|name| self.add(Kind::User, name));
    }

    /// The text without them.
    pub fn clean(&mut self, text: &str) -> String {
        // `log` and JSON write `\/` for `/`; both mean the same there.
        let mut text = text.replace("\\/", "/");
        let (anywhere, words): (Vec<_>, Vec<_>) =
            self.known.clone().into_iter().partition(|(_, kind)| kind.is_anywhere());
        for (value, kind) in &anywhere {
            text = self.replace(&text, value, *kind);
        }
        for (kind, shape) in SHAPES.iter() {
            let (kind, shape) = (*kind, shape);
            text = shape
                .replace_all(&text, |found: &Captures<'_>| {
                    let whole = found.get(0).map_or("", |it| it.as_str());
                    let Some(name) = found.get(1) else { return whole.to_owned() };
                    let is_team_like = kind != Kind::Team || name.len() == 10;
                    if self.is_kept(name.as_str()) || name.as_str().contains('<') || !is_team_like {
                        return whole.to_owned();
                    }
                    whole.replacen(name.as_str(), &self.placeholder(kind, name.as_str()), 1)
                })
                .into_owned();
        }
        // Names last: a whole address or certificate goes at once, not only the name in it.
        for (value, kind) in &words {
            text = self.replace(&text, value, *kind);
        }
        text
    }

    /// Without regard to case; as whole words, unless the kind says otherwise.
    fn replace(&mut self, text: &str, value: &str, kind: Kind) -> String {
        let escaped = regex::escape(value);
        let edge =
            |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_') && !kind.is_anywhere();
        let (before, after) = (edge(value.chars().next()), edge(value.chars().last()));
        let pattern =
            format!("(?i){}{escaped}{}", if before { r"\b" } else { "" }, if after { r"\b" } else { "" });
        // A pattern made of an escaped text always compiles; were it not so, nothing may leave.
        let Ok(pattern) = Regex::new(&pattern) else { return String::from("(removed)") };
        if !pattern.is_match(text) {
            return text.to_owned();
        }
        let placeholder = self.placeholder(kind, value);
        pattern.replace_all(text, regex::NoExpand(&placeholder)).into_owned()
    }

    fn placeholder(&mut self, kind: Kind, value: &str) -> String {
        let next = self.numbers.keys().filter(|it| it.0 == kind).count() + 1;
        let number = *self.numbers.entry((kind, value.to_lowercase())).or_insert(next);
        format!("<{}-{number}>", kind.name())
    }

    /// Every text of a JSON document without them. Output kept in base64 becomes text: nobody can look through base64.
    pub fn clean_json(&mut self, document: &mut Value) {
        each_text(document, &mut |text| self.learn(text));
        each_text(document, &mut |text| *text = self.clean(text));
    }

    /// How many different names of each kind were taken out.
    pub fn removed(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (kind, _) in self.numbers.keys() {
            *counts.entry(kind.name().to_owned()).or_default() += 1;
        }
        counts
    }
}

fn each_text(value: &mut Value, visit: &mut dyn FnMut(&mut String)) {
    if let Some(encoded) =
        value.as_object().filter(|it| it.len() == 1).and_then(|it| it.get("base64")?.as_str())
    {
        let text = match BASE64_STANDARD.decode(encoded) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("(damaged: {error})"),
        };
        *value = serde_json::json!({ "text": text });
    }
    match value {
        Value::String(text) => visit(text),
        Value::Array(all) => all.iter_mut().for_each(|it| each_text(it, visit)),
        Value::Object(all) => all.values_mut().for_each(|it| each_text(it, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// How a value is written: plain, in JSON with escapes, in XML, in an address.
fn spellings(value: &str) -> Vec<String> {
    let json: String = value
        .chars()
        .map(|c| {
            if c.is_ascii() {
                c.to_string()
            } else {
                c.encode_utf16(&mut [0; 2]).iter().map(|it| format!("\\u{it:04x}")).collect()
            }
        })
        .collect();
    let percent: String = value
        .bytes()
        .map(|b| {
            let is_plain = b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
            if is_plain { char::from(b).to_string() } else { format!("%{b:02X}") }
        })
        .collect();
    let shell = value.replace(' ', "\\ ");
    let xml = value.replace('&', "&amp;").replace('\'', "&apos;");
    let straight = value.replace('\u{2019}', "'");
    // What macOS makes of a computer's name for the network.
    let network = value.replace(['\'', '\u{2019}'], "").replace(' ', "-");
    let mut all = vec![value.to_owned(), json, percent, shell, xml, straight, network];
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Anonymizer {
        Anonymizer::default()
            .keeping("REHEARSE01")
            .keeping("Rehearsal")
            .knowing(Kind::Checkout, "/Users/jane/src/driver")
            .knowing(Kind::User, "jane")
            .knowing(Kind::User, "Jane O'Doe")
            .knowing(Kind::Host, "Jane\u{2019}s MacBook Pro")
            .knowing(Kind::Serial, "C02XK0AAJG5J")
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(names().clean(text), expected);
    }

    #[test]
    fn folders_go_and_what_lies_in_them_stays() {
        check("/Users/jane/src/driver/target/x: valid", "<checkout-1>/target/x: valid");
        check("/Users/jane/Library/x", "<home-1>/Library/x");
        check("/private/var/folders/ab/c0ffee_12/T/y", "/private/var/folders/<folder-1>/T/y");
        check("/Volumes/Jane's Disk/x", "/Volumes/<volume-1>/x");
    }

    #[test]
    fn a_name_goes_in_every_spelling() {
        for text in [
            "Jane\u{2019}s MacBook Pro",
            "jane\u{2019}s macbook pro",
            "Jane's MacBook Pro",
            r"Jane\u2019s MacBook Pro",
            "Jane%E2%80%99s%20MacBook%20Pro",
            "Janes-MacBook-Pro",
        ] {
            let cleaned = names().clean(&format!("on {text}."));
            assert!(!cleaned.to_lowercase().contains("jane"), "{text}: {cleaned}");
        }
        check(r#"{"path":"\/Users\/jane\/src\/driver\/a"}"#, r#"{"path":"<checkout-1>/a"}"#);
    }

    #[test]
    fn a_name_inside_a_longer_word_is_another_word() {
        check("janet says: max_prot", "janet says: max_prot");
        check("user jane, JANE", "user <user-1>, <user-1>");
    }

    #[test]
    fn teams_and_certificates_go_and_ours_stay() {
        check(
            "Authority=Developer ID Application: Jane Doe Ltd. (ABCDE12345)",
            "Authority=Developer ID Application: <certificate-1> (<team-1>)",
        );
        check("TeamIdentifier=ZYXWVUTSRQ", "TeamIdentifier=<team-1>");
        check("TeamIdentifier=not set", "TeamIdentifier=not set");
        check(
            "Authority=Developer ID Application: Rehearsal (REHEARSE01)",
            "Authority=Developer ID Application: Rehearsal (REHEARSE01)",
        );
        check(
            "1) 0123456789ABCDEF0123456789ABCDEF01234567 \"Apple Development: j@x.org (A1B2C3D4E5)\"",
            "1) 0123456789ABCDEF0123456789ABCDEF01234567 \"Apple Development: <certificate-1> (<team-1>)\"",
        );
    }

    #[test]
    fn ids_and_addresses_go_and_hashes_stay() {
        check("UDID 00008103-001A2B3C4D5E6F78", "UDID <id-1>");
        check("0F6AF1D6-5C0B-4C43-9B36-0B0B8F2F0D7A", "<id-1>");
        check("en0 a4:83:e7:12:34:56", "en0 <address-1>");
        check("Serial Number (system): F4HXKQ2P0X", "Serial Number (system): <serial-1>");
        check("jane.doe+x@mail.example.org", "<mail-1>");
        let hash = "CDHash=0123456789abcdef0123456789abcdef01234567";
        check(hash, hash);
        check("macOS 26.2 (25C56), 0x10000(runtime)", "macOS 26.2 (25C56), 0x10000(runtime)");
    }

    #[test]
    fn what_was_equal_stays_equal() {
        let mut names = names();
        let cleaned = names.clean("(ABCDE12345) (FGHIJ67890) (ABCDE12345)");
        assert_eq!(cleaned, "(<team-1>) (<team-2>) (<team-1>)");
        assert_eq!(names.removed().get("team"), Some(&2));
    }

    #[test]
    fn other_accounts_are_learned_from_their_folders() {
        let mut names = names();
        let text = "/Users/bob/x and bob and /Users/Shared/y";
        names.learn(text);
        let cleaned = names.clean(text);
        assert!(!cleaned.contains("bob"), "{cleaned}");
    }
}
