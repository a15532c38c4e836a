//! What a run changed on the machine, written down before each change: a run that was killed leaves a list of what remains.

use std::{
    cell::RefCell,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::error::{Doing, Error, Result};

/// A change to the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "change", deny_unknown_fields)]
pub enum Change {
    /// An older copy of the app was put aside, to come back if ours cannot be copied.
    PutAside {
        /// Where it was.
        from: String,
        /// Where it is.
        to: String,
    },
    /// The app was copied, and marked as a download.
    Copied {
        /// Where to.
        to: String,
    },
    /// The app was asked to activate its driver.
    Activated {
        /// The app that was asked.
        app: String,
        /// The driver's identifier.
        id: String,
    },
}

impl Change {
    /// What it leaves behind, in words.
    pub fn remains(&self) -> String {
        match self {
            Self::PutAside { from, to } => format!("the older copy of `{from}` lies at `{to}`"),
            Self::Copied { to } => format!("`{to}` is there"),
            Self::Activated { app, id } => format!(
                "`{id}` may be activated; `{app}` must stay to remove it (`--deactivate`, or System Settings > General > \
                 Login Items & Extensions)"
            ),
        }
    }
}

/// The list as it lies in the recording's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Whether the run came to its own end; what it left is then what it was asked to leave.
    ended: bool,
    /// Oldest first.
    changes: Vec<Change>,
}

/// The list of a run.
#[derive(Debug, Default)]
pub struct Journal {
    /// `None`: nothing is written, because nothing is changed (a replay).
    file: Option<PathBuf>,
    page: RefCell<Page>,
}

/// Where the journal lies in the folder of a recording.
const NAME: &str = "journal.json";

impl Journal {
    /// The journal of a run that changes nothing, after one that was killed and left this.
    pub fn of_a_replay(already: &[Change]) -> Self {
        Self { file: None, page: RefCell::new(Page { ended: false, changes: already.to_vec() }) }
    }

    /// Begins the journal of a run. What an earlier run left must have been asked for before ([`Journal::left`]).
    pub fn begin(folder: &Path, already: &[Change]) -> Result<Self> {
        let page = Page { ended: false, changes: already.to_vec() };
        let journal = Self { file: Some(folder.join(NAME)), page: RefCell::new(page) };
        journal.write()?;
        Ok(journal)
    }

    /// What a run that did not come to its own end left; `None`: there was no such run.
    pub fn left(folder: &Path) -> Result<Option<Vec<Change>>> {
        let file = folder.join(NAME);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::tool(format!("cannot read `{}`", file.display())).because(error)),
        };
        let page: Page = serde_json::from_str(&text)
            .doing_as_asked(|| format!("`{}` is no journal of a harness run", file.display()))?;
        Ok((!page.ended).then_some(page.changes))
    }

    /// Writes down a change that is about to be made.
    pub fn about_to(&self, change: Change) -> Result {
        self.page.borrow_mut().changes.push(change);
        self.write()
    }

    /// Strikes out a change that was undone.
    pub fn undone(&self, change: &Change) -> Result {
        self.page.borrow_mut().changes.retain(|it| it != change);
        self.write()
    }

    /// Everything that was changed and not undone, oldest first.
    pub fn changes(&self) -> Vec<Change> {
        self.page.borrow().changes.clone()
    }

    /// The run came to its own end.
    pub fn end(&self) -> Result {
        self.page.borrow_mut().ended = true;
        self.write()
    }

    /// On the disk, not only on its way there: the next change may stop the kernel.
    fn write(&self) -> Result {
        let Some(file) = &self.file else { return Ok(()) };
        let doing = || format!("cannot write `{}`", file.display());
        let text = serde_json::to_string_pretty(&*self.page.borrow()).doing(doing)? + "\n";
        let beside = file.with_extension("new");
        let mut opened = File::create(&beside).doing(doing)?;
        opened.write_all(text.as_bytes()).and_then(|()| opened.sync_all()).doing(doing)?;
        fs::rename(&beside, file).doing(doing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_is_known_and_what_an_ended_one_left_was_wanted() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Journal::left(folder.path()).unwrap(), None);
        let copied = Change::Copied { to: "/Applications/X.app".to_owned() };
        let aside = Change::PutAside { from: "a".to_owned(), to: "b".to_owned() };
        let journal = Journal::begin(folder.path(), &[]).unwrap();
        journal.about_to(aside.clone()).unwrap();
        journal.about_to(copied.clone()).unwrap();
        journal.undone(&aside).unwrap();
        assert_eq!(Journal::left(folder.path()).unwrap(), Some(vec![copied]));
        journal.end().unwrap();
        assert_eq!(Journal::left(folder.path()).unwrap(), None);
        fs::write(folder.path().join(NAME), "{").unwrap();
        assert!(Journal::left(folder.path()).is_err(), "a broken journal is no empty one");
    }
}
