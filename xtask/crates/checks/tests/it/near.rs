//! What looks like a fault and is none: shipped, working software does it (facts about 170 real packages).

use checks::{Asked, Mode, Policy, subject::*};
use formats::{
    document::plist::{Date, Form, Oddity, OddityKind},
    image::{Arch, Platform, command::Body},
    signature::superblob::Slot,
};

use crate::{check, made::*, reported};

#[test]
fn the_good_product_deserves_no_more_than_notes() {
    check(|_| {}, &[]);
}

#[test]
fn shapes_of_bundles_that_ship() {
    check(|it| info(it).set("CFBundleIdentifier", "com.example.driver"), &[]);
    check(|it| host_info(it).set("CFBundleIdentifier", "com.example.driver-host"), &[]);
    check(|it| info(it).set("CFBundleSupportedPlatforms", list(&["MacOSX"])), &[]);
    check(|it| info(it).set("OSMinimumDriverKitVersion", "21.0"), &[]);
    check(|it| dext(it).info.present_mut().unwrap().form = Form::Binary, &[]);
    check(|it| it.bundles[0].files.push(file(".DS_Store", false)), &[]);
    let companion = |it: &mut Subject| {
        for (bundle, path) in
            [(0, "Contents/._embedded.provisionprofile"), (1, "._embedded.provisionprofile")]
        {
            it.bundles[bundle].files.push(File { is_apple_double: true, ..file(path, false) });
        }
        it.bundles[1].seal.present_mut().unwrap().unsealed.insert("._embedded.provisionprofile".into());
        it.bundles[0].seal.present_mut().unwrap().unsealed.insert("._embedded.provisionprofile".into());
    };
    check(companion, &[]);
    let attribute = |it: &mut Subject| {
        it.bundles[1].files.push(file("embedded.provisionprofile:com.apple.macl", false));
        it.bundles[1]
            .seal
            .present_mut()
            .unwrap()
            .unsealed
            .insert("embedded.provisionprofile:com.apple.macl".into());
    };
    check(attribute, &[]);
    let framework_link = |it: &mut Subject| {
        it.bundles[0]
            .files
            .push(File { kind: FileKind::Symlink("MacOS/Host".into()), ..file("Contents/link", false) });
    };
    check(framework_link, &[]);
}

#[test]
fn a_missing_file_that_is_optional_is_no_fault() {
    let optional = Sealed {
        path: "Resources/fr.lproj/x.strings".into(),
        is_optional: true,
        content: SealedContent::File { sha1: None, sha256: Some(vec![1; 32]) },
    };
    check(|it| it.bundles[0].seal.present_mut().unwrap().entries.push(optional), &[]);
}

#[test]
fn nested_code_may_be_named_by_any_slice() {
    let path = format!("{APP}/Contents/MacOS/Host");
    for arch in [Arch::X86_64, Arch::ARM64] {
        let content = SealedContent::Nested { cdhash: Some(cdhash(&path, arch).to_vec()), requirement: None };
        let entry = Sealed { path: "MacOS/Host".into(), is_optional: false, content };
        check(|it| it.bundles[0].seal.present_mut().unwrap().entries.push(entry), &[]);
    }
}

#[test]
fn personalities_that_ship() {
    check(|it| with_personality(it, |it| it.set("IOUserServerName", "com.example.other")), &[]);
    check(|it| with_personality(it, |it| drop(it.remove("CFBundleIdentifierKernel"))), &[]);
    check(|it| with_personality(it, |it| it.set("IOResourceMatch", "IOKit")), &[]);
    check(|it| with_personality(it, |it| it.set("idProduct", "*")), &[]);
    check(|it| with_personality(it, |it| drop(it.remove("CFBundleIdentifier"))), &[]);
    let virtual_device = |it: &mut formats::document::Dict| {
        it.set("IOProviderClass", "IOUserResources");
        it.set("IOResourceMatch", "IOKit");
    };
    check(|it| with_personality(it, virtual_device), &[]);
    check(|it| images(it, 0, |it| it.exports = Found::Absent), &[]);
}

