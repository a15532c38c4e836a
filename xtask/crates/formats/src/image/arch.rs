//! Architectures by the names that Apple's tools use.
//!
//! The low 24 bits of a cpusubtype are the subtype; the top byte holds capability bits
//! (`osfmk/mach/machine.h` of xnu, names from dyld `mach_o/Architecture.cpp`).

use std::{fmt, str::FromStr};

use goblin::mach::constants::cputype as cpu;

/// Capability byte of a cpusubtype.
const CAPABILITIES: u32 = 0xff00_0000;
/// The pointer authentication ABI is versioned (`CPU_SUBTYPE_PTRAUTH_ABI`).
const PTRAUTH_VERSIONED: u32 = 0x8000_0000;
/// Version of that ABI (`CPU_SUBTYPE_ARM64_PTR_AUTH_MASK`).
const PTRAUTH_VERSION: u32 = 0x0f00_0000;
/// x86_64 executables of old linkers carry `CPU_SUBTYPE_LIB64` here; it means nothing today.
const LIB64: u32 = 0x8000_0000;

/// What a slice runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arch {
    /// `cputype` of the header.
    pub cputype: u32,
    /// `cpusubtype` of the header, capability bits included.
    pub cpusubtype: u32,
}

impl Arch {
    /// Intel, 64 bit.
    pub const X86_64: Self = Self::new(cpu::CPU_TYPE_X86_64, cpu::CPU_SUBTYPE_X86_64_ALL);
    /// Intel Haswell and later.
    pub const X86_64H: Self = Self::new(cpu::CPU_TYPE_X86_64, cpu::CPU_SUBTYPE_X86_64_H);
    /// Apple silicon.
    pub const ARM64: Self = Self::new(cpu::CPU_TYPE_ARM64, cpu::CPU_SUBTYPE_ARM64_ALL);
    /// Apple silicon with pointer authentication, ABI versioned, version 0.
    pub const ARM64E: Self = Self::new(cpu::CPU_TYPE_ARM64, PTRAUTH_VERSIONED | cpu::CPU_SUBTYPE_ARM64_E);
    /// The same with ABI version 1.
    pub const ARM64E_V1: Self =
        Self::new(cpu::CPU_TYPE_ARM64, PTRAUTH_VERSIONED | 0x0100_0000 | cpu::CPU_SUBTYPE_ARM64_E);
    /// Unversioned arm64e, as compilers wrote it before the ABI had versions.
    pub const ARM64E_OLD: Self = Self::new(cpu::CPU_TYPE_ARM64, cpu::CPU_SUBTYPE_ARM64_E);
    /// Intel, 32 bit.
    pub const I386: Self = Self::new(cpu::CPU_TYPE_I386, cpu::CPU_SUBTYPE_I386_ALL);

    /// Every architecture with a name of its own.
    const NAMED: [(&str, Self); 11] = [
        ("x86_64", Self::X86_64),
        ("x86_64h", Self::X86_64H),
        ("arm64", Self::ARM64),
        ("arm64v8", Self::new(cpu::CPU_TYPE_ARM64, cpu::CPU_SUBTYPE_ARM64_V8)),
        ("arm64e", Self::ARM64E),
        ("arm64e.v1", Self::ARM64E_V1),
        ("arm64e.old", Self::ARM64E_OLD),
        ("i386", Self::I386),
        ("arm64_32", Self::new(cpu::CPU_TYPE_ARM64_32, cpu::CPU_SUBTYPE_ARM64_32_V8)),
        ("ppc", Self::new(cpu::CPU_TYPE_POWERPC, cpu::CPU_SUBTYPE_POWERPC_ALL)),
        ("ppc64", Self::new(cpu::CPU_TYPE_POWERPC64, cpu::CPU_SUBTYPE_POWERPC_ALL)),
    ];

    /// From the two numbers of a Mach-O or fat header.
    pub const fn new(cputype: u32, cpusubtype: u32) -> Self {
        Self { cputype, cpusubtype }
    }

