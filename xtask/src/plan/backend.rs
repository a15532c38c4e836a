//! Whose tools do which task, and why.
//!
//! | task | on a Mac | elsewhere |
//! |---|---|---|
//! | build | xcrun: clang++, ld, iig, dsymutil, strip | clang and ld64.lld |
//! | sign | codesign; a rehearsal signs itself | our signer |
//! | notarize | our client; notarytool where a keychain profile has the credentials | our client |
//! | staple | our stapler | our stapler |
//! | package | ditto, pkgbuild, productsign, hdiutil; a rehearsal packs itself | our writers; no disk image |
//!
//! `--backend` decides for all, `--backend-of TASK=BACKEND` for one. Merging and bundling have one way: the architecture policy and the
//! layout are ours on every host.

use std::{collections::BTreeMap, str::FromStr};

use serde::Serialize;

use super::{Backend, BackendChoice, Stage};
use crate::{
    config::{IdentitySource, Mode, Notarization, Signing},
    error::{Error, Result},
};

/// What can be done by Apple's tools or by ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Compile, link, take out symbols.
    Build,
    /// Sign code.
    Sign,
    /// Submit and wait.
    Notarize,
    /// Attach tickets.
    Staple,
    /// Make containers.
    Package,
}

impl Task {
    /// All of them, in the order of the chain.
    pub const ALL: [Self; 5] = [Self::Build, Self::Sign, Self::Notarize, Self::Staple, Self::Package];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Sign => "sign",
            Self::Notarize => "notarize",
            Self::Staple => "staple",
            Self::Package => "package",
        }
    }
}

/// `sign=portable`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exception {
    /// For which task.
    pub task: Task,
    /// Whose tools.
    pub backend: Backend,
}

impl FromStr for Exception {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let tasks = || Task::ALL.map(Task::name).join(", ");
        let (task, backend) = text.split_once('=').ok_or("it looks like `sign=portable`")?;
        let task = Task::ALL.into_iter().find(|it| it.name() == task);
        let task = task.ok_or_else(|| format!("the task is one of {}", tasks()))?;
        let backend = match backend {
            "apple" => Backend::Apple,
            "portable" => Backend::Portable,
            _ => return Err("the backend is `apple` or `portable`".to_owned()),
        };
        Ok(Self { task, backend })
    }
}

/// A backend and the reason for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Chosen {
    /// Whose tools.
    pub backend: Backend,
    /// Why.
    pub why: &'static str,
}

/// The backend of every task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Backends(BTreeMap<Task, Chosen>);

impl Backends {
    /// Decides. `is_mac`: whether Apple's tools can exist here.
    pub fn choose(
        asked: BackendChoice,
        exceptions: &[Exception],
        is_mac: bool,
        signing: &Signing,
    ) -> Result<Self> {
        let notarytool = Exception { task: Task::Notarize, backend: Backend::Apple };
        if exceptions.contains(&notarytool) && !has_profile(signing) {
            return Err(Error::usage("`--backend-of notarize=apple` needs a keychain profile")
                .because("`notarytool` is used where one holds the credentials; our client speaks to the same service with a key")
                .hint(format!("name it as `keychain-profile` in {}", signing.shown)));
        }
        let chosen = Task::ALL.into_iter().map(|task| {
            let exception = exceptions.iter().rev().find(|it| it.task == task).map(|it| it.backend);
            let chosen = match (exception, asked) {
                (Some(backend), _) => Chosen { backend, why: "asked for by `--backend-of`" },
                (None, BackendChoice::Apple) => Chosen { backend: Backend::Apple, why: "asked for" },
                (None, BackendChoice::Portable) => Chosen { backend: Backend::Portable, why: "asked for" },
                (None, BackendChoice::Auto) => by_itself(task, is_mac, signing),
            };
            let chosen = reconsidered(task, chosen, is_mac, signing);
            (task, chosen)
        });
        let all = Self(chosen.collect());
        match all.0.iter().find(|(_, it)| it.backend == Backend::Apple && !is_mac) {
            None => Ok(all),
            Some((task, _)) => {
                Err(Error::usage(format!("Apple's tools to {} need a Mac with Xcode", task.name()))
                    .hint("use `--backend portable`, or `auto`"))
            }
        }
    }

    /// The backend of a task.
    pub fn of(&self, task: Task) -> Chosen {
        self.0
            .get(&task)
            .copied()
            .unwrap_or(Chosen { backend: Backend::Portable, why: "there is no other way" })
    }

    /// The backend of a stage of the chain.
    pub fn of_stage(&self, stage: Stage) -> Chosen {
        match stage {
            Stage::Generate | Stage::Compile | Stage::Link | Stage::Symbols => self.of(Task::Build),
            Stage::Sign => self.of(Task::Sign),
            Stage::Notarize => self.of(Task::Notarize),
            Stage::Package => self.of(Task::Package),
            Stage::Merge | Stage::Bundle | Stage::Verify => {
                Chosen { backend: Backend::Portable, why: "the rules are ours on every host" }
            }
        }
    }

    /// Every task with its backend, in the order of the chain.
    pub fn iter(&self) -> impl Iterator<Item = (Task, Chosen)> {
        self.0.iter().map(|(task, chosen)| (*task, *chosen))
    }
}

