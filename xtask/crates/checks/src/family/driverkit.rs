//! Personalities: what the kernel matches, and which entitlements that takes.

use formats::document::plist::{Dict, Value};

use super::{
    info_plist::{each_dext_info, show},
    signature::{at, main_signatures},
};
use crate::{
    At, Check, Finding, Judgement, Mode, Needs, Policy, Severity, Subject,
    subject::{Bundle, BundleKind},
};

const PREFIX: &str = "com.apple.developer.driverkit";
pub(super) const NO_PERSONALITY: &str = "no dext has a personality";

/// Personalities of all dexts: (dext, name, personality).
pub(super) fn personalities(subject: &Subject) -> impl Iterator<Item = (&Bundle, &str, &Dict)> {
    subject.dexts().flat_map(|dext| {
        let all =
            dext.info.present().and_then(|it| it.value.get("IOKitPersonalities")).and_then(Value::as_dict);
        all.into_iter().flat_map(Dict::iter).filter_map(move |(name, it)| Some((dext, name, it.as_dict()?)))
    })
}

pub(super) fn text<'a>(personality: &'a Dict, key: &str) -> Option<&'a str> {
    personality.get(key).and_then(Value::as_str).filter(|it| !it.is_empty())
}

pub(super) fn found(personality: &Dict, key: &str) -> String {
    personality.get(key).map_or_else(|| format!("no `{key}`"), |it| format!("`{key}` = {it}"))
}

pub(super) fn place(dext: &Bundle) -> At {
    At::path(&dext.info_path)
}

/// There is something to match.
pub const PERSONALITIES: Check = Check {
    id: "personalities",
    title: "a dext has personalities, each a dictionary",
    why: "Without one it activates and nothing ever matches; the log may say \"no related kext found for sysex\".",
    source: "Apple forum threads 814101, 761454",
    fix: "describe the device in `[driver.personalities.…]`",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: personalities_present,
};

fn personalities_present(subject: &Subject, _policy: &Policy) -> Judgement {
    each_dext_info(subject, |dext, findings| {
        let all =
            dext.info.present().and_then(|it| it.value.get("IOKitPersonalities")).and_then(Value::as_dict);
        match all {
            Some(all) if !all.is_empty() => {
                for (name, other) in all.iter().filter(|(_, it)| it.as_dict().is_none()) {
                    let what = format!("`{name}` is a {}", other.kind());
                    findings.push(Finding::error(place(dext), "personalities that are dictionaries", what));
                }
            }
            _ => findings.push(Finding::error(
                place(dext),
                "at least one personality",
                show(dext, "IOKitPersonalities"),
            )),
        }
    })
}

/// A server to launch.
pub const USER_SERVER_NAME: Check = Check {
    id: "user-server-name",
    title: "each personality names its user server",
    why: "The kernel launches the driver's process by IOUserServerName. The bundle identifier is usual; another name works.",
    source: "xnu iokit IOService.cpp, IOUserServer.cpp; TinyGPU and Apple's AppleUSBSLCOM use another name",
    fix: "set IOUserServerName to the dext's bundle identifier",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: user_server_name,
};

fn user_server_name(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(personalities(subject), NO_PERSONALITY, |(dext, name, it), findings| {
        match text(it, "IOUserServerName") {
            None => {
                let found = format!("{} in `{name}`", found(it, "IOUserServerName"));
                findings.push(Finding::error(place(dext), "the name of a user server", found));
            }
            Some(server) if Some(server) != dext.id() => {
                let expected = format!("`{}`, the bundle identifier", dext.id().unwrap_or_default());
                findings.push(Finding::info(place(dext), expected, format!("`{server}` in `{name}`")));
            }
            Some(_) => {}
        }
    })
}

/// One organisation.
pub const USER_SERVER_ORGANIZATION: Check = Check {
    id: "user-server-organization",
    title: "a shared user server belongs to the dext's organisation",
    why: "With IOUserServerOneProcess the kernel compares the first two parts of server name and bundle identifier: \
          \"IOUserServerName … not correct organization for bundleID\".",
    source: "xnu iokit IOUserServer.cpp:6565",
    fix: "begin IOUserServerName like the bundle identifier, or remove IOUserServerOneProcess",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: user_server_organization,
};

fn user_server_organization(subject: &Subject, _policy: &Policy) -> Judgement {
    let shared = personalities(subject)
        .filter(|(.., it)| it.get("IOUserServerOneProcess").and_then(Value::as_bool) == Some(true));
    Judgement::each(shared, "no personality shares a process", |(dext, name, it), findings| {
        let organization = |it: &str| it.split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
        if let (Some(server), Some(id)) = (text(it, "IOUserServerName"), dext.id())
            && organization(server) != organization(id)
        {
            let expected = format!("a name beginning with `{}`", organization(id).join("."));
            findings.push(Finding::error(place(dext), expected, format!("`{server}` in `{name}`")));
        }
    })
}

