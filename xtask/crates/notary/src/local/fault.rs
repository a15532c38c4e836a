//! Everything that was ever seen to go wrong with the notary, on demand.

use std::{fmt, str::FromStr};

use super::wire::Reply;

/// Which request is harmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `POST /submissions`.
    Submit,
    /// `GET /submissions/<id>`.
    Status,
    /// `GET /submissions`.
    History,
    /// `GET /submissions/<id>/logs`.
    LogAddress,
    /// The log itself.
    Log,
    /// The upload in one piece.
    Put,
    /// The start of an upload in parts.
    Begin,
    /// One part.
    Part,
    /// The request that makes the parts one object.
    Complete,
    /// The ticket look-up.
    LookUp,
}

impl Step {
    /// All of them, in the order in which a submission meets them.
    pub const ALL: [Step; 10] = [
        Step::History,
        Step::Submit,
        Step::Put,
        Step::Begin,
        Step::Part,
        Step::Complete,
        Step::Status,
        Step::LogAddress,
        Step::Log,
        Step::LookUp,
    ];

    /// As it is written on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Step::Submit => "submit",
            Step::Status => "status",
            Step::History => "history",
            Step::LogAddress => "log-address",
            Step::Log => "log",
            Step::Put => "put",
            Step::Begin => "begin",
            Step::Part => "part",
            Step::Complete => "complete",
            Step::LookUp => "look-up",
        }
    }

    fn is_s3(self) -> bool {
        matches!(self, Step::Put | Step::Begin | Step::Part | Step::Complete | Step::Log)
    }
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// The connection closes before the request is read to its end.
    Reset,
    /// The request is carried out, and the connection closes without an answer.
    LostAnswer,
    /// The answer stops in the middle.
    CutAnswer,
    /// The answer is complete HTTP, and half a document.
    HalfDocument,
    /// No answer for a while (of real time), then the connection closes.
    Hang,
    /// 401 in plain text.
    Unauthenticated,
    /// 403: an agreement.
    Agreement,
    /// 403: the key's role; on S3, access denied.
    Forbidden,
    /// 404.
    NotFound,
    /// 429, or what S3 and CloudKit say in its place.
    TooMany,
    /// 500 in plain text.
    Broken,
    /// 503, S3 says `SlowDown`.
    Unavailable,
    /// 504 in HTML.
    Gateway,
    /// S3: `ExpiredToken`. Elsewhere like [`Harm::Forbidden`].
    Expired,
}

impl Harm {
    /// All of them.
    pub const ALL: [Harm; 14] = [
        Harm::Reset,
        Harm::LostAnswer,
        Harm::CutAnswer,
        Harm::HalfDocument,
        Harm::Hang,
        Harm::Unauthenticated,
        Harm::Agreement,
        Harm::Forbidden,
        Harm::NotFound,
        Harm::TooMany,
        Harm::Broken,
        Harm::Unavailable,
        Harm::Gateway,
        Harm::Expired,
    ];

