//! Logs written for this test in every style of input: load failures of drivers, network and endpoint security extensions, each with
//! its cause known from what the lines mean. No line is anybody's; names are invented.

use triage::{Artifact, ArtifactFinding, Confidence, Diagnosis, Reading, judge, read};

fn diagnose(text: &str) -> Diagnosis {
    let mut reading = Reading::default();
    read("log", &mut text.as_bytes(), &mut reading, &mut |_| {}).unwrap();
    judge(reading, &Artifact::default())
}

/// The first cause is the expected one (`""`: none), and nothing beside it is said with high confidence.
#[track_caller]
fn check(expected: &str, text: &str) {
    let ids: Vec<(&str, Confidence)> =
        diagnose(text).causes.iter().map(|it| (it.id, it.confidence)).collect();
    assert_eq!(ids.first().map_or("", |it| it.0), expected, "{ids:?} for\n{text}");
    assert!(ids.iter().skip(1).all(|it| it.1 != Confidence::High), "{ids:?} for\n{text}");
}

#[test]
fn logs_in_every_style_of_log_show() {
    check(
        "profile-missing-or-not-matching",
        r#"Timestamp                       Thread     Type        Activity             PID    TTL
2026-03-02 09:14:07.118201+0100 0x9c1a2    Default     0x0                  612    0    taskgated-helper: (ConfigurationProfiles) [com.apple.ManagedClient:ProvisioningProfiles] com.acme.fpga.driver: Unsatisfied entitlements: com.apple.developer.driverkit.transport.pci, com.apple.developer.driverkit
2026-03-02 09:14:07.118420+0100 0x9c1a2    Error       0x0                  612    0    taskgated-helper: (ConfigurationProfiles) [com.apple.ManagedClient:ProvisioningProfiles] Disallowing: com.acme.fpga.driver
2026-03-02 09:14:07.119002+0100 0x9c0ff    Error       0x0                  301    0    amfid: [com.apple.MobileFileIntegrity:amfid] /Library/SystemExtensions/4C1F-22/com.acme.fpga.driver.dext/com.acme.fpga.driver not valid: Error Domain=AppleMobileFileIntegrityError Code=-413 "No matching profile found" UserInfo={NSURL=file:///Library/SystemExtensions/4C1F-22/com.acme.fpga.driver.dext/, unsatisfiedEntitlements=(), NSLocalizedDescription=No matching profile found}
2026-03-02 09:14:07.119240+0100 0x9c0ff    Default     0x0                  0      0    kernel: (AppleMobileFileIntegrity) AMFI: bailing out because of restricted entitlements.
2026-03-02 09:14:07.119260+0100 0x9c0ff    Default     0x0                  0      0    kernel: mac_vnode_check_signature: /Library/SystemExtensions/4C1F-22/com.acme.fpga.driver.dext/com.acme.fpga.driver: code signature validation failed fatally: When validating /Library/SystemExtensions/4C1F-22/com.acme.fpga.driver.dext/com.acme.fpga.driver:
  Code has restricted entitlements, but the validation of its code signature failed.
Unsatisfied Entitlements: 
2026-03-02 09:14:07.119900+0100 0x9c0ff    Default     0x0                  0      0    kernel: (AppleSystemPolicy) ASP: Security policy would not allow process: 9931, /Library/SystemExtensions/4C1F-22/com.acme.fpga.driver.dext/com.acme.fpga.driver
2026-03-02 09:14:07.121001+0100 0x9c1b0    Error       0x0                  140    0    kernelmanagerd: DextLaunch(com.acme.fpga.driver): Error Domain=NSPOSIXErrorDomain Code=8 "Exec format error"
2026-03-02 09:16:07.300000+0100 0x9c1c0    Default     0x0                  0      0    kernel: DK: AcmeFPGA-0x1000021ab user server timeout
"#,
    );
    check(
        "profile-missing-or-not-matching",
        r#"Timestamp               Ty Process[PID:TID]
2026-07-30 18:02:11.402 Df taskgated-helper[771:5b21c] [com.apple.ManagedClient:ProvisioningProfiles] Disallowing halyardd because no eligible provisioning profiles found
2026-07-30 18:02:11.403 Df kernel[0:5b1ff] (AppleMobileFileIntegrity) AMFI: When validating /usr/local/bin/halyardd:
  Code has restricted entitlements, but the validation of its code signature failed.
Unsatisfied Entitlements: com.apple.developer.endpoint-security.client
2026-07-30 18:02:11.403 Df kernel[0:5b1ff] mac_vnode_check_signature: /usr/local/bin/halyardd: code signature validation failed fatally
2026-07-30 18:02:11.404 Df kernel[0:5b1ff] proc 9811: load code signature error 4 for file "halyardd"
"#,
    );
    check(
        "code-modified",
        r#"Timestamp                       (process)[PID]  
2026-01-11 22:41:03.000120-0800  localhost kernel[0]: CODE SIGNING: process 4411[com.nimbus.seri]: rejecting invalid page at address 0x104b5c000 from offset 0x8000 in file "/Library/SystemExtensions/77AA/com.nimbus.serial.dext/com.nimbus.serial" (cs_mtime:1768200000.1 == mtime:1768200000.1) (signed:1 validated:1 tainted:1 nx:0 wpmapped:0 dirty:0 depth:0)
2026-01-11 22:41:03.000200-0800  localhost kernel[0]: com.nimbus.seri[4411]: Corpse allowed 1 of 5
2026-01-11 22:41:03.002120-0800  localhost ReportCrash[4412]: Formulating fatal 309 report for corpse[4411] com.nimbus.serial
"#,
    );
    check(
        "arm64e-slice",
        r#"{"traceID": 1, "eventMessage": "DK: RelayBoard-0x100000c11 waiting for server com.relay.board.driver-100000c11", "eventType": "logEvent", "processID": 0, "processImagePath": "/kernel", "senderImagePath": "/kernel", "subsystem": "", "category": "", "timestamp": "2025-10-02 08:00:00.000001+0200", "messageType": "Default"}
{"traceID": 1, "eventMessage": "exec_mach_imgact: not running binary \"com.relay.board.driver\" built against preview arm64e ABI", "eventType": "logEvent", "processID": 0, "processImagePath": "/kernel", "senderImagePath": "/kernel", "subsystem": "", "category": "", "timestamp": "2025-10-02 08:00:00.010001+0200", "messageType": "Default"}
{"traceID": 1, "eventMessage": "ASP: Security policy would not allow process: 812, /Library/SystemExtensions/X/com.relay.board.driver.dext/com.relay.board.driver", "eventType": "logEvent", "processID": 0, "processImagePath": "/kernel", "senderImagePath": "/System/Library/Extensions/AppleSystemPolicy.kext/Contents/MacOS/AppleSystemPolicy", "subsystem": "", "category": "", "timestamp": "2025-10-02 08:00:00.011001+0200", "messageType": "Default"}
{"traceID": 1, "eventMessage": "Failed to launch dext com.relay.board.driver: Error Domain=NSPOSIXErrorDomain Code=8 \"Exec format error\"", "eventType": "logEvent", "processID": 88, "processImagePath": "/usr/libexec/kernelmanagerd", "senderImagePath": "x", "subsystem": "com.apple.kernelmanagerd", "category": "", "timestamp": "2025-10-02 08:00:00.020001+0200", "messageType": "Default"}
"#,
    );
    check(
        "dext-transport-entitlement-mismatch",
        r#"[
 {
  "timestamp": "2026-05-05 10:10:10.100000+0000",
  "processImagePath": "/kernel",
  "processID": 0,
  "eventMessage": "DK: QuadSerial-0x1000009fe server launched, validating",
  "subsystem": ""
 },
 {
  "timestamp": "2026-05-05 10:10:10.110000+0000",
  "processImagePath": "/kernel",
  "processID": 0,
  "eventMessage": "DK: QuadSerial-0x1000009fe: provider entitlements check failed",
  "subsystem": ""
 },
 {
  "timestamp": "2026-05-05 10:10:10.120000+0000",
  "processImagePath": "/kernel",
  "processID": 0,
  "eventMessage": "DK: IOUserServer(com.quad.serial-0x1000009fe)::exit(Entitlements check failed)",
  "subsystem": ""
 }
]"#,
    );
}

