//! The ledger on disk: beside the product, for its owner's eyes only, written by rename.
//!
//! ```text
//!   Host.pkg
//!   Host.pkg.notary.json                 the ledger
//!   Host.pkg.notary-log-1238aa04.json    the notary's log of one submission
//! ```

use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use notary::{
    Error, Result,
    ledger::{self, Ledger},
};

/// Ledger and logs of one product.
#[derive(Debug)]
pub struct Store {
    product: PathBuf,
}

impl Store {
    /// The one that belongs to the product at `path`.
    pub fn beside(path: &Path) -> Self {
        Self { product: path.to_owned() }
    }

    /// Where the ledger lies.
    pub fn ledger_path(&self) -> PathBuf {
        self.named("notary.json")
    }

    /// The ledger, when there is one that can be read.
    pub fn ledger(&self) -> Result<Option<Ledger>> {
        use ledger::Store as _;
        self.load()?.map(|text| Ledger::parse(&text)).transpose()
    }

    /// Id of the submission that counts; `None` also when the ledger cannot be read, which whoever needs it will be told.
    pub fn last_id(&self) -> Option<String> {
        self.ledger().ok()??.current()?.id.clone()
    }

    /// Puts the ledger out of the way, as that of a notary that is no more.
    pub fn forget(&self) -> Result<()> {
        use ledger::Store as _;
        if self.ledger_path().exists() { self.set_aside("previous") } else { Ok(()) }
    }

    fn named(&self, suffix: &str) -> PathBuf {
        let mut name = self.product.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{suffix}"));
        self.product.with_file_name(name)
    }

    fn write(&self, goal: &Path, bytes: &[u8]) -> Result<()> {
        let doing = || format!("write `{}`", goal.display());
        let folder = goal.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // A temporary file is 0600 from its first byte on.
        let mut file =
            tempfile::NamedTempFile::new_in(folder).map_err(|error| Error::local(doing(), error))?;
        file.write_all(bytes)
            .and_then(|()| file.as_file().sync_all())
            .map_err(|error| Error::local(doing(), error))?;
        file.persist(goal).map(drop).map_err(|error| Error::local(doing(), error.error))
    }
}

impl ledger::Store for Store {
    fn load(&self) -> Result<Option<String>> {
        let path = self.ledger_path();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::local(format!("read `{}`", path.display()), error)),
        }
    }

    fn save(&self, text: &str) -> Result<()> {
        self.write(&self.ledger_path(), text.as_bytes())
    }

    fn set_aside(&self, digest: &str) -> Result<()> {
        let goal = self.named(&format!("notary-{digest}.json"));
        let doing = || format!("set the old ledger aside as `{}`", goal.display());
        fs::rename(self.ledger_path(), &goal).map_err(|error| Error::local(doing(), error))
    }

    fn keep_log(&self, id: &str, bytes: &[u8]) -> Result<String> {
        let short: String = id.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let goal = self.named(&format!("notary-log-{short}.json"));
        self.write(&goal, bytes)?;
        Ok(goal.file_name().unwrap_or_default().to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use notary::ledger::Store as _;

    use super::*;

    #[test]
    fn a_ledger_lies_beside_its_product_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::beside(&folder.path().join("Host.pkg"));
        assert_eq!(store.load().unwrap(), None);
        store.save("one").unwrap();
        store.save("two").unwrap();
        let path = folder.path().join("Host.pkg.notary.json");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(store.keep_log("1238aa04-../x", b"{}").unwrap(), "Host.pkg.notary-log-1238aa04.json");
        store.set_aside("0e8e7755aca4").unwrap();
        assert_eq!(store.load().unwrap(), None);
        assert!(folder.path().join("Host.pkg.notary-0e8e7755aca4.json").exists());
    }

    #[test]
    fn a_ledger_that_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::beside(&folder.path().join("Host.pkg"));
        fs::create_dir(store.ledger_path()).unwrap();
        assert!(store.load().is_err());
    }
}
