//! What has run on a Mac: the recordings in the repository, judged, as `docs/mac-status.md` and as what a release may rely on.
//!
//! ```text
//!   docs/recordings/prove-*.json    ─┐
//!   docs/recordings/harness-*.json  ─┴─▶ Recordings ─┬─▶ render: docs/mac-status.md
//!                                                    └─▶ proven: what needs no `--accept-unproven`
//! ```
//! A recording that was made with stand-ins, or on a machine with SIP off, is listed and never counts.

use std::path::Path;

use super::{Answer, EXPERIMENTS, Recording, recording};
use crate::{
    error::{Doing, Error, Result},
    harness::{self, Outcome, Seen, Step},
    plan::Unproven,
};

/// Where recordings are, from the top of the checkout.
pub const FOLDER: &str = "docs/recordings";

/// A recording has the log of some minutes in it; a repository is not the place for more.
const LARGEST: u64 = 64 << 20;

/// Every recording of a checkout, judged.
#[derive(Debug, Default)]
pub struct Recordings {
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    name: String,
    content: Content,
    /// Why it does not count; empty when it does.
    objections: Vec<String>,
}

#[derive(Debug)]
enum Content {
    Prove(Box<Recording>),
    Harness(Box<harness::Recording>, Box<Seen>),
}

/// A question that a run of the harness answers.
struct Question {
    question: &'static str,
    how: &'static str,
    /// The answer of a run: `None`, when it says nothing about it.
    answer: fn(&harness::Recording, &Seen) -> Option<Answer>,
}

/// Questions that need a signed product, a person's approval, or a device.
const QUESTIONS: &[Question] = &[
    Question {
        question: "does a driver that ld64.lld linked start with SIP on?",
        how: "`harness run` of a driver linked on Linux",
        answer: |recording, seen| is_linked_by_lld(recording).then(|| step(seen, Step::Launch)).flatten(),
    },
    Question {
        question: "does the driver of this repository start with SIP on, however it was linked?",
        how: "`harness run`",
        answer: |_, seen| step(seen, Step::Launch),
    },
    Question {
        question: "does AMFI accept profile and entitlements as our verifier does?",
        how: "`harness run` of a product signed for development or distribution",
        answer: |_, seen| checked(seen, "exec-probe"),
    },
    Question {
        question: "does `stapler validate` accept what we stapled?",
        how: "`harness run` of a release",
        answer: |_, seen| checked(seen, "stapler-validates"),
    },
    Question {
        question: "does Gatekeeper accept a release signed and notarized by us?",
        how: "`harness run` of a release",
        answer: |_, seen| checked(seen, "gatekeeper-accepts"),
    },
    Question {
        question: "does the host app's activation report what we expect of it?",
        how: "`harness run`",
        answer: |_, seen| step(seen, Step::Activate),
    },
    Question {
        question: "is the copy that macOS stages the one that was installed, hash for hash?",
        how: "`harness run`",
        answer: |_, seen| step(seen, Step::StagedCopy),
    },
];

/// Questions that nothing here can answer by itself.
const BY_HAND: &[(&str, &str)] = &[
    (
        "does taskgated expand `*` in a transport entitlement?",
        "a development profile with `idVendor = \"*\"`, then `harness run`",
    ),
    ("does Installer install our flat package?", "`sudo installer -pkg dist/….pkg -target /`"),
    (
        "does a missing `__oslogstring` cost a log line its text?",
        "`harness run` of both links, the driver's own lines compared",
    ),
];

fn step(seen: &Seen, step: Step) -> Option<Answer> {
    let done = seen.done.iter().find(|it| it.step == step)?;
    match &done.outcome {
        Outcome::Passed(seen) => Some(Answer::Confirmed(seen.clone())),
        Outcome::Failed(seen) => Some(Answer::Contradicted(seen.clone())),
        _ => None,
    }
}

