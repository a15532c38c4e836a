//! What the experiments are made on: where each sample lies, and why one is lacking.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    config::{Arch, Product},
    error::{Error, Result},
    plan::file_name,
    tools::Call,
};

/// Something that experiments need made beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sample {
    /// The product, built by Apple's tools, signed ad hoc by us.
    Apple,
    /// The product, built by our tools against the SDK of Xcode, signed ad hoc by us.
    Portable,
    /// The driver: Apple's object files, linked by ld64.lld.
    Crossed,
    /// The product of Apple's tools, signed as a rehearsal, stapled, packaged.
    Rehearsal,
    /// Copies of [`Sample::Apple`], each with one damage.
    Damaged,
    /// Sources of small programs.
    Probes,
    /// Somebody's notarized product, given with `--notarized`.
    Notarized,
}

impl Sample {
    /// All, in the order in which they are made.
    pub const ALL: [Self; 7] = [
        Self::Apple,
        Self::Portable,
        Self::Crossed,
        Self::Rehearsal,
        Self::Damaged,
        Self::Probes,
        Self::Notarized,
    ];

    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Apple => "the product, built by Apple's tools, signed ad hoc by us",
            Self::Portable => "the product, built by our tools against Xcode's SDK, signed ad hoc by us",
            Self::Crossed => "the driver, Apple's object files linked by ld64.lld",
            Self::Rehearsal => "the product, signed as a rehearsal, stapled and packaged",
            Self::Damaged => "copies of the signed product, each with one damage",
            Self::Probes => "sources of two small programs",
            Self::Notarized => "a notarized product of anybody's",
        }
    }
}

/// The damages of [`Sample::Damaged`], by the name of the copy.
pub const DAMAGES: [&str; 3] = ["altered-code", "altered-info", "added-file"];

/// Where the samples are.
#[derive(Debug, Clone)]
pub struct Samples {
    /// Where `prove` works: everything below may be deleted.
    pub work: PathBuf,
    /// The checkout.
    pub checkout: PathBuf,
    /// Our own program.
    pub program: PathBuf,
    /// "USB Driver Host.app".
    pub app_name: String,
    /// "com.example.usb-interface-driver.dext".
    pub dext_name: String,
    /// The driver's executable.
    pub executable: String,
    /// The architectures that the driver is built for.
    pub arches: Vec<Arch>,
    /// The oldest DriverKit it runs on.
    pub minimum_driverkit: String,
    /// Names of its interface files, without ending.
    pub interfaces: Vec<String>,
    /// "USB-Driver-Host-1.2.0": packages without their ending.
    pub archive_stem: String,
    /// What `--notarized` names.
    pub notarized: Option<PathBuf>,
    lacking: BTreeMap<Sample, String>,
}

impl Samples {
    /// Where the samples of a product will be. None is made yet.
    pub fn of(product: &Product, checkout: &Path, work: &Path, program: &Path) -> Result<Self> {
        let driver = product
            .drivers
            .first()
            .ok_or_else(|| Error::usage("the product has no driver: there is nothing to prove"))?;
        let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name: String = product.app.name.chars().map(|c| if c == ' ' { '-' } else { c }).collect();
        Ok(Self {
            work: work.to_owned(),
            checkout: checkout.to_owned(),
            program: program.to_owned(),
            app_name: product.app.bundle_name(),
            dext_name: driver.bundle_name(),
            executable: driver.executable().to_owned(),
            arches: driver.triples.iter().map(|it| it.arch).collect(),
            minimum_driverkit: driver.minimum_driverkit.to_string(),
            interfaces: driver.interfaces.iter().map(stem).collect(),
            archive_stem: format!("{name}-{}", *product.app.version),
            notarized: None,
            lacking: Sample::ALL.iter().map(|it| (*it, format!("{} was not made", it.title()))).collect(),
        })
    }

    /// It is there now.
    pub fn made(&mut self, sample: Sample) {
        self.lacking.remove(&sample);
    }

    /// It is not there, and this is why.
    pub fn failed(&mut self, sample: Sample, why: impl Into<String>) {
        self.lacking.insert(sample, why.into());
    }

    /// Why a sample is not there.
    pub fn lacking(&self, sample: Sample) -> Option<String> {
        self.lacking.get(&sample).cloned()
    }

    /// The folder of a sample; for those that are built, what stands for `target/` and `dist/` of a checkout.
    pub fn folder(&self, sample: Sample) -> PathBuf {
        self.work.join(match sample {
            // A rehearsal goes on from what Apple's tools built.
            Sample::Apple | Sample::Rehearsal => "apple",
            Sample::Portable => "portable",
            Sample::Crossed => "crossed",
            Sample::Damaged => "damaged",
            Sample::Probes => "probes",
            Sample::Notarized => "notarized",
        })
    }

    /// Where finished products of a sample are.
    pub fn finished(&self, sample: Sample) -> PathBuf {
        self.folder(sample).join(if sample == Sample::Rehearsal { "rehearsal" } else { "adhoc" })
    }

    /// The signed app of a sample.
    pub fn app(&self, sample: Sample) -> PathBuf {
        self.finished(sample).join(&self.app_name)
    }

    /// A damaged copy of the app.
    pub fn damaged(&self, damage: &str) -> PathBuf {
        self.folder(Sample::Damaged).join(damage).join(&self.app_name)
    }

    /// The driver inside an app.
    pub fn dext_of(&self, app: &Path) -> PathBuf {
        app.join("Contents/Library/SystemExtensions").join(&self.dext_name)
    }

    /// The driver of a sample.
    pub fn dext(&self, sample: Sample) -> PathBuf {
        self.dext_of(&self.app(sample))
    }

    /// The finished package of the rehearsal with this ending.
    pub fn package(&self, ending: &str) -> PathBuf {
        self.finished(Sample::Rehearsal).join(format!("{}.{ending}", self.archive_stem))
    }

    /// Where the build of a sample works.
    pub fn stage(&self, sample: Sample) -> PathBuf {
        self.folder(sample).join("dist/stage")
    }

    /// An unsigned slice of the driver.
    pub fn slice(&self, sample: Sample, arch: Arch) -> PathBuf {
        match sample {
            Sample::Crossed => self.folder(sample).join(arch.name()),
            _ => self.stage(sample).join(&self.executable).join(arch.name()).join(&self.executable),
        }
    }

    /// The unsigned universal binary of the driver.
    pub fn universal(&self, sample: Sample) -> PathBuf {
        self.stage(sample).join(&self.executable).join("universal").join(&self.executable)
    }

    /// What the interface generator of a sample wrote.
    pub fn generated(&self, sample: Sample, file: &str) -> PathBuf {
        self.stage(sample).join(&self.executable).join("generated").join(file)
    }

    /// A file in the folder of small programs.
    pub fn probe(&self, name: &str) -> PathBuf {
        self.folder(Sample::Probes).join(name)
    }

    /// A file that an experiment leaves.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.work.join("scratch").join(name)
    }

    /// A call of our own program.
    pub fn ours(&self, purpose: impl Into<String>) -> Call {
        Call::new(&self.program, purpose).folder(&self.checkout)
    }

    /// The product that `--notarized` names, as an argument.
    pub fn notarized(&self) -> String {
        self.notarized.as_ref().map_or_else(|| "PATH".to_owned(), |it| it.display().to_string())
    }

    /// Whether the notarized product is a package.
    pub fn notarized_is_package(&self) -> bool {
        self.notarized.as_deref().is_some_and(|it| file_name(it).ends_with(".pkg"))
    }
}
