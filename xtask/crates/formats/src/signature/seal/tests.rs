//! Seals made from text, and bundles that fit them or not.

use proptest::prelude::*;

use super::*;
use crate::signature::seal::{
    defaults::{FLAT_RULES2, RULES2, to_dict},
    evaluate::Kind::{self, Folder, Symlink},
};

/// Entries of the bundles below: hashes are those of the path itself.
fn file(path: &str) -> (&str, Value) {
    let fields = [("hash2", Value::Data(HashType::Sha256.digest(path.as_bytes())))];
    (path, Value::Dict(fields.into_iter().collect()))
}

fn with(mut entry: (&str, Value), key: &str, value: impl Into<Value>) -> (String, Value) {
    if let Value::Dict(fields) = &mut entry.1 {
        fields.set(key, value);
    }
    (entry.0.to_owned(), entry.1)
}

fn app_entries() -> Vec<(String, Value)> {
    let nested = Value::Dict(
        [("cdhash", Value::Data(vec![7; 20])), ("requirement", Value::from("identifier \"tool\""))]
            .into_iter()
            .collect(),
    );
    let link = Value::Dict([("symlink", "../Library/x")].into_iter().collect());
    vec![
        ("Frameworks/F.framework".to_owned(), nested),
        with(file("Library/x"), "unknown", 1),
        ("Resources/link".to_owned(), link),
        with(file("Resources/de.lproj/a.strings"), "optional", true),
        with(file("Resources/Base.lproj/a.nib"), "unknown", 1),
    ]
}

fn app_listing() -> Vec<Found> {
    [
        ("Info.plist", Kind::File),
        ("PkgInfo", Kind::File),
        ("MacOS", Folder),
        ("MacOS/App", Kind::File),
        ("_CodeSignature", Folder),
        ("_CodeSignature/CodeResources", Kind::File),
        ("CodeResources", Kind::File),
        ("Frameworks", Folder),
        ("Frameworks/F.framework", Folder),
        ("Frameworks/F.framework/anything", Kind::File),
        ("Library", Folder),
        ("Library/x", Kind::File),
        ("Resources", Folder),
        ("Resources/.DS_Store", Kind::File),
        ("Resources/link", Symlink("../Library/x".to_owned())),
        ("Resources/de.lproj", Folder),
        ("Resources/de.lproj/a.strings", Kind::File),
        ("Resources/de.lproj/locversion.plist", Kind::File),
        ("Resources/Base.lproj", Folder),
        ("Resources/Base.lproj/a.nib", Kind::File),
    ]
    .map(|(path, kind)| Found { path: path.to_owned(), kind })
    .to_vec()
}

fn seal(entries: Vec<(String, Value)>) -> Seal {
    let dict = Dict::from_iter([
        ("rules2", Value::Dict(to_dict(RULES2))),
        ("files2", Value::Dict(entries.into_iter().collect())),
    ]);
    Seal { v2: envelope(&dict, 2).unwrap(), v1: None }
}

/// Files have their path as content, except for those called "altered".
fn judge(entries: Vec<(String, Value)>, listing: &[Found]) -> Outcome {
    let digest = |path: &str, hashes: &[HashType]| {
        let content = if path.contains("altered") { "something else" } else { path };
        Ok(hashes.iter().map(|it| it.digest(content.as_bytes())).collect())
    };
    evaluate(seal(entries).current(), Some("MacOS/App"), listing, &[HashType::Sha256], &digest).unwrap()
}

/// The sound app after `change` has these differences.
#[track_caller]
fn check(change: impl FnOnce(&mut Vec<(String, Value)>, &mut Vec<Found>), expected: &[(&str, Difference)]) {
    let (mut entries, mut listing) = (app_entries(), app_listing());
    change(&mut entries, &mut listing);
    let outcome = judge(entries, &listing);
    let expected = expected.iter().map(|(path, it)| ((*path).to_owned(), it.clone())).collect();
    assert_eq!(outcome.differences, expected);
}

