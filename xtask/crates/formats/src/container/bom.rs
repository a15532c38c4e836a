//! The bill of materials of a package component (`Bom`): every path with mode, owner, size and checksum.
//!
//! ```text
//!   "BOMStore" │ 1 │ blocks │ index │ variables          all numbers big end first; blocks are found through the index
//!   variables: BomInfo, Paths, HLIndex, VIndex, Size64
//!   Paths ─▶ tree ─▶ leaves: { record block, name block }…        in the order of (parent's number, name)
//! ```
//! Apple documents nothing of it. Layout: public notes of bomutils; every field compared with the Boms of three shipped packages.
//! The reader takes what Installer's receipts need; the writer leaves out the per-architecture sizes that `mkbom` adds to Mach-O
//! files (older tools never wrote them). **Not yet confirmed on a Mac.**

use std::collections::{BTreeMap, BTreeSet};

use crate::bytes::{Bytes, Error, Result};

const MAGIC: &[u8; 8] = b"BOMStore";
const HEADER: usize = 512;
/// Length of a leaf; real ones have this many bytes, filled up with zeros.
const LEAF: usize = 4096;
/// Entries put into a leaf; 510 would fit.
const PER_LEAF: usize = 256;
/// Most paths: one level of branches above the leaves holds so many, and a driver has a few dozen.
const MAX_PATHS: usize = 100_000;
/// Most leaves walked by the reader.
const MAX_LEAVES: usize = 10_000;
const FILE: u8 = 1;
const FOLDER: u8 = 2;
const SYMLINK: u8 = 3;

/// One path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From the root of the payload, which is the empty path.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Type and permission bits.
    pub mode: u16,
    /// Owner and group ids.
    pub owner: (u32, u32),
    /// Seconds since 1970.
    pub mtime: u32,
}

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file: its length, and [`Checksum`] of its bytes.
    File(u32, u32),
    /// A folder.
    Folder,
    /// A link and its target.
    Symlink(String),
}

/// The checksum of POSIX `cksum`, over bytes that come in pieces.
#[derive(Debug, Clone, Copy, Default)]
pub struct Checksum {
    sum: u32,
    len: u64,
}

impl Checksum {
    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sum = bytes.iter().fold(self.sum, |sum, byte| step(sum, *byte));
        self.len = self.len.wrapping_add(bytes.len() as u64);
    }

    /// The checksum: the length follows the bytes, lowest byte first, as few as it needs.
    pub fn finish(self) -> u32 {
        let (mut sum, mut len) = (self.sum, self.len);
        while len > 0 {
            sum = step(sum, len as u8);
            len >>= 8;
        }
        !sum
    }
}

/// CRC with the polynomial 0x04c11db7, highest bit first.
fn step(sum: u32, byte: u8) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let (mut value, mut bit) = ((byte as u32) << 24, 0);
            while bit < 8 {
                value = if value & 0x8000_0000 != 0 { (value << 1) ^ 0x04c1_1db7 } else { value << 1 };
                bit += 1;
            }
            table[byte] = value;
            byte += 1;
        }
        table
    };
    let place = usize::from((sum >> 24) as u8 ^ byte);
    TABLE.get(place).expect("a byte is below 256") ^ (sum << 8)
}

/// Reads all paths, in the order of the file.
pub fn read(data: &[u8]) -> Result<Vec<Entry>> {
    let store = Store::read(Bytes::new(data))?;
    let tree = store.block(store.variable("Paths")?)?;
    if tree.array::<4>(0)? != *b"tree" {
        return Err(tree.fault(0, "`Paths` is no tree"));
    }
    let mut node = store.block(tree.u32_be(8)?)?;
    // Down the left edge to the first leaf, then along the chain of leaves.
    for _ in 0..16 {
        if node.u16_be(0)? != 0 {
            break;
        }
        node = store.block(node.u32_be(12)?)?;
    }
    let (mut paths, mut entries): (BTreeMap<u32, String>, _) = (BTreeMap::new(), Vec::new());
    for _ in 0..MAX_LEAVES {
        for place in 0..usize::from(node.u16_be(2)?) {
            if entries.len() >= MAX_PATHS {
                return Err(node.fault(2, format!("more than {MAX_PATHS} paths")));
            }
            let at = 12 + place * 8;
            let (id, entry) = entry(&store, node.u32_be(at)?, node.u32_be(at + 4)?, &paths)?;
            paths.insert(id, entry.path.clone());
            entries.push(entry);
        }
        match node.u32_be(4)? {
            0 => return Ok(entries),
            next => node = store.block(next)?,
        }
    }
    Err(node.fault(4, format!("more than {MAX_LEAVES} leaves")))
}

