//! Notarizes what was signed or packed: preflight, submit or resume, wait, log, staple, read back.
//!
//! ```text
//!   path ─▶ Product (hashes) ─▶ preflight ─▶ notary::run ─▶ ticket ─▶ staple on a copy ─▶ rename ─▶ read back
//!                               refuses first   ledger beside the product            compared with our hashes
//! ```
//! The protocol and its order live in the crate `notary`; here is what touches disk, clock and keys.

pub mod examine;
pub mod notarytool;
pub mod product;
pub mod progress;
pub mod service;
pub mod staple;
pub mod stapler;
pub mod store;

use std::path::Path;

use checks::{Policy, Subject};
use formats::signature::chain::Trust;
use notary::{
    ledger::Store as _,
    log::DeveloperLog,
    lookup::Tickets,
    run::{self, Desk, Limits, Outcome},
    upload::{Goods, Sizes},
};

use self::{product::Product, progress::Progress, service::Service, stapler::Stapler, store::Store};
use crate::{
    error::{Error, Exit, Result},
    interrupt, terminal,
};

/// What is asked for, beside the product.
#[derive(Debug)]
pub struct Request<'a> {
    /// Which notary.
    pub service: &'a Service,
    /// Roots beside Apple's: a rehearsal's.
    pub trust: &'a Trust,
    /// What the preflight holds the product against.
    pub policy: &'a Policy,
    /// Patience.
    pub limits: Limits,
    /// Who attaches the ticket.
    pub stapler: Stapler<'a>,
    /// The command that goes on where this run ends.
    pub go_on: &'a str,
}

/// How a notarization ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The product carries its ticket, or the ticket is published and the product has no place for one (zip).
    Notarized {
        /// Submission id, when we know it.
        id: Option<String>,
    },
    /// No verdict or no ticket within the time.
    Pending,
    /// The notary, or our preflight, said no.
    Refused,
}

impl Ended {
    /// How the program ends.
    pub fn exit(&self) -> Exit {
        match self {
            Ended::Notarized { .. } => Exit::Passed,
            Ended::Pending => Exit::Incomplete,
            Ended::Refused => Exit::Findings,
        }
    }

    /// The submission, when it is known.
    pub fn id(&self) -> Option<&str> {
        match self {
            Ended::Notarized { id } => id.as_deref(),
            Ended::Pending | Ended::Refused => None,
        }
    }
}

/// Notarizes and staples what lies at `path`.
pub fn notarize(path: &Path, asked: &Request<'_>) -> Result<Ended> {
    interrupt::check()?;
    let trust = asked.trust;
    let subject = product::inspect(path, trust)?;
    // What has no hash at all cannot be looked up; the notary would say why.
    if product::hashes(&subject).1.is_none() && preflight(&subject, asked.policy) {
        return Ok(Ended::Refused);
    }
    let product = Product::of(path, subject)?;
    if product.is_covered_by_own_ticket(trust)? {
        terminal::step("Fresh", format_args!("{}: its ticket covers all code", product.name));
        let id = Store::beside(path).last_id();
        if id.is_none() {
            terminal::note(format_args!(
                "no ledger beside {} says which submission it comes from",
                product.name
            ));
        }
        return Ok(Ended::Notarized { id });
    }
    if preflight(&product.subject, asked.policy) {
        return Ok(Ended::Refused);
    }
    let ended = submit(&product, asked)?;
    if let (Ended::Notarized { .. }, Some(place)) = (&ended.0, product.place()) {
        let ticket = ended.1.ok_or_else(|| Error::tool("there is no ticket to staple"))?;
        interrupt::check()
            .map_err(|error| error.hint(format!("only the staple is missing: {}", asked.go_on)))?;
        asked.stapler.staple(place, &ticket)?;
        // What was written is read again: the ticket on disk is what counts.
        let stapled = Product::open(path, trust)?;
        if stapled.required != product.required || !stapled.is_covered_by_own_ticket(trust)? {
            return Err(Error::tool(format!(
                "stapled `{}`, but it does not read back as it should",
                path.display()
            ))
            .hint("the product changed while it was stapled: sign it again"));
        }
        terminal::step("Stapled", &product.name);
    }
    Ok(ended.0)
}

/// Runs the notary's rules here and shows what it would refuse; whether an error is among it.
pub fn preflight(subject: &Subject, policy: &Policy) -> bool {
    report(&examine::complaints(subject, policy))
}

