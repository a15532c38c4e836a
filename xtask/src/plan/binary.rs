//! How one binary is made: from interfaces and sources, for each architecture, to one universal file.

use std::path::{Path, PathBuf};

use super::{Action, Backend, Plan, Sdk, SdkOrigin, Stage, Step, Tool, Toolchain, file_name};
use crate::{
    config::{App, Arch, DottedVersion, Driver, Origin, Platform},
    error::{Error, Result},
    tools::Call,
};

/// A binary that is compiled and linked here.
#[derive(Debug)]
pub struct Binary {
    /// "driver com.example.x" or "app USB Driver Host": names its steps.
    pub name: String,
    /// The platform of every slice.
    pub platform: Platform,
    /// Whose tools.
    pub backend: Backend,
    /// Headers and stubs.
    pub sdk: Sdk,
    /// `.iig` to `.h` and `.iig.cpp`.
    pub generate: Vec<Step>,
    /// What is done for each architecture.
    pub slices: Vec<SliceSteps>,
    /// The universal binary.
    pub universal: PathBuf,
    /// The universal debug information, a `.dSYM` folder.
    pub symbols: PathBuf,
}

/// The steps of one slice, in order.
#[derive(Debug)]
pub struct SliceSteps {
    /// The architecture.
    pub arch: Arch,
    /// Source to object files.
    pub compile: Vec<Step>,
    /// Object files to an image.
    pub link: Step,
    /// Debug information out of the image.
    pub symbols: Step,
    /// The image without debug information.
    pub strip: Step,
    /// What the portable linker leaves undone.
    pub finish: Step,
    /// The finished slice.
    pub slice: PathBuf,
    /// Its debug information (the DWARF file itself).
    pub dwarf: PathBuf,
}

/// What differs between drivers and apps.
struct Recipe<'a> {
    label: &'a str,
    executable: &'a str,
    platform: Platform,
    minimum: DottedVersion,
    sdk_version: DottedVersion,
    arches: Vec<Arch>,
    sources: &'a [PathBuf],
    frameworks: &'a [String],
    language: &'a str,
    folder: PathBuf,
}

impl Binary {
    /// The plan for a driver's binary; `None` when it is prebuilt.
    pub(super) fn of_driver(driver: &Driver, plan: &Plan) -> Result<Option<Self>> {
        let Origin::Build { sources } = &driver.origin else { return Ok(None) };
        let recipe = Recipe {
            label: "driver",
            executable: driver.executable(),
            platform: Platform::DriverKit,
            minimum: *driver.minimum_driverkit,
            sdk_version: *driver.sdk_driverkit,
            arches: driver.triples.iter().map(|triple| triple.arch).collect(),
            sources,
            frameworks: &driver.frameworks,
            language: &driver.language,
            folder: parent(&driver.file),
        };
        let mut binary = Self::new(&recipe, plan);
        let generated = match &driver.generated {
            Some(folder) => checked_in(driver, folder)?,
            None => {
                let folder = plan.stage_dir().join(driver.executable()).join("generated");
                binary.generate =
                    driver.interfaces.iter().map(|iig| generate(iig, &folder, &recipe, plan)).collect();
                folder
            }
        };
        let interfaces: Vec<PathBuf> =
            driver.interfaces.iter().map(|iig| generated.join(format!("{}.iig.cpp", stem(iig)))).collect();
        let headers =
            binary.generate.iter().flat_map(|step| step.outputs.iter().cloned()).collect::<Vec<_>>();
        binary.slices = recipe
            .arches
            .iter()
            .map(|arch| slice(*arch, &recipe, &interfaces, &headers, Some(&generated), plan))
            .collect();
        Ok(Some(binary))
    }

    /// The plan for the app's binary; `None` when it is prebuilt.
    pub(super) fn of_app(app: &App, plan: &Plan) -> Result<Option<Self>> {
        let Origin::Build { sources } = &app.origin else { return Ok(None) };
        let recipe = Recipe {
            label: "app",
            executable: app.executable(),
            platform: Platform::MacOs,
            minimum: *app.minimum_macos,
            sdk_version: sdk_version(&plan.toolchain.macos)?,
            arches: app.triples.iter().map(|triple| triple.arch).collect(),
            sources,
            frameworks: &app.frameworks,
            language: "",
            folder: parent(&app.file),
        };
        let mut binary = Self::new(&recipe, plan);
        binary.slices =
            recipe.arches.iter().map(|arch| slice(*arch, &recipe, &[], &[], None, plan)).collect();
        Ok(Some(binary))
    }

