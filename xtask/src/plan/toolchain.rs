//! Which compilers, linkers and SDKs build the product.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;

use super::{Backend, BackendChoice, Xcode};
use crate::{
    config::Platform,
    error::{Error, Result},
    tools::{Call, Toolbox},
    workspace::Workspace,
};

/// LLVM releases that the tests cover, in the order of preference. 19 is what Debian 12 packages.
const LLVM: &[u32] = &[19, 20, 21];

/// A tool of a covered LLVM: `clang-19`, or plain `clang` where that is one of them (Fedora, Arch, Homebrew). An older one
/// that happens to be installed would build something that no test has seen.
pub fn find_llvm(tools: &Toolbox, name: &str) -> Option<(String, PathBuf)> {
    let versioned = LLVM.iter().map(|release| format!("{name}-{release}"));
    if let Some(found) = versioned.into_iter().find_map(|name| Some((name.clone(), tools.find(&name)?))) {
        return Some(found);
    }
    let path = tools.find(name)?;
    let release = release_of(tools, name)?;
    LLVM.contains(&release).then(|| (name.to_owned(), path))
}

/// The release that a tool says it is: "clang version 19.1.7", "LLD 19.1.7", "LLVM version 19.1.7".
fn release_of(tools: &Toolbox, name: &str) -> Option<u32> {
    let call = Call::new(name, format!("ask `{name}` for its version")).arg("--version");
    let said = tools.run(&call.deadline(Duration::from_secs(20))).ok()?.text();
    let words = ["version ", "LLD "]
        .iter()
        .find_map(|word| said.split_once(word).map(|(_, rest)| rest.to_owned()))?;
    words.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A program of the tool chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// The name it is called by: `clang++-19`.
    pub name: String,
    /// Where it is; `None` when it is missing.
    pub path: Option<PathBuf>,
}

/// An SDK: headers and library stubs for one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sdk {
    /// Its folder; for [`SdkOrigin::Xcode`] our subset, whose version numbers stand in until xcrun is asked.
    pub path: PathBuf,
    /// Whose it is.
    pub origin: SdkOrigin,
}

/// Whose SDK it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SdkOrigin {
    /// Our open subset: enough for this repository, not fit for release.
    Open,
    /// A folder that an environment variable names.
    Given,
    /// The one that `xcrun` finds.
    Xcode,
}

/// Compilers, linkers and SDKs.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// Whose tools build.
    pub backend: Backend,
    /// Why these.
    pub why: &'static str,
    /// Whether Apple's tools can exist here.
    pub is_mac: bool,
    /// Whether stand-ins answer instead of Apple's tools: what comes of it is labelled and is never released.
    pub simulated: bool,
    /// The Xcode whose tools they are; `None` for the portable ones, and where none answers: a plan can be shown without it, and a product of
    /// prebuilt parts needs none. Whoever builds asks again and says why.
    pub xcode: Option<Xcode>,
    /// C++ compiler for drivers.
    pub cxx: Tool,
    /// C and Objective-C compiler for the app.
    pub cc: Tool,
    /// Linker.
    pub linker: Tool,
    /// Extracts debug information.
    pub dsymutil: Tool,
    /// Removes debug information.
    pub strip: Tool,
    /// Apple's interface generator, when the backend is Apple's.
    pub iig: Option<Tool>,
    /// SDK for drivers.
    pub driverkit: Sdk,
    /// SDK for the app.
    pub macos: Sdk,
}

