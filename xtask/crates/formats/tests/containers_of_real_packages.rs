//! Containers as shipped: the packages in `XTASK_CORPUS`, when they are at hand.

use std::{fs, path::PathBuf};

use formats::container::{
    bom,
    bounded::Limit,
    cpio,
    koly::Koly,
    trailer,
    xar::{Encoding, Style, Xar},
};
use sha2::{Digest, Sha256};

/// The files of the corpus with this extension.
fn corpus(extension: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let Some(folder) = std::env::var_os("XTASK_CORPUS") else {
        std::io::Write::write_all(&mut std::io::stderr(), b"not run: XTASK_CORPUS is not set\n").unwrap();
        return Vec::new();
    };
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|it| it.extension().is_some_and(|it| it == extension)).collect();
    paths.sort();
    assert!(!paths.is_empty(), "the corpus has no {extension}");
    paths.into_iter().map(|it| (it.clone(), fs::read(it).unwrap())).collect()
}

#[test]
fn the_table_of_contents_of_every_package_has_the_digest_it_states() {
    for (path, file) in corpus("pkg") {
        let xar = Xar::read(&file).unwrap();
        assert_eq!(xar.style, Some(Style::Sha1), "{path:?}");
        assert_eq!(xar.computed_digest(&file).unwrap(), xar.stored_digest(&file).unwrap(), "{path:?}");
        let styles: Vec<_> =
            xar.signatures.iter().map(|it| (it.style.as_str(), it.certificates.len())).collect();
        assert_eq!(styles, [("RSA", 3), ("CMS", 3)], "{path:?}");
        assert!(xar.members.iter().any(|it| it.path == "Payload"), "{path:?}");
    }
}

#[test]
fn every_member_of_every_package_has_the_digests_it_states() {
    for (path, file) in corpus("pkg") {
        for member in Xar::read(&file).unwrap().members {
            let data = member.data.unwrap();
            let archived = data.archived.as_ref().unwrap();
            let packed =
                formats::container::bounded::SourceReader::new(&file, data.range.offset, data.range.end());
            assert_eq!(archived.style.digest(packed).unwrap(), archived.digest, "{path:?} {}", member.path);
            let extracted = data.extracted.as_ref().unwrap();
            let unpacked = data.open(&file, Limit::PAYLOAD).unwrap();
            assert_eq!(
                extracted.style.digest(unpacked).unwrap(),
                extracted.digest,
                "{path:?} {}",
                member.path
            );
            assert!(matches!(data.encoding, Encoding::Stored | Encoding::Zlib));
        }
    }
}

#[test]
fn the_stapled_ticket_of_every_package_starts_right_behind_the_archive() {
    for (path, file) in corpus("pkg") {
        let (xar, stapled) = (Xar::read(&file).unwrap(), trailer::read(&file).unwrap().unwrap());
        assert_eq!(stapled.terminator, xar.end, "{path:?}");
        let ticket = &file[stapled.ticket.offset as usize..stapled.ticket.end() as usize];
        assert!(ticket.starts_with(b"s8ch"), "{path:?}");
        let again = [&file[..xar.end as usize], &trailer::write(ticket).unwrap()].concat();
        assert!(again == file, "{path:?}: stapled again, it is another file");
    }
}

#[test]
fn every_payload_is_a_cpio_with_a_dext() {
    for (path, file) in corpus("pkg") {
        let xar = Xar::read(&file).unwrap();
        let payload = xar.member("Payload").and_then(|it| it.data.clone()).unwrap();
        let packed = payload.open(&file, Limit::PAYLOAD).unwrap();
        let mut cpio = cpio::Reader::new(flate2::read::MultiGzDecoder::new(packed));
        let mut has_dext = false;
        while let Some(member) = cpio.next().unwrap() {
            assert!(member.has_dot, "{path:?} {}", member.path);
            has_dext |= member.path.ends_with(".dext/Info.plist");
        }
        assert!(has_dext, "{path:?}");
    }
}

#[test]
fn the_ticket_of_an_unsigned_disk_image_lists_its_adhoc_code_directory() {
    for (path, file) in corpus("dmg") {
        let koly = Koly::read(&file).unwrap().unwrap();
        let blob = koly.signature.unwrap();
        let blob = &file[blob.offset as usize..blob.end() as usize];
        let hash = Sha256::digest(koly.adhoc_code_directory(&file).unwrap());
        assert!(blob.windows(20).any(|it| it == &hash[..20]), "{path:?}");
    }
}

#[test]
fn the_bill_of_materials_lists_the_payload_with_its_checksums() {
    for (path, file) in corpus("pkg") {
        let xar = Xar::read(&file).unwrap();
        let data = |name: &str| xar.member(name).and_then(|it| it.data.clone()).unwrap();
        let listed = bom::read(&data("Bom").document(&file).unwrap()).unwrap();
        let packed = data("Payload").open(&file, Limit::PAYLOAD).unwrap();
        let mut cpio = cpio::Reader::new(flate2::read::MultiGzDecoder::new(packed));
        while let Some(member) = cpio.next().unwrap() {
            let mut sum = bom::Checksum::default();
            sum.update(&cpio.document(64 << 20).unwrap());
            let entry = listed.iter().find(|it| it.path == member.path).unwrap();
            assert_eq!(u32::from(entry.mode), member.mode, "{path:?} {}", member.path);
            // AppleDouble files are listed with length 0: they become attributes.
            let is_companion = member.path.rsplit('/').next().is_some_and(|it| it.starts_with("._"));
            if let bom::Kind::File(size, checksum) = entry.kind
                && !is_companion
            {
                assert_eq!(
                    (u64::from(size), checksum),
                    (member.size, sum.finish()),
                    "{path:?} {}",
                    member.path
                );
            }
        }
        let again = bom::read(&bom::write(&listed).unwrap()).unwrap();
        assert_eq!(again.len(), listed.len(), "{path:?}");
    }
}
