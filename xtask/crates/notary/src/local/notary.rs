//! Submissions, their verdicts, their logs and their tickets.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::Duration,
};

use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{
    Examination, Ruling, Step, TicketFault,
    server::Shared,
    webhook,
    wire::{Head, Reply},
};
use crate::{
    clock, jwt,
    lookup::Hash,
    sigv4::{Credentials, hex},
};

/// How long a request waits for an examination, in real time; what takes longer (gigabytes) is In Progress until it is done.
const EXAMINATION_PATIENCE: Duration = Duration::from_secs(2);
/// How long the address of a log is good, in seconds.
const LOG_ADDRESS_LIVES: u64 = 300;

/// All that was submitted, oldest first.
#[derive(Default)]
pub struct State {
    submissions: Vec<Submitted>,
}

struct Submitted {
    id: String,
    name: String,
    sha256: String,
    created: u64,
    credentials: Credentials,
    /// Tags of the parts that came.
    parts: BTreeMap<u32, String>,
    /// When the last byte came, and in how many parts.
    uploaded: Option<(u64, u32)>,
    /// Where the result of its examination will come from.
    examining: Option<Receiver<Result<Examination, String>>>,
    verdict: Option<Verdict>,
}

struct Verdict {
    at: u64,
    status: &'static str,
    log: String,
    covered: BTreeSet<Hash>,
    ticket: Option<Vec<u8>>,
    is_mismatch: bool,
}

impl State {
    pub fn n_uploads(&self) -> usize {
        self.submissions.iter().filter(|it| it.uploaded.is_some()).count()
    }

    pub fn has_mismatch(&self) -> bool {
        self.submissions.iter().filter_map(|it| it.verdict.as_ref()).any(|it| it.is_mismatch)
    }

    pub fn credentials(&self, id: &str) -> Option<(&Credentials, u64)> {
        self.submissions.iter().find(|it| it.id == id).map(|it| (&it.credentials, it.created))
    }

    pub fn part(&mut self, id: &str, part: u32, tag: &str) {
        if let Some(it) = self.find(id) {
            it.parts.insert(part, tag.to_owned());
        }
    }

    pub fn uploaded(&mut self, id: &str, n_parts: u32, now: u64) {
        if let Some(it) = self.find(id) {
            it.uploaded = Some((now, n_parts));
        }
    }

    pub fn complete(&mut self, id: &str, parts: &[(u32, String)], now: u64) -> Result<(), &'static str> {
        let submitted = self.find(id).ok_or("NoSuchUpload")?;
        let theirs: Vec<(u32, String)> =
            submitted.parts.iter().map(|(number, tag)| (*number, tag.clone())).collect();
        let in_order = parts.iter().enumerate().all(|(at, (number, _))| *number as usize == at + 1);
        if parts.is_empty() || theirs != parts || !in_order {
            return Err("InvalidPart");
        }
        submitted.uploaded = Some((now, u32::try_from(parts.len()).map_err(|_| "InvalidPart")?));
        Ok(())
    }

    fn find(&mut self, id: &str) -> Option<&mut Submitted> {
        self.submissions.iter_mut().find(|it| it.id == id)
    }
}

/// One request to the API, to a log or to the ticket service.
pub fn answer(shared: &Arc<Shared>, head: &Head, step: Step, document: &[u8]) -> Reply {
    match step {
        Step::Log => return log(shared, head),
        Step::LookUp => return look_up(shared, document),
        _ => {}
    }
    if let Err(why) = authenticate(shared, head) {
        // Apple does not say why; a rehearsal may.
        return Reply::text(401, &format!("Unauthenticated\n\n{why}\n\nRequest ID: LOCAL.0.0\n"));
    }
    let (allowance, is_allowed) = shared.count();
    if !is_allowed {
        let detail = "Exceeded hourly limit of requests. Try again later.";
        return api_error(429, "RATE_LIMIT", detail).with("x-rate-limit", allowance);
    }
    let mut rest = head.path.trim_start_matches("/notary/v2/submissions").trim_matches('/').split('/');
    let id = rest.next().unwrap_or_default();
    let reply = match step {
        Step::Submit => submit(shared, document),
        Step::History => history(shared),
        Step::Status => status(shared, id),
        Step::LogAddress => log_address(shared, id),
        Step::Log | Step::LookUp | Step::Put | Step::Begin | Step::Part | Step::Complete => {
            Reply::text(500, "a request that does not belong here")
        }
    };
    reply.with("x-rate-limit", allowance)
}

