//! Brings the app onto the machine and its driver into the system, takes both away again, and undoes what was begun.

use std::{collections::BTreeMap, time::Duration};

use formats::document::plist::{self, Value};

use super::{
    extensions,
    journal::Change,
    run::{Begin, POLL, QUICK, Run, clip},
    step::{Outcome, Step},
};
use crate::{error::Result, inspect::apple, tools::Call};

const ACTIVATION: Duration = Duration::from_secs(90);

/// How often to ask within that time.
pub(super) fn polls(time: Duration) -> u64 {
    time.as_secs() / POLL.as_secs() + 1
}

impl Run<'_> {
    /// What a run before this one left because it was killed: what can be undone is, what cannot is named.
    pub fn leftovers(&mut self) -> Result<Outcome> {
        if self.settings.left.is_empty() {
            return Ok(Outcome::NotApplicable("no earlier run was killed".to_owned()));
        }
        let before: Vec<String> = self.settings.left.iter().map(Change::remains).collect();
        let remains = self.undo();
        let told = format!("an earlier run was killed and left: {}", before.join("; "));
        Ok(Outcome::Passed(match remains.len() {
            0 => format!("{told}; all of it is undone"),
            n if n == before.len() => format!("{told}; it is still there"),
            _ => format!("{told}; still there: {}", remains.join("; ")),
        }))
    }

    /// Undoes what the journal says was changed, the last change first; what remains, in words.
    pub fn undo(&self) -> Vec<String> {
        let changes = self.journal.changes();
        let mut remains = Vec::new();
        // Whoever removes the app of an active extension takes away the only thing that can remove the extension.
        let mut must_stay = false;
        for change in changes.iter().rev() {
            let undone = match change {
                Change::Activated { .. } => {
                    must_stay = true;
                    Ok(false)
                }
                _ if must_stay => Ok(false),
                Change::Copied { to } => self.remove(to).map(|()| true),
                Change::PutAside { from, to } => self.put_back(to, from).map(|()| true),
            };
            match undone
                .and_then(|done| if done { self.journal.undone(change).map(|()| true) } else { Ok(false) })
            {
                Ok(true) => {}
                Ok(false) => remains.push(change.remains()),
                Err(error) => remains.push(format!("{} ({error})", change.remains())),
            }
        }
        remains.reverse();
        remains
    }

    fn is_there(&self, path: &str) -> Result<bool> {
        let call = Call::new("test", "look for an older copy").args(["-e", path]).even_when_interrupted();
        Ok(self.ask(call)?.status.success())
    }

    fn remove(&self, path: &str) -> Result {
        let call = Call::new("rm", "remove a copy of the app").args(["-rf", path]).even_when_interrupted();
        self.tools.run(&call).map(drop)
    }

    /// Only when it is there: the run may have been killed before it was put aside.
    fn put_back(&self, aside: &str, to: &str) -> Result {
        if !self.is_there(aside)? {
            return Ok(());
        }
        self.remove(to)?;
        let call = Call::new("mv", "put the older copy back").args([aside, to]).even_when_interrupted();
        self.tools.run(&call).map(drop)
    }

    /// Copies the app as a download would arrive. Whatever is there goes aside first and comes back if the copy fails.
    pub fn install(&self) -> Result<Outcome> {
        if self.settings.begin == Begin::AfterRestart {
            return Ok(Outcome::Passed("before the restart".to_owned()));
        }
        let (from, to) = (self.artifact.path.clone(), self.installed());
        let aside = Change::PutAside {
            from: to.clone(),
            to: format!("/Applications/.{}.before-harness", self.artifact.name),
        };
        let Change::PutAside { to: place, .. } = &aside else { return Ok(Outcome::NotRun(String::new())) };
        let there = self.is_there(&to)?;
        if there {
            self.remove(place)?;
            self.journal.about_to(aside.clone())?;
            self.tools
                .run(&Call::new("mv", "put the older copy aside").args([to.as_str(), place.as_str()]))?;
        }
        let copied = Change::Copied { to: to.clone() };
        self.journal.about_to(copied.clone())?;
        if let Err(error) = self.copy(&from, &to) {
            self.remove(&to)?;
            self.journal.undone(&copied)?;
            if there {
                self.put_back(place, &to)?;
                self.journal.undone(&aside)?;
            }
            return Err(error);
        }
        if there {
            self.remove(place)?;
            self.journal.undone(&aside)?;
        }
        Ok(Outcome::Passed(to))
    }

    fn copy(&self, from: &str, to: &str) -> Result {
        self.tools.run(&Call::new("ditto", "copy the app to /Applications").args([from, to]))?;
        let mark = format!("0083;{:08x};harness;", self.settings.started_at);
        let call = Call::new("xattr", "quarantine the app as a download is");
        self.tools.run(&call.args(["-r", "-w", "com.apple.quarantine", mark.as_str(), to])).map(drop)
    }

    fn listing(&self) -> Result<extensions::Listing> {
        let call = Call::new("systemextensionsctl", "list system extensions").arg("list").deadline(QUICK);
        Ok(extensions::parse(&self.tools.run(&call)?.text()))
    }

    pub fn activate(&self) -> Result<Outcome> {
        if !self.passed(Step::Install) {
            return Ok(Outcome::NotRun("the app is not installed".to_owned()));
        }
        let dext = &self.artifact.dext;
        let mut said = String::new();
        if self.settings.begin == Begin::Fresh {
            let executable = format!("{}/{}", self.installed(), self.artifact.executable);
            let call =
                Call::new(executable, "ask the app to activate its driver").args(["--activate", "--json"]);
            self.journal.about_to(Change::Activated { app: self.installed(), id: dext.id.clone() })?;
            let output = self.ask(call.deadline(ACTIVATION))?;
            said = output.text() + &output.complaints();
        }
        for left in (0..polls(ACTIVATION)).rev() {
            let listing = self.listing()?;
            let rows: Vec<&extensions::Extension> = listing.of(&dext.id).collect();
            let ours = rows.iter().find(|row| row.version == dext.version && row.build == dext.build);
            let leaving =
                rows.iter().filter(|row| row.state == "terminating for upgrade via delegate").count();
            if leaving >= 2 {
                return Ok(Outcome::Failed(
                    "two copies wait for each other; only a restart clears it".to_owned(),
                ));
            }
            match ours {
                Some(row) if row.is_running_state() => return Ok(Outcome::Passed(row.to_string())),
                Some(row) if row.waits_for_user() => {
                    let where_ = "System Settings > General > Login Items & Extensions > Driver Extensions";
                    return Ok(Outcome::Waiting(format!(
                        "{row}: allow it once in {where_}, or by MDM (`harness prepare`)"
                    )));
                }
                Some(row) if row.waits_for_reboot() => {
                    return Ok(Outcome::PendingReboot(format!(
                        "{row}: restart, then `cargo xtask harness resume`"
                    )));
                }
                _ => {}
            }
            if left == 0 {
                let there: Vec<String> = rows.iter().map(|row| row.to_string()).collect();
                let there = if there.is_empty() { "nothing".to_owned() } else { there.join(", ") };
                return Ok(Outcome::Failed(format!("the system has {there}; the app said: {}", clip(&said))));
            }
            self.clock.wait(POLL)?;
        }
        Ok(Outcome::NotRun("the system was not asked".to_owned()))
    }

    /// With SIP on an unchanged version pair is not replaced: last week's copy would be tried instead.
    pub fn staged_copy(&self) -> Result<Outcome> {
        if !self.passed(Step::Activate) {
            return Ok(Outcome::NotRun("the extension is not active".to_owned()));
        }
        let dext = &self.artifact.dext;
        let name = format!("{}.dext", dext.id);
        let call = Call::new("find", "look for staged copies").deadline(QUICK);
        let call =
            call.args(["/Library/SystemExtensions", "-maxdepth", "2", "-type", "d", "-name", name.as_str()]);
        let text = self.tools.run(&call)?.text();
        let mut copies: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        copies.sort_unstable();
        let mut other = Vec::new();
        for copy in &copies {
            let mut theirs = BTreeMap::new();
            for arch in dext.cdhashes.keys() {
                if let Some(cdhash) = apple::read(self.tools, copy, arch)?.ok().and_then(|it| it.cdhash) {
                    theirs.insert(arch.clone(), cdhash);
                }
            }
            if theirs == dext.cdhashes {
                return Ok(Outcome::Passed((*copy).to_owned()));
            }
            other.push((*copy).to_owned());
        }
        Ok(Outcome::NotRun(match other.is_empty() {
            true => "no staged copy was found below /Library/SystemExtensions".to_owned(),
            false => format!(
                "the system kept another build ({}): raise `build`, since an unchanged version is not replaced",
                other.join(", ")
            ),
        }))
    }

    pub fn cleanup(&self) -> Result<Outcome> {
        if !self.settings.clean {
            return Ok(Outcome::Passed("left installed: the next run is the upgrade test".to_owned()));
        }
        let dext = &self.artifact.dext;
        let call = Call::new("profiles", "look for the MDM profile")
            .args(["show", "-output", "stdout-xml"])
            .deadline(QUICK);
        let profiles = self.ask(call)?.text();
        let removable = is_removable(&profiles, dext.team.as_deref(), &dext.id);
        if !removable {
            return Ok(Outcome::Waiting(format!(
                "`{}` is not listed as removable by MDM: remove it by hand in System Settings > General > Login Items & Extensions",
                dext.id
            )));
        }
        let executable = format!("{}/{}", self.installed(), self.artifact.executable);
        let call =
            Call::new(executable, "ask the app to deactivate its driver").args(["--deactivate", "--json"]);
        self.ask(call.deadline(ACTIVATION))?;
        let listing = self.listing()?;
        let left: Vec<String> = listing.of(&dext.id).map(ToString::to_string).collect();
        if left.iter().any(|row| row.contains("on reboot")) {
            return Ok(Outcome::PendingReboot(format!("{}: a restart removes it", left.join(", "))));
        }
        if !left.is_empty() {
            return Ok(Outcome::Failed(format!("still there: {}", left.join(", "))));
        }
        self.remove(&self.installed())?;
        for change in self.journal.changes() {
            self.journal.undone(&change)?;
        }
        Ok(Outcome::Passed("extension and app are gone".to_owned()))
    }
}

