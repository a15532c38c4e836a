//! Which slices a file carries: universal files of both widths, and thin ones as a single slice.
//!
//! ```text
//!   cafebabe n │ arch 0 │ arch 1 │ … zeros … │ slice 0 │ gap │ slice 1 │ (nothing)
//! ```
//! Our own reader: goblin's knows no 64-bit table and returns an empty slice for a bad offset.

use super::{Arch, macho};
use crate::{
    bytes::{Bytes, Error, Result},
    source::{Source, Window},
};

/// `FAT_MAGIC`, big-endian on disk.
pub(super) const FAT_MAGIC: u32 = 0xcafe_babe;
/// `FAT_MAGIC_64`: offsets and sizes of 64 bits. The kernel's loader does not know it.
const FAT_MAGIC_64: u32 = 0xcafe_babf;
/// A Java class file starts with the same magic; there, this word is a version of 45 or more.
/// Real universal files have at most a handful of slices. (file(1) draws its line here, too.)
const MAX_SLICES: u32 = 43;
/// Largest power of two for an alignment (`MAXSECTALIGN` is 15; codesign's strict check allows 30).
const MAX_ALIGN: u32 = 30;

/// How a file holds its slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// No table: the file is one image.
    Thin,
    /// `FAT_MAGIC`.
    Fat32,
    /// `FAT_MAGIC_64`.
    Fat64,
}

/// All slices of a file, in the order of its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slices {
    /// How they are held.
    pub table: Table,
    /// The slices; for a thin file the one that fills it.
    pub slices: Vec<Slice>,
    /// Length of the file.
    pub file_size: u64,
}

/// One architecture's part of a file. Its range lies inside the file, or reading it would have failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// As the table says; in a thin file, as the header says.
    pub arch: Arch,
    /// First byte in the file.
    pub offset: u64,
    /// Number of bytes.
    pub size: u64,
    /// Power of two that `offset` should be a multiple of; 0 in a thin file.
    pub align: u32,
}

impl Slice {
    /// One past the last byte.
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }

    /// The slice's bytes as a source of their own, offsets counted from its start.
    pub fn window<'a>(&self, file: &'a dyn Source) -> Result<Window<'a>> {
        Window::new(file, self.offset, self.size)
    }
}

/// Something about the table that a strict loader or codesign refuses, though every slice can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Irregular {
    /// The offset is not a multiple of 2^align, or the align is absurd.
    Misaligned(usize),
    /// Two slices share bytes.
    Overlap(usize, usize),
    /// A slice begins inside the table.
    OverTable(usize),
    /// Two slices have the same architecture (capability bits aside).
    Duplicate(usize, usize),
    /// Bytes between two parts: (start, end, align of the slice that follows); normal when zero and shorter than that.
    Gap(u64, u64, u32),
    /// Bytes after the last slice: (start, end).
    Trailing(u64, u64),
}

impl Slices {
    /// The slices of `file`; `None` when it is no Mach-O file at all (a Java class file is not).
    pub fn read(file: &dyn Source) -> Result<Option<Self>> {
        let file_size = file.len();
        if file_size < 4 {
            return Ok(None);
        }
        let magic = Bytes::new(&file.read(0, 4)?).array::<4>(0)?;
        if macho::is_macho(magic) {
            let arch = thin_arch(file)?;
            let slice = Slice { arch, offset: 0, size: file_size, align: 0 };
            return Ok(Some(Self { table: Table::Thin, slices: vec![slice], file_size }));
        }
        let table = match u32::from_be_bytes(magic) {
            FAT_MAGIC => Table::Fat32,
            FAT_MAGIC_64 => Table::Fat64,
            _ => return Ok(None),
        };
        let head = file.read(0, 8).map_err(|_| Error::new(4, "the table of slices is cut off"))?;
        let count = Bytes::new(&head).u32_be(4)?;
        if count >= MAX_SLICES {
            // Java, or nothing we could read; a 64-bit table has no such twin.
            return if table == Table::Fat32 {
                Ok(None)
            } else {
                Err(Error::new(4, format!("{count} slices, more than {MAX_SLICES}")))
            };
        }
        let entry = if table == Table::Fat64 { 32 } else { 20 };
        let raw = file
            .read(8, count as usize * entry)
            .map_err(|_| Error::new(4, format!("a table of {count} slices ends past the file")))?;
        let raw = Bytes::at(&raw, 8);
        let mut slices = Vec::with_capacity(count as usize);
        for index in 0..count as usize {
            let slice = read_entry(raw.range(index * entry, entry)?, table)?;
            match slice.offset.checked_add(slice.size) {
                Some(end) if end <= file_size => slices.push(slice),
                _ => {
                    let what = format!("slice {index} ({}) ends past the end of the file", slice.arch);
                    return Err(Error::new(8 + (index * entry) as u64 + 8, what));
                }
            }
        }
        Ok(Some(Self { table, slices, file_size }))
    }

