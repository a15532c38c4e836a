//! When two file names are one to macOS: case and accents set aside.
//!
//! APFS compares names without case (on most volumes) and never by how accents are composed. Known here: simple case folding of all
//! letters, and canonical decomposition of Latin, Greek, Cyrillic, kana and Hangul. **Approximate:** other scripts are compared as they
//! are written, several marks in another order than Unicode's count as different, and foldings that make a text longer (`ß` to `ss`)
//! are left out, so such names are not reported though APFS may take them for one.

/// The form under which `name` is compared.
pub fn folded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().map(lower) {
        decompose(c, &mut out);
    }
    out
}

/// The one letter that stands for all cases of `c`: by way of the upper case, so that both small sigmas are one.
fn lower(c: char) -> char {
    let one = |mut it: Box<dyn Iterator<Item = char>>| it.next().filter(|_| it.next().is_none());
    // A dotless i is another letter, though its capital is that of i.
    let upper = if c == 'ı' { None } else { one(Box::new(c.to_uppercase())) };
    let upper = upper.unwrap_or(c);
    one(Box::new(upper.to_lowercase())).unwrap_or(upper)
}

/// Appends base letter and marks of a lower-case letter.
fn decompose(c: char, out: &mut String) {
    if let Some(jamo) = hangul(c) {
        return out.extend(jamo);
    }
    let found = TABLE.iter().find_map(|(mark, composed, bases)| {
        let place = composed.chars().position(|it| it == c)?;
        Some((bases.chars().nth(place)?, *mark))
    });
    match found {
        // A base may itself be composed; each step takes one mark away, so this ends.
        Some((base, mark)) => {
            decompose(base, out);
            out.push(mark);
        }
        None => out.push(c),
    }
}

/// The parts of a Korean syllable (The Unicode Standard, 3.12).
fn hangul(c: char) -> Option<impl Iterator<Item = char>> {
    let index = u32::from(c).checked_sub(0xac00).filter(|it| *it < 11_172)?;
    let (first, vowel, last) = (0x1100 + index / 588, 0x1161 + index % 588 / 28, 0x11a7 + index % 28);
    let last = (last > 0x11a7).then_some(last);
    Some([Some(first), Some(vowel), last].into_iter().flatten().filter_map(char::from_u32))
}

