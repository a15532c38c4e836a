//! zip archives, read by their central directory.
//!
//! ```text
//!   [local header │ packed bytes]… │ central directory │ (Zip64 end, locator) │ end record │ comment
//! ```
//! Layout: PKWARE APPNOTE 6.3. Read strictly, since two readers that disagree about an archive are how one thing is checked and
//! another is unpacked: local headers and directory must agree, members must not overlap and the directory must name all of them,
//! one archive per file, no encryption.

use std::{
    collections::BTreeSet,
    io::{self, Read},
};

use super::{
    bounded::{Bounded, Limit, SourceReader},
    cpio, path,
    xar::Range,
};
use crate::{
    bytes::{Bytes, Error, Result},
    source::Source,
};

const END: u32 = 0x0605_4b50;
const END_LEN: u64 = 22;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
const LOCATOR64_LEN: u64 = 20;
const CENTRAL: u32 = 0x0201_4b50;
const CENTRAL_LEN: u64 = 46;
const LOCAL: u32 = 0x0403_4b50;
const LOCAL_LEN: u64 = 30;
const EXTRA_ZIP64: u16 = 0x0001;
/// Another spelling of the name (Info-ZIP); who honours it unpacks to there.
const EXTRA_UNICODE_PATH: u16 = 0x7075;
/// Flag: checksum and lengths follow the bytes, in a descriptor.
const HAS_DESCRIPTOR: u16 = 1 << 3;
/// Lengths of that descriptor: with or without its magic, with lengths of 32 or 64 bits.
const DESCRIPTORS: [u64; 5] = [0, 12, 16, 20, 24];
/// "made by" byte of archives whose external attributes hold a Unix mode.
pub(super) const UNIX: u8 = 3;
/// Most members. An app with all of Electron has 5 000.
const MAX_MEMBERS: u64 = 200_000;
/// Largest central directory kept in memory; 200 000 members with paths of 100 bytes.
const MAX_DIRECTORY: u64 = 32 << 20;

/// How a member is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// 0
    Stored,
    /// 8
    Deflate,
    /// Anything else; refused when opened.
    Other(u16),
}

/// A member as the central directory states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Path inside the archive's root, checked by [`path::inside`].
    pub path: String,
    /// Type and permission bits; for archives not made on Unix there are none and only the type is set here.
    pub mode: u32,
    /// Whether the archive says that it was made on Unix, which is where `mode` comes from.
    pub is_unix: bool,
    /// How it is packed.
    pub method: Method,
    /// Where its packed bytes lie.
    pub packed: Range,
    /// Length after unpacking.
    pub size: u64,
    /// CRC-32 of the unpacked bytes.
    pub crc: u32,
    /// Where its local header lies.
    pub header: u64,
}

/// Whether `source` starts like a zip archive with members.
pub fn is(source: &dyn Source) -> bool {
    source.read(0, 4).is_ok_and(|it| Bytes::new(&it).u32_le(0) == Ok(LOCAL))
}

/// The members of an archive, in the order of its central directory.
pub fn read(source: &dyn Source) -> Result<Vec<Member>> {
    let end = end_record(source)?;
    let raw = source.read(end.directory.offset, size(end.directory.len)?)?;
    let bytes = Bytes::at(&raw, end.directory.offset);
    let (mut members, mut seen, mut at) = (Vec::new(), BTreeSet::new(), 0usize);
    for _ in 0..end.members {
        let (member, len) = central(source, bytes.from(at)?, end.directory.offset)?;
        if !seen.insert(member.path.clone()) {
            return Err(bytes.fault(at, format!("the member {:?} is there twice", member.path)));
        }
        members.push(member);
        at = at.checked_add(len).ok_or_else(|| bytes.fault(at, "the central directory overflows"))?;
    }
    if at != bytes.len() {
        return Err(
            bytes.fault(at, format!("{} bytes after the last member of the directory", bytes.len() - at))
        );
    }
    let mut ranges: Vec<_> = members.iter().map(|it| (it.header, it.packed.end())).collect();
    ranges.sort_unstable();
    // Readers of streams go from header to header and never see the directory.
    let mut end_of_last = 0;
    for (start, end) in ranges.into_iter().chain([(end.directory.offset, end.directory.offset)]) {
        if start < end_of_last {
            return Err(Error::new(start, "two members share bytes"));
        }
        for at in DESCRIPTORS.iter().filter_map(|it| end_of_last.checked_add(*it)).filter(|it| *it < start) {
            if source.read(at, 4).is_ok_and(|it| Bytes::new(&it).u32_le(0) == Ok(LOCAL)) {
                return Err(Error::new(at, "a member that the directory does not name"));
            }
        }
        end_of_last = end;
    }
    Ok(members)
}

