//! Timestamps over HTTP: the second server is asked when the first fails, and without any nothing is written.

use std::sync::Arc;

use formats::{
    image::{MachO, Slices},
    signature::Signature,
};
use signer::{authority::Role, timestamp::Request};
use xtask::rehearsal::Rehearsal;

use super::{
    Desk, SEED,
    common::serve::{Answer, Server},
    kept_keys,
};

/// How a server fails, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Stamps,
    Refuses,
    Garbage,
    OtherImprint,
    OtherNonce,
}

fn authority(desk: &Desk) -> Arc<Rehearsal> {
    assert_eq!(std::fs::read(desk.path("seed")).unwrap(), SEED);
    let kept = xtask::workspace::Workspace::at(kept_keys(&desk.path("seed")));
    Arc::new(Rehearsal::open(&kept, Some(&desk.path("seed")), "REHEARSE01").unwrap())
}

fn server(behaviour: Behaviour, rehearsal: &Arc<Rehearsal>) -> Server {
    let rehearsal = rehearsal.clone();
    Server::start(move |_, request| {
        let stamp = |request: &[u8]| Answer::Body(200, rehearsal.authority().timestamp(request).unwrap());
        match behaviour {
            Behaviour::Stamps => stamp(request),
            Behaviour::Refuses => Answer::Body(500, b"out of order".to_vec()),
            Behaviour::Garbage => Answer::Body(200, b"<html>hotel network</html>".to_vec()),
            Behaviour::OtherImprint => stamp(&Request::over(b"another signature").der),
            Behaviour::OtherNonce => {
                let mut other = request.to_vec();
                // It ends with the nonce and the wish for certificates, a boolean of three bytes.
                let last = other.len() - 4;
                other[last] ^= 1;
                stamp(&other)
            }
        }
    })
}

/// Whether the signed executable carries a timestamp.
fn is_stamped(desk: &Desk) -> bool {
    let bytes = std::fs::read(desk.path("out/Host.app/Contents/MacOS/Host")).unwrap();
    let slice = Slices::read(&bytes).unwrap().unwrap().slices[0];
    let window = slice.window(&bytes).unwrap();
    let range = MachO::read(&window).unwrap().code_signature().unwrap();
    let found = Signature::read(&window, range.offset, range.size).unwrap();
    found.cms.unwrap().signers[0].timestamp_token().is_some()
}

#[test]
fn the_second_server_is_asked_whatever_is_wrong_with_the_first() {
    let Some(desk) = Desk::new("") else { return };
    let rehearsal = authority(&desk);
    // A network fault may pass, so it is tried again; a wrong answer does not become right.
    for (behaviour, asked) in [
        (Behaviour::Refuses, 3),
        (Behaviour::Garbage, 1),
        (Behaviour::OtherImprint, 1),
        (Behaviour::OtherNonce, 1),
    ] {
        let (first, second) = (server(behaviour, &rehearsal), server(Behaviour::Stamps, &rehearsal));
        let servers = [first.address().to_owned(), second.address().to_owned()];
        desk.certified(Role::DeveloperIdApplication, Role::DeveloperIdApplication, &servers);
        desk.sign().unwrap();
        assert_eq!((first.asked(), second.asked()), (asked, 1), "{behaviour:?}");
        assert!(is_stamped(&desk), "{behaviour:?}");
    }
    let second = server(Behaviour::Stamps, &rehearsal);
    desk.certified(
        Role::DeveloperIdApplication,
        Role::DeveloperIdApplication,
        &[Server::refusing(), second.address().to_owned()],
    );
    desk.sign().unwrap();
    assert!(is_stamped(&desk));
}

#[test]
fn without_any_timestamp_nothing_is_written_and_each_server_is_named() {
    let Some(desk) = Desk::new("") else { return };
    let rehearsal = authority(&desk);
    let bad = server(Behaviour::OtherNonce, &rehearsal);
    let nobody = Server::refusing();
    desk.certified(
        Role::DeveloperIdApplication,
        Role::DeveloperIdApplication,
        &[nobody.clone(), bad.address().to_owned()],
    );
    desk.refused(&format!("no timestamp: `{nobody}`: "));
    desk.refused(&format!("`{}`: the timestamp answers another request", bad.address()));
    let good = server(Behaviour::Stamps, &rehearsal);
    desk.certified(Role::DeveloperIdApplication, Role::DeveloperIdApplication, &[good.address().to_owned()]);
    desk.sign().unwrap();
    assert_eq!(good.asked(), 1);
}
