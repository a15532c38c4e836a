//! Joins thin images into one universal file, the same bytes from every machine.
//!
//! ```text
//!   0x0000  cafebabe 2 │ x86_64 at 0x4000 │ arm64 at …   zeros up to 2^14
//!   0x4000  x86_64
//!   …       zeros up to 2^14
//!           arm64                                        nothing after it
//! ```

use super::{
    Arch, MachO,
    fat::{FAT_MAGIC, Slices, Table},
};
use crate::bytes::{Error, Result};

/// 16 KiB, the page of Apple silicon; lipo and ld use it for both slices of every shipped dext.
pub const ALIGN: u32 = 14;

/// Joins thin Mach-O images into a universal file: x86_64 first, then arm64, then the rest by number.
///
/// Refused: no image, an image that is itself universal, two of one architecture, a result past 4 GiB.
/// The order of `images` does not matter.
pub fn merge(images: &[&[u8]]) -> Result<Vec<u8>> {
    merge_aligned(images, ALIGN)
}

/// The same with another alignment (a power of two), for tools that ask for one.
pub fn merge_aligned(images: &[&[u8]], align: u32) -> Result<Vec<u8>> {
    if images.is_empty() {
        return Err(Error::new(0, "no image to merge"));
    }
    if align > 30 {
        return Err(Error::new(0, format!("an alignment of 2^{align} is past 2^30")));
    }
    let mut parts = Vec::with_capacity(images.len());
    for image in images {
        parts.push((thin(image)?, *image));
    }
    parts.sort_by_key(|(arch, _)| rank(*arch));
    for pair in parts.windows(2) {
        if let [(first, _), (second, _)] = pair
            && first.is_same_as(*second)
        {
            return Err(Error::new(0, format!("two images for {first}")));
        }
    }
    let mut table = Vec::new();
    table.extend(FAT_MAGIC.to_be_bytes());
    table.extend(u32::try_from(parts.len()).map_err(|_| Error::new(0, "too many images"))?.to_be_bytes());
    let mut end = 8 + 20 * parts.len() as u64;
    let mut places = Vec::with_capacity(parts.len());
    for (arch, image) in &parts {
        let offset = end.next_multiple_of(1 << align);
        end = offset.saturating_add(image.len() as u64);
        let too_large = || Error::new(offset, format!("{arch} would lie past 4 GiB"));
        let (at, size) = (u32::try_from(offset), u32::try_from(image.len()));
        let (at, size) = (at.map_err(|_| too_large())?, size.map_err(|_| too_large())?);
        for word in [arch.cputype, arch.cpusubtype, at, size, align] {
            table.extend(word.to_be_bytes());
        }
        places.push((offset, *image));
    }
    if u32::try_from(end).is_err() {
        return Err(Error::new(0, "the universal file would be larger than 4 GiB"));
    }
    let mut out = table;
    for (offset, image) in places {
        out.resize(offset as usize, 0);
        out.extend_from_slice(image);
    }
    Ok(out)
}

fn thin(image: &[u8]) -> Result<Arch> {
    let whole: &dyn crate::Source = &image;
    match Slices::read(whole)? {
        Some(Slices { table: Table::Thin, .. }) => Ok(MachO::read(whole)?.arch),
        Some(_) => Err(Error::new(0, "an image to merge is itself universal")),
        None => Err(Error::new(0, "an image to merge is no Mach-O")),
    }
}

/// x86_64 comes first in every universal file that Xcode writes; the kernel does not care.
fn rank(arch: Arch) -> (u8, u32, u32, u32) {
    let class = match arch {
        _ if arch.is_x86_64() => 0,
        _ if arch.is_arm64() => 1,
        _ => 2,
    };
    (class, arch.cputype, arch.subtype(), arch.cpusubtype)
}
