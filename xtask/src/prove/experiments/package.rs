//! Does Installer take our flat package, and does our archive unpack to what went in?

use super::{ask, differences, ours};
use crate::prove::{Act, Answer, Experiment, Need, Sample};

/// The package writer.
pub const PKG: Experiment = Experiment {
    id: "pkg",
    question: "do `pkgutil` and `installer` read our package?",
    claim: "the signature is read with our certificates, the payload unpacks to the signed app, and `installer` shows its choices",
    why: "the package is written by us, not by `productbuild`; Installer says no only on the user's machine",
    needs: &[Need::Sample(Sample::Rehearsal)],
    acts: |samples| {
        let pkg = samples.package("pkg");
        let expanded = samples.scratch("expanded");
        let (app, name) = (samples.app(Sample::Rehearsal), samples.app_name.clone());
        let payload = expanded.clone();
        vec![
            Act::Ask(
                "signature",
                ask("pkgutil", "read the package's signature").arg("--check-signature").arg(&pkg),
            ),
            Act::Ask("files", ask("pkgutil", "list the payload").arg("--payload-files").arg(&pkg)),
            Act::Ask(
                "choices",
                ask("installer", "ask Installer for the choices").arg("-pkg").arg(&pkg).args([
                    "-showChoicesXML",
                    "-target",
                    "/",
                ]),
            ),
            Act::Make("clear", ask("rm", "remove what was expanded before").arg("-rf").arg(&expanded)),
            Act::Make(
                "expand",
                ask("pkgutil", "expand the package").arg("--expand-full").arg(&pkg).arg(&expanded),
            ),
            Act::read("apple", "what was expanded", move || {
                ours::tree(&super::package::find(&payload, &name)?)
            }),
            Act::read("ours", "what was packaged", move || ours::tree(&app)),
        ]
    },
    judge: |evidence| {
        let mut found = Vec::new();
        let signature = evidence.asked("signature")?.text();
        if !signature.contains("Developer ID Installer: Rehearsal") {
            found.push(format!(
                "pkgutil does not read our certificate: {}",
                evidence.asked("signature")?.first_line()
            ));
        }
        let choices = evidence.asked("choices")?;
        if !choices.is_success() || !choices.stdout.contains("choiceIdentifier") {
            found.push(format!("installer shows no choices: {}", choices.first_line()));
        }
        if !evidence.asked("files")?.is_success() {
            found.push(format!(
                "pkgutil does not list the payload: {}",
                evidence.asked("files")?.first_line()
            ));
        }
        found.extend(differences(
            "payload",
            &unstapled(evidence.read("apple")?),
            &unstapled(evidence.read("ours")?),
        ));
        Ok(Answer::unless(&found, format!("{} entries", evidence.read("apple")?.lines().count())))
    },
};

/// The app outside carries a ticket, the one inside a package may not.
fn unstapled(tree: &str) -> Vec<String> {
    tree.lines().filter(|it| !it.starts_with("Contents/CodeResources ")).map(str::to_owned).collect()
}

/// The app somewhere below a folder.
fn find(folder: &std::path::Path, name: &str) -> crate::error::Result<std::path::PathBuf> {
    let entries = crate::stage::files::walk(folder)?;
    let found = entries.iter().find(|it| it.path.file_name().is_some_and(|it| it == name));
    found
        .map(|it| it.at(folder))
        .ok_or_else(|| crate::error::Error::tool(format!("`{name}` is not in what was expanded")))
}

/// The archive writer.
pub const ZIP: Experiment = Experiment {
    id: "zip",
    question: "does `ditto` unpack our zip to the app that went in?",
    claim: "every file, mode and link is as it was signed",
    why: "Archive Utility and ditto read the modes and links of a zip in their own way; a lost bit breaks the seal at the user's",
    needs: &[Need::Sample(Sample::Rehearsal)],
    acts: |samples| {
        let goal = samples.scratch("unzipped");
        let app = samples.app(Sample::Rehearsal);
        let unpacked = goal.join(&samples.app_name);
        vec![
            Act::Make("clear", ask("rm", "remove what was unpacked before").arg("-rf").arg(&goal)),
            Act::Make(
                "ditto",
                ask("ditto", "unpack the zip").args(["-x", "-k"]).arg(samples.package("zip")).arg(&goal),
            ),
            Act::read("apple", "what was unpacked", move || ours::tree(&unpacked)),
            Act::read("ours", "what was packed", move || ours::tree(&app)),
        ]
    },
    judge: |evidence| {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (theirs, own) = (lines(evidence.read("apple")?), lines(evidence.read("ours")?));
        if own.is_empty() {
            return Err("nothing was packed".to_owned());
        }
        Ok(Answer::unless(&differences("archive", &theirs, &own), format!("{} entries", own.len())))
    },
};

#[cfg(test)]
mod tests {
    use super::{super::made_up::MadeUp, *};

    fn pkg() -> MadeUp {
        MadeUp::new()
            .fails("signature", 1, "1. Developer ID Installer: Rehearsal (REHEARSE01)\n")
            .says("files", ".\n./A.app\n")
            .says("choices", "<key>choiceIdentifier</key>")
            .read("apple", "Contents 755 folder")
            .read("ours", "Contents 755 folder\nContents/CodeResources 644 aa")
    }

    #[test]
    fn a_package_is_read_listed_and_unpacked() {
        pkg().check(&PKG, "confirmed", "1 entries");
        pkg().fails("signature", 1, "Status: no signature").check(&PKG, "contradicted", "no signature");
        pkg().fails("choices", 1, "installer: Error").check(&PKG, "contradicted", "no choices");
        pkg().read("apple", "Contents 700 folder").check(&PKG, "contradicted", "Contents 700 folder");
        pkg().fails("files", 1, "cannot").check(&PKG, "contradicted", "does not list");
    }

    #[test]
    fn a_mode_that_is_lost_contradicts() {
        let zip = |theirs: &str| MadeUp::new().read("apple", theirs).read("ours", "x 755 aa");
        zip("x 755 aa").check(&ZIP, "confirmed", "1 entries");
        zip("x 644 aa").check(&ZIP, "contradicted", "only Apple's: x 644 aa");
        MadeUp::new().read("apple", "").read("ours", "").check(&ZIP, "unclear", "nothing");
    }
}
