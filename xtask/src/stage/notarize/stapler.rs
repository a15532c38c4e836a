//! Who attaches a ticket: our stapler, which was handed it, or Apple's, which fetches its own.
//!
//! Exit codes of Apple's: stapler(1), section "Exit codes" (`sysexits.h`).

use std::{thread, time::Duration};

use super::staple::{self, Place};
use crate::{
    error::{Error, Exit, Result},
    interrupt,
    tools::{Call, Toolbox},
};

/// Who attaches tickets.
#[derive(Debug, Clone, Copy)]
pub enum Stapler<'a> {
    /// We do, with the ticket that our client fetched.
    Ours,
    /// `xcrun stapler`.
    Apple(&'a Toolbox),
}

/// Before each further try: a ticket reaches all of Apple's servers within minutes of the verdict.
const PAUSES: [u64; 4] = [5, 15, 30, 60];

/// The ticket data is invalid; people see it while a ticket spreads, too.
const DATA: i32 = 65;
/// Not found, not signed, of no supported kind; for `validate`: no ticket, or not the right one.
const INPUT: i32 = 66;
/// Never notarized, or an answer that stapler did not expect.
const HOST: i32 = 68;
/// The ticket came and could not be written.
const CANNOT_WRITE: i32 = 73;
/// The ticket was revoked.
const REVOKED: i32 = 77;

impl Stapler<'_> {
    /// Attaches the ticket of the product at `place`. `ticket` is the one that our client has; Apple's stapler fetches the same one again.
    pub fn staple(&self, place: Place<'_>, ticket: &[u8]) -> Result {
        match self {
            Self::Ours => staple::staple(place, ticket),
            Self::Apple(tools) => apple(tools, place, |seconds| thread::sleep(Duration::from_secs(seconds))),
        }
    }
}

fn apple(tools: &Toolbox, place: Place<'_>, pause: impl Fn(u64)) -> Result {
    let staple = call("staple", place);
    let mut pauses = PAUSES.iter();
    loop {
        interrupt::check()?;
        let output = tools.try_run(&staple)?;
        match (output.status.code(), pauses.next()) {
            (Some(0), _) => break,
            (Some(DATA | HOST), Some(seconds)) => pause(*seconds),
            (code, _) => return Err(explained(&staple, code, &(output.text() + &output.complaints()))),
        }
    }
    let validate = call("validate", place);
    let output = tools.try_run(&validate)?;
    match output.status.code() {
        Some(0) => Ok(()),
        code => Err(explained(&validate, code, &(output.text() + &output.complaints()))),
    }
}

/// `xcrun stapler staple PATH`.
fn call(verb: &str, place: Place<'_>) -> Call {
    let (Place::Bundle(path) | Place::Package(path) | Place::Image(path)) = place;
    let name = crate::plan::file_name(path);
    Call::new("xcrun", format!("{verb} the ticket of `{name}`")).args(["stapler", verb]).arg(path)
}

fn explained(call: &Call, code: Option<i32>, said: &str) -> Error {
    let (cause, hint, exit) = match code {
        Some(DATA | HOST) => (
            "there is no ticket yet, or it has not reached Apple's ticket servers",
            "run `dist` again in some minutes: it goes on where it was, and submits nothing twice",
            Exit::Incomplete,
        ),
        Some(INPUT) => (
            "it is not signed, of a kind that has no place for a ticket, or carries the ticket of other bytes",
            "sign and notarize it again: cargo xtask verify tells which",
            Exit::Tool,
        ),
        Some(CANNOT_WRITE) => (
            "the ticket could not be written",
            "look at the permissions and the free space of the disk",
            Exit::Tool,
        ),
        Some(REVOKED) => (
            "Apple revoked the ticket",
            "ask developer support why, before anything is shipped",
            Exit::Findings,
        ),
        _ => (
            "stapler ended for a reason that its manual does not name",
            "run it again by hand with `-v`",
            Exit::Tool,
        ),
    };
    let code = code.map_or("a signal".to_owned(), |it| format!("exit code {it}"));
    let error = Error::new(format!("cannot {}", call.purpose()), exit).because(format!("{cause} ({code})"));
    let error = if said.trim().is_empty() { error } else { error.because(said.trim()) };
    error.hint(hint)
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::tools::{Ended, Host};

    /// A Mac whose `stapler` ends with these codes, one after the other.
    fn mac(codes: &'static [i32]) -> Toolbox {
        let asked = AtomicUsize::new(0);
        let answer = move |call: &Call| {
            let line = call.argv().join(" ");
            assert!(line.starts_with("xcrun stapler ") && line.ends_with(" /p/Host.pkg"), "{line}");
            let code = codes.get(asked.fetch_add(1, Ordering::SeqCst)).copied()?;
            Some((Ended::Code(code), String::new(), String::new()))
        };
        Toolbox::new().scripted(Box::new(answer), Host::simulated_mac())
    }

    #[track_caller]
    fn check(codes: &'static [i32], expected: Result<(), (Exit, &str)>) {
        let result = apple(&mac(codes), Place::Package(Path::new("/p/Host.pkg")), |_| {});
        match (result, expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err((exit, words))) => {
                assert_eq!(error.exit(), exit, "{error}");
                assert!(error.to_string().contains(words), "{error}");
            }
            (result, _) => panic!("{result:?}"),
        }
    }

    #[test]
    fn a_ticket_that_has_not_spread_is_waited_for() {
        check(&[0, 0], Ok(()));
        check(&[65, 68, 0, 0], Ok(()));
        check(&[68, 68, 68, 68, 65], Err((Exit::Incomplete, "no ticket yet")));
    }

    #[test]
    fn every_other_end_is_explained_at_once() {
        check(&[66], Err((Exit::Tool, "not signed")));
        check(&[73], Err((Exit::Tool, "could not be written")));
        check(&[77], Err((Exit::Findings, "revoked")));
        check(&[70], Err((Exit::Tool, "does not name")));
        check(&[0, 66], Err((Exit::Tool, "cannot validate the ticket of `Host.pkg`")));
    }
}
