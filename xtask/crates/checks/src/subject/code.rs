//! A Mach-O file, its images, and the signature of each.

use std::collections::BTreeSet;

use formats::{
    Error,
    document::plist::{Dict, Plist},
    image::{Arch, MachO, Slice, fat},
    signature::{
        code_directory::{CodeDirectory, ExecSegment},
        digest::HashType,
        superblob::Slot,
    },
};

use super::{Cms, Found};

/// One Mach-O file.
#[derive(Debug, Clone)]
pub struct Code {
    /// Where it lies.
    pub path: String,
    /// Its table of slices; `Err`: it starts like a Mach-O and cannot be read.
    pub table: Result<Table, Error>,
}

/// The slices of a file, and what is odd about how they lie.
#[derive(Debug, Clone)]
pub struct Table {
    /// Thin, 32 bit or 64 bit.
    pub kind: fat::Table,
    /// One per slice, in the order of the table.
    pub images: Vec<Result<Image, (Slice, Error)>>,
    /// What [`fat::Slices::irregularities`] says; gaps only when they are not zero or not shorter than their alignment.
    pub irregular: Vec<fat::Irregular>,
}

/// One slice that could be read.
#[derive(Debug, Clone)]
pub struct Image {
    /// Where it lies.
    pub slice: Slice,
    /// Header and load commands.
    pub macho: MachO,
    /// External symbols that it defines; `Absent`: not looked at, or stripped of all of them.
    pub exports: Found<BTreeSet<String>>,
    /// Bytes of `__TEXT,__info_plist`; `None` when there is no such section.
    pub embedded_info: Option<Vec<u8>>,
    /// Paths of a build machine found in the bytes (policy's prefixes), at most a few.
    pub private_paths: Vec<String>,
    /// Whether the bytes that `LC_CODE_SIGNATURE` names are all zero. A file can carry the command and no signature.
    pub is_signature_blank: bool,
    /// Its embedded signature; `Absent`: no command, or nothing but zeros there.
    pub signature: Found<Signature>,
}

/// An embedded signature.
#[derive(Debug, Clone, Default)]
pub struct Signature {
    /// Slots whose blobs overlap others.
    pub overlaps: Vec<(Slot, Slot)>,
    /// Slots that are there twice.
    pub repeated: Vec<Slot>,
    /// Slots whose blob has a magic that does not suit.
    pub misfits: Vec<(Slot, u32)>,
    /// Bytes between the end of the super blob and the end of its range, and whether all are zero.
    pub slack: (u64, bool),
    /// All code directories: that of slot 0 first, then the alternates in order of slots.
    pub directories: Vec<Directory>,
    /// Code directories that could not be read.
    pub broken_directories: Vec<(Slot, Error)>,
    /// Entitlements, XML.
    pub entitlements: Found<Plist>,
    /// The bytes of the XML entitlements.
    pub entitlements_text: Vec<u8>,
    /// Entitlements, DER.
    pub entitlements_der: Found<Dict>,
    /// The designated requirement.
    pub requirement: Found<Requirement>,
    /// The CMS blob; `Absent`: none, or an empty one, as in an ad-hoc signature.
    pub cms: Found<Cms>,
}

/// A code directory and how its hashes compare with the bytes.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Its slot.
    pub slot: Slot,
    /// Format version, 0x20500 today.
    pub version: u32,
    /// `CS_*` flags.
    pub flags: u32,
    /// Algorithm of its hashes.
    pub hash_type: HashType,
    /// Signing identifier.
    pub identifier: String,
    /// Team.
    pub team: Option<String>,
    /// Nonzero only in Apple's own software.
    pub platform: u8,
    /// Base-2 logarithm of the page size; 0: one page.
    pub page_shift: u8,
    /// Where code stops.
    pub limits: CodeLimits,
    /// From version 0x20400 on.
    pub exec_segment: Option<ExecSegment>,
    /// SDK of the hardened runtime; from version 0x20500 on.
    pub runtime: Option<u32>,
    /// The code directory hash, 20 bytes.
    pub cdhash: [u8; 20],
    /// The whole digest, as long as its algorithm makes it.
    pub digest: Vec<u8>,
    /// Pages whose hash differs from the bytes, first ones first; all of them were hashed.
    pub bad_pages: Vec<u32>,
    /// Special slots, by slot, those with a hash of zeros included.
    pub special: Vec<SpecialSlot>,
    /// Whether it has a list of pages that lie elsewhere in the file.
    pub is_scattered: bool,
}

