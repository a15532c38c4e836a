//! A provisioning profile as far as a signer must know it: what it grants, to whom, until when.

use formats::{
    Bytes,
    document::{Dict, Value, plist},
    signature::cms::SignedData,
};

use crate::error::{Doing, Error, Result};

/// A profile, opened. Whether Apple signed it is for the verifier.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The whole file: what is embedded.
    pub bytes: Vec<u8>,
    /// Its name on developer.apple.com.
    pub name: String,
    /// The team it is for.
    pub team: Option<String>,
    /// Unix seconds.
    pub expires: Option<i64>,
    /// What it grants.
    pub entitlements: Dict,
    /// Certificates (DER) that may sign.
    pub certificates: Vec<Vec<u8>>,
    /// Whether it is for every Mac: Developer ID.
    pub for_all_devices: bool,
    /// Macs it is for.
    pub devices: usize,
}

impl Profile {
    /// Opens a profile; `shown` is how a person writes its path.
    pub fn open(bytes: Vec<u8>, shown: &str) -> Result<Self> {
        let cannot = || format!("cannot read the profile `{shown}`");
        let message = SignedData::parse(Bytes::new(&bytes)).doing_as_asked(cannot)?;
        let content = message.content.ok_or_else(|| Error::usage(cannot()).because("it holds nothing"))?;
        let found = plist::read(&content).doing_as_asked(cannot)?.value;
        let dict = |key| found.get(key).and_then(Value::as_dict).cloned();
        let items = |key| found.get(key).and_then(Value::as_array).unwrap_or_default();
        let entitlements =
            dict("Entitlements").ok_or_else(|| Error::usage(cannot()).because("it has no `Entitlements`"))?;
        Ok(Self {
            name: found.get("Name").and_then(Value::as_str).unwrap_or("without a name").to_owned(),
            team: items("TeamIdentifier").first().and_then(Value::as_str).map(str::to_owned),
            expires: found.get("ExpirationDate").and_then(Value::as_date).map(|it| it.0),
            entitlements,
            certificates: items("DeveloperCertificates")
                .iter()
                .filter_map(|it| Some(it.as_data()?.to_vec()))
                .collect(),
            for_all_devices: found.get("ProvisionsAllDevices").and_then(Value::as_bool) == Some(true),
            devices: items("ProvisionedDevices").len(),
            bytes,
        })
    }
}

/// Whether a claim needs a profile (TN3125).
pub fn is_restricted(key: &str) -> bool {
    key.starts_with("com.apple.developer.")
        || key.starts_with("com.apple.private.")
        || key == "com.apple.application-identifier"
        || key == "keychain-access-groups"
}

/// How a profile answers one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It grants exactly that.
    Granted,
    /// It grants it by a wildcard.
    Wildcard,
    /// It has the key, with a value that does not cover the claim.
    OtherValue,
    /// It does not have the key.
    Missing,
}

/// Whether `granted` covers `claimed`, by the rules of taskgated as they were measured.
pub fn answer(granted: Option<&Value>, claimed: &Value) -> Answer {
    let Some(granted) = granted else { return Answer::Missing };
    if granted.is_same_as(claimed) {
        return Answer::Granted;
    }
    match (claimed, granted) {
        (Value::String(claimed), Value::String(granted)) => match covers(granted, claimed) {
            true => Answer::Wildcard,
            false => Answer::OtherValue,
        },
        (Value::Array(claimed), Value::Array(granted)) => all(claimed, granted),
        (one @ Value::String(_), Value::Array(granted)) => all(std::slice::from_ref(one), granted),
        _ => Answer::OtherValue,
    }
}

/// Every claimed element must be among the granted ones. Dictionaries compare by equality: a `*` inside one grants `*` alone.
fn all(claimed: &[Value], granted: &[Value]) -> Answer {
    let mut answer = Answer::Granted;
    for element in claimed {
        let equal = granted.iter().any(|it| it.is_same_as(element));
        let wild = granted.iter().any(|it| match (it, element) {
            (Value::String(granted), Value::String(claimed)) => covers(granted, claimed),
            _ => false,
        });
        match (equal, wild) {
            (true, _) => {}
            (false, true) => answer = Answer::Wildcard,
            (false, false) => return Answer::OtherValue,
        }
    }
    answer
}

fn covers(granted: &str, claimed: &str) -> bool {
    granted.strip_suffix('*').is_some_and(|prefix| claimed.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(it: &str) -> Value {
        Value::from(it)
    }

    fn list(items: &[Value]) -> Value {
        Value::Array(items.to_vec())
    }

    fn vendor(id: impl Into<Value>) -> Value {
        Value::Dict([("idVendor", id.into())].into_iter().collect())
    }

    #[track_caller]
    fn check(granted: Value, claimed: Value, expected: Answer) {
        assert_eq!(answer(Some(&granted), &claimed), expected, "{granted} for {claimed}");
    }

    #[test]
    fn values_are_granted_by_equality_or_wildcard() {
        check(Value::Bool(true), Value::Bool(true), Answer::Granted);
        check(Value::Bool(false), Value::Bool(true), Answer::OtherValue);
        check(text("TEAM.*"), text("TEAM.a"), Answer::Wildcard);
        check(text("TEAM.b"), text("TEAM.a"), Answer::OtherValue);
        check(list(&[text("a"), text("b")]), list(&[text("b")]), Answer::Granted);
        check(list(&[text("a")]), text("a"), Answer::Granted);
        assert_eq!(answer(None, &Value::Bool(true)), Answer::Missing);
    }

    #[test]
    fn a_star_in_a_dictionary_grants_a_star_alone() {
        check(list(&[vendor("*")]), list(&[vendor("*")]), Answer::Granted);
        check(list(&[vendor("*")]), list(&[vendor(1452)]), Answer::OtherValue);
        check(list(&[vendor(1452)]), list(&[vendor(1452)]), Answer::Granted);
        check(list(&[vendor(1452)]), list(&[vendor("1452")]), Answer::OtherValue);
    }
}
