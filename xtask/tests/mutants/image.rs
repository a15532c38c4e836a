//! Damages to Mach-O images, signed again afterwards: the loader's and the kernel's rules must speak by themselves.

use formats::image::{Arch, MachO, Slices, fat_write};

use crate::{
    Row,
    lab::{DRIVER, HOST, Lab},
    parts, row,
};

const LC_SEGMENT_64: u32 = 0x19;
const LC_UUID: u32 = 0x1b;
const LC_LOAD_DYLINKER: u32 = 0xe;
const LC_LOAD_DYLIB: u32 = 0xc;
const LC_SOURCE_VERSION: u32 = 0x2a;
const LC_BUILD_VERSION: u32 = 0x32;
const LC_ENCRYPTION_INFO_64: u32 = 0x2c;
const LC_FUNCTION_STARTS: u32 = 0x26;

pub const ROWS: &[Row] = &[
    row("a driver that is a library", "dext-file-type (ticket-present)", |lab| {
        parts::again_driver(lab, |image| image[12] = 8);
    }),
    row("a driver at a fixed address", "dext-header-flags (ticket-present)", |lab| {
        lab.signed_again(|it| each(it, DRIVER, |image| image[26] &= !0x20));
    }),
    row("a driver linked statically", "dext-header-flags (ticket-present)", |lab| {
        lab.signed_again(|it| each(it, DRIVER, |image| image[24] &= !0x4));
    }),
    row("a driver built for macOS", "dext-platform (ticket-present)", |lab| {
        lab.signed_again(|it| each(it, DRIVER, |image| set(image, LC_BUILD_VERSION, 8, 1)));
    }),
    row("a driver without a version command", "dext-platform (runtime-version) (ticket-present)", |lab| {
        lab.signed_again(|it| each(it, DRIVER, |image| retype(image, LC_BUILD_VERSION, 0x3d)));
    }),
    row("a driver with an entry point", "dext-entry (ticket-present)", |lab| {
        // LC_MAIN has 24 bytes; this command has as many.
        lab.signed_again(|it| each(it, DRIVER, |image| retype(image, LC_ENCRYPTION_INFO_64, 0x8000_0028)));
    }),
    row("a driver with another dynamic linker", "dext-dylinker (ticket-present)", |lab| {
        lab.signed_again(|it| each(it, DRIVER, |image| poke(image, LC_LOAD_DYLINKER, 12, b"/usr/lib/dyle")));
    }),
    row("a driver with a library of macOS", "dext-libraries (ticket-present)", |lab| {
        lab.signed_again(|it| {
            each(it, DRIVER, |image| poke_last(image, LC_LOAD_DYLIB, 24, b"/usr/lib/libz.1.dylib\0"))
        });
    }),
    row("a driver without DriverKit", "dext-libraries (ticket-present)", |lab| {
        lab.signed_again(|it| {
            each(it, DRIVER, |image| {
                replace(image, b"DriverKit.framework/DriverKit\0", b"DriverKiT.framework/DriverKiT\0")
            });
        });
    }),
    row("a driver with a run path", "(dext-rpath) (ticket-present)", |lab| {
        lab.signed_again(|it| {
            each(it, DRIVER, |image| {
                // The payload becomes the path: its offset is 12, its text ends with the command.
                retype(image, LC_SOURCE_VERSION, 0x8000_001c);
                set(image, 0x8000_001c, 8, 12);
                set(image, 0x8000_001c, 12, u32::from_le_bytes(*b"/a\0\0"));
            });
        });
    }),
    row("a driver without a UUID", "(image-uuid) (ticket-present)", |lab| {
        lab.signed_again(|it| each(it, DRIVER, |image| retype(image, LC_UUID, 0x3d)));
    }),
    row("a host app whose UUID is zero", "(image-uuid) (ticket-present)", |lab| {
        lab.signed_again(|it| each(it, HOST, |image| poke(image, LC_UUID, 8, &[0; 16])));
    }),
    row(
        "a driver that asks for a newer DriverKit than its plist",
        "(dext-minimum) (ticket-present)",
        |lab| {
            lab.signed_again(|it| each(it, DRIVER, |image| set(image, LC_BUILD_VERSION, 12, 0x0018_0000)));
        },
    ),
    row("an encrypted driver", "not-encrypted (ticket-present)", |lab| {
        parts::again_driver(lab, |image| set(image, LC_ENCRYPTION_INFO_64, 16, 1));
    }),
    row("writable code", "segment-protection (ticket-present)", |lab| {
        // initprot follows name (16), four 64-bit fields and maxprot.
        lab.signed_again(|it| {
            each(it, DRIVER, |image| {
                let at = segment(image, b"__TEXT");
                image[at + 60] = 7;
                image[at + 56] = 7;
            });
        });
    }),
    row("a host app built with an ancient SDK", "notary-sdk (ticket-present)", |lab| {
        lab.signed_again(|it| each(it, HOST, |image| set(image, LC_BUILD_VERSION, 16, 0x000a_0800)));
    }),
    row("a driver without a list of classes", "(class-list) (ticket-present)", |lab| {
        lab.signed_again(|it| each(it, DRIVER, |image| replace(image, b"__osclassinfo", b"__osclassInfo")));
    }),
    row("a list of classes that is cut", "(class-list) (ticket-present)", |lab| {
        lab.signed_again(|it| {
            each(it, DRIVER, |image| {
                let at = find(image, b"__osclassinfo");
                image[at + 40] = 4;
            });
        });
    }),
    row(
        "a driver without an arm64 slice",
        "arm64-slice expected-architectures (nested-architectures) (ticket-present)",
        |lab| {
            lab.signed_again(|it| keep(it, DRIVER, &[Arch::X86_64]));
        },
    ),
    row(
        "a driver without an x86_64 slice",
        "expected-architectures (nested-architectures) (ticket-present)",
        |lab| {
            lab.signed_again(|it| keep(it, DRIVER, &[Arch::ARM64]));
        },
    ),
    row(
        "a host app without an arm64 slice",
        "expected-architectures (nested-architectures) (ticket-present)",
        |lab| {
            lab.signed_again(|it| keep(it, HOST, &[Arch::X86_64]));
        },
    ),
    row(
        "a thin driver in a product that asks for nothing",
        "arm64-slice (nested-architectures) (ticket-present)",
        |lab| {
            lab.policy.dext_archs = None;
            lab.signed_again(|it| keep(it, DRIVER, &[Arch::X86_64]));
        },
    ),
    row(
        "an arm64e slice instead of arm64",
        "arm64-slice arm64e-slice expected-architectures (ticket-present)",
        |lab| {
            lab.signed_again(|it| authenticated(it, 0x8000_0002));
        },
    ),
    row(
        "an arm64e slice without a version",
        "arm64-slice arm64e-slice expected-architectures (ticket-present)",
        |lab| {
            lab.signed_again(|it| authenticated(it, 2));
        },
    ),
    row("slices aligned to 4 KiB", "(fat-alignment) (ticket-present)", |lab| {
        lab.signed_again(|_| ());
        lab.bytes(DRIVER, |file| {
            let images = slices(file);
            let parts: Vec<&[u8]> = images.iter().map(|(start, end)| &file[*start..*end]).collect();
            *file = fat_write::merge_aligned(&parts, 12).unwrap();
        });
        lab.seal_host();
    }),
    row("a path of the build machine", "(private-paths) (ticket-present)", |lab| {
        lab.policy.private_prefixes = vec!["/home/somebody".to_owned()];
        lab.signed_again(|it| {
            each(it, HOST, |image| {
                let at = find(image, b"__cstring");
                let offset = u32::from_le_bytes(image[at + 48..at + 52].try_into().unwrap()) as usize;
                image[offset..offset + 20].copy_from_slice(b"/home/somebody/a.c\0\0");
            });
        });
    }),
    row("a driver that is no Mach-O", "executable-present sealed-files", |lab| {
        lab.write(DRIVER, "#!/bin/sh\n")
    }),
    row(
        "a last segment that ends before the signature does",
        "linkedit-last signature-place (ticket-present)",
        |lab| {
            parts::again_driver(lab, |image| {
                // The size in the file, of 64 bits.
                let at = segment(image, b"__LINKEDIT") + 48;
                let size = u64::from_le_bytes(image[at..at + 8].try_into().unwrap());
                image[at..at + 8].copy_from_slice(&(size - 16).to_le_bytes());
            });
        },
    ),
    row("a table of 64-bit offsets", "fat-table", |lab| lab.bytes(HOST, wide)),
    row("a load command of no length", "readable-code sealed-files", |lab| {
        each(lab, DRIVER, |image| {
            let at = command(image, LC_FUNCTION_STARTS);
            image[at + 4] = 0;
        });
    }),
];

