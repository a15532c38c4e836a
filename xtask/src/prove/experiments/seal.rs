//! Does codesign seal and sign a product as our signer does?

use super::{ask, differences, ours};
use crate::prove::{Act, Answer, Experiment, Need, Sample};

/// The same unsigned product, signed ad hoc by both.
pub const SEAL: Experiment = Experiment {
    id: "seal",
    question: "does codesign write the seal and the code directory that our signer writes?",
    claim: "`CodeResources` is equal byte for byte, and so is the code directory hash of every slice, when both sign ad hoc with the \
            same entitlements, options and identifier",
    why: "then a signature made on Linux is the one a Mac would have made, but for the certificate",
    needs: &[Need::Sample(Sample::Apple)],
    acts: |samples| {
        let copy = samples.scratch("signed-by-apple").join(&samples.app_name);
        let dext = samples.dext_of(&copy);
        let sign = |what: &std::path::Path, entitlements: &str| {
            ask("codesign", "sign a copy ad hoc")
                .args([
                    "--force",
                    "--sign",
                    "-",
                    "--options",
                    "runtime",
                    "--timestamp=none",
                    "--generate-entitlement-der",
                ])
                .arg("--entitlements")
                .arg(samples.checkout.join("signing").join(entitlements))
                .arg(what)
        };
        let unsigned = samples.stage(Sample::Apple).join("bundle").join(&samples.app_name);
        let signed = samples.app(Sample::Apple);
        let (theirs, mine) = (copy.clone(), signed.clone());
        let (their_seal, our_seal) = (copy.join(APP_SEAL), signed.join(APP_SEAL));
        vec![
            Act::Make("ditto", ask("ditto", "copy the unsigned product").arg(&unsigned).arg(&copy)),
            Act::Make("sign dext", sign(&dext, "driver.entitlements")),
            Act::Make("sign app", sign(&copy, "app.entitlements")),
            Act::read("apple", "what codesign signed", move || ours::verdict(&theirs, None)),
            Act::read("ours", "what we signed", move || ours::verdict(&mine, None)),
            Act::read("apple seal", "digest of codesign's seal", move || ours::digest(&their_seal)),
            Act::read("ours seal", "digest of our seal", move || ours::digest(&our_seal)),
            Act::Ask(
                "difference",
                samples
                    .ours("say where the drivers' signatures differ")
                    .args(["signature", "diff"])
                    .args([&dext, &samples.dext(Sample::Apple)]),
            ),
        ]
    },
    judge: |evidence| {
        let code = |text: &str| -> Vec<String> {
            text.lines().filter(|it| it.starts_with("code ")).map(|it| it.replace('\t', " ")).collect()
        };
        let (theirs, own) = (code(evidence.read("apple")?), code(evidence.read("ours")?));
        if theirs.is_empty() || own.is_empty() {
            return Err("no signed code was recorded".to_owned());
        }
        let mut found = differences("signed", &theirs, &own);
        if evidence.read("apple seal")? != evidence.read("ours seal")? {
            found.push("the seals differ".to_owned());
        }
        if !found.is_empty() {
            found.extend(evidence.asked("difference").map(|it| it.stdout.trim().replace('\n', ", ")));
        }
        Ok(Answer::unless(&found, format!("{} slices, and the seal", own.len())))
    },
};

const APP_SEAL: &str = "Contents/_CodeSignature/CodeResources";

#[cfg(test)]
mod tests {
    use super::{super::made_up::MadeUp, *};

    #[test]
    fn another_hash_or_another_seal_contradicts() {
        let made = || {
            MadeUp::new()
                .read("apple", "verdict accepted\ncode A\tarm64\tx\t-\t01")
                .read("ours", "verdict accepted\ncode A\tarm64\tx\t-\t01")
                .read("apple seal", "aa")
                .read("ours seal", "aa")
                .says("difference", "arm64\n- flags: 2\n")
        };
        made().check(&SEAL, "confirmed", "1 slices");
        made().read("ours seal", "ab").check(&SEAL, "contradicted", "the seals differ");
        let other = made().read("ours", "code A\tarm64\tx\t-\t02");
        other.check(&SEAL, "contradicted", "- flags: 2");
        made().read("apple", "").check(&SEAL, "unclear", "no signed code");
    }
}
