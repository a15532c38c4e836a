//! The client side of RFC 3161: a request over a signature, and the token out of the answer.
//!
//! Sending is the caller's: `post` gets an address and the request, and returns the body of the answer.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::{
    Error, Result,
    asn1::{
        oid,
        read::Element,
        write::{algorithm, boolean, integer, number, octets, sequence},
    },
};

/// How a request is sent: address and `application/timestamp-query` body in, `application/timestamp-reply` body out.
pub type Post<'a> = &'a (dyn Fn(&str, &[u8]) -> Result<Vec<u8>> + Sync);

/// Where timestamps come from.
#[derive(Clone, Copy)]
pub struct Servers<'a> {
    /// Addresses, the first is preferred.
    pub addresses: &'a [String],
    /// How often each is asked before the next; one that answers wrongly only once.
    pub tries: u32,
    /// Sends a request.
    pub post: Post<'a>,
    /// Waits before try `n` (from 1).
    pub pause: &'a (dyn Fn(u32) + Sync),
}

impl fmt::Debug for Servers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servers")
            .field("addresses", &self.addresses)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

impl Servers<'_> {
    /// A token over `signature`; when no server gives one, the error says what each of them answered.
    pub fn stamp(&self, signature: &[u8]) -> Result<Vec<u8>> {
        let request = Request::over(signature);
        let mut answers = Vec::new();
        for address in self.addresses {
            for attempt in 0..self.tries {
                if attempt > 0 {
                    (self.pause)(attempt);
                }
                match (self.post)(address, &request.der) {
                    Err(error) => answers.push(format!("`{address}`: {}", error.what)),
                    Ok(answer) => match request.token(&answer) {
                        Ok(token) => return Ok(token),
                        // A network fault may pass; a wrong answer does not become right.
                        Err(error) => {
                            answers.push(format!("`{address}`: {}", error.what));
                            break;
                        }
                    },
                }
            }
        }
        answers.dedup();
        let what = format!("no timestamp: {}", answers.join("; "));
        Err(Error::new(what).hint("check the network, or name another server in `timestamp`"))
    }
}

/// A request for a timestamp.
#[derive(Debug)]
pub struct Request {
    /// `TimeStampReq` as DER.
    pub der: Vec<u8>,
    imprint: Vec<u8>,
    nonce: Vec<u8>,
}

impl Request {
    /// Asks for a stamp over the SHA-256 of `signature`, with the certificates inside.
    ///
    /// The nonce derives from the signature: one request, one answer, and no randomness in a reproducible run.
    pub fn over(signature: &[u8]) -> Self {
        let digest = Sha256::digest(signature);
        let imprint = sequence([algorithm(oid::SHA256), octets(&digest)]);
        let nonce_digest = Sha256::new().chain_update("nonce").chain_update(digest).finalize();
        let nonce = integer(nonce_digest.get(..8).unwrap_or(&nonce_digest));
        let der = sequence([number(1), imprint.clone(), nonce.clone(), boolean(true)]);
        Self { der, imprint, nonce }
    }

    /// The token in `answer`, if it answers this request.
    pub fn token(&self, answer: &[u8]) -> Result<Vec<u8>> {
        let answer = Element::read(answer, "the answer of the timestamp server")?;
        let status = answer.child(0, "its status")?;
        // 0 granted, 1 granted with modifications; everything else is a refusal (RFC 3161, 2.4.2).
        let code = status.child(0, "its status")?.number("its status")?;
        if code > 1 {
            let texts = status.children.get(1).map(|it| String::from_utf8_lossy(&it.octets()).into_owned());
            return Err(Error::new(
                format!("refused with status {code} {}", texts.unwrap_or_default()).trim_end().to_owned(),
            ));
        }
        let token = answer.child(1, "the timestamp")?;
        let stamped = token_content(token)?;
        let stamped = Element::read(&stamped, "the timestamp")?;
        if stamped.child(2, "what was stamped")?.der() != self.imprint {
            return Err(Error::new("the timestamp is for something else"));
        }
        if !stamped.children.iter().any(|it| it.der() == self.nonce) {
            return Err(Error::new("the timestamp answers another request"));
        }
        Ok(token.der())
    }
}

/// `TSTInfo` inside a token: ContentInfo → SignedData → EncapsulatedContentInfo → octets.
fn token_content(token: &Element) -> Result<Vec<u8>> {
    let signed_data = token.child(1, "signed data")?.child(0, "signed data")?;
    let content = signed_data.child(2, "the stamped content")?;
    if content.child(0, "the content type")?.oid("the content type")?.to_string() != oid::TST_INFO {
        return Err(Error::new("the answer holds no timestamp"));
    }
    Ok(content.child(1, "the stamped content")?.child(0, "the stamped content")?.octets())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::Authority;
    use zeroize::Zeroizing;

    fn authority() -> Authority {
        Authority::new(Zeroizing::new([7; 32]), 1_750_000_000, "REHEARSE01").unwrap()
    }

    #[test]
    fn a_token_answers_the_request_it_was_asked_for() {
        let authority = authority();
        let request = Request::over(b"signature");
        let answer = authority.timestamp(&request.der).unwrap();
        assert!(request.token(&answer).is_ok());
        let other = Request::over(b"another").token(&answer).unwrap_err();
        assert_eq!(other.what, "the timestamp is for something else");
    }

    #[test]
    fn a_refusal_is_passed_on() {
        let refused = sequence([sequence([number(2), sequence([crate::asn1::write::utf8("closed today")])])]);
        let error = Request::over(b"signature").token(&refused).unwrap_err();
        assert_eq!(error.what, "refused with status 2 closed today");
    }

    #[test]
    fn the_second_server_is_asked_when_the_first_is_silent() {
        let authority = authority();
        let addresses = ["http://down".to_owned(), "http://up".to_owned()];
        let post = |address: &str, request: &[u8]| match address {
            "http://up" => authority.timestamp(request),
            _ => Err(Error::new("no route")),
        };
        let servers = Servers { addresses: &addresses, tries: 2, post: &post, pause: &|_| () };
        assert!(servers.stamp(b"signature").is_ok());
        let only_down = Servers { addresses: &addresses[..1], ..servers };
        assert_eq!(only_down.stamp(b"signature").unwrap_err().what, "no timestamp: `http://down`: no route");
    }
}
