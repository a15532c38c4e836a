//! Signed by the wrong hand, at the wrong time, or by nobody.

use formats::document::plist::Date;
use sha1::{Digest, Sha1};
use signer::{
    authority::{Devices, Grant, Role},
    certificate::{Certificate, Name, Template, Usage, marker},
    identity::{Identity, Unchained},
    key::PrivateKey,
};
use xtask::stage::sign::{SigningPlan, Stamper, profile::Profile};

use crate::{
    Row,
    lab::{EPOCH, Lab},
    row,
};

const DAY: u64 = 86_400;

pub const ROWS: &[Row] = &[
    row("a certificate that had ended", "certificate-validity (ticket-present)", |lab| {
        by_leaf(lab, &Leaf { until: EPOCH - DAY, ..Leaf::good() });
    }),
    row("a certificate that had not begun", "certificate-validity (ticket-present)", |lab| {
        by_leaf(lab, &Leaf { from: EPOCH + DAY, ..Leaf::good() });
    }),
    row("a certificate without the marker of Developer ID", "certificate-kind (ticket-present)", |lab| {
        by_leaf(lab, &Leaf { markers: &[], ..Leaf::good() });
    }),
    row("a certificate of another team", "profile-identifier team (ticket-present)", |lab| {
        by_leaf(lab, &Leaf { team: Some("OTHERTEAM1"), ..Leaf::good() });
    }),
    row("a certificate signed with SHA-1", "signature-algorithm (ticket-present)", |lab| {
        by_leaf(lab, &Leaf { is_sha1: true, ..Leaf::good() });
    }),
    row("a certificate without a team", "team (ticket-present)", |lab| {
        by_leaf(lab, &Leaf { team: None, ..Leaf::good() });
    }),
    row("a certificate for installers", "certificate-kind (ticket-present)", |lab| {
        let identity =
            Identity::rehearsal(lab.good.rehearsal.authority(), Role::DeveloperIdInstaller).unwrap();
        by(lab, identity);
    }),
    row("a certificate for development", "certificate-kind profile-kind (ticket-present)", |lab| {
        let identity = Identity::rehearsal(lab.good.rehearsal.authority(), Role::AppleDevelopment).unwrap();
        by(lab, identity);
    }),
    row("signed by nobody", "not-ad-hoc (ticket-present)", |lab| by(lab, Identity::AdHoc)),
    row("a product that nobody signed", "code-signed notary-contents (ticket-present)", |lab| lab.unsigned()),
    row("signed without a timestamp", "secure-timestamp (ticket-present)", |lab| {
        lab.signed_otherwise(|_| (), |plan| plan.stamper = Stamper::None);
    }),
    row(
        "signed without a timestamp, by a certificate that ended since",
        "secure-timestamp (certificate-validity) (ticket-present)",
        |lab| {
            by_leaf(lab, &Leaf { until: EPOCH + DAY, ..Leaf::good() });
            lab.sign(|plan| {
                with(plan, lab, Leaf { until: EPOCH + DAY, ..Leaf::good() }.identity(lab));
                plan.stamper = Stamper::None;
            });
        },
    ),
    row("signed without the hardened runtime", "hardened-runtime (ticket-present)", |lab| {
        lab.signed_otherwise(|_| (), |plan| plan.parts.iter_mut().for_each(|it| it.hardened_runtime = false));
    }),
    row("the certificate is not in the profiles", "profile-certificate (ticket-present)", |lab| {
        let identity = Leaf { until: EPOCH + 900 * DAY, ..Leaf::good() }.identity(lab);
        lab.signed_otherwise(|_| (), |plan| plan.identity = identity);
    }),
    row("a product that should be of another team", "team", |lab| {
        lab.policy.team = Some(checks::Asked { value: "ABCDE12345".to_owned(), by: None });
    }),
    row("judged before it was signed", "secure-timestamp ticket-genuine (profile-expiry)", |lab| {
        lab.now = Date(i64::try_from(EPOCH - DAY).unwrap());
    }),
    row("judged after the profiles ended", "profile-expiry", |lab| {
        lab.now = Date(i64::try_from(EPOCH + 19 * 365 * DAY).unwrap());
    }),
    row(
        "judged as if it came from Apple",
        "certificate-chain profile-signature secure-timestamp ticket-genuine",
        |lab| {
            lab.policy.mode = Some(checks::Asked { value: checks::Mode::Distribution, by: None });
        },
    ),
];

/// A leaf of the rehearsal's Developer ID authority, different from the rehearsal's own in one respect.
pub struct Leaf {
    pub from: u64,
    pub until: u64,
    pub team: Option<&'static str>,
    pub markers: &'static [&'static str],
    /// Whether its issuer signed with SHA-1, as before 2016.
    pub is_sha1: bool,
}

