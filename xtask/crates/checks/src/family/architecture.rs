//! Which architectures a product carries.

use formats::image::{Arch, fat};

use crate::{
    At, Check, Finding, Judgement, Mode, Needs, Policy, Severity, Subject,
    subject::{Bundle, Code},
};

pub(super) const NO_DEXT: &str = "there is no dext with a readable executable";

/// No arm64e in a dext.
pub const ARM64E_SLICE: Check = Check {
    id: "arm64e-slice",
    title: "no slice of a dext is arm64e",
    why: "The kernel grades arm64e above arm64, so it always picks that slice, and up to macOS 15 it then refuses to run \
          it for software that is not Apple's. The launch fails with \"Exec format error\", although a good arm64 slice \
          lies beside it. With SIP off the opposite holds, which is why it works on the developer's machine.",
    source: "xnu bsd/kern/kern_exec.c:1664 (text present from xnu-7195 to xnu-11417), bsd/dev/arm/kern_machdep.c; \
             Apple forum thread 813880; gone in newer source, 26.0-26.3 unknown",
    fix: "remove the arm64e triple and build again; in Xcode: ARCHS = \"arm64 x86_64\", ENABLE_POINTER_AUTHENTICATION = NO",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: arm64e_slice,
};

fn arm64e_slice(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    Judgement::each(dext_codes(subject), NO_DEXT, |(dext, code), findings| {
        for (index, arch) in code.archs().into_iter().enumerate().filter(|(_, arch)| arch.is_arm64e()) {
            let at = At { offset: offset_of(code, index), ..At::path(&code.path).arch(arch) };
            let found =
                format!("{} (slice {index} has cpusubtype {:#010x})", names(&code.archs()), arch.cpusubtype);
            let (severity, reason) = arm64e_severity(arch, lowest_driverkit(dext, code), mode);
            let asked = policy.dext_archs.as_ref();
            let expected = asked.map_or_else(|| "x86_64, arm64".to_owned(), |it| names(&it.value));
            findings.push(
                Finding::new(severity, at, expected, format!("{found}: {reason}"))
                    .asked_by(asked.and_then(|it| it.by.as_deref())),
            );
        }
    })
}

/// By the table of our own decision (dext-build facts, 3.7). Mode does not matter to the kernel's gate; only a build that
/// nobody signed is meant for machines with enforcement off.
fn arm64e_severity(arch: Arch, lowest: Option<(u16, u8)>, mode: Mode) -> (Severity, &'static str) {
    if arch.ptrauth_version().is_none() {
        return (Severity::Error, "an unversioned arm64e slice, which no macOS runs for third parties");
    }
    if matches!(mode, Mode::AdHoc | Mode::Unsigned) {
        return (Severity::Warning, "with SIP on, macOS up to 15 refuses it");
    }
    match lowest {
        // DriverKit 25.4 came with macOS 26.4, the first whose kernel source lacks the gate.
        Some(version) if version >= (25, 4) => {
            (Severity::Warning, "the kernel's refusal is gone in newer source; not verified on hardware")
        }
        Some((25, _)) => (Severity::Error, "reported to fail on macOS 26.0 to 26.3"),
        _ => (Severity::Error, "macOS up to 15 picks this slice and refuses to run it"),
    }
}

/// Lowest DriverKit that it claims to run on: what Info.plist says, else what the slices say.
fn lowest_driverkit(dext: &Bundle, code: &Code) -> Option<(u16, u8)> {
    let stated =
        dext.info_str("OSMinimumDriverKitVersion").and_then(|it| it.parse::<formats::image::Version>().ok());
    let built = || code.images().flat_map(|it| it.macho.targets()).map(|(_, min_os, _)| min_os).min();
    stated.or_else(built).map(|it| (it.major(), it.minor()))
}

/// An arm64 slice in a dext.
pub const ARM64_SLICE: Check = Check {
    id: "arm64-slice",
    title: "a dext has an arm64 slice",
    why: "A third-party dext without a native slice does not run on Apple silicon (EBADARCH, 86): there is no Rosetta for \
          drivers, and an arm64e slice alone is refused.",
    source: "xnu bsd/kern/mach_loader.c, kern_exec.c",
    fix: "add the triple arm64-apple-driverkit and build again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: arm64_slice,
};

