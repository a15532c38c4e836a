//! How far it is: a bar and a spinner on a terminal, a few plain lines elsewhere.

use std::{
    cell::{Cell, RefCell},
    fmt,
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressStyle};
use notary::run::{Awaited, Waiting};

use crate::terminal::{self, Verbosity};

/// An upload smaller than this is over before anybody asks.
const WORTH_A_LINE: u64 = 8 << 20;
/// Seconds after which a wait is told of, where no spinner turns. After the last one, every ten minutes.
const TOLD_AFTER: [u64; 4] = [60, 180, 300, 600];

/// Tells of one hand-in and of the wait for its verdict.
pub struct Progress {
    bar: RefCell<Option<ProgressBar>>,
    started: Cell<Option<Instant>>,
    sent: Cell<u64>,
    told: Cell<u64>,
}

impl Progress {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self { bar: RefCell::new(None), started: Cell::new(None), sent: Cell::new(0), told: Cell::new(0) }
    }

    /// A line of the story, above the bar when there is one.
    pub fn say(&self, line: &str) {
        match &*self.bar.borrow() {
            Some(bar) => bar.suspend(|| terminal::note(line)),
            None => terminal::note(line),
        }
    }

    /// So many bytes of so many were sent. Fewer than the last time: a part is sent again.
    pub fn sent(&self, sent: u64, total: u64) {
        let before = self.sent.replace(sent);
        if self.started.get().is_none() {
            self.started.set(Some(Instant::now()));
        }
        let elapsed = self.started.get().map(|it| it.elapsed()).unwrap_or_default();
        if shows_bars() {
            self.bar(BAR, Some(total)).set_position(sent);
            if sent == total {
                self.clear();
            }
        } else if let Some(share) = due(before, sent, total) {
            terminal::step("Uploading", upload_line(share, sent, total, elapsed));
        }
        if sent == total && total >= WORTH_A_LINE {
            terminal::step("Uploaded", upload_line(100, sent, total, elapsed));
        }
    }

    /// The bytes are on their way, and nobody tells how far: Apple's tool is at it.
    pub fn upload_of_unknown_pace(&self, total: u64) {
        if shows_bars() {
            self.spin(format!("notarytool uploads {}", HumanBytes(total)));
        } else if total >= WORTH_A_LINE {
            terminal::step("Uploading", format_args!("{} by notarytool", HumanBytes(total)));
        }
    }

    /// The run waits.
    pub fn waiting(&self, it: &Waiting<'_>) {
        let what = match it.awaited {
            Awaited::Verdict => "the verdict",
            Awaited::Ticket => "the ticket",
        };
        let waited = HumanDuration(Duration::from_secs(it.waited));
        if shows_bars() {
            self.spin(format!("waiting for {what} on {} ({waited})", it.id));
            return;
        }
        if is_due(it.waited, self.told.get()) {
            self.told.set(it.waited);
            let limit = HumanDuration(Duration::from_secs(it.limit));
            terminal::step("Waiting", format_args!("for {what} on {}: {waited} of at most {limit}", it.id));
        }
    }

    /// Takes the bar off the screen.
    pub fn clear(&self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn spin(&self, text: String) {
        let bar = self.bar(SPINNER, None);
        bar.enable_steady_tick(Duration::from_millis(120));
        bar.set_message(text);
    }

    /// The bar that is there, when it is of the kind that is wanted.
    fn bar(&self, template: &str, total: Option<u64>) -> ProgressBar {
        let mut slot = self.bar.borrow_mut();
        match &*slot {
            Some(bar) if bar.length() == total => bar.clone(),
            _ => {
                let bar = match total {
                    Some(total) => ProgressBar::new(total),
                    None => ProgressBar::no_length(),
                };
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
                if let Some(old) = slot.replace(bar.clone()) {
                    old.finish_and_clear();
                }
                bar
            }
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Progress({} bytes)", self.sent.get())
    }
}

const BAR: &str = "   Uploading {bytes}/{total_bytes} {wide_bar} {bytes_per_sec} {eta}";
const SPINNER: &str = "   {spinner} {msg}";

fn shows_bars() -> bool {
    terminal::is_interactive() && terminal::verbosity() > Verbosity::Quiet
}

/// The tenths that an upload has just passed, in percent; `None` when it passed none, is small, or is done.
fn due(before: u64, sent: u64, total: u64) -> Option<u64> {
    if total < WORTH_A_LINE || sent >= total {
        return None;
    }
    let tenth = |it: u64| it.saturating_mul(10) / total;
    (tenth(sent) > tenth(before)).then(|| tenth(sent) * 10)
}

fn upload_line(share: u64, sent: u64, total: u64, elapsed: Duration) -> String {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = HumanBytes(sent.saturating_mul(1000) / millis);
    if share == 100 {
        return format!("{} in {} ({rate}/s)", HumanBytes(total), HumanDuration(elapsed));
    }
    format!("{share} %, {} of {} ({rate}/s)", HumanBytes(sent), HumanBytes(total))
}

/// Whether a wait is worth a line again.
fn is_due(waited: u64, told: u64) -> bool {
    let next = TOLD_AFTER.into_iter().find(|it| *it > told).unwrap_or(told.saturating_add(600));
    waited >= next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_upload_is_told_by_tenths_and_a_small_one_not_at_all() {
        let total = 2 << 30;
        let window = 256 << 10;
        let shares: Vec<u64> =
            (0..total / window).filter_map(|at| due(at * window, (at + 1) * window, total)).collect();
        assert_eq!(shares, [10, 20, 30, 40, 50, 60, 70, 80, 90]);
        assert_eq!(due(0, 1 << 20, 2 << 20), None);
        assert_eq!(due(total / 2, total / 10, total), None, "a part that is sent again takes nothing back");
    }

    #[test]
    fn a_line_says_bytes_and_rate() {
        let elapsed = Duration::from_secs(10);
        assert_eq!(upload_line(50, 1 << 30, 2 << 30, elapsed), "50 %, 1.00 GiB of 2.00 GiB (102.40 MiB/s)");
        assert_eq!(upload_line(100, 2 << 30, 2 << 30, elapsed), "2.00 GiB in 10 seconds (204.80 MiB/s)");
    }

    #[test]
    fn a_wait_is_told_less_and_less_often() {
        let mut told = 0;
        let mut lines = Vec::new();
        for waited in (0..7200).step_by(5) {
            if is_due(waited, told) {
                told = waited;
                lines.push(waited);
            }
        }
        assert_eq!(lines[..6], [60, 180, 300, 600, 1200, 1800]);
        assert_eq!(lines.len(), 14);
    }
}
