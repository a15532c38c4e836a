//! From "where to find it" to an identity that can sign: the only place that reads a key file.

use std::{
    fs,
    io::Read,
    path::Path,
    sync::{Mutex, PoisonError},
};

use base64::Engine;
use signer::{
    authority::Role,
    certificate::Certificate,
    identity::{Identity, from_pem, from_pkcs12},
};
use zeroize::Zeroizing;

use crate::{
    config::{IdentitySource, SecretSource},
    error::{Doing, Error, Result},
    rehearsal::Rehearsal,
    setup::apple,
};

/// Loads the identity at `source`; `role` is whose place a rehearsal takes.
pub fn load(source: &IdentitySource, rehearsal: Option<&Rehearsal>, role: Role) -> Result<Identity> {
    let cannot = || "cannot load the signing identity".to_owned();
    match source {
        IdentitySource::AdHoc => Ok(Identity::AdHoc),
        IdentitySource::Rehearsal => {
            let rehearsal = rehearsal.ok_or_else(|| Error::usage("a rehearsal identity without a rehearsal"))?;
            Identity::rehearsal(rehearsal.authority(), role).doing(cannot)
        }
        IdentitySource::P12 { file, password } => {
            let bytes = read(file)?;
            let password = password.as_ref().map(read_text).transpose()?.unwrap_or_default();
            let known = known()?;
            refused(from_pkcs12(&bytes, &password).and_then(|it| it.complete(&known)), &describe(file))
        }
        IdentitySource::Pem { key, password, certificates } => {
            let bytes = read(key)?;
            let password = password.as_ref().map(read_text).transpose()?;
            let chain = fs::read(certificates).doing_as_asked(|| format!("cannot read `{}`", certificates.display()))?;
            let loaded = from_pem(&[&bytes, &chain], password.as_ref().map(|it| it.as_str()));
            let known = known()?;
            refused(loaded.and_then(|it| it.complete(&known)), &describe(key))
        }
        IdentitySource::Keychain(name) => {
            Err(Error::tool(cannot())
                .because(format!("`{name}` is in a keychain, which only Apple's codesign can use, and that way is not written yet"))
                .hint("export it as PKCS #12 and name that file as `p12`"))
        }
    }
}

fn refused(loaded: Result<Identity, signer::identity::Refusal>, place: &str) -> Result<Identity> {
    loaded.map_err(|refusal| {
        let refusal = signer::Error::from(refusal);
        let error =
            Error::usage(format!("cannot load the signing identity from {place}")).because(refusal.what);
        match refusal.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })
}

/// Apple's intermediates and roots in the user's cache, each only when it is pinned.
fn known() -> Result<Vec<Certificate>> {
    match apple::folder() {
        Some(folder) => apple::kept(&folder, &apple::is_apples),
        None => Ok(Vec::new()),
    }
}

/// How a person finds the source again.
pub fn describe(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(name) => format!("the environment variable `{name}`"),
        SecretSource::EnvPath(name) => format!("the file that `{name}` names"),
        SecretSource::File(path) => format!("`{}`", path.display()),
        SecretSource::Stdin => "standard input".to_owned(),
    }
}

/// The bytes of a secret; those in an environment variable may be base64, since CI stores text only.
pub fn read(source: &SecretSource) -> Result<Zeroizing<Vec<u8>>> {
    let cannot = || format!("cannot read {}", describe(source));
    let from_file = |path: &Path| fs::read(path).map(Zeroizing::new).doing_as_asked(cannot);
    match source {
        SecretSource::Env(_) => {
            let text = read_text(source)?;
            let decoded = base64::prelude::BASE64_STANDARD.decode(text.replace(['\n', '\r', ' '], ""));
            Ok(Zeroizing::new(decoded.unwrap_or_else(|_| text.as_bytes().to_vec())))
        }
        SecretSource::EnvPath(name) => from_file(Path::new(&variable(name)?)),
        SecretSource::File(path) => from_file(path),
        SecretSource::Stdin => {
            // There is one standard input, and on a Mac two that need what is in it: the keychain and the preflight.
            static READ: Mutex<Option<Zeroizing<Vec<u8>>>> = Mutex::new(None);
            let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(bytes) = &*read {
                return Ok(bytes.clone());
            }
            let mut bytes = Zeroizing::new(Vec::new());
            std::io::stdin().lock().read_to_end(&mut bytes).doing_as_asked(cannot)?;
            Ok(read.insert(bytes).clone())
        }
    }
}

/// A secret that is text; a line break at its end does not belong to it.
pub fn read_text(source: &SecretSource) -> Result<Zeroizing<String>> {
    let text = match source {
        SecretSource::Env(name) => variable(name)?.into_string().ok().map(Zeroizing::new),
        _ => std::str::from_utf8(&read(source)?).ok().map(|it| Zeroizing::new(it.to_owned())),
    };
    let text = text.ok_or_else(|| Error::usage(format!("{} is not UTF-8", describe(source))))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned()))
}

fn variable(name: &str) -> Result<std::ffi::OsString> {
    std::env::var_os(name).filter(|it| !it.is_empty()).ok_or_else(|| {
        Error::usage(format!("the environment variable `{name}` is not set"))
            .hint("the signing file says that it is needed")
    })
}
