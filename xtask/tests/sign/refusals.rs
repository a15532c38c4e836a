//! Everything that cannot be signed: refused by name with a way out, and what was signed before stays as it is.

use std::{
    fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use signer::authority::{Authority, Role};

use super::{
    Desk,
    common::serve::{Answer, Server},
};

pub const EXECUTABLE: &str = "Host.app/Contents/MacOS/Host";
const APP: Role = Role::DeveloperIdApplication;

impl Desk {
    /// The executable, changed.
    pub fn damaged(&self, change: impl Fn(Vec<u8>) -> Vec<u8>) {
        let path = self.path(EXECUTABLE);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, change(bytes)).unwrap();
    }

    /// The program in this checkout.
    pub fn command(&self, program: &str) -> Command {
        // What makes a folder a checkout.
        fs::create_dir_all(self.path("xtask/sdk")).unwrap();
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env_remove("CARGO_MANIFEST_DIR")
            .env_remove("CARGO_TARGET_DIR");
        command.env("CI", "true");
        command
    }
}

/// Arguments that sign the app in a checkout.
pub const SIGN: &str = "sign Host.app -o out/Host.app --signing test --rehearsal-seed seed";

/// Offset of the load command of type `kind` in a thin image, and the number of bytes up to the first section.
pub fn command_of(image: &[u8], kind: u32) -> usize {
    let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
    let mut at = 32;
    for _ in 0..word(16) {
        if word(at) == kind {
            return at;
        }
        at += word(at + 4) as usize;
    }
    panic!("no load command {kind:#x}")
}

#[test]
fn an_executable_that_is_no_mach_o_is_refused() {
    let Some(desk) = Desk::new("") else { return };
    desk.damaged(|_| b"#!/bin/sh\nexit 0\n".to_vec());
    desk.refused("names an executable which is Mach-O");
}

#[test]
fn an_image_that_is_cut_short_or_appended_to_is_refused() {
    let Some(desk) = Desk::new("") else { return };
    desk.damaged(|it| [it, b"appended".to_vec()].concat());
    desk.refused("8 bytes follow `__LINKEDIT`");
    desk.damaged(|it| it[..it.len() - 100].to_vec());
    desk.refused("cannot sign `Contents/MacOS/Host`");
}

#[test]
fn an_encrypted_image_is_refused() {
    let Some(desk) = Desk::new("") else { return };
    desk.damaged(|mut it| {
        // LC_UUID and LC_ENCRYPTION_INFO_64 are equally long (24): the last number but one is the id of the encryption.
        let at = command_of(&it, 0x1b);
        let words: [u32; 6] = [0x2c, 24, 0x1000, 0x1000, 1, 0];
        it.splice(at..at + 24, words.iter().flat_map(|it| it.to_le_bytes()));
        it
    });
    desk.refused("an encrypted image");
}

#[test]
fn a_universal_file_with_wide_offsets_is_refused() {
    let Some(desk) = Desk::new("") else { return };
    desk.damaged(|it| {
        let mut out =
            [0xcafe_babf_u32, 1, 0x0100_000c, 0].iter().flat_map(|it| it.to_be_bytes()).collect::<Vec<_>>();
        out.extend([0x4000, it.len() as u64].iter().flat_map(|it| it.to_be_bytes()));
        out.extend([14_u32, 0].iter().flat_map(|it| it.to_be_bytes()));
        out.resize(0x4000, 0);
        [out, it].concat()
    });
    desk.refused("64-bit offsets");
}

#[test]
fn without_room_for_the_load_command_signing_is_refused_and_with_just_enough_it_is_not() {
    let Some(desk) = Desk::new("") else { return };
    // Hexadecimal: LC_CODE_SIGNATURE has 16 bytes.
    desk.image(EXECUTABLE, &["-headerpad", "c"]);
    desk.refused("no room in the header for `LC_CODE_SIGNATURE` (16 bytes)");
    desk.image(EXECUTABLE, &["-headerpad", "0"]);
    desk.refused("link with `-headerpad 0x100`");
    desk.image(EXECUTABLE, &["-headerpad", "10"]);
    desk.sign().unwrap();
}

#[test]
fn what_is_signed_already_is_signed_again() {
    let Some(desk) = Desk::new("") else { return };
    desk.sign().unwrap();
    let once = fs::read(desk.path("out/Host.app/Contents/MacOS/Host")).unwrap();
    fs::copy(desk.path("out/Host.app/Contents/MacOS/Host"), desk.path(EXECUTABLE)).unwrap();
    desk.sign().unwrap();
    assert_eq!(fs::read(desk.path("out/Host.app/Contents/MacOS/Host")).unwrap(), once);
}

#[test]
fn a_key_that_belongs_to_no_certificate_is_refused() {
    let Some(desk) = Desk::new("") else { return };
    desk.certified(Role::AppleDevelopment, APP, &[]);
    desk.refused("the private key belongs to none of the certificates: `Developer ID Application");
}

