//! `signing/NAME.toml`: who signs, with what, and what happens afterwards. It names secrets and never holds one.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::load::{File, Located};
use crate::{
    error::{Error, Result},
    workspace::Workspace,
};

/// What a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Developer ID, for everybody's Macs.
    Distribution,
    /// Apple Development, for registered Macs.
    Development,
    /// A throwaway hierarchy: proves the pipeline, loads nowhere.
    Rehearsal,
    /// No certificate at all: loads only where AMFI is off.
    Adhoc,
}

/// Who notarizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Notarization {
    /// Apple's service.
    Apple,
    /// Our own notary on this machine.
    Local,
    /// Nobody.
    None,
}

/// What is made of the signed app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageKind {
    /// A zip of the app.
    Zip,
    /// A flat installer package.
    Pkg,
    /// A disk image (made with Apple's tools only).
    Dmg,
}

/// How an installer package is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PkgStyle {
    /// One component, as all drivers' packages that were looked at.
    #[default]
    Component,
    /// A product archive with a `Distribution`, which asks for architecture and macOS before it installs.
    Product,
}

/// Where a secret is found when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The value of an environment variable.
    Env(String),
    /// A file whose path is in an environment variable.
    EnvPath(String),
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// Where the signing identity comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// A PKCS#12 file.
    P12 {
        /// The file.
        file: SecretSource,
        /// Its password.
        password: Option<SecretSource>,
    },
    /// A key and its certificates in PEM or DER.
    Pem {
        /// The private key, PKCS#8 or the older forms.
        key: SecretSource,
        /// The password of an encrypted key.
        password: Option<SecretSource>,
        /// Leaf first, then what it chains to.
        certificates: PathBuf,
    },
    /// An identity of the Mac's keychain, by name or SHA-1.
    Keychain(String),
    /// Made up for this checkout.
    Rehearsal,
    /// None.
    AdHoc,
}

/// How one part of the product is signed. The first match wins.
#[derive(Debug, Clone)]
pub struct Part {
    /// Pattern of paths inside the app; `.` is the app itself.
    pub path: Located<String>,
    /// Entitlements file.
    pub entitlements: Option<Located<PathBuf>>,
    /// Provisioning profile to embed.
    pub profile: Option<Located<PathBuf>>,
    /// Identifier of code that has no Info.plist.
    pub identifier: Option<String>,
    /// Overrides `[signing] hardened-runtime`.
    pub hardened_runtime: Option<bool>,
    /// Constraints, by what they are about; each a property list.
    pub constraints: Vec<(ConstraintKind, Located<PathBuf>)>,
}

/// What a constraint is about; named like codesign's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConstraintKind {
    /// The code itself.
    LaunchSelf,
    /// The process that starts it.
    LaunchParent,
    /// The process that is responsible for it.
    LaunchResponsible,
    /// The libraries that it loads.
    Library,
}

impl ConstraintKind {
    /// Its key in the signing file, which is codesign's option for it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::LaunchSelf => "launch-constraint-self",
            Self::LaunchParent => "launch-constraint-parent",
            Self::LaunchResponsible => "launch-constraint-responsible",
            Self::Library => "library-constraint",
        }
    }
}

/// The notary's key, by reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotaryKey {
    /// `AuthKey_*.p8` or a JSON file that holds everything.
    pub key: Option<SecretSource>,
    /// The key's ten characters.
    pub key_id: Option<SecretSource>,
    /// The team's issuer id; absent for an individual key.
    pub issuer: Option<SecretSource>,
    /// A keychain profile of `notarytool` (Apple backend).
    pub keychain_profile: Option<String>,
}

