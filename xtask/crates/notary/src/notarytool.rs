//! What Apple's `notarytool` is told and what it answers: arguments and JSON as data. Whoever starts it is somebody else.
//!
//! ```text
//!   submit   {"id": "…", "message": "Successfully uploaded file", "path": "…"}
//!   info     {"id": "…", "createdDate": "…", "name": "…", "status": "Accepted", "message": "…"}
//!   history  {"history": [{"id", "createdDate", "name", "status"}, …], "message": "…"}
//!   log      the developer log itself
//! ```
//! Failures are told apart by their text: the exit codes are not documented. Shapes and texts are those that people published; not yet seen on a
//! Mac of ours.

use std::{ffi::OsString, path::Path};

use serde::Deserialize;

use crate::{
    client::{Status, Submission},
    error::{Error, Kind, Result},
    redact::excerpt,
};

/// Characters of an answer that go into a message.
const EXCERPT: usize = 300;

/// Arguments that hand a file in.
pub fn submit(file: &Path, profile: &str, no_acceleration: bool, webhook: Option<&str>) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["submit".into(), file.into()];
    args.extend(credentials(profile));
    args.extend(["--output-format", "json", "--no-progress"].map(OsString::from));
    args.extend(no_acceleration.then(|| "--no-s3-acceleration".into()));
    args.extend(webhook.into_iter().flat_map(|it| ["--webhook".into(), OsString::from(it)]));
    args
}

/// Arguments that ask for a status.
pub fn info(id: &str, profile: &str) -> Result<Vec<OsString>> {
    about("info", id, profile, &["--output-format", "json"])
}

/// Arguments that fetch a log, to standard output.
pub fn log(id: &str, profile: &str) -> Result<Vec<OsString>> {
    about("log", id, profile, &[])
}

/// Arguments that list the newest submissions.
pub fn list(profile: &str) -> Vec<OsString> {
    let mut args = vec!["history".into()];
    args.extend(credentials(profile));
    args.extend(["--output-format", "json"].map(OsString::from));
    args
}

/// Whether a word can be the name of a profile: one that looks like an option would be taken for one.
pub fn is_profile(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('-') && !name.contains(char::is_control)
}

fn about(verb: &str, id: &str, profile: &str, more: &[&str]) -> Result<Vec<OsString>> {
    let is_id = !id.is_empty()
        && !id.starts_with('-')
        && id.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    if !is_id {
        let cause = format!("`{}` is no submission id", excerpt(id.as_bytes(), 60));
        return Err(Error::local(format!("ask for {verb}"), cause));
    }
    let mut args = vec![verb.into(), id.into()];
    args.extend(credentials(profile));
    args.extend(more.iter().map(OsString::from));
    Ok(args)
}

fn credentials(profile: &str) -> [OsString; 2] {
    ["--keychain-profile".into(), profile.into()]
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    created_date: String,
    status: String,
}

impl Listed {
    fn submission(self) -> Submission {
        Submission {
            id: self.id,
            name: self.name,
            created: self.created_date,
            status: Status::parse(&self.status),
        }
    }
}

/// The id of what was handed in.
pub fn submitted(doing: &str, stdout: &[u8]) -> Result<String> {
    #[derive(Deserialize)]
    struct Reply {
        id: String,
    }
    // The upload is over; that the answer makes no sense does not undo it. The history will know the id.
    let reply: Reply = parse(doing, stdout)?;
    if reply.id.is_empty() {
        return Err(Error::new(Kind::Transient, doing, "notarytool tells no id"));
    }
    Ok(reply.id)
}

/// What the notary says about a submission.
pub fn status(doing: &str, stdout: &[u8]) -> Result<Submission> {
    parse::<Listed>(doing, stdout).map(Listed::submission)
}

/// The newest submissions.
pub fn history(doing: &str, stdout: &[u8]) -> Result<Vec<Submission>> {
    #[derive(Deserialize)]
    struct Reply {
        history: Vec<Listed>,
    }
    parse::<Reply>(doing, stdout).map(|it| it.history.into_iter().map(Listed::submission).collect())
}

