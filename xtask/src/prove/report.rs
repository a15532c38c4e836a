//! What a run came to, and what its recording holds, for people and machines.

use serde::Serialize;

use super::{Answer, EXPERIMENTS, Experiment, Need, Recording, Sample, Samples, recording::Judged};
use crate::{error::Exit, harness::machine::Machine};

/// Version of the JSON shape.
pub const SCHEMA: u32 = 1;

/// A run, reported.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// `passed`, `failed` (something contradicts what we say) or `incomplete`.
    pub verdict: &'static str,
    /// Made with stand-ins: never a result of a Mac. Left out when false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// Why nothing in it counts; empty when it does.
    pub objections: Vec<String>,
    /// The machine.
    pub machine: Machine,
    /// How many answers of each kind.
    pub counts: Counts,
    /// Every experiment.
    pub experiments: Vec<Shown>,
}

/// How many answers of each kind.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Counts {
    /// As we say.
    pub confirmed: usize,
    /// An open question has its answer.
    pub observed: usize,
    /// Not as we say.
    pub contradicted: usize,
    /// Ran, and decides nothing.
    pub unclear: usize,
    /// Did not run.
    pub not_run: usize,
}

/// An experiment, reported.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// Its id.
    pub id: &'static str,
    /// What was asked.
    pub question: &'static str,
    /// What we say.
    pub claim: &'static str,
    /// `confirmed`, `observed`, `contradicted`, `unclear`, `not_run`.
    pub answer: &'static str,
    /// What was seen, or why nothing was.
    pub seen: String,
}

impl Report {
    /// The report of a recording; `only` says which experiments were asked for.
    pub fn of(recording: &Recording, only: impl Fn(&Experiment) -> bool) -> Self {
        let judged: Vec<Judged> = recording.judge().into_iter().filter(|it| only(it.experiment)).collect();
        let mut counts = Counts::default();
        for it in &judged {
            *counts.of(&it.answer) += 1;
        }
        let lacks = |it: &&Judged| match &it.answer {
            Answer::Unclear(_) => true,
            Answer::NotRun(_) => is_asked(it.experiment, &recording.machine),
            Answer::Confirmed(_) | Answer::Observed(_) | Answer::Contradicted(_) => false,
        };
        let is_incomplete = judged.iter().any(|it| lacks(&it));
        let verdict = match (counts.contradicted, is_incomplete) {
            (1.., _) => "failed",
            (0, true) => "incomplete",
            (0, false) => "passed",
        };
        let shown = |it: Judged| Shown {
            id: it.experiment.id,
            question: it.experiment.question,
            claim: it.experiment.claim,
            answer: it.answer.name(),
            seen: it.answer.seen().to_owned(),
        };
        Self {
            schema: SCHEMA,
            verdict,
            simulated: recording.simulated,
            objections: recording.objections(),
            machine: recording.machine.clone(),
            counts,
            experiments: judged.into_iter().map(shown).collect(),
        }
    }

    /// How a command ends that reports this.
    pub fn exit(&self) -> Exit {
        match self.verdict {
            "failed" => Exit::Findings,
            "incomplete" => Exit::Incomplete,
            _ => Exit::Passed,
        }
    }

    /// For machines.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is made of text, numbers and lists") + "\n"
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for objection in &self.objections {
            text += &format!("does not count: {objection}\n");
        }
        let machine = &self.machine;
        text += &format!("macOS {} ({}), {}\n", machine.macos, machine.build, machine.arch);
        for it in &self.experiments {
            text += &format!("  {:<13} {}: {}\n", it.answer, it.id, it.question);
            text += &format!("                {}\n", indented(&it.seen));
            if it.answer == "contradicted" {
                text += &format!("                we say: {}\n", it.claim);
            }
        }
        let Counts { confirmed, observed, contradicted, unclear, not_run } = self.counts;
        text + &format!(
            "{}: {confirmed} confirmed, {observed} observed, {contradicted} contradicted, {unclear} unclear, {not_run} not run\n",
            self.verdict
        )
    }
}

impl Counts {
    fn of(&mut self, answer: &Answer) -> &mut usize {
        match answer {
            Answer::Confirmed(_) => &mut self.confirmed,
            Answer::Observed(_) => &mut self.observed,
            Answer::Contradicted(_) => &mut self.contradicted,
            Answer::Unclear(_) => &mut self.unclear,
            Answer::NotRun(_) => &mut self.not_run,
        }
    }
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n                ")
}

/// Whether an experiment that did not run was one that this run was asked for: an Intel Mac cannot, and nobody must own a notarized product.
fn is_asked(experiment: &Experiment, machine: &Machine) -> bool {
    experiment.needs.iter().all(|need| match need {
        Need::AppleSilicon => machine.arch == "arm64",
        Need::Sample(sample) => *sample != Sample::Notarized,
    })
}

/// What would be done, and why.
pub fn plan(samples: &Samples, only: impl Fn(&Experiment) -> bool) -> String {
    let mut text = String::from("made beforehand, below one folder that may be deleted:\n");
    for sample in Sample::ALL {
        text += &format!("  {}\n", sample.title());
    }
    for it in EXPERIMENTS.iter().filter(|it| only(it)) {
        text += &format!("\n{}: {}\n  we say  {}\n  why     {}\n", it.id, it.question, it.claim, it.why);
        let mut needs: Vec<String> = it
            .needs
            .iter()
            .map(|need| match need {
                Need::AppleSilicon => "Apple silicon".to_owned(),
                Need::Sample(sample) => sample.title().to_owned(),
            })
            .collect();
        needs.insert(0, "a Mac with Xcode and SIP on".to_owned());
        text += &format!("  needs   {}\n", needs.join("; "));
        for act in (it.acts)(samples) {
            text += &format!("    {act}\n");
        }
    }
    text
}

/// What would be done, for machines.
pub fn plan_json(samples: &Samples, only: impl Fn(&Experiment) -> bool) -> String {
    let one = |it: &Experiment| {
        let acts: Vec<String> = (it.acts)(samples).iter().map(ToString::to_string).collect();
        serde_json::json!({ "id": it.id, "question": it.question, "claim": it.claim, "why": it.why, "acts": acts })
    };
    let all: Vec<_> = EXPERIMENTS.iter().filter(|it| only(it)).map(one).collect();
    let plan = serde_json::json!({ "schema": SCHEMA, "experiments": all });
    serde_json::to_string_pretty(&plan).expect("a plan is made of text and lists") + "\n"
}

/// What a recording holds, for the one who sends it.
pub fn contents(recording: &Recording) -> String {
    let calls: usize = recording.experiments.iter().map(|it| it.asked.len()).sum();
    let read: usize = recording.experiments.iter().map(|it| it.read.len()).sum();
    let mut text = format!(
        "  {calls} command lines with what they printed, {read} readings of files that were made here\n"
    );
    let versions: Vec<String> = recording.versions.iter().map(|(name, it)| format!("{name} {it}")).collect();
    text += &format!(
        "  macOS {} ({}), {}; {}\n",
        recording.machine.macos,
        recording.machine.build,
        recording.machine.arch,
        versions.join(", ")
    );
    let removed: Vec<String> =
        recording.removed.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let removed = if removed.is_empty() { "nothing was found".to_owned() } else { removed.join(", ") };
    text += &format!("  taken out (names, paths, ids): {removed}\n");
    text + "  it is text: look through it before you send it\n"
}
