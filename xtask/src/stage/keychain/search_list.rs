//! The user's search list of keychains: ours goes in front and comes out again; every other entry stays where it was.
//!
//! There is no call that adds one entry, so the list is read and written under a lock that all our runs of this user share.

use std::{
    fs::{self, File},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::security;
use crate::{
    error::{Doing, Error, Result},
    tools::Toolbox,
};

/// Reading and writing the list takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// Puts `keychain` in front.
pub(super) fn prepend(tools: &Toolbox, keychain: &Path) -> Result {
    let ours = keychain.to_string_lossy().into_owned();
    edit(tools, |list| {
        let others = list.iter().filter(|it| **it != ours).cloned();
        std::iter::once(ours.clone()).chain(others).collect()
    })
}

/// Takes `keychain` out.
pub(super) fn remove(tools: &Toolbox, keychain: &Path) -> Result {
    let ours = keychain.to_string_lossy().into_owned();
    edit(tools, |list| list.iter().filter(|it| **it != ours).cloned().collect())
}

/// Writes what `change` makes of the list, and reads it back.
fn edit(tools: &Toolbox, change: impl Fn(&[String]) -> Vec<String>) -> Result {
    let _lock = lock()?;
    let before = read(tools)?;
    let wanted = change(&before);
    if wanted == before {
        return Ok(());
    }
    tools.run(&security::set_search_list(&wanted).even_when_interrupted())?;
    let after = read(tools)?;
    if after == wanted {
        return Ok(());
    }
    Err(Error::tool("cannot write the search list of keychains")
        .because(format!("wanted {wanted:?}, it is {after:?}"))
        .hint("look at it with `security list-keychains -d user`"))
}

fn read(tools: &Toolbox) -> Result<Vec<String>> {
    Ok(parse(&tools.run(&security::search_list().even_when_interrupted())?.text()))
}

/// One path a line, in quotation marks, indented.
fn parse(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    lines.filter_map(|it| it.strip_prefix('"')?.strip_suffix('"')).map(str::to_owned).collect()
}

/// Held until it is dropped; the system lets go of it when a process dies.
fn lock() -> Result<File> {
    let cannot = || "cannot lock the search list of keychains";
    let path = super::folder::top()?.join("search-list.lock");
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).doing(cannot)?;
    let start = Instant::now();
    loop {
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) if start.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(20));
            }
            Err(error) => {
                return Err(Error::tool(cannot())
                    .because(error)
                    .hint(format!("look which process holds `{}`", path.display())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_out_of_their_quotation_marks() {
        let text = "    \"/Users/a/Library/Keychains/login.keychain-db\"\n    \"/a \\\"b\"\n\n";
        assert_eq!(parse(text), ["/Users/a/Library/Keychains/login.keychain-db", "/a \\\"b"]);
        assert_eq!(parse(""), Vec::<String>::new());
    }
}
