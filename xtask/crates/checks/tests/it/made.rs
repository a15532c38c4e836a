//! A good product, written down: an app with one dext, signed by a Developer ID, with profiles, seals and a ticket.

use checks::subject::*;
use formats::{
    document::plist::{Date, Dict, Form, Plist, Value},
    image::{
        Arch, FileType, MachO, Platform, Slice, Version,
        command::{Body, BuildVersion, Command, Dylib, Range, Section, Segment},
        fat,
    },
    signature::{code_directory::ExecSegment, digest::HashType, superblob::Slot},
};

pub const NOW: Date = Date(1_790_000_000);
pub const TEAM: &str = "ABCDE12345";
pub const APP: &str = "Host.app";
pub const DEXT: &str = "Host.app/Contents/Library/SystemExtensions/com.example.driver.dext";
pub const LEAF: [u8; 32] = [7; 32];
const DAY: i64 = 86_400;

pub fn dict<const N: usize>(entries: [(&str, Value); N]) -> Dict {
    entries.into_iter().collect()
}

pub fn list(items: &[&str]) -> Value {
    Value::Array(items.iter().map(|it| Value::from(*it)).collect())
}

fn plist(dict: Dict) -> Found<Plist> {
    Found::Present(Plist { value: Value::Dict(dict), form: Form::Xml, oddities: Vec::new() })
}

pub fn personality() -> Dict {
    dict([
        ("CFBundleIdentifier", "com.example.driver".into()),
        ("CFBundleIdentifierKernel", "com.apple.kpi.iokit".into()),
        ("IOClass", "IOUserService".into()),
        ("IOProviderClass", "IOUSBHostInterface".into()),
        ("IOUserClass", "ExampleDriver".into()),
        ("IOUserServerName", "com.example.driver".into()),
        ("idVendor", 11977.into()),
        ("idProduct", 1.into()),
        ("bConfigurationValue", 1.into()),
        ("bInterfaceNumber", 0.into()),
    ])
}

fn dext_info() -> Dict {
    dict([
        ("CFBundleIdentifier", "com.example.driver".into()),
        ("CFBundleExecutable", "com.example.driver".into()),
        ("CFBundlePackageType", "DEXT".into()),
        ("CFBundleVersion", "12".into()),
        ("CFBundleShortVersionString", "1.2.0".into()),
        ("CFBundleSupportedPlatforms", list(&["DriverKit"])),
        ("OSBundleUsageDescription", "Talks to the example interface.".into()),
        ("OSMinimumDriverKitVersion", "20.4".into()),
        ("IOKitPersonalities", Value::Dict(dict([("Example", Value::Dict(personality()))]))),
    ])
}

fn app_info() -> Dict {
    dict([
        ("CFBundleIdentifier", "com.example.driver-host".into()),
        ("CFBundleExecutable", "Host".into()),
        ("CFBundlePackageType", "APPL".into()),
        ("CFBundleVersion", "340".into()),
        ("LSMinimumSystemVersion", "12.0".into()),
    ])
}

fn usb() -> Value {
    Value::Array(vec![Value::Dict(dict([("idVendor", 11977.into())]))])
}

pub fn dext_claims() -> Dict {
    dict([
        ("com.apple.application-identifier", format!("{TEAM}.com.example.driver").into()),
        ("com.apple.developer.driverkit", true.into()),
        ("com.apple.developer.driverkit.transport.usb", usb()),
        ("com.apple.security.app-sandbox", true.into()),
    ])
}

pub fn app_claims() -> Dict {
    dict([
        ("com.apple.application-identifier", format!("{TEAM}.com.example.driver-host").into()),
        ("com.apple.developer.driverkit.userclient-access", list(&["com.example.driver"])),
        ("com.apple.developer.system-extension.install", true.into()),
    ])
}

fn certificate(name: &str, issuer: &str, markers: &[&str], sha256: [u8; 32]) -> Certificate {
    Certificate {
        name: name.to_owned(),
        unit: (sha256 == LEAF).then(|| TEAM.to_owned()),
        issuer: issuer.to_owned(),
        sha256,
        not_before: Date(NOW.0 - 400 * DAY),
        not_after: Date(NOW.0 + 900 * DAY),
        extensions: markers.iter().map(|it| format!("1.2.840.113635.100.{it}")).collect(),
        is_sha1_signed: false,
    }
}

fn root() -> Anchor {
    Anchor::Pinned("Apple Root CA".to_owned())
}

