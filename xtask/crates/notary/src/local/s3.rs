//! The upload endpoint: checks the signature as S3 does, then takes the bytes.

use std::io::{self, BufReader, Read, Write};

use sha2::{Digest as _, Sha256};

use super::{
    server::Shared,
    wire::{Chunked, Head, Reply, decode},
};
use crate::sigv4::{self, Request, Scope, hex};

/// Bucket and folder that all keys lie in.
pub const PREFIX: &str = "/notary-submissions-prod/prod/";
/// Temporary credentials live this long, in seconds (Apple's documentation: 12 hours).
pub const CREDENTIALS_LIVE: u64 = 12 * 3600;
/// S3 refuses a request whose date is off by more than 15 minutes.
const SKEW: u64 = 15 * 60;

/// One request to an object of ours.
pub fn answer(shared: &Shared, head: &Head, body: &mut dyn Read) -> io::Result<Reply> {
    let object = decode(head.path.strip_prefix(PREFIX).unwrap_or_default());
    let Some((_, id)) = object.rsplit_once(':') else {
        return Ok(Reply::s3(404, "NoSuchKey", "The specified key does not exist."));
    };
    if let Err((status, code, message)) = authorize(shared, head, id) {
        return Ok(Reply::s3(status, code, message));
    }
    let declared = head.header("x-amz-content-sha256").unwrap_or_default().to_owned();
    let upload_id = head.query("uploadId");
    let expected_upload_id = format!("local-{id}");
    if upload_id.as_ref().is_some_and(|it| *it != expected_upload_id) {
        return Ok(Reply::s3(404, "NoSuchUpload", "The specified upload does not exist."));
    }
    let part = head.query("partNumber").map(|it| it.parse::<u32>());
    match (head.method.as_str(), part, upload_id) {
        ("PUT", None, None) => match receive(shared, id, 1, &declared, body)? {
            Ok(tag) => {
                shared.state().uploaded(id, 1, shared.now());
                Ok(Reply::text(200, "").with("etag", tag))
            }
            Err(reply) => Ok(reply),
        },
        ("PUT", Some(Ok(part @ 1..=10_000)), Some(_)) => match receive(shared, id, part, &declared, body)? {
            Ok(tag) => {
                shared.state().part(id, part, &tag);
                Ok(Reply::text(200, "").with("etag", tag))
            }
            Err(reply) => Ok(reply),
        },
        ("POST", None, None) if head.query("uploads").is_some() => Ok(Reply::new(
            200,
            "application/xml",
            format!(
                "<InitiateMultipartUploadResult><UploadId>{expected_upload_id}</UploadId></InitiateMultipartUploadResult>"
            ),
        )),
        ("POST", None, Some(_)) => {
            let mut list = String::new();
            body.take(4 << 20).read_to_string(&mut list)?;
            Ok(match shared.state().complete(id, &parts(&list), shared.now()) {
                Ok(()) => Reply::new(200, "application/xml", "<CompleteMultipartUploadResult/>".into()),
                Err(code) => Reply::s3(400, code, "The list of parts is not what was uploaded."),
            })
        }
        ("DELETE", None, Some(_)) => Ok(Reply::text(204, "")),
        _ => Ok(Reply::s3(400, "InvalidRequest", "This is no request of an upload.")),
    }
}

/// Takes the bytes and compares them with the declared digest; the inner value is the ETag or S3's refusal.
fn receive(
    shared: &Shared,
    id: &str,
    part: u32,
    declared: &str,
    body: &mut dyn Read,
) -> io::Result<Result<String, Reply>> {
    let mut target = shared.settings.examiner.receive(id, part)?;
    let mut hash = Sha256::new();
    let mut plain: Box<dyn Read + '_> = match declared.starts_with("STREAMING-") {
        true => Box::new(Chunked::new(BufReader::new(body))),
        false => Box::new(body),
    };
    let mut window = vec![0; 64 << 10];
    loop {
        let n = plain.read(&mut window)?;
        let Some(bytes) = window.get(..n).filter(|it| !it.is_empty()) else { break };
        hash.update(bytes);
        target.write_all(bytes)?;
    }
    target.flush()?;
    let found = hex(&hash.finalize());
    let is_hex = declared.len() == 64;
    if is_hex && declared != found {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Ok(Err(Reply::s3(400, "XAmzContentSHA256Mismatch", message)));
    }
    Ok(Ok(format!("\"{}\"", found.get(..32).unwrap_or_default())))
}

type Refusal = (u16, &'static str, &'static str);

/// Checks the signature over method, path, query, headers and payload hash with the credentials that were issued for this submission.
fn authorize(shared: &Shared, head: &Head, id: &str) -> Result<(), Refusal> {
    const DENIED: Refusal = (403, "AccessDenied", "Access Denied");
    let state = shared.state();
    let (credentials, issued) =
        state.credentials(id).ok_or((404, "NoSuchKey", "The specified key does not exist."))?;
    let now = shared.now();
    if now.saturating_sub(issued) > CREDENTIALS_LIVE {
        return Err((400, "ExpiredToken", "The provided token has expired."));
    }
    let authorization =
        head.header("authorization").and_then(|it| it.strip_prefix("AWS4-HMAC-SHA256 ")).ok_or(DENIED)?;
    let field = |name: &str| {
        authorization.split(',').find_map(|it| it.trim().strip_prefix(name)?.strip_prefix('=')).ok_or(DENIED)
    };
    let mut scope = field("Credential")?.split('/');
    let (access_key, _day, region) = (scope.next(), scope.next(), scope.next().ok_or(DENIED)?);
    if access_key != Some(credentials.access_key.as_str()) {
        return Err((
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ));
    }
    if region != "us-west-2" {
        return Err((400, "AuthorizationHeaderMalformed", "the region is wrong; expecting 'us-west-2'"));
    }
    if head.header("x-amz-security-token") != credentials.session_token.as_deref().map(String::as_str) {
        return Err((400, "InvalidToken", "The provided token is malformed or otherwise invalid."));
    }
    let date = head.header("x-amz-date").ok_or(DENIED)?;
    let skewed = [now.saturating_sub(SKEW), now.saturating_add(SKEW)].map(sigv4::date);
    // The format sorts as the times do.
    if date < skewed[0].as_str() || date > skewed[1].as_str() {
        return Err((
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ));
    }
    let names: Vec<&str> = field("SignedHeaders")?.split(';').collect();
    let must_be_signed =
        |name: &str| name == "host" || name == "x-amz-security-token" || name == "x-amz-date";
    if head.headers.iter().any(|(name, _)| must_be_signed(name) && !names.contains(&name.as_str())) {
        return Err((403, "AccessDenied", "There were headers present in the request which were not signed"));
    }
    let headers: Vec<(&str, &str)> =
        names.iter().map(|it| (*it, head.header(it).unwrap_or_default())).collect();
    let pairs = head.query_pairs();
    let query: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let payload = head.header("x-amz-content-sha256").ok_or(DENIED)?;
    let request =
        Request { method: &head.method, path: &head.path, query: &query, headers: &headers, payload };
    let expected = sigv4::signature(&request, credentials, Scope { date, region });
    if field("Signature")? == expected {
        Ok(())
    } else {
        Err((
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        ))
    }
}

/// Part numbers and tags of a list.
fn parts(xml: &str) -> Vec<(u32, String)> {
    xml.split("<Part>")
        .skip(1)
        .filter_map(|it| {
            let number = crate::fault::element(it, "PartNumber")?.parse().ok()?;
            Some((number, crate::fault::element(it, "ETag")?.replace("&quot;", "\"")))
        })
        .collect()
}