fn authenticate(shared: &Shared, head: &Head) -> Result<(), String> {
    let token = head.header("authorization").and_then(|it| it.strip_prefix("Bearer ")).ok_or("no token")?;
    let known = &shared.settings.key;
    jwt::verify(token, &known.id, &known.owner, &known.key, shared.now())
}

fn submit(shared: &Arc<Shared>, document: &[u8]) -> Reply {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wanted {
        submission_name: String,
        sha256: String,
        #[serde(default)]
        notifications: serde_json::Value,
    }
    let wanted: Wanted = match serde_json::from_slice(document) {
        Ok(wanted) => wanted,
        Err(_) => return api_error(400, "PARAMETER_ERROR", "submissionName and sha256 are required"),
    };
    if wanted.sha256.len() != 64 || !wanted.sha256.bytes().all(|it| it.is_ascii_hexdigit()) {
        return api_error(400, "PARAMETER_ERROR.INVALID", "sha256 is not 64 hex digits");
    }
    let listener = match webhook::target(&wanted.notifications) {
        Ok(listener) => listener,
        Err(why) => return api_error(400, "PARAMETER_ERROR.INVALID", &why),
    };
    let now = shared.now();
    let mut state = shared.state();
    let number = state.submissions.len();
    // Neither clock nor port: what is written about a rehearsal (`manifest.json` has this id) is the same when it is done again.
    let seed = Sha256::digest(format!(
        "{}\n{}\n{number}",
        wanted.submission_name,
        wanted.sha256.to_ascii_lowercase()
    ));
    let text = hex(&seed);
    let piece = |from: usize, len: usize| text.get(from..from + len).unwrap_or_default();
    let id = format!("{}-{}-4{}-a{}-{}", piece(0, 8), piece(8, 4), piece(12, 3), piece(15, 3), piece(18, 12));
    let credentials = Credentials {
        access_key: format!("ASIA{}", piece(30, 16).to_uppercase()),
        secret: Zeroizing::new(
            hex(&Sha256::digest([&seed[..], b"secret"].concat())).get(..40).unwrap_or_default().to_owned(),
        ),
        session_token: Some(Zeroizing::new(hex(&Sha256::digest([&seed[..], b"token"].concat())))),
    };
    let reply = Reply::json(
        200,
        &serde_json::json!({"data": {"type": "newSubmissions", "id": id, "attributes": {
            "awsAccessKeyId": credentials.access_key, "awsSecretAccessKey": credentials.secret.as_str(),
            "awsSessionToken": credentials.session_token.as_deref(),
            "bucket": "notary-submissions-prod", "object": format!("prod/AROALOCAL:{id}")}}, "meta": {}}),
    );
    if let Some(listener) = listener {
        webhook::watch(Arc::clone(shared), id.clone(), now, listener);
    }
    state.submissions.push(Submitted {
        id,
        name: wanted.submission_name,
        sha256: wanted.sha256.to_ascii_lowercase(),
        created: now,
        credentials,
        parts: BTreeMap::new(),
        uploaded: None,
        examining: None,
        verdict: None,
    });
    reply
}

/// When submission `id` got its verdict; `None` while it has none.
pub fn verdict_at(shared: &Arc<Shared>, id: &str) -> Option<u64> {
    let mut state = shared.state();
    let at = state.submissions.iter().position(|it| it.id == id)?;
    settle(shared, &mut state, at);
    state.submissions.get(at)?.verdict.as_ref().map(|it| it.at)
}

fn history(shared: &Arc<Shared>) -> Reply {
    let mut state = shared.state();
    for at in 0..state.submissions.len() {
        settle(shared, &mut state, at);
    }
    let data: Vec<_> = (0..state.submissions.len())
        .rev()
        .filter(|at| !is_vanished(shared, &state, *at))
        .take(100)
        .filter_map(|at| Some(described(shared, state.submissions.get(at)?, &state, at)))
        .collect();
    Reply::json(200, &serde_json::json!({"data": data, "meta": {}}))
}

