//! Platforms and the versions packed into load commands.

use std::{fmt, str::FromStr};

use goblin::mach::load_command as lc;

/// A version `X.Y.Z` packed into 32 bits as `xxxx.yy.zz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub u32);

impl Version {
    /// Packs `major.minor.patch`.
    pub const fn new(major: u16, minor: u8, patch: u8) -> Self {
        Self((major as u32) << 16 | (minor as u32) << 8 | patch as u32)
    }

    /// The first number.
    pub const fn major(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// The second number.
    pub const fn minor(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The third number.
    pub const fn patch(self) -> u8 {
        self.0 as u8
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major(), self.minor())?;
        if self.patch() != 0 { write!(f, ".{}", self.patch()) } else { Ok(()) }
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || format!("`{text}` is not a version like 20.4");
        let mut parts = text.split('.');
        let major = parts.next().and_then(|it| it.parse().ok()).ok_or_else(refuse)?;
        let minor = parts.next().map_or(Ok(0), str::parse).map_err(|_| refuse())?;
        let patch = parts.next().map_or(Ok(0), str::parse).map_err(|_| refuse())?;
        if parts.next().is_some() { Err(refuse()) } else { Ok(Self::new(major, minor, patch)) }
    }
}

/// What an image was built for (`PLATFORM_*` of `mach-o/loader.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform(pub u32);

impl Platform {
    /// macOS.
    pub const MACOS: Self = Self(lc::PLATFORM_MACOS);
    /// iOS.
    pub const IOS: Self = Self(lc::PLATFORM_IOS);
    /// Mac Catalyst.
    pub const CATALYST: Self = Self(lc::PLATFORM_MACCATALYST);
    /// DriverKit.
    pub const DRIVERKIT: Self = Self(lc::PLATFORM_DRIVERKIT);

    /// Its name, lower case.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            lc::PLATFORM_MACOS => "macos",
            lc::PLATFORM_IOS => "ios",
            lc::PLATFORM_TVOS => "tvos",
            lc::PLATFORM_WATCHOS => "watchos",
            lc::PLATFORM_BRIDGEOS => "bridgeos",
            lc::PLATFORM_MACCATALYST => "maccatalyst",
            lc::PLATFORM_IOSSIMULATOR => "iossimulator",
            lc::PLATFORM_TVOSSIMULATOR => "tvossimulator",
            lc::PLATFORM_WATCHOSSIMULATOR => "watchossimulator",
            lc::PLATFORM_DRIVERKIT => "driverkit",
            lc::PLATFORM_VISIONOS => "visionos",
            lc::PLATFORM_VISIONOSSIMULATOR => "visionossimulator",
            _ => return None,
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("platform {}", self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_unpack_and_compare() {
        let version = Version(0x0014_0400);
        assert_eq!(version.to_string(), "20.4");
        assert_eq!("20.4".parse(), Ok(version));
        assert_eq!("21.0.1".parse(), Ok(Version(0x0015_0001)));
        assert_eq!(Version(0x0015_0001).to_string(), "21.0.1");
        assert!("13".parse::<Version>().unwrap() < "13.1".parse().unwrap());
        assert!("".parse::<Version>().is_err());
        assert!("1.2.3.4".parse::<Version>().is_err());
        assert!("1.x".parse::<Version>().is_err());
    }

    #[test]
    fn a_platform_without_a_name_shows_its_number() {
        assert_eq!(Platform::DRIVERKIT.to_string(), "driverkit");
        assert_eq!(Platform(77).to_string(), "platform 77");
    }
}
