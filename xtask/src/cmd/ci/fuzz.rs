//! Every fuzz target for some seconds, from seeds cut out of our own product and of what else is at hand.

use std::path::{Path, PathBuf};

use super::{
    Desk, Outcome,
    seeds::{LARGEST, Seeds},
};
use crate::{
    error::{Error, Result},
    interrupt, setup,
    setup::Purpose,
    stage::files,
    terminal,
};

/// The step of `ci`.
pub fn run(desk: &Desk<'_>) -> Result<Outcome> {
    if desk.args.fuzz == 0 {
        return Ok(Outcome::NotRun("`--fuzz 0`".to_owned()));
    }
    if desk.tools.find("cargo-fuzz").is_none() {
        return Ok(Outcome::NotRun("cargo-fuzz is not installed".to_owned()));
    }
    let folder = desk.workspace.root().join("xtask/fuzz");
    let list = desk.cargo("list the fuzz targets", &["fuzz", "list", "--fuzz-dir"]).arg(&folder).quietly();
    let targets = desk.tools.run(&list)?.text();
    let work = desk.workspace.target().join("fuzz");
    seeds(desk, &work)?.write(&work.join("seeds"))?;
    let mut failures = Vec::new();
    for target in targets.lines().filter(|line| !line.trim().is_empty()) {
        let (corpus, seeds) = (work.join("corpus").join(target), work.join("seeds").join(target));
        files::create_folder(&corpus)?;
        if !seeds.is_dir() {
            terminal::warn(format_args!("`{target}` starts from nothing"));
            files::create_folder(&seeds)?;
        }
        // The stable toolchain has no sanitizers; the limit on memory is what the verifier promises.
        let call = desk
            .cargo(&format!("fuzz `{target}`"), &["fuzz", "run", "--sanitizer", "none", "--fuzz-dir"])
            .arg(&folder)
            .arg(target)
            .args([corpus, seeds])
            .args(["--", "-rss_limit_mb=512", "-timeout=10", "-verbosity=0"])
            .args([format!("-max_len={LARGEST}"), format!("-max_total_time={}", desk.args.fuzz)])
            .args(dictionary(&folder, target).map(|it| format!("-dict={}", it.display())));
        if let Err(error) = desk.tools.run(&call) {
            terminal::error(&error);
            failures.push(target.to_owned());
        }
        interrupt::check()?;
    }
    match failures.is_empty() {
        true => Ok(Outcome::Passed),
        false => Err(Error::tool("fuzzing found something").because(failures.join(", "))),
    }
}

/// The words of a format, for those that are made of words.
fn dictionary(folder: &Path, target: &str) -> Option<PathBuf> {
    let path = folder.join("dictionaries").join(target).with_extension("dict");
    path.is_file().then_some(path)
}

/// Pieces of a rehearsal of our own product, of the sources, and of real packages and logs where there are some.
fn seeds(desk: &Desk<'_>, work: &Path) -> Result<Seeds> {
    let mut seeds = Seeds::default();
    let root = desk.workspace.root();
    seeds.take(&root.join("driver"), "interface")?;
    seeds.take(&root.join("signing"), "log")?;
    let missing =
        setup::needs(Purpose::Build, desk.tools.host()).into_iter().find(|it| !it.is_met(desk.tools));
    match missing {
        None => seeds.take(&product(desk, work)?, "log")?,
        Some(need) => {
            let what =
                format!("`{}` is not installed: fuzzing starts without pieces of a product", need.name);
            terminal::warn(what);
        }
    }
    for (name, as_text) in [("XTASK_CORPUS", "plist"), ("XTASK_LOGS", "log")] {
        match std::env::var_os(name).map(PathBuf::from) {
            Some(folder) => seeds.take(&folder, as_text)?,
            None => terminal::note(format_args!("`{name}` is not set: no seeds from there")),
        }
    }
    Ok(seeds)
}

/// Our own product in all its containers. By way of cargo: the tests may have built this program anew, and then its old file is gone.
fn product(desk: &Desk<'_>, work: &Path) -> Result<PathBuf> {
    let out = work.join("product");
    let call = desk.cargo("make a product to cut seeds from", &["xtask", "dist", "--out"]).arg(&out);
    desk.tools.run(&call.quietly())?;
    Ok(out)
}
