//! Notarizes what was signed or packed: preflight, submit or resume, wait, log, staple, read back.
//!
//! ```text
//!   path ─▶ Product (hashes) ─▶ preflight ─▶ notary::run ─▶ ticket ─▶ staple on a copy ─▶ rename ─▶ read back
//!                               refuses first   ledger beside the product            compared with our hashes
//! ```
//! The protocol and its order live in the crate `notary`; here is what touches disk, clock and keys.

pub mod examine;
pub mod product;
pub mod service;
pub mod staple;
pub mod store;

use std::path::Path;

use formats::signature::chain::Trust;
use notary::{
    client::Notary,
    ledger::Store as _,
    log::DeveloperLog,
    lookup::Tickets,
    run::{self, Desk, Limits, Outcome},
    upload::{Goods, Sizes},
};

use self::{product::Product, service::Service, store::Store};
use crate::{
    error::{Error, Exit, Result},
    interrupt, terminal,
};

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
}

/// Notarizes and staples what lies at `path`. `trust` names roots beside Apple's: a rehearsal's.
pub fn notarize(path: &Path, service: &Service, trust: &Trust, limits: Limits) -> Result<Ended> {
    interrupt::check()?;
    let product = Product::open(path, trust)?;
    if product.is_covered_by_own_ticket(trust)? {
        terminal::step("Fresh", format_args!("{}: its ticket covers all code", product.name));
        return Ok(Ended::Notarized { id: Store::beside(path).last_id() });
    }
    let complaints = examine::complaints(&product.subject);
    if report(&complaints) {
        return Ok(Ended::Refused);
    }
    let ended = submit(&product, service, trust, limits)?;
    if let (Ended::Notarized { .. }, Some(place)) = (&ended.0, product.place()) {
        let ticket = ended.1.ok_or_else(|| Error::tool("there is no ticket to staple"))?;
        staple::staple(place, &ticket)?;
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

/// Hands in and waits, without stapling; the second value is the ticket.
pub fn submit(
    product: &Product,
    service: &Service,
    trust: &Trust,
    limits: Limits,
) -> Result<(Ended, Option<Vec<u8>>)> {
    terminal::step("Notarizing", format_args!("{} ({})", product.name, service.name()));
    let store = Store::beside(&product.path);
    if service.is_in_process() {
        // The notary of an earlier run ended with it: what it promised nobody remembers.
        store.forget().map_err(service::explain)?;
    }
    let upload = product.upload()?;
    let say = |line: &str| terminal::note(line);
    let notary = Notary::new(&service.http, &service.endpoints, &service.key, &service::CLOCK, &say);
    let tickets = Tickets {
        http: &service.http,
        endpoint: &service.endpoints.tickets,
        clock: &service::CLOCK,
        notice: &say,
    };
    let desk = Desk { notary: &notary, tickets: &tickets, store: &store, say: &say, limits };
    let judged = run::Product {
        name: &upload.name,
        goods: Goods {
            source: upload.source.as_ref(),
            sha256: upload.sha256,
            unchanged: &|| upload.check_unchanged(),
            progress: &|_, _| {},
            sizes: Sizes::default(),
        },
        required: product.required.clone(),
        lookup: product.lookup,
        judge: &|ticket| product::judge(ticket, trust),
    };
    let how_to_go_on = format!("cargo xtask notarize {}", product.path.display());
    let outcome = run::notarize(&desk, &judged).map_err(|error| {
        let error = service::explain(error);
        match (error.exit(), store.load()) {
            (Exit::Interrupted, Ok(Some(_))) => {
                error.hint(format!("nothing is lost; go on with: {how_to_go_on}"))
            }
            _ => error,
        }
    })?;
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
            terminal::warn(format_args!("{why} ({id}); go on with: {how_to_go_on}"));
            (Ended::Pending, None)
        }
    })
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
    if let Some(known) = notary::issue::explain(&log.status_summary).filter(|_| log.issues.is_empty()) {
        terminal::note(format_args!("{}: {}", known.cause, known.fix));
    }
}

/// Shows what the preflight found; whether an error is among it.
fn report(complaints: &[notary::local::Complaint]) -> bool {
    for it in complaints {
        let arch = it.arch.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
        let known = notary::issue::explain(&it.message);
        let fix = known.map(|it| format!("\n  fix    {}\n  place  {}", it.fix, it.place)).unwrap_or_default();
        let text = format!("the notary would say: {}\n  at     {}{arch}{fix}", it.message, it.path);
        match it.severity {
            "error" => terminal::error(text),
            _ => terminal::warn(text),
        }
    }
    complaints.iter().any(|it| it.severity == "error")
}
