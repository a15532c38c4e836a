//! Whether the parts of a signature fit together and every hash holds.

use formats::signature::{
    code_directory::{self as cd, flags},
    digest::HashType,
    superblob::Slot,
};

use super::macho::linked;
use crate::{
    At, Check, Finding, Judgement, Mode, Needs, Policy, Severity, Subject,
    subject::{BundleKind, Code, Directory, Image, Signature},
};

pub(super) const NO_SIGNATURE: &str = "there is no readable signature";

pub(super) fn at(code: &Code, image: &Image) -> At {
    let offset = image.macho.code_signature().map(|it| image.file_offset(it.offset));
    At { offset, ..At::path(&code.path).arch(image.arch()) }
}

fn each_directory(
    subject: &Subject,
    mut look: impl FnMut(&Code, &Image, &Directory, &mut Vec<Finding>),
) -> Judgement {
    let all = subject
        .signatures()
        .flat_map(|(code, image, signature)| signature.directories.iter().map(move |it| (code, image, it)));
    Judgement::each(all, NO_SIGNATURE, |(code, image, directory), findings| {
        look(code, image, directory, findings)
    })
}

/// All code is signed.
pub const CODE_SIGNED: Check = Check {
    id: "code-signed",
    title: "every slice of every program and library is signed",
    why: "Apple silicon runs no unsigned code, and the notary refuses it: \"The binary is not signed.\" A slice that was \
          added after signing is the usual cause.",
    source: "xnu bsd/kern/mach_loader.c; notary log; 592 shipped files have an unsigned x86_64 beside a linker-signed arm64",
    fix: "merge first, then sign the universal file once",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: code_signed,
};

fn code_signed(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    if mode == Mode::Unsigned {
        return Judgement::NotApplicable("the product is not signed".to_owned());
    }
    Judgement::each(linked(subject), "there is no readable Mach-O", |(code, image), findings| {
        if image.signature.is_absent() {
            let found = if image.is_signature_blank {
                "only zeros where the signature should be"
            } else {
                "no signature"
            };
            // An ad-hoc product may well hold Intel code that nobody signed: Intel does not ask.
            let is_tolerated = mode == Mode::AdHoc && image.arch().is_x86_64();
            let severity = if is_tolerated { Severity::Info } else { Severity::Error };
            findings.push(Finding::new(severity, at(code, image), "a code signature", found));
        }
    })
}

/// The super blob is well-formed.
pub const SIGNATURE_STRUCTURE: Check = Check {
    id: "signature-structure",
    title: "a signature's blobs lie apart, once each, with the magic of their slot",
    why: "The kernel refuses a malformed one (EBADEXEC), Security calls it invalid (-67045).",
    source: "xnu bsd/kern/ubc_subr.c cs_validate_csblob; Security codedirectory.cpp",
    fix: "sign again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: signature_structure,
};

