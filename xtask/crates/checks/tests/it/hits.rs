//! One damage, and exactly the checks that report it.

use checks::subject::*;
use formats::{
    document::plist::{Date, Dict, Oddity, OddityKind, Value},
    image::{Arch, FileType, Platform, command::Body, fat},
    signature::{digest::HashType, superblob::Slot},
};

use crate::{check, made::*};

#[test]
fn layout() {
    let moved = "Host.app/Contents/PlugIns/com.example.driver.dext";
    check(|it| dext(it).path = moved.into(), &["dext-location"]);
    check(|it| info(it).set("CFBundleExecutable", "other"), &["executable-present"]);
    check(|it| info(it).set("CFBundlePackageType", "BNDL"), &["dext-package-type"]);
    check(|it| info(it).set("OSBundleUsageDescription", " "), &["usage-description"]);
    check(|it| dext(it).layout = Layout::Contents, &["dext-flat", "executable-present", "profile-sealed"]);
    check(|it| dext(it).files.push(folder("Contents")), &["dext-flat"]);
    check(|it| it.bundles[0].files.push(file("README", false)), &["app-root"]);
    check(|it| dext(it).files.push(file("_CodeSignature/notes.txt", false)), &["signature-folder"]);
    check(|it| dext(it).info = Found::Absent, &["info-plist"]);
    check(|it| dext(it).files[3].mode = Some(0o644), &["executable-mode"]);
    let with_mode = |mode| File { mode: Some(mode), ..file("Contents/Resources/run.sh", false) };
    check(|it| it.bundles[0].files.push(with_mode(0o666)), &["file-modes"]);
    check(|it| it.bundles[0].files.push(with_mode(0o4755)), &["file-modes"]);
    check(|it| it.bundles[0].files.push(with_mode(0o775)), &[]);
    check(|it| dext(it).files[3].kind = FileKind::Symlink("x".into()), &["executable-present"]);
    let link = |target: &str| File { kind: FileKind::Symlink(target.into()), ..file("Contents/link", false) };
    check(|it| it.bundles[0].files.push(link("/etc/passwd")), &["symlinks-inside"]);
    check(|it| it.bundles[0].files.push(link("../../outside")), &["symlinks-inside"]);
    check(
        |it| it.bundles[0].files.push(File { kind: FileKind::Other, ..file("Contents/pipe", false) }),
        &["file-kinds"],
    );
    check(|it| it.bundles[0].files.push(file("Contents/info.plist", false)), &["names-distinct"]);
    check(
        |it| it.faults.push(Fault { path: "x".into(), offset: None, what: "shrank".into() }),
        &["readable-files"],
    );
    let duplicate = Oddity { offset: 9, kind: OddityKind::DuplicateKey("CFBundleVersion".into()) };
    check(|it| dext(it).info.present_mut().unwrap().oddities.push(duplicate), &["info-plist"]);
}

#[test]
fn versions() {
    check(|it| info(it).set("CFBundleVersion", "500001"), &["kext-version"]);
    check(|it| drop(info(it).remove("CFBundleShortVersionString")), &["kext-version"]);
    check(|it| drop(info(it).remove("OSMinimumDriverKitVersion")), &["minimum-driverkit"]);
    check(|it| info(it).set("OSMinimumDriverKitVersion", "19.0"), &["dext-minimum"]);
    check(|it| host_info(it).set("LSMinimumSystemVersion", "10.15"), &["app-minimum"]);
    let changed = |it: &mut Subject| {
        it.baseline = Some(Box::new(good()));
        signatures(it, 0, |it| it.directories[0].cdhash[5] ^= 1);
        it.tickets.clear();
    };
    check(changed, &["newer-than-baseline", "ticket-present"]);
}

