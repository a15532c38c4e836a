//! Just enough HTTP/1.1 to be a server that can also misbehave: break off, hang, answer half.
//!
//! A library would not let go of its sockets in the middle of an answer, which is what half of the faults are about.

use std::io::{self, BufRead, Read, Write};

/// Longest request head; a signed session token takes about a kilobyte.
const MAX_HEAD: u64 = 64 << 10;
/// Most headers.
const MAX_HEADERS: usize = 100;

/// The head of a request.
#[derive(Debug, Clone)]
pub struct Head {
    /// `GET`, `PUT`, …
    pub method: String,
    /// Path, still encoded.
    pub path: String,
    /// Query, still encoded.
    pub query: String,
    /// Lower-case names and values.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// Reads a head; `None` when the client closed the connection in between two requests.
    pub fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut left = MAX_HEAD;
        let Some(line) = read_line(stream, &mut left)? else { return Ok(None) };
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(_version)) = (words.next(), words.next(), words.next()) else {
            return Err(bad("no request line"));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut head = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
        };
        loop {
            let line = read_line(stream, &mut left)?.ok_or_else(|| bad("the head breaks off"))?;
            if line.is_empty() {
                return Ok(Some(head));
            }
            if head.headers.len() >= MAX_HEADERS {
                return Err(bad("too many headers"));
            }
            let (name, value) = line.split_once(':').ok_or_else(|| bad("a header without colon"))?;
            head.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// Query names and values, decoded, in order.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        let pair = |it: &str| {
            let (name, value) = it.split_once('=').unwrap_or((it, ""));
            (decode(name), decode(value))
        };
        self.query.split('&').filter(|it| !it.is_empty()).map(pair).collect()
    }

    /// The value of one query name.
    pub fn query(&self, name: &str) -> Option<String> {
        self.query_pairs().into_iter().find(|(it, _)| it == name).map(|(_, value)| value)
    }
}

/// The body of a request, whatever way it is framed.
pub enum BodyReader<'a, S: BufRead> {
    /// `Content-Length`.
    Counted(io::Take<&'a mut S>),
    /// `Transfer-Encoding: chunked`; also the inner framing `aws-chunked`, whose chunk lines carry a signature.
    Chunked(Chunked<&'a mut S>),
}

impl<'a, S: BufRead> BodyReader<'a, S> {
    /// The body that `head` announces.
    pub fn new(head: &Head, stream: &'a mut S) -> io::Result<Self> {
        if head.header("transfer-encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked")) {
            return Ok(Self::Chunked(Chunked::new(stream)));
        }
        let len = match head.header("content-length") {
            Some(len) => len.parse().map_err(|_| bad("Content-Length is no number"))?,
            None => 0,
        };
        Ok(Self::Counted(stream.take(len)))
    }
}

impl<S: BufRead> Read for BodyReader<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            // A client that went away in the middle must not look like one that was done.
            Self::Counted(it) => match it.read(buffer)? {
                0 if it.limit() > 0 && !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
                n => Ok(n),
            },
            Self::Chunked(it) => it.read(buffer),
        }
    }
}

/// Takes the framing off a chunked body: `<hex length>[;extension]\r\n<bytes>\r\n … 0\r\n[trailers]\r\n`.
pub struct Chunked<S> {
    stream: S,
    left: u64,
    started: bool,
    done: bool,
}

impl<S: BufRead> Chunked<S> {
    /// The body framed in `stream`.
    pub fn new(stream: S) -> Self {
        Self { stream, left: 0, started: false, done: false }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let mut budget = MAX_HEAD;
        if self.started {
            read_line(&mut self.stream, &mut budget)?;
        }
        self.started = true;
        let line = read_line(&mut self.stream, &mut budget)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let len = line.split(';').next().unwrap_or_default().trim();
        self.left = u64::from_str_radix(len, 16).map_err(|_| bad("a chunk without length"))?;
        if self.left == 0 {
            // Trailers, up to an empty line (or the end, when the frame lies inside another).
            while read_line(&mut self.stream, &mut budget)?.is_some_and(|it| !it.is_empty()) {}
            self.done = true;
        }
        Ok(())
    }
}

