//! Archives and payloads as trees. Members are unpacked into a spool, never to a place that they name.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    sync::Arc,
};

use formats::{
    Error, Result, Source,
    container::{
        bounded::{self, Limit},
        cpio, payload, zip,
    },
};

use super::{
    spool::{Part, Spool},
    tree::{Kind, MAX_NODES, MAX_PATHS, Node, Tree},
};

/// Longest link target; `PATH_MAX` of macOS.
const MAX_TARGET: u64 = 1024;

/// A member whose bytes are in the spool.
struct Spooled {
    path: String,
    mode: u32,
    is_mode_known: bool,
    offset: u64,
    len: u64,
}

/// The members of a zip archive.
pub fn zip(source: &dyn Source, limit: Limit) -> Result<Tree> {
    let members = zip::read(source)?;
    let mut spool = Spool::default();
    let mut all = Vec::new();
    let mut faults = Vec::new();
    for member in members {
        let offset = spool.written();
        // The limit holds for all members together.
        let left = Limit { bytes: limit.bytes.saturating_sub(offset), ..limit };
        let unpacked = member.open(source, left).and_then(|mut it| {
            io::copy(&mut it, &mut spool).map_err(|it| bounded::fault(member.packed.offset, it))
        });
        match unpacked {
            Ok(len) => {
                let (mode, is_mode_known) = (member.mode, member.is_unix);
                all.push(Spooled { path: member.path, mode, is_mode_known, offset, len });
            }
            // A bomb ends the reading; a member with a wrong checksum is said and the others are looked at.
            Err(error) if spool.written() > limit.bytes || error.what.contains("limit") => {
                return Err(error.within(member.path));
            }
            Err(error) => faults.push((member.path, error)),
        }
    }
    let spooled: Arc<dyn Source> = spool.finish();
    let mut tree = planted(folded_back(all, spooled.as_ref()), spooled)?;
    faults.into_iter().for_each(|(path, error)| tree.fault(&path, error.to_string()));
    Ok(tree)
}

/// The members of a package's payload, which has `len` packed bytes. Gives also names that do not begin with `./`.
pub fn payload(packed: impl Read, len: u64, limit: Limit) -> Result<(Tree, Vec<String>)> {
    let (_, stream) = payload::open(packed, len, limit)?;
    let mut cpio = cpio::Reader::new(stream);
    let mut spool = Spool::default();
    let mut all: Vec<Spooled> = Vec::new();
    let mut without_dot = Vec::new();
    let mut paths = 0_usize;
    let mut linked: std::collections::BTreeMap<(u64, u64), usize> = std::collections::BTreeMap::new();
    while let Some(member) = cpio.next()? {
        paths = paths.saturating_add(member.path.len());
        if all.len() >= MAX_NODES || paths > MAX_PATHS {
            return Err(Error::new(
                0,
                format!("more than {MAX_NODES} members or {MAX_PATHS} bytes of paths"),
            ));
        }
        if !member.has_dot {
            without_dot.push(member.path.clone());
        }
        if member.path.is_empty() {
            continue;
        }
        let offset = spool.written();
        let len = io::copy(&mut cpio, &mut spool).map_err(|it| bounded::fault(offset, it))?;
        let mut entry = Spooled { path: member.path, mode: member.mode, is_mode_known: true, offset, len };
        // Hard links: cpio stores the bytes with one of the names (the first in odc, the last in newc) and none with the others.
        if member.links > 1 && member.mode & cpio::TYPE == cpio::FILE {
            match linked.get(&member.inode).and_then(|it| all.get_mut(*it)) {
                Some(first) if first.len == 0 => (first.offset, first.len) = (offset, len),
                Some(first) if len == 0 => (entry.offset, entry.len) = (first.offset, first.len),
                Some(_) => {}
                None => {
                    linked.insert(member.inode, all.len());
                }
            }
        }
        all.push(entry);
    }
    Ok((planted(all, spool.finish())?, without_dot))
}

