//! Documents of both forms, hostile ones, and the plist crate as a second opinion.

use proptest::prelude::*;

use super::*;

fn xml(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE plist PUBLIC \"a\" \"b\">\n<plist version=\"1.0\">{body}</plist>\n"
    )
}

#[track_caller]
fn check(body: &str, expected: impl Into<Value>) {
    assert_eq!(read(xml(body).as_bytes()).unwrap().value, expected.into());
}

#[track_caller]
fn refused(document: &[u8], what: &str) {
    let fault = read(document).unwrap_err().to_string();
    assert!(fault.contains(what), "{fault}");
}

#[test]
fn every_kind_of_value_reads_from_xml() {
    check("<string>a &amp; b &lt;c&gt;</string>", "a & b <c>");
    check("<string/>", "");
    check("<integer>-12</integer>", -12);
    check("<integer> 0x1F </integer>", 31);
    check("<integer>18446744073709551615</integer>", Value::Integer(u64::MAX.into()));
    check("<real>1.5</real>", Value::Real(1.5));
    check("<true/>", true);
    check("<false></false>", false);
    check("<data>\n\tAAEC\n\tAw==\n</data>", vec![0_u8, 1, 2, 3]);
    check("<date>2026-06-17T12:07:35Z</date>", Date(0x6a32_8e07));
    check("<array><true/><dict/></array>", vec![Value::Bool(true), Dict::new().into()]);
}

#[test]
fn what_is_no_property_list_is_refused_with_its_offset() {
    refused(b"hello", "text outside a value (offset 0x0)");
    refused(b"", "cut off");
    refused(xml("<string>a").as_bytes(), "holds more than text");
    refused(xml("<dict><string>a</string></dict>").as_bytes(), "no key");
    refused(xml("<dict><key>a</key></dict>").as_bytes(), "where a value is due");
    refused(xml("<integer>12a</integer>").as_bytes(), "no integer");
    refused(xml("<integer></integer>").as_bytes(), "no integer");
    refused(xml("<data>AA=A</data>").as_bytes(), "no base64");
    refused(xml("<string>&nbsp;</string>").as_bytes(), "unknown entity");
    refused(xml("<date>2026-02-29T00:00:00Z</date>").as_bytes(), "no date");
    refused(xml("<widget/>").as_bytes(), "is no value");
    refused(xml("<true/><true/>").as_bytes(), "second value");
    refused(
        b"<!DOCTYPE plist [<!ENTITY a \"b\">]><plist><string>&a;</string></plist>",
        "declarations of its own",
    );
    refused(b"\xff\xfe<\0", "UTF-16");
}

