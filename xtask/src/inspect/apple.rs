//! Asks Apple's tools about a product, on a Mac: `verify` there, and the harness on its runner, with the same words.
//!
//! ```text
//!   Subject ─▶ Questions ─┬─ codesign --verify, -d: every slice of every bundle ─┐
//!             (can be     ├─ spctl, stapler, syspolicy_check: the product        ├─▶ HostReadings ─▶ the catalogue
//!              recorded)  └─ csrutil, uname, sw_vers: the machine                ┘
//! ```

use std::{path::Path, time::Duration};

use checks::{
    Mode, Subject,
    subject::{Claim, HostReadings, Reading, Signature, SubjectKind, TwoReadings},
};
use formats::{
    document::plist::{self, Keys, Value, to_xml},
    signature::digest::hex,
};
use serde::{Deserialize, Serialize};

use super::codesign;
use crate::{
    error::{Exit, Result},
    harness::machine::Machine,
    tools::{Call, Toolbox},
};

/// What Apple's tools are asked about, and our own answers to compare theirs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Questions {
    /// The folder that the product lies in, absolute.
    pub folder: String,
    /// The product's name.
    pub name: String,
    /// What Gatekeeper is to take it for.
    pub form: Form,
    /// For whom it is signed, as reports spell it.
    pub mode: String,
    /// Whether a ticket is stapled anywhere.
    pub has_ticket: bool,
    /// Every slice of every bundle that lies on the disk by itself, outermost first.
    pub slices: Vec<Slice>,
}

/// What Gatekeeper takes a product for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Something that is started.
    App,
    /// An installer package.
    Pkg,
    /// A disk image.
    Dmg,
    /// Nothing that it judges by itself: a driver, a zip archive, a library.
    Part,
}

/// One slice and what we read of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// The bundle (or file), from the product's name on.
    pub path: String,
    /// `arm64`, `x86_64`, …
    pub arch: String,
    /// Signing identifier.
    pub identifier: Option<String>,
    /// Code directory hash.
    pub cdhash: Option<String>,
    /// Team.
    pub team: Option<String>,
    /// Flags of the code directory.
    pub flags: Option<u32>,
    /// Entitlements, XML.
    pub entitlements: Option<String>,
    /// Whether a ticket is stapled to the bundle; `None`: it is no bundle.
    pub is_stapled: Option<bool>,
}

/// Enough for one look at a bundle; `codesign` hashes every file, and `spctl` may ask Apple.
const PATIENCE: Duration = Duration::from_secs(120);
/// What is kept of an output.
const MOST_TEXT: usize = 4096;

impl Questions {
    /// What to ask about `subject`, which was read from `path`.
    pub fn about(subject: &Subject, path: &Path, mode: Mode) -> Self {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        // What lies in a container is nowhere on the disk.
        let is_container = matches!(subject.kind, SubjectKind::Zip | SubjectKind::Pkg | SubjectKind::Dmg);
        let mut slices = Vec::new();
        for code in subject.codes_outermost_first().filter(|_| !is_container) {
            let bundle = subject.bundle_of(code);
            let path = bundle.map_or(&code.path, |it| &it.path);
            // A library lying loose in a bundle is judged with the bundle's seal.
            if bundle.is_none() && *path != subject.path {
                continue;
            }
            let is_stapled = bundle.map(|it| subject.tickets.iter().any(|ticket| ticket.path == it.path));
            for image in code.images() {
                slices.push(Slice {
                    path: path.clone(),
                    arch: image.arch().to_string(),
                    is_stapled,
                    ..image.signature.present().map(slice).unwrap_or_else(|| Slice::unsigned(path))
                });
            }
        }
        Self {
            folder: folder.display().to_string(),
            name: subject.path.clone(),
            form: match subject.kind {
                SubjectKind::App => Form::App,
                SubjectKind::Pkg => Form::Pkg,
                SubjectKind::Dmg => Form::Dmg,
                SubjectKind::Dext | SubjectKind::Bundle | SubjectKind::MachO | SubjectKind::Zip => Form::Part,
            },
            mode: mode.name().to_owned(),
            has_ticket: !subject.tickets.is_empty(),
            slices,
        }
    }

    /// Asks everything. An error is Ctrl-C or a machine that cannot be asked what it is; what a tool does not answer is a reading.
    pub fn ask(&self, tools: &Toolbox) -> Result<HostReadings> {
        let machine = Machine::ask(tools)?;
        let mut host = HostReadings {
            is_simulated: tools.host().simulated,
            is_rehearsed: false,
            is_runner: machine.objections().is_empty(),
            macos: machine.macos,
            readings: Vec::new(),
            slices: Vec::new(),
        };
        for slice in &self.slices {
            let path = self.at(&slice.path);
            let args = ["--verify", "--strict=all", "--verbose=4", "-a", slice.arch.as_str(), path.as_str()];
            let reading = self.one(tools, "codesign-accepts", &slice.path, "codesign", &args)?;
            host.readings.push(Reading { arch: slice.arch.parse().ok(), ..reading });
            if let Ok(arch) = slice.arch.parse() {
                let apples = read(tools, &path, &slice.arch)?;
                host.slices.push(TwoReadings { path: slice.path.clone(), arch, ours: slice.claim(), apples });
            }
        }
        if self.mode == Mode::Distribution.name() {
            self.gatekeeper(tools, &mut host)?;
        }
        Ok(host)
    }

