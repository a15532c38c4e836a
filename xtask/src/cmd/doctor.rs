//! `cargo xtask doctor`.

mod mac;
mod signing;

use serde::Serialize;

use self::mac::Mac;
use crate::{
    cmd::{Context, print},
    config::Signing,
    error::{Doing, Exit, Result},
    plan::Format,
    rehearsal,
    setup::{self, Need, Purpose},
    stage::sign::examine::{Examination, examine},
};

/// Says what is missing on this machine, and why it is needed
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask doctor
  cargo xtask doctor --oracles --format json
  cargo xtask doctor --signing developer-id     also everything that signing will need

Exit codes: 0 all there · 1 signing would be refused, or signing/ holds a secret · 3 a tool is missing")]
pub struct Args {
    /// Also the tools that tests ask for a second opinion
    #[arg(long)]
    oracles: bool,
    /// Also looks into this signing file: certificates, profiles, entitlements
    #[arg(long, value_name = "NAME")]
    signing: Option<String>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Serialize)]
struct Health {
    schema: u32,
    os: &'static str,
    arch: String,
    /// Stand-ins answered instead of Apple's tools.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    tools: Vec<Tool>,
    install: Vec<String>,
    not_on_this_host: Vec<&'static str>,
    /// What only a Mac has; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<Mac>,
    secrets_in_signing: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    why: &'static str,
    found: Option<String>,
}

/// Looks, and says what it saw. A missing tool is exit code 3.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let tools = context.tools();
    let purpose = if args.oracles { Purpose::Oracles } else { Purpose::Build };
    let needs = setup::needs(purpose, tools.host());
    let missing: Vec<Need> = needs.iter().filter(|need| !need.is_met(tools)).copied().collect();
    let found = |need: &Need| need.found(tools);
    let examined = match &args.signing {
        Some(name) => Some((name, examine(&Signing::load(name, &workspace)?, &workspace, rehearsal::now())?)),
        None => None,
    };
    let health = Health {
        schema: 1,
        os: tools.host().os_name(),
        arch: tools.host().arch.clone(),
        simulated: tools.host().simulated,
        tools: needs
            .iter()
            .map(|need| Tool {
                name: need.name,
                why: need.why,
                found: found(need).map(|path| path.display().to_string()),
            })
            .collect(),
        install: if missing.is_empty() {
            Vec::new()
        } else {
            setup::shown_commands(&missing, tools, &workspace)
        },
        not_on_this_host: if tools.host().is_mac() { Vec::new() } else { ONLY_ON_A_MAC.to_vec() },
        mac: tools.host().is_mac().then(|| Mac::look(tools)),
        secrets_in_signing: secrets(&workspace)?,
        signing: examined.as_ref().map(|(name, found)| signing::json(name, found, &workspace)),
    };
    match args.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&health).doing(|| "cannot write the result")?;
            print(&(json + "\n"))?;
        }
        Format::Text => {
            let signing = examined.as_ref().map(|(name, found)| signing::text(name, found, &workspace));
            print(&(text(&health) + &signing.unwrap_or_default()))?;
        }
    }
    let is_refused = examined.is_some_and(|(_, found): (_, Examination)| found.is_refused());
    let is_complete = missing.is_empty() && !health.mac.as_ref().is_some_and(Mac::is_incomplete);
    Ok(match (is_complete, is_refused || !health.secrets_in_signing.is_empty()) {
        (_, true) => Exit::Findings,
        (false, false) => Exit::Tool,
        (true, false) => Exit::Passed,
    })
}

/// What a Mac would add.
const ONLY_ON_A_MAC: &[&str] = &[
    "xcrun, clang++, ld, iig: the real DriverKit SDK and linker",
    "codesign with an identity of the keychain",
    "spctl, syspolicy_check, stapler: Apple's own verdicts beside ours",
    "harness: activation and launch with SIP on",
];

fn text(health: &Health) -> String {
    let simulated =
        if health.simulated { " (simulated: stand-ins answer instead of Apple's tools)" } else { "" };
    let mut text = format!("{} {}{simulated}\n", health.os, health.arch);
    for tool in &health.tools {
        let (mark, place) = match &tool.found {
            Some(path) => ("ok     ", path.as_str()),
            None => ("MISSING", ""),
        };
        text += &format!("  {mark}  {:<12} {:<52} {place}\n", tool.name, tool.why);
    }
    if !health.install.is_empty() {
        text += "\nto install what is missing: cargo xtask setup, which runs\n";
        health.install.iter().for_each(|command| text += &format!("  {command}\n"));
    }
    if let Some(mac) = &health.mac {
        text += &mac.text();
    }
    if !health.not_on_this_host.is_empty() {
        text += "\nnot on this host, a Mac would add\n";
        health.not_on_this_host.iter().for_each(|what| text += &format!("  {what}\n"));
    }
    if !health.secrets_in_signing.is_empty() {
        text += "\nsigning/ holds what must not be in a repository\n";
        health.secrets_in_signing.iter().for_each(|path| text += &format!("  {path}\n"));
    }
    text
}

/// Files in `signing/` that are or contain private keys.
fn secrets(workspace: &crate::workspace::Workspace) -> Result<Vec<String>> {
    let folder = workspace.root().join("signing");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in crate::stage::files::walk(&folder)? {
        if entry.kind != crate::stage::files::Kind::File {
            continue;
        }
        let path = folder.join(&entry.path);
        let bytes = crate::stage::files::read(&path)?;
        let named =
            path.extension().is_some_and(|ending| ["p12", "pfx", "p8", "key"].iter().any(|it| ending == *it));
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        if named || has(b"PRIVATE KEY-----") {
            found.push(workspace.shown(&path).to_string());
        }
    }
    Ok(found)
}
