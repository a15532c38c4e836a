//! Does codesign judge and read our signatures as we do?

use std::path::Path;

use super::{ask, differences, ours};
use crate::{
    inspect::codesign,
    prove::{Act, Answer, Evidence, Experiment, Need, Sample, Samples, samples::DAMAGES},
    stage::files,
    tools::Call,
};

fn verify(path: &Path, arch: Option<&str>) -> Call {
    let call =
        ask("codesign", "ask codesign for its verdict").args(["--verify", "--strict=all", "--verbose=4"]);
    let call = match arch {
        Some(arch) => call.args(["--architecture", arch]),
        None => call,
    };
    call.arg(path)
}

fn verdict(name: &'static str, path: std::path::PathBuf) -> Act {
    let what = format!("verify `{}` from its bytes", path.display());
    Act::read(name, what, move || ours::verdict(&path, None))
}

/// App and driver, each architecture.
const CODE: [(&str, &str); 4] =
    [("dext arm64", "arm64"), ("dext x86_64", "x86_64"), ("app arm64", "arm64"), ("app x86_64", "x86_64")];

fn each_code(samples: &Samples, sample: Sample, call: impl Fn(&Path, &str) -> Call) -> Vec<Act> {
    let (app, dext) = (samples.app(sample), samples.dext(sample));
    let path = |name: &str| if name.starts_with("dext") { dext.as_path() } else { app.as_path() };
    CODE.iter().map(|(name, arch)| Act::Ask(name, call(path(name), arch))).collect()
}

/// What we sign ad hoc.
pub const CODESIGN_ACCEPTS: Experiment = Experiment {
    id: "codesign-accepts",
    question: "does `codesign --verify --strict=all` accept what our signer wrote?",
    claim: "app and driver are accepted in each architecture, as our verifier accepts them",
    why: "every release signed on Linux is signed by this code; a page hash or a seal that Apple reads differently would show here first",
    needs: &[Need::Sample(Sample::Apple)],
    acts: |samples| {
        let mut acts = each_code(samples, Sample::Apple, |path, arch| verify(path, Some(arch)));
        acts.push(verdict("ours", samples.app(Sample::Apple)));
        acts
    },
    judge: |evidence| {
        let mut found = Vec::new();
        for (name, _) in CODE {
            let said = evidence.asked(name)?;
            if !said.is_success() {
                found.push(format!("codesign refuses {name}: {}", said.first_line()));
            }
        }
        let ours = evidence.read("ours")?;
        found.extend(ours.lines().filter(|it| it.starts_with("error ")).map(|it| format!("we find: {it}")));
        Ok(Answer::unless(&found, "app and driver, each architecture"))
    },
};

/// What we damaged.
pub const CODESIGN_REFUSES: Experiment = Experiment {
    id: "codesign-refuses",
    question: "does codesign refuse the damages that our verifier refuses?",
    claim: "a changed byte of code, a changed Info.plist and an added file are refused by both",
    why: "an acceptance means something only from a judge who refuses",
    needs: &[Need::Sample(Sample::Damaged)],
    acts: |samples| {
        let names = [("codesign 0", "ours 0"), ("codesign 1", "ours 1"), ("codesign 2", "ours 2")];
        let pairs = DAMAGES.iter().zip(names).flat_map(|(damage, (theirs, own))| {
            let app = samples.damaged(damage);
            [Act::Ask(theirs, verify(&app, None)), verdict(own, app)]
        });
        pairs.collect()
    },
    judge: |evidence| {
        let mut found = Vec::new();
        for (index, damage) in DAMAGES.iter().enumerate() {
            let theirs = evidence.asked(&format!("codesign {index}"))?;
            let ours = evidence.read(&format!("ours {index}"))?;
            let is_refused = ours.lines().any(|it| it == "verdict refused");
            if theirs.is_success() {
                found.push(format!("codesign accepts {damage}"));
            }
            if !is_refused {
                found.push(format!("we accept {damage}; codesign: {}", theirs.first_line()));
            }
        }
        Ok(Answer::unless(&found, DAMAGES.join(", ")))
    },
};

