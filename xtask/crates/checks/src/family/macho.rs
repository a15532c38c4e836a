//! What the kernel, dyld and codesign ask of each image.

use formats::image::{
    FileType, MachO, Platform,
    command::Body,
    macho::{MH_DYLDLINK, MH_PIE},
};

use super::architecture::NO_DEXT;
use crate::{
    At, Check, Finding, Judgement, Needs, Policy, Severity, Subject,
    subject::{Bundle, Code, Image},
};

const NO_IMAGE: &str = "there is no readable Mach-O";

fn at(code: &Code, image: &Image) -> At {
    At::path(&code.path).arch(image.arch())
}

fn each_dext_image(
    subject: &Subject,
    look: impl FnMut((&Bundle, &Code, &Image), &mut Vec<Finding>),
) -> Judgement {
    Judgement::each(subject.dext_images(), NO_DEXT, look)
}

/// Everything that looks like code can be read.
pub const READABLE_CODE: Check = Check {
    id: "readable-code",
    title: "every Mach-O file can be read",
    why: "What the loader cannot parse it does not run (EBADMACHO, 88), and what we cannot parse we cannot vouch for.",
    source: "xnu bsd/kern/mach_loader.c, load_return_to_errno",
    fix: "build and sign the file again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: readable_code,
};

fn readable_code(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(&subject.codes, "there is no Mach-O file", |code, findings| match &code.table {
        Err(fault) => findings.push(Finding::error(
            At::path(&code.path).offset(fault.offset),
            "a Mach-O or universal file",
            fault.what.clone(),
        )),
        Ok(table) => {
            for (slice, fault) in table.images.iter().filter_map(|it| it.as_ref().err()) {
                let at =
                    At::path(&code.path).arch(slice.arch).offset(slice.offset.saturating_add(fault.offset));
                findings.push(Finding::error(at, "a Mach-O image", fault.what.clone()));
            }
            for image in code.images().filter(|it| !it.macho.arch.is_same_as(it.slice.arch)) {
                let found = format!("{} inside", image.macho.arch);
                let at = at(code, image).offset(image.slice.offset);
                findings.push(Finding::error(at, format!("{}, as the table says", image.slice.arch), found));
            }
        }
    })
}

/// The whole subject could be read.
pub const READABLE_FILES: Check = Check {
    id: "readable-files",
    title: "every file of the subject can be read",
    why: "A file that cannot be read, or changes while it is read, cannot be vouched for.",
    source: "this tool: absence of a result is never success",
    fix: "make the file readable and run again while nothing writes to it",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: readable_files,
};

fn readable_files(subject: &Subject, _policy: &Policy) -> Judgement {
    let fault = |it: &crate::subject::Fault| {
        Finding::error(At { offset: it.offset, ..At::path(&it.path) }, "a readable file", it.what.clone())
    };
    Judgement::Looked(subject.faults.iter().map(fault).collect())
}

/// Everything in the subject was opened.
pub const OPENED_CONTENTS: Check = Check {
    id: "opened-contents",
    title: "the contents of every container were looked into",
    why: "What was not opened was not checked: a verdict about the rest does not speak for it.",
    source: "this tool: absence of a result is never success",
    fix: "mount the disk image and say where: `cargo xtask verify X.dmg --mounted DIR`",
    needs: Needs::MacOs,
    usual: Severity::Warning,
    run: opened_contents,
};

fn opened_contents(subject: &Subject, _policy: &Policy) -> Judgement {
    if let Some(first) = subject.unopened.first() {
        return Judgement::NotRun(format!("`{}`: {}", first.path, first.what));
    }
    Judgement::each(&subject.containers, "there is no container", |_, _| {})
}

/// A dext is a program.
pub const DEXT_FILE_TYPE: Check = Check {
    id: "dext-file-type",
    title: "a dext's executable is a 64-bit program (MH_EXECUTE)",
    why: "The kernel starts a driver like a program; a bundle or library is refused.",
    source: "xnu bsd/kern/mach_loader.c",
    fix: "link as a program, without `-bundle` or `-dylib`",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: dext_file_type,
};

