//! `cargo xtask notary`.

use std::path::{Path, PathBuf};

use notary::{
    Kind,
    client::{Notary, Status},
    local::{Fault, LocalNotary},
    log::DeveloperLog,
};

use crate::{
    cmd::{self, Context, notarize::Patience},
    config::Signing,
    error::{Doing, Error, Exit, Result},
    interrupt,
    stage::{
        files,
        notarize::{
            self,
            product::Product,
            service::{self, Addresses, CLOCK, Service},
            store::Store,
        },
        sign,
    },
    terminal,
};

/// Talks to the notary service, or serves a local one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask notary history --signing developer-id
  cargo xtask notary submit Host.pkg --signing developer-id --no-wait
  cargo xtask notary wait Host.pkg --signing developer-id
  cargo xtask notary log 1238aa04-96fe-1a63-e053-0824d011072a --signing developer-id
  cargo xtask notary serve --fault status:503:3")]
pub struct Args {
    /// Which file in signing/ names the key
    #[arg(long, global = true, default_value = "rehearsal", value_name = "NAME")]
    signing: String,
    #[command(flatten)]
    addresses: Addresses,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Hands a product in; nothing is stapled
    Submit {
        /// A signed app, zip, pkg or dmg
        path: PathBuf,
        #[command(flatten)]
        patience: Patience,
    },
    /// Goes on waiting for what was handed in
    Wait {
        /// The product; its ledger lies beside it
        path: PathBuf,
        #[command(flatten)]
        patience: Patience,
    },
    /// What the notary says about a submission
    Status {
        /// A submission id, or the product
        subject: String,
    },
    /// The developer log, with what its complaints mean
    Log {
        /// A submission id, or the product
        subject: String,
        /// Where the log goes as it came
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// The newest submissions of the team
    History,
    /// A notary on this machine, until Ctrl-C
    Serve(Serve),
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Port on 127.0.0.1; 0 takes any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Seconds from an upload to its verdict
    #[arg(long, default_value_t = 20)]
    processing: u64,
    /// Seconds from a verdict to its ticket
    #[arg(long, default_value_t = 10)]
    propagation: u64,
    /// What goes wrong: STEP:FAULT[:TIMES], as in status:503:3
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
    /// Where the API key that it accepts is written (unified JSON, 0600)
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// Carries out one of them.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let signing = Signing::load(&args.signing, &workspace)?;
    let rehearsal = sign::open_rehearsal(&signing, &workspace, None)?;
    let trust = rehearsal.as_ref().map(service::trust).transpose()?.unwrap_or_default();
    if let Command::Serve(options) = &args.command {
        let rehearsal = rehearsal.as_ref().ok_or_else(|| {
            Error::usage(format!("`--signing {}` has no rehearsal keys to issue tickets with", args.signing))
        })?;
        return serve(options, rehearsal);
    }
    let service = match (&args.addresses.notary_url, rehearsal.as_ref()) {
        // A notary that `serve` runs: the same rehearsal, another process.
        (Some(_), Some(rehearsal)) => Service::remote(service::settings(rehearsal)?.1, &args.addresses)?,
        (_, rehearsal) => Service::of(&signing, rehearsal, &args.addresses)?,
    };
    let say = |line: &str| terminal::note(line);
    let notary = Notary::new(&service.http, &service.endpoints, &service.key, &CLOCK, &say);
    match &args.command {
        Command::Submit { path, patience } | Command::Wait { path, patience } => {
            if matches!(args.command, Command::Wait { .. }) && Store::beside(path).last_id().is_none() {
                return Err(Error::usage(format!("nothing of `{}` was handed in yet", path.display()))
                    .hint("cargo xtask notary submit"));
            }
            let product = Product::open(path, &trust)?;
            notarize::submit(&product, &service, &trust, patience.limits()).map(|(ended, _)| ended.exit())
        }
        Command::Status { subject } => {
            let found = notary.status(&id(subject)?).map_err(service::explain)?;
            cmd::print(&format!("{}  {}  {}  {}\n", found.id, found.created, found.status, found.name))?;
            Ok(match found.status {
                Status::Accepted => Exit::Passed,
                Status::Invalid | Status::Rejected => Exit::Findings,
                Status::InProgress | Status::Unknown(_) => Exit::Incomplete,
            })
        }
        Command::Log { subject, output } => log(&notary, &id(subject)?, output.as_deref()),
        Command::History => {
            let found = notary.history().map_err(service::explain)?;
            let lines = found
                .iter()
                .map(|it| format!("{}  {}  {:<11}  {}\n", it.id, it.created, it.status.to_string(), it.name));
            cmd::print(&lines.collect::<String>())?;
            Ok(Exit::Passed)
        }
        Command::Serve(_) => Err(Error::tool("`serve` was dealt with above")),
    }
}

/// A submission id as typed, or the one in the ledger beside a product.
fn id(subject: &str) -> Result<String> {
    let path = Path::new(subject);
    if !path.exists() {
        return Ok(subject.to_owned());
    }
    let ledger = Store::beside(path).ledger().map_err(service::explain)?;
    ledger.as_ref().and_then(|it| it.current()?.id.clone()).ok_or_else(|| {
        Error::usage(format!("the ledger of `{subject}` names no submission"))
            .hint("cargo xtask notary submit")
    })
}

fn log(notary: &Notary<'_>, id: &str, output: Option<&Path>) -> Result<Exit> {
    let bytes = match notary.log(id) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == Kind::NotFound => {
            terminal::warn(format_args!(
                "there is no log of {id}: no verdict yet, or not a submission of this team"
            ));
            return Ok(Exit::Incomplete);
        }
        Err(error) => return Err(service::explain(error)),
    };
    let log = DeveloperLog::parse(&bytes).map_err(service::explain)?;
    match output {
        Some(path) => files::write(path, &bytes, 0o644)?,
        None => cmd::print(&format!("{}\n", String::from_utf8_lossy(&bytes).trim_end()))?,
    }
    notarize::show(&log);
    Ok(if log.status == "Accepted" { Exit::Passed } else { Exit::Findings })
}

fn serve(options: &Serve, rehearsal: &crate::rehearsal::Rehearsal) -> Result<Exit> {
    let (mut settings, key) = service::settings(rehearsal)?;
    settings.processing = options.processing;
    settings.propagation = options.propagation;
    settings.faults.clone_from(&options.fault);
    let server = LocalNotary::start(options.port, settings).doing(|| "cannot start the local notary")?;
    let endpoints = server.endpoints().map_err(service::explain)?;
    if let Some(path) = &options.key_file {
        let json = key.to_unified_json().map_err(service::explain)?;
        files::write(path, json.as_bytes(), 0o600)?;
    }
    let s3 = endpoints.s3.as_ref().map(ToString::to_string).unwrap_or_default();
    cmd::print(&format!(
        "--notary-url {} --ticket-url {} --s3-endpoint {s3}\n",
        endpoints.notary, endpoints.tickets
    ))?;
    terminal::step("Serving", format_args!("a rehearsal's notary at {}; Ctrl-C ends it", server.address()));
    while !interrupt::happened() {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Err(Error::interrupted())
}