#[test]
fn a_certificate_that_has_ended_is_refused() {
    let Some(desk) = Desk::new("") else { return };
    desk.certified(APP, APP, &["http://127.0.0.1:9".to_owned()]);
    let seed = zeroize::Zeroizing::new(*b"a third seed, of 32 bytes as well");
    let old =
        Authority::new(zeroize::Zeroizing::new(*seed.first_chunk().unwrap()), 1_000_000_000, "REHEARSE01")
            .unwrap();
    fs::write(desk.path("key.der"), &*old.key(APP).unwrap().to_pkcs8().unwrap()).unwrap();
    desk.write("chain.pem", &old.chain(APP).unwrap().iter().map(|it| it.pem().unwrap()).collect::<String>());
    desk.refused("has expired");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let Some(desk) = Desk::new("") else { return };
    desk.write("out/Host.app/old", "what was signed before");
    fs::set_permissions(desk.path("out"), fs::Permissions::from_mode(0o555)).unwrap();
    let is_enforced = fs::write(desk.path("out/probe"), "").is_err();
    let mut command = if is_enforced {
        desk.command(env!("CARGO_BIN_EXE_xtask"))
    } else {
        // The superuser may write everywhere; somebody else must try.
        fs::remove_file(desk.path("out/probe")).unwrap();
        for path in [desk.folder.path().to_owned(), desk.path("target"), desk.path("target/rehearsal")] {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut command = desk.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_xtask")]);
        command
    };
    // Keys of a rehearsal are nobody else's; ad-hoc needs none.
    desk.write(
        "signing/test.toml",
        "[signing]\nmode = \"adhoc\"\nidentity = { adhoc = {} }\nnotarization = \"none\"\n",
    );
    let Ok(ended) = command.args(["sign", "Host.app", "-o", "out/Host.app", "--signing", "test"]).output()
    else {
        println!("not run: there is no `setpriv` to become somebody else with");
        return;
    };
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    if told.contains("xtask: Permission denied") {
        println!("not run: nobody else may start the program here");
        return;
    }
    assert_eq!(ended.status.code(), Some(3), "{told}");
    assert!(told.contains("out`") && told.contains("Permission denied"), "{told}");
    fs::set_permissions(desk.path("out"), fs::Permissions::from_mode(0o755)).unwrap();
    desk.old_product_is_left();
}

#[test]
fn a_disk_that_is_full_leaves_the_old_product() {
    let Some(desk) = Desk::new("") else { return };
    desk.write("out/Host.app/old", "what was signed before");
    fs::write(desk.path("Host.app/Contents/Resources/large"), vec![7; 200 << 10]).unwrap();
    // A limit on the length of files (64 blocks of 1024) ends a write half-way, as a full disk does.
    let limited = format!("trap '' XFSZ; ulimit -f 64; exec \"$0\" {SIGN}");
    let ended = desk.command("bash").args(["-c", &limited, env!("CARGO_BIN_EXE_xtask")]).output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(3), "{told}");
    assert!(told.contains("cannot copy") && told.contains("large"), "{told}");
    desk.old_product_is_left();
}

#[test]
fn a_disk_that_is_really_full_leaves_the_old_product() {
    let Some(desk) = Desk::new("") else { return };
    fs::create_dir_all(desk.path("out")).unwrap();
    fs::write(desk.path("Host.app/Contents/Resources/large"), vec![7; 200 << 10]).unwrap();
    // A mount that only the child sees; it goes away with it.
    let script = format!(
        "mount -t tmpfs -o size=160k tmpfs out || exit 77; mkdir out/Host.app; echo before > out/Host.app/old; \"$0\" {SIGN}; \
         echo \"code $?\"; find out -mindepth 1 | sort; cat out/Host.app/old"
    );
    let ended =
        desk.command("unshare").args(["-m", "bash", "-c", &script, env!("CARGO_BIN_EXE_xtask")]).output();
    let Some(ended) = ended.ok().filter(|it| it.status.code() == Some(0)) else {
        println!("not run: no right to mount a small disk");
        return;
    };
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(
        String::from_utf8_lossy(&ended.stdout),
        "code 3\nout/Host.app\nout/Host.app/old\nbefore\n",
        "{told}"
    );
    assert!(told.contains("No space left on device"), "{told}");
}

#[test]
fn a_killed_process_leaves_the_old_product_and_the_next_one_tidies_up() {
    let Some(desk) = Desk::new("") else { return };
    desk.write("out/Host.app/old", "what was signed before");
    let silent = Server::start(|_, _| Answer::Silence);
    desk.certified(APP, APP, &[silent.address().to_owned()]);
    let mut command = desk.command(env!("CARGO_BIN_EXE_xtask"));
    let child = command.args(["sign", "Host.app", "-o", "out/Host.app", "--signing", "test"]);
    let mut child = child.stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while silent.asked() == 0 {
        if let Some(status) = child.try_wait().unwrap() {
            let mut told = String::new();
            child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
            panic!("{status}: {told}");
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "it never asked for a timestamp");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Now the copy exists and is being signed.
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fs::read_to_string(desk.path("out/Host.app/old")).unwrap(), "what was signed before");
    let names = || -> Vec<String> {
        let entries = fs::read_dir(desk.path("out")).unwrap().map(|it| it.unwrap().file_name());
        entries.map(|it| it.to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names().len(), 2, "the work that was left: {:?}", names());
    desk.write(
        "signing/test.toml",
        "[signing]\nmode = \"adhoc\"\nidentity = { adhoc = {} }\nnotarization = \"none\"\n",
    );
    desk.sign().unwrap();
    assert_eq!(names(), ["Host.app"]);
    assert!(!Path::new(&desk.path("out/Host.app/old")).exists());
}