/// Where slices lie in a universal file.
pub fn slices(file: &[u8]) -> Vec<(usize, usize)> {
    let table = Slices::read(&file.to_vec()).unwrap().expect("a universal file");
    let bound = |it: u64| usize::try_from(it).unwrap();
    table.slices.iter().map(|it| (bound(it.offset), bound(it.offset + it.size))).collect()
}

/// Changes each slice in its place.
pub fn each(lab: &Lab, file: &str, change: impl Fn(&mut [u8])) {
    lab.bytes(file, |bytes| {
        for (start, end) in slices(bytes) {
            change(&mut bytes[start..end]);
        }
    });
}

/// Where a load command lies.
pub fn command(image: &[u8], kind: u32) -> usize {
    commands(image, kind).first().copied().unwrap_or_else(|| panic!("no command {kind:#x}"))
}

pub fn commands(image: &[u8], kind: u32) -> Vec<usize> {
    let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
    let mut at = 32;
    let mut found = Vec::new();
    for _ in 0..word(16) {
        if word(at) == kind {
            found.push(at);
        }
        at += word(at + 4) as usize;
    }
    found
}

fn segment(image: &[u8], name: &[u8]) -> usize {
    let mut all = commands(image, LC_SEGMENT_64).into_iter();
    all.find(|at| image[at + 8..].starts_with(name)).expect("the segment")
}

