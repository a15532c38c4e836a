//! What a product is held against: the same configuration that it was built from.

use std::{fs, path::Path};

use base64::Engine;
use checks::{Asked as Wish, Mode, Policy};
use formats::{
    Bytes,
    image::{Arch, Version},
    signature::certificate::Certificate,
};

use crate::{
    config::{self, Located, Product, Signing, Triple},
    error::{Doing, Error, Result},
};

/// What a signing file alone asks of any product: what it is meant for, and whose it is.
pub fn signed(signing: &Signing) -> Policy {
    let wish = |place: &str, key: &str| format!("`{key}`, {place}");
    let mode = match *signing.mode {
        config::Mode::Distribution => Mode::Distribution,
        config::Mode::Development => Mode::Development,
        config::Mode::Rehearsal => Mode::Rehearsal,
        config::Mode::Adhoc => Mode::AdHoc,
    };
    Policy {
        mode: Some(Wish::by(mode, wish(signing.mode.place(), "mode"))),
        team: signing.team.as_ref().map(|it| Wish::by((**it).clone(), wish(it.place(), "team"))),
        ..Policy::default()
    }
}

/// The policy that follows from the configuration files; each wish knows its line.
pub fn planned(product: &Product, signing: &Signing) -> Policy {
    let wish = |place: &str, key: &str| format!("`{key}`, {place}");
    let archs = |triples: &Located<Vec<Triple>>| {
        let names = triples.iter().map(|it| match it.arch {
            config::Arch::X86_64 => Arch::X86_64,
            config::Arch::Arm64 => Arch::ARM64,
        });
        Wish::by(names.collect(), wish(triples.place(), "triples"))
    };
    let minimum = &product.app.minimum_macos;
    let ids = product.drivers.iter().map(|it| (*it.bundle_id).clone()).collect();
    let first = product.drivers.first();
    Policy {
        dext_archs: first.map(|it| archs(&it.triples)),
        app_archs: Some(archs(&product.app.triples)),
        min_macos: Some(Wish::by(Version(minimum.packed()), wish(minimum.place(), "minimum-macos"))),
        app_id: Some(Wish::by(
            (*product.app.bundle_id).clone(),
            wish(product.app.bundle_id.place(), "bundle-id"),
        )),
        dext_ids: first.map(|it| Wish::by(ids, wish(it.bundle_id.place(), "bundle-id"))),
        ..signed(signing)
    }
}

/// The certificates in a PEM file.
pub fn roots(path: &Path) -> Result<Vec<Certificate>> {
    let doing = || format!("cannot read `--trust-root {}`", path.display());
    let text = fs::read_to_string(path).doing_as_asked(doing)?;
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let read = blocks.map(|block| {
        let body: String = block.split("-----END").next().unwrap_or_default().split_whitespace().collect();
        let der = base64::engine::general_purpose::STANDARD.decode(body).doing_as_asked(doing)?;
        Certificate::parse(Bytes::new(&der)).doing_as_asked(doing)
    });
    let found: Vec<Certificate> = read.collect::<Result<_>>()?;
    if found.is_empty() {
        return Err(Error::usage(doing()).because("there is no certificate in it"));
    }
    Ok(found)
}