fn status(shared: &Arc<Shared>, id: &str) -> Reply {
    let mut state = shared.state();
    let Some(at) = state.submissions.iter().position(|it| it.id == id) else {
        return no_such("submissions", id);
    };
    settle(shared, &mut state, at);
    match state.submissions.get(at) {
        Some(it) if !is_vanished(shared, &state, at) => {
            Reply::json(200, &serde_json::json!({"data": described(shared, it, &state, at), "meta": {}}))
        }
        _ => no_such("submissions", id),
    }
}

fn described(shared: &Shared, it: &Submitted, state: &State, at: usize) -> serde_json::Value {
    let status = match (&it.verdict, shared.settings.ruling) {
        (Some(_), Ruling::Unknown) => "Pondering",
        (Some(_), Ruling::Stuck(n)) if nth_upload(state, at) < n as usize => "In Progress",
        (Some(verdict), _) => verdict.status,
        (None, _) => "In Progress",
    };
    let created = clock::timestamp(it.created).replace('Z', ".000Z");
    serde_json::json!({"id": it.id, "type": "submissions",
        "attributes": {"createdDate": created, "name": it.name, "status": status}})
}

fn log_address(shared: &Arc<Shared>, id: &str) -> Reply {
    let mut state = shared.state();
    let position = state.submissions.iter().position(|it| it.id == id);
    if let Some(at) = position {
        settle(shared, &mut state, at);
        let is_final = state.submissions.get(at).is_some_and(|it| it.verdict.is_some())
            && !is_vanished(shared, &state, at)
            && !matches!(shared.settings.ruling, Ruling::Stuck(n) if nth_upload(&state, at) < n as usize);
        if is_final {
            let expires = shared.now().saturating_add(LOG_ADDRESS_LIVES);
            let address = format!(
                "{}/artifacts/{id}/developer_log.json?AWSAccessKeyId=ASIALOCALLOCALLOCAL&Signature={}&Expires={expires}",
                shared.base,
                address_signature(id, expires)
            );
            return Reply::json(
                200,
                &serde_json::json!({"data": {"id": id, "type": "submissionsLog",
                    "attributes": {"developerLogUrl": address}}, "meta": {}}),
            );
        }
    }
    no_such("submissionsLog", id)
}

fn log(shared: &Shared, head: &Head) -> Reply {
    let id = head.path.trim_start_matches("/artifacts/").split('/').next().unwrap_or_default();
    let expires = head.query("Expires").and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
    if head.header("authorization").is_some() {
        return Reply::s3(400, "InvalidArgument", "Only one auth mechanism allowed");
    }
    if expires < shared.now() || head.query("Signature") != Some(address_signature(id, expires)) {
        return Reply::s3(403, "AccessDenied", "Request has expired");
    }
    let mut state = shared.state();
    match state.find(id).and_then(|it| it.verdict.as_ref()) {
        Some(verdict) => Reply::new(200, "application/json", verdict.log.clone()),
        None => Reply::s3(404, "NoSuchKey", "The specified key does not exist."),
    }
}

fn address_signature(id: &str, expires: u64) -> String {
    hex(&Sha256::digest(format!("log of {id} until {expires}"))).get(..27).unwrap_or_default().to_owned()
}

