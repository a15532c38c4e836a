//! What a release is made of, as SPDX 2.3 JSON: the app, its drivers, what they link, and the sources by digest.
//!
//! Only what the plan knows is in it. Compilers and SDKs belong to the machines that built the slices; the document says so instead of
//! naming those of the machine that happens to publish. The time is `SOURCE_DATE_EPOCH`, so the same sources give the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    build::slices,
    files,
    stamp::{hex, hex_digest},
};
use crate::{
    config::Origin,
    error::{Doing, Result},
    plan::Plan,
};

/// The document for what `plan` makes. `epoch` is the time it names.
pub fn render(plan: &Plan, epoch: u64) -> Result<String> {
    let app = &plan.product.app;
    let mut packages = Vec::new();
    let mut links = vec![relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-app")];
    packages.push(package("SPDXRef-app", &app.name, Some(&app.version), &app.origin));
    let mut frameworks: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for name in &app.frameworks {
        frameworks.entry(name).or_default().insert("SPDXRef-app".to_owned());
    }
    for driver in &plan.product.drivers {
        let id = format!("SPDXRef-driver-{}", spdx(&driver.bundle_id));
        packages.push(package(&id, &driver.bundle_id, Some(&driver.version), &driver.origin));
        links.push(relation("SPDXRef-app", "CONTAINS", &id));
        for name in &driver.frameworks {
            frameworks.entry(name).or_default().insert(id.clone());
        }
    }
    for (name, users) in &frameworks {
        let id = format!("SPDXRef-framework-{}", spdx(name));
        packages.push(json!({
            "SPDXID": id, "name": name, "supplier": "Organization: Apple Inc.", "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false, "comment": "part of macOS, linked dynamically, not in this release",
        }));
        links.extend(users.iter().map(|user| relation(user, "DYNAMIC_LINK", &id)));
    }
    let mut sources = Vec::new();
    for path in slices::sources(plan) {
        let name = plan.workspace.shown(&path).to_string();
        let bytes = files::read(&path)?;
        let id = format!("SPDXRef-source-{}", spdx(&name));
        sources.push(json!({
            "SPDXID": id, "fileName": format!("./{name}"), "fileTypes": ["SOURCE"],
            "checksums": [
                { "algorithm": "SHA1", "checksumValue": hex(&Sha1::digest(&bytes)) },
                { "algorithm": "SHA256", "checksumValue": hex_digest(&bytes) },
            ],
        }));
        links.push(relation("SPDXRef-app", "GENERATED_FROM", &id));
    }
    let stem = plan.archive_stem();
    let created = i64::try_from(epoch).ok().and_then(|it| OffsetDateTime::from_unix_timestamp(it).ok());
    let created =
        created.unwrap_or(OffsetDateTime::UNIX_EPOCH).format(&Rfc3339).doing(|| "cannot tell the time")?;
    let document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": stem,
        "documentNamespace": format!("https://spdx.org/spdxdocs/{}-{}", spdx(&stem), slices::digest(plan)?),
        "creationInfo": {
            "created": created,
            "creators": [format!("Tool: xtask-{}", env!("CARGO_PKG_VERSION"))],
        },
        "comment": "Compilers and SDKs are not listed: they belong to the machines that built the slices.",
        "packages": packages,
        "files": sources,
        "relationships": links,
    });
    let text = serde_json::to_string_pretty(&document).doing(|| "cannot write the list of parts")?;
    Ok(text + "\n")
}

fn package(id: &str, name: &str, version: Option<&str>, origin: &Origin) -> Value {
    let comment = match origin {
        Origin::Build { .. } => "built from the sources that this document lists",
        Origin::Prebuilt { .. } => "built elsewhere: what it was made from is not known here",
    };
    json!({
        "SPDXID": id, "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false, "comment": comment,
    })
}

fn relation(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

/// What an SPDX identifier may hold: letters, digits, `.` and `-` (SPDX 2.3 §3.2). What it may not becomes its code, so that two names stay two.
fn spdx(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => c.to_string(),
            '/' => "-.".to_owned(),
            other => format!("-{:x}-", u32::from(other)),
        })
        .collect()
}
