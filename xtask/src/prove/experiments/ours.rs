//! What we read ourselves, as lines that can be compared: images, interfaces, trees, requirements. Facts only, no text of Apple's.

use std::{collections::BTreeSet, path::Path};

use checks::{Needs, Policy, Severity};
use formats::{
    document::plist::{self, Date, Value},
    document::profile::Profile,
    image::{MachO, Slices, command::Body, symbols},
    signature::{Signature, requirement},
};

use crate::{
    error::{Doing, Error, Result},
    inspect::{self, Asked, disk::Watch},
    policy, rehearsal,
    report::Report,
    stage::{files, stamp},
};

/// What our verifier says of a product from its bytes alone, Apple's tools not asked: `verdict …`, `error ID …`, `code …`.
pub fn verdict(path: &Path, root: Option<&Path>) -> Result<String> {
    let mut asked = Asked::at(Date(i64::try_from(rehearsal::now()).unwrap_or(i64::MAX)));
    if let Some(root) = root {
        asked.trust.roots.extend(policy::roots(root)?);
    }
    let subject = inspect::open(path, &asked)?;
    let policy = Policy::default();
    let outcomes = checks::run(&subject, &policy);
    let mut errors = BTreeSet::new();
    for it in outcomes.iter().filter(|it| it.check.needs == Needs::Bytes) {
        let worst = it.findings.iter().filter(|finding| finding.severity == Severity::Error);
        errors.extend(worst.map(|finding| format!("error {} {}", it.check.id, finding.found)));
    }
    let mut lines = vec![format!("verdict {}", if errors.is_empty() { "accepted" } else { "refused" })];
    lines.extend(errors);
    for it in Report::of(&subject, &policy, &outcomes, false).subject.code {
        let text = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
        let (id, team, cdhash) = (text(&it.identifier), text(&it.team), text(&it.cdhash));
        lines.push(format!("code {}\t{}\t{id}\t{team}\t{cdhash}", it.path, it.arch));
    }
    Ok(lines.join("\n"))
}