fn add(listing: &mut Vec<Found>, path: &str, kind: Kind) {
    listing.push(Found { path: path.to_owned(), kind });
}

#[test]
fn a_sound_app_has_no_differences_and_its_nested_code_is_named() {
    check(|_, _| {}, &[]);
    let outcome = judge(app_entries(), &app_listing());
    assert_eq!(outcome.n_hashed, 3);
    let [nested] = outcome.nested.as_slice() else { panic!("{outcome:?}") };
    assert_eq!((nested.path.as_str(), nested.cdhash), ("Frameworks/F.framework", Some(CdHash([7; 20]))));
}

#[test]
fn the_order_of_the_listing_means_nothing() {
    check(|_, listing| listing.reverse(), &[]);
}

#[test]
fn a_file_that_was_added_is_told_and_an_omitted_one_is_not() {
    check(|_, it| add(it, "Library/new", Kind::File), &[("Library/new", Difference::Added)]);
    check(|_, it| add(it, "Library/.DS_Store", Kind::File), &[]);
    check(|_, it| add(it, "Frameworks/F.framework/new", Kind::File), &[]);
}

#[test]
fn unsealed_code_beside_the_executable_is_told() {
    check(|_, it| add(it, "MacOS/tool", Kind::File), &[("MacOS/tool", Difference::Added)]);
}

#[test]
fn a_missing_file_is_told_unless_it_is_optional() {
    let without = |gone: &'static str| {
        move |_: &mut Vec<_>, it: &mut Vec<Found>| it.retain(|it| !it.path.starts_with(gone))
    };
    check(without("Library/x"), &[("Library/x", Difference::Missing)]);
    check(without("Resources/Base"), &[("Resources/Base.lproj/a.nib", Difference::Missing)]);
    check(without("Resources/de.lproj"), &[]);
    check(without("Frameworks"), &[("Frameworks/F.framework", Difference::Missing)]);
}

#[test]
fn an_altered_file_is_told_with_both_hashes() {
    let difference = Difference::Altered {
        hash: HashType::Sha256,
        sealed: HashType::Sha256.digest(b"Library/altered"),
        found: HashType::Sha256.digest(b"something else"),
    };
    check(
        |entries, listing| {
            entries.push(with(file("Library/altered"), "unknown", 1));
            add(listing, "Library/altered", Kind::File);
        },
        &[("Library/altered", difference)],
    );
}

#[test]
fn a_hash_of_another_algorithm_does_not_do() {
    let sha1 = Value::Data(HashType::Sha1.digest(b"Library/old"));
    let outcome = {
        let (mut entries, mut listing) = (app_entries(), app_listing());
        entries.push(("Library/old".to_owned(), sha1));
        add(&mut listing, "Library/old", Kind::File);
        judge(entries, &listing)
    };
    assert!(matches!(outcome.differences["Library/old"], Difference::Altered { .. }));
}

#[test]
fn links_and_kinds_are_compared() {
    let relink = |kind: Kind| {
        move |_: &mut Vec<_>, it: &mut Vec<Found>| {
            it.iter_mut().find(|it| it.path == "Resources/link").unwrap().kind = kind;
        }
    };
    let target = Difference::Target("../Library/x".to_owned(), "/etc".to_owned());
    check(relink(Symlink("/etc".to_owned())), &[("Resources/link", target)]);
    let kind = Difference::WrongKind { sealed: "symbolic link", found: Kind::File };
    check(relink(Kind::File), &[("Resources/link", kind)]);
    check(relink(Kind::Other), &[("Resources/link", Difference::Unsupported)]);
    // A folder is nothing by itself, so what was a link is missing.
    check(relink(Folder), &[("Resources/link", Difference::Missing)]);
}

