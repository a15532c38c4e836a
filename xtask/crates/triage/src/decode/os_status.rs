//! errSecCS* codes of code signing (`NSOSStatusErrorDomain`), from Security's `CSCommon.h`.

use super::Meaning;

/// Every errSecCS code of the public header; the two codes with two names appear once, with both.
pub(super) const CODES: &[(i64, Meaning)] = &[
    (
        -66990,
        Meaning {
            name: "errSecCSRemoteSignerFailed",
            text: "remote signing block did not return a signature",
        },
    ),
    (
        -66991,
        Meaning {
            name: "errSecCSCMSConstructionFailed",
            text: "CMS construction failed, see logs for deeper error",
        },
    ),
    (
        -66992,
        Meaning {
            name: "errSecCSRevokedNotarization",
            text: "notarization indicates this code has been revoked",
        },
    ),
    (
        -66993,
        Meaning {
            name: "errSecCSInvalidRuntimeVersion",
            text: "an invalid runtime version was explicitly set",
        },
    ),
    (-66994, Meaning { name: "errSecCSInvalidEntitlements", text: "invalid entitlement plist" }),
    (
        -66995,
        Meaning {
            name: "errSecMultipleExecSegments",
            text: "the image contains multiple executable segments",
        },
    ),
    (
        -66996,
        Meaning { name: "errSecCSSignatureUntrusted", text: "signature is valid but signer is not trusted" },
    ),
    (
        -66997,
        Meaning { name: "errSecCSBadTeamIdentifier", text: "a Team Identifier is wrong or inappropriate" },
    ),
    (-66998, Meaning { name: "errSecCSInvalidTeamIdentifier", text: "a Team Identifier string is invalid" }),
    (
        -66999,
        Meaning {
            name: "errSecCSInvalidAssociatedFileData",
            text: "resource fork, Finder information, or similar detritus not allowed",
        },
    ),
    (
        -67000,
        Meaning {
            name: "errSecCSUnsupportedDigestAlgorithm",
            text: "a requested signature digest algorithm is not supported",
        },
    ),
    (
        -67001,
        Meaning {
            name: "errSecCSBadDiskImageFormat",
            text: "disk image format unrecognized, invalid, or unsuitable",
        },
    ),
    (
        -67002,
        Meaning { name: "errSecCSNotAppLike", text: "the code is valid but does not seem to be an app" },
    ),
    (
        -67003,
        Meaning { name: "errSecCSInvalidSymlink", text: "invalid destination for symbolic link in bundle" },
    ),
    (-67004, Meaning { name: "errSecCSTooBig", text: "code is too big for current signing format" }),
    (
        -67005,
        Meaning { name: "errSecCSInvalidPlatform", text: "invalid platform identifier or platform mismatch" },
    ),
    (-67006, Meaning { name: "errSecCSCancelled", text: "operation was terminated by explicit cancelation" }),
    (
        -67007,
        Meaning {
            name: "errSecCSWeakResourceEnvelope",
            text: "resource envelope is obsolete (version 1 signature)",
        },
    ),
    (
        -67008,
        Meaning {
            name: "errSecCSUnsealedFrameworkRoot",
            text: "unsealed contents present in the root directory of an embedded framework",
        },
    ),
    (
        -67009,
        Meaning {
            name: "errSecCSBadFrameworkVersion",
            text: "embedded framework contains modified or invalid version",
        },
    ),
    (-67010, Meaning { name: "errSecCSBadMainExecutable", text: "main executable failed strict validation" }),
    (
        -67011,
        Meaning {
            name: "errSecCSAmbiguousBundleFormat",
            text: "bundle format is ambiguous (could be app or framework)",
        },
    ),
    (-67012, Meaning { name: "errSecCSDSStoreSymlink", text: ".DS_Store files cannot be a symlink" }),
    (
        -67013,
        Meaning {
            name: "errSecCSWeakResourceRules",
            text: "resource envelope is obsolete (custom omit rules)",
        },
    ),
    (
        -67014,
        Meaning { name: "errSecCSUnsealedAppRoot", text: "unsealed contents present in the bundle root" },
    ),
    (
        -67015,
        Meaning {
            name: "errSecCSRegularFile",
            text: "the main executable or Info.plist must be a regular file (no symlinks, etc.)",
        },
    ),
    (
        -67016,
        Meaning {
            name: "errSecCSResourceNotSupported",
            text: "unsupported resource found (something not a directory, file or symlink)",
        },
    ),
    (
        -67017,
        Meaning {
            name: "errSecCSBadLVArch",
            text: "the library validation flag cannot be used with an i386 binary",
        },
    ),
    (-67018, Meaning { name: "errSecCSVetoed", text: "vetoed by policy/delegate" }),
    (
        -67019,
        Meaning {
            name: "errSecCSHelperFailed",
            text: "the codesign_allocate helper tool cannot be found or used",
        },
    ),
    (-67020, Meaning { name: "errSecCSBadCallbackValue", text: "monitor callback returned invalid value" }),
    (-67021, Meaning { name: "errSecCSBadNestedCode", text: "nested code is modified or invalid" }),
    (-67022, Meaning { name: "errSecCSUnsignedNestedCode", text: "nested code is unsigned" }),
    (
        -67023,
        Meaning {
            name: "errSecCSResourceDirectoryFailed",
            text: "invalid resource directory (directory or signature have been modified)",
        },
    ),
    (-67024, Meaning { name: "errSecCSDbCorrupt", text: "a system database or file is corrupt" }),
    (-67025, Meaning { name: "errSecCSOutdated", text: "presented data is out of date" }),
    (
        -67026,
        Meaning {
            name: "errSecCSFileHardQuarantined",
            text: "File created by an AppSandbox, exec/open not allowed",
        },
    ),
    (-67027, Meaning { name: "errSecCSNoMatches", text: "no matches for search or update operation" }),
    (
        -67028,
        Meaning {
            name: "errSecCSBadBundleFormat",
            text: "bundle format unrecognized, invalid, or unsuitable",
        },
    ),
    (-67029, Meaning { name: "errSecCSNoMainExecutable", text: "the code has no main executable file" }),
    (
        -67030,
        Meaning {
            name: "errSecCSInfoPlistFailed",
            text: "invalid Info.plist (plist or signature have been modified)",
        },
    ),
    (
        -67031,
        Meaning {
            name: "errSecCSHostProtocolInvalidAttribute",
            text: "host returned invalid or inconsistent guest attributes",
        },
    ),
    (-67032, Meaning { name: "errSecCSDBAccess / errSecCSSigDBAccess", text: "cannot access a database" }),
    (
        -67033,
        Meaning {
            name: "errSecCSDBDenied / errSecCSSigDBDenied",
            text: "permission to use a database denied",
        },
    ),
    (
        -67034,
        Meaning {
            name: "errSecCSStaticCodeChanged",
            text: "the code on disk does not match what is running",
        },
    ),
    (
        -67035,
        Meaning {
            name: "errSecCSHostProtocolInvalidHash",
            text: "host protocol violation - invalid guest hash",
        },
    ),
    (
        -67036,
        Meaning {
            name: "errSecCSCMSTooLarge",
            text: "signature too large to embed (size limitation of on-disk representation)",
        },
    ),
    (
        -67037,
        Meaning {
            name: "errSecCSNotSupported",
            text: "operation inapplicable or not supported for this type of code",
        },
    ),
    (
        -67039,
        Meaning {
            name: "errSecCSHostProtocolUnrelated",
            text: "host protocol violation - the given guest is not a guest of the given host",
        },
    ),
    (
        -67040,
        Meaning {
            name: "errSecCSHostProtocolStateError",
            text: "host protocol violation - invalid guest state change request",
        },
    ),
    (
        -67041,
        Meaning {
            name: "errSecCSHostProtocolNotProxy",
            text: "host protocol violation - proxy hosting not engaged",
        },
    ),
    (
        -67042,
        Meaning {
            name: "errSecCSHostProtocolDedicationError",
            text: "host protocol violation - operation not allowed with/for a dedicated guest",
        },
    ),
    (
        -67043,
        Meaning {
            name: "errSecCSHostProtocolContradiction",
            text: "host protocol violation - contradictory hosting modes",
        },
    ),
    (
        -67044,
        Meaning {
            name: "errSecCSHostProtocolRelativePath",
            text: "host protocol violation - absolute guest path required",
        },
    ),
    (
        -67045,
        Meaning { name: "errSecCSSignatureInvalid", text: "invalid or unsupported format for signature" },
    ),
    (
        -67046,
        Meaning { name: "errSecCSNotAHost", text: "attempt to specify guest of code that is not a host" },
    ),
    (-67047, Meaning { name: "errSecCSHostReject", text: "code rejected its host" }),
    (-67048, Meaning { name: "errSecCSInternalError", text: "internal error in Code Signing subsystem" }),
    (
        -67049,
        Meaning {
            name: "errSecCSBadObjectFormat",
            text: "object file format unrecognized, invalid, or unsuitable",
        },
    ),
    (
        -67050,
        Meaning { name: "errSecCSReqFailed", text: "code failed to satisfy specified code requirement(s)" },
    ),
    (
        -67051,
        Meaning {
            name: "errSecCSReqUnsupported",
            text: "unsupported type or version of code requirement(s)",
        },
    ),
    (-67052, Meaning { name: "errSecCSReqInvalid", text: "invalid or corrupted code requirement(s)" }),
    (
        -67053,
        Meaning { name: "errSecCSResourceRulesInvalid", text: "invalid resource specification rule(s)" },
    ),
    (-67054, Meaning { name: "errSecCSBadResource", text: "a sealed resource is missing or invalid" }),
    (-67055, Meaning { name: "errSecCSResourcesInvalid", text: "the sealed resource directory is invalid" }),
    (
        -67056,
        Meaning {
            name: "errSecCSResourcesNotFound",
            text: "code has no resources but signature indicates they must be present",
        },
    ),
    (
        -67057,
        Meaning {
            name: "errSecCSResourcesNotSealed",
            text: "resources are present but not sealed by signature",
        },
    ),
    (
        -67058,
        Meaning {
            name: "errSecCSBadDictionaryFormat",
            text: "a required plist file or resource is malformed",
        },
    ),
    (
        -67059,
        Meaning { name: "errSecCSSignatureUnsupported", text: "unsupported type or version of signature" },
    ),
    (
        -67060,
        Meaning {
            name: "errSecCSSignatureNotVerifiable",
            text: "the code cannot be read by the verifier (file system permissions etc.)",
        },
    ),
    (
        -67061,
        Meaning {
            name: "errSecCSSignatureFailed",
            text: "invalid signature (code or signature have been modified)",
        },
    ),
    (-67062, Meaning { name: "errSecCSUnsigned", text: "code object is not signed at all" }),
    (-67063, Meaning { name: "errSecCSGuestInvalid", text: "code identity has been invalidated" }),
    (
        -67064,
        Meaning {
            name: "errSecCSMultipleGuests",
            text: "ambiguous guest specification (host has multiple guests with these attribute values)",
        },
    ),
    (-67065, Meaning { name: "errSecCSNoSuchCode", text: "host has no guest with the requested attributes" }),
    (-67066, Meaning { name: "errSecCSInvalidAttributeValues", text: "given attribute values are invalid" }),
    (
        -67067,
        Meaning {
            name: "errSecCSUnsupportedGuestAttributes",
            text: "cannot locate guests using this attribute set",
        },
    ),
    (-67068, Meaning { name: "errSecCSStaticCodeNotFound", text: "cannot find code object on disk" }),
    (-67069, Meaning { name: "errSecCSObjectRequired", text: "a required pointer argument was NULL" }),
    (
        -67070,
        Meaning { name: "errSecCSInvalidFlags", text: "invalid or inappropriate API flag(s) specified" },
    ),
    (-67071, Meaning { name: "errSecCSInvalidObjectRef", text: "invalid API object reference" }),
    (-67072, Meaning { name: "errSecCSUnimplemented", text: "unimplemented code signing feature" }),
    // Seen from amfid, not in the public header.
    (
        -67671,
        Meaning { name: "(private)", text: "restricted entitlements are not covered by a valid profile" },
    ),
    (-34018, Meaning { name: "errSecMissingEntitlement", text: "a required entitlement is not present" }),
    (-25300, Meaning { name: "errSecItemNotFound", text: "the item cannot be found in the keychain" }),
];
