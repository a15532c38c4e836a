//! What a Mac has to sign, pack and build drivers with: Xcode, its SDKs, Apple's tools, the session, and what crashed runs left.

use serde::Serialize;

use crate::{
    plan::Xcode,
    stage::keychain,
    tools::{Call, Toolbox},
};

/// Tools that come with macOS; one that is missing was removed, or is not on the `PATH`.
const TOOLS: &[(&str, &str)] = &[
    ("codesign", "signs on the Apple path"),
    ("security", "makes the keychain of a run"),
    ("ditto", "zips"),
    ("pkgbuild", "makes packages"),
    ("hdiutil", "makes disk images"),
    ("spctl", "Gatekeeper's verdict"),
];

/// The state of a Mac.
#[derive(Serialize)]
pub(super) struct Mac {
    things: Vec<Thing>,
}

#[derive(Serialize)]
struct Thing {
    name: &'static str,
    state: State,
    says: String,
}

#[derive(Serialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Missing,
    Note,
}

impl Mac {
    /// Looks; changes nothing.
    pub(super) fn look(tools: &Toolbox) -> Self {
        let mut things = Vec::new();
        let mut add = |name, found: Result<String, String>| {
            let (state, says) = match found {
                Ok(says) => (State::Ok, says),
                Err(says) => (State::Missing, says),
            };
            things.push(Thing { name, state, says });
        };
        let told = |error: crate::Error| error.to_string();
        add(
            "Xcode",
            Xcode::selected(tools)
                .map_err(told)
                .map(|it| format!("{} in {} ({})", it.name(), it.developer_dir.display(), it.chosen_by)),
        );
        for (name, sdk) in [("DriverKit SDK", "driverkit"), ("macOS SDK", "macosx")] {
            add(name, Xcode::sdk(tools, sdk).map(|it| it.display().to_string()).map_err(told));
        }
        for (name, why) in TOOLS {
            let found = tools.find(name).map(|it| it.display().to_string());
            add(name, found.ok_or_else(|| format!("not on the PATH; it {why}")));
        }
        let mut note = |name, says: String| things.push(Thing { name, state: State::Note, says });
        if let Some(session) = session(tools).filter(|it| it != "Aqua") {
            note(
                "session",
                format!("{session}: drivers are activated in a session with windows only (Aqua)"),
            );
        }
        match keychain::left_behind() {
            Ok(0) => {}
            Ok(count) => note(
                "keychains",
                format!("{count} left by runs that crashed; the next signing takes them away"),
            ),
            Err(error) => note("keychains", error.to_string()),
        }
        Self { things }
    }

    /// Whether anything is missing.
    pub(super) fn is_incomplete(&self) -> bool {
        self.things.iter().any(|it| it.state == State::Missing)
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let line = |it: &Thing| {
            let mark = match it.state {
                State::Ok => "ok     ",
                State::Missing => "MISSING",
                State::Note => "note   ",
            };
            format!("  {mark}  {:<14} {}\n", it.name, it.says.replace('\n', "\n                           "))
        };
        "\non this Mac\n".to_owned() + &self.things.iter().map(line).collect::<String>()
    }
}

/// `Aqua` for somebody at the screen, `Background` over ssh.
fn session(tools: &Toolbox) -> Option<String> {
    let call = Call::new("launchctl", "ask what session this is").arg("managername");
    let output = tools.try_run(&call).ok()?;
    output.status.success().then(|| output.text().trim().to_owned())
}
