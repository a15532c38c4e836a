//! `codesign`, as far as it can fail without signing anything.

use std::{io, path::Path};

use crate::{
    keychains::{self, Keychains},
    run::{Answer, Bench},
    synopsis::Words,
};

pub(crate) fn behave(words: &Words, bench: &Bench) -> io::Result<Answer> {
    for path in &words.operands {
        if !Path::new(path).exists() {
            return Ok(Answer::fails(1, format!("{path}: No such file or directory\n")));
        }
    }
    let Some(identity) = words.value("-s") else {
        return Ok(Answer::cannot("codesign", "judging a signature"));
    };
    if identity != "-"
        && let Some(refusal) = keychains::with(&bench.state, |it| refusal(identity, words, it))?
    {
        return Ok(refusal);
    }
    Ok(Answer::cannot("codesign", "making a signature"))
}

/// What keeps codesign from using an identity, as it says so.
fn refusal(identity: &str, words: &Words, keychains: &Keychains) -> Option<Answer> {
    let path = words.operands.first().map_or("", String::as_str);
    let searched = match words.value("--keychain") {
        Some(keychain) => vec![keychain.to_owned()],
        None => keychains.search_list.clone(),
    };
    let found = searched.iter().find_map(|it| {
        let keychain = keychains.keychains.get(it)?;
        keychain.identities.first().map(|identity| (it, keychain, identity))
    });
    let Some((place, keychain, key)) = found else {
        return Some(Answer::fails(1, format!("{identity}: no identity found\n")));
    };
    // `--keychain` says where the key is; the chain is looked for along the user's search list all the same (codesign(1)).
    if !keychains.search_list.contains(place) {
        return Some(Answer::fails(
            1,
            format!(
                "Warning: unable to build chain to self-signed root for signer \"{identity}\"\n{path}: errSecInternalComponent\n"
            ),
        ));
    }
    if keychain.is_locked {
        return Some(Answer::fails(1, format!("{path}: User interaction is not allowed.\n")));
    }
    // Without this list a window asks for permission, which nobody sees; in a session without windows it ends so.
    let may_sign = key.partitions.iter().any(|it| it == "codesign:" || it == "apple-tool:" || it == "apple:");
    if !may_sign {
        return Some(Answer::fails(1, format!("{path}: errSecInternalComponent\n")));
    }
    None
}
