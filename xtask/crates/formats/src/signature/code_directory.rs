//! The code directory: the list of hashes that a signature signs.
//!
//! ```text
//!  0 magic   length  version  flags | 16 hashOffset identOffset nSpecialSlots nCodeSlots
//! 32 codeLimit hashSize hashType platform log2(page) | 40 spare2
//! 44 scatterOffset (0x20100) | 48 teamOffset (0x20200) | 52 spare3, codeLimit64 (0x20300)
//! 64 execSegBase execSegLimit execSegFlags (0x20400) | 88 runtime preEncryptOffset (0x20500)
//! 96 linkage hash type, application type, sub type, offset, size (0x20600)
//! then, where the offsets say:  identifier · team · scatter list · [hash -n … hash -1][hash 0 … hash m]
//! ```
//! Sources: xnu `osfmk/kern/cs_blobs.h`; Security `codedirectory.h` and its `checkIntegrity`.

use crate::{
    bytes::{Bytes, Result},
    signature::{
        digest::{CdHash, HashType},
        superblob::{MAGIC_CODE_DIRECTORY, Slot, read_blob},
    },
};

/// Oldest version that is understood.
pub const EARLIEST: u32 = 0x20001;
/// Versions above this are not compatible (`compatibilityLimit`).
pub const COMPATIBILITY_LIMIT: u32 = 0x2f000;
/// First version with a scatter list.
pub const WITH_SCATTER: u32 = 0x20100;
/// First version with a team identifier.
pub const WITH_TEAM: u32 = 0x20200;
/// First version with a 64-bit code limit.
pub const WITH_CODE_LIMIT_64: u32 = 0x20300;
/// First version that describes the executable segment.
pub const WITH_EXEC_SEGMENT: u32 = 0x20400;
/// First version with the runtime version and pre-encryption hashes. What codesign writes today.
pub const WITH_RUNTIME: u32 = 0x20500;
/// First version with a linkage hash. Not seen in any shipped file.
pub const WITH_LINKAGE: u32 = 0x20600;

/// Code directory flags (`CS_*`, xnu `cs_blobs.h`).
pub mod flags {
    /// A host that tracks guests.
    pub const HOST: u32 = 0x1;
    /// Signed by nobody.
    pub const ADHOC: u32 = 0x2;
    /// `CS_GET_TASK_ALLOW`.
    pub const GET_TASK_ALLOW: u32 = 0x4;
    /// `CS_INSTALLER`.
    pub const INSTALLER: u32 = 0x8;
    /// `CS_FORCED_LV`.
    pub const FORCED_LIBRARY_VALIDATION: u32 = 0x10;
    /// `CS_INVALID_ALLOWED`.
    pub const INVALID_ALLOWED: u32 = 0x20;
    /// Refuse invalid pages.
    pub const HARD: u32 = 0x100;
    /// Die when a page is invalid.
    pub const KILL: u32 = 0x200;
    /// Certificates must be valid now.
    pub const CHECK_EXPIRATION: u32 = 0x400;
    /// dyld treats the process as restricted.
    pub const RESTRICT: u32 = 0x800;
    /// Require enforcement.
    pub const ENFORCEMENT: u32 = 0x1000;
    /// Require library validation.
    pub const LIBRARY_VALIDATION: u32 = 0x2000;
    /// Hardened runtime.
    pub const RUNTIME: u32 = 0x1_0000;
    /// Made by the linker; replaced by any real signature.
    pub const LINKER_SIGNED: u32 = 0x2_0000;

    /// Each flag with the word that `codesign -d` prints for it.
    pub const NAMES: &[(u32, &str)] = &[
        (HOST, "host"),
        (ADHOC, "adhoc"),
        (GET_TASK_ALLOW, "get-task-allow"),
        (INSTALLER, "installer"),
        (FORCED_LIBRARY_VALIDATION, "forced-lv"),
        (INVALID_ALLOWED, "invalid-allowed"),
        (HARD, "hard"),
        (KILL, "kill"),
        (CHECK_EXPIRATION, "expires"),
        (RESTRICT, "restrict"),
        (ENFORCEMENT, "enforcement"),
        (LIBRARY_VALIDATION, "library-validation"),
        (RUNTIME, "runtime"),
        (LINKER_SIGNED, "linker-signed"),
    ];

