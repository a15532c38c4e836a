//! The generated headers in the open SDK are what the generator makes of its interfaces and its table of message ids.

mod common;

use common::{check_golden, find, frameworks, interfaces, sdk};
use iig::{MessageIds, Options, OwnIds};
use std::fs;

/// Ids come from the table alone: the headers beside the interfaces are what is being made.
fn table() -> MessageIds {
    let mut ids = MessageIds::default();
    let n_ids = ids.read(&fs::read_to_string(sdk().join("message-ids.h")).unwrap()).unwrap();
    assert!(n_ids > 100, "the table has only {n_ids} ids");
    ids
}

#[test]
fn headers_are_current() {
    let sdk = sdk();
    let mut n_headers = 0;
    for (framework, folder) in frameworks(&sdk) {
        for path in interfaces(&folder) {
            let options = Options {
                framework_name: Some(framework.clone()),
                ids: table(),
                own_ids: OwnIds::MustBeKnown,
                ..Options::default()
            };
            // The header beside an interface is not read: it is what this makes.
            let resolve = |inclusion: &iig::Inclusion| {
                let beside = inclusion.path.ends_with(".h") && inclusion.path.contains('/');
                let is_generated = beside
                    && find(
                        &sdk,
                        &iig::Inclusion { path: inclusion.path.replace(".h", ".iig"), ..inclusion.clone() },
                    )?
                    .is_some();
                if is_generated { Ok(None) } else { find(&sdk, inclusion) }
            };
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            let header =
                iig::generate_header(name, &text, &resolve, &options).unwrap_or_else(|it| panic!("{it}"));
            check_golden(&path.with_extension("h"), &header);
            n_headers += 1;
        }
    }
    assert!(n_headers >= 11, "only {n_headers} interfaces were found");
}

#[test]
fn every_id_of_a_kernel_class_has_its_bit_set() {
    let text = fs::read_to_string(sdk().join("message-ids.h")).unwrap();
    for line in text.lines().filter(|it| it.starts_with("#define")) {
        let digits =
            line.split("0x").nth(1).and_then(|it| it.strip_suffix("ULL")).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(u64::from_str_radix(digits, 16).unwrap() >> 63, 1, "{line}");
    }
}
