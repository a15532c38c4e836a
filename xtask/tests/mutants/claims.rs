//! What is claimed against what is granted; signed again, so that only their relation can be wrong.

use formats::{
    Bytes,
    document::{
        Dict, Value,
        plist::{self, Date, Keys, to_xml},
    },
    signature::cms,
};
use signer::{
    asn1::oid,
    authority::Role,
    cms::{Content, SignedData},
    entitlements::Entitlements,
};
use xtask::stage::sign::{SigningPlan, profile::Profile};

use crate::{
    Row, identity,
    lab::{EPOCH, Good, Lab},
    row,
};

const DRIVERKIT: &str = "com.apple.developer.driverkit";
const USB: &str = "com.apple.developer.driverkit.transport.usb";
const INSTALL: &str = "com.apple.developer.system-extension.install";

/// Which part of the product.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Driver,
    Host,
}

/// Whether the profile follows the claims.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    Anew,
    AsBefore,
}

pub const ROWS: &[Row] = &[
    row("a driver that claims no DriverKit", "driver-entitlement (ticket-present)", |lab| {
        claims(lab, Of::Driver, Granted::Anew, |it| remove(it, DRIVERKIT));
    }),
    row("a driver whose claim is false", "driver-entitlement (ticket-present)", |lab| {
        claims(lab, Of::Driver, Granted::AsBefore, |it| it.set(DRIVERKIT, false));
    }),
    row("a driver that claims no USB", "family-entitlements (ticket-present)", |lab| {
        claims(lab, Of::Driver, Granted::Anew, |it| remove(it, USB));
    }),
    row("a driver that claims USB of nothing", "family-entitlements (ticket-present)", |lab| {
        claims(lab, Of::Driver, Granted::Anew, |it| it.set(USB, Value::Array(Vec::new())));
    }),
    row(
        "a driver that claims another vendor, and is granted it",
        "(transport-values) (ticket-present)",
        |lab| {
            claims(lab, Of::Driver, Granted::Anew, |it| it.set(USB, vendors(4660)));
        },
    ),
    row(
        "a driver that claims a vendor that is not granted",
        "entitlements-granted (transport-values) (ticket-present)",
        |lab| {
            claims(lab, Of::Driver, Granted::AsBefore, |it| it.set(USB, vendors(4660)));
        },
    ),
    row("a driver with the claims for development", "entitlements-granted (ticket-present)", |lab| {
        claims(lab, Of::Driver, Granted::AsBefore, |it| it.set(USB, vendors("*")));
    }),
    row(
        "a driver that claims a family that is not granted",
        "entitlements-granted (ticket-present)",
        |lab| {
            claims(lab, Of::Driver, Granted::AsBefore, |it| {
                it.set("com.apple.developer.driverkit.family.serial", true)
            });
        },
    ),
    row("a driver that claims what nobody knows", "(entitlements-granted) (ticket-present)", |lab| {
        claims(lab, Of::Driver, Granted::AsBefore, |it| it.set("org.example.unheard-of", true));
    }),
    row("a host app that may be debugged", "debug-entitlements (ticket-present)", |lab| {
        claims(lab, Of::Host, Granted::Anew, |it| it.set("com.apple.security.get-task-allow", true));
    }),
    row("a claim that is Apple's alone", "private-entitlements (ticket-present)", |lab| {
        claims(lab, Of::Host, Granted::Anew, |it| it.set("com.apple.private.anything", true));
    }),
    row("a host app that may not activate", "activation-entitlement (ticket-present)", |lab| {
        claims(lab, Of::Host, Granted::Anew, |it| remove(it, INSTALL));
    }),
    row("a claim of another team", "claimed-team entitlements-granted (ticket-present)", |lab| {
        claims(lab, Of::Host, Granted::AsBefore, |it| {
            it.set("com.apple.developer.team-identifier", "OTHERTEAM1")
        });
    }),
    row("user client access to another driver", "(user-client-access) (ticket-present)", |lab| {
        claims(lab, Of::Host, Granted::Anew, |it| {
            it.set(
                "com.apple.developer.driverkit.userclient-access",
                Value::Array(vec!["com.example.other".into()]),
            );
        });
    }),
    row(
        "an application identifier of something else",
        "entitlements-granted profile-identifier (ticket-present)",
        |lab| {
            claims(lab, Of::Host, Granted::AsBefore, |it| {
                it.set("com.apple.application-identifier", "REHEARSE01.com.example.other")
            });
        },
    ),
    row("no profile in the driver", "profile-present (ticket-present)", |lab| {
        lab.signed_otherwise(
            |_| (),
            |plan| {
                plan.parts
                    .iter_mut()
                    .filter(|it| !it.code.path.as_os_str().is_empty())
                    .for_each(|it| it.profile = None);
            },
        );
    }),
    row("a profile that ended", "profile-expiry (ticket-present)", |lab| {
        profile(lab, |it| it.set("ExpirationDate", Value::Date(Date(1_794_000_000))));
    }),
    row("a profile that ends soon", "(profile-expiry) (ticket-present)", |lab| {
        profile(lab, |it| it.set("ExpirationDate", Value::Date(Date(1_795_100_000))));
    }),
    row("a profile of the future", "(profile-expiry) (ticket-present)", |lab| {
        profile(lab, |it| it.set("CreationDate", Value::Date(Date(1_796_000_000))));
    }),
    row("a profile for phones", "(profile-platform) (ticket-present)", |lab| {
        profile(lab, |it| it.set("Platform", Value::Array(vec!["iOS".into()])));
    }),
    row("a profile of another team", "profile-identifier (ticket-present)", |lab| {
        profile(lab, |it| it.set("TeamIdentifier", Value::Array(vec!["OTHERTEAM1".into()])));
    }),
    row("a profile for nobody", "profile-devices profile-kind (ticket-present)", |lab| {
        profile(lab, |it| remove(it, "ProvisionsAllDevices"));
    }),
    row("a profile for listed Macs", "profile-kind (ticket-present)", |lab| {
        profile(lab, |it| {
            remove(it, "ProvisionsAllDevices");
            it.set("ProvisionedDevices", Value::Array(vec!["00008103-000000000000001E".into()]));
        });
    }),
    row("a profile for listed Macs, not this one", "profile-devices profile-kind (ticket-present)", |lab| {
        lab.policy.device = Some(checks::Asked { value: "00008103-0000000000000002".to_owned(), by: None });
        profile(lab, |it| {
            remove(it, "ProvisionsAllDevices");
            it.set("ProvisionedDevices", Value::Array(vec!["00008103-000000000000001E".into()]));
        });
    }),
    row("a profile of no certificate", "profile-certificate (ticket-present)", |lab| {
        profile(lab, |it| it.set("DeveloperCertificates", Value::Array(Vec::new())));
    }),
    row("a profile without a name", "(profile-keys) (ticket-present)", |lab| {
        profile(lab, |it| remove(it, "Name"))
    }),
    row("a profile without an expiry", "profile-keys (ticket-present)", |lab| {
        profile(lab, |it| remove(it, "ExpirationDate"))
    }),
    row("a profile that grants less", "entitlements-granted (ticket-present)", |lab| {
        grants(lab, |it| remove(it, USB))
    }),
    row("a profile that grants any vendor by a star", "(entitlements-granted) (ticket-present)", |lab| {
        grants(lab, |it| it.set(USB, vendors("*")));
    }),
    row(
        "a profile for another identifier",
        "entitlements-granted profile-identifier (ticket-present)",
        |lab| {
            grants(lab, |it| it.set("com.apple.application-identifier", "REHEARSE01.com.example.other"));
        },
    ),
    row(
        "a profile without an identifier",
        "entitlements-granted (profile-identifier) (ticket-present)",
        |lab| {
            grants(lab, |it| remove(it, "com.apple.application-identifier"));
        },
    ),
    row("a profile signed by a developer", "profile-signature (ticket-present)", |lab| {
        profile_by(lab, Role::DeveloperIdApplication, Role::DeveloperIdApplication, |_| ());
    }),
    row("a profile with a signature that does not hold", "profile-signature (ticket-present)", |lab| {
        profile_by(lab, Role::ProfileSigner, Role::DeveloperIdApplication, |_| ());
    }),
];