pub fn cms() -> Cms {
    let chain = vec![
        certificate("Developer ID Application: Example", "Developer ID CA", &["6.1.13"], LEAF),
        certificate("Developer ID CA", "Apple Root CA", &["6.2.6"], [8; 32]),
        certificate("Apple Root CA", "Apple Root CA", &[], [9; 32]),
    ];
    Cms {
        certificates: chain.clone(),
        chain,
        anchor: root(),
        signature: Ok(()),
        message_digest: Ok(()),
        agility_v1: Agility::Agrees,
        agility_v2: Agility::Agrees,
        signing_time: Some(Date(NOW.0 - 10 * DAY)),
        timestamp: Found::Present(Timestamp {
            time: Date(NOW.0 - 10 * DAY),
            imprint: Ok(()),
            signature: Ok(()),
            anchor: root(),
            authority: "Timestamp Signer".to_owned(),
        }),
        algorithm: "RSA with SHA-256".to_owned(),
        is_weak: false,
    }
}

const LC_SEGMENT_64: u32 = 0x19;

fn segment(name: &str, file: Range, protection: u32, sections: &[(&str, u64)]) -> Command {
    let sections = sections.iter().map(|(section, size)| Section {
        name: (*section).to_owned(),
        segment: name.to_owned(),
        address: 0,
        size: *size,
        offset: 0x1000,
        align: 3,
        flags: 0,
        header_offset: 0,
    });
    let body = Body::Segment(Segment {
        name: name.to_owned(),
        address: 0,
        memory_size: file.size,
        file,
        max_protection: protection,
        protection,
        flags: 0,
        sections: sections.collect(),
    });
    command(LC_SEGMENT_64, body)
}

fn command(kind: u32, body: Body) -> Command {
    Command { kind, offset: 0x20, size: 16, body }
}

pub fn dylib(name: &str) -> Command {
    let (current, compatibility) = (Version(0), Version(0));
    command(0xc, Body::Dylib(Dylib { name: name.to_owned(), timestamp: 2, current, compatibility }))
}

pub fn build_version(platform: Platform, min_os: &str, sdk: &str) -> Command {
    let (min_os, sdk) = (min_os.parse().unwrap(), sdk.parse().unwrap());
    command(0x32, Body::BuildVersion(BuildVersion { platform, min_os, sdk, tools: Vec::new() }))
}

pub fn entry() -> Command {
    command(0x8000_0028, Body::Main { entry_offset: 0, stack_size: 0 })
}

fn macho(arch: Arch, is_dext: bool) -> MachO {
    let mut commands = vec![
        segment("__TEXT", Range { offset: 0, size: 0x4000 }, 5, &[("__text", 0x100)]),
        segment("__DATA_CONST", Range { offset: 0x4000, size: 0x1000 }, 3, &[("__osclassinfo", 8)]),
        segment("__LINKEDIT", Range { offset: 0x5000, size: 0x3000 }, 1, &[]),
        command(0x1b, Body::Uuid([arch.cputype as u8; 16])),
        command(0xe, Body::Dylinker("/usr/lib/dyld".to_owned())),
        command(0x1d, Body::Linkedit(Range { offset: 0x6000, size: 0x2000 })),
    ];
    if is_dext {
        commands.push(build_version(Platform::DRIVERKIT, "20.4", "25.5"));
        commands.push(dylib("/System/DriverKit/System/Library/Frameworks/DriverKit.framework/DriverKit"));
        commands.push(dylib("/System/DriverKit/usr/lib/libc++.dylib"));
    } else {
        commands.push(build_version(Platform::MACOS, "12.0", "15.0"));
        commands.push(dylib("/usr/lib/libSystem.B.dylib"));
        commands.push(entry());
    }
    MachO {
        arch,
        is_64: true,
        filetype: FileType::EXECUTE,
        flags: 0x0020_0085,
        commands_end: 0x800,
        size: 0x8000,
        commands,
    }
}

fn special(slot: Slot) -> SpecialSlot {
    SpecialSlot { slot, promised: Some(vec![1; 32]), actual: Some(vec![1; 32]) }
}

pub fn cdhash(path: &str, arch: Arch) -> [u8; 20] {
    let mut hash = [path.len() as u8; 20];
    hash[0] = arch.cputype as u8;
    hash
}

fn signature(path: &str, id: &str, arch: Arch, claims: Dict) -> Signature {
    let directory = Directory {
        slot: Slot::CodeDirectory,
        version: 0x20500,
        flags: 0x1_0000,
        hash_type: HashType::Sha256,
        identifier: id.to_owned(),
        team: Some(TEAM.to_owned()),
        platform: 0,
        page_shift: 14,
        limits: CodeLimits { limit: 0x6000, slots: 2, expected_slots: 2 },
        exec_segment: Some(ExecSegment { base: 0, limit: 0x4000, flags: 1 }),
        runtime: Some(0x001a_0000),
        cdhash: cdhash(path, arch),
        digest: vec![1; 32],
        bad_pages: Vec::new(),
        special: [Slot::InfoPlist, Slot::Requirements, Slot::Resources, Slot::Entitlements]
            .map(special)
            .into(),
        is_scattered: false,
    };
    Signature {
        slack: (9000, true),
        directories: vec![directory],
        entitlements: plist(claims.clone()),
        entitlements_der: Found::Present(claims),
        requirement: Found::Present(Requirement {
            text: format!("identifier \"{id}\" and anchor apple generic"),
            satisfied: Satisfied::Yes,
        }),
        cms: Found::Present(cms()),
        ..Signature::default()
    }
}