fn dext_file_type(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_image(subject, |(_, code, image), findings| {
        if image.macho.filetype != FileType::EXECUTE || !image.macho.is_64 {
            let width = if image.macho.is_64 { "64" } else { "32" };
            let found = format!("{}, {width} bit", image.macho.filetype);
            findings.push(Finding::error(at(code, image), "EXECUTE, 64 bit", found));
        }
    })
}

/// Position independent and dynamically linked.
pub const DEXT_HEADER_FLAGS: Check = Check {
    id: "dext-header-flags",
    title: "a dext is position independent and dynamically linked",
    why: "Without MH_PIE or MH_DYLDLINK the loader refuses it on Apple silicon (EBADEXEC, 85).",
    source: "xnu bsd/kern/mach_loader.c; flags 0x200085 in every shipped dext",
    fix: "link with `-pie` and dynamically",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: dext_header_flags,
};

fn dext_header_flags(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_image(subject, |(_, code, image), findings| {
        for (flag, name) in [(MH_PIE, "MH_PIE"), (MH_DYLDLINK, "MH_DYLDLINK")] {
            if image.macho.flags & flag == 0 {
                let found = format!("flags {:#010x}", image.macho.flags);
                let at = at(code, image).offset(image.file_offset(24));
                findings.push(Finding::error(at, format!("flag {name}"), found));
            }
        }
    })
}

/// Built for DriverKit.
pub const DEXT_PLATFORM: Check = Check {
    id: "dext-platform",
    title: "each slice of a dext has one version command, for DriverKit",
    why: "The kernel demands platform 10 (DriverKit) of a driver process and refuses an image with two version commands.",
    source: "xnu bsd/kern/mach_loader.c:1019",
    fix: "compile and link for the target `<arch>-apple-driverkit<version>`",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: dext_platform,
};

fn dext_platform(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_image(subject, |(_, code, image), findings| {
        let targets = image.macho.targets();
        let is_one = targets.len() == 1 && image.macho.build_versions().count() == 1;
        if !is_one || targets.iter().any(|(platform, ..)| *platform != Platform::DRIVERKIT) {
            let found: Vec<String> = targets.iter().map(|(platform, ..)| platform.to_string()).collect();
            let found = if found.is_empty() { "no version command".to_owned() } else { found.join(", ") };
            findings.push(Finding::error(at(code, image), "one LC_BUILD_VERSION for driverkit", found));
        }
    })
}

/// No entry point of its own.
pub const DEXT_ENTRY: Check = Check {
    id: "dext-entry",
    title: "a dext has no entry point of its own",
    why: "DriverKit's runtime supplies the entry. With LC_MAIN or LC_UNIXTHREAD the kernel refuses the image on every macOS.",
    source: "xnu bsd/kern/mach_loader.c:2557 (setup_driver_main); dyld: \"LC_MAIN not allowed for driverkit\"",
    fix: "link for the DriverKit platform; after lld, remove LC_MAIN (the post-link step of `build` does)",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: dext_entry,
};

fn dext_entry(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_image(subject, |(_, code, image), findings| {
        if let Some(entry) = image.macho.entry() {
            let at = at(code, image).offset(image.file_offset(entry.offset));
            let found = formats::image::command::name(entry.kind);
            findings.push(Finding::error(at, "neither LC_MAIN nor LC_UNIXTHREAD", found));
        }
    })
}

/// Loaded by dyld.
pub const DEXT_DYLINKER: Check = Check {
    id: "dext-dylinker",
    title: "a dext is loaded by /usr/lib/dyld",
    why: "The kernel accepts no other dynamic linker and refuses an image without one (EBADMACHO, 88).",
    source: "xnu bsd/kern/mach_loader.c:1468",
    fix: "link without options that change the dynamic linker",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: dext_dylinker,
};

fn dext_dylinker(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_image(subject, |(_, code, image), findings| {
        let found = image.macho.dylinker().unwrap_or("no LC_LOAD_DYLINKER");
        if found != "/usr/lib/dyld" {
            findings.push(Finding::error(at(code, image), "/usr/lib/dyld", found));
        }
    })
}