/// Half an answer is a tool that was ended, so it counts as a fault that may pass.
fn parse<T: for<'de> Deserialize<'de>>(doing: &str, stdout: &[u8]) -> Result<T> {
    serde_json::from_slice(stdout).map_err(|error| {
        let said = excerpt(stdout, EXCERPT);
        Error::new(
            Kind::Transient,
            doing,
            format!("notarytool's answer is not the expected JSON ({error}): {said}"),
        )
    })
}

/// A text that notarytool is known to fail with, and what it means.
struct Known {
    /// Lower case; one of them occurs.
    says: &'static [&'static str],
    kind: Kind,
    hint: Option<&'static str>,
}

/// The more specific ones first.
const KNOWN: [Known; 10] = [
    Known {
        says: &["no keychain password item found for profile"],
        kind: Kind::Local,
        hint: Some(
            "the profile is missing, or the keychain that holds it is locked (after sleep, over ssh): \
             `security unlock-keychain`, then `xcrun notarytool history --keychain-profile NAME`; \
             `xcrun notarytool store-credentials NAME` makes it",
        ),
    },
    Known {
        says: &["agreement"],
        kind: Kind::Agreement,
        hint: Some(
            "the Account Holder of the team must accept the agreement at https://appstoreconnect.apple.com/business; \
             it takes some minutes to have effect",
        ),
    },
    Known {
        says: &["team id", "developer team"],
        kind: Kind::Role,
        hint: Some("the credentials of the profile belong to another team: store those of the right one"),
    },
    Known {
        says: &["status code: 401", "unauthenticated", "invalid credentials", "app-specific password"],
        kind: Kind::Credentials,
        hint: Some(
            "the password or key in the profile was revoked or is of another account: `xcrun notarytool store-credentials NAME` again",
        ),
    },
    Known {
        says: &["status code: 403", "forbidden"],
        kind: Kind::Role,
        hint: Some("an Admin must give the key or account of the profile the role Developer or higher"),
    },
    Known {
        says: &["status code: 404", "does not exist", "not yet available", "no resource of type"],
        kind: Kind::NotFound,
        hint: None,
    },
    Known {
        says: &["status code: 429", "rate_limit", "hourly limit"],
        kind: Kind::Throttled,
        hint: Some("the hourly limit counts over all machines that use these credentials"),
    },
    Known {
        says: &["status code: 5", "internal server error", "gateway", "service unavailable"],
        kind: Kind::Transient,
        hint: Some("the service is in trouble: https://developer.apple.com/system-status"),
    },
    Known {
        says: &[
            "nsurlerrordomain",
            "timed out",
            "offline",
            "connection was lost",
            "connecttimeout",
            "deadlineexceeded",
            "abortedupload",
            "not connect to the server",
            "could not be found",
            "network",
        ],
        kind: Kind::Transient,
        hint: Some(
            "is this machine on-line? some networks do not let the accelerated address through: --no-s3-acceleration",
        ),
    },
    Known {
        says: &["unable to find utility"],
        kind: Kind::Local,
        hint: Some("notarytool comes with Xcode 13 and later: `xcode-select -p` must name one"),
    },
];

