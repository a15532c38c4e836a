//! Codes of system extensions, AMFI, kernel management and MobileInstallation.

use super::Meaning;

/// `OSSystemExtensionErrorDomain`, from the SystemExtensions framework.
pub(super) const CODES: &[(i64, Meaning)] = &[
    (1, Meaning { name: "unknown", text: "an unknown error occurred" }),
    (
        2,
        Meaning {
            name: "missingEntitlement",
            text: "the app's signature lacks com.apple.developer.system-extension.install",
        },
    ),
    (3, Meaning { name: "unsupportedParentBundleLocation", text: "the app is not in /Applications" }),
    (
        4,
        Meaning {
            name: "extensionNotFound",
            text: "no extension with this identifier was accepted from the app; several different faults end here",
        },
    ),
    (5, Meaning { name: "extensionMissingIdentifier", text: "the extension has no bundle identifier" }),
    (6, Meaning { name: "duplicateExtensionIdentifer", text: "two extensions have the same identifier" }),
    (
        7,
        Meaning {
            name: "unknownExtensionCategory",
            text: "the package type belongs to no extension category",
        },
    ),
    (
        8,
        Meaning { name: "codeSignatureInvalid", text: "signature, notarization or profile was not accepted" },
    ),
    (
        9,
        Meaning {
            name: "validationFailed",
            text: "the extension's category refused it; for drivers kernelmanagerd's Info.plist rules",
        },
    ),
    (10, Meaning { name: "forbiddenBySystemPolicy", text: "a system policy (MDM) forbids the extension" }),
    (11, Meaning { name: "requestCanceled", text: "the request was canceled" }),
    (12, Meaning { name: "requestSuperseded", text: "a newer request took its place" }),
    (13, Meaning { name: "authorizationRequired", text: "an administrator must authorise the request" }),
];

/// `AppleMobileFileIntegrityError`; only numbers seen in logs, there is no public table.
pub(super) const AMFI: &[(i64, Meaning)] = &[(
    -413,
    Meaning {
        name: "(no matching profile)",
        text: "no embedded profile matches the signature's entitlements, certificate or device",
    },
)];

/// `KMErrorDomain`; only numbers seen in captured output of kmutil, there is no public table.
pub(super) const KERNEL_MANAGEMENT: &[(i64, Meaning)] = &[
    (27, Meaning { name: "(not approved)", text: "the extension is not approved to load" }),
    (29, Meaning { name: "(authentication)", text: "authenticating the extension failed" }),
    (30, Meaning { name: "(validation)", text: "validating the extension failed" }),
    (71, Meaning { name: "(request)", text: "the request could not be carried out; the text says why" }),
];

/// libmis and MobileInstallation on iOS; texts as installd prints them.
pub(super) const MOBILE_INSTALLATION: &[(i64, Meaning)] = &[
    (0xe800_8001, Meaning { name: "(unknown)", text: "an unknown error has occurred" }),
    (
        0xe800_8015,
        Meaning {
            name: "(no profile)",
            text: "a valid provisioning profile for this executable was not found",
        },
    ),
    (
        0xe800_8016,
        Meaning { name: "(entitlements)", text: "the executable was signed with invalid entitlements" },
    ),
    (
        0xe800_8017,
        Meaning { name: "(resources)", text: "a signed resource has been added, modified, or deleted" },
    ),
    (
        0xe800_8018,
        Meaning { name: "(identity)", text: "the identity used to sign the executable is no longer valid" },
    ),
    (0xe800_8019, Meaning { name: "(signature)", text: "the application does not have a valid signature" }),
];