/// A class to make.
pub const USER_CLASS: Check = Check {
    id: "user-class",
    title: "each personality names a class that the executable has",
    why: "The user server makes an object of IOUserClass; without it the start fails.",
    source: "Apple forum thread 814101; Apple \"Creating a driver using the DriverKit SDK\"",
    fix: "set IOUserClass to the class of the .iig file",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: user_class,
};

fn user_class(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(personalities(subject), NO_PERSONALITY, |(dext, name, it), findings| {
        let Some(class) = text(it, "IOUserClass") else {
            let found = format!("{} in `{name}`", found(it, "IOUserClass"));
            findings.push(Finding::error(place(dext), "the name of a class", found));
            return;
        };
        let images =
            subject.main_code(dext).into_iter().flat_map(|code| code.images().map(move |it| (code, it)));
        for (code, image) in images {
            let Some(exports) = image.exports.present() else { continue };
            // Symbols of classes may be stripped; what iig makes (`X_Class`, `gXMetaClass`) is named after its class.
            let has_classes = exports.iter().any(|it| {
                ["_Class", "MetaClass", "_Declaration"].into_iter().any(|ending| it.ends_with(ending))
            });
            if has_classes && !exports.iter().any(|it| it.contains(class)) {
                let at = At::path(&code.path).arch(image.arch());
                findings.push(Finding::warning(at, format!("symbols of class `{class}` (`{name}`)"), "none"));
            }
        }
    })
}

/// Classes are declared for the runtime.
pub const CLASS_LIST: Check = Check {
    id: "class-list",
    title: "the executable lists its classes in __osclassinfo",
    why: "The DriverKit runtime finds the driver's classes there: one pointer of 8 bytes each.",
    source: "present in every shipped dext; 4 classes = 32 bytes in 7.3.0",
    fix: "compile and link what iig generates, without stripping sections",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: class_list,
};

fn class_list(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(subject.dext_images(), super::architecture::NO_DEXT, |(_, code, image), findings| {
        let section =
            image.macho.segments().flat_map(|it| &it.sections).find(|it| it.name == "__osclassinfo");
        let at = At::path(&code.path).arch(image.arch());
        match section {
            None => findings.push(Finding::warning(at, "a section __osclassinfo", "none")),
            Some(it) if it.size < 8 || it.size % 8 != 0 => {
                let at = at.offset(image.file_offset(it.offset.into()));
                findings.push(Finding::warning(at, "a size that is a multiple of 8", it.size.to_string()));
            }
            Some(_) => {}
        }
    })
}

/// The personality is the dext's own.
pub const PERSONALITY_IDENTIFIER: Check = Check {
    id: "personality-identifier",
    title: "a personality's CFBundleIdentifier is the dext's",
    why: "The kernel looks the driver up by it: \"Could not find OSKext for ID\", \"Cannot find dext\".",
    source: "xnu iokit IOService.cpp; equal in 170 of 170 shipped dexts",
    fix: "remove the key, or set it to the dext's identifier",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: personality_identifier,
};

fn personality_identifier(subject: &Subject, _policy: &Policy) -> Judgement {
    let stated = personalities(subject).filter(|(.., it)| it.contains("CFBundleIdentifier"));
    Judgement::each(stated, "no personality states a bundle identifier", |(dext, name, it), findings| {
        if it.get("CFBundleIdentifier").and_then(Value::as_str) != dext.id() {
            let expected = dext.id().unwrap_or("the dext's identifier").to_owned();
            findings.push(Finding::error(
                place(dext),
                expected,
                format!("{} in `{name}`", found(it, "CFBundleIdentifier")),
            ));
        }
    })
}

/// The kernel's side is loadable.
pub const KERNEL_BUNDLE: Check = Check {
    id: "kernel-bundle",
    title: "a personality names the kext that provides its IOClass",
    why: "The in-kernel proxy class must be loadable. IOUserService always is, so a shipped driver leaves the key out.",
    source: "Apple forum thread 814101; present in 170 of 170 Karabiner dexts, absent in TinyGPU",
    fix: "set CFBundleIdentifierKernel, for IOUserService to com.apple.kpi.iokit",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: kernel_bundle,
};

fn kernel_bundle(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(personalities(subject), NO_PERSONALITY, |(dext, name, it), findings| {
        if text(it, "CFBundleIdentifierKernel").is_none() {
            let is_resident = text(it, "IOClass") == Some("IOUserService");
            let severity = if is_resident { Severity::Info } else { Severity::Warning };
            let found = format!("{} in `{name}`", found(it, "CFBundleIdentifierKernel"));
            findings.push(Finding::new(severity, place(dext), "the identifier of a kext", found));
        }
    })
}