#[test]
fn personalities() {
    check(|it| drop(info(it).remove("IOKitPersonalities")), &["personalities"]);
    check(|it| with_personality(it, |it| drop(it.remove("IOUserServerName"))), &["user-server-name"]);
    let other = |it: &mut Dict| {
        it.set("IOUserServerName", "org.other.driver");
        it.set("IOUserServerOneProcess", true);
    };
    check(|it| with_personality(it, other), &["user-server-organization"]);
    check(|it| with_personality(it, |it| drop(it.remove("IOUserClass"))), &["user-class"]);
    check(|it| with_personality(it, |it| it.set("IOUserClass", "Elsewhere")), &["user-class"]);
    check(
        |it| with_personality(it, |it| it.set("CFBundleIdentifier", "com.example.other")),
        &["personality-identifier"],
    );
    check(|it| with_personality(it, |it| drop(it.remove("IOClass"))), &["kernel-class"]);
    check(|it| with_personality(it, |it| drop(it.remove("IOProviderClass"))), &["provider-class"]);
    check(|it| with_personality(it, |it| it.set("IOProviderClass", "AppleSomething")), &["provider-class"]);
    check(|it| with_personality(it, |it| it.set("idProduct", "0x1A2B")), &["usb-matching"]);
    check(|it| with_personality(it, |it| it.set("IOProviderClass", "IOUSBHostDevice")), &["usb-matching"]);
    check(|it| with_personality(it, |it| it.set("idVendor", 1)), &["transport-values"]);
    let pci = |it: &mut Dict| {
        it.set("IOProviderClass", "IOPCIDevice");
        it.set("IOPCIMatch", "1b36");
    };
    check(|it| with_personality(it, pci), &["family-entitlements", "pci-matching"]);
    let client = dict([("IOClass", "IOUserUserClient".into())]);
    check(
        |it| with_personality(it, |it| it.set("UserClientProperties", client)),
        &["user-client-properties"],
    );
    let serial = |it: &mut Dict| {
        it.set("IOClass", "IOUserSerial");
        it.remove("CFBundleIdentifierKernel");
    };
    check(|it| with_personality(it, serial), &["family-entitlements", "kernel-bundle"]);
    let smaller = |it: &mut Image| {
        for command in &mut it.macho.commands {
            if let Body::Segment(segment) = &mut command.body {
                segment
                    .sections
                    .iter_mut()
                    .filter(|it| it.name == "__osclassinfo")
                    .for_each(|it| it.size = 7);
            }
        }
    };
    check(|it| images(it, 0, smaller), &["class-list"]);
}

#[test]
fn architectures() {
    let arm64e = |arch: Arch| {
        move |it: &mut Subject| {
            let table = it.codes[0].table.as_mut().unwrap();
            let mut slice = table.images[1].clone().unwrap();
            slice.slice.arch = arch;
            slice.macho.arch = arch;
            table.images.push(Ok(slice));
        }
    };
    check(arm64e(Arch::ARM64E), &["arm64e-slice"]);
    check(arm64e(Arch::ARM64E_OLD), &["arm64e-slice"]);
    let keep = |index: usize, keep: usize| {
        move |it: &mut Subject| {
            let table = it.codes[index].table.as_mut().unwrap();
            let kept = table.images[keep].clone();
            table.images = vec![kept];
        }
    };
    check(keep(0, 0), &["arm64-slice", "nested-architectures"]);
    check(keep(0, 1), &["nested-architectures"]);
    check(|it| it.codes[0].table.as_mut().unwrap().kind = fat::Table::Fat64, &["fat-table"]);
    for odd in [
        fat::Irregular::Misaligned(0),
        fat::Irregular::Overlap(0, 1),
        fat::Irregular::Duplicate(0, 1),
        fat::Irregular::Trailing(1, 2),
        fat::Irregular::Gap(1, 2, 14),
        fat::Irregular::OverTable(0),
    ] {
        check(|it| it.codes[0].table.as_mut().unwrap().irregular.push(odd), &["fat-layout"]);
    }
    check(|it| images(it, 0, |it| it.slice.align = 12), &["fat-alignment"]);
}

