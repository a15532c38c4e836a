//! The seal of a bundle, `_CodeSignature/CodeResources`: every file that the main executable's signature vouches for.
//!
//! ```text
//!   rules, files     version 1: resources only, SHA-1                    for systems before 10.9
//!   rules2, files2   version 2: everything; nested code by its cdhash    what counts today
//! ```
//! Rules and their weights are those of Security's `bundlediskrep.cpp`; a path takes the matching rule of the greatest weight
//! (`resources.cpp`). Compared byte for byte with the seals of shipped apps and dexts.

use std::collections::BTreeMap;

use formats::document::{
    Dict, Value,
    plist::{Keys, to_xml},
};

/// How a bundle is laid out, which decides the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `Contents/…`, or `Versions/A/…` of a framework: code has its places, resources have theirs.
    Deep,
    /// Everything at the top, like a dext: nothing is nested code.
    Flat,
}

/// What the seal says about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Not covered, or covered by the code directory itself.
    Omitted,
    /// Sealed by its hash.
    Resource {
        /// May be missing later: a localization that the user removed.
        optional: bool,
    },
    /// Must be code with a signature of its own; a folder with a dot in its name is a bundle there.
    Nested,
}

/// Something that is sealed, by its path from where the seal's rules start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A file.
    File {
        /// For version 1.
        sha1: [u8; 20],
        /// For version 2.
        sha256: [u8; 32],
    },
    /// A symbolic link and where it points.
    Symlink(String),
    /// Signed code.
    Nested {
        /// The name of one of its slices.
        cdhash: [u8; 20],
        /// The text of its designated requirement.
        requirement: String,
    },
}

impl Shape {
    /// What version 2 says about `path`, for a bundle whose executable is at `executable` (both from where the rules start).
    pub fn place(self, path: &str, executable: &str) -> Place {
        if is_excluded(path, executable) {
            return Place::Omitted;
        }
        decide(&self.rules2(), path)
    }

    /// The same for version 1.
    fn place1(self, path: &str, executable: &str) -> Place {
        if is_excluded(path, executable) {
            return Place::Omitted;
        }
        decide(&self.rules1(), path)
    }

    /// The seal over `items`; those whose place is omitted are left out.
    pub fn seal(self, executable: &str, items: &BTreeMap<String, Item>) -> Vec<u8> {
        let (mut files, mut files2) = (Dict::new(), Dict::new());
        for (path, item) in items {
            // Version 1 knows neither links nor code; what codesign does with a link there has not been seen.
            if let Item::File { sha1, .. } = item {
                match self.place1(path, executable) {
                    Place::Resource { optional: true } => {
                        let entry: Dict =
                            [("hash", Value::Data(sha1.to_vec())), ("optional", Value::Bool(true))]
                                .into_iter()
                                .collect();
                        files.set(path, entry);
                    }
                    Place::Resource { optional: false } => files.set(path, sha1.to_vec()),
                    Place::Omitted | Place::Nested => {}
                }
            }
            if let Some(entry) = self.entry(path, executable, item) {
                files2.set(path, entry);
            }
        }
        let whole: Dict = [
            ("files", Value::Dict(files)),
            ("files2", Value::Dict(files2)),
            ("rules", describe(&self.rules1())),
            ("rules2", describe(&self.rules2())),
        ]
        .into_iter()
        .collect();
        to_xml(&Value::Dict(whole), Keys::Sorted).into_bytes()
    }

    fn entry(self, path: &str, executable: &str, item: &Item) -> Option<Dict> {
        let optional = match self.place(path, executable) {
            Place::Omitted => return None,
            Place::Resource { optional } => optional,
            Place::Nested => false,
        };
        let mut entry: Dict = match item {
            Item::File { sha256, .. } => [("hash2", Value::Data(sha256.to_vec()))].into_iter().collect(),
            Item::Symlink(target) => [("symlink", Value::from(target.as_str()))].into_iter().collect(),
            Item::Nested { cdhash, requirement } => {
                let requirement = ("requirement", Value::from(requirement.as_str()));
                [("cdhash", Value::Data(cdhash.to_vec())), requirement].into_iter().collect()
            }
        };
        if optional {
            entry.set("optional", true);
        }
        Some(entry)
    }

