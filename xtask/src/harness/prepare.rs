//! What the runner must be, what it lacks, and the two profiles that make it usable without a person.

use std::{path::Path, time::Duration};

use formats::document::plist::{Dict, Keys, Value, to_xml};
use sha2::{Digest, Sha256};

use super::{extensions, machine::Machine};
use crate::{
    error::Result,
    stage::files,
    tools::{Call, Toolbox},
};

/// One thing that the runner must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What must hold.
    pub what: String,
    /// Whether it does: `Err` says what to do.
    pub state: std::result::Result<String, String>,
}

/// A copy of the app, the log of a run and a sysdiagnose fit well into this.
const NEEDED_KIB: u64 = 10 * 1024 * 1024;

/// Looks at everything.
pub fn conditions(tools: &Toolbox, id: &str) -> Vec<Condition> {
    let mut all = Vec::new();
    let mut add = |what: &str, state: Result<std::result::Result<String, String>>| {
        let state = state.unwrap_or_else(|error| Err(error.to_string()));
        all.push(Condition { what: what.to_owned(), state });
    };
    add("Apple silicon, SIP on, no boot arguments that change the rules", machine(tools));
    add("an admin user (for /Applications and the log)", admin(tools));
    add("somebody is logged in at the screen (activation needs an Aqua session)", console(tools));
    add("10 GB free on the system volume", disk(tools));
    add("no stale copies of the driver", stale(tools, id));
    add("the extension is approved by MDM, so that nobody has to click", approved(tools, id));
    add("private data in the log is shown", private_data(tools));
    all
}

/// The identifier that a development profile must list for this Mac.
pub fn provisioning_udid(tools: &Toolbox) -> Result<Option<String>> {
    let call = Call::new("system_profiler", "read the provisioning UDID").arg("SPHardwareDataType");
    let text = tools.run(&call.deadline(Duration::from_secs(60)))?.text();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("Provisioning UDID:"));
    Ok(line.map(|it| it.trim().to_owned()))
}

fn ask(tools: &Toolbox, program: &str, args: &[&str], purpose: &str) -> Result<String> {
    let call = Call::new(program, purpose).args(args.iter().copied()).deadline(Duration::from_secs(60));
    Ok(tools.run(&call)?.text())
}

type State = Result<std::result::Result<String, String>>;

fn machine(tools: &Toolbox) -> State {
    let machine = Machine::ask(tools)?;
    let objections = machine.objections();
    Ok(match objections.is_empty() {
        true => Ok(format!("macOS {} ({})", machine.macos, machine.build)),
        false => Err(objections.join("; ")),
    })
}

fn admin(tools: &Toolbox) -> State {
    let groups = ask(tools, "id", &["-Gn"], "ask for our groups")?;
    Ok(match groups.split_whitespace().any(|group| group == "admin") {
        true => Ok("yes".to_owned()),
        false => Err("use a dedicated admin user on a dedicated Mac".to_owned()),
    })
}

fn console(tools: &Toolbox) -> State {
    let owner = ask(tools, "stat", &["-f", "%Su", "/dev/console"], "ask who is at the screen")?;
    let us = ask(tools, "id", &["-un"], "ask who we are")?;
    let (owner, us) = (owner.trim(), us.trim());
    Ok(match owner == us && owner != "root" {
        true => Ok(owner.to_owned()),
        false => Err(format!(
            "`{owner}` is at the screen and we are `{us}`: log in automatically, and start the runner as a login item, not as a LaunchDaemon"
        )),
    })
}

fn disk(tools: &Toolbox) -> State {
    let text = ask(tools, "df", &["-k", "/Applications"], "ask for free space")?;
    let free = text
        .lines()
        .nth(1)
        .and_then(|line| line.split_whitespace().nth(3))
        .and_then(|it| it.parse::<u64>().ok());
    Ok(match free {
        None => Err(format!("`df` said something unexpected: {}", text.trim())),
        Some(free) if free < NEEDED_KIB => Err(format!("{} MB are free", free / 1024)),
        Some(free) => Ok(format!("{} GB are free", free / 1024 / 1024)),
    })
}

fn stale(tools: &Toolbox, id: &str) -> State {
    let listing = extensions::parse(&ask(tools, "systemextensionsctl", &["list"], "list system extensions")?);
    let rows: Vec<String> =
        listing.of(id).filter(|row| !row.is_running_state()).map(ToString::to_string).collect();
    Ok(match rows.is_empty() {
        true => Ok("none".to_owned()),
        false => Err(format!("{}: restart the Mac", rows.join(", "))),
    })
}

