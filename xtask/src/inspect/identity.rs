//! Who signed: from a CMS message to what checks look at.

use checks::subject::{Agility, Anchor, Certificate, Cms, Found, Timestamp};
use formats::{
    Bytes, Error,
    document::plist::Date,
    signature::{
        certificate,
        chain::{self, Chain, Trust},
        cms::{Mismatch, SignedData, Signer},
        digest::{HashType, hex},
        key::Scheme,
        time::UnixTime,
        timestamp,
    },
};

use crate::inspect::Asked;

/// What the message is about.
pub struct Signed<'a> {
    /// The content it is detached from; `None`: what it has inside.
    pub content: Option<&'a [u8]>,
    /// Of each code directory, slot 0 first: algorithm, cdhash, whole digest. Empty where there are no code directories.
    pub directories: &'a [(HashType, [u8; 20], Vec<u8>)],
}

/// Reads and verifies one message.
pub fn read(message: &SignedData, signed: &Signed<'_>, asked: &Asked) -> Found<Cms> {
    let [signer] = message.signers.as_slice() else {
        return Found::Broken(Error::new(0, format!("{} signers, one expected", message.signers.len())));
    };
    let timestamp = match signer.timestamp_token() {
        None => Found::Absent,
        Some(token) => match timestamp::Timestamp::parse(Bytes::new(token)) {
            Ok(token) => Found::Present(stamp(&token, signer, message, &asked.trust)),
            Err(error) => Found::Broken(error.within("timestamp")),
        },
    };
    let claimed = signer.signing_time();
    let judged =
        timestamp.present().map(|it| UnixTime(it.time.0)).or(claimed).unwrap_or(UnixTime(asked.now.0));
    let leaf = signer.certificate(&message.certificates);
    let built = leaf.map(|it| chain::build(it, &message.certificates, &asked.trust, judged));
    let content = signed.content.or(message.content.as_deref()).unwrap_or_default();
    let verified = match leaf {
        Some(leaf) => signer.verify(content, leaf),
        None => Err(Mismatch::ContentType),
    };
    // The mathematics and the digest of the content are two questions; either can fail alone.
    let (signature, message_digest) = match (leaf, verified) {
        (None, _) => {
            (Err("the signer's certificate is not in the signature".to_owned()), digest_of(signer, content))
        }
        (Some(_), Ok(())) => (Ok(()), Ok(())),
        (Some(leaf), Err(Mismatch::Digest { .. } | Mismatch::NoDigest)) => {
            (signer.verify_attributes(leaf).map_err(|it| it.to_string()), digest_of(signer, content))
        }
        (Some(_), Err(other)) => (Err(other.to_string()), digest_of(signer, content)),
    };
    Found::Present(Cms {
        certificates: message.certificates.iter().map(certificate).collect(),
        chain: built.iter().flat_map(|it| &it.certificates).map(certificate).collect(),
        anchor: built
            .as_ref()
            .map_or_else(|| Anchor::Broken("no certificate fits the signer".into()), anchor),
        signature,
        message_digest,
        agility_v1: agility_v1(signer, signed),
        agility_v2: agility_v2(signer, signed),
        signing_time: claimed.map(date),
        timestamp,
        algorithm: algorithm(signer),
        is_weak: is_weak(signer),
    })
}

/// What checks look at of a certificate.
pub fn certificate(it: &certificate::Certificate) -> Certificate {
    Certificate {
        name: it.subject.common_name().unwrap_or("without a name").to_owned(),
        unit: it.subject.organizational_unit().map(str::to_owned),
        issuer: it.issuer.common_name().unwrap_or("without a name").to_owned(),
        sha256: it.sha256(),
        not_before: date(it.not_before),
        not_after: date(it.not_after),
        extensions: it.extensions.iter().map(|it| it.oid.clone()).collect(),
        is_sha1_signed: it.is_signed_with_sha1(),
    }
}

/// Where a chain ends. Validity in time and SHA-1 are left to the checks, which see the certificates; every other fault of a link
/// means that the chain does not hold.
pub fn anchor(chain: &Chain) -> Anchor {
    let broken =
        chain.faults.iter().find(|it| !matches!(it, chain::Fault::NotValid(_) | chain::Fault::Sha1(_)));
    if let Some(fault) = broken {
        return Anchor::Broken(fault.to_string());
    }
    let last = || {
        let name = chain.certificates.last().and_then(|it| it.subject.common_name());
        name.unwrap_or("without a name").to_owned()
    };
    match &chain.anchor {
        chain::Anchor::Apple(name) => Anchor::Pinned((*name).to_owned()),
        chain::Anchor::Given => Anchor::Given(last()),
        chain::Anchor::Unknown => Anchor::Unknown(last()),
        chain::Anchor::Missing(issuer) => Anchor::Broken(format!("the issuer `{issuer}` was not found")),
    }
}