fn code(path: &str, id: &str, is_dext: bool) -> Code {
    let image = |(index, arch): (u64, Arch)| {
        let claims = if is_dext { dext_claims() } else { app_claims() };
        let exports = ["_ExampleDriver_MetaClass", "_gExampleDriver_Declaration"].map(str::to_owned);
        Ok(Image {
            slice: Slice { arch, offset: 0x4000 + index * 0x8000, size: 0x8000, align: 14 },
            macho: macho(arch, is_dext),
            exports: if is_dext { Found::Present(exports.into()) } else { Found::Absent },
            embedded_info: None,
            private_paths: Vec::new(),
            is_signature_blank: false,
            signature: Found::Present(signature(path, id, arch, claims)),
        })
    };
    let images = [(0, Arch::X86_64), (1, Arch::ARM64)].map(image).into();
    Code {
        path: path.to_owned(),
        table: Ok(Table { kind: fat::Table::Fat32, images, irregular: Vec::new() }),
    }
}

pub fn profile(id: &str, mut grants: Dict) -> Profile {
    grants.set("com.apple.developer.team-identifier", TEAM);
    grants.set("keychain-access-groups", list(&["ABCDE12345.*"]));
    grants.remove("com.apple.security.app-sandbox");
    Profile {
        plist: dict([
            ("Entitlements", Value::Dict(grants)),
            ("TeamIdentifier", list(&[TEAM])),
            ("ApplicationIdentifierPrefix", list(&[TEAM])),
            ("DeveloperCertificates", Value::Array(vec![Value::Data(vec![1])])),
            ("ExpirationDate", Date(NOW.0 + 3000 * DAY).into()),
            ("CreationDate", Date(NOW.0 - 100 * DAY).into()),
            ("Platform", list(&["OSX"])),
            ("UUID", "0".into()),
            ("Name", id.into()),
            ("TeamName", "Example".into()),
            ("TimeToLive", 6570.into()),
            ("Version", 1.into()),
            ("ProvisionsAllDevices", true.into()),
        ]),
        signature: Ok(()),
        anchor: root(),
        signer: Some(certificate("Profile Signer", "Apple Root CA", &["4.11"], [5; 32])),
        certificates: vec![LEAF],
        sha256: [3; 32],
    }
}

pub fn file(path: &str, is_macho: bool) -> File {
    let hash = path.len() as u8;
    File {
        path: path.to_owned(),
        kind: FileKind::Regular(100),
        mode: Some(0o755),
        sha1: Some([hash; 20]),
        sha256: Some([hash; 32]),
        is_apple_double: false,
        detritus: None,
        is_macho,
    }
}

pub fn folder(path: &str) -> File {
    File { kind: FileKind::Folder, sha1: None, sha256: None, ..file(path, false) }
}

fn seal(base: &str, files: &[File], leave_out: &[&str]) -> Found<Seal> {
    let entries = files.iter().filter(|it| it.kind != FileKind::Folder).filter_map(|it| {
        let path = if base.is_empty() {
            Some(it.path.as_str())
        } else {
            it.path.strip_prefix(base)?.strip_prefix('/')
        };
        let content = SealedContent::File { sha1: None, sha256: Some(it.sha256?.to_vec()) };
        Some(Sealed { path: path?.to_owned(), is_optional: false, content })
    });
    let entries = entries.filter(|it| !leave_out.contains(&it.path.as_str())).collect();
    Found::Present(Seal { has_version_2: true, base: base.to_owned(), entries, ..Seal::default() })
}