#[test]
fn pasted_text_with_broken_lines_and_foreign_punctuation() {
    check(
        "not-notarized",
        r#"Hi all, my network extension cannot be activated on a customer's Mac (14.5). Xcode console says

> system extension didFailWithError: Error
> Domain=OSSystemExtensionErrorDomain Code=8
> "Invalid code signature or missing entitlements"

and spctl:

/Applications/Tunnel.app: rejected
source=Unnotarized
Developer ID
"#,
    );
    check(
        "exec-refused",
        r#"日志如下：
 · kernelmanagerd：Error Domain=NSPOSIXErrorDomain Code=8 “Exec format error”
 · kernel：DK：ZedUsb user server timeout
"#,
    );
    check(
        "exec-refused",
        r#"sysextd: extension com.zed.drv state activated_enabled
kernelmanagerd: Job submitted but not running: com.zed.drv
kernelmanagerd: failed to launch server
kernel: DK: ZedUsb user server timeout
"#,
    );
}

#[test]
fn crash_reports_say_how_a_process_ended() {
    check(
        "profile-missing-or-not-matching",
        r#"{"app_name": "com.orbit.hid", "bug_type": "309", "os_version": "macOS 15.3 (24D60)"}
{
  "pid": 700,
  "procName": "com.orbit.hid",
  "procPath": "/Library/SystemExtensions/11/com.orbit.hid.dext/com.orbit.hid",
  "captureTime": "2026-02-02 11:11:11.1111 +0100",
  "exception": {
    "type": "EXC_CRASH",
    "signal": "SIGKILL (Code Signature Invalid)",
    "codes": "0x0, 0x0"
  },
  "termination": {
    "flags": 0,
    "code": 1,
    "namespace": "CODESIGNING",
    "indicator": "Taskgated Invalid Signature"
  },
  "faultingThread": 0,
  "threads": [
    {
      "triggered": true,
      "id": 1,
      "frames": [
        {
          "imageOffset": 0,
          "imageIndex": 0
        }
      ]
    }
  ],
  "usedImages": [
    {
      "name": "",
      "uuid": "00000000-0000-0000-0000-000000000000",
      "base": 0
    }
  ]
}"#,
    );
    check(
        "code-modified",
        r#"{"app_name": "Foo", "bug_type": "309", "os_version": "macOS 14.4 (23E214)"}
{
  "pid": 7,
  "procName": "com.foo.net",
  "procPath": "/Library/SystemExtensions/11/com.foo.net.systemextension/Contents/MacOS/com.foo.net",
  "captureTime": "2026-02-02 11:11:11.1111 +0100",
  "exception": {
    "type": "EXC_BAD_ACCESS",
    "signal": "SIGKILL (Code Signature Invalid)",
    "subtype": "UNKNOWN_0x32 at 0x00000001009ac000"
  },
  "termination": {
    "flags": 0,
    "code": 2,
    "namespace": "CODESIGNING",
    "indicator": "Invalid Page"
  }
}"#,
    );
    check(
        "library-not-in-driverkit",
        r#"{"app_name": "com.foo.dext", "bug_type": "309", "os_version": "macOS 26.1 (25B78)"}
{
  "pid": 7,
  "procName": "com.foo.drv",
  "procPath": "/Library/SystemExtensions/11/com.foo.drv.dext/com.foo.drv",
  "captureTime": "2026-02-02 11:11:11.1111 +0100",
  "exception": {
    "type": "EXC_CRASH",
    "signal": "SIGABRT"
  },
  "termination": {
    "flags": 518,
    "code": 1,
    "namespace": "DYLD",
    "indicator": "Library missing",
    "details": [
      "(terminated at launch; ignore backtrace)"
    ],
    "reasons": [
      "Library not loaded: /usr/lib/libc++.1.dylib",
      "Referenced from: <A0B0> /Library/SystemExtensions/11/com.foo.drv.dext/com.foo.drv",
      "Reason: tried: '/System/DriverKit/usr/lib/libc++.1.dylib' (no such file)"
    ]
  }
}"#,
    );
    check(
        "system-too-old",
        r#"{"app_name": "com.foo.drv", "bug_type": "309", "os_version": "macOS 13.6 (22G120)"}
{
  "pid": 7,
  "procName": "com.foo.drv",
  "procPath": "/Library/SystemExtensions/11/com.foo.drv.dext/com.foo.drv",
  "captureTime": "2026-02-02 11:11:11.1111 +0100",
  "exception": {
    "type": "EXC_CRASH",
    "signal": "SIGABRT"
  },
  "termination": {
    "flags": 518,
    "code": 4,
    "namespace": "DYLD",
    "indicator": "Symbol missing",
    "reasons": [
      "Symbol not found: __ZN16IOUSBHostDevice30SomethingNewEv",
      "Referenced from: <A0B0> /Library/SystemExtensions/11/com.foo.drv.dext/com.foo.drv (built for DriverKit 24.0 which is newer than running OS)",
      "Expected in: <C1> /System/DriverKit/System/Library/Frameworks/USBDriverKit.framework/USBDriverKit"
    ]
  }
}"#,
    );
    check(
        "launch-constraint-violation",
        r#"{"app_name": "Zed", "bug_type": "309", "os_version": "macOS 15.3 (24D60)"}
{
  "procName": "Zed",
  "procPath": "/Applications/Zed.app/Contents/MacOS/Zed",
  "exception": {
    "type": "EXC_CRASH",
    "signal": "SIGKILL (Code Signature Invalid)"
  },
  "termination": {
    "code": 4,
    "namespace": "CODESIGNING",
    "indicator": "Launch Constraint Violation"
  }
}"#,
    );
    check(
        "driver-crashes",
        r#"{"app_name": "com.zed.drv", "bug_type": "309", "os_version": "macOS 26.2 (25C56)"}
{
  "procName": "com.zed.drv",
  "procPath": "/Library/SystemExtensions/9/com.zed.drv.dext/com.zed.drv",
  "exception": {
    "type": "EXC_BREAKPOINT",
    "signal": "SIGTRAP"
  },
  "termination": {
    "code": 5,
    "namespace": "SIGNAL",
    "indicator": "Trace/BPT trap: 5"
  }
}"#,
    );
}

