//! Everything that will be done, before anything is done.
//!
//! ```text
//!   Product + Signing + Toolchain ──▶ Plan { steps } ──▶ printed, compared, then carried out by `stage`
//! ```
//! A [`Step`] names its inputs and outputs, so the order follows from them and cannot be wrong.

mod backend;
mod binary;
mod print;
mod toolchain;
mod xcode;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use backend::{Backends, Chosen, Exception, Task};
pub use binary::{Binary, SliceSteps};
pub use print::{Format, PlanFormat, print};
pub use toolchain::{Sdk, SdkOrigin, Tool, Toolchain, find_llvm};
pub use xcode::Xcode;

use crate::{
    config::{KextVersion, Located, Mode, Notarization, Origin, PackageKind, PkgStyle, Product, Signing},
    error::{Error, Result},
    tools::{Call, STAND_INS},
    workspace::Workspace,
};

/// How far the pipeline goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// Universal binaries, unsigned.
    Built,
    /// The app with its drivers inside, unsigned.
    Bundled,
    /// Signed.
    Signed,
    /// Notarized, and stapled where the product has a place for it.
    Notarized,
    /// Packaged and verified.
    Packaged,
}

/// Whose tools do a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Apple's, on a Mac.
    Apple,
    /// Our own, and LLVM's, anywhere.
    Portable,
}

/// What `--backend` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BackendChoice {
    /// Apple's on a Mac, the portable one elsewhere.
    Auto,
    /// Apple's.
    Apple,
    /// The portable one.
    Portable,
}

/// The stages of the chain, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// `.iig` to `.h` and `.iig.cpp`.
    Generate,
    /// Source to object file.
    Compile,
    /// Object files to a slice.
    Link,
    /// Debug information out of the slice.
    Symbols,
    /// Slices to a universal binary.
    Merge,
    /// Binaries and property lists to an app.
    Bundle,
    /// Signatures, inside out.
    Sign,
    /// Submission, log, ticket.
    Notarize,
    /// Containers.
    Package,
    /// The verdict on what lies on disk.
    Verify,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Runs an external program.
    Call(Call),
    /// Does it in this process; the words say what.
    Builtin(String),
}

/// One thing that is done.
#[derive(Debug, Clone)]
pub struct Step {
    /// Names the step: "compile driver arm64 UsbPipe.cpp".
    pub name: String,
    /// Which stage it belongs to.
    pub stage: Stage,
    /// Whose tool does it.
    pub backend: Backend,
    /// What is done.
    pub action: Action,
    /// Files it reads, as far as they are known beforehand.
    pub inputs: Vec<PathBuf>,
    /// A file in which the tool says what else it read (make syntax).
    pub discovered: Option<PathBuf>,
    /// Files it writes.
    pub outputs: Vec<PathBuf>,
}

/// Something that no Mac has confirmed yet, and that a release needs somebody to accept by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Unproven {
    /// A driver linked by ld64.lld has the right shape, and nobody has seen one start.
    PortableLink,
}

/// How a product came about, as far as it decides whether it may be released. Travels with what is handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Built on our open SDK subset.
    pub open_sdk: bool,
    /// Linked by ld64.lld.
    pub portable_link: bool,
    /// Made with stand-ins for Apple's tools.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
}

impl Provenance {
    /// Of a product made from both: what one of them lacks, the whole lacks.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            open_sdk: self.open_sdk || other.open_sdk,
            portable_link: self.portable_link || other.portable_link,
            simulated: self.simulated || other.simulated,
        }
    }
}

/// What was asked on the command line.
#[derive(Debug, Clone)]
pub struct Request {
    /// `--signing`.
    pub signing: String,
    /// `--until`.
    pub until: Until,
    /// `--build`, overrides the driver's `CFBundleVersion`.
    pub build: Option<String>,
    /// `--backend`.
    pub backend: BackendChoice,
    /// `--backend-of`.
    pub exceptions: Vec<Exception>,
    /// `--out`.
    pub out: Option<PathBuf>,
}

