//! Small images made here, and what the readers say of damaged ones.

use goblin::mach::load_command as lc;
use proptest::prelude::*;

use super::{
    fat::{Irregular, Table},
    *,
};
use crate::{bytes::Result, source::Source};

fn u32s(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|it| it.to_le_bytes()).collect()
}

fn text_command(kind: u32, head: &[u32], text: &str) -> Vec<u8> {
    let fixed = 8 + 4 * head.len();
    let mut body = text.as_bytes().to_vec();
    body.resize((body.len() + 1).next_multiple_of(8), 0);
    let mut command = u32s(&[kind, (fixed + body.len()) as u32]);
    command.extend(u32s(head));
    command.extend(body);
    command
}

/// A thin image with these load commands and 64 bytes of body.
fn image(arch: Arch, commands: &[Vec<u8>]) -> Vec<u8> {
    let all: Vec<u8> = commands.concat();
    let mut out = u32s(&[0xfeed_facf, arch.cputype, arch.cpusubtype, 2]);
    out.extend(u32s(&[commands.len() as u32, all.len() as u32, 0x0020_0085, 0]));
    out.extend(all);
    out.extend([arch.cputype as u8; 64]);
    out
}

fn dext(arch: Arch) -> Vec<u8> {
    image(
        arch,
        &[
            u32s(&[lc::LC_BUILD_VERSION, 32, 10, 0x0014_0400, 0x0019_0500, 1, 4, 0x0013_0000]),
            text_command(lc::LC_LOAD_DYLINKER, &[12], "/usr/lib/dyld"),
            text_command(lc::LC_LOAD_DYLIB, &[24, 2, 0, 0], "/System/DriverKit/usr/lib/libc++.dylib"),
            u32s(&[lc::LC_UUID, 24, 1, 2, 3, 4]),
            u32s(&[0x7777, 12, 9]),
            u32s(&[lc::LC_CODE_SIGNATURE, 16, 0x100, 0x20]),
        ],
    )
}

fn read(data: &[u8]) -> Result<MachO> {
    MachO::read(&data)
}

#[track_caller]
fn refused(data: &[u8], what: &str) {
    let fault = read(data).unwrap_err().to_string();
    assert!(fault.contains(what), "{fault}");
}

#[test]
fn a_small_image_reads_as_written() {
    let found = read(&dext(Arch::ARM64)).unwrap();
    assert_eq!(found.arch, Arch::ARM64);
    assert_eq!(found.filetype, FileType::EXECUTE);
    let target = (Platform::DRIVERKIT, "20.4".parse().unwrap(), "25.5".parse().unwrap());
    assert_eq!(found.targets(), [target]);
    assert_eq!(found.build_versions().next().unwrap().tools, [(4, Version(0x0013_0000))]);
    assert_eq!(found.dylinker(), Some("/usr/lib/dyld"));
    assert_eq!(found.dylibs().next().unwrap().name, "/System/DriverKit/usr/lib/libc++.dylib");
    assert_eq!(found.code_signature().unwrap().end(), 0x120);
    assert_eq!(found.commands[4].body, Body::Other);
    assert!(found.entry().is_none());
}

#[test]
fn a_command_that_lies_about_its_size_is_refused() {
    refused(&image(Arch::ARM64, &[u32s(&[0x7777, 4])]), "has a size of 4");
    refused(&image(Arch::ARM64, &[u32s(&[0x7777, 64])]), "ends past the load commands");
    refused(&image(Arch::ARM64, &[u32s(&[lc::LC_UUID, 16, 0, 0])]), "shorter than its fields");
    let early = image(Arch::ARM64, &[[u32s(&[0x7777, 8]), vec![0; 16]].concat()]);
    refused(&early, "end 16 bytes early");
    let tools = u32s(&[lc::LC_BUILD_VERSION, 24, 10, 0, 0, 9]);
    refused(&image(Arch::ARM64, &[tools]), "9 tools promised, room for 0");
    refused(&image(Arch::ARM64, &[text_command(lc::LC_RPATH, &[4], "x")]), "inside the fixed fields");
}