    /// The words for `flags`, unknown bits in hexadecimal; "none" when there are none.
    pub fn describe(flags: u32) -> String {
        let known = NAMES.iter().fold(0, |all, it| all | it.0);
        let mut words: Vec<String> =
            NAMES.iter().filter(|it| flags & it.0 != 0).map(|it| it.1.to_owned()).collect();
        if flags & !known != 0 {
            words.push(format!("{:#x}", flags & !known));
        }
        if words.is_empty() { "none".to_owned() } else { words.join(",") }
    }
}

/// Flags of the executable segment (`CS_EXECSEG_*`, xnu `cs_blobs.h`).
pub mod exec_segment_flags {
    /// A main executable, not a library.
    pub const MAIN_BINARY: u64 = 0x1;
    /// May run unsigned pages (a debugger follows).
    pub const ALLOW_UNSIGNED: u64 = 0x10;
    /// Is a debugger.
    pub const DEBUGGER: u64 = 0x20;
    /// May make code at run time.
    pub const JIT: u64 = 0x40;
    /// Need not validate its libraries.
    pub const SKIP_LIBRARY_VALIDATION: u64 = 0x80;
    /// May bless cdhashes for execution.
    pub const CAN_LOAD_CDHASH: u64 = 0x100;
    /// May execute blessed cdhashes.
    pub const CAN_EXEC_CDHASH: u64 = 0x200;
}

/// Where the executable segment lies, as the code directory says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecSegment {
    /// File offset of the segment in its slice.
    pub base: u64,
    /// Its length in bytes; host apps of Xcode 11 and 12 ship with 0.
    pub limit: u64,
    /// [`exec_segment_flags`].
    pub flags: u64,
}

/// One entry of a scatter list: pages that lie elsewhere in the file. Not seen in any file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scatter {
    /// Number of pages.
    pub count: u32,
    /// First page number.
    pub base: u32,
    /// Where they lie in the file.
    pub target_offset: u64,
}

/// The fields of version 0x20600, as they are. Meaning beyond their names unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the header gives names and no explanation")]
pub struct Linkage {
    pub hash_type: u8,
    pub application_type: u8,
    pub application_sub_type: u16,
    pub offset: u32,
    pub size: u32,
}

/// A code directory, read and kept whole.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeDirectory {
    /// Format version, such as 0x20500.
    pub version: u32,
    /// [`flags`].
    pub flags: u32,
    /// Algorithm of all its hashes.
    pub hash_type: HashType,
    /// Signing identifier; for a bundle its bundle identifier.
    pub identifier: String,
    /// Team identifier, where the version knows one and the signer set it.
    pub team: Option<String>,
    /// Nonzero only in Apple's own software.
    pub platform: u8,
    /// Base-2 logarithm of the page size; 0 means one page for everything.
    pub page_shift: u8,
    /// Bytes that the code hashes cover, from the start of the slice.
    pub code_limit: u64,
    /// Number of special hashes, zero ones included.
    pub n_special_slots: u32,
    /// Number of code hashes.
    pub n_code_slots: u32,
    /// From 0x20400 on.
    pub exec_segment: Option<ExecSegment>,
    /// SDK version that the hardened runtime goes by, `0x000d0100` for 13.1; from 0x20500 on.
    pub runtime: Option<u32>,
    /// Whether hashes from before encryption are there too.
    pub has_pre_encrypt_hashes: bool,
    /// From 0x20100 on, when used.
    pub scatter: Vec<Scatter>,
    /// From 0x20600 on.
    pub linkage: Option<Linkage>,
    raw: Vec<u8>,
    hash_offset: usize,
}

