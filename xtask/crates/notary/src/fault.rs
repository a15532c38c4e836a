//! What a refusal means, told apart by status and body, with the person who can mend it.
//!
//! The services answer in four dialects: JSON:API (`{"errors":[…]}`), plain text (401 and 500 of App Store Connect), HTML or nothing (gateways),
//! and XML (S3).

use serde::Deserialize;

use crate::{
    clock,
    error::{Error, Kind},
    http::Answer,
    key::{AuthKey, Owner},
    redact::excerpt,
};

/// A clock that is off by more than this gets blamed for a 401, in seconds. Tokens live ten minutes.
const SKEW: u64 = 60;
/// Characters of a body that go into a message.
const EXCERPT: usize = 300;

/// One error of the JSON:API dialect; all fields may be missing.
#[derive(Debug, Default, Deserialize)]
struct ApiError {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ApiErrors {
    errors: Vec<ApiError>,
}

/// Why the notary refused. `now` is ours, to compare with the `Date` of the answer.
pub fn of_notary(doing: &str, answer: &Answer, key: &AuthKey, now: u64) -> Error {
    let api = serde_json::from_slice::<ApiErrors>(&answer.body)
        .ok()
        .and_then(|it| it.errors.into_iter().next())
        .unwrap_or_default();
    let code = api.code.unwrap_or_default();
    let said = match (api.detail, api.title) {
        (Some(text), _) | (None, Some(text)) => excerpt(text.as_bytes(), EXCERPT),
        (None, None) => excerpt(&answer.body, EXCERPT),
    };
    let cause = match (code.is_empty(), said.is_empty()) {
        (false, _) => format!("{} {code}: {said}", answer.status),
        (true, false) => format!("{}: {said}", answer.status),
        (true, true) => format!("{} without a word", answer.status),
    };
    let mut error = match answer.status {
        401 => Error::new(Kind::Credentials, doing, cause).hint(unauthenticated(answer, key, now)),
        403 if code.contains("AGREEMENT") || said.contains("agreement") => Error::new(Kind::Agreement, doing, cause)
            .hint(
                "the Account Holder of the team must accept the agreement at https://appstoreconnect.apple.com/business \
                 (and https://developer.apple.com/account); it takes some minutes to have effect",
            ),
        403 if said.contains("developer team") || said.contains("team ID") => Error::new(Kind::Role, doing, cause)
            .hint("the key belongs to another team: an Admin of the right team makes a key for it"),
        403 => Error::new(Kind::Role, doing, cause).hint(
            "an Admin must give the key the role Developer or higher (App Store Connect, Users and Access, Integrations)",
        ),
        404 => Error::new(Kind::NotFound, doing, cause),
        408 | 425 | 500..=599 => Error::new(Kind::Transient, doing, cause)
            .hint("the service is in trouble: https://developer.apple.com/system-status"),
        429 => Error::new(Kind::Throttled, doing, cause).hint(
            "the hourly limit counts per key, over all machines that use it: run fewer at once, or use a key of its own",
        ),
        _ => Error::new(Kind::Refused, doing, cause),
    };
    error.retry_after = retry_after(answer, now);
    error
}

/// Why the upload was refused.
pub fn of_s3(doing: &str, answer: &Answer) -> Error {
    let text = String::from_utf8_lossy(&answer.body);
    let code = element(&text, "Code").unwrap_or_default();
    let message = excerpt(element(&text, "Message").unwrap_or_default().as_bytes(), EXCERPT);
    let cause = match code.is_empty() {
        true => format!("{}: {}", answer.status, excerpt(&answer.body, EXCERPT)),
        false => format!("{} {}: {message}", answer.status, excerpt(code.as_bytes(), 60)),
    };
    let new = |kind| Error::new(kind, doing, cause.clone());
    let mut error = match (answer.status, code) {
        (_, "ExpiredToken" | "TokenRefreshRequired" | "InvalidToken") => new(Kind::Expired)
            .hint("the upload took longer than its credentials live (12 hours): submit again"),
        (_, "RequestTimeTooSkewed") => new(Kind::Credentials).hint("set this machine's clock (NTP)"),
        (_, "SlowDown" | "RequestTimeout" | "InternalError" | "ServiceUnavailable") => new(Kind::Transient),
        (_, "XAmzContentSHA256Mismatch" | "BadDigest") => new(Kind::Transient).hint(
            "the bytes changed on the way; if it persists, something between here and S3 rewrites them",
        ),
        (_, "NoSuchUpload") => new(Kind::Expired),
        (301 | 307, _) | (400, "AuthorizationHeaderMalformed") => {
            new(Kind::Refused).hint("the bucket lies in another region than the one signed for")
        }
        (403, _) => new(Kind::Role).hint("the temporary credentials are not accepted: submit again"),
        (408 | 429 | 500..=599, _) => new(Kind::Transient),
        _ => new(Kind::Refused),
    };
    error.retry_after = answer.header("retry-after").and_then(|it| it.trim().parse().ok());
    error
}

/// The text of the first `<name>…</name>`: all we need of S3's XML.
pub fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text)
}

