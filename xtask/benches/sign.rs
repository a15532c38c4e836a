//! `cargo bench --bench sign`: a bundle signed by us and by rcodesign with the same key, as processes, from start to end.
//!
//! Ours does more: it looks for code in every file, judges certificate and claims, and opens what it wrote once more to compare every
//! page and seal with the plan. Both copy the bundle. No timestamps: a server would be measured instead.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use common::{command, files, large, measure, program};
use formats::image::{MachO, Slices};
use signer::{
    authority::{Authority, Role},
    identity::{Identity, to_pkcs12},
};
use zeroize::Zeroizing;

/// Bytes of a large image.
const LARGE: usize = 200 << 20;
const SMALL: usize = 64 << 10;

fn main() {
    if !common::is_asked() {
        return;
    }
    let Some(desk) = Desk::new() else { return };
    let thin = |len| noise(large::image(len));
    desk.compare("a small executable", &desk.app("Small", &thin(SMALL)), 20);
    desk.compare("a small universal one", &desk.app("SmallFat", &universal(&thin(SMALL))), 20);
    desk.compare("a large executable", &desk.app("Large", &thin(LARGE)), 3);
    desk.compare("a large universal one", &desk.app("LargeFat", &universal(&thin(LARGE / 2))), 3);
    if let Some(app) = common::product() {
        let bare = desk.folder.join("Product.app");
        drop(fs::remove_dir_all(&bare));
        let mut strip = Command::new(common::XTASK);
        let stripped = strip.args(["signature", "strip"]).arg(&app).arg("-o").arg(&bare).output().unwrap();
        assert!(stripped.status.success(), "{}", String::from_utf8_lossy(&stripped.stderr));
        desk.compare("an app with its driver", &bare, 20);
    }
}

/// A folder with a signing file and keys.
struct Desk {
    folder: PathBuf,
    certificates: Vec<PathBuf>,
    rcodesign: Option<PathBuf>,
}

impl Desk {
    /// `None` without OpenSSL, which puts the chain into our key file.
    fn new() -> Option<Self> {
        let openssl = program("openssl")?;
        let folder = common::work().join("sign");
        drop(fs::remove_dir_all(&folder));
        for name in ["signing", "xtask/sdk"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let authority = Authority::new(Zeroizing::new([5; 32]), 1_790_000_000, "REHEARSE01").unwrap();
        let identity = Identity::rehearsal(&authority, Role::AppleDevelopment).unwrap();
        let signer = identity.signer().unwrap();
        fs::write(folder.join("password"), "geheim").unwrap();
        // rcodesign takes the last certificate of a key file for its own, so it gets the leaf alone and the chain beside it.
        fs::write(folder.join("leaf.p12"), &*to_pkcs12(signer, "geheim", &[[1; 8]; 3]).unwrap()).unwrap();
        let mut certificates = Vec::new();
        for (n, certificate) in signer.chain().iter().enumerate().skip(1) {
            let path = folder.join(format!("{n}.der"));
            fs::write(&path, certificate.der()).unwrap();
            certificates.push(path);
        }
        let pem: String = signer.chain().iter().map(|it| it.pem().unwrap()).collect();
        fs::write(folder.join("chain.pem"), pem).unwrap();
        let run = |args: &[&str]| {
            let ran = Command::new(&openssl).current_dir(&folder).args(args).output().unwrap();
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        };
        let key = [
            "pkcs12",
            "-in",
            "leaf.p12",
            "-legacy",
            "-nodes",
            "-nocerts",
            "-passin",
            "file:password",
            "-out",
            "key.pem",
        ];
        run(&key);
        let whole = [
            "pkcs12",
            "-export",
            "-legacy",
            "-inkey",
            "key.pem",
            "-in",
            "chain.pem",
            "-passout",
            "file:password",
            "-out",
            "chain.p12",
        ];
        run(&whole);
        let signing = "[signing]\nmode = \"development\"\nteam = \"REHEARSE01\"\nnotarization = \"none\"\n\
                       identity = { p12 = { file = \"../chain.p12\", password = { file = \"../password\" } } }\n";
        fs::write(folder.join("signing/bench.toml"), signing).unwrap();
        Some(Self { folder, certificates, rcodesign: program("rcodesign") })
    }

    /// An app whose executable is `image`.
    fn app(&self, name: &str, image: &[u8]) -> PathBuf {
        let app = self.folder.join(format!("{name}.app"));
        fs::create_dir_all(app.join("Contents/MacOS")).unwrap();
        let info = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>CFBundleIdentifier</key>\
             <string>com.example.{name}</string><key>CFBundleExecutable</key><string>{name}</string>\
             <key>CFBundlePackageType</key><string>APPL</string></dict></plist>\n"
        );
        fs::write(app.join("Contents/Info.plist"), info).unwrap();
        fs::write(app.join("Contents/MacOS").join(name), image).unwrap();
        app
    }

