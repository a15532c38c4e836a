//! Time, as a value that comes in: tests wait an hour in a millisecond, and Ctrl-C ends a wait at once.

use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// What time it is, and how to let some pass.
pub trait Clock: Send + Sync {
    /// Seconds since 1970.
    fn now(&self) -> u64;

    /// Lets `pause` pass; an interruption ends it early and is an error of kind [`Kind::Interrupted`].
    fn sleep(&self, pause: Duration) -> Result<()>;
}

/// The error of a wait that somebody ended.
pub fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "wait", "interrupted")
}

/// `2026-06-17T12:07:35Z`; a time beyond year 9999 is written as the number it is.
pub fn timestamp(unix: u64) -> String {
    let parts = i64::try_from(unix).ok().and_then(|it| time::OffsetDateTime::from_unix_timestamp(it).ok());
    match parts {
        Some(at) => format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        ),
        None => unix.to_string(),
    }
}

/// Seconds since 1970 of `2022-06-08T01:38:09.498Z`; `None` when it is no such text.
pub fn parse_timestamp(text: &str) -> Option<u64> {
    let at = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    u64::try_from(at.unix_timestamp()).ok()
}

/// Seconds since 1970 of an HTTP date, `Mon, 23 Nov 2026 03:36:08 GMT`; `None` when it is no such text.
pub fn parse_http_date(text: &str) -> Option<u64> {
    let text =
        text.trim().strip_suffix("GMT").map_or_else(|| text.trim().to_owned(), |it| format!("{it}+0000"));
    let at = time::OffsetDateTime::parse(&text, &time::format_description::well_known::Rfc2822).ok()?;
    u64::try_from(at.unix_timestamp()).ok()
}

/// `Mon, 23 Nov 2026 03:36:08 GMT`.
pub fn http_date(unix: u64) -> String {
    let at = i64::try_from(unix)
        .ok()
        .and_then(|it| time::OffsetDateTime::from_unix_timestamp(it).ok())
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let (day, month) = (at.weekday().to_string(), at.month().to_string());
    format!(
        "{:.3}, {:02} {:.3} {:04} {:02}:{:02}:{:02} GMT",
        day,
        at.day(),
        month,
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// A clock for tests: time passes only when somebody sleeps.
#[derive(Debug, Default)]
pub struct FakeClock {
    now: std::sync::atomic::AtomicU64,
    /// The second at which a sleeper is interrupted; 0 is never.
    interrupt_at: std::sync::atomic::AtomicU64,
}

impl FakeClock {
    /// A clock that shows `now`.
    pub fn at(now: u64) -> Self {
        Self { now: now.into(), interrupt_at: 0.into() }
    }

    /// Interrupts whoever sleeps past `at`.
    pub fn interrupt_at(&self, at: u64) {
        self.interrupt_at.store(at, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> u64 {
        self.now.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn sleep(&self, pause: Duration) -> Result<()> {
        let step = pause.as_secs().saturating_add(u64::from(pause.subsec_nanos() > 0));
        let now = self.now.fetch_add(step, std::sync::atomic::Ordering::SeqCst).saturating_add(step);
        let limit = self.interrupt_at.load(std::sync::atomic::Ordering::SeqCst);
        if limit != 0 && now >= limit { Err(interrupted()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_being_written_and_read() {
        let at = 1_781_698_055;
        assert_eq!(timestamp(at), "2026-06-17T12:07:35Z");
        assert_eq!(parse_timestamp(&timestamp(at)), Some(at));
        assert_eq!(parse_timestamp("2022-06-08T01:38:09.498Z"), Some(1_654_652_289));
        assert_eq!(http_date(at), "Wed, 17 Jun 2026 12:07:35 GMT");
        assert_eq!(parse_http_date(&http_date(at)), Some(at));
        assert_eq!(parse_http_date("yesterday"), None);
    }
}
