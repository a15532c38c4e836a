//! Load commands: one value per command, in file order, unknown ones kept.
//!
//! Each command is read from its own `cmdsize` bytes and nothing else, so a wrong size cannot pull in its neighbour.

use goblin::{
    container::Endian,
    mach::load_command::{self as lc, CommandVariant, LoadCommand},
};

use super::version::{Platform, Version};
use crate::bytes::{Bytes, Result};

/// One load command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// `LC_*` number, `LC_REQ_DYLD` bit included.
    pub kind: u32,
    /// Offset from the start of the slice.
    pub offset: u64,
    /// `cmdsize`.
    pub size: u32,
    /// What it says.
    pub body: Body,
}

/// What a load command says; kinds that nobody here needs stay [`Body::Other`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// `LC_SEGMENT_64` or `LC_SEGMENT`.
    Segment(Segment),
    /// `LC_BUILD_VERSION`.
    BuildVersion(BuildVersion),
    /// `LC_VERSION_MIN_*`.
    VersionMin {
        /// What the command's number stands for.
        platform: Platform,
        /// Lowest system version.
        min_os: Version,
        /// Version of the SDK.
        sdk: Version,
    },
    /// `LC_UUID`.
    Uuid([u8; 16]),
    /// `LC_ID_DYLIB` and the four ways to load one; the command's `kind` tells which.
    Dylib(Dylib),
    /// `LC_LOAD_DYLINKER`, `LC_ID_DYLINKER` or `LC_DYLD_ENVIRONMENT`.
    Dylinker(String),
    /// `LC_RPATH`.
    Rpath(String),
    /// `LC_MAIN`.
    Main {
        /// Offset of the entry point in the slice.
        entry_offset: u64,
        /// Stack size wanted, 0 for the default.
        stack_size: u64,
    },
    /// `LC_UNIXTHREAD`: registers to start with (left unread).
    UnixThread,
    /// `LC_ENCRYPTION_INFO` and `…_64`.
    Encryption {
        /// Start of the encrypted range in the slice.
        offset: u32,
        /// Its length.
        size: u32,
        /// 0 when it is not encrypted.
        id: u32,
    },
    /// `LC_SOURCE_VERSION`, packed A.B.C.D.E.
    SourceVersion(u64),
    /// `LC_SYMTAB`.
    Symtab(Symtab),
    /// `LC_DYSYMTAB`: local, externally defined and undefined symbols as (first, count).
    Dysymtab {
        /// Symbols that only debuggers see.
        local: (u32, u32),
        /// Symbols defined here and visible outside.
        defined: (u32, u32),
        /// Symbols wanted from elsewhere.
        undefined: (u32, u32),
    },
    /// `LC_DYLD_INFO` and `…_ONLY`.
    DyldInfo {
        /// Start and length of the export trie.
        exports: (u32, u32),
    },
    /// A command that points at a range of `__LINKEDIT`: code signature, chained fixups, exports trie, function starts, …
    Linkedit(Range),
    /// `LC_LINKER_OPTION`, `LC_NOTE`, `LC_FILESET_ENTRY` and all that is unknown: kept, not read.
    Other,
}

/// Where something lies in the slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First byte, from the start of the slice.
    pub offset: u64,
    /// Number of bytes.
    pub size: u64,
}

impl Range {
    /// One past the last byte; saturates, so a range that overflows never seems to fit.
    pub const fn end(self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

/// A segment with its sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// `__TEXT`, `__LINKEDIT`, …
    pub name: String,
    /// Address in memory.
    pub address: u64,
    /// Length in memory.
    pub memory_size: u64,
    /// The bytes of the slice that are mapped.
    pub file: Range,
    /// Highest protection: read 1, write 2, execute 4.
    pub max_protection: u32,
    /// Protection at the start.
    pub protection: u32,
    /// `SG_*` flags.
    pub flags: u32,
    /// Its sections, in order.
    pub sections: Vec<Section>,
}

impl Segment {
    /// Whether it is mapped executable.
    pub const fn is_executable(&self) -> bool {
        self.protection & 4 != 0
    }

    /// Whether it is mapped writable.
    pub const fn is_writable(&self) -> bool {
        self.protection & 2 != 0
    }
}

/// A section of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// `__text`, `__osclassinfo`, …
    pub name: String,
    /// The segment it says it belongs to.
    pub segment: String,
    /// Address in memory.
    pub address: u64,
    /// Length.
    pub size: u64,
    /// Offset in the slice; 0 for a section of zeros.
    pub offset: u32,
    /// Power of two.
    pub align: u32,
    /// Type in the low byte, attributes above.
    pub flags: u32,
    /// Offset of this section header in the slice, for whoever patches it.
    pub header_offset: u64,
}

