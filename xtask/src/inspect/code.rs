//! Mach-O files: slices, load commands, signatures with every hash compared.

use std::sync::Arc;

use checks::subject::{Code, Directory, Found, Image, Signature, SpecialSlot, Table};
use formats::{
    Bytes, Error, Source,
    document::{entitlements, plist},
    image::{MachO, Slice, Slices, fat::Irregular, macho, symbols},
    signature::{self, code_directory::CodeDirectory, hashing, superblob::Slot},
};
use rayon::prelude::*;

use super::{
    Asked,
    identity::{self, Signed},
    requirement::{self, Evidence},
};

/// What lies beside the code and is covered by its signature, when the code is a bundle's main executable.
#[derive(Clone, Default)]
pub struct Beside {
    /// Bytes of the bundle's Info.plist.
    pub info: Option<Vec<u8>>,
    /// Bytes of the bundle's CodeResources.
    pub resources: Option<Vec<u8>>,
    /// Whether it is in a bundle at all; if not, the Info.plist is the one embedded in the image.
    pub is_in_bundle: bool,
}

/// Files up to this size are looked at many at a time: the worst of them takes a few times its size of memory.
pub const SMALL: u64 = 2 << 20;
/// Largest embedded Info.plist that is read; real ones have a few KB.
const MAX_INFO: u64 = 1 << 20;
/// Bad pages listed per directory; one is a finding, more are the same finding again.
const MAX_BAD_PAGES: usize = 64;

/// Whether `source` starts like a Mach-O or a universal file.
pub fn is_macho(source: &dyn Source) -> bool {
    match source.read(0, 4).as_deref() {
        Ok(&[a, b, c, d]) => {
            let is_fat = matches!([a, b, c, d], [0xca, 0xfe, 0xba, 0xbe | 0xbf]);
            // A Java class file has the same magic; the reader tells them apart, and gives `None`.
            macho::is_macho([a, b, c, d]) || is_fat && !matches!(Slices::read(source), Ok(None))
        }
        _ => false,
    }
}

/// Reads one Mach-O file; also gives what requirements upon it are evaluated with, one for each signed slice.
pub fn read(path: &str, source: &Arc<dyn Source>, beside: &Beside, asked: &Asked) -> (Code, Vec<Evidence>) {
    let file = source.as_ref();
    let mut evidence = Vec::new();
    let table = match Slices::read(file) {
        Ok(Some(slices)) => {
            let (table, found) = table(file, slices, beside, asked);
            evidence = found;
            Ok(table)
        }
        Ok(None) => Err(Error::new(0, "it starts like a Mach-O file and is none")),
        Err(error) => Err(error),
    };
    (Code { path: path.to_owned(), table }, evidence)
}

fn table(file: &dyn Source, slices: Slices, beside: &Beside, asked: &Asked) -> (Table, Vec<Evidence>) {
    let irregular = slices.irregularities().into_iter().filter(|it| is_worth_saying(file, it)).collect();
    let read = |it: &Slice| image(file, *it, beside, asked).map_err(|error| (*it, error));
    let read: Vec<_> = match file.len() <= SMALL {
        true => slices.slices.par_iter().map(read).collect(),
        false => slices.slices.iter().map(read).collect(),
    };
    let (mut images, mut evidence) = (Vec::new(), Vec::new());
    for it in read {
        images.push(it.map(|(image, found)| {
            evidence.extend(found);
            image
        }));
    }
    (Table { kind: slices.table, images, irregular }, evidence)
}

/// A gap of zeros that is shorter than the alignment is how every universal file looks.
fn is_worth_saying(file: &dyn Source, it: &Irregular) -> bool {
    match it {
        Irregular::Gap(start, end, align) => {
            let len = end.saturating_sub(*start);
            let is_short = *align < 31 && len < 1 << align;
            !is_short || !is_zero(file, *start, len)
        }
        _ => true,
    }
}

fn is_zero(file: &dyn Source, start: u64, len: u64) -> bool {
    /// Read at a time; also the length from which on the rest is taken piece by piece.
    const PIECE: u64 = 1 << 20;
    let pieces = (0..len.div_ceil(PIECE)).map(|n| (start + n * PIECE, PIECE.min(len - n * PIECE)));
    pieces.into_iter().all(|(at, len)| {
        let len = usize::try_from(len).expect("at most PIECE");
        file.read(at, len).is_ok_and(|it| it.iter().all(|it| *it == 0))
    })
}

fn image(
    file: &dyn Source,
    slice: Slice,
    beside: &Beside,
    asked: &Asked,
) -> Result<(Image, Option<Evidence>), Error> {
    let window = slice.window(file)?;
    let macho = MachO::read(&window)?;
    let info = macho.section("__TEXT", "__info_plist").filter(|it| it.size <= MAX_INFO);
    let info =
        info.map(|it| window.read(it.offset.into(), usize::try_from(it.size).expect("at most MAX_INFO")));
    let embedded_info = info.transpose()?.map(|it| it.into_owned());
    let mut evidence = None;
    let (signature, is_signature_blank) = match macho.code_signature() {
        None => (Found::Absent, false),
        Some(range) if is_zero(&window, range.offset, range.size) => (Found::Absent, true),
        Some(range) => match signature::Signature::read(&window, range.offset, range.size) {
            Ok(found) => {
                let (signature, known) = judged(&window, &found, embedded_info.as_deref(), beside, asked);
                evidence = known;
                (signature, false)
            }
            Err(error) => (Found::Broken(error), false),
        },
    };
    let exports = match symbols::exported(&macho, &window) {
        Ok(names) if names.is_empty() => Found::Absent,
        Ok(names) => Found::Present(names),
        Err(error) => Found::Broken(error),
    };
    let private_paths = private_paths(&window, &asked.private_prefixes)?;
    let image = Image { slice, macho, exports, embedded_info, private_paths, is_signature_blank, signature };
    Ok((image, evidence))
}

