//! Does the code still have the hashes that its directories promise?
//!
//! The bytes are read in windows of a megabyte, in parallel, each byte once for all directories; memory stays at a
//! few windows whatever the size of the file. Pages larger than a window (none seen) are hashed one after the other.

use std::ops::Range;

use rayon::prelude::*;

use super::{code_directory::CodeDirectory, digest::Hasher, superblob::Slot};
use crate::{
    bytes::{Error, Result},
    source::Source,
};

/// A multiple of every page size in use (4 KiB, 16 KiB), and enough that reading costs little.
const WINDOW: u64 = 1 << 20;
/// Ranges of altered pages that are listed; one is a finding, more are the same finding again.
const MAX_RANGES: usize = 64;

/// What the pages of one code directory turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    /// Pages compared.
    pub checked: u64,
    /// Pages that differ.
    pub n_altered: u64,
    /// The same as ranges of page numbers, the first 64.
    pub altered: Vec<Range<u64>>,
    /// Pages that the code limit covers and no hash exists for (positive), or hashes without a page (negative).
    pub missing_hashes: i64,
}

impl Pages {
    /// Whether every byte up to the code limit has its hash, and it agrees.
    pub const fn is_sound(&self) -> bool {
        self.n_altered == 0 && self.missing_hashes == 0
    }
}

/// Compares the pages of `code` (a slice, from its Mach-O header) with each of `directories`.
///
/// Fails when `code` cannot be read, or ends before a code limit. A scatter list is not followed, as Security does
/// not follow it either.
pub fn check_pages(code: &dyn Source, directories: &[CodeDirectory]) -> Result<Vec<Pages>> {
    for directory in directories {
        if directory.code_limit > code.len() {
            let what =
                format!("code limit {} is past the end, {} bytes there", directory.code_limit, code.len());
            return Err(Error::new(code.len(), what));
        }
    }
    let fits = |it: &&CodeDirectory| it.page_size().is_some_and(|size| size <= WINDOW);
    let windowed: Vec<&CodeDirectory> = directories.iter().filter(fits).collect();
    let limit = windowed.iter().map(|it| it.code_limit).max().unwrap_or(0);
    let windows: Vec<Vec<Vec<u64>>> = (0..limit.div_ceil(WINDOW))
        .into_par_iter()
        .map(|n| check_window(code, n * WINDOW, limit, &windowed))
        .collect::<Result<_>>()?;

    let mut in_windows = (0..windowed.len()).map(|n| {
        let altered = windows.iter().flat_map(|it| it.get(n).into_iter().flatten().copied());
        altered.collect::<Vec<u64>>()
    });
    directories
        .iter()
        .map(|it| {
            let altered =
                if fits(&it) { in_windows.next().unwrap_or_default() } else { check_large(code, it)? };
            Ok(report(it, &altered))
        })
        .collect()
}

/// Compares `bytes` with the hash in a special slot: `None` when there is no hash.
pub fn check_special(directory: &CodeDirectory, slot: Slot, bytes: &[u8]) -> Option<bool> {
    directory.special_hash(slot).map(|hash| directory.hash_type.digest(bytes) == hash)
}

/// The altered pages of each directory that begin in the window at `start`.
fn check_window(
    code: &dyn Source,
    start: u64,
    limit: u64,
    directories: &[&CodeDirectory],
) -> Result<Vec<Vec<u64>>> {
    let len = WINDOW.min(limit - start);
    let bytes = code.read(start, len as usize)?;
    let altered = directories.iter().map(|directory| {
        let size = directory.page_size().unwrap_or(WINDOW);
        let covered = directory.code_limit.saturating_sub(start).min(len) as usize;
        let pages = bytes.get(..covered).unwrap_or_default().chunks(size as usize);
        let first = start / size;
        let numbered = pages.zip(first..);
        numbered.filter(|(page, n)| is_altered(directory, *n, page)).map(|(_, n)| n).collect()
    });
    Ok(altered.collect())
}

fn is_altered(directory: &CodeDirectory, n: u64, page: &[u8]) -> bool {
    let hash = u32::try_from(n).ok().and_then(|n| directory.code_hash(n));
    hash.is_some_and(|hash| directory.hash_type.digest(page) != hash)
}

/// The same for a directory whose pages are larger than a window, or that has but one for everything.
fn check_large(code: &dyn Source, directory: &CodeDirectory) -> Result<Vec<u64>> {
    let size = directory.page_size().unwrap_or(directory.code_limit).max(1);
    let n_pages = directory.expected_code_slots().min(directory.n_code_slots.into());
    let mut altered = Vec::new();
    for n in 0..n_pages {
        let mut hasher = Hasher::new(directory.hash_type);
        let mut at = n * size;
        let end = at.saturating_add(size).min(directory.code_limit);
        while at < end {
            let len = WINDOW.min(end - at);
            hasher.update(&code.read(at, len as usize)?);
            at += len;
        }
        if u32::try_from(n).ok().and_then(|n| directory.code_hash(n)) != Some(hasher.finish().as_slice()) {
            altered.push(n);
        }
    }
    Ok(altered)
}

