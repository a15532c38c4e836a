//! Containers by Apple's tools: zip by ditto, pkg by pkgbuild, disk image by hdiutil and codesign.
//!
//! ```text
//!   app ─┬▶ ditto -c -k --keepParent                                                     zip
//!        ├▶ root/ ▸ pkgbuild --analyze ▸ not relocatable ▸ pkgbuild --root --sign         pkg
//!        └▶ folder with a link to /Applications ▸ hdiutil create ▸ codesign               dmg
//! ```
//! Their products hold times and are not the same bytes twice; the stamps of the stages keep them from being made anew.

use std::{os::unix::fs::symlink, path::Path, time::Duration};

use formats::document::{
    Value,
    plist::{self, Keys, to_xml},
};
use signer::{authority::Role, identity::Signer};

use super::{
    files,
    package::Container,
    pkg::{self, Words},
    sign::{Signed, Stamper, apple::Codesign, identity},
    stamp::Stamps,
};
use crate::{
    config::PackageKind,
    error::{Doing, Error, Result},
    interrupt,
    plan::{Backend, Plan, Task, file_name},
    terminal,
    tools::{Call, Toolbox},
};

/// Compressing an app of gigabytes takes minutes.
const DEADLINE: Duration = Duration::from_secs(60 * 60);

/// Who makes containers.
#[derive(Debug, Clone, Copy)]
pub enum Packer<'a> {
    /// We do.
    Ours,
    /// Apple's tools, with the installer's key in this keychain.
    Apple {
        /// The tools.
        tools: &'a Toolbox,
        /// Where the keys are; none for ad-hoc.
        keychain: Option<&'a Path>,
    },
}

impl<'a> Packer<'a> {
    /// As the plan says.
    pub fn of(plan: &Plan, tools: &'a Toolbox, keychain: Option<&'a Path>) -> Self {
        match plan.backends.of(Task::Package).backend {
            Backend::Portable => Self::Ours,
            Backend::Apple => Self::Apple { tools, keychain },
        }
    }
}

/// What one container is made from.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The app that goes in.
    pub app: &'a Path,
    /// The signed app, whose rehearsal signs the container, too.
    pub signed: &'a Signed,
    /// Where the container goes.
    pub goal: &'a Path,
}

/// Makes a container of `kind`, unless what lies there is still right.
pub fn make(
    kind: PackageKind,
    order: &Order,
    tools: &Toolbox,
    keychain: Option<&Path>,
    stamps: &Stamps,
) -> Result<Container> {
    interrupt::check()?;
    let Order { plan, app, signed, goal } = *order;
    let name = format!("apple {kind:?} {}", goal.display());
    let mut key = stamps.key(&name);
    stamps.add_program(&mut key);
    stamps.add_tree(&mut key, app)?;
    stamps.add_file(&mut key, &plan.signing.file)?;
    key.text(signed.rehearsal_root().unwrap_or_default());
    key.text(plan.toolchain.xcode.as_ref().map_or("", |it| it.build.as_str()));
    if stamps.is_fresh(&name, &key) {
        return Ok(Container::at(goal.to_owned()));
    }
    stamps.forget(&name)?;
    terminal::step("Packing", file_name(goal));
    let bench = files::Workbench::beside(goal)?;
    let made = bench.path();
    match kind {
        PackageKind::Zip => tools.run(&zip_call(app, &made)).map(drop)?,
        PackageKind::Pkg => package(order, &made, tools, keychain)?,
        PackageKind::Dmg => image(order, &made, tools, keychain)?,
    }
    if !made.is_file() {
        return Err(
            Error::tool(format!("cannot make `{}`", file_name(goal))).because("the tool left no file")
        );
    }
    bench.finish()?;
    stamps.record(&name, key, Vec::new(), &[goal.to_owned()])?;
    Ok(Container::at(goal.to_owned()))
}

/// ditto(1): "-c -k --keepParent" makes what Finder's "Compress" makes, the app as the one thing at the top.
pub fn zip_call(app: &Path, goal: &Path) -> Call {
    Call::new("ditto", format!("zip `{}`", file_name(app)))
        .args(["-c", "-k", "--keepParent"])
        .arg(app)
        .arg(goal)
        .deadline(DEADLINE)
}

