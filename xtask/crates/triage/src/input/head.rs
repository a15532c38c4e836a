//! The head of a line: clock, process, pid; in every style that `log`, old system.log, Console and people write.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use time::{Date, Month};

use crate::entry::{Clock, is_known};

/// A line taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) clock: Option<Clock>,
    pub(super) process: Option<String>,
    pub(super) pid: Option<u64>,
    /// The message.
    pub(super) text: String,
    /// Whether the style was one that a machine writes.
    pub(super) structured: bool,
}

/// Takes a line apart. Total: a line without a known head is all message.
pub(super) fn parse(line: &str) -> Head {
    let starts_with_digit = line.starts_with(|it: char| it.is_ascii_digit());
    if starts_with_digit {
        for style in [&*DEFAULT, &*SYSLOG, &*COMPACT, &*NSLOG, &*UNIX_DATE] {
            if let Some(it) = style.captures(line) {
                return head(&it);
            }
        }
    }
    if let Some(it) = BSD.captures(line).or_else(|| BRACKETED.captures(line)) {
        return head(&it);
    }
    if let Some(it) = CONSOLE.captures(line) {
        return head(&it);
    }
    if let Some(it) = KEYED.captures(line) {
        let mut head = head(&it);
        head.structured = false;
        return head;
    }
    said(line)
}

/// `Process: message`, `Process (Library): message`, `Process  message`, as people quote logs.
fn said(line: &str) -> Head {
    for style in [&*SAID, &*SPACED] {
        if let Some(it) = style.captures(line)
            && let Some(process) = it.name("process")
            && is_known(process.as_str())
        {
            let mut head = head(&it);
            head.structured = false;
            return head;
        }
    }
    Head { text: line.to_string(), ..Head::default() }
}

fn head(it: &Captures<'_>) -> Head {
    let part = |name: &str| it.name(name).map(|it| it.as_str().trim()).filter(|it| !it.is_empty());
    let clock = part("clock").map(|text| Clock { text: text.to_string(), micros: micros(text) });
    let mut text = part("text").unwrap_or_default().to_string();
    if let Some(library) = part("library")
        && !text.starts_with('(')
    {
        text = format!("({library}) {text}");
    }
    Head {
        clock,
        process: part("process").map(process),
        pid: part("pid").and_then(|it| it.parse().ok()),
        text,
        structured: true,
    }
}

/// The process in one spelling: people write `KernelManagerd`, `Kernel`, `DriverKit Kernel`.
fn process(name: &str) -> String {
    let name = name.trim_matches('*');
    if name.eq_ignore_ascii_case("driverkit kernel")
        || name.eq_ignore_ascii_case("kernel")
        || name.eq_ignore_ascii_case("kernel dk")
    {
        return "kernel".to_string();
    }
    if is_known(name)
        && !name.contains('.')
        && !["applesystempolicy", "applemobilefileintegrity", "amfi", "asp"]
            .contains(&name.to_ascii_lowercase().as_str())
    {
        return name.to_ascii_lowercase();
    }
    name.to_string()
}

/// Splits pasted text where a second message begins on the same line (`… Syspolicyd: failed to …`).
pub(super) fn split_joined(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = line;
    // Eight messages on one pasted line are more than anybody has posted.
    for _ in 0..8 {
        let Some(at) =
            JOINED.captures_iter(rest).filter_map(|it| it.get(1)).map(|it| it.start()).find(|at| *at > 0)
        else {
            break;
        };
        let (before, after) = rest.split_at(at);
        parts.push(before.trim_end());
        rest = after;
    }
    parts.push(rest);
    parts
}