    fn rules1(self) -> Vec<Rule> {
        match self {
            Self::Deep => vec![
                Rule::new("^Resources/", 1, Effect::Seal, |it| it.starts_with("Resources/")),
                Rule::new(r"^Resources/.*\.lproj/", 1000, Effect::Optional, resources_lproj),
                Rule::new(
                    r"^Resources/.*\.lproj/locversion.plist$",
                    1100,
                    Effect::Omit,
                    resources_locversion,
                ),
                Rule::new(r"^Resources/Base\.lproj/", 1010, Effect::Seal, |it| {
                    it.starts_with("Resources/Base.lproj/")
                }),
                Rule::new("^version.plist$", 1, Effect::Seal, is_version_plist),
            ],
            Self::Flat => vec![
                Rule::new("^.*", 1, Effect::Seal, |_| true),
                Rule::new(r"^.*\.lproj/", 1000, Effect::Optional, |it| it.contains(".lproj/")),
                Rule::new(r"^.*\.lproj/locversion.plist$", 1100, Effect::Omit, locversion),
                Rule::new(r"^Base\.lproj/", 1010, Effect::Seal, |it| it.starts_with("Base.lproj/")),
                Rule::new("^version.plist$", 1, Effect::Seal, is_version_plist),
            ],
        }
    }

    fn rules2(self) -> Vec<Rule> {
        let mut rules = vec![
            Rule::new(r".*\.dSYM($|/)", 11, Effect::Seal, |it| {
                it.ends_with(".dSYM") || it.contains(".dSYM/")
            }),
            Rule::new(r"^(.*/)?\.DS_Store$", 2000, Effect::Omit, |it| {
                it == ".DS_Store" || it.ends_with("/.DS_Store")
            }),
            Rule::new("^.*", 1, Effect::Seal, |_| true),
            Rule::new(r"^Info\.plist$", 20, Effect::Omit, |it| it == "Info.plist"),
            Rule::new("^PkgInfo$", 20, Effect::Omit, |it| it == "PkgInfo"),
            Rule::new(r"^embedded\.provisionprofile$", 20, Effect::Seal, |it| {
                it == "embedded.provisionprofile"
            }),
            Rule::new(r"^version\.plist$", 20, Effect::Seal, |it| it == "version.plist"),
        ];
        rules.extend(match self {
            Self::Deep => vec![
                Rule::new("^Resources/", 20, Effect::Seal, |it| it.starts_with("Resources/")),
                Rule::new(r"^Resources/.*\.lproj/", 1000, Effect::Optional, resources_lproj),
                Rule::new(r"^Resources/.*\.lproj/locversion.plist$", 1100, Effect::Omit, resources_locversion),
                Rule::new(r"^Resources/Base\.lproj/", 1010, Effect::Seal, |it| it.starts_with("Resources/Base.lproj/")),
                Rule::new("^[^/]+$", 10, Effect::Nested, |it| !it.is_empty() && !it.contains('/')),
                Rule::new(
                    "^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS|Library/(Automator|Spotlight|LoginItems))/",
                    10,
                    Effect::Nested,
                    |it| NESTED.iter().any(|folder| it.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))),
                ),
            ],
            Self::Flat => vec![
                Rule::new(r"^.*\.lproj/", 1000, Effect::Optional, |it| it.contains(".lproj/")),
                Rule::new(r"^.*\.lproj/locversion.plist$", 1100, Effect::Omit, locversion),
                Rule::new(r"^Base\.lproj/", 1010, Effect::Seal, |it| it.starts_with("Base.lproj/")),
            ],
        });
        rules
    }
}

/// Where nested code belongs. `Library/SystemExtensions` is not among them: a dext is sealed file by file.
const NESTED: [&str; 10] = [
    "Frameworks",
    "SharedFrameworks",
    "PlugIns",
    "Plug-ins",
    "XPCServices",
    "Helpers",
    "MacOS",
    "Library/Automator",
    "Library/Spotlight",
    "Library/LoginItems",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Seal,
    Optional,
    Omit,
    Nested,
}

struct Rule {
    /// The pattern as it stands in the seal.
    pattern: &'static str,
    weight: u16,
    effect: Effect,
    /// The same pattern as a function; there are a dozen, and they never change.
    matches: fn(&str) -> bool,
}

impl Rule {
    fn new(pattern: &'static str, weight: u16, effect: Effect, matches: fn(&str) -> bool) -> Self {
        Self { pattern, weight, effect, matches }
    }
}

fn decide(rules: &[Rule], path: &str) -> Place {
    let best = rules.iter().filter(|it| (it.matches)(path)).max_by_key(|it| it.weight);
    match best.map(|it| it.effect) {
        None | Some(Effect::Omit) => Place::Omitted,
        Some(Effect::Seal) => Place::Resource { optional: false },
        Some(Effect::Optional) => Place::Resource { optional: true },
        Some(Effect::Nested) => Place::Nested,
    }
}