/// A signing file.
#[derive(Debug, Clone)]
pub struct Signing {
    /// The name that `--signing` takes.
    pub name: String,
    /// The file this was read from.
    pub file: PathBuf,
    /// How a person writes that file's path.
    pub shown: String,
    /// What the signature is for.
    pub mode: Located<Mode>,
    /// The ten characters of the team; absent for ad-hoc.
    pub team: Option<Located<String>>,
    /// Who signs.
    pub identity: IdentitySource,
    /// Who signs packages; the same hierarchy when absent.
    pub installer_identity: Option<IdentitySource>,
    /// Hardened runtime for every part that does not say otherwise.
    pub hardened_runtime: bool,
    /// Timestamp servers, tried in order.
    pub timestamp: Vec<String>,
    /// Who notarizes.
    pub notarization: Located<Notarization>,
    /// Whether the app inside a package gets its own submission and ticket.
    pub staple_app: bool,
    /// What is made of the signed app, sorted.
    pub packages: Vec<PackageKind>,
    /// How a pkg is laid out.
    pub pkg_style: PkgStyle,
    /// The notary's key.
    pub notary: Option<NotaryKey>,
    /// Per-part settings, in the order of the file.
    pub parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    signing: RawSigning,
    notary: Option<RawNotary>,
    #[serde(default)]
    part: Vec<RawPart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawSigning {
    /// distribution | development | rehearsal | adhoc
    mode: Spanned<Mode>,
    /// Ten characters
    team: Option<Spanned<String>>,
    /// Exactly one of p12, pem, keychain, rehearsal, adhoc
    identity: Spanned<RawIdentity>,
    /// For packages
    installer_identity: Option<Spanned<RawIdentity>>,
    /// Default true
    #[serde(default = "yes")]
    hardened_runtime: bool,
    /// Tried in order
    #[serde(default)]
    timestamp: Vec<String>,
    /// apple | local | none
    notarization: Spanned<Notarization>,
    /// Default false
    #[serde(default)]
    staple_app: bool,
    /// zip, pkg, dmg
    #[serde(default)]
    packages: Vec<PackageKind>,
    /// component | product
    #[serde(default)]
    pkg_style: PkgStyle,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawIdentity {
    /// PKCS#12
    p12: Option<RawP12>,
    /// Key and certificates
    pem: Option<RawPem>,
    /// Name or SHA-1
    keychain: Option<String>,
    /// Empty table
    rehearsal: Option<Empty>,
    /// Empty table
    adhoc: Option<Empty>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawP12 {
    env_path: Option<String>,
    file: Option<String>,
    password: Option<RawSecret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawPem {
    key: RawSecret,
    password: Option<RawSecret>,
    certificates: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawSecret {
    env: Option<String>,
    env_path: Option<String>,
    file: Option<String>,
    #[serde(default)]
    stdin: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawNotary {
    /// AuthKey_*.p8 or JSON
    key: Option<RawSecret>,
    /// Ten characters
    key_id: Option<RawSecret>,
    /// UUID; absent for an individual key
    issuer: Option<RawSecret>,
    /// notarytool's profile
    keychain_profile: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawPart {
    /// Pattern inside the app
    path: Spanned<String>,
    /// Entitlements file
    entitlements: Option<Spanned<String>>,
    /// Profile file
    profile: Option<Spanned<String>>,
    /// Identifier of a bare binary
    identifier: Option<String>,
    /// Overrides `[signing]`
    hardened_runtime: Option<bool>,
    /// Constraint on the code itself
    launch_constraint_self: Option<Spanned<String>>,
    /// Constraint on the process that starts it
    launch_constraint_parent: Option<Spanned<String>>,
    /// Constraint on the process that is responsible for it
    launch_constraint_responsible: Option<Spanned<String>>,
    /// Constraint on the libraries that it loads
    library_constraint: Option<Spanned<String>>,
}

fn yes() -> bool {
    true
}

impl Signing {
    /// Reads and checks `signing/NAME.toml`.
    pub fn load(name: &str, workspace: &Workspace) -> Result<Self> {
        let known = super::signing_names(workspace);
        if !known.iter().any(|known| known == name) {
            return Err(Error::usage(format!("`--signing {name}`: there is no `signing/{name}.toml`"))
                .hint(format!("there is: {}", known.join(", "))));
        }
        Self::load_file(name, &workspace.root().join("signing").join(format!("{name}.toml")), workspace)
    }

    fn load_file(name: &str, path: &Path, workspace: &Workspace) -> Result<Self> {
        let file = File::read(path, workspace.shown(path))?;
        let raw: Raw = file.parse()?;
        let folder = file.folder().to_owned();
        let mode = file.located(raw.signing.mode);
        let identity = identity(&file, raw.signing.identity)?;
        let team = raw.signing.team.map(|team| file.located(team));
        check_team(&file, &mode, team.as_ref(), &identity)?;
        let notarization = file.located(raw.signing.notarization);
        check_notarization(&file, &mode, &notarization)?;

        let located_path = |text: Spanned<String>| {
            let text = file.located(text);
            text.with(folder.join(&*text))
        };
        let parts = raw.part.into_iter().map(|part| Part {
            path: file.located(part.path),
            entitlements: part.entitlements.map(&located_path),
            profile: part.profile.map(&located_path),
            identifier: part.identifier,
            hardened_runtime: part.hardened_runtime,
            constraints: [
                (ConstraintKind::LaunchSelf, part.launch_constraint_self),
                (ConstraintKind::LaunchParent, part.launch_constraint_parent),
                (ConstraintKind::LaunchResponsible, part.launch_constraint_responsible),
                (ConstraintKind::Library, part.library_constraint),
            ]
            .into_iter()
            .filter_map(|(kind, file)| Some((kind, located_path(file?))))
            .collect(),
        });
        let parts = parts.collect();
        let secret = |raw: Option<RawSecret>| raw.map(|raw| secret(&file, raw)).transpose();
        let notary = match raw.notary {
            None => None,
            Some(raw) => Some(NotaryKey {
                key: secret(raw.key)?,
                key_id: secret(raw.key_id)?,
                issuer: secret(raw.issuer)?,
                keychain_profile: raw.keychain_profile,
            }),
        };
        let mut packages = raw.signing.packages;
        packages.sort();
        packages.dedup();
        Ok(Self {
            name: name.to_owned(),
            file: path.to_owned(),
            shown: file.shown().to_owned(),
            mode,
            team,
            identity,
            installer_identity: raw
                .signing
                .installer_identity
                .map(|raw| self::identity(&file, raw))
                .transpose()?,
            hardened_runtime: raw.signing.hardened_runtime,
            timestamp: raw.signing.timestamp,
            notarization,
            staple_app: raw.signing.staple_app,
            packages,
            pkg_style: raw.signing.pkg_style,
            notary,
            parts,
        })
    }
}

fn identity(file: &File, raw: Spanned<RawIdentity>) -> Result<IdentitySource> {
    let raw = file.located(raw);
    let place = raw.with(());
    let RawIdentity { p12, pem, keychain, rehearsal, adhoc } = &*raw;
    let given = [p12.is_some(), pem.is_some(), keychain.is_some(), rehearsal.is_some(), adhoc.is_some()];
    if given.iter().filter(|given| **given).count() != 1 {
        let what = "`identity` has exactly one of `p12`, `pem`, `keychain`, `rehearsal`, `adhoc`";
        return Err(file.refuse(&place, what));
    }
    let copied = |raw: &RawSecret| secret(file, raw.clone());
    if let Some(p12) = p12 {
        let password = p12.password.as_ref().map(copied).transpose()?;
        let path =
            RawSecret { env: None, env_path: p12.env_path.clone(), file: p12.file.clone(), stdin: false };
        return Ok(IdentitySource::P12 { file: secret(file, path)?, password });
    }
    if let Some(pem) = pem {
        return Ok(IdentitySource::Pem {
            key: copied(&pem.key)?,
            password: pem.password.as_ref().map(copied).transpose()?,
            certificates: file.folder().join(&pem.certificates),
        });
    }
    Ok(match (keychain, rehearsal) {
        (Some(name), _) => IdentitySource::Keychain(name.clone()),
        (_, Some(_)) => IdentitySource::Rehearsal,
        _ => IdentitySource::AdHoc,
    })
}

impl Clone for RawSecret {
    fn clone(&self) -> Self {
        Self {
            env: self.env.clone(),
            env_path: self.env_path.clone(),
            file: self.file.clone(),
            stdin: self.stdin,
        }
    }
}

fn secret(file: &File, raw: RawSecret) -> Result<SecretSource> {
    match (raw.env, raw.env_path, raw.file, raw.stdin) {
        (Some(name), None, None, false) => Ok(SecretSource::Env(name)),
        (None, Some(name), None, false) => Ok(SecretSource::EnvPath(name)),
        (None, None, Some(path), false) => Ok(SecretSource::File(file.folder().join(path))),
        (None, None, None, true) => Ok(SecretSource::Stdin),
        _ => Err(Error::usage(format!(
            "{}: a secret has exactly one of `env`, `env-path`, `file`, `stdin`",
            file.shown()
        ))
        .hint("the file names where a secret is found; it never holds one")),
    }
}

fn check_team(
    file: &File,
    mode: &Located<Mode>,
    team: Option<&Located<String>>,
    identity: &IdentitySource,
) -> Result {
    match (**mode, team) {
        (Mode::Adhoc, Some(team)) => return Err(file.refuse(team, "an ad-hoc signature has no team")),
        (Mode::Adhoc, None) => {}
        (_, None) => return Err(file.refuse(mode, "`team` is missing: the ten characters of the team")),
        (_, Some(team)) => {
            let good = team.len() == 10 && team.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            if !good {
                return Err(
                    file.refuse(team, format!("`{}` is not a team: ten capital letters and digits", **team))
                );
            }
        }
    }
    let matches = match identity {
        IdentitySource::AdHoc => **mode == Mode::Adhoc,
        IdentitySource::Rehearsal => **mode == Mode::Rehearsal,
        _ => !matches!(**mode, Mode::Adhoc | Mode::Rehearsal),
    };
    if matches { Ok(()) } else { Err(file.refuse(mode, "`mode` and `identity` do not belong together")) }
}

fn check_notarization(file: &File, mode: &Located<Mode>, notarization: &Located<Notarization>) -> Result {
    match (**mode, **notarization) {
        (Mode::Distribution, _) | (_, Notarization::None) | (Mode::Rehearsal, Notarization::Local) => Ok(()),
        (_, Notarization::Apple) => {
            Err(file.refuse(notarization, "Apple notarizes only what a Developer ID signed"))
        }
        (_, Notarization::Local) => Err(file.refuse(notarization, "the local notary is for rehearsals")),
    }
}
