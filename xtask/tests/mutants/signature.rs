//! Signatures taken apart, changed in one place, and signed by the same hand: what a careless signer would write.

use formats::{
    Bytes,
    document::{
        Dict, Value,
        plist::{Keys, to_xml},
    },
    image::MachO,
    signature::superblob::{Slot, SuperBlob},
};
use sha2::{Digest, Sha256};
use signer::{
    asn1::{
        oid,
        write::{self, octets, sequence},
    },
    authority::Role,
    certificate::Certificate,
    cms::{Content, SignedData, attribute, attribute_values},
    superblob,
    timestamp::Request,
};

use crate::{
    Row,
    image::{each, find},
    lab::{DRIVER, EPOCH, HOST, Lab},
    row,
};

/// Offsets in a code directory (xnu `cs_blobs.h`).
mod field {
    pub const VERSION: usize = 8;
    pub const FLAGS: usize = 12;
    pub const HASHES: usize = 16;
    pub const N_SPECIAL: usize = 24;
    pub const CODE_LIMIT: usize = 32;
    pub const PLATFORM: usize = 38;
    pub const TEAM: usize = 48;
    pub const SEGMENT_LIMIT: usize = 72;
    pub const SEGMENT_FLAGS: usize = 80;
    pub const RUNTIME: usize = 88;
}

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
];

/// A signature's timestamp.
#[derive(Clone, Copy)]
pub enum Stamp {
    /// Over this signature.
    Good,
    None,
    OfAnother,
    Flipped,
}

/// The signed lists of code directories.
#[derive(Clone, Copy)]
pub enum Agility {
    /// Of this directory.
    Good,
    None,
    OfAnother,
}

/// How the CMS is made.
pub struct Hand {
    /// Certificates, the leaf first.
    pub chain: Vec<Certificate>,
    pub key: Role,
    pub stamp: Stamp,
    pub agility: Agility,
    /// Whether other bytes are signed than those that are there.
    pub is_of_another: bool,
    /// Whether there is none.
    pub is_away: bool,
}

/// A signature in its parts.
pub struct Parts {
    pub arm64: bool,
    /// All but the CMS.
    pub blobs: Vec<(Slot, Vec<u8>)>,
    pub hand: Hand,
    code: Vec<u8>,
}

impl Parts {
    fn directory(&mut self) -> &mut Vec<u8> {
        let mut all = self.blobs.iter_mut();
        &mut all.find(|it| it.0 == Slot::CodeDirectory).expect("a code directory").1
    }

    fn read(&mut self, at: usize) -> u32 {
        u32::from_be_bytes(self.directory()[at..at + 4].try_into().unwrap())
    }