fn report(directory: &CodeDirectory, altered: &[u64]) -> Pages {
    let expected = directory.expected_code_slots();
    let hashes = u64::from(directory.n_code_slots);
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for &n in altered {
        let is_full = ranges.len() == MAX_RANGES;
        match ranges.last_mut() {
            Some(last) if last.end == n => last.end += 1,
            _ if is_full => break,
            _ => ranges.push(n..n + 1),
        }
    }
    Pages {
        checked: expected.min(hashes),
        n_altered: altered.len() as u64,
        altered: ranges,
        missing_hashes: i64::try_from(expected).unwrap_or(i64::MAX) - i64::from(directory.n_code_slots),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Bytes,
        signature::{code_directory::tests::Made, digest::HashType},
    };

    /// Three and a bit windows of bytes that differ from page to page.
    fn code() -> Vec<u8> {
        (0..3 * WINDOW as u32 + 5000).map(|n| (n >> 10) as u8 ^ n as u8).collect()
    }

    fn directory(code: &[u8], hash: HashType, page_shift: u8) -> CodeDirectory {
        let size = if page_shift == 0 { code.len() } else { 1 << page_shift };
        let made = Made {
            hash_type: hash.number(),
            hash_size: hash.size() as u8,
            page_shift,
            code_limit: code.len() as u32,
            code: code.chunks(size).map(|it| hash.digest(it)).collect(),
            ..Made::default()
        };
        CodeDirectory::parse(Bytes::new(&made.bytes())).unwrap()
    }

    #[test]
    fn directories_of_any_page_size_agree_with_their_code() {
        let code = code();
        let all = [
            (HashType::Sha1, 12),
            (HashType::Sha256, 14),
            (HashType::Sha256Truncated, 0),
            (HashType::Sha384, 21),
        ]
        .map(|(hash, shift)| directory(&code, hash, shift));
        let pages = check_pages(&code, &all).unwrap();
        assert!(pages.iter().all(Pages::is_sound), "{pages:?}");
        assert_eq!(pages.iter().map(|it| it.checked).collect::<Vec<_>>(), [770, 193, 1, 2]);
    }

    #[test]
    fn an_altered_byte_is_found_in_its_page_and_nowhere_else() {
        let mut code = code();
        let all = [
            directory(&code, HashType::Sha1, 12),
            directory(&code, HashType::Sha256, 14),
            directory(&code, HashType::Sha256, 0),
        ];
        for at in [4096, 8191, code.len() - 1] {
            code[at] ^= 1;
        }
        let pages = check_pages(&code, &all).unwrap();
        assert_eq!(pages[0].altered, [1..2, 769..770]);
        assert_eq!(pages[1].altered, [0..1, 192..193]);
        assert_eq!(pages[2].altered.as_slice(), std::slice::from_ref(&(0..1)));
    }

    #[test]
    fn many_altered_pages_are_counted_and_the_first_are_listed() {
        let mut code = code();
        let sound = [directory(&code, HashType::Sha256, 12)];
        for page in code.chunks_mut(8192) {
            page[0] ^= 1;
        }
        let pages = &check_pages(&code, &sound).unwrap()[0];
        assert_eq!((pages.n_altered, pages.altered.len()), (385, MAX_RANGES));
        assert_eq!(pages.altered.first(), Some(&(0..1)));
    }

    #[test]
    fn too_few_hashes_and_a_limit_past_the_end_are_told() {
        let code = vec![1; 10_000];
        let mut made = Made { code_limit: 10_000, code: vec![], ..Made::default() };
        made.code = code[..8192].chunks(4096).map(|it| HashType::Sha256.digest(it)).collect();
        let short = CodeDirectory::parse(Bytes::new(&made.bytes())).unwrap();
        let pages = &check_pages(&code, std::slice::from_ref(&short)).unwrap()[0];
        assert_eq!((pages.checked, pages.missing_hashes, pages.is_sound()), (2, 1, false));
        assert!(check_pages(&code[..9999].to_vec(), &[short]).unwrap_err().what.contains("code limit 10000"));
    }

    #[test]
    fn a_special_slot_without_a_hash_is_neither_right_nor_wrong() {
        let made = Made { special: vec![HashType::Sha256.digest(b"plist")], ..Made::default() };
        let found = CodeDirectory::parse(Bytes::new(&made.bytes())).unwrap();
        assert_eq!(check_special(&found, Slot::InfoPlist, b"plist"), Some(true));
        assert_eq!(check_special(&found, Slot::InfoPlist, b"Plist"), Some(false));
        assert_eq!(check_special(&found, Slot::Resources, b"plist"), None);
    }
}
