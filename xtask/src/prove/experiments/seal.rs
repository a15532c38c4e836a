//! Does codesign seal and sign a product as our signer does?

use super::{ask, differences, ours};
use crate::{
    prove::{Act, Answer, Experiment, Need, Sample},
    stage::files,
};

/// The same unsigned product, signed ad hoc by both.
pub const SEAL: Experiment = Experiment {
    id: "seal",
    question: "does codesign write the seal and the signature that our signer writes?",
    claim: "the driver's `CodeResources` is equal byte for byte, and every slice's signature says the same: identifier, flags, page size, special \
            hashes, requirements, entitlements; the room that is reserved for a signature differs, so the first page and the hash of \
            the code directory may",
    why: "then a signature made on Linux is the one a Mac would have made, but for the certificate",
    needs: &[Need::Sample(Sample::Apple)],
    acts: |samples| {
        let signed = samples.dext(Sample::Apple);
        let unsigned = samples.dext_of(&samples.stage(Sample::Apple).join("bundle").join(&samples.app_name));
        let copy = samples.scratch("signed-by-apple").join(&samples.dext_name);
        let entitlements = samples.scratch("driver.entitlements");
        let sign = ask("codesign", "sign a copy ad hoc")
            .args(["--force", "--sign", "-", "--options", "runtime", "--timestamp=none"])
            .args(["--generate-entitlement-der", "--entitlements"])
            .arg(&entitlements)
            .arg(&copy);
        let show = |dext: &std::path::Path| {
            samples
                .ours("say what a signature says")
                .args(["signature", "show", "--format", "json"])
                .arg(dext)
        };
        let (their_seal, our_seal) = (copy.join(SEAL_FILE), signed.join(SEAL_FILE));
        let (theirs, own) = (show(&copy), show(&signed));
        let executable = signed.join(&samples.executable);
        vec![
            Act::Make("clear", ask("rm", "remove the copy of before").arg("-rf").arg(&copy)),
            Act::Make("ditto", ask("ditto", "copy the unsigned driver").arg(&unsigned).arg(&copy)),
            Act::read("entitlements", "write the entitlements that we signed to a file", move || {
                let text = ours::entitlements_text(&executable)?;
                files::write(&entitlements, &text, 0o644)?;
                Ok(format!("{} bytes", text.len()))
            }),
            Act::Make("sign", sign),
            Act::Ask("apple", theirs),
            Act::Ask("ours", own),
            Act::read("apple seal", "digest of codesign's seal", move || ours::digest(&their_seal)),
            Act::read("ours seal", "digest of our seal", move || ours::digest(&our_seal)),
        ]
    },
    judge: |evidence| {
        let (theirs, own) =
            (facts(&evidence.asked("apple")?.stdout)?, facts(&evidence.asked("ours")?.stdout)?);
        let mut found = differences("signature", &theirs, &own);
        if evidence.read("apple seal")? != evidence.read("ours seal")? {
            found.push("the seals differ".to_owned());
        }
        Ok(Answer::unless(&found, format!("{} facts of the driver's signature, and the seal", own.len())))
    },
};

/// What depends on how much room is reserved for a signature.
const MAY_DIFFER: &[&str] = &["cdhash", "after it", "blobs"];

/// `signature show --format json`, a line for each fact of each slice.
fn facts(text: &str) -> Result<Vec<String>, String> {
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("our own reading: {error}"))?;
    let mut lines = Vec::new();
    for slice in json["signatures"].as_array().into_iter().flatten() {
        for (key, values) in slice["facts"].as_object().into_iter().flatten() {
            if MAY_DIFFER.contains(&key.as_str()) {
                continue;
            }
            let values = values.as_array().into_iter().flatten().filter_map(|it| it.as_str());
            lines.extend(values.map(|it| format!("{} {key}: {it}", slice["arch"].as_str().unwrap_or("-"))));
        }
    }
    if lines.is_empty() { Err("no signature was recorded".to_owned()) } else { Ok(lines) }
}

const SEAL_FILE: &str = "_CodeSignature/CodeResources";

#[cfg(test)]
mod tests {
    use super::{super::made_up::MadeUp, *};

    fn shown(flags: &str, cdhash: &str) -> String {
        serde_json::json!({ "signatures": [{ "arch": "arm64", "facts": { "flags": [flags], "cdhash": [cdhash] } }] })
            .to_string()
    }

    #[test]
    fn another_fact_or_another_seal_contradicts_and_another_first_page_does_not() {
        let made = || {
            MadeUp::new()
                .says("apple", &shown("0x10002", "01"))
                .says("ours", &shown("0x10002", "02"))
                .read("apple seal", "aa")
                .read("ours seal", "aa")
        };
        made().check(&SEAL, "confirmed", "1 facts");
        made().read("ours seal", "ab").check(&SEAL, "contradicted", "the seals differ");
        made().says("ours", &shown("0x2", "01")).check(&SEAL, "contradicted", "only ours: arm64 flags: 0x2");
        made().says("apple", "{}").check(&SEAL, "unclear", "no signature");
        made().fails("ours", 2, "no").check(&SEAL, "unclear", "our own reading");
    }
}
