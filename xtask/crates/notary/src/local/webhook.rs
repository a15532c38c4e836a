//! The word that a verdict is there, posted to whoever asked for it with the submission.
//!
//! ```text
//!   POST {"payload": "<JSON text: who, when; no verdict>", "signature": "<base64 ECDSA over the payload>", "cert_chain": "<base64 PEM>"}
//! ```
//! Apple's carries no verdict either: the status must still be asked for. Ours goes to this machine only.

use std::{sync::Arc, time::Duration};

use super::server::Shared;
use crate::{
    clock,
    error::{Error, Kind, Result},
    http::{Body, Endpoint, Http, Patience},
};

/// How often a listener that does not answer is tried.
const TRIES: u32 = 3;
/// How often it is looked whether the verdict is due, in real time.
const LOOK: Duration = Duration::from_millis(20);

/// The address in `notifications`, when it is one that we may post to.
pub fn target(notifications: &serde_json::Value) -> Result<Option<Endpoint>, String> {
    let Some(list) = notifications.as_array() else {
        return match notifications {
            serde_json::Value::Null => Ok(None),
            _ => Err("notifications is no list".to_owned()),
        };
    };
    let Some(first) = list.first() else { return Ok(None) };
    if first["channel"] != "webhook" {
        return Err("the only channel is webhook".to_owned());
    }
    let address = first["target"].as_str().ok_or("target is missing")?;
    let endpoint = Endpoint::parse(address).map_err(|error| error.cause)?;
    if endpoint.is_loopback() {
        Ok(Some(endpoint))
    } else {
        Err("a local notary posts to this machine only".to_owned())
    }
}

/// Posts to `target` once submission `id` has its verdict; ends without it when the notary does.
pub fn watch(shared: Arc<Shared>, id: String, started: u64, target: Endpoint) {
    std::thread::spawn(move || {
        loop {
            if shared.is_stopping() {
                return;
            }
            if let Some(at) = super::notary::verdict_at(&shared, &id) {
                let told = match post(&shared, &id, started, at, &target) {
                    Ok(()) => format!("told {target} that {id} has its verdict"),
                    Err(error) => error.to_string(),
                };
                (shared.settings.heard)(&told);
                return;
            }
            std::thread::sleep(LOOK);
        }
    });
}

fn post(shared: &Shared, id: &str, started: u64, at: u64, target: &Endpoint) -> Result<()> {
    let doing = "tell a webhook";
    let time = |unix: u64| clock::timestamp(unix).replace('Z', ".000Z");
    let payload = serde_json::json!({"completed_time": time(at), "event": "processing-complete", "start_time": time(started),
        "submission_id": id, "team_id": shared.settings.team})
    .to_string();
    let (signature, chain) =
        (shared.settings.seal)(payload.as_bytes()).map_err(|why| Error::local(doing, why))?;
    let base64 = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let body = serde_json::json!({"payload": payload, "signature": base64(&signature), "cert_chain": base64(&chain)});
    let body = body.to_string();
    let http = Http::new(None, Patience::default())?;
    let headers = [("content-type", "application/json")];
    let mut tries = 0;
    loop {
        tries += 1;
        let answer = http.exchange(doing, "POST", target.base(), &headers, Body::Bytes(body.as_bytes()));
        let error = match answer {
            Ok(it) if it.is_success() => return Ok(()),
            Ok(it) => Error::new(Kind::Refused, doing, format!("{target} answers {}", it.status)),
            Err(error) => error,
        };
        if tries >= TRIES {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(notifications: serde_json::Value, expected: Result<Option<&str>, &str>) {
        let found = target(&notifications);
        match expected {
            Ok(address) => {
                assert_eq!(found.map(|it| it.map(|it| it.to_string())), Ok(address.map(str::to_owned)))
            }
            Err(why) => assert!(found.clone().unwrap_err().contains(why), "{found:?}"),
        }
    }

    #[test]
    fn a_local_notary_posts_to_this_machine_only() {
        let one = |target: &str| serde_json::json!([{"channel": "webhook", "target": target}]);
        check(serde_json::Value::Null, Ok(None));
        check(serde_json::json!([]), Ok(None));
        check(one("http://127.0.0.1:1234/hook"), Ok(Some("http://127.0.0.1:1234/hook")));
        check(one("https://example.com/hook"), Err("this machine only"));
        check(one("http://example.com/hook"), Err("in the clear"));
        check(one("https://127.0.0.1.example.com"), Err("this machine only"));
        check(serde_json::json!([{"channel": "mail", "target": "x"}]), Err("only channel"));
        check(serde_json::json!("x"), Err("no list"));
    }
}
