//! What is neither bundle nor Mach-O: a file with a detached signature, a disk image with one in front of its trailer.

use std::{collections::BTreeMap, fs, path::Path};

use formats::{
    container::koly::{self, Koly},
    signature::{
        code_directory::{ExecSegment, flags},
        digest::HashType,
        superblob::Slot,
    },
};
use signer::{
    asn1::oid,
    cms::{Content, SignedData, attribute},
    code_directory::Template,
    requirement, superblob,
};

use super::{Job, Refusal, read, stem, write};
use crate::timestamp;

pub(super) fn is_image(bytes: &[u8]) -> bool {
    matches!(Koly::read(&bytes), Ok(Some(_)))
}

/// `--detached FILE`: the code is not touched.
pub(super) fn detached(job: &Job, path: &Path) -> Result<(), Refusal> {
    let goal = job.words.value("-D").ok_or("--detached needs a file")?;
    let signature = signature(job, &stem(path), &read(path)?, None)?;
    fs::write(goal, signature).map_err(|it| it.to_string())
}

/// The signature goes between data and trailer, and the trailer says where (facts: `formats::container::koly`).
pub(super) fn disk_image(job: &Job, path: &Path, bytes: &[u8]) -> Result<(), Refusal> {
    let trailer = Koly::read(&bytes).map_err(|it| it.to_string())?.ok_or("not a disk image")?;
    if trailer.signature.is_some() && !job.words.has("-f") {
        return Err("is already signed".to_owned());
    }
    let end = usize::try_from(trailer.data_end).map_err(|it| it.to_string())?;
    let data = bytes.get(..end).ok_or("the trailer lies about its data")?;
    let signature = signature(job, &stem(path), data, Some(&trailer.signed_form()))?;
    let trailer = trailer.with_signature(signature.len() as u64);
    write(path, &[data, &signature, trailer.get(..koly::LEN as usize).unwrap_or_default()].concat())
}

/// A super blob over `data`. `trailer` is what an image has in its slot of its own.
fn signature(job: &Job, identifier: &str, data: &[u8], trailer: Option<&[u8]>) -> Result<Vec<u8>, Refusal> {
    let failed = |it: signer::Error| it.what;
    let identifier = job.words.value("-i").unwrap_or(identifier);
    let requirements = requirement::designated_blob(identifier, &job.identity);
    let mut special: BTreeMap<Slot, &[u8]> = BTreeMap::from([(Slot::Requirements, requirements.as_slice())]);
    special.extend(trailer.map(|it| (Slot::RepSpecific, it)));
    let team = job.identity.team();
    let template = Template {
        hash: HashType::Sha256,
        identifier,
        team: team.as_deref(),
        flags: if job.identity.signer().is_none() { flags::ADHOC } else { 0 },
        page_shift: 12,
        exec_segment: ExecSegment { base: 0, limit: 0, flags: 0 },
        runtime: 0,
        special: &special,
    };
    let directory = template.write(&data).map_err(failed)?;
    let cms = match job.identity.signer() {
        None => Vec::new(),
        Some(signer) => {
            let message = SignedData {
                content: Content::Detached(&directory),
                chain: signer.chain(),
                key: signer.key(),
                signing_time: Some(job.time),
                attributes: Vec::new(),
            };
            message.sign(|bytes| stamps(job, bytes)).map_err(failed)?
        }
    };
    let blobs = vec![
        (Slot::CodeDirectory, directory.clone()),
        (Slot::Requirements, requirements.clone()),
        (Slot::Signature, superblob::wrapped(&cms).map_err(failed)?),
    ];
    superblob::embedded(blobs).map_err(failed)
}

/// The timestamp as an unsigned attribute.
fn stamps(job: &Job, signature: &[u8]) -> signer::Result<Vec<Vec<u8>>> {
    if !timestamp::is_wanted(job.words, &job.identity) {
        return Ok(Vec::new());
    }
    Ok(vec![attribute(oid::TIMESTAMP_TOKEN, timestamp::over(signature, job.words)?)])
}
