//! Where a ticket goes, byte for byte as Apple's stapler puts it.
//!
//! ```text
//!   bundle   X.app/Contents/CodeResources                       the ticket alone, a file of its own
//!   package  xar │ t8lr terminator │ ticket │ t8lr ticket       behind the archive, not signed
//!   image    data │ super blob with slot 0x10002 │ koly         the code directory does not cover the slot
//! ```
//! Pure: a [`Patch`] says where to cut a file and what to append; whoever owns the disk carries it out on a copy and renames. An old ticket is
//! replaced, never followed by another.

use formats::{
    Bytes, Error, Result, Source,
    container::{koly::Koly, trailer, xar::Xar},
    signature::superblob::{MAGIC_EMBEDDED, MAGIC_WRAPPER, Slot, SuperBlob},
};

/// Where a bundle keeps its ticket, below the bundle. Only bundles with `Contents` have this place: a `.dext` and a framework have none, and the
/// ticket of what they lie in covers them (Security, `notarization.cpp`).
pub const BUNDLE_TICKET: &str = "Contents/CodeResources";
/// `cdTicketSlot`
const TICKET_SLOT: u32 = 0x10002;
/// Where the trailer of an image keeps offset and length of the signature.
const KOLY_SIGNATURE: std::ops::Range<usize> = 0x128..0x138;

/// A change at the end of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// How much of the file stays.
    pub keep: u64,
    /// What follows.
    pub tail: Vec<u8>,
}

/// Staples a flat package.
pub fn package(source: &dyn Source, ticket: &[u8]) -> Result<Patch> {
    Ok(Patch { keep: Xar::read(source)?.end, tail: trailer::write(ticket)? })
}

/// Takes the ticket off a flat package; `None` when there is none.
pub fn unstaple_package(source: &dyn Source) -> Result<Option<Patch>> {
    let Some(stapled) = trailer::read(source)? else { return Ok(None) };
    let end = Xar::read(source)?.end;
    // Something unknown between the archive and the terminator is not ours to remove.
    if stapled.terminator != end {
        let what =
            format!("{} bytes lie between the archive and its trailers", stapled.terminator.abs_diff(end));
        return Err(Error::new(end, what));
    }
    Ok(Some(Patch { keep: end, tail: Vec::new() }))
}

/// Staples a disk image, signed or not.
pub fn image(source: &dyn Source, ticket: &[u8]) -> Result<Patch> {
    let koly = read_koly(source)?;
    let mut blobs = other_blobs(source, &koly)?;
    let ticket_at = blobs.partition_point(|(slot, _)| *slot < TICKET_SLOT);
    blobs.insert(ticket_at, (TICKET_SLOT, blob(MAGIC_WRAPPER, ticket)?));
    let signature = superblob(&blobs)?;
    let trailer = koly.with_signature(signature.len() as u64);
    Ok(Patch { keep: koly.data_end, tail: [signature.as_slice(), &trailer].concat() })
}

/// Takes the ticket off a disk image; `None` when there is none.
pub fn unstaple_image(source: &dyn Source) -> Result<Option<Patch>> {
    if image_ticket(source)?.is_none() {
        return Ok(None);
    }
    let koly = read_koly(source)?;
    let blobs = other_blobs(source, &koly)?;
    if blobs.is_empty() {
        // An image that was never signed names no place for a signature.
        let mut trailer = koly.with_signature(0);
        if let Some(place) = trailer.get_mut(KOLY_SIGNATURE) {
            place.fill(0);
        }
        return Ok(Some(Patch { keep: koly.data_end, tail: trailer.to_vec() }));
    }
    let signature = superblob(&blobs)?;
    let trailer = koly.with_signature(signature.len() as u64);
    Ok(Some(Patch { keep: koly.data_end, tail: [signature.as_slice(), &trailer].concat() }))
}

/// The ticket stapled to a flat package.
pub fn package_ticket(source: &dyn Source) -> Result<Option<Vec<u8>>> {
    let Some(stapled) = trailer::read(source)? else { return Ok(None) };
    let len = usize::try_from(stapled.ticket.len)
        .map_err(|_| Error::new(stapled.ticket.offset, "a ticket too large"))?;
    Ok(Some(source.read(stapled.ticket.offset, len)?.into_owned()))
}

