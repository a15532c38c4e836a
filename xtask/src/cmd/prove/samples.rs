//! Makes what the experiments are made on, with the commands that a person would use.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    cmd::Context,
    config::Platform,
    error::{Doing, Error, Exit, Result},
    plan::{
        Action, Backend, BackendChoice, Exception, Plan, Request, Sdk, SdkOrigin, Task, Toolchain, Until,
    },
    prove::{Experiment, Sample, Samples, run, samples::DAMAGES},
    stage::{files, finish},
    terminal,
    tools::Call,
    workspace::Workspace,
};

/// Makes every sample that `experiments` use. What cannot be made is noted with its reason; an error is only Ctrl-C.
pub fn make(
    samples: &mut Samples,
    experiments: &[Experiment],
    workspace: &Workspace,
    context: &Context,
) -> Result {
    files::create_folder(&samples.scratch(""))?;
    let needed: Vec<Sample> = Sample::ALL.into_iter().filter(|it| run::uses(experiments, *it)).collect();
    for sample in Sample::ALL {
        // What is made from Apple's build needs it, whether or not an experiment does.
        let is_ground = sample == Sample::Apple
            && needed.iter().any(|it| *it != Sample::Probes && *it != Sample::Notarized);
        if !needed.contains(&sample) && !is_ground {
            continue;
        }
        if sample == Sample::Notarized && samples.notarized.is_none() {
            samples.failed(sample, "none was given (`--notarized PATH`)");
            continue;
        }
        terminal::step("Making", sample.title());
        match make_one(sample, samples, workspace, context) {
            Ok(()) => samples.made(sample),
            Err(error) if error.exit() == Exit::Interrupted => return Err(error),
            Err(error) => {
                terminal::warn(format_args!("{} cannot be made: {error}", sample.title()));
                samples.failed(sample, error.to_string());
            }
        }
    }
    Ok(())
}

fn make_one(sample: Sample, samples: &Samples, workspace: &Workspace, context: &Context) -> Result {
    let needs = |other: Sample| match samples.lacking(other) {
        Some(_) => Err(Error::tool(format!("{} is lacking", other.title()))),
        None => Ok(()),
    };
    match sample {
        Sample::Apple => build(sample, "adhoc", BackendChoice::Apple, samples, context),
        Sample::Portable => build(sample, "adhoc", BackendChoice::Portable, samples, context),
        Sample::Rehearsal => {
            needs(Sample::Apple)?;
            build(sample, "rehearsal", BackendChoice::Apple, samples, context)
        }
        Sample::Crossed => {
            needs(Sample::Apple)?;
            cross(samples, workspace, context)
        }
        Sample::Damaged => {
            needs(Sample::Apple)?;
            DAMAGES.iter().try_for_each(|it| damage(it, samples))
        }
        Sample::Probes => {
            files::write(&samples.probe("program.c"), PROGRAM.as_bytes(), 0o644)?;
            files::write(&samples.probe("driver.cpp"), DRIVER.as_bytes(), 0o644)
        }
        Sample::Notarized => match &samples.notarized {
            Some(path) if path.exists() => Ok(()),
            Some(path) => Err(Error::usage(format!("`{}` is not there", path.display()))),
            None => Err(Error::usage("none was given")),
        },
    }
}

/// The smallest program.
const PROGRAM: &str = "int main(void) { return 0; }\n";

/// The smallest image for DriverKit: the runtime supplies the entry.
const DRIVER: &str = "extern \"C\" __attribute__((used, visibility(\"default\"))) int xtask_prove = 1;\n";

/// Every sample is signed and packed by our own code, whoever built it: that is what Apple's tools are asked about.
fn ours() -> Vec<Exception> {
    [Task::Sign, Task::Package].map(|task| Exception { task, backend: Backend::Portable }).into()
}

/// Where a sample is built: the checkout, with a target folder of its own.
fn place(sample: Sample, samples: &Samples, workspace: &Workspace) -> Workspace {
    workspace.clone().working_in(samples.folder(sample))
}

fn planned(
    sample: Sample,
    signing: &str,
    backend: BackendChoice,
    samples: &Samples,
    workspace: &Workspace,
    context: &Context,
) -> Result<Plan> {
    let workspace = place(sample, samples, workspace);
    let mut toolchain = Toolchain::find(context.tools(), &workspace, backend)?;
    if backend == BackendChoice::Portable {
        // Against the same headers and stubs as Apple's build; our open subset would differ for reasons of its own.
        toolchain.driverkit = xcode_sdk(Platform::DriverKit, context)?;
        toolchain.macos = xcode_sdk(Platform::MacOs, context)?;
    }
    let request = Request {
        signing: signing.to_owned(),
        until: Until::Packaged,
        build: None,
        backend,
        exceptions: ours(),
        out: Some(samples.finished(sample)),
    };
    Plan::new(workspace, toolchain, &request)
}