/// `codesign -d` against our reading.
pub const READING: Experiment = Experiment {
    id: "reading",
    question: "does codesign read our signatures as we do?",
    claim: "identifier, team and code directory hash of every slice are equal",
    why: "the harness, tickets and the staged copy are all compared by these hashes",
    needs: &[Need::Sample(Sample::Rehearsal)],
    acts: |samples| {
        let mut acts = each_code(samples, Sample::Rehearsal, |path, arch| {
            ask("codesign", "read a signature").args(["-d", "--verbose=4", "--architecture", arch]).arg(path)
        });
        acts.push(verdict("ours", samples.app(Sample::Rehearsal)));
        acts
    },
    judge: |evidence| {
        let ours = evidence.read("ours")?;
        let mut found = Vec::new();
        for (name, arch) in CODE {
            let said = evidence.asked(name)?;
            let reading = codesign::parse(&said.text());
            let text = |it: Option<String>| it.unwrap_or_else(|| "-".to_owned());
            let theirs = [text(reading.identifier), text(reading.team), text(reading.cdhash)];
            let line = ours.lines().find_map(|line| {
                let mut words = line.strip_prefix("code ")?.split('\t');
                let is_it =
                    words.next()?.contains(".dext/") == name.starts_with("dext") && words.next()? == arch;
                is_it.then(|| words.map(str::to_owned).collect::<Vec<_>>())
            });
            let line = line.ok_or_else(|| format!("we read no slice `{name}`"))?;
            if line != theirs {
                found.push(format!(
                    "{name}: codesign reads {}, we read {}",
                    theirs.join(" "),
                    line.join(" ")
                ));
            }
        }
        Ok(Answer::unless(&found, "app and driver, each architecture"))
    },
};

/// The requirement language, both ways.
pub const REQUIREMENT: Experiment = Experiment {
    id: "requirement",
    question: "does Apple print and compile a designated requirement as we do?",
    claim: "`codesign -d -r-` prints the text that we print; `csreq` compiles it to our bytes, and prints it again",
    why: "an update replaces a driver only if it satisfies the old one's requirement; a wrong one is found out by users",
    needs: &[Need::Sample(Sample::Rehearsal)],
    acts: |samples| {
        let dext = samples.dext(Sample::Rehearsal);
        let executable = dext.join(&samples.executable);
        let (text, compiled) = (samples.scratch("requirement.txt"), samples.scratch("requirement.bin"));
        let print = ask("codesign", "print the requirement").args(["-d", "-r-"]).arg(&dext);
        let compile = ask("csreq", "compile the requirement").arg("-r").arg(&text).arg("-b").arg(&compiled);
        let again = ask("csreq", "print the compiled requirement").arg("-r").arg(&compiled).arg("-t");
        let (for_bytes, goal) = (executable.clone(), text);
        vec![
            Act::Ask("print", print),
            Act::read("text", "write the requirement as we print it to a file", move || {
                let (text, _) = ours::requirement(&executable)?;
                files::write(&goal, text.as_bytes(), 0o644)?;
                Ok(text)
            }),
            Act::read("bytes", "the requirement as we encode it", move || {
                Ok(ours::requirement(&for_bytes)?.1)
            }),
            Act::Make("compile", compile),
            Act::read("compiled", format!("the bytes of `{}`", compiled.display()), move || {
                Ok(crate::stage::stamp::hex(&files::read(&compiled)?))
            }),
            Act::Ask("again", again),
        ]
    },
    judge: |evidence| {
        let ours = evidence.read("text")?.trim().to_owned();
        let print = evidence.asked("print")?.text();
        let theirs = print.lines().find_map(|it| it.split_once("designated => ")).map(|it| it.1.trim());
        let theirs = theirs.ok_or_else(|| "codesign prints no designated requirement".to_owned())?;
        let again = evidence.asked("again")?;
        let mut found = Vec::new();
        if theirs != ours {
            found.push(format!("codesign prints `{theirs}`, we print `{ours}`"));
        }
        if again.text().trim() != ours {
            found.push(format!("csreq prints `{}`, we print `{ours}`", again.text().trim()));
        }
        let (compiled, bytes) = (evidence.read("compiled")?, evidence.read("bytes")?);
        if compiled != bytes {
            found.push(format!("csreq compiles to {compiled}, we encode {bytes}"));
        }
        Ok(Answer::unless(&found, ours))
    },
};