impl Member {
    /// Whether it is a folder.
    pub const fn is_folder(&self) -> bool {
        self.mode & cpio::TYPE == cpio::FOLDER
    }

    /// Whether it is a symbolic link; its bytes are the target.
    pub const fn is_symlink(&self) -> bool {
        self.mode & cpio::TYPE == cpio::SYMLINK
    }

    /// The unpacked bytes as a stream. Their number and CRC-32 are compared with what the directory states.
    pub fn open<'a>(&self, source: &'a dyn Source, limit: Limit) -> Result<impl Read + use<'a>> {
        if self.size > limit.bytes {
            let (size, limit) = (self.size, limit.bytes);
            return Err(Error::new(
                self.packed.offset,
                format!("it unpacks to {size} bytes, the limit is {limit}"),
            ));
        }
        let packed = SourceReader::new(source, self.packed.offset, self.packed.end());
        let inner: Box<dyn Read + 'a> = match self.method {
            Method::Stored => Box::new(packed),
            Method::Deflate => Box::new(flate2::read::DeflateDecoder::new(packed)),
            Method::Other(number) => {
                return Err(Error::new(
                    self.packed.offset,
                    format!("packing method {number} is not read here"),
                ));
            }
        };
        let inner = Bounded::new(inner, self.packed.len, limit);
        Ok(Checked {
            inner,
            crc: flate2::Crc::new(),
            left: self.size,
            expected: self.crc,
            offset: self.packed.offset,
        })
    }
}

struct Checked<R> {
    inner: R,
    crc: flate2::Crc,
    left: u64,
    expected: u32,
    offset: u64,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let fault = |what: String| Err(io::Error::other(Error::new(self.offset, what)));
        let n = self.inner.read(out)?;
        let Some(left) = self.left.checked_sub(n as u64) else {
            return fault("a member unpacks to more than the directory states".into());
        };
        self.left = left;
        self.crc.update(out.get(..n).unwrap_or_default());
        if n == 0 && left > 0 {
            return fault(format!("a member ends {left} bytes early"));
        }
        if n == 0 && self.crc.sum() != self.expected {
            return fault(format!(
                "CRC-32 is {:08x}, the directory states {:08x}",
                self.crc.sum(),
                self.expected
            ));
        }
        Ok(n)
    }
}

struct End {
    members: u64,
    directory: Range,
}

/// The end record. It is searched in the last 64 KB, where it may stand before a comment.
fn end_record(source: &dyn Source) -> Result<End> {
    let window = source.len().min(END_LEN + u64::from(u16::MAX));
    let base = source.len() - window;
    let raw = source.read(base, size(window)?)?;
    let bytes = Bytes::at(&raw, base);
    let newest = bytes.len().saturating_sub(END_LEN as usize);
    // The comment must reach exactly to the end: a signature inside a comment is not taken for the record.
    let fits = |at: &usize| {
        bytes.u32_le(*at) == Ok(END)
            && bytes.u16_le(*at + 20).is_ok_and(|it| *at + END_LEN as usize + usize::from(it) == bytes.len())
    };
    let at =
        (0..=newest).rev().find(fits).ok_or_else(|| bytes.fault(0, "not a zip archive: no end record"))?;
    let record = bytes.from(at)?;
    let (disk, first_disk, on_disk) = (record.u16_le(4)?, record.u16_le(6)?, record.u16_le(8)?);
    let (members, len, offset) = (record.u16_le(10)?, record.u32_le(12)?, record.u32_le(16)?);
    let end64 = zip64(source, record.base())?;
    let (members, len, offset, limit) = match end64 {
        Some(it) => it,
        None if (disk, first_disk, on_disk) != (0, 0, members) => {
            return Err(record.fault(4, "an archive in several parts"));
        }
        None => (u64::from(members), u64::from(len), u64::from(offset), record.base()),
    };
    if members > MAX_MEMBERS {
        return Err(record.fault(10, format!("{members} members, the limit is {MAX_MEMBERS}")));
    }
    if len > MAX_DIRECTORY {
        return Err(
            record.fault(12, format!("a central directory of {len} bytes, the limit is {MAX_DIRECTORY}"))
        );
    }
    if offset.checked_add(len) != Some(limit) {
        return Err(record.fault(16, "the central directory does not end where the end record starts"));
    }
    Ok(End { members, directory: Range { offset, len } })
}

