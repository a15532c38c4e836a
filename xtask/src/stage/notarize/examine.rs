//! The notary's rules, run here before anything is uploaded: the catalogue's findings in the notary's own words.
//!
//! The local notary judges with the same function, so a rehearsal's log says what Apple's would.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use checks::{Policy, Severity, Subject};
use formats::{document::plist::Date, signature::chain::Trust};
use notary::local::{Code, Complaint, Examination, Examiner};
use sha2::{Digest as _, Sha256};

use super::product;
use crate::{
    inspect::{self, Asked},
    rehearsal,
};

const INVALID: &str = "The signature of the binary is invalid.";
const STRANGER: &str = "The binary is not signed with a valid Developer ID certificate.";
/// What Apple says of a package without a good signature nobody has published word for word; these words are ours.
const CONTAINER: &str = "The package or disk image is not signed with a valid Developer ID Installer (or Application) certificate.";
const UNREADABLE: &str = "The contents of the package could not be extracted.";

/// What the notary says when a check of the catalogue finds an error. Checks about DriverKit, layout and profiles are not here: the notary does
/// not look at those, the launch does.
const SAYS: [(&str, &str); 28] = [
    ("code-signed", "The binary is not signed."),
    ("signature-structure", INVALID),
    ("page-hashes", INVALID),
    ("code-limit", INVALID),
    ("special-slots", INVALID),
    ("cms-readable", INVALID),
    ("cms-signature", INVALID),
    ("hash-agility", INVALID),
    ("seal-present", INVALID),
    ("sealed-files", INVALID),
    ("unsealed-files", INVALID),
    ("nested-code", INVALID),
    ("not-ad-hoc", STRANGER),
    ("certificate-chain", STRANGER),
    ("certificate-kind", STRANGER),
    ("certificate-validity", STRANGER),
    ("container-signature", CONTAINER),
    ("secure-timestamp", "The signature does not include a secure timestamp."),
    ("hardened-runtime", "The executable does not have the hardened runtime enabled."),
    ("debug-entitlements", "The executable requests the com.apple.security.get-task-allow entitlement."),
    ("entitlements-readable", "Embedded entitlements are invalid: syntax error near line 1"),
    ("directory-hash", "The signature algorithm used is too weak."),
    ("signature-algorithm", "The signature algorithm used is too weak."),
    ("notary-sdk", "The binary uses an SDK older than the 10.9 SDK."),
    ("notary-contents", "Package has no signed executables or bundles. No tickets can be generated."),
    ("readable-code", UNREADABLE),
    ("readable-files", UNREADABLE),
    ("archive-members", UNREADABLE),
];

/// What the notary would say about this product. `policy` says what it is meant for; the default recognises that from the product.
pub fn complaints(subject: &Subject, policy: &Policy) -> Vec<Complaint> {
    let mut found = Vec::new();
    let mut said = BTreeSet::new();
    for outcome in checks::run(subject, policy) {
        let Some((_, message)) = SAYS.iter().find(|(id, _)| *id == outcome.check.id) else { continue };
        for finding in &outcome.findings {
            if finding.severity != Severity::Error {
                continue;
            }
            let arch = finding.at.arch.as_ref().map(ToString::to_string);
            // Three damaged slots of one slice are one complaint.
            if said.insert((finding.at.path.clone(), arch.clone(), *message)) {
                let path = finding.at.path.clone();
                found.push(Complaint { severity: "error", path, message: (*message).to_owned(), arch });
            }
        }
    }
    found
}

/// Judges what was uploaded to a local notary. Parts lie in a folder of its own until the process ends.
pub struct Spool {
    folder: tempfile::TempDir,
    trust: Trust,
}

impl Spool {
    /// `trust` names the roots beside Apple's under which a signature counts.
    pub fn new(trust: Trust) -> io::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, trust })
    }

    fn part(&self, id: &str, part: u32) -> PathBuf {
        let id: String = id.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '-').collect();
        self.folder.path().join(format!("{id}-{part}"))
    }
}

impl Examiner for Spool {
    fn receive(&self, id: &str, part: u32) -> io::Result<Box<dyn io::Write + Send>> {
        Ok(Box::new(fs::File::create(self.part(id, part))?))
    }