/// How many seconds the service asks us to stay away: `Retry-After` in either spelling.
fn retry_after(answer: &Answer, now: u64) -> Option<u64> {
    let value = answer.header("retry-after")?;
    value.trim().parse().ok().or_else(|| Some(clock::parse_http_date(value)?.saturating_sub(now)))
}

fn unauthenticated(answer: &Answer, key: &AuthKey, now: u64) -> String {
    if let Some(theirs) = answer.header("date").and_then(clock::parse_http_date) {
        let skew = theirs.abs_diff(now);
        if skew > SKEW {
            let which = if theirs > now { "behind" } else { "ahead" };
            return format!(
                "this machine's clock is {skew} s {which} ({} here, {} there): set it (NTP); tokens carry the time",
                clock::timestamp(now),
                clock::timestamp(theirs)
            );
        }
    }
    let kind = match key.owner() {
        Owner::Team { issuer } => {
            format!("tried as a Team key of issuer {issuer}; if it is an Individual key, leave `issuer` out")
        }
        Owner::Individual => "tried as an Individual key; if it is a Team key, set `issuer`".to_owned(),
    };
    format!(
        "{kind}; an Admin sees in App Store Connect (Users and Access, Integrations) whether key {} was revoked",
        key.id()
    )
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Answer { status, headers, body: body.as_bytes().to_vec() }
    }

    #[track_caller]
    fn check(answer: &Answer, kind: Kind, texts: &[&str]) {
        let key = AuthKey::new("ABC123DEFG", Owner::Individual, SigningKey::from_slice(&[7; 32]).unwrap());
        let error = of_notary("ask", answer, &key, NOW);
        assert_eq!(error.kind, kind, "{error}");
        texts.iter().for_each(|text| assert!(error.to_string().contains(text), "{error}"));
    }

    #[track_caller]
    fn check_s3(status: u16, code: &str, kind: Kind) {
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>why</Message></Error>");
        let error = of_s3("upload", &answer(status, &[], &body));
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.to_string().contains(code));
    }

    #[test]
    fn a_plain_text_401_is_understood() {
        let text = "Unauthenticated\n\nRequest ID: ICM7XYZ.0.0\n";
        check(
            &answer(401, &[], text),
            Kind::Credentials,
            &["401: Unauthenticated Request ID", "Individual key"],
        );
    }

    #[test]
    fn a_clock_that_is_off_is_named() {
        let date = clock::http_date(NOW + 4000);
        check(&answer(401, &[("date", &date)], ""), Kind::Credentials, &["4000 s behind"]);
        let date = clock::http_date(NOW - 30);
        check(&answer(401, &[("date", &date)], ""), Kind::Credentials, &["tried as an Individual key"]);
    }

    #[test]
    fn the_three_meanings_of_403_have_three_people() {
        let body = r#"{"errors":[{"code":"FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED","detail":"A required agreement is missing or has expired."}]}"#;
        check(&answer(403, &[], body), Kind::Agreement, &["Account Holder"]);
        let body = r#"{"errors":[{"code":"FORBIDDEN","detail":"Invalid or inaccessible developer team ID for the provided Apple ID"}]}"#;
        check(&answer(403, &[], body), Kind::Role, &["another team"]);
        check(
            &answer(403, &[], r#"{"errors":[{"code":"FORBIDDEN_ERROR"}]}"#),
            Kind::Role,
            &["role Developer"],
        );
    }

    #[test]
    fn limits_and_troubles_may_be_tried_again_later() {
        let body = r#"{"errors":[{"status":"429","code":"RATE_LIMIT","detail":"Exceeded hourly limit of requests."}]}"#;
        let limited = answer(429, &[("retry-after", "17")], body);
        check(&limited, Kind::Throttled, &["hourly limit"]);
        let key = AuthKey::new("ABC123DEFG", Owner::Individual, SigningKey::from_slice(&[7; 32]).unwrap());
        assert_eq!(of_notary("ask", &limited, &key, NOW).retry_after, Some(17));
        check(&answer(500, &[], "Internal Server Error"), Kind::Transient, &["system-status"]);
        check(&answer(504, &[], "<html>Gateway</html>"), Kind::Transient, &["504"]);
        check(&answer(502, &[], ""), Kind::Transient, &["502 without a word"]);
    }

    #[test]
    fn s3_speaks_xml() {
        check_s3(400, "ExpiredToken", Kind::Expired);
        check_s3(503, "SlowDown", Kind::Transient);
        check_s3(403, "RequestTimeTooSkewed", Kind::Credentials);
        check_s3(403, "SignatureDoesNotMatch", Kind::Role);
        check_s3(400, "XAmzContentSHA256Mismatch", Kind::Transient);
        check_s3(400, "RequestTimeout", Kind::Transient);
        check_s3(400, "EntityTooSmall", Kind::Refused);
    }

    #[test]
    fn a_body_that_echoes_secrets_does_not_leak_them() {
        let body = "<Error><Code>InvalidAccessKeyId</Code><Message>no such key</Message><AWSAccessKeyId>ASIAIOSFODNN7EXAMPLE</AWSAccessKeyId></Error>";
        assert!(!of_s3("upload", &answer(403, &[], body)).to_string().contains("ASIA"));
        let error = of_s3("upload", &answer(403, &[], "Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln"));
        assert!(!error.to_string().contains("eyJ"), "{error}");
    }
}
