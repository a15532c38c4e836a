//! The rehearsal hierarchy of this checkout: its seed, its keys, and its root for whoever verifies.
//!
//! ```text
//!   target/rehearsal/seed          32 bytes, 0600; or --rehearsal-seed FILE
//!                    epoch         from when its certificates count, unless SOURCE_DATE_EPOCH says
//!                    keys-1f2e…/   what was derived from that seed, 0600
//! ```
//! Nothing here is worth protecting against the owner of the machine; the modes keep it from others on it.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use signer::{
    authority::{Authority, Role},
    key::PrivateKey,
};
use zeroize::Zeroizing;

use crate::{
    error::{Doing, Error, Result},
    stage::stamp::hex_digest,
    workspace::Workspace,
};

/// Bytes of a seed.
const SEED: usize = 32;

/// The hierarchy, and where it keeps its keys.
#[derive(Debug)]
pub struct Rehearsal {
    authority: Arc<Authority>,
    keys: PathBuf,
}

impl Rehearsal {
    /// The hierarchy of this checkout, or of the seed in a file, for `team`.
    pub fn open(workspace: &Workspace, seed_file: Option<&Path>, team: &str) -> Result<Self> {
        let folder = workspace.target().join("rehearsal");
        private_folder(&folder)?;
        let seed = match seed_file {
            Some(file) => read_seed(file)?,
            None => own_seed(&folder)?,
        };
        let epoch = match source_date_epoch()? {
            Some(epoch) => epoch,
            None => own_epoch(&folder)?,
        };
        let digest = hex_digest(&*seed);
        let keys = folder.join(format!("keys-{}", digest.get(..16).unwrap_or(&digest)));
        private_folder(&keys)?;
        let authority = Authority::new(seed, epoch, team).doing_as_asked(|| "cannot set up a rehearsal")?;
        for role in Role::ALL {
            if let Some(key) = read_key(&keys.join(role.name()))? {
                authority.remember(role, key).doing(|| "cannot set up a rehearsal")?;
            }
        }
        Ok(Self { authority: Arc::new(authority), keys })
    }

    /// The hierarchy.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The hierarchy, for a server that outlives the one who started it.
    pub fn shared_authority(&self) -> Arc<Authority> {
        Arc::clone(&self.authority)
    }

    /// The roots that a verifier must be told to trust, as PEM: of everything, and of tickets.
    pub fn roots(&self) -> Result<String> {
        let pem = |role| self.authority.certificate(role).and_then(|it| it.pem());
        let both = pem(Role::Root).and_then(|root| Ok(root + &pem(Role::TicketRoot)?));
        both.doing(|| "cannot write the root of the rehearsal")
    }

    /// Keeps what was derived, since deriving RSA keys takes seconds.
    pub fn keep_keys(&self) -> Result {
        for (role, key) in self.authority.made() {
            let path = self.keys.join(role.name());
            if !path.exists() {
                let der = key.to_pkcs8().doing(|| "cannot keep a key")?;
                write_private(&path, &der)?;
            }
        }
        Ok(())
    }
}

/// `SOURCE_DATE_EPOCH`, Unix seconds.
pub fn source_date_epoch() -> Result<Option<u64>> {
    let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let number = text.to_str().and_then(|it| it.trim().parse().ok());
    let wrong =
        || Error::usage("`SOURCE_DATE_EPOCH` is not a number of seconds").because(text.to_string_lossy());
    Ok(Some(number.ok_or_else(wrong)?))
}

/// Now, Unix seconds.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

fn own_seed(folder: &Path) -> Result<Zeroizing<[u8; SEED]>> {
    let path = folder.join("seed");
    if !path.exists() {
        let mut seed = Zeroizing::new([0; SEED]);
        let random = fs::File::open("/dev/urandom").and_then(|mut it| it.read_exact(&mut *seed));
        random.doing(|| "cannot get random bytes for the rehearsal's seed")?;
        write_private(&path, &*seed)?;
    }
    read_seed(&path)
}

/// Raw bytes, or 64 hexadecimal digits.
fn read_seed(path: &Path) -> Result<Zeroizing<[u8; SEED]>> {
    let bytes =
        Zeroizing::new(fs::read(path).doing_as_asked(|| format!("cannot read `{}`", path.display()))?);
    if let Ok(seed) = <[u8; SEED]>::try_from(bytes.as_slice()) {
        return Ok(Zeroizing::new(seed));
    }
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    let mut seed = Zeroizing::new([0; SEED]);
    let is_hex = text.len() == 2 * SEED && text.bytes().all(|it| it.is_ascii_hexdigit());
    for (at, byte) in seed.iter_mut().enumerate() {
        let digits = text.get(2 * at..2 * at + 2).unwrap_or_default();
        *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
    }
    if is_hex {
        return Ok(seed);
    }
    Err(Error::usage(format!("`{}` is no seed: {} bytes", path.display(), bytes.len()))
        .hint("a seed has 32 bytes, or 64 hexadecimal digits: `openssl rand -hex 32`"))
}

/// The time at which this checkout's hierarchy was made, so that the second `dist` gives the bytes of the first.
fn own_epoch(folder: &Path) -> Result<u64> {
    let path = folder.join("epoch");
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().doing(|| format!("cannot read `{}`", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let epoch = now();
            write_private(&path, epoch.to_string().as_bytes())?;
            Ok(epoch)
        }
        Err(error) => Err(error).doing(|| format!("cannot read `{}`", path.display())),
    }
}

fn read_key(path: &Path) -> Result<Option<PrivateKey>> {
    let cannot = || format!("cannot read `{}`", path.display());
    match fs::read(path).map(Zeroizing::new) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).doing(cannot),
        Ok(der) => match PrivateKey::from_pkcs8(&der) {
            Some(key) => Ok(Some(key)),
            None => Err(Error::tool(cannot()).because("it holds no key").hint("delete that file")),
        },
    }
}

fn private_folder(folder: &Path) -> Result {
    let cannot = || format!("cannot create the folder `{}`", folder.display());
    fs::create_dir_all(folder).doing(cannot)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).doing(cannot)
}

/// Writes by rename, readable by the owner alone from its first byte on.
fn write_private(path: &Path, bytes: &[u8]) -> Result {
    let cannot = || format!("cannot write `{}`", path.display());
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let options = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
    options.and_then(|mut file| file.write_all(bytes)).doing(cannot)?;
    fs::rename(&new, path).doing(cannot)
}
