//! What machine this is. Asked here and nowhere else.

/// Operating systems we tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    /// A Mac.
    MacOs,
    /// Linux, any distribution.
    Linux,
    /// Anything else: the portable path may work, nobody has tried.
    Other,
}

/// Facts about the machine that runs us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The operating system.
    pub os: Os,
    /// The machine's architecture in Rust's spelling: `aarch64`, `x86_64`.
    pub arch: String,
    /// Made up by stand-ins for a test: nothing learned on such a host counts as seen on a Mac.
    pub simulated: bool,
}

impl Host {
    /// The machine this was compiled for, which is the one it runs on.
    pub fn real() -> Self {
        let os = match std::env::consts::OS {
            "macos" => Os::MacOs,
            "linux" => Os::Linux,
            _ => Os::Other,
        };
        Self { os, arch: std::env::consts::ARCH.to_owned(), simulated: false }
    }

    /// The operating system as Rust spells it: `macos`, `linux`.
    pub fn os_name(&self) -> &'static str {
        match self.os {
            Os::MacOs => "macos",
            Os::Linux => "linux",
            Os::Other => std::env::consts::OS,
        }
    }

    /// Whether Apple's tools can exist here.
    pub fn is_mac(&self) -> bool {
        self.os == Os::MacOs
    }
}