fn xcode_sdk(platform: Platform, context: &Context) -> Result<Sdk> {
    let name = if platform == Platform::DriverKit { "driverkit" } else { "macosx" };
    let call = Call::new("xcrun", format!("ask where the SDK `{name}` is"));
    let path = context.tools().run(&call.args(["--sdk", name, "--show-sdk-path"]))?.text();
    Ok(Sdk { path: PathBuf::from(path.trim()), origin: SdkOrigin::Given })
}

/// `cargo xtask dist`, by our own program in a process of its own: what it prints about a sample is not our result.
fn build(
    sample: Sample,
    signing: &str,
    backend: BackendChoice,
    samples: &Samples,
    context: &Context,
) -> Result {
    let name = if backend == BackendChoice::Apple { "apple" } else { "portable" };
    let mut call = samples
        .ours(format!("make {}", sample.title()))
        .args(["dist", "--signing", signing, "--backend", name, "--out"])
        .arg(samples.finished(sample))
        .env("CARGO_TARGET_DIR", samples.folder(sample))
        .deadline(LONGEST_BUILD);
    for exception in ["sign=portable", "package=portable"] {
        call = call.args(["--backend-of", exception]);
    }
    if backend == BackendChoice::Portable {
        for (variable, platform) in [("DRIVERKIT_SDK", Platform::DriverKit), ("MACOS_SDK", Platform::MacOs)] {
            call = call.env(variable, xcode_sdk(platform, context)?.path);
        }
    }
    context.tools().run(&call).map(drop)
}

/// Compiling takes seconds; the keys of a rehearsal and a slow machine take minutes.
const LONGEST_BUILD: Duration = Duration::from_secs(30 * 60);

/// Apple's object files through our linker: the driver's link steps of the portable plan, on the inputs of Apple's.
fn cross(samples: &Samples, workspace: &Workspace, context: &Context) -> Result {
    let theirs = planned(Sample::Apple, "adhoc", BackendChoice::Apple, samples, workspace, context)?;
    let ours = planned(Sample::Crossed, "adhoc", BackendChoice::Portable, samples, workspace, context)?;
    let nothing = || Error::usage("the driver is prebuilt: there is nothing to link");
    let (Some(Some(apple)), Some(Some(portable))) = (theirs.drivers.first(), ours.drivers.first()) else {
        return Err(nothing());
    };
    for (apple, lld) in apple.slices.iter().zip(&portable.slices) {
        for (from, to) in apple.link.inputs.iter().zip(&lld.link.inputs) {
            files::create_folder(to.parent().unwrap_or(Path::new(".")))?;
            std::fs::copy(from, to).doing(|| format!("cannot copy `{}`", from.display()))?;
        }
        for step in [&lld.link, &lld.strip] {
            if let Action::Call(call) = &step.action {
                context.tools().run(call)?;
            }
        }
        let stripped = lld.finish.inputs.first().ok_or_else(nothing)?;
        let finished = finish::driver(&files::read(stripped)?)
            .map_err(|why| Error::tool("cannot finish the link").because(why))?;
        files::write(&samples.slice(Sample::Crossed, lld.arch), &finished, 0o755)?;
    }
    Ok(())
}

/// One copy, one damage.
fn damage(damage: &str, samples: &Samples) -> Result {
    let app = samples.damaged(damage);
    files::remove(&app)?;
    files::copy_tree(&samples.app(Sample::Apple), &app)?;
    let dext = samples.dext_of(&app);
    match damage {
        "altered-code" => {
            let path = dext.join(&samples.executable);
            let mut bytes = files::read(&path)?;
            // The middle of the file is code or data of a slice, which a page hash covers.
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 1;
            }
            files::write(&path, &bytes, 0o755)
        }
        "altered-info" => {
            let path = app.join("Contents/Info.plist");
            let text = String::from_utf8_lossy(&files::read(&path)?).into_owned();
            let altered = text.replacen("</string>", "x</string>", 1);
            if altered == text {
                return Err(Error::tool("the app's Info.plist has no text to alter"));
            }
            files::write(&path, altered.as_bytes(), 0o644)
        }
        _ => files::write(&app.join("Contents/Resources/added.txt"), b"added\n", 0o644),
    }
}
