//! Signatures as shipped: every hash, every chain, every requirement of the packages in `XTASK_CORPUS`.

use std::{collections::BTreeMap, fs, path::PathBuf};

use formats::{
    Bytes, Source,
    container::{bounded::Limit, cpio, xar::Xar},
    document::plist::{self, Value},
    image::{fat::Slices, macho::MachO},
    signature::{
        Signature,
        certificate::marker,
        chain::{self, Anchor, Trust},
        cms::SignedData,
        digest::HashType,
        hashing,
        requirement::{self, Answer, Facts, Root},
        seal::{Found, Kind, Seal, defaults, evaluate},
        superblob::Slot,
        time::UnixTime,
        timestamp::{self, Timestamp},
    },
};

/// A file of a package: its kind and its bytes.
struct File {
    mode: u32,
    bytes: Vec<u8>,
}

/// The files of every package of the corpus by path; nothing, said aloud, without a corpus.
fn packages() -> Vec<(String, BTreeMap<String, File>)> {
    archives().into_iter().map(|(name, bytes)| (name, unpack(&bytes))).collect()
}

fn archives() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = std::env::var_os("XTASK_CORPUS") else {
        std::io::Write::write_all(&mut std::io::stderr(), b"not run: XTASK_CORPUS is not set\n").unwrap();
        return Vec::new();
    };
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.retain(|it| it.extension().is_some_and(|it| it == "pkg"));
    paths.sort();
    assert!(!paths.is_empty(), "the corpus has no package");
    let name = |it: &PathBuf| it.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|it| (name(it), fs::read(it).unwrap())).collect()
}

fn unpack(package: &[u8]) -> BTreeMap<String, File> {
    let xar = Xar::read(&package).unwrap();
    let payload = xar.member("Payload").and_then(|it| it.data.clone()).unwrap();
    let packed = payload.open(&package, Limit::PAYLOAD).unwrap();
    let mut archive = cpio::Reader::new(flate2::read::MultiGzDecoder::new(packed));
    let mut files = BTreeMap::new();
    while let Some(member) = archive.next().unwrap() {
        let bytes = archive.document(16 << 20).unwrap();
        files.insert(member.path, File { mode: member.mode, bytes });
    }
    files
}

/// A signed slice of a Mach-O file.
struct Code {
    place: String,
    bytes: Vec<u8>,
    signature: Signature,
    /// `Info.plist` and `_CodeSignature/CodeResources` of the bundle it is the executable of.
    info: Vec<u8>,
    seal: Vec<u8>,
}

/// Every signed slice of every Mach-O file; all of them are main executables of bundles.
fn all_code() -> Vec<Code> {
    let mut found = Vec::new();
    for (package, files) in packages() {
        for (path, file) in files.iter().filter(|it| it.1.mode & cpio::TYPE == cpio::FILE) {
            for slice in Slices::read(&file.bytes).unwrap().into_iter().flat_map(|it| it.slices) {
                let folder = path.rsplit_once('/').unwrap().0;
                let contents = folder.strip_suffix("/MacOS").unwrap_or(folder);
                let beside = |name: &str| files[&format!("{contents}/{name}")].bytes.clone();
                let window = slice.window(&file.bytes).unwrap();
                let range = MachO::read(&window).unwrap().code_signature().unwrap();
                found.push(Code {
                    place: format!("{package}: {path} ({})", slice.arch),
                    bytes: window.read(0, window.len() as usize).unwrap().into_owned(),
                    signature: Signature::read(&window, range.offset, range.size).unwrap(),
                    info: beside("Info.plist"),
                    seal: beside("_CodeSignature/CodeResources"),
                });
            }
        }
    }
    found
}

#[test]
fn every_page_has_the_hash_its_directory_promises() {
    for Code { place, bytes, signature, .. } in all_code() {
        let directories: Vec<_> = signature.directories.iter().map(|it| it.1.clone()).collect();
        let pages = hashing::check_pages(&bytes, &directories).unwrap();
        assert!(pages.iter().all(|it| it.is_sound() && it.checked > 0), "{place}: {pages:?}");
        eprintln!("{place}: {} pages", pages[0].checked);
    }
}

