//! Logs whose cause is known: each label with several logs, made after public ones, and logs that have none.

use triage::{Artifact, ArtifactFinding, Confidence, Diagnosis, Reading, judge, read};

fn diagnose(text: &str) -> Diagnosis {
    diagnose_with(text, &Artifact::default())
}

fn diagnose_with(text: &str, artifact: &Artifact) -> Diagnosis {
    let mut reading = Reading::default();
    read("pasted", &mut text.as_bytes(), &mut reading, &mut |_| {}).unwrap();
    judge(reading, artifact)
}

/// The first cause is the expected one (`""` for none), nothing else is said with high confidence, and disputed ones are never high.
#[track_caller]
fn check(expected: &str, text: &str) {
    let found = diagnose(text);
    let ids: Vec<(&str, Confidence)> = found.causes.iter().map(|it| (it.id, it.confidence)).collect();
    if expected.is_empty() {
        assert!(ids.is_empty(), "{ids:?} for\n{text}");
        return;
    }
    assert_eq!(ids.first().map(|it| it.0), Some(expected), "{ids:?} for\n{text}");
    assert!(ids.iter().skip(1).all(|it| it.1 != Confidence::High), "{ids:?} for\n{text}");
    if DISPUTED.contains(&expected) {
        assert!(ids.iter().all(|it| it.1 != Confidence::High), "{ids:?} for\n{text}");
    }
    if expected == "unknown" {
        assert_eq!(ids, [("unknown", Confidence::Low)]);
        assert!(
            found.causes[0].next.iter().any(|it| it.contains("sysdiagnose"))
                && found.causes[0].next.iter().any(|it| it.contains("log show"))
        );
    }
}

const DISPUTED: [&str; 6] = [
    "unknown",
    "exec-refused",
    "dext-arch-not-arm64e",
    "dext-transport-entitlement-mismatch",
    "old-version-still-active",
    "notarization-lookup-broken-on-host",
];

/// What `cli.md` promises for a label.
fn promised(label: &str) -> String {
    match label {
        "SUCCESS" | "SUCCESS_PREFIX" | "STALE_DEXT_COPY_BENIGN" | "RED_HERRING_NO_POLICY" => String::new(),
        it if it.starts_with("GOOD_PREFIX") => String::new(),
        it if it.starts_with("UNDETERMINED") => "unknown".to_string(),
        it => it.to_ascii_lowercase().replace('_', "-"),
    }
}

#[test]
fn every_labelled_excerpt_gives_what_its_label_says() {
    let Some(folder) = std::env::var_os("XTASK_LOGS") else {
        std::io::Write::write_all(
            &mut std::io::stderr(),
            b"not run: set XTASK_LOGS to the folder of labelled excerpts\n",
        )
        .unwrap();
        return;
    };
    let folder = std::path::PathBuf::from(folder);
    let index: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("index.json")).unwrap()).unwrap();
    let items = index.as_array().unwrap();
    assert!(!items.is_empty());
    for it in items {
        let label = it["label"].as_str().unwrap();
        let lines: Vec<&str> = it["lines"].as_array().unwrap().iter().filter_map(|it| it.as_str()).collect();
        check(&promised(label), &lines.join("\n"));
        let file =
            folder.join(format!("{:02}-{}.txt", it["n"].as_u64().unwrap(), it["id"].as_str().unwrap()));
        check(&promised(label), &std::fs::read_to_string(file).unwrap());
        if matches!(it["confidence"].as_str(), Some("partial" | "unresolved" | "human-but-disputed")) {
            assert!(
                diagnose(&lines.join("\n")).causes.iter().all(|it| it.confidence != Confidence::High),
                "{label}"
            );
        }
    }
}