#[test]
fn images_of_a_dext() {
    check(|it| images(it, 0, |it| it.macho.filetype = FileType(0x7777)), &["dext-file-type"]);
    check(|it| images(it, 0, |it| it.macho.flags = 0x85), &["dext-header-flags"]);
    check(|it| images(it, 0, |it| it.macho.commands.push(entry())), &["dext-entry"]);
    let two = build_version(Platform::DRIVERKIT, "20.4", "25.5");
    check(|it| images(it, 0, |it| it.macho.commands.push(two.clone())), &["dext-platform"]);
    let without = |kind: u32| move |it: &mut Image| it.macho.commands.retain(|it| it.kind != kind);
    check(|it| images(it, 0, without(0x32)), &["dext-platform"]);
    check(|it| images(it, 0, without(0xe)), &["dext-dylinker"]);
    check(|it| images(it, 0, without(0x1b)), &["image-uuid"]);
    check(
        |it| images(it, 0, |it| it.macho.commands.push(dylib("/usr/lib/libSystem.B.dylib"))),
        &["dext-libraries"],
    );
    check(|it| images(it, 0, without(0xc)), &["dext-libraries"]);
    check(|it| images(it, 0, |it| it.slice.size += 1), &["linkedit-last", "signature-place"]);
    let writable = |it: &mut Image| {
        let Body::Segment(text) = &mut it.macho.commands[0].body else { panic!("__TEXT first") };
        text.protection = 7;
    };
    check(|it| images(it, 0, writable), &["segment-protection"]);
    check(|it| it.codes[0].table = Err(formats::Error::new(4, "cut off")), &["readable-code"]);
}

#[test]
fn signatures_of_code() {
    let directory = |change: fn(&mut Directory)| {
        move |it: &mut Subject| signatures(it, 0, |it| change(&mut it.directories[0]))
    };
    check(|it| images(it, 0, |it| it.signature = Found::Absent), &["code-signed"]);
    check(|it| signatures(it, 0, |it| it.repeated.push(Slot::Entitlements)), &["signature-structure"]);
    check(
        |it| signatures(it, 0, |it| it.overlaps.push((Slot::CodeDirectory, Slot::Entitlements))),
        &["signature-structure"],
    );
    check(|it| signatures(it, 0, |it| it.slack = (8, false)), &["signature-structure"]);
    check(directory(|it| it.version = 0x20200), &["directory-version"]);
    check(directory(|it| it.hash_type = HashType::Sha1), &["directory-hash", "ticket-covers"]);
    check(directory(|it| it.bad_pages = vec![1]), &["page-hashes"]);
    check(directory(|it| it.limits.limit = 0x4000), &["code-limit"]);
    check(directory(|it| it.limits.slots = 1), &["code-limit"]);
    check(directory(|it| it.page_shift = 16), &["page-size"]);
    check(directory(|it| it.special[0].actual = Some(vec![2; 32])), &["special-slots"]);
    check(directory(|it| it.special[0].promised = None), &["special-slots"]);
    check(directory(|it| it.special[0].actual = None), &["special-slots"]);
    check(directory(|it| it.flags = 0), &["hardened-runtime"]);
    check(directory(|it| it.flags = 0x1_0002), &["not-ad-hoc"]);
    check(directory(|it| it.runtime = None), &["runtime-version"]);
    check(directory(|it| it.platform = 4), &["platform-byte"]);
    check(directory(|it| it.exec_segment.as_mut().unwrap().limit = 0), &["exec-segment"]);
    check(directory(|it| it.exec_segment.as_mut().unwrap().flags = 0), &["exec-segment"]);
    check(directory(|it| it.exec_segment.as_mut().unwrap().flags = 0x11), &["exec-segment"]);
    check(directory(|it| it.identifier = "other".into()), &["profile-identifier", "signing-identifier"]);
    check(directory(|it| it.team = None), &["same-team", "team"]);
    check(directory(|it| it.team = Some("ZZZZZ99999".into())), &["profile-identifier", "same-team", "team"]);
}

