//! The commands, one file each: the clap struct is what was typed, `run` is what it does.

pub mod adopt;
pub mod build;
pub mod bundle;
pub mod catalogue;
pub mod ci;
pub mod completions;
pub mod detach;
pub mod dist;
pub mod doctor;
pub mod explain;
pub mod harness;
pub mod iig;
pub mod lipo;
pub mod man;
pub mod notarize;
pub mod notary;
pub mod package;
pub mod pipeline;
pub mod profile;
pub mod prove;
pub mod reproduce;
pub mod setup;
pub mod sign;
pub mod signature;
pub mod staple;
pub mod ticket;
pub mod triage;
pub mod verify;

use std::io::Write;

use crate::{
    error::{Doing, Result},
    tools::Toolbox,
    workspace::Workspace,
};

/// Writes a result to stdout. A reader that went away (`| head`) is not a fault.
pub fn print(text: &str) -> Result {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.doing(|| "cannot write to stdout"),
    }
}

/// What every command is handed.
#[derive(Debug, Default)]
pub struct Context {
    tools: Toolbox,
}

impl Context {
    /// This machine, or the simulated Mac that the environment asks for.
    pub fn new() -> Result<Self> {
        Ok(Self { tools: Toolbox::here()?.searching(crate::setup::cached_programs()) })
    }

    /// External programs, and facts about the host.
    pub fn tools(&self) -> &Toolbox {
        &self.tools
    }

    /// The same programs, every call kept with its answer.
    pub fn recording_tools() -> Result<Toolbox> {
        Ok(Self::new()?.tools.keeping_a_record())
    }

    /// The checkout we are in; commands that look at foreign files do not need one.
    pub fn workspace(&self) -> Result<Workspace> {
        Workspace::find()
    }
}
