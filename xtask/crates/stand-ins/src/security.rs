//! `security`: keychains and what lies in them. The messages are those people quote.

use std::io;

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    identity,
    keychains::{self, Identity, Keychain, Keychains},
    manual,
    run::{Answer, Bench, standard_input},
    synopsis::Words,
};

/// errSecNoSuchKeychain.
const NO_SUCH_KEYCHAIN: u8 = 50;
/// errSecDuplicateKeychain.
const DUPLICATE_KEYCHAIN: u8 = 48;
/// errSecAuthFailed.
const WRONG_PASSWORD: u8 = 51;

/// `MAX_LINE_LEN` without the end.
const MAX_LINE: usize = 4095;

pub(crate) fn behave(words: &Words, bench: &Bench) -> io::Result<Answer> {
    match words.verb.as_deref() {
        None if words.has("-i") => interactive(bench),
        None => Ok(Answer::default()),
        Some(verb) => keychains::with(&bench.state, |keychains| command(verb, words, keychains)),
    }
}

/// `security -i`: commands on standard input, so that no password is in an argument list. It goes on after a failure, which it tells, and
/// ends with the result of the last command (SecurityTool/macOS/security.c, Security-61901). A line holds at most 4095 bytes there.
fn interactive(bench: &Bench) -> io::Result<Answer> {
    let text = standard_input()?;
    let page = manual::page("security").ok_or_else(|| io::Error::other("no manual page"))?;
    let mut all = Answer::default();
    for line in text.lines().filter(|it| !it.trim().is_empty()) {
        if line.len() > MAX_LINE {
            return Err(io::Error::other("a line is longer than `security -i` reads"));
        }
        let args = split(line).ok_or_else(|| io::Error::other("a quotation mark is not closed"))?;
        let answer = match page.check(&args) {
            Ok(words) => match words.verb.as_deref() {
                Some(verb) => keychains::with(&bench.state, |keychains| command(verb, &words, keychains))?,
                None => Answer::fails(page.usage_exit, "a command is missing\n"),
            },
            Err(why) => Answer::fails(page.usage_exit, format!("{why}\n")),
        };
        all.stdout += &answer.stdout;
        all.stderr += &answer.stderr;
        if answer.exit != 0 {
            all.stderr += &format!("{}: returned {}\n", args.first().map_or("", String::as_str), answer.exit);
        }
        all.exit = answer.exit;
    }
    all.stdin = Some(text);
    Ok(all)
}

/// Words separated by blanks; `"…"` and `'…'` keep blanks, a backslash keeps the next character.
fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', it) if it != Some('\'') => word.get_or_insert_default().push(letters.next()?),
            (it, Some(open)) if it == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (it, None) if it.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

fn command(verb: &str, words: &Words, keychains: &mut Keychains) -> Answer {
    let operand = words.operands.first().map_or("", String::as_str);
    match verb {
        "create-keychain" => create(operand, words, keychains),
        "delete-keychain" => delete(&words.operands, keychains),
        "list-keychains" => list(words, keychains),
        "default-keychain" => default(operand, words, keychains),
        "login-keychain" => Answer::says(format!("    \"{}\"\n", keychains::LOGIN)),
        "unlock-keychain" => unlock(operand, words, keychains),
        "lock-keychain" => on(operand, keychains, |it| {
            it.is_locked = true;
            Answer::default()
        }),
        "set-keychain-settings" => on(operand, keychains, |it| settings(words, it)),
        "show-keychain-info" => on(operand, keychains, |it| show(operand, it)),
        "import" => on(words.value("-k").unwrap_or_default(), keychains, |it| import(operand, words, it)),
        "set-key-partition-list" => on(operand, keychains, |it| partition(words, it)),
        "find-identity" => find_identity(&words.operands, keychains),
        "add-certificates" => {
            on(words.value("-k").unwrap_or_default(), keychains, |it| add_certificates(&words.operands, it))
        }
        _ => Answer::cannot("security", verb),
    }
}