impl Leaf {
    pub const fn good() -> Self {
        let markers = &[marker::DEVELOPER_ID_APPLICATION];
        let (from, until) = (EPOCH - 30 * DAY, EPOCH + 1000 * DAY);
        Self { from, until, team: Some("REHEARSE01"), markers, is_sha1: false }
    }

    /// For packages.
    pub const fn installer() -> Self {
        let markers = &[marker::DEVELOPER_ID_INSTALLER];
        Self { markers, ..Self::good() }
    }

    pub fn identity(&self, lab: &Lab) -> Identity {
        let authority = lab.good.rehearsal.authority();
        let is_installer = self.markers.contains(&marker::DEVELOPER_ID_INSTALLER);
        let role = if is_installer { Role::DeveloperIdInstaller } else { Role::DeveloperIdApplication };
        let key = authority.key(role).unwrap().clone();
        let unit = "Rehearsal, not trusted by any Mac";
        let issuer = Name {
            common_name: "Rehearsal Developer ID Certification Authority",
            unit: Some(unit),
            organization: unit,
            country: "US",
            user_id: None,
        };
        let subject = Name {
            user_id: self.team,
            common_name: "Developer ID Application: Rehearsal",
            unit: self.team,
            organization: "Rehearsal",
            country: "US",
        };
        let template = Template {
            serial: [1, 2, 3, 4, 5, 6, 7, 8],
            issuer: issuer.to_der(),
            subject: subject.to_der(),
            not_before: self.from,
            not_after: self.until,
            usage: Usage::Leaf,
            purpose: Some("1.3.6.1.5.5.7.3.3"),
            markers: self.markers,
        };
        let issuer = authority.key(Role::DeveloperIdCa).unwrap();
        let leaf = template.issue(&key.public().unwrap(), issuer).unwrap();
        let leaf = if self.is_sha1 { in_sha1(&leaf, issuer) } else { leaf };
        let rest = authority.chain(role).unwrap().split_off(1);
        let certificates = std::iter::once(leaf).chain(rest).collect();
        Unchained { key, certificates }.complete(&[]).unwrap()
    }
}

/// The certificate with SHA-1 under its signature.
fn in_sha1(leaf: &Certificate, issuer: &PrivateKey) -> Certificate {
    // The numbers of RSA with SHA-256 and with SHA-1 differ in their last byte; a certificate has it inside and outside.
    const RSA_SHA256: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
    let mut der = leaf.der().to_vec();
    while let Some(at) = der.windows(RSA_SHA256.len()).position(|it| it == RSA_SHA256) {
        der[at + RSA_SHA256.len() - 1] = 5;
    }
    // The whole and its first part begin with a tag, 0x82 and two bytes of length.
    let end = 8 + usize::from(u16::from_be_bytes([der[6], der[7]]));
    let signature = issuer.sign_sha1_digest(&Sha1::digest(&der[4..end]).into()).unwrap();
    let at = der.len() - signature.len();
    der[at..].copy_from_slice(&signature);
    Certificate::from_der(&der).unwrap()
}

/// Signs everything with a leaf of its own, which the profiles name.
pub fn by_leaf(lab: &mut Lab, leaf: &Leaf) {
    let identity = leaf.identity(lab);
    by(lab, identity);
}

fn by(lab: &mut Lab, identity: Identity) {
    let good = lab.good;
    lab.signed_otherwise(
        |_| (),
        |plan| {
            plan.identity = identity;
            reissue(plan, good);
        },
    );
}

fn with(plan: &mut SigningPlan<'_>, lab: &Lab, identity: Identity) {
    plan.identity = identity;
    reissue(plan, lab.good);
}

/// Profiles that name the plan's certificate and grant what is claimed.
pub fn reissue(plan: &mut SigningPlan<'_>, good: &crate::lab::Good) {
    let certificates: Vec<Certificate> =
        plan.identity.signer().map(|it| it.leaf().clone()).into_iter().collect();
    for part in &mut plan.parts {
        let Some(claims) = &part.claims else { continue };
        let restricted = xtask::stage::sign::profile::is_restricted;
        let all = claims.entitlements.values().iter().filter(|(key, _)| restricted(key));
        let entitlements = all.map(|(key, value)| (key, value.clone())).collect();
        let grant = Grant {
            bundle_id: &part.code.identifier,
            entitlements: &entitlements,
            certificates: &certificates,
            devices: Devices::All,
        };
        let bytes = good.rehearsal.authority().profile(&grant).unwrap();
        part.profile = Some(Profile::open(bytes, "a profile of the test").unwrap());
    }
}
