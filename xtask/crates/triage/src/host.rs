//! What the log says about the machine it comes from: macOS version, SIP, AMFI.

use std::sync::LazyLock;

use regex::Regex;

/// Facts about the host, as far as the input (or the caller) names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// macOS version, major and minor.
    pub macos: Option<(u16, u16)>,
    /// Whether System Integrity Protection is on.
    pub sip: Option<bool>,
    /// A boot-arg that switches AMFI off was named.
    pub amfi_off: bool,
}

impl Host {
    /// Takes in what one line says; what was said first stays.
    pub fn notice(&mut self, line: &str) {
        if self.macos.is_none() {
            self.macos = macos(line);
        }
        if self.sip.is_none()
            && let Some(found) = SIP.captures(line).and_then(|it| it.get(1))
        {
            self.sip = Some(matches!(found.as_str().to_ascii_lowercase().as_str(), "enabled" | "on"));
        }
        self.amfi_off |=
            line.contains("amfi_get_out_of_my_way=1") || line.contains("amfi_get_out_of_my_way=0x1");
    }

    /// Whether the host is known to run at most this major version.
    pub fn is_at_most(&self, major: u16) -> Option<bool> {
        self.macos.map(|(it, _)| it <= major)
    }
}

fn macos(line: &str) -> Option<(u16, u16)> {
    if let Some(found) = MACOS.captures(line) {
        let part = |n| found.get(n).and_then(|it: regex::Match<'_>| it.as_str().parse::<u16>().ok());
        return match (part(1)?, part(2)) {
            (10, Some(minor)) => Some((10, minor)),
            (major @ 11..=40, minor) => Some((major, minor.unwrap_or(0))),
            _ => None,
        };
    }
    // Darwin 20…24 are macOS 11…15; 25 is macOS 26, and they run in step from there.
    let darwin: u16 = DARWIN.captures(line)?.get(1)?.as_str().parse().ok()?;
    match darwin {
        17..=19 => Some((10, darwin.checked_sub(4)?)),
        20..=24 => Some((darwin.checked_sub(9)?, 0)),
        25..=40 => Some((darwin.checked_add(1)?, 0)),
        _ => None,
    }
}

static MACOS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(?:macos|mac os x|os x|os version:?\s+mac ?os(?: x)?|productversion)["':\s]{1,5}(?:[a-z]+ )?v?(\d{2})(?:\.(\d{1,2}))?"#).expect("a constant pattern")
});
static DARWIN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\bdarwin kernel version (\d{2})\.").expect("a constant pattern"));
static SIP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:system integrity protection(?: status)?|\bsip(?: status)?)\s*(?:is)?\s*[:=]?\s*(enabled|disabled|on\b|off\b)").expect("a constant pattern")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, macos: Option<(u16, u16)>, sip: Option<bool>) {
        let mut host = Host::default();
        host.notice(line);
        assert_eq!((host.macos, host.sip), (macos, sip), "{line}");
    }

    #[test]
    fn versions_are_read_from_the_usual_spellings() {
        check("OS: macOS 26.2", Some((26, 2)), None);
        check("OS Version:             macOS 15.1 (24B83)", Some((15, 1)), None);
        check("OS Version: Mac OS X 10.15.7 (19H2)", Some((10, 15)), None);
        check("Darwin Kernel Version 25.5.0: Mon Apr 27", Some((26, 0)), None);
        check("running macOS Ventura 13.7.2", Some((13, 7)), None);
    }

    #[test]
    fn a_number_that_is_no_version_is_left_alone() {
        check("macos-unifiedlogs 99", None, None);
        check("DriverKit SDK: DriverKit 19.0 / 20.0", None, None);
    }

    #[test]
    fn the_state_of_sip_is_read() {
        check("System Integrity Protection status: enabled.", None, Some(true));
        check("SIP Status: Enabled (Works perfectly when Disabled)", None, Some(true));
        check("System Integrity Protection: disabled", None, Some(false));
    }
}
