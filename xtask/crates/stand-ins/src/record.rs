//! What was called, one line of JSON per call, in the order the calls ended.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
};

/// The variable that names the file calls are added to.
pub const RECORD: &str = "XTASK_STAND_IN_RECORD";

/// One call of a stand-in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Call {
    /// The tool it stood in for.
    pub tool: String,
    /// The arguments, the tool's name left out. Bytes that are not UTF-8 are replaced.
    pub args: Vec<String>,
    /// What it read from standard input, when it read any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Its exit code.
    pub exit: u8,
    /// Whether the answer came from the test's script.
    #[serde(default)]
    pub scripted: bool,
    /// Always true: nothing recorded here was done by a Mac.
    pub simulated: bool,
}

impl Call {
    /// The call as one line, to compare with: `codesign --sign ID A.app`.
    pub fn line(&self) -> String {
        let words: Vec<&str> = std::iter::once(&self.tool).chain(&self.args).map(String::as_str).collect();
        words.join(" ")
    }
}

/// Adds a call to the file. One write of one line, so that calls made at the same time do not mix.
pub fn add(file: &Path, call: &Call) -> io::Result<()> {
    let mut line = serde_json::to_vec(call)?;
    line.push(b'\n');
    OpenOptions::new().create(true).append(true).open(file)?.write_all(&line)
}

/// Reads the calls of a file; a file that does not exist holds none.
pub fn read(file: &Path) -> io::Result<Vec<Call>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}