#[test]
fn identity() {
    check(|it| all_cms(it, |it| it.signature = Err("it does not hold".into())), &["cms-signature"]);
    check(|it| all_cms(it, |it| it.message_digest = Err("another".into())), &["cms-signature"]);
    check(|it| all_cms(it, |it| it.agility_v1 = Agility::Differs("another".into())), &["hash-agility"]);
    check(|it| all_cms(it, |it| it.anchor = Anchor::Broken("no issuer".into())), &["certificate-chain"]);
    check(|it| all_cms(it, |it| it.chain[1].extensions.clear()), &["certificate-kind"]);
    check(
        |it| all_cms(it, |it| it.chain[0].not_after = Date(NOW.0 - 86_400 * 20)),
        &["certificate-validity"],
    );
    check(|it| all_cms(it, |it| it.timestamp = Found::Absent), &["secure-timestamp"]);
    let token = |change: fn(&mut Timestamp)| {
        move |it: &mut Subject| all_cms(it, |it| change(it.timestamp.present_mut().unwrap()))
    };
    check(token(|it| it.imprint = Err("another".into())), &["secure-timestamp"]);
    check(token(|it| it.signature = Err("it does not hold".into())), &["secure-timestamp"]);
    check(token(|it| it.anchor = Anchor::Unknown("Other".into())), &["secure-timestamp"]);
    check(|it| all_cms(it, |it| it.is_weak = true), &["signature-algorithm"]);
    check(|it| all_cms(it, |it| it.chain[0].is_sha1_signed = true), &["signature-algorithm"]);
    check(|it| all_cms(it, |it| it.chain[0].unit = None), &["team"]);
    let not_satisfied = |it: &mut Signature| {
        it.requirement.present_mut().unwrap().satisfied =
            Satisfied::No("certificate root[field.6.2.6]".into());
    };
    check(|it| signatures(it, 0, not_satisfied), &["requirement-satisfied"]);
    let broken = || Found::Broken(formats::Error::new(0, "cut off"));
    check(|it| signatures(it, 0, |it| it.requirement = broken()), &["requirement-readable"]);
    let unreadable = |it: &mut Signature| it.cms = Found::Broken(formats::Error::new(0, "cut off"));
    check(|it| signatures(it, 0, unreadable), &["cms-readable"]);
}

#[test]
fn seals() {
    let seal = |index: usize, change: fn(&mut Seal)| {
        move |it: &mut Subject| change(it.bundles[index].seal.present_mut().unwrap())
    };
    check(|it| it.bundles[1].seal = Found::Absent, &["seal-present"]);
    check(seal(0, |it| it.has_version_2 = false), &["seal-version"]);
    check(seal(0, |it| it.custom_omits.push("^x".into())), &["seal-version"]);
    check(seal(0, |it| it.unsealed = ["new.txt".into()].into()), &["unsealed-files"]);
    check(
        |it| it.bundles[0].files.retain(|it| !it.path.ends_with(".dext/embedded.provisionprofile")),
        &["sealed-files"],
    );
    let changed = |it: &mut Subject| {
        it.bundles[0]
            .files
            .iter_mut()
            .filter(|it| it.path.ends_with(".dext/Info.plist"))
            .for_each(|it| it.sha256 = Some([0; 32]));
    };
    check(changed, &["sealed-files"]);
    let nested = |cdhash: Vec<u8>| Sealed {
        path: "MacOS/Host".into(),
        is_optional: false,
        content: SealedContent::Nested { cdhash: Some(cdhash), requirement: None },
    };
    check(|it| it.bundles[0].seal.present_mut().unwrap().entries.push(nested(vec![9; 20])), &["nested-code"]);
    check(seal(1, |it| it.entries.retain(|it| it.path != "embedded.provisionprofile")), &["profile-sealed"]);
}

#[test]
fn entitlements() {
    const GET_TASK_ALLOW: &str = "com.apple.security.get-task-allow";
    check(|it| claim(it, 0, GET_TASK_ALLOW, Some(true.into())), &["debug-entitlements"]);
    check(|it| claim(it, 0, "com.apple.private.driverkit.x", Some(true.into())), &["private-entitlements"]);
    check(|it| claim(it, 0, "com.apple.developer.driverkit", None), &["driver-entitlement"]);
    check(|it| claim(it, 0, "com.apple.developer.driverkit.transport.usb", None), &["family-entitlements"]);
    check(
        |it| claim(it, 1, "com.apple.developer.system-extension.install", None),
        &["activation-entitlement"],
    );
    let access = "com.apple.developer.driverkit.userclient-access";
    check(
        |it| claim(it, 1, access, Some(list(&["org.other"]))),
        &["entitlements-granted", "user-client-access"],
    );
    check(|it| signatures(it, 0, |it| it.entitlements_der = Found::Absent), &["entitlements-agree"]);
    let differing = |it: &mut Signature| {
        it.entitlements_der.present_mut().unwrap().set("com.apple.developer.driverkit", false)
    };
    check(|it| signatures(it, 0, differing), &["entitlements-agree"]);
    let odd = |kind: OddityKind| {
        move |it: &mut Signature| {
            it.entitlements.present_mut().unwrap().oddities.push(Oddity { offset: 0, kind: kind.clone() });
        }
    };
    check(|it| signatures(it, 0, odd(OddityKind::CommentWithDashes)), &["entitlements-readable"]);
    check(|it| signatures(it, 0, odd(OddityKind::ByteOrderMark)), &["entitlements-readable"]);
}

