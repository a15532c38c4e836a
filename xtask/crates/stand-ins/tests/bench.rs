//! The stand-ins as a program under test meets them: started by name, with a script, a state and a record.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use signer::{
    authority::{Authority, Role},
    identity::to_pkcs12,
};
use stand_ins::{Bench, QUESTION};

fn bench() -> Bench {
    Bench::with_program(Path::new(env!("CARGO_BIN_EXE_stand-in"))).unwrap()
}

fn command(bench: &Bench, line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(bench.tools().join(words.next().unwrap()));
    command.args(words).envs(bench.env());
    command
}

fn run(bench: &Bench, line: &str) -> Output {
    command(bench, line).output().unwrap()
}

#[track_caller]
fn check(bench: &Bench, line: &str, exit: i32, stdout: &str, stderr: &str) {
    let output = run(bench, line);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let found = (output.status.code(), text(&output.stdout), text(&output.stderr));
    assert_eq!(found, (Some(exit), stdout.to_owned(), stderr.to_owned()), "{line}");
}

#[track_caller]
fn succeed(bench: &Bench, line: &str) {
    let output = run(bench, line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The identity of a rehearsal, whose keys take a second to make: made once.
fn identity() -> &'static signer::identity::Identity {
    static IDENTITY: OnceLock<signer::identity::Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let authority = Authority::new([7; 32].into(), 1_790_000_000, "REHEARSE01").unwrap();
        signer::identity::Identity::rehearsal(&authority, Role::DeveloperIdApplication).unwrap()
    })
}

/// What codesign calls it.
fn sha1() -> String {
    identity().signer().unwrap().leaf().sha1().iter().map(|it| format!("{it:02X}")).collect()
}

/// A keychain with an identity and its chain, ready to sign; the search list is left as `create-keychain` left it.
fn with_identity(bench: &Bench) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let p12 = folder.path().join("identity.p12");
    let signer = identity().signer().unwrap();
    std::fs::write(&p12, to_pkcs12(signer, "x", &[[1; 8], [2; 8], [3; 8]]).unwrap()).unwrap();
    succeed(bench, "security create-keychain -p pw /k");
    for (index, certificate) in signer.chain().iter().skip(1).enumerate() {
        let file = folder.path().join(format!("{index}.cer"));
        std::fs::write(&file, certificate.der()).unwrap();
        succeed(bench, &format!("security add-certificates -k /k {}", file.display()));
    }
    succeed(bench, &format!("security import {} -k /k -f pkcs12 -P x -T /usr/bin/codesign", p12.display()));
    succeed(bench, "security set-key-partition-list -S apple-tool:,apple:,codesign: -s -k pw /k");
    folder
}

#[test]
fn a_stand_in_says_that_it_is_one() {
    let bench = bench();
    let output = run(&bench, &format!("codesign {QUESTION}"));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["stand_in"], "codesign");
    assert_eq!(answer["simulated"], true);
    assert_eq!(bench.calls().unwrap(), []);
}

#[test]
fn a_wrong_option_is_refused_before_any_script_answers() {
    let bench = bench();
    bench.script("[[result]]\ntool = \"notarytool\"\nexit = 0\n").unwrap();
    assert_eq!(run(&bench, "notarytool submit a.zip --api-key k").status.code(), Some(64));
    assert_eq!(run(&bench, "notarytool submit a.zip --key k").status.code(), Some(0));
}

#[test]
fn calls_are_recorded_in_order() {
    let bench = bench();
    bench
        .script(
            "[[result]]\ntool = \"stapler\"\narguments = [\"staple\"]\nexit = 65\nstderr = \"Error 65\"\n",
        )
        .unwrap();
    run(&bench, "csrutil status");
    run(&bench, "stapler staple A.app");
    run(&bench, "stapler unstaple A.app");
    let calls = bench.calls().unwrap();
    let told: Vec<_> = calls.iter().map(|it| (it.line(), it.exit, it.scripted, it.simulated)).collect();
    assert_eq!(
        told,
        [
            ("csrutil status".to_owned(), 0, false, true),
            ("stapler staple A.app".to_owned(), 65, true, true),
            ("stapler unstaple A.app".to_owned(), 64, false, true),
        ]
    );
}

#[test]
fn a_product_that_was_not_made_is_no_success() {
    let bench = bench();
    let output = run(&bench, "lipo -create a b -output c");
    assert_eq!(output.status.code(), Some(70));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not without a Mac"));
}

#[test]
fn a_scripted_product_is_left_behind() {
    let bench = bench();
    let folder = tempfile::tempdir().unwrap();
    let (made, goal) = (folder.path().join("made"), folder.path().join("goal"));
    std::fs::write(&made, "bytes").unwrap();
    bench
        .script(&format!(
            "[[result]]\ntool = \"hdiutil\"\nproduct = '{}'\nto = '{}'\n",
            made.display(),
            goal.display()
        ))
        .unwrap();
    check(&bench, "hdiutil create -srcfolder f a.dmg", 0, "", "");
    bench.script("").unwrap();
    assert_eq!(run(&bench, "hdiutil create -srcfolder /no/such/folder a.dmg").status.code(), Some(1));
    assert_eq!(std::fs::read(goal).unwrap(), b"bytes");
}

