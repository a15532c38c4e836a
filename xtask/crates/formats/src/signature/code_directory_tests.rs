//! Code directories made by hand: every version, and what is refused.

use proptest::prelude::*;

use super::*;
use crate::signature::superblob::tests::blob;

/// A code directory to build: what tests vary, with sound values for the rest.
pub(crate) struct Made {
    pub version: u32,
    pub hash_type: u8,
    pub hash_size: u8,
    pub page_shift: u8,
    pub code_limit: u32,
    pub special: Vec<Vec<u8>>,
    pub code: Vec<Vec<u8>>,
}

impl Default for Made {
    fn default() -> Self {
        let code = vec![vec![7; 32], vec![8; 32]];
        Self {
            version: 0x20500,
            hash_type: 2,
            hash_size: 32,
            page_shift: 12,
            code_limit: 5000,
            special: vec![],
            code,
        }
    }
}

impl Made {
    /// `special` are slots -1, -2, … in that order.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let fixed: usize = match self.version {
            0x20600.. => 108,
            0x20500.. => 96,
            0x20400.. => 88,
            0x20300.. => 64,
            0x20200.. => 52,
            0x20100.. => 48,
            _ => 44,
        };
        let texts = b"com.example.driver\0TEAM123456\0";
        let ident = fixed as u32;
        let team = ident + 19;
        let hashes = fixed + texts.len() + self.special.iter().map(Vec::len).sum::<usize>();
        let counts =
            [hashes as u32, ident, self.special.len() as u32, self.code.len() as u32, self.code_limit];
        let mut body = [&[self.version, 0x10000][..], &counts].concat();
        body.extend([u32::from_be_bytes([self.hash_size, self.hash_type, 0, self.page_shift]), 0]);
        body.extend([0, team, 0, 0, 0, 0, 0, 0, 0x4000, 0, 1, 0x000d_0100, 0, 0x0201_0003, 9, 10]);
        let mut out: Vec<u8> = body.into_iter().flat_map(u32::to_be_bytes).collect();
        out.truncate(fixed - 8);
        out.extend(texts);
        out.extend(self.special.iter().rev().chain(&self.code).flatten());
        blob(MAGIC_CODE_DIRECTORY, &out)
    }

    fn read(&self) -> Result<CodeDirectory> {
        CodeDirectory::parse(Bytes::new(&self.bytes()))
    }
}

#[track_caller]
fn refused(made: &Made, part: &str) {
    let error = made.read().unwrap_err();
    assert!(error.what.contains(part), "{error}");
}

#[test]
fn a_version_has_the_fields_it_introduced_and_no_later_ones() {
    let read = |version| Made { version, ..Made::default() }.read().unwrap();
    assert_eq!(read(0x20100).team, None);
    assert_eq!(read(0x20200).team.as_deref(), Some("TEAM123456"));
    assert_eq!(read(0x20300).exec_segment, None);
    let segment = ExecSegment { base: 0, limit: 0x4000, flags: 1 };
    assert_eq!(read(0x20400).exec_segment, Some(segment));
    assert_eq!(read(0x20400).runtime, None);
    assert_eq!(read(0x20500).runtime, Some(0x000d_0100));
    assert_eq!(read(0x20500).linkage, None);
    assert_eq!(read(0x20600).linkage.unwrap().application_sub_type, 3);
    for version in [0x20001, 0x20100, 0x20500, 0x2f000] {
        assert_eq!(read(version).identifier, "com.example.driver");
        assert_eq!(read(version).code_limit, 5000);
    }
}

#[test]
fn versions_outside_the_compatible_range_are_refused() {
    refused(&Made { version: 0x20000, ..Made::default() }, "version 0x20000 is not understood");
    refused(&Made { version: 0x2f001, ..Made::default() }, "version 0x2f001 is not understood");
}

