//! One call from beginning to end.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use crate::{
    codesign, machine, manual, notarytool, packaging, portable,
    record::{self, Call},
    script::{SCRIPT, Script, Scripted},
    security,
    synopsis::Words,
    xcrun,
};

/// Asked with this single argument, a stand-in says that it is one. No real tool knows it.
pub const QUESTION: &str = "--xtask-stand-in";

/// The variable that names the folder where stand-ins keep what the real tools keep in the system: keychains, the search list.
pub const STATE: &str = "XTASK_STAND_IN_STATE";

/// The variable that names the folder of stand-ins. A program under test that sees it is on a simulated Mac and says so; no stand-in works
/// without it, so nothing that one answers can be mistaken for a Mac's.
pub const STAND_INS: &str = "XTASK_STAND_INS";

/// What a tool that could do its work on this machine exits with here (EX_SOFTWARE): no real tool we stand in for uses it.
const CANNOT: u8 = 70;

/// What a tool answers.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Exit code.
    pub exit: u8,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// What was read from standard input.
    pub stdin: Option<String>,
}

impl Answer {
    /// Success, with this on standard output.
    pub(crate) fn says(stdout: impl Into<String>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    /// Failure, with this on standard error.
    pub(crate) fn fails(exit: u8, stderr: impl Into<String>) -> Self {
        Self { exit, stderr: stderr.into(), ..Self::default() }
    }

    /// The stand-in has no Mac to do it with, and nothing was scripted.
    pub(crate) fn cannot(tool: &str, what: &str) -> Self {
        Self::fails(
            CANNOT,
            format!("stand-in for `{tool}`: {what}: not without a Mac, and no script says what to answer\n"),
        )
    }
}

/// What one call works with.
#[derive(Debug)]
pub(crate) struct Bench {
    pub state: PathBuf,
}

/// The program.
pub fn main() -> ExitCode {
    let mut args = std::env::args_os().map(|it| it.to_string_lossy().into_owned());
    let name = args.next().unwrap_or_default();
    let tool = Path::new(&name).file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let args: Vec<String> = args.collect();
    match call(&tool, &args) {
        Ok(answer) => finish(&answer),
        Err(error) => finish(&Answer::fails(CANNOT, format!("stand-in for `{tool}`: {error}\n"))),
    }
}

fn finish(answer: &Answer) -> ExitCode {
    let is_out = io::stdout().write_all(answer.stdout.as_bytes()).and_then(|()| io::stdout().flush());
    let is_told = io::stderr().write_all(answer.stderr.as_bytes());
    // A closed pipe is the caller's wish; the exit code is all that is left to say.
    if is_out.and(is_told).is_err() { ExitCode::from(CANNOT) } else { ExitCode::from(answer.exit) }
}

fn call(tool: &str, args: &[String]) -> io::Result<Answer> {
    if let [only] = args
        && only == QUESTION
    {
        let answer =
            serde_json::json!({ "stand_in": tool, "version": env!("CARGO_PKG_VERSION"), "simulated": true });
        return Ok(Answer::says(format!("{answer}\n")));
    }
    let state = std::env::var_os(STATE).map(PathBuf::from).ok_or_else(|| {
        io::Error::other(format!("`{STATE}` names no folder: a stand-in works in tests only"))
    })?;
    if std::env::var_os(STAND_INS).is_none() {
        return Err(io::Error::other(format!(
            "`{STAND_INS}` is not set: whoever called takes this for a real Mac"
        )));
    }
    let bench = Bench { state };
    // `xcrun codesign …` is a call of codesign, made in a roundabout way: both are recorded.
    let (answer, scripted) = respond(tool, args, None, &bench)?;
    note(tool, args, &answer, scripted)?;
    Ok(answer)
}

/// Adds the call to the record, if there is one.
fn note(tool: &str, args: &[String], answer: &Answer, scripted: bool) -> io::Result<()> {
    let Some(file) = std::env::var_os(record::RECORD) else { return Ok(()) };
    let call = Call {
        tool: tool.to_owned(),
        args: args.to_vec(),
        stdin: answer.stdin.clone(),
        exit: answer.exit,
        scripted,
        simulated: true,
    };
    record::add(Path::new(&file), &call)
}

/// The answer to a call, and whether the script gave it. `sdk` is the one xcrun was asked for.
fn respond(tool: &str, args: &[String], sdk: Option<&str>, bench: &Bench) -> io::Result<(Answer, bool)> {
    let Some(page) = manual::page(tool) else {
        return Err(io::Error::other("there is no such stand-in"));
    };
    if tool == "xcrun"
        && let Some(inner) = xcrun::inner(args)
    {
        let (answer, scripted) = respond(inner.tool, inner.args, inner.sdk, bench)?;
        note(inner.tool, inner.args, &answer, scripted)?;
        return Ok((Answer { stdin: None, ..answer }, scripted));
    }
    let words = match page.check(args) {
        Ok(words) => words,
        Err(why) => {
            return Ok((
                Answer::fails(page.usage_exit, format!("{why}\nusage: see the manual page of {tool}\n")),
                false,
            ));
        }
    };
    if let Some(answer) = scripted(tool, args, bench)? {
        return Ok((answer, true));
    }
    behave(tool, args, &words, sdk, bench).map(|answer| (answer, false))
}

fn behave(
    tool: &str,
    args: &[String],
    words: &Words,
    sdk: Option<&str>,
    bench: &Bench,
) -> io::Result<Answer> {
    match tool {
        "security" => security::behave(words, bench),
        "codesign" => codesign::behave(words, bench),
        "notarytool" => notarytool::behave(words, bench),
        "xcrun" => Ok(xcrun::behave(words)),
        "ditto" if words.has("-c") && words.has("-k") => packaging::zip(words),
        "pkgbuild" => packaging::pkgbuild(words, bench),
        "hdiutil" => packaging::hdiutil(words),
        "clang" | "clang++" | "dsymutil" | "strip" | "lipo" | "ditto" | "iig" => {
            portable::make(tool, args, words, sdk)
        }
        _ => Ok(machine::behave(tool, words)),
    }
}

fn scripted(tool: &str, args: &[String], bench: &Bench) -> io::Result<Option<Answer>> {
    let Some(file) = std::env::var_os(SCRIPT) else { return Ok(None) };
    let script = Script::read(Path::new(&file))?;
    let Some(it) = script.answer(tool, args, &bench.state)? else { return Ok(None) };
    std::thread::sleep(Duration::from_millis(it.sleep_ms));
    leave_product(it)?;
    Ok(Some(Answer { exit: it.exit, stdout: it.stdout.clone(), stderr: it.stderr.clone(), stdin: None }))
}

fn leave_product(scripted: &Scripted) -> io::Result<()> {
    match (&scripted.product, &scripted.to) {
        (Some(product), Some(to)) => std::fs::copy(product, to).map(drop),
        (None, None) => Ok(()),
        _ => Err(io::Error::other("a script needs both `product` and `to`, or neither")),
    }
}

/// Reads standard input to its end.
pub(crate) fn standard_input() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}
