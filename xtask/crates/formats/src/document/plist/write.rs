//! XML property lists as CoreFoundation writes them, byte for byte: what codesign seals and signs.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Dict, Value};

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
    <plist version=\"1.0\">\n";

/// Length of a base64 line, indentation counted as 8 columns a tab (`CFPropertyList.c`).
const DATA_COLUMNS: usize = 76;
/// Deepest indentation of base64 (`CFPropertyList.c`).
const DATA_MAX_INDENT: usize = 8;

/// The order of dictionary keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// By UTF-16 code units, as Apple's writer does.
    Sorted,
    /// As the dictionary has them.
    AsGiven,
}

/// The document, with Apple's header, tabs, and a final line break.
///
/// A `Uid` has no XML form; it is written the way plutil does, as a dictionary with `CF$UID`.
pub fn to_xml(value: &Value, keys: Keys) -> String {
    let mut out = HEAD.to_owned();
    write_value(&mut out, value, keys, 0);
    out.push_str("</plist>\n");
    out
}

fn write_value(out: &mut String, value: &Value, keys: Keys, indent: usize) {
    push_tabs(out, indent);
    match value {
        Value::Dict(dict) if dict.is_empty() => out.push_str("<dict/>\n"),
        Value::Dict(dict) => write_dict(out, dict, keys, indent),
        Value::Array(items) if items.is_empty() => out.push_str("<array/>\n"),
        Value::Array(items) => {
            out.push_str("<array>\n");
            for item in items {
                write_value(out, item, keys, indent + 1);
            }
            push_tabs(out, indent);
            out.push_str("</array>\n");
        }
        Value::String(text) => push_element(out, "string", text),
        Value::Integer(number) => push_element(out, "integer", &number.to_string()),
        Value::Real(number) => push_element(out, "real", &number.to_string()),
        Value::Date(date) => push_element(out, "date", &date.to_string()),
        Value::Bool(true) => out.push_str("<true/>\n"),
        Value::Bool(false) => out.push_str("<false/>\n"),
        Value::Data(data) => write_data(out, data, indent),
        Value::Uid(number) => {
            let number = i64::try_from(*number).unwrap_or(i64::MAX);
            let dict: Dict = [("CF$UID", number)].into_iter().collect();
            write_dict(out, &dict, keys, indent);
        }
    }
}

fn write_dict(out: &mut String, dict: &Dict, keys: Keys, indent: usize) {
    out.push_str("<dict>\n");
    let mut entries: Vec<_> = dict.iter().collect();
    if keys == Keys::Sorted {
        entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    }
    for (key, value) in entries {
        push_tabs(out, indent + 1);
        push_element(out, "key", key);
        write_value(out, value, keys, indent + 1);
    }
    push_tabs(out, indent);
    out.push_str("</dict>\n");
}

fn write_data(out: &mut String, data: &[u8], indent: usize) {
    out.push_str("<data>\n");
    let indent_of_lines = indent.min(DATA_MAX_INDENT);
    let encoded = BASE64_STANDARD.encode(data);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(DATA_COLUMNS - 8 * indent_of_lines));
        push_tabs(out, indent_of_lines);
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    push_tabs(out, indent);
    out.push_str("</data>\n");
}

fn push_element(out: &mut String, name: &str, text: &str) {
    write!(out, "<{name}>").expect("a string takes all text");
    for it in text.chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
    writeln!(out, "</{name}>").expect("a string takes all text");
}

fn push_tabs(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n('\t', count));
}
