//! The tables of codes against Apple's published headers, where there are some: in a macOS SDK, or in a folder named by `XTASK_HEADERS`
//! (`mach/kern_return.h`, `mach/message.h`, `sys/errno.h`, `IOKit/IOReturn.h`, `Security/CSCommon.h`; xnu and Security are open source).
//! A few numbers that everybody knows are held without them.

use std::{fs, path::PathBuf};

use triage::{Domain, decode};

/// Where the SDK of the command line tools lies on a Mac.
const SDK: &str = "/Library/Developer/CommandLineTools/SDKs/MacOSX.sdk";

fn header(name: &str) -> Option<String> {
    let frameworks = name
        .split_once('/')
        .map(|(framework, file)| format!("System/Library/Frameworks/{framework}.framework/Headers/{file}"));
    let mut places: Vec<PathBuf> = Vec::new();
    if let Some(folder) = std::env::var_os("XTASK_HEADERS") {
        places.push(PathBuf::from(folder).join(name));
    }
    places.push(PathBuf::from(SDK).join("usr/include").join(name));
    places.extend(frameworks.map(|it| PathBuf::from(SDK).join(it)));
    places.into_iter().find_map(|it| fs::read_to_string(it).ok())
}

/// A constant as C writes it: `8`, `-67061`, `0x10000003`, `(0x1000000a)`, `iokit_common_err(0x2bd)`.
fn number(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches(',').trim();
    if let Some(inner) = text.strip_prefix("iokit_common_err(").and_then(|it| it.strip_suffix(')')) {
        return Some(0xe000_0000 + number(inner)?);
    }
    let text = text.trim_start_matches('(').trim_end_matches(')').trim();
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `#define NAME value /* … */`, and `NAME = value, /* … */` of an enumeration.
fn constants(header: &str, prefixes: &[&str]) -> Vec<(String, i64)> {
    let mut all = Vec::new();
    for line in header.lines() {
        let line = line.split("/*").next().unwrap_or_default().split("//").next().unwrap_or_default();
        let pair = match line.trim().strip_prefix("#define") {
            Some(rest) => rest.trim().split_once(char::is_whitespace),
            None => line.trim().split_once('='),
        };
        let Some((name, value)) = pair else { continue };
        let name = name.trim();
        if let Some(value) = number(value)
            && prefixes.iter().any(|it| name.starts_with(it))
        {
            all.push((name.to_owned(), value));
        }
    }
    all
}

/// `MACH_SEND_TIMEOUT` is 0x10, `MACH_RCV_MSG` 2, and so on: bits. Results have 0x10000000, and so have a few bits alone.
fn is_option_of_mach_msg((name, value): &(String, i64)) -> bool {
    let is_result =
        (0x1000_0001..=0x1000_00ff).contains(value) || (0x1000_4001..=0x1000_40ff).contains(value);
    (name.starts_with("MACH_SEND_") || name.starts_with("MACH_RCV_")) && !is_result
}

#[track_caller]
fn check(file: &str, domain: Domain, prefixes: &[&str], leave_out: &[&str], at_least: usize) {
    let Some(header) = header(file) else {
        println!(
            "not run: `{file}` is nowhere (a Mac with its command line tools has it, or set XTASK_HEADERS)"
        );
        return;
    };
    let constants = constants(&header, prefixes);
    let constants: Vec<_> = constants.into_iter().filter(|it| !is_option_of_mach_msg(it)).collect();
    assert!(constants.len() >= at_least, "{} constants in {file}", constants.len());
    let mut wrong = Vec::new();
    for (name, value) in constants.iter().filter(|(name, _)| !leave_out.contains(&name.as_str())) {
        let decoded = decode(domain, *value);
        if !decoded.name.as_deref().is_some_and(|it| it.split(" / ").any(|it| it == name)) {
            wrong.push(format!("{name} = {value:#x} is decoded as {decoded}"));
        }
    }
    assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
}

#[test]
fn errno_is_as_in_its_header() {
    // Negative ones, and those of condition variables, never leave the kernel.
    let inner = [
        "ERESTART",
        "EJUSTRETURN",
        "ERECYCLE",
        "EREDRIVEOPEN",
        "EKEEPLOOKING",
        "EDATALESS",
        "ECVCERORR",
        "ECVPERORR",
    ];
    let aliases = ["ELAST", "EWOULDBLOCK", "EOPNOTSUPP"];
    check("sys/errno.h", Domain::Posix, &["E"], &[inner.as_slice(), &aliases].concat(), 100);
}

#[test]
fn mach_codes_are_as_in_their_headers() {
    check("mach/kern_return.h", Domain::Mach, &["KERN_"], &["KERN_RETURN_MAX"], 40);
    // Options of mach_msg share the prefix; they are not results.
    check("mach/message.h", Domain::Mach, &["MACH_SEND_", "MACH_RCV_"], &[], 35);
}

#[test]
fn io_return_is_as_in_its_header() {
    check(
        "IOKit/IOReturn.h",
        Domain::IoReturn,
        &["kIOReturn"],
        &["kIOReturnSuccess", "kIOReturnInvalid"],
        50,
    );
}

#[test]
fn code_signing_codes_are_as_in_their_header() {
    check("Security/CSCommon.h", Domain::OsStatus, &["errSecCS", "errSecMultiple"], &[], 80);
}

#[test]
fn numbers_that_everybody_knows() {
    for (domain, code, name) in [
        (Domain::Posix, 2, "ENOENT"),
        (Domain::Posix, 8, "ENOEXEC"),
        (Domain::Posix, 13, "EACCES"),
        (Domain::Posix, 86, "EBADARCH"),
        (Domain::Posix, 88, "EBADMACHO"),
        (Domain::Mach, 5, "KERN_FAILURE"),
        (Domain::Mach, 0x1000_0003, "MACH_SEND_INVALID_DEST"),
        (Domain::Mach, 0x1000_4003, "MACH_RCV_TIMED_OUT"),
        (Domain::IoReturn, 0xe000_02c2, "kIOReturnBadArgument"),
        (Domain::IoReturn, -536_870_206, "kIOReturnBadArgument"),
        (Domain::IoReturn, 0xe000_02e2, "kIOReturnNotPermitted"),
        (Domain::OsStatus, -67062, "errSecCSUnsigned"),
        (Domain::OsStatus, -67050, "errSecCSReqFailed"),
        (Domain::SystemExtension, 10, "forbiddenBySystemPolicy"),
    ] {
        assert_eq!(decode(domain, code).name.as_deref(), Some(name), "{domain:?} {code}");
    }
}
