//! Who signs: nobody in particular (ad-hoc), or a private key with its complete chain of certificates.
//!
//! ```text
//!   PKCS #12 ─┐
//!   PEM, DER ─┼─▶ Unchained (key, certificates) ──complete──▶ Identity
//!   authority ┘
//! ```

mod pem;
mod pkcs12;
mod pkcs12_write;

use std::fmt;

use crate::{
    Error, Result,
    authority::{Authority, Role},
    certificate::{Certificate, marker},
    key::PrivateKey,
};

pub use pem::from_pem;
pub use pkcs12::from_pkcs12;
pub use pkcs12_write::{Salts, to_pkcs12};

/// Why a key file gave no identity. Each has another remedy, so they are kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The file is not of the format it should be.
    Malformed(String),
    /// The password does not fit; nothing else is known to be wrong.
    WrongPassword,
    /// The file is encrypted and no password was given.
    PasswordWanted,
    /// Encrypted with something that is not implemented, by name or number.
    UnsupportedCipher(String),
    /// Certificates, but no private key.
    NoKey,
    /// A key of a kind that cannot sign code.
    UnsupportedKey,
    /// A private key, but no certificate.
    NoCertificate,
    /// None of the certificates belongs to the key; their names.
    KeyMismatch(Vec<String>),
    /// The issuer of the certificate so named is not at hand.
    IncompleteChain {
        /// The certificate whose issuer is missing.
        of: String,
        /// The missing one.
        issuer: String,
    },
    /// A certificate for another purpose.
    WrongKind {
        /// The certificate.
        certificate: String,
        /// What it is for.
        found: Purpose,
        /// What is being signed for.
        wanted: Purpose,
    },
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let quoted =
            |names: &[String]| names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        match refusal {
            Refusal::Malformed(why) => Error::new(why),
            Refusal::WrongPassword => {
                Error::new("the password is wrong").hint("check where the password comes from")
            }
            Refusal::PasswordWanted => Error::new("the key is encrypted and there is no password")
                .hint("say in the signing file where the password is"),
            Refusal::UnsupportedCipher(name) => {
                Error::new(format!("encrypted with {name}, which is not supported"))
                    .hint("export it again, or convert it with `openssl pkcs12`")
            }
            Refusal::NoKey => Error::new("certificates, but no private key")
                .hint("export the key together with its certificate"),
            Refusal::UnsupportedKey => Error::new("a private key that is neither RSA nor P-256")
                .hint("request a certificate for an RSA key"),
            Refusal::NoCertificate => Error::new("a private key, but no certificate")
                .hint("export the certificate together with its key"),
            Refusal::KeyMismatch(names) => {
                Error::new(format!("the private key belongs to none of the certificates: {}", quoted(&names)))
                    .hint("export key and certificate from the same identity")
            }
            Refusal::IncompleteChain { of, issuer } => Error::new(format!(
                "the chain is not complete: `{issuer}`, which issued `{of}`, is not at hand"
            ))
            .hint("run `cargo xtask setup --apple-certificates`, or export the key with its chain"),
            Refusal::WrongKind { certificate, found, wanted } => {
                Error::new(format!("`{certificate}` is {found}, and {wanted} is needed"))
                    .hint("name another identity in the signing file")
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Error::from(self.clone()).fmt(f)
    }
}

/// What a certificate is for, by its marker (TN3161).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Developer ID Application.
    Distribution,
    /// Developer ID Installer.
    Installer,
    /// Apple Development or Mac Development.
    Development,
    /// App Store certificates.
    Store,
    /// None of Apple's markers.
    Unmarked,
}

