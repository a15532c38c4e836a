//! dyld: a library or a symbol that the code needs is not on this system; and images that no processor here can run.

use super::Role::*;
use super::{Pattern::*, Signature, Stage};
use crate::decode::Domain;
use crate::entry::Layer;
use crate::judge::Confidence::*;

pub(super) const ALL: &[Signature] = &[
    Signature {
        id: "symbol-missing",
        rule: "",
        needles: &["symbol not found", "symbol missing", "newer than running os", "dyld, code 4"],
        pattern: Text(
            r#"newer than running os|crash report: symbol not found|(termination|dyld|namespace)\b.{0,40}symbol missing|namespace dyld, code (0x)?4\b|dyld(\[\d+\])?: symbol not found|symbol not found:? .{0,300}referenced from:? .{0,200}\.(dext|systemextension)"#,
        ),
        layer: Layer::App,
        stage: Stage::Exec,
        role: Cause("system-too-old", Medium),
        meaning: "the code needs a symbol that the system's library does not have: it was built against a newer system than it runs on",
        excludes: &["driver-crashes", "library-missing"],
        next: "compare the minimum version of the build (`vtool -show-build`) with the system; lower it, or use the new call only where it exists",
        source: "form of .ips reports; dyld",
        seen: "macOS 11 to 26",
        example: "crash report: Symbol not found: _$s7Example (built for macOS 14.0 which is newer than running OS)",
    },
    Signature {
        id: "library-missing",
        rule: "",
        needles: &["library not loaded", "library missing", "dyld, code 1"],
        pattern: Text(
            r#"crash report: library not loaded|(termination|dyld|namespace)\b.{0,40}library missing|namespace dyld, code (0x)?1\b|library not loaded.{0,400}(\.systemextension|referenced from)|(\.systemextension).{0,300}library not loaded"#,
        ),
        layer: Layer::App,
        stage: Stage::Exec,
        role: Cause("library-missing", Low),
        meaning: "dyld could not load a library that the code names; the reason it tried each place is in the same report",
        excludes: &["driver-crashes"],
        next: "read the `tried:` list: no such file, wrong architecture, or a signature that was refused",
        source: "form of .ips reports; dyld",
        seen: "macOS 11 to 26",
        example: "crash report: Library not loaded: @rpath/Helper.framework/Versions/A/Helper",
    },
    Signature {
        id: "bad-cpu-type",
        rule: "",
        needles: &["nsposixerrordomain"],
        pattern: Code(Domain::Posix, &[86]),
        layer: Layer::Daemon,
        stage: Stage::Exec,
        role: Cause("no-slice-for-this-mac", Medium),
        meaning: "EBADARCH: the file has no slice that this Mac can run",
        excludes: &[],
        next: "`lipo -archs`: Apple silicon needs arm64, an Intel Mac x86_64; a driver is never run under Rosetta",
        source: "xnu bsd/sys/errno.h, mach_loader.c",
        seen: "macOS 11 to 26",
        example: r#"kernelmanagerd: DextLaunch(com.example.driver): Error Domain=NSPOSIXErrorDomain Code=86 "Bad CPU type in executable""#,
    },
    Signature {
        id: "malformed-macho",
        rule: "",
        needles: &["malformed mach-o", "nsposixerrordomain"],
        pattern: Code(Domain::Posix, &[88]),
        layer: Layer::Daemon,
        stage: Stage::Exec,
        role: Cause("malformed-binary", Medium),
        meaning: "EBADMACHO: the loader could not make sense of the file",
        excludes: &[],
        next: "`cargo xtask verify` names the load command; build and merge again",
        source: "xnu bsd/sys/errno.h, mach_loader.c",
        seen: "macOS 12 to 26",
        example: r#"kernelmanagerd: DextLaunch(com.example.driver): Error Domain=NSPOSIXErrorDomain Code=88 "Malformed Mach-o file""#,
    },
    Signature {
        id: "exec-kill",
        rule: "",
        needles: &["termination exec", "namespace exec"],
        pattern: Text(r#"crash report: termination exec\b|namespace exec, code"#),
        layer: Layer::App,
        stage: Stage::Exec,
        role: Consequence("exec-refused"),
        meaning: "the process was ended while it was executed; the reason is in the log of that second",
        excludes: &[],
        next: "collect the log of the second of the crash",
        source: "xnu bsd/sys/reason.h",
        seen: "macOS 11 to 26",
        example: "Termination Reason: Namespace EXEC, Code 0x8",
    },
];
