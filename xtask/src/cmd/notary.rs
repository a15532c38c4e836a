//! `cargo xtask notary`.

use std::path::{Path, PathBuf};

use notary::{
    Agency, Kind,
    client::{Status, Submission},
    ledger,
    log::DeveloperLog,
};

use crate::{
    cmd::{
        self, Context,
        notarize::{Patience, command},
    },
    config::Signing,
    error::{Error, Exit, Result},
    policy,
    stage::{
        files,
        notarize::{
            self, Ended,
            product::{self, Product},
            progress::Progress,
            service::{self, Addresses, Service},
            store::Store,
        },
        sign,
    },
    terminal,
};

mod serve;

/// Talks to the notary service, or serves a local one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask notary history --signing developer-id
  cargo xtask notary submit Host.pkg --signing developer-id --no-wait
  cargo xtask notary wait Host.pkg --signing developer-id
  cargo xtask notary log 1238aa04-96fe-1a63-e053-0824d011072a --signing developer-id
  cargo xtask notary serve --port 7000 --fault status:503:3
  cargo xtask notary submit Host.pkg --notary-url http://127.0.0.1:7000")]
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
    #[command(after_help = "Examples:
  cargo xtask notary submit Host.pkg --signing developer-id
  id=$(cargo xtask notary submit Host.pkg --signing developer-id --no-wait)

The product's ledger lies beside it, and what was submitted before is not submitted again. stdout has the id.
Exit codes: 0 accepted · 1 refused · 2 usage · 3 the service or the network · 4 no verdict yet · 130 interrupted")]
    Submit {
        /// A signed app, zip, pkg or dmg
        path: PathBuf,
        /// Submits what our preflight finds fault with, too
        #[arg(long)]
        despite_preflight: bool,
        #[command(flatten)]
        patience: Patience,
    },
    /// Goes on waiting for what was handed in
    #[command(after_help = "Examples:
  cargo xtask notary wait Host.pkg --signing developer-id
  cargo xtask notary wait Host.pkg --signing developer-id --timeout 30

Exit codes: 0 accepted · 1 refused · 2 usage · 3 the service or the network · 4 no verdict yet · 130 interrupted")]
    Wait {
        /// The product; its ledger lies beside it
        path: PathBuf,
        /// How long to wait for a verdict, in minutes
        #[arg(long, value_name = "MINUTES", default_value_t = 120)]
        timeout: u64,
    },
    /// What the notary says about a submission
    #[command(after_help = "Examples:
  cargo xtask notary status Host.pkg --signing developer-id
  cargo xtask notary status 1238aa04-96fe-1a63-e053-0824d011072a --signing developer-id --format json