/// `LC_BUILD_VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildVersion {
    /// What it was built for.
    pub platform: Platform,
    /// Lowest system version.
    pub min_os: Version,
    /// Version of the SDK.
    pub sdk: Version,
    /// (tool, version): 1 clang, 2 swift, 3 ld, 4 lld.
    pub tools: Vec<(u32, Version)>,
}

/// A dynamic library by its install name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dylib {
    /// Install name.
    pub name: String,
    /// Build time; 2 from ld, 0 from lld.
    pub timestamp: u32,
    /// Its own version.
    pub current: Version,
    /// Oldest version it stands in for.
    pub compatibility: Version,
}

/// `LC_SYMTAB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symtab {
    /// Offset of the first entry.
    pub offset: u32,
    /// Number of entries.
    pub count: u32,
    /// Offset of the strings.
    pub strings: u32,
    /// Length of the strings.
    pub strings_size: u32,
}

/// Two numbers and `LC_` name: for messages.
pub fn name(kind: u32) -> String {
    match lc::cmd_to_str(kind) {
        "LC_UNKNOWN" => format!("load command {kind:#x}"),
        known => known.to_owned(),
    }
}

impl Command {
    /// Reads the command whose bytes are exactly `bytes` (`cmdsize` of them, checked by the caller).
    pub(super) fn read(bytes: Bytes<'_>) -> Result<Self> {
        let kind = bytes.u32_le(0)?;
        let size = bytes.u32_le(4)?;
        let parsed = LoadCommand::parse(bytes.as_slice(), &mut 0, Endian::Little)
            .map_err(|_| bytes.fault(0, format!("`{}` is shorter than its fields", name(kind))))?;
        let body = body(bytes, kind, parsed.command)?;
        Ok(Self { kind, offset: bytes.base(), size, body })
    }
}

fn body(bytes: Bytes<'_>, kind: u32, command: CommandVariant) -> Result<Body> {
    use CommandVariant as V;
    Ok(match command {
        V::Segment64(it) => Body::Segment(Segment {
            name: fixed_name(&it.segname),
            address: it.vmaddr,
            memory_size: it.vmsize,
            file: Range { offset: it.fileoff, size: it.filesize },
            max_protection: it.maxprot,
            protection: it.initprot,
            flags: it.flags,
            sections: sections_64(bytes, it.nsects)?,
        }),
        V::Segment32(it) => Body::Segment(Segment {
            name: fixed_name(&it.segname),
            address: it.vmaddr.into(),
            memory_size: it.vmsize.into(),
            file: Range { offset: it.fileoff.into(), size: it.filesize.into() },
            max_protection: it.maxprot,
            protection: it.initprot,
            flags: it.flags,
            sections: sections_32(bytes, it.nsects)?,
        }),
        V::BuildVersion(it) => Body::BuildVersion(BuildVersion {
            platform: Platform(it.platform),
            min_os: Version(it.minos),
            sdk: Version(it.sdk),
            tools: tools(bytes, it.ntools)?,
        }),
        V::VersionMinMacosx(it) => version_min(Platform::MACOS, &it),
        V::VersionMinIphoneos(it) => version_min(Platform::IOS, &it),
        V::VersionMinTvos(it) => version_min(Platform(lc::PLATFORM_TVOS), &it),
        V::VersionMinWatchos(it) => version_min(Platform(lc::PLATFORM_WATCHOS), &it),
        V::Uuid(it) => Body::Uuid(it.uuid),
        V::LoadDylib(it)
        | V::IdDylib(it)
        | V::LoadWeakDylib(it)
        | V::ReexportDylib(it)
        | V::LoadUpwardDylib(it)
        | V::LazyLoadDylib(it) => Body::Dylib(Dylib {
            name: text(bytes, it.dylib.name, lc::SIZEOF_DYLIB_COMMAND + 4)?,
            timestamp: it.dylib.timestamp,
            current: Version(it.dylib.current_version),
            compatibility: Version(it.dylib.compatibility_version),
        }),
        V::LoadDylinker(it) | V::IdDylinker(it) | V::DyldEnvironment(it) => {
            Body::Dylinker(text(bytes, it.name, 12)?)
        }
        V::Rpath(it) => Body::Rpath(text(bytes, it.path, 12)?),
        V::Main(it) => Body::Main { entry_offset: it.entryoff, stack_size: it.stacksize },
        V::Unixthread(_) => Body::UnixThread,
        V::EncryptionInfo32(it) => {
            Body::Encryption { offset: it.cryptoff, size: it.cryptsize, id: it.cryptid }
        }
        V::EncryptionInfo64(it) => {
            Body::Encryption { offset: it.cryptoff, size: it.cryptsize, id: it.cryptid }
        }
        V::SourceVersion(it) => Body::SourceVersion(it.version),
        V::Symtab(it) => Body::Symtab(Symtab {
            offset: it.symoff,
            count: it.nsyms,
            strings: it.stroff,
            strings_size: it.strsize,
        }),
        V::Dysymtab(it) => Body::Dysymtab {
            local: (it.ilocalsym, it.nlocalsym),
            defined: (it.iextdefsym, it.nextdefsym),
            undefined: (it.iundefsym, it.nundefsym),
        },
        V::DyldInfo(it) | V::DyldInfoOnly(it) => Body::DyldInfo { exports: (it.export_off, it.export_size) },
        V::CodeSignature(it)
        | V::SegmentSplitInfo(it)
        | V::FunctionStarts(it)
        | V::DataInCode(it)
        | V::DylibCodeSignDrs(it)
        | V::LinkerOptimizationHint(it)
        | V::DyldExportsTrie(it)
        | V::DyldChainedFixups(it) => {
            Body::Linkedit(Range { offset: it.dataoff.into(), size: it.datasize.into() })
        }
        // Atom info (0x36) came after the list that goblin knows.
        _ if kind == 0x36 => {
            Body::Linkedit(Range { offset: bytes.u32_le(8)?.into(), size: bytes.u32_le(12)?.into() })
        }
        _ => Body::Other,
    })
}