impl CodeDirectory {
    /// Reads the blob at the start of `bytes`, header included.
    ///
    /// Refused: another magic, a version outside 0x20001..=0x2f000, an unknown hash algorithm or one with another
    /// hash size, hashes or texts that leave the blob. Whether the number of code hashes suits the code limit is
    /// told by [`CodeDirectory::expected_code_slots`].
    pub fn parse(bytes: Bytes<'_>) -> Result<Self> {
        let (magic, blob) = read_blob(bytes)?;
        if magic != MAGIC_CODE_DIRECTORY {
            return Err(blob.fault(0, format!("magic is {magic:#010x}, not {MAGIC_CODE_DIRECTORY:#010x}")));
        }
        let version = blob.u32_be(8)?;
        if !(EARLIEST..=COMPATIBILITY_LIMIT).contains(&version) {
            return Err(blob.fault(8, format!("code directory version {version:#x} is not understood")));
        }
        let hash_type = read_hash_type(blob)?;
        let since = |first: u32, offset: usize| {
            if version >= first { blob.u32_be(offset).map(|it| it as usize) } else { Ok(0) }
        };
        let n_special_slots = blob.u32_be(24)?;
        let n_code_slots = blob.u32_be(28)?;
        let hash_offset = blob.u32_be(16)? as usize;
        check_hashes(blob, hash_offset, hash_type, n_special_slots, n_code_slots)?;
        let pre_encrypt = since(WITH_RUNTIME, 92)?;
        if pre_encrypt != 0 {
            check_hashes(blob, pre_encrypt, hash_type, 0, n_code_slots)
                .map_err(|it| it.within("pre-encryption hashes"))?;
        }
        let code_limit_64 = if version >= WITH_CODE_LIMIT_64 { blob.u64_be(56)? } else { 0 };
        let team = since(WITH_TEAM, 48)?;
        Ok(Self {
            version,
            flags: blob.u32_be(12)?,
            hash_type,
            identifier: terminated(blob, blob.u32_be(20)? as usize, "identifier")?,
            team: if team == 0 { None } else { Some(terminated(blob, team, "team identifier")?) },
            platform: blob.u8(38)?,
            page_shift: blob.u8(39)?,
            code_limit: if code_limit_64 == 0 { blob.u32_be(32)?.into() } else { code_limit_64 },
            n_special_slots,
            n_code_slots,
            exec_segment: match version >= WITH_EXEC_SEGMENT {
                true => Some(ExecSegment {
                    base: blob.u64_be(64)?,
                    limit: blob.u64_be(72)?,
                    flags: blob.u64_be(80)?,
                }),
                false => None,
            },
            runtime: if version >= WITH_RUNTIME { Some(blob.u32_be(88)?) } else { None },
            has_pre_encrypt_hashes: pre_encrypt != 0,
            scatter: read_scatter(blob, since(WITH_SCATTER, 44)?)?,
            linkage: match version >= WITH_LINKAGE {
                true => Some(Linkage {
                    hash_type: blob.u8(96)?,
                    application_type: blob.u8(97)?,
                    application_sub_type: blob.u16_be(98)?,
                    offset: blob.u32_be(100)?,
                    size: blob.u32_be(104)?,
                }),
                false => None,
            },
            raw: blob.as_slice().to_vec(),
            hash_offset,
        })
    }

    /// The blob itself, header included: what the CMS signature signs.
    pub fn as_bytes(&self) -> &[u8] {
        &self.raw
    }

    /// The full digest of the blob in its own algorithm (a truncated one gives twenty bytes).
    pub fn digest(&self) -> Vec<u8> {
        self.hash_type.digest(&self.raw)
    }

    /// The name by which kernel, notary and requirements know this code.
    pub fn cdhash(&self) -> CdHash {
        CdHash::from_digest(&self.digest()).expect("no algorithm is shorter than a cdhash")
    }

    /// The hash in special slot `slot`; `None` when the slot is out of range, or zero, which means absent.
    pub fn special_hash(&self, slot: Slot) -> Option<&[u8]> {
        let number = slot.number();
        if number == 0 || number > self.n_special_slots {
            return None;
        }
        let hash = self.hash_at(-i64::from(number))?;
        hash.iter().any(|&byte| byte != 0).then_some(hash)
    }

    /// The hash of code page `page`.
    pub fn code_hash(&self, page: u32) -> Option<&[u8]> {
        if page < self.n_code_slots { self.hash_at(page.into()) } else { None }
    }

    /// Bytes per page; `None` when one hash covers everything. Shifts past 63 do not occur (they read as one page).
    pub fn page_size(&self) -> Option<u64> {
        if self.page_shift == 0 { None } else { 1u64.checked_shl(self.page_shift.into()) }
    }