#[test]
fn each_error_of_the_framework_has_its_cause() {
    check(
        "unknown",
        r#"2026-02-02 10:00:00.123 HostApp[812:4411] The operation couldn’t be completed. (OSSystemExtensionErrorDomain error 1.)
"#,
    );
    check(
        "app-install-entitlement-missing",
        r#"2026-02-02 10:00:00.123 HostApp[812:4411] System extension request failed: Error Domain=OSSystemExtensionErrorDomain Code=2 "Missing entitlement com.apple.developer.system-extension.install" UserInfo={NSLocalizedDescription=Missing entitlement com.apple.developer.system-extension.install}
"#,
    );
    check(
        "app-outside-applications",
        r#"2026-02-02 10:00:00.123 HostApp[812:4411] request failed: Error Domain=OSSystemExtensionErrorDomain Code=3 "App containing System Extension to be activated must be in /Applications folder"
"#,
    );
    check(
        "unknown",
        r#"2026-02-02 10:00:00.123 HostApp[812:4411] sysex activate failed: Error Domain=OSSystemExtensionErrorDomain Code=4 "Extension not found in App bundle: Unable to find any matched extension with identifier: com.zed.es"
"#,
    );
    check(
        "extension-identifier-missing",
        "2026-02-02 10:00:00.123 HostApp[812:4411] OSSystemExtensionErrorDomain error 5\n",
    );
    check(
        "duplicate-extension-identifier",
        "2026-02-02 10:00:00.123 HostApp[812:4411] (OSSystemExtensionErrorDomain error 6.)\n",
    );
    check(
        "extension-category-unknown",
        r#"2026-02-02 10:00:00.123 HostApp[812:4411] Error Domain=OSSystemExtensionErrorDomain Code=7 "(null)"
"#,
    );
    check(
        "extension-signature-invalid",
        r#"2026-02-02 10:00:00.123 HostApp[812:4411] didFailWithError: Invalid code signature or missing entitlements
"#,
    );
    check(
        "extension-validation-failed",
        r#"2026-02-02 10:00:00.123 HostApp[812:4411] Error Domain=OSSystemExtensionErrorDomain Code=9 "Extension category returned error"
"#,
    );
    check(
        "forbidden-by-system-policy",
        r#"2026-02-02 10:00:00.123 HostApp[812:4411] Extension blocked: OSSystemExtensionErrorDomain Code=10 "System extension forbidden by system policy"
"#,
    );
    check(
        "request-not-finished",
        r#"2026-02-02 10:00:00.123 HostApp[812:4411] OSSystemExtensionErrorDomain Code=11 "Request canceled"
"#,
    );
    check(
        "request-not-finished",
        r#"2026-02-02 10:00:00.123 HostApp[812:4411] OSSystemExtensionErrorDomain Code=12 "Request superseded"
"#,
    );
    check(
        "authorization-required",
        r#"2026-02-02 10:00:00.123 HostApp[812:4411] OSSystemExtensionErrorDomain Code=13 "Authorization required"
"#,
    );
}

