//! Carries out the experiments, one after the other; what cannot run says why.

use std::collections::BTreeMap;

use super::{
    Act, Experiment, Need, Sample, Samples,
    recording::{KIND, Noted, Recording, SCHEMA, objections},
};
use crate::{
    error::{Error, Exit, Result},
    harness::machine::Machine,
    interrupt, terminal,
    tools::{Call, Ended, Recorded, Toolbox},
};

/// Asks the machine what it is, and refuses one whose word does not count.
pub fn machine(tools: &Toolbox) -> Result<Machine> {
    let machine = Machine::ask(tools)?;
    let objections = objections(&machine);
    if objections.is_empty() {
        return Ok(machine);
    }
    Err(Error::incomplete("nothing that this machine says would count")
        .because(objections.join("\n"))
        .hint("run it on a Mac with System Integrity Protection on and no such boot arguments"))
}

/// Carries out `experiments`. An error is only Ctrl-C: everything else is an outcome.
///
/// `tools` must keep a record. `samples` were made before; one that could not be is the reason why an experiment did not run.
pub fn run(
    tools: &Toolbox,
    machine: &Machine,
    samples: &Samples,
    versions: BTreeMap<String, String>,
    experiments: &[Experiment],
) -> Result<Recording> {
    let mut noted = Vec::new();
    for (index, experiment) in experiments.iter().enumerate() {
        interrupt::check()?;
        terminal::step(
            "Trying",
            format_args!(
                "{} ({} of {}): {}",
                experiment.id,
                index + 1,
                experiments.len(),
                experiment.question
            ),
        );
        let one = try_one(tools, machine, samples, experiment)?;
        if let Some(why) = &one.not_run {
            let first = why.lines().next().unwrap_or_default();
            terminal::note(format_args!("{} did not run: {first}", experiment.id));
        }
        noted.push(one);
    }
    Ok(Recording {
        schema: SCHEMA,
        kind: KIND.to_owned(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        simulated: tools.host().simulated,
        machine: machine.clone(),
        versions,
        removed: BTreeMap::new(),
        experiments: noted,
    })
}

fn try_one(tools: &Toolbox, machine: &Machine, samples: &Samples, experiment: &Experiment) -> Result<Noted> {
    let mut noted = Noted {
        id: experiment.id.to_owned(),
        not_run: lacking(experiment, machine, samples),
        asked: BTreeMap::new(),
        read: BTreeMap::new(),
    };
    if noted.not_run.is_some() {
        return Ok(noted);
    }
    for act in (experiment.acts)(samples) {
        interrupt::check()?;
        match carry_out(tools, act, &mut noted) {
            Ok(()) => {}
            Err(error) if error.exit() == Exit::Interrupted => return Err(error),
            Err(error) => {
                noted.not_run = Some(error.to_string());
                return Ok(noted);
            }
        }
    }
    Ok(noted)
}

/// What an experiment needs and does not have.
pub fn lacking(experiment: &Experiment, machine: &Machine, samples: &Samples) -> Option<String> {
    experiment.needs.iter().find_map(|need| match need {
        Need::AppleSilicon if machine.arch != "arm64" => {
            Some(format!("needs Apple silicon; this Mac is {}", machine.arch))
        }
        Need::AppleSilicon => None,
        Need::Sample(sample) => samples.lacking(*sample),
    })
}

fn carry_out(tools: &Toolbox, act: Act, noted: &mut Noted) -> Result {
    let doing = act.to_string();
    match act {
        Act::Read(name, what, read) => {
            let text = read().map_err(|error| {
                if error.exit() == Exit::Interrupted {
                    error
                } else {
                    Error::tool(format!("cannot {what}")).because(error)
                }
            })?;
            noted.read.insert(name.to_owned(), text);
        }
        Act::Ask(name, call) => {
            let recorded = recorded(tools, &call)?;
            let is_missing = recorded.ended == Ended::Missing;
            noted.asked.insert(name.to_owned(), recorded);
            if is_missing {
                return Err(Error::tool(format!("`{}` is not installed", call.program().display())));
            }
        }
        Act::Make(name, call) => {
            let recorded = recorded(tools, &call)?;
            let ended = recorded.ended;
            noted.asked.insert(name.to_owned(), recorded.clone());
            if ended != Ended::Code(0) {
                let said = recorded.stderr.bytes().map(|it| String::from_utf8_lossy(&it).into_owned());
                return Err(Error::tool(format!("cannot {}", call.purpose()))
                    .because(doing)
                    .because(said.unwrap_or_else(|why| why).trim()));
            }
        }
    }
    Ok(())
}

/// Runs a call and takes its record, whatever the end.
fn recorded(tools: &Toolbox, call: &Call) -> Result<Recorded> {
    let before = tools.recording().len();
    let outcome = tools.try_run(call);
    if let Err(error) = &outcome
        && error.exit() == Exit::Interrupted
    {
        return Err(Error::interrupted());
    }
    match (tools.recording().get(before), outcome) {
        (Some(recorded), _) => Ok(recorded.clone()),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(Error::tool("the toolbox keeps no record")),
    }
}

/// Whether an experiment of the list uses a sample.
pub fn uses(experiments: &[Experiment], sample: Sample) -> bool {
    experiments.iter().any(|it| it.needs.contains(&Need::Sample(sample)))
}