fn entry(store: &Store<'_>, record: u32, name: u32, paths: &BTreeMap<u32, String>) -> Result<(u32, Entry)> {
    let (record, file) = (store.block(record)?, store.block(name)?);
    let (id, parent, name) = (record.u32_be(0)?, file.u32_be(0)?, file.c_str(4)?);
    let path = match (parent, paths.get(&parent).map(String::as_str)) {
        (0, _) => String::new(),
        (_, Some("")) => name.to_owned(),
        (_, Some(folder)) => format!("{folder}/{name}"),
        (_, None) => return Err(file.fault(0, format!("{name:?} comes before its folder"))),
    };
    let facts = store.block(record.u32_be(4)?)?;
    let kind = match facts.u8(0)? {
        FILE => Kind::File(facts.u32_be(18)?, facts.u32_be(23)?),
        FOLDER => Kind::Folder,
        SYMLINK => Kind::Symlink(facts.c_str(31)?.to_owned()),
        other => return Err(facts.fault(0, format!("{path:?} is of the unknown kind {other}"))),
    };
    let (mode, owner) = (facts.u16_be(4)?, (facts.u32_be(6)?, facts.u32_be(10)?));
    Ok((id, Entry { path, kind, mode, owner, mtime: facts.u32_be(14)? }))
}

struct Store<'a> {
    all: Bytes<'a>,
    index: Bytes<'a>,
    variables: BTreeMap<&'a str, u32>,
}

impl<'a> Store<'a> {
    fn read(all: Bytes<'a>) -> Result<Self> {
        if all.array::<8>(0)? != *MAGIC || all.u32_be(8)? != 1 {
            return Err(all.fault(0, "not a bill of materials"));
        }
        let index = all.range(all.u32_be(16)? as usize, all.u32_be(20)? as usize)?;
        let table = all.range(all.u32_be(24)? as usize, all.u32_be(28)? as usize)?;
        let (mut variables, mut at) = (BTreeMap::new(), 4);
        // Five in every file seen; each takes at least five bytes, so the table bounds the count.
        for _ in 0..table.u32_be(0)? {
            let len = usize::from(table.u8(at + 4)?);
            let name = std::str::from_utf8(table.range(at + 5, len)?.as_slice());
            let name = name.map_err(|_| table.fault(at, "a variable's name is not UTF-8"))?;
            variables.insert(name, table.u32_be(at)?);
            at += 5 + len;
        }
        Ok(Self { all, index, variables })
    }

    fn variable(&self, name: &str) -> Result<u32> {
        self.variables.get(name).copied().ok_or_else(|| self.all.fault(24, format!("no variable `{name}`")))
    }

    fn block(&self, number: u32) -> Result<Bytes<'a>> {
        if number >= self.index.u32_be(0)? {
            return Err(self.index.fault(0, format!("block {number} is not in the index")));
        }
        let at = (number as usize).checked_mul(8).and_then(|it| it.checked_add(4));
        let at = at.ok_or_else(|| self.index.fault(0, "a block number overflows"))?;
        self.all.range(self.index.u32_be(at)? as usize, self.index.u32_be(at + 4)? as usize)
    }
}

/// Writes a bill of materials. The root (empty path) and every folder must be among `entries`; their order does not matter.
pub fn write(entries: &[Entry]) -> Result<Vec<u8>> {
    if entries.len() > MAX_PATHS {
        return Err(Error::new(0, format!("more than {MAX_PATHS} paths")));
    }
    let mut blocks = Blocks::default();
    let info = blocks.add(bom_info(entries));
    let (records, names) = numbered(entries, &mut blocks)?;
    let leaves = leaves(&records, &names, &mut blocks);
    let paths = tree(leaves, LEAF as u32, entries.len() as u32, &mut blocks);
    let empty = |size: usize, blocks: &mut Blocks| {
        let leaf = blocks.add(leaf(&[], size, 0, 0));
        tree(leaf, size as u32, 0, blocks)
    };
    let hard_links = empty(LEAF, &mut blocks);
    let versions = empty(128, &mut blocks);
    let versions = blocks.add([&1u32.to_be_bytes()[..], &versions.to_be_bytes(), &[0; 5]].concat());
    let large = empty(LEAF, &mut blocks);
    let variables = [
        ("BomInfo", info),
        ("Paths", paths),
        ("HLIndex", hard_links),
        ("VIndex", versions),
        ("Size64", large),
    ];
    blocks.finish(&variables)
}

