//! For whom a product is signed; it decides which rules bite.

use std::{fmt, str::FromStr};

use crate::{
    Policy, Subject,
    subject::{Anchor, Cms, Signature},
};

/// How a product is meant to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Developer ID: any Mac, notarized.
    Distribution,
    /// Apple Development: Macs of the profile, not notarized.
    Development,
    /// A throwaway hierarchy shaped like Developer ID; no Mac loads it.
    Rehearsal,
    /// No certificate at all.
    AdHoc,
    /// Mac App Store or TestFlight.
    AppStore,
    /// Not signed.
    Unsigned,
}

impl Mode {
    /// As the report spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Distribution => "distribution",
            Self::Development => "development",
            Self::Rehearsal => "rehearsal",
            Self::AdHoc => "adhoc",
            Self::AppStore => "appstore",
            Self::Unsigned => "unsigned",
        }
    }

    /// Whether the notary's rules hold. A rehearsal keeps to them, or it would rehearse nothing.
    pub const fn is_notarized(self) -> bool {
        matches!(self, Self::Distribution | Self::Rehearsal)
    }

    /// Whether there is a certificate to judge.
    pub const fn has_identity(self) -> bool {
        !matches!(self, Self::AdHoc | Self::Unsigned)
    }

    /// What the policy asks for, or else what the main signature shows.
    pub fn of(subject: &Subject, policy: &Policy) -> Self {
        policy.mode.as_ref().map_or_else(|| Self::recognise(subject), |it| it.value)
    }

    /// What the main signature shows: that of the outermost bundle, or of the first code there is.
    ///
    /// Recognition goes by the leaf's marker extensions, not by whether the chain holds: a forged Developer ID must be
    /// judged as Developer ID. A marker under a root that is not Apple's is a rehearsal. A disk image, whose code is not read
    /// here, is what its own signature shows.
    pub fn recognise(subject: &Subject) -> Self {
        let mut signatures =
            subject.codes_outermost_first().flat_map(|code| code.images()).map(|it| &it.signature).peekable();
        if signatures.peek().is_none() {
            let container = subject.containers.iter().find_map(|it| it.signature.present());
            return container.map_or(Self::Unsigned, Self::of_cms);
        }
        // One signed slice decides: an unsigned one beside it is a finding, not a mode.
        let signed = signatures.find_map(|it| it.present());
        signed.map_or(Self::Unsigned, Self::of_signature)
    }

    /// What one signature shows.
    pub fn of_signature(signature: &Signature) -> Self {
        signature.cms.present().map_or(Self::AdHoc, Self::of_cms)
    }

    fn of_cms(cms: &Cms) -> Self {
        let Some(leaf) = cms.leaf() else { return Self::AdHoc };
        let has = |marker: &str| leaf.has_marker(marker);
        if has("6.1.13") {
            let is_foreign = matches!(cms.anchor, Anchor::Given(_) | Anchor::Unknown(_));
            return if is_foreign { Self::Rehearsal } else { Self::Distribution };
        }
        // Apple Distribution, Mac Distribution, and what the store signs itself (checks.md C20).
        if ["6.1.4", "6.1.7", "6.1.9"].into_iter().any(has) {
            return Self::AppStore;
        }
        if ["6.1.2", "6.1.12"].into_iter().any(has) {
            return Self::Development;
        }
        match cms.anchor {
            Anchor::Pinned(_) | Anchor::Broken(_) => Self::Distribution,
            Anchor::Given(_) | Anchor::Unknown(_) => Self::Rehearsal,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [
            Self::Distribution,
            Self::Development,
            Self::Rehearsal,
            Self::AdHoc,
            Self::AppStore,
            Self::Unsigned,
        ];
        all.into_iter().find(|it| it.name() == text).ok_or_else(|| format!("unknown mode `{text}`"))
    }
}