fn version_min(platform: Platform, it: &lc::VersionMinCommand) -> Body {
    Body::VersionMin { platform, min_os: Version(it.version), sdk: Version(it.sdk) }
}

fn tools(bytes: Bytes<'_>, count: u32) -> Result<Vec<(u32, Version)>> {
    const FIRST: usize = 24;
    (0..items(bytes, FIRST, count, 8, "tools")?)
        .map(|index| {
            let at = FIRST + index * 8;
            Ok((bytes.u32_le(at)?, Version(bytes.u32_le(at + 4)?)))
        })
        .collect()
}

fn sections_64(bytes: Bytes<'_>, count: u32) -> Result<Vec<Section>> {
    let first = lc::SIZEOF_SEGMENT_COMMAND_64;
    (0..items(bytes, first, count, lc::SIZEOF_SECTION_64, "sections")?)
        .map(|index| {
            let it = bytes.range(first + index * lc::SIZEOF_SECTION_64, lc::SIZEOF_SECTION_64)?;
            Ok(Section {
                name: fixed_name(&it.array::<16>(0)?),
                segment: fixed_name(&it.array::<16>(16)?),
                address: it.u64_le(32)?,
                size: it.u64_le(40)?,
                offset: it.u32_le(48)?,
                align: it.u32_le(52)?,
                flags: it.u32_le(64)?,
                header_offset: it.base(),
            })
        })
        .collect()
}

fn sections_32(bytes: Bytes<'_>, count: u32) -> Result<Vec<Section>> {
    let first = lc::SIZEOF_SEGMENT_COMMAND_32;
    (0..items(bytes, first, count, lc::SIZEOF_SECTION_32, "sections")?)
        .map(|index| {
            let it = bytes.range(first + index * lc::SIZEOF_SECTION_32, lc::SIZEOF_SECTION_32)?;
            Ok(Section {
                name: fixed_name(&it.array::<16>(0)?),
                segment: fixed_name(&it.array::<16>(16)?),
                address: it.u32_le(32)?.into(),
                size: it.u32_le(36)?.into(),
                offset: it.u32_le(40)?,
                align: it.u32_le(44)?,
                flags: it.u32_le(56)?,
                header_offset: it.base(),
            })
        })
        .collect()
}

/// `count` items of `size` bytes after `first`, refused when the command is too short for them.
fn items(bytes: Bytes<'_>, first: usize, count: u32, size: usize, what: &str) -> Result<usize> {
    let room = bytes.len().saturating_sub(first) / size;
    match usize::try_from(count) {
        Ok(count) if count <= room => Ok(count),
        _ => Err(bytes.fault(0, format!("{count} {what} promised, room for {room}"))),
    }
}

/// Text at an offset inside the command, which may not point into its fixed fields.
fn text(bytes: Bytes<'_>, offset: u32, first: usize) -> Result<String> {
    match usize::try_from(offset) {
        Ok(offset) if offset >= first => bytes.c_str(offset).map(str::to_owned),
        _ => Err(bytes.fault(8, format!("text at {offset} lies inside the fixed fields"))),
    }
}

/// A name of at most 16 bytes, ended by a zero when shorter; what is not UTF-8 shows as a replacement character.
fn fixed_name(raw: &[u8; 16]) -> String {
    let len = raw.iter().position(|&byte| byte == 0).unwrap_or(raw.len());
    String::from_utf8_lossy(raw.get(..len).unwrap_or_default()).into_owned()
}