/// Each mark with composed letters and their bases: all canonical decompositions of the scripts named above whose letter is its own
/// lower case (UnicodeData 14).
#[rustfmt::skip]
const TABLE: &[(char, &str, &str)] = &[
    ('\u{300}', "àèìòùǜǹѐѝḕṑẁầằềồờừỳἂἃἒἓἢἣἲἳὂ", "aeiouünеиēōwâăêôơưyἀἁἐἑἠἡἰἱὀ"),
    ('\u{300}', "ὃὒὓὢὣὰὲὴὶὸὺὼῒῢ", "ὁὐὑὠὡαεηιουωϊϋ"),
    ('\u{301}', "áéíóúýćĺńŕśźǘǵǻǽǿΐάέήίΰόύώϓѓ", "aeiouyclnrszügåæøϊαεηιϋουωϒг"),
    ('\u{301}', "ќḉḗḯḱḿṍṓṕṹẃấắếốớứἄἅἔἕἤἥἴἵὄὅὔ", "кçēïkmõōpũwâăêôơưἀἁἐἑἠἡἰἱὀὁὐ"),
    ('\u{301}', "ὕὤὥ", "ὑὠὡ"),
    ('\u{302}', "âêîôûĉĝĥĵŝŵŷẑậệộ", "aeioucghjswyzạẹọ"),
    ('\u{303}', "ãñõĩũṽẫẵẽễỗỡữỹ", "anoiuvâăeêôơưy"),
    ('\u{304}', "āēīōūǖǟǡǣǭȫȭȱȳӣӯḡḹṝᾱῑῡ", "aeiouüäȧæǫöõȯyиуgḷṛαιυ"),
    ('\u{306}', "ăĕğĭŏŭйўӂӑӗḝặᾰῐῠ", "aegiouиужаеȩạαιυ"),
    ('\u{307}', "ċėġżȧȯḃḋḟḣṁṅṗṙṡṥṧṩṫẇẋẏẛ", "cegzaobdfhmnprsśšṣtwxyſ"),
    ('\u{308}', "äëïöüÿϊϋϔёїӓӛӝӟӥӧӫӭӱӵӹḧṏṻẅẍẗ", "aeiouyιυϒеіаәжзиоөэучыhõūwxt"),
    ('\u{309}', "ảẩẳẻểỉỏổởủửỷ", "aâăeêioôơuưy"),
    ('\u{30a}', "åůẘẙ", "auwy"),
    ('\u{30b}', "őűӳ", "ouу"),
    ('\u{30c}', "čďěľňřšťžǎǐǒǔǚǧǩǯǰȟ", "cdelnrstzaiouügkʒjh"),
    ('\u{30f}', "ȁȅȉȍȑȕѷ", "aeioruѵ"),
    ('\u{311}', "ȃȇȋȏȓȗ", "aeioru"),
    ('\u{313}', "ἀἐἠἰὀὐὠῤ", "αεηιουωρ"),
    ('\u{314}', "ἁἑἡἱὁὑὡῥ", "αεηιουωρ"),
    ('\u{31b}', "ơư", "ou"),
    ('\u{323}', "ḅḍḥḳḷṃṇṛṣṭṿẉẓạẹịọợụựỵ", "bdhklmnrstvwzaeioơuưy"),
    ('\u{324}', "ṳ", "u"),
    ('\u{325}', "ḁ", "a"),
    ('\u{326}', "șț", "st"),
    ('\u{327}', "çģķļņŗşţȩḑḩ", "cgklnrstedh"),
    ('\u{328}', "ąęįųǫ", "aeiuo"),
    ('\u{32d}', "ḓḙḽṋṱṷ", "delntu"),
    ('\u{32e}', "ḫ", "h"),
    ('\u{330}', "ḛḭṵ", "eiu"),
    ('\u{331}', "ḇḏḵḻṉṟṯẕẖ", "bdklnrtzh"),
    ('\u{342}', "ἆἇἦἧἶἷὖὗὦὧᾶῆῖῗῦῧῶ", "ἀἁἠἡἰἱὐὑὠὡαηιϊυϋω"),
    ('\u{345}', "ᾀᾁᾂᾃᾄᾅᾆᾇᾐᾑᾒᾓᾔᾕᾖᾗᾠᾡᾢᾣᾤᾥᾦᾧᾲᾳᾴᾷ", "ἀἁἂἃἄἅἆἇἠἡἢἣἤἥἦἧὠὡὢὣὤὥὦὧὰαάᾶ"),
    ('\u{345}', "ῂῃῄῇῲῳῴῷ", "ὴηήῆὼωώῶ"),
    ('\u{3099}', "がぎぐげござじずぜぞだぢづでどばびぶべぼゔゞガギグゲゴザ", "かきくけこさしすせそたちつてとはひふへほうゝカキクケコサ"),
    ('\u{3099}', "ジズゼゾダヂヅデドバビブベボヴヷヸヹヺヾ", "シスセソタチツテトハヒフヘホウワヰヱヲヽ"),
    ('\u{309a}', "ぱぴぷぺぽパピプペポ", "はひふへほハヒフヘホ"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn one(a: &str, b: &str) {
        assert_eq!(folded(a), folded(b));
    }

    #[test]
    fn composed_and_decomposed_names_are_one() {
        one("Übung", "U\u{308}bung");
        one("Čeština.lproj", "C\u{30c}es\u{30c}tina.lproj");
        one("Ελλάδα", "Ελλα\u{301}δα");
        one("Йод", "И\u{306}од");
        one("がぎ", "か\u{3099}き\u{3099}");
        one("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}");
        one("Việt", "Vie\u{323}\u{302}t");
    }

    #[test]
    fn cases_are_one() {
        one("README", "Readme");
        one("ΟΔΟΣ", "οδος");
        one("ЁЛКА", "ёлка");
        one("\u{212a}elvin", "kelvin");
        one("\u{212b}", "a\u{30a}");
    }

    #[test]
    fn other_letters_stay_apart() {
        for (a, b) in [("Ubung", "Übung"), ("ä", "å"), ("ı", "i"), ("はな", "ばな"), ("가", "각"), ("е", "ё")]
        {
            assert_ne!(folded(a), folded(b), "{a} {b}");
        }
    }

    #[test]
    fn each_row_of_the_table_has_a_base_for_each_letter() {
        for (mark, composed, bases) in TABLE {
            assert_eq!(composed.chars().count(), bases.chars().count(), "{mark:?}");
        }
    }
}