#[test]
fn who_signed_it_decides() {
    check(
        "identity-unknown",
        r#"2026-06-25 20:01:02.000001+0800 0x1 Error 0x0 309 0 amfid: [com.apple.MobileFileIntegrity:amfid] /Library/SystemExtensions/0F/dev.mole.filter.systemextension/Contents/MacOS/dev.mole.filter not valid: Error Domain=AppleMobileFileIntegrityError Code=-423 "The file is adhoc signed or signed by an unknown certificate chain" UserInfo={NSLocalizedDescription=The file is adhoc signed or signed by an unknown certificate chain}
2026-06-25 20:01:02.000401+0800 0x1 Default 0x0 0 0 kernel: (AppleSystemPolicy) ASP: Security policy would not allow process: 1200, /Library/SystemExtensions/0F/dev.mole.filter.systemextension/Contents/MacOS/dev.mole.filter
"#,
    );
    check(
        "certificate-not-valid",
        r#"2026-04-01 07:00:00.100 E  syspolicyd[420:77] [com.apple.securityd:trust] Trust evaluate failure: [leaf Revocation] CSSMERR_TP_CERT_REVOKED
2026-04-01 07:00:00.101 E  sysextd[88:12] [com.apple.sx:validation] bundle code signature is not valid - CSSMERR_TP_CERT_REVOKED
2026-04-01 07:00:00.102 Df MyApp[1201:99] system extension request failed: Error Domain=OSSystemExtensionErrorDomain Code=8 "(null)"
"#,
    );
    check(
        "blocked-as-malware",
        r#"2026-04-01 07:00:00.100 E  XprotectService[9001:1] [com.apple.xprotect:xprotect] File /Applications/Grid.app/Contents/MacOS/Grid failed on rPathCmd or matched rule "MACOS.5af1486"
2026-04-01 07:00:00.105 E  syspolicyd[420:77] [com.apple.syspolicy:default] Security policy would deny: XProtect detected malware
"#,
    );
    check(
        "certificate-not-valid",
        r#"spctl -a -vvv -t install Foo.dext
Foo.dext: rejected
amfid: notarization indicates this code has been revoked (errSecCSRevokedNotarization -66992)
"#,
    );
    check(
        "library-of-another-team",
        r#"kernel: Library Validation failed: Rejecting '/Library/SystemExtensions/2/com.vpn.sysext.systemextension/Contents/Frameworks/Crypto.framework/Versions/A/Crypto' (Team ID: PQRST12345, platform: no) for process 'com.vpn.sysext(991)' (Team ID: ABCDE54321, platform: no), reason: mapping process and mapped file (non-platform) have different Team IDs
"#,
    );
    check(
        "extension-of-another-team",
        r#"2026-02-02 10:00:00.323 E  sysextd[88:12] [com.apple.sx:] extension com.zed.drv team identifier FGHIJ67890 does not match containing app's team identifier ABCDE12345
2026-02-02 10:00:00.423 E  ZedApp[800:12] Error Domain=OSSystemExtensionErrorDomain Code=8 "(null)"
"#,
    );
}

