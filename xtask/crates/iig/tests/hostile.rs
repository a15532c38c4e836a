//! Whatever an interface file holds, the generator answers with text or with an error that has a place; it never panics or hangs.

mod common;

use common::{find, interfaces, repository, sdk};
use iig::Options;
use proptest::{prelude::*, sample};
use std::fs;

/// Pieces of which interface files are made, and some that do not belong there.
const PIECES: &[&str] = &[
    "class",
    "KERNEL",
    "NATIVE",
    "EXTENDS",
    "D",
    "B",
    ": public",
    "{",
    "}",
    ";",
    "virtual",
    "static",
    "kern_return_t",
    "void",
    "M",
    "(",
    ")",
    ",",
    "*",
    "const",
    "uint32_t",
    "a",
    "aCount",
    "[",
    "]",
    "4",
    "0",
    "= 0",
    "override",
    "LOCAL",
    "LOCALONLY",
    "TYPE",
    "TARGET",
    "QUEUENAME",
    "B::M",
    "OSAction",
    "<",
    ">",
    "<<",
    "::",
    "^",
    "enum",
    "typedef",
    "char",
    "__attribute__",
    "((x))",
    "\n#if",
    "\n#else",
    "\n#endif",
    "\n#define X",
    "\n#include <B.iig>",
    "\n",
    "/*",
    "*/",
    "//",
    "\"",
    "'",
    "\\",
    "@iig implementation",
    "@iig end",
    "defined",
    "-9223372036854775808",
    "/",
    "%",
    "1ULL",
    "é",
    "\u{0}",
];

const BASE: &str = "class R { };\nclass B : public R { public: virtual kern_return_t M(OSAction * a TARGET) = 0; };\nclass OSAction;\n";

fn generate(text: &str) {
    let resolve = |inclusion: &iig::Inclusion| {
        let text = if inclusion.path == "B.iig" { BASE } else { return Ok(None) };
        Ok(Some(iig::Found { file: "B.iig".to_string(), text: text.to_string() }))
    };
    if let Err(error) = iig::generate("x.iig", text, &resolve, &Options::default()) {
        assert!(!error.file.is_empty() && !error.message.is_empty(), "{error:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_survived(text in "\\PC{0,200}") {
        generate(&text);
    }

    #[test]
    fn any_mixture_of_pieces_is_survived(pieces in prop::collection::vec(sample::select(PIECES), 0..60)) {
        generate(&pieces.join(" "));
        generate(&format!("#include <B.iig>\nclass D : public B {{ {} }};", pieces.join(" ")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_driver_is_survived(at in 0_usize..3000, length in 0_usize..40, piece in sample::select(PIECES)) {
        let sdk = sdk();
        for path in interfaces(&repository().join("driver")) {
            let mut text = fs::read_to_string(&path).unwrap();
            let end = (at + length).min(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(end) && at <= end {
                text.replace_range(at..end, piece);
            }
            if let Err(error) = iig::generate("x.iig", &text, &|it| find(&sdk, it), &Options::default()) {
                prop_assert!(!error.file.is_empty() && !error.message.is_empty(), "{error:?}");
            }
        }
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    for open in ["(", "{", "[", "<", "class D { void f(", "#if 1\n", "extern \"C\" {", "class D : public B {"]
    {
        generate(&open.repeat(100_000));
    }
    generate(&format!("#if {}\n#endif", "!".repeat(100_000)));
    generate(&format!(
        "enum {{ a = {}1 }}; class B; class D : public B {{ void f(const int x[a], int xCount); }};",
        "-".repeat(100_000)
    ));
}

#[test]
fn including_oneself_ends() {
    let resolve = |inclusion: &iig::Inclusion| {
        let next = inclusion.path.trim_end_matches(".iig").parse::<u32>().map_or(0, |it| it + 1);
        Ok(Some(iig::Found { file: inclusion.path.clone(), text: format!("#include <{next}.iig>\n") }))
    };
    let error = iig::generate("x.iig", "#include <0.iig>\n", &resolve, &Options::default()).unwrap_err();
    assert!(error.message.contains("too deep"), "{error}");
}