    fn word(&mut self, at: usize, value: u32) {
        self.directory()[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }

    /// Puts a hash into a special slot.
    fn special(&mut self, number: usize, hash: &[u8; 32]) {
        assert!(number <= self.read(field::N_SPECIAL) as usize, "no slot -{number}");
        let at = self.read(field::HASHES) as usize - 32 * number;
        self.directory()[at..at + 32].copy_from_slice(hash);
    }

    /// Changes a blob, its length, and the hash that the directory has of it.
    pub fn blob(&mut self, slot: Slot, change: impl FnOnce(&mut Vec<u8>)) {
        let blob = &mut self.blobs.iter_mut().find(|it| it.0 == slot).expect("the blob").1;
        change(blob);
        let length = u32::try_from(blob.len()).unwrap();
        blob[4..8].copy_from_slice(&length.to_be_bytes());
        let hash = Sha256::digest(&*blob).into();
        self.special(slot.number() as usize, &hash);
    }

    fn rehash_last_page(&mut self, limit: usize) {
        let size = 1usize << self.directory()[39];
        let hash = Sha256::digest(&self.code[(limit - 1) / size * size..limit]);
        let end = self.directory().len();
        self.directory()[end - 32..].copy_from_slice(&hash);
    }

    fn rehash_pages(&mut self) {
        let (size, at) = (1usize << self.directory()[39], self.read(field::HASHES) as usize);
        let hashes: Vec<u8> = self.code.chunks(size).flat_map(Sha256::digest).collect();
        self.directory()[at..at + hashes.len()].copy_from_slice(&hashes);
    }

    fn put_together(mut self, lab: &Lab) -> Vec<u8> {
        let directory = self.directory().clone();
        let cms = if self.hand.is_away { Vec::new() } else { self.hand.sign(lab, &directory) };
        self.blobs.push((Slot::Signature, superblob::wrapped(&cms).unwrap()));
        superblob::embedded(self.blobs).unwrap()
    }
}

impl Hand {
    fn sign(&self, lab: &Lab, directory: &[u8]) -> Vec<u8> {
        let authority = lab.good.rehearsal.authority();
        let other = [directory, b"other"].concat();
        let listed = if matches!(self.agility, Agility::OfAnother) { &other } else { directory };
        let attributes = if matches!(self.agility, Agility::None) { Vec::new() } else { lists(listed) };
        let message = SignedData {
            content: Content::Detached(if self.is_of_another { &other } else { directory }),
            chain: &self.chain,
            key: authority.key(self.key).unwrap(),
            signing_time: Some(EPOCH),
            attributes,
        };
        let token = |over: &[u8]| {
            let request = Request::over(over);
            request.token(&authority.timestamp(&request.der).unwrap()).unwrap()
        };
        let stamp = |signature: &[u8]| {
            let token = match self.stamp {
                Stamp::None => return Ok(Vec::new()),
                Stamp::Good => token(signature),
                Stamp::OfAnother => token(b"another signature"),
                Stamp::Flipped => {
                    let mut token = token(signature);
                    let last = token.len() - 1;
                    token[last] ^= 1;
                    token
                }
            };
            Ok(vec![attribute(oid::TIMESTAMP_TOKEN, token)])
        };
        message.sign(stamp).unwrap()
    }
}

/// Both signed lists for one code directory.
fn lists(directory: &[u8]) -> Vec<Vec<u8>> {
    let hash = Sha256::digest(directory);
    let list: Dict =
        [("cdhashes", Value::Array(vec![Value::Data(hash[..20].to_vec())]))].into_iter().collect();
    let plist = to_xml(&Value::Dict(list), Keys::Sorted);
    let whole = sequence([write::oid(oid::SHA256), octets(&hash)]);
    vec![
        attribute(oid::HASH_AGILITY, octets(plist.as_bytes())),
        attribute_values(oid::HASH_AGILITY_V2, vec![whole]),
    ]
}

/// Takes the ticket off the app, and signs each slice of its executable again after a change to the parts of its signature.
pub fn again(lab: &Lab, change: impl Fn(&mut Parts)) {
    lab.remove("Contents/CodeResources");
    rewrite(lab, HOST, change);
}

/// Changes each slice of the driver, hashes its pages again, and signs it and the app around it.
pub fn again_driver(lab: &Lab, change: impl Fn(&mut [u8])) {
    lab.remove("Contents/CodeResources");
    each(lab, DRIVER, change);
    rewrite(lab, DRIVER, Parts::rehash_pages);
    lab.seal_host();
}

fn rewrite(lab: &Lab, file: &str, change: impl Fn(&mut Parts)) {
    let chain = lab.good.rehearsal.authority().chain(Role::DeveloperIdApplication).unwrap();
    each(lab, file, |image| {
        let macho = MachO::read(&image.to_vec()).unwrap();
        let range = macho.code_signature().expect("a signature");
        let (start, end) = (usize::try_from(range.offset).unwrap(), usize::try_from(range.end()).unwrap());
        let there = SuperBlob::parse(Bytes::new(&image[start..end])).unwrap();
        let blobs = there.blobs.iter().filter(|it| it.slot != Slot::Signature);
        let mut parts = Parts {
            arm64: macho.arch.is_arm64(),
            blobs: blobs.map(|it| (it.slot, it.bytes.as_slice().to_vec())).collect(),
            hand: Hand {
                chain: chain.clone(),
                key: Role::DeveloperIdApplication,
                stamp: Stamp::Good,
                agility: Agility::Good,
                is_of_another: false,
                is_away: false,
            },
            code: image[..start].to_vec(),
        };
        change(&mut parts);
        let signature = parts.put_together(lab);
        assert!(signature.len() <= end - start, "the signature outgrew its place");
        image[start..end].fill(0);
        image[start..start + signature.len()].copy_from_slice(&signature);
    });
}