fn approved(tools: &Toolbox, id: &str) -> State {
    let text = ask(tools, "profiles", &["show", "-output", "stdout-xml"], "read the installed profiles")?;
    Ok(match text.contains("com.apple.system-extension-policy") && text.contains(&format!("<string>{id}</string>")) {
        true => Ok("yes".to_owned()),
        false => Err("push `system-extension-policy.mobileconfig` by MDM; without MDM allow the extension once by hand in System Settings > \
                      General > Login Items & Extensions > Driver Extensions (later versions of the same team and identifier need no \
                      new approval)"
            .to_owned()),
    })
}

fn private_data(tools: &Toolbox) -> State {
    let text = ask(tools, "profiles", &["show", "-output", "stdout-xml"], "read the installed profiles")?;
    Ok(match text.contains("com.apple.system.logging") && text.contains("Enable-Private-Data") {
        true => Ok("yes".to_owned()),
        false => {
            Err("open `system-logging.mobileconfig` and install it in System Settings; by hand is enough"
                .to_owned())
        }
    })
}

/// Writes both profiles into `folder`, and returns their names.
pub fn write_profiles(folder: &Path, team: &str, id: &str) -> Result<Vec<String>> {
    let policy = dict([
        ("AllowUserOverrides", Value::Bool(true)),
        ("AllowedSystemExtensions", by_team(team, id)),
        ("RemovableSystemExtensions", by_team(team, id)),
    ]);
    let logging = dict([("System", Value::Dict(dict([("Enable-Private-Data", Value::Bool(true))])))]);
    let profiles = [
        (
            "system-extension-policy.mobileconfig",
            "com.apple.system-extension-policy",
            "Allow the driver, and let it be removed",
            policy,
        ),
        (
            "system-logging.mobileconfig",
            "com.apple.system.logging",
            "Show private data in the system log",
            logging,
        ),
    ];
    let mut names = Vec::new();
    for (name, kind, title, content) in profiles {
        files::write(
            &folder.join(name),
            profile(kind, title, &format!("{team}.{id}"), content).as_bytes(),
            0o644,
        )?;
        names.push(name.to_owned());
    }
    Ok(names)
}

fn by_team(team: &str, id: &str) -> Value {
    Value::Dict(dict([(team, Value::Array(vec![Value::String(id.to_owned())]))]))
}

fn dict<const N: usize>(entries: [(&str, Value); N]) -> Dict {
    let mut dict = Dict::default();
    for (key, value) in entries {
        dict.set(key, value);
    }
    dict
}

fn profile(kind: &str, title: &str, salt: &str, content: Dict) -> String {
    let text = |it: &str| Value::String(it.to_owned());
    let mut payload = content;
    payload.set("PayloadType", text(kind));
    payload.set("PayloadIdentifier", text(&format!("driver-xtask.{kind}.payload")));
    payload.set("PayloadUUID", text(&uuid(&format!("{kind} payload {salt}"))));
    payload.set("PayloadVersion", Value::Integer(1));
    payload.set("PayloadDisplayName", text(title));
    let whole = dict([
        ("PayloadContent", Value::Array(vec![Value::Dict(payload)])),
        ("PayloadDisplayName", text(title)),
        ("PayloadIdentifier", text(&format!("driver-xtask.{kind}"))),
        ("PayloadScope", text("System")),
        ("PayloadType", text("Configuration")),
        ("PayloadUUID", text(&uuid(&format!("{kind} {salt}")))),
        ("PayloadVersion", Value::Integer(1)),
    ]);
    to_xml(&Value::Dict(whole), Keys::Sorted)
}

/// The same profile has the same UUID each time it is written, so that installing it again replaces it.
fn uuid(of: &str) -> String {
    let digest = Sha256::digest(of.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02X}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_name_team_and_extension_and_are_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let names = write_profiles(folder.path(), "ABCDE12345", "com.example.driver").unwrap();
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let before: Vec<Vec<u8>> = names.iter().map(|name| read(name)).collect();
        write_profiles(folder.path(), "ABCDE12345", "com.example.driver").unwrap();
        assert_eq!(before, names.iter().map(|name| read(name)).collect::<Vec<_>>());
        let policy = formats::document::plist::read(&before[0]).unwrap().value;
        let payload = &policy.get("PayloadContent").unwrap().as_array().unwrap()[0];
        for key in ["AllowedSystemExtensions", "RemovableSystemExtensions"] {
            let list = payload.get(key).unwrap().get("ABCDE12345").unwrap().as_array().unwrap();
            assert_eq!(list[0].as_str(), Some("com.example.driver"), "{key}");
        }
        let logging = String::from_utf8(before[1].clone()).unwrap();
        assert!(logging.contains("Enable-Private-Data"));
    }
}
