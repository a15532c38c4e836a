//! What shipped software does and a strict checker must accept: nothing of this is an error.
//!
//! The made product is given one trait of real products after the other; real packages themselves are held against the
//! verifier where they are at hand (`verify.rs`).

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    sync::Arc,
};

use formats::{
    container::bom,
    document::{Dict, Value, plist::Date},
    image::Arch,
    signature::superblob::Slot,
};
use signer::package::{Entry, EntryKind};

use crate::{
    Row,
    claims::{self, Granted, Of, claims},
    identity,
    identity::Leaf,
    image,
    lab::{APP, DEXT, DRIVER, EPOCH, HOST, Lab},
    packing, parts, row,
};

const DAY: u64 = 86_400;

pub const ROWS: &[Row] = &[
    row("AppleDouble beside the profile", "", |lab| {
        lab.write(&format!("{DEXT}/._embedded.provisionprofile"), apple_double());
        lab.write("Contents/._embedded.provisionprofile", apple_double());
    }),
    row("AppleDouble with a blank resource fork beside the driver", "", |lab| {
        let blank = b"This resource fork intentionally left blank   ";
        lab.write(&companion(DRIVER), apple_double_of(&[(9, &[0; 32]), (2, blank)]));
    }),
    row("attributes that 7-Zip wrote as files", "", |lab| {
        lab.write(&format!("{DEXT}/embedded.provisionprofile:com.apple.macl"), "a");
        lab.write(&format!("{DEXT}/embedded.provisionprofile:com.apple.quarantine"), "a");
    }),
    row("a .DS_Store beside Contents", "", |lab| lab.write(".DS_Store", "a")),
    row("a certificate that ended after the timestamp", "(ticket-present)", |lab| {
        identity::by_leaf(lab, &Leaf { until: EPOCH + DAY, ..Leaf::good() });
    }),
    row("the platform MacOSX in a dext", "(ticket-present)", |lab| {
        lab.signed_again(|it| it.driver_info(|it| it.set("CFBundleSupportedPlatforms", list(&["MacOSX"]))));
    }),
    row(
        "an identifier that does not begin with the app's, other versions, no usage text of the app",
        "(ticket-present)",
        |lab| {
            lab.signed_again(|it| {
                it.host_info(|it| {
                    it.set("CFBundleVersion", "7.3.0");
                    it.remove("NSSystemExtensionUsageDescription");
                });
                it.driver_info(|it| it.set("CFBundleVersion", "1.8.0"));
            });
        },
    ),
    row("a kext version with a stage", "(ticket-present)", |lab| {
        lab.signed_again(|it| it.driver_info(|it| it.set("CFBundleVersion", "1.0.0fc12")));
    }),
    row("a user server of another name", "(ticket-present)", |lab| {
        lab.signed_again(|it| it.personality(|it| it.set("IOUserServerName", "com.example.server")));
    }),
    row("no kext named for IOUserService", "(ticket-present)", |lab| {
        lab.signed_again(|it| it.personality(|it| drop(it.remove("CFBundleIdentifierKernel"))));
    }),
    row("IOResourceMatch and IOMatchCategory in a personality for hardware", "(ticket-present)", |lab| {
        lab.signed_again(|it| {
            it.personality(|it| {
                it.set("IOResourceMatch", "IOKit");
                it.set("IOMatchCategory", "com.example");
            });
        });
    }),
    row("a virtual device on IOUserResources", "(ticket-present)", |lab| {
        lab.signed_again(|it| {
            it.personality(|it| {
                for key in ["idVendor", "idProduct", "bConfigurationValue", "bInterfaceNumber"] {
                    it.remove(key);
                }
                it.set("IOProviderClass", "IOUserResources");
                it.set("IOResourceMatch", "IOKit");
            });
        });
    }),
    row("a binary Info.plist", "(ticket-present)", |lab| {
        lab.signed_again(|it| {
            it.bytes(&format!("{DEXT}/Info.plist"), |bytes| {
                let value: plist::Value = plist::from_bytes(bytes).unwrap();
                let mut binary = Vec::new();
                value.to_writer_binary(&mut binary).unwrap();
                *bytes = binary;
            });
        });
    }),
    row("a resource with a decomposed name", "(ticket-present)", |lab| {
        lab.signed_again(|it| it.write("Contents/Resources/u\u{308}ber.txt", "a"));
    }),
    row("localised resources, which the seal calls optional", "(ticket-present)", |lab| {
        lab.signed_again(|it| it.write("Contents/Resources/de.lproj/a.strings", "a"));
        lab.remove("Contents/Resources/de.lproj/a.strings");
    }),
    row("a product that claims a false", "(ticket-present)", |lab| {
        lab.signed_otherwise(
            |_| (),
            |plan| {
                for part in &mut plan.parts {
                    let claims = part.claims.as_mut().expect("claims");
                    let mut values: Dict = claims.entitlements.values().clone();
                    values.set("com.apple.developer.networking.networkextension", false);
                    values.set("com.apple.security.files.user-selected.read-only", true);
                    claims.entitlements = signer::entitlements::Entitlements::from_values(values);
                }
            },
        );
    }),
    row("a comment in the claims", "(ticket-present)", |lab| {
        parts::again(lab, |it| {
            it.blob(Slot::Entitlements, |blob| {
                let at = image::find(blob, b"<dict>") + 6;
                blob.splice(at..at, *b"<!-- a -->");
            });
        });
    }),
    row("no requirement: the system derives one", "(ticket-present)", |lab| {
        parts::again(lab, |it| {
            it.blob(Slot::Requirements, |blob| *blob = vec![0xfa, 0xde, 0x0c, 0x01, 0, 0, 0, 12, 0, 0, 0, 0]);
        });
    }),
    row("a SHA-1 directory before the SHA-256 one", "(ticket-present)", |lab| {
        parts::again(lab, |it| {
            let old = it.directory_in_sha1(lab);
            let own = std::mem::replace(it.directory(), old);
            it.blobs.push((Slot::from_number(0x1000), own));
        });
    }),
    row("a SHA-1 directory behind the SHA-256 one", "(ticket-present)", |lab| {
        parts::again(lab, |it| {
            let old = it.directory_in_sha1(lab);
            it.blobs.push((Slot::from_number(0x1000), old));
        });
    }),
    row("no claims in DER, as before Xcode 13", "(entitlements-agree) (ticket-present)", |lab| {
        parts::again(lab, |it| {
            it.blobs.retain(|(slot, _)| *slot != Slot::EntitlementsDer);
            it.special(7, &[0; 32]);
        });
    }),
    row("an executable segment without a length in the app", "(ticket-present)", |lab| {
        parts::again(lab, |it| it.word(parts::field::SEGMENT_LIMIT + 4, 0));
    }),
    row("pages of 4 KiB on Apple silicon, as before Xcode 26", "(ticket-present)", |lab| {
        parts::again(lab, |it| {
            if it.arm64 {
                let n_pages = it.read(parts::field::CODE_LIMIT).div_ceil(1 << 12);
                it.directory()[parts::field::PAGE_SHIFT] = 12;
                it.word(parts::field::N_CODE, n_pages);
                let hashes = usize::try_from(it.read(parts::field::HASHES)).unwrap();
                it.directory().resize(hashes + 32 * n_pages as usize, 0);
                let length = u32::try_from(it.directory().len()).unwrap();
                it.word(4, length);
                it.rehash_pages();
            }
        });
    }),
    row("a thin Intel product, as before Apple silicon", "(arm64-slice) (ticket-present)", |lab| {
        lab.policy = checks::Policy::default();
        lab.signed_again(|it| {
            it.driver_info(|it| it.set("OSMinimumDriverKitVersion", "19.0"));
            image::each(it, DRIVER, |image| image::set(image, 0x32, 12, 0x13_0000));
            image::keep(it, DRIVER, &[Arch::X86_64]);
            image::keep(it, HOST, &[Arch::X86_64]);
        });
    }),
    row(
        "a driver that needs a later DriverKit on Apple silicon than its plist says",
        "(ticket-present)",
        |lab| {
            lab.signed_again(|it| {
                it.driver_info(|it| it.set("OSMinimumDriverKitVersion", "19.4"));
                image::each(it, DRIVER, |image| {
                    let is_arm64 = image[4] == 12;
                    // minos, in nibbles: 20.0 or 19.4.
                    image::set(image, 0x32, 12, if is_arm64 { 0x14_0000 } else { 0x13_0400 });
                });
            });
        },
    ),
    row("a zip as Finder makes it, with attributes in __MACOSX", "", |lab| {
        packing::zip(lab, |it| {
            let folder = format!("__MACOSX/{APP}");
            it.member(&format!("{folder}/._Contents"), 0o100_644, &apple_double());
            it.member(&format!("{folder}/Contents/._embedded.provisionprofile"), 0o100_644, &apple_double());
        });
    }),
    row("a zip with bytes before its directory that are no member", "", |lab| {
        packing::zip(lab, |it| it.bytes.extend([7; 100]));
    }),
    row("a pkg that nobody signed", "(container-signature) (ticket-present)", |lab| {
        packing::pkg(lab, |it| it.leaf = None);
    }),
    row("a pkg with attributes as files, which its Bom lists without bytes", "(ticket-present)", |lab| {
        packing::pkg_of(
            lab,
            |it| {
                for folder in ["Contents".to_owned(), DEXT.to_owned()] {
                    it.entries.push(Entry {
                        path: format!("{APP}/{folder}/._embedded.provisionprofile"),
                        mode: 0o644,
                        kind: EntryKind::File(Arc::new(apple_double())),
                    });
                }
            },
            |all| {
                let bom = all.get_mut("Bom").unwrap();
                let mut entries = bom::read(bom).unwrap();
                for entry in entries.iter_mut().filter(|it| it.path.contains("/._")) {
                    entry.kind = bom::Kind::File(0, 0);
                }
                *bom = bom::write(&entries).unwrap();
            },
        );
    }),
    row("a hidden app in a folder of /Applications", "(ticket-present)", |lab| {
        packing::pkg(lab, |it| it.location = "/Applications/Drivers");
    }),
    row("a framework with versions and links", "(ticket-present)", |lab| {
        lab.signed_again(|it| {
            framework(it, "Contents/Frameworks/Kit.framework/Versions/A", "Resources/");
            let top = it.path("Contents/Frameworks/Kit.framework");
            symlink("A", top.join("Versions/Current")).unwrap();
            symlink("Versions/Current/Kit", top.join("Kit")).unwrap();
            symlink("Versions/Current/Resources", top.join("Resources")).unwrap();
        });
    }),
    row("a framework whose current version is B", "(ticket-present)", |lab| {
        lab.signed_again(|it| {
            framework(it, "Contents/Frameworks/Kit.framework/Versions/B", "Resources/");
            let top = it.path("Contents/Frameworks/Kit.framework");
            symlink("B", top.join("Versions/Current")).unwrap();
            symlink("Versions/Current/Kit", top.join("Kit")).unwrap();
            symlink("Versions/Current/Resources", top.join("Resources")).unwrap();
        });
    }),
    row("a flat framework", "(ticket-present)", |lab| {
        lab.signed_again(|it| framework(it, "Contents/Frameworks/Kit.framework", ""));
    }),
    row("a plain library beside frameworks", "(ticket-present)", |lab| {
        lab.signed_again(|it| library(it, "Contents/Frameworks/libkit.dylib"));
    }),
    row("a header that binds to weak symbols", "(ticket-present)", |lab| {
        lab.signed_again(|it| image::each(it, DRIVER, |image| image[26] |= 1));
    }),
    row("an app that claims no application identifier", "(ticket-present)", |lab| {
        claims(lab, Of::Host, Granted::AsBefore, |it| drop(it.remove("com.apple.application-identifier")));
    }),
    row("a driver without the sandbox", "(ticket-present)", |lab| {
        claims(lab, Of::Driver, Granted::AsBefore, |it| drop(it.remove("com.apple.security.app-sandbox")));
    }),
    row(
        "a driver for PCI that claims masks of vendors, as its profile grants them",
        "(ticket-present)",
        |lab| {
            let good = lab.good;
            lab.signed_otherwise(
                |it| {
                    it.personality(|it| {
                        for key in ["idVendor", "idProduct", "bConfigurationValue", "bInterfaceNumber"] {
                            it.remove(key);
                        }
                        it.set("IOProviderClass", "IOPCIDevice");
                        it.set("IOPCIClassMatch", "0x03000000&0xff000000");
                    });
                },
                |plan| {
                    claims::change(plan, good, Of::Driver, Granted::Anew, |claims| {
                        claims.remove("com.apple.developer.driverkit.transport.usb");
                        let mask =
                            |text: &str| Value::Dict([("IOPCIPrimaryMatch", text)].into_iter().collect());
                        let masks = vec![mask("0x000010de&0x0000FFFF"), mask("0x00001002&0x0000FFFF")];
                        claims.set("com.apple.developer.driverkit.transport.pci", Value::Array(masks));
                    });
                },
            );
        },
    ),
    row("files that a group may write, as the umask of many leaves them", "", |lab| {
        for path in ["Contents/embedded.provisionprofile", "Contents/Info.plist"] {
            fs::set_permissions(lab.path(path), fs::Permissions::from_mode(0o664)).unwrap();
        }
    }),
    row("judged ten years later: the certificates have ended, the timestamp stands", "", |lab| {
        lab.now = Date(i64::try_from(EPOCH + 3650 * DAY).unwrap());
    }),
];

