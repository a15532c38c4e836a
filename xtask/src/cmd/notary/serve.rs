//! `cargo xtask notary serve`: a rehearsal's notary that other commands, and other people's clients, can talk to.

use std::path::PathBuf;

use notary::local::{Fault, LocalNotary};

use crate::{
    cmd,
    error::{Doing, Exit, Result},
    interrupt,
    rehearsal::Rehearsal,
    stage::{
        files,
        notarize::service::{self},
    },
    terminal,
};

/// How long Ctrl-C may go unnoticed.
const STEP: std::time::Duration = std::time::Duration::from_millis(100);

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask notary serve --port 7000
  cargo xtask notary serve --port 7000 --processing 300 --fault put:reset --fault status:503:3
  cargo xtask notary serve --port 7000 --key-file key.json      for clients of other people

In another terminal:
  cargo xtask notarize Host.app --notary-url http://127.0.0.1:7000

It forgets everything when it ends. stdout has the flags that lead a client of ours to it.
Steps: history submit put begin part complete status log-address log look-up
Faults: reset lost-answer cut-answer half-document hang 401 agreement 403 404 429 500 503 504 expired")]
pub struct Serve {
    /// Port on 127.0.0.1; 0 takes any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Seconds from an upload to its verdict
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    processing: u64,
    /// Seconds from a verdict to its ticket
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    propagation: u64,
    /// What goes wrong: STEP:FAULT[:TIMES], as in status:503:3
    #[arg(long)]
    fault: Vec<Fault>,
    /// Where the API key that it accepts is written (unified JSON, 0600)
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// Serves until Ctrl-C, which is how it is meant to end.
pub fn serve(options: &Serve, rehearsal: &Rehearsal) -> Result<Exit> {
    let (mut settings, key) = service::settings(rehearsal)?;
    settings.processing = options.processing;
    settings.propagation = options.propagation;
    settings.faults.clone_from(&options.fault);
    settings.heard = Box::new(|line| terminal::note(line));
    let cannot = || format!("cannot listen on port {}", options.port);
    let server = LocalNotary::start(options.port, settings).doing(cannot)?;
    if let Some(path) = &options.key_file {
        let json = key.to_unified_json().map_err(service::explain)?;
        files::write(path, json.as_bytes(), 0o600)?;
    }
    let address = format!("http://{}", server.address());
    cmd::print(&format!("--notary-url {address}\n"))?;
    terminal::step("Serving", format_args!("a rehearsal's notary at {address}; Ctrl-C ends it"));
    while !interrupt::happened() {
        std::thread::sleep(STEP);
    }
    terminal::step("Ended", format_args!("{} uploads, {} requests", server.n_uploads(), server.n_requests()));
    Ok(Exit::Interrupted)
}