#[test]
fn profiles() {
    let profile =
        |change: fn(&mut Profile)| move |it: &mut Subject| change(dext(it).profile.present_mut().unwrap());
    check(|it| dext(it).profile = Found::Absent, &["profile-present"]);
    check(
        |it| dext(it).profile = Found::Broken(formats::Error::new(0, "x")),
        &["profile-present", "profile-readable"],
    );
    check(profile(|it| it.signature = Err("it does not hold".into())), &["profile-signature"]);
    check(profile(|it| it.signer.as_mut().unwrap().extensions.clear()), &["profile-signature"]);
    check(profile(|it| drop(it.plist.remove("UUID"))), &["profile-keys"]);
    check(profile(|it| it.plist.set("Platform", list(&["iOS"]))), &["profile-platform"]);
    check(profile(|it| it.plist.set("ExpirationDate", Date(NOW.0 - 1))), &["profile-expiry"]);
    check(profile(|it| it.plist.set("ExpirationDate", Date(NOW.0 + 86_400))), &["profile-expiry"]);
    check(profile(|it| it.certificates = vec![[1; 32]]), &["profile-certificate"]);
    check(profile(|it| drop(it.plist.remove("ProvisionsAllDevices"))), &["profile-devices", "profile-kind"]);
    let listed = |it: &mut Profile| {
        it.plist.remove("ProvisionsAllDevices");
        it.plist.set("ProvisionedDevices", list(&["0000"]));
    };
    check(profile(listed), &["profile-kind"]);
    check(profile(|it| it.plist.set("TeamIdentifier", list(&["ZZZZZ99999"]))), &["profile-identifier"]);
    let of_the_app = |it: &mut Subject| {
        dext(it).profile = Found::Present(crate::made::profile("com.example.driver-host", app_claims()))
    };
    check(of_the_app, &["entitlements-granted", "profile-identifier"]);
    check(
        |it| claim(it, 0, "com.apple.developer.team-identifier", Some("OTHER".into())),
        &["claimed-team", "entitlements-granted"],
    );
    let star = Value::Array(vec![Value::Dict(dict([("idVendor", "*".into())]))]);
    check(
        |it| claim(it, 0, "com.apple.developer.driverkit.transport.usb", Some(star)),
        &["entitlements-granted"],
    );
}

#[test]
fn tickets_and_consistency() {
    let content = |change: fn(&mut TicketContent)| {
        move |it: &mut Subject| change(it.tickets[0].content.present_mut().unwrap())
    };
    check(content(|it| it.signature = Err("it does not hold".into())), &["ticket-genuine"]);
    check(content(|it| it.anchor = Anchor::Broken("x".into())), &["ticket-genuine"]);
    check(content(|it| it.covers = [(2, [0; 20])].into()), &["ticket-covers"]);
    check(content(|it| it.covers = it.covers.iter().skip(1).copied().collect()), &["ticket-covers"]);
    check(|it| it.tickets.clear(), &["ticket-present"]);
    let old = build_version(Platform::MACOS, "10.7", "10.8");
    let rebuilt = |it: &mut Image| {
        it.macho.commands.retain(|it| it.kind != 0x32);
        it.macho.commands.push(old.clone());
    };
    check(|it| images(it, 1, rebuilt), &["notary-sdk"]);
    let other_slice = |it: &mut Subject| {
        let table = it.codes[0].table.as_mut().unwrap();
        let image = table.images[1].as_mut().unwrap();
        image.signature.present_mut().unwrap().requirement.present_mut().unwrap().text =
            "anchor apple".into();
    };
    check(other_slice, &["slices-agree"]);
    let unbound = |it: &mut Signature| it.requirement.present_mut().unwrap().text = "identifier x".into();
    check(|it| signatures(it, 0, unbound), &["requirement-anchored"]);
}