/// Libraries of the DriverKit runtime only.
pub const DEXT_LIBRARIES: Check = Check {
    id: "dext-libraries",
    title: "a dext links DriverKit and only libraries below /System/DriverKit",
    why: "A driver process sees the DriverKit runtime and nothing else; dyld aborts on any other library. Without \
          DriverKit.framework nobody registers the entry point and dyld halts.",
    source: "dyld dyldMain.cpp:1021, DyldAPIs.cpp:3286; held by 170 of 170 shipped dexts",
    fix: "link against the DriverKit SDK",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: dext_libraries,
};

fn dext_libraries(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_image(subject, |(_, code, image), findings| {
        for dylib in image.macho.dylibs().filter(|it| !it.name.starts_with("/System/DriverKit/")) {
            findings.push(Finding::error(
                at(code, image),
                "a path below /System/DriverKit/",
                dylib.name.clone(),
            ));
        }
        let driverkit = "/System/DriverKit/System/Library/Frameworks/DriverKit.framework/";
        if !image.macho.dylibs().any(|it| it.name.starts_with(driverkit)) {
            let names: Vec<&str> = image.macho.dylibs().map(|it| it.name.as_str()).collect();
            let found = if names.is_empty() { "no library".to_owned() } else { names.join(", ") };
            findings.push(Finding::error(at(code, image), "DriverKit.framework among the libraries", found));
        }
    })
}

/// No search paths.
pub const DEXT_RPATH: Check = Check {
    id: "dext-rpath",
    title: "a dext has no run path",
    why: "All its libraries have absolute paths, so LC_RPATH is unused; no shipped dext has one.",
    source: "measured on 174 dexts",
    fix: "link without `-rpath`",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: dext_rpath,
};

fn dext_rpath(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_image(subject, |(_, code, image), findings| {
        for path in image.macho.rpaths() {
            findings.push(Finding::warning(at(code, image), "no LC_RPATH", path));
        }
    })
}

/// A UUID.
pub const IMAGE_UUID: Check = Check {
    id: "image-uuid",
    title: "every program and library has a UUID",
    why: "Crash reports are symbolicated by it, and dyld demands it of images built for newer systems.",
    source: "dyld MachOFile.cpp:2772",
    fix: "link without `-no_uuid`",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: image_uuid,
};

fn image_uuid(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(linked(subject), NO_IMAGE, |(code, image), findings| match image.macho.uuid() {
        None => findings.push(Finding::warning(at(code, image), "LC_UUID", "none")),
        Some(uuid) if uuid == [0; 16] => {
            findings.push(Finding::warning(at(code, image), "a UUID of its own", "all zeros"));
        }
        Some(_) => {}
    })
}

/// The lowest system of the slices and of Info.plist.
pub const DEXT_MINIMUM: Check = Check {
    id: "dext-minimum",
    title: "no slice of a dext asks for a newer DriverKit than Info.plist says",
    why: "Info.plist promises systems on which the slice is then not loaded. An arm64 slice never asks for less than 20.0, \
          whatever the plist says.",
    source: "112 of 170 shipped dexts have minos 20.0 in arm64 beside 19.4 in the plist; llvm driverkit triple test",
    fix: "build with the deployment target that Info.plist names",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: dext_minimum,
};

fn dext_minimum(subject: &Subject, _policy: &Policy) -> Judgement {
    let stated = subject.dext_images().filter_map(|(dext, code, image)| {
        let text = dext.info_str("OSMinimumDriverKitVersion")?;
        Some((text.parse::<formats::image::Version>().ok()?, code, image))
    });
    let absent = "no dext states OSMinimumDriverKitVersion and has a readable executable";
    Judgement::each(stated, absent, |(plist, code, image), findings| {
        let floor = formats::image::Version::new(20, 0, 0);
        let highest = if image.arch().is_x86_64() { plist } else { plist.max(floor) };
        for (_, min_os, _) in image.macho.targets().into_iter().filter(|(_, min_os, _)| *min_os > highest) {
            findings.push(Finding::warning(
                at(code, image),
                format!("at most {highest}"),
                min_os.to_string(),
            ));
        }
    })
}

