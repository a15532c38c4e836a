//! The bill of materials of a package (`Bom`), as Installer reads it.
//!
//! ```text
//! header (512) │ blocks … │ table of blocks (address, length) │ free list │ variables: name → block
//!   Paths → tree → leaf: (path info, file)…       file: parent id, name     path info: id → what it is
//! ```
//! All numbers big-endian. Paths are ordered by parent id, then by the bytes of the name. Taken from the Boms of shipped packages;
//! `HLIndex`, `VIndex` and `Size64` are written empty, as other tools do. Installer itself has not read one yet.

use std::collections::BTreeMap;

use formats::{
    Source,
    container::bounded::SourceReader,
    image::{Slices, fat::Table},
    source::Window,
};

use super::{Entry, EntryKind};
use crate::{Error, Result};

/// Where blocks begin.
const HEADER: usize = 512;
/// A leaf of 4096 bytes has room for 510; others put 256 into each.
const PER_LEAF: usize = 256;
const LEAF: usize = 4096;
/// Length of a leaf of the versions' tree.
const VERSION_LEAF: usize = 128;
/// Architecture word of ordinary files, and the bit that says that slices are listed.
const ANY_ARCH: u16 = 0x000f;
const WITH_SLICES: u16 = 0x2000;

/// The bill for `entries`, sorted by path components, and the root above them.
pub(super) fn write(entries: &[Entry], epoch: u64) -> Result<Vec<u8>> {
    let time = u32::try_from(epoch).map_err(|_| Error::new(format!("the time {epoch} is past 2106")))?;
    let mut blocks = Blocks::default();
    let info = blocks.reserve();
    let paths = paths(&mut blocks, entries, time)?;
    let empty = blocks.add(leaf(&[], 0, 0, LEAF));
    let links = blocks.add(tree(empty, LEAF, 0));
    let empty = blocks.add(leaf(&[], 0, 0, VERSION_LEAF));
    let versions = blocks.add(tree(empty, VERSION_LEAF, 0));
    let versions = blocks.add([words(&[1, versions, 0]), vec![0]].concat());
    let empty = blocks.add(leaf(&[], 0, 0, LEAF));
    let sizes = blocks.add(tree(empty, LEAF, 0));
    blocks.fill(info, summary(entries)?);
    let variables =
        [("BomInfo", info), ("Paths", paths), ("HLIndex", links), ("VIndex", versions), ("Size64", sizes)];
    blocks.finish(&variables)
}

/// Version, number of paths, and for each architecture the bytes that it takes (0: files that are no code).
fn summary(entries: &[Entry]) -> Result<Vec<u8>> {
    let mut sizes: BTreeMap<u32, u32> = BTreeMap::from([(0, 0)]);
    for entry in entries {
        let EntryKind::File(bytes) = &entry.kind else { continue };
        let slices = slices(&**bytes);
        let parts = match slices.as_slice() {
            [] => vec![(0, bytes.len())],
            many => many.iter().map(|it| (it.0, it.2.len())).collect(),
        };
        for (arch, size) in parts {
            let sum = sizes.entry(arch).or_default();
            *sum = u32::try_from(u64::from(*sum) + size)
                .map_err(|_| Error::new("a package of 4 GiB or more"))?;
        }
    }
    let mut out = words(&[1, entries.len() as u32 + 2, sizes.len() as u32]);
    for (arch, size) in sizes {
        out.extend(words(&[arch, 0, 0, size]));
    }
    Ok(out)
}

