//! What codesign and productsign complain about, and the one thing to do about it.
//!
//! Sources: codesign(1); the threads named in docs/signing.md. The words are Apple's and have been the same for years.

/// A complaint: all of these words, and what to do.
type Known = (&'static [&'static str], &'static str);

const KNOWN: &[Known] = &[
    (
        &["unable to build chain to self-signed root"],
        "an intermediate certificate is missing: `cargo xtask setup --apple-certificates`, or export the P12 with its whole chain",
    ),
    (
        &["resource fork, Finder information, or similar detritus not allowed"],
        "a prebuilt part carries extended attributes: `xattr -cr` on it, then build again",
    ),
    (
        &["no identity found"],
        "the keychain holds no such identity: `security find-identity -p codesigning` lists what there is",
    ),
    (
        &["User interaction is not allowed"],
        "the keychain is locked, or the key asks in a window: sign with a P12 (`identity = { p12 = … }`), whose keychain is ours",
    ),
    (
        &["errSecInternalComponent"],
        "the key may not be used without asking, or its chain is not found: sign with a P12 (`identity = { p12 = … }`), whose keychain is ours",
    ),
    (&["timestamp"], "the timestamp server does not answer: try again, or name another one in `timestamp`"),
    (
        &["bundle format unrecognized, invalid, or unsuitable"],
        "a folder where code belongs is no bundle: move it to `Contents/Resources`",
    ),
    (
        &["code object is not signed at all", "In subcomponent"],
        "a nested piece of code was not signed before: give it a `[[part]]` of its own",
    ),
    (&["ambiguous"], "two certificates fit: remove the older one from the keychain"),
];

/// What to do about `said`.
pub(super) fn hint(said: &str) -> Option<String> {
    let fits = |words: &&Known| words.0.iter().all(|it| said.contains(it));
    KNOWN.iter().find(fits).map(|(_, hint)| (*hint).to_owned())
}

/// Whether only the timestamp is missing: such a fault passes, others do not.
pub(super) fn is_about_the_timestamp(said: &str) -> bool {
    said.contains("timestamp service is not available")
        || said.contains("A timestamp was expected but was not found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &str, hint_has: Option<&str>, passes: bool) {
        let found = hint(said);
        assert_eq!(found.is_some(), hint_has.is_some(), "{found:?}");
        assert!(hint_has.is_none_or(|it| found.as_deref().unwrap_or_default().contains(it)), "{found:?}");
        assert_eq!(is_about_the_timestamp(said), passes);
    }

    #[test]
    fn each_complaint_has_its_remedy() {
        check("Host.app: The timestamp service is not available.", Some("timestamp server"), true);
        check("Host.app: A timestamp was expected but was not found.", Some("timestamp server"), true);
        check(
            "X: resource fork, Finder information, or similar detritus not allowed",
            Some("xattr -cr"),
            false,
        );
        check(
            "Warning: unable to build chain to self-signed root for signer \"X\"\nX: errSecInternalComponent",
            Some("intermediate"),
            false,
        );
        check("X: errSecInternalComponent", Some("without asking"), false);
        check("X: User interaction is not allowed.", Some("locked"), false);
        check("0123: no identity found", Some("find-identity"), false);
        check("X: is already signed", None, false);
    }
}
