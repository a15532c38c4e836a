//! The signature of one piece of code: which blobs, what each hash covers, and the CMS over the code directory.

use std::{collections::BTreeMap, fmt};

use formats::{
    Source,
    document::{
        Dict, Value,
        plist::{Keys, to_xml},
    },
    signature::{
        code_directory::{ExecSegment, exec_segment_flags, flags},
        digest::{CdHash, HashType},
        superblob::{MAGIC_ENTITLEMENTS, MAGIC_ENTITLEMENTS_DER, MAGIC_LAUNCH_CONSTRAINT, Slot},
    },
};

use crate::{
    Error, Result,
    asn1::{
        oid,
        write::{self, octets, sequence},
    },
    cms::{Content, SignedData, attribute, attribute_values},
    code_directory::Template,
    entitlements::Entitlements,
    identity::{Identity, Signer},
    requirement, superblob,
};

/// Gets a timestamp token over a signature.
pub type Stamp<'a> = &'a (dyn Fn(&[u8]) -> Result<Vec<u8>> + Sync);

/// Everything that decides a signature besides the code itself.
#[derive(Clone)]
pub struct Settings<'a> {
    /// Signing identifier; for the main executable of a bundle its bundle identifier.
    pub identifier: &'a str,
    /// Who signs.
    pub identity: &'a Identity,
    /// `CS_*` flags; that of ad-hoc code is added by itself.
    pub flags: u32,
    /// Which hash algorithms.
    pub digests: Digests,
    /// What the code claims.
    pub entitlements: Option<&'a Entitlements>,
    /// A requirement set to carry instead of the derived one.
    pub requirements: Option<&'a [u8]>,
    /// The bundle's Info.plist; without one, that in `__TEXT,__info_plist` counts.
    pub info_plist: Option<&'a [u8]>,
    /// The bundle's CodeResources.
    pub resources: Option<&'a [u8]>,
    /// Launch and library constraints in DER, by their slot, passed through.
    pub constraints: &'a [(Slot, Vec<u8>)],
    /// The time that the signer claims, Unix seconds.
    pub signing_time: Option<u64>,
    /// Where a timestamp comes from.
    pub stamp: Option<Stamp<'a>>,
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("identifier", &self.identifier)
            .field("identity", &self.identity)
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}

impl<'a> Settings<'a> {
    /// Settings for code called `identifier`: SHA-256, nothing claimed, no timestamp.
    pub fn new(identifier: &'a str, identity: &'a Identity) -> Self {
        Self {
            identifier,
            identity,
            flags: 0,
            digests: Digests::Sha256,
            entitlements: None,
            requirements: None,
            info_plist: None,
            resources: None,
            constraints: &[],
            signing_time: None,
            stamp: None,
        }
    }
}

/// Which hash algorithms a signature carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digests {
    /// SHA-256 alone: everything since macOS 10.12.
    Sha256,
    /// SHA-1 in the main code directory and SHA-256 in an alternate one, for systems before 10.11.4.
    Sha1AndSha256,
}

/// What the signature says about the image that carries it.
#[derive(Debug, Clone)]
pub struct Image {
    /// Base-2 logarithm of the page size.
    pub page_shift: u8,
    /// Where the executable segment lies.
    pub text: (u64, u64),
    /// Whether it is a main executable.
    pub role: Role,
    /// Packed SDK version of its build version command.
    pub sdk: Option<u32>,
    /// Bytes of `__TEXT,__info_plist`.
    pub embedded_info: Option<Vec<u8>>,
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Something that is launched.
    MainExecutable,
    /// Something that is loaded.
    Library,
}

/// A signature as it is embedded, and the names it gives to the code.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// The super blob.
    pub bytes: Vec<u8>,
    /// The cdhash of each code directory, the main one first.
    pub cdhashes: Vec<CdHash>,
}