fn poke(image: &mut [u8], kind: u32, offset: usize, bytes: &[u8]) {
    let at = command(image, kind) + offset;
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

fn poke_last(image: &mut [u8], kind: u32, offset: usize, bytes: &[u8]) {
    let at = *commands(image, kind).last().unwrap() + offset;
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

pub fn set(image: &mut [u8], kind: u32, offset: usize, value: u32) {
    poke(image, kind, offset, &value.to_le_bytes());
}

/// Makes one command another of the same length. 0x3d is none that exists.
fn retype(image: &mut [u8], kind: u32, other: u32) {
    set(image, kind, 0, other);
}

/// Where bytes lie.
pub fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|it| it == what).unwrap_or_else(|| panic!("no {what:?}"))
}

/// Replaces the first occurrence.
pub fn replace(bytes: &mut [u8], what: &[u8], by: &[u8]) {
    let at = find(bytes, what);
    bytes[at..at + by.len()].copy_from_slice(by);
}

pub fn keep(lab: &Lab, file: &str, archs: &[Arch]) {
    lab.bytes(file, |bytes| {
        let of = |(start, end): &(usize, usize)| bytes[*start..*end].to_vec();
        let all = slices(bytes);
        let wanted = all.iter().map(of).filter(|it| {
            let arch = MachO::read(it).unwrap().arch;
            archs.iter().any(|wanted| wanted.is_same_as(arch))
        });
        *bytes = wanted.flatten().collect();
    });
}

/// Gives the arm64 slice of the driver another subtype, in the table and in its own header.
fn authenticated(lab: &Lab, subtype: u32) {
    lab.bytes(DRIVER, |bytes| {
        // Two table entries of 20 bytes follow the header of 8; arm64 is the second.
        bytes[32..36].copy_from_slice(&subtype.to_be_bytes());
        let start = slices(bytes)[1].0;
        bytes[start + 8..start + 12].copy_from_slice(&subtype.to_le_bytes());
    });
}

/// Writes the table of two slices with offsets of 64 bits.
#[expect(clippy::ptr_arg, reason = "a source has a size; a slice behind a reference has not")]
fn wide(file: &mut Vec<u8>) {
    let mut table = vec![0xca, 0xfe, 0xba, 0xbf, 0, 0, 0, 2];
    for entry in file[8..48].chunks(20) {
        table.extend(&entry[..8]);
        for number in [&entry[8..12], &entry[12..16]] {
            table.extend([0; 4]);
            table.extend(number);
        }
        table.extend(&entry[16..20]);
        table.extend([0; 4]);
    }
    file[..table.len()].copy_from_slice(&table);
}
