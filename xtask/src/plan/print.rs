//! The plan as a person and as a machine read it.

use clap::ValueEnum;
use serde::Serialize;

use super::{Action, Backend, Backends, Plan, Stage, Step, Until, Xcode};
use crate::workspace::Workspace;

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For machines, schema 1.
    Json,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people.
    Text,
    /// For machines, schema 1.
    Json,
    /// For `$GITHUB_OUTPUT`: the triples as a list, for a job matrix.
    Github,
}

#[derive(Serialize)]
struct Shown<'a> {
    schema: u32,
    signing: &'a str,
    until: Until,
    backend: Backend,
    why: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    /// Whose tools do what.
    backends: &'a Backends,
    #[serde(skip_serializing_if = "Option::is_none")]
    xcode: Option<&'a Xcode>,
    out: String,
    notes: &'a [String],
    steps: Vec<ShownStep>,
}

#[derive(Serialize)]
struct ShownStep {
    name: String,
    stage: Stage,
    backend: Backend,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    does: Option<String>,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

/// The whole plan; paths are shown relative to the checkout, so two checkouts print the same.
pub fn print(plan: &Plan, format: PlanFormat) -> String {
    match format {
        PlanFormat::Json => {
            let json = serde_json::to_string_pretty(&shown(plan)).expect("a plan is made of text and lists");
            relative(&json, &plan.workspace) + "\n"
        }
        PlanFormat::Text => text(plan),
        PlanFormat::Github => {
            let triples = crate::stage::build::slices::triples(plan);
            format!("triples={}\n", serde_json::to_string(&triples).expect("a list of texts"))
        }
    }
}

fn shown(plan: &Plan) -> Shown<'_> {
    let step = |step: &Step| ShownStep {
        name: step.name.clone(),
        stage: step.stage,
        backend: step.backend,
        command: match &step.action {
            Action::Call(call) => Some(call.argv()),
            Action::Builtin(_) => None,
        },
        does: match &step.action {
            Action::Call(_) => None,
            Action::Builtin(words) => Some(words.clone()),
        },
        inputs: step.inputs.iter().map(|path| path.display().to_string()).collect(),
        outputs: step.outputs.iter().map(|path| path.display().to_string()).collect(),
    };
    Shown {
        schema: 1,
        signing: &plan.signing.name,
        until: plan.until,
        backend: plan.toolchain.backend,
        why: plan.toolchain.why,
        simulated: plan.toolchain.simulated,
        backends: &plan.backends,
        xcode: plan.toolchain.xcode.as_ref(),
        out: plan.out.display().to_string(),
        notes: &plan.notes,
        steps: plan.steps().iter().map(step).collect(),
    }
}

fn text(plan: &Plan) -> String {
    let told = |backend| match backend {
        Backend::Apple => "Apple's tools",
        Backend::Portable => "portable tools",
    };
    let backend = told(plan.toolchain.backend);
    let mut text = format!(
        "{} {} with {} ({})\n",
        *plan.product.app.name, *plan.product.app.version, backend, plan.toolchain.why
    );
    text += &format!("signing  {} ({})\n", plan.signing.name, plan.signing.shown);
    text += &format!("out      {}\n", plan.out.display());
    for (task, chosen) in plan.backends.iter() {
        text += &format!("{:<9}{} ({})\n", task.name(), told(chosen.backend), chosen.why);
    }
    if let Some(xcode) = &plan.toolchain.xcode {
        text +=
            &format!("xcode    {} {} ({})\n", xcode.name(), xcode.developer_dir.display(), xcode.chosen_by);
    }
    for note in &plan.notes {
        text += &format!("note     {note}\n");
    }
    for (number, step) in plan.steps().iter().enumerate() {
        text += &format!("\n{:>3}  {}\n", number + 1, step.name);
        text += &match &step.action {
            Action::Call(call) => format!("     $ {call}\n"),
            Action::Builtin(words) => format!("     {words}\n"),
        };
        for output in &step.outputs {
            text += &format!("     → {}\n", output.display());
        }
    }
    relative(&text, &plan.workspace)
}

fn relative(text: &str, workspace: &Workspace) -> String {
    let root = workspace.root().display().to_string();
    let whole = |end: &str| (format!("{root}/{end}"), format!("./{end}"));
    // The root itself first, or nothing would be left of it.
    let text = [whole(" "), whole("\""), whole("\n")]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    text.replace(&format!("{root}/"), "").replace(&root, ".")
}