#[test]
fn a_profile_that_grants_too_little_is_named() {
    let id = "profile-missing-or-not-matching";
    check(
        id,
        "taskgated-helper: com.example.app.nightly: Unsatisfied entitlements:\n  com.apple.developer.team-identifier,\n  com.apple.developer.web-browser.public-key-credential\ntaskgated-helper: Disallowing: com.example.app.nightly\n",
    );
    check(
        id,
        "amfid: /Applications/Bar.app/Contents/MacOS/Bar not valid:\nError Domain=AppleMobileFileIntegrityError Code=-413 \u{201c}No matching profile found\u{201d}\nCode has restricted entitlements, but the validation of its code signature failed.\nSecurity policy would not allow process: /Applications/Bar.app/Contents/MacOS/Bar\n",
    );
    check(
        id,
        "2026-08-02 15:01:47.764607+0100 0x1f4af    Default     0x0                  345    0    amfid: /Library/SystemExtensions/8A2F/ai.example.SysExt not valid: Error Domain=AppleMobileFileIntegrityError Code=-413 \"No matching profile found\" UserInfo={NSURL=file:///x, NSLocalizedDescription=No matching profile found}\n",
    );
    check(
        id,
        "taskgated-helper[812]: [com.apple.ManagedClient:ProvisioningProfiles] Disallowing m1nd-mcp because no eligible provisioning profiles found\nkernel[0]: (AppleSystemPolicy) ASP: Security policy would not allow process: 4711, /x/m1nd\n",
    );
    check(
        id,
        "time: 2022-05-20 14:25:22\nprocess: taskgated-helper\nsubsystem: com.apple.ManagedClient\ncategory: ProvisioningProfiles\nmessage: com.example.OverClaim: Unsatisfied entitlements: com.apple.overclaim\n",
    );
    check(
        id,
        "last exit reason = OS_REASON_EXEC\namfid: Restricted entitlements not validated, bailing out.\n       Error Domain=AppleMobileFileIntegrityError Code=-413 \"No matching profile found\"\nopen: RBSRequestErrorDomain Code=5 {Error Domain=NSPOSIXErrorDomain Code=163 \"Unknown error: 163\"}\n",
    );
    check(
        id,
        "{\"timestamp\":\"2026-04-15 12:00:00.1-0700\",\"processImagePath\":\"\\/usr\\/libexec\\/taskgated-helper\",\"eventMessage\":\"com.x.y: Unsatisfied entitlements: keychain-access-groups\"}\n",
    );
    check(
        id,
        "installd: Failed to verify code signature of /var/x/App.app : 0xe8008015 (A valid provisioning profile for this executable was not found.)\n",
    );
}

#[test]
fn a_profile_for_another_app_is_named() {
    check(
        "profile-appid-mismatch",
        "Sep 14 10:37:02 installd(libmis.dylib)[195] <Notice>: Local Profile '<private>' has non-matching application-identifier.\nSep 14 10:37:02 installd[195] <Error>: 0xe8008015 (A valid provisioning profile for this executable was not found.)\n",
    );
    check(
        "profile-appid-mismatch",
        "taskgated-helper: Provisioning profile 'Dev' application-identifier ABCDE12345.com.x does not match ABCDE12345.com.y\n",
    );
}

#[test]
fn a_client_without_access_is_named() {
    let id = "client-userclient-access-missing";
    check(
        id,
        "Failed opening connection to dext with error: 0xe00002e2.\nDK: NullDriverUserClient-0x10000ad6a:UC failed userclient-access check, needed bundle ID com.example.driver\n",
    );
    check(
        id,
        "2024-12-25 19:05:45.471 Df kernel[0:3e86] DK: FooUserClient-0x1000:UC entitlements check failed\n",
    );
}

#[test]
fn a_driver_for_other_devices_is_named_and_a_signature_beside_it_is_secondary() {
    let id = "dext-transport-entitlement-mismatch";
    check(id, "kernel: DK: Foo-0x100000a1: provider entitlements check failed\n");
    check(
        id,
        "kernel: DK: Foo-0x100000a1: family entitlements check failed\nkernel: DK: IOUserServer(com.foo-0x100000a1)::exit(Entitlements check failed)\nkernel: DK: Foo user server timeout\n",
    );
    check(
        id,
        "amfid: /Library/SystemExtensions/X/com.foo.dext/com.foo signature not valid: -67050\nkernel: DK: IOUserServer(com.foo-0x100000f45)::exit(Entitlements check failed)\n",
    );
}

#[test]
fn a_policy_that_forbids_is_named_in_every_coat() {
    let id = "forbidden-by-system-policy";
    for text in [
        "SystemExtension \"com.google.santa.daemon\" request did fail: Error Domain=OSSystemExtensionErrorDomain Code=10 \"(null)\"",
        "Failed to activate extension!\nDetails: The operation couldn\u{2019}t be completed. (OSSystemExtensionErrorDomain error 10.)",
        "request of com.example.driver is failed with error: 10",
        "Activation was failed. (error: 10)",
        "OSSystemExtensionErrorDomain code: 10",
        "sysextd: extension com.x.y blocked by MDM policy, team id ABC not allowed by policy",
        "Error Domain=OSSystemExtensionErrorDomain Code=10 \"\u{30b7}\u{30b9}\u{30c6}\u{30e0}\" UserInfo={NSLocalizedDescription=x}",
        "client: system extension request failed, error 10",
        "didFailWithError: OSSystemExtensionError.forbiddenBySystemPolicy",
        "Die Operation konnte nicht abgeschlossen werden. (OSSystemExtensionErrorDomain-Fehler 10.)",
    ] {
        check(id, text);
    }
}