/// What a check of the catalogue came to on the runner.
fn checked(seen: &Seen, id: &str) -> Option<Answer> {
    let check = seen.verification.as_ref()?.checks.iter().find(|it| it.id == id)?;
    match check.outcome {
        "passed" => Some(Answer::Confirmed(check.title.to_owned())),
        "failed" => Some(Answer::Contradicted(
            check.findings.iter().map(|it| it.found.clone()).collect::<Vec<_>>().join("; "),
        )),
        _ => None,
    }
}

fn is_linked_by_lld(recording: &harness::Recording) -> bool {
    let linkers = &recording.artifact.dext.linkers;
    !linkers.is_empty() && linkers.values().all(|it| it == "lld")
}

impl Recordings {
    /// Those of the checkout at `root`. A file that is no recording is an error: silence would look like "no".
    pub fn of(root: &Path) -> Result<Self> {
        Self::in_folder(&root.join(FOLDER))
    }

    /// Those in a folder; none when there is no folder.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        let cannot = || format!("cannot read the recordings in `{}`", folder.display());
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            entries => entries.doing(cannot)?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.doing(cannot)?.path();
            if path.extension().is_some_and(|it| it == "json") {
                files.push(File::read(&path)?);
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { files })
    }

    fn counted(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|it| it.objections.is_empty())
    }

    /// What a release may rely on: a driver linked so was activated, staged and launched on a Mac with SIP on.
    pub fn proven(&self) -> Vec<Unproven> {
        let shows = |file: &File| match &file.content {
            Content::Harness(recording, seen) => {
                let passed = |wanted| matches!(step(seen, wanted), Some(Answer::Confirmed(_)));
                is_linked_by_lld(recording) && passed(Step::Launch) && passed(Step::StagedCopy)
            }
            Content::Prove(_) => false,
        };
        let portable_link = self.counted().any(shows).then_some(Unproven::PortableLink);
        portable_link.into_iter().collect()
    }

    /// `docs/mac-status.md`.
    pub fn render(&self) -> String {
        let mut text = String::from("# What has run on a Mac\n\n");
        text += &match self.counted().count() {
            0 => "Nothing yet. The repository holds no recording of a Mac, so every row below is open.\n"
                .to_owned(),
            1 => "One recording of a Mac is in [recordings](recordings).\n".to_owned(),
            n => format!("{n} recordings of Macs are in [recordings](recordings).\n"),
        };
        text += "\n<!-- Written by `cargo xtask prove --status`; a test compares. -->\n";
        text += "\n## What `cargo xtask prove` settles\n\nOn any Mac with Xcode and SIP on, without an account. \
                 `cargo xtask prove --plan` shows what it runs, and why each question matters.\n\n\
                 | question | we say | recorded |\n|---|---|---|\n";
        for experiment in EXPERIMENTS {
            let answer = |file: &File| match &file.content {
                Content::Prove(recording) => {
                    let judged =
                        recording.judge().into_iter().find(|it| it.experiment.id == experiment.id)?;
                    Some(judged.answer)
                }
                Content::Harness(..) => None,
            };
            let recorded = self.told(answer);
            text += &format!(
                "| `{}`: {} | {} | {recorded} |\n",
                experiment.id, experiment.question, experiment.claim
            );
        }
        text += "\n## What a run of the harness settles\n\nOn the Mac runner, with a signed product ([ci/README.md](../ci/README.md)).\n\n\
                 | question | how it is settled | recorded |\n|---|---|---|\n";
        for it in QUESTIONS {
            let answer = |file: &File| match &file.content {
                Content::Harness(recording, seen) => (it.answer)(recording, seen),
                Content::Prove(_) => None,
            };
            text += &format!("| {} | {} | {} |\n", it.question, it.how, self.told(answer));
        }
        for (question, how) in BY_HAND {
            text += &format!("| {question} | {how} | by hand |\n");
        }
        text += "\nA release linked by ld64.lld needs `--accept-unproven portable-link` until a run of the harness in \
                 [recordings](recordings) has shown such a driver launched: ";
        text += if self.proven().is_empty() { "it does today.\n" } else { "one has.\n" };
        let ignored: Vec<&File> = self.files.iter().filter(|it| !it.objections.is_empty()).collect();
        if !ignored.is_empty() {
            text += "\n## Recordings that do not count\n\n";
            for file in ignored {
                text += &format!("- `{}`: {}\n", file.name, cell(&file.objections.join("; ")));
            }
        }
        text + FOOT
    }

    /// The answers of all recordings that count to one question.
    fn told(&self, answer: impl Fn(&File) -> Option<Answer>) -> String {
        let told: Vec<String> = self
            .counted()
            .filter_map(|file| {
                let answer = answer(file)?;
                let link = format!("[macOS {}](recordings/{})", cell(&file.macos()), file.name);
                match answer {
                    Answer::NotRun(_) => None,
                    Answer::Confirmed(_) | Answer::Unclear(_) => Some(format!("{link} {}", answer.name())),
                    Answer::Observed(ref seen) | Answer::Contradicted(ref seen) => {
                        Some(format!("{link} **{}**: {}", answer.name(), cell(seen)))
                    }
                }
            })
            .collect();
        if told.is_empty() { "no".to_owned() } else { told.join("; ") }
    }
}

