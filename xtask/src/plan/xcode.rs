//! Which Xcode answers: the one that `DEVELOPER_DIR` names, else the one that `xcode-select` has selected.
//!
//! Its version decides what is compiled, so it stands in the plan, in every step's stamp and in the manifest.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use crate::{
    error::{Error, Result},
    tools::{Call, Toolbox},
};

/// The first `xcodebuild` after an update of Xcode looks around for a while.
const DEADLINE: Duration = Duration::from_secs(120);

/// An Xcode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Xcode {
    /// `…/Xcode.app/Contents/Developer`.
    pub developer_dir: PathBuf,
    /// Who chose it: `DEVELOPER_DIR` or `xcode-select`.
    pub chosen_by: &'static str,
    /// "26.2".
    pub version: String,
    /// "17C52".
    pub build: String,
}

impl Xcode {
    /// Asks which Xcode is selected, and what it is.
    pub fn selected(tools: &Toolbox) -> Result<Self> {
        let given = std::env::var_os("DEVELOPER_DIR").filter(|it| !it.is_empty()).map(PathBuf::from);
        let (developer_dir, chosen_by) = match given {
            Some(folder) => (folder, "DEVELOPER_DIR"),
            None => {
                let call = Call::new("xcode-select", "ask which Xcode is selected").arg("-p").hint(no_xcode);
                (PathBuf::from(tools.run(&call)?.text().trim()), "xcode-select")
            }
        };
        let call = Call::new("xcodebuild", "ask Xcode for its version")
            .arg("-version")
            .deadline(DEADLINE)
            .hint(no_xcode);
        let said = tools.run(&call)?.text();
        let (version, build) = parse(&said).ok_or_else(|| {
            Error::tool(format!("cannot {}", call.purpose())).because(format!("it says `{}`", said.trim()))
        })?;
        Ok(Self { developer_dir, chosen_by, version, build })
    }

    /// Where the SDK of a platform is. `driverkit` is in every full Xcode and in no Command Line Tools.
    pub fn sdk(tools: &Toolbox, name: &str) -> Result<PathBuf> {
        let call =
            Call::new("xcrun", format!("find the SDK `{name}`")).args(["--sdk", name, "--show-sdk-path"]);
        Ok(PathBuf::from(tools.run(&call.deadline(DEADLINE).hint(no_sdk))?.text().trim()))
    }

    /// How a person names it.
    pub fn name(&self) -> String {
        format!("Xcode {} ({})", self.version, self.build)
    }
}

/// `Xcode 26.2\nBuild version 17C52\n`.
fn parse(said: &str) -> Option<(String, String)> {
    let after = |words: &str| Some(said.lines().find_map(|it| it.strip_prefix(words))?.trim().to_owned());
    Some((after("Xcode ")?, after("Build version ")?))
}

fn no_xcode(said: &str) -> Option<String> {
    let hint = if said.contains("command line tools instance") {
        "the Command Line Tools have no DriverKit: install Xcode, then `sudo xcode-select -s /Applications/Xcode.app`"
    } else if said.contains("license") {
        "accept it once: `sudo xcodebuild -license accept`"
    } else {
        "install Xcode, then `sudo xcode-select -s /Applications/Xcode.app`, or set `DEVELOPER_DIR`"
    };
    Some(hint.to_owned())
}

fn no_sdk(_: &str) -> Option<String> {
    let hint = "select a full Xcode: `sudo xcode-select -s /Applications/Xcode.app`, or set `DEVELOPER_DIR`; without one, `--backend portable`";
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &str, expected: Option<(&str, &str)>) {
        assert_eq!(parse(said), expected.map(|(version, build)| (version.to_owned(), build.to_owned())));
    }

    #[test]
    fn the_version_is_read_from_two_lines() {
        check("Xcode 26.2\nBuild version 17C52\n", Some(("26.2", "17C52")));
        check("Xcode 26.2\n", None);
        check("xcrun: error", None);
    }

    #[test]
    fn each_way_to_have_no_xcode_has_its_way_out() {
        let hint = |said: &str| no_xcode(said).unwrap();
        assert!(
            hint("active developer directory '…' is a command line tools instance").contains("no DriverKit")
        );
        assert!(hint("You have not agreed to the Xcode license agreements").contains("-license accept"));
        assert!(hint("unable to get active developer directory").contains("install Xcode"));
    }
}