/// Hands in and waits, without stapling; the second value is the ticket.
pub fn submit(product: &Product, asked: &Request<'_>) -> Result<(Ended, Option<Vec<u8>>)> {
    let service = asked.service;
    terminal::step("Notarizing", format_args!("{} ({})", product.name, service.name()));
    let store = Store::beside(&product.path);
    if service.is_in_process() {
        // The notary of an earlier run ended with it: what it promised nobody remembers.
        store.forget().map_err(service::explain)?;
    }
    let upload = product.upload()?;
    let progress = Progress::new();
    let say = |line: &str| progress.say(line);
    let notary = service.agency(Some(&upload), &progress, &say)?;
    let tickets = Tickets {
        http: &service.http,
        endpoint: &service.endpoints.tickets,
        clock: &service::CLOCK,
        notice: &say,
    };
    let desk = Desk {
        notary: notary.as_ref(),
        tickets: &tickets,
        store: &store,
        say: &say,
        waiting: &|it| progress.waiting(it),
        limits: asked.limits,
    };
    let judged = run::Product {
        name: &upload.name,
        goods: Goods {
            source: upload.source.as_ref(),
            sha256: upload.sha256,
            unchanged: &|| upload.check_unchanged(),
            progress: &|sent, total| progress.sent(sent, total),
            sizes: Sizes::default(),
        },
        required: product.required.clone(),
        lookup: product.lookup,
        judge: &|ticket| product::judge(ticket, asked.trust),
    };
    let outcome = run::notarize(&desk, &judged);
    progress.clear();
    let outcome = outcome.map_err(|error| stopped(error, &store, asked.go_on))?;
    Ok(match outcome {
        Outcome::Notarized(it) => {
            if let Some(log) = &it.log {
                show(log);
            }
            terminal::step("Notarized", it.id.as_deref().unwrap_or("by an earlier submission"));
            (Ended::Notarized { id: it.id }, Some(it.ticket))
        }
        Outcome::Refused { id, status, log } => {
            terminal::error(format_args!("the notary says `{status}` to {} ({id})", product.name));
            match &log {
                Some(log) => show(log),
                None => terminal::warn("there is no log that says why"),
            }
            (Ended::Refused, None)
        }
        Outcome::Pending { id, why } => {
            match asked.limits.wait {
                // It was asked for, so it is nothing to warn of.
                None => terminal::step("Submitted", format_args!("{id}; go on with: {}", asked.go_on)),
                Some(_) => terminal::warn(format_args!("{why} ({id}); go on with: {}", asked.go_on)),
            }
            (Ended::Pending, None)
        }
    })
}

/// An error of a run; when there is a ledger by then, it says how to go on.
fn stopped(error: notary::Error, store: &Store, go_on: &str) -> Error {
    let (is_interrupted, has_hint) = (error.kind == notary::Kind::Interrupted, error.hint.is_some());
    let is_kept = matches!(store.load(), Ok(Some(_)));
    let explained = match is_interrupted {
        true => Error::new("interrupted", Exit::Interrupted),
        false => service::explain(error),
    };
    match (is_kept, is_interrupted || !has_hint) {
        (true, true) => explained.hint(format!("nothing is lost; go on with: {go_on}")),
        _ => explained,
    }
}

/// Shows a log: its sentence, and each complaint once with cause, remedy and place in our plan.
pub fn show(log: &DeveloperLog) {
    if !log.status_summary.is_empty() {
        let code = log.status_code.map(|it| format!(" (code {it})")).unwrap_or_default();
        terminal::note(format_args!("{}{code}", log.status_summary));
    }
    for (message, issues) in log.grouped() {
        let severity = issues.first().map(|it| it.severity.as_str()).unwrap_or_default();
        let mut text = format!("{severity}: {message}");
        for issue in &issues {
            let arch = issue.architecture.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
            text.push_str(&format!("\n  at     {}{arch}", issue.path));
        }
        if let Some(known) = notary::issue::explain(message) {
            text.push_str(&format!(
                "\n  cause  {}\n  fix    {}\n  place  {}",
                known.cause, known.fix, known.place
            ));
        }
        match severity {
            "error" => terminal::error(text),
            _ => terminal::warn(text),
        }
    }
    let is_unexplained = log.issues.is_empty() && log.status != "Accepted";
    if let Some(known) = notary::issue::explain(&log.status_summary).filter(|_| is_unexplained) {
        terminal::note(format_args!("{}: {}", known.cause, known.fix));
    }
}

/// Shows what the preflight found, each sentence once; whether an error is among it.
fn report(complaints: &[notary::local::Complaint]) -> bool {
    let mut said: Vec<&str> = Vec::new();
    for first in complaints {
        if said.contains(&first.message.as_str()) {
            continue;
        }
        said.push(&first.message);
        let mut text = format!("the notary would say: {}", first.message);
        for it in complaints.iter().filter(|it| it.message == first.message) {
            let arch = it.arch.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
            text.push_str(&format!("\n  at     {}{arch}", it.path));
        }
        if let Some(known) = notary::issue::explain(&first.message) {
            text.push_str(&format!("\n  fix    {}\n  place  {}", known.fix, known.place));
        }
        match first.severity {
            "error" => terminal::error(text),
            _ => terminal::warn(text),
        }
    }
    complaints.iter().any(|it| it.severity == "error")
}
