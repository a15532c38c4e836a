//! Which paths are sealed, and how: the rule with the greatest weight decides.

use regex::bytes::Regex;

use super::pattern;
use crate::{
    bytes::{Error, Result},
    document::plist::{Dict, Value},
};

/// codesign writes 5 to 14 rules; Xcode's oldest custom ones had some dozens.
const MAX_RULES: usize = 512;
/// Weight of a rule that names none.
const DEFAULT_WEIGHT: u32 = 1;

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// POSIX extended pattern, searched for in the path.
    pub pattern: String,
    /// The greatest matching weight wins; among equals the first in the file.
    pub weight: u32,
    /// Do not seal.
    pub is_omitted: bool,
    /// May be missing later.
    pub is_optional: bool,
    /// Code with a signature of its own.
    pub is_nested: bool,
    matcher: Regex,
}

/// All rules of an envelope.
#[derive(Debug, Clone)]
pub struct Rules {
    /// In file order.
    pub rules: Vec<Rule>,
}

/// What is to be done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Not looked at, and nothing inside of it either: the signature itself, the main executable.
    Excluded,
    /// Not sealed, whatever it is.
    Omitted,
    /// Sealed.
    Sealed {
        /// May be missing later.
        is_optional: bool,
        /// Sealed as code, if it can be.
        is_nested: bool,
    },
    /// No rule matches: not sealed.
    Unmatched,
}

impl Rules {
    /// Reads `rules` or `rules2`.
    pub fn read(dict: &Dict) -> Result<Self> {
        if dict.len() > MAX_RULES {
            return Err(Error::new(0, format!("{} rules, more than {MAX_RULES}", dict.len())));
        }
        Ok(Self {
            rules: dict.iter().map(|(pattern, value)| Rule::read(pattern, value)).collect::<Result<_>>()?,
        })
    }

    /// What is to be done with `path`. `executable` is the path of the bundle's main executable.
    pub fn treatment(&self, path: &str, executable: Option<&str>) -> Treatment {
        // `adjustResources`: these stand before all rules. `CodeResources` is the stapled ticket (once a link).
        if ["_CodeSignature", "CodeResources", "_MASReceipt"].contains(&path) || executable == Some(path) {
            return Treatment::Excluded;
        }
        match self.best(path) {
            None => Treatment::Unmatched,
            Some(it) if it.is_omitted => Treatment::Omitted,
            Some(it) => Treatment::Sealed { is_optional: it.is_optional, is_nested: it.is_nested },
        }
    }

    /// The rule that decides about `path`.
    pub fn best(&self, path: &str) -> Option<&Rule> {
        let matching = self.rules.iter().filter(|it| it.matcher.is_match(path.as_bytes()));
        // Security replaces the best rule by a heavier one only, so the first of equals stays.
        matching.reduce(|best, it| if it.weight > best.weight { it } else { best })
    }

    /// Why strict validation calls these rules weak: no catch-all, or omissions beyond the default ones.
    /// `resources` is `Resources/`, or nothing for a flat bundle.
    pub fn weaknesses(&self, version: u8, resources: &str) -> Vec<String> {
        let catch_all = if version == 1 { "^Resources/" } else { "^.*" };
        let allowed = [
            r"^(.*/)?\.DS_Store$",
            r"^Info\.plist$",
            r"^PkgInfo$",
            &format!(r"^{resources}.*\.lproj/locversion.plist$"),
        ];
        let mut found = Vec::new();
        if !self.rules.iter().any(|it| it.pattern == catch_all && it.is_plain()) {
            found.push(format!("no rule `{catch_all}`"));
        }
        let omissions = self.rules.iter().filter(|it| it.is_omitted);
        let beyond = omissions.filter(|it| !allowed.contains(&it.pattern.as_str()));
        found.extend(beyond.map(|it| format!("omits `{}`", it.pattern)));
        found
    }
}

impl Rule {
    fn read(pattern: &str, value: &Value) -> Result<Self> {
        let invalid = |what: &str| Error::new(0, format!("rule `{}`: {what}", pattern.escape_debug()));
        let mut rule = Self {
            pattern: pattern.to_owned(),
            weight: DEFAULT_WEIGHT,
            is_omitted: false,
            is_optional: false,
            is_nested: false,
            matcher: pattern::compile(pattern)?,
        };
        match value {
            Value::Bool(is_included) => rule.is_omitted = !is_included,
            Value::Dict(fields) => {
                // Values of another type are ignored by Security; a weight that is no number we refuse.
                let is_set = |key| fields.get(key).and_then(Value::as_bool) == Some(true);
                rule.is_omitted = is_set("omit");
                rule.is_optional = is_set("optional");
                rule.is_nested = is_set("nested");
                if let Some(weight) = fields.get("weight") {
                    rule.weight = read_weight(weight).ok_or_else(|| invalid("weight is no number"))?;
                }
            }
            _ => return Err(invalid("neither a boolean nor a dictionary")),
        }
        Ok(rule)
    }

    /// Whether it was written as a bare `<true/>`, or says as much.
    fn is_plain(&self) -> bool {
        !self.is_omitted && !self.is_optional && !self.is_nested && self.weight == DEFAULT_WEIGHT
    }
}

/// Weights are written as `<real>`; the fraction is cut off.
fn read_weight(value: &Value) -> Option<u32> {
    match value {
        Value::Integer(it) => u32::try_from(*it).ok(),
        Value::Real(it) if (0.0..4e9).contains(it) => Some(*it as u32),
        _ => None,
    }
}
