//! Every check, in the order in which a person would read the findings.

use crate::{
    Check,
    family::{architecture, identity, layout, macho, signature},
};

/// A family of checks, for the documentation.
pub struct Family {
    /// Its name: "code signature".
    pub title: &'static str,
    /// What it looks at, in a sentence.
    pub about: &'static str,
    /// Its checks.
    pub checks: &'static [&'static Check],
}

/// All families, in order.
pub static FAMILIES: &[Family] = &[
    Family {
        title: "bundle layout",
        about: "Where files lie in the bundle and what Info.plist says about them.",
        checks: &[
            &layout::DEXT_LOCATION,
            &layout::DEXT_DIRECTORY_NAME,
            &layout::DEXT_IDS_DISTINCT,
            &layout::EXPECTED_BUNDLES,
            &layout::DEXT_FLAT,
            &layout::APP_ROOT,
            &layout::SIGNATURE_FOLDER,
            &layout::ATTRIBUTES_AS_FILES,
            &layout::INFO_PLIST,
            &layout::DEXT_PACKAGE_TYPE,
            &layout::DEXT_IDENTIFIER,
            &layout::DEXT_IDENTIFIER_PREFIX,
            &layout::EXECUTABLE_PRESENT,
            &layout::EXECUTABLE_MODE,
            &layout::USAGE_DESCRIPTION,
            &layout::SYMLINKS_INSIDE,
            &layout::FILE_KINDS,
            &layout::NAMES_DISTINCT,
            &layout::INSTALL_LOCATION,
            &layout::ARCHIVE_MEMBERS,
            &layout::SUPPORTED_PLATFORMS,
        ],
    },
    Family {
        title: "architectures",
        about: "Which slices a product carries and how they lie in their file.",
        checks: &[
            &architecture::ARM64E_SLICE,
            &architecture::ARM64_SLICE,
            &architecture::X86_64_SLICE,
            &architecture::EXPECTED_ARCHITECTURES,
            &architecture::NESTED_ARCHITECTURES,
            &architecture::FAT_TABLE,
            &architecture::FAT_LAYOUT,
            &architecture::FAT_ALIGNMENT,
        ],
    },
    Family {
        title: "Mach-O",
        about: "What the kernel, dyld and codesign ask of each image.",
        checks: &[
            &macho::READABLE_CODE,
            &macho::READABLE_FILES,
            &macho::OPENED_CONTENTS,
            &macho::DEXT_FILE_TYPE,
            &macho::DEXT_HEADER_FLAGS,
            &macho::DEXT_PLATFORM,
            &macho::DEXT_ENTRY,
            &macho::DEXT_DYLINKER,
            &macho::DEXT_LIBRARIES,
            &macho::DEXT_RPATH,
            &macho::IMAGE_UUID,
            &macho::DEXT_MINIMUM,
            &macho::LINKEDIT_LAST,
            &macho::SEGMENT_PROTECTION,
            &macho::NOT_ENCRYPTED,
            &macho::EMBEDDED_INFO,
            &macho::PRIVATE_PATHS,
            &macho::SIGNATURE_PLACE,
        ],
    },
    Family {
        title: "code signature",
        about: "Whether the parts of a signature fit together and every hash holds.",
        checks: &[
            &signature::CODE_SIGNED,
            &signature::SIGNATURE_STRUCTURE,
            &signature::DIRECTORY_VERSION,
            &signature::DIRECTORY_HASH,
            &signature::PAGE_HASHES,
            &signature::CODE_LIMIT,
            &signature::PAGE_SIZE,
            &signature::SPECIAL_SLOTS,
            &signature::NOT_AD_HOC,
            &signature::HARDENED_RUNTIME,
            &signature::RUNTIME_VERSION,
            &signature::UNUSUAL_FLAGS,
            &signature::PLATFORM_BYTE,
            &signature::EXEC_SEGMENT,
        ],
    },
    Family {
        title: "identity",
        about: "Who signed, whether that is proved, and when it was.",
        checks: &[
            &identity::CMS_READABLE,
            &identity::CMS_SIGNATURE,
            &identity::HASH_AGILITY,
            &identity::CERTIFICATE_CHAIN,
            &identity::CERTIFICATE_KIND,
            &identity::CERTIFICATE_VALIDITY,
            &identity::SECURE_TIMESTAMP,
            &identity::SIGNATURE_ALGORITHM,
            &identity::TEAM,
        ],
    },
];

/// All checks, family by family.
pub fn all() -> impl Iterator<Item = &'static Check> {
    FAMILIES.iter().flat_map(|family| family.checks.iter().copied())
}

/// The check of that id.
pub fn find(id: &str) -> Option<&'static Check> {
    all().find(|it| it.id == id)
}