#[test]
fn an_unknown_hash_or_a_wrong_size_is_refused() {
    refused(&Made { hash_type: 9, ..Made::default() }, "hash type 9");
    refused(&Made { hash_size: 20, ..Made::default() }, "hash size is 20, sha256 has 32");
    let truncated = Made { hash_type: 3, hash_size: 20, code: vec![vec![1; 20]], ..Made::default() };
    assert_eq!(truncated.read().unwrap().cdhash().0.len(), 20);
}

#[test]
fn a_zero_special_hash_is_absent_and_its_neighbours_are_not() {
    let made = Made { special: vec![vec![1; 32], vec![0; 32], vec![3; 32]], ..Made::default() };
    let found = made.read().unwrap();
    assert_eq!(found.special_hash(Slot::InfoPlist), Some(&[1; 32][..]));
    assert_eq!(found.special_hash(Slot::Requirements), None);
    assert_eq!(found.special_hash(Slot::Resources), Some(&[3; 32][..]));
    assert_eq!(found.special_hash(Slot::Entitlements), None);
    assert_eq!(found.special_hash(Slot::CodeDirectory), None);
    assert_eq!(found.code_hash(1), Some(&[8; 32][..]));
    assert_eq!(found.code_hash(2), None);
}

#[test]
fn hashes_that_leave_the_blob_are_refused() {
    let mut bytes = Made::default().bytes();
    bytes[31] += 1; // one code hash more than there are
    assert!(CodeDirectory::parse(Bytes::new(&bytes)).unwrap_err().what.contains("3 code hashes end past"));
    let mut bytes = Made::default().bytes();
    bytes[27] = 200;
    assert!(CodeDirectory::parse(Bytes::new(&bytes)).unwrap_err().what.contains("start before"));
}

#[test]
fn a_text_without_its_zero_is_refused() {
    let mut bytes = Made { code: vec![], code_limit: 0, ..Made::default() }.bytes();
    assert!(CodeDirectory::parse(Bytes::new(&bytes)).is_ok());
    *bytes.last_mut().unwrap() = b'7';
    let error = CodeDirectory::parse(Bytes::new(&bytes)).unwrap_err();
    assert!(error.what.contains("team identifier runs past"), "{error}");
}

#[test]
fn the_number_of_code_hashes_follows_from_limit_and_page_size() {
    let expected =
        |code_limit, page_shift| Made { code_limit, page_shift, ..Made::default() }.read().unwrap();
    assert_eq!(expected(8192, 12).expected_code_slots(), 2);
    assert_eq!(expected(8193, 12).expected_code_slots(), 3);
    assert_eq!(expected(8193, 14).expected_code_slots(), 1);
    assert_eq!(expected(8193, 0).expected_code_slots(), 1);
    assert_eq!(expected(0, 0).expected_code_slots(), 0);
}

#[test]
fn the_best_directory_is_the_one_with_the_strongest_hash_in_any_order() {
    let sha1 = Made { hash_type: 1, hash_size: 20, code: vec![], ..Made::default() }.read().unwrap();
    let sha256 = Made::default().read().unwrap();
    for pair in [[sha1.clone(), sha256.clone()], [sha256, sha1]] {
        assert_eq!(best(&pair).unwrap().hash_type, HashType::Sha256);
    }
    assert!(best(&[]).is_none());
}

#[test]
fn flags_are_words_and_unknown_bits_are_shown() {
    assert_eq!(flags::describe(0x20002), "adhoc,linker-signed");
    assert_eq!(flags::describe(0x10000), "runtime");
    assert_eq!(flags::describe(0), "none");
    assert_eq!(flags::describe(0x8000_0002), "adhoc,0x80000000");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz(&bytes);
        fuzz(&blob(MAGIC_CODE_DIRECTORY, &bytes));
    }

    #[test]
    fn a_damaged_directory_is_read_without_panic(at in 0usize..110, value: u8) {
        let mut bytes = Made { version: 0x20600, ..Made::default() }.bytes();
        bytes[at] = value;
        fuzz(&bytes);
    }
}
