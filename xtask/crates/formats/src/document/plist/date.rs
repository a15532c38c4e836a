//! Points in time as property lists write them: whole seconds, in UTC.

use std::fmt;

/// Seconds from 1970 to 2001, where binary property lists start to count.
const EPOCH_2001: i64 = 978_307_200;
const DAY: i64 = 86_400;

/// A point in time in seconds since 1970-01-01T00:00:00Z; fractions of a binary list are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i64);

impl Date {
    /// From the seconds since 2001 of a binary list; `None` when it is no date within some 30,000 years.
    pub(super) fn from_2001(seconds: f64) -> Option<Self> {
        let is_sane = seconds.is_finite() && seconds.abs() < 1e12;
        is_sane.then(|| Self(seconds.floor() as i64 + EPOCH_2001))
    }

    /// Reads `2026-06-17T12:07:35Z`, exactly that form.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('Z')?;
        let (day, time) = text.split_once('T')?;
        let mut day = day.splitn(3, '-').map(digits);
        let mut time = time.splitn(3, ':').map(digits);
        let (year, month, date) = (day.next()??, day.next()??, day.next()??);
        let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
        let is_sane = (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&date)
            && hour < 24
            && minute < 60
            && second <= 60
            && year <= 9999;
        is_sane.then(|| Self(days_from_civil(year, month, date) * DAY + hour * 3600 + minute * 60 + second))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

fn digits(text: &str) -> Option<i64> {
    let is_plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|it| it.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so that a leap day ends one.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}