    fn new(recipe: &Recipe<'_>, plan: &Plan) -> Self {
        let folder = plan.stage_dir().join(recipe.executable).join("universal");
        Self {
            name: format!("{} {}", recipe.label, recipe.executable),
            platform: recipe.platform,
            backend: plan.toolchain.backend,
            sdk: plan.toolchain.sdk(recipe.platform).clone(),
            generate: Vec::new(),
            slices: Vec::new(),
            symbols: folder.join(format!("{}.dSYM", recipe.executable)),
            universal: folder.join(recipe.executable),
        }
    }

    /// All steps, in an order that works.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = self.generate.clone();
        for slice in &self.slices {
            steps.extend(slice.compile.iter().cloned());
            steps.extend([&slice.link, &slice.symbols, &slice.strip, &slice.finish].map(Clone::clone));
        }
        let arches: Vec<&str> = self.slices.iter().map(|slice| slice.arch.name()).collect();
        steps.push(Step {
            name: format!("merge {}", self.name),
            stage: Stage::Merge,
            backend: Backend::Portable,
            action: Action::Builtin(format!("join {} at 2^14, without arm64e", arches.join(", "))),
            inputs: self.slices.iter().map(|slice| slice.slice.clone()).collect(),
            discovered: None,
            outputs: vec![self.universal.clone()],
        });
        steps
    }
}

fn parent(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("/")).to_owned()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The macOS version of an SDK, from its own settings.
fn sdk_version(sdk: &Sdk) -> Result<DottedVersion> {
    let path = sdk.path.join("SDKSettings.json");
    let cannot = || Error::usage(format!("cannot read the version of the SDK `{}`", sdk.path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| cannot().because(error))?;
    let settings: serde_json::Value = serde_json::from_str(&text).map_err(|error| cannot().because(error))?;
    let version = settings.get("Version").and_then(serde_json::Value::as_str);
    let version = version.ok_or_else(|| cannot().because("`SDKSettings.json` has no `Version`"))?;
    version.parse().map_err(|why: String| cannot().because(why))
}

/// A folder with checked-in output of a generator: beside each `X.iig.cpp` lies `X.iig.sha256`, which must be current.
fn checked_in(driver: &Driver, folder: &Path) -> Result<PathBuf> {
    for iig in &driver.interfaces {
        let name = file_name(iig);
        let stale = || {
            Error::usage(format!(
                "the generated sources of `{name}` in `{}` cannot be used",
                folder.display()
            ))
        };
        let hint = "generate them again with Apple's `iig` or `cargo xtask iig --out DIR`, or set `generated = \"\"`";
        let recorded = folder.join(format!("{name}.sha256"));
        let recorded = std::fs::read_to_string(&recorded).map_err(|error| {
            stale().because(format!("cannot read `{}`: {error}", recorded.display())).hint(hint)
        })?;
        let recorded = recorded.split_whitespace().next().unwrap_or_default().to_owned();
        let text = std::fs::read(iig).map_err(|error| stale().because(error))?;
        let actual = crate::stage::stamp::hex_digest(&text);
        if recorded != actual {
            return Err(stale()
                .because(format!("they are stale: made from {recorded}, `{name}` now is {actual}"))
                .hint(hint));
        }
    }
    Ok(folder.to_owned())
}

fn generate(iig: &Path, folder: &Path, recipe: &Recipe<'_>, plan: &Plan) -> Step {
    let header = folder.join(format!("{}.h", stem(iig)));
    let implementation = folder.join(format!("{}.iig.cpp", stem(iig)));
    let sdk = &plan.toolchain.driverkit;
    let action = match &plan.toolchain.iig {
        Some(iig_tool) => Action::Call(
            apple(iig_tool, "driverkit", "iig", format!("generate from `{}`", file_name(iig)))
                .arg("--def")
                .arg(iig)
                .arg("--header")
                .arg(&header)
                .arg("--impl")
                .arg(&implementation)
                .args(["--deployment-target", &recipe.minimum.to_string(), "--"])
                .args(["-x", "c++", "-std=c++17", "-D__IIG=1"])
                .arg(format!("-I{}", recipe.folder.display())),
        ),
        None => {
            Action::Builtin(format!("generate `{}` and `{}`", file_name(&header), file_name(&implementation)))
        }
    };
    Step {
        name: format!("generate {} {}", recipe.executable, file_name(iig)),
        stage: Stage::Generate,
        backend: plan.toolchain.backend,
        action,
        inputs: vec![iig.to_owned()],
        discovered: plan.toolchain.iig.is_none().then(|| folder.join(format!("{}.iig.d", stem(iig)))),
        outputs: vec![header, implementation],
    }
    .reading(&sdk.path.join("SDKSettings.json"))
}

impl Step {
    fn reading(mut self, path: &Path) -> Self {
        self.inputs.push(path.to_owned());
        self
    }
}

fn slice(
    arch: Arch,
    recipe: &Recipe<'_>,
    interfaces: &[PathBuf],
    headers: &[PathBuf],
    generated: Option<&Path>,
    plan: &Plan,
) -> SliceSteps {
    let toolchain = &plan.toolchain;
    let folder = plan.stage_dir().join(recipe.executable).join(arch.name());
    let all = recipe.sources.iter().chain(interfaces);
    let compile: Vec<Step> =
        all.map(|source| compile(source, arch, recipe, headers, generated, &folder, plan)).collect();
    let objects: Vec<PathBuf> = compile.iter().flat_map(|step| step.outputs.iter().cloned()).collect();

    let step = |verb: &str, stage, action, inputs, outputs| Step {
        name: format!("{verb} {} {arch}", recipe.executable),
        stage,
        backend: toolchain.backend,
        action,
        inputs,
        discovered: None,
        outputs,
    };
    let linked = folder.join("linked");
    let dwarf = folder.join("dwarf");
    let stripped = folder.join("stripped");
    let finished = folder.join(recipe.executable);

    let prefix = format!("{}/", plan.workspace.root().display());
    let link = step(
        "link",
        Stage::Link,
        Action::Call(link(arch, recipe, &objects, &linked, plan)),
        objects.clone(),
        vec![linked.clone()],
    );
    let mut inputs = objects;
    inputs.insert(0, linked.clone());
    let symbols = symbols_call(toolchain, &linked, &dwarf, &prefix);
    let symbols = step("symbols", Stage::Symbols, Action::Call(symbols), inputs, vec![dwarf.clone()]);
    let strip = strip_call(toolchain, &linked, &stripped);
    let strip = step("strip", Stage::Symbols, Action::Call(strip), vec![linked], vec![stripped.clone()]);
    let words = match recipe.platform {
        Platform::DriverKit => "remove LC_MAIN, add LC_SOURCE_VERSION, as Apple's linker would have",
        Platform::MacOs => "check that it is an unsigned image for macOS",
    };
    let finish = Action::Builtin(words.to_owned());
    let finish = step("finish", Stage::Link, finish, vec![stripped], vec![finished.clone()]);
    SliceSteps { arch, compile, link, symbols, strip, finish, slice: finished, dwarf }
}

/// `xcrun --sdk SDK TOOL`.
fn apple(tool: &Tool, sdk: &str, name: &str, purpose: String) -> Call {
    Call::new(&tool.name, purpose).args(["--sdk", sdk, name])
}

fn apple_sdk(platform: Platform) -> &'static str {
    match platform {
        Platform::DriverKit => "driverkit",
        Platform::MacOs => "macosx",
    }
}

