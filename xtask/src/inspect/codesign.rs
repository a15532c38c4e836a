//! What `codesign -d --verbose=4` says about one slice, as data.

/// Apple's reading of a signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// `Identifier=`.
    pub identifier: Option<String>,
    /// `CDHash=`, 40 hex digits.
    pub cdhash: Option<String>,
    /// `TeamIdentifier=`; `not set` is none.
    pub team: Option<String>,
    /// `flags=0x10000(runtime)`: the number.
    pub flags: Option<u32>,
    /// Whether it says `Notarization Ticket=stapled`. It says nothing where none is.
    pub is_stapled: bool,
}

/// Reads the output (codesign writes it to stderr).
pub fn parse(text: &str) -> Reading {
    let value =
        |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(|it| it.trim().to_owned());
    let flags = text.lines().find(|line| line.starts_with("CodeDirectory ")).and_then(|line| {
        let word = line.split_whitespace().find_map(|word| word.strip_prefix("flags="))?;
        let hex = word.split('(').next()?.strip_prefix("0x")?;
        u32::from_str_radix(hex, 16).ok()
    });
    Reading {
        identifier: value("Identifier="),
        cdhash: value("CDHash=").filter(|it| it.len() == 40 && it.bytes().all(|b| b.is_ascii_hexdigit())),
        team: value("TeamIdentifier=").filter(|it| it != "not set"),
        flags,
        is_stapled: value("Notarization Ticket=").as_deref() == Some("stapled"),
    }
}

/// Whether it says that there is no signature, which is a reading too.
pub fn is_unsigned(text: &str) -> bool {
    text.contains("code object is not signed at all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_read() {
        let text = "Executable=/x/y\nIdentifier=com.example.driver\nFormat=bundle with Mach-O universal (x86_64 arm64)\n\
            CodeDirectory v=20500 size=1022 flags=0x10000(runtime) hashes=21+7 location=embedded\n\
            CDHash=0123456789abcdef0123456789abcdef01234567\nTeamIdentifier=ABCDE12345\nNotarization Ticket=stapled\n";
        let reading = parse(text);
        assert_eq!(reading.cdhash.as_deref(), Some("0123456789abcdef0123456789abcdef01234567"));
        assert!(reading.is_stapled);
        assert_eq!((reading.flags, reading.team.as_deref()), (Some(0x10000), Some("ABCDE12345")));
    }

    #[test]
    fn what_is_not_there_is_none() {
        let unsigned = "x: code object is not signed at all\n";
        assert!(is_unsigned(unsigned) && !is_unsigned("x: a sealed resource is missing"));
        assert_eq!(parse(unsigned), Reading::default());
        assert_eq!(parse("TeamIdentifier=not set\nCDHash=xyz\n"), Reading::default());
    }
}