    /// How many code hashes the code limit needs: as many as pages begun.
    pub fn expected_code_slots(&self) -> u64 {
        match self.page_size() {
            Some(size) => self.code_limit.div_ceil(size),
            None => u64::from(self.code_limit > 0),
        }
    }

    /// Whether any of `flags` is set.
    pub fn has_flags(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }

    fn hash_at(&self, index: i64) -> Option<&[u8]> {
        let len = self.hash_type.size();
        let start = (self.hash_offset as i64).checked_add(index.checked_mul(len as i64)?)?;
        let start = usize::try_from(start).ok()?;
        self.raw.get(start..start.checked_add(len)?)
    }
}

impl std::fmt::Debug for CodeDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodeDirectory")
            .field("identifier", &self.identifier)
            .field("team", &self.team)
            .field("version", &format_args!("{:#x}", self.version))
            .field("flags", &format_args!("{:#x}", self.flags))
            .field("hash_type", &self.hash_type)
            .field("cdhash", &self.cdhash())
            .finish_non_exhaustive()
    }
}

/// The directory that Security evaluates: the one with the strongest hash.
pub fn best<'a>(directories: impl IntoIterator<Item = &'a CodeDirectory>) -> Option<&'a CodeDirectory> {
    directories.into_iter().max_by_key(|it| it.hash_type)
}

/// For the fuzzer: any bytes.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(found) = CodeDirectory::parse(Bytes::new(bytes)) {
        for number in 0..found.n_special_slots.min(20) {
            found.special_hash(Slot::from_number(number));
        }
        assert_eq!(found.n_code_slots > 0, found.code_hash(0).is_some());
        assert!(found.code_hash(found.n_code_slots).is_none());
        found.expected_code_slots();
    }
}

fn read_hash_type(blob: Bytes<'_>) -> Result<HashType> {
    let number = blob.u8(37)?;
    let kind = HashType::from_number(number)
        .ok_or_else(|| blob.fault(37, format!("hash type {number} is not known")))?;
    let size = blob.u8(36)?;
    if usize::from(size) != kind.size() {
        return Err(blob.fault(36, format!("hash size is {size}, {kind} has {}", kind.size())));
    }
    Ok(kind)
}

fn check_hashes(blob: Bytes<'_>, offset: usize, kind: HashType, n_special: u32, n_code: u32) -> Result<()> {
    let len = kind.size() as u64;
    // 32-bit counts times at most 64: no overflow in 64 bits.
    let before = u64::from(n_special) * len;
    let after = u64::from(n_code) * len;
    if before > offset as u64 {
        return Err(blob.fault(24, format!("{n_special} special hashes start before the code directory")));
    }
    if (offset as u64).saturating_add(after) > blob.len() as u64 {
        return Err(blob.fault(28, format!("{n_code} code hashes end past the code directory")));
    }
    Ok(())
}

/// Text with its final zero inside the blob, as `checkIntegrity` demands.
fn terminated(blob: Bytes<'_>, offset: usize, what: &'static str) -> Result<String> {
    let text = blob.c_str(offset).map_err(|it| it.within(what))?;
    match offset.checked_add(text.len()).and_then(|end| blob.as_slice().get(end)) {
        Some(0) => Ok(text.to_owned()),
        _ => Err(blob.fault(offset, format!("{what} runs past the end of the code directory"))),
    }
}

fn read_scatter(blob: Bytes<'_>, offset: usize) -> Result<Vec<Scatter>> {
    const ENTRY: usize = 24;
    let mut found = Vec::new();
    if offset == 0 {
        return Ok(found);
    }
    // Each entry takes 24 bytes of the blob, so the blob bounds the list.
    for at in (offset..).step_by(ENTRY) {
        let entry = blob.range(at, ENTRY).map_err(|it| it.within("scatter list"))?;
        let count = entry.u32_be(0)?;
        if count == 0 {
            return Ok(found);
        }
        found.push(Scatter { count, base: entry.u32_be(4)?, target_offset: entry.u64_be(8)? });
    }
    Ok(found)
}

#[cfg(test)]
#[path = "code_directory_tests.rs"]
pub(crate) mod tests;
