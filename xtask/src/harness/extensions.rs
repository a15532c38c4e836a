//! What `systemextensionsctl list` says, as data.
//!
//! ```text
//! 1 extension(s)
//! --- com.apple.system_extension.driver_extension (Go to 'System Settings > …' to modify these system extension(s))
//! enabled⇥active⇥teamID⇥bundleID (version)⇥name⇥[state]
//! *⇥*⇥ABCDE12345⇥com.example.driver (1.2/12)⇥com.example.driver⇥[activated enabled]
//! ```
//! Cells are separated by tabs and leading ones may be empty. Several rows of one identifier are legal while an upgrade
//! is under way. Grammar as seen from macOS 11 to 26.

use std::fmt;

use serde::Serialize;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Extension {
    /// The first star.
    pub enabled: bool,
    /// The second star.
    pub active: bool,
    /// Ten characters; `None` for an ad-hoc signature, which prints `-`.
    pub team: Option<String>,
    /// The bundle identifier.
    pub id: String,
    /// `CFBundleShortVersionString`.
    pub version: String,
    /// `CFBundleVersion`.
    pub build: String,
    /// What the brackets say, with spaces: `activated enabled`.
    pub state: String,
}

impl Extension {
    /// Whether the system has it, runs it when needed, and waits for nobody.
    pub fn is_running_state(&self) -> bool {
        self.enabled && self.active && self.state == "activated enabled"
    }

    /// Whether a person must click.
    pub fn waits_for_user(&self) -> bool {
        self.state.contains("waiting for user")
    }

    /// Whether a restart must come first.
    pub fn waits_for_reboot(&self) -> bool {
        self.state.contains("on reboot") || self.state.contains("waiting to upgrade")
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{}) [{}]", self.id, self.version, self.build, self.state)
    }
}

/// The rows, and lines that look like rows and could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the order of the output.
    pub rows: Vec<Extension>,
    /// Lines with a state in brackets that do not fit the grammar.
    pub unread: Vec<String>,
}

/// Reads the whole output.
pub fn parse(text: &str) -> Listing {
    let mut listing = Listing::default();
    for line in text.lines() {
        if !line.contains('\t') || line.starts_with("enabled\t") {
            continue;
        }
        match row(line) {
            Some(extension) => listing.rows.push(extension),
            None => listing.unread.push(line.to_owned()),
        }
    }
    listing
}

impl Listing {
    /// The rows of exactly this identifier (one may be the prefix of another).
    pub fn of<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Extension> {
        self.rows.iter().filter(move |row| row.id == id)
    }
}

fn row(line: &str) -> Option<Extension> {
    let cells: Vec<&str> = line.split('\t').collect();
    let [enabled, active, team, named, _name, state] = cells.as_slice() else { return None };
    let star = |cell: &str| match cell.trim() {
        "*" => Some(true),
        "" => Some(false),
        _ => None,
    };
    let (id, versions) = named.trim().rsplit_once(" (")?;
    let (version, build) = versions.strip_suffix(')')?.rsplit_once('/')?;
    let state = state.trim().strip_prefix('[')?.strip_suffix(']')?;
    let team = team.trim();
    Some(Extension {
        enabled: star(enabled)?,
        active: star(active)?,
        team: (team != "-" && !team.is_empty()).then(|| team.to_owned()),
        id: id.to_owned(),
        version: version.to_owned(),
        build: build.to_owned(),
        state: state.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "1 extension(s)\n--- com.apple.system_extension.driver_extension (Go to 'System Settings > General > Login Items & Extensions > Driver Extensions' to modify these system extension(s))\nenabled\tactive\tteamID\tbundleID (version)\tname\t[state]\n";

    fn only(row: &str) -> Extension {
        let listing = parse(&format!("{HEAD}{row}\n"));
        assert_eq!(listing.unread, Vec::<String>::new());
        listing.rows.into_iter().next().unwrap()
    }

    #[test]
    fn an_enabled_driver_is_read() {
        let row =
            only("*\t*\tABCDE12345\tcom.example.driver (1.3/4)\tcom.example.driver\t[activated enabled]");
        assert!(row.is_running_state());
        assert_eq!(
            (row.team.as_deref(), row.version.as_str(), row.build.as_str()),
            (Some("ABCDE12345"), "1.3", "4")
        );
    }

    #[test]
    fn empty_leading_cells_are_kept() {
        let row = only("\t*\tABCDE12345\tcom.example.driver (1.3/4)\tx\t[activated waiting for user]");
        assert!(!row.enabled && row.active && row.waits_for_user() && !row.is_running_state());
        let row = only("\t\t-\tcom.example.driver (1.3/4)\tx\t[terminated waiting to uninstall on reboot]");
        assert!(row.team.is_none() && row.waits_for_reboot());
    }

    #[test]
    fn one_identifier_may_be_the_prefix_of_another() {
        let text = "*\t*\tT\tcom.example.driver2 (1/1)\tx\t[activated enabled]\n*\t*\tT\tcom.example.driver (1/1)\tx\t[activated enabled]\n";
        assert_eq!(parse(text).of("com.example.driver").count(), 1);
    }

    #[test]
    fn a_row_that_does_not_fit_is_kept_as_unread() {
        let listing = parse("*\t*\tT\tcom.example.driver\tx\t[activated enabled]\n");
        assert!(listing.rows.is_empty() && listing.unread.len() == 1);
        assert_eq!(parse("0 extension(s)\n"), Listing::default());
    }
}
