//! One HTTP exchange: where it may go, how long it may take, and what came back.
//!
//! Blocking, one connection pool, no redirects followed, a status is not an error here ([`crate::fault`] judges it). `HTTPS_PROXY`, `ALL_PROXY`
//! and `NO_PROXY` are honoured by ureq; own roots (`SSL_CERT_FILE`) come in as PEM.

use std::{fmt, io::Read, time::Duration};

use ureq::tls::{PemItem, RootCerts, TlsConfig};

use crate::error::{Error, Kind, Result};

/// Answers of the services are small; the largest seen is a log of a few hundred kilobytes. A developer log of a huge product may be megabytes.
const MAX_BODY: u64 = 64 << 20;

/// An address that we may talk to: `https` anywhere, `http` only on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: String,
    host: String,
    loopback: bool,
}

impl Endpoint {
    /// Refused when it is not `https://…`, or `http://` and not loopback: a token must not cross a network in the clear.
    pub fn parse(address: &str) -> Result<Self> {
        let doing = || format!("use the address `{}`", crate::redact::redact(address));
        let base = address.trim().trim_end_matches('/');
        let (scheme, rest) = base
            .split_once("://")
            .ok_or_else(|| Error::local(doing(), "it has no scheme").hint("write https://…"))?;
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        if host.is_empty() || host.contains('@') {
            return Err(Error::local(doing(), "it names no plain host"));
        }
        let loopback = is_loopback(host);
        match scheme {
            "https" => {}
            "http" if loopback => {}
            "http" => {
                return Err(Error::local(doing(), "`http` would send the token in the clear")
                    .hint("use https, or a loopback address for a local notary"));
            }
            other => return Err(Error::local(doing(), format!("`{other}` is not a scheme we speak"))),
        }
        Ok(Self { base: base.to_owned(), host: host.to_owned(), loopback })
    }

    /// The address without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Host and port, as the `Host` header has them.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

/// Whether `host` (with or without a port) is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection, with its TLS handshake.
    pub connect: Duration,
    /// For the next byte in either direction. There is no limit on a whole upload: a slow line is not a broken one.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), silence: Duration::from_secs(30) }
    }
}

/// What came back.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The body, at most 64 MiB.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// The body of a request.
pub enum Body<'a> {
    /// None.
    Empty,
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// `len` bytes read as they are sent.
    Stream(&'a mut dyn Read, u64),
}

/// Talks HTTP. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Http {
    /// Through the proxy that the environment names.
    outside: ureq::Agent,
    /// Straight: a proxy has no business with a loopback address.
    inside: ureq::Agent,
}

impl Http {
    /// `roots`: PEM certificates to trust in place of the built-in Mozilla list (what `SSL_CERT_FILE` means to other tools).
    pub fn new(roots: Option<&[u8]>, patience: Patience) -> Result<Self> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = roots {
            let mut certificates = Vec::new();
            for item in ureq::tls::parse_pem(pem) {
                match item.map_err(|error| Error::local("read the TLS roots", error))? {
                    PemItem::Certificate(it) => certificates.push(it),
                    PemItem::PrivateKey(_) => {}
                    _ => {}
                }
            }
            if certificates.is_empty() {
                return Err(Error::local("read the TLS roots", "no certificate is in the file")
                    .hint("`SSL_CERT_FILE` must name a PEM file with at least one certificate"));
            }
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates));
        }
        let tls = tls.build();
        let config = || {
            ureq::Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .tls_config(tls.clone())
                .user_agent(concat!("xtask-notary/", env!("CARGO_PKG_VERSION")))
                .timeout_connect(Some(patience.connect))
                .timeout_per_read(Some(patience.silence))
                .timeout_per_write(Some(patience.silence))
        };
        Ok(Self { outside: config().build().into(), inside: config().proxy(None).build().into() })
    }

    /// One exchange. The error is of kind [`Kind::Transient`], except when the address or the certificate is at fault.
    pub fn exchange(
        &self,
        doing: &str,
        method: &str,
        address: &str,
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<Answer> {
        let host =
            address.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next()).unwrap_or_default();
        let agent = if is_loopback(host) { &self.inside } else { &self.outside };
        let mut request = ureq::http::Request::builder().method(method).uri(address);
        // The host header is written by ureq, from the address; ours is only signed.
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            request = request.header(*name, *value);
        }
        let unfit =
            |error: ureq::http::Error| Error::local(doing, format!("the request cannot be built: {error}"));
        let sent = match body {
            Body::Empty if method == "GET" || method == "DELETE" => {
                agent.run(request.body(()).map_err(unfit)?)
            }
            Body::Empty => agent.run(request.body(&[] as &[u8]).map_err(unfit)?),
            Body::Bytes(bytes) => agent.run(request.body(bytes).map_err(unfit)?),
            Body::Stream(reader, len) => {
                let request = request.header("content-length", len.to_string());
                agent.run(request.body(ureq::SendBody::from_reader(reader)).map_err(unfit)?)
            }
        };
        let response = sent.map_err(|error| network(doing, host, &error))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let mut body = response.into_body();
        let body =
            body.with_config().limit(MAX_BODY).read_to_vec().map_err(|error| network(doing, host, &error))?;
        Ok(Answer { status, headers, body })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