/// Finder and ditto put extended attributes into a parallel tree, `__MACOSX/A/._b` for `A/b`, and fold them back. Here they
/// come to lie beside their files, as in a payload; whatever else is in that tree stays where it is.
fn folded_back(all: Vec<Spooled>, spooled: &dyn Source) -> Vec<Spooled> {
    const ASIDE: &str = "__MACOSX";
    const APPLE_DOUBLE: [u8; 4] = [0x00, 0x05, 0x16, 0x07];
    let below = |path: &str| path.strip_prefix(ASIDE).and_then(|it| it.strip_prefix('/')).map(str::to_owned);
    let mut there = BTreeSet::new();
    for member in &all {
        let mut path = member.path.as_str();
        while there.insert(path.to_owned()) {
            let Some((parent, _)) = path.rsplit_once('/') else { break };
            path = parent;
        }
    }
    let companion = |member: &Spooled| {
        let path = below(&member.path)?;
        let (folder, name) = path.rsplit_once('/').map_or(("", path.as_str()), |it| it);
        let name = name.strip_prefix("._")?;
        let original = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let is_double = spooled.read(member.offset, 4).is_ok_and(|it| *it == APPLE_DOUBLE);
        (is_double && member.len >= 4 && there.contains(&original)).then_some(path)
    };
    let moved =
        all.into_iter().map(|it| Spooled { path: companion(&it).unwrap_or_else(|| it.path.clone()), ..it });
    let moved: Vec<Spooled> = moved.collect();
    let is_left = moved.iter().any(|it| it.mode & cpio::TYPE != cpio::FOLDER && below(&it.path).is_some());
    let is_aside = |it: &Spooled| it.path == ASIDE || below(&it.path).is_some();
    moved.into_iter().filter(|it| is_left || !is_aside(it)).collect()
}