/// The ticket stapled to a disk image.
pub fn image_ticket(source: &dyn Source) -> Result<Option<Vec<u8>>> {
    let koly = read_koly(source)?;
    let Some(bytes) = signature_bytes(source, &koly)? else { return Ok(None) };
    let parsed = SuperBlob::parse(Bytes::at(&bytes, koly.data_end))?;
    let ticket = parsed.blobs.iter().find(|it| it.slot.number() == TICKET_SLOT);
    Ok(ticket.map(|it| it.payload().as_slice().to_vec()))
}

fn read_koly(source: &dyn Source) -> Result<Koly> {
    Koly::read(source)?.ok_or_else(|| Error::new(source.len(), "not a disk image: its trailer is missing"))
}

fn signature_bytes(source: &dyn Source, koly: &Koly) -> Result<Option<Vec<u8>>> {
    let Some(range) = koly.signature else { return Ok(None) };
    let len = usize::try_from(range.len).map_err(|_| Error::new(range.offset, "a signature too large"))?;
    Ok(Some(source.read(range.offset, len)?.into_owned()))
}

/// Every blob but the ticket, ascending by slot as Apple writes them.
fn other_blobs(source: &dyn Source, koly: &Koly) -> Result<Vec<(u32, Vec<u8>)>> {
    let Some(bytes) = signature_bytes(source, koly)? else { return Ok(Vec::new()) };
    let parsed = SuperBlob::parse(Bytes::at(&bytes, koly.data_end))?;
    let mut blobs: Vec<(u32, Vec<u8>)> = parsed
        .blobs
        .iter()
        .filter(|it| it.slot != Slot::from_number(TICKET_SLOT))
        .map(|it| (it.slot.number(), it.bytes.as_slice().to_vec()))
        .collect();
    blobs.sort_by_key(|(slot, _)| *slot);
    Ok(blobs)
}

fn blob(magic: u32, payload: &[u8]) -> Result<Vec<u8>> {
    let len = payload.len().checked_add(8).and_then(|it| u32::try_from(it).ok());
    let len = len.ok_or_else(|| Error::new(0, "a blob too large"))?;
    Ok([&magic.to_be_bytes(), &len.to_be_bytes(), payload].concat())
}

fn superblob(blobs: &[(u32, Vec<u8>)]) -> Result<Vec<u8>> {
    let too_large = || Error::new(0, "a signature too large");
    let number = |n: usize| u32::try_from(n).map_err(|_| too_large());
    let mut at = number(blobs.len().saturating_mul(8).saturating_add(12))?;
    let mut index = Vec::new();
    let mut payload = Vec::new();
    for (slot, blob) in blobs {
        index.extend_from_slice(&slot.to_be_bytes());
        index.extend_from_slice(&at.to_be_bytes());
        payload.extend_from_slice(blob);
        at = at.checked_add(number(blob.len())?).ok_or_else(too_large)?;
    }
    let count = number(blobs.len())?;
    Ok([&MAGIC_EMBEDDED.to_be_bytes()[..], &at.to_be_bytes(), &count.to_be_bytes(), &index, &payload]
        .concat())
}