#[test]
fn oddities_are_reported_and_read_all_the_same() {
    let text = xml(
        "<!-- a -- b --><dict><key>k</key><true/><key>k</key><false/><key>c</key><string>&#65;<![CDATA[<]]></string></dict>",
    );
    let found = read(format!("\u{feff}{text}rest").as_bytes()).unwrap();
    let kinds: Vec<_> = found.oddities.into_iter().map(|it| it.kind).collect();
    let expected = [
        OddityKind::ByteOrderMark,
        OddityKind::CommentWithDashes,
        OddityKind::DuplicateKey("k".into()),
        OddityKind::CharacterReference,
        OddityKind::Cdata,
        OddityKind::TrailingText,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(found.value.get("k"), Some(&Value::Bool(false)));
    assert_eq!(found.value.get("c").unwrap().as_str(), Some("A<"));
    assert!(read(xml("<dict><key>a</key><true/></dict>").as_bytes()).unwrap().oddities.is_empty());
}

#[test]
fn nesting_past_the_limit_is_refused_and_just_below_it_reads() {
    let nested = |depth: usize| xml(&format!("{}{}", "<array>".repeat(depth), "</array>".repeat(depth)));
    assert!(read(nested(64).as_bytes()).is_ok());
    refused(nested(65).as_bytes(), "nested deeper than 64");
    refused(nested(100_000).as_bytes(), "nested deeper than 64");
}

/// Writes objects by hand: each is bytes, references are one byte wide.
fn bplist(objects: &[&[u8]], root: u64) -> Vec<u8> {
    let mut out = b"bplist00".to_vec();
    let mut offsets = Vec::new();
    for object in objects {
        offsets.push(u16::try_from(out.len()).unwrap());
        out.extend_from_slice(object);
    }
    let table = out.len() as u64;
    out.extend(offsets.iter().flat_map(|it| it.to_be_bytes()));
    out.extend([0, 0, 0, 0, 0, 0, 2, 1]);
    out.extend([objects.len() as u64, root, table].iter().flat_map(|it| it.to_be_bytes()));
    out
}

#[test]
fn a_binary_list_that_contains_itself_is_refused() {
    refused(&bplist(&[&[0xa1, 0]], 0), "nested deeper than 64");
    refused(&bplist(&[&[0xd1, 1, 0], b"\x51a"], 0), "nested deeper than 64");
}

#[test]
fn a_small_binary_list_that_grows_without_end_is_refused() {
    // Each level doubles: 2^40 values from 41 objects.
    let levels: Vec<[u8; 3]> = (0..40).map(|it| [0xa2, it + 1, it + 1]).collect();
    let mut objects: Vec<&[u8]> = levels.iter().map(|it| &it[..]).collect();
    objects.push(&[0x09]);
    refused(&bplist(&objects, 0), "more than 1000000 values");
}

#[test]
fn a_binary_list_with_a_bad_table_is_refused() {
    refused(b"bplist00", "trailer is missing");
    refused(b"bplist99 and forty bytes of something else", "unknown version");
    refused(&bplist(&[&[0x09]], 1), "object 1 wanted, there are 1");
    refused(&bplist(&[&[0x0f]], 0), "unknown kind");
    refused(&bplist(&[&[0x5f, 0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]], 0), "wanted");
    let mut wide = bplist(&[&[0x09]], 0);
    let at = wide.len() - 26;
    wide[at] = 200;
    refused(&wide, "more than 8 bytes");
}

#[test]
fn binary_numbers_follow_their_width() {
    let one = |object: &[u8]| read(&bplist(&[object], 0)).unwrap().value;
    assert_eq!(one(&[0x10, 0xff]), Value::Integer(255));
    assert_eq!(one(&[0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Value::Integer(-1));
    assert_eq!(one(&[0x80, 7]), Value::Uid(7));
    assert_eq!(one(&[0x61, 0, 0xe9]), "é".into());
    assert_eq!(one(&[0x33, 0, 0, 0, 0, 0, 0, 0, 0]), Date(978_307_200).into());
}

#[test]
fn the_writer_matches_apples_layout() {
    let inner: Dict = [("z", Value::from(true)), ("a & b", Value::Data(vec![7; 60]))].into_iter().collect();
    let dict: Dict = [("b", Value::from(inner)), ("a", Value::Array(Vec::new()))].into_iter().collect();
    let text = to_xml(&dict.into(), Keys::Sorted);
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<plist version=\"1.0\">
<dict>
\t<key>a</key>
\t<array/>
\t<key>b</key>
\t<dict>
\t\t<key>a &amp; b</key>
\t\t<data>
\t\tBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH
\t\tBwcHBwcHBwcHBwcHBwcH
\t\t</data>
\t\t<key>z</key>
\t\t<true/>
\t</dict>
</dict>
</plist>
";
    assert_eq!(text, expected);
}

#[test]
fn dates_read_back() {
    for text in
        ["1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2038-06-18T01:02:03Z", "1900-03-01T00:00:00Z"]
    {
        assert_eq!(Date::parse(text).unwrap().to_string(), text);
    }
    for text in ["2001-1-1", "2001-13-01T00:00:00Z", "+001-01-01T00:00:00Z", "2001-01-01T24:00:00Z"] {
        assert_eq!(Date::parse(text), None);
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(|it| Value::Integer(it.into())),
        "[ -~é]{0,12}".prop_map(Value::String),
        any::<Vec<u8>>().prop_map(Value::Data),
        (-60_000_000_000_i64..200_000_000_000).prop_map(|it| Date(it).into()),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::btree_map("[a-z]{1,6}", inner, 0..6)
                .prop_map(|it| Value::Dict(it.into_iter().collect())),
        ]
    })
}

fn to_crate(value: &Value) -> plist::Value {
    match value {
        Value::Dict(it) => {
            plist::Value::Dictionary(it.iter().map(|(k, v)| (k.to_owned(), to_crate(v))).collect())
        }
        Value::Array(it) => plist::Value::Array(it.iter().map(to_crate).collect()),
        Value::String(it) => plist::Value::String(it.clone()),
        Value::Data(it) => plist::Value::Data(it.clone()),
        Value::Integer(it) => match i64::try_from(*it) {
            Ok(it) => plist::Value::from(it),
            Err(_) => plist::Value::from(u64::try_from(*it).unwrap()),
        },
        Value::Real(it) => plist::Value::Real(*it),
        Value::Bool(it) => plist::Value::Boolean(*it),
        Value::Date(it) => {
            let system = std::time::UNIX_EPOCH + std::time::Duration::from_secs(0);
            let shift = std::time::Duration::from_secs(it.0.unsigned_abs());
            plist::Value::Date(if it.0 < 0 { system - shift } else { system + shift }.into())
        }
        Value::Uid(it) => plist::Value::Uid(plist::Uid::new(*it)),
    }
}

proptest! {
    #[test]
    fn what_we_write_reads_back(value in any_value()) {
        let text = to_xml(&value, Keys::AsGiven);
        prop_assert_eq!(read(text.as_bytes()).unwrap().value, value);
    }

    #[test]
    fn what_the_plist_crate_writes_reads_the_same(value in any_value()) {
        let mut binary = Vec::new();
        to_crate(&value).to_writer_binary(&mut binary).unwrap();
        prop_assert!(read(&binary).unwrap().value.is_same_as(&value));
        let mut text = Vec::new();
        to_crate(&value).to_writer_xml(&mut text).unwrap();
        prop_assert!(read(&text).unwrap().value.is_same_as(&value));
    }

    #[test]
    fn any_bytes_are_read_or_refused(data: Vec<u8>, text in "[<>/a-z &;!-]{0,200}") {
        let _ = read(&data);
        let _ = read(text.as_bytes());
        let _ = read(&[b"bplist00", &data[..]].concat());
    }

    #[test]
    fn a_damaged_binary_list_is_read_or_refused(value in any_value(), at: usize, byte: u8) {
        let mut binary = Vec::new();
        to_crate(&value).to_writer_binary(&mut binary).unwrap();
        let index = at % binary.len();
        binary[index] = byte;
        let _ = read(&binary);
    }
}