#[test]
fn counts_past_the_header_are_refused_before_anything_is_allocated() {
    let mut many = dext(Arch::ARM64);
    many[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    refused(&many, "load commands promised");
    let mut long = dext(Arch::ARM64);
    long[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
    refused(&long, "more than 1048576");
    long[20..24].copy_from_slice(&4096_u32.to_le_bytes());
    refused(&long, "end past the slice");
}

#[test]
fn merged_slices_come_back_in_one_order_whatever_the_input_order() {
    let (intel, arm) = (dext(Arch::X86_64), dext(Arch::ARM64));
    let merged = merge(&[&arm, &intel]).unwrap();
    assert_eq!(merged, merge(&[&intel, &arm]).unwrap());
    let found = Slices::read(&merged).unwrap().unwrap();
    assert_eq!(found.table, Table::Fat32);
    let [first, second] = found.slices[..] else { panic!("two slices") };
    assert_eq!((first.arch, first.offset, first.align), (Arch::X86_64, 0x4000, 14));
    assert_eq!((second.arch, second.offset, second.end()), (Arch::ARM64, 0x8000, merged.len() as u64));
    assert_eq!(second.window(&merged).unwrap().read(0, arm.len()).unwrap(), arm);
    for odd in found.irregularities() {
        let Irregular::Gap(start, end, align) = odd else { panic!("{odd:?}") };
        assert!(merged[start as usize..end as usize].iter().all(|&it| it == 0) && end - start < 1 << align);
    }
}

#[test]
fn a_merge_of_two_slices_for_one_architecture_is_refused() {
    let arm = dext(Arch::ARM64);
    assert_eq!(merge(&[&arm, &arm]).unwrap_err().what, "two images for arm64");
    assert!(merge(&[]).is_err());
    assert!(merge(&[&merge(&[&arm]).unwrap()]).unwrap_err().what.contains("itself universal"));
    assert!(merge(&[b"\x7fELF and more"]).unwrap_err().what.contains("no Mach-O"));
    assert!(merge(&[&arm, &dext(Arch::ARM64E)]).is_ok());
    assert!(merge(&[&dext(Arch::ARM64E_OLD), &dext(Arch::ARM64E)]).is_err());
}

fn table(entries: &[[u32; 5]], len: usize) -> Vec<u8> {
    let mut out: Vec<u8> =
        [0xcafe_babe, entries.len() as u32].iter().flat_map(|it| it.to_be_bytes()).collect();
    out.extend(entries.iter().flatten().flat_map(|it| it.to_be_bytes()));
    out.resize(len, 0);
    out
}

#[track_caller]
fn odd(entries: &[[u32; 5]], len: usize, expected: &[Irregular]) {
    assert_eq!(Slices::read(&table(entries, len)).unwrap().unwrap().irregularities(), expected);
}

#[test]
fn irregular_tables_are_described() {
    const ARM: u32 = 0x0100_000c;
    const INTEL: u32 = 0x0100_0007;
    odd(&[[ARM, 0, 28, 4, 0]], 32, &[]);
    odd(&[[ARM, 0, 32, 4, 4]], 36, &[Irregular::Gap(28, 32, 4)]);
    odd(&[[ARM, 0, 28, 4, 3]], 32, &[Irregular::Misaligned(0)]);
    odd(&[[ARM, 0, 28, 4, 99]], 32, &[Irregular::Misaligned(0)]);
    odd(&[[ARM, 0, 28, 4, 0]], 40, &[Irregular::Trailing(32, 40)]);
    odd(&[[ARM, 0, 20, 12, 0]], 32, &[Irregular::OverTable(0)]);
    odd(&[[ARM, 0, 48, 8, 0], [INTEL, 3, 52, 8, 0]], 60, &[Irregular::Overlap(0, 1)]);
    odd(&[[ARM, 2, 48, 4, 0], [ARM, 0x8000_0002, 52, 4, 0]], 56, &[Irregular::Duplicate(0, 1)]);
}

#[test]
fn a_slice_past_the_end_is_refused() {
    let fault = Slices::read(&table(&[[0x0100_000c, 0, 28, 5, 0]], 32)).unwrap_err();
    assert_eq!(fault.what, "slice 0 (arm64) ends past the end of the file");
    assert!(Slices::read(&table(&[[0x0100_000c, 0, u32::MAX, u32::MAX, 0]], 32)).is_err());
}

#[test]
fn a_java_class_and_a_text_are_no_universal_files() {
    assert_eq!(Slices::read(&vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61, 9, 9]), Ok(None));
    assert_eq!(Slices::read(&b"#!/bin/sh".to_vec()), Ok(None));
    assert_eq!(Slices::read(&Vec::new()), Ok(None));
    assert!(Slices::read(&vec![0xca, 0xfe, 0xba, 0xbe, 0]).is_err());
}

#[test]
fn a_64_bit_table_is_recognised() {
    let mut file: Vec<u8> =
        [0xcafe_babf_u32, 1, 0x0100_000c, 0].iter().flat_map(|it| it.to_be_bytes()).collect();
    file.extend([40_u64, 8].iter().flat_map(|it| it.to_be_bytes()));
    file.extend([0; 16]);
    let found = Slices::read(&file).unwrap().unwrap();
    assert_eq!((found.table, found.slices[0].offset, found.slices[0].size), (Table::Fat64, 40, 8));
}

/// An image with a symbol table of one defined external, one undefined, one local symbol, and a trie naming `_b`.
fn with_symbols() -> Vec<u8> {
    let strings = b"\0_a\0_undefined\0_local\0".to_vec();
    let trie = [&[0, 1][..], b"_b\0", &[6, 2, 0, 0, 0]].concat();
    let body = 32 + 24 + 16;
    let mut out = image(
        Arch::ARM64,
        &[
            u32s(&[lc::LC_SYMTAB, 24, body, 3, body + 48, strings.len() as u32]),
            u32s(&[lc::LC_DYLD_EXPORTS_TRIE, 16, body + 48 + strings.len() as u32, trie.len() as u32]),
        ],
    );
    out.truncate(body as usize);
    for (name, kind) in [(1_u32, 0x0f_u8), (4, 0x01), (15, 0x0e)] {
        out.extend(name.to_le_bytes());
        out.extend([kind, 1, 0, 0]);
        out.extend([0; 8]);
    }
    out.extend(strings);
    out.extend(trie);
    out
}

#[test]
fn exported_symbols_come_from_the_table_and_the_trie() {
    let file = with_symbols();
    let names = symbols::exported(&read(&file).unwrap(), &file).unwrap();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["_a", "_b"]);
}

