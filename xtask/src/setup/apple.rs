//! Apple's roots and intermediates: fetched from where Apple publishes them, kept in the user's cache, trusted by their pins alone.
//!
//! Where they come from decides nothing, so a mirror is as good as Apple: bytes that are not pinned are refused by name.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use formats::signature::{
    anchors,
    digest::{hex, sha256},
};
use signer::certificate::Certificate;

use crate::{
    error::{Doing, Error, Result},
    stage::files,
    terminal,
};

/// Where Apple publishes them.
pub const PUBLISHED: &str = "https://www.apple.com";

/// The largest certificate is 2 KiB; what is longer is a page about something else.
const LONGEST: u64 = 64 << 10;

/// A certificate that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// What Apple calls it.
    pub name: &'a str,
    /// SHA-256 of its DER, in lower-case hexadecimal.
    pub sha256: &'a str,
    /// Its path at [`PUBLISHED`].
    pub path: &'a str,
}

/// The paths of what is pinned (apple.com/certificateauthority, November 2026). Not fetched, because no chain that is made today needs
/// them: the first WWDR intermediate, which ended in 2023, and System Integration CA 4, which signs tickets and is in each of them.
const PATHS: [(&str, &str); 9] = [
    ("Apple Root CA", "appleca/AppleIncRootCertificate.cer"),
    ("Apple Root CA - G2", "certificateauthority/AppleRootCA-G2.cer"),
    ("Apple Root CA - G3", "certificateauthority/AppleRootCA-G3.cer"),
    ("Developer ID Certification Authority", "certificateauthority/DeveloperIDCA.cer"),
    ("Developer ID Certification Authority (G2)", "certificateauthority/DeveloperIDG2CA.cer"),
    ("Apple Timestamp Certification Authority", "certificateauthority/AppleTimestampCA.cer"),
    ("Apple Worldwide Developer Relations (G3)", "certificateauthority/AppleWWDRCAG3.cer"),
    ("Apple Worldwide Developer Relations (G5)", "certificateauthority/AppleWWDRCAG5.cer"),
    ("Apple Worldwide Developer Relations (G6)", "certificateauthority/AppleWWDRCAG6.cer"),
];

/// Everything that is pinned and published.
pub fn wanted() -> Vec<Wanted<'static>> {
    let pins = anchors::APPLE_ROOTS.iter().chain(anchors::APPLE_INTERMEDIATES);
    let with_path = |pin: &anchors::Pin| {
        let (_, path) = PATHS.iter().find(|(name, _)| *name == pin.name)?;
        Some(Wanted { name: pin.name, sha256: pin.sha256, path })
    };
    pins.filter_map(with_path).collect()
}

/// Where they are kept.
pub fn folder() -> Option<PathBuf> {
    super::cache().map(|it| it.join("apple-certificates"))
}

/// Fetches from `base` what `folder` does not hold yet. What is refused is named, all of it at once; what is good is kept all the same.
pub fn fetch(base: &str, wanted: &[Wanted], folder: &Path) -> Result {
    let mut refused = Vec::new();
    for it in wanted {
        let goal = folder.join(file_name(it));
        if fs::read(&goal).is_ok_and(|bytes| is_pinned(it, &bytes)) {
            terminal::step("Kept", it.name);
            continue;
        }
        let address = format!("{}/{}", base.trim_end_matches('/'), it.path);
        match certificate(&address).and_then(|bytes| judged(it, bytes)) {
            Ok(bytes) => {
                files::write(&goal, &bytes, 0o644)?;
                terminal::step("Fetched", format_args!("{} -> {}", it.name, goal.display()));
            }
            Err(why) => refused.push(format!("`{}` from {address}: {why}", it.name)),
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let mut error = Error::tool("not every certificate of Apple's could be taken");
    for why in refused {
        error = error.because(why);
    }
    Err(error.hint("run it again with another network, or with `--from URL` of a mirror: a wrong certificate is refused wherever it comes from"))
}

/// The DER of what lies at `address`.
fn certificate(address: &str) -> Result<Vec<u8>, String> {
    let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(30))).build();
    let answer = ureq::Agent::from(agent).get(address).call().map_err(|it| it.to_string())?;
    let body =
        answer.into_body().into_with_config().limit(LONGEST).read_to_vec().map_err(|it| it.to_string())?;
    // Apple publishes the timestamp authority as PEM, under the same ending as the others.
    match Certificate::from_pem_or_der(&body) {
        Ok(found) => Ok(found.der().to_vec()),
        Err(_) => Err(format!("{} bytes that are no certificate", body.len())),
    }
}

fn judged(wanted: &Wanted, der: Vec<u8>) -> Result<Vec<u8>, String> {
    match is_pinned(wanted, &der) {
        true => Ok(der),
        false => Err(format!(
            "it is not the pinned one: SHA-256 {}, pinned is {}",
            hex(&sha256(&der)),
            wanted.sha256
        )),
    }
}

fn is_pinned(wanted: &Wanted, der: &[u8]) -> bool {
    hex(&sha256(der)) == wanted.sha256
}

fn file_name<'a>(wanted: &Wanted<'a>) -> &'a str {
    wanted.path.rsplit('/').next().unwrap_or(wanted.path)
}

/// Certificates in `folder` that `is_pinned`; whatever else lies there is not ours to trust, nor to complain about.
pub fn kept(folder: &Path, is_pinned: &dyn Fn(&[u8]) -> bool) -> Result<Vec<Certificate>> {
    let cannot = || format!("cannot read `{}`", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.doing(cannot)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.doing(cannot)?.path());
    }
    paths.sort();
    let mut found = Vec::new();
    for path in paths.iter().filter(|it| it.is_file()) {
        let bytes = files::read(path)?;
        if is_pinned(&bytes) {
            found.push(Certificate::from_der(&bytes).doing(|| format!("cannot read `{}`", path.display()))?);
        }
    }
    Ok(found)
}

/// Whether these bytes are a certificate of Apple's.
pub fn is_apples(der: &[u8]) -> bool {
    let digest = hex(&sha256(der));
    anchors::APPLE_ROOTS.iter().chain(anchors::APPLE_INTERMEDIATES).any(|it| it.sha256 == digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_belongs_to_a_pin_and_has_a_name_of_its_own() {
        let all = wanted();
        assert_eq!(all.len(), PATHS.len(), "a path whose pin is called otherwise");
        let mut names: Vec<_> = all.iter().map(file_name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PATHS.len());
        let left: Vec<_> = anchors::APPLE_INTERMEDIATES
            .iter()
            .filter(|pin| all.iter().all(|it| it.name != pin.name))
            .collect();
        assert_eq!(left.len(), 2, "what is not fetched is named beside `PATHS`: {left:?}");
    }
}
