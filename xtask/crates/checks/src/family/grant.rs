//! Whether a profile's value covers a claimed one, and which entitlements need a profile at all.

use formats::document::plist::Value;

/// Who may claim an entitlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restriction {
    /// Anyone.
    Free,
    /// Those to whom a profile grants it.
    ByProfile,
    /// Apple alone.
    Private,
    /// Not in our list, which ages.
    Unknown,
}

/// By the key's beginning (Apple TN3125).
pub fn restriction(key: &str) -> Restriction {
    // Groups of applications follow rules of their own from macOS 15 on; a profile is not always asked for.
    if key.starts_with("com.apple.security.") {
        Restriction::Free
    } else if key.starts_with("com.apple.private.") {
        Restriction::Private
    } else if key.starts_with("com.apple.developer.")
        || matches!(key, "com.apple.application-identifier" | "keychain-access-groups")
    {
        Restriction::ByProfile
    } else {
        Restriction::Unknown
    }
}

/// Whether claiming this value needs a profile. A claimed `false` claims nothing.
pub fn is_claim_restricted(key: &str, value: &Value) -> bool {
    matches!(restriction(key), Restriction::ByProfile | Restriction::Private) && *value != Value::Bool(false)
}

/// How a grant relates to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// It covers it.
    Covered,
    /// Nothing is claimed (`false`).
    NotClaimed,
    /// There is no grant.
    Missing,
    /// There is one, for another value.
    Differs,
    /// Only if a `*` inside a dictionary stood for any value.
    OnlyByWildcard,
}

/// The rules of taskgated, as far as known (checks facts, D-match).
pub fn covers(claimed: &Value, granted: Option<&Value>) -> Grant {
    if *claimed == Value::Bool(false) {
        return Grant::NotClaimed;
    }
    let Some(granted) = granted else { return Grant::Missing };
    match (claimed, granted) {
        (Value::Array(wanted), Value::Array(allowed)) => {
            let each = wanted.iter().map(|want| best_of(want, allowed));
            each.max_by_key(|it| rank(*it)).unwrap_or(empty_claim(allowed))
        }
        (want, Value::Array(allowed)) => best_of(want, allowed),
        (Value::Array(wanted), one) => {
            wanted.iter().map(|want| single(want, one)).max_by_key(|it| rank(*it)).unwrap_or(Grant::Differs)
        }
        (want, one) => single(want, one),
    }
}

/// An empty list where something is granted: the driver then lacks what its provider asks for (forum threads 688141, 818837).
const fn empty_claim(allowed: &[Value]) -> Grant {
    if allowed.is_empty() { Grant::Covered } else { Grant::Differs }
}

fn best_of(want: &Value, allowed: &[Value]) -> Grant {
    allowed.iter().map(|it| single(want, it)).min_by_key(|it| rank(*it)).unwrap_or(Grant::Differs)
}

/// From good to bad.
const fn rank(grant: Grant) -> u8 {
    match grant {
        Grant::NotClaimed => 0,
        Grant::Covered => 1,
        Grant::OnlyByWildcard => 2,
        Grant::Differs => 3,
        Grant::Missing => 4,
    }
}

fn single(want: &Value, granted: &Value) -> Grant {
    let is_covered = match (want, granted) {
        (Value::String(want), Value::String(pattern)) => matches_text(pattern, want),
        (Value::Dict(_), Value::Dict(_)) if want.is_same_as(granted) => true,
        (Value::Dict(want), Value::Dict(pattern)) => {
            let fits = pattern.iter().all(|(key, allowed)| {
                want.get(key).is_some_and(|it| allowed.as_str() == Some("*") || it.is_same_as(allowed))
            });
            return if fits && want.len() == pattern.len() { Grant::OnlyByWildcard } else { Grant::Differs };
        }
        _ => want.is_same_as(granted),
    };
    if is_covered { Grant::Covered } else { Grant::Differs }
}

/// Equal, or covered by a pattern that ends in `*`.
pub fn matches_text(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |beginning| text.starts_with(beginning))
}

/// Whether a `*` stands anywhere in the value.
pub fn has_star(value: &Value) -> bool {
    match value {
        Value::String(text) => text.ends_with('*'),
        Value::Array(items) => items.iter().any(has_star),
        Value::Dict(dict) => dict.iter().any(|(_, it)| has_star(it)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use formats::document::plist::Dict;

    use super::*;

    fn dict(key: &str, value: impl Into<Value>) -> Value {
        Value::Dict([(key, value.into())].into_iter().collect::<Dict>())
    }

    #[track_caller]
    fn check(claimed: impl Into<Value>, granted: impl Into<Value>, expected: Grant) {
        assert_eq!(covers(&claimed.into(), Some(&granted.into())), expected);
    }

    #[test]
    fn booleans_and_texts() {
        check(true, true, Grant::Covered);
        check(true, false, Grant::Differs);
        check(false, true, Grant::NotClaimed);
        assert_eq!(covers(&true.into(), None), Grant::Missing);
        check("TEAM.a", "TEAM.*", Grant::Covered);
        check("TEAM.a", "TEAM.a", Grant::Covered);
        check("OTHER.a", "TEAM.*", Grant::Differs);
        check("anything", "*", Grant::Covered);
    }

    #[test]
    fn lists_need_a_grant_for_each_element() {
        let list = |items: &[&str]| Value::Array(items.iter().map(|it| Value::from(*it)).collect());
        check(list(&["a", "b"]), list(&["b", "a", "c"]), Grant::Covered);
        check(list(&["a", "x"]), list(&["a"]), Grant::Differs);
        check("a", list(&["a"]), Grant::Covered);
        check(list(&[]), list(&["a"]), Grant::Differs);
    }

    #[test]
    fn dictionaries_are_compared_and_a_star_inside_them_is_no_pattern() {
        let usb = |value: Value| Value::Array(vec![dict("idVendor", value)]);
        check(usb(1452.into()), usb(1452.into()), Grant::Covered);
        check(usb("*".into()), usb("*".into()), Grant::Covered);
        check(usb(1060.into()), usb("*".into()), Grant::OnlyByWildcard);
        check(usb(1060.into()), usb(1452.into()), Grant::Differs);
        let two = Value::Array(vec![dict("idVendor", 1), dict("idVendor", 2)]);
        check(usb(2.into()), two, Grant::Covered);
        check(true, usb(1452.into()), Grant::Differs);
    }

    #[test]
    fn what_needs_a_profile() {
        assert_eq!(restriction("com.apple.security.app-sandbox"), Restriction::Free);
        assert_eq!(restriction("com.apple.developer.driverkit"), Restriction::ByProfile);
        assert_eq!(restriction("com.apple.private.anything"), Restriction::Private);
        assert_eq!(restriction("org.example.own"), Restriction::Unknown);
        assert!(!is_claim_restricted("com.apple.developer.driverkit", &false.into()));
    }
}
