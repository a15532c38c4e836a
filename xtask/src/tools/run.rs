//! Runs a [`Call`]: its own process group, a deadline, Ctrl-C, and failures told as *doing → cause → hint*.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    error::{Error, Exit, Result},
    interrupt::{self, Watched},
    terminal,
    tools::{
        Call, Host,
        record::{Answers, Ended, Recorded, Script},
    },
};

/// What a program may write before we stop keeping it. Compiler errors of a bad day are a few megabytes.
const MAX_OUTPUT: u64 = 64 << 20;

/// How long a child may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(3);

/// What a call left.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Standard output as text, invalid bytes replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text, invalid bytes replaced.
    pub fn complaints(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Finds and runs programs.
#[derive(Debug)]
pub struct Toolbox {
    host: Host,
    found: Mutex<BTreeMap<PathBuf, Option<PathBuf>>>,
    search: Vec<PathBuf>,
    stand_ins: Option<PathBuf>,
    began: Instant,
    recorded: Option<Mutex<Vec<Recorded>>>,
    answers: Option<Answers>,
}

impl Toolbox {
    /// Programs of this machine.
    pub fn new() -> Self {
        Self {
            host: Host::real(),
            found: Mutex::default(),
            search: Vec::new(),
            stand_ins: None,
            began: Instant::now(),
            recorded: None,
            answers: None,
        }
    }

    /// Keeps every call with its answer; [`Toolbox::recording`] hands them out.
    #[must_use]
    pub fn keeping_a_record(mut self) -> Self {
        self.recorded = Some(Mutex::default());
        self
    }

    /// Runs nothing: every call is answered from a recording, on the host that it describes.
    #[must_use]
    pub fn replaying(mut self, calls: Vec<Recorded>, host: Host) -> Self {
        self.answers = Some(Answers::recorded(calls));
        self.host = host;
        self
    }

    /// Runs nothing: a function answers. Whatever is learned so is marked as simulated.
    #[must_use]
    pub fn scripted(mut self, script: Script, host: Host) -> Self {
        self.answers = Some(Answers::Scripted(script));
        self.host = Host { simulated: true, ..host };
        self
    }

    /// Whether calls are answered from a recording.
    pub fn is_replaying(&self) -> bool {
        self.answers.is_some()
    }

    /// The calls so far, when a record is kept.
    pub fn recording(&self) -> Vec<Recorded> {
        let recorded =
            self.recorded.as_ref().map(|it| it.lock().unwrap_or_else(PoisonError::into_inner).clone());
        recorded.unwrap_or_default()
    }

    /// Looks into `folders` before `PATH`: versioned compilers, tools kept in the user's cache, stand-ins.
    #[must_use]
    pub fn searching(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        self.search.extend(folders);
        self
    }

    /// Looks into a folder of stand-ins before everything else.
    pub(super) fn with_stand_ins(mut self, folder: PathBuf) -> Self {
        self.stand_ins = Some(folder);
        self.look_again();
        self
    }

    /// A host made up by a test.
    #[must_use]
    pub fn on(mut self, host: Host) -> Self {
        self.host = host;
        self
    }

    /// Facts about the machine.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Where `program` is, if it is anywhere.
    pub fn find(&self, program: impl AsRef<Path>) -> Option<PathBuf> {
        let program = program.as_ref();
        if let Some(answers) = &self.answers {
            return answers.knows(&program.to_string_lossy()).then(|| program.to_owned());
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.entry(program.to_owned()).or_insert_with(|| self.search(program)).clone()
    }

    /// Forgets what was and was not found: something was installed.
    pub fn look_again(&self) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn search(&self, program: &Path) -> Option<PathBuf> {
        if let Some(found) = self.stand_in(program) {
            return Some(found);
        }
        if program.components().count() > 1 {
            return which::which(program).ok();
        }
        let ours =
            self.search.iter().map(|folder| folder.join(program)).find_map(|path| which::which(path).ok());
        ours.or_else(|| which::which(program).ok())
    }

    /// The stand-in for `program`, given by name or by the path that it has on a Mac.
    fn stand_in(&self, program: &Path) -> Option<PathBuf> {
        let folder = self.stand_ins.as_ref()?;
        let is_of_the_system = ["", "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/libexec"]
            .map(Path::new)
            .contains(&program.parent()?);
        let path = folder.join(program.file_name()?);
        (is_of_the_system && path.is_file()).then_some(path)
    }

    /// Runs a call that must succeed.
    pub fn run(&self, call: &Call) -> Result<Output> {
        let output = self.try_run(call)?;
        if output.status.success() {
            return Ok(output);
        }
        if !call.is_cleanup {
            interrupt::check()?;
        }
        let complaints = output.complaints();
        let said = if complaints.trim().is_empty() { output.text() } else { complaints.clone() };
        let program = call.program.display();
        let error = Error::tool(format!("cannot {}", call.purpose))
            .because(format!("`{program}` ended with {}", ended(output.status)));
        let error = if said.trim().is_empty() { error } else { error.because(said) };
        Err(match (call.hint)(&complaints) {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }

    /// Runs a call whose failure is an answer too. An error means that it could not be run to its end.
    pub fn try_run(&self, call: &Call) -> Result<Output> {
        if !call.is_cleanup {
            interrupt::check()?;
        }
        if let Some(answers) = &self.answers {
            let answer = answers.next(call);
            if let (Some(answer), Some(recorded)) = (&answer, &self.recorded) {
                recorded.lock().unwrap_or_else(PoisonError::into_inner).push(answer.clone());
            }
            return replayed(answer, call);
        }
        let Some(program) = self.find(&call.program) else {
            self.record(call, Duration::ZERO, Ended::Missing, None);
            return Err(missing(call));
        };
        terminal::call(call);
        let start = Instant::now();
        let result = match start_and_wait(call, &program) {
            Err(error) if error.exit() == Exit::Interrupted => {
                self.record(call, start.elapsed(), Ended::Interrupted, None);
                return Err(error);
            }
            other => other?,
        };
        let ended = match &result {
            None => Ended::Deadline,
            Some(output) => match (output.status.code(), output.status.signal()) {
                (Some(code), _) => Ended::Code(code),
                (None, signal) => Ended::Signal(signal.unwrap_or(0)),
            },
        };
        self.record(call, start.elapsed(), ended, result.as_ref());
        result.ok_or_else(|| too_long(call))
    }

    fn record(&self, call: &Call, took: Duration, ended: Ended, output: Option<&Output>) {
        if let Some(recorded) = &self.recorded {
            let at = self.began.elapsed().saturating_sub(took);
            let entry = Recorded::new(call, at, took, ended, output);
            recorded.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        }
    }
}

fn cannot(call: &Call) -> Error {
    Error::tool(format!("cannot {}", call.purpose))
}

fn missing(call: &Call) -> Error {
    cannot(call)
        .because(format!("`{}` is not installed", call.program.display()))
        .hint("`cargo xtask doctor` lists what is missing, `cargo xtask setup` installs it")
}

fn too_long(call: &Call) -> Error {
    cannot(call).because(format!(
        "`{}` took longer than {} s",
        call.program.display(),
        call.deadline.as_secs()
    ))
}

/// The recorded answer, failures included.
fn replayed(answer: Option<Recorded>, call: &Call) -> Result<Output> {
    let Some(recorded) = answer else {
        return Err(Error::incomplete(format!("cannot {}", call.purpose))
            .because(format!("the recording has no answer to `{call}`")));
    };
    match (recorded.ended, recorded.output()) {
        (_, Err(why)) => Err(cannot(call).because(format!("the recorded output is damaged: {why}"))),
        (_, Ok(Some(output))) => Ok(output),
        (Ended::Missing, _) => Err(missing(call)),
        (Ended::Interrupted, _) => Err(Error::interrupted()),
        (_, Ok(None)) => Err(too_long(call)),
    }
}

/// Runs a program to its end; `None` when its deadline passed first.
fn start_and_wait(call: &Call, program: &Path) -> Result<Option<Output>> {
    let cannot = || cannot(call);
    let shell = xshell::Shell::new().map_err(|error| cannot().because(error))?;
    let args = &call.args;
    let mut command: Command = xshell::cmd!(shell, "{program} {args...}").into();
    command.envs(call.env.iter().map(|(name, value)| (name, value)));
    if let Some(folder) = &call.folder {
        command.current_dir(folder);
    }
    let stdin = if call.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
    let output = || if call.is_shown { Stdio::inherit() } else { Stdio::piped() };
    command.stdin(stdin).stdout(output()).stderr(output()).process_group(0);

    let mut child = command.spawn().map_err(|error| cannot().because(error))?;
    // Ctrl-C must not end what cleans up after it.
    let watch = if call.is_cleanup { Watched::sheltered } else { Watched::new };
    let group = watch(child.id());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let stdin = child.stdin.take();
    thread::scope(|scope| {
        let stdout = scope.spawn(|| read_all(stdout));
        let stderr = scope.spawn(|| read_all(stderr));
        if let (Some(mut pipe), Some(bytes)) = (stdin, &call.stdin) {
            // A child that does not read all of it says so by its exit status.
            let _ = pipe.write_all(bytes.expose());
        }
        let status = wait(&mut child, &group, call);
        // The pipes close when the last of the group is gone.
        let output = |reader: thread::ScopedJoinHandle<'_, Vec<u8>>| reader.join().unwrap_or_default();
        let (stdout, stderr) = (output(stdout), output(stderr));
        match status {
            Ok(Some(status)) => Ok(Some(Output { status, stdout, stderr })),
            Ok(None) if interrupt::happened() && !call.is_cleanup => Err(Error::interrupted()),
            Ok(None) => Ok(None),
            Err(error) => Err(cannot().because(error)),
        }
    })
}

impl Default for Toolbox {
    fn default() -> Self {
        Self::new()
    }
}

/// Waits for the child; `None` when it had to be ended.
fn wait(
    child: &mut std::process::Child,
    group: &Watched,
    call: &Call,
) -> std::io::Result<Option<ExitStatus>> {
    let stops = || interrupt::happened() && !call.is_cleanup;
    let start = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            let interrupted = stops() && !status.success();
            return Ok((!interrupted).then_some(status));
        }
        if start.elapsed() > call.deadline || stops() {
            break;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    group.kill(Signal::TERM);
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
    group.kill(Signal::KILL);
    child.wait()?;
    Ok(None)
}

fn read_all(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What arrived before a broken pipe is still worth showing; the rest is drained so that the child can end.
        let _ = pipe.by_ref().take(MAX_OUTPUT).read_to_end(&mut bytes);
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
    }
    bytes
}

fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no status".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::Secret;

    fn shell(script: &str) -> Call {
        Call::new("sh", "try a script").arg("-c").arg(script)
    }

    #[test]
    fn a_failure_says_what_was_being_done_and_shows_the_whole_complaint() {
        let error = Toolbox::new().run(&shell("echo one >&2; echo two >&2; exit 7")).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("cannot try a script"), "{text}");
        assert!(text.contains("exit code 7") && text.contains("one") && text.contains("two"), "{text}");
        assert_eq!(error.exit(), Exit::Tool);
    }

    #[test]
    fn a_missing_program_names_itself_and_the_way_out() {
        let error = Toolbox::new().run(&Call::new("no-such-program-here", "try")).unwrap_err().to_string();
        assert!(error.contains("`no-such-program-here` is not installed"), "{error}");
        assert!(error.contains("cargo xtask setup"), "{error}");
    }

    #[test]
    fn a_deadline_ends_the_whole_process_group() {
        let start = Instant::now();
        let call = shell("sleep 30 & sleep 30").deadline(Duration::from_millis(100));
        let error = Toolbox::new().run(&call).unwrap_err().to_string();
        assert!(error.contains("took longer"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(10), "the grandchild kept the pipe open");
    }

    #[test]
    fn a_recording_answers_as_the_programs_did() {
        let live = Toolbox::new().keeping_a_record();
        let (good, bad) = (shell("echo out; echo err >&2"), shell("exit 3"));
        let slow = shell("sleep 9").deadline(Duration::from_millis(50));
        let missing = Call::new("no-such-program-here", "try");
        let calls = [&good, &bad, &slow, &missing];
        let told = |tools: &Toolbox| {
            calls.map(|call| tools.run(call).map(|it| it.stdout).map_err(|it| it.to_string()))
        };
        let first = told(&live);
        let again = Toolbox::new().replaying(live.recording(), Host::real());
        assert_eq!(told(&again), first);
        let error = again.run(&good).unwrap_err();
        assert_eq!(error.exit(), Exit::Incomplete, "an answer is given once: {error}");
    }

    #[test]
    fn a_secret_travels_on_standard_input() {
        let output = Toolbox::new().run(&shell("cat").stdin(Secret::new(b"s3cret".to_vec()))).unwrap();
        assert_eq!(output.stdout, b"s3cret");
    }
}
