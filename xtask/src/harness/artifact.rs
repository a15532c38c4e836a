//! What is tried on the Mac, as our own verifier sees it: the truth that everything on the machine is compared with.

use std::{collections::BTreeMap, path::Path};

use checks::{Mode, Policy, Subject, subject::Image};
use formats::document::plist::{Date, Value};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    inspect::{self, Asked, apple::Questions},
    report::{Checked, Finding, Report},
};

/// The artifact under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// The app, as it was given.
    pub path: String,
    /// `USB Driver Host.app`.
    pub name: String,
    /// The app's executable, relative to the app.
    pub executable: String,
    /// For whom it is signed: `distribution`, `development`, …
    pub mode: String,
    /// The driver.
    pub dext: Dext,
    /// What Apple's tools are asked about it.
    pub questions: Questions,
    /// What our verifier says of it without asking them.
    pub verification: Report,
}

/// The driver inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dext {
    /// Relative to the app.
    pub path: String,
    /// `CFBundleIdentifier`.
    pub id: String,
    /// `CFBundleShortVersionString`.
    pub version: String,
    /// `CFBundleVersion`.
    pub build: String,
    /// Team of its signature.
    pub team: Option<String>,
    /// Executable, relative to the app.
    pub executable: String,
    /// Code directory hash for each architecture.
    pub cdhashes: BTreeMap<String, String>,
    /// The `IOUserClass` of each personality, by its provider class.
    pub classes: BTreeMap<String, String>,
    /// Which linker each slice says it comes from: `ld`, `lld`, or the number of another tool.
    #[serde(default)]
    pub linkers: BTreeMap<String, String>,
}

impl Artifact {
    /// Opens and judges an app that carries exactly one driver.
    pub fn open(path: &Path, now: u64) -> Result<Self> {
        let cannot = || Error::usage(format!("cannot try `{}`", path.display()));
        let asked = Asked::at(Date(i64::try_from(now).unwrap_or(i64::MAX)));
        let subject = inspect::open(path, &asked)?;
        let policy = Policy::default();
        let report = Report::of(&subject, &policy, &checks::run(&subject, &policy), false);
        let app = subject.host_apps().next().ok_or_else(|| {
            cannot()
                .because("it is not an app with a driver inside")
                .hint("give the `.app`; a zip or pkg is unpacked first")
        })?;
        let dexts: Vec<_> = subject.dexts_of(app).collect();
        let [dext] = dexts.as_slice() else {
            return Err(cannot()
                .because(format!("it carries {} drivers; the harness tries one at a time", dexts.len())));
        };
        let inside = |path: &str| path.strip_prefix(&format!("{}/", app.path)).unwrap_or(path).to_owned();
        let text = |key: &str| {
            let value = dext.info.present().and_then(|info| info.value.get(key)).and_then(Value::as_str);
            value
                .map(str::to_owned)
                .ok_or_else(|| cannot().because(format!("its driver's Info.plist has no `{key}`")))
        };
        let executable = |path: &Option<String>| {
            path.as_deref().map(&inside).ok_or_else(|| cannot().because("no executable"))
        };
        Ok(Self {
            path: path.display().to_string(),
            name: app.path.clone(),
            executable: executable(&app.executable)?,
            mode: report.subject.mode.to_owned(),
            dext: Dext {
                path: inside(&dext.path),
                id: text("CFBundleIdentifier")?,
                version: text("CFBundleShortVersionString")?,
                build: text("CFBundleVersion")?,
                team: report.subject.code.iter().find_map(|slice| slice.team.clone()),
                executable: executable(&dext.executable)?,
                cdhashes: cdhashes(&report, dext.executable.as_deref()),
                classes: classes(dext.info.present().and_then(|info| info.value.get("IOKitPersonalities"))),
                linkers: linkers(&subject),
            },
            questions: Questions::about(&subject, path, Mode::of(&subject, &policy)),
            verification: report,
        })
    }
}

/// The findings of a report, as triage wants them.
pub fn for_triage(report: &Report) -> triage::Artifact {
    let finding = |(check, it): (&Checked, &Finding)| triage::ArtifactFinding {
        check: check.id.to_owned(),
        severity: it.severity.to_owned(),
        path: it.path.clone(),
        found: it.found.clone(),
    };
    triage::Artifact { is_known: true, findings: report.findings().into_iter().map(finding).collect() }
}

fn cdhashes(report: &Report, path: Option<&str>) -> BTreeMap<String, String> {
    let slices = report.subject.code.iter().filter(|slice| Some(slice.path.as_str()) == path);
    slices.filter_map(|slice| Some((slice.arch.clone(), slice.cdhash.clone()?))).collect()
}

/// `LC_BUILD_VERSION` names the tools: 3 is ld, 4 is lld (`mach-o/loader.h`).
fn linkers(subject: &Subject) -> BTreeMap<String, String> {
    let tool = |image: &Image| {
        let mut tools = image.macho.build_versions().flat_map(|it| &it.tools).map(|(tool, _)| *tool);
        tools.find(|it| *it >= 3).map_or_else(
            || "unknown".to_owned(),
            |tool| match tool {
                3 => "ld".to_owned(),
                4 => "lld".to_owned(),
                other => other.to_string(),
            },
        )
    };
    subject.dext_images().map(|(_, _, image)| (image.slice.arch.to_string(), tool(image))).collect()
}

fn classes(personalities: Option<&Value>) -> BTreeMap<String, String> {
    let all = personalities.and_then(Value::as_dict);
    let pair = |personality: &Value| {
        let text = |key: &str| personality.get(key).and_then(Value::as_str).map(str::to_owned);
        Some((text("IOProviderClass")?, text("IOUserClass")?))
    };
    all.iter().flat_map(|all| all.iter()).filter_map(|(_, personality)| pair(personality)).collect()
}