/// `__LINKEDIT` is last.
pub const LINKEDIT_LAST: Check = Check {
    id: "linkedit-last",
    title: "__LINKEDIT is the last segment and ends with the slice",
    why: "codesign's strict check refuses anything after it (-67010), and the signature must be able to grow there.",
    source: "Security macho++.cpp; held by every shipped image",
    fix: "link and sign again; append nothing to a Mach-O",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: linkedit_last,
};

fn linkedit_last(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(linked(subject), NO_IMAGE, |(code, image), findings| {
        let Some(linkedit) = image.macho.segment("__LINKEDIT") else {
            findings.push(Finding::error(at(code, image), "a segment __LINKEDIT", "none"));
            return;
        };
        let later =
            image.macho.segments().find(|it| it.file.size > 0 && it.file.offset > linkedit.file.offset);
        if let Some(later) = later {
            let found = format!("{} comes after it", later.name);
            findings.push(Finding::error(at(code, image), "__LINKEDIT as the last segment", found));
        }
        let (end, size) = (linkedit.file.end(), image.slice.size);
        if end != size {
            let place = at(code, image).offset(image.file_offset(end.min(size)));
            let expected = format!("__LINKEDIT up to the end of the slice ({size:#x})");
            findings.push(Finding::error(place, expected, format!("it ends at {end:#x}")));
        }
    })
}

/// Segments lie inside the file and are not writable code.
pub const SEGMENT_PROTECTION: Check = Check {
    id: "segment-protection",
    title: "no segment is writable and executable, and __TEXT maps the header",
    why: "The loader refuses a segment that is both, and an image whose header is not mapped.",
    source: "xnu bsd/kern/mach_loader.c; held by 174 of 174 shipped dexts",
    fix: "link without options that change segment protections",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: segment_protection,
};

fn segment_protection(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(linked(subject), NO_IMAGE, |(code, image), findings| {
        let macho = &image.macho;
        for segment in macho.segments().filter(|it| it.is_executable() && it.is_writable()) {
            let found = format!("{} has protection {:#x}", segment.name, segment.protection);
            findings.push(Finding::error(at(code, image), "no segment writable and executable", found));
        }
        for segment in macho.segments().filter(|it| it.file.end() > image.slice.size) {
            let found = format!("{} ends at {:#x}", segment.name, segment.file.end());
            let expected = format!("segments inside the slice ({:#x} bytes)", image.slice.size);
            findings.push(Finding::error(at(code, image), expected, found));
        }
        let maps_header = macho
            .segments()
            .any(|it| it.is_executable() && it.file.offset == 0 && it.file.size >= macho.commands_end);
        if macho.filetype == FileType::EXECUTE && !maps_header {
            findings.push(Finding::error(
                at(code, image),
                "an executable segment from offset 0 with the header",
                "none",
            ));
        }
    })
}

/// Nothing is encrypted.
pub const NOT_ENCRYPTED: Check = Check {
    id: "not-encrypted",
    title: "no image is encrypted",
    why: "Only the App Store encrypts. The command itself, with id 0, is normal: ld writes it for DriverKit.",
    source: "xnu set_code_unprotect; ld64 Options.cpp:5360; the command is in 52 of 170 shipped dexts",
    fix: "build again; do not take files from an App Store download",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: not_encrypted,
};

fn not_encrypted(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(subject.images(), NO_IMAGE, |(code, image), findings| {
        if let Some(id) = image.macho.encryption_id().filter(|&it| it != 0) {
            findings.push(Finding::error(at(code, image), "encryption id 0", id.to_string()));
        }
    })
}

/// The plist inside the image.
pub const EMBEDDED_INFO: Check = Check {
    id: "embedded-info",
    title: "an Info.plist inside the executable says what the bundle's says",
    why: "Security prefers the bundle's; two that differ confuse people and tools.",
    source: "Security machorep.cpp; dexts use the bundle's",
    fix: "link without `-sectcreate __TEXT __info_plist`, or with the bundle's own file",
    needs: Needs::Bytes,
    usual: Severity::Info,
    run: embedded_info,
};