Exit codes: 0 accepted · 1 refused · 2 usage · 3 no such submission, the service or the network · 4 no verdict yet")]
    Status {
        /// A submission id, or the product
        subject: String,
        /// How it is printed
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// The developer log, with what its complaints mean
    #[command(after_help = "Examples:
  cargo xtask notary log Host.pkg --signing developer-id
  cargo xtask notary log 1238aa04-96fe-1a63-e053-0824d011072a --signing developer-id -o log.json

stdout (or the file) has the log as it came, stderr what it means.
Exit codes: 0 of an accepted product · 1 of a refused one · 2 usage · 3 the service or the network · 4 there is none yet")]
    Log {
        /// A submission id, or the product
        subject: String,
        /// Where the log goes as it came
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// The newest submissions of the team
    #[command(after_help = "Examples:
  cargo xtask notary history --signing developer-id
  cargo xtask notary history --signing developer-id --format json

At most 100, newest first: more the service does not tell. The cheapest way to see whether the key is good.")]
    History {
        /// How it is printed
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// A notary on this machine, until Ctrl-C
    Serve(serve::Serve),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One line each
    Text,
    /// Schema 1
    Json,
}

/// Talks to whichever notary the signing file names.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let signing = Signing::load(&args.signing, &workspace)?;
    let rehearsal = sign::open_rehearsal(&signing, &workspace, None)?;
    let trust = rehearsal.as_ref().map(service::trust).transpose()?.unwrap_or_default();
    if let Command::Serve(options) = &args.command {
        let rehearsal = rehearsal.as_ref().ok_or_else(|| {
            Error::usage(format!("`--signing {}` has no rehearsal keys to issue tickets with", args.signing))
        })?;
        return serve::serve(options, rehearsal);
    }
    let service = Service::of(&signing, rehearsal.as_ref(), &args.addresses)?;
    if service.is_in_process() {
        return Err(Error::usage(format!(
            "`{}` says `notarization = \"local\"`: that notary lives as long as one command, so nobody is there to ask",
            signing.shown
        ))
        .hint("cargo xtask notary serve --port 7000, and here: --notary-url http://127.0.0.1:7000"));
    }
    let go_on = |verb: &str, path: &Path| {
        command(
            vec!["notary".into(), verb.into(), path.display().to_string()],
            &args.signing,
            &args.addresses,
        )
    };
    let hand_in = |path: &Path, service: &Service, limits, is_forced: bool| -> Result<Exit> {
        let subject = product::inspect(path, &trust)?;
        let policy = policy::signed(&signing);
        if notarize::preflight(&subject, &policy) {
            if !is_forced {
                return Ok(Exit::Findings);
            }
            terminal::warn("submitted despite what the preflight found");
        }
        let asked = notarize::Request {
            service,
            trust: &trust,
            policy: &policy,
            limits,
            stapler: notarize::stapler::Stapler::Ours,
            go_on: &go_on("wait", path),
        };
        let (ended, _) = notarize::submit(&Product::of(path, subject)?, &asked)?;
        if let Some(id) = ended.id().map(str::to_owned).or_else(|| Store::beside(path).last_id()) {
            cmd::print(&format!("{id}\n"))?;
        }
        if matches!(ended, Ended::Notarized { .. }) {
            let mut staple = vec!["staple".to_owned(), path.display().to_string()];
            if rehearsal.is_some() {
                // Its root is known to nobody else.
                staple.extend(["--signing".to_owned(), args.signing.clone()]);
            }
            terminal::note(format_args!(
                "to attach its ticket: {}",
                command(staple, "rehearsal", &args.addresses)
            ));
        }
        Ok(ended.exit())
    };
    let progress = Progress::new();
    let say = |line: &str| progress.say(line);
    match &args.command {
        Command::Submit { path, despite_preflight, patience } => {
            let service = service.telling(patience.webhook.as_deref())?;
            hand_in(path, &service, patience.limits(), *despite_preflight)
        }
        Command::Wait { path, timeout } => {
            if Store::beside(path).ledger().map_err(service::explain)?.is_none() {
                return Err(Error::usage(format!("nothing of `{}` was handed in yet", path.display()))
                    .hint(go_on("submit", path)));
            }
            let limits = notary::run::Limits { wait: Some(timeout.saturating_mul(60)), ..Default::default() };
            // What is there was judged when it was handed in.
            hand_in(path, &service, limits, true)
        }
        Command::Status { subject, format } => {
            let agency = service.agency(None, &progress, &say)?;
            let id = id(subject, &go_on("submit", Path::new(subject)))?;
            let found = agency.status(&id).map_err(|error| unknown(error, &args))?;
            cmd::print(&listed(std::slice::from_ref(&found), *format))?;
            Ok(match found.status {
                Status::Accepted => Exit::Passed,
                Status::Invalid | Status::Rejected => Exit::Findings,
                Status::InProgress | Status::Unknown(_) => Exit::Incomplete,
            })
        }
        Command::Log { subject, output } => {
            let agency = service.agency(None, &progress, &say)?;
            let id = id(subject, &go_on("submit", Path::new(subject)))?;
            log(agency.as_ref(), &id, output.as_deref())
        }
        Command::History { format } => {
            let agency = service.agency(None, &progress, &say)?;
            let found = agency.history().map_err(service::explain)?;
            if found.is_empty() {
                terminal::note("no submission yet; the key is good");
            }
            cmd::print(&listed(&found, *format))?;
            Ok(Exit::Passed)
        }
        Command::Serve(_) => Err(Error::tool("`serve` was dealt with above")),
    }
}

/// Submissions as lines, or as one document.
fn listed(found: &[Submission], format: Format) -> String {
    match format {
        Format::Text => found
            .iter()
            .map(|it| format!("{}  {}  {:<11}  {}\n", it.id, it.created, it.status.to_string(), it.name))
            .collect(),
        Format::Json => {
            let all: Vec<serde_json::Value> = found
                .iter()
                .map(|it| {
                    serde_json::json!({"id": it.id, "created": it.created, "name": it.name, "status": it.status.to_string()})
                })
                .collect();
            format!("{}\n", serde_json::json!({"schema": 1, "submissions": all}))
        }
    }
}

/// An id that the notary does not know: of another team, older than it remembers, or mistyped.
fn unknown(error: notary::Error, args: &Args) -> Error {
    let is_unknown = error.kind == Kind::NotFound;
    let explained = service::explain(error);
    match is_unknown {
        true => {
            let history = command(vec!["notary".into(), "history".into()], &args.signing, &args.addresses);
            explained.hint(format!("an id belongs to one team; what this one submitted: {history}"))
        }
        false => explained,
    }
}

/// A submission id as typed, or the one in the ledger beside a product.
fn id(subject: &str, submit: &str) -> Result<String> {
    let path = Path::new(subject);
    if !path.exists() {
        return Ok(subject.to_owned());
    }
    let ledger = Store::beside(path).ledger().map_err(service::explain)?;
    match ledger.as_ref().map(ledger::Ledger::current) {
        None => Err(Error::usage(format!("nothing of `{subject}` was handed in yet")).hint(submit)),
        Some(None) => Err(Error::usage(format!("nothing of `{subject}` arrived at the notary")).hint(submit)),
        Some(Some(entry)) => entry.id.clone().ok_or_else(|| {
            Error::usage(format!("the id of `{subject}`'s submission was lost on the way"))
                .hint(format!("this finds it again, if it arrived: {submit}"))
        }),
    }
}

fn log(notary: &dyn Agency, id: &str, output: Option<&Path>) -> Result<Exit> {
    let bytes = match notary.log(id) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == Kind::NotFound => {
            terminal::warn(format_args!(
                "there is no log of {id}: no verdict yet, or not a submission of this team; `notary status` tells which"
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