#[test]
fn old_versions_and_listings() {
    let id = "old-version-still-active";
    check(
        id,
        "enabled\tactive\tteamID\tbundleID (version)\tname\t[state]\n*\t*\tG43BCU2T37\torg.pqrs.Driver (1.6.0/1.6.0)\torg.pqrs.Driver\t[activated enabled]\n",
    );
    check(
        id,
        "*       *       ABCDE12345      org.x.driver (1.0.0/1.0.0)     org.x.driver     [activated enabled]\n        ABCDE12345 org.x.driver (0.9/1) org.x.driver [terminated waiting to uninstall on reboot]\n",
    );
    check(
        id,
        "Failed to enable org.x.driver : org.x.driver:terminating_for_disable_but_still_running not in state to be enabled\n",
    );
    check(id, "driver_version_ is mismatched: client expected: 10300, actual dext: 10200\n");
    check("", "* * ABCDE12345 org.x.driver (2.0/2) [activated enabled]\nApp: request did finish: 0\n");
}

#[test]
fn a_refusal_without_a_reason_stays_unknown() {
    check(
        "unknown",
        "sysextd: [com.apple.sx:XPC] client activation request for com.x.y.driver sysextd: attempting to realize extension with identifier com.x.y.driver\n\u{2026}and then nothing further. systemextensionsctl list reports 0 extensions.\n",
    );
    check(
        "unknown",
        "Error Domain=OSSystemExtensionErrorDomain Code=4 \"Extension not found in App bundle. Unable to find any matched extension with identifier: com.x.y\"\n",
    );
    check("unknown", "kernel: DK: Foo user server timeout\n");
    check("unknown", "lorem ipsum\ndolor sit amet\n");
    check("unknown", "");
}

#[test]
fn a_line_about_applications_is_a_red_herring() {
    check(
        "",
        "sysextd: attempting to realize extension with identifier com.sea.filter\nsysextd: no policy, cannot allow apps outside /Applications\nOSSystemExtensionErrorDomain code=4\nExtension not found in App bundle. Unable to find any matched extension with identifier: com.sea.filter\n",
    );
}

#[test]
fn a_broken_notarization_daemon_is_named() {
    let id = "notarization-lookup-broken-on-host";
    check(id, "syspolicyd: Unable to parse ticket.\nsyspolicyd: error registering ticket: -1\n");
    check(id, "Error checking with notarization daemon: 3\nError checking with notarization daemon: 3\n");
    check(
        id,
        "sysextd: Error checking with notarization daemon: 3\nsysextd: bundle code signature is not valid - does not satisfy requirement: -67050\ncom.x: extension failed to validate! uninstalling...\n",
    );
}

#[test]
fn exhausted_descriptors_are_named() {
    let id = "syspolicyd-fd-exhaustion";
    check(
        id,
        "UNIX error exception: 24\nFailed to generate SecStaticCode ... error: 100024\nFailed to open main executable ... Too many open files\nAppleSystemPolicy ... would not allow ... /Applications/Codex.app/Contents/MacOS/Codex\n",
    );
    check(id, "spctl: Too many open files\n");
    check(
        id,
        "2026-06-24 01:00:00.000 E  syspolicyd[489:1a2b] [com.apple.syspolicy.exec:default] Failed to generate SecStaticCode for <private> error: 100024\n",
    );
}

#[test]
fn library_validation_of_adhoc_code_is_named() {
    let id = "adhoc-with-hardened-runtime";
    check(
        id,
        "Library not loaded: @rpath/Sparkle.framework/Versions/B/Sparkle\n  Reason: ... code signature not valid for use in process: mapping process and\n  mapped file (non-platform) have different Team IDs\n",
    );
    check(
        id,
        "CodeDirectory v=20500 flags=0x10002(adhoc,runtime)\nSignature=adhoc\nTeamIdentifier=not set\ncode signature ... not valid for use in process: mapping process and mapped\nfile (non-platform) have different Team IDs\n",
    );
    check(
        id,
        "dyld: SSLKillSwitch: code signature in (x) not valid for use in process using Library Validation: mapped file has no Team ID and is not a platform binary (signed with custom identity or adhoc?)\n",
    );
    check(
        "library-of-another-team",
        "kernel: Library Validation failed: Rejecting '/a.dylib' (Team ID: ABCDE12345, platform: no) for process 'b(1)' (Team ID: FGHIJ67890, platform: no), reason: mapping process and mapped file (non-platform) have different Team IDs\n",
    );
}

