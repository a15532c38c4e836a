//! A signature in words, one fact after the other, in an order that is always the same.

use formats::{
    Bytes, Result, Source,
    document::{
        entitlements,
        plist::{self, Value},
    },
    signature::{
        Signature,
        chain::{self, Trust},
        cms::{SignedData, Signer},
        code_directory::{CodeDirectory, flags},
        digest::hex,
        hashing,
        requirement::RequirementKind,
        superblob::Slot,
        timestamp::Timestamp,
    },
};

use super::locate::Code;

/// Something the signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    /// What it is about.
    pub key: String,
    /// What it says, a line each; never empty.
    pub values: Vec<String>,
}

/// Everything that the signature of `code` says.
pub(super) fn describe(code: &Code) -> Result<Vec<Fact>> {
    let mut facts = Facts(Vec::new());
    let Some((offset, len)) = code.signature else {
        facts.one("signature", "none");
        return Ok(facts.0);
    };
    let window = formats::source::Window::new(&*code.file, code.window.0, code.window.1)?;
    let signature = Signature::read(&window, offset, len)?;
    if signature.directories.is_empty() {
        facts.one("signature", "none, only what follows");
    }
    for (slot, directory) in &signature.directories {
        let prefix = if *slot == Slot::CodeDirectory { String::new() } else { format!("{slot}: ") };
        facts.directory(&prefix, directory);
        facts.pages(&prefix, &window, directory);
    }
    facts.documents(&signature);
    match (&signature.cms, signature.directory()) {
        (Some(cms), Some(directory)) => facts.signer(cms, directory),
        (Some(_), None) => facts.one("signer", "of no code directory"),
        (None, _) => facts.one("signer", "nobody"),
    }
    facts.layout(&signature);
    Ok(facts.0)
}

/// What a constraint demands, a fact on each line; the wrapper around them only where it is not the usual one.
fn constraint(der: &[u8]) -> Vec<String> {
    let whole = match entitlements::from_der(Bytes::new(der)) {
        Ok(whole) => whole,
        Err(error) => return vec![format!("cannot be read: {error}")],
    };
    let usual = [("ccat", 0), ("comp", 1), ("vers", 1)];
    let is_usual = |key: &str, value: &Value| {
        usual.iter().any(|(name, it)| *name == key && *value == Value::Integer(*it))
    };
    let mut lines = Vec::new();
    for (key, value) in whole.iter() {
        match value {
            Value::Dict(facts) if key == "reqs" => {
                lines.extend(facts.iter().map(|(fact, it)| format!("{fact} = {it}")))
            }
            _ if is_usual(key, value) => {}
            _ => lines.push(format!("{key} (outside the facts): {value}")),
        }
    }
    if lines.is_empty() { vec!["demands nothing".to_owned()] } else { lines }
}

struct Facts(Vec<Fact>);

impl Facts {
    fn one(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.all(key, vec![value.into()]);
    }

    fn all(&mut self, key: impl Into<String>, values: Vec<String>) {
        if !values.is_empty() {
            self.0.push(Fact { key: key.into(), values });
        }
    }

    fn directory(&mut self, prefix: &str, it: &CodeDirectory) {
        let mut one = |key: &str, value: String| self.one(format!("{prefix}{key}"), value);
        one("identifier", it.identifier.clone());
        one("team", it.team.clone().unwrap_or_else(|| "none".to_owned()));
        one("cdhash", it.cdhash().to_string());
        one("code directory", format!("version {:#x}, {}", it.version, it.hash_type));
        one("flags", format!("{:#x} ({})", it.flags, flags::describe(it.flags)));
        if it.platform != 0 {
            one("platform", it.platform.to_string());
        }
        if let Some(segment) = it.exec_segment {
            let text = format!("{:#x}+{:#x}, flags {:#x}", segment.base, segment.limit, segment.flags);
            one("executable segment", text);
        }
        if let Some(runtime) = it.runtime.filter(|it| *it != 0) {
            let (major, minor, patch) = (runtime >> 16, runtime >> 8 & 0xff, runtime & 0xff);
            one("runtime version", format!("{major}.{minor}.{patch}"));
        }
        let slots = (1..=it.n_special_slots.min(64)).map(Slot::from_number);
        let hashes =
            slots.filter_map(|slot| it.special_hash(slot).map(|hash| format!("{slot} {}", hex(hash))));
        self.all(format!("{prefix}hashes"), hashes.collect());
    }