/// A property list, a line for each key at the top, sorted: `key: value`.
pub fn dictionary(bytes: &[u8]) -> Result<Vec<String>, String> {
    match plist::read(bytes).map(|it| it.value) {
        Ok(Value::Dict(it)) => {
            let mut lines: Vec<String> = it.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            lines.sort();
            Ok(lines)
        }
        Ok(_) => Err("the property list is no dictionary".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// What a provisioning profile says, as [`dictionary`].
pub fn profile(path: &Path) -> Result<String> {
    let profile = Profile::read(&files::read(path)?).doing(|| format!("cannot read `{}`", path.display()))?;
    let mut lines: Vec<String> = profile.plist.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    lines.sort();
    Ok(lines.join("\n"))
}

/// The entitlements in a signature (first slice), as [`dictionary`].
pub fn entitlements(executable: &Path) -> Result<String> {
    let cannot = || format!("cannot read the entitlements of `{}`", executable.display());
    let xml = signature(executable)?.entitlements.ok_or_else(|| Error::tool(cannot()))?;
    Ok(dictionary(&xml).doing(cannot)?.join("\n"))
}

/// The XML of the entitlements in a signature (first slice).
pub fn entitlements_text(executable: &Path) -> Result<Vec<u8>> {
    let none = || Error::tool(format!("`{}` has no entitlements", executable.display()));
    signature(executable)?.entitlements.ok_or_else(none)
}

/// The signature of the first slice.
fn signature(executable: &Path) -> Result<Signature> {
    let cannot = || format!("cannot read the signature of `{}`", executable.display());
    let file = Watch::default().file(&executable.display().to_string(), executable)?;
    let none = || Error::tool(cannot());
    let slices = Slices::read(&*file).doing(cannot)?.ok_or_else(none)?;
    let slice = slices.slices.first().ok_or_else(none)?;
    let window = slice.window(&*file).doing(cannot)?;
    let range = MachO::read(&window).doing(cannot)?.code_signature().ok_or_else(none)?;
    Signature::read(&window, range.offset, range.size).doing(cannot)
}

/// Header, load commands, segments, sections, libraries and exported names of a thin image: a line each, in an order of its own.
///
/// Addresses, offsets and sizes are left out: they follow from the code, and two linkers lay it out differently.
pub fn image(path: &Path) -> Result<String> {
    let cannot = || format!("cannot read `{}`", path.display());
    let bytes = files::read(path)?;
    let source: &[u8] = &bytes;
    let image = MachO::read(&source).doing(cannot)?;
    let mut lines = BTreeSet::new();
    lines.insert(format!("arch {}, {}, flags {:#010x}", image.arch, image.filetype, image.flags));
    for command in &image.commands {
        lines.insert(format!("command {}", formats::image::command::name(command.kind)));
        match &command.body {
            Body::BuildVersion(it) => {
                lines.insert(format!("built for {} {}, SDK {}", it.platform, it.min_os, it.sdk));
            }
            Body::Dylib(it) => {
                lines.insert(format!("library {} {} {}", it.name, it.current, it.compatibility));
            }
            Body::Dylinker(it) => {
                lines.insert(format!("dynamic linker {it}"));
            }
            Body::Encryption { id, .. } => {
                lines.insert(format!("encryption {id}"));
            }
            Body::Main { entry_offset, .. } => {
                lines.insert(format!("entry {entry_offset:#x}"));
            }
            _ => {}
        }
    }
    for segment in image.segments() {
        lines.insert(format!(
            "segment {} {}/{} flags {:#x}",
            segment.name, segment.protection, segment.max_protection, segment.flags
        ));
        for section in &segment.sections {
            lines.insert(format!("section {},{} flags {:#x}", segment.name, section.name, section.flags));
        }
    }
    let names = symbols::exported(&image, &source).doing(cannot)?;
    lines.extend(names.into_iter().map(|it| format!("export {it}")));
    Ok(lines.into_iter().collect::<Vec<_>>().join("\n"))
}

/// SHA-256 of a file.
pub fn digest(path: &Path) -> Result<String> {
    Ok(stamp::hex_digest(&files::read(path)?))
}

/// Every file, folder and link below `top` with its mode and what it holds: a line each, sorted.
pub fn tree(top: &Path) -> Result<String> {
    let mut lines = Vec::new();
    for entry in files::walk(top)? {
        let what = match &entry.kind {
            files::Kind::Folder => "folder".to_owned(),
            files::Kind::File => digest(&entry.at(top))?,
            files::Kind::Symlink(to) => format!("link to {}", to.display()),
        };
        lines.push(format!("{} {:o} {what}", entry.path.display(), entry.mode));
    }
    Ok(lines.join("\n"))
}

/// The designated requirement in a bundle's executable (its first slice): as text, and as the bytes of its blob in hexadecimal.
pub fn requirement(executable: &Path) -> Result<(String, String)> {
    let none = || Error::tool(format!("`{}` states no designated requirement", executable.display()));
    let set = signature(executable)?.requirements.ok_or_else(none)?;
    let designated = set.designated().ok_or_else(none)?;
    Ok((designated.to_string(), stamp::hex(&requirement::encode(designated))))
}

/// What a generated header and implementation promise: message ids, message layouts, class descriptions. A line each, sorted.
///
/// Words and white space only: comments, line breaks and the order of declarations are the generator's own affair.
pub fn interface(header: &Path, implementation: &Path) -> Result<String> {
    let text = |path: &Path| Ok::<_, Error>(String::from_utf8_lossy(&files::read(path)?).into_owned());
    Ok(promises(&(text(header)? + "\n" + &text(implementation)?)).join("\n"))
}

/// What of a class description is compared: the rest are sizes and offsets of its own parts.
const DESCRIBED: [&str; 5] =
    [".name", ".superName", ".flags", ".methodOptionsSize", ".metaMethodOptionsSize"];

fn promises(text: &str) -> Vec<String> {
    let text = without_comments(text);
    let mut lines = BTreeSet::new();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in text.lines().map(str::trim) {
        let Some(define) = line.strip_prefix("#define ") else { continue };
        let (name, value) = define.split_once(char::is_whitespace).unwrap_or((define, ""));
        if name.ends_with("_ID") && value.trim().starts_with("0x") {
            lines.insert(format!("id {name} {}", value.trim().to_ascii_lowercase()));
        }
        if name.ends_with("_QueueNames") || name.ends_with("_MethodNames") {
            lines.insert(format!("names {name} {}", words(value)));
        }
    }
    for part in text.split("struct ").skip(1) {
        let Some((name, rest)) = part.split_once('{') else { continue };
        let name = name.trim();
        let is_message = ["_Msg", "_Rpl", "_Content"].iter().any(|it| name.ends_with(it));
        if let Some((body, _)) = rest.split_once('}')
            && is_message
        {
            let fields: Vec<String> = body
                .split(';')
                .map(words)
                .filter(|it| !it.is_empty())
                .map(|it| it.replace(" *", "*"))
                .collect();
            lines.insert(format!("layout {name} {{ {} }}", fields.join("; ")));
        }
    }
    for (at, mark) in text.match_indices("OSClassDescription_") {
        let Some((class, rest)) = text.get(at + mark.len()..).and_then(|it| it.split_once('=')) else {
            continue;
        };
        let class = class.trim();
        // A mention of the type or of its size has more than a name before the next `=`.
        if class.is_empty() || !class.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            continue;
        }
        let body = rest.split_once("\n};").map_or(rest, |it| it.0);
        for field in body.split(',').map(words) {
            // `.name = "X"`, or `{ .base = { .name = "X"`: the innermost counts.
            let field = field.rsplit_once("{ ").map_or(field.as_str(), |it| it.1).trim();
            if DESCRIBED.iter().any(|it| field.strip_prefix(it).is_some_and(|it| it.starts_with(' '))) {
                lines.insert(format!("class {class} {field}"));
            }
        }
    }
    lines.into_iter().collect()
}

/// `/* … */` and `// …` away; strings have none of them in generated code.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        out += before;
        rest = after.split_once("*/").map_or("", |it| it.1);
    }
    out += rest;
    out.lines().map(|line| line.split_once("//").map_or(line, |it| it.0)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENERATED: &str = "/* generated */
#define IOService_Start_ID            0xab6f76dde6d693f2ULL
#define C_MethodNames \"\" \"\\017\" // names
struct C_Go_Msg_Content
{
    IORPCMessage __hdr;
    const char * reason; /* a comment */
};
const struct OSClassDescription_C_t OSClassDescription_C =
{
    .base =
    {
        .descriptionSize = sizeof(OSClassDescription_C_t),
        .name = \"C\",
        .superName = \"IOService\",
        .methodOptionsSize       = 2 * sizeof(uint64_t) * 1,
    },
};
";

    #[test]
    fn ids_layouts_and_descriptions_are_told() {
        let lines = promises(GENERATED);
        for expected in [
            "id IOService_Start_ID 0xab6f76dde6d693f2ull",
            "layout C_Go_Msg_Content { IORPCMessage __hdr; const char* reason }",
            "class C .name = \"C\"",
            "class C .superName = \"IOService\"",
            "class C .methodOptionsSize = 2 * sizeof(uint64_t) * 1",
        ] {
            assert!(lines.iter().any(|it| it == expected), "{expected}\n{lines:#?}");
        }
    }

    #[test]
    fn white_space_and_comments_make_no_difference() {
        let other =
            GENERATED.replace("    ", "\t").replace("/* a comment */", "").replace("= \"C\"", "=   \"C\"");
        assert_eq!(promises(&other), promises(GENERATED));
        assert_ne!(promises(&GENERATED.replace("reason", "cause")), promises(GENERATED));
        assert_ne!(promises(&GENERATED.replace("f2ULL", "f3ULL")), promises(GENERATED));
    }
}
