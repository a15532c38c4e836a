//! Bytes of finished executables, changed as they lie: what a bad download, a late `strip` or an attacker does.

use formats::image::MachO;

use crate::{
    Row,
    image::{each, find, slices},
    lab::{DRIVER, HOST, Lab},
    row,
};

pub const ROWS: &[Row] = &[
    row("nothing", "", |_| ()),
    row("a byte of the host app's Intel code", "page-hashes", |lab| code(lab, HOST, 0)),
    row("a byte of the host app's Apple silicon code", "page-hashes", |lab| code(lab, HOST, 1)),
    row("a byte of the driver's Intel code", "page-hashes sealed-files", |lab| code(lab, DRIVER, 0)),
    row("a byte of the driver's Apple silicon code", "page-hashes sealed-files", |lab| code(lab, DRIVER, 1)),
    row("a byte after the host app's last slice", "fat-layout", |lab| lab.bytes(HOST, |it| it.push(0))),
    row("a byte after the driver's last slice", "fat-layout sealed-files", |lab| {
        lab.bytes(DRIVER, |it| it.push(0));
    }),
    row("a byte between the slices", "fat-layout", |lab| {
        lab.bytes(HOST, |it| {
            let end = slices(it)[0].0;
            it[end - 1] = 1;
        });
    }),
    row(
        "a slice that the table calls by another name",
        "expected-architectures (nested-architectures) readable-code",
        |lab| {
            lab.bytes(HOST, |it| it[31] = 1);
        },
    ),
    row("an empty driver", "executable-present sealed-files", |lab| lab.write(DRIVER, "")),
    row("a hash of a page", "cms-signature hash-agility page-hashes ticket-covers", |lab| {
        signed(lab, |blob| {
            let at = find(blob, b"\xfa\xde\x0c\x02");
            let length = u32::from_be_bytes(blob[at + 4..at + 8].try_into().unwrap()) as usize;
            blob[at + length - 1] ^= 1;
        });
    }),
    row("a byte of the requirement", "special-slots requirement-satisfied", |lab| {
        signed(lab, |blob| {
            let at = find(blob, b"\xfa\xde\x0c\x00") + find_from(blob, b"\xfa\xde\x0c\x00", b"com.example");
            blob[at] = b'd';
        });
    }),
    row("a requirement that no longer decodes", "special-slots requirement-readable", |lab| {
        signed(lab, |blob| {
            let at = find(blob, b"\xfa\xde\x0c\x00");
            blob[at + 12..at + 16].copy_from_slice(&0xffu32.to_be_bytes());
        });
    }),
    row(
        "a byte of the claims in XML",
        "entitlements-agree special-slots entitlements-granted activation-entitlement",
        |lab| {
            signed(lab, |blob| {
                let at = find(blob, b"system-extension.install");
                blob[at] = b'S';
            });
        },
    ),
    row("a byte of the claims in DER", "entitlements-agree special-slots", |lab| {
        signed(lab, |blob| {
            let der = find(blob, b"\xfa\xde\x71\x72");
            let at = der + find(&blob[der..], b"system-extension.install");
            blob[at] = b'S';
        });
    }),
    row("bytes in the zeros after the signature", "(signature-structure)", |lab| {
        signed(lab, |blob| {
            let last = blob.len() - 1;
            blob[last] = 1;
        });
    }),
    row("no signature where the command points", "code-signed", |lab| signed(lab, |blob| blob.fill(0))),
    row("a super blob of another kind", "signature-structure", |lab| signed(lab, |blob| blob[3] = 0xc1)),
    row("a blob that lies outside", "signature-structure", |lab| {
        signed(lab, |blob| blob[16..20].copy_from_slice(&0x00ff_ffff_u32.to_be_bytes()));
    }),
    row("a CMS that is none", "cms-readable requirement-satisfied", |lab| {
        signed(lab, |blob| {
            let at = find(blob, b"\xfa\xde\x0b\x01");
            blob[at + 8] = 0;
        });
    }),
    row("a header flag of the host app", "page-hashes", |lab| {
        each(lab, HOST, |image| image[26] &= !0x20);
    }),
    row("a later entry of the driver's UUID", "page-hashes sealed-files", |lab| {
        each(lab, DRIVER, |image| {
            let at = crate::image::command(image, 0x1b);
            image[at + 8] ^= 1;
        });
    }),
];

/// Flips a bit in the middle of a slice's code.
fn code(lab: &Lab, file: &str, slice: usize) {
    lab.bytes(file, |bytes| {
        let (start, end) = slices(bytes)[slice];
        let image = MachO::read(&bytes[start..end].to_vec()).unwrap();
        let text = image.section("__TEXT", "__text").expect("code");
        bytes[start + text.offset as usize + 4] ^= 1;
    });
}

/// Changes the signature of each slice of the host app, the zeros after it included.
fn signed(lab: &Lab, change: impl Fn(&mut [u8])) {
    each(lab, HOST, |image| {
        let range = MachO::read(&image.to_vec()).unwrap().code_signature().expect("a signature");
        let (start, end) = (usize::try_from(range.offset).unwrap(), usize::try_from(range.end()).unwrap());
        change(&mut image[start..end]);
    });
}

/// Where `what` lies after the first `mark`, counted from there.
fn find_from(bytes: &[u8], mark: &[u8], what: &[u8]) -> usize {
    find(&bytes[find(bytes, mark)..], what)
}
