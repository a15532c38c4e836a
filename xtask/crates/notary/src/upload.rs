//! The bytes on their way to S3: streamed, signed with their true digest, retried part by part.
//!
//! ```text
//!   up to 64 MiB   PUT object                                                        ← the whole is there, or nothing
//!   more           POST ?uploads → PUT ?partNumber=1… → POST ?uploadId (complete)     ← the whole is there after the last
//! ```
//! What makes it count (the last bytes of the one PUT, or the request that joins the parts) is announced ([`Stage::Finishing`]) before it is
//! sent: whoever is killed or interrupted earlier knows that nothing was handed in.

use std::{
    cell::RefCell,
    fmt,
    io::{self, Read},
    time::Duration,
};

use formats::Source;
use sha2::{Digest as _, Sha256};

use crate::{
    client::{Acceleration, Grant, Notary},
    clock::Clock,
    error::{Error, Kind, Result},
    fault,
    http::{Answer, Body},
    pace::{Stubbornness, stubbornly},
    sigv4::{self, Request, Scope, encode_path, encode_query, hex},
};

/// The service never names its region; every public client has this one built in.
const REGION: &str = "us-west-2";
/// Read and sent at a time: memory stays flat, however large the file.
const WINDOW: usize = 256 << 10;
/// S3 takes at most this many parts.
const MOST_PARTS: u64 = 10_000;
/// S3 takes at most this much in all (5 TiB).
const MOST_BYTES: u64 = 5 << 40;

/// From where on an upload goes in parts, and how large they are, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// The largest single PUT.
    pub single: u64,
    /// A part; S3 wants at least 5 MiB.
    pub part: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { single: 64 << 20, part: 32 << 20 }
    }
}

/// How far an upload is; what [`crate::agency::Stage`] says of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Bytes are on their way; S3 has nothing that counts.
    Parts,
    /// What makes it count is about to be sent.
    Finishing,
}

/// What is uploaded.
pub struct Goods<'a> {
    /// The bytes.
    pub source: &'a dyn Source,
    /// Their SHA-256, as it was declared.
    pub sha256: [u8; 32],
    /// Whether the file is still the one that was hashed (size and times); the error says what changed.
    pub unchanged: &'a dyn Fn() -> Result<(), String>,
    /// Hears how many bytes of how many were sent.
    pub progress: &'a dyn Fn(u64, u64),
    /// One PUT or many.
    pub sizes: Sizes,
}

impl fmt::Debug for Goods<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Goods({} bytes, {})", self.source.len(), hex(&self.sha256))
    }
}

/// Uploads `goods` where `grant` allows it. `before` is told each stage before it begins, and may refuse it (a ledger that cannot be written).
pub fn upload(
    notary: &Notary<'_>,
    grant: &Grant,
    goods: &Goods<'_>,
    before: &mut dyn FnMut(Stage) -> Result<()>,
) -> Result<()> {
    let len = goods.source.len();
    if len > MOST_BYTES {
        return Err(Error::local("upload", format!("{len} bytes are more than S3 takes (5 TiB)")));
    }
    let mut bucket = Bucket::new(notary, grant);
    goods.check_unchanged()?;
    before(Stage::Parts)?;
    if len <= goods.sizes.single {
        let mut is_told = false;
        let mut last = || match std::mem::replace(&mut is_told, true) {
            true => Ok(()),
            false => before(Stage::Finishing),
        };
        if len == 0 {
            last()?;
        }
        bucket.put(&[], Span { goods, start: 0, len }, &goods.sha256, &mut last)?;
    } else {
        bucket.put_in_parts(goods, before)?;
    }
    Ok(())
}

impl Goods<'_> {
    /// Whether the file is still what was hashed; asked before, during and (by the caller, who has noted the upload by then) after.
    pub fn check_unchanged(&self) -> Result<()> {
        (self.unchanged)().map_err(|cause| {
            Error::local("upload", cause)
                .hint("something writes to the file while it is submitted: build again, then submit")
        })
    }
}

/// A range of the goods.
#[derive(Clone, Copy)]
struct Span<'a> {
    goods: &'a Goods<'a>,
    start: u64,
    len: u64,
}

impl Span<'_> {
    fn digest(&self) -> Result<[u8; 32]> {
        let mut hash = Sha256::new();
        let mut at = self.start;
        let end = self.start.saturating_add(self.len);
        while at < end {
            let len = usize::try_from(end - at).unwrap_or(WINDOW).min(WINDOW);
            let window = self.goods.source.read(at, len).map_err(|error| Error::local("upload", error))?;
            hash.update(&window);
            at = at.saturating_add(len as u64);
        }
        Ok(hash.finalize().into())
    }
}

