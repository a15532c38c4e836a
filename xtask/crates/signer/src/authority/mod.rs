//! A throwaway hierarchy shaped like Apple's, so that a rehearsal runs the very code that a release runs.
//!
//! ```text
//!   root (RSA) ─┬─ Developer ID CA ─┬─ Developer ID Application    root of tickets (P-384) ── ticket CA ── ticket signer
//!               │                   └─ Developer ID Installer
//!               ├─ developer relations ─┬─ Apple Development
//!               │                       └─ profile signer
//!               └─ timestamp CA ── timestamp signer
//! ```
//! Every key is derived from one seed of 32 bytes and its role, every date from one epoch:
//! two machines with the same seed and epoch issue the same bytes.

mod profile;
mod stamp;

use std::{collections::BTreeMap, fmt, sync::OnceLock};

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub use profile::{Devices, Grant};

use crate::{
    Error, Result,
    certificate::{Certificate, Name, Template, Usage, marker},
    key::{Kind, PrivateKey},
};

/// Who in the hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Root of everything but tickets; in the place of Apple Root CA.
    Root,
    /// Issues Developer ID certificates.
    DeveloperIdCa,
    /// Signs apps and drivers for distribution.
    DeveloperIdApplication,
    /// Signs installer packages.
    DeveloperIdInstaller,
    /// Issues development certificates and profile signers; in the place of WWDR.
    DeveloperRelationsCa,
    /// Signs apps and drivers for development.
    AppleDevelopment,
    /// Signs provisioning profiles.
    ProfileSigner,
    /// Issues timestamp signers.
    TimestampCa,
    /// Signs timestamps.
    TimestampSigner,
    /// Root of tickets; in the place of Apple Root CA – G3.
    TicketRoot,
    /// Issues ticket signers.
    TicketCa,
    /// Signs notarization tickets.
    TicketSigner,
}

impl Role {
    /// All of them, issuers before those they issue to.
    pub const ALL: [Role; 12] = [
        Role::Root,
        Role::DeveloperIdCa,
        Role::DeveloperIdApplication,
        Role::DeveloperIdInstaller,
        Role::DeveloperRelationsCa,
        Role::AppleDevelopment,
        Role::ProfileSigner,
        Role::TimestampCa,
        Role::TimestampSigner,
        Role::TicketRoot,
        Role::TicketCa,
        Role::TicketSigner,
    ];

