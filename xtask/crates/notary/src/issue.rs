//! What the notary says, and what it means: every message known to us, with cause and remedy.
//!
//! The messages are Apple's own texts ("Resolving common notarization issues", and logs that people published). A message we do not know is shown
//! as it is; nothing is guessed.

/// A message of the notary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What `explain` calls it.
    pub id: &'static str,
    /// Apple's words; what a message must contain (letter case aside) to be this one.
    pub says: &'static str,
    /// What is the matter.
    pub cause: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// Where our plan decides it.
    pub place: &'static str,
}

/// Every message known to us, the more specific ones first.
pub const KNOWN: [Known; 17] = [
    Known {
        id: "notary-not-developer-id",
        says: "The binary is not signed with a valid Developer ID certificate.",
        cause: "it is signed ad hoc, by the linker, or with a certificate of another kind (Development, App Store)",
        fix: "sign with a Developer ID Application certificate; for packages Developer ID Installer",
        place: "`identity` in signing/NAME.toml",
    },
    Known {
        id: "notary-unsigned",
        says: "The binary is not signed.",
        cause: "a Mach-O file in the product has no signature at all, often one that lies outside the usual places (Resources, a nested archive)",
        fix: "sign it: add a `[[part]]` that matches its path, or remove the file",
        place: "`[[part]]` in signing/NAME.toml",
    },
    Known {
        id: "notary-signature-invalid",
        says: "The signature of the binary is invalid.",
        cause: "something changed after signing, a symbolic link became a file on its way into the archive, or the certificate chain is incomplete",
        fix: "run `cargo xtask verify` on the product: it names the byte; then sign again from the inside out",
        place: "stage `sign`",
    },
    Known {
        id: "notary-no-timestamp",
        says: "The signature does not include a secure timestamp.",
        cause: "the timestamp server was not asked, or its answer was not embedded",
        fix: "sign with a timestamp server",
        place: "`timestamp` in signing/NAME.toml",
    },
    Known {
        id: "notary-no-hardened-runtime",
        says: "The executable does not have the hardened runtime enabled.",
        cause: "the code directory of an executable lacks the flag 0x10000",
        fix: "sign with the hardened runtime",
        place: "`hardened-runtime` in signing/NAME.toml",
    },
    Known {
        id: "notary-get-task-allow",
        says: "The executable requests the com.apple.security.get-task-allow entitlement.",
        cause: "it carries the entitlements of a development build",
        fix: "remove the entitlement from the distribution variant",
        place: "`entitlements` of the part",
    },
    Known {
        id: "notary-old-sdk",
        says: "The binary uses an SDK older than the 10.9 SDK.",
        cause: "the load command that names the SDK says less than 10.9, or a part was prebuilt long ago",
        fix: "build the part again with a current SDK",
        place: "`prebuilt` of the part",
    },
    Known {
        id: "notary-bad-entitlements",
        says: "embedded entitlements are invalid",
        cause: "the entitlements are not an XML property list as codesign writes it (a byte order mark, a binary plist, a comment at the start)",
        fix: "write the entitlements as plain XML and sign again",
        place: "`entitlements` of the part",
    },
    Known {
        id: "notary-weak-digest",
        says: "The signature algorithm used is too weak.",
        cause: "the only code directory uses SHA-1",
        fix: "sign again with SHA-256",
        place: "stage `sign`",
    },
    Known {
        id: "notary-package-unreadable",
        says: "The contents of the package could not be extracted.",
        cause: "the package's inner layout is not what Installer expects: `pkg-ref` without `#`, payload paths without `./`, bad XML, a payload compressed twice",
        fix: "build the package again with `cargo xtask package`, or with productbuild",
        place: "stage `package`",
    },
    Known {
        id: "notary-nothing-signed",
        says: "has no signed executables or bundles. No tickets can be generated.",
        cause: "no signed code was found in the archive: it is empty, or could not be opened",
        fix: "look at the archive: is the app in it, and signed?",
        place: "stage `package`",
    },
    Known {
        id: "notary-installer-certificate",
        says: "Developer ID Installer",
        cause: "a package must be signed with an Installer certificate; Application certificates are for code",
        fix: "sign the package with Developer ID Installer",
        place: "`installer-identity` in signing/NAME.toml",
    },
    Known {
        id: "notary-team-not-configured",
        says: "Team is not yet configured for notarization",
        cause: "Apple rejected without looking (status code 7000): a flag on the account, nothing in the product",
        fix: "the Account Holder writes to Apple (https://developer.apple.com/contact); submitting again does not help",
        place: "the team's account",
    },
    Known {
        id: "notary-critical-errors",
        says: "Archive contains critical validation errors",
        cause: "the summary of an Invalid verdict; the issues say what",
        fix: "mend the issues of severity error",
        place: "the issues of the log",
    },
    Known {
        id: "notary-package-invalid",
        says: "Package Invalid",
        cause: "the summary that the older service gave to an Invalid verdict",
        fix: "mend the issues of severity error",
        place: "the issues of the log",
    },
    Known {
        id: "notary-agreement",
        says: "required agreement is missing or has expired",
        cause: "Apple changed an agreement and nobody accepted it yet",
        fix: "the Account Holder accepts it at https://appstoreconnect.apple.com/business; it takes minutes to have effect",
        place: "the team's account",
    },
    Known {
        id: "notary-log-not-yet",
        says: "There is no resource of type 'submissionsLog'",
        cause: "there is no log before there is a verdict, or the id belongs to another team",
        fix: "wait for the verdict: `cargo xtask notary wait`",
        place: "`[notary]` in signing/NAME.toml",
    },
];

/// What is known about `message`; `None` when nothing is.
pub fn explain(message: &str) -> Option<&'static Known> {
    let message = message.to_ascii_lowercase();
    KNOWN.iter().find(|it| message.contains(&it.says.trim_end_matches('.').to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_message_is_found_by_its_own_words_and_has_its_own_id() {
        for known in &KNOWN {
            assert_eq!(explain(known.says).map(|it| it.id), Some(known.id));
        }
        assert_eq!(KNOWN.iter().map(|it| it.id).collect::<BTreeSet<_>>().len(), KNOWN.len());
    }

    #[test]
    fn a_message_inside_a_longer_sentence_is_recognised() {
        let found = explain("Embedded entitlements are invalid: syntax error near line 1").unwrap();
        assert_eq!(found.id, "notary-bad-entitlements");
        let found = explain(
            "The package \"x.pkg\" has no signed executables or bundles. No tickets can be generated.",
        );
        assert_eq!(found.unwrap().id, "notary-nothing-signed");
    }

    #[test]
    fn an_unknown_message_is_not_guessed_at() {
        assert_eq!(explain("The moon is in the wrong house."), None);
        assert_eq!(explain(""), None);
    }
}
