//! The notary's five questions: submit, status, log, history, and (through [`crate::upload`]) the bytes.
//!
//! ```text
//!   POST /submissions             name, sha256          ──▶ id, temporary S3 credentials
//!   GET  /submissions/<id>                              ──▶ In Progress | Accepted | Invalid | Rejected
//!   GET  /submissions/<id>/logs                         ──▶ a short-lived address, fetched without our token
//!   GET  /submissions                                   ──▶ the newest 100 of the team
//! ```
//! A fresh token per request; network faults are waited out here, so a caller sees only what stands.

use std::{cell::Cell, fmt};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    error::{Error, Kind, Result},
    fault,
    http::{Answer, Body, Endpoint, Http},
    jwt,
    key::AuthKey,
    pace::{Allowance, Stubbornness, stubbornly},
    sigv4,
};

/// Where the services are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The notary.
    pub notary: Endpoint,
    /// The ticket service (CloudKit); the address of the look-up itself.
    pub tickets: Endpoint,
    /// In place of S3: path-style requests go here. `None` is Amazon's.
    pub s3: Option<Endpoint>,
    /// Amazon's Transfer Acceleration (the default of Apple's tool) or the regional address, which some networks let through more readily.
    pub acceleration: Acceleration,
}

/// Which of Amazon's addresses takes the upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceleration {
    /// `…s3-accelerate.amazonaws.com`.
    On,
    /// `…s3.us-west-2.amazonaws.com`.
    Off,
}

/// Apple's notary; Apple's tool logs the same base.
pub const NOTARY: &str = "https://appstoreconnect.apple.com/notary/v2";
/// Apple's ticket service.
pub const TICKETS: &str =
    "https://api.apple-cloudkit.com/database/1/com.apple.gk.ticket-delivery/production/public/records/lookup";

impl Endpoints {
    /// Apple's, with whatever is given in place of them.
    pub fn new(notary: Option<&str>, tickets: Option<&str>, s3: Option<&str>) -> Result<Self> {
        Ok(Self {
            notary: Endpoint::parse(notary.unwrap_or(NOTARY))?,
            tickets: Endpoint::parse(tickets.unwrap_or(TICKETS))?,
            s3: s3.map(Endpoint::parse).transpose()?,
            acceleration: Acceleration::On,
        })
    }
}

/// What the notary says about a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// No verdict yet; also what an id says whose bytes never arrived.
    InProgress,
    /// Notarized.
    Accepted,
    /// Refused, with issues in the log.
    Invalid,
    /// Refused without looking: the team's account.
    Rejected,
    /// A word we do not know; not taken for a verdict.
    Unknown(String),
}

impl Status {
    /// From the word on the wire.
    pub fn parse(word: &str) -> Self {
        match word {
            "In Progress" => Status::InProgress,
            "Accepted" => Status::Accepted,
            "Invalid" => Status::Invalid,
            "Rejected" => Status::Rejected,
            other => Status::Unknown(crate::redact::excerpt(other.as_bytes(), 60)),
        }
    }

    /// Whether it will not change any more.
    pub fn is_verdict(&self) -> bool {
        matches!(self, Status::Accepted | Status::Invalid | Status::Rejected)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::InProgress => "In Progress",
            Status::Accepted => "Accepted",
            Status::Invalid => "Invalid",
            Status::Rejected => "Rejected",
            Status::Unknown(word) => word,
        })
    }
}

/// A submission as the notary lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Its id, a UUID.
    pub id: String,
    /// The name it was submitted under.
    pub name: String,
    /// When, as the service writes it.
    pub created: String,
    /// What the notary says.
    pub status: Status,
}

/// Leave to upload: the answer to a submission.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The id to ask for from now on.
    pub id: String,
    /// S3 bucket.
    pub bucket: String,
    /// S3 key, not encoded.
    pub object: String,
    /// Valid for 12 hours, for this key alone.
    pub credentials: sigv4::Credentials,
}