/// Every part of a signature, compared with what it is about.
fn judged(
    code: &dyn Source,
    found: &signature::Signature,
    embedded_info: Option<&[u8]>,
    beside: &Beside,
    asked: &Asked,
) -> (Found<Signature>, Option<Evidence>) {
    let directories: Vec<CodeDirectory> = found.directories.iter().map(|it| it.1.clone()).collect();
    let pages = match hashing::check_pages(code, &directories) {
        Ok(pages) => pages,
        Err(error) => return (Found::Broken(error), None),
    };
    let info = if beside.is_in_bundle { beside.info.as_deref() } else { embedded_info };
    let actual = |slot: Slot| match slot {
        Slot::InfoPlist => info,
        Slot::Resources => beside.resources.as_deref(),
        other => found.blob(other),
    };
    let compared = found.directories.iter().zip(pages).map(|((slot, it), pages)| {
        let mut directory = Directory::of(*slot, it);
        let bad = pages.altered.iter().flat_map(Clone::clone).filter_map(|it| u32::try_from(it).ok());
        directory.bad_pages = bad.take(MAX_BAD_PAGES).collect();
        directory.special = special(it, &actual);
        directory
    });
    let directories_read: Vec<Directory> = compared.collect();
    let hashes: Vec<_> =
        found.directories.iter().map(|(_, it)| (it.hash_type, it.cdhash().0, it.digest())).collect();
    let fault = |slot: Slot| found.faults.iter().find(|it| it.0 == slot).map(|it| it.1.clone());
    let cms = match (&found.cms, fault(Slot::Signature), found.directory()) {
        (_, Some(error), _) => Found::Broken(error),
        (Some(message), _, Some(directory)) => {
            let signed = Signed { content: Some(directory.as_bytes()), directories: &hashes };
            identity::read(message, &signed, asked)
        }
        (Some(_), _, None) => {
            Found::Broken(Error::new(found.offset, "there is no code directory that it could sign"))
        }
        (None, None, _) => Found::Absent,
    };
    let entitlements = match &found.entitlements {
        Some(text) => plist::read(text).map_or_else(Found::Broken, Found::Present),
        None => Found::Absent,
    };
    let entitlements_der = match &found.entitlements_der {
        Some(der) => entitlements::from_der(Bytes::new(der)).map_or_else(Found::Broken, Found::Present),
        None => Found::Absent,
    };
    let claims = entitlements.present().and_then(|it: &plist::Plist| it.value.as_dict());
    let claims = claims.or_else(|| entitlements_der.present()).cloned();
    let info = info.and_then(|it| plist::read(it).ok()).and_then(|it| it.value.as_dict().cloned());
    let evidence = Evidence::of(found, info, claims, asked);
    let requirement = match (&found.requirements, fault(Slot::Requirements)) {
        (_, Some(error)) => Found::Broken(error),
        (Some(set), _) => requirement::designated(set, evidence.as_ref()),
        (None, None) => Found::Absent,
    };
    let misfits = found.entries.iter().filter(|it| it.slot.magic().is_some_and(|magic| magic != it.magic));
    let broken = found.faults.iter().filter(|it| it.0.is_code_directory());
    let signature = Signature {
        overlaps: found.overlaps.clone(),
        repeated: found.repeated.clone(),
        misfits: misfits.map(|it| (it.slot, it.magic)).collect(),
        slack: (found.slack, found.is_slack_zero),
        directories: directories_read,
        broken_directories: broken.cloned().collect(),
        entitlements,
        entitlements_text: found.entitlements.clone().unwrap_or_default(),
        entitlements_der,
        requirement,
        cms,
    };
    (Found::Present(signature), evidence)
}

/// Each special slot: what the directory promises and what is there.
fn special<'a>(directory: &CodeDirectory, actual: &dyn Fn(Slot) -> Option<&'a [u8]>) -> Vec<SpecialSlot> {
    /// Slots known today; a directory that has more is looked at as far as this.
    const KNOWN: u32 = 11;
    let slots = (1..=KNOWN).map(Slot::from_number).map(|slot| SpecialSlot {
        slot,
        promised: directory.special_hash(slot).map(<[u8]>::to_vec),
        actual: actual(slot).map(|it| directory.hash_type.digest(it)),
    });
    slots.filter(|it| it.slot.number() <= directory.n_special_slots || it.actual.is_some()).collect()
}

/// Paths of a build machine in the bytes, the first few, each up to its zero byte.
fn private_paths(code: &dyn Source, prefixes: &[String]) -> Result<Vec<String>, Error> {
    const WINDOW: u64 = 1 << 20;
    /// Windows overlap by this much, so that a path that straddles two of them is seen whole.
    const OVERLAP: u64 = 1024;
    const MOST: usize = 5;
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() && found.len() < MOST && !prefixes.is_empty() {
        let len = (WINDOW + OVERLAP).min(code.len() - at);
        let bytes = code.read(at, usize::try_from(len).expect("at most a window"))?;
        for prefix in prefixes.iter().filter(|it| !it.is_empty()) {
            let starts =
                bytes.windows(prefix.len()).enumerate().filter(|it| it.1 == prefix.as_bytes()).map(|it| it.0);
            for start in starts.take(MOST) {
                let text =
                    bytes.get(start..).unwrap_or_default().split(|it| *it == 0).next().unwrap_or_default();
                let text =
                    String::from_utf8_lossy(text.get(..text.len().min(200)).unwrap_or_default()).into_owned();
                if found.len() < MOST && !found.contains(&text) {
                    found.push(text);
                }
            }
        }
        at += WINDOW;
    }
    Ok(found)
}
