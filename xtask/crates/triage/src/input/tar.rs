//! A sysdiagnose (`.tar.gz`), member by member: only what triage can use is handed out.
//!
//! Our own reader, because members are foreign: names may climb out of the folder, sizes may lie, and
//! gigabytes must stream by. Links, devices and sparse files are skipped; nothing is created here.

use std::io::{self, Read};

/// One block of a tar archive.
const BLOCK: usize = 512;
/// Longest name in a long-name or pax record; macOS paths end at 1024.
const LONGEST_NAME: u64 = 16 * 1024;
/// Members of a sysdiagnose: tens of thousands. More than this is no sysdiagnose.
const MOST_MEMBERS: u64 = 1_000_000;

/// Hands every regular member that `wanted` asks for to `take`, in the order of the archive.
///
/// `source` is the decompressed archive. `take` gets the member's name (relative, without `..`), its size
/// and its bytes; what it does not read is skipped. Members with names that lead outside are counted in the
/// result and not handed out.
///
/// Errors are those of the source and of `take`, and `InvalidData` for what is not a tar archive.
pub fn members(
    source: &mut dyn Read,
    wanted: &dyn Fn(&str) -> bool,
    take: &mut dyn FnMut(&str, u64, &mut dyn Read) -> io::Result<()>,
) -> io::Result<u64> {
    let mut refused = 0;
    let mut long_name: Option<String> = None;
    for _ in 0..MOST_MEMBERS {
        let mut header = [0; BLOCK];
        if !fill(source, &mut header)? || header.iter().all(|it| *it == 0) {
            return Ok(refused);
        }
        check_sum(&header)?;
        let size = number(header.get(124..136).unwrap_or_default())
            .ok_or_else(|| invalid("a size that is no number"))?;
        let padded =
            size.checked_next_multiple_of(BLOCK as u64).ok_or_else(|| invalid("a size beyond all limits"))?;
        let kind = header.get(156).copied().unwrap_or_default();
        let mut body = source.take(padded);
        match kind {
            b'L' | b'x' if size <= LONGEST_NAME => {
                let mut record = Vec::new();
                (&mut body).take(size).read_to_end(&mut record)?;
                let name = if kind == b'L' { Some(text(&record)) } else { pax_path(&record) };
                long_name = name.or(long_name);
            }
            b'0' | 0 => {
                let name = long_name.take().unwrap_or_else(|| short_name(&header));
                match inside(&name) {
                    Some(name) if wanted(&name) => take(&name, size, &mut (&mut body).take(size))?,
                    Some(_) => {}
                    None => refused += 1,
                }
            }
            _ => long_name = None,
        }
        let expected = body.limit();
        if io::copy(&mut body, &mut io::sink())? != expected {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends inside a member"));
        }
    }
    Err(invalid("too many members"))
}

/// The name relative to the folder it is unpacked in; `None` when it leads outside.
fn inside(name: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            it if it.contains(['\\', '\0', ':']) && cfg!(windows) => return None,
            it => parts.push(it),
        }
    }
    if parts.is_empty() || name.starts_with('/') { None } else { Some(parts.join("/")) }
}

fn short_name(header: &[u8; BLOCK]) -> String {
    let name = text(header.get(..100).unwrap_or_default());
    let is_ustar = header.get(257..262) == Some(b"ustar");
    let prefix = if is_ustar { text(header.get(345..500).unwrap_or_default()) } else { String::new() };
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

/// `path` in a pax record: `LENGTH path=VALUE\n`, repeated.
fn pax_path(record: &[u8]) -> Option<String> {
    let record = String::from_utf8_lossy(record);
    record
        .split('\n')
        .find_map(|it| it.split_once(' ').and_then(|it| it.1.strip_prefix("path=")))
        .map(str::to_string)
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|it| *it == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

/// An octal number, or a base-256 one for sizes above 8 GiB.
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|it| it & 0x80 != 0) {
        return field
            .iter()
            .skip(4)
            .try_fold(0u64, |sum, it| sum.checked_mul(256)?.checked_add(u64::from(*it)));
    }
    let digits = text(field);
    u64::from_str_radix(digits.trim(), 8).ok()
}

fn check_sum(header: &[u8; BLOCK]) -> io::Result<()> {
    let stored = number(header.get(148..156).unwrap_or_default())
        .ok_or_else(|| invalid("a checksum that is no number"))?;
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(n, it)| if (148..156).contains(&n) { u64::from(b' ') } else { u64::from(*it) })
        .sum();
    if sum == stored { Ok(()) } else { Err(invalid("a header whose checksum is wrong")) }
}

/// Whether a whole block came; a source that is at its end gives none.
fn fill(source: &mut dyn Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut part = source.take(BLOCK as u64);
    let mut bytes = Vec::with_capacity(BLOCK);
    match part.read_to_end(&mut bytes)? {
        0 => Ok(false),
        BLOCK => {
            block.copy_from_slice(&bytes);
            Ok(true)
        }
        _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends inside a header")),
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not a tar archive: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, kind: u8, body: &[u8]) -> Vec<u8> {
        let mut header = [0u8; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", body.len()).as_bytes());
        header[156] = kind;
        header[148..156].copy_from_slice(b"        ");
        let sum: u64 = header.iter().map(|it| u64::from(*it)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let mut all = header.to_vec();
        all.extend(body);
        all.resize(all.len().next_multiple_of(BLOCK), 0);
        all
    }

    #[track_caller]
    fn check(archive: &[u8], expected: &[(&str, &str)], refused: u64) {
        let mut found = Vec::new();
        let n_refused = members(&mut &archive[..], &|_| true, &mut |name, _, body| {
            let mut text = String::new();
            body.read_to_string(&mut text)?;
            found.push((name.to_string(), text));
            Ok(())
        })
        .unwrap();
        let found: Vec<(&str, &str)> = found.iter().map(|it| (it.0.as_str(), it.1.as_str())).collect();
        assert_eq!((found.as_slice(), n_refused), (expected, refused));
    }

    #[test]
    fn regular_members_are_handed_out_and_others_are_not() {
        let archive =
            [member("a/b.txt", b'0', b"hello"), member("link", b'2', b""), member("./c", b'0', b"x")]
                .concat();
        check(&archive, &[("a/b.txt", "hello"), ("c", "x")], 0);
    }

    #[test]
    fn names_that_lead_outside_are_refused() {
        check(
            &[
                member("../etc/passwd", b'0', b"x"),
                member("/etc/passwd", b'0', b"x"),
                member("a..b", b'0', b"y"),
            ]
            .concat(),
            &[("a..b", "y")],
            2,
        );
    }

    #[test]
    fn long_names_are_joined_with_their_member() {
        let archive = [
            member("././@LongLink", b'L', b"dir/very-long\0"),
            member("short", b'0', b"1"),
            member("p", b'x', b"16 path=pax/one\n"),
            member("s", b'0', b"2"),
        ]
        .concat();
        check(&archive, &[("dir/very-long", "1"), ("pax/one", "2")], 0);
    }

    #[test]
    fn what_is_cut_off_or_no_archive_is_an_error() {
        let whole = member("a", b'0', b"hello");
        assert!(members(&mut &whole[..600], &|_| false, &mut |_, _, _| Ok(())).is_err());
        assert!(members(&mut &[7u8; 1024][..], &|_| false, &mut |_, _, _| Ok(())).is_err());
    }
}
