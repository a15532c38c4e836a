//! Packages, archives and tickets: what encloses the code.

use std::fs;

use formats::container::{trailer, xar::Xar, zip_write::Writer};

use crate::{
    Row,
    identity::Leaf,
    image::{find, replace},
    lab::{Lab, text},
    packing, row,
};

const TICKET: &str = "Contents/CodeResources";

pub const ROWS: &[Row] = &[
    row("the app's ticket taken off", "(ticket-present)", |lab| lab.remove(TICKET)),
    row("a byte of the app's ticket", "ticket-genuine", |lab| {
        lab.bytes(TICKET, |it| {
            let last = it.len() - 1;
            it[last] ^= 1;
        });
    }),
    row("a ticket that is none", "ticket-genuine", |lab| lab.write(TICKET, "nothing")),
    row("a ticket cut short", "ticket-genuine", |lab| lab.bytes(TICKET, |it| it.truncate(20))),
    row("the ticket of other code", "ticket-covers", |lab| {
        let ticket = fs::read(lab.path(TICKET)).unwrap();
        lab.signed_again(|it| it.host_info(|it| it.set("CFBundleGetInfoString", "another release")));
        lab.write(TICKET, ticket);
    }),
    row("the zip as it is", "", |lab| drop(lab.package("zip"))),
    row("a zip cut short", "readable-files", |lab| {
        lab.package("zip");
        lab.file(|it| it.truncate(it.len() - 30));
    }),
    row("a byte of the host app's executable in the zip", "executable-present readable-files", |lab| {
        lab.package("zip");
        lab.file(|it| {
            let name = find(it, b"Contents/MacOS/USB Driver Host");
            it[name + 300] ^= 0x10;
        });
    }),
    row("a zip that writes outside its folder", "readable-files", |lab| {
        lab.package("zip");
        zip(lab, &[("xx/", ""), ("xx/outside.txt", "a")]);
        lab.file(|it| replace_all(it, b"xx/", b"../"));
    }),
    row("a zip with one name twice", "readable-files", |lab| {
        lab.package("zip");
        zip(lab, &[("a.txt", "a"), ("b.txt", "b")]);
        lab.file(|it| replace_all(it, b"b.txt", b"a.txt"));
    }),
    row("a zip of nothing that is code", "notary-contents expected-bundles", |lab| {
        lab.package("zip");
        zip(lab, &[("a.txt", "a")]);
    }),
    row("the pkg as it is", "", |lab| drop(lab.package("pkg"))),
    row("the pkg's ticket taken off", "(ticket-present)", |lab| {
        lab.package("pkg");
        lab.file(|it| it.truncate(end_of_archive(it)));
    }),
    row("a byte of the pkg's ticket", "ticket-genuine", |lab| {
        lab.package("pkg");
        lab.file(|it| {
            let ticket = trailer::read(&it.clone()).unwrap().expect("a ticket").ticket;
            let last = usize::try_from(ticket.end()).unwrap() - 1;
            it[last] ^= 1;
        });
    }),
    row("a byte of the pkg's table of contents", "readable-files", |lab| {
        lab.package("pkg");
        lab.file(|it| it[60] ^= 1);
    }),
    row("a byte of the digest of the pkg's table of contents", "container-signature ticket-covers", |lab| {
        lab.package("pkg");
        // The heap, which begins with it, follows the header of 28 bytes and the packed table.
        lab.file(|it| {
            let packed = u64::from_be_bytes(it[8..16].try_into().unwrap());
            it[28 + usize::try_from(packed).unwrap()] ^= 1;
        });
    }),
    row("a pkg whose payload is no archive", "container-signature readable-files", |lab| {
        lab.package("pkg");
        lab.file(|it| {
            let payload = find(it, b"\x1f\x8b\x08");
            it[payload] ^= 1;
        });
    }),
    row("the ticket of the app on the pkg", "ticket-covers", |lab| {
        let ticket = fs::read(lab.path(TICKET)).unwrap();
        lab.package("pkg");
        lab.file(|it| {
            it.truncate(end_of_archive(it));
            it.extend(trailer::write(&ticket).unwrap());
        });
    }),
    row("a pkg that is no archive", "readable-files", |lab| {
        lab.package("pkg");
        lab.file(|it| it[0] = b'y');
    }),
    row("a pkg cut in its payload", "readable-files", |lab| {
        lab.package("pkg");
        lab.file(|it| it.truncate(end_of_archive(it) - 5000));
    }),
    row("a package signed by another team", "(container-team) (ticket-present)", |lab| {
        packing::pkg(lab, |it| {
            it.leaf = Some(Leaf { team: Some("OTHERTEAM1"), ..Leaf::installer() });
        });
    }),
    row("a package that installs elsewhere", "install-location (ticket-present)", |lab| {
        packing::pkg(lab, |it| it.location = "/Library/Drivers");
    }),
    row("a package signed as an app is", "(container-signature) (ticket-present)", |lab| {
        packing::pkg(lab, |it| it.leaf = Some(Leaf::good()));
    }),
    row("a zip with two names that differ in case alone", "archive-members", |lab| {
        packing::zip(lab, |it| {
            it.member("notes.txt", 0o100_644, b"a");
            it.member("Notes.txt", 0o100_644, b"a");
        });
    }),
    row("a zip with a link that leads out", "archive-members", |lab| {
        packing::zip(lab, |it| it.member("home", 0o120_755, b"../../etc"));
    }),
    row("a sealed text changed in the app", "special-slots", |lab| {
        let seal = text(&lab.path("Contents/_CodeSignature/CodeResources"));
        assert!(seal.contains("<plist"));
        lab.bytes("Contents/_CodeSignature/CodeResources", |it| {
            let at = find(it, b"?>");
            it.insert(at + 2, b' ');
        });
    }),
];

/// Replaces what is judged by a zip of these members.
fn zip(lab: &Lab, members: &[(&str, &str)]) {
    let mut writer = Writer::new(std::io::Cursor::new(Vec::new()), crate::lab::EPOCH).unwrap();
    for (name, text) in members {
        match name.strip_suffix('/') {
            Some(folder) => writer.folder(folder, 0o755).unwrap(),
            None => writer.file(name, 0o644, text.len() as u64, text.as_bytes()).unwrap(),
        }
    }
    fs::write(&lab.subject, writer.finish().unwrap().into_inner()).unwrap();
}

fn replace_all(bytes: &mut [u8], what: &[u8], by: &[u8]) {
    while bytes.windows(what.len()).any(|it| it == what) {
        replace(bytes, what, by);
    }
}

/// Where a stapled ticket would begin.
fn end_of_archive(bytes: &[u8]) -> usize {
    usize::try_from(Xar::read(&bytes.to_vec()).unwrap().end).unwrap()
}
