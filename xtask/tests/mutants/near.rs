//! What shipped software does and a strict checker must accept: nothing of this is an error.
//!
//! The made product is given one trait of real products after the other; real packages themselves are held against the
//! verifier where they are at hand (`verify.rs`).

use formats::{
    document::{Dict, Value, plist::Date},
    signature::superblob::Slot,
};

use crate::{
    Row, identity,
    identity::Leaf,
    image,
    lab::{DEXT, EPOCH},
    parts, row,
};

const DAY: u64 = 86_400;

pub const ROWS: &[Row] = &[
    row("AppleDouble beside the profile", "", |lab| {
        lab.write(&format!("{DEXT}/._embedded.provisionprofile"), apple_double());
        lab.write("Contents/._embedded.provisionprofile", apple_double());
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
    row("judged ten years later: the certificates have ended, the timestamp stands", "", |lab| {
        lab.now = Date(i64::try_from(EPOCH + 3650 * DAY).unwrap());
    }),
];

fn list(texts: &[&str]) -> Value {
    Value::Array(texts.iter().map(|it| Value::from(*it)).collect())
}

/// The magic, the version, and a table of no entries.
fn apple_double() -> Vec<u8> {
    let mut bytes = vec![0x00, 0x05, 0x16, 0x07, 0x00, 0x02, 0x00, 0x00];
    bytes.extend([0; 18]);
    bytes
}
