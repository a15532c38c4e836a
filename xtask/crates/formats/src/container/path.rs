//! Names of archive members, accepted only when they stay inside the folder they are unpacked to.
//!
//! ```
//! use formats::container::path;
//! assert_eq!(path::inside("./Host.app/Contents/").unwrap(), "Host.app/Contents");
//! assert!(path::inside("Host.app/../../etc/passwd").is_err());
//! ```

use crate::bytes::{Error, Result};

/// Longest path accepted, in bytes (`PATH_MAX` of macOS, `sys/syslimits.h`).
pub const MAX_PATH: usize = 1024;
/// Longest single name accepted, in bytes. APFS allows 255 UTF-8 *characters*; names of software are far shorter.
pub const MAX_NAME: usize = 255 * 4;
/// Deepest nesting accepted. A path of [`MAX_PATH`] bytes could hold 512 levels; real bundles have 10 to 20.
pub const MAX_DEPTH: usize = 64;

/// The member's path without `./` and trailing slashes; the archive's root is the empty string.
///
/// Refused: absolute paths, `..`, empty paths, zero bytes, paths that are too long or too deep.
pub fn inside(name: &str) -> Result<String> {
    let refuse = |why: String| Err(Error::new(0, why));
    if name.is_empty() {
        return refuse("a member has an empty name".into());
    }
    if name.len() > MAX_PATH {
        return refuse(format!("a member's path has {} bytes, the limit is {MAX_PATH}", name.len()));
    }
    if name.contains('\0') {
        return refuse(format!("a zero byte in the member name {name:?}"));
    }
    if name.starts_with('/') {
        return refuse(format!("the member {name:?} has an absolute path"));
    }
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return refuse(format!("the member {name:?} leaves its folder")),
            part if part.len() > MAX_NAME => {
                return refuse(format!("a member's name has {} bytes, the limit is {MAX_NAME}", part.len()));
            }
            part => parts.push(part),
        }
    }
    if parts.len() > MAX_DEPTH {
        return refuse(format!(
            "the member {name:?} is {} levels deep, the limit is {MAX_DEPTH}",
            parts.len()
        ));
    }
    Ok(parts.join("/"))
}

/// As [`inside`], for names that come as raw bytes. APFS stores UTF-8 only, so anything else is refused.
pub fn inside_bytes(name: &[u8]) -> Result<String> {
    match std::str::from_utf8(name) {
        Ok(name) => inside(name),
        Err(_) => {
            Err(Error::new(0, format!("the member name {:?} is not UTF-8", String::from_utf8_lossy(name))))
        }
    }
}

/// Where a symlink at `link` that says `target` points to, as a path inside the same root.
///
/// `None` when it leaves the root: absolute, or more `..` than there are levels. Purely textual.
pub fn symlink_goal(link: &str, target: &str) -> Option<String> {
    if target.is_empty() || target.starts_with('/') || target.contains('\0') {
        return None;
    }
    let mut parts: Vec<&str> = link.split('/').filter(|it| !it.is_empty()).collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(name: &str, expected: Result<&str, &str>) {
        match (inside(name), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => assert!(found.what.contains(expected), "{found}"),
            (found, expected) => panic!("{name:?}: found {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_payload_path_loses_its_dot() {
        check("./Host.app/Contents", Ok("Host.app/Contents"));
        check("Host.app/", Ok("Host.app"));
        check("a//b/./c", Ok("a/b/c"));
        check(".", Ok(""));
    }

    #[test]
    fn names_that_only_look_dangerous_are_kept() {
        check("..a/b..", Ok("..a/b.."));
        check("a/.../b", Ok("a/.../b"));
    }

    #[test]
    fn a_path_that_leaves_its_folder_is_refused() {
        check("../a", Err("leaves its folder"));
        check("a/../../b", Err("leaves its folder"));
        check("a/..", Err("leaves its folder"));
        check("/etc/passwd", Err("absolute"));
        check("", Err("empty"));
        check("a\0b", Err("zero byte"));
    }

    #[test]
    fn limits_are_named() {
        check(&"a/".repeat(MAX_DEPTH + 1), Err("the limit is 64"));
        check(&"a/".repeat(MAX_DEPTH), Ok(&["a"; MAX_DEPTH].join("/")));
        check(&"a".repeat(MAX_PATH + 1), Err("the limit is 1024"));
    }

    #[test]
    fn a_symlink_is_followed_inside_and_not_outside() {
        assert_eq!(
            symlink_goal("F.framework/F", "Versions/Current/F").unwrap(),
            "F.framework/Versions/Current/F"
        );
        assert_eq!(symlink_goal("a/b/c", "../d").unwrap(), "a/d");
        assert_eq!(symlink_goal("a/b", "../../d"), None);
        assert_eq!(symlink_goal("a", "/etc"), None);
    }

    proptest! {
        #[test]
        fn what_is_accepted_never_climbs(name in "[a./]{0,40}") {
            if let Ok(path) = inside(&name) {
                prop_assert!(!path.starts_with('/'));
                prop_assert!(path.split('/').all(|it| it != ".." && it != "."));
            }
        }
    }
}