fn compile(
    source: &Path,
    arch: Arch,
    recipe: &Recipe<'_>,
    headers: &[PathBuf],
    generated: Option<&Path>,
    folder: &Path,
    plan: &Plan,
) -> Step {
    let toolchain = &plan.toolchain;
    let name = file_name(source);
    let object = folder.join(format!("{name}.o"));
    let depends = folder.join(format!("{name}.d"));
    let root = plan.workspace.root();
    let purpose = format!("compile `{}` for {arch}", plan.workspace.shown(source));
    let (tool, driver) = match recipe.platform {
        Platform::DriverKit => (&toolchain.cxx, "clang++"),
        Platform::MacOs => (&toolchain.cc, "clang"),
    };
    let sdk = toolchain.sdk(recipe.platform);
    let call = match toolchain.backend {
        Backend::Portable => Call::new(&tool.name, purpose),
        Backend::Apple => apple(tool, apple_sdk(recipe.platform), driver, purpose),
    };
    let call = call.args(["-target", &format!("{arch}-apple-{}{}", recipe.platform.name(), recipe.minimum)]);
    let call = with_sdk(call, sdk);
    let call = match recipe.platform {
        Platform::DriverKit => {
            call.args([&format!("-std={}", recipe.language), "-fno-exceptions", "-fno-rtti"])
        }
        Platform::MacOs => call.arg("-fobjc-arc"),
    };
    let call = call.args(["-O2", "-g", "-Wall", "-Wextra"]);
    // The same bytes wherever the checkout lies.
    let call = call.arg(format!("-ffile-prefix-map={}=.", root.display())).arg("-ffile-compilation-dir=.");
    let call = match generated {
        Some(generated) => call.arg("-I").arg(generated),
        None => call,
    };
    let call = call.arg("-I").arg(&recipe.folder).args(["-MMD", "-MF"]).arg(&depends);
    let call = call.arg("-c").arg(source).arg("-o").arg(&object).folder(root);
    let mut inputs = vec![source.to_owned()];
    inputs.extend(headers.iter().cloned());
    Step {
        name: format!("compile {} {arch} {name}", recipe.executable),
        stage: Stage::Compile,
        backend: toolchain.backend,
        action: Action::Call(call),
        inputs,
        discovered: Some(depends),
        outputs: vec![object],
    }
}

