//! How often and how fast to try again, and how slowly to ask.

use std::time::Duration;

use crate::{
    clock::Clock,
    error::{Kind, Result},
};

/// How stubborn an exchange is.
#[derive(Debug, Clone, Copy)]
pub struct Stubbornness {
    /// Tries in all.
    pub tries: u32,
    /// The longest pause between two, in seconds.
    pub longest_pause: u64,
}

impl Stubbornness {
    /// For a request: 1 + 2 + 4 + … + 60 s, about three minutes; a restart of a gateway is over by then.
    pub const REQUEST: Self = Self { tries: 8, longest_pause: 60 };
    /// For a part of an upload, which is dear to lose.
    pub const UPLOAD: Self = Self { tries: 6, longest_pause: 30 };
}

/// Does `exchange` until it succeeds, fails for good, or the tries are used up. `notice` hears of every retry.
///
/// Only the network and the other end are tried again, never a verdict; a 401 once, since a token may have met a clock that jumped.
pub fn stubbornly<T>(
    clock: &dyn Clock,
    stubbornness: Stubbornness,
    notice: &dyn Fn(&str),
    mut exchange: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut unauthenticated = 0;
    let mut tries = 0;
    loop {
        let error = match exchange() {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        tries += 1;
        unauthenticated += u32::from(error.kind == Kind::Credentials);
        let may_retry =
            error.kind.is_transient() || (error.kind == Kind::Credentials && unauthenticated == 1);
        if !may_retry || tries >= stubbornness.tries {
            return Err(error);
        }
        let pause = pause(tries, error.retry_after, stubbornness.longest_pause, error.kind);
        // The hint once: whoever can mend it need not wait for the last try.
        let hint = error.hint.filter(|_| tries == 1).map(|it| format!("\n  hint   {it}")).unwrap_or_default();
        notice(&format!("{}: {}; again in {} s{hint}", error.doing, error.cause, pause.as_secs()));
        clock.sleep(pause)?;
    }
}

/// Doubles from one second; what the service asks for counts more. An hourly limit does not pass in seconds, so a 429 without a word waits a minute.
fn pause(tries: u32, retry_after: Option<u64>, longest: u64, kind: Kind) -> Duration {
    let doubled = 1_u64.checked_shl(tries.saturating_sub(1)).unwrap_or(longest).min(longest);
    /// Nobody means to make a client wait longer; a mistaken header must not stop us for a day.
    const LONGEST_ASKED: u64 = 900;
    let seconds = match (retry_after, kind) {
        (Some(asked), _) => asked.clamp(1, LONGEST_ASKED),
        (None, Kind::Throttled) => doubled.max(60),
        (None, _) => doubled,
    };
    Duration::from_secs(seconds)
}

/// What is left of the hourly allowance, from `X-Rate-Limit: user-hour-lim:3500;user-hour-rem:500;`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests per rolling hour and key.
    pub limit: u64,
    /// Requests left.
    pub left: u64,
}

impl Allowance {
    /// `None` when the header does not say both numbers.
    pub fn parse(header: &str) -> Option<Self> {
        let number = |name: &str| {
            header
                .split(';')
                .find_map(|it| it.trim().strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
        };
        Some(Self { limit: number("user-hour-lim")?, left: number("user-hour-rem")? })
    }
}

/// The pause before poll number `n_polls` (counted from 0): 5 s × 6, 15 s × 8, 30 s × 10, then 60 s.
///
/// That is 76 polls in an hour, 3,800 for fifty submissions on one key, more than the 3,500 allowed. So it slows with the allowance: once a quarter
/// is gone to a minute at least, past half of it to three, past three quarters to five; the rest is for those who submit and fetch logs. Fifty at
/// once that all get stuck, and are all handed in twice, then ask 2,675 times in the worst hour (`tests/fifty.rs`).
pub fn poll_pause(n_polls: u32, allowance: Option<Allowance>) -> Duration {
    let usual: u64 = match n_polls {
        0..6 => 5,
        6..14 => 15,
        14..24 => 30,
        _ => 60,
    };
    let least = match allowance {
        Some(it) if it.left < it.limit / 4 => 300,
        Some(it) if it.left < it.limit / 2 => 180,
        Some(it) if it.left < it.limit / 4 * 3 => 60,
        Some(_) | None => 0,
    };
    Duration::from_secs(usual.max(least))
}

/// The pause before look-up number `n_tries` (from 0) of a ticket that is on its way: 5, 10, 15, 30 s, then 60 s.
///
/// Seen between seconds and more than five minutes; with [`TICKET_PATIENCE`] that is about 15 look-ups.
pub fn ticket_pause(n_tries: u32) -> Duration {
    Duration::from_secs(match n_tries {
        0 => 5,
        1 => 10,
        2 => 15,
        3 => 30,
        _ => 60,
    })
}

/// How long a ticket may take to appear after the verdict, in seconds.
pub const TICKET_PATIENCE: u64 = 12 * 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::FakeClock, error::Error};

    fn fails(kind: Kind, times: u32) -> (Result<u32>, u64) {
        let clock = FakeClock::at(1000);
        let mut calls = 0;
        let found = stubbornly(&clock, Stubbornness::REQUEST, &|_| {}, || {
            calls += 1;
            if calls > times { Ok(calls) } else { Err(Error::new(kind, "ask", "no")) }
        });
        (found, clock.now() - 1000)
    }

    #[test]
    fn troubles_of_the_network_are_waited_out() {
        assert_eq!(fails(Kind::Transient, 3), (Ok(4), 1 + 2 + 4));
        let (found, waited) = fails(Kind::Transient, 99);
        assert!(found.is_err());
        assert_eq!(waited, 1 + 2 + 4 + 8 + 16 + 32 + 60);
    }

    #[test]
    fn a_verdict_is_never_asked_for_twice() {
        for kind in
            [Kind::Agreement, Kind::Role, Kind::Refused, Kind::NotFound, Kind::Local, Kind::Interrupted]
        {
            assert_eq!(fails(kind, 1).1, 0, "{kind:?}");
        }
    }

    #[test]
    fn a_401_is_tried_once_more_and_then_believed() {
        assert_eq!(fails(Kind::Credentials, 1).0, Ok(2));
        assert!(fails(Kind::Credentials, 2).0.is_err());
    }

    #[test]
    fn what_the_service_asks_for_is_done_within_reason() {
        assert_eq!(pause(1, Some(10), 60, Kind::Throttled).as_secs(), 10);
        assert_eq!(pause(1, Some(u64::MAX), 60, Kind::Throttled).as_secs(), 900);
        assert_eq!(pause(1, None, 60, Kind::Throttled).as_secs(), 60);
        assert_eq!(pause(64, None, 60, Kind::Transient).as_secs(), 60);
    }

    #[test]
    fn the_allowance_is_read_and_heeded() {
        let allowance = Allowance::parse("user-hour-lim:3500;user-hour-rem:500;");
        assert_eq!(allowance, Some(Allowance { limit: 3500, left: 500 }));
        assert_eq!(Allowance::parse("user-hour-lim:3500"), None);
        let pause = |left| poll_pause(0, Some(Allowance { limit: 3500, left })).as_secs();
        assert_eq!([3400, 2600, 1700, 800, 0].map(pause), [5, 60, 180, 300, 300]);
    }
}
