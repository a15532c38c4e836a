//! Joins slices into a universal binary, and takes arm64e out of one that was made elsewhere.

use std::path::Path;

use formats::{
    Bytes, Source,
    image::{Arch, MachO, Slices, merge},
    signature::{
        code_directory::{CodeDirectory, flags},
        superblob::{Slot, SuperBlob},
    },
};

use crate::error::{Error, Result};

/// Joins thin images for one platform. `name` is what errors call the result.
pub fn join(name: &str, images: &[Vec<u8>]) -> Result<Vec<u8>> {
    let cannot = || Error::tool(format!("cannot merge `{name}`"));
    let mut platform = None;
    for image in images {
        let macho = MachO::read(image).map_err(|error| cannot().because(error))?;
        if macho.arch.is_arm64e() {
            return Err(cannot().because(crate::config::ARM64E));
        }
        if macho.code_signature().is_some() {
            return Err(cannot()
                .because(format!("the {} slice is signed, and would not be what was signed", macho.arch))
                .hint("merge before signing"));
        }
        let found: Vec<_> = macho.targets().iter().map(|(platform, _, _)| *platform).collect();
        match &platform {
            None => platform = Some(found),
            Some(first) if *first == found => {}
            Some(first) => return Err(cannot().because(format!("slices for {first:?} and for {found:?}"))),
        }
    }
    let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
    merge(&images).map_err(|error| cannot().because(error))
}

/// What came of looking for arm64e in an image made elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub enum Thinned {
    /// There was none.
    Unchanged,
    /// The image without it; the names of the slices that were dropped.
    Without(Vec<u8>, Vec<String>),
}

/// Drops arm64e slices of an *unsigned* universal image. A signed one with such a slice is refused: dropping it would
/// leave signatures that describe a file which no longer exists.
pub fn without_arm64e(path: &Path, image: &[u8]) -> Result<Thinned> {
    let cannot = || Error::usage(format!("cannot use `{}`", path.display()));
    let Some(slices) = Slices::read(&image).map_err(|error| cannot().because(error))? else {
        let macho = MachO::read(&image).map_err(|error| cannot().because(error))?;
        return if macho.arch.is_arm64e() {
            Err(cannot().because(crate::config::ARM64E))
        } else {
            Ok(Thinned::Unchanged)
        };
    };
    if !slices.slices.iter().any(|slice| slice.arch.is_arm64e()) {
        return Ok(Thinned::Unchanged);
    }
    let mut kept = Vec::new();
    let mut dropped = Vec::new();
    for slice in &slices.slices {
        let window = slice.window(&image).map_err(|error| cannot().because(error))?;
        let macho = MachO::read(&window).map_err(|error| cannot().because(error))?;
        if macho.code_signature().is_some() && !is_signed_by_the_linker(&macho, &window) {
            return Err(cannot()
                .because(format!("it has an arm64e slice and its {} slice is signed", slice.arch))
                .hint("build it with `CODE_SIGNING_ALLOWED=NO`, or without arm64e"));
        }
        let bytes = Source::read(&window, 0, usize::try_from(slice.size).unwrap_or(usize::MAX));
        match slice.arch.is_arm64e() {
            true => dropped.push(slice.arch.to_string()),
            false => kept.push(bytes.map_err(|error| cannot().because(error))?.into_owned()),
        }
    }
    if kept.is_empty() {
        return Err(cannot().because("it has arm64e slices only").hint("build it for arm64"));
    }
    let kept: Vec<&[u8]> = kept.iter().map(Vec::as_slice).collect();
    let thinned = merge(&kept).map_err(|error| cannot().because(error))?;
    Ok(Thinned::Without(thinned, dropped))
}

/// ld signs arm64 code ad-hoc on its own; that signature promises nothing and is replaced when we sign.
fn is_signed_by_the_linker(macho: &MachO, source: &dyn Source) -> bool {
    let flags = || {
        let range = macho.code_signature()?;
        let bytes = source.read(range.offset, usize::try_from(range.size).ok()?).ok()?;
        let blobs = SuperBlob::parse(Bytes::new(&bytes)).ok()?;
        let directory = CodeDirectory::parse(blobs.get(Slot::CodeDirectory)?.bytes).ok()?;
        Some(directory.has_flags(flags::LINKER_SIGNED))
    };
    flags().unwrap_or(false)
}

/// The architectures of an image, by name.
pub fn architectures(image: &[u8]) -> Result<Vec<String>, formats::Error> {
    let source = &image;
    let name = |arch: Arch| arch.to_string();
    Ok(match Slices::read(source)? {
        Some(slices) => slices.slices.iter().map(|slice| name(slice.arch)).collect(),
        None => vec![name(MachO::read(source)?.arch)],
    })
}