/// In-kernel classes that stand for a driver in user space.
const KERNEL_CLASSES: [&str; 14] = [
    "IOUserService",
    "AppleUserHIDDevice",
    "AppleUserHIDEventService",
    "IOUserNetworkEthernet",
    "IOUserSerial",
    "IOUserSCSIParallelInterfaceController",
    "IOUserSCSIPeripheralDeviceType00",
    "IOUserSCSIPeripheralDeviceType05",
    "IOUserAudioDriver",
    "IOUserMIDIDriver",
    "IOUserBlockStorageDevice",
    "IOUserUSBHostHIDDevice",
    "IOUserVideoDevice",
    "IOUserHIDEventService",
];

/// A class of the kernel.
pub const KERNEL_CLASS: Check = Check {
    id: "kernel-class",
    title: "a personality's IOClass suits its provider",
    why: "The wrong class matches and then fails to start. PCI tolerates the generic IOUserService, SCSI peripherals do not.",
    source: "Apple forum thread 814101; IOHIDFamily source",
    fix: "use the class that the family's documentation names",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: kernel_class,
};

fn kernel_class(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(personalities(subject), NO_PERSONALITY, |(dext, name, it), findings| {
        let here = format!("{} in `{name}`", found(it, "IOClass"));
        match text(it, "IOClass") {
            None => findings.push(Finding::warning(
                place(dext),
                "a class of the kernel, usually IOUserService",
                here,
            )),
            Some("IOUserService")
                if text(it, "IOProviderClass").is_some_and(|it| it.starts_with("IOSCSIPeripheral")) =>
            {
                findings.push(Finding::warning(place(dext), "IOUserSCSIPeripheralDeviceType00", here));
            }
            Some(class) if !KERNEL_CLASSES.contains(&class) => {
                findings.push(Finding::info(
                    place(dext),
                    "a class known to stand for drivers in user space",
                    here,
                ));
            }
            Some(_) => {}
        }
    })
}

/// User clients.
pub const USER_CLIENT_PROPERTIES: Check = Check {
    id: "user-client-properties",
    title: "user client properties name both classes",
    why: "Create() makes the user client from them; without IOClass = IOUserUserClient and an IOUserClass, NewUserClient fails.",
    source: "Apple \"Communicating between a DriverKit extension and a client app\"",
    fix: "give the dictionary IOClass = IOUserUserClient and IOUserClass = your class",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: user_client_properties,
};

fn user_client_properties(subject: &Subject, _policy: &Policy) -> Judgement {
    let clients = personalities(subject).flat_map(|(dext, name, it)| {
        let named = it.iter().filter(|(key, _)| key.ends_with("UserClientProperties"));
        named.map(move |(key, value)| (dext, format!("{name}.{key}"), value))
    });
    Judgement::each(clients, "no personality describes a user client", |(dext, name, value), findings| {
        let class = value.get("IOClass").and_then(Value::as_str);
        let is_good =
            class == Some("IOUserUserClient") && value.get("IOUserClass").and_then(Value::as_str).is_some();
        if !is_good {
            let expected = "IOClass = IOUserUserClient and an IOUserClass";
            findings.push(Finding::warning(place(dext), expected, format!("`{name}` = {value}")));
        }
    })
}

/// A driver claims to be one.
pub const DRIVER_ENTITLEMENT: Check = Check {
    id: "driver-entitlement",
    title: "a dext claims com.apple.developer.driverkit",
    why: "The kernel refuses the user server without it: \"com.apple.developer.driverkit entitlement check failed\".",
    source: "xnu iokit IOUserServer.cpp:4129",
    fix: "add `com.apple.developer.driverkit` = true to the dext's entitlements",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: driver_entitlement,
};

fn driver_entitlement(subject: &Subject, _policy: &Policy) -> Judgement {
    let signed = main_signatures(subject).filter(|(bundle, ..)| bundle.kind == BundleKind::Dext);
    Judgement::each(signed, "no dext is signed", |(_, code, image, signature), findings| {
        if !signature.claims_true(PREFIX) {
            let claimed = signature.claims().and_then(|it| it.get(PREFIX));
            let found = claimed.map_or_else(|| "no claim".to_owned(), ToString::to_string);
            findings.push(Finding::error(at(code, image), format!("`{PREFIX}` = true"), found));
        }
    })
}