/// The tree of paths; its block.
fn paths(blocks: &mut Blocks, entries: &[Entry], time: u32) -> Result<u32> {
    let root = Entry { path: String::new(), mode: 0o755, kind: EntryKind::Folder };
    let mut ids: BTreeMap<&str, u32> = BTreeMap::from([("", 1)]);
    for (entry, id) in entries.iter().zip(2..) {
        ids.insert(&entry.path, id);
    }
    let mut rows = vec![(0, ".", 1, &root)];
    for entry in entries {
        let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let parent = ids
            .get(folder)
            .ok_or_else(|| Error::new(format!("the folder of `{}` is not listed", entry.path)))?;
        let id = ids.get(entry.path.as_str()).copied().unwrap_or_default();
        rows.push((*parent, name, id, entry));
    }
    rows.sort_by(|a, b| (a.0, a.1.as_bytes()).cmp(&(b.0, b.1.as_bytes())));

    let mut pairs = Vec::new();
    for (parent, name, id, entry) in &rows {
        let what = blocks.add(describe(entry, time)?);
        let info = blocks.add(words(&[*id, what]));
        let file = blocks.add([&parent.to_be_bytes()[..], name.as_bytes(), &[0]].concat());
        pairs.push((info, file));
    }
    let count = pairs.len() as u32;
    let chunks: Vec<&[(u32, u32)]> = pairs.chunks(PER_LEAF).collect();
    if let [only] = chunks.as_slice() {
        let child = blocks.add(leaf(only, 0, 0, LEAF));
        return Ok(blocks.add(tree(child, LEAF, count)));
    }
    // Leaves know their neighbours, so all get their numbers first; above them one branch, which has room for 510 leaves.
    let numbers: Vec<u32> = chunks.iter().map(|_| blocks.reserve()).collect();
    if numbers.len() > (LEAF - 12) / 8 {
        return Err(Error::new(format!("{count} files are too many for one package")));
    }
    let mut branch = Vec::new();
    for (n, chunk) in chunks.iter().enumerate() {
        let next = numbers.get(n + 1).copied().unwrap_or(0);
        let before = n.checked_sub(1).and_then(|it| numbers.get(it)).copied().unwrap_or(0);
        let number = numbers.get(n).copied().unwrap_or(0);
        blocks.fill(number, leaf(chunk, next, before, LEAF));
        branch.push((number, chunk.last().map_or(0, |it| it.1)));
    }
    let mut top = leaf(&branch, 0, 0, LEAF);
    top.splice(0..2, 0u16.to_be_bytes());
    let child = blocks.add(top);
    Ok(blocks.add(tree(child, LEAF, count)))
}

/// Type, mode, owner, time, size, checksum; of code also each slice.
fn describe(entry: &Entry, time: u32) -> Result<Vec<u8>> {
    let too_large = |_| Error::new(format!("`{}` has 4 GiB or more", entry.path));
    let (kind, slices, checksum_of_it) = match &entry.kind {
        EntryKind::File(bytes) => (1, slices(&**bytes), checksum(&**bytes)?),
        EntryKind::Folder => (2, Vec::new(), 0),
        EntryKind::Symlink(target) => (3, Vec::new(), checksum(&target.as_bytes())?),
    };
    let arch = if slices.is_empty() { ANY_ARCH } else { ANY_ARCH | WITH_SLICES };
    let mut out = vec![kind, 1];
    out.extend(arch.to_be_bytes());
    out.extend((entry.whole_mode() as u16).to_be_bytes());
    let size = u32::try_from(entry.size()).map_err(too_large)?;
    // root, admin: the owner of what lies in /Applications.
    out.extend(words(&[0, 80, time, size]));
    out.push(1);
    if kind == 2 {
        out.extend([0; 8]);
        return Ok(out);
    }
    out.extend(checksum_of_it.to_be_bytes());
    if let EntryKind::Symlink(target) = &entry.kind {
        out.extend(words(&[size + 1]));
        out.extend(target.as_bytes());
        out.push(0);
        return Ok(out);
    }
    if !slices.is_empty() {
        out.push(1);
        out.extend(words(&[slices.len() as u32]));
        for (cputype, cpusubtype, slice) in &slices {
            let size = u32::try_from(slice.len()).map_err(too_large)?;
            out.extend(words(&[*cputype, *cpusubtype, size, checksum(slice)?]));
        }
    }
    out.extend([0; 8]);
    Ok(out)
}

/// The slices of a universal file: `cputype`, `cpusubtype`, bytes.
fn slices(bytes: &dyn Source) -> Vec<(u32, u32, Window<'_>)> {
    // What cannot be read as code is listed as an ordinary file; nothing depends on the difference but a listing.
    let Ok(Some(found)) = Slices::read(bytes) else { return Vec::new() };
    if found.table != Table::Fat32 {
        return Vec::new();
    }
    let slice =
        |it: &formats::image::Slice| Some((it.arch.cputype, it.arch.cpusubtype, it.window(bytes).ok()?));
    found.slices.iter().filter_map(slice).collect()
}