/// What no rule reaches: the signature's own folder, the ticket, the store's receipt, and the executable that carries the signature.
fn is_excluded(path: &str, executable: &str) -> bool {
    let top = path.split('/').next().unwrap_or(path);
    path == executable || path == "CodeResources" || top == "_CodeSignature" || top == "_MASReceipt"
}

fn describe(rules: &[Rule]) -> Value {
    let mut out = Dict::new();
    for rule in rules {
        let mut entry = Dict::new();
        match rule.effect {
            Effect::Seal => {}
            Effect::Optional => entry.set("optional", true),
            Effect::Omit => entry.set("omit", true),
            Effect::Nested => entry.set("nested", true),
        }
        if rule.weight != 1 {
            entry.set("weight", Value::Real(rule.weight.into()));
        }
        out.set(rule.pattern, if entry.is_empty() { Value::Bool(true) } else { Value::Dict(entry) });
    }
    Value::Dict(out)
}

fn resources_lproj(path: &str) -> bool {
    path.strip_prefix("Resources/").is_some_and(|rest| rest.contains(".lproj/"))
}

fn resources_locversion(path: &str) -> bool {
    path.strip_prefix("Resources/").is_some_and(locversion)
}

/// `.*\.lproj/locversion.plist$`: its last dot is any character.
fn locversion(path: &str) -> bool {
    let tail = path.rsplit_once(".lproj/locversion").map(|(_, tail)| tail);
    tail.is_some_and(|tail| tail.ends_with("plist") && tail.chars().count() == "?plist".len())
}

/// `^version.plist$`: its dot is any character.
fn is_version_plist(path: &str) -> bool {
    let middle = path.strip_prefix("version").and_then(|rest| rest.strip_suffix("plist"));
    middle.is_some_and(|it| it.chars().count() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shape: Shape, path: &str, expected: Place) {
        assert_eq!(shape.place(path, "MacOS/Host"), expected, "{path}");
    }

    const SEALED: Place = Place::Resource { optional: false };
    const OPTIONAL: Place = Place::Resource { optional: true };

    #[test]
    fn code_has_its_places_in_a_deep_bundle() {
        check(Shape::Deep, "MacOS/Host", Place::Omitted);
        check(Shape::Deep, "MacOS/helper", Place::Nested);
        check(Shape::Deep, "Frameworks/A.framework", Place::Nested);
        check(Shape::Deep, "Library/LoginItems/L.app", Place::Nested);
        check(Shape::Deep, "stray", Place::Nested);
        check(Shape::Deep, "Library/SystemExtensions/a.dext/a", SEALED);
        check(Shape::Deep, "Frameworksx/a", SEALED);
        check(Shape::Deep, "Library/Other/a", SEALED);
    }

    #[test]
    fn what_the_code_directory_covers_is_not_sealed_again() {
        check(Shape::Deep, "Info.plist", Place::Omitted);
        check(Shape::Deep, "PkgInfo", Place::Omitted);
        check(Shape::Deep, "_CodeSignature/CodeResources", Place::Omitted);
        check(Shape::Deep, "CodeResources", Place::Omitted);
        check(Shape::Deep, "Resources/Info.plist", SEALED);
        check(Shape::Deep, "embedded.provisionprofile", SEALED);
        check(Shape::Deep, "Resources/sub/.DS_Store", Place::Omitted);
        check(Shape::Deep, "Resources/sub/x.DS_Store", SEALED);
    }

    #[test]
    fn localizations_may_go_and_the_base_may_not() {
        check(Shape::Deep, "Resources/de.lproj/a.strings", OPTIONAL);
        check(Shape::Deep, "Resources/Base.lproj/a.nib", SEALED);
        check(Shape::Deep, "Resources/de.lproj/locversion.plist", Place::Omitted);
        check(Shape::Deep, "Resources/de.lproj/xlocversion.plist", OPTIONAL);
        check(Shape::Flat, "de.lproj/a.strings", OPTIONAL);
        check(Shape::Flat, "Base.lproj/a.nib", SEALED);
    }

    #[test]
    fn a_flat_bundle_has_no_nested_code() {
        check(Shape::Flat, "Frameworks/a.dylib", SEALED);
        check(Shape::Flat, "tool", SEALED);
        check(Shape::Flat, "MacOS/Host", Place::Omitted);
    }
}
