//! `codesign`: fails as the real one does, and otherwise signs one thing with our signer, as the real one signs one thing.
//!
//! Which part of a product is signed when, and with what, is the caller's business here as there: nested code must be signed before what
//! seals it. This is a second way from a folder to a signature beside `stage::sign::apply`, so each proves the other.

mod bundle;
mod plain;

use std::{
    fs, io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use formats::signature::{code_directory::flags, superblob::Slot};
use signer::{code::Settings, constraint::Constraint, entitlements::Entitlements, identity::Identity};

use crate::{
    identity,
    keychains::{self, Keychains},
    run::{Answer, Bench},
    synopsis::Words,
    timestamp,
};

/// What stands in the way, as codesign says it.
type Refusal = String;

/// Who signs, and what every signature of this call says.
struct Job<'a> {
    words: &'a Words,
    identity: Identity,
    entitlements: Option<Entitlements>,
    /// Launch and library constraints, each in its slot.
    constraints: Vec<(Slot, Vec<u8>)>,
    time: u64,
}

pub(crate) fn behave(words: &Words, bench: &Bench) -> io::Result<Answer> {
    for path in &words.operands {
        if !Path::new(path).exists() {
            return Ok(Answer::fails(1, format!("{path}: No such file or directory\n")));
        }
    }
    let Some(asked) = words.value("-s") else {
        return Ok(Answer::cannot("codesign", "judging a signature"));
    };
    let identity = match asked {
        "-" => Identity::AdHoc,
        _ => match keychains::with(&bench.state, |it| usable(asked, words, it))? {
            Ok(identity) => identity,
            Err(refusal) => return Ok(refusal),
        },
    };
    let entitlements = match words.value("--entitlements") {
        None => None,
        Some(file) => match fs::read(file)
            .map_err(|it| it.to_string())
            .and_then(|it| Entitlements::read(&it).map_err(|it| it.what))
        {
            Ok(entitlements) => Some(entitlements),
            Err(why) => {
                return Ok(Answer::fails(1, format!("{file}: cannot read entitlement data: {why}\n")));
            }
        },
    };
    let constraints = match constraints(words) {
        Ok(constraints) => constraints,
        Err(why) => return Ok(Answer::fails(1, format!("{why}\n"))),
    };
    let job = Job { words, identity, entitlements, constraints, time: now() };
    for path in &words.operands {
        if let Err(refusal) = job.sign(Path::new(path)) {
            return Ok(Answer::fails(1, format!("{path}: {refusal}\n")));
        }
    }
    Ok(Answer::default())
}

impl Job<'_> {
    fn sign(&self, path: &Path) -> Result<(), Refusal> {
        if path.is_dir() {
            return bundle::sign(self, path);
        }
        if self.words.has("-D") {
            return plain::detached(self, path);
        }
        let bytes = read(path)?;
        if plain::is_image(&bytes) {
            return plain::disk_image(self, path, &bytes);
        }
        self.macho(path, &bytes, &stem(path), None)
    }

    /// Signs the Mach-O file at `path`; `bundle` has the bytes of Info.plist and CodeResources.
    fn macho(
        &self,
        path: &Path,
        bytes: &[u8],
        identifier: &str,
        bundle: Option<(&[u8], &[u8])>,
    ) -> Result<(), Refusal> {
        if !self.words.has("-f") && bundle::signatures(bytes)?.iter().any(Option::is_some) {
            return Err("is already signed".to_owned());
        }
        let settings = Settings {
            info_plist: bundle.map(|it| it.0),
            resources: bundle.map(|it| it.1),
            entitlements: self.entitlements.as_ref(),
            constraints: &self.constraints,
            ..self.settings(identifier)
        };
        let stamp = |signature: &[u8]| timestamp::over(signature, self.words);
        let settings = Settings {
            stamp: timestamp::is_wanted(self.words, &self.identity).then_some(&stamp),
            ..settings
        };
        let signed = signer::macho::sign(&bytes, &settings).map_err(|it| it.what)?;
        write(path, &signed.file.bytes().map_err(|it| it.to_string())?)
    }

    fn settings<'a>(&'a self, identifier: &'a str) -> Settings<'a> {
        let is_hardened = self.words.all("-o").iter().any(|it| it.split(',').any(|it| it == "runtime"));
        Settings {
            flags: if is_hardened { flags::RUNTIME } else { 0 },
            signing_time: self.identity.signer().and(Some(self.time)),
            ..Settings::new(self.words.value("-i").unwrap_or(identifier), &self.identity)
        }
    }
}

/// The property lists that the options name, in the form that goes into the signature.
fn constraints(words: &Words) -> Result<Vec<(Slot, Vec<u8>)>, Refusal> {
    let options = [
        ("--launch-constraint-self", Slot::LaunchConstraintSelf),
        ("--launch-constraint-parent", Slot::LaunchConstraintParent),
        ("--launch-constraint-responsible", Slot::LaunchConstraintResponsible),
        ("--library-constraint", Slot::LibraryConstraint),
    ];
    let given = options.into_iter().filter_map(|(option, slot)| Some((words.value(option)?, slot)));
    given
        .map(|(file, slot)| {
            let der = Constraint::read(&read(Path::new(file))?).and_then(|it| it.der());
            der.map(|der| (slot, der)).map_err(|it| format!("{file}: {}", it.what))
        })
        .collect()
}

/// The identity, or what keeps codesign from using it, as it says so.
fn usable(asked: &str, words: &Words, keychains: &Keychains) -> Result<Identity, Answer> {
    let path = words.operands.first().map_or("", String::as_str);
    let searched = match words.value("--keychain") {
        Some(keychain) => vec![keychain.to_owned()],
        None => keychains.search_list.clone(),
    };
    let Some((place, keychain, key)) = identity::find(asked, &searched, keychains) else {
        return Err(Answer::fails(1, format!("{asked}: no identity found\n")));
    };
    let no_chain = || {
        let name = &key.name;
        Answer::fails(
            1,
            format!(
                "Warning: unable to build chain to self-signed root for signer \"{name}\"\n{path}: errSecInternalComponent\n"
            ),
        )
    };
    // `--keychain` says where the key is; the chain is looked for along the user's search list all the same (codesign(1)).
    if !keychains.search_list.contains(place) {
        return Err(no_chain());
    }
    if keychain.is_locked {
        return Err(Answer::fails(1, format!("{path}: User interaction is not allowed.\n")));
    }
    // Without it a window asks for permission, which nobody sees; in a session without windows it ends so. security(1): "If you'd like to
    // run /usr/bin/codesign with the key, "apple:" must be an element of the partition list."
    let may_sign = key.partitions.iter().any(|it| it == "apple:");
    if !may_sign {
        return Err(Answer::fails(1, format!("{path}: errSecInternalComponent\n")));
    }
    identity::complete(key, keychains).ok_or_else(no_chain)
}

/// The time that signatures claim.
fn now() -> u64 {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|it| it.parse().ok());
    given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs()))
}

/// What codesign calls a file that says nothing of itself.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    fs::read(path).map_err(|it| it.to_string())
}

/// Beside it first, then renamed; the mode stays.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Refusal> {
    let failed = |it: io::Error| it.to_string();
    let next = path.with_extension("cstemp");
    fs::write(&next, bytes).map_err(failed)?;
    if let Ok(old) = fs::metadata(path) {
        fs::set_permissions(&next, old.permissions()).map_err(failed)?;
    }
    fs::rename(&next, path).map_err(failed)
}
