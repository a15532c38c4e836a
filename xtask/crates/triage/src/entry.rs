//! One line of a log: when, who, on which layer, what.

use std::fmt;

/// The layer a message comes from; lower layers decide, higher ones report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The kernel and its extensions (AMFI, AppleSystemPolicy, DriverKit's kernel half).
    Kernel,
    /// System daemons (amfid, syspolicyd, launchd, kernelmanagerd, sysextd, …).
    Daemon,
    /// The app, command line tools, and whoever else only reports.
    App,
}

impl Layer {
    /// All layers, the deciding one first.
    pub const ALL: [Layer; 3] = [Layer::Kernel, Layer::Daemon, Layer::App];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Layer::Kernel => "kernel",
            Layer::Daemon => "daemon",
            Layer::App => "app",
        }
    }
}

/// A point in time as the log wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// The text of the log, untouched.
    pub text: String,
    /// Microseconds for comparison within one input; the zero point is not the same for all styles.
    pub micros: i64,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, if the input says.
    pub clock: Option<Clock>,
    /// The process, if the input says; `kernel` for the kernel.
    pub process: Option<String>,
    /// Its process id.
    pub pid: Option<u64>,
    /// The layer of the process, if the process is known.
    pub layer: Option<Layer>,
    /// The message, on one line, quotes and spaces made plain.
    pub text: String,
    /// Index of the input it was read from.
    pub input: usize,
    /// Line (or record) number in the input, from 1.
    pub line: u64,
    /// Whether the style of the line was recognised; pasted text is not.
    pub structured: bool,
}

/// How a redacted field looks in a log.
pub const REDACTED: [&str; 3] = ["<private>", "<redacted>", "<mask.hash:"];

impl Entry {
    /// Whether the system withheld a part of the message.
    pub fn is_redacted(&self) -> bool {
        REDACTED.iter().any(|it| self.text.contains(it))
    }
}

/// The layer of a process by its name; `None` where the name says nothing.
pub(crate) fn layer_of(process: &str) -> Option<Layer> {
    let name = process.rsplit('/').next().unwrap_or(process).to_ascii_lowercase();
    let name = name.strip_prefix("com.apple.").unwrap_or(&name);
    if KERNEL.contains(&name) {
        Some(Layer::Kernel)
    } else if DAEMONS.contains(&name) {
        Some(Layer::Daemon)
    } else {
        None
    }
}

/// Whether a word is a process that system logs are known to name.
pub(crate) fn is_known(process: &str) -> bool {
    layer_of(process).is_some() || TOOLS.contains(&process.to_ascii_lowercase().as_str())
}

/// Names under which the kernel speaks; people write the extension's name for it.
const KERNEL: &[&str] = &[
    "kernel",
    "kernel_task",
    "driverkit kernel",
    "amfi",
    "applemobilefileintegrity",
    "applesystempolicy",
    "asp",
    "kernel dk",
];
/// Daemons that take part in loading code.
pub(crate) const DAEMONS: &[&str] = &[
    "amfid",
    "taskgated",
    "taskgated-helper",
    "syspolicyd",
    "trustd",
    "securityd",
    "launchd",
    "kernelmanagerd",
    "sysextd",
    "kextd",
    "kextcache",
    "kmutil",
    "kextload",
    "kextutil",
    "installd",
    "runningboardd",
    "driverkitd",
    "mdmclient",
    "codesigninghelper",
    "lsd",
    "launchservicesd",
    "reportcrash",
    "tccd",
    "nesessionmanager",
    "mobile_installation_proxy",
    "dkgetd",
    "watchdogd",
    "logd",
    "coreservicesd",
    "xprotectservice",
];
/// Tools whose output people paste with their name in front.
const TOOLS: &[&str] = &[
    "systemextensionsctl",
    "codesign",
    "spctl",
    "stapler",
    "client",
    "dyld",
    "zsh",
    "ioreg",
    "csrutil",
    "app",
];

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