    /// A short name for files and for deriving the key. It never changes, or every seed would give other keys.
    pub fn name(self) -> &'static str {
        match self {
            Role::Root => "root",
            Role::DeveloperIdCa => "developer-id-ca",
            Role::DeveloperIdApplication => "developer-id-application",
            Role::DeveloperIdInstaller => "developer-id-installer",
            Role::DeveloperRelationsCa => "developer-relations-ca",
            Role::AppleDevelopment => "apple-development",
            Role::ProfileSigner => "profile-signer",
            Role::TimestampCa => "timestamp-ca",
            Role::TimestampSigner => "timestamp-signer",
            Role::TicketRoot => "ticket-root",
            Role::TicketCa => "ticket-ca",
            Role::TicketSigner => "ticket-signer",
        }
    }

    fn issuer(self) -> Role {
        match self {
            Role::Root | Role::DeveloperIdCa | Role::DeveloperRelationsCa | Role::TimestampCa => Role::Root,
            Role::DeveloperIdApplication | Role::DeveloperIdInstaller => Role::DeveloperIdCa,
            Role::AppleDevelopment | Role::ProfileSigner => Role::DeveloperRelationsCa,
            Role::TimestampSigner => Role::TimestampCa,
            Role::TicketRoot | Role::TicketCa => Role::TicketRoot,
            Role::TicketSigner => Role::TicketCa,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Role::TicketRoot => Kind::P384,
            Role::TicketCa | Role::TicketSigner => Kind::P256,
            _ => Kind::Rsa(2048),
        }
    }

    fn usage(self) -> Usage {
        match self {
            Role::Root | Role::DeveloperIdCa | Role::DeveloperRelationsCa | Role::TimestampCa => {
                Usage::Authority
            }
            Role::TicketRoot | Role::TicketCa => Usage::Authority,
            _ => Usage::Leaf,
        }
    }

    /// Extended key usage: code signing, Apple's installer signing, time stamping.
    fn purpose(self) -> Option<&'static str> {
        match self {
            Role::DeveloperIdApplication | Role::AppleDevelopment => Some("1.3.6.1.5.5.7.3.3"),
            Role::DeveloperIdInstaller => Some("1.2.840.113635.100.4.13"),
            Role::TimestampSigner => Some("1.3.6.1.5.5.7.3.8"),
            _ => None,
        }
    }

    fn markers(self) -> &'static [&'static str] {
        match self {
            Role::DeveloperIdCa => &[marker::DEVELOPER_ID_CA],
            Role::DeveloperIdApplication => &[marker::DEVELOPER_ID_APPLICATION],
            Role::DeveloperIdInstaller => &[marker::DEVELOPER_ID_INSTALLER],
            Role::DeveloperRelationsCa => &[marker::WWDR_CA],
            Role::AppleDevelopment => &[marker::APPLE_DEVELOPMENT, marker::MAC_DEVELOPMENT],
            Role::ProfileSigner => &[marker::PROFILE_SIGNING],
            Role::TicketCa => &[marker::SYSTEM_INTEGRATION_CA],
            Role::TicketSigner => &[marker::TICKET_SIGNING],
            Role::Root | Role::TimestampCa | Role::TimestampSigner | Role::TicketRoot => &[],
        }
    }

    /// Years of validity before and after the epoch. Apple's: root 2006–2035, intermediates 15 years, leaves 5.
    fn years(self) -> (u64, u64) {
        match (self.usage(), self.issuer() == self) {
            (_, true) => (10, 20),
            (Usage::Authority, false) => (5, 10),
            (Usage::Leaf, false) => (1, 5),
        }
    }

    fn subject(self, team: &str) -> Vec<u8> {
        let plain = |common_name| Name {
            common_name,
            unit: Some(UNIT),
            organization: UNIT,
            country: "US",
            user_id: None,
        };
        let developer = |kind: &str| {
            let common_name = format!("{kind}: Rehearsal ({team})");
            let name = Name {
                user_id: Some(team),
                common_name: &common_name,
                unit: Some(team),
                organization: "Rehearsal",
                country: "US",
            };
            name.to_der()
        };
        match self {
            Role::Root => plain("Rehearsal Root CA").to_der(),
            Role::DeveloperIdCa => plain("Rehearsal Developer ID Certification Authority").to_der(),
            Role::DeveloperIdApplication => developer("Developer ID Application"),
            Role::DeveloperIdInstaller => developer("Developer ID Installer"),
            Role::DeveloperRelationsCa => {
                plain("Rehearsal Developer Relations Certification Authority").to_der()
            }
            Role::AppleDevelopment => developer("Apple Development"),
            Role::ProfileSigner => plain("Rehearsal Provisioning Profile Signing").to_der(),
            Role::TimestampCa => plain("Rehearsal Timestamp Certification Authority").to_der(),
            Role::TimestampSigner => plain("Rehearsal Timestamp Signer").to_der(),
            Role::TicketRoot => plain("Rehearsal Root CA - G3").to_der(),
            Role::TicketCa => plain("Rehearsal System Integration CA").to_der(),
            Role::TicketSigner => plain("Rehearsal Software Ticket Signing").to_der(),
        }
    }
}

/// Every certificate says what it is for; nobody shall take it for Apple's.
const UNIT: &str = "Rehearsal, not trusted by any Mac";

const YEAR: u64 = 31_556_952;

