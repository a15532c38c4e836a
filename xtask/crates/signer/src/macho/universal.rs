//! All slices of a file: taken apart, changed one by one in parallel, laid out again.

use formats::image::{Arch, Slices, fat::Table};

use super::{Signed, SignedSlice, thin};
use crate::{Error, Result, code::Settings};

/// One slice with what the table says about it.
#[derive(Debug, Clone)]
struct SliceBytes<'a> {
    arch: Arch,
    align: u32,
    bytes: &'a [u8],
}

/// The file with every slice signed; order and alignment of the slices stay.
pub fn sign(file: &[u8], settings: &Settings<'_>) -> Result<Signed> {
    let (table, slices) = split(file)?;
    let signed = each(&slices, |slice| thin::sign(slice.bytes, settings))?;
    let named = slices.iter().zip(&signed);
    let named =
        named.map(|(slice, (_, found))| SignedSlice { arch: slice.arch, cdhashes: found.cdhashes.clone() });
    let slices_signed = named.collect();
    let changed: Vec<Vec<u8>> = signed.into_iter().map(|(bytes, _)| bytes).collect();
    Ok(Signed { bytes: layout(table, &slices, changed)?, slices: slices_signed })
}

/// The file with every signature taken away, and the signatures, in the order of the slices.
pub fn strip(file: &[u8]) -> Result<(Vec<u8>, Vec<(Arch, Option<Vec<u8>>)>)> {
    let (table, slices) = split(file)?;
    let stripped = each(&slices, |slice| thin::strip(slice.bytes))?;
    let mut signatures = Vec::new();
    let mut changed = Vec::new();
    for (slice, found) in slices.iter().zip(stripped) {
        signatures.push((slice.arch, found.signature));
        changed.push(found.bytes);
    }
    Ok((layout(table, &slices, changed)?, signatures))
}

/// The file with `signatures` (as [`strip`] returned them) put in as they are.
pub fn attach(file: &[u8], signatures: &[(Arch, Option<Vec<u8>>)]) -> Result<Vec<u8>> {
    let (table, slices) = split(file)?;
    let mut changed = Vec::new();
    for slice in &slices {
        let mut found = signatures.iter().filter(|(arch, _)| arch.is_same_as(slice.arch));
        let (_, signature) =
            found.next().ok_or_else(|| Error::new(format!("no signature for {}", slice.arch)))?;
        changed.push(match signature {
            Some(signature) => thin::attach(slice.bytes, signature).map_err(|it| it.within(slice.arch))?,
            None => slice.bytes.to_vec(),
        });
    }
    if signatures.len() != slices.len() {
        let what = format!("signatures for {} slices, and the file has {}", signatures.len(), slices.len());
        return Err(Error::new(what));
    }
    layout(table, &slices, changed)
}

/// The slices of a file that can be signed.
fn split(file: &[u8]) -> Result<(Table, Vec<SliceBytes<'_>>)> {
    let found = Slices::read(&file)?.ok_or_else(|| Error::new("not a Mach-O file"))?;
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
    let mut slices = Vec::new();
    for slice in &found.slices {
        let (start, end) = (slice.offset as usize, slice.end() as usize);
        let bytes = file.get(start..end).ok_or_else(|| Error::new("a slice past the end of the file"))?;
        slices.push(SliceBytes { arch: slice.arch, align: slice.align, bytes });
    }
    Ok((found.table, slices))
}

/// The file made of `changed` slices.
fn layout(table: Table, slices: &[SliceBytes<'_>], mut changed: Vec<Vec<u8>>) -> Result<Vec<u8>> {
    if table == Table::Thin {
        return changed.pop().ok_or_else(|| Error::new("a file without slices"));
    }
    let too_large = |_| Error::new("a universal file of 4 GiB or more");
    let count = u32::try_from(slices.len()).map_err(too_large)?;
    let mut out = [0xcafe_babe_u32.to_be_bytes(), count.to_be_bytes()].concat();
    let mut end = 8 + 20 * slices.len();
    let mut places = Vec::new();
    for (slice, bytes) in slices.iter().zip(changed) {
        let offset = end.next_multiple_of(1usize.checked_shl(slice.align).unwrap_or(1));
        end = offset + bytes.len();
        let words = [
            slice.arch.cputype,
            slice.arch.cpusubtype,
            u32::try_from(offset).map_err(too_large)?,
            u32::try_from(bytes.len()).map_err(too_large)?,
            slice.align,
        ];
        out.extend(words.iter().flat_map(|it| it.to_be_bytes()));
        places.push((offset, bytes));
    }
    u32::try_from(end).map_err(too_large)?;
    for (offset, bytes) in places {
        out.resize(offset, 0);
        out.extend_from_slice(&bytes);
    }
    Ok(out)
}

/// Applies `change` to every slice, each on a thread of its own; hashing is most of the work.
fn each<T: Send>(
    slices: &[SliceBytes<'_>],
    change: impl Fn(&SliceBytes<'_>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let work = |slice: &SliceBytes<'_>| change(slice).map_err(|it| it.within(slice.arch));
    if let [only] = slices {
        return Ok(vec![work(only)?]);
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = slices.iter().map(|slice| scope.spawn(|| work(slice))).collect();
        running
            .into_iter()
            .map(|it| it.join().unwrap_or_else(|_| Err(Error::new("a thread panicked"))))
            .collect()
    })
}