fn remove(dict: &mut Dict, key: &str) {
    dict.remove(key).unwrap_or_else(|| panic!("no `{key}`"));
}

fn vendors(vendor: impl Into<Value>) -> Value {
    let one: Dict = [("idVendor", vendor.into())].into_iter().collect();
    Value::Array(vec![Value::Dict(one)])
}

/// Changes what is claimed, and signs.
pub fn claims(lab: &mut Lab, of: Of, granted: Granted, change: impl Fn(&mut Dict)) {
    let good = lab.good;
    lab.signed_otherwise(|_| (), |plan| self::change(plan, good, of, granted, change));
}

/// Changes what is claimed in a plan.
pub fn change(plan: &mut SigningPlan<'_>, good: &Good, of: Of, granted: Granted, change: impl Fn(&mut Dict)) {
    for part in &mut plan.parts {
        let is_host = part.code.path.as_os_str().is_empty();
        if is_host == (of == Of::Host) {
            let claimed = part.claims.as_mut().expect("claims");
            let mut values = claimed.entitlements.values().clone();
            change(&mut values);
            claimed.entitlements = Entitlements::from_values(values);
        }
    }
    if granted == Granted::Anew {
        identity::reissue(plan, good);
    }
}

/// Changes the list of grants in the driver's profile.
fn grants(lab: &mut Lab, change: impl Fn(&mut Dict)) {
    profile(lab, |it| {
        let mut all = it.get("Entitlements").and_then(Value::as_dict).unwrap().clone();
        change(&mut all);
        it.set("Entitlements", Value::Dict(all));
    });
}

/// Changes the driver's profile, which Apple's part of the rehearsal signs again.
fn profile(lab: &mut Lab, change: impl Fn(&mut Dict)) {
    profile_by(lab, Role::ProfileSigner, Role::ProfileSigner, change);
}

fn profile_by(lab: &mut Lab, chain: Role, key: Role, change: impl Fn(&mut Dict)) {
    let authority = lab.good.rehearsal.authority();
    lab.signed_otherwise(
        |_| (),
        |plan| {
            for part in &mut plan.parts {
                if part.code.path.as_os_str().is_empty() {
                    continue;
                }
                let old = part.profile.as_ref().expect("a profile");
                let content = cms::SignedData::parse(Bytes::new(&old.bytes)).unwrap().content.unwrap();
                let Value::Dict(mut dict) = plist::read(&content).unwrap().value else {
                    panic!("no dictionary")
                };
                change(&mut dict);
                let content = to_xml(&Value::Dict(dict), Keys::Sorted);
                let message = SignedData {
                    content: Content::Embedded(oid::DATA, content.as_bytes()),
                    chain: &authority.chain(chain).unwrap(),
                    key: authority.key(key).unwrap(),
                    signing_time: Some(EPOCH),
                    attributes: Vec::new(),
                };
                let bytes = message.sign(|_| Ok(Vec::new())).unwrap();
                part.profile = Some(Profile::open(bytes, "a profile of the test").unwrap());
            }
        },
    );
}
