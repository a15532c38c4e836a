//! Who makes the signatures: our signer, or Apple's codesign with a keychain of this run.

use std::path::Path;

use signer::{authority::Role, identity::Identity};

use super::{apple::Codesign, identity};
use crate::{
    config::{IdentitySource, PackageKind, Signing},
    error::Result,
    plan::{Backend, Backends, Task},
    rehearsal::Rehearsal,
    stage::{keychain::Keychain, pkg},
    tools::Toolbox,
};

/// Who makes the signatures.
#[derive(Debug, Clone, Copy)]
pub enum Hand<'a> {
    /// Our signer, in this process.
    Ours,
    /// Apple's codesign.
    Codesign(Codesign<'a>),
}

impl<'a> Hand<'a> {
    /// As the plan says. `keychain` is where [`keychain`] opened one.
    pub fn of(backends: &Backends, tools: &'a Toolbox, keychain: Option<&'a Path>) -> Self {
        match backends.of(Task::Sign).backend {
            Backend::Portable => Self::Ours,
            Backend::Apple => Self::Codesign(Codesign::new(tools, keychain)),
        }
    }

    /// What a stamp remembers of it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ours => "our signer",
            Self::Codesign(_) => "codesign",
        }
    }
}

/// The keychain that Apple's tools need for this signing file; `None` where nothing is signed by them with a key that we hold.
///
/// Opened before the build: what would fail at its end, after an hour, fails at once.
pub fn keychain<'a>(
    tools: &'a Toolbox,
    backends: &Backends,
    signing: &Signing,
    rehearsal: Option<&Rehearsal>,
) -> Result<Option<Keychain<'a>>> {
    let by_apple = |task| backends.of(task).backend == Backend::Apple;
    let mut identities: Vec<Identity> = Vec::new();
    if by_apple(Task::Sign) && is_ours(&signing.identity) {
        identities.push(identity::load(&signing.identity, rehearsal, Role::DeveloperIdApplication)?);
    }
    if by_apple(Task::Package) && signing.packages.contains(&PackageKind::Pkg) {
        let source = pkg::installer_source(signing)?;
        if is_ours(&source) {
            identities.push(identity::load(&source, rehearsal, Role::DeveloperIdInstaller)?);
        }
    }
    if identities.is_empty() {
        return Ok(None);
    }
    if let Some(rehearsal) = rehearsal {
        rehearsal.keep_keys()?;
    }
    Keychain::open(tools, &identities.iter().collect::<Vec<_>>()).map(Some)
}

/// Whether the key is one that we bring: not nobody's, and not in a keychain of the user already.
fn is_ours(source: &IdentitySource) -> bool {
    match source {
        IdentitySource::P12 { .. } | IdentitySource::Pem { .. } | IdentitySource::Rehearsal => true,
        IdentitySource::Keychain(_) | IdentitySource::AdHoc => false,
    }
}
