//! Keys of Info.plist, changed before signing: nothing but the rule about that key may speak.

use formats::document::{Dict, Value};

use crate::{
    Row,
    lab::{DEXT, Lab},
    row,
};

pub const ROWS: &[Row] = &[
    row("another package type", "dext-package-type (ticket-present)", |lab| {
        info(lab, |it| it.set("CFBundlePackageType", "BNDL"));
    }),
    row("no package type", "dext-package-type (ticket-present)", |lab| {
        info(lab, |it| remove(it, "CFBundlePackageType"))
    }),
    row("no usage description", "usage-description (ticket-present)", |lab| {
        info(lab, |it| remove(it, "OSBundleUsageDescription"));
    }),
    row("a blank usage description", "usage-description (ticket-present)", |lab| {
        info(lab, |it| it.set("OSBundleUsageDescription", "  "));
    }),
    row("a version above 9999", "kext-version (ticket-present)", |lab| {
        info(lab, |it| it.set("CFBundleVersion", "500001"));
    }),
    row("a version of four parts", "kext-version (ticket-present)", |lab| {
        info(lab, |it| it.set("CFBundleVersion", "1.2.3.4"));
    }),
    row("no version", "kext-version (ticket-present)", |lab| info(lab, |it| remove(it, "CFBundleVersion"))),
    row("no short version", "(kext-version) (ticket-present)", |lab| {
        info(lab, |it| remove(it, "CFBundleShortVersionString"));
    }),
    row("no lowest DriverKit", "minimum-driverkit (ticket-present)", |lab| {
        info(lab, |it| remove(it, "OSMinimumDriverKitVersion"));
    }),
    row(
        "a DriverKit newer than the lowest macOS",
        "(app-minimum) (minimum-driverkit) (ticket-present)",
        |lab| {
            info(lab, |it| it.set("OSMinimumDriverKitVersion", "23.0"));
        },
    ),
    row("an app that starts before its driver does", "(app-minimum) (ticket-present)", |lab| {
        lab.signed_again(|it| it.host_info(|it| it.set("LSMinimumSystemVersion", "10.15")));
    }),
    row("no personality", "personalities (ticket-present)", |lab| {
        info(lab, |it| it.set("IOKitPersonalities", Value::Dict(Dict::new())));
    }),
    row("no key for personalities", "personalities (ticket-present)", |lab| {
        info(lab, |it| remove(it, "IOKitPersonalities"))
    }),
    row("a personality that is a text", "personalities (ticket-present)", |lab| {
        info(lab, |it| {
            let mut all = it.get("IOKitPersonalities").and_then(Value::as_dict).unwrap().clone();
            all.set("Broken", "text");
            it.set("IOKitPersonalities", Value::Dict(all));
        });
    }),
    row("no user server", "user-server-name (ticket-present)", |lab| {
        personality(lab, |it| remove(it, "IOUserServerName"))
    }),
    row("a shared server of another organisation", "user-server-organization (ticket-present)", |lab| {
        personality(lab, |it| {
            it.set("IOUserServerName", "org.other.server");
            it.set("IOUserServerOneProcess", true);
        });
    }),
    row("no user class", "user-class (ticket-present)", |lab| {
        personality(lab, |it| remove(it, "IOUserClass"))
    }),
    row("a class that the executable lacks", "(user-class) (ticket-present)", |lab| {
        personality(lab, |it| it.set("IOUserClass", "SomebodyElse"));
    }),
    row("a personality of another bundle", "personality-identifier (ticket-present)", |lab| {
        personality(lab, |it| it.set("CFBundleIdentifier", "com.example.other"));
    }),
    row("no kernel class", "(kernel-class) (kernel-bundle) (ticket-present)", |lab| {
        personality(lab, |it| {
            remove(it, "IOClass");
            it.remove("CFBundleIdentifierKernel");
        });
    }),
    row("a kernel class, its kext not named", "(kernel-bundle) (ticket-present)", |lab| {
        personality(lab, |it| {
            it.set("IOClass", "IOUserVideoDevice");
            it.remove("CFBundleIdentifierKernel");
        });
    }),
    row("no provider", "provider-class (ticket-present)", |lab| {
        personality(lab, |it| remove(it, "IOProviderClass"))
    }),
    row("a provider that nobody knows", "(provider-class) (ticket-present)", |lab| {
        personality(lab, |it| it.set("IOProviderClass", "IOUSBHostInterfaces"));
    }),
    row("a vendor as text", "(usb-matching) (ticket-present)", |lab| {
        personality(lab, |it| it.set("idVendor", "0x2ec9"));
    }),
    row("interface keys for a device", "(usb-matching) (ticket-present)", |lab| {
        personality(lab, |it| it.set("IOProviderClass", "IOUSBHostDevice"));
    }),
    row("neither vendor nor class", "(usb-matching) (ticket-present)", |lab| {
        personality(lab, |it| {
            for key in ["idVendor", "idProduct", "bConfigurationValue", "bInterfaceNumber"] {
                it.remove(key);
            }
        });
    }),
    row("a vendor that is not claimed", "(transport-values) (ticket-present)", |lab| {
        personality(lab, |it| it.set("idVendor", 4660));
    }),
    row("a PCI pattern that never matches", "(pci-matching) family-entitlements (ticket-present)", |lab| {
        personality(lab, |it| {
            for key in ["idVendor", "idProduct", "bConfigurationValue", "bInterfaceNumber"] {
                it.remove(key);
            }
            it.set("IOProviderClass", "IOPCIDevice");
            it.set("IOPCIMatch", "1234:5678");
        });
    }),
    row("a family that is not claimed", "(family-entitlements) (ticket-present)", |lab| {
        personality(lab, |it| it.set("IOClass", "IOUserSerial"));
    }),
    row(
        "the wrong class for a SCSI peripheral",
        "(family-entitlements) (kernel-class) (ticket-present)",
        |lab| {
            personality(lab, |it| it.set("IOProviderClass", "IOSCSIPeripheralDeviceNub"));
        },
    ),
    row("a user client without its class", "(user-client-properties) (ticket-present)", |lab| {
        personality(lab, |it| {
            let mut client = it.get("UserClientProperties").and_then(Value::as_dict).unwrap().clone();
            client.remove("IOUserClass").unwrap();
            it.set("UserClientProperties", Value::Dict(client));
        });
    }),
    row("a key written twice", "(info-plist) (ticket-present)", |lab| {
        lab.signed_again(|it| {
            it.bytes(&format!("{DEXT}/Info.plist"), |bytes| {
                let text = String::from_utf8(bytes.clone()).unwrap();
                let again = "<key>CFBundleName</key><string>Again</string></dict>\n</plist>";
                let end = text.rfind("</dict>").unwrap();
                *bytes = format!("{}{again}", &text[..end]).into_bytes();
            });
        });
    }),
    row("another identifier of the app", "expected-bundles (ticket-present)", |lab| {
        lab.signed_again(|it| it.host_info(|it| it.set("CFBundleIdentifier", "com.example.other")));
    }),
    row(
        "an identifier with an odd letter",
        "dext-directory-name dext-identifier expected-bundles personality-identifier (ticket-present)",
        |lab| {
            info(lab, |it| it.set("CFBundleIdentifier", "com.example.usb_driver"));
        },
    ),
    row(
        "an update whose driver changed and kept its version",
        "(newer-than-baseline) (ticket-present)",
        |lab| {
            lab.is_update = true;
            info(lab, |it| it.set("CFBundleGetInfoString", "changed"));
        },
    ),
    row("an update to an older driver", "(newer-than-baseline) (ticket-present)", |lab| {
        lab.is_update = true;
        info(lab, |it| it.set("CFBundleVersion", "11"));
    }),
];

/// Changes the dext's plist and signs again.
fn info(lab: &mut Lab, change: impl Fn(&mut Dict)) {
    lab.signed_again(|it| it.driver_info(change));
}

/// Changes the personality and signs again.
fn personality(lab: &mut Lab, change: impl Fn(&mut Dict)) {
    lab.signed_again(|it| it.personality(change));
}

fn remove(dict: &mut Dict, key: &str) {
    dict.remove(key).unwrap_or_else(|| panic!("no `{key}`"));
}