/// Entitlements in the signature.
pub const ENTITLEMENTS: Experiment = Experiment {
    id: "entitlements",
    question: "does codesign read the entitlements that we wrote?",
    claim: "`codesign -d --entitlements -` gives the dictionary that we read of the driver",
    why: "AMFI compares each of them with the profile, value for value; what it does not read it does not grant",
    needs: &[Need::Sample(Sample::Rehearsal)],
    acts: |samples| {
        let show = |name, path: &Path| {
            let call =
                ask("codesign", "print entitlements").args(["-d", "--entitlements", "-", "--xml"]).arg(path);
            Act::Ask(name, call)
        };
        let dext = samples.dext(Sample::Rehearsal);
        let executable = dext.join(&samples.executable);
        vec![
            show("dext", &dext),
            Act::read("dext ours", "the driver's entitlements as we read them", move || {
                ours::entitlements(&executable)
            }),
        ]
    },
    judge: |evidence| {
        let said = evidence.asked("dext")?;
        if !said.is_success() {
            return Ok(Answer::Contradicted(said.first_line()));
        }
        let theirs = ours::dictionary(said.stdout.trim_end_matches('\0').as_bytes())?;
        let own: Vec<String> = evidence.read("dext ours")?.lines().map(str::to_owned).collect();
        Ok(Answer::unless(&differences("entitlement", &theirs, &own), format!("{} entitlements", own.len())))
    },
};

/// The profile, as `security` reads it.
pub const PROFILE: Experiment = Experiment {
    id: "profile",
    question: "does `security cms` read a profile as we do?",
    claim: "the property list inside is the one that we read, key for key",
    why: "a profile is CMS; what we compare entitlements with must be what macOS sees",
    needs: &[Need::Sample(Sample::Rehearsal)],
    acts: |samples| {
        let path = samples.dext(Sample::Rehearsal).join("embedded.provisionprofile");
        let call = ask("security", "read the profile").args(["cms", "-D", "-i"]).arg(&path);
        vec![
            Act::Ask("security", call),
            Act::read("ours", "the profile as we read it", move || ours::profile(&path)),
        ]
    },
    judge: |evidence: &Evidence| {
        let said = evidence.asked("security")?;
        if said.stdout.trim().is_empty() {
            return Ok(Answer::Contradicted(format!("`security` reads nothing: {}", said.first_line())));
        }
        let theirs = ours::dictionary(said.stdout.as_bytes())?;
        let own: Vec<String> = evidence.read("ours")?.lines().map(str::to_owned).collect();
        Ok(Answer::unless(&differences("profile", &theirs, &own), format!("{} keys", own.len())))
    },
};

#[cfg(test)]
mod tests {
    use super::{super::made_up::MadeUp, *};
    use crate::tools::Ended;

    fn accepted() -> MadeUp {
        let made = CODE.iter().fold(MadeUp::new(), |made, (name, _)| made.says(name, ""));
        made.read("ours", "verdict accepted")
    }

    #[test]
    fn one_refusal_of_codesign_contradicts() {
        accepted().check(&CODESIGN_ACCEPTS, "confirmed", "each architecture");
        accepted().fails("app x86_64", 1, "A.app: invalid signature").check(
            &CODESIGN_ACCEPTS,
            "contradicted",
            "codesign refuses app x86_64: A.app: invalid signature",
        );
        let ours = accepted().read("ours", "verdict refused\nerror page-hashes 3 altered");
        ours.check(&CODESIGN_ACCEPTS, "contradicted", "we find: error page-hashes");
        accepted().ended("dext arm64", Ended::Missing, "", "").check(
            &CODESIGN_ACCEPTS,
            "unclear",
            "not installed",
        );
    }

