//! One Mach-O image: its header and load commands, read from the header bytes alone.
//!
//! ```text
//!   0            32                    32 + sizeofcmds
//!   ├─ header ───┼─ load commands ─────┼─ … segments … ─┼─ __LINKEDIT ─ [signature] ─┤
//! ```
//! Nothing past the load commands is read here, so a header of any file costs two small reads.

use std::fmt;

use goblin::mach::{header, load_command as lc};

use super::{
    Arch, Platform, Version,
    command::{Body, BuildVersion, Command, Dylib, Range, Section, Segment, Symtab},
};
use crate::{
    bytes::{Bytes, Error, Result},
    source::Source,
};

/// Longest load commands accepted. The largest shipped programs have about 16 KiB; 1 MiB is generous and still cheap.
const MAX_COMMANDS_SIZE: u32 = 1 << 20;

/// What an image is for (`filetype` of the header).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileType(pub u32);

impl FileType {
    /// A relocatable object.
    pub const OBJECT: Self = Self(header::MH_OBJECT);
    /// A program; a dext's executable is one, too.
    pub const EXECUTE: Self = Self(header::MH_EXECUTE);
    /// A dynamic library.
    pub const DYLIB: Self = Self(header::MH_DYLIB);
    /// A plug-in.
    pub const BUNDLE: Self = Self(header::MH_BUNDLE);
    /// Debug symbols beside a stripped image.
    pub const DSYM: Self = Self(header::MH_DSYM);
    /// A kernel extension.
    pub const KEXT: Self = Self(header::MH_KEXT_BUNDLE);

    /// `EXECUTE`, `DYLIB`, …
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            header::MH_OBJECT => "OBJECT",
            header::MH_EXECUTE => "EXECUTE",
            header::MH_DYLIB => "DYLIB",
            header::MH_DYLINKER => "DYLINKER",
            header::MH_BUNDLE => "BUNDLE",
            header::MH_DYLIB_STUB => "DYLIB_STUB",
            header::MH_DSYM => "DSYM",
            header::MH_KEXT_BUNDLE => "KEXT_BUNDLE",
            _ => return None,
        })
    }
}

impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("filetype {}", self.0)),
        }
    }
}

/// Header and load commands of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachO {
    /// What it runs on.
    pub arch: Arch,
    /// Whether it is a 64-bit image; 32-bit ones are recognised so that they can be refused by name.
    pub is_64: bool,
    /// What it is for.
    pub filetype: FileType,
    /// `MH_*` flags.
    pub flags: u32,
    /// Length of header and load commands together.
    pub commands_end: u64,
    /// Length of the slice that it was read from.
    pub size: u64,
    /// All load commands, in order.
    pub commands: Vec<Command>,
}

/// `MH_DYLDLINK`: input for the dynamic linker.
pub const MH_DYLDLINK: u32 = header::MH_DYLDLINK;
/// `MH_TWOLEVEL`: two-level namespace.
pub const MH_TWOLEVEL: u32 = header::MH_TWOLEVEL;
/// `MH_PIE`: loaded at a random address.
pub const MH_PIE: u32 = header::MH_PIE;

/// Whether four bytes start a thin Mach-O of either width and byte order.
pub fn is_macho(magic: [u8; 4]) -> bool {
    matches!(u32::from_le_bytes(magic), header::MH_MAGIC | header::MH_MAGIC_64)
        || matches!(u32::from_be_bytes(magic), header::MH_MAGIC | header::MH_MAGIC_64)
}

impl MachO {
    /// Reads header and load commands of the image that fills `source` (for a universal file: a slice's window).
    pub fn read(source: &dyn Source) -> Result<Self> {
        let start = source.read(0, header::SIZEOF_HEADER_32)?;
        let start = Bytes::new(&start);
        let is_64 = match start.u32_le(0)? {
            header::MH_MAGIC_64 => true,
            header::MH_MAGIC => false,
            header::MH_CIGAM | header::MH_CIGAM_64 => return Err(Error::new(0, "a big-endian image")),
            other => return Err(Error::new(0, format!("not a Mach-O: it starts with {other:#010x}"))),
        };
        let header_size = if is_64 { header::SIZEOF_HEADER_64 } else { header::SIZEOF_HEADER_32 };
        let (count, size) = (start.u32_le(16)?, start.u32_le(20)?);
        if size > MAX_COMMANDS_SIZE {
            let what = format!("load commands of {size} bytes, more than {MAX_COMMANDS_SIZE}");
            return Err(Error::new(20, what));
        }
        let raw = source
            .read(header_size as u64, size as usize)
            .map_err(|_| Error::new(20, format!("load commands of {size} bytes end past the slice")))?;
        Ok(Self {
            arch: Arch::new(start.u32_le(4)?, start.u32_le(8)?),
            is_64,
            filetype: FileType(start.u32_le(12)?),
            flags: start.u32_le(24)?,
            commands_end: header_size as u64 + u64::from(size),
            size: source.len(),
            commands: commands(Bytes::at(&raw, header_size as u64), count)?,
        })
    }