fn bom_info(entries: &[Entry]) -> Vec<u8> {
    let size = |it: &Entry| if let Kind::File(size, _) = it.kind { size } else { 0 };
    let sum = entries.iter().map(size).fold(0u32, u32::saturating_add);
    // Version, one more than the number of paths (so in all samples), one size entry: not for any architecture.
    [1, entries.len() as u32 + 1, 1, 0, 0, sum, 0].iter().flat_map(|it: &u32| it.to_be_bytes()).collect()
}

/// Blocks of records and names, in the order that the tree wants.
fn numbered(entries: &[Entry], blocks: &mut Blocks) -> Result<(Vec<u32>, Vec<u32>)> {
    let by_path: BTreeMap<&str, &Entry> = entries.iter().map(|it| (it.path.as_str(), it)).collect();
    if by_path.len() != entries.len() || !by_path.contains_key("") {
        return Err(Error::new(0, "each path once, the root among them"));
    }
    let mut children: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for path in by_path.keys().filter(|it| !it.is_empty()) {
        let parent = path.rsplit_once('/').map_or("", |it| it.0);
        if by_path.get(parent).is_none_or(|it| it.kind != Kind::Folder) {
            return Err(Error::new(0, format!("the folder of {path:?} is not among the paths")));
        }
        children.entry(parent).or_default().insert(path);
    }
    // Breadth first: numbers grow with (parent's number, name), which is the order of the tree.
    let (mut records, mut names) = (Vec::new(), Vec::new());
    let mut queue = std::collections::VecDeque::from([("", 0u32)]);
    let mut id = 0u32;
    while let Some((path, parent)) = queue.pop_front() {
        id += 1;
        let entry = by_path.get(path).ok_or_else(|| Error::new(0, "a path got lost"))?;
        let facts = blocks.add(facts(entry)?);
        records.push(blocks.add([id.to_be_bytes(), facts.to_be_bytes()].concat()));
        let name = if path.is_empty() { "." } else { path.rsplit('/').next().unwrap_or(path) };
        names.push(blocks.add([&parent.to_be_bytes()[..], name.as_bytes(), &[0]].concat()));
        queue.extend(children.get(path).into_iter().flatten().map(|it| (*it, id)));
    }
    Ok((records, names))
}

fn facts(it: &Entry) -> Result<Vec<u8>> {
    let (kind, size, checksum) = match &it.kind {
        Kind::File(size, checksum) => (FILE, *size, *checksum),
        Kind::Folder => (FOLDER, 0, 0),
        Kind::Symlink(target) => {
            let size =
                u32::try_from(target.len()).map_err(|_| Error::new(0, "a link's target is too long"))?;
            let mut sum = Checksum::default();
            sum.update(target.as_bytes());
            (SYMLINK, size, sum.finish())
        }
    };
    let mut out = vec![kind, 1];
    out.extend_from_slice(&0x000fu16.to_be_bytes()); // architectures: any, in every file that is no Mach-O
    out.extend_from_slice(&it.mode.to_be_bytes());
    for number in [it.owner.0, it.owner.1, it.mtime, size] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.push(1);
    out.extend_from_slice(&checksum.to_be_bytes());
    match &it.kind {
        Kind::Folder => out.extend_from_slice(&[0; 4]),
        Kind::File(..) => out.extend_from_slice(&[0; 8]),
        Kind::Symlink(target) => {
            out.extend_from_slice(&(target.len() as u32 + 1).to_be_bytes());
            out.extend_from_slice(target.as_bytes());
            out.push(0);
        }
    }
    Ok(out)
}

/// The leaves, and a branch above them when there is more than one; gives the number of the topmost.
fn leaves(records: &[u32], names: &[u32], blocks: &mut Blocks) -> u32 {
    let pairs: Vec<(u32, u32)> = records.iter().copied().zip(names.iter().copied()).collect();
    let n_leaves = pairs.len().div_ceil(PER_LEAF) as u32;
    let first = blocks.next();
    let mut branch = Vec::new();
    for (place, chunk) in (0u32..).zip(pairs.chunks(PER_LEAF)) {
        let forward = if place + 1 < n_leaves { first + place + 1 } else { 0 };
        let backward = if place > 0 { first + place - 1 } else { 0 };
        let number = blocks.add(leaf(chunk, LEAF, forward, backward));
        branch.push((number, chunk.last().map_or(0, |it| it.1)));
    }
    if branch.len() == 1 {
        return first;
    }
    let mut block = leaf(&branch, LEAF, 0, 0);
    block.splice(0..2, [0, 0]); // not a leaf
    blocks.add(block)
}

