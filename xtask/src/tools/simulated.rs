//! A Mac that does not exist: a folder of stand-ins under the names of Apple's tools, named by one variable.
//!
//! Nobody is misled in either direction. A stand-in works only where the variable is set, and where it is set the host calls itself
//! simulated, whatever machine it really is: a real Mac with the variable set tells nothing that counts. A folder that holds anything but
//! stand-ins is refused, so no real tool answers under a simulated name.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Call, Host, Os, Toolbox};
use crate::error::{Doing, Error, Result};

/// The variable that names the folder of stand-ins.
pub const STAND_INS: &str = "XTASK_STAND_INS";

/// Asked with this one argument, a stand-in says what it is. No real tool knows it.
const QUESTION: &str = "--xtask-stand-in";

impl Host {
    /// The Mac that stand-ins pretend to be.
    pub fn simulated_mac() -> Self {
        Self { os: Os::MacOs, arch: "aarch64".to_owned(), simulated: true }
    }
}

impl Toolbox {
    /// This machine; or, where the environment names a folder of stand-ins, the Mac that they pretend to be.
    pub fn here() -> Result<Self> {
        match std::env::var_os(STAND_INS).filter(|it| !it.is_empty()) {
            None => Ok(Self::new()),
            Some(folder) => Self::new().simulating(Path::new(&folder)),
        }
    }

    /// The Mac whose tools are the stand-ins in `folder`.
    pub fn simulating(self, folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder)
            .doing_as_asked(|| format!("`{STAND_INS}` names `{}`", folder.display()))?;
        ask_all(&self, &folder)?;
        Ok(self.with_stand_ins(folder).on(Host::simulated_mac()))
    }
}

/// Asks every program in the folder what it is; those that are the same file are asked once.
fn ask_all(tools: &Toolbox, folder: &Path) -> Result {
    let cannot = || format!("cannot simulate a Mac with `{}`", folder.display());
    let mut programs: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for entry in fs::read_dir(folder).doing_as_asked(cannot)? {
        let path = entry.doing_as_asked(cannot)?.path();
        programs.insert(fs::canonicalize(&path).doing_as_asked(cannot)?, path);
    }
    if programs.is_empty() {
        return Err(Error::usage(cannot()).because("the folder is empty"));
    }
    for path in programs.values() {
        let call = Call::new(path, format!("ask `{}` whether it is a stand-in", path.display()))
            .arg(QUESTION)
            .deadline(Duration::from_secs(10));
        let output = tools.try_run(&call)?;
        if !output.status.success() || !says_so(&output.text()) {
            return Err(Error::usage(cannot()).because(format!("`{}` is no stand-in", path.display())).hint(
                format!("unset `{STAND_INS}`, or let it name a folder of stand-ins and nothing else"),
            ));
        }
    }
    Ok(())
}

/// `{"stand_in": NAME, "simulated": true, …}`.
fn says_so(answer: &str) -> bool {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
    answer.get("stand_in").is_some_and(serde_json::Value::is_string)
        && answer.get("simulated").and_then(serde_json::Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder_with(script: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let tool = folder.path().join("xcrun");
        fs::write(&tool, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    #[track_caller]
    fn check(script: &str, refusal: Option<&str>) {
        let folder = folder_with(script);
        match (Toolbox::new().simulating(folder.path()), refusal) {
            (Ok(tools), None) => assert_eq!(tools.host(), &Host::simulated_mac()),
            (Err(error), Some(why)) => assert!(error.to_string().contains(why), "{error}"),
            (result, _) => panic!("{result:?}"),
        }
    }

    #[test]
    fn only_stand_ins_make_a_simulated_mac() {
        check(r#"echo '{"stand_in": "xcrun", "simulated": true}'"#, None);
        check(r#"echo '{"stand_in": "xcrun", "simulated": true}'; exit 1"#, Some("is no stand-in"));
        check(r#"echo '{"stand_in": "xcrun"}'"#, Some("is no stand-in"));
        check("echo xcrun version 70.", Some("is no stand-in"));
    }

    #[test]
    fn an_empty_folder_or_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| Toolbox::new().simulating(path).unwrap_err().to_string();
        assert!(error(folder.path()).contains("is empty"));
        assert!(error(&folder.path().join("none")).contains("cannot simulate"));
    }

    #[test]
    fn a_tool_of_the_simulated_mac_is_found_before_all_others_and_by_its_path() {
        let folder = folder_with(r#"echo '{"stand_in": "xcrun", "simulated": true}'"#);
        let tools = Toolbox::new().simulating(folder.path()).unwrap();
        let xcrun = Some(folder.path().join("xcrun"));
        assert_eq!(tools.find("xcrun"), xcrun);
        assert_eq!(tools.find("/usr/bin/xcrun"), xcrun);
        assert_eq!(tools.find("/no/such/bin/xcrun"), None);
        assert!(tools.find("sh").is_some(), "what a Mac has and nobody stands in for");
    }
}
