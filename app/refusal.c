// The table of refusals. Codes and names: Apple's SystemExtensions documentation. Causes: reports of developers, so "usually", not "always".
#include "refusal.h"

#include <stddef.h>

static const struct Refusal REFUSALS[] = {
    { 1, "unknown", "macOS gives no reason",
      "an interaction with device management, or an extension database in a bad state after many replacements",
      "read the log of `sysextd` for the same second; restart, then try again" },
    { 2, "missingEntitlement", "this app may not install system extensions",
      "its signature lacks `com.apple.developer.system-extension.install`, or its profile does not grant it",
      "sign the app with that entitlement and a profile that grants it" },
    { 3, "unsupportedParentBundleLocation", "the app is in the wrong place",
      "it was started from a download folder, a disk image or a build folder",
      "move the app into /Applications and start it from there" },
    { 4, "extensionNotFound", "macOS finds no such driver in this app",
      "the driver's folder is not called <bundle id>.dext inside Contents/Library/SystemExtensions, or the app is not notarized",
      "compare the folder's name with the driver's CFBundleIdentifier; check the notarization of the app" },
    { 5, "extensionMissingIdentifier", "the driver has no bundle identifier",
      "CFBundleIdentifier is absent from the driver's Info.plist",
      "build the driver again with a bundle identifier" },
    { 6, "duplicateExtensionIdentifer", "two drivers carry one identifier",
      "an old copy of the driver still lies in the app, or a second product uses the same identifier",
      "keep one .dext for each identifier in Contents/Library/SystemExtensions" },
    { 7, "unknownExtensionCategory", "macOS does not know this kind of extension",
      "CFBundlePackageType of the driver is not DEXT",
      "correct the driver's Info.plist and sign again" },
    { 8, "codeSignatureInvalid", "macOS does not accept the signature",
      "not notarized, changed after signing, an expired or revoked certificate, get-task-allow in a release, or no network to ask about a ticket",
      "verify app and driver; staple the notarization ticket; check the clock and the network" },
    { 9, "validationFailed", "the driver's own description is not accepted",
      "OSBundleUsageDescription is absent, CFBundleVersion is no kernel extension version (1–3 numbers of up to 4 digits), or the package type is wrong",
      "read the `DextValidation` lines of `kernelmanagerd` in the log: they name the key" },
    { 10, "forbiddenBySystemPolicy", "a policy of this Mac forbids it",
      "device management allows only listed extensions, and this one is not on the list",
      "ask the administrator to allow this team and driver in the system extension policy" },
    { 11, "requestCanceled", "the request was cancelled",
      "this app declined to replace the driver that is there, or the user did",
      "read why above; a deliberate downgrade needs --allow-downgrade" },
    { 12, "requestSuperseded", "a newer request took its place",
      "a second request for the same driver was made while this one waited, perhaps by another copy of the app",
      "close other copies of the app, and ask once more" },
    { 13, "authorizationRequired", "macOS could not get an authorization",
      "removing or replacing a driver needs an administrator, and nobody could be asked, or the answer was no",
      "run it in the session of an administrator who is logged in, or list the driver in RemovableSystemExtensions" },
};

struct Refusal refusal_of(long code) {
    for (size_t i = 0; i < sizeof REFUSALS / sizeof REFUSALS[0]; i++) {
        if (REFUSALS[i].code == code) return REFUSALS[i];
    }
    return (struct Refusal){
        .code = code,
        .name = "unlisted",
        .meaning = "macOS gives a code that this app does not know",
        .cause = "a macOS newer than this app, or an error of another kind",
        .way_out = "look the code up in Apple's documentation of OSSystemExtensionError; read the log of `sysextd`",
    };
}