/// (property, its value, the entitlement below the common prefix, whether kernel source proves it).
const FAMILIES: [(&str, &str, &str, bool); 15] = [
    ("IOProviderClass", "IOUSBHostDevice", ".transport.usb", true),
    ("IOProviderClass", "IOUSBHostInterface", ".transport.usb", true),
    ("IOProviderClass", "IOPCIDevice", ".transport.pci", true),
    ("IOProviderClass", "IOHIDInterface", ".transport.hid", true),
    ("IOClass", "AppleUserHIDDevice", ".family.hid.device", true),
    ("IOClass", "AppleUserHIDEventService", ".family.hid.eventservice", true),
    ("IOClass", "IOUserNetworkEthernet", ".family.networking", false),
    ("IOClass", "IOUserSerial", ".family.serial", false),
    ("IOClass", "IOUserAudioDriver", ".family.audio", false),
    ("IOClass", "IOUserMIDIDriver", ".family.midi", false),
    ("IOClass", "IOUserSCSIParallelInterfaceController", ".family.scsicontroller", false),
    ("IOClass", "IOUserSCSIPeripheralDeviceType00", ".family.scsicontroller", false),
    ("IOClass", "IOUserSCSIPeripheralDeviceType05", ".family.scsicontroller", false),
    ("IOClass", "IOUserBlockStorageDevice", ".family.block-storage-device", false),
    ("IOProviderClass", "IOSCSIPeripheralDeviceNub", ".family.scsicontroller", false),
];

/// Families and transports are claimed.
pub const FAMILY_ENTITLEMENTS: Check = Check {
    id: "family-entitlements",
    title: "a dext claims the entitlements of its families and transports",
    why: "The kernel asks for them when the driver starts: \"provider entitlements check failed\", \"family entitlements check \
          failed\", then exit. A provider of IOUserResources needs none.",
    source: "xnu iokit IOUserServer.cpp:2685, 2691; IOPCIFamily; IOHIDFamily",
    fix: "claim the entitlement (`sign --write-entitlements` derives it from the personalities) and have the profile grant it",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: family_entitlements,
};

fn family_entitlements(subject: &Subject, policy: &Policy) -> Judgement {
    let mode = Mode::of(subject, policy);
    let signed = main_signatures(subject).filter(|(bundle, ..)| bundle.kind == BundleKind::Dext);
    Judgement::each(signed, "no dext is signed", |(dext, code, image, signature), findings| {
        let mut told = Vec::new();
        for (_, name, personality) in personalities(subject).filter(|(it, ..)| it.path == dext.path) {
            for (property, value, entitlement, is_proved) in FAMILIES {
                if text(personality, property) != Some(value) || told.contains(&entitlement) {
                    continue;
                }
                let claim = signature.claims().and_then(|it| it.get(&format!("{PREFIX}{entitlement}")));
                let is_empty = claim.is_some_and(|it| {
                    *it == Value::Bool(false) || it.as_array().is_some_and(<[_]>::is_empty)
                });
                if claim.is_none() || is_empty {
                    told.push(entitlement);
                    let severity =
                        if is_proved && mode.has_identity() { Severity::Error } else { Severity::Warning };
                    let expected = format!("`{PREFIX}{entitlement}`, as `{name}` has {property} {value}");
                    let found = claim.map_or_else(|| "no claim".to_owned(), |it| format!("{it}"));
                    findings.push(Finding::new(severity, at(code, image), expected, found));
                }
            }
        }
    })
}

/// Vendors agree.
pub const TRANSPORT_VALUES: Check = Check {
    id: "transport-values",
    title: "the USB vendors claimed are the vendors matched",
    why: "The driver matches its device and then fails the provider check. Said only where both sides name plain numbers.",
    source: "inference from xnu IOUserServer.cpp:2685; `*`, classes and missing vendors give no verdict",
    fix: "claim the vendor that the personality matches, and have the profile grant it",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: transport_values,
};

fn transport_values(subject: &Subject, _policy: &Policy) -> Judgement {
    let key = format!("{PREFIX}.transport.usb");
    let claims = main_signatures(subject).filter_map(|(bundle, code, image, signature)| {
        let claimed = signature.claims()?.get(&key)?.as_array()?;
        let vendors: Option<Vec<i128>> = claimed.iter().map(|it| it.get("idVendor")?.as_integer()).collect();
        Some((bundle, code, image, vendors.filter(|it| !it.is_empty())?))
    });
    Judgement::each(
        claims,
        "no dext claims USB vendors by number",
        |(dext, code, image, vendors), findings| {
            for (_, name, it) in personalities(subject).filter(|(it, ..)| it.path == dext.path) {
                if let Some(vendor) = it.get("idVendor").and_then(Value::as_integer)
                    && text(it, "IOProviderClass").is_some_and(|it| it.starts_with("IOUSBHost"))
                    && !vendors.contains(&vendor)
                {
                    let claimed = vendors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                    let expected = format!("idVendor {vendor}, as `{name}` matches");
                    findings.push(Finding::warning(at(code, image), expected, claimed));
                }
            }
        },
    )
}
