//! Ctrl-C: children are stopped, the work in hand is undone, the exit code is 130.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::{Error, Result};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Listens for Ctrl-C and termination. The second one ends the process at once.
pub fn listen() -> Result {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        let groups = GROUPS.lock().map(|groups| groups.clone()).unwrap_or_default();
        groups.into_iter().filter_map(Pid::from_raw).for_each(|group| {
            // Already gone is what we want.
            let _ = kill_process_group(group, Signal::TERM);
        });
    })
    .map_err(|error| Error::tool("cannot listen for Ctrl-C").because(error))
}

/// Whether Ctrl-C was pressed.
pub fn happened() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// An error once Ctrl-C was pressed; asked between steps.
pub fn check() -> Result {
    if happened() { Err(Error::interrupted()) } else { Ok(()) }
}

/// A process group that Ctrl-C must reach while this value lives.
pub struct Watched(i32);

impl Watched {
    /// Watches the group whose leader has this process id.
    pub fn new(leader: u32) -> Self {
        let id = i32::try_from(leader).unwrap_or(0);
        if let Ok(mut groups) = GROUPS.lock() {
            groups.insert(id);
        }
        Self(id)
    }

    /// Names the group without letting Ctrl-C reach it; [`Watched::kill`] still does.
    pub fn sheltered(leader: u32) -> Self {
        Self(i32::try_from(leader).unwrap_or(0))
    }

    /// Ends the whole group.
    pub fn kill(&self, signal: Signal) {
        if let Some(group) = Pid::from_raw(self.0) {
            // Already gone is what we want.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Ok(mut groups) = GROUPS.lock() {
            groups.remove(&self.0);
        }
    }
}
