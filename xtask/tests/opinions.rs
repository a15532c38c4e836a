//! Second opinions on what the signer makes and reads: LIEF parses our signatures, we read the key files of rcodesign.

mod common;

use std::{fs, path::PathBuf, process::Command};

use common::{Checkout, Ended, can_build, not_run};
use signer::identity::{Refusal, from_pkcs12};

/// A program on the path, or where `setup` installs them.
fn program(name: &str) -> Option<PathBuf> {
    let kept = xtask::setup::cached_programs().into_iter().map(|it| it.join(name)).find(|it| it.is_file());
    let found = which::which(name).ok().or(kept);
    if found.is_none() {
        not_run(&format!("{name} not installed"));
    }
    found
}

/// Prints, for each slice, where its signature starts, how long it is, and how much of the file is left behind it.
const READ_BY_LIEF: &str = "
import lief, sys
whole = lief.MachO.parse(sys.argv[1])  # kept: a slice is gone with its file
for it in whole:
    signature = it.code_signature
    assert signature is not None, 'no signature'
    blob = bytes(signature.content)
    last = it.get_segment('__LINKEDIT')
    end = last.file_offset + last.file_size
    print(blob[:4].hex(), signature.data_offset % 16, end - signature.data_offset - signature.data_size, it.original_size - end)
";

#[test]
fn lief_finds_each_slice_signed_to_its_end() {
    if !can_build() {
        return;
    }
    let Some(python) = program("lief-python") else { return };
    let checkout = Checkout::without_driver();
    checkout.edit("signing/rehearsal.toml", |text| {
        let (head, _) = text.split_once("[[part]]").unwrap();
        format!("{head}\n[[part]]\npath = \".\"\n")
    });
    let read = |stage: &str| {
        let app = format!("target/dist/stage/{stage}/USB Driver Host.app/Contents/MacOS/USB Driver Host");
        Ended::of(Command::new(&python).args(["-c", READ_BY_LIEF]).arg(checkout.file(&app)))
    };
    checkout.run_well(&["bundle"]);
    checkout.run_well(&["sign"]);
    let signed = read("signed/rehearsal");
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    assert_eq!(signed.stdout, "fade0cc0 0 0 0\n".repeat(2));
    let unsigned = read("bundle");
    assert_eq!(unsigned.code, Some(1), "{}", unsigned.stdout);
    assert!(unsigned.stderr.contains("no signature"), "{}", unsigned.stderr);
}

#[test]
fn a_key_file_of_rcodesign_is_read() {
    let Some(rcodesign) = program("rcodesign") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made.p12");
    let made = Ended::of(
        Command::new(rcodesign)
            .args([
                "generate-self-signed-certificate",
                "--person-name",
                "Somebody",
                "--p12-password",
                "right",
            ])
            .arg("--p12-file")
            .arg(&file),
    );
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let bytes = fs::read(&file).unwrap();
    assert!(from_pkcs12(&bytes, "right").is_ok(), "{:?}", from_pkcs12(&bytes, "right").err());
    assert!(matches!(from_pkcs12(&bytes, "wrong"), Err(Refusal::WrongPassword)));
}