fn signature_structure(subject: &Subject, _policy: &Policy) -> Judgement {
    let images = subject.images().filter(|(_, image)| !image.signature.is_absent());
    Judgement::each(images, "there is no signature", |(code, image), findings| {
        let place = at(code, image);
        let signature = match (&image.signature, image.signature.fault()) {
            (_, Some(fault)) => {
                let offset = place.offset.unwrap_or_default().saturating_add(fault.offset);
                findings.push(Finding::error(
                    place.offset(offset),
                    "a super blob that can be read",
                    fault.what.clone(),
                ));
                return;
            }
            (found, None) => match found.present() {
                Some(it) => it,
                None => return,
            },
        };
        for (a, b) in &signature.overlaps {
            findings.push(Finding::error(
                place.clone(),
                "blobs apart from each other",
                format!("{a:?} and {b:?} overlap"),
            ));
        }
        for slot in &signature.repeated {
            findings.push(Finding::error(place.clone(), "each slot once", format!("{slot:?} twice")));
        }
        for (slot, magic) in &signature.misfits {
            findings.push(Finding::error(
                place.clone(),
                format!("the magic of {slot:?}"),
                format!("{magic:#010x}"),
            ));
        }
        for (slot, fault) in &signature.broken_directories {
            let found = format!("{slot:?}: {}", fault.what);
            findings.push(Finding::error(place.clone(), "code directories that can be read", found));
        }
        if !signature.directories.iter().any(|it| it.slot == Slot::CodeDirectory)
            && signature.broken_directories.is_empty()
        {
            findings.push(Finding::error(place.clone(), "a code directory", "none"));
        }
        if signature.directories.iter().any(|it| it.is_scattered) {
            // The kernel follows the list and Security does not, so the two would hash different pages. Not seen in any file.
            findings.push(Finding::warning(
                place.clone(),
                "pages in the order of the file",
                "a scatter list",
            ));
        }
        let ranks: Vec<HashType> = signature.directories.iter().map(|it| it.hash_type).collect();
        if (1..ranks.len())
            .any(|index| ranks.get(index).is_some_and(|it| ranks.iter().take(index).any(|r| r == it)))
        {
            findings.push(Finding::error(
                place.clone(),
                "one code directory for each hash",
                "two of one hash",
            ));
        }
        if let (bytes, false) = signature.slack {
            let found = format!("{bytes} bytes that are not all zero");
            findings.push(Finding::warning(place, "zeros after the super blob", found));
        }
    })
}

/// A version that all systems know.
pub const DIRECTORY_VERSION: Check = Check {
    id: "directory-version",
    title: "code directories are of version 0x20400 or later",
    why: "Older ones lack the executable segment, from which the kernel learns what is the main binary.",
    source: "Security codedirectory.cpp checkIntegrity; xnu cs_blobs.h; 0x20500 in every shipped dext",
    fix: "sign with a current tool",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: directory_version,
};

fn directory_version(subject: &Subject, _policy: &Policy) -> Judgement {
    each_directory(subject, |code, image, directory, findings| {
        if directory.version < cd::WITH_EXEC_SEGMENT {
            findings.push(Finding::warning(
                at(code, image),
                "0x20400 or later",
                format!("{:#x}", directory.version),
            ));
        }
    })
}

/// SHA-256.
pub const DIRECTORY_HASH: Check = Check {
    id: "directory-hash",
    title: "the strongest code directory uses SHA-256",
    why: "macOS 11 and later refuse code with nothing but SHA-1 on Apple silicon (-67000), and the notary calls it too weak. \
          A SHA-1 directory beside a SHA-256 one is fine.",
    source: "Apple TN3126; SHA-256 alone in every shipped dext",
    fix: "sign with SHA-256",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: directory_hash,
};

fn directory_hash(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(subject.signatures(), NO_SIGNATURE, |(code, image, signature), findings| {
        let Some(best) = signature.best() else { return };
        match best.hash_type {
            HashType::Sha1 => findings.push(Finding::error(at(code, image), "SHA-256", "SHA-1 only")),
            HashType::Sha256 => {}
            other => findings.push(Finding::warning(at(code, image), "SHA-256", other.name())),
        }
    })
}

/// Every page is what was signed.
pub const PAGE_HASHES: Check = Check {
    id: "page-hashes",
    title: "every page has the hash that was signed",
    why: "The kernel kills the process when it pages in a changed page (\"CODESIGNING Invalid Page\"); codesign says -67061.",
    source: "Apple TN3126; recomputed on 170 of 170 shipped apps",
    fix: "never change a file after signing: strip, then merge, then sign",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: page_hashes,
};

fn page_hashes(subject: &Subject, _policy: &Policy) -> Judgement {
    each_directory(subject, |code, image, directory, findings| {
        if let Some(first) = directory.bad_pages.first() {
            let start = u64::from(*first).checked_shl(directory.page_shift.into()).unwrap_or_default();
            let n_bad = directory.bad_pages.len();
            let found =
                format!("{n_bad} of {} pages differ, the first is page {first}", directory.limits.slots);
            let at = at(code, image).offset(image.file_offset(start));
            findings.push(Finding::error(
                at,
                format!("the {} hashes of {:?}", directory.hash_type.name(), directory.slot),
                found,
            ));
        }
    })
}

