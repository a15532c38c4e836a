//! The causes that can be named: what each means and what to do.

/// The text of a cause.
#[derive(Debug, Clone, Copy)]
pub struct CauseText {
    /// Words in kebab-case; a contract (`cli.md`, the JSON report).
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// Why it happens.
    pub explanation: &'static str,
    /// What to do, in order.
    pub next: &'static [&'static str],
    /// Checks of the verifier that look at the same thing.
    pub checks: &'static [&'static str],
    /// Reported from above without saying why: any specific cause from an earlier or lower line explains it.
    pub is_generic: bool,
    /// Never more than medium, whatever the lines say: reports about it contradict each other or are incomplete.
    pub is_disputed: bool,
}

const DEXT: CauseText = CauseText {
    id: "",
    title: "",
    explanation: "",
    next: &[],
    checks: &[],
    is_generic: false,
    is_disputed: false,
};

/// Every cause, in the order of the layers.
pub const CAUSES: &[CauseText] = &[
    CauseText {
        id: "arm64e-slice",
        title: "the kernel refuses the driver's arm64e slice",
        explanation: "Where a file has an arm64e slice, an Apple-silicon kernel runs that one and no other; a good arm64 slice beside it does not help.",
        next: &[
            "build with ARCHS=\"arm64 x86_64\", or drop the slice: `cargo xtask lipo remove arm64e`",
            "sign, notarize and install the new build under a higher version, then try again",
        ],
        checks: &["arm64e-slice"],
        ..DEXT
    },
    CauseText {
        id: "dext-arch-not-arm64e",
        title: "the driver is said to be refused because it is plain arm64 (disputed)",
        explanation: "The kernel demands arm64e of *platform* drivers only, and takes third-party drivers for such only while AMFI is switched off (usually together with SIP). With SIP and AMFI on, shipped drivers are plain arm64, so this is a warning about the test machine, not about the build.",
        next: &[
            "look at `csrutil status` and `nvram boot-args`: was SIP or AMFI off?",
            "try again with SIP and AMFI on before adding an arm64e slice, which SIP-on Macs refuse",
        ],
        checks: &["arm64e-slice"],
        is_disputed: true,
        ..DEXT
    },
    CauseText {
        id: "no-slice-for-this-mac",
        title: "the file has no slice for this Mac's processor",
        explanation: "EBADARCH. A driver or system extension is never run under Rosetta.",
        next: &["`lipo -archs` on the executable", "build arm64 and x86_64"],
        ..DEXT
    },
    CauseText {
        id: "malformed-binary",
        title: "the loader cannot make sense of the binary",
        explanation: "EBADMACHO: a load command, a segment or the universal header is not what the kernel demands.",
        next: &["`cargo xtask verify` names the place", "build and merge again; never edit a signed file"],
        ..DEXT
    },
    CauseText {
        id: "exec-refused",
        title: "the system refused to execute the driver; the log does not say why",
        explanation: "\"Exec format error\", \"would not allow process\" and launchd's 153/162/163 are how a refusal looks from above. Architecture (an arm64e slice), provisioning profile and signature all end in the same text.",
        next: &[
            "architecture: `lipo -archs` on the driver; an arm64e slice beside arm64 is the first thing to remove (the kernel would log `preview arm64e ABI`)",
            "profile: look for `Unsatisfied entitlements` from taskgated-helper and `-413` from amfid; compare the claimed entitlements with embedded.provisionprofile",
            "signature: `codesign -vvvv --strict` on app and driver, each architecture",
            "let the verifier decide: `cargo xtask triage LOG --artifact PATH`",
        ],
        checks: &["arm64e-slice"],
        is_generic: true,
        is_disputed: true,
    },
    CauseText {
        id: "profile-missing-or-not-matching",
        title: "a restricted entitlement is claimed that no embedded profile grants",
        explanation: "amfid and taskgated-helper compare every restricted entitlement, its value, the application identifier, the certificate and the device with the embedded provisioning profile. codesign, spctl and the notary do not look at this: code that is valid and notarized is killed all the same.",
        next: &[
            "compare the claimed entitlements with the profile: `cargo xtask profile check`",
            "grant the missing keys in the profile, or do not claim them; then sign again, with the profile embedded first",
        ],
        ..DEXT
    },
    CauseText {
        id: "profile-appid-mismatch",
        title: "the profile is for another application identifier",
        explanation: "The application-identifier of the provisioning profile does not cover the one the signature claims (team prefix, bundle identifier, or a wildcard that is too narrow).",
        next: &[
            "sign with a profile for TEAM.bundle-identifier",
            "after a change of the bundle identifier make a new profile",
        ],
        ..DEXT
    },
    CauseText {
        id: "signature-invalid",
        title: "the signature was not accepted",
        explanation: "amfid or the kernel found the signature wanting. For ad-hoc code this is expected and says nothing by itself.",
        next: &[
            "`codesign -vvvv --strict` on app and driver, each architecture",
            "`cargo xtask verify` on the artifact",
        ],
        is_generic: true,
        ..DEXT
    },
    CauseText {
        id: "identity-unknown",
        title: "the code is signed by nobody that Apple vouches for",
        explanation: "An ad-hoc signature, or one under a root that is not Apple's: with SIP on amfid lets such code start only where it claims nothing restricted, and a driver always does.",
        next: &[
            "sign with an identity that Apple issued (Developer ID or Apple Development)",
            "a rehearsal of this tool, too, starts on no Mac: that is what the word says",
        ],
        ..DEXT
    },
    CauseText {
        id: "certificate-not-valid",
        title: "the signing certificate or the notarization is revoked, or the certificate expired",
        explanation: "Revocation stops code on every Mac that can ask Apple, whatever else is in order. An expired certificate hurts only code without a secure timestamp.",
        next: &[
            "`codesign -dvvv`: which certificate, and is there a secure timestamp",
            "sign with a valid certificate, notarize again",
        ],
        ..DEXT
    },
    CauseText {
        id: "blocked-as-malware",
        title: "XProtect blocks the file",
        explanation: "The file matches a rule of Apple's malware list.",
        next: &[
            "compare the file with the one that was built: it may have been changed",
            "if it is unchanged, report the false alarm to Apple",
        ],
        ..DEXT
    },
    CauseText {
        id: "code-modified",
        title: "the code was changed after it was signed",
        explanation: "A page or resource does not have the hash that was signed.",
        next: &["sign as the last step", "replace a signed file by a new one; never write into it"],
        ..DEXT
    },
    CauseText {
        id: "launch-constraints-on-old-os",
        title: "macOS 13 refuses the launch constraints of third-party code",
        explanation: "macOS 13 treats launch constraints as if only platform code could carry them. macOS 14 and later do not.",
        next: &[
            "for macOS 13 ship a build without launch constraints",
            "or set LSMinimumSystemVersion to 14.0",
            "where the Mac is newer, compare the constraint with the way the code was launched",
        ],
        ..DEXT
    },
    CauseText {
        id: "launch-constraint-violation",
        title: "the code was launched in a way its launch constraint does not allow",
        explanation: "A launch constraint (self, parent or responsible process) did not match.",
        next: &[
            "`codesign -d --verbose=4` shows which constraints exist",
            "launch the code as the constraint asks",
        ],
        ..DEXT
    },
    CauseText {
        id: "adhoc-with-hardened-runtime",
        title: "ad-hoc code with hardened runtime cannot load its own libraries",
        explanation: "Hardened runtime switches library validation on, which wants one team id in process and library. Ad-hoc code has none, and two times none is no match.",
        next: &[
            "ad-hoc builds: sign without `--options runtime`",
            "release builds: sign every part with the same identity",
        ],
        ..DEXT
    },
    CauseText {
        id: "library-of-another-team",
        title: "a library is signed by another team",
        explanation: "Library validation wants process and library to have the same team id.",
        next: &[
            "sign the library with the identity of the app",
            "or claim com.apple.security.cs.disable-library-validation",
        ],
        ..DEXT
    },
    CauseText {
        id: "library-missing",
        title: "a library that the code needs could not be loaded",
        explanation: "dyld looked at every place that the code names. The list after `tried:` says of each whether there was no file, no suitable slice, or a signature that was refused.",
        next: &[
            "read the `tried:` list",
            "put the library into the bundle at the place that the load command names, and sign it with the same team",
        ],
        ..DEXT
    },
    CauseText {
        id: "system-too-old",
        title: "the system is older than what the code was built for",
        explanation: "dyld found no such symbol in the system's library.",
        next: &[
            "compare `LC_BUILD_VERSION` (minos) and OSMinimumDriverKitVersion or LSMinimumSystemVersion with this system",
            "guard the new call, or raise the minimum version honestly",
        ],
        ..DEXT
    },
    CauseText {
        id: "library-not-in-driverkit",
        title: "the driver needs a library that DriverKit does not have",
        explanation: "A driver lives in the DriverKit runtime: only libraries under /System/DriverKit can be loaded.",
        next: &["`otool -L` on the driver", "link against the DriverKit SDK"],
        ..DEXT
    },
    CauseText {
        id: "dext-transport-entitlement-mismatch",
        title: "the driver ran, but its DriverKit entitlements do not cover the device",
        explanation: "After check-in the kernel compares the transport and family entitlements with the provider that matched. A refusal here proves that the binary could be executed; a signature error beside it comes from an ad-hoc signature and is secondary.",
        next: &[
            "compare the entitlement's values (idVendor, idProduct, IOPCIPrimaryMatch with its mask) with the provider in `ioreg -l`",
            "copy the same values into personality, entitlements and profile",
        ],
        is_disputed: true,
        ..DEXT
    },
    CauseText {
        id: "client-userclient-access-missing",
        title: "the client app may not open the driver's user client",
        explanation: "The driver runs. The client needs com.apple.developer.driverkit.userclient-access with the driver's bundle identifier, or the driver com.apple.developer.driverkit.allow-any-userclient-access.",
        next: &[
            "claim userclient-access with the bundle identifier in the log line, and have it in the app's profile",
            "allow-third-party-userclients and similar keys do not exist",
        ],
        ..DEXT
    },
    CauseText {
        id: "endpoint-security-refused",
        title: "the endpoint security extension may not be a client",
        explanation: "It was loaded. NOT_ENTITLED: com.apple.developer.endpoint-security.client is missing. NOT_PERMITTED: nobody gave it Full Disk Access. NOT_PRIVILEGED: it does not run as root.",
        next: &[
            "give it Full Disk Access (System Settings > Privacy & Security), or by an MDM profile",
            "or claim the entitlement, granted by the profile",
        ],
        ..DEXT
    },
    CauseText {
        id: "user-server-name-mismatch",
        title: "IOUserServerName belongs to another organisation than the bundle identifier",
        explanation: "The kernel wants both to begin with the same organisation.",
        next: &["let IOUserServerName be the bundle identifier"],
        ..DEXT
    },
    CauseText {
        id: "driver-start-failed",
        title: "the driver ran and its Start failed",
        explanation: "Loading is in order; the code returned an error.",
        next: &[
            "read the driver's own lines",
            "compare IOClass, IOProviderClass and who else has the device open",
        ],
        ..DEXT
    },
    CauseText {
        id: "driver-crashes",
        title: "the driver crashes",
        explanation: "The kernel counts crashes and stops launching after a few.",
        next: &[
            "read the crash report (`cargo xtask triage X.ips --symbols dist/symbols`)",
            "reboot to reset the counter",
        ],
        ..DEXT
    },
    CauseText {
        id: "kernel-panic",
        title: "the kernel panicked",
        explanation: "A driver in user space should not be able to stop the kernel; where its calls lead there all the same, it is a fault of the kernel as well, to be reported to Apple. The panic may also have nothing to do with the driver.",
        next: &[
            "read the panic report in /Library/Logs/DiagnosticReports: first line, and which extensions are in the backtrace",
            "try again without the driver; if the panic stays away, report it to Apple with the report",
        ],
        ..DEXT
    },
    CauseText {
        id: "personality-without-dext",
        title: "a personality is left whose driver is gone",
        explanation: "The catalogue of the kernel still has the personality of a driver that is not installed.",
        next: &["reboot", "compare CFBundleIdentifier in the personality with the driver's"],
        ..DEXT
    },
    CauseText {
        id: "app-install-entitlement-missing",
        title: "the app may not install system extensions",
        explanation: "Its signature lacks com.apple.developer.system-extension.install.",
        next: &["claim it in the app, granted by the app's profile"],
        ..DEXT
    },
    CauseText {
        id: "app-outside-applications",
        title: "the app is not in /Applications",
        explanation: "System extensions are activated only from apps in /Applications.",
        next: &["move the app there with the Finder or an installer"],
        ..DEXT
    },
    CauseText {
        id: "extension-identifier-missing",
        title: "the extension has no bundle identifier",
        explanation: "CFBundleIdentifier is missing.",
        next: &["add it"],
        ..DEXT
    },
    CauseText {
        id: "duplicate-extension-identifier",
        title: "two extensions of the app have one identifier",
        explanation: "sysextd cannot tell them apart.",
        next: &["give each its own identifier"],
        ..DEXT
    },
    CauseText {
        id: "duplicate-database-entries",
        title: "sysextd's database has the extension twice",
        explanation: "The same version was installed again over itself.",
        next: &["reboot", "give every build a higher CFBundleVersion"],
        ..DEXT
    },
    CauseText {
        id: "extension-category-unknown",
        title: "the extension belongs to no category",
        explanation: "CFBundlePackageType must be DEXT.",
        next: &["set it"],
        ..DEXT
    },
    CauseText {
        id: "extension-not-found",
        title: "the extension lies at a place or under a name where sysextd does not look",
        explanation: "It must be Contents/Library/SystemExtensions/<CFBundleIdentifier>.dext.",
        next: &["rename the directory: PRODUCT_NAME = $(PRODUCT_BUNDLE_IDENTIFIER)"],
        ..DEXT
    },
    CauseText {
        id: "extension-of-another-team",
        title: "extension and app are signed by different teams",
        explanation: "An app activates only extensions of its own team.",
        next: &["sign both with one team; the verifier's check is `same-team`"],
        ..DEXT
    },
    CauseText {
        id: "extension-signature-invalid",
        title: "sysextd did not accept signature, notarization or profile of the extension",
        explanation: "Un-notarized Developer ID code, get-task-allow in a release, a revoked or expired certificate and a profile that does not match all end here.",
        next: &[
            "`spctl -a -vv` and `codesign -vvvv --strict` on app and extension",
            "read syspolicyd, amfid and taskgated-helper just before",
        ],
        is_generic: true,
        ..DEXT
    },
    CauseText {
        id: "extension-validation-failed",
        title: "the extension was refused during validation",
        explanation: "For drivers kernelmanagerd looks at Info.plist: OSBundleUsageDescription, CFBundleVersion, package type.",
        next: &["read kernelmanagerd's DextValidation lines", "`cargo xtask verify` on the artifact"],
        is_generic: true,
        ..DEXT
    },
    CauseText {
        id: "info-plist-invalid",
        title: "kernelmanagerd refused the driver's Info.plist",
        explanation: "The brackets in its line list the keys.",
        next: &["fix these keys (OSBundleUsageDescription, CFBundleVersion with at most 4.4.4 digits)"],
        ..DEXT
    },
    CauseText {
        id: "forbidden-by-system-policy",
        title: "a system policy forbids the extension",
        explanation: "MDM (com.apple.system-extension-policy) does not list this team and extension, or the user may not override it. It is not a signature error.",
        next: &[
            "have the administrator list team and bundle identifier in a com.apple.system-extension-policy profile",
            "`profiles show -type configuration` shows what is installed",
        ],
        ..DEXT
    },
    CauseText {
        id: "approval-missing",
        title: "the extension waits for approval",
        explanation: "A person (or an MDM profile) has to allow it once.",
        next: &["System Settings > General > Login Items & Extensions > Driver Extensions"],
        ..DEXT
    },
    CauseText {
        id: "authorization-required",
        title: "an administrator must authorise the request",
        explanation: "Replacing or removing an extension can need it.",
        next: &["authorise it, or use MDM's RemovableSystemExtensions"],
        ..DEXT
    },
    CauseText {
        id: "request-not-finished",
        title: "the activation request was canceled or superseded",
        explanation: "Another request took its place, or the app went away.",
        next: &["send one request, and wait for its answer"],
        ..DEXT
    },
    CauseText {
        id: "old-version-still-active",
        title: "another version than expected may still be the active one",
        explanation: "The listing shows what is installed; sysextd does not replace an equal version, and the kernel keeps a running driver until its device goes or the machine restarts.",
        next: &[
            "compare the listed version with the driver inside the app",
            "raise CFBundleVersion, detach the device, reboot, list again",
            "if the versions are equal and plugging the device in writes no `DK:` line, nothing matches: compare the personality (IOProviderClass, idVendor, …) with the provider in `ioreg -l`",
        ],
        is_disputed: true,
        ..DEXT
    },
    CauseText {
        id: "notarization-lookup-broken-on-host",
        title: "this host's look-up of the notarization ticket does not work",
        explanation: "The daemon gave no answer, or could not parse or store a ticket. The same bytes pass on a healthy Mac; \"-67050\" is then a consequence. Without the ticket lines it can also mean that there is no ticket, or no network.",
        next: &[
            "try the same bytes on another Mac with the same build of macOS",
            "`xcrun stapler validate` on app and package",
            "check the network and the clock; restart the Mac",
        ],
        is_disputed: true,
        ..DEXT
    },
    CauseText {
        id: "not-notarized",
        title: "the code is not notarized, or the ticket cannot be found",
        explanation: "Gatekeeper or sysextd found no ticket for the code.",
        next: &["`xcrun stapler validate`; `spctl -a -vv`", "notarize and staple"],
        ..DEXT
    },
    CauseText {
        id: "syspolicyd-fd-exhaustion",
        title: "a security daemon ran out of file descriptors",
        explanation: "Errors like 100024 are 100000 + EMFILE: syspolicyd (or amfid) could not open the file. It says nothing about the signature; something relaunches in a loop.",
        next: &[
            "`sudo lsof -p $(pgrep -x syspolicyd) | sort -k9 | uniq -c -f8` shows which file it holds open",
            "stop what is launched in a loop; restart the Mac",
        ],
        ..DEXT
    },
    CauseText {
        id: "sip-enabled-unsigned-or-unnotarized-kext",
        title: "SIP refuses a kernel extension without a valid signature or notarization",
        explanation: "This is about a kernel extension, not a DriverKit driver.",
        next: &["sign the kext with a kext certificate and notarize it", "or move to DriverKit"],
        ..DEXT
    },
    CauseText {
        id: "kext-unsigned",
        title: "the kernel extension is not signed",
        explanation: "This is about a kernel extension, not a DriverKit driver. kextd accepts only kexts signed with a kext certificate.",
        next: &["`codesign -dvvv` on the kext", "sign it with a kext certificate, or move to DriverKit"],
        ..DEXT
    },
    CauseText {
        id: "kext-bad-signature",
        title: "the kernel extension's signature is not accepted",
        explanation: "This is about a kernel extension, not a DriverKit driver. It is signed without a kext certificate, or changed after signing.",
        next: &["`codesign -vvvv` on the kext", "sign it with a kext certificate, or move to DriverKit"],
        ..DEXT
    },
    CauseText {
        id: "kext-not-approved",
        title: "the kernel extension is not approved",
        explanation: "This is about a kernel extension, not a DriverKit driver.",
        next: &["approve it in System Settings and restart"],
        ..DEXT
    },
    CauseText {
        id: "bad-universal-offset",
        title: "a wrong offset into a universal file was asked for",
        explanation: "At the offset there is no Mach-O. This is about iOS, not about a macOS driver.",
        next: &["`lipo -detailed_info` shows the right offsets", "look at who asked"],
        ..DEXT
    },
    CauseText {
        id: "unknown",
        title: "the log does not say why",
        explanation: "Nothing in it is known to name a cause. What is missing matters more than what is there.",
        next: &[
            "before a reboot (it loses most of the log): `sudo sysdiagnose`",
            "`sudo /usr/bin/log collect --last 10m --output load.logarchive`, right after a try",
            "/usr/bin/log show --info --debug --last 10m --style ndjson --predicate 'process IN {\"sysextd\",\"kernelmanagerd\",\"amfid\",\"taskgated-helper\",\"syspolicyd\",\"launchd\"} OR sender IN {\"AppleSystemPolicy\",\"AppleMobileFileIntegrity\"} OR (process == \"kernel\" AND (eventMessage CONTAINS \"DK: \" OR eventMessage CONTAINS \"AMFI\" OR eventMessage CONTAINS \"exec_mach_imgact\" OR eventMessage CONTAINS \"driverkit binary\"))' > load.ndjson",
            "compare directory name and CFBundleIdentifier of the extension; run `cargo xtask verify` on the app",
        ],
        is_generic: true,
        is_disputed: true,
        ..DEXT
    },
];

/// The text of a cause by its id.
pub(crate) fn text(id: &str) -> Option<&'static CauseText> {
    CAUSES.iter().find(|it| it.id == id)
}
