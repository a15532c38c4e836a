//! A call of an external program, as data: it can be printed, compared, recorded, and only then run.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use zeroize::Zeroizing;

/// Bytes that must not appear anywhere but on a child's standard input.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes; they are wiped when dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for the one place that uses them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Long enough for any one compiler or archiver call; whoever knows better says so.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(600);

/// One call of an external program.
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) purpose: String,
    pub(super) deadline: Duration,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) folder: Option<PathBuf>,
    pub(super) stdin: Option<Secret>,
    pub(super) hint: fn(&str) -> Option<String>,
    pub(super) is_shown: bool,
    pub(super) is_cleanup: bool,
}

impl Call {
    /// A call of `program` (a name searched on `PATH`, or a path), made in order to `purpose` ("compile `x.cpp`").
    pub fn new(program: impl Into<PathBuf>, purpose: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            purpose: purpose.into(),
            deadline: DEFAULT_DEADLINE,
            env: Vec::new(),
            folder: None,
            stdin: None,
            hint: |_| None,
            is_shown: false,
            is_cleanup: false,
        }
    }

    /// Adds one argument. Never a secret: argument lists are public.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments. Never a secret: argument lists are public.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The same call where every argument that ends in `from` ends in `to`.
    #[must_use]
    pub fn replacing(mut self, from: &str, to: &str) -> Self {
        for arg in &mut self.args {
            if let Some(stem) = arg.to_str().and_then(|text| text.strip_suffix(from)) {
                *arg = format!("{stem}{to}").into();
            }
        }
        self
    }

    /// Sets a variable of the child's environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Runs the child in `folder`; ours never changes.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// What the child reads from its standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: Secret) -> Self {
        self.stdin = Some(bytes);
        self
    }

    /// How long it may take before its process group is ended.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Lets the child write straight to our own output: for work that people watch, such as a test run.
    #[must_use]
    pub fn shown(mut self) -> Self {
        self.is_shown = true;
        self
    }

    /// The opposite of [`Call::shown`]: the output is handed back.
    #[must_use]
    pub fn quietly(mut self) -> Self {
        self.is_shown = false;
        self
    }

    /// Makes the call even after Ctrl-C: it takes away what must not stay.
    #[must_use]
    pub fn even_when_interrupted(mut self) -> Self {
        self.is_cleanup = true;
        self
    }

    /// Turns what the child wrote to stderr into one action for the user.
    #[must_use]
    pub fn hint(mut self, hint: fn(&str) -> Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// The program, as given.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The arguments, without the program.
    pub fn arguments(&self) -> &[OsString] {
        &self.args
    }

    /// Why the call is made.
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// Program and arguments as text, for plans and recordings.
    pub fn argv(&self) -> Vec<String> {
        let program = std::iter::once(self.program.as_os_str());
        program
            .chain(self.args.iter().map(OsString::as_os_str))
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{}={} ", name.to_string_lossy(), quoted(value))?;
        }
        f.write_str(&quoted(self.program.as_os_str()))?;
        for arg in &self.args {
            write!(f, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

/// `text` as a POSIX shell would need it.
fn quoted(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arg: &str, expected: &str) {
        assert_eq!(Call::new("tool", "try").arg(arg).to_string(), format!("tool {expected}"));
    }

    #[test]
    fn a_call_can_be_pasted_into_a_shell() {
        check("plain-1.2/x", "plain-1.2/x");
        check("two words", "'two words'");
        check("it's", r"'it'\''s'");
        check("", "''");
        check("$HOME", "'$HOME'");
    }

    #[test]
    fn a_secret_does_not_show_in_debug() {
        let call = Call::new("tool", "try").stdin(Secret::new(b"hunter2".to_vec()));
        assert!(!format!("{call:?}").contains("hunter2"));
        assert!(!format!("{call:?}").contains("104"), "not as a list of numbers either");
    }
}
