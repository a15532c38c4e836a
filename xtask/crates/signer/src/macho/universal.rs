//! All slices of a file: taken apart, changed one by one in parallel, laid out again.

use formats::{
    Source,
    image::{Arch, Slices, fat::Table},
    source::Window,
};
use rayon::prelude::*;

use super::{Edited, Piece, Signed, SignedSlice, thin};
use crate::{Error, Result, code::Settings};

/// One slice with what the table says about it.
struct Part<'a> {
    arch: Arch,
    align: u32,
    offset: u64,
    window: Window<'a>,
}

/// A signature as it was taken off, or nothing where there was none.
pub type Taken = (Arch, Option<Vec<u8>>);

/// The file with every slice signed; order and alignment of the slices stay.
pub fn sign<'a>(file: &'a dyn Source, settings: &Settings<'_>) -> Result<Signed<'a>> {
    let (table, parts) = split(file)?;
    let signed = each(&parts, |part| thin::sign(&part.window, settings))?;
    let (mut slices, mut changed) = (Vec::new(), Vec::new());
    for (part, (image, found)) in parts.iter().zip(signed) {
        slices.push(SignedSlice { arch: part.arch, cdhashes: found.cdhashes });
        changed.push(image);
    }
    Ok(Signed { file: layout(file, table, &parts, changed)?, slices })
}

/// The file with every signature taken away, and the signatures, in the order of the slices.
pub fn strip(file: &dyn Source) -> Result<(Edited<'_>, Vec<Taken>)> {
    let (table, parts) = split(file)?;
    let (mut signatures, mut changed) = (Vec::new(), Vec::new());
    for (part, found) in parts.iter().zip(each(&parts, |part| thin::strip(&part.window))?) {
        signatures.push((part.arch, found.signature));
        changed.push(found.image);
    }
    Ok((layout(file, table, &parts, changed)?, signatures))
}

/// The file with `signatures` (as [`strip`] returned them) put in as they are.
pub fn attach<'a>(file: &'a dyn Source, signatures: &[Taken]) -> Result<Edited<'a>> {
    let (table, parts) = split(file)?;
    let mut changed = Vec::new();
    for part in &parts {
        let mut found = signatures.iter().filter(|(arch, _)| arch.is_same_as(part.arch));
        let (_, signature) =
            found.next().ok_or_else(|| Error::new(format!("no signature for {}", part.arch)))?;
        changed.push(match signature {
            Some(signature) => thin::attach(&part.window, signature).map_err(|it| it.within(part.arch))?,
            None => {
                let mut whole = Edited::new(&part.window);
                whole.push(Piece::Kept { offset: 0, len: part.window.len() });
                whole
            }
        });
    }
    if signatures.len() != parts.len() {
        let what = format!("signatures for {} slices, and the file has {}", signatures.len(), parts.len());
        return Err(Error::new(what));
    }
    layout(file, table, &parts, changed)
}

/// The slices of a file that can be signed.
fn split(file: &dyn Source) -> Result<(Table, Vec<Part<'_>>)> {
    let found = Slices::read(file)?.ok_or_else(|| Error::new("not a Mach-O file"))?;
    if found.table == Table::Fat64 {
        return Err(Error::new("a universal file with 64-bit offsets, which the kernel does not load")
            .hint("make it again with `lipo -create` (without `-fat64`)"));
    }
    if let Some(odd) = found.irregularities().first()
        && !matches!(odd, formats::image::fat::Irregular::Gap(..))
    {
        return Err(Error::new(format!("a universal file with an irregular table ({odd:?})"))
            .hint("make it again with `lipo -create`"));
    }
    let mut parts = Vec::new();
    for slice in &found.slices {
        let window = slice.window(file)?;
        parts.push(Part { arch: slice.arch, align: slice.align, offset: slice.offset, window });
    }
    Ok((found.table, parts))
}

/// The file made of `changed` slices.
fn layout<'a>(
    file: &'a dyn Source,
    table: Table,
    parts: &[Part<'_>],
    changed: Vec<Edited<'_>>,
) -> Result<Edited<'a>> {
    let too_large = |_| Error::new("a universal file of 4 GiB or more");
    let mut out = Edited::new(file);
    let mut offsets = vec![0; parts.len()];
    if table != Table::Thin {
        let count = u32::try_from(parts.len()).map_err(too_large)?;
        let mut head = [0xcafe_babe_u32.to_be_bytes(), count.to_be_bytes()].concat();
        let mut end = 8 + 20 * u64::from(count);
        for ((part, image), offset) in parts.iter().zip(&changed).zip(&mut offsets) {
            *offset = end.next_multiple_of(1u64.checked_shl(part.align).unwrap_or(1));
            end = *offset + image.len();
            let words = [
                part.arch.cputype,
                part.arch.cpusubtype,
                u32::try_from(*offset).map_err(too_large)?,
                u32::try_from(image.len()).map_err(too_large)?,
                part.align,
            ];
            head.extend(words.iter().flat_map(|it| it.to_be_bytes()));
        }
        u32::try_from(end).map_err(too_large)?;
        out.push(Piece::New(head));
    }
    if changed.is_empty() {
        return Err(Error::new("a file without slices"));
    }
    for ((part, image), offset) in parts.iter().zip(changed).zip(offsets) {
        out.pad(offset);
        out.append(image, part.offset);
    }
    Ok(out)
}

/// Applies `change` to every slice, in parallel; hashing is most of the work.
fn each<'p, T: Send>(
    parts: &'p [Part<'_>],
    change: impl Fn(&'p Part<'_>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    parts.par_iter().map(|part| change(part).map_err(|it| it.within(part.arch))).collect()
}