/// Why the tool did not do it.
pub fn refusal(doing: &str, profile: &str, stderr: &str, stdout: &str) -> Error {
    let said = if stderr.trim().is_empty() { stdout } else { stderr };
    let said = said.trim().trim_start_matches("Error: ");
    let lower = said.to_ascii_lowercase();
    let known = KNOWN.iter().find(|it| it.says.iter().any(|says| lower.contains(says)));
    let cause = match said.is_empty() {
        true => "notarytool ended without a word".to_owned(),
        false => format!("notarytool says: {}", excerpt(said.as_bytes(), EXCERPT)),
    };
    match known {
        Some(it) => {
            let error = Error::new(it.kind, doing, cause);
            match it.hint {
                Some(hint) => error.hint(hint.replace("NAME", profile)),
                None => error,
            }
        }
        // Without a word it was ended from outside, or crashed as it did on plain-text answers of the service.
        None if said.is_empty() => Error::new(Kind::Transient, doing, cause),
        None => Error::new(Kind::Refused, doing, cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(args: Vec<OsString>) -> String {
        args.iter().map(|it| it.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_tool_is_told_this() {
        let path = Path::new("/w/Host-0e8e7755.pkg");
        assert_eq!(
            line(submit(path, "p", false, None)),
            "submit /w/Host-0e8e7755.pkg --keychain-profile p --output-format json --no-progress"
        );
        assert_eq!(
            line(submit(path, "p", true, Some("https://example.com/hook"))),
            "submit /w/Host-0e8e7755.pkg --keychain-profile p --output-format json --no-progress --no-s3-acceleration \
             --webhook https://example.com/hook"
        );
        assert_eq!(
            line(info("1238aa04-96fe", "p").unwrap()),
            "info 1238aa04-96fe --keychain-profile p --output-format json"
        );
        assert_eq!(line(log("1238aa04-96fe", "p").unwrap()), "log 1238aa04-96fe --keychain-profile p");
        assert_eq!(line(list("p")), "history --keychain-profile p --output-format json");
    }

    #[test]
    fn what_looks_like_an_option_is_no_id_and_no_profile() {
        assert!(info("--help", "p").is_err());
        assert!(log("a b", "p").is_err());
        assert!(info("", "p").is_err());
        assert!(!is_profile("--key") && !is_profile("") && is_profile("My Company (release)"));
    }

    #[test]
    fn answers_are_read() {
        let text = br#"{"path":"/w/x.pkg","message":"Successfully uploaded file","id":"1238aa04"}"#;
        assert_eq!(submitted("submit", text).unwrap(), "1238aa04");
        let text = br#"{"message":"Successfully received submission info","createdDate":"2026-06-17T12:07:35.000Z","id":"1","name":"x.pkg","status":"Accepted"}"#;
        assert_eq!(status("ask", text).unwrap().status, Status::Accepted);
        let text = br#"{"message":"Successfully received submission history.","history":[{"id":"1","name":"x.pkg","status":"In Progress","createdDate":"d"},{"id":"2","status":"Invalid"}]}"#;
        let listed = history("list", text).unwrap();
        assert_eq!(
            listed.iter().map(|it| it.status.to_string()).collect::<Vec<_>>(),
            ["In Progress", "Invalid"]
        );
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_no_success() {
        for text in ["", "{}", "Conducting pre-submission checks", r#"{"id":""}"#, r#"{"id":"1"#] {
            assert_eq!(submitted("submit", text.as_bytes()).unwrap_err().kind, Kind::Transient, "{text}");
        }
        assert!(status("ask", br#"{"id":"1"}"#).is_err());
    }

    #[track_caller]
    fn check(said: &str, kind: Kind, hint: &str) {
        let error = refusal("ask", "my-profile", said, "");
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.to_string().contains(hint), "{error}");
    }

    /// As people quote them.
    #[test]
    fn failures_are_told_apart() {
        check(
            "Error: No Keychain password item found for profile: my-profile",
            Kind::Local,
            "store-credentials my-profile",
        );
        check(
            "Error: HTTP status code: 401. Unauthenticated\n\nRequest ID: ICM7.0.0",
            Kind::Credentials,
            "my-profile",
        );
        check(
            "Error: HTTP status code: 401. Invalid credentials. Username or password is incorrect. Use the app-specific password generated at appleid.apple.com.",
            Kind::Credentials,
            "revoked",
        );
        check(
            "Error: HTTP status code: 403. A required agreement is missing or has expired. This request requires an in-effect agreement that has not been signed or has expired.",
            Kind::Agreement,
            "Account Holder",
        );
        check(
            "Error: HTTP status code: 403. Invalid or inaccessible developer team ID for the provided Apple ID.",
            Kind::Role,
            "another team",
        );
        check(
            "Submission log is not yet available or submissionId does not exist",
            Kind::NotFound,
            "not yet available",
        );
        check("Error: HTTP status code: 500. Internal Server Error", Kind::Transient, "system-status");
        check(
            "Error: The operation couldn't be completed. (NSURLErrorDomain error -1009.)",
            Kind::Transient,
            "on-line",
        );
        check(
            "Error: abortedUpload(resumeRequest: …, error: HTTPClientError.connectTimeout)",
            Kind::Transient,
            "--no-s3-acceleration",
        );
        check(
            "xcrun: error: unable to find utility \"notarytool\", not a developer tool or in PATH",
            Kind::Local,
            "Xcode 13",
        );
        check("", Kind::Transient, "without a word");
        check("Error: the moon is in the wrong house", Kind::Refused, "the moon");
    }
}
