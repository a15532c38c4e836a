//! Symbols that an image defines for others: from its symbol table and its export trie.
//!
//! A stripped image may have lost the first and keeps the second, so both are read and joined.

use std::collections::BTreeSet;

use super::{
    MachO,
    command::{Range, Symtab},
};
use crate::{
    bytes::{Bytes, Error, Result},
    source::Source,
};

/// Most symbols looked at; the largest browsers export about a million.
const MAX_SYMBOLS: u32 = 4_000_000;
/// Longest table read in one piece: all symbols above, 16 bytes each.
const MAX_TABLE: u64 = 64 << 20;
/// Deepest path in a trie; C++ names of a few KiB split into far fewer edges.
const MAX_TRIE_DEPTH: usize = 4096;
/// Longest exported name.
const MAX_NAME: usize = 64 << 10;
/// All names together, with what it costs to keep each: hostile tries share long prefixes and would grow without end, and a hostile
/// table gives each of its millions of symbols the same long name.
const MAX_NAMES_TOTAL: usize = 64 << 20;
/// What one name costs beside its letters: the string, its place in the set, the allocation.
const NAME_COST: usize = 64;

/// Names of the external symbols that `image`, which fills `source`, defines.
///
/// A stripped image without symbol table and trie gives an empty set: absence proves nothing.
pub fn exported(image: &MachO, source: &dyn Source) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    from_table(image, source, &mut names)?;
    if let Some(range) = image.exports_trie()
        && range.size > 0
    {
        let raw = read(source, range, "the export trie")?;
        from_trie(Bytes::at(&raw, range.offset), &mut names)?;
    }
    Ok(names)
}

/// The function that holds `offset` (bytes from where the image is loaded): its name, and how far into it.
///
/// Reads the symbol table, local names included, as a `.dSYM` or an image that was not stripped has it. `None`: nothing that
/// is named starts at or before it in a section.
pub fn at(image: &MachO, source: &dyn Source, offset: u64) -> Result<Option<(String, u64)>> {
    let base = image.segment("__TEXT").map_or(0, |segment| segment.address);
    let address = base.saturating_add(offset);
    let Some((symtab, table, strings)) = tables(image, source)? else { return Ok(None) };
    // Widths of a 64-bit entry: name 4, kind 1, section 1, description 2, value 8.
    if !image.is_64 {
        return Ok(None);
    }
    let mut nearest: Option<(u64, u32)> = None;
    for index in 0..symtab.count as usize {
        let it = table.bytes().range(index * 16, 16)?;
        let (kind, value) = (it.u8(4)?, it.u64_le(8)?);
        // N_SECT (0x0e) without debugger entries: a place in a section.
        let is_place = kind & 0xe0 == 0 && kind & 0x0e == 0x0e;
        if is_place && value <= address && nearest.is_none_or(|(best, _)| value > best) {
            nearest = Some((value, it.u32_le(0)?));
        }
    }
    let Some((value, name)) = nearest else { return Ok(None) };
    let name = self::name(strings.bytes(), name as usize).map_err(|fault| fault.within("symbol name"))?;
    // The header's own name stands for "before the first function".
    Ok((name != "__mh_execute_header").then(|| (name.to_owned(), address - value)))
}

/// A table of `__LINKEDIT` in memory, with its place in the file.
struct Table {
    raw: Vec<u8>,
    offset: u64,
}

impl Table {
    fn bytes(&self) -> Bytes<'_> {
        Bytes::at(&self.raw, self.offset)
    }
}

/// The symbol table and its names; `None` when the image has none.
fn tables(image: &MachO, source: &dyn Source) -> Result<Option<(Symtab, Table, Table)>> {
    let Some(symtab) = image.symtab() else { return Ok(None) };
    if symtab.count > MAX_SYMBOLS {
        let what = format!("{} symbols, more than {MAX_SYMBOLS}", symtab.count);
        return Err(Error::new(symtab.offset.into(), what));
    }
    let entry: u64 = if image.is_64 { 16 } else { 12 };
    let entries = Range { offset: symtab.offset.into(), size: entry * u64::from(symtab.count) };
    let strings = Range { offset: symtab.strings.into(), size: symtab.strings_size.into() };
    let table = Table { raw: read(source, entries, "the symbol table")?, offset: entries.offset };
    let names = Table { raw: read(source, strings, "the symbol names")?, offset: strings.offset };
    Ok(Some((symtab, table, names)))
}