impl Patch {
    /// The file that results, for those who have it in memory.
    pub fn apply(&self, file: &[u8]) -> Result<Vec<u8>> {
        let keep = usize::try_from(self.keep).ok().and_then(|it| file.get(..it));
        let keep =
            keep.ok_or_else(|| Error::new(self.keep, "the file is shorter than what is kept of it"))?;
        Ok([keep, &self.tail].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Real stapled files, by extension.
    fn corpus(extension: &str) -> Vec<(String, Vec<u8>)> {
        let Some(folder) = std::env::var_os("XTASK_CORPUS") else {
            std::io::Write::write_all(
                &mut std::io::stderr(),
                b"not run: stapling real files again (XTASK_CORPUS is not set)\n",
            )
            .unwrap();
            return Vec::new();
        };
        let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
        found.retain(|it| it.extension().is_some_and(|it| it == extension));
        assert!(!found.is_empty());
        found.iter().map(|it| (it.display().to_string(), std::fs::read(it).unwrap())).collect()
    }

    #[test]
    fn real_packages_unstapled_and_stapled_again_are_the_same_bytes() {
        for (name, file) in corpus("pkg") {
            let ticket = package_ticket(&file).unwrap().unwrap();
            let bare = unstaple_package(&file).unwrap().unwrap().apply(&file).unwrap();
            assert_eq!(bare.len() + ticket.len() + 32, file.len(), "{name}");
            assert_eq!(unstaple_package(&bare).unwrap(), None);
            assert!(package(&bare, &ticket).unwrap().apply(&bare).unwrap() == file, "{name}");
            // Stapling what is stapled replaces the ticket.
            assert!(package(&file, &ticket).unwrap().apply(&file).unwrap() == file, "{name}");
        }
    }

    #[test]
    fn real_images_unstapled_and_stapled_again_are_the_same_bytes() {
        for (name, file) in corpus("dmg") {
            let ticket = image_ticket(&file).unwrap().unwrap();
            let bare = unstaple_image(&file).unwrap().unwrap().apply(&file).unwrap();
            assert_eq!(unstaple_image(&bare).unwrap(), None);
            assert!(image(&bare, &ticket).unwrap().apply(&bare).unwrap() == file, "{name}");
            assert!(image(&file, &ticket).unwrap().apply(&file).unwrap() == file, "{name}");
        }
    }

    fn made_image(signature: &[u8]) -> Vec<u8> {
        let mut koly = [0; 512];
        koly[..12].copy_from_slice(b"koly\0\0\0\x04\0\0\x02\0");
        let bare = [b"data", &koly[..]].concat();
        let trailer = Koly::read(&bare).unwrap().unwrap().with_signature(signature.len() as u64);
        if signature.is_empty() { bare } else { [b"data", signature, &trailer].concat() }
    }

    #[test]
    fn the_ticket_of_a_signed_image_lies_between_its_other_blobs_in_slot_order() {
        let directory = blob(0xfade_0c02, b"directory").unwrap();
        let cms = blob(MAGIC_WRAPPER, b"cms").unwrap();
        let later = blob(0xfade_0b03, b"later").unwrap();
        let signed = made_image(&superblob(&[(0, directory), (0x10000, cms), (0x10003, later)]).unwrap());
        let stapled = image(&signed, b"ticket").unwrap().apply(&signed).unwrap();
        assert_eq!(image_ticket(&stapled).unwrap().as_deref(), Some(&b"ticket"[..]));
        assert_eq!(unstaple_image(&stapled).unwrap().unwrap().apply(&stapled).unwrap(), signed);
        let range = Koly::read(&stapled).unwrap().unwrap().signature.unwrap();
        let bytes = &stapled[range.offset as usize..(range.offset + range.len) as usize];
        let slots: Vec<u32> =
            SuperBlob::parse(Bytes::new(bytes)).unwrap().blobs.iter().map(|it| it.slot.number()).collect();
        assert_eq!(slots, [0, 0x10000, 0x10002, 0x10003]);
    }

    #[test]
    fn an_unsigned_image_gets_a_signature_that_holds_the_ticket_alone() {
        let bare = made_image(&[]);
        let stapled = image(&bare, b"ticket").unwrap().apply(&bare).unwrap();
        assert_eq!(image_ticket(&stapled).unwrap().as_deref(), Some(&b"ticket"[..]));
        assert_eq!(unstaple_image(&stapled).unwrap().unwrap().apply(&stapled).unwrap(), bare);
    }

    #[test]
    fn what_is_no_container_is_refused() {
        assert!(package(&b"PK\x03\x04".to_vec(), b"t").is_err());
        assert!(image(&vec![0; 600], b"t").is_err());
        assert!(Patch { keep: 9, tail: Vec::new() }.apply(b"short").is_err());
    }
}