#[test]
fn every_special_slot_has_its_hash_and_nothing_else_is_hashed() {
    for Code { place, signature, info, seal, .. } in all_code() {
        let directory = signature.directory().unwrap();
        for number in 1..=directory.n_special_slots {
            let slot = Slot::from_number(number);
            let bytes = match slot {
                Slot::InfoPlist => Some(info.as_slice()),
                Slot::Resources => Some(seal.as_slice()),
                _ => signature.blob(slot),
            };
            let found = bytes.and_then(|it| hashing::check_special(directory, slot, it));
            assert_eq!(found, bytes.map(|_| true), "{place}: {slot}");
            assert_eq!(directory.special_hash(slot).is_some(), bytes.is_some(), "{place}: {slot}");
        }
    }
}

#[test]
fn every_signature_has_the_shape_of_the_corpus() {
    for Code { place, signature, .. } in all_code() {
        let directory = signature.directory().unwrap();
        assert_eq!(
            (directory.version, directory.flags, directory.platform),
            (0x20500, 0x10000, 0),
            "{place}"
        );
        assert_eq!(directory.hash_type, HashType::Sha256, "{place}");
        assert_eq!(signature.directories.len(), 1, "{place}");
        assert!(
            signature.faults.is_empty() && signature.overlaps.is_empty(),
            "{place}: {:?}",
            signature.faults
        );
        assert!(signature.slack > 0 && signature.is_slack_zero, "{place}: {}", signature.slack);
        assert_eq!(directory.team.as_deref(), Some("G43BCU2T37"), "{place}");
        assert_eq!(directory.exec_segment.unwrap().flags, 1, "{place}");
    }
}

#[test]
fn every_signer_signed_the_code_directory_and_says_so_twice_more() {
    for Code { place, signature, .. } in all_code() {
        let directory = signature.directory().unwrap();
        let cms = signature.cms.as_ref().unwrap();
        let [signer] = cms.signers.as_slice() else { panic!("{place}") };
        let leaf = signer.certificate(&cms.certificates).unwrap();
        assert_eq!(signer.verify(directory.as_bytes(), leaf), Ok(()), "{place}");
        let mut other = directory.as_bytes().to_vec();
        *other.last_mut().unwrap() ^= 1;
        assert!(signer.verify(&other, leaf).is_err(), "{place}");
        assert_eq!(signer.hash_agility_cdhashes().unwrap().unwrap(), [directory.cdhash()], "{place}");
        assert_eq!(signer.agile_cdhashes().unwrap().unwrap(), [directory.cdhash()], "{place}");
        assert_eq!(leaf.subject.organizational_unit(), directory.team.as_deref(), "{place}");
        assert!(leaf.has_extension(marker::DEVELOPER_ID_APPLICATION), "{place}");
    }
}

#[test]
fn every_chain_ends_at_apples_root_and_held_at_its_timestamp() {
    let trust = Trust::default();
    for Code { place, signature, .. } in all_code() {
        let cms = signature.cms.as_ref().unwrap();
        let signer = &cms.signers[0];
        let token = Timestamp::parse(Bytes::new(signer.timestamp_token().unwrap())).unwrap();
        let verdict = token.verify(&signer.signature, &cms.certificates, &trust);
        assert!(verdict.faults.is_empty(), "{place}: {verdict:?}");
        assert_eq!(verdict.chain.unwrap().anchor, Anchor::Apple("Apple Root CA"), "{place}");
        assert_eq!(token.verify(b"other", &[], &trust).faults, [timestamp::Fault::Imprint], "{place}");

        let leaf = signer.certificate(&cms.certificates).unwrap();
        let chain = chain::build(leaf, &cms.certificates, &trust, token.at);
        assert!(chain.is_trusted(), "{place}: {chain:?}");
        assert_eq!(
            (chain.certificates.len(), &chain.anchor),
            (3, &Anchor::Apple("Apple Root CA")),
            "{place}"
        );
        eprintln!("{place}: signed {}, leaf until {}", token.at, leaf.not_after);

        // Long after, the leaf has expired: the same chain, a fault, and still anchored.
        let late = chain::build(leaf, &cms.certificates, &trust, UnixTime(leaf.not_after.0 + 1));
        assert!(late.faults.contains(&chain::Fault::NotValid(0)) && late.is_anchored(), "{place}: {late:?}");
        // Without the root nothing is trusted, and it is said what is missing.
        let rootless =
            &cms.certificates.iter().filter(|it| !it.is_self_issued()).cloned().collect::<Vec<_>>();
        let open = chain::build(leaf, rootless, &trust, token.at);
        assert!(matches!(&open.anchor, Anchor::Missing(name) if name.contains("Apple Root CA")), "{place}");
        assert!(!open.is_trusted() && open.certificates.len() == 2, "{place}");
    }
}

