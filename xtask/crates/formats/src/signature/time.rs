//! Moments, as certificates and timestamps write them.

use std::fmt;

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::tlv::{Element, GENERALIZED_TIME, UTC_TIME};
use crate::bytes::Result;

/// A moment: seconds since 1970-01-01 UTC. Always handed in as a value, never taken from a clock in this crate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

/// Seconds from 1970 to 2001, where Core Foundation starts to count.
const CORE_FOUNDATION_EPOCH: i64 = 978_307_200;

impl UnixTime {
    /// From seconds since 2001-01-01 UTC; saturates at the ends of time.
    pub const fn from_core_foundation(seconds: i64) -> Self {
        Self(seconds.saturating_add(CORE_FOUNDATION_EPOCH))
    }

    /// Seconds since 2001-01-01 UTC; saturates at the ends of time.
    pub const fn core_foundation(self) -> i64 {
        self.0.saturating_sub(CORE_FOUNDATION_EPOCH)
    }

    /// From the text of a UTCTime (`YYMMDDhhmm[ss]Z`) or a GeneralizedTime (`YYYYMMDDhhmm[ss[.f…]]Z`); fractions
    /// are cut off, offsets other than `Z` understood (`+hhmm`).
    pub fn from_text(text: &str, has_century: bool) -> Option<Self> {
        let (digits, zone) = text.split_at(text.find(['Z', '+', '-'])?);
        let (digits, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if !digits.bytes().chain(fraction.bytes()).all(|it| it.is_ascii_digit()) {
            return None;
        }
        let (year, rest) = digits.split_at_checked(if has_century { 4 } else { 2 })?;
        let year: i32 = year.parse().ok()?;
        // X.509: two digits below 50 are in this century (RFC 5280, 4.1.2.5.1).
        let year = if has_century { year } else { year + if year < 50 { 2000 } else { 1900 } };
        let pair = |n: usize| rest.get(2 * n..2 * n + 2)?.parse::<u8>().ok();
        let second = match rest.len() {
            8 => 0,
            10 => pair(4)?,
            _ => return None,
        };
        let date = Date::from_calendar_date(year, Month::try_from(pair(0)?).ok()?, pair(1)?).ok()?;
        // A leap second is the second before.
        let time = Time::from_hms(pair(2)?, pair(3)?, second.min(59)).ok()?;
        let local = PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp();
        let moment = Self(local - zone_offset(zone)?);
        // Year 0, or past 9999 after the offset: no time that can be written again.
        (year > 0 && moment.calendar().is_some()).then_some(moment)
    }

    /// `2026-11-23 03:50:14 +0000`, as Core Foundation prints a date.
    pub fn to_core_foundation_text(self) -> String {
        self.calendar().map_or_else(|| self.0.to_string(), |(date, time)| format!("{date} {time} +0000"))
    }

    fn calendar(self) -> Option<(String, String)> {
        let at = OffsetDateTime::from_unix_timestamp(self.0).ok()?;
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        Some((
            format!("{year:04}-{:02}-{day:02}", u8::from(month)),
            format!("{hour:02}:{minute:02}:{second:02}"),
        ))
    }
}

/// `2026-11-23T03:50:14Z`; the bare number outside the years 0 to 9999.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.calendar() {
            Some((date, time)) => write!(f, "{date}T{time}Z"),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The moment in a UTCTime or GeneralizedTime.
pub(crate) fn read(element: Element<'_>) -> Result<UnixTime> {
    let text = std::str::from_utf8(element.content.as_slice()).ok();
    let found = match element.tag {
        UTC_TIME => text.and_then(|it| UnixTime::from_text(it, false)),
        GENERALIZED_TIME => text.and_then(|it| UnixTime::from_text(it, true)),
        _ => None,
    };
    found.ok_or_else(|| element.whole.fault(0, "time is malformed"))
}

fn zone_offset(zone: &str) -> Option<i64> {
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("Z", "") => return Some(0),
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    if digits.len() != 4 || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    Some(sign * (number / 100 * 3600 + number % 100 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, has_century: bool, expected: Option<&str>) {
        let found = UnixTime::from_text(text, has_century).map(|it| it.to_string());
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn both_forms_are_read() {
        check("120201221215Z", false, Some("2012-02-01T22:12:15Z"));
        check("991231235959Z", false, Some("1999-12-31T23:59:59Z"));
        check("20250608120000Z", true, Some("2025-06-08T12:00:00Z"));
        check("20250608120000.123Z", true, Some("2025-06-08T12:00:00Z"));
        check("202506081200+0200", true, Some("2025-06-08T10:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "Z", "20251308120000Z", "2025060812000Z", "20250608120000", "202506081200é0Z", "+0"]
        {
            check(text, true, None);
        }
    }

    #[test]
    fn core_foundation_counts_from_2001() {
        assert_eq!(UnixTime::from_core_foundation(0).to_core_foundation_text(), "2001-01-01 00:00:00 +0000");
        assert_eq!(UnixTime::from_core_foundation(5).core_foundation(), 5);
        assert_eq!(UnixTime(i64::MAX).to_string(), i64::MAX.to_string());
    }
}
