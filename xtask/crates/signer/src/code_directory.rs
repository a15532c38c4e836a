//! Writes code directories, version 0x20500: a hash of every page, and of everything else the signature covers.
//!
//! ```text
//! header (96) │ identifier\0 │ team\0 │ hash -n … hash -1 │ hash of page 0 … hash of page m
//! ```

use std::collections::BTreeMap;

use formats::signature::{
    code_directory::{ExecSegment, WITH_RUNTIME},
    digest::HashType,
    superblob::{MAGIC_CODE_DIRECTORY, Slot},
};

use crate::{Error, Result};

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

impl Template<'_> {
    /// The blob over `code`, header included.
    pub fn write(&self, code: &[u8]) -> Result<Vec<u8>> {
        let size = self.hash.size();
        let n_special = self.special.keys().map(|it| it.number() as usize).max().unwrap_or(0);
        let pages = code.chunks(1usize.checked_shl(self.page_shift.into()).unwrap_or(usize::MAX));
        let n_code = pages.len();

        let identifier = HEADER;
        let team = identifier + self.identifier.len() + 1;
        let specials = team + self.team.map_or(0, |it| it.len() + 1);
        let hashes = specials + n_special * size;
        let length = hashes + n_code * size;
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
        for page in pages {
            out.extend(self.hash.digest(page));
        }
        Ok(out)
    }
}
