//! Notarization and Gatekeeper: syspolicyd looks for a ticket.

use super::Role::*;
use super::{Pattern::*, Signature, Stage};
use crate::decode::Domain;
use crate::entry::Layer;
use crate::judge::Confidence::*;

pub(super) const ALL: &[Signature] = &[
    Signature {
        id: "ticket-unparseable",
        rule: "",
        needles: &[
            "unable to parse ticket",
            "error registering ticket",
            "unable to register ticket",
            "failed to parse ticket",
            "parse the ticket",
            "ticket database",
        ],
        pattern: Text(
            r"(unable|failed) to parse (the |notarization )?ticket(\W*$|[.:,]| (for|from|at|data|with)\b)|(error|unable|failed).{0,12}regist\w+ (the |notarization )?ticket\b|error registering ticket|(ticket|syspolicy).{0,60}database.{0,80}(corrupt|malformed|disk i/o|cannot be opened)",
        ),
        layer: Layer::Daemon,
        stage: Stage::Validate,
        role: Cause("notarization-lookup-broken-on-host", Medium),
        meaning: "the host's notarization daemon or its database cannot handle a ticket: the fault lies with this machine, not with the signature",
        excludes: &["not-notarized"],
        next: "try the same bytes on another Mac; restart; rebuild the ticket database (sudo spctl --reset-default, or reinstall the system)",
        source: "elastic/endpoint issue 110",
        seen: "macOS 26.6",
        example: "syspolicyd: Unable to parse ticket.",
    },
    Signature {
        id: "notarization-daemon-error",
        rule: "H22",
        needles: &["notarization daemon", "ticket"],
        pattern: Text(
            r"(unable to|failed to|cannot|could not) (fetch|download|look ?up|retrieve) .{0,40}\bticket\b.{0,60}(notar|syspolicy|code|bundle|cdhash)|syspolicyd.{0,120}(unable to|failed to|cannot|could not) (fetch|download|look ?up|retrieve).{0,40}\bticket\b|error (checking with|contacting|talking to) (the )?notarization daemon|(unable|failed|could not) .{0,40}notarization daemon",
        ),
        layer: Layer::Daemon,
        stage: Stage::Validate,
        role: Cause("notarization-lookup-broken-on-host", Low),
        meaning: "the question for a ticket got no answer: the host's daemon is broken or offline, or there is no ticket",
        excludes: &[],
        next: "staple the ticket; check the network; try the same bytes on another Mac",
        source: "Security notarization.cpp; public reports",
        seen: "macOS 12 to 26",
        example: "Error checking with notarization daemon: 3",
    },
    Signature {
        id: "requirement-not-satisfied",
        rule: "H22",
        needles: &["-67050", "code requirement", "code failed to satisfy"],
        pattern: CodeAndText(
            Domain::OsStatus,
            &[-67050],
            "(bundle code signature|extension|signature) .{0,60}(is not valid|does not satisfy)",
        ),
        layer: Layer::Daemon,
        stage: Stage::Validate,
        role: Consequence("extension-signature-invalid"),
        meaning: "the extension does not meet the requirement of notarized or otherwise allowed code; may be secondary to an ad-hoc signature or a broken look-up",
        excludes: &[],
        next: "staple; spctl on app and extension; read syspolicyd",
        source: "Security CSCommon.h; elastic/endpoint issue 110",
        seen: "macOS 12 to 26",
        example: "bundle code signature is not valid - does not satisfy requirement: -67050 code failed to satisfy specified code requirement(s)",
    },
    Signature {
        id: "no-policy-outside-applications",
        rule: "H20",
        needles: &["cannot allow apps outside"],
        pattern: Text("no policy, cannot allow apps outside"),
        layer: Layer::Daemon,
        stage: Stage::Activate,
        role: Noise,
        meaning: "also logged when the app is inside /Applications: it says that no policy allowed the app, not that it is in the wrong place. Seen for code that was not notarized, and unexplained for code that was",
        excludes: &[],
        next: "check notarization of app and extension; check for translocation (App Translocation, ~/Applications); do not conclude that the app must be moved",
        source: "DTS in forum thread 820254; threads 817101, 823200",
        seen: "macOS 26",
        example: "sysextd: no policy, cannot allow apps outside /Applications",
    },
    Signature {
        id: "gatekeeper-rejected",
        rule: "",
        needles: &[
            "unnotarized developer id",
            "source=no usable signature",
            "gatekeeper rejected",
            "gatekeeper rejection",
        ],
        pattern: Text(
            "(rejected|source=).{0,40}unnotarized developer id|source=no usable signature|gatekeeper rejected|due to gatekeeper rejection",
        ),
        layer: Layer::App,
        stage: Stage::Validate,
        role: Cause("not-notarized", Medium),
        meaning: "Gatekeeper does not accept the code",
        excludes: &[],
        next: "notarize and staple",
        source: "spctl, syspolicy_check",
        seen: "macOS 10.15 to 26",
        example: "rejected source=Unnotarized Developer ID",
    },
];