#[test]
fn activation_is_refused_or_waits() {
    check(
        "approval-missing",
        r#"2026-02-02 10:00:00.123 Df sysextd[88:12] [com.apple.sx:StateChanges] extension ABCDE12345 com.zed.net (2.1/77) advancing state from realizing to activated_waiting_for_user
2026-02-02 10:00:00.124 Df ZedApp[88:12] requestNeedsUserApproval
"#,
    );
    check(
        "forbidden-by-system-policy",
        r#"2026-02-02 10:00:00.123 Df sysextd[88:12] [com.apple.sx:policy] System Extension com.zed.net (ABCDE12345) is not in the list of allowed system extensions; user overrides are not allowed
2026-02-02 10:00:00.124 Df ZedApp[88:12] didFailWithError Error Domain=OSSystemExtensionErrorDomain Code=10
"#,
    );
    check(
        "old-version-still-active",
        r#"2026-02-02 10:00:00.123 Df sysextd[88:12] [com.apple.sx:] extension com.zed.drv (1.4/140) is already active with the same version, skipping replacement
2026-02-02 10:00:01.123 Df ZedApp[99:12] request did finish: 0
"#,
    );
    check(
        "info-plist-invalid",
        r#"2026-02-02 10:00:00.123 E  kernelmanagerd[140:12] [com.apple.kernelmanagerd.logging:DextValidation] Dext com.zed.drv has invalid properties: ["OSBundleUsageDescription"]
2026-02-02 10:00:00.223 E  sysextd[88:12] com.zed.drv: extension failed to validate! uninstalling...
2026-02-02 10:00:00.323 E  ZedApp[800:12] OSSystemExtensionErrorDomain error 9
"#,
    );
    check(
        "code-modified",
        r#"2026-02-02 10:00:00.223 E  sysextd[88:12] [com.apple.sx:] bundle code signature is not valid: -67054 a sealed resource is missing or invalid
2026-02-02 10:00:00.323 E  ZedApp[800:12] OSSystemExtensionErrorDomain error 8
"#,
    );
    check(
        "app-outside-applications",
        r#"2026-02-02 10:00:00.323 E  sysextd[88:12] [com.apple.sx:] client /private/var/folders/zz/T/AppTranslocation/8C1D/d/Zed.app is not in an allowed location
2026-02-02 10:00:00.423 E  ZedApp[800:12] Error Domain=OSSystemExtensionErrorDomain Code=3 "(null)"
"#,
    );
    check(
        "not-notarized",
        r#"2026-02-02 10:00:00.323 Df syspolicyd[420:12] [com.apple.syspolicy.exec:default] GK evaluateScanResult: 2, PST: (path: 8f2a), (team: ABCDE12345), (id: com.zed.host), (bundle_id: com.zed.host), 1, 0, 1, 0, 7, 4, 4
2026-02-02 10:00:00.423 Df syspolicyd[420:12] [com.apple.syspolicy.exec:default] Terminating process due to Gatekeeper rejection: 2201, <private>
2026-02-02 10:00:00.523 Df kernel[0:12] (AppleSystemPolicy) ASP: Security policy would not allow process: 2201, /Applications/Zed.app/Contents/MacOS/Zed
"#,
    );
}