/// The notary, seen by one who holds a key.
pub struct Notary<'a> {
    http: &'a Http,
    endpoints: &'a Endpoints,
    key: &'a AuthKey,
    clock: &'a dyn Clock,
    notice: &'a dyn Fn(&str),
    allowance: Cell<Option<Allowance>>,
    webhook: Option<&'a Endpoint>,
}

impl<'a> Notary<'a> {
    /// `notice` hears of every retry.
    pub fn new(
        http: &'a Http,
        endpoints: &'a Endpoints,
        key: &'a AuthKey,
        clock: &'a dyn Clock,
        notice: &'a dyn Fn(&str),
    ) -> Self {
        Self { http, endpoints, key, clock, notice, allowance: Cell::new(None), webhook: None }
    }

    /// Asks the service to post to this address when a verdict is there. It carries none: the status is asked for all the same.
    #[must_use]
    pub fn telling(mut self, webhook: Option<&'a Endpoint>) -> Self {
        self.webhook = webhook;
        self
    }

    /// What was left of the hourly allowance at the last answer.
    pub fn allowance(&self) -> Option<Allowance> {
        self.allowance.get()
    }

    /// The key in use.
    pub fn key(&self) -> &AuthKey {
        self.key
    }

    /// The time that goes with the answers.
    pub fn clock(&self) -> &dyn Clock {
        self.clock
    }

    /// The connections in use.
    pub fn http(&self) -> &Http {
        self.http
    }

    /// Where the services are.
    pub fn endpoints(&self) -> &Endpoints {
        self.endpoints
    }

    /// Who hears of retries.
    pub fn notice(&self) -> &dyn Fn(&str) {
        self.notice
    }