/// Works on the keychain at `path`, or on the default one when the path is empty.
fn on(path: &str, keychains: &mut Keychains, work: impl FnOnce(&mut Keychain) -> Answer) -> Answer {
    let path = if path.is_empty() { keychains.default.clone() } else { path.to_owned() };
    match keychains.keychains.get_mut(&path) {
        Some(keychain) => work(keychain),
        None => no_such(&path),
    }
}

fn no_such(path: &str) -> Answer {
    Answer::fails(
        NO_SUCH_KEYCHAIN,
        format!("security: SecKeychainOpen {path}: The specified keychain could not be found.\n"),
    )
}

fn create(path: &str, words: &Words, keychains: &mut Keychains) -> Answer {
    let Some(password) = words.value("-p") else {
        // The real tool asks; where nobody answers it hangs.
        return Answer::fails(1, "security: a password is needed, and there is nobody to type it\n");
    };
    if keychains.keychains.contains_key(path) {
        return Answer::fails(
            DUPLICATE_KEYCHAIN,
            format!("security: SecKeychainCreate {path}: A keychain with the same name already exists.\n"),
        );
    }
    // macOS adds a new keychain to the search list by itself.
    keychains.search_list.push(path.to_owned());
    let keychain = Keychain { password: password.to_owned(), timeout: Some(300), ..Keychain::default() };
    keychains.keychains.insert(path.to_owned(), keychain);
    Answer::default()
}

fn delete(paths: &[String], keychains: &mut Keychains) -> Answer {
    for path in paths {
        if keychains.keychains.remove(path).is_none() {
            return no_such(path);
        }
        keychains.search_list.retain(|it| it != path);
    }
    Answer::default()
}

fn list(words: &Words, keychains: &mut Keychains) -> Answer {
    if words.has("-s") {
        keychains.search_list.clone_from(&words.operands);
        return Answer::default();
    }
    Answer::says(keychains.search_list.iter().map(|it| format!("    \"{it}\"\n")).collect::<String>())
}

fn default(path: &str, words: &Words, keychains: &mut Keychains) -> Answer {
    if words.has("-s") {
        path.clone_into(&mut keychains.default);
        return Answer::default();
    }
    Answer::says(format!("    \"{}\"\n", keychains.default))
}

fn unlock(path: &str, words: &Words, keychains: &mut Keychains) -> Answer {
    let Some(password) = words.value("-p") else {
        return Answer::fails(1, "security: a password is needed, and there is nobody to type it\n");
    };
    on(path, keychains, |it| {
        if it.password != password {
            return wrong_password("SecKeychainUnlock");
        }
        it.is_locked = false;
        Answer::default()
    })
}

fn wrong_password(of: &str) -> Answer {
    Answer::fails(
        WRONG_PASSWORD,
        format!("security: {of}: The user name or passphrase you entered is not correct.\n"),
    )
}

fn settings(words: &Words, keychain: &mut Keychain) -> Answer {
    // Without -t it never locks itself.
    match words.value("-t").map(str::parse) {
        Some(Err(_)) => return Answer::fails(2, "security: -t needs a number of seconds\n"),
        Some(Ok(seconds)) => keychain.timeout = Some(seconds),
        None => keychain.timeout = None,
    }
    Answer::default()
}

/// The real tool writes this to standard error.
fn show(path: &str, keychain: &Keychain) -> Answer {
    let timeout = keychain.timeout.map_or("no-timeout".to_owned(), |seconds| format!("timeout={seconds}s"));
    Answer { stderr: format!("Keychain \"{path}\" {timeout}\n"), ..Answer::default() }
}

