//! Messages in their order, grouped by attempt to load.

use crate::entry::Entry;
use crate::input::Found;
use crate::signature::{CATALOGUE, Role, Signature};

/// A message in the timeline.
#[derive(Debug, Clone)]
pub struct Row {
    /// The message.
    pub entry: Entry,
    /// What it matches; empty for context.
    pub signatures: Vec<&'static Signature>,
}

impl Row {
    /// Whether one of its signatures names a cause.
    pub fn is_cause(&self) -> bool {
        self.signatures.iter().any(|it| matches!(it.role, Role::Cause(..)))
    }

    /// The strongest statement the row makes: cause, consequence, success, noise, context.
    pub fn role(&self) -> &'static str {
        let has = |wanted: &str| self.signatures.iter().any(|it| it.role.name() == wanted);
        ["cause", "consequence", "success", "noise"].into_iter().find(|it| has(it)).unwrap_or("context")
    }

    /// The layer: of the process if it is known, else of the signature.
    pub fn layer(&self) -> crate::Layer {
        self.entry.layer.or_else(|| self.signatures.first().map(|it| it.layer)).unwrap_or(crate::Layer::App)
    }
}

/// What belongs together: one try to load something.
#[derive(Debug, Clone, Default)]
pub struct Attempt {
    /// Its messages in order.
    pub rows: Vec<Row>,
}

/// A pause after which a message belongs to another attempt: the user server's timeout is 120 s, and the
/// reports about it follow within seconds.
const PAUSE_MICROS: i64 = 180 * 1_000_000;

/// Groups messages into attempts: by input, by pauses, and where an activation begins anew.
pub(crate) fn attempts(mut found: Vec<Found>) -> Vec<Attempt> {
    // Within one input the clock decides where there is one; lines without a clock stay where they stand.
    sort_by_clock(&mut found);
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut current = Attempt::default();
    let mut last: Option<(usize, Option<i64>)> = None;
    for it in found {
        let clock = it.entry.clock.as_ref().map(|it| it.micros);
        let signatures: Vec<&'static Signature> =
            it.signatures.iter().filter_map(|n| CATALOGUE.get(usize::from(*n))).collect();
        let begins = clock.is_some()
            && signatures.iter().any(|it| it.id == "activation-request")
            && current.rows.iter().any(|it| {
                it.signatures.iter().any(|it| {
                    matches!(it.role, Role::Cause(..) | Role::Consequence(_)) && it.id != "realize-attempt"
                })
            });
        let is_apart = match last {
            Some((input, before)) => {
                input != it.entry.input
                    || matches!((before, clock), (Some(before), Some(now)) if now.saturating_sub(before) > PAUSE_MICROS)
            }
            None => false,
        };
        if (begins || is_apart) && !current.rows.is_empty() {
            attempts.push(std::mem::take(&mut current));
        }
        last = Some((it.entry.input, clock.or(last.and_then(|it| it.1))));
        current.rows.push(Row { entry: it.entry, signatures });
    }
    if !current.rows.is_empty() {
        attempts.push(current);
    }
    attempts
}

fn sort_by_clock(found: &mut [Found]) {
    let is_timed = found.iter().all(|it| it.entry.clock.is_some());
    if is_timed {
        found.sort_by_key(|it| (it.entry.input, it.entry.clock.as_ref().map(|it| it.micros), it.entry.line));
    }
}
