//! Interfaces and sources to universal binaries: carries out the steps of the plan that are due.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use super::{files, finish, merge, stamp::Stamps};
use crate::{
    config::Platform,
    error::{Doing, Error, Result},
    interrupt,
    plan::{Action, Backend, Binary, Plan, SliceSteps, Step, Xcode},
    terminal,
    tools::Toolbox,
};

pub mod slices;

/// A universal binary that lies below `target/dist/stage`, unsigned, stripped.
#[derive(Debug)]
pub struct Universal {
    path: PathBuf,
    symbols: PathBuf,
}

impl Universal {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its debug information, a `.dSYM` folder.
    pub fn symbols(&self) -> &Path {
        &self.symbols
    }
}

/// Every binary of the product: the drivers' in the order of the configuration, then the app's. `None` is prebuilt.
#[derive(Debug)]
pub struct Built {
    pub(super) drivers: Vec<Option<Universal>>,
    pub(super) app: Option<Universal>,
}

impl Built {
    /// The debug information of everything built here.
    pub fn symbols(&self) -> Vec<&Path> {
        self.drivers.iter().flatten().chain(&self.app).map(Universal::symbols).collect()
    }
}

/// Builds every binary of the plan; triples and files run in parallel.
pub fn build(tools: &Toolbox, plan: &Plan, stamps: &Stamps) -> Result<Built> {
    require_tools(tools, plan)?;
    let runner = Runner { tools, plan, stamps };
    let binaries: Vec<&Binary> = plan.binaries().collect();
    runner.all(binaries.iter().flat_map(|binary| &binary.generate).collect())?;
    let slices = || binaries.iter().flat_map(|binary| &binary.slices);
    runner.all(slices().flat_map(|slice| &slice.compile).collect())?;
    runner.each(slices().collect(), |slice| runner.finish_slice(slice))?;
    runner.each(binaries, |binary| runner.merge(binary))?;
    Ok(built(plan))
}

/// The artifacts of a plan whose binaries are all merged.
fn built(plan: &Plan) -> Built {
    let universal =
        |binary: &Binary| Universal { path: binary.universal.clone(), symbols: binary.symbols.clone() };
    Built {
        drivers: plan.drivers.iter().map(|binary| binary.as_ref().map(universal)).collect(),
        app: plan.app.as_ref().map(universal),
    }
}

/// One error that lists all that is missing.
fn require_tools(tools: &Toolbox, plan: &Plan) -> Result {
    if plan.binaries().next().is_none() {
        return Ok(());
    }
    let missing: Vec<&str> = plan.toolchain.missing().iter().map(|tool| tool.name.as_str()).collect();
    if plan.toolchain.backend == Backend::Apple && plan.toolchain.xcode.is_none() {
        Xcode::selected(tools)?;
    }
    if missing.is_empty() {
        return match plan.toolchain.backend {
            // Asked here, or a machine with the Command Line Tools alone fails in the middle.
            Backend::Apple if plan.drivers.iter().any(Option::is_some) => {
                Xcode::sdk(tools, "driverkit").map(drop)
            }
            Backend::Apple | Backend::Portable => Ok(()),
        };
    }
    Err(Error::tool("cannot build: tools are missing")
        .because(missing.join(", "))
        .hint("`cargo xtask setup` installs them; so does `cargo xtask dist --setup` before it builds"))
}

struct Runner<'a> {
    tools: &'a Toolbox,
    plan: &'a Plan,
    stamps: &'a Stamps,
}

