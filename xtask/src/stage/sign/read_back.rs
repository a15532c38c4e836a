//! Opens what was signed from disk, with the readers that verify, and compares it with the plan.

use std::path::Path;

use formats::{
    document::{Dict, Value, plist},
    image::{MachO, Slices},
    signature::{
        code_directory::flags,
        digest::{hex, sha256},
        embedded::Signature,
        hashing::{check_pages, check_special},
        superblob::Slot,
    },
};

use super::{Planned, SigningPlan};
use crate::{
    error::{Error, Result},
    inspect::disk::Watch,
    stage::files,
};

/// Refuses when anything on disk differs from the plan; nothing was published yet.
pub fn compare(plan: &SigningPlan, work: &Path) -> Result {
    for planned in &plan.parts {
        let differences = part(plan, planned, work)?;
        if !differences.is_empty() {
            let mut error = Error::tool(format!("`{}` does not say what was planned", planned.code.shown()));
            for difference in differences {
                error = error.because(difference);
            }
            return Err(error.hint("nothing was published; this is a fault of the signer"));
        }
    }
    Ok(())
}

fn part(plan: &SigningPlan, planned: &Planned, work: &Path) -> Result<Vec<String>> {
    let path = work.join(&planned.code.executable);
    let source = Watch::default().file(&planned.code.shown(), &path)?;
    let bytes = &*source;
    let unreadable =
        |it: formats::Error| Error::tool(format!("cannot read back `{}`", path.display())).because(it);
    let slices = Slices::read(bytes).map_err(unreadable)?;
    let mut found = Vec::new();
    for slice in slices.iter().flat_map(|it| &it.slices) {
        let window = slice.window(bytes).map_err(unreadable)?;
        let image = MachO::read(&window).map_err(unreadable)?;
        let Some(range) = image.code_signature() else {
            found.push(format!("{}: no signature", slice.arch));
            continue;
        };
        let signature = Signature::read(&window, range.offset, range.size).map_err(unreadable)?;
        let differences = compare_one(plan, planned, work, &window, range.offset, &signature)?;
        found.extend(differences.into_iter().map(|it| format!("{}: {it}", slice.arch)));
    }
    if slices.is_none_or(|it| it.slices.is_empty()) {
        found.push("no image".to_owned());
    }
    Ok(found)
}

fn compare_one(
    plan: &SigningPlan,
    planned: &Planned,
    work: &Path,
    code: &dyn formats::Source,
    code_end: u64,
    signature: &Signature,
) -> Result<Vec<String>> {
    let mut found: Vec<String> =
        signature.faults.iter().map(|(slot, it)| format!("{slot:?} cannot be read: {it}")).collect();
    let mut differ = |what: &str, planned: String, on_disk: String| {
        if planned != on_disk {
            found.push(format!("{what}: planned {planned}, on disk {on_disk}"));
        }
    };
    let Some(directory) = signature.best_directory() else { return Ok(vec!["no code directory".to_owned()]) };
    differ("identifier", planned.code.identifier.clone(), directory.identifier.clone());
    differ("team", format!("{:?}", plan.identity.team()), format!("{:?}", directory.team));
    let runtime = directory.has_flags(flags::RUNTIME);
    differ("hardened runtime", planned.hardened_runtime.to_string(), runtime.to_string());
    differ("code limit", code_end.to_string(), directory.code_limit.to_string());
    differ("entitlements", claimed(planned), on_disk(signature));
    let constraints = |of: &mut dyn Iterator<Item = &(Slot, Vec<u8>)>| {
        of.map(|(slot, der)| format!("{slot}: {}", hex(&sha256(der)))).collect::<Vec<_>>().join(", ")
    };
    differ(
        "constraints",
        constraints(&mut planned.constraints.iter().map(|it| &it.blob)),
        constraints(&mut signature.constraints.iter()),
    );

    for (slot, path) in covered(planned) {
        let bytes = files::read(&work.join(path))?;
        let matches = check_special(directory, slot, &bytes);
        differ(&format!("{slot:?}"), "Some(true)".to_owned(), format!("{matches:?}"));
    }
    let directories: Vec<_> = signature.directories.iter().map(|(_, it)| it.clone()).collect();
    let pages = check_pages(code, &directories)
        .map_err(|it| Error::tool("cannot read back the pages").because(it))?;
    differ(
        "pages",
        "sound".to_owned(),
        if pages.iter().all(|it| it.is_sound()) { "sound" } else { "altered" }.to_owned(),
    );
    if let Some(signer) = plan.identity.signer() {
        differ("message", "true".to_owned(), is_signed_by(signer.leaf().der(), signature).to_string());
        let stamped =
            signature.cms.as_ref().and_then(|it| it.signers.first()).and_then(|it| it.timestamp_token());
        differ("timestamp", plan.stamper.is_some().to_string(), stamped.is_some().to_string());
    }
    Ok(found)
}

/// Whether the CMS verifies over the main code directory with the planned certificate.
fn is_signed_by(leaf: &[u8], signature: &Signature) -> bool {
    let (Some(cms), Some(directory)) = (&signature.cms, signature.directory()) else { return false };
    let Some(signer) = cms.signers.first() else { return false };
    let Some(certificate) = signer.certificate(&cms.certificates) else { return false };
    certificate.as_der() == leaf && signer.verify(directory.as_bytes(), certificate).is_ok()
}

/// The entitlements of the plan, as values: codesign may write the same ones with other blanks.
fn claimed(planned: &Planned) -> String {
    planned.claims.as_ref().map_or("none".to_owned(), |it| list(it.entitlements.values()))
}

/// The entitlements of a signature.
fn on_disk(signature: &Signature) -> String {
    let Some(xml) = &signature.entitlements else { return "none".to_owned() };
    match plist::read(xml).map(|it| it.value) {
        Ok(Value::Dict(values)) => list(&values),
        Ok(other) => format!("a {}", other.kind()),
        Err(error) => format!("unreadable: {error}"),
    }
}

fn list(values: &Dict) -> String {
    let mut all: Vec<String> = values.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    all.sort();
    all.join(", ")
}

/// Files of a bundle that its code directory covers by a hash of their own.
fn covered(planned: &Planned) -> Vec<(Slot, std::path::PathBuf)> {
    match planned.code.layout() {
        None => Vec::new(),
        Some(layout) => vec![
            (Slot::InfoPlist, layout.info.clone()),
            (Slot::Resources, layout.base.join("_CodeSignature/CodeResources")),
        ],
    }
}
