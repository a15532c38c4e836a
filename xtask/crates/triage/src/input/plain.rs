//! Text as people paste it, made plain: quotes, bullets, entities, odd spaces, line lengths.

/// The longest message that is kept, in bytes. `log` itself cuts most messages at 1 KiB.
pub(super) const LONGEST: usize = 2048;

/// The longest line that is looked at; more is cut and counted. A JSON record of `log show` stays below 16 KiB.
pub(super) const LONGEST_LINE: usize = 64 * 1024;

/// The line with plain quotes and spaces, without control characters and HTML entities.
pub(super) fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    if text.bytes().all(|it| (it == b'\t' || (b' '..=b'~').contains(&it)) && it != b'&' && it != b'`') {
        return text.into_owned();
    }
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => out.push('"'),
            '\u{2018}' | '\u{2019}' | '\u{201a}' => out.push('\''),
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => out.push(' '),
            '\u{2010}' | '\u{2011}' => out.push('-'),
            '\u{ff1a}' => out.push(':'),
            // Zero-width characters, byte order marks, direction marks: they break words invisibly.
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => {}
            '`' => {}
            '\t' => out.push('\t'),
            it if it.is_control() => {}
            it => out.push(it),
        }
    }
    if out.contains('&') {
        out = out
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&nbsp;", " ")
            .replace("&amp;", "&");
    }
    out
}

/// The line without bullets, quote marks and list numbers in front.
pub(super) fn unbulleted(line: &str) -> &str {
    let mut rest = line.trim();
    for _ in 0..4 {
        let next = rest
            .trim_start_matches(['>', '|', '\u{2022}', '\u{25aa}', '\u{25e6}', '\u{2023}', '\u{b7}'])
            .trim_start();
        let next = next
            .strip_prefix("- ")
            .or_else(|| next.strip_prefix("* ").filter(|it| !it.starts_with("* ")))
            .or_else(|| next.strip_prefix("\u{2013} "))
            .unwrap_or(next)
            .trim_start();
        let next = next.strip_prefix("**").unwrap_or(next);
        if next.len() == rest.len() {
            break;
        }
        rest = next;
    }
    rest
}

/// At most `LONGEST` bytes, cut between characters.
pub(super) fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_text_becomes_plain() {
        assert_eq!(
            plain("Code=8 \u{201c}Exec\u{a0}format error\u{201d} &quot;x&quot;".as_bytes()),
            "Code=8 \"Exec format error\" \"x\""
        );
        assert_eq!(plain("\u{200b}kernel: `DK:`".as_bytes()), "kernel: DK:");
        assert_eq!(plain(b"caf\xff\xfe"), "caf\u{fffd}\u{fffd}");
    }

    #[test]
    fn bullets_go_and_listings_stay() {
        assert_eq!(unbulleted("  \u{2022} Syspolicyd: x"), "Syspolicyd: x");
        assert_eq!(unbulleted("> > kernel: x"), "kernel: x");
        assert_eq!(
            unbulleted("* * TEAM id (1/1) [activated enabled]"),
            "* * TEAM id (1/1) [activated enabled]"
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let text = "\u{e4}".repeat(LONGEST);
        assert!(cut(&text).len() <= LONGEST && text.starts_with(cut(&text)));
    }
}