/// A framework whose files lie in `folder`, its Info.plist in `resources` of it.
fn framework(lab: &Lab, folder: &str, resources: &str) {
    library(lab, &format!("{folder}/Kit"));
    let keys = [
        ("CFBundleIdentifier", "com.example.kit"),
        ("CFBundleExecutable", "Kit"),
        ("CFBundlePackageType", "FMWK"),
        ("CFBundleShortVersionString", "1.0"),
        ("CFBundleVersion", "1"),
    ];
    let info: Dict = keys.into_iter().collect();
    let text = formats::document::plist::to_xml(&Value::Dict(info), formats::document::plist::Keys::Sorted);
    lab.write(&format!("{folder}/{resources}Info.plist"), text);
    lab.write(&format!("{folder}/{resources}notes.txt"), "a");
}

/// The host's executable as a library.
fn library(lab: &Lab, path: &str) {
    let goal = lab.path(path);
    fs::create_dir_all(goal.parent().unwrap()).unwrap();
    fs::copy(lab.path(HOST), goal).unwrap();
    image::each(lab, path, |image| image[12] = 6);
}

fn list(texts: &[&str]) -> Value {
    Value::Array(texts.iter().map(|it| Value::from(*it)).collect())
}

fn apple_double() -> Vec<u8> {
    apple_double_of(&[])
}

/// The AppleDouble name beside a file.
pub fn companion(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap();
    format!("{folder}/._{name}")
}

/// An AppleDouble file: the magic, the version, and a table of entries by their numbers.
pub fn apple_double_of(entries: &[(u32, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0x00, 0x05, 0x16, 0x07, 0x00, 0x02, 0x00, 0x00];
    bytes.extend([0; 16]);
    bytes.extend(u16::try_from(entries.len()).unwrap().to_be_bytes());
    let mut at = bytes.len() + 12 * entries.len();
    for (kind, content) in entries {
        for number in [*kind, u32::try_from(at).unwrap(), u32::try_from(content.len()).unwrap()] {
            bytes.extend(number.to_be_bytes());
        }
        at += content.len();
    }
    bytes.extend(entries.iter().flat_map(|it| it.1));
    bytes
}