/// `-isysroot`, unless xcrun says it in the environment.
fn with_sdk(call: Call, sdk: &Sdk) -> Call {
    match sdk.origin {
        SdkOrigin::Xcode => call,
        SdkOrigin::Open | SdkOrigin::Given => call.arg("-isysroot").arg(&sdk.path),
    }
}

fn link(arch: Arch, recipe: &Recipe<'_>, objects: &[PathBuf], image: &Path, plan: &Plan) -> Call {
    let toolchain = &plan.toolchain;
    let sdk = toolchain.sdk(recipe.platform);
    let purpose = format!("link `{}` for {arch}", recipe.executable);
    let prefix = format!("{}/", plan.workspace.root().display());
    let frameworks = recipe.frameworks.iter().flat_map(|name| ["-framework".to_owned(), name.clone()]);
    let call = match toolchain.backend {
        Backend::Portable => {
            let call = Call::new(&toolchain.linker.name, purpose)
                .args(["-dynamic", "-arch", arch.name(), "-platform_version", recipe.platform.name()])
                .args([recipe.minimum.to_string(), recipe.sdk_version.to_string()])
                .arg("-syslibroot")
                .arg(&sdk.path)
                .arg(format!("-L{}", sdk.libraries(recipe.platform).display()))
                .arg(format!("-F{}", sdk.frameworks(recipe.platform).display()));
            match recipe.platform {
                // An entry point that exists in every image: LC_MAIN goes away afterwards, and no `_main` is needed.
                // Without -fixup_chains lld wants dyld_stub_binder, which DriverKit does not have.
                Platform::DriverKit => {
                    call.args(["-e", "__mh_execute_header", "-encryptable", "-fixup_chains", "-lc++"])
                }
                Platform::MacOs => call.args(["-lobjc", "-lSystem"]),
            }
            .args(["-no_adhoc_codesign", "-oso_prefix", &prefix])
        }
        Backend::Apple => {
            let (tool, driver) = match recipe.platform {
                Platform::DriverKit => (&toolchain.cxx, "clang++"),
                Platform::MacOs => (&toolchain.cc, "clang"),
            };
            with_sdk(apple(tool, apple_sdk(recipe.platform), driver, purpose), sdk)
                .args(["-target", &format!("{arch}-apple-{}{}", recipe.platform.name(), recipe.minimum)])
                .args([
                    "-Xlinker",
                    "-reproducible",
                    "-Xlinker",
                    "-no_adhoc_codesign",
                    "-Xlinker",
                    "-oso_prefix",
                    "-Xlinker",
                    &prefix,
                ])
        }
    };
    call.args(frameworks)
        .arg("-o")
        .arg(image)
        .args(objects.iter().map(|object| object.as_os_str().to_owned()))
}

fn symbols_call(toolchain: &Toolchain, linked: &Path, dwarf: &Path, prefix: &str) -> Call {
    let purpose = format!("extract the debug information of `{}`", linked.display());
    let call = match toolchain.backend {
        Backend::Portable => Call::new(&toolchain.dsymutil.name, purpose),
        Backend::Apple => apple(&toolchain.dsymutil, "macosx", "dsymutil", purpose),
    };
    // The debug map holds relative paths, because -oso_prefix removed the checkout from them.
    call.arg("--flat").args(["--oso-prepend-path", prefix]).arg("-o").arg(dwarf).arg(linked)
}

fn strip_call(toolchain: &Toolchain, linked: &Path, stripped: &Path) -> Call {
    let purpose = format!("strip `{}`", linked.display());
    let call = match toolchain.backend {
        Backend::Portable => Call::new(&toolchain.strip.name, purpose),
        Backend::Apple => apple(&toolchain.strip, "macosx", "strip", purpose),
    };
    call.arg("-S").arg("-o").arg(stripped).arg(linked)
}
