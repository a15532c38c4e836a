//! What a reviewer would try: a good product, its parts exchanged, hidden or doubled, and signed again where that helps.

use std::{fs, os::unix::fs::symlink};

use formats::signature::superblob::Slot;

use crate::{
    Row,
    identity::{Leaf, by_leaf},
    image::{command, commands, each, find, slices},
    lab::{APP, DEXT, DRIVER, HOST, Lab},
    packing,
    parts::{self, field},
    row,
};

const LC_CODE_SIGNATURE: u32 = 0x1d;
const LC_FUNCTION_STARTS: u32 = 0x26;
const TICKET: &str = "Contents/CodeResources";

pub const ROWS: &[Row] = &[
    row(
        "the dext of another team in a sealed app",
        "profile-identifier same-team team (ticket-present)",
        |lab| {
            lab.remove(TICKET);
            let away = lab.path("").parent().unwrap().join("away.dext");
            let mut other = Lab::new(lab.good);
            by_leaf(&mut other, &Leaf { team: Some("OTHERTEAM1"), ..Leaf::good() });
            crate::common::copy(&other.path(DEXT), &away);
            lab.remove(DEXT);
            fs::rename(away, lab.path(DEXT)).unwrap();
            lab.seal_host();
        },
    ),
    row(
        "the dext signed by nobody in a sealed app",
        "not-ad-hoc requirement-satisfied (ticket-present)",
        |lab| {
            lab.remove(TICKET);
            parts::rewrite(lab, DRIVER, |it| {
                it.hand.is_away = true;
                it.word(field::FLAGS, 0x1_0002);
            });
            lab.seal_host();
        },
    ),
    row(
        "the arm64 slice of the app in the driver",
        "(class-list) dext-entry dext-libraries dext-platform driver-entitlement entitlements-granted family-entitlements profile-identifier signing-identifier slices-agree special-slots (ticket-present)",
        |lab| {
            let host = fs::read(lab.path(HOST)).unwrap();
            let (start, end) = slices(&host)[1];
            lab.bytes(DRIVER, |it| {
                let intel = slices(it)[0];
                let parts = [&it[intel.0..intel.1], &host[start..end]];
                *it = formats::image::fat_write::merge(&parts).unwrap();
            });
            lab.remove(TICKET);
            lab.seal_host();
        },
    ),
    row(
        "a file in the dext that the app seals and the dext does not",
        "unsealed-files (ticket-present)",
        |lab| {
            lab.remove(TICKET);
            lab.write(&format!("{DEXT}/late.txt"), "late");
            lab.seal_host();
        },
    ),
    row(
        "the dext's profile exchanged, the app sealed again",
        "entitlements-granted profile-identifier sealed-files (ticket-present)",
        |lab| {
            lab.remove(TICKET);
            fs::copy(
                lab.path("Contents/embedded.provisionprofile"),
                lab.path(&format!("{DEXT}/embedded.provisionprofile")),
            )
            .unwrap();
            lab.seal_host();
        },
    ),
    row("a seal that is a link", "signature-folder unsealed-files", |lab| {
        lab.rename("Contents/_CodeSignature/CodeResources", "Contents/Resources/seal");
        symlink("../Resources/seal", lab.path("Contents/_CodeSignature/CodeResources")).unwrap();
    }),
    row("a profile that is a link", "sealed-files unsealed-files", |lab| {
        let own = lab.path(&format!("{DEXT}/embedded.provisionprofile"));
        fs::copy(&own, lab.path(&format!("{DEXT}/real"))).unwrap();
        fs::remove_file(&own).unwrap();
        symlink("real", own).unwrap();
    }),
    row("a second signature command", "signature-place (ticket-present)", |lab| {
        parts::again_driver(lab, |image| {
            let (at, other) = (command(image, LC_FUNCTION_STARTS), command(image, LC_CODE_SIGNATURE));
            let bytes = image[other..other + 16].to_vec();
            image[at..at + 16].copy_from_slice(&bytes);
        });
    }),
    row("a signature that points outside", "sealed-files signature-place signature-structure", |lab| {
        each(lab, DRIVER, |image| {
            let at = command(image, LC_CODE_SIGNATURE);
            image[at + 8..at + 12].copy_from_slice(&0x7fff_0000_u32.to_le_bytes());
        });
    }),
    row("bytes behind the signature, in the slice", "linkedit-last signature-place", |lab| {
        lab.bytes(HOST, |it| {
            let all = slices(it);
            let longer: Vec<Vec<u8>> =
                all.iter().map(|(start, end)| [&it[*start..*end], &[1; 32]].concat()).collect();
            let parts: Vec<&[u8]> = longer.iter().map(Vec::as_slice).collect();
            *it = formats::image::fat_write::merge(&parts).unwrap();
        });
    }),
    row("slices that overlap", "fat-layout linkedit-last signature-place", |lab| {
        lab.bytes(HOST, |it| {
            let size = u32::from_be_bytes(it[20..24].try_into().unwrap());
            let start = u32::from_be_bytes(it[36..40].try_into().unwrap());
            assert!(size < start);
            it[20..24].copy_from_slice(&(start + 0x1000).to_be_bytes());
        });
    }),
    row("one slice twice", "(nested-architectures) expected-architectures fat-layout", |lab| {
        lab.bytes(HOST, |it| {
            let entry = it[8..28].to_vec();
            it[28..48].copy_from_slice(&entry);
        });
    }),
    row("a third slice hidden behind the table", "fat-layout", |lab| {
        lab.bytes(HOST, |it| {
            let entry = it[28..48].to_vec();
            it[48..68].copy_from_slice(&entry);
        });
    }),
    row("a slice that nobody signed beside a good one", "code-signed (ticket-present)", |lab| {
        lab.remove(TICKET);
        lab.bytes(HOST, |it| {
            let (start, end) = slices(it)[0];
            let at = start + command(&it[start..end], LC_CODE_SIGNATURE);
            it[at..at + 4].copy_from_slice(&0x3d_u32.to_le_bytes());
        });
    }),
    row("other claims in one slice alone", "activation-entitlement slices-agree (ticket-present)", |lab| {
        parts::again(lab, |it| {
            if it.arm64 {
                it.blobs.retain(|(slot, _)| !matches!(slot, Slot::Entitlements | Slot::EntitlementsDer));
                it.special(5, &[0; 32]);
                it.special(7, &[0; 32]);
            }
        });
    }),
    row("a second directory with another identifier", "signing-identifier (ticket-present)", |lab| {
        parts::again(lab, |it| {
            let mut other = it.directory_in_sha1(lab);
            let at = find(&other, b"com.example");
            other[at] = b'd';
            let own = std::mem::replace(it.directory(), other);
            it.blobs.push((Slot::from_number(0x1000), own));
        });
    }),
    row("a second directory whose hashes are not of the code", "page-hashes (ticket-present)", |lab| {
        parts::again(lab, |it| {
            let mut other = it.directory_in_sha1(lab);
            let last = other.len() - 1;
            other[last] ^= 1;
            let own = std::mem::replace(it.directory(), other);
            it.blobs.push((Slot::from_number(0x1000), own));
        });
    }),
    row(
        "a second directory that the signer does not list",
        "hash-agility signature-structure (ticket-present)",
        |lab| {
            parts::again(lab, |it| {
                let own = it.directory().clone();
                it.hand.agility = parts::Agility::Good;
                it.late.push((Slot::from_number(0x1000), own));
            });
        },
    ),
    row("a code directory that says nothing of pages", "code-limit (ticket-present)", |lab| {
        parts::again(lab, |it| {
            it.word(field::N_CODE, 0);
            it.word(field::CODE_LIMIT, 0);
        });
    }),
    row("a library of macOS that is only wished for", "dext-libraries (ticket-present)", |lab| {
        lab.signed_again(|it| {
            each(it, DRIVER, |image| {
                let at = *commands(image, 0xc).last().unwrap();
                image[at..at + 4].copy_from_slice(&0x8000_0018_u32.to_le_bytes());
                let name = find(&image[at..], b"/System/DriverKit") + at;
                image[name + 1] = b's';
            });
        });
    }),
    row(
        "a version command of macOS beside that of DriverKit",
        "dext-platform notary-sdk (ticket-present)",
        |lab| {
            lab.signed_again(|it| {
                each(it, DRIVER, |image| {
                    let at = command(image, 0x2a);
                    image[at..at + 4].copy_from_slice(&0x24_u32.to_le_bytes());
                });
            });
        },
    ),
    row("a program hidden from the seal as an attribute", "special-slots", |lab| {
        fs::copy(lab.path(HOST), lab.path("Contents/embedded.provisionprofile:com.apple.hidden")).unwrap();
    }),
    row("a folder in the place of a sealed file", "profile-present sealed-files", |lab| {
        let path = lab.path(&format!("{DEXT}/embedded.provisionprofile"));
        fs::remove_file(&path).unwrap();
        fs::create_dir(path).unwrap();
    }),
    row(
        "a pkg with two names that differ in case alone",
        "(names-distinct) archive-members unsealed-files (ticket-present)",
        |lab| {
            packing::pkg(lab, |it| {
                let mut entry = it.entries.iter().find(|it| it.path.ends_with("Info.plist")).unwrap().clone();
                entry.path = format!("{APP}/Contents/INFO.plist");
                it.entries.push(entry);
            });
        },
    ),
];