fn read(source: &dyn Source, range: Range, what: &str) -> Result<Vec<u8>> {
    if range.size > MAX_TABLE {
        return Err(Error::new(
            range.offset,
            format!("{what} has {} bytes, more than {MAX_TABLE}", range.size),
        ));
    }
    let data = source.read(range.offset, range.size as usize);
    Ok(data.map_err(|it| it.within(what))?.into_owned())
}

fn from_table(image: &MachO, source: &dyn Source, names: &mut BTreeSet<String>) -> Result<()> {
    let Some((symtab, table, names_table)) = tables(image, source)? else { return Ok(()) };
    let entry = if image.is_64 { 16 } else { 12 };
    let (entries, strings) = (table.bytes(), names_table.bytes());
    let mut total = 0_usize;
    for index in 0..symtab.count as usize {
        let it = entries.range(index * entry, entry)?;
        let kind = it.u8(4)?;
        // Debugger entries (N_STAB 0xe0) aside; external (N_EXT 1) and defined somewhere (N_TYPE 0x0e is not N_UNDF 0).
        let is_export = kind & 0xe0 == 0 && kind & 0x01 != 0 && kind & 0x0e != 0;
        if is_export {
            let name = name(strings, it.u32_le(0)? as usize).map_err(|fault| fault.within("symbol name"))?;
            total = total.saturating_add(name.len()).saturating_add(NAME_COST);
            if total > MAX_NAMES_TOTAL {
                return Err(it.fault(0, "the symbol table spells more names than fit"));
            }
            names.insert(name.to_owned());
        }
    }
    Ok(())
}

/// The name at `at`. It ends with a zero byte or with the table, and is never looked for further than a name is long.
fn name(strings: Bytes<'_>, at: usize) -> Result<&str> {
    let rest = strings.from(at)?;
    let name = rest.range(0, rest.len().min(MAX_NAME))?.c_str(0)?;
    match name.len() {
        MAX_NAME => Err(rest.fault(0, format!("more than {MAX_NAME} bytes"))),
        _ => Ok(name),
    }
}

/// Walks the trie without recursion; every node may be entered once, so a cycle ends.
fn from_trie(trie: Bytes<'_>, names: &mut BTreeSet<String>) -> Result<()> {
    let mut seen = BTreeSet::new();
    let mut total = 0_usize;
    let mut open: Vec<(usize, Vec<u8>, usize)> = vec![(0, Vec::new(), 0)];
    while let Some((at, prefix, depth)) = open.pop() {
        if !seen.insert(at) {
            return Err(trie.fault(at, "the export trie enters a node twice"));
        }
        if depth > MAX_TRIE_DEPTH || prefix.len() > MAX_NAME {
            return Err(trie.fault(at, "the export trie is deeper than any name"));
        }
        let mut cursor = at;
        let terminal = uleb(trie, &mut cursor)?;
        if terminal > 0 && !prefix.is_empty() {
            names.insert(String::from_utf8_lossy(&prefix).into_owned());
        }
        let terminal = usize::try_from(terminal).map_err(|_| trie.fault(at, "node too long"))?;
        let mut cursor = cursor.checked_add(terminal).ok_or_else(|| trie.fault(at, "node too long"))?;
        let children = trie.u8(cursor)?;
        cursor += 1;
        for _ in 0..children {
            let rest = trie.from(cursor)?.as_slice();
            let len = rest.iter().position(|&byte| byte == 0);
            let len = len.ok_or_else(|| trie.fault(cursor, "an edge of the export trie has no end"))?;
            let edge = trie.range(cursor, len)?.as_slice();
            cursor += len + 1;
            let child = usize::try_from(uleb(trie, &mut cursor)?);
            let child = child.map_err(|_| trie.fault(cursor, "child past the trie"))?;
            let mut name = prefix.clone();
            name.extend_from_slice(edge);
            total = total.saturating_add(name.len()).saturating_add(NAME_COST);
            if total > MAX_NAMES_TOTAL {
                return Err(trie.fault(cursor, "the export trie spells more names than fit"));
            }
            open.push((child, name, depth + 1));
        }
    }
    Ok(())
}

fn uleb(bytes: Bytes<'_>, cursor: &mut usize) -> Result<u64> {
    let start = *cursor;
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = bytes.u8(*cursor)?;
        *cursor += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(bytes.fault(start, "a number of more than 64 bits"))
}
