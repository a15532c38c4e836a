//! Requirements, evaluated against the code they are laid upon.

use std::collections::BTreeMap;

use checks::subject::{Agrees, Bundle, Found, Requirement, Satisfied, SealedContent};
use formats::{
    document::plist::Dict,
    signature::{
        self,
        certificate::Certificate,
        chain::{self, Chain},
        digest::CdHash,
        requirement::{
            self, Expr, RequirementSet,
            evaluate::{Answer, Facts, Root, evaluate},
        },
        time::UnixTime,
    },
};

use super::Asked;

/// What evaluation needs of one signed slice, kept apart from what checks look at.
#[derive(Debug, Clone)]
pub struct Evidence {
    identifier: String,
    cdhashes: Vec<CdHash>,
    platform: u8,
    info: Option<Dict>,
    entitlements: Option<Dict>,
    certificates: Vec<Certificate>,
    has_root: bool,
    root: Root,
}

impl Evidence {
    /// What is known of a slice with that signature; `None`: it has no code directory.
    pub fn of(
        found: &signature::Signature,
        info: Option<Dict>,
        entitlements: Option<Dict>,
        asked: &Asked,
    ) -> Option<Self> {
        let directory = found.best_directory()?;
        let chain = chain_of(found, asked);
        Some(Self {
            identifier: directory.identifier.clone(),
            cdhashes: found.directories.iter().map(|it| it.1.cdhash()).collect(),
            platform: directory.platform,
            info,
            entitlements,
            has_root: chain.as_ref().is_some_and(Chain::has_root),
            root: chain.as_ref().map_or(Root::Other, |it| match it.anchor {
                // A root that was given stands for Apple's: a rehearsal is judged by the same requirement.
                chain::Anchor::Apple(_) | chain::Anchor::Given => Root::Apple,
                chain::Anchor::Unknown => Root::Other,
                chain::Anchor::Missing(_) => Root::Unknown,
            }),
            certificates: chain.map(|it| it.certificates).unwrap_or_default(),
        })
    }

    /// The first part of a requirement that does not hold: of `a and b` the one that is false.
    fn failing(&self, requirement: &requirement::Requirement) -> String {
        let requirement::Requirement::Expression(mut expr, _) = requirement.clone() else {
            return requirement.to_string();
        };
        while let Expr::And(left, right) = expr {
            let is_left = self.satisfies(&requirement::Requirement::of((*left).clone())) == Answer::False;
            expr = if is_left { *left } else { *right };
        }
        expr.to_string()
    }

    fn satisfies(&self, requirement: &requirement::Requirement) -> Answer {
        let facts = Facts {
            identifier: &self.identifier,
            cdhashes: &self.cdhashes,
            info: self.info.as_ref(),
            entitlements: self.entitlements.as_ref(),
            certificates: &self.certificates,
            has_root: self.has_root,
            root: self.root,
            platform: self.platform,
            notarized: None,
        };
        evaluate(requirement, &facts)
    }
}

/// The signer's chain, judged when it signed.
fn chain_of(found: &signature::Signature, asked: &Asked) -> Option<Chain> {
    let message = found.cms.as_ref()?;
    let signer = message.signers.first()?;
    let leaf = signer.certificate(&message.certificates)?;
    // Which way the chain takes does not depend on the time; what is expired is the concern of other checks.
    let at = signer.signing_time().unwrap_or(UnixTime(asked.now.0));
    Some(chain::build(leaf, &message.certificates, &asked.trust, at))
}

/// The designated requirement of a set, evaluated upon the code that carries it.
pub fn designated(set: &RequirementSet, evidence: Option<&Evidence>) -> Found<Requirement> {
    let Some(designated) = set.designated() else { return Found::Absent };
    let satisfied = match evidence.map(|it| it.satisfies(designated)) {
        Some(Answer::True) => Satisfied::Yes,
        Some(Answer::False) => Satisfied::No(evidence.map_or_else(String::new, |it| it.failing(designated))),
        Some(Answer::Unknown(why)) => Satisfied::Unknown(why),
        None => Satisfied::Unknown("there is no code directory".into()),
    };
    Found::Present(Requirement { text: designated.to_string(), satisfied })
}

/// Evaluates what seals demand of nested code. `evidence` is that of every signed file, by path; `mains` the main executable of each
/// bundle, by the bundle's path.
pub fn fulfil(bundles: &mut [Bundle], evidence: &BTreeMap<String, Vec<Evidence>>) {
    let mains: BTreeMap<String, String> =
        bundles.iter().filter_map(|it| Some((it.path.clone(), it.executable.clone()?))).collect();
    for bundle in bundles {
        let folder = bundle.path.clone();
        let Found::Present(seal) = &mut bundle.seal else { continue };
        let base = if seal.base.is_empty() { folder } else { format!("{folder}/{}", seal.base) };
        for entry in &mut seal.entries {
            let path = format!("{base}/{}", entry.path);
            if let SealedContent::Nested { requirement: Some((text, agrees)), .. } = &mut entry.content {
                let code = evidence.get(mains.get(&path).unwrap_or(&path));
                *agrees = meets(text, code.map(Vec::as_slice).unwrap_or_default());
            }
        }
    }
}

/// Whether every slice of some code meets a requirement given as text.
fn meets(text: &str, slices: &[Evidence]) -> Agrees {
    let requirement = requirement::parse::parse(text).map_err(|it| format!("it cannot be read: {it}"))?;
    if slices.is_empty() {
        return Err("there is no signed code at its path".into());
    }
    for slice in slices {
        match slice.satisfies(&requirement) {
            Answer::True => {}
            Answer::False => return Err(format!("`{}` does not meet it", slice.identifier)),
            Answer::Unknown(why) => return Err(format!("it cannot be evaluated here: {why}")),
        }
    }
    Ok(())
}
