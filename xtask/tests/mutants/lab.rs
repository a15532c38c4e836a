//! The bench: a good product, made once by the real pipeline, and for each row a copy to be damaged.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use checks::{Policy, Severity};
use formats::{
    document::{
        Dict, Value,
        plist::{self, Date, Keys},
    },
    signature::certificate::Certificate,
};
use xtask::{
    config::{Product, Signing},
    inspect::{self, Asked},
    policy,
    rehearsal::Rehearsal,
    stage::sign::{SigningPlan, apply, open_rehearsal},
    workspace::Workspace,
};

use crate::common::{self, Checkout};

/// The app's name.
pub const APP: &str = "USB Driver Host.app";
/// The app's executable.
pub const HOST: &str = "Contents/MacOS/USB Driver Host";
/// The dext.
pub const DEXT: &str = "Contents/Library/SystemExtensions/com.example.usb-interface-driver.dext";
/// The dext's executable.
pub const DRIVER: &str = "Contents/Library/SystemExtensions/com.example.usb-interface-driver.dext/com.example.usb-interface-driver";
/// The app's seal.
pub const SEAL: &str = "Contents/_CodeSignature/CodeResources";
/// What `SOURCE_DATE_EPOCH` of a checkout says.
pub const EPOCH: u64 = 1_790_000_000;
/// When rows judge, unless they say otherwise: two months after the signature.
const NOW: Date = Date(1_795_000_000);

/// What `dist` made.
pub struct Good {
    checkout: Checkout,
    signing: Signing,
    /// The hierarchy that signed.
    pub rehearsal: Rehearsal,
    policy: Policy,
    roots: Vec<Certificate>,
}

impl Good {
    /// Builds, signs and packs in a checkout of its own.
    pub fn new() -> Self {
        let checkout = Checkout::new();
        checkout.run_well(&["dist"]);
        let workspace = Workspace::at(checkout.path());
        // `dist` was told the time by its environment; what signs again here reads it from this file.
        fs::write(checkout.file("target/rehearsal/epoch"), EPOCH.to_string()).unwrap();
        let signing = Signing::load("rehearsal", &workspace).unwrap();
        let product = Product::load(&workspace).unwrap();
        let policy = policy::planned(&product, &signing);
        let rehearsal = open_rehearsal(&signing, &workspace, None).unwrap().expect("a rehearsal");
        let roots = policy::roots(&checkout.file("dist/rehearsal-root.pem")).unwrap();
        Self { checkout, signing, rehearsal, policy, roots }
    }
}

/// A copy for one row.
pub struct Lab<'a> {
    /// What it is a copy of.
    pub good: &'a Good,
    folder: tempfile::TempDir,
    /// What is judged; the signed app unless a row says otherwise.
    pub subject: PathBuf,
    /// What it is held against.
    pub policy: Policy,
    /// When it is judged.
    pub now: Date,
    /// How it is signed again.
    pub signing: Signing,
    /// Whether the good app counts as the release before.
    pub is_update: bool,
}

impl<'a> Lab<'a> {
    /// The app with its ticket, as `dist` made it.
    pub fn new(good: &'a Good) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let subject = folder.path().join(APP);
        common::copy(&good.checkout.file("dist").join(APP), &subject);
        Self {
            good,
            folder,
            subject,
            policy: good.policy.clone(),
            now: NOW,
            signing: good.signing.clone(),
            is_update: false,
        }
    }

