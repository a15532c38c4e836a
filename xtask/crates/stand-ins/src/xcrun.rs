//! `xcrun`: finds the tools of the selected Xcode, or runs one.

use crate::{manual, run::Answer, synopsis::Words};

/// Where the simulated Xcode is.
const XCODE: &str = "/Applications/Xcode.app/Contents/Developer";

/// The call inside `xcrun TOOL ARGUMENTS…`.
pub(crate) struct Inner<'a> {
    pub tool: &'a str,
    /// The SDK it is run for.
    pub sdk: Option<&'a str>,
    pub args: &'a [String],
}

/// The tool that xcrun would run, when it would run one: its own options come first and end at the tool's name.
pub(crate) fn inner(args: &[String]) -> Option<Inner<'_>> {
    let mut at = 0;
    let mut sdk = None;
    while let Some(word) = args.get(at) {
        match word.as_str() {
            "--sdk" | "-sdk" => {
                sdk = args.get(at + 1).map(String::as_str);
                at += 2;
            }
            "--toolchain" | "-toolchain" => at += 2,
            "-v" | "--verbose" | "-l" | "--log" | "-r" | "--run" | "-n" | "--no-cache" | "-k"
            | "--kill-cache" => at += 1,
            it if it.starts_with('-') => return None,
            tool => {
                return manual::page(tool).map(|_| Inner {
                    tool,
                    sdk,
                    args: args.get(at + 1..).unwrap_or_default(),
                });
            }
        }
    }
    None
}

/// What is known without an Xcode: where things would be.
pub(crate) fn behave(words: &Words) -> Answer {
    let sdk = words.value("--sdk").unwrap_or("macosx");
    if words.has("-f") {
        let tool = words.operands.first().map_or("", String::as_str);
        return match manual::page(tool) {
            Some(_) => Answer::says(format!("{XCODE}/usr/bin/{tool}\n")),
            None => Answer::fails(
                72,
                format!("xcrun: error: unable to find utility \"{tool}\", not a developer tool or in PATH\n"),
            ),
        };
    }
    let platform = match sdk {
        "macosx" => "MacOSX",
        "driverkit" => "DriverKit",
        _ => return Answer::fails(1, format!("xcrun: error: SDK \"{sdk}\" cannot be located\n")),
    };
    if words.has("--show-sdk-path") {
        // Whoever asks looks into it: our subset stands in for what a real Xcode has there.
        return match crate::portable::open_sdk(sdk) {
            Ok(folder) => Answer::says(format!("{}\n", folder.display())),
            Err(_) => {
                Answer::says(format!("{XCODE}/Platforms/{platform}.platform/Developer/SDKs/{platform}.sdk\n"))
            }
        };
    }
    Answer::cannot("xcrun", "running a tool that has no stand-in")
}
