//! How much memory a program had.

use std::{fs, path::PathBuf, process::Child, time::Duration};

/// The most memory that `child` has until its end, in bytes; `None` where there is no `/proc`. The high-water mark only rises, so the
/// last look before the end is the answer.
pub fn peak(child: &mut Child) -> Option<u64> {
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = None;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|it| it.strip_prefix("VmHWM:"));
        let kb = line.and_then(|it| it.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kb.map(|it| it * 1024));
        std::thread::sleep(Duration::from_micros(500));
    }
    peak
}
