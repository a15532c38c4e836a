//! Endpoint security and what the frameworks say in words instead of numbers.

use super::Role::*;
use super::{Pattern::*, Signature, Stage};
use crate::entry::Layer;
use crate::judge::Confidence::*;

pub(super) const ALL: &[Signature] = &[
    Signature {
        id: "es-client-refused",
        rule: "",
        needles: &["es_new_client_result_err", "endpoint-security.client"],
        pattern: Text(
            r#"es_new_client_result_err_not_(entitled|permitted|privileged)|not entitled.{0,80}endpoint-security\.client|endpoint-security\.client.{0,80}(not entitled|is missing)"#,
        ),
        layer: Layer::App,
        stage: Stage::Client,
        role: Cause("endpoint-security-refused", High),
        meaning: "the endpoint security extension runs and may not be a client: NOT_ENTITLED, the entitlement is missing; NOT_PERMITTED, Full Disk Access was not given; NOT_PRIVILEGED, it does not run as root",
        excludes: &[],
        next: "NOT_PERMITTED: give it Full Disk Access, or by MDM (PPPC); NOT_ENTITLED: com.apple.developer.endpoint-security.client in signature and profile",
        source: "EndpointSecurity ESClient.h",
        seen: "macOS 10.15 to 26",
        example: "es_new_client failed: ES_NEW_CLIENT_RESULT_ERR_NOT_PERMITTED",
    },
    Signature {
        id: "words-signature-invalid",
        rule: "",
        needles: &["code signature or missing entitlements"],
        pattern: Text("invalid code signature or missing entitlements"),
        layer: Layer::App,
        stage: Stage::Activate,
        role: Cause("extension-signature-invalid", Medium),
        meaning: "OSSystemExtensionErrorDomain 8 in words",
        excludes: &[],
        next: "read syspolicyd and sysextd before it; spctl and codesign -vvvv on app and extension",
        source: "several projects",
        seen: "macOS 11 to 26",
        example: "system extension didFailWithError: Invalid code signature or missing entitlements",
    },
    Signature {
        id: "words-install-entitlement",
        rule: "",
        needles: &["system-extension.install"],
        pattern: Text(r#"missing entitlement:? com\.apple\.developer\.system-extension\.install"#),
        layer: Layer::App,
        stage: Stage::Activate,
        role: Cause("app-install-entitlement-missing", High),
        meaning: "OSSystemExtensionErrorDomain 2 in words",
        excludes: &[],
        next: "claim it in the app, granted by its profile",
        source: "SystemExtensions framework",
        seen: "macOS 11 to 26",
        example: "didFailWithError: Missing entitlement com.apple.developer.system-extension.install",
    },
    Signature {
        id: "same-version-kept",
        rule: "",
        needles: &["same version", "equal version", "identical version"],
        pattern: Text(
            r#"(extension|\bdext|sysextd?)\b.{0,160}\b(same|equal|identical) version.{0,80}(not (be )?replac|skip|ignor|keep)|(extension|\bdext|sysextd?)\b.{0,120}already (active|installed|activated).{0,80}\b(same|equal|identical) version"#,
        ),
        layer: Layer::Daemon,
        stage: Stage::Activate,
        role: Cause("old-version-still-active", Medium),
        meaning: "an extension of the same version is there, and is kept",
        excludes: &[],
        next: "raise CFBundleVersion",
        source: "[infer] an equal version is not replaced (checks.md, versions)",
        seen: "never in this form",
        example: "sysextd: extension com.example.driver (1.4/140) is already active with the same version, skipping",
    },
];