#[test]
fn the_heaviest_rule_decides_and_among_equals_the_first() {
    let treatment = |path: &str| seal(vec![]).current().rules.treatment(path, Some("MacOS/App"));
    let sealed = |is_optional, is_nested| Treatment::Sealed { is_optional, is_nested };
    assert_eq!(treatment("MacOS/App"), Treatment::Excluded);
    assert_eq!(treatment("MacOS/other"), sealed(false, true));
    assert_eq!(treatment("MacOS/other.dSYM/x"), sealed(false, false));
    assert_eq!(treatment("Info.plist"), Treatment::Omitted);
    assert_eq!(treatment("embedded.provisionprofile"), sealed(false, false));
    assert_eq!(treatment("Resources/de.lproj/x"), sealed(true, false));
    assert_eq!(treatment("Resources/Base.lproj/x"), sealed(false, false));
    let twice = Dict::from_iter([("^a", Value::Bool(false)), ("^.*", Value::Bool(true))]);
    assert_eq!(Rules::read(&twice).unwrap().treatment("ab", None), Treatment::Omitted);
    assert_eq!(Rules::read(&Dict::new()).unwrap().treatment("ab", None), Treatment::Unmatched);
}

#[test]
fn default_rules_are_strong_and_further_omissions_are_weak() {
    let weaknesses = |dict: &Dict, resources| Rules::read(dict).unwrap().weaknesses(2, resources);
    assert!(weaknesses(&to_dict(RULES2), "Resources/").is_empty());
    assert!(weaknesses(&to_dict(FLAT_RULES2), "").is_empty());
    let mut dict = to_dict(FLAT_RULES2);
    dict.set("^secret/", false);
    dict.remove("^.*");
    assert_eq!(weaknesses(&dict, ""), ["no rule `^.*`", "omits `^secret/`"]);
}

#[test]
fn version_one_alone_is_read_and_ignores_links() {
    let text = br#"<plist><dict><key>files</key><dict><key>Resources/a</key><data>AAAA</data></dict>
        <key>rules</key><dict><key>^Resources/</key><true/></dict></dict></plist>"#;
    let seal = Seal::read(text).unwrap();
    assert!(seal.v2.is_none());
    assert_eq!(seal.current().version, 1);
    let listing =
        [("Resources/a", Kind::File), ("Resources/b", Symlink("a".into())), ("Resources/c", Kind::File)]
            .map(|(path, kind)| Found { path: path.to_owned(), kind });
    let digest = |_: &str, _: &[HashType]| Ok(vec![vec![0, 0, 0]]);
    let outcome = evaluate(seal.current(), None, &listing, &[HashType::Sha1], &digest).unwrap();
    assert_eq!(outcome.differences, BTreeMap::from([("Resources/c".to_owned(), Difference::Added)]));
}

#[track_caller]
fn refused(inside: &str, part: &str) {
    let error = Seal::read(format!("<plist><dict>{inside}</dict></plist>").as_bytes()).unwrap_err();
    assert!(error.what.contains(part), "{error}");
}

#[test]
fn what_is_no_seal_is_refused() {
    refused("", "neither `files2` nor `files`");
    refused("<key>files2</key><dict/>", "`rules2` is missing");
    refused("<key>files2</key><array/>", "`files2` is no dictionary");
    let entry = |it: &str| format!("<key>rules2</key><dict/><key>files2</key><dict><key>a</key>{it}</dict>");
    refused(&entry("<true/>"), "`a`: entry is neither");
    refused(&entry("<dict/>"), "`a`: entry has no hash");
    refused(&entry("<dict><key>symlink</key><true/></dict>"), "`symlink` is no string");
    refused(&entry("<dict><key>hash2</key><true/></dict>"), "`hash2` is no data");
    refused("<key>rules2</key><dict><key>(</key><true/></dict><key>files2</key><dict/>", "malformed");
    assert!(Seal::read(b"<plist><array/></plist>").is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz(&bytes);
    }

    #[test]
    fn any_pattern_is_read_without_panic(pattern in r"[\[\]\\(){}|^$.*+?:a-c&-]{0,20}") {
        let dict = Dict::from_iter([(pattern.as_str(), Value::Bool(true))]);
        if let Ok(rules) = Rules::read(&dict) {
            rules.treatment("abc/a", None);
        }
    }
}