    /// A path in the app.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(APP).join(inside)
    }

    /// Writes a file of the app.
    pub fn write(&self, inside: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Removes a file or folder of the app.
    pub fn remove(&self, inside: &str) {
        let path = self.path(inside);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }

    /// Renames within the app.
    pub fn rename(&self, from: &str, to: &str) {
        let to = self.path(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(self.path(from), to).unwrap();
    }

    /// Changes the bytes of a file.
    pub fn bytes(&self, inside: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path(inside);
        let mut bytes = fs::read(&path).unwrap();
        let before = bytes.clone();
        change(&mut bytes);
        assert!(before != bytes, "nothing was changed");
        fs::write(path, bytes).unwrap();
    }

    /// Changes a property list.
    pub fn plist(&self, inside: &str, change: impl FnOnce(&mut Dict)) {
        self.bytes(inside, |bytes| {
            let Value::Dict(mut dict) = plist::read(bytes).unwrap().value else { panic!("no dictionary") };
            change(&mut dict);
            *bytes = plist::to_xml(&Value::Dict(dict), Keys::Sorted).into_bytes();
        });
    }

    /// Changes the dext's Info.plist.
    pub fn driver_info(&self, change: impl FnOnce(&mut Dict)) {
        self.plist(&format!("{DEXT}/Info.plist"), change);
    }

    /// Changes the app's Info.plist.
    pub fn host_info(&self, change: impl FnOnce(&mut Dict)) {
        self.plist("Contents/Info.plist", change);
    }

    /// Changes the personality of the driver.
    pub fn personality(&self, change: impl FnOnce(&mut Dict)) {
        self.driver_info(|info| {
            let mut all = info.get("IOKitPersonalities").and_then(Value::as_dict).unwrap().clone();
            let mut one = all.get("ExampleInterface").and_then(Value::as_dict).unwrap().clone();
            change(&mut one);
            all.set("ExampleInterface", Value::Dict(one));
            info.set("IOKitPersonalities", Value::Dict(all));
        });
    }

    /// Starts from the unsigned app instead, changes it, and signs it as the pipeline does. It has no ticket then.
    pub fn signed_again(&mut self, change: impl FnOnce(&Self)) {
        self.signed_otherwise(change, |_| ());
    }

    /// The same, with a changed plan: nothing is refused beforehand and nothing is read back.
    pub fn signed_otherwise(
        &mut self,
        change: impl FnOnce(&Self),
        otherwise: impl FnOnce(&mut SigningPlan<'_>),
    ) {
        self.unsigned();
        change(self);
        self.sign(otherwise);
    }

    /// Starts from the unsigned app, and leaves it so.
    pub fn unsigned(&self) {
        fs::remove_dir_all(&self.subject).unwrap();
        common::copy(&self.good.checkout.file("target/dist/stage/bundle").join(APP), &self.subject);
    }

    /// Signs what lies there.
    pub fn sign(&self, otherwise: impl FnOnce(&mut SigningPlan<'_>)) {
        let good = self.good;
        let mut plan = SigningPlan::new(&self.subject, &self.signing, Some(&good.rehearsal)).unwrap();
        otherwise(&mut plan);
        apply::apply(&plan, &self.subject).unwrap();
    }

    /// Seals and signs the app once more, after a change to the signed dext.
    pub fn seal_host(&self) {
        self.sign(|plan| plan.parts.retain(|it| it.code.path.as_os_str().is_empty()));
    }

    /// Judges something else that `dist` made: the first file with that ending.
    pub fn package(&mut self, ending: &str) -> PathBuf {
        let mut all = fs::read_dir(self.good.checkout.file("dist")).unwrap().map(|it| it.unwrap().path());
        let file = all.find(|it| it.extension().is_some_and(|it| it == ending)).expect("dist made one");
        self.subject = self.folder.path().join(file.file_name().unwrap());
        fs::copy(file, &self.subject).unwrap();
        self.subject.clone()
    }

    /// Changes what is judged, a file.
    pub fn file(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(&self.subject).unwrap();
        let before = bytes.clone();
        change(&mut bytes);
        assert!(before != bytes, "nothing was changed");
        fs::write(&self.subject, bytes).unwrap();
    }

    /// Warnings and errors: `id` or `(id)`, sorted, each with its first finding.
    pub fn judged(&self) -> Vec<(String, String)> {
        let mut asked = Asked::at(self.now);
        asked.private_prefixes.clone_from(&self.policy.private_prefixes);
        asked.trust.roots.extend(self.good.roots.iter().cloned());
        let mut subject = inspect::open(&self.subject, &asked).unwrap();
        if self.is_update {
            let before = self.good.checkout.file("dist").join(APP);
            subject.baseline = Some(Box::new(inspect::open(&before, &asked).unwrap()));
        }
        let mut told = BTreeMap::new();
        for outcome in checks::run(&subject, &self.policy) {
            let id = match outcome.findings.first().map(|it| it.severity) {
                Some(Severity::Error) => outcome.check.id.to_owned(),
                Some(Severity::Warning) => format!("({})", outcome.check.id),
                Some(Severity::Info) | None => continue,
            };
            let findings = outcome.findings.iter().filter(|it| it.severity > Severity::Info);
            let texts =
                findings.map(|it| format!("{}: expected {}, found {}", it.at.path, it.expected, it.found));
            told.insert(id, texts.take(2).collect::<Vec<_>>().join(" | "));
        }
        told.into_iter().collect()
    }
}

/// A file of the app that nothing but its seal speaks about.
pub fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
