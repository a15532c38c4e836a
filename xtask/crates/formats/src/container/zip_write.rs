//! Writing zip archives that unpack to the same signed bundle everywhere (`notary.md` 2.10).
//!
//! Symbolic links as links, Unix modes, names flagged UTF-8, members in the order of their paths, one fixed time, Zip64 where a
//! number needs it: same members, same bytes.

use std::{
    collections::BTreeSet,
    io::{self, Read, Seek, SeekFrom, Write},
};

use time::OffsetDateTime;

use super::{bounded, cpio, path, zip::UNIX};
use crate::bytes::{Error, Result};

/// Bit 11: the name is UTF-8.
const FLAGS: u16 = 1 << 11;
const STORED: u16 = 0;
const DEFLATE: u16 = 8;
/// From this size on a member's local header reserves the Zip64 field: deflate may grow bytes by a little.
const LARGE: u64 = 0xff00_0000;

/// An archive being written.
pub struct Writer<W> {
    out: W,
    at: u64,
    /// MS-DOS date and time.
    stamp: (u16, u16),
    last: Option<String>,
    folders: BTreeSet<String>,
    directory: Vec<u8>,
    members: u64,
}

impl<W: Write + Seek> Writer<W> {
    /// An empty archive at the start of `out`. Every member gets the time `epoch` (seconds since 1970; two-second steps, from 1980).
    pub fn new(out: W, epoch: u64) -> Result<Self> {
        Ok(Self {
            out,
            at: 0,
            stamp: stamp(epoch)?,
            last: None,
            folders: BTreeSet::new(),
            directory: Vec::new(),
            members: 0,
        })
    }

    /// Adds a folder.
    pub fn folder(&mut self, name: &str, permissions: u32) -> Result<()> {
        let name = self.next(name)?;
        self.folders.insert(name.clone());
        self.member(&format!("{name}/"), cpio::FOLDER | permissions & 0o7777, STORED, 0, io::empty())
    }

    /// Adds a symbolic link, which must stay inside the archive.
    pub fn symlink(&mut self, name: &str, target: &str) -> Result<()> {
        let name = self.next(name)?;
        if path::symlink_goal(&name, target).is_none() {
            return Err(Error::new(self.at, format!("the link {name:?} leaves the archive: {target:?}")));
        }
        self.member(&name, cpio::SYMLINK | 0o755, STORED, target.len() as u64, target.as_bytes())
    }

    /// Adds a file with exactly `size` bytes from `bytes`.
    pub fn file(&mut self, name: &str, permissions: u32, size: u64, bytes: impl Read) -> Result<()> {
        let name = self.next(name)?;
        self.member(&name, cpio::FILE | permissions & 0o7777, DEFLATE, size, bytes)
    }

    /// Writes the directory and gives `out` back.
    pub fn finish(mut self) -> Result<W> {
        let (start, len, members) = (self.at, self.directory.len() as u64, self.members);
        let directory = std::mem::take(&mut self.directory);
        self.put(&directory)?;
        let needs_zip64 = members >= u64::from(u16::MAX) || start.max(len) >= u64::from(u32::MAX);
        if needs_zip64 {
            let end = self.at;
            let mut record = Record::default();
            record.u32(0x0606_4b50).u64(44).u16(u16::from(UNIX) << 8 | 45).u16(45).u32(0).u32(0);
            record.u64(members).u64(members).u64(len).u64(start);
            record.u32(0x0706_4b50).u32(0).u64(end).u32(1);
            self.put(&record.0)?;
        }
        let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let count = u16::try_from(members).unwrap_or(u16::MAX);
        let mut record = Record::default();
        record.u32(0x0605_4b50).u16(0).u16(0).u16(count).u16(count).u32(small(len)).u32(small(start)).u16(0);
        self.put(&record.0)?;
        self.out.flush().map_err(|it| bounded::fault(self.at, it))?;
        Ok(self.out)
    }

    /// The checked name; members come in the order of their paths as text, so folders come before what is in them.
    fn next(&mut self, name: &str) -> Result<String> {
        let name = path::inside(name)?;
        if name.is_empty() {
            return Err(Error::new(self.at, "a member without a name"));
        }
        let is_sorted = self.last.as_ref().is_none_or(|last| *last < name);
        if !is_sorted {
            let last = self.last.take().unwrap_or_default();
            return Err(Error::new(
                self.at,
                format!("{name:?} comes after {last:?}, members must be sorted by path"),
            ));
        }
        if let Some((parent, _)) = name.rsplit_once('/')
            && !self.folders.contains(parent)
        {
            return Err(Error::new(self.at, format!("the folder of {name:?} is not in the archive")));
        }
        self.last = Some(name.clone());
        Ok(name)
    }

