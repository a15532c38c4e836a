//! Timestamps for codesign, which asks a server: those of the signing file, or the rehearsal's own authority on this machine.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use signer::identity::Signer;

use super::Timestamp;
use crate::{
    error::{Doing, Result},
    stage::sign::Stamper,
    terminal,
};

/// A request has one digest in it; anything longer is none.
const MAX_REQUEST: usize = 64 << 10;

/// Whoever connects on this machine answers within a blink.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers for the length of one signing.
pub(super) struct Clock {
    address: Option<String>,
}

impl Clock {
    /// A server for a rehearsal; nothing for anything else.
    pub(super) fn start(stamper: &Stamper) -> Result<Self> {
        let Stamper::Rehearsal(rehearsal) = stamper else { return Ok(Self { address: None }) };
        let cannot = || "cannot serve the rehearsal's timestamps";
        let listener = TcpListener::bind("127.0.0.1:0").doing(cannot)?;
        let address = format!("http://{}/", listener.local_addr().doing(cannot)?);
        let authority = rehearsal.shared_authority();
        // It ends with the process: a thread that waits for a connection holds nothing else.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = |request: &[u8]| authority.timestamp(request).map_err(|it| it.to_string());
                if let Err(error) = serve(stream, answer) {
                    terminal::warn(format_args!("a request for a timestamp was not answered: {error}"));
                }
            }
        });
        Ok(Self { address: Some(address) })
    }

    /// What codesign is told, one after the other.
    pub(super) fn timestamps(&self, stamper: &Stamper, who: Option<&Signer>) -> Vec<Timestamp> {
        match (who, stamper, &self.address) {
            (None, _, _) => vec![Timestamp::Absent],
            (Some(_), Stamper::Rehearsal(_), Some(address)) => vec![Timestamp::Server(address.clone())],
            (Some(_), Stamper::Servers(addresses), _) => {
                addresses.iter().cloned().map(Timestamp::Server).collect()
            }
            (Some(_), Stamper::None | Stamper::Rehearsal(_), _) => vec![Timestamp::None],
        }
    }
}

/// Before the next try: 1, 2, 4 seconds.
pub(super) fn pause(round: u32) -> Duration {
    Duration::from_secs(1 << round.saturating_sub(1).min(4))
}

/// One request of RFC 3161 over HTTP (section 3.4).
fn serve(mut stream: TcpStream, answer: impl Fn(&[u8]) -> Result<Vec<u8>, String>) -> Result<(), String> {
    let failed = |it: std::io::Error| it.to_string();
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let mut reader = BufReader::new(stream.try_clone().map_err(failed)?.take(MAX_REQUEST as u64));
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).map_err(failed)? == 0 || line.trim().is_empty() {
            break;
        }
        let header = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        if let Some((_, value)) = header {
            length = value.trim().parse::<usize>().map_err(|it| it.to_string())?;
        }
    }
    if length > MAX_REQUEST {
        return Err(format!("a request of {length} bytes"));
    }
    let mut request = vec![0; length];
    reader.read_exact(&mut request).map_err(failed)?;
    let body = answer(&request)?;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_answered_over_http() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            serve(stream, |request| Ok([request, b" stamped"].concat()))
        });
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nabc stamped"),
            "{answer}"
        );
        server.join().unwrap().unwrap();
    }

    #[test]
    fn pauses_grow() {
        assert_eq!([1, 2, 3].map(pause), [1, 2, 4].map(Duration::from_secs));
    }
}
