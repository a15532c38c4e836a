//! AWS Signature Version 4 for the five requests an upload needs.
//!
//! ```text
//!   canonical request   method \n path \n query \n headers \n signed header names \n payload hash
//!   string to sign      AWS4-HMAC-SHA256 \n 20130524T000000Z \n 20130524/us-west-2/s3/aws4_request \n sha256(canonical)
//!   signing key         HMAC(HMAC(HMAC(HMAC("AWS4"+secret, day), region), "s3"), "aws4_request")
//! ```
//! The path is encoded once (S3's exception to the rule). The payload hash is the true SHA-256, so S3 itself refuses bytes that changed on the
//! way: the notary does not compare the declared digest with what arrived.

use std::fmt;

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Temporary credentials for one upload. Kept in memory only; they do not show in `Debug`.
#[derive(Clone)]
pub struct Credentials {
    /// Access key id (`ASIA…`). Not secret by itself, but never printed either.
    pub access_key: String,
    /// The secret.
    pub secret: Zeroizing<String>,
    /// Session token, signed along as a header.
    pub session_token: Option<Zeroizing<String>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// A request as far as its signature sees it.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// `PUT`, `POST`, `DELETE`.
    pub method: &'a str,
    /// Path, percent-encoded once.
    pub path: &'a str,
    /// Query names and values, not encoded; any order.
    pub query: &'a [(&'a str, &'a str)],
    /// Headers that are signed: lower-case names, any order; `host` and all `x-amz-…` must be among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// Lower-case hex SHA-256 of the body, or a literal such as `UNSIGNED-PAYLOAD`.
    pub payload: &'a str,
}

/// Where and when a signature is valid.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// `20130524T000000Z`.
    pub date: &'a str,
    /// `us-west-2`.
    pub region: &'a str,
}

impl Scope<'_> {
    fn day(&self) -> &str {
        self.date.get(..8).unwrap_or(self.date)
    }

    fn path(&self) -> String {
        format!("{}/{}/s3/aws4_request", self.day(), self.region)
    }
}

/// The value of the `Authorization` header.
pub fn authorization(request: &Request<'_>, credentials: &Credentials, scope: Scope<'_>) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
        credentials.access_key,
        scope.path(),
        signed_headers(request),
        signature(request, credentials, scope)
    )
}

/// The signature alone, in hex; what the one who checks compares.
pub fn signature(request: &Request<'_>, credentials: &Credentials, scope: Scope<'_>) -> String {
    let canonical = canonical(request);
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{}\n{}\n{}",
        scope.date,
        scope.path(),
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    hex(&hmac(&signing_key(&credentials.secret, scope), to_sign.as_bytes()))
}

/// `20130524T000000Z` for seconds since 1970.
pub fn date(unix: u64) -> String {
    crate::clock::timestamp(unix).replace(['-', ':'], "")
}

/// Percent-encodes one segment of a path or a query value: everything but letters, digits and `-._~`.
pub fn encode(segment: &str) -> String {
    segment.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

/// Percent-encodes a key, whose slashes stay: `prod/AROA:id` → `prod/AROA%3Aid`.
pub fn encode_path(key: &str) -> String {
    key.split('/').map(encode).collect::<Vec<_>>().join("/")
}

/// The query as it is signed and sent: sorted, encoded.
pub fn encode_query(query: &[(&str, &str)]) -> String {
    let mut pairs: Vec<(String, String)> =
        query.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    pairs.sort();
    pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

fn canonical(request: &Request<'_>) -> String {
    let mut headers: Vec<(&str, String)> = request
        .headers
        .iter()
        .map(|(name, value)| (*name, value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")))
        .collect();
    headers.sort();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        request.method,
        request.path,
        encode_query(request.query),
        signed_headers(request),
        request.payload
    )
}

fn signed_headers(request: &Request<'_>) -> String {
    let mut names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.join(";")
}

fn signing_key(secret: &str, scope: Scope<'_>) -> Zeroizing<Vec<u8>> {
    let start = Zeroizing::new(format!("AWS4{secret}").into_bytes());
    [scope.day(), scope.region, "s3", "aws4_request"]
        .iter()
        .fold(start, |key, step| Zeroizing::new(hmac(&key, step.as_bytes())))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const DATE: &str = "20130524T000000Z";
    const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");

    /// The examples that AWS publishes in "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)".
    #[track_caller]
    fn check(
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        payload: &str,
        expected: &str,
    ) {
        let credentials = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned().into(),
            session_token: None,
        };
        let mut headers = headers.to_vec();
        headers.extend([HOST, ("x-amz-content-sha256", payload), ("x-amz-date", DATE)]);
        let request = Request { method, path, query, headers: &headers, payload };
        assert_eq!(signature(&request, &credentials, Scope { date: DATE, region: "us-east-1" }), expected);
    }

    #[test]
    fn the_published_example_of_getting_an_object_is_reproduced() {
        let expected = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        check("GET", "/test.txt", &[], &[("range", "bytes=0-9")], EMPTY, expected);
    }

    #[test]
    fn the_published_example_of_putting_an_object_is_reproduced() {
        let payload = hex(&Sha256::digest(b"Welcome to Amazon S3."));
        let headers =
            [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
        let path = format!("/{}", encode_path("test$file.text"));
        let expected = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
        check("PUT", &path, &[], &headers, &payload, expected);
    }

    #[test]
    fn the_published_example_of_a_query_without_value_is_reproduced() {
        let expected = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
        check("GET", "/", &[("lifecycle", "")], &[], EMPTY, expected);
    }

    #[test]
    fn the_published_example_of_a_query_with_values_is_reproduced() {
        let expected = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        check("GET", "/", &[("prefix", "J"), ("max-keys", "2")], &[], EMPTY, expected);
    }

    #[test]
    fn a_key_keeps_its_slashes_and_loses_its_colon() {
        assert_eq!(encode_path("prod/AROA1:12-34"), "prod/AROA1%3A12-34");
        assert_eq!(date(1_369_353_600), DATE);
    }

    #[test]
    fn credentials_do_not_show_in_debug() {
        let credentials =
            Credentials { access_key: "A".into(), secret: "S".to_owned().into(), session_token: None };
        assert_eq!(format!("{credentials:?}"), "Credentials(…)");
    }
}