    /// The first slice of that architecture, capability bits aside.
    pub fn of(&self, arch: Arch) -> Option<&Slice> {
        self.slices.iter().find(|it| it.arch.is_same_as(arch))
    }

    /// Length of the table, where the first slice could begin.
    pub fn table_end(&self) -> u64 {
        let count = self.slices.len() as u64;
        match self.table {
            Table::Thin => 0,
            Table::Fat32 => 8 + 20 * count,
            Table::Fat64 => 8 + 32 * count,
        }
    }

    /// What is irregular about the layout; gaps and their contents are the caller's to judge.
    pub fn irregularities(&self) -> Vec<Irregular> {
        if self.table == Table::Thin {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (index, slice) in self.slices.iter().enumerate() {
            if slice.align > MAX_ALIGN || slice.offset % (1_u64 << slice.align.min(MAX_ALIGN)) != 0 {
                found.push(Irregular::Misaligned(index));
            }
            for (other, earlier) in self.slices.iter().enumerate().take(index) {
                if slice.offset < earlier.end() && earlier.offset < slice.end() {
                    found.push(Irregular::Overlap(other, index));
                }
                if slice.arch.is_same_as(earlier.arch) {
                    found.push(Irregular::Duplicate(other, index));
                }
            }
            if slice.offset < self.table_end() && slice.size > 0 {
                found.push(Irregular::OverTable(index));
            }
        }
        let mut in_order: Vec<&Slice> = self.slices.iter().collect();
        in_order.sort_by_key(|it| it.offset);
        let mut end = self.table_end();
        for slice in in_order {
            if slice.offset > end {
                found.push(Irregular::Gap(end, slice.offset, slice.align));
            }
            end = end.max(slice.end());
        }
        if end < self.file_size {
            found.push(Irregular::Trailing(end, self.file_size));
        }
        found
    }
}

fn thin_arch(file: &dyn Source) -> Result<Arch> {
    let head = file.read(0, 12).map_err(|_| Error::new(4, "the Mach-O header is cut off"))?;
    let head = Bytes::new(&head);
    let is_swapped = matches!(head.u32_be(0)?, 0xfeed_face | 0xfeed_facf);
    Ok(if is_swapped {
        Arch::new(head.u32_be(4)?, head.u32_be(8)?)
    } else {
        Arch::new(head.u32_le(4)?, head.u32_le(8)?)
    })
}

fn read_entry(raw: Bytes<'_>, table: Table) -> Result<Slice> {
    let arch = Arch::new(raw.u32_be(0)?, raw.u32_be(4)?);
    Ok(match table {
        Table::Fat64 => Slice { arch, offset: raw.u64_be(8)?, size: raw.u64_be(16)?, align: raw.u32_be(24)? },
        Table::Fat32 | Table::Thin => Slice {
            arch,
            offset: raw.u32_be(8)?.into(),
            size: raw.u32_be(12)?.into(),
            align: raw.u32_be(16)?,
        },
    })
}
