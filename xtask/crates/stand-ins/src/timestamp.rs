//! Timestamps: whether one is wanted, and a server on this machine to ask. Apple's is never asked by a stand-in.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use signer::{Error, Result, identity::Identity, timestamp::Request};

use crate::synopsis::Words;

/// What codesign says when no server answers.
const SILENCE: &str = "The timestamp service is not available.";

/// codesign(1): "if this option is not specified at all, the default is to use Apple's server for Developer ID"; `none` turns it off.
pub(crate) fn is_wanted(words: &Words, identity: &Identity) -> bool {
    identity.signer().is_some() && words.value("--timestamp") != Some("none")
}

/// A token over `signature` from the server that `--timestamp=URL` names.
pub(crate) fn over(signature: &[u8], words: &Words) -> Result<Vec<u8>> {
    let address = words.value("--timestamp").and_then(|it| it.strip_prefix("http://"));
    let address = address.map(|it| it.trim_end_matches('/')).filter(|it| it.starts_with("127.0.0.1:"));
    let request = Request::over(signature);
    let answer =
        post(address.ok_or_else(|| Error::new(SILENCE))?, &request.der).map_err(|_| Error::new(SILENCE))?;
    request.token(&answer)
}

/// One request of RFC 3161 over HTTP; the server closes the connection after its answer.
fn post(address: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/timestamp-query\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n");
    match (answer.starts_with(b"HTTP/1.1 200"), end.and_then(|it| answer.get(it + 4..))) {
        (true, Some(body)) => Ok(body.to_vec()),
        _ => Err(std::io::Error::other("no answer")),
    }
}