#[test]
fn launch_constraints_are_named_with_the_system() {
    check(
        "launch-constraints-on-old-os",
        "macOS 13.7.2\n\"termination\": {\"namespace\":\"CODESIGNING\",\"indicator\":\"Launch Constraint Violation\"}\n",
    );
    check(
        "launch-constraints-on-old-os",
        "2025-01-15 13:25:40.068147-500 0x32d38   Default     0x0                  0      0    Kernel: (AppleMobileFileIntegrity) AMFI: Launch Constraint Violation (enforcing), error info: c[4]p[1]m[3]e[255], (Only platform code can set launch constraints on itself) launching proc [vc: 6 pid: 1]: /x\n",
    );
    check(
        "launch-constraint-violation",
        "macOS 26.5 (25F71)\nCODESIGNING namespace (\"Launch Constraint Violation\")\n",
    );
}

#[test]
fn kernel_extensions_are_told_apart() {
    check(
        "sip-enabled-unsigned-or-unnotarized-kext",
        "Untrusted kexts are not allowed\nKext with invalid signature (-67062) denied: /Library/StagedExtensions/Library/Extensions/9FCB.kext\nBundle (/Library/Extensions/x.kext) failed to validate, deleting\nUnable to stage kext (/Library/Extensions/x.kext) to secure location.\n",
    );
    check(
        "kext-unsigned",
        "10/22/16 7:03:56.461 PM com.apple.kextd[51]: Untrusted kexts are not allowed\n10/22/16 7:03:56.461 PM com.apple.kextd[51]: ERROR: invalid signature for com.x.HoRNDIS, will not load\n",
    );
    check(
        "kext-unsigned",
        "Code Signing Failure: not code signed\nUntrusted kexts are not allowed\nERROR: invalid signature for mac-a-mal, will not load\n",
    );
    check(
        "kext-unsigned",
        "> com.apple.kextd[19]: ERROR: invalid signature for\n> com.myKext.kext.Firewall, will not load\n",
    );
    check(
        "kext-bad-signature",
        "Error Domain=KMErrorDomain Code=29 \"Authenticating extension failed: Kext com.ozzy.kext v1.0.0 in executable kext bundle com.ozzy.kext at /private/var/db/x/OzzyKext.kext:\n\nAuthenticating extension failed: Bad code signature\" UserInfo={NSLocalizedDescription=x}\n",
    );
}

#[test]
fn a_wrong_offset_on_ios_is_named() {
    check(
        "bad-universal-offset",
        "Jan 22 16:39:16 iPad amfid(amfid_payload.dylib)[444] <Notice>: We got called! /usr/lib/dyld with {\n    RespectUppTrustAndAuthorization = 1;\n    UniversalFileOffset = 1048576;\n    ValidateSignatureOnly = 1;\n} (info: (null))\nJan 22 16:39:16 iPad amfid(Security)[444] <Notice>: UNIX error exception: 8\nJan 22 16:39:16 iPad amfid(libmis.dylib)[444] <Notice>: Failure creating static code: -67049\n",
    );
}

#[test]
fn a_claim_about_arm64e_is_disputed() {
    let id = "dext-arch-not-arm64e";
    check(
        id,
        "the resulting .dext lacks the Pointer Authentication ABI (arm64e) and crashes with an OS_REASON_EXEC / ENOEXEC when macOS tries to launch it\n",
    );
    check(
        id,
        "kernel: disallowing arm64 platform driverkit binary \"Foo\", should be arm64e\nkernelmanagerd: Error Domain=NSPOSIXErrorDomain Code=8 \"Exec format error\"\n",
    );
    check(id, "ENOEXEC at spawn: arm64 slice rejected, arm64e required (dext)\n");
    check(id, "kernelmanagerd: Exec format error: dext built for arm64\n");
    check(id, "dexts must be arm64e, arm64 is rejected ENOEXEC\n");
}

#[test]
fn what_goes_well_gives_no_cause() {
    check(
        "",
        "2024-12-25 19:05:45.471536-0500 0x3e86     Default     0xec43               1292   0    XoneDB4App: system extension actionForReplacingExtension: <private> <private>\n2024-12-25 19:05:45.522811-0500 0x3e86     Default     0xec43               1292   0    XoneDB4App: system extension didFinishWithResult: 0\n",
    );
    check(
        "",
        "sysextd: attempting to realize extension with identifier com.x.y\nsysextd: staging extension with identifier com.x.y\nsysextd: [com.apple.sx:StateChanges] extension T com.x.y (1/1) advancing state from activated_enabling to activated_enabled\n",
    );
    check(
        "",
        "kernel: DK: Foo-0x1 waiting for server com.x.y-1\nkernel: Driver com.x.y has crashed 0 time(s)\nkernel: DK: Foo server launched, validating\nkernel: DK: Foo-0x1::start(IOUserResources-0x2) ok\n",
    );
    check(
        "",
        "syspolicyd: failed to fetch /Library/SystemExtensions/X/com.x.dext/_CodeSignature/CodeRequirements-1 error=-10\n",
    );
}