/// An installer package whose app goes to /Applications and nowhere else: a relocated one could not activate its driver.
fn package(order: &Order, goal: &Path, tools: &Toolbox, keychain: Option<&Path>) -> Result {
    let words = Words::of(order.app)?;
    let desk = tempfile::tempdir().doing(|| "cannot make a temporary folder")?;
    let root = desk.path().join("root");
    files::copy_tree(order.app, &root.join(file_name(order.app)))?;
    let components = desk.path().join("components.plist");
    tools.run(&analyze_call(&root, &components))?;
    let fixed = in_its_place(&files::read(&components)?)
        .map_err(|why| Error::tool("cannot use what `pkgbuild --analyze` wrote").because(why))?;
    files::write(&components, &fixed, 0o644)?;

    let signing = &order.plan.signing;
    let rehearsal = order.signed.rehearsal();
    let source = pkg::installer_source(signing)?;
    let identity = identity::load(&source, rehearsal, Role::DeveloperIdInstaller)?;
    let stamper = Stamper::of(signing, rehearsal);
    let call = package_call(&words, &root, &components, identity.signer(), keychain, &stamper, goal);
    tools.run(&call).map(drop)
}

/// Describes the bundles below `root`.
pub fn analyze_call(root: &Path, components: &Path) -> Call {
    Call::new("pkgbuild", "list the bundles of the package")
        .args(["--analyze", "--root"])
        .arg(root)
        .arg(components)
}

/// Builds the package, signed by `who`.
pub fn package_call(
    words: &Words,
    root: &Path,
    components: &Path,
    who: Option<&Signer>,
    keychain: Option<&Path>,
    stamper: &Stamper,
    goal: &Path,
) -> Call {
    let mut call = Call::new("pkgbuild", format!("build `{}`", file_name(goal)))
        .deadline(DEADLINE)
        .arg("--root")
        .arg(root)
        .arg("--component-plist")
        .arg(components)
        .args(["--identifier", &words.identifier, "--version", &words.version])
        .args(["--install-location", pkg::INSTALL_LOCATION, "--ownership", "recommended"]);
    if let Some(who) = who {
        // By name: pkgbuild(1) knows no digests. The keychain is the run's own, so no other identity has that name.
        call = call.args(["--sign", &who.leaf().common_name()]);
        if let Some(keychain) = keychain {
            call = call.arg("--keychain").arg(keychain);
        }
        // Apple's server or none; another cannot be named.
        call =
            call.arg(if matches!(stamper, Stamper::Servers(_)) { "--timestamp" } else { "--timestamp=none" });
    }
    call.arg(goal)
}

/// The component list with every bundle bound to its place.
fn in_its_place(list: &[u8]) -> Result<Vec<u8>, String> {
    let Value::Array(bundles) = plist::read(list).map_err(|it| it.to_string())?.value else {
        return Err("it is no list".to_owned());
    };
    if bundles.is_empty() {
        return Err("it lists no bundle".to_owned());
    }
    let bound = bundles.into_iter().map(bound).collect::<Result<Vec<_>, _>>()?;
    Ok(to_xml(&Value::Array(bound), Keys::AsGiven).into_bytes())
}

/// One entry, with those inside it (`ChildBundles`).
fn bound(bundle: Value) -> Result<Value, String> {
    let Value::Dict(mut entry) = bundle else { return Err("an entry is no dictionary".to_owned()) };
    entry.set("BundleIsRelocatable", false);
    if let Some(Value::Array(children)) = entry.get("ChildBundles").cloned() {
        let children = children.into_iter().map(bound).collect::<Result<Vec<_>, _>>()?;
        entry.set("ChildBundles", Value::Array(children));
    }
    Ok(Value::Dict(entry))
}

/// A compressed image with the app and the customary link beside it, signed, so that it can carry a ticket.
fn image(order: &Order, goal: &Path, tools: &Toolbox, keychain: Option<&Path>) -> Result {
    let words = Words::of(order.app)?;
    let desk = tempfile::tempdir().doing(|| "cannot make a temporary folder")?;
    let folder = desk.path().join("image");
    files::copy_tree(order.app, &folder.join(file_name(order.app)))?;
    symlink("/Applications", folder.join("Applications")).doing(|| "cannot lay out the disk image")?;
    tools.run(&image_call(&order.plan.product.app.name, &folder, goal))?;
    let signing = &order.plan.signing;
    let rehearsal = order.signed.rehearsal();
    let who = identity::load(&signing.identity, rehearsal, Role::DeveloperIdApplication)?;
    let stamper = Stamper::of(signing, rehearsal);
    Codesign::new(tools, keychain).image(goal, &words.bundle, who.signer(), &stamper)
}

/// hdiutil(1): UDZO, zlib, which every macOS opens.
pub fn image_call(volume: &str, folder: &Path, goal: &Path) -> Call {
    Call::new("hdiutil", format!("make `{}`", file_name(goal)))
        .args(["create", "-volname", volume, "-srcfolder"])
        .arg(folder)
        .args(["-fs", "HFS+", "-format", "UDZO", "-ov"])
        .arg(goal)
        .deadline(DEADLINE)
        .hint(|said| {
            said.contains("Resource busy")
                .then(|| "something looks into the new volume (Spotlight): run it again".to_owned())
        })
}