    fn gatekeeper(&self, tools: &Toolbox, host: &mut HostReadings) -> Result {
        let path = self.at(&self.name);
        let assessed: &[&str] = match self.form {
            Form::App => &["--type", "execute"],
            Form::Pkg => &["--type", "install"],
            Form::Dmg => &["--type", "open", "--context", "context:primary-signature"],
            Form::Part => return Ok(()),
        };
        let args = [&["--assess"], assessed, &["-vv", path.as_str()]].concat();
        host.readings.push(self.one(tools, "gatekeeper-accepts", &self.name, "spctl", &args)?);
        if self.has_ticket {
            let args = ["stapler", "validate", path.as_str()];
            host.readings.push(self.one(tools, "stapler-validates", &self.name, "xcrun", &args)?);
        }
        if self.form == Form::App {
            let args = ["distribution", path.as_str()];
            host.readings.push(self.one(
                tools,
                "distribution-check",
                &self.name,
                "syspolicy_check",
                &args,
            )?);
        }
        Ok(())
    }

    /// Where something of the product lies.
    pub fn at(&self, inside: &str) -> String {
        format!("{}/{inside}", self.folder.trim_end_matches('/'))
    }

    fn one(
        &self,
        tools: &Toolbox,
        check: &'static str,
        about: &str,
        program: &str,
        args: &[&str],
    ) -> Result<Reading> {
        let call = Call::new(program, format!("ask `{program}` about `{about}`")).deadline(PATIENCE);
        let (exit, text) = match tools.try_run(&call.args(args.iter().copied())) {
            Ok(output) => {
                let said = output.complaints() + &output.text();
                match output.status.code() {
                    Some(code) => (Some(code), said),
                    None => (None, format!("`{program}` was killed")),
                }
            }
            Err(error) if error.exit() == Exit::Interrupted => return Err(error),
            Err(error) => (None, error.to_string()),
        };
        Ok(Reading { check, path: about.to_owned(), arch: None, exit, text: kept(text) })
    }
}

/// What `codesign -d` reads of one slice of the code at `path`; `Err`: why there is no reading. An error is Ctrl-C.
pub fn read(tools: &Toolbox, path: &str, arch: &str) -> Result<Result<Claim, String>> {
    let call = |args: &[&str]| {
        let call = Call::new("codesign", format!("read the signature of `{path}`")).deadline(PATIENCE);
        match tools.try_run(&call.args(args.iter().copied())) {
            Err(error) if error.exit() == Exit::Interrupted => Err(error),
            Err(error) => Ok(Err(error.to_string())),
            Ok(output) if output.status.success() => Ok(Ok(output)),
            Ok(output) if codesign::is_unsigned(&output.complaints()) => Ok(Ok(output)),
            Ok(output) => Ok(Err(kept(output.complaints()))),
        }
    };
    let shown = match call(&["-d", "--verbose=4", "-a", arch, path])? {
        Ok(output) => output.complaints(),
        Err(why) => return Ok(Err(why)),
    };
    let reading = codesign::parse(&shown);
    let entitlements = match call(&["-d", "--entitlements", "-", "--xml", "-a", arch, path])? {
        Ok(output) if output.stdout.iter().all(u8::is_ascii_whitespace) => None,
        Ok(output) => match plist::read(&output.stdout) {
            Ok(plist) => Some(plist.value),
            Err(error) => return Ok(Err(format!("codesign's entitlements cannot be read: {error}"))),
        },
        Err(why) => return Ok(Err(why)),
    };
    Ok(Ok(Claim {
        identifier: reading.identifier,
        cdhash: reading.cdhash,
        team: reading.team,
        flags: reading.flags,
        entitlements,
        is_stapled: Some(reading.is_stapled),
    }))
}

impl Slice {
    fn unsigned(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            arch: String::new(),
            identifier: None,
            cdhash: None,
            team: None,
            flags: None,
            entitlements: None,
            is_stapled: None,
        }
    }

    fn claim(&self) -> Claim {
        let value = self.entitlements.as_ref().and_then(|it| plist::read(it.as_bytes()).ok());
        Claim {
            identifier: self.identifier.clone(),
            cdhash: self.cdhash.clone(),
            team: self.team.clone(),
            flags: self.flags,
            entitlements: value.map(|it| it.value),
            is_stapled: self.is_stapled,
        }
    }
}

fn slice(signature: &Signature) -> Slice {
    let best = signature.best();
    Slice {
        identifier: best.map(|it| it.identifier.clone()),
        cdhash: best.map(|it| hex(&it.cdhash)),
        team: best.and_then(|it| it.team.clone()),
        flags: best.map(|it| it.flags),
        entitlements: signature.claims().map(|it| to_xml(&Value::Dict(it.clone()), Keys::AsGiven)),
        ..Slice::unsigned("")
    }
}

fn kept(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().find(|(at, _)| *at >= MOST_TEXT) {
        text.truncate(end);
    }
    text
}
