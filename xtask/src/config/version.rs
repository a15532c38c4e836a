//! Versions: dotted numbers, and the stricter ones that a kernel extension may have.

use std::{fmt, str::FromStr};

/// `20.4`, `12.0`, `1.2.3`: one to three numbers, as load commands hold them (16.8.8 bits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DottedVersion {
    /// First number, at most 65535.
    pub major: u16,
    /// Second number.
    pub minor: u8,
    /// Third number; not shown when zero.
    pub patch: u8,
}

impl DottedVersion {
    /// `major << 16 | minor << 8 | patch`, as in LC_BUILD_VERSION.
    pub fn packed(self) -> u32 {
        u32::from(self.major) << 16 | u32::from(self.minor) << 8 | u32::from(self.patch)
    }
}

impl FromStr for DottedVersion {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a version like `20.4` or `12.0.1`");
        let mut numbers = text.split('.');
        let major = numbers.next().and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
        let mut next = || numbers.next().map_or(Ok(0), |n| n.parse().map_err(|_| wrong()));
        let (minor, patch) = (next()?, next()?);
        if numbers.next().is_some() {
            return Err(wrong());
        }
        Ok(Self { major, minor, patch })
    }
}

impl fmt::Display for DottedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch != 0 { write!(f, ".{}", self.patch) } else { Ok(()) }
    }
}

/// A `CFBundleVersion` that the kernel accepts for a driver: up to three numbers of up to four digits.
///
/// The full grammar (`libkern/OSKextVersion.c`) also knows stages such as `1.2d3`; releases do not need them, so
/// configuration does not either. kernelmanagerd refuses a driver whose version does not parse (`500001` did that).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KextVersion(String);

impl KextVersion {
    /// The text, as it goes into Info.plist.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KextVersion {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Vec<&str> = text.split('.').collect();
        let good = |n: &&str| (1..=4).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit());
        if numbers.len() > 3 || !numbers.iter().all(good) {
            return Err(format!(
                "`{text}` is not a version that the kernel accepts: up to 3 numbers of up to 4 digits, like `12` or `1.4.9`"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KextVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kext_versions_that_macos_refuses_are_refused() {
        for text in ["500001", "1.2.3.4", "", "1.", "1..2", "a", "1.2b", "20261123"] {
            assert!(text.parse::<KextVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn kext_versions_that_macos_accepts_are_accepted() {
        for text in ["12", "1.8.0", "9999.9999.9999", "0.1"] {
            assert_eq!(text.parse::<KextVersion>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn dotted_versions_pack_as_in_load_commands() {
        assert_eq!("20.4".parse::<DottedVersion>().unwrap().packed(), 0x0014_0400);
        assert_eq!("21.0.1".parse::<DottedVersion>().unwrap().to_string(), "21.0.1");
        assert!("20.4.1.1".parse::<DottedVersion>().is_err());
        assert!("20.x".parse::<DottedVersion>().is_err());
    }
}