fn by_itself(task: Task, is_mac: bool, signing: &Signing) -> Chosen {
    let apple = |why| Chosen { backend: Backend::Apple, why };
    let portable = |why| Chosen { backend: Backend::Portable, why };
    if !is_mac {
        return portable("this is not a Mac");
    }
    let is_rehearsal = *signing.mode == Mode::Rehearsal;
    match task {
        Task::Build => apple("this is a Mac"),
        Task::Sign | Task::Package if is_rehearsal => {
            portable("no keychain trusts a rehearsal, whose keys stay here")
        }
        Task::Sign | Task::Package => apple("this is a Mac"),
        Task::Notarize => portable("our client goes on after an interruption"),
        Task::Staple => {
            portable("our stapler writes the same bytes, and proves that the ticket covers all code")
        }
    }
}

/// Whether notarytool's credentials are named: a profile is in a keychain, and only that tool reads it.
fn has_profile(signing: &Signing) -> bool {
    let is_apple = *signing.notarization == Notarization::Apple;
    is_apple && signing.notary.as_ref().is_some_and(|it| it.keychain_profile.is_some())
}

/// What cannot be done the way that was chosen, whoever chose.
fn reconsidered(task: Task, chosen: Chosen, is_mac: bool, signing: &Signing) -> Chosen {
    let portable = |why| Chosen { backend: Backend::Portable, why };
    let is_local = *signing.notarization != Notarization::Apple;
    match (task, chosen.backend) {
        (Task::Notarize, _) if is_mac && has_profile(signing) => Chosen {
            backend: Backend::Apple,
            why: "the credentials are in a keychain profile, which only notarytool reads",
        },
        (Task::Notarize, _) => portable("our client has the key, and goes on after an interruption"),
        (Task::Staple, Backend::Apple) if is_local => portable("Apple's stapler knows Apple's notary alone"),
        (Task::Sign, Backend::Portable) if matches!(signing.identity, IdentitySource::Keychain(_)) => {
            Chosen {
                backend: Backend::Apple,
                why: "the key is in a keychain, which only Apple's tools can use",
            }
        }
        _ => chosen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    fn signing(name: &str) -> Signing {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        Signing::load(name, &Workspace::at(root)).unwrap()
    }

    #[track_caller]
    fn check(asked: BackendChoice, exceptions: &[&str], name: &str, apples: &str) {
        let exceptions: Vec<Exception> = exceptions.iter().map(|it| it.parse().unwrap()).collect();
        let chosen = Backends::choose(asked, &exceptions, true, &signing(name)).unwrap();
        let found = chosen.iter().filter(|it| it.1.backend == Backend::Apple).map(|it| it.0.name());
        assert_eq!(found.collect::<Vec<_>>().join(" "), apples);
    }

    #[test]
    fn a_mac_uses_apples_tools_where_they_do_better() {
        check(BackendChoice::Auto, &[], "developer-id", "build sign package");
        check(BackendChoice::Auto, &[], "adhoc", "build sign package");
        check(BackendChoice::Auto, &[], "rehearsal", "build");
        check(BackendChoice::Apple, &[], "developer-id", "build sign staple package");
        check(BackendChoice::Apple, &[], "rehearsal", "build sign package");
        check(BackendChoice::Portable, &[], "developer-id", "");
    }

    #[test]
    fn an_exception_is_stronger_and_the_last_one_counts() {
        check(BackendChoice::Apple, &["sign=portable"], "adhoc", "build package");
        check(BackendChoice::Portable, &["sign=apple"], "developer-id", "sign");
        check(BackendChoice::Auto, &["sign=apple", "sign=portable"], "developer-id", "build package");
        check(BackendChoice::Auto, &["staple=apple"], "developer-id", "build sign staple package");
        check(BackendChoice::Auto, &["staple=apple"], "rehearsal", "build");
    }

    #[test]
    fn elsewhere_apples_tools_are_refused_by_name() {
        let choose =
            |asked, exceptions: &[Exception]| Backends::choose(asked, exceptions, false, &signing("adhoc"));
        assert!(choose(BackendChoice::Auto, &[]).is_ok());
        let error = choose(BackendChoice::Auto, &["sign=apple".parse().unwrap()]).unwrap_err().to_string();
        assert!(error.contains("to sign need a Mac"), "{error}");
    }

    #[test]
    fn notarytool_comes_with_a_keychain_profile_and_not_without() {
        let mut signing = signing("developer-id");
        let notarize = |signing: &Signing, exceptions: &[Exception], is_mac| {
            let chosen = Backends::choose(BackendChoice::Auto, exceptions, is_mac, signing);
            chosen.map(|it| it.of(Task::Notarize).backend).map_err(|it| it.to_string())
        };
        let by_apple: [Exception; 1] = ["notarize=apple".parse().unwrap()];
        assert_eq!(notarize(&signing, &[], true), Ok(Backend::Portable));
        assert!(notarize(&signing, &by_apple, true).unwrap_err().contains("needs a keychain profile"));
        signing.notary.as_mut().unwrap().keychain_profile = Some("release".to_owned());
        assert_eq!(notarize(&signing, &[], true), Ok(Backend::Apple));
        assert_eq!(notarize(&signing, &by_apple, true), Ok(Backend::Apple));
        assert_eq!(notarize(&signing, &[], false), Ok(Backend::Portable), "the service says what is missing");
    }

    #[test]
    fn an_exception_that_makes_no_sense_says_what_would() {
        let error = |text: &str| text.parse::<Exception>().unwrap_err();
        assert!(error("sign").contains("sign=portable"));
        assert!(error("merge=apple").contains("build, sign"));
        assert!(error("sign=linux").contains("`apple` or `portable`"));
    }
}
