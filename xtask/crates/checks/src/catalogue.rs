//! Every check, in the order in which a person would read the findings.

use crate::{
    Check,
    family::{
        apple, architecture, consistency, driverkit, entitlements, identity, info_plist, layout, macho,
        matching, notarization, packing, profile, requirement, seal, signature, versions,
    },
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
            &info_plist::INFO_PLIST,
            &info_plist::DEXT_PACKAGE_TYPE,
            &info_plist::DEXT_IDENTIFIER,
            &info_plist::DEXT_IDENTIFIER_PREFIX,
            &layout::EXECUTABLE_PRESENT,
            &layout::EXECUTABLE_MODE,
            &layout::FILE_MODES,
            &info_plist::USAGE_DESCRIPTION,
            &layout::SYMLINKS_INSIDE,
            &layout::FILE_KINDS,
            &layout::NAMES_DISTINCT,
            &packing::INSTALL_LOCATION,
            &packing::ARCHIVE_MEMBERS,
            &packing::PACKAGE_LISTS,
            &info_plist::SUPPORTED_PLATFORMS,
        ],
    },
    Family {
        title: "versions",
        about: "Version numbers of driver and app, by themselves and against the last release.",
        checks: &[
            &versions::KEXT_VERSION,
            &versions::MINIMUM_DRIVERKIT,
            &versions::APP_MINIMUM,
            &versions::SAME_VERSION,
            &versions::NEWER_THAN_BASELINE,
        ],
    },
    Family {
        title: "DriverKit",
        about: "Personalities: what the kernel matches, and which entitlements that takes.",
        checks: &[
            &driverkit::PERSONALITIES,
            &driverkit::USER_SERVER_NAME,
            &driverkit::USER_SERVER_ORGANIZATION,
            &driverkit::USER_CLASS,
            &driverkit::CLASS_LIST,
            &driverkit::PERSONALITY_IDENTIFIER,
            &driverkit::KERNEL_BUNDLE,
            &driverkit::KERNEL_CLASS,
            &matching::PROVIDER_CLASS,
            &matching::USB_MATCHING,
            &matching::PCI_MATCHING,
            &matching::TEMPLATE_KEYS,
            &driverkit::USER_CLIENT_PROPERTIES,
            &driverkit::DRIVER_ENTITLEMENT,
            &driverkit::FAMILY_ENTITLEMENTS,
            &driverkit::TRANSPORT_VALUES,
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
    Family {
        title: "requirements",
        about: "The designated requirement, evaluated.",
        checks: &[
            &requirement::REQUIREMENT_READABLE,
            &requirement::REQUIREMENT_SATISFIED,
            &requirement::REQUIREMENT_ANCHORED,
        ],
    },
    Family {
        title: "seal",
        about: "Every file of a bundle against its CodeResources.",
        checks: &[
            &seal::SEAL_PRESENT,
            &seal::SEAL_VERSION,
            &seal::SEALED_FILES,
            &seal::UNSEALED_FILES,
            &seal::NESTED_CODE,
            &seal::PROFILE_SEALED,
        ],
    },
    Family {
        title: "entitlements",
        about: "What code claims, in both forms.",
        checks: &[
            &entitlements::ENTITLEMENTS_READABLE,
            &entitlements::ENTITLEMENTS_AGREE,
            &entitlements::DEBUG_ENTITLEMENTS,
            &entitlements::PRIVATE_ENTITLEMENTS,
            &entitlements::ACTIVATION_ENTITLEMENT,
            &entitlements::USER_CLIENT_ACCESS,
            &entitlements::IDLE_ENTITLEMENTS,
            &entitlements::DRIVER_SANDBOX,
        ],
    },
    Family {
        title: "provisioning profile",
        about: "What Apple granted, to whom, until when; and whether it covers what is claimed.",
        checks: &[
            &profile::PROFILE_PRESENT,
            &profile::PROFILE_SIGNATURE,
            &profile::PROFILE_KEYS,
            &profile::PROFILE_PLATFORM,
            &profile::PROFILE_EXPIRY,
            &profile::PROFILE_CERTIFICATE,
            &profile::PROFILE_DEVICES,
            &profile::PROFILE_KIND,
            &profile::PROFILE_IDENTIFIER,
            &profile::CLAIMED_TEAM,
            &profile::ENTITLEMENTS_GRANTED,
            &profile::GRANTS_CLAIMED,
            &profile::PROFILE_READABLE,
        ],
    },
    Family {
        title: "consistency",
        about: "Whether slices, bundles and containers agree with each other.",
        checks: &[&consistency::SLICES_AGREE, &consistency::SIGNING_IDENTIFIER, &consistency::SAME_TEAM],
    },
    Family {
        title: "notarization",
        about: "The notary's rules in its own words, and the tickets it issued.",
        checks: &[
            &notarization::TICKET_GENUINE,
            &notarization::TICKET_COVERS,
            &notarization::TICKET_PRESENT,
            &notarization::NOTARY_SDK,
            &notarization::NOTARY_CONTENTS,
            &notarization::CONTAINER_SIGNATURE,
            &notarization::CONTAINER_TEAM,
        ],
    },
    Family {
        title: "Apple's tools",
        about: "What Apple's own tools say, on a Mac.",
        checks: &[
            &apple::CODESIGN_ACCEPTS,
            &apple::READINGS_AGREE,
            &apple::GATEKEEPER_ACCEPTS,
            &apple::STAPLER_VALIDATES,
            &apple::DISTRIBUTION_CHECK,
            &apple::EXEC_PROBE,
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