impl<S: BufRead> Read for Chunked<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.done {
            self.next_chunk()?;
        }
        if self.done {
            return Ok(0);
        }
        let want = usize::try_from(self.left).unwrap_or(buffer.len()).min(buffer.len());
        let Some(target) = buffer.get_mut(..want) else { return Ok(0) };
        let n = self.stream.read(target)?;
        if n == 0 && want > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}

/// What is sent back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers beside length and date.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Reply {
    /// JSON.
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    /// Plain text.
    pub fn text(status: u16, text: &str) -> Self {
        Self::new(status, "text/plain", text.to_owned())
    }

    /// S3's XML error.
    pub fn s3(status: u16, code: &str, message: &str) -> Self {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message><RequestId>LOCAL</RequestId></Error>"
        );
        Self::new(status, "application/xml", text)
    }

    /// Any text.
    pub fn new(status: u16, kind: &str, body: String) -> Self {
        Self { status, headers: vec![("content-type".into(), kind.into())], body: body.into_bytes() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Writes head and body; `keep` bytes of the body only, for an answer that breaks off.
    pub fn write(&self, stream: &mut impl Write, date: &str, keep: usize) -> io::Result<()> {
        let mut head =
            format!("HTTP/1.1 {} .\r\ncontent-length: {}\r\ndate: {date}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        // One write: two would wait for each other's acknowledgement.
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.get(..keep).unwrap_or(&self.body));
        stream.write_all(&bytes)?;
        stream.flush()
    }
}

/// Percent-decodes; what is no encoding stays.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code =
            text.get(at + 1..at + 3).filter(|_| byte == b'%').and_then(|it| u8::from_str_radix(it, 16).ok());
        match code {
            Some(code) => {
                out.push(code);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// One line without its end; `None` at the end of the stream.
fn read_line(stream: &mut impl BufRead, left: &mut u64) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let n = stream.take(*left).read_until(b'\n', &mut line)? as u64;
    *left = left.saturating_sub(n);
    if n == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(bad("a line breaks off or is too long"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map(Some).map_err(|_| bad("a line is not UTF-8"))
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> io::Result<String> {
        let mut stream = text.as_bytes();
        let head = Head::read(&mut stream)?.unwrap();
        let mut out = String::new();
        BodyReader::new(&head, &mut stream)?.read_to_string(&mut out)?;
        Ok(out)
    }

    #[test]
    fn a_body_is_read_in_either_framing() {
        assert_eq!(body("PUT /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcdef").unwrap(), "abc");
        let chunked =
            "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nGET";
        assert_eq!(body(chunked).unwrap(), "abcde");
        assert_eq!(body("GET /a HTTP/1.1\r\n\r\n").unwrap(), "");
    }

    #[test]
    fn a_body_that_breaks_off_is_an_error() {
        assert!(body("PUT /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc").is_err());
        assert!(body("PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc").is_err());
        assert!(body("PUT /a HTTP/1.1\r\nContent-Len").is_err());
    }

    #[test]
    fn signed_chunks_of_amazon_lose_their_frame() {
        let framed =
            "5;chunk-signature=00ff\r\nhello\r\n0;chunk-signature=11\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
        let mut out = String::new();
        Chunked::new(framed.as_bytes()).read_to_string(&mut out).unwrap();
        assert_eq!(out, "hello");
    }

    #[test]
    fn a_target_is_taken_apart() {
        let text = "PUT /b/prod/A%3Ab?partNumber=1&uploadId=x%2By HTTP/1.1\r\nHost: h\r\n\r\n";
        let head = Head::read(&mut text.as_bytes()).unwrap().unwrap();
        assert_eq!((head.path.as_str(), head.query("uploadId").as_deref()), ("/b/prod/A%3Ab", Some("x+y")));
        assert_eq!(decode("%zz%4"), "%zz%4");
        assert!(Head::read(&mut &b""[..]).unwrap().is_none());
    }
}