/// Everything that will be done.
#[derive(Debug)]
pub struct Plan {
    /// The checkout.
    pub workspace: Workspace,
    /// What is built.
    pub product: Product,
    /// How it is signed.
    pub signing: Signing,
    /// With which tools.
    pub toolchain: Toolchain,
    /// Whose tools do what, and why.
    pub backends: Backends,
    /// How far.
    pub until: Until,
    /// Where finished things go.
    pub out: PathBuf,
    /// The drivers' binaries, in the order of the configuration; `None` for a prebuilt one.
    pub drivers: Vec<Option<Binary>>,
    /// The app's binary; `None` when it is prebuilt.
    pub app: Option<Binary>,
    /// What somebody accepted although no Mac has confirmed it.
    pub accepted: Vec<Unproven>,
    /// What recordings of a Mac in this checkout have shown (`prove::status`).
    pub proven: Vec<Unproven>,
    /// Things that a person should know before it starts.
    pub notes: Vec<String>,
}

impl Plan {
    /// Computes the plan. Touches nothing but the configuration.
    pub fn new(workspace: Workspace, toolchain: Toolchain, request: &Request) -> Result<Self> {
        let mut product = Product::load(&workspace)?;
        let signing = Signing::load(&request.signing, &workspace)?;
        if let Some(build) = &request.build {
            override_build(&mut product, build)?;
        }
        let out = match &request.out {
            Some(dir) => std::path::absolute(dir)
                .map_err(|error| Error::usage(format!("`--out {}`", dir.display())).because(error))?,
            None => workspace.dist(),
        };
        let backends = Backends::choose(request.backend, &request.exceptions, toolchain.is_mac, &signing)?;
        let mut plan = Self {
            workspace,
            product,
            signing,
            toolchain,
            backends,
            until: request.until,
            out,
            drivers: Vec::new(),
            app: None,
            accepted: Vec::new(),
            proven: Vec::new(),
            notes: Vec::new(),
        };
        plan.drivers = plan
            .product
            .drivers
            .iter()
            .map(|driver| Binary::of_driver(driver, &plan))
            .collect::<Result<_>>()?;
        plan.app = Binary::of_app(&plan.product.app, &plan)?;
        plan.notes = plan.notes();
        Ok(plan)
    }

    /// How what is built here comes about.
    pub fn provenance(&self) -> Provenance {
        Provenance {
            open_sdk: self.binaries().any(|binary| binary.sdk.origin == SdkOrigin::Open),
            portable_link: self.binaries().any(|binary| binary.backend == Backend::Portable),
            simulated: self.toolchain.simulated,
        }
    }

    /// Refuses to sign for everybody's Macs what no Mac is known to run. A rehearsal, a development build and an ad-hoc one
    /// are how such things get tried.
    pub fn refuse_unproven(&self, built: Provenance) -> Result {
        if *self.signing.mode != Mode::Distribution || self.until < Until::Signed {
            return Ok(());
        }
        let cannot = || Error::usage(format!("`--signing {}` is for everybody's Macs", self.signing.name));
        let made_by_stand_ins = built.simulated || self.toolchain.simulated;
        if made_by_stand_ins && self.until == Until::Packaged {
            return Err(cannot()
                .because("it was made with stand-ins for Apple's tools, on no Mac")
                .hint(format!("unset `{STAND_INS}`; a simulated Mac goes as far as `--until notarized`, or publishes a rehearsal")));
        }
        if built.open_sdk {
            return Err(cannot()
                .because("the product is built on the open SDK subset, which promises nothing about a runtime")
                .hint("set DRIVERKIT_SDK and MACOS_SDK to SDKs from Xcode, build on a Mac, or point at a prebuilt product"));
        }
        let is_allowed = |what| self.accepted.contains(&what) || self.proven.contains(&what);
        if built.portable_link && !is_allowed(Unproven::PortableLink) {
            return Err(cannot()
                .because("the driver is linked by ld64.lld, and no recording of a Mac shows that such a driver runs")
                .hint("link on a Mac, or take the risk with `--accept-unproven portable-link`"));
        }
        Ok(())
    }

    /// Everything compiled and linked here: the drivers', then the app's.
    pub fn binaries(&self) -> impl Iterator<Item = &Binary> {
        self.drivers.iter().flatten().chain(&self.app)
    }