/// Members, length and offset of the directory and where the Zip64 end record starts, when there is one before `end`.
fn zip64(source: &dyn Source, end: u64) -> Result<Option<(u64, u64, u64, u64)>> {
    let Some(at) = end.checked_sub(LOCATOR64_LEN) else { return Ok(None) };
    let raw = source.read(at, LOCATOR64_LEN as usize)?;
    let locator = Bytes::at(&raw, at);
    if locator.u32_le(0)? != LOCATOR64 {
        return Ok(None);
    }
    let start = locator.u64_le(8)?;
    let raw = source.read(start, 56).map_err(|it| it.within("Zip64 end record"))?;
    let record = Bytes::at(&raw, start);
    if record.u32_le(0)? != END64 {
        return Err(record.fault(0, "the Zip64 locator points to something else"));
    }
    if (record.u32_le(16)?, record.u32_le(20)?) != (0, 0) || record.u64_le(24)? != record.u64_le(32)? {
        return Err(record.fault(16, "an archive in several parts"));
    }
    Ok(Some((record.u64_le(32)?, record.u64_le(40)?, record.u64_le(48)?, start)))
}

/// The entry at the start of `bytes`, and its length.
fn central(source: &dyn Source, bytes: Bytes<'_>, directory: u64) -> Result<(Member, usize)> {
    if bytes.u32_le(0)? != CENTRAL {
        return Err(bytes.fault(0, "an entry of the central directory expected"));
    }
    let (host, flags, method) = (bytes.u8(5)?, bytes.u16_le(8)?, bytes.u16_le(10)?);
    let (crc, packed, unpacked) = (bytes.u32_le(16)?, bytes.u32_le(20)?, bytes.u32_le(24)?);
    let lengths = [bytes.u16_le(28)?, bytes.u16_le(30)?, bytes.u16_le(32)?].map(usize::from);
    let [name_len, extra_len, comment_len] = lengths;
    let (external, offset) = (bytes.u32_le(38)?, bytes.u32_le(42)?);
    let fixed = CENTRAL_LEN as usize;
    let name = bytes.range(fixed, name_len)?.as_slice();
    if flags & 1 != 0 {
        return Err(bytes.fault(8, format!("the member {:?} is encrypted", String::from_utf8_lossy(name))));
    }
    let extra = bytes.range(fixed + name_len, extra_len)?;
    bytes.range(fixed + name_len + extra_len, comment_len)?;
    let [size, packed, offset] = large(extra, [unpacked, packed, offset])?;
    same_name(extra, name)?;

    let path = path::inside_bytes(name).map_err(|it| bytes.fault(fixed, it.what))?;
    let is_folder = name.ends_with(b"/");
    let is_unix = host == UNIX && external >> 16 != 0;
    let mode = match (is_unix, is_folder) {
        (true, _) => external >> 16,
        (false, true) => cpio::FOLDER,
        (false, false) => cpio::FILE,
    };
    // Some tools leave the type bits out and set only permissions.
    let mode = match (mode & cpio::TYPE, is_folder) {
        (0, true) => mode | cpio::FOLDER,
        (0, false) => mode | cpio::FILE,
        (cpio::FOLDER, true) => mode,
        (cpio::FOLDER, false) | (_, true) => {
            return Err(bytes.fault(fixed, format!("{path:?}: name and mode disagree about being a folder")));
        }
        (_, false) => mode,
    };
    let start = local(source, offset, name, &Stated { method, crc, packed, size })?;
    let end = start.checked_add(packed).filter(|it| *it <= directory);
    if end.is_none() {
        return Err(bytes.fault(20, format!("{path:?} ends past the start of the central directory")));
    }
    let method = match method {
        0 if packed != size => {
            return Err(bytes.fault(20, format!("{path:?} is stored in {packed} bytes and has {size}")));
        }
        0 => Method::Stored,
        8 => Method::Deflate,
        other => Method::Other(other),
    };
    let packed = Range { offset: start, len: packed };
    Ok((
        Member { path, mode, is_unix, method, packed, size, crc, header: offset },
        fixed + name_len + extra_len + comment_len,
    ))
}