fn embedded_info(subject: &Subject, _policy: &Policy) -> Judgement {
    let pairs = subject.images().filter_map(|(code, image)| {
        let embedded = image.embedded_info.as_ref()?;
        Some((code, image, embedded, subject.bundle_of(code)?.info.present()?))
    });
    Judgement::each(
        pairs,
        "no bundle's executable has an Info.plist inside",
        |(code, image, raw, outer), findings| {
            let is_same =
                formats::document::plist::read(raw).is_ok_and(|it| it.value.is_same_as(&outer.value));
            if !is_same {
                findings.push(Finding::info(
                    at(code, image),
                    "the same as the bundle's Info.plist",
                    "another one",
                ));
            }
        },
    )
}

/// No paths of a build machine.
pub const PRIVATE_PATHS: Check = Check {
    id: "private-paths",
    title: "no path of the build machine is in the product",
    why: "It tells strangers about the machine and makes two builds of the same source differ.",
    source: "reproducible-builds practice; clang -ffile-prefix-map",
    fix: "compile with path prefix maps (`build` does) and strip debug symbols",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: private_paths,
};

fn private_paths(subject: &Subject, policy: &Policy) -> Judgement {
    if policy.private_prefixes.is_empty() {
        return Judgement::NotApplicable("no path prefixes were asked for".to_owned());
    }
    Judgement::each(subject.images(), NO_IMAGE, |(code, image), findings| {
        for path in &image.private_paths {
            findings.push(Finding::warning(at(code, image), "no path of the build machine", path.clone()));
        }
    })
}

/// Each slice carries a signature command in its place, or none does.
pub const SIGNATURE_PLACE: Check = Check {
    id: "signature-place",
    title: "LC_CODE_SIGNATURE is aligned, inside __LINKEDIT, and ends with the slice",
    why: "The kernel reads the signature from there; codesign's strict check refuses bytes after it.",
    source: "xnu bsd/kern/mach_loader.c; Security macho++.cpp",
    fix: "sign again; change nothing after signing",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: signature_place,
};

fn signature_place(subject: &Subject, _policy: &Policy) -> Judgement {
    let placed =
        subject.images().filter_map(|(code, image)| Some((code, image, image.macho.code_signature()?)));
    Judgement::each(placed, "no image has LC_CODE_SIGNATURE", |(code, image, range), findings| {
        let place = at(code, image).offset(image.file_offset(range.offset));
        if range.offset % 16 != 0 {
            findings.push(Finding::error(
                place.clone(),
                "an offset that is a multiple of 16",
                format!("{:#x}", range.offset),
            ));
        }
        if range.end() != image.slice.size {
            let expected = format!("a signature up to the end of the slice ({:#x})", image.slice.size);
            findings.push(Finding::error(place.clone(), expected, format!("it ends at {:#x}", range.end())));
        }
        let is_inside = image
            .macho
            .segment("__LINKEDIT")
            .is_some_and(|it| range.offset >= it.file.offset && range.end() <= it.file.end());
        if !is_inside {
            findings.push(Finding::error(place, "a signature inside __LINKEDIT", "it lies outside"));
        }
        let commands = |it: &MachO| {
            it.commands
                .iter()
                .filter(|it| matches!(it.body, Body::Linkedit(_)) && it.kind == LC_CODE_SIGNATURE)
                .count()
        };
        if commands(&image.macho) > 1 {
            findings.push(Finding::error(at(code, image), "one LC_CODE_SIGNATURE", "several"));
        }
    })
}

/// `LC_CODE_SIGNATURE` (`mach-o/loader.h`).
const LC_CODE_SIGNATURE: u32 = 0x1d;

/// Programs, libraries and plug-ins: what a linker finished. Objects and debug symbols follow other rules.
pub(super) fn linked(subject: &Subject) -> impl Iterator<Item = (&Code, &Image)> {
    let is_linked = |it: &FileType| matches!(*it, FileType::EXECUTE | FileType::DYLIB | FileType::BUNDLE);
    subject.images().filter(move |(_, image)| is_linked(&image.macho.filetype))
}