fn leaf(pairs: &[(u32, u32)], size: usize, forward: u32, backward: u32) -> Vec<u8> {
    let mut out = 1u16.to_be_bytes().to_vec();
    out.extend_from_slice(&(pairs.len() as u16).to_be_bytes());
    out.extend_from_slice(&forward.to_be_bytes());
    out.extend_from_slice(&backward.to_be_bytes());
    out.extend(pairs.iter().flat_map(|it| [it.0.to_be_bytes(), it.1.to_be_bytes()]).flatten());
    out.resize(size.max(out.len()), 0);
    out
}

fn tree(child: u32, size: u32, count: u32, blocks: &mut Blocks) -> u32 {
    let numbers = [1, child, size, count].into_iter().flat_map(u32::to_be_bytes);
    blocks.add(b"tree".iter().copied().chain(numbers).chain([0]).collect())
}

/// Blocks by number; 0 is the empty one.
#[derive(Default)]
struct Blocks(Vec<Vec<u8>>);

impl Blocks {
    fn next(&self) -> u32 {
        self.0.len() as u32 + 1
    }

    fn add(&mut self, block: Vec<u8>) -> u32 {
        self.0.push(block);
        self.0.len() as u32
    }

    fn finish(self, variables: &[(&str, u32)]) -> Result<Vec<u8>> {
        let mut table = (variables.len() as u32).to_be_bytes().to_vec();
        for (name, block) in variables {
            table.extend_from_slice(&block.to_be_bytes());
            table.push(name.len() as u8);
            table.extend_from_slice(name.as_bytes());
        }
        let large = || Error::new(0, "a bill of materials of more than 4 GB");
        let mut out = vec![0; HEADER];
        let mut index = (self.0.len() as u32 + 1).to_be_bytes().to_vec();
        index.extend_from_slice(&[0; 8]);
        for block in &self.0 {
            index.extend_from_slice(&u32::try_from(out.len()).map_err(|_| large())?.to_be_bytes());
            index.extend_from_slice(&(block.len() as u32).to_be_bytes());
            out.extend_from_slice(block);
        }
        index.extend_from_slice(&[0; 12]); // an empty list of free blocks, and the empty pointer that ends it
        let variables_at = u32::try_from(out.len()).map_err(|_| large())?;
        out.extend_from_slice(&table);
        let index_at = u32::try_from(out.len()).map_err(|_| large())?;
        out.extend_from_slice(&index);
        let numbers =
            [1, self.0.len() as u32, index_at, index.len() as u32, variables_at, table.len() as u32];
        let head = MAGIC.iter().copied().chain(numbers.iter().flat_map(|it: &u32| it.to_be_bytes()));
        out.splice(0..32, head);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(path: &str, kind: Kind) -> Entry {
        Entry { path: path.into(), kind, mode: 0o100_644, owner: (0, 80), mtime: 1_600_000_000 }
    }

    fn sample(n_files: usize) -> Vec<Entry> {
        let mut all = vec![
            item("", Kind::Folder),
            item("A.app", Kind::Folder),
            item("b", Kind::Symlink("A.app".into())),
        ];
        all.extend((0..n_files).map(|it| item(&format!("A.app/{it:05}"), Kind::File(it as u32, 7))));
        all
    }

    #[test]
    fn what_is_written_is_read_back() {
        for n_files in [0, 3, 1000] {
            let mut found = read(&write(&sample(n_files)).unwrap()).unwrap();
            found.sort_by(|a, b| a.path.cmp(&b.path));
            let mut expected = sample(n_files);
            expected.sort_by(|a, b| a.path.cmp(&b.path));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_checksum_is_that_of_cksum() {
        let mut sum = Checksum::default();
        sum.update(b"123456789");
        assert_eq!(sum.finish(), 930_766_865); // printf 123456789 | cksum
    }

    #[test]
    fn a_path_without_its_folder_is_not_written() {
        assert!(write(&[item("", Kind::Folder), item("a/b", Kind::Folder)]).is_err());
        assert!(write(&[item("a", Kind::Folder)]).is_err());
        assert!(write(&[item("", Kind::Folder), item("", Kind::Folder)]).is_err());
    }

    #[test]
    fn every_truncation_is_refused() {
        let whole = write(&sample(3)).unwrap();
        for len in (0..whole.len()).step_by(7) {
            assert!(read(&whole[..len.min(whole.len() - 13)]).is_err(), "{len}");
        }
    }

    proptest! {
        #[test]
        fn damage_never_makes_the_reader_panic(at in 0usize..100_000, byte: u8) {
            let mut bom = write(&sample(3)).unwrap();
            let at = at % bom.len();
            bom[at] = byte;
            let _may_be_refused = read(&bom);
        }
    }
}