/// Microseconds of a timestamp: since 0000-01-01 with a date, since midnight without; zone offsets are taken into account.
fn micros(text: &str) -> i64 {
    let number = |it: Option<regex::Match<'_>>| it.and_then(|it| it.as_str().parse::<i64>().ok());
    let Some(it) = CLOCK.captures(text) else { return 0 };
    let days = if let (Some(year), Some(month), Some(day)) =
        (number(it.get(1)), number(it.get(2)), number(it.get(3)))
    {
        days(year, month, day)
    } else if let (Some(month), Some(day)) = (
        it.get(4).and_then(|it| MONTHS.iter().position(|name| it.as_str().eq_ignore_ascii_case(name))),
        number(it.get(5)),
    ) {
        // Old syslog has no year; 2000 is a leap year, so every date of it exists.
        days(2000, month as i64 + 1, day)
    } else if let (Some(month), Some(day), Some(year)) =
        (number(it.get(6)), number(it.get(7)), number(it.get(8)))
    {
        days(if year < 100 { year + 2000 } else { year }, month, day)
    } else {
        0
    };
    let mut hours = number(it.get(9)).unwrap_or(0);
    match it.get(13).map(|it| it.as_str()) {
        Some("PM" | "pm") if hours < 12 => hours += 12,
        Some("AM" | "am") if hours == 12 => hours = 0,
        _ => {}
    }
    let seconds =
        ((days * 24 + hours) * 60 + number(it.get(10)).unwrap_or(0)) * 60 + number(it.get(11)).unwrap_or(0);
    let fraction = it.get(12).map_or(0, |it| format!("{:0<6.6}", it.as_str()).parse::<i64>().unwrap_or(0));
    let zone = it.get(14).map_or(0, |it| {
        let digits: i64 = it.as_str().get(1..).and_then(|it| it.replace(':', "").parse().ok()).unwrap_or(0);
        let minutes = digits / 100 * 60 + digits % 100;
        if it.as_str().starts_with('-') { -minutes } else { minutes }
    });
    (seconds - zone * 60) * 1_000_000 + fraction
}