/// The hierarchy. Keys and certificates are made when they are first asked for.
pub struct Authority {
    seed: Zeroizing<[u8; 32]>,
    epoch: u64,
    team: String,
    keys: BTreeMap<Role, OnceLock<PrivateKey>>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("team", &self.team)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// The hierarchy of `seed`, with all dates counted from `epoch` (Unix seconds), and leaves for `team` (ten letters and digits).
    pub fn new(seed: Zeroizing<[u8; 32]>, epoch: u64, team: &str) -> Result<Self> {
        let shaped =
            team.len() == 10 && team.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit());
        if !shaped {
            return Err(Error::new(format!("`{team}` is not a team id"))
                .hint("a team id has ten capital letters and digits, like `ABCDE12345`"));
        }
        let keys = Role::ALL.into_iter().map(|role| (role, OnceLock::new())).collect();
        Ok(Self { seed, epoch, team: team.to_owned(), keys })
    }

    /// The same hierarchy with a key that was made before, so that it need not be derived again.
    pub fn remember(&self, role: Role, key: PrivateKey) -> Result<()> {
        let slot = self.keys.get(&role).expect("every role has a slot");
        slot.set(key).map_err(|_| Error::new(format!("the key `{}` is already there", role.name())))
    }

    /// The keys that exist so far.
    pub fn made(&self) -> impl Iterator<Item = (Role, &PrivateKey)> {
        self.keys.iter().filter_map(|(role, key)| Some((*role, key.get()?)))
    }

    /// The team the leaves are for.
    pub fn team(&self) -> &str {
        &self.team
    }

    /// The time from which all dates are counted, Unix seconds.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The private key of `role`.
    pub fn key(&self, role: Role) -> Result<&PrivateKey> {
        let slot = self.keys.get(&role).expect("every role has a slot");
        if let Some(key) = slot.get() {
            return Ok(key);
        }
        let seed = Zeroizing::new(<[u8; 32]>::from(self.derived(role, "key")));
        let key = PrivateKey::generate(role.kind(), &mut ChaCha20Rng::from_seed(*seed))?;
        Ok(slot.get_or_init(|| key))
    }

    /// The certificate of `role`.
    pub fn certificate(&self, role: Role) -> Result<Certificate> {
        let issuer = role.issuer();
        let (before, after) = role.years();
        let digest: [u8; 32] = Sha256::new()
            .chain_update(self.derived(role, "serial"))
            .chain_update(self.epoch.to_be_bytes())
            .chain_update(&self.team)
            .finalize()
            .into();
        let mut serial: [u8; 8] = digest.first_chunk().copied().expect("a digest has 32 bytes");
        serial[0] = serial[0] & 0x7f | 0x40; // positive, and always eight bytes
        let template = Template {
            serial,
            issuer: issuer.subject(&self.team),
            subject: role.subject(&self.team),
            not_before: self.epoch.saturating_sub(before * YEAR),
            not_after: self.epoch.saturating_add(after * YEAR),
            usage: role.usage(),
            purpose: role.purpose(),
            markers: role.markers(),
        };
        template.issue(&self.key(role)?.public()?, self.key(issuer)?)
    }

    /// The certificate of `role`, its issuer's, and so on to the root.
    pub fn chain(&self, role: Role) -> Result<Vec<Certificate>> {
        let mut chain = vec![self.certificate(role)?];
        let mut at = role;
        while at.issuer() != at {
            at = at.issuer();
            chain.push(self.certificate(at)?);
        }
        Ok(chain)
    }

    fn derived(&self, role: Role, what: &str) -> sha2::digest::Output<Sha256> {
        let hash = Sha256::new().chain_update("driver-xtask rehearsal\0").chain_update(role.name());
        hash.chain_update("\0").chain_update(what).chain_update("\0").chain_update(*self.seed).finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn authority() -> Authority {
        Authority::new(Zeroizing::new([7; 32]), 1_750_000_000, "REHEARSE01").unwrap()
    }

    #[test]
    fn the_same_seed_and_epoch_give_the_same_bytes_and_another_epoch_does_not() {
        let once = authority().certificate(Role::DeveloperIdApplication).unwrap();
        assert_eq!(once, authority().certificate(Role::DeveloperIdApplication).unwrap());
        let later = Authority::new(Zeroizing::new([7; 32]), 1_750_000_001, "REHEARSE01").unwrap();
        assert_ne!(once, later.certificate(Role::DeveloperIdApplication).unwrap());
    }

    #[test]
    fn every_chain_ends_at_a_root_and_each_link_verifies() {
        let authority = authority();
        for role in Role::ALL {
            let chain = authority.chain(role).unwrap();
            for pair in chain.windows(2) {
                assert!(pair[0].is_issued_by(&pair[1]), "{role:?}");
            }
            let root = chain.last().unwrap();
            assert!(root.is_issued_by(root), "{role:?}");
        }
        let stranger = authority.certificate(Role::TicketCa).unwrap();
        assert!(!authority.certificate(Role::DeveloperIdApplication).unwrap().is_issued_by(&stranger));
    }

    #[test]
    fn leaves_carry_team_and_markers() {
        let authority = authority();
        let leaf = authority.certificate(Role::DeveloperIdApplication).unwrap();
        assert_eq!(leaf.unit().as_deref(), Some("REHEARSE01"));
        assert_eq!(leaf.common_name(), "Developer ID Application: Rehearsal (REHEARSE01)");
        assert!(leaf.has(marker::DEVELOPER_ID_APPLICATION));
        assert!(!leaf.has(marker::DEVELOPER_ID_INSTALLER));
        assert!(authority.certificate(Role::DeveloperIdCa).unwrap().has(marker::DEVELOPER_ID_CA));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let authority = authority();
        assert_eq!(format!("{:?}", authority.key(Role::Root).unwrap()), "PrivateKey(Rsa(2048))");
        assert!(!format!("{authority:?}").contains('7'.to_string().repeat(3).as_str()));
    }

    #[test]
    fn a_team_id_has_ten_capitals_and_digits() {
        for team in ["short", "lowercase1", "ABCDE1234!", "ABCDE123456"] {
            assert!(Authority::new(Zeroizing::new([0; 32]), 0, team).is_err(), "{team}");
        }
    }
}