    fn pages(&mut self, prefix: &str, code: &dyn Source, it: &CodeDirectory) {
        let size = it.page_size().map_or("one page".to_owned(), |it| format!("pages of {it}"));
        let value = match hashing::check_pages(code, std::slice::from_ref(it)) {
            Ok(pages) => match pages.first() {
                Some(found) if found.is_sound() => format!("{} match, {size}", found.checked),
                Some(found) => format!(
                    "{} of {} altered, {} without a hash, {size}",
                    found.n_altered, found.checked, found.missing_hashes
                ),
                None => "none".to_owned(),
            },
            Err(error) => format!("cannot be compared: {error}"),
        };
        self.one(format!("{prefix}pages"), value);
    }

    fn documents(&mut self, signature: &Signature) {
        if let Some(set) = &signature.requirements {
            let line = |(kind, it): &(RequirementKind, _)| match kind.name() {
                Some(name) => format!("{name} => {it}"),
                None => format!("{} => {it}", kind.number()),
            };
            let lines = set.members.iter().map(line).collect::<Vec<_>>();
            self.all("requirements", if lines.is_empty() { vec!["none".to_owned()] } else { lines });
        }
        if let Some(xml) = &signature.entitlements {
            let lines = match plist::read(xml).map(|it| it.value) {
                Ok(Value::Dict(it)) => it.iter().map(|(key, value)| format!("{key}: {value}")).collect(),
                Ok(_) => vec!["no dictionary".to_owned()],
                Err(error) => vec![format!("cannot be read: {error}")],
            };
            self.all("entitlements", if lines.is_empty() { vec!["empty".to_owned()] } else { lines });
        }
        if let Some(der) = &signature.entitlements_der {
            self.one("DER entitlements", format!("{} bytes", der.len()));
        }
        for (slot, der) in &signature.constraints {
            self.all(slot.to_string(), constraint(der));
        }
        if let Some(ticket) = &signature.ticket {
            self.one("ticket", format!("{} bytes", ticket.len()));
        }
    }

    fn signer(&mut self, cms: &SignedData, directory: &CodeDirectory) {
        for signer in &cms.signers {
            let Some(leaf) = signer.certificate(&cms.certificates) else {
                self.one("signer", "a certificate that is not there");
                continue;
            };
            let stamp = self.timestamp(cms, signer);
            // Without a timestamp the chain is judged at the time that the signer claims, or at the leaf's own.
            let at = stamp.or_else(|| signer.signing_time()).unwrap_or(leaf.not_before);
            let chain = chain::build(leaf, &cms.certificates, &Trust::default(), at);
            let name = |it: &formats::signature::certificate::Certificate| {
                let name = it.subject.common_name().map_or_else(|| it.subject.to_string(), str::to_owned);
                format!("{name} (until {})", it.not_after)
            };
            self.all("signer", chain.certificates.iter().map(name).collect());
            self.one("anchor", chain.anchor.to_string());
            self.all("chain faults", chain.faults.iter().map(ToString::to_string).collect());
            let outcome = signer.verify(directory.as_bytes(), leaf);
            self.one("signature", outcome.map_or_else(|it| it.to_string(), |()| "holds".to_owned()));
            if let Some(time) = signer.signing_time() {
                self.one("signing time", time.to_string());
            }
        }
    }

    fn timestamp(&mut self, cms: &SignedData, signer: &Signer) -> Option<formats::signature::time::UnixTime> {
        let Some(token) = signer.timestamp_token() else {
            self.one("timestamp", "none");
            return None;
        };
        match Timestamp::parse(Bytes::new(token)) {
            Ok(stamp) => {
                let faults = stamp.verify(&signer.signature, &cms.certificates, &Trust::default()).faults;
                let mut lines = vec![stamp.at.to_string()];
                lines.extend(faults.iter().map(ToString::to_string));
                self.all("timestamp", lines);
                Some(stamp.at)
            }
            Err(error) => {
                self.one("timestamp", format!("cannot be read: {error}"));
                None
            }
        }
    }

    fn layout(&mut self, signature: &Signature) {
        let blob = |it: &formats::signature::embedded::Entry| format!("{} ({} bytes)", it.slot, it.len);
        self.all("blobs", signature.entries.iter().map(blob).collect());
        if signature.slack > 0 {
            let kind = if signature.is_slack_zero { "zero" } else { "not all zero" };
            self.one("after it", format!("{} bytes, {kind}", signature.slack));
        }
        let overlaps = signature.overlaps.iter().map(|(a, b)| format!("{a} and {b}"));
        self.all("overlaps", overlaps.collect());
        self.all("repeated", signature.repeated.iter().map(ToString::to_string).collect());
        let faults = signature.faults.iter().map(|(slot, error)| format!("{slot}: {error}"));
        self.all("faults", faults.collect());
    }
}
