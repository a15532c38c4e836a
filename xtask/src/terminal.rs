//! The story on stderr: steps, notes, colours that can be switched off, groups on GitHub Actions.
//!
//! stdout belongs to results; nothing here writes to it.

use std::{
    fmt,
    io::{IsTerminal, Write},
    sync::OnceLock,
};

use clap::ValueEnum;

/// How much of the story is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// One line a step.
    Normal,
    /// Each external call as well, ready to be pasted.
    Verbose,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where the story goes and how it looks. One per process.
#[derive(Debug)]
pub struct Terminal {
    verbosity: Verbosity,
    colored: bool,
    on_github: bool,
}

static TERMINAL: OnceLock<Terminal> = OnceLock::new();

/// Decides once how this process tells its story.
pub fn set_up(verbosity: Verbosity, color: Color) {
    let colored = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let wanted = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            std::io::stderr().is_terminal() && wanted("NO_COLOR") && !dumb
        }
    };
    let on_github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    // A second call (tests in one process) keeps the first decision.
    let _ = TERMINAL.set(Terminal { verbosity, colored, on_github });
}

fn terminal() -> &'static Terminal {
    TERMINAL.get_or_init(|| Terminal { verbosity: Verbosity::Normal, colored: false, on_github: false })
}

/// Whether the story is coloured.
pub fn is_colored() -> bool {
    terminal().colored
}

/// How much is told.
pub fn verbosity() -> Verbosity {
    terminal().verbosity
}

/// Whether a person watches: progress bars and questions make sense.
pub fn is_interactive() -> bool {
    std::io::stderr().is_terminal() && std::io::stdin().is_terminal() && !terminal().on_github
}

fn line(text: fmt::Arguments<'_>) {
    // Nobody left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn paint(code: &str, text: &str) -> String {
    if terminal().colored { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// One step of the work: a verb in the margin, then what it is done to.
pub fn step(verb: &str, what: impl fmt::Display) {
    if terminal().verbosity > Verbosity::Quiet {
        line(format_args!("{} {what}", paint("1;32", &format!("{verb:>12}"))));
    }
}

/// Something worth knowing that is not a step.
pub fn note(what: impl fmt::Display) {
    if terminal().verbosity > Verbosity::Quiet {
        line(format_args!("{} {what}", paint("1;36", &format!("{:>12}", "note"))));
    }
}

/// Something a person should look at.
pub fn warn(what: impl fmt::Display) {
    line(format_args!("{} {what}", paint("1;33", &format!("{:>12}", "warning"))));
}

/// An external call, as it could be pasted into a shell; told only with `-v`.
pub fn call(what: impl fmt::Display) {
    if terminal().verbosity >= Verbosity::Verbose {
        line(format_args!("{} {what}", paint("2", &format!("{:>12}", "$"))));
    }
}

/// The end of a run that did not work.
pub fn error(what: impl fmt::Display) {
    line(format_args!("{} {what}", paint("1;31", "error:")));
}

/// A foldable part of the story on GitHub Actions; a step elsewhere.
pub fn group<T>(title: &str, work: impl FnOnce() -> T) -> T {
    if terminal().on_github {
        line(format_args!("::group::{title}"));
    }
    let result = work();
    if terminal().on_github {
        line(format_args!("::endgroup::"));
    }
    result
}
