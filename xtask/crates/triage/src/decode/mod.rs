//! Numbers into words: errno, launchd, Mach, IOReturn, OSStatus, system extension, AMFI and MobileInstallation codes.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

mod errno;
mod io_return;
mod mach;
mod os_status;
mod system_extension;

/// What a number means in its domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// Which table a number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    /// errno, and launchd's own numbers above it (`NSPOSIXErrorDomain`).
    Posix,
    /// kern_return_t and mach_msg_return_t (`NSMachErrorDomain`).
    Mach,
    /// IOKit's IOReturn.
    IoReturn,
    /// OSStatus, of which errSecCS* matters here (`NSOSStatusErrorDomain`); also 100000 + errno.
    OsStatus,
    /// `OSSystemExtensionErrorDomain`.
    SystemExtension,
    /// `AppleMobileFileIntegrityError`.
    Amfi,
    /// `KMErrorDomain`: kernelmanagerd and kmutil; numbers without a public table.
    KernelManagement,
    /// MobileInstallation and libmis on iOS: 0xe80080xx.
    MobileInstallation,
}

impl Domain {
    /// Every domain.
    pub const ALL: [Domain; 8] = [
        Domain::Posix,
        Domain::Mach,
        Domain::IoReturn,
        Domain::OsStatus,
        Domain::SystemExtension,
        Domain::Amfi,
        Domain::KernelManagement,
        Domain::MobileInstallation,
    ];

    /// Its name as NSError prints it, or the header's.
    pub fn name(self) -> &'static str {
        match self {
            Domain::Posix => "NSPOSIXErrorDomain",
            Domain::Mach => "NSMachErrorDomain",
            Domain::IoReturn => "IOReturn",
            Domain::OsStatus => "NSOSStatusErrorDomain",
            Domain::SystemExtension => "OSSystemExtensionErrorDomain",
            Domain::Amfi => "AppleMobileFileIntegrityError",
            Domain::KernelManagement => "KMErrorDomain",
            Domain::MobileInstallation => "MobileInstallation",
        }
    }

    fn table(self) -> &'static [(i64, Meaning)] {
        match self {
            Domain::Posix => errno::CODES,
            Domain::Mach => mach::CODES,
            Domain::IoReturn => io_return::CODES,
            Domain::OsStatus => os_status::CODES,
            Domain::SystemExtension => system_extension::CODES,
            Domain::Amfi => system_extension::AMFI,
            Domain::KernelManagement => system_extension::KERNEL_MANAGEMENT,
            Domain::MobileInstallation => system_extension::MOBILE_INSTALLATION,
        }
    }
}

/// A number with its meaning, if the tables have one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decoded {
    /// The table.
    pub domain: Domain,
    /// The number, negative OSStatus as negative.
    pub code: i64,
    /// The symbolic name; `None` when no public table knows the number.
    pub name: Option<String>,
    /// What it says; "not in the public tables" when nothing is known.
    pub text: String,
}

impl fmt::Display for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = if matches!(self.domain, Domain::IoReturn | Domain::MobileInstallation)
            || self.code > 0x0fff_ffff
        {
            format!("{:#x}", self.code)
        } else {
            self.code.to_string()
        };
        match &self.name {
            Some(name) => write!(f, "{} {number} = {name}: {}", self.domain.name(), self.text),
            None => write!(f, "{} {number}: {}", self.domain.name(), self.text),
        }
    }
}

/// The meaning of a number in a domain; total: an unknown number is decoded as unknown.
///
/// A 32-bit pattern (`0xe00002c2`, `4294900246`) is taken as the signed number where the domain's table is signed.
pub fn decode(domain: Domain, code: i64) -> Decoded {
    let code = match domain {
        Domain::OsStatus | Domain::Amfi if code > i64::from(i32::MAX) && code <= i64::from(u32::MAX) => {
            i64::from(code as u32 as i32)
        }
        Domain::IoReturn | Domain::MobileInstallation if code < 0 && code >= i64::from(i32::MIN) => {
            i64::from(code as i32 as u32)
        }
        _ => code,
    };
    let known = |meaning: &Meaning| Decoded {
        domain,
        code,
        name: Some(meaning.name.to_string()),
        text: meaning.text.to_string(),
    };
    if let Some((_, meaning)) = domain.table().iter().find(|it| it.0 == code) {
        return known(meaning);
    }
    if domain == Domain::Posix
        && let Some((_, meaning)) = errno::LAUNCHD.iter().find(|it| it.0 == code)
    {
        return known(meaning);
    }
    if domain == Domain::OsStatus
        && let Some(unix) = code.checked_sub(errno::OFFSET)
        && let Some((_, meaning)) = errno::CODES.iter().find(|it| it.0 == unix)
    {
        return Decoded {
            domain,
            code,
            name: Some(format!("100000 + {}", meaning.name)),
            text: format!("UNIX error {unix}: {}", meaning.text),
        };
    }
    let text = if domain == Domain::Posix && code >= 140 {
        "one of launchd's own numbers, without a public text"
    } else {
        "not in the public tables; not meaningful by itself"
    };
    Decoded { domain, code, name: None, text: text.to_string() }
}