    fn examine(&self, id: &str, name: &str, n_parts: u32) -> Result<Examination, String> {
        let said = |error: io::Error| error.to_string();
        // The inspector goes by the name where bytes leave a doubt.
        let extension = Path::new(name).extension().and_then(|it| it.to_str()).unwrap_or("bin");
        let whole = self.folder.path().join(format!("whole-{n_parts}.{extension}"));
        let mut file = fs::File::create(&whole).map_err(said)?;
        for part in 1..=n_parts {
            io::copy(&mut fs::File::open(self.part(id, part)).map_err(said)?, &mut file).map_err(said)?;
        }
        let mut hash = Sha256::new();
        io::copy(&mut fs::File::open(&whole).map_err(said)?, &mut hash).map_err(said)?;
        let sha256 = hash.finalize().iter().map(|it| format!("{it:02x}")).collect();
        let now = Date(i64::try_from(rehearsal::now()).unwrap_or(i64::MAX));
        let asked = Asked { trust: self.trust.clone(), ..Asked::at(now) };
        let subject = inspect::open(&whole, &asked).map_err(|error| error.to_string())?;
        let own = whole.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        Ok(Examination {
            sha256,
            contents: contents(&subject, own),
            issues: complaints(&subject, &Policy::default()),
        })
    }
}

/// Every hash in the subject with its path; `own` is the name that the subject goes by and the log replaces.
fn contents(subject: &Subject, own: &str) -> Vec<Code> {
    let below = |path: &str| path.strip_prefix(own).unwrap_or(path).trim_start_matches('/').to_owned();
    let hash = |it: &(u8, [u8; 20])| notary::lookup::Hash { kind: it.0, bytes: it.1 };
    let mut found: Vec<Code> = Vec::new();
    for container in &subject.containers {
        let path = below(&container.path);
        found.extend(container.ticket_hashes.iter().map(|it| Code {
            path: path.clone(),
            hash: hash(it),
            arch: None,
        }));
    }
    for code in &subject.codes {
        for image in code.table.iter().flat_map(|it| &it.images).flatten() {
            if let checks::subject::Found::Present(signature) = &image.signature
                && let Some(hash) = product::preferred(signature)
            {
                found.push(Code { path: below(&code.path), hash, arch: Some(image.slice.arch.to_string()) });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use checks::{Asked as Wish, Mode};

    use super::*;

    #[test]
    fn every_check_that_the_notary_shares_is_in_the_catalogue_once() {
        let known: BTreeSet<&str> = checks::catalogue::all().map(|it| it.id).collect();
        let unknown: Vec<&str> = SAYS.iter().map(|it| it.0).filter(|it| !known.contains(it)).collect();
        assert!(unknown.is_empty(), "no check has the id {unknown:?}");
        assert_eq!(SAYS.iter().map(|it| it.0).collect::<BTreeSet<_>>().len(), SAYS.len());
    }

    #[test]
    fn everything_that_the_preflight_says_is_explained() {
        for (id, says) in SAYS {
            assert!(notary::issue::explain(says).is_some(), "{id}: nobody explains \"{says}\"");
        }
    }

    /// What Apple notarized, our preflight must let pass: the mode is asked for, as a release asks for it.
    #[test]
    fn what_apple_notarized_passes_the_preflight() {
        let Some(corpus) = std::env::var_os("XTASK_CORPUS").map(PathBuf::from) else {
            eprintln!("not run: XTASK_CORPUS names no folder");
            return;
        };
        let policy = Policy { mode: Some(Wish::plain(Mode::Distribution)), ..Policy::default() };
        let packages = crate::stage::files::walk(&corpus).unwrap();
        let packages =
            packages.iter().filter(|it| it.path.extension().is_some_and(|it| it == "pkg" || it == "dmg"));
        let mut n_packages = 0;
        for entry in packages {
            let subject = product::inspect(&entry.at(&corpus), &Trust::default()).unwrap();
            // Only what carries a ticket is known to have passed.
            if subject.containers.iter().all(|it| it.ticket_hashes.is_empty()) {
                continue;
            }
            let found = complaints(&subject, &policy);
            assert!(found.is_empty(), "{}: {found:#?}", entry.path.display());
            n_packages += 1;
        }
        assert!(n_packages > 0, "no package in {}", corpus.display());
    }
}