const FOOT: &str = "
What we say about macOS elsewhere comes from Apple's published source, from documentation, from reports of others, or from shipped software that was
measured; [checks.md](checks.md) names the source of each rule. A recording holds what programs of a Mac printed, without names, paths and ids of the
machine, and is judged again by whoever reads it (`cargo xtask prove --judge FILE`, `cargo xtask harness replay FILE`); one that was made through
stand-ins is labelled `simulated` and never counts. How to add one: [recordings/README.md](recordings/README.md).
";

/// Fit for a cell of a table: one line, nothing that ends it or opens markup.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").split_whitespace().collect::<Vec<_>>().join(" ")
}

impl File {
    fn read(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot read `{}`", path.display());
        let size = std::fs::metadata(path).doing(cannot)?.len();
        if size > LARGEST {
            return Err(Error::usage(cannot())
                .because(format!("{size} bytes are more than a recording here may have")));
        }
        let text = std::fs::read_to_string(path).doing_as_asked(cannot)?;
        let kind: serde_json::Value = serde_json::from_str(&text).doing_as_asked(cannot)?;
        let (content, objections) = match kind.get("kind").and_then(serde_json::Value::as_str) {
            Some(recording::KIND) => {
                let recording = Recording::parse(&text).doing_as_asked(cannot)?;
                let objections = recording.objections();
                (Content::Prove(Box::new(recording)), objections)
            }
            _ => {
                let recording = harness::Recording::parse(&text).doing_as_asked(cannot)?;
                let seen = recording.replay().doing_as_asked(cannot)?;
                let objections = objections(&recording, &seen);
                (Content::Harness(Box::new(recording), Box::new(seen)), objections)
            }
        };
        Ok(Self { name: crate::plan::file_name(path), content, objections })
    }

    fn macos(&self) -> String {
        match &self.content {
            Content::Prove(recording) => recording.machine.macos.clone(),
            Content::Harness(_, seen) => {
                seen.machine.as_ref().map_or_else(|| "of unknown version".to_owned(), |it| it.macos.clone())
            }
        }
    }
}

/// Why a run of the harness does not count.
fn objections(recording: &harness::Recording, seen: &Seen) -> Vec<String> {
    let mut objections = Vec::new();
    if recording.simulated {
        objections.push("simulated: no Mac was asked".to_owned());
    }
    match seen.done.iter().find(|it| it.step == Step::Machine).map(|it| &it.outcome) {
        Some(Outcome::Passed(_)) => {}
        Some(other) => objections.push(format!("the machine: {}", other.why())),
        None => objections.push("the machine was not asked".to_owned()),
    }
    objections
}