fn import(file: &str, words: &Words, keychain: &mut Keychain) -> Answer {
    if keychain.is_locked {
        return Answer::fails(1, "security: SecKeychainItemImport: User interaction is not allowed.\n");
    }
    let refuse = |why: &str| Answer::fails(1, format!("security: SecKeychainItemImport: {why}\n"));
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => return Answer::fails(1, format!("security: Error reading infile {file}: {error}\n")),
    };
    let is_identity = words.value("-f") == Some("pkcs12") || file.ends_with(".p12") || file.ends_with(".pfx");
    if !is_identity {
        return match add_certificate(&bytes, keychain) {
            Ok(()) => Answer::says("1 certificate imported.\n"),
            Err(why) => refuse(why),
        };
    }
    // Without -P the real tool asks in a window.
    let Some(password) = words.value("-P") else { return refuse("User interaction is not allowed.") };
    match identity::import(&bytes, password, &words.all("-T")) {
        Err(why) => refuse(&why),
        Ok(new) if keychain.identities.iter().any(|it| it.sha1 == new.sha1) => {
            refuse("The specified item already exists in the keychain.")
        }
        Ok(new) => {
            keychain.identities.push(new);
            Answer::says("1 identity imported.\n")
        }
    }
}

/// Certificates are kept as they are; one that is there already is refused (errSecDuplicateItem).
fn add_certificate(bytes: &[u8], keychain: &mut Keychain) -> Result<(), &'static str> {
    let certificate =
        signer::certificate::Certificate::from_pem_or_der(bytes).map_err(|_| "Unknown format in import.")?;
    let text = BASE64_STANDARD.encode(certificate.der());
    if keychain.certificates.contains(&text) {
        return Err("The specified item already exists in the keychain.");
    }
    keychain.certificates.push(text);
    Ok(())
}

/// `security add-certificates`: each file is one certificate.
fn add_certificates(files: &[String], keychain: &mut Keychain) -> Answer {
    for file in files {
        let added =
            std::fs::read(file).map_err(|_| "file not found").and_then(|it| add_certificate(&it, keychain));
        if let Err(why) = added {
            return Answer::fails(1, format!("security: {file}: {why}\n"));
        }
    }
    Answer::default()
}

fn partition(words: &Words, keychain: &mut Keychain) -> Answer {
    // Since macOS 26.6 the password is always checked; it must be the keychain's own.
    if words.value("-k") != Some(keychain.password.as_str()) {
        return wrong_password("SecKeychainItemSetAccessWithPassword");
    }
    let partitions: Vec<String> =
        words.value("-S").unwrap_or_default().split(',').map(str::to_owned).collect();
    for identity in &mut keychain.identities {
        identity.partitions.clone_from(&partitions);
    }
    Answer::default()
}

fn find_identity(paths: &[String], keychains: &Keychains) -> Answer {
    let searched = if paths.is_empty() { &keychains.search_list } else { paths };
    let found: Vec<&Identity> =
        searched.iter().filter_map(|it| keychains.keychains.get(it)).flat_map(|it| &it.identities).collect();
    let mut text = String::new();
    for (index, identity) in found.iter().enumerate() {
        text += &format!("  {}) {} \"{}\"\n", index + 1, identity.sha1, identity.name);
    }
    Answer::says(format!("{text}     {} valid identities found\n", found.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<&[&str]>) {
        let expected = expected.map(|words| words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        assert_eq!(split(line), expected);
    }

    #[test]
    fn interactive_lines_are_split_as_a_shell_would() {
        check("create-keychain -p pw /a", Some(&["create-keychain", "-p", "pw", "/a"]));
        check(r#"create-keychain -p "p w" '/a b'"#, Some(&["create-keychain", "-p", "p w", "/a b"]));
        check(r#"-p "a\"b" c\ d '\'"#, Some(&["-p", "a\"b", "c d", "\\"]));
        check(r#"-p """#, Some(&["-p", ""]));
        check("  ", Some(&[]));
        check(r#"-p "open"#, None);
        check("-p end\\", None);
    }
}
