//! Signatures taken apart, changed in one place, and signed by the same hand: what a careless signer would write.

use std::fs;

use formats::signature::superblob::Slot;
use signer::authority::Role;

use crate::{
    Row,
    image::find,
    lab::HOST,
    parts::{Agility, Stamp, again, field, rewrite},
    row,
};

/// Code beside the main executable.
const HELPER: &str = "Contents/MacOS/helper";

pub const ROWS: &[Row] = &[
    row("no hardened runtime", "hardened-runtime (ticket-present)", |lab| {
        again(lab, |it| {
            it.word(field::FLAGS, 0);
            it.word(field::RUNTIME, 0);
        });
    }),
    row("a hardened runtime of no version", "(runtime-version) (ticket-present)", |lab| {
        again(lab, |it| it.word(field::RUNTIME, 0));
    }),
    row("the flag of ad-hoc code", "not-ad-hoc (ticket-present)", |lab| {
        again(lab, |it| it.word(field::FLAGS, 0x1_0002))
    }),
    row("a platform byte", "platform-byte (ticket-present)", |lab| {
        again(lab, |it| it.directory()[field::PLATFORM] = 1);
    }),
    row(
        "an old version of the code directory",
        "(directory-version) hardened-runtime (ticket-present)",
        |lab| {
            again(lab, |it| {
                it.word(field::VERSION, 0x2_0200);
                it.word(field::FLAGS, 0);
            });
        },
    ),
    row("a segment that is no main binary", "exec-segment (ticket-present)", |lab| {
        again(lab, |it| it.word(field::SEGMENT_FLAGS + 4, 0));
    }),
    row("a segment that a debugger may enter", "(exec-segment) (ticket-present)", |lab| {
        again(lab, |it| it.word(field::SEGMENT_FLAGS + 4, 0x11));
    }),
    row("a segment that is too long", "exec-segment (ticket-present)", |lab| {
        again(lab, |it| it.word(field::SEGMENT_LIMIT + 4, 0x1234_0000));
    }),
    row("a code limit before the signature", "code-limit (ticket-present)", |lab| {
        again(lab, |it| {
            let limit = it.read(field::CODE_LIMIT);
            it.word(field::CODE_LIMIT, limit - 1);
            it.rehash_last_page(limit as usize - 1);
        });
    }),
    row("no hash of Info.plist", "special-slots (ticket-present)", |lab| {
        again(lab, |it| it.special(1, &[0; 32]))
    }),
    row("no hash of the seal", "special-slots (ticket-present)", |lab| {
        again(lab, |it| it.special(3, &[0; 32]))
    }),
    row("no hash of the claims", "special-slots (ticket-present)", |lab| {
        again(lab, |it| it.special(5, &[0; 32]))
    }),
    row("another hash of the requirements", "special-slots (ticket-present)", |lab| {
        again(lab, |it| it.special(2, &[7; 32]));
    }),
    row("a team that is none", "profile-identifier same-team team (ticket-present)", |lab| {
        again(lab, |it| {
            let at = it.read(field::TEAM) as usize;
            it.directory()[at] = b'r';
        });
    }),
    row("no team", "same-team team (ticket-present)", |lab| again(lab, |it| it.word(field::TEAM, 0))),
    row(
        "another signing identifier",
        "profile-identifier requirement-satisfied signing-identifier (ticket-present)",
        |lab| {
            again(lab, |it| {
                let at = find(it.directory(), b"com.example");
                it.directory()[at] = b'd';
            });
        },
    ),
    row(
        "another identifier in one slice alone",
        "profile-identifier requirement-satisfied signing-identifier slices-agree (ticket-present)",
        |lab| {
            again(lab, |it| {
                if it.arm64 {
                    let at = find(it.directory(), b"com.example");
                    it.directory()[at] = b'd';
                }
            });
        },
    ),
    row("no claims in DER", "(entitlements-agree) (ticket-present)", |lab| {
        again(lab, |it| {
            it.blobs.retain(|(slot, _)| *slot != Slot::EntitlementsDer);
            it.special(7, &[0; 32]);
        });
    }),
    row("other claims in DER, with their hash", "entitlements-agree (ticket-present)", |lab| {
        again(lab, |it| {
            it.blob(Slot::EntitlementsDer, |blob| {
                let at = find(blob, b"system-extension.install");
                blob[at] = b'S';
            });
        });
    }),
    row("a key twice in the claims", "entitlements-agree (entitlements-readable) (ticket-present)", |lab| {
        again(lab, |it| {
            it.blob(Slot::Entitlements, |blob| {
                let at = find(blob, b"<dict>") + 6;
                let key = b"<key>com.apple.developer.system-extension.install</key><true/>";
                blob.splice(at..at, *key);
            });
        });
    }),
    row("a byte order mark before the claims", "entitlements-readable (ticket-present)", |lab| {
        again(lab, |it| it.blob(Slot::Entitlements, |blob| drop(blob.splice(8..8, *b"\xef\xbb\xbf"))));
    }),
    row("claims that are no property list", "entitlements-readable (ticket-present)", |lab| {
        again(lab, |it| it.blob(Slot::Entitlements, |blob| blob.truncate(40)));
    }),
    row("a requirement that does not hold", "requirement-satisfied (ticket-present)", |lab| {
        again(lab, |it| {
            it.blob(Slot::Requirements, |blob| {
                let at = find(blob, b"com.example");
                blob[at] = b'd';
            });
        });
    }),
    row("a blob in the slot of another", "signature-structure (ticket-present)", |lab| {
        again(lab, |it| it.blob(Slot::EntitlementsDer, |blob| blob[3] = 0x71));
    }),
    row("no timestamp", "secure-timestamp (ticket-present)", |lab| {
        again(lab, |it| it.hand.stamp = Stamp::None)
    }),
    row("the timestamp of another signature", "secure-timestamp (ticket-present)", |lab| {
        again(lab, |it| it.hand.stamp = Stamp::OfAnother);
    }),
    row("a timestamp with a flipped byte", "secure-timestamp (ticket-present)", |lab| {
        again(lab, |it| it.hand.stamp = Stamp::Flipped);
    }),
    row("no list of code directories", "(hash-agility) (ticket-present)", |lab| {
        again(lab, |it| it.hand.agility = Agility::None);
    }),
    row("a list of other code directories", "hash-agility (ticket-present)", |lab| {
        again(lab, |it| it.hand.agility = Agility::OfAnother);
    }),
    row("the signature of another code directory", "cms-signature (ticket-present)", |lab| {
        again(lab, |it| it.hand.is_of_another = true);
    }),
    row("a signature by another key", "cms-signature (ticket-present)", |lab| {
        again(lab, |it| it.hand.key = Role::DeveloperIdInstaller);
    }),
    row(
        "a chain without its intermediate",
        "certificate-chain (requirement-satisfied) (ticket-present)",
        |lab| {
            again(lab, |it| drop(it.hand.chain.remove(1)));
        },
    ),
    row("an empty CMS", "not-ad-hoc requirement-satisfied (ticket-present)", |lab| {
        again(lab, |it| it.hand.is_away = true)
    }),
    row("hashes of SHA-1 alone", "directory-hash (ticket-present)", |lab| {
        again(lab, |it| {
            let old = it.directory_in_sha1(lab);
            *it.directory() = old;
        });
    }),
    row("pages of 32 KiB", "page-size (ticket-present)", |lab| {
        again(lab, |it| {
            let n_pages = it.read(field::CODE_LIMIT).div_ceil(1 << 15);
            it.directory()[field::PAGE_SHIFT] = 15;
            it.word(field::N_CODE, n_pages);
            it.rehash_pages();
        });
    }),
    row("a helper signed again by itself", "nested-code (ticket-present)", |lab| {
        lab.signed_again(|it| {
            fs::copy(it.path(HOST), it.path(HELPER)).unwrap();
        });
        rewrite(lab, HELPER, |it| it.word(field::RUNTIME, 0x000b_0000));
    }),
];