/// The product; nothing about it deserves more than a note.
pub fn good() -> Subject {
    let dext_files = vec![
        file("Info.plist", false),
        folder("_CodeSignature"),
        file("_CodeSignature/CodeResources", false),
        file("com.example.driver", true),
        file("embedded.provisionprofile", false),
    ];
    let inside = "Contents/Library/SystemExtensions/com.example.driver.dext";
    let mut app_files = vec![
        folder("Contents"),
        file("Contents/CodeResources", false),
        file("Contents/Info.plist", false),
        file("Contents/MacOS/Host", true),
        folder("Contents/_CodeSignature"),
        file("Contents/_CodeSignature/CodeResources", false),
        file("Contents/embedded.provisionprofile", false),
    ];
    app_files.extend(dext_files.iter().map(|it| {
        let path = format!("{inside}/{}", it.path);
        if it.kind == FileKind::Folder { folder(&path) } else { file(&path, it.is_macho) }
    }));
    app_files.sort_by(|a, b| a.path.cmp(&b.path));
    let app = Bundle {
        path: APP.to_owned(),
        kind: BundleKind::App,
        parent: None,
        layout: Layout::Contents,
        info: plist(app_info()),
        info_path: format!("{APP}/Contents/Info.plist"),
        executable: Some(format!("{APP}/Contents/MacOS/Host")),
        profile: Found::Present(profile("com.example.driver-host", app_claims())),
        seal: seal(
            "Contents",
            &app_files,
            &["CodeResources", "Info.plist", "MacOS/Host", "_CodeSignature/CodeResources"],
        ),
        files: app_files,
    };
    let dext = Bundle {
        path: DEXT.to_owned(),
        kind: BundleKind::Dext,
        parent: Some(APP.to_owned()),
        layout: Layout::Flat,
        info: plist(dext_info()),
        info_path: format!("{DEXT}/Info.plist"),
        executable: Some(format!("{DEXT}/com.example.driver")),
        profile: Found::Present(profile("com.example.driver", dext_claims())),
        seal: seal("", &dext_files, &["Info.plist", "com.example.driver", "_CodeSignature/CodeResources"]),
        files: dext_files,
    };
    let codes = vec![
        code(&format!("{DEXT}/com.example.driver"), "com.example.driver", true),
        code(&format!("{APP}/Contents/MacOS/Host"), "com.example.driver-host", false),
    ];
    let covers =
        codes.iter().flat_map(|code| code.images().map(|it| (2, cdhash(&code.path, it.arch())))).collect();
    let content = TicketContent { signature: Ok(()), anchor: root(), time: Date(NOW.0 - 9 * DAY), covers };
    Subject {
        path: APP.to_owned(),
        kind: SubjectKind::App,
        now: NOW,
        bundles: vec![app, dext],
        codes,
        tickets: vec![Ticket { path: APP.to_owned(), content: Found::Present(content) }],
        ..Subject::default()
    }
}

/// The dext of a subject, to damage it.
pub fn dext(subject: &mut Subject) -> &mut Bundle {
    &mut subject.bundles[1]
}

/// Info.plist of the dext.
pub fn info(subject: &mut Subject) -> &mut Dict {
    root_of(&mut dext(subject).info)
}

/// Info.plist of the app.
pub fn host_info(subject: &mut Subject) -> &mut Dict {
    root_of(&mut subject.bundles[0].info)
}

pub fn root_of(found: &mut Found<Plist>) -> &mut Dict {
    let Value::Dict(dict) = &mut found.present_mut().unwrap().value else { panic!("a dictionary") };
    dict
}

/// Changes the one personality.
pub fn with_personality(subject: &mut Subject, change: impl FnOnce(&mut Dict)) {
    let mut it =
        info(subject).get("IOKitPersonalities").unwrap().get("Example").unwrap().as_dict().unwrap().clone();
    change(&mut it);
    info(subject).set("IOKitPersonalities", dict([("Example", Value::Dict(it))]));
}

/// Changes each image of code number `index` (0 the dext's, 1 the app's).
pub fn images(subject: &mut Subject, index: usize, mut change: impl FnMut(&mut Image)) {
    for image in subject.codes[index].table.as_mut().unwrap().images.iter_mut().flatten() {
        change(image);
    }
}

/// Changes the signature of each image of that code.
pub fn signatures(subject: &mut Subject, index: usize, mut change: impl FnMut(&mut Signature)) {
    images(subject, index, |it| change(it.signature.present_mut().unwrap()));
}

/// Changes the CMS of each signature of all code.
pub fn all_cms(subject: &mut Subject, mut change: impl FnMut(&mut Cms)) {
    for index in 0..subject.codes.len() {
        signatures(subject, index, |it| change(it.cms.present_mut().unwrap()));
    }
}

/// Sets a claim of that code in both forms.
pub fn claim(subject: &mut Subject, index: usize, key: &str, value: Option<Value>) {
    signatures(subject, index, |it| {
        for dict in [root_of(&mut it.entitlements), it.entitlements_der.present_mut().unwrap()] {
            let mut entries: Vec<(String, Value)> = dict
                .iter()
                .filter(|(it, _)| *it != key)
                .map(|(key, it)| (key.to_owned(), it.clone()))
                .collect();
            entries.extend(value.clone().map(|it| (key.to_owned(), it)));
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            *dict = entries.into_iter().collect();
        }
    });
}
