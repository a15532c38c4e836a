//! Do ld64.lld and our merge make what Apple's linker and `lipo` make?

use super::{ask, differences, ours};
use crate::{
    config::Arch,
    prove::{Act, Answer, Experiment, Need, Sample},
    tools::Call,
};

/// The stubs of the SDK and the architectures in them.
pub const SDK_STUBS: Experiment = Experiment {
    id: "sdk-stubs",
    question: "do the stubs of Xcode's DriverKit SDK name arm64 and x86_64?",
    claim: "`DriverKit.tbd` lists targets for arm64 and x86_64",
    why: "stubs for arm64e alone would mean that Apple builds drivers only so (the SDK of DriverKit 27 may), and that what we \
          say about arm64e must be looked at again",
    needs: &[],
    acts: |_| {
        let path =
            ask("xcrun", "ask where the DriverKit SDK is").args(["--sdk", "driverkit", "--show-sdk-path"]);
        let targets = ask("sh", "read the targets of `DriverKit.tbd`").args(["-c", TARGETS]);
        vec![Act::Make("path", path), Act::Ask("targets", targets)]
    },
    judge: |evidence| {
        let targets = evidence.asked("targets")?;
        let text = targets.text();
        if !targets.is_success() || !text.contains("-driverkit") {
            return Err(format!("the targets were not found: {}", targets.first_line()));
        }
        let has = |arch: &str| {
            text.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_')
                .any(|it| it == format!("{arch}-driverkit"))
        };
        let lacking: Vec<String> = ["arm64", "x86_64"]
            .iter()
            .filter(|it| !has(it))
            .map(|it| {
                format!("no target {it}-driverkit in {}", text.trim().lines().next().unwrap_or_default())
            })
            .collect();
        Ok(Answer::unless(&lacking, text.lines().next().unwrap_or_default().trim()))
    },
};

/// The first list of targets: the framework's own.
const TARGETS: &str = "f=$(xcrun --sdk driverkit --show-sdk-path)/System/DriverKit/System/Library/Frameworks/DriverKit.framework; \
grep -h -m 1 targets: \"$f/DriverKit.tbd\" \"$f\"/Versions/A/DriverKit.tbd 2>/dev/null | head -n 1 | grep .";

/// The same object files, linked by both linkers.
pub const LINK: Experiment = Experiment {
    id: "link",
    question: "does ld64.lld, with our finishing, link a driver as Apple's ld does?",
    claim: "commands, segments, sections, libraries and exports are equal, but for what is known to differ and does not matter: \
            the mark of the linker, `__oslogstring` merged into `__cstring`, the flag NO_DEAD_STRIP of `__osclassinfo`",
    why: "the kernel and dyld judge a driver by these; a driver made on Linux is one that lld linked",
    needs: &[Need::Sample(Sample::Apple), Need::Sample(Sample::Crossed)],
    acts: |samples| {
        let image = |name, sample: Sample, arch| {
            let path = samples.slice(sample, arch);
            let what = format!("read the load commands of `{}`", path.display());
            Act::read(name, what, move || ours::image(&path))
        };
        let mut acts = Vec::new();
        if samples.arches.contains(&Arch::Arm64) {
            acts.push(image("apple arm64", Sample::Apple, Arch::Arm64));
            acts.push(image("lld arm64", Sample::Crossed, Arch::Arm64));
        }
        if samples.arches.contains(&Arch::X86_64) {
            acts.push(image("apple x86_64", Sample::Apple, Arch::X86_64));
            acts.push(image("lld x86_64", Sample::Crossed, Arch::X86_64));
        }
        acts
    },
    judge: |evidence| {
        let mut found = Vec::new();
        let mut compared = Vec::new();
        for arch in ["arm64", "x86_64"] {
            let (Ok(apple), Ok(lld)) =
                (evidence.read(&format!("apple {arch}")), evidence.read(&format!("lld {arch}")))
            else {
                continue;
            };
            let lines = |text: &str| -> Vec<String> {
                text.lines()
                    .filter(|it| !KNOWN.iter().any(|known| it.starts_with(known)))
                    .map(str::to_owned)
                    .collect()
            };
            found.extend(differences(arch, &lines(apple), &lines(lld)));
            compared.push(format!("{arch}: {} facts", lines(apple).len()));
        }
        if compared.is_empty() {
            return Err("no pair of slices was recorded".to_owned());
        }
        Ok(Answer::unless(&found, compared.join(", ")))
    },
};

/// What is known to differ, as the beginning of a fact.
const KNOWN: &[&str] = &[
    // lld merges it; whether the log reader misses anything is a question for a running driver.
    "section __TEXT,__oslogstring",
    "section __TEXT,__cstring",
    // lld keeps NO_DEAD_STRIP, which means nothing in a linked image.
    "section __DATA_CONST,__osclassinfo",
];