/// The tree of spooled members; folders that no member names are added.
fn planted(all: Vec<Spooled>, spooled: Arc<dyn Source>) -> Result<Tree> {
    let mut tree = Tree::default();
    for member in all {
        let part = Part::new(spooled.clone(), member.offset, member.len)?;
        let kind = match member.mode & cpio::TYPE {
            cpio::FOLDER => Kind::Folder,
            cpio::FILE => Kind::File(Arc::new(part)),
            cpio::SYMLINK if member.len > MAX_TARGET => {
                tree.fault(
                    &member.path,
                    format!("a link's target of {} bytes, the limit is {MAX_TARGET}", member.len),
                );
                continue;
            }
            cpio::SYMLINK => {
                let bytes =
                    part.read(0, usize::try_from(member.len).expect("at most MAX_TARGET"))?.into_owned();
                match String::from_utf8(bytes) {
                    Ok(target) => Kind::Symlink(target),
                    Err(_) => {
                        tree.fault(&member.path, "a link's target is not UTF-8");
                        continue;
                    }
                }
            }
            _ => Kind::Other,
        };
        tree.add(member.path, Node { kind, mode: member.is_mode_known.then_some(member.mode & 0o7777) });
    }
    let mut missing = Vec::new();
    for (path, _) in tree.iter() {
        let mut rest = path;
        while let Some((parent, _)) = rest.rsplit_once('/') {
            match tree.get(parent) {
                None => missing.push(parent.to_owned()),
                Some(Node { kind: Kind::Folder, .. }) => break,
                // What lies behind a link or a file could be written through it: the classic escape.
                Some(_) => {
                    return Err(Error::new(
                        0,
                        format!("{path:?} lies inside {parent:?}, which is not a folder"),
                    ));
                }
            }
            rest = parent;
        }
    }
    missing.sort();
    missing.dedup();
    missing.into_iter().for_each(|it| tree.add(it, Node { kind: Kind::Folder, mode: None }));
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use formats::container::zip_write;

    use super::*;

    fn odc(members: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let mut to = cpio::Writer::new(Vec::new());
        for (path, mode, bytes) in members {
            let header = cpio::Header { path, mode: *mode, owner: (0, 0), mtime: 0, size: bytes.len() };
            to.member(header, *bytes).unwrap();
        }
        to.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Tree> {
        payload(bytes, bytes.len() as u64, Limit::PAYLOAD).map(|it| it.0)
    }

    #[test]
    fn a_payload_becomes_a_tree() {
        let tree = read(&odc(&[
            ("", cpio::FOLDER | 0o755, b""),
            ("A.app/Contents/x", cpio::FILE | 0o755, b"code"),
            ("A.app/link", cpio::SYMLINK | 0o755, b"Contents/x"),
        ]));
        let tree = tree.unwrap();
        let paths: Vec<_> = tree.iter().map(|it| it.0).collect();
        assert_eq!(paths, ["A.app", "A.app/Contents", "A.app/Contents/x", "A.app/link"]);
        assert_eq!(*tree.file("A.app/Contents/x").unwrap().read(0, 4).unwrap(), *b"code");
        assert_eq!(tree.resolve("A.app/link").unwrap(), "A.app/Contents/x");
    }

    #[test]
    fn a_member_behind_a_link_is_refused() {
        let bytes = odc(&[("a", cpio::SYMLINK | 0o755, b"/etc"), ("a/passwd", cpio::FILE | 0o644, b"root")]);
        assert!(read(&bytes).unwrap_err().what.contains("not a folder"));
        let bytes = odc(&[("a", cpio::FILE | 0o755, b"/etc"), ("a/passwd", cpio::FILE | 0o644, b"root")]);
        assert!(read(&bytes).unwrap_err().what.contains("not a folder"));
    }

    #[test]
    fn a_member_that_comes_twice_is_a_fault() {
        let bytes = odc(&[("a", cpio::FILE | 0o644, b"1"), ("a", cpio::FILE | 0o644, b"2")]);
        let tree = read(&bytes).unwrap();
        assert_eq!(tree.faults.len(), 1);
        assert_eq!(*tree.file("a").unwrap().read(0, 1).unwrap(), *b"1");
    }

    #[test]
    fn attributes_that_finder_put_aside_come_to_lie_beside_their_files() {
        let double: &[u8] = &[0x00, 0x05, 0x16, 0x07, 0, 2, 0, 0];
        let aside = |name: &str, bytes: &[u8]| -> Vec<String> {
            let member = |path: &str, offset, len| Spooled {
                path: path.to_owned(),
                mode: cpio::FILE | 0o644,
                is_mode_known: true,
                offset,
                len,
            };
            let folder = Spooled { mode: cpio::FOLDER | 0o755, ..member("__MACOSX", 0, 0) };
            let all = vec![member("A.app/x", 0, 0), folder, member(name, 0, bytes.len() as u64)];
            folded_back(all, &bytes.to_vec()).into_iter().map(|it| it.path).collect()
        };
        assert_eq!(aside("__MACOSX/A.app/._x", double), ["A.app/x", "A.app/._x"]);
        assert_eq!(aside("__MACOSX/._A.app", double), ["A.app/x", "._A.app"]);
        // What is no attribute, or belongs to nothing, is content like any other.
        let stays = |name, bytes| assert_eq!(aside(name, bytes), ["A.app/x", "__MACOSX", name]);
        stays("__MACOSX/A.app/._x", b"code");
        stays("__MACOSX/A.app/._y", double);
        stays("__MACOSX/A.app/x", double);
    }

    #[test]
    fn a_zip_bomb_is_refused_with_the_limit_named() {
        let mut to = zip_write::Writer::new(Cursor::new(Vec::new()), 0).unwrap();
        for name in ["a", "b", "c"] {
            to.file(name, 0o644, 3 << 20, io::repeat(0)).unwrap();
        }
        let file = to.finish().unwrap().into_inner();
        assert!(zip(&file, Limit::PAYLOAD).is_ok());
        // Each member is below the limit, all together are not.
        let error = zip(&file, Limit { bytes: 8 << 20, ratio: 2000 }).unwrap_err();
        assert!(error.what.contains("limit"), "{error}");
    }

    #[test]
    fn a_damaged_member_of_a_zip_is_a_fault_and_the_others_are_read() {
        let mut to = zip_write::Writer::new(Cursor::new(Vec::new()), 0).unwrap();
        to.file("a", 0o644, 3, &b"abc"[..]).unwrap();
        to.file("b", 0o644, 3, &b"def"[..]).unwrap();
        let mut file = to.finish().unwrap().into_inner();
        file[32] ^= 0xff;
        let tree = zip(&file, Limit::PAYLOAD).unwrap();
        assert_eq!(tree.faults.len(), 1);
        assert_eq!(*tree.file("b").unwrap().read(0, 3).unwrap(), *b"def");
    }
}
