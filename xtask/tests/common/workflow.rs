//! A workflow of GitHub Actions as far as ours use it. Whatever is not known here is refused: a new feature must be thought about.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use stand_ins::Bench;
use xtask::stage::files;
use yaml_rust2::{Yaml, YamlLoader};

use super::common::Checkout;

type Map = BTreeMap<String, String>;

/// The file.
pub struct Workflow {
    env: Map,
    /// In the order of the file, which must be one in which they can run.
    pub jobs: Vec<Job>,
}

/// One job.
pub struct Job {
    /// Its key.
    pub id: String,
    needs: Vec<String>,
    /// Whether it runs on a Mac, hosted or our own.
    pub is_mac: bool,
    /// The values of `triple`, as an expression.
    matrix: Option<String>,
    outputs: Map,
    /// In order.
    pub steps: Vec<Step>,
}

/// One step.
pub struct Step {
    /// Its name.
    pub name: String,
    id: Option<String>,
    uses: Option<String>,
    with: Map,
    env: Map,
    /// The script.
    pub run: Option<String>,
    folder: Option<String>,
    /// Whether it runs after a failure, too.
    pub is_always: bool,
    /// Whether its failure is no failure of the job.
    may_fail: bool,
}

/// How a step ended.
pub struct Outcome {
    /// Its name.
    pub step: String,
    /// Exit code.
    pub code: i32,
    /// Both outputs.
    pub said: String,
}

fn text(yaml: &Yaml) -> Option<String> {
    match yaml {
        Yaml::String(text) | Yaml::Real(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(value) => Some(value.to_string()),
        Yaml::BadValue | Yaml::Null => None,
        other => panic!("{other:?} is no text"),
    }
}

fn map(yaml: &Yaml) -> Map {
    let all = yaml.as_hash().into_iter().flatten();
    all.map(|(key, value)| (text(key).unwrap(), text(value).unwrap())).collect()
}

#[track_caller]
fn only(yaml: &Yaml, known: &[&str]) {
    for (key, _) in yaml.as_hash().unwrap() {
        let key = key.as_str().unwrap();
        assert!(known.contains(&key), "`{key}` is not known to this test");
    }
}

impl Workflow {
    /// Reads it.
    pub fn parse(source: &str) -> Self {
        let documents = YamlLoader::load_from_str(source).unwrap();
        let [top] = documents.as_slice() else { panic!("{} documents", documents.len()) };
        only(top, &["name", "on", "permissions", "defaults", "concurrency", "env", "jobs"]);
        assert_eq!(top["defaults"]["run"]["shell"].as_str(), Some("bash"));
        let jobs = top["jobs"].as_hash().unwrap().iter();
        Self {
            env: map(&top["env"]),
            jobs: jobs.map(|(id, job)| Job::parse(id.as_str().unwrap(), job)).collect(),
        }
    }
}

impl Job {
    fn parse(id: &str, job: &Yaml) -> Self {
        // Of these, name, if, machine, time, environment, permissions and concurrency change nothing about files.
        only(
            job,
            &[
                "name",
                "if",
                "needs",
                "runs-on",
                "timeout-minutes",
                "environment",
                "permissions",
                "concurrency",
                "outputs",
                "strategy",
                "steps",
            ],
        );
        let needs = match &job["needs"] {
            Yaml::Array(all) => all.iter().filter_map(text).collect(),
            one => text(one).into_iter().collect(),
        };
        Self {
            id: id.to_owned(),
            needs,
            is_mac: match &job["runs-on"] {
                Yaml::Array(labels) => labels.iter().any(|it| it.as_str() == Some("macOS")),
                label => text(label).unwrap().starts_with("macos-"),
            },
            matrix: text(&job["strategy"]["matrix"]["triple"]),
            outputs: map(&job["outputs"]),
            steps: job["steps"].as_vec().unwrap().iter().map(Step::parse).collect(),
        }
    }

    fn names_a_secret(&self) -> bool {
        self.steps.iter().any(|step| step.env.values().any(|it| it.contains("secrets.")))
    }
}

impl Step {
    fn parse(step: &Yaml) -> Self {
        only(
            step,
            &["name", "id", "uses", "with", "env", "run", "if", "working-directory", "continue-on-error"],
        );
        let condition = text(&step["if"]);
        assert!(matches!(condition.as_deref(), None | Some("always()")), "{condition:?}");
        Self {
            name: text(&step["name"]).unwrap(),
            id: text(&step["id"]),
            uses: text(&step["uses"]),
            with: map(&step["with"]),
            env: map(&step["env"]),
            run: text(&step["run"]),
            folder: text(&step["working-directory"]),
            is_always: condition.is_some(),
            may_fail: step["continue-on-error"].as_bool() == Some(true),
        }
    }
}

/// What goes wrong in a step that calls our program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The machine ends it: SIGTERM after so many milliseconds.
    Ended(u32),
    /// It does its work, and the step fails all the same.
    Late,
}