    /// Announces bytes and gets leave to upload them. An id whose answer was lost holds no bytes and harms nobody.
    pub fn submit(&self, name: &str, sha256: &str) -> Result<Grant> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Attributes {
            aws_access_key_id: String,
            aws_secret_access_key: String,
            aws_session_token: String,
            bucket: String,
            object: String,
        }
        let doing = format!("submit {name}");
        let told = self.webhook.iter();
        let notifications: Vec<_> =
            told.map(|it| serde_json::json!({"channel": "webhook", "target": it.base()})).collect();
        let body =
            serde_json::json!({"submissionName": name, "sha256": sha256, "notifications": notifications})
                .to_string();
        let (id, it): (String, Attributes) = self.ask(&doing, "POST", "/submissions", Some(&body))?;
        let credentials = sigv4::Credentials {
            access_key: it.aws_access_key_id,
            secret: Zeroizing::new(it.aws_secret_access_key),
            session_token: Some(Zeroizing::new(it.aws_session_token)),
        };
        // The bucket becomes part of a host name.
        let bucket_fits =
            it.bucket.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || b".-".contains(&it));
        if it.bucket.is_empty() || !bucket_fits || it.object.is_empty() {
            return Err(Error::answer(doing, "the upload address is not one"));
        }
        Ok(Grant { id, bucket: it.bucket, object: it.object, credentials })
    }

    /// What the notary says about a submission.
    pub fn status(&self, id: &str) -> Result<Submission> {
        let path = format!("/submissions/{}", sigv4::encode(id));
        let (id, it): (String, Listed) =
            self.ask(&format!("ask for the status of {id}"), "GET", &path, None)?;
        Ok(it.with(id))
    }

    /// The newest submissions of the team, at most 100; also the cheapest way to see whether the key is good.
    pub fn history(&self) -> Result<Vec<Submission>> {
        #[derive(Deserialize)]
        struct Reply {
            data: Vec<Data<Listed>>,
        }
        let doing = "list the submissions";
        let reply: Reply = self.fetch(doing, "GET", "/submissions", None)?;
        Ok(reply.data.into_iter().map(|it| it.attributes.with(it.id)).collect())
    }

    /// The developer log as it came. [`Kind::NotFound`] until there is a verdict.
    pub fn log(&self, id: &str) -> Result<Vec<u8>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Attributes {
            developer_log_url: String,
        }
        let doing = format!("fetch the log of {id}");
        let path = format!("/submissions/{}/logs", sigv4::encode(id));
        // The address lives for minutes and carries a token: a new one for every try, never kept, never printed.
        stubbornly(self.clock, Stubbornness::REQUEST, self.notice, || {
            let (_, it): (String, Attributes) = self.ask(&doing, "GET", &path, None)?;
            let address = Zeroizing::new(it.developer_log_url);
            let place = address.split('?').next().unwrap_or_default();
            Endpoint::parse(place)?;
            let answer = self.http.exchange(&doing, "GET", &address, &[], Body::Empty)?;
            if answer.is_success() {
                // Half a document is a broken connection that nobody noticed.
                let complete = serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body);
                return match complete {
                    Ok(_) => Ok(answer.body),
                    Err(_) => Err(Error::new(Kind::Transient, &doing, "the log is not complete JSON")),
                };
            }
            // An address that has expired says 403; the next one will do.
            let mut error = fault::of_s3(&doing, &answer);
            if matches!(error.kind, Kind::Role | Kind::Expired) {
                error.kind = Kind::Transient;
            }
            Err(error)
        })
    }

    fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        doing: &str,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<(String, T)> {
        #[derive(Deserialize)]
        #[serde(bound = "T: for<'any> Deserialize<'any>")]
        struct Reply<T> {
            data: Data<T>,
        }
        let reply: Reply<T> = self.fetch(doing, method, path, body)?;
        Ok((reply.data.id, reply.data.attributes))
    }

    /// One question, asked until it is answered or refused.
    fn fetch<T: for<'de> Deserialize<'de>>(
        &self,
        doing: &str,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<T> {
        stubbornly(self.clock, Stubbornness::REQUEST, self.notice, || {
            let answer = self.once(doing, method, path, body)?;
            if !answer.is_success() {
                return Err(fault::of_notary(doing, &answer, self.key, self.clock.now()));
            }
            // An answer that breaks off in the middle is a broken connection that nobody noticed. The text of the
            // JSON error is not shown: it may quote credentials.
            serde_json::from_slice(&answer.body).map_err(|error| {
                let cause = format!(
                    "the answer is not what was expected (line {}, column {})",
                    error.line(),
                    error.column()
                );
                Error::new(Kind::Transient, doing, cause)
            })
        })
    }

    fn once(&self, doing: &str, method: &str, path: &str, body: Option<&str>) -> Result<Answer> {
        let token = jwt::mint(self.key, self.clock.now());
        let bearer = Zeroizing::new(format!("Bearer {}", token.expose()));
        let headers = [
            ("authorization", bearer.as_str()),
            ("accept", "application/json"),
            ("content-type", "application/json"),
        ];
        // A GET has no content type.
        let headers = if body.is_some() { &headers[..] } else { &headers[..2] };
        let address = format!("{}{path}", self.endpoints.notary.base());
        let body = body.map_or(Body::Empty, |it| Body::Bytes(it.as_bytes()));
        let answer = self.http.exchange(doing, method, &address, headers, body)?;
        if let Some(allowance) = answer.header("x-rate-limit").and_then(Allowance::parse) {
            self.allowance.set(Some(allowance));
        }
        Ok(answer)
    }
}

impl fmt::Debug for Notary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notary({}, {:?})", self.endpoints.notary, self.key)
    }
}

#[derive(Deserialize)]
struct Data<T> {
    id: String,
    attributes: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    created_date: String,
    status: String,
}

impl Listed {
    fn with(self, id: String) -> Submission {
        Submission { id, name: self.name, created: self.created_date, status: Status::parse(&self.status) }
    }
}