fn arm64_slice(subject: &Subject, policy: &Policy) -> Judgement {
    Judgement::each(dext_codes(subject), NO_DEXT, |(dext, code), findings| {
        let archs = code.archs();
        if archs.iter().any(|it| it.is_arm64()) {
            return;
        }
        let at = At::path(&code.path);
        let asked = policy.dext_archs.as_ref();
        let is_wanted = asked.is_none_or(|it| it.value.iter().any(|it| it.is_arm64()));
        // Built for DriverKit 19 only: before Apple silicon. The four oldest releases of a shipped product are like this.
        let is_from_before = lowest_driverkit(dext, code).is_some_and(|(major, _)| major < 20)
            && archs.iter().all(|it| it.is_x86_64())
            && asked.is_none();
        let severity = match (is_wanted, is_from_before) {
            (false, _) => Severity::Info,
            (true, true) => Severity::Warning,
            (true, false) => Severity::Error,
        };
        findings.push(
            Finding::new(severity, at, "a slice for arm64", names(&archs))
                .asked_by(asked.and_then(|it| it.by.as_deref())),
        );
    })
}

/// An x86_64 slice in a dext.
pub const X86_64_SLICE: Check = Check {
    id: "x86-64-slice",
    title: "a dext has an x86_64 slice",
    why: "Without it Macs with Intel processors cannot load the driver. {arm64, x86_64} is Xcode's standard; from macOS 27 on \
          there is no Intel Mac.",
    source: "Apple forum thread 813880 (DTS); swift-build DriverKit.xcspec",
    fix: "add the triple x86_64-apple-driverkit, or say in the configuration that Intel is not served",
    needs: Needs::Bytes,
    usual: Severity::Info,
    run: x86_64_slice,
};

fn x86_64_slice(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(dext_codes(subject), NO_DEXT, |(_, code), findings| {
        let archs = code.archs();
        if !archs.iter().any(|it| it.is_x86_64()) {
            findings.push(Finding::info(At::path(&code.path), "a slice for x86_64", names(&archs)));
        }
    })
}

/// Exactly the architectures asked for.
pub const EXPECTED_ARCHITECTURES: Check = Check {
    id: "expected-architectures",
    title: "the slices are exactly those asked for",
    why: "A slice that was asked for and is missing leaves some Macs without driver; one that nobody asked for runs \
          untested, and the kernel may prefer it.",
    source: "the configuration; xnu bsd/dev/arm/kern_machdep.c (the kernel grades slices, it does not take the first)",
    fix: "build every triple of the configuration, and only those",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: expected_architectures,
};

fn expected_architectures(subject: &Subject, policy: &Policy) -> Judgement {
    let dexts =
        policy.dext_archs.iter().flat_map(|asked| dext_codes(subject).map(move |(_, code)| (asked, code)));
    let apps = policy.app_archs.iter().flat_map(|asked| {
        subject.apps().filter_map(|app| subject.main_code(app)).map(move |code| (asked, code))
    });
    Judgement::each(dexts.chain(apps), "no architectures were asked for", |(asked, code), findings| {
        let there = code.archs();
        let is_exact = there.len() == asked.value.len()
            && asked.value.iter().all(|want| there.iter().any(|it| it.is_same_as(*want)));
        if !is_exact {
            findings.push(
                Finding::error(At::path(&code.path), names(&asked.value), names(&there))
                    .asked_by(asked.by.as_deref()),
            );
        }
    })
}

/// Nested code runs wherever its host does.
pub const NESTED_ARCHITECTURES: Check = Check {
    id: "nested-architectures",
    title: "the host app runs on every architecture its dexts run on",
    why: "The app activates the driver. Where only the dext has a slice, nothing can load it; where only the app has one, \
          activation starts and the driver never does.",
    source: "inference from the load pipeline (sysextd activates for the running app)",
    fix: "build app and dext for the same architectures",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: nested_architectures,
};

fn nested_architectures(subject: &Subject, _policy: &Policy) -> Judgement {
    let pairs = dext_codes(subject).filter_map(|(dext, code)| {
        let app = subject.host_of(dext)?;
        Some((code, subject.main_code(app)?))
    });
    Judgement::each(pairs, "no dext lies in an app", |(dext, app), findings| {
        let classes = |code: &Code| {
            let archs = code.archs();
            (archs.iter().any(|it| it.is_x86_64()), archs.iter().any(|it| it.cputype == Arch::ARM64.cputype))
        };
        if classes(dext) != classes(app) {
            let expected = format!("{}, as the host app has", names(&app.archs()));
            findings.push(Finding::warning(At::path(&dext.path), expected, names(&dext.archs())));
        }
    })
}

/// No 64-bit table.
pub const FAT_TABLE: Check = Check {
    id: "fat-table",
    title: "a universal file has a table of 32-bit offsets",
    why: "The kernel's loader knows only FAT_MAGIC; a file with FAT_MAGIC_64 does not run (ENOEXEC).",
    source: "xnu bsd/kern/mach_fat.c",
    fix: "merge without `-fat64`",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: fat_table,
};

