//! Time, as a value: real on a Mac, turned by hand in a replay.

use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

use crate::{error::Result, interrupt};

/// Where the harness gets its time from.
#[derive(Debug)]
pub enum Clock {
    /// The machine's.
    Real(Instant),
    /// Nobody waits.
    Replayed(Cell<Duration>),
}

impl Clock {
    /// The machine's, from now.
    pub fn real() -> Self {
        Self::Real(Instant::now())
    }

    /// One that jumps.
    pub fn replayed() -> Self {
        Self::Replayed(Cell::new(Duration::ZERO))
    }

    /// Since the run began.
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::Real(began) => began.elapsed(),
            Self::Replayed(now) => now.get(),
        }
    }

    /// Waits; Ctrl-C ends it.
    pub fn wait(&self, how_long: Duration) -> Result {
        match self {
            Self::Replayed(now) => now.set(now.get() + how_long),
            Self::Real(_) => {
                let end = Instant::now() + how_long;
                while Instant::now() < end {
                    interrupt::check()?;
                    thread::sleep(Duration::from_millis(100).min(end - Instant::now()));
                }
            }
        }
        interrupt::check()
    }
}