    fn member(&mut self, name: &str, mode: u32, method: u16, size: u64, bytes: impl Read) -> Result<()> {
        let start = self.at;
        let is_large = size >= LARGE;
        self.local(name, method, is_large, 0, 0, 0)?;
        let data = self.at;
        let (crc, size, packed) = self.body(name, method, size, bytes)?;
        self.at = data + packed;
        // What was not known before goes back into the local header.
        let end = self.at;
        self.seek(start)?;
        self.local(name, method, is_large, crc, size, packed)?;
        self.seek(end)?;

        let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let mut extra = Record::default();
        for value in [size, packed, start].into_iter().filter(|it| *it >= u64::from(u32::MAX)) {
            extra.u64(value);
        }
        let extra = if extra.0.is_empty() { extra } else { zip64_field(&extra.0) };
        let needed: u16 = if is_large || !extra.0.is_empty() { 45 } else { 20 };
        let mut entry = Record::default();
        entry.u32(0x0201_4b50).u16(u16::from(UNIX) << 8 | needed).u16(needed).u16(FLAGS).u16(method);
        entry.u16(self.stamp.1).u16(self.stamp.0).u32(crc).u32(small(packed)).u32(small(size));
        entry
            .u16(short(name.len())?)
            .u16(short(extra.0.len())?)
            .u16(0)
            .u16(0)
            .u16(0)
            .u32(mode << 16)
            .u32(small(start));
        self.directory.extend_from_slice(&entry.0);
        self.directory.extend_from_slice(name.as_bytes());
        self.directory.extend_from_slice(&extra.0);
        self.members += 1;
        Ok(())
    }

    /// Packs `size` bytes; gives their CRC-32 and both lengths.
    fn body(&mut self, name: &str, method: u16, size: u64, bytes: impl Read) -> Result<(u32, u64, u64)> {
        let at = self.at;
        let fault = |it| bounded::fault(at, it);
        let mut from = flate2::CrcReader::new(bytes.take(size));
        let packed = if method == DEFLATE {
            let mut to = flate2::write::DeflateEncoder::new(&mut self.out, flate2::Compression::new(6));
            io::copy(&mut from, &mut to).map_err(fault)?;
            to.try_finish().map_err(fault)?;
            to.total_out()
        } else {
            io::copy(&mut from, &mut self.out).map_err(fault)?
        };
        let (crc, found) = (from.crc().sum(), size - from.get_ref().limit());
        if found != size {
            return Err(Error::new(at, format!("{name:?} has {found} bytes, {size} were announced")));
        }
        Ok((crc, size, packed))
    }

    fn local(
        &mut self,
        name: &str,
        method: u16,
        is_large: bool,
        crc: u32,
        size: u64,
        packed: u64,
    ) -> Result<()> {
        let mut extra = Record::default();
        if is_large {
            extra.u64(size).u64(packed);
            extra = zip64_field(&extra.0);
        }
        let small = |value: u64| if is_large { u32::MAX } else { u32::try_from(value).unwrap_or(u32::MAX) };
        let mut head = Record::default();
        head.u32(0x0403_4b50).u16(if is_large { 45 } else { 20 }).u16(FLAGS).u16(method);
        head.u16(self.stamp.1).u16(self.stamp.0).u32(crc).u32(small(packed)).u32(small(size));
        head.u16(short(name.len())?).u16(short(extra.0.len())?);
        self.put(&[head.0.as_slice(), name.as_bytes(), &extra.0].concat())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|it| bounded::fault(self.at, it))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn seek(&mut self, to: u64) -> Result<()> {
        self.out.seek(SeekFrom::Start(to)).map_err(|it| bounded::fault(to, it))?;
        self.at = to;
        Ok(())
    }
}

/// Little-endian numbers, one after another.
#[derive(Default)]
struct Record(Vec<u8>);

impl Record {
    fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
}

fn zip64_field(body: &[u8]) -> Record {
    let mut field = Record::default();
    // At most three numbers of eight bytes.
    field.u16(1).u16(body.len() as u16);
    field.0.extend_from_slice(body);
    field
}

fn short(len: usize) -> Result<u16> {
    u16::try_from(len).map_err(|_| Error::new(0, format!("a name of {len} bytes")))
}