#[test]
fn the_profile_is_at_fault() {
    check(
        "profile-missing-or-not-matching",
        r#"taskgated-helper: [com.apple.ManagedClient:ProvisioningProfiles] com.zed.drv: provisioning profile "Zed Dev" does not include this device
amfid: /Library/SystemExtensions/9/com.zed.drv.dext/com.zed.drv not valid: Error Domain=AppleMobileFileIntegrityError Code=-413 "No matching profile found"
"#,
    );
    check(
        "profile-missing-or-not-matching",
        r#"2026-02-02 10:00:00.323 E  taskgated-helper[88:12] [com.apple.ManagedClient:ProvisioningProfiles] com.zed.drv: Profile "Zed Developer ID" has expired
2026-02-02 10:00:00.423 Df kernel[0:12] AMFI: code signature validation failed.
"#,
    );
}

#[test]
fn the_kernel_or_launchd_refuses_to_execute_it() {
    check(
        "dext-arch-not-arm64e",
        r#"System Integrity Protection status: disabled.
boot-args amfi_get_out_of_my_way=1
2026-02-02 10:00:00.123 Df kernel[0:12] disallowing arm64 platform driverkit binary "com.zed.drv", should be arm64e
2026-02-02 10:00:00.223 Df kernelmanagerd[140:12] Failed to launch com.zed.drv: NSPOSIXErrorDomain Code=8
"#,
    );
    check(
        "no-slice-for-this-mac",
        r#"2026-02-02 10:00:00.123 E  kernelmanagerd[140:12] DextLaunch(com.zed.drv): Error Domain=NSPOSIXErrorDomain Code=86 "Bad CPU type in executable"
2026-02-02 10:02:00.123 Df kernel[0:12] DK: ZedDrv user server timeout
"#,
    );
    check(
        "malformed-binary",
        r#"2026-02-02 10:00:00.123 E  launchd[1:12] [com.zed.drv:] Could not spawn: error=88: Malformed Mach-o file
2026-02-02 10:00:00.223 E  kernelmanagerd[140:12] DextLaunch(com.zed.drv): Error Domain=NSPOSIXErrorDomain Code=88 "Malformed Mach-o file"
"#,
    );
}