    /// Its segments, in order.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.commands.iter().filter_map(|it| if let Body::Segment(it) = &it.body { Some(it) } else { None })
    }

    /// The first segment of that name.
    pub fn segment(&self, name: &str) -> Option<&Segment> {
        self.segments().find(|it| it.name == name)
    }

    /// The first section of that segment and name. In an object file the segment is the one the section names.
    pub fn section(&self, segment: &str, name: &str) -> Option<&Section> {
        let mut all = self.segments().flat_map(|it| &it.sections);
        all.find(|it| it.segment == segment && it.name == name)
    }

    /// `LC_BUILD_VERSION` commands; more than one is refused by the loader.
    pub fn build_versions(&self) -> impl Iterator<Item = &BuildVersion> {
        self.commands.iter().filter_map(|it| match &it.body {
            Body::BuildVersion(it) => Some(it),
            _ => None,
        })
    }

    /// Platform, lowest system and SDK of every version command, of either kind.
    pub fn targets(&self) -> Vec<(Platform, Version, Version)> {
        let target = |it: &Command| match &it.body {
            Body::BuildVersion(it) => Some((it.platform, it.min_os, it.sdk)),
            Body::VersionMin { platform, min_os, sdk } => Some((*platform, *min_os, *sdk)),
            _ => None,
        };
        self.commands.iter().filter_map(target).collect()
    }

    /// `LC_UUID`.
    pub fn uuid(&self) -> Option<[u8; 16]> {
        self.commands.iter().find_map(|it| if let Body::Uuid(uuid) = it.body { Some(uuid) } else { None })
    }

    /// Libraries it loads (its own `LC_ID_DYLIB` is not one of them).
    pub fn dylibs(&self) -> impl Iterator<Item = &Dylib> {
        self.commands.iter().filter_map(|it| match &it.body {
            Body::Dylib(dylib) if it.kind != lc::LC_ID_DYLIB => Some(dylib),
            _ => None,
        })
    }

    /// `LC_LOAD_DYLINKER`.
    pub fn dylinker(&self) -> Option<&str> {
        self.commands.iter().find_map(|it| match &it.body {
            Body::Dylinker(path) if it.kind == lc::LC_LOAD_DYLINKER => Some(path.as_str()),
            _ => None,
        })
    }

    /// `LC_RPATH` entries.
    pub fn rpaths(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().filter_map(|it| match &it.body {
            Body::Rpath(path) => Some(path.as_str()),
            _ => None,
        })
    }

    /// The command with `LC_MAIN` or `LC_UNIXTHREAD`, whichever comes first.
    pub fn entry(&self) -> Option<&Command> {
        self.commands.iter().find(|it| matches!(it.body, Body::Main { .. } | Body::UnixThread))
    }

    /// The range that `LC_CODE_SIGNATURE` names.
    pub fn code_signature(&self) -> Option<Range> {
        self.linkedit(lc::LC_CODE_SIGNATURE)
    }

    /// The range that `LC_DYLD_CHAINED_FIXUPS` names.
    pub fn chained_fixups(&self) -> Option<Range> {
        self.linkedit(lc::LC_DYLD_CHAINED_FIXUPS)
    }

    /// The range that the linkedit command of this kind (`LC_*`) names.
    pub fn linkedit(&self, kind: u32) -> Option<Range> {
        self.commands.iter().find_map(|it| match it.body {
            Body::Linkedit(range) if it.kind == kind => Some(range),
            _ => None,
        })
    }

    /// Encryption id; `None` when there is no such command, 0 when nothing is encrypted.
    pub fn encryption_id(&self) -> Option<u32> {
        self.commands.iter().find_map(|it| match it.body {
            Body::Encryption { id, .. } => Some(id),
            _ => None,
        })
    }

    /// `LC_SYMTAB`.
    pub fn symtab(&self) -> Option<Symtab> {
        self.commands.iter().find_map(|it| if let Body::Symtab(it) = it.body { Some(it) } else { None })
    }

    /// The export trie, from its own command or from `LC_DYLD_INFO`.
    pub fn exports_trie(&self) -> Option<Range> {
        self.linkedit(lc::LC_DYLD_EXPORTS_TRIE).or_else(|| {
            self.commands.iter().find_map(|it| match it.body {
                Body::DyldInfo { exports: (offset, size) } => {
                    Some(Range { offset: offset.into(), size: size.into() })
                }
                _ => None,
            })
        })
    }
}

fn commands(raw: Bytes<'_>, count: u32) -> Result<Vec<Command>> {
    // A command has at least 8 bytes, so a count past this is refused before anything is allocated.
    let room = raw.len() / 8;
    if count as usize > room {
        let what = format!("{count} load commands promised, room for {room}");
        return Err(Error::new(16, what));
    }
    let mut found = Vec::with_capacity(count as usize);
    let mut at = 0_usize;
    for index in 0..count {
        let size = raw.u32_le(at + 4)? as usize;
        if size < 8 || !size.is_multiple_of(4) {
            return Err(raw.fault(at, format!("load command {index} has a size of {size}")));
        }
        let command = raw
            .range(at, size)
            .map_err(|_| raw.fault(at, format!("load command {index} ends past the load commands")))?;
        found.push(Command::read(command)?);
        at += size; // inside `raw`, as the range above shows
    }
    if at != raw.len() {
        return Err(raw.fault(at, format!("load commands end {} bytes early", raw.len() - at)));
    }
    Ok(found)
}
