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
pub const KNOWN: [Known; 29] = [
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
    Known {
        id: "notary-log-not-yet-notarytool",
        says: "Submission log is not yet available or submissionId does not exist",
        cause: "notarytool's words for the same: there is no verdict yet, or the id belongs to another team",
        fix: "wait for the verdict: `cargo xtask notary wait`",
        place: "`[notary]` in signing/NAME.toml",
    },
    Known {
        id: "notary-no-such-submission",
        says: "There is no resource of type 'submissions'",
        cause: "the id is mistyped, belongs to another team, or the notary forgot it (seen after 10 to 26 hours of In Progress)",
        fix: "`cargo xtask notary history` lists what the team submitted; submit again when it is not there",
        place: "`[notary]` in signing/NAME.toml",
    },
    Known {
        id: "notary-rate-limit",
        says: "Exceeded hourly limit of requests",
        cause: "3,500 requests an hour and key were used up, over all machines that use the key",
        fix: "run fewer jobs at once, or give each pipeline a key of its own; it passes within the hour",
        place: "`[notary] key` in signing/NAME.toml",
    },
    Known {
        id: "notary-daily-limit",
        says: "RATE_LIMIT",
        cause: "too many requests; Apple also asks for at most 75 notarizations a day",
        fix: "wait, and submit only what is released",
        place: "`[notary] key` in signing/NAME.toml",
    },
    Known {
        id: "notary-wrong-team",
        says: "Invalid or inaccessible developer team ID",
        cause: "the credentials belong to a person who is not in this team, or the team id is another's",
        fix: "use a key (or profile) of the team that signs",
        place: "`[notary]` in signing/NAME.toml",
    },
    Known {
        id: "notary-wrong-password",
        says: "Username or password is incorrect",
        cause: "notarytool's profile holds an Apple ID whose app-specific password was revoked; the account's own password never works",
        fix: "make an app-specific password, then `xcrun notarytool store-credentials`; or use an API key",
        place: "`[notary] keychain-profile` in signing/NAME.toml",
    },
    Known {
        id: "notary-unauthenticated",
        says: "Unauthenticated",
        cause: "401: the token was not accepted: key id, issuer (Team or Individual key), a revoked key, or this machine's clock",
        fix: "`cargo xtask notary history` names the reason that can be seen from here",
        place: "`[notary]` in signing/NAME.toml",
    },
    Known {
        id: "notary-no-profile",
        says: "No Keychain password item found for profile",
        cause: "the profile is missing, or the keychain that holds it is locked: after sleep, over ssh, in a service",
        fix: "`security unlock-keychain`; if it is missing, `xcrun notarytool store-credentials`",
        place: "`[notary] keychain-profile` in signing/NAME.toml",
    },
    Known {
        id: "notary-ready",
        says: "Ready for distribution",
        cause: "the summary of an Accepted verdict; the log may hold warnings all the same",
        fix: "nothing; staple the ticket",
        place: "the issues of the log",
    },
    Known {
        id: "stapler-no-ticket",
        says: "Record not found",
        cause: "the ticket is not published yet (seconds to minutes after the verdict), or these bytes were never notarized",
        fix: "try again in a few minutes: `cargo xtask staple`; if it stays so, sign, notarize and staple the very same file",
        place: "stage `notarize`",
    },
    Known {
        id: "stapler-cdhash",
        says: "CDHash must be set",
        cause: "the package has the old signature alone and no CMS signature",
        fix: "build the package again with `cargo xtask package`, or sign it with productsign",
        place: "stage `package`",
    },
    Known {
        id: "stapler-ticket-unreadable",
        says: "Unable to parse ticket",
        cause: "the ticket is damaged, or it is the known fault of macOS 15.6.1 on Apple silicon",
        fix: "`cargo xtask ticket verify` tells which",
        place: "stage `notarize`",
    },
];

/// What is known about `message`; `None` when nothing is. Letter case, line breaks and the kind of quotation marks do not count.
pub fn explain(message: &str) -> Option<&'static Known> {
    let message = plain(message);
    KNOWN.iter().find(|it| message.contains(plain(it.says).trim_end_matches('.')))
}

/// The same words in small letters, one blank between them, with straight quotation marks.
fn plain(text: &str) -> String {
    let straight = |it: char| match it {
        '\u{2018}' | '\u{2019}' | '`' | '"' | '\u{201c}' | '\u{201d}' | '\u{ab}' | '\u{bb}' => '\'',
        other => other,
    };
    let text: String = text.chars().map(straight).collect();
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
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
    fn quotation_marks_paths_and_line_breaks_do_not_matter() {
        for (message, id) in [
            (
                "There is no resource of type \u{2018}submissionsLog\u{2019} for id \u{201c}1238aa04\u{201d}",
                "notary-log-not-yet",
            ),
            ("There is no resource of type \"submissions\" with id 1238aa04", "notary-no-such-submission"),
            (
                "Package \u{201c}/Users/a b/x.pkg\u{201d} has no signed executables\n or bundles.  No tickets can be generated.",
                "notary-nothing-signed",
            ),
            ("error: THE BINARY IS NOT SIGNED", "notary-unsigned"),
            ("The binary is not signed with a valid Developer ID certificate", "notary-not-developer-id"),
            (
                "HTTP status code: 403. A required agreement is missing or has expired. This request…",
                "notary-agreement",
            ),
            (
                "Error: HTTP status code: 401. Unauthenticated\n\nRequest ID: ICM7.0.0",
                "notary-unauthenticated",
            ),
            ("Error: No Keychain password item found for profile: my profile", "notary-no-profile"),
        ] {
            assert_eq!(explain(message).map(|it| it.id), Some(id), "{message}");
        }
    }

    /// Every sentence of Apple's that predicts a refusal, as its logs have it.
    #[test]
    fn the_sentences_of_the_preflight_are_all_known() {
        for message in [
            "The binary is not signed.",
            "The signature of the binary is invalid.",
            "The binary is not signed with a valid Developer ID certificate.",
            "The signature does not include a secure timestamp.",
            "The executable does not have the hardened runtime enabled.",
            "The executable requests the com.apple.security.get-task-allow entitlement.",
            "The binary uses an SDK older than the 10.9 SDK.",
            "Embedded entitlements are invalid: syntax error near line 1",
            "The signature algorithm used is too weak.",
            "The contents of the package could not be extracted.",
            "Package x.pkg has no signed executables or bundles. No tickets can be generated.",
            "The package is not signed with a Developer ID Installer certificate.",
            "Team is not yet configured for notarization. Please contact Developer Programs Support at developer.apple.com under the topic Development and Technical / Other Development or Technical Questions.",
            "Archive contains critical validation errors",
            "Package Invalid",
        ] {
            assert!(explain(message).is_some(), "{message}");
        }
    }

    #[test]
    fn an_unknown_message_is_not_guessed_at() {
        assert_eq!(explain("The moon is in the wrong house."), None);
        assert_eq!(explain(""), None);
    }
}
