//! DriverKit interface generator: an `.iig` file in, its `.h` and `.iig.cpp` out.
//!
//! ```text
//!  X.iig ─▶ preprocess ─▶ lex ─▶ parse ─▶ World (all classes, types, message ids)
//!                                           │
//!                      header (X.h)  ◀── generate ──▶  implementation (X.iig.cpp)
//! ```
//!
//! An interface file is a C++ header whose classes carry attributes. From it come the declarations a driver is compiled against, and the code that
//! packs calls into `IORPC` messages and unpacks them. What is promised is the binary interface: symbol names, message ids and layouts, and the class
//! descriptions the runtime reads. The text is our own, and knows user space only: there is no `#if KERNEL` in it.
//!
//! ```
//! let nothing = |_: &iig::Inclusion| Ok(None);
//! let generated = iig::generate("Empty.iig", "struct Point;\n", &nothing, &iig::Options::default()).unwrap();
//! assert!(generated.header.starts_with("/* generated from Empty.iig */"));
//! ```
//!
//! The library reads no files: what an `#include` names is asked of the caller.

mod condition;
mod description;
mod error;
mod exchange;
mod header;
mod ids;
mod implementation;
mod lex;
mod message;
mod model;
mod parse;
mod plan;
mod preprocess;
mod travel;
mod world;
mod write;

pub use error::Error;
pub use ids::{MessageIds, OwnIds, derive_id};
pub use preprocess::Inclusion;
pub use world::{Found, Resolve};

use std::collections::BTreeMap;

/// What the caller chooses.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The framework a product belongs to: its header is then included as `<Framework/X.h>`, else as `"X.h"`.
    pub framework_name: Option<String>,
    /// The oldest DriverKit the product runs on; actions of their own class need 20.0.
    pub deployment_target: Option<Version>,
    /// Ids known before anything is read, such as the table of an SDK.
    pub ids: MessageIds,
    /// Where the ids of the classes in this file come from.
    pub own_ids: OwnIds,
    /// Macros, as given with `-D`; `__IIG` is always 1.
    pub defines: BTreeMap<String, String>,
}

/// A DriverKit version, such as 20.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The number before the dot.
    pub major: u32,
    /// The number after the dot.
    pub minor: u32,
}

impl std::str::FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) => Ok(Version { major, minor }),
            _ => Err(format!("`{text}` is not a version such as 20.4")),
        }
    }
}

/// The two files that come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Text of `X.h`.
    pub header: String,
    /// Text of `X.iig.cpp`.
    pub implementation: String,
}

/// Generates both files of one interface. `name` is the file's name as it shall appear in messages and in the output; only its last component is
/// printed into the output, so the same text gives the same bytes in every folder.
///
/// # Errors
/// The first thing that is wrong, with its file and line.
pub fn generate(name: &str, text: &str, resolve: Resolve<'_>, options: &Options) -> Result<Generated, Error> {
    let planned = plan::plan(name, text, resolve, options)?;
    Ok(Generated { header: header::write(&planned)?, implementation: implementation::write(&planned)? })
}

/// Generates the header alone: all that an SDK ships of a class, which may use what only DriverKit itself can implement.
///
/// # Errors
/// The first thing that is wrong, with its file and line.
pub fn generate_header(
    name: &str,
    text: &str,
    resolve: Resolve<'_>,
    options: &Options,
) -> Result<String, Error> {
    header::write(&plan::plan(name, text, resolve, options)?)
}