    /// Where stages work.
    pub fn stage_dir(&self) -> PathBuf {
        self.workspace.work().join("stage")
    }

    /// The unsigned app.
    pub fn unsigned_app(&self) -> PathBuf {
        self.stage_dir().join("bundle").join(self.product.app.bundle_name())
    }

    /// The signed app.
    pub fn signed_app(&self) -> PathBuf {
        self.stage_dir().join("signed").join(&self.signing.name).join(self.product.app.bundle_name())
    }

    /// The name of finished files, before the ending: the app's name without spaces, and its version.
    pub fn archive_stem(&self) -> String {
        let name: String = self.product.app.name.chars().map(|c| if c == ' ' { '-' } else { c }).collect();
        format!("{name}-{}", *self.product.app.version)
    }

    /// The stapled copy of the signed app.
    pub fn notarized_app(&self) -> PathBuf {
        self.stage_dir().join("notarized").join(&self.signing.name).join(self.product.app.bundle_name())
    }

    /// Whether the app gets a submission of its own. With a pkg alone one is enough: its ticket covers all code inside. A
    /// zip has no place for a ticket, so the app inside must carry it.
    pub fn app_gets_a_ticket(&self) -> bool {
        let packages = &self.signing.packages;
        let alone = packages.is_empty() || self.until < Until::Packaged;
        self.signing.staple_app || alone || packages.contains(&PackageKind::Zip)
    }

    /// A finished package, before it is published.
    pub fn staged_package(&self, kind: PackageKind) -> PathBuf {
        self.stage_dir().join("packages").join(&self.signing.name).join(file_name(&self.package(kind)))
    }

    /// A signed package that has no ticket yet.
    pub fn unstapled_package(&self, kind: PackageKind) -> PathBuf {
        let folder = self.stage_dir().join("packages").join(&self.signing.name);
        folder.join("unstapled").join(file_name(&self.package(kind)))
    }

    /// A package in the output folder.
    pub fn package(&self, kind: PackageKind) -> PathBuf {
        let ending = match kind {
            PackageKind::Zip => "zip",
            PackageKind::Pkg => "pkg",
            PackageKind::Dmg => "dmg",
        };
        self.out.join(format!("{}.{ending}", self.archive_stem()))
    }