impl Toolchain {
    /// Looks for the tools. Missing ones are found out by [`Toolchain::missing`], so that a plan can be shown without them.
    pub fn find(tools: &Toolbox, workspace: &Workspace, choice: BackendChoice) -> Result<Self> {
        let (backend, why) = match (choice, tools.host().is_mac()) {
            (BackendChoice::Apple, false) => {
                return Err(
                    Error::usage("`--backend apple` needs a Mac with Xcode").hint("use `--backend portable`")
                );
            }
            (BackendChoice::Apple, true) => (Backend::Apple, "asked for"),
            (BackendChoice::Portable, _) => (Backend::Portable, "asked for"),
            (BackendChoice::Auto, true) => (Backend::Apple, "this is a Mac"),
            (BackendChoice::Auto, false) => (Backend::Portable, "this is not a Mac"),
        };
        let simulated = tools.host().simulated;
        let driverkit = Sdk::find("DRIVERKIT_SDK", "DriverKit", backend, workspace)?;
        let macos = Sdk::find("MACOS_SDK", "MacOSX", backend, workspace)?;
        let xcrun = || Tool::find(tools, &["xcrun"]);
        Ok(match backend {
            Backend::Apple => Self {
                xcode: Xcode::selected(tools).ok(),
                backend,
                why,
                is_mac: tools.host().is_mac(),
                simulated,
                cxx: xcrun(),
                cc: xcrun(),
                linker: xcrun(),
                dsymutil: xcrun(),
                strip: xcrun(),
                iig: Some(xcrun()),
                driverkit,
                macos,
            },
            Backend::Portable => Self {
                xcode: None,
                backend,
                why,
                is_mac: tools.host().is_mac(),
                simulated,
                cxx: Tool::versioned(tools, "clang++"),
                cc: Tool::versioned(tools, "clang"),
                linker: Tool::versioned(tools, "ld64.lld"),
                dsymutil: Tool::versioned(tools, "dsymutil"),
                strip: Tool::versioned(tools, "llvm-strip"),
                iig: None,
                driverkit,
                macos,
            },
        })
    }

    /// The tools that are not installed.
    pub fn missing(&self) -> Vec<&Tool> {
        let all =
            [&self.cxx, &self.cc, &self.linker, &self.dsymutil, &self.strip].into_iter().chain(&self.iig);
        let mut missing: Vec<&Tool> = all.filter(|tool| tool.path.is_none()).collect();
        missing.dedup_by(|a, b| a.name == b.name);
        missing
    }

    /// The SDK of a platform.
    pub fn sdk(&self, platform: Platform) -> &Sdk {
        match platform {
            Platform::DriverKit => &self.driverkit,
            Platform::MacOs => &self.macos,
        }
    }
}

impl Tool {
    fn find(tools: &Toolbox, names: &[&str]) -> Self {
        let found = names.iter().find_map(|name| Some((*name, tools.find(name)?)));
        match found {
            Some((name, path)) => Self { name: name.to_owned(), path: Some(path) },
            None => Self { name: names.first().copied().unwrap_or_default().to_owned(), path: None },
        }
    }

    fn versioned(tools: &Toolbox, name: &str) -> Self {
        match find_llvm(tools, name) {
            Some((name, path)) => Self { name, path: Some(path) },
            None => Self { name: format!("{name}-{}", LLVM[0]), path: None },
        }
    }
}

impl Sdk {
    /// The folder that `variable` names, else our subset.
    fn find(variable: &str, name: &str, backend: Backend, workspace: &Workspace) -> Result<Self> {
        let ours = || workspace.root().join("xtask/sdk").join(name);
        let sdk = match (std::env::var_os(variable), backend) {
            (Some(path), _) if !path.is_empty() => {
                Self { path: PathBuf::from(path), origin: SdkOrigin::Given }
            }
            (_, Backend::Portable) => Self { path: ours(), origin: SdkOrigin::Open },
            (_, Backend::Apple) => Self { path: ours(), origin: SdkOrigin::Xcode },
        };
        if sdk.path.join("SDKSettings.json").is_file() {
            return Ok(sdk);
        }
        let cannot = Error::usage(format!(
            "`{}` is not an SDK: it has no `SDKSettings.json`",
            workspace.shown(&sdk.path)
        ));
        Err(match sdk.origin {
            SdkOrigin::Open | SdkOrigin::Xcode => {
                cannot.hint("the checkout is not complete: `git status` in it")
            }
            SdkOrigin::Given => cannot.hint(format!(
                "{variable} names the folder of an SDK extracted from Xcode, such as DriverKit25.5.sdk"
            )),
        })
    }

    /// The DriverKit SDK keeps everything below `System/DriverKit`.
    pub fn libraries(&self, platform: Platform) -> PathBuf {
        self.root(platform).join("usr/lib")
    }

    /// Where frameworks are.
    pub fn frameworks(&self, platform: Platform) -> PathBuf {
        self.root(platform).join("System/Library/Frameworks")
    }

    fn root(&self, platform: Platform) -> PathBuf {
        match platform {
            Platform::DriverKit => self.path.join("System/DriverKit"),
            Platform::MacOs => Path::new(&self.path).to_owned(),
        }
    }
}
