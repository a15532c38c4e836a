//! Faults of the host itself: daemons that ran out of something.

use super::Role::*;
use super::{Pattern::*, Signature, Stage};
use crate::decode::Domain;
use crate::entry::Layer;
use crate::judge::Confidence::*;

pub(super) const ALL: &[Signature] = &[
    Signature {
        id: "static-code-emfile",
        rule: "",
        needles: &["100023", "100024"],
        pattern: CodeAndText(
            Domain::OsStatus,
            &[100024, 100023],
            r"secstaticcode|static code|syspolicy|amfid|securityd|spctl|codesign|\b(error|status|result|returned|code)\W{1,4}10002[34]\b",
        ),
        layer: Layer::Daemon,
        stage: Stage::Host,
        role: Cause("syspolicyd-fd-exhaustion", High),
        meaning: "100000 + EMFILE: the daemon has no file descriptor left; nothing is said about the signature",
        excludes: &[],
        next: "see who is launched in a loop (lsof -p $(pgrep syspolicyd)), stop it, restart",
        source: "openai/codex issues 28088, 29796, 25882",
        seen: "macOS 26.5, 26.6",
        example: "syspolicyd: Failed to generate SecStaticCode for /X error: 100024",
    },
    Signature {
        id: "unix-24",
        rule: "",
        needles: &["unix error exception"],
        pattern: Text(r"unix error exception: (23|24)\b"),
        layer: Layer::Daemon,
        stage: Stage::Host,
        role: Cause("syspolicyd-fd-exhaustion", Medium),
        meaning: "Security's way to say EMFILE",
        excludes: &[],
        next: "see who is launched in a loop, stop it, restart",
        source: "openai/codex issue 29796",
        seen: "iOS 11; macOS 26",
        example: "syspolicyd: (Security) UNIX error exception: 24",
    },
    Signature {
        id: "too-many-files",
        rule: "",
        needles: &["too many open files", "emfile"],
        pattern: Text(
            r"(\bspctl|syspolicyd|secstaticcode|main executable|securityd\b|systempolicy|gatekeeper|\bamfid|/applications/[^:]{1,80}\.app).{0,200}(too many open files|\bemfile\b)|(too many open files|\bemfile\b).{0,200}(syspolicyd|spctl|secstaticcode)",
        ),
        layer: Layer::Daemon,
        stage: Stage::Host,
        role: Cause("syspolicyd-fd-exhaustion", Medium),
        meaning: "the policy daemon (or who asks it) has no file descriptor left",
        excludes: &[],
        next: "see who is launched in a loop, stop it, restart",
        source: "openai/codex issues 29796, 27662",
        seen: "macOS 26",
        example: "Failed to open main executable for /Applications/X.app: Too many open files",
    },
    Signature {
        id: "fd-count",
        rule: "",
        needles: &["total_fd", "file descriptor"],
        pattern: Text(
            r"syspolicyd.{0,80}(exhaust|leak|out of|total_fd=\d{4}).{0,60}|syspolicyd.{0,80}file descriptors?.{0,40}(exhaust|limit)",
        ),
        layer: Layer::App,
        stage: Stage::Host,
        role: Cause("syspolicyd-fd-exhaustion", Medium),
        meaning: "somebody counted the descriptors of syspolicyd",
        excludes: &[],
        next: "see who is launched in a loop, stop it, restart",
        source: "openai/codex issue 25882",
        seen: "macOS 26.5",
        example: "syspolicyd_pid=489 total_fd=1024 max_fd=1008",
    },
    Signature {
        id: "call-driver-failed",
        rule: "",
        needles: &["failed to call driver"],
        pattern: Text("failed to call driver"),
        layer: Layer::Daemon,
        stage: Stage::Host,
        role: Context,
        meaning: "syspolicyd could not talk to its kernel half; seen together with exhausted descriptors",
        excludes: &[],
        next: "",
        source: "openai/codex issue 28088",
        seen: "macOS 26.5",
        example: "syspolicyd: failed to call driver: 0x3",
    },
];
