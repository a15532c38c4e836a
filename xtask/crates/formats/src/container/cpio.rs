//! The cpio archive inside a package's `Payload` and `Scripts`: portable ASCII (`odc`, what Apple's tools write) and `newc`.
//!
//! Read as a stream: [`Reader::next`] gives a header, the reader itself then gives that member's bytes.
//! Layout: cpio(5). Numbers are octal (`odc`) or hexadecimal (`newc`) text.
//!
//! ```no_run
//! # fn f(payload: impl std::io::Read) -> formats::Result<()> {
//! let mut cpio = formats::container::cpio::Reader::new(payload);
//! while let Some(member) = cpio.next()? {
//!     println!("{} {:o} {}", member.path, member.mode, member.size);
//! }
//! # Ok(()) }
//! ```

use std::io::{self, Read, Write};

use super::{bounded, path};
use crate::bytes::{Bytes, Error, Result};

/// Most members; Xcode itself has about 400 000, a driver has a few dozen.
const MAX_MEMBERS: u64 = 1_000_000;
const TRAILER: &str = "TRAILER!!!";
/// Type bits of a mode (`S_IFMT`, sys/stat.h).
pub const TYPE: u32 = 0o170_000;
/// A folder (`S_IFDIR`).
pub const FOLDER: u32 = 0o040_000;
/// A regular file (`S_IFREG`).
pub const FILE: u32 = 0o100_000;
/// A symbolic link (`S_IFLNK`); its bytes are the target.
pub const SYMLINK: u32 = 0o120_000;

/// The header of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Path inside the archive's root, which itself is the empty path.
    pub path: String,
    /// Whether the stored name begins with `./`, as the notary wants (`notary.md` 2.10).
    pub has_dot: bool,
    /// Type and permission bits.
    pub mode: u32,
    /// Owner and group ids.
    pub owner: (u32, u32),
    /// Number that hard links to one file share, with the device.
    pub inode: (u64, u64),
    /// Number of hard links.
    pub links: u32,
    /// Seconds since 1970.
    pub mtime: u64,
    /// Length of its bytes.
    pub size: u64,
}

/// A stream of members.
pub struct Reader<R> {
    inner: R,
    /// Bytes read from `inner`.
    at: u64,
    /// Bytes of the current member not read yet.
    left: u64,
    /// Zeros after the current member (`newc` aligns to four).
    padding: u64,
    members: u64,
    done: bool,
}

impl<R: Read> Reader<R> {
    /// `inner` gives the unpacked archive.
    pub const fn new(inner: R) -> Self {
        Self { inner, at: 0, left: 0, padding: 0, members: 0, done: false }
    }

