//! Provisioning profiles: what Apple granted, to which certificates, for which Macs, until when.
//!
//! A profile is CMS signed data (DER in all samples) around an XML property list.

use super::plist::{self, Date, Dict, Value};
use crate::{
    bytes::{Bytes, Error, Result},
    signature::{
        certificate::Certificate,
        chain::{self, Chain, Trust},
        cms::SignedData,
        time::UnixTime,
    },
};

/// Largest profile read; real ones have 10 to 50 KiB.
const MAX_SIZE: usize = 8 << 20;
/// Most certificates looked at; large teams have about a hundred.
const MAX_CERTIFICATES: usize = 4096;

/// A profile that was read. Nothing in it is believed before [`Profile::verify`].
#[derive(Debug, Clone)]
pub struct Profile {
    /// The property list, whole.
    pub plist: Dict,
    /// The signed message around it.
    pub message: SignedData,
    /// `DeveloperCertificates` in DER: who may sign with it.
    pub certificates: Vec<Vec<u8>>,
}

/// Whether the signature of a profile holds, and by whom.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Why the signature does not hold, if it does not.
    pub signature: std::result::Result<(), String>,
    /// The signer's chain, judged at the profile's own creation date; `None`: no certificate fits the signer.
    pub chain: Option<Chain>,
}

impl Profile {
    /// Reads a profile. Refused: no CMS, nothing inside, no dictionary, a list of certificates that is none.
    pub fn read(data: &[u8]) -> Result<Self> {
        if data.len() > MAX_SIZE {
            return Err(Error::new(0, format!("a profile of {} bytes, more than {MAX_SIZE}", data.len())));
        }
        let message = SignedData::parse(Bytes::new(data))?;
        let content =
            message.content.as_deref().ok_or_else(|| Error::new(0, "a profile with nothing inside"))?;
        let Value::Dict(plist) =
            plist::read(content).map_err(|it| it.within("the profile's property list"))?.value
        else {
            return Err(Error::new(0, "the profile's property list is no dictionary"));
        };
        let certificates = match plist.get("DeveloperCertificates") {
            None => Vec::new(),
            Some(Value::Array(all)) if all.len() <= MAX_CERTIFICATES => all
                .iter()
                .map(|it| it.as_data().map(<[u8]>::to_vec))
                .collect::<Option<_>>()
                .ok_or_else(|| Error::new(0, "a developer certificate that is no data"))?,
            Some(_) => return Err(Error::new(0, "`DeveloperCertificates` is no list of certificates")),
        };
        Ok(Self { plist, message, certificates })
    }

    /// Checks the signature, and the signer's chain at the time the profile was made (its signers expire early).
    pub fn verify(&self, trust: &Trust) -> Verified {
        let refuse = |what: &str| Verified { signature: Err(what.to_owned()), chain: None };
        let [signer] = self.message.signers.as_slice() else { return refuse("not exactly one signer") };
        let Some(content) = &self.message.content else { return refuse("nothing is signed") };
        let Some(leaf) = signer.certificate(&self.message.certificates) else {
            return refuse("the signer's certificate is missing");
        };
        let Some(made) = self.created() else { return refuse("no creation date") };
        let signature = signer.verify(content, leaf).map_err(|it| it.to_string());
        let chain = chain::build(leaf, &self.message.certificates, trust, UnixTime(made.0));
        Verified { signature, chain: Some(chain) }
    }

    /// The developer certificates, read; each may be broken on its own.
    pub fn developer_certificates(&self) -> impl Iterator<Item = Result<Certificate>> {
        self.certificates.iter().map(|it| Certificate::parse(Bytes::new(it)))
    }

    /// `Entitlements`: what it grants.
    pub fn entitlements(&self) -> Option<&Dict> {
        self.plist.get("Entitlements")?.as_dict()
    }

    /// `TeamIdentifier`, the first.
    pub fn team(&self) -> Option<&str> {
        self.plist.get("TeamIdentifier")?.as_array()?.first()?.as_str()
    }

    /// `Name`.
    pub fn name(&self) -> Option<&str> {
        self.plist.get("Name")?.as_str()
    }

    /// `UUID`.
    pub fn uuid(&self) -> Option<&str> {
        self.plist.get("UUID")?.as_str()
    }

    /// `CreationDate`.
    pub fn created(&self) -> Option<Date> {
        self.plist.get("CreationDate")?.as_date()
    }

    /// `ExpirationDate`.
    pub fn expires(&self) -> Option<Date> {
        self.plist.get("ExpirationDate")?.as_date()
    }

    /// `ProvisionsAllDevices`: Developer ID.
    pub fn is_for_all_devices(&self) -> bool {
        self.plist.get("ProvisionsAllDevices").and_then(Value::as_bool) == Some(true)
    }
}

/// What the fuzzer calls.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    if let Ok(profile) = Profile::read(bytes) {
        profile.verify(&Trust::default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data: Vec<u8>) {
            fuzz(&data);
        }
    }
}