impl Settings<'_> {
    /// A length that [`Settings::embed`] will most likely not exceed, for `code` bytes of code.
    ///
    /// The length has to be in the header, which is hashed, before the CMS (and the server's timestamp in it) exists.
    /// codesign leaves about 9 KiB for the same reason. Exact for ad-hoc code.
    pub(crate) fn reserve(&self, image: &Image, code: u64) -> Result<usize> {
        let blobs = self.fixed_blobs(image)?;
        let mut lengths: Vec<usize> = blobs.iter().map(|(_, it)| it.len()).collect();
        for (_, hash) in self.directories() {
            lengths.push(self.with_directory(image, hash, &blobs, |it| it.length(code))?);
        }
        let cms = match self.identity.signer() {
            None => 0,
            Some(signer) => {
                let chain: usize = signer.chain().iter().map(|it| it.der().len()).sum();
                chain + 4096 + if self.stamp.is_some() { 8192 } else { 0 }
            }
        };
        lengths.push(superblob::wrapped(&vec![0; cms])?.len());
        Ok(superblob::length(lengths))
    }

    /// The signature over `code`.
    pub(crate) fn embed(&self, image: &Image, code: &dyn Source) -> Result<Embedded> {
        let mut blobs = self.fixed_blobs(image)?;
        let mut directories = Vec::new();
        for (slot, hash) in self.directories() {
            let bytes = self.with_directory(image, hash, &blobs, |it| it.write(code))?;
            directories.push((hash, bytes.clone()));
            blobs.push((slot, bytes));
        }
        // Slots are taken from what stands beside the directories, so these go in last.
        let cms = match self.identity.signer() {
            None => Vec::new(),
            Some(signer) => self.cms(signer, &directories)?,
        };
        blobs.push((Slot::Signature, superblob::wrapped(&cms)?));
        let names = directories.iter().filter_map(|(hash, bytes)| CdHash::from_digest(&hash.digest(bytes)));
        Ok(Embedded { bytes: superblob::embedded(blobs)?, cdhashes: names.collect() })
    }

    fn directories(&self) -> Vec<(Slot, HashType)> {
        match self.digests {
            Digests::Sha256 => vec![(Slot::CodeDirectory, HashType::Sha256)],
            Digests::Sha1AndSha256 => {
                vec![
                    (Slot::CodeDirectory, HashType::Sha1),
                    (Slot::AlternateCodeDirectory(0), HashType::Sha256),
                ]
            }
        }
    }

    /// All blobs but code directories and CMS.
    fn fixed_blobs(&self, image: &Image) -> Result<Vec<(Slot, Vec<u8>)>> {
        let requirements = match self.requirements {
            Some(given) => given.to_vec(),
            None => requirement::designated_blob(self.identifier, self.identity),
        };
        let mut blobs = vec![(Slot::Requirements, requirements)];
        if let Some(claims) = self.entitlements {
            if image.role == Role::Library {
                return Err(Error::new("entitlements for code that is loaded, not launched")
                    .hint("claim them for the main executable"));
            }
            blobs.push((Slot::Entitlements, superblob::blob(MAGIC_ENTITLEMENTS, claims.xml())?));
            blobs.push((Slot::EntitlementsDer, superblob::blob(MAGIC_ENTITLEMENTS_DER, &claims.der()?)?));
        }
        if image.role == Role::Library && !self.constraints.is_empty() {
            return Err(Error::new("constraints for code that is loaded, not launched").hint(
                "set them for the main executable: it is what the kernel launches, and what loads libraries",
            ));
        }
        for (slot, der) in self.constraints {
            if slot.magic() != Some(MAGIC_LAUNCH_CONSTRAINT) {
                return Err(Error::new(format!("{slot:?} is no slot for a constraint")));
            }
            blobs.push((*slot, superblob::blob(MAGIC_LAUNCH_CONSTRAINT, der)?));
        }
        Ok(blobs)
    }

    /// What `make` makes of the code directory with hashes of `hash`.
    fn with_directory<T>(
        &self,
        image: &Image,
        hash: HashType,
        blobs: &[(Slot, Vec<u8>)],
        make: impl Fn(&Template<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut special: BTreeMap<Slot, &[u8]> = BTreeMap::new();
        for (slot, bytes) in blobs {
            if !slot.is_code_directory() {
                special.insert(*slot, bytes);
            }
        }
        if let Some(info) = self.info_plist.or(image.embedded_info.as_deref()) {
            special.insert(Slot::InfoPlist, info);
        }
        if let Some(resources) = self.resources {
            special.insert(Slot::Resources, resources);
        }
        let ad_hoc = if self.identity.signer().is_none() { flags::ADHOC } else { 0 };
        let all_flags = self.flags | ad_hoc;
        let team = self.identity.team();
        let template = Template {
            hash,
            identifier: self.identifier,
            team: team.as_deref(),
            flags: all_flags,
            page_shift: image.page_shift,
            exec_segment: ExecSegment {
                base: image.text.0,
                limit: image.text.1,
                flags: self.segment_flags(image),
            },
            runtime: if all_flags & flags::RUNTIME != 0 { image.sdk.unwrap_or(0) } else { 0 },
            special: &special,
        };
        make(&template)
    }

    /// Flags of the executable segment, from entitlements as Security's `signer.cpp` takes them.
    fn segment_flags(&self, image: &Image) -> u64 {
        use exec_segment_flags as seg;
        if image.role == Role::Library {
            return 0;
        }
        let table = [
            ("get-task-allow", seg::ALLOW_UNSIGNED),
            ("run-unsigned-code", seg::ALLOW_UNSIGNED),
            ("com.apple.private.cs.debugger", seg::DEBUGGER),
            ("dynamic-codesigning", seg::JIT),
            ("com.apple.private.skip-library-validation", seg::SKIP_LIBRARY_VALIDATION),
            ("com.apple.private.amfi.can-load-cdhash", seg::CAN_LOAD_CDHASH),
            ("com.apple.private.amfi.can-execute-cdhash", seg::CAN_EXEC_CDHASH),
        ];
        let claimed = |key| self.entitlements.is_some_and(|it| it.is_true(key));
        table.into_iter().filter(|(key, _)| claimed(key)).fold(seg::MAIN_BINARY, |all, (_, flag)| all | flag)
    }

    fn cms(&self, signer: &Signer, directories: &[(HashType, Vec<u8>)]) -> Result<Vec<u8>> {
        let (_, main) =
            directories.first().ok_or_else(|| Error::new("a signature without a code directory"))?;
        let message = SignedData {
            content: Content::Detached(main),
            chain: signer.chain(),
            key: signer.key(),
            signing_time: self.signing_time,
            attributes: vec![
                attribute(oid::HASH_AGILITY, octets(&cdhash_list(directories))),
                attribute_values(oid::HASH_AGILITY_V2, full_hashes(directories)?),
            ],
        };
        message.sign(|signature| match self.stamp {
            None => Ok(Vec::new()),
            Some(stamp) => Ok(vec![attribute(oid::TIMESTAMP_TOKEN, stamp(signature)?)]),
        })
    }
}

/// The plist of hash agility v1: the first twenty bytes of each code directory's hash.
fn cdhash_list(directories: &[(HashType, Vec<u8>)]) -> Vec<u8> {
    let names = directories.iter().filter_map(|(hash, bytes)| CdHash::from_digest(&hash.digest(bytes)));
    let list = Value::Array(names.map(|it| Value::Data(it.0.to_vec())).collect());
    let whole: Dict = [("cdhashes", list)].into_iter().collect();
    to_xml(&Value::Dict(whole), Keys::Sorted).into_bytes()
}

/// The values of hash agility v2: each code directory's whole hash with its algorithm.
fn full_hashes(directories: &[(HashType, Vec<u8>)]) -> Result<Vec<Vec<u8>>> {
    let one = |(hash, bytes): &(HashType, Vec<u8>)| {
        let algorithm = match hash {
            HashType::Sha1 => oid::SHA1,
            HashType::Sha256 | HashType::Sha256Truncated => oid::SHA256,
            HashType::Sha384 => oid::SHA384,
            HashType::Sha512 => oid::SHA512,
        };
        Ok(sequence([write::oid(algorithm), octets(&hash.digest(bytes))]))
    };
    directories.iter().map(one).collect()
}
