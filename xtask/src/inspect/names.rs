//! When two file names are one to macOS: case and accents set aside.
//!
//! APFS compares names without case (on most volumes) and never by how accents are composed. The full Unicode tables are not
//! needed to catch what happens in practice (`Readme` beside `README`, `ü` from a Mac's zip beside `ü` typed on Linux): letters of
//! Latin-1 and Latin Extended-A are decomposed by table, everything is lower-cased.

/// The form under which `name` is compared.
pub fn folded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        match decomposed(c) {
            Some((base, mark)) => out.extend([base, mark]),
            None => out.push(c),
        }
    }
    out
}

/// Base letter and combining mark of a lower-case letter.
fn decomposed(c: char) -> Option<(char, char)> {
    /// Each mark with composed letters and their bases.
    const TABLE: [(char, &str, &str); 12] = [
        ('\u{300}', "àèìòùǹẁỳ", "aeiounwy"),
        ('\u{301}', "áéíóúýćĺńŕśź", "aeiouyclnrsz"),
        ('\u{302}', "âêîôûĉĝĥĵŝŵŷ", "aeioucghjswy"),
        ('\u{303}', "ãñõĩũẽ", "anoiue"),
        ('\u{304}', "āēīōū", "aeiou"),
        ('\u{306}', "ăĕğĭŏŭ", "aegiou"),
        ('\u{307}', "ċėġż", "cegz"),
        ('\u{308}', "äëïöüÿ", "aeiouy"),
        ('\u{30a}', "åů", "au"),
        ('\u{30b}', "őű", "ou"),
        ('\u{30c}', "čďěňřšťžǎ", "cdenrstza"),
        ('\u{327}', "çģķļņŗşţ", "cgklnrst"),
    ];
    TABLE.iter().find_map(|(mark, composed, bases)| {
        let place = composed.chars().position(|it| it == c)?;
        Some((bases.chars().nth(place)?, *mark))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composed_and_decomposed_names_are_one() {
        assert_eq!(folded("Übung"), folded("U\u{308}bung"));
        assert_eq!(folded("Čeština.lproj"), folded("C\u{30c}es\u{30c}tina.lproj"));
        assert_eq!(folded("README"), folded("Readme"));
    }

    #[test]
    fn other_letters_stay_apart() {
        assert_ne!(folded("Ubung"), folded("Übung"));
        assert_ne!(folded("ä"), folded("å"));
    }
}