/// dyld's own judgement of both links.
pub const DYLD_VALIDATES: Experiment = Experiment {
    id: "dyld-validates",
    question: "does dyld's validator accept a driver that ld64.lld linked?",
    claim: "`dyld_info -validate_only` says of our link what it says of Apple's",
    why: "dyld applies every rule for new binaries to drivers (UUID, segment names, no LC_MAIN), and the driver path offers no second chance",
    needs: &[Need::Sample(Sample::Apple), Need::Sample(Sample::Crossed)],
    acts: |samples| {
        let validate = |name, path: std::path::PathBuf| {
            let call =
                ask("xcrun", "ask dyld to validate a driver").args(["dyld_info", "-validate_only"]).arg(path);
            Act::Ask(name, call)
        };
        vec![
            validate("apple", samples.slice(Sample::Apple, Arch::Arm64)),
            validate("lld", samples.slice(Sample::Crossed, Arch::Arm64)),
        ]
    },
    judge: |evidence| {
        let (apple, lld) = (evidence.asked("apple")?, evidence.asked("lld")?);
        if !apple.is_success() {
            return Err(format!(
                "Apple's own link is not accepted, so nothing follows: {}",
                apple.first_line()
            ));
        }
        Ok(match lld.is_success() {
            true => Answer::Confirmed("both are accepted".to_owned()),
            false => Answer::Contradicted(lld.first_line()),
        })
    },
};

/// Apple's `lipo` against our merge.
pub const LIPO: Experiment = Experiment {
    id: "lipo",
    question: "does our merge write the bytes that `lipo -create` writes?",
    claim: "the universal files are equal, byte for byte",
    why: "order, alignment and padding of slices are what strict signature checks look at before anything else",
    needs: &[Need::Sample(Sample::Apple)],
    acts: |samples| {
        let joined = samples.scratch("joined");
        let slices = samples.arches.iter().map(|arch| samples.slice(Sample::Apple, *arch).into_os_string());
        let lipo: Call = ask("xcrun", "join the slices")
            .args(["lipo", "-create"])
            .args(slices)
            .arg("-output")
            .arg(&joined);
        let info = ask("xcrun", "describe what `lipo` wrote").args(["lipo", "-detailed_info"]).arg(&joined);
        let merged = samples.universal(Sample::Apple);
        vec![
            Act::Make("lipo", lipo),
            Act::Ask("info", info),
            Act::read("apple", format!("digest of `{}`", joined.display()), move || ours::digest(&joined)),
            Act::read("ours", format!("digest of `{}`", merged.display()), move || ours::digest(&merged)),
        ]
    },
    judge: |evidence| {
        let (apple, ours) = (evidence.read("apple")?, evidence.read("ours")?);
        Ok(match apple == ours {
            true => Answer::Confirmed(format!("SHA-256 {ours}")),
            false => Answer::Contradicted(format!("`lipo` wrote {apple}, we wrote {ours}")),
        })
    },
};

#[cfg(test)]
mod tests {
    use super::{super::made_up::MadeUp, *};

    #[test]
    fn stubs_for_arm64e_alone_are_told() {
        let both = "targets: [ x86_64-driverkit, arm64-driverkit, arm64e-driverkit ]\n";
        MadeUp::new().says("targets", both).check(&SDK_STUBS, "confirmed", "arm64-driverkit");
        let only = "targets: [ x86_64-driverkit, arm64e-driverkit ]\n";
        MadeUp::new().says("targets", only).check(&SDK_STUBS, "contradicted", "no target arm64-driverkit");
        MadeUp::new().fails("targets", 1, "grep: no such file").check(&SDK_STUBS, "unclear", "no such file");
    }

    const IMAGE: &str =
        "arch arm64, execute, flags 0x00200085\ncommand LC_UUID\nsection __TEXT,__text flags 0x80000400\n";

    #[test]
    fn links_may_differ_where_it_is_known_and_nowhere_else() {
        let link = |lld: &str| MadeUp::new().read("apple arm64", IMAGE).read("lld arm64", lld);
        link(IMAGE).check(&LINK, "confirmed", "arm64: 3 facts");
        link(&format!("{IMAGE}section __TEXT,__cstring flags 0x2\n")).check(&LINK, "confirmed", "");
        link(&format!("{IMAGE}command LC_MAIN\n")).check(&LINK, "contradicted", "only ours: command LC_MAIN");
        link(&IMAGE.replace("85\n", "84\n")).check(&LINK, "contradicted", "0x00200084");
        MadeUp::new().check(&LINK, "unclear", "no pair");
    }

    #[test]
    fn a_validator_that_refuses_both_says_nothing() {
        let both =
            |apple, lld| MadeUp::new().fails("apple", apple, "bad image").fails("lld", lld, "bad lld image");
        both(0, 0).check(&DYLD_VALIDATES, "confirmed", "both");
        both(0, 1).check(&DYLD_VALIDATES, "contradicted", "bad lld image");
        both(1, 1).check(&DYLD_VALIDATES, "unclear", "bad image");
    }

    #[test]
    fn a_byte_of_difference_is_a_difference() {
        MadeUp::new().read("apple", "aa").read("ours", "aa").check(&LIPO, "confirmed", "aa");
        MadeUp::new().read("apple", "aa").read("ours", "ab").check(&LIPO, "contradicted", "we wrote ab");
        MadeUp::new().read("apple", "aa").check(&LIPO, "unclear", "`ours`");
    }
}