#[test]
fn it_ran_and_then_was_refused_or_failed() {
    check(
        "dext-transport-entitlement-mismatch",
        r#"2026-02-02 10:00:00.123 Df kernel[0:12] DK: ZedPCI-0x100000777: com.apple.developer.driverkit.transport.pci entitlements are missing for IOPCIDevice
2026-02-02 10:00:00.124 Df kernel[0:12] DK: IOUserServer(com.zed.pci-0x100000777)::exit(Entitlements check failed)
2026-02-02 10:00:00.125 Df kernel[0:12] (com.zed.pci.dext) Kernel requested exit (Entitlements check failed)
"#,
    );
    check(
        "client-userclient-access-missing",
        r#"2026-02-02 10:00:00.323 E  ZedApp[800:12] IOServiceOpen for DriverKit user client failed: -536870174
"#,
    );
    check(
        "driver-start-failed",
        r#"2026-02-02 10:00:00.323 Df kernel[0:12] (com.zed.drv.dext) Start: IOUSBHostInterface::Open failed 0xe00002c5
2026-02-02 10:00:00.423 Df kernel[0:12] DK: ZedUsb-0x100000bbb::start(IOUSBHostInterface-0x100000aaa) fail
"#,
    );
    check(
        "endpoint-security-refused",
        r#"2026-02-02 10:00:00.123 E  com.zed.es[771:31] [com.zed.es:main] es_new_client failed: ES_NEW_CLIENT_RESULT_ERR_NOT_PERMITTED
"#,
    );
    check(
        "endpoint-security-refused",
        r#"Feb  2 10:00:00 mac kernel[0] <Notice>: (EndpointSecurity) client com.zed.es is not entitled com.apple.developer.endpoint-security.client
"#,
    );
    check(
        "kernel-panic",
        r#"panic(cpu 4 caller 0xfffffe0031a2b1c0): "IOUserServer: retain count underflow" @IOUserServer.cpp:2210
Debugger message: panic
OS version: 25C56
Kernel version: Darwin Kernel Version 25.2.0: Tue Nov 18 21:09:56 PST 2025; root:xnu-12377.61.12~1/RELEASE_ARM64_T6031
Panicked task 0xfffffe19d3a2b000: 0 pages, 500 threads: pid 0: kernel_task
"#,
    );
}

