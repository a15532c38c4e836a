//! Where symbolic links lead: strict validation refuses those that leave the bundle.
//!
//! Source: Security `StaticCode.cpp`, `validateSymlinkResource` (`errSecCSInvalidSymlink`).

use std::collections::{BTreeMap, BTreeSet};

use super::{Envelope, Found, Kind, Treatment};

/// Links followed for one target; `realpath` of macOS stops at 32 (`MAXSYMLINKS`).
const MAX_LINKS: u32 = 32;
/// Where absolute links may lead.
const SYSTEM: &[&str] = &["/System/", "/Library/"];

/// Why a link is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkFault {
    /// It is absolute, and does not lead into `/System` or `/Library`.
    Absolute,
    /// It leads out of the bundle. Inside of another bundle it may be right, if that one seals what it leads to.
    Leaves,
    /// It leads to nothing, or in circles.
    Dangling,
    /// It leads to something that the seal does not cover.
    Unsealed,
}

/// The sealed links of `listing` that strict validation refuses. Whether something of the system is there is not
/// looked at.
pub fn link_faults(
    envelope: &Envelope,
    executable: Option<&str>,
    listing: &[Found],
) -> BTreeMap<String, LinkFault> {
    let bundle = Bundle::of(listing);
    let mut faults = BTreeMap::new();
    for (path, target) in &bundle.links {
        // What is not sealed is not looked at.
        if !matches!(envelope.rules.treatment(path, executable), Treatment::Sealed { .. }) {
            continue;
        }
        let fault = match target.starts_with('/') {
            true => (!SYSTEM.iter().any(|it| target.starts_with(it))).then_some(LinkFault::Absolute),
            false => match bundle.resolve(path) {
                Err(fault) => Some(fault),
                Ok(found) => (!is_covered(envelope, executable, &found)).then_some(LinkFault::Unsealed),
            },
        };
        faults.extend(fault.map(|it| ((*path).to_owned(), it)));
    }
    faults
}

/// `ResourceBuilder::includes`: the main executable is a fair target, though the rules exclude it.
fn is_covered(envelope: &Envelope, executable: Option<&str>, path: &str) -> bool {
    let treatment = |path: &str| envelope.rules.treatment(path, executable);
    if let Some((first, _)) = path.split_once('/')
        && treatment(first) == Treatment::Excluded
    {
        return false;
    }
    match treatment(path) {
        Treatment::Excluded => executable == Some(path),
        Treatment::Sealed { .. } => true,
        Treatment::Omitted | Treatment::Unmatched => false,
    }
}

struct Bundle<'a> {
    links: BTreeMap<&'a str, &'a str>,
    others: BTreeSet<&'a str>,
}

impl<'a> Bundle<'a> {
    fn of(listing: &'a [Found]) -> Self {
        let mut bundle = Self { links: BTreeMap::new(), others: BTreeSet::new() };
        for found in listing {
            match &found.kind {
                Kind::Symlink(target) => drop(bundle.links.insert(&found.path, target)),
                Kind::File | Kind::Folder | Kind::Other => drop(bundle.others.insert(found.path.as_str())),
            }
        }
        bundle
    }

    /// What `path` is after all links, relative to the bundle.
    fn resolve(&self, path: &str) -> Result<String, LinkFault> {
        let mut done: Vec<&str> = Vec::new();
        let mut open: Vec<&str> = path.split('/').rev().collect();
        let mut n_links = 0;
        while let Some(part) = open.pop() {
            match part {
                "" | "." => continue,
                ".." => {
                    done.pop().ok_or(LinkFault::Leaves)?;
                    continue;
                }
                _ => done.push(part),
            }
            let here = done.join("/");
            if let Some(target) = self.links.get(here.as_str()) {
                n_links += 1;
                if n_links > MAX_LINKS {
                    return Err(LinkFault::Dangling);
                }
                if target.starts_with('/') {
                    return Err(LinkFault::Leaves);
                }
                done.pop();
                open.extend(target.split('/').rev());
            } else if !self.others.contains(here.as_str()) {
                return Err(LinkFault::Dangling);
            }
        }
        Ok(done.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        document::plist::{Dict, Value},
        signature::seal::{Seal, defaults},
    };

    /// An app with a link `Resources/a/link` to `target`.
    #[track_caller]
    fn check(target: &str, expected: Option<LinkFault>) {
        let dict = Value::Dict(Dict::from_iter([
            ("rules2", Value::Dict(defaults::to_dict(defaults::RULES2))),
            ("files2", Value::Dict(Dict::new())),
        ]));
        let seal = Seal::of(&dict).unwrap();
        let mut listing: Vec<Found> = ["MacOS", "Resources", "Resources/a", "_CodeSignature"]
            .map(|path| Found { path: path.to_owned(), kind: Kind::Folder })
            .to_vec();
        let files = ["MacOS/App", "Resources/b", "Resources/.DS_Store", "_CodeSignature/CodeResources"];
        listing.extend(files.map(|path| Found { path: path.to_owned(), kind: Kind::File }));
        let links = [("Resources/a/link", target), ("Resources/up", ".."), ("Resources/round", "round")];
        listing.extend(links.map(|(path, to)| Found { path: path.into(), kind: Kind::Symlink(to.into()) }));
        let faults = link_faults(seal.current(), Some("MacOS/App"), &listing);
        assert_eq!(faults.get("Resources/a/link").copied(), expected, "{target}");
    }

    #[test]
    fn a_link_inside_the_bundle_is_right() {
        check("../b", None);
        check("../../MacOS/App", None);
        check("../up/Resources/./b", None);
        check("..", None);
    }

    #[test]
    fn a_link_that_leaves_the_bundle_is_refused() {
        check("../../../x", Some(LinkFault::Leaves));
        check("../up/../x", Some(LinkFault::Leaves));
    }

    #[test]
    fn an_absolute_link_may_lead_into_the_system_only() {
        check("/System/Library/x", None);
        check("/Library/x", None);
        check("/usr/lib/x", Some(LinkFault::Absolute));
        check("/Systems", Some(LinkFault::Absolute));
    }

    #[test]
    fn a_link_to_nothing_or_in_circles_is_refused() {
        check("../c", Some(LinkFault::Dangling));
        check("../round", Some(LinkFault::Dangling));
        check("link", Some(LinkFault::Dangling));
    }

    #[test]
    fn a_link_to_what_is_not_sealed_is_refused() {
        check("../.DS_Store", Some(LinkFault::Unsealed));
        check("../../_CodeSignature/CodeResources", Some(LinkFault::Unsealed));
    }
}