/// Unpacked length, packed length and offset, with those that are all ones taken from the Zip64 field.
fn large(extra: Bytes<'_>, small: [u32; 3]) -> Result<[u64; 3]> {
    let mut at = 0;
    let mut field = None;
    while at < extra.len() {
        // A tail too short for a header is padding (Android's zipalign writes it).
        let (Ok(id), Ok(len)) = (extra.u16_le(at), extra.u16_le(at + 2)) else { break };
        let body = extra.range(at + 4, len.into())?;
        if id == EXTRA_ZIP64 && field.replace(body).is_some() {
            return Err(extra.fault(at, "two Zip64 fields"));
        }
        at += 4 + usize::from(len);
    }
    let mut at = 0;
    let mut out = [0; 3];
    for (to, value) in out.iter_mut().zip(small) {
        *to = match (value, field) {
            (u32::MAX, Some(field)) => {
                at += 8;
                field.u64_le(at - 8)?
            }
            (value, _) => value.into(),
        };
    }
    Ok(out)
}

/// An extra field may spell the name once more, but not differently.
fn same_name(extra: Bytes<'_>, name: &[u8]) -> Result<()> {
    let mut at = 0;
    // As in `large`: a tail too short for a header is padding.
    while let (Ok(id), Ok(len)) = (extra.u16_le(at), extra.u16_le(at + 2)) {
        let body = extra.range(at + 4, len.into())?;
        // A version and the checksum of the other name come first.
        if id == EXTRA_UNICODE_PATH && body.from(5)?.as_slice() != name {
            let other = String::from_utf8_lossy(body.from(5)?.as_slice()).into_owned();
            let name = String::from_utf8_lossy(name).into_owned();
            return Err(body.fault(0, format!("the member {name:?} is also called {other:?}")));
        }
        at += 4 + usize::from(len);
    }
    Ok(())
}

/// What the directory says of a member.
struct Stated {
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
}

/// Where the packed bytes start: behind the local header, which must say the same.
fn local(source: &dyn Source, offset: u64, name: &[u8], stated: &Stated) -> Result<u64> {
    let raw = source.read(offset, LOCAL_LEN as usize).map_err(|it| it.within("local header"))?;
    let head = Bytes::at(&raw, offset);
    if head.u32_le(0)? != LOCAL {
        return Err(head.fault(0, "a local header expected"));
    }
    let (name_len, extra_len) = (head.u16_le(26)?, head.u16_le(28)?);
    let names = offset.checked_add(LOCAL_LEN).ok_or_else(|| head.fault(0, "the offset overflows"))?;
    let found = source.read(names, name_len.into())?;
    if *found != *name {
        let (found, name) = (String::from_utf8_lossy(&found).into_owned(), String::from_utf8_lossy(name));
        return Err(Error::new(names, format!("the local header says {found:?}, the directory {name:?}")));
    }
    let has_descriptor = head.u16_le(6)? & HAS_DESCRIPTOR != 0;
    // Numbers that follow in a descriptor or in a Zip64 field are 0 or all ones here.
    let agrees =
        |here: u32, there: u64| u64::from(here) == there || here == u32::MAX || has_descriptor && here == 0;
    let crc = head.u32_le(14)?;
    let is_same = head.u16_le(8)? == stated.method
        && (crc == stated.crc || has_descriptor && crc == 0)
        && agrees(head.u32_le(18)?, stated.packed)
        && agrees(head.u32_le(22)?, stated.size);
    if !is_same {
        let name = String::from_utf8_lossy(name).into_owned();
        return Err(
            head.fault(8, format!("the local header of {name:?} says another packing, length or checksum"))
        );
    }
    let lengths = u64::from(name_len) + u64::from(extra_len);
    let start = names.checked_add(lengths).ok_or_else(|| head.fault(0, "the offset overflows"))?;
    let extra_at = names.checked_add(name_len.into()).ok_or_else(|| head.fault(0, "the offset overflows"))?;
    let extra = source.read(extra_at, extra_len.into())?;
    same_name(Bytes::at(&extra, extra_at), name)?;
    Ok(start)
}

fn size(len: u64) -> Result<usize> {
    usize::try_from(len).map_err(|_| Error::new(0, "larger than the address space"))
}