/// Reads a span as it is sent, and tells the progress. A wish to stop ends it at the next window.
struct Reader<'a> {
    span: Span<'a>,
    sent: u64,
    clock: &'a dyn Clock,
    /// Asked before the last bytes leave.
    last: &'a mut dyn FnMut() -> Result<()>,
    /// Why it stopped, when it was not the file.
    stopped: &'a RefCell<Option<Error>>,
}

impl Reader<'_> {
    fn may_go_on(&mut self, is_last: bool) -> Result<()> {
        self.clock.sleep(Duration::ZERO)?;
        if is_last { (self.last)() } else { Ok(()) }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.span.len - self.sent).unwrap_or(WINDOW);
        let len = left.min(buffer.len()).min(WINDOW);
        let (Some(target), true) = (buffer.get_mut(..len), len > 0) else { return Ok(0) };
        let is_last = self.sent.saturating_add(len as u64) >= self.span.len;
        if let Err(error) = self.may_go_on(is_last) {
            let text = error.to_string();
            *self.stopped.borrow_mut() = Some(error);
            return Err(io::Error::other(text));
        }
        let at = self.span.start.saturating_add(self.sent);
        let goods = self.span.goods;
        target.copy_from_slice(&goods.source.read(at, len).map_err(io::Error::other)?);
        self.sent = self.sent.saturating_add(len as u64);
        (goods.progress)(self.span.start.saturating_add(self.sent), goods.source.len());
        Ok(len)
    }
}

/// An object to be, at the address that takes it.
struct Bucket<'a> {
    notary: &'a Notary<'a>,
    grant: &'a Grant,
    region: String,
}

impl<'a> Bucket<'a> {
    fn new(notary: &'a Notary<'a>, grant: &'a Grant) -> Self {
        Self { notary, grant, region: REGION.to_owned() }
    }

