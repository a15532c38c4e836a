//! What a test wants the tools to answer.
//!
//! ```toml
//! [[result]]                       # the first entry that matches and is not used up
//! tool = "notarytool"
//! arguments = ["submit", "*.zip"]  # these words occur, in this order, others between them; `*` at an end stands for anything
//! after = 0                        # lets so many calls pass first: the third call fails, the others do not
//! times = 1                        # answers so many calls, then no longer; absent: always
//! exit = 69
//! stdout = "…"
//! stderr = "Error: HTTP status code: 500"
//! sleep-ms = 0                     # before it answers: for deadlines
//! product = "made.zip"             # copied to `to`
//! to = "out/made.zip"
//! ```
//!
//! The same in JSON: `{"result": [ … ]}`, when the file's name ends in `.json`.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// The variable that names the script.
pub const SCRIPT: &str = "XTASK_STAND_IN_SCRIPT";

/// A script.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    #[serde(default, rename = "result")]
    results: Vec<Scripted>,
}

/// One scripted answer.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scripted {
    /// The tool that answers.
    pub tool: String,
    /// Words that must occur in this order.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// How many calls that match go past before it answers.
    #[serde(default)]
    pub after: u32,
    /// How many calls it answers.
    pub times: Option<u32>,
    /// The exit code.
    #[serde(default)]
    pub exit: u8,
    /// Standard output.
    #[serde(default)]
    pub stdout: String,
    /// Standard error.
    #[serde(default)]
    pub stderr: String,
    /// Milliseconds before it answers.
    #[serde(default)]
    pub sleep_ms: u64,
    /// A file that the call leaves behind…
    pub product: Option<PathBuf>,
    /// …and where.
    pub to: Option<PathBuf>,
}

impl Script {
    /// Reads a script.
    pub fn read(file: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(file)?;
        let is_json = file.extension().is_some_and(|it| it == "json");
        let parsed = if is_json {
            serde_json::from_str(&text).map_err(|error| error.to_string())
        } else {
            toml::from_str(&text).map_err(|error| error.to_string())
        };
        parsed.map_err(|error| {
            io::Error::other(format!("the script `{}` makes no sense: {error}", file.display()))
        })
    }

    /// The answer to a call, used up once more. Uses are counted by files in `state`, which two calls cannot both make.
    pub fn answer(&self, tool: &str, args: &[String], state: &Path) -> io::Result<Option<&Scripted>> {
        for (index, it) in self.results.iter().enumerate() {
            if it.tool == tool && occur_in_order(&it.arguments, args) && use_up(it, index, state)? {
                return Ok(Some(it));
            }
        }
        Ok(None)
    }
}

/// Whether this call is one that the entry answers. Each call that matches takes the next number, which two calls cannot both have.
fn use_up(it: &Scripted, index: usize, state: &Path) -> io::Result<bool> {
    if it.after == 0 && it.times.is_none() {
        return Ok(true);
    }
    let folder = state.join("script-uses");
    fs::create_dir_all(&folder)?;
    let last = it.times.map_or(u32::MAX, |times| it.after.saturating_add(times));
    for nth in 0..last {
        match OpenOptions::new().write(true).create_new(true).open(folder.join(format!("{index}-{nth}"))) {
            Ok(_) => return Ok(nth >= it.after),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn occur_in_order(patterns: &[String], args: &[String]) -> bool {
    let mut args = args.iter();
    patterns.iter().all(|pattern| args.any(|it| is_like(pattern, it)))
}

fn is_like(pattern: &str, word: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), None) => word.ends_with(end),
        (None, Some(start)) => word.starts_with(start),
        (Some(_), Some(_)) => word.contains(pattern.trim_matches('*')),
        (None, None) => pattern == word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: &[&str], line: &str, expected: bool) {
        let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(occur_in_order(&owned(patterns.to_vec()), &owned(line.split(' ').collect())), expected);
    }

    #[test]
    fn words_match_in_order_with_others_between() {
        check(&[], "submit a.zip", true);
        check(&["submit", "*.zip"], "-v submit --wait a.zip", true);
        check(&["*.zip", "submit"], "submit a.zip", false);
        check(&["submit"], "resubmit", false);
        check(&["--key*"], "log --key-id 7", true);
        check(&["*key*"], "log monkeys", true);
        check(&["a", "a"], "a", false);
    }

    #[test]
    fn an_entry_is_used_up_and_the_next_one_answers() {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("script.toml");
        fs::write(
            &file,
            "[[result]]\ntool = \"a\"\ntimes = 2\nexit = 1\n[[result]]\ntool = \"a\"\nexit = 7\n",
        )
        .unwrap();
        let script = Script::read(&file).unwrap();
        let exits: Vec<_> =
            (0..4).map(|_| script.answer("a", &[], state.path()).unwrap().unwrap().exit).collect();
        assert_eq!(exits, [1, 1, 7, 7]);
        assert!(script.answer("b", &[], state.path()).unwrap().is_none());
    }

    #[test]
    fn an_entry_can_wait_for_its_call() {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("script.toml");
        fs::write(&file, "[[result]]\ntool = \"a\"\nafter = 2\ntimes = 1\nexit = 9\n").unwrap();
        let script = Script::read(&file).unwrap();
        let answered: Vec<_> =
            (0..5).map(|_| script.answer("a", &[], state.path()).unwrap().is_some()).collect();
        assert_eq!(answered, [false, false, true, false, false]);
    }

    #[test]
    fn a_key_that_is_not_known_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script.json");
        fs::write(&file, r#"{"result": [{"tool": "a", "exitt": 1}]}"#).unwrap();
        let error = Script::read(&file).unwrap_err().to_string();
        assert!(error.contains("exitt"), "{error}");
    }
}