/// Hashes cover the whole image.
pub const CODE_LIMIT: Check = Check {
    id: "code-limit",
    title: "the hashes cover everything up to the signature",
    why: "Bytes past the code limit are not protected, and the kernel refuses a limit past the file.",
    source: "Security CodeDirectory; code limit == offset of LC_CODE_SIGNATURE in 336 of 336 shipped slices",
    fix: "sign again",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: code_limit,
};

fn code_limit(subject: &Subject, _policy: &Policy) -> Judgement {
    each_directory(subject, |code, image, directory, findings| {
        let signature_at = image.macho.code_signature().map_or(image.slice.size, |it| it.offset);
        if directory.limits.limit != signature_at {
            let found = format!("{:#x}", directory.limits.limit);
            findings.push(Finding::error(
                at(code, image),
                format!("a code limit of {signature_at:#x}"),
                found,
            ));
        }
        if directory.limits.slots != directory.limits.expected_slots {
            let expected = format!("{} code hashes", directory.limits.expected_slots);
            findings.push(Finding::error(at(code, image), expected, directory.limits.slots.to_string()));
        }
    })
}

/// A page size the kernel knows.
pub const PAGE_SIZE: Check = Check {
    id: "page-size",
    title: "hashed pages have 4 or 16 KiB",
    why: "The kernel refuses other sizes (EBADEXEC). Both occur, even in two slices of one file.",
    source: "xnu bsd/kern/ubc_subr.c; 4096 until Xcode 15, 16384 for arm64 from Xcode 26",
    fix: "sign with pages of 4096 or 16384 bytes",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: page_size,
};

fn page_size(subject: &Subject, _policy: &Policy) -> Judgement {
    each_directory(subject, |code, image, directory, findings| {
        if !matches!(directory.page_shift, 12 | 14) {
            let found = format!("2^{}", directory.page_shift);
            findings.push(Finding::error(at(code, image), "pages of 2^12 or 2^14 bytes", found));
        }
    })
}

/// Special slots hold.
pub const SPECIAL_SLOTS: Check = Check {
    id: "special-slots",
    title: "Info.plist, requirements, seal and entitlements have the hashes that were signed",
    why: "A changed Info.plist gives -67030, a changed seal -67023, changed entitlements or requirements -67045. A file that \
          is there and has no hash was added after signing.",
    source: "Apple TN3126; Security StaticCode.cpp; recomputed on 170 of 170 shipped apps",
    fix: "sign again after the last change to the bundle",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: special_slots,
};