#[test]
fn every_requirement_is_written_back_as_it_was() {
    for Code { place, signature, .. } in all_code() {
        let blob = signature.blob(Slot::Requirements).unwrap();
        assert_eq!(requirement::encode_set(signature.requirements.as_ref().unwrap()), blob, "{place}");
    }
}

#[test]
fn every_designated_requirement_holds_and_no_other_team_satisfies_it() {
    for Code { place, signature, info, .. } in all_code() {
        let cms = signature.cms.as_ref().unwrap();
        let signer = &cms.signers[0];
        let leaf = signer.certificate(&cms.certificates).unwrap();
        let token = Timestamp::parse(Bytes::new(signer.timestamp_token().unwrap())).unwrap();
        let chain = chain::build(leaf, &cms.certificates, &Trust::default(), token.at);
        let directory = signature.best_directory().unwrap();
        let info = plist::read(&info).unwrap().value;
        let facts = Facts {
            identifier: &directory.identifier,
            cdhashes: &[directory.cdhash()],
            info: info.as_dict(),
            entitlements: None,
            certificates: &chain.certificates,
            has_root: chain.has_root(),
            root: if chain.is_anchored() { Root::Apple } else { Root::Other },
            platform: directory.platform,
            notarized: None,
        };
        let requirement = signature.requirements.as_ref().unwrap().designated().unwrap();
        assert_eq!(requirement::evaluate(requirement, &facts), Answer::True, "{place}: {requirement}");
        let text = requirement.to_string();
        // codesign groups its own requirements to the right, and compiles texts to the left: the same text.
        assert_eq!(requirement::parse(&text).unwrap().to_string(), text, "{place}");
        let is = |text: &str| requirement::evaluate(&requirement::parse(text).unwrap(), &facts);
        assert_eq!(is(&text.replace("G43BCU2T37", "G43BCU2T38")), Answer::False, "{place}");
        assert_eq!(is(&text.replace("certificate 1[", "certificate root[")), Answer::False, "{place}");
        assert_eq!(is("anchor apple"), Answer::False, "{place}");
        assert_eq!(is("certificate root[subject.CN] = \"Apple Root CA\""), Answer::True, "{place}");
        assert_eq!(is("certificate 3[subject.CN] exists"), Answer::False, "{place}");
        assert_eq!(is("certificate leaf[subject.OU] absent"), Answer::False, "{place}");
    }
}

#[test]
fn every_package_is_signed_over_the_digest_of_its_table() {
    for (place, bytes) in archives() {
        let xar = Xar::read(&bytes).unwrap();
        let digest = xar.stored_digest(&bytes).unwrap().unwrap();
        let cms = xar.signatures.iter().find(|it| it.style == "CMS").unwrap().range;
        let cms = bytes.read(cms.offset, cms.len as usize).unwrap();
        let message = SignedData::parse(Bytes::new(&cms)).unwrap();
        let signer = &message.signers[0];
        let leaf = signer.certificate(&message.certificates).unwrap();
        assert_eq!(signer.verify(&digest, leaf), Ok(()), "{place}");
        let stamped = Timestamp::parse(Bytes::new(signer.timestamp_token().unwrap())).unwrap();
        assert!(
            stamped.verify(&signer.signature, &message.certificates, &Trust::default()).faults.is_empty(),
            "{place}"
        );
        let chain = chain::build(leaf, &message.certificates, &Trust::default(), stamped.at);
        assert!(
            chain.is_trusted() && leaf.has_extension(marker::DEVELOPER_ID_INSTALLER),
            "{place}: {chain:?}"
        );
    }
}

#[test]
fn every_profile_is_signed_by_apple() {
    for (package, files) in packages() {
        let profiles = files.iter().filter(|it| it.0.ends_with("/embedded.provisionprofile"));
        for (path, file) in profiles {
            let cms = SignedData::parse(Bytes::new(&file.bytes)).unwrap();
            let signer = &cms.signers[0];
            let leaf = signer.certificate(&cms.certificates).unwrap();
            assert_eq!(signer.verify(cms.content.as_ref().unwrap(), leaf), Ok(()), "{package}: {path}");
            let chain =
                chain::build(leaf, &cms.certificates, &Trust::default(), signer.signing_time().unwrap());
            assert!(chain.is_trusted(), "{package}: {path}: {chain:?}");
            assert!(leaf.has_extension(marker::PROFILE_SIGNING), "{package}: {path}");
        }
    }
}