const ORIGIN: &str = "  \u{2022} OS: macOS 26.2\n  \u{2022} SIP Status: Enabled\n*	*	ABCDE12345	com.example.MyDriver (1.3/4)	com.example.MyDriver	[activated enabled]\n  \u{2022} KernelManagerd: Error Domain=NSPOSIXErrorDomain Code=8 \"Exec format error\"\n  \u{2022} Syspolicyd: failed to fetch ... /_CodeSignature/CodeRequirements-1 error=-10\n  \u{2022} AppleSystemPolicy: ASP: Security policy would not allow process\n  \u{2022} DriverKit Kernel: DK: MyDriver user server timeout\n";

#[test]
fn the_thread_this_began_with_is_refused_at_exec_and_no_more() {
    check("exec-refused", ORIGIN);
    let found = diagnose(ORIGIN);
    let next = found.causes[0].next.join("\n");
    assert!(
        next.contains("architecture") && next.contains("profile") && next.contains("signature"),
        "{next}"
    );
    assert_eq!(found.noise.len(), 1);
}

#[test]
fn an_arm64e_slice_in_the_artifact_decides_it() {
    let slice = ArtifactFinding {
        check: "arm64e-slice".into(),
        severity: "error".into(),
        path: "com.example.dext/com.example, slice 3".into(),
        found: "arm64e (0x80000002)".into(),
    };
    let artifact = Artifact { is_known: true, findings: vec![slice] };
    let found = diagnose_with(ORIGIN, &artifact);
    assert_eq!(found.causes.len(), 1);
    assert_eq!((found.causes[0].id, found.causes[0].confidence), ("arm64e-slice", Confidence::High));
    assert!(
        found.causes[0].explanation.contains("unknown") && !found.causes[0].explanation.contains("gate A"),
        "{}",
        found.causes[0].explanation
    );
    let old = diagnose_with(&ORIGIN.replace("26.2", "15.1"), &artifact);
    assert!(old.causes[0].explanation.contains("gate A"));
    // Near misses: a slice with a log that goes well, and a log with another cause.
    assert!(diagnose_with("kernel: DK: Foo-0x1::start(X-0x2) ok\n", &artifact).causes.is_empty());
    assert_eq!(diagnose_with("taskgated-helper: a.b.c: Unsatisfied entitlements: k\nkernelmanagerd: NSPOSIXErrorDomain Code=8\n", &artifact).causes[0].id, "profile-missing-or-not-matching");
}

#[test]
fn what_is_withheld_lowers_and_names_the_remedy() {
    let open = diagnose(
        "amfid: /A not valid: Error Domain=AppleMobileFileIntegrityError Code=-413 \"No matching profile found\"\n",
    );
    let withheld = diagnose(
        "amfid: <private> not valid: Error Domain=AppleMobileFileIntegrityError Code=-413 \"No matching profile found\"\n",
    );
    assert_eq!(open.causes[0].confidence, Confidence::High);
    assert_eq!(withheld.causes[0].confidence, Confidence::Medium);
    assert!(withheld.causes[0].next.iter().any(|it| it.contains("com.apple.system.logging")));
    let nothing = diagnose("amfid: <private>\nkernel: <private>\n");
    assert_eq!(nothing.causes[0].id, "unknown");
    assert!(nothing.causes[0].next.iter().any(|it| it.contains("com.apple.system.logging")));
}

#[test]
fn a_later_success_of_the_same_driver_lowers_the_confidence() {
    let refused = "taskgated-helper: com.x.driver: Unsatisfied entitlements: k\n";
    let same = diagnose(&format!(
        "{refused}taskgated-helper: allowing entitlement(s) for com.x.driver due to provisioning profile (isUPP: 1)\n"
    ));
    let other = diagnose(&format!(
        "{refused}taskgated-helper: allowing entitlement(s) for com.other.driver due to provisioning profile (isUPP: 1)\n"
    ));
    assert_eq!(same.causes[0].confidence, Confidence::Medium);
    assert_eq!(other.causes[0].confidence, Confidence::High);
}