#[test]
fn without_a_bench_nothing_works() {
    let bench = bench();
    let output =
        Command::new(bench.tools().join("csrutil")).arg("status").env_remove("XTASK_STAND_IN_STATE").output();
    assert_eq!(output.unwrap().status.code(), Some(70));
}

#[test]
fn xcrun_runs_the_tool_it_names_and_both_know_the_options() {
    let bench = bench();
    // Whoever asks looks into it, so it is there.
    let said = run(&bench, "xcrun --sdk driverkit --show-sdk-path").stdout;
    let path = String::from_utf8(said).unwrap();
    assert!(std::path::Path::new(path.trim()).join("SDKSettings.json").is_file(), "{path}");
    check(
        &bench,
        "xcrun --find stapler",
        0,
        "/Applications/Xcode.app/Contents/Developer/usr/bin/stapler\n",
        "",
    );
    assert_eq!(run(&bench, "xcrun --find no-such-tool").status.code(), Some(72));
    assert_eq!(run(&bench, "xcrun --sdk macosx stapler staple").status.code(), Some(64));
    let lines: Vec<_> = bench.calls().unwrap().iter().map(stand_ins::Call::line).collect();
    assert!(
        lines.ends_with(&["stapler staple".to_owned(), "xcrun --sdk macosx stapler staple".to_owned()]),
        "{lines:?}"
    );
}

#[test]
fn the_search_list_is_kept_and_replaced_whole() {
    let bench = bench();
    let login = "/Users/somebody/Library/Keychains/login.keychain-db";
    check(&bench, "security list-keychains -d user", 0, &format!("    \"{login}\"\n"), "");
    succeed(&bench, "security create-keychain -p pw /k");
    check(&bench, "security list-keychains", 0, &format!("    \"{login}\"\n    \"/k\"\n"), "");
    succeed(&bench, &format!("security list-keychains -d user -s /k {login}"));
    check(&bench, "security list-keychains", 0, &format!("    \"/k\"\n    \"{login}\"\n"), "");
    succeed(&bench, "security delete-keychain /k");
    check(&bench, "security list-keychains", 0, &format!("    \"{login}\"\n"), "");
}

#[test]
fn codesign_wants_the_keychain_on_the_search_list() {
    let bench = bench();
    let folder = with_identity(&bench);
    let (file, signature) = (folder.path().join("identity.p12"), folder.path().join("signature"));
    let line = format!(
        "codesign --sign {} --timestamp=none --keychain /k -D {} {}",
        sha1(),
        signature.display(),
        file.display()
    );
    succeed(&bench, &line);
    let made = formats::signature::embedded::Signature::parse(formats::Bytes::new(
        &std::fs::read(signature).unwrap(),
    ))
    .unwrap();
    assert_eq!(made.best_directory().unwrap().team.as_deref(), Some("REHEARSE01"));
    succeed(&bench, "security list-keychains -d user -s /Users/somebody/Library/Keychains/login.keychain-db");
    let output = run(&bench, &line);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("unable to build chain") && text.contains("errSecInternalComponent"), "{text}");
}

#[test]
fn codesign_wants_an_unlocked_keychain_a_partition_list_and_a_timestamp() {
    let bench = bench();
    let folder = with_identity(&bench);
    let file = folder.path().join("identity.p12");
    let (path, id) = (file.display(), sha1());
    let line = format!("codesign --sign {id} --keychain /k -D {path}.sig {path}");
    check(&bench, &line, 1, "", &format!("{path}: The timestamp service is not available.\n"));
    succeed(&bench, "security lock-keychain /k");
    check(&bench, &line, 1, "", &format!("{path}: User interaction is not allowed.\n"));
    succeed(&bench, "security unlock-keychain -p pw /k");
    succeed(&bench, "security set-key-partition-list -S teamid:X -s -k pw /k");
    check(&bench, &line, 1, "", &format!("{path}: errSecInternalComponent\n"));
    check(
        &bench,
        &format!("codesign --sign {id} --keychain /none {path}"),
        1,
        "",
        &format!("{id}: no identity found\n"),
    );
    check(&bench, &format!("codesign --sign Nobody {path}"), 1, "", "Nobody: no identity found\n");
    check(&bench, "codesign --sign - /no/such/path", 1, "", "/no/such/path: No such file or directory\n");
    check(
        &bench,
        &format!("codesign --sign - {}", folder.path().display()),
        1,
        "",
        &format!("{}: bundle format unrecognized, invalid, or unsuitable\n", folder.path().display()),
    );
}

