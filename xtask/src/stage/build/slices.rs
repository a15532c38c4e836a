//! One machine's share of the build: the slices of one triple, and the machine that joins what others built.
//!
//! ```text
//!   machine 1   build --triple x86_64-apple-driverkit --hand-over slices/x86_64-apple-driverkit.zip ─┐
//!   machine 2   build --triple arm64-apple-driverkit  --hand-over slices/arm64-apple-driverkit.zip  ─┤
//!   …                                                                                                ▼
//!   machine 5                                    dist --from-slices slices      needs no compiler
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{Built, Runner, built, require_tools};
use crate::{
    error::{Doing, Error, Result},
    plan::{Binary, Plan, Provenance, SliceSteps, file_name},
    stage::{
        files,
        hand_over::{self, Label},
        stamp::{Stamps, hex, hex_digest},
    },
    terminal,
    tools::Toolbox,
};

/// The finished image inside a hand-over.
const IMAGE: &str = "image";
/// Its debug information.
const DWARF: &str = "dwarf";

/// Builds the slices of `triple` and writes them to `goal`.
pub fn hand_over(tools: &Toolbox, plan: &Plan, stamps: &Stamps, triple: &str, goal: &Path) -> Result {
    let mine = by_triple(plan).remove(triple).ok_or_else(|| {
        let known: Vec<String> = triples(plan);
        Error::usage(format!("no part is built for `{triple}`"))
            .hint(format!("it is one of {}", known.join(", ")))
    })?;
    require_tools(tools, plan)?;
    let runner = Runner { tools, plan, stamps };
    runner.all(mine.iter().flat_map(|(binary, _)| &binary.generate).collect())?;
    runner.all(mine.iter().flat_map(|(_, slice)| &slice.compile).collect())?;
    runner.each(mine.iter().map(|(_, slice)| *slice).collect(), |slice| runner.finish_slice(slice))?;

    let desk = tempfile::tempdir().doing(|| "cannot make a temporary folder")?;
    for (binary, slice) in &mine {
        let folder = desk.path().join(file_name(&binary.universal));
        files::write(&folder.join(IMAGE), &files::read(&slice.slice)?, 0o755)?;
        files::write(&folder.join(DWARF), &files::read(&slice.dwarf)?, 0o644)?;
    }
    hand_over::put_provenance(desk.path(), plan.provenance())?;
    hand_over::save(desk.path(), &label(plan, triple)?, goal)?;
    terminal::step("Handing over", goal.display());
    Ok(())
}

/// Takes up the slices of every triple from `folder`, and joins them. Nothing is compiled, so no compiler is needed.
pub fn join(tools: &Toolbox, plan: &Plan, stamps: &Stamps, folder: &Path) -> Result<Built> {
    let expected = by_triple(plan);
    let mut together = Provenance::default();
    refuse_leftovers(folder, &expected.keys().map(|it| format!("{it}.zip")).collect())?;
    for (triple, slices) in &expected {
        let desk = tempfile::tempdir().doing(|| "cannot make a temporary folder")?;
        let taken = desk.path().join(triple);
        hand_over::take_up(&folder.join(format!("{triple}.zip")), &label(plan, triple)?, &taken)?;
        let provenance = hand_over::provenance(&taken)?;
        plan.refuse_unproven(provenance)?;
        together = together.and(provenance);
        for (binary, slice) in slices {
            let from = taken.join(file_name(&binary.universal));
            files::write(&slice.slice, &files::read(&from.join(IMAGE))?, 0o755)?;
            files::write(&slice.dwarf, &files::read(&from.join(DWARF))?, 0o644)?;
        }
    }
    hand_over::put_provenance(&plan.stage_dir(), together)?;
    let runner = Runner { tools, plan, stamps };
    runner.each(plan.binaries().collect(), |binary| runner.merge(binary))?;
    Ok(built(plan))
}

/// How the slices that were joined came about.
pub fn provenance(plan: &Plan) -> Result<Provenance> {
    hand_over::provenance(&plan.stage_dir())
}

/// Every triple that something is built for, sorted.
pub fn triples(plan: &Plan) -> Vec<String> {
    by_triple(plan).into_keys().collect()
}

fn by_triple(plan: &Plan) -> BTreeMap<String, Vec<(&Binary, &SliceSteps)>> {
    let mut found: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for binary in plan.binaries() {
        for slice in &binary.slices {
            let triple = format!("{}-apple-{}", slice.arch, binary.platform.name());
            found.entry(triple).or_default().push((binary, slice));
        }
    }
    found
}

/// A slice that nobody asked for would be silently left out of the product.
fn refuse_leftovers(folder: &Path, expected: &BTreeSet<String>) -> Result {
    for entry in files::walk(folder)? {
        let name = entry.path.display().to_string();
        if !expected.contains(&name) {
            return Err(Error::tool(format!("cannot join the slices of `{}`", folder.display()))
                .because(format!("`{name}` belongs to no triple of the plan")));
        }
    }
    Ok(())
}

fn label(plan: &Plan, triple: &str) -> Result<Label> {
    Ok(Label { plan: digest(plan)?, stage: format!("slice {triple}") })
}

/// The product's TOML files and every source that the plan knows, sorted. Tools and SDK differ between machines.
pub fn sources(plan: &Plan) -> BTreeSet<PathBuf> {
    let root = plan.workspace.root();
    let ours = |path: &&PathBuf| path.starts_with(root) && !path.starts_with(plan.stage_dir());
    let sdks = [&plan.toolchain.driverkit.path, &plan.toolchain.macos.path];
    let mut inputs: BTreeSet<&PathBuf> = plan.product.drivers.iter().map(|it| &it.file).collect();
    inputs.insert(&plan.product.app.file);
    for binary in plan.binaries() {
        let steps = binary.generate.iter().chain(binary.slices.iter().flat_map(|it| &it.compile));
        inputs.extend(steps.flat_map(|it| &it.inputs).filter(ours));
    }
    inputs.into_iter().filter(|it| !sdks.iter().any(|sdk| it.starts_with(sdk))).cloned().collect()
}

/// What a part of the product must have been made from: its sources and the driver's build number.
pub fn digest(plan: &Plan) -> Result<String> {
    let mut hash = Sha256::new();
    for path in sources(plan) {
        hash.update(format!("{}  {}\n", hex_digest(&files::read(&path)?), plan.workspace.shown(&path)));
    }
    for driver in &plan.product.drivers {
        hash.update(format!("build {}\n", driver.build.as_str()));
    }
    Ok(hex(&hash.finalize()))
}
