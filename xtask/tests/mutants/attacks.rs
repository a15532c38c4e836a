//! What a reviewer would try: a good product, its parts exchanged, hidden or doubled, and signed again where that helps.

use std::{fs, os::unix::fs::symlink};

use formats::{
    document::{Dict, Value},
    signature::superblob::Slot,
};
use sha2::{Digest, Sha256};

use crate::{
    Row,
    identity::{Leaf, by_leaf},
    image::{command, commands, each, find, slices},
    lab::{APP, DEXT, DRIVER, HOST, Lab, SEAL},
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
            unsigned(&mut it[start..end]);
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
    row("a program hidden from the seal as an attribute", "special-slots unsealed-files", |lab| {
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
    row("a requirement that anybody satisfies", "(requirement-anchored) (ticket-present)", |lab| {
        parts::again(lab, |it| {
            it.blob(Slot::Requirements, |blob| {
                // One requirement (designated), at 20: its expression is `identifier "com.example.usb-driver-host"` alone.
                let id = b"com.example.usb-driver-host";
                let mut text = vec![0, 0, 0, 2, 0, 0, 0, 27];
                text.extend(id);
                text.push(0);
                let mut one = vec![0xfa, 0xde, 0x0c, 0x00];
                one.extend(u32::try_from(12 + text.len()).unwrap().to_be_bytes());
                one.extend([0, 0, 0, 1]);
                one.extend(text);
                let mut set = vec![0xfa, 0xde, 0x0c, 0x01];
                set.extend(u32::try_from(20 + one.len()).unwrap().to_be_bytes());
                set.extend([0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 20]);
                set.extend(one);
                *blob = set;
            });
        });
    }),
    row("a scatter table", "(signature-structure) (ticket-present)", |lab| {
        parts::again(lab, |it| it.word(44, 0x30));
    }),
    row("a text hidden from the seal as an attribute", "unsealed-files", |lab| {
        lab.write("Contents/Resources/run.sh:com.apple.hidden", "#!/bin/sh");
    }),
    row("a zip with a member that its directory hides", "readable-files", |lab| {
        packing::zip(lab, |it| drop(it.hidden("late.txt", b"late")));
    }),
    row("a zip whose local header tells another checksum", "readable-files", |lab| {
        packing::zip(lab, |it| {
            it.member("notes.txt", 0o100_644, b"notes");
            let at = find(&it.bytes, b"notes.txt") - 16;
            it.bytes[at] ^= 1;
        });
    }),
    row("a zip whose local header tells another length", "readable-files", |lab| {
        packing::zip(lab, |it| {
            it.member("notes.txt", 0o100_644, b"notes");
            let at = find(&it.bytes, b"notes.txt") - 12;
            it.bytes[at] = 3;
        });
    }),
    row("a zip with a second name for a member", "readable-files", |lab| {
        packing::zip(lab, |it| {
            let mut crc = flate2::Crc::new();
            crc.update(b"notes.txt");
            let mut extra = vec![0x75, 0x70, 14, 0, 1];
            extra.extend(crc.sum().to_le_bytes());
            extra.extend(b"other.txt");
            it.member_with("notes.txt", 0o100_644, b"notes", &extra);
        });
    }),
    row("a pkg whose Bom leaves a file out", "(package-lists) (ticket-present)", |lab| {
        packing::pkg_of(
            lab,
            |_| (),
            |all| {
                let bom = all.get_mut("Bom").unwrap();
                let mut entries = formats::container::bom::read(bom).unwrap();
                entries.retain(|it| !it.path.ends_with("Info.plist"));
                *bom = formats::container::bom::write(&entries).unwrap();
            },
        );
    }),
    row("a pkg whose Bom names another file", "(package-lists) (ticket-present)", |lab| {
        packing::pkg_of(
            lab,
            |_| (),
            |all| {
                let bom = all.get_mut("Bom").unwrap();
                let mut entries = formats::container::bom::read(bom).unwrap();
                for entry in &mut entries {
                    if let formats::container::bom::Kind::File(length, _) = &mut entry.kind {
                        *length += 1;
                    }
                }
                *bom = formats::container::bom::write(&entries).unwrap();
            },
        );
    }),
    row("a pkg that says another version of its app", "(package-lists) (ticket-present)", |lab| {
        packing::pkg_of(
            lab,
            |_| (),
            |all| {
                let info = all.get_mut("PackageInfo").unwrap();
                let text = String::from_utf8(info.clone())
                    .unwrap()
                    .replace("CFBundleVersion=\"340\"", "CFBundleVersion=\"341\"");
                *info = text.into_bytes();
            },
        );
    }),
    row("a pkg whose scripts hold a program of nobody", "code-signed (ticket-present)", |lab| {
        let program = fs::read(lab.path(HOST)).unwrap();
        packing::pkg_of(
            lab,
            |_| (),
            |all| {
                let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                let mut to = formats::container::cpio::Writer::new(packed);
                let mut program = program.clone();
                for (start, end) in slices(&program) {
                    unsigned(&mut program[start..end]);
                }
                let header = formats::container::cpio::Header {
                    path: "helper",
                    mode: 0o100_755,
                    owner: (0, 0),
                    mtime: 0,
                    size: program.len() as u64,
                };
                to.member(header, &program[..]).unwrap();
                all.insert("Scripts".into(), to.finish().unwrap().finish().unwrap());
            },
        );
    }),
    row("a pkg with a second payload", "install-location (ticket-present)", |lab| {
        packing::pkg_of(
            lab,
            |_| (),
            |all| {
                let payload = all["Payload"].clone();
                let info = String::from_utf8(all["PackageInfo"].clone()).unwrap();
                all.insert("other.pkg/Payload".into(), payload);
                all.insert(
                    "other.pkg/PackageInfo".into(),
                    info.replace("/Applications", "/Library").into_bytes(),
                );
            },
        );
    }),
    row("a program in the resources that nobody signed", "code-signed (ticket-present)", |lab| {
        fs::create_dir_all(lab.path("Contents/Resources")).unwrap();
        fs::copy(lab.path(HOST), lab.path("Contents/Resources/helper")).unwrap();
        each(lab, "Contents/Resources/helper", unsigned);
        sealed_as_files(lab, "Contents/Resources/helper");
    }),
    row("an Info.plist that is a link to a sealed copy", "info-plist (ticket-present)", |lab| {
        fs::create_dir_all(lab.path("Contents/Resources")).unwrap();
        lab.rename("Contents/Info.plist", "Contents/Resources/copy.plist");
        symlink("Resources/copy.plist", lab.path("Contents/Info.plist")).unwrap();
        sealed_as_files(lab, "Contents/Resources/copy.plist");
    }),
    row("the driver in the resources as well", "dext-ids-distinct dext-location (ticket-present)", |lab| {
        let copy = "Contents/Resources/com.example.usb-interface-driver.dext";
        crate::common::copy(&lab.path(DEXT), &lab.path(copy));
        sealed_as_files(lab, copy);
    }),
    row("the app in itself", "dext-ids-distinct dext-location", |lab| {
        let away = lab.path("").parent().unwrap().join("away.app");
        crate::common::copy(&lab.path(""), &away);
        fs::create_dir_all(lab.path("Contents/Resources")).unwrap();
        fs::rename(away, lab.path("Contents/Resources/inner.app")).unwrap();
        sealed_as_files(lab, "Contents/Resources/inner.app");
    }),
];

/// Adds every file of `path` to the app's seal, as a signer would that looks at nothing, and signs the app's executable again.
fn sealed_as_files(lab: &Lab, path: &str) {
    let inside = path.strip_prefix("Contents/").expect("something in Contents");
    lab.plist(SEAL, |seal| {
        let mut files = seal.get("files2").and_then(Value::as_dict).unwrap().clone();
        for entry in xtask::stage::files::walk(&lab.path(path)).unwrap() {
            if entry.kind == xtask::stage::files::Kind::File {
                let hash = Sha256::digest(fs::read(entry.at(&lab.path(path))).unwrap()).to_vec();
                let name = entry.path.to_str().unwrap();
                let name = if name.is_empty() { inside.to_owned() } else { format!("{inside}/{name}") };
                let promised: Dict = [("hash2", Value::Data(hash))].into_iter().collect();
                files.set(name, Value::Dict(promised));
            }
        }
        seal.set("files2", Value::Dict(files));
    });
    let seal = Sha256::digest(fs::read(lab.path(SEAL)).unwrap()).into();
    parts::again(lab, |it| it.special(3, &seal));
}

/// Makes the signature's command one that nobody knows.
fn unsigned(image: &mut [u8]) {
    let at = command(image, LC_CODE_SIGNATURE);
    image[at..at + 4].copy_from_slice(&0x3d_u32.to_le_bytes());
}