    /// All steps in an order that works.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = self.binaries().flat_map(Binary::steps).collect();
        steps.extend(self.later_steps());
        steps
    }

    fn later_steps(&self) -> Vec<Step> {
        let builtin = |stage, name: String, what: String, inputs: Vec<PathBuf>, outputs: Vec<PathBuf>| Step {
            name,
            stage,
            backend: self.backends.of_stage(stage).backend,
            action: Action::Builtin(what),
            inputs,
            discovered: None,
            outputs,
        };
        let app = self.product.app.bundle_name();
        let mut steps = Vec::new();
        if self.until >= Until::Bundled {
            let mut inputs: Vec<PathBuf> = self.binaries().map(|binary| binary.universal.clone()).collect();
            inputs.extend(self.prebuilt());
            let what = format!(
                "lay out `{app}` with {} driver(s), Info.plists, unsigned",
                self.product.drivers.len()
            );
            steps.push(builtin(
                Stage::Bundle,
                format!("bundle {app}"),
                what,
                inputs,
                vec![self.unsigned_app()],
            ));
        }
        if self.until >= Until::Signed {
            let by = match self.backends.of(Task::Sign).backend {
                Backend::Apple => "with codesign ",
                Backend::Portable => "",
            };
            let who = format!("{by}as `{}` ({}), inside out", self.signing.name, self.signing.shown);
            let mut inputs = vec![self.unsigned_app()];
            let files = self.signing.parts.iter().flat_map(|part| [&part.entitlements, &part.profile]);
            inputs.extend(files.flatten().map(|file| (**file).clone()));
            steps.push(builtin(Stage::Sign, format!("sign {app}"), who, inputs, vec![self.signed_app()]));
        }
        let notarized = *self.signing.notarization != Notarization::None;
        let notarize = |name: &str, from: PathBuf, to: PathBuf| {
            let who = match *self.signing.notarization {
                Notarization::Apple => "Apple's notary service",
                _ => "the local notary",
            };
            let what = format!("submit to {who}, fetch the log, staple a copy");
            builtin(Stage::Notarize, format!("notarize {name}"), what, vec![from], vec![to])
        };
        let mut delivered = self.signed_app();
        if self.until >= Until::Notarized && notarized && self.app_gets_a_ticket() {
            steps.push(notarize(&app, self.signed_app(), self.notarized_app()));
            delivered = self.notarized_app();
        }
        if self.until >= Until::Packaged {
            for kind in &self.signing.packages {
                let package = self.staged_package(*kind);
                let name = file_name(&package);
                let is_notarized = notarized && *kind != PackageKind::Zip;
                let made = if is_notarized { self.unstapled_package(*kind) } else { package.clone() };
                let by = match (self.backends.of(Task::Package).backend, kind) {
                    (Backend::Portable, _) => "",
                    (Backend::Apple, PackageKind::Zip) => " with ditto",
                    (Backend::Apple, PackageKind::Pkg) if self.signing.pkg_style == PkgStyle::Product => "",
                    (Backend::Apple, PackageKind::Pkg) => " with pkgbuild",
                    (Backend::Apple, PackageKind::Dmg) => " with hdiutil and codesign",
                };
                let what = format!("write `{name}` from `{app}`{by}");
                // A pkg is signed along with the app, unless it waits for the stapled one (`stage::release::installer`).
                let waits = *kind != PackageKind::Pkg || self.signing.staple_app;
                let inputs = vec![if waits { delivered.clone() } else { self.signed_app() }];
                steps.push(builtin(
                    Stage::Package,
                    format!("package {name}"),
                    what,
                    inputs,
                    vec![made.clone()],
                ));
                if is_notarized {
                    steps.push(notarize(&name, made, package));
                }
            }
            let what = "run the whole catalogue of checks on what lies in the output folder".to_owned();
            steps.push(builtin(
                Stage::Verify,
                "verify".into(),
                what,
                vec![self.out.join(&app)],
                vec![self.out.join("report.json")],
            ));
        }
        steps
    }

    fn prebuilt(&self) -> Vec<PathBuf> {
        let origins =
            self.product.drivers.iter().map(|driver| &driver.origin).chain([&self.product.app.origin]);
        origins
            .filter_map(|origin| match origin {
                Origin::Prebuilt { path } => Some(path.clone()),
                Origin::Build { .. } => None,
            })
            .collect()
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.toolchain.simulated {
            notes.push("simulated: stand-ins answered instead of Apple's tools, no Mac was used".to_owned());
        }
        if self.toolchain.is_mac && self.toolchain.backend == Backend::Apple && self.toolchain.xcode.is_none()
        {
            notes.push(
                "no Xcode answers: `cargo xtask doctor` says why; nothing can be built with it".to_owned(),
            );
        }
        let open = self.binaries().any(|binary| binary.sdk.origin == SdkOrigin::Open);
        if open {
            notes.push(
                "built on the open SDK subset in `xtask/sdk`; set DRIVERKIT_SDK and MACOS_SDK to use the real ones".to_owned(),
            );
        }
        if self.binaries().any(|binary| binary.backend == Backend::Portable) {
            notes.push("linked by ld64.lld; no driver linked so has run on a Mac yet".to_owned());
        }
        for path in self.prebuilt() {
            notes.push(format!(
                "`{}` is prebuilt: an arm64e slice in it is dropped by the merge",
                self.workspace.shown(&path)
            ));
        }
        if self.signing.name == "rehearsal" {
            notes.push("signed by a rehearsal identity: no Mac will load it".to_owned());
        }
        notes
    }
}

/// `--build N`.
fn override_build(product: &mut Product, build: &str) -> Result {
    let version: KextVersion =
        build.parse().map_err(|why: String| Error::usage(format!("`--build`: {why}")))?;
    for driver in &mut product.drivers {
        driver.build = Located::new(version.clone(), "--build");
    }
    Ok(())
}

/// `path` without the checkout in front, with forward slashes, for names of steps and files.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