/// Whether an installed profile lists this extension of this team as removable by its app.
///
/// `profiles show -output stdout-xml` prints all profiles as one property list; the payload's place in it has moved between
/// versions of macOS, so it is looked for.
fn is_removable(profiles: &str, team: Option<&str>, id: &str) -> bool {
    let (Ok(plist), Some(team)) = (plist::read(profiles.as_bytes()), team) else { return false };
    let mut open = vec![&plist.value];
    while let Some(value) = open.pop() {
        let listed =
            value.get("RemovableSystemExtensions").and_then(|it| it.get(team)).and_then(Value::as_array);
        if listed.is_some_and(|it| it.iter().any(|it| it.as_str() == Some(id))) {
            return true;
        }
        open.extend(value.as_dict().into_iter().flat_map(|it| it.iter()).map(|(_, value)| value));
        open.extend(value.as_array().into_iter().flatten());
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removable_is_what_a_profile_lists_for_that_team() {
        let profile = |key: &str| {
            format!(
                "<plist version=\"1.0\"><dict><key>_computerlevel</key><array><dict><key>ProfileItems</key><array><dict>\
                 <key>PayloadContent</key><dict><key>{key}</key><dict><key>ABCDE12345</key><array>\
                 <string>com.example.driver</string></array></dict></dict></dict></array></dict></array></dict></plist>"
            )
        };
        let listed = profile("RemovableSystemExtensions");
        assert!(is_removable(&listed, Some("ABCDE12345"), "com.example.driver"));
        assert!(!is_removable(&listed, Some("OTHER00000"), "com.example.driver"));
        assert!(!is_removable(&listed, Some("ABCDE12345"), "com.example.driver2"));
        assert!(!is_removable(&listed, None, "com.example.driver"));
        assert!(!is_removable(&profile("AllowedSystemExtensions"), Some("ABCDE12345"), "com.example.driver"));
        assert!(!is_removable(
            "There are no configuration profiles installed",
            Some("ABCDE12345"),
            "com.example.driver"
        ));
    }
}
