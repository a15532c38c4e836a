//! Writes entitlement files from what the personalities need. Once written they are the user's, and only checked.

use std::path::{Path, PathBuf};

use formats::document::{
    Dict, Value,
    plist::{Keys, to_xml},
};

use crate::{
    config::{Driver, Product},
    error::Result,
    stage::files,
    workspace::Workspace,
};

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It was not there.
    New(PathBuf),
    /// It was there, and stays as it is.
    Kept(PathBuf),
}

impl Written {
    /// What happened, for the margin.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::New(_) => "Wrote",
            Self::Kept(_) => "Kept",
        }
    }

    /// Which file.
    pub fn path(&self) -> &Path {
        match self {
            Self::New(path) | Self::Kept(path) => path,
        }
    }
}

/// What the signature is for, which decides how devices are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// The vendor numbers that Apple approved.
    Distribution,
    /// The wildcard of development profiles, verbatim, and debugging allowed.
    Development,
}

/// Writes `driver.entitlements`, `app.entitlements` and their development variants where they are missing.
pub fn write_missing(product: &Product, workspace: &Workspace) -> Result<Vec<Written>> {
    let folder = workspace.root().join("signing");
    let mut all = Vec::new();
    for (variant, ending) in [(Variant::Distribution, ""), (Variant::Development, "-development")] {
        for (index, driver) in product.drivers.iter().enumerate() {
            let number = if index == 0 { String::new() } else { format!("-{}", index + 1) };
            all.push((format!("driver{number}{ending}.entitlements"), of_driver(driver, variant)));
        }
        all.push((format!("app{ending}.entitlements"), of_app(variant)));
    }
    let mut written = Vec::new();
    for (name, claims) in all {
        let path = folder.join(name);
        if path.exists() {
            written.push(Written::Kept(path));
            continue;
        }
        files::write(&path, to_xml(&Value::Dict(claims), Keys::Sorted).as_bytes(), 0o644)?;
        written.push(Written::New(path));
    }
    Ok(written)
}

/// What a driver must claim for its personalities to be started (checks E1, E05).
pub fn of_driver(driver: &Driver, variant: Variant) -> Dict {
    let mut claims = common(variant);
    claims.set("com.apple.developer.driverkit", true);
    claims.set("com.apple.security.app-sandbox", true);
    let mut usb = Vec::new();
    for (_, personality) in driver.personalities.iter() {
        let text = |key: &str| personality.get(key).and_then(toml::Value::as_str).unwrap_or_default();
        let number = |key: &str| personality.get(key).and_then(toml::Value::as_integer);
        for (class, key) in FAMILIES {
            if text("IOClass") == *class || text("IOProviderClass") == *class {
                claims.set(*key, true);
            }
        }
        if matches!(text("IOProviderClass"), "IOUSBHostInterface" | "IOUSBHostDevice") {
            let vendor = match variant {
                Variant::Distribution => number("idVendor").map(|it| Value::Integer(it.into())),
                Variant::Development => Some(Value::from("*")),
            };
            let entry: Option<Dict> = vendor.map(|it| [("idVendor", it)].into_iter().collect());
            if let Some(entry) = entry.map(Value::Dict)
                && !usb.contains(&entry)
            {
                usb.push(entry);
            }
        }
    }
    if !usb.is_empty() {
        claims.set("com.apple.developer.driverkit.transport.usb", usb);
    }
    claims
}

/// Classes whose use needs a claim of its own.
const FAMILIES: &[(&str, &str)] = &[
    ("IOHIDInterface", "com.apple.developer.driverkit.transport.hid"),
    ("AppleUserHIDDevice", "com.apple.developer.driverkit.family.hid.device"),
    ("AppleUserHIDEventService", "com.apple.developer.driverkit.family.hid.eventservice"),
];

/// What the host app must claim to activate a driver (checks E10).
pub fn of_app(variant: Variant) -> Dict {
    let mut claims = common(variant);
    claims.set("com.apple.developer.system-extension.install", true);
    claims
}

fn common(variant: Variant) -> Dict {
    let mut claims = Dict::new();
    claims.set("com.apple.application-identifier", "$(AppIdentifierPrefix)$(CFBundleIdentifier)");
    if variant == Variant::Development {
        claims.set("com.apple.security.get-task-allow", true);
    }
    claims
}
