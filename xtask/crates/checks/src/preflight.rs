//! What the notary would say, in its own words, before anything is uploaded.

use crate::{Check, Finding, Policy, Severity, Subject, catalogue, run::run_one};

/// A refusal foreseen: the notary's sentence, and the finding behind it.
#[derive(Clone)]
pub struct Issue {
    /// As the notary's log has it.
    pub message: &'static str,
    /// The check that foresees it.
    pub check: &'static Check,
    /// Where, and what is wrong.
    pub finding: Finding,
}

/// Checks that foresee a refusal, and the sentence of Apple's log (collected from public logs).
const MESSAGES: [(&str, &str); 22] = [
    ("code-signed", "The binary is not signed."),
    ("signature-structure", "The signature of the binary is invalid."),
    ("page-hashes", "The signature of the binary is invalid."),
    ("code-limit", "The signature of the binary is invalid."),
    ("special-slots", "The signature of the binary is invalid."),
    ("cms-readable", "The signature of the binary is invalid."),
    ("cms-signature", "The signature of the binary is invalid."),
    ("sealed-files", "The signature of the binary is invalid."),
    ("unsealed-files", "The signature of the binary is invalid."),
    ("nested-code", "The signature of the binary is invalid."),
    ("not-ad-hoc", "The binary is not signed with a valid Developer ID certificate."),
    ("certificate-chain", "The binary is not signed with a valid Developer ID certificate."),
    ("certificate-kind", "The binary is not signed with a valid Developer ID certificate."),
    ("certificate-validity", "The binary is not signed with a valid Developer ID certificate."),
    ("secure-timestamp", "The signature does not include a secure timestamp."),
    ("hardened-runtime", "The executable does not have the hardened runtime enabled."),
    ("debug-entitlements", "The executable requests the com.apple.security.get-task-allow entitlement."),
    ("notary-sdk", "The binary uses an SDK older than the 10.9 SDK."),
    ("entitlements-readable", "Embedded entitlements are invalid: syntax error near line 1"),
    ("signature-algorithm", "The signature algorithm used is too weak."),
    ("directory-hash", "The signature algorithm used is too weak."),
    ("notary-contents", "The package has no signed executables or bundles. No tickets can be generated."),
];

/// The notary's sentence for a check, when it has one.
pub fn message(id: &str) -> Option<&'static str> {
    MESSAGES.into_iter().find(|(it, _)| *it == id).map(|(_, message)| message)
}

/// Everything that would make the notary refuse this product, as far as bytes tell.
pub fn preflight(subject: &Subject, policy: &Policy) -> Vec<Issue> {
    let foreseen = catalogue::all().filter_map(|check| Some((check, message(check.id)?)));
    let mut issues = Vec::new();
    for (check, message) in foreseen {
        let errors =
            run_one(check, subject, policy).findings.into_iter().filter(|it| it.severity == Severity::Error);
        issues.extend(errors.map(|finding| Issue { message, check, finding }));
    }
    issues
}
