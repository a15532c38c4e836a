//! The rules that codesign writes when nobody gives it others.
//!
//! Source: Security `bundlediskrep.cpp`, `defaultResourceRules`. One table for whoever reads and whoever signs.

use crate::document::plist::{Dict, Value};

/// A rule to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultRule {
    /// Its pattern.
    pub pattern: &'static str,
    /// Its weight, written as a `<real>`; `None` writes no weight.
    pub weight: Option<u32>,
    /// What else it says: `omit`, `optional` or `nested`.
    pub says: Option<&'static str>,
}

const fn plain(pattern: &'static str) -> DefaultRule {
    DefaultRule { pattern, weight: None, says: None }
}

const fn weight(pattern: &'static str, weight: u32) -> DefaultRule {
    DefaultRule { pattern, weight: Some(weight), says: None }
}

const fn says(pattern: &'static str, weight: u32, says: &'static str) -> DefaultRule {
    DefaultRule { pattern, weight: Some(weight), says: Some(says) }
}

/// `rules` of a bundle with a `Resources` folder: apps, frameworks.
pub const RULES: &[DefaultRule] = &[
    plain(r"^Resources/"),
    says(r"^Resources/.*\.lproj/", 1000, "optional"),
    says(r"^Resources/.*\.lproj/locversion.plist$", 1100, "omit"),
    weight(r"^Resources/Base\.lproj/", 1010),
    plain(r"^version.plist$"),
];

/// `rules2` of a bundle with a `Resources` folder.
pub const RULES2: &[DefaultRule] = &[
    weight(r".*\.dSYM($|/)", 11),
    says(r"^(.*/)?\.DS_Store$", 2000, "omit"),
    says(
        r"^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS|Library/(Automator|Spotlight|LoginItems))/",
        10,
        "nested",
    ),
    plain(r"^.*"),
    says(r"^Info\.plist$", 20, "omit"),
    says(r"^PkgInfo$", 20, "omit"),
    weight(r"^Resources/", 20),
    says(r"^Resources/.*\.lproj/", 1000, "optional"),
    says(r"^Resources/.*\.lproj/locversion.plist$", 1100, "omit"),
    weight(r"^Resources/Base\.lproj/", 1010),
    says(r"^[^/]+$", 10, "nested"),
    weight(r"^embedded\.provisionprofile$", 20),
    weight(r"^version\.plist$", 20),
];

/// `rules` of a flat bundle: dexts.
pub const FLAT_RULES: &[DefaultRule] = &[
    plain(r"^.*"),
    says(r"^.*\.lproj/", 1000, "optional"),
    says(r"^.*\.lproj/locversion.plist$", 1100, "omit"),
    weight(r"^Base\.lproj/", 1010),
    plain(r"^version.plist$"),
];

/// `rules2` of a flat bundle; there is no nested code in one.
pub const FLAT_RULES2: &[DefaultRule] = &[
    weight(r".*\.dSYM($|/)", 11),
    says(r"^(.*/)?\.DS_Store$", 2000, "omit"),
    plain(r"^.*"),
    says(r"^.*\.lproj/", 1000, "optional"),
    says(r"^.*\.lproj/locversion.plist$", 1100, "omit"),
    weight(r"^Base\.lproj/", 1010),
    says(r"^Info\.plist$", 20, "omit"),
    says(r"^PkgInfo$", 20, "omit"),
    weight(r"^embedded\.provisionprofile$", 20),
    weight(r"^version\.plist$", 20),
];

/// The rules as they stand in a seal.
pub fn to_dict(rules: &[DefaultRule]) -> Dict {
    rules.iter().map(|it| (it.pattern, it.to_value())).collect()
}

impl DefaultRule {
    fn to_value(self) -> Value {
        let mut fields = Dict::new();
        if let Some(word) = self.says {
            fields.set(word, true);
        }
        if let Some(weight) = self.weight {
            fields.set("weight", Value::Real(weight.into()));
        }
        if fields.is_empty() { Value::Bool(true) } else { Value::Dict(fields) }
    }
}