    /// Measures both signers on the bundle `app`.
    fn compare(&self, what: &str, app: &Path, runs: u32) {
        let bytes: u64 = files(app).iter().map(|it| fs::metadata(it).unwrap().len()).sum();
        let goal = |name: &str| self.folder.join("out").join(name).join(app.file_name().unwrap());
        let fresh = |name: &str| {
            drop(fs::remove_dir_all(goal(name)));
            fs::create_dir_all(goal(name).parent().unwrap()).unwrap();
        };
        let our_calls = || {
            let mut call = command(common::XTASK, ["sign", "--signing", "bench"]);
            call.current_dir(&self.folder)
                .env_remove("CARGO_MANIFEST_DIR")
                .arg(app)
                .arg("-o")
                .arg(goal("ours"));
            vec![call]
        };
        must_sign(our_calls(), &goal("ours"));
        let ours = measure(runs, our_calls);
        let theirs = self.rcodesign.as_ref().map(|program| {
            let calls = || {
                fresh("theirs");
                let mut call =
                    command(program, ["sign", "--p12-file", "leaf.p12", "--p12-password-file", "password"]);
                call.current_dir(&self.folder).args(["--timestamp-url", "none"]);
                for it in &self.certificates {
                    call.arg("--certificate-der-file").arg(it);
                }
                call.arg(app).arg(goal("theirs"));
                vec![call]
            };
            must_sign(calls(), &goal("theirs"));
            measure(runs, calls)
        });
        let title = format!("{what}: {:.1} MB", bytes as f64 / 1e6);
        common::table(&title, &[("cargo xtask sign", Some(ours)), ("rcodesign sign", theirs)]);
        println!("  ours also reads back what it wrote");
    }
}

/// One run before any is measured: a failure is quick, and no measurement.
fn must_sign(calls: Vec<Command>, goal: &Path) {
    for mut call in calls {
        let ended = call.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        let told = [ended.stdout, ended.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
        assert!(ended.status.success(), "{call:?}: {}{}", told[0], told[1]);
    }
    let executables = files(&goal.join("Contents/MacOS"));
    assert!(!executables.is_empty(), "{} has no executable", goal.display());
    for path in executables {
        let bytes = fs::read(&path).unwrap();
        for slice in Slices::read(&bytes).unwrap().unwrap().slices {
            let image = MachO::read(&slice.window(&bytes).unwrap()).unwrap();
            assert!(image.code_signature().is_some(), "{} is not signed", path.display());
        }
    }
}

/// The same image with code in which no two pages are alike.
fn noise(mut image: Vec<u8>) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for word in large::code(&mut image).chunks_exact_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word.copy_from_slice(&state.to_le_bytes());
    }
    image
}

/// The image twice, once as if it were for Intel.
fn universal(image: &[u8]) -> Vec<u8> {
    let mut intel = image.to_vec();
    // `cputype` and `cpusubtype` of the header.
    intel.splice(4..12, [0x0100_0007_u32, 3].map(u32::to_le_bytes).concat());
    formats::image::merge(&[&intel, image]).unwrap()
}
