//! Provisioning profiles of the rehearsal authority, shaped like a Developer ID profile for DriverKit.

use formats::document::{
    Dict, Value,
    plist::{Date, Keys, to_xml},
};
use sha2::{Digest, Sha256};

use super::{Authority, Role};
use crate::{
    Error, Result,
    asn1::oid,
    certificate::Certificate,
    cms::{Content, SignedData},
};

/// What a profile shall grant, to whom.
#[derive(Debug)]
pub struct Grant<'a> {
    /// Bundle id of the code that will carry the profile.
    pub bundle_id: &'a str,
    /// The entitlements granted besides the application identifier, team and keychain groups, which are always granted.
    pub entitlements: &'a Dict,
    /// Certificates that may sign.
    pub certificates: &'a [Certificate],
    /// Where the code may run.
    pub devices: Devices<'a>,
}

/// Where the code of a profile may run.
#[derive(Debug, Clone, Copy)]
pub enum Devices<'a> {
    /// Everywhere: Developer ID.
    All,
    /// On the Macs with these provisioning UDIDs: development.
    Listed(&'a [&'a str]),
}

impl Authority {
    /// A profile for `grant`, valid for 18 years from the epoch, as Developer ID profiles are (one year for development).
    pub fn profile(&self, grant: &Grant<'_>) -> Result<Vec<u8>> {
        let plist = self.profile_plist(grant)?;
        let chain = self.chain(Role::ProfileSigner)?;
        let message = SignedData {
            content: Content::Embedded(oid::DATA, &plist),
            chain: &chain,
            key: self.key(Role::ProfileSigner)?,
            signing_time: Some(self.epoch()),
            attributes: Vec::new(),
        };
        message.sign(|_| Ok(Vec::new()))
    }

    fn profile_plist(&self, grant: &Grant<'_>) -> Result<Vec<u8>> {
        let days = match grant.devices {
            Devices::All => 18 * 365,
            Devices::Listed(_) => 365,
        };
        let team = self.team();
        let mut entitlements = grant.entitlements.clone();
        let always = [
            ("com.apple.application-identifier", Value::from(format!("{team}.{}", grant.bundle_id))),
            ("com.apple.developer.team-identifier", Value::from(team)),
            ("keychain-access-groups", Value::Array(vec![Value::from(format!("{team}.*"))])),
        ];
        for (key, value) in always {
            entitlements.set(key, value);
        }

        let mut profile = Dict::new();
        let mut put = |key: &str, value: Value| profile.set(key, value);
        let one = |text: &str| Value::Array(vec![Value::from(text)]);
        put("AppIDName", Value::from(format!("Rehearsal {}", grant.bundle_id)));
        put("ApplicationIdentifierPrefix", one(team));
        put("CreationDate", date(self.epoch())?);
        let certificates = grant.certificates.iter().map(|it| Value::Data(it.der().to_vec())).collect();
        put("DeveloperCertificates", Value::Array(certificates));
        put("Entitlements", Value::Dict(entitlements));
        put("ExpirationDate", date(self.epoch().saturating_add(days * 86_400))?);
        put("IsXcodeManaged", Value::Bool(false));
        put("Name", Value::from(format!("Rehearsal {}", grant.bundle_id)));
        // Always `OSX`, for DriverKit too (checks D04).
        put("Platform", one("OSX"));
        match grant.devices {
            Devices::All => put("ProvisionsAllDevices", Value::Bool(true)),
            Devices::Listed(list) => {
                put("ProvisionedDevices", Value::Array(list.iter().map(|it| Value::from(*it)).collect()))
            }
        };
        put("TeamIdentifier", one(team));
        put("TeamName", Value::from("Rehearsal"));
        put("TimeToLive", Value::from(days as i64));
        put("Version", Value::from(1i64));
        // The name of a profile among profiles: derived, so that the same grant gives the same profile.
        let nameless = to_xml(&Value::Dict(profile.clone()), Keys::Sorted);
        profile.set("UUID", uuid(nameless.as_bytes()));
        Ok(to_xml(&Value::Dict(profile), Keys::Sorted).into_bytes())
    }
}

fn date(unix: u64) -> Result<Value> {
    let when = i64::try_from(unix)
        .map_err(|_| Error::new(format!("{unix} seconds is a time after the year 9999")))?;
    Ok(Value::Date(Date(when)))
}

fn uuid(bytes: &[u8]) -> String {
    let hex: Vec<String> = Sha256::digest(bytes).iter().take(16).map(|it| format!("{it:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().concat();
    format!("{}-{}-{}-{}-{}", part(0, 4), part(4, 6), part(6, 8), part(8, 10), part(10, 16))
}