/// The CRC of POSIX `cksum`: the length goes in after the bytes, least significant byte first.
fn checksum(bytes: &dyn Source) -> Result<u32> {
    let mut sum = Checksum(0);
    std::io::copy(&mut SourceReader::all(bytes), &mut sum)
        .map_err(|it| Error::new(format!("cannot read what the package installs: {it}")))?;
    let mut length = bytes.len();
    while length != 0 {
        sum.add(length as u8);
        length >>= 8;
    }
    Ok(!sum.0)
}

/// A sum that grows as bytes are written to it.
struct Checksum(u32);

impl Checksum {
    fn add(&mut self, byte: u8) {
        let at = ((self.0 >> 24) as u8 ^ byte) as usize;
        self.0 = (self.0 << 8) ^ CRC.get(at).copied().unwrap_or_default();
    }
}

impl std::io::Write for Checksum {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        bytes.iter().for_each(|byte| self.add(*byte));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Table of the polynomial 0x04c11db7, most significant bit first.
const CRC: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut n = 0;
    while n < 256 {
        let mut value = (n as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 0x8000_0000 != 0 { (value << 1) ^ 0x04c1_1db7 } else { value << 1 };
            bit += 1;
        }
        table[n] = value;
        n += 1;
    }
    table
};

/// A node of a tree: whether it is a leaf (1), number of pairs, neighbours, pairs, zeros up to `len`.
fn leaf(pairs: &[(u32, u32)], next: u32, before: u32, len: usize) -> Vec<u8> {
    let mut out = [1u16.to_be_bytes(), (pairs.len() as u16).to_be_bytes()].concat();
    out.extend(words(&[next, before]));
    for (first, second) in pairs {
        out.extend(words(&[*first, *second]));
    }
    out.resize(len.max(out.len()), 0);
    out
}

fn tree(child: u32, block_size: usize, count: u32) -> Vec<u8> {
    [b"tree".to_vec(), words(&[1, child, block_size as u32, count]), vec![0]].concat()
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|it| it.to_be_bytes()).collect()
}

/// Blocks by their number; number 0 is nothing.
#[derive(Default)]
struct Blocks(Vec<Vec<u8>>);

impl Blocks {
    fn add(&mut self, bytes: Vec<u8>) -> u32 {
        self.0.push(bytes);
        self.0.len() as u32
    }

    fn reserve(&mut self) -> u32 {
        self.add(Vec::new())
    }

    fn fill(&mut self, number: u32, bytes: Vec<u8>) {
        let place = (number as usize).checked_sub(1).and_then(|it| self.0.get_mut(it));
        *place.expect("only numbers that were reserved are filled") = bytes;
    }

    fn finish(self, variables: &[(&str, u32)]) -> Result<Vec<u8>> {
        let too_large = |_| Error::new("a bill of materials of 4 GiB or more");
        let mut body = Vec::new();
        let mut table = words(&[self.0.len() as u32 + 1, 0, 0]);
        for block in &self.0 {
            let at = u32::try_from(HEADER + body.len()).map_err(too_large)?;
            table.extend(words(&[at, block.len() as u32]));
            body.extend_from_slice(block);
        }
        // A free list of two empty ranges.
        table.extend(words(&[2, 0, 0, 0, 0]));
        let mut names = words(&[variables.len() as u32]);
        for (name, block) in variables {
            names.extend(words(&[*block]));
            names.push(name.len() as u8);
            names.extend(name.as_bytes());
        }
        let index = u32::try_from(HEADER + body.len()).map_err(too_large)?;
        let after = index + table.len() as u32;
        let mut out = b"BOMStore".to_vec();
        out.extend(words(&[1, self.0.len() as u32, index, table.len() as u32, after, names.len() as u32]));
        out.resize(HEADER, 0);
        out.extend(body);
        out.extend(table);
        out.extend(names);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_cksum() {
        // `printf '' | cksum`, `printf 123456789 | cksum`
        assert_eq!(checksum(&&b""[..]).unwrap(), 4_294_967_295);
        assert_eq!(checksum(&&b"123456789"[..]).unwrap(), 930_766_865);
    }
}