    #[test]
    fn a_damage_that_either_accepts_contradicts() {
        let refused = || {
            (0..DAMAGES.len()).fold(MadeUp::new(), |made, index| {
                made.fails(&format!("codesign {index}"), 1, "invalid")
                    .read(&format!("ours {index}"), "verdict refused")
            })
        };
        refused().check(&CODESIGN_REFUSES, "confirmed", "added-file");
        refused().says("codesign 1", "").check(
            &CODESIGN_REFUSES,
            "contradicted",
            "codesign accepts altered-info",
        );
        refused().read("ours 0", "verdict accepted").check(
            &CODESIGN_REFUSES,
            "contradicted",
            "we accept altered-code",
        );
    }

    #[test]
    fn another_hash_contradicts() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        let said = format!("Identifier=com.x\nCDHash={hash}\nTeamIdentifier=REHEARSE01\n");
        let ours = |team: &str| {
            CODE.iter()
                .map(|(name, arch)| {
                    let path =
                        if name.starts_with("dext") { "A.app/x.dext/x" } else { "A.app/Contents/MacOS/A" };
                    format!("code {path}\t{arch}\tcom.x\t{team}\t{hash}\n")
                })
                .collect::<String>()
        };
        let made =
            CODE.iter().fold(MadeUp::new(), |made, (name, _)| made.ended(name, Ended::Code(0), "", &said));
        made.clone().read("ours", &ours("REHEARSE01")).check(&READING, "confirmed", "");
        made.clone().read("ours", &ours("-")).check(
            &READING,
            "contradicted",
            "dext arm64: codesign reads com.x REHEARSE01",
        );
        made.read("ours", "verdict accepted").check(&READING, "unclear", "we read no slice");
    }

    #[test]
    fn a_requirement_is_compared_as_text_and_as_bytes() {
        let text = "identifier \"x\" and anchor apple generic";
        let made = || {
            MadeUp::new()
                .read("text", text)
                .read("bytes", "fade0c00")
                .read("compiled", "fade0c00")
                .ended("print", Ended::Code(0), &format!("designated => {text}\n"), "Executable=/x\n")
                .says("again", &format!("{text}\n"))
        };
        made().check(&REQUIREMENT, "confirmed", text);
        made().read("compiled", "fade0c01").check(&REQUIREMENT, "contradicted", "csreq compiles to fade0c01");
        made().says("print", "designated => identifier x\n").check(
            &REQUIREMENT,
            "contradicted",
            "codesign prints `identifier x`",
        );
        made().says("again", "identifier x\n").check(
            &REQUIREMENT,
            "contradicted",
            "csreq prints `identifier x`",
        );
        made().says("print", "").check(&REQUIREMENT, "unclear", "no designated");
    }

    const PLIST: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>a</key><true/></dict></plist>";

    #[test]
    fn dictionaries_are_compared_key_for_key() {
        let own = ours::dictionary(PLIST.as_bytes()).unwrap().join("\n");
        for (experiment, theirs, mine) in
            [(&ENTITLEMENTS, "dext", "dext ours"), (&PROFILE, "security", "ours")]
        {
            MadeUp::new().says(theirs, PLIST).read(mine, &own).check(experiment, "confirmed", "1 ");
            let other = PLIST.replace("true", "false");
            MadeUp::new().says(theirs, &other).read(mine, &own).check(
                experiment,
                "contradicted",
                "only Apple's: a:",
            );
            MadeUp::new().fails(theirs, 1, "no").read(mine, &own).check(experiment, "contradicted", "no");
        }
        MadeUp::new().says("dext", "junk").read("dext ours", &own).check(&ENTITLEMENTS, "unclear", "");
    }
}