    /// As it is written on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Harm::Reset => "reset",
            Harm::LostAnswer => "lost-answer",
            Harm::CutAnswer => "cut-answer",
            Harm::HalfDocument => "half-document",
            Harm::Hang => "hang",
            Harm::Unauthenticated => "401",
            Harm::Agreement => "agreement",
            Harm::Forbidden => "403",
            Harm::NotFound => "404",
            Harm::TooMany => "429",
            Harm::Broken => "500",
            Harm::Unavailable => "503",
            Harm::Gateway => "504",
            Harm::Expired => "expired",
        }
    }

    /// The answer in place of the right one; `None` when the harm is done to the connection.
    pub(super) fn reply(self, step: Step) -> Option<Reply> {
        let api = |status: u16, code: &str, detail: &str| {
            let error = serde_json::json!({"id": "local", "status": status.to_string(), "code": code, "title": code, "detail": detail});
            Reply::json(status, &serde_json::json!({ "errors": [error] }))
        };
        Some(match (self, step.is_s3()) {
            (Harm::Reset | Harm::LostAnswer | Harm::CutAnswer | Harm::HalfDocument | Harm::Hang, _) => {
                return None;
            }
            (Harm::Unauthenticated, false) => Reply::text(401, "Unauthenticated\n\nRequest ID: LOCAL.0.0\n"),
            (Harm::Unauthenticated, true) => Reply::s3(401, "AccessDenied", "Access Denied"),
            (Harm::Agreement, false) => api(
                403,
                "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED",
                "A required agreement is missing or has expired. This request requires an in-effect agreement that has not been signed or has expired.",
            ),
            (Harm::Forbidden | Harm::Expired, false) => {
                api(403, "FORBIDDEN_ERROR", "The API key in use does not allow this request")
            }
            (Harm::Agreement | Harm::Forbidden, true) => Reply::s3(403, "AccessDenied", "Access Denied"),
            (Harm::Expired, true) => Reply::s3(400, "ExpiredToken", "The provided token has expired."),
            (Harm::NotFound, false) => {
                api(404, "NOT_FOUND", "There is no resource of type 'submissions' with this id")
            }
            (Harm::NotFound, true) => Reply::s3(404, "NoSuchUpload", "The specified upload does not exist"),
            (Harm::TooMany, _) if step == Step::LookUp => Reply::json(
                200,
                &serde_json::json!({"uuid": "local", "serverErrorCode": "THROTTLED", "retryAfter": 10}),
            ),
            (Harm::TooMany, false) => {
                api(429, "RATE_LIMIT", "Exceeded hourly limit of requests. Try again later.")
                    .with("x-rate-limit", "user-hour-lim:3500;user-hour-rem:0;")
            }
            (Harm::TooMany, true) | (Harm::Unavailable, true) => {
                Reply::s3(503, "SlowDown", "Please reduce your request rate.")
            }
            (Harm::Broken, _) => Reply::text(
                500,
                "Internal Server Error\nRequest ID: LOCAL\nPlease try again at a later time\n",
            ),
            (Harm::Unavailable, false) => Reply::text(503, "Service Unavailable"),
            (Harm::Gateway, _) => Reply::new(
                504,
                "text/html",
                "<html><head><title>504 Gateway Time-out</title></head></html>".into(),
            ),
        })
    }
}

/// A harm to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// To which request.
    pub step: Step,
    /// Which.
    pub harm: Harm,
    /// To how many of them in a row.
    pub times: u32,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.step.name(), self.harm.name(), self.times)
    }
}

impl FromStr for Fault {
    type Err = String;

    /// `status:429:2`; without a number, once.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let (step, harm, times) =
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
        let names = |names: Vec<&str>| names.join(", ");
        let step = Step::ALL
            .into_iter()
            .find(|it| it.name() == step)
            .ok_or_else(|| format!("`{step}` is no step: {}", names(Step::ALL.map(Step::name).to_vec())))?;
        let harm = Harm::ALL
            .into_iter()
            .find(|it| it.name() == harm)
            .ok_or_else(|| format!("`{harm}` is no fault: {}", names(Harm::ALL.map(Harm::name).to_vec())))?;
        let times = times.map_or(Ok(1), str::parse).map_err(|_| "how often is no number".to_owned())?;
        Ok(Self { step, harm, times })
    }
}

/// How the notary rules, whatever the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ruling {
    /// As the examination says.
    #[default]
    Examined,
    /// The first `n` submissions stay In Progress for ever.
    Stuck(u32),
    /// The first `n` submissions disappear (404) once uploaded.
    Vanishing(u32),
    /// Rejected, 7000: the team is not configured.
    Rejected,
    /// A word that is no status.
    Unknown,
}

/// What is wrong with tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TicketFault {
    /// Nothing.
    #[default]
    None,
    /// One bit is flipped.
    Corrupted,
    /// It covers other code.
    OfAnother,
    /// The record comes twice in one answer.
    Duplicate,
    /// It never appears.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_can_be_asked_for_on_a_command_line() {
        for step in Step::ALL {
            for harm in Harm::ALL {
                let fault = Fault { step, harm, times: 3 };
                assert_eq!(fault.to_string().parse(), Ok(fault));
            }
        }
        assert_eq!("put:reset".parse::<Fault>().unwrap().times, 1);
        assert!("put:rest".parse::<Fault>().unwrap_err().contains("lost-answer"));
        assert!("x:reset".parse::<Fault>().unwrap_err().contains("look-up"));
        assert!("put:reset:x".parse::<Fault>().is_err());
    }
}