#[test]
fn images_that_ship() {
    let encryption = |it: &mut Image| {
        let mut command = it.macho.commands[0].clone();
        command.body = Body::Encryption { offset: 0x1000, size: 0x1000, id: 0 };
        it.macho.commands.push(command);
    };
    check(|it| images(it, 0, encryption), &[]);
    check(|it| images(it, 0, |it| it.macho.flags |= 0x1_0000), &[]);
    let arm_floor = |it: &mut Subject| {
        info(it).set("OSMinimumDriverKitVersion", "19.4");
        images(it, 0, |it| {
            let min_os = if it.arch().is_x86_64() { "19.4" } else { "20.0" };
            it.macho.commands.retain(|it| it.kind != 0x32);
            it.macho.commands.push(build_version(Platform::DRIVERKIT, min_os, "20.4"));
        });
    };
    check(arm_floor, &[]);
    check(|it| signatures(it, 0, |it| it.directories[0].page_shift = 12), &[]);
    let empty_limit = |it: &mut Signature| it.directories[0].exec_segment.as_mut().unwrap().limit = 0;
    check(|it| signatures(it, 1, empty_limit), &[]);
    let second_directory = |it: &mut Signature| {
        let mut sha1 = it.directories[0].clone();
        sha1.hash_type = formats::signature::digest::HashType::Sha1;
        it.directories[0].slot = Slot::from_number(0x1000);
        it.directories.insert(0, sha1);
    };
    check(|it| signatures(it, 0, second_directory), &[]);
}

#[test]
fn a_comment_in_entitlements_ships() {
    let comment = |it: &mut Signature| {
        it.entitlements
            .present_mut()
            .unwrap()
            .oddities
            .push(Oddity { offset: 0x12d, kind: OddityKind::Comment });
    };
    check(|it| signatures(it, 1, comment), &[]);
}

#[test]
fn identities_that_ship() {
    let later = 86_400 * 4000;
    check(|it| all_cms(it, |it| it.chain[0].not_after = Date(NOW.0 - 86_400)), &[]);
    check(|it| all_cms(it, |it| it.chain[1].is_sha1_signed = true), &[]);
    check(|it| all_cms(it, |it| it.chain[2].is_sha1_signed = true), &[]);
    check(|it| claim(it, 1, "com.apple.application-identifier", None), &[]);
    check(|it| claim(it, 0, "com.apple.security.app-sandbox", None), &[]);
    check(|it| claim(it, 1, "com.apple.security.app-sandbox", Some(false.into())), &[]);
    check(|it| claim(it, 0, "com.apple.developer.driverkit.family.hid.device", Some(false.into())), &[]);
    let extra = |it: &mut Subject| {
        let profile = dext(it).profile.present_mut().unwrap();
        let mut grants = profile.entitlements().unwrap().clone();
        grants.set("com.apple.developer.hid.virtual.device", true);
        profile.plist.set("Entitlements", grants);
    };
    check(extra, &[]);
    check(
        |it| it.bundles[1].profile.present_mut().unwrap().plist.set("ExpirationDate", Date(NOW.0 + later)),
        &[],
    );
    let empty = |it: &mut Subject| {
        signatures(it, 1, |it| it.slack = (0, true));
        dext(it).files[0].mode = None;
    };
    check(empty, &[]);
}

#[test]
fn a_ticket_on_the_package_alone_is_enough() {
    let packed = |it: &mut Subject| {
        it.containers.push(Container {
            path: "Host.pkg".into(),
            kind: ContainerKind::Pkg,
            signature: Found::Present({
                let mut cms = cms();
                cms.chain[0].extensions = vec!["1.2.840.113635.100.6.1.14".into()];
                cms
            }),
            digest: Ok(()),
            ticket_hashes: vec![(1, [4; 20])],
            components: vec![Component { location: Some("/Applications".into()), ..Component::default() }],
            bad_members: Vec::new(),
        });
        it.tickets[0].path = "Host.pkg".into();
        it.tickets[0].content.present_mut().unwrap().covers.insert((1, [4; 20]));
    };
    check(packed, &[]);
    let wrong_place = |it: &mut Subject| {
        packed(it);
        it.containers[0].components[0].location = Some("/Library/Drivers".into());
        it.containers[0].bad_members.push("`../x` leaves the folder".into());
        it.containers[0].digest = Err("the table differs".into());
    };
    check(wrong_place, &["archive-members", "container-signature", "install-location"]);
}