impl Runner<'_> {
    fn all(&self, steps: Vec<&Step>) -> Result {
        self.each(steps, |step| self.run(step))
    }

    /// Does `work` for all items in parallel. Every failure is told, not only the first.
    fn each<T: Sync>(&self, items: Vec<&T>, work: impl Fn(&T) -> Result + Sync) -> Result {
        let failures: Vec<Error> = items.par_iter().filter_map(|item| work(item).err()).collect();
        interrupt::check()?;
        let mut failures = failures.into_iter();
        let Some(last) = failures.next() else { return Ok(()) };
        failures.for_each(|failure| terminal::error(&failure));
        Err(last)
    }

    fn finish_slice(&self, slice: &SliceSteps) -> Result {
        self.run(&slice.link)?;
        self.run(&slice.symbols)?;
        self.run(&slice.strip)?;
        self.run(&slice.finish)
    }

    /// Does a step unless its result is still good.
    fn run(&self, step: &Step) -> Result {
        interrupt::check()?;
        let mut key = self.stamps.key(&step.name);
        match &step.action {
            Action::Call(call) => {
                call.argv().iter().for_each(|arg| key.text(arg));
                if let Some(xcode) = &self.plan.toolchain.xcode {
                    key.text(&xcode.build);
                }
                if let Some(program) = self.tools.find(call.program()) {
                    self.add_tool(&mut key, &program);
                }
            }
            Action::Builtin(words) => {
                key.text(words);
                self.stamps.add_program(&mut key);
            }
        }
        for input in &step.inputs {
            self.stamps.add_file(&mut key, input)?;
        }
        if self.stamps.is_fresh(&step.name, &key) {
            return Ok(());
        }
        self.stamps.forget(&step.name)?;
        for output in &step.outputs {
            files::create_folder(output.parent().unwrap_or(Path::new(".")))?;
        }
        let (verb, rest) = step.name.split_once(' ').unwrap_or((&step.name, ""));
        terminal::step(gerund(verb), rest);
        match &step.action {
            Action::Call(call) => {
                let complaints = self.tools.run(call)?.complaints();
                if !complaints.trim().is_empty() {
                    terminal::warn(format_args!("{}\n{}", call.purpose(), complaints.trim_end()));
                }
            }
            Action::Builtin(_) => self.builtin(step)?,
        }
        let discovered = match &step.discovered {
            Some(file) => read_by_the_compiler(file, self.plan.workspace.root())?,
            None => Vec::new(),
        };
        self.stamps.record(&step.name, key, discovered, &step.outputs)
    }

    /// A tool is itself an input. Its size and time stand for its version: asking each time would cost a process.
    fn add_tool(&self, key: &mut super::stamp::Key, program: &Path) {
        key.text(&program.to_string_lossy());
        if let Ok(meta) = fs::metadata(program) {
            key.text(&format!("{} {:?}", meta.len(), meta.modified().ok()));
        }
    }

    fn builtin(&self, step: &Step) -> Result {
        if step.name.starts_with("generate ") {
            return super::generate::generate(step, self.plan);
        }
        let [input] = step.inputs.as_slice() else {
            return Err(Error::tool(format!("step `{}` has no single input", step.name)));
        };
        let [output] = step.outputs.as_slice() else {
            return Err(Error::tool(format!("step `{}` has no single output", step.name)));
        };
        let image = files::read(input)?;
        let is_driver = self.plan.binaries().any(|binary| {
            binary.platform == Platform::DriverKit && binary.slices.iter().any(|slice| slice.slice == *output)
        });
        let finished = if is_driver { finish::driver(&image) } else { finish::app(&image) };
        let finished = finished.map_err(|what| {
            Error::tool(format!("cannot {} of `{}`", "use the linker's output", step.name)).because(what)
        })?;
        files::write(output, &finished, 0o755)
    }

    fn merge(&self, binary: &Binary) -> Result {
        let name = format!("merge {}", binary.name);
        let mut key = self.stamps.key(&name);
        self.stamps.add_program(&mut key);
        for slice in &binary.slices {
            self.stamps.add_file(&mut key, &slice.slice)?;
            self.stamps.add_file(&mut key, &slice.dwarf)?;
        }
        if self.stamps.is_fresh(&name, &key) {
            return Ok(());
        }
        self.stamps.forget(&name)?;
        terminal::step("Merging", &binary.name);
        let read = |pick: fn(&SliceSteps) -> &PathBuf| -> Result<Vec<Vec<u8>>> {
            binary.slices.iter().map(|slice| files::read(pick(slice))).collect()
        };
        let image = merge::join(&binary.name, &read(|slice| &slice.slice)?)?;
        files::write(&binary.universal, &image, 0o755)?;
        let dwarf = read(|slice| &slice.dwarf)?;
        let dwarf: Vec<&[u8]> = dwarf.iter().map(Vec::as_slice).collect();
        let dwarf =
            formats::image::merge(&dwarf).doing(|| format!("cannot merge the symbols of {}", binary.name))?;
        write_dsym(binary, &dwarf)?;
        self.stamps.record(&name, key, Vec::new(), &[binary.universal.clone(), binary.symbols.clone()])
    }
}

fn gerund(verb: &str) -> &'static str {
    match verb {
        "generate" => "Generating",
        "compile" => "Compiling",
        "link" => "Linking",
        "symbols" => "Symbols",
        "strip" => "Stripping",
        _ => "Finishing",
    }
}

/// A `.dSYM` folder as dsymutil lays it out.
fn write_dsym(binary: &Binary, dwarf: &[u8]) -> Result {
    let name = crate::plan::file_name(&binary.universal);
    let plist = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n\
         \t<key>CFBundleIdentifier</key>\n\t<string>com.apple.xcode.dsym.{id}</string>\n\
         \t<key>CFBundleInfoDictionaryVersion</key>\n\t<string>6.0</string>\n\
         \t<key>CFBundlePackageType</key>\n\t<string>dSYM</string>\n\
         \t<key>CFBundleSignature</key>\n\t<string>????</string>\n\
         \t<key>CFBundleVersion</key>\n\t<string>1</string>\n\
         </dict>\n</plist>\n",
        id = name.replace(' ', "-").replace(['&', '<', '>'], "_"),
    );
    files::write(&binary.symbols.join("Contents/Info.plist"), plist.as_bytes(), 0o644)?;
    files::write(&binary.symbols.join("Contents/Resources/DWARF").join(name), dwarf, 0o644)
}

/// The files named by a make rule, `target: a b \` …, absolute.
fn read_by_the_compiler(file: &Path, root: &Path) -> Result<Vec<PathBuf>> {
    let text = fs::read_to_string(file).doing(|| format!("cannot read `{}`", file.display()))?;
    Ok(prerequisites(&text).iter().map(|path| root.join(path)).collect())
}

fn prerequisites(rule: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut letters = rule.split_once(": ").map_or("", |(_, rest)| rest).chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek().is_some_and(|next| matches!(next, ' ' | '\\' | '#')) => {
                name.extend(letters.next())
            }
            '\\' if letters.peek() == Some(&'\n') => {}
            '$' if letters.peek() == Some(&'$') => name.extend(letters.next()),
            ' ' | '\n' | '\t' => {
                if !name.is_empty() {
                    names.push(std::mem::take(&mut name));
                }
            }
            other => name.push(other),
        }
    }
    if !name.is_empty() {
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn make_rules_give_up_their_prerequisites() {
        let rule = "out.o: a.cpp \\\n  dir\\ with\\ space/b.h \\\n  c.h\n";
        assert_eq!(prerequisites(rule), ["a.cpp", "dir with space/b.h", "c.h"]);
        assert_eq!(prerequisites(""), Vec::<String>::new());
    }
}