    /// `last` is asked before the last bytes leave.
    fn put(
        &mut self,
        query: &[(&str, &str)],
        span: Span<'_>,
        sha256: &[u8; 32],
        last: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Answer> {
        let doing = format!("upload {} bytes", span.len);
        let clock = self.notary.clock();
        self.stubbornly(&doing, "PUT", query, &hex(sha256), &|| span.goods.check_unchanged(), &mut |send| {
            let stopped = RefCell::new(None);
            let mut reader = Reader { span, sent: 0, clock, last: &mut *last, stopped: &stopped };
            let sent = send(Body::Stream(&mut reader, span.len));
            // What the transport makes of it is a broken connection; why it broke is known here.
            match stopped.take() {
                Some(error) => Err(error),
                None => sent,
            }
        })
    }

    fn post(&mut self, doing: &str, method: &str, query: &[(&str, &str)], body: &str) -> Result<Answer> {
        let sha256 = hex(&Sha256::digest(body.as_bytes()));
        self.stubbornly(doing, method, query, &sha256, &|| Ok(()), &mut |send| {
            send(Body::Bytes(body.as_bytes()))
        })
    }

    fn put_in_parts(&mut self, goods: &Goods<'_>, before: &mut dyn FnMut(Stage) -> Result<()>) -> Result<()> {
        let doing = "start an upload in parts";
        let answer = self.post(doing, "POST", &[("uploads", "")], "")?;
        let xml = String::from_utf8_lossy(&answer.body).into_owned();
        let upload_id = fault::element(&xml, "UploadId")
            .filter(|it| !it.is_empty())
            .ok_or_else(|| Error::answer(doing, "no upload id is in the answer"))?;
        let mut is_finishing = false;
        let result = self.send_parts(goods, upload_id, &mut |stage| {
            is_finishing = stage == Stage::Finishing;
            before(stage)
        });
        // What may have been completed is not aborted.
        if let Err(error) = &result
            && error.kind != Kind::Expired
            && !is_finishing
        {
            // What was sent so far costs Apple's bucket space; nobody depends on this, so its failure is only told.
            if let Err(error) = self.post("abort the upload", "DELETE", &[("uploadId", upload_id)], "") {
                (self.notary.notice())(&error.to_string());
            }
        }
        result
    }

    fn send_parts(
        &mut self,
        goods: &Goods<'_>,
        upload_id: &str,
        before: &mut dyn FnMut(Stage) -> Result<()>,
    ) -> Result<()> {
        let len = goods.source.len();
        let part = goods.sizes.part.max(len.div_ceil(MOST_PARTS)).max(1);
        let mut list = String::new();
        let mut start = 0;
        let mut number = 0_u64;
        while start < len {
            number += 1;
            let span = Span { goods, start, len: part.min(len - start) };
            let digest = span.digest()?;
            let query = [("partNumber", number.to_string()), ("uploadId", upload_id.to_owned())];
            let query = query.each_ref().map(|(name, value)| (*name, value.as_str()));
            let answer = self.put(&query, span, &digest, &mut || Ok(()))?;
            let tag = answer
                .header("etag")
                .ok_or_else(|| Error::answer("upload a part", "no ETag is in the answer"))?;
            let tag = tag.replace('&', "&amp;").replace('<', "&lt;");
            list.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"));
            start = start.saturating_add(span.len);
        }
        // A file that changed after its first part went out must not be made whole.
        goods.check_unchanged()?;
        before(Stage::Finishing)?;
        let doing = "complete the upload";
        let body = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
        // "No such upload" may mean that an earlier try, whose answer was lost, has completed it.
        let answer = self.post(doing, "POST", &[("uploadId", upload_id)], &body).map_err(|mut error| {
            if error.kind == Kind::Expired && error.cause.contains("NoSuchUpload") {
                error.kind = Kind::Transient;
            }
            error
        })?;
        // S3 may start with 200 and find the fault afterwards.
        let text = String::from_utf8_lossy(&answer.body);
        if text.contains("<Error>") {
            return Err(fault::of_s3(doing, &answer));
        }
        if !text.contains("CompleteMultipartUploadResult") {
            return Err(Error::new(Kind::Transient, doing, "the answer is not complete"));
        }
        Ok(())
    }

    /// One request, tried again on network faults; `attempt` is handed the function that sends a body.
    fn stubbornly(
        &mut self,
        doing: &str,
        method: &str,
        query: &[(&str, &str)],
        sha256: &str,
        check: &dyn Fn() -> Result<()>,
        attempt: &mut dyn FnMut(&mut dyn FnMut(Body<'_>) -> Result<Answer>) -> Result<Answer>,
    ) -> Result<Answer> {
        let notary = self.notary;
        stubbornly(notary.clock(), Stubbornness::UPLOAD, notary.notice(), || {
            check()?;
            let answer = attempt(&mut |body| self.once(doing, method, query, sha256, body))?;
            if answer.is_success() {
                return Ok(answer);
            }
            let mut error = fault::of_s3(doing, &answer);
            // Insurance, should the bucket ever move: S3 says where it is.
            if let Some(region) = answer.header("x-amz-bucket-region")
                && region != self.region
                && region.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
            {
                region.clone_into(&mut self.region);
                error.kind = Kind::Transient;
            }
            Err(error)
        })
    }

    fn once(
        &self,
        doing: &str,
        method: &str,
        query: &[(&str, &str)],
        sha256: &str,
        body: Body<'_>,
    ) -> Result<Answer> {
        let (base, host, path) = self.address();
        let date = sigv4::date(self.notary.clock().now());
        let mut headers =
            vec![("host", host.as_str()), ("x-amz-content-sha256", sha256), ("x-amz-date", date.as_str())];
        if let Some(token) = &self.grant.credentials.session_token {
            headers.push(("x-amz-security-token", token.as_str()));
        }
        let request = Request { method, path: &path, query, headers: &headers, payload: sha256 };
        let scope = Scope { date: &date, region: &self.region };
        let authorization = sigv4::authorization(&request, &self.grant.credentials, scope);
        headers.push(("authorization", authorization.as_str()));
        let separator = if query.is_empty() { "" } else { "?" };
        let address = format!("{base}{path}{separator}{}", encode_query(query));
        self.notary.http().exchange(doing, method, &address, &headers, body)
    }

    /// Scheme and host; host; path. Path style at an address of ours, the bucket in the host name at Amazon's.
    fn address(&self) -> (String, String, String) {
        let object = encode_path(&self.grant.object);
        let endpoints = self.notary.endpoints();
        match (&endpoints.s3, endpoints.acceleration) {
            (Some(ours), _) => {
                let path = format!("/{}/{object}", self.grant.bucket);
                (ours.base().to_owned(), ours.host().to_owned(), path)
            }
            (None, Acceleration::On) => {
                let host = format!("{}.s3-accelerate.amazonaws.com", self.grant.bucket);
                (format!("https://{host}"), host, format!("/{object}"))
            }
            (None, Acceleration::Off) => {
                let host = format!("{}.s3.{}.amazonaws.com", self.grant.bucket, self.region);
                (format!("https://{host}"), host, format!("/{object}"))
            }
        }
    }
}