fn days(year: i64, month: i64, day: i64) -> i64 {
    let date = || {
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()
    };
    date().map_or(0, |it| i64::from(it.to_julian_day()))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// `2026-04-15 12:00:00.123456-0700 0x1f4af  Default  0x0  345  0  amfid: (Lib) [sub:cat] message`; TTL may be absent.
static DEFAULT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<clock>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d{4})?)\s+0x[0-9a-fA-F]+\s+[A-Z][A-Za-z]+(?: [A-Z][a-z]+)?\s+0x[0-9a-fA-F]+\s+(?P<pid>\d+)\s+(?:\d+\s+)?(?P<process>[^:]{1,80}?):(?: (?P<text>.*))?$",
    )
});
/// `2026-04-15 12:00:00.123456-0700  host amfid[345]: (Lib) [sub:cat] message`
static SYSLOG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<clock>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d{2}:?\d{2}|Z)?)\s+\S+\s+(?P<process>[^\[\]:]{1,80}?)\[(?P<pid>\d+)\]:\s(?P<text>.*)$",
    )
});
/// `2026-04-15 12:00:00.123 Df amfid[345:1f4af] [sub:cat] message`
static COMPACT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<clock>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)\s+[A-Z][a-z]?\s+(?P<process>[^\[\]:]{1,80}?)\[(?P<pid>\d+):[0-9a-fA-F]+\]\s(?P<text>.*)$",
    )
});
/// `2021-09-15 18:36:01.729 Santa[5382:81596] message`, with or without a zone, a host, or a pid.
static NSLOG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<clock>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:\s?[+-]\d{2}:?\d{2}|Z)?)\s+(?:[A-Z][A-Za-z]*\s+)?(?P<process>[A-Za-z][^\[\]:\s]{0,80})(?:\s?\((?P<library>[^()]{1,60})\))?(?:\[(?P<pid>\d+)(?::[0-9a-fA-Fx]+)?\])?:?\s(?P<text>.*)$",
    )
});
/// `10/22/16 7:03:56.461 PM com.apple.kextd[51]: message`
static UNIX_DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<clock>\d{1,2}/\d{1,2}/\d{2,4},? \d{1,2}:\d\d:\d\d(?:\.\d+)?(?: ?[AaPp][Mm])?)\s+(?P<process>[^\[\]:]{1,80}?)\[(?P<pid>\d+)\]:\s*(?P<text>.*)$",
    )
});
/// `Sep 14 10:37:02 host installd(libmis.dylib)[195] <Notice>: message`; host, library, pid and level may be absent.
static BSD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<clock>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)?)\s+(?:[^\s\[\]():<>]+\s+)??(?P<process>[^\s\[\]():<>]+)(?:\((?P<library>[^()]{1,60})\))?(?:\[(?P<pid>\d+)\])?\s*(?:\([^()]*\)\s*)?(?:<\w+>)?:\s*(?P<text>.*)$",
    )
});
/// `com.apple.kextd[41]: message`, `installd(libmis.dylib)[195] <Notice>: message`, `amfid(libmis.dylib): message`
static BRACKETED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<process>[A-Za-z][\w.\-]{1,60})(?:(?:\((?P<library>[^()\s]{1,60})\))?\[(?P<pid>\d+)(?::[0-9a-fA-Fx]+)?\]|\((?:lib)[^()\s]{1,60}\))\s*(?:<\w+>)?:?\s+(?P<text>.*)$",
    )
});
/// Console's copy: `error  10:21:37.867575 -0700  kernel  message`, fields between tabs; the level may be absent.
static CONSOLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?i:default|error|fault|info|debug|standard)?\s*(?P<clock>\d\d:\d\d:\d\d(?:\.\d+)?(?: ?[+-]\d{4})?)(?:\t+|\s+)(?P<process>[^\t:\[\]]{1,60}?)(?:\[(?P<pid>\d+)\])?(?:\t+|\s{2,}|: | )(?P<text>.*)$",
    )
});
/// `process: X subsystem: Y category: Z message: M`, on one line.
static KEYED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?i)(?:type:?\s+\w+\s+)?(?:time(?:stamp)?:?\s+(?P<clock>[\d\-]+[ T][\d:.+\-]+|[\d:.+\-]+)\s+)?(?:type:?\s+\w+\s+)?process(?:imagepath)?:?\s+(?P<process>\S+)\s+(?:(?:process ?id|pid):?\s+(?P<pid>\d+)\s+)?(?:(?:sender|subsystem|category|library|type|thread|activity|pid):?\s+\S+\s+){0,6}(?:event)?message:?\s+(?P<text>.*)$",
    )
});
/// `kernel: (Lib) message`, `kernel (AMFI): message`, `kernel[0]: message`, `DriverKit Kernel: message`
static SAID: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<process>[A-Za-z][\w.\-]{0,40}(?: [Kk]ernel| DK)?)\s?(?:\((?P<library>[\w. ]{1,40})\))?(?:\[(?P<pid>\d+)(?::\w+)?\])?(?:\([\w. ]{1,40}\))?(?: <\w+>)?\s?:\s*(?P<text>.*)$",
    )
});
/// `syspolicyd  message`: two spaces, or a tab.
static SPACED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?P<process>[A-Za-z][\w.\-]{0,40})(?:\[(?P<pid>\d+)(?::\w+)?\])?(?:\t+| {2,})(?P<text>.*)$")
});
/// A daemon's name and a colon in the middle of a line.
static JOINED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:^|\s)((?i:sysextd|kernelmanagerd|syspolicyd|taskgated-helper|amfid|launchd|AppleSystemPolicy|DriverKit Kernel|installd|kextd): )",
    )
});
static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:(\d{4})-(\d\d)-(\d\d)[ T]|([A-Z][a-z]{2})\s+(\d{1,2})\s|(\d{1,2})/(\d{1,2})/(\d{2,4}),? )?(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d+))?\s?([AaPp][Mm])?\s?([+-]\d{2}:?\d{2})?",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, process: Option<&str>, pid: Option<u64>, text: &str) {
        let head = parse(line);
        assert_eq!((head.process.as_deref(), head.pid, head.text.as_str()), (process, pid, text), "{line}");
    }

    #[test]
    fn the_styles_of_log_show_are_read() {
        check(
            "2026-04-15 12:00:00.123456-0700 0x1f4af    Default     0x0                  345    0    amfid: (Lib) [a:b] m: x",
            Some("amfid"),
            Some(345),
            "(Lib) [a:b] m: x",
        );
        check(
            "2025-11-14 21:00:43.573730+0900 0x26e9 Default 0x0 0 0 kernel: (a.dext) x",
            Some("kernel"),
            Some(0),
            "(a.dext) x",
        );
        check(
            "2026-04-15 12:00:00.123456-0700  localhost sysextd[88]: [com.apple.sx:XPC] x",
            Some("sysextd"),
            Some(88),
            "[com.apple.sx:XPC] x",
        );
        check("2026-04-15 12:00:00.123 Df amfid[345:1f4af] [a:b] m", Some("amfid"), Some(345), "[a:b] m");
        check("2026-04-15 12:00:00.123 E  My App[345:1f4af] m", Some("My App"), Some(345), "m");
    }

    #[test]
    fn older_and_foreign_styles_are_read() {
        check(
            "Sep 14 10:37:02 installd(libmis.dylib)[195] <Notice>: Local",
            Some("installd"),
            Some(195),
            "(libmis.dylib) Local",
        );
        check(
            "Jan 22 16:39:16 iPad-Air amfid(Security)[444] <Notice>: UNIX",
            Some("amfid"),
            Some(444),
            "(Security) UNIX",
        );
        check("Oct 22 19:03:56 mac kernel[0]: DK: x", Some("kernel"), Some(0), "DK: x");
        check(
            "10/22/16 7:03:56.461 PM com.apple.kextd[51]: ERROR: x",
            Some("com.apple.kextd"),
            Some(51),
            "ERROR: x",
        );
        check("com.apple.kextd[41]: ERROR: x", Some("com.apple.kextd"), Some(41), "ERROR: x");
        check("2021-09-15 18:36:01.729 Santa[5382:81596] did fail", Some("Santa"), Some(5382), "did fail");
        check("error\t10:21:37.867575 -0700\tkernel\tDK: x", Some("kernel"), None, "DK: x");
    }

    #[test]
    fn quoted_logs_are_read() {
        check(
            "KernelManagerd: Error Domain=NSPOSIXErrorDomain Code=8",
            Some("kernelmanagerd"),
            None,
            "Error Domain=NSPOSIXErrorDomain Code=8",
        );
        check("DriverKit Kernel: DK: x", Some("kernel"), None, "DK: x");
        check("kernel (AMFI): Code has", Some("kernel"), None, "(AMFI) Code has");
        check(
            "syspolicyd  failed to call driver: 0x3",
            Some("syspolicyd"),
            None,
            "failed to call driver: 0x3",
        );
        check(
            "process: taskgated-helper subsystem: com.apple.ManagedClient category: ProvisioningProfiles message: a: b",
            Some("taskgated-helper"),
            None,
            "a: b",
        );
    }

    #[test]
    fn prose_keeps_its_colons() {
        check("Error Domain=X Code=1: y", None, None, "Error Domain=X Code=1: y");
        check("Note: this is fine", None, None, "Note: this is fine");
    }

    #[test]
    fn messages_joined_on_one_line_come_apart() {
        assert_eq!(
            split_joined("KernelManagerd: Error Code=8 Syspolicyd: failed to fetch x"),
            vec!["KernelManagerd: Error Code=8", "Syspolicyd: failed to fetch x"]
        );
        assert_eq!(split_joined("no daemon here"), vec!["no daemon here"]);
    }

    #[test]
    fn clocks_can_be_compared() {
        let at = |text: &str| micros(text);
        assert_eq!(at("2026-04-15 12:00:01.500000-0700") - at("2026-04-15 19:00:00.0Z"), 1_500_000);
        assert_eq!(at("10/22/16 7:03:56.461 PM") - at("10/22/16 7:03:55 PM"), 1_461_000);
        assert_eq!(at("Mar  1 00:00:00") - at("Feb 29 23:59:59"), 1_000_000);
        assert_eq!(at("nonsense"), 0);
    }
}
