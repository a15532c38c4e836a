//! Writes blobs, and the super blob that indexes them.

use formats::signature::superblob::{BLOB_HEADER, MAGIC_EMBEDDED, MAGIC_WRAPPER, Slot};

use crate::{Error, Result};

/// A blob of `magic` around `payload`.
pub fn blob(magic: u32, payload: &[u8]) -> Result<Vec<u8>> {
    let length =
        u32::try_from(BLOB_HEADER + payload.len()).map_err(|_| Error::new("a blob of 4 GiB or more"))?;
    Ok([&magic.to_be_bytes(), &length.to_be_bytes(), payload].concat())
}

/// The embedded signature made of complete blobs, ordered by slot and packed without gaps, as codesign does.
pub fn embedded(mut blobs: Vec<(Slot, Vec<u8>)>) -> Result<Vec<u8>> {
    blobs.sort_by_key(|(slot, _)| slot.number());
    let mut offset = 12 + 8 * blobs.len();
    let mut index = Vec::new();
    for (slot, blob) in &blobs {
        let at = u32::try_from(offset).map_err(|_| Error::new("a signature of 4 GiB or more"))?;
        index.extend(slot.number().to_be_bytes());
        index.extend(at.to_be_bytes());
        offset += blob.len();
    }
    let length = u32::try_from(offset).map_err(|_| Error::new("a signature of 4 GiB or more"))?;
    let mut out = Vec::with_capacity(offset);
    out.extend(MAGIC_EMBEDDED.to_be_bytes());
    out.extend(length.to_be_bytes());
    out.extend((blobs.len() as u32).to_be_bytes());
    out.extend(index);
    for (_, blob) in &blobs {
        out.extend_from_slice(blob);
    }
    Ok(out)
}

/// How long [`embedded`] makes blobs of these lengths.
pub fn length(blobs: impl IntoIterator<Item = usize>) -> usize {
    blobs.into_iter().fold(12, |sum, it| sum + 8 + it)
}

/// A CMS signature in its wrapper; empty for ad-hoc code.
pub fn wrapped(cms: &[u8]) -> Result<Vec<u8>> {
    blob(MAGIC_WRAPPER, cms)
}
