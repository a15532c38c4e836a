//! Tickets and profiles of shipped software: genuine, and refused once a byte differs.

use std::path::Path;

use formats::{
    container::trailer,
    document::{Ticket, ticket},
    signature::chain::Trust,
};

/// The ticket stapled to that package, when the corpus is at hand.
fn real(name: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("XTASK_CORPUS") else {
        std::io::Write::write_all(
            &mut std::io::stderr(),
            b"not run: XTASK_CORPUS names no folder with shipped packages\n",
        )
        .unwrap();
        return None;
    };
    let package = std::fs::read(Path::new(&folder).join(name)).unwrap();
    let stapled = trailer::read(&package).unwrap().expect("this package is stapled");
    Some(package[stapled.ticket.offset as usize..][..stapled.ticket.len as usize].to_vec())
}

const PACKAGES: [&str; 2] =
    ["Karabiner-DriverKit-VirtualHIDDevice-2.0.0.pkg", "Karabiner-DriverKit-VirtualHIDDevice-7.3.0.pkg"];

#[test]
fn a_shipped_ticket_is_genuine() {
    for name in PACKAGES {
        let Some(data) = real(name) else { return };
        let ticket = Ticket::read(&data).unwrap();
        let verified = ticket.verify(&Trust::default());
        assert!(verified.is_genuine(), "{name}: {verified:?}");
        assert!(ticket.entries.iter().any(|(kind, _)| *kind == 1) && ticket.entries.len() > 4);
    }
}

#[test]
fn a_shipped_ticket_with_one_byte_changed_is_refused() {
    let Some(data) = real(PACKAGES[1]) else { return };
    for at in (0..data.len()).step_by(7) {
        let mut changed = data.clone();
        changed[at] ^= 0x10;
        let is_genuine = Ticket::read(&changed).is_ok_and(|it| it.verify(&Trust::default()).is_genuine());
        assert!(!is_genuine, "byte {at}");
    }
}

#[test]
fn a_ticket_written_again_has_the_same_layout_and_no_valid_signature() {
    let Some(data) = real(PACKAGES[1]) else { return };
    let original = Ticket::read(&data).unwrap();
    let certificates: Vec<Vec<u8>> = original.certificates.iter().map(|it| it.as_der().to_vec()).collect();
    let written =
        ticket::write::<formats::Error>(&certificates, original.time, &original.entries, |signed| {
            assert_eq!(signed.len(), data.len() - 72);
            Ok(vec![0x30, 6, 2, 1, 1, 2, 1, 1])
        });
    let written = written.unwrap();
    assert_eq!(written.len(), data.len());
    let read = Ticket::read(&written).unwrap();
    assert_eq!(read.entries, original.entries);
    assert!(!read.verify(&Trust::default()).is_genuine());
}
