//! A signature taken apart: its blobs, its code directory, its CMS; and put together by the same hand.

use std::fs;

use formats::{
    Bytes,
    document::{
        Dict, Value,
        plist::{Keys, to_xml},
    },
    image::MachO,
    signature::superblob::{Slot, SuperBlob},
};
use sha1::Sha1;
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
    image::each,
    lab::{DRIVER, EPOCH, HOST, Lab, SEAL},
};

/// Offsets in a code directory (xnu `cs_blobs.h`).
pub mod field {
    pub const VERSION: usize = 8;
    pub const FLAGS: usize = 12;
    pub const HASHES: usize = 16;
    pub const N_SPECIAL: usize = 24;
    pub const N_CODE: usize = 28;
    pub const CODE_LIMIT: usize = 32;
    pub const HASH_SIZE: usize = 36;
    pub const HASH_TYPE: usize = 37;
    pub const PLATFORM: usize = 38;
    pub const PAGE_SHIFT: usize = 39;
    pub const TEAM: usize = 48;
    pub const SEGMENT_LIMIT: usize = 72;
    pub const SEGMENT_FLAGS: usize = 80;
    pub const RUNTIME: usize = 88;
}

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
    /// Put in after the signature was made.
    pub late: Vec<(Slot, Vec<u8>)>,
    pub hand: Hand,
    code: Vec<u8>,
}

impl Parts {
    pub fn directory(&mut self) -> &mut Vec<u8> {
        let mut all = self.blobs.iter_mut();
        &mut all.find(|it| it.0 == Slot::CodeDirectory).expect("a code directory").1
    }

    pub fn read(&mut self, at: usize) -> u32 {
        u32::from_be_bytes(self.directory()[at..at + 4].try_into().unwrap())
    }

    pub fn word(&mut self, at: usize, value: u32) {
        self.directory()[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }

    /// Puts a hash into a special slot.
    pub fn special(&mut self, number: usize, hash: &[u8; 32]) {
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

    pub fn rehash_last_page(&mut self, limit: usize) {
        let size = 1usize << self.directory()[field::PAGE_SHIFT];
        let hash = Sha256::digest(&self.code[(limit - 1) / size * size..limit]);
        let end = self.directory().len();
        self.directory()[end - 32..].copy_from_slice(&hash);
    }

    pub fn rehash_pages(&mut self) {
        let (size, at) = (1usize << self.directory()[field::PAGE_SHIFT], self.read(field::HASHES) as usize);
        let hashes: Vec<u8> = self.code.chunks(size).flat_map(Sha256::digest).collect();
        self.directory()[at..at + hashes.len()].copy_from_slice(&hashes);
    }

    /// The host app's directory once more, with hashes of SHA-1.
    pub fn directory_in_sha1(&mut self, lab: &Lab) -> Vec<u8> {
        let old = self.directory().clone();
        let page = 1usize << old[field::PAGE_SHIFT];
        let (n_special, at) = (self.read(field::N_SPECIAL) as usize, self.read(field::HASHES) as usize);
        let content = |number: usize| match number {
            1 => Some(fs::read(lab.path("Contents/Info.plist")).unwrap()),
            3 => Some(fs::read(lab.path(SEAL)).unwrap()),
            _ => self.blobs.iter().find(|it| it.0.number() as usize == number).map(|it| it.1.clone()),
        };
        let hash = |number| content(number).map_or([0; 20], |it| Sha1::digest(it).into());
        let mut new = old[..at - 32 * n_special].to_vec();
        new.extend((1..=n_special).rev().flat_map(hash));
        let hashes = u32::try_from(new.len()).unwrap();
        new.extend(self.code.chunks(page).flat_map(Sha1::digest));
        let length = u32::try_from(new.len()).unwrap();
        for (at, value) in [(4, length), (field::HASHES, hashes)] {
            new[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        (new[field::HASH_SIZE], new[field::HASH_TYPE]) = (20, 1);
        new
    }

    fn put_together(mut self, lab: &Lab) -> Vec<u8> {
        let directories = self.blobs.iter().filter(|it| it.0.is_code_directory());
        let directories: Vec<Vec<u8>> = directories.map(|it| it.1.clone()).collect();
        let cms = if self.hand.is_away { Vec::new() } else { self.hand.sign(lab, &directories) };
        self.blobs.append(&mut self.late);
        self.blobs.push((Slot::Signature, superblob::wrapped(&cms).unwrap()));
        superblob::embedded(self.blobs).unwrap()
    }
}

impl Hand {
    /// Signs the first of the directories; the lists name all of them.
    fn sign(&self, lab: &Lab, directories: &[Vec<u8>]) -> Vec<u8> {
        let authority = lab.good.rehearsal.authority();
        let directory = directories.first().expect("a code directory");
        let other = [directory.as_slice(), b"other"].concat();
        let attributes = match self.agility {
            Agility::None => Vec::new(),
            Agility::Good => lists(directories),
            Agility::OfAnother => lists(std::slice::from_ref(&other)),
        };
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

/// Both signed lists for these code directories.
fn lists(directories: &[Vec<u8>]) -> Vec<Vec<u8>> {
    /// `id-sha1`.
    const SHA1: &str = "1.3.14.3.2.26";
    let hash = |it: &Vec<u8>| match it[field::HASH_TYPE] {
        1 => (SHA1, Sha1::digest(it).to_vec()),
        _ => (oid::SHA256, Sha256::digest(it).to_vec()),
    };
    let hashes: Vec<_> = directories.iter().map(hash).collect();
    let short = hashes.iter().map(|it| Value::Data(it.1[..20].to_vec())).collect();
    let list: Dict = [("cdhashes", Value::Array(short))].into_iter().collect();
    let plist = to_xml(&Value::Dict(list), Keys::Sorted);
    let whole = hashes.iter().map(|(kind, hash)| sequence([write::oid(kind), octets(hash)])).collect();
    vec![
        attribute(oid::HASH_AGILITY, octets(plist.as_bytes())),
        attribute_values(oid::HASH_AGILITY_V2, whole),
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

/// Signs each slice of `file` again after a change to its parts; what encloses it is left alone.
pub fn rewrite(lab: &Lab, file: &str, change: impl Fn(&mut Parts)) {
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
            late: Vec::new(),
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
