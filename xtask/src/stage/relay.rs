//! The chain cut in two: what one machine made so far, for another that goes on from there.
//!
//! ```text
//!   dist --until signed --hand-over signed.zip      has the signing key
//!   dist --take-up signed.zip                       has the notary's
//!
//!   signed.zip (stage::hand_over)
//!   ├─ app/Host.app
//!   ├─ symbols/Host.dSYM …
//!   └─ packages/Host.pkg     signed: the next machine has no key for it
//! ```

use std::path::{Path, PathBuf};

use super::{
    Bundle, Signed,
    build::slices,
    files,
    hand_over::{self, Label},
    stamp::hex_digest,
};
use crate::{
    error::{Doing, Error, Result},
    plan::{self, Plan, Provenance, Until},
    terminal,
};

/// Where things lie in a hand-over.
const APP: &str = "app";
const SYMBOLS: &str = "symbols";
const PACKAGES: &str = "packages";

/// What a machine made before it hands over.
#[derive(Debug)]
pub struct Made<'a> {
    /// The app.
    pub app: &'a Path,
    /// Debug information, `.dSYM` folders.
    pub symbols: &'a [PathBuf],
    /// The signed pkg.
    pub installer: Option<&'a Path>,
    /// How it came about.
    pub provenance: Provenance,
}

/// Writes what was made until `plan.until` to `goal`.
pub fn hand_over(plan: &Plan, made: &Made, goal: &Path) -> Result {
    let desk = tempfile::tempdir().doing(|| "cannot make a temporary folder")?;
    let put = |place: &str, from: &Path| {
        files::copy_tree(from, &desk.path().join(place).join(plan::file_name(from)))
    };
    put(APP, made.app)?;
    made.symbols.iter().try_for_each(|dsym| put(SYMBOLS, dsym))?;
    made.installer.map_or(Ok(()), |pkg| put(PACKAGES, pkg))?;
    hand_over::put_provenance(desk.path(), made.provenance)?;
    hand_over::save(desk.path(), &label(plan, plan.until)?, goal)?;
    terminal::step("Handing over", goal.display());
    Ok(())
}

/// What another machine handed over, unpacked.
#[derive(Debug)]
pub struct Taken {
    folder: PathBuf,
    stage: Until,
}

/// Whether what was handed over is signed already, so that no key is needed here.
pub fn is_signed(plan: &Plan, file: &Path) -> Result<bool> {
    Ok(hand_over::label_of(file)?.stage == name(plan, Until::Signed))
}

/// Takes up what was bundled or signed elsewhere from the same sources and, once signed, with the same signing file.
pub fn take_up(plan: &Plan, file: &Path) -> Result<Taken> {
    let said = hand_over::label_of(file)?.stage;
    let stage = [Until::Bundled, Until::Signed].into_iter().find(|it| name(plan, *it) == said);
    let stage = stage.ok_or_else(|| {
        Error::usage(format!("cannot take up `{}`", file.display())).because(format!(
            "it is `{said}`; wanted is `{}` or `{}`",
            name(plan, Until::Bundled),
            name(plan, Until::Signed)
        ))
    })?;
    if stage >= plan.until {
        return Err(Error::usage(format!("`{}` is `{said}` already", file.display()))
            .hint("say with `--until` how far to go on"));
    }
    let folder = plan.stage_dir().join("taken-up");
    hand_over::take_up(file, &label(plan, stage)?, &folder)?;
    plan.refuse_unproven(hand_over::provenance(&folder)?)?;
    terminal::step("Took up", format_args!("{} ({said})", file.display()));
    Ok(Taken { folder, stage })
}

impl Taken {
    /// Whether it is signed, and not only bundled.
    pub fn is_signed(&self) -> bool {
        self.stage == Until::Signed
    }

    /// How it came about.
    pub fn provenance(&self) -> Result<Provenance> {
        hand_over::provenance(&self.folder)
    }

    /// The unsigned app.
    pub fn bundle(&self, plan: &Plan) -> Bundle {
        Bundle::at(self.app(plan))
    }

    /// The signed app.
    pub fn signed(&self, plan: &Plan, seed: Option<&Path>) -> Result<Signed> {
        Signed::at(self.app(plan), plan, seed)
    }

    /// Debug information, sorted.
    pub fn symbols(&self) -> Result<Vec<PathBuf>> {
        self.entries(SYMBOLS)
    }

    /// The pkg that was signed along with the app.
    pub fn installer(&self) -> Result<Option<PathBuf>> {
        Ok(self.entries(PACKAGES)?.pop())
    }

    fn app(&self, plan: &Plan) -> PathBuf {
        self.folder.join(APP).join(plan.product.app.bundle_name())
    }

    fn entries(&self, place: &str) -> Result<Vec<PathBuf>> {
        let folder = self.folder.join(place);
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let all = files::walk(&folder)?;
        Ok(all.iter().filter(|it| it.path.components().count() == 1).map(|it| it.at(&folder)).collect())
    }
}

/// `bundled`, `signed developer-id`: another signing file cannot take up the second.
fn name(plan: &Plan, stage: Until) -> String {
    match stage {
        Until::Bundled => "bundled".to_owned(),
        _ => format!("signed {}", plan.signing.name),
    }
}

fn label(plan: &Plan, stage: Until) -> Result<Label> {
    let mut sources = slices::digest(plan)?;
    if stage == Until::Signed {
        sources += &hex_digest(&files::read(&plan.signing.file)?);
    }
    Ok(Label { plan: hex_digest(sources.as_bytes()), stage: name(plan, stage) })
}
