//! Calls of `security`, as data. What is secret travels on standard input (`security -i`), so no argument list shows it.
//!
//! Source: `SecurityTool/macOS/{security.c,security.1}` (Security-61901). `security -i` reads lines of at most 4095 bytes, prints
//! "COMMAND: returned N" for each that fails, and ends with the result of the last one: hence one command per call.

use std::{path::Path, time::Duration};

use zeroize::Zeroizing;

use crate::tools::{Call, Secret};

/// Who may use the keys without asking in a window.
const APPLICATIONS: &[&str] =
    &["/usr/bin/codesign", "/usr/bin/productsign", "/usr/bin/pkgbuild", "/usr/bin/productbuild"];

/// "If you'd like to run /usr/bin/codesign with the key, `apple:` must be an element" (security(1)); the others are what people found.
const PARTITIONS: &str = "apple-tool:,apple:,codesign:";

/// A keychain answers within milliseconds; whoever takes longer waits for somebody to click.
const DEADLINE: Duration = Duration::from_secs(60);

pub(super) fn create(keychain: &Path, password: &str) -> Call {
    quietly("create a keychain", &["create-keychain", "-p", password, &text(keychain)])
}

pub(super) fn unlock(keychain: &Path, password: &str) -> Call {
    quietly("unlock the keychain", &["unlock-keychain", "-p", password, &text(keychain)])
}

/// Without `-l`, `-u` and `-t` it locks itself neither after a time nor with the screen.
pub(super) fn never_lock(keychain: &Path) -> Call {
    openly("keep the keychain unlocked").arg("set-keychain-settings").arg(keychain)
}

pub(super) fn settings(keychain: &Path) -> Call {
    openly("look whether the keychain stays unlocked").arg("show-keychain-info").arg(keychain)
}

pub(super) fn add_certificate(keychain: &Path, file: &Path) -> Call {
    openly("put a certificate into the keychain").args(["add-certificates", "-k"]).arg(keychain).arg(file)
}

pub(super) fn import(keychain: &Path, file: &Path, password: &str) -> Call {
    let (keychain, file) = (text(keychain), text(file));
    let mut words = vec!["import", &file, "-k", &keychain, "-f", "pkcs12", "-P", password, "-x"];
    words.extend(APPLICATIONS.iter().flat_map(|it| ["-T", it]));
    quietly("put the signing identity into the keychain", &words)
}

/// The password must be the keychain's own; macOS 26.6 and later look at it even when nothing has to be unlocked.
pub(super) fn set_partition_list(keychain: &Path, password: &str) -> Call {
    let words = ["set-key-partition-list", "-S", PARTITIONS, "-s", "-k", password, &text(keychain)];
    quietly("let codesign use the key without asking", &words)
}

pub(super) fn search_list() -> Call {
    openly("read the search list of keychains").args(["list-keychains", "-d", "user"])
}

pub(super) fn set_search_list(keychains: &[String]) -> Call {
    openly("write the search list of keychains").args(["list-keychains", "-d", "user", "-s"]).args(keychains)
}

pub(super) fn delete(keychain: &Path) -> Call {
    openly("delete the keychain").arg("delete-keychain").arg(keychain)
}

fn openly(purpose: &str) -> Call {
    Call::new("security", purpose).deadline(DEADLINE).hint(hint)
}

/// One command on standard input.
fn quietly(purpose: &str, words: &[&str]) -> Call {
    let mut line = Zeroizing::new(String::new());
    for word in words {
        line.push('"');
        for letter in word.chars() {
            if matches!(letter, '"' | '\\') {
                line.push('\\');
            }
            line.push(letter);
        }
        line.push_str("\" ");
    }
    line.push('\n');
    openly(purpose).arg("-i").stdin(Secret::new(line.as_bytes().to_vec()))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What to do about what `security` says.
fn hint(said: &str) -> Option<String> {
    let table = [
        (
            "User interaction is not allowed",
            "run it in a session with windows, or look whether the keychain is locked",
        ),
        (
            "passphrase you entered is not correct",
            "this is a fault of ours: the keychain was made with that password",
        ),
        ("MAC verification failed", "this is a fault of ours: the identity was wrapped with that password"),
        ("could not be found", "somebody removed the keychain while it was in use"),
    ];
    table.iter().find(|(words, _)| said.contains(words)).map(|(_, hint)| (*hint).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(call: &Call, argv: &[&str]) {
        assert_eq!(call.argv(), argv);
    }

    #[test]
    fn argument_lists_hold_paths_and_no_password() {
        let keychain = Path::new("/k c");
        check(&create(keychain, "pw"), &["security", "-i"]);
        check(&unlock(keychain, "pw"), &["security", "-i"]);
        check(&import(keychain, Path::new("/i.p12"), "pw"), &["security", "-i"]);
        check(&set_partition_list(keychain, "pw"), &["security", "-i"]);
        check(&never_lock(keychain), &["security", "set-keychain-settings", "/k c"]);
        check(&settings(keychain), &["security", "show-keychain-info", "/k c"]);
        check(
            &add_certificate(keychain, Path::new("/c")),
            &["security", "add-certificates", "-k", "/k c", "/c"],
        );
        check(&search_list(), &["security", "list-keychains", "-d", "user"]);
        let both = ["/k c".to_owned(), "/login".to_owned()];
        check(&set_search_list(&both), &["security", "list-keychains", "-d", "user", "-s", "/k c", "/login"]);
        check(&delete(keychain), &["security", "delete-keychain", "/k c"]);
    }
}