fn fat_table(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(tables(subject), "there is no universal file", |(code, table), findings| {
        if table.kind == fat::Table::Fat64 {
            findings.push(Finding::error(At::path(&code.path).offset(0), "0xcafebabe", "0xcafebabf"));
        }
        if table.images.is_empty() {
            findings.push(Finding::error(At::path(&code.path).offset(4), "at least one slice", "no slice"));
        }
    })
}

/// Slices lie where a loader accepts them.
pub const FAT_LAYOUT: Check = Check {
    id: "fat-layout",
    title: "slices are aligned, apart, one per architecture, with zeros between and nothing after",
    why: "The kernel refuses overlapping, repeated or misaligned slices (EBADMACHO, 88); codesign's strict check refuses \
          other bytes between or after them (-67010).",
    source: "xnu bsd/kern/mach_fat.c; Security machorep.cpp, macho++.cpp; held by 174 of 174 shipped dexts",
    fix: "merge the thin slices again (`cargo xtask lipo create`)",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: fat_layout,
};

fn fat_layout(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(tables(subject), "there is no universal file", |(code, table), findings| {
        let arch =
            |index: usize| code.archs().get(index).map_or_else(|| index.to_string(), ToString::to_string);
        for odd in &table.irregular {
            let (offset, expected, found) = match odd {
                fat::Irregular::Misaligned(index) => (
                    offset_of(code, *index),
                    "an offset that is a multiple of its alignment",
                    format!("{} is not aligned", arch(*index)),
                ),
                fat::Irregular::Overlap(a, b) => (
                    offset_of(code, *b),
                    "slices apart from each other",
                    format!("{} and {} overlap", arch(*a), arch(*b)),
                ),
                fat::Irregular::OverTable(index) => (
                    offset_of(code, *index),
                    "slices after the table",
                    format!("{} begins inside the table", arch(*index)),
                ),
                fat::Irregular::Duplicate(a, b) => (
                    offset_of(code, *b),
                    "one slice for each architecture",
                    format!("slices {a} and {b} are both {}", arch(*a)),
                ),
                fat::Irregular::Gap(start, end, align) => (
                    Some(*start),
                    "zeros, fewer than the alignment",
                    format!("{} bytes before a slice aligned to 2^{align}", end.saturating_sub(*start)),
                ),
                fat::Irregular::Trailing(start, end) => (
                    Some(*start),
                    "nothing after the last slice",
                    format!("{} bytes", end.saturating_sub(*start)),
                ),
            };
            findings.push(Finding::error(At { offset, ..At::path(&code.path) }, expected, found));
        }
    })
}

/// Page alignment of Apple silicon.
pub const FAT_ALIGNMENT: Check = Check {
    id: "fat-alignment",
    title: "the arm64 slice of a dext is aligned to 16 KiB",
    why: "Apple silicon has pages of 16 KiB; lipo and ld align to 2^14, for both slices of every shipped dext.",
    source: "ld64, lipo; measured on 174 dexts",
    fix: "merge the thin slices again with the default alignment",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: fat_alignment,
};

fn fat_alignment(subject: &Subject, _policy: &Policy) -> Judgement {
    let images = subject.dext_images().filter(|(_, code, image)| {
        let is_universal = code.table.as_ref().is_ok_and(|it| it.kind != fat::Table::Thin);
        is_universal && image.arch().cputype == Arch::ARM64.cputype
    });
    Judgement::each(images, "no dext has an arm64 slice in a universal file", |(_, code, image), findings| {
        if image.slice.align < 14 {
            let at = At::path(&code.path).arch(image.arch()).offset(image.slice.offset);
            findings.push(Finding::warning(at, "2^14", format!("2^{}", image.slice.align)));
        }
    })
}

pub(super) fn dext_codes(subject: &Subject) -> impl Iterator<Item = (&Bundle, &Code)> {
    let codes = subject.dexts().filter_map(|dext| Some((dext, subject.main_code(dext)?)));
    codes.filter(|(_, code)| code.table.is_ok())
}

fn tables(subject: &Subject) -> impl Iterator<Item = (&Code, &crate::subject::Table)> {
    let tables = subject.codes.iter().filter_map(|code| Some((code, code.table.as_ref().ok()?)));
    tables.filter(|(_, table)| table.kind != fat::Table::Thin)
}

fn offset_of(code: &Code, index: usize) -> Option<u64> {
    let table = code.table.as_ref().ok()?;
    Some(match table.images.get(index)? {
        Ok(image) => image.slice.offset,
        Err((slice, _)) => slice.offset,
    })
}

/// "x86_64, arm64".
pub(super) fn names(archs: &[Arch]) -> String {
    let names: Vec<String> = archs.iter().map(ToString::to_string).collect();
    if names.is_empty() { "no slice".to_owned() } else { names.join(", ") }
}