#[test]
fn what_says_nothing_gives_no_cause() {
    check(
        "",
        r#"2026-02-02 10:00:00.223 Df sysextd[88:12] [com.apple.sx:StateChanges] extension ABCDE12345 com.zed.es (3/3) advancing state from activated_enabling to activated_enabled
2026-02-02 10:00:00.323 Df ZedApp[800:12] system extension request finished with result: 0
2026-02-02 10:00:00.423 Df kernel[0:1] (AppleSystemPolicy) ASP: unmount deferred
"#,
    );
    check(
        "",
        r#"2026-02-02 10:00:00.323 E  Safari[88:12] [com.apple.network:] nw_protocol error
2026-02-02 10:00:00.423 E  syspolicyd[420:12] failed to fetch /Applications/X.app/Contents/_CodeSignature/CodeRequirements-1 error=-10
"#,
    );
    check(
        "unknown",
        r#"2026-02-02 10:00:00.323 E  ZedApp[800:12] IOServiceOpen on dext failed: -536870201 (0xe00002c7)
IOServiceOpen (driverkit) returned -536870206
"#,
    );
}

#[test]
fn a_wrong_reading_of_a_kext_is_not_taken_for_a_changed_driver() {
    let kext = "kextutil: WARNING - Invalid signature -67054 0xFFFFFFFFFFFEFA12 for kext \"/Library/Extensions/Foo.kext\"\n";
    check("kext-bad-signature", kext);
}

#[test]
fn an_ad_hoc_signature_is_secondary_once_the_kernel_looks_at_the_provider() {
    let text = "amfid: /X/com.v.dext/com.v not valid: Error Domain=AppleMobileFileIntegrityError Code=-423 \"The file is adhoc signed or signed by an unknown certificate chain\"\nkernel: DK: Virt-0x1000: provider entitlements check failed\n";
    let found = diagnose(text);
    assert!(
        found.causes.iter().all(|it| it.id == "dext-transport-entitlement-mismatch"),
        "{:?}",
        found.causes
    );
}

#[test]
fn a_warning_about_an_arm64e_slice_makes_it_likely_and_not_sure() {
    let confidence = |severity: &str| {
        let slice = ArtifactFinding {
            check: "arm64e-slice".into(),
            severity: severity.into(),
            path: "com.example.dext/com.example".into(),
            found: "arm64e".into(),
        };
        let mut reading = Reading::default();
        let log = "kernelmanagerd: Error Domain=NSPOSIXErrorDomain Code=8 \"Exec format error\"\n";
        read("log", &mut log.as_bytes(), &mut reading, &mut |_| {}).unwrap();
        let found = judge(reading, &Artifact { is_known: true, findings: vec![slice] });
        found.causes.first().map(|it| (it.id, it.confidence))
    };
    assert_eq!(confidence("error"), Some(("arm64e-slice", Confidence::High)));
    assert_eq!(confidence("warning"), Some(("arm64e-slice", Confidence::Medium)));
    assert_eq!(confidence("info"), Some(("exec-refused", Confidence::Low)));
}