/// How much a code directory covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeLimits {
    /// Bytes covered.
    pub limit: u64,
    /// Code hashes it has.
    pub slots: u64,
    /// Code hashes that its limit and page size call for.
    pub expected_slots: u64,
}

/// A special hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialSlot {
    /// What it stands for.
    pub slot: Slot,
    /// The hash in the directory; `None` when it is all zero, which means "nothing there".
    pub promised: Option<Vec<u8>>,
    /// The hash of what is there (Info.plist, CodeResources, the blob); `None`: it is not there.
    pub actual: Option<Vec<u8>>,
}

/// The designated requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// As csreq prints it.
    pub text: String,
    /// Whether the code itself satisfies it.
    pub satisfied: Satisfied,
}

/// The result of evaluating a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Satisfied {
    /// It holds.
    Yes,
    /// It does not; the part that fails.
    No(String),
    /// It could not be evaluated: why (an unknown operator).
    Unknown(String),
}

impl Directory {
    /// The facts of a code directory that was read; hashes still to be compared are empty.
    pub fn of(slot: Slot, it: &CodeDirectory) -> Self {
        Self {
            slot,
            version: it.version,
            flags: it.flags,
            hash_type: it.hash_type,
            identifier: it.identifier.clone(),
            team: it.team.clone(),
            platform: it.platform,
            page_shift: it.page_shift,
            limits: CodeLimits {
                limit: it.code_limit,
                slots: it.n_code_slots.into(),
                expected_slots: it.expected_code_slots(),
            },
            exec_segment: it.exec_segment,
            runtime: it.runtime,
            cdhash: it.cdhash().0,
            digest: it.digest(),
            bad_pages: Vec::new(),
            special: Vec::new(),
            is_scattered: !it.scatter.is_empty(),
        }
    }

    /// Whether all of these flags are set.
    pub const fn has_flags(&self, flags: u32) -> bool {
        self.flags & flags == flags
    }

    /// The special hash of that slot.
    pub fn special(&self, slot: Slot) -> Option<&SpecialSlot> {
        self.special.iter().find(|it| it.slot == slot)
    }
}

impl Signature {
    /// The directory that the system goes by: of the strongest hash.
    pub fn best(&self) -> Option<&Directory> {
        self.directories.iter().max_by_key(|it| (it.hash_type.size(), it.slot == Slot::CodeDirectory))
    }

    /// The claims, from XML, else from DER; `None` when it claims nothing or they cannot be read.
    pub fn claims(&self) -> Option<&Dict> {
        let xml = self.entitlements.present().and_then(|it| it.value.as_dict());
        xml.or_else(|| self.entitlements_der.present())
    }

    /// Whether it claims that entitlement with the value true.
    pub fn claims_true(&self, key: &str) -> bool {
        self.claims().and_then(|it| it.get(key)).and_then(|it| it.as_bool()) == Some(true)
    }

    /// Whether it is without certificate: ad-hoc or linker-signed.
    pub fn is_ad_hoc(&self) -> bool {
        self.cms.is_absent()
    }
}

impl Code {
    /// Its images that could be read; empty when the table could not.
    pub fn images(&self) -> impl Iterator<Item = &Image> {
        self.table.iter().flat_map(|it| &it.images).filter_map(|it| it.as_ref().ok())
    }

    /// Architectures of all slices, readable or not, in the order of the table.
    pub fn archs(&self) -> Vec<Arch> {
        let arch = |it: &Result<Image, (Slice, Error)>| match it {
            Ok(image) => image.arch(),
            Err((slice, _)) => slice.arch,
        };
        self.table.iter().flat_map(|it| &it.images).map(arch).collect()
    }
}

impl Image {
    /// What it runs on, as its table says.
    pub const fn arch(&self) -> Arch {
        self.slice.arch
    }

    /// The same offset of the slice, seen from the start of the file.
    pub const fn file_offset(&self, offset: u64) -> u64 {
        self.slice.offset.saturating_add(offset)
    }
}