/// Every code that a message names together with its domain, in the order of the text, each once.
pub fn codes(text: &str) -> Vec<Decoded> {
    let mut found: Vec<(usize, Decoded)> = Vec::new();
    let mut add = |at: usize, domain: Domain, number: &str| {
        if let Some(code) = number_of(number) {
            let decoded = decode(domain, code);
            if !found.iter().any(|(_, it)| *it == decoded) {
                found.push((at, decoded));
            }
        }
    };
    // Every coat: `Domain=X Code=8`, `(X error 10.)`, `X code: 4`, `X-Fehler 10`, `X:10`.
    for it in NAMED.captures_iter(text) {
        if let (Some(domain), Some(number)) = (it.get(1), it.get(2))
            && let Some(named) = domain_named(domain.as_str())
        {
            add(domain.start(), named, number.as_str());
        }
    }
    for it in BARE.find_iter(text) {
        let number = it.as_str();
        if !stands_alone(text, it.range()) {
            continue;
        }
        let domain = match number_of(number) {
            Some(code) if (-67999..=-66000).contains(&code) || code == -34018 => Domain::OsStatus,
            Some(code) if (100_001..=100_107).contains(&code) => Domain::OsStatus,
            Some(code) if (0xe000_0000..=0xe000_3fff).contains(&code) => Domain::IoReturn,
            // The same numbers as printf's `%d` shows them.
            Some(code) if (-0x2000_0000..=-0x1fff_c001).contains(&code) => Domain::IoReturn,
            Some(code) if (0xe800_8000..=0xe800_80ff).contains(&code) => Domain::MobileInstallation,
            _ => continue,
        };
        add(it.start(), domain, number);
    }
    if let Some(it) = UNIX.captures(text).and_then(|it| it.get(1)) {
        add(it.start(), Domain::Posix, it.as_str());
    }
    // A plain number next to the words of an activation, where no other domain is named.
    if !text.to_ascii_lowercase().contains("errordomain")
        && let Some(it) = PLAIN.captures(text).and_then(|it| it.get(1))
    {
        add(it.start(), Domain::SystemExtension, it.as_str());
    }
    found.sort_by_key(|it| it.0);
    found.into_iter().map(|it| it.1).collect()
}

/// Whether a number is one by itself: `error -67050` is, the middle of `395-67671-48351` or of an address is not.
fn stands_alone(text: &str, at: std::ops::Range<usize>) -> bool {
    let before = text.get(..at.start).and_then(|it| it.chars().next_back());
    let mut after = text.get(at.end..).unwrap_or_default().chars();
    let is_part = |it: char| it.is_alphanumeric() || matches!(it, '-' | '_' | '.');
    let goes_on = match (after.next(), after.next()) {
        (Some('.'), Some(next)) => next.is_ascii_digit(),
        (Some(next), _) => matches!(next, '-' | '_') || next.is_alphanumeric(),
        (None, _) => false,
    };
    !before.is_some_and(is_part) && !goes_on
}

/// Decodes what a person typed: `-67050`, `0xe00002c2`, `errSecCSReqFailed`, `NSPOSIXErrorDomain:8`; a bare small number in every table that has it.
pub fn spelled(id: &str) -> Vec<Decoded> {
    if let Some((domain, number)) = id.split_once([':', '=', ' '])
        && let (Some(domain), Some(code)) = (domain_named(domain.trim()), number_of(number.trim()))
    {
        return vec![decode(domain, code)];
    }
    if let Some(code) = number_of(id) {
        return Domain::ALL.into_iter().map(|it| decode(it, code)).filter(|it| it.name.is_some()).collect();
    }
    let lower = id.to_ascii_lowercase();
    if lower.len() < 4 {
        return Vec::new();
    }
    let mut all = Vec::new();
    for domain in Domain::ALL {
        for (code, meaning) in domain.table() {
            if meaning.name.split(" / ").any(|it| it.to_ascii_lowercase() == lower) {
                all.push(decode(domain, *code));
            }
        }
    }
    all
}