#[test]
fn a_table_that_gives_every_symbol_the_same_long_name_is_refused() {
    let (count, name) = (4000_u32, [b'a'; 32_000]);
    let body = 32 + 24;
    let mut out =
        image(Arch::ARM64, &[u32s(&[lc::LC_SYMTAB, 24, body, count, body + 16 * count, name.len() as u32])]);
    out.truncate(body as usize);
    // Defined, external, named by the letter that the number says: 4000 names that differ, of 30 KB each.
    for n in 0..count {
        out.extend(n.to_le_bytes());
        out.extend([0x0f, 1, 0, 0]);
        out.extend([0; 8]);
    }
    out.extend(name);
    let fault = symbols::exported(&read(&out).unwrap(), &out).unwrap_err();
    assert!(fault.what.contains("more names than fit"), "{fault}");
}

#[test]
fn a_trie_that_runs_in_circles_is_refused() {
    let mut file = with_symbols();
    let len = file.len();
    file[len - 5] = 0; // the child of `_b` is the root
    let fault = symbols::exported(&read(&file).unwrap(), &file).unwrap_err();
    assert!(fault.what.contains("twice"), "{fault}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(data: Vec<u8>) {
        let _ = Slices::read(&data);
        let _ = read(&data);
    }

    #[test]
    fn a_damaged_image_is_read_or_refused(at in 0_usize..400, value: u8) {
        let mut file = with_symbols();
        let index = at % file.len();
        file[index] = value;
        if let Ok(image) = read(&file) {
            let _ = symbols::exported(&image, &file);
        }
        let mut file = dext(Arch::ARM64);
        let index = at % file.len();
        file[index] = value;
        let _ = read(&file);
        let mut file = merge(&[&file]).unwrap_or_default();
        if let Some(byte) = file.get_mut(at % 32) {
            *byte = value;
        }
        if let Ok(Some(found)) = Slices::read(&file) {
            let _ = found.irregularities();
        }
    }
}