    /// The subtype without its capability byte.
    pub const fn subtype(self) -> u32 {
        self.cpusubtype & !CAPABILITIES
    }

    /// The capability byte of the subtype: 0x80 in a versioned arm64e, 0 in an unversioned one.
    pub const fn capabilities(self) -> u8 {
        (self.cpusubtype >> 24) as u8
    }

    /// Whether this is arm64e, of any ABI version.
    pub const fn is_arm64e(self) -> bool {
        self.cputype == cpu::CPU_TYPE_ARM64 && self.subtype() == cpu::CPU_SUBTYPE_ARM64_E
    }

    /// ABI version of an arm64e slice; `None` when it is unversioned or not arm64e.
    pub const fn ptrauth_version(self) -> Option<u32> {
        let versioned = self.is_arm64e() && self.cpusubtype & PTRAUTH_VERSIONED != 0;
        if versioned { Some((self.cpusubtype & PTRAUTH_VERSION) >> 24) } else { None }
    }

    /// Whether code of Apple silicon (any arm64 but arm64e).
    pub const fn is_arm64(self) -> bool {
        self.cputype == cpu::CPU_TYPE_ARM64 && !self.is_arm64e()
    }

    /// Whether 64-bit Intel code, Haswell included.
    pub const fn is_x86_64(self) -> bool {
        self.cputype == cpu::CPU_TYPE_X86_64
    }

    /// Whether the loader takes both for the same architecture: capability bits do not tell slices apart
    /// (xnu `bsd/kern/mach_fat.c`, `fatfile_validate_fatarches`).
    pub const fn is_same_as(self, other: Self) -> bool {
        self.cputype == other.cputype && self.subtype() == other.subtype()
    }

    /// Its name, when it has one.
    pub fn name(self) -> Option<&'static str> {
        let bare = if self.is_x86_64() && self.cpusubtype & LIB64 != 0 {
            Self::new(self.cputype, self.cpusubtype & !LIB64)
        } else {
            self
        };
        Self::NAMED.iter().find(|(_, arch)| *arch == bare).map(|(name, _)| *name)
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("cputype {:#x} cpusubtype {:#x}", self.cputype, self.cpusubtype)),
        }
    }
}

/// A name that no architecture has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownArch(pub String);

impl fmt::Display for UnknownArch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown architecture `{}`", self.0)
    }
}

impl std::error::Error for UnknownArch {}

impl FromStr for Arch {
    type Err = UnknownArch;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::NAMED.iter().find(|(name, _)| *name == text);
        found.map(|(_, arch)| *arch).ok_or_else(|| UnknownArch(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for (name, arch) in Arch::NAMED {
            assert_eq!(name.parse(), Ok(arch));
            assert_eq!(arch.to_string(), name);
        }
        assert!("arm65".parse::<Arch>().is_err());
    }

    #[test]
    fn the_three_kinds_of_arm64e_are_told_apart_by_their_capability_byte() {
        assert_eq!(Arch::new(0x0100_000c, 0x8000_0002).to_string(), "arm64e");
        assert_eq!(Arch::new(0x0100_000c, 0x8100_0002).ptrauth_version(), Some(1));
        assert_eq!(Arch::new(0x0100_000c, 0x0000_0002).to_string(), "arm64e.old");
        assert_eq!(Arch::ARM64E_OLD.ptrauth_version(), None);
        assert!(Arch::ARM64E_OLD.is_arm64e() && !Arch::ARM64E_OLD.is_arm64());
        assert!(Arch::ARM64E.is_same_as(Arch::ARM64E_OLD));
        assert!(!Arch::ARM64.is_same_as(Arch::ARM64E));
    }

    #[test]
    fn lib64_does_not_change_the_name_of_x86_64() {
        assert_eq!(Arch::new(0x0100_0007, 0x8000_0003).to_string(), "x86_64");
        assert_eq!(Arch::new(99, 1).to_string(), "cputype 0x63 cpusubtype 0x1");
    }
}
