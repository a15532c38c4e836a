//! Writes code directories, version 0x20500: a hash of every page, and of everything else the signature covers.
//!
//! ```text
//! header (96) │ identifier\0 │ team\0 │ hash -n … hash -1 │ hash of page 0 … hash of page m
//! ```

use std::collections::BTreeMap;

use formats::{
    Source,
    signature::{
        code_directory::{ExecSegment, WITH_RUNTIME},
        digest::HashType,
        superblob::{MAGIC_CODE_DIRECTORY, Slot},
    },
};
use rayon::prelude::*;

use crate::{Error, Result};

/// Code is read in windows of this length: a multiple of every page size, and enough that reading costs little.
const WINDOW: u64 = 1 << 20;

/// Length of the fixed fields of version 0x20500.
const HEADER: usize = 96;

/// What a code directory shall say.
#[derive(Debug)]
pub struct Template<'a> {
    /// Algorithm of all hashes.
    pub hash: HashType,
    /// Signing identifier.
    pub identifier: &'a str,
    /// Team, unless signed by nobody.
    pub team: Option<&'a str>,
    /// `CS_*` flags.
    pub flags: u32,
    /// Base-2 logarithm of the page size.
    pub page_shift: u8,
    /// Executable segment.
    pub exec_segment: ExecSegment,
    /// SDK version for the hardened runtime, 0 without it.
    pub runtime: u32,
    /// What each special slot covers: the bytes of Info.plist and CodeResources, or a whole blob.
    pub special: &'a BTreeMap<Slot, &'a [u8]>,
}

/// Where the parts of a code directory begin, and what there is of each.
struct Layout {
    team: usize,
    n_special: usize,
    hashes: usize,
    n_code: usize,
    length: usize,
}

impl Template<'_> {
    /// How long the blob over `code` bytes is.
    pub fn length(&self, code: u64) -> Result<usize> {
        Ok(self.layout(code)?.length)
    }

    fn layout(&self, code: u64) -> Result<Layout> {
        let size = self.hash.size();
        let n_special = self.special.keys().map(|it| it.number() as usize).max().unwrap_or(0);
        let page = 1u64.checked_shl(self.page_shift.into()).filter(|it| WINDOW.is_multiple_of(*it));
        let page = page.ok_or_else(|| Error::new(format!("pages of 2^{} bytes", self.page_shift)))?;
        let too_large = |_| Error::new("a code directory of 4 GiB or more");
        let n_code = usize::try_from(code.div_ceil(page)).map_err(too_large)?;
        let team = HEADER + self.identifier.len() + 1;
        let hashes = team + self.team.map_or(0, |it| it.len() + 1) + n_special * size;
        Ok(Layout { team, n_special, hashes, n_code, length: hashes + n_code * size })
    }

    /// The blob over `code`, header included.
    pub fn write(&self, code: &dyn Source) -> Result<Vec<u8>> {
        let size = self.hash.size();
        let Layout { team, n_special, hashes, n_code, length } = self.layout(code.len())?;
        let identifier = HEADER;
        // 4 GiB is where `codeLimit` ends; `codeLimit64` is left for who can test it on a Mac.
        let code_limit = u32::try_from(code.len()).map_err(|_| Error::new("a slice of 4 GiB or more"))?;
        let number =
            |value: usize| u32::try_from(value).map_err(|_| Error::new("a code directory of 4 GiB or more"));

        let mut out = Vec::with_capacity(length);
        let words = [
            MAGIC_CODE_DIRECTORY,
            number(length)?,
            WITH_RUNTIME,
            self.flags,
            number(hashes)?,
            number(identifier)?,
            number(n_special)?,
            number(n_code)?,
            code_limit,
        ];
        out.extend(words.iter().flat_map(|it| it.to_be_bytes()));
        // Hash size, algorithm, platform (Apple's own only), page size.
        out.extend([size as u8, self.hash.number(), 0, self.page_shift]);
        let team_offset = if self.team.is_some() { number(team)? } else { 0 };
        // spare2, scatter, team, spare3
        out.extend([0, 0, team_offset, 0].iter().flat_map(|it: &u32| it.to_be_bytes()));
        let segment = [0, self.exec_segment.base, self.exec_segment.limit, self.exec_segment.flags];
        out.extend(segment.iter().flat_map(|it: &u64| it.to_be_bytes()));
        // runtime, pre-encryption hashes
        out.extend([self.runtime, 0].iter().flat_map(|it: &u32| it.to_be_bytes()));
        out.extend(self.identifier.as_bytes());
        out.push(0);
        if let Some(team) = self.team {
            out.extend(team.as_bytes());
            out.push(0);
        }
        for number in (1..=n_special as u32).rev() {
            match self.special.get(&Slot::from_number(number)) {
                Some(covered) => out.extend(self.hash.digest(covered)),
                // All zero says that there is nothing.
                None => out.resize(out.len() + size, 0),
            }
        }
        for hashes in self.page_hashes(code)? {
            out.extend(hashes);
        }
        Ok(out)
    }

    /// The hashes of all pages, window by window; windows are read and hashed in parallel.
    fn page_hashes(&self, code: &dyn Source) -> Result<Vec<Vec<u8>>> {
        let page = 1usize << self.page_shift;
        let window = |n: u64| {
            let start = n * WINDOW;
            let len = WINDOW.min(code.len() - start) as usize;
            let bytes = code.read(start, len)?;
            Ok(bytes.chunks(page).flat_map(|it| self.hash.digest(it)).collect())
        };
        (0..code.len().div_ceil(WINDOW)).into_par_iter().map(window).collect()
    }
}
