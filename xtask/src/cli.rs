//! The command line: every command, in the order a person meets them.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::{
    cmd::{self, Context},
    error::{Exit, Result},
    interrupt,
    terminal::{self, Color, Verbosity},
};

/// Builds a DriverKit driver and its host app, signs, notarizes, packages and verifies them
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 110, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 passed · 1 findings of severity error · 2 usage or configuration · \
3 a tool is missing or failed · 4 incomplete · 130 interrupted";

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Only errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Also each external call, ready to be pasted; in reports, what passed too
    #[arg(short, long, global = true)]
    verbose: bool,
    /// When to colour the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
}

impl Global {
    fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    // The pipeline.
    Dist(cmd::dist::Args),
    Build(cmd::build::Args),
    Bundle(cmd::bundle::Args),
    Sign(cmd::sign::Args),
    Notarize(cmd::notarize::Args),
    Staple(cmd::staple::Args),
    Package(cmd::package::Args),
    // Judging.
    Verify(cmd::verify::Args),
    Triage(cmd::triage::Args),
    Harness(cmd::harness::Args),
    Prove(cmd::prove::Args),
    Reproduce(cmd::reproduce::Args),
    // Looking into things.
    Signature(cmd::signature::Args),
    Profile(cmd::profile::Args),
    Ticket(cmd::ticket::Args),
    Notary(cmd::notary::Args),
    Lipo(cmd::lipo::Args),
    Iig(cmd::iig::Args),
    Adopt(cmd::adopt::Args),
    Explain(cmd::explain::Args),
    Catalogue(cmd::catalogue::Args),
    // This machine.
    Doctor(cmd::doctor::Args),
    Setup(cmd::setup::Args),
    Ci(cmd::ci::Args),
    Completions(cmd::completions::Args),
    Man(cmd::man::Args),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    terminal::set_up(cli.global.verbosity(), cli.global.color);
    let result = interrupt::listen().and_then(|()| run(cli.command));
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            terminal::error(&error);
            error.exit().into()
        }
    }
}

fn run(command: Command) -> Result<Exit> {
    let context = Context::new()?;
    match command {
        Command::Dist(args) => cmd::dist::run(args, &context),
        Command::Build(args) => cmd::build::run(args, &context),
        Command::Bundle(args) => cmd::bundle::run(args, &context),
        Command::Sign(args) => cmd::sign::run(args, &context),
        Command::Notarize(args) => cmd::notarize::run(args, &context),
        Command::Staple(args) => cmd::staple::run(args, &context),
        Command::Package(args) => cmd::package::run(args, &context),
        Command::Verify(args) => cmd::verify::run(args, &context),
        Command::Triage(args) => cmd::triage::run(args, &context),
        Command::Harness(args) => cmd::harness::run(args, &context),
        Command::Prove(args) => cmd::prove::run(args, &context),
        Command::Reproduce(args) => cmd::reproduce::run(args, &context),
        Command::Signature(args) => cmd::signature::run(args, &context),
        Command::Profile(args) => cmd::profile::run(args, &context),
        Command::Ticket(args) => cmd::ticket::run(args, &context),
        Command::Notary(args) => cmd::notary::run(args, &context),
        Command::Lipo(args) => cmd::lipo::run(args, &context),
        Command::Iig(args) => cmd::iig::run(args, &context),
        Command::Adopt(args) => cmd::adopt::run(args, &context),
        Command::Explain(args) => cmd::explain::run(args, &context),
        Command::Catalogue(args) => cmd::catalogue::run(args, &context),
        Command::Doctor(args) => cmd::doctor::run(args, &context),
        Command::Setup(args) => cmd::setup::run(args, &context),
        Command::Ci(args) => cmd::ci::run(args, &context),
        Command::Completions(args) => cmd::completions::run(args, &context),
        Command::Man(args) => cmd::man::run(args, &context),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