    /// The next member; what is left of the one before is skipped. `None` after the archive's own end mark.
    #[expect(
        clippy::should_implement_trait,
        reason = "it lends the member's bytes through itself, an Iterator cannot"
    )]
    pub fn next(&mut self) -> Result<Option<Member>> {
        if self.done {
            return Ok(None);
        }
        self.skip(self.left.saturating_add(self.padding))?;
        (self.left, self.padding) = (0, 0);
        let start = self.at;
        let magic: [u8; 6] = self.array()?;
        let (mut member, name_len) = match &magic {
            b"070707" => self.odc()?,
            b"070701" | b"070702" => self.newc()?,
            other => {
                let found = String::from_utf8_lossy(other).into_owned();
                return Err(Error::new(start, format!("a cpio header expected, found {found:?}")));
            }
        };
        let is_newc = magic != *b"070707";
        if name_len == 0 || name_len > path::MAX_PATH as u64 + 1 {
            return Err(Error::new(
                start,
                format!("a member name of {name_len} bytes, the limit is {}", path::MAX_PATH),
            ));
        }
        let mut name = vec![0; usize::try_from(name_len).expect("checked above")];
        self.fill(&mut name)?;
        if name.pop() != Some(0) {
            return Err(Error::new(start, "a member name does not end with a zero byte"));
        }
        if is_newc {
            self.skip((4 - (self.at - start) % 4) % 4)?;
            self.padding = (4 - member.size % 4) % 4;
        }
        if name == TRAILER.as_bytes() {
            self.done = true;
            return Ok(None);
        }
        self.members += 1;
        if self.members > MAX_MEMBERS {
            return Err(Error::new(start, format!("more than {MAX_MEMBERS} members")));
        }
        member.has_dot = name.starts_with(b"./") || name == b".";
        member.path = path::inside_bytes(&name).map_err(|it| Error { offset: start, what: it.what })?;
        self.left = member.size;
        Ok(Some(member))
    }

    /// The current member's bytes in memory, when there are at most `limit`.
    pub fn document(&mut self, limit: u64) -> Result<Vec<u8>> {
        if self.left > limit {
            return Err(Error::new(
                self.at,
                format!("a member of {} bytes, the limit is {limit}", self.left),
            ));
        }
        let start = self.at;
        bounded::read_all(self, start)
    }

    fn odc(&mut self) -> Result<(Member, u64)> {
        let head: [u8; 70] = self.array()?;
        let head = Bytes::at(&head, self.at - 70);
        let field = |offset, len| number(head, offset, len, 8);
        let member = Member {
            path: String::new(),
            has_dot: false,
            inode: (field(0, 6)?, field(6, 6)?),
            mode: small(head, field(12, 6)?)?,
            owner: (small(head, field(18, 6)?)?, small(head, field(24, 6)?)?),
            links: small(head, field(30, 6)?)?,
            mtime: field(42, 11)?,
            size: field(59, 11)?,
        };
        Ok((member, field(53, 6)?))
    }

    fn newc(&mut self) -> Result<(Member, u64)> {
        let head: [u8; 104] = self.array()?;
        let head = Bytes::at(&head, self.at - 104);
        let field = |index: usize| number(head, index * 8, 8, 16);
        let member = Member {
            path: String::new(),
            has_dot: false,
            mode: small(head, field(1)?)?,
            owner: (small(head, field(2)?)?, small(head, field(3)?)?),
            links: small(head, field(4)?)?,
            mtime: field(5)?,
            size: field(6)?,
            inode: (field(7)? << 32 | field(8)?, field(0)?),
        };
        Ok((member, field(11)?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        self.fill(&mut out)?;
        Ok(out)
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        let start = self.at;
        match self.inner.read_exact(out) {
            Ok(()) => {
                self.at = self.at.saturating_add(out.len() as u64);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && error.get_ref().is_none() => {
                Err(Error::new(start, "the archive ends early"))
            }
            Err(error) => Err(bounded::fault(start, error)),
        }
    }

    fn skip(&mut self, len: u64) -> Result<()> {
        let skipped = io::copy(&mut (&mut self.inner).take(len), &mut io::sink());
        let skipped = skipped.map_err(|it| bounded::fault(self.at, it))?;
        self.at = self.at.saturating_add(skipped);
        if skipped < len {
            return Err(Error::new(self.at, "the archive ends early"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Reader<R> {
    /// Bytes of the current member.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = (&mut self.inner).take(self.left).read(out)?;
        if n == 0 && self.left > 0 && !out.is_empty() {
            return Err(io::Error::other(Error::new(self.at, "the archive ends early")));
        }
        self.left = self.left.saturating_sub(n as u64);
        self.at = self.at.saturating_add(n as u64);
        Ok(n)
    }
}

fn number(head: Bytes<'_>, offset: usize, len: usize, radix: u32) -> Result<u64> {
    let raw = head.range(offset, len)?.as_slice();
    let digits = std::str::from_utf8(raw).ok().filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()));
    let value = digits.and_then(|it| u64::from_str_radix(it, radix).ok());
    value.ok_or_else(|| head.fault(offset, "a number in a cpio header is not one"))
}

fn small(head: Bytes<'_>, value: u64) -> Result<u32> {
    u32::try_from(value).map_err(|_| head.fault(0, "a number in a cpio header is too large"))
}

/// Writes an `odc` archive, members in the order given; the caller sorts.
pub struct Writer<W> {
    out: W,
    inode: u64,
}

/// What the writer needs to know of a member. Hard links are not made: each member gets its own number.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    /// Path without `./`, which the writer adds; empty for the root.
    pub path: &'a str,
    /// Type and permission bits.
    pub mode: u32,
    /// Owner and group ids; `(0, 80)` (root, admin) is what Installer gives to /Applications.
    pub owner: (u32, u32),
    /// Seconds since 1970.
    pub mtime: u64,
    /// Length of the bytes that follow.
    pub size: u64,
}

impl<W: Write> Writer<W> {
    /// An empty archive on `out`.
    pub const fn new(out: W) -> Self {
        Self { out, inode: 0 }
    }

    /// Adds a member with exactly `header.size` bytes from `bytes`.
    pub fn member(&mut self, header: Header<'_>, bytes: impl Read) -> io::Result<()> {
        let name = if header.path.is_empty() { ".".to_owned() } else { format!("./{}", header.path) };
        self.inode += 1;
        self.header(&name, header, self.inode, if header.mode & TYPE == FOLDER { 2 } else { 1 })?;
        let written = io::copy(&mut bytes.take(header.size), &mut self.out)?;
        if written != header.size {
            let what = format!("`{}` has {written} bytes, {} were announced", header.path, header.size);
            return Err(io::Error::other(Error::new(0, what)));
        }
        Ok(())
    }

    /// Writes the end mark and gives `out` back.
    pub fn finish(mut self) -> io::Result<W> {
        self.header(TRAILER, Header { path: "", mode: 0, owner: (0, 0), mtime: 0, size: 0 }, 0, 1)?;
        Ok(self.out)
    }

    fn header(&mut self, name: &str, it: Header<'_>, inode: u64, links: u64) -> io::Result<()> {
        let name_len = name.len() as u64 + 1;
        let limits = [inode >> 18, u64::from(it.mode) >> 18, name_len >> 18, it.mtime >> 33, it.size >> 33];
        let owners = [it.owner.0 >> 18, it.owner.1 >> 18];
        if limits.iter().any(|it| *it != 0) || owners.iter().any(|it| *it != 0) {
            let what = format!(
                "`{}` has a number that does not fit into a cpio header (8 GB is the largest file)",
                it.path
            );
            return Err(io::Error::other(Error::new(0, what)));
        }
        write!(
            self.out,
            "070707{:06o}{inode:06o}{:06o}{:06o}{:06o}{links:06o}{:06o}{:011o}{name_len:06o}{:011o}{name}\0",
            0, it.mode, it.owner.0, it.owner.1, 0, it.mtime, it.size
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(path: &str, mode: u32, size: usize) -> Header<'_> {
        Header { path, mode, owner: (0, 80), mtime: 1_600_000_000, size: size as u64 }
    }

    fn sample() -> Vec<u8> {
        let mut to = Writer::new(Vec::new());
        to.member(header("", FOLDER | 0o755, 0), io::empty()).unwrap();
        to.member(header("a", FILE | 0o644, 5), &b"hello"[..]).unwrap();
        to.member(header("b", SYMLINK | 0o755, 1), &b"a"[..]).unwrap();
        to.finish().unwrap()
    }

    fn all(bytes: &[u8]) -> Result<Vec<(Member, Vec<u8>)>> {
        let (mut from, mut found) = (Reader::new(bytes), Vec::new());
        while let Some(member) = from.next()? {
            let bytes = from.document(1 << 20)?;
            found.push((member, bytes));
        }
        Ok(found)
    }

    #[track_caller]
    fn refused(bytes: &[u8], why: &str) {
        let error = all(bytes).unwrap_err();
        assert!(error.what.contains(why), "{error}");
    }

    /// One `newc` member and the end mark.
    fn newc(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, bytes, mode) in [(name, bytes, FILE | 0o644), (TRAILER, &[][..], 0)] {
            let name_len = name.len() + 1;
            let fields = [7, mode as usize, 0, 0, 1, 0, bytes.len(), 0, 0, 0, 0, name_len, 0];
            out.extend_from_slice(b"070701");
            fields.iter().for_each(|it| out.extend_from_slice(format!("{it:08x}").as_bytes()));
            out.extend_from_slice(name.as_bytes());
            out.push(0);
            out.resize(out.len().next_multiple_of(4), 0);
            out.extend_from_slice(bytes);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        out
    }

    #[test]
    fn what_is_written_is_read_back() {
        let found = all(&sample()).unwrap();
        let seen: Vec<_> = found.iter().map(|it| (it.0.path.as_str(), it.0.mode, it.1.as_slice())).collect();
        assert_eq!(seen, [("", 0o040_755, &b""[..]), ("a", 0o100_644, b"hello"), ("b", 0o120_755, b"a")]);
        assert!(found.iter().all(|it| it.0.has_dot && it.0.owner == (0, 80)));
    }

    #[test]
    fn newc_is_read_with_its_padding() {
        let found = all(&newc("./x", b"hello")).unwrap();
        assert_eq!((found[0].0.path.as_str(), found[0].1.as_slice()), ("x", &b"hello"[..]));
    }

    #[test]
    fn a_member_that_leaves_the_folder_is_refused() {
        refused(&newc("../x", b""), "leaves its folder");
        refused(&newc("/x", b""), "absolute");
    }

    #[test]
    fn every_truncation_is_refused() {
        let whole = sample();
        // The last 11 bytes are the end mark's name; without its zero byte the archive is still short.
        for len in 0..whole.len() {
            refused(&whole[..len], "ends early");
        }
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        let mut bytes = sample();
        bytes[10] = b'-';
        refused(&bytes, "not one");
    }

    #[test]
    fn a_member_that_is_shorter_than_announced_is_not_written() {
        let mut to = Writer::new(Vec::new());
        assert!(to.member(header("a", FILE, 6), &b"hello"[..]).is_err());
        assert!(to.member(header("a", FILE, 9_000_000_000), io::empty()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..300, byte: u8) {
            let _random_bytes_may_be_refused = all(&bytes);
            bytes = sample();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _damage_may_be_refused = all(&bytes);
        }
    }
}