/// Where a ticket's chain ends. A ticket carries leaf and intermediate and never its root, so when both links hold, what is
/// missing is not a link but somebody who vouches for that root.
pub fn ticket_anchor(chain: &Chain) -> Anchor {
    let holds = chain.faults.iter().all(|it| matches!(it, chain::Fault::NotValid(_) | chain::Fault::Sha1(_)));
    match &chain.anchor {
        chain::Anchor::Missing(root) if holds && chain.certificates.len() == 2 => {
            Anchor::Unknown(root.to_string())
        }
        _ => anchor(chain),
    }
}

/// A moment, as checks keep it.
pub const fn date(it: UnixTime) -> Date {
    Date(it.0)
}

fn stamp(token: &timestamp::Timestamp, signer: &Signer, message: &SignedData, trust: &Trust) -> Timestamp {
    use timestamp::Fault;
    let verdict = token.verify(&signer.signature, &message.certificates, trust);
    let about_imprint = |it: &&Fault| matches!(it, Fault::Imprint | Fault::UnsupportedHash(_));
    let imprint = verdict.faults.iter().find(about_imprint);
    // "Untrusted" says of the chain what the anchor says better, unless a certificate of it is at fault.
    let is_expired = verdict.chain.as_ref().is_some_and(|it| it.is_anchored() && !it.faults.is_empty());
    let others = verdict.faults.iter().filter(|it| !about_imprint(it));
    let other = others.into_iter().find(|it| is_expired || !matches!(it, Fault::Untrusted));
    let agrees = |fault: Option<&Fault>| fault.map_or(Ok(()), |it| Err(it.to_string()));
    let authority = verdict.chain.as_ref().and_then(|it| it.certificates.first());
    Timestamp {
        time: date(token.at),
        imprint: agrees(imprint),
        signature: agrees(other),
        anchor: verdict
            .chain
            .as_ref()
            .map_or_else(|| Anchor::Broken("the authority's certificate is missing".into()), anchor),
        authority: authority.and_then(|it| it.subject.common_name()).unwrap_or("without a name").to_owned(),
    }
}

fn digest_of(signer: &Signer, content: &[u8]) -> Result<(), String> {
    let digest =
        signer.digest.ok_or_else(|| format!("the digest {} is not computed here", signer.digest_oid))?;
    let found = digest.digest(content);
    match signer.message_digest() {
        None if signer.signed.is_empty() => Ok(()),
        None => Err("no message digest is signed".into()),
        Some(signed) if signed == found => Ok(()),
        Some(signed) => Err(format!("signed is {}, the bytes have {}", hex(&signed), hex(&found))),
    }
}

fn agility_v1(signer: &Signer, signed: &Signed<'_>) -> Agility {
    match signer.hash_agility_cdhashes() {
        None => Agility::Absent,
        Some(Err(error)) => Agility::Differs(error.to_string()),
        Some(Ok(listed)) => {
            let mut listed: Vec<_> = listed.into_iter().map(|it| it.0.to_vec()).collect();
            // The attribute keeps twenty bytes of every digest, whatever the algorithm.
            let mut there: Vec<_> = signed.directories.iter().map(|it| it.1.to_vec()).collect();
            compare(&mut listed, &mut there)
        }
    }
}

fn agility_v2(signer: &Signer, signed: &Signed<'_>) -> Agility {
    match signer.hash_agility_digests() {
        None => Agility::Absent,
        Some(Err(error)) => Agility::Differs(error.to_string()),
        Some(Ok(listed)) => {
            let mut listed: Vec<_> = listed.into_iter().map(|it| it.1).collect();
            let mut there: Vec<_> = signed.directories.iter().map(|it| it.2.clone()).collect();
            compare(&mut listed, &mut there)
        }
    }
}

fn compare(listed: &mut Vec<Vec<u8>>, there: &mut Vec<Vec<u8>>) -> Agility {
    let text = |all: &[Vec<u8>]| all.iter().map(|it| hex(it)).collect::<Vec<_>>().join(", ");
    listed.sort();
    there.sort();
    if listed == there {
        Agility::Agrees
    } else {
        Agility::Differs(format!("{} listed, {} there", text(listed), text(there)))
    }
}

fn algorithm(signer: &Signer) -> String {
    let scheme = match signer.algorithm.scheme {
        Scheme::Pkcs1 => "RSA",
        Scheme::Pss => "RSA-PSS",
        Scheme::Ecdsa => "ECDSA",
        Scheme::Other => signer.algorithm.name.as_str(),
    };
    let hash = signer.digest.map_or_else(|| signer.digest_oid.clone(), |it| it.name().to_uppercase());
    format!("{scheme} with {hash}")
}

fn is_weak(signer: &Signer) -> bool {
    /// MD5 and MD2; SHA-1 is known by its type.
    const BROKEN: [&str; 2] = ["1.2.840.113549.2.5", "1.2.840.113549.2.2"];
    signer.digest == Some(HashType::Sha1) || BROKEN.contains(&signer.digest_oid.as_str())
}
