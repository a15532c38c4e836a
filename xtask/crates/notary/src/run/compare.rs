//! Three views of one product that must agree: the notary's log, the ticket, and our own hashes.

use super::Product;
use crate::{
    error::{Error, Kind, Result},
    log::DeveloperLog,
    lookup::Hash,
};

/// Whether the notary looked at what we ship.
pub(super) fn log(product: &Product<'_>, ours: &str, log: &DeveloperLog, say: &dyn Fn(&str)) -> Result<()> {
    let doing = "trust the verdict";
    match &log.sha256 {
        Some(theirs) if !theirs.eq_ignore_ascii_case(ours) => {
            let cause = format!("the notary judged other bytes (SHA-256 {theirs}, ours {ours})");
            return Err(Error::new(Kind::Answer, doing, cause)
                .hint("submit again; if it persists, something changes the upload"));
        }
        Some(_) => {}
        None => say("the log does not say which bytes were judged: not compared"),
    }
    let listed = log.hashes();
    if listed.is_empty() {
        say("the log does not list what the ticket covers: not compared");
        return Ok(());
    }
    let missing: Vec<String> = product.required.difference(&listed).map(Hash::to_string).collect();
    if !missing.is_empty() {
        let cause = format!("the log does not list {} of our code: {}", missing.len(), missing.join(", "));
        return Err(Error::new(Kind::Answer, doing, cause)
            .hint("the notary did not see this code: is it packed in a way that it cannot open?"));
    }
    let strange =
        log.ticket_contents.iter().filter(|it| it.hash().is_none_or(|it| !product.required.contains(&it)));
    for it in strange {
        say(&format!("the notary also saw {} ({}), which we did not", it.path, it.cdhash));
    }
    Ok(())
}

/// Whether the ticket is authentic and covers all our code.
pub(super) fn ticket(product: &Product<'_>, ticket: &[u8]) -> Result<()> {
    let doing = "trust the ticket";
    let hint = "nothing was stapled; run again later, and if it persists tell Apple the submission id";
    let covered = (product.judge)(ticket).map_err(|why| Error::new(Kind::Answer, doing, why).hint(hint))?;
    let missing: Vec<String> = product.required.difference(&covered).map(Hash::to_string).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let cause = format!(
        "it does not cover {} of {} hashes: {}",
        missing.len(),
        product.required.len(),
        missing.join(", ")
    );
    Err(Error::new(Kind::Answer, doing, cause).hint(hint))
}
