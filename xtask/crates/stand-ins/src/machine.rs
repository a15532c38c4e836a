//! Tools that only tell about the machine, and those whose work needs one.

use crate::{run::Answer, synopsis::Words};

/// The machine we pretend to be: the runner as ci/README.md wants it.
const PRODUCT_VERSION: &str = "26.2";
const BUILD_VERSION: &str = "25C56";

pub(crate) fn behave(tool: &str, words: &Words) -> Answer {
    match (tool, words.verb.as_deref()) {
        ("csrutil", Some("status")) => Answer::says("System Integrity Protection status: enabled.\n"),
        ("sw_vers", _) => sw_vers(words),
        ("sysctl", _) => sysctl(words),
        ("uname", _) if words.has("-m") => Answer::says("arm64\n"),
        ("uname", _) if words.options.is_empty() || words.has("-s") => Answer::says("Darwin\n"),
        ("xcode-select", _) if words.has("-p") => {
            Answer::says("/Applications/Xcode.app/Contents/Developer\n")
        }
        ("xcodebuild", _) if words.has("-version") => Answer::says("Xcode 26.2\nBuild version 17C52\n"),
        ("systemextensionsctl", Some("list")) => Answer::says("0 extension(s)\n"),
        ("systemextensionsctl", Some("developer" | "reset")) => Answer::fails(
            1,
            "At this time, this tool cannot be used if System Integrity Protection is enabled.\n",
        ),
        ("launchctl", Some("managername")) => Answer::says("Aqua\n"),
        // Nothing of ours runs on this machine.
        ("pgrep", _) => Answer::fails(1, ""),
        _ => Answer::cannot(tool, words.verb.as_deref().unwrap_or("its work")),
    }
}

fn sw_vers(words: &Words) -> Answer {
    if words.has("--productVersion") {
        return Answer::says(format!("{PRODUCT_VERSION}\n"));
    }
    if words.has("--buildVersion") {
        return Answer::says(format!("{BUILD_VERSION}\n"));
    }
    if words.has("--productName") {
        return Answer::says("macOS\n");
    }
    Answer::says(format!(
        "ProductName:\t\tmacOS\nProductVersion:\t\t{PRODUCT_VERSION}\nBuildVersion:\t\t{BUILD_VERSION}\n"
    ))
}

fn sysctl(words: &Words) -> Answer {
    let mut text = String::new();
    for name in &words.operands {
        let value = match name.as_str() {
            "hw.optional.arm64" => "1",
            "kern.bootargs" => "",
            "hw.model" => "Mac16,10",
            _ => return Answer::fails(1, format!("sysctl: unknown oid '{name}'\n")),
        };
        text += &if words.has("-n") { format!("{value}\n") } else { format!("{name}: {value}\n") };
    }
    Answer::says(text)
}
