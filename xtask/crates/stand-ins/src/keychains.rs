//! The keychains of a user, kept in one file of the state folder.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// What macOS keeps per user.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Keychains {
    /// Where a chain is looked for. The order counts.
    pub search_list: Vec<String>,
    /// Where new items go.
    pub default: String,
    /// Every keychain, by path.
    pub keychains: BTreeMap<String, Keychain>,
}

/// One keychain.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Keychain {
    pub password: String,
    pub is_locked: bool,
    /// Seconds until it locks itself; absent: never.
    pub timeout: Option<u64>,
    /// Keys with their certificates, and what may use them.
    pub identities: Vec<Identity>,
    /// Other certificates, base64 of DER.
    pub certificates: Vec<String>,
}

/// A private key with its certificate.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Identity {
    /// SHA-1 of the certificate, capital hex: how codesign and `find-identity` name it.
    pub sha1: String,
    /// Common name of the certificate.
    pub name: String,
    /// The PKCS #12 file as it was imported, base64, and its password: a test's, worth nothing.
    pub p12: String,
    /// See `p12`.
    pub password: String,
    /// Applications that may use the key (`-T`).
    pub applications: Vec<String>,
    /// The partition list, once set. Without `apple:` the real codesign asks in a window that nobody sees.
    pub partitions: Vec<String>,
}

/// The login keychain of the simulated user: it is there before we come, and must be there when we are gone.
pub(crate) const LOGIN: &str = "/Users/somebody/Library/Keychains/login.keychain-db";

impl Default for Keychains {
    fn default() -> Self {
        let login = Keychain { password: "somebody's".to_owned(), ..Keychain::default() };
        Self {
            search_list: vec![LOGIN.to_owned()],
            default: LOGIN.to_owned(),
            keychains: BTreeMap::from([(LOGIN.to_owned(), login)]),
        }
    }
}

/// Reads the keychains, lets `change` look at them and change them, and writes them back, while no other call does the same.
pub(crate) fn with<T>(state: &Path, change: impl FnOnce(&mut Keychains) -> T) -> io::Result<T> {
    fs::create_dir_all(state)?;
    let _lock = Lock::take(state.join("keychains.lock"))?;
    let file = state.join("keychains.json");
    let mut keychains = match fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Keychains::default(),
        Err(error) => return Err(error),
    };
    let result = change(&mut keychains);
    let next = state.join("keychains.json.next");
    fs::write(&next, serde_json::to_vec_pretty(&keychains)?)?;
    fs::rename(&next, &file)?;
    Ok(result)
}

/// A file that only one process can make.
struct Lock(PathBuf);

impl Lock {
    /// Waits up to five seconds: a call holds it for milliseconds.
    fn take(file: PathBuf) -> io::Result<Self> {
        for _ in 0..500 {
            match OpenOptions::new().write(true).create_new(true).open(&file) {
                Ok(_) => return Ok(Self(file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    thread::sleep(Duration::from_millis(10))
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("`{}` is held by another call", file.display())))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            eprintln!("stand-in: cannot remove `{}`: {error}", self.0.display());
        }
    }
}
