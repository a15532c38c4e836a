//! What a personality matches: provider, USB and PCI keys.

use super::driverkit::{NO_PERSONALITY, found, personalities, place, text};
use crate::{Check, Finding, Judgement, Needs, Policy, Severity, Subject};

/// Nubs that drivers are known to match.
const PROVIDERS: [&str; 16] = [
    "IOUserResources",
    "IOResources",
    "IOUSBHostDevice",
    "IOUSBHostInterface",
    "IOPCIDevice",
    "IOHIDInterface",
    "IOHIDDevice",
    "IOSCSIPeripheralDeviceNub",
    "IOSCSIParallelInterfaceController",
    "IOSerialStreamSync",
    "IOEthernetInterface",
    "IOUserService",
    "IOService",
    "IOBlockStorageDriver",
    "IOThunderboltService",
    "IOMIDIDevice",
];

/// Something to match.
pub const PROVIDER_CLASS: Check = Check {
    id: "provider-class",
    title: "each personality names the class of its provider",
    why: "Without IOProviderClass nothing matches, silently.",
    source: "Apple forum thread 814101; Apple QA1076",
    fix: "set IOProviderClass: IOUSBHostInterface, IOPCIDevice, IOUserResources, …",
    needs: Needs::Bytes,
    usual: Severity::Error,
    run: provider_class,
};

fn provider_class(subject: &Subject, _policy: &Policy) -> Judgement {
    Judgement::each(personalities(subject), NO_PERSONALITY, |(dext, name, it), findings| {
        let here = format!("{} in `{name}`", found(it, "IOProviderClass"));
        match text(it, "IOProviderClass") {
            None => findings.push(Finding::error(place(dext), "the class of a provider", here)),
            Some(class) if !PROVIDERS.contains(&class) => {
                findings.push(Finding::warning(place(dext), "a class that drivers are known to match", here));
            }
            Some(_) => {}
        }
    })
}

/// USB keys.
pub const USB_MATCHING: Check = Check {
    id: "usb-matching",
    title: "a USB personality has a combination of keys that matches, with numbers",
    why: "A device personality with interface keys, or a vendor written as text, never matches, silently. XML has no \
          hexadecimal integers: `<string>0x1A2B</string>` is the classic fault.",
    source: "Apple QA1076; stackoverflow.com/questions/61617319; the USB family's source is closed",
    fix: "match IOUSBHostInterface with idVendor, idProduct, bConfigurationValue and bInterfaceNumber as decimal integers",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: usb_matching,
};

fn usb_matching(subject: &Subject, _policy: &Policy) -> Judgement {
    const NUMBERS: [&str; 11] = [
        "idVendor",
        "idProduct",
        "bcdDevice",
        "bDeviceClass",
        "bDeviceSubClass",
        "bDeviceProtocol",
        "bConfigurationValue",
        "bInterfaceNumber",
        "bInterfaceClass",
        "bInterfaceSubClass",
        "bInterfaceProtocol",
    ];
    let usb = personalities(subject)
        .filter(|(.., it)| text(it, "IOProviderClass").is_some_and(|it| it.starts_with("IOUSBHost")));
    Judgement::each(usb, "no personality matches USB", |(dext, name, it), findings| {
        for key in NUMBERS {
            if let Some(value) = it.get(key)
                && value.as_integer().is_none()
                && value.as_str() != Some("*")
            {
                findings.push(Finding::warning(
                    place(dext),
                    format!("`{key}` as an integer, or `*`"),
                    format!("{value} in `{name}`"),
                ));
            }
        }
        let has = |key: &str| it.contains(key);
        let is_device = text(it, "IOProviderClass") == Some("IOUSBHostDevice");
        let interface_keys: Vec<&str> =
            ["bConfigurationValue", "bInterfaceNumber"].into_iter().filter(|key| has(key)).collect();
        if is_device && !interface_keys.is_empty() {
            let found = format!("{} in `{name}`", interface_keys.join(", "));
            findings.push(Finding::warning(
                place(dext),
                "no keys of an interface in a device personality",
                found,
            ));
        }
        let combinations: [&[&str]; 6] = [
            &["idVendor"],
            &["idVendor", "idProduct"],
            &["bDeviceClass"],
            &["bInterfaceClass"],
            &["bInterfaceNumber", "idVendor"],
            &["idVendor", "bDeviceSubClass"],
        ];
        if !combinations.iter().any(|keys| keys.iter().all(|key| has(key))) {
            let found = format!("`{name}` names neither vendor nor class");
            findings.push(Finding::warning(place(dext), "idVendor with idProduct, or a class", found));
        }
    })
}

/// PCI keys.
pub const PCI_MATCHING: Check = Check {
    id: "pci-matching",
    title: "a PCI personality matches by text of the form 0xDDDDVVVV, optionally with a mask",
    why: "The kernel compares these texts as numbers with masks; anything else never matches, silently.",
    source: "Apple forum thread 806986; IOPCIFamily",
    fix: "write `0x12341b36` or `0x00001b36&0x0000ffff` (device, then vendor)",
    needs: Needs::Bytes,
    usual: Severity::Warning,
    run: pci_matching,
};

fn pci_matching(subject: &Subject, _policy: &Policy) -> Judgement {
    let pci = personalities(subject).filter(|(.., it)| text(it, "IOProviderClass") == Some("IOPCIDevice"));
    Judgement::each(pci, "no personality matches PCI", |(dext, name, it), findings| {
        for key in ["IOPCIMatch", "IOPCIPrimaryMatch", "IOPCISecondaryMatch", "IOPCIClassMatch"] {
            let Some(value) = it.get(key) else { continue };
            let is_good = value.as_str().is_some_and(|it| {
                let mut patterns = it.split_ascii_whitespace().peekable();
                patterns.peek().is_some() && patterns.all(is_pci_pattern)
            });
            if !is_good {
                findings.push(Finding::warning(
                    place(dext),
                    format!("`{key}` like 0x12341b36&0xffffffff"),
                    format!("{value} in `{name}`"),
                ));
            }
        }
    })
}

fn is_pci_pattern(text: &str) -> bool {
    let is_number = |it: &str| {
        let digits = it.strip_prefix("0x").or_else(|| it.strip_prefix("0X")).unwrap_or_default();
        (1..=8).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_hexdigit())
    };
    text.split_once('&').map_or_else(|| is_number(text), |(value, mask)| is_number(value) && is_number(mask))
}

/// Left-over template keys.
pub const TEMPLATE_KEYS: Check = Check {
    id: "template-keys",
    title: "a personality for hardware has no keys of the template for IOUserResources",
    why: "IOResourceMatch and IOMatchCategory were blamed for a driver that did not match; shipped PCI and USB drivers have both.",
    source: "Apple forum thread 673038; against it TinyGPU and the Xbox USB sample",
    fix: "remove IOResourceMatch from personalities for hardware",
    needs: Needs::Bytes,
    usual: Severity::Info,
    run: template_keys,
};

fn template_keys(subject: &Subject, _policy: &Policy) -> Judgement {
    let hardware = personalities(subject).filter(|(.., it)| {
        text(it, "IOProviderClass").is_some_and(|it| !matches!(it, "IOUserResources" | "IOResources"))
    });
    Judgement::each(hardware, "no personality matches hardware", |(dext, name, it), findings| {
        if it.contains("IOResourceMatch") {
            let found = format!("{} in `{name}`", found(it, "IOResourceMatch"));
            findings.push(Finding::info(place(dext), "no `IOResourceMatch`", found));
        }
    })
}