/// A failure below HTTP, with what helps against it.
fn network(doing: &str, host: &str, error: &ureq::Error) -> Error {
    let transient = |cause: String| Error::new(Kind::Transient, doing, cause);
    match error {
        ureq::Error::Timeout(which) => transient(format!("no answer from {host} in time ({which})")),
        ureq::Error::HostNotFound => transient(format!("the name {host} does not resolve"))
            .hint(ON_LINE),
        ureq::Error::Io(cause) => io(doing, host, cause),
        ureq::Error::ConnectionFailed => transient(format!("no connection to {host}")),
        ureq::Error::Rustls(cause) => Error::local(doing, format!("TLS with {host}: {cause}")).hint(
            "if a proxy inspects traffic here, put its root certificate into a PEM file and name it in SSL_CERT_FILE",
        ),
        ureq::Error::InvalidProxyUrl => {
            Error::local(doing, "the proxy address is not one").hint("look at HTTPS_PROXY and ALL_PROXY")
        }
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Error::local(doing, "the address is not one"),
        ureq::Error::BodyExceedsLimit(limit) => Error::answer(doing, format!("the answer is longer than {limit} bytes")),
        ureq::Error::Protocol(cause) => transient(format!("{host} broke off or spoke no HTTP: {cause}")),
        other => transient(format!("{host}: {}", crate::redact::redact(&other.to_string()))),
    }
}

/// A failure of the operating system; the two that a person can mend have a hint.
fn io(doing: &str, host: &str, cause: &std::io::Error) -> Error {
    let text = cause.to_string();
    // The standard library has no kind for it; this is its own text for `getaddrinfo`.
    if text.contains("failed to lookup address") {
        return Error::new(Kind::Transient, doing, format!("the name {host} does not resolve")).hint(ON_LINE);
    }
    if cause.kind() == std::io::ErrorKind::ConnectionRefused {
        let error = Error::new(Kind::Transient, doing, format!("nobody listens at {host}"));
        return if is_loopback(host) { error.hint("is it running? cargo xtask notary serve") } else { error };
    }
    Error::new(Kind::Transient, doing, format!("the connection to {host} broke: {cause}"))
}

const ON_LINE: &str = "is this machine on-line? behind a proxy, set HTTPS_PROXY";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: Result<bool, &str>) {
        match (Endpoint::parse(address), expected) {
            (Ok(endpoint), Ok(loopback)) => assert_eq!(endpoint.is_loopback(), loopback, "{address}"),
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
            (found, expected) => panic!("{address}: found {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_token_never_crosses_a_network_in_the_clear() {
        check("https://appstoreconnect.apple.com/notary/v2", Ok(false));
        check("http://127.0.0.1:8080", Ok(true));
        check("http://[::1]:8080/", Ok(true));
        check("http://localhost:1", Ok(true));
        check("http://127.0.0.1.example.com", Err("in the clear"));
        check("http://localhost.example.com:80", Err("in the clear"));
        check("http://127.0.0.1@example.com", Err("no plain host"));
        check("http://example.com", Err("in the clear"));
        check("ftp://127.0.0.1", Err("not a scheme"));
        check("127.0.0.1", Err("no scheme"));
    }

    #[test]
    fn roots_without_a_certificate_are_refused() {
        assert!(
            Http::new(Some(b"nothing here"), Patience::default())
                .unwrap_err()
                .to_string()
                .contains("no certificate")
        );
    }
}
