//! Launch and library constraints: from the signing file into the signature, and what `sign --plan` and `signature show` tell of them.

use formats::{
    image::Slices,
    signature::{Signature, superblob::Slot},
};
use xtask::{config::Signing, stage::sign::SigningPlan};

use super::{Desk, claims, common::Ended, open_rehearsal};

const PARTS: &str = "[[part]]\npath = \".\"\nlaunch-constraint-parent = \"parent.plist\"\nlibrary-constraint = \"library.plist\"\n";

#[test]
fn constraints_are_planned_signed_and_shown() {
    let Some(desk) = Desk::new(PARTS) else { return };
    desk.write("signing/parent.plist", &claims("<key>team-identifier</key>\n<string>REHEARSE01</string>"));
    desk.write(
        "signing/library.plist",
        &claims(
            "<key>$or</key><dict><key>validation-category</key><integer>1</integer>\
                 <key>team-identifier</key><string>REHEARSE01</string></dict>",
        ),
    );
    let signing = Signing::load("test", &desk.workspace).unwrap();
    let rehearsal = open_rehearsal(&signing, &desk.workspace, Some(&desk.path("seed"))).unwrap();
    let plan = SigningPlan::new(&desk.path("Host.app"), &signing, rehearsal.as_ref()).unwrap().to_string();
    assert!(plan.contains("launch-constraint-parent  team-identifier = \"REHEARSE01\"\n"), "{plan}");
    assert!(plan.contains("library-constraint  $or = {"), "{plan}");

    desk.sign().unwrap();
    let executable = desk.path("out/Host.app/Contents/MacOS/Host");
    let bytes = std::fs::read(&executable).unwrap();
    let slice = Slices::read(&bytes).unwrap().unwrap().slices[0];
    let window = slice.window(&bytes).unwrap();
    let range = formats::image::MachO::read(&window).unwrap().code_signature().unwrap();
    let found = Signature::read(&window, range.offset, range.size).unwrap();
    let slots: Vec<Slot> = found.constraints.iter().map(|it| it.0).collect();
    assert_eq!(slots, [Slot::LaunchConstraintParent, Slot::LibraryConstraint]);
    let directory = found.directory().unwrap();
    assert_eq!(directory.n_special_slots, 11);
    assert!(directory.special_hash(Slot::LaunchConstraintParent).is_some());
    assert!(directory.special_hash(Slot::LaunchConstraintSelf).is_none(), "none was asked for");

    let shown = Ended::of(
        std::process::Command::new(env!("CARGO_BIN_EXE_xtask")).args(["signature", "show"]).arg(&executable),
    );
    for line in [
        "team-identifier = \"REHEARSE01\"",
        "$or = {team-identifier: \"REHEARSE01\", validation-category: 1}",
    ] {
        assert!(shown.stdout.contains(line), "{line}\n{}{}", shown.stdout, shown.stderr);
    }
}

#[test]
fn a_constraint_that_cannot_be_kept_is_refused_with_the_line_that_asks() {
    let Some(desk) = Desk::new(PARTS) else { return };
    desk.refused("signing/test.toml:8: cannot use the launch-constraint-parent");
    desk.write("signing/parent.plist", &claims("<key>team</key>\n<string>REHEARSE01</string>"));
    desk.refused("`team`, which no constraint knows");
    let Some(desk) =
        Desk::new("[[part]]\npath = \"Contents/Frameworks/*\"\nlaunch-constraint-self = \"self.plist\"\n")
    else {
        return;
    };
    desk.image("Host.app/Contents/Frameworks/libx.dylib", &["-dylib"]);
    desk.write("signing/self.plist", &claims("<key>team-identifier</key>\n<string>REHEARSE01</string>"));
    desk.refused("constraints for code that is loaded, not launched");
}