fn domain_named(name: &str) -> Option<Domain> {
    let lower = name.to_ascii_lowercase();
    Some(match lower.as_str() {
        "nsposixerrordomain" | "posix" | "errno" | "posixerror" => Domain::Posix,
        "nsmacherrordomain" | "mach" => Domain::Mach,
        "nsosstatuserrordomain" | "osstatus" => Domain::OsStatus,
        "ossystemextensionerrordomain" | "ossystemextensionerror" => Domain::SystemExtension,
        "applemobilefileintegrityerror" | "applemobilefileintegrityerrordomain" | "amfi" => Domain::Amfi,
        "kmerrordomain" => Domain::KernelManagement,
        "ioreturn" => Domain::IoReturn,
        "mobileinstallation" => Domain::MobileInstallation,
        _ => return None,
    })
}

fn number_of(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(NSPOSIXErrorDomain|NSMachErrorDomain|NSOSStatusErrorDomain|OSSystemExtensionErrorDomain|OSSystemExtensionError|AppleMobileFileIntegrityErrorDomain|AppleMobileFileIntegrityError|KMErrorDomain)\b[^\d\n]{0,24}?(-?(?:0x[0-9a-f]{1,8}|\d{1,7}))\b")
        .expect("a constant pattern")
});
static BARE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?:-6[67]\d{3}|-34018|\b1000\d\d|\b100107|\b0x[eE][08][0-9a-fA-F]{6}|-5368\d{5}|\b3758[01]\d{5})\b",
    )
    .expect("a constant pattern")
});
/// Only next to words of a system extension: other things are "activated" with other numbers.
static PLAIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:request of [\w-]+\.[\w-]+\.[\w.-]+|system ?extensions?\b|\bsysext\b|driver extension|driverkit|^activation was failed).{0,160}?\b(?:error|code)\b[:=\s(]{0,4}(1[0-3]|[1-9])(?:[^\d.]|\.\D|\.?$)").expect("a constant pattern")
});
static UNIX: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"UNIX error exception: (\d{1,3})\b").expect("a constant pattern"));

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(Domain, i64)]) {
        let found: Vec<_> = codes(text).into_iter().map(|it| (it.domain, it.code)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_code_is_found_in_every_coat() {
        for text in [
            "Error Domain=OSSystemExtensionErrorDomain Code=10 \"(null)\"",
            "(OSSystemExtensionErrorDomain error 10.)",
            "OSSystemExtensionErrorDomain code: 10",
            "(OSSystemExtensionErrorDomain-Fehler 10.)",
            "OSSystemExtensionErrorDomain:10",
            "“OSSystemExtensionErrorDomain”错误10。",
            "Activation was failed. (error: 10)",
            "request of com.example.driver is failed with error 10.",
            "system extension activation failed, code: 10",
        ] {
            check(text, &[(Domain::SystemExtension, 10)]);
        }
    }

    #[test]
    fn bare_numbers_count_only_where_their_range_is_unmistakable() {
        check("signature not valid: -67050", &[(Domain::OsStatus, -67050)]);
        check("error: 100024", &[(Domain::OsStatus, 100_024)]);
        check("failed with 0xe00002c2", &[(Domain::IoReturn, 0xe000_02c2)]);
        check("ret -536870206", &[(Domain::IoReturn, 0xe000_02c2)]);
        check("ret 3758097084", &[(Domain::IoReturn, 0xe000_02bc)]);
        check("ret -536854527, 3758312767", &[]);
        check("ID:395-67671-48351, 3-67050, v100024.1, 1-34018", &[]);
        check(
            "(-67050) '-67061' =-67054.",
            &[(Domain::OsStatus, -67050), (Domain::OsStatus, -67061), (Domain::OsStatus, -67054)],
        );
        check("error 10, port 100240, at 0x1f4af", &[]);
        check("activation of NSFooErrorDomain failed, error 10", &[]);
        check("system extension 7 failed with error 10.5", &[]);
        check("license activation failed, error 10", &[]);
    }

    #[test]
    fn numbers_become_words() {
        assert_eq!(decode(Domain::Posix, 8).name.as_deref(), Some("ENOEXEC"));
        assert_eq!(decode(Domain::OsStatus, 100_024).name.as_deref(), Some("100000 + EMFILE"));
        assert_eq!(decode(Domain::OsStatus, 0xfffe_fa16).name.as_deref(), Some("errSecCSReqFailed"));
        assert_eq!(decode(Domain::Posix, 162).text, "codesigning issue");
        assert_eq!(decode(Domain::IoReturn, 0xe000_02f7).name, None);
        assert_eq!(spelled("errSecCSReqFailed").first().map(|it| it.code), Some(-67050));
        assert_eq!(spelled("nonsense"), vec![]);
    }

    #[test]
    fn no_table_names_a_number_twice() {
        for domain in Domain::ALL {
            let mut codes: Vec<i64> = domain.table().iter().map(|it| it.0).collect();
            codes.sort_unstable();
            let n_codes = codes.len();
            codes.dedup();
            assert_eq!(codes.len(), n_codes, "{domain:?}");
        }
    }
}