/// MS-DOS date and time: years from 1980, steps of two seconds, UTC.
fn stamp(epoch: u64) -> Result<(u16, u16)> {
    /// 1980-01-01, the first time a zip archive can say.
    const FIRST: u64 = 315_532_800;
    let fault = || Error::new(0, format!("the time {epoch} is out of range"));
    let time = i64::try_from(epoch.max(FIRST)).map_err(|_| fault())?;
    let time = OffsetDateTime::from_unix_timestamp(time).map_err(|_| fault())?;
    let years = u16::try_from(time.year() - 1980).ok().filter(|it| *it < 128).ok_or_else(fault)?;
    let date = years << 9 | u16::from(u8::from(time.month())) << 5 | u16::from(time.day());
    let clock = u16::from(time.hour()) << 11 | u16::from(time.minute()) << 5 | (u16::from(time.second()) / 2);
    Ok((date, clock))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::container::{
        bounded::{Limit, read_all},
        zip::{self, Member, Method},
    };
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        let mut to = Writer::new(Cursor::new(Vec::new()), 1_600_000_000).unwrap();
        to.folder("A.app", 0o755).unwrap();
        to.symlink("A.app/a", "Übung").unwrap();
        to.file("A.app/Übung", 0o755, 30_000, io::repeat(7)).unwrap();
        to.file("B.app-notes", 0o644, 3, &b"abc"[..]).unwrap();
        to.finish().unwrap().into_inner()
    }

    #[expect(clippy::ptr_arg, reason = "a source has a size; a slice behind a reference has not")]
    fn unpacked(file: &Vec<u8>, member: &Member) -> Result<Vec<u8>> {
        read_all(member.open(file, Limit::DOCUMENT)?, 0)
    }

    #[expect(clippy::ptr_arg, reason = "a source has a size; a slice behind a reference has not")]
    #[track_caller]
    fn refused(file: &Vec<u8>, why: &str) {
        let error = zip::read(file).unwrap_err();
        assert!(error.what.contains(why), "{error}");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let file = sample();
        let members = zip::read(&file).unwrap();
        let seen: Vec<_> = members.iter().map(|it| (it.path.as_str(), it.mode, it.size)).collect();
        assert_eq!(
            seen,
            [
                ("A.app", 0o040_755, 0),
                ("A.app/a", 0o120_755, 6),
                ("A.app/Übung", 0o100_755, 30_000),
                ("B.app-notes", 0o100_644, 3)
            ]
        );
        assert_eq!(unpacked(&file, &members[2]).unwrap(), vec![7; 30_000]);
        assert_eq!(unpacked(&file, &members[1]).unwrap(), "Übung".as_bytes());
        assert_eq!(members[2].method, Method::Deflate);
        assert!(sample() == file, "the same members give other bytes");
    }

    #[test]
    fn other_tools_read_what_is_written() {
        let folder = std::env::temp_dir().join(format!("zip-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.zip"), sample()).unwrap();
        let call = std::process::Command::new("python3")
            .args(["-c", "import zipfile,sys; z=zipfile.ZipFile('a.zip'); assert z.testzip() is None; print(*z.namelist())"])
            .current_dir(&folder)
            .output();
        std::fs::remove_dir_all(&folder).unwrap();
        match call {
            Ok(output) => assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                "A.app/ A.app/a A.app/Übung B.app-notes\n"
            ),
            Err(error) => eprintln!("not run: python3: {error}"),
        }
    }

    #[test]
    fn members_out_of_order_or_without_folder_are_not_written() {
        let mut to = Writer::new(Cursor::new(Vec::new()), 0).unwrap();
        to.file("b", 0o644, 0, io::empty()).unwrap();
        assert!(to.file("a", 0o644, 0, io::empty()).is_err());
        let mut to = Writer::new(Cursor::new(Vec::new()), 0).unwrap();
        assert!(to.file("a/b", 0o644, 0, io::empty()).is_err());
        assert!(to.symlink("c", "../c").is_err());
        assert!(to.file("d", 0o644, 9, &b"short"[..]).is_err());
    }

    #[test]
    fn a_changed_byte_of_a_member_is_noticed() {
        let mut file = sample();
        let member = zip::read(&file).unwrap()[3].clone();
        assert_eq!(unpacked(&file, &member).unwrap(), b"abc");
        let at = member.packed.offset as usize + 1;
        file[at] ^= 1;
        assert!(unpacked(&file, &member).is_err());
    }

    #[test]
    fn a_bomb_is_refused_with_the_limit_named() {
        let mut to = Writer::new(Cursor::new(Vec::new()), 0).unwrap();
        to.file("zeros", 0o644, 40 << 20, io::repeat(0)).unwrap();
        let file = to.finish().unwrap().into_inner();
        let member = &zip::read(&file).unwrap()[0];
        let error = member.open(&file, Limit { bytes: 1 << 20, ratio: 100 }).err().unwrap();
        assert!(error.what.contains("the limit is 1048576"), "{error}");
        let error =
            read_all(member.open(&file, Limit { bytes: 1 << 30, ratio: 100 }).unwrap(), 0).unwrap_err();
        assert!(error.what.contains("100 times"), "{error}");
    }

    /// Where the directory entry of the last member starts.
    fn last_entry(file: &[u8]) -> usize {
        file.windows(4).rposition(|it| it == b"PK\x01\x02").unwrap()
    }

    #[test]
    fn disagreements_are_refused() {
        let mut file = sample();
        let at = last_entry(&file);
        file[at + 46] = b'C';
        refused(&file, "the local header says");
        let mut file = sample();
        let at = last_entry(&file);
        file[at + 42..at + 46].copy_from_slice(&[0; 4]);
        refused(&file, "the local header says");
        let mut file = sample();
        let len = file.len();
        file[len - 12] += 1;
        file[len - 14] += 1;
        refused(&file, "wanted");
    }

    #[test]
    fn members_that_share_bytes_are_refused() {
        let mut file = sample();
        let at = file.windows(4).position(|it| it == b"PK\x01\x02").unwrap();
        // The folder in front claims the packed bytes of what follows, in both of its headers.
        for at in [at + 20, at + 24, 18, 22] {
            file[at] = 40;
        }
        refused(&file, "share bytes");
    }

    #[test]
    fn headers_that_say_two_things_are_refused() {
        let first = |at: usize, by: u8| {
            let mut file = sample();
            file[at] ^= by;
            refused(&file, "another packing, length or checksum");
        };
        first(8, 8);
        first(14, 1);
        first(18, 1);
        first(22, 1);
        // A streaming writer leaves zeros, and says so by a flag.
        let mut file = sample();
        file[6] = 8;
        file[14..26].fill(0);
        assert!(zip::read(&file).is_ok());
    }

    #[test]
    fn a_member_that_the_directory_does_not_name_is_refused() {
        let file = sample();
        let end = file.windows(4).position(|it| it == b"PK\x01\x02").unwrap();
        let with = |between: &[u8]| {
            let mut file = [&file[..end], between, &file[end..]].concat();
            let at = file.len() - 6;
            file[at..at + 4].copy_from_slice(&u32::try_from(end + between.len()).unwrap().to_le_bytes());
            file
        };
        let hidden = b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0x";
        refused(&with(hidden), "does not name");
        refused(&with(&[&[7; 16], hidden.as_slice()].concat()), "does not name");
        assert!(zip::read(&with(b"a descriptor")).is_ok());
    }

    #[test]
    fn an_encrypted_member_and_an_escape_are_refused() {
        let mut file = sample();
        let at = last_entry(&file);
        file[at + 8] |= 1;
        refused(&file, "encrypted");
        let file: Vec<u8> = {
            let mut file = sample();
            let name = b"B.app-notes";
            let places: Vec<_> =
                file.windows(name.len()).enumerate().filter(|it| it.1 == name).map(|it| it.0).collect();
            places.iter().for_each(|it| file[*it..*it + 11].copy_from_slice(b"../../notes"));
            file
        };
        refused(&file, "leaves its folder");
    }

    #[test]
    fn every_truncation_is_refused() {
        let file = sample();
        for len in 0..file.len() {
            assert!(zip::read(&file[..len].to_vec()).is_err(), "{len}");
        }
    }

    #[test]
    fn many_members_need_zip64_and_are_read_back() {
        let mut to = Writer::new(Cursor::new(Vec::new()), 0).unwrap();
        for number in 0..70_000 {
            to.file(&format!("{number:06}"), 0o644, 0, io::empty()).unwrap();
        }
        let file = to.finish().unwrap().into_inner();
        assert_eq!(zip::read(&file).unwrap().len(), 70_000);
    }

    proptest! {
        #[test]
        fn damage_never_makes_the_reader_panic(at in 0usize..5000, byte: u8) {
            let mut file = sample();
            let at = at % file.len();
            file[at] = byte;
            if let Ok(members) = zip::read(&file) {
                for member in &members {
                    prop_assert!(member.packed.end() <= file.len() as u64);
                    let _may_be_refused = unpacked(&file, member);
                }
            }
        }
    }
}