fn look_up(shared: &Arc<Shared>, document: &[u8]) -> Reply {
    let parsed: serde_json::Value = match serde_json::from_slice(document) {
        Ok(parsed) => parsed,
        Err(_) => {
            return Reply::json(200, &serde_json::json!({"uuid": "local", "serverErrorCode": "BAD_REQUEST"}));
        }
    };
    let mut state = shared.state();
    for at in 0..state.submissions.len() {
        settle(shared, &mut state, at);
    }
    // Some clients send one record without a list around it.
    let wanted = match &parsed["records"] {
        serde_json::Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let mut records = Vec::new();
    for record in wanted {
        let name = record["recordName"].as_str().unwrap_or_default().to_owned();
        let ticket = Hash::parse(&name).and_then(|hash| published(shared, &state, hash));
        let found = match ticket {
            Some((ticket, at)) => serde_json::json!({"recordName": name, "recordType": "DeveloperIDTicket",
                "fields": {"signedTicket": {"value": base64::engine::general_purpose::STANDARD.encode(ticket), "type": "BYTES"}},
                "pluginFields": {}, "recordChangeTag": "local", "created": stamp(at), "modified": stamp(at), "deleted": false}),
            None => {
                serde_json::json!({"recordName": name, "reason": "Record not found", "serverErrorCode": "NOT_FOUND"})
            }
        };
        if shared.settings.tickets == TicketFault::Duplicate {
            records.push(found.clone());
        }
        records.push(found);
    }
    Reply::json(200, &serde_json::json!({ "records": records }))
}

fn stamp(at: u64) -> serde_json::Value {
    serde_json::json!({"timestamp": at.saturating_mul(1000), "userRecordName": "_local", "deviceID": "local"})
}

/// The newest published ticket that covers `hash`, and since when.
fn published(shared: &Shared, state: &State, hash: Hash) -> Option<(Vec<u8>, u64)> {
    let settings = &shared.settings;
    if settings.tickets == TicketFault::Never {
        return None;
    }
    state.submissions.iter().enumerate().rev().find_map(|(at, it)| {
        if matches!(settings.ruling, Ruling::Stuck(n) | Ruling::Vanishing(n) if nth_upload(state, at) < n as usize) {
            return None;
        }
        let verdict = it.verdict.as_ref()?;
        let since = verdict.at.saturating_add(settings.propagation);
        let mut ticket = verdict.ticket.clone().filter(|_| verdict.covered.contains(&hash) && since <= shared.now())?;
        if settings.tickets == TicketFault::Corrupted
            && let Some(byte) = ticket.last_mut()
        {
            // Within the zero padding a flipped bit would go unnoticed by a lax reader: that is the point.
            *byte ^= 1;
        }
        Some((ticket, since))
    })
}

/// Which upload this is, from 0; one that never arrived counts as one that comes next.
fn nth_upload(state: &State, at: usize) -> usize {
    state.submissions.iter().take(at).filter(|it| it.uploaded.is_some()).count()
}

fn is_vanished(shared: &Shared, state: &State, at: usize) -> bool {
    matches!(shared.settings.ruling, Ruling::Vanishing(n)
        if nth_upload(state, at) < n as usize && state.submissions.get(at).is_some_and(|it| it.uploaded.is_some()))
}

/// Gives the verdict when it is due and the examination is done.
fn settle(shared: &Arc<Shared>, state: &mut State, at: usize) {
    let settings = &shared.settings;
    let Some(it) = state.submissions.get_mut(at) else { return };
    let (Some((uploaded, n_parts)), None) = (it.uploaded, &it.verdict) else { return };
    let due = uploaded.saturating_add(settings.processing);
    if due > shared.now() {
        return;
    }
    let examining = it.examining.get_or_insert_with(|| examine(shared, &it.id, &it.name, n_parts));
    let examined = match examining.recv_timeout(EXAMINATION_PATIENCE) {
        Err(RecvTimeoutError::Timeout) => return,
        Err(RecvTimeoutError::Disconnected) => Err("the examination ended without a result".to_owned()),
        Ok(examined) => examined,
    };
    it.examining = None;
    it.verdict = Some(match examined {
        Ok(examination) => judge(settings, it, &examination, due),
        // In Progress for ever is what Apple's service does in this case; ours says why.
        Err(trouble) => {
            let complaint = super::Complaint {
                severity: "error",
                path: String::new(),
                message: format!(
                    "The contents of the package could not be extracted. (local notary: {trouble})"
                ),
                arch: None,
            };
            let examination =
                Examination { sha256: it.sha256.clone(), contents: Vec::new(), issues: vec![complaint] };
            judge(settings, it, &examination, due)
        }
    });
}

/// Starts an examination; nobody else has to wait for it.
fn examine(
    shared: &Arc<Shared>,
    id: &str,
    name: &str,
    n_parts: u32,
) -> Receiver<Result<Examination, String>> {
    let (sender, receiver) = channel();
    let (shared, id, name) = (Arc::clone(shared), id.to_owned(), name.to_owned());
    std::thread::spawn(move || {
        // Nobody to tell when the notary has ended in the meantime.
        let _unheard = sender.send(shared.settings.examiner.examine(&id, &name, n_parts));
    });
    receiver
}

fn judge(settings: &super::Settings, it: &Submitted, examination: &Examination, at: u64) -> Verdict {
    let mut covered: BTreeSet<Hash> = examination.contents.iter().map(|it| it.hash).collect();
    if settings.tickets == TicketFault::OfAnother {
        covered = covered.into_iter().map(|it| Hash { bytes: it.bytes.map(|byte| !byte), ..it }).collect();
    }
    let is_refused =
        examination.issues.iter().any(|it| it.severity == "error") || examination.contents.is_empty();
    let path = |below: &str| match below {
        "" => it.name.clone(),
        below => format!("{}/{below}", it.name),
    };
    let (mut status, mut code, mut summary) = match (settings.ruling, is_refused) {
        (Ruling::Rejected, _) => ("Rejected", 7000, "Team is not yet configured for notarization"),
        (_, true) => ("Invalid", 4000, "Archive contains critical validation errors"),
        (_, false) => ("Accepted", 0, "Ready for distribution"),
    };
    let mut issues: Vec<serde_json::Value> = examination
        .issues
        .iter()
        .map(|it| {
            serde_json::json!({"severity": it.severity, "code": null, "path": path(&it.path), "message": it.message,
                "docUrl": null, "architecture": it.arch})
        })
        .collect();
    let ticket = match status {
        "Accepted" => (settings.sign)(&covered, at),
        _ => Err(String::new()),
    };
    if let ("Accepted", Err(why)) = (status, &ticket) {
        (status, code, summary) = ("Invalid", 4000, "Archive contains critical validation errors");
        issues.push(serde_json::json!({"severity": "error", "code": null, "path": it.name,
            "message": format!("local notary: no ticket could be signed: {why}"), "docUrl": null, "architecture": null}));
    }
    if is_refused && examination.issues.is_empty() {
        issues.push(serde_json::json!({"severity": "error", "code": null, "path": it.name, "docUrl": null, "architecture": null,
            "message": format!("Package {} has no signed executables or bundles. No tickets can be generated.", it.name)}));
    }
    let contents: Vec<serde_json::Value> = examination
        .contents
        .iter()
        .map(|code| {
            let algorithm = if code.hash.kind == 1 { "SHA-1" } else { "SHA-256" };
            let mut entry = serde_json::json!({"path": path(&code.path), "digestAlgorithm": algorithm, "cdhash": code.hash.hex()});
            if let (Some(arch), Some(entry)) = (&code.arch, entry.as_object_mut()) {
                entry.insert("arch".into(), arch.clone().into());
            }
            entry
        })
        .collect();
    let log = serde_json::json!({"logFormatVersion": 1, "jobId": it.id, "status": status, "statusSummary": summary,
        "statusCode": code, "archiveFilename": it.name, "uploadDate": clock::timestamp(at).replace('Z', ".000Z"),
        "sha256": examination.sha256,
        "ticketContents": if status == "Accepted" { contents.into() } else { serde_json::Value::Null },
        "issues": if issues.is_empty() { serde_json::Value::Null } else { issues.into() }});
    Verdict {
        at,
        status,
        log: format!("{log:#}"),
        covered: examination.contents.iter().map(|it| it.hash).collect(),
        ticket: ticket.ok(),
        is_mismatch: examination.sha256 != it.sha256,
    }
}

fn no_such(kind: &str, id: &str) -> Reply {
    api_error(404, "NOT_FOUND", &format!("There is no resource of type '{kind}' for id '{id}'"))
}

fn api_error(status: u16, code: &str, detail: &str) -> Reply {
    let error = serde_json::json!({"id": "local", "status": status.to_string(), "code": code,
        "title": "The request cannot be carried out", "detail": detail});
    Reply::json(status, &serde_json::json!({ "errors": [error] }))
}