fn special_slots(subject: &Subject, _policy: &Policy) -> Judgement {
    each_directory(subject, |code, image, directory, findings| {
        for slot in &directory.special {
            let name = slot_name(slot.slot);
            let place = at(code, image);
            match (&slot.promised, &slot.actual) {
                (Some(promised), Some(actual)) if promised != actual => {
                    let (promised, actual) = (short(promised), short(actual));
                    findings.push(Finding::error(place, format!("{name} with hash {promised}"), actual));
                }
                (Some(_), None) => {
                    findings.push(Finding::error(
                        place,
                        format!("{name}, which the signature covers"),
                        "it is not there",
                    ));
                }
                (None, Some(_)) => {
                    findings.push(Finding::error(
                        place,
                        format!("a hash of {name}"),
                        "none, though it is there",
                    ));
                }
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
    })
}

fn slot_name(slot: Slot) -> String {
    match slot {
        Slot::InfoPlist => "Info.plist".to_owned(),
        Slot::Requirements => "the requirements".to_owned(),
        Slot::Resources => "CodeResources".to_owned(),
        Slot::Entitlements => "the XML entitlements".to_owned(),
        other if other.magic() == Some(formats::signature::superblob::MAGIC_ENTITLEMENTS_DER) => {
            "the DER entitlements".to_owned()
        }
        other => format!("{other:?}"),
    }
}

fn short(hash: &[u8]) -> String {
    let hex = formats::signature::digest::hex(hash);
    format!("{}…", hex.get(..12).unwrap_or(&hex))
}

/// Not ad-hoc.
pub const NOT_AD_HOC: Check = Check {
    id: "not-ad-hoc",
    title: "the signature carries a certificate",
    why: "Ad-hoc code has no team, so no restricted entitlement can be granted (-413): a driver loads only with SIP and AMFI \
          off. The notary refuses it: \"not signed with a valid Developer ID certificate\".",
    source: "xnu cs_blobs.h; Apple TN3125",
    fix: "sign with a Developer ID or Apple Development identity",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: not_ad_hoc,
};

fn not_ad_hoc(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    if mode == Mode::AdHoc {
        return Judgement::NotApplicable("the product is meant to be ad-hoc signed".to_owned());
    }
    let asked = policy.mode.as_ref().and_then(|it| it.by.as_deref());
    Judgement::each(subject.signatures(), NO_SIGNATURE, |(code, image, signature), findings| {
        let flagged =
            signature.directories.iter().find(|it| it.flags & (flags::ADHOC | flags::LINKER_SIGNED) != 0);
        let found = match (flagged, signature.is_ad_hoc()) {
            (Some(it), _) => format!("flags {}", flags::describe(it.flags)),
            (None, true) => "no CMS signature".to_owned(),
            (None, false) => return,
        };
        findings.push(Finding::error(at(code, image), "a signature by a certificate", found).asked_by(asked));
    })
}

/// The hardened runtime.
pub const HARDENED_RUNTIME: Check = Check {
    id: "hardened-runtime",
    title: "every program has the hardened runtime",
    why: "The notary demands it: \"The executable does not have the hardened runtime enabled.\" Development builds run without.",
    source: "Apple \"Resolving common notarization issues\"; flags 0x10000 in every shipped dext",
    fix: "sign with `hardened-runtime = true` (codesign: `--options runtime`)",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: hardened_runtime,
};

fn hardened_runtime(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    let severity = match mode {
        Mode::Distribution | Mode::Rehearsal => Severity::Error,
        Mode::Development => Severity::Warning,
        Mode::AdHoc | Mode::AppStore | Mode::Unsigned => {
            return Judgement::NotApplicable(format!("a product signed for {mode} is not notarized"));
        }
    };
    let programs = subject.signatures().filter(|(_, image, _)| is_program(image));
    Judgement::each(programs, "there is no signed program", |(code, image, signature), findings| {
        for directory in signature.directories.iter().filter(|it| !it.has_flags(flags::RUNTIME)) {
            let found = format!("flags {}", flags::describe(directory.flags));
            findings.push(Finding::new(severity, at(code, image), "flag runtime (0x10000)", found));
        }
    })
}

/// Version of the runtime.
pub const RUNTIME_VERSION: Check = Check {
    id: "runtime-version",
    title: "the hardened runtime says which SDK it goes by",
    why: "The system chooses the runtime's rules by it; garbage is refused (-66993).",
    source: "Security CSCommon.h errSecCSInvalidRuntimeVersion; set in every shipped dext",
    fix: "sign with a current tool",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: runtime_version,
};

fn runtime_version(subject: &Subject, _policy: &Policy) -> Judgement {
    let hardened = subject.signatures().flat_map(|(code, image, signature)| {
        signature
            .directories
            .iter()
            .filter(|it| it.has_flags(flags::RUNTIME))
            .map(move |it| (code, image, it))
    });
    Judgement::each(hardened, "nothing has the hardened runtime", |(code, image, directory), findings| {
        if directory.runtime.is_none_or(|it| it == 0) {
            findings.push(Finding::warning(at(code, image), "a version of the runtime", "none"));
        }
    })
}

/// Flags that only Apple sets.
pub const UNUSUAL_FLAGS: Check = Check {
    id: "unusual-flags",
    title: "no flag is set that shipped drivers do not have",
    why: "Flags such as kill, hard, restrict or expires change how the process is treated; none is needed.",
    source: "none set in any shipped dext; library validation comes with the hardened runtime anyway",
    fix: "sign without these options",
    needs: Needs::Bytes,
    usual: Severity::Info,
    run: unusual_flags,
};

fn unusual_flags(subject: &Subject, _policy: &Policy) -> Judgement {
    let usual = flags::RUNTIME | flags::ADHOC | flags::LINKER_SIGNED | flags::LIBRARY_VALIDATION;
    each_directory(subject, |code, image, directory, findings| {
        let odd = directory.flags & !usual;
        if odd != 0 {
            findings.push(Finding::info(at(code, image), "flags 0x10000", flags::describe(directory.flags)));
        }
    })
}

/// Not Apple's platform code.
pub const PLATFORM_BYTE: Check = Check {
    id: "platform-byte",
    title: "the platform byte is 0",
    why: "Only Apple's own software carries another value.",
    source: "xnu cs_blobs.h; 0 in every third-party slice, 4 to 16 in Apple's",
    fix: "sign without a platform identifier",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: platform_byte,
};

fn platform_byte(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    each_directory(subject, |code, image, directory, findings| {
        if directory.platform != 0 {
            // Apple's own tools, found ad hoc inside other products, are not the author's fault.
            let severity = if mode.has_identity() { Severity::Error } else { Severity::Warning };
            findings.push(Finding::new(severity, at(code, image), "0", directory.platform.to_string()));
        }
    })
}

/// The executable segment.
pub const EXEC_SEGMENT: Check = Check {
    id: "exec-segment",
    title: "the signed executable segment is __TEXT, marked main binary in programs",
    why: "The kernel takes entitlements only from a main binary, and refuses several executable segments (-66995). Bits that \
          allow unsigned code or a debugger follow get-task-allow and do not belong in a release.",
    source: "xnu cs_blobs.h; right in 174 of 174 shipped dexts; a limit of 0 in host apps of Xcode 11.5 to 12.2",
    fix: "sign again with a current tool, after linking",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: exec_segment,
};

fn exec_segment(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    let stated = subject.signatures().flat_map(|(code, image, signature)| {
        signature.directories.iter().filter_map(move |it| Some((code, image, it.exec_segment?)))
    });
    Judgement::each(
        stated,
        "no code directory names an executable segment",
        |(code, image, segment), findings| {
            let Some(text) = image.macho.segment("__TEXT") else { return };
            let place = at(code, image);
            let is_dext = subject.bundle_of(code).is_some_and(|it| it.kind == BundleKind::Dext);
            let is_program = is_program(image);
            if is_program && segment.flags & cd::exec_segment_flags::MAIN_BINARY == 0 {
                findings.push(Finding::error(
                    place.clone(),
                    "flag main binary",
                    format!("flags {:#x}", segment.flags),
                ));
            }
            let expected = (text.file.offset, text.file.size);
            if (segment.base, segment.limit) != expected {
                let is_blank = segment.base == 0 && segment.limit == 0;
                let severity = if is_blank && !is_dext { Severity::Info } else { Severity::Error };
                let expected = format!("base {:#x}, limit {:#x}", expected.0, expected.1);
                let found = format!("base {:#x}, limit {:#x}", segment.base, segment.limit);
                findings.push(Finding::new(severity, place.clone(), expected, found));
            }
            let debug = cd::exec_segment_flags::ALLOW_UNSIGNED | cd::exec_segment_flags::DEBUGGER;
            if mode.is_notarized() && segment.flags & debug != 0 {
                let found = format!("flags {:#x}", segment.flags);
                findings.push(Finding::warning(place, "neither allow-unsigned nor debugger", found));
            }
        },
    )
}

pub(super) fn is_program(image: &Image) -> bool {
    image.macho.filetype == formats::image::FileType::EXECUTE
}

/// Signatures of main executables of app and dext bundles.
pub(super) fn main_signatures(
    subject: &Subject,
) -> impl Iterator<Item = (&crate::subject::Bundle, &Code, &Image, &Signature)> {
    let mains = subject.bundles.iter().filter_map(|bundle| Some((bundle, subject.main_code(bundle)?)));
    mains.flat_map(|(bundle, code)| {
        code.images().filter_map(move |image| Some((bundle, code, image, image.signature.present()?)))
    })
}
