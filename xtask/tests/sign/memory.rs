//! Memory stays flat: half a gigabyte of code is signed, and its signature taken off and put on, with a few windows of it in memory.

use std::{
    fs,
    process::{Child, Command},
};

use super::{Desk, EXECUTABLE, SIGN, command_of};

/// How large the executable is.
const LARGE: u64 = 500 << 20;
/// How much memory the whole process may have had at any time. The program itself, its threads and its kept files have about half of it.
const MOST: u64 = 64 << 20;

/// The most memory that `child` had by the time it ended; `None` where there is no `/proc`.
fn peak(child: &mut Child) -> Option<u64> {
    let status = format!("/proc/{}/status", child.id());
    let mut most = None;
    loop {
        let ended = child.try_wait().unwrap();
        // The high-water mark only rises, so the last look before the end is the answer.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|it| it.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|it| it.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = most.max(kilobytes.map(|it| it << 10));
        if let Some(status) = ended {
            assert!(status.success(), "{status}");
            return most;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[track_caller]
fn check(mut command: Command) {
    match peak(&mut command.spawn().unwrap()) {
        Some(most) => assert!(most < MOST, "{} MB", most >> 20),
        None => println!("not run: this system has no `/proc` to see memory in"),
    }
}

#[test]
fn half_a_gigabyte_of_code_is_signed_in_little_memory() {
    let Some(desk) = Desk::new("") else { return };
    // `__LINKEDIT` is the last segment; the file has a hole where it grows, so it takes no space on the disk.
    desk.damaged(|mut it| {
        let mut at = command_of(&it, 0x19);
        while !it[at + 8..].starts_with(b"__LINKEDIT") {
            at += u32::from_le_bytes(it[at + 4..at + 8].try_into().unwrap()) as usize;
        }
        let number = |it: &[u8], at: usize| u64::from_le_bytes(it[at..at + 8].try_into().unwrap());
        let size = LARGE - number(&it, at + 40);
        it[at + 48..at + 56].copy_from_slice(&size.to_le_bytes());
        it[at + 32..at + 40].copy_from_slice(&size.next_multiple_of(0x4000).to_le_bytes());
        it
    });
    fs::OpenOptions::new().write(true).open(desk.path(EXECUTABLE)).unwrap().set_len(LARGE).unwrap();
    let mut command = desk.command(env!("CARGO_BIN_EXE_xtask"));
    command.args(SIGN.split(' '));
    check(command);
    let signed = fs::metadata(desk.path("out/Host.app/Contents/MacOS/Host")).unwrap().len();
    assert!((LARGE..LARGE + (16 << 20)).contains(&signed), "{signed}");

    let mut command = desk.command(env!("CARGO_BIN_EXE_xtask"));
    command.args(["signature", "detach", "out/Host.app", "-o", "signatures"]);
    check(command);
    let mut command = desk.command(env!("CARGO_BIN_EXE_xtask"));
    command.args(["signature", "attach", "Host.app", "signatures", "-o", "again/Host.app"]);
    check(command);
}
