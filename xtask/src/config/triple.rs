//! What is built: an architecture for a platform, as in `arm64-apple-driverkit`.

use std::fmt;

use serde::Serialize;

/// Architectures that we build. arm64e is recognised and refused, see [`Triple::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// Intel, 64 bit.
    X86_64,
    /// Apple silicon.
    Arm64,
}

/// Platforms that we build for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// macOS user space.
    MacOs,
    /// DriverKit user space.
    DriverKit,
}

/// A target triple without its version, which is the file's minimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Triple {
    /// The architecture.
    pub arch: Arch,
    /// The platform.
    pub platform: Platform,
}

/// Why an arm64e triple is refused.
pub const ARM64E: &str = "\
arm64e is refused: by kernel source a third-party arm64e slice is refused up to macOS 15 and is preferred over arm64, so it \
breaks a good driver too; on macOS 26.2 a driver with one was reported refused with SIP on, and cured by removing it";

impl Triple {
    /// Reads `ARCH-apple-PLATFORM`. The error is a sentence for the user.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split('-');
        let (arch, vendor, platform, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
        let arch = match arch {
            Some("x86_64") => Arch::X86_64,
            Some("arm64") => Arch::Arm64,
            Some(arch) if arch.starts_with("arm64e") => return Err(format!("`{text}`: {ARM64E}")),
            _ => return Err(format!("`{text}`: the architecture is `x86_64` or `arm64`")),
        };
        let platform = match platform {
            Some("driverkit") => Platform::DriverKit,
            Some("macos") => Platform::MacOs,
            _ => {
                return Err(format!(
                    "`{text}`: the platform is `driverkit` or `macos`; versions have their own keys"
                ));
            }
        };
        if vendor != Some("apple") || rest.is_some() {
            return Err(format!("`{text}`: a triple is written `{}-apple-{}`", arch.name(), platform.name()));
        }
        Ok(Self { arch, platform })
    }
}

impl Arch {
    /// As lipo and clang call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

impl Platform {
    /// As a triple and `-platform_version` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::MacOs => "macos",
            Self::DriverKit => "driverkit",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Triple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-apple-{}", self.arch.name(), self.platform.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_standard_triples_are_read() {
        for text in ["x86_64-apple-driverkit", "arm64-apple-driverkit", "arm64-apple-macos"] {
            assert_eq!(Triple::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn arm64e_is_refused_with_the_reason() {
        let why = Triple::parse("arm64e-apple-driverkit").unwrap_err();
        assert!(why.contains("preferred over arm64") && why.contains("26.2"), "{why}");
    }

    #[test]
    fn near_misses_are_refused() {
        for text in [
            "arm64",
            "arm64-apple-ios",
            "arm64-apple-driverkit20.4",
            "arm64-pc-macos",
            "arm64-apple-macos-x",
            "",
        ] {
            assert!(Triple::parse(text).is_err(), "{text}");
        }
    }
}
