//! Where the timestamps of signatures come from: nowhere, a rehearsal's own authority, or servers.

use std::{thread, time::Duration};

use signer::timestamp::{Request, Servers};

use crate::{config::Signing, rehearsal::Rehearsal};

/// Where timestamps come from.
#[derive(Debug)]
pub enum Stamper<'a> {
    /// No timestamps.
    None,
    /// The rehearsal's own authority.
    Rehearsal(&'a Rehearsal),
    /// Servers, tried in order.
    Servers(Vec<String>),
}

impl<'a> Stamper<'a> {
    /// As the signing file says.
    pub fn of(signing: &Signing, rehearsal: Option<&'a Rehearsal>) -> Self {
        match (rehearsal, signing.timestamp.as_slice()) {
            (Some(rehearsal), _) => Self::Rehearsal(rehearsal),
            (None, []) => Self::None,
            (None, servers) => Self::Servers(servers.to_vec()),
        }
    }

    /// Whether signatures get a timestamp.
    pub fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// A timestamp over `signature`.
    pub fn stamp(&self, signature: &[u8]) -> signer::Result<Vec<u8>> {
        match self {
            Self::None => Err(signer::Error::new("no timestamp server")),
            Self::Rehearsal(rehearsal) => {
                let request = Request::over(signature);
                request.token(&rehearsal.authority().timestamp(&request.der)?)
            }
            Self::Servers(addresses) => {
                // Half a second, two seconds: long enough for a hiccup, short enough for two servers in a row.
                let pause = |attempt: u32| {
                    thread::sleep(Duration::from_millis(500 * 4u64.pow(attempt.min(4).saturating_sub(1))))
                };
                Servers { addresses, tries: 3, post: &post, pause: &pause }.stamp(signature)
            }
        }
    }
}

/// One request to a timestamp server.
fn post(address: &str, request: &[u8]) -> signer::Result<Vec<u8>> {
    let failed = |it: ureq::Error| signer::Error::new(it.to_string());
    let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(30))).build();
    let answer = ureq::Agent::from(agent)
        .post(address)
        .header("Content-Type", "application/timestamp-query")
        .send(request)
        .map_err(failed)?;
    answer.into_body().read_to_vec().map_err(failed)
}
