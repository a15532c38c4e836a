//! A keychain for one run: made for it, gone with it.
//!
//! ```text
//!   open    sweep what a crash left ▸ create ▸ no timeout ▸ certificates ▸ identities ▸ partition list ▸ search list ▸ probe
//!   close   search list without us ▸ delete ▸ remove the folder          on success, failure, panic and Ctrl-C; else at the next start
//! ```
//! codesign looks for the chain along the user's search list whatever `--keychain` says (codesign(1)), so ours is put in front of it and
//! everything else there stays. The default keychain is not touched. The private key arrives as PKCS #12 that we wrap ourselves under a
//! password made for this one import; no secret of the user is in a file of ours or on any command line.

mod folder;
mod search_list;
mod security;

use std::path::{Path, PathBuf};

use signer::identity::{Identity, Signer, to_pkcs12};
use zeroize::Zeroizing;

use self::folder::{Folder, write_private};
use crate::{
    error::{Doing, Error, Result},
    stage::sign::apple,
    terminal,
    tools::Toolbox,
};

pub use folder::{left_behind, sweep};

/// The open keychain. Dropping it takes it away.
#[derive(Debug)]
pub struct Keychain<'a> {
    tools: &'a Toolbox,
    path: PathBuf,
    /// Held so that nobody else takes the keychain for one that a crash left; `None` once it is gone.
    folder: Option<Folder>,
}

impl<'a> Keychain<'a> {
    /// A keychain that holds `identities`, ready for codesign and productsign: the first of them has signed a probe.
    pub fn open(tools: &'a Toolbox, identities: &[&Identity]) -> Result<Self> {
        folder::sweep(tools)?;
        let signers: Vec<&Signer> = identities.iter().filter_map(|it| it.signer()).collect();
        let folder = Folder::create()?;
        let keychain = Self { tools, path: folder.keychain(), folder: Some(folder) };
        // From here on every way out goes through `drop`.
        keychain.fill(&signers)?;
        Ok(keychain)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes it away. The same happens when it is dropped, but then nobody hears of a failure but the user.
    pub fn close(mut self) -> Result {
        self.remove()
    }

    fn fill(&self, signers: &[&Signer]) -> Result {
        let Some(folder) = &self.folder else { return Err(Error::tool("the keychain is gone")) };
        terminal::step("Opening", "a keychain for this run");
        let password = random_hex::<32>()?;
        let run = |call| self.tools.run(&call).map(drop);
        run(security::create(&self.path, &password))?;
        run(security::unlock(&self.path, &password))?;
        run(security::never_lock(&self.path))?;
        self.refuse_timeout()?;
        for (index, certificate) in shared(signers).into_iter().enumerate() {
            let file = folder.path().join(format!("certificate-{index}.cer"));
            write_private(&file, certificate.der())?;
            run(security::add_certificate(&self.path, &file))?;
        }
        for (index, signer) in signers.iter().enumerate() {
            self.import(folder, signer, &format!("identity-{index}.p12"))?;
        }
        run(security::set_partition_list(&self.path, &password))?;
        search_list::prepend(self.tools, &self.path)?;
        match signers.first() {
            Some(signer) => apple::probe(self.tools, signer, &self.path, folder.path()),
            None => Ok(()),
        }
    }

    /// Key and certificate, under a password that nobody will ever need again.
    fn import(&self, folder: &Folder, signer: &Signer, name: &str) -> Result {
        let cannot = || format!("cannot put `{}` into the keychain", signer.leaf().common_name());
        let once = random_hex::<24>()?;
        let salts = [random()?, random()?, random()?];
        let wrapped = to_pkcs12(signer, &once, &salts).doing(cannot)?;
        let file = folder.path().join(name);
        write_private(&file, &wrapped)?;
        let imported = self.tools.run(&security::import(&self.path, &file, &once));
        let removed = std::fs::remove_file(&file).doing(cannot);
        imported.and(removed)
    }

    /// A keychain that locks itself in the middle of a job hangs it in a window that nobody sees.
    fn refuse_timeout(&self) -> Result {
        let call = security::settings(&self.path);
        let said = self.tools.run(&call)?;
        // The real tool writes this to standard error.
        let said = said.complaints() + &said.text();
        if said.contains("no-timeout") {
            return Ok(());
        }
        Err(Error::tool(format!("cannot {}", call.purpose()))
            .because(format!("it would lock itself: {}", said.trim()))
            .hint("look whether a configuration profile sets a timeout for keychains"))
    }

    fn remove(&mut self) -> Result {
        match self.folder.take() {
            Some(folder) => folder.remove(self.tools),
            None => Ok(()),
        }
    }
}

impl Drop for Keychain<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            terminal::error(error.hint("the next run tries again"));
        }
    }
}

/// The certificates above the leaves, each once.
fn shared<'s>(signers: &[&'s Signer]) -> Vec<&'s signer::certificate::Certificate> {
    let mut all = Vec::new();
    for certificate in signers.iter().flat_map(|it| it.chain().iter().skip(1)) {
        if !all.contains(&certificate) {
            all.push(certificate);
        }
    }
    all
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let source =
        std::fs::File::open("/dev/urandom").and_then(|mut it| std::io::Read::read_exact(&mut it, &mut bytes));
    source.doing(|| "cannot get random bytes").map(|()| bytes)
}

fn random_hex<const N: usize>() -> Result<Zeroizing<String>> {
    let bytes = Zeroizing::new(random::<N>()?);
    Ok(Zeroizing::new(super::stamp::hex(&*bytes)))
}
