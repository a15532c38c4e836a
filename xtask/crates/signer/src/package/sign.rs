//! The two signatures of a package, both over the digest of xar's table: the classic RSA one, and the CMS.

use std::io::Write;

use formats::container::xar_write::{Package, Space, SpaceKind};

use crate::{
    Error, Result,
    asn1::oid,
    certificate::Certificate,
    cms::{Content as Signable, SignedData, attribute},
    code::Stamp,
    identity::Signer,
    key::Kind,
};

/// Writes `package` with the signatures of `signer` in it.
pub(super) fn sign(
    package: &mut Package<'_>,
    signer: &Signer,
    signing_time: u64,
    stamp: Option<Stamp<'_>>,
    out: &mut dyn Write,
) -> Result<()> {
    let certificates: Vec<Vec<u8>> = signer.chain().iter().map(|it| it.der().to_vec()).collect();
    let modulus = match signer.key().kind() {
        Kind::Rsa(bits) => (bits / 8) as u64,
        Kind::P256 | Kind::P384 => {
            return Err(Error::new("an installer package is signed with an RSA key"));
        }
    };
    let carried: usize = certificates.iter().map(Vec::len).sum();
    let room = carried + 4096 + if stamp.is_some() { 8192 } else { 0 };
    package.reserve(Space { kind: SpaceKind::Rsa, len: modulus, certificates: certificates.clone() });
    package.reserve(Space { kind: SpaceKind::Cms, len: room as u64, certificates });
    let mut failed = None;
    let mut both = |digest: &[u8]| {
        let made = signatures(signer, digest, signing_time, stamp);
        made.map_err(|error| {
            let what = error.what.clone();
            failed = Some(error);
            formats::Error::new(0, what)
        })
    };
    let written = package.write(&mut both, out);
    match failed {
        Some(error) => Err(error),
        None => Ok(written?),
    }
}

fn signatures(
    signer: &Signer,
    digest: &[u8],
    signing_time: u64,
    stamp: Option<Stamp<'_>>,
) -> Result<Vec<Vec<u8>>> {
    let sha1: &[u8; 20] = digest.try_into().map_err(|_| Error::new("the table's digest is not SHA-1"))?;
    let rsa = signer.key().sign_sha1_digest(sha1)?;
    let chain: &[Certificate] = signer.chain();
    let message = SignedData {
        content: Signable::Detached(digest),
        chain,
        key: signer.key(),
        signing_time: Some(signing_time),
        attributes: Vec::new(),
    };
    let cms = message.sign(|signature| match stamp {
        None => Ok(Vec::new()),
        Some(stamp) => Ok(vec![attribute(oid::TIMESTAMP_TOKEN, stamp(signature)?)]),
    })?;
    Ok(vec![rsa, cms])
}