#[test]
fn every_seal_fits_its_bundle_and_has_the_default_rules() {
    for (package, files) in packages() {
        let seals = files
            .iter()
            .filter_map(|(path, file)| Some((path.strip_suffix("/_CodeSignature/CodeResources")?, file)));
        for (folder, file) in seals {
            let is_flat = folder.ends_with(".dext");
            let seal = Seal::read(&file.bytes).unwrap();
            let written = plist::read(&file.bytes).unwrap().value;
            let expected = match is_flat {
                true => [defaults::FLAT_RULES, defaults::FLAT_RULES2],
                false => [defaults::RULES, defaults::RULES2],
            };
            for (key, rules) in ["rules", "rules2"].iter().zip(expected) {
                assert_eq!(
                    written.get(key),
                    Some(&Value::Dict(defaults::to_dict(rules))),
                    "{package}: {folder}"
                );
            }
            assert!(seal.current().rules.weaknesses(2, if is_flat { "" } else { "Resources/" }).is_empty());

            let inside = |path: &str| path.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
            let listing: Vec<Found> = files
                .iter()
                .filter(|it| !it.0.contains("/._"))
                .filter_map(|(path, file)| Some(Found { path: inside(path)?, kind: kind(file) }))
                .collect();
            let info = plist::read(&files[&format!("{folder}/Info.plist")].bytes).unwrap().value;
            let name = info.get("CFBundleExecutable").and_then(Value::as_str).unwrap();
            let executable = if is_flat { name.to_owned() } else { format!("MacOS/{name}") };
            let digest = |path: &str, hashes: &[HashType]| {
                let bytes = &files[&format!("{folder}/{path}")].bytes;
                Ok(hashes.iter().map(|it| it.digest(bytes)).collect())
            };
            let hashes = [HashType::Sha256];
            let outcome = evaluate(seal.current(), Some(&executable), &listing, &hashes, &digest).unwrap();
            assert!(outcome.differences.is_empty(), "{package}: {folder}: {:?}", outcome.differences);
            assert!(outcome.n_hashed > 0 && outcome.nested.is_empty(), "{package}: {folder}");
            // The old envelope holds as well, with its SHA-1.
            let v1 =
                evaluate(seal.v1.as_ref().unwrap(), Some(&executable), &listing, &[HashType::Sha1], &digest);
            assert!(v1.unwrap().differences.is_empty(), "{package}: {folder}");
            eprintln!("{package}: {folder}: {} files", outcome.n_hashed);
        }
    }
}

fn kind(file: &File) -> Kind {
    match file.mode & cpio::TYPE {
        cpio::FILE => Kind::File,
        cpio::FOLDER => Kind::Folder,
        cpio::SYMLINK => Kind::Symlink(String::from_utf8(file.bytes.clone()).unwrap()),
        _ => Kind::Other,
    }
}

#[test]
fn another_reader_of_certificates_agrees() {
    use der::{Decode, Encode};
    for Code { place, signature, .. } in all_code() {
        let cms = signature.cms.as_ref().unwrap();
        let token = Timestamp::parse(Bytes::new(cms.signers[0].timestamp_token().unwrap())).unwrap();
        for ours in cms.certificates.iter().chain(&token.message.certificates) {
            let theirs = x509_cert::Certificate::from_der(ours.as_der()).unwrap().tbs_certificate;
            assert_eq!(theirs.subject.to_der().unwrap(), ours.subject.as_der(), "{place}");
            assert_eq!(theirs.issuer.to_der().unwrap(), ours.issuer.as_der(), "{place}");
            assert_eq!(theirs.serial_number.as_bytes(), ours.serial, "{place}");
            let seconds = |it: x509_cert::time::Time| it.to_unix_duration().as_secs() as i64;
            let validity = (seconds(theirs.validity.not_before), seconds(theirs.validity.not_after));
            assert_eq!(validity, (ours.not_before.0, ours.not_after.0), "{place}");
            let extensions: Vec<_> = theirs.extensions.unwrap_or_default();
            let ids: Vec<_> = extensions.iter().map(|it| (it.extn_id.to_string(), it.critical)).collect();
            let our_ids = ours.extensions.iter().map(|it| (it.oid.clone(), it.is_critical));
            assert_eq!(ids, our_ids.collect::<Vec<_>>(), "{place}");
        }
    }
}