/// Signs the good product for development.
fn development(it: &mut Subject) {
    all_cms(it, |it| {
        it.chain[0].extensions = vec!["1.2.840.113635.100.6.1.12".into()];
        it.chain[1].extensions = vec!["1.2.840.113635.100.6.2.1".into()];
        it.timestamp = Found::Absent;
    });
    for bundle in &mut it.bundles {
        let profile = bundle.profile.present_mut().unwrap();
        profile.plist.remove("ProvisionsAllDevices");
        profile.plist.set("ProvisionedDevices", list(&["00008103-000A"]));
    }
    it.tickets.clear();
    claim(it, 0, "com.apple.security.get-task-allow", Some(true.into()));
    claim(it, 1, "com.apple.security.get-task-allow", Some(true.into()));
}

#[test]
fn a_development_build_is_not_told_off_for_missing_notarization() {
    check(development, &[]);
    let mut subject = good();
    development(&mut subject);
    let policy = Policy { device: Some(Asked::plain("00008103-000B".into())), ..Policy::default() };
    assert_eq!(reported(&subject, &policy), ["profile-devices"].into());
    let policy = Policy { mode: Some(Asked::plain(Mode::Distribution)), ..Policy::default() };
    let ids = reported(&subject, &policy);
    assert!(ids.contains("certificate-kind") && ids.contains("debug-entitlements"), "{ids:?}");
}

#[test]
fn an_ad_hoc_build_is_not_asked_for_a_certificate() {
    let ad_hoc = |it: &mut Subject| {
        for index in 0..2 {
            signatures(it, index, |it| {
                it.cms = Found::Absent;
                it.requirement = Found::Absent;
                it.directories[0].flags = 2;
                it.directories[0].team = None;
            });
        }
        it.tickets.clear();
        it.bundles.iter_mut().for_each(|it| it.profile = Found::Absent);
        for bundle in &mut it.bundles {
            bundle.seal.present_mut().unwrap().entries.retain(|it| it.path != "embedded.provisionprofile");
        }
    };
    check(ad_hoc, &[]);
    let mut subject = good();
    ad_hoc(&mut subject);
    let asked = Asked::by(Mode::Distribution, "`mode`, signing/developer-id.toml:2");
    let outcomes = checks::run(&subject, &Policy { mode: Some(asked), ..Policy::default() });
    let ad_hoc = outcomes.iter().find(|it| it.check.id == "not-ad-hoc").unwrap();
    assert_eq!(ad_hoc.findings[0].asked_by.as_deref(), Some("`mode`, signing/developer-id.toml:2"));
}

#[test]
fn a_rehearsal_is_never_taken_for_distribution() {
    let rehearsed = |it: &mut Subject| {
        let given = || Anchor::Given("Rehearsal Root".into());
        all_cms(it, |it| {
            it.anchor = given();
            it.timestamp.present_mut().unwrap().anchor = given();
        });
        it.bundles.iter_mut().for_each(|it| it.profile.present_mut().unwrap().anchor = given());
        it.tickets[0].content.present_mut().unwrap().anchor = given();
    };
    check(rehearsed, &[]);
    let mut subject = good();
    rehearsed(&mut subject);
    assert_eq!(Mode::recognise(&subject), Mode::Rehearsal);
    let policy = Policy { mode: Some(Asked::plain(Mode::Distribution)), ..Policy::default() };
    let ids = reported(&subject, &policy);
    assert!(ids.contains("certificate-chain") && ids.contains("ticket-genuine"), "{ids:?}");
}

#[test]
fn wishes_of_the_plan_are_held_against_the_product() {
    let asked = |policy: Policy| reported(&good(), &policy).into_iter().collect::<Vec<_>>();
    let both = || Some(Asked::plain(vec![Arch::X86_64, Arch::ARM64]));
    assert!(asked(Policy { dext_archs: both(), app_archs: both(), ..Policy::default() }).is_empty());
    let one = Some(Asked::plain(vec![Arch::ARM64]));
    assert_eq!(asked(Policy { dext_archs: one, ..Policy::default() }), ["expected-architectures"]);
    let other = Some(Asked::plain("ZZZZZ99999".to_owned()));
    assert_eq!(asked(Policy { team: other, ..Policy::default() }), ["team"]);
    let missing = Some(Asked::plain(vec!["com.example.second".to_owned()]));
    assert_eq!(asked(Policy { dext_ids: missing, ..Policy::default() }), ["expected-bundles"]);
    let old = Some(Asked::plain("10.15".parse().unwrap()));
    assert_eq!(asked(Policy { min_macos: old, ..Policy::default() }), ["minimum-driverkit"]);
}