impl Purpose {
    /// As the leaf says.
    pub fn of(leaf: &Certificate) -> Self {
        let table = [
            (marker::DEVELOPER_ID_APPLICATION, Self::Distribution),
            (marker::DEVELOPER_ID_INSTALLER, Self::Installer),
            (marker::APPLE_DEVELOPMENT, Self::Development),
            (marker::MAC_DEVELOPMENT, Self::Development),
            (marker::APPLE_DISTRIBUTION, Self::Store),
            (marker::MAC_APP_DISTRIBUTION, Self::Store),
        ];
        table.into_iter().find(|(oid, _)| leaf.has(oid)).map_or(Self::Unmarked, |(_, purpose)| purpose)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Distribution => "a Developer ID Application certificate",
            Self::Installer => "a Developer ID Installer certificate",
            Self::Development => "a development certificate",
            Self::Store => "an App Store certificate",
            Self::Unmarked => "a certificate without Apple's marks",
        })
    }
}

/// A key with the certificates that came with it, in no particular order.
#[derive(Debug, Clone)]
pub struct Unchained {
    /// The private key.
    pub key: PrivateKey,
    /// Certificates: at least the key's own.
    pub certificates: Vec<Certificate>,
}

impl Unchained {
    /// Orders the chain from the key's certificate to a root, with `known` certificates where its own do not suffice.
    pub fn complete(self, known: &[Certificate]) -> Result<Identity, Refusal> {
        if self.certificates.is_empty() {
            return Err(Refusal::NoCertificate);
        }
        let public = self.key.public().map_err(|it| Refusal::Malformed(it.what))?;
        let is_ours = |it: &&Certificate| it.public_key().is_ok_and(|key| key == public);
        let leaf = self.certificates.iter().find(is_ours).cloned();
        let names = || self.certificates.iter().map(Certificate::common_name).collect();
        let mut chain = vec![leaf.ok_or_else(|| Refusal::KeyMismatch(names()))?];
        loop {
            let last = chain.last().expect("the chain starts with the leaf");
            if last.is_self_issued() {
                return Ok(Identity::Certified(Box::new(Signer { key: self.key, chain })));
            }
            let issuer = self.certificates.iter().chain(known).find(|it| last.is_issued_by(it));
            match issuer {
                // A chain never needs the same certificate twice; a circle of cross-signatures would not end.
                Some(issuer) if !chain.contains(issuer) => chain.push(issuer.clone()),
                _ => {
                    return Err(Refusal::IncompleteChain {
                        of: last.common_name(),
                        issuer: last.issuer_name(),
                    });
                }
            }
        }
    }
}

/// Who signs.
#[derive(Debug, Clone)]
pub enum Identity {
    /// Nobody: hashes without a signature.
    AdHoc,
    /// The holder of a certificate.
    Certified(Box<Signer>),
}

/// A private key with its complete chain.
#[derive(Debug, Clone)]
pub struct Signer {
    key: PrivateKey,
    chain: Vec<Certificate>,
}

impl Identity {
    /// The identity of `role` in a rehearsal.
    pub fn rehearsal(authority: &Authority, role: Role) -> Result<Self> {
        let (key, chain) = (authority.key(role)?.clone(), authority.chain(role)?);
        Ok(Self::Certified(Box::new(Signer { key, chain })))
    }

    /// The signer, unless it is nobody.
    pub fn signer(&self) -> Option<&Signer> {
        match self {
            Self::AdHoc => None,
            Self::Certified(signer) => Some(signer),
        }
    }

    /// The team: `OU` of the leaf.
    pub fn team(&self) -> Option<String> {
        self.signer().and_then(|it| it.leaf().unit())
    }

    /// Refuses a certificate that is for something else.
    pub fn demand(&self, wanted: Purpose) -> Result<(), Refusal> {
        let Some(signer) = self.signer() else { return Err(Refusal::NoCertificate) };
        match Purpose::of(signer.leaf()) {
            found if found == wanted => Ok(()),
            found => Err(Refusal::WrongKind { certificate: signer.leaf().common_name(), found, wanted }),
        }
    }
}

impl Signer {
    /// The private key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The signing certificate first, the root last.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The signing certificate.
    pub fn leaf(&self) -> &Certificate {
        self.chain.first().expect("a chain starts with its leaf")
    }

    /// The root.
    pub fn root(&self) -> &Certificate {
        self.chain.last().expect("a chain starts with its leaf")
    }
}