/// Runs jobs; keeps what they hand on.
pub struct Runner {
    desk: tempfile::TempDir,
    env: Map,
    outputs: Map,
    mac: Option<Bench>,
    fault: Option<(String, Fault)>,
}

/// What every secret is here, as text that could be one in base64; and what it stands for.
const SECRET: &str = "c2VjcmV0LTRmMWMtbmV2ZXItc2Vlbg==";
const SECRET_TEXT: &str = "secret-4f1c-never-seen";

impl Runner {
    /// A machine with `cargo` and `gh` that do what this test wants.
    pub fn new(workflow: &Workflow, signing: &str) -> Self {
        let mut env = workflow.env.clone();
        if let Some(value) = env.get_mut("SIGNING") {
            signing.clone_into(value);
        }
        let desk = tempfile::tempdir().unwrap();
        let runner = Self { desk, env, outputs: Map::new(), mac: None, fault: None };
        // A rehearsal's root is in no list of trusted ones: whoever verifies is told about it.
        let root = "dist/rehearsal-root.pem";
        let trust = format!("[ \"$1\" = verify ] && [ -f {root} ] && set -- \"$@\" --trust-root {root}");
        let tool = |name: &str, script: &str| {
            let path = runner.place("tools").join(name);
            fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        tool(
            "cargo",
            &format!(
                "[ \"$1\" = xtask ] || exit 70\nshift\n{trust}\n\
                 case ${{FAULT:-none}} in none) exec '{0}' \"$@\";; late) '{0}' \"$@\"; exit 75;; esac\n\
                 '{0}' \"$@\" & pid=$!\nsleep \"$FAULT\"\nkill -TERM $pid\nwait $pid\n\
                 code=$?; [ $code = 0 ] && code=75; exit $code",
                env!("CARGO_BIN_EXE_xtask")
            ),
        );
        tool(
            "gh",
            "for file in \"$@\"; do case $file in dist/*) cp \"$file\" \"$PUBLISHED\" || exit 1;; esac; done",
        );
        runner
    }

    /// The same, where jobs for a Mac run on a simulated one.
    #[must_use]
    pub fn with_mac(mut self, mac: Bench) -> Self {
        self.mac = Some(mac);
        self
    }

    /// The tools that jobs for a Mac asked for; `None` without a simulated one.
    pub fn calls_on_the_mac(&self) -> Option<Vec<String>> {
        let calls = self.mac.as_ref()?.calls().unwrap();
        Some(calls.into_iter().map(|it| it.tool).collect())
    }

    /// Nothing goes wrong from now on.
    pub fn heal(&mut self) {
        self.fault = None;
    }

    /// From now on the step of this name goes wrong.
    pub fn fail(&mut self, step: &str, fault: Fault) {
        self.fault = Some((step.to_owned(), fault));
    }

    fn place(&self, name: &str) -> PathBuf {
        let path = self.desk.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// The files of an artifact, sorted.
    pub fn artifact(&self, name: &str) -> Vec<String> {
        list(&self.place(&format!("artifacts/{name}")))
    }

    /// The files that the release got, sorted.
    pub fn published(&self) -> Vec<String> {
        list(&self.place("published"))
    }

    /// Runs a job, for each value of its matrix.
    pub fn run(&mut self, job: &Job) -> Vec<Outcome> {
        let values = job.matrix.as_deref().map(|it| {
            let name = it.strip_prefix("${{ fromJSON(").and_then(|it| it.strip_suffix(") }}")).unwrap();
            serde_json::from_str::<Vec<String>>(self.outputs.get(name).unwrap()).unwrap()
        });
        for name in &job.needs {
            assert!(self.outputs.contains_key(&format!("needs.{name}")), "{} runs before {name}", job.id);
        }
        match values {
            None => self.run_once(job, None),
            Some(values) => values.iter().flat_map(|it| self.run_once(job, Some(it))).collect(),
        }
    }

    fn run_once(&mut self, job: &Job, triple: Option<&str>) -> Vec<Outcome> {
        let temp = tempfile::tempdir().unwrap();
        let mut known = self.outputs.clone();
        known.extend(triple.map(|it| ("matrix.triple".to_owned(), it.to_owned())));
        known.insert("runner.temp".to_owned(), temp.path().display().to_string());
        known.insert("github.run_attempt".to_owned(), "1".to_owned());
        for name in ["token", "repository", "ref_name"] {
            known.insert(format!("github.{name}"), format!("made-up-{name}"));
        }
        let checkout = Checkout::new();
        let empty = tempfile::tempdir().unwrap();
        let mut folder = empty.path().to_owned();
        let keys = checkout.file("target/rehearsal");
        let vault = self.desk.path().join("vault");
        if job.names_a_secret() && vault.exists() {
            super::common::copy(&vault, &keys);
        }
        let mut outcomes: Vec<Outcome> = Vec::new();
        for step in &job.steps {
            // What needs a Mac ends with its own code and must not hide the steps after it.
            let is_meant = |it: &Outcome| self.fault.as_ref().is_some_and(|fault| fault.0 == it.step);
            let is_broken =
                outcomes.iter().any(|it| !matches!(it.code, 0 | 3 | 4) || (is_meant(it) && it.code != 0));
            if is_broken && !step.is_always {
                continue;
            }
            let with = |name: &str| step.with.get(name).map(|it| substitute(it, &known));
            if let Some(script) = &step.run {
                let output = temp.path().join("github-output");
                fs::write(&output, "").unwrap();
                let mut outcome = self.shell(job, step, script, &folder, &known, &temp);
                if step.may_fail && outcome.code == 1 {
                    outcome.code = 0;
                }
                outcomes.push(outcome);
                for line in fs::read_to_string(&output).unwrap().lines() {
                    let (name, value) = line.split_once('=').unwrap();
                    known.insert(
                        format!("steps.{}.outputs.{name}", step.id.as_ref().unwrap()),
                        value.to_owned(),
                    );
                }
                fs::remove_file(output).unwrap();
                continue;
            }
            match step.uses.as_deref().and_then(|it| it.split('@').next()).unwrap() {
                "actions/checkout" => folder = checkout.path(),
                "actions/upload-artifact" => {
                    let name = with("name").unwrap();
                    let goal = self.desk.path().join("artifacts").join(&name);
                    if self.fault.is_some() {
                        // An attempt after the first: GitHub lets it replace what the job uploaded before.
                        files::remove(&goal).unwrap();
                    }
                    assert!(!goal.exists(), "the artifact `{name}` exists");
                    let is_wanted = with("if-no-files-found").as_deref() == Some("error");
                    let count = upload(&folder, &with("path").unwrap(), &goal);
                    // The recording of a try-out is the one thing that no Mac means no file.
                    assert!(count > 0 || !is_wanted || name.starts_with("recording-"), "`{name}` is empty");
                    if let Some(id) = &step.id {
                        known.insert(format!("steps.{id}.outputs.artifact-id"), name);
                    }
                }
                "actions/download-artifact" => {
                    assert_eq!(with("merge-multiple").as_deref(), Some("true"));
                    let goal = folder.join(with("path").unwrap());
                    let pattern = with("artifact-ids").or_else(|| with("pattern")).unwrap();
                    let pattern = glob::Pattern::new(&pattern).unwrap();
                    for artifact in fs::read_dir(self.place("artifacts")).unwrap() {
                        let artifact = artifact.unwrap();
                        if pattern.matches(artifact.file_name().to_str().unwrap()) {
                            bring(&artifact.path(), &list(&artifact.path()), &goal);
                        }
                    }
                }
                "actions/attest-build-provenance" | "actions/attest-sbom" => {
                    for file in ["subject-checksums", "sbom-path"].into_iter().filter_map(with) {
                        assert!(folder.join(&file).is_file(), "{file}");
                    }
                }
                other => panic!("`{other}` is not known to this test"),
            }
        }
        self.assert_tidy(job, &checkout, temp.path());
        if job.names_a_secret() && !vault.exists() {
            super::common::copy(&keys, &vault);
        }
        if self.fault.is_none() && outcomes.iter().all(|it| matches!(it.code, 0 | 3 | 4)) {
            for (name, value) in &job.outputs {
                self.outputs.insert(format!("needs.{}.outputs.{name}", job.id), substitute(value, &known));
            }
        }
        self.outputs.insert(format!("needs.{}", job.id), String::new());
        outcomes
    }

    /// Whatever happened: no secret in a file, no keychain, no entry in the search list, no half product.
    fn assert_tidy(&self, job: &Job, checkout: &Checkout, temp: &Path) {
        assert_eq!(list(temp), Vec::<String>::new(), "{} leaves secrets behind", job.id);
        if self.fault.is_some() {
            // What was ended has a moment to end.
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        let home = self.place("home");
        for top in [checkout.path(), home.clone()] {
            for name in list(&top) {
                let bytes = match fs::read(top.join(&name)) {
                    // A compiler that was ended takes its own temporary files away.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    bytes => bytes.unwrap(),
                };
                let has = |needle: &str| bytes.windows(needle.len()).any(|it| it == needle.as_bytes());
                assert!(!has(SECRET) && !has(SECRET_TEXT), "{}: a secret is in {name}", job.id);
                assert!(!name.ends_with(".keychain-db"), "{}: a keychain is left: {name}", job.id);
            }
        }
        // Finished things appear by one rename: what is there is whole, and nothing half done lies beside it.
        let finished = checkout.file("dist");
        let is_built_here =
            job.steps.iter().any(|it| it.run.as_ref().is_some_and(|it| it.contains("xtask dist")));
        if is_built_here && finished.exists() {
            assert!(finished.join("SHA256SUMS").is_file(), "{}: half a product in dist/", job.id);
        }
        let benches: Vec<String> =
            list(&checkout.path()).into_iter().filter(|it| it.contains("/.xtask-")).collect();
        assert_eq!(benches, Vec::<String>::new(), "{}: half done work is left", job.id);
        if let Some(mac) = &self.mac {
            let mut list = Command::new(mac.tools().join("security"));
            let output = list.args(["list-keychains", "-d", "user"]).envs(mac.env()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let entries: Vec<&str> = said.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
            assert!(output.status.success() && entries.len() == 1, "{}: the search list is {said}", job.id);
        }
    }

    fn shell(
        &self,
        job: &Job,
        step: &Step,
        script: &str,
        folder: &Path,
        known: &Map,
        temp: &tempfile::TempDir,
    ) -> Outcome {
        let mut path = vec![self.place("tools")];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
        command.current_dir(step.folder.as_ref().map_or_else(|| folder.to_owned(), |it| folder.join(it)));
        for name in ["CARGO_MANIFEST_DIR", "CARGO_TARGET_DIR", "DRIVERKIT_SDK", "MACOS_SDK", "GITHUB_ACTIONS"]
        {
            command.env_remove(name);
        }
        command.env("PATH", std::env::join_paths(path).unwrap());
        command.env("CI", "true").env("SOURCE_DATE_EPOCH", "1790000000");
        command.env("GITHUB_OUTPUT", temp.path().join("github-output")).env("RUNNER_TEMP", temp.path());
        command.env("PUBLISHED", self.place("published"));
        if let Some(mac) = self.mac.as_ref().filter(|_| job.is_mac) {
            command.envs(mac.env()).env("HOME", self.place("home")).env_remove("XDG_CACHE_HOME");
        }
        if let Some((_, fault)) = self.fault.as_ref().filter(|it| it.0 == step.name) {
            command.env(
                "FAULT",
                match fault {
                    Fault::Late => "late".to_owned(),
                    Fault::Ended(after) => format!("{}.{:03}", after / 1000, after % 1000),
                },
            );
        }
        command.envs(self.env.iter().chain(&step.env).map(|(name, value)| (name, substitute(value, known))));
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        Outcome {
            step: step.name.clone(),
            code: output.status.code().unwrap_or(-1),
            said: String::from_utf8_lossy(&said).into_owned(),
        }
    }
}

/// Replaces each expression by its value.
fn substitute(text: &str, known: &Map) -> String {
    let mut parts = text.split("${{");
    let mut done = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").unwrap();
        let name = name.trim();
        match name.strip_prefix("secrets.") {
            Some(_) => done += SECRET,
            None => done += known.get(name).unwrap_or_else(|| panic!("`{name}` has no value here")),
        }
        done += rest;
    }
    done
}

/// As GitHub's action: the first line says what, lines with `!` what not; paths are kept from the first wildcard on; modes are lost.
fn upload(folder: &Path, patterns: &str, goal: &Path) -> usize {
    let (without, with): (Vec<&str>, Vec<&str>) = patterns.lines().partition(|it| it.starts_with('!'));
    let [pattern] = with.as_slice() else { panic!("{} patterns", with.len()) };
    let stem: Vec<&str> = pattern.split('/').take_while(|it| !it.contains('*')).collect();
    let is_wild = stem.len() < pattern.split('/').count();
    let without: Vec<glob::Pattern> =
        without.iter().map(|it| glob::Pattern::new(it.trim_start_matches('!')).unwrap()).collect();
    let wanted = glob::Pattern::new(pattern).unwrap();
    let from = folder.join(stem.join("/"));
    let top = stem.join("/");
    let top = top.trim_end_matches('/');
    let names = if from.is_dir() { list(&from) } else { Vec::new() };
    let chosen: Vec<String> = names
        .into_iter()
        .filter(|name| !is_wild || wanted.matches(&format!("{top}/{name}")))
        .filter(|name| !without.iter().any(|it| it.matches(&format!("{top}/{name}"))))
        .collect();
    bring(&from, &chosen, goal);
    chosen.len()
}

fn bring(from: &Path, names: &[String], goal: &Path) {
    for name in names {
        let to = goal.join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(&to, fs::read(from.join(name)).unwrap()).unwrap();
    }
}

/// The files below a folder, as paths relative to it, sorted.
fn list(folder: &Path) -> Vec<String> {
    let all = files::walk(folder).unwrap();
    let files = all.iter().filter(|it| matches!(it.kind, files::Kind::File));
    files.map(|it| it.path.to_str().unwrap().to_owned()).collect()
}
