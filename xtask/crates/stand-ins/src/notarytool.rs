//! `notarytool` in front of a local notary: our own client does the work, and the answers look like the real tool's.
//!
//! `store-credentials NAME` makes a profile; a profile that was not made is not found, as on a Mac. The notary it speaks to and the key that
//! opens it come from the environment; without them only a script can answer.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use notary::{
    AuthKey, Clock, Kind,
    client::{Endpoints, Notary, Submission},
    http::{Endpoint, Http, Patience},
    key::Hints,
    upload::{self, Goods, Sizes},
};
use sha2::{Digest as _, Sha256};

use crate::{
    run::{Answer, Bench},
    synopsis::Words,
};

/// The variable that names the local notary, `http://127.0.0.1:PORT`.
pub const NOTARY: &str = "XTASK_STAND_IN_NOTARY";
/// The variable that names the file with the key that it accepts.
pub const NOTARY_KEY: &str = "XTASK_STAND_IN_NOTARY_KEY";

/// What the real tool exits with when it cannot find a profile (EX_UNAVAILABLE).
const NO_PROFILE: u8 = 69;

pub(crate) fn behave(words: &Words, bench: &Bench) -> io::Result<Answer> {
    let profiles = bench.state.join("notarytool-profiles");
    if words.verb.as_deref() == Some("store-credentials") {
        let name = words.operands.first().map_or("default", String::as_str);
        fs::create_dir_all(&profiles)?;
        fs::write(profiles.join(hex(name.as_bytes())), "")?;
        return Ok(Answer::says(format!("Credentials saved to Keychain. Use profile \"{name}\".\n")));
    }
    let Some(profile) = words.value("-p") else {
        return Ok(Answer::fails(64, "Error: Must specify credentials.\n"));
    };
    if !profiles.join(hex(profile.as_bytes())).exists() {
        let why = format!(
            "Error: No Keychain password item found for profile: {profile}\n\nRun 'notarytool store-credentials' to create another credential profile.\n"
        );
        return Ok(Answer::fails(NO_PROFILE, why));
    }
    let (Some(address), Some(key)) = (std::env::var_os(NOTARY), std::env::var_os(NOTARY_KEY)) else {
        return Ok(Answer::cannot("notarytool", "talking to Apple"));
    };
    match talk(words, &address.to_string_lossy(), Path::new(&key)) {
        Ok(text) => Ok(Answer::says(text + "\n")),
        Err(error) if error.kind == Kind::NotFound && words.verb.as_deref() == Some("log") => {
            Ok(Answer::fails(1, "Submission log is not yet available or submissionId does not exist\n"))
        }
        // The cause begins with the status.
        Err(error) => Ok(Answer::fails(1, format!("Error: HTTP status code: {}\n", error.cause))),
    }
}

fn talk(words: &Words, address: &str, key: &Path) -> notary::Result<String> {
    let local = |error: io::Error| notary::Error::local("notarytool", error);
    let text = fs::read_to_string(key).map_err(local)?;
    let key = AuthKey::read(&text, &Hints::default())?;
    let endpoints: Endpoints = notary::local::endpoints(address)?;
    let http = Http::new(None, Patience::default())?;
    let webhook = words.value("--webhook").map(Endpoint::parse).transpose()?;
    let notary = Notary::new(&http, &endpoints, &key, &NOW, &|_| {}).telling(webhook.as_ref());
    let operand = words.operands.first().cloned().unwrap_or_default();
    let listed = |it: &Submission| serde_json::json!({"id": it.id, "createdDate": it.created, "name": it.name, "status": it.status.to_string()});
    match words.verb.as_deref() {
        Some("submit") => {
            let path = PathBuf::from(&operand);
            let bytes = fs::read(&path).map_err(local)?;
            let sha256: [u8; 32] = Sha256::digest(&bytes).into();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let grant = notary.submit(&name, &hex(&sha256))?;
            let goods = Goods {
                source: &bytes,
                sha256,
                unchanged: &|| Ok(()),
                progress: &|_, _| {},
                sizes: Sizes::default(),
            };
            upload::upload(&notary, &grant, &goods, &mut |_| Ok(()))?;
            Ok(serde_json::json!({"id": grant.id, "message": "Successfully uploaded file", "path": operand})
                .to_string())
        }
        Some("info") => {
            let mut info = listed(&notary.status(&operand)?);
            info["message"] = "Successfully received submission info".into();
            Ok(info.to_string())
        }
        Some("history") => {
            let history: Vec<_> = notary.history()?.iter().map(listed).collect();
            Ok(serde_json::json!({"history": history, "message": "Successfully received submission history."}).to_string())
        }
        Some("log") => Ok(String::from_utf8_lossy(&notary.log(&operand)?).into_owned()),
        other => Err(notary::Error::local("notarytool", format!("no stand-in for {other:?}"))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// The machine's clock. It does not wait: the real tool has its own idea of retries, and a test wants to see ours.
struct Now;

static NOW: Now = Now;

impl Clock for Now {
    fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
    }

    fn sleep(&self, pause: Duration) -> notary::Result<()> {
        if pause.is_zero() {
            return Ok(());
        }
        Err(notary::Error::local("wait", "a stand-in does not retry"))
    }
}