#[test]
fn an_identity_is_imported_with_its_password_alone() {
    let bench = bench();
    let folder = with_identity(&bench);
    let p12 = folder.path().join("identity.p12");
    let said = |password: &str| {
        let output = run(&bench, &format!("security import {} -k /k -f pkcs12 -P {password}", p12.display()));
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert!(said("wrong").1.contains("MAC verification failed"));
    assert!(said("x").1.contains("already exists"));
    let listed = run(&bench, "security find-identity -v -p codesigning /k");
    assert!(String::from_utf8(listed.stdout).unwrap().contains(&sha1()));
}

#[test]
fn a_disk_image_can_be_signed() {
    let bench = bench();
    let folder = with_identity(&bench);
    let image = folder.path().join("a.dmg");
    std::fs::create_dir(folder.path().join("f")).unwrap();
    succeed(
        &bench,
        &format!(
            "hdiutil create -volname V -srcfolder {} {}",
            folder.path().join("f").display(),
            image.display()
        ),
    );
    succeed(&bench, &format!("codesign --sign - --identifier a.dmg {}", image.display()));
    let bytes = std::fs::read(&image).unwrap();
    let trailer = formats::container::koly::Koly::read(&bytes).unwrap().unwrap();
    let place = trailer.signature.unwrap();
    let signature = formats::signature::embedded::Signature::read(&bytes, place.offset, place.len).unwrap();
    assert_eq!(signature.best_directory().unwrap().identifier, "a.dmg");
    check(
        &bench,
        &format!("codesign --sign - {}", image.display()),
        1,
        "",
        &format!("{}: is already signed\n", image.display()),
    );
}

#[test]
fn a_wrong_password_is_noticed_everywhere() {
    let bench = bench();
    let _folder = with_identity(&bench);
    assert_eq!(run(&bench, "security unlock-keychain -p other /k").status.code(), Some(51));
    assert_eq!(
        run(&bench, "security set-key-partition-list -S apple: -s -k other /k").status.code(),
        Some(51)
    );
    assert_eq!(run(&bench, "security delete-keychain /other").status.code(), Some(50));
    assert_eq!(run(&bench, "security create-keychain -p pw /k").status.code(), Some(48));
}

#[test]
fn passwords_can_travel_on_standard_input() {
    let bench = bench();
    let mut child = command(&bench, "security -i")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let script = "create-keychain -p \"p w\" /k\nunlock-keychain -p wrong /k\nlist-keychains\n";
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    // The result of the last command is the result of all; what failed before is told.
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("unlock-keychain: returned 51"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"/k\""));
    let calls = bench.calls().unwrap();
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((call.line().as_str(), call.stdin.as_deref()), ("security -i", Some(script)));
}

#[test]
fn calls_made_at_once_do_not_lose_a_keychain() {
    let bench = bench();
    let mut children: Vec<_> = (0..8)
        .map(|nth| command(&bench, &format!("security create-keychain -p pw /k{nth}")).spawn().unwrap())
        .collect();
    assert!(children.iter_mut().all(|it| it.wait().unwrap().success()));
    let output = run(&bench, "security list-keychains");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 9);
    assert_eq!(bench.calls().unwrap().len(), 9);
}

#[test]
fn compilers_make_real_objects_with_the_open_sdk() {
    let bench = bench();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("a.c"), "#include <stdio.h>\nint main(void) { return puts(\"a\"); }\n").unwrap();
    let output = run(
        &bench,
        &format!(
            "xcrun --sdk macosx clang -target arm64-apple-macos12.0 -c {} -o {}",
            path("a.c"),
            path("a.o")
        ),
    );
    if output.status.code() == Some(70) {
        eprintln!("not run: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    succeed(
        &bench,
        &format!("xcrun --sdk macosx clang -target arm64-apple-macos12.0 {} -o {}", path("a.o"), path("a")),
    );
    // MH_MAGIC_64, little endian.
    assert!(std::fs::read(path("a")).unwrap().starts_with(&[0xcf, 0xfa, 0xed, 0xfe]));
    let tools: Vec<_> = bench.calls().unwrap().into_iter().map(|it| it.tool).collect();
    assert_eq!(tools, ["clang", "xcrun", "clang", "xcrun"]);
}

#[test]
fn ditto_copies_modes_and_links() {
    let bench = bench();
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    std::fs::create_dir_all(from.join("inner")).unwrap();
    std::fs::write(from.join("inner/file"), "text").unwrap();
    std::os::unix::fs::symlink("inner/file", from.join("link")).unwrap();
    succeed(&bench, &format!("ditto {} {}", from.display(), to.display()));
    assert_eq!(std::fs::read_link(to.join("link")).unwrap(), Path::new("inner/file"));
    assert_eq!(std::fs::read(to.join("inner/file")).unwrap(), b"text");
    assert_eq!(run(&bench, "ditto /no/such/thing /tmp/x").status.code(), Some(1));
    let zip = folder.path().join("a.zip");
    succeed(&bench, &format!("ditto -c -k --keepParent {} {}", from.display(), zip.display()));
    assert!(std::fs::read(zip).unwrap().starts_with(b"PK"));
    assert_eq!(run(&bench, "ditto -c -k /no/such/thing b").status.code(), Some(1));
}
