//! What was asked for: by the plan of our own product, or by flags for a foreign one.

use formats::image::{Arch, Version};

use crate::Mode;

/// A wish and the line that states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<T> {
    /// What is wanted.
    pub value: T,
    /// "`triples`, driver/driver.toml:6"; `None` for a flag or a default.
    pub by: Option<String>,
}

impl<T> Asked<T> {
    /// Wanted without a line of configuration.
    pub const fn plain(value: T) -> Self {
        Self { value, by: None }
    }

    /// Wanted by that line.
    pub fn by(value: T, line: impl Into<String>) -> Self {
        Self { value, by: Some(line.into()) }
    }
}

/// What the subject is held against. [`Policy::default`] suits a foreign product: mode recognised, no wishes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The mode asked for; `None`: recognise it from the signature.
    pub mode: Option<Asked<Mode>>,
    /// Exact architectures of every dext; `None`: {x86_64, arm64} is advised, not demanded.
    pub dext_archs: Option<Asked<Vec<Arch>>>,
    /// Exact architectures of the host app; `None`: no demand.
    pub app_archs: Option<Asked<Vec<Arch>>>,
    /// Lowest macOS that the product is meant for; `None`: what its own Info.plist says.
    pub min_macos: Option<Asked<Version>>,
    /// Team that must have signed; `None`: any one team.
    pub team: Option<Asked<String>>,
    /// Bundle id of the host app.
    pub app_id: Option<Asked<String>>,
    /// Bundle ids of the dexts that must be there.
    pub dext_ids: Option<Asked<Vec<String>>>,
    /// Provisioning UDID of the Mac that is to run a development build; `None`: no Mac in particular.
    pub device: Option<Asked<String>>,
    /// Days of validity that a profile or certificate should have left; fewer is a warning. `None`: 30.
    pub margin_days: Option<u32>,
    /// Path prefixes of build machines that must not be in the product, such as `/Users/`; empty: no demand.
    pub private_prefixes: Vec<String>,
}

impl Policy {
    /// Days of validity wanted.
    pub fn margin(&self) -> i64 {
        self.margin_days.unwrap_or(30).into()
    }
}
